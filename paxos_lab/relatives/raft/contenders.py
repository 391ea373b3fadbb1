"""What makes Raft safe, and nothing else: votes and whole logs, in few enough states to try every schedule.

A `RaftServer` has clients, rounds, snapshots: too many states. A `Contender` votes, sends its whole log with every
append, and commits. The two rules that carry the proof are the very functions of the server, `up_to_date` and
`may_count`. It says what it has committed, so that a search sees it in the messages. It begins without a no-op,
as the paper's figure 8 does. Only some may lead: each that may multiplies the states.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paxos_lab.node import LabError, Node, setting, stable, volatile
from paxos_lab.relatives.raft.election import up_to_date
from paxos_lab.relatives.raft.replication import may_count

Log = tuple[tuple[int, str], ...]
"""(term, value) for each index from 1 on."""


@dataclass(frozen=True)
class Ask:
    """A candidate's request for a vote."""

    term: int
    last_index: int
    last_term: int


@dataclass(frozen=True)
class Grant:
    """A vote in that term."""

    term: int


@dataclass(frozen=True)
class Spread:
    """A leader's whole log."""

    term: int
    log: Log


@dataclass(frozen=True)
class Holds:
    """I hold the log of that term's leader up to there."""

    term: int
    index: int


@dataclass(frozen=True)
class Committed:
    """The leader of that term has committed this much."""

    term: int
    log: Log


@dataclass
class Contender(Node):
    """A server without clients: once it leads it appends its `own` values, one by one.

    `greets`: it first spreads the log that it came with, which is a heartbeat. `all_at_once`: it spreads
    only when all its values are appended.
    """

    own: tuple[str, ...] = setting(())
    members: tuple[str, ...] = setting(())
    may_lead: bool = setting(True)
    greets: bool = setting(False)
    all_at_once: bool = setting(False)
    term: int = stable(0)
    voted_for: str | None = stable(None)
    log: Log = stable(())
    role: str = "follower"
    backers: frozenset[str] = frozenset()
    match: dict[str, int] = volatile({})
    commit: int = 0

    def start(self) -> None:
        self.recover()

    def recover(self) -> None:
        if self.may_lead:
            self.set_timer("election", 10.0)

    def last_term(self) -> int:
        """The term of the last entry."""
        return self.log[-1][0] if self.log else 0

    def is_majority(self, names: Iterable[str]) -> bool:
        """More than half."""
        return 2 * len({*names}) > len(self.members)

    def others(self) -> list[str]:
        """All but ourselves."""
        return [name for name in self.members if name != self.name]

    def see(self, term: int) -> None:
        """Follow a higher term, with a vote to give."""
        if term > self.term:
            self.term, self.voted_for, self.role = term, None, "follower"

    def timeout(self, timer: str) -> None:
        self.term, self.voted_for, self.role = self.term + 1, self.name, "candidate"
        self.backers, self.match, self.commit = frozenset({self.name}), {}, 0
        self.set_timer("election", 10.0)
        self.send(self.others(), Ask(self.term, len(self.log), self.last_term()))

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Ask(term):
                self.see(term)
                if self.may_vote(sender, message) and self.lacks_nothing(message):
                    self.voted_for = sender
                    self.send(sender, Grant(term))
            case Grant(term) if self.role == "candidate" and self.is_for_us(term):
                self.backers |= {sender}
                if self.is_majority(self.backers):
                    self.lead()
            case Spread(term, log) if self.is_heard(term):
                self.see(term)
                self.role = "follower"
                self.merge(log)
                self.send(sender, Holds(term, len(log)))
            case Holds(term, index) if self.role == "leader" and term == self.term:
                self.match[sender] = max(index, self.match.get(sender, 0))
                self.advance()

    def lead(self) -> None:
        """Append what is ours that is not there yet, and spread it."""
        self.role = "leader"
        mine = [value for value in self.own if value not in {value for _, value in self.log}]
        if self.greets or not mine:
            self.send(self.others(), Spread(self.term, self.log))
        for value in mine:
            self.log += ((self.term, value),)
            if not self.all_at_once:
                self.send(self.others(), Spread(self.term, self.log))
        if self.all_at_once:
            self.send(self.others(), Spread(self.term, self.log))

    def advance(self) -> None:
        """Commit the last entry that counts and that a majority holds."""
        for index in range(len(self.log), self.commit, -1):
            holders = {name for name, far in self.match.items() if far >= index} | {self.name}
            if self.counts(self.log[index - 1][0]) and self.is_majority(holders):
                self.commit = index
                self.send(self.others(), Committed(self.term, self.log[:index]))
                return

    # ---- the rules

    def may_vote(self, sender: str, asked: Ask) -> bool:
        """One vote a term."""
        return asked.term == self.term and self.voted_for in (None, sender)

    def lacks_nothing(self, asked: Ask) -> bool:
        """The up-to-date check."""
        return up_to_date(asked.last_term, asked.last_index, self.last_term(), len(self.log))

    def is_for_us(self, term: int) -> bool:
        """A vote counts in its own term."""
        return term == self.term

    def is_heard(self, term: int) -> bool:
        """A leader of an earlier term is not heard."""
        return term >= self.term

    def merge(self, log: Log) -> None:
        """Take the leader's log, unless ours is the same and longer: then the append is an old one."""
        if self.log[: len(log)] != log:
            self.log = log

    def counts(self, term: int) -> bool:
        """The commit rule."""
        return may_count(term, self.term)


def contenders(
    own: Iterable[Iterable[str]], servers: int = 3, *, contender: type[Node] = Contender, **settings: Any
) -> list[Node]:
    """Servers s1..; the first ones may lead, one for each list of values that it appends once it does."""
    values = [tuple(one) for one in own]
    if not values or len(values) > servers:
        raise LabError(f"contenders needs from 1 to {servers} lists of values, got {len(values)}")
    names = tuple(f"s{i}" for i in range(1, servers + 1))
    values += [()] * (servers - len(values))
    leads = sum(map(bool, values))
    role: Any = contender
    return [
        role(name, own=mine, members=names, may_lead=i < leads, **settings)
        for i, (name, mine) in enumerate(zip(names, values, strict=True))
    ]
