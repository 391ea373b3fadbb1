"""A server that lost its disk: what goes wrong if it votes at once, and how it comes back."""

import random

import pytest

from paxos_lab import LabError, MessageBus, replay, seeded
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
    HeartbeatHeard,
    Prepare,
    Promise,
    Put,
    Reconfigure,
    Rejoining,
    Request,
    lose_disk,
    replicated_log,
)
from paxos_lab.multipaxos.rejoin import DiskLost, Known, WhatDoYouKnow
from paxos_lab.node import Send, react
from paxos_lab.paxos import Ballot


class Careless(Rejoining):
    """Takes itself for a new server and votes at once."""

    def forget(self, number):
        super().forget(number)
        self.mute = False


class AsksAMajority(Rejoining):
    """Is content with answers of a majority."""

    def others(self):
        everybody = super().others() | {self.name}
        told = set(self.told)
        return told if 2 * len(told) > len(everybody) else everybody - {self.name}


class VotesWithoutCatchingUp(Rejoining):
    """Knows the promises of all others, but takes no time to learn what was chosen."""

    def target(self):
        return 0


def done(bus):
    return all(node.done for node in bus if isinstance(node, Client))


def servers_of(bus):
    return [node for node in bus if isinstance(node, Rejoining)]


def known_at(bus, slot):
    return {server.command(slot) for server in servers_of(bus)} - {None}


def agree(bus):
    for slot in range(1, 1 + max(server.applied() for server in servers_of(bus))):
        assert len(known_at(bus, slot)) <= 1, f"slot {slot}: {known_at(bus, slot)}"


def lost_entry(server):
    """s1 and s2 choose an entry, s2 loses its disk, then s1 is cut off; what happens at s2 and s3?"""
    nodes = replicated_log({"c1": [Put("x", "one")], "c2": [Put("x", "two")]}, server=server)
    for node in nodes:
        node.patience = {"s1": 10, "s2": 40, "s3": 50, "c1": 20, "c2": 20}[node.name]
    bus = MessageBus(nodes, seed=1)
    bus.partition(("s1", "s2", "c1"), ("s3", "c2"))
    bus.run(until=lambda bus: bus["c1"].done, max_steps=400)
    assert bus["c1"].done and bus["s3"].applied() == 0
    lose_disk(bus, "s2")
    bus.heal()
    if bus["s2"].mute:
        pass_on(bus, WhatDoYouKnow, "s2", "s1 s3")
        pass_on(bus, Known, "s1 s3", "s2")
    for envelope in bus.in_flight:
        bus.drop(envelope)
    bus.partition(("s1", "c1"), ("s2", "s3", "c2"))
    bus.run(until=lambda bus: bus["c2"].done or bus.now > 250)
    return bus


def test_a_server_that_votes_at_once_loses_what_was_chosen():
    bus = lost_entry(Careless)
    assert bus["c1"].results == [None] and bus["c2"].results == [None], "both puts found an empty store"
    one, two = (Command(c, 1, Put("x", v)) for c, v in (("c1", "one"), ("c2", "two")))
    assert bus["s1"].command(1) == (one,)
    assert bus["s3"].command(1) == (two,)


def test_a_mute_server_loses_nothing():
    bus = lost_entry(Rejoining)
    assert bus["s2"].mute and not bus["c2"].done, "s3 alone is no majority, and s2 keeps quiet"
    bus.heal()
    bus.run(until=lambda bus: done(bus) and not bus["s2"].mute, max_steps=3000)
    agree(bus)
    assert bus["c2"].results == ["one"] and not bus["s2"].mute


def test_knowing_the_promises_of_all_is_not_enough():
    bus = lost_entry(VotesWithoutCatchingUp)
    assert len(known_at(bus, 1)) == 2, "it has not fetched slot 1, and reports no vote there"


def pass_on(bus, kind, senders, receivers):
    """Deliver what is in flight of that kind, now."""
    found = [e for e in bus.in_flight if type(e.message) is kind]
    found = [e for e in found if e.sender in senders.split() and e.to in receivers.split()]
    assert found, f"no {kind.__name__} from {senders} to {receivers}"
    for envelope in found:
        bus.deliver(envelope)


def promise_under_way(server):
    """s5 asks for promises, s3 gives one and loses its disk, and s4 will give its own much later."""
    nodes = replicated_log({"c1": [Put("x", "one")], "c2": [Put("x", "two")]}, servers=5, server=server)
    clients = {node.name: node for node in nodes if isinstance(node, Client)}
    clients["c2"].servers = ("s5",)
    bus = MessageBus(nodes)
    bus.timeout("s1", "election")
    pass_on(bus, Prepare, "s1", "s2 s3 s4 s5")
    pass_on(bus, Promise, "s2 s3 s4 s5", "s1")
    bus.timeout("s5", "election")
    pass_on(bus, Prepare, "s5", "s3")
    pass_on(bus, Promise, "s3", "s5")
    lose_disk(bus, "s3")
    pass_on(bus, WhatDoYouKnow, "s3", "s1 s2 s4")  # s5 is slow
    pass_on(bus, Known, "s1 s2 s4", "s3")
    bus.timeout("s3", "ask") if bus["s3"].mute else None
    if bus["s3"].mute:
        pass_on(bus, WhatDoYouKnow, "s3", "s1")
    pass_on(bus, Accept, "s1", "s2 s4")
    pass_on(bus, Accepted, "s2 s4", "s1")
    pass_on(bus, Chosen, "s1", "s3")
    pass_on(bus, Fetch, "s3", "s1")
    pass_on(bus, Entries, "s1", "s3")
    assert bus["s3"].applied() == 3, "no-ops led it to its target"
    pass_on(bus, Prepare, "s5", "s4")
    pass_on(bus, Promise, "s4", "s5")
    assert bus["s1"].role == bus["s5"].role == "leader"
    pass_on(bus, Request, "c1", "s1")  # both leaders go on, s1 in slot 4
    pass_on(bus, Accept, "s1", "s2 s3")
    pass_on(bus, Accepted, "s2 s3" if not bus["s3"].mute else "s2", "s1")
    pass_on(bus, Accept, "s5", "s3 s4")
    pass_on(bus, Accepted, "s3 s4", "s5")
    return bus


def test_answers_of_a_majority_are_not_enough():
    bus = promise_under_way(AsksAMajority)
    pass_on(bus, Request, "c2", "s5")
    pass_on(bus, Accept, "s5", "s3 s4")
    pass_on(bus, Accepted, "s3 s4", "s5")
    assert bus["s1"].command(4) != bus["s5"].command(4)
    assert None not in (bus["s1"].command(4), bus["s5"].command(4)), "both were chosen"


def test_it_waits_for_all_the_others():
    bus = promise_under_way(Rejoining)
    assert bus["s3"].mute and len(bus["s3"].told) == 3
    assert bus["s1"].command(4) is None and bus["s5"].command(4) is None
    bus.run(until=lambda bus: done(bus) and not bus["s3"].mute, max_steps=5000)
    agree(bus)
    assert done(bus) and not bus["s3"].mute


def hand(node, sender, message):
    """What it wants to send when it gets that message."""
    return [e.message for e in react(node, "receive", sender, message) if isinstance(e, Send)]


def fresh(number=1, **settings):
    node = Rejoining("s2", members=("s1", "s2", "s3"), **settings)
    node.votes, node.promised, node.log = {1: "a vote"}, Ballot(7, "s3"), {1: ()}
    react(node, "receive", "outside", DiskLost(number))
    return node


def test_all_that_was_on_disk_is_gone():
    node = fresh(number=4)
    assert (node.votes, node.promised, node.log, node.round) == ({}, Ballot.ZERO, {}, 0)
    assert node.mute and node.loss == 4 and node.members == ("s1", "s2", "s3")


def test_only_the_world_outside_may_take_a_disk_away():
    node = Rejoining("s2", members=("s1", "s2", "s3"))
    hand(node, "s1", DiskLost(1))
    assert not node.mute


@pytest.mark.parametrize("name", ["s1", "c1"])
def test_whoever_cannot_lose_its_disk_says_so(name):
    """It used to do nothing, so the ordinary server seemed to survive an empty disk."""
    bus = MessageBus(replicated_log([[Put("x", 1)]]))
    steps = len(bus.trace)
    with pytest.raises(LabError, match=f"{name} is a (Server|Client), which cannot lose its disk.*Rejoining"):
        lose_disk(bus, name)
    assert len(bus.trace) == steps and bus.down == []


def test_mute_means_mute():
    node = fresh()
    assert hand(node, "s1", Prepare(Ballot(9, "s1"), 1)) == []
    assert hand(node, "s1", Accept(Ballot(9, "s1"), 1, ())) == []
    assert hand(node, "s3", WhatDoYouKnow(1, 3)) == [], "nobody may build on what it does not know"
    assert hand(node, "s1", Heartbeat(Ballot(9, "s1"), 5, 1)) == [Fetch(1)]
    assert node.promised == Ballot.ZERO and node.votes == {}
    react(node, "timeout", "election")
    react(node, "timeout", "ask")
    assert node.role == "follower" and node.mute


def test_it_speaks_again_when_all_have_answered_and_the_target_is_reached():
    node = fresh(alpha=2)
    hand(node, "s1", Known(1, Ballot(5, "s1"), 3))
    hand(node, "s1", Entries(1, ((),) * 5))
    assert node.mute, "s3 has not answered"
    hand(node, "s3", Known(1, Ballot(8, "s3"), 4))
    assert node.mute and node.target() == 6
    hand(node, "s1", Known(1, Ballot(5, "s1"), 30))
    assert node.target() == 6, "the first answer of each counts, or it might never arrive"
    hand(node, "s1", Entries(6, ((),)))
    assert not node.mute and node.promised == Ballot(8, "s3")
    assert [m.cleared for m in hand(node, "s1", Prepare(Ballot(9, "s1"), 1))] == [6], "ask me, it is chosen"
    assert hand(node, "s1", Heartbeat(Ballot(9, "s1"), 7, 1)) == [HeartbeatHeard(Ballot(9, "s1"), 1)]


def test_the_answer_tells_of_votes_ahead_of_what_is_executed():
    node = Rejoining("s1", members=("s1", "s2", "s3"))
    hand(node, "s3", Accept(Ballot(4, "s3"), 5, ()))
    assert hand(node, "s2", WhatDoYouKnow(1, 3)) == [Known(1, Ballot(4, "s3"), 5)]


def test_a_leader_fills_up_to_the_target():
    node = Rejoining("s1", members=("s1",), alpha=2)
    react(node, "timeout", "election")
    assert node.role == "leader" and node.applied() == 0
    hand(node, "s2", WhatDoYouKnow(1, 7))
    assert node.applied() == 7


def test_answers_to_an_earlier_loss_do_not_count():
    node = fresh(number=2, alpha=1)
    for name in ("s1", "s3"):
        hand(node, name, Known(1, Ballot(5, "s1"), 0))
    hand(node, "s1", Entries(1, ((),) * 3))
    assert node.mute and node.told == {}


def test_a_crash_does_not_end_the_silence():
    bus = MessageBus(replicated_log(server=Rejoining), seed=5)
    lose_disk(bus, "s2")
    bus.crash("s2")
    bus.restart("s2")
    assert bus["s2"].mute
    bus.run(until=lambda bus: not bus["s2"].mute, max_steps=2000)
    assert not bus["s2"].mute and bus["s2"].applied() >= 3, "no traffic: the leader fills up with no-ops"


def test_a_lone_server_stays_mute():
    bus = MessageBus(replicated_log([[Put("x", 1)]], servers=1, server=Rejoining), seed=5)
    bus.run(until=done, max_steps=500)
    lose_disk(bus, "s1")
    bus.run(max_steps=300)
    assert bus["s1"].mute, "all is lost, and it must not pretend otherwise"


def test_a_run_with_a_lost_disk_can_be_replayed():
    nodes = lambda: replicated_log([[Put("x", 1), Put("x", 2)]], server=Rejoining)  # noqa: E731
    bus = MessageBus(nodes(), seed=5)
    bus.run(max_steps=40)
    lose_disk(bus, "s2")
    bus.run(max_steps=200)
    assert [vars(n) for n in replay(nodes(), bus.trace)] == [vars(n) for n in bus]


def storm(seed, server=Rejoining, servers=3, losses=15, changes=(), **settings):
    """Every fault, and disks that get lost, one at a time; then calm."""
    rng = random.Random(f"disks {seed}")
    operations = {c: [Append("log", f"{c}{i} ") for i in range(4)] for c in ("a", "b")}
    if changes:
        operations["admin"] = [Reconfigure(tuple(change.split())) for change in changes]
    nodes = replicated_log(operations, servers=servers, server=server, alpha=2, **settings)
    names = [node.name for node in nodes if isinstance(node, Rejoining)]
    for node in nodes:
        if isinstance(node, Client):  # it may ask everybody, or it would not find a new group
            node.servers = (*node.servers, *(name for name in names if name not in node.servers))
    bus = MessageBus(nodes, seed=seed, checked=False, traced=False)
    schedule = seeded(seed, faults=0.12)
    lost = 0
    for _ in range(losses):
        bus.run(schedule, max_steps=rng.randint(20, 150))
        if not any(node.mute for node in servers_of(bus)):
            lost += 1
            lose_disk(bus, rng.choice(servers_of(bus)).name, lost)
    if bus.cut:
        bus.heal()
    for name in bus.down:
        bus.restart(name)
    calm = lambda bus: done(bus) and not any(node.mute for node in servers_of(bus))  # noqa: E731
    bus.run(until=calm, max_steps=5000)
    return bus, calm(bus), lost


CASES = [
    {"servers": 3},
    {"servers": 5},
    {"servers": 3, "snapshot_every": 3},
    {"servers": 5, "quorum_sizes": (4, 2)},
    {"servers": 3, "spares": 2, "changes": ("s1 s2 s3 s4 s5", "s3 s4 s5", "s1 s2 s3")},
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_storms_that_take_disks_are_safe_and_end(case):
    total = 0
    for seed in range(30):
        bus, calm, lost = storm(seed, **case)
        total += lost
        agree(bus)
        assert calm, f"seed {seed} is stuck"
        last = max(servers_of(bus), key=lambda server: server.applied())
        words = last.machine.data["log"].split()
        assert sorted(words) == [f"{c}{i}" for c in "ab" for i in range(4)], f"seed {seed}: {words}"
    assert total >= 30, "disks were lost, so this was no idle run"


def test_the_same_storms_find_who_votes_too_early():
    def breaks(seed):
        bus, _, _ = storm(seed, Careless)
        last = max(servers_of(bus), key=lambda one: one.applied())
        words = last.machine.data.get("log", "").split()
        answered = sum(len(node.results) for node in bus if isinstance(node, Client))
        slots = range(1, 1 + last.applied())
        return any(len(known_at(bus, slot)) > 1 for slot in slots) or len(set(words)) < answered

    assert any(breaks(seed) for seed in range(30))
