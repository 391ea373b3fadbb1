"""Members that change: joint consensus (Raft dissertation, 4.3).

A change takes two entries. The first says (old, new): from now on everything needs a majority of both.
Once it is committed, nobody can decide anything by the old members alone, so the leader appends the
second, (new,). A server goes by the last such entry in its log, committed or not; if the entry is cut
off, so is the change. (Our log waits `alpha` slots instead, so that whoever acts in a slot is known
from *chosen* slots alone.)
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from paxos_lab.paxos.quorums import Majority
from paxos_lab.relatives.raft.messages import Groups


@dataclass(frozen=True)
class JointMajority:
    """A quorum is a majority of each group."""

    groups: Groups

    def is_quorum(self, names: Collection[str], phase: int = 1) -> bool:
        """True if more than half of every group is among the names, for votes and for entries alike."""
        return all(Majority(group).is_quorum({*names} & {*group}, phase) for group in self.groups)
