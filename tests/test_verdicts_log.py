"""Every answer of the tables of exercises 08 to 11 and of the interview gets its verdict.

A wrong one is refused by the rule that it breaks; a right one of odd shape passes, and is told what is
odd about it if that matters.
"""

from collections import Counter

import pytest
import verdicts_cost
import verdicts_interview
import verdicts_log
import verdicts_machine
import verdicts_membership
from judging import answer_cell, rows, verdict

from paxos_lab.show import narrate
from paxos_lab.teach.exercises.tasks import ALL

TABLES = (verdicts_log, verdicts_machine, verdicts_membership, verdicts_cost, verdicts_interview)
WRONG = [(table, *row) for table in TABLES for row in rows(table.WRONG)]
RIGHT = [(table, *row) for table in TABLES for row in rows(table.RIGHT)]


# Their checks search longest: of each, `make test` tries so many right answers, `make thorough` all.
LONG = {"log.acceptor": 3, "store.replicated": 1, "log.leader": 3}


def named(answers, most=()):
    seen = Counter()

    def marks(task):
        seen[task] += 1
        return pytest.mark.thorough if task in most and seen[task] > most[task] else ()

    return [pytest.param(*row, id=f"{row[1]}: {row[2]}", marks=marks(row[1])) for row in answers]


@pytest.mark.parametrize(("table", "task", "name", "edits", "said"), named(WRONG))
def test_a_wrong_answer_is_refused_by_the_rule_that_it_breaks(table, task, name, edits, said):
    answer = verdict(task, table.IMPORTS, answer_cell(table.SOLUTIONS[task], edits))
    assert not answer.passed and answer.finished and said in str(answer), answer
    for step in answer.run.trace if answer.run else ():  # whatever the learner's messages hold, it is told
        assert narrate(step).endswith(".")


@pytest.mark.parametrize(("table", "task", "name", "edits", "said"), named(RIGHT, LONG))
def test_a_right_answer_of_odd_shape_passes(table, task, name, edits, said):
    answer = verdict(task, table.IMPORTS, answer_cell(table.SOLUTIONS[task], edits))
    assert answer.passed and said in str(answer), answer


def test_every_task_of_these_exercises_has_answers_of_both_kinds():
    tasks = {task.id for task in ALL.values() if task.lesson in ("08", "09", "10", "11", "14")}
    for table in (WRONG, RIGHT):
        assert {row[1] for row in table} == tasks
    assert all(sum(row[1] == task for row in WRONG) >= 3 for task in tasks)
