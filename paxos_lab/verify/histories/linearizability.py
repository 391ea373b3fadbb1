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
_SHRINK_STEPS = 500_000


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
        # Only who asks for the picture loads Graphviz and Jupyter.
        from paxos_lab.show.draw.history import history_picture

        if self.broken:
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
            order = part.search(part.answered, part.open, max_steps)
        except GaveUp:
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
    merged = merged_orders(orders)
    if merged is None:  # the parts fit, each alone, but not together
        return linearizable(ordered, machine, None, max_steps)
    return Verdict(ordered, _praise(ordered, merged), merged, steps=steps)


def _fresh(machine: Any) -> Any:
    made = machine() if isinstance(machine, type) or not hasattr(machine, "apply") else machine
    if not hasattr(made, "apply"):
        raise LabError(f"a machine has apply(call) -> result; {short(made)} has not")
    return made


def _broken(history: tuple[Operation, ...], part: Part, key: Hashable, steps: int) -> Verdict:
    before = part.steps
    shrinker = Shrinker(part, _SHRINK_STEPS)
    culprit = shrinker.culprit
    possible: list[Any] | None = None
    try:
        kept, possible, minimal = shrinker.shrink()
    except GaveUp:
        kept, minimal = dict.fromkeys(shrinker.replied, True), False
    operations = part.operations
    few = {i: kept[i] for i in sorted(kept)}
    around = tuple(operations[i] for i in part.called_by(culprit, [*few, culprit]))
    return Verdict(
        history,
        blame(
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
