"""Each property against right and wrong worlds written by hand: it must tell them apart."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest

from paxos_lab.node import Node
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
    Weighted,
    single_decree,
)
from paxos_lab.verify import (
    PROOF,
    agreement,
    backed_by_promises,
    chosen_stays,
    explore,
    learned_is_chosen,
    looks_at,
    one_value_per_ballot,
    promises_kept,
    quorums_meet,
    validity,
    votes_on_request,
    with_quorums,
)
from paxos_lab.verify.explorer.properties import quorums_of, reachable
from paxos_lab.verify.explorer.result import name_of

B1, B2, B3 = Ballot(1, "p1"), Ballot(2, "p2"), Ballot(3, "p3")
X1, Y2 = Proposal(B1, "x"), Proposal(B2, "y")


def world(*learned, quorums=None, **others):
    """Two proposers that want x and y, and one node for each value learned."""
    nodes = single_decree(["x", "y"], quorums=quorums, unsafe=True, learners=len(learned))
    nodes = {node.name: node for node in nodes}
    for number, value in enumerate(learned, start=1):
        nodes[f"l{number}"].learned = value
    return nodes | others


def voted(message, *acceptors):
    return [(a, message) for a in acceptors]


def vote(ballot, value, *acceptors):
    return voted(Accepted(ballot, value), *acceptors)


def asked(ballot, value):
    return [(ballot.proposer, Accept(ballot, value))]


def promised(ballot, report, *acceptors):
    return voted(Promise(ballot, report), *acceptors)


def opened(*ballots):
    return [(b.proposer, Prepare(b)) for b in ballots]


# (property, why, sent, nodes, part of what it says)
WRONG = [
    (
        agreement, "two ballots chose two values",
        vote(B1, "x", "a1", "a2") + vote(B2, "y", "a2", "a3"), world(),
        "x is chosen in ballot 1.p1, and y is chosen in ballot 2.p2",
    ),
    (
        agreement, "one ballot chose two values",
        vote(B1, "x", "a1", "a2") + vote(B1, "y", "a2", "a3"), world(), "x is chosen in ballot 1.p1, and y is",
    ),
    (agreement, "two learners learned two values", [], world("x", "y"), "l1 has learned x, and l2 has learned y"),
    (
        agreement, "one learned what was not chosen",
        vote(B1, "x", "a1", "a2"), world("y"), "x is chosen in ballot 1.p1, and l1 has learned y",
    ),
    (
        agreement, "one vote is a quorum here",
        vote(B1, "x", "a1") + vote(B2, "y", "a3"), world(quorums=Flexible(2, 1)), "agreement",
    ),
    (validity, "chosen out of nowhere", vote(B1, "w", "a1", "a2"), world(), "w is chosen, and nobody"),
    (validity, "learned out of nowhere", [], world("w"), "l1 has learned w, and nobody proposed it"),
    (
        quorums_meet, "phase 1 is too small", [], world(quorums=Flexible(1, 2)),
        "phase 1 quorum {a1} and the phase 2 quorum {a2, a3} share nobody",
    ),
    (quorums_meet, "phase 2 is too small", [], world(quorums=Flexible(2, 1)), "share nobody"),
    (
        one_value_per_ballot, "two were asked for",
        asked(B1, "x") + asked(B1, "y"), world(), "ballot 1.p1 carries x and y",
    ),
    (one_value_per_ballot, "asked for one, voted for another", asked(B1, "x") + vote(B1, "y", "a1"), world(), "x and y"),
    (
        promises_kept, "voted below its promise",
        promised(B2, None, "a1") + vote(B1, "x", "a1"), world(),
        "a1 promised ballot 2.p2 and reported no vote, but it has voted in ballot 1.p1",
    ),
    (
        promises_kept, "had voted and did not report it",
        vote(B1, "x", "a1") + promised(B2, None, "a1"), world(), "reported no vote",
    ),
    (
        promises_kept, "reported a lower vote than its highest",
        vote(B1, "x", "a1") + vote(B2, "y", "a1") + promised(B3, X1, "a1"), world(),
        "reported x in 1.p1, but it has voted in ballot 2.p2",
    ),
    (
        votes_on_request, "another value than asked for",
        asked(B1, "x") + vote(B1, "y", "a1"), world(), "a1 votes for y in ballot 1.p1 unasked",
    ),
    (votes_on_request, "asked for in another ballot", asked(B2, "x") + vote(B1, "x", "a1"), world(), "unasked"),
    (votes_on_request, "nobody asked", vote(B1, "x", "a1"), world(), "unasked"),
    (
        backed_by_promises, "no promise at all above another ballot",
        opened(B1, B2) + asked(B2, "y"), world(),
        "y is asked for in ballot 2.p2, but no quorum of its promises allows that value (none)",
    ),
    (
        backed_by_promises, "too few promises",
        opened(B1, B2) + promised(B2, None, "a1") + asked(B2, "y"), world(), "(a1: no vote)",
    ),
    (
        backed_by_promises, "one acceptor is not two",
        opened(B1, B2) + promised(B2, None, "a1", "a1") + asked(B2, "y"), world(), "y is asked for",
    ),
    (
        backed_by_promises, "promises for another ballot",
        opened(B1, B2) + promised(B1, None, "a1", "a2") + asked(B2, "y"), world(), "(none)",
    ),
    (
        backed_by_promises, "a report is ignored",
        opened(B1, B2) + promised(B2, None, "a1") + promised(B2, X1, "a2") + asked(B2, "y"), world(),
        "(a1: no vote, a2: x in 1.p1)",
    ),
    (
        backed_by_promises, "the lower report is adopted",
        opened(B1, B2, B3) + promised(B3, X1, "a1") + promised(B3, Y2, "a2") + asked(B3, "x"), world(),
        "x is asked for in ballot 3.p3",
    ),
    (
        backed_by_promises, "three promises are a quorum here, two are not",
        opened(B1, B2) + promised(B2, None, "a1", "a2") + asked(B2, "y"), world(quorums=Flexible(3, 1)),
        "y is asked for",
    ),
    (
        backed_by_promises, "the adopted value, too, wants a quorum of promises",
        opened(B1, B2) + promised(B2, None, "a1") + promised(B2, X1, "a2") + asked(B2, "x"),
        world(quorums=Flexible(3, 1)), "x is asked for",
    ),
    (
        backed_by_promises, "two values reported in the highest ballot oblige to neither",
        opened(B1, B2) + promised(B2, X1, "a1") + promised(B2, Proposal(B1, "y"), "a2") + asked(B2, "x"), world(),
        "(a1: x in 1.p1, a2: y in 1.p1)",
    ),
    (
        chosen_stays, "another value above",
        vote(B1, "x", "a1", "a2") + asked(B2, "y"), world(),
        "x is chosen in ballot 1.p1, and yet y is asked for in the higher ballot 2.p2",
    ),
    (
        learned_is_chosen, "one vote only",
        vote(B1, "x", "a1"), world("x"), "l1 has learned x, which is not chosen (votes: a1 in 1.p1)",
    ),
    (
        learned_is_chosen, "votes of two ballots added up",
        vote(B1, "x", "a1") + vote(B2, "x", "a2"), world("x"), "(votes: a1 in 1.p1; a2 in 2.p2)",
    ),
    (learned_is_chosen, "no vote", [], world("x"), "(votes: none)"),
    (learned_is_chosen, "another value is chosen", vote(B1, "y", "a1", "a2"), world("x"), "has learned x"),
]  # fmt: skip

# (property, why it must hold, sent, nodes)
GOOD = [
    (agreement, "one value in two ballots", vote(B1, "x", "a1", "a2") + vote(B2, "x", "a2", "a3"), world("x", "x")),
    (agreement, "votes without a quorum", vote(B1, "x", "a1") + vote(B2, "y", "a2", "a3"), world("y")),
    (agreement, "votes of two ballots do not add up", vote(B1, "x", "a1") + vote(B2, "x", "a2") + vote(B3, "y", "a2", "a3"), world()),
    (agreement, "one acceptor is not two", vote(B1, "x", "a1", "a1") + vote(B2, "y", "a2", "a3"), world()),
    (agreement, "two of 3 are too few here", vote(B1, "x", "a1", "a2") + vote(B2, "y", "a2", "a3"), world(quorums=Flexible(1, 3))),
    (validity, "somebody's value", vote(B1, "y", "a1", "a2"), world("y")),
    (validity, "a strange vote that chooses nothing", vote(B1, "w", "a1"), world()),
    (quorums_meet, "majorities", [], world()),
    (quorums_meet, "3 and 1 of 3", [], world(quorums=Flexible(3, 1))),
    (quorums_meet, "1 and 3 of 3", [], world(quorums=Flexible(1, 3))),
    (quorums_meet, "weights", [], world(quorums=Weighted({"a1": 2, "a2": 1, "a3": 0}))),
    (one_value_per_ballot, "one value, again and again", asked(B1, "x") * 2 + vote(B1, "x", "a1", "a2"), world()),
    (one_value_per_ballot, "two ballots, two values", asked(B1, "x") + asked(B2, "y"), world()),
    (promises_kept, "votes at its promise", promised(B1, None, "a1") + vote(B1, "x", "a1"), world()),
    (promises_kept, "votes above its promise", promised(B1, None, "a1") + vote(B2, "y", "a1"), world()),
    (promises_kept, "reports its highest vote", vote(B1, "x", "a1") + vote(B2, "y", "a1") + promised(B3, Y2, "a1"), world()),
    (promises_kept, "promises twice, with a vote between", promised(B1, None, "a1") + vote(B1, "x", "a1") + promised(B1, X1, "a1"), world()),
    (promises_kept, "the vote of another acceptor", promised(B2, None, "a1") + vote(B1, "x", "a2"), world()),
    (
        promises_kept, "C3: a lower vote after a higher one, no promise in between",
        promised(B1, None, "a1") + vote(B2, "y", "a1") + vote(B1, "x", "a1") + promised(B3, Y2, "a1"), world(),
    ),
    (promises_kept, "C3: reports a vote above the ballot promised", vote(B2, "y", "a1") + promised(B1, Y2, "a1"), world()),
    (votes_on_request, "as asked, several times", asked(B1, "x") + vote(B1, "x", "a1", "a1", "a2"), world()),
    (backed_by_promises, "C4: the lowest ballot needs no promise", asked(B1, "x") + opened(B2), world()),
    (backed_by_promises, "C4: not even if nobody prepares", asked(B1, "x"), world()),
    (backed_by_promises, "free", opened(B1, B2) + promised(B2, None, "a1", "a2") + asked(B2, "y"), world()),
    (backed_by_promises, "obliged", opened(B1, B2) + promised(B2, None, "a1") + promised(B2, X1, "a2") + asked(B2, "x"), world()),
    (
        backed_by_promises, "the highest report is adopted",
        opened(B1, B2, B3) + promised(B3, X1, "a1") + promised(B3, Y2, "a2") + asked(B3, "y"), world(),
    ),
    (
        backed_by_promises, "a late third promise changes nothing",
        opened(B1, B2) + promised(B2, None, "a1", "a2") + asked(B2, "y") + promised(B2, X1, "a3"), world(),
    ),
    (
        backed_by_promises, "C2: three promises",
        opened(B1, B2) + promised(B2, None, "a1", "a2", "a3") + asked(B2, "y"), world(quorums=Flexible(3, 1)),
    ),
    (backed_by_promises, "nothing is asked for yet", opened(B1, B2) + promised(B2, None, "a1"), world()),
    (chosen_stays, "the same value above", vote(B1, "x", "a1", "a2") + asked(B2, "x"), world()),
    (chosen_stays, "another value in that ballot is for one_value_per_ballot", vote(B1, "x", "a1", "a2") + asked(B1, "y"), world()),
    (chosen_stays, "another value below", vote(B2, "y", "a1", "a2") + asked(B1, "x"), world()),
    (chosen_stays, "another value above a vote that chose nothing", vote(B1, "x", "a1") + asked(B2, "y"), world()),
    (learned_is_chosen, "a quorum in one ballot", vote(B1, "x", "a1", "a2"), world("x", None)),
    (learned_is_chosen, "C2: one vote is a quorum here", vote(B1, "x", "a1"), world("x", quorums=Flexible(3, 1))),
    (learned_is_chosen, "chosen and not learned", vote(B1, "x", "a1", "a2"), world(None)),
]  # fmt: skip

ALL = [agreement, validity, *PROOF]


@pytest.mark.parametrize(
    ("judge", "why", "sent", "nodes", "says"), WRONG, ids=[f"{name_of(w[0])}: {w[1]}" for w in WRONG]
)
def test_what_is_wrong_is_said_in_a_sentence(judge, why, sent, nodes, says):
    sentence = judge(sent, nodes)
    assert sentence is not None and sentence.startswith(f"{name_of(judge)}: ") and says in sentence


@pytest.mark.parametrize(
    ("judge", "why", "sent", "nodes"), GOOD, ids=[f"{name_of(g[0])}: {g[1]}" for g in GOOD]
)
def test_what_is_right_passes(judge, why, sent, nodes):
    assert judge(sent, nodes) is None


def test_every_property_meets_right_and_wrong_worlds():
    assert {w[0] for w in WRONG} == {g[0] for g in GOOD} == set(ALL)
    assert len(ALL) == 9


@pytest.mark.parametrize("judge", ALL, ids=name_of)
def test_it_holds_where_nothing_has_happened_and_takes_any_iterable(judge):
    assert judge([], {}) is None
    for property, _, sent, nodes, says in WRONG:
        if property is judge:
            assert says in judge(iter(sent), nodes)


@pytest.mark.parametrize(
    ("judge", "why", "sent", "nodes", "says"), WRONG, ids=[f"{name_of(w[0])}: {w[1]}" for w in WRONG]
)
def test_it_reads_only_what_it_says_it_reads(judge, why, sent, nodes, says):
    messages, fields, monotone, *_ = judge.reads
    wrong = judge(sent, nodes)
    heard = [(s, m) for s, m in sent if isinstance(m, messages)]
    assert judge(heard, nodes) == wrong
    for node in nodes.values():
        for name in {f.name for f in dataclasses.fields(node)} - fields - {"name", "value", "quorums"}:
            setattr(node, name, None)
    assert judge(heard, nodes) == wrong
    if monotone:  # more messages never mend it
        more = [
            *sent,
            *opened(B1, B2, B3),
            *promised(B3, X1, "a1", "a2", "a3"),
            *vote(B3, "x", "a1", "a2", "a3"),
        ]
        assert judge([*more, *asked(B1, "x"), *asked(B2, "y"), ("a1", Nack(B1, B2))], nodes) is not None


@pytest.mark.parametrize(
    ("judge", "why", "sent", "nodes"), GOOD, ids=[f"{name_of(g[0])}: {g[1]}" for g in GOOD]
)
def test_the_order_in_which_things_were_sent_does_not_matter(judge, why, sent, nodes):
    assert judge(sent[::-1], nodes) is None


MENDED = {  # judge: what is wrong, and what mends it
    votes_on_request: (vote(B1, "x", "a1"), asked(B1, "x")),
    backed_by_promises: (opened(B1) + asked(B2, "y"), promised(B2, None, "a1", "a2")),
    learned_is_chosen: (vote(B1, "x", "a1"), vote(B1, "x", "a2")),
}


@pytest.mark.parametrize("judge", MENDED, ids=name_of)
def test_what_more_messages_mend_does_not_claim_to_be_monotone(judge):
    before, more = MENDED[judge]
    assert judge(before, world("x")) is not None and judge(before + more, world("x")) is None
    assert [other for other in ALL if not other.reads[2]] == list(MENDED)


# ---- whose quorums count


@dataclass
class Asker(Node):
    """A proposer of another shape, without quorums."""

    value: Any = "x"


def test_without_a_quorum_system_majorities_of_those_who_answered_count():
    sent = vote(B1, "x", "a1", "a2") + promised(B1, None, "a3", "a4")
    assert quorums_of(sent, {"p": Asker("p")}) == Majority(("a1", "a2", "a3", "a4"))
    assert agreement(sent + vote(B2, "y", "a3", "a4"), {"p": Asker("p")}) is None  # 2 of 4
    assert agreement(sent[:2] + vote(B2, "y", "a2", "a3"), {"p": Asker("p")}) is not None  # 2 of 3


def test_the_quorum_system_of_the_nodes_counts_for_all_members_not_for_those_who_answered():
    five = {node.name: node for node in single_decree(["x", "y"], acceptors=5)}
    assert agreement(vote(B1, "x", "a1", "a2") + vote(B2, "y", "a2", "a3"), five) is None


def test_with_quorums_judges_by_those_whatever_the_nodes_carry():
    two = vote(B1, "x", "a1") + vote(B2, "y", "a3")
    strict = with_quorums(agreement, Flexible(2, 1, 3))
    assert agreement(two, world()) is None
    assert "x is chosen" in strict(two, world())
    assert name_of(strict) == "agreement" and strict.reads == agreement.reads
    assert with_quorums(quorums_meet, Flexible(1, 2, 3))([], world()) is not None


# ---- properties made from others


def test_reachable_is_broken_where_the_predicate_holds():
    @looks_at(Accepted, fields=["learned"])
    def anybody_voted(sent, nodes):
        return any(isinstance(m, Accepted) for _, m in sent)

    judge = reachable(anybody_voted)
    assert judge([], world()) is None
    assert judge(vote(B1, "x", "a1"), world()) == "it can happen"
    assert judge.reads[:3] == ((Accepted,), frozenset({"learned"}), False)
    assert not hasattr(reachable(lambda sent, nodes: True), "reads")


@pytest.mark.parametrize("judge", ALL, ids=name_of)
def test_no_property_is_vacuous_in_the_explorer(judge):
    """One proposer alone sends every kind of message that the properties read, and learns."""
    world = explore(single_decree(["x"], acceptors=1))
    messages, fields, *_ = judge.reads
    for kind in messages:
        assert world.reached(lambda sent, nodes, kind=kind: any(isinstance(m, kind) for _, m in sent))
    if fields:
        assert world.reached(lambda sent, nodes: nodes["l1"].learned == "x")
