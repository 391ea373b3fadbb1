"""The learner counts votes, each ballot by itself."""

import pytest

from paxos_lab import MessageBus, react
from paxos_lab.paxos import Accepted, Ballot, Flexible, Learner, Majority, Promise, single_decree

FIVE = Majority(("a1", "a2", "a3", "a4", "a5"))
FIRST, SECOND = Ballot(1, "p1"), Ballot(2, "p2")


@pytest.fixture
def learner():
    return Learner("l1", FIVE)


def hear(learner, *names, ballot=FIRST, value="x"):
    for name in names:
        assert react(learner, "receive", name, Accepted(ballot, value)) == []
    return learner.learned


def test_a_quorum_of_votes_in_one_ballot_is_needed(learner):
    assert hear(learner, "a1", "a2") is None
    assert hear(learner, "a3") == "x"


def test_one_acceptor_counts_once(learner):
    assert hear(learner, "a1", "a1", "a1", "a2") is None


def test_equal_values_of_different_ballots_do_not_add_up(learner):
    hear(learner, "a1", "a2")
    assert hear(learner, "a3", "a4", ballot=SECOND) is None
    assert hear(learner, "a5", ballot=SECOND) == "x"


def test_different_values_of_one_ballot_do_not_add_up(learner):
    hear(learner, "a1", "a2")
    assert hear(learner, "a3", value="y") is None


def test_strangers_do_not_count(learner):
    assert hear(learner, "a1", "b1", "b2", "l1") is None


def test_what_is_learned_stays(learner):
    hear(learner, "a1", "a2", "a3")
    assert hear(learner, "a1", "a2", "a3", ballot=SECOND, value="y") == "x"


def test_other_messages_are_ignored(learner):
    react(learner, "receive", "a1", Promise(FIRST, None))
    assert learner.votes == {}


def test_it_asks_the_quorum_system_for_phase_two():
    assert hear(Learner("l1", Flexible(3, 1, ("a1", "a2", "a3"))), "a2") == "x"


def test_a_lost_vote_is_made_up_for_by_a_new_ballot():
    bus = MessageBus(single_decree(["x", "y"]), idle=["p2"])
    while bus.in_flight:
        envelope = bus.in_flight[0]
        (bus.drop if envelope.to == "l1" else bus.deliver)(envelope)
    assert bus["p1"].learned == "x" and bus["l1"].learned is None
    bus.start("p2")
    bus.run()
    assert bus["l1"].learned == "x"


@pytest.mark.parametrize(("n", "enough"), [(1, 1), (2, 2), (4, 3), (5, 3), (6, 4)])
def test_a_majority_is_of_all_also_in_a_group_of_one_or_of_even_size(n, enough):
    names = tuple(f"a{i}" for i in range(n))
    learner = Learner("l1", Majority(names))
    assert hear(learner, *names[: enough - 1]) is None
    assert hear(learner, names[enough - 1]) == "x"


@pytest.mark.parametrize("value", [0, "", False, ()])
def test_a_value_that_counts_as_false_is_learned_and_kept(learner, value):
    assert hear(learner, "a1", "a2", "a3", value=value) is value
    assert hear(learner, "a1", "a2", "a3", ballot=SECOND, value="y") is value
