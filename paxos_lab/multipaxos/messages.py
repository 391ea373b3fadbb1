"""What servers and clients of the log say to each other.

A slot of the log holds an *entry*: a tuple of commands. One is the usual case, more are a batch, and
the empty tuple is a no-op.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paxos_lab.node import LabError
from paxos_lab.paxos.ballots import Ballot


@dataclass(frozen=True)
class Command:
    """What a client wants done; (client, number) names it, so that it is executed once."""

    client: str
    number: int
    operation: Any

    def __str__(self) -> str:
        return f"{self.client}#{self.number} {self.operation}"


@dataclass(frozen=True)
class Reconfigure:
    """An operation: from alpha slots after its own on, these are the members."""

    members: tuple[str, ...]

    def __post_init__(self) -> None:
        names = self.members
        if not isinstance(names, tuple) or not names or len(set(names)) < len(names):
            raise LabError(f"Reconfigure takes a tuple of different names, at least one, got {names!r}")

    def __str__(self) -> str:
        return f"members {', '.join(self.members)}"


Entry = tuple[Command, ...]


def entry_text(entry: Any) -> str:
    """An entry for people; whatever else a learner puts in its place is shown as it is."""
    return (" + ".join(map(str, entry)) or "no-op") if isinstance(entry, tuple) else repr(entry)


def vote_text(vote: Any) -> str:
    """A (slot, vote) for people; whatever else a learner puts in its place is shown as it is."""
    match vote:
        case (slot, Vote(ballot, entry)):
            return f"{slot}: {entry_text(entry)} in {ballot}"
        case tuple() if vote and all(isinstance(part, Command) for part in vote):
            return entry_text(vote)
        case tuple():
            return f"({', '.join(map(vote_text, vote))})"
    return str(vote)


@dataclass(frozen=True)
class Vote:
    """What an acceptor accepted in a slot."""

    ballot: Ballot
    entry: Entry

    def __str__(self) -> str:
        return f"{entry_text(self.entry)} in {self.ballot}"


# ---- between servers


@dataclass(frozen=True)
class Prepare:
    """1a, for every slot from `first` on."""

    ballot: Ballot
    first: int

    def __str__(self) -> str:
        return f"Prepare({self.ballot}, from {self.first})"


@dataclass(frozen=True)
class Promise:
    """1b: the votes in slots from the asked one on; slots up to `cleared` are chosen and gone here."""

    ballot: Ballot
    votes: tuple[tuple[int, Vote], ...]
    cleared: int

    def __str__(self) -> str:
        votes = ", ".join(map(vote_text, self.votes)) if isinstance(self.votes, tuple) else str(self.votes)
        return f"Promise({self.ballot}, {votes or 'no votes'})"


@dataclass(frozen=True)
class Accept:
    """2a, for one slot."""

    ballot: Ballot
    slot: int
    entry: Entry

    def __str__(self) -> str:
        return f"Accept({self.ballot}, slot {self.slot}: {entry_text(self.entry)})"


@dataclass(frozen=True)
class Accepted:
    """2b, for one slot."""

    ballot: Ballot
    slot: int

    def __str__(self) -> str:
        return f"Accepted({self.ballot}, slot {self.slot})"


@dataclass(frozen=True)
class Nack:
    """Not this ballot, I promised a higher one."""

    ballot: Ballot
    promised: Ballot

    def __str__(self) -> str:
        return f"Nack({self.ballot}, promised {self.promised})"


@dataclass(frozen=True)
class Chosen:
    """A quorum voted in that ballot for what the leader asked there."""

    ballot: Ballot
    slot: int

    def __str__(self) -> str:
        return f"Chosen(slot {self.slot} in {self.ballot})"


@dataclass(frozen=True)
class Heartbeat:
    """The leader is there; all slots below `first_open` are chosen. `number` counts them."""

    ballot: Ballot
    first_open: int
    number: int

    def __str__(self) -> str:
        return f"Heartbeat({self.ballot}, open from {self.first_open})"


@dataclass(frozen=True)
class HeartbeatHeard:
    """The answer to that heartbeat of that ballot."""

    ballot: Ballot
    number: int

    def __str__(self) -> str:
        return f"HeartbeatHeard({self.ballot}, {self.number})"


@dataclass(frozen=True)
class Fetch:
    """Tell me what was chosen, from that slot on."""

    first: int

    def __str__(self) -> str:
        return f"Fetch(from {self.first})"


@dataclass(frozen=True)
class Entries:
    """What was chosen in `first` and the slots after it."""

    first: int
    entries: tuple[Entry, ...]

    def __str__(self) -> str:
        if not isinstance(self.first, int) or not isinstance(self.entries, tuple):
            return f"Entries({self.first}, {self.entries})"  # of a learner
        return f"Entries({self.first} to {self.first + len(self.entries) - 1})"


@dataclass(frozen=True)
class Snapshot:
    """All that the slots up to `slot` led to: the machine, the sessions, the configurations.

    `machine`: JSON text, since a message may hold nothing that can change. `sessions`: for each
    client its last number and result. `configurations`: (first slot, members), oldest first.
    """

    slot: int
    machine: str
    sessions: tuple[tuple[str, int, Any], ...]
    configurations: tuple[tuple[int, tuple[str, ...]], ...]

    def __str__(self) -> str:
        return f"Snapshot(up to {self.slot})"


# ---- with clients


@dataclass(frozen=True)
class Request:
    """Client to any server, or passed on by one that does not lead."""

    command: Command

    def __str__(self) -> str:
        return f"Request({self.command})"


@dataclass(frozen=True)
class Reply:
    """The result of the client's command of that number."""

    number: int
    result: Any

    def __str__(self) -> str:
        return f"Reply(#{self.number}: {self.result})"
