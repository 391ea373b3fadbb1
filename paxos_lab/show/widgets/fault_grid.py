"""The fault grid: press any single fault of a run, and what came of it opens below.

The runs are made by `paxos_lab.show.measure.single_faults`; here they are shown.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from paxos_lab.node import LabError, Node
from paxos_lab.paxos.quorums import QuorumSystem
from paxos_lab.show.measure.single_faults import (
    CRASH_FAULTS,
    MESSAGE_FAULTS,
    OUTCOMES,
    FaultRun,
    SingleFaults,
)
from paxos_lab.show.widgets.box import LabBox
from paxos_lab.show.widgets.stepper import Stepper
from paxos_lab.words.text import as_text, short
from paxos_lab.world.events import Deliver, Event, Timeout

_HERE = Path(__file__).parent

# Words and signs say what came of a run; colour only helps.
SIGNS = dict(zip(OUTCOMES, ("=", "≠", "?", "–", "!!", "×"), strict=True))
_TABS = (("One message", "message", MESSAGE_FAULTS), ("One crash", "step", CRASH_FAULTS))


class _Table(anywidget.AnyWidget):
    """The two tables of cells; asks Python to open the cell that was pressed."""

    _esm = _HERE / "fault_grid.js"
    _css = _HERE / "fault_grid.css"
    view = traitlets.Dict().tag(sync=True)
    opened = traitlets.Dict().tag(sync=True)


class FaultGrid(LabBox):
    """Every single fault of one run: press a cell, and that very run opens in a stepper below.

    `make`: a function without arguments that returns fresh nodes, as
    `lambda: single_decree(["tea", "coffee"])`. `before`: events that come first, as `[Crash("a3")]`.
    `idle`: names that do not start by themselves. `max_steps`: where a run that does not end is cut.
    The run without a fault is `base`; the cells, row by row, are `cells`; `pick` and `counts` ask them.
    Raises `LabError` if no node says what a quorum is and `quorums` does not either.
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
        runs = SingleFaults(
            make, quorums, seed=seed, delay=delay, before=before, idle=idle, max_steps=max_steps
        )
        self.runs = runs
        self.base, self.cells, self.quorums = runs.base, runs.cells, runs.quorums
        self.pick, self.counts = runs.pick, runs.counts
        self.stepper: Stepper | None = None
        self.table = _Table(view=self._look(), opened={})
        self.table.on_msg(self._asked)
        super().__init__([self.table])

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
        self.put(self.table, stepper)
        if old is not None:
            old.close()
        self.table.opened = {"cell": index, "words": f"Open below: {_aria(chosen_one)}."}
        return stepper

    def _asked(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        match message:
            case {"do": "open", "cell": int(index)} if 0 <= index < len(self.cells):
                self.open_run(index)

    # ---- what is on screen

    def _look(self) -> dict[str, Any]:
        tabs, index = [], 0
        for title, what, faults in _TABS:
            rows = []
            for first in self.pick(next(iter(faults))):
                row = self.cells[index : index + len(faults)]
                cells = [_look_at(cell, index + i) for i, cell in enumerate(row)]
                rows.append({"label": _row_label(first), "cells": cells})
                index += len(faults)
            counted = self.counts(*faults)
            tabs.append(
                {"title": title, "what": what, "columns": [[k, v] for k, v in faults.items()], "rows": rows,
                 "summary": f"{title}, {sum(counted.values())} runs", "counts": [
                     {"kind": OUTCOMES.index(outcome), "words": f"{SIGNS[outcome]} {outcome}: {n}"}
                     for outcome, n in counted.items()]}
            )  # fmt: skip
        return {"tabs": tabs, "base": self._base_words()}

    def _base_words(self) -> str:
        facts = self.runs.normal
        decision = " and ".join(short(v, 16) for v in facts.values) or "nothing"
        learned = facts.time is not None and not facts.unlearned
        time = f", all learned by time {facts.time:g}" if learned else ""
        cut = "" if self.base.upcoming() is None else " (cut there)"
        return (
            f"Without a fault: {len(self.base.trace)} steps{cut}, {facts.messages} messages, "
            f"chosen: {decision}{time}."
        )

    def __repr__(self) -> str:
        return " ".join([self._base_words(), *map(_summary, self.table.view["tabs"])])

    def still(self) -> dict[str, str]:
        """The two tables."""
        return {"text/html": "".join(self._tables()), "text/plain": repr(self)}

    def _tables(self) -> Iterator[str]:
        view = self.table.view
        yield f"<p>{as_text(view['base'])}</p>"
        for tab in view["tabs"]:
            head = "".join(f'<th scope="col">{as_text(c)}</th>' for c in [tab["what"], *dict(tab["columns"])])
            body = "".join(
                f'<tr><th scope="row">{as_text(row["label"])}</th>'
                + "".join(f"<td>{as_text(_said(cell))}</td>" for cell in row["cells"])
                + "</tr>"
                for row in tab["rows"]
            )
            yield f'<details><summary data-lm-suppress-shortcuts="true">{as_text(_summary(tab))}</summary><table><tr>{head}</tr>{body}</table></details>'


def _look_at(cell: FaultRun, index: int) -> dict[str, Any]:
    return {
        "index": index, "sign": SIGNS[cell.outcome], "words": cell.words, "cost": cell.cost,
        "kind": OUTCOMES.index(cell.outcome), "aria": _aria(cell),
    }  # fmt: skip


def _summary(tab: dict[str, Any]) -> str:
    return f"{tab['summary']}: {'; '.join(count['words'] for count in tab['counts'])}."


def _said(cell: dict[str, Any]) -> str:
    return f"{cell['sign']} {cell['words']}" + (f" ({cell['cost']})" if cell["cost"] else "")


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
