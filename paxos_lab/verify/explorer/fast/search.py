"""The fast search: classes instead of states, macro steps, symmetry, and arrays instead of loops.

What it leaves out, and why nothing is lost, is said where it is done:

- local states that nobody can tell apart, messages that matter no more (`saturation.py`, `quotient.py`);
- the moments at which a delivery happens that only its receiver notices (`macro_steps.py`);
- nodes that never send: what they may have learned follows from the messages (`listeners.py`);
- arrangements that differ by a swap of equal nodes (`symmetry.py`).

A state of the world is one row of small integers: for each node that sends, its class and the
messages of its own that still matter, together one number. All rows that are equally many events
away from the start are expanded at once. Rows are visited in the order of that number, so the
first broken one is as near as any.

Every counterexample is played again on a bus, where the property must break: it is never believed
only because this file says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from paxos_lab.verify.explorer.choices import Act, World
from paxos_lab.verify.explorer.fast.array_rows import Column, Columns
from paxos_lab.verify.explorer.fast.asked_once import Judge, Unequal
from paxos_lab.verify.explorer.fast.behaviours import Quotient
from paxos_lab.verify.explorer.fast.local_graphs import Dead, TooLarge, saturate
from paxos_lab.verify.explorer.fast.moves import StepRaises
from paxos_lab.verify.explorer.fast.read_log import ReadMasked
from paxos_lab.verify.explorer.fast.silent_nodes import Talks
from paxos_lab.verify.explorer.fast.swaps import renamed
from paxos_lab.verify.explorer.plain_search import Watch
from paxos_lab.verify.explorer.properties import Property
from paxos_lab.verify.explorer.result import Found

__all__ = ["StepRaises", "TooLarge", "applies", "reduced_search"]


def applies(properties: Iterable[Property]) -> bool:
    """True if every property says what it reads, which this search must know."""
    return all(getattr(judge, "reads", None) is not None for judge in properties)


def reduced_search(
    world: World,
    properties: Iterable[Property],
    max_states: int = 20_000_000,
    watch: Watch = lambda states, depth: None,
) -> Found:
    """As `plain_search`, for properties that say what they read; counts rows as states.

    Raises `TooLarge` or `StepRaises` where only another search can help.
    """
    properties = tuple(properties)
    talkers: set[int] = set()
    swapping = True
    dead = Dead(world, Judge(world, properties).fields)
    while True:
        judge = Judge(world, properties)
        saturation = saturate(world, dead, talkers)
        if len(saturation.listeners) == len(world.names):
            talkers = {0}  # a row needs a column, even if nobody ever sends
            continue
        quotient = Quotient(saturation, judge.fields, judge.messages_to_keep(saturation))
        judge.attend(quotient)
        columns = Columns(quotient, judge.kept, judge.symmetric if swapping else _never)
        try:
            return _Search(world, columns, judge, max_states, watch).run()
        except ReadMasked as error:
            dead.wrong(error)
        except Talks as error:
            talkers.add(error.node)
        except Unequal:
            swapping = False


def _never(a: str, b: str) -> bool:
    return False


class _Search:
    """Breadth first over rows; `waiting[d]`: rows found that are d events away, and their parents."""

    def __init__(self, world: World, columns: Columns, judge: Judge, max_states: int, watch: Watch) -> None:
        self.world, self.columns, self.judge = world, columns, judge
        self.max_states, self.watch = max_states, watch
        self.rows: list[Any] = []
        self.parents: list[Any] = []
        self.known = 0
        self.transitions = 0
        self.waiting: dict[int, list[tuple[Any, Any]]] = {}
        self.best: tuple[int, int, tuple[str, str], dict[int, Any]] | None = None

    def run(self) -> Found:
        """Visit everything, nearest first."""
        first = self.columns.start()
        self.waiting[0] = [(first, np.array([-1]))]
        depth = deepest = 0
        complete, cut = True, ""
        try:
            while self.waiting:
                depth = min(self.waiting)
                if self.best is not None and self.best[0] <= depth:
                    break
                begin = self.known
                rows = self._fresh(self.waiting.pop(depth))
                if not len(rows):
                    continue
                deepest = depth
                self.watch(self.known, depth)
                self._expand(rows, begin, depth)
                if self.known > self.max_states:
                    complete, cut = False, "max_states"
                    break
        except KeyboardInterrupt:
            complete, cut = False, "interrupt"
        if self.best is None:
            return Found(self.known, self.transitions, deepest, complete, cut=cut)
        length, row, said, choice = self.best
        return Found(self.known, self.transitions, length, False, *said, acts=self._acts(row, choice))

    def _fresh(self, found: list[tuple[Any, Any]]) -> Any:
        """The rows among `found` that were not known; they are known from now on."""
        rows = np.concatenate([rows for rows, _ in found])
        parents = np.concatenate([parents for _, parents in found])
        fresh, first = self.columns.forget_known(rows)
        self.rows.append(fresh)
        self.parents.append(parents[first])
        self.known += len(fresh)
        return fresh

    def _expand(self, rows: Any, begin: int, depth: int) -> None:
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            options = [column.options_of(part, self.columns) for column in self.columns.talkers]
            self._judge(part, options, begin + start, depth)
            for column, chosen in zip(self.columns.talkers, options, strict=True):
                for cost, row_index, after in column.moved(part, chosen, self.columns):
                    self.transitions += len(after)
                    canonical = self.columns.canonical(after)
                    packed, first = self.columns.distinct(canonical)
                    self.waiting.setdefault(depth + cost, []).append(
                        (packed, begin + start + row_index[first])
                    )

    def _judge(self, rows: Any, options: list[Any], begin: int, depth: int) -> None:
        broken = self.judge.broken(rows, options, self.columns)
        for extra, row, said, choice in broken:
            if self.best is None or depth + extra < self.best[0]:
                self.best = depth + extra, begin + row, said, choice

    # ---- the way back

    def _acts(self, row: int, choice: dict[int, Any]) -> tuple[Act, ...]:
        rows, parents = np.concatenate(self.rows), np.concatenate(self.parents)
        chain = []
        while row >= 0:
            chain.append(row)
            row = int(parents[row])
        chain.reverse()
        # Whenever columns were sorted, their nodes traded places; `names` says who is who by now.
        names: dict[str, str] = {}
        acts: list[Act] = []
        for row, target in pairwise(chain):
            moved, traded = self._step_to(rows[row : row + 1], rows[target])
            acts += [self._act(what, names) for what in moved]
            names = {name: names.get(other, other) for name, other in traded.items()}
        last = self.judge.last_deliveries(rows[chain[-1] : chain[-1] + 1], choice, self.columns)
        return (*acts, *(self._act(what, names) for what in last))

    def _step_to(self, here: Any, target: Any) -> tuple[tuple[int | Act, ...], dict[str, str]]:
        """The events from the row `here` to `target`, and for each node the one it is in `here`."""
        best: tuple[int, Any, Column, int] | None = None
        for column in self.columns.talkers:
            chosen = column.options_of(here, self.columns)
            for cost, move_ids, after in column.each_move(here, chosen, self.columns):
                same = np.flatnonzero((self.columns.canonical(after.copy()) == target).all(axis=1))
                if len(same) and (best is None or cost < best[0]):
                    best = cost, after[same[0]], column, int(move_ids[same[0]])
        assert best is not None, "a known row has a parent that leads to it"
        _, after, column, move = best
        return column.path_of(move), self.columns.trades(after, target)

    def _act(self, event: int | Act, names: dict[str, str]) -> Act:
        act = self.columns.quotient.saturation.numbers.act(event)
        what = renamed(act.what, names) if act.kind == "deliver" else act.what
        return Act(act.kind, names.get(act.node, act.node), what, act.falls)


CHUNK = 200_000  # rows expanded at once, so that memory stays bounded
