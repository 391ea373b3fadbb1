"""The slot rules by themselves, on logs made by hand: each can say no."""

from dataclasses import dataclass, field

import pytest

from paxos_lab import MessageBus
from paxos_lab.multipaxos import Append, Client, KeyValueStore, Put, Rejoining, lose_disk, replicated_log
from paxos_lab.node import Node
from paxos_lab.verify import LogRules
from paxos_lab.verify.storms.slot_rules import executed_twice


@dataclass
class Shown(Node):
    """A log that shows whatever it is told to."""

    slots: dict = field(default_factory=dict)
    done: int = 0
    open: int = 1

    def status(self, slot):
        return self.slots.get(slot, ("empty", None))[0]

    def command(self, slot):
        return self.slots.get(slot, ("empty", None))[1]

    def applied(self):
        return self.done

    def first_open(self):
        return self.open


def shown(*logs):
    """A bus of servers that show (status, command) per slot, applied all up to their first open slot."""
    bus = MessageBus([Shown(f"s{i}") for i in range(1, len(logs) + 1)])
    for node, slots in zip(bus, logs, strict=True):
        show(node, slots)
    return bus


def show(node, slots, applied=None, first=None):
    node.slots = dict(enumerate(slots, start=1))
    known = next((i for i, (s, _) in enumerate(slots) if s not in ("chosen", "cleared")), len(slots))
    node.done = known if applied is None else applied
    node.open = known + 1 if first is None else first


A, B = ("chosen", "a"), ("chosen", "b")
VOTED, NONE, CLEARED = ("accepted", None), ("empty", None), ("cleared", None)


def test_a_log_in_order_breaks_no_rule():
    bus, rules = shown([], [], []), LogRules()
    for logs in ([[VOTED], [VOTED], []], [[A], [VOTED], []], [[A, VOTED], [A], []], [[CLEARED], [A], []]):
        for node, slots in zip(bus, logs, strict=True):
            show(node, slots)
        if logs[0] == [CLEARED]:
            bus["s1"].slots[2] = VOTED
        assert rules.look(bus) is None


@pytest.mark.parametrize(
    ("logs", "says"),
    [
        (([A], [B], []), "two chosen entries"),
        (([A], [], []), "hold it"),
        (([CLEARED], [], []), "hold it"),
        (([A, VOTED], [VOTED, VOTED], [VOTED, B]), None),
    ],
)
def test_what_one_look_sees(logs, says):
    found = LogRules().look(shown(*logs))
    assert found is None if says is None else says in found


def test_two_commands_at_different_times_are_two():
    bus, rules = shown([A], [VOTED], []), LogRules()
    assert rules.look(bus) is None
    show(bus["s1"], [CLEARED])
    show(bus["s2"], [B])
    assert "two chosen entries" in rules.look(bus)


@pytest.mark.parametrize(
    ("slots", "applied", "first", "says"),
    [
        ([VOTED, A], 2, 3, "a gap"),
        ([A, A], 1, 2, "first open"),
        ([A, VOTED], 1, 3, "first open"),
        ([CLEARED, CLEARED], 1, 3, "has cleared slot 2"),
    ],
)
def test_order(slots, applied, first, says):
    bus = shown([A, A], [A, A], [A, A])
    show(bus["s1"], slots, applied, first)
    assert says in LogRules().look(bus)


@pytest.mark.parametrize("later", [[NONE], [VOTED]])
def test_what_was_chosen_stays(later):
    bus, rules = shown([A], [A], [A]), LogRules()
    assert rules.look(bus) is None
    show(bus["s3"], later)
    assert "slot 1 was chosen on s3" in rules.look(bus)


def test_applied_goes_back_in_a_crash_only():
    bus, rules = shown([A], [A], [A]), LogRules()
    assert rules.look(bus) is None
    bus["s1"].done = 0
    assert "back at 0" in rules.look(bus)
    bus, rules = shown([A], [A], [A]), LogRules()
    assert rules.look(bus) is None
    slots = bus["s1"].slots
    bus.crash("s1")
    bus["s1"].slots = slots  # as if on disk
    assert rules.look(bus) is None


def test_a_quorum_may_be_smaller():
    assert LogRules(quorum=1).look(shown([A], [], [])) is None


def test_a_group_is_asked_about_where_its_members_are_known():
    """Two of three hold it; but these are no majority of the five that act in the slot."""

    @dataclass
    class Grown(Shown):
        alpha: int = 1

        def members_at(self, slot):
            return ("s1", "s2", "s3", "s4", "s5")

    bus = MessageBus([Grown(f"s{i}") for i in range(1, 6)])
    for name in ("s1", "s2"):
        show(bus[name], [A])
    assert "hold it" in LogRules().look(bus)
    show(bus["s3"], [VOTED])
    assert LogRules().look(bus) is None


def test_who_is_mute_counts_as_one_that_holds_it():
    bus = shown([A], [], [])
    bus["s2"].mute = True
    assert LogRules().look(bus) is None


def test_a_lost_disk_is_no_breach():
    bus, rules = (
        MessageBus(replicated_log([[Put("x", 1), Put("x", 2)]], server=Rejoining), seed=5),
        LogRules(),
    )
    bus.run(until=lambda bus: (bus["c1"].done and bus["s2"].applied() == 2) or bool(rules.look(bus)))
    assert rules.look(bus) is None
    lose_disk(bus, "s2")
    assert bus["s2"].status(1) == "empty" and bus["s2"].mute
    assert rules.look(bus) is None
    bus["s3"].log, bus["s3"].votes = {}, {}  # but that one is not allowed to
    assert "slot 1 was" in rules.look(bus)


# ---- executed twice


ASKED = (Append("k", "a "), Append("k", "b "))


def stores(*texts, operations=ASKED):
    """A bus of a client with these operations, and of servers that hold these texts under k."""
    bus = MessageBus([*(Shown(f"s{i}") for i in range(1, 1 + len(texts))), Client("c1", operations, ("s1",))])
    for node, text in zip(bus, texts, strict=False):
        node.machine = KeyValueStore({"k": text})
    return bus


def test_an_append_that_shows_twice_is_named():
    assert executed_twice(stores("a b ", "a ", "")) is None
    found = executed_twice(stores("a b ", "a b a "))
    assert found == "s2 has executed append k a 2 times, asked for 1"


def test_what_was_asked_for_twice_may_be_there_twice():
    assert executed_twice(stores("a a ", operations=(Append("k", "a "),) * 2)) is None
    assert executed_twice(stores("a a a ", operations=(Append("k", "a "),) * 2))


def test_keys_that_are_also_put_tell_nothing():
    assert executed_twice(stores("a a ", operations=(Append("k", "a "), Put("k", "a a ")))) is None


# ---- a log whose votes can be seen, and whose commit index is in memory, as Raft's


@dataclass(frozen=True)
class Held:
    ballot: int
    entry: str


@dataclass
class Seen(Shown):
    """Shows besides what it holds: slots are (status, entry, ballot)."""

    def vote(self, slot):
        return Held(self.slots[slot][2], self.slots[slot][1]) if len(self.slots.get(slot, ())) == 3 else None


def seen(*logs):
    bus = MessageBus([Seen(f"s{i}") for i in range(1, len(logs) + 1)], checked=False)
    for node, slots in zip(bus, logs, strict=True):
        node.slots = dict(enumerate(slots, start=1))
        node.done = sum(one[0] == "chosen" for one in slots)
        node.open = node.done + 1
    return bus


def chosen(entry, ballot):
    return ("chosen", entry, ballot)


def held(entry, ballot):
    return ("accepted", entry, ballot)


@pytest.mark.parametrize(
    ("before", "after", "crash", "says"),
    [
        ([held("b", 1)], [], False, None),  # cut off, and it was not the chosen one
        ([held("b", 1)], [held("a", 2)], False, None),
        ([held("a", 1)], [], False, None),  # the same words in an earlier term are not the chosen entry
        ([held("a", 2)], [], False, "held a on s3, which is chosen, and is empty"),
        ([held("a", 2)], [held("b", 3)], False, "which is chosen, and holds b"),
        ([held("b", 1)], [], True, "was accepted on s3 and is empty"),  # a disk forgets nothing
        ([chosen("a", 2)], [held("a", 2)], True, None),  # the commit index was in memory
        ([chosen("a", 2)], [held("a", 2)], False, "was chosen on s3 and is accepted"),
        ([chosen("a", 2)], [held("b", 2)], True, "which is chosen, and holds b"),
    ],
)
def test_what_was_chosen_is_never_lost_and_what_was_not_may_be_cut_off(before, after, crash, says):
    bus, rules = seen([chosen("a", 2)], [held("a", 2)], before), LogRules()
    assert rules.look(bus) is None
    if crash:
        bus.crash("s3")
    bus["s3"].slots = dict(enumerate(after, start=1))
    bus["s3"].done, bus["s3"].open = 0, 1
    found = rules.look(bus)
    if says is None:
        assert found is None
    else:
        assert found is not None and says in found


def test_who_holds_another_entry_does_not_back_the_chosen_one():
    assert "hold it" in LogRules().look(seen([chosen("a", 2)], [held("b", 1)], [held("b", 1)]))
    assert LogRules().look(seen([chosen("a", 2)], [held("a", 2)], [held("b", 1)])) is None
