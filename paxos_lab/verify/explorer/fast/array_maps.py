"""Small integers for everything, and functions on them that work on whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import numpy as np

Thing = TypeVar("Thing", bound=Hashable)


class Numbering(Generic[Thing]):
    """Numbers for things, in the order of their first appearance; `things[number]` is the way back."""

    def __init__(self) -> None:
        self.things: list[Thing] = []
        self._number: dict[Thing, int] = {}

    def __call__(self, thing: Thing) -> int:
        number = self._number.setdefault(thing, len(self.things))
        if number == len(self.things):
            self.things.append(thing)
        return number

    def __len__(self) -> int:
        return len(self.things)


class Map:
    """A function from small integers to small integers, for whole arrays; each value computed once."""

    def __init__(self, compute: Callable[[int], int]) -> None:
        self._compute = compute
        self._known = np.full(64, -1, np.int64)

    def __call__(self, a: Any) -> Any:
        if not len(a):
            return a
        top = int(a.max())
        if top >= len(self._known):
            grown = np.full(2 * top + 2, -1, np.int64)
            grown[: len(self._known)] = self._known
            self._known = grown
        found = self._known[a]
        missing = np.flatnonzero(found < 0)
        if len(missing):
            for value in np.unique(a[missing]).tolist():
                self._known[value] = self._compute(value)
            found = self._known[a]
        return found


class PairMap:
    """The same for functions of two small integers: a table while it is small, then a dictionary."""

    def __init__(self, compute: Callable[[int, int], int]) -> None:
        self._compute = compute
        self._table: Any = np.full((16, 16), -1, np.int32)
        self._dictionary: dict[int, int] = {}

    def __call__(self, a: Any, b: Any) -> Any:
        if not len(a):
            return a
        rows, columns = int(a.max()) + 1, int(b.max()) + 1
        if self._table is not None:
            self._make_room(rows, columns)
        if self._table is None:
            keys, places = np.unique((a.astype(np.int64) << 32) + b, return_inverse=True)
            return np.array([self._look_up(key) for key in keys.tolist()])[places.reshape(-1)]
        flat, width = self._table.ravel(), self._table.shape[1]
        key = a.astype(np.int64) * width + b
        found = flat[key]
        missing = np.flatnonzero(found < 0)
        if len(missing):
            for pair in np.unique(key[missing]).tolist():
                flat[pair] = self._compute(*divmod(pair, width))
            found = flat[key]
        return found.astype(np.int64)

    def _make_room(self, rows: int, columns: int) -> None:
        shape = self._table.shape
        if rows <= shape[0] and columns <= shape[1]:
            return
        rows = shape[0] if rows <= shape[0] else 2 * rows
        columns = shape[1] if columns <= shape[1] else 2 * columns
        if rows * columns > MOST_ROOM:
            for a, b in np.argwhere(self._table >= 0).tolist():
                self._dictionary[(a << 32) + b] = int(self._table[a, b])
            self._table = None
            return
        grown = np.full((rows, columns), -1, np.int32)
        grown[: shape[0], : shape[1]] = self._table
        self._table = grown

    def _look_up(self, key: int) -> int:
        found = self._dictionary.get(key)
        if found is None:
            found = self._dictionary[key] = self._compute(key >> 32, key & 0xFFFFFFFF)
        return found


MOST_ROOM = 1_000_000  # entries of a table


class Masks(Numbering[int]):
    """Numbers for sets of messages (bits); number 0 is the empty set."""

    def __init__(self) -> None:
        super().__init__()
        self(0)
        self.union = PairMap(lambda a, b: self(self.things[a] | self.things[b]))
