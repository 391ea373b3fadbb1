"""The leader: election, Phase 2, the window (PMS 3, PMMC 2015).

A leader runs Phase 1 once, for all slots from the first that it does not know to be chosen. From the
promises it takes, *for each slot by itself*, the vote with the highest ballot (`inherited`, the very
function that lesson 08 searches exhaustively), asks for votes for it again, and fills the holes with
no-ops. Only then does it serve: for each command one Accept to the others, one Accepted back, and a
Chosen so that they can execute it.

Two servers may both believe that they lead, and nothing breaks: election and the window are matters of
speed. What is needed for safety is in the first paragraph, ballots of its own and the highest vote of each
slot, together with the acceptor's rules and quorums that meet.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from paxos_lab.multipaxos.messages import (
    Accept,
    Accepted,
    Chosen,
    Command,
    Entry,
    Fetch,
    Heartbeat,
    HeartbeatHeard,
    Nack,
    Prepare,
    Promise,
)
from paxos_lab.multipaxos.slots import Slots
from paxos_lab.multipaxos.takeover import Votes, inherited
from paxos_lab.node import setting, stable, volatile
from paxos_lab.paxos.ballots import Ballot


@dataclass
class Leader(Slots):
    """Follows whoever leads, stands for election when nobody does, and leads if the others let it.

    `batch`: commands in one slot at most. `heartbeat`: virtual time between two heartbeats of a
    leader; `patience`: how long a follower waits without one, at least, before it tries to lead. `role`:
    "follower", "candidate" or "leader"; `leader`: who leads, as far as we know.
    """

    batch: int = 1
    heartbeat: float = setting(3.0)
    patience: float = setting(10.0)
    round: int = stable(0)  # on disk, so that no ballot is ever used twice
    role: str = "follower"
    ballot: Ballot = Ballot.ZERO
    leader: str | None = None
    promises: dict[str, Votes] = volatile({})
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

    def promised_here(self) -> Ballot:
        """The promise of the acceptor beside us; without one there is none to respect."""
        return Ballot.ZERO

    def start(self) -> None:
        self.wait_for_leader()

    def recover(self) -> None:
        self.wait_for_leader()

    def timeout(self, timer: str) -> None:
        match timer:
            case "election" if self.role != "leader":
                self.campaign()
            case "heartbeat" if self.role == "leader":
                if self.is_followed():
                    self.beat()
                else:
                    self.step_down()

    def receive(self, sender: str, message: Any) -> None:
        match message:
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
            case Heartbeat(ballot, first_open, number):
                self.follow(sender)
                self.send(sender, HeartbeatHeard(ballot, number))
                if first_open > self.first_open():
                    self.send(sender, Fetch(self.first_open()))
            case HeartbeatHeard(ballot, _) if ballot == self.ballot:
                self.answering |= {sender}
            case Nack(ballot, promised) if ballot == self.ballot and self.role != "follower":
                self.round = max(self.round, promised.round)
                self.step_down()

    # ---- election

    def wait_for_leader(self) -> None:
        """Start waiting for a heartbeat; for a different time on each server, or all would try at once."""
        spread = random.Random(f"{self.name} {self.round} {self.promised_here()}").random()
        self.set_timer("election", self.patience * (1 + spread))

    def follow(self, leader: str) -> None:
        """Believe that this one leads, until its heartbeats stop."""
        if self.role != "follower":
            self.step_down()
        self.leader = leader
        self.wait_for_leader()

    def campaign(self) -> None:
        """Phase 1a, for every open slot at once."""
        if not self.is_member():
            # Nobody may be left who would tell us that we became one.
            self.send(self.peers(), Fetch(self.first_open()))
            self.wait_for_leader()
            return
        self.round = max(self.round, self.promised_here().round) + 1
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
        self.answering, self.unanswered = frozenset(), 0  # what an earlier lead of ours left there
        self.taken_over = inherited(self.promises.values())
        self.last_taken = max([self.executed, *self.taken_over, *self.log])
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
        self.send(self.peers(), Heartbeat(self.ballot, self.first_open(), self.beats))

    # ---- Phase 2, in the window of open slots

    def propose(self, command: Command) -> None:
        """Give the command a slot, now or as soon as there is one, unless it is under way."""
        if not any(command in entry for entry in [self.queue, *self.proposals.values()]):
            self.queue += (command,)
            self.serve()

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
        self.send(self.members_at(slot), Accept(self.ballot, slot, entry))

    def is_chosen(self, slot: int) -> None:
        """A quorum has voted: tell the others, learn it ourselves, go on."""
        entry = self.proposals.pop(slot)
        del self.voters[slot], self.asked[slot]
        self.send(self.peers(), Chosen(self.ballot, slot))
        self.learn(slot, entry)
        newest = max(self.configurations, default=0)
        if newest > self.executed:
            self.fill_to = max(self.fill_to, newest)
        self.serve()
