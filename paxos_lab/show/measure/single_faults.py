"""Every run that differs from one run in a single fault, and what came of it.

One run is made by virtual time. Then, for each of its steps and each kind of fault, a copy of the
world takes that fault at that step and runs to its own end. The verdict comes from outside: from
the messages that were sent and from which nodes have learned.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from paxos_lab.bus import MessageBus
from paxos_lab.node import LabError, Node
from paxos_lab.paxos.outcome import chosen
from paxos_lab.paxos.quorums import QuorumSystem
from paxos_lab.words.text import short
from paxos_lab.world.events import (
    Crash,
    Deliver,
    Drop,
    Duplicate,
    Envelope,
    Event,
    Restart,
    Start,
    Timeout,
    node_of,
)

OUTCOMES = (
    "same decision", "other decision", "not learned by all", "nothing chosen", "DISAGREEMENT", "a role failed",
)  # fmt: skip

MESSAGE_FAULTS = {
    "lost": "the network loses it",
    "doubled": "the network makes a second copy",
    "late": "it arrives when all else is over",
}
CRASH_FAULTS = {
    "crash after": "the step is done; stays down",
    "crash after, restart": "the step is done; back at once",
    "crash during": "disk written, nothing sent; stays down",
    "crash during, restart": "disk written, nothing sent; back at once",
}


class Facts(NamedTuple):
    """What came of a run, seen from outside.

    `values`: all that was chosen. `unlearned`: the nodes that are up at the end and have not learned. `broken`:
    how agreement broke, or "". `messages`: how many were sent. `time`: when the last node learned.
    """

    values: tuple[Any, ...]
    unlearned: tuple[str, ...]
    broken: str
    messages: int
    time: float | None


@dataclass(frozen=True)
class FaultRun:
    """The fault, the event of the run without faults that it hit, and what came of it.

    `values`: all that was chosen. `unlearned`: the nodes that are up at the end and have not learned.
    `messages`: how many more were sent than without the fault. `time`: how much later the last node
    learned, None if it cannot be compared. `step`: the fault's place in this run.
    """

    fault: str
    event: Event
    outcome: str
    values: tuple[Any, ...]
    unlearned: tuple[str, ...]
    messages: int
    time: float | None
    step: int
    note: str = ""
    _bus: MessageBus = field(repr=False, compare=False, default=None)  # type: ignore[assignment]

    @property
    def node(self) -> str:
        """Where the event happens."""
        return str(node_of(self.event))

    @property
    def message(self) -> Any:
        """The message that arrives in the event, None if it is not an arrival."""
        return self.event.envelope.message if isinstance(self.event, Deliver) else None

    def bus(self) -> MessageBus:
        """The whole run, as a bus of its own at its end."""
        return self._bus.fork()

    @property
    def words(self) -> str:
        """The outcome with what belongs to it: the other value, and the nodes that have not learned."""
        names = ", ".join(short(n, 12) for n in self.unlearned)
        values = " and ".join(short(v, 16) for v in self.values)
        return {
            "other decision": f"other decision: {values}",
            "not learned by all": f"{values} chosen, not learned by {names}",
            "DISAGREEMENT": f"DISAGREEMENT: {values or self.note}",
            "nothing chosen": f"nothing chosen{self.note}",
            "a role failed": f"a role failed: {short(self.note, 120)}",
        }.get(self.outcome, self.outcome)

    @property
    def cost(self) -> str:
        """What it cost against the run without the fault, in time and messages; "" where that says nothing."""
        if not self.values:
            return ""
        parts = [f"{round(self.time, 1):+g} time"] if self.time else []
        parts += [f"{self.messages:+d} message{'s' * (abs(self.messages) != 1)}"] if self.messages else []
        nothing = "" if self.outcome == "not learned by all" else "costs nothing"
        return ", ".join(parts).replace("-", "−") or nothing


class SingleFaults:
    """One run without faults, `base`, and a `FaultRun` for every single fault of it, `cells`.

    `make`: a function without arguments that returns fresh nodes. `before`: events that come first.
    `idle`: names that do not start by themselves. `max_steps`: where a run that does not end is cut.
    The cells stand row by row, those of the messages first, in order of sending. Raises `LabError`
    if no node says what a quorum is and `quorums` does not either.
    """

    def __init__(
        self,
        make: Callable[[], Iterable[Node]],
        quorums: QuorumSystem | None = None,
        *,
        seed: int = 0,
        delay: float | tuple[float, float] | Callable[[random.Random, str, str], float] = 1.0,
        before: Iterable[Event] = (),
        idle: Iterable[str] = (),
        max_steps: int = 150,
    ) -> None:
        if not callable(make):
            raise LabError("FaultGrid takes a function that makes nodes: write lambda: single_decree(...)")
        nodes = list(make())
        found = quorums or next(
            (q for node in nodes if isinstance(q := getattr(node, "quorums", None), QuorumSystem)), None
        )
        if found is None:
            raise LabError("FaultGrid cannot tell what is chosen: give it quorums=Majority(3), or so")
        self.quorums = found
        self.max_steps = max_steps
        self._idle = frozenset((idle,) if isinstance(idle, str) else idle)
        # Nobody starts by itself, so that a start can be hit by a crash as any other step.
        names = [node.name for node in nodes]
        before = tuple(before)
        again = list(make())
        if {id(node) for node in nodes} & {id(node) for node in again}:
            raise LabError("FaultGrid needs a function that makes new nodes each time: these are the same")
        self.base = MessageBus(again, seed, delay, idle=names)
        # The run without faults is checked, so the many others may trust the roles.
        world = MessageBus(nodes, seed, delay, idle=names, checked=False)
        for event in before:
            self.base.apply(event)
            world.apply(event)
        self._finish(self.base)
        self.normal = self.facts(self.base)
        self.cells = self._all(world)

    # ---- asking

    def pick(
        self,
        fault: str | None = None,
        outcome: str | None = None,
        node: str | None = None,
        kind: type | None = None,
    ) -> list[FaultRun]:
        """The cells of that fault and outcome, hit at that node, by a message of that class."""
        for value, known in ((fault, [*MESSAGE_FAULTS, *CRASH_FAULTS]), (outcome, [*OUTCOMES])):
            if value is not None and value not in known:
                raise LabError(f"there is no {short(repr(value), 60)}; there are {', '.join(known)}")
        return [
            cell
            for cell in self.cells
            if (fault is None or cell.fault == fault)
            and (outcome is None or cell.outcome == outcome)
            and (node is None or cell.node == node)
            and (kind is None or isinstance(cell.message, kind))
        ]

    def counts(self, *faults: str) -> dict[str, int]:
        """How many cells of these faults (left out: of all) had which outcome."""
        wanted = faults or (*MESSAGE_FAULTS, *CRASH_FAULTS)
        counted = Counter(cell.outcome for fault in wanted for cell in self.pick(fault))
        return {outcome: counted[outcome] for outcome in OUTCOMES if counted[outcome]}

    # ---- making the runs

    def _all(self, world: MessageBus) -> list[FaultRun]:
        messages: list[tuple[int, list[FaultRun]]] = []
        crashes: list[tuple[str, list[FaultRun]]] = []
        for step in self.base.trace[len(world.trace) :]:
            event = step.event
            if isinstance(event, Deliver):
                e = event.envelope
                row = [
                    self._cell(world, "lost", event, [Drop(e)]),
                    self._cell(world, "doubled", event, [Duplicate(e)]),
                    self._cell(world, "late", event, [], late=e),
                ]
                messages.append((e.id, row))
            hit: list[FaultRun] = []
            if isinstance(event, Start | Deliver | Timeout):
                name = str(node_of(event))
                for fault, events in _crashes(event, name):
                    hit.append(self._cell(world, fault, event, events))
                crashes.append((name, hit))
            world.apply(event)
        order = {name: i for i, name in enumerate(world.names)}
        rows = [row for _, row in sorted(messages, key=lambda item: item[0])]
        rows += [row for _, row in sorted(crashes, key=lambda item: order[item[0]])]
        return [cell for row in rows for cell in row]

    def _cell(
        self,
        world: MessageBus,
        fault: str,
        event: Event,
        events: list[Event],
        late: Envelope | None = None,
    ) -> FaultRun:
        bus, failure = world.fork(), ""
        try:
            for one in events:
                bus.apply(one)
            if late is None:
                self._finish(bus)
            else:
                self._finish_late(bus, late)
        except Exception as error:  # whatever a learner's class raises is what came of this run
            failure = f"{type(error).__name__}: {error}"
        facts = self.facts(bus)
        outcome, note = self._outcome(bus, facts, failure)
        later = None
        if outcome in ("same decision", "other decision"):
            then, normally = facts.time, self.normal.time
            later = None if then is None or normally is None else then - normally
        return FaultRun(
            fault, event, outcome, facts.values, facts.unlearned, facts.messages - self.normal.messages,
            later, _place(world, bus, fault, event), note, bus,
        )  # fmt: skip

    def _outcome(self, bus: MessageBus, facts: Facts, failure: str) -> tuple[str, str]:
        """What came of the run, and a note that belongs to it."""
        if failure:
            return "a role failed", failure
        if facts.broken:
            return "DISAGREEMENT", facts.broken
        if not facts.values:
            return "nothing chosen", "" if bus.upcoming() is None else f" in {self.max_steps} steps"
        if facts.unlearned:
            return "not learned by all", ""
        return ("same decision" if facts.values == self.normal.values else "other decision"), ""

    def _finish(self, bus: MessageBus) -> None:
        """Whoever has not started does so, then virtual time decides."""
        for name in bus.names:
            if name not in self._idle and bus.why_not(Start(name)) is None:
                bus.apply(Start(name))
        bus.run(max_steps=max(0, self.max_steps - len(bus.trace)))

    def _finish_late(self, bus: MessageBus, late: Envelope) -> None:
        """The same, but `late` arrives only when all else is over."""
        ghost = bus.fork()  # the world in which it never arrives says what all else is
        ghost.drop(late)
        gone = len(ghost.trace)
        self._finish(ghost)
        for step in ghost.trace[gone:]:
            bus.apply(step.event)
        if ghost.upcoming() is None:
            bus.deliver(late)
            self._finish(bus)

    def facts(self, bus: MessageBus) -> Facts:
        """What came of a run, seen from outside."""
        trace = bus.trace
        values = tuple(dict.fromkeys(p.value for p in chosen(trace.sent, self.quorums)))
        learnings = [s for s in trace if s.changed.get("learned", (None, None))[1] is not None]
        learned = dict.fromkeys(s.changed["learned"][1] for s in learnings)
        broken = ""
        if len(values) > 1:
            broken = "two values chosen"
        elif wrong := [v for v in learned if v not in values]:
            broken = f"{short(wrong[0], 16)} learned, not chosen"
        unlearned = tuple(
            node.name
            for node in bus
            if node.name not in bus.down
            and getattr(node, "learned", "has nothing to learn") is None
            and bus.why_not(Start(node.name)) is not None  # a node that was told to stay idle need not learn
        )
        sent = sum(len(s.sent) for s in trace if not isinstance(s.event, Duplicate))
        return Facts(values, unlearned, broken, sent, learnings[-1].time if learnings else None)


def _place(world: MessageBus, bus: MessageBus, fault: str, event: Event) -> int:
    """At which step of `bus` the fault stands, given the world just before it."""
    if fault == "late":
        return next((s.step for s in bus.trace if s.event == event), len(bus.trace))
    # The crash at rest comes after the event that it follows.
    return min(len(world.trace) + (2 if fault.startswith("crash after") else 1), len(bus.trace))


def _crashes(event: Start | Deliver | Timeout, name: str) -> Iterator[tuple[str, list[Event]]]:
    ways: dict[str, list[Event]] = {
        "crash after": [event, Crash(name)],
        "crash during": [Crash(name, during=event)],
    }
    for fault in CRASH_FAULTS:
        how, _, back = fault.partition(", ")
        yield fault, [*ways[how], Restart(name)] if back else ways[how]
