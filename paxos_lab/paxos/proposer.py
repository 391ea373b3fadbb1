"""The proposer: asks for promises, then asks for votes (PMS 2.2).

Phase 2 decides: a quorum that votes for one value in one ballot has chosen it. Phase 1 makes
that safe: it finds out which value may have been chosen below this ballot, and closes all lower
ballots at a quorum, so that nothing new can be chosen there behind our back.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paxos_lab.node import LabError, Node, setting, stable, volatile
from paxos_lab.paxos.ballots import Ballot, Proposal
from paxos_lab.paxos.messages import Accept, Accepted, Nack, Prepare, Promise
from paxos_lab.paxos.quorums import Majority, QuorumSystem
from paxos_lab.world.data import why_mutable


@dataclass
class Proposer(Node):
    """Tries to get a value chosen: its own, or one that may have been chosen already.

    `value`: what it would like (hashable, not None). `acceptors`: the names of all of them.
    `quorums`: left out, the majorities of the acceptors. `patience`: virtual time to wait for
    answers before the next ballot. `round`: the highest round used or heard of; `ballot`: the one
    in hand.
    """

    value: Any
    acceptors: tuple[str, ...]
    quorums: QuorumSystem = setting(None)  # majorities, filled in below
    patience: float = setting(10.0)
    round: int = stable(0)  # on disk: a ballot used before a crash must never be used again
    ballot: Ballot = Ballot.ZERO
    promises: dict[str, Proposal | None] = volatile({})
    proposal: Proposal | None = None
    voters: frozenset[str] = frozenset()
    learned: Any = None

    def __post_init__(self) -> None:
        self.acceptors = tuple(self.acceptors)
        self.quorums = self.quorums or Majority(self.acceptors)
        if self.value is None:
            raise LabError(f"{self.name} proposes None, which stands for 'nothing': give it a value")
        if reason := why_mutable(self.value, "the value"):
            raise LabError(f"{self.name}: {reason}. A value may not change once it is proposed")

    def start(self) -> None:
        self.prepare()

    def recover(self) -> None:
        self.prepare()

    def timeout(self, timer: str) -> None:
        self.prepare()

    def prepare(self) -> None:
        """Phase 1a: open a ballot higher than any this proposer used or heard of."""
        self.round += 1
        self.ballot = Ballot(self.round, self.name)
        self.promises, self.proposal, self.voters = {}, None, frozenset()
        self.send(self.acceptors, Prepare(self.ballot))
        self.set_timer("retry", self.patience)

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Promise(ballot, accepted) if ballot == self.ballot and self.proposal is None:
                self.promises[sender] = accepted
                if self.quorums.is_quorum(self.promises, phase=1):
                    # Phase 2a: the value is fixed here, once for this ballot.
                    value = value_to_propose(self.promises.values(), self.value)
                    self.proposal = Proposal(ballot, value)
                    self.send(self.acceptors, Accept(ballot, value))
            case Accepted(ballot, value) if Proposal(ballot, value) == self.proposal:
                self.voters |= {sender}
                if self.quorums.is_quorum(self.voters, phase=2):
                    self.learned = value
                    self.cancel_timer("retry")
            case Nack(ballot, promised) if ballot == self.ballot and self.learned is None:
                # Not needed for safety: jump above the rival instead of counting up to it.
                self.round = max(self.round, promised.round)
                self.set_timer("retry", self.pause())

    def pause(self) -> float:
        """How long to let a rival go first: longer and more spread out with every round.

        Chance would break determinism, so the spread comes from the name and the round.
        """
        spread = random.Random(f"{self.name} {self.round}").uniform(0, 2 ** min(self.round, 6))
        return self.patience * spread / 4


def value_to_propose(reports: Iterable[Proposal | None], own: Any) -> Any:
    """The value of the highest-numbered vote reported, or our own if there is none (PMS, P2c)."""
    votes = [vote for vote in reports if vote is not None]
    return max(votes, key=lambda vote: vote.ballot).value if votes else own
