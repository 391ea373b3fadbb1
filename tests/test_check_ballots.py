"""The tasks of exercise 02: wrong ones rejected for the right reason, right ones accepted."""

import pytest
from checking import cell

from paxos_lab.paxos import Acceptor, Majority
from paxos_lab.teach import check

SETS = "from itertools import combinations\nfrom paxos_lab.paxos import *\nimport random\n"


def function(arguments, body):
    return cell(f"def f({arguments}):\n    {body}", SETS)["f"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return Ballot(1, name)", "which is below"),
        ("return max(heard, default=Ballot(1, name))", "that belongs to"),
        ("return Ballot(max((b.round for b in heard), default=1), name)", "which is below"),
        ("return Ballot(max((b.round for b in heard), default=0) + 1, 'p1')", "that belongs to p1"),
        ("return Ballot(len(heard) + 1, name)", "which is below"),
        ("return Ballot(max([b.round for b in heard if b.proposer == name] or [0]) + 1, name)", "which"),
        ("return max((b.round for b in heard), default=0) + 1", "a Ballot(round, name)"),
        ("return Ballot(max(b.round for b in heard) + 1, name)", "ValueError"),
        ("return Ballot(0 if not heard else 99, name)", "rounds begin with 1"),
        ("...", "still a `...`"),
    ],
)
def test_wrong_ballots_are_rejected(body, said):
    answer = check("ballot.next", function("name, heard", body))
    assert not answer.passed and said in str(answer), answer


def test_right_ballots_are_accepted():
    for body in (
        "return Ballot(max((b.round for b in heard), default=0) + 1, name)",
        "r = 1\n    while any(Ballot(r, name) <= b for b in heard): r += 1\n    return Ballot(r, name)",
    ):
        assert check("ballot.next", function("name, heard", body)).passed


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return len(names) > len(members) / 2", "The answer of a1 came twice"),
        ("return len(set(names)) > len(members) / 2", "b7 is no member"),
        ("return 2 * len(set(names) & set(members)) >= len(members)", "just half"),
        ("return len(set(names) & set(members)) >= 2", "just half"),
        ("return len(set(names) & set(members)) > len(names) / 2", "is"),
        ("return set(names) & set(members)", "should be"),
        ("return names > members / 2", "TypeError"),
        ("...", "still a `...`"),
    ],
)
def test_wrong_majorities_are_rejected(body, said):
    answer = check("quorum.majority", function("members, names", body))
    assert not answer.passed and said in str(answer), answer


def test_right_majorities_are_accepted():
    for body in (
        "return 2 * len(set(names) & set(members)) > len(members)",
        "return sum(m in names for m in members) >= len(members) // 2 + 1",
    ):
        assert check("quorum.majority", function("members, names", body)).passed


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return n // 2", "survives(2) should be 0, and is 1"),
        ("return n - 1", "survives(2) should be 0"),
        ("return n // 3", "survives(5)"),
        ("return 1", "survives(1) should be 0"),
        ("return n / 2", "survives(1)"),
        ("return (n - 1) / 2", "and is 0.0"),
        ("...", "still a `...`"),
    ],
)
def test_wrong_counts_are_rejected(body, said):
    answer = check("quorum.survives", function("n", body))
    assert not answer.passed and said in str(answer), answer


def test_right_counts_are_accepted():
    assert check("quorum.survives", function("n", "return (n - 1) // 2")).passed
    assert check("quorum.survives", function("n", "return n - (n // 2 + 1)")).passed


PAIRS = "for p, q in combinations(quorums, 2):\n        "


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return None", "and it found none"),
        ("return quorums[:2] if len(quorums) > 1 else None", "they share"),
        (PAIRS + "if p & q: return p, q", "they share"),
        (PAIRS + "if not p & q: return len(p)", "a pair of two quorums"),
        (PAIRS + "if not p & q: return p, {'z9'}", "not both in the list"),
        ("for p, q in zip(quorums, quorums[1:]):\n        if not p & q: return p, q", "and it found none"),
        (PAIRS + "return p - q, q - p", "not both in the list"),
        ("return quorums[0] & quorums[1]", "a pair of two quorums"),
        ("...", "still a `...`"),
    ],
)
def test_wrong_gaps_are_rejected(body, said):
    answer = check("quorum.gap", function("quorums", body))
    assert not answer.passed and (said in str(answer) or "IndexError" in str(answer)), answer


def test_right_gaps_are_accepted():
    assert check("quorum.gap", function("quorums", PAIRS + "if not p & q: return p, q")).passed
    lists = "return next(([p, q] for p in quorums for q in quorums if p.isdisjoint(q)), None)"
    assert check("quorum.gap", function("quorums", lists)).passed


def quorums(rule):
    source = f"class Mine(QuorumSystem):\n    def is_quorum(self, names, phase):\n        n = len(set(names) & set(self.members))\n        {rule}"
    return cell(source, SETS)["Mine"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("return n >= 2", "share no member"),
        ("return n >= (4 if phase == 1 else 2)", "share no member"),
        ("return n >= 4", "smallest quorum for phase 2 has 4"),
        ("return n == (5 if phase == 1 else 2)", "and with a"),
        ("return n >= 0", "Nobody at all is a quorum"),
        ("return False", "There is no quorum at all"),
        ("return n", "True or False is wanted"),
        ("return names['a1']", "TypeError"),
        ("...", "still a `...`"),
    ],
)
def test_wrong_systems_are_rejected(rule, said):
    answer = check("quorum.system", quorums(rule))
    assert not answer.passed and said in str(answer), answer


def test_right_systems_are_accepted():
    assert check("quorum.system", quorums("return n >= (5 if phase == 1 else 2)")).passed
    # Two columns of three: all of one column and one of the other, or a pair across.
    pair = "return {'a1', 'a2'} <= set(names) if phase == 2 else bool({'a1', 'a2'} & set(names))"
    assert check("quorum.system", quorums(pair)).passed
    assert not check("quorum.system", Majority).passed


@pytest.mark.parametrize(
    "task", ["ballot.next", "quorum.majority", "quorum.survives", "quorum.gap", "quorum.system"]
)
@pytest.mark.parametrize("thing", [None, 3, "text", Acceptor, lambda *a: 1 / 0])
def test_other_things_are_answered_in_words(task, thing):
    answer = check(task, thing)
    assert not answer.passed and "could not judge" not in answer.headline
