"""Exercise 11: formulas for what a command costs, judged by runs that were counted."""

from __future__ import annotations

from functools import cache
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos import Client, Put, replicated_log
from paxos_lab.paxos import single_decree
from paxos_lab.show.measure.cost import forced_writes, messages_between
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, call
from paxos_lab.teach.exercises.task import Task
from paxos_lab.world.events import Timeout

BEATS = ("Heartbeat", "HeartbeatHeard")
GROUPS = (3, 4, 5, 7)


@cache
def basic_cost(n: int) -> tuple[int, int, float]:
    """Messages, forced writes, and delays until the proposer knows, of one decision among n acceptors."""
    bus = MessageBus(single_decree(["x"], acceptors=n, learners=0), delay=1)
    bus.run(until=lambda b: getattr(b["p1"], "learned", None) is not None)
    learned = bus.now
    while bus.arriving:
        bus.apply(bus.arriving[0])
    return (
        sum(messages_between(bus.trace, bus.names).values()),
        sum(forced_writes(bus.trace).values()),
        learned,
    )


def _led_by_s1(clients: int, each: int, servers: int, **settings: Any) -> MessageBus:
    nodes: list[Any] = replicated_log([[Put("x", i) for i in range(each)]] * clients, servers, **settings)
    for client in nodes[servers:]:
        client.servers = ("s1",)
    bus = MessageBus(nodes, delay=1, checked=False, idle=[client.name for client in nodes[servers:]])
    bus.apply(Timeout("s1", "election"), at=0)
    bus.run(until=lambda b: getattr(b["s1"], "role", "") == "leader")
    for client in nodes[servers:]:
        bus.start(client.name)
    return bus


def _results(bus: MessageBus) -> int:
    return sum(len(node.results) for node in bus if isinstance(node, Client))


@cache
def leader_cost(n: int) -> tuple[float, float, float]:
    """Messages between servers, forced writes and delays for the client, for each of ten commands."""
    bus = _led_by_s1(1, 20, n)
    bus.run(until=lambda b: _results(b) >= 5)
    begin, time = len(bus.trace), bus.now
    bus.run(until=lambda b: _results(b) >= 15)
    steps, names = bus.trace[begin:], [f"s{i}" for i in range(1, n + 1)]
    return (
        sum(messages_between(steps, names, BEATS).values()) / 10,
        sum(forced_writes(steps).values()) / 10,
        (bus.now - time) / 10,
    )


@cache
def load(alpha: int, batch: int, clients: int) -> tuple[float, float]:
    """Commands for each unit of time and messages for each command, in the middle of a run of three servers."""
    bus = _led_by_s1(clients, 16, 3, alpha=alpha, batch=batch)
    due = clients * 16
    bus.run(until=lambda b: _results(b) >= due // 4, max_steps=100_000)
    begin, time, before = len(bus.trace), bus.now, _results(bus)
    bus.run(until=lambda b: _results(b) >= due * 3 // 4, max_steps=100_000)
    done = _results(bus) - before
    messages = sum(messages_between(bus.trace[begin:], ("s1", "s2", "s3"), BEATS).values())
    return done / (bus.now - time), messages / done


def _three(got: Any, called: str, right: tuple[float, float, float]) -> None:
    if not isinstance(got, tuple | list) or len(got) != 3:
        raise NotYet(f"{called} is {got!r}; three numbers are wanted: messages, writes, delays.")
    for name, mine, measured in zip(("messages", "writes", "delays"), got, right, strict=True):
        if isinstance(mine, bool) or not isinstance(mine, int | float) or mine != measured:
            raise NotYet(
                f"{called}: {name} is {mine!r}, and {measured:g} were counted in a run.",
                "Draw the run with its arrows, and count again.",
            )


def basic(formula: Any) -> str:
    """Both phases for one value."""
    formula = a_function(formula, "basic")
    for n in GROUPS:
        _three(call(formula, n), f"basic({n})", basic_cost(n))
    return f"As counted in runs with {', '.join(map(str, GROUPS))} acceptors."


def leader(formula: Any) -> str:
    """One command with a stable leader, which is one of the n."""
    formula = a_function(formula, "with_leader")
    for n in GROUPS:
        _three(call(formula, n), f"with_leader({n})", leader_cost(n))
    return f"As counted in groups of {', '.join(map(str, GROUPS))}."


def throughput(formula: Any) -> str:
    """Commands for each unit of time, from window, batch and number of clients."""
    formula = a_function(formula, "throughput")
    settings = [(1, 1, 16), (2, 1, 16), (4, 1, 16), (2, 4, 16), (16, 1, 16), (4, 4, 8), (1, 2, 12), (8, 2, 4)]
    for alpha, batch, clients in settings:
        measured, _ = load(alpha, batch, clients)
        called = f"throughput({alpha}, {batch}, {clients})"
        got = call(formula, alpha, batch, clients)
        if isinstance(got, bool) or not isinstance(got, int | float):
            raise NotYet(f"{called} is {got!r}; a number is wanted.")
        if abs(got - measured) > 0.1 * measured:
            full = alpha * batch / 2 <= clients / 4
            why = "the window was the limit" if full else "all clients were waiting for their answers"
            raise NotYet(
                f"{called} is {got:g}, and {measured:.2f} was measured: {why}.",
                "Two limits; the smaller one counts.",
            )
    return f"Within a tenth of {len(settings)} runs."


def choose(alpha: Any, batch: Any) -> str:
    """At least 3.5 commands a unit for 16 clients, at most 2 messages a command."""
    for name, value in (("ALPHA", alpha), ("BATCH", batch)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 64:
            raise NotYet(f"{name} is {value!r}; a whole number from 1 to 64 is wanted.")
    rate, messages = load(alpha, batch, 16)
    found = f"{rate:.2f} commands for each unit of time, {messages:.2f} messages for each command"
    if rate < 3.5:
        raise NotYet(f"Too slow: {found}.", "3.5 commands a unit are wanted. Is the window the limit?")
    if messages > 2:
        raise NotYet(
            f"Too many messages: {found}.",
            "2 a command are allowed. What divides messages, and what does not?",
        )
    return f"{found}."


TASKS = (
    Task(
        "cost.basic",
        "What one decision costs",
        "11",
        ("basic",),
        basic,
        (
            "Four kinds of messages. How many of each?",
            "n of each. What an acceptor promises or votes must be on disk first.",
            "Four messages for each acceptor, two writes, one delay for each kind: `return 4 * n, 2 * n, 4`.",
        ),
    ),
    Task(
        "cost.leader",
        "What a command costs with a stable leader",
        "11",
        ("with_leader",),
        leader,
        (
            "The leader is one of the n: what it tells itself is no message, but its vote is a vote.",
            "Accept, Accepted, Chosen, for each of the others. The client's way there and back are delays too.",
            "`return 3 * (n - 1), n, 4`: each of the n servers writes its vote; Request, Accept, Accepted, Reply.",
        ),
    ),
    Task(
        "cost.throughput",
        "Where the throughput ends",
        "11",
        ("throughput",),
        throughput,
        (
            "A slot is open for one round trip, 2 units. A client waits 4 units for each answer. What is the most of each?",
            "alpha slots at a time, batch commands in each: how many in a unit? And how many can the clients ask for?",
            "The smaller of the two limits: `return min(alpha * batch / 2, clients / 4)`.",
        ),
    ),
    Task(
        "cost.choose",
        "Choose window and batch",
        "11",
        ("ALPHA", "BATCH"),
        choose,
        (
            "First make it fast enough with your formula, then look at the messages.",
            "A slot costs 6 messages, however many commands are in it.",
            "A slot of n commands costs 6 / n messages each, if it is full; a window larger than needed leaves the slots half "
            "empty. alpha x batch = 8 is enough: try 2 and 4.",
        ),
    ),
)
