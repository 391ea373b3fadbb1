"""Ideas for agreement that everybody has first. Each is really here, so that it can be run and broken.

    first write wins   A decider takes the first value it gets and tells everybody. One decider
                       stops the world when it crashes; two can hear two values in two orders.
    majority vote      Every voter votes once, for the first value it gets; more than half wins.
                       Two values never win, but a split vote or one crash can leave none.

All of them keep what they decided on disk, none of them cheats: what breaks is the idea. The
properties they are held against are those of PMS 2.1 (agreement, validity) and termination.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paxos_lab.node import LabError, Node, setting, stable, volatile


@dataclass(frozen=True)
class Propose:
    """Client to decider or voter: "let it be this value"."""

    value: Any

    def __str__(self) -> str:
        return f"Propose({self.value})"


@dataclass(frozen=True)
class Decided:
    """Decider to client: "it is this value"."""

    value: Any

    def __str__(self) -> str:
        return f"Decided({self.value})"


@dataclass(frozen=True)
class VoteFor:
    """Voter to client: "my one vote is for this value"."""

    value: Any

    def __str__(self) -> str:
        return f"VoteFor({self.value})"


@dataclass
class Client(Node):
    """Wants `value`; asks all `deciders` at once and believes the first answer."""

    value: Any
    deciders: tuple[str, ...]
    learned: Any = None

    def start(self) -> None:
        self.send(self.deciders, Propose(self.value))

    def recover(self) -> None:
        self.start()

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Decided(value) if self.learned is None:
                self.learned = value


@dataclass
class RetryingClient(Client):
    """Asks one decider; if no answer comes in time, the next, round and round.

    With one decider that is sending again, with two it is a primary and its backup. `patience`:
    virtual time to wait for an answer.
    """

    patience: float = setting(10.0)
    asked: int = 0

    def start(self) -> None:
        self.ask()

    def timeout(self, timer: str) -> None:
        self.ask()

    def ask(self) -> None:
        """Ask whoever is next."""
        self.send(self.deciders[self.asked % len(self.deciders)], Propose(self.value))
        self.asked += 1
        self.set_timer("no answer", self.patience)

    def receive(self, sender: str, message: Any) -> None:
        super().receive(sender, message)
        if self.learned is not None:
            self.cancel_timer("no answer")


@dataclass
class Decider(Node):
    """First write wins: the first value it gets is its decision, for ever."""

    clients: tuple[str, ...]
    decided: Any = stable(None)

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Propose(value) if self.decided is None:
                self.decided = value
                self.send(self.clients, Decided(value))
            case Propose(_):
                self.send(sender, Decided(self.decided))

    def recover(self) -> None:
        if self.decided is not None:
            self.send(self.clients, Decided(self.decided))


@dataclass
class Voter(Node):
    """One vote, for the first value it gets, never taken back."""

    clients: tuple[str, ...]
    voted: Any = stable(None)

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Propose(value) if self.voted is None:
                self.voted = value
                self.send(self.clients, VoteFor(value))
            case Propose(_):
                self.send(sender, VoteFor(self.voted))

    def recover(self) -> None:
        if self.voted is not None:
            self.send(self.clients, VoteFor(self.voted))


@dataclass
class CountingClient(Client):
    """Learns a value once more than half of all voters (not of those that answered) voted for it."""

    votes: dict[str, Any] = volatile({})

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case VoteFor(value):
                self.votes[sender] = value
                if self.learned is None and 2 * self.tally(value) > len(self.deciders):
                    self.learned = value

    def tally(self, value: Any) -> int:
        """How many voters this client knows to have voted for `value`."""
        return sum(vote == value for vote in self.votes.values())


def first_write_wins(
    values: Iterable[Any], deciders: int = 1, *, client: type[Client] = Client
) -> list[Node]:
    """Clients c1.. (one for each value) and deciders d1..; `client=RetryingClient` asks one at a time."""
    return _assemble(values, deciders, "d", client, Decider)


def majority_vote(values: Iterable[Any], voters: int = 3, *, voter: type[Node] = Voter) -> list[Node]:
    """Clients c1.. (one for each value) and voters v1..; `voter`: your own class in place of ours."""
    return _assemble(values, voters, "v", CountingClient, voter)


def _assemble(
    values: Iterable[Any], count: int, letter: str, client: type[Client], decider: Any
) -> list[Node]:
    values = list(values)
    if not values:
        raise LabError("at least one value is needed: each becomes a client's")
    if None in values:
        raise LabError("None stands for 'nothing yet': choose another value")
    if count < 1:
        raise LabError(f"at least one node must decide, got {count}")
    clients = tuple(f"c{i}" for i in range(1, len(values) + 1))
    names = tuple(f"{letter}{i}" for i in range(1, count + 1))
    asking = [client(name, value, names) for name, value in zip(clients, values, strict=True)]
    return [*asking, *(decider(name, clients) for name in names)]
