"""The acceptor's two rules, one case each."""

import pytest

from paxos_lab import MessageBus, react
from paxos_lab.paxos import (
    Accept,
    Accepted,
    Acceptor,
    Ballot,
    Nack,
    Prepare,
    Promise,
    Proposal,
    single_decree,
)

LOW, MIDDLE, HIGH = Ballot(1, "p2"), Ballot(2, "p1"), Ballot(2, "p2")


@pytest.fixture
def acceptor():
    acceptor = Acceptor("a1", ("l1", "l2"))
    react(acceptor, "receive", "p1", Prepare(MIDDLE))
    return acceptor


def answers(acceptor, sender, message):
    return [(effect.to, effect.message) for effect in react(acceptor, "receive", sender, message)]


def test_a_fresh_acceptor_promises_any_ballot_and_has_no_vote():
    assert answers(Acceptor("a1"), "p2", Prepare(LOW)) == [("p2", Promise(LOW, None))]


def test_a_higher_prepare_is_promised(acceptor):
    assert answers(acceptor, "p2", Prepare(HIGH)) == [("p2", Promise(HIGH, None))]
    assert acceptor.promised == HIGH


def test_the_same_prepare_is_promised_again(acceptor):
    assert answers(acceptor, "p1", Prepare(MIDDLE)) == [("p1", Promise(MIDDLE, None))]


def test_a_lower_prepare_is_refused_and_changes_nothing(acceptor):
    assert answers(acceptor, "p2", Prepare(LOW)) == [("p2", Nack(LOW, MIDDLE))]
    assert (acceptor.promised, acceptor.accepted) == (MIDDLE, None)


@pytest.mark.parametrize("ballot", [MIDDLE, HIGH])
def test_it_votes_at_its_promise_and_above_and_tells_proposer_and_learners(acceptor, ballot):
    told = answers(acceptor, "p9", Accept(ballot, "x"))
    assert told == [(name, Accepted(ballot, "x")) for name in ("p9", "l1", "l2")]
    assert acceptor.accepted == Proposal(ballot, "x")


def test_a_vote_raises_the_promise(acceptor):
    answers(acceptor, "p2", Accept(HIGH, "x"))
    assert acceptor.promised == HIGH
    assert answers(acceptor, "p1", Accept(MIDDLE, "y")) == [("p1", Nack(MIDDLE, HIGH))]
    assert acceptor.accepted == Proposal(HIGH, "x")


def test_it_does_not_vote_below_its_promise(acceptor):
    assert answers(acceptor, "p2", Accept(LOW, "x")) == [("p2", Nack(LOW, MIDDLE))]
    assert acceptor.accepted is None


def test_it_may_vote_many_times_and_reports_the_last(acceptor):
    answers(acceptor, "p1", Accept(MIDDLE, "x"))
    answers(acceptor, "p2", Accept(HIGH, "y"))
    next_ballot = Ballot(3, "p1")
    assert answers(acceptor, "p1", Prepare(next_ballot)) == [
        ("p1", Promise(next_ballot, Proposal(HIGH, "y")))
    ]


def test_a_repeated_accept_is_answered_alike(acceptor):
    assert answers(acceptor, "p1", Accept(MIDDLE, "x")) == answers(acceptor, "p1", Accept(MIDDLE, "x"))


@pytest.mark.parametrize("message", [Promise(HIGH, None), Accepted(HIGH, "x"), Nack(LOW, HIGH), "noise"])
def test_what_is_not_for_an_acceptor_is_ignored(acceptor, message):
    assert answers(acceptor, "p1", message) == []
    assert (acceptor.promised, acceptor.accepted) == (MIDDLE, None)


@pytest.mark.parametrize("value", [0, "", False, ("a", "b"), frozenset()])
def test_any_value_that_cannot_change_will_do(value):
    bus = MessageBus(single_decree([value]))
    bus.run()
    assert bus["l1"].learned == value and bus["p1"].learned == value


def test_promise_and_vote_are_on_disk_before_the_answer_leaves():
    bus = MessageBus(single_decree(["x"]))
    for name in ("a1", "a2"):
        bus.deliver(next(e for e in bus.in_flight if e.to == name))
    for _ in range(2):
        bus.deliver(next(e for e in bus.in_flight if e.to == "p1"))
    arriving = next(e for e in bus.enabled() if getattr(e, "node", None) == "a1" and e.during is not None
                    and isinstance(e.during.envelope.message, Accept))  # fmt: skip
    bus.apply(arriving)
    assert bus["a1"].accepted == Proposal(Ballot(1, "p1"), "x")
    assert not [e for e in bus.in_flight if e.sender == "a1"]
    bus.restart("a1")
    assert (bus["a1"].promised, bus["a1"].accepted.value) == (Ballot(1, "p1"), "x")


def test_it_votes_without_having_been_asked_for_a_promise():
    acceptor = Acceptor("a1")
    assert answers(acceptor, "p2", Accept(LOW, "x")) == [("p2", Accepted(LOW, "x"))]
    assert acceptor.promised == LOW


def test_the_answer_goes_to_who_asked_not_to_the_owner_of_the_ballot(acceptor):
    assert answers(acceptor, "p9", Prepare(HIGH)) == [("p9", Promise(HIGH, None))]
