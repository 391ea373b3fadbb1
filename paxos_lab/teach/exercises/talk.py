"""A conversation with one node: these messages arrive, in this order; what does it answer?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.node import Node
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import in_a_world
from paxos_lab.world.events import Crash, Deliver, Restart, Timeout

RESTART = "crash and restart"
"""In place of a line: the node crashes and comes back with what was on disk."""

RING = "ring of its timer"
"""In place of a line: the timer of the node that was set first rings; without one nothing happens."""


@dataclass
class Partner(Node):
    """Says its lines to one node, and hears what comes."""

    to: str = ""
    lines: tuple[Any, ...] = ()

    def start(self) -> None:
        for line in self.lines:
            self.send(self.to, line)


class Dialogue:
    """One node among partners. `say` delivers a line and returns what the node sent in answer.

    `script`: (sender, message) of all lines to come, so that they are in flight; `others`: names
    that the node may write to besides.
    """

    def __init__(self, node: Node, script: Iterable[Any], others: Iterable[str] = ()) -> None:
        self.node = node
        lines: dict[str, list[Any]] = {name: [] for name in others}
        for line in script:
            if isinstance(line, tuple):
                lines.setdefault(line[0], []).append(line[1])
        partners = [Partner(name, node.name, tuple(said)) for name, said in lines.items()]
        with in_a_world(f"At the start of {node.name}"):
            self.bus = MessageBus([node, *partners])

    def say(self, line: Any) -> list[tuple[str, Any]]:
        """Let one line happen; the messages that it made the node send, as (to, message)."""
        with in_a_world(
            f"When {self.node.name} gets {line[1]}" if isinstance(line, tuple) else f"After a {line}"
        ):
            before = len(self.bus.trace)
            if isinstance(line, tuple):
                sender, message = line
                envelope = next(e for e in self.bus.in_flight if (e.sender, e.message) == (sender, message))
                self.bus.apply(Deliver(envelope))
            elif line == RING:
                for node, timer, _ in self.bus.timers[:1]:
                    self.bus.apply(Timeout(node, timer))
            else:
                self.bus.apply(Crash(self.node.name))
                self.bus.apply(Restart(self.node.name))
            return [(e.to, e.message) for step in self.bus.trace[before:] for e in step.sent]

    def ring(self, timer: str) -> list[tuple[str, Any]]:
        """Let a timer ring; what the node sends then."""
        with in_a_world(f"When the timer {timer!r} of {self.node.name} rings"):
            step = self.bus.apply(Timeout(self.node.name, timer))
            return [(e.to, e.message) for e in step.sent]

    def expect(self, holds: bool, headline: str, *details: str) -> None:
        """Raise `NotYet` with the run so far if `holds` is False."""
        if not holds:
            raise NotYet(headline, *details, run=self.bus)
