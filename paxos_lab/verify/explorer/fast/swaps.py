"""Which nodes can trade places without anybody noticing, and states in which they stand in order.

Swapping two acceptors in a state gives another state in which the same can happen, with the names
traded. That is a claim about the learner's code, so it is checked, not believed: the swap must
carry every class of every talker to a class with the same reactions, message by message. Then it is an
automorphism of all that can happen, and one state may stand for both.

Before a state is looked up, equal nodes are sorted: by swaps of the *whole* state, so that whoever
counts votes by name follows. Each swap is sound by itself, so any order would be; the more states it
makes equal, the better. Nodes that look the same stay where they are, which may cost states and
never a verdict.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import combinations
from typing import Any

from paxos_lab.verify.explorer.choices import Act
from paxos_lab.verify.explorer.fast.behaviours import Quotient
from paxos_lab.verify.explorer.fast.local_graphs import Level, ones

State = tuple[int, ...]
"""The class of each talker, then the messages sent, one bit for each."""


class Swap:
    """Nodes `a` and `b` trade places: what becomes of messages, and of the classes of each node."""

    def __init__(self, a: int, b: int, flights: list[int]) -> None:
        self._trades = {a: b, b: a}
        self._flights = flights
        self._bits: dict[int, int] = {}
        self.classes: dict[int, dict[int, int]] = {}

    def node(self, i: int) -> int:
        """The node that takes the place of node i."""
        return self._trades.get(i, i)

    def bits(self, bits: int) -> int:
        """The messages with the two names traded."""
        found = self._bits.get(bits)
        if found is None:
            found = self._bits[bits] = sum(1 << self._flights[f] for f in ones(bits))
        return found


class EqualNodes:
    """The swaps that change nothing, and states sorted by them.

    `alike(a, b)`: True if properties take those two names alike.
    """

    def __init__(self, quotient: Quotient, alike: Callable[[str, str], bool]) -> None:
        self._talkers = quotient.talkers
        world, flights = quotient.saturation.world, quotient.saturation.numbers.flights
        self.swaps: dict[tuple[int, int], Swap] = {}
        for a, b in combinations(self._talkers, 2):
            if type(world.nodes[a]) is type(world.nodes[b]) and alike(world.names[a], world.names[b]):
                swap = _swap(quotient, a, b)
                if swap is not None:
                    self.swaps[a, b] = swap
        self._own = [
            sum(1 << f for f, flight in enumerate(flights) if flight.sender == world.names[i])
            for i in self._talkers
        ]
        self._groups: list[list[int]] = []  # places in a state of those who can all trade with each other
        for k, i in enumerate(self._talkers):
            for group in self._groups:
                if all((self._talkers[other], i) in self.swaps for other in group):
                    group.append(k)
                    break
            else:
                self._groups.append([k])

    def sorted(self, state: State) -> tuple[State, list[Swap]]:
        """The state with equal nodes in order, and the swaps that lead there, one after another."""
        applied: list[Swap] = []
        for group in self._groups:
            keys = [self._key(group[0], k, state) for k in group]
            for n in range(len(group) - 1):
                # Whoever has come furthest stands first: in a counterexample a1 then acts first.
                most = max(range(n, len(group)), key=keys.__getitem__)
                if keys[most] > keys[n]:
                    keys[n], keys[most] = keys[most], keys[n]
                    swap = self.swaps[self._talkers[group[n]], self._talkers[group[most]]]
                    state = self._traded(swap, state)
                    applied.append(swap)
        return state, applied

    def _key(self, first: int, k: int, state: State) -> tuple[int, int]:
        """Class and sent messages of a talker, as they would be if it were the first of its group."""
        c, sent = state[k], state[-1] & self._own[k]
        if k == first:
            return c, sent
        swap = self.swaps[self._talkers[first], self._talkers[k]]
        return swap.classes[self._talkers[k]][c], swap.bits(sent)

    def _traded(self, swap: Swap, state: State) -> State:
        classes = dict(zip(self._talkers, state[:-1], strict=True))
        after = [swap.classes[swap.node(i)][classes[swap.node(i)]] for i in self._talkers]
        return (*after, swap.bits(state[-1]))

    def arrangements(self, bits: int) -> set[int]:
        """A set of messages with names traded in every way that the swaps allow."""
        found, todo = {bits}, [bits]
        while todo:
            here = todo.pop()
            fresh = {swap.bits(here) for swap in self.swaps.values()} - found
            found |= fresh
            todo += fresh
        return found


def _swap(quotient: Quotient, a: int, b: int) -> Swap | None:
    """The swap of two talkers, if it carries all that can ever happen to what can happen; else None."""
    world, flights = quotient.saturation.world, quotient.saturation.numbers.flights
    names = {world.names[a]: world.names[b], world.names[b]: world.names[a]}
    number = {flight: f for f, flight in enumerate(flights)}
    traded = [number.get(renamed(flight, names)) for flight in flights]
    if None in traded:
        return None
    swap = Swap(a, b, traded)  # type: ignore[arg-type]
    if any(swap.bits(bits) != bits for bits in (quotient.useless, quotient.saturation.sent_at_start)):
        return None
    todo = [(i, quotient.first[i], quotient.first[swap.node(i)]) for i in quotient.talkers]
    while todo:
        i, here, there = todo.pop()
        known = swap.classes.setdefault(i, {})
        if here in known:
            if known[here] != there:
                return None
            continue
        known[here] = there
        mine, its = _reactions(quotient, i, here), _reactions(quotient, swap.node(i), there)
        if len(mine) != len(its):
            return None
        for (what, bit), (sent, said, after) in mine.items():
            same = its.get((what, swap.bits(bit)))
            if same is None or (swap.bits(sent), said) != same[:2]:
                return None
            todo.append((i, after, same[2]))
    return swap


def _reactions(quotient: Quotient, i: int, c: int) -> dict[tuple[Any, int], tuple[int, Any, int]]:
    """All that can happen in a class: (what, bit of the message) -> (messages sent, other signs, class after)."""
    saturation, number, level = quotient.saturation, quotient.member[i][c], quotient.level[i][c]
    up = saturation.numbers.locals[i][number].up
    found: dict[tuple[Any, int], tuple[int, Any, int]] = {
        ("is", 0): (0, (quotient.observed(i, number), up), c)
    }

    def react(key: tuple[Any, int], what: int | Act, higher: Level) -> None:
        after, sent = quotient.step(i, number, what)
        raises = (i, number, what) in saturation.errors
        found[key] = sent, raises, quotient.class_of[i][higher, after]

    for f in ones(saturation.messages[level] & saturation.numbers.to[i] & ~quotient.useless) if up else ():
        react(("deliver", 1 << f), 1 << f, level)
        if saturation.falls(i, number, level):
            react(("falls", 1 << f), saturation.falling(i, f), (level[0], level[1] + 1))
    for act, higher in saturation.acts(i, number, level):
        react((act._replace(node=""), 0), act, higher)
    for higher in saturation.above(level):
        found[higher, 0] = 0, level, quotient.class_of[i][higher, number]
    return found


def renamed(value: Any, names: dict[str, str]) -> Any:
    """The value with names traded wherever a text is one of them."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, tuple):
        return tuple.__new__(type(value), [renamed(part, names) for part in value])
    if isinstance(value, frozenset):
        return frozenset(renamed(part, names) for part in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        traded = {name: renamed(part, names) for name, part in parts.items()}
        if any(traded[name] is not parts[name] for name in parts):
            copy = object.__new__(type(value))
            for name, part in traded.items():
                object.__setattr__(copy, name, part)
            return copy
    return value
