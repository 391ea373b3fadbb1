"""Commands decided per second by the log in simulation, against a bare heap that passes as many messages.

A heap of (time, number, callback) whose callbacks do nothing but put the next message in is the least
that any simulator of messages does. What the log is slower by is the network, the roles and the trace.
"""

from __future__ import annotations

import heapq
import pickle
import statistics
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.bus import Member, timed
from paxos_lab import MessageBus
from paxos_lab.multipaxos import Put, Server, replicated_log
from paxos_lab.world.copying import fields_of

SERVERS, CLIENTS, COMMANDS, ROUNDS = 5, 5, 2_000, 5
SNAPSHOT_EVERY = 100
TRACED_COMMANDS = 300  # tracing copies what changed at every step, checking runs every hook twice
SIZES = (3, 5, 7, 9)
LENGTHS = (1_000, 3_000, 10_000, 30_000, 100_000)


class Run(NamedTuple):
    """What one run cost: processor seconds, messages delivered, slots and bytes kept by the fullest server."""

    commands: int
    seconds: float
    messages: int
    slots_kept: int
    bytes_kept: int

    @property
    def rate(self) -> float:
        """Commands per second."""
        return self.commands / self.seconds


def on_the_log(servers: int, commands: int, *, traced: bool = False, checked: bool = False) -> Run:
    """Decide and execute that many commands; the leader is stable and clients ask all servers."""
    each = commands // CLIENTS
    operations = [[Put(f"key {i % 10}", i) for i in range(each)] for _ in range(CLIENTS)]
    nodes = replicated_log(operations, servers, snapshot_every=SNAPSHOT_EVERY, alpha=10)
    bus = MessageBus(nodes, traced=traced, checked=checked)
    group = [node for node in nodes if isinstance(node, Server)]
    clients: list[Any] = nodes[servers:]
    delivered = 0
    bus.run(until=lambda _: any(client.results for client in clients))  # the election is not measured
    ballots = {server.promised for server in group}

    def work() -> None:
        nonlocal delivered
        while not all(client.done for client in clients):
            delivered += bus.run(max_steps=500)

    seconds = timed(work)
    assert all(len(client.results) == each for client in clients)
    assert {server.promised for server in group} == ballots, "another leader came in between"
    slots = max(len(server.log) + len(server.votes) for server in group)
    kept = max(len(pickle.dumps(fields_of(server))) for server in group)
    return Run(each * CLIENTS, seconds, delivered, slots, kept)


def on_a_heap(messages: int) -> float:
    """Seconds for a heap that passes that many messages between empty callbacks."""
    queue: list[tuple[float, int, Callable[[], None]]] = []
    number = 0

    def nothing() -> None:
        nonlocal number
        number += 1
        heapq.heappush(queue, (now + 1.0, number, nothing))

    now = 0.0
    for _ in range(10):
        nothing()

    def work() -> None:
        nonlocal now
        for _ in range(messages):
            now, _number, callback = heapq.heappop(queue)
            callback()

    return timed(work)


def on_the_bare_bus(messages: int) -> float:
    """Seconds for the same bus whose roles only pass on a token."""
    ring = [Member(f"n{i}", f"n{(i + 1) % SERVERS}") for i in range(SERVERS)]
    bus = MessageBus(ring, delay=1.0, traced=False, checked=False)
    return timed(lambda: bus.run(max_steps=messages))


def report(longest: int | None = None) -> None:
    """Print rates, ratios, where the time goes, and how it grows."""
    _ratios()
    _growth_with_servers()
    _growth_with_commands(longest or (LENGTHS[-1] if "--long" in sys.argv else LENGTHS[-2]))


def _ratios() -> None:
    kinds: dict[str, tuple[int, bool, bool]] = {
        "no trace": (COMMANDS, False, False),
        "traced": (TRACED_COMMANDS, True, False),
        "traced and checked": (TRACED_COMMANDS // 3, True, True),
    }
    runs: dict[str, list[tuple[Run, float, float]]] = {name: [] for name in kinds}
    for _ in range(ROUNDS):
        for name, (commands, traced, checked) in kinds.items():
            run = on_the_log(SERVERS, commands, traced=traced, checked=checked)
            runs[name].append((run, on_a_heap(run.messages), on_the_bare_bus(run.messages)))
    print(f"commands decided per second, {SERVERS} servers, {CLIENTS} clients, a snapshot every "
          f"{SNAPSHOT_EVERY} slots, median of {ROUNDS}")  # fmt: skip
    for name, found in runs.items():
        ratios = [heap / run.seconds for run, heap, _ in found]
        rate = statistics.median(run.rate for run, _, _ in found)
        print(f"  {name:20} {rate:9,.0f}   {statistics.median(ratios):6.3f} x a bare heap "
              f"({min(ratios):.3f} to {max(ratios):.3f})")  # fmt: skip
    shares = [
        (heap / run.seconds, (bus - heap) / run.seconds, 1 - bus / run.seconds)
        for run, heap, bus in runs["no trace"]
    ]
    heap, network, roles = (100 * statistics.median(share) for share in zip(*shares, strict=True))
    run = runs["no trace"][0][0]
    print(f"  {run.messages / run.commands:.1f} events a command; of the time without a trace {heap:.0f} % is what the heap "
          f"needs, {network:.0f} % the bus (delays, timers, effects), {roles:.0f} % the roles")  # fmt: skip


def _growth_with_servers() -> None:
    print(f"growth with the number of servers, {COMMANDS:,} commands, no trace")
    first = None
    for servers in SIZES:
        run = on_the_log(servers, COMMANDS)
        per_event = 1e6 * run.seconds / run.messages
        first = first or run.seconds
        print(f"  {servers} servers {run.rate:9,.0f} commands/s   {run.messages / run.commands:5.1f} events a command   "
              f"{per_event:5.1f} µs an event   {run.seconds / first:.2f} x the time of {SIZES[0]}")  # fmt: skip


def _growth_with_commands(longest: int) -> None:
    print(
        f"growth with the number of commands, {SERVERS} servers, no trace; linear is a constant µs a command"
    )
    for commands in LENGTHS:
        if commands > longest:
            print(f"  {commands:7,} commands: only with --long")
            continue
        run = on_the_log(SERVERS, commands)
        print(f"  {commands:7,} commands {1e6 * run.seconds / run.commands:6.0f} µs a command   "
              f"{run.slots_kept:4} slots and {run.bytes_kept / 1024:5.1f} KiB kept by the fullest server")  # fmt: skip
