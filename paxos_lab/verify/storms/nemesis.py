"""A nemesis: seeded faults in virtual time, and a run of a log that has to survive them.

The schedule `paxos_lab.world.schedule.seeded` takes messages in any order at all. This one leaves the
order to virtual time, so that timers mean something, and strikes now and then; after a while it
lets everything heal. What has not ended some time later stalls.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos.messages import Reconfigure
from paxos_lab.multipaxos.rejoin import DiskLost
from paxos_lab.node import LabError, Node
from paxos_lab.verify.histories.history import history_of
from paxos_lab.verify.histories.linearizability import linearizable
from paxos_lab.verify.storms.slot_rules import LogRules, executed_twice, servers_on
from paxos_lab.world.events import Crash, Drop, Duplicate, Event, Heal, Invoke, Partition, Restart, Timeout
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
    coming = bus.arriving
    if not coming:
        return []
    event = rng.choice(coming)
    return [Crash(event.envelope.to, during=event)]


def _lost_disk(bus: MessageBus, rng: random.Random) -> list[Event]:
    """A server that can rejoin loses its disk, unless another one has not caught up yet.

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

    `kinds`: names from `STRIKES`, left out, all. From time `length` on the network is whole, all
    nodes are up, and nothing strikes any more. A restart or a healing is as likely as a strike once
    there is something to mend, so that a majority is often there. Use each schedule for one run.
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
            mend: list[Event] = [Restart(name) for name in bus.down]
            if bus.cut is not None:
                mend.append(Heal())
            strike = STRIKES[rng.choice(chosen)](bus, rng)
            if mend and (not strike or rng.random() < 0.5):
                return rng.choice(mend)
            if strike:
                coming.extend(strike)
                return coming.popleft()
        event = bus.upcoming()
        if event is None:  # all are down: time would stand still
            return Heal() if bus.cut is not None else Restart(bus.down[0]) if bus.down else None
        return event

    return choose


def behind(bus: MessageBus) -> list[str]:
    """The members that have not applied yet what another server has, and whoever is mute."""
    servers = servers_on(bus)
    if not servers:
        return []
    first = max(servers, key=lambda server: server.applied())
    slot = first.applied() + 1
    members = first.members_at(slot) if hasattr(first, "members_at") else [s.name for s in servers]
    return [
        s.name for s in servers if (s.name in members and s.applied() + 1 < slot) or getattr(s, "mute", False)
    ]


@dataclass(frozen=True)
class Ordeal:
    """What came of a run: the bus at its end, and what broke, in a sentence, or None.

    `kind`: "rule", "stall", "twice", "history" or "" when all went well. `waited`: virtual time from
    the end of the faults until all were done.
    """

    bus: MessageBus
    kind: str = ""
    sentence: str | None = None
    waited: float = 0.0

    @property
    def ok(self) -> bool:
        """True if nothing broke."""
        return not self.kind


def ordeal(
    nodes: Iterable[Node],
    seed: int,
    length: float = 100.0,
    *,
    every: float = 3.0,
    kinds: Iterable[str] | None = None,
    grace: float = 400.0,
    loss: float = 0.02,
    duplicate: float = 0.02,
    quorum: int | None = None,
    schedule: Schedule | None = None,
) -> Ordeal:
    """Run a log under a nemesis until clients and servers are done, and judge the run.

    Checked are the slot rules after each step, that nothing stalls, that nothing was executed twice,
    and that the history is linearizable. `grace`: virtual time after the faults within which every
    client has to be done and every member has to know all that is chosen. `schedule`: one of your own
    in place of the nemesis, with faults that end before `length`. The clients are the nodes with
    `done` and `operations`; loss and copies by the bus go on after the faults have ended.
    """
    bus = MessageBus(nodes, seed=seed, loss=loss, duplicate=duplicate, checked=False)
    rules = LogRules(quorum)
    broken: list[str] = []
    clients = [node for node in bus if hasattr(node, "done") and hasattr(node, "operations")]

    def waiting() -> list[str]:
        return [c.name for c in clients if not c.done] or behind(bus)  # type: ignore[attr-defined]

    def over(bus: MessageBus) -> bool:
        trace = bus.trace
        if trace and trace[-1].changed and (found := rules.look(bus)):
            broken.append(found)
        return bool(broken) or bus.now > length + grace or not waiting()

    bus.run(schedule or nemesis(seed, length, every=every, kinds=kinds), until=over, max_steps=200_000)
    waited = max(0.0, bus.now - length)
    if broken:
        return Ordeal(bus, "rule", broken[0], waited)
    if late := waiting():
        return Ordeal(bus, "stall", f"{', '.join(late)} still waiting {waited:.0f} after the faults", waited)
    if found := executed_twice(bus):
        return Ordeal(bus, "twice", found, waited)
    history = [op for op in history_of(bus.trace) if not isinstance(op.call, Reconfigure)]
    verdict = linearizable(history)
    if not verdict.ok:
        return Ordeal(bus, "history", str(verdict), waited)
    return Ordeal(bus, waited=waited)
