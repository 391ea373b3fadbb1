"""Running what a learner wrote: every mistake becomes a sentence, and everything comes to an end.

A check never trusts what it is handed. It may be a class, an instance of one, the `...` of the
exercise; it may raise, loop, or swallow every exception. What comes back is a value or a `NotYet`.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from paxos_lab.node import Node, RoleError
from paxos_lab.teach.exercises.answer import NotYet, Unfinished
from paxos_lab.teach.exercises.in_words import said_by, same, shown, where
from paxos_lab.teach.exercises.patience import TooLong, entered, spend_a_hook
from paxos_lab.world.line_limit import EndlessLoop, limited
from paxos_lab.world.role_contract import check_class

CALL_LINES = 50_000  # of Python in one call of a learner's function


# ---- is it written?


def stubs(thing: Any) -> list[str]:
    """Where a `...` of the exercise still stands in a function or class, as "line 3 of f"."""
    if _holds_dots(thing):
        return ["what you hand over"]
    if isinstance(thing, dict):
        return [f"the entry {shown(key, 60)}" for key, value in thing.items() if _holds_dots(value)]
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


def _holds_dots(thing: Any) -> bool:
    return thing is ... or (isinstance(thing, list | tuple | set) and any(one is ... for one in thing))


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
    node = call(thing, *build, called=f"{name}({', '.join(map(shown, build))})")
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
    called = called or f"{getattr(function, '__name__', 'it')}({', '.join(shown(a, 60) for a in arguments)})"
    try:
        with entered(), limited(called, lines):
            return function(*arguments)
    except EndlessLoop as error:
        raise NotYet(
            f"{called} does not come to an end.",
            f"I stopped it after {lines:,} lines. Look for a `while` whose condition stays true.",
        ) from error
    except (NotYet, TooLong, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever a learner's code raises is theirs to read; SystemExit as well
        raise NotYet(f"{called} raised {said_by(error)}.", *where(error)) from error


def call_apart(function: Callable[..., Any], **arguments: Any) -> Any:
    """As `call`, by position, for a function that must leave its arguments as they are."""
    before = copy.deepcopy(arguments)
    got = call(function, *arguments.values())
    for name, value in arguments.items():
        if not same(value, before[name]):
            raise NotYet(
                f"It changes its argument {name}: {shown(before[name], 200)} became {shown(value, 200)}.",
                "Others read it too: copy it first.",
            )
    return got


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
        raise NotYet(f"{what}, it raised {said_by(cause)}.", *where(cause)) from error
    except (NotYet, Unfinished, TooLong, KeyboardInterrupt):
        raise
    except NotImplementedError as error:
        raise NotYet(f"{what}: a part is not written yet.", *where(error)) from error
    except BaseException as error:  # a hook of theirs on a bus that does not wrap it; SystemExit as well
        lines = where(error)
        if not lines and not isinstance(error, SystemExit | RecursionError):
            raise  # not theirs: a mistake of the lab itself must stay visible
        raise NotYet(f"{what}: your code raised {said_by(error)}.", *lines) from error


HOOKS = ("start", "receive", "timeout", "recover")


def guarded(role: type[Any], methods: tuple[str, ...] = HOOKS) -> type[Any]:
    """The same class, whose `methods` come to an end wherever they run; left out, the hooks of a role."""

    def wrap(hook: str) -> Callable[..., Any]:
        original = getattr(role, hook)

        def run(self: Any, *arguments: Any) -> Any:
            spend_a_hook()
            with entered(), limited(f"{getattr(self, 'name', role.__name__)}.{hook}"):
                return original(self, *arguments)

        return run

    own = [m for m in methods if getattr(role, m) is not getattr(Node, m, None)]
    body: dict[str, Any] = {method: wrap(method) for method in own}
    body["__module__"], body["__qualname__"] = role.__module__, role.__qualname__
    return type(role.__name__, (role,), body)


def _what(thing: Any) -> str:
    return f"{shown(thing)} ({type(thing).__name__})"
