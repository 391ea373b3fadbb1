"""Equal is not always the same: `1 == True`, and two NamedTuples of different classes may be equal.

A search keeps what is equal once. So it must refuse messages that are equal and still differ for whoever
gets them, or "in every state" would leave states out.
"""

from __future__ import annotations

import dataclasses
from typing import Any


def alike(one: Any, other: Any) -> bool:
    """True if nobody can tell two messages apart that are equal; False for NaN, which equals nothing."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one == other and repr(one) == repr(other)  # 0.0 and -0.0 are equal
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, frozenset):
        known = {part: part for part in other}
        return len(one) == len(other) and all(part in known and alike(part, known[part]) for part in one)
    if dataclasses.is_dataclass(one):
        return all(alike(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one))
    return bool(one == other)
