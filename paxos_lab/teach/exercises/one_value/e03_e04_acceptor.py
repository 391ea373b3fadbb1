"""Exercises 03 and 04: the acceptor, first its promises, then its votes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.node import Node
from paxos_lab.paxos import Accept, Accepted, Acceptor, Ballot, Prepare, Promise, Proposal, single_decree
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.explained import explained
from paxos_lab.teach.exercises.handed_in import a_role, guarded
from paxos_lab.teach.exercises.in_words import same, shown, shown_plainly
from paxos_lab.teach.exercises.orders import every_order
from paxos_lab.teach.exercises.talk import RESTART, Dialogue
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.trials import as_far_as_it_ends, calm, storms
from paxos_lab.verify.explorer.properties import promises_kept, votes_on_request
from paxos_lab.verify.wrong.single_decree import Setting

B1, B2, B3 = Ballot(1, "p1"), Ballot(2, "p2"), Ballot(3, "p1")

ONCE = (
    "Unlike the text, the same prepare is promised once only. That is safe; but if the answer was lost, whoever "
    "asks again waits in vain."
)
LOWER = (
    "Unlike the text, it answers a prepare below its promise with a promise, and keeps the higher one. That is "
    "safe, but the answer is of no use: a vote in that ballot is refused."
)
ONLY_ITS_OWN = (
    "Unlike the text, it refuses a vote in a ballot above its promise. That is safe; but an acceptor that missed "
    "the prepare could have helped, and does not."
)


def promise(acceptor: Any) -> str:
    """Phase 1b: promise what is not below a promise, also after a restart."""
    role = a_role(acceptor, "Acceptor", "a1", ("l1",))
    first, low, again = ("p2", Prepare(B2)), ("p1", Prepare(B1)), ("p1", Prepare(B3))
    notes: dict[str, None] = {}  # in the order in which they were found, each once
    talk = Dialogue(guarded(role)("a1", ("l1",)), [first, low, first, again], others=["l1"])
    _one_promise(talk, talk.say(first), "p2", B2, "the first prepare it ever gets")
    headline = f"It promised ballot {B2}, and now it promises {B1}, which is lower."
    _keeps(talk, talk.say(low), B2, notes, headline, "A promise forbids everything lower from then on.")
    if not _promises(talk.say(first)):
        notes[ONCE] = None
    _one_promise(talk, talk.say(again), "p1", B3, f"ballot {B3}, higher than its promise of {B2}")
    talk = Dialogue(guarded(role)("a1", ("l1",)), [first, low], others=["l1"])
    talk.say(first)
    talk.say(RESTART)
    headline = f"It promised ballot {B2}, crashed, restarted, and promised {B1}: the promise was not on disk."
    why = "A field that must survive a crash is declared with stable(...)."
    _keeps(talk, talk.say(low), B2, notes, headline, why)
    for ballots in (
        [Ballot(9, "p1"), Ballot(10, "p1"), Ballot(9, "p1")],
        [Ballot(3, "p1"), Ballot(3, "p2"), Ballot(3, "p1")],
    ):
        _one_after_the_other(guarded(role), ballots, notes)
    for seed in range(40):
        rng = random.Random(seed)
        drawn = [Ballot(rng.randint(1, 12), rng.choice(["p1", "p2"])) for _ in range(8)]
        _one_after_the_other(guarded(role), drawn, notes, rng)
    rule = "above every promise before" if ONCE in notes else "not below any promise before"
    return " ".join([f"A prepare is promised if it is {rule}; a restart forgets nothing.", *notes])


def _one_after_the_other(
    role: type[Any], ballots: list[Ballot], notes: dict[str, None], rng: random.Random | None = None
) -> None:
    """Prepares in this order, with a restart now and then if there is a `rng`: no promise is taken back."""
    script: list[Any] = [(b.proposer, Prepare(b)) for b in ballots]
    talk = Dialogue(role("a1", ("l1",)), script, others=["l1"])
    top = Ballot.ZERO
    for line in script:
        if rng is not None and rng.random() < 0.15:
            talk.say(RESTART)
        ballot = line[1].ballot
        said = talk.say(line)
        if ballot > top:
            asked = f"ballot {ballot}; the highest before was {top}"
            _one_promise(talk, said, ballot.proposer, ballot, asked)
        elif ballot < top:
            _keeps(talk, said, top, notes, f"It promised ballot {top}, and later {ballot}, which is lower.")
        top = max(top, ballot)


def _keeps(
    talk: Dialogue, said: list[tuple[str, Any]], top: Ballot, notes: dict[str, None], headline: str, *why: str
) -> None:
    """What it `said` to a prepare below `top` takes no promise back, or `NotYet` with the headline."""
    low = [m for m in _promises(said) if not isinstance(m.ballot, Ballot) or m.ballot < top]
    held = getattr(talk.node, "promised", None)
    talk.expect(not low or (isinstance(held, Ballot) and held >= top), headline, *why)
    if _promises(said):
        notes[LOWER] = None


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
        given = may_promise[number]
        if not isinstance(given, int) or given not in (0, 1):
            raise NotYet(f"Line {number} says {shown(given)}; put True or False.")
        said = bool(given)
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
    reports = _promises(talk.say(higher))
    talk.expect(
        bool(reports) and same(reports[0].accepted, Proposal(B1, "tea")),
        f"It voted for tea in ballot {B1}, crashed, restarted, and no longer reports the vote.",
        "A vote must be on disk before the answer leaves: stable(...).",
    )

    notes = _unlike_the_text(tested)
    # Safety rests on this one, which holds all that the proof asks of an acceptor.
    alone = every_order(lambda: tested("a1", ("l1",)), LINES, _breaks, _broken, crash=True)
    orders = f"one acceptor, 3 ballots in every order, 1 crash: {alone:,} situations."
    calm(lambda: single_decree("x", acceptor=tested), _learns_x, "One proposer, three of your acceptors")
    settings = (Setting(2, 2), Setting(2, 2, 1), Setting(3, 3))
    makes = [partial(single_decree, "xyz"[: setting.values], acceptor=tested) for setting in settings]
    whole = [(make, str(setting), setting.faults) for make, setting in zip(makes, settings, strict=True)]
    tried = [orders, *as_far_as_it_ends(whole)]
    tried.append(storms(lambda: single_decree("xyz", acceptor=tested), "three rivals", seeds=range(10)))
    return " ".join(["It keeps its promises and its votes.", *notes, "Tried:", *tried])


def _unlike_the_text(role: type[Any]) -> list[str]:
    """What is safe, and yet not what the text says."""
    notes = []
    talk = Dialogue(role("a1", ("l1",)), [("p1", Prepare(B1)), ("p2", Accept(B2, "coffee"))], others=["l1"])
    talk.say(("p1", Prepare(B1)))
    if not any(isinstance(m, Accepted) for _, m in talk.say(("p2", Accept(B2, "coffee")))):
        notes.append(ONLY_ITS_OWN)
    lines = [("p2", Prepare(B2)), ("p2", Prepare(B2)), ("p1", Prepare(B1))]
    talk = Dialogue(role("a1", ("l1",)), lines, others=["l1"])
    _, again, lower = [_promises(talk.say(line)) for line in lines]
    return [*notes, *([] if again else [ONCE]), *([LOWER] if lower else [])]


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


def _promises(said: list[tuple[str, Any]]) -> list[Promise]:
    return [m for _, m in said if isinstance(m, Promise)]


def _one_promise(talk: Dialogue, said: list[tuple[str, Any]], to: str, ballot: Ballot, asked: str) -> None:
    """A promise of that ballot went to whoever asked; nothing else did that claims to be one."""
    to_whom = [(t, m) for t, m in said if isinstance(m, Promise)]
    talk.expect(bool(to_whom), f"It did not promise {asked}.", f"It sent: {_list(said)}.")
    name, first = to_whom[0]
    talk.expect(
        name == to and same(first.ballot, ballot),
        f"Asked for ballot {ballot} by {to}, it promised {shown_plainly(first.ballot)} to {name}.",
    )
    talk.expect(
        first.accepted is None or isinstance(first.accepted, Proposal),
        f"A promise reports a Proposal or None; this one reports {shown(first.accepted)}.",
    )


def _list(said: list[tuple[str, Any]]) -> str:
    return "; ".join(f"{shown_plainly(message)} to {to}" for to, message in said) or "nothing"


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
