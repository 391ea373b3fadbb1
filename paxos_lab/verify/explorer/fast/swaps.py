"""Which nodes can change places without anybody noticing.

Swapping two acceptors in a state gives another state from which the same can happen, with the names
swapped. That is a claim about the learner's code, so it is checked, not believed: the swap
must carry the whole local graph of every node onto the graph of its counterpart, message by message.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable
from itertools import combinations
from typing import Any

from paxos_lab.verify.explorer.choices import Act, Flight
from paxos_lab.verify.explorer.fast.behaviours import Quotient
from paxos_lab.verify.explorer.fast.local_graphs import ones


class Swap:
    """Two nodes trade places: what becomes of each message, and of each class of each node."""

    def __init__(self, a: int, b: int, flights: list[int], classes: list[dict[int, int]]) -> None:
        self.pair = (a, b)
        self._flights, self._classes = flights, classes
        self._known: dict[int, int] = {}

    def node(self, i: int) -> int:
        """The node that takes the place of node i."""
        a, b = self.pair
        return b if i == a else a if i == b else i

    def bits(self, bits: int) -> int:
        """The messages with the two names swapped."""
        found = self._known.get(bits)
        if found is None:
            found = 0
            for f in ones(bits):
                found |= 1 << self._flights[f]
            self._known[bits] = found
        return found

    def class_of(self, i: int, c: int) -> int:
        """The class, of the node that takes the place of node i, that class c of node i turns into."""
        return self._classes[i][c]


def swaps(quotient: Quotient, symmetric_quorums: Callable[[str, str], bool]) -> dict[tuple[int, int], Swap]:
    """Every swap of two nodes that send and are of one class under which all stays as it was.

    `symmetric_quorums(a, b)`: True if those two names weigh the same to the properties.
    """
    world = quotient.saturation.world
    found = {}
    for a, b in combinations(quotient.talkers, 2):
        names = world.names[a], world.names[b]
        if type(world.nodes[a]) is type(world.nodes[b]) and symmetric_quorums(*names):
            swap = _swap(quotient, a, b)
            if swap is not None:
                found[a, b] = swap
    return found


def _swap(quotient: Quotient, a: int, b: int) -> Swap | None:
    saturation = quotient.saturation
    numbers, world = saturation.numbers, saturation.world
    names = {world.names[a]: world.names[b], world.names[b]: world.names[a]}
    known = {flight: f for f, flight in enumerate(numbers.flights)}
    flights = []
    for flight in numbers.flights:
        other = known.get(Flight(*(renamed(part, names) for part in flight)))
        if other is None:
            return None
        flights.append(other)
    swap = Swap(a, b, flights, [{} for _ in world.names])
    if (
        swap.bits(quotient.useless) != quotient.useless
        or swap.bits(saturation.sent_at_start) != saturation.sent_at_start
    ):
        return None
    todo: deque[tuple[int, int]] = deque()

    def carries(i: int, c: int, d: int) -> bool:
        """Note that class c of node i turns into d; False if it turned into another one before."""
        if c not in swap._classes[i]:
            swap._classes[i][c] = d
            todo.append((i, c))
        return swap._classes[i][c] == d

    for i in quotient.talkers:
        if not carries(i, quotient.first[i], quotient.first[swap.node(i)]):
            return None
    while todo:
        i, c = todo.popleft()
        if not _matches(quotient, swap, i, c, swap._classes[i][c], carries):
            return None
    return swap


def _matches(
    quotient: Quotient, swap: Swap, i: int, c: int, d: int, carries: Callable[[int, int, int], bool]
) -> bool:
    """True if all that can happen in class c of node i happens, with names swapped, in class d."""
    saturation, j = quotient.saturation, swap.node(i)
    level, mine, its = quotient.level[i][c], quotient.member[i][c], quotient.member[j][d]
    if quotient.level[j][d] != level or quotient.observed(i, mine) != quotient.observed(j, its):
        return False
    if saturation.numbers.locals[i][mine].up != saturation.numbers.locals[j][its].up:
        return False
    pairs: list[tuple[int | Act, int | Act, tuple[int, int]]] = []
    if saturation.numbers.locals[i][mine].up:
        for f in ones(saturation.messages[level] & saturation.numbers.to[i] & ~quotient.useless):
            pairs.append((1 << f, swap.bits(1 << f), level))
            if saturation.falls(i, mine, level):
                other = swap.bits(1 << f).bit_length() - 1
                pairs.append(
                    (saturation.falling(i, f), saturation.falling(j, other), (level[0], level[1] + 1))
                )
    acts, its_acts = list(saturation.acts(i, mine, level)), list(saturation.acts(j, its, level))
    if [(act._replace(node=""), higher) for act, higher in acts] != [
        (act._replace(node=""), h) for act, h in its_acts
    ]:
        return False
    pairs += [(act, other, higher) for (act, higher), (other, _) in zip(acts, its_acts, strict=True)]
    for what, its_what, higher in pairs:
        after, sent = quotient.step(i, mine, what)
        its_after, its_sent = quotient.step(j, its, its_what)
        if swap.bits(sent) != its_sent:
            return False
        if not carries(i, quotient.class_of[i][higher, after], quotient.class_of[j][higher, its_after]):
            return False
    return all(
        carries(i, quotient.class_of[i][higher, mine], quotient.class_of[j][higher, its])
        for higher in saturation.above(level)
    )


def renamed(value: Any, names: dict[str, str]) -> Any:
    """The value with names swapped wherever a text is one of them."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, tuple):
        parts = [renamed(part, names) for part in value]
        return tuple.__new__(type(value), parts)
    if isinstance(value, frozenset):
        return frozenset(renamed(part, names) for part in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {f.name: renamed(getattr(value, f.name), names) for f in dataclasses.fields(value)}
        if any(changes[f.name] is not getattr(value, f.name) for f in dataclasses.fields(value)):
            copy = object.__new__(type(value))
            for name, part in changes.items():
                object.__setattr__(copy, name, part)
            return copy
    return value
