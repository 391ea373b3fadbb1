"""One table of answers: what is wrong fails with the rule that it breaks, what is right passes, whatever its shape."""

import pytest
import verdicts
import verdicts_roles
from checking import cell

from paxos_lab.teach import check
from paxos_lab.teach.exercises.checking import CONFUSED
from paxos_lab.teach.exercises.tasks import ALL

WRONG = verdicts.WRONG | verdicts_roles.WRONG
RIGHT = verdicts.RIGHT | verdicts_roles.RIGHT


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PAXOS_LAB_HOME", str(tmp_path))


def judged(task, source):
    names = cell(source, verdicts.IMPORTS)
    return check(task, *(names[name] for name in ALL[task].takes))


# Their checks search longest. `make test` tries the first ones of each table, `make thorough` all.
LONG = {
    "proposer.phases": (99, 1),
    "acceptor.accept": (99, 1),
    "paxos.whole": (1, 1),
    "fault.disk": (4, 1),
    "learner.count": (99, 4),
    "quorum.system": (99, 1),
}


def of(table, kind):
    def marks(task, number):
        return pytest.mark.thorough if number > LONG.get(task, (99, 99))[kind] else ()

    return [
        pytest.param(task, *answer, id=f"{task}-{number}", marks=marks(task, number))
        for task, answers in table.items()
        for number, answer in enumerate(answers, start=1)
    ]


@pytest.mark.parametrize(("task", "source", "words"), of(WRONG, 0))
def test_a_wrong_answer_fails_and_the_rule_is_named(task, source, words):
    answer = judged(task, source)
    assert not answer.passed and answer.finished, answer
    assert words in str(answer), answer
    assert CONFUSED not in answer.headline
    assert answer.html() and isinstance(answer.story(), list)


@pytest.mark.parametrize(("task", "source", "words"), of(RIGHT, 1))
def test_a_right_answer_passes_whatever_its_shape(task, source, words):
    answer = judged(task, source)
    assert answer.passed, answer
    assert words in answer.headline, answer


def test_every_task_of_01_to_07_has_wrong_answers_in_the_table():
    early = {id for id, task in ALL.items() if task.lesson <= "07"}
    assert {id: len(WRONG.get(id, ())) for id in early if len(WRONG.get(id, ())) < 4} == {}
    assert set(WRONG) | set(RIGHT) <= early
