"""The stepper in JupyterLab in a real browser: what a learner clicks and sees."""

import re
from functools import partial

import pytest
from pages import dress, put_lesson

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def first(open_notebook):
    """The first lesson, as a whole: its own stepper, and the course's roles."""
    return partial(open_notebook, "00_start_here")


@pytest.fixture(scope="module")
def fourth(lab_folder, open_notebook):
    """Of lesson 04 what its stepper needs: the roles that were typed there."""
    return partial(open_notebook, put_lesson(lab_folder, "04_accept_and_learn", "Stepper(\n"))


def test_keys_play_and_jump(first, stepper):
    page = first()
    widget = stepper(page).restart()
    start = widget.step
    widget.root.focus()
    page.keyboard.press("ArrowRight")
    widget.await_step(start + 1)
    page.keyboard.press("ArrowRight")
    widget.await_step(start + 2)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"() => document.activeElement.dataset.step === '{start + 1}'")
    page.keyboard.press("Home")
    widget.await_step(0)
    page.keyboard.press("End")
    widget.await_step(start + 2)
    widget.root.locator("select[aria-label=Speed]").select_option("fast")
    widget.button("play").click()
    widget.await_step(start + 5)
    assert widget.text("[data-key=play]") == "Pause"
    widget.button("play").click()
    assert widget.text("[data-key=play]") == "Play"
    # The focus stays where the hand is, though the buttons are drawn anew.
    widget.button("forward").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.dataset.key === 'forward'")


def test_what_is_impossible_is_said(first, stepper):
    page = first()
    widget = stepper(page).restart()
    widget.root.get_by_text("Cut the network").click()
    widget.click("cut")  # nobody picked
    assert "all nodes are in one group" in widget.text(".problem")
    widget.click("forward")
    assert not widget.root.locator(".problem").is_visible()


def test_forward_back_and_to_the_end(fourth, stepper, keep):
    page = fourth()
    widget = stepper(page).restart()
    first = widget.step
    widget.click("forward", to=first + 1)
    widget.click("forward", to=first + 2)
    assert f"step {first + 2} of {first + 2}" in widget.text(".where")
    assert widget.text(".now").startswith(f"{first + 2}. ")
    svg = widget.root.locator(".picture > svg")
    assert svg.get_attribute("role") == "img" and svg.get_attribute("aria-label")
    widget.click("back", to=first + 1)
    assert f"step {first + 1} of {first + 2}" in widget.text(".where")
    for _ in range(60):
        if widget.button("forward").is_disabled():
            break
        widget.click("forward")
    assert widget.button("forward").is_disabled()
    assert re.search(r"is chosen\. By the rules, no other value can ever be\.", widget.text(".verdict"))
    assert "No message is in flight." in widget.text(".flight")
    keep(widget.root, "stepper_end")
    assert page.problems == []


def test_you_are_the_network(fourth, stepper, keep):
    page = fourth()
    widget = stepper(page).restart()
    step = widget.step
    waiting = widget.flights()
    assert len(waiting) >= 3 and all("Prepare" in text for text in waiting[:3])
    last = re.match(r"#(\d+)", waiting[-1])[1]
    receiver = re.search(r" to (\w+):", waiting[-1])[1]
    widget.click(f"deliver-{last}", to=step + 1)  # out of order: the youngest first
    assert re.search(r"promised = \d", widget.node(receiver))
    assert "(changed)" in widget.node(receiver)
    lost, doubled = (re.match(r"#(\d+)", text)[1] for text in waiting[:2])
    widget.click(f"drop-{lost}", to=step + 2)
    assert "The network loses" in widget.text(".now")
    assert not any(text.startswith(f"#{lost} ") for text in widget.flights())
    before = len(widget.flights())
    widget.click(f"duplicate-{doubled}", to=step + 3)
    assert len(widget.flights()) == before + 1
    index = widget.root.locator(".nodes > .node").evaluate_all(
        "(nodes, name) => nodes.findIndex(n => n.dataset.node === name)", receiver
    )
    widget.click(f"crash-{index}", to=step + 4)
    assert "DOWN" in widget.node(receiver)
    assert re.search(r"promised = \d", widget.node(receiver)), "the disk stays"
    keep(widget.root, "stepper_faults")
    widget.click(f"restart-{index}", to=step + 5)
    assert "DOWN" not in widget.node(receiver)
    widget.click("back", to=step + 4)
    widget.click("back", to=step + 3)
    assert "DOWN" not in widget.node(receiver)
    assert page.problems == []


def test_cut_heal_and_export(fourth, stepper, keep):
    page = fourth()
    widget = stepper(page).restart()
    widget.root.get_by_text("Cut the network").click()
    widget.root.locator("[data-key=side-0]").check()
    widget.click("cut")
    assert "The network is cut: p1 |" in widget.text(".cut-text")
    held = [text for text in widget.flights() if " p1 to " in text]
    assert held and all("partition" in text for text in held)
    keep(widget.root, "cut")
    widget.click("heal")
    assert not any("partition" in text for text in widget.flights())
    widget.root.get_by_text("Export this run").click()
    widget.click("export")
    assert "def rerun(nodes):" in widget.root.locator("textarea").input_value()
    widget.root.locator("select[data-key=picture]").select_option("cluster")
    widget.root.get_by_text("messages in flight").first.wait_for()
    keep(widget.root, "cluster")


@pytest.mark.parametrize("width", [1280, 560])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_reads_in_both_themes_and_narrow(fourth, stepper, keep, theme, width):
    page = fourth()
    dress(page, theme, width, 1400)
    widget = stepper(page).restart()
    for _ in range(6):
        widget.click("forward")
    keep(widget.root, f"stepper_{theme}_{width}")
    box = widget.root.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    assert widget.root.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out sideways"
    for part in (".now", ".verdict", ".caption", ".message .text", ".nodes dd", ".kind"):
        assert _contrast(widget.root, part) >= 4.5, part
    dress(page, "Light", 1280)


def test_sentence_picture_and_messages_stand_on_one_screen(fourth, stepper, keep):
    page = fourth()
    dress(page, "Light", 1280, 720)
    widget = stepper(page).restart()
    widget.root.locator("select[data-key=picture]").select_option("space-time")
    for _ in range(14):
        widget.click("forward")
    widget.root.evaluate("e => e.scrollIntoView({block: 'start'})")
    keep(page, "stepper_1280_720")
    tops = [
        widget.root.locator(part).first.bounding_box() for part in (".now", ".picture", ".message .verbs")
    ]
    assert all(box["y"] >= 0 and box["y"] + box["height"] <= 700 for box in tops), tops
    # The names of the columns lie over the top of a picture that is scrolled to its newest row.
    picture, head = widget.root.locator(".picture"), widget.root.locator(".picture .head svg")
    assert picture.evaluate("e => e.scrollTop") > 0
    assert abs(head.bounding_box()["y"] - picture.bounding_box()["y"]) < 4
    names = head.locator("text").all_text_contents()
    inside = head.locator("text").first.bounding_box()
    assert "p1" in names and inside["y"] < picture.bounding_box()["y"] + 40
    dress(page, "Light", 1280)


@pytest.mark.parametrize("act", ["back", "drop", "Home"])
def test_whatever_a_learner_does_ends_play(first, stepper, act):
    page = first()
    widget = stepper(page).restart()
    widget.root.locator("select[aria-label=Speed]").select_option("fast")
    widget.button("play").click()
    widget.await_step(3)
    assert widget.text("[data-key=play]") == "Pause"
    if act == "back":
        widget.click("back")
    elif act == "drop":
        widget.root.locator("button[data-key^=drop-]").first.click()
    else:
        widget.root.focus()
        page.keyboard.press("Home")
    page.wait_for_function("e => e.textContent === 'Play'", arg=widget.button("play").element_handle())


def test_both_futures_stand_side_by_side(first, stepper, keep):
    page = first()
    widget = stepper(page).restart()
    assert not widget.button("futures").is_visible()
    widget.click("forward")
    widget.click("forward")
    widget.click("back")
    widget.root.locator("button[data-key^=drop-]").first.click()
    widget.button("futures").wait_for()
    widget.click("futures")
    both = widget.root.locator(".futures")
    assert "steps are the same" in both.inner_text() and "≠" in both.inner_text()
    left, right = (both.locator("section").nth(i).bounding_box() for i in (0, 1))
    assert left["y"] == right["y"] and left["x"] + left["width"] <= right["x"]
    keep(both, "futures")


def _contrast(root, part):
    """The WCAG contrast of a part's text with the background it stands on."""
    return root.locator(part).first.evaluate("""element => {
      const parse = c => c.match(/[\\d.]+/g).map(Number);
      let behind = element;
      while (behind && (parse(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
      const over = parse(getComputedStyle(behind).backgroundColor);
      const ink = parse(getComputedStyle(element).color);
      const alpha = ink[3] ?? 1;
      const mixed = ink.slice(0, 3).map((v, i) => v * alpha + over[i] * (1 - alpha));
      const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const [a, b] = [light(mixed), light(over.slice(0, 3))].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05);
    }""")


def test_what_a_learner_types_stays_text(fourth, stepper):
    page = fourth()
    evil = '<img src=x onerror="window.pwned = 1"><script>window.pwned = 1</script>'
    page.evaluate(
        """async (code) => {
          const notebook = jupyterapp.shell.currentWidget;
          await jupyterapp.commands.execute('notebook:move-cursor-up').catch(() => {});
          notebook.content.activeCellIndex = notebook.content.widgets.length - 1;
          await jupyterapp.commands.execute('notebook:insert-cell-below');
          notebook.content.activeCell.model.sharedModel.setSource(code);
          if (notebook.content.activeCell.model.type !== 'code') await jupyterapp.commands.execute('notebook:change-cell-to-code');
          await jupyterapp.commands.execute('notebook:run-cell');
        }""",
        "from paxos_lab import MessageBus\nfrom paxos_lab.paxos import single_decree\n"
        f"from paxos_lab.show import Stepper\nevil_bus = MessageBus(single_decree([{evil!r}]))\n"
        "evil_bus.run(max_steps=9)\nStepper(evil_bus)",
    )
    page.wait_for_function(
        "() => [...document.querySelectorAll('.paxos-stepper')].some(e => e.textContent.includes('onerror'))"
    )
    last = page.locator(".paxos-stepper", has_text="onerror").first
    index = page.locator(".paxos-stepper").evaluate_all("(all, e) => all.indexOf(e)", last.element_handle())
    widget = stepper(page, index)
    widget.click("forward")
    assert widget.root.locator("img, script").count() == 0
    assert page.evaluate("() => window.pwned") is None
