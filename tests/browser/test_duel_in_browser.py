"""The duel in lesson 07, fought with the mouse and with the keyboard in a real browser."""

import pytest
from pages import put_lesson

pytestmark = pytest.mark.browser

NAME = "07_liveness_and_leaders"


class DuelOnPage:
    """The duel as somebody in front of the screen sees it."""

    def __init__(self, page):
        self.page = page
        first = page.get_by_role("button", name="Overtake", exact=True).first
        first.scroll_into_view_if_needed()
        self.root = page.locator(".jp-OutputArea-output", has=first).last
        self.select = self.root.get_by_label("When refused:")

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)

    def spent(self, what, count):
        """Wait until the line "Spent" says so."""
        self.root.get_by_text(f"{what} {count},").first.wait_for()

    def begin(self, manner, bounded=True):
        self.select.select_option(manner)
        self.root.get_by_label("every message arrives within 10").set_checked(bounded)
        self.button("Start again").click()
        self.spent("moves", 0)

    def told(self, text):
        """Wait until the line above the picture says so."""
        self.root.locator("[role=status]").filter(has_text=text).wait_for()

    def said(self):
        return self.root.locator("[role=status]").inner_text()


@pytest.fixture(scope="module")
def page(lab_folder, open_notebook):
    return open_notebook(put_lesson(lab_folder, NAME, "Duel()", "contention_curves(found)"))


@pytest.fixture
def duel(page):
    return DuelOnPage(page)


def test_a_livelock_by_mouse_and_its_end(duel, keep):
    duel.begin("retry at once")
    for moves in range(1, 6):
        duel.button("Overtake").click()
        duel.spent("moves", moves)
    assert "p1 opens 4.p1" in duel.said() and duel.said().endswith("Nothing is chosen.")
    keep(duel.root, "duel_livelock")
    duel.button("Overtake 10 times").click()
    duel.spent("ballots opened", 15)
    duel.root.get_by_text("The last 7 of 15 ballots, nothing chosen yet.").wait_for()
    picture = duel.root.locator("svg[role=img]")
    assert picture.count() == 1 and "Ballot 9.p2" in picture.get_attribute("aria-label")
    duel.root.get_by_text("The picture in words").click()
    duel.root.get_by_text("It could still be chosen.").wait_for()
    duel.button("Overtake").click()
    duel.spent("ballots opened", 16)
    assert duel.root.get_by_text("Ballot 15.p2 (coffee): a1 promised; a2 promised; a3 promised.").is_visible()
    keep(duel.root, "duel_in_words")
    duel.button("Let p2 finish").click()
    duel.told("coffee is chosen.")
    duel.button("Let p1 finish").click()
    duel.told("p1 has learned coffee.")
    keep(duel.root, "duel_end")
    assert duel.page.problems == []


def test_a_duel_by_keyboard_alone(duel, keep):
    duel.begin("retry at once")
    keys = duel.page.keyboard
    duel.button("Overtake").focus()
    keys.press("Enter")
    duel.spent("moves", 1)
    keys.press("Space")
    duel.spent("moves", 2)
    for name in ("Overtake 10 times", "p1 next", "p2 next"):
        keys.press("Tab")
        assert duel.page.evaluate("() => document.activeElement.textContent") == name
    keys.press("Enter")  # p2 has the newest ballot: it wins
    duel.told("coffee is chosen.")
    duel.button("Start again").focus()
    keys.press("Tab")
    keys.press("Tab")
    assert "step by step" in duel.page.evaluate("() => document.activeElement.textContent")
    keys.press("Enter")
    duel.root.get_by_text("p2 hears that a2 accepted coffee in ballot 1.p2.").wait_for()
    keep(duel.root, "duel_keyboard")


def test_the_cures_by_choice(duel, keep):
    for manner, words in (("back off", "Held for 10, so it must arrive now"), ("one leader", "stands back")):
        duel.begin(manner)
        for _ in range(8):
            if words in duel.said():
                break
            before = duel.said()
            duel.button("Overtake").click()
            duel.page.wait_for_function(
                "([root, before]) => root.querySelector('[role=status]').innerText !== before",
                arg=[duel.root.element_handle(), before],
            )
        assert words in duel.said()
        keep(duel.root, f"duel_{manner}")
        duel.button("Overtake 10 times").click()
        duel.told("tea is chosen.")
    duel.begin("back off", bounded=False)
    duel.button("Overtake 10 times").click()
    duel.spent("moves", 10)
    assert duel.said().endswith("Nothing is chosen.")
    assert duel.page.problems == []


def test_the_curves_fit_on_the_page(duel, keep):
    table = duel.page.get_by_text("The numbers as a table").first
    table.scroll_into_view_if_needed()
    cell = duel.page.locator(".jp-Cell", has=table).first
    drawing = cell.locator("img.paxos-picture")
    drawing.wait_for()
    inside, around = drawing.bounding_box(), cell.bounding_box()
    assert inside["width"] > 500
    assert inside["x"] + inside["width"] <= around["x"] + around["width"]
    table.click()
    cell.get_by_role("columnheader", name="proposers", exact=True).wait_for()
    keep(cell, "curves")
    assert duel.page.problems == []
