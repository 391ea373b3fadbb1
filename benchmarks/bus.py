"""Messages delivered per second: our bus against simpy, the same ring of nodes, the same messages.

In both a token goes round: each node that gets it sends the next one, which travels for one unit
of virtual time. simpy does it as its own event-latency example does: a store for each node, and a
process for each message that waits the latency and then puts it in.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import simpy

from paxos_lab import MessageBus, Node

NODES, MESSAGES, ROUNDS = 5, 30_000, 7


@dataclass(frozen=True)
class Token:
    number: int


@dataclass
class Member(Node):
    to: str
    seen: int = 0

    def start(self) -> None:
        if self.name == "n0":
            self.send(self.to, Token(0))

    def receive(self, sender: str, message: Token) -> None:
        match message:
            case Token(number):
                self.seen += 1
                self.send(self.to, Token(number + 1))


def on_bus(traced: bool, checked: bool) -> float:
    """Messages per second on the bus."""
    ring = [Member(f"n{i}", f"n{(i + 1) % NODES}") for i in range(NODES)]
    bus = MessageBus(ring, delay=1.0, traced=traced, checked=checked)
    seconds = timed(lambda: bus.run(max_steps=MESSAGES))
    assert sum(node.seen for node in ring) == MESSAGES
    return MESSAGES / seconds


def on_simpy() -> float:
    """Messages per second in simpy."""
    env = simpy.Environment()
    boxes = [simpy.Store(env) for _ in range(NODES)]
    seen = [0] * NODES
    done = env.event()

    def travel(to, token):
        yield env.timeout(1.0)
        yield boxes[to].put(token)

    def member(me):
        while True:
            token = yield boxes[me].get()
            seen[me] += 1
            if token.number + 1 == MESSAGES:
                done.succeed()
            env.process(travel((me + 1) % NODES, Token(token.number + 1)))

    for me in range(NODES):
        env.process(member(me))
    env.process(travel(0, Token(0)))
    seconds = timed(lambda: env.run(done))
    assert sum(seen) == MESSAGES
    return MESSAGES / seconds


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time, so that what else runs on the machine counts little."""
    gc.collect()
    gc.freeze()  # what other benchmarks imported is not looked through again and again
    begin = time.process_time()
    work()
    seconds = time.process_time() - begin
    gc.unfreeze()
    return seconds


def report() -> None:
    """Print the rates and their ratios; medians over rounds that take turns."""
    kinds: dict[str, Callable[[], float]] = {
        "simpy": on_simpy,
        "bus, no trace": lambda: on_bus(traced=False, checked=False),
        "bus, traced": lambda: on_bus(traced=True, checked=False),
        "bus, traced and checked": lambda: on_bus(traced=True, checked=True),
    }
    rates: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(ROUNDS):
        for name, run in kinds.items():
            rates[name].append(run())
    print(f"messages delivered per second, {NODES} nodes, {MESSAGES} messages, median of {ROUNDS}")
    for name, found in rates.items():
        ratios = [mine / peer for mine, peer in zip(found, rates["simpy"], strict=True)]
        print(f"  {name:24} {statistics.median(found):9,.0f}   {statistics.median(ratios):5.2f} x simpy "
              f"({min(ratios):.2f} to {max(ratios):.2f})")  # fmt: skip
    bare, traced, checked = (statistics.median(rates[name]) for name in list(kinds) if name.startswith("bus"))
    print(f"  tracing costs {1e6 / traced - 1e6 / bare:.1f} µs a message, "
          f"checking every hook {1e6 / checked - 1e6 / traced:.1f} µs more")  # fmt: skip
