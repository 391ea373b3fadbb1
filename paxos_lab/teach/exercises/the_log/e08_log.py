"""Exercise 08: the log, its order, its holes, and who takes over."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from paxos_lab.multipaxos.messages import Accept, Accepted, Command, Entry, Prepare, Promise, Vote, entry_text
from paxos_lab.multipaxos.takeover import Votes, heirs, inherited
from paxos_lab.paxos import Ballot, Majority
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, a_role, call, guarded
from paxos_lab.teach.exercises.talk import RESTART, Dialogue
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.trials import every_schedule
from paxos_lab.verify.explorer.log_properties import no_hole_is_left, one_entry_in_a_ballot, slot_agreement

NAMES = ("a1", "a2", "a3")
B1, B2, B3 = Ballot(1, "l1"), Ballot(2, "l2"), Ballot(3, "l3")


def _entry(text: str) -> Entry:
    return (Command("c1", sum(map(ord, text)), text),)


TEA, MILK, JAM = map(_entry, ("tea", "milk", "jam"))


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
        got = call(ready, dict(chosen), executed)
        if not isinstance(got, list | tuple | range) or list(got) != right:
            known = ", ".join(map(str, sorted(chosen))) or "nothing"
            why = "A list of slot numbers is wanted."
            if isinstance(got, list | tuple | range):
                why = _why_not(list(got), right, chosen, executed)
            raise NotYet(
                f"Chosen: {known}; executed up to {executed}: the slots to execute now are {right}, not {got!r}.",
                why,
            )
    return f"{len(cases)} logs, with holes and without: in order, and no slot before its turn."


def _why_not(got: list[Any], right: list[int], chosen: dict[int, str], executed: int) -> str:
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
    ]
    rng = random.Random(2)
    for _ in range(60):
        cases.append((_some_reports(rng), "Each slot by itself, and no-ops in between."))
    for reports, why in cases:
        taken = inherited(reports)
        right = {slot: taken.get(slot, ()) for slot in range(1, max(taken, default=0) + 1)}
        got = call(take_over, [tuple(report) for report in reports])
        if not isinstance(got, dict) or got != right:
            told = " and ".join(_told(report) for report in reports)
            said = _plan(got) if isinstance(got, dict) else repr(got)
            raise NotYet(f"From the reports ({told}) it should ask for {_plan(right)}, not for {said}.", why)
    return (
        f"{len(cases)} take-overs: the highest ballot of each slot, no-ops in the holes, and nothing beyond."
    )


def _some_reports(rng: random.Random) -> list[Votes]:
    """Reports as they can be: a ballot asks for one entry in a slot."""
    asked = {
        (slot, ballot): _entry(rng.choice(["tea", "milk", "jam"]))
        for slot in range(1, 6)
        for ballot in (B1, B2, B3)
    }
    reports = []
    for _ in range(rng.randint(2, 3)):
        slots = sorted(rng.sample(range(1, 6), rng.randint(0, 4)))
        ballots = {slot: rng.choice([B1, B2, B3]) for slot in slots}
        reports.append(tuple((slot, Vote(b, asked[slot, b])) for slot, b in ballots.items()))
    return reports


def _told(report: Votes) -> str:
    return ", ".join(f"slot {slot}: {vote}" for slot, vote in report) or "no votes"


def _plan(plan: dict[Any, Any]) -> str:
    try:
        return ", ".join(f"{slot}: {entry_text(entry)}" for slot, entry in sorted(plan.items())) or "nothing"
    except (TypeError, AttributeError):  # a learner's dictionary may hold anything
        return repr(plan)


def acceptor(role: Any) -> str:
    """One promise for all slots, a vote for each, all on disk."""
    role = guarded(a_role(role, "LogAcceptor", "a1"))
    prepare, first, third = ("l1", Prepare(B1, 1)), ("l1", Accept(B1, 1, TEA)), ("l1", Accept(B1, 3, JAM))
    higher, later = ("l2", Prepare(B2, 1)), ("l2", Accept(B2, 1, MILK))
    late = ("l1", Accept(B1, 2, MILK))
    talk = Dialogue(role("a1"), [prepare, first, third, higher, late, later, ("l3", Prepare(B3, 2))])
    _reports(talk, prepare, {}, "It promised nothing before")
    for line in (first, third):
        slot = line[1].slot
        talk.expect(
            ("l1", Accepted(B1, slot)) in talk.say(line),
            f"It promised 1.l1, and does not accept in slot {slot}.",
        )
    _reports(talk, higher, {1: (B1, TEA), 3: (B1, JAM)}, "It has votes in slots 1 and 3")
    talk.expect(
        not any(isinstance(m, Accepted) for _, m in talk.say(late)),
        "It promised 2.l2, and then accepted in slot 2 for ballot 1.l1, which is lower.",
        "The promise holds for every slot, also for one that was never voted in.",
    )
    talk.expect(
        ("l2", Accepted(B2, 1)) in talk.say(later), "It promised 2.l2, and does not accept in slot 1 for it."
    )
    _reports(talk, ("l3", Prepare(B3, 2)), {3: (B1, JAM)}, "Asked from slot 2 on, it reports no slot below")
    again = Dialogue(role("a1"), [prepare, first, higher])
    for one in (prepare, first, RESTART):
        again.say(one)
    _reports(again, higher, {1: (B1, TEA)}, "After a crash its disk holds its vote")
    low = Dialogue(role("a1"), [higher, prepare])
    low.say(higher)
    low.say(RESTART)
    low.expect(
        not any(isinstance(m, Promise) for _, m in low.say(prepare)),
        "It promised 2.l2, crashed, restarted, and promised 1.l1: the promise was not on disk.",
    )
    _raises_its_promise(role)
    return "One promise for all slots, one vote for each, and all of it on disk."


def _raises_its_promise(role: type[Any]) -> None:
    vote, low, other = ("l2", Accept(B2, 1, MILK)), ("l1", Prepare(B1, 1)), ("l1", Accept(B1, 2, TEA))
    talk = Dialogue(role("a1"), [vote, low, other])
    if not any(isinstance(m, Accepted) for _, m in talk.say(vote)):
        return  # it votes only for what it has promised: safe as well
    talk.expect(
        not any(isinstance(m, Promise | Accepted) for line in (low, other) for _, m in talk.say(line)),
        "It accepted in slot 1 for ballot 2.l2, and then went along with ballot 1.l1 in another slot.",
        "A vote is a promise too, and a promise holds for all slots.",
    )


def _reports(talk: Dialogue, line: Any, votes: dict[int, tuple[Ballot, Entry]], when: str) -> None:
    """The answer to a prepare is one promise that reports just these votes."""
    said = talk.say(line)
    ballot = line[1].ballot
    promises = [m for to, m in said if isinstance(m, Promise) and to == line[0]]
    talk.expect(bool(promises), f"It did not promise ballot {ballot}.", f"It sent: {said or 'nothing'}.")
    reported = promises[0].votes
    right = tuple((slot, Vote(b, entry)) for slot, (b, entry) in sorted(votes.items()))
    talk.expect(promises[0].ballot == ballot, f"Asked for {ballot}, it promised {promises[0].ballot}.")
    talk.expect(
        isinstance(reported, tuple) and tuple(sorted(reported, key=lambda pair: pair[0])) == right,
        f"{when}: its promise of {ballot} should report ({_told(right)}), and reports {reported!r}.",
    )


def leader(role: Any) -> str:
    """Phase 1 once for all slots, then one Accept for each, in every schedule."""
    build = ("l1", (TEA,), NAMES, Majority(NAMES), 2)
    role = guarded(a_role(role, "Leader", *build, methods=("start", "receive")))
    talk = _talk(role, ())
    mine = [e.message for e in talk.bus.in_flight if isinstance(e.message, Prepare)]
    talk.expect(bool(mine), "At the start it sends no Prepare.")
    talk.expect(
        all(m.first == 1 for m in mine),
        "Its Prepare does not ask from slot 1 on.",
        "Prepare(ballot, 1) covers every slot.",
    )
    ballot = mine[0].ballot
    talk.expect(
        isinstance(ballot, Ballot) and ballot.proposer == "l1" and ballot.round >= 1,
        f"Its ballot is {ballot!r}.",
        "A ballot is Ballot(round, self.name), with a round from 1 on.",
    )
    empty = Promise(ballot, (), 0)
    _asks(_talk(role, [("a1", empty), ("a1", empty), ("a2", empty)]), {1: TEA})
    old = Promise(ballot, ((2, Vote(Ballot(0, "l9"), JAM)),), 0)
    _asks(_talk(role, [("a1", old), ("a2", empty)]), {1: (), 2: JAM})
    stale = Promise(Ballot(ballot.round - 1, "l1"), (), 0)
    _asks(_talk(role, [("a1", stale), ("a2", stale)]), {})
    tried = every_schedule(
        partial(heirs, [["x"], ["u"]], heir=role),
        "2 leaders, 2 slots, 3 acceptors",
        properties=(slot_agreement, one_entry_in_a_ballot, no_hole_is_left),
    )
    return f"It takes over slot by slot and leaves no hole. Tried: {tried}"


def _talk(role: type[Any], script: Any) -> Dialogue:
    return Dialogue(role("l1", (TEA,), NAMES, Majority(NAMES), 2), list(script), others=NAMES)


def _asks(talk: Dialogue, right: dict[int, Entry]) -> None:
    """After all lines, and not before the last, it asks for just these entries."""
    lines = [
        ("a1", e.message) if e.sender == "a1" else (e.sender, e.message)
        for e in talk.bus.in_flight
        if e.to == "l1"
    ]
    asked: dict[int, Entry] = {}
    for number, line in enumerate(lines, start=1):
        for _, message in talk.say(line):
            if isinstance(message, Accept):
                talk.expect(
                    bool(right) and number == len(lines),
                    f"It asked for votes after {number} of {len(lines)} messages, without a quorum for its ballot.",
                    "Count different acceptors, and only promises for the ballot in hand.",
                )
                asked[message.slot] = message.entry
    talk.expect(
        asked == right, f"It asks for {_plan(asked)}; by the promises it should ask for {_plan(right)}."
    )


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
    Task(
        "log.acceptor",
        "Write the acceptor of a log",
        "08",
        ("LogAcceptor",),
        acceptor,
        (
            "How many promises does it keep for a hundred slots? And how many votes?",
            "The rules are those of exercise 04; only the vote is now `self.votes[slot]`. A promise reports the votes from "
            "the asked slot on.",
            "Promise: `Promise(ballot, tuple((s, v) for s, v in sorted(self.votes.items()) if s >= first), 0)`. Vote: "
            "`self.promised = ballot; self.votes[slot] = Vote(ballot, entry)`, then `Accepted(ballot, slot)`.",
        ),
    ),
    Task(
        "log.leader",
        "Write a leader that takes over",
        "08",
        ("Leader",),
        leader,
        (
            "Phase 1 is that of exercise 04, asked once for all slots. After the quorum, how many Accepts does each acceptor get?",
            "Use your `take_over` on the reports of a quorum; then add your own entries in the slots after the last one "
            "taken over, up to `self.slots`.",
            "`old = take_over(self.promises.values())`; `plan = old | dict(zip(range(len(old) + 1, self.slots + 1), "
            "self.own))`; send `Accept(self.ballot, slot, entry)` for each, once for the ballot.",
        ),
    ),
)
