"""Exercise 03: the acceptor's promises."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.node import Node
from paxos_lab.paxos import Acceptor, Ballot, Nack, Prepare, Promise, Proposal
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_role, guarded
from paxos_lab.teach.exercises.in_words import same, shown, shown_plainly
from paxos_lab.teach.exercises.orders import every_order
from paxos_lab.teach.exercises.talk import RESTART, Dialogue
from paxos_lab.teach.exercises.task import Task

B1, B2, B3 = Ballot(1, "p1"), Ballot(2, "p2"), Ballot(3, "p1")

ONCE = (
    "Unlike the text, the same prepare is promised once only. That is safe; but if the answer was lost, whoever "
    "asks again waits in vain."
)
LOWER = (
    "Unlike the text, it answers a prepare below its promise with a promise, and keeps the higher one. That is "
    "safe, but the answer is of no use: a vote in that ballot is refused."
)


NOT_ITS = (
    "Unlike the text, it answers a prepare below its promise with a promise of the higher ballot. That is safe, "
    "but of no use to whoever asked: the ballot is not its own."
)


def below_its_promise(promises: list[Promise], top: Ballot) -> list[str]:
    """What to say of promises sent in answer to a prepare below `top`, which it keeps."""
    return [NOT_ITS if same(m.ballot, top) else LOWER for m in promises[:1]]


def promise(acceptor: Any) -> str:
    """Phase 1b: promise what is not below a promise, also after a restart."""
    role = a_role(acceptor, "Acceptor", "a1", ("l1",))
    first, low, again = ("p2", Prepare(B2)), ("p1", Prepare(B1)), ("p1", Prepare(B3))
    notes: dict[str, None] = {}  # in the order in which they were found, each once
    talk = Dialogue(guarded(role)("a1", ("l1",)), [first, low, first, again], others=["l1"])
    one_promise(talk, talk.say(first), "p2", B2, "the first prepare it ever gets")
    headline = f"It promised ballot {B2}, and now it promises {B1}, which is lower."
    _keeps(
        talk,
        talk.say(low),
        B2,
        notes,
        headline,
        f"With the lower promise it could vote in {B1}, although it promised not to. Does it compare, and store what it promises?",
    )
    if not promises_in(talk.say(first)):
        notes[ONCE] = None
    one_promise(talk, talk.say(again), "p1", B3, f"ballot {B3}, higher than its promise of {B2}")
    talk = Dialogue(guarded(role)("a1", ("l1",)), [first, low], others=["l1"])
    talk.say(first)
    talk.say(RESTART)
    headline = f"It promised ballot {B2}, crashed, restarted, and promised {B1}: the promise was not on disk."
    why = "A field that must survive a crash is declared with stable(...)."
    _keeps(talk, talk.say(low), B2, notes, headline, why)
    promises_upwards(guarded(role))
    for ballots in (
        [Ballot(9, "p1"), Ballot(10, "p1"), Ballot(9, "p1")],
        [Ballot(3, "p1"), Ballot(3, "p2"), Ballot(3, "p1")],
    ):
        _one_after_the_other(guarded(role), ballots, notes)
    for seed in range(40):
        rng = random.Random(seed)
        drawn = [Ballot(rng.randint(1, 12), rng.choice(["p1", "p2"])) for _ in range(8)]
        _one_after_the_other(guarded(role), drawn, notes, rng)
    every_order(lambda: guarded(role)("a1", ("l1",)), LINES, _taken_back, _broken, crash=True)
    rule = "above every promise before" if ONCE in notes else "not below any promise before"
    return " ".join([f"A prepare is promised if it is {rule}; a restart forgets nothing.", *notes])


def promises_upwards(role: type[Any]) -> None:
    """What is above its promise it promises: rounds are numbers and come first, then the name."""
    for low, high in (("9.p1", "10.p1"), ("3.p1", "3.p2"), ("2.p2", "3.p1")):
        first, second = (
            Ballot(int(round), name) for round, name in (text.split(".") for text in (low, high))
        )
        script = [(b.proposer, Prepare(b)) for b in (first, second)]
        talk = Dialogue(role("a1", ("l1",)), script, others=["l1"])
        talk.say(script[0])
        asked = f"ballot {second}, higher than its promise of {first}"
        one_promise(talk, talk.say(script[1]), second.proposer, second, asked)


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
            one_promise(talk, said, ballot.proposer, ballot, asked)
        elif ballot < top:
            _keeps(talk, said, top, notes, f"It promised ballot {top}, and later {ballot}, which is lower.")
        top = max(top, ballot)


LINES = (("p2", Prepare(B2)), ("p1", Prepare(B1)), ("p1", Prepare(B3)))


def _taken_back(sent: Sequence[tuple[str, Any]], node: Node) -> str | None:
    """A promise below an earlier one, and the earlier one is not held any more."""
    top, held = Ballot.ZERO, getattr(node, "promised", None)
    for _, message in sent:
        if isinstance(message, Promise) and isinstance(message.ballot, Ballot):
            if message.ballot < top and not (isinstance(held, Ballot) and held >= top):
                return f"It promised ballot {top}, and later {message.ballot}, which is lower."
            top = max(top, message.ballot)
    return None


def _broken(sentence: str, run: MessageBus) -> NotYet:
    return NotYet(sentence, "The run is below: a promise holds for ever, whatever rings or crashes.", run=run)


def _keeps(
    talk: Dialogue, said: list[tuple[str, Any]], top: Ballot, notes: dict[str, None], headline: str, *why: str
) -> None:
    """What it `said` to a prepare below `top` takes no promise back, or `NotYet` with the headline."""
    low = [m for m in promises_in(said) if not isinstance(m.ballot, Ballot) or m.ballot < top]
    held = getattr(talk.node, "promised", None)
    talk.expect(not low or (isinstance(held, Ballot) and held >= top), headline, *why)
    notes.update(dict.fromkeys(below_its_promise(promises_in(said), top)))
    for _, nack in said:
        if isinstance(nack, Nack):
            talk.expect(
                same(nack.promised, top),
                f"It has promised ballot {top}, and it says {shown_plainly(nack)}.",
                "A Nack names the ballot that was refused and the promise that stands in the way: "
                "`Nack(ballot, self.promised)`.",
            )


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
        right = bool(promises_in([answer for line in lines for answer in talk.say(line)]))
        why = {
            True: "Nothing higher was promised, so nothing forbids it.",
            False: "It promised 3.p1, which is higher. Neither time nor a restart ends a promise.",
        }
        talk.expect(said == right, f"Line {number} is not {said}.", why[right])
    return "Five lines, each as the course's own acceptor answers."


def promises_in(said: list[tuple[str, Any]]) -> list[Promise]:
    """The promises in what a node said."""
    return [m for _, m in said if isinstance(m, Promise)]


def one_promise(
    talk: Dialogue, said: list[tuple[str, Any]], to: str, ballot: Ballot, asked: str, *, voted: bool = False
) -> None:
    """A promise of that ballot went to whoever asked; `voted`: there is a vote that it may report."""
    to_whom = [(t, m) for t, m in said if isinstance(m, Promise)]
    talk.expect(bool(to_whom), f"It did not promise {asked}.", f"It sent: {listed(said)}.")
    name, first = to_whom[0]
    talk.expect(
        name == to and same(first.ballot, ballot),
        f"Asked for ballot {ballot} by {to}, it promised {shown_plainly(first.ballot)} to {name}.",
    )
    talk.expect(
        first.accepted is None or isinstance(first.accepted, Proposal),
        f"A promise reports a Proposal or None; this one reports {shown(first.accepted)}.",
    )
    talk.expect(
        voted or first.accepted is None,
        f"Nobody has voted yet, and its promise of {ballot} reports {shown(first.accepted)}.",
        "Without a vote the report is None: a proposer would take anything else for a vote, and ask for its value.",
    )


def listed(said: list[tuple[str, Any]]) -> str:
    """What a node said, in words."""
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
)
