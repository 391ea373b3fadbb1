"""The server: an acceptor and a replica that can also lead (PMS 3, PMMC 2015).

A leader runs Phase 1 once, for all slots from the first that it does not know to be chosen. From the
promises it takes, *for each slot by itself*, the vote with the highest ballot, asks for votes for
it again, and fills the holes with no-ops. Only then does it serve: for each command one Accept to
the others, one Accepted back, and a Chosen so that they can execute it.

Nothing of this is needed for safety beyond the rules of the acceptor: two servers may both believe
that they lead. Election is a matter of timers and progress.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paxos_lab.multipaxos.messages import (
    Accept,
    Accepted,
    Chosen,
    Command,
    Entries,
    Entry,
    Fetch,
    Heartbeat,
    HeartbeatHeard,
    Nack,
    Prepare,
    Promise,
    Reply,
    Request,
    Snapshot,
    Vote,
)
from paxos_lab.multipaxos.replica import Replica
from paxos_lab.node import stable, volatile
from paxos_lab.paxos.ballots import Ballot
from paxos_lab.paxos.quorums import Flexible, Majority, QuorumSystem


@dataclass
class Server(Replica):
    """One machine of the group: votes, executes, and leads if the others let it.

    `quorum_sizes`: (phase 1, phase 2) in place of majorities. `batch`: commands in one slot at most.
    `heartbeat`: virtual time between two heartbeats of a leader; `patience`: how long to do without
    one, at least, before trying to lead. `role`: "follower", "candidate" or "leader".
    """

    quorum_sizes: tuple[int, int] | None = None
    batch: int = 1
    heartbeat: float = 3.0
    patience: float = 10.0
    round: int = stable(0)  # on disk, so that no ballot is ever used twice
    role: str = "follower"
    ballot: Ballot = Ballot.ZERO
    leader: str | None = None
    promises: dict[str, tuple[tuple[int, Vote], ...]] = volatile({})
    ahead: int = 0  # a promise spoke of slots up to here that are chosen and cleared there
    next_slot: int = 1
    taken_over: dict[int, Entry] = volatile({})  # what votes of earlier ballots oblige us to ask for
    last_taken: int = 0  # slots up to here are not ours to give to a new command
    fill_to: int = 0  # no-ops are due up to this slot, so that a new configuration comes into force
    proposals: dict[int, Entry] = volatile({})
    voters: dict[int, frozenset[str]] = volatile({})
    asked: dict[int, int] = volatile({})  # slot -> how many heartbeats there had been when we asked
    queue: tuple[Command, ...] = ()
    beats: int = 0
    answering: frozenset[str] = frozenset()  # who has answered a heartbeat since a quorum had
    unanswered: int = 0  # heartbeats since then

    # ---- who is who

    def open_slots(self) -> range:
        """The slots that may be voted on: no more than alpha, so that their members are known."""
        return range(self.first_open(), self.first_open() + self.alpha)

    def everybody(self) -> list[str]:
        """The members of all open slots, ourselves last."""
        names = dict.fromkeys(name for slot in self.open_slots() for name in self.members_at(slot))
        return [*(name for name in names if name != self.name), *([self.name] if self.name in names else [])]

    def quorums_at(self, slot: int) -> QuorumSystem:
        """The quorums of a slot."""
        members = self.members_at(slot)
        if self.quorum_sizes and max(self.quorum_sizes) <= len(members) < sum(self.quorum_sizes):
            return Flexible(*self.quorum_sizes, members)
        return Majority(members)  # also where the sizes do not fit a changed group: they might miss

    def send(self, to: str | Iterable[str], message: Any) -> None:
        """As every node sends; what is for ourselves needs no network."""
        names = [to] if isinstance(to, str) else sorted(to) if isinstance(to, set | frozenset) else list(to)
        super().send([name for name in names if name != self.name], message)
        if self.name in names:
            self.receive(self.name, message)

    # ---- election

    def start(self) -> None:
        self.wait_for_leader()

    def recover(self) -> None:
        super().recover()
        self.wait_for_leader()

    def wait_for_leader(self) -> None:
        """Start the time that we do without a heartbeat; different for each, or all would try at once."""
        spread = random.Random(f"{self.name} {self.round} {self.promised}").random()
        self.set_timer("election", self.patience * (1 + spread))

    def timeout(self, timer: str) -> None:
        match timer:
            case "election" if self.role != "leader":
                self.campaign()
            case "heartbeat" if self.role == "leader":
                if self.is_followed():
                    self.beat()
                else:
                    self.step_down()

    def campaign(self) -> None:
        """Phase 1a, for every open slot at once."""
        if self.name not in self.members_at(self.first_open()):
            # No member, as far as we know. Nobody may be left who would tell us that we became one.
            self.send(self.everybody(), Fetch(self.first_open()))
            self.wait_for_leader()
            return
        self.round = max(self.round, self.promised.round) + 1
        self.ballot = Ballot(self.round, self.name)
        self.role, self.leader = "candidate", None
        self.promises, self.proposals, self.voters, self.asked, self.ahead = {}, {}, {}, {}, 0
        self.wait_for_leader()
        self.send(self.everybody(), Prepare(self.ballot, self.first_open()))

    def try_to_lead(self) -> None:
        """Lead once quorums of all open slots have promised and nothing cleared is missing."""
        if self.role != "candidate" or self.executed < self.ahead:
            return
        if all(self.quorums_at(slot).is_quorum(self.promises, 1) for slot in self.open_slots()):
            self.lead()

    def lead(self) -> None:
        """Finish what may have been chosen, fill the holes, then serve."""
        self.role, self.leader = "leader", self.name
        self.answering, self.unanswered = frozenset(), 0
        highest: dict[int, Vote] = {}
        for votes in self.promises.values():
            for slot, vote in votes:
                if slot not in highest or vote.ballot > highest[slot].ballot:
                    highest[slot] = vote
        self.taken_over = {slot: vote.entry for slot, vote in highest.items()}
        self.last_taken = max([self.executed, *highest, *self.log])
        self.fill_to = max(self.last_taken, *self.configurations, 0)
        self.next_slot = self.first_open()
        self.beat()
        self.serve()

    def step_down(self) -> None:
        """Leave the lead to somebody else; clients will ask again."""
        self.role, self.ballot, self.leader = "follower", Ballot.ZERO, None
        self.promises, self.proposals, self.voters, self.asked, self.queue = {}, {}, {}, {}, ()
        self.cancel_timer("heartbeat")
        self.wait_for_leader()

    def is_followed(self) -> bool:
        """False if no quorum has answered for longer than a follower waits.

        Others may hear the heartbeats of a leader that hears nobody, and they would wait for ever.
        """
        if self.quorums_at(self.first_open()).is_quorum({*self.answering, self.name}, 2):
            self.answering, self.unanswered = frozenset(), 0
        self.unanswered += 1
        return self.unanswered * self.heartbeat <= 2 * self.patience + self.heartbeat

    def beat(self) -> None:
        """Say that we lead, and ask again where votes are missing: messages get lost."""
        self.beats += 1
        self.set_timer("heartbeat", self.heartbeat)
        for slot in sorted(self.proposals):
            if self.beats - self.asked[slot] > 1:  # it had a whole interval for its answers
                missing = [n for n in self.members_at(slot) if n not in {self.name, *self.voters[slot]}]
                self.send(missing, Accept(self.ballot, slot, self.proposals[slot]))
        others = [name for name in self.everybody() if name != self.name]
        self.send(others, Heartbeat(self.ballot, self.first_open(), self.beats))

    # ---- Phase 2

    def serve(self) -> None:
        """Give slots to the commands that wait, as many as the window allows."""
        self.next_slot = max(self.next_slot, self.first_open())
        while self.role == "leader" and self.next_slot in self.open_slots():
            if self.next_slot in self.log:
                self.next_slot += 1
                continue
            if not self.queue and self.next_slot > self.fill_to:
                return
            if not self.quorums_at(self.next_slot).is_quorum(self.promises, 1):
                self.campaign()  # new members have promised us nothing yet
                return
            if self.next_slot <= self.last_taken:
                entry = self.taken_over.get(self.next_slot, ())
            else:
                entry, self.queue = self.queue[: self.batch], self.queue[self.batch :]
            self.next_slot += 1
            self.ask(self.next_slot - 1, entry)

    def ask(self, slot: int, entry: Entry) -> None:
        """Phase 2a."""
        self.proposals[slot], self.voters[slot], self.asked[slot] = entry, frozenset(), self.beats
        names = self.members_at(slot)
        others = [name for name in names if name != self.name]
        self.send([*others, *([self.name] if self.name in names else [])], Accept(self.ballot, slot, entry))

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Prepare(_, first) if first <= self.executed and sender not in self.members_at(
                self.first_open()
            ):
                # It was removed and nobody told it, so it would campaign for ever.
                self.receive(sender, Fetch(first))
            case Promise(ballot, votes, cleared) if ballot == self.ballot and self.role == "candidate":
                self.promises[sender] = votes
                if cleared > max(self.executed, self.ahead):
                    self.ahead = cleared
                    self.send(sender, Fetch(self.first_open()))
                self.try_to_lead()
            case Accepted(ballot, slot) if ballot == self.ballot and slot in self.proposals:
                self.voters[slot] |= {sender}
                if self.quorums_at(slot).is_quorum(self.voters[slot], 2):
                    self.is_chosen(slot)
            case Chosen(ballot, slot) if slot > self.executed:
                # A vote in that ballot is for what was chosen there, and so is one in a higher ballot.
                if slot in self.votes and self.votes[slot].ballot >= ballot:
                    self.learn(slot, self.votes[slot].entry)
                else:
                    self.send(sender, Fetch(self.first_open()))
            case Heartbeat(ballot, first_open, number) if ballot >= self.promised:
                if self.role != "follower":
                    self.step_down()
                self.leader = sender
                self.wait_for_leader()
                self.send(sender, HeartbeatHeard(ballot, number))
                if first_open > self.first_open():
                    self.send(sender, Fetch(self.first_open()))
            case Heartbeat(ballot, _, _):
                self.send(sender, Nack(ballot, self.promised))
            case HeartbeatHeard(ballot, _) if ballot == self.ballot:
                self.answering |= {sender}
            case Nack(ballot, promised) if ballot == self.ballot and self.role != "follower":
                self.round = max(self.round, promised.round)
                self.step_down()
            case Entries() | Snapshot():
                super().receive(sender, message)
                self.try_to_lead()
            case Request(command) if self.name not in self.members_at(self.first_open()):
                # Who led us may have been removed as well. From a member it would go in a circle.
                if sender == command.client:
                    self.send(self.everybody(), message)
            case Request(command):
                self.request(command)
            case _:
                super().receive(sender, message)

    def is_chosen(self, slot: int) -> None:
        """A quorum has voted: tell the others, execute."""
        entry = self.proposals.pop(slot)
        del self.voters[slot], self.asked[slot]
        others = [name for name in self.everybody() if name != self.name]
        self.send(others, Chosen(self.ballot, slot))
        self.learn(slot, entry)
        newest = max(self.configurations, default=0)
        if newest > self.executed:
            self.fill_to = max(self.fill_to, newest)
        self.serve()

    def execute_ready(self) -> None:
        super().execute_ready()
        if self.role != "follower" and self.name not in self.members_at(self.first_open()):
            self.step_down()  # we are no member any more, and those who are would follow us for ever

    # ---- clients

    def request(self, command: Command) -> None:
        """Answer from the session, give it a slot, or pass it on to who leads."""
        done, result = self.sessions.get(command.client, (0, None))
        if command.number == done:
            self.send(command.client, Reply(done, result))
        elif command.number > done and self.role == "leader":
            under_way = (command in entry for entry in [self.queue, *self.proposals.values()])
            if not any(under_way):
                self.queue += (command,)
                self.serve()
        elif command.number > done and self.leader is not None:
            self.send(self.leader, Request(command))

    def executed_command(self, command: Command, result: Any) -> None:
        if self.role == "leader":
            self.send(command.client, Reply(command.number, result))
