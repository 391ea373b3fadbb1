"""The log under a nemesis, and the slot rules by themselves: each can say no."""

from dataclasses import dataclass, field

import pytest

from paxos_lab import MessageBus
from paxos_lab.events import Crash, Drop, Duplicate, Heal, Partition, Restart, Timeout
from paxos_lab.multipaxos import Append, Client, CompareAndSet, Get, Put, Server, replicated_log
from paxos_lab.node import LabError, Node
from paxos_lab.verify import LogRules, nemesis, ordeal

MIXED = (
    lambda c, i: Append("k", f"{c}.{i} "),
    lambda c, i: Get("k"),
    lambda c, i: Put("x", f"{c}.{i}"),
    lambda c, i: CompareAndSet("x", f"{c}.{i - 1}", f"{c}.{i}"),
)


def mixed(clients, each=6):
    """Operations for clients; each client begins with another kind."""
    return [[MIXED[(c + i) % 4](c, i) for i in range(each)] for c in range(clients)]


SETTINGS = [{}, {"snapshot_every": 3}, {"alpha": 1}, {"batch": 3, "alpha": 5, "snapshot_every": 2}]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize(("servers", "seeds"), [(1, 6), (2, 15), (3, 25), (4, 8), (5, 5), (7, 2)])
def test_nothing_breaks_and_nothing_stalls(servers, seeds, settings):
    """As many clients as servers (two at least), each asks another server first."""
    for seed in range(seeds):
        nodes = replicated_log(mixed(max(2, servers)), servers, patience=5.0, **settings)
        came = ordeal(nodes, seed, every=1.0, loss=0.05, duplicate=0.05)
        assert came.ok, (seed, came.sentence)
        text = "".join(f"{c}.{i} " for c in range(9) for i in range(6))
        for server in (node for node in came.bus if isinstance(node, Server)):
            done = server.machine.data.get("k", "").split()
            assert len(done) == len(set(done)), f"seed {seed}: a command was executed twice on {server.name}"
            assert set(done) <= set(text.split())


@pytest.mark.parametrize("size", [(2, 2), (3, 1), (1, 3)])
def test_flexible_quorums_survive_the_nemesis(size):
    for seed in range(12):
        nodes = replicated_log(mixed(3), 3, quorum_sizes=size, patience=5.0)
        came = ordeal(nodes, seed, every=1.5, quorum=size[1])
        assert came.ok, (seed, came.sentence)


def test_even_groups_with_a_small_phase_2_survive_the_nemesis():
    for seed in range(10):
        came = ordeal(replicated_log(mixed(4), 4, quorum_sizes=(3, 2)), seed, every=1.5, quorum=2)
        assert came.ok, (seed, came.sentence)


def test_a_run_is_its_seed():
    def run(seed):
        return ordeal(replicated_log(mixed(3)), seed).bus.trace.to_json()

    assert run(5) == run(5)
    assert run(5) != run(6)


def test_every_kind_of_fault_happens_and_ends():
    kinds, one_way, between = set(), 0, 0
    for seed in range(6):
        bus = ordeal(replicated_log(mixed(3)), seed, every=1.0).bus
        for step in bus.trace:
            kinds.add(type(step.event))
            one_way += isinstance(step.event, Partition) and step.event.one_way
            between += isinstance(step.event, Crash) and step.event.during is not None
        if bus.now > 100:
            assert not bus.down
            assert bus.cut is None
    assert {Crash, Restart, Partition, Heal, Timeout, Drop, Duplicate} <= kinds
    assert one_way
    assert between


def test_all_down_is_no_end():
    """Time stands still when nothing is up, so the nemesis brings somebody back."""
    bus = MessageBus(replicated_log([[Put("x", 1)]], 1), checked=False)
    bus.crash("s1")
    bus.crash("c1")
    bus.run(nemesis(0, 20, kinds=["crash"]), until=lambda bus: bus["c1"].done, max_steps=2000)
    assert bus["c1"].done


@pytest.mark.parametrize("kinds", [["crash", "fire"], []])
def test_a_strike_that_does_not_exist_is_refused(kinds):
    with pytest.raises(LabError, match="strike"):
        nemesis(0, kinds=kinds)


def test_a_stall_is_a_stall():
    class Deaf(Client):
        def receive(self, sender, message):
            pass

    came = ordeal(replicated_log([[Put("x", 1)]], client=Deaf), 0, length=10, grace=50)
    assert came.kind == "stall"
    assert "c1 still waiting" in came.sentence


# ---- the rules, on logs made by hand


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
        (([A], [B], []), "two chosen commands"),
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
    assert "two chosen commands" in rules.look(bus)


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
