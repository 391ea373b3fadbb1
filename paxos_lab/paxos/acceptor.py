"""The acceptor: the memory of Paxos. It answers by two rules (PMS 2.2).

    1. Promise a ballot that is not below any promise made, and report the highest-numbered vote
       cast so far.
    2. Accept a proposal only if its ballot is not below any promise made.

For safety, two things must never happen: that the stored promise goes down, and that a vote is cast
below it. That a lower prepare is refused in rule 1 is only an optimisation: PMS lets an acceptor answer
any prepare, and such an answer is of no use, since the vote in that ballot is refused.

Safety rests on these rules and on three things that are not here: no two proposers share a ballot, a
proposer takes the value that its promises oblige it to, and quorums meet.

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
