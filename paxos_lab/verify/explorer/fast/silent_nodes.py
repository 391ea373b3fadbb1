"""Nodes that never send, like learners: what they can have seen follows from what was sent to them.

They change nobody else, so a state of the search has no place for them. For a set of messages that may
have arrived, and faults that are left, this finds all values of the fields that properties look at,
and the fewest events to each. Timers that ring and crashes are events like any other here; only a
node that sends after all is no listener.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from typing import Any

from paxos_lab.verify.explorer.choices import Act, Local
from paxos_lab.verify.explorer.fast.behaviours import Quotient
from paxos_lab.verify.explorer.fast.local_graphs import Level, ones
from paxos_lab.verify.explorer.numbered_search import TooLarge

MOST_SETS = 400_000  # of messages that have arrived, for one listener


class Talks(Exception):
    """A node taken for a listener sends after all."""

    def __init__(self, node: int) -> None:
        super().__init__(node)
        self.node = node


class Listener:
    """One such node. `Level` is here what the listener itself has used: timeouts and crashes."""

    def __init__(self, quotient: Quotient, i: int) -> None:
        self._quotient, self.i = quotient, i
        self._saturation = quotient.saturation
        self.name = self._saturation.world.names[i]
        self._steps: dict[int | Act, dict[int, int]] = {}
        self._exact: dict[tuple[int, Level], dict[int, int]] = {}
        self._seen: dict[tuple[int, Level], dict[tuple[Any, Level], tuple[int, int]]] = {}
        self._may_crash = self._saturation.world.may_crash(self.name)
        self._waits = bool(self._local(self._saturation.initial[i]).timers)  # ever, for a timer

    def seen(self, arrived: int, left: Level) -> dict[tuple[Any, Level], tuple[int, int]]:
        """(value, faults used) -> (a local state, fewest events) for each value that can be there.

        `arrived`: the messages that may be delivered; `left`: the faults that there may be.
        """
        timeouts, crashes = left[0], left[1] if self._may_crash else 0
        if timeouts:
            calm = self.seen(arrived, (0, crashes))
            if not self._waits:  # all that can happen without a timeout was looked at just now
                return calm
        known = self._seen.get((arrived, (timeouts, crashes)))
        if known is None:
            level = timeouts, crashes
            parts = [self.seen(arrived & ~(1 << f), level) for f in ones(arrived)]
            parts += [self.seen(arrived, lower) for lower in self._saturation.below(level)]
            known = {}
            for number, events in self._states(arrived, level).items():
                _shorter(known, (self._quotient.observed(self.i, number), level), number, events)
            for part in parts:
                for value, (number, events) in part.items():
                    _shorter(known, value, number, events)
            self._seen[arrived, level] = known
        return known

    def _states(self, arrived: int, level: Level) -> dict[int, int]:
        """Local state -> fewest events, after exactly these messages, each at least once, and these faults."""
        known = self._exact.get((arrived, level))
        if known is not None:
            return known
        found: dict[int, int] = {}
        if not arrived and level == (0, 0):
            found[self._saturation.initial[self.i]] = 0
        for f in ones(arrived):  # the last message that is new
            before = arrived & ~(1 << f)
            for number, events in self._states(before, level).items():
                if self._local(number).up:
                    self._reach(found, number, 1 << f, events)
            for lower in self._saturation.below(level):
                for number, events in self._states(before, lower).items():
                    for act, higher in self._falls(number, lower, 1 << f):
                        if higher == level:
                            self._reach(found, number, act, events)
        for lower in self._saturation.below(level):  # or the last fault
            for number, events in self._states(arrived, lower).items():
                for act, higher in self._faults(number, lower, arrived):
                    if higher == level:
                        self._reach(found, number, act, events)
        nearest = [(events, number) for number, events in found.items()]
        heapq.heapify(nearest)
        while nearest:  # then what may happen over and over
            events, number = heapq.heappop(nearest)
            if events == found[number]:
                for what in self._again(number, level, arrived):
                    after = self._reach(found, number, what, events)
                    if found[after] == events + 1:
                        heapq.heappush(nearest, (events + 1, after))
        self._exact[arrived, level] = found
        if len(self._exact) > MOST_SETS:
            raise TooLarge(f"{self.name} may get its messages in too many combinations")
        return found

    def _reach(self, found: dict[int, int], number: int, what: int | Act, events: int) -> int:
        after = self._step(number, what)
        if after not in found or found[after] > events + 1:
            found[after] = events + 1
        return after

    def _again(self, number: int, level: Level, arrived: int) -> list[int | Act]:
        """What may happen over and over: messages that come again, a restart."""
        if self._local(number).up:
            return [1 << f for f in ones(arrived)]
        return [act for act, higher in self._saturation.acts(self.i, number, level) if higher == level]

    def _faults(self, number: int, level: Level, arrived: int) -> Iterator[tuple[Act, Level]]:
        """What uses a fault, a crash during one of these deliveries included."""
        for act, higher in self._saturation.acts(self.i, number, level):
            if higher != level:
                yield act, higher
        yield from self._falls(number, level, arrived)

    def _falls(self, number: int, level: Level, arrived: int) -> Iterator[tuple[Act, Level]]:
        if self._saturation.falls(self.i, number, level):
            for f in ones(arrived):
                yield self._saturation.falling(self.i, f), (level[0], level[1] + 1)

    def _local(self, number: int) -> Local:
        return self._saturation.numbers.locals[self.i][number]

    def _step(self, number: int, what: int | Act) -> int:
        known = self._steps.setdefault(what, {})
        if number not in known:
            after, sent = self._saturation.step(self.i, number, what)
            self._saturation.check(self.i, number, what)
            if sent:
                raise Talks(self.i)
            self._waits = self._waits or bool(self._local(after).timers)
            known[number] = after
        return known[number]

    def path(self, arrived: int, used: Level, value: Any) -> tuple[int | Act, ...]:
        """The fewest events that lead to that value with these faults."""
        start = self._saturation.initial[self.i], (0, 0)
        paths: dict[tuple[int, Level], tuple[int | Act, ...]] = {start: ()}
        todo = deque(paths)
        while todo:
            number, level = todo.popleft()
            path = paths[number, level]
            if level == used and self._quotient.observed(self.i, number) == value:
                return path
            acts: list[tuple[int | Act, Level]] = [(w, level) for w in self._again(number, level, arrived)]
            acts += self._faults(number, level, arrived)
            for what, higher in acts:
                after = self._step(number, what), higher
                if after not in paths and higher[0] <= used[0] and higher[1] <= used[1]:
                    paths[after] = (*path, what)
                    todo.append(after)
        raise LookupError(f"{self.name} never sees {value!r}")


def _shorter(known: dict[Any, tuple[int, int]], value: Any, number: int, events: int) -> None:
    if value not in known or known[value][1] > events:
        known[value] = number, events
