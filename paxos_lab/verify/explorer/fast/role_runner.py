"""A role run with care: twice, on separate copies, with an end to every loop.

A search believes that a step depends on state and message alone and remembers it for ever. So
each hook is run twice, the second time with every dictionary and set filled the other way round,
and both must agree. The first runs of each node are under the whole contract as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from paxos_lab.node import Effect, LabError, Node, RoleError, Send, field_names
from paxos_lab.verify.explorer.fast.hashable import (
    Kind,
    WatchedDict,
    entry_of,
    freeze,
    is_flat,
    mark_of,
    thaw,
    with_entry,
)
from paxos_lab.verify.explorer.fast.read_log import Log, Masked, Place, watching
from paxos_lab.world import overtime
from paxos_lab.world.copying import fields_of
from paxos_lab.world.data import NotPlain, copy_of
from paxos_lab.world.line_limit import limited
from paxos_lab.world.rehearsal import run_hook
from paxos_lab.world.role_contract import check_effect

UNDER_CONTRACT = 50  # runs of each node that are under the whole contract


class Outcome(NamedTuple):
    """What a hook asks for, and what it changed.

    `changed`: (position, value) of a field that is new as a whole, or (position, key, value) of one
    entry of a dictionary, `MISSING` for one that is gone. `marks`: of each message that is sent
    (`mark_of`), None for a timer.
    """

    effects: tuple[Effect, ...]
    changed: tuple[tuple[Any, ...], ...]
    marks: tuple[Any, ...]

    def apply(self, state: tuple[Any, ...]) -> tuple[Any, ...]:
        """The state after the hook."""
        fields = list(state)
        for i, *entry in self.changed:
            if len(entry) == 1:
                fields[i] = entry[0]
            elif type(fields[i]) is not Masked:  # an entry more of what nobody reads stays unread
                fields[i] = with_entry(fields[i], *entry)
        return tuple(fields)


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
        self._watched, self._shadow = (watching(role, node.name) for _ in range(2))
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

    def run(self, state: tuple[Any, ...], hook: str, arguments: tuple[Any, ...], mark: Any) -> Outcome:
        """What the hook does in that state; raises `RoleError` naming hook and field.

        `mark`: tells the arguments from others that Python calls equal.
        """
        known = self._known.setdefault((hook, arguments, mark), {})
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
        log.check(what)
        changed = log.changes(self._freeze)
        same = effects == again or sorted(map(repr, effects)) == sorted(map(repr, again))
        if not same or changed != other.changes(self._freeze) or log.odd or hash(arguments) != before:
            for _ in range(5):  # chance may agree with itself once or twice
                self.put(self._node, state)
                with limited(what):
                    run_hook(self._node, hook, arguments, self._everybody)  # names what is wrong
            raise RoleError(
                f"{what} depends on the order in which a dictionary or a set was filled: two states that "
                "are equal must react alike; go through it with sorted(...)"
            )
        marks = tuple([mark_of(effect.message) if type(effect) is Send else None for effect in effects])
        return log.places(), Outcome(tuple(effects), changed, marks)

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
            if overtime.watched(node, hook, arguments, _called) is not None:
                self.put(self._node, state)
                overtime.watched(self._node, hook, arguments)  # says that what a hook returns reaches nobody
        finally:
            past = inside.keys() - {"name", "_log", "_outbox"}
            for name in list(inside):
                if name != "name":
                    del inside[name]
        if past:
            raise RoleError(
                f"{node.name}.{hook} wrote self.{min(past)} by object.__setattr__: write self.field = value instead"
            )
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
            try:
                self._solid[frozen] = copy_of(dict(value) if type(value) is WatchedDict else value)
            except NotPlain:  # a watched dictionary somewhere inside
                self._solid[frozen] = thaw(frozen)
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


def _called(node: Node, hook: str, *arguments: Any) -> Any:
    return getattr(node, hook)(*arguments)


def _look(state: tuple[Any, ...], places: tuple[Place, ...]) -> tuple[Any, ...]:
    """What is at those places; an entry of what is not a dictionary (any more) is found nowhere."""
    return tuple([state[p] if type(p) is int else entry_of(state[p[0]], p[1]) for p in places])  # type: ignore[index]


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
