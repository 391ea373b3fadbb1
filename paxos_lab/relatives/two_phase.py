"""Two-phase commit: all say yes, or nothing happens (Gray 1978; Bernstein, Hadzilacos & Goodman 1987, ch. 7).

One transaction, in two rounds:

    1. The coordinator asks everybody for a vote. A participant that votes yes writes so on its
       disk first: from now on it must be able to do either, and may no longer choose. One that
       votes no has aborted.
    2. If all voted yes, the coordinator writes Commit on its disk and tells everybody; if one
       voted no, or a vote is missing for too long, it is Abort.

What a timer means depends on where the node stands. A participant that has not voted aborts on
its own: nothing can have been committed without its yes. A coordinator that misses a vote aborts.
But a participant that voted yes is *in doubt*: it asks the coordinator and the other
participants (the cooperative termination protocol of ch. 7.4), and when none of them knows, it waits.
No rule could help it: the same messages reach it where the decision was Commit and where it was Abort.

A coordinator that restarts and finds no Commit on its disk aborts (it presumes abort; Mohan,
Lindsay & Obermarck 1986). There are no acknowledgements: it keeps its decision, so whoever missed
it can ask at any time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paxos_lab.node import LabError, Node, setting, stable


@dataclass(frozen=True)
class VoteRequest:
    """Coordinator to participants, first phase: "can you commit?"."""

    def __str__(self) -> str:
        return "VoteRequest"


@dataclass(frozen=True)
class Vote:
    """Participant to coordinator: "yes, whatever comes" or "no, I have aborted"."""

    yes: bool

    def __str__(self) -> str:
        return f"Vote({'yes' if self.yes else 'no'})"


@dataclass(frozen=True)
class Commit:
    """The decision, told to all and written in the logs: do it."""

    def __str__(self) -> str:
        return "Commit"


@dataclass(frozen=True)
class Abort:
    """The decision, told to all and written in the logs: leave everything as it was."""

    def __str__(self) -> str:
        return "Abort"


@dataclass(frozen=True)
class DecisionRequest:
    """From a participant in doubt to all others: "do you know the decision?"."""

    def __str__(self) -> str:
        return "DecisionRequest"


Decision = Commit | Abort


@dataclass
class Coordinator(Node):
    """Collects the votes and decides. `patience`: virtual time to wait for them."""

    participants: tuple[str, ...]
    patience: float = setting(10.0)
    decision: Decision | None = stable(None)
    yes: frozenset[str] = frozenset()

    def start(self) -> None:
        self.send(self.participants, VoteRequest())
        self.set_timer("votes", self.patience)

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Vote(yes=True) if self.decision is None:
                self.yes |= {sender}
                if self.yes.issuperset(self.participants):
                    self.decide(Commit())
            case Vote(yes=False) if self.decision is None:
                self.decide(Abort())
            case DecisionRequest() if self.decision is not None:
                self.send(sender, self.decision)

    def timeout(self, timer: str) -> None:
        self.decide(Abort())

    def recover(self) -> None:
        # Without a Commit on disk none was ever sent, so Abort contradicts nobody.
        self.decide(self.decision or Abort())

    def decide(self, decision: Decision) -> None:
        """Write the decision and tell everybody; the world writes before it sends."""
        self.decision = decision
        self.cancel_timer("votes")
        self.send(self.participants, decision)


@dataclass
class Participant(Node):
    """Votes once, then does what was decided.

    `others`: the other participants, whom it asks when in doubt. `willing`: how it will vote.
    `patience`: virtual time to wait before it acts on silence.
    """

    coordinator: str
    others: tuple[str, ...] = setting(())
    willing: bool = setting(True)
    patience: float = setting(10.0)
    voted: bool | None = stable(None)
    decision: Decision | None = stable(None)

    @property
    def in_doubt(self) -> bool:
        """True from a yes until the decision is known: may neither commit nor abort."""
        return self.voted is True and self.decision is None

    def start(self) -> None:
        self.set_timer("silence", self.patience)

    def recover(self) -> None:
        self.act_on_silence()

    def timeout(self, timer: str) -> None:
        self.act_on_silence()

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case VoteRequest():
                self.vote()
            case Commit() | Abort() if self.decision is None:
                self.decide(message)
            case DecisionRequest() if not self.in_doubt:
                if self.decision is None:
                    self.decide(Abort())  # asked before it voted: it can still say no
                self.send(sender, self.decision)

    def vote(self) -> None:
        """Vote yes only if willing and not aborted yet; asked again, give the same vote again."""
        if self.voted is None:
            self.voted = self.willing and self.decision is None
            if self.voted:
                self.set_timer("silence", self.patience)
            elif self.decision is None:
                self.decide(Abort())
        self.send(self.coordinator, Vote(self.voted))

    def act_on_silence(self) -> None:
        """In doubt: ask everybody. Not voted yet: abort alone."""
        if self.in_doubt:
            self.send((self.coordinator, *self.others), DecisionRequest())
            self.set_timer("silence", self.patience)
        elif self.decision is None:
            self.decide(Abort())

    def decide(self, decision: Decision) -> None:
        """Write the decision; it never changes."""
        self.decision = decision
        self.cancel_timer("silence")


def two_phase_commit(votes: Iterable[bool] = (True, True)) -> list[Node]:
    """The coordinator "coord" and participants p1.., one for each vote that will be given."""
    votes = list(votes)
    if not votes:
        raise LabError("two_phase_commit needs at least one participant: give each one's vote")
    if not all(isinstance(vote, bool) for vote in votes):
        raise LabError(f"a vote is True (yes) or False (no), got {votes!r}")
    names = tuple(f"p{i}" for i in range(1, len(votes) + 1))
    participants = [
        Participant(name, "coord", tuple(n for n in names if n != name), willing)
        for name, willing in zip(names, votes, strict=True)
    ]
    return [Coordinator("coord", names), *participants]
