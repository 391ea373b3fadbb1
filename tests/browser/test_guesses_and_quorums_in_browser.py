"""Predictions and the quorum lab in lesson 02, clicked in a real browser."""

import re

import pytest
from pages import put_lesson

pytestmark = pytest.mark.browser

NAME = "02_ballots_and_quorums"
SHOWN = ("02-numbers", "QuorumLab(5)")

RESTART_AND_RUN = """async () => {
  await jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart();
  await jupyterapp.commands.execute('notebook:run-all-cells');
}"""

FOLDED = "notebook.content.widgets.filter(cell => cell.outputHidden).map(cell => cell.model.id)"

OPEN_AND_LOOK = f"""async path => {{
  const notebook = await jupyterapp.commands.execute('docmanager:open', {{path}});
  await notebook.context.ready;
  await notebook.sessionContext.ready;
  await notebook.sessionContext.session.kernel.info;
  return {FOLDED};
}}"""

RUN_AND_LOOK = f"""async id => {{
  const notebook = jupyterapp.shell.currentWidget;
  notebook.content.activeCellIndex = notebook.content.widgets.findIndex(cell => cell.model.id === id);
  await jupyterapp.commands.execute('notebook:run-cell');
  return {FOLDED};
}}"""


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
    commit = cell.get_by_role("button", name="Commit")
    commit.click()
    cell.get_by_text("Pick a guess first.").wait_for()
    assert "You said" not in cell.inner_text()
    cell.get_by_label(re.compile(r"^[A-C]\. nothing$")).check()
    commit.click()
    cell.get_by_text(re.compile("You said [A-C]: not yet.")).wait_for()
    # Why just this one is wrong, and why the right one is right.
    for reason in ("cannot say which goes first", "Both begin with 1"):
        cell.get_by_text(reason).wait_for()
    cell.get_by_role("button", name="Committed").wait_for()
    assert cell.locator("input[type=radio]").first.is_disabled(), "a guess is committed once"
    assert commit.is_enabled(), "the focus stays on it"
    keep(cell, "guess")


def test_a_guess_is_there_again_after_the_kernel_was_restarted(page):
    page.evaluate(RESTART_AND_RUN)
    cell = page.locator(".jp-CodeCell", has=page.get_by_role("button", name="Committed")).first
    cell.get_by_text(re.compile("You said [A-C]: not yet.")).wait_for()
    assert cell.get_by_label(re.compile(r"^[A-C]\. nothing$")).is_checked()


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


def test_what_answers_a_guess_is_folded_until_its_cell_is_run(page):
    """The lesson as it is stored: closed at the answers, and open where the learner has run the cell."""
    folded = page.evaluate(OPEN_AND_LOOK, f"notebooks/{NAME}.ipynb")
    assert {"counters", "crash-table"} <= set(folded) and "clocks" not in folded
    shown = page.locator(".jp-CodeCell").filter(has_text="own counters:").locator(".jp-OutputArea-output")
    assert not shown.is_visible()
    after = page.evaluate(RUN_AND_LOOK, "counters")
    assert set(folded) - set(after) == {"counters"}
    shown.get_by_text("own counters: [").wait_for()
