"""Rules on what servers say to each other: a fault of ballots shows here long before a slot has two entries.

They apply to every log whose servers use `paxos_lab.multipaxos.messages`, whatever its classes are; about
others they say nothing. What a server says to itself is not a message, so it is not seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos.messages import Accept, Accepted, Prepare, Promise, Vote, entry_text
from paxos_lab.node import LabError, Node, Send, react
from paxos_lab.paxos.ballots import Ballot
from paxos_lab.world.copying import twin
from paxos_lab.world.events import Duplicate


def answers_lower(server: Node, others: Iterable[str]) -> bool:
    """True if this server answers a Prepare that is lower than one it has just answered; a copy of it is tried.

    `others`: names of those that may ask; members of the group among them.
    """
    return any(_promises_both(twin(server), name) for name in others if name != server.name)


def _promises_both(copy: Node, asking: str) -> bool:
    high, low = Ballot(10**9, asking), Ballot(10**9 - 1, asking)  # above every ballot of a run
    try:
        wishes = [
            wish for ballot in (high, low) for wish in react(copy, "receive", asking, Prepare(ballot, 1))
        ]
    except Exception:  # whoever cannot take that answers nothing
        return False
    sent = [wish.message for wish in wishes if isinstance(wish, Send)]
    return [message.ballot for message in sent if isinstance(message, Promise)] == [high, low]


class MessageRules:
    """Reads the trace of one run: call `look(bus)` after each step, or as often as you can.

    1. Nobody sends a Promise or an Accepted below an earlier Promise of its own.
    2. A Promise reports, for each slot asked about that is not cleared, a vote no lower than the last one
       that its sender said it had cast, and for the entry that the vote's ballot asked for there.
    3. A ballot asks for one entry in a slot.

    A Promise need not report a vote in its own ballot or above: whoever opened the ballot had its quorum by
    then, or can get none any more. And what was said before may be said again, at any time: a Promise or an
    Accepted that is sent once more is not a new statement.

    A lower Promise by itself does no harm as long as no vote follows it: an acceptor may answer each Prepare
    (PMS 2.2). So before one is called a promise forgotten, the server is tried: one that answers a lower
    Prepare at any time, with its promise in mind, is let off; its votes still count.
    """

    def __init__(self) -> None:
        self._read = 0
        self._promised: dict[str, Any] = {}
        self._voted: dict[str, dict[int, Any]] = {}
        self._first: dict[Any, int] = {}  # the highest slot from which a ballot asks
        self._asked: dict[tuple[int, Any], Any] = {}
        self._voters: dict[int, dict[Any, set[str]]] = {}
        self._said: dict[tuple[str, Any], list[Any]] = {}
        self.in_use = False  # an Accepted was sent, so servers talk in these messages

    def look(self, bus: MessageBus) -> str | None:
        """What is broken in the steps since the last look, in one sentence; None if nothing is."""
        try:
            trace = bus.trace
        except LabError:  # a bus without a trace: nothing to read
            return None
        fresh, self._read = trace[self._read :], len(trace)
        for step in fresh:
            if isinstance(step.event, Duplicate):  # the network says it, not the sender
                continue
            for envelope in step.sent:
                if found := self._hear(bus, envelope.sender, envelope.message):
                    return f"{found} (step {step.step})"
        return None

    def votes_of(self, slot: int, members: Collection[str]) -> int | None:
        """The most votes that `members` cast in one ballot for that slot; None where messages do not tell.

        Whoever asks for votes in a ballot counts as a voter: its own vote is never sent.
        """
        if not self.in_use:
            return None
        return max((len(who & {*members}) for who in self._voters.get(slot, {}).values()), default=0)

    def _hear(self, bus: MessageBus, name: str, message: Any) -> str | None:
        match message:
            case Prepare(ballot, first):
                self._first[ballot] = max(first, self._first.get(ballot, first))
            case Promise(ballot, votes, cleared):
                if self._is_said_again(name, ballot, (votes, cleared)):
                    return None
                if (found := self._is_below(name, "promises", ballot)) and not answers_lower(
                    bus[name], bus.names
                ):
                    return found
                self._promised[name] = max(ballot, self._promised.get(name, ballot))
                return self._is_dishonest(name, ballot, votes, cleared)
            case Accept(ballot, slot, entry):
                known = self._asked.setdefault((slot, ballot), entry)
                if known != entry:
                    both = f"{entry_text(known)} and for {entry_text(entry)}"
                    return f"ballot {ballot} asks for {both} in slot {slot}"
                self._vote(name, ballot, slot)
            case Accepted(ballot, slot):
                if self._is_said_again(name, ballot, slot):
                    return None
                if found := self._is_below(name, f"accepts in slot {slot} in", ballot):
                    return found
                self.in_use = True
                self._vote(name, ballot, slot)
                voted = self._voted.setdefault(name, {})
                voted[slot] = max(ballot, voted.get(slot, ballot))
        return None

    def _is_said_again(self, name: str, ballot: Any, what: Any) -> bool:
        said = self._said.setdefault((name, ballot), [])
        again = what in said
        if not again:
            said.append(what)
        return again

    def _vote(self, name: str, ballot: Any, slot: int) -> None:
        self._voters.setdefault(slot, {}).setdefault(ballot, set()).add(name)

    def _is_below(self, name: str, does: str, ballot: Any) -> str | None:
        before = self._promised.get(name)
        if before is None or ballot >= before:
            return None
        return f"{name} had promised {before}, and now {does} {ballot}, which is lower"

    def _is_dishonest(self, name: str, ballot: Any, votes: Any, cleared: int) -> str | None:
        reported = {slot: vote for slot, vote in votes if isinstance(vote, Vote)}
        first = max(self._first.get(ballot, 1), cleared + 1)
        for slot, cast in self._voted.get(name, {}).items():
            vote = reported.get(slot)
            if first <= slot and cast < ballot and (vote is None or vote.ballot < cast):
                what = "reports no vote" if vote is None else f"reports a vote in {vote.ballot}"
                return (
                    f"{name} had accepted in slot {slot} in {cast}, and its promise of {ballot} {what} there"
                )
        for slot, vote in reported.items():
            asked = self._asked.get((slot, vote.ballot), vote.entry)
            if asked != vote.entry:
                what = f"{entry_text(vote.entry)}, and {vote.ballot} asks for {entry_text(asked)}"
                return f"in slot {slot} {name} reports {what} there"
        return None
