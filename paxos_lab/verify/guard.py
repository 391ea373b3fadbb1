"""A role run with care: twice, on separate copies, with an end to every loop.

A search believes that a step depends on state and message alone and remembers it for ever. So
each hook is run twice, the second time with every dictionary and set filled the other way round,
and both must agree. The first runs of each node are under the whole contract as well.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any, NamedTuple

from paxos_lab.contract import check_effect, run_hook
from paxos_lab.node import Effect, LabError, Node, RoleError, field_names, react
from paxos_lab.plain import NotPlain, copy_of
from paxos_lab.state import fields_of, twin
from paxos_lab.verify.frozen import freeze

MOST_LINES = 100_000  # of Python in one hook; ours take about ten
UNDER_CONTRACT = 50  # runs of each node that are under the whole contract


class EndlessLoop(RoleError):
    """A hook that does not come to an end; the text names it."""


@contextmanager
def limited(what: str, lines: int = MOST_LINES) -> Iterator[None]:
    """Raise `EndlessLoop` when the code inside runs more than `lines` lines of Python.

    Counts lines, not seconds, so that it is the same everywhere. Under a debugger or a coverage
    tool, which need the same hook of Python's, nothing is counted.
    """
    if sys.gettrace() is not None:
        yield
        return
    left = lines

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise EndlessLoop(
                f"{what} does not come to an end: {lines:,} lines of Python ran in one hook. "
                "A hook reacts once and returns; to wait for something, set a timer"
            )
        return count

    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(None)


class Masked:
    """Stands for the value of a field that nobody will read; `why`: whatever led to that guess."""

    def __init__(self, why: Any) -> None:
        self.why = why

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Masked)

    def __hash__(self) -> int:
        return 0


class ReadMasked(BaseException):
    """A hook read a masked field. No `Exception`, so that no role can swallow it."""

    def __init__(self, field: str, mask: Masked) -> None:
        super().__init__(field)
        self.field, self.mask = field, mask


class Outcome(NamedTuple):
    """What a hook asks for, and the fields that it changed: (position, hashable value)."""

    effects: tuple[Effect, ...]
    changed: tuple[tuple[int, Any], ...]


class RoleRunner:
    """Runs the hooks of one node from any state; `names`: everybody it may send to.

    States are tuples of hashable stand-ins (`freeze`), one for each field. The runner watches which
    fields a hook reads. A hook cannot depend on others, so two states that agree on those react
    alike, and one run serves both.
    """

    def __init__(self, node: Node, names: Iterable[str]) -> None:
        self.fields = field_names(node)
        self._node, self._shadow, self._watched = node, twin(node), twin(node)
        self._watched.__class__ = _watching(type(node))
        self._everybody = dict.fromkeys(names, node)
        self._runs = 0
        self._good: set[Effect] = set()
        self._solid: dict[Any, Any] = {}
        self._known: dict[Any, list[tuple[tuple[int, ...], dict[Any, Outcome]]]] = {}

    def frozen(self, node: Node) -> tuple[Any, ...]:
        """The state of a node as hashable stand-ins; raises `LabError` naming the field."""
        return tuple([self._freeze(name, value) for name, value in fields_of(node)])

    def put(self, node: Node, state: tuple[Any, ...]) -> None:
        """Give a node the fields that the stand-ins stand for; masked ones become None."""
        for name, value in zip(self.fields, state, strict=True):
            setattr(node, name, copy_of(self._solid.get(value, value)) if type(value) is not Masked else None)

    def run(self, state: tuple[Any, ...], hook: str, arguments: tuple[Any, ...]) -> Outcome:
        """What the hook does in that state; raises `RoleError` naming hook and field."""
        known = self._known.setdefault((hook, arguments), [])
        for read, outcomes in known:
            found = outcomes.get(tuple([state[i] for i in read]))
            if found is not None:
                return found
        read, outcome = self._really_run(state, hook, arguments)
        outcomes = next((o for r, o in known if r == read), None)  # type: ignore[arg-type]
        if outcomes is None:
            known.append((read, outcomes := {}))
        outcomes[tuple([state[i] for i in read])] = outcome
        return outcome

    def _really_run(
        self, state: tuple[Any, ...], hook: str, arguments: tuple[Any, ...]
    ) -> tuple[tuple[int, ...], Outcome]:
        what = f"{self._node.name}.{hook}{arguments}"
        watched, shadow = self._watched, self._shadow
        self.put(watched, state)
        for name, value in fields_of(watched):
            setattr(shadow, name, _turned_round(value))
        masked = {n: v for n, v in zip(self.fields, state, strict=True) if type(v) is Masked}
        before = hash(arguments)
        self._runs += 1
        try:
            if self._runs <= UNDER_CONTRACT and not masked:
                self.put(self._node, state)
                with limited(what):
                    run_hook(self._node, hook, arguments, self._everybody)
            with limited(what):
                effects = watched.__dict__["_outbox"] = []
                log = watched.__dict__["_log"] = Log(masked)
                getattr(watched, hook)(*arguments)
                again = react(shadow, hook, *arguments)
            for effect in effects:
                if effect not in self._good:
                    check_effect(effect, what, self._everybody)
                    self._good.add(effect)
        except RoleError:
            raise
        except Exception as error:  # whatever a learner's code raises is theirs to read
            raise RoleError(f"{what} raised {type(error).__name__}: {error}") from error
        finally:
            for extra in ("_log", "_outbox"):
                object.__getattribute__(watched, "__dict__").pop(extra, None)
        after = dict(fields_of(watched))
        touched = [i for i, name in enumerate(self.fields) if name in log.read or name in log.written]
        # What was written counts even if it is what was there: another state may hold something else.
        changed = tuple(
            (i, value)
            for i in touched
            if (value := self._freeze(name := self.fields[i], after[name])) != state[i] or name in log.written
        )
        same = effects == again or sorted(map(repr, effects)) == sorted(map(repr, again))
        same = same and all(
            self._freeze(n, getattr(shadow, n)) == self._freeze(n, after[n])
            for i in touched
            if (n := self.fields[i])
        )
        extra = watched.__dict__.keys() - {"name", *self.fields}
        if not same or extra or watched.name != self._node.name or hash(arguments) != before:
            self.put(self._node, state)
            run_hook(self._node, hook, arguments, self._everybody)  # names what is wrong
            raise RoleError(
                f"{what} depends on the order in which a dictionary or a set was filled: two states that "
                "are equal must react alike; go through it with sorted(...)"
            )
        read = tuple(i for i, name in enumerate(self.fields) if name in log.read)
        return read, Outcome(tuple(effects), changed)

    def _freeze(self, name: str, value: Any) -> Any:
        try:
            frozen = freeze(value)
        except NotPlain as error:
            raise LabError(
                f"{self._node.name}.{name} cannot be compared and numbered, so it cannot be explored: {error}"
            ) from error
        if frozen is not value and frozen not in self._solid:
            # Dictionaries keep the order in which they were filled first: the same in every run.
            self._solid[frozen] = copy_of(value)
        return frozen


class Log:
    """The fields that a hook has read before it wrote them, and those that it has written."""

    def __init__(self, masked: dict[str, Masked]) -> None:
        self.masked = masked
        self.read: set[str] = set()
        self.written: set[str] = set()

    def reads(self, names: Iterable[str]) -> None:
        """Note it; raises `ReadMasked` for a field that is masked."""
        for name in names:
            if name not in self.written:
                if name in self.masked:
                    raise ReadMasked(name, self.masked[name])
                self.read.add(name)


@cache
def _watching(role: Any) -> Any:
    """A subclass whose nodes note in their log, if they have one, what is read and written."""
    names = frozenset(f.name for f in dataclasses.fields(role) if f.name != "name")

    class Watching(role):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            if name in names or name == "__dict__":
                log = object.__getattribute__(self, "__dict__").get("_log")
                if log is not None:
                    # Who takes the whole dictionary may read anything in it.
                    log.reads(names if name == "__dict__" else (name,))
            return object.__getattribute__(self, name)

        def _wish(self, effect: Effect) -> None:
            object.__getattribute__(self, "__dict__")["_outbox"].append(effect)

        def __setattr__(self, name: str, value: Any) -> None:
            log = object.__getattribute__(self, "__dict__").get("_log")
            if log is not None:
                log.written.add(name)
            object.__setattr__(self, name, value)

    Watching.__name__, Watching.__qualname__ = role.__name__, role.__qualname__
    return Watching


def _turned_round(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {k: _turned_round(v) for k, v in reversed(value.items())}
    if kind is set:
        turned = list(value)[::-1]
        return set(turned)
    return copy_of(value)


def explain(error: LabError, step: int) -> LabError:
    """The same error with the number of the step at which it came up."""
    return type(error)(f"{error} (step {step})")
