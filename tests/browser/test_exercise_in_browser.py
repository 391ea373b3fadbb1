"""An exercise in a real browser: an answer that shows a run, and hints that open one at a time."""

import pytest
from pages import dress, output, put_notebook

pytestmark = pytest.mark.browser

NAME = "exercise"

SET_UP = """
from dataclasses import dataclass
from paxos_lab import Node, stable, volatile
from paxos_lab.paxos import *
from paxos_lab.teach import check, hint, progress, reset_progress
reset_progress();
"""
STUB = """
@dataclass
class Stub(Node):
    learners: tuple = ()

    def receive(self, sender, message):
        # YOUR CODE HERE
        ...

check("acceptor.accept", Stub)
"""
WRONG = """
@dataclass
class Mine(Acceptor):
    promised: Ballot = volatile(Ballot.ZERO)

check("acceptor.accept", Mine)
"""
ODD = """
def pick(reports, own):
    raise ValueError('<img src=x onerror="window.pwned = 1">')

check("proposer.value", pick)
"""
CELLS = (
    SET_UP,
    STUB,
    WRONG,
    'hint("acceptor.accept")',
    'check("acceptor.accept", Acceptor)',
    "progress()",
    ODD,
)


@pytest.fixture(scope="session")
def own_notebook(lab_folder):
    return put_notebook(lab_folder, NAME, CELLS)


@pytest.fixture
def page(own_notebook, open_notebook):
    return open_notebook(own_notebook)


def test_what_is_not_written_yet_is_told_with_its_line(page, keep):
    answer = output(page, 1, "Not written yet.")
    text = answer.inner_text()
    assert "line 7 of the cell, in receive" in text and 'hint("acceptor.accept")' in text
    assert answer.locator(".paxos-stepper").count() == 0
    keep(answer, "exercise_stub")
    assert page.problems == []


def test_a_broken_rule_comes_with_a_run_to_step_through(page, stepper, keep):
    answer = output(page, 2, "Not yet.")
    assert "An acceptor broke its promise" in answer.inner_text()
    assert "How it went, step by step" in answer.inner_text()
    answer.locator(".paxos-stepper").wait_for()
    index = page.locator(".paxos-stepper").evaluate_all(
        "(all, one) => all.indexOf(one)", answer.locator(".paxos-stepper").element_handle()
    )
    board = stepper(page, index)
    last = board.step
    assert last >= 5
    board.root.focus()
    page.keyboard.press("Home")
    board.await_step(0)
    board.click("forward", to=1)
    keep(answer, "exercise_broken")
    assert page.problems == []


def test_hints_open_one_at_a_time_by_keyboard(page, keep):
    hints = output(page, 3, "Hint 1 of 3")
    assert hints.locator("li").count() == 0
    hints.get_by_role("button", name="Hint 1 of 3 for acceptor.accept").focus()
    for opened in (1, 2, 3):
        page.keyboard.press("Enter")
        page.wait_for_function(
            "([area, n]) => area.querySelectorAll('li').length === n", arg=[hints.element_handle(), opened]
        )
    hints.get_by_role("button", name="All 3 hints for acceptor.accept are open").wait_for()
    assert hints.locator("[role=status]").count() == 1
    keep(hints, "exercise_hints")
    assert page.problems == []


def test_a_pass_and_the_progress(page, keep):
    answer = output(page, 4, "Passed.")
    assert answer.locator(".paxos-stepper").count() == 0
    keep(answer, "exercise_passed")
    table = output(page, 5, "tasks passed")
    assert table.locator("tr", has_text="acceptor.accept").get_by_text("passed", exact=True).count() == 1
    keep(table, "exercise_progress")
    assert page.problems == []


def test_what_a_learner_types_stays_text(page):
    answer = output(page, 6, "onerror")
    assert answer.locator("img").count() == 0
    assert page.evaluate("() => window.pwned") is None


# The last one: JupyterLab's own splash screen may raise when the theme changes.
@pytest.mark.parametrize(("theme", "width"), [("Dark", 1280), ("Dark", 560)])
def test_an_answer_reads_in_the_dark_and_on_a_narrow_page(page, keep, theme, width):
    dress(page, theme, width, 1400)
    answer = output(page, 2, "Not yet.")
    keep(answer, f"exercise_{theme}_{width}")
    for part in answer.locator("div:visible, li:visible").filter(has_text="An acceptor broke").all():
        box = part.bounding_box()
        assert box["x"] + box["width"] <= width + 1, "no sentence is cut off at the side"
