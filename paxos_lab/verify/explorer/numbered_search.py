"""The same search on integers: each local step runs once and is remembered for ever.

A role is a deterministic function of state and message. So local states and messages are numbered
when they first appear; a state of the world is then a tuple of small integers, the messages sent
one integer with a bit for each, and a step that was seen before is a look into a dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from paxos_lab.node import RoleError, field_names
from paxos_lab.verify.explorer.choices import Act, Flight, Local, State, World
from paxos_lab.verify.explorer.fast.hashable import extent
from paxos_lab.verify.explorer.fast.role_runner import explain
from paxos_lab.verify.explorer.plain_search import Watch
from paxos_lab.verify.explorer.properties import Property
from paxos_lab.verify.explorer.result import Found, broken

MOST_PARTS = 20_000_000
"""Numbers, texts and the like in all local states together: a bound on memory, about 1 GB."""


class TooLarge(Exception):
    """The local states grow beyond what pays; the text says where."""


def too_large(world: World, locals: list[list[Local]]) -> str:
    """Which node has the most local states, and which field grows, if one does."""
    i = max(range(len(locals)), key=lambda i: len(locals[i]))
    text = f"{world.names[i]} by itself has {len(locals[i]):,} states and more"
    for node, some in zip(world.nodes, locals, strict=True):
        for name, value in zip(field_names(node), some[-1].fields, strict=True):
            if (parts := extent(value)) > GROWN:
                return f"{text}; {node.name}.{name} has grown to {parts:,} parts: does it grow for ever?"
    return text


GROWN = 200  # parts of one field, more than our own roles ever hold in a search

Coded = tuple[int, ...]
"""The number of each node's local state, then the bits of the messages sent, then timeouts and
crashes that are left."""


class Numbers:
    """The numbers given to local states and messages of a world, and the local steps seen so far.

    `simplify(i, local)` may put something equal in effect in place of a local state.
    """

    def __init__(
        self,
        world: World,
        simplify: Callable[[int, Local], Local] | None = None,
        most_parts: int = MOST_PARTS,
    ) -> None:
        self.world = world
        self._simplify = simplify
        self._parts_left = most_parts
        self.locals: list[list[Local]] = [[] for _ in world.names]
        self.flights: list[Flight] = []
        self._local_ids: list[dict[Local, int]] = [{} for _ in world.names]
        self._flight_ids: dict[Flight, int] = {}
        self.to = [0] * len(world.names)  # the bits of the messages for each node
        self._steps: list[dict[tuple[int, Act | int], tuple[int, int]]] = [{} for _ in world.names]
        self._nothing: list[list[int]] = [
            [] for _ in world.names
        ]  # messages that do nothing in a local state

    def code(self, state: State) -> Coded:
        """The integers for a state."""
        ids = [self._local(i, local) for i, local in enumerate(state.locals)]
        return (*ids, self._bits(sorted(state.sent, key=self.world.rank)), state.timeouts, state.crashes)

    def state(self, coded: Coded) -> State:
        """The state behind the integers."""
        *ids, bits, timeouts, crashes = coded
        locals = tuple(self.locals[i][number] for i, number in enumerate(ids))
        return State(locals, frozenset(self.flights_of(bits)), timeouts, crashes)

    def flights_of(self, bits: int) -> Iterator[Flight]:
        """The messages whose bits are set."""
        while bits:
            low = bits & -bits
            bits ^= low
            yield self.flights[low.bit_length() - 1]

    def steps(self, coded: Coded) -> Iterator[tuple[int | Act, Coded]]:
        """(what happens, the state after it) for everything that can happen; a delivery is its bit.

        Deliveries that change nothing and send nothing are left out.
        """
        *ids, bits, timeouts, crashes = coded
        tail = (timeouts, crashes)
        for i, number in enumerate(ids):
            if self.locals[i][number].up:
                arriving = bits & self.to[i] & ~self._nothing[i][number]
                while arriving:
                    low = arriving & -arriving
                    arriving ^= low
                    after, sent = self.step(i, number, low)
                    if after == number and not sent:
                        self._nothing[i][number] |= low
                    elif after != number or sent & ~bits:
                        yield low, (*ids[:i], after, *ids[i + 1 :], bits | sent, *tail)
        yield from self._faults(ids, bits, timeouts, crashes)

    def _faults(self, ids: list[int], bits: int, timeouts: int, crashes: int) -> Iterator[tuple[Act, Coded]]:
        world = self.world
        for i, number in enumerate(ids):
            local = self.locals[i][number]
            acts: list[Act] = []
            if timeouts:
                acts += [Act("timeout", world.names[i], timer) for timer in sorted(local.timers)]
            if not local.up and world.faults.restarts:
                acts.append(Act("restart", world.names[i]))
            if crashes and world.may_crash(world.names[i]):
                if local.up:
                    arriving = self.flights_of(bits & self.to[i])
                    acts.append(Act("crash", world.names[i]))
                    acts += [Act("deliver", world.names[i], flight, True) for flight in arriving]
                acts += [act._replace(falls=True) for act in acts if act.kind in ("timeout", "restart")]
            for act in acts:
                after, sent = self.step(i, number, act)
                left = timeouts - (act.kind == "timeout"), crashes - (act.kind == "crash" or act.falls)
                yield act, (*ids[:i], after, *ids[i + 1 :], bits | sent, *left)

    def act(self, what: int | Act) -> Act:
        """What happens, for one that numbers mean nothing to."""
        if isinstance(what, Act):
            return what
        flight = self.flights[what.bit_length() - 1]
        return Act("deliver", flight.to, flight)

    def step(self, i: int, number: int, what: int | Act) -> tuple[int, int]:
        """(local state, bits sent) after a message (its bit) or an act at the i-th node; remembered."""
        known = self._steps[i].get((number, what))
        if known is None:
            local, flights = self.world.local_step(self.locals[i][number], self.act(what))
            known = self._steps[i][number, what] = self._local(i, local), self._bits(flights)
        return known

    def _local(self, i: int, local: Local) -> int:
        if self._simplify is not None:
            local = self._simplify(i, local)
        number = self._local_ids[i].setdefault(local, len(self.locals[i]))
        if number == len(self.locals[i]):
            self.locals[i].append(local)
            self._nothing[i].append(0)
            self._parts_left -= extent(local.fields)
            if self._parts_left < 0:
                raise TooLarge(too_large(self.world, self.locals))
        return number

    def _bits(self, flights: Iterable[Flight]) -> int:
        bits = 0
        for flight in flights:
            number = self._flight_ids.setdefault(flight, len(self.flights))
            if number == len(self.flights):
                self.flights.append(flight)
                self.to[self.world.index[flight.to]] |= 1 << number
            bits |= 1 << number
        return bits


def numbered_search(
    world: World,
    properties: Iterable[Property],
    max_states: int = 1_000_000,
    watch: Watch = lambda states, depth: None,
    *,
    most_parts: int = MOST_PARTS,
) -> Found:
    """As `plain_search`, with the same verdict and a counterexample of the same length."""
    properties = tuple(properties)
    numbers = Numbers(world, most_parts=most_parts)
    start = numbers.code(world.begin())
    before: dict[Coded, tuple[Coded, int | Act] | None] = {start: None}
    level, depth, transitions = [start], 0, 0
    if said := broken(properties, *world.seen(numbers.state(start))):
        return Found(1, 0, 0, False, *said, acts=())
    judged: set[Coded] = set()
    try:
        while level:
            coming: list[Coded] = []
            for state in level:
                watch(len(before), depth)
                for what, after in _steps(numbers, before, state):
                    transitions += 1
                    if after in before:
                        continue
                    before[after] = state, what
                    # Properties see nodes and messages, not the faults that are left.
                    if after[:-2] not in judged:
                        judged.add(after[:-2])
                        if said := broken(properties, *world.seen(numbers.state(after))):
                            acts = _path(numbers, before, after)
                            return Found(len(before), transitions, depth + 1, False, *said, acts=acts)
                    if len(before) >= max_states:
                        return Found(len(before), transitions, depth + 1, False, cut="max_states")
                    coming.append(after)
            level, depth = coming, depth + bool(coming)
    except KeyboardInterrupt:
        return Found(len(before), transitions, depth, False, cut="interrupt")
    except TooLarge as error:
        return Found(len(before), transitions, depth, False, cut=f"a bound on memory ({error})")
    return Found(len(before), transitions, depth, True)


def _steps(
    numbers: Numbers, before: dict[Coded, tuple[Coded, int | Act] | None], state: Coded
) -> Iterator[tuple[int | Act, Coded]]:
    try:
        yield from numbers.steps(state)
    except RoleError as error:
        raise explain(error, numbers.world.starts + len(_path(numbers, before, state)) + 1) from error


def _path(
    numbers: Numbers, before: dict[Coded, tuple[Coded, int | Act] | None], state: Coded
) -> tuple[Act, ...]:
    acts: list[Act] = []
    while (step := before[state]) is not None:
        state, what = step
        acts.append(numbers.act(what))
    return tuple(reversed(acts))
