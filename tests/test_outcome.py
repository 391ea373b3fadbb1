"""What is chosen, and what still could be, read off the messages alone."""

from paxos_lab import MessageBus, seeded
from paxos_lab.paxos import (
    Accept,
    Accepted,
    Ballot,
    Flexible,
    Majority,
    Prepare,
    Promise,
    Proposal,
    chosen,
    single_decree,
    verdicts,
    votes,
)

THREE = Majority(("a1", "a2", "a3"))
ONE, TWO = Ballot(1, "p1"), Ballot(2, "p2")


def voted(ballot, value, *names):
    return [("p", Accept(ballot, value))] + [(name, Accepted(ballot, value)) for name in names]


def promised(ballot, *names):
    return [("p", Prepare(ballot))] + [(name, Promise(ballot, None)) for name in names]


def test_votes_are_counted_by_ballot_value_and_acceptor():
    sent = voted(ONE, "x", "a1", "a1", "a2") + voted(TWO, "x", "a3")
    assert votes(sent) == {Proposal(ONE, "x"): {"a1", "a2"}, Proposal(TWO, "x"): {"a3"}}


def test_chosen_needs_a_quorum_in_one_ballot():
    assert chosen(voted(ONE, "x", "a1") + voted(TWO, "x", "a2"), THREE) == []
    assert chosen(voted(ONE, "x", "a1", "a3"), THREE) == [Proposal(ONE, "x")]


def state(sent, ballot):
    return next(v.state for v in verdicts(sent, THREE) if v.ballot == ballot)


def test_a_ballot_is_dead_when_a_quorum_can_no_longer_vote_in_it():
    sent = promised(ONE, "a1", "a2") + voted(ONE, "x", "a1")
    assert state(sent, ONE) == "open"
    sent += promised(TWO, "a3")
    assert state(sent, ONE) == "open"  # a1 voted, a2 still may
    sent += promised(TWO, "a2")
    assert state(sent, ONE) == "dead"


def test_a_promise_after_the_vote_takes_nothing_back():
    sent = voted(ONE, "x", "a1", "a2") + promised(TWO, "a1", "a2", "a3")
    assert state(sent, ONE) == "chosen"


def test_what_is_dead_or_chosen_stays_so_in_every_run():
    for seed in range(60):
        bus = MessageBus(single_decree(["x", "y"]), seed=seed, checked=False)
        bus.run(seeded(seed, faults=0.3), max_steps=120)
        final, sent = {}, []
        for step in bus.trace:
            sent += [(e.sender, e.message) for e in step.sent]
            for verdict in verdicts(sent, THREE):
                if verdict.ballot in final:
                    assert verdict.state == final[verdict.ballot], (seed, step.step)
                if verdict.state != "open":
                    final[verdict.ballot] = verdict.state


def test_a_vote_in_a_higher_ballot_closes_a_lower_one_too():
    sent = promised(ONE) + voted(TWO, "y", "a1", "a2")
    assert (state(sent, ONE), state(sent, TWO)) == ("dead", "chosen")


def test_flexible_quorums_choose_with_theirs():
    sent = promised(ONE, "a1", "a2", "a3") + voted(ONE, "x", "a2")
    assert chosen(sent, Flexible(3, 1, THREE.members)) == [Proposal(ONE, "x")]
    assert chosen(sent, Flexible(1, 3, THREE.members)) == []


def test_a_value_may_be_chosen_again_in_a_higher_ballot():
    sent = voted(ONE, "x", "a1", "a2") + voted(TWO, "x", "a2", "a3")
    assert chosen(sent, THREE) == [Proposal(ONE, "x"), Proposal(TWO, "x")]


def test_a_verdict_tells_who_voted_and_who_never_will():
    sent = voted(ONE, "x", "a1") + promised(TWO, "a1", "a2")
    lower, higher = verdicts(sent, THREE)
    assert (lower.voters, lower.closed, lower.values) == ({"a1"}, {"a2"}, ("x",))
    assert (higher.voters, higher.closed, higher.values) == (set(), set(), ())
