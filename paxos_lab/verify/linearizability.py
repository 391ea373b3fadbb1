"""Linearizability: does the history look as if one machine had done one operation after the other?

A history is linearizable if each operation can be given one moment between its call and its reply
so that a fresh machine, fed in the order of these moments, gives the same results (Herlihy and Wing
1990). An operation without a reply may have had its effect at any moment after its call, or never.

The search is Wing and Gong's (1993): place one operation that no other has to come before, see that
the machine agrees, go on, and go back where nothing fits. Lowe (2017) adds a memory: the same set of
operations placed and the same state need no second visit. Operations on different keys of a store
are checked apart, which is allowed because linearizability is local. No kept library for Python was
found (Porcupine is for Go, Knossos for the JVM), so the search is written out here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from heapq import heapify, heappop, heappush
from typing import Any, Literal

from paxos_lab.multipaxos.machines import KeyValueStore
from paxos_lab.node import LabError
from paxos_lab.plain import copy_of
from paxos_lab.show.history import history_picture, stamp
from paxos_lab.show.picture import Picture, short
from paxos_lab.verify.frozen import freeze

SHOWN_AT_MOST = 14  # operations in the picture of a verdict
_SHRINK_STEPS = 500_000
_RESULTS_AT_MOST = 100
_HORIZON = 12  # latest operations whose results are put in doubt; the older ones stand

Fits = Callable[[int, Any], bool]


class NoReply(Enum):
    """What stands for a result that never came: None may be a result."""

    NO_REPLY = "no reply"

    def __repr__(self) -> str:
        return self.name


NO_REPLY = NoReply.NO_REPLY


@dataclass(frozen=True)
class Operation:
    """One call of a client and its reply.

    `begin`, `end`: numbers that order what happened, virtual times or steps. Without a reply, `result`
    is `NO_REPLY` and `end` None. At equal stamps, one client's operations follow each other and those
    of different clients are concurrent.
    """

    client: str
    call: Any
    result: Any
    begin: Any
    end: Any = None

    def __post_init__(self) -> None:
        if (self.end is None) != (self.result is NO_REPLY):
            raise LabError(
                f"{self.client}'s {self.call}: a reply has a result and an end, a missing one has "
                f"neither (result=NO_REPLY, end=None); got result={self.result!r}, end={self.end!r}"
            )
        if self.end is not None and self.end < self.begin:
            raise LabError(
                f"{self.client}'s {self.call} ends at {self.end}, before it begins at {self.begin}"
            )

    @property
    def answered(self) -> bool:
        """True if its reply came."""
        return self.end is not None

    def __str__(self) -> str:
        if not self.answered:
            return f"{self.client}'s {self.call} (from {stamp(self.begin)}, no reply)"
        return f"{self.client}'s {self.call} gave {self.result!r} at {stamp(self.begin)}-{stamp(self.end)}"


def key_of(call: Any) -> Hashable:
    """The key that a call on a store is about."""
    return call.key


@dataclass(frozen=True)
class Verdict:
    """What came of the check; shows itself in a notebook, and is true in an `if` only when `ok`.

    `ok`: linearizable, and `order` is a witness: the operations in the order of their moments, without
    those that had no reply and no effect. `gave_up`: `max_steps` ended the search before an answer.

    `broken`: not linearizable. `culprit` is the first reply that nothing explains, and `offending` are
    it and a few operations that leave no room for it: they are not linearizable by themselves, and with
    them the culprit could only have given one of `possible`. Of those in `by_time` only the moments
    matter for that, not the results. None of the others can be left out, unless `minimal` is False:
    then there was no time to shrink as far, and `possible` may be None. `around`: what else had been
    called by then, on the same `key`.
    """

    history: tuple[Operation, ...] = field(repr=False)
    sentence: str
    order: tuple[Operation, ...] | None = field(default=None, repr=False)
    offending: tuple[Operation, ...] = ()
    culprit: Operation | None = None
    possible: tuple[Any, ...] | None = None
    by_time: tuple[Operation, ...] = field(default=(), repr=False)
    around: tuple[Operation, ...] = field(default=(), repr=False)
    key: Any = None
    minimal: bool = True
    steps: int = 0

    @property
    def ok(self) -> bool:
        """True if a witness was found."""
        return self.order is not None

    @property
    def broken(self) -> bool:
        """True if it was shown that there is none."""
        return bool(self.offending)

    @property
    def gave_up(self) -> bool:
        """True if `max_steps` ended the search before an answer."""
        return not self.ok and not self.broken

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        word = "linearizable" if self.ok else "NOT LINEARIZABLE" if self.broken else "NO ANSWER"
        return f"{word}: {self.sentence}"

    def picture(self) -> Picture:
        """The offending operations among their neighbours, or the history with its moments."""
        if self.broken:
            room = max(0, SHOWN_AT_MOST - len(self.offending))
            nearest = sorted(self.around, key=_by_begin)[-room:] if room else []
            marked = [(op, True) for op in self.offending] + [(op, False) for op in nearest]
            marked.sort(key=lambda pair: _by_begin(pair[0]))
            shown = [op for op, _ in marked]
            of = len(self.offending) + len(self.around)
            return history_picture(shown, None, [mark for _, mark in marked], self._caption(len(shown), of))
        shown = sorted(self.history, key=_by_begin)[:SHOWN_AT_MOST]
        place = {id(op): number for number, op in enumerate(self.order or (), start=1)}
        places = [place.get(id(op)) for op in shown] if self.ok else None
        return history_picture(shown, places, None, self._caption(len(shown), len(self.history)))

    def _caption(self, shown: int, of: int) -> str:
        which = "nearest" if self.broken else "first"
        return str(self) + (f" Shown are the {which} {shown} of {of} operations." if shown < of else "")

    def _ipython_display_(self) -> None:
        self.picture()._ipython_display_()


def linearizable(
    history: Iterable[Operation],
    machine: Any = KeyValueStore,
    partition: Callable[[Any], Hashable] | Literal["auto"] | None = "auto",
    max_steps: int = 1_000_000,
) -> Verdict:
    """Is there an order of these operations that a fresh machine agrees with?

    `machine`: a class (or function) that makes one, or one as it is at the start; it has `apply(call)`.
    `partition(call)` names the part of the machine that a call is about, where parts do not touch each
    other: each is then checked apart. "auto" takes `key_of` for a `KeyValueStore` if every call has a
    key, and one part for everything else. The check gives up where a part takes more than `max_steps`
    steps of the machine. Raises `LabError` for a history that is none.
    """
    if isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1:
        raise LabError(f"max_steps is a whole number from 1 on, got {max_steps!r}")
    given = list(history)
    for op in given:
        if not isinstance(op, Operation):
            raise LabError(f"a history holds Operation(client, call, result, begin, end), got {op!r}")
    # New objects: below they are told apart by identity, and the caller may have put one in twice.
    ordered = tuple(sorted(map(replace, given), key=_by_begin))
    if partition == "auto":
        by_key = type(_fresh(machine)) is KeyValueStore and all(hasattr(op.call, "key") for op in ordered)
        partition = key_of if by_key else None
    parts: dict[Hashable, list[Operation]] = {}
    for op in ordered:
        parts.setdefault(partition(op.call) if partition else None, []).append(op)
    orders: list[list[Operation]] = []
    steps, unanswered = 0, []
    for key, operations in parts.items():
        part = _Part(operations, _fresh(machine))
        try:
            order = part.search(part.answered, part.open, max_steps)
        except _GaveUp:
            unanswered.append(key)
            continue
        finally:
            steps += part.steps
        if order is None:
            return _broken(ordered, part, key, steps)
        orders.append([operations[i] for i in order])
    if unanswered:
        where = "" if partition is None else f" on key {short(unanswered[0])}"
        sentence = f"gave up after {max_steps:,} steps of the machine{where}; a higher max_steps may tell."
        return Verdict(ordered, sentence, key=unanswered[0], steps=steps)
    merged = _merged(orders)
    if merged is None:  # the parts fit, each alone, but not together
        return linearizable(ordered, machine, None, max_steps)
    return Verdict(ordered, _praise(ordered, merged), merged, steps=steps)


def _fresh(machine: Any) -> Any:
    made = machine() if isinstance(machine, type) or not hasattr(machine, "apply") else machine
    if not hasattr(made, "apply"):
        raise LabError(f"a machine has apply(call) -> result; {short(made)} has not")
    return made


class _GaveUp(Exception):
    """The steps allowed are used up."""


class _Part:
    """Operations on one part of the machine, sorted by begin; each is known by its place here.

    Sets of operations are whole numbers with one bit for each member.
    """

    def __init__(self, operations: Sequence[Operation], start: Any) -> None:
        self.operations = operations
        self.answered = [i for i, op in enumerate(operations) if op.answered]
        self.open = [i for i, op in enumerate(operations) if not op.answered]
        self.steps = 0
        self._ends_before = _ties(operations)
        self._machines = [start]
        self._numbers = {freeze(start): 0}
        self._moves: dict[tuple[int, int], tuple[Any, int]] = {}

    def gave(self, i: int, result: Any) -> bool:
        """True if operation `i` had this result."""
        return bool(result == self.operations[i].result)

    def search(
        self, answered: Sequence[int], open: Sequence[int], most: int, fits: Fits | None = None
    ) -> list[int] | None:
        """An order of the answered ones and of as many open ones as it takes, or None if there is none.

        `open`: operations that need not have an effect. `fits(i, result)`: may `i` give this in the
        order looked for? Left out, only what it gave. Raises `_GaveUp` after `most` steps.
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
            raise _GaveUp
        self.steps += 1
        move = self._moves.get((state, i))
        if move is None:
            machine = copy_of(self._machines[state])
            result = machine.apply(self.operations[i].call)
            after = self._numbers.setdefault(freeze(machine), len(self._machines))
            if after == len(self._machines):
                self._machines.append(machine)
            move = self._moves[state, i] = result, after
        return move

    def result_in(self, order: Sequence[int], wanted: int) -> Any:
        """What one of an order gives in it."""
        state = 0
        for i in order:
            result, state = self._apply(state, i, self.steps + 1)
            if i == wanted:
                break
        return result

    def first_wrong(self, most: int) -> tuple[int, list[int], list[int], bool]:
        """The reply that first made it wrong, the replies before it, what else had been called, sure?"""
        replies = sorted(self.answered, key=lambda i: (self.operations[i].end, i))
        right, wrong, sure = 0, len(replies), True
        while wrong - right > 1:
            middle = (right + wrong) // 2
            kept = replies[:middle]
            try:
                broken = self.search(kept, self.called_by(kept[-1], kept), most) is None
            except _GaveUp:
                broken = sure = False
            if broken:
                wrong = middle
            else:
                right = middle
        *kept, culprit = replies[:wrong]
        return culprit, kept, self.called_by(culprit, replies[:wrong]), sure

    def called_by(self, last: int, but: Sequence[int]) -> list[int]:
        """All but these that had been called when the reply of `last` came."""
        known, until = set(but), self.operations[last].end
        return [i for i, op in enumerate(self.operations) if i not in known and not until < op.begin]


class _Shrinker:
    """Finds few operations that leave no room for one reply, the culprit.

    First, few of the latest results: with the others of them forgotten and only the moments known, the
    culprit's is still impossible. Then few operations: with the rest gone, the culprit can still give
    something, and nothing that it could not give before. So a write does not go while its value is
    read: the read would be wrong for another reason.
    """

    def __init__(self, part: _Part, most: int) -> None:
        self.part, self.most, self.decided = part, most, True
        self.culprit, replied, pending, self.sure = part.first_wrong(most)
        self.last = part.steps + most
        self.replied = set(replied)
        self.others = sorted([*replied, *pending])
        self.possible: list[Any] = []

    def shrink(self) -> tuple[dict[int, bool], list[Any], bool]:
        """The operations besides the culprit, True if the result matters too; what it could give; minimal?"""
        needed = self._needed_results()
        recent = self.others[-_HORIZON:]
        try:
            self.possible = self.could_give({i: i in needed or i not in recent for i in self.others})
        except _GaveUp:  # too many: let every reply stand
            self.possible = self.could_give(dict.fromkeys(self.others, True))
        kept = self._window(needed)
        size = len(kept)
        while size > 1:
            size //= 2
            for chunk in [[*kept][at : at + size] for at in range(0, len(kept), size)]:
                fewer = {i: exact for i, exact in kept.items() if i not in chunk or i in needed}
                if len(fewer) < len(kept) and self._says_the_same(fewer):
                    kept = fewer
        changed = True
        while changed:
            changed, self.decided = False, True
            for i in [i for i in kept if i not in needed]:
                fewer = {k: exact for k, exact in kept.items() if k != i}
                if self._says_the_same(fewer):
                    kept, changed = fewer, True
                elif kept[i] and self._says_the_same({**kept, i: False}):
                    kept, changed = {**kept, i: False}, True
        return kept, self.could_give(kept), self.decided and self.sure

    def could_give(self, kept: dict[int, bool]) -> list[Any]:
        """Everything that the culprit could have given, given these. Raises `_GaveUp`."""
        found: list[Any] = []
        while (order := self._search(kept, lambda result: result not in found, self.most)) is not None:
            found.append(self.part.result_in(order, self.culprit))
            if len(found) > _RESULTS_AT_MOST:
                raise _GaveUp
        return found

    def _needed_results(self) -> list[int]:
        recent = self.others[-_HORIZON:]
        needed = [i for i in recent if i in self.replied]
        for i in list(needed):  # the oldest first
            fewer = [k for k in needed if k != i]
            kept = {k: k in fewer or k not in recent for k in self.others}
            try:
                if not self._finds(kept, lambda result: self.part.gave(self.culprit, result)):
                    needed = fewer
            except _GaveUp:
                self.sure = False
        return needed

    def _window(self, needed: list[int]) -> dict[int, bool]:
        """A short stretch before the culprit that will do: what came long before seldom matters."""
        size = 0
        while size < len(self.others):
            window = self.others[len(self.others) - size :]
            for split in sorted({round(size * share / 8) for share in range(9)}, reverse=True):
                # The results of the first ones may rest on what is outside.
                kept = {i: n >= split for n, i in enumerate(window)} | dict.fromkeys(needed, True)
                if self._says_the_same(kept):
                    return kept
            size = size + 1 + size // 3
        return dict.fromkeys(self.others, True)

    def _says_the_same(self, kept: dict[int, bool]) -> bool:
        """True if the culprit could still have given something, and nothing new."""
        try:
            return not self._finds(kept, lambda result: result not in self.possible) and self._finds(
                kept, lambda _: True
            )
        except _GaveUp:
            self.decided = False
            return False

    def _finds(self, kept: dict[int, bool], may_give: Callable[[Any], bool]) -> bool:
        # No more than a part of what is left: the next question may be an easier one.
        most = max(1, min(self.most // 25, self.last - self.part.steps))
        return self._search(kept, may_give, most) is not None

    def _search(self, kept: dict[int, bool], may_give: Callable[[Any], bool], most: int) -> list[int] | None:
        def fits(i: int, result: Any) -> bool:
            if i == self.culprit:
                return may_give(result)
            return not kept[i] or self.part.gave(i, result)

        answered = [i for i in kept if i in self.replied]
        open = sorted(i for i in kept if i not in self.replied)
        return self.part.search([*answered, self.culprit], open, most, fits)


def _by_begin(op: Operation) -> tuple[Any, bool, Any]:
    return op.begin, not op.answered, op.end


def _ties(operations: Sequence[Operation]) -> list[int]:
    """For each operation: those of the same client that ended at the very stamp at which it began."""
    ended: dict[tuple[str, Any], int] = {}
    before = []
    for i, op in enumerate(operations):
        before.append(ended.get((op.client, op.begin), 0))
        if op.answered:
            ended[op.client, op.end] = ended.get((op.client, op.end), 0) | 1 << i
    return before


def _merged(orders: Sequence[Sequence[Operation]]) -> tuple[Operation, ...] | None:
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
    by_begin = sorted(range(len(flat)), key=lambda i: _by_begin(flat[i]))
    for b, ties in zip(by_begin, _ties([flat[i] for i in by_begin]), strict=True):
        for place in range(ties.bit_length()):
            if ties >> place & 1:
                put_before(by_begin[place], b)
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


def _praise(history: Sequence[Operation], order: Sequence[Operation]) -> str:
    if not history:
        return "nobody has called anything."
    placed = {id(op) for op in order}
    open = [op for op in history if not op.answered]
    took = sum(id(op) in placed for op in open)
    clients = len({op.client for op in history})
    text = f"one order of {_count(len(history), 'operation')} of {_count(clients, 'client')} explains every reply"
    if open:
        text += (
            f"; of {len(open)} without a reply, {took} had an effect in it and {len(open) - took} had none"
        )
    return text + "."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _broken(history: tuple[Operation, ...], part: _Part, key: Hashable, steps: int) -> Verdict:
    before = part.steps
    shrinker = _Shrinker(part, _SHRINK_STEPS)
    culprit = shrinker.culprit
    possible: list[Any] | None = None
    try:
        kept, possible, minimal = shrinker.shrink()
    except _GaveUp:
        kept, minimal = dict.fromkeys(shrinker.replied, True), False
    operations = part.operations
    few = {i: kept[i] for i in sorted(kept)}
    around = tuple(operations[i] for i in part.called_by(culprit, [*few, culprit]))
    return Verdict(
        history,
        _blame(
            operations[culprit], [(operations[i], exact) for i, exact in few.items()], possible, bool(around)
        ),
        None,
        tuple(operations[i] for i in sorted([*few, culprit])),
        operations[culprit],
        None if possible is None else tuple(possible),
        tuple(operations[i] for i, exact in few.items() if not exact),
        around,
        key,
        minimal,
        steps + part.steps - before,
    )


def _blame(
    culprit: Operation, others: Sequence[tuple[Operation, bool]], possible: list[Any] | None, left_out: bool
) -> str:
    said = f"{short(culprit.client)}'s {short(culprit.call)} gave {short(repr(culprit.result))} at {_span(culprit)}"
    reasons = []
    for op, exact in others[-4:]:
        what, gave = f"{short(op.client)}'s {short(op.call)}", f"{short(repr(op.result))}"
        if not op.answered:
            reasons.append(f"{what} was without a reply since {stamp(op.begin)}")
        elif op.end < culprit.begin or (op.client == culprit.client and op.end == culprit.begin):
            reasons.append(f"{what} had ended at {stamp(op.end)}" + f", giving {gave}" * exact)
        else:
            reasons.append(f"{what} ran at {_span(op)}" + f", giving {gave}" * exact)
    although = f" although {' and '.join(reasons)}" if reasons else ""
    more = f" ({len(others) - 4} earlier ones not named)" if len(others) > 4 else ""
    if possible is None:
        return f"{said}{although}{more}; no order explains that."
    alone = "with these alone, " if left_out and others else ""
    could = " or ".join(short(repr(value)) for value in possible[:4]) + " or ..." * (len(possible) > 4)
    return f"{said}{although}{more}: {alone}it could only have given {could}."


def _span(op: Operation) -> str:
    return f"{stamp(op.begin)}-{stamp(op.end)}"
