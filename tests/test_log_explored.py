"""The explorer on a log: 2 slots, 2 leaders, 3 acceptors, every schedule; and leaders that lack a rule."""

import pytest

from paxos_lab import LabError, MessageBus
from paxos_lab.multipaxos import Accept, Command, Heir, Prepare, Promise, Vote, heirs, inherited
from paxos_lab.paxos import Ballot
from paxos_lab.verify import explore
from paxos_lab.verify.explorer.log_properties import no_hole_is_left, one_entry_in_a_ballot, slot_agreement

ALL = (slot_agreement, one_entry_in_a_ballot, no_hole_is_left)
TWO = [["x", "y"], ["u"]]  # lesson 08 tries two commands each, which takes five times as long


class IgnoresVotes(Heir):
    """Asks for its own entries, whatever was voted for."""

    def plan(self):
        return dict(zip(range(1, self.slots + 1), self.own, strict=False))


class LeavesHoles(Heir):
    """Takes the votes over, and leaves the slots between them empty."""

    def plan(self):
        taken = inherited(self.promises.values())
        free = range(max(taken, default=0) + 1, self.slots + 1)
        return taken | dict(zip(free, self.own, strict=False))


class TakesOneBallot(Heir):
    """Takes over the highest ballot of all slots together, not of each slot by itself."""

    def plan(self):
        votes = [vote for report in self.promises.values() for vote in report]
        top = max((vote.ballot for _, vote in votes), default=None)
        taken = {slot: vote.entry for slot, vote in votes if vote.ballot == top}
        last = max(taken, default=0)
        free = range(last + 1, self.slots + 1)
        return {s: taken.get(s, ()) for s in range(1, last + 1)} | dict(zip(free, self.own, strict=False))


class ChangesItsMind(Heir):
    """Asks again, with what it then knows, when one more promise comes in."""

    def receive(self, sender, message):
        if isinstance(message, Promise):
            self.leads = False
        super().receive(sender, message)


@pytest.mark.thorough  # lesson 08 runs it, too
def test_two_leaders_two_slots_three_acceptors_every_schedule():
    found = explore(heirs(TWO), ALL)
    assert found.ok and found.complete and found.method == "reduced", str(found)
    assert found.states > 500


@pytest.mark.parametrize(
    ("heir", "commands", "name"),
    [
        (IgnoresVotes, TWO, "slot_agreement"),
        (LeavesHoles, TWO, "no_hole_is_left"),
        (ChangesItsMind, [["x"], ["u"]], "one_entry_in_a_ballot"),
    ],
)
def test_a_leader_that_lacks_a_rule_is_broken_by_the_shortest_schedule(heir, commands, name):
    found = explore(heirs(commands, heir=heir, slots=len(commands[0])), ALL)
    assert not found.ok and found.property == name, str(found)
    assert found.bus.trace[-1].step == len(found.counterexample)


# The shortest schedule against `TakesOneBallot`, found with three leaders of one command each among
# 6,717 states; the search takes some 17 s, so it is played here. (kind, from, to)
SCRIPT = [
    (Prepare, "l1", "a1"), (Prepare, "l1", "a2"), (Promise, "a2", "l1"), (Promise, "a1", "l1"),
    (Accept, "l1", "a3"), (Prepare, "l2", "a3"), (Accept, "l1", "a2"),  # x is chosen in slot 1
    (Prepare, "l2", "a2"), (Promise, "a2", "l2"), (Promise, "a3", "l2"),
    (Accept, "l2", "a2", 2),  # u has one vote in slot 2, in a higher ballot
    (Prepare, "l3", "a2"), (Prepare, "l3", "a3"), (Promise, "a3", "l3"), (Promise, "a2", "l3"),
    (Accept, "l3", "a3", 1), (Accept, "l3", "a2", 1),
]  # fmt: skip


def played(heir):
    bus = MessageBus(heirs([["x"], ["u"], ["s"]], heir=heir))
    for kind, sender, to, *slot in SCRIPT:
        waiting = [e for e in bus.in_flight if type(e.message) is kind and (e.sender, e.to) == (sender, to)]
        bus.deliver(next(e for e in waiting if not slot or e.message.slot == slot[0]))
    return slot_agreement(bus.trace.sent, {node.name: node for node in bus})


def test_the_highest_ballot_counts_in_each_slot_by_itself():
    assert played(TakesOneBallot) == (
        "slot_agreement: in slot 1 c1#1 x is chosen in ballot 1.l1, and no-op in ballot 1.l3"
    )
    assert played(Heir) is None


def test_what_votes_oblige_to():
    assert inherited([]) == {} and inherited([(), ()]) == {}
    low, high = (Vote(Ballot(n, "l1"), (Command("c1", n, "x"),)) for n in (1, 2))
    assert inherited([((1, low), (3, high)), ((1, high), (3, low))]) == {1: high.entry, 3: high.entry}
    assert inherited([((1, high),), ((2, low),)]) == {1: high.entry, 2: low.entry}
    with pytest.raises(LabError, match="at least one list"):
        heirs([])
