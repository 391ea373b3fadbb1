"""Changing the members of a running log: by hand, and in seeded storms."""

import random

import pytest

from paxos_lab import MessageBus, seeded
from paxos_lab.multipaxos import (
    Accept,
    Accepted,
    Append,
    Chosen,
    Client,
    Command,
    Entries,
    Fetch,
    Heartbeat,
    Prepare,
    Promise,
    Put,
    Reconfigure,
    Server,
    Vote,
    replicated_log,
)
from paxos_lab.node import LabError, Send, react
from paxos_lab.paxos import Ballot, Flexible, Majority


def done(bus):
    return all(node.done for node in bus if isinstance(node, Client))


def servers_of(bus):
    return [node for node in bus if isinstance(node, Server)]


def agree(bus):
    """No slot has two chosen entries, as far as anybody knows."""
    for slot in range(1, 1 + max(server.applied() for server in servers_of(bus))):
        known = {server.command(slot) for server in servers_of(bus)} - {None}
        assert len(known) <= 1, f"slot {slot}: {known}"


def ask_anybody(bus_nodes):
    """Let every client ask every server, spares too, beginning with its own first one."""
    names = [node.name for node in bus_nodes if isinstance(node, Server)]
    for node in bus_nodes:
        if isinstance(node, Client):
            turn = names.index(node.servers[0])
            node.servers = (*names[turn:], *names[:turn])
    return bus_nodes


def cluster(*changes, servers=3, spares=2, appends=4, **settings):
    """Servers, an admin who makes the changes, and a client that appends."""
    operations = {
        "admin": [Reconfigure(tuple(change.split())) for change in changes],
        "c1": [Append("log", f"{i} ") for i in range(appends)],
    }
    return ask_anybody(replicated_log(operations, servers=servers, spares=spares, **settings))


CHANGES = {
    "add one": (3, ["s1 s2 s3 s4"]),
    "remove a follower": (3, ["s1 s2"]),
    "remove the first leader": (3, ["s2 s3"]),
    "replace a follower": (3, ["s1 s2 s4"]),
    "replace the first leader": (3, ["s4 s2 s3"]),
    "replace a majority": (3, ["s1 s4 s5"]),
    "replace all": (3, ["s4 s5"]),
    "hand over one to one": (1, ["s2"]),
    "grow one to three": (1, ["s1 s2 s3"]),
    "shrink five to three": (5, ["s1 s2 s3"]),
    "shrink three to one": (3, ["s3"]),
    "two changes close together": (3, ["s1 s2 s4", "s1 s4 s5"]),
    "away and back": (3, ["s4 s5", "s1 s2 s3"]),
}


@pytest.mark.parametrize("snapshot_every", [0, 3])
@pytest.mark.parametrize("alpha", [1, 3, 6])
@pytest.mark.parametrize("name", CHANGES)
def test_members_change_during_traffic(name, alpha, snapshot_every):
    servers, changes = CHANGES[name]
    members = changes[-1].split()
    for seed in range(3):
        nodes = cluster(
            *changes, servers=servers, spares=7 - servers, alpha=alpha, snapshot_every=snapshot_every
        )
        bus = MessageBus(nodes, seed=seed, loss=0.05 * seed, checked=False, traced=False)

        def arrived(bus):
            return done(bus) and all(
                bus[m].members_at(bus[m].first_open()) == tuple(members) and bus[m].sessions.get("c1", (0,))[0] == 4
                for m in members
            )  # fmt: skip

        assert bus.run(until=arrived, max_steps=6000) < 6000
        agree(bus)
        assert {bus[m].machine.data["log"] for m in members} == {"0 1 2 3 "}
        assert bus["admin"].results[-1] > alpha


def storm(seed, servers=3, spares=2, faults=0.1, steps=800, **settings):
    """Random changes under every fault there is, then calm; the bus and whether all was answered."""
    rng = random.Random(f"plan {seed}")
    names = [f"s{i}" for i in range(1, servers + spares + 1)]
    changes = [" ".join(rng.sample(names, rng.randint(1, len(names)))) for _ in range(4)]
    bus = MessageBus(
        cluster(*changes, servers=servers, spares=spares, **settings), seed=seed, checked=False, traced=False
    )
    bus.run(seeded(seed, faults=faults), max_steps=steps)
    if bus.cut:
        bus.heal()
    for name in bus.down:
        bus.restart(name)
    bus.run(until=done, max_steps=4000)
    return bus


SOME, MORE = [(3, 2), (1, 2)], [(3, 1), (5, 0)]  # servers and spares; `make test` tries some


@pytest.mark.parametrize(
    "settings", [{}, {"snapshot_every": 3}, {"alpha": 1}, {"batch": 3, "alpha": 5}], ids=str
)
@pytest.mark.parametrize(
    ("servers", "spares"), [*SOME, *(pytest.param(*sizes, marks=pytest.mark.thorough) for sizes in MORE)]
)
def test_storms_of_changes_are_safe_and_end(servers, spares, settings):
    for seed in range(25):
        bus = storm(seed, servers, spares, **settings)
        agree(bus)
        assert done(bus), f"seed {seed} is stuck"
        last = max(servers_of(bus), key=lambda server: server.applied())
        assert last.machine.data["log"] == "0 1 2 3 "


def test_a_configuration_governs_alpha_slots_after_its_own():
    server = Server("s1", members=("s1", "s2", "s3"), alpha=4, machine=None)
    server.learn(1, ())
    server.learn(2, (Command("admin", 1, Reconfigure(("s1", "s4", "s5"))),))
    assert [server.members_at(slot)[1] for slot in (2, 3, 5, 6, 7)] == ["s2", "s2", "s2", "s4", "s4"]
    assert list(server.open_slots()) == [3, 4, 5, 6], "no slot is open whose members may still change"


def test_no_ops_bring_a_change_into_force_without_traffic():
    bus = MessageBus(cluster("s1 s2 s4", appends=0, alpha=5), seed=1)
    bus.run(until=lambda bus: bus["s4"].applied() >= 6, max_steps=2000)
    assert bus["s4"].applied() == bus["admin"].results[0] == 6
    assert [bus["s4"].command(slot) for slot in range(2, 7)] == [()] * 5


def test_the_next_leader_brings_a_change_into_force():
    """The leader dies as soon as it and one follower have executed the change; no no-op got out."""
    bus = MessageBus(cluster("s1 s2 s4", appends=0, alpha=3), seed=2)
    bus.run(until=lambda bus: any(s.configurations for s in servers_of(bus)), max_steps=2000)
    leader = next(s.name for s in servers_of(bus) if s.configurations)
    bus.partition((leader,))
    follower = next(n for n in ("s1", "s2", "s3") if n != leader)
    entry = bus[leader].command(1)
    bus.crash(leader)
    bus.heal()
    bus.deliver(next(e for e in bus.in_flight if type(e.message) is Chosen and e.to == follower))
    assert bus[follower].command(1) == entry
    for envelope in bus.in_flight:
        bus.drop(envelope)
    members = [n for n in ("s1", "s2", "s4") if n != leader]
    reached = lambda bus: all(bus[n].applied() >= 4 for n in members)  # noqa: E731
    assert bus.run(until=reached, max_steps=3000) < 3000
    agree(bus)


def test_a_leader_that_is_behind_asks_for_nothing_beyond_its_window():
    """It does not know yet who acts there. Members of the old group could choose, where a new one has."""
    old, new = ("s1", "s2", "s3"), ("s1", "s4", "s5")
    change = (Command("admin", 1, Reconfigure(new)),)
    s2 = Server("s2", members=old, alpha=3, machine=None)
    react(s2, "timeout", "election")
    low = Ballot(1, "s1")
    votes = ((1, Vote(low, change)), (2, Vote(low, ())), (4, Vote(low, ())))
    sent = react(s2, "receive", "s1", Promise(s2.ballot, votes, 0))
    asked = {
        e.message.slot: e.message.entry for e in sent if isinstance(e, Send) and type(e.message) is Accept
    }
    assert s2.role == "leader"
    assert asked == {1: change, 2: (), 3: ()}, "the hole with a no-op, and slot 4 not yet"
    # Slot 1 is chosen: slot 4 is open now and belongs to the new members, who have to promise first.
    sent = react(s2, "receive", "s1", Accepted(s2.ballot, 1))
    prepared = {e.to for e in sent if isinstance(e, Send) and type(e.message) is Prepare}
    assert s2.role == "candidate" and prepared == {"s1", "s3", "s4", "s5"}


def test_an_old_majority_cannot_choose_in_a_slot_of_the_new_one():
    """The same on the bus, where the new members have chosen something else in that slot."""
    old, new = ("s1", "s2", "s3"), ("s1", "s4", "s5")
    change, theirs, ours = ((Command(who, 1, what),) for who, what in (
        ("admin", Reconfigure(new)), ("c1", Put("x", "old")), ("c2", Put("x", "new"))
    ))  # fmt: skip
    first, second = Ballot(1, "s1"), Ballot(2, "s4")
    nodes = replicated_log({"admin": [], "c1": [], "c2": []}, servers=3, spares=2, patience=100)
    by_name = {node.name: node for node in nodes}
    by_name["s2"].patience = 10  # the first to lose it
    for name in old:
        by_name[name].promised = first
        by_name[name].votes = {slot: Vote(first, change if slot == 1 else ()) for slot in (1, 2, 3)}
    by_name["s1"].votes[4] = Vote(first, theirs)  # s1 led, asked for slot 4, and nobody else heard it
    for name in ("s4", "s5"):
        by_name[name].promised = second
        by_name[name].votes = {4: Vote(second, ours)}
        by_name[name].log = {1: change, 2: (), 3: (), 4: ours}
        by_name[name].execute_ready()
    bus = MessageBus(nodes, delay=lambda rng, sender, to: 3 if "s3" in (sender, to) else 1)
    bus.partition(("s1", "s2", "s3"), ("s4", "s5"))
    votes_for_1 = lambda bus: [e for e in bus.in_flight if e.message == Accepted(bus["s2"].ballot, 1)]  # noqa: E731
    bus.run(until=votes_for_1)
    bus.drop(votes_for_1(bus)[0])  # so it hears of the votes for slot 4 first, if it has asked for any
    bus.run(until=lambda bus: bus["s3"].applied() >= 3, max_steps=400)
    assert bus["s2"].applied() == bus["s3"].applied() == 3, "slots of the old members can be finished"
    agree(bus)
    bus.heal()
    bus.run(until=lambda bus: all(bus[n].applied() >= 4 for n in new), max_steps=3000)
    agree(bus)
    assert bus["s1"].command(4) == ours


def test_who_was_removed_unawares_is_told_and_disturbs_nobody():
    bus = MessageBus(cluster("s2 s3 s4", appends=0), seed=1)
    bus.run(until=lambda bus: any(s.role == "leader" for s in servers_of(bus)), max_steps=500)
    leader = next(s.name for s in servers_of(bus) if s.role == "leader")
    assert leader != "s1", "the seed is meant to make s2 or s3 the first leader"
    bus.partition(("s1",))
    bus.run(until=lambda bus: done(bus) and bus["s4"].applied() >= 4, max_steps=3000)
    for _ in range(3):
        bus.timeout("s1", "election")  # its ballots grow
    assert bus["s1"].ballot > bus[leader].promised
    bus.heal()
    for envelope in bus.in_flight:
        bus.drop(envelope)
    bus.timeout("s1", "election")
    bus.run(until=lambda bus: bus["s1"].applied() >= 4, max_steps=3000)
    assert bus["s1"].members_at(bus["s1"].first_open()) == ("s2", "s3", "s4")
    assert bus[leader].role == "leader", "and nobody had to give up the lead"


def test_a_member_that_does_not_know_it_asks():
    spare = Server("s4", members=("s1", "s2", "s3"), machine=None)
    sent = react(spare, "timeout", "election")
    assert [(e.to, e.message) for e in sent if isinstance(e, Send)] == [
        (n, Fetch(1)) for n in ("s1", "s2", "s3")
    ]
    assert spare.role == "follower"
    log = tuple((Command("admin", 1, Reconfigure(("s4",))),) if slot == 1 else () for slot in (1, 2, 3))
    react(spare, "receive", "s1", Entries(1, log))
    react(spare, "timeout", "election")
    assert spare.role == "leader", "alone in its group, it leads at once"


def test_a_leader_leaves_when_the_slots_of_its_own_group_are_over():
    bus = MessageBus(cluster("s2 s3", appends=6), seed=4)
    bus.run(until=lambda bus: done(bus) and bus["s1"].applied() >= 4, max_steps=3000)
    assert bus["s1"].role == "follower"
    later = [step for step in bus.trace if any(type(e.message) is Heartbeat for e in step.sent)]
    assert later[-1].node in ("s2", "s3")


def test_sizes_of_quorums_that_no_longer_fit_give_way_to_majorities():
    server = Server("s1", members=tuple("abcde"), quorum_sizes=(4, 2))
    assert server.quorums_at(1) == Flexible(4, 2, tuple("abcde"))
    server.configurations = {5: tuple("abcdef"), 9: tuple("abc")}
    assert server.quorums_at(5) == Majority(tuple("abcdef")), "4 + 2 is not more than 6"
    assert server.quorums_at(9) == Majority(tuple("abc")), "there is no 4 of 3"


@pytest.mark.parametrize("sizes", [(3, 2), (6, 1), (0, 5)])
def test_sizes_that_do_not_fit_at_the_start_are_refused(sizes):
    with pytest.raises(LabError):
        replicated_log(servers=5, quorum_sizes=sizes)


@pytest.mark.parametrize("members", [(), "s1", ("s1", "s1"), ["s1", "s2"]])
def test_a_configuration_that_makes_no_sense_is_refused(members):
    with pytest.raises(LabError, match="tuple of different names"):
        Reconfigure(members)


class AtOnce(Server):
    """Goes by the new list as soon as it has executed the change."""

    def execute(self, command):
        super().execute(command)
        if isinstance(command.operation, Reconfigure):
            self.configurations[self.executed + 1] = command.operation.members


def deliver_all(bus, group):
    while found := [e for e in bus.in_flight if {e.sender, e.to} <= set(group.split())]:
        bus.deliver(found[0])


def two_majorities(server):
    """A change in slot 1 while slot 2 is under way; then s1, s4, s5 and s2, s3 go on apart."""

    def deliver(sender, to):
        bus.deliver(next(e for e in bus.in_flight if (e.sender, e.to) == (sender, to)))

    operations = {
        "admin": [Reconfigure(("s1", "s4", "s5"))],
        "c2": [Put("x", "two")],
        "c1": [Put("x", "one")],
    }
    nodes = replicated_log(operations, spares=2, server=server)
    nodes[-1].servers = ("s1", "s4", "s5")
    bus = MessageBus(nodes, seed=1)
    bus.timeout("s1", "election")
    deliver_all(bus, "s1 s2 s3")
    for sender, to in (("admin", "s1"), ("c1", "s1"), ("s1", "s2"), ("s2", "s1")):
        deliver(sender, to)
    bus.partition(("s1", "s4", "s5", "c1"), ("s2", "s3", "c2"))
    deliver_all(bus, "s1 s4 s5 c1")
    bus.timeout("s2", "election")
    for sender, to in (("s2", "s3"), ("s3", "s2"), ("c2", "s2")):
        deliver(sender, to)
    for envelope in [e for e in bus.in_flight if (e.sender, e.to) == ("s2", "s3")]:
        bus.deliver(envelope)
    bus.drop(next(e for e in bus.in_flight if e.message == Accepted(bus["s2"].ballot, 1)))
    deliver_all(bus, "s2 s3 c2")
    return bus


def test_a_change_that_governs_at_once_gives_two_majorities():
    bus = two_majorities(AtOnce)
    assert bus["s1"].command(2) == (Command("c1", 1, Put("x", "one")),)
    assert bus["s2"].command(2) == (Command("c2", 1, Put("x", "two")),)
    assert bus["c1"].results == [None], "the client was told so"


def test_the_same_schedule_is_harmless_when_it_governs_alpha_later():
    bus = two_majorities(Server)
    assert bus["s1"].command(2) is None
    assert bus["s2"].command(2) == (Command("c2", 1, Put("x", "two")),)
    bus.heal()
    assert bus.run(until=done, max_steps=3000) < 3000
    agree(bus)
    assert (bus["c1"].results, bus["c2"].results) == (["two"], [None])
