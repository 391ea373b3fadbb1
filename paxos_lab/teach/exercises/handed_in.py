"""Running what a learner wrote: every mistake becomes a sentence, and everything comes to an end.

A check never trusts what it is handed. It may be a class, an instance of one, the `...` of the
exercise; it may raise, loop, or swallow every exception. What comes back is a value or a `NotYet`.
"""

from __future__ import annotations

import ast
import ctypes
import dataclasses
import inspect
import textwrap
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType
from typing import Any

from paxos_lab.node import Node, RoleError
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.words.text import short
from paxos_lab.world.line_limit import EndlessLoop, limited
from paxos_lab.world.role_contract import check_class

PATIENCE = 30.0  # seconds for one check as a whole; ours take one or two
CALL_PATIENCE = 3.0  # seconds for one call of a learner's function, which should take no time at all
CALL_LINES = 50_000  # of Python in one call of a learner's function

MOST_SHOTS = 50

_OURS = str(Path(__file__).parents[2])


class _Inside:
    """When the learner's function that runs now was entered; None between two of them."""

    since: float | None = None


_inside = _Inside()


@contextmanager
def _entered() -> Iterator[None]:
    outer = _inside.since
    _inside.since = outer or time.monotonic()
    try:
        yield
    finally:
        _inside.since = outer


class TooLong(BaseException):
    """The time for a check is over. No Exception, so that `except Exception` does not swallow it."""


@contextmanager
def ends(seconds: float = PATIENCE, in_one_call: float = CALL_PATIENCE) -> Iterator[None]:
    """Raise `TooLong` in the code inside when it runs longer, wherever in Python it is.

    `in_one_call`: how long a single call of a learner's function may take. A call that never comes
    back from C, as `sum(range(10**12))`, cannot be stopped from here.
    """
    this = ctypes.c_ulong(threading.get_ident())
    over, lock = threading.Event(), threading.Lock()

    def watch() -> None:
        end, shots = time.monotonic() + seconds, 0
        while shots < MOST_SHOTS and not over.wait(0.2):
            now, entered = time.monotonic(), _inside.since
            if now < end and (entered is None or now < entered + in_one_call):
                continue
            with lock:
                if not over.is_set():  # more than one shot: a bare `except:` may swallow the first
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(this, ctypes.py_object(TooLong))
                    shots += 1

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        while not over.is_set():
            try:
                with lock:
                    over.set()
            except TooLong:  # shot in the very moment when the code came to its end
                continue
        thread.join()


# ---- is it written?


def stubs(thing: Any) -> list[str]:
    """Where a `...` of the exercise still stands in a function or class, as "line 3 of f"."""
    if thing is Ellipsis or (isinstance(thing, list | tuple | set) and Ellipsis in thing):
        return ["what you hand over"]
    if isinstance(thing, dict):
        return [f"the entry {short(repr(key), 60)}" for key, value in thing.items() if value is Ellipsis]
    found = []
    for function in _functions(thing):
        try:
            lines, first = inspect.getsourcelines(function)
            tree = ast.parse(textwrap.dedent("".join(lines)))
        except (OSError, TypeError, SyntaxError):  # typed where nobody kept the text
            if _does_nothing(function):
                found.append(f"the body of {function.__name__}")
            continue
        found += [
            f"line {first + node.lineno - 1} of the cell, in {function.__name__}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr | ast.Assign | ast.Return | ast.Match | ast.If)
            and any(isinstance(part, ast.Constant) and part.value is Ellipsis for part in _own_parts(node))
        ]
    return found


def _own_parts(node: ast.AST) -> list[ast.AST]:
    """The expressions that belong to a statement itself, not to the statements inside it."""
    heads = [getattr(node, name, None) for name in ("value", "test", "subject")]
    return [part for head in heads if head is not None for part in ast.walk(head)]


def _functions(thing: Any) -> list[FunctionType]:
    if inspect.isfunction(thing):
        return [thing]
    if not inspect.isclass(thing):
        return []
    inside = (getattr(value, "__func__", value) for value in vars(thing).values())
    # What @dataclass writes has no text of its own.
    return [f for f in inside if inspect.isfunction(f) and not f.__code__.co_filename.startswith("<string>")]


def _does_nothing(function: FunctionType) -> bool:
    def empty() -> None: ...

    return function.__code__.co_code == empty.__code__.co_code


# ---- what was handed in?


def a_function(thing: Any, name: str) -> Callable[..., Any]:
    """`thing` as a function that ends; raises `NotYet` if it is none."""
    if thing is Ellipsis or thing is None:
        raise NotYet(f"{name} is not written yet: it is {thing!r}.")
    if inspect.isclass(thing) or not callable(thing):
        raise NotYet(
            f"I expected the function {name} and got {_what(thing)}.",
            f"Hand over the name without brackets: check(..., {name}), not check(..., {name}(...)).",
        )
    return thing  # type: ignore[no-any-return]


def a_role(
    thing: Any,
    name: str,
    *build: Any,
    methods: tuple[str, ...] = ("receive",),
    fields: tuple[str, ...] = (),
) -> type[Any]:
    """`thing` as a role class that can be built from `build`; raises `NotYet` if it is none.

    `methods` that it must have of its own, `fields` that its nodes must have.
    """
    if isinstance(thing, Node):
        raise NotYet(
            f"I expected the class {name} and got a node made from it.",
            f"Hand over the class itself: check(..., {name}), without brackets.",
        )
    if not inspect.isclass(thing) or not issubclass(thing, Node):
        raise NotYet(
            f"I expected the class {name}, derived from Node, and got {_what(thing)}.",
            f"It begins with @dataclass and `class {name}(Node):`.",
        )
    for method in methods:
        if not callable(getattr(thing, method, None)) or getattr(thing, method) is getattr(
            Node, method, None
        ):
            raise NotYet(
                f"{name} has no method {method} of its own.", f"Add `def {method}(self, ...):` to the class."
            )
    node = call(thing, *build, called=f"{name}({', '.join(map(repr, build))})")
    try:
        check_class(node)
    except RoleError as error:
        raise NotYet(f"{name} is no role yet: {error}.") from error
    for field in fields:
        if not hasattr(node, field):
            raise NotYet(
                f"{name} has no field {field}.",
                f"Declare it in the class, as the exercise shows: `{field}: ...`.",
            )
    return thing


def a_machine(thing: Any, name: str, *methods: str) -> type[Any]:
    """`thing` as a class with these methods; raises `NotYet` if it is none."""
    if not inspect.isclass(thing):
        raise NotYet(f"I expected the class {name} and got {_what(thing)}.", "Hand over the class itself.")
    for method in methods:
        if not callable(getattr(thing, method, None)):
            raise NotYet(f"{name} has no method {method}.", f"Add `def {method}(self, ...):` to the class.")
    return thing


def fields_kept(node: Node) -> list[str]:
    """The names of the fields that survive a crash."""
    return [f.name for f in dataclasses.fields(node) if f.metadata.get("stable")]


# ---- running it


def call(function: Callable[..., Any], *arguments: Any, called: str = "", lines: int = CALL_LINES) -> Any:
    """The result of a learner's function; its exception or endless loop becomes a `NotYet`.

    `lines`: of Python that may run, those of the lab's own that it calls not counted.
    """
    called = (
        called or f"{getattr(function, '__name__', 'it')}({', '.join(short(repr(a), 60) for a in arguments)})"
    )
    try:
        with _entered(), limited(called, lines):
            return function(*arguments)
    except EndlessLoop as error:
        raise NotYet(
            f"{called} does not come to an end.",
            f"I stopped it after {lines:,} lines. Look for a `while` whose condition stays true.",
        ) from error
    except NotYet:
        raise
    except Exception as error:  # whatever a learner's code raises is theirs to read
        raise NotYet(f"{called} raised {_said(error)}.", *where(error)) from error


@contextmanager
def in_a_world(what: str) -> Iterator[None]:
    """Turn the errors of a learner's role inside a bus or a search into a `NotYet`."""
    try:
        yield
    except EndlessLoop as error:
        raise NotYet(f"{what}: one of your methods does not come to an end.", str(error)) from error
    except RoleError as error:
        cause = error.__cause__
        if cause is None:
            raise NotYet(f"{what}: {error}.") from error
        if isinstance(cause, NotImplementedError):
            raise NotYet(f"{what}: a part is not written yet.", *where(cause)) from error
        raise NotYet(f"{what}, it raised {_said(cause)}.", *where(cause)) from error
    except NotYet:
        raise
    except NotImplementedError as error:
        raise NotYet(f"{what}: a part is not written yet.", *where(error)) from error
    except Exception as error:  # a hook of theirs on a bus that does not wrap it
        lines = where(error)
        if not lines:
            raise  # not theirs: a mistake of the lab itself must stay visible
        raise NotYet(f"{what}: your code raised {_said(error)}.", *lines) from error


def where(error: BaseException) -> tuple[str, ...]:
    """The line of the learner's own code in which an exception came up, as a sentence."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((_OURS, "<string>")) and "/lib/python" not in frame.filename.replace(
            "\\", "/"
        ):
            line = f": `{short(frame.line, 120)}`" if frame.line else ""
            return (f"It came up in line {frame.lineno} of the cell, in {frame.name}{line}.",)
    return ()


HOOKS = ("start", "receive", "timeout", "recover")


def guarded(role: type[Any], methods: tuple[str, ...] = HOOKS) -> type[Any]:
    """The same class, whose `methods` come to an end wherever they run; left out, the hooks of a role."""

    def wrap(hook: str) -> Callable[..., Any]:
        original = getattr(role, hook)

        def run(self: Any, *arguments: Any) -> Any:
            with _entered(), limited(f"{getattr(self, 'name', role.__name__)}.{hook}{arguments}"):
                return original(self, *arguments)

        return run

    own = [m for m in methods if getattr(role, m) is not getattr(Node, m, None)]
    body: dict[str, Any] = {method: wrap(method) for method in own}
    body["__module__"], body["__qualname__"] = role.__module__, role.__qualname__
    return type(role.__name__, (role,), body)


def _what(thing: Any) -> str:
    return f"{short(repr(thing), 80)} ({type(thing).__name__})"


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {short(str(error), 300)}"
