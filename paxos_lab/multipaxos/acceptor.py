"""The acceptor of a log: one promise for all slots, a vote for each (PMS 3).

The rules are those of `paxos_lab.paxos.Acceptor`. A promise costs no more for all slots to come than
for one, and that is where Multi-Paxos gets its speed from: Phase 1 once, then one round trip each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paxos_lab.multipaxos.messages import Accept, Accepted, Nack, Prepare, Promise, Vote
from paxos_lab.node import Node, stable
from paxos_lab.paxos.ballots import Ballot


@dataclass
class LogAcceptor(Node):
    """Promises all slots at once, votes in each by itself, remembers both.

    `cleared`: slots up to here are chosen, executed, in the snapshot, and their votes are gone.
    """

    promised: Ballot = stable(Ballot.ZERO)
    votes: dict[int, Vote] = stable({})
    cleared: int = stable(0)

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Prepare(ballot, first) if ballot >= self.promised:
                self.promised = ballot
                votes = tuple((slot, self.votes[slot]) for slot in sorted(self.votes) if slot >= first)
                self.send(sender, Promise(ballot, votes, self.cleared))
            case Accept(ballot, slot, entry) if ballot >= self.promised:
                self.promised = ballot
                if slot > self.cleared:  # below, the entry is the chosen one, and no longer needed
                    self.votes[slot] = Vote(ballot, entry)
                self.send(sender, Accepted(ballot, slot))
            case Prepare(ballot, _) | Accept(ballot, _, _):
                self.send(sender, Nack(ballot, self.promised))

    def vote(self, slot: int) -> Vote | None:
        """What this acceptor has voted for in a slot, with the ballot; None if nothing, or cleared."""
        return self.votes.get(slot)
