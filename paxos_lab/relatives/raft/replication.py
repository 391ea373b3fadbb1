"""Raft's leader: appends, commits, hands over (Raft dissertation, 3.5, 3.6.2, 3.10).

AppendEntries is Accept, and an AppendReply that says yes is Accepted, for the whole prefix at once. The
leader learns from refusals how far back a log differs, and from there on the follower repairs it.

The commit rule. An entry keeps the term of the leader that appended it, while a value that a Paxos leader
takes over gets the new ballot. So an old entry on a majority proves nothing: a log that ends in a later
term, of a leader that never had the entry, is still "up to date", wins, and cuts it off (figure 8). Hence a
leader counts for entries of its *own* term only (`may_count`); when such a one is committed, all before it
are. In Paxos there is no such rule, for an entry on a majority in one ballot is chosen.

The no-op. With that rule a new leader can commit nothing old before it has something new. So it begins
with an entry without commands; reads need it too, since before it the leader does not know what is committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paxos_lab.multipaxos.messages import Command, Entry, Reconfigure
from paxos_lab.node import OUTSIDE, setting, volatile
from paxos_lab.relatives.raft.election import Elector
from paxos_lab.relatives.raft.members import JointMajority
from paxos_lab.relatives.raft.messages import (
    AppendEntries,
    AppendReply,
    Groups,
    InstallSnapshot,
    LogEntry,
    TimeoutNow,
    TransferTo,
)


def may_count(entry_term: int | None, term: int) -> bool:
    """True if a leader of `term` may call an entry committed because a majority holds it."""
    return entry_term == term


@dataclass
class Replicator(Elector):
    """Leads if the others let it, and follows whoever does.

    `heartbeat`: virtual time between two rounds of appends; `most_entries`: in one append. For each follower:
    `match`, up to where its log is known to be ours; `next`, from where on it is told again; `told`, up to
    where it has been told.
    """

    heartbeat: float = setting(3.0)
    most_entries: int = setting(50)
    match: dict[str, int] = volatile({})
    next: dict[str, int] = volatile({})
    told: dict[str, int] = volatile({})
    told_before: dict[str, int] = volatile({})  # at the round before
    own_first: int = 0  # the no-op with which our lead began
    beats: int = 0
    answering: frozenset[str] = frozenset()  # who has answered since a quorum had
    unanswered: int = 0  # rounds since then
    heir: str | None = None
    transferred: bool = False  # in this term somebody was told not to wait for our silence

    # ---- leading

    def lead(self) -> None:
        """Nothing to collect, since we hold all that is committed: begin with a no-op."""
        self.role, self.leader = "leader", self.name
        self.match, self.told, self.told_before = {}, {}, {}
        self.next = {}
        self.answering, self.unanswered, self.heir, self.transferred = frozenset(), 0, None, False
        self.cancel_timer("election")
        self.own_first = self.last_index() + 1
        self.log[self.own_first] = LogEntry(self.term)
        self.beat()
        self.advance()

    def append(self, commands: Entry, groups: Groups = ()) -> None:
        """Put an entry at the end of our log and tell the others."""
        self.log[self.last_index() + 1] = LogEntry(self.term, commands, groups)
        for name in self.peers():
            self.tell(name)
        self.advance()

    def propose(self, command: Command) -> None:
        """Append the command, unless it is under way, or we are handing over, or may not change members now."""
        under_way = (entry.commands for i, entry in self.log.items() if i > self.commit)
        if self.heir is not None or any(command in commands for commands in under_way):
            return
        match command.operation:
            case Reconfigure(members):
                if self.may_change_members():
                    self.append((command,), (self.groups()[-1], members))
            case _:
                self.append((command,))

    def may_change_members(self) -> bool:
        """One change at a time, and none before our own term has committed something."""
        last = max((i for i, entry in self.log.items() if entry.groups), default=0)
        return last <= self.commit and self.own_first <= self.commit and len(self.groups()) == 1

    def tell(self, name: str) -> None:
        """Send what that one has not been told yet; a snapshot where the log does not go back so far."""
        first = self.next.setdefault(name, self.own_first)
        previous = max(first - 1, self.told.get(name, 0))
        if previous < self.cleared and self.snapshot is not None:
            self.told[name] = self.cleared
            self.send(name, InstallSnapshot(self.term, self.snapshot, self.beats))
            return
        last = min(self.last_index(), previous + self.most_entries)
        entries = tuple(self.log[i] for i in range(previous + 1, last + 1))
        self.told[name] = last
        prev_term = self.term_at(previous) or 0
        self.send(name, AppendEntries(self.term, previous, prev_term, entries, self.commit, self.beats))

    def beat(self) -> None:
        """Tell everybody that we lead, and what they lack: messages get lost."""
        self.beats += 1
        self.set_timer("heartbeat", self.heartbeat)
        self.hold()
        for name in self.peers():
            if self.match.get(name, 0) < self.told_before.get(name, 0):
                self.told.pop(name, None)  # it had a whole round for its answer
            self.tell(name)
            self.told_before[name] = self.told[name]

    def is_followed(self) -> bool:
        """False if no quorum has answered for longer than a follower waits."""
        if JointMajority(self.groups()).is_quorum({*self.answering, self.name}):
            self.answering, self.unanswered = frozenset(), 0
        self.unanswered += 1
        return not self.check_quorum or self.unanswered * self.heartbeat <= 2 * self.patience + self.heartbeat

    # ---- following

    def take(self, sender: str, append: AppendEntries) -> None:
        """Check, repair, commit, answer."""
        if append.term < self.term:
            self.send(sender, AppendReply(self.term, False, 0, append.number))
            return
        self.see(append.term)
        self.follow(sender)
        if self.matches(append.prev_index, append.prev_term):
            verified = append.prev_index + len(append.entries)
            self.merge(append.prev_index, append.entries)
            # Beyond what this append has verified, our log may differ from the leader's.
            self.commit_up_to(min(append.commit, verified))
            self.send(sender, AppendReply(self.term, True, verified, append.number))
        else:
            self.send(sender, AppendReply(self.term, False, self.go_back(append.prev_index), append.number))

    def take_snapshot_of(self, sender: str, message: InstallSnapshot) -> None:
        """Install it if it is ahead of us; what we committed is never replaced."""
        if message.term < self.term:
            self.send(sender, AppendReply(self.term, False, 0, message.number))
            return
        self.see(message.term)
        self.follow(sender)
        if message.snapshot.slot > self.commit:
            self.clear_up_to(message.snapshot)
            self.install(message.snapshot)
        self.send(sender, AppendReply(self.term, True, message.snapshot.slot, message.number))

    # ---- being answered

    def hear(self, sender: str, reply: AppendReply) -> None:
        """Note how far its log is ours, or go back."""
        self.see(reply.term)
        if self.role != "leader" or reply.term != self.term:
            return
        self.answering |= {sender}
        known = self.match.get(sender, 0)
        if reply.ok:
            self.match[sender] = max(known, reply.index)
            self.next[sender] = max(self.next.get(sender, 1), self.match[sender] + 1)
            self.advance()
            if self.role == "leader" and self.told.get(sender, 0) < self.last_index():
                self.tell(sender)
        elif known <= reply.index < self.told.get(sender, 0):
            self.next[sender] = min(reply.index + 1, self.next.get(sender, self.own_first))
            self.told.pop(sender, None)
            self.tell(sender)
        self.hand_over()

    def advance(self) -> None:
        """Commit the last entry of our own term that a quorum holds, and so all before it."""
        for index in range(self.last_index(), self.commit, -1):
            holders = {name for name, far in self.match.items() if far >= index} | {self.name}
            if self.counts(index) and JointMajority(self.groups()).is_quorum(holders):
                self.commit_up_to(index)
                self.change_members()
                return

    def counts(self, index: int) -> bool:
        """The commit rule."""
        return may_count(self.term_at(index), self.term)

    def change_members(self) -> None:
        """Once (old, new) is committed, append (new,); once that is, whoever is out of it leaves."""
        if self.role != "leader":
            return
        if len(self.groups()) > 1 and self.groups_at(self.commit) == self.groups():
            leaving = [name for name in self.groups()[0] if name not in self.groups()[1]]
            new = self.groups()[1]
            self.append((), (new,))
            for name in leaving:  # they would campaign for ever if nobody told them
                if name != self.name and self.role == "leader":
                    self.tell(name)
        elif not self.is_member() and self.groups_at(self.commit) == self.groups():
            for name in self.peers():
                self.tell(name)
            self.step_down()

    # ---- handing over

    def transfer(self, to: str) -> None:
        """Take no more commands, bring the heir up to date, then tell it to stand at once."""
        if self.role == "leader" and to in self.peers():
            self.heir = to
            self.set_timer("transfer", 2 * self.patience)
            self.tell(to)
            self.hand_over()

    def hand_over(self) -> None:
        """Tell the heir once its log is ours."""
        if self.role == "leader" and self.heir and self.match.get(self.heir, 0) == self.last_index():
            self.transferred = True
            self.send(self.heir, TimeoutNow(self.term))

    # ---- what comes in

    def start(self) -> None:
        self.wait_for_leader()

    def timeout(self, timer: str) -> None:
        match timer:
            case "heartbeat" if self.role == "leader":
                if self.is_followed():
                    self.beat()
                else:
                    self.step_down()
            case "transfer":
                self.heir = None  # it did not come about: serve again
            case _:
                super().timeout(timer)

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case AppendEntries():
                self.take(sender, message)
            case InstallSnapshot():
                self.take_snapshot_of(sender, message)
            case AppendReply():
                self.hear(sender, message)
            case TimeoutNow(term) if term == self.term and self.role == "follower" and self.is_member():
                self.campaign(transfer=True)
            case TransferTo(to) if sender == OUTSIDE:
                self.transfer(to)
            case _:
                super().receive(sender, message)
