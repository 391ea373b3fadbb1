"""Raft under the nemesis: judged as our own log is, by the same rules and the same clients."""

import pytest

from paxos_lab.multipaxos import Append, Client, Get, Put, Read, Reconfigure
from paxos_lab.relatives import RaftServer, raft_log
from paxos_lab.verify import ordeal
from paxos_lab.verify.wrong.server_runs import CRASHES, HASTY, MIXED, appends

NO_DISK = ("crash", "crash between disk and network", "alone", "partition", "one way", "loss", "duplication")


def changing(**settings):
    """All members are replaced while clients write to old and new ones."""
    operations = {"admin": [Append("k", "a.0 "), Reconfigure(("s4", "s5")), Append("k", "a.1 ")]}
    operations |= {f"c{i}": wanted for i, wanted in enumerate(appends(3, 5), start=1)}
    nodes = raft_log(operations, spares=2, **settings)
    names = [node.name for node in nodes if isinstance(node, RaftServer)]
    for turn, client in enumerate(node for node in nodes if isinstance(node, Client)):
        client.servers = (*names[turn % 5 :], *names[: turn % 5])
    return nodes


def reading(how, **settings):
    reads = [[Read(Get("x"), how)] * 12 for _ in range(2)]
    nodes = raft_log([[Put("x", i) for i in range(10)], *reads], **settings)
    for client in (node for node in nodes if isinstance(node, Client)):
        client.patience = 6.0
    return nodes


WORLDS = {
    "three, hasty": (lambda: raft_log(appends(3, 5), patience=4.0), HASTY),
    "snapshots": (lambda: raft_log(appends(3, 5), snapshot_every=2, patience=4.0), CRASHES),
    "five": (lambda: raft_log(appends(3, 5), servers=5), MIXED),
    "no pre-vote": (lambda: raft_log(appends(3, 5), pre_vote=False), HASTY),
    "as in the paper": (lambda: raft_log(appends(3, 5), pre_vote=False, check_quorum=False), HASTY),
    "one entry an append": (lambda: raft_log(appends(3, 5), most_entries=1, snapshot_every=3), MIXED),
    "members change": (changing, MIXED),
    "members change, snapshots": (lambda: changing(snapshot_every=2), MIXED),
    "quorum reads": (lambda: reading("quorum"), MIXED),
    "leases": (lambda: reading("lease", lease=8.0, drift=0.1), MIXED | {"kinds": NO_DISK}),
}


@pytest.mark.parametrize("world", WORLDS)
def test_nothing_breaks_stalls_or_is_done_twice(world):
    make, weather = WORLDS[world]
    for seed in range(5):
        result = ordeal(make(), seed, **weather)
        assert result.ok, (world, seed, str(result))
        assert result.bus.trace[-1].step > 100, "a run in which nothing happens proves nothing"
