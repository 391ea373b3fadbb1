"""The tasks of exercise 06: invariants and test suites, wrong and right ones."""

import pytest
from checking import cell

from paxos_lab.paxos import Accept
from paxos_lab.teach import check
from paxos_lab.teach.exercises.one_value.e06_test_suite import EARLY, right_runs, wrong_runs
from paxos_lab.verify.explorer.properties import (
    agreement,
    backed_by_promises,
    one_value_per_ballot,
    promises_kept,
)

PAIRS = "    seen = {}\n    for s, m in sent:\n        if isinstance(m, Accept):\n"


def named(source, name="f"):
    return cell(source)[name]


def ours(judge):
    """One of the explorer's properties, as a learner's test."""

    class Carrier:
        pass

    def test(sent, quorums=None):
        carrier = Carrier()
        carrier.quorums = quorums
        return judge(sent, {"carrier": carrier})

    return test


def test_the_wrong_runs_look_fine_to_who_compares_only_what_is_chosen():
    assert [case.id for case in wrong_runs()] == list(EARLY)
    for case in wrong_runs():
        assert agreement(case.sent, {node.name: node for node in case.bus}) is None, case.id
    assert len(right_runs()) == 30


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return None", "breaks the invariant, and it finds nothing"),
        ("return 'always'", "is fine, and it says 'always'"),
        (PAIRS.replace("isinstance(m, Accept)", "isinstance(m, Accept) and seen") + "            if seen.get('last', m.ballot) == m.ballot: return 'twice'\n        seen['last'] = getattr(m, 'ballot', None)", "is fine"),
        (PAIRS + "            if m.ballot in seen: return 'twice'\n            seen[m.ballot] = m.value", "is no second value"),
        (PAIRS + "            if seen.setdefault('value', m.value) != m.value: return 'two'", "Another ballot may carry another value"),
        ("last = None\n    for s, m in sent:\n        if isinstance(m, Accept):\n            if last and last.ballot == m.ballot and last.value != m.value: return 'two'\n            last = m", "They need not follow each other"),
        ("return sent[99]", "IndexError"),
        ("...", "still a `...`"),
    ],
)  # fmt: skip
def test_wrong_invariants_of_a_ballot_are_rejected(body, said):
    answer = check("invariant.ballot", named(f"def f(sent):\n    {body.lstrip()}"))
    assert not answer.passed and said in str(answer), answer


def test_right_invariants_of_a_ballot_are_accepted():
    assert check("invariant.ballot", ours(one_value_per_ballot)).passed
    by_pairs = (
        "def f(sent):\n"
        + PAIRS
        + "            seen.setdefault(m.ballot, set()).add(m.value)\n    return next((f'{b}' for b, v in seen.items() if len(v) > 1), None)"
    )
    assert check("invariant.ballot", named(by_pairs)).passed


KEPT = """
def f(sent):
    for who, p in sent:
        if isinstance(p, Promise):
            for s, v in sent:
                if isinstance(v, Accepted) and {rule}:
                    return f"{{who}} broke {{p.ballot}}"
"""


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("s == who and v.ballot < p.ballot", "It voted first, and reported the vote"),
        ("v.ballot < p.ballot and not p.accepted", "each keeps its own promises"),
        ("s == who and v.ballot <= p.ballot and not p.accepted", "allows a vote in its own ballot"),
        ("s == who and v.ballot != p.ballot and not p.accepted", "A higher ballot is allowed"),
        (
            "s == who and v.ballot < p.ballot and sent.index((s, v)) > sent.index((who, p))",
            "reported no vote: the other half",
        ),
        ("False", "finds nothing"),
        ("s == who and 1 / 0", "ZeroDivisionError"),
    ],
)
def test_wrong_invariants_of_a_promise_are_rejected(rule, said):
    answer = check("invariant.promise", named(KEPT.format(rule=rule)))
    assert not answer.passed and said in str(answer), answer


def test_right_invariants_of_a_promise_are_accepted():
    assert check("invariant.promise", ours(promises_kept)).passed
    rule = "s == who and (p.accepted.ballot if p.accepted else Ballot.ZERO) < v.ballot < p.ballot"
    assert check("invariant.promise", named(KEPT.format(rule=rule))).passed


def test_a_suite_is_scored_by_what_it_catches():
    two = [ours(one_value_per_ballot), ours(promises_kept)]
    answer = check("suite.kill", two)
    assert not answer.passed and "4 of 8 wrong rules caught" in answer.headline and answer.run is not None
    assert any("adopts the value of the lowest" in detail for detail in answer.details)
    full = check("suite.kill", [*two, ours(backed_by_promises)])
    assert full.passed and "8 of 8" in full.headline
    assert check("suite.kill", (ours(backed_by_promises), ours(promises_kept))).passed, "seven are enough"


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ([lambda sent, quorums: "wolf" if any(isinstance(m, Accept) for _, m in sent) else None], "rejects a right protocol"),
        ([ours(agreement)], "0 of 8 wrong rules caught"),
        ([lambda sent, quorums: True], "It returned True"),
        ([lambda sent, quorums: 3], "a sentence or None is wanted"),
        ([lambda sent: None], "raised TypeError"),
        ([], "a list of test functions"),
        (3, "a list of test functions"),
        ([3], "I expected the function test 1"),
        (..., "still a `...`"),
    ],
)  # fmt: skip
def test_wrong_suites_are_rejected(tests, said):
    answer = check("suite.kill", tests)
    assert not answer.passed and said in str(answer), answer


def test_who_counts_majorities_rejects_flexible_quorums():
    """The usual trap: quorums of 3 and of 1 in 3 are right, and no majority of votes."""
    source = """
    def f(sent, quorums):
        votes = {}
        for s, m in sent:
            if isinstance(m, Accepted):
                votes.setdefault((m.ballot, m.value), set()).add(s)
        values = {value for (ballot, value), who in votes.items() if len(who) == 1}
        return "a vote without a majority" if values and len(sent) > 60 else None
    """
    answer = check("suite.kill", [named(source)])
    assert not answer.passed and "cries wolf" in str(answer) and answer.run is not None


def test_a_suite_works_whatever_the_values_are():
    every = [ours(judge) for judge in (one_value_per_ballot, promises_kept, backed_by_promises)]

    def blind(test):
        def only_true_ones(sent, quorums):
            return test([(s, m) for s, m in sent if getattr(m, "value", True)], quorums)

        return only_true_ones

    def insists(sent, quorums):
        return next(("no value" for _, m in sent if isinstance(m, Accept) and not m.value), None)

    assert check("suite.kill", every).passed
    answer = check("suite.kill", [*every, insists])
    assert not answer.passed and "in place of x, y and z stand 0, '' and ()): no value" in str(answer), answer
    answer = check("suite.kill", [blind(test) for test in every])
    assert not answer.passed and "Caught with the values x, y and z, but not where" in str(answer), answer
