"""Rules of the log taken away one by one: the checks have to notice each, and nothing else."""

from dataclasses import dataclass, replace

import pytest
from log_runs import Drifting, appends

from paxos_lab.multipaxos import (
    Append,
    Client,
    Fetch,
    Get,
    Put,
    Read,
    ReadingServer,
    Reconfigure,
    Server,
    replicated_log,
)
from paxos_lab.verify import ordeal
from paxos_lab.world.events import Heal, Partition


class Duplicates(Server):
    """Executes a command again when it sits in a second slot."""

    def execute(self, command):
        done, _ = self.sessions.get(command.client, (0, None))
        if 0 < command.number <= done:
            self.machine.apply(command.operation)
        super().execute(command)


class Gap(Server):
    """Executes what it knows to be chosen without waiting for the slots before."""

    def execute_ready(self):
        while self.log and max(self.log) > self.executed:
            self.executed = min(slot for slot in self.log if slot > self.executed)
            for command in self.log[self.executed]:
                self.execute(command)


class AnyVote(Server):
    """Takes over the lowest vote of a slot, not the highest."""

    def lead(self):
        lowest = {}
        for votes in self.promises.values():
            for slot, vote in votes:
                if slot not in lowest or vote.ballot < lowest[slot].ballot:
                    lowest[slot] = vote
        mine = tuple(lowest.items())
        self.promises = dict.fromkeys(self.promises, mine)
        super().lead()


class HighestForAll(Server):
    """Takes, for all slots, the votes of the one promise with the highest ballot in it."""

    def lead(self):
        def newest(name):
            return max((vote.ballot for _, vote in self.promises[name]), default=None) or self.ballot.ZERO

        best = self.promises[max(sorted(self.promises), key=newest)]
        self.promises = dict.fromkeys(self.promises, best)
        super().lead()


class NoSessions(Server):
    """Leaves the sessions out of its snapshots."""

    def clear_up_to(self, snapshot):
        super().clear_up_to(replace(snapshot, sessions=()))


class NeverFetches(Server):
    """Does not ask for what it missed: neither when told of a slot nor by a heartbeat."""

    def send(self, to, message):
        if not isinstance(message, Fetch):
            super().send(to, message)


@dataclass
class AsksOnce(Server):
    """Gives each command one try and remembers that: preempted, it is never proposed again."""

    tried: frozenset = frozenset()

    def request(self, command):
        if command in self.tried and self.sessions.get(command.client, (0,))[0] < command.number:
            return
        if self.role == "leader":
            self.tried |= {command}
        super().request(command)


class AtOnce(Server):
    """A new configuration governs from the next slot on."""

    def execute(self, command):
        super().execute(command)
        if isinstance(command.operation, Reconfigure):
            self.configurations = {
                min(first, self.executed + 1): members for first, members in self.configurations.items()
            }


@dataclass
class NoDriftBound(Drifting):
    """Sets the timers of its leases as if no clock ever drifted."""

    def __post_init__(self):
        self.drift = 0.0


class Believing(ReadingServer):
    """Answers reads from its own copy as long as it believes that it leads."""

    def may_answer(self, how, read_point, number):
        return True


# ---- runs in which they show: functions of the class of the servers


def busy(server, **settings):
    """Three clients append, each asks another server first."""
    return replicated_log(appends(3, 8), server=server, patience=4.0, **settings)


def changing(server):
    """The group is replaced while six slots may be open; clients ask all, old and new."""
    operations = {"admin": [Append("k", "a.0 "), Reconfigure(("s4", "s5")), Append("k", "a.1 ")]}
    operations |= {f"c{i}": wanted for i, wanted in enumerate(appends(4, 8), start=1)}
    nodes = replicated_log(operations, spares=2, server=server, alpha=6)
    names = [node.name for node in nodes if isinstance(node, Server)]
    for turn, client in enumerate(node for node in nodes if isinstance(node, Client)):
        client.servers = (*names[turn % 5 :], *names[: turn % 5])
    return nodes


def snapshots(server):
    return busy(server, snapshot_every=2)


def reading(server, how, **settings):
    """One client writes, two read, and change the server as soon as there is no answer."""
    reads = [[Read(Get("x"), how)] * 60 for _ in range(2)]
    nodes = replicated_log([[Put("x", i) for i in range(30)], *reads], server=server, **settings)
    for client in (node for node in nodes if isinstance(node, Client)):
        client.patience = 6.0
    return nodes


def believing(server):
    return reading(server, "quorum")


def leasing(server):
    """The first leader's clock is late by a fifth, those of the others are early by as much."""
    nodes = reading(server, "lease", lease=50.0, drift=0.2)
    for node, rate in zip(nodes[:3], (1.2, 0.8, 0.8), strict=True):
        node.rate, node.patience = rate, 2.0 if node.name == "s1" else 8.0
    return nodes


HASTY = {"every": 0.7, "loss": 0.1}
CRASHES = {**HASTY, "kinds": ("crash", "loss")}
CUTS = {**HASTY, "kinds": ("partition", "one way", "alone")}
MIXED = {"length": 60.0, "every": 1.5, "loss": 0.05}
SLOW_CUTS = {"length": 200.0, "every": 40.0, "kinds": ("alone",)}


class Cut:
    """One cut, from a moment that the seed sets: the first leader and a reader here, all others there."""

    def __init__(self, seed):
        self.events = [(20 + seed, Partition((("s1", "c2"), ("s2", "s3", "c1", "c3")))), (90 + seed, Heal())]

    def __call__(self, bus):
        return self.events.pop(0)[1] if self.events and bus.now >= self.events[0][0] else bus.upcoming()


ONE_CUT = {"length": 120.0, "schedule": Cut}

# By the rule that is taken away: the server without it and the one with it, the run, the weather, seeds that
# show it (found by trying), and what says so.
BUGS = {
    "a duplicate is executed": (Duplicates, Server, busy, CRASHES, (2, 9, 54), "twice"),
    "a gap is applied": (Gap, Server, busy, HASTY, (0, 1, 2), "rule"),
    "the lowest vote of a slot is taken": (AnyVote, Server, busy, HASTY, (70, 118), "rule"),
    "the maximum is not taken per slot": (HighestForAll, Server, busy, CRASHES, (2, 29, 35), "rule"),
    "a snapshot lacks the sessions": (NoSessions, Server, snapshots, CRASHES, (0, 2, 3), "twice"),
    "a lease knows no drift": (NoDriftBound, Drifting, leasing, ONE_CUT, (2, 5, 6), "history"),
    "a configuration governs at once": (AtOnce, Server, changing, MIXED, (76, 85), "rule"),
    "an old leader answers a read": (Believing, ReadingServer, believing, SLOW_CUTS, (1, 3, 4), "history"),
    "a decided value is not fetched": (NeverFetches, Server, busy, {}, (3, 5, 8), "stall"),
    "a preempted proposal is never made again": (AsksOnce, Server, busy, CUTS, (1, 37), "stall"),
}


def suffer(nodes, seed, schedule=None, **weather):
    return ordeal(nodes, seed, schedule=schedule and schedule(seed), **weather)


@pytest.mark.parametrize("rule", BUGS)
def test_each_bug_is_caught_and_the_right_server_passes_the_same_run(rule):
    bug, right, run, weather, seeds, kind = BUGS[rule]
    assert seeds
    for seed in seeds:
        broken = suffer(run(bug), seed, **weather)
        assert broken.kind == kind, (seed, broken.kind, broken.sentence)
        sound = suffer(run(right), seed, **weather)
        assert sound.ok, (seed, sound.sentence)
