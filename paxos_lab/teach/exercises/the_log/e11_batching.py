"""Exercise 11: how long a quorum takes, and when a leader gives waiting commands a slot. Both are run."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos import Client, Heartbeat, HeartbeatHeard, Put, Server, replicated_log
from paxos_lab.show.measure.cost import messages_between
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, call, in_a_world
from paxos_lab.teach.exercises.in_words import same, shown
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.the_log.e11_cost import is_number
from paxos_lab.world.events import Timeout

BEATS = (Heartbeat, HeartbeatHeard)


def _results(bus: MessageBus) -> int:
    return sum(len(node.results) for node in bus if isinstance(node, Client))


def _led_by_s1(nodes: list[Any], delay: Any) -> MessageBus:
    """A run in which s1 leads, and the clients, which all ask s1, have just begun."""
    clients = [node for node in nodes if isinstance(node, Client)]
    for client in clients:
        client.servers = ("s1",)
    bus = MessageBus(nodes, delay=delay, seed=1, checked=False, idle=[client.name for client in clients])
    bus.apply(Timeout("s1", "election"), at=0)
    bus.run(until=lambda bus: getattr(bus["s1"], "role", "") == "leader", max_steps=500)
    for client in clients:
        bus.start(client.name)
    return bus


# ---- which vote counts


@cache
def answer_time(n: int, q2: int, far: int, way: int) -> float:
    """The time from a request to its answer, the mean of ten; `far` followers are `way` units away."""
    away = {f"s{i}" for i in range(n - far + 1, n + 1)}
    nodes = replicated_log(
        [[Put("x", i) for i in range(20)]], n, quorum_sizes=(n + 1 - q2, q2), patience=500.0
    )
    bus = _led_by_s1(nodes, lambda _rng, sender, to: way if {sender, to} & away else 1)
    bus.run(until=lambda b: _results(b) >= 5)
    began = bus.now
    bus.run(until=lambda b: _results(b) >= 15)
    return (bus.now - began) / 10


def quorum_delay(formula: Any) -> str:
    """The leader waits for the slowest vote of the fastest quorum."""
    formula = a_function(formula, "answer_after")
    settings = [
        (3, 2, 0, 4),
        (5, 3, 2, 4),
        (5, 3, 3, 4),
        (5, 2, 3, 4),
        (5, 2, 4, 3),
        (5, 1, 4, 4),
        (3, 1, 0, 2),
    ]
    settings += [(4, 2, 2, 3), (4, 3, 2, 3), (7, 4, 3, 2), (7, 5, 3, 2), (3, 3, 1, 4)]
    for n, q2, far, way in settings:
        measured = answer_time(n, q2, far, way)
        told = f"answer_after({n}, {q2}, {far}, {way})"
        got = call(formula, n, q2, far, way, called=told)
        if not is_number(got):
            raise NotYet(f"{told} is {shown(got)}; a number is wanted.")
        if abs(got - measured) > 0.01:
            near = n - 1 - far
            raise NotYet(
                f"{told} is {float(got):g}, and {measured:g} was measured.",
                f"The leader votes itself at once. It needs {q2 - 1} of the others, and {near} of them are near.",
                "Request and Reply are on the way for 1 unit each.",
            )
    return f"As measured in {len(settings)} groups, with majorities and with other sizes."


# ---- when to send


class Batching(Server):
    """A leader that asks a rule how many of the waiting commands go into a slot now; 0: they wait."""

    def rule(self, waiting: int, under_way: int) -> Any:
        """How many of the waiting commands go into the next slot."""
        raise NotImplementedError

    def serve(self) -> None:
        if self.next_slot <= max(self.fill_to, self.last_taken):
            super().serve()
        while self.role == "leader" and self.queue and self.next_slot in self.open_slots():
            taken = self._asked(len(self.queue), len(self.proposals))
            if taken == 0:
                return
            self.batch, self.queue, rest = taken, self.queue[:taken], self.queue[taken:]
            before = self.next_slot
            super().serve()
            self.queue += rest
            if self.next_slot == before:
                return

    def _asked(self, waiting: int, under_way: int) -> int:
        taken = self.rule(waiting, under_way)
        told = f"send_now({waiting}, {under_way}, {self.alpha})"
        if type(taken) is not int or not 0 <= taken <= waiting:
            raise NotYet(f"{told} is {shown(taken)}; a whole number from 0 to {waiting} is wanted.")
        return taken


def under_load(
    rule: Callable[..., Any], clients: int, each: int = 12, said: dict[tuple[int, int], Any] | None = None
) -> tuple[float, float, float]:
    """(commands per unit, messages per command, units until an answer), in the middle of a run with this rule.

    The way between servers is 1 unit, that between client and leader varies from 0.5 to 1.5. `said`: what
    the rule has answered so far, which it must answer again.
    """
    known = {} if said is None else said

    class Mine(Batching):
        def rule(self, waiting: int, under_way: int) -> Any:
            told = f"send_now({waiting}, {under_way}, {self.alpha})"
            got = call(rule, waiting, under_way, self.alpha, called=told)
            first = known.setdefault((waiting, under_way), got)
            if not same(got, first):
                raise NotYet(
                    f"{told} is {shown(first)}, and asked again it is {shown(got)}.",
                    "A rule may look at its arguments only: no clock, no chance, nothing that it remembers.",
                )
            return got

    nodes = replicated_log([[Put("x", i) for i in range(each)]] * clients, server=Mine, alpha=4)
    due, end = clients * each, 12.0 * each
    with in_a_world("With one client" if clients == 1 else f"With {clients} clients"):
        bus = _led_by_s1(nodes, lambda rng, a, b: 1.0 if a[0] == b[0] == "s" else rng.uniform(0.5, 1.5))
        bus.run(until=lambda b: _results(b) >= due // 4 or b.now > end, max_steps=20_000)
        steps, began, before = len(bus.trace), bus.now, _results(bus)
        bus.run(until=lambda b: _results(b) >= due * 3 // 4 or b.now > end, max_steps=20_000)
    done, time = _results(bus) - before, bus.now - began
    if not done:
        alone = "One client" if clients == 1 else f"{clients} clients"
        raise NotYet(
            f"{alone} and nobody else: a command waits for ever.",
            "A client sends its next command only when it has its answer, so nobody comes to fill the slot.",
        )
    messages = sum(messages_between(bus.trace[steps:], ("s1", "s2", "s3"), BEATS).values())
    return done / time, messages / done, time * clients / done


def batching(rule: Any) -> str:
    """Nobody waits without need when there is little to do, and slots are shared when there is much."""
    rule = a_function(rule, "send_now")
    said: dict[tuple[int, int], Any] = {}
    _, _, alone = under_load(rule, 1, said=said)
    if alone > 4.4:
        raise NotYet(
            f"One client alone waits {alone:.1f} units for an answer.",
            "4 are enough: Request, Accept, Accepted, Reply. What do its commands wait for?",
        )
    under_load(rule, 3, said=said)
    rate, messages, wait = under_load(rule, 16, said=said)
    found = f"Sixteen clients: {rate:.2f} commands per unit, {messages:.2f} messages per command, {wait:.1f} units for an answer"
    if rate < 3:
        raise NotYet(
            f"Too slow: {found[0].lower()}{found[1:]}.",
            "At least 3 commands per unit are wanted. Do too few slots go out, or too few commands in each?",
        )
    if messages > 2:
        raise NotYet(
            f"Too many messages: {found[0].lower()}{found[1:]}.",
            "No more than 2 are allowed, and a slot costs 6. Which slots go out nearly empty?",
        )
    return f"{found}. One client alone waits {alone:.1f}."


TASKS = (
    Task(
        "cost.quorum",
        "How long a quorum takes",
        "11",
        ("answer_after",),
        quorum_delay,
        (
            "The leader has one vote at once, its own. How many does it wait for, and where do they come from?",
            "It needs q2 - 1 more. Of the other n - 1 servers n - 1 - far are near. Are those enough?",
            "2 units for the client. Add nothing if q2 is 1, 2 if `q2 - 1 <= n - 1 - far`, else `2 * way`.",
        ),
    ),
    Task(
        "cost.batching",
        "When to send",
        "11",
        ("send_now",),
        batching,
        (
            "One at once is best for a single client, many together for sixteen. What tells the leader which of the two it has?",
            "While a slot is under way, more commands come in. They can share the next slot, when the first one is done.",
            "Send all that wait if nothing is under way, else nothing: `return 0 if under_way else waiting`. Letting a "
            "large batch go at once is good, too.",
        ),
    ),
)
