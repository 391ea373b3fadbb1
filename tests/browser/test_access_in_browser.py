"""Every widget by axe, and what axe cannot see: keys, names, states, where the focus goes, live regions."""

from importlib.resources import files

import pytest
from pages import dress, put_notebook

pytestmark = pytest.mark.browser

NAME = "every_widget"
CELLS = {
    "stepper": """
from paxos_lab import MessageBus
from paxos_lab.multipaxos import Append, replicated_log
from paxos_lab.paxos import single_decree
from paxos_lab.show import Duel, FaultGrid, FlexibleLab, Futures, LogLab, QuorumLab, Stepper
from paxos_lab.teach import (
    AdversaryGame, Deck, MockInterview, MutationGallery, Whiteboard, hint, predict, refute,
)
from paxos_lab.verify import find_variant
Stepper(MessageBus(single_decree(["tea", "coffee"])))
""",
    "servers": 'Stepper(MessageBus(replicated_log([[Append("k", "a")]]), delay=1))',
    "grid": 'grid = FaultGrid(lambda: single_decree(["tea"]))\ngrid.open_run(0)\ngrid',
    "quorums": "QuorumLab(5)",
    "flexible": "FlexibleLab(5)",
    "log": 'LogLab(MessageBus(replicated_log([[Append("k", "a")]]), delay=1))',
    "duel": "Duel()",
    "guess": 'predict("k", "Who wins?", ["tea", "coffee"], 0, "It was first.")',
    "gallery": 'MutationGallery([find_variant("M5"), find_variant("C0")])',
    "game": 'wrong = find_variant("M13")\nAdversaryGame(lambda: wrong.make(wrong.smallest), "Break it", wrong.rule)',
    "deck": "Deck()",
    "mock": "MockInterview()",
    "whiteboard": "Whiteboard()",
    "hints": 'hint("acceptor.accept")',
    "claim": 'refute("accepted-is-final")',
    "futures": 'Futures(MessageBus(single_decree(["tea"])), 1, None, lambda bus: bus.crash("a1"))',
}
RUN_AXE = """area => axe.run(area, {resultTypes: ['violations']}).then(found => found.violations.map(
  v => [v.impact, v.id, v.nodes.map(n => n.target.join(' ') + ' ' + n.html.slice(0, 160)).slice(0, 4)]))"""


@pytest.fixture(scope="module")
def page(lab_folder, open_notebook):
    return open_notebook(put_notebook(lab_folder, NAME, CELLS.values()))


def area_of(page, name):
    """The output of a widget, once it has something that takes the focus or, for what is only read, text."""
    cell = page.locator(".jp-CodeCell").nth(list(CELLS).index(name))
    cell.scroll_into_view_if_needed()
    area = cell.locator(".jp-OutputArea").first
    area.locator(".paxos-futures" if name == "futures" else "button:visible, [role=slider]").first.wait_for()
    return area


@pytest.fixture(scope="module")
def axe(page):
    """A function (area): what axe finds serious or critical there. The tests carry axe with them, no network."""
    package = pytest.importorskip(
        "axe_playwright_python", reason="axe is not installed: pip install '.[test]'"
    )
    page.evaluate(files(package).joinpath("axe.min.js").read_text(encoding="utf-8"))

    def judge(area):
        found = page.evaluate(RUN_AXE, area.element_handle())
        return [one for one in found if one[0] in ("serious", "critical")]

    return judge


@pytest.mark.parametrize("name", CELLS)
def test_axe_finds_nothing_serious(page, axe, name):
    assert axe(area_of(page, name)) == []


def test_axe_would_find_a_breach(page, axe):
    """A picture without a name, put there for this test."""
    area = area_of(page, "hints")
    area.evaluate(
        "a => a.append(Object.assign(document.createElement('img'), {src: 'data:,', id: 'breach'}))"
    )
    assert [one[1] for one in axe(area)] == ["image-alt"]
    area.evaluate("a => a.querySelector('#breach').remove()")


@pytest.mark.parametrize("name", [name for name in CELLS if name != "futures"])
def test_letters_and_arrows_on_a_button_do_nothing_to_the_notebook(page, name):
    area = area_of(page, name)
    cells = page.locator(".jp-Cell").count()
    button = area.locator("button:visible:enabled, [role=slider]").last
    button.focus()
    for key in ("x", "b", "m", "d", "d", "ArrowDown"):
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells
    assert area.evaluate("a => a.contains(document.activeElement)"), "the focus is still in the widget"
    for summary in area.locator("summary:visible").all()[:2]:
        summary.focus()
        for key in ("x", "b", "ArrowDown"):
            page.keyboard.press(key)
        assert page.locator(".jp-Cell").count() == cells


def test_what_is_pressed_says_so_and_each_slider_has_a_name(page):
    quorums = area_of(page, "quorums")
    one = quorums.get_by_role("group", name="Phase 1, promises:").get_by_role("button", name="a1")
    assert one.get_attribute("aria-pressed") == "true", "it opens with two majorities"
    one.click()
    page.wait_for_function("e => e.getAttribute('aria-pressed') === 'false'", arg=one.element_handle())
    page.wait_for_function("e => e.title === 'Put a1 into this set'", arg=one.element_handle())
    flexible = area_of(page, "flexible")
    names = [s.get_attribute("aria-label") for s in flexible.get_by_role("slider").all()]
    assert names == ["Servers:", "q1, take-over:", "q2, command:"]
    for field in flexible.locator(".widget-readout").all():
        assert field.get_attribute("aria-label")


def test_a_live_region_is_there_before_its_text_and_is_never_replaced(page):
    area = area_of(page, "quorums")
    region = area.get_by_role("status")
    region.evaluate("e => (window.region = e)")
    area.get_by_role("button", name="Show two that miss each other").click()
    area.get_by_text("There is no such pair").first.wait_for()
    assert region.evaluate("e => e === window.region")
    assert area.locator("svg[role=img]").count() == 1, "the picture stays"


def test_a_guess_by_keyboard_alone_keeps_the_focus(page):
    area = area_of(page, "guess")
    area.get_by_role("radiogroup").wait_for()
    area.get_by_role("radio", name="B. coffee").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Commit"
    page.keyboard.press("Enter")
    area.get_by_text("You said B: not yet. It is A.").wait_for()
    assert page.evaluate("() => document.activeElement.textContent") == "Committed"


def test_the_network_is_one_stop_and_its_arrows_go_from_message_to_message(page):
    area = area_of(page, "stepper")
    flight = area.locator(".flight")
    tabbable = "a => a.querySelectorAll('button:not([tabindex=\"-1\"]):enabled').length"
    assert flight.locator("button").count() > 8 and flight.evaluate(tabbable) == 4
    first = flight.get_by_role("button", name="deliver message").first
    first.focus()
    page.keyboard.press("ArrowDown")
    second = page.evaluate("() => document.activeElement.dataset.key")
    assert second.startswith("deliver-") and second != first.get_attribute("data-key")
    page.keyboard.press("Enter")
    flight.locator(f"[data-key='{second}']").wait_for(state="detached")
    now = page.evaluate("() => document.activeElement.dataset.key")
    assert now.startswith("deliver-"), "on the message that has taken its place"


def test_a_step_is_said_once_and_play_is_silent_until_it_ends(page):
    area = area_of(page, "stepper")
    area.locator(".paxos-stepper").evaluate("""root => {
      window.said = [];
      for (const region of root.querySelectorAll('[role=status], [aria-live], output'))
        new MutationObserver(() => window.said.push([region.className, region.getAttribute('aria-live')])).observe(
          region, {childList: true, characterData: true, subtree: true});
    }""")
    step = int(area.locator(".paxos-stepper").get_attribute("data-step"))
    area.get_by_role("button", name="Forward one step").click()
    area.locator(f".paxos-stepper[data-step='{step + 1}']").wait_for()
    assert len([one for one in page.evaluate("() => window.said") if one[0] == "now"]) == 1
    page.evaluate("() => (window.said = [])")
    area.get_by_label("Speed").select_option("fast")
    area.get_by_role("button", name="Play").click()
    area.locator(f".paxos-stepper[data-step='{step + 4}']").wait_for()
    assert all(live == "off" for _, live in page.evaluate("() => window.said"))
    area.get_by_role("button", name="Pause").click()
    page.wait_for_function("() => window.said.some(one => one[0] === 'now' && one[1] === 'polite')")


@pytest.mark.parametrize("name", ["quorums", "flexible", "log", "stepper"])
def test_what_can_be_pressed_has_an_edge_where_the_system_chooses_the_colours(page, keep, name):
    area = area_of(page, name)
    page.emulate_media(forced_colors="active")
    try:
        keep(area, f"forced_colours_{name}")
        widths = area.locator("button:visible, .noUi-handle").evaluate_all(
            "all => all.map(b => parseFloat(getComputedStyle(b).borderTopWidth))"
        )
        assert widths and min(widths) >= 1
        if name == "quorums":
            assert len(set(widths)) == 2, "pressed and not pressed differ"
    finally:
        page.emulate_media(forced_colors="none")


# The last one: JupyterLab's own splash screen may raise when the theme changes.
@pytest.mark.parametrize("name", CELLS)
def test_axe_finds_nothing_serious_in_the_dark(page, axe, name):
    dress(page, "Dark", 1280)
    assert axe(area_of(page, name)) == []
