"""The log when servers crash: what was answered stays, and nothing is executed twice."""

import pytest
from log_runs import appends, done, leader_of, others_of, run_for, servers_of, start_clients, started, texts

from paxos_lab import MessageBus
from paxos_lab.multipaxos import (
    Accept,
    Accepted,
    Chosen,
    Heartbeat,
    Prepare,
    Promise,
    Reply,
    Request,
    replicated_log,
)
from paxos_lab.verify import LogRules, history_of, linearizable, ordeal
from paxos_lab.world.events import Deliver


@pytest.mark.parametrize("every", [0, 3])
def test_what_was_answered_survives_the_crash_of_all(every):
    """Persistence: all servers crash, again and again, and the clients go on."""
    bus = started(appends(3, 12), 3, snapshot_every=every)
    start_clients(bus)
    rules = LogRules()
    for k in range(6):
        bus.run(until=lambda bus, k=k: sum(len(bus[c].results) for c in ("c1", "c2", "c3")) > 5 * k)
        for name in ("s1", "s2", "s3"):
            bus.crash(name)
        assert rules.look(bus) is None
        for name in ("s3", "s1", "s2"):
            bus.restart(name)
        assert rules.look(bus) is None
    bus.run(until=done, max_steps=20_000)
    assert done(bus)
    assert linearizable(history_of(bus.trace))


def test_a_server_that_was_away_gets_a_snapshot_and_survives_a_crash_right_after():
    bus = started(appends(2, 12), 3, snapshot_every=4)
    away = next(name for name in ("s1", "s2", "s3") if name != leader_of(bus))
    bus.crash(away)
    start_clients(bus)
    bus.run(until=done, max_steps=5000)
    bus.restart(away)
    assert bus[away].applied() == 0
    bus.run(until=lambda bus: bus[away].snapshot is not None, max_steps=2000)
    got = bus[away].applied()
    bus.crash(away)
    bus.restart(away)
    assert bus[away].applied() == got >= 20
    bus.run(until=lambda bus: bus[away].applied() == 24, max_steps=2000)
    run_for(bus, 5)
    assert len(texts(bus)) == 1


@pytest.mark.parametrize("kind", [Prepare, Promise, Accept, Accepted, Chosen, Request, Reply, Heartbeat])
def test_a_crash_between_disk_and_network_at_any_message_loses_nothing(kind):
    """Up to three times when such a message arrives, who gets it writes its disk and falls silent."""
    bus = MessageBus(replicated_log(appends(3)), seed=2, checked=False)
    falls = 0
    while not done(bus):
        event = bus.upcoming()
        if isinstance(event, Deliver) and type(event.envelope.message) is kind and falls < 3:
            bus.crash(event.envelope.to, during=event)
            falls += 1
            run_for(bus, 15)
            bus.restart(event.envelope.to)
        else:
            bus.apply(event)
        assert bus.now < 1000
    assert falls
    assert linearizable(history_of(bus.trace))


@pytest.mark.parametrize("snapshot_every", [0, 2])
def test_a_command_in_two_slots_is_executed_once(snapshot_every):
    """A client asks again while its command is under way; both get chosen, a snapshot between them or not."""
    twice = 0
    for seed in range(15):
        nodes = replicated_log(appends(3, 6), patience=4.0, snapshot_every=snapshot_every)
        came = ordeal(nodes, seed, every=0.7, kinds=("crash", "loss"), loss=0.1, late=0.2)
        assert came.ok, came.sentence
        chosen = {}
        for step in came.bus.trace:
            chosen |= step.changed.get("log", ({}, {}))[1]
        commands = [command for slot in chosen for command in chosen[slot]]
        twice += len(commands) > len(set(commands))
        wanted = sorted(f"{c}.{i}" for c in range(3) for i in range(6))
        assert {tuple(sorted(text.split())) for text in texts(came.bus)} == {tuple(wanted)}
    assert twice, "it did happen"


def test_crashes_of_two_in_five_in_turn():
    """Persistence: another pair is down in each round, the leader often among them; the others go on."""
    bus = started(appends(3, 60), 5, snapshot_every=4)
    start_clients(bus)
    rules, names, leaders = LogRules(), [server.name for server in servers_of(bus)], set()
    for turn in range(8):
        leader = leader_of(bus) or names[turn % 5]
        leaders.add(leader)
        pair = (leader, others_of(bus, leader)[turn % 4])
        before = max(server.applied() for server in servers_of(bus))
        for name in pair:
            bus.crash(name)
        run_for(bus, 50)
        assert max(server.applied() for server in servers_of(bus)) > before
        for name in pair:
            bus.restart(name)
        run_for(bus, 2)
        assert rules.look(bus) is None
    assert len(leaders) > 2
    bus.run(until=done, max_steps=20_000)
    assert done(bus)
    assert linearizable(history_of(bus.trace))


def test_clients_spread_over_all_nodes_under_one_bad_node():
    """s1 comes and goes; its client finds the others."""
    bus = MessageBus(replicated_log(appends(5, 8), 5), seed=9, checked=False)
    while not done(bus):
        run_for(bus, 12)
        if bus.down:
            bus.restart("s1")
        else:
            bus.crash("s1")
        assert bus.now < 1000
    assert linearizable(history_of(bus.trace))
