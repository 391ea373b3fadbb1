"""A server is made of parts: what each of them is alone, and that reads and lost disks go together."""

import random
from dataclasses import dataclass, fields
from itertools import combinations

import pytest
from log_runs import done, servers_of

from paxos_lab import Deliver, Envelope, MessageBus, seeded
from paxos_lab.multipaxos import (
    Append,
    Command,
    Get,
    Heartbeat,
    KeyValueStore,
    Leader,
    LogAcceptor,
    Prepare,
    Put,
    Read,
    ReadingServer,
    Rejoining,
    Replica,
    Reply,
    Request,
    Server,
    lose_disk,
    replicated_log,
)
from paxos_lab.node import RoleError, react, stable_fields
from paxos_lab.paxos import Ballot
from paxos_lab.verify import history_of, linearizable

PARTS = (LogAcceptor, Replica, Leader)
SERVERS = ("s1", "s2", "s3")
HOOKS = {"start", "receive", "timeout", "recover"}


@dataclass
class ReadsFirst(ReadingServer, Rejoining):
    """Both parts, in one order."""


@dataclass
class DisksFirst(Rejoining, ReadingServer):
    """And in the other one."""


both = pytest.mark.parametrize("server", [ReadsFirst, DisksFirst])


# ---- three parts


def names(role):
    return {field.name for field in fields(role)}


def methods_of(role):
    return {name for name, value in vars(role).items() if callable(value) and not name.startswith("__")}


def test_a_server_has_the_fields_of_its_parts_and_their_disks():
    assert names(Server) - set().union(*map(names, PARTS)) == {"to_self"}
    on_disk = [stable_fields(part("s1")) for part in PARTS]
    assert stable_fields(Server("s1")) == frozenset().union(*on_disk)


def test_no_part_is_another_and_none_hides_what_another_does():
    for one, other in combinations(PARTS, 2):
        assert not issubclass(one, other) and not issubclass(other, one)
        assert methods_of(one) & methods_of(other) <= HOOKS


def test_what_is_for_nobody_changes_nothing():
    node = Server("s1", members=SERVERS, machine=KeyValueStore())
    before = dict(vars(node))
    assert react(node, "receive", "s2", "a stranger's message") == []
    assert vars(node) == before


# ---- two more


def run_of(server, operations, seed, losses, **settings):
    """Every fault, and disks that get lost one at a time; then calm. The bus, and how many were lost."""
    rng = random.Random(f"both {seed}")
    bus = MessageBus(replicated_log(operations, server=server, **settings), seed=seed, checked=False)
    schedule, lost = seeded(seed, faults=0.1), 0
    for _ in range(losses):
        bus.run(schedule, max_steps=rng.randint(20, 100))
        if not any(node.mute for node in servers_of(bus)):
            lost += 1
            lose_disk(bus, rng.choice(SERVERS), lost)
    if bus.cut:
        bus.heal()
    for name in bus.down:
        bus.restart(name)
    bus.run(until=calm, max_steps=6000)
    return bus, lost


def under_a_lease(step):
    """True if a read was answered in the step that brought it."""
    match step.event:
        case Deliver(Envelope(message=Request(Command(operation=Read())))):
            return any(isinstance(envelope.message, Reply) for envelope in step.sent)
    return False


def calm(bus):
    return done(bus) and not any(node.mute for node in servers_of(bus))


@both
@pytest.mark.parametrize("settings", [{}, {"snapshot_every": 3}, {"lease": 8.0, "drift": 0.1}], ids=str)
def test_disks_get_lost_while_others_read(server, settings):
    lost, read = 0, 0
    for seed in range(12):
        rng = random.Random(seed)
        operations = [
            [rng.choice([Append("k", f"{c}{i} "), Read(Get("k"))]) for i in range(5)] for c in "abc"
        ]
        bus, disks = run_of(server, operations, seed, losses=5, alpha=2, **settings)
        assert calm(bus), f"seed {seed} is stuck"
        history = history_of(bus.trace)
        assert linearizable(history).ok, seed
        lost += disks
        read += sum(operation.call == Get("k") and operation.answered for operation in history)
    assert lost >= 12 and read > 50, "no idle run"


@both
def test_leases_hold_while_disks_get_lost(server):
    """Virtual time decides, so that clocks keep to their bound; now and then a disk is lost, the leader's too."""
    lost, leased = 0, 0
    for seed in range(10):
        rng = random.Random(seed)
        operations = [
            [rng.choice([Append("k", f"{c}{i} "), Read(Get("k"), "lease")]) for i in range(30)] for c in "abc"
        ]
        nodes = replicated_log(operations, server=server, alpha=2, lease=9.0, drift=0.1)
        bus = MessageBus(nodes, seed=seed, loss=0.02, checked=False)
        for number in range(1, 7):
            bus.run(max_steps=rng.randint(100, 200))
            if not any(node.mute for node in servers_of(bus)):
                lost += 1
                lose_disk(bus, rng.choice(SERVERS), number)
        bus.run(until=calm, max_steps=8000)
        assert calm(bus), f"seed {seed} is stuck"
        assert linearizable(history_of(bus.trace)).ok, seed
        leased += sum(under_a_lease(step) for step in bus.trace)
    assert lost >= 20 and leased > 100, "no idle run"


@both
def test_a_server_without_a_disk_grants_no_lease_and_comes_back_to_grant_one(server):
    bus = MessageBus(replicated_log([[Put("x", 1)]], server=server, lease=20.0, drift=0.1), delay=1)
    bus.run(until=lambda bus: done(bus) and bus["s2"].role == bus["s3"].role == "follower", max_steps=2000)
    assert bus["s1"].role == "leader"
    lose_disk(bus, "s2")
    heard = react(bus["s2"], "receive", "s1", Heartbeat(bus["s1"].ballot, 1, 99))
    assert [effect for effect in heard if getattr(effect, "to", None)] == [], "it counts for no lease"
    bus.timeout("s2", "hold")
    assert bus["s2"].held_for is None, "the time is over, mute or not"
    bus.run(until=calm, max_steps=3000)
    bus.crash("s1")
    bus.run(until=lambda bus: bus["s2"].role == "leader" or bus["s3"].role == "leader", max_steps=3000)
    assert "leader" in (bus["s2"].role, bus["s3"].role), "s2 promises and votes again"


@both
def test_a_promise_needs_the_consent_of_both_parts(server):
    def promises(**state):
        node = server("s2", members=SERVERS, machine=KeyValueStore())
        for name, value in state.items():
            setattr(node, name, value)
        return bool(react(node, "receive", "s3", Prepare(Ballot(9, "s3"), 1)))

    assert promises()
    assert promises(held_for="s3")
    assert not promises(mute=True)
    assert not promises(held_for="s1")
    assert not promises(mute=True, held_for="s3")


def test_parts_that_are_joined_without_dataclass_are_told_so():
    class Half(ReadingServer, Rejoining):
        pass

    with pytest.raises(RoleError, match=r"Half joins several roles and lacks the field .*: write @dataclass"):
        MessageBus(replicated_log(server=Half))
