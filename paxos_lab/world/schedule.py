"""Who goes next. A schedule is a function from a bus to the next event, or None to stop.

`MessageBus.run` takes one; without it virtual time decides.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from paxos_lab.node import LabError
from paxos_lab.world.events import Crash, Drop, Duplicate, Event, Heal, Partition, Restart, Timeout

if TYPE_CHECKING:
    from paxos_lab.bus import MessageBus

Schedule: TypeAlias = "Callable[[MessageBus], Event | None]"


def by_time() -> Schedule:
    """What virtual time brings next, the losses and copies drawn by the bus included."""
    return lambda bus: bus.upcoming()


def in_order() -> Schedule:
    """Deliver the oldest message that can arrive; let a timer ring only when none can."""

    def choose(bus: MessageBus) -> Event | None:
        if arriving := bus.arriving:
            return arriving[0]
        timers = sorted(bus.timers, key=lambda timer: timer[2])
        return Timeout(*timers[0][:2]) if timers else None

    return choose


def scripted(events: Iterable[Event]) -> Schedule:
    """These events in this order, then stop."""
    coming = iter(events)
    return lambda bus: next(coming, None)


def seeded(seed: int, faults: float = 0.2) -> Schedule:
    """Any order at all, and every fault there is, drawn from `seed`.

    `faults`: the share of steps that are not deliveries: loss, copies, timers that ring early,
    crashes (some between disk and network), restarts, partitions (some one-way), healing.
    """
    if not (isinstance(faults, int | float) and 0 <= faults <= 1):
        raise LabError(f"faults is a share from 0 to 1, got {faults!r}")
    rng = random.Random(seed)

    def choose(bus: MessageBus) -> Event | None:
        arriving = bus.arriving
        if arriving and rng.random() >= faults:
            return rng.choice(arriving)
        makers = [_timeout, _drop, _duplicate, _crash, _crash_between, _restart, _partition, _heal]
        while makers:
            event = makers.pop(rng.randrange(len(makers)))(bus, rng)
            if event is not None:
                return event
        return rng.choice(arriving) if arriving else None

    return choose


def _timeout(bus: MessageBus, rng: random.Random) -> Event | None:
    return Timeout(*rng.choice(bus.timers)[:2]) if bus.timers else None


def _drop(bus: MessageBus, rng: random.Random) -> Event | None:
    return Drop(rng.choice(bus.in_flight)) if bus.in_flight else None


def _duplicate(bus: MessageBus, rng: random.Random) -> Event | None:
    return Duplicate(rng.choice(bus.in_flight)) if bus.in_flight else None


def _crash(bus: MessageBus, rng: random.Random) -> Event | None:
    up = [name for name in bus.names if name not in bus.down]
    return Crash(rng.choice(up)) if up else None


def _crash_between(bus: MessageBus, rng: random.Random) -> Event | None:
    arriving = bus.arriving
    if not arriving:
        return None
    event = rng.choice(arriving)
    return Crash(event.envelope.to, during=event)


def _restart(bus: MessageBus, rng: random.Random) -> Event | None:
    return Restart(rng.choice(bus.down)) if bus.down else None


def _partition(bus: MessageBus, rng: random.Random) -> Event | None:
    sides: list[list[str]] = [[] for _ in range(rng.choice([2, 2, 3]))]
    for name in bus.names:
        rng.choice(sides).append(name)
    groups = tuple(tuple(side) for side in sides if side)
    return Partition(groups, one_way=rng.random() < 0.3) if len(groups) > 1 else None


def _heal(bus: MessageBus, rng: random.Random) -> Event | None:
    return Heal() if bus.cut is not None else None
