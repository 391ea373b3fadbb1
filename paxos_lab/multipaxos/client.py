"""The client: one command after another, each asked for until it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paxos_lab.multipaxos.messages import Command, Reply, Request
from paxos_lab.node import Node, setting, stable


@dataclass
class Client(Node):
    """Sends its `operations` in order, the next when the last was answered.

    `servers`: whom it asks, the first one first; when no answer comes within `patience`, the next.
    `results`: what was answered, in order.
    """

    operations: tuple[Any, ...] = setting(())
    servers: tuple[str, ...] = setting(())
    patience: float = setting(20.0)
    results: list[Any] = stable([])  # on disk, or a number would be used twice after a crash
    asked: int = 0

    @property
    def done(self) -> bool:
        """True once every operation was answered."""
        return len(self.results) == len(self.operations)

    def start(self) -> None:
        self.ask()

    def recover(self) -> None:
        self.ask()

    def timeout(self, timer: str) -> None:
        self.asked += 1  # perhaps the next server knows who leads
        self.ask()

    def ask(self) -> None:
        """Send the operation that is next, if there is one; its number is its place, from 1."""
        if not self.done:
            number = len(self.results) + 1
            server = self.servers[self.asked % len(self.servers)]
            self.send(server, Request(Command(self.name, number, self.operations[number - 1])))
            self.set_timer("no answer", self.patience)

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Reply(number, result) if number == len(self.results) + 1 and not self.done:
                self.results.append(result)
                self.cancel_timer("no answer")
                self.ask()
