"""Fields in a form that can be hashed and compared, so that states can be numbered."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any

from paxos_lab.plain import ATOMS, NotPlain, why_mutable


class Kind(Enum):
    """What a stand-in stands for."""

    LIST, SET, DICT, TUPLE, DATA = range(5)


_known: set[Any] = set()
_KNOWN_AT_MOST = 100_000


def freeze(value: Any) -> Any:
    """A hashable stand-in for `value`: equal stand-ins, equal values. Raises `NotPlain`.

    The order in which a dictionary was filled is left out, as `==` leaves it out.
    """
    kind = type(value)
    if kind in ATOMS:
        return value
    if kind is dict:
        return Kind.DICT, frozenset([(freeze(k), freeze(v)) for k, v in value.items()])
    if kind is list:
        return Kind.LIST, tuple([freeze(v) for v in value])
    if kind is set:
        return Kind.SET, frozenset([freeze(v) for v in value])
    return value if _is_fixed(value) else _freeze_parts(value)


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
