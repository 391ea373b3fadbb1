"""The log as the best labs test it: each test is named by the rule it holds.

The lists are those of dslabs lab 3, MIT 6.824 and 6.5840, and what they miss. Elsewhere: what one
acceptor or replica does by itself (test_log_acceptor, test_replica), changes of members
(test_reconfiguration), reads and leases (test_reads), lost disks (test_rejoin), seeded bugs
(test_log_bugs), long runs with every fault (test_nemesis), searches of single-decree Paxos
(test_searches).
No counterpart here:
- searches of all schedules ("decision in {1, 2}" and the like): a server has too many states; the single
  decree is searched, the log is run under seeds and by scripts;
- "forgetting" by Done and Min, instances out of order (6.824): there is no such call, snapshots forget;
- figure 8 and log conflicts of Raft (6.5840): a server never deletes entries of another;
- corrupted state (cocagne): the disk is what the simulation says it is.
"""

import random

import pytest

from paxos_lab import MessageBus
from paxos_lab.events import Crash, Deliver, Partition
from paxos_lab.multipaxos import Append, Client, Command, Get, Put, Server, Vote, replicated_log
from paxos_lab.multipaxos.messages import (
    Accept,
    Accepted,
    Chosen,
    Heartbeat,
    HeartbeatHeard,
    Prepare,
    Promise,
    Reply,
    Request,
)
from paxos_lab.paxos import Ballot
from paxos_lab.verify import LogRules, history_of, linearizable, ordeal


def appends(clients, each=4):
    return [[Append("k", f"{c}.{i} ") for i in range(each)] for c in range(clients)]


def done(bus):
    return all(node.done for node in bus if isinstance(node, Client))


def servers_of(bus):
    return [node for node in bus if isinstance(node, Server)]


def leader_of(bus):
    """The leader, if there is exactly one."""
    leading = [server.name for server in servers_of(bus) if server.role == "leader"]
    return leading[0] if len(leading) == 1 else None


def run_for(bus, time):
    end = bus.now + time
    bus.run(until=lambda bus: bus.now >= end, max_steps=100_000)


def started(operations, servers=3, seed=0, delay=(0.5, 1.5), **settings):
    """A bus with a leader, and the clients still idle."""
    nodes = replicated_log(operations, servers, **settings)
    clients = [node.name for node in nodes if isinstance(node, Client)]
    bus = MessageBus(nodes, seed=seed, delay=delay, idle=clients, checked=False)
    bus.run(until=leader_of, max_steps=2000)
    run_for(bus, 5)  # so that all know who leads
    return bus


def start_clients(bus):
    for node in bus:
        if isinstance(node, Client):
            bus.start(node.name)


def texts(bus):
    return {server.machine.data.get("k", "") for server in servers_of(bus)}


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
    """A widely read program stalls here, with clients spread over all nodes and no fault at all."""
    for seed in range(5):
        bus = started(appends(2 * servers, 5), servers, seed)
        start_clients(bus)
        begin = bus.now
        bus.run(until=done, max_steps=20_000)
        assert done(bus)
        # Two hops to the leader, one round of votes, two hops back, 1.5 each at most.
        assert bus.now - begin < 5 * 2 * 3 * 1.5 + 10 * servers * 3 / 2
        assert not any(isinstance(e.message, Prepare) for s in bus.trace if s.time > begin for e in s.sent)


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
    """Every server is asked, and every 10 units another one campaigns; all messages count."""
    rng, commands = random.Random(servers), 0
    bus = MessageBus(replicated_log(appends(servers, 20), servers), seed=servers, checked=False)
    campaigns = 0
    while not done(bus):
        run_for(bus, 10)
        waiting = [node for node, timer, _ in bus.timers if timer == "election"]
        bus.timeout(rng.choice(waiting), "election")
        campaigns += 1
    commands = servers * 20
    assert campaigns > 5
    assert sum(len(step.sent) for step in bus.trace) <= 15 * servers * commands


def test_old_commands_are_collected():
    bus = started(appends(3, 40), 3, snapshot_every=5)
    start_clients(bus)
    most = 0
    while not done(bus):
        run_for(bus, 3)
        most = max(most, *(max(len(s.log), len(s.votes)) for s in servers_of(bus)))
    run_for(bus, 10)
    # What is not in the snapshot yet, and what is open.
    assert most <= 5 + 3 + 3
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
    """Every 30 units another majority, for 1500 units; no command waits longer than a few of them."""
    rng = random.Random(7)
    bus = MessageBus(replicated_log(appends(5, 60), 5), seed=7, loss=0.01, checked=False)
    while bus.now < 1500 and not done(bus):
        names = [server.name for server in servers_of(bus)]
        rng.shuffle(names)
        clients = [node.name for node in bus if isinstance(node, Client)]
        bus.apply(Partition(((*names[:3], *clients), tuple(names[3:]))))
        run_for(bus, 30)
    begun, waits = {}, []
    for step in bus.trace:
        for envelope in step.sent:
            match envelope.message:
                case Request(command) if envelope.sender == command.client:
                    begun.setdefault((command.client, command.number), step.time)
        if "results" in step.changed:
            waits.append(step.time - begun[step.node, len(step.changed["results"][1])])
    assert len(waits) > 200
    assert max(waits) < 7 * 30
    assert linearizable(history_of(bus.trace))


def test_lots_in_a_lossy_network():
    for loss in (0.1, 0.3):
        bus = MessageBus(
            replicated_log(appends(5, 5), 5), seed=1, loss=loss, duplicate=0.2, delay=(0.1, 4), checked=False
        )
        bus.run(until=done, max_steps=50_000)
        assert done(bus)
        assert linearizable(history_of(bus.trace))


def deaf(name):
    """Whom nobody reaches, though it reaches everybody; and a client of the other servers."""
    bus = started([[Append("k", f"{i} ") for i in range(6)]])
    assert leader_of(bus) == "s1"
    others = tuple(other for other in bus.names if other != name)
    bus["c1"].servers = tuple(other for other in others if other[0] == "s")
    bus.apply(Partition((others, (name,)), one_way=True))
    bus.start("c1")
    bus.run(until=lambda bus: done(bus) or bus.now > 500, max_steps=20_000)
    return bus


@pytest.mark.parametrize("name", ["s2", "s3"])
def test_a_deaf_proposer_hurts_nobody(name):
    """It campaigns for ever with ballots of which it never hears what became."""
    bus = deaf(name)
    assert bus[name].role == "candidate"
    assert done(bus)


def test_a_deaf_leader_is_replaced():
    assert done(deaf("s1"))


def test_after_a_deaf_leader_was_healed_all_goes_on():
    bus = deaf("s1")
    bus.heal()
    bus.run(until=done, max_steps=20_000)
    assert done(bus)
    assert linearizable(history_of(bus.trace))


# ---- take-over


def hand_votes(bus_nodes, votes):
    """Put votes on disks: {server: {slot: (ballot, entry)}}."""
    for node in bus_nodes:
        for slot, (ballot, entry) in votes.get(node.name, {}).items():
            node.votes[slot] = Vote(ballot, entry)
            node.promised = max(node.promised, ballot)


def entry(text):
    return (Command(text, 1, Append("k", f"{text} ")),)


def test_the_highest_ballot_is_taken_slot_by_slot_and_gaps_get_no_ops():
    """Slot 1: s3's vote is higher. Slot 2: s2's. Slot 3: nobody's, a gap. Slot 4: only s2's."""
    b1, b2, b3 = (Ballot(k, "s9") for k in (1, 2, 3))
    nodes = replicated_log({"a": [], "b": [], "c": [], "d": [], "e": []}, alpha=4, quorum_sizes=(3, 1))
    by_name = {node.name: node for node in nodes}
    hand_votes(
        nodes,
        {
            "s2": {1: (b1, entry("a")), 2: (b3, entry("b")), 4: (b1, entry("e"))},
            "s3": {1: (b2, entry("c")), 2: (b2, entry("d"))},
        },
    )
    by_name["s1"].patience = 5
    by_name["s2"].patience = by_name["s3"].patience = 50
    bus = MessageBus(nodes)
    bus.run(until=lambda bus: all(s.applied() == 4 for s in servers_of(bus)), max_steps=500)
    assert leader_of(bus) == "s1"
    for server in servers_of(bus):
        assert [server.command(slot) for slot in range(1, 5)] == [entry("c"), entry("b"), (), entry("e")]


def test_an_old_minority_proposal_is_ignored():
    """s1 led and alone voted for its command; the others chose another one; s1 comes back."""
    bus = started({"old": [Append("k", "old ")], "new": [Append("k", "new ")]})
    old = leader_of(bus)
    others = tuple(name for name in ("s1", "s2", "s3") if name != old)
    bus["old"].servers, bus["new"].servers = (old,), others
    bus.partition((old, "old"), (*others, "new"))
    bus.start("old")
    bus.start("new")
    bus.run(until=lambda bus: bus["new"].done, max_steps=2000)
    assert [str(c) for c in bus[old].votes[1].entry] == ["old#1 append k old "]
    assert all("new" in str(bus[name].votes[1]) for name in others)
    bus.heal()
    bus.run(until=done, max_steps=2000)
    run_for(bus, 10)
    assert texts(bus) == {"new old "}, "what was preempted is asked for again, in another slot"


def test_replayed_messages_of_old_leaders_change_nothing():
    """Copies of everything, delivered again long after, while leaders change."""
    bus = started(appends(3, 10), 3)
    start_clients(bus)
    rng, rules = random.Random(4), LogRules()
    kept = []
    for _ in range(12):
        run_for(bus, 8)
        kept += [bus.duplicate(e).sent[0].id for e in bus.in_flight[:4]]
        waiting = [node for node, timer, _ in bus.timers if timer == "election"]
        bus.timeout(rng.choice(waiting), "election")
        for id in rng.sample(kept, len(kept) // 2):
            if any(e.id == id for e in bus.in_flight):
                bus.deliver(id)
        assert rules.look(bus) is None
    bus.run(until=done, max_steps=20_000)
    assert done(bus)
    assert linearizable(history_of(bus.trace))


# ---- crashes


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


def test_a_ballot_is_never_used_twice():
    """The round is on disk before the first Prepare leaves, even if the crash hides that it did."""
    (server, *_) = replicated_log((), 3)
    bus = MessageBus([server, *_])
    used = set()
    for _ in range(4):
        event = next(e for e in bus.enabled() if getattr(e, "timer", None) == "election" and e.node == "s1")
        bus.apply(Crash("s1", during=event))
        bus.restart("s1")
        bus.timeout("s1", "election")
        assert bus["s1"].ballot not in used
        used.add(bus["s1"].ballot)
    assert [ballot.round for ballot in sorted(used)] == [2, 4, 6, 8]


def test_a_leader_crashes_after_one_accept_and_its_command_is_found():
    """One vote is no choice; but who takes over and sees it has to ask for it again."""
    bus = started({"c1": [Append("k", "x ")]})
    leader = leader_of(bus)
    other = next(name for name in ("s1", "s2", "s3") if name != leader)
    bus["c1"].servers = (leader,)
    bus.start("c1")
    bus.run(until=lambda bus: [e for e in bus.in_flight if type(e.message) is Accept])
    bus.deliver(next(e for e in bus.in_flight if type(e.message) is Accept and e.to == other))
    bus.crash(leader)
    for envelope in [e for e in bus.in_flight if type(e.message) is Accept]:
        bus.drop(envelope)
    bus.run(until=lambda bus: bus[other].applied() == 1, max_steps=2000)
    assert bus[other].machine.data["k"] == "x "


# ---- sessions and quorums


def test_a_command_in_two_slots_is_executed_once():
    """The client asks again when the first leader is cut off; both get it chosen in the end."""
    twice = 0
    for seed in range(30):
        nodes = replicated_log(appends(3, 6), patience=4.0, snapshot_every=0)
        came = ordeal(nodes, seed, every=0.7, kinds=("crash", "loss"), loss=0.1)
        assert came.ok, came.sentence
        first = max(servers_of(came.bus), key=lambda server: server.applied())
        commands = [command for entry in first.log.values() for command in entry]
        twice += len(commands) > len(set(commands))
        words = first.machine.data["k"].split()
        assert sorted(words) == sorted(f"{c}.{i}" for c in range(3) for i in range(6))
    assert twice, "it did happen"


@pytest.mark.parametrize(
    ("servers", "sizes", "may_fail"), [(4, None, 1), (4, (3, 2), 2), (5, (4, 2), 3), (3, (3, 1), 2)]
)
def test_a_leader_needs_a_phase_2_quorum_and_no_more(servers, sizes, may_fail):
    """Even groups and flexible quorums: with that many others gone a leader goes on, with one more not."""
    bus = started([[Append("k", f"{i} ") for i in range(4)]], servers, quorum_sizes=sizes)
    leader = leader_of(bus)
    others = [server.name for server in servers_of(bus) if server.name != leader]
    bus["c1"].servers = (leader,)
    for name in others[:may_fail]:
        bus.crash(name)
    bus.start("c1")
    bus.run(until=lambda bus: len(bus["c1"].results) == 2, max_steps=2000)
    assert len(bus["c1"].results) == 2
    if others[may_fail:]:
        for name in others[may_fail:]:
            bus.crash(name)
        had = bus[leader].applied()
        run_for(bus, 100)
        assert bus[leader].applied() <= had


def test_a_new_leader_needs_a_phase_1_quorum():
    bus = started([[Append("k", "x ")]], 5, quorum_sizes=(4, 2))
    leader = leader_of(bus)
    others = [name for name in ("s1", "s2", "s3", "s4", "s5") if name != leader]
    bus.crash(leader)
    bus.crash(others[0])
    run_for(bus, 200)
    assert leader_of(bus) is None, "three are no quorum of phase 1"
    bus.restart(others[0])
    run_for(bus, 100)
    assert leader_of(bus)


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
