"""Taking over, and nothing else: a leader without elections, windows and sessions (PMS 3).

A `Server` has timers, sessions, windows, snapshots: too many states to try every schedule. What makes
a log safe is less: the acceptors, and what a new leader asks for after it has taken over. `Heir` does
just that with the course's own `LogAcceptor`, in so few states that the explorer sees all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paxos_lab.multipaxos.acceptor import LogAcceptor
from paxos_lab.multipaxos.messages import Accept, Command, Entry, Prepare, Promise, Vote
from paxos_lab.node import LabError, Node, setting, stable, volatile
from paxos_lab.paxos.ballots import Ballot
from paxos_lab.paxos.quorums import Majority, QuorumSystem, names_of

Votes = tuple[tuple[int, Vote], ...]
"""What one promise reports: (slot, vote) for each slot voted in."""


def inherited(reports: Iterable[Votes]) -> dict[int, Entry]:
    """What the votes oblige a new leader to ask for, by slot: of each slot the highest ballot."""
    best: dict[int, Vote] = {}
    for votes in reports:
        for slot, vote in votes:
            if slot not in best or vote.ballot > best[slot].ballot:
                best[slot] = vote
    return {slot: vote.entry for slot, vote in best.items()}


@dataclass
class Heir(Node):
    """Opens one ballot for all slots, takes over what was voted for, fills holes, adds its own entries.

    `slots`: it asks for votes in none beyond. It does not learn: what is chosen, the acceptors tell.
    """

    own: tuple[Entry, ...] = setting(())
    acceptors: tuple[str, ...] = setting(())
    quorums: QuorumSystem = setting(None)  # majorities, filled in below
    slots: int = setting(2)
    round: int = stable(0)
    ballot: Ballot = Ballot.ZERO
    promises: dict[str, Votes] = volatile({})
    leads: bool = False

    def __post_init__(self) -> None:
        self.quorums = self.quorums or Majority(self.acceptors)

    def start(self) -> None:
        self.prepare()

    def timeout(self, timer: str) -> None:
        self.prepare()

    def prepare(self) -> None:
        """Phase 1a, once for every slot from 1 on."""
        self.round += 1
        self.ballot = Ballot(self.round, self.name)
        self.promises, self.leads = {}, False
        self.send(self.acceptors, Prepare(self.ballot, 1))
        self.set_timer("retry", 10.0)

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Promise(ballot, votes, _) if ballot == self.ballot and not self.leads:
                self.promises[sender] = votes
                if self.quorums.is_quorum(self.promises, phase=1):
                    self.leads = True
                    for slot, entry in self.plan().items():
                        self.send(self.acceptors, Accept(ballot, slot, entry))

    def plan(self) -> dict[int, Entry]:
        """What to ask for in each slot: what the votes oblige to, no-ops in the holes, then its own."""
        taken = inherited(self.promises.values())
        last = max(taken, default=0)
        old = {slot: taken.get(slot, ()) for slot in range(1, last + 1)}
        return old | dict(zip(range(last + 1, self.slots + 1), self.own, strict=False))


def heirs(
    commands: Iterable[Iterable[Any]], acceptors: int = 3, slots: int = 2, *, heir: type[Node] = Heir
) -> list[Node]:
    """Leaders l1.., one for each list of commands, and acceptors a1..; `heir`: your own class of leader."""
    names = names_of(acceptors)
    role: Any = heir
    leaders = [
        role(
            f"l{i}",
            tuple((Command(f"c{i}", k, wish),) for k, wish in enumerate(wishes, 1)),
            names,
            Majority(names),
            slots,
        )
        for i, wishes in enumerate(commands, start=1)
    ]
    if not leaders:
        raise LabError("heirs needs at least one list of commands: each becomes a leader's")
    return [*leaders, *(LogAcceptor(name) for name in names)]
