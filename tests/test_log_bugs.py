"""Rules of the log taken away one by one: the checks have to notice each, and nothing else."""

from dataclasses import dataclass, replace

import pytest

from paxos_lab.multipaxos import Append, Client, Reconfigure, Server, replicated_log
from paxos_lab.multipaxos.messages import Fetch
from paxos_lab.verify import ordeal


def appends(clients, each=8):
    return [[Append("k", f"{c}.{i} ") for i in range(each)] for c in range(clients)]


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


HASTY = {"every": 0.7, "loss": 0.1}
CRASHES = {**HASTY, "kinds": ("crash", "loss")}
CUTS = {**HASTY, "kinds": ("partition", "one way", "alone")}

# The rule taken away: fields of the servers, the nemesis, the seeds that show it (found by trying), what says so.
BUGS = {
    Duplicates: ({"patience": 4.0}, CRASHES, (2, 9, 25), "history"),
    Gap: ({"patience": 4.0}, HASTY, (0, 1, 2), "rule"),
    AnyVote: ({"patience": 4.0}, HASTY, (17,), "rule"),
    HighestForAll: ({"patience": 4.0}, CRASHES, (2, 29, 33), "rule"),
    NoSessions: ({"patience": 4.0, "snapshot_every": 2}, CRASHES, (0, 2, 3), "history"),
    NeverFetches: ({}, {}, (0, 1, 2), "stall"),
    AsksOnce: ({"patience": 4.0}, CUTS, (1, 37), "stall"),
}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_each_bug_is_caught(bug):
    settings, weather, seeds, kind = BUGS[bug]
    for seed in seeds:
        assert ordeal(replicated_log(appends(3), server=bug, **settings), seed, **weather).kind == kind, seed
        right = ordeal(replicated_log(appends(3), **settings), seed, **weather)
        assert right.ok, (seed, right.sentence)  # the same weather, and the rule in place


def changing(server):
    """The group is replaced while six slots may be open; clients ask all, old and new."""
    operations = {"admin": [Append("k", "a.0 "), Reconfigure(("s4", "s5")), Append("k", "a.1 ")]}
    operations |= {f"c{i}": wanted for i, wanted in enumerate(appends(4), start=1)}
    nodes = replicated_log(operations, spares=2, server=server, alpha=6)
    names = [node.name for node in nodes if isinstance(node, Server)]
    for turn, client in enumerate(node for node in nodes if isinstance(node, Client)):
        client.servers = (*names[turn % 5 :], *names[: turn % 5])
    return nodes


def test_a_configuration_that_governs_at_once_is_caught():
    weather = {"length": 60, "every": 1.5, "loss": 0.05}
    broken = ordeal(changing(AtOnce), 16, **weather)
    assert broken.kind == "rule"
    assert "two chosen commands" in broken.sentence
    for seed in range(12, 20):
        right = ordeal(changing(Server), seed, **weather)
        assert right.ok, (seed, right.sentence)
