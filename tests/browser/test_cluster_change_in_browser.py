"""The flexible quorum lab in lesson 10, moved by keys in a real browser."""

import pytest
from pages import put_lesson

pytestmark = pytest.mark.browser

NAME = "10_changing_the_cluster"
SHOWN = ("FlexibleLab(5)", "log_view(accident)", "log_view(careless)")


@pytest.fixture(scope="module")
def page(lab_folder, open_notebook):
    return open_notebook(put_lesson(lab_folder, NAME, *SHOWN))


def lab_on(page):
    """The cell with the sliders, scrolled into view and painted."""
    slider = page.get_by_text("q1, take-over:", exact=True).first
    slider.scroll_into_view_if_needed()
    return page.locator(".jp-Cell", has=page.get_by_text("q1, take-over:", exact=True)).first


def handles(cell):
    """The three handles that take the keys: servers, q1, q2."""
    return cell.locator(".noUi-handle")


def test_the_sliders_move_by_keys_and_the_verdict_follows(page, keep):
    cell = lab_on(page)
    cell.get_by_text("Safe: 3 + 3 is more than 5").wait_for()
    servers, first, second = (handles(cell).nth(i) for i in range(3))
    second.focus()
    page.keyboard.press("ArrowLeft")
    cell.get_by_text("Unsafe: 3 + 2 is not more than 5").wait_for()
    cell.get_by_text("They share nobody: a gap").first.wait_for()
    keep(cell, "flexible_lab_unsafe")
    first.focus()
    page.keyboard.press("ArrowRight")
    cell.get_by_text("Safe: 4 + 2 is more than 5").wait_for()
    cell.get_by_text("survives the loss of 1 of them").wait_for()
    assert cell.locator("svg[role=img]").count() == 1
    keep(cell, "flexible_lab_safe")
    servers.focus()
    page.keyboard.press("ArrowRight")
    cell.get_by_text("Safe: 4 + 4 is more than 6").wait_for()
    assert page.problems == []


def test_each_slider_has_its_name_on_screen(page):
    cell = lab_on(page)
    for label in ("Servers:", "q1, take-over:", "q2, command:"):
        assert cell.get_by_text(label, exact=True).is_visible()
    assert cell.locator("th[scope=col]").count() == 6 and cell.locator("th[scope=row]").count() == 2


def test_the_pictures_of_the_accident_are_there(page, keep):
    for name, text in (("accident", "s1 and s2 lead"), ("disk", "s3 leads")):
        caption = page.get_by_text(text).first
        caption.scroll_into_view_if_needed()
        cell = page.locator(".jp-Cell", has=page.get_by_text(text)).first
        cell.locator("img, svg[role=img]").first.wait_for()
        keep(cell, f"change_{name}")
    assert page.problems == []
