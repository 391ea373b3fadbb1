"""A nemesis: seeded faults in virtual time.

The schedule `paxos_lab.world.schedule.seeded` takes messages in any order at all. This one leaves the
order to virtual time, so that timers mean something, and strikes now and then; after a while it
lets everything heal. (The word is Jepsen's.) For whole runs of a log under a nemesis: `ordeal`.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos.rejoin import DiskLost
from paxos_lab.node import LabError
from paxos_lab.verify.storms.slot_rules import servers_on
from paxos_lab.world.events import (
    Crash,
    Deliver,
    Drop,
    Duplicate,
    Event,
    Heal,
    Invoke,
    Partition,
    Restart,
    Timeout,
    node_of,
)
from paxos_lab.world.network import Delay
from paxos_lab.world.schedule import Schedule

Strike = Callable[[MessageBus, random.Random], list[Event]]


def _sides(bus: MessageBus, rng: random.Random, one_way: bool) -> list[Event]:
    left = tuple(name for name in bus.names if rng.random() < 0.5)
    right = tuple(name for name in bus.names if name not in left)
    return [Partition((left, right), one_way)] if left and right else []


def _partition(bus: MessageBus, rng: random.Random) -> list[Event]:
    return _sides(bus, rng, one_way=False)


def _one_way(bus: MessageBus, rng: random.Random) -> list[Event]:
    return _sides(bus, rng, one_way=True)


def _alone(bus: MessageBus, rng: random.Random) -> list[Event]:
    """One server without the other servers; the clients reach it, which is the hard case."""
    names = [server.name for server in servers_on(bus)]
    if len(names) < 2:
        return []
    one = rng.choice(names)
    clients = [name for name in bus.names if name not in names and rng.random() < 0.5]
    rest = tuple(name for name in bus.names if name != one and name not in clients)
    return [Partition(((one, *clients), rest))]


def _crash(bus: MessageBus, rng: random.Random) -> list[Event]:
    up = [name for name in bus.names if name not in bus.down]
    return [Crash(rng.choice(up))] if up else []


def _crash_between(bus: MessageBus, rng: random.Random) -> list[Event]:
    """While it handles what comes next; a later message would let time jump."""
    match event := bus.upcoming():
        case Deliver() | Timeout():
            return [Crash(str(node_of(event)), during=event)]
    return []


def _lost_disk(bus: MessageBus, rng: random.Random) -> list[Event]:
    """A server that can rejoin loses its disk, unless another one is still catching up.

    Two servers are too few: what it has to catch up with is chosen by the others.
    """
    servers = [server for server in servers_on(bus) if hasattr(server, "mute")]
    up = [server for server in servers if server.name not in bus.down]
    if len(servers) < 3 or not up or any(server.mute for server in servers):
        return []
    one = rng.choice(up)
    return [Invoke(one.name, DiskLost(one.loss + 1)), Crash(one.name), Restart(one.name)]


def _drift(bus: MessageBus, rng: random.Random) -> list[Event]:
    """A timer rings before it is due: the clock there runs fast."""
    return [Timeout(*rng.choice(bus.timers)[:2])] if bus.timers else []


def _loss(bus: MessageBus, rng: random.Random) -> list[Event]:
    return [Drop(rng.choice(bus.in_flight))] if bus.in_flight else []


def _duplication(bus: MessageBus, rng: random.Random) -> list[Event]:
    return [Duplicate(rng.choice(bus.in_flight))] if bus.in_flight else []


STRIKES: dict[str, Strike] = {
    "partition": _partition,
    "one way": _one_way,
    "alone": _alone,
    "crash": _crash,
    "crash between disk and network": _crash_between,
    "lost disk": _lost_disk,
    "drift": _drift,
    "loss": _loss,
    "duplication": _duplication,
}


def nemesis(
    seed: int, length: float = 100.0, *, every: float = 3.0, kinds: Iterable[str] | None = None
) -> Schedule:
    """Virtual time decides, and about every `every` units something of `kinds` strikes, or heals.

    `kinds`: names from `STRIKES`; all of them if left out. From time `length` on the network is whole, all
    nodes are up, and nothing strikes any more. A restart or a healing is as likely as a strike once
    there is something to repair, so that a majority is often there. Use each schedule for one run.
    """
    chosen = sorted(STRIKES) if kinds is None else list(kinds)
    if unknown := [kind for kind in chosen if kind not in STRIKES]:
        raise LabError(f"no such strike: {unknown}; there are {', '.join(sorted(STRIKES))}")
    if not chosen:
        raise LabError("a nemesis needs at least one kind of strike")
    rng = random.Random(f"nemesis {seed}")
    due = rng.expovariate(1 / every)
    coming: deque[Event] = deque()

    def choose(bus: MessageBus) -> Event | None:
        nonlocal due
        if coming:
            return coming.popleft()
        if bus.now >= length:
            if bus.cut is not None:
                return Heal()
            return Restart(bus.down[0]) if bus.down else bus.upcoming()
        if bus.now >= due:
            due = bus.now + rng.expovariate(1 / every)
            repairs: list[Event] = [Restart(name) for name in bus.down]
            if bus.cut is not None:
                repairs.append(Heal())
            strike = STRIKES[rng.choice(chosen)](bus, rng)
            if repairs and (not strike or rng.random() < 0.5):
                return rng.choice(repairs)
            if strike:
                coming.extend(strike)
                return coming.popleft()
        event = bus.upcoming()
        if event is None:  # all are down: time would stand still
            return Heal() if bus.cut is not None else Restart(bus.down[0]) if bus.down else None
        return event

    return choose


def late(share: float = 0.05, by: tuple[float, float] = (5.0, 40.0)) -> Delay:
    """A delay for a bus: that share of its messages arrives late, by `by` units of virtual time.

    A late message is the most dangerous one: the Accept of a leader that everybody has forgotten. Which
    messages are late is drawn when they are sent, from the seed of the bus; the others take the usual
    0.5 to 1.5.
    """
    if not (isinstance(share, int | float) and 0 <= share <= 1):
        raise LabError(f"late is a share from 0 to 1, got {share!r}")

    def delay(rng: random.Random, sender: str, to: str) -> float:
        usual = rng.uniform(0.5, 1.5)
        return usual + rng.uniform(*by) if rng.random() < share else usual

    return delay
