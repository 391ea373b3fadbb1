"""The acceptor: the memory of Paxos. All of safety rests on these two rules (PMS 2.2).

    1. Answer a prepare only if its ballot is not below any promise made: promise it, and report
       the highest-numbered vote cast so far.
    2. Accept a proposal only if its ballot is not below any promise made.

Both answers say something about the future, so both must be on disk before they leave (PMS 2.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paxos_lab.node import Node, setting, stable
from paxos_lab.paxos.ballots import Ballot, Proposal
from paxos_lab.paxos.messages import Accept, Accepted, Nack, Prepare, Promise


@dataclass
class Acceptor(Node):
    """Promises, votes, and remembers both.

    `learners`: the names that hear of each vote, besides the proposer that asked for it.
    """

    learners: tuple[str, ...] = setting(())
    promised: Ballot = stable(Ballot.ZERO)
    accepted: Proposal | None = stable(None)

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Prepare(ballot) if ballot >= self.promised:
                self.promised = ballot
                self.send(sender, Promise(ballot, self.accepted))
            case Accept(ballot, value) if ballot >= self.promised:
                self.promised = ballot  # a vote is a promise too, or a lower ballot could still win
                self.accepted = Proposal(ballot, value)
                self.send([sender, *self.learners], Accepted(ballot, value))
            case Prepare(ballot) | Accept(ballot, _):
                self.send(sender, Nack(ballot, self.promised))
