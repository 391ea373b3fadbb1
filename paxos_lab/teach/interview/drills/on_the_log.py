"""Drills about the log: a new leader, the promises it got, and what it proposes in each slot."""

from __future__ import annotations

import random
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos import Counter, Entry, Vote, replicated_log
from paxos_lab.multipaxos.messages import Accept, Command, Prepare, Promise, Request
from paxos_lab.teach.interview.drills.drill_box import Drill, Option, different, replayed
from paxos_lab.world.copying import twin

_ALPHA = 5  # open slots at most
_TRIES = 40


def take_over(rng: random.Random) -> Drill:
    """Leaders come and go with votes half done; the last one has its promises: what now?"""
    for _ in range(_TRIES):
        leader, arrivals = _run(rng)
        reports = [dict(m.votes) for _, m in arrivals]
        slots = sorted({slot for votes in reports for slot in votes})
        two = any(len({v[s].ballot for v in reports if s in v}) > 1 for s in slots)
        hole = bool(slots) and len(slots) < slots[-1]
        drill = _drill(rng, leader, arrivals) if len(slots) > 1 and (two or hole) else None
        if drill is not None:
            return drill
    raise AssertionError("forty runs without a take-over worth a question")


def _run(rng: random.Random) -> tuple[Any, list[tuple[str, Promise]]]:
    """Some terms of five servers; the last candidate before its promises, and those in order."""
    bus = MessageBus(replicated_log(servers=5, machine=Counter(), alpha=_ALPHA), checked=False)
    number = 0
    leaders = rng.sample(bus.names, rng.choice([3, 3, 4]))
    for name in leaders[:-1]:
        _win(bus, rng, name)
        for _ in range(rng.choice([1, 2, 3])):
            number += 1
            bus.invoke(name, Request(Command("ABCDEFGHIJKLMNOP"[number - 1], 1, None)))
        for envelope in bus.in_flight:  # most of what it asks for never arrives, and no answer does
            if isinstance(envelope.message, Accept) and rng.random() < 0.25:
                bus.deliver(envelope)
        for envelope in bus.in_flight:
            bus.drop(envelope)
    last = leaders[-1]
    _election(bus, last)
    candidate = twin(bus[last])
    arrivals: list[tuple[str, Promise]] = []
    others = [e for e in bus.in_flight if isinstance(e.message, Prepare)]
    for envelope in rng.sample(others, 2):
        step = bus.deliver(envelope)
        arrivals += [(e.sender, e.message) for e in step.sent if isinstance(e.message, Promise)]
    own = candidate.promises.pop(last)  # type: ignore[attr-defined]
    return candidate, [(last, Promise(candidate.ballot, own, 0)), *arrivals]  # type: ignore[attr-defined]


def _election(bus: MessageBus, name: str) -> None:
    """The timer rings until the ballot is the highest that anybody has promised."""
    while True:
        bus.timeout(name, "election")
        node: Any = bus[name]
        if all(node.ballot >= other.promised for other in bus):  # type: ignore[attr-defined]
            return
        for envelope in bus.in_flight:
            bus.drop(envelope)


def _win(bus: MessageBus, rng: random.Random, name: str) -> None:
    _election(bus, name)
    prepares = [e for e in bus.in_flight if isinstance(e.message, Prepare)]
    for envelope in rng.sample(prepares, 2):
        for answer in bus.deliver(envelope).sent:
            bus.deliver(answer)


def _drill(rng: random.Random, leader: Any, arrivals: list[tuple[str, Promise]]) -> Drill | None:
    def replay() -> Any:
        _, sent = replayed(leader, *arrivals)
        asked = {m.slot: m.entry for _, m in sent if isinstance(m, Accept)}
        return tuple(sorted(asked.items()))

    truth = replay()
    reports = [dict(m.votes) for _, m in arrivals]
    last = max(slot for votes in reports for slot in votes)
    meanings: list[tuple[tuple[int, Entry], ...]] = [
        truth,
        _per_slot(reports, last, lowest=True),
        tuple((slot, entry) for slot, entry in truth if entry),  # holes left open
        _per_slot([max(reports, key=len)], last),  # the longest log of all
        _per_slot([votes for votes in reports if votes][-1:], last),
        _often(reports, last),
    ]
    options = different(*(Option(_text(meaning), meaning) for meaning in meanings if meaning))
    if len(options) < 3:
        return None
    kept = (options[0], *rng.sample(options[1:], min(3, len(options) - 1)))
    situation = (
        f"{leader.name} wants to lead five servers with ballot {leader.ballot}. It knows of no chosen slot yet.",
        "Its own report and two promises make a quorum. Votes by slot:",
        *(f"    {sender}: {_votes(message)}" for sender, message in arrivals),
    )
    why = (
        "For each slot by itself: the entry of the vote with the highest ballot reported there, since it may have been "
        "chosen; a no-op where nobody of the quorum has voted below the last such slot. How long a log is and how "
        "many report an entry does not matter."
    )
    question = f"What does {leader.name} propose in slots 1 to {last}?"
    return Drill("take-over", situation, question, tuple(rng.sample(kept, len(kept))), why, replay)


def _per_slot(
    reports: list[dict[int, Vote]], last: int, *, lowest: bool = False
) -> tuple[tuple[int, Entry], ...]:
    found = []
    for slot in range(1, last + 1):
        votes = sorted((v[slot] for v in reports if slot in v), key=lambda vote: vote.ballot)
        found.append((slot, votes[0 if lowest else -1].entry if votes else ()))
    return tuple(found)


def _often(reports: list[dict[int, Vote]], last: int) -> tuple[tuple[int, Entry], ...]:
    """What two of the three report; no-ops elsewhere."""
    found: list[tuple[int, Entry]] = []
    for slot in range(1, last + 1):
        entries = [v[slot].entry for v in reports if slot in v]
        found.append((slot, next((e for e in entries if entries.count(e) > 1), ())))
    return tuple(found)


def _name(entry: Entry) -> str:
    return "+".join(command.client for command in entry) or "no-op"


def _text(meaning: tuple[tuple[int, Entry], ...]) -> str:
    return ", ".join(f"slot {slot}: {_name(entry)}" for slot, entry in meaning)


def _votes(message: Promise) -> str:
    return (
        ", ".join(f"slot {slot}: {_name(v.entry)} in {v.ballot}" for slot, v in message.votes) or "no votes"
    )
