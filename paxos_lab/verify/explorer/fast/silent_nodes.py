"""Nodes that never send, like learners: what they can have seen follows from what was sent to them.

They change nobody else, so they need no column. For a set of messages that may have arrived, this
finds all values of the fields that properties look at, and the fewest events to each.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from paxos_lab.verify.explorer.choices import Act
from paxos_lab.verify.explorer.fast.behaviours import Quotient
from paxos_lab.verify.explorer.fast.local_graphs import TooLarge, ones
from paxos_lab.verify.explorer.fast.moves import StepRaises

MOST_SETS = 400_000  # of messages that have arrived, for one listener


class Talks(Exception):
    """A node taken for a listener sends after all, or waits for a timer that may ring."""

    def __init__(self, node: int) -> None:
        super().__init__(node)
        self.node = node


class Listener:
    """One such node."""

    def __init__(self, quotient: Quotient, i: int) -> None:
        self._quotient, self.i = quotient, i
        self._saturation = quotient.saturation
        self.name = self._saturation.world.names[i]
        self._steps: dict[int | Act, dict[int, int]] = {}
        self._exact: dict[tuple[int, int], frozenset[int]] = {}
        self._seen: dict[tuple[int, int], dict[Any, tuple[int, int]]] = {}
        self.may_crash = self._saturation.world.may_crash(self.name)

    def seen(self, arrived: int, crashes: int) -> dict[tuple[Any, int], tuple[int, int]]:
        """(value, crashes used) -> (a local state, events at most) for each value that can be there.

        `arrived`: the messages that may be delivered; `crashes`: how many there may be.
        """
        crashes = crashes if self.may_crash else 0
        known = self._seen.get((arrived, crashes))
        if known is None:
            known = {}
            parts = [self.seen(arrived & ~(1 << f), crashes) for f in ones(arrived)]
            parts += [self.seen(arrived, crashes - 1)] if crashes else []
            events = arrived.bit_count() + 2 * crashes
            own = {
                (self._quotient.observed(self.i, n), crashes): (n, events)
                for n in sorted(self._states(arrived, crashes))
            }
            for part in [*parts, own]:
                for value, (number, least) in part.items():
                    if value not in known or known[value][1] > least:
                        known[value] = number, least
            self._seen[arrived, crashes] = known
        return known

    def _states(self, arrived: int, crashes: int) -> frozenset[int]:
        """Local states after exactly these messages, each at least once, and that many crashes."""
        known = self._exact.get((arrived, crashes))
        if known is None:
            found: set[int] = set()
            if not arrived and not crashes:
                found.add(self._saturation.initial[self.i])
            for f in ones(arrived):
                for number in self._states(arrived & ~(1 << f), crashes):
                    found.add(self._step(number, 1 << f))
            if crashes:
                for number in self._states(arrived, crashes - 1):
                    found |= self._crashed(number, arrived)
            todo = list(found)
            while todo:
                number = todo.pop()
                for what in self._again(number, arrived):
                    after = self._step(number, what)
                    if after not in found:
                        found.add(after)
                        todo.append(after)
            known = self._exact[arrived, crashes] = frozenset(found)
            if len(self._exact) > MOST_SETS:
                raise TooLarge(f"{self.name} may get its messages in too many combinations")
        return known

    def _again(self, number: int, arrived: int) -> list[int | Act]:
        """What may happen over and over: messages that come again, a restart."""
        if self._saturation.numbers.locals[self.i][number].up:
            return [1 << f for f in ones(arrived)]
        return [Act("restart", self.name)] if self._saturation.world.faults.restarts else []

    def _crashed(self, number: int, arrived: int) -> set[int]:
        if not self._saturation.numbers.locals[self.i][number].up:
            return (
                {self._step(number, Act("restart", self.name, None, True))}
                if self._again(number, 0)
                else set()
            )
        falling = [self._saturation.falling(self.i, f) for f in ones(arrived)]
        return {self._step(number, act) for act in [Act("crash", self.name), *falling]}

    def _step(self, number: int, what: int | Act) -> int:
        known = self._steps.setdefault(what, {})
        if number not in known:
            known[number] = self._new_step(number, what)
        return known[number]

    def _new_step(self, number: int, what: int | Act) -> int:
        after, sent = self._saturation.step(self.i, number, what)
        if (self.i, number, what) in self._saturation.errors:
            raise StepRaises
        timers = self._saturation.numbers.locals[self.i][after].timers
        if sent or (timers and self._saturation.world.faults.timeouts):
            raise Talks(self.i)
        return after

    def path(self, arrived: int, crashes: int, value: Any) -> tuple[int | Act, ...]:
        """The fewest events that lead to that value."""
        start = self._saturation.initial[self.i]
        paths: dict[tuple[int, int], tuple[int | Act, ...]] = {(start, 0): ()}
        todo = deque(paths)
        while todo:
            number, used = todo.popleft()
            path = paths[number, used]
            if self._quotient.observed(self.i, number) == value:
                return path
            acts: list[tuple[int | Act, int]] = [(what, used) for what in self._again(number, arrived)]
            if used < crashes and self._saturation.numbers.locals[self.i][number].up:
                acts.append((Act("crash", self.name), used + 1))
                acts += [(self._saturation.falling(self.i, f), used + 1) for f in ones(arrived)]
            for what, then in acts:
                after = self._step(number, what)
                if (after, then) not in paths:
                    paths[after, then] = (*path, what)
                    todo.append((after, then))
        raise LookupError(f"{self.name} never sees {value!r}")
