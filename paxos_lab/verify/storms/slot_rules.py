"""Slot rules: what must hold of a log, asked only of what a server shows.

A server is whatever answers `status(slot)` ("empty", "accepted", "chosen" or "cleared"),
`command(slot)`, `first_open()` and `applied()`; so the rules fit any design. Asked besides, where there is
one: `members_at(slot)`, else all servers are members of every slot; `quorums_at(slot)`, else majorities choose;
`vote(slot)`, what is held in a slot, chosen or not, with a `ballot` (of any ordered kind) and an `entry`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos.machines import Append
from paxos_lab.multipaxos.messages import entry_text
from paxos_lab.node import LabError
from paxos_lab.verify.storms.message_rules import MessageRules
from paxos_lab.world.events import Crash

STATUSES = ("empty", "accepted", "chosen", "cleared")
_ASKED = ("status", "command", "first_open", "applied")


def _entry(command: Any) -> str:
    """What a slot holds, for people: of the course's own servers a tuple of commands, of others anything."""
    return entry_text(command) if isinstance(command, tuple) else str(command)


def servers_on(bus: MessageBus) -> list[Any]:
    """The nodes that show a log, those that are down included: their disks count."""
    return [node for node in bus if all(hasattr(node, name) for name in _ASKED)]


class LogRules:
    """Watches one run: call `look(bus)` after each step, or as often as you can.

    `quorum`: how many servers have to hold what is chosen; left out, the phase 2 size of the servers'
    `quorum_sizes`, and where they have none, a majority of the members.
    `ahead`: how far beyond the open slots to look.

    1. No slot has two chosen entries, at any two moments, on any two servers.
    2. A slot that is chosen on one server is held (accepted, chosen or cleared) by a quorum.
    3. What was *chosen* is not lost: whoever held it, in the ballot in which it was chosen or a later one, holds it
       for ever, and what a server knows to be chosen it knows until it crashes. (That may be in memory, for
       others say it again.) A disk forgets nothing: in a crash no slot becomes empty. An entry that was
       never chosen may be cut off.
    4. A server applies in slot order: all slots up to `applied()` are chosen or cleared, and the
       number goes down in a crash only. All slots below `first_open()` are chosen, it is not.
    5. A slot is cleared only after it was applied, and when a quorum holds it: nobody will ask
       for votes that are gone.
    6. What is chosen on a server has the votes of a quorum in one ballot, and servers keep what they
       have promised: see `MessageRules`. Asked only where servers talk in the messages of the course.

    A lost disk (`Rejoining`) is not a breach: the server starts anew, and counts as one that holds a
    slot as long as it is mute, since it votes for nothing else before it has fetched what is chosen.
    """

    def __init__(self, quorum: int | None = None, ahead: int = 10) -> None:
        self.quorum, self.ahead = quorum, ahead
        self.chosen: dict[int, tuple[str, Any]] = {}
        self._held: dict[str, dict[int, str]] = {}
        self._votes: dict[str, dict[int, Any]] = {}
        self._chosen_in: dict[
            int, Any
        ] = {}  # the lowest ballot that a server which knows shows for what is chosen
        self._down: set[str] = set()
        self._read = 0
        self._applied: dict[str, int] = {}
        self._losses: dict[str, int] = {}
        self._backed: set[int] = set()
        self._messages = MessageRules()

    def look(self, bus: MessageBus) -> str | None:
        """What is broken now, in one sentence; None if nothing is."""
        if broken := self._messages.look(bus):
            return broken
        servers, down = servers_on(bus), set(bus.down)
        last = max((server.first_open() for server in servers), default=1)
        last = max([last, *self.chosen]) + self.ahead
        fresh: set[int] = set()
        crashed = self._crashes(bus)
        for server in servers:
            broken = self._look_at(server, server.name in down, server.name in crashed, last, fresh)
            if broken:
                return broken
        up = [server for server in servers if server.name not in down]
        for slot in sorted(fresh):
            if broken := self._is_backed(servers, up, slot):
                return broken
        return None

    def _crashes(self, bus: MessageBus) -> set[str]:
        """The servers that have lost their memory since the last look."""
        before, self._down = self._down, set(bus.down)
        try:
            trace = bus.trace
        except LabError:  # a bus without a trace: who is down has to do
            return before | self._down
        fresh, self._read = trace[self._read :], len(trace)
        return before | self._down | {step.event.node for step in fresh if isinstance(step.event, Crash)}

    def _look_at(self, server: Any, down: bool, crashed: bool, last: int, fresh: set[int]) -> str | None:
        name = server.name
        held, votes = self._held.setdefault(name, {}), self._votes.setdefault(name, {})
        losses = getattr(server, "loss", 0)
        if losses != self._losses.get(name, 0):
            self._losses[name] = losses
            held.clear()
            votes.clear()
            self._applied.pop(name, None)
            return None  # what it has in memory goes with the crash that comes next
        # What is down has lost what it had in memory, and what that was says nothing.
        applied = 0 if down else server.applied()
        for slot in range(1, last + 1):
            before = held.get(slot, "empty")
            if before == "cleared" and server.status(slot) == "cleared":
                continue
            now = server.status(slot)
            vote = server.vote(slot) if hasattr(server, "vote") else None
            if broken := self._is_lost(name, slot, (before, now), (votes.get(slot), vote), crashed):
                return broken
            held[slot], votes[slot] = now, vote
            if now in ("chosen", "cleared") and slot not in self._backed:
                fresh.add(slot)
            if now == "cleared" and not down and slot > applied:
                return f"{name} has cleared slot {slot} and applied only up to {applied}"
            if now == "chosen" and (broken := self._is_the_one(name, slot, server.command(slot))):
                return broken
            if slot <= applied and now not in ("chosen", "cleared"):
                return f"{name} has applied up to {applied}, and slot {slot} is {now} there: a gap"
        if crashed:
            self._applied.pop(name, None)
        if down:
            return None
        if applied < self._applied.get(name, 0):
            return f"{name} had applied up to {self._applied[name]} and is back at {applied}"
        self._applied[name] = applied
        first = server.first_open()
        known = all(held.get(slot) in ("chosen", "cleared") for slot in range(1, first))
        if not known or held.get(first) in ("chosen", "cleared") or first <= applied:
            return f"{name} calls {first} its first open slot, which it is not"
        return None

    def _is_lost(
        self, name: str, slot: int, states: tuple[str, str], votes: tuple[Any, Any], crashed: bool
    ) -> str | None:
        """Rule 3, for one slot of one server: what it was before and what it is now."""
        before, now = states
        if STATUSES.index(now) < STATUSES.index(before):
            forgot = now == "accepted" and before == "chosen" and crashed  # that it is chosen, not what
            # Without votes to be seen, nobody can say that what is cut off was not the chosen entry.
            unseen = slot in self.chosen and votes[0] is None
            cut_off = (
                now == "empty" and before == "accepted" and not (crashed or unseen or self._messages.in_use)
            )
            if not (forgot or cut_off):
                return f"slot {slot} was {before} on {name} and is {now} now"
        if now in ("chosen", "cleared") or not self._is_chosen(slot, votes[0]):
            return None
        if self._is_chosen(slot, votes[1]):
            return None
        instead = "is empty" if votes[1] is None else f"holds {_entry(votes[1].entry)}"
        return f"slot {slot} held {_entry(votes[0].entry)} on {name}, which is chosen, and {instead} now"

    def _is_chosen(self, slot: int, vote: Any) -> bool:
        """True if that vote is for what is known to be chosen, in a ballot that chose it or after one."""
        if vote is None or slot not in self._chosen_in:
            return False
        return bool(vote.entry == self.chosen[slot][1] and vote.ballot >= self._chosen_in[slot])

    def _is_the_one(self, name: str, slot: int, command: Any) -> str | None:
        who, known = self.chosen.setdefault(slot, (name, command))
        if known == command:
            return None
        return f"slot {slot} has two chosen entries: {_entry(known)} on {who} and {_entry(command)} on {name}"

    def _is_backed(self, servers: list[Any], up: list[Any], slot: int) -> str | None:
        # Asked once, when it is first seen: what is held stays held (rule 3).
        members = [server.name for server in servers]
        if all(hasattr(server, "members_at") for server in servers):
            # Who the members are is in memory, so somebody has to be up who has come that far.
            best = max(up, key=lambda server: server.applied(), default=None)
            if best is None or best.applied() + getattr(best, "alpha", 0) < slot:
                return None
            members = best.members_at(slot)
        holding = [s.name for s in servers if self._holds(s, slot)]
        holders = [name for name in members if name in holding]
        need = self._phase_two(servers, len(members))
        knows = next(s for s in servers if self._held[s.name].get(slot) in ("chosen", "cleared"))
        if self.quorum is None and hasattr(knows, "quorums_at") and not hasattr(knows, "quorum_sizes"):
            backed = knows.name not in (s.name for s in up) or knows.quorums_at(slot).is_quorum(holding, 2)
        else:
            backed = len(holders) >= need
        if not backed:
            return f"slot {slot} is chosen on {knows.name}, and only {holders} of {members} hold it"
        if slot in self.chosen:
            told = [self._votes[s.name].get(slot) for s in servers]
            same = [vote.ballot for vote in told if vote is not None and vote.entry == self.chosen[slot][1]]
            if same:
                self._chosen_in[slot] = max(same)  # that or a lower one has chosen it
        votes = self._messages.votes_of(slot, members)
        if votes is not None and votes < need and need > 1:  # one alone chooses without a message
            return f"slot {slot} is chosen on {knows.name}, and no ballot has {need} votes there: {votes} at most"
        self._backed.add(slot)
        return None

    def _holds(self, server: Any, slot: int) -> bool:
        """True if that server holds what is chosen, as far as it shows what it holds."""
        if getattr(server, "mute", False):
            return True
        state, vote = server.status(slot), self._votes.get(server.name, {}).get(slot)
        if state == "accepted" and vote is not None and slot in self.chosen:
            return bool(vote.entry == self.chosen[slot][1])
        return bool(state != "empty")

    def _phase_two(self, servers: list[Any], members: int) -> int:
        """How many votes choose among so many members."""
        if self.quorum is not None:
            return self.quorum
        shown = {getattr(server, "quorum_sizes", None) for server in servers}
        if len(shown) > 1:
            told = " and ".join(sorted(map(str, shown)))
            raise LabError(
                f"the servers name different quorum_sizes, {told}: say quorum=..., the votes that choose"
            )
        sizes = next(iter(shown), None)
        # As the servers do: sizes that do not fit so many members count for nothing.
        if sizes and max(sizes) <= members < sum(sizes):
            return int(sizes[1])
        return members // 2 + 1


def executed_twice(bus: MessageBus) -> str | None:
    """A command that a server's store shows to have been executed twice, in a sentence, or None.

    Only an append leaves a mark each time. Looked at are keys to which clients append words, each
    ended by a space, and do nothing else: no word may be there more often than they asked for it.
    """
    writes: dict[Any, list[Any]] = {}
    for node in bus:
        for op in getattr(node, "operations", ()):
            if hasattr(op, "text") or hasattr(op, "value"):
                writes.setdefault(op.key, []).append(op)
    for server in servers_on(bus):
        data = getattr(getattr(server, "machine", None), "data", {})
        for key, ops in writes.items():
            if not all(isinstance(op, Append) and op.text.endswith(" ") for op in ops):
                continue
            asked = Counter(word for op in ops for word in op.text.split())
            done = Counter(str(data.get(key) or "").split())
            for word in done - asked:
                times = f"{done[word]} times, asked for {asked[word]}"
                return f"{server.name} has executed append {key} {word} {times}"
    return None
