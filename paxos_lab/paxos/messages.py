"""The five messages of single-decree Paxos (PMS 2.2), in the order in which they are sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paxos_lab.paxos.ballots import Ballot, Proposal


@dataclass(frozen=True)
class Prepare:
    """1a, proposer to acceptors: "promise me this ballot"."""

    ballot: Ballot

    def __str__(self) -> str:
        return f"Prepare({self.ballot})"


@dataclass(frozen=True)
class Promise:
    """1b, acceptor to proposer: "no vote below it from now on; my highest vote so far is this"."""

    ballot: Ballot
    accepted: Proposal | None

    def __str__(self) -> str:
        return f"Promise({self.ballot}, {self.accepted or 'no vote'})"


@dataclass(frozen=True)
class Accept:
    """2a, proposer to acceptors: "vote for this value in this ballot"."""

    ballot: Ballot
    value: Any

    def __str__(self) -> str:
        return f"Accept({self.ballot}, {self.value})"


@dataclass(frozen=True)
class Accepted:
    """2b, acceptor to learners and proposer: "I voted for this value in this ballot"."""

    ballot: Ballot
    value: Any

    def __str__(self) -> str:
        return f"Accepted({self.ballot}, {self.value})"


@dataclass(frozen=True)
class Nack:
    """Acceptor to proposer: "not this ballot, I promised a higher one". Speed, not safety."""

    ballot: Ballot
    promised: Ballot

    def __str__(self) -> str:
        return f"Nack({self.ballot}, promised {self.promised})"
