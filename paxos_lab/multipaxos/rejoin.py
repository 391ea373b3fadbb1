"""A server whose disk was lost, and how it comes back under its old name.

It is not a restarted server. It may have promised and voted, others may have counted on that, and it
knows nothing of it. If it answers as if it were new, an entry that was chosen can be lost. So it is
*mute* at first, or recovering, as the field says: it answers no Prepare and no Accept, counts for no heartbeat, and does not campaign.
It asks all the others what they hold and fetches the log, until what it forgot can no longer matter.

Lost votes. It voted only in slots that a leader had open, so none lies further than alpha above the
highest slot in which any other server has voted or that it has executed. That is the *target*. Once
it has executed up to there, all those slots are chosen, and it takes a snapshot: its promises then say
"chosen and cleared, fetch it", where a vote would have been reported.

Lost promises. Each was given to a candidate, which had promised the same ballot itself, on its own disk,
before it asked. So the highest promise of *all* others is no lower than any that was lost, if they
answer after the loss. A majority of the others would not do: a candidate that was not asked may still
get the other promises that it needs, and count the lost one. The same holds for a server that has been
removed, as long as messages of its time may arrive.

The price: each server that was ever a member has to answer once, no two may have lost their disks, and
the others have to be enough to choose what leads to the target: in a group of two they are not.
If one is gone for good, use a new name instead: `Reconfigure` with a server that was never there.
With Phase 2 quorums of one nothing helps: what only the lost disk held is lost.

`number` tells the answers to this loss from those to an earlier one. It comes from whoever puts the
new disk in, since a server without a disk remembers no number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paxos_lab.multipaxos.messages import Accept, Fetch, Heartbeat, Prepare
from paxos_lab.multipaxos.server import Server
from paxos_lab.node import OUTSIDE, LabError, stable, stable_fields, volatile
from paxos_lab.paxos.ballots import Ballot


@dataclass(frozen=True)
class DiskLost:
    """From outside: your disk is empty; this is loss number 1, 2, ... of yours."""

    number: int

    def __str__(self) -> str:
        return f"DiskLost({self.number})"


@dataclass(frozen=True)
class WhatDoYouKnow:
    """I lost my disk and vote again from `target` on, as far as I know yet: what do you hold?"""

    number: int
    target: int

    def __str__(self) -> str:
        return f"WhatDoYouKnow(loss {self.number}, target {self.target})"


@dataclass(frozen=True)
class Known:
    """The answer: our promise, and the last slot in which we have voted or that we have executed."""

    number: int
    promised: Ballot
    last: int

    def __str__(self) -> str:
        return f"Known(promised {self.promised}, slots up to {self.last})"


@dataclass
class Rejoining(Server):
    """A server that survives the loss of its disk, silent until it is safe to vote.

    `mute`: it lost its disk and has not caught up yet. `loss`: the number of that loss. `told`: the
    first answer of each of the others. See `lose_disk`. A part to be added to a server, alone or with
    others, as in `@dataclass class Both(Rejoining, ReadingServer)`.
    """

    loss: int = stable(0)
    mute: bool = stable(False)
    told: dict[str, Known] = volatile({})

    def forget(self, number: int) -> None:
        """The disk is empty. What is in memory goes with the crash that follows."""
        fresh = type(self)(self.name)
        for field in stable_fields(self):
            setattr(self, field, getattr(fresh, field))
        self.loss, self.mute = number, True

    def others(self) -> set[str]:
        """All the others that were ever members, as far as we know."""
        return {*self.members, *(n for names in self.configurations.values() for n in names)} - {self.name}

    def target(self) -> int:
        """Slots above this one had no vote of ours before the disk was lost, by what we were told."""
        return max((known.last for known in self.told.values()), default=0) + self.alpha

    def wait_for_leader(self) -> None:
        if self.mute:
            self.set_timer("ask", self.patience)
        else:
            super().wait_for_leader()

    def recover(self) -> None:
        super().recover()
        if self.mute:
            self.inquire()

    def timeout(self, timer: str) -> None:
        match timer:
            case "ask" if self.mute:
                self.inquire()
                self.wait_for_leader()
            case "election" | "heartbeat" if self.mute:
                pass  # it neither stands for election nor leads
            case _:
                super().timeout(timer)

    def inquire(self) -> None:
        """Ask everybody; those who answered too, since one of them leads and has to reach the target."""
        others = sorted(self.others())
        self.send(others, WhatDoYouKnow(self.loss, self.target()))
        self.send(others, Fetch(self.first_open()))  # one that is not a member any more hears no heartbeat

    def handle(self, sender: str, message: Any) -> None:
        match message:
            case DiskLost(number) if sender == OUTSIDE:
                self.forget(number)
            case WhatDoYouKnow(number, target) if not self.mute:
                self.send(sender, Known(number, self.promised, max([self.executed, *self.votes])))
                if self.role == "leader":
                    self.fill_to = max(self.fill_to, target)  # no-ops, if there is no traffic
                    self.serve()
            case Known(number) if self.mute and number == self.loss:
                self.told.setdefault(sender, message)
                self.try_to_vote()
            case Prepare() | Accept() | WhatDoYouKnow() | Known() if self.mute or type(message) is Known:
                pass
            case Heartbeat(_, first_open, _) if self.mute:
                if first_open > self.first_open():
                    self.send(sender, Fetch(self.first_open()))
            case _:
                super().handle(sender, message)
                if self.mute:
                    self.try_to_vote()

    def try_to_vote(self) -> None:
        """Speak again, if all have answered and every slot that we may have voted in is chosen."""
        if not self.others() or not self.others() <= self.told.keys() or self.executed < self.target():
            return
        self.promised = max(known.promised for known in self.told.values())
        self.take_snapshot()
        self.mute, self.told = False, {}
        self.cancel_timer("ask")
        self.wait_for_leader()


def lose_disk(bus: Any, name: str, number: int = 1) -> None:
    """The server crashes, gets an empty disk and starts; `number` grows with every disk that it loses.

    `bus`: a `MessageBus`. Three events that its trace shows: the disk is emptied, a crash, a restart.
    Raises `LabError` if the node has no `forget(number)`: it would keep all that is on its disk.
    """
    node = bus[name]
    if not hasattr(node, "forget"):
        raise LabError(
            f"{name} is a {type(node).__name__}, which cannot lose its disk: make servers that can, as "
            "replicated_log(..., server=Rejoining) does"
        )
    if name in bus.down:
        bus.restart(name)
    bus.invoke(name, DiskLost(number))
    bus.crash(name)
    bus.restart(name)
