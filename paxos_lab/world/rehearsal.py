"""Every hook runs twice: a rehearsal on the node's twin, then on the node. Both must do the same.

A role must be a deterministic function of its state and the message; it may change nothing but
its own fields. Otherwise no replay and no search could be believed. Copying every node before
every hook would find each breach; what follows finds the same ones, and looks only at what a hook can
have touched.

*Two runs.* Each node has a twin: an object of the same class that got the same messages. A hook
runs on the twin first, then on the node. Both began in the same state, so the wishes and the
fields must be the same in the end. Afterwards the twin takes over each changed field from the node as
a copy of its own: so chance of an earlier step, or two fields that are one list, cannot hide
in both alike. What a role leaves outside of its fields (in a global variable, say) belongs to one of
the two only; if it is changed there, they part, and the next hook shows it.

*Unchanged fields.* `Memory` knows each field as it was. A field that still holds the same object,
which cannot change (a number, a text, a frozen dataclass), is unchanged. A container could have
changed inside, so it is compared with a copy whose entries are the very same objects: that takes 4 to
20 ns for each, whatever they hold. Only a dictionary in a field of more than 32 entries that cannot change is not
gone through: it notes each write itself (`JournaledDict`), whoever makes it and by whatever
name. As soon as an entry that can change comes into it, it is an ordinary dictionary again, compared
in full. One way leads around the notes: to call `dict.__setitem__`, or another method of `dict`,
on such a dictionary by that name. So every `AUDIT` hooks, and whenever a run ends, it is
compared in full as well.

*Other nodes.* A hook must not change them. They are looked at in the same way, fields and containers,
after each hook. Only in a run in which nothing but the bus chooses the events (`alone`) that can
wait: a node is then looked at when its own turn comes, and all of them when the run ends. If one is not
as it was left, somebody has meddled, so the bus goes back to where the run began, and makes the same run
again, in which everybody is looked at, in full, after each hook. That names the step. (One hook that
meddles and another that puts it back before the turn of that node are not seen in such a run.)

*By hand.* What somebody changes between two steps (in a cell, in a schedule) is not a breach. It is
noted before the next hook, unless the run is one in which nobody can.

*The message and the class.* Frozen dataclasses can be forced. So each part of the message must be
the same object as before, and each list, set or dictionary in the class must be equal to what it was.

What a hook does besides (write a file, append to a list of the notebook) happens twice, and
nobody can take it back. Only what it prints is kept from appearing twice: `sys.stdout` is shut during
the rehearsal. What goes past that (a logger, `sys.stderr`, a file) appears twice.
"""

from __future__ import annotations

import copy
import io
import sys
from collections.abc import Callable, Collection, Mapping
from operator import is_
from typing import Any, NamedTuple, NoReturn, cast

from paxos_lab.node import Effect, Node, RoleError, field_names
from paxos_lab.world import overtime
from paxos_lab.world.copying import fields_of, state_of, twin
from paxos_lab.world.data import ATOMS, alike, parts_reader, said, shown
from paxos_lab.world.line_limit import EndlessLoop
from paxos_lab.world.memory import Memory
from paxos_lab.world.role_contract import changeable_parts, check_attributes, check_effect, undeclared

AUDIT = 256


class Call(NamedTuple):
    """What runs, for a message to the reader: "a1.receive('p1', Prepare(...))"."""

    name: str
    hook: str
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.name}.{self.hook}({', '.join(map(shown, self.arguments))})"


class _Nowhere(io.TextIOBase):
    """Where the rehearsal prints."""

    def write(self, text: str) -> int:
        return len(text)


_NOWHERE = _Nowhere()


class Disturbed(RoleError):
    """Somebody changed a node outside of its own hooks, in one of the last steps."""


class Rehearsals:
    """Runs the hooks of nodes under the contract.

    `memories`: everybody by name; a hook must leave the others alone. `names`: whom it can send to.
    `thorough`: compare everything in full after each hook, whatever it costs.
    """

    def __init__(
        self, memories: Mapping[str, Memory], names: Collection[str], thorough: bool = False
    ) -> None:
        self._memories = memories
        self._names = names
        self._thorough = thorough
        self._since_audit = 0

    def run(self, name: str, hook: str, arguments: tuple[Any, ...], alone: bool = False) -> list[Effect]:
        """Run a hook; if it breaks the contract, restore everything and raise `RoleError`.

        `alone`: nothing but hooks of these nodes ran since the last one, and `audit` will follow.
        The memory of the node is up to date afterwards.
        """
        memory = self._memories[name]
        node = memory.node
        if not alone:
            self.catch_up()
        elif not memory.is_current() and memory.first_change() is not None:
            raise Disturbed(
                f"{name} was changed between its own steps: a node may only change its own fields"
            )
        mirror = memory.twin or memory.with_twin(twin(node))
        parts: list[_Part] = []
        for argument in arguments:
            if type(argument) not in ATOMS:
                _collect(argument, parts)
        shared = []
        if memory.class_containers:
            shared = [(kind, field, copy.copy(vars(kind)[field])) for kind, field in memory.class_containers]
        call = tuple.__new__(Call, (name, hook, arguments))  # faster than by its own constructor
        try:
            rehearsal = _rehearse(mirror.node, hook, arguments)
            try:
                effects: list[Effect] = overtime.watched(node, hook, arguments)
            except RoleError:
                raise
            except Exception as error:  # whatever a learner's code raises is theirs to read
                raise RoleError(f"{call} raised {type(error).__name__}: {said(error)}") from error
            if not isinstance(rehearsal, list):
                _tell_of_rehearsal(rehearsal, call)
            for effect in effects:
                check_effect(effect, call, self._names)
            for part, read, was in parts:
                if not all(map(is_, read(part), was)):
                    raise RoleError(f"{call} changed the message it was given: messages are never changed")
            for kind, field, was in shared:
                _check_shared(kind, field, was, call)
            if not alone:
                self._check_others(memory, call)
            if not node.__dict__.keys() <= memory.attributes or node.name != name:
                check_attributes(node, call, name)
            self._compare(memory, mirror, effects, rehearsal, call)
            self._since_audit += 1
            if self._since_audit >= AUDIT or self._thorough:
                self.audit()
        except BaseException as error:  # an interrupt by the reader, too, must not leave half a step
            meddled = alone and not self._others_are_current(memory)
            self._undo(memory, name, parts, shared)
            if meddled and isinstance(error, Exception):
                raise Disturbed(f"{call}, or a hook before it, changed another node") from error
            if isinstance(error, Exception) and not isinstance(error, RoleError):
                what = f"comparing fields or messages raised {type(error).__name__}: {said(error)}"
                raise RoleError(f"{call}: {what}") from error
            raise
        return effects

    def catch_up(self) -> None:
        """Note what was changed by hand."""
        for memory in self._memories.values():
            memory.catch_up()

    def audit(self) -> None:
        """Compare in full what notes its own writes; raise `RoleError` if somebody went round that."""
        since, self._since_audit = self._since_audit, 0
        for name, memory in self._memories.items():
            field = memory.bypassed()
            if field is not None:
                memory.restore()
                where = "the last hook" if since <= 1 else f"one of the last {since} hooks"
                raise Disturbed(
                    f"{name}.{field} was changed, in {where}, by dict.__setitem__ or another method of dict "
                    f"called by that name: write self.{field}[key] = value"
                )

    def settle(self) -> None:
        """The end of a run alone: look at everybody; raise `Disturbed` if a node is not as it was left."""
        for name, memory in self._memories.items():
            if not memory.is_current() and memory.first_change() is not None:
                raise Disturbed(
                    f"{name} was changed between its own steps: a node may only change its own fields"
                )
        self.audit()

    def _check_others(self, memory: Memory, call: Call) -> None:
        for other in self._memories.values():
            if other is memory or other.is_current():
                continue
            try:
                field = other.first_change()
            except RoleError as error:
                raise RoleError(f"{call}: {error}") from error
            if field is not None:
                raise RoleError(
                    f"{call} changed {other.node.name}.{field}: a node may only change its own fields; "
                    "to reach another one, send it a message"
                )

    def _others_are_current(self, memory: Memory) -> bool:
        return all(self._is_as_known(other) for other in self._memories.values() if other is not memory)

    def _compare(
        self, memory: Memory, mirror: Memory, effects: list[Effect], rehearsal: list[Effect], call: Call
    ) -> None:
        """Both runs must have done the same; then the memories are brought up to date."""
        try:
            if effects == rehearsal and memory.note_atoms(mirror):
                return
            touched = memory.touched(mirror)
            changed = memory.look(touched)
        except RoleError as error:
            raise RoleError(f"{call}: {error}") from error
        different = memory.difference(touched, mirror)
        if different is not None:
            field, mine, other = different
            raise RoleError(
                f"{call} is not deterministic: run twice on the same state and message it left "
                f"{field} = {shown(other)} and {field} = {shown(mine)}. A role may not read chance, "
                f"the clock, or anything but its own fields{_one_in_two(memory.node, field)}"
            )
        for i in changed:
            if i in memory.settings:
                name = field_names(memory.node)[i]
                raise RoleError(
                    f"{call} changed {name} to {shown(changed[i])}, but {name} is a setting, and a setting never "
                    "changes: declare it with stable(...) or volatile(...), or leave it as it is"
                )
        if (effects or rehearsal) and effects != rehearsal and not alike(effects, rehearsal):
            raise RoleError(
                f"{call} is not deterministic: run twice on the same state and message it asked for "
                f"{shown(rehearsal)} and for {shown(effects)}"
            )
        if touched:
            memory.commit(touched, changed)
            memory.lead(touched, mirror)

    def _undo(
        self, memory: Memory, name: str, parts: list[_Part], shared: list[tuple[Any, str, Any]]
    ) -> None:
        node = memory.node
        for extra in undeclared(node):
            delattr(node, extra)
        node.name = name
        for other in self._memories.values():
            if other is memory or not self._is_as_known(other):
                other.restore()
        for part, _, was in parts:
            for field, content in zip(part.__dataclass_fields__, was, strict=True):
                object.__setattr__(part, field, content)
        for kind, field, content in shared:
            setattr(kind, field, content)

    @staticmethod
    def _is_as_known(memory: Memory) -> bool:
        try:
            return memory.is_current()
        except Exception:  # it cannot be compared
            return False


def _one_in_two(node: Node, field: str) -> str:
    """A clause for an error: that the field and another one hold the same object."""
    parts = {id(part) for part in changeable_parts(getattr(node, field))}
    for name, value in fields_of(node):
        if name != field and any(id(part) in parts for part in changeable_parts(value)):
            return f". Besides, {field} and {name} hold one and the same object: give each its own"
    return ""


def run_hook(node: Node, hook: str, arguments: tuple[Any, ...], names: Collection[str]) -> list[Effect]:
    """Run one hook of one node under the contract; `names`: everybody it can send to."""
    alone = {node.name: Memory(node, list(state_of(node)))}
    return Rehearsals(alone, names).run(node.name, hook, arguments)


def _rehearse(node: Node, hook: str, arguments: tuple[Any, ...]) -> list[Effect] | Exception:
    out = sys.stdout
    sys.stdout = _NOWHERE
    try:
        return cast(list[Effect], overtime.watched(node, hook, arguments))
    except EndlessLoop:  # once is enough, and before Python 3.12 lines are not counted any more after it
        raise
    except Exception as error:  # told after the node has run, which may print something first
        return error
    finally:
        sys.stdout = out


def _tell_of_rehearsal(error: Exception, call: Call) -> NoReturn:
    """The rehearsal raised that, and the node's own hook raised nothing."""
    if isinstance(error, RoleError):
        raise error
    raise RoleError(
        f"{call} is not deterministic: run twice on the same state and message, it raised "
        f"{type(error).__name__}: {said(error)} once, and once it did not"
    ) from error


# ---- the message


_Part = tuple[Any, Callable[[Any], tuple[Any, ...]], tuple[Any, ...]]
"""A dataclass in a message, what reads its fields, and what they were."""


def _collect(value: Any, parts: list[_Part]) -> None:
    """Add all dataclasses in `value` to `parts`."""
    if isinstance(value, tuple | frozenset):
        for item in value:
            if type(item) not in ATOMS:
                _collect(item, parts)
    else:
        kind: Any = type(value)
        read = parts_reader(kind)
        if read is not None:
            content = read(value)
            parts.append((value, read, content))
            for item in content:
                if type(item) not in ATOMS:
                    _collect(item, parts)


# ---- the class


def _check_shared(kind: Any, field: str, was: Any, call: Call) -> None:
    if vars(kind)[field] != was:
        raise RoleError(
            f"{call} changed {kind.__name__}.{field}, which all nodes of the class share: make it "
            f"a field of the node, as {field}: {type(was).__name__} = volatile({was!r}) does"
        )
