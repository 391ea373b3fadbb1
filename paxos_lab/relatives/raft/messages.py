"""What Raft's servers say to each other, and what stands in an entry of their log.

With clients they speak as our log does: `Request`, `Reply`, `Command` are those of `paxos_lab.multipaxos`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paxos_lab.multipaxos.messages import Entry, entry_text

Groups = tuple[tuple[str, ...], ...]
"""Who votes: a majority of each group is needed. One group as a rule, (old, new) while members change."""


@dataclass(frozen=True)
class LogEntry:
    """The term of the leader that appended it, which it keeps, and its commands; no commands: a no-op.

    `groups`: from this entry on these vote, () for no change.
    """

    term: int
    commands: Entry = ()
    groups: Groups = ()

    def __str__(self) -> str:
        who = f", members {' and '.join('/'.join(group) for group in self.groups)}" if self.groups else ""
        return f"{entry_text(self.commands)}{who} in {self.ballot}"

    # As a vote of our log has a ballot and an entry.

    @property
    def ballot(self) -> Term:
        """What stands for the ballot in which the entry is held here."""
        return Term(self.term)

    @property
    def entry(self) -> Entry:
        """The commands."""
        return self.commands


class Term(int):
    """The number of a term, that says so when it is printed."""

    def __str__(self) -> str:
        return f"term {int(self)}"


@dataclass(frozen=True)
class RequestVote:
    """Candidate to all: my log ends with this entry; vote for me in this term.

    `pre`: only say whether you would; nobody's term changes. `transfer`: the leader told me to, so do
    not mind that you hear it.
    """

    term: int
    last_index: int
    last_term: int
    pre: bool = False
    transfer: bool = False

    def __str__(self) -> str:
        name = "PreVote" if self.pre else "RequestVote"
        return f"{name}(term {self.term}, log ends {self.last_index} in term {self.last_term})"


@dataclass(frozen=True)
class VoteReply:
    """The answer; `term`: that of the vote if granted, else the one that the voter is in."""

    term: int
    granted: bool
    pre: bool = False

    def __str__(self) -> str:
        return f"{'Pre' * self.pre}VoteReply(term {self.term}, {'yes' if self.granted else 'no'})"


@dataclass(frozen=True)
class AppendEntries:
    """Leader to follower: after the entry at `prev_index`, of that term, your log goes on like this.

    `commit`: entries up to there are committed. `number` counts the rounds of the leader; without
    entries it is the heartbeat.
    """

    term: int
    prev_index: int
    prev_term: int
    entries: tuple[LogEntry, ...]
    commit: int
    number: int = 0

    def __str__(self) -> str:
        first, last = self.prev_index + 1, self.prev_index + len(self.entries)
        what = f"{first} to {last}" if last > first else f"{first}" if self.entries else "nothing"
        after = f"after {self.prev_index} in term {self.prev_term}"
        return f"AppendEntries(term {self.term}, {what} {after}, committed {self.commit})"


@dataclass(frozen=True)
class AppendReply:
    """If `ok`, the log is the leader's up to `index`; if not, try again after `index`."""

    term: int
    ok: bool
    index: int
    number: int = 0

    def __str__(self) -> str:
        return (
            f"AppendReply(term {self.term}, {'matches up to' if self.ok else 'no, try after'} {self.index})"
        )


@dataclass(frozen=True)
class RaftSnapshot:
    """All that the entries up to `slot` led to; `term`: of the entry there; `groups`: who votes from there on.

    `machine`: JSON text. `sessions`: for each client its last number and result.
    """

    slot: int
    term: int
    groups: Groups
    machine: str
    sessions: tuple[tuple[str, int, Any], ...]

    def __str__(self) -> str:
        return f"RaftSnapshot(up to {self.slot} in term {self.term})"


@dataclass(frozen=True)
class InstallSnapshot:
    """Leader to a follower that lacks what the leader has cleared."""

    term: int
    snapshot: RaftSnapshot
    number: int = 0

    def __str__(self) -> str:
        return f"InstallSnapshot(term {self.term}, up to {self.snapshot.slot})"


@dataclass(frozen=True)
class TransferTo:
    """From outside to a leader: hand the lead over to that server."""

    to: str

    def __str__(self) -> str:
        return f"TransferTo({self.to})"


@dataclass(frozen=True)
class TimeoutNow:
    """Leader to its heir: your log is complete, stand for election at once."""

    term: int

    def __str__(self) -> str:
        return f"TimeoutNow(term {self.term})"
