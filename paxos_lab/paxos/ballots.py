"""Ballots: numbers that are totally ordered and that no two proposers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple


class _Pair(NamedTuple):
    round: int
    proposer: str


class Ballot(_Pair):
    """Round first, then the name of its only owner, so that two proposers never tie.

    PMS 2.2 lets different proposers choose from disjoint sets of numbers; the pair does that.
    (A named tuple: it compares as its fields do, left to right.)
    """

    __slots__ = ()

    ZERO: ClassVar[Ballot]
    """Below every ballot that a proposer uses."""

    def __str__(self) -> str:
        return f"{self.round}.{self.proposer}" if self.proposer else str(self.round)


Ballot.ZERO = Ballot(0, "")


@dataclass(frozen=True)
class Proposal:
    """A value in a ballot; what an acceptor votes for, and what it reports."""

    ballot: Ballot
    value: Any

    def __str__(self) -> str:
        return f"{self.value} in {self.ballot}"
