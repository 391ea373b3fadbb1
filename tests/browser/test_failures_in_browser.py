"""The fault grid in lesson 05, pressed in a real browser."""

import re

import pytest
from pages import dress, put_lesson

pytestmark = pytest.mark.browser

NAME = "05_failures"
SHOWN = ("\ngrid", "\ntight", "\nrivals", "\nforgetful")


@pytest.fixture(scope="module")
def page(lab_folder, open_notebook):
    return open_notebook(put_lesson(lab_folder, NAME, *SHOWN))


def in_sight(page, which):
    """True if that element stands in the window, below JupyterLab's bars, with some of it to be seen."""
    return page.evaluate(f"""() => {{
      const box = ({which})().getBoundingClientRect();
      return box.top >= 0 && box.top < innerHeight - 40 && box.width > 0;
    }}""")


class GridOnPage:
    """The fault grid as somebody in front of the screen sees it; each stands in a cell of its own."""

    def __init__(self, page, index=0):
        self.page = page
        self.root = page.locator(".paxos-fault-grid").nth(index)
        self.root.scroll_into_view_if_needed()
        page.wait_for_function("root => root.innerText.length > 0", arg=self.root.element_handle())
        number = page.locator(".jp-Cell").evaluate_all(
            "(all, root) => all.findIndex(cell => cell.contains(root))", self.root.element_handle()
        )
        self.cell = page.locator(".jp-Cell").nth(number)

    def button(self, label):
        """The first cell of the grid whose words for a screen reader match."""
        return self.root.get_by_role("button", name=re.compile(label)).first

    def await_run(self, button):
        """Wait until the run of that very cell stands below; the stepper's root."""
        self.page.wait_for_function(
            "([root, id]) => root.dataset.opened === id",
            arg=[self.root.element_handle(), button.get_attribute("data-cell")],
        )
        return self.cell.locator(".paxos-stepper")

    def tab(self, title):
        self.root.get_by_role("tab", name=title).click()


def test_a_pressed_cell_opens_its_run_at_the_fault(page, keep):
    grid = GridOnPage(page)
    assert grid.cell.locator(".paxos-stepper").count() == 0
    assert "15 messages, chosen: tea" in grid.root.locator(".base").inner_text()
    assert grid.root.locator("tbody tr:visible").count() == 15
    button = grid.button(r"a1 → p1: Promise\(1\.p1, no vote\); the network loses it")
    button.click()
    stepper = grid.await_run(button)
    stepper.get_by_text("The network loses Promise(1.p1, no vote) from a1 to p1.").first.wait_for()
    assert re.search(r"step (\d+) of (\d+)", stepper.locator(".where").inner_text())
    done, all_steps = map(int, re.findall(r"\d+", stepper.locator(".where").inner_text()))
    assert done < all_steps, "it stands at the fault, the rest of the run is ahead"
    assert button.get_attribute("aria-current") == "true"
    page.wait_for_function(
        """e => {
      const box = e.getBoundingClientRect();
      return box.top >= 0 && box.bottom <= innerHeight;
    }""",
        arg=stepper.locator(".stage").element_handle(),
    )
    assert "the network loses it: same decision" in grid.root.locator(".said").inner_text()
    keep(grid.cell, "fault_grid_open")

    # Back before the fault, and forward to the end of this very run.
    stepper.focus()
    page.keyboard.press("ArrowLeft")
    stepper.get_by_text(f"step {done - 1} of {all_steps}").wait_for()
    page.keyboard.press("End")
    stepper.get_by_text(f"step {all_steps} of {all_steps}").wait_for()
    assert "tea is chosen" in stepper.locator(".verdict").inner_text()

    # Another cell takes the place of the first one.
    other = grid.button(r"p1 → a2: Accept\(1\.p1, tea\); the network makes a second copy")
    other.click()
    grid.await_run(other)
    grid.cell.get_by_text(
        "The network makes a second copy of Accept(1.p1, tea) from p1 to a2."
    ).first.wait_for()
    assert grid.cell.locator(".paxos-stepper").count() == 1
    assert button.get_attribute("aria-current") is None
    assert page.problems == []


def test_the_grid_works_by_keyboard(page):
    grid = GridOnPage(page, 1)
    grid.root.get_by_role("tab", name="One message").focus()
    page.keyboard.press("ArrowRight")
    assert grid.root.get_by_role("tab", name="One crash").get_attribute("aria-selected") == "true"
    assert grid.root.locator("tbody tr:visible").count() == 11
    page.keyboard.press("Tab")  # past the counts and the scrolling table to its one stop
    for _ in range(8):
        if page.evaluate("() => document.activeElement.dataset.cell == null"):
            page.keyboard.press("Tab")
    start = page.evaluate("() => document.activeElement.getAttribute('aria-label')")
    assert start.startswith("p1 starts; crash after (the step is done; stays down): nothing chosen")
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "End", "ArrowUp"):
        page.keyboard.press(key)
    label = page.evaluate("() => document.activeElement.getAttribute('aria-label')")
    assert label.startswith(
        "l1 gets Accepted(1.p1, tea) from a1; crash during (disk written, nothing sent; stays down)"
    )
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    button = grid.button(r"^l1 gets Accepted\(1\.p1, tea\) from a1; crash after, restart")
    stepper = grid.await_run(button)
    stepper.get_by_text("l1 crashes: what was only in memory is gone, the disk stays.").first.wait_for()
    assert "tea chosen, not learned by l1" in grid.root.locator(".said").inner_text()
    assert page.evaluate("() => document.activeElement.dataset.cell") == button.get_attribute("data-cell")
    assert page.problems == []


def test_the_run_that_breaks_agreement_plays(page, keep):
    grid = GridOnPage(page, 4)
    grid.tab("One crash")
    assert grid.root.locator("td").get_by_role("button", name="DISAGREEMENT").count() == 2
    count = grid.button("!! DISAGREEMENT: 2")
    found = []
    for _ in range(3):  # from one to the other, and round again
        count.click()
        found.append(page.evaluate("() => document.activeElement.dataset.cell"))
        assert "DISAGREEMENT" in page.evaluate("() => document.activeElement.getAttribute('aria-label')")
        assert in_sight(page, "() => document.activeElement")
    assert found[0] == found[2] != found[1]
    button = (
        grid.root.locator("td")
        .get_by_role("button", name=re.compile("DISAGREEMENT: (coffee and tea|tea and coffee)"))
        .first
    )
    assert "!!" in button.inner_text() and "DISAGREEMENT" in button.inner_text(), (
        "said in words, not in colour"
    )
    button.click()
    stepper = grid.await_run(button)
    assert "BROKEN" not in stepper.locator(".verdict").inner_text()
    stepper.focus()
    page.keyboard.press("End")
    stepper.get_by_text("are both chosen.").wait_for()
    keep(grid.cell, "fault_grid_disagreement")
    assert page.problems == []


@pytest.mark.parametrize("width", [1280, 560])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_reads_in_both_themes_and_narrow(page, keep, theme, width):
    dress(page, theme, width, 1200)
    grid = GridOnPage(page, 2)
    grid.tab("One crash")
    keep(grid.root, f"fault_grid_{theme}_{width}")
    box = grid.root.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    assert grid.root.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out sideways"
    dress(page, "Light", 1280)


def test_what_a_learner_types_stays_text(page):
    evil = '<img src=x onerror="window.pwned = 1">'
    page.evaluate(
        """async (code) => {
          const notebook = jupyterapp.shell.currentWidget;
          notebook.content.activeCellIndex = notebook.content.widgets.length - 1;
          await jupyterapp.commands.execute('notebook:insert-cell-below');
          notebook.content.activeCell.model.sharedModel.setSource(code);
          if (notebook.content.activeCell.model.type !== 'code') await jupyterapp.commands.execute('notebook:change-cell-to-code');
          await jupyterapp.commands.execute('notebook:run-cell');
        }""",
        f"FaultGrid(lambda: single_decree([{evil!r}]))",
    )
    page.wait_for_function(
        "() => [...document.querySelectorAll('.paxos-fault-grid')].some(e => e.textContent.includes('onerror'))"
    )
    last = page.locator(".paxos-fault-grid", has_text="onerror").first
    index = page.locator(".paxos-fault-grid").evaluate_all(
        "(all, e) => all.indexOf(e)", last.element_handle()
    )
    grid = GridOnPage(page, index)
    button = grid.button(r"Accept.*onerror.*the network loses it")
    button.click()
    grid.await_run(button)
    assert "img src=x" in grid.root.locator(".said").inner_text()
    assert grid.root.locator("img, script").count() == 0
    assert page.evaluate("() => window.pwned") is None
