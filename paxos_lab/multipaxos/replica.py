"""The replica: learns what was chosen, executes it in slot order, each command once.

A command may sit in two slots, since a client asks again when no answer comes; the session of the
client remembers the last number and its result, so the second one is passed over (Raft dissertation 6.3). A snapshot carries machine, sessions and configurations, and what it covers is
forgotten: the log is compacted. A replica neither votes nor leads: it learns from others what is chosen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from paxos_lab.multipaxos.messages import Command, Entries, Entry, Fetch, Reconfigure, Snapshot
from paxos_lab.multipaxos.slots import Slots
from paxos_lab.node import setting, stable, volatile
from paxos_lab.world.data import from_json, to_json

MOST_ENTRIES = 50  # in one answer to a Fetch; the rest is fetched next


@dataclass
class Replica(Slots):
    """A copy of the state machine, and the part of the log that is not in the snapshot yet.

    `machine`: see `machines.py`. `snapshot_every`: slots between two snapshots, 0 for never.
    `cleared`: slots up to here are in the snapshot and gone from the log. `sessions`: for each client
    its last number and result.
    """

    machine: Any = None
    snapshot_every: int = setting(0)
    cleared: int = stable(0)
    snapshot: Snapshot | None = stable(None)
    sessions: dict[str, tuple[int, Any]] = volatile({})

    def status(self, slot: int) -> str:
        """What this replica knows of a slot: "cleared", "chosen" or "empty"."""
        if slot <= self.cleared:
            return "cleared"
        return "chosen" if slot in self.log else "empty"

    # ---- what is chosen gets executed

    def learn(self, slot: int, entry: Entry) -> None:
        """Note that `entry` is chosen in `slot`; execute whatever is next."""
        if slot > self.executed:
            super().learn(slot, entry)
            self.execute_ready()

    def execute_ready(self) -> None:
        """Execute slot after slot, up to the first that is not known."""
        while self.executed + 1 in self.log:
            self.executed += 1
            for command in self.log[self.executed]:
                self.execute(command)
        if self.snapshot_every and self.executed - self.cleared >= self.snapshot_every:
            self.take_snapshot()

    def execute(self, command: Command) -> None:
        """Do what the command says unless its client's session shows that it is done."""
        done, result = self.sessions.get(command.client, (0, None))
        if command.number > done:
            match command.operation:
                case Reconfigure(members):
                    self.configurations[self.executed + self.alpha] = members
                    result = self.executed + self.alpha
                case operation:
                    result = self.machine.apply(operation)
            self.sessions[command.client] = (command.number, result)
        if command.number >= done:
            self.executed_command(command, result)

    def executed_command(self, command: Command, result: Any) -> None:
        """Called after each execution, also of a command that had been executed before."""

    # ---- snapshots

    def take_snapshot(self) -> None:
        """Keep what the slots so far led to, and forget the slots."""
        sessions = tuple((client, *self.sessions[client]) for client in sorted(self.sessions))
        configurations = tuple(sorted(self.configurations.items()))
        machine = json.dumps(to_json(self.machine))
        self.clear_up_to(Snapshot(self.executed, machine, sessions, configurations))

    def install(self, snapshot: Snapshot) -> None:
        """Take over the state of a snapshot that is ahead of us."""
        self.machine = from_json(json.loads(snapshot.machine), [type(self.machine)])
        self.sessions = {client: (number, result) for client, number, result in snapshot.sessions}
        self.configurations = dict(snapshot.configurations)
        self.executed = snapshot.slot

    def clear_up_to(self, snapshot: Snapshot) -> None:
        """Store a snapshot and drop the part of the log that it covers."""
        self.snapshot, self.cleared = snapshot, snapshot.slot
        self.log = {slot: entry for slot, entry in self.log.items() if slot > self.cleared}

    def recover(self) -> None:
        if self.snapshot is not None:
            self.install(self.snapshot)
        self.execute_ready()

    # ---- whoever missed something asks for it

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Fetch(first):
                if first <= self.cleared and self.snapshot is not None:
                    self.send(sender, self.snapshot)
                    first = self.cleared + 1
                last = min(self.executed, first + MOST_ENTRIES - 1)
                if first <= last:
                    self.send(sender, Entries(first, tuple(self.log[s] for s in range(first, last + 1))))
            case Entries(first, entries):
                for slot, entry in enumerate(entries, start=first):
                    self.learn(slot, entry)
            case Snapshot(slot) if slot > self.executed:
                self.clear_up_to(message)
                self.install(message)
                self.execute_ready()
