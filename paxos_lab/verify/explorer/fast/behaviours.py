"""Which local states of a node behave alike, and which messages still matter to it.

The second part of the reduced search:

1. Two local states of a node are one *class* if no sequence of events can tell them apart by what is
   sent or by the fields that a property reads (strong bisimulation, found by partition refinement).
   A proposer that has sent its Accept no longer cares who promised.
2. A message *matters* in a class if its arrival, now or later, sends something or leads to another
   class. A nack matters only to somebody who still may try again.

Since classes are told apart by all that can ever be sent, searching over classes instead of
states loses and adds nothing.
"""

from __future__ import annotations

from typing import Any

from paxos_lab.verify.explorer.choices import Act
from paxos_lab.verify.explorer.fast.hashable import freeze
from paxos_lab.verify.explorer.fast.local_graphs import Level, Saturation, ones


class Quotient:
    """The classes of each node that talks, over all levels; a class knows its level.

    `first[i]`: the class of the initial state. `level[i][c]`, `member[i][c]`: of a class, its level and
    one local state. `matters[i][c]`: the messages that matter there. `useless`: messages that
    matter to nobody and that no property looks at.
    """

    def __init__(self, saturation: Saturation, fields: frozenset[str], keep: int) -> None:
        self.saturation = saturation
        self.fields = fields
        self.talkers = [i for i in range(len(saturation.members)) if i not in saturation.listeners]
        self.useless = 0
        while True:
            self._build()
            wanted = keep
            for i in self.talkers:
                for bits in self.matters[i]:
                    wanted |= bits
            everything = (1 << len(saturation.numbers.flights)) - 1
            useless = everything & ~wanted
            if useless == self.useless:
                return
            self.useless = useless

    def observed(self, i: int, number: int) -> Any:
        """The fields of a local state that properties look at."""
        world = self.saturation.world
        node = world.node(world.names[i], self.saturation.numbers.locals[i][number])
        return tuple(freeze(getattr(node, name, None)) for name in sorted(self.fields))

    def step(self, i: int, number: int, what: int | Act) -> tuple[int, int]:
        """A local step without the messages that are of no use."""
        after, sent = self.saturation.step(i, number, what)
        return after, sent & ~self.useless

    def _build(self) -> None:
        count = len(self.saturation.members)
        self.class_of: list[dict[tuple[Level, int], int]] = [{} for _ in range(count)]
        self.level: list[list[Level]] = [[] for _ in range(count)]
        self.member: list[list[int]] = [[] for _ in range(count)]
        self.matters: list[list[int]] = [[] for _ in range(count)]
        for i in self.talkers:
            for level in reversed(self.saturation.levels):
                self._partition(i, level)
        self.first = [self.class_of[i].get(((0, 0), self.saturation.initial[i]), -1) for i in range(count)]

    def _partition(self, i: int, level: Level) -> None:
        saturation = self.saturation
        members = list(saturation.members[i][level])
        index = {number: row for row, number in enumerate(members)}
        arriving = list(ones(saturation.messages[level] & saturation.numbers.to[i] & ~self.useless))
        leads_to = [[row] * (len(arriving) + 1) for row in range(len(members))]
        kinds: dict[Any, int] = {}
        kind: list[int] = []
        for row, number in enumerate(members):
            sends = []
            if saturation.numbers.locals[i][number].up:
                for column, f in enumerate(arriving):
                    after, sent = self.step(i, number, 1 << f)
                    leads_to[row][column] = index[after]
                    sends.append(-1 if (i, number, 1 << f) in saturation.errors else sent)
            rest: list[tuple[Any, ...]] = []
            for act, higher in saturation.acts(i, number, level):
                after, sent = self.step(i, number, act)
                if (i, number, act) in saturation.errors:
                    sent = -1
                if higher == level:  # a restart
                    leads_to[row][-1] = index[after]
                    rest.append((act, sent))
                else:
                    rest.append((act, sent, self.class_of[i][higher, after]))
            signature = (self.observed(i, number), tuple(sends), tuple(rest), self._fallen(i, number, level, arriving),
                         tuple(self.class_of[i][higher, number] for higher in saturation.above(level)))  # fmt: skip
            kind.append(kinds.setdefault(signature, len(kinds)))
        groups = _refined(kind, leads_to)
        self._number(i, level, members, groups, leads_to, arriving)

    def _fallen(self, i: int, number: int, level: Level, arriving: list[int]) -> tuple[int, ...]:
        """The classes after a crash during each delivery."""
        if not self.saturation.falls(i, number, level):
            return ()
        higher = (level[0], level[1] + 1)
        return tuple(
            self.class_of[i][higher, self.step(i, number, self.saturation.falling(i, f))[0]] for f in arriving
        )

    def _number(
        self,
        i: int,
        level: Level,
        members: list[int],
        groups: list[int],
        leads_to: list[list[int]],
        arriving: list[int],
    ) -> None:
        """Give the groups of local states their numbers, and find what matters in each."""
        offset = len(self.member[i])
        rows: dict[int, int] = {}
        for row, group in enumerate(groups):
            self.class_of[i][level, members[row]] = offset + group
            rows.setdefault(group, row)
        matters = [0] * len(rows)
        for group in range(len(rows)):
            row = rows[group]
            number = members[row]
            self.level[i].append(level)
            self.member[i].append(number)
            matters[group] = self._matters_now(i, number, level, arriving)
        successors = [{groups[row] for row in leads_to[rows[group]]} - {group} for group in range(len(rows))]
        growing = True
        while growing:
            growing = False
            for group, after in enumerate(successors):
                found = matters[group]
                for other in after:
                    found |= matters[other]
                if found != matters[group]:
                    matters[group], growing = found, True
        self.matters[i] += matters

    def _matters_now(self, i: int, number: int, level: Level, arriving: list[int]) -> int:
        """The messages that matter at once, or after the next fault."""
        saturation, bits = self.saturation, 0
        here = self.class_of[i][level, number]
        if saturation.numbers.locals[i][number].up:
            for f in arriving:
                after, sent = self.step(i, number, 1 << f)
                raises = (i, number, 1 << f) in saturation.errors
                if sent or raises or self.class_of[i][level, after] != here:
                    bits |= 1 << f
        for higher in saturation.above(level):
            bits |= self.matters[i][self.class_of[i][higher, number]]
        for act, higher in saturation.acts(i, number, level):
            if higher != level:
                bits |= self.matters[i][self.class_of[i][higher, self.step(i, number, act)[0]]]
        fallen = self._fallen(i, number, level, arriving)
        if fallen:
            name = saturation.world.names[i]
            calm = self.class_of[i][(level[0], level[1] + 1), self.step(i, number, Act("crash", name))[0]]
            for f, group in zip(arriving, fallen, strict=True):
                bits |= self.matters[i][group] | ((group != calm) << f)
        return bits


def _refined(kind: list[int], leads_to: list[list[int]]) -> list[int]:
    """The coarsest partition finer than `kind` in which members of a group lead to the same groups."""
    groups, count = kind, len(set(kind))
    while True:
        number: dict[tuple[int, ...], int] = {}
        groups = [
            number.setdefault((here, *[groups[row] for row in after]), len(number))
            for here, after in zip(groups, leads_to, strict=True)
        ]
        if len(number) == count:
            return groups
        count = len(number)
