"""Three ways to read: through the log, with a round of heartbeats (ReadIndex), under a lease.

A server's copy of the machine may be old, and a leader may have been replaced without knowing it. So
an answer from the own copy needs a proof that no other leader got anything chosen before the read
came. The three ways differ in where the proof comes from.

log      The read is a command like any other: it gets a slot. Nothing to prove, but the votes of a quorum
         and a place on every disk for each read.
quorum   The leader notes the *read point*, the last slot that it has given out or took over, sends
         heartbeats, and answers once a Phase 2 quorum has heard them and it has executed up to the read point.
         A server that answers has promised no higher ballot so far, so when the read came nobody had been
         elected in a higher one. The field calls this ReadIndex (Raft dissertation, 6.4); a "quorum read"
         elsewhere asks a quorum of replicas for the data. One round trip, no disk.
lease    A server that hears a heartbeat refuses all other leaders for a while, so that the leader may
         answer at once while the lease of a quorum runs (PML 5.2, Gray and Cheriton 1989). No message at
         all, but it relies on clocks: they must keep to a bound.

The bound: a timer set to d rings after d (1 - drift) at the earliest, d (1 + drift) at the latest.
The leader's timer is set to lease (1 - drift) when the heartbeat is *sent*; a follower's to
lease (1 + drift) when it is *heard*. So the leader's rings after lease (1 - drift^2) at the latest,
and a follower's no earlier than that after a moment that comes later. A process that pauses is a
clock that drifts: roles handle a message in one moment, but a real server has to compare its lease with
a clock that runs on, read after the request came; the ring of a timer may still be in its queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paxos_lab.multipaxos.messages import Command, Heartbeat, HeartbeatHeard, Prepare, Reply, Request
from paxos_lab.multipaxos.server import Server
from paxos_lab.node import setting, volatile
from paxos_lab.world.data import copy_of


@dataclass(frozen=True)
class Read:
    """An operation that only reads, and how: "log", "quorum" or "lease"."""

    operation: Any
    how: str = "quorum"

    def __str__(self) -> str:
        return f"{self.operation} ({self.how})"


@dataclass
class ReadingServer(Server):
    """A server that answers `Read`s; a leader without a running lease uses ReadIndex instead.

    A part to be added to a server, alone or with others, as in `@dataclass class Both(ReadingServer, Rejoining)`: it
    handles its own messages and timers, and leaves all others to the next.
    `lease`: for how long, 0 for no leases; it should outlast a heartbeat and its answer. `drift`: the
    share by which a timer may ring too early or too late. `held_for`: the only one to whom we may promise
    anything, None for anybody, "" for nobody. `heard`: by name, the last of our heartbeats that was heard.
    `ended`: our leases up to that of this heartbeat are over. `reads`: command, read point and the
    heartbeat that has to be heard.
    """

    lease: float = setting(0.0)
    drift: float = setting(0.0)
    held_for: str | None = None
    heard: dict[str, int] = volatile({})
    ended: int = 0
    reads: tuple[tuple[Command, int, int], ...] = ()

    def request(self, command: Command) -> None:
        match command.operation:
            case Read(operation, "log"):
                super().request(Command(command.client, command.number, operation))
            case Read() if self.role == "leader":
                self.read(command)
            case Read():
                if self.leader is not None:
                    self.send(self.leader, Request(command))
            case _:
                super().request(command)

    def read(self, command: Command) -> None:
        """Answer from our own copy, now or as soon as that is known to be right."""
        # Whatever anybody was told so far is in these slots, or another leader put it elsewhere.
        read_point = max(self.next_slot - 1, self.last_taken, self.executed)
        self.reads += ((command, read_point, self.beats + 1),)
        if command.operation.how != "lease" or not self.lease_runs(read_point):
            self.confirm()
        self.answer_reads()

    def answer_reads(self) -> None:
        """Answer the reads that may be answered now; the others wait."""
        waiting = []
        for command, read_point, number in self.reads:
            if self.may_answer(command.operation.how, read_point, number):
                # On a copy, so that a read can change nothing.
                result = copy_of(self.machine).apply(command.operation.operation)
                self.send(command.client, Reply(command.number, result))
            else:
                waiting.append((command, read_point, number))
        self.reads = tuple(waiting)

    def may_answer(self, how: str, read_point: int, number: int) -> bool:
        """True if all up to the read point is executed, and nobody else led when the read came."""
        return self.executed >= read_point and (
            self.was_heard(number, read_point) or (how == "lease" and self.lease_runs(read_point))
        )

    # ---- the round

    def beat(self) -> None:
        super().beat()
        self.hear_ourselves()

    def confirm(self) -> None:
        """Send heartbeats at once: do we still lead?"""
        self.beats += 1
        self.send(self.peers(), Heartbeat(self.ballot, self.first_open(), self.beats))
        self.hear_ourselves()

    def hear_ourselves(self) -> None:
        """Our own part of what a heartbeat means, at the moment in which it is sent."""
        if self.promised == self.ballot:
            self.heard[self.name] = self.beats
            self.hold(self.name)
        if self.lease:
            self.set_timer(f"lease {self.beats}", self.lease * (1 - self.drift))
        self.answer_reads()

    def was_heard(self, number: int, read_point: int) -> bool:
        """True if a quorum heard our heartbeat of that number or a later one.

        A newer leader would need promises of a phase 1 quorum for the slot after the read point; it
        shares a member with every phase 2 quorum, and that one would not have heard us.
        """
        names = [name for name, last in self.heard.items() if last >= number]
        return self.quorums_at(read_point + 1).is_quorum(names, 2)

    # ---- the lease

    def lease_runs(self, read_point: int) -> bool:
        """True while a quorum makes no promises to others because of a heartbeat of ours."""
        return bool(self.lease) and self.was_heard(self.ended + 1, read_point)

    def is_followed(self) -> bool:
        # While the lease runs, nobody waits for another leader: there can be none.
        return super().is_followed() or self.lease_runs(self.executed)

    def hold(self, leader: str) -> None:
        """Promise nothing to anybody but `leader` until the timer rings; "" is nobody."""
        if self.lease:
            self.held_for = leader
            self.set_timer("hold", self.lease * (1 + self.drift))

    def recover(self) -> None:
        self.hold("")  # we forgot whose heartbeat we heard last
        super().recover()

    def timeout(self, timer: str) -> None:
        match timer.split():
            case ["lease", number]:
                self.ended = max(self.ended, int(number))
            case ["hold"]:
                self.held_for = None
            case ["election"] if self.held_for is not None and self.role != "leader":
                self.wait_for_leader()
            case _:
                super().timeout(timer)

    # ---- hearing and being heard

    def handle(self, sender: str, message: Any) -> None:
        match message:
            case Prepare() if self.held_for not in (None, sender):
                pass  # it will ask again
            case Heartbeat(ballot, _, _) if ballot >= self.promised:
                self.hold(sender)
                super().handle(sender, message)
            case HeartbeatHeard(ballot, number) if ballot == self.ballot:  # so we lead
                super().handle(sender, message)
                self.heard[sender] = max(self.heard.get(sender, 0), number)
                self.answer_reads()
            case _:
                super().handle(sender, message)

    def execute_ready(self) -> None:
        super().execute_ready()
        self.answer_reads()

    def campaign(self) -> None:
        self.forget_reads()
        super().campaign()

    def step_down(self) -> None:
        self.forget_reads()
        super().step_down()

    def forget_reads(self) -> None:
        """We lead no more, or not yet in the new ballot; clients will ask again."""
        self.heard, self.reads = {}, ()
