"""The interview exercises: whiteboard answers, and runs that refute what people say."""

from __future__ import annotations

from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.paxos import Accept, Accepted, Ballot, Impatient, Nack, Prepare, Promise, single_decree
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.in_words import shown
from paxos_lab.teach.exercises.one_value.e01_claims import played, winners
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.interview.drills.catalogue import drill
from paxos_lab.world.events import Crash, Deliver, Drop, Partition

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
            raise NotYet(f"Drill {seed}: {shown(letter)} is no option; there are {', '.join(letters)}.")
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
            f"So far one of them has opened {rounds} ballot{'' if rounds == 1 else 's'} only.",
            "Let each open three at least: then everybody sees that it can go on like this for ever.",
            run=bus,
        )
    if (starved := _starved(bus)) is not None:
        raise NotYet(
            starved,
            "Whoever hears nothing may as well have lost its messages, and that would be a failure. Let the rival's ballot be "
            "the reason: what was sent arrives, and is refused.",
            run=bus,
        )
    return f"{len(bus.trace)} steps without any failure, {len(opened)} ballots, nothing chosen: it can go on like this."


def _starved(bus: MessageBus) -> str | None:
    """Which ballot was given up although no rival was the reason, in a sentence; None if there is none."""
    arrived = [step.event.envelope for step in bus.trace if isinstance(step.event, Deliver)]
    for name in ("p1", "p2"):
        mine = sorted({m.ballot for s, m in _sent(bus) if isinstance(m, Prepare) and s == name})
        for ballot in mine[:-1]:
            for kind in (Prepare, Accept):
                asked = [m for s, m in _sent(bus) if isinstance(m, kind) and (s, m.ballot) == (name, ballot)]
                got = {e.to for e in arrived if isinstance(e.message, kind) and e.message.ballot == ballot}
                if asked and len(got) < 2:
                    told = f"at {' and '.join(sorted(got))} only" if got else "nowhere"
                    return f"{name} gave up ballot {ballot}, and its {kind.__name__} has arrived {told}."
            heard = [e for e in arrived if e.to == name and getattr(e.message, "ballot", None) == ballot]
            refused = any(isinstance(e.message, Nack) for e in heard)
            promised = {e.sender for e in heard if isinstance(e.message, Promise)}
            if not refused and len(promised) < 2:
                return f"{name} gave up ballot {ballot} before it heard a refusal or the promises of two."
    return None


def same_majority(schedule: Any) -> str:
    """The claim: the acceptors that promised must be those that vote."""
    bus = played(schedule, "others_vote", single_decree(["tea"], learners=0))
    if not winners(bus):
        raise NotYet("Nothing is chosen yet.", "Two acceptors must vote in the same ballot.", run=bus)
    (ballot,) = winners(bus).values()
    promised: set[str] = set()
    strangers, voted = [], []
    for sender, message in _sent(bus):
        if isinstance(message, Promise) and message.ballot == ballot:
            promised.add(sender)
        elif isinstance(message, Accepted) and message.ballot == ballot and sender not in voted:
            voted.append(sender)
            strangers += [] if sender in promised else [sender]
    # Two of three are a quorum: with the second vote tea is chosen, and a third one adds nothing.
    late = [name for name in strangers if name not in voted[:2]]
    strangers = [name for name in strangers if name in voted[:2]]
    if not strangers and late:
        raise NotYet(
            f"{late[0]} had not promised, but its vote came when tea was chosen already, by {' and '.join(voted[:2])}.",
            "Both of these had promised. Let the vote of a stranger be one of the first two.",
            run=bus,
        )
    if not strangers:
        raise NotYet(
            f"{', '.join(sorted(voted))} voted, and all of them had promised.",
            "Let an acceptor vote that has not got the Prepare.",
            run=bus,
        )
    stranger = strangers[0]
    after = " Its promise came after its vote." if stranger in promised else ""
    return f"Refuted: {stranger} voted for tea in ballot {ballot}, which it had not promised, and tea is chosen.{after}"


def reported(schedule: Any) -> str:
    """The claim: a value that is reported in a promise has been chosen."""
    bus = played(schedule, "reported", single_decree(["tea", "coffee"], learners=0), idle=("p2",))
    sent = _sent(bus)
    own = {m.ballot for s, m in sent if isinstance(m, Prepare) and s == "p2"}
    reports = [
        i
        for i, (_, m) in enumerate(sent)
        if isinstance(m, Promise) and m.ballot in own and m.accepted is not None
    ]
    if not reports:
        raise NotYet(
            "No promise to p2 reports a vote.",
            "One acceptor votes for tea; then p2 asks it: bus.start('p2').",
            run=bus,
        )
    if not any(isinstance(m, Accept) and s == "p2" and m.value == "tea" for s, m in sent):
        raise NotYet(
            "p2 does not ask for tea yet.",
            "Deliver to p2 the promises of a quorum, the one with the report among them.",
            run=bus,
        )
    votes: dict[Ballot, set[str]] = {}
    for sender, message in sent[: reports[0]]:
        if isinstance(message, Accepted) and message.value == "tea":
            votes.setdefault(message.ballot, set()).add(sender)
    if any(len(voters) >= 2 for voters in votes.values()):
        raise NotYet(
            "When tea was reported to p2 it had been chosen: two acceptors had voted for it in one ballot.",
            "One vote is enough to be reported.",
            run=bus,
        )
    told = " and ".join(
        f"{', '.join(sorted(voters))} in {ballot}" for ballot, voters in sorted(votes.items())
    )
    return f"Refuted: the votes for tea when it was reported were {told}, and no others; and p2 has to ask for tea all the same."


def _sent(bus: MessageBus) -> list[tuple[str, Any]]:
    return bus.trace.sent


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
