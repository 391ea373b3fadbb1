"""The fault grid: every run that differs from one run in a single fault, and what came of it.

One run is made by virtual time. Then, for each of its steps and each kind of fault, a copy of the
world takes that fault at that step and runs to its own end. The verdict comes from outside: from
the messages that were sent and from who has learned.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets

from paxos_lab.bus import MessageBus
from paxos_lab.node import LabError, Node
from paxos_lab.paxos.outcome import chosen
from paxos_lab.paxos.quorums import QuorumSystem
from paxos_lab.show.widgets.stepper import Stepper
from paxos_lab.words.text import markdown, short
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

_HERE = Path(__file__).parent

# Outcome -> its sign; words and signs say it, colour only helps.
OUTCOMES = {
    "same decision": "=",
    "other decision": "≠",
    "not learned by all": "?",
    "nothing chosen": "–",
    "DISAGREEMENT": "!!",
    "a role failed": "×",
}

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
_TABS = (("One message", "message", MESSAGE_FAULTS), ("One crash", "step", CRASH_FAULTS))


@dataclass(frozen=True)
class FaultRun:
    """One cell: the fault, the event of the run without faults that it hit, and what came of it.

    `values`: all that was chosen. `unlearned`: who is up at the end and has not learned.
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
        """The message that arrives in the event, None if it is no arrival."""
        return self.event.envelope.message if isinstance(self.event, Deliver) else None

    def bus(self) -> MessageBus:
        """The whole run, as a bus of its own at its end."""
        return self._bus.fork()

    @property
    def words(self) -> str:
        """The outcome with what belongs to it: the other value, who has not learned."""
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


class _Table(anywidget.AnyWidget):
    """The two tables of cells; asks Python to open the cell that was pressed."""

    _esm = _HERE / "fault_grid.js"
    _css = _HERE / "fault_grid.css"
    view = traitlets.Dict().tag(sync=True)
    opened = traitlets.Dict().tag(sync=True)


class FaultGrid(widgets.VBox):
    """Every single fault of one run: press a cell, and that very run opens in a stepper below.

    `make`: a function without arguments that returns fresh nodes, as
    `lambda: single_decree(["tea", "coffee"])`. `before`: events that come first, as `[Crash("a3")]`.
    `idle`: names that do not start by themselves. `max_steps`: where a run that does not end is cut.
    The cells, row by row, are `cells`; `pick` and `counts` ask them. Raises `LabError` if no node
    says what a quorum is and `quorums` does not either.
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
        self._normal = self._facts(self.base)
        self.cells = self._all(world)
        self.stepper: Stepper | None = None
        self.table = _Table(view=self._look(), opened={})
        self.table.on_msg(self._asked)
        super().__init__([self.table])

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

    def open_run(self, cell: FaultRun | int) -> Stepper:
        """Show that run in the stepper below the grid, standing at its fault."""
        index = cell if isinstance(cell, int) else self.cells.index(cell)
        if not 0 <= index < len(self.cells):
            raise LabError(f"there is no cell {index}: they are 0 to {len(self.cells) - 1}")
        chosen_one = self.cells[index]
        stepper = Stepper(chosen_one.bus(), self.quorums)
        stepper.jump(chosen_one.step)
        stepper.view = stepper.look()
        old, self.stepper = self.stepper, stepper
        self.children = (self.table, stepper)
        if old is not None:
            old.close()
        self.table.opened = {"cell": index, "words": f"Open below: {_aria(chosen_one)}."}
        return stepper

    def _asked(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        match message:
            case {"do": "open", "cell": int(index)} if 0 <= index < len(self.cells):
                self.open_run(index)

    # ---- making the runs

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

    def _all(self, world: MessageBus) -> list[FaultRun]:
        """One cell for each step of the run and each fault; the messages' first, in order of sending."""
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
        base, facts = self._normal, self._facts(bus)
        # The crash at rest comes after the event that it follows.
        step = len(world.trace) + (2 if fault.startswith("crash after") else 1)
        if late is not None:
            step = next((s.step for s in bus.trace if s.event == event), len(bus.trace))
        note = failure
        if failure:
            outcome = "a role failed"
        elif facts.broken:
            outcome, note = "DISAGREEMENT", facts.broken
        elif not facts.values:
            ended = bus.upcoming() is None
            outcome, note = "nothing chosen", "" if ended else f" in {self.max_steps} steps"
        elif facts.unlearned:
            outcome = "not learned by all"
        else:
            outcome = "same decision" if facts.values == base.values else "other decision"
        comparable = outcome in ("same decision", "other decision") and None not in (facts.time, base.time)
        return FaultRun(
            fault, event, outcome, facts.values, facts.unlearned, facts.messages - base.messages,
            facts.time - base.time if comparable else None, min(step, len(bus.trace)), note, bus,  # type: ignore[operator]
        )  # fmt: skip

    def _facts(self, bus: MessageBus) -> _Facts:
        """What came of a run, seen from outside."""
        trace = bus.trace
        values = tuple(
            dict.fromkeys(
                p.value for p in chosen([(e.sender, e.message) for e in trace.messages], self.quorums)
            )
        )
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
            and bus.why_not(Start(node.name)) is not None  # who was told to stay idle need not learn
        )
        sent = sum(len(s.sent) for s in trace if not isinstance(s.event, Duplicate))
        return _Facts(values, unlearned, broken, sent, learnings[-1].time if learnings else None)

    # ---- showing

    def _look(self) -> dict[str, Any]:
        tabs, index = [], 0
        for title, what, faults in _TABS:
            cells = self.pick(next(iter(faults)))
            rows = []
            for first in cells:
                row = self.cells[index : index + len(faults)]
                rows.append(
                    {
                        "label": _row_label(first),
                        "cells": [
                            {"index": index + i, "sign": OUTCOMES[c.outcome], "words": c.words, "cost": c.cost,
                             "kind": list(OUTCOMES).index(c.outcome), "aria": _aria(c)}
                            for i, c in enumerate(row)
                        ],
                    }
                )  # fmt: skip
                index += len(faults)
            tabs.append(
                {"title": title, "what": what, "columns": [[k, v] for k, v in faults.items()], "rows": rows,
                 "summary": self._summary(title, faults)}
            )  # fmt: skip
        return {"tabs": tabs, "base": self._base_words()}

    def _base_words(self) -> str:
        facts = self._normal
        decision = " and ".join(short(v, 16) for v in facts.values) or "nothing"
        time = (
            f", all learned by time {facts.time:g}" if facts.time is not None and not facts.unlearned else ""
        )
        cut = "" if self.base.upcoming() is None else " (cut there)"
        return (
            f"Without a fault: {len(self.base.trace)} steps{cut}, {facts.messages} messages, "
            f"chosen: {decision}{time}."
        )

    def _summary(self, title: str, faults: Iterable[str]) -> str:
        counted = self.counts(*faults)
        parts = [f"{OUTCOMES[outcome]} {outcome}: {n}" for outcome, n in counted.items()]
        return f"{title}, {sum(counted.values())} runs: {'; '.join(parts)}."

    def __repr__(self) -> str:
        return " ".join([self._base_words(), *(self._summary(title, faults) for title, _, faults in _TABS)])

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget and, for pages without a kernel, the two tables."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {
            **(data or {}),
            "text/markdown": "\n".join(self._tables()),
            "text/plain": repr(self),
        }, metadata

    def _tables(self) -> Iterator[str]:
        view = self.table.view
        yield markdown(view["base"])
        for tab in view["tabs"]:
            yield f"\n{markdown(tab['summary'])}\n"
            yield f"| {tab['what']} | " + " | ".join(name for name, _ in tab["columns"]) + " |"
            yield "|---" * (len(tab["columns"]) + 1) + "|"
            for row in tab["rows"]:
                cells = [
                    markdown(f"{c['sign']} {c['words']}" + (f" ({c['cost']})" if c["cost"] else ""))
                    for c in row["cells"]
                ]
                yield f"| {markdown(row['label'])} | {' | '.join(cells)} |"


@dataclass(frozen=True)
class _Facts:
    values: tuple[Any, ...]
    unlearned: tuple[str, ...]
    broken: str
    messages: int
    time: float | None


def _crashes(event: Start | Deliver | Timeout, name: str) -> Iterator[tuple[str, list[Event]]]:
    ways: dict[str, list[Event]] = {
        "crash after": [event, Crash(name)],
        "crash during": [Crash(name, during=event)],
    }
    for fault in CRASH_FAULTS:
        how, _, back = fault.partition(", ")
        yield fault, [*ways[how], Restart(name)] if back else ways[how]


def _row_label(cell: FaultRun) -> str:
    name = short(cell.node, 14)
    match cell.event:
        case Deliver(e) if cell.fault in MESSAGE_FAULTS:
            return f"#{e.id} {short(e.sender, 14)} → {name}: {short(e.message, 44)}"
        case Deliver(e):
            return f"{name} gets {short(e.message, 44)} from {short(e.sender, 14)}"
        case Timeout(_, timer):
            return f"{name}: timer {short(timer, 14)} rings"
    return f"{name} starts"


def _aria(cell: FaultRun) -> str:
    how = MESSAGE_FAULTS.get(cell.fault) or f"{cell.fault} ({CRASH_FAULTS[cell.fault]})"
    return f"{_row_label(cell)}; {how}: {cell.words}" + (f"; {cell.cost}" if cell.cost else "")
