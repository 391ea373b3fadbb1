"""In which runs and in which weather a wrong server of a log shows.

`WRONG` has one line for each rule that is taken away. `make bench` counts how many of a hundred storms catch
each; which search sees those that storms hardly see stands in tests/test_log_bugs.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos import (
    Append,
    Client,
    Get,
    Put,
    Read,
    ReadingServer,
    Reconfigure,
    Rejoining,
    Server,
    replicated_log,
)
from paxos_lab.node import Node
from paxos_lab.verify.storms.ordeal import Ordeal, ordeal
from paxos_lab.verify.wrong import groups_and_reads, servers
from paxos_lab.world.events import Event, Heal, Partition
from paxos_lab.world.schedule import Schedule

Make = Callable[[type[Node]], list[Node]]

# ---- runs: functions of the class of the servers


def appends(clients: int, each: int) -> list[list[Append]]:
    """Every client appends words of its own to one key."""
    return [[Append("k", f"{c}.{i} ") for i in range(each)] for c in range(clients)]


def busy(server: type[Node], **settings: Any) -> list[Node]:
    """Three clients append, each asks another server first."""
    return replicated_log(appends(3, 8), server=server, patience=4.0, **settings)


def snapshots(server: type[Node]) -> list[Node]:
    """The same with a snapshot every two slots."""
    return busy(server, snapshot_every=2)


def lost_disks(server: type[Node]) -> list[Node]:
    """The same with servers whose disks may be lost."""
    return busy(server, alpha=3)


def changing(server: type[Node], **settings: Any) -> list[Node]:
    """The group is replaced while six slots may be open; clients ask all, old and new."""
    operations: dict[str, list[Any]] = {
        "admin": [Append("k", "a.0 "), Reconfigure(("s4", "s5")), Append("k", "a.1 ")]
    }
    operations |= {f"c{i}": list(wanted) for i, wanted in enumerate(appends(4, 8), start=1)}
    nodes = replicated_log(operations, spares=2, server=server, **({"alpha": 6} | settings))
    names = [node.name for node in nodes if isinstance(node, Server)]
    for turn, client in enumerate(node for node in nodes if isinstance(node, Client)):
        client.servers = (*names[turn % 5 :], *names[: turn % 5])
    return nodes


def changing_one_by_one(server: type[Node]) -> list[Node]:
    """The same with one slot at a time, so that a wider window shows."""
    return changing(server, alpha=1)


def changing_with_snapshots(server: type[Node]) -> list[Node]:
    """The same with a snapshot every two slots."""
    return changing(server, snapshot_every=2)


def _reading(server: type[Node], how: str, **settings: Any) -> list[Any]:
    """One client writes, two read, and change the server as soon as there is no answer."""
    reads = [[Read(Get("x"), how)] * 60 for _ in range(2)]
    nodes = replicated_log([[Put("x", i) for i in range(30)], *reads], server=server, **settings)
    for client in (node for node in nodes if isinstance(node, Client)):
        client.patience = 6.0
    return nodes


def reading(server: type[Node]) -> list[Node]:
    """Reads with a round of heartbeats."""
    return _reading(server, "quorum")


def leasing(server: type[Node]) -> list[Node]:
    """The first leader's clock is late by a fifth, those of the others are early by as much."""
    nodes = _reading(server, "lease", lease=50.0, drift=0.2)
    for node, rate in zip(nodes[:3], (1.2, 0.8, 0.8), strict=True):
        node.rate, node.patience = rate, 2.0 if node.name == "s1" else 8.0
    return nodes


class OneCut:
    """One cut, from a moment that the seed sets: the first leader and a reader here, all others there."""

    def __init__(self, seed: int) -> None:
        cut = Partition((("s1", "c2"), ("s2", "s3", "c1", "c3")))
        self.events: list[tuple[float, Event]] = [(20.0 + seed, cut), (90.0 + seed, Heal())]

    def __call__(self, bus: MessageBus) -> Event | None:
        return self.events.pop(0)[1] if self.events and bus.now >= self.events[0][0] else bus.upcoming()


HASTY: dict[str, Any] = {"every": 0.7, "loss": 0.1, "late": 0.2}
CRASHES: dict[str, Any] = {**HASTY, "kinds": ("crash", "loss")}
CUTS: dict[str, Any] = {**HASTY, "kinds": ("partition", "one way", "alone")}
MIXED: dict[str, Any] = {"length": 60.0, "every": 1.5, "loss": 0.05, "late": 0.2}
CALM_AT_LAST: dict[str, Any] = {"loss": 0.0, "duplicate": 0.0, "late": 0.0}
SLOW_CUTS: dict[str, Any] = {"length": 200.0, "every": 40.0, "kinds": ("alone",)}
DISKS: dict[str, Any] = {"every": 1.0, "loss": 0.1, "kinds": ("lost disk", "alone", "crash", "loss")}
CUT: dict[str, Any] = {"length": 120.0 + 100.0, "late": 0.0}


class Wrong(NamedTuple):
    """A server without a rule and the one with it; the run and the weather in which storms look for it."""

    server: type[Node]
    right: type[Node]
    make: Make
    weather: dict[str, Any]
    schedule: Callable[[int], Schedule] | None = None

    def storm(self, seed: int, *, right: bool = False, **weather: Any) -> Ordeal:
        """One run of it, or of the right server in the same weather."""
        nodes = self.make(self.right if right else self.server)
        schedule = self.schedule(seed) if self.schedule else None
        return ordeal(nodes, seed, schedule=schedule, **(self.weather | weather))


WRONG: dict[str, Wrong] = {
    "a promise is not on disk": Wrong(servers.PromiseInMemoryServer, Server, busy, CRASHES),
    "a vote is not on disk": Wrong(servers.VotesInMemoryServer, Server, busy, CRASHES),
    "it votes below its promise": Wrong(servers.AcceptsAllServer, Server, busy, HASTY),
    "a vote raises no promise": Wrong(servers.VoteIsNoPromiseServer, Server, busy, HASTY),
    "a promise hides the votes": Wrong(servers.HidesVotesServer, Server, busy, HASTY),
    "its own ballots are used again": Wrong(servers.BallotsAgain, Server, busy, CRASHES),
    "votes of two ballots are added up": Wrong(servers.AddsUpBallots, Server, busy, HASTY),
    "the lowest vote of a slot is taken": Wrong(servers.LowestVote, Server, busy, HASTY),
    "the maximum is not taken per slot": Wrong(servers.OnePromiseForAll, Server, busy, CRASHES),
    "holes are left": Wrong(servers.LeavesHoles, Server, busy, HASTY),
    "a preempted proposal is never made again": Wrong(servers.AsksOnce, Server, busy, CUTS | CALM_AT_LAST),
    "the answer comes before the votes": Wrong(servers.EarlyReply, Server, busy, HASTY),
    "its own vote is taken for the chosen one": Wrong(servers.OwnVoteIsChosen, Server, busy, HASTY),
    "votes are served as chosen": Wrong(servers.ServesVotes, Server, busy, HASTY),
    "a duplicate is executed": Wrong(servers.Twice, Server, busy, CRASHES),
    "a gap is applied": Wrong(servers.SkipsGaps, Server, busy, HASTY),
    "a decided value is not fetched": Wrong(servers.NeverFetches, Server, busy, CALM_AT_LAST),
    "a snapshot lacks the sessions": Wrong(servers.NoSessions, Server, snapshots, CRASHES),
    "a snapshot has the last session only": Wrong(servers.LastSession, Server, snapshots, CRASHES),
    "a snapshot claims a slot too many": Wrong(servers.SnapshotTooFar, Server, snapshots, CRASHES),
    "a snapshot lacks the configurations": Wrong(
        servers.NoConfigurations, Server, changing_with_snapshots, MIXED
    ),
    "a configuration governs at once": Wrong(groups_and_reads.AtOnce, Server, changing, MIXED),
    "the newest configuration governs all": Wrong(groups_and_reads.NewestForAll, Server, changing, MIXED),
    "the first configuration governs all": Wrong(groups_and_reads.FirstForAll, Server, changing, MIXED),
    "the window is wider than alpha": Wrong(groups_and_reads.WideWindow, Server, changing_one_by_one, MIXED),
    "a lost disk is a restart": Wrong(groups_and_reads.RestartsOnly, Rejoining, lost_disks, DISKS),
    "a majority is asked after a lost disk": Wrong(
        groups_and_reads.AsksAMajority, Rejoining, lost_disks, DISKS
    ),
    "the promises of a lost disk are not asked for": Wrong(
        groups_and_reads.ForgetsPromises, Rejoining, lost_disks, DISKS
    ),
    "a lease knows no drift": Wrong(
        groups_and_reads.NoDriftBound, groups_and_reads.Drifting, leasing, CUT, OneCut
    ),
    "an old leader answers a read": Wrong(groups_and_reads.Believing, ReadingServer, reading, SLOW_CUTS),
    "a read does not wait for the read point": Wrong(
        groups_and_reads.NoReadPoint, ReadingServer, reading, HASTY
    ),
    "a follower answers a read": Wrong(groups_and_reads.FollowersRead, ReadingServer, reading, SLOW_CUTS),
}
