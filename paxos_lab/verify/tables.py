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
    """The same for functions of two small integers."""

    def __init__(self, compute: Callable[[int, int], int]) -> None:
        self._compute = compute
        self._known = np.full((16, 16), -1, np.int32)

    def __call__(self, a: Any, b: Any) -> Any:
        if not len(a):
            return a
        rows, columns = int(a.max()) + 1, int(b.max()) + 1
        shape = self._known.shape
        if rows > shape[0] or columns > shape[1]:
            rows = max(shape[0], rows if rows <= shape[0] else 2 * rows)
            columns = max(shape[1], columns if columns <= shape[1] else 2 * columns)
            grown = np.full((rows, columns), -1, np.int32)
            grown[: shape[0], : shape[1]] = self._known
            self._known = grown
        flat = self._known.ravel()
        key = a.astype(np.int64) * self._known.shape[1] + b
        found = flat[key]
        missing = np.flatnonzero(found < 0)
        if len(missing):
            width = self._known.shape[1]
            for pair in np.unique(key[missing]).tolist():
                flat[pair] = self._compute(*divmod(pair, width))
            found = flat[key]
        return found.astype(np.int64)


class Masks(Numbering[int]):
    """Numbers for sets of messages (bits); number 0 is the empty set."""

    def __init__(self) -> None:
        super().__init__()
        self(0)
        self.union = PairMap(lambda a, b: self(self.things[a] | self.things[b]))
