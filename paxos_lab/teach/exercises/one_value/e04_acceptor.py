"""Exercise 04: the acceptor's votes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.node import Node
from paxos_lab.paxos import Accept, Accepted, Ballot, Prepare, Promise, Proposal, single_decree
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.explained import explained
from paxos_lab.teach.exercises.handed_in import a_role, guarded
from paxos_lab.teach.exercises.in_words import same, shown
from paxos_lab.teach.exercises.one_value.e03_acceptor import (
    B1,
    B2,
    ONCE,
    below_its_promise,
    listed,
    one_promise,
    promises_in,
    promises_upwards,
)
from paxos_lab.teach.exercises.one_value.e04_rehearsed import FALSY
from paxos_lab.teach.exercises.orders import every_order
from paxos_lab.teach.exercises.talk import RESTART, Dialogue
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.trials import as_far_as_it_ends, calm, storms
from paxos_lab.verify.explorer.properties import promises_kept, votes_on_request
from paxos_lab.verify.wrong.single_decree import Setting

ONLY_ITS_OWN = (
    "Unlike the text, it refuses a vote in a ballot above its promise. That is safe; but an acceptor that missed "
    "the prepare could have helped, and does not."
)


def accept(acceptor: Any) -> str:
    """Both phases: vote, raise the promise, report the highest vote, keep all of it on disk."""
    role = a_role(acceptor, "Acceptor", "a1", ("l1",))
    tested = guarded(role)
    prepare, vote = ("p1", Prepare(B1)), ("p1", Accept(B1, "tea"))
    higher, late = ("p2", Prepare(B2)), ("p1", Accept(B1, "late"))
    other = ("p2", Accept(B2, "coffee"))
    talk = Dialogue(tested("a1", ("l1",)), [prepare, vote, higher, late, other], others=["l1"])
    one_promise(talk, talk.say(prepare), "p1", B1, "the first prepare it ever gets")
    said = talk.say(vote)
    talk.expect(
        ("p1", Accepted(B1, "tea")) in said,
        f"It promised ballot {B1} and then got {vote[1]}, but did not tell p1 that it accepted.",
        f"It sent: {listed(said)}.",
    )
    talk.expect(
        ("l1", Accepted(B1, "tea")) in said,
        "Its learner l1 did not hear of the vote.",
        f"It sent: {listed(said)}.",
    )
    said = talk.say(higher)
    one_promise(talk, said, "p2", B2, f"ballot {B2}, higher than its promise of {B1}", voted=True)
    reports = promises_in(said)
    talk.expect(
        reports[0].accepted is not None,
        f"It voted for tea in ballot {B1}, and then promised {B2} without reporting that vote.",
        "The report is what keeps a chosen value chosen.",
    )
    talk.expect(
        same(reports[0].accepted, Proposal(B1, "tea")),
        f"It voted for tea in ballot {B1}, but reported {shown(reports[0].accepted)}.",
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
    reports = promises_in(talk.say(higher))
    talk.expect(
        bool(reports) and same(reports[0].accepted, Proposal(B1, "tea")),
        f"It voted for tea in ballot {B1}, crashed, restarted, and no longer reports the vote.",
        "A vote must be on disk before the answer leaves: stable(...).",
    )

    _reports_any_value(tested)
    promises_upwards(tested)
    notes = _unlike_the_text(tested)
    # Safety rests on this one, which holds all that the proof asks of an acceptor.
    alone = every_order(lambda: tested("a1", ("l1",)), LINES, _breaks, _broken, crash=True)
    orders = f"one acceptor, 3 ballots in every order, 1 crash: {alone:,} situations."
    calm(lambda: single_decree("x", acceptor=tested), _learns_x, "One proposer, three of your acceptors")
    settings = (Setting(2, 2), Setting(2, 2, 1), Setting(3, 3))
    makes = [partial(single_decree, [0, "y", "z"][: setting.values], acceptor=tested) for setting in settings]
    whole = [(make, str(setting), setting.faults) for make, setting in zip(makes, settings, strict=True)]
    tried = [orders, *as_far_as_it_ends(whole)]
    tried.append(storms(lambda: single_decree("xyz", acceptor=tested), "three rivals", seeds=range(10)))
    return " ".join(["It keeps its promises and its votes.", *notes, "Tried:", *tried])


def _reports_any_value(role: type[Any]) -> None:
    """A value that Python takes for no is a value, and a vote for it is reported."""
    for value in FALSY:
        lines: list[Any] = [("p1", Prepare(B1)), ("p1", Accept(B1, value)), ("p2", Prepare(B2))]
        talk = Dialogue(role("a1", ("l1",)), lines, others=["l1"])
        _, voted, promised = [talk.say(line) for line in lines]
        talk.expect(
            ("p1", Accepted(B1, value)) in voted,
            f"It promised ballot {B1} and then got {lines[1][1]}, but did not tell p1 that it accepted.",
            f"It sent: {listed(voted)}. A value may be 0, False or empty.",
        )
        one_promise(talk, promised, "p2", B2, f"ballot {B2}, higher than its promise of {B1}", voted=True)
        report = promises_in(promised)[0].accepted
        talk.expect(
            same(report, Proposal(B1, value)),
            f"It voted for {value!r} in ballot {B1}, and then promised {B2} and reported {shown(report)}.",
            "A value may be 0, False or empty: only None stands for 'no vote'. Compare with `is not None`.",
        )


def _unlike_the_text(role: type[Any]) -> list[str]:
    """What is safe, and yet not what the text says."""
    notes = []
    talk = Dialogue(role("a1", ("l1",)), [("p1", Prepare(B1)), ("p2", Accept(B2, "coffee"))], others=["l1"])
    talk.say(("p1", Prepare(B1)))
    if not any(isinstance(m, Accepted) for _, m in talk.say(("p2", Accept(B2, "coffee")))):
        notes.append(ONLY_ITS_OWN)
    lines = [("p2", Prepare(B2)), ("p2", Prepare(B2)), ("p1", Prepare(B1))]
    talk = Dialogue(role("a1", ("l1",)), lines, others=["l1"])
    _, again, lower = [promises_in(talk.say(line)) for line in lines]
    return [*notes, *([] if again else [ONCE]), *below_its_promise(lower, B2)]


LOW, TIED, HIGH = Ballot(9, "p1"), Ballot(9, "p2"), Ballot(10, "p1")
LINES = (
    ("p1", Prepare(LOW)),
    ("p1", Accept(LOW, "tea")),
    ("p2", Accept(TIED, "coffee")),
    ("p1", Prepare(HIGH)),
    ("p1", Accept(HIGH, "milk")),
)
"""What an acceptor may be asked in three ballots: two of one round, and 10 above 9."""


def _breaks(sent: Sequence[tuple[str, Any]], node: Node) -> str | None:
    for _, message in sent:
        if isinstance(message, Promise | Accepted) and (strange := _strange(message)):
            return f"sent: {strange}"
    asked = [("p", message) for _, message in LINES]
    return promises_kept(sent, {}) or votes_on_request([*asked, *sent], {})


def _strange(message: Promise | Accepted) -> str | None:
    """What is wrong with the shape of an answer, if anything."""
    if not isinstance(message.ballot, Ballot):
        return f"It sent {shown(message)}, where a ballot is wanted in place of {shown(message.ballot)}"
    if isinstance(message, Promise) and not isinstance(message.accepted, Proposal | None):
        return f"A promise reports a Proposal or None; this one reports {shown(message.accepted)}"
    try:
        str(message)
    except Exception:  # a value that cannot be printed has no place in a sentence
        return f"It sent {shown(message)}"
    return None


def _broken(sentence: str, run: MessageBus) -> NotYet:
    name, _, plain = sentence.partition(": ")
    headline, details = (explained(name, run) if name != "sent" else None) or (plain, ())
    return NotYet(f"{headline}.", *details, run=run)


def _learns_x(bus: MessageBus) -> str | None:
    return None if getattr(bus["l1"], "learned", None) == "x" else "l1 never learns."


TASKS = (
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
