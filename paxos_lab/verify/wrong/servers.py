"""Servers of a log with one rule taken away, each in a few lines: what storms and searches must tell apart.

What each lacks stands in its docstring. Here are acceptors, leaders and replicas; changes of members, lost disks
and reads are in `groups_and_reads`. `server_runs` says in which runs each shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from paxos_lab.multipaxos import LogAcceptor, Reconfigure, Server
from paxos_lab.multipaxos.messages import (
    Accept,
    Accepted,
    Chosen,
    Command,
    Entries,
    Entry,
    Fetch,
    Prepare,
    Promise,
    Reply,
    Snapshot,
    Vote,
)
from paxos_lab.node import volatile
from paxos_lab.paxos.ballots import Ballot
from paxos_lab.world.data import copy_of

# ---- acceptors: each by itself, small enough for the explorer, and as a part of a server


@dataclass
class PromiseInMemory(LogAcceptor):
    """Forgets its promise in a crash."""

    promised: Ballot = Ballot.ZERO


@dataclass
class VotesInMemory(LogAcceptor):
    """Forgets its votes in a crash."""

    votes: dict[int, Vote] = volatile({})


class AcceptsAll(LogAcceptor):
    """Votes in any ballot, whatever it has promised."""

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Accept(ballot, slot, entry) if ballot < self.promised:
                if slot > self.cleared:
                    self.votes[slot] = Vote(ballot, entry)
                self.send(sender, Accepted(ballot, slot))
            case _:
                super().receive(sender, message)


class VoteIsNoPromise(LogAcceptor):
    """A vote does not raise its promise: it may vote lower later, and then its lower vote is what it knows."""

    def receive(self, sender: str, message: Any) -> None:
        before = self.promised
        super().receive(sender, message)
        if isinstance(message, Accept):
            self.promised = before


class HidesVotes(LogAcceptor):
    """Promises, and reports no votes."""

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Prepare(ballot, _) if ballot >= self.promised:
                self.promised = ballot
                self.send(sender, Promise(ballot, (), self.cleared))
            case _:
                super().receive(sender, message)


@dataclass
class PromiseInMemoryServer(PromiseInMemory, Server):
    """A server with that acceptor."""


@dataclass
class VotesInMemoryServer(VotesInMemory, Server):
    """A server with that acceptor."""


class AcceptsAllServer(AcceptsAll, Server):
    """A server with that acceptor."""


class VoteIsNoPromiseServer(VoteIsNoPromise, Server):
    """A server with that acceptor."""


class HidesVotesServer(HidesVotes, Server):
    """A server with that acceptor."""


# ---- leaders


@dataclass
class BallotsAgain(Server):
    """Counts its rounds in memory: after a crash it uses its own ballots a second time."""

    round: int = 0

    def campaign(self) -> None:
        promised, self.promised = self.promised, Ballot(self.round, self.name)
        super().campaign()
        self.promised = max(promised, self.promised)


class AddsUpBallots(Server):
    """Counts the votes for a slot, whatever ballot they were cast in."""

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Accepted(_, slot) if slot in self.proposals:
                super().receive(sender, Accepted(self.ballot, slot))
            case _:
                super().receive(sender, message)


class LowestVote(Server):
    """Takes over the lowest vote of a slot, not the highest."""

    def lead(self) -> None:
        lowest: dict[int, Vote] = {}
        for votes in self.promises.values():
            for slot, vote in votes:
                if slot not in lowest or vote.ballot < lowest[slot].ballot:
                    lowest[slot] = vote
        mine = tuple(lowest.items())
        self.promises = dict.fromkeys(self.promises, mine)
        super().lead()


class OnePromiseForAll(Server):
    """Takes, for all slots, the votes of the one promise with the highest ballot in it."""

    def lead(self) -> None:
        def newest(name: str) -> Ballot:
            return max((vote.ballot for _, vote in self.promises[name]), default=Ballot.ZERO)

        best = self.promises[max(sorted(self.promises), key=newest)]
        self.promises = dict.fromkeys(self.promises, best)
        super().lead()


class LeavesHoles(Server):
    """Takes over what was voted for, and leaves the slots between empty."""

    def ask(self, slot: int, entry: Entry) -> None:
        if entry or slot > self.last_taken:
            super().ask(slot, entry)


@dataclass
class AsksOnce(Server):
    """Gives each command one try and remembers that: preempted, it is never proposed again."""

    tried: frozenset[Command] = frozenset()

    def request(self, command: Command) -> None:
        if command in self.tried and self.sessions.get(command.client, (0,))[0] < command.number:
            return
        if self.role == "leader":
            self.tried |= {command}
        super().request(command)


class EarlyReply(Server):
    """Answers as soon as it has asked for votes."""

    def ask(self, slot: int, entry: Entry) -> None:
        super().ask(slot, entry)
        foreseen = copy_of(self.machine)
        for command in entry:
            if not isinstance(command.operation, Reconfigure):
                self.send(command.client, Reply(command.number, foreseen.apply(command.operation)))


# ---- replicas


class OwnVoteIsChosen(Server):
    """Told that a slot is chosen, it takes its own vote there, cast in whatever ballot."""

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Chosen(_, slot) if slot in self.votes:
                self.learn(slot, self.votes[slot].entry)
            case _:
                super().receive(sender, message)


class ServesVotes(Server):
    """Hands out what it voted for as if it were chosen."""

    def receive(self, sender: str, message: Any) -> None:
        super().receive(sender, message)
        if isinstance(message, Fetch):
            first = max(message.first, self.executed + 1)
            known = {slot: vote.entry for slot, vote in self.votes.items()} | self.log
            entries: list[Entry] = []
            while first + len(entries) in known:
                entries.append(known[first + len(entries)])
            if entries:
                self.send(sender, Entries(first, tuple(entries)))


class Twice(Server):
    """Executes a command again when it sits in a second slot."""

    def execute(self, command: Command) -> None:
        done, _ = self.sessions.get(command.client, (0, None))
        if 0 < command.number <= done:
            self.machine.apply(command.operation)
        super().execute(command)


class SkipsGaps(Server):
    """Executes what it knows to be chosen without waiting for the slots before."""

    def execute_ready(self) -> None:
        while self.log and max(self.log) > self.executed:
            self.executed = min(slot for slot in self.log if slot > self.executed)
            for command in self.log[self.executed]:
                self.execute(command)


class NeverFetches(Server):
    """Does not ask for what it missed: neither when told of a slot nor by a heartbeat."""

    def send(self, to: str | Iterable[str], message: Any) -> None:
        if not isinstance(message, Fetch):
            super().send(to, message)


class NoSessions(Server):
    """Leaves the sessions out of its snapshots."""

    def clear_up_to(self, snapshot: Snapshot) -> None:
        super().clear_up_to(replace(snapshot, sessions=()))


class LastSession(Server):
    """Keeps one session in its snapshots, that of the last client."""

    def clear_up_to(self, snapshot: Snapshot) -> None:
        super().clear_up_to(replace(snapshot, sessions=snapshot.sessions[-1:]))


class SnapshotTooFar(Server):
    """Its snapshots claim one slot more than they hold."""

    def clear_up_to(self, snapshot: Snapshot) -> None:
        super().clear_up_to(replace(snapshot, slot=snapshot.slot + 1))


class NoConfigurations(Server):
    """Leaves the configurations out of its snapshots."""

    def clear_up_to(self, snapshot: Snapshot) -> None:
        super().clear_up_to(replace(snapshot, configurations=()))
