"""What rivalry costs: many seeded runs, counted in messages and in virtual time.

All proposers start at once, which is the worst case. A run ends when every proposer and every
learner has learned, or at a limit of virtual time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.node import LabError, Node
from paxos_lab.paxos import Proposal, chosen, single_decree
from paxos_lab.paxos.messages import Accepted
from paxos_lab.words.text import short
from paxos_lab.world.events import Deliver, Drop, Duplicate, Event


@dataclass(frozen=True)
class Race:
    """One run: messages sent, and when a value was chosen and learned by all; inf if it was not."""

    messages: int
    chosen: float
    learned: float


@dataclass(frozen=True)
class Spread:
    """The middle of many numbers, and where the lowest and the highest tenth of them begin."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        return f"{_number(self.median)} ({_number(self.low)} to {_number(self.high)})"


@dataclass(frozen=True)
class Contention:
    """What `races` gave for one manner and one number of proposers."""

    manner: str
    proposers: int
    races: tuple[Race, ...]
    limit: float

    @property
    def messages(self) -> Spread:
        """Messages until all had learned; a run cut off at the limit counts what it had sent."""
        return spread(race.messages for race in self.races)

    @property
    def chosen(self) -> Spread:
        """Virtual time until a value was chosen."""
        return spread(race.chosen for race in self.races)

    @property
    def learned(self) -> Spread:
        """Virtual time until all had learned."""
        return spread(race.learned for race in self.races)

    @property
    def undecided(self) -> float:
        """The share of runs in which nothing was chosen before the limit."""
        return sum(math.isinf(race.chosen) for race in self.races) / len(self.races)

    @property
    def unlearned(self) -> float:
        """The share of runs in which somebody had not learned at the limit."""
        return sum(math.isinf(race.learned) for race in self.races) / len(self.races)

    @property
    def rate(self) -> float:
        """Decisions in 100 units of virtual time, if one were made after the other."""
        spent = sum(min(race.learned, self.limit) for race in self.races)
        return 100 * sum(race.learned < math.inf for race in self.races) / spent


def race(nodes: Iterable[Node], seed: int = 0, limit: float = 100.0, **network: Any) -> Race:
    """Run these nodes from `seed` until all have learned, or `limit`; `network` goes to the bus."""
    bus = MessageBus(nodes, seed=seed, traced=False, checked=False, **network)
    quorums = next(node.quorums for node in bus if hasattr(node, "quorums"))
    acceptors = [(name, bus[name]) for name in quorums.members]
    waiting = [node for node in bus if hasattr(node, "learned")]
    votes: dict[Proposal, list[tuple[str, Any]]] = {}
    gone = copies = 0
    chosen_at = math.inf

    def over(bus: MessageBus) -> bool:
        nonlocal chosen_at
        if chosen_at == math.inf:
            for name, acceptor in acceptors:  # one step casts one vote at most, so none is missed
                vote = acceptor.accepted  # type: ignore[attr-defined]
                if vote is not None:
                    cast = votes.setdefault(vote, [])
                    if all(voter != name for voter, _ in cast):
                        cast.append((name, Accepted(vote.ballot, vote.value)))
                        if chosen(cast, quorums):
                            chosen_at = bus.now
        while waiting and waiting[-1].learned is not None:
            waiting.pop()
        return not waiting and chosen_at < math.inf

    def next_event(bus: MessageBus) -> Event | None:
        nonlocal gone, copies
        event = bus.upcoming()
        gone += isinstance(event, Deliver | Drop)
        copies += isinstance(event, Duplicate)
        return event if bus.now < limit else None

    bus.run(next_event, over, max_steps=1_000_000)
    in_time = not waiting and bus.now <= limit
    sent = gone + len(bus.in_flight) - copies
    return Race(sent, chosen_at if chosen_at <= limit else math.inf, bus.now if in_time else math.inf)


def contention(
    manners: Mapping[str, type[Node]],
    proposers: Iterable[int] = range(1, 9),
    seeds: Iterable[int] = range(50),
    acceptors: int = 5,
    limit: float = 100.0,
    **network: Any,
) -> list[Contention]:
    """Measure each manner (a name and a class of proposers) for each number of proposers.

    `network` (delay, loss, duplicate) goes to the bus; left out, delays are from 0.5 to 1.5.
    """
    seeds, counts = list(seeds), list(proposers)
    if not seeds or not counts or not manners:
        raise LabError("contention needs at least one manner, one number of proposers and one seed")
    found = []
    for manner, role in manners.items():
        for count in counts:
            values = [f"v{i}" for i in range(1, count + 1)]
            races = tuple(
                race(single_decree(values, acceptors, proposer=role), seed, limit, **network)
                for seed in seeds
            )
            found.append(Contention(short(manner, 30), count, races, limit))
    return found


def spread(numbers: Iterable[float]) -> Spread:
    """Where the lowest tenth ends, the median, and where the highest tenth begins."""
    ranked = sorted(numbers)
    if not ranked:
        raise LabError("there is nothing to take the middle of")
    last = len(ranked) - 1
    # Numbers that occurred, nothing in between: a run that never ended has no average with another.
    return Spread(*(ranked[round(share * last)] for share in (0.1, 0.5, 0.9)))


def _number(value: float) -> str:
    return "not in time" if math.isinf(value) else f"{value:.0f}" if value >= 20 else f"{value:.1f}"
