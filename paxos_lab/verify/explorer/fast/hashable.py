"""Fields in a form that can be hashed and compared, so that states can be numbered.

Python calls some things equal that a role can tell apart: 1, 1.0 and True; 0.0 and -0.0; two classes of
NamedTuple; a whole number and a member of an IntEnum; what a dataclass leaves out with `compare=False`.
A search that took one for the other would prove what is not so. So each of these carries a mark.
"""

from __future__ import annotations

import dataclasses
from enum import Enum
from functools import cache
from typing import Any

from paxos_lab.world.data import ATOMS, NotPlain, why_mutable


class Kind(Enum):
    """What a stand-in stands for."""

    LIST, SET, DICT, TUPLE, DATA, MISSING, NUMBER, MARKED = range(8)


MISSING = Kind.MISSING
"""The value of an entry that a dictionary does not have."""

_known: set[Any] = set()
_KNOWN_AT_MOST = 100_000


def freeze(value: Any) -> Any:
    """A hashable stand-in for `value`: equal stand-ins, equal values. Raises `NotPlain`.

    The order in which a dictionary was filled is left out, as `==` leaves it out.
    """
    kind = type(value)
    if kind in ATOMS:
        return (Kind.NUMBER, kind, repr(value)) if kind is bool or kind is float else value
    if kind is dict or kind is WatchedDict:
        return Kind.DICT, frozenset([(freeze(k), freeze(v)) for k, v in dict.items(value)])
    if kind is list:
        return Kind.LIST, tuple([freeze(v) for v in value])
    if kind is set:
        return Kind.SET, frozenset([freeze(v) for v in value])
    if not _is_fixed(value):
        return _freeze_parts(value)
    mark = mark_of(value)
    return value if mark is None else (Kind.MARKED, mark, value)


_LOOKS_ALIKE = (bool, float)
_classes: dict[Any, type] = {}


def _came_first(kind: type, value: Any) -> bool:
    """True if no tuple of another class that Python calls equal came before: most classes need no mark."""
    if len(_classes) >= _KNOWN_AT_MOST and value not in _classes:
        return False
    return _classes.setdefault(value, kind) is kind


def mark_of(value: Any) -> Any:
    """What tells `value`, which cannot change, apart from others that Python calls equal to it; None mostly."""
    kind: Any = type(value)
    if kind is int or kind is str or value is None or kind is bytes:
        return None
    if kind in _LOOKS_ALIKE:
        return kind, repr(value)
    if isinstance(value, tuple):
        marks = tuple([mark_of(item) for item in value])
        return (kind, marks) if any(marks) or not _came_first(kind, value) else None
    if isinstance(value, frozenset):
        marked = frozenset([(item, mark) for item in value if (mark := mark_of(item)) is not None])
        return (kind, marked) if kind is not frozenset or marked else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names, not_compared = _field_names(kind)
        marks = tuple([mark_of(getattr(value, name)) for name in names])
        left_out = tuple([freeze(getattr(value, name)) for name in not_compared])
        return (kind, marks, left_out) if left_out or any(marks) else None
    if isinstance(value, int | str | float | bytes):  # of a class of its own, as an IntEnum
        return kind, repr(value)
    return None


@cache
def _field_names(kind: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All fields of a dataclass, and those that `==` leaves out."""
    return tuple(kind.__dataclass_fields__), tuple(
        [f.name for f in dataclasses.fields(kind) if not f.compare]
    )


def _is_fixed(value: Any) -> bool:
    try:
        if value in _known:
            return True
    except TypeError:  # it cannot be hashed, so it is not fixed
        return False
    if why_mutable(value) is not None:
        return False
    if len(_known) < _KNOWN_AT_MOST:
        _known.add(value)
    return True


def _freeze_parts(value: Any) -> Any:
    kind = type(value)
    if isinstance(value, tuple):
        return Kind.TUPLE, kind, tuple([freeze(v) for v in value])
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return Kind.DATA, kind, tuple([freeze(getattr(value, f.name)) for f in dataclasses.fields(value)])
    raise NotPlain(why_mutable(value) or f"it is a {kind.__name__}: use plain data")


def is_flat(frozen: Any) -> bool:
    """True for a dictionary, list or set of things that cannot change, so that a shallow copy is enough."""
    match frozen:
        case (Kind.DICT, items):
            return not any(_is_stand_in(part) for item in items for part in item)
        case (Kind.LIST | Kind.SET, items):
            return not any(map(_is_stand_in, items))
    return False


_CHANGEABLE = (Kind.LIST, Kind.SET, Kind.DICT, Kind.TUPLE, Kind.DATA)


def _is_stand_in(value: Any) -> bool:
    return type(value) is tuple and bool(value) and value[0] in _CHANGEABLE


def thaw(frozen: Any) -> Any:
    """A new value that the stand-in stands for."""
    match frozen:
        case (Kind.NUMBER, kind, text):
            return text == "True" if kind is bool else float(text)
        case (Kind.MARKED, _, value):
            return value
        case (Kind.DICT, items):
            return {thaw(k): thaw(v) for k, v in sorted(items, key=repr)}
        case (Kind.LIST, items):
            return [thaw(item) for item in items]
        case (Kind.SET, items):
            return {thaw(item) for item in items}
        case (Kind.TUPLE, kind, items):
            return tuple.__new__(kind, [thaw(item) for item in items])
        case (Kind.DATA, kind, items):
            value = object.__new__(kind)
            for field, item in zip(dataclasses.fields(kind), items, strict=True):
                object.__setattr__(value, field.name, thaw(item))
            return value
    return frozen


def extent(frozen: Any) -> int:
    """How many parts a stand-in has: a measure of its memory. Eight letters or bytes count as one."""
    found, todo = 0, [frozen]
    while todo:
        value = todo.pop()
        found += 1
        if isinstance(value, tuple | frozenset):
            todo += value
        elif isinstance(value, str | bytes):
            found += len(value) // 8
        elif isinstance(value, int):
            found += value.bit_length() // 64
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            todo += [getattr(value, name) for name in value.__dataclass_fields__]
    return found


_entries: dict[Any, dict[Any, Any]] = {}


def _entries_of(frozen: Any) -> dict[Any, Any]:
    found = _entries.get(frozen)
    if found is None:
        found = dict(frozen[1])
        if len(_entries) < _KNOWN_AT_MOST:
            _entries[frozen] = found
    return found


def entry_of(frozen: Any, key: Any) -> Any:
    """The frozen entry of a frozen dictionary; `MISSING` without one, the stand-in itself if it is none."""
    if type(frozen) is tuple and len(frozen) == 2 and frozen[0] is Kind.DICT:
        return _entries_of(frozen).get(key, MISSING)
    return frozen


def with_entry(frozen: Any, key: Any, value: Any) -> Any:
    """The frozen dictionary with one entry set, or taken away if it is `MISSING`."""
    entries = dict(_entries_of(frozen))
    if value is MISSING:
        entries.pop(key, None)
    else:
        entries[key] = value
    return Kind.DICT, frozenset(entries.items())


class WatchedDict(dict[Any, Any]):
    """A dictionary that knows which of its entries were read before they were written.

    `read`: keys by their frozen form; `written`: keys; `whole`: True once something asked for more than entries.
    """

    def __init__(self, content: dict[Any, Any]) -> None:
        super().__init__(content)
        self.read: dict[Any, None] = {}
        self.written: set[Any] = set()
        self.whole = False

    def _reads(self, key: Any) -> None:
        if key not in self.written:
            self.read.setdefault(freeze(key), key)

    def __getitem__(self, key: Any) -> Any:
        self._reads(key)
        return super().__getitem__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        self._reads(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self._reads(key)
        return super().__contains__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.written.add(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: Any) -> None:
        self._reads(key)
        super().__delitem__(key)
        self.written.add(key)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return super().__getitem__(key)


def _on_the_whole(name: str) -> Any:
    method = getattr(dict, name)

    def whole(self: WatchedDict, *arguments: Any, **named: Any) -> Any:
        self.whole = True
        return method(self, *arguments, **named)

    whole.__name__ = name
    return whole


for _name in (
    "__iter__", "__len__", "__eq__", "__ne__", "__or__", "__ror__", "__ior__", "__repr__", "__reversed__",
    "__reduce_ex__", "__sizeof__", "items", "keys", "values", "copy", "clear", "pop", "popitem", "update",
):  # fmt: skip
    setattr(WatchedDict, _name, _on_the_whole(_name))
