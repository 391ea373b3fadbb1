"""Predictions and the quorum lab in lesson 02, clicked in a real browser."""

import pytest
from pages import put_lesson

pytestmark = pytest.mark.browser

NAME = "02_ballots_and_quorums"
SHOWN = ("02-numbers", "QuorumLab(5)")


@pytest.fixture(scope="module")
def page(lab_folder, open_notebook):
    return open_notebook(put_lesson(lab_folder, NAME, *SHOWN))


def cell_with(page, text):
    """The notebook cell that shows a button with that text, scrolled into view and painted."""
    button = page.get_by_role("button", name=text, exact=True).first
    button.scroll_into_view_if_needed()
    found = page.locator(".jp-Cell", has=button).first.element_handle()
    # By its place, since a button may change its text when it is pressed.
    return page.locator(".jp-Cell").nth(
        page.locator(".jp-Cell").evaluate_all("(all, one) => all.indexOf(one)", found)
    )


def test_a_guess_is_committed_and_answered(page, keep):
    cell = cell_with(page, "Commit")
    commit = cell.locator("button").filter(has_text="Commit")
    commit.click()
    cell.get_by_text("Pick a guess first.").wait_for()
    assert "You said" not in cell.inner_text()
    cell.locator("input[type=radio]").nth(0).check()
    commit.click()
    cell.get_by_text("You said A").wait_for()
    assert "right" not in cell.get_by_text("You said A").inner_text()
    assert "Both begin with 1" in cell.inner_text()
    assert cell.locator("input[type=radio]").nth(1).is_disabled(), "a guess is committed once"
    assert commit.is_enabled(), "the focus stays on it"
    keep(cell, "guess")


def test_quorums_are_picked_and_the_gap_is_found(page, keep):
    cell = cell_with(page, "Show two that miss each other")
    said = cell.get_by_role("status")
    said.get_by_text("They share a3.").wait_for()  # two majorities, to begin with
    cell.get_by_role("button", name="a3", exact=True).nth(0).click()
    said.get_by_text("Not a phase 1 quorum: a1, a2.").wait_for()
    cell.get_by_role("button", name="a4", exact=True).nth(0).click()
    said.get_by_text("They share a4.").wait_for()
    show = cell.get_by_role("button", name="Show two that miss each other")
    show.click()
    said.get_by_text("There is no such pair").wait_for()
    cell.locator("select").select_option("too small: half, rounded down")
    show.click()
    said.get_by_text("They share nobody: a gap").wait_for()
    assert cell.locator("svg[role=img]").count() == 1
    keep(cell, "quorum_lab")
    assert page.problems == []
