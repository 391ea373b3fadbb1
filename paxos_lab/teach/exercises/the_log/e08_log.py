"""Exercise 08: two functions, for the order of execution and for taking over."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from paxos_lab.multipaxos.messages import Entry, Vote, entry_text
from paxos_lab.multipaxos.takeover import Votes, inherited
from paxos_lab.paxos import Ballot, Flexible, Majority, QuorumSystem
from paxos_lab.paxos.quorums import names_of
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, call
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.the_log.e08_log_acceptor import BREAD, JAM, MILK, TEA
from paxos_lab.words.text import short

B1, B2, B3 = Ballot(1, "l1"), Ballot(2, "l2"), Ballot(3, "l3")
TIE, NINE, TEN = Ballot(2, "l1"), Ballot(9, "l2"), Ballot(10, "l1")
BALLOTS = (B1, TIE, B2, B3, NINE, TEN)


def execute(ready: Any) -> str:
    """Slots are executed in order, and none before all below it are chosen."""
    ready = a_function(ready, "ready")
    cases: list[tuple[dict[int, str], int]] = [
        ({1: "x", 2: "y"}, 0),
        ({2: "y"}, 0),
        ({3: "z", 1: "x"}, 0),
        ({3: "z", 2: "y", 1: "x"}, 1),
        ({}, 0),
        ({5: "v", 4: "u", 7: "w"}, 3),
        ({1: "x"}, 1),
        ({2: "", 3: "z"}, 1),
    ]
    rng = random.Random(1)
    for _ in range(40):
        slots = rng.sample(range(1, 12), rng.randint(0, 9))
        cases.append(({slot: f"e{slot}" for slot in slots}, rng.choice([0, 0, 1, 3])))
    for chosen, executed in cases:
        right: list[int] = []
        while executed + len(right) + 1 in chosen:
            right.append(executed + len(right) + 1)
        known = ", ".join(map(str, sorted(chosen))) or "nothing"
        told = f"Chosen: {known}; executed up to {executed}"
        given = dict(chosen)
        got = call(lambda chosen, executed: _listed(ready(chosen, executed)), given, executed, called=told)
        if given != chosen:
            raise NotYet(
                f"{told}: ready changes the dictionary that it was given.",
                "It is the server's log, and others read it too: copy it first, or only look.",
            )
        if not isinstance(got, list):
            raise NotYet(
                f"{told}: the slots to execute now are {right}, not {short(repr(got), 120)}.",
                "A list of slot numbers is wanted.",
            )
        if got != right:
            raise NotYet(
                f"{told}: the slots to execute now are {right}, not {short(repr(got), 120)}.",
                _why_not(got, right, chosen, executed),
            )
    return f"{len(cases)} logs, with holes and without: in order, and no slot before its turn."


def _listed(got: Any) -> Any:
    """As a list, whatever gives slot by slot; all else as it is."""
    odd = isinstance(got, str | dict) or not isinstance(got, Iterable)
    return got if odd else list(islice(got, 1000))


def _why_not(got: list[Any], right: list[int], chosen: dict[int, str], executed: int) -> str:
    if any(type(slot) is not int for slot in got):
        return "A list of slot numbers is wanted."
    if any(slot not in chosen for slot in got):
        return "Only what is chosen may be executed."
    if any(slot <= executed for slot in got if isinstance(slot, int)):
        return "What was executed is not executed again."
    if sorted(got) == right:
        return "The order matters: every replica must go through the slots in the same order."
    if len(got) > len(right):
        return (
            "There is a hole below: nobody knows yet what belongs there, so nothing above it may be executed."
        )
    return "There is no hole before it, so nothing has to wait."


def takeover(take_over: Any) -> str:
    """Of each slot the vote of the highest ballot; no-ops in the holes; nothing beyond."""
    take_over = a_function(take_over, "take_over")
    cases: list[tuple[list[Votes], str]] = [
        ([(), ()], "Nobody has voted, so there is nothing to take over."),
        ([((1, Vote(B1, TEA)),), ()], "tea may be chosen in slot 1."),
        ([((1, Vote(B1, TEA)),), ((1, Vote(B2, MILK)),)], "The higher ballot counts: milk."),
        (
            [((1, Vote(B2, MILK)),), ((1, Vote(B1, TEA)),)],
            "The higher ballot counts, whoever reports it first.",
        ),
        ([((3, Vote(B1, JAM)),), ()], "Slots 1 and 2 are holes: they get a no-op, the empty entry ()."),
        (
            [((1, Vote(B1, TEA)), (2, Vote(B3, MILK))), ((1, Vote(B2, JAM)),)],
            "Each slot by itself: slot 1 has its own highest ballot, whatever slot 2 has.",
        ),
        (
            [((1, Vote(B1, TEA)),), ((1, Vote(B1, TEA)),), ((1, Vote(B2, MILK)),)],
            "The highest ballot, not the most votes.",
        ),
        ([((2, Vote(B1, ())), (3, Vote(B1, JAM)))], "A vote for a no-op is a vote."),
        (
            [((1, Vote(B1, TEA)),), ((1, Vote(B2, ())),)],
            "A vote for a no-op is a vote, and its ballot is higher.",
        ),
        (
            [((1, Vote(TIE, TEA)),), ((1, Vote(B2, MILK)),)],
            "The rounds are equal: 2.l2 is above 2.l1, as l2 comes after l1. Compare ballots, not rounds.",
        ),
        (
            [((1, Vote(B2, MILK)),), ((1, Vote(TIE, TEA)),)],
            "The rounds are equal: 2.l2 is above 2.l1, whoever reports it first. Compare ballots, not rounds.",
        ),
        (
            [((1, Vote(NINE, TEA)),), ((1, Vote(TEN, MILK)),)],
            "10.l1 is above 9.l2: rounds are numbers. Compare ballots, not their text or their names.",
        ),
        (
            [((1, Vote(TEN, MILK)),), ((1, Vote(NINE, TEA)),)],
            "10.l1 is above 9.l2: rounds are numbers. Compare ballots, not their text or their names.",
        ),
    ]
    rng = random.Random(2)
    for _ in range(60):
        cases.append((_some_reports(rng), "Each slot by itself, and no-ops in between."))
    for reports, why in cases:
        taken = inherited(reports)
        right = {slot: taken.get(slot, ()) for slot in range(1, max(taken, default=0) + 1)}
        given = [tuple(report) for report in reports]
        got = call(take_over, given, called="take_over(reports)")
        if given != reports:
            raise NotYet(
                "take_over changes the list of reports that it was given.",
                "The leader needs its promises later, too: copy the list first, or only look.",
            )
        if not isinstance(got, dict) or got != right:
            told = " and ".join(_told(report) for report in reports)
            said = plan_text(got) if isinstance(got, dict) else short(repr(got), 120)
            raise NotYet(
                f"From the reports ({told}) it should ask for {plan_text(right)}, not for {said}.", why
            )
    return (
        f"{len(cases)} take-overs: the highest ballot of each slot, no-ops in the holes, and nothing beyond."
    )


def _some_reports(rng: random.Random) -> list[Votes]:
    """Reports as they can be: a ballot asks for one entry in a slot."""
    asked = {(slot, ballot): rng.choice([TEA, MILK, JAM]) for slot in range(1, 6) for ballot in BALLOTS}
    reports = []
    for _ in range(rng.randint(2, 3)):
        slots = sorted(rng.sample(range(1, 6), rng.randint(0, 4)))
        ballots = {slot: rng.choice(BALLOTS) for slot in slots}
        reports.append(tuple((slot, Vote(b, asked[slot, b])) for slot, b in ballots.items()))
    return reports


def _told(report: Votes) -> str:
    return ", ".join(f"slot {slot}: {vote}" for slot, vote in report) or "no votes"


def plan_text(plan: dict[Any, Any]) -> str:
    """Slots and entries for people, whatever a learner put there."""
    try:
        return ", ".join(f"{slot}: {entry_text(entry)}" for slot, entry in sorted(plan.items())) or "nothing"
    except (TypeError, AttributeError):  # a learner's dictionary may hold anything
        return repr(plan)


# ---- what acceptors report to a leader that takes over

NAMES = names_of(3)
OWN = (TEA, MILK)


@dataclass(frozen=True)
class Case:
    """What the acceptors report to the leader l3, in which order, and what it should ask for.

    `reports`: (acceptor, votes), the last of them completes a quorum; `after`: what comes later.
    """

    why: str
    reports: tuple[tuple[str, Votes], ...]
    right: dict[int, Entry]
    quorums: QuorumSystem = Majority(NAMES)
    after: tuple[tuple[str, Votes], ...] = ()


def cases_of(rounds: int) -> list[Case]:
    """What is asked of a leader whose ballot has that round; all votes are in lower ballots."""
    low, tie, mine = Ballot(0, "l9"), Ballot(rounds, "l1"), Ballot(rounds, "l2")

    def in_slot(slot: int, ballot: Ballot, entry: Entry) -> Votes:
        return ((slot, Vote(ballot, entry)),)

    higher = "Of the two votes in slot 1 the one in the higher ballot counts, whoever reports it first."
    fresh = {1: TEA, 2: MILK}
    taken = {1: JAM, 2: TEA, 3: MILK}
    cases = [
        Case("Nobody has voted: its own entries, from slot 1 on.", (("a1", ()), ("a2", ())), fresh),
        Case("a1 twice is one acceptor.", (("a1", ()), ("a1", ()), ("a2", ())), fresh),
        Case(
            "Slot 1 is taken. Its own entries go into the slots after it, and none is lost.",
            (("a1", ()), ("a3", in_slot(1, low, JAM))),
            taken,
        ),
        Case(
            "Slot 1 is a hole below slot 2, where somebody voted: it gets a no-op, ().",
            (("a1", in_slot(2, low, JAM)), ("a2", ())),
            {1: (), 2: JAM, 3: TEA},
        ),
        Case(
            "A vote for a no-op, (), is a vote: the no-op may be chosen there.",
            (("a1", in_slot(1, low, ())), ("a2", ())),
            {1: (), 2: TEA, 3: MILK},
        ),
        Case(
            f"Each slot by itself: nobody voted in slot 1 in {mine}, so the vote in {low} is its highest.",
            (("a1", in_slot(1, low, JAM)), ("a2", in_slot(2, mine, BREAD))),
            {1: JAM, 2: BREAD, 3: TEA},
        ),
        Case(
            "The votes reach beyond `slots`: all of them are taken over, and there is no place for its own.",
            (("a2", in_slot(4, low, JAM)), ("a3", ())),
            {1: (), 2: (), 3: (), 4: JAM},
        ),
        Case(
            "It asks once for a ballot: what comes after the quorum changes nothing, also where it reports a vote.",
            (("a1", ()), ("a2", ())),
            fresh,
            after=(("a3", in_slot(1, low, JAM)),),
        ),
        Case(
            "Of five acceptors three are a majority: ask `self.quorums`.",
            (("a1", ()), ("a2", ()), ("a3", in_slot(1, low, JAM))),
            taken,
            Majority(names_of(5)),
        ),
        Case(
            "Here any 3 of 4 are enough for Phase 1, and any 2 for Phase 2: ask `self.quorums` with `phase=1`.",
            (("a1", ()), ("a2", ()), ("a3", in_slot(1, low, JAM))),
            taken,
            Flexible(3, 2, names_of(4)),
        ),
    ]
    pairs = [
        (low, tie, higher),
        (tie, mine, f"The rounds are equal: {mine} is above {tie}, as l2 comes after l1."),
    ]
    if rounds > 10:
        pairs.append(
            (Ballot(9, "l2"), Ballot(10, "l1"), "10.l1 is above 9.l2: rounds are numbers, not text.")
        )
    for one, other, why in pairs:
        below, above = ("a1", in_slot(1, one, TEA)), ("a2", in_slot(1, other, JAM))
        for reports in ((below, above), (above, below)):
            cases.append(Case(why, reports, taken))
    cases.append(
        Case(
            f"The vote in {mine} is above that in {low}, and it is for a no-op: the no-op may be chosen there.",
            (("a1", in_slot(1, low, JAM)), ("a2", in_slot(1, mine, ()))),
            {1: (), 2: TEA, 3: MILK},
        )
    )
    return cases


TASKS = (
    Task(
        "log.execute",
        "Execute in slot order",
        "08",
        ("ready",),
        execute,
        (
            "Which slot is the only one that may come next? And after that?",
            "Begin with the slot after the last executed one, and go on as long as the next slot is chosen.",
            "`slot = executed + 1`; while `slot in chosen`: append it to the list, then add one. A hole ends the loop.",
        ),
    ),
    Task(
        "log.takeover",
        "Take over, slot by slot",
        "08",
        ("take_over",),
        takeover,
        (
            "It is the choice of a value from exercise 04, made once for each slot. What is new are the slots without a vote.",
            "Keep the best vote for each slot in a dictionary. Then fill every slot from 1 to the highest one.",
            "For each `slot, vote`: keep it if the slot is new or `vote.ballot > best[slot].ballot`. Return "
            "`{slot: best[slot].entry if slot in best else () for slot in range(1, max(best, default=0) + 1)}`.",
        ),
    ),
)
