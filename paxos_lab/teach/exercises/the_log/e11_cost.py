"""Exercise 11: formulas for what a command costs, judged by runs that were counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from numbers import Real
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos import Client, Heartbeat, HeartbeatHeard, Put, replicated_log
from paxos_lab.paxos import single_decree
from paxos_lab.show.measure.cost import forced_writes, messages_between
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, call
from paxos_lab.teach.exercises.in_words import shown
from paxos_lab.teach.exercises.task import Task
from paxos_lab.world.events import Timeout

BEATS = (Heartbeat, HeartbeatHeard)
GROUPS = (3, 4, 5, 7)


@dataclass(frozen=True)
class Cost:
    """What was counted: messages, forced writes, delays; and of what each consists, in words."""

    messages: float
    writes: float
    delays: float
    of: tuple[str, str, str]


def _named(counts: Mapping[type, int], times: int = 1) -> str:
    return ", ".join(f"{count // times} {kind.__name__}" for kind, count in counts.items())


def _writers(counts: Mapping[str, int], times: int = 1) -> str:
    return ", ".join(f"{name} {count // times}" for name, count in sorted(counts.items()))


@cache
def basic_cost(n: int) -> Cost:
    """One decision among n acceptors; the delays until the proposer knows."""
    bus = MessageBus(single_decree(["x"], acceptors=n, learners=0), delay=1)
    bus.run(until=lambda b: getattr(b["p1"], "learned", None) is not None)
    learned = bus.now
    while bus.arriving:
        bus.apply(bus.arriving[0])
    messages, writes = messages_between(bus.trace, bus.names), forced_writes(bus.trace)
    told = (
        f"Counted: {_named(messages)}.",
        f"Counted: {_writers(writes)}. The proposer writes its round before the Prepare leaves, so that after a restart "
        "it opens no ballot twice; an acceptor its promise and its vote.",
        "One after the other: Prepare, Promise, Accept, Accepted.",
    )
    return Cost(sum(messages.values()), sum(writes.values()), learned, told)


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
def leader_cost(n: int) -> Cost:
    """Each of ten commands: messages between servers, forced writes, delays for the client."""
    bus = _led_by_s1(1, 20, n)
    bus.run(until=lambda b: _results(b) >= 5)
    begin, time = len(bus.trace), bus.now
    bus.run(until=lambda b: _results(b) >= 15)
    steps, names = bus.trace[begin:], [f"s{i}" for i in range(1, n + 1)]
    messages, writes = messages_between(steps, names, BEATS), forced_writes(steps)
    told = (
        f"Counted per command: {_named(messages, 10)}. What the leader tells itself is not a message.",
        f"Counted per command: {_writers(writes, 10)}. Each server that votes writes its vote, the leader too.",
        "Counted from the client's request to its answer: Request, Accept, Accepted, Reply. Until the leader knows that it is "
        "chosen it is two, Accept and Accepted.",
    )
    return Cost(sum(messages.values()) / 10, sum(writes.values()) / 10, (bus.now - time) / 10, told)


@cache
def load(alpha: int, batch: int, clients: int) -> tuple[float, float]:
    """Commands per unit of time and messages per command, in the middle of a run of three servers."""
    bus = _led_by_s1(clients, 16, 3, alpha=alpha, batch=batch)
    due = clients * 16
    bus.run(until=lambda b: _results(b) >= due // 4, max_steps=100_000)
    begin, time, before = len(bus.trace), bus.now, _results(bus)
    bus.run(until=lambda b: _results(b) >= due * 3 // 4, max_steps=100_000)
    done = _results(bus) - before
    messages = sum(messages_between(bus.trace[begin:], ("s1", "s2", "s3"), BEATS).values())
    return done / (bus.now - time), messages / done


def _three(got: Any, called: str, right: Cost) -> None:
    if not isinstance(got, tuple | list) or len(got) != 3:
        raise NotYet(f"{called} is {shown(got)}; three numbers are wanted: messages, writes, delays.")
    measured = (right.messages, right.writes, right.delays)
    for name, mine, counted, of in zip(
        ("messages", "writes", "delays"), got, measured, right.of, strict=True
    ):
        if not is_number(mine) or mine != counted:
            raise NotYet(f"{called}: {name} is {shown(mine)}, and {counted:g} were counted in a run.", of)


def is_number(value: Any) -> bool:
    """Of any class that counts as a real number; not True, and not NaN."""
    return isinstance(value, Real) and not isinstance(value, bool) and value == value


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
        if not is_number(got):
            raise NotYet(f"{called} is {shown(got)}; a number is wanted.")
        if abs(got - measured) > 0.1 * measured:
            window, waiting = alpha * batch / 2, clients / 4
            why = "the window was the limit"
            limit = f"A slot is open for one round trip, 2 units, and then its place is free: {alpha} x {batch} commands in 2 units."
            if window > waiting:
                why = "all clients were waiting for their answers"
                limit = (
                    f"A client waits 4 units for an answer, Request, Accept, Accepted and Reply, and only then sends its "
                    f"next command: {clients} commands in 4 units."
                )
            raise NotYet(f"{called} is {float(got):g}, and {measured:.2f} was measured: {why}.", limit)
    return f"Within a tenth of {len(settings)} runs."


CLIENTS, FAST, CHEAP = 16, 3.5, 2
NEAR = 0.05  # the formulas judge; so much, of the whole, a run may be away from them


def choose(alpha: Any, batch: Any) -> str:
    """At least 3.5 commands per unit for 16 clients, at most 2 messages per command."""
    for name, value in (("ALPHA", alpha), ("BATCH", batch)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 64:
            raise NotYet(f"{name} is {shown(value)}; a whole number from 1 to 64 is wanted.")
    rate, messages = load(alpha, batch, CLIENTS)
    found = f"{rate:.2f} commands per unit of time, {messages:.2f} messages per command"
    held, by_formula = 6 / messages, alpha * batch / 2
    if rate < FAST * (1 - NEAR):
        raise NotYet(
            f"Too slow: {found}.",
            f"{FAST} commands per unit are wanted. A slot is open for 2 units, and {alpha} x {batch} commands fit into the window.",
        )
    if messages > CHEAP * (1 + NEAR):
        why = f"A slot costs 6 messages, and held {held:.1f} commands on average, of {batch} that fit."
        if held < batch - 0.5:
            why += (
                f" {CLIENTS} clients have {CLIENTS // 2} commands at the leader at a time, the others are on the way; "
                f"{alpha} open slots share them."
            )
        raise NotYet(f"Too many messages: {found}.", f"{CHEAP} per command are allowed.", why)
    if rate < FAST:
        return (
            f"{found}. By the formula {alpha} x {batch} / 2 = {by_formula:g} per unit, which is enough; in the run a slot "
            f"held {held:.1f} of {batch} commands on average."
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
            "n of each. What an acceptor promises or votes must be on disk first; and so must the proposer's round, before its "
            "Prepare leaves.",
            "Four messages per acceptor, two writes, and one write of the proposer; one delay for each kind: "
            "`return 4 * n, 2 * n + 1, 4`.",
        ),
    ),
    Task(
        "cost.leader",
        "What a command costs with a stable leader",
        "11",
        ("with_leader",),
        leader,
        (
            "The leader is one of the n: what it tells itself is not a message, but its vote counts.",
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
            "A slot costs 6 messages, however many commands are in it. About 8 commands are in a slot at any time, and all open "
            "slots share them.",
            "A slot of n commands costs 6 / n messages each, and holds `min(batch, 8 / alpha)` of them: a window larger than "
            "needed leaves the slots half empty. alpha x batch = 8 is enough: try 2 and 4.",
        ),
    ),
)
