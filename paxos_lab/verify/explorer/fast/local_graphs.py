"""Each node by itself: every local state that it may ever be in.

The first part of the reduced search. Nothing here knows which combinations of local states can occur
together, so it sees too much rather than too little: every node gets every message that anybody
may ever send it, in any order. Faults are counted in *levels* (timeouts, crashes used so far), or
rounds would never end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from paxos_lab.node import RoleError, field_names
from paxos_lab.verify.explorer.choices import Act, Local, World
from paxos_lab.verify.explorer.fast.hashable import Kind, thaw
from paxos_lab.verify.explorer.fast.read_log import Masked, ReadMasked
from paxos_lab.verify.explorer.numbered_search import Numbers, TooLarge, too_large
from paxos_lab.world.line_limit import EndlessLoop

Level = tuple[int, int]
"""Timeouts and crashes used so far, by everybody together."""

MOST_STEPS = 400_000
MOST_PARTS = 4_000_000  # in all local states, see `Numbers`
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
        return not (thaw(value) if value[0] is Kind.NUMBER else value[-1])
    return not value


def saturate(
    world: World, dead: Dead, talkers: Iterable[int] = (), tick: Callable[[], None] = lambda: None
) -> Saturation:
    """The local graphs of all nodes, with as much left out as is dead.

    `talkers`: nodes known to send, although at first they do not look like it. `tick()` is called
    for each local step, so that whoever waits can tell how far it is, or stop.
    """
    talkers = set(talkers)
    while True:
        found = Saturation(world, dead, talkers, tick)
        if not found.wrong and not found.late:
            return found
        talkers |= found.late
        for error in found.wrong:
            dead.wrong(error)


class StepRaises(Exception):
    """A step was taken that raises: another search has to say when."""

    def __init__(self, error: RoleError) -> None:
        super().__init__(error)
        self.error = error


def ones(bits: int) -> Iterator[int]:
    """The positions of the bits that are set."""
    while bits:
        low = bits & -bits
        bits ^= low
        yield low.bit_length() - 1


class Saturation:
    """Every local state and message that can come up if any message may meet any state.

    `members[i][level]`: the local states of node i. `messages[level]`: bits. `listeners`: the nodes
    that never send, as far as was looked: of those in `unsure` it was only the beginning. `late`:
    nodes that turned out to send when part of what they may do had been left out. `errors`: steps
    that raise.
    """

    def __init__(
        self, world: World, dead: Dead, talkers: Iterable[int] = (), tick: Callable[[], None] = lambda: None
    ) -> None:
        self.world = world
        self.numbers = Numbers(world, dead.mask, MOST_PARTS)
        self.errors: dict[tuple[int, int, int | Act], RoleError] = {}
        self._tick = tick
        self.unsure: set[int] = set()
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
        self.late = self.unsure - self.listeners

    def _by_sender(self, bits: int) -> list[int]:
        masks = [0] * len(self.world.names)
        for f in ones(bits):
            masks[self.world.index[self.numbers.flights[f].sender]] |= 1 << f
        return masks

    def step(self, i: int, number: int, what: int | Act) -> tuple[int, int]:
        """As `Numbers.step`; a step that raises is noted and changes nothing."""
        if (i, number, what) not in self.errors:
            try:
                return self._really_step(i, number, what)
            except RoleError as error:
                self.errors[i, number, what] = error
                self._talks[i] = True  # no mere listener: the search must come across the error
            except ReadMasked as error:
                if not self._building:
                    raise
                self.wrong.append(error)  # the others go on: one attempt may find several wrong guesses
                self._spoiled.add(type(self.world.nodes[i]))
        return number, 0

    def _really_step(self, i: int, number: int, what: int | Act) -> tuple[int, int]:
        try:
            return self.numbers.step(i, number, what)
        except RoleError as error:
            found = self.numbers.step(i, number, what)
            # It raised, and now it does not. So something outside the state decides, and whatever else
            # this search finds says nothing. (Lines may be counted for what Python itself does there.)
            if isinstance(error, EndlessLoop):
                return found
            raise StepRaises(error) from error

    def check(self, i: int, number: int, what: int | Act) -> None:
        """Raise `StepRaises` if that step raises; for steps that can really be taken."""
        error = self.errors.get((i, number, what))
        if error is not None:
            raise StepRaises(error)

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
        self._tick()
        if self._steps > MOST_STEPS:
            raise TooLarge(too_large(self.world, self.numbers.locals))

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
            if type(self.world.nodes[i]) in self._spoiled:
                return False
            if not self._talks[i] and len(members) > PROBE:
                self.unsure.add(i)
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
