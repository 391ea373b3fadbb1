"""The second day: the kernel is gone, the page is loaded anew, and every widget left something behind."""

import json

import pytest
from pages import put_notebook

pytestmark = pytest.mark.browser

NAME = "second_day"
CELLS = (
    """
from paxos_lab import MessageBus
from paxos_lab.paxos import single_decree
from paxos_lab.show import Duel, FaultGrid, QuorumLab, Stepper
from paxos_lab.teach import predict
Stepper(MessageBus(single_decree(["tea"])))
""",
    "QuorumLab(3)",
    'FaultGrid(lambda: single_decree(["tea"]))',
    'predict("k", "Who wins?", ["tea", "coffee"], 0, "It was first.")',
)
SAVE_AND_STOP = """async () => {
  const notebook = jupyterapp.shell.currentWidget;
  await notebook.context.save();
  await notebook.sessionContext.shutdown();
}"""
OPEN = """async path => {
  const notebook = await jupyterapp.commands.execute('docmanager:open', {path});
  await notebook.context.ready;
  await notebook.sessionContext.ready;
  jupyterapp.shell.collapseLeft();
}"""


@pytest.fixture(scope="module")
def own_notebook(lab_folder):
    return put_notebook(lab_folder, NAME, CELLS)


@pytest.fixture
def page(own_notebook, open_notebook):
    return open_notebook(own_notebook)


def stills(page):
    return page.locator(".paxos-still:visible")


def test_as_long_as_a_widget_lives_its_still_is_not_shown(page, keep):
    page.locator(".paxos-stepper .message").first.wait_for()
    page.locator(".widget-radio").first.wait_for()
    page.wait_for_function("() => document.querySelectorAll('.paxos-still').length === 4")
    keep(page, "second_day_before")
    assert stills(page).count() == 0


def morning(browser, lab, name):
    """A page loaded anew, with that notebook open and nothing run."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(30_000)
    page.goto(lab)
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => jupyterapp.restored")
    page.evaluate(OPEN, f"notebooks/{name}.ipynb")
    return page


def test_after_a_restart_and_a_reload_the_stills_stand_there_and_no_error(page, browser, lab, keep):
    page.evaluate(SAVE_AND_STOP)
    anew = morning(browser, lab, NAME)
    try:
        # JupyterLab looks for the model for a while before it gives up.
        anew.wait_for_function(
            "() => [...document.querySelectorAll('.jp-OutputArea-output.jupyter-widgets')].length === 4"
        )
        keep(anew, "second_day")
        assert stills(anew).count() == 4
        assert anew.get_by_text("model not found").locator("visible=true").count() == 0
        assert anew.get_by_text("run the cell again").locator("visible=true").count() == 4
        pictures = stills(anew).locator("img")
        assert pictures.count() == 2 and all(i.get_attribute("alt") for i in pictures.all())
        assert "A. tea" in stills(anew).nth(3).inner_text()
    finally:
        anew.close()


def test_a_notebook_that_is_not_trusted_shows_its_pictures_once(
    own_notebook, page, lab_folder, browser, lab, keep
):
    source = lab_folder / "notebooks" / f"{NAME}.ipynb"
    page.evaluate("() => jupyterapp.shell.currentWidget.context.save()")
    other = json.loads(source.read_text(encoding="utf-8"))
    for cell in other["cells"]:
        cell["source"] = [*cell["source"], "\n# somebody else's"]  # so its signature is unknown
        for output in cell["outputs"]:
            output.setdefault("metadata", {})["from"] = "elsewhere"
    (lab_folder / "notebooks" / "sent_to_me.ipynb").write_text(json.dumps(other), encoding="utf-8")
    anew = morning(browser, lab, "sent_to_me")
    try:
        anew.locator(".paxos-still").nth(3).wait_for()
        assert anew.locator(".jp-mod-trusted .paxos-still").count() == 0
        keep(anew, "untrusted")
        wide = anew.locator(".paxos-still img").evaluate_all(
            "all => all.map(i => i.naturalWidth > 0 && i.alt.length > 0)"
        )
        assert wide == [True, True]
        assert anew.get_by_text("Lines from left: p1, a1").locator("visible=true").count() == 1, (
            "its caption stands once"
        )
        assert anew.get_by_text("Error displaying").locator("visible=true").count() == 0
    finally:
        anew.close()


def test_a_page_whose_kernel_was_restarted_says_what_to_do(lab_folder, open_notebook, keep):
    page = open_notebook(put_notebook(lab_folder, "kernel_gone", CELLS[:2]))
    page.locator(".paxos-stepper .message").first.wait_for()
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    box = page.locator(".paxos-box.jupyter-widgets-disconnected").first
    box.wait_for()
    said = box.evaluate("e => getComputedStyle(e, '::before').content")
    assert "run the cell again" in said
    page.locator(".paxos-stepper").get_by_role("button", name="Forward one step").click()
    page.get_by_text("The kernel does not answer.").wait_for()
    keep(page, "kernel_gone")
