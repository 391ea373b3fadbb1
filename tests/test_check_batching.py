"""Exercise 11, quorums and batches: what runs refute, and what they bear out."""

import pytest
from checking import cell

from paxos_lab.multipaxos import Server
from paxos_lab.teach import check


def delay(body):
    return cell(f"def answer_after(n, q2, far, way):\n    {body}")["answer_after"]


def rule(body):
    return cell(f"def send_now(waiting, under_way, alpha):\n    {body}")["send_now"]


def rejected(answer, said):
    assert not answer.passed and said in str(answer), answer
    return answer


DELAYS = {
    "return 4": "answer_after(5, 3, 3, 4) is 4, and 10 was measured",
    "return 2 + (2 if q2 <= n - 1 - far else 2 * way)": "answer_after(5, 3, 2, 4) is 10, and 4 was measured",
    "return 2 + (2 if q2 - 1 <= n - 1 - far else 2 * way)": "answer_after(5, 1, 4, 4) is 4, and 2 was measured",
    "return 2 + (2 * way if far else 2)": "answer_after(5, 3, 2, 4) is 10",
    "return 0 if q2 == 1 else 2 if q2 - 1 <= n - 1 - far else 2 * way": "is 2, and 4 was measured",
    "return 2 if q2 == 1 else 4 if n // 2 <= n - 1 - far else 2 + 2 * way": "answer_after(5, 2, 3, 4) is 10",
    "return 2 if q2 == 1 else 4 if q2 - 1 <= n - 1 - far else 3 + way": "is 7, and 10 was measured",
    "return str(n)": "a number is wanted",
    "return None": "a number is wanted",
    "return n / (q2 - q2)": "ZeroDivisionError",
    "while True: pass": "does not come to an end",
}


@pytest.mark.parametrize(("body", "said"), DELAYS.items())
def test_wrong_delays_are_rejected(body, said):
    rejected(check("cost.quorum", delay(body)), said)


def test_right_delays_are_accepted():
    by_case = "return 2 if q2 == 1 else 4 if q2 + far <= n else 2 * (way + 1)"
    by_sorting = "return 2 + 2 * sorted([0] + [1] * (n - 1 - far) + [way] * far)[q2 - 1]"
    for body in (by_case, by_sorting):
        assert check("cost.quorum", delay(body)).passed


RULES = {
    "return 1": "Too slow: sixteen clients",
    "return waiting": "Too many messages: sixteen clients",
    "return 1 if under_way < alpha - 1 else waiting": "Too many messages",
    "return 0 if under_way else 1": "Too slow",
    "return 0 if under_way else min(waiting, 4)": "Too slow",
    "return waiting if waiting >= 8 else 0": "a command waits for ever",
    "return waiting if waiting >= 2 else 0": "One client and nobody else",
    "return waiting if waiting == 1 and not under_way or waiting > 4 else 0": "3 clients and nobody else",
    "return 0": "a command waits for ever",
    "return waiting if under_way else 0": "a command waits for ever",
    "return 8": "a whole number from 0 to 1",
    "return -1": "a whole number from 0 to 1",
    "return True": "a whole number from 0 to 1",
    "return None": "a whole number from 0 to 1",
    "return waiting / under_way": "ZeroDivisionError",
    "while True: pass": "does not come to an end",
}


@pytest.mark.parametrize(("body", "said"), RULES.items())
def test_wrong_rules_are_rejected(body, said):
    rejected(check("cost.batching", rule(body)), said)


@pytest.mark.parametrize(
    "body",
    [
        "return 0 if under_way else waiting",
        "return waiting if not under_way or waiting >= 4 else 0",
        "return waiting if under_way < 2 else 0",
    ],
)
def test_right_rules_are_accepted(body):
    assert check("cost.batching", rule(body)).passed


def test_stubs_are_not_written_yet():
    for answer in (
        check("cost.quorum", delay("...")),
        check("cost.batching", rule("# YOUR CODE HERE\n    ...")),
    ):
        assert not answer.passed and not answer.written


@pytest.mark.parametrize("task", ["cost.quorum", "cost.batching"])
@pytest.mark.parametrize("thing", [None, ..., 3, "text", Server, Server("s1"), lambda *a: 1 / 0])
def test_other_things_are_answered_in_words(task, thing):
    answer = check(task, thing)
    assert not answer.passed and "could not judge" not in answer.headline
