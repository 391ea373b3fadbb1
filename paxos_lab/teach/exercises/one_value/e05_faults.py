"""Exercise 05: what a failure can do and cannot, and what must be on disk."""

from __future__ import annotations

from collections import Counter
from dataclasses import make_dataclass
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.node import stable, volatile
from paxos_lab.paxos import Accept, Accepted, Acceptor, Ballot, Proposal, Proposer, single_decree
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.in_words import shown
from paxos_lab.teach.exercises.one_value.e01_claims import learned_in, played, winners
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.trials import every_schedule
from paxos_lab.verify.explorer.choices import Faults
from paxos_lab.world.events import Crash


def unknown(schedule: Any) -> str:
    """A value is chosen, and nobody knows it."""
    bus = played(schedule, "unknown", single_decree(["tea"]))
    if not winners(bus) and not _written(bus):
        raise NotYet("Nothing is chosen yet.", "Two acceptors must vote in the same ballot.", run=bus)
    for name, (value, at) in learned_in(bus).items():
        crashed = [s.step for s in bus.trace if isinstance(s.event, Crash) and s.node == name and s.step > at]
        then = f", and crashed at step {crashed[0]}: it did know" if crashed else ""
        raise NotYet(
            f"tea is chosen, but {name} learned {value} at step {at}{then}.",
            "Chosen is a fact about votes, learned one about a node. Stop before anybody hears of the votes.",
            run=bus,
        )
    return f"{len(bus.trace)} steps: tea is chosen, and no node has learned it."


def outvoted(schedule: Any) -> str:
    """An acceptor votes for tea, and coffee is chosen: accepted is not chosen."""
    bus = played(schedule, "outvoted", single_decree(["tea", "coffee"]), idle=("p2",))
    messages = bus.trace.sent
    votes = [s for s, m in messages if isinstance(m, Accepted) and m.value == "tea"]
    found = winners(bus)
    if not votes:
        raise NotYet(
            "No acceptor has voted for tea.", "Let p1 get a quorum of promises, and one vote.", run=bus
        )
    if "tea" in found:
        raise NotYet(
            "tea is chosen: then no later ballot can choose anything else.",
            _why_tea(bus),
            run=bus,
        )
    if "coffee" not in found:
        raise NotYet(
            "coffee is not chosen.",
            "p2 must get its promises from acceptors that know nothing of tea: bus.start('p2').",
            run=bus,
        )
    if _step_of(bus, "tea") > _step_of(bus, "coffee", quorum=2):
        raise NotYet(
            "The vote for tea came after coffee was chosen.",
            "First one acceptor votes for tea; then coffee is chosen without it.",
            run=bus,
        )
    return f"{len(bus.trace)} steps: {votes[0]} voted for tea, and coffee is chosen."


def _written(bus: MessageBus) -> bool:
    """True if two acceptors have one vote in one ballot on their disks, told to anybody or not."""
    held = Counter(vote for node in bus if (vote := getattr(node, "accepted", None)) is not None)
    return max(held.values(), default=0) >= 2


def _why_tea(bus: MessageBus) -> str:
    for sender, message in bus.trace.sent:
        if sender == "p2" and isinstance(message, Accept) and message.value == "tea":
            return (
                "p2 asked for tea: one of its promises reported a vote for it. Which acceptors has p2 to ask?"
            )
    return "One vote is enough here; two acceptors voted for tea in one ballot."


def _step_of(bus: MessageBus, value: str, quorum: int = 1) -> int:
    """The step at which that many acceptors had voted for `value` in one ballot."""
    voted: dict[Ballot, set[str]] = {}
    for step in bus.trace:
        for envelope in step.sent:
            match envelope.message:
                case Accepted(ballot, asked) if asked == value:
                    voted.setdefault(ballot, set()).add(envelope.sender)
                    if len(voted[ballot]) >= quorum:
                        return step.step
    return len(bus.trace) + 1


FIELDS: dict[str, dict[str, tuple[Any, Any]]] = {
    "Acceptor": {"promised": (Ballot, Ballot.ZERO), "accepted": (Proposal | None, None)},
    "Proposer": {
        "round": (int, 0),
        "ballot": (Ballot, Ballot.ZERO),
        "promises": (dict[str, Any], {}),
        "proposal": (Proposal | None, None),
        "voters": (frozenset[str], frozenset()),
    },
}
"""The fields to choose from, with type and first value."""


def on_disk(fields: Any) -> str:
    """Which fields have to be on disk, no more and no fewer."""
    form = '{"Acceptor": {...}, "Proposer": {...}}, in each set the names of fields as texts, set() for none'
    if not isinstance(fields, dict) or set(fields) != set(FIELDS):
        raise NotYet(f"I expected a dictionary with a set for each role: {form}.")
    chosen: dict[str, set[str]] = {}
    for role, names in fields.items():
        if isinstance(names, str):
            names = [names]
        if isinstance(names, dict) and not names:  # `{}` is meant for the empty set, and is none in Python
            names = ()
        if not isinstance(names, set | frozenset | list | tuple):
            raise NotYet(f"{role}: I expected a set of names and got {shown(names)}.", f"The form is {form}.")
        strange = [name for name in names if not isinstance(name, str) or name not in FIELDS[role]]
        if strange:
            raise NotYet(
                f"{role}: {shown(strange[0])} is not one of its fields. Choose among {', '.join(FIELDS[role])}."
            )
        chosen[role] = set(names)
    if "ballot" in chosen["Proposer"] and "round" not in chosen["Proposer"]:
        raise NotYet(
            "Proposer: with ballot on disk and round in memory it opens a ballot twice.",
            "After a restart `prepare` counts up from `round`; nothing reads the ballot that was stored.",
        )
    acceptor, proposer = (
        _stored(role, name, chosen[name]) for role, name in ((Acceptor, "Acceptor"), (Proposer, "Proposer"))
    )
    tried = [
        every_schedule(
            lambda: single_decree("xy", acceptor=acceptor),
            "2 ballots, 1 crash of an acceptor",
            Faults(1, who=("a1", "a2", "a3")),
        ),
        every_schedule(
            lambda: single_decree("xy", proposer=proposer),
            "2 proposers, 1 crash of a proposer",
            Faults(1, who=("p1", "p2")),
        ),
    ]
    if extra := sorted(chosen["Proposer"] - {"round"}):
        raise NotYet(
            f"It is safe, but {' and '.join(extra)} need not be on disk: every write costs time.",
            "A proposer that restarts opens a new ballot; what it knew of the old one is of no use.",
        )
    return f"No single crash breaks it, and nothing is written without need. Tried: {' '.join(tried)}"


def _stored(role: Any, name: str, on_disk: set[str]) -> Any:
    """The course's role with these of its fields on disk, and the others in memory."""
    parts = [
        (field, kind, stable(value) if field in on_disk else volatile(value))
        for field, (kind, value) in FIELDS[name].items()
    ]
    return make_dataclass(name, parts, bases=(role,))


TASKS = (
    Task(
        "fault.unknown",
        "Chosen, and nobody knows",
        "05",
        ("unknown",),
        unknown,
        (
            "At which moment exactly is a value chosen? Whose step is that?",
            "At the vote of the second acceptor. What tells the others are the Accepted messages: let none of them arrive.",
            "Deliver Prepare to a1 and a2, both Promises, then Accept to a1 and a2, and stop there.",
        ),
    ),
    Task(
        "fault.outvoted",
        "Accepted, and not chosen",
        "05",
        ("outvoted",),
        outvoted,
        (
            "How many votes for tea may there be, so that tea is not chosen? And who must not hear of them?",
            "p1 gets promises of a1 and a2, and the vote of a1 only. Then p2 asks a2 and a3, which know nothing of tea.",
            "After the vote of a1: `bus.start('p2')`, Prepare and Promise with a2 and a3, then Accept to a2 and a3.",
        ),
    ),
    Task(
        "fault.disk",
        "What must be on disk?",
        "05",
        ("on_disk",),
        on_disk,
        (
            "For each field ask: somebody relies on what I said with it. What if I forget it?",
            "The acceptor's answers speak of the future, so both of its fields are promises to others. The proposer must only "
            "never use a ballot twice.",
            "`{'Acceptor': {'promised', 'accepted'}, 'Proposer': {'round'}}`.",
        ),
    ),
)
