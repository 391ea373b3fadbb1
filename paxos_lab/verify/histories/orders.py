"""Is there an order of operations that a machine agrees with? The search behind `linearizable`.

It is Wing and Gong's (1993): place one operation that no other has to come before, see that the
machine agrees, go on, and go back where nothing fits. Lowe (2017) adds a memory: the same set of
operations placed and the same state need no second visit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from paxos_lab.node import LabError
from paxos_lab.verify.explorer.fast.hashable import freeze
from paxos_lab.verify.histories.history import ACKNOWLEDGED, Operation, by_begin, same
from paxos_lab.world.data import NotPlain, copy_of

Fits = Callable[[int, Any], bool]


class GaveUp(Exception):
    """The steps allowed are used up."""


class Part:
    """Operations on one part of the machine, sorted by begin; each is known by its place here.

    Sets of operations are whole numbers with one bit for each member.
    """

    def __init__(self, operations: Sequence[Operation], start: Any) -> None:
        self.operations = operations
        self.answered = [i for i, op in enumerate(operations) if op.answered]
        self.open = [i for i, op in enumerate(operations) if not op.answered]
        self.steps = 0
        self._ends_before = ties_of(operations)
        self._machines = [start]
        self._numbers = {_frozen(start): 0}
        self._moves: dict[tuple[int, int], tuple[Any, int]] = {}

    def gave(self, i: int, result: Any) -> bool:
        """True if operation `i` had this result, or may have had it as far as anybody was told."""
        told = self.operations[i].result
        return told is ACKNOWLEDGED or same(result, told)

    def search(
        self, answered: Sequence[int], open: Sequence[int], most: int, fits: Fits | None = None
    ) -> list[int] | None:
        """An order of the answered ones and of as many open ones as it takes, or None if there is none.

        `open`: operations that need not have an effect. `fits(i, result)`: may `i` give this in the
        order looked for? Left out, only what it gave. Raises `GaveUp` after `most` steps.
        """
        fits = fits or self.gave
        last = self.steps + most
        # By (answered ones to be placed, state): the sets of open ones with which this was tried. More
        # open ones used up mean fewer left, so a larger set can do nothing that a smaller cannot.
        tried: dict[tuple[int, int], list[int]] = {}

        def is_new(left: int, state: int, used: int) -> bool:
            before = tried.setdefault((left, state), [])
            if any(not earlier & ~used for earlier in before):
                return False
            before.append(used)
            return True

        def steps_from(left: int, state: int, used: int) -> Iterator[tuple[int, int, int, list[int]]]:
            """Each way to place some open ones and then one answered one; few open ones first."""
            ready, free = self._next(left, open)
            waiting: deque[tuple[int, int, list[int]]] = deque([(state, used, [])])
            while waiting:
                state, used, run = waiting.popleft()
                for i in ready:
                    result, after = self._apply(state, i, last)
                    if fits(i, result) and is_new(left ^ 1 << i, after, used):
                        yield left ^ 1 << i, after, used, [*run, i]
                for i in free:
                    if not used >> i & 1:
                        _, after = self._apply(state, i, last)
                        if after != state and is_new(left, after, used | 1 << i):
                            waiting.append((after, used | 1 << i, [*run, i]))

        left = sum(1 << i for i in answered)
        if not left:
            return []
        # A stack of its own, not recursion: a history may be longer than Python's stack is deep.
        stack = [steps_from(left, 0, 0)]
        runs: list[list[int]] = []
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
                del runs[-1:]
                continue
            left, state, used, run = step
            runs.append(run)
            if not left:
                return [i for run in runs for i in run]
            stack.append(steps_from(left, state, used))
        return None

    def _next(self, left: int, open: Sequence[int]) -> tuple[list[int], list[int]]:
        """Those of `left`, and of the open ones, that nothing in `left` has to come before."""
        ready: list[int] = []
        first_end, rest = None, left
        while rest:
            i = (rest & -rest).bit_length() - 1
            op = self.operations[i]
            if first_end is not None and first_end < op.begin:
                break
            if not self._ends_before[i] & left:
                ready.append(i)
            if first_end is None or op.end < first_end:
                first_end = op.end
            rest &= rest - 1
        free = []
        for i in open:
            if first_end is not None and first_end < self.operations[i].begin:
                break
            if not self._ends_before[i] & left:
                free.append(i)
        return ready, free

    def _apply(self, state: int, i: int, last: int) -> tuple[Any, int]:
        """The result of operation `i` in a state, and the number of the state after it."""
        if self.steps >= last:
            raise GaveUp
        self.steps += 1
        move = self._moves.get((state, i))
        if move is None:
            machine = copy_of(self._machines[state])
            result = machine.apply(self.operations[i].call)
            after = self._numbers.setdefault(_frozen(machine), len(self._machines))
            if after == len(self._machines):
                self._machines.append(machine)
            move = self._moves[state, i] = result, after
        return move

    def result_in(self, order: Sequence[int], wanted: int) -> Any:
        """The result of one operation of an order."""
        state = 0
        for i in order:
            result, state = self._apply(state, i, self.steps + 1)
            if i == wanted:
                break
        return result

    def out_of_reach(self, most: int) -> list[int]:
        """The replies that no operations lead to, in any order and however often: the earliest first.

        So it is for a read of a value that nobody wrote. A register has no more states than operations,
        and one; where there are more (texts that grow have no end), or `most` steps do not see all of
        them, no reply is named.
        """
        last, done = self.steps + most, 0
        seen = [0]
        missing = {i for i in self.answered if self.operations[i].result is not ACKNOWLEDGED}
        try:
            while done < len(seen) and missing:
                for i in range(len(self.operations)):
                    result, after = self._apply(seen[done], i, last)
                    if i in missing and self.gave(i, result):
                        missing.discard(i)
                    if after not in seen:
                        seen.append(after)
                        if len(seen) > len(self.operations) + 1:
                            return []
                done += 1
        except GaveUp:
            return []
        return sorted(missing, key=self.by_end)

    def by_end(self, i: int) -> tuple[Any, int]:
        """Sorts replies."""
        return self.operations[i].end, i

    def first_wrong(self, last: int) -> tuple[int, bool]:
        """The reply that first made it wrong; sure? Takes no step after number `last`."""
        replies = sorted(self.answered, key=self.by_end)
        right, wrong, sure = 0, len(replies), True
        while wrong - right > 1:
            middle = (right + wrong) // 2
            kept = replies[:middle]
            try:
                broken = self.search(kept, self.called_by(kept[-1], kept), (last - self.steps) // 2) is None
            except GaveUp:
                broken = sure = False
            if broken:
                wrong = middle
            else:
                right = middle
        return replies[wrong - 1], sure

    def called_by(self, last: int, but: Sequence[int]) -> list[int]:
        """All operations but these that had been called when the reply of `last` came."""
        known, until = set(but), self.operations[last].end
        return [i for i, op in enumerate(self.operations) if i not in known and not until < op.begin]


def _frozen(machine: Any) -> Any:
    try:
        return freeze(machine)
    except NotPlain as error:
        name = type(machine).__name__
        raise LabError(
            f"states of the machine are copied and compared, so a {name} has to be plain data: make it a "
            f"@dataclass whose fields hold numbers, texts, lists and dictionaries ({error})"
        ) from error


def ties_of(operations: Sequence[Operation]) -> list[int]:
    """For each operation: those of the same client that ended at the very stamp at which it began."""
    ended: dict[tuple[str, Any], int] = {}
    before = []
    for i, op in enumerate(operations):
        before.append(ended.get((op.client, op.begin), 0))
        if op.answered:
            ended[op.client, op.end] = ended.get((op.client, op.end), 0) | 1 << i
    return before


def merged_orders(orders: Sequence[Sequence[Operation]]) -> tuple[Operation, ...] | None:
    """One order of all, each part's kept; None if there is none.

    By Herlihy and Wing's theorem there is always one, but for a corner: they order all calls and
    replies, while here those of different clients at one stamp are unordered, and then two parts can
    each fit alone and contradict each other.
    """
    flat = [op for order in orders for op in order]
    after: list[list[int]] = [[] for _ in flat]
    waits = [0] * len(flat)

    def put_before(a: int, b: int) -> None:
        after[a].append(b)
        waits[b] += 1

    number = 0
    for order in orders:
        for place in range(len(order)):
            if place:
                put_before(number - 1, number)
            number += 1
    places = sorted(range(len(flat)), key=lambda i: by_begin(flat[i]))
    for b, ties in zip(places, ties_of([flat[i] for i in places]), strict=True):
        for place in range(ties.bit_length()):
            if ties >> place & 1:
                put_before(places[place], b)
    ready = [(flat[i].begin, i) for i in range(len(flat)) if not waits[i]]
    heapify(ready)
    merged = []
    while ready:
        _, i = heappop(ready)
        merged.append(flat[i])
        for b in after[i]:
            waits[b] -= 1
            if not waits[b]:
                heappush(ready, (flat[b].begin, b))
    return tuple(merged) if len(merged) == len(flat) else None
