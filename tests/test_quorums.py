"""Quorum systems: what is enough, whether any two meet, and the pair that does not."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paxos_lab import LabError
from paxos_lab.paxos import Flexible, Grid, Majority, QuorumsMiss, QuorumSystem, Weighted, single_decree

NAMES = tuple(f"a{i}" for i in range(1, 8))

systems = (
    st.integers(1, 7).map(lambda n: Majority(NAMES[:n]))
    | st.lists(st.integers(0, 4), min_size=1, max_size=6)
    .filter(any)
    .map(lambda weights: Weighted(dict(zip(NAMES, weights, strict=False))))
    | st.sampled_from([(1, 1), (2, 2), (2, 3), (3, 2)]).map(
        lambda shape: Grid([NAMES[r * shape[1] : (r + 1) * shape[1]] for r in range(shape[0])])
    )
    | st.tuples(st.integers(1, 5), st.integers(1, 5)).map(lambda q: Flexible(*q, NAMES[:5]))
)


def subsets(members):
    return [frozenset(c) for size in range(len(members) + 1) for c in combinations(members, size)]


@given(systems)
def test_the_gap_is_found_exactly_where_there_is_one(system):
    first = [s for s in subsets(system.members) if system.is_quorum(s, 1)]
    second = [s for s in subsets(system.members) if system.is_quorum(s, 2)]
    misses = any(not a & b for a in first for b in second)
    gap = system.gap()
    assert (gap is not None) == misses == (not system.intersects)
    if gap is not None:
        one, two = gap
        assert not one & two and system.is_quorum(one, 1) and system.is_quorum(two, 2)
        with pytest.raises(QuorumsMiss, match="share no member"):
            system.require_intersection()
    else:
        assert system.require_intersection() is system


@given(systems, st.sampled_from([1, 2]))
def test_more_members_never_hurt_and_strangers_never_help(system, phase):
    for names in subsets(system.members):
        if system.is_quorum(names, phase):
            assert system.is_quorum(names | {system.members[0]}, phase)
        else:
            assert not system.is_quorum(names | {"stranger", "another", "third"}, phase)


@given(systems, st.sampled_from([1, 2]))
def test_the_smallest_quorums_are_smallest_and_complete(system, phase):
    smallest = list(system.quorums(phase))
    for quorum in smallest:
        assert system.is_quorum(quorum, phase)
        assert not any(system.is_quorum(quorum - {name}, phase) for name in quorum)
    for names in subsets(system.members):
        assert system.is_quorum(names, phase) == any(q <= names for q in smallest)


@pytest.mark.parametrize(("n", "f"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (6, 2), (7, 3)])
def test_a_majority_of_2f_plus_1_survives_f(n, f):
    assert Majority(NAMES[:n]).tolerates(1) == Majority(NAMES[:n]).tolerates(2) == f


def test_flexible_quorums_trade_one_phase_for_the_other():
    system = Flexible(3, 1, NAMES[:3])
    assert system.intersects and system.tolerates(2) == 2 and system.tolerates(1) == 0
    assert not Flexible(1, 2, NAMES[:3]).intersects


def test_a_number_of_members_stands_for_their_names():
    assert Majority(3) == Majority(("a1", "a2", "a3"))
    assert Flexible(2, 2, 3) == Flexible(2, 2, ["a1", "a2", "a3"])
    with pytest.raises(LabError, match="at least one member"):
        Majority(0)


def test_a_majority_is_of_all_members_not_of_those_that_answer():
    assert not Majority(NAMES[:5]).is_quorum(["a1", "a2"], 1)
    assert not Majority(NAMES[:3]).is_quorum(["a1", "a1", "a1"], 1)


@pytest.mark.parametrize("phase", [0, 3, "1", None])
@pytest.mark.parametrize(
    "system",
    [Majority(3), Weighted({"a1": 1}), Grid(["ab", "cd"]), Flexible(3, 1, 3), Flexible(3, 1)],
    ids=str,
)
def test_there_are_two_phases_and_no_other(system, phase):
    """Whatever was not 1 used to pass for phase 2, which may need fewer members."""
    with pytest.raises(LabError, match=r"phase is 1 \(promises\) or 2 \(votes\), got"):
        system.is_quorum({"a1", "a2", "a3"}, phase)


def test_a_group_with_a_gap_is_refused_unless_asked_for():
    with pytest.raises(QuorumsMiss, match=r"phase 1 quorum \{a1\} and the phase 2 quorum \{a2, a3\}"):
        single_decree(["x"], quorums=Flexible(1, 2))
    assert len(single_decree(["x"], quorums=Flexible(1, 2), unsafe=True)) == 5


def test_large_groups_are_judged_at_once():
    names = tuple(f"a{i}" for i in range(99))
    assert Majority(names).intersects and Weighted(dict.fromkeys(names, 1)).intersects
    assert Flexible(60, 40, names).intersects
    assert Flexible(60, 39, names).gap() == (frozenset(names[:60]), frozenset(names[60:]))
    assert len(single_decree(["x"], acceptors=99)) == 101


def test_a_system_of_ones_own_is_judged_by_its_quorums():
    class Dictator(QuorumSystem):
        def is_quorum(self, names, phase):
            return self.members[0] in names

    class Quarrel(QuorumSystem):
        def is_quorum(self, names, phase):
            return self.members[phase] in names

    assert Dictator(NAMES[:3]).intersects
    assert Quarrel(NAMES[:3]).gap() == ({"a2"}, {"a3"})
    with pytest.raises(NotImplementedError, match="must define is_quorum"):
        QuorumSystem(NAMES).is_quorum(["a1"], 1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Majority(()), "at least one member"),
        (lambda: Majority(("a", "a")), "occurs twice"),
        (lambda: Weighted({}), "not all 0"),
        (lambda: Weighted({"a": 0}), "not all 0"),
        (lambda: Weighted({"a": float("nan")}), "0 or more"),
        (lambda: Weighted({"a": -1, "b": 3}), "0 or more"),
        (lambda: Grid([["a", "b"], ["c"]]), "one length"),
        (lambda: Grid([]), "one length"),
        (lambda: Flexible(0, 2), "quorum sizes"),
        (lambda: Flexible(4, 1, NAMES[:3]), "quorum sizes"),
        (lambda: Flexible(2, 2).gap(), "say of which members"),
        (lambda: single_decree([]), "at least one value"),
        (lambda: single_decree(["x"], acceptors=0), "there must be an acceptor"),
        (lambda: single_decree(["x"], quorums=Majority(("b1",))), "the quorums are over"),
        (lambda: single_decree([None]), "stands for 'nothing'"),
    ],
)
def test_what_makes_no_sense_is_refused(make, said):
    with pytest.raises(LabError, match=said):
        make()
