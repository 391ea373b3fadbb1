"""The tasks of exercise 11: formulas that the runs refute, and some that they bear out."""

import pytest
from checking import cell

from paxos_lab.paxos import Acceptor
from paxos_lab.teach import check


def function(arguments, body):
    return cell(f"def f({arguments}):\n    {body}")["f"]


@pytest.mark.parametrize(
    ("task", "body", "said"),
    [
        ("cost.basic", "return 3 * n, 2 * n, 4", "messages is 9, and 12 were counted"),
        ("cost.basic", "return 4 * n, n, 4", "writes is 3, and 7 were counted"),
        ("cost.basic", "return 4 * n, 2 * n + 1, 2", "delays is 2, and 4 were counted"),
        ("cost.basic", "return 4 * n", "three numbers are wanted"),
        ("cost.basic", "return 12, 7, 4", "basic(4): messages is 12, and 16"),
        ("cost.basic", "return str(4 * n), 2 * n, 4", "messages is '12'"),
        ("cost.basic", "...", "still a `...`"),
        ("cost.leader", "return 2 * (n - 1), n, 4", "messages is 4, and 6 were counted"),
        ("cost.leader", "return 3 * n, n, 4", "messages is 9, and 6 were counted"),
        ("cost.leader", "return 3 * (n - 1), n - 1, 4", "writes is 2, and 3 were counted"),
        ("cost.leader", "return 3 * (n - 1), n, 2", "delays is 2, and 4 were counted"),
        ("cost.leader", "return 4 * n, 2 * n, 4", "messages is 12"),
        ("cost.leader", "return None", "three numbers are wanted"),
    ],
)
def test_wrong_counts_are_rejected(task, body, said):
    answer = check(task, function("n", body))
    assert not answer.passed and said in str(answer), answer


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return alpha * batch / 2", "all clients were waiting"),
        ("return clients / 4", "the window was the limit"),
        ("return alpha / 2", "throughput(2, 4, 16) is 1"),
        ("return min(alpha * batch, clients)", "throughput(1, 1, 16) is 1"),
        ("return min(alpha * batch / 2, clients / 2)", "all clients were waiting"),
        ("return 'fast'", "a number is wanted"),
        ("return alpha / 0", "ZeroDivisionError"),
        ("...", "still a `...`"),
    ],
)
def test_wrong_throughputs_are_rejected(body, said):
    answer = check("cost.throughput", function("alpha, batch, clients", body))
    assert not answer.passed and said in str(answer), answer


def test_right_formulas_are_accepted_in_any_shape():
    assert check("cost.basic", function("n", "return 4 * n, 2 * n + 1, 4")).passed
    assert check("cost.basic", function("n", "return [sum([n] * 4), n + n + 1, 4.0]")).passed
    assert check("cost.leader", function("n", "return 3 * (n - 1), n, 4")).passed
    assert check("cost.leader", function("n", "return (n - 1) * 2 + n - 1, 1 + (n - 1), 2 + 2")).passed
    for body in (
        "return min(alpha * batch / 2, clients / 4)",
        "return 0.25 * min(2 * alpha * batch, clients)",
    ):
        assert check("cost.throughput", function("alpha, batch, clients", body)).passed


@pytest.mark.parametrize(
    ("alpha", "batch", "said"),
    [
        (4, 1, "Too slow"),
        (1, 4, "Too slow"),
        (16, 1, "Too many messages"),
        (8, 2, "Too many messages"),
        (4, 4, "Too many messages"),
        (0, 4, "a whole number from 1 to 64"),
        (2.0, 4, "a whole number from 1 to 64"),
        (2, 10**9, "a whole number from 1 to 64"),
        (..., ..., "still a `...`"),
    ],
)
def test_wrong_choices_are_rejected(alpha, batch, said):
    answer = check("cost.choose", alpha, batch)
    assert not answer.passed and said in str(answer), answer


@pytest.mark.parametrize(("alpha", "batch"), [(2, 4), (1, 8), (1, 16), (1, 7), (2, 8), (2, 5)])
def test_right_choices_are_accepted(alpha, batch):
    assert check("cost.choose", alpha, batch).passed


@pytest.mark.parametrize("alpha", range(1, 6))
def test_whoever_chooses_by_the_formulas_of_the_lesson_gets_their_verdict(alpha):
    for batch in range(1, 10):
        held = min(batch, max(1, 16 / (2 * alpha)))
        enough = min(alpha * batch / 2, 16 / 4) >= 3.5 and 6 / held <= 2
        assert check("cost.choose", alpha, batch).passed == enough, (alpha, batch)


def test_what_divides_messages_is_what_a_slot_holds():
    answer = check("cost.choose", 4, 4)
    assert "held 2.0 commands on average, of 4 that fit" in str(answer) and "4 open slots share them" in str(
        answer
    )
    assert "share" not in str(check("cost.choose", 8, 1))


@pytest.mark.parametrize("task", ["cost.basic", "cost.leader", "cost.throughput"])
@pytest.mark.parametrize("thing", [None, 3, "text", Acceptor, lambda *a: 1 / 0])
def test_other_things_are_answered_in_words(task, thing):
    answer = check(task, thing)
    assert not answer.passed and "could not judge" not in answer.headline
