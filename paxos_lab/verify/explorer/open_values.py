"""Paxos with the value of each ballot left open, as in Lamport's own model: any wish may be proposed.

`single_decree` gives each proposer one value, so a search over it tries one way to hand values out.
Here a node sends every value to every proposer, and whichever arrives when a proposer is free to
choose is taken. That is one search in place of one for each way: 16 for two values in four ballots.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paxos_lab.node import LabError, Node
from paxos_lab.paxos import Accept, Promise, Proposal, Proposer, single_decree, value_to_propose


@dataclass(frozen=True)
class Wish:
    """Somebody would like that value to be chosen."""

    value: Any


@dataclass
class Wishes(Node):
    """Sends every value to every proposer."""

    values: tuple[Any, ...]
    proposers: tuple[str, ...]

    def start(self) -> None:
        for value in self.values:
            self.send(self.proposers, Wish(value))


class OpenProposer(Proposer):
    """A proposer that takes whichever wish comes in when its promises leave the value free."""

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Promise(ballot, accepted):
                if ballot == self.ballot and self.proposal is None:
                    self.promises[sender] = accepted
                    if any(self.promises.values()):
                        self._ask_for(None)
            case Wish(value):
                if self.proposal is None:
                    self._ask_for(value)
            case _:
                super().receive(sender, message)

    def _ask_for(self, wish: Any) -> None:
        if self.quorums.is_quorum(self.promises, phase=1):
            value = value_to_propose(self.promises.values(), wish)
            self.proposal = Proposal(self.ballot, value)
            self.send(self.acceptors, Accept(self.ballot, value))


def any_value(values: Iterable[Any], ballots: int, acceptors: int = 3, learners: int = 1) -> list[Node]:
    """Nodes for one decision with `ballots` proposers, each of which may propose any of `values`.

    Raises `LabError` for fewer ballots than values: somebody must wish for each of them.
    """
    values = tuple(values)
    if not values or ballots < len(values):
        raise LabError(f"any_value needs as many ballots as values, got {ballots} for {len(values)} values")
    wishes = [values[i % len(values)] for i in range(ballots)]
    nodes = single_decree(wishes, acceptors, learners, proposer=OpenProposer)
    return [*nodes, Wishes("w1", values, tuple(node.name for node in nodes[:ballots]))]
