"""A deck of slides in a real browser."""

import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tools"))

import slides  # noqa: E402

pytestmark = pytest.mark.browser


def test_a_deck_opens_and_turns_by_keys(browser, keep, tmp_path):
    deck = tmp_path / "deck.html"
    deck.write_text(slides.deck(TOP / "notebooks" / "04_accept_and_learn.ipynb"), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    asked, problems = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(deck.as_uri())
    page.wait_for_function("() => window.Reveal && Reveal.isReady()")
    assert "Accept and learn" in page.evaluate("Reveal.getCurrentSlide().innerText")
    page.keyboard.press("Space")
    assert "Phase 2 at a glance" in page.evaluate("Reveal.getCurrentSlide().innerText")
    assert page.evaluate("Reveal.getTotalSlides()") > 20
    page.keyboard.press("End")
    page.wait_for_function("() => Reveal.isLastSlide() || Reveal.getIndices().h > 5")
    keep(page, "slides")
    page.close()
    assert problems == []
    assert asked == [deck.as_uri()]
