"""Servers with one rule taken away, the second half: changes of members, lost disks, and reads."""

from __future__ import annotations

from dataclasses import dataclass

from paxos_lab.multipaxos import Read, ReadingServer, Reconfigure, Rejoining, Server
from paxos_lab.multipaxos.messages import Command, Reply
from paxos_lab.multipaxos.rejoin import Known
from paxos_lab.paxos.quorums import Majority, QuorumSystem
from paxos_lab.world.data import copy_of

# ---- changes of members


class AtOnce(Server):
    """A new configuration governs from the next slot on."""

    def execute(self, command: Command) -> None:
        super().execute(command)
        if isinstance(command.operation, Reconfigure):
            self.configurations = {
                min(first, self.executed + 1): members for first, members in self.configurations.items()
            }


class NewestForAll(Server):
    """Takes the newest configuration it knows for every slot."""

    def members_at(self, slot: int) -> tuple[str, ...]:
        return self.configurations[max(self.configurations)] if self.configurations else self.members


class FirstForAll(Server):
    """Counts quorums among the first members for ever."""

    def quorums_at(self, slot: int) -> QuorumSystem:
        return Majority(self.members)


class WideWindow(Server):
    """Opens three times as many slots as a configuration takes to come into force."""

    def open_slots(self) -> range:
        return range(self.first_open(), self.first_open() + 3 * self.alpha)


# ---- lost disks


class RestartsOnly(Rejoining):
    """Takes the loss of its disk for a restart: it speaks at once."""

    def forget(self, number: int) -> None:
        super().forget(number)
        self.mute = False


class AsksAMajority(Rejoining):
    """Is content with the answers of a majority."""

    def others(self) -> set[str]:
        everybody = super().others() | {self.name}
        told = set(self.told)
        return told if 2 * len(told) > len(everybody) else everybody - {self.name}


class ForgetsPromises(Rejoining):
    """Speaks again without the promises that it may have given."""

    def try_to_vote(self) -> None:
        self.told = {name: Known(k.number, self.promised, k.last) for name, k in self.told.items()}
        super().try_to_vote()


# ---- reads


@dataclass
class Drifting(ReadingServer):
    """Right: a server whose timers take `rate` times as long as they should."""

    rate: float = 1.0

    def set_timer(self, timer: str, delay: float) -> None:
        super().set_timer(timer, delay * self.rate)


@dataclass
class NoDriftBound(Drifting):
    """Sets the timers of its leases as if no clock ever drifted."""

    def __post_init__(self) -> None:
        self.drift = 0.0


class Believing(ReadingServer):
    """Answers reads from its own copy as long as it believes that it leads."""

    def may_answer(self, how: str, read_point: int, number: int) -> bool:
        return True


class NoReadPoint(ReadingServer):
    """Makes sure that it leads, and answers without having executed up to the read point."""

    def may_answer(self, how: str, read_point: int, number: int) -> bool:
        return self.was_heard(number, read_point)


class FollowersRead(ReadingServer):
    """Whoever is asked answers from its own copy."""

    def request(self, command: Command) -> None:
        match command.operation:
            case Read(operation, _):
                self.send(command.client, Reply(command.number, copy_of(self.machine).apply(operation)))
            case _:
                super().request(command)
