"""The log as the best labs test it: agreement, what it costs, partitions, loss.

The lists are those of dslabs lab 3, MIT 6.824 and 6.5840, and what they miss. Elsewhere: what one
acceptor, replica or leader does by itself (test_log_acceptor, test_replica, test_log_leader), take-over
(test_log_takeover), crashes (test_log_crashes), searches (test_log_searches), every fault at once
(test_nemesis), changes of members (test_reconfiguration), reads and leases (test_reads), lost disks (test_rejoin),
seeded bugs (test_log_bugs).
No counterpart here:
- `Done` and `Min` (6.824): there is no such call, snapshots forget;
- conflicting log entries that are deleted (Raft, 6.5840): a server never deletes what another wrote;
- corrupted state (cocagne): the disk is what the simulation says it is.
"""

import itertools
import random

import pytest
from log_runs import (
    appends,
    clients_of,
    done,
    leader_of,
    others_of,
    run_for,
    servers_of,
    start_clients,
    started,
    texts,
)

from paxos_lab import MessageBus
from paxos_lab.multipaxos import (
    Accept,
    Accepted,
    Append,
    Chosen,
    Get,
    Heartbeat,
    HeartbeatHeard,
    Prepare,
    Put,
    Reply,
    Request,
    replicated_log,
)
from paxos_lab.verify import LogRules, history_of, linearizable
from paxos_lab.world.events import Partition

# ---- without faults


def test_a_single_client_gets_its_answers_in_order():
    bus = MessageBus(replicated_log([[Put("x", 1), Append("y", "a"), Get("x"), Append("y", "b")]]))
    bus.run(until=done, max_steps=2000)
    assert bus["c1"].results == [None, "a", 1, "ab"]


@pytest.mark.parametrize("servers", [1, 2, 3, 4, 7])
def test_groups_of_every_size_agree(servers):
    bus = MessageBus(replicated_log(appends(servers), servers), checked=False)
    bus.run(until=done, max_steps=5000)
    assert done(bus)
    run_for(bus, 10)
    assert len(texts(bus)) == 1
    assert {server.applied() for server in servers_of(bus)} == {4 * servers}


def test_25_clients_at_once_are_linearizable():
    bus = MessageBus(replicated_log(appends(25), 5), seed=3, loss=0.02, duplicate=0.02, checked=False)
    bus.run(until=done, max_steps=50_000)
    history = history_of(bus.trace)
    assert len(history) == 100
    assert all(operation.answered for operation in history)
    assert linearizable(history)


@pytest.mark.parametrize("servers", [3, 4, 5, 7])
def test_without_loss_nobody_waits_once_there_is_a_leader(servers):
    """No command needs more than the way there, one round of votes and the way back, its queue apart."""
    for seed in range(3):
        bus = started(appends(2 * servers, 5), servers, seed)
        start_clients(bus)
        begin = bus.now
        bus.run(until=done, max_steps=20_000)
        assert done(bus)
        # Two hops to the leader, one round of votes, two hops back, 1.5 each at most; alpha slots at once.
        assert bus.now - begin < 5 * 2 * 3 * 1.5 + 10 * servers * 3 / 2
        assert not any(isinstance(e.message, Prepare) for s in bus.trace if s.time > begin for e in s.sent)


@pytest.mark.parametrize("loss", [0.0, 0.05])
@pytest.mark.parametrize("servers", [3, 5])
def test_clients_spread_over_all_nodes_are_all_served(servers, loss):
    """A widely read program stalls here: a preempted proposal, or a lost decision, is never made up for.

    Each client knows one server only and starts before there is a leader.
    """

    def everywhere(bus):
        return done(bus) and all(server.applied() >= 3 * servers for server in servers_of(bus))

    for seed in range(20):
        bus = MessageBus(replicated_log(appends(servers, 3), servers), seed=seed, loss=loss, checked=False)
        for k, client in enumerate(clients_of(bus), start=1):
            client.servers = (f"s{k}",)
        bus.run(until=lambda bus: everywhere(bus) or bus.now > 300, max_steps=20_000)
        assert everywhere(bus), f"seed {seed}: {[c.name for c in clients_of(bus) if not c.done]} wait"
        # An election or two, and at 5 % loss a few waits of a client's patience of 20.
        assert bus.now < (100 if loss == 0 else 300)
        assert linearizable(history_of(bus.trace))


# ---- what it costs


@pytest.mark.parametrize("servers", [1, 2, 3, 5, 7])
def test_a_stable_leader_sends_3_messages_to_each_of_the_others(servers):
    """n - 1 Accepts, n - 1 Accepteds, n - 1 Chosens; heartbeats go by time, not by command."""
    commands = 20
    bus = started([[Append("k", "x")] * commands], servers, delay=1)  # nothing overtakes: no Fetch
    bus["c1"].servers = (leader_of(bus),)
    bus.start("c1")
    begin = len(bus.trace)
    bus.run(until=lambda bus: done(bus) and not any(type(e.message) is Chosen for e in bus.in_flight))
    kinds = [type(e.message) for step in bus.trace[begin - 1 :] for e in step.sent]
    for kind in (Accept, Accepted, Chosen):
        assert kinds.count(kind) == commands * (servers - 1), kind
    assert kinds.count(Request) == kinds.count(Reply) == commands
    assert set(kinds) <= {Accept, Accepted, Chosen, Request, Reply, Heartbeat, HeartbeatHeard}


@pytest.mark.parametrize("servers", [3, 5, 7])
def test_at_most_15_n_messages_per_command_under_contention(servers):
    """Every server is asked, and every 25 units one more election is forced; all messages count."""
    rng, commands = random.Random(servers), 20 * servers
    bus = MessageBus(replicated_log(appends(servers, 20), servers), seed=servers, checked=False)
    run_for(bus, 20)
    while not done(bus):
        waiting = [node for node, timer, _ in bus.timers if timer == "election" and node != leader_of(bus)]
        bus.timeout(rng.choice(waiting), "election")
        run_for(bus, 25)
        assert bus.now < 1500
    led = [step.node for step in bus.trace if step.changed.get("role", ("", ""))[1] == "leader"]
    assert len(led) >= 8 and len(set(led)) >= 3, "the lead went round"
    sent = sum(len(step.sent) for step in bus.trace)
    assert sent <= 15 * servers * commands


def test_old_commands_are_collected():
    """Memory grows up to a snapshot and falls with it, also while a server is away."""
    bus = started(appends(3, 40), 3, snapshot_every=5)
    start_clients(bus)
    away = others_of(bus, leader_of(bus))[0]
    sizes = []
    while not done(bus):
        if 40 < bus.now < 80 and not bus.down:
            bus.crash(away)
        elif bus.now > 80 and bus.down:
            bus.restart(away)
        run_for(bus, 1)
        sizes.append(max(max(len(s.log), len(s.votes)) for s in servers_of(bus)))
    run_for(bus, 10)
    # What is not in the snapshot yet, and what is open.
    assert max(sizes) <= 5 + 3 + 3
    assert sum(b < a for a, b in itertools.pairwise(sizes)) > 10, "it falls, again and again"
    assert all(s.cleared >= 115 and len(s.log) < 5 and len(s.votes) < 5 for s in servers_of(bus))


# ---- partitions


def test_progress_in_a_majority_none_in_a_minority_and_again_after_healing():
    bus = started(appends(5), 5)
    bus.partition(("s1", "s2", "s3", "c1", "c2", "c3"), ("s4", "s5", "c4", "c5"))
    start_clients(bus)
    run_for(bus, 150)
    assert all(bus[name].done for name in ("c1", "c2", "c3"))
    assert not bus["c4"].results
    assert not bus["c5"].results
    assert max(bus[name].applied() for name in ("s4", "s5")) == 0
    bus.heal()
    run_for(bus, 150)
    assert done(bus)
    assert len(texts(bus)) == 1
    assert linearizable(history_of(bus.trace))


def test_an_even_split_chooses_nothing():
    bus = started(appends(4), 4)
    bus.partition(("s1", "s2", "c1", "c2"), ("s3", "s4", "c3", "c4"))
    start_clients(bus)
    run_for(bus, 150)
    assert {server.applied() for server in servers_of(bus)} == {0}
    bus.heal()
    run_for(bus, 200)
    assert done(bus)


def test_a_server_that_switches_sides_carries_what_was_chosen():
    """s3 makes the majority with either side, twenty times."""
    bus = started(appends(5, 30), 5)
    start_clients(bus)
    rules, grown = LogRules(), 0
    for turn in range(20):
        sides = (("s1", "s2", "s3"), ("s4", "s5")) if turn % 2 else (("s1", "s2"), ("s3", "s4", "s5"))
        with_clients = tuple((*side, *(f"c{n[1]}" for n in side)) for side in sides)
        before = max(server.applied() for server in servers_of(bus))
        bus.apply(Partition(with_clients))
        run_for(bus, 40)
        assert rules.look(bus) is None
        grown += max(server.applied() for server in servers_of(bus)) > before
    assert grown >= 15, "a majority makes progress"
    bus.heal()
    bus.run(until=done, max_steps=50_000)
    assert linearizable(history_of(bus.trace))


def test_constant_repartitioning_keeps_waits_bounded():
    """Every 30 units another majority, for 900 units; no command waits longer than a few of them."""
    rng = random.Random(7)
    nodes = replicated_log(appends(5, 60), 5, snapshot_every=10)
    bus = MessageBus(nodes, seed=7, loss=0.01, checked=False)
    names = [client.name for client in clients_of(bus)]
    while bus.now < 900:
        majority = set(rng.sample(others_of(bus), 3))
        bus.apply(Partition(((*sorted(majority), *names), tuple(others_of(bus, *majority)))))
        run_for(bus, 30)
    begun, waits = {}, []
    for step in bus.trace:
        for envelope in step.sent:
            match envelope.message:
                case Request(command) if envelope.sender == command.client:
                    begun.setdefault((command.client, command.number), step.time)
        if "results" in step.changed:
            waits.append(step.time - begun.pop((step.node, len(step.changed["results"][1]))))
    assert len(waits) > 150
    assert max([*waits, *(bus.now - since for since in begun.values())]) < 7 * 30
    assert linearizable(history_of(bus.trace))


def test_lots_in_a_lossy_network():
    for loss in (0.1, 0.3):
        nodes = replicated_log(appends(5, 5), 5)
        bus = MessageBus(nodes, seed=1, loss=loss, duplicate=0.2, delay=(0.1, 4), checked=False)
        bus.run(until=done, max_steps=50_000)
        assert done(bus)
        assert linearizable(history_of(bus.trace))


# ---- servers that hear nobody, and servers that nobody hears


def one_way(name, deaf):
    """Nobody reaches that server though it reaches everybody, or the other way round."""
    bus = started([[Append("k", f"{i} ") for i in range(6)]])
    assert leader_of(bus) == "s1"
    others = tuple(other for other in bus.names if other != name)
    bus["c1"].servers = tuple(other for other in others if other[0] == "s")
    bus.apply(Partition((others, (name,)) if deaf else ((name,), others), one_way=True))
    bus.start("c1")
    bus.run(until=lambda bus: done(bus) or bus.now > 500, max_steps=20_000)
    return bus


@pytest.mark.parametrize("name", ["s2", "s3"])
def test_a_deaf_proposer_hurts_nobody(name):
    """It campaigns for ever with ballots of which it never hears what became."""
    bus = one_way(name, deaf=True)
    assert bus[name].role == "candidate"
    assert done(bus)


def test_a_deaf_leader_is_replaced():
    """Its heartbeats arrive, so the others would follow it for ever if it did not step down by itself."""
    assert done(one_way("s1", deaf=True))


@pytest.mark.parametrize("name", ["s1", "s2"])
def test_a_server_whom_nobody_hears_hurts_nobody(name):
    bus = one_way(name, deaf=False)
    assert done(bus)
    assert bus[name].role != "leader"


@pytest.mark.parametrize("deaf", [True, False])
def test_after_such_a_cut_was_healed_all_goes_on(deaf):
    bus = one_way("s1", deaf)
    bus.heal()
    caught_up = lambda bus: done(bus) and all(s.applied() >= 6 for s in servers_of(bus))  # noqa: E731
    bus.run(until=caught_up, max_steps=20_000)
    assert caught_up(bus)
    assert linearizable(history_of(bus.trace))
