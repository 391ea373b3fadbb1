"""The protocols of lesson 01: what each keeps, and the exact run that breaks each."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from paxos_lab import Crash, Deliver, LabError, MessageBus, Restart, Timeout, Trace, replay, seeded
from paxos_lab.relatives.naive import (
    CountingClient,
    Decided,
    Propose,
    RetryingClient,
    VoteFor,
    Voter,
    first_write_wins,
    majority_vote,
)
from paxos_lab.relatives.two_phase import (
    Abort,
    Commit,
    Coordinator,
    DecisionRequest,
    Participant,
    Vote,
    VoteRequest,
    two_phase_commit,
)
from paxos_lab.show import narrate


def flying(bus, sender, to, kind=object):
    return next(e for e in bus.in_flight if (e.sender, e.to) == (sender, to) and isinstance(e.message, kind))


def seen_by(bus, name):
    return [narrate(step) for step in bus.trace if step.node == name]


# ---- one decider


def test_a_single_decider_serves_when_nothing_fails():
    bus = MessageBus(first_write_wins(["x", "y"]))
    bus.run()
    assert bus["d1"].decided in {"x", "y"}
    assert bus["c1"].learned == bus["c2"].learned == bus["d1"].decided


def test_the_first_proposal_wins_and_a_late_one_hears_of_it():
    bus = MessageBus(first_write_wins(["x", "y"], deciders=1))
    bus.deliver(flying(bus, "c2", "d1"))
    assert bus["d1"].decided == "y"
    step = bus.deliver(flying(bus, "c1", "d1"))
    assert [e.message for e in step.sent] == [Decided("y")]
    assert step.changed == {}


def test_a_single_decider_that_crashes_between_disk_and_network_blocks_all():
    bus = MessageBus(first_write_wins(["x", "y"]))
    bus.crash("d1", during=Deliver(flying(bus, "c1", "d1")))
    bus.run()
    assert bus["d1"].decided == "x", "it is on the disk, where nobody can read it"
    assert bus["c1"].learned is None and bus["c2"].learned is None
    bus.restart("d1")
    bus.run()
    assert bus["c1"].learned == bus["c2"].learned == "x"


def test_a_slow_decider_and_a_dead_one_look_the_same():
    def waiting(crash):
        bus = MessageBus(first_write_wins(["x"], client=RetryingClient))
        if crash:
            bus.crash("d1")
        for _ in range(3):
            bus.timeout("c1", "no answer")
        return bus

    dead, slow = waiting(True), waiting(False)
    assert dead.down == ["d1"] and slow.down == []
    assert seen_by(dead, "c1") == seen_by(slow, "c1")
    slow.run()
    assert slow["c1"].learned == "x"


# ---- two deciders


def test_two_deciders_that_hear_two_orders_disagree():
    bus = MessageBus(first_write_wins(["x", "y"], deciders=2))
    for client, decider in [("c1", "d1"), ("c2", "d2"), ("c2", "d1"), ("c1", "d2")]:
        bus.deliver(flying(bus, client, decider))
    assert (bus["d1"].decided, bus["d2"].decided) == ("x", "y")
    bus.deliver(flying(bus, "d1", "c1"))
    bus.deliver(flying(bus, "d2", "c2"))
    assert (bus["c1"].learned, bus["c2"].learned) == ("x", "y")


def test_two_deciders_agree_when_the_orders_happen_to_be_the_same():
    bus = MessageBus(first_write_wins(["x", "y"], deciders=2))
    for client, decider in [("c1", "d1"), ("c1", "d2"), ("c2", "d1"), ("c2", "d2")]:
        bus.deliver(flying(bus, client, decider))
    assert bus["d1"].decided == bus["d2"].decided == "x"


@pytest.mark.parametrize("crash", [True, False])
def test_a_backup_helps_after_a_crash_and_disagrees_after_a_delay(crash):
    bus = MessageBus(first_write_wins(["x", "y"], deciders=2, client=RetryingClient))
    bus.deliver(flying(bus, "c1", "d1"))
    if crash:
        bus.drop(flying(bus, "d1", "c2"))
        bus.drop(flying(bus, "d1", "c1"))
        bus.crash("d1")
    bus.timeout("c2", "no answer")
    bus.deliver(flying(bus, "c2", "d2"))
    bus.deliver(flying(bus, "d2", "c2"))
    assert bus["c2"].learned == "y"
    bus.run(until=lambda bus: bus["c1"].learned is not None)
    assert bus["c1"].learned == ("y" if crash else "x")


def test_the_retrying_client_goes_round_and_stops_when_it_learned():
    bus = MessageBus(first_write_wins(["x"], deciders=2, client=RetryingClient))
    for _ in range(2):
        bus.timeout("c1", "no answer")
    assert [e.to for e in bus.in_flight] == ["d1", "d2", "d1"]
    bus.run()
    assert bus.timers == [] and bus["c1"].learned == "x"


@pytest.mark.parametrize("nodes", [first_write_wins(["x", "y"]), majority_vote(["x", "y"])])
def test_a_client_that_restarts_asks_again_and_gets_the_same(nodes):
    bus = MessageBus(nodes)
    bus.run()
    was = bus["c1"].learned
    bus.crash("c1")
    assert bus["c1"].learned is None
    bus.restart("c1")
    bus.run()
    assert bus["c1"].learned == was is not None


# ---- majority vote without ballots


def test_a_majority_decides_when_votes_do_not_split():
    bus = MessageBus(majority_vote(["x", "y"]))
    for client, voter in [("c1", "v1"), ("c1", "v2"), ("c2", "v3")]:
        bus.deliver(flying(bus, client, voter))
    bus.run()
    assert bus["c1"].learned == bus["c2"].learned == "x"


def test_three_voters_and_three_values_can_split_for_ever():
    bus = MessageBus(majority_vote(["x", "y", "z"]))
    for i in (1, 2, 3):
        bus.deliver(flying(bus, f"c{i}", f"v{i}"))
    bus.run()
    assert bus.in_flight == [] and bus.timers == [] and bus.down == []
    assert [bus[v].voted for v in ("v1", "v2", "v3")] == ["x", "y", "z"]
    assert [bus[c].learned for c in ("c1", "c2", "c3")] == [None] * 3


def test_two_values_and_one_crash_can_split_for_ever():
    bus = MessageBus(majority_vote(["x", "y"]))
    bus.crash("v3")
    bus.deliver(flying(bus, "c1", "v1"))
    bus.deliver(flying(bus, "c2", "v2"))
    bus.run()
    assert bus.in_flight == []
    assert bus["c1"].learned is None and bus["c2"].learned is None


def test_a_client_counts_each_voter_once_and_against_all_voters():
    client = CountingClient("c1", "x", ("v1", "v2", "v3"))
    client.receive("v1", VoteFor("x"))
    client.receive("v1", VoteFor("x"))
    assert client.learned is None
    client.receive("v2", VoteFor("y"))
    assert client.learned is None
    client.receive("v3", VoteFor("x"))
    assert client.learned == "x"


def test_one_vote_each_never_learns_two_values_whatever_the_network_does():
    learned_something = 0
    for seed in range(300):
        bus = MessageBus(majority_vote(["x", "y", "z"], voters=3), traced=False)
        bus.run(seeded(seed, faults=0.3), max_steps=80)
        learned = {bus[c].learned for c in ("c1", "c2", "c3")} - {None}
        assert len(learned) <= 1, seed
        assert learned <= {"x", "y", "z"}
        learned_something += bool(learned)
    assert learned_something > 30, "the property must not hold only because nothing happens"


@dataclass
class ForgetfulVoter(Voter):
    """Keeps its vote in memory only."""

    voted: str | None = None


def test_a_vote_that_is_not_on_disk_breaks_agreement():
    bus = MessageBus(majority_vote(["x", "y"], voter=ForgetfulVoter))
    for voter in ("v1", "v2"):
        bus.deliver(flying(bus, "c1", voter))
        bus.deliver(flying(bus, voter, "c1"))
    assert bus["c1"].learned == "x"
    bus.crash("v2")
    bus.restart("v2")
    for voter in ("v2", "v3"):
        bus.deliver(flying(bus, "c2", voter))
        bus.deliver(
            next(e for e in bus.in_flight if e.sender == voter and e.message == VoteFor("y") and e.to == "c2")
        )
    assert bus["c2"].learned == "y"


@pytest.mark.parametrize("make", [first_write_wins, majority_vote])
def test_bad_input_to_the_naive_constructors(make):
    with pytest.raises(LabError, match="at least one value"):
        make([])
    with pytest.raises(LabError, match="None stands for"):
        make(["x", None])
    with pytest.raises(LabError, match="at least one node must decide, got 0"):
        make(["x"], 0)


# ---- two-phase commit: the rules


def test_all_yes_commits():
    bus = MessageBus(two_phase_commit((True, True, True)))
    bus.run()
    assert [node.decision for node in bus] == [Commit()] * 4
    assert bus.timers == []


@pytest.mark.parametrize("votes", [(True, False), (False, True), (False, False)])
def test_one_no_aborts(votes):
    bus = MessageBus(two_phase_commit(votes))
    bus.run()
    assert [node.decision for node in bus] == [Abort()] * 3


def test_a_commit_costs_three_messages_for_each_participant():
    bus = MessageBus(two_phase_commit((True,) * 5))
    bus.run()
    assert len(bus.trace.messages) == 15


def test_a_yes_is_on_disk_before_it_leaves():
    bus = MessageBus(two_phase_commit())
    bus.crash("p1", during=Deliver(flying(bus, "coord", "p1")))
    assert bus["p1"].voted is True and bus["p1"].in_doubt
    assert not any(e.sender == "p1" for e in bus.in_flight)


def test_a_missing_vote_aborts():
    bus = MessageBus(two_phase_commit())
    bus.drop(flying(bus, "coord", "p2"))
    bus.deliver(flying(bus, "coord", "p1"))
    bus.deliver(flying(bus, "p1", "coord"))
    bus.timeout("coord", "votes")
    assert bus["coord"].decision == Abort()
    bus.run()
    assert bus["p1"].decision == bus["p2"].decision == Abort()


def test_one_vote_counted_twice_is_still_one_vote():
    bus = MessageBus(two_phase_commit())
    bus.deliver(flying(bus, "coord", "p1"))
    bus.duplicate(flying(bus, "p1", "coord"))
    bus.deliver(flying(bus, "p1", "coord"))
    bus.deliver(flying(bus, "p1", "coord"))
    assert bus["coord"].decision is None


def test_a_participant_asked_twice_gives_the_same_vote_twice():
    node = Participant("p1", "coord")
    node.vote()
    node.vote()
    assert [e.message for e in node.outbox if hasattr(e, "message")] == [Vote(True), Vote(True)]


# ---- two-phase commit: silence


def prepared(votes=(True, True)):
    """Every participant has voted; the votes are on their way to the coordinator."""
    bus = MessageBus(two_phase_commit(votes))
    for number in range(1, len(votes) + 1):
        bus.deliver(flying(bus, "coord", f"p{number}", VoteRequest))
    return bus


def test_who_has_not_voted_may_abort_alone_and_then_never_votes_yes():
    bus = MessageBus(two_phase_commit())
    bus.timeout("p2", "silence")
    assert bus["p2"].decision == Abort() and bus["p2"].voted is None
    bus.run()
    assert bus["p2"].voted is False
    assert [node.decision for node in bus] == [Abort()] * 3


def test_all_who_voted_yes_are_blocked_while_the_coordinator_is_down():
    bus = prepared()
    bus.crash("coord")
    bus.run(max_steps=200)
    assert bus["p1"].in_doubt and bus["p2"].in_doubt
    asked = [e for e in bus.trace.messages if isinstance(e.message, DecisionRequest)]
    assert len(asked) > 20, "they do ask, again and again"


def test_no_event_but_the_coordinators_return_ends_the_doubt():
    for seed in range(150):
        bus = prepared()
        bus.crash("coord")
        choose = seeded(seed, faults=0.5)

        def without_the_coordinator(bus, choose=choose):
            event = choose(bus)
            while event == Restart("coord"):
                event = choose(bus)
            return event

        bus.run(without_the_coordinator, max_steps=60)
        assert "coord" in bus.down
        assert bus["p1"].in_doubt and bus["p2"].in_doubt, seed


def test_the_coordinator_that_returns_without_a_commit_aborts():
    bus = prepared()
    bus.crash("coord")
    bus.restart("coord")
    bus.run()
    assert [node.decision for node in bus] == [Abort()] * 3


def test_the_coordinator_that_returns_with_a_commit_tells_it_again():
    bus = prepared()
    bus.deliver(flying(bus, "p1", "coord"))
    bus.crash("coord", during=Deliver(flying(bus, "p2", "coord")))
    assert bus["coord"].decision == Commit() and not bus.in_flight
    bus.restart("coord")
    bus.run()
    assert [node.decision for node in bus] == [Commit()] * 3


def test_a_coordinator_that_crashed_before_it_asked_aborts():
    bus = MessageBus(two_phase_commit(), idle=["coord"])
    bus.crash("coord")
    bus.restart("coord")
    bus.run()
    assert [node.decision for node in bus] == [Abort()] * 3


def test_a_participant_that_knows_ends_the_doubt_of_the_other():
    bus = prepared()
    bus.deliver(flying(bus, "p1", "coord"))
    bus.deliver(flying(bus, "p2", "coord"))
    bus.deliver(flying(bus, "coord", "p2", Commit))
    bus.drop(flying(bus, "coord", "p1", Commit))
    bus.crash("coord")
    assert bus["p1"].in_doubt
    bus.run()
    assert bus["p1"].decision == Commit()


def test_a_participant_that_has_not_voted_aborts_when_asked():
    bus = MessageBus(two_phase_commit())
    bus.deliver(flying(bus, "coord", "p1"))
    bus.drop(flying(bus, "coord", "p2"))
    bus.crash("coord")
    bus.timeout("p1", "silence")
    bus.deliver(flying(bus, "p1", "p2"))
    bus.deliver(flying(bus, "p2", "p1"))
    assert bus["p1"].decision == bus["p2"].decision == Abort()


def test_in_doubt_commit_and_abort_look_the_same():
    def stranded(vote_of_p2, told):
        bus = prepared((True, vote_of_p2))
        bus.deliver(flying(bus, "p1", "coord"))
        bus.deliver(flying(bus, "p2", "coord"))
        bus.drop(flying(bus, "coord", "p1", told))
        bus.crash("coord")
        bus.crash("p2")
        for _ in range(2):
            bus.timeout("p1", "silence")
        return bus

    commit, abort = stranded(True, Commit), stranded(False, Abort)
    assert commit["coord"].decision == Commit() and abort["coord"].decision == Abort()
    assert seen_by(commit, "p1") == seen_by(abort, "p1")
    assert commit["p1"].in_doubt and abort["p1"].in_doubt


@pytest.mark.parametrize("restart_first", ["p1", "coord"])
def test_a_participant_that_restarts_in_doubt_asks(restart_first):
    bus = prepared()
    bus.crash("p1")
    bus.crash("coord")
    bus.restart(restart_first)
    assert bus["p1"].in_doubt
    bus.restart("coord" if restart_first == "p1" else "p1")
    bus.run()
    assert bus["p1"].decision == Abort()


# ---- two-phase commit: under every fault


def broken(bus):
    """What is wrong with the decisions held now, or None."""
    decisions = {node.name: node.decision for node in bus if node.decision is not None}
    if len(set(decisions.values())) > 1:
        return f"they disagree: {decisions}"
    voters = [node for node in bus if isinstance(node, Participant)]
    if Commit() in decisions.values() and not all(node.voted for node in voters):
        return f"committed without every yes: {decisions}"
    return None


def search(nodes, seeds, steps=60):
    """The first break found in seeded runs, and the decisions that were seen."""
    seen = set()
    for seed in range(seeds):
        bus = MessageBus(nodes(seed), traced=False)
        choose = seeded(seed, faults=0.35)
        for _ in range(steps):
            if bus.run(choose, max_steps=1) == 0:
                break
            if (what := broken(bus)) is not None:
                return f"seed {seed}: {what}", seen
        seen |= {node.decision for node in bus}
    return None, seen


def test_decisions_agree_and_need_every_yes_whatever_happens():
    votes = [(True, True), (True, True, True), (True, False), (True, True, False)]
    found, seen = search(lambda seed: two_phase_commit(votes[seed % len(votes)]), seeds=1200)
    assert found is None
    assert seen == {Commit(), Abort(), None}, "both decisions and the doubt must occur"


def test_with_a_no_among_the_votes_nobody_ever_commits():
    found, seen = search(lambda seed: two_phase_commit((True, True, False)), seeds=200)
    assert found is None
    assert Commit() not in seen and Abort() in seen


@dataclass
class Impatient(Participant):
    """Aborts in doubt, which no participant may."""

    def act_on_silence(self):
        if self.decision is None:
            self.decide(Abort())


@dataclass
class Forgetful(Coordinator):
    """Keeps its decision in memory only."""

    decision: Commit | Abort | None = None


def swapped(old, new):
    def nodes(_seed):
        made = two_phase_commit((True, True))
        return [new(**vars(node)) if type(node) is old else node for node in made]

    return nodes


@pytest.mark.parametrize(("old", "new"), [(Participant, Impatient), (Coordinator, Forgetful)])
def test_the_search_finds_a_participant_that_guesses_and_a_coordinator_without_a_disk(old, new):
    found, _ = search(swapped(old, new), seeds=1200)
    assert found is not None and "disagree" in found


def test_a_decision_once_on_disk_never_changes():
    for seed in range(100):
        bus = MessageBus(two_phase_commit((True, True)))
        bus.run(seeded(seed, faults=0.4), max_steps=80)
        for step in bus.trace:
            if "decision" in step.changed:
                assert step.changed["decision"][0] is None, seed


def test_it_terminates_without_crash_or_loss_for_every_seed():
    for seed in range(100):
        bus = MessageBus(two_phase_commit((True, seed % 3 > 0)), seed=seed, delay=(0.5, 1.5))
        bus.run()
        assert {node.decision for node in bus} == {Commit() if seed % 3 else Abort()}


@pytest.mark.parametrize(
    "nodes",
    [
        lambda: two_phase_commit((True, True)),
        lambda: first_write_wins(["x", "y"], 2, client=RetryingClient),
        lambda: majority_vote(["x", "y", "z"]),
    ],
)
def test_runs_replay_and_round_trip_as_json(nodes):
    bus = MessageBus(nodes())
    bus.run(seeded(7, faults=0.3), max_steps=60)
    assert len(bus.trace) > 10
    again = Trace.from_json(bus.trace.to_json())
    assert again == bus.trace
    assert replay(nodes(), again).trace == bus.trace


def test_bad_input_to_two_phase_commit():
    with pytest.raises(LabError, match="at least one participant"):
        two_phase_commit(())
    with pytest.raises(LabError, match=r"True \(yes\) or False \(no\)"):
        two_phase_commit(("yes", "no"))


def test_messages_read_like_the_protocol():
    words = [VoteRequest(), Vote(True), Vote(False), Commit(), Abort(), DecisionRequest()]
    assert list(map(str, words)) == [
        "VoteRequest",
        "Vote(yes)",
        "Vote(no)",
        "Commit",
        "Abort",
        "DecisionRequest",
    ]
    assert list(map(str, [Propose("x"), Decided("x"), VoteFor("x")])) == [
        "Propose(x)",
        "Decided(x)",
        "VoteFor(x)",
    ]


def test_crash_and_timeout_events_name_the_timers_that_run():
    bus = MessageBus(two_phase_commit())
    assert Timeout("coord", "votes") in bus.enabled()
    assert Timeout("p1", "silence") in bus.enabled()
    assert Crash("coord") in bus.enabled()


TELL = """
from paxos_lab import MessageBus, seeded
from paxos_lab.relatives.two_phase import two_phase_commit
from paxos_lab.show import narrate

bus = MessageBus(two_phase_commit((True, True, True)))
bus.run(seeded(3, faults=0.1), max_steps=60)
print(bus.trace.to_json())
print(*map(narrate, bus.trace), sep="\\n")
"""


def test_a_run_and_its_story_do_not_depend_on_the_hash_seed():
    def told(hash_seed):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", TELL], env=env, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    first = told("1")
    assert "yes = p1, p2" in first, "a set is told in sorted order"
    assert told("2") == told("3") == first
