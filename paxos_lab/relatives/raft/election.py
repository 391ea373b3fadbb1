"""Raft's election: a vote for each term, and only for a log that lacks nothing (Raft dissertation, 3.4, 3.6).

A term is a ballot's round, and a vote a promise, with one difference on which all others rest. A Paxos
leader *collects*: promises report votes, and it takes over what may be chosen. A Raft leader must *have* it:
nobody votes for a log that ends before its own (`up_to_date`). A committed entry is held by a majority,
the votes come from a majority, so somebody in both would have refused; hence whoever wins holds every
committed entry, and entries flow one way only, from the leader to the others.

A ballot names its owner; a term belongs to whoever gets the votes. So a server votes once in a term, and
writes down for whom: `term` and `voted_for` are on disk, or two leaders share a term.

Pre-vote (9.6): a server that was cut off asks first whether it would win, before it raises a term that
would depose a good leader when it comes back. Check-quorum (6.2): a server that hears a leader helps nobody
to depose it, and a leader that no majority answers steps down. Each needs the other: without the second, those
who hear a deaf leader would wait for ever.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from paxos_lab.node import setting, stable
from paxos_lab.relatives.raft.log import RaftLog
from paxos_lab.relatives.raft.members import JointMajority
from paxos_lab.relatives.raft.messages import RequestVote, VoteReply


def up_to_date(last_term: int, last_index: int, own_last_term: int, own_last_index: int) -> bool:
    """True if a log that ends so lacks nothing of ours: a later last term wins, then the longer log."""
    return (last_term, last_index) >= (own_last_term, own_last_index)


@dataclass
class Elector(RaftLog):
    """Votes, and stands for election when it hears no leader.

    `patience`: how long a follower waits without a leader, at least. `pre_vote`, `check_quorum`: see
    above. `lease`, `drift`: see `reads.py`. `role`: "follower", "candidate" or "leader"; `leader`: who leads, as
    far as we know. `held`: we heard a leader, and help nobody to depose it until a timer rings.
    """

    patience: float = setting(10.0)
    pre_vote: bool = setting(True)
    check_quorum: bool = setting(True)
    lease: float = setting(0.0)
    drift: float = setting(0.0)
    term: int = stable(0)
    voted_for: str | None = stable(None)
    role: str = "follower"
    leader: str | None = None
    asking: bool = False  # a pre-vote is under way
    backers: frozenset[str] = frozenset()
    held: bool = False

    # ---- terms

    def see(self, term: int) -> None:
        """A higher term is there: follow it, with a vote to give. In our own term the vote stays."""
        if term > self.term:
            self.term, self.voted_for = term, None
            self.step_down()

    def step_down(self) -> None:
        """Leave the lead, or the hope for it, to somebody else."""
        self.role, self.leader = "follower", None
        self.asking, self.backers = False, frozenset()
        self.wait_for_leader()

    def follow(self, leader: str) -> None:
        """Believe that this one leads our term, until it is silent."""
        if self.role != "follower":
            self.step_down()
        self.leader, self.asking = leader, False
        self.wait_for_leader()
        self.hold()

    def wait_for_leader(self) -> None:
        """Start waiting; for a different time on each server, or all would stand at once."""
        spread = random.Random(f"{self.name} {self.term}").random()
        self.set_timer("election", self.patience * (1 + spread))

    def hold(self) -> None:
        """Help nobody to depose the leader until the timer rings."""
        if self.lease or self.check_quorum:
            self.held = True
            self.set_timer("hold", self.lease * (1 + self.drift) or self.patience)

    def recover(self) -> None:
        super().recover()
        if self.lease:
            self.hold()  # we forgot whether we had heard a leader
        self.wait_for_leader()

    # ---- standing for election

    def stand(self) -> None:
        """Ask, with a pre-vote, whether we would win; without one, campaign."""
        self.wait_for_leader()
        if not self.is_member():
            return
        if self.pre_vote:
            self.asking, self.backers = True, frozenset({self.name})
            self.send(self.peers(), RequestVote(self.term + 1, self.last_index(), self.last_term(), pre=True))
            self.count()
        else:
            self.campaign()

    def campaign(self, transfer: bool = False) -> None:
        """Open a new term, vote for ourselves, ask the others."""
        self.step_down()
        self.term, self.voted_for = self.term + 1, self.name
        self.role, self.backers = "candidate", frozenset({self.name})
        self.wait_for_leader()
        ask = RequestVote(self.term, self.last_index(), self.last_term(), transfer=transfer)
        self.send(self.peers(), ask)
        self.count()

    def count(self) -> None:
        """Go on once a quorum is behind us: to the vote, or to the lead."""
        if JointMajority(self.groups()).is_quorum(self.backers):
            if self.asking:
                self.campaign()
            elif self.role == "candidate":
                self.lead()

    def lead(self) -> None:
        """Called when a quorum has voted for us."""
        raise NotImplementedError

    # ---- voting

    def answer_vote(self, sender: str, asked: RequestVote) -> None:
        """Vote, or say no with our term, which may be news; whoever hears a leader says nothing."""
        if self.held and not asked.transfer and asked.term > self.term:
            return
        if asked.pre:
            yes = asked.term > self.term and self.lacks_nothing(asked)
            self.send(sender, VoteReply(asked.term if yes else self.term, yes, pre=True))
            return
        self.see(asked.term)
        yes = self.may_vote(sender, asked) and self.lacks_nothing(asked)
        if yes:
            self.voted_for = sender
            self.wait_for_leader()
        self.send(sender, VoteReply(self.term, yes))

    def may_vote(self, sender: str, asked: RequestVote) -> bool:
        """One vote a term; the same candidate may ask again."""
        return asked.term == self.term and self.voted_for in (None, sender)

    def lacks_nothing(self, asked: RequestVote) -> bool:
        """The up-to-date check."""
        return up_to_date(asked.last_term, asked.last_index, self.last_term(), self.last_index())

    def count_vote(self, sender: str, reply: VoteReply) -> None:
        """A vote counts in its own term only."""
        if not reply.granted:
            self.see(reply.term)
        elif (reply.pre and self.asking and reply.term == self.term + 1) or (
            not reply.pre and self.role == "candidate" and reply.term == self.term
        ):
            self.backers |= {sender}
            self.count()

    def timeout(self, timer: str) -> None:
        match timer:
            case "election" if self.held and self.lease:
                self.wait_for_leader()
            case "election" if self.role != "leader":
                self.leader, self.held = None, False
                self.stand()
            case "hold":
                self.held = False

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case RequestVote():
                self.answer_vote(sender, message)
            case VoteReply():
                self.count_vote(sender, message)
