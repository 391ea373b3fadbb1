"""Raft with one rule taken away, each in a few lines: for every schedule of `contenders`, and as servers for scripts.

Storms see few of them, since it takes a certain order of a few elections. So each has its smallest search here, and the
rules that a search does not reach are servers, at the end: tests play a schedule against them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from paxos_lab.node import Node
from paxos_lab.relatives.raft.contenders import Ask, Committed, Contender, Log, Spread, contenders
from paxos_lab.relatives.raft.messages import AppendEntries, AppendReply, LogEntry
from paxos_lab.relatives.raft.server import RaftServer
from paxos_lab.verify.explorer.choices import Faults
from paxos_lab.verify.explorer.properties import Nodes, Sent, looks_at


@looks_at(Committed, Spread, monotone=True)
def committed_stays(sent: Sent, nodes: Nodes) -> str | None:
    """What is committed stands in the log of every later leader, and no two leaders commit different entries."""
    sent = list(sent)
    kept = [(m.term, m.log) for _, m in sent if isinstance(m, Committed)]
    leads = [(m.term, m.log) for _, m in sent if isinstance(m, Spread)]
    for term, log in kept:
        for later, held in kept:
            both = min(len(log), len(held))
            if log[:both] != held[:both]:
                return (
                    f"committed_stays: term {term} has committed {_said(log)}, and term {later} {_said(held)}"
                )
        for later, held in leads:
            if later > term and held[: len(log)] != log:
                return (
                    f"committed_stays: {_said(log)} is committed in term {term}, "
                    f"and the leader of term {later} holds {_said(held)}"
                )
    return None


def _said(log: Log) -> str:
    return ", ".join(f"{value} of term {term}" for term, value in log) or "nothing"


# ---- voting


class VotesTwice(Contender):
    """Votes for everybody that asks in a term."""

    def may_vote(self, sender: str, asked: Ask) -> bool:
        return asked.term == self.term


class VotesForAnyLog(Contender):
    """Does not look at the candidate's log."""

    def lacks_nothing(self, asked: Ask) -> bool:
        return True


class ComparesTerms(Contender):
    """Looks at the last term only, not at the length."""

    def lacks_nothing(self, asked: Ask) -> bool:
        return asked.last_term >= self.last_term()


class ComparesLengths(Contender):
    """Looks at the length only, not at the last term."""

    def lacks_nothing(self, asked: Ask) -> bool:
        return asked.last_index >= len(self.log)


class ClearsItsVote(Contender):
    """Steps back for a leader of its own term, and forgets there that it has voted."""

    def merge(self, log: Log) -> None:
        super().merge(log)
        self.voted_for = None


class CountsAnyVote(Contender):
    """Counts a vote of another term."""

    def is_for_us(self, term: int) -> bool:
        return True


class HalfIsEnough(Contender):
    """Takes half for a majority."""

    def is_majority(self, names: Any) -> bool:
        return 2 * len({*names}) >= len(self.members)


@dataclass
class VoteInMemory(Contender):
    """Forgets in a crash whom it has voted for."""

    voted_for: str | None = None


@dataclass
class TermInMemory(Contender):
    """Forgets in a crash which term it was in."""

    term: int = 0


@dataclass
class LogInMemory(Contender):
    """Forgets its log in a crash."""

    log: Log = ()


# ---- the log


class HearsOldLeaders(Contender):
    """Takes appends of an earlier term."""

    def is_heard(self, term: int) -> bool:
        return True


class AlwaysTruncates(Contender):
    """Cuts its log to what an append says, also where the append is an old one."""

    def merge(self, log: Log) -> None:
        self.log = log


class CountsOldTerms(Contender):
    """Commits an entry of an earlier term because a majority holds it (figure 8)."""

    def counts(self, term: int) -> bool:
        return True


# ---- right ones that look wrong


class RefusesEqualLogs(Contender):
    """Votes only for a log that is better than its own, or where both are empty."""

    def lacks_nothing(self, asked: Ask) -> bool:
        ours, theirs = (self.last_term(), len(self.log)), (asked.last_term, asked.last_index)
        return theirs > ours or theirs == (0, 0) == ours


class CommitsLate(Contender):
    """Commits nothing before all hold it."""

    def advance(self) -> None:
        if len(self.match) == len(self.members) - 1:
            super().advance()


class Search(NamedTuple):
    """A rule taken away, and the smallest world in which every schedule has been tried for it."""

    contender: type[Node]
    faults: Faults
    own: tuple[tuple[str, ...], ...] = (("x",), ("y",))
    servers: int = 3
    settings: tuple[tuple[str, Any], ...] = ()
    below: Faults | None = None  # there it is still safe

    def nodes(self, right: bool = False) -> list[Node]:
        """Its servers, or right ones in the same world."""
        kind = Contender if right else self.contender
        return contenders(self.own, self.servers, contender=kind, **dict(self.settings))


_ONE_BY_ONE = (("x", "z"), ("y",))
_T1, _T2, _T3, _T4 = (Faults(timeouts=n) for n in (1, 2, 3, 4))
_T2C1 = Faults(timeouts=2, crashes=1)
WRONG_RAFT: dict[str, Search] = {
    "it votes twice in a term": Search(VotesTwice, _T2, below=_T1),
    "an old leader is heard": Search(HearsOldLeaders, _T2, below=_T1),
    "any log gets a vote": Search(VotesForAnyLog, _T2, below=_T1),
    "an append of its own term clears the vote": Search(
        ClearsItsVote, _T2, settings=(("greets", True),), below=_T1
    ),
    "half is a majority": Search(HalfIsEnough, _T2, servers=4, below=_T1),
    "only last terms are compared": Search(ComparesTerms, _T2, _ONE_BY_ONE, below=_T1),
    "an old append cuts the log": Search(AlwaysTruncates, _T2, _ONE_BY_ONE, below=_T1),
    "a vote is not on disk": Search(VoteInMemory, _T2C1, below=_T2),
    "a term is not on disk": Search(TermInMemory, _T2C1, below=_T2),
    "a log is not on disk": Search(LogInMemory, _T2C1, below=_T2),
    "votes of another term count": Search(CountsAnyVote, _T3, below=_T2),
    "only lengths are compared": Search(
        ComparesLengths, _T3, _ONE_BY_ONE, settings=(("all_at_once", True),), below=_T2
    ),
    "entries of old terms are counted": Search(CountsOldTerms, _T4, below=_T3),
}
RIGHT_RAFT: dict[str, type[Node]] = {
    "an equal log gets no vote": RefusesEqualLogs,
    "all have to hold an entry": CommitsLate,
}


# ---- servers, for schedules that are written for them


class CountsOldTermsServer(RaftServer):
    """Commits an entry of an earlier term because a majority holds it (figure 8)."""

    def counts(self, index: int) -> bool:
        return True


class NoPrevCheck(RaftServer):
    """Takes entries wherever they are said to begin."""

    def matches(self, index: int, term: int) -> bool:
        return index <= self.last_index()


class CommitsUnverified(RaftServer):
    """Commits as far as the leader has, up to the end of its own log, whatever this append verified."""

    def take(self, sender: str, append: AppendEntries) -> None:
        super().take(sender, append)
        if append.term == self.term and self.matches(append.prev_index, append.prev_term):
            self.commit_up_to(min(append.commit, self.last_index()))


class AnswersOwnLength(RaftServer):
    """Says that it matches up to the end of its own log."""

    def send(self, to: Any, message: Any) -> None:
        if isinstance(message, AppendReply) and message.ok:
            message = AppendReply(message.term, True, self.last_index(), message.number)
        super().send(to, message)


class NeverTruncates(RaftServer):
    """Keeps what it has, and adds only what is beyond its end."""

    def merge(self, index: int, entries: tuple[LogEntry, ...]) -> None:
        beyond = max(0, self.last_index() - index)
        super().merge(index + beyond, entries[beyond:])
