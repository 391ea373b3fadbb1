"""Reads through the log, with a round, under a lease: right under faults, wrong without their proof."""

import random
from dataclasses import dataclass

import pytest

from paxos_lab import Crash, Deliver, Heal, MessageBus, Partition, Restart, seeded
from paxos_lab.multipaxos import (
    Accept,
    Accepted,
    Append,
    Get,
    Heartbeat,
    HeartbeatHeard,
    Prepare,
    Promise,
    Put,
    Read,
    ReadingServer,
    Reconfigure,
    Reply,
    Request,
    replicated_log,
)
from paxos_lab.node import SetTimer, react
from paxos_lab.verify import NO_REPLY, Operation, history_of, linearizable

SERVERS = ("s1", "s2", "s3")


@dataclass
class Drifting(ReadingServer):
    """A server whose timers take `rate` times as long as they should."""

    rate: float = 1.0

    def set_timer(self, timer, delay):
        super().set_timer(timer, delay * self.rate)


@dataclass
class Believing(ReadingServer):
    """Answers from its own copy because it believes that it leads."""

    def may_answer(self, how, read_point, number):
        return True


@dataclass
class AnyCopy(ReadingServer):
    """Answers from its own copy, whoever leads."""

    def request(self, command):
        if isinstance(command.operation, Read):
            self.send(command.client, Reply(command.number, self.machine.apply(command.operation.operation)))
        else:
            super().request(command)


def led_by_s1(operations, server=ReadingServer, servers=3, **settings):
    """A bus whose s1 leads; clients are idle, and each asks the servers from s1 on."""
    nodes = replicated_log(operations, servers=servers, server=server, **settings)
    clients = nodes[servers:]
    for client in clients:
        client.servers = tuple(node.name for node in nodes[:servers])
    others = [node.name for node in nodes[1:]]
    bus = MessageBus(nodes, delay=1, idle=others)
    bus.run(until=lambda bus: bus["s1"].role == "leader")
    settle(bus)
    for node in nodes[1:servers]:
        bus.start(node.name)
    return bus


def settle(bus):
    """Deliver what is in flight, and what comes of it; no timer rings."""
    while bus.arriving:
        bus.apply(bus.arriving[0])


def deliver(bus, kind, to=None):
    """Deliver the messages of that kind that are in flight."""
    found = [e for e in bus.in_flight if type(e.message) is kind and to in (None, e.to)]
    assert found, f"no {kind.__name__} is in flight"
    for envelope in found:
        bus.deliver(envelope)


def drop_all(bus):
    for envelope in bus.in_flight:
        bus.drop(envelope)


def replies(bus, client):
    return [e.message.result for e in bus.trace.messages if e.to == client and type(e.message) is Reply]


# ---- what each costs


@pytest.mark.parametrize(("how", "messages"), [("log", 8), ("quorum", 6), ("lease", 2)])
def test_the_cost_of_a_read_in_messages(how, messages):
    bus = led_by_s1({"c": [Put("x", 1)], "reader": [Read(Get("x"), how)]}, lease=50.0, drift=0.1)
    bus.start("c")
    settle(bus)
    before = len(bus.trace.messages)
    bus.start("reader")
    settle(bus)
    assert bus["reader"].results == [1]
    assert len(bus.trace.messages) - before == messages
    assert bus["s1"].applied() == (2 if how == "log" else 1)


def test_a_read_changes_nothing_even_if_it_is_no_read():
    bus = led_by_s1({"c": [Put("x", 1), Read(Put("x", 2)), Read(Get("x"))]})
    bus.start("c")
    settle(bus)
    assert bus["c"].results == [None, 1, 1]
    assert all(bus[name].machine.data == {"x": 1} for name in SERVERS)


def test_a_follower_passes_a_read_on():
    bus = led_by_s1({"c": [Read(Get("x"))]})
    bus["c"].servers = ("s2", "s1")
    deliver_heartbeats(bus)
    bus.start("c")
    settle(bus)
    assert bus["c"].results == [None]


def deliver_heartbeats(bus):
    bus.timeout("s1", "heartbeat")
    settle(bus)


# ---- the quorum read


def test_a_quorum_read_needs_the_answers_of_a_quorum_to_heartbeats_sent_after_it_came():
    bus = led_by_s1({"c": [Read(Get("x"))]}, servers=5)
    bus.timeout("s1", "heartbeat")
    deliver(bus, Heartbeat)  # sent before the read: these answers prove nothing
    bus.start("c")
    deliver(bus, Request)
    old = [e for e in bus.in_flight if type(e.message) is HeartbeatHeard]
    assert len(old) == 4
    for envelope in old:
        bus.deliver(envelope)
    assert replies(bus, "c") == []
    deliver(bus, Heartbeat)
    deliver(bus, HeartbeatHeard)
    assert replies(bus, "c") == [None]


def test_one_answer_of_four_is_too_few_and_a_lost_round_is_made_up_by_the_next_heartbeat():
    bus = led_by_s1({"c": [Read(Get("x"))]}, servers=5)
    bus.start("c")
    deliver(bus, Request)
    deliver(bus, Heartbeat, to="s2")
    deliver(bus, HeartbeatHeard)
    assert replies(bus, "c") == []
    drop_all(bus)
    bus.timeout("s1", "heartbeat")
    settle(bus)
    assert replies(bus, "c") == [None]


def test_a_quorum_read_waits_for_what_was_proposed_before_it():
    bus = led_by_s1({"writer": [Put("x", 1)], "reader": [Read(Get("x"))]})
    bus.start("writer")
    deliver(bus, Request)
    bus.start("reader")
    deliver(bus, Request)
    deliver(bus, Heartbeat)
    deliver(bus, HeartbeatHeard)
    assert replies(bus, "reader") == []
    settle(bus)
    assert replies(bus, "reader") == [1]


def test_a_new_leader_finishes_what_it_took_over_before_it_reads():
    bus = led_by_s1({"writer": [Put("x", 1)], "reader": [Read(Get("x"))]})
    bus.start("writer")
    deliver(bus, Request)
    deliver(bus, Accept)
    deliver(bus, Accepted)  # chosen, and the writer is told
    deliver(bus, Reply)
    assert bus["writer"].results == [None]
    bus.crash("s1")
    drop_all(bus)
    bus["reader"].servers = ("s2",)
    bus.timeout("s2", "election")
    while bus["s2"].role != "leader":
        bus.apply(bus.arriving[0])
    bus.start("reader")
    deliver(bus, Request)
    deliver(bus, Heartbeat, to="s3")
    deliver(bus, HeartbeatHeard)
    assert bus["s2"].applied() == 0 and replies(bus, "reader") == []
    settle(bus)
    assert replies(bus, "reader") == [1]


def test_slots_taken_over_count_even_beyond_the_window():
    bus = led_by_s1({"writer": [Put("x", 1), Put("x", 2)], "reader": [Read(Get("x"))]}, alpha=1)
    bus.start("writer")
    for _ in range(2):  # s3 votes twice and never hears what is chosen
        deliver(bus, Request)
        deliver(bus, Accept, to="s3")
        deliver(bus, Accepted)
        deliver(bus, Reply)
    assert bus["writer"].results == [None, 1]
    bus.crash("s1")
    drop_all(bus)
    bus["reader"].servers = ("s2",)
    bus.timeout("s2", "election")
    deliver(bus, Prepare, to="s3")
    deliver(bus, Promise)
    assert bus["s2"].role == "leader" and list(bus["s2"].open_slots()) == [1]
    bus.start("reader")
    deliver(bus, Request)
    settle(bus)
    assert replies(bus, "reader") == [2]


def test_a_leader_that_has_promised_another_does_not_count_itself():
    bus = led_by_s1({"c": [Put("x", "old")], "writer": [Put("x", "new")], "reader": [Read(Get("x"))]})
    bus.start("c")
    settle(bus)
    drop_all(bus)
    bus.timeout("s2", "election")
    deliver(bus, Prepare, to="s1")  # s1 promises, and still believes that it leads
    bus.deliver(next(e for e in bus.in_flight if e.sender == "s1"))
    drop_all(bus)
    assert bus["s1"].role == bus["s2"].role == "leader"
    bus["writer"].servers = ("s2",)
    bus.start("writer")
    deliver(bus, Request)
    deliver(bus, Accept, to="s1")
    deliver(bus, Accepted)
    deliver(bus, Reply)
    assert bus["writer"].results == ["old"]
    drop_all(bus)
    bus.start("reader")
    deliver(bus, Request)
    deliver(bus, Heartbeat, to="s3")  # s3 knows nothing of s2
    deliver(bus, HeartbeatHeard)
    assert replies(bus, "reader") == []


def test_reads_of_a_leader_that_steps_down_are_forgotten():
    bus = led_by_s1({"reader": [Read(Get("x"))]})
    bus.start("reader")
    deliver(bus, Request)
    assert len(bus["s1"].reads) == 1
    bus.timeout("s2", "election")
    settle(bus)
    bus.timeout("s2", "heartbeat")
    settle(bus)
    assert bus["s1"].role == "follower" and bus["s1"].reads == () and bus["s1"].heard == {}
    while bus["s1"].role != "leader":
        bus.timeout("s1", "election")
        settle(bus)
    assert bus["reader"].results == [], "the answer to an old ballot's round proves nothing"
    bus.run(until=lambda bus: bus["reader"].done)


def old_leader(server):
    """s1 leads and is cut off with a reader; s2 takes over and serves a writer; then the reader reads."""
    bus = led_by_s1({"c": [Put("x", "old")], "writer": [Put("x", "new")], "reader": [Read(Get("x"))]}, server)
    bus.start("c")
    settle(bus)
    bus.partition(["s1", "reader"])
    bus.timeout("s2", "election")
    settle(bus)
    bus["writer"].servers = ("s2", "s3")
    bus.start("writer")
    settle(bus)
    assert bus["writer"].results == ["old"] and bus["s1"].role == bus["s2"].role == "leader"
    bus.start("reader")
    settle(bus)
    return bus


def test_an_old_leader_that_reads_its_own_copy_is_caught():
    verdict = linearizable(history_of(old_leader(Believing).trace))
    assert verdict.broken and verdict.culprit.client == "reader" and verdict.culprit.result == "old"


def test_an_old_leader_cannot_answer_a_quorum_read():
    bus = old_leader(ReadingServer)
    assert bus["reader"].results == [] and len(bus["s1"].reads) == 1
    bus.heal()
    bus.run(until=lambda bus: bus["reader"].done)
    assert bus["reader"].results == ["new"]
    assert linearizable(history_of(bus.trace)).ok


# ---- many runs


def storm(seed, how, faults=0.1, server=ReadingServer, steps=500, **settings):
    rng = random.Random(seed)
    operations = [
        [rng.choice([Append("k", f"{c}{i} "), Read(Get("k"), how)]) for i in range(5)] for c in "abc"
    ]
    bus = MessageBus(replicated_log(operations, server=server, **settings), seed=seed, checked=False)
    bus.run(seeded(seed, faults=faults), max_steps=steps)
    if bus.cut:
        bus.heal()
    for name in bus.down:
        bus.restart(name)
    bus.run(until=lambda bus: all(bus[c].done for c in ("c1", "c2", "c3")), max_steps=6000)
    assert all(bus[c].done for c in ("c1", "c2", "c3")), f"seed {seed} gets stuck"
    return linearizable(history_of(bus.trace))


@pytest.mark.parametrize(
    ("how", "settings"),
    [
        ("log", {}),
        ("quorum", {}),
        ("quorum", {"snapshot_every": 3}),
        ("quorum", {"servers": 5, "quorum_sizes": (4, 2)}),
        ("quorum", {"batch": 3, "alpha": 1}),
        ("quorum", {"lease": 8.0, "drift": 0.1}),
    ],
)
def test_any_order_and_every_fault(how, settings):
    for seed in range(25):
        assert storm(seed, how, **settings).ok, seed


def test_storms_catch_who_reads_without_proof():
    assert any(storm(seed, "quorum", server=AnyCopy).broken for seed in range(25))


def weather(seed, faults=0.01):
    """Virtual time decides, but for a share of crashes, restarts and cuts: clocks keep to their bound."""
    rng = random.Random(seed)

    def choose(bus):
        kind = rng.choice(["crash", "restart", "cut", "heal"]) if rng.random() < faults else None
        up = [name for name in SERVERS if name not in bus.down]
        if kind == "crash" and len(up) == len(SERVERS):
            return Crash(rng.choice(up))
        if kind == "restart" and bus.down:
            return Restart(bus.down[0])
        if kind == "cut":
            return Partition(((rng.choice(SERVERS), *rng.sample(["c1", "c2", "c3"], rng.randint(0, 3))),))
        if kind == "heal" and bus.cut:
            return Heal()
        return bus.upcoming()

    return choose


def test_leases_hold_while_clocks_keep_to_the_bound():
    leased = 0
    for seed in range(25):
        rng = random.Random(seed)
        operations = [
            [rng.choice([Append("k", f"{c}{i} "), Read(Get("k"), "lease")]) for i in range(40)] for c in "abc"
        ]
        nodes = replicated_log(operations, server=Drifting, lease=rng.choice([9.0, 40.0]), drift=0.2)
        for node in nodes[:3]:
            node.rate = rng.choice([0.8, 1.0, 1.2])
        for node in nodes[3:]:
            node.patience = 8.0
        bus = MessageBus(nodes, seed=seed, loss=0.02, checked=False)
        bus.run(weather(seed), max_steps=1200)
        assert linearizable(history_of(bus.trace)).ok, seed
        leased += sum(answered_under_a_lease(step) for step in bus.trace)
    assert leased > 200


def answered_under_a_lease(step):
    return (
        type(step.event) is Deliver
        and type(step.event.envelope.message) is Request
        and any(type(e.message) is Reply for e in step.sent)
        and isinstance(step.event.envelope.message.command.operation, Read)
    )


def slow_leader(seed, drift):
    """s1 leads with a clock that is late by a fifth, the others' are early; s1 is cut off with a reader."""
    operations = {"reader": [Put("x", "old"), *[Read(Get("x"), "lease")] * 200], "writer": [Put("x", "new")]}
    nodes = replicated_log(operations, server=Drifting, lease=50.0, drift=drift)
    for node, rate in zip(nodes[:3], (1.2, 0.8, 0.8), strict=True):
        node.rate = rate
    nodes[3].servers, nodes[4].servers, nodes[4].patience = ("s1",), ("s2", "s3"), 4.0
    bus = MessageBus(nodes, seed=seed, idle=["s2", "s3", "writer"], checked=False)
    bus.run(until=lambda bus: bus["s1"].role == "leader")
    bus.start("s2")
    bus.start("s3")
    bus.run(until=lambda bus: len(bus["reader"].results) > 5)
    bus.partition(["s1", "reader"])
    bus.start("writer")
    bus.run(until=lambda bus: bus["writer"].done)
    end = bus.now + 15
    bus.run(until=lambda bus: bus.now > end)
    return linearizable(history_of(bus.trace))


def test_the_same_leases_without_the_drift_bound_are_caught():
    assert all(slow_leader(seed, drift=0.2).ok for seed in range(6))
    assert sum(slow_leader(seed, drift=0.0).broken for seed in range(6)) >= 3


# ---- the lease, rule by rule


def test_the_timers_keep_the_rule():
    bus = led_by_s1({}, lease=20.0, drift=0.1)
    leader, follower = bus["s1"], bus["s2"]
    timers = {e.timer: e.delay for e in react(leader, "timeout", "heartbeat") if isinstance(e, SetTimer)}
    assert timers[f"lease {leader.beats}"] == pytest.approx(18)  # from the sending on
    assert timers["hold"] == pytest.approx(22)  # the leader is an acceptor too
    heard = react(follower, "receive", "s1", Heartbeat(leader.ballot, 1, leader.beats))
    assert {e.timer: e.delay for e in heard if isinstance(e, SetTimer)}["hold"] == pytest.approx(22)


def test_who_heard_a_heartbeat_promises_nobody_else_until_its_timer_rings():
    bus = led_by_s1({}, lease=20.0, drift=0.1)
    assert bus["s2"].held_for == "s1"
    bus.crash("s1")
    for name in ("s2", "s3"):
        bus.timeout(name, "election")
    assert [e for e in bus.in_flight if type(e.message) is Prepare] == [], "not even itself"
    bus.timeout("s2", "hold")
    bus.timeout("s2", "election")
    settle(bus)
    assert bus["s2"].role == "candidate", "s3 still holds"
    bus.timeout("s3", "hold")
    bus.timeout("s2", "election")
    settle(bus)
    assert bus["s2"].role == "leader"


def test_after_a_restart_a_server_waits_a_whole_lease():
    bus = led_by_s1({}, lease=20.0, drift=0.1)
    bus.crash("s2")
    bus.restart("s2")
    before = bus["s2"].promised
    prepare = Prepare(type(before)(9, "s3"), 1)
    assert react(bus["s2"], "receive", "s3", prepare) == []
    bus.timeout("s2", "hold")
    react(bus["s2"], "receive", "s3", prepare)
    assert bus["s2"].promised > before


def test_a_lease_that_ends_while_the_read_waits_is_no_proof():
    bus = led_by_s1(
        {"c": [Put("x", 1)], "w": [Put("x", 2)], "r": [Read(Get("x"), "lease")]}, lease=20.0, drift=0.1
    )
    bus.start("w")
    deliver(bus, Request)  # proposed, not chosen: the read has to wait for it
    bus.start("r")
    deliver(bus, Request)
    for node, timer, _ in bus.timers:
        if timer.startswith("lease"):
            bus.timeout(node, timer)
    deliver(bus, Accept)
    deliver(bus, Accepted)
    assert bus["s1"].applied() == 1 and replies(bus, "r") == []
    bus.timeout("s1", "heartbeat")
    settle(bus)
    assert replies(bus, "r") == [2]


def test_without_a_running_lease_a_lease_read_is_a_quorum_read():
    bus = led_by_s1({"r": [Read(Get("x"), "lease")]}, lease=20.0, drift=0.1)
    bus.timeout("s1", f"lease {bus['s1'].beats}")
    bus.start("r")
    deliver(bus, Request)
    assert replies(bus, "r") == []
    deliver(bus, Heartbeat)
    deliver(bus, HeartbeatHeard)
    assert replies(bus, "r") == [None]


def test_an_earlier_lease_ends_without_ending_the_later_one():
    bus = led_by_s1({"r": [Read(Get("x"), "lease")]}, lease=20.0, drift=0.1)
    deliver_heartbeats(bus)
    bus.timeout("s1", f"lease {bus['s1'].beats - 1}")
    bus.start("r")
    deliver(bus, Request)
    assert replies(bus, "r") == [None]


# ---- the history of a trace


def test_a_history_counts_a_read_as_what_it_reads_and_a_missing_reply_as_none():
    bus = led_by_s1({"c": [Put("x", 1), Read(Get("x"), "log")], "d": [Read(Get("y"))]})
    bus.start("c")
    settle(bus)
    bus.start("d")
    drop_all(bus)
    first, second, third = history_of(bus.trace)
    assert (first.client, first.call, first.result) == ("c", Put("x", 1), None)
    assert (second.call, second.result) == (Get("x"), 1)
    assert first.end == second.begin, "the next is asked for in the step that brings the answer"
    assert third == Operation("d", Get("y"), NO_REPLY, third.begin)


def test_a_history_begins_with_the_first_asking_and_ends_with_the_disk():
    bus = led_by_s1({"c": [Put("x", 1), Put("x", 2)]})
    bus.start("c")
    begun = len(bus.trace)
    bus.timeout("c", "no answer")  # asks again
    deliver(bus, Request)
    deliver(bus, Accept)
    deliver(bus, Accepted)
    reply = next(e for e in bus.in_flight if type(e.message) is Reply)
    bus.crash("c", during=Deliver(reply))  # the result is on disk, the next request never left
    (only,) = history_of(bus.trace)
    assert (only.begin, only.end, only.result) == (begun, len(bus.trace), None)
    bus.restart("c")
    assert [op.begin for op in history_of(bus.trace)] == [begun, len(bus.trace)]


# ---- what only a second look shows


def test_the_holder_itself_may_ask_for_new_promises():
    bus = led_by_s1({}, lease=20.0, drift=0.1)
    before = bus["s2"].promised
    react(bus["s2"], "receive", "s1", Prepare(type(before)(9, "s1"), 1))
    assert bus["s2"].promised.round == 9


def test_timers_that_ring_out_of_order_bring_no_lease_back():
    bus = led_by_s1({"r": [Read(Get("x"), "lease")]}, lease=20.0, drift=0.1)
    deliver_heartbeats(bus)
    last = bus["s1"].beats
    bus.timeout("s1", f"lease {last}")
    bus.timeout("s1", f"lease {last - 1}")
    bus.start("r")
    deliver(bus, Request)
    assert replies(bus, "r") == []


def test_answers_that_arrive_out_of_order_count_by_the_latest():
    bus = led_by_s1({})
    leader, follower = bus["s1"], "s2"
    for number in (leader.beats + 2, leader.beats + 1):
        react(leader, "receive", follower, HeartbeatHeard(leader.ballot, number))
    assert leader.heard[follower] == leader.beats + 2
    react(leader, "receive", follower, HeartbeatHeard(type(leader.ballot)(99, "s1"), 1000))
    assert leader.heard[follower] == leader.beats + 2, "the answer to another ballot"


def test_a_quorum_read_relies_on_no_lease():
    bus = led_by_s1({"r": [Read(Get("x"), "quorum")]}, lease=20.0, drift=0.1)
    assert bus["s1"].lease_runs(0)
    bus.start("r")
    deliver(bus, Request)
    assert replies(bus, "r") == []
    deliver(bus, Heartbeat)
    deliver(bus, HeartbeatHeard)
    assert replies(bus, "r") == [None]


def test_a_small_phase_2_quorum_is_enough_to_read():
    bus = led_by_s1({"r": [Read(Get("x"))]}, servers=5, quorum_sizes=(4, 2))
    bus.start("r")
    deliver(bus, Request)
    deliver(bus, Heartbeat, to="s2")
    deliver(bus, HeartbeatHeard)
    assert replies(bus, "r") == [None]


def test_after_a_change_the_new_members_have_to_hear():
    names = ("s1", "s2", "s3", "s4", "s5")
    nodes = replicated_log(
        {"admin": [Reconfigure(names)], "r": [Read(Get("x"))]}, spares=2, alpha=1, server=ReadingServer
    )
    for client in nodes[5:]:
        client.servers = ("s1",)
    bus = MessageBus(nodes, delay=1, idle=[node.name for node in nodes[1:]])
    bus.run(until=lambda bus: bus["s1"].role == "leader")
    settle(bus)
    bus.start("admin")
    settle(bus)
    while not (bus["s1"].role == "leader" and bus["s1"].members_at(bus["s1"].first_open()) == names):
        bus.timeout("s1", "election")
        settle(bus)
    bus.start("r")
    deliver(bus, Request)
    deliver(bus, Heartbeat, to="s2")
    deliver(bus, HeartbeatHeard)
    assert replies(bus, "r") == [], "two of five"
    deliver(bus, Heartbeat, to="s5")
    deliver(bus, HeartbeatHeard)
    assert replies(bus, "r") == [None]
