"""The replica: executes in slot order, each command once; snapshots and what is fetched."""

import pytest

from paxos_lab.multipaxos import (
    Accept,
    Add,
    Append,
    Command,
    CompareAndSet,
    Counter,
    Entries,
    Fetch,
    Get,
    KeyValueStore,
    LogAcceptor,
    Prepare,
    Put,
    Reconfigure,
    Replica,
    Server,
    Snapshot,
    Vote,
)
from paxos_lab.multipaxos.replica import MOST_ENTRIES
from paxos_lab.node import react
from paxos_lab.paxos import Ballot
from paxos_lab.world.copying import forget_volatile, state_of


def append(number, client="c1"):
    return (Command(client, number, Append("k", f"{client}.{number} ")),)


def replica(kind=Replica, **settings):
    return kind("s1", members=("s1", "s2", "s3"), machine=KeyValueStore(), **settings)


def text(node):
    return node.machine.data.get("k", "")


def test_nothing_is_executed_before_the_slots_before_it():
    node = replica()
    node.learn(2, append(2))
    node.learn(3, ())
    assert (node.applied(), node.first_open(), text(node)) == (0, 1, "")
    assert node.status(2) == "chosen"
    node.learn(1, append(1))
    assert (node.applied(), node.first_open(), text(node)) == (3, 4, "c1.1 c1.2 ")


def test_a_replica_does_not_vote():
    node = replica()
    assert not isinstance(node, LogAcceptor)
    assert react(node, "receive", "s2", Prepare(Ballot(1, "s2"), 1)) == []
    assert react(node, "receive", "s2", Accept(Ballot(1, "s2"), 1, append(1))) == []
    assert [node.status(slot) for slot in (1, 2)] == ["empty", "empty"]


def test_the_four_states_of_a_slot():
    node = replica(Server, snapshot_every=1)
    node.learn(1, append(1))
    node.learn(3, append(3))
    node.votes[4] = Vote(Ballot(1, "s1"), ())
    assert [node.status(slot) for slot in range(1, 6)] == ["cleared", "empty", "chosen", "accepted", "empty"]
    assert [node.command(slot) for slot in (1, 3, 4)] == [None, append(3), None]


def test_what_is_learned_twice_counts_once():
    node = replica()
    for _ in range(2):
        node.learn(1, append(1))
        node.learn(2, append(1))
    assert text(node) == "c1.1 "
    assert node.applied() == 2


def test_clients_do_not_share_numbers():
    node = replica()
    node.learn(1, append(1))
    node.learn(2, append(1, "c2"))
    assert text(node) == "c1.1 c2.1 "


def test_a_batch_is_executed_in_its_order():
    node = replica()
    node.learn(1, append(1) + append(2) + append(1))
    assert text(node) == "c1.1 c1.2 "


@pytest.mark.parametrize("crash", [False, True])
def test_a_command_in_two_slots_across_a_snapshot_is_executed_once(crash):
    node = replica(snapshot_every=2)
    fresh = state_of(node)
    node.learn(1, append(1))
    node.learn(2, append(1, "c2"))
    assert node.cleared == 2
    if crash:
        forget_volatile(node, fresh)
        react(node, "recover")
    node.learn(3, append(1))
    assert text(node) == "c1.1 c2.1 "
    assert node.sessions["c1"] == (1, "c1.1 ")


def test_a_snapshot_on_another_machine_is_the_same_state():
    one, other = replica(snapshot_every=3, alpha=2), replica(alpha=2)
    one.learn(1, append(1))
    one.learn(2, (Command("admin", 1, Reconfigure(("s1", "s2"))),))
    one.learn(3, append(2))
    for effect in react(one, "receive", "s2", Fetch(1)):
        react(other, "receive", "s1", effect.message)
    for name in ("machine", "sessions", "configurations", "executed", "snapshot", "cleared"):
        assert getattr(one, name) == getattr(other, name), name
    assert other.members_at(4) == ("s1", "s2")
    other.machine.data["k"] = ""
    assert text(one) == "c1.1 c1.2 ", "a copy, nothing shared"


def test_an_older_snapshot_changes_nothing():
    node = replica()
    for slot in (1, 2):
        node.learn(slot, append(slot))
    react(node, "receive", "s2", Snapshot(1, "{}", (), ()))
    assert (node.applied(), text(node), node.cleared) == (2, "c1.1 c1.2 ", 0)


def test_a_snapshot_keeps_what_is_beyond_it():
    ahead, node = replica(snapshot_every=2), replica(Server)
    for slot in (1, 2):
        ahead.learn(slot, append(slot))
    node.learn(3, append(3))
    node.votes = {slot: Vote(Ballot(1, "s1"), append(slot)) for slot in (1, 2, 3, 4)}
    react(node, "receive", "s2", ahead.snapshot)
    assert (node.applied(), text(node)) == (3, "c1.1 c1.2 c1.3 ")
    assert (sorted(node.log), sorted(node.votes)) == ([3], [3, 4])


@pytest.mark.parametrize("every", [0, 3])
def test_a_crash_loses_nothing_that_was_learned(every):
    node = replica(snapshot_every=every)
    fresh = state_of(node)
    for slot in range(1, 8):
        node.learn(slot, append(slot))
    before = (node.machine, node.sessions, node.executed)
    forget_volatile(node, fresh)
    assert node.executed == 0
    react(node, "recover")
    assert (node.machine, node.sessions, node.executed) == before


def test_a_snapshot_and_the_entries_after_it_leave_nothing_out():
    node, other = replica(snapshot_every=4), replica()
    for slot in range(1, 7):
        node.learn(slot, append(slot))
    assert node.cleared == 4
    snapshot, entries = [effect.message for effect in react(node, "receive", "s2", Fetch(1))]
    assert snapshot.slot == 4 and entries == Entries(5, (append(5), append(6)))
    for message in (snapshot, entries):
        react(other, "receive", "s1", message)
    assert (other.applied(), text(other)) == (6, text(node)), "with one Fetch, and no second one"


def test_a_fetch_is_answered_with_so_many_at_once():
    node, other = replica(), replica()
    for slot in range(1, MOST_ENTRIES + 11):
        node.learn(slot, append(slot))
    for most in (MOST_ENTRIES, MOST_ENTRIES + 10):
        (sent,) = react(node, "receive", "s2", Fetch(other.first_open()))
        assert isinstance(sent.message, Entries)
        react(other, "receive", "s1", sent.message)
        assert other.applied() == most
    assert react(node, "receive", "s2", Fetch(other.first_open())) == []


def test_memory_stays_bounded_with_snapshots():
    node = replica(Server, snapshot_every=10)
    for slot in range(1, 200):
        node.votes[slot] = Vote(Ballot(1, "s1"), append(slot))
        node.learn(slot, append(slot))
        assert len(node.log) < 10
        assert len(node.votes) < 10
    assert node.cleared == 190


def test_machines_do_what_they_say_and_nothing_else():
    store = KeyValueStore()
    assert [store.apply(o) for o in (Get("x"), Put("x", 1), Put("x", 2), Get("x"))] == [None, None, 1, 2]
    assert [store.apply(CompareAndSet("x", a, 3)) for a in (2, 2)] == [True, False]
    assert store.apply(Append("t", "a")) + store.apply(Append("t", "b")) == "aab"
    before = dict(store.data)
    assert "does not know" in store.apply(Add(1))
    assert store.data == before
    counter = Counter()
    assert [counter.apply(o) for o in (Add(2), Add(-5), Get("any"))] == [2, -3, -3]
    assert "does not know" in counter.apply(Put("x", 1))
