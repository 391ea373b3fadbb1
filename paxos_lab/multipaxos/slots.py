"""The slots as one server knows them: chosen, executed, open, and who acts in which.

Replica and leader both stand on this. The replica moves `executed` on; the leader asks for votes in the
open slots, and tells what it got chosen with `learn`. Slots count from 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from paxos_lab.multipaxos.messages import Entry
from paxos_lab.node import Node, setting, stable, volatile
from paxos_lab.paxos.quorums import Flexible, Majority, QuorumSystem


@dataclass
class Slots(Node):
    """What is known of the log here, and whose votes count in each slot.

    `members`: who acts from slot 1 on. `alpha`: a configuration chosen in slot s governs from
    s + alpha on (PMS 3), so no more than alpha slots may be open at once. `quorum_sizes`: (phase 1,
    phase 2) in place of majorities. `log`: what is known to be chosen; `executed`: the last slot of
    which the machine has seen all; `configurations`: members by the first slot that they govern.
    """

    members: tuple[str, ...] = setting(())
    alpha: int = setting(3)
    quorum_sizes: tuple[int, int] | None = setting(None)
    log: dict[int, Entry] = stable({})
    executed: int = 0
    configurations: dict[int, tuple[str, ...]] = volatile({})

    def learn(self, slot: int, entry: Entry) -> None:
        """Note that `entry` is chosen in `slot`."""
        if slot > self.executed:
            self.log.setdefault(slot, entry)

    def command(self, slot: int) -> Entry | None:
        """The entry that is chosen in a slot, as far as it is known here and not cleared."""
        return self.log.get(slot)

    def first_open(self) -> int:
        """The first slot that is not known here to be chosen."""
        return self.executed + 1

    def applied(self) -> int:
        """The last slot that the machine has executed."""
        return self.executed

    def open_slots(self) -> range:
        """The slots that may be voted on: no more than alpha, so that their members are known."""
        return range(self.first_open(), self.first_open() + self.alpha)

    # ---- who is who

    def members_at(self, slot: int) -> tuple[str, ...]:
        """Who acts in a slot; known for slots up to `applied() + alpha`."""
        begins = max((first for first in self.configurations if first <= slot), default=None)
        return self.members if begins is None else self.configurations[begins]

    def is_member(self) -> bool:
        """True if we act in the first open slot, as far as we know."""
        return self.name in self.members_at(self.first_open())

    def everybody(self) -> list[str]:
        """The members of all open slots."""
        return list(dict.fromkeys(name for slot in self.open_slots() for name in self.members_at(slot)))

    def peers(self) -> list[str]:
        """The members of all open slots but ourselves."""
        return [name for name in self.everybody() if name != self.name]

    def quorums_at(self, slot: int) -> QuorumSystem:
        """The quorums of a slot."""
        members = self.members_at(slot)
        if self.quorum_sizes and max(self.quorum_sizes) <= len(members) < sum(self.quorum_sizes):
            return Flexible(*self.quorum_sizes, members)
        return Majority(members)  # also where the sizes do not fit a changed group: they might miss
