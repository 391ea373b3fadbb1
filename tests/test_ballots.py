"""Ballots: ordered, unique, and never used twice."""

from hypothesis import given
from hypothesis import strategies as st

from paxos_lab import MessageBus, seeded
from paxos_lab.paxos import Ballot, Prepare, single_decree

ballots = st.builds(Ballot, st.integers(1, 50), st.sampled_from(["p1", "p2", "p3"]))


@given(ballots, ballots)
def test_any_two_are_equal_or_ordered(a, b):
    assert (a < b) + (a == b) + (a > b) == 1
    assert (a == b) == (a.round == b.round and a.proposer == b.proposer)


@given(ballots)
def test_zero_is_below_all(ballot):
    assert ballot > Ballot.ZERO


def test_the_round_counts_first():
    assert Ballot(1, "p9") < Ballot(2, "p1") < Ballot(2, "p2")
    assert str(Ballot(3, "p1")) == "3.p1"


def test_no_ballot_is_ever_opened_twice_whatever_crashes():
    for seed in range(150):
        bus = MessageBus(single_decree(["x", "y"]), seed=seed, checked=False)
        bus.run(seeded(seed, faults=0.5), max_steps=150)
        opened = [
            (step.step, e.message.ballot)
            for step in bus.trace
            for e in step.sent
            if isinstance(e.message, Prepare) and type(step.event).__name__ != "Duplicate"
        ]
        steps_of = {}
        for step, ballot in opened:
            steps_of.setdefault(ballot, set()).add(step)
        assert all(len(steps) == 1 for steps in steps_of.values()), seed
        assert all(ballot.proposer in ("p1", "p2") for ballot in steps_of)


def test_a_round_written_just_before_a_crash_is_not_used_again():
    bus = MessageBus(single_decree(["x"]))
    ringing = bus.enabled()[3]
    bus.crash("p1", during=ringing)  # round 2 is on disk, its prepare was never sent
    bus.restart("p1")
    assert bus["p1"].ballot == Ballot(3, "p1")
