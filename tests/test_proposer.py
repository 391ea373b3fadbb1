"""The proposer: which promises count, which value it sends, when it tries again."""

import pytest

from paxos_lab import LabError, MessageBus, Restart, Timeout, react
from paxos_lab.node import CancelTimer, SetTimer, stable_fields
from paxos_lab.paxos import (
    Accept,
    Accepted,
    Ballot,
    Flexible,
    Majority,
    Nack,
    Prepare,
    Promise,
    Proposal,
    Proposer,
    single_decree,
    value_to_propose,
)

ACCEPTORS = ("a1", "a2", "a3", "a4", "a5")
FIRST = Ballot(1, "p1")


@pytest.fixture
def proposer():
    proposer = Proposer("p1", "mine", ACCEPTORS)
    react(proposer, "start")
    return proposer


def sent(effects):
    return [(e.to, e.message) for e in effects if hasattr(e, "message")]


def promise(proposer, *names, ballot=FIRST, vote=None):
    return [m for name in names for m in sent(react(proposer, "receive", name, Promise(ballot, vote)))]


def vote(proposer, *names, ballot=FIRST, value="mine"):
    return [e for name in names for e in react(proposer, "receive", name, Accepted(ballot, value))]


def test_it_starts_by_asking_all_acceptors_for_a_promise():
    proposer = Proposer("p1", "mine", ACCEPTORS)
    effects = react(proposer, "start")
    assert sent(effects) == [(name, Prepare(FIRST)) for name in ACCEPTORS]
    assert SetTimer("retry", proposer.patience) in effects


def test_it_keeps_its_own_list_of_the_acceptors():
    names = ["a1", "a2", "a3"]
    proposer = Proposer("p1", "mine", names)
    names.append("a4")
    assert [to for to, _ in sent(react(proposer, "start"))] == ["a1", "a2", "a3"]


def test_a_majority_of_promises_starts_the_vote_once(proposer):
    assert promise(proposer, "a1", "a2") == []
    assert promise(proposer, "a3") == [(name, Accept(FIRST, "mine")) for name in ACCEPTORS]
    assert promise(proposer, "a4", "a5") == []


def test_a_promise_twice_is_one_promise(proposer):
    assert promise(proposer, "a1", "a1", "a1", "a2", "a2") == []


def test_strangers_do_not_count(proposer):
    assert promise(proposer, "a1", "x1", "x2", "l1") == []


def test_promises_for_another_ballot_do_not_count(proposer):
    react(proposer, "timeout", "retry")
    assert proposer.ballot == Ballot(2, "p1")
    assert promise(proposer, "a1", "a2", "a3", ballot=FIRST) == []
    assert promise(proposer, "a1", "a2", "a3", ballot=Ballot(2, "p9")) == []
    assert len(promise(proposer, "a1", "a2", "a3", ballot=Ballot(2, "p1"))) == 5


def test_it_must_propose_the_value_of_the_highest_ballot_reported(proposer):
    react(proposer, "timeout", "retry")
    second = Ballot(2, "p1")
    promise(proposer, "a1", ballot=second, vote=Proposal(Ballot(1, "p2"), "low"))
    promise(proposer, "a2", ballot=second, vote=Proposal(Ballot(1, "p3"), "high"))
    asked = promise(proposer, "a3", ballot=second, vote=Proposal(Ballot(1, "p2"), "low"))
    assert asked[0] == ("a1", Accept(second, "high"))


@pytest.mark.parametrize(
    ("reports", "value"),
    [
        ([None, None], "own"),
        ([None, Proposal(Ballot(1, "p2"), "a")], "a"),
        ([Proposal(Ballot(3, "p1"), "new"), Proposal(Ballot(1, "p2"), "old")], "new"),
        ([Proposal(Ballot(1, "p2"), "old"), Proposal(Ballot(3, "p1"), "new")], "new"),
        ([Proposal(Ballot(1, "p2"), "o")] * 4 + [Proposal(Ballot(2, "p1"), "n")], "n"),
        ([Proposal(Ballot(2, "p1"), "p1's"), Proposal(Ballot(2, "p2"), "p2's")], "p2's"),
        ([], "own"),
    ],
)
def test_value_to_propose(reports, value):
    assert value_to_propose(reports, "own") == value


def test_a_quorum_of_votes_tells_it_and_stops_the_timer(proposer):
    promise(proposer, "a1", "a2", "a3")
    assert vote(proposer, "a1", "a1", "a2") == [] and proposer.learned is None
    assert vote(proposer, "a3") == [CancelTimer("retry")] and proposer.learned == "mine"
    vote(proposer, "a4")
    assert proposer.learned == "mine"


def test_votes_of_another_ballot_do_not_count(proposer):
    promise(proposer, "a1", "a2", "a3")
    vote(proposer, "a1", "a2", "a3", ballot=Ballot(1, "p2"))
    vote(proposer, "a1", "a2", "a3", value="other")
    assert proposer.learned is None


def test_votes_before_it_asked_for_any_do_not_count(proposer):
    vote(proposer, "a1", "a2", "a3")
    assert proposer.learned is None


def test_a_nack_lets_it_jump_above_the_rival_at_the_next_try(proposer):
    react(proposer, "receive", "a1", Nack(FIRST, Ballot(7, "p2")))
    assert proposer.ballot == FIRST, "a refusal opens no ballot"
    effects = react(proposer, "timeout", "retry")
    assert sent(effects)[0] == ("a1", Prepare(Ballot(8, "p1")))


def test_a_nack_never_changes_what_is_counted(proposer):
    react(proposer, "receive", "a5", Nack(FIRST, Ballot(7, "p2")))
    asked = promise(proposer, "a1", "a2", "a3")
    assert asked[0] == ("a1", Accept(FIRST, "mine"))
    react(proposer, "receive", "a5", Nack(FIRST, Ballot(9, "p2")))
    vote(proposer, "a1", "a2", "a3")
    assert proposer.learned == "mine"


def test_late_and_foreign_nacks_are_ignored(proposer):
    assert react(proposer, "receive", "a1", Nack(Ballot(5, "p1"), Ballot(7, "p2"))) == []
    promise(proposer, "a1", "a2", "a3")
    vote(proposer, "a1", "a2", "a3")
    assert react(proposer, "receive", "a4", Nack(FIRST, Ballot(7, "p2"))) == []
    assert proposer.round == 1


def test_a_timeout_opens_a_higher_ballot_and_forgets_the_old_counts(proposer):
    promise(proposer, "a1", "a2")
    effects = react(proposer, "timeout", "retry")
    assert sent(effects) == [(name, Prepare(Ballot(2, "p1"))) for name in ACCEPTORS]
    assert proposer.promises == {} and proposer.proposal is None


def test_after_a_restart_it_uses_a_ballot_it_never_used():
    bus = MessageBus(single_decree(["x"]))
    bus.crash("p1")
    bus.restart("p1")
    assert bus["p1"].ballot == Ballot(2, "p1")
    bus.run()
    assert bus["l1"].learned == "x"


def test_a_majority_is_of_all_acceptors_also_when_few_are_up():
    bus = MessageBus(single_decree(["x"], acceptors=5))
    for name in ("a1", "a2", "a3"):
        bus.crash(name)
    bus.run(max_steps=300)
    assert bus["l1"].learned is None and bus["p1"].learned is None
    bus.restart("a2")
    bus.run(until=lambda bus: bus["l1"].learned is not None, max_steps=300)
    assert bus["l1"].learned == "x"


def test_winning_with_anothers_value_is_normal():
    bus = MessageBus(single_decree(["x", "y"]), idle=["p2"])
    bus.run()
    bus.start("p2")
    bus.run()
    assert bus["p2"].value == "y" and bus["p2"].learned == "x"


def test_waiting_grows_is_the_same_each_time_and_differs_between_rivals():
    def pause(name, number):
        proposer = Proposer(name, "x", ACCEPTORS)
        proposer.round = number
        return proposer.pause()

    assert pause("p1", 3) == pause("p1", 3) != pause("p2", 3)
    assert max(pause("p1", r) for r in range(7, 40)) > max(pause("p1", r) for r in range(1, 3))
    assert all(pause("p1", r) >= 0 for r in range(200))


def test_left_out_its_quorums_are_majorities_and_a_value_is_needed():
    assert Proposer("p1", "x", ["a1"]).quorums == Majority(("a1",))
    with pytest.raises(LabError, match="p1 proposes None"):
        Proposer("p1", None, ACCEPTORS)


def test_each_phase_has_its_quorum():
    proposer = Proposer("p1", "mine", ACCEPTORS, Flexible(4, 2, ACCEPTORS))
    react(proposer, "start")
    assert promise(proposer, "a1", "a2", "a3") == []
    assert len(promise(proposer, "a4")) == 5
    vote(proposer, "a1", "a5")
    assert proposer.learned == "mine"


@pytest.mark.parametrize(("n", "enough"), [(1, 1), (2, 2), (3, 2), (4, 3), (6, 4)])
def test_groups_of_one_and_of_even_size(n, enough):
    names = tuple(f"a{i}" for i in range(n))
    proposer = Proposer("p1", "mine", names)
    react(proposer, "start")
    assert promise(proposer, *names[: enough - 1]) == []
    assert len(promise(proposer, names[enough - 1])) == n


@pytest.mark.parametrize("value", [0, "", False, ()])
def test_a_reported_value_that_counts_as_false_is_adopted_and_learned(proposer, value):
    promise(proposer, "a1", vote=Proposal(Ballot(0, "p2"), value))
    assert promise(proposer, "a2", "a3")[0] == ("a1", Accept(FIRST, value))
    vote(proposer, "a1", "a2", "a3", value=value)
    assert proposer.learned == value and type(proposer.learned) is type(value)


def test_a_nack_never_lowers_the_round(proposer):
    for _ in range(4):
        react(proposer, "timeout", "retry")
    react(proposer, "receive", "a1", Nack(Ballot(5, "p1"), Ballot(2, "p2")))
    react(proposer, "timeout", "retry")
    assert proposer.ballot == Ballot(6, "p1")


def test_after_a_nack_a_promise_for_the_round_it_jumped_to_is_not_taken_for_its_own(proposer):
    react(proposer, "receive", "a1", Nack(FIRST, Ballot(7, "p2")))
    assert promise(proposer, "a1", "a2", "a3", ballot=Ballot(7, "p1")) == []


def test_only_the_round_is_on_disk_and_a_crash_before_the_prepare_leaves_uses_it_up():
    assert stable_fields(Proposer("p1", "x", ACCEPTORS)) == {"round"}
    bus = MessageBus(single_decree(["x"]))
    bus.crash("p1", during=Timeout("p1", "retry"))
    assert bus["p1"].round == 2
    bus.crash("p1", during=Restart("p1"))
    bus.restart("p1")
    assert bus["p1"].ballot == Ballot(4, "p1")


def test_a_value_that_could_change_is_refused_at_once():
    with pytest.raises(LabError, match="p1: the value is a list, which can be changed: use a tuple"):
        Proposer("p1", ["x"], ACCEPTORS)


def test_votes_of_an_older_ballot_of_its_own_do_not_add_up_with_new_ones(proposer):
    promise(proposer, "a1", "a2", "a3")
    vote(proposer, "a1", "a2")
    react(proposer, "timeout", "retry")
    second = Ballot(2, "p1")
    promise(proposer, "a1", "a2", "a3", ballot=second)
    vote(proposer, "a3", "a4", ballot=second)
    assert proposer.learned is None
    vote(proposer, "a5", ballot=second)
    assert proposer.learned == "mine"


def test_after_a_nack_it_waits_before_it_tries_again(proposer):
    effects = react(proposer, "receive", "a1", Nack(FIRST, Ballot(7, "p2")))
    assert effects == [SetTimer("retry", proposer.pause())]
