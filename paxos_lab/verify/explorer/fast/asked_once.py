"""Properties asked of rows: each combination of what they read is judged once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from paxos_lab.verify.explorer.choices import Act, World
from paxos_lab.verify.explorer.fast.array_maps import Map, Numbering, PairMap
from paxos_lab.verify.explorer.fast.behaviours import Quotient
from paxos_lab.verify.explorer.fast.local_graphs import Saturation, ones
from paxos_lab.verify.explorer.fast.silent_nodes import Listener
from paxos_lab.verify.explorer.properties import Property, quorums_of
from paxos_lab.verify.explorer.result import broken

if TYPE_CHECKING:
    from paxos_lab.verify.explorer.fast.array_rows import Columns

Seen = tuple[Any, int, int, int]
"""The value of the fields that are read, a local state that has it, events and crashes to get there."""


class Unequal(Exception):
    """Two nodes that seemed able to trade places are told apart by a listener."""


class Judge:
    """What the properties read, and what they say."""

    def __init__(self, world: World, properties: tuple[Property, ...]) -> None:
        self.world, self.properties = world, properties
        reads = [judge.reads for judge in properties]  # type: ignore[attr-defined]
        self._classes = tuple({kind for messages, *_ in reads for kind in messages})
        self.fields = frozenset(name for _, fields, *_ in reads for name in fields)
        self._monotone = all(monotone for _, _, monotone, _ in reads)
        self._names_alike = all(symmetric for *_, symmetric in reads)
        self.kept = self._read = 0
        self._watched: list[int] = []
        self._listeners: list[Listener] = []
        self._seen: Numbering[tuple[frozenset[Seen], int]] = Numbering()
        self._combinations: Numbering[Any] = Numbering()
        self._judged = 0
        self._maps: dict[Any, Any] = {}

    def symmetric(self, a: str, b: str) -> bool:
        """True if the properties take those two names alike."""
        if not self._names_alike:
            return False
        system = quorums_of((), {node.name: node for node in self.world.nodes})
        names = {a: b, b: a}
        for phase in (1, 2):
            quorums = set(system.quorums(phase))
            if {frozenset(names.get(n, n) for n in quorum) for quorum in quorums} != quorums:
                return False
        return True

    def messages_to_keep(self, saturation: Saturation) -> int:
        """Messages that properties read, and those to listeners that they look at."""
        watched = {
            i for i in saturation.listeners
            if any(hasattr(self.world.nodes[i], name) for name in self.fields)
        }  # fmt: skip
        for f, flight in enumerate(saturation.numbers.flights):
            if isinstance(flight.message, self._classes):
                self._read |= 1 << f
            if self.world.index[flight.to] in watched:
                self.kept |= 1 << f
        self.kept |= self._read
        self._watched = sorted(watched)
        return self.kept

    def attend(self, quotient: Quotient) -> None:
        """Take on the listeners."""
        self._listeners = [Listener(quotient, i) for i in self._watched]

    # ---- rows

    def broken(
        self, rows: Any, options: list[Any], columns: Columns
    ) -> Iterator[tuple[int, int, tuple[str, str], dict[int, Any]]]:
        """(events more, index of the row, what broke, which values are seen) for each new break."""
        combined = self._chain("sent", columns.all_sent(rows, self._read), np.zeros(len(rows), np.int64))
        if self.fields:
            for column, chosen in zip(columns.talkers, options, strict=True):
                seen = self._map(("talker", column.frame.node), lambda n, c=column: self._talker(n, c))
                combined = self._chain(column.i, combined, seen(chosen))
            level = columns.level(rows)
            for listener in self._listeners:
                heard = self._pair(
                    listener.i, lambda bits, at, who=listener: self._listener(bits, at, who, columns)
                )
                combined = self._chain(listener.i, combined, heard(columns.arrived(listener.i, rows), level))
        fresh = np.flatnonzero(combined >= self._judged)
        numbers, first = np.unique(combined[fresh], return_index=True)
        self._judged = max(self._judged, len(self._combinations))
        for number, row in zip(numbers.tolist(), fresh[first].tolist(), strict=True):
            found = self._judge(self._parts(number), columns)
            if found is not None:
                yield found[0], row, found[1], found[2]

    def last_deliveries(self, here: Any, choice: dict[int, Any], columns: Columns) -> tuple[int | Act, ...]:
        """The silent deliveries after which the nodes of the one row `here` show what is broken."""
        options = [column.options_of(here, columns) for column in columns.talkers]
        self._judged, self._combinations, self._maps = 0, Numbering(), {}
        _, _, _, choice = min(self.broken(here, options, columns), key=lambda found: found[0])
        path: list[int | Act] = []
        for column, chosen in zip(columns.talkers, options, strict=True):
            if column.i in choice:
                _, silent = column.frame.found[int(chosen[0])].seen[choice[column.i][0]]
                name = self.world.names[column.i]
                path += [
                    column.real(what) if isinstance(what, int) else what._replace(node=name)
                    for what in silent
                ]
        for listener in self._listeners:
            arrived = columns.masks.things[int(columns.arrived(listener.i, here)[0])]
            value, _, _, used = choice[listener.i]
            path += listener.path(arrived, used, value)
        return tuple(path)

    def _chain(self, key: Any, combined: Any, more: Any) -> Any:
        """Numbers for pairs of numbers."""
        return self._pair(("chain", key), lambda a, b: self._combinations((key, a, b)))(combined, more)

    def _parts(self, number: int) -> dict[Any, int]:
        parts: dict[Any, int] = {}
        while True:
            key, before, more = self._combinations.things[number]
            if key == "sent":
                return {**parts, "sent": before}
            parts[key] = more
            number = before

    def _talker(self, option: int, column: Any) -> int:
        seen = column.frame.found[option].seen
        options = frozenset((value, number, len(path), 0) for value, (number, path) in seen.items())
        return self._seen((options, 0))

    def _listener(self, arrived: int, level: int, listener: Listener, columns: Columns) -> int:
        bits = columns.masks.things[arrived]
        crashes = self.world.faults.crashes - columns.quotient.saturation.levels[level][1]
        seen = listener.seen(bits, crashes)
        arranged, todo = {bits}, [bits]
        while todo:  # every arrangement, not only those one swap away: a row stands for all of them
            here = todo.pop()
            for swap in columns.swaps.values():
                other = swap.bits(here)
                if other not in arranged:
                    arranged.add(other)
                    todo.append(other)
                    if listener.seen(other, crashes).keys() != seen.keys():
                        raise Unequal
        options = frozenset((value, n, least, used) for (value, used), (n, least) in seen.items())
        return self._seen((options, crashes))

    def _map(self, key: Any, compute: Any) -> Map:
        return self._maps.setdefault(key, Map(compute))  # type: ignore[no-any-return]

    def _pair(self, key: Any, compute: Any) -> PairMap:
        return self._maps.setdefault(key, PairMap(compute))  # type: ignore[no-any-return]

    def _judge(
        self, parts: dict[Any, int], columns: Columns
    ) -> tuple[int, tuple[str, str], dict[int, Any]] | None:
        flights = columns.quotient.saturation.numbers.flights
        bits = columns.masks.things[parts.pop("sent")]
        sent = tuple(dict.fromkeys((flights[f].sender, flights[f].message) for f in ones(bits)))
        seen = {i: sorted(self._seen.things[n][0], key=lambda s: s[1:]) for i, n in parts.items()}
        crashes = max([self._seen.things[n][1] for n in parts.values()], default=0)
        rest = {node.name: node for i, node in enumerate(self.world.nodes) if i not in seen}
        if self._monotone:
            # Everything that any node may show, at once: if that breaks nothing, no part of it does.
            everything = {
                f"{self.world.names[i]} {k}": self._node(i, s, columns)
                for i, choices in seen.items()
                for k, s in enumerate(choices)
            }
            if broken(self.properties, sent, {**rest, **everything}) is None:
                return None
        best = None
        for choice in product(*seen.values()):
            cost = sum(s[2] for s in choice)
            if (best is None or cost < best[0]) and sum(s[3] for s in choice) <= crashes:
                nodes = {
                    self.world.names[i]: self._node(i, s, columns) for i, s in zip(seen, choice, strict=True)
                }
                ordered = {name: nodes.get(name) or rest[name] for name in self.world.names}
                said = broken(self.properties, sent, ordered)
                if said is not None:
                    best = cost, said, dict(zip(seen, choice, strict=True))
        return best

    def _node(self, i: int, seen: Seen, columns: Columns) -> Any:
        local = columns.quotient.saturation.numbers.locals[i][seen[1]]
        return self.world.node(self.world.names[i], local)
