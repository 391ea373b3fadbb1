"""Exercise 10: what servers that came, went or lost their disk may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos import Put, Reconfigure, Rejoining, lose_disk, replicated_log
from paxos_lab.multipaxos.messages import Accept, Accepted
from paxos_lab.node import LabError, Send, react
from paxos_lab.paxos import Ballot
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.the_log.e10_membership_run import deliver_all

# ---- who may do what: each statement is judged by a run of the course's own servers


def _change(first: tuple[str, ...], then: tuple[str, ...]) -> MessageBus:
    """A run at whose end the members have changed, led by the first of `first`."""
    nodes: list[Any] = replicated_log({"admin": [Reconfigure(then)]}, servers=len(first), spares=1)
    nodes[-1].servers = first
    for node in nodes[:-1]:
        node.patience = 5.0 if node.name == first[0] else 60.0
    bus = MessageBus(nodes, seed=1)
    bus.run(until=lambda bus: bus["admin"].done, max_steps=500)  # type: ignore[attr-defined]
    if bus[first[0]].role == "follower":  # type: ignore[attr-defined]
        raise LabError(f"{first[0]} should lead in this run")
    return bus


def _new_one_votes() -> tuple[bool, MessageBus]:
    bus = _change(("s1", "s2", "s3"), ("s1", "s2", "s4"))
    new: Any = bus["s4"]
    done = react(new, "receive", "s1", Accept(Ballot(9, "s1"), 9, ()))
    behind = new.executed < 8
    return behind and any(isinstance(e, Send) and isinstance(e.message, Accepted) for e in done), bus


def _too_early() -> tuple[bool, MessageBus]:
    bus = _change(("s1", "s2", "s3"), ("s1", "s2", "s4"))
    leader: Any = bus["s1"]
    return leader.quorums_at(3).is_quorum({"s1", "s4"}, 2), bus


def _removed_one_disturbs() -> tuple[bool, MessageBus]:
    bus = _change(("s2", "s1", "s3"), ("s2", "s3", "s4"))
    leader: Any = bus["s2"]
    bus.partition(("s1",))
    bus.run(until=lambda bus: all(bus[n].executed >= 4 for n in ("s2", "s3", "s4")), max_steps=500)  # type: ignore[attr-defined]
    for _ in range(5):
        bus.timeout("s1", "election")
    for envelope in bus.in_flight:
        if "s1" in (envelope.sender, envelope.to):
            bus.drop(envelope)
    bus.heal()
    bus.timeout("s1", "election")
    proud: Any = bus["s1"]
    if not proud.ballot > leader.ballot:
        raise LabError("s1 should ask with the highest ballot in this run")
    for name in ("s2", "s3", "s4"):
        deliver_all(bus, f"s1 {name}")
    deliver_all(bus, "s1 s2 s3 s4")
    return leader.role != "leader", bus


def _leads_on() -> tuple[bool, MessageBus]:
    bus = _change(("s1", "s2", "s3"), ("s2", "s3", "s4"))
    asked = [e.message.slot for e in bus.trace.messages if e.sender == "s1" and isinstance(e.message, Accept)]
    return max(asked) > 1, bus


def _fetched_is_enough() -> tuple[bool, MessageBus]:
    bus = MessageBus(replicated_log({"c1": [Put("x", 1)]}, server=Rejoining), seed=1)
    bus.run(until=lambda bus: bus["c1"].done, max_steps=500)  # type: ignore[attr-defined]
    bus.partition(("s1", "s2", "c1"), ("s3",))  # so s3 cannot answer
    lose_disk(bus, "s2")
    back: Any = bus["s2"]
    leader: Any = bus["s1"]
    bus.run(until=lambda bus: bus.now > 120, max_steps=3000)
    if back.executed < leader.executed - 1:
        raise LabError(f"s2 has executed up to {back.executed} only, s1 up to {leader.executed}")
    return not back.mute, bus


STATEMENTS: dict[int, tuple[Callable[[], tuple[bool, MessageBus]], str]] = {
    1: (
        _new_one_votes,
        "A vote needs a promise and a slot, not the past. Only to execute does it need what came before.",
    ),
    2: (
        _too_early,
        "The change is in slot 1, alpha is 3: in slot 3 the old members act, and s4 is none of them.",
    ),
    3: (
        _removed_one_disturbs,
        "Who hears it sees that it is no member any more, and answers with the log in place of a promise.",
    ),
    4: (
        _leads_on,
        "Up to slot s + alpha - 1 its own group acts, and somebody has to fill those slots.",
    ),
    5: (
        _fetched_is_enough,
        "The log says nothing of the promises that it gave. All the others have to tell what they have promised.",
    ),
}
"""By the numbers of exercise 10: a run that shows whether the statement is true, and why."""


def table(answers: Any) -> str:
    """True or False for each statement, as the course's own servers do it."""
    if not isinstance(answers, dict) or set(answers) != set(STATEMENTS):
        numbers = ", ".join(map(str, STATEMENTS))
        raise NotYet(f"I expected an entry for each statement, {numbers}: {{1: ..., 2: ...}}.")
    for number, said in answers.items():
        if said is not True and said is not False:
            raise NotYet(f"Statement {number} says {said!r}; put True or False.")
    for number, (run, why) in STATEMENTS.items():
        right, bus = run()
        if answers[number] != right:
            raise NotYet(f"Statement {number} is not {answers[number]}.", why, run=bus)
    return "Five statements, each as the course's own servers behave."


TASKS = (
    Task(
        "members.table",
        "Say what who came and who went may do",
        "10",
        ("answers",),
        table,
        (
            "For each one, ask: which list of members governs in that slot? And what does a promise or a vote need?",
            "A vote needs no past, so a new one may vote before it has caught up. A list governs from s + alpha on, "
            "for the leader as well.",
            "Two of the five are true: one about a server that has just come, one about a leader that goes.",
        ),
    ),
)
