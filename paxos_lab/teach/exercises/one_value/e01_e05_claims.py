"""Exercises 01 and 05: the learner is the network, and builds the run that refutes a claim.

A schedule is a function of a bus: it delivers, loses, crashes. The judge gives it a fresh bus and then
looks at what has come of it.
"""

from __future__ import annotations

from dataclasses import make_dataclass
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.node import LabError, Node, stable, volatile
from paxos_lab.paxos import Acceptor, Ballot, Proposal, Proposer, chosen, single_decree
from paxos_lab.relatives.naive import first_write_wins, majority_vote
from paxos_lab.relatives.two_phase import two_phase_commit
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, call
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.trials import every_schedule
from paxos_lab.verify.explorer.choices import Faults
from paxos_lab.verify.explorer.fast.role_runner import EndlessLoop
from paxos_lab.verify.explorer.properties import quorums_of
from paxos_lab.world.events import Crash, Drop, Partition

MOST_STEPS = 200


def played(schedule: Any, name: str, nodes: list[Node], idle: tuple[str, ...] = ()) -> MessageBus:
    """The bus after the learner's schedule; an event that cannot happen is a `NotYet`."""
    schedule = a_function(schedule, name)
    bus = MessageBus(nodes, delay=1, idle=idle)
    try:
        call(schedule, bus, called=f"{name}(bus)", lines=1_000_000)  # the bus works in there, too
    except NotYet as error:
        cause = error.__cause__
        if isinstance(cause, LabError) and not isinstance(cause, EndlessLoop):
            raise NotYet(
                f"Step {len(bus.trace) + 1} of your schedule cannot happen: {cause}.", *error.details, run=bus
            ) from error
        raise NotYet(error.headline, *error.details, run=bus) from error
    if len(bus.trace) > MOST_STEPS:
        raise NotYet(f"Your schedule took {len(bus.trace)} steps; {MOST_STEPS} are plenty.")
    return bus


def _learned(bus: MessageBus) -> dict[str, Any]:
    return {node.name: value for node in bus if (value := getattr(node, "learned", None)) is not None}


def _told(values: dict[str, Any]) -> str:
    return (
        ", ".join(f"{name} learned {value}" for name, value in values.items())
        or "nobody has learned anything"
    )


def _faults(bus: MessageBus, *kinds: type) -> int:
    return sum(isinstance(step.event, kinds) for step in bus.trace)


def two_deciders(schedule: Any) -> str:
    """The claim: with two deciders, first write wins is still fine."""
    bus = played(schedule, "disagree", first_write_wins(["tea", "coffee"], deciders=2))
    learned = _learned(bus)
    if len(set(learned.values())) < 2:
        raise NotYet(
            f"Not refuted: {_told(learned)}.",
            "Let the deciders hear the two clients in different orders.",
            run=bus,
        )
    return f"Refuted in {len(bus.trace)} steps: {_told(learned)}."


def split_vote(schedule: Any) -> str:
    """The claim: a majority vote always ends, if nobody crashes and nothing is lost."""
    bus = played(schedule, "split", majority_vote(["tea", "coffee", "milk"], voters=3))
    if _faults(bus, Crash, Drop, Partition):
        raise NotYet(
            "Your schedule crashes or loses something. The claim is about runs without any fault.", run=bus
        )
    if bus.in_flight:
        raise NotYet(
            f"{len(bus.in_flight)} messages are still under way: they may yet decide it.",
            "Deliver every one of them.",
            run=bus,
        )
    if learned := _learned(bus):
        raise NotYet(
            f"Not refuted: {_told(learned)}.", "Three voters, three values: who gets which first?", run=bus
        )
    return f"Refuted in {len(bus.trace)} steps: all has arrived, and nobody will ever learn anything."


def blocked(schedule: Any) -> str:
    """The claim: in two-phase commit the participants can always find out what was decided."""
    bus = played(schedule, "block", two_phase_commit([True, True]))
    doubtful = [node.name for node in bus if getattr(node, "in_doubt", False) and node.name not in bus.down]
    if "coord" not in bus.down:
        raise NotYet(
            "The coordinator is up, so it can be asked.",
            "Crash it with bus.crash('coord'), at the right moment.",
            run=bus,
        )
    if len([name for name in bus.down if name != "coord"]) > 0:
        raise NotYet("A participant is down as well. It happens with the coordinator alone.", run=bus)
    if len(doubtful) < 2:
        decided = [
            node.name for node in bus if getattr(node, "decision", None) is not None and node.name != "coord"
        ]
        why = (
            f"{', '.join(decided)} knows the decision and can tell the others."
            if decided
            else "Who has not voted yes may abort on its own."
        )
        raise NotYet("Not both participants are in doubt.", why, run=bus)
    later = bus.fork()
    later.run(max_steps=60)
    if len([node for node in later if getattr(node, "in_doubt", False)]) < 2:
        raise NotYet(
            "They found out by themselves, 60 steps later.",
            "A message that says the decision was still under way.",
            run=later,
        )
    return f"Refuted in {len(bus.trace)} steps: {' and '.join(doubtful)} voted yes, hold their locks, and wait for the coordinator."


def _tea_and_coffee() -> list[Node]:
    return single_decree(["tea", "coffee"])


def winners(bus: MessageBus) -> dict[Any, Ballot]:
    """What is chosen, with a ballot in which it is."""
    sent = [(e.sender, e.message) for e in bus.trace.messages]
    return {p.value: p.ballot for p in chosen(sent, quorums_of(sent, {node.name: node for node in bus}))}


def unknown(schedule: Any) -> str:
    """A value is chosen, and nobody knows it."""
    bus = played(schedule, "unknown", single_decree(["tea"]))
    if not winners(bus):
        raise NotYet("Nothing is chosen yet.", "Two acceptors must vote in the same ballot.", run=bus)
    if learned := _learned(bus):
        raise NotYet(
            f"tea is chosen, but {_told(learned)}.",
            "Chosen is a fact about votes, learned one about a node.",
            run=bus,
        )
    return f"{len(bus.trace)} steps: tea is chosen, and no node knows it."


def outvoted(schedule: Any) -> str:
    """An acceptor votes for tea, and coffee is chosen: accepted is not chosen."""
    bus = played(schedule, "outvoted", _tea_and_coffee(), idle=("p2",))
    votes = [
        s
        for s, m in ((e.sender, e.message) for e in bus.trace.messages)
        if getattr(m, "value", None) == "tea" and type(m).__name__ == "Accepted"
    ]
    found = winners(bus)
    if not votes:
        raise NotYet(
            "No acceptor has voted for tea.", "Let p1 get a quorum of promises, and one vote.", run=bus
        )
    if "tea" in found:
        raise NotYet(
            "tea is chosen: then no later ballot can choose anything else.",
            "One vote is enough here; two are too many.",
            run=bus,
        )
    if "coffee" not in found:
        raise NotYet(
            "coffee is not chosen.",
            "p2 must get its promises from acceptors that know nothing of tea: bus.start('p2').",
            run=bus,
        )
    return f"{len(bus.trace)} steps: {votes[0]} voted for tea, and coffee is chosen."


def on_disk(fields: Any) -> str:
    """Which fields have to be on disk, no more and no fewer."""
    wanted = {
        "Acceptor": ("promised", "accepted"),
        "Proposer": ("round", "ballot", "promises", "proposal", "voters"),
    }
    if not isinstance(fields, dict) or set(fields) != set(wanted):
        raise NotYet(
            'I expected a dictionary: {"Acceptor": {...}, "Proposer": {...}}, with names of fields as texts.'
        )
    for role, names in fields.items():
        if not isinstance(names, set | frozenset | list | tuple) or any(
            name not in wanted[role] for name in names
        ):
            raise NotYet(f"{role}: {names!r}. Choose among {', '.join(wanted[role])}.")
    kept_by_acceptor, kept_by_proposer = set(fields["Acceptor"]), set(fields["Proposer"])
    acceptor: Any = make_dataclass(
        "Acceptor",
        [("promised", Ballot, _kept("promised" in kept_by_acceptor, Ballot.ZERO)),
         ("accepted", Proposal | None, _kept("accepted" in kept_by_acceptor, None))],
        bases=(Acceptor,),
    )  # fmt: skip
    every_schedule(
        lambda: single_decree("xy", acceptor=acceptor),
        "2 ballots, 1 crash of an acceptor",
        Faults(1, who=("a1", "a2", "a3")),
    )
    proposer: Any = make_dataclass(
        "Proposer", [("round", int, _kept("round" in kept_by_proposer, 0))], bases=(Proposer,)
    )
    every_schedule(
        lambda: single_decree("xy", proposer=proposer),
        "2 proposers, 1 crash of a proposer",
        Faults(1, who=("p1", "p2")),
    )
    if extra := sorted(kept_by_proposer - {"round"}):
        raise NotYet(
            f"It is safe, but {', '.join(extra)} need not be on disk: every write costs time.",
            "A proposer that restarts opens a new ballot; what it knew of the old one is of no use.",
        )
    return "No crash breaks it, and nothing is written without need."


def _kept(on_disk: bool, value: Any) -> Any:
    return stable(value) if on_disk else volatile(value)


TASKS = (
    Task(
        "claim.deciders",
        "Refute: two deciders are as good as one",
        "01",
        ("disagree",),
        two_deciders,
        (
            "A client believes the first answer it gets. Which decider should answer whom?",
            "Let d1 hear c1 first and d2 hear c2 first. Then let each client hear 'its' decider first.",
            "`deliver(bus, 'c1', 'd1')`, `deliver(bus, 'c2', 'd2')`, `deliver(bus, 'd1', 'c1')`, `deliver(bus, 'd2', 'c2')`.",
        ),
    ),
    Task(
        "claim.vote",
        "Find the stall: a majority vote without any fault",
        "01",
        ("split",),
        split_vote,
        (
            "Every voter has one vote, for the first value it hears. Three voters, three values.",
            "Give each voter another client first. Then deliver all that is left: late proposals change no vote.",
            "`deliver(bus, 'c1', 'v1')`, `deliver(bus, 'c2', 'v2')`, `deliver(bus, 'c3', 'v3')`, then "
            "`while bus.in_flight: bus.deliver(bus.in_flight[0])`.",
        ),
    ),
    Task(
        "claim.commit",
        "Refute: two-phase commit never blocks",
        "01",
        ("block",),
        blocked,
        (
            "When is a participant neither free to abort nor sure of a commit?",
            "After it has voted yes. Let both vote yes, and crash the coordinator before anybody hears the decision.",
            "`deliver(bus, 'coord', 'p1')`, `deliver(bus, 'coord', 'p2')`, `bus.crash('coord')`.",
        ),
    ),
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
