"""What one node can do next, given the messages that have been sent to it.

Deliveries that send nothing change nobody but the receiver, and a message, once sent, stays. So such
silent deliveries can wait until right before the next thing that the node sends, without loss:
whatever order of events there was, this one has the same messages and is no longer. A macro step
is some silent deliveries, shortest first, and then one event that sends or costs a fault.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, NamedTuple

from paxos_lab.verify.explorer.choices import Act
from paxos_lab.verify.explorer.fast.behaviours import Quotient
from paxos_lab.verify.explorer.fast.local_graphs import Level, ones


class Move(NamedTuple):
    """The class that a node ends in, the messages sent, the level, and the events one after another."""

    after: int
    sent: int
    level: Level
    path: tuple[int | Act, ...]


@dataclass(frozen=True)
class Options:
    """All moves of a node, and what silent deliveries alone can make a property see: value -> path."""

    moves: tuple[Move, ...]
    seen: dict[Any, tuple[int, tuple[int | Act, ...]]]


def options(quotient: Quotient, i: int, c: int, arrived: int) -> Options:
    """What node i can do in class c when the messages `arrived` may be delivered to it."""
    saturation = quotient.saturation
    level = quotient.level[i][c]
    paths: dict[int, tuple[int | Act, ...]] = {c: ()}
    moves: dict[tuple[int, int, Level], Move] = {}
    seen: dict[Any, tuple[int, tuple[int | Act, ...]]] = {}
    todo = deque([c])

    def move(number: int, what: int | Act, higher: Level, path: tuple[int | Act, ...]) -> tuple[int, int]:
        saturation.check(i, number, what)
        after, sent = quotient.step(i, number, what)
        target = quotient.class_of[i][higher, after]
        if sent or higher != level:
            moves.setdefault((target, sent, higher), Move(target, sent, higher, (*path, what)))
        return target, sent

    while todo:
        here = todo.popleft()
        path, number = paths[here], quotient.member[i][here]
        seen.setdefault(quotient.observed(i, number), (number, path))
        up = saturation.numbers.locals[i][number].up
        # A plain crash first: where one during a delivery does no more, it is the better story.
        for act, higher in saturation.acts(i, number, level):
            target, sent = move(number, act, higher, path)
            if higher == level and not sent and target not in paths:  # a restart that says nothing
                paths[target] = (*path, act)
                todo.append(target)
        for f in ones(arrived & quotient.matters[i][here]) if up else ():
            target, sent = move(number, 1 << f, level, path)
            if not sent and target not in paths:
                paths[target] = (*path, 1 << f)
                todo.append(target)
            if saturation.falls(i, number, level):
                move(number, saturation.falling(i, f), (level[0], level[1] + 1), path)
    return Options(tuple(moves.values()), seen)
