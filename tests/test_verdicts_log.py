"""Every answer of the table of exercise 08 gets its verdict, and a wrong one the rule that it breaks."""

import pytest
from judging import answer_cell, rows, verdict
from verdicts_log import IMPORTS, RIGHT, SOLUTIONS, WRONG


@pytest.mark.parametrize(("task", "name", "edits", "said"), rows(WRONG))
def test_a_wrong_answer_is_refused_by_the_rule_that_it_breaks(task, name, edits, said):
    answer = verdict(task, IMPORTS, answer_cell(SOLUTIONS[task], edits))
    assert not answer.passed and said in str(answer), answer
    answer.html()  # whatever the learner's messages hold, the story is told


@pytest.mark.parametrize(("task", "name", "edits", "said"), rows(RIGHT))
def test_a_right_answer_of_odd_shape_passes(task, name, edits, said):
    answer = verdict(task, IMPORTS, answer_cell(SOLUTIONS[task], edits))
    assert answer.passed and said in str(answer), answer
