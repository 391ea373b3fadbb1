"""A run in sentences, by somebody who has seen all of it: who is down is known to no single step."""

from __future__ import annotations

from collections.abc import Iterator

from paxos_lab.words.narration import narrate
from paxos_lab.words.text import short
from paxos_lab.world.events import Crash, Drop, Restart
from paxos_lab.world.trace import Trace


def told(trace: Trace, since: int = 0) -> Iterator[str]:
    """A sentence for each step after the first `since`. What was on its way to a node that is down, no network lost."""
    down: set[str] = set()
    for number, step in enumerate(trace, start=1):
        match step.event:
            case Crash(node):
                down.add(node)
            case Restart(node):
                down.discard(node)
        if number <= since:
            continue
        match step.event:
            case Drop(e) if e.to in down:
                yield f"{short(e.to, 20)} is down, so {short(e.message, 60)} from {short(e.sender, 20)} does not reach it."
            case _:
                yield narrate(step)
