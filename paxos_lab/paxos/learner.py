"""The learner: finds out that a value has been chosen (PMS 2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paxos_lab.node import Node, volatile
from paxos_lab.paxos.ballots import Proposal
from paxos_lab.paxos.messages import Accepted
from paxos_lab.paxos.quorums import QuorumSystem


@dataclass
class Learner(Node):
    """Counts votes, each ballot by itself: votes of different ballots never add up."""

    quorums: QuorumSystem
    votes: dict[Proposal, frozenset[str]] = volatile({})
    learned: Any = None

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Accepted(ballot, value):
                proposal = Proposal(ballot, value)
                self.votes[proposal] = self.votes.get(proposal, frozenset()) | {sender}
                if self.learned is None and self.quorums.is_quorum(self.votes[proposal], phase=2):
                    self.learned = value
