"""The log under a nemesis: hundreds of short runs with every fault, and the nemesis itself."""

import random

import pytest
from log_runs import Drifting, clients_of, done, servers_of

from paxos_lab import MessageBus, seeded
from paxos_lab.multipaxos import (
    Add,
    Append,
    Client,
    CompareAndSet,
    Counter,
    Get,
    KeyValueStore,
    Put,
    Read,
    ReadingServer,
    Reconfigure,
    Rejoining,
    Server,
    replicated_log,
)
from paxos_lab.node import LabError
from paxos_lab.verify import LogRules, history_of, linearizable, nemesis, ordeal
from paxos_lab.verify.storms.nemesis import STRIKES, late
from paxos_lab.verify.storms.slot_rules import executed_twice
from paxos_lab.world.events import Crash, Deliver, Drop, Duplicate, Heal, Invoke, Partition, Restart, Timeout

MIXED = (
    lambda c, i: Append("k", f"{c}.{i} "),
    lambda c, i: Get("k"),
    lambda c, i: Put("x", f"{c}.{i}"),
    lambda c, i: CompareAndSet("x", f"{c}.{i - 1}", f"{c}.{i}"),
)


def mixed(clients, each=6):
    """Operations for clients; each client begins with another kind."""
    return [[MIXED[(c + i) % 4](c, i) for i in range(each)] for c in range(clients)]


def group(servers, seed, **settings):
    """As many clients as servers, two at least; each asks another server first."""
    return replicated_log(mixed(max(2, servers)), servers, patience=5.0, **settings)


def changing(servers, seed, least=1, **settings):
    """Three changes to groups drawn from five servers, while clients that ask all of them go on."""
    rng = random.Random(f"groups {seed}")
    names = [f"s{i}" for i in range(1, 6)]
    operations = {f"c{i}": wanted for i, wanted in enumerate(mixed(3, 5), start=1)}
    operations["admin"] = [Reconfigure(tuple(rng.sample(names, rng.randint(least, 5)))) for _ in range(3)]
    nodes = replicated_log(operations, servers, spares=5 - servers, patience=5.0, **settings)
    for turn, client in enumerate(node for node in nodes if isinstance(node, Client)):
        client.servers = (*names[turn:], *names[:turn])
    return nodes


def leases(servers, seed):
    """Reads under leases among appends; clocks drift, and keep to the bound."""
    rng = random.Random(f"clocks {seed}")
    operations = [
        [rng.choice([Append("k", f"{c}.{i} "), Read(Get("k"), "lease")]) for i in range(8)] for c in range(3)
    ]
    nodes = replicated_log(operations, servers, server=Drifting, lease=rng.choice([9.0, 30.0]), drift=0.2)
    for node in nodes[:servers]:
        node.rate = rng.choice([0.8, 1.0, 1.2])
    return nodes


IN_BOUNDS = tuple(kind for kind in STRIKES if kind != "drift")  # that one lets a clock run any amount fast

# What to build, with which settings, {servers: runs}, what else the ordeal has to know.
SETTINGS = {
    "plain": (group, {}, {1: 6, 2: 20, 3: 40, 4: 8, 5: 8, 7: 2}, {}),
    "snapshots": (group, {"snapshot_every": 3}, {1: 6, 2: 10, 3: 40, 4: 8, 5: 8, 7: 2}, {}),
    "one slot at a time": (group, {"alpha": 1}, {3: 30, 5: 4}, {}),
    "batches": (group, {"batch": 3, "alpha": 5, "snapshot_every": 2}, {3: 30, 5: 4}, {}),
    "flexible 2 2 of 3": (group, {"quorum_sizes": (2, 2)}, {3: 15}, {}),
    "flexible 3 1 of 3": (group, {"quorum_sizes": (3, 1)}, {3: 15}, {}),
    "flexible 1 3 of 3": (group, {"quorum_sizes": (1, 3)}, {3: 15}, {}),
    "flexible 3 2 of 4": (group, {"quorum_sizes": (3, 2)}, {4: 8}, {}),
    "lost disks": (group, {"server": Rejoining, "alpha": 2, "snapshot_every": 4}, {3: 40, 4: 6, 5: 6}, {}),
    "changes of members": (changing, {"snapshot_every": 3}, {3: 20, 1: 5}, {}),
    "changes and lost disks": (changing, {"server": Rejoining, "alpha": 2, "least": 3}, {3: 10}, {}),
    "leases": (leases, {}, {3: 25}, {"kinds": IN_BOUNDS}),
}


# Of the seeds of each group size: `make test` takes the first third, `make thorough` all.
@pytest.mark.parametrize("third", [1, *(pytest.param(n, marks=pytest.mark.thorough) for n in (2, 3))])
@pytest.mark.parametrize("name", SETTINGS)
def test_nothing_breaks_and_nothing_stalls(name, third):
    build, settings, sizes, more = SETTINGS[name]
    waited = lost = 0
    for servers, runs in sizes.items():
        for seed in range((third - 1) * runs // 3, third * runs // 3):
            nodes = build(servers, seed, **settings)
            weather = {"every": (1.0, 3.0)[seed % 2], "loss": 0.05, "duplicate": 0.05, **more}
            came = ordeal(nodes, seed, 60.0, **weather)
            assert came.ok, (servers, seed, came.sentence)
            waited += came.waited > 0
            lost += sum(getattr(server, "loss", 0) for server in servers_of(came.bus))
    runs = sum(third * runs // 3 - (third - 1) * runs // 3 for runs in sizes.values())
    assert waited >= 0.9 * runs, "faults went on until they were ended, not until all was done"
    assert lost > 0.5 * runs or settings.get("server") is not Rejoining


@pytest.mark.parametrize(("servers", "runs"), [(3, 25), (5, 12)])
def test_messages_in_any_order_at_all(servers, runs):
    """A random walk, deep: any message next, late or twice or never, any timer, any crash; then calm."""
    for seed in range(runs):
        nodes = replicated_log(mixed(servers, 4), servers, snapshot_every=(0, 3)[seed % 2])
        bus, rules = MessageBus(nodes, seed=seed, checked=False), LogRules()
        schedule = seeded(seed, faults=0.15)
        for _ in range(40):
            bus.run(schedule, max_steps=20)
            assert rules.look(bus) is None, seed
        if bus.cut:
            bus.heal()
        for name in bus.down:
            bus.restart(name)
        bus.run(until=done, max_steps=6000)
        assert done(bus), f"seed {seed} is stuck"
        assert rules.look(bus) is None and executed_twice(bus) is None
        assert linearizable(history_of(bus.trace))


# ---- the nemesis itself


def test_a_run_is_its_seed():
    def run(seed):
        return ordeal(replicated_log(mixed(3)), seed).bus.trace.to_json()

    assert run(5) == run(5)
    assert run(5) != run(6)


def test_every_kind_of_fault_happens_and_ends():
    kinds, one_way, between, lost = set(), 0, 0, 0
    for seed in range(6):
        came = ordeal(group(3, seed, server=Rejoining), seed, every=1.0)
        for step in came.bus.trace:
            kinds.add(type(step.event))
            one_way += isinstance(step.event, Partition) and step.event.one_way
            between += isinstance(step.event, Crash) and step.event.during is not None
            lost += isinstance(step.event, Invoke)
        assert came.waited > 0
        assert not came.bus.down
        assert came.bus.cut is None
        last = max(step.time for step in came.bus.trace if isinstance(step.event, Crash | Partition))
        assert 70 < last <= 100, "to the end, and no further"
    assert {Crash, Restart, Partition, Heal, Timeout, Drop, Duplicate} <= kinds
    assert one_way
    assert between
    assert lost


def test_a_disk_is_lost_only_where_the_others_can_make_up_for_it():
    def lost(servers, **settings):
        nodes = replicated_log(mixed(2), servers, **settings)
        bus = MessageBus(nodes, checked=False)
        most = 0
        schedule = nemesis(1, 200, every=2.0, kinds=["lost disk"])
        for _ in range(100):
            bus.run(schedule, max_steps=5)
            most = max(most, sum(getattr(server, "mute", False) for server in servers_of(bus)))
        return most, sum(getattr(server, "loss", 0) for server in servers_of(bus))

    assert lost(3) == lost(2, server=Rejoining) == (0, 0)
    most, times = lost(3, server=Rejoining)
    assert most == 1 and times > 1, "never two at once"


def test_all_down_is_no_end():
    """Time stands still when nothing is up, so the nemesis brings somebody back."""
    bus = MessageBus(replicated_log([[Put("x", 1)]], 1), checked=False)
    bus.crash("s1")
    bus.crash("c1")
    bus.run(nemesis(0, 20, kinds=["crash"]), until=done, max_steps=2000)
    assert done(bus)


@pytest.mark.parametrize("kinds", [["crash", "fire"], []])
def test_a_strike_that_does_not_exist_is_refused(kinds):
    with pytest.raises(LabError, match="strike"):
        nemesis(0, kinds=kinds)


def test_a_stall_is_a_stall():
    class Deaf(Client):
        def receive(self, sender, message):
            pass

    came = ordeal(replicated_log([[Put("x", 1)]], client=Deaf), 0, length=10, grace=50)
    assert came.kind == "stall" and came.broken and not came.gave_up
    assert came.sentence == (
        "c1 still waiting: 0 of 1 operations are done, and the last 50 steps, all after the faults, "
        "brought nothing new"
    )
    assert not clients_of(came.bus)[0].done


def test_commands_that_are_chosen_over_and_over_are_no_progress():
    class Mumbles(Server):
        """Gives the command a new slot whenever it is asked again, and never answers."""

        def request(self, command):
            if self.role == "leader":
                self.queue += (command,)
                self.serve()

        def executed_command(self, command, result):
            pass

    came = ordeal(replicated_log([[Put("x", 1)]], server=Mumbles, patience=5.0), 1, length=20, grace=1500)
    assert came.kind == "stall" and "0 of 1 operations are done" in came.sentence
    assert max(server.applied() for server in servers_of(came.bus)) > 5


def test_a_slow_run_is_no_stall():
    """Sixty reads one after the other go on long after the faults: they are slow, not stuck."""
    longest = 0.0
    for seed in range(3):
        reads = [[Read(Get("x"), "log")] * 60 for _ in range(2)]
        nodes = replicated_log([[Put("x", i) for i in range(30)], *reads], server=ReadingServer)
        came = ordeal(nodes, seed, 60.0, every=0.7, loss=0.1)
        assert came.ok, (seed, came.sentence)
        longest = max(longest, came.waited)
    assert longest > 400


def test_a_run_that_a_bound_ended_is_neither_right_nor_broken():
    came = ordeal(group(3, 0), 0, max_steps=150)
    assert came.kind == "gave up" and came.gave_up and not came.ok and not came.broken
    assert "operations are done" in came.sentence

    came = ordeal(replicated_log(mixed(3)), 0, history_steps=5)
    assert came.kind == "gave up" and came.sentence.startswith("NO ANSWER: gave up after 5 steps")


def test_a_log_is_judged_by_its_own_machine():
    def counting(server=Server):
        return replicated_log([[Add(1)] * 3, [Add(2)] * 3], machine=Counter(), server=server)

    for seed in range(6):
        assert ordeal(counting(), seed, 30).ok
    assert ordeal(counting(), 0, 30, machine=Counter).ok
    assert ordeal(counting(), 0, 30, machine=KeyValueStore).kind == "history"

    class Early(Server):
        """Counts twice."""

        def execute(self, command):
            self.machine.apply(command.operation)
            super().execute(command)

    came = ordeal(counting(Early), 0, 30)
    assert came.kind == "history" and "add" in came.sentence


def test_late_messages_are_a_share_of_all_and_come_from_the_seed():
    def delays(seed, share):
        rng = random.Random(seed)
        delay = late(share)
        return [delay(rng, "a", "b") for _ in range(2000)]

    found = delays(1, 0.05)
    assert found == delays(1, 0.05) != delays(2, 0.05)
    later = [d for d in found if d > 1.5]
    assert 60 < len(later) < 140 and all(5.5 <= d <= 41.5 for d in later)
    assert max(delays(1, 0.0)) <= 1.5 and min(delays(1, 1.0)) >= 5.5
    with pytest.raises(LabError, match="late is a share"):
        late(2)


def test_messages_are_late_in_an_ordeal():
    def longest(**weather):
        came = ordeal(replicated_log(mixed(3)), 1, **weather)
        sent = {e.id: step.time for step in came.bus.trace for e in step.sent}
        arrived = (s for s in came.bus.trace if isinstance(s.event, Deliver))
        return max(step.time - sent[step.event.envelope.id] for step in arrived)

    calm = {"kinds": ("duplication",), "loss": 0.0}
    assert longest(**calm) > 20 > 2 > longest(**calm, late=0.0)
