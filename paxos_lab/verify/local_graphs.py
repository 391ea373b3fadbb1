"""Each node by itself: every local state it may ever be in, and which of them behave alike.

The first half of the reduced search. Nothing here knows which combinations of local states can
come about together, so it sees too much rather than too little:

1. `Saturation`: let every node get every message that anybody may ever send it, in any order.
   Faults are counted in *levels* (timeouts, crashes used so far), or rounds would never end.
2. `Quotient`: two local states of a node are one *class* if no sequence of events can tell them
   apart by what is sent or by the fields that a property reads (strong bisimulation, found by
   partition refinement). A proposer that has sent its Accept no longer cares who promised.
3. A message *matters* in a class if its arrival, now or later, sends something or leads to another
   class. A nack matters only to somebody who still may try again.

Since classes are told apart by all that can ever be sent, searching over classes instead of
states loses and adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from paxos_lab.node import RoleError, field_names
from paxos_lab.verify.frozen import Kind, freeze
from paxos_lab.verify.guard import Masked, ReadMasked
from paxos_lab.verify.numbered_search import Numbers
from paxos_lab.verify.world import Act, Local, World

Level = tuple[int, int]
"""Timeouts and crashes used so far, by everybody together."""

MOST_STEPS = 400_000
PROBE = 60  # local states of a node that never sent anything, before it is taken for a mere listener


class Dead:
    """Guesses which fields of a node are read no more, so that states differing there are one.

    Bold at first: every field that no property looks at. A wrong guess is found out when a hook
    reads the field (`ReadMasked`); then the guess is taken back and the saturation begins anew. So
    what is left at the end was never read. A guess is about all states of a role in which the same
    fields are empty: once a proposer has a proposal, it is done with its promises.
    """

    def __init__(self, world: World, fields: frozenset[str]) -> None:
        self._alive: set[tuple[Any, str]] = set()
        self._names = [field_names(node) for node in world.nodes]
        self._birth = [world.birth(name) for name in world.names]
        self._roles: list[Any] = [type(node) for node in world.nodes]
        self._candidates = [
            [k for k, name in enumerate(names) if name not in fields] for names in self._names
        ]

    def mask(self, i: int, local: Local) -> Local:
        """The local state without what is taken for dead."""
        fields, birth = local.fields, self._birth[i]
        moved = [k for k in self._candidates[i] if fields[k] is not birth[k] and fields[k] != birth[k]]
        if not moved:
            return local
        kind = (self._roles[i], local.up, tuple([_is_empty(value) for value in fields]))
        names = self._names[i]
        dead = [k for k in moved if (kind, names[k]) not in self._alive]
        if not dead:
            return local
        masked = list(fields)
        for k in dead:
            masked[k] = Masked(kind)
        return local._replace(fields=tuple(masked))

    def wrong(self, error: ReadMasked) -> None:
        """Take a guess back."""
        self._alive.add((error.mask.why, error.field))


def _is_empty(value: Any) -> bool | None:
    if isinstance(value, Masked):
        return None
    if isinstance(value, tuple) and value and isinstance(value[0], Kind):
        return not value[-1]
    return not value


def saturate(world: World, dead: Dead, talkers: Iterable[int] = ()) -> Saturation:
    """The local graphs of all nodes, with as much left out as is dead.

    `talkers`: nodes known to send, although at first they do not look like it.
    """
    while True:
        found = Saturation(world, dead, talkers)
        if not found.wrong:
            return found
        for error in found.wrong:
            dead.wrong(error)


class TooLarge(Exception):
    """The local graphs grow beyond what pays; the text says where."""


def ones(bits: int) -> Iterator[int]:
    """The positions of the bits that are set."""
    while bits:
        low = bits & -bits
        bits ^= low
        yield low.bit_length() - 1


class Saturation:
    """Every local state and message that can come up if any message may meet any state.

    `members[i][level]`: the local states of node i. `messages[level]`: bits. `listeners`: the nodes
    that never send; of them only the beginning was looked at. `errors`: steps that raise.
    """

    def __init__(self, world: World, dead: Dead, talkers: Iterable[int] = ()) -> None:
        self.world = world
        self.numbers = Numbers(world, dead.mask)
        self.errors: set[tuple[int, int, int | Act]] = set()
        faults = world.faults
        self.levels = [(t, c) for t in range(faults.timeouts + 1) for c in range(faults.crashes + 1)]
        count = len(world.names)
        self.members: list[dict[Level, dict[int, None]]] = [{} for _ in range(count)]
        self.messages: dict[Level, int] = {}
        start = self.numbers.code(world.begin())
        self.initial, self.sent_at_start = start[:count], start[count]
        self._talks = [
            i in set(talkers) or bool(node_sends)
            for i, node_sends in enumerate(self._by_sender(self.sent_at_start))
        ]
        self._steps = 0
        self.wrong: list[ReadMasked] = []
        self._spoiled: set[Any] = set()
        self._building = True
        for level in self.levels:
            self._open(level)
            self._close(level)
        self._building = False
        self.listeners = frozenset(i for i in range(count) if not self._talks[i])

    def _by_sender(self, bits: int) -> list[int]:
        masks = [0] * len(self.world.names)
        for f in ones(bits):
            masks[self.world.index[self.numbers.flights[f].sender]] |= 1 << f
        return masks

    def step(self, i: int, number: int, what: int | Act) -> tuple[int, int]:
        """As `Numbers.step`; a step that raises is noted and changes nothing."""
        if (i, number, what) not in self.errors:
            try:
                return self.numbers.step(i, number, what)
            except RoleError:
                self.errors.add((i, number, what))
                self._talks[i] = True  # no mere listener: the search must come across the error
            except ReadMasked as error:
                if not self._building:
                    raise
                self.wrong.append(error)  # the others go on: one attempt may find several wrong guesses
                self._spoiled.add(type(self.world.nodes[i]))
        return number, 0

    def below(self, level: Level) -> list[Level]:
        """The levels from which one event with faults leads to this one."""
        t, c = level
        return [(a, b) for a, b in ((t - 1, c), (t, c - 1), (t - 1, c - 1)) if a >= 0 and b >= 0]

    def above(self, level: Level) -> list[Level]:
        """The levels to which one more fault leads."""
        return [other for other in self.levels if level in self.below(other)]

    def acts(self, i: int, number: int, level: Level) -> Iterator[tuple[Act, Level]]:
        """What may happen to a local state besides deliveries, with the level that it leads to."""
        world, (t, c) = self.world, level
        local, name = self.numbers.locals[i][number], self.world.names[i]
        crash = c < world.faults.crashes and world.may_crash(name)
        if t < world.faults.timeouts:
            for timer in sorted(local.timers):
                yield Act("timeout", name, timer), (t + 1, c)
                if crash:
                    yield Act("timeout", name, timer, True), (t + 1, c + 1)
        if not local.up and world.faults.restarts:
            yield Act("restart", name), level
            if crash:
                yield Act("restart", name, None, True), (t, c + 1)
        if local.up and crash:
            yield Act("crash", name), (t, c + 1)

    def falls(self, i: int, number: int, level: Level) -> bool:
        """True if the node may crash while it handles a message."""
        crash = level[1] < self.world.faults.crashes and self.world.may_crash(self.world.names[i])
        return crash and self.numbers.locals[i][number].up

    def falling(self, i: int, f: int) -> Act:
        """The act of crashing while the message arrives."""
        return Act("deliver", self.world.names[i], self.numbers.flights[f], True)

    def _open(self, level: Level) -> None:
        """Begin a level with what lower levels hand on."""
        below = self.below(level)
        self.messages[level] = self.sent_at_start if not below else 0
        for lower in below:
            self.messages[level] |= self.messages[lower]
        for i, members in enumerate(self.members):
            members[level] = {} if below else {self.initial[i]: None}
            for lower in below:
                members[level] |= members[lower]
                for number in members[lower]:
                    for act, leads_to in self.acts(i, number, lower):
                        if leads_to == level:
                            self._add(i, level, *self.step(i, number, act))
                    if self.falls(i, number, lower) and (lower[0], lower[1] + 1) == level:
                        for f in ones(self.messages[lower] & self.numbers.to[i]):
                            self._add(i, level, *self.step(i, number, self.falling(i, f)))

    def _add(self, i: int, level: Level, after: int, sent: int) -> None:
        self.members[i][level].setdefault(after)
        self.messages[level] |= sent
        if sent:
            self._talks[i] = True
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooLarge(
                f"{self.world.names[i]} has too many states of its own: does a field grow for ever?"
            )

    def _close(self, level: Level) -> None:
        """Deliver everything to everybody until nothing new comes of it."""
        done: list[dict[int, int]] = [{} for _ in self.members]
        worked = True
        while worked:
            # A list, not a generator: everybody gets a turn, also after one had work to do.
            worked = max([self._close_node(i, level, done[i]) for i in range(len(self.members))])

    def _close_node(self, i: int, level: Level, done: dict[int, int]) -> bool:
        """Give one node what it has not had yet; False if there was nothing. `done`: what it had, by state."""
        members, locals = self.members[i][level], self.numbers.locals[i]
        todo, worked = list(members), False
        while todo:
            if type(self.world.nodes[i]) in self._spoiled or (not self._talks[i] and len(members) > PROBE):
                return False
            number = todo.pop()
            known = len(members)
            if locals[number].up:
                arriving = self.messages[level] & self.numbers.to[i]
                fresh = arriving & ~done.get(number, 0)
                done[number] = arriving
                worked = worked or bool(fresh)
                for f in ones(fresh):
                    self._add(i, level, *self.step(i, number, 1 << f))
            elif number not in done:
                done[number], worked = 0, True
                for act, leads_to in self.acts(i, number, level):
                    if leads_to == level:
                        self._add(i, level, *self.step(i, number, act))
            todo += list(members)[known:]
        return worked


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
        leads_to = np.empty((len(members), len(arriving) + 1), np.int64)
        kinds: dict[Any, int] = {}
        kind = np.empty(len(members), np.int64)
        for row, number in enumerate(members):
            sends = []
            if saturation.numbers.locals[i][number].up:
                for column, f in enumerate(arriving):
                    after, sent = self.step(i, number, 1 << f)
                    leads_to[row, column] = index[after]
                    sends.append(-1 if (i, number, 1 << f) in saturation.errors else sent)
            else:
                leads_to[row] = row
            leads_to[row, -1] = row
            rest: list[tuple[Any, ...]] = []
            for act, higher in saturation.acts(i, number, level):
                after, sent = self.step(i, number, act)
                if (i, number, act) in saturation.errors:
                    sent = -1
                if higher == level:  # a restart
                    leads_to[row, -1] = index[after]
                    rest.append((act, sent))
                else:
                    rest.append((act, sent, self.class_of[i][higher, after]))
            signature = (self.observed(i, number), tuple(sends), tuple(rest), self._fallen(i, number, level, arriving),
                         tuple(self.class_of[i][higher, number] for higher in saturation.above(level)))  # fmt: skip
            kind[row] = kinds.setdefault(signature, len(kinds))
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
        self, i: int, level: Level, members: list[int], groups: Any, leads_to: Any, arriving: list[int]
    ) -> None:
        """Give the groups of local states their numbers, and find what matters in each."""
        offset = len(self.member[i])
        rows: dict[int, int] = {}
        for row, group in enumerate(groups.tolist()):
            self.class_of[i][level, members[row]] = offset + group
            rows.setdefault(group, row)
        matters = [0] * len(rows)
        for group in range(len(rows)):
            row = rows[group]
            number = members[row]
            self.level[i].append(level)
            self.member[i].append(number)
            matters[group] = self._matters_now(i, number, level, arriving)
        successors = [{int(g) for g in groups[leads_to[rows[group]]]} - {group} for group in range(len(rows))]
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


def _refined(kind: Any, leads_to: Any) -> Any:
    """The coarsest partition finer than `kind` in which members of a group lead to the same groups."""
    groups = kind
    count = len(np.unique(groups))
    while True:
        rows = np.column_stack([groups, groups[leads_to]])
        _, groups = np.unique(rows, axis=0, return_inverse=True)
        groups = groups.reshape(-1)
        if (found := int(groups.max()) + 1 if len(groups) else 0) == count:
            return groups
        count = found
