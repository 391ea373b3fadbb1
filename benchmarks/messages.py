"""Messages delivered per second: the bus beside simpy, which passes the same tokens round.

Both worlds: `NODES` nodes in a ring, `TOKENS` tokens, each delivery takes one unit of virtual time
and makes one new frozen message. In simpy every node owns a Store and every message is a process
that waits out the latency, as in simpy's own event latency example.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import simpy

from paxos_lab import MessageBus, Node

NODES, TOKENS, MESSAGES, ROUNDS = 5, 5, 20_000, 9


@dataclass(frozen=True)
class Token:
    """What goes round; counts its hops."""

    hops: int


@dataclass
class Passer(Node):
    """Hands each token to the next node."""

    next: str
    seen: int = 0

    def start(self) -> None:
        self.send(self.next, Token(0))

    def receive(self, sender: str, message: Any) -> None:
        self.seen += 1
        self.send(self.next, Token(message.hops + 1))


def with_bus(traced: bool, checked: bool) -> int:
    """Pass the tokens on the bus; returns the number of deliveries."""
    ring = [Passer(f"n{i}", f"n{(i + 1) % NODES}") for i in range(NODES)]
    bus = MessageBus(ring, delay=1.0, traced=traced, checked=checked)
    bus.run(max_steps=MESSAGES)
    assert sum(node.seen for node in ring) == MESSAGES
    return MESSAGES


def with_simpy() -> int:
    """Pass the tokens in simpy; returns the number of deliveries."""
    env = simpy.Environment()
    stores = [simpy.Store(env) for _ in range(NODES)]
    seen = [0] * NODES
    done = env.event()

    def latency(to: int, message: Token) -> Generator[Any, Any, None]:
        yield env.timeout(1.0)
        stores[to].put(message)

    def passer(me: int) -> Generator[Any, Any, None]:
        to = (me + 1) % NODES
        env.process(latency(to, Token(0)))
        while True:
            message = yield stores[me].get()
            seen[me] += 1
            if sum(seen) == MESSAGES:
                done.succeed()
            env.process(latency(to, Token(message.hops + 1)))

    for me in range(TOKENS):
        env.process(passer(me))
    env.run(until=done)
    assert sum(seen) == MESSAGES
    return MESSAGES


CASES: dict[str, Callable[[], int]] = {
    "simpy": with_simpy,
    "bus, no trace, no checks": lambda: with_bus(traced=False, checked=False),
    "bus, trace, no checks": lambda: with_bus(traced=True, checked=False),
    "bus, no trace, checks": lambda: with_bus(traced=False, checked=True),
    "bus, trace and checks": lambda: with_bus(traced=True, checked=True),
}


def per_second(case: Callable[[], int]) -> float:
    """Deliveries per second of real time; every case starts with an empty garbage collector."""
    gc.collect()
    begin = time.perf_counter()
    delivered = case()
    return delivered / (time.perf_counter() - begin)


def rates(rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Deliveries per second of each case, the cases taking turns, so that a slow moment hits all."""
    found: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(rounds):
        for name, case in CASES.items():
            found[name].append(per_second(case))
    return found


def report() -> None:
    """Print the rates, and each as a ratio to simpy's of the same round."""
    found = rates()
    print(f"Messages delivered per second ({NODES} nodes, {MESSAGES} messages, median of {ROUNDS} rounds)")
    for name, values in found.items():
        ratios = [mine / peer for mine, peer in zip(values, found["simpy"], strict=True)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"  {name:26} {statistics.median(values):>9,.0f}/s   {statistics.median(ratios):5.2f} x simpy ({spread})")
    bare, traced, checked = (
        1e6 / statistics.median(found[name])
        for name in ("bus, no trace, no checks", "bus, trace, no checks", "bus, no trace, checks")
    )
    print(f"  a message costs {bare:.1f} µs; the trace adds {traced - bare:.1f} µs, the checks {checked - bare:.1f} µs")
