"""Who proposes, and when. This affects speed, never safety.

`Impatient` answers a refusal with a higher ballot at once, so rivals may overtake each other for
ever. `Proposer` backs off first. `DistinguishedProposer` proposes only while it believes that it
leads (PMS 2.4). Who leads is a guess: nobody, or several at once, may believe that they do, and all
that suffers is the time to a decision. The acceptors know nothing about leaders.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from paxos_lab.paxos.messages import Nack
from paxos_lab.paxos.proposer import Proposer


@dataclass
class Impatient(Proposer):
    """Opens the next ballot as soon as it is refused."""

    def pause(self) -> float:
        return 0.0


@dataclass(frozen=True)
class Ask:
    """Proposer to the one that it believes to lead: "you propose; tell me what is chosen"."""

    def __str__(self) -> str:
        return "Ask()"


@dataclass(frozen=True)
class Decided:
    """The answer, from a proposer that has learned: "this value is chosen"."""

    value: Any

    def __str__(self) -> str:
        return f"Decided({self.value})"


@dataclass
class DistinguishedProposer(Proposer):
    """Lets the leader propose, and takes over when the leader seems dead.

    `leader`: whom it trusts at first. `trust`: how long it waits for the leader before it takes
    over, in virtual time. With a single decision there is no value to hand over: the leader's own
    is as good as any other, so `Ask` is all that a follower sends.
    """

    leader: str = "p1"  # the first proposer that `single_decree` makes
    trust: float = 20.0
    waiting: frozenset[str] = frozenset()

    def start(self) -> None:
        if self.leader == self.name:
            self.prepare()
        else:
            self.follow(self.leader)

    def recover(self) -> None:
        self.start()

    def timeout(self, timer: str) -> None:
        # Dead or slow: from here the two look alike. If it was only slow there are two leaders now.
        self.leader = self.name
        self.prepare()

    def follow(self, leader: str) -> None:
        """Stop proposing: ask `leader`, and wait for its answer."""
        self.leader = leader
        self.send(leader, Ask())
        # Followers that lose patience together would duel, so each has a waiting time of its own.
        # Chance would break determinism: it comes from the name and the round.
        spread = random.Random(f"{self.name} {self.round} waits").uniform(1, 2)
        self.set_timer("retry", self.trust * spread)

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Ask():
                self.waiting |= {sender}
            case Decided(value):
                if self.learned is None:
                    self.learned = value
                    self.cancel_timer("retry")
            case Nack(ballot, promised) if ballot == self.ballot and self.learned is None:
                # Somebody leads with a higher ballot. A second nack for this ballot changes nothing.
                self.round = max(self.round, promised.round)
                if self.leader == self.name:
                    self.follow(promised.proposer)
            case _:
                super().receive(sender, message)
        if self.learned is not None and self.waiting:
            self.send(self.waiting, Decided(self.learned))
            self.waiting = frozenset()
