"""A Raft server as clients see it: commands, sessions, and the three kinds of reads of our log.

log      The read is a command.
quorum   ReadIndex (Raft dissertation, 6.4): the leader notes how far it has committed, not before an entry of
         its own term is, starts a round, and answers when a quorum has answered in its term.
lease    As long as a quorum helps nobody to depose us, nobody else leads, and we may answer at once. It is
         check-quorum with a clock that keeps to a bound: see `paxos_lab.multipaxos.reads`, whose bound it is.
         After TimeoutNow there is no lease in this term, for the heir's voters do not wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paxos_lab.multipaxos.messages import Command, Reply, Request
from paxos_lab.multipaxos.reads import Read
from paxos_lab.node import volatile
from paxos_lab.relatives.raft.members import JointMajority
from paxos_lab.relatives.raft.messages import AppendReply, Term
from paxos_lab.relatives.raft.replication import Replicator
from paxos_lab.world.data import copy_of


@dataclass
class RaftServer(Replicator):
    """One machine of the group.

    `heard`: by name, the last of our rounds that was answered. `ended`: our leases up to that of this round are
    over. `reads`: command, read point and the round that has to be answered.
    """

    heard: dict[str, int] = volatile({})
    ended: int = 0
    reads: tuple[tuple[Command, int, int], ...] = ()

    telling = ("role", "term", "commit", "executed", "machine")  # a stepper shows these first

    @property
    def ballot(self) -> Term:
        """Our term, in the place of a ballot, for pictures that show who leads in which."""
        return Term(self.term)

    # ---- clients

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Request(command) if self.is_member() or self.role == "leader":
                self.request(command)
            case Request(command) if sender == command.client:
                self.send(self.peers(), message)  # from a member it would go in a circle
            case _:
                super().receive(sender, message)

    def request(self, command: Command) -> None:
        """Answer from the session, append, or pass it on to whoever leads."""
        done, result = self.sessions.get(command.client, (0, None))
        match command.operation:
            case Read(_, "log" | "quorum" | "lease") if self.role != "leader":
                self.pass_on(command)
            case Read(operation, "log"):
                self.request(Command(command.client, command.number, operation))
            case Read():
                self.read(command)
            case _ if command.number == done:
                self.send(command.client, Reply(done, result))
            case _ if command.number > done and self.role == "leader":
                self.propose(command)
            case _ if command.number > done:
                self.pass_on(command)

    def pass_on(self, command: Command) -> None:
        """Hand it to the leader if there is one; else the client asks again."""
        if self.leader not in (None, self.name):
            self.send(self.leader or (), Request(command))

    def executed_command(self, command: Command, result: Any) -> None:
        if self.role == "leader":
            self.send(command.client, Reply(command.number, result))

    # ---- reads

    def read(self, command: Command) -> None:
        """Answer from our own copy, now or as soon as that is known to be right."""
        # Before our no-op is committed we do not know what is, and all that was is before it.
        read_point = max(self.commit, self.own_first)
        self.reads += ((command, read_point, self.beats + 1),)
        if command.operation.how != "lease" or not self.lease_runs():
            self.beat()
        self.answer_reads()

    def answer_reads(self) -> None:
        """Answer the reads that may be answered now; the others wait."""
        ready = [one for one in self.reads if self.may_answer(*one)]
        self.reads = tuple(one for one in self.reads if one not in ready)
        for command, _, _ in ready:
            result = copy_of(self.machine).apply(command.operation.operation)
            self.send(command.client, Reply(command.number, result))

    def may_answer(self, command: Command, read_point: int, number: int) -> bool:
        """True if all up to the read point is executed, and nobody else led when the read came."""
        return self.executed >= read_point and (
            self.was_heard(number) or (command.operation.how == "lease" and self.lease_runs())
        )

    def was_heard(self, number: int) -> bool:
        """True if a quorum has answered our round of that number, or a later one, in our term."""
        names = [name for name, last in self.heard.items() if last >= number]
        return JointMajority(self.groups()).is_quorum(names)

    def lease_runs(self) -> bool:
        """True while a quorum helps nobody to depose us because of a round of ours."""
        return bool(self.lease) and not self.transferred and self.was_heard(self.ended + 1)

    def beat(self) -> None:
        super().beat()
        self.heard[self.name] = self.beats
        if self.lease:
            self.set_timer(f"lease {self.beats}", self.lease * (1 - self.drift))
        self.answer_reads()

    def hear(self, sender: str, reply: AppendReply) -> None:
        if self.role == "leader" and reply.term == self.term:
            self.heard[sender] = max(self.heard.get(sender, 0), reply.number)
        super().hear(sender, reply)
        self.answer_reads()

    def execute_ready(self) -> None:
        super().execute_ready()
        if self.role == "leader":
            self.answer_reads()

    def step_down(self) -> None:
        self.heard, self.reads, self.heir = {}, (), None  # clients will ask again
        self.cancel_timer("heartbeat")
        super().step_down()

    def is_followed(self) -> bool:
        return super().is_followed() or self.lease_runs()

    def timeout(self, timer: str) -> None:
        match timer.split():
            case ["lease", number]:
                self.ended = max(self.ended, int(number))
            case _:
                super().timeout(timer)
