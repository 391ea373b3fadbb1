"""Raft's log: matched, repaired, committed, executed, cleared by snapshots.

A Paxos acceptor votes slot by slot, and a Raft follower by prefix. An append says which entry it follows
(index and term). If the follower has that entry, then by induction the two logs are the same up to it,
since in one term one leader puts one entry in each place. So one yes vouches for the whole prefix, and one
no says that the prefix differs: the leader goes back, and the follower cuts off what contradicts it.

What may be cut off is never committed: see `election.py` for the rule that takes care of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from paxos_lab.multipaxos.messages import Command, Entry, Reconfigure
from paxos_lab.node import Node, setting, stable, volatile
from paxos_lab.relatives.raft.members import JointMajority
from paxos_lab.relatives.raft.messages import Groups, LogEntry, RaftSnapshot
from paxos_lab.world.data import from_json, to_json


@dataclass
class RaftLog(Node):
    """The log of one server, and the machine that executes what is committed.

    `members`: who votes before any entry says otherwise. `snapshot_every`: entries between two
    snapshots, 0 for never. `log`: entries by index, from `cleared` + 1 on. `commit`: up to here they are
    committed, as far as we know; this is *not* on disk, since the next leader says it again.
    `executed`: up to here the machine has seen them.
    """

    members: tuple[str, ...] = setting(())
    machine: Any = None
    snapshot_every: int = setting(0)
    log: dict[int, LogEntry] = stable({})
    cleared: int = stable(0)
    snapshot: RaftSnapshot | None = stable(None)
    commit: int = 0
    executed: int = 0
    sessions: dict[str, tuple[int, Any]] = volatile({})

    # ---- what it holds

    def last_index(self) -> int:
        """The index of the last entry, 0 if there was none yet."""
        return self.cleared + len(self.log)

    def term_at(self, index: int) -> int | None:
        """The term of the entry at an index, 0 before the first, None where it is not known any more or yet."""
        if index == 0:
            return 0
        if self.snapshot is not None and index == self.cleared:
            return self.snapshot.term
        return self.log[index].term if index in self.log else None

    def last_term(self) -> int:
        """The term of the last entry."""
        return self.term_at(self.last_index()) or 0

    # ---- match and repair

    def matches(self, index: int, term: int) -> bool:
        """True if the log up to `index` is that of whoever has an entry of `term` there."""
        return index < self.cleared or self.term_at(index) == term

    def merge(self, index: int, entries: tuple[LogEntry, ...]) -> None:
        """Take over the entries that follow on `index`; cut off ours from the first that contradicts.

        Only from there: an append may be old, and what we have beyond it may be committed by now.
        """
        for place, entry in enumerate(entries, start=index + 1):
            if place <= self.cleared:
                continue  # committed, hence the same
            if self.term_at(place) != entry.term:
                self.cut_off(place)
                self.log[place] = entry

    def cut_off(self, index: int) -> None:
        """Drop the entry at `index` and all after it."""
        self.log = {place: entry for place, entry in self.log.items() if place < index}

    def go_back(self, index: int) -> int:
        """After which entry the leader should try next, when ours at `index` is missing or of another term.

        The whole term is skipped at once, since its leader put all of it there.
        """
        if index > self.last_index():
            return self.last_index()
        wrong = self.term_at(index)
        while index > self.commit and self.term_at(index) == wrong:
            index -= 1
        return index

    # ---- commit and execute

    def commit_up_to(self, index: int) -> None:
        """Note that the entries up to `index` are committed, and execute them."""
        self.commit = max(self.commit, index)
        self.execute_ready()

    def execute_ready(self) -> None:
        """Execute entry after entry, up to the last committed one."""
        while self.executed < self.commit:
            self.executed += 1
            for command in self.log[self.executed].commands:
                self.execute(command)
        if self.snapshot_every and self.executed - self.cleared >= self.snapshot_every:
            self.take_snapshot()

    def execute(self, command: Command) -> None:
        """Do what the command says unless its client's session shows that it is done."""
        done, result = self.sessions.get(command.client, (0, None))
        if command.number > done:
            match command.operation:
                case Reconfigure():
                    result = self.executed  # it is in force from its own entry on
                case operation:
                    result = self.machine.apply(operation)
            self.sessions[command.client] = (command.number, result)
        if command.number >= done:
            self.executed_command(command, result)

    def executed_command(self, command: Command, result: Any) -> None:
        """Called after each execution, also of a command that had been executed before."""

    # ---- snapshots

    def take_snapshot(self) -> None:
        """Keep what the entries so far led to, and forget the entries."""
        sessions = tuple((client, *self.sessions[client]) for client in sorted(self.sessions))
        term, groups = self.term_at(self.executed), self.groups_at(self.executed)
        machine = json.dumps(to_json(self.machine))
        self.clear_up_to(RaftSnapshot(self.executed, term or 0, groups, machine, sessions))

    def clear_up_to(self, snapshot: RaftSnapshot) -> None:
        """Store a snapshot. The rest of the log stays only if it follows on the snapshot's last entry."""
        follows = self.term_at(snapshot.slot) == snapshot.term
        kept = {i: entry for i, entry in self.log.items() if i > snapshot.slot} if follows else {}
        self.snapshot, self.cleared, self.log = snapshot, snapshot.slot, kept

    def install(self, snapshot: RaftSnapshot) -> None:
        """Take over the state of a snapshot that is ahead of us."""
        self.machine = from_json(json.loads(snapshot.machine), [type(self.machine)])
        self.sessions = {client: (number, result) for client, number, result in snapshot.sessions}
        self.executed = self.commit = snapshot.slot

    def recover(self) -> None:
        if self.snapshot is not None:
            self.install(self.snapshot)

    # ---- who votes

    def groups_at(self, index: int) -> Groups:
        """Who votes from the entry at `index` on: what the last entry up to there says, committed or not."""
        told = max((i for i, entry in self.log.items() if entry.groups and i <= index), default=None)
        if told is not None:
            return self.log[told].groups
        return self.snapshot.groups if self.snapshot is not None else (self.members,)

    def groups(self) -> Groups:
        """Who votes now. A change is in force when it is *appended*: a server uses the last that it holds."""
        return self.groups_at(self.last_index())

    def everybody(self) -> list[str]:
        """All who vote now."""
        return list(dict.fromkeys(name for group in self.groups() for name in group))

    def peers(self) -> list[str]:
        """All who vote now but ourselves."""
        return [name for name in self.everybody() if name != self.name]

    def is_member(self) -> bool:
        """True if we vote, as far as we know."""
        return self.name in self.everybody()

    # ---- what an observer may ask

    def status(self, slot: int) -> str:
        """What this server knows of an index: "cleared", "chosen" (committed), "accepted" or "empty"."""
        if slot <= self.cleared:
            return "cleared"
        if slot not in self.log:
            return "empty"
        return "chosen" if slot <= self.commit else "accepted"

    def command(self, slot: int) -> Entry | None:
        """The entry that is committed at an index, as far as it is known here and not cleared."""
        return self.log[slot].commands if self.status(slot) == "chosen" else None

    def vote(self, slot: int) -> LogEntry | None:
        """What is held at an index, committed or not, with its term."""
        return self.log.get(slot)

    def first_open(self) -> int:
        """The first index that is not known here to be committed."""
        return max(self.commit, self.cleared) + 1

    def applied(self) -> int:
        """The last index that the machine has executed."""
        return self.executed

    def members_at(self, slot: int) -> tuple[str, ...]:
        """Who votes on what is appended at an index; while members change, old and new."""
        return tuple(dict.fromkeys(name for group in self.groups_at(slot) for name in group))

    def quorums_at(self, slot: int) -> JointMajority:
        """Whose votes commit an entry at that index now: a leader counts by the last change that it holds."""
        return JointMajority(self.groups())
