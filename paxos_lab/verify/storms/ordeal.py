"""An ordeal: a log runs under a nemesis until clients and servers are done, and the run is judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos.machines import KeyValueStore
from paxos_lab.multipaxos.messages import Reconfigure
from paxos_lab.node import Node
from paxos_lab.verify.histories.history import history_of
from paxos_lab.verify.histories.linearizability import linearizable
from paxos_lab.verify.storms.nemesis import late as late_messages
from paxos_lab.verify.storms.nemesis import nemesis
from paxos_lab.verify.storms.slot_rules import LogRules, executed_twice, servers_on
from paxos_lab.world.data import copy_of
from paxos_lab.world.schedule import Schedule

MOST_STEPS = 200_000


@dataclass(frozen=True)
class Ordeal:
    """The result of a run: the bus at its end, and what broke, in a sentence, or None.

    `kind`: "rule", "stall", "twice" or "history" for what broke; "gave up" if a bound ended the run before
    that was known; "" if nothing broke. `waited`: virtual time from the end of the faults to
    the end of the run.
    """

    bus: MessageBus
    kind: str = ""
    sentence: str | None = None
    waited: float = 0.0

    @property
    def ok(self) -> bool:
        """True if the run came to its end and nothing broke."""
        return not self.kind

    @property
    def gave_up(self) -> bool:
        """True if a bound ended the run, or the search for an order of its history."""
        return self.kind == "gave up"

    @property
    def broken(self) -> bool:
        """True if something is wrong."""
        return not self.ok and not self.gave_up

    def __str__(self) -> str:
        return f"{self.kind}: {self.sentence}" if self.kind else "nothing broke"


def behind(bus: MessageBus) -> list[str]:
    """The members that have not yet applied what another server has, and whoever is mute (recovering)."""
    servers = servers_on(bus)
    if not servers:
        return []
    first = max(servers, key=lambda server: server.applied())
    slot = first.applied() + 1
    members = first.members_at(slot) if hasattr(first, "members_at") else [s.name for s in servers]
    return [
        s.name for s in servers if (s.name in members and s.applied() + 1 < slot) or getattr(s, "mute", False)
    ]


class _Progress:
    """How much is done, and since which step nothing more has been."""

    def __init__(self, bus: MessageBus) -> None:
        self.clients: list[Any] = [n for n in bus if hasattr(n, "done") and hasattr(n, "operations")]
        self.operations = sum(len(client.operations) for client in self.clients)
        self.done = 0
        self.since = 0
        self._before: tuple[int, ...] = ()

    def waiting(self, bus: MessageBus) -> list[str]:
        """The clients that wait; once there is none, the servers that are behind."""
        return [client.name for client in self.clients if not client.done] or behind(bus)

    def look(self, bus: MessageBus, from_now: bool) -> None:
        """Count. `from_now`: whatever was done until now, the patience begins now."""
        self.done = sum(len(getattr(client, "results", ())) for client in self.clients)
        now: tuple[int, ...] = (self.done,)
        if all(client.done for client in self.clients):  # only then: no-ops and retries serve nobody
            servers = servers_on(bus)
            now += (sum(s.applied() for s in servers), -sum(getattr(s, "mute", False) for s in servers))
        if from_now or now != self._before:
            self._before, self.since = now, len(bus.trace)

    def sentence(self, waiting: list[str], steps: int) -> str:
        """How far it is."""
        so_far = f"{self.done} of {self.operations} operations are done"
        return f"{', '.join(waiting)} still waiting: {so_far}, and the last {steps:,} steps, all after the faults, brought nothing new"


def ordeal(
    nodes: Iterable[Node],
    seed: int,
    length: float = 100.0,
    *,
    every: float = 3.0,
    kinds: Iterable[str] | None = None,
    grace: int = 5_000,
    loss: float = 0.02,
    duplicate: float = 0.02,
    late: float = 0.05,
    quorum: int | None = None,
    schedule: Schedule | None = None,
    machine: Any = None,
    max_steps: int = MOST_STEPS,
    history_steps: int = 1_000_000,
) -> Ordeal:
    """Run a log under a nemesis until clients and servers are done, and judge the run.

    Checked are the slot rules and what servers say to each other after each step (`LogRules`), that
    nothing stalls, that nothing was executed twice, and that the history is linearizable. A stall is
    `grace` steps after the faults in which no operation is completed and, once all are, no member
    catches up; a run that is merely slow goes on, up to `max_steps`. `history_steps`: how long to look
    for an order of the history (`max_steps` of `linearizable`). `quorum`: how many votes
    choose, if neither the servers' `quorum_sizes` say so nor a majority does. `machine`: what executes the
    operations, as `linearizable` takes it; left out, that of the servers. `schedule`: one of your own in
    place of the nemesis, with faults that end before `length`. The clients are the nodes with `done` and
    `operations`. `loss`, `duplicate`, `late`: shares of messages that are lost, doubled, or 5 to 40 late,
    by the bus; this goes on after the faults have ended.
    """
    nodes = list(nodes)
    if machine is None:
        machine = _machine_of(nodes)
    bus = MessageBus(
        nodes, seed=seed, delay=late_messages(late), loss=loss, duplicate=duplicate, checked=False
    )
    rules, progress = LogRules(quorum), _Progress(bus)
    broken: list[str] = []

    def over(bus: MessageBus) -> bool:
        trace = bus.trace
        if trace and (trace[-1].changed or trace[-1].sent) and (found := rules.look(bus)):
            broken.append(found)
        progress.look(bus, from_now=bus.now <= length)
        return bool(broken) or len(trace) - progress.since >= grace or not progress.waiting(bus)

    bus.run(schedule or nemesis(seed, length, every=every, kinds=kinds), until=over, max_steps=max_steps)
    waited = max(0.0, bus.now - length)
    if broken:
        return Ordeal(bus, "rule", broken[0], waited)
    if late_ones := progress.waiting(bus):
        idle = len(bus.trace) - progress.since
        kind = "gave up" if len(bus.trace) >= max_steps and idle < grace else "stall"
        return Ordeal(bus, kind, progress.sentence(late_ones, idle), waited)
    if found := executed_twice(bus):
        return Ordeal(bus, "twice", found, waited)
    history = [op for op in history_of(bus.trace) if not isinstance(op.call, Reconfigure)]
    verdict = linearizable(history, machine, max_steps=history_steps)
    if not verdict.ok:
        return Ordeal(bus, "gave up" if verdict.gave_up else "history", str(verdict), waited)
    return Ordeal(bus, waited=waited)


def _machine_of(nodes: Iterable[Node]) -> Any:
    """The machine of the first server that shows one, as it is before the run."""
    machines = (getattr(node, "machine", None) for node in nodes)
    found = next((machine for machine in machines if hasattr(machine, "apply")), None)
    return KeyValueStore if found is None else copy_of(found)
