"""What a hook reads and writes, watched while it runs.

Fields, and entries of dictionaries, are handed out one by one. A hook cannot depend on what it did not
read, so its step counts for every state that agrees on the rest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any

from paxos_lab.node import Effect, RoleError
from paxos_lab.verify.explorer.fast.hashable import MISSING, Kind, WatchedDict, entry_of, freeze
from paxos_lab.world.role_contract import changeable_parts

Place = int | tuple[int, Any]
"""What a hook read: a field by its position, or one entry of a dictionary by position and key.

The key `Kind.DICT` is an entry of no dictionary: it says only that the field is one.
"""


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


class Log:
    """The fields of a watched node while a hook runs: which it reads, which it writes."""

    def __init__(self, names: tuple[str, ...], state: tuple[Any, ...], thaw: Callable[[Any], Any]) -> None:
        self._position = {name: i for i, name in enumerate(names)}
        self._names, self._state, self._thaw = names, state, thaw
        self.values: dict[str, Any] = {}
        self.read: set[str] = set()
        self.written: set[str] = set()
        self.odd = False  # something was set that is no field
        self._handed: list[tuple[dict[str, Any], dict[str, Any]]] = []  # __dict__, as it was and as it is

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

    def all(self, own_name: str) -> dict[str, Any]:
        """Every field, for whoever wants the whole `__dict__`."""
        for name in self._names:
            if isinstance(value := self.get(name), WatchedDict):
                value.whole = True
        copy = {"name": own_name, **self.values}
        self._handed.append((copy, dict(copy)))
        return copy

    def check(self, what: str) -> None:
        """Raise `RoleError` where the fields, one by one, would not be all there is to the node."""
        for now, was in self._handed:
            if now.keys() != was.keys() or any(now[name] is not was[name] for name in was):
                raise RoleError(f"{what} wrote to self.__dict__: write self.field = value instead")
        owner: dict[int, str] = {}
        for name, value in self.values.items():
            for part in changeable_parts(value):
                if id(part) in owner:
                    kind = "dict" if type(part) is WatchedDict else type(part).__name__
                    where = f"self.{owner[id(part)]} and self.{name}"
                    raise RoleError(
                        f"{what} left one and the same {kind} in two places, {where}: a disk would keep two. "
                        "Store a copy, as copy.deepcopy makes one"
                    )
                owner[id(part)] = name

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
                    places += [(i, Kind.DICT), *((i, key) for key in value.read)]
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

    class Watching(role):
        def __getattribute__(self, name: str) -> Any:
            if name in names:
                return object.__getattribute__(self, "__dict__")["_log"].get(name)
            if name == "__dict__":
                inside = object.__getattribute__(self, "__dict__")
                return inside["_log"].all(inside["name"])
            if name == "__class__":  # what dataclasses.replace(self) and the like make is not watched
                return role
            return object.__getattribute__(self, name)

        def __setattr__(self, name: str, value: Any) -> None:
            object.__getattribute__(self, "__dict__")["_log"].set(name, value)

        def _wish(self, effect: Effect) -> None:
            object.__getattribute__(self, "__dict__")["_outbox"].append(effect)

    Watching.__name__, Watching.__qualname__ = role.__name__, role.__qualname__
    return Watching


def watching(role: Any, name: str) -> Any:
    node = object.__new__(_watching_class(role))
    object.__getattribute__(node, "__dict__")["name"] = name
    return node
