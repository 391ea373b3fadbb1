"""What is under way: messages in flight, timers that run, and the cut between groups of nodes.

The network knows names, never nodes. It keeps an agenda of what virtual time brings, and draws
all chance (delays, losses, copies) from one generator, so that a seed fixes a run.
"""

from __future__ import annotations

import copy
import heapq
import math
import random
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from paxos_lab.node import LabError
from paxos_lab.world.events import Deliver, Drop, Duplicate, Envelope, Event, Partition, Timeout

Delay = float | tuple[float, float] | Callable[[random.Random, str, str], float]


Flight = tuple[Envelope, float, int]
"""A message on its way, the virtual time at which it arrives, and the step that sent it."""


class Alarm(NamedTuple):
    """A timer that runs: when it rings, its place among things due at the same time, who set it."""

    due: float
    order: int
    cause: int


class Network:
    """Messages and timers of the nodes called `names`; `MessageBus` describes the other arguments."""

    def __init__(self, names: Iterable[str], seed: int, delay: Delay, loss: float, duplicate: float) -> None:
        self.flying: dict[int, Flight] = {}
        self.timers: dict[tuple[str, str], Alarm] = {}
        self.partition: Partition | None = None
        self._names = tuple(names)
        self._group: dict[str, int] = {}
        self._loss = _probability("loss", loss)
        self._duplicate = _probability("duplicate", duplicate)
        self._delay = _as_function(delay)
        self.asks = callable(delay)  # code of whoever made the bus runs whenever a message is sent
        self._random = random.Random(seed)
        self._last_id = 0
        self._to_double: set[int] = set()
        self._order = 0
        self._agenda: list[tuple[float, int, Event]] = []  # a heap; entries may be stale
        self._held: list[tuple[float, int, Event]] = []  # due, but the cut is in the way

    def copy(self) -> Network:
        """An independent copy that will draw the same chance."""
        other = copy.copy(self)
        other._random = random.Random()
        other._random.setstate(self._random.getstate())
        for part in ("flying", "timers", "_group", "_to_double", "_agenda", "_held"):
            setattr(other, part, copy.copy(getattr(self, part)))
        return other

    def send(
        self, sender: str, to: str, message: object, now: float, step: int, fresh: bool = True
    ) -> Envelope:
        """Put a message on its way; only a fresh one, no copy, may be drawn to be doubled."""
        due = now + self._delay(self._random, sender, to)
        self._last_id = id = self._last_id + 1
        self._order += 1
        envelope = Envelope(id, sender, to, message)
        self.flying[id] = (envelope, due, step)
        event: Event = Deliver(envelope)
        if self._loss and self._random.random() < self._loss:
            event = Drop(envelope)
        elif fresh and self._duplicate and self._random.random() < self._duplicate:
            self._to_double.add(id)
            heapq.heappush(self._agenda, (due, self._order, Duplicate(envelope)))
            self._order += 1
        heapq.heappush(self._agenda, (due, self._order, event))
        return envelope

    def take(self, envelope: Envelope) -> Flight:
        """Remove a message that has arrived or was lost."""
        return self.flying.pop(envelope.id)

    def double(self, envelope: Envelope, now: float, step: int) -> tuple[Envelope, int]:
        """Send a second copy; returns it and the step that sent the first."""
        self._to_double.discard(envelope.id)
        twin = self.send(envelope.sender, envelope.to, envelope.message, now, step, fresh=False)
        return twin, self.flying[envelope.id][2]

    def set_timer(self, node: str, timer: str, due: float, step: int) -> None:
        """Start a timer, in place of one of that name that runs."""
        self._order += 1
        self.timers[node, timer] = Alarm(due, self._order, step)
        heapq.heappush(self._agenda, (due, self._order, Timeout(node, timer)))

    def cancel_timer(self, node: str, timer: str) -> None:
        """Stop a timer if it runs."""
        self.timers.pop((node, timer), None)

    def forget_timers(self, node: str) -> None:
        """Stop all timers of a node that crashed."""
        for key in [key for key in self.timers if key[0] == node]:
            del self.timers[key]

    def cut(self, partition: Partition | None) -> None:
        """Put a partition in force, or none."""
        self.partition = partition
        self._group = {}
        if partition is not None:
            self._group = dict.fromkeys(self._names, len(partition.groups))
            self._group |= {name: i for i, group in enumerate(partition.groups) for name in group}
        for entry in self._held:
            heapq.heappush(self._agenda, entry)
        self._held = []

    def is_cut(self, sender: str, to: str) -> bool:
        """True if the partition keeps messages of `sender` from reaching `to`."""
        if self.partition is None:
            return False
        a, b = self._group[sender], self._group[to]
        return a < b if self.partition.one_way else a != b

    def upcoming(self, down: Collection[str]) -> Event | None:
        """What virtual time brings next while the nodes in `down` hear nothing; None if nothing."""
        while self._agenda:
            _, order, event = entry = self._agenda[0]
            if type(event) is Timeout:
                alarm = self.timers.get((event.node, event.timer))
                if alarm is not None and alarm.order == order:
                    return event
            else:
                envelope: Envelope = event.envelope  # type: ignore[union-attr]
                if envelope.id in self.flying and (
                    type(event) is not Duplicate or envelope.id in self._to_double
                ):
                    if envelope.to in down:
                        return Drop(envelope)
                    if type(event) is not Deliver or self.partition is None:
                        return event
                    if not self.is_cut(envelope.sender, envelope.to):
                        return event
                    self._held.append(entry)
            heapq.heappop(self._agenda)
        return None


def _probability(name: str, value: float) -> float:
    if not (isinstance(value, int | float) and 0 <= value < 1):
        raise LabError(f"{name} is a probability from 0 up to, but not including, 1; got {value!r}")
    return value


def _as_function(delay: Delay) -> Callable[[random.Random, str, str], float]:
    if callable(delay):
        return _guarded(delay)
    low, high = delay if isinstance(delay, tuple | list) and len(delay) == 2 else (delay, delay)
    if not (_is_time(low) and _is_time(high) and low <= high):
        raise LabError(f"a delay is 0 or more, a pair is (low, high); got {delay!r}")
    width = high - low
    if not width:
        return lambda rng, sender, to: low
    return lambda rng, sender, to: low + width * rng.random()


def _guarded(
    delay: Callable[[random.Random, str, str], float],
) -> Callable[[random.Random, str, str], float]:
    def guarded(rng: random.Random, sender: str, to: str) -> float:
        found = delay(rng, sender, to)
        if not _is_time(found):
            raise LabError(f"the delay from {sender} to {to} is 0 or more, your function gave {found!r}")
        return found

    return guarded


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and value >= 0 and math.isfinite(value)
