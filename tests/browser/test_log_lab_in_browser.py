"""The log lab in a real browser: by click, by key, wide and narrow."""

import pytest
from pages import dress, put_notebook

pytestmark = pytest.mark.browser

NAME = "log_lab"
CELL = """
from paxos_lab import MessageBus
from paxos_lab.multipaxos import Append, replicated_log
from paxos_lab.show import LogLab
LogLab(MessageBus(replicated_log([[Append("k", f"{name}{i} ") for i in range(4)] for name in "abc"]), delay=1))
"""


@pytest.fixture(scope="session")
def own_notebook(lab_folder):
    return put_notebook(lab_folder, NAME, [CELL])


@pytest.fixture
def page(own_notebook, open_notebook):
    return open_notebook(own_notebook)


@pytest.fixture
def box(page):
    """The lab, back at its start."""
    cell = page.locator(".jp-CodeCell").first
    cell.get_by_role("button", name="From the start").click()
    cell.get_by_text("Back at the start.").wait_for()
    return cell.locator(".jp-OutputArea").first


def press(box, name):
    """Click, and wait until the headline is another one."""
    before = box.get_by_role("status").inner_text()
    box.get_by_role("button", name=name, exact=True).click()
    box.page.wait_for_function(
        "([area, before]) => area.querySelector('[role=status]').innerText !== before",
        arg=[box.element_handle(), before],
    )
    return box.get_by_role("status").inner_text()


def test_the_leader_is_killed_and_comes_back_by_click(page, box, keep):
    told = press(box, "Until all is answered")
    assert "every client has its answers" in told and "leads" in told
    keep(box, "log_lab_answered")
    leader = told.split(" leads")[0].split()[-1]
    assert "nobody leads" in press(box, f"Kill {leader}")
    keep(box, "log_lab_killed")
    box.get_by_role("button", name=f"Restart {leader}").wait_for()
    assert f"{leader} restarts" in press(box, f"Restart {leader}")
    box.get_by_role("button", name=f"Kill {leader}").wait_for()
    assert "Taken back" in press(box, "Undo")
    box.get_by_role("button", name=f"Restart {leader}").wait_for()
    assert page.problems == []


def test_keys_work_and_the_focus_stays(page, box):
    button = box.get_by_role("button", name="Next step")
    button.focus()
    for _ in range(3):
        before = box.get_by_role("status").inner_text()
        page.keyboard.press("Enter")
        page.wait_for_function(
            "([area, before]) => area.querySelector('[role=status]').innerText !== before",
            arg=[box.element_handle(), before],
        )
        assert page.evaluate("() => document.activeElement.textContent") == "Next step"
    assert page.locator(".jp-Notebook.jp-mod-editMode").count() == 0
    assert page.problems == []


def test_one_click_redraws_within_100_ms(page, box):
    """From the click to the new state on screen, by the clock of the page; the best of some clicks."""
    spans = box.evaluate(
        """async area => {
          const button = [...area.querySelectorAll('button')].find(b => b.textContent === 'Next step');
          const spans = [];
          for (let i = 0; i < 6; i++) {
            const before = performance.now();
            await new Promise(done => {
              const watch = new MutationObserver(() => { watch.disconnect(); done(); });
              watch.observe(area, {subtree: true, childList: true, characterData: true});
              button.click();
            });
            spans.push(performance.now() - before);
          }
          return spans;
        }"""
    )
    assert min(spans) < 100, spans


# The last one: JupyterLab's own splash screen may raise when the theme changes.
@pytest.mark.parametrize(("theme", "width"), [("Light", 560), ("Dark", 560), ("Dark", 1280)])
def test_it_reads_in_both_themes_wide_and_narrow(page, box, keep, theme, width):
    dress(page, theme, width, 1000)
    press(box, "Until all is answered")
    keep(box, f"log_lab_{theme}_{width}")
    for part in box.locator("button:visible").all():
        edge = part.bounding_box()
        assert edge["x"] >= 0 and edge["x"] + edge["width"] <= width
