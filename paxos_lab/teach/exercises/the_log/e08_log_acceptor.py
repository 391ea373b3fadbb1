"""Exercise 08: the acceptor of a log."""

from __future__ import annotations

from functools import partial
from typing import Any

from paxos_lab.multipaxos.messages import Accept, Accepted, Command, Entry, Prepare, Promise, Vote, vote_text
from paxos_lab.multipaxos.takeover import heirs
from paxos_lab.node import Node
from paxos_lab.paxos import Ballot
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_role, guarded
from paxos_lab.teach.exercises.in_words import shown
from paxos_lab.teach.exercises.talk import RESTART, RING, Dialogue
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.trials import every_schedule
from paxos_lab.verify.explorer.choices import Faults
from paxos_lab.verify.explorer.log_properties import slot_agreement
from paxos_lab.words.text import short

B1, B2, B3, B4 = Ballot(1, "l1"), Ballot(2, "l2"), Ballot(3, "l3"), Ballot(4, "l1")


def _entry(text: str) -> Entry:
    return (Command("c1", sum(map(ord, text)), text),)


TEA, MILK, JAM, BREAD = map(_entry, ("tea", "milk", "jam", "bread"))

ON_DISK = "Declare `promised` and `votes` with stable(...): both are written before an answer leaves."


def acceptor(role: Any) -> str:
    """One promise for all slots, a vote for each, all on disk; asked again for what it said."""
    role = guarded(a_role(role, "LogAcceptor", "a1"))
    _both_phases(role)
    _every_slot(role)
    _after_a_restart(role)
    _after_its_timers(role)
    notes = [*_at_its_promise(role), *_below_its_promise(role)]
    tried = [
        every_schedule(partial(_group, role), what, faults, properties=(slot_agreement,))
        for what, faults in (
            ("two leaders, one of them twice", Faults(timeouts=1)),
            ("two leaders and a crash", Faults(crashes=1)),
        )
    ]
    said = "One promise for all slots, the last vote of each, and all of it on disk."
    return " ".join([said, *notes, "Tried:", *tried])


def _group(role: type[Any]) -> list[Node]:
    """Two leaders of the course and three of these acceptors; one slot."""
    nodes = heirs([["x"], ["y"]], slots=1)
    return [*nodes[:2], *(role(node.name) for node in nodes[2:])]


def _both_phases(role: type[Any]) -> None:
    prepare, first, third = ("l1", Prepare(B1, 1)), ("l1", Accept(B1, 1, TEA)), ("l1", Accept(B1, 3, JAM))
    higher, later = ("l2", Prepare(B2, 1)), ("l2", Accept(B2, 1, MILK))
    late, from_two, all_again = ("l1", Accept(B1, 2, MILK)), ("l3", Prepare(B3, 2)), ("l1", Prepare(B4, 1))
    talk = Dialogue(role("a1"), [prepare, first, third, higher, late, later, from_two, all_again])
    _reports(talk, prepare, {}, "It has not voted yet")
    for line in (first, third):
        _votes(talk, line, "l1")
    _reports(talk, higher, {1: (B1, TEA), 3: (B1, JAM)}, "It has votes in slots 1 and 3")
    talk.expect(
        not _accepted(talk.say(late)),
        "It promised 2.l2, and then accepted in slot 2 for ballot 1.l1, which is lower.",
        "The promise holds for every slot, also for one that was never voted in.",
    )
    _votes(talk, later, "l2", "It voted for tea there in 1.l1. A vote may be outvoted by a higher ballot.")
    _reports(talk, from_two, {3: (B1, JAM)}, "Asked from slot 2 on, it reports no slot below")
    _reports(
        talk,
        all_again,
        {1: (B2, MILK), 3: (B1, JAM)},
        "In slot 1 it said Accepted twice, first to 1.l1 for tea, then to 2.l2 for milk; the last vote counts",
    )


def _every_slot(role: type[Any]) -> None:
    """Votes for no-ops are votes, and a vote in one slot pushes no other one out."""
    prepare, noop, above = ("l1", Prepare(B1, 1)), ("l1", Accept(B1, 1, ())), ("l1", Accept(B1, 2, JAM))
    higher, outvoted, top = ("l2", Prepare(B2, 1)), ("l2", Accept(B2, 2, ())), ("l3", Prepare(B3, 1))
    talk = Dialogue(role("a1"), [prepare, noop, above, higher, outvoted, top])
    talk.say(prepare)
    why = "An entry () is a no-op, and a vote for it is a vote: a no-op may be what is chosen there."
    for line in (noop, above):
        _votes(talk, line, "l1")
    _reports(talk, higher, {1: (B1, ()), 2: (B1, JAM)}, "Its vote in slot 1 is for a no-op", why)
    _votes(talk, outvoted, "l2")
    _reports(talk, top, {1: (B1, ()), 2: (B2, ())}, "Both of its votes are for no-ops", why)
    slots = [3, 1, 7, 2, 12, 5, 4, 11, 6, 30, 8, 9]
    accepts = [("l1", Accept(B1, slot, _entry(f"word {slot}"))) for slot in slots]
    talk = Dialogue(role("a1"), [prepare, *accepts, higher])
    talk.say(prepare)
    for line in accepts:
        _votes(talk, line, "l1")
    voted = {accept.slot: (B1, accept.entry) for _, accept in accepts}
    _reports(talk, higher, voted, f"It voted in {len(slots)} slots", "A vote is kept for every slot.")


def _after_its_timers(role: type[Any]) -> None:
    """A timer of its own, where it sets one, takes neither the promise nor a vote from it."""
    prepare, first = ("l1", Prepare(B1, 1)), ("l1", Accept(B1, 1, TEA))
    higher, late, top = ("l2", Prepare(B2, 1)), ("l1", Accept(B1, 2, MILK)), ("l3", Prepare(B3, 1))
    talk = Dialogue(role("a1"), [prepare, first, higher, late, top])
    for line in (prepare, RING, first, RING, higher, RING, RING):
        talk.say(line)
    talk.expect(
        not _accepted(talk.say(late)),
        "It promised 2.l2, its timer rang, and then it accepted in slot 2 for ballot 1.l1, which is lower.",
        "A promise has no end: no timer may take it back.",
    )
    _reports(talk, top, {1: (B1, TEA)}, "Its timer rang after its vote", "No timer may take a vote back.")


def _votes(talk: Dialogue, line: tuple[str, Accept], to: str, why: str = "") -> None:
    said, accept = talk.say(line), line[1]
    answer = Accepted(accept.ballot, accept.slot)
    sent = "; ".join(f"{message} to {name}" for name, message in said) or "nothing"
    talk.expect(
        (to, answer) in said,
        f"It promised {accept.ballot}, and does not accept in slot {accept.slot} for it.",
        *([why] if why else []),
        *_namesakes(said, Accepted),
        f"It got {accept} and should tell {to} {answer}. It sent: {short(sent, 200)}.",
    )


def _after_a_restart(role: type[Any]) -> None:
    prepare, first, higher = ("l1", Prepare(B1, 1)), ("l1", Accept(B1, 1, TEA)), ("l2", Prepare(B2, 1))
    noop = ("l1", Accept(B1, 3, ()))
    for lines, votes, held in (
        ((first,), {1: (B1, TEA)}, "its vote"),
        ((first, noop), {1: (B1, TEA), 3: (B1, ())}, "its votes"),
    ):
        talk = Dialogue(role("a1"), [prepare, *lines, higher])
        for one in (prepare, *lines, RESTART):
            talk.say(one)
        _reports(talk, higher, votes, f"After a crash its disk holds {held}", ON_DISK)
    talk = Dialogue(role("a1"), [higher, prepare, first])
    for one in (higher, RESTART, prepare):
        talk.say(one)
    talk.expect(
        not _accepted(talk.say(first)),
        "It promised 2.l2, crashed, restarted, and accepted for 1.l1: the promise was not on disk.",
        ON_DISK,
    )


def _at_its_promise(role: type[Any]) -> list[str]:
    """Sentences about what is safe and not what the rule says, with a ballot that is not below."""
    notes = []
    vote, low, same, other = (
        ("l2", Accept(B2, 1, MILK)),
        ("l1", Prepare(B1, 1)),
        ("l1", Accept(B1, 1, TEA)),
        ("l1", Accept(B1, 2, TEA)),
    )
    talk = Dialogue(role("a1"), [vote, low, same, other])
    if _accepted(talk.say(vote)):
        talk.say(low)
        talk.expect(
            not _accepted(talk.say(same)),
            "It accepted in slot 1 for ballot 2.l2, and then in the same slot for 1.l1, which is lower.",
            "A vote is a promise too: `self.promised = ballot` belongs in both cases.",
        )
        if _accepted(talk.say(other)):
            notes.append(
                "A vote in slot 1 does not raise its promise for slot 2: that is safe, as each slot has a vote of "
                "its own; the course's acceptor keeps one promise for all slots."
            )
    else:
        notes.append(
            "It votes only for a ballot that it has promised: that is safe. The rule asks for a vote unless "
            "something higher is promised; so the vote does not depend on a Prepare that may be lost."
        )
    prepare = ("l1", Prepare(B1, 1))
    talk = Dialogue(role("a1"), [prepare, prepare])
    talk.say(prepare)
    if not _promises(talk.say(prepare)):
        notes.append(
            "It does not answer the same Prepare twice: that is safe; but if its Promise was lost, the leader "
            "that asks again gets none."
        )
    return notes


def _below_its_promise(role: type[Any]) -> list[str]:
    """A sentence if it answers lower Prepares, which is safe as long as it does not vote for them."""
    higher, low = ("l2", Prepare(B2, 1)), ("l1", Prepare(B1, 1))
    first, third, top = ("l1", Accept(B1, 1, TEA)), ("l1", Accept(B1, 3, JAM)), ("l3", Prepare(B3, 1))
    talk = Dialogue(role("a1"), [higher, low, first])
    talk.say(higher)
    answered = bool(_promises(talk.say(low)))
    talk.expect(
        not _accepted(talk.say(first)),
        "It promised 2.l2, and then accepted in slot 1 for ballot 1.l1, which is lower.",
        "Between the two it got Prepare(1.l1): whatever it answers, its own promise never goes down.",
    )
    notes = []
    if answered:
        notes.append(
            "It answers a Prepare below its promise: that is safe, since it does not vote for that ballot; "
            "the course's acceptor refuses it, so that the leader learns of the higher ballot."
        )
    for voted in ((first, third), (third, first)):
        talk = Dialogue(role("a1"), [*voted, top])
        for line in voted:
            talk.say(line)
        slots = [slot for promise in _promises(talk.say(top)) for slot, _ in promise.votes]
        if slots != sorted(slots):
            return [
                *notes,
                "Its votes are not reported in slot order, which the task asks for; no leader minds.",
            ]
    return notes


def _accepted(said: list[tuple[str, Any]]) -> list[Accepted]:
    return [message for _, message in said if isinstance(message, Accepted)]


def _promises(said: list[tuple[str, Any]]) -> list[Promise]:
    return [message for _, message in said if isinstance(message, Promise)]


def _reports(talk: Dialogue, line: Any, votes: dict[int, tuple[Ballot, Entry]], when: str, *why: str) -> None:
    """The answer to a prepare is one promise that reports just these votes."""
    said = talk.say(line)
    ballot = line[1].ballot
    promises = [m for to, m in said if isinstance(m, Promise) and to == line[0]]
    sent = "; ".join(f"{message} to {name}" for name, message in said) or "nothing"
    talk.expect(
        bool(promises),
        f"It did not promise ballot {ballot}, and has promised nothing higher.",
        *_namesakes(said, Promise),
        f"It should tell {line[0]}. It sent: {short(sent, 200)}.",
    )
    talk.expect(promises[0].ballot == ballot, f"Asked for {ballot}, it promised {promises[0].ballot}.")
    cleared = promises[0].cleared
    talk.expect(
        cleared == 0,
        f"Its promise of {ballot} says that slots are cleared here: its third field is {shown(cleared, 60)}.",
        "A leader takes that for the number of slots that are chosen and gone, and asks nobody about them. This "
        "acceptor clears nothing: write 0.",
    )
    reported = promises[0].votes
    right = tuple((slot, Vote(b, entry)) for slot, (b, entry) in sorted(votes.items()))
    if _well_formed(reported) and tuple(sorted(reported, key=lambda pair: pair[0])) == right:
        return
    form = "A report is a tuple of pairs `(slot, Vote(ballot, entry))`, one for each slot that it voted in."
    raise NotYet(
        f"{when}: its promise of {ballot} should report ({_told(right)}), and reports ({_told(reported)}).",
        *([] if _well_formed(reported) else [form]),
        *why,
        run=talk.bus,
    )


def _namesakes(said: list[tuple[str, Any]], wanted: type[Any]) -> list[str]:
    """A sentence if what it sent has the right name and is of another class."""
    others = [type(m) for _, m in said if type(m).__name__ == wanted.__name__ and not isinstance(m, wanted)]
    return [
        f"It sent {other.__name__} of {other.__module__}, which is another class: the one of a log is in "
        "paxos_lab.multipaxos."
        for other in dict.fromkeys(others)
    ]


def _well_formed(reported: Any) -> bool:
    return isinstance(reported, tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 and type(pair[0]) is int and isinstance(pair[1], Vote)
        for pair in reported
    )


def _told(reported: Any) -> str:
    if not isinstance(reported, tuple):
        return short(str(reported), 200)
    return short(", ".join(map(vote_text, reported)) or "no votes", 300)


TASKS = (
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
)
