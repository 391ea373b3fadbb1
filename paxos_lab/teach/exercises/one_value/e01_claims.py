"""Exercise 01: the learner is the network, and builds the run that refutes a claim.

A schedule is a function of a bus: it delivers, loses, crashes. The judge gives it a bus, then lets the
same events happen to nodes of its own, and looks at those. So what a schedule wrote into a node counts
for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paxos_lab.bus import MessageBus, replay
from paxos_lab.node import LabError, Node
from paxos_lab.paxos import Ballot, chosen
from paxos_lab.relatives.naive import first_write_wins, majority_vote
from paxos_lab.relatives.two_phase import two_phase_commit
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, call
from paxos_lab.teach.exercises.in_words import same
from paxos_lab.teach.exercises.task import Task
from paxos_lab.verify.explorer.properties import quorums_of
from paxos_lab.world.copying import fields_of, twin
from paxos_lab.world.events import Crash, Drop, Duplicate, Event, Invoke, Partition
from paxos_lab.world.line_limit import EndlessLoop
from paxos_lab.world.trace import Step

MOST_STEPS = 200


class _Bounded(MessageBus):
    """A bus that ends after `MOST_STEPS` steps: no schedule of an exercise needs as many."""

    def apply(self, event: Event, *, at: float | None = None) -> Step:
        if len(self.trace) >= MOST_STEPS:
            raise LabError(f"{MOST_STEPS} steps are plenty for what is asked")
        return super().apply(event, at=at)

    def run(
        self,
        schedule: Callable[[MessageBus], Event | None] | None = None,
        until: Callable[[MessageBus], bool] | None = None,
        max_steps: int = 10_000,
    ) -> int:
        return super().run(schedule, until, min(max_steps, MOST_STEPS - len(self.trace)))


def played(schedule: Any, name: str, nodes: list[Node], idle: tuple[str, ...] = ()) -> MessageBus:
    """What the events of the learner's schedule make of fresh nodes; what cannot happen is a `NotYet`."""
    schedule = a_function(schedule, name)
    fresh = [twin(node) for node in nodes]
    bus = _Bounded(nodes, delay=1, idle=idle)
    try:
        call(schedule, bus, called=f"{name}(bus)", lines=10_000)  # each may be a step of the bus
    except NotYet as error:
        cause = error.__cause__
        # A LookupError or an AssertionError with words: the exercise's own `deliver` found no such message.
        if isinstance(cause, LabError | LookupError | AssertionError) and not isinstance(cause, EndlessLoop):
            raise NotYet(
                f"Step {len(bus.trace) + 1} of the run cannot happen: {str(cause) or type(cause).__name__}.",
                *error.details,
                run=bus,
            ) from error
        raise NotYet(error.headline, *error.details, run=bus) from error
    for step in bus.trace:
        if isinstance(getattr(step.event, "during", None) or step.event, Invoke):
            raise NotYet(
                f"Step {step.step} hands {step.node} a message from outside.",
                "You are the network: deliver, lose, double or delay what the nodes send.",
                run=bus,
            )
    written = "Your schedule writes into the nodes. You are the network: deliver, lose, crash, restart, cut."
    try:
        again = replay(fresh, bus.trace)
    except LabError as error:
        raise NotYet(written, f"Without that, {error}.") from error
    for node in again:
        for (field, right), (_, found) in zip(fields_of(node), fields_of(bus[node.name]), strict=True):
            if not same(right, found):
                raise NotYet(written, f"{node.name}.{field} was set by nothing that happened.", run=again)
    return again


def learned_in(bus: MessageBus) -> dict[str, tuple[Any, int]]:
    """(value, step) of whatever a node learned in the run, whether it still knows it or not."""
    found: dict[str, tuple[Any, int]] = {}
    for step in bus.trace:
        _, after = step.changed.get("learned", (None, None))
        if after is not None and step.node is not None:
            found.setdefault(step.node, (after, step.step))
    return found


def _told(values: dict[str, tuple[Any, int]]) -> str:
    return (
        ", ".join(f"{name} learned {value}" for name, (value, _) in values.items())
        or "nobody has learned anything"
    )


def winners(bus: MessageBus) -> dict[Any, Ballot]:
    """What is chosen, with a ballot in which it is."""
    sent = bus.trace.sent
    return {p.value: p.ballot for p in chosen(sent, quorums_of(sent, {node.name: node for node in bus}))}


def two_deciders(schedule: Any) -> str:
    """The claim: with two deciders, first write wins is still fine."""
    bus = played(schedule, "disagree", first_write_wins(["tea", "coffee"], deciders=2))
    learned = learned_in(bus)
    if len({value for value, _ in learned.values()}) < 2:
        raise NotYet(
            f"Not refuted: {_told(learned)}.",
            "Let the deciders hear the two clients in different orders.",
            run=bus,
        )
    return f"Refuted in {len(bus.trace)} steps: {_told(learned)}."


def split_vote(schedule: Any) -> str:
    """The claim: a majority vote always ends, if nobody crashes and nothing is lost."""
    bus = played(schedule, "split", majority_vote(["tea", "coffee", "milk"], voters=3))
    for step in bus.trace:
        if isinstance(step.event, Crash | Drop | Duplicate | Partition):
            raise NotYet(
                f"Step {step.step} is a {type(step.event).__name__.lower()}. The claim is about runs without any fault.",
                run=bus,
            )
    if bus.in_flight:
        raise NotYet(
            f"{_messages(len(bus.in_flight))} still under way, and may yet decide it.",
            "Deliver every one of them.",
            run=bus,
        )
    if learned := learned_in(bus):
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
    for step in bus.trace:
        if isinstance(step.event, Crash) and step.event.node != "coord":
            raise NotYet(
                f"A participant is down as well, or was: {step.event.node} crashed at step {step.step}. "
                "It happens with the coordinator alone.",
                run=bus,
            )
    if len(doubtful) < 2:
        decided = [
            node.name for node in bus if getattr(node, "decision", None) is not None and node.name != "coord"
        ]
        why = (
            f"{' and '.join(decided)} can say what was decided."
            if decided
            else "Whoever has not voted yes may abort on its own."
        )
        raise NotYet("Not both participants are in doubt.", why, run=bus)
    later = bus.fork()
    if later.cut is not None:
        later.heal()  # the claim is that they ask each other, so they must be able to
    for _ in range(60):
        if not later.run(max_steps=1):
            break
        if len([node for node in later if getattr(node, "in_doubt", False)]) < 2:
            break
    if len([node for node in later if getattr(node, "in_doubt", False)]) < 2:
        steps = len(later.trace) - len(bus.trace)
        raise NotYet(
            f"They do not stay in doubt: {steps} step{'s' * (steps != 1)} later one of them knows the outcome.",
            "A message that tells the decision was still under way, or one of them could tell the other.",
            run=later,
        )
    return f"Refuted in {len(bus.trace)} steps: {' and '.join(doubtful)} voted yes, hold their locks, and wait for the coordinator."


def _messages(count: int) -> str:
    return "1 message is" if count == 1 else f"{count} messages are"


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
)
