"""The server: an acceptor, a replica and a leader on one machine, and how a message reaches them.

A role's fields are its whole state, and bus, explorer, disk and pictures read them one by one. So the
three are not objects inside the server: each is a role of its own, declared in its own file, and a
server has the fields of all three side by side. No part calls `super()` of another; what joins them is
here, and there is no more to it: who gets which message, and what one part has to know of another.

The parts talk to each other as servers do, by messages. What a server sends to itself needs no network:
it waits in `to_self` until the handler has ended, and is then received like any other, so that no
handler runs inside another. Between two steps there is nothing left in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paxos_lab.multipaxos.acceptor import LogAcceptor
from paxos_lab.multipaxos.leader import Leader
from paxos_lab.multipaxos.messages import (
    Accept,
    Accepted,
    Chosen,
    Command,
    Entries,
    Fetch,
    Heartbeat,
    HeartbeatHeard,
    Nack,
    Prepare,
    Promise,
    Reply,
    Request,
    Snapshot,
)
from paxos_lab.multipaxos.replica import Replica
from paxos_lab.paxos.ballots import Ballot


@dataclass
class Server(Leader, Replica, LogAcceptor):
    """One machine of the group: votes, executes, and leads if the others let it.

    Its fields are those of `LogAcceptor`, `Replica` and `Leader`; `cleared` is one fact for the first
    two, in the snapshot here, in no vote there. To change a server, override a method of a part.
    """

    to_self: tuple[Any, ...] = ()

    telling = ("role", "ballot", "executed", "machine")  # of what is in memory, a stepper shows these first

    # ---- how a message travels

    def send(self, to: str | Iterable[str], message: Any) -> None:
        """As every node sends; what is for ourselves needs no network."""
        names = [to] if isinstance(to, str) else sorted(to) if isinstance(to, set | frozenset) else list(to)
        super().send([name for name in names if name != self.name], message)
        if self.name in names:
            self.to_self += (message,)

    def receive(self, sender: str, message: Any) -> None:
        self.handle(sender, message)
        if sender != self.name:
            self.handle_own()

    def timeout(self, timer: str) -> None:
        Leader.timeout(self, timer)
        self.handle_own()

    def recover(self) -> None:
        Replica.recover(self)
        Leader.recover(self)

    def handle_own(self) -> None:
        """Receive what we sent to ourselves, in order, and what that makes us send to ourselves."""
        while self.to_self:
            message, self.to_self = self.to_self[0], self.to_self[1:]
            self.receive(self.name, message)

    def handle(self, sender: str, message: Any) -> None:
        """Give the message to the part that it is for; an extension looks at it here first."""
        match message:
            case Prepare(_, first) if first <= self.executed and sender not in self.members_at(
                self.first_open()
            ):
                # It was removed and nobody told it, so it would campaign for ever.
                Replica.receive(self, sender, Fetch(first))
            case Heartbeat(ballot) if ballot < self.promised:
                self.send(sender, Nack(ballot, self.promised))
            case Prepare() | Accept():
                LogAcceptor.receive(self, sender, message)
            case Promise() | Accepted() | Heartbeat() | HeartbeatHeard() | Nack():
                Leader.receive(self, sender, message)
            case Fetch():
                Replica.receive(self, sender, message)
            case Entries() | Snapshot():
                Replica.receive(self, sender, message)
                self.try_to_lead()
            case Chosen(ballot, slot) if slot > self.executed:
                # A vote in that ballot is for what was chosen there, and so is one in a higher ballot.
                if slot in self.votes and self.votes[slot].ballot >= ballot:
                    self.learn(slot, self.votes[slot].entry)
                else:
                    self.send(sender, Fetch(self.first_open()))
            case Request(command) if self.is_member():
                self.request(command)
            case Request(command) if sender == command.client:
                # Whoever led us may have been removed as well. From a member it would go in a circle.
                self.send(self.everybody(), message)

    def request(self, command: Command) -> None:
        """Answer from the session, give it a slot, or pass it on to whoever leads."""
        done, result = self.sessions.get(command.client, (0, None))
        if command.number == done:
            self.send(command.client, Reply(done, result))
        elif command.number > done and self.role == "leader":
            self.propose(command)
        elif command.number > done and self.leader is not None:
            self.send(self.leader, Request(command))

    # ---- what one part has to know of another

    def promised_here(self) -> Ballot:
        return self.promised

    def status(self, slot: int) -> str:
        """What this server knows of a slot: "cleared", "chosen", "accepted" or "empty"."""
        known = super().status(slot)
        return "accepted" if known == "empty" and slot in self.votes else known

    def clear_up_to(self, snapshot: Snapshot) -> None:
        super().clear_up_to(snapshot)
        self.votes = {slot: vote for slot, vote in self.votes.items() if slot > self.cleared}

    def executed_command(self, command: Command, result: Any) -> None:
        if self.role == "leader":
            self.send(command.client, Reply(command.number, result))

    def execute_ready(self) -> None:
        super().execute_ready()
        if self.role != "follower" and not self.is_member():
            self.step_down()  # we are no member any more, and those who are would follow us for ever
