"""Runs that refute what is often said about Paxos: scripts on the real roles, a few of them with one rule taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos import Append, KeyValueStore, Put, replicated_log
from paxos_lab.node import LabError
from paxos_lab.paxos import Impatient, single_decree
from paxos_lab.relatives.two_phase import two_phase_commit
from paxos_lab.verify.wrong.single_decree import ForgetsEverything, IgnoresReports, MixesBallots
from paxos_lab.world.events import Deliver


def pass_on(bus: MessageBus, *flights: str) -> None:
    """Deliver, for each "p1 a1" or "p1 a1 Accept", the oldest message in flight that fits."""
    for flight in flights:
        sender, to, *kind = flight.split()
        for envelope in bus.in_flight:
            fits = (envelope.sender, envelope.to) == (sender, to)
            if fits and (not kind or type(envelope.message).__name__ == kind[0]):
                bus.deliver(envelope)
                break
        else:
            raise LabError(
                f"nothing is in flight for {flight!r}; in flight: {', '.join(map(str, bus.in_flight))}"
            )


def phase_1(bus: MessageBus, proposer: str, *acceptors: str) -> None:
    """The Prepare of this proposer reaches these acceptors, and their answers come back."""
    pass_on(bus, *(f"{proposer} {a} Prepare" for a in acceptors))
    pass_on(bus, *(f"{a} {proposer} Promise" for a in acceptors))


def phase_2(bus: MessageBus, proposer: str, *acceptors: str, answered: bool = True) -> None:
    """The Accept of this proposer reaches these acceptors; their answers come back if `answered`."""
    pass_on(bus, *(f"{proposer} {a} Accept" for a in acceptors))
    if answered:
        pass_on(bus, *(f"{a} {proposer}" for a in acceptors))


def lose_all(bus: MessageBus, fits: Callable[[Any], bool] = lambda envelope: True) -> None:
    """Lose every message in flight that fits."""
    for envelope in bus.in_flight:
        if fits(envelope):
            bus.drop(envelope)


def _decree(
    idle: str = "p2 p3", values: str = "xy", acceptors: int = 3, learners: int = 0, **roles: Any
) -> MessageBus:
    nodes = single_decree(values, acceptors, learners, **roles)
    names = {node.name for node in nodes}
    return MessageBus(nodes, idle=[name for name in idle.split() if name in names], delay=1)


# ---- single decree


def duel() -> MessageBus:
    """Two proposers overtake each other four times; nothing fails and nothing is lost."""
    bus = _decree(proposer=Impatient)
    bus.start("p2")
    everybody = ("a1", "a2", "a3")
    phase_1(bus, "p1", *everybody)
    for k in range(4):
        hunter, hunted = ("p2", "p1") if k % 2 == 0 else ("p1", "p2")
        phase_1(bus, hunter, *everybody)
        phase_2(bus, hunted, *everybody)  # the answers are Nacks
        bus.timeout(hunted, "retry")
    return bus


def reported_but_never_chosen() -> MessageBus:
    """p2 is told of x, and z is chosen."""
    bus = _decree(values="xyz")
    phase_1(bus, "p1", "a1", "a2")
    phase_2(bus, "p1", "a1", answered=False)
    bus.start("p2")
    phase_1(bus, "p2", "a1")
    bus.start("p3")
    phase_1(bus, "p3", "a2", "a3")
    phase_2(bus, "p3", "a2", "a3")
    return bus


def another_majority_votes() -> MessageBus:
    """a1 and a2 promise, a2 and a3 vote."""
    bus = _decree(values="x")
    phase_1(bus, "p1", "a1", "a2")
    phase_2(bus, "p1", "a2", "a3")
    return bus


def two_and_two() -> MessageBus:
    """Four acceptors, cut in two halves, then whole again."""
    bus = _decree(acceptors=4)
    bus.start("p2")
    bus.partition(["p1", "a1", "a2"], ["p2", "a3", "a4"])
    phase_1(bus, "p1", "a1", "a2")
    phase_1(bus, "p2", "a3", "a4")
    bus.heal()
    phase_1(bus, "p2", "a1")
    phase_2(bus, "p2", "a1", "a3", "a4")
    return bus


def same_value_in_two_ballots() -> MessageBus:
    """a1 votes x in 1.p1 and a2 votes x in 2.p1, and then y is chosen. The learner adds up over ballots."""
    bus = _decree(learners=1, learner=MixesBallots)
    phase_1(bus, "p1", "a1", "a2")
    phase_2(bus, "p1", "a1", answered=False)
    bus.start("p2")
    phase_1(bus, "p2", "a2", "a3")
    phase_2(bus, "p2", "a3", answered=False)
    lose_all(bus, lambda e: e.sender.startswith("p"))
    bus.timeout("p1", "retry")
    phase_1(bus, "p1", "a1", "a2")
    phase_2(bus, "p1", "a2", answered=False)
    pass_on(bus, "a1 l1", "a2 l1")
    lose_all(bus, lambda e: e.sender.startswith("p"))
    bus.timeout("p2", "retry")
    phase_1(bus, "p2", "a1", "a3")
    phase_2(bus, "p2", "a1", "a3", answered=False)
    return bus


def promise_overtaken() -> MessageBus:
    """p1 has every promise, p2 gets them all a moment later; p1's Accept comes long after, and is refused."""
    bus = _decree()
    phase_1(bus, "p1", "a1", "a2", "a3")
    bus.start("p2")
    phase_1(bus, "p2", "a1", "a2", "a3")
    phase_2(bus, "p2", "a1", "a2", "a3")
    late = next(e for e in bus.in_flight if e.sender == "p1" and e.to == "a1")
    bus.apply(Deliver(late), at=1000.0)
    return bus


def majority_without_adoption() -> MessageBus:
    """Two coordinators that ask a majority and keep to their own value: numbers, quorums, no adoption."""
    bus = _decree(proposer=IgnoresReports)
    phase_1(bus, "p1", "a1", "a2")
    phase_2(bus, "p1", "a1", "a2")
    bus.start("p2")
    phase_1(bus, "p2", "a2", "a3")
    phase_2(bus, "p2", "a2", "a3")
    return bus


def blank_disk() -> MessageBus:
    """a2 votes for x, loses its disk, starts again under its old name, and votes for y."""
    bus = _decree(acceptor=ForgetsEverything)
    phase_1(bus, "p1", "a1", "a2")
    phase_2(bus, "p1", "a1", "a2")
    bus.crash("a2")
    bus.restart("a2")
    bus.start("p2")
    phase_1(bus, "p2", "a2", "a3")
    phase_2(bus, "p2", "a2", "a3")
    return bus


def chosen_and_unknown() -> MessageBus:
    """A majority votes for x, every word of it is lost and the proposer dies; then p2 asks for y."""
    bus = _decree(learners=1)
    phase_1(bus, "p1", "a1", "a2")
    phase_2(bus, "p1", "a1", "a2", answered=False)
    lose_all(bus)
    bus.crash("p1")
    bus.start("p2")
    phase_1(bus, "p2", "a2", "a3")
    phase_2(bus, "p2", "a2", "a3")
    return bus


def change_of_mind() -> MessageBus:
    """a1 votes for x, then for y, and all is well."""
    bus = _decree()
    phase_1(bus, "p1", "a1", "a2")
    phase_2(bus, "p1", "a1", answered=False)
    bus.start("p2")
    phase_1(bus, "p2", "a2", "a3")
    phase_2(bus, "p2", "a1", "a2", answered=False)
    return bus


# ---- two-phase commit


def blocked_participants() -> MessageBus:
    """All have voted yes, the coordinator dies, and nobody may do anything."""
    bus = MessageBus(two_phase_commit([True, True]), delay=1)
    pass_on(bus, "coord p1", "coord p2")
    bus.crash("coord")
    bus.run(until=lambda bus: bus.now > 25)
    return bus


# ---- the log


def _log(servers: int = 3, **operations: list[Any]) -> MessageBus:
    nodes = replicated_log(operations, servers, machine=KeyValueStore())
    return MessageBus(nodes, idle=list(operations), delay=1)


def _elect(bus: MessageBus, name: str, *voters: str) -> None:
    """Let this server win an election with these promises."""
    bus.timeout(name, "election")
    pass_on(bus, *(f"{name} {v} Prepare" for v in voters), *(f"{v} {name} Promise" for v in voters))


def taken_over() -> MessageBus:
    """s1 dies when only s2 has its command; s3 takes over and finishes it."""
    bus = _log(c1=[Put("k", "A")])
    _elect(bus, "s1", "s2", "s3")
    bus.start("c1")
    pass_on(bus, "c1 s1", "s1 s2 Accept")
    lose_all(bus)
    bus.crash("s1")
    _elect(bus, "s3", "s2")
    pass_on(bus, "s3 s2 Accept", "s2 s3 Accepted", "s3 s2 Chosen")
    return bus


def two_leaders() -> MessageBus:
    """s1 is cut off and goes on leading; s2 leads too; each has a command for slot 1."""
    bus = _log(c1=[Put("k", "A")], c2=[Put("k", "B")])
    _elect(bus, "s1", "s2", "s3")
    lose_all(bus)
    bus.partition(["s1", "c1"], ["s2", "s3", "c2"])
    bus.start("c1")
    pass_on(bus, "c1 s1")
    _elect(bus, "s2", "s3")
    bus.start("c2")
    pass_on(bus, "c2 s2", "s2 s3 Accept", "s3 s2 Accepted", "s2 c2 Reply")
    return bus


def stale_copy() -> MessageBus:
    """The client has its answer, and s3 has not heard of its write."""
    bus = _log(c1=[Put("k", "new")])
    _elect(bus, "s1", "s2", "s3")
    bus.start("c1")
    pass_on(bus, "c1 s1", "s1 s2 Accept", "s2 s1 Accepted", "s1 c1 Reply")
    return bus


def timed_out_and_done() -> MessageBus:
    """The answer is lost and the client gives up waiting; the write has happened, and asking again is harmless."""
    bus = _log(c1=[Append("k", "A")])
    _elect(bus, "s1", "s2", "s3")
    bus.start("c1")
    pass_on(bus, "s1 s2 Heartbeat", "c1 s1", "s1 s2 Accept", "s2 s1 Accepted")
    lose_all(bus, lambda e: e.to == "c1")
    bus.timeout("c1", "no answer")
    pass_on(bus, "c1 s2", "s2 s1 Request", "s1 c1 Reply")
    return bus
