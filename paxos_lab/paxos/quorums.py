"""Quorum systems: which sets of acceptors are enough to act for all of them.

Only one thing matters for safety: every phase 1 quorum shares a member with every phase 2 quorum
(Flexible Paxos, Howard et al. 2016). That shared member is the one that reports an old vote.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Self

from paxos_lab.node import LabError


class QuorumsMiss(LabError):
    """A phase 1 quorum and a phase 2 quorum share no member; the text shows the pair."""


def names_of(members: int | str | Iterable[str]) -> tuple[str, ...]:
    """The names meant: n gives a1 to an, as `single_decree` calls its acceptors; one name is itself."""
    if isinstance(members, int):
        return tuple(f"a{i}" for i in range(1, members + 1))
    return (members,) if isinstance(members, str) else tuple(members)


@dataclass(frozen=True)
class QuorumSystem:
    """Sets of names that suffice, for phase 1 (promises) and for phase 2 (votes).

    `members`: the names of all of them; a number n stands for a1, a2, ... an.
    """

    members: tuple[str, ...]

    def __post_init__(self) -> None:
        members = names_of(self.members)
        object.__setattr__(self, "members", members)
        if not members:
            raise LabError(f"{type(self).__name__} needs at least one member")
        if len(set(members)) < len(members):
            raise LabError(f"{type(self).__name__}: a name occurs twice in {', '.join(members)}")

    def is_quorum(self, names: Iterable[str], phase: int) -> bool:
        """True if `names` contains a quorum for phase 1 or phase 2; strangers do not count.

        The course's own systems raise `LabError` for any other phase.
        """
        raise NotImplementedError(f"{type(self).__name__} must define is_quorum(names, phase)")

    def quorums(self, phase: int) -> Iterator[frozenset[str]]:
        """The smallest quorums: each stops being one when any member leaves. Meant for up to 12 members."""
        found: list[frozenset[str]] = []
        for size in range(1, len(self.members) + 1):
            for names in map(frozenset, combinations(self.members, size)):
                if self.is_quorum(names, phase) and not any(q <= names for q in found):
                    found.append(names)
                    yield names

    def gap(self) -> tuple[frozenset[str], frozenset[str]] | None:
        """A phase 1 and a phase 2 quorum without a common member, or None if every pair meets."""
        for first in self.quorums(1):
            rest = frozenset(self.members) - first
            if self.is_quorum(rest, 2):
                return first, next(q for q in self.quorums(2) if q <= rest)
        return None

    @property
    def intersects(self) -> bool:
        """True if every phase 1 quorum meets every phase 2 quorum."""
        return self.gap() is None

    def require_intersection(self) -> Self:
        """Return the system itself; raises `QuorumsMiss` with the pair that does not meet."""
        gap = self.gap()
        if gap is None:
            return self
        first, second = (", ".join(sorted(names)) for names in gap)
        raise QuorumsMiss(
            f"{self}: the phase 1 quorum {{{first}}} and the phase 2 quorum {{{second}}} share no "
            "member, so a new ballot can miss what an old one chose. Make the quorums larger"
        )

    def tolerates(self, phase: int) -> int:
        """The number of crashes after which, whoever crashed, a quorum for `phase` is left."""
        for crashed in range(len(self.members)):
            for lost in combinations(self.members, crashed + 1):
                if not self.is_quorum(set(self.members) - set(lost), phase):
                    return crashed
        return len(self.members)


@dataclass(frozen=True)
class Majority(QuorumSystem):
    """More than half of all members (not of those that are alive or answered)."""

    def is_quorum(self, names: Iterable[str], phase: int) -> bool:
        _require_phase(phase)
        return 2 * _present(self.members, names) > len(self.members)

    def gap(self) -> None:
        """None: two halves, each more than half, share a member."""

    def __str__(self) -> str:
        return f"more than half of {len(self.members)}"


@dataclass(frozen=True)
class Weighted(QuorumSystem):
    """More than half of the total weight; `weights` maps names to numbers, 0 is an observer: it never counts."""

    weights: tuple[tuple[str, float], ...] = ()

    def __init__(self, weights: Mapping[str, float]) -> None:
        if not all(0 <= weight < math.inf for weight in weights.values()) or not sum(weights.values()):
            raise LabError(f"weights are 0 or more and not all 0, got {dict(weights)}")
        object.__setattr__(self, "weights", tuple(weights.items()))
        object.__setattr__(self, "members", tuple(weights))
        self.__post_init__()

    def is_quorum(self, names: Iterable[str], phase: int) -> bool:
        _require_phase(phase)
        names = set(names)
        inside = sum(weight for name, weight in self.weights if name in names)
        return 2 * inside > sum(weight for _, weight in self.weights)

    def gap(self) -> None:
        """None: two sets that share no member do not both have more than half of the weight."""

    def __str__(self) -> str:
        return "more than half of the weight " + ", ".join(f"{n}={w}" for n, w in self.weights)


@dataclass(frozen=True)
class Grid(QuorumSystem):
    """Members in rows of equal length: a whole row for phase 1, a whole column for phase 2."""

    rows: tuple[tuple[str, ...], ...] = ()

    def __init__(self, rows: Iterable[Iterable[str]]) -> None:
        table = tuple(tuple(row) for row in rows)
        if len({len(row) for row in table}) != 1:
            raise LabError(f"the rows of a grid have one length, got {[len(row) for row in table]}")
        object.__setattr__(self, "rows", table)
        object.__setattr__(self, "members", tuple(name for row in table for name in row))
        self.__post_init__()

    def is_quorum(self, names: Iterable[str], phase: int) -> bool:
        _require_phase(phase)
        names = set(names)
        lines = self.rows if phase == 1 else zip(*self.rows, strict=True)
        return any(names.issuperset(line) for line in lines)

    def gap(self) -> None:
        """None: every row crosses every column."""

    def __str__(self) -> str:
        return f"a row, a column of {len(self.rows)} x {len(self.rows[0])}"


@dataclass(frozen=True)
class Flexible(QuorumSystem):
    """Any `q1` members for phase 1 and any `q2` for phase 2; they meet if q1 + q2 > n.

    `members` may be left out where the system is given to `single_decree`, which fills them in.
    """

    q1: int = 0
    q2: int = 0

    def __init__(self, q1: int, q2: int, members: int | Iterable[str] = ()) -> None:
        object.__setattr__(self, "q1", q1)
        object.__setattr__(self, "q2", q2)
        object.__setattr__(self, "members", names_of(members))
        if self.members:
            self.__post_init__()
        if not (q1 >= 1 and q2 >= 1) or (self.members and max(q1, q2) > len(self.members)):
            raise LabError(f"quorum sizes lie between 1 and the number of members, got {q1} and {q2}")

    def over(self, members: Iterable[str]) -> Flexible:
        """The same sizes over these members."""
        return Flexible(self.q1, self.q2, members)

    def is_quorum(self, names: Iterable[str], phase: int) -> bool:
        _require_phase(phase)
        present = _present(self.members, names) if self.members else len(set(names))
        return present >= (self.q1 if phase == 1 else self.q2)

    def gap(self) -> tuple[frozenset[str], frozenset[str]] | None:
        if not self.members:
            raise LabError(f"{self}: say of which members, as in Flexible({self.q1}, {self.q2}, names)")
        if self.q1 + self.q2 > len(self.members):
            return None
        return frozenset(self.members[: self.q1]), frozenset(self.members[self.q1 :][: self.q2])

    def __str__(self) -> str:
        of = f" of {len(self.members)}" if self.members else ""
        return f"any {self.q1}{of} for phase 1, any {self.q2}{of} for phase 2"


def _require_phase(phase: int) -> None:
    # Whatever is not 1 would pass for 2, which often needs fewer members.
    if phase not in (1, 2):
        raise LabError(f"phase is 1 (promises) or 2 (votes), got {phase!r}")


def _present(members: tuple[str, ...], names: Iterable[str]) -> int:
    return len(set(names).intersection(members))
