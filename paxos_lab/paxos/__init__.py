"""Single-decree Paxos: ballots, quorums, five messages, three roles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from paxos_lab.node import LabError, Node
from paxos_lab.paxos.acceptor import Acceptor
from paxos_lab.paxos.ballots import Ballot, Proposal
from paxos_lab.paxos.leader import Ask, Decided, DistinguishedProposer, Impatient
from paxos_lab.paxos.learner import Learner
from paxos_lab.paxos.messages import Accept, Accepted, Nack, Prepare, Promise
from paxos_lab.paxos.outcome import chosen, verdicts, votes
from paxos_lab.paxos.proposer import Proposer, value_to_propose
from paxos_lab.paxos.prospects import Unsent, could_still_be_chosen, still_possible
from paxos_lab.paxos.quorums import (
    Flexible,
    Grid,
    Majority,
    QuorumsMiss,
    QuorumSystem,
    Weighted,
    names_of,
)

__all__ = [
    "Accept",
    "Accepted",
    "Acceptor",
    "Ask",
    "Ballot",
    "Decided",
    "DistinguishedProposer",
    "Flexible",
    "Grid",
    "Impatient",
    "Learner",
    "Majority",
    "Nack",
    "Prepare",
    "Promise",
    "Proposal",
    "Proposer",
    "QuorumSystem",
    "QuorumsMiss",
    "Unsent",
    "Weighted",
    "chosen",
    "could_still_be_chosen",
    "single_decree",
    "still_possible",
    "value_to_propose",
    "verdicts",
    "votes",
]


def single_decree(
    values: Iterable[Any],
    acceptors: int = 3,
    learners: int = 1,
    quorums: QuorumSystem | None = None,
    *,
    acceptor: type[Node] = Acceptor,
    proposer: type[Node] = Proposer,
    learner: type[Node] = Learner,
    unsafe: bool = False,
) -> list[Node]:
    """The nodes for one decision: proposers p1.. (one for each value), acceptors a1.., learners l1..

    `quorums` over the names a1..; left out, majorities. `acceptor`, `proposer`, `learner`: your own
    classes in place of ours. Raises `QuorumsMiss` if two quorums share no member; `unsafe=True`
    lets that pass, to see what happens.
    """
    values = list(values)
    if not values:
        raise LabError("single_decree needs at least one value: each becomes a proposer's")
    if acceptors < 1 or learners < 0:
        raise LabError(f"there must be an acceptor; got {acceptors} acceptors, {learners} learners")
    names = names_of(acceptors)
    listening = tuple(f"l{i}" for i in range(1, learners + 1))
    if quorums is None:
        quorums = Majority(names)
    elif isinstance(quorums, Flexible) and not quorums.members:
        quorums = quorums.over(names)
    if not set(quorums.members) <= set(names):
        raise LabError(f"the quorums are over {quorums.members}, the acceptors are {names}")
    if not unsafe:
        quorums.require_intersection()
    roles: list[Any] = [proposer, acceptor, learner]
    return [
        *(roles[0](f"p{i}", value, names, quorums) for i, value in enumerate(values, start=1)),
        *(roles[1](name, listening) for name in names),
        *(roles[2](name, quorums) for name in listening),
    ]
