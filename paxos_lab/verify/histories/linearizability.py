"""Linearizability: does the history look as if one machine had done one operation after the other?

A history is linearizable if each operation can be given one moment between its call and its reply
so that a fresh machine, fed in the order of these moments, gives the same results (Herlihy and Wing
1990). An operation without a reply may have had its effect at any moment after its call, or never.

Operations on different keys of a store are checked apart, which is allowed because linearizability
is local. No kept library for Python was found (Porcupine is for Go, Knossos for the JVM), so the
search is written out, in `placing`; `blame` tells what is wrong with a history that has no order.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from paxos_lab.multipaxos.machines import KeyValueStore
from paxos_lab.node import LabError
from paxos_lab.verify.histories.blame import Shrinker, blame
from paxos_lab.verify.histories.history import Operation, by_begin, key_of
from paxos_lab.verify.histories.orders import GaveUp, Part, merged_orders
from paxos_lab.words.text import short

if TYPE_CHECKING:
    from paxos_lab.show.draw.picture import Picture

SHOWN_AT_MOST = 14  # operations in the picture of a verdict
_EASY_STEPS = 10_000  # before anything is asked but whether there is an order
_SHRINK_STEPS = 500_000


@dataclass(frozen=True)
class Verdict:
    """The result of the check; shows itself in a notebook, and is true in an `if` only when `ok`.

    `ok`: linearizable, and `order` shows it: the operations in the order of their moments, without
    those that had no reply and no effect. `gave_up`: `max_steps` ended the search before an answer.

    `broken`: not linearizable. `culprit` is the first reply that nothing explains, and `could_give` all
    results that something would explain, by what had been called and replied until then; None if there
    was no time to find out. `offending` are the culprit and a few operations that leave no room for it:
    they are not linearizable by themselves, and if they were all there is the culprit could only have
    given one of `possible`. Of those in `by_time` only the moments matter for that, not the results. None
    of the others can be left out, unless `minimal` is False: then there was no time to shrink as far,
    and `possible` may be None. `around`: what else had been called by then, on the same `key`. A reply
    that nothing at all leads to, such as a read of a value that nobody wrote, offends by itself.
    """

    history: tuple[Operation, ...] = field(repr=False)
    sentence: str
    order: tuple[Operation, ...] | None = field(default=None, repr=False)
    offending: tuple[Operation, ...] = ()
    culprit: Operation | None = None
    could_give: tuple[Any, ...] | None = None
    possible: tuple[Any, ...] | None = None
    by_time: tuple[Operation, ...] = field(default=(), repr=False)
    around: tuple[Operation, ...] = field(default=(), repr=False)
    key: Any = None
    minimal: bool = True
    steps: int = 0
    gave_up: bool = False

    @property
    def ok(self) -> bool:
        """True if such an order was found."""
        return self.order is not None

    @property
    def broken(self) -> bool:
        """True if it was shown that no such order exists."""
        return not self.ok and not self.gave_up

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        word = "linearizable" if self.ok else "NOT LINEARIZABLE" if self.broken else "NO ANSWER"
        return f"{word}: {self.sentence}"

    def picture(self) -> Picture:
        """The offending operations among their neighbours, or the history with its moments."""
        # Only who asks for the picture loads Graphviz and Jupyter.
        from paxos_lab.show.draw.history import history_picture

        if self.offending:
            room = max(0, SHOWN_AT_MOST - len(self.offending))
            nearest = sorted(self.around, key=by_begin)[-room:] if room else []
            marked = [(op, True) for op in self.offending] + [(op, False) for op in nearest]
            marked.sort(key=lambda pair: by_begin(pair[0]))
            shown = [op for op, _ in marked]
            of = len(self.offending) + len(self.around)
            return history_picture(shown, None, [mark for _, mark in marked], self._caption(len(shown), of))
        shown = sorted(self.history, key=by_begin)[:SHOWN_AT_MOST]
        place = {id(op): number for number, op in enumerate(self.order or (), start=1)}
        places = [place.get(id(op)) for op in shown] if self.ok else None
        return history_picture(shown, places, None, self._caption(len(shown), len(self.history)))

    def _caption(self, shown: int, of: int) -> str:
        which = "nearest" if self.offending else "first"
        return str(self) + (f" Shown are the {which} {shown} of {of} operations." if shown < of else "")

    def _ipython_display_(self) -> None:
        self.picture()._ipython_display_()


def linearizable(
    history: Iterable[Operation],
    machine: Any = KeyValueStore,
    partition: Callable[[Any], Hashable] | Literal["auto"] | None = "auto",
    max_steps: int = 1_000_000,
    *,
    explain: bool = True,
) -> Verdict:
    """Is there an order of these operations that a fresh machine agrees with?

    `machine`: a class (or function) that makes one, or one as it is at the start; it has `apply(call)` and
    is plain data, such as a dataclass of dictionaries. `partition(call)` names the part of the machine
    that a call is about, where parts do not touch each other: each is then checked apart. "auto" takes
    `key_of` for a `KeyValueStore` if every call has a key, and one part for everything else. No part
    takes more than `max_steps` steps of the machine, the search for whom to blame included; the check
    gives up where that does not tell. `explain=False` asks for the verdict alone: nobody is blamed.
    Raises `LabError` for a history that is none, and for a machine that cannot be copied.
    """
    if isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1:
        raise LabError(f"max_steps is a whole number from 1 on, got {max_steps!r}")
    given = list(history)
    for op in given:
        if not isinstance(op, Operation):
            raise LabError(f"a history holds Operation(client, call, result, begin, end), got {op!r}")
    # New objects: below they are told apart by identity, and the caller may have put one in twice.
    ordered = tuple(sorted(map(replace, given), key=by_begin))
    if partition == "auto":
        by_key = type(_fresh(machine)) is KeyValueStore and all(hasattr(op.call, "key") for op in ordered)
        partition = key_of if by_key else None
    parts: dict[Hashable, list[Operation]] = {}
    for op in ordered:
        parts.setdefault(partition(op.call) if partition else None, []).append(op)
    orders: list[list[Operation]] = []
    steps, unanswered = 0, []
    for key, operations in parts.items():
        part = Part(operations, _fresh(machine))
        try:
            order, unreached = _searched(part, max_steps)
        except GaveUp:
            unanswered.append(key)
            continue
        finally:
            steps += part.steps
        if order is None:
            if not explain:
                sentence = f"no order of {_count(len(operations), 'operation')}{_on(key, partition)} explains every reply."
                return Verdict(ordered, sentence, key=key, steps=steps)
            return _broken(ordered, part, unreached, key, max_steps, steps)
        orders.append([operations[i] for i in order])
    if unanswered:
        where = _on(unanswered[0], partition)
        sentence = f"gave up after {max_steps:,} steps of the machine{where}; a higher max_steps may tell."
        return Verdict(ordered, sentence, key=unanswered[0], steps=steps, gave_up=True)
    merged = merged_orders(orders)
    if merged is None:  # the parts fit, each alone, but not together
        return linearizable(ordered, machine, None, max_steps, explain=explain)
    return Verdict(ordered, _praise(ordered, merged), merged, steps=steps)


def _on(key: Hashable, partition: object) -> str:
    return "" if partition is None else f" on key {short(key)}"


def _fresh(machine: Any) -> Any:
    made = machine() if isinstance(machine, type) or not hasattr(machine, "apply") else machine
    if not hasattr(made, "apply"):
        raise LabError(f"a machine has apply(call) -> result; {short(made)} has not")
    return made


def _searched(part: Part, max_steps: int) -> tuple[list[int] | None, list[int]]:
    """An order, or None; and replies that nothing leads to, looked for where the search is long."""
    try:
        return part.search(part.answered, part.open, min(max_steps, _EASY_STEPS)), []
    except GaveUp:
        if unreached := part.out_of_reach(min(_EASY_STEPS, max_steps - part.steps)):
            return None, unreached
        return part.search(part.answered, part.open, max_steps - part.steps), []


def _broken(
    history: tuple[Operation, ...],
    part: Part,
    unreached: list[int],
    key: Hashable,
    max_steps: int,
    steps: int,
) -> Verdict:
    before = part.steps
    last = min(before + _SHRINK_STEPS, max_steps)
    culprit, sure = (unreached[0], True) if unreached else part.first_wrong(last)
    unreached = unreached or part.out_of_reach(min(_EASY_STEPS, (last - part.steps) // 4))
    shrinker = Shrinker(part, culprit, last)
    could_give = shrinker.could_give_at_all()
    kept: dict[int, bool] = {}
    possible: list[Any] | None = None
    try:
        if culprit in unreached:
            possible, minimal = shrinker.could_give({}), True
        else:
            kept, possible, minimal = shrinker.shrink()
    except GaveUp:
        kept, minimal = dict.fromkeys(shrinker.replied, True) if culprit not in unreached else {}, False
    operations = part.operations
    few = {i: kept[i] for i in sorted(kept)}
    others = [(operations[i], exact) for i, exact in few.items()]
    return Verdict(
        history,
        blame(operations[culprit], others, could_give, possible, culprit in unreached),
        offending=tuple(operations[i] for i in sorted([*few, culprit])),
        culprit=operations[culprit],
        could_give=None if could_give is None else tuple(could_give),
        possible=None if possible is None else tuple(possible),
        by_time=tuple(op for op, exact in others if not exact),
        around=tuple(operations[i] for i in part.called_by(culprit, [*few, culprit])),
        key=key,
        minimal=minimal and sure,
        steps=steps + part.steps - before,
    )


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
