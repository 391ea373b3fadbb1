"""The fast search: the breadth-first loop of `plain_search.py` over far fewer states.

Nothing in the course needs this file. It answers "how can 4 ballots take seconds?": most states of a
world differ in ways that nobody will ever notice, so it visits one for all of them. Each reduction
says where it is made and why nothing is lost.

    saturation   A *local state* is all there is to one node. Roles are deterministic functions of local
                 state and message, so each node is first explored by itself: it gets every message that
                 anybody may ever send, in any order. That sees too much, never too little. Fields that
                 no later hook reads are left out; reading one all the same is noticed (`local_graphs.py`).
    class        Local states of a node that no sequence of events can tell apart, by what is sent or by
                 a field that a property reads, are one *class*. The search takes classes for states:
                 what can be sent and seen from then on is the same (`behaviours.py`).
    matters      A message *matters* in a class if its arrival, now or later, sends something or changes
                 the class. A message that matters to no node in its present class, and that no property
                 reads, is forgotten: with it or without it, the same can happen and be seen.
    level        Timeouts and crashes used so far, by everybody together. A class belongs to a level, or
                 rounds would never end; when one node uses a fault, the others move to its level.
    move         Deliveries that send nothing change only their receiver, and a message, once sent,
                 stays. So they wait until right before the next event of that node that sends or uses a
                 fault: the same messages are sent, in as many events. A *move* is some silent deliveries
                 and that event (`moves.py`). What a node shows on the way, silent deliveries
                 alone, is its `seen`: properties are asked about those states too.
    listener     A node that never sends, as a learner, changes nobody. It is left out of the state; from
                 the messages sent to it follows what it can have seen (`silent_nodes.py`). Everybody else
                 is a *talker*.
    equal nodes  Nodes that can trade places, names and all, without anybody noticing, as acceptors can.
                 Each state is sorted before it is looked up, so that one stands for all arrangements:
                 most of the factor at four ballots. That a swap goes unnoticed is checked, not believed
                 (`swaps.py`); a listener that tells equal nodes apart is noticed here (`Unequal`).

A state is a tuple: the class of each talker, then one integer with a bit for each message that was
sent and still matters. Moves take several events, so states wait in buckets, by their distance from
the start in events: the first break found in that order is a shortest one. A counterexample is
played again on a bus with the real names (`as_trace`); it is never believed because this file says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any, NamedTuple

from paxos_lab.node import Node
from paxos_lab.verify.explorer.choices import Act, World
from paxos_lab.verify.explorer.fast.behaviours import Quotient
from paxos_lab.verify.explorer.fast.local_graphs import Dead, Level, Saturation, StepRaises, ones, saturate
from paxos_lab.verify.explorer.fast.moves import Move, Options, options
from paxos_lab.verify.explorer.fast.read_log import ReadMasked
from paxos_lab.verify.explorer.fast.silent_nodes import Listener, Talks
from paxos_lab.verify.explorer.fast.swaps import EqualNodes, State, Swap
from paxos_lab.verify.explorer.plain_search import Watch
from paxos_lab.verify.explorer.properties import Property, Sent, quorums_of
from paxos_lab.verify.explorer.result import Found, broken

__all__ = ["StepRaises", "applies", "reduced_search"]

Step = tuple[State, Move, list[Swap]]
"""Where a state was reached from, by which move, and by which swaps it was sorted then."""


class Unequal(Exception):
    """Two nodes that seemed able to trade places are told apart by a listener."""


def applies(properties: Iterable[Property]) -> bool:
    """True if every property says what it reads, which this search must know."""
    return all(getattr(judge, "reads", None) is not None for judge in properties)


def reduced_search(
    world: World,
    properties: Iterable[Property],
    max_states: int = 2_000_000,
    watch: Watch = lambda states, depth: None,
    tick: Callable[[], None] = lambda: None,
) -> Found:
    """As `plain_search`, for properties that say what they read; states as described above.

    Raises `TooLarge` or `StepRaises` where only another search can help. `tick()` is called for each
    local step before the search proper, and `watch` too, since that may take long.
    """

    def prepared() -> None:
        watch(1, 0)
        tick()

    reads = Reads(world, tuple(properties))
    dead = Dead(world, reads.fields)
    talkers: set[int] = set()
    swapping = True
    while True:  # until no guess about the roles was wrong
        try:
            saturation = saturate(world, dead, talkers, prepared)
            return _Search(saturation, reads, swapping, max_states, watch).run()
        except KeyboardInterrupt:
            return Found(1, 0, 0, False, cut="interrupt")
        except ReadMasked as error:
            dead.wrong(error)
        except Talks as error:
            talkers.add(error.node)
        except Unequal:
            swapping = False


class Reads:
    """What the properties look at: `classes` of messages, `fields` of nodes."""

    def __init__(self, world: World, properties: tuple[Property, ...]) -> None:
        self.properties = properties
        reads = [judge.reads for judge in properties]  # type: ignore[attr-defined]
        self.classes = tuple({kind for messages, *_ in reads for kind in messages})
        self.fields = frozenset(name for _, fields, *_ in reads for name in fields)
        self.monotone = all(monotone for _, _, monotone, _ in reads)
        self.looked_at = [
            i for i, node in enumerate(world.nodes) if any(hasattr(node, name) for name in self.fields)
        ]
        self._names_alike = all(symmetric for *_, symmetric in reads)
        system = quorums_of((), {node.name: node for node in world.nodes})
        self._quorums = [set(system.quorums(phase)) for phase in (1, 2)] if self._names_alike else []

    def alike(self, a: str, b: str) -> bool:
        """True if the properties take those two names alike: they do, and both are in the same quorums."""
        names = {a: b, b: a}
        return self._names_alike and all(
            {frozenset(names.get(n, n) for n in quorum) for quorum in quorums} == quorums
            for quorums in self._quorums
        )


class Shown(NamedTuple):
    """What a node may show: the value of the fields read, a local state with it, events and faults to it."""

    value: Any
    number: int
    events: int
    faults: Level


class Break(NamedTuple):
    """A property breaks `events` after the start: from `state`, when nodes show what is in `choice`."""

    events: int
    state: State
    said: tuple[str, str]
    choice: dict[int, Shown]


class _Search:
    """Breadth first over states; raises where a guess about the roles turns out wrong."""

    def __init__(
        self, saturation: Saturation, reads: Reads, swapping: bool, max_states: int, watch: Watch
    ) -> None:
        self.saturation, self.world, self.numbers = saturation, saturation.world, saturation.numbers
        self.reads, self.max_states, self.watch = reads, max_states, watch
        silent = [i for i in reads.looked_at if i in saturation.listeners]
        unsure = [i for i in sorted(saturation.unsure) if i not in silent]
        self.read = self.kept = 0
        for f, flight in enumerate(self.numbers.flights):
            if isinstance(flight.message, reads.classes):
                self.read |= 1 << f
            if self.world.index[flight.to] in (*silent, *unsure):
                self.kept |= 1 << f
        self.quotient = quotient = Quotient(saturation, reads.fields, self.kept | self.read)
        self.kept = (self.kept | self.read) & ~quotient.useless
        self.listeners = [Listener(quotient, i) for i in silent]
        self._unsure = [Listener(quotient, i) for i in unsure]
        self.talkers = quotient.talkers
        self.equal = EqualNodes(quotient, reads.alike if swapping else lambda a, b: False)
        self._options: list[dict[tuple[int, int], tuple[Options, int]]] = [{} for _ in self.talkers]
        self._number_of: dict[tuple[Shown, ...], int] = {}
        self._all_shown: list[tuple[Shown, ...]] = []
        self._judged: set[tuple[int, ...]] = set()
        self.before: dict[State, Step | None] = {}

    def run(self) -> Found:
        """Visit everything, nearest first."""
        start = tuple([self.quotient.first[i] for i in self.talkers])
        first, _ = self.equal.sorted((*start, self.saturation.sent_at_start & self._keep(start)))
        waiting: dict[int, dict[State, Step | None]] = {0: {first: None}}
        best: Break | None = None
        depth = deepest = transitions = 0
        complete, cut = True, ""
        try:
            while waiting and complete:
                depth = min(waiting)
                if best is not None and best.events <= depth:
                    break
                for state, step in waiting.pop(depth).items():
                    if state in self.before:
                        continue
                    self.before[state] = step
                    deepest = depth
                    self.watch(len(self.before), depth)
                    found = self._broken(state, depth)
                    if found is not None and (best is None or found.events < best.events):
                        best = found
                    for move, after in self._moves(state):
                        transitions += 1
                        bucket = waiting.setdefault(depth + len(move.path), {})
                        if after in self.before or after in bucket:
                            continue
                        after, swaps = self.equal.sorted(after)
                        if after not in self.before:
                            bucket.setdefault(after, (state, move, swaps))
                    if len(self.before) >= self.max_states:
                        complete, cut = False, "max_states"
                        break
        except KeyboardInterrupt:
            complete, cut = False, "interrupt"
        if best is None:
            return Found(len(self.before), transitions, deepest, complete, cut=cut)
        return Found(len(self.before), transitions, best.events, False, *best.said, acts=self._acts(best))

    # ---- from state to state

    def _moves(self, state: State) -> Iterator[tuple[Move, State]]:
        """Every move, and the state after it."""
        *classes, bits = state
        quotient, level = self.quotient, self._level(state)
        for k in range(len(self.talkers)):
            for move in self._option(k, state)[0].moves:
                if move.level == level:
                    after = classes.copy()
                else:
                    after = [
                        quotient.class_of[j][move.level, quotient.member[j][c]]
                        for j, c in zip(self.talkers, classes, strict=True)
                    ]
                after[k] = move.after
                yield move, (*after, (bits | move.sent) & self._keep(after))

    def _keep(self, classes: Iterable[int]) -> int:
        keep = self.kept
        for i, c in zip(self.talkers, classes, strict=False):
            keep |= self.quotient.matters[i][c]
        return keep

    def _level(self, state: State) -> Level:
        return self.quotient.level[self.talkers[0]][state[0]] if self.talkers else (0, 0)

    def _option(self, k: int, state: State) -> tuple[Options, int]:
        """What the k-th talker can do, and the number of what it can show."""
        i, c = self.talkers[k], state[k]
        arrived = state[-1] & self.numbers.to[i] & self.quotient.matters[i][c]
        found = self._options[k].get((c, arrived))
        if found is None:
            option = options(self.quotient, i, c, arrived)
            shown = [Shown(value, n, len(path), (0, 0)) for value, (n, path) in option.seen.items()]
            found = self._options[k][c, arrived] = option, self._number(shown)
        return found

    # ---- what properties see

    def _broken(self, state: State, depth: int) -> Break | None:
        """The nearest break that nodes can show without another move; each combination is judged once."""
        timeouts, crashes = self._level(state)
        left = self.world.faults.timeouts - timeouts, self.world.faults.crashes - crashes
        for listener in self._unsure:  # nobody looks at it, but it might send after all
            self._heard(listener, state, left)
        numbers: dict[int, int] = {}
        if self.reads.fields:
            numbers |= {i: self._option(k, state)[1] for k, i in enumerate(self.talkers)}
            numbers |= {listener.i: self._heard(listener, state, left) for listener in self.listeners}
        key = (state[-1] & self.read, *(left if self.listeners else ()), *numbers.values())
        if key in self._judged:
            return None
        self._judged.add(key)
        shown = {i: self._all_shown[n] for i, n in numbers.items()}
        flights = [self.numbers.flights[f] for f in ones(key[0])]
        sent = tuple(dict.fromkeys((flight.sender, flight.message) for flight in flights))
        return self._nearest(state, depth, left, sent, shown)

    def _nearest(
        self, state: State, depth: int, left: Level, sent: Sent, shown: dict[int, tuple[Shown, ...]]
    ) -> Break | None:
        nodes = {node.name: node for node in self.world.nodes}
        if self.reads.monotone:
            # Everything that any node may show, at once: if that breaks nothing, no part of it does.
            everything = {
                f"{self.world.names[i]} {k}": self._node(i, one)
                for i, some in shown.items()
                for k, one in enumerate(some)
            }
            rest = {name: node for name, node in nodes.items() if self.world.index[name] not in shown}
            if broken(self.reads.properties, sent, {**rest, **everything}) is None:
                return None
        best: Break | None = None
        for choice in product(*shown.values()):
            events = depth + sum(one.events for one in choice)
            if (best is None or events < best.events) and _affordable(choice, left):
                chosen = dict(zip(shown, choice, strict=True))
                nodes.update({self.world.names[i]: self._node(i, one) for i, one in chosen.items()})
                said = broken(self.reads.properties, sent, nodes)
                if said is not None:
                    best = Break(events, state, said, chosen)
        return best

    def _node(self, i: int, shown: Shown) -> Node:
        return self.world.node(self.world.names[i], self.numbers.locals[i][shown.number])

    def _heard(self, listener: Listener, state: State, left: Level) -> int:
        """The number of what a listener can show with the faults that are left."""
        bits = state[-1] & self.numbers.to[listener.i]
        seen = listener.seen(bits, left)
        # Every arrangement, not only those one swap away: this state stands for all of them.
        for other in self.equal.arrangements(bits):
            if listener.seen(other, left).keys() != seen.keys():
                raise Unequal
        return self._number([Shown(value, n, least, used) for (value, used), (n, least) in seen.items()])

    def _number(self, shown: list[Shown]) -> int:
        some = tuple(sorted(shown, key=lambda one: one[1:]))
        number = self._number_of.setdefault(some, len(self._all_shown))
        if number == len(self._all_shown):
            self._all_shown.append(some)
        return number

    # ---- the way back

    def _acts(self, best: Break) -> tuple[Act, ...]:
        """The events from the start to a break, with the real names."""
        chain, state = [], best.state
        while (step := self.before[state]) is not None:
            chain.append(step)
            state = step[0]
        acts: list[Act] = []
        back: list[Swap] = []  # from the names in the state at hand to the real ones
        for _, move, swaps in reversed(chain):
            acts += [self._real(what, back) for what in move.path]
            back = [*reversed(swaps), *back]
        return (*acts, *(self._real(what, back) for what in self._last(best)))

    def _last(self, best: Break) -> Iterator[int | Act]:
        """The silent events after which nodes show what is broken."""
        for i, shown in best.choice.items():
            if i in self.talkers:
                option, _ = self._option(self.talkers.index(i), best.state)
                yield from option.seen[shown.value][1]
        for listener in self.listeners:
            if listener.i in best.choice:
                shown = best.choice[listener.i]
                arrived = best.state[-1] & self.numbers.to[listener.i]
                yield from listener.path(arrived, shown.faults, shown.value)

    def _real(self, what: int | Act, back: list[Swap]) -> Act:
        """An event with the real names of node and message."""
        act, flights = self.numbers.act(what), self.numbers.flights
        i, bit = self.world.index[act.node], 1 << flights.index(act.what) if act.kind == "deliver" else 0
        for swap in back:
            i, bit = swap.node(i), swap.bits(bit)
        return act._replace(node=self.world.names[i], what=flights[bit.bit_length() - 1] if bit else act.what)


def _affordable(choice: Iterable[Shown], left: Level) -> bool:
    """True if there are faults enough for all of them together."""
    return all(sum(one.faults[k] for one in choice) <= left[k] for k in (0, 1))
