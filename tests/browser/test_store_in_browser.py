"""Lesson 09 in a real browser: a guess, the run with the command in two slots, verdicts drawn."""

import re

import pytest
from pages import put_lesson

pytestmark = pytest.mark.browser

NAME = "09_replicated_state_machine"
SHOWN = ("09-clock", "Stepper(bus)", "\ntwice", "\nstale", "\ndrifted")


@pytest.fixture(scope="module")
def page(lab_folder, open_notebook):
    return open_notebook(put_lesson(lab_folder, NAME, *SHOWN))


def cell_with(page, text):
    """The first cell that shows this text, scrolled into view."""
    found = page.locator(".jp-CodeCell").filter(has_text=text).first
    found.scroll_into_view_if_needed()
    return found


def test_a_guess_about_clocks_is_answered(page):
    cell = cell_with(page, "What do the three copies hold?")
    cell.get_by_label(re.compile("three different times")).check()  # at another letter for each learner
    cell.get_by_role("button", name="Commit").click()
    cell.get_by_text(re.compile("You said [A-C]: right.")).wait_for()


def test_the_second_slot_is_stepped_through_and_executes_nothing(page, stepper, keep):
    player = stepper(page)
    last = player.step
    assert "data={'basket': 'tea '}" in player.node("s1")
    player.click("back", to=last - 1)
    player.click("forward", to=last)
    keep(player.root, "store_stepper")
    assert page.problems == []


def test_a_verdict_is_drawn_and_says_what_does_not_fit(page, keep):
    cells = (
        page.locator(".jp-CodeCell")
        .filter(has_text=re.compile("NOT LINEARIZABLE"))
        .filter(has=page.locator("img.paxos-picture"))
    )
    cells.first.scroll_into_view_if_needed()
    assert cells.count() == 3, "no sessions, an old leader, a lease without its bound"
    for index in range(3):
        drawing = cells.nth(index).locator("img.paxos-picture")
        drawing.scroll_into_view_if_needed()
        page.wait_for_function("img => img.complete && img.naturalWidth > 0", arg=drawing.element_handle())
        keep(drawing, f"store_verdict_{index}")
        box = drawing.bounding_box()
        assert box["x"] + box["width"] <= page.viewport_size["width"], "the picture fits the page"
        assert "does not fit" in cells.nth(index).inner_text()
    assert page.problems == []
