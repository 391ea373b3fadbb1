"""The log when the lead changes hands: what the next leader has to find, and what old messages may do."""

import itertools
import random

import pytest
from log_runs import (
    appends,
    deliver,
    done,
    drop_all,
    leader_of,
    others_of,
    run_for,
    servers_of,
    started,
    texts,
)

from paxos_lab import MessageBus
from paxos_lab.multipaxos import (
    Accept,
    Accepted,
    Append,
    Chosen,
    Command,
    Fetch,
    Prepare,
    Promise,
    Request,
    Vote,
    replicated_log,
)
from paxos_lab.paxos import Ballot
from paxos_lab.verify import LogRules, history_of, linearizable
from paxos_lab.world.events import Deliver


def entry(text):
    return (Command(text, 1, Append("k", f"{text} ")),)


def test_the_highest_ballot_is_taken_slot_by_slot_and_gaps_get_no_ops():
    """Slot 1: s3's vote is higher. Slot 2: s2's. Slot 3: nobody's, a gap. Slot 4: only s2's."""
    b1, b2, b3 = (Ballot(k, "s9") for k in (1, 2, 3))
    votes = {
        "s2": {1: (b1, entry("a")), 2: (b3, entry("b")), 4: (b1, entry("e"))},
        "s3": {1: (b2, entry("c")), 2: (b2, entry("d"))},
    }
    nodes = replicated_log({name: [] for name in "abcde"}, alpha=4, quorum_sizes=(3, 1))
    for node in nodes[:3]:
        node.patience = 5 if node.name == "s1" else 50
        for slot, (ballot, wanted) in votes.get(node.name, {}).items():
            node.votes[slot] = Vote(ballot, wanted)
            node.promised = max(node.promised, ballot)
    bus = MessageBus(nodes)
    bus.run(until=lambda bus: all(s.applied() == 4 for s in servers_of(bus)), max_steps=500)
    assert leader_of(bus) == "s1"
    for server in servers_of(bus):
        assert [server.command(slot) for slot in range(1, 5)] == [entry("c"), entry("b"), (), entry("e")]


def test_an_old_minority_proposal_is_ignored():
    """s1 led and alone voted for its command; the others chose another one; s1 comes back."""
    bus = started({"old": [Append("k", "old ")], "new": [Append("k", "new ")]})
    old = leader_of(bus)
    others = tuple(others_of(bus, old))
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


@pytest.mark.parametrize("told", [True, False], ids=["all told", "nobody told"])
@pytest.mark.parametrize("second", [("s1", "s3"), ("s2", "s3")], ids=" ".join)
def test_what_one_majority_appended_the_next_one_finds(second, told):
    """X is appended in {s1, s2}; then Y in {s1, s3} or {s2, s3} gives XY, whoever leads there."""
    for first_leader, leads in itertools.product(("s1", "s2"), second):
        nodes = replicated_log({"cx": [Append("k", "X")], "cy": [Append("k", "Y")]})
        nodes[3].servers, nodes[4].servers = (first_leader,), second
        bus = MessageBus(nodes, idle=["cy"], checked=False)
        bus.partition(("s1", "s2", "cx"), ("s3", "cy"))
        bus.timeout(first_leader, "election")
        bus.run(until=lambda bus: bus["cx"].done, max_steps=500)
        assert bus["cx"].results == ["X"] and bus["s3"].status(1) == "empty"
        if told:
            run_for(bus, 3)
        drop_all(bus)
        other = next(name for name in ("s1", "s2") if name not in second)
        bus.partition((*second, "cy"), (other, "cx"))
        bus.timeout(leads, "election" if bus[leads].role != "leader" else "heartbeat")
        bus.start("cy")
        bus.run(until=lambda bus: bus["cy"].done or bus.now > 200, max_steps=2000)
        assert bus["cy"].results == ["XY"], (first_leader, leads)


def figure_8(reached):
    """The schedule of figure 8 in the Raft paper, up to the moment in which s1 leads for the second time.

    s1 asks for x in slot 1, and only s2 hears it. s1 crashes; s5 leads with promises of s3 and s4, asks
    for y in slot 1, and nobody hears it. s5 crashes; s1 is back, leads with promises of s2 and s3, and
    its Accept for x, in its new ballot, reaches `reached`. Then s1 crashes and s5 comes back.
    """
    nodes = replicated_log({"x": [Append("k", "x ")], "y": [Append("k", "y ")]}, 5)
    nodes[5].servers, nodes[6].servers = ("s1", "s5"), ("s5",)
    bus = MessageBus(nodes, idle=["x", "y"], checked=False)
    lead(bus, "s1", "s2", "s3")
    bus.start("x")
    deliver(bus, Request, ["s1"])
    deliver(bus, Accept, ["s2"])
    bus.crash("s1")
    drop_all(bus)
    lead(bus, "s5", "s3", "s4")
    bus.start("y")
    deliver(bus, Request, ["s5"])
    assert [bus[name].votes[1].entry[0].client for name in ("s1", "s2", "s5")] == ["x", "x", "y"]
    bus.crash("s5")
    drop_all(bus)
    bus.restart("s1")
    lead(bus, "s1", "s2", "s3")
    deliver(bus, Accept, reached, sender="s1")
    deliver(bus, Accepted, ["s1"])
    return bus


def lead(bus, name, *promising):
    """That server gets the promises of those, and of nobody else."""
    while bus[name].role != "leader":
        bus.timeout(name, "election")
        deliver(bus, Prepare, promising, sender=name)
        if any(type(e.message) is Promise and e.message.ballot == bus[name].ballot for e in bus.in_flight):
            deliver(bus, Promise, [name])
    for envelope in [e for e in bus.in_flight if type(e.message) is Prepare]:
        bus.drop(envelope)


def after_figure_8(bus, *promising):
    """s5 leads with the promises of those; in the end all are back."""
    bus.crash("s1")
    drop_all(bus)
    bus.restart("s5")
    lead(bus, "s5", *promising)
    bus.run(until=lambda bus: bus["s5"].status(1) == "chosen", max_steps=2000)
    for name in bus.down:
        bus.restart(name)
    bus.run(until=lambda bus: done(bus) and all(s.applied() >= 2 for s in servers_of(bus)), max_steps=5000)
    assert linearizable(history_of(bus.trace))
    return texts(bus)


@pytest.mark.parametrize("promising", [("s2", "s4"), ("s3", "s4"), ("s2", "s3", "s4")], ids=" ".join)
def test_figure_8_what_a_majority_voted_for_in_the_new_ballot_is_chosen_for_good(promising):
    """In Raft an entry of an old term on a majority may still be lost here. This vote carries the new ballot."""
    bus = figure_8(["s2", "s3"])
    assert bus["s1"].command(1)[0].client == "x", "chosen, by s1, s2 and s3"
    assert after_figure_8(bus, *promising) == {"x y "}


def test_figure_8_votes_of_two_ballots_are_no_majority():
    """x has votes of s1 and s2 in two ballots and is not chosen: y may win the slot, and x comes later."""
    bus = figure_8(["s2"])
    assert bus["s1"].command(1) is None
    bus.crash("s2")  # or s5 would hear of x
    assert after_figure_8(bus, "s3", "s4") == {"y x "}


def test_a_leader_dies_after_one_accept_and_its_command_is_found():
    """One vote is no choice; but who takes over and sees it has to ask for it again."""
    bus = started({"c1": [Append("k", "x ")]})
    leader = leader_of(bus)
    other = others_of(bus, leader)[0]
    bus["c1"].servers = (leader,)
    bus.start("c1")
    bus.run(until=lambda bus: [e for e in bus.in_flight if type(e.message) is Accept])
    deliver(bus, Accept, [other])
    bus.crash(leader)
    drop_all(bus)
    bus.run(until=lambda bus: bus[other].applied() == 1, max_steps=2000)
    assert bus[other].machine.data["k"] == "x "


def test_what_is_chosen_is_fetched_when_the_word_of_it_is_lost():
    """Every Chosen is lost, and the followers lack the Accepts too: heartbeats show that they are behind."""
    bus = started([[Append("k", f"{i} ") for i in range(6)]], 5)
    leader = leader_of(bus)
    late = others_of(bus, leader)[:2]
    bus["c1"].servers = (leader,)
    bus.start("c1")
    while not done(bus):
        for envelope in [e for e in bus.in_flight if type(e.message) is Chosen or e.to in late]:
            if type(envelope.message) in (Chosen, Accept):
                bus.drop(envelope)
        bus.apply(bus.upcoming())
    run_for(bus, 20)
    assert {server.applied() for server in servers_of(bus)} == {6}
    fetching = {step.node for step in bus.trace for e in step.sent if type(e.message) is Fetch}
    assert fetching == set(others_of(bus, leader))


@pytest.mark.parametrize("seed", [1, 2])
def test_messages_of_old_leaders_that_come_late_change_nothing(seed):
    """Five servers; a tenth of the messages, and many copies, are up to 100 units late; leaders change often."""
    rng, rules = random.Random(seed), LogRules()

    def delay(rng, sender, to):
        return 100 * rng.random() if rng.random() < 0.1 else 0.5 + rng.random()

    nodes = replicated_log(appends(5, 8), 5)
    bus = MessageBus(nodes, seed=seed, delay=delay, duplicate=0.3, checked=False)
    for _ in range(30):
        run_for(bus, 8)
        waiting = [node for node, timer, _ in bus.timers if timer == "election"]
        bus.timeout(rng.choice(waiting), "election")
        assert rules.look(bus) is None
    bus.run(until=lambda bus: done(bus) or bus.now > 3000, max_steps=100_000)
    assert done(bus) and rules.look(bus) is None
    assert linearizable(history_of(bus.trace))
    assert old_messages(bus) > 50, "many came after a newer ballot had been promised"


def old_messages(bus):
    """How many Accepts arrived at a server that had promised a higher ballot two rounds before."""
    promised, old = {}, 0
    for step in bus.trace:
        if type(step.event) is Deliver and type(step.event.envelope.message) in (Accept, Accepted, Promise):
            ballot = step.event.envelope.message.ballot
            old += ballot.round + 2 <= promised.get(step.node, Ballot.ZERO).round
        if "promised" in step.changed:
            promised[step.node] = step.changed["promised"][1]
    return old


@pytest.mark.parametrize(
    ("servers", "sizes", "may_fail"), [(4, None, 1), (4, (3, 2), 2), (5, (4, 2), 3), (3, (3, 1), 2)]
)
def test_a_leader_needs_a_phase_2_quorum_and_no_more(servers, sizes, may_fail):
    """Even groups and flexible quorums: with that many others gone a leader goes on, with one more not."""
    bus = started([[Append("k", f"{i} ") for i in range(4)]], servers, quorum_sizes=sizes)
    leader = leader_of(bus)
    others = others_of(bus, leader)
    bus["c1"].servers = (leader,)
    for name in others[:may_fail]:
        bus.crash(name)
    bus.start("c1")
    bus.run(until=lambda bus: len(bus["c1"].results) == 2, max_steps=2000)
    assert len(bus["c1"].results) == 2
    if others[may_fail:]:
        bus.crash(others[may_fail])
        drop_all(bus)
        had = bus[leader].applied()
        run_for(bus, 100)
        assert bus[leader].applied() == had


def test_a_new_leader_needs_a_phase_1_quorum():
    bus = started([[Append("k", "x ")]], 5, quorum_sizes=(4, 2))
    leader = leader_of(bus)
    other = others_of(bus, leader)[0]
    bus.crash(leader)
    bus.crash(other)
    run_for(bus, 200)
    assert leader_of(bus) is None, "three are no quorum of phase 1"
    bus.restart(other)
    run_for(bus, 100)
    assert leader_of(bus)
