"""Exercises 03 and 04: the acceptor, first its promises, then its votes."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.paxos import Accept, Accepted, Acceptor, Ballot, Prepare, Promise, Proposal, single_decree
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_role, guarded
from paxos_lab.teach.exercises.talk import RESTART, Dialogue
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.trials import calm, every_schedule, storms
from paxos_lab.verify.wrong.single_decree import Setting

B1, B2, B3 = Ballot(1, "p1"), Ballot(2, "p2"), Ballot(3, "p1")


def promise(acceptor: Any) -> str:
    """Phase 1b: promise what is not below a promise, also after a restart."""
    role = a_role(acceptor, "Acceptor", "a1", ("l1",))
    first, low, again = ("p2", Prepare(B2)), ("p1", Prepare(B1)), ("p1", Prepare(B3))
    talk = Dialogue(guarded(role)("a1", ("l1",)), [first, low, again], others=["l1"])
    _one_promise(talk, talk.say(first), "p2", B2, "the first prepare it ever gets")
    refused = talk.say(low)
    talk.expect(
        not _promises(refused),
        f"It promised ballot {B2}, and now it promises {B1}, which is lower.",
        "A promise forbids everything lower from then on.",
    )
    _one_promise(talk, talk.say(again), "p1", B3, f"ballot {B3}, higher than its promise of {B2}")
    talk = Dialogue(guarded(role)("a1", ("l1",)), [first, low], others=["l1"])
    talk.say(first)
    talk.say(RESTART)
    talk.expect(
        not _promises(talk.say(low)),
        f"It promised ballot {B2}, crashed, restarted, and promised {B1}: the promise was not on disk.",
        "A field that must survive a crash is declared with stable(...).",
    )
    for seed in range(40):
        _at_random(guarded(role), seed)
    return "A prepare is promised unless a higher ballot was promised before; a restart forgets nothing."


def _at_random(role: type[Any], seed: int) -> None:
    """Prepares in any order, some twice, and restarts: no promise below an earlier one."""
    rng = random.Random(seed)
    ballots = [Ballot(rng.randint(1, 5), rng.choice(["p1", "p2"])) for _ in range(8)]
    script: list[Any] = [(b.proposer, Prepare(b)) for b in ballots]
    talk = Dialogue(role("a1", ("l1",)), script, others=["l1"])
    top = Ballot.ZERO
    for line in script:
        if rng.random() < 0.15:
            talk.say(RESTART)
        ballot = line[1].ballot
        said = talk.say(line)
        if ballot > top:
            _one_promise(
                talk, said, ballot.proposer, ballot, f"ballot {ballot}; the highest before was {top}"
            )
        elif ballot < top:
            talk.expect(not _promises(said), f"It promised ballot {top}, and later {ballot}, which is lower.")
        top = max(top, ballot)


ARRIVALS: dict[int, tuple[Any, ...]] = {
    1: (("p2", Prepare(Ballot(2, "p2"))),),
    2: (("p1", Prepare(B3)),),
    3: (("p2", Prepare(Ballot(3, "p2"))),),
    4: (RESTART, ("p9", Prepare(Ballot(2, "p9")))),
    5: (("p1", Prepare(Ballot(4, "p1"))),),
}
"""What arrives at an acceptor that has promised 3.p1, by the numbers of exercise 03."""


def table(may_promise: Any) -> str:
    """True or False for each line, as the course's own acceptor does it."""
    if not isinstance(may_promise, dict) or set(may_promise) != set(ARRIVALS):
        raise NotYet(
            f"I expected an entry for each line, {', '.join(map(str, ARRIVALS))}: {{1: ..., 2: ...}}."
        )
    for number, lines in ARRIVALS.items():
        said = may_promise[number]
        if not isinstance(said, bool):
            raise NotYet(f"Line {number} says {said!r}; put True or False.")
        talk = Dialogue(Acceptor("a1"), [("p1", Prepare(B3)), *lines])
        talk.say(("p1", Prepare(B3)))
        right = bool(_promises([answer for line in lines for answer in talk.say(line)]))
        why = {
            True: "Nothing higher was promised, so nothing forbids it.",
            False: "It promised 3.p1, which is higher. Neither time nor a restart ends a promise.",
        }
        talk.expect(said == right, f"Line {number} is not {said}.", why[right])
    return "Five lines, each as the course's own acceptor answers."


def accept(acceptor: Any) -> str:
    """Both phases: vote, raise the promise, report the highest vote, keep all of it on disk."""
    role = a_role(acceptor, "Acceptor", "a1", ("l1",))
    tested = guarded(role)
    prepare, vote = ("p1", Prepare(B1)), ("p1", Accept(B1, "tea"))
    higher, late = ("p2", Prepare(B2)), ("p1", Accept(B1, "late"))
    other = ("p2", Accept(B2, "coffee"))
    talk = Dialogue(tested("a1", ("l1",)), [prepare, vote, higher, late, other], others=["l1"])
    _one_promise(talk, talk.say(prepare), "p1", B1, "the first prepare it ever gets")
    said = talk.say(vote)
    talk.expect(
        ("p1", Accepted(B1, "tea")) in said,
        f"It promised ballot {B1} and then got {vote[1]}, but did not tell p1 that it accepted.",
        f"It sent: {_list(said)}.",
    )
    talk.expect(
        ("l1", Accepted(B1, "tea")) in said,
        "Its learner l1 did not hear of the vote.",
        f"It sent: {_list(said)}.",
    )
    said = talk.say(higher)
    _one_promise(talk, said, "p2", B2, f"ballot {B2}, higher than its promise of {B1}")
    reports = _promises(said)
    talk.expect(
        reports[0].accepted is not None,
        f"It voted for tea in ballot {B1}, and then promised {B2} without reporting that vote.",
        "The report is what keeps a chosen value chosen.",
    )
    talk.expect(
        reports[0].accepted == Proposal(B1, "tea"),
        f"It voted for tea in ballot {B1}, but reported {reports[0].accepted!r}.",
        "A report is a Proposal: the ballot of the vote, and its value.",
    )
    talk.expect(
        not any(isinstance(m, Accepted) for _, m in talk.say(late)),
        f"It promised ballot {B2}, and then accepted something in ballot {B1}, which is lower.",
    )
    talk.expect(
        ("p2", Accepted(B2, "coffee")) in talk.say(other),
        f"It voted for tea in ballot {B1}, and now refuses to vote for coffee in {B2}, which it has promised.",
        "A vote may be outvoted. An acceptor that votes only once can leave everybody stuck in a tie.",
    )
    talk = Dialogue(tested("a1", ("l1",)), [prepare, vote, higher], others=["l1"])
    for line in (prepare, vote, RESTART):
        talk.say(line)
    reports = _promises(talk.say(higher))
    talk.expect(
        bool(reports) and reports[0].accepted == Proposal(B1, "tea"),
        f"It voted for tea in ballot {B1}, crashed, restarted, and no longer reports the vote.",
        "A vote must be on disk before the answer leaves: stable(...).",
    )

    calm(lambda: single_decree("x", acceptor=tested), _learns_x, "One proposer, three of your acceptors")
    tried = []
    for setting in (Setting(2, 2), Setting(2, 2, 1), Setting(3, 3)):
        make = partial(single_decree, "xyz"[: setting.values], acceptor=tested)
        tried.append(every_schedule(make, str(setting), setting.faults))
    tried.append(storms(lambda: single_decree("xyz", acceptor=tested), "three rivals", seeds=range(10)))
    return f"It keeps its promises and its votes. Tried: {' '.join(tried)}"


def _learns_x(bus: MessageBus) -> str | None:
    return None if getattr(bus["l1"], "learned", None) == "x" else "l1 never learns."


def _promises(said: list[tuple[str, Any]]) -> list[Promise]:
    return [m for _, m in said if isinstance(m, Promise)]


def _one_promise(talk: Dialogue, said: list[tuple[str, Any]], to: str, ballot: Ballot, asked: str) -> None:
    """A promise of that ballot went to whoever asked; nothing else did that claims to be one."""
    promises = _promises(said)
    talk.expect(bool(promises), f"It did not promise {asked}.", f"It sent: {_list(said)}.")
    talk.expect(
        (to, promises[0].ballot) == (next(t for t, m in said if isinstance(m, Promise)), ballot),
        f"Asked for ballot {ballot} by {to}, it promised {promises[0].ballot} to "
        f"{next(t for t, m in said if isinstance(m, Promise))}.",
    )
    vote = promises[0].accepted
    talk.expect(
        vote is None or isinstance(vote, Proposal),
        f"A promise reports a Proposal or None; this one reports {vote!r}.",
    )


def _list(said: list[tuple[str, Any]]) -> str:
    return "; ".join(f"{message} to {to}" for to, message in said) or "nothing"


TASKS = (
    Task(
        "acceptor.promise",
        "Write Phase 1 of the acceptor",
        "03",
        ("Acceptor",),
        promise,
        (
            "An acceptor needs one number in its memory for this. When may it say yes to a ballot, and what changes then?",
            "`case Prepare(ballot) if ballot >= self.promised:` is half of it. What must happen before the answer leaves, "
            "and which kind of field keeps it through a crash?",
            "In that case: set `self.promised = ballot`, then `self.send(sender, Promise(ballot, None))`. Declare "
            "`promised: Ballot = stable(Ballot.ZERO)`.",
        ),
    ),
    Task(
        "promise.table",
        "Say what a promise forbids",
        "03",
        ("may_promise",),
        table,
        (
            "A ballot is compared by its round first, then by the name of its proposer.",
            "3.p2 is above 3.p1: the rounds are equal, and p2 comes after p1. 2.p9 is below: its round is.",
            "A promise holds for ever, also after a restart. Giving the same promise twice promises nothing new.",
        ),
    ),
    Task(
        "acceptor.accept",
        "Write Phase 2 of the acceptor",
        "04",
        ("Acceptor",),
        accept,
        (
            "A vote is two facts: what was voted for, and in which ballot. Who must hear of it now, and who later?",
            "Compare the ballot with the promise just as in Phase 1. A vote in a ballot above the promise also raises it: "
            "otherwise a lower ballot could still get a vote afterwards.",
            "`case Accept(ballot, value) if ballot >= self.promised:` set `self.promised = ballot` and "
            "`self.accepted = Proposal(ballot, value)`, then send `Accepted(ballot, value)` to "
            "`[sender, *self.learners]`. The promise of Phase 1 reports `self.accepted`. Both fields are stable.",
        ),
    ),
)
