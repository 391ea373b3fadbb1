"""The mutation gallery and the adversary game in a real browser, on a small notebook of their own."""

import re

import pytest
from pages import dress, output, put_notebook

pytestmark = pytest.mark.browser

NAME = "gallery_and_game"
EVIL = '<img src=x onerror="window.pwned = 1">'

GALLERY = """
from paxos_lab.paxos import Flexible, single_decree
from paxos_lab.teach import AdversaryGame, Card, MutationGallery
from paxos_lab.verify.wrong.single_decree import Setting, find_variant
evil = {evil!r}
own = Card("own", evil, lambda s: single_decree([evil, "y"], learners=0, quorums=Flexible(1, 2), unsafe=True),
           (Setting(2, 2),), safe=False)
MutationGallery([find_variant("M9"), find_variant("C5"), find_variant("M5"), own])
"""
GAME = """
def game_of(id):
    mutant = find_variant(id)
    return AdversaryGame(lambda: mutant.make(mutant.smallest), "Break it", mutant.rule, mutant.smallest.faults)
game_of("M13")
"""


@pytest.fixture(scope="session")
def own_notebook(lab_folder):
    """A notebook with a gallery, a game without faults and one with a crash; its name."""
    return put_notebook(lab_folder, NAME, (GALLERY.format(evil=EVIL), GAME, 'game_of("M4")'))


@pytest.fixture
def page(own_notebook, open_notebook):
    return open_notebook(own_notebook)


def commit(gallery, number, option):
    gallery.get_by_label(f"Your guess for {number}:").select_option(option)
    gallery.get_by_text(f"You are about to say “{option}”").wait_for()
    gallery.get_by_role("button", name=f"Commit guess {number}", exact=True).click()


def game_on(page, index, stepper):
    """A game from its start: its output and its board."""
    game = output(page, index, "You are the network")
    game.get_by_role("button", name="Restart").click()
    game.get_by_text("0 events so far").wait_for()
    return game, stepper(page, page.locator(".paxos-stepper").evaluate_all(
        "(all, one) => all.indexOf(one)", game.locator(".paxos-stepper").element_handle()))  # fmt: skip


def deliver(board, *flights):
    """Deliver the oldest message of each "sender to receiver"."""
    for flight in flights:
        texts = board.flights()
        id = next(re.match(r"#(\d+)", text)[1] for text in texts if f" {flight}:" in text)
        board.click(f"deliver-{id}")


def test_a_guess_is_searched_and_answered(page, keep):
    gallery = output(page, 0, "Commit guess 1")
    button = gallery.get_by_role("button", name="Commit guess 1")
    button.click()
    gallery.get_by_text("Pick a guess first.").wait_for()
    assert "M9" not in gallery.inner_text(), "the card does not give itself away"
    keep(gallery, "gallery_before")
    commit(gallery, 1, "broken, but only from 2 ballots on")
    gallery.get_by_text("half right. It is broken, but first with 3 ballots.").wait_for()
    gallery.get_by_text("The first invariant of the proof to break is").first.wait_for()
    text = gallery.inner_text()
    assert "M9: safe in every schedule with 2 ballots (126 states); broken with 3 ballots" in text
    assert re.search(
        r"The first invariant of the proof to break is backed_by_promises, at step \d+ of 20", text
    )
    assert gallery.locator("ol > li").count() == 20
    board = gallery.locator(".widget-html svg[role=img]")
    assert board.count() == 1 and "Ballot 1.p1 (x)" in board.get_attribute("aria-label")
    assert gallery.get_by_label("Your guess for 1:").is_disabled()
    commit(gallery, 2, "safe: no schedule breaks it")
    gallery.get_by_text("C5: safe in every schedule with 3 ballots").wait_for()
    assert "Your guesses: 1 of 2 right, 2 still open." in gallery.inner_text()
    keep(gallery, "gallery_answered")
    assert page.problems == []


def test_a_break_opens_in_the_stepper_by_keyboard_and_the_focus_stays(page, stepper, keep):
    gallery = output(page, 0, "3. One promise of 3")
    gallery.get_by_label("Your guess for 3:").focus()
    cells = page.locator(".jp-CodeCell").count()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("b")  # in JupyterLab, outside of a control, that inserts a cell
    assert page.locator(".jp-CodeCell").count() == cells
    page.keyboard.press("Tab")
    page.wait_for_function("() => document.activeElement.textContent === 'Commit guess 3'")
    gallery.get_by_text("You are about to say").wait_for()
    page.keyboard.press("Enter")
    gallery.get_by_text("M5: safe in every schedule").wait_for()
    page.wait_for_function("() => document.activeElement.textContent.includes('Open the run of 3')")
    page.keyboard.press("Enter")
    gallery.locator(".paxos-stepper").wait_for()
    index = page.locator(".paxos-stepper").evaluate_all(
        "(all, one) => all.indexOf(one)", gallery.locator(".paxos-stepper").element_handle()
    )
    board = stepper(page, index)
    assert board.step == 0
    board.click("forward", to=1)
    board.click("forward", to=2)
    board.click("back", to=1)
    assert board.text(".verdict").startswith("Nothing is chosen yet")
    board.root.focus()
    page.keyboard.press("End")
    board.await_step(10)
    assert "BROKEN: " in board.text(".verdict")
    keep(gallery, "gallery_stepper")
    close = gallery.get_by_role("button", name="Close the run of 3")
    assert "Close the run of 3" in close.inner_text()
    close.click()
    gallery.locator(".paxos-stepper").wait_for(state="detached")
    assert page.problems == []


def test_the_adversary_wins_and_is_told_the_optimum(page, stepper, keep):
    game, board = game_on(page, 1, stepper)
    assert "shortest possible" not in game.inner_text()
    assert board.root.locator("[data-key^=drop], [data-key^=crash], [data-key^=duplicate]").count() == 0
    assert not board.root.get_by_text("Cut the network").is_visible()
    assert board.button("back").is_disabled() and board.button("forward").is_disabled()
    deliver(board, "p1 to a1", "p1 to a2", "p1 to a3", "p2 to a1")
    game.get_by_text("4 events so far").wait_for()
    keep(game, "game_on_the_way")
    deliver(board, "p2 to a2")
    game.get_by_text("You needed 5 events; the shortest possible is 4.").wait_for()
    game.get_by_role("button", name="Undo").click()
    game.get_by_text("4 events so far").wait_for()
    game.get_by_role("button", name="Restart").click()
    game.get_by_text("0 events so far").wait_for()
    game.get_by_text("Your best: 5 events.").wait_for()
    deliver(board, "p1 to a1", "p1 to a2", "p2 to a2", "p2 to a3")
    game.get_by_text("Nobody can do it in fewer.").wait_for()
    assert "BROKEN: " in board.text(".verdict")
    keep(game, "game_won")
    assert page.problems == []


def test_hint_and_optimum_by_keyboard(page, stepper):
    game, board = game_on(page, 1, stepper)
    game.get_by_role("button", name="Hint").focus()
    page.keyboard.press("Enter")
    game.get_by_text("Hint 1 of 3. Get one value chosen, and then another one").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press(" ")
    game.get_by_text("A shortest run of 4 events lies ahead on the board.").wait_for()
    board.root.focus()
    for events in range(1, 4):
        page.keyboard.press("ArrowRight")
        game.get_by_text(f"Event {events} of a shortest run, 4 events long.").wait_for()
    page.keyboard.press("ArrowRight")
    game.get_by_text("The shortest run took 4 events.").wait_for()
    board.root.focus()
    page.keyboard.press("Home")
    game.get_by_text("Event 0 of a shortest run").wait_for()
    page.keyboard.press("ArrowLeft")
    assert board.step == 2, "not behind the start of the game"
    assert page.problems == []


def test_a_crash_is_offered_where_it_is_allowed_and_while_it_lasts(page, stepper, keep):
    game, board = game_on(page, 2, stepper)
    crash = board.root.locator(".nodes button[data-key^=crash]")
    assert crash.count() == 3 and all("crash a" in name for name in crash.evaluate_all(
        "all => all.map(e => e.getAttribute('aria-label'))"))  # fmt: skip
    assert board.root.locator("[data-key^=duplicate]").count() == 6
    keep(game, "game_with_a_crash")
    crash.first.click()
    game.get_by_text("Crashes left: 0.").wait_for()
    assert "DOWN" in board.node("a1") and crash.count() == 0
    assert board.root.locator("[data-key^=crash-on]").count() == 0
    restart = board.root.locator("button[data-key^=restart]")
    restart.click()
    game.get_by_text("2 events so far").wait_for()
    assert "DOWN" not in board.node("a1")
    assert page.problems == []


def test_one_click_redraws_within_100_ms(page, stepper):
    """From the click to the new state on screen, by the clock of the page; the best of some clicks."""
    _, board = game_on(page, 2, stepper)
    spans = []
    for _ in range(5):
        id = re.match(r"#(\d+)", board.flights()[0])[1]
        spans.append(
            board.root.evaluate(
                """(root, key) => new Promise(done => {
                  const before = performance.now();
                  const watch = new MutationObserver(() => { watch.disconnect(); done(performance.now() - before); });
                  watch.observe(root, {attributes: true, attributeFilter: ['data-answers']});
                  root.querySelector(`[data-key='${key}']`).click();
                })""",
                f"deliver-{id}",
            )
        )
    assert min(spans) < 100, spans


def test_what_a_learner_types_stays_text(page):
    gallery = output(page, 0, "onerror")
    commit(gallery, 4, "broken, but only from 2 ballots on")
    gallery.get_by_text("own: broken with 2 ballots").wait_for()
    gallery.get_by_role("button", name="Open the run of 4").click()
    gallery.locator(".paxos-stepper").wait_for()
    assert gallery.locator("img, script").count() == 0
    assert page.evaluate("() => window.pwned") is None
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
def test_both_read_in_both_themes_wide_and_narrow(page, stepper, keep, theme, width):
    dress(page, theme, width, 2000)
    gallery = output(page, 0, "1. The proposer adopts")
    if gallery.get_by_role("button", name="Commit guess 1").count():
        commit(gallery, 1, "broken, but only from 3 ballots on")
    gallery.get_by_text("The first invariant of the proof").first.wait_for()
    keep(gallery, f"gallery_{theme}_{width}")
    game, _ = game_on(page, 2, stepper)
    keep(game, f"game_{theme}_{width}")
    for part in (gallery.locator(".widget-vbox").first, game.locator(".widget-vbox").first):
        assert part.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out sideways"
        box = part.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
    assert gallery.locator("li, p, svg[role=img]").count() > 20
    for kind in ("li", "p"):
        for right in gallery.locator(f"{kind}:visible").evaluate_all(
            "all => all.map(e => e.getBoundingClientRect().right)"
        ):
            assert right <= width, "no sentence is cut off at the side"
    board = gallery.get_by_role("group", name="Ballot board").first
    assert board.locator("svg").bounding_box()["width"] >= 480, "its letters stay large enough to read"
