"""The acceptor of a log: one promise for all slots, one vote for each."""

import pytest

from paxos_lab.multipaxos import Accept, Accepted, Command, LogAcceptor, Nack, Prepare, Promise, Put, Vote
from paxos_lab.node import Send, react, stable_fields
from paxos_lab.paxos import Ballot

LOW, MIDDLE, HIGH = Ballot(1, "s1"), Ballot(2, "s1"), Ballot(3, "s1")
X, Y = (Command("c1", 1, Put("x", 1)),), (Command("c1", 2, Put("x", 2)),)


def answer(acceptor, message):
    (sent,) = react(acceptor, "receive", "s1", message)
    assert isinstance(sent, Send)
    assert sent.to == "s1"
    return sent.message


@pytest.fixture
def acceptor():
    """Promised the middle ballot, voted in slots 2 and 4."""
    return LogAcceptor("s2", promised=MIDDLE, votes={4: Vote(MIDDLE, Y), 2: Vote(LOW, X)})


def test_one_promise_holds_for_all_slots(acceptor):
    assert answer(acceptor, Prepare(HIGH, 1)) == Promise(HIGH, ((2, Vote(LOW, X)), (4, Vote(MIDDLE, Y))), 0)
    for slot in (1, 2, 4, 900):
        assert answer(acceptor, Accept(MIDDLE, slot, X)) == Nack(MIDDLE, HIGH)
    assert acceptor.votes == {2: Vote(LOW, X), 4: Vote(MIDDLE, Y)}


def test_a_promise_tells_the_votes_from_the_asked_slot_on(acceptor):
    assert answer(acceptor, Prepare(HIGH, 3)).votes == ((4, Vote(MIDDLE, Y)),)
    assert answer(acceptor, Prepare(HIGH, 5)).votes == ()


def test_a_promise_repeated_is_the_same(acceptor):
    first = answer(acceptor, Prepare(HIGH, 1))
    assert answer(acceptor, Prepare(HIGH, 1)) == first


def test_a_lower_prepare_changes_nothing(acceptor):
    assert answer(acceptor, Prepare(LOW, 1)) == Nack(LOW, MIDDLE)
    assert acceptor.promised == MIDDLE


@pytest.mark.parametrize("ballot", [MIDDLE, HIGH])
def test_a_vote_needs_a_ballot_that_is_not_below_the_promise(acceptor, ballot):
    assert answer(acceptor, Accept(ballot, 2, Y)) == Accepted(ballot, 2)
    assert acceptor.votes[2] == Vote(ballot, Y)
    assert acceptor.promised == ballot, "a vote raises the promise, for all slots"


def test_votes_of_other_slots_stay(acceptor):
    answer(acceptor, Accept(HIGH, 3, Y))
    assert acceptor.votes == {2: Vote(LOW, X), 3: Vote(HIGH, Y), 4: Vote(MIDDLE, Y)}


def test_a_vote_repeated_is_the_same(acceptor):
    answer(acceptor, Accept(HIGH, 2, Y))
    before = dict(acceptor.votes)
    assert answer(acceptor, Accept(HIGH, 2, Y)) == Accepted(HIGH, 2)
    assert acceptor.votes == before


def test_a_cleared_slot_keeps_no_vote_and_is_told_of(acceptor):
    acceptor.cleared = 3
    del acceptor.votes[2]
    assert answer(acceptor, Accept(HIGH, 3, X)) == Accepted(HIGH, 3)
    assert 3 not in acceptor.votes
    assert answer(acceptor, Prepare(HIGH, 1)) == Promise(HIGH, ((4, Vote(MIDDLE, Y)),), 3)


def test_all_of_it_is_on_disk():
    assert {"promised", "votes", "cleared"} <= stable_fields(LogAcceptor("s1"))
