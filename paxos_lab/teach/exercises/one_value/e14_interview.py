"""The interview exercises: whiteboard answers, and runs that refute what people say."""

from __future__ import annotations

from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.paxos import Accept, Accepted, Impatient, Prepare, Promise, single_decree
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.one_value.e01_e05_claims import played, winners
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.interview.drills.catalogue import drill
from paxos_lab.world.events import Crash, Drop, Partition

WHITEBOARD = (1, 2, 3, 4, 5, 6, 8, 10)
"""The drills of the exercise, by seed."""


def whiteboard(answers: Any) -> str:
    """The letter of the right option for each drill, as the course's own roles have it."""
    if not isinstance(answers, dict) or set(answers) != set(WHITEBOARD):
        raise NotYet(
            f"I expected a letter for each drill: {{{', '.join(f'{seed}: ...' for seed in WHITEBOARD)}}}."
        )
    wrong = []
    for seed in WHITEBOARD:
        asked, letter = drill(seed), answers[seed]
        letters = "ABCDEFGH"[: len(asked.options)]
        if not isinstance(letter, str) or letter.upper() not in tuple(letters):
            raise NotYet(f"Drill {seed}: {letter!r} is no option; there are {', '.join(letters)}.")
        if not asked.grade(letters.index(letter.upper())):
            wrong.append((seed, letter.upper(), asked))
    if wrong:
        seed, letter, asked = wrong[0]
        raise NotYet(
            f"{len(WHITEBOARD) - len(wrong)} of {len(WHITEBOARD)} are right. Drill {seed} is not {letter}.",
            f"The rule: {asked.why}",
        )
    return f"All {len(WHITEBOARD)} answers are what the roles themselves do."


def termination(schedule: Any) -> str:
    """The claim: without failures Paxos always ends."""
    bus = played(schedule, "never_ends", single_decree(["tea", "coffee"], proposer=Impatient, learners=0))
    _no_faults(bus)
    opened = {m.ballot for _, m in _sent(bus) if isinstance(m, Prepare)}
    rounds = min(sum(ballot.proposer == name for ballot in opened) for name in ("p1", "p2"))
    if found := winners(bus):
        raise NotYet(
            f"Not refuted: {', '.join(map(str, found))} is chosen.",
            "Before a vote arrives, let the rival's Prepare arrive.",
            run=bus,
        )
    if rounds < 3:
        raise NotYet(
            f"So far one of them has opened {rounds} ballots only.",
            "Let each open three at least: then everybody sees that it can go on like this for ever.",
            run=bus,
        )
    return f"{len(bus.trace)} steps without any failure, {len(opened)} ballots, nothing chosen: it can go on like this."


def same_majority(schedule: Any) -> str:
    """The claim: the acceptors that promised must be those that vote."""
    bus = played(schedule, "others_vote", single_decree(["tea"], learners=0))
    if not winners(bus):
        raise NotYet("Nothing is chosen yet.", "Two acceptors must vote in the same ballot.", run=bus)
    (ballot,) = winners(bus).values()
    promised = {s for s, m in _sent(bus) if isinstance(m, Promise) and m.ballot == ballot}
    voted = {s for s, m in _sent(bus) if isinstance(m, Accepted) and m.ballot == ballot}
    if voted <= promised:
        raise NotYet(
            f"{', '.join(sorted(voted))} voted, and all of them had promised.",
            "Let an acceptor vote that never got the Prepare.",
            run=bus,
        )
    stranger = sorted(voted - promised)[0]
    return (
        f"Refuted: {stranger} voted for tea in ballot {ballot} and had promised nothing, and tea is chosen."
    )


def reported(schedule: Any) -> str:
    """The claim: a value that is reported in a promise has been chosen."""
    bus = played(schedule, "reported", single_decree(["tea", "coffee"], learners=0), idle=("p2",))
    reports = [
        (i, m) for i, (_, m) in enumerate(_sent(bus)) if isinstance(m, Promise) and m.accepted is not None
    ]
    if not reports:
        raise NotYet(
            "No promise reports a vote.",
            "One acceptor votes for tea; then p2 asks it: bus.start('p2').",
            run=bus,
        )
    if not any(isinstance(m, Accept) and s == "p2" and m.value == "tea" for s, m in _sent(bus)):
        raise NotYet(
            "p2 does not ask for tea yet.",
            "Deliver to p2 the promises of a quorum, the one with the report among them.",
            run=bus,
        )
    first = reports[0][0]
    early = {s for s, m in _sent(bus)[:first] if isinstance(m, Accepted) and m.value == "tea"}
    if len(early) >= 2:
        raise NotYet(
            "When tea was reported it had been chosen: two acceptors had voted for it.",
            "One vote is enough to be reported.",
            run=bus,
        )
    return f"Refuted: {', '.join(sorted(early))} alone had voted for tea when it was reported, and p2 has to ask for tea all the same."


def _sent(bus: MessageBus) -> list[tuple[str, Any]]:
    return [(e.sender, e.message) for e in bus.trace.messages]


def _no_faults(bus: MessageBus) -> None:
    if any(isinstance(step.event, Crash | Drop | Partition) for step in bus.trace):
        raise NotYet(
            "Your schedule crashes or loses something. The claim is about runs without failures.", run=bus
        )


TASKS = (
    Task(
        "interview.whiteboard",
        "Answer at the whiteboard",
        "14",
        ("answers",),
        whiteboard,
        (
            "Take pen and paper, and write down for each acceptor what it has promised and voted for.",
            "For a proposer ask: do I have a quorum for my ballot, and what is the highest vote that it reports? For an "
            "acceptor: is this ballot below my promise?",
            "Run `Whiteboard(seed=...)` of lesson 14 with that seed: it explains the rule behind each answer.",
        ),
    ),
    Task(
        "interview.termination",
        "Refute: it always ends if nothing fails",
        "14",
        ("never_ends",),
        termination,
        (
            "Two proposers that answer each refusal with a higher ballot: who disturbs whom, and when?",
            "Let one get its promises; before its Accepts arrive, let the other's Prepares arrive. Then the other way round.",
            "In a loop: deliver p's Prepares and Promises, then the Accepts that the rival's promise refuses, then the Nack; a "
            "timer named 'retry' opens the next ballot: `bus.timeout('p1', 'retry')`.",
        ),
    ),
    Task(
        "interview.majority",
        "Refute: the same majority must accept",
        "14",
        ("others_vote",),
        same_majority,
        (
            "May an acceptor vote that never got the Prepare? Look at its rule.",
            "It has promised nothing, so nothing forbids the vote: promises from a1 and a2, votes from a2 and a3.",
            "Prepare and Promise with a1 and a2; then deliver the Accept to a2 and a3.",
        ),
    ),
    Task(
        "interview.reported",
        "Refute: what is reported was chosen",
        "14",
        ("reported",),
        reported,
        (
            "What does a report tell for certain? That one acceptor has voted.",
            "Let a1 alone vote for tea, then let p2 ask a1 and another.",
            "p1: promises of a1 and a2, Accept to a1. `bus.start('p2')`: Prepare and Promise with a1 and a3.",
        ),
    ),
)
