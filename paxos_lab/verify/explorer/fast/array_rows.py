"""Rows of the fast search: one column for each node that sends.

A column holds the class of the node and which of its own messages still matter, as one number.
Columns of nodes that can trade places share their numbers (their *frame* is that of the first of
them), so that bringing a row into canonical order is sorting those columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from paxos_lab.verify.explorer.choices import Act
from paxos_lab.verify.explorer.fast.array_maps import Map, Masks, Numbering, PairMap
from paxos_lab.verify.explorer.fast.behaviours import Quotient
from paxos_lab.verify.explorer.fast.local_graphs import ones
from paxos_lab.verify.explorer.fast.moves import Options, options
from paxos_lab.verify.explorer.fast.swaps import Swap, swaps


class Frame:
    """The numbers that equal nodes share: `numbers` of (class, number of a set of messages)."""

    def __init__(self, node: int, others: list[Swap], quotient: Quotient, masks: Masks) -> None:
        self.node, self.quotient, self.masks = node, quotient, masks
        self._others = others  # swaps that do not move this node
        self.numbers: Numbering[tuple[int, int]] = Numbering()
        self.of_pair = PairMap(lambda c, m: self.numbers((c, m)))
        self.class_of = Map(lambda n: self.numbers.things[n][0])
        self.sent = Map(lambda n: self.numbers.things[n][1])
        self.rigid = Map(lambda n: int(self._is_rigid(*self.numbers.things[n])))
        self.level = Map(lambda c: quotient.saturation.levels.index(quotient.level[node][c]))
        self.lifted = PairMap(self._lift)
        self.options: Numbering[tuple[int, int]] = Numbering()  # of (class, messages that arrived)
        self.option_of = PairMap(self._option)
        self.found: list[Options] = []
        self.first_move: list[int] = [0]
        self.moves: list[tuple[int, int, int, int]] = []  # class, messages, level, events
        self.paths: list[tuple[int | Act, ...]] = []

    def _is_rigid(self, c: int, sent: int) -> bool:
        """True if no swap of other nodes changes anything here."""
        bits = self.masks.things[sent]
        return all(swap.class_of(self.node, c) == c and swap.bits(bits) == bits for swap in self._others)

    def _lift(self, c: int, level: int) -> int:
        quotient = self.quotient
        return quotient.class_of[self.node][quotient.saturation.levels[level], quotient.member[self.node][c]]

    def _option(self, c: int, arrived: int) -> int:
        bits = self.masks.things[arrived] & self.quotient.matters[self.node][c]
        number = self.options((c, bits))
        if number == len(self.found):
            found = options(self.quotient, self.node, c, bits)
            self.found.append(found)
            levels = self.quotient.saturation.levels
            for move in found.moves:
                self.moves.append(
                    (move.after, self.masks(move.sent), levels.index(move.level), len(move.path))
                )
                self.paths.append(move.path)
            self.first_move.append(len(self.moves))
        return number


class Column:
    """One node: its frame, and how its own names differ from the names in the frame."""

    def __init__(self, i: int, position: int, frame: Frame, swap: Swap | None) -> None:
        self.i, self.position, self.frame, self.swap = i, position, frame, swap

    def real(self, bits: int) -> int:
        """Messages as the frame names them, with their real names; the way back is the same."""
        return bits if self.swap is None else self.swap.bits(bits)

    def options_of(self, rows: Any, columns: Columns) -> Any:
        """The number of the options that this node has in each row."""
        arrived = columns.arrived(self.i, rows)
        return self.frame.option_of(self.frame.class_of(rows[:, self.position]), arrived)

    def each_move(self, rows: Any, chosen: Any, columns: Columns) -> Iterator[tuple[int, Any, Any]]:
        """(events, numbers of the moves, rows after them), one group for each number of events."""
        for cost, _, moves, after in self._moved(rows, chosen, columns):
            yield cost, moves, after

    def moved(self, rows: Any, chosen: Any, columns: Columns) -> Iterator[tuple[int, Any, Any]]:
        """(events, index of the row before, rows after), one group for each number of events."""
        for cost, before, _, after in self._moved(rows, chosen, columns):
            yield cost, before, after

    def path_of(self, move: int) -> tuple[int | Act, ...]:
        """The events of a move, with real names."""
        name = self.frame.quotient.saturation.world.names[self.i]
        return tuple(
            self.real(what) if isinstance(what, int) else self._real_act(what, name)
            for what in self.frame.paths[move]
        )

    def _real_act(self, act: Act, name: str) -> Act:
        if act.kind != "deliver":
            return act._replace(node=name)
        numbers = self.frame.quotient.saturation.numbers
        bit = 1 << numbers.flights.index(act.what)
        return act._replace(node=name, what=numbers.flights[self.real(bit).bit_length() - 1])

    def _moved(self, rows: Any, chosen: Any, columns: Columns) -> Iterator[tuple[int, Any, Any, Any]]:
        frame = self.frame
        first = np.array(frame.first_move)
        counts = (first[1:] - first[:-1])[chosen]
        before = np.repeat(np.arange(len(rows)), counts)
        if not len(before):
            return
        start_of_row = np.repeat(np.cumsum(counts) - counts, counts)
        moves = np.repeat(first[chosen], counts) + np.arange(len(before)) - start_of_row
        table = np.array(frame.moves)
        costs = table[moves, 3]
        for cost in np.unique(costs).tolist():
            some = np.flatnonzero(costs == cost)
            yield (
                cost,
                before[some],
                moves[some],
                self._after(rows[before[some]], table[moves[some]], columns),
            )

    def _after(self, rows: Any, table: Any, columns: Columns) -> Any:
        frame = self.frame
        sent = columns.masks.union(frame.sent(rows[:, self.position]), table[:, 1])
        return columns.tidy(rows, self.position, table[:, 0], sent, table[:, 2])


class Columns:
    """All columns, and what can be done to rows as wholes.

    `kept`: the messages that stay in a row even if they matter to no node that sends.
    `symmetric(a, b)`: True if properties take those two names alike.
    """

    def __init__(self, quotient: Quotient, kept: int, symmetric: Callable[[str, str], bool]) -> None:
        self.quotient = quotient
        self.masks = Masks()
        self.swaps = swaps(quotient, symmetric)
        self._kept = kept & ~quotient.useless
        groups = _groups(quotient.talkers, self.swaps)
        frames: dict[int, Frame] = {}
        self.talkers: list[Column] = []
        for position, i in enumerate(quotient.talkers):
            g = next(group[0] for group in groups if i in group)
            if g not in frames:
                still = [swap for pair, swap in self.swaps.items() if g not in pair]
                frames[g] = Frame(g, still, quotient, self.masks)
            self.talkers.append(Column(i, position, frames[g], self.swaps.get((g, i))))
        self.groups = [[quotient.talkers.index(i) for i in group] for group in groups if len(group) > 1]
        self._orbit = self._orbits()
        self._views: dict[tuple[int, int], Map] = {}
        self._matter: dict[tuple[int, int], Map] = {}
        self._only = PairMap(
            lambda sent, matter: self.masks(self.masks.things[sent] & self.masks.things[matter])
        )
        self._all_rows: list[Any] = []
        self._widths = np.full(len(self.talkers), 6)
        self._known = np.zeros(0, np.int64)

    # ---- what a row says

    def start(self) -> Any:
        """The one row at the beginning."""
        saturation, row = self.quotient.saturation, []
        for column in self.talkers:
            mine = self._sent_by(column.i) & saturation.sent_at_start
            frame = column.frame
            row.append(frame.numbers((self.quotient.first[frame.node], self.masks(column.real(mine)))))
        rows = np.array([row])
        first = self.talkers[0].frame
        classes, sent = first.class_of(rows[:, 0]), first.sent(rows[:, 0])
        return self.canonical(self.tidy(rows, 0, classes, sent, first.level(classes)))

    def arrived(self, i: int, rows: Any) -> Any:
        """The messages that may be delivered to node i, as its frame names them."""
        found = np.zeros(len(rows), np.int64)
        for column in self.talkers:
            view = self._view(column, i)
            found = self.masks.union(found, view(column.frame.sent(rows[:, column.position])))
        return found

    def all_sent(self, rows: Any, only: int) -> Any:
        """The messages sent that are among `only`, by their real names."""
        found = np.zeros(len(rows), np.int64)
        for column in self.talkers:
            key = (column.position, ~only)
            if key not in self._views:
                self._views[key] = self._part(column, only)
            found = self.masks.union(found, self._views[key](column.frame.sent(rows[:, column.position])))
        return found

    def _part(self, column: Column, only: int) -> Map:
        return Map(lambda m: self.masks(column.real(self.masks.things[m]) & only))

    def level(self, rows: Any) -> Any:
        """The level of each row."""
        frame = self.talkers[0].frame
        return frame.level(frame.class_of(rows[:, 0]))

    def _view(self, column: Column, i: int) -> Map:
        key = (column.position, i)
        if key not in self._views:
            to = self.quotient.saturation.numbers.to[i]
            receiver = next((c for c in self.talkers if c.i == i), None)

            def see(m: int) -> int:
                bits = column.real(self.masks.things[m]) & to
                return self.masks(bits if receiver is None else receiver.real(bits))

            self._views[key] = Map(see)
        return self._views[key]

    # ---- rows that mean the same become the same

    def tidy(self, rows: Any, position: int, classes: Any, sent: Any, levels: Any) -> Any:
        """Rows in which one node has moved: others follow to its level, and forget what matters no more."""
        after = np.empty_like(rows)
        found = []
        for column in self.talkers:
            if column.position == position:
                found.append((classes, sent))
            else:
                numbers = rows[:, column.position]
                here = column.frame.class_of(numbers)
                found.append((column.frame.lifted(here, levels), column.frame.sent(numbers)))
        for column, (here, mine) in zip(self.talkers, found, strict=True):
            keep = np.full(len(rows), self.masks(self._kept))
            for other, (there, _) in zip(self.talkers, found, strict=True):
                keep = self.masks.union(keep, self._what_matters(column, other)(there))
            after[:, column.position] = column.frame.of_pair(here, self._only(mine, keep))
        return after

    def _what_matters(self, sender: Column, receiver: Column) -> Map:
        """From a class of the receiver: messages of the sender that matter there, in the sender's frame."""
        key = (sender.position, receiver.position)
        if key not in self._matter:
            mine = self._sent_by(sender.i)

            def matter(c: int) -> int:
                bits = receiver.real(self.quotient.matters[receiver.frame.node][c]) & mine
                found = 0
                for f in ones(sender.real(bits)):
                    found |= self._orbit[sender.frame.node, f]
                return self.masks(found)

            self._matter[key] = Map(matter)
        return self._matter[key]

    def _orbits(self) -> dict[tuple[int, int], int]:
        """What else must be kept if a message is kept, or rows that a swap makes equal would differ."""
        orbits = {}
        for frame in {column.frame.node: column.frame for column in self.talkers}.values():
            still = [swap for pair, swap in self.swaps.items() if frame.node not in pair]
            for f in ones(self._sent_by(frame.node)):
                bits = 1 << f
                while True:
                    more = bits
                    for swap in still:
                        more |= swap.bits(bits)
                    if more == bits:
                        break
                    bits = more
                orbits[frame.node, f] = bits
        return orbits

    def _sent_by(self, i: int) -> int:
        name = self.quotient.saturation.world.names[i]
        flights = self.quotient.saturation.numbers.flights
        return sum(1 << f for f, flight in enumerate(flights) if flight.sender == name)

    def canonical(self, rows: Any) -> Any:
        """Rows in which the columns of equal nodes are sorted, where that changes no other column."""
        if not self.groups:
            return rows
        rigid = np.ones(len(rows), bool)
        for column in self.talkers:
            rigid &= column.frame.rigid(rows[:, column.position]) == 1
        some = np.flatnonzero(rigid)
        for group in self.groups:
            rows[some[:, None], group] = np.sort(rows[some[:, None], group], axis=1)
        return rows

    def trades(self, row: Any, sorted_row: Any) -> dict[str, str]:
        """For each node of a row in canonical order, the node that it was before."""
        world = self.quotient.saturation.world
        found: dict[str, str] = {}
        for group in self.groups if (row != sorted_row).any() else []:
            nodes = [world.names[self.talkers[position].i] for position in group]
            order = np.argsort(row[group], kind="stable").tolist()
            found |= {name: nodes[k] for name, k in zip(nodes, order, strict=True)}
        return {name: found.get(name, name) for name in world.names}

    # ---- sets of rows

    def distinct(self, rows: Any) -> tuple[Any, Any]:
        """Each row once, and where it was first."""
        _, first = np.unique(self._packed(rows), return_index=True)
        return rows[first], first

    def forget_known(self, rows: Any) -> tuple[Any, Any]:
        """Each row that was not seen before, once, and where it was; from now on they are known."""
        keys, first = np.unique(self._packed(rows), return_index=True)
        if len(self._known):
            at = np.minimum(np.searchsorted(self._known, keys), len(self._known) - 1)
            new = self._known[at] != keys
            keys, first = keys[new], first[new]
        self._known = np.sort(np.concatenate([self._known, keys]), kind="stable")
        self._all_rows.append(rows[first])
        return rows[first], first

    def _packed(self, rows: Any) -> Any:
        """One number for each row. When a column outgrows its bits, all known rows are packed anew."""
        needed = np.array([max(1, len(c.frame.numbers) - 1).bit_length() for c in self.talkers])
        if (needed > self._widths).any():
            self._widths = np.maximum(self._widths, needed + (needed > self._widths))
            if self._widths.sum() > 63:
                self._widths = needed
            if self._all_rows:
                self._known = np.sort(self._keys(np.concatenate(self._all_rows)))
        return self._keys(rows)

    def _keys(self, rows: Any) -> Any:
        if self._widths.sum() > 63:
            whole = np.ascontiguousarray(rows, np.int32)
            return whole.view(np.dtype((np.void, whole.dtype.itemsize * whole.shape[1]))).ravel()
        shifts = np.cumsum(self._widths) - self._widths
        return (rows << shifts).sum(axis=1)


def _groups(nodes: list[int], found: dict[tuple[int, int], Swap]) -> list[list[int]]:
    """Nodes that can trade places, together; everybody else alone."""
    groups: list[list[int]] = []
    for i in nodes:
        home = next((group for group in groups if all((g, i) in found for g in group)), None)
        if home is None:
            groups.append([i])
        else:
            home.append(i)
    return groups
