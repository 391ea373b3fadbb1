"""Cards, drills, refutations and the mock interview in a real browser."""

from itertools import pairwise

import pytest
from pages import dress, output, put_lesson, put_notebook

pytestmark = pytest.mark.browser

NAME = "interview_widgets"

CELLS = [
    """
import itertools, os, tempfile
from datetime import date
os.environ["PAXOS_LAB_HOME"] = tempfile.mkdtemp()
from paxos_lab.teach import Deck, Flashcard, MockInterview, Whiteboard
evil = "<img src=x onerror='window.pwned = 1'>"
own = Flashcard("own", "basics", "00_start_here", evil, evil, evil, evil, (evil, evil))
Deck([own, *Deck().cards.values()], today=lambda: date(2026, 11, 23))
""",
    "Whiteboard(seed=1)",
    "MockInterview(minutes=20, seed=1)",
]


@pytest.fixture(scope="session")
def own_notebook(lab_folder):
    return put_notebook(lab_folder, NAME, CELLS)


@pytest.fixture
def page(own_notebook, open_notebook):
    return open_notebook(own_notebook)


def press(part, name):
    part.get_by_role("button", name=name, exact=True).click()


def test_the_lesson_has_all_of_it(lab_folder, open_notebook, stepper, keep):
    shown = ("Deck()", "Whiteboard(seed=1)", "MockInterview(", 'refute("leader-is-a-lock")')
    page = open_notebook(put_lesson(lab_folder, "14_interview_prep", *shown))
    for source, text in (
        ("Deck()", "due again,"),
        ("Whiteboard(seed=1)", "Drill 1: promises"),
        ("MockInterview(", "20 minutes, questions"),
    ):
        cell = page.locator(".jp-CodeCell", has_text=source).last
        cell.scroll_into_view_if_needed()
        cell.locator(".jp-OutputArea").get_by_text(text).first.wait_for()
    cell = page.locator(".jp-CodeCell", has_text='refute("leader-is-a-lock")').last
    cell.scroll_into_view_if_needed()
    cell.get_by_text("Where to look:", exact=True).wait_for()
    index = page.locator(".paxos-stepper").evaluate_all(
        "(all, one) => all.indexOf(one)", cell.locator(".paxos-stepper").element_handle()
    )
    board = stepper(page, index)
    assert board.step == 21
    board.click("back", to=20)
    keep(cell, "lesson_14_refutation")
    assert page.problems == []


def test_a_card_is_answered_and_graded_by_keyboard(page, keep):
    deck = output(page, 0, "0 due again, 82 new.")
    deck.get_by_role("button", name="Show answer").focus()
    cells = page.locator(".jp-CodeCell").count()
    page.keyboard.press("Enter")
    deck.get_by_text("The usual wrong answer:").wait_for()
    assert deck.locator("img").count() == 0 and page.evaluate("() => window.pwned") is None
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Good (1 day)"
    page.keyboard.press(" ")
    deck.get_by_text("In two sentences: what problem does Paxos solve?").wait_for()
    deck.get_by_text("0 due again, 81 new.").wait_for()
    assert page.evaluate("() => document.activeElement.textContent") == "Good", "the focus stays"
    page.keyboard.press("Enter")  # before the answer: it shows it
    deck.get_by_text("The usual wrong answer:").wait_for()
    link = deck.get_by_role("link", name="00_start_here")
    assert link.evaluate("a => a.href.split('?')[0]").endswith("/lab/tree/notebooks/00_start_here.ipynb")
    keep(deck, "deck_answered")
    page.keyboard.press("Enter")
    deck.get_by_text("Which properties define consensus").wait_for()
    assert page.locator(".jp-CodeCell").count() == cells, "no key went to the notebook"
    assert page.problems == []


def test_a_group_of_cards_is_chosen(page):
    deck = output(page, 0, "Group of cards:")
    deck.get_by_label("Group of cards:").select_option("liveness (9)")
    deck.get_by_text("What can keep Paxos from deciding?").wait_for()
    deck.get_by_text("0 due again, 9 new.").wait_for()
    press(deck, "Show answer")
    press(deck, "Again (today)")
    deck.get_by_text("1 due again, 8 new.").wait_for()
    assert page.problems == []


def test_a_drill_is_answered_by_keyboard_judged_and_explained(page, keep):
    board = output(page, 1, "Drill 1: promises")
    assert board.get_by_label("Kind of drill:").evaluate("e => e.selectedOptions[0].index") == 0
    press(board, "Answer")
    board.get_by_text("Pick an answer first.").wait_for()
    options = board.get_by_role("radio")
    options.first.focus()
    page.keyboard.press("ArrowDown")  # the options are one stop, and the arrows go from one to the next
    board.get_by_role("radio", checked=True).wait_for()
    assert options.nth(1).is_checked()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Answer"
    page.keyboard.press("Enter")
    board.get_by_text("Your score: ").get_by_text("of 1 right.").wait_for()
    assert "quorum" in board.inner_text()
    keep(board, "drill_answered")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    board.get_by_text("Drill 2: acceptor").wait_for()
    board.get_by_role("radio", checked=True).wait_for(state="detached")
    assert board.get_by_text("Pick an answer first.").count() == 0
    assert page.problems == []


def test_a_kind_of_drill_is_chosen(page, keep):
    board = output(page, 1, "Kind of drill:")
    board.get_by_label("Kind of drill:").select_option("take-over")
    board.get_by_text("wants to lead five servers").wait_for()
    keep(board, "drill_take_over")
    board.get_by_label("Kind of drill:").select_option("acceptor")  # the longest options
    board.get_by_text("and what is on its disk afterwards?").wait_for()
    assert page.problems == []


def test_a_mock_interview_runs_from_start_to_report(page, keep):
    room = output(page, 2, "20 minutes, questions from all groups")
    press(room, "Start")
    room.get_by_text("Question 1, basics").wait_for()
    clock = room.get_by_role("timer")
    before = clock.inner_text()
    assert before.startswith("Time left: ")
    page.wait_for_function("([e, before]) => e.textContent !== before", arg=[clock.element_handle(), before])
    press(room, "Answered")
    room.get_by_text("Question 1, follow-up 1 of").wait_for()
    keep(room, "interview_follow_up")
    press(room, "Stop here")
    room.get_by_text("How was yours?").wait_for()
    assert room.get_by_label("Example:").evaluate("e => e.selectedOptions[0].index") == 0
    press(room, "Rate and go on")
    room.get_by_text("Rate first: correctness, precision, trade-offs, example.").wait_for()
    for name in ("Correctness", "Precision", "Trade-offs", "Example"):
        room.get_by_label(f"{name}:").select_option(index=2)
    keep(room, "interview_rubric")
    press(room, "Rate and go on")
    room.get_by_text("Question 2, safety").wait_for()
    assert not room.get_by_label("Correctness:").is_visible()
    press(room, "End the interview")
    room.get_by_text("The interview is over.").wait_for()
    room.get_by_text("Weak: basics.").wait_for()
    assert not clock.is_visible() and room.get_by_role("link").count() == 1
    keep(room, "interview_report")
    assert page.problems == []


# The last one: JupyterLab's own splash screen may raise when the theme changes.
@pytest.mark.parametrize(
    ("theme", "width"),
    [
        ("Light", 1280),
        ("Light", 560),
        ("Dark", 560),
        ("Dark", 1280),
    ],
)
def test_all_read_in_both_themes_wide_and_narrow(page, keep, theme, width):
    dress(page, theme, width, 1600)
    deck = output(page, 0, "Group of cards:")
    if deck.get_by_text("The usual wrong answer:").count() == 0:
        press(deck, "Show answer")
        deck.get_by_text("The usual wrong answer:").wait_for()
    board = output(page, 1, "Your score:")
    room = (
        output(page, 2, "Start another")
        if width == 1280 and theme == "Light"
        else output(page, 2, "End the interview")
    )
    if room.get_by_role("button", name="Start another").count():
        press(room, "Start another")
        room.get_by_text("Question 1,").wait_for()
        press(room, "Stop here")
    room.get_by_text("How was yours?").wait_for()
    for part, name in ((deck, "deck"), (board, "drill"), (room, "interview")):
        part.scroll_into_view_if_needed()
        keep(part, f"{name}_{theme}_{width}")
        box = part.locator(".widget-vbox").first
        assert box.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), f"{name}: nothing sticks out sideways"
        tops = part.locator(".widget-radio-box label").evaluate_all(
            "all => all.map(e => e.getBoundingClientRect()).map(r => [r.top, r.bottom])"
        )
        assert all(above[1] <= below[0] + 1 for above, below in pairwise(tops)), "no option covers the next"
        for right in part.locator("p:visible, label:visible, button:visible, select:visible").evaluate_all(
            "all => all.map(e => e.getBoundingClientRect().right)"
        ):
            assert right <= width, f"{name}: nothing is cut off at the side"
