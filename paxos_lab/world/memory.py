"""What a node's fields were after its last step, kept so that a change is found without a search.

To see whether a field changed, it is enough to see that it still holds the same object, if the object
cannot change. A container can, so it is compared with a copy: Python does that fast where the
entries are the very same objects, about 20 ns for each. A dictionary with more than `LARGE` entries,
none of which can change by itself, notes its own writes (`JournaledDict`), and only those are
looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_
from sys import getrefcount
from typing import Any

from paxos_lab.node import Node, field_names, setting_fields
from paxos_lab.world.copying import copy_field, put_state, read, reader
from paxos_lab.world.data import ATOMS, alike, copy_like, why_mutable
from paxos_lab.world.journal import JournaledDict
from paxos_lab.world.role_contract import attributes, class_containers

LARGE = 32
_MISSING = object()

# What counts as a holder of a field's value when nobody but the node knows it: the node, the tuple
# of values that was read, and the call that counts.
_NOBODY_ELSE = 3


class Memory:
    """The fields of `node` as they are in `known`, until `catch_up` or `commit` bring that up to date.

    `known`: the values in the order of `field_names`: things that cannot change themselves, copies
    of all else. `twin`: the memory of a second node of the same class and state, if there is one.
    `settings`: the numbers of the fields that are declared never to change.
    `attributes`, `class_containers`: of the class, see `role_contract`.
    """

    def __init__(self, node: Node, known: list[Any]) -> None:
        role: Any = type(node)
        self.node = node
        self.known = known
        self.twin: Memory | None = None
        self.attributes = attributes(role)
        self.class_containers = class_containers(role)
        self._names = field_names(node)
        never = setting_fields(node, declared=True)
        self.settings = frozenset(i for i, name in enumerate(self._names) if name in never)
        self._read = reader(role)
        self._numbers = range(len(known))
        self._values: tuple[Any, ...] = tuple(known)  # as they were read last
        self._held = self._values  # as they were when all was up to date; containers come in later
        self._boxes: list[Any] = []  # containers that are compared with a copy,
        self._copies: list[Any] = []  # the copies,
        self._where: list[int] = []  # and the numbers of their fields
        self._journals: dict[int, JournaledDict] = {}
        self._written: dict[int, set[Any]] = {}  # keys of journals that the last step wrote
        self._earlier: dict[int, Any] = {}

    # ---- what has changed

    def is_current(self) -> bool:
        """True if surely nothing has changed; if not, `catch_up` finds out."""
        try:
            if not all(map(is_, self._read(self.node), self._held)) or self._boxes != self._copies:
                return False
        except AttributeError:
            return False
        return not self._journals or not self._were_written()

    def touched(self, twin: Memory | None = None) -> list[int]:
        """The numbers of the fields that may have changed, here or in the twin.

        Raises `RoleError` if one is gone.
        """
        values, held = self._read_again(), self._held
        if twin is None:
            found = [i for i in self._numbers if values[i] is not held[i]]
        else:
            its, theirs = twin._read_again(), twin._held
            found = [i for i in self._numbers if values[i] is not held[i] or its[i] is not theirs[i]]
        for memory in (self, twin):
            if memory is None:
                continue
            if memory._boxes != memory._copies:
                for i, box, copy in zip(memory._where, memory._boxes, memory._copies, strict=True):
                    if box != copy and i not in found:
                        found.append(i)
            if memory._journals:
                found += [i for i, journal in memory._journals.items() if journal.written and i not in found]
        return found

    def _read_again(self) -> tuple[Any, ...]:
        try:
            self._values = self._read(self.node)
        except AttributeError:
            self._values = read(self.node)  # says which is gone
        return self._values

    def look(self, touched: list[int]) -> dict[int, Any]:
        """Copies of those fields that did change, by number; raises `RoleError` where there is none."""
        changed = {}
        for i in touched:
            value, old = self._values[i], self.known[i]
            kind = type(value)
            if kind in ATOMS:
                if kind is not type(old) or (value != old and (value == value or old == old)):  # NaN is NaN
                    changed[i] = value
            elif i in self._journals and value is self._held[i]:
                if any(_differ(value, old, key) for key in value.written):
                    fixed = all(_is_fixed(value.get(key), old.get(key)) for key in value.written)
                    changed[i] = dict(value) if fixed else self._copy(i, value, old)
            else:
                new = self._copy(i, value, old)
                if type(new) is not type(old) or new != old:
                    changed[i] = new
                elif new is value:  # equal, but another object, which cannot change: hold that one
                    self.known[i] = new
        return changed

    def commit(self, touched: list[int], changed: dict[int, Any]) -> None:
        """Bring `known` up to date with what `touched` and `look` found."""
        known, earlier = self.known, self._earlier
        for i, new in changed.items():
            if i not in earlier:
                earlier[i] = known[i]
            elif type(earlier[i]) is type(new) and earlier[i] == new:
                del earlier[i]  # changed, and changed back
            known[i] = new
        self._held = values = self._values
        for i in touched:
            if values[i] is not known[i] or i in self._where or i in self._journals:
                self._hold_containers()
                break

    def note_atoms(self, twin: Memory | None = None) -> bool:
        """Do at once all that most steps need: nothing but a number or a text has changed.

        Without a twin that is the work of `touched`, `look` and `commit`; with one, that of
        `difference` and `lead` too. Does nothing and returns False where those must look closer.
        """
        if self._where or self._journals:
            return False
        values, held, known, earlier = self._read_again(), self._held, self.known, self._earlier
        its, theirs = (values, held) if twin is None else (twin._read_again(), twin._held)
        found = [i for i in self._numbers if values[i] is not held[i] or its[i] is not theirs[i]]
        for i in found:
            value, kind = values[i], type(values[i])
            if kind not in ATOMS or kind is not type(known[i]) or i in earlier or i in self.settings:
                return False
            if its[i] is not value and (kind is not type(its[i]) or value != its[i]):
                return False
        for i in found:
            value = values[i]
            if value != known[i]:
                earlier[i] = known[i]
            known[i] = value
            if twin is not None:
                setattr(twin.node, self._names[i], value)
        self._held = values
        if found and twin is not None:
            twin._held = twin._values = twin._read(twin.node)
        return True

    def _were_written(self) -> bool:
        return any(journal.written for journal in self._journals.values())

    def catch_up(self) -> None:
        """Note what anybody changed."""
        if not self.is_current():
            self.note()

    def note(self) -> None:
        """As `catch_up`, for when something is likely to have changed."""
        if self.note_atoms():
            self.twin = None
            return
        touched = self.touched()
        changed = self.look(touched)
        self.commit(touched, changed)
        if changed:
            self.twin = None

    def restore(self) -> None:
        """Give the node back the fields that are known."""
        put_state(self.node, tuple(self.known))
        self._held, self.twin, self._written = tuple(self.known), None, {}
        self._boxes, self._copies, self._where, self._journals = [], [], [], {}
        self.commit(self.touched(), {})

    def changes(self) -> dict[str, tuple[Any, Any]]:
        """`{field: (before, after)}` of all that was noted since this was asked last."""
        if not self._earlier:
            return {}
        earlier, self._earlier = self._earlier, {}
        if len(earlier) == 1:
            ((i, before),) = earlier.items()
            return {self._names[i]: (before, self.known[i])}
        return {self._names[i]: (earlier[i], self.known[i]) for i in sorted(earlier)}

    def copy_for(self, node: Node) -> Memory:
        """A memory of the same for another node of the class."""
        other = Memory(node, list(self.known))
        other._earlier = dict(self._earlier)
        return other

    def bypassed(self) -> str | None:
        """The name of a dictionary that was written past its own notes, or None."""
        for i, journal in self._journals.items():
            if not journal.written and journal != self.known[i]:
                return self._names[i]
        return None

    def first_change(self) -> str | None:
        """The name of a field that is not as it is known, or None."""
        touched = self.touched()
        for i in self.look(touched):
            return self._names[i]
        self.commit(touched, {})
        return None

    # ---- a twin that makes the same steps

    def with_twin(self, node: Node) -> Memory:
        """The memory of `node`, which is in the same state: what is known of both is one list."""
        self.twin = twin = Memory(node, self.known)
        twin.commit(twin.touched(), {})
        return twin

    def difference(self, numbers: Iterable[int], twin: Memory) -> tuple[str, Any, Any] | None:
        """(field, ours, the twin's) of one that is not the same in both; or None."""
        for i in numbers:
            mine, its = self._values[i], twin._values[i]
            if mine is its or (type(mine) in ATOMS and type(mine) is type(its) and mine == its):
                continue
            if i in self._journals and i in twin._journals and mine is self._held[i] and its is twin._held[i]:
                if any(_differ(mine, its, key) for key in mine.written | its.written):
                    return self._names[i], mine, its
                continue
            if not alike(mine, its):
                return self._names[i], mine, its
        return None

    def lead(self, numbers: Iterable[int], twin: Memory) -> None:
        """Let the twin take over those fields; both have made the same step, and we are up to date.

        What cannot change is then one object in both, so that comparing them costs next to nothing;
        and no two fields there are one container, even if the role made them so.
        """
        containers = bool(twin._where or twin._journals)
        for i in numbers:
            value = self._values[i]
            if value is not self.known[i]:
                containers = True
                value = self._copy_for_twin(i, value, twin)
            setattr(twin.node, self._names[i], value)
        twin._held = twin._values = twin._read(twin.node)
        if containers:
            twin._hold_containers()

    def _copy_for_twin(self, number: int, value: Any, twin: Memory) -> Any:
        mine = twin._values[number]
        if number not in self._journals:
            return copy_like(value, self.known[number])
        if number not in twin._journals or mine is not twin._held[number]:
            return JournaledDict(copy_like(value, self.known[number]))
        for key in self._written[number] | mine.written:
            if key in value:
                dict.__setitem__(mine, key, value[key])
            else:
                dict.pop(mine, key, None)
        mine.written = set()
        return mine

    # ---- within

    def _copy(self, number: int, value: Any, old: Any) -> Any:
        return copy_field(self.node, self._names[number], value, old)

    def _hold_containers(self) -> None:
        boxes: list[Any] = []
        copies, where, journals = [], [], {}
        self._boxes, self._written = boxes, {}  # nothing of the old ones counts as holding a container
        for i, copy in enumerate(self.known):
            value = self._values[i]
            if value is copy:
                continue
            kind = type(value)
            if kind is JournaledDict and all(_is_fixed(value.get(k), copy.get(k)) for k in value.written):
                self._written[i], value.written = value.written, set()
                journals[i] = value
                continue
            if kind is JournaledDict:
                value = self._replace(i, dict(value))
            elif kind is dict and len(value) > LARGE:
                value = None  # or we count as somebody who holds it
                alone = getrefcount(self._values[i]) == _NOBODY_ELSE
                value = self._values[i]
                if alone and all(map(_is_fixed, value.values(), copy.values())):
                    journals[i] = self._replace(i, JournaledDict(value))
                    self._written[i] = set()
                    continue
            boxes.append(value)
            copies.append(copy)
            where.append(i)
        self._boxes, self._copies, self._where, self._journals = boxes, copies, where, journals

    def _replace(self, number: int, value: Any) -> Any:
        """Put an equal value in place of a field's: for the role nothing has changed."""
        setattr(self.node, self._names[number], value)
        self._values = self._held = (*self._values[:number], value, *self._values[number + 1 :])
        return value


def _is_fixed(value: Any, copy: Any) -> bool:
    return value is copy or type(value) in ATOMS or why_mutable(value) is None


def _differ(value: dict[Any, Any], old: Any, key: Any) -> bool:
    mine, its = value.get(key, _MISSING), old.get(key, _MISSING)
    return mine is not its and (type(mine) is not type(its) or mine != its)
