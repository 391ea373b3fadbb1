"""What is wrong with a history: the first reply that nothing explains, and the few operations that rule it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from paxos_lab.verify.histories.history import ACKNOWLEDGED, Operation, same
from paxos_lab.verify.histories.orders import GaveUp, Part
from paxos_lab.words.text import short, stamp

NAMED_AT_MOST = 4  # results in a sentence; how many more there are is said
_RESULTS_AT_MOST = 100
_QUESTION_STEPS = 20_000
_HORIZON = 12  # latest operations whose results are put in doubt; the older ones stand


class Shrinker:
    """Finds few operations that leave no room for one reply, the culprit.

    First, few of the latest results: with the others of them forgotten and only the moments known, the
    culprit's is still impossible. Then few operations: with the rest gone, the culprit can still give
    something, and nothing that it could not give before. So a write does not go while its value is
    read: the read would be wrong for another reason. No step is taken after number `last`.
    """

    def __init__(self, part: Part, culprit: int, last: int) -> None:
        self.part, self.culprit, self.last, self.decided = part, culprit, last, True
        replies = sorted(part.answered, key=part.by_end)
        replied = replies[: replies.index(culprit)]
        self.replied = set(replied)
        self.others = sorted([*replied, *part.called_by(culprit, [*replied, culprit])])
        self.possible: list[Any] = []

    def shrink(self) -> tuple[dict[int, bool], list[Any], bool]:
        """The other operations, each with True if its result matters; what the culprit could give; is this minimal?"""
        needed = self._needed_results()
        recent = self.others[-_HORIZON:]
        try:
            self.possible = self.could_give({i: i in needed or i not in recent for i in self.others})
        except GaveUp:  # too many: let every reply stand
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
        return kept, self.could_give(kept), self.decided

    def could_give_at_all(self) -> list[Any] | None:
        """Everything that the culprit could have given, judging by all calls and replies up to then; or None."""
        try:
            return self.could_give(dict.fromkeys(self.others, True), share=2) or None
        except GaveUp:
            return None

    def could_give(self, kept: dict[int, bool], share: int = 1) -> list[Any]:
        """Everything that the culprit could have given, given these. Raises `GaveUp`."""
        found: list[Any] = []
        last = self.part.steps + (self.last - self.part.steps) // share
        while order := self._search(kept, lambda result: not _among(found, result), last - self.part.steps):
            found.append(self.part.result_in(order, self.culprit))
            if len(found) > _RESULTS_AT_MOST:
                raise GaveUp
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
            except GaveUp:
                self.decided = False
        return needed

    def _window(self, needed: list[int]) -> dict[int, bool]:
        """A short stretch before the culprit that is enough: what came long before seldom matters."""
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
            return not self._finds(kept, lambda result: not _among(self.possible, result)) and self._finds(
                kept, lambda _: True
            )
        except GaveUp:
            self.decided = False
            return False

    def _finds(self, kept: dict[int, bool], may_give: Callable[[Any], bool]) -> bool:
        # No more than a part of what is left: the next question may be an easier one.
        most = min(_QUESTION_STEPS, self.last - self.part.steps)
        return self._search(kept, may_give, most) is not None

    def _search(self, kept: dict[int, bool], may_give: Callable[[Any], bool], most: int) -> list[int] | None:
        def fits(i: int, result: Any) -> bool:
            if i == self.culprit:
                return may_give(result)
            return not kept[i] or self.part.gave(i, result)

        answered = [i for i in kept if i in self.replied]
        open = sorted(i for i in kept if i not in self.replied)
        return self.part.search([*answered, self.culprit], open, most, fits)


def _among(results: list[Any], result: Any) -> bool:
    return any(same(result, other) for other in results)


def blame(
    culprit: Operation,
    others: Sequence[tuple[Operation, bool]],
    could_give: list[Any] | None,
    possible: list[Any] | None,
    out_of_reach: bool,
) -> str:
    """What cannot be, and why. `others`: each with True if its result matters.

    `could_give`: all that the culprit could have given; `possible`: the same if the others were all there
    is; None where too much was possible or there was no time to find out.
    """
    said = f"{short(culprit.client)}'s {short(culprit.call)} gave {short(repr(culprit.result))} at {_span(culprit)}"
    if out_of_reach:
        nothing = f"{said}: nothing that was called leads to that, in any order"
        return f"{nothing}; it could only have given {_or(could_give)}." if could_give else f"{nothing}."
    reasons = []
    for op, exact in others[-4:]:
        what, gave = f"{short(op.client)}'s {short(op.call)}", f"{short(repr(op.result))}"
        exact = exact and op.result is not ACKNOWLEDGED
        if not op.answered:
            reasons.append(f"{what} was without a reply since {stamp(op.begin)}")
        elif op.end < culprit.begin or (op.client == culprit.client and op.end == culprit.begin):
            reasons.append(f"{what} had ended at {stamp(op.end)}" + f", giving {gave}" * exact)
        else:
            reasons.append(f"{what} ran at {_span(op)}" + f", giving {gave}" * exact)
    although = f" although {' and '.join(reasons)}" if reasons else ""
    left = len(others) - 4
    more = f" ({left} earlier {'one' if left == 1 else 'ones'} not named)" if left > 0 else ""
    if could_give:
        return f"{said}{although}{more}: it could only have given {_or(could_give)}."
    if possible and others:
        return f"{said}{although}{more}: with these alone, it could only have given {_or(possible)}."
    return f"{said}{although}{more}; no order explains that."


def _or(values: list[Any]) -> str:
    first, rest = values[:NAMED_AT_MOST], values[NAMED_AT_MOST:]
    if len(rest) == 1:  # no shorter to count it than to name it
        first, rest = values, []
    words = [short(repr(value)) for value in first] + [f"one of {len(rest)} more"] * bool(rest)
    return " or ".join(words)


def _span(op: Operation) -> str:
    return f"{stamp(op.begin)}-{stamp(op.end)}"
