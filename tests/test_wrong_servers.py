"""Every server without a rule, and who sees it: storms, or where they can hardly, a search of every schedule."""

from dataclasses import dataclass

import pytest

from paxos_lab import MessageBus, in_order
from paxos_lab.multipaxos import (
    Get,
    LogAcceptor,
    Put,
    Read,
    ReadingServer,
    Rejoining,
    lose_disk,
    replicated_log,
)
from paxos_lab.multipaxos.messages import (
    Accept,
    Accepted,
    Chosen,
    Heartbeat,
    HeartbeatHeard,
    Reply,
    Request,
)
from paxos_lab.multipaxos.takeover import Heir, heirs
from paxos_lab.node import volatile
from paxos_lab.verify import (
    Faults,
    LogRules,
    explore,
    history_of,
    linearizable,
    looks_at,
    one_entry_in_a_ballot,
    slot_agreement,
)
from paxos_lab.verify.wrong import groups_and_reads
from paxos_lab.verify.wrong import servers as wrong
from paxos_lab.world.events import Timeout

TWO = [["x"], ["u"]]
THREE = [["x"], ["u"], ["s"]]

# By acceptor: leaders, crashes. One slot is enough.
ACCEPTORS = {
    wrong.PromiseInMemory: (TWO, 1),
    wrong.VotesInMemory: (TWO, 1),
    wrong.AcceptsAll: (TWO, 0),
    wrong.VoteIsNoPromise: (THREE, 0),
    wrong.HidesVotes: (TWO, 0),
}


def searched(commands, properties, *, acceptor=LogAcceptor, heir=Heir, crashes=0, who=("a2",), timeouts=0):
    nodes = heirs(commands, slots=1, heir=heir)
    nodes = [acceptor(n.name) if isinstance(n, LogAcceptor) else n for n in nodes]
    return explore(nodes, properties, Faults(crashes=crashes, timeouts=timeouts, who=who))


@pytest.mark.parametrize("acceptor", ACCEPTORS)
def test_every_fault_of_an_acceptor_is_found_among_all_schedules(acceptor):
    commands, crashes = ACCEPTORS[acceptor]
    found = searched(commands, (slot_agreement,), acceptor=acceptor, crashes=crashes)
    assert not found.ok and found.property == "slot_agreement", str(found)


@pytest.mark.parametrize(("commands", "crashes"), [(TWO, 1), (THREE, 0)])
def test_the_right_acceptor_passes_the_same_searches(commands, crashes):
    found = searched(commands, (slot_agreement,), crashes=crashes)
    assert found.ok and found.complete, str(found)


@dataclass
class RoundInMemory(Heir):
    """`BallotsAgain` without the rest of a server: after a crash it begins again with its first ballot."""

    round: int = 0

    def recover(self):
        self.prepare()


@dataclass
class RoundOnDisk(Heir):
    """The right one, which goes on after a crash as well."""

    def recover(self):
        self.prepare()


class TakesTheLowest(Heir):
    """`LowestVote` without the rest."""

    def plan(self):
        lowest = {}
        for slot, vote in (pair for report in self.promises.values() for pair in report):
            if slot not in lowest or vote.ballot < lowest[slot].ballot:
                lowest[slot] = vote
        taken = {slot: vote.entry for slot, vote in lowest.items()}
        return taken or dict(zip(range(1, self.slots + 1), self.own, strict=False))


@dataclass
class Counting(Heir):
    """An heir that counts the votes of its ballot and tells what is chosen."""

    votes: dict = volatile({})

    def prepare(self):
        super().prepare()
        self.votes = {}

    def counts(self, ballot):
        return ballot == self.ballot

    def receive(self, sender, message):
        super().receive(sender, message)
        match message:
            case Accepted(ballot, slot) if self.counts(ballot):
                self.votes[slot] = self.votes.get(slot, frozenset()) | {sender}
                if self.quorums.is_quorum(self.votes[slot], phase=2):
                    self.send("l1", Chosen(self.ballot, slot))


class AddsUp(Counting):
    """`AddsUpBallots` without the rest."""

    def counts(self, ballot):
        return True


@looks_at(Accepted, Chosen)
def told_is_chosen(sent, nodes):
    """Whoever is told that a slot is chosen in a ballot is told so after a quorum voted there."""
    sent = list(sent)
    for _, message in sent:
        if isinstance(message, Chosen):
            voters = {
                who
                for who, m in sent
                if isinstance(m, Accepted) and (m.ballot, m.slot) == (message.ballot, message.slot)
            }
            if len(voters) < 2:
                return f"told_is_chosen: {message}, and {sorted(voters)} voted there"
    return None


def test_a_ballot_used_again_is_found_among_all_schedules():
    faults = {"crashes": 1, "who": ("l2",)}  # the first time it knows of no vote, the second time of x
    found = searched(TWO, (one_entry_in_a_ballot,), heir=RoundInMemory, **faults)
    assert not found.ok, str(found)
    right = searched(TWO, (one_entry_in_a_ballot, slot_agreement), heir=RoundOnDisk, **faults)
    assert right.ok and right.complete, str(right)


def test_votes_added_up_over_two_ballots_are_found_among_all_schedules():
    faults = {"timeouts": 1, "who": ("l1",)}
    found = searched([["x"]], (told_is_chosen,), heir=AddsUp, **faults)
    assert not found.ok and found.property == "told_is_chosen", str(found)
    right = searched([["x"]], (told_is_chosen,), heir=Counting, **faults)
    assert (
        right.ok
        and right.complete
        and right.reached(looks_at(Chosen)(lambda sent, nodes: any(isinstance(m, Chosen) for _, m in sent)))
    ), str(right)


def test_the_lowest_vote_is_found_among_all_schedules():
    found = searched(THREE, (slot_agreement,), heir=TakesTheLowest)
    assert not found.ok and found.property == "slot_agreement", str(found)


# ---- schedules written for one fault


def all_but(held):
    """Whatever arrives, oldest first, but for messages of which that is true; a timer when nothing does."""

    def choose(bus):
        arriving = [event for event in bus.arriving if not held(event.envelope)]
        if arriving:
            return arriving[0]
        node, timer, _ = min(bus.timers, key=lambda timer: timer[2])
        return Timeout(node, timer)

    return choose


@pytest.mark.parametrize("server", [groups_and_reads.ForgetsPromises, Rejoining])
def test_the_promises_of_a_lost_disk_are_missed(server):
    """s3 promises s2 a higher ballot, loses its disk, comes back, and then an old Accept of s1 arrives."""
    bus, rules = MessageBus(replicated_log([[Put("x", i) for i in range(4)]], server=server)), LogRules()
    bus.timeout("s1", "election")

    def late_accept(bus):
        return [
            e.id for e in bus.in_flight if (e.sender, e.to) == ("s1", "s3") and isinstance(e.message, Accept)
        ]

    bus.run(in_order(), until=late_accept)
    (old,) = late_accept(bus)
    others = all_but(lambda envelope: envelope.id == old)
    bus.run(others, until=lambda bus: bus["s2"].applied() >= 1)
    bus.timeout("s2", "election")
    bus.run(others, until=lambda bus: bus["s2"].role == "leader" and bus["s3"].promised.proposer == "s2")
    lose_disk(bus, "s3")
    bus.run(others, until=lambda bus: not bus["s3"].mute)
    assert rules.look(bus) is None
    bus.deliver(old)
    found = rules.look(bus)
    if server is Rejoining:
        assert found is None
    else:
        assert "s3 had promised" in found and "and now accepts in slot 1 in" in found


@pytest.mark.parametrize("server", [groups_and_reads.NoReadPoint, ReadingServer])
def test_a_read_before_the_read_point_misses_a_write(server):
    """s1 is told that a write is chosen, answers and dies; s2 takes it over, and reads before it is done."""
    wanted = {"ann": [Put("x", 1)], "ben": [Read(Get("x"))]}
    bus = MessageBus(replicated_log(wanted, server=server), idle=["ben"])
    bus.timeout("s1", "election")
    bus.run(all_but(lambda e: isinstance(e.message, Chosen)), until=lambda bus: bus["ann"].done)
    bus.crash("s1")
    for envelope in bus.in_flight:
        bus.drop(envelope)
    bus["ben"].servers = ("s2",)
    bus.timeout("s2", "election")
    bus.run(in_order(), until=lambda bus: bus["s2"].role == "leader")
    bus.start("ben")
    mine = (Request, Heartbeat, HeartbeatHeard, Reply)
    for _ in range(12):
        for event in bus.arriving:
            if isinstance(event.envelope.message, mine):
                bus.apply(event)
    verdict = linearizable(history_of(bus.trace))
    if server is ReadingServer:
        assert verdict.ok and not bus["ben"].done
    else:
        assert verdict.broken and "ben's get x gave None" in verdict.sentence
