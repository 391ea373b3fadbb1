"""A role run with care: twice, on separate copies, with an end to every loop.

A search believes that a step depends on state and message alone and remembers it for ever. So
each hook is run twice, the second time with every dictionary and set filled the other way round,
and both must agree. The first runs of each node are under the whole contract as well.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any, NamedTuple

from paxos_lab.contract import check_effect, run_hook
from paxos_lab.node import Effect, LabError, Node, RoleError, field_names, react
from paxos_lab.plain import NotPlain, copy_of
from paxos_lab.state import fields_of
from paxos_lab.verify.frozen import MISSING, Kind, WatchedDict, entry_of, freeze, is_flat, thaw, with_entry

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
    """What a hook asks for, and what it changed.

    `changed`: (position, value) of a field that is new as a whole, or (position, key, value) of one
    entry of a dictionary, `MISSING` for one that is gone.
    """

    effects: tuple[Effect, ...]
    changed: tuple[tuple[Any, ...], ...]

    def apply(self, state: tuple[Any, ...]) -> tuple[Any, ...]:
        """The state after the hook."""
        fields = list(state)
        for i, *entry in self.changed:
            fields[i] = entry[0] if len(entry) == 1 else with_entry(fields[i], *entry)
        return tuple(fields)


Place = int | tuple[int, Any]
"""What a hook read: a field by its position, or one entry of a dictionary by position and key."""


class RoleRunner:
    """Runs the hooks of one node from any state; `names`: everybody it may send to.

    States are tuples of hashable stand-ins (`freeze`), one for each field. The runner watches which
    fields, and which entries of dictionaries, a hook reads. It cannot depend on others, so two
    states that agree on those react alike, and one run serves both.
    """

    def __init__(self, node: Node, names: Iterable[str]) -> None:
        self.fields = field_names(node)
        self._node = node
        role: Any = type(node)
        self._watched, self._shadow = (_watching(role, node.name) for _ in range(2))
        self._everybody = dict.fromkeys(names, node)
        self._runs = 0
        self._good: set[Effect] = set()
        self._solid: dict[Any, Any] = {}
        self._flat: set[Any] = set()
        self._known: dict[Any, dict[tuple[Place, ...], dict[Any, Outcome]]] = {}

    def frozen(self, node: Node) -> tuple[Any, ...]:
        """The state of a node as hashable stand-ins; raises `LabError` naming the field."""
        return tuple([self._freeze(name, value) for name, value in fields_of(node)])

    def put(self, node: Node, state: tuple[Any, ...]) -> None:
        """Give a node the fields that the stand-ins stand for; masked ones become None."""
        for name, value in zip(self.fields, state, strict=True):
            setattr(node, name, None if type(value) is Masked else self._thaw(value))

    def run(self, state: tuple[Any, ...], hook: str, arguments: tuple[Any, ...]) -> Outcome:
        """What the hook does in that state; raises `RoleError` naming hook and field."""
        known = self._known.setdefault((hook, arguments), {})
        for places, outcomes in known.items():
            found = outcomes.get(_look(state, places))
            if found is not None:
                return found
        places, outcome = self._really_run(state, hook, arguments)
        known.setdefault(places, {})[_look(state, places)] = outcome
        return outcome

    def _really_run(
        self, state: tuple[Any, ...], hook: str, arguments: tuple[Any, ...]
    ) -> tuple[tuple[Place, ...], Outcome]:
        what = f"{self._node.name}.{hook}{arguments}"
        before = hash(arguments)
        self._runs += 1
        try:
            with limited(what):
                if self._runs <= UNDER_CONTRACT and not any(type(value) is Masked for value in state):
                    self.put(self._node, state)
                    run_hook(self._node, hook, arguments, self._everybody)
                effects, log = self._attempt(self._watched, state, hook, arguments, self._thaw)
                again, other = self._attempt(self._shadow, state, hook, arguments, self._thaw_turned)
            for effect in effects:
                if effect not in self._good:
                    check_effect(effect, what, self._everybody)
                    self._good.add(effect)
        except RoleError:
            raise
        except Exception as error:  # whatever a learner's code raises is theirs to read
            raise RoleError(f"{what} raised {type(error).__name__}: {error}") from error
        changed = log.changes(self._freeze)
        same = effects == again or sorted(map(repr, effects)) == sorted(map(repr, again))
        if not same or changed != other.changes(self._freeze) or log.odd or hash(arguments) != before:
            for _ in range(5):  # chance may agree with itself once or twice
                self.put(self._node, state)
                run_hook(self._node, hook, arguments, self._everybody)  # names what is wrong
            raise RoleError(
                f"{what} depends on the order in which a dictionary or a set was filled: two states that "
                "are equal must react alike; go through it with sorted(...)"
            )
        return log.places(), Outcome(tuple(effects), changed)

    def _attempt(
        self,
        node: Any,
        state: tuple[Any, ...],
        hook: str,
        arguments: tuple[Any, ...],
        thaw: Callable[[Any], Any],
    ) -> tuple[list[Effect], Log]:
        log = Log(self.fields, state, thaw)
        inside = object.__getattribute__(node, "__dict__")
        effects: list[Effect] = []
        inside["_log"], inside["_outbox"] = log, effects
        try:
            if getattr(node, hook)(*arguments) is not None:
                self.put(self._node, state)
                react(self._node, hook, *arguments)  # says that what a hook returns reaches nobody
        finally:
            for name in list(inside):
                if name != "name":
                    del inside[name]
        return effects, log

    def _freeze(self, name: str, value: Any) -> Any:
        try:
            frozen = freeze(value)
        except NotPlain as error:
            raise LabError(
                f"{self._node.name}.{name} cannot be compared and numbered, so it cannot be explored: {error}"
            ) from error
        if frozen is not value and frozen not in self._solid:
            # Dictionaries keep the order in which they were filled first: the same in every run.
            self._solid[frozen] = copy_of(dict(value) if type(value) is WatchedDict else value)
            if is_flat(frozen):
                self._flat.add(frozen)
        return frozen

    def _thaw(self, frozen: Any) -> Any:
        if type(frozen) is tuple and frozen and type(frozen[0]) is Kind:
            known = self._solid.get(frozen)
            if known is None:
                return thaw(frozen)
            return known.copy() if frozen in self._flat else copy_of(known)
        return frozen

    def _thaw_turned(self, frozen: Any) -> Any:
        return _turned_round(self._thaw(frozen))


def _look(state: tuple[Any, ...], places: tuple[Place, ...]) -> tuple[Any, ...]:
    """What is at those places; an entry of what is no dictionary (any more) is found nowhere."""
    return tuple([state[p] if type(p) is int else entry_of(state[p[0]], p[1]) for p in places])  # type: ignore[index]


class Log:
    """The fields of a watched node while a hook runs: which it reads, which it writes."""

    def __init__(self, names: tuple[str, ...], state: tuple[Any, ...], thaw: Callable[[Any], Any]) -> None:
        self._position = {name: i for i, name in enumerate(names)}
        self._names, self._state, self._thaw = names, state, thaw
        self.values: dict[str, Any] = {}
        self.read: set[str] = set()
        self.written: set[str] = set()
        self.odd = False  # something was set that is no field

    def get(self, name: str) -> Any:
        """The value of a field; raises `ReadMasked` for a masked one."""
        if name not in self.values:
            frozen = self._state[self._position[name]]
            if type(frozen) is Masked:
                raise ReadMasked(name, frozen)
            value = self._thaw(frozen)
            if type(value) is dict:
                value = WatchedDict(value)
            else:
                self.read.add(name)
            self.values[name] = value
        return self.values[name]

    def set(self, name: str, value: Any) -> None:
        """Write a field."""
        if name not in self._position:
            self.odd = True
        elif name in self.values and self.values[name] is value:
            return  # d |= ... writes back the very same dictionary
        else:
            self._keep_reads(name)
            self.values[name] = value
            self.written.add(name)

    def all(self) -> dict[str, Any]:
        """Every field, for whoever wants the whole `__dict__`."""
        for name in self._names:
            if isinstance(value := self.get(name), WatchedDict):
                value.whole = True
        return self.values

    def _keep_reads(self, name: str) -> None:
        old = self.values.get(name)
        if isinstance(old, WatchedDict) and name not in self.written:
            # The dictionary leaves the field, and may live on in another one.
            old.whole = True
            self.read.add(name)

    def places(self) -> tuple[Place, ...]:
        """What was read before it was written."""
        places: list[Place] = []
        for i, name in enumerate(self._names):
            value = self.values.get(name)
            if name in self.read:
                places.append(i)
            elif isinstance(value, WatchedDict) and name not in self.written:
                if value.whole:
                    places.append(i)
                else:
                    places += [(i, key) for key in value.read]
        return tuple(places)

    def changes(self, freeze_field: Callable[[str, Any], Any]) -> tuple[tuple[Any, ...], ...]:
        """As `Outcome.changed`."""
        found: list[tuple[Any, ...]] = []
        for i, name in enumerate(self._names):
            if name not in self.values:
                continue
            value = self.values[name]
            if isinstance(value, WatchedDict) and name not in self.written and not value.whole:
                # What was written counts even if it is what was there: another state may differ. What was
                # read may have been changed from inside.
                touched = {**value.read, **{freeze(key): key for key in value.written}}
                for frozen, key in sorted(touched.items(), key=repr):
                    after = freeze(dict.get(value, key, MISSING))
                    if key in value.written or after != entry_of(self._state[i], frozen):
                        found.append((i, frozen, after))
            elif name in self.written or (frozen := freeze_field(name, value)) != self._state[i]:
                found.append((i, freeze_field(name, value) if name in self.written else frozen))
        return tuple(found)


@cache
def _watching_class(role: Any) -> Any:
    """A subclass whose fields live in a log while a hook runs."""
    names = frozenset(f.name for f in dataclasses.fields(role) if f.name != "name")

    class Watching(role):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            if name in names:
                return object.__getattribute__(self, "__dict__")["_log"].get(name)
            if name == "__dict__":
                inside = object.__getattribute__(self, "__dict__")
                return {"name": inside["name"], **inside["_log"].all()}
            return object.__getattribute__(self, name)

        def __setattr__(self, name: str, value: Any) -> None:
            object.__getattribute__(self, "__dict__")["_log"].set(name, value)

        def _wish(self, effect: Effect) -> None:
            object.__getattribute__(self, "__dict__")["_outbox"].append(effect)

    Watching.__name__, Watching.__qualname__ = role.__name__, role.__qualname__
    return Watching


def _watching(role: Any, name: str) -> Any:
    node = object.__new__(_watching_class(role))
    object.__getattribute__(node, "__dict__")["name"] = name
    return node


def _turned_round(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {k: _turned_round(v) for k, v in reversed(value.items())}
    if kind is set:
        turned = list(value)[::-1]
        return set(turned)
    return value


def explain(error: LabError, step: int) -> LabError:
    """The same error with the number of the step at which it came up."""
    return type(error)(f"{error} (step {step})")
