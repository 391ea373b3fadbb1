"""Exercise 10: who acts in a slot, how far a leader may run ahead, who may do what after a change."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos import (
    Command,
    Put,
    Reconfigure,
    Rejoining,
    Replica,
    Server,
    lose_disk,
    replicated_log,
)
from paxos_lab.multipaxos.messages import Accept, Accepted
from paxos_lab.node import LabError, Send, react
from paxos_lab.paxos import Ballot
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, call
from paxos_lab.teach.exercises.in_words import same
from paxos_lab.teach.exercises.in_words import shown as repr_of
from paxos_lab.teach.exercises.task import Task

Members = tuple[str, ...]
FIRST, LATER, LAST = ("s1", "s2", "s3"), ("s1", "s4", "s5"), ("s4", "s5", "s6")


# ---- who acts in a slot


def members_at(rule: Any) -> str:
    """A change chosen in slot s governs from s + alpha on, until the next one does."""
    rule = a_function(rule, "members_at")
    cases: list[tuple[int, list[tuple[int, Members]], int]] = [
        (9, [], 3),
        (5, [(5, LATER)], 3),
        (6, [(5, LATER)], 3),
        (7, [(5, LATER)], 3),
        (8, [(5, LATER)], 3),
        (90, [(5, LATER)], 3),
        (9, [(5, LATER), (7, LAST)], 3),
        (10, [(5, LATER), (7, LAST)], 3),
        (8, [(5, LATER), (6, LAST)], 3),
        (12, [(7, LAST), (5, LATER)], 3),
        (9, [(7, LAST), (5, LATER)], 3),
        (6, [(5, LATER)], 1),
        (4, [(5, LATER)], 1),
        (14, [(9, LATER), (10, LAST)], 3),
        (8, [(5, LAST), (4, LATER)], 3),
    ]
    rng = random.Random(10)
    for _ in range(60):
        slots = rng.sample(range(1, 12), rng.randint(0, 4))
        changes = [(slot, rng.choice([FIRST, LATER, LAST, ("s7",)])) for slot in slots]
        cases.append((rng.randint(1, 16), changes, rng.randint(1, 5)))
    for slot, changes, alpha in cases:
        right = _as_a_replica(slot, changes, alpha)
        given = list(changes)
        told = f"members_at({slot}, {shown(FIRST)}, {_told(changes)}, {alpha})"
        got = call(rule, slot, FIRST, given, alpha, called=told)
        if given != changes:
            raise NotYet(f"{told} changes the list that it was given.", "Others read it too: copy it first.")
        if isinstance(got, str | dict) or not isinstance(got, Iterable):
            raise NotYet(f"{told} is {repr_of(got)}; a tuple of names is wanted.")
        if isinstance(got, set | frozenset):
            raise NotYet(
                f"{told} is a set; a tuple of names is wanted.",
                "A set has no order of its own, and may come out in another one on each server.",
            )
        got = call(lambda: tuple(islice(got, 20)), called=told)  # noqa: B023  # at once, in this turn
        if not same(got, right):
            said = shown(got) if all(isinstance(name, str) for name in got) else repr_of(got)
            raise NotYet(
                f"In slot {slot} {shown(right)} act, and you say {said}.",
                f"The changes are {_told(changes)}, alpha is {alpha}.",
                _why(slot, changes, alpha, got),
            )
    return f"{len(cases)} times, with up to four changes in any order: as the course's own replica says."


def _as_a_replica(slot: int, changes: list[tuple[int, Members]], alpha: int) -> Members:
    """Who acts in a slot, from a replica that has executed these changes in their slots."""
    replica = Replica("s1", members=FIRST, alpha=alpha)
    for one in range(1, max([slot, *(at for at, _ in changes)]) + 1):
        entry = tuple(Command("admin", at, Reconfigure(names)) for at, names in changes if at == one)
        replica.learn(one, entry)
    return replica.members_at(slot)


def _why(slot: int, changes: list[tuple[int, Members]], alpha: int, got: Members) -> str:
    governing = [at for at, _ in changes if at + alpha <= slot]
    early = [at for at, names in changes if at + alpha > slot and names == got]
    if early:
        return (
            f"What is chosen in slot {early[0]} governs from slot {early[0]} + {alpha} on. "
            "Slots before that may be in the hands of the old members."
        )
    if not governing:
        return "No change governs yet, so the first members act."
    newest = max(governing)
    return (
        f"Of the changes that govern by then, the one from the highest slot counts: slot {newest}. "
        f"It governs from slot {newest} + {alpha} on."
    )


def _told(changes: Iterable[tuple[int, Members]]) -> str:
    return "[" + ", ".join(f"({slot}, {shown(names)})" for slot, names in changes) + "]"


def shown(names: Iterable[Any]) -> str:
    return "(" + " ".join(map(str, names)) + ")"


# ---- how far ahead


def open_slots(rule: Any) -> str:
    """Votes may be asked for in the alpha slots after the last executed one."""
    rule = a_function(rule, "open_slots")
    cases = [(0, 3), (0, 1), (7, 3), (4, 1), (12, 5), (30, 8), (1, 2)]
    in_order = True
    for executed, alpha in cases:
        told = f"open_slots({executed}, {alpha})"
        got = call(lambda e, a: _numbers(rule(e, a)), executed, alpha, called=told)
        if got is None:
            raise NotYet(f"{told} is not a list of slots.", "Return whole numbers, as a list or a range.")
        right = Server("s1", members=FIRST, alpha=alpha, executed=executed).open_slots()
        if done := [slot for slot in got if slot <= executed]:
            raise NotYet(f"{told} holds slot {done[0]}, which is executed, so it is no longer open.")
        if far := [slot for slot in got if slot > executed + alpha]:
            slot = min(far)
            raise NotYet(
                f"{told} holds slot {slot}, which is too far ahead.",
                f"Who acts in slot {slot} may depend on a change in slot {slot} - {alpha} = {slot - alpha}, "
                f"and slot {slot - alpha} is not executed yet.",
            )
        if missing := [slot for slot in right if slot not in got]:
            raise NotYet(
                f"{told} leaves out slot {missing[0]}, which is open.",
                f"All that decides who acts in slot {missing[0]} lies {alpha} slots or more before it, and is executed.",
            )
        in_order = in_order and got == list(right)
    note = "" if in_order else " The task asks for them in order, each once; no server minds."
    return f"{len(cases)} windows: nobody runs ahead of what decides who votes, and no slot is wasted.{note}"


def _numbers(slots: Any) -> list[int] | None:
    if isinstance(slots, str | dict) or not isinstance(slots, Iterable):
        return None
    found = list(islice(slots, 1000))
    return found if all(type(slot) is int for slot in found) else None


# ---- who came and who went: each statement is judged by a run of the course's own servers


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


def deliver_all(bus: MessageBus, group: str, most: int = 300) -> None:
    """Deliver what goes back and forth in this group until all is quiet; no timer rings."""
    for _ in range(most):
        found = [e for e in bus.in_flight if {e.sender, e.to} <= set(group.split())]
        if not found:
            return
        bus.deliver(found[0])


TASKS = (
    Task(
        "members.at",
        "Say who acts in a slot",
        "10",
        ("members_at",),
        members_at,
        (
            "Which of the changes govern in this slot at all? And if there are several of them?",
            "A change chosen in slot s governs from s + alpha on. Of those that govern, the one from the highest slot counts.",
            "`governing = [change for change in changes if change[0] + alpha <= slot]`; return "
            "`max(governing)[1]`, or `first_members` if the list is empty.",
        ),
    ),
    Task(
        "members.window",
        "Say how far a leader may run ahead",
        "10",
        ("open_slots",),
        open_slots,
        (
            "To ask for votes in slot k you must know who acts there. Up to which slot must you have executed for that?",
            "The members of slot k depend on changes in slots up to k - alpha. So k - alpha must be executed.",
            "From `executed + 1` to `executed + alpha`; remember that `range(a, b)` ends before b.",
        ),
    ),
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
