"""Pictures of a notebook that nobody has run or trusted: shown, named, within the page, dark where the page is dark."""

from base64 import b64encode

import nbformat
import pytest
from pages import dress, put_notebook

from paxos_lab import Drop, MessageBus
from paxos_lab.multipaxos import Put, replicated_log
from paxos_lab.paxos import single_decree
from paxos_lab.show import ballot_board, cluster, log_view, space_time

pytestmark = pytest.mark.browser

NAME = "pictures_untrusted"
OPEN = """async path => {
  const notebook = await jupyterapp.commands.execute('docmanager:open', {path});
  await notebook.context.ready;
  jupyterapp.shell.collapseLeft();
}"""
PICTURES = ".jp-OutputArea-output img.paxos-picture"


def pictures():
    bus = MessageBus(single_decree(["tea", "coffee"], acceptors=5), delay=1)
    bus.apply(Drop(bus.in_flight[1]))
    bus.run(max_steps=30)
    logs = MessageBus(replicated_log([[Put("x", n) for n in range(9)]]), delay=1)
    logs.run(until=lambda bus: bus["c1"].done, max_steps=900)
    return [space_time(bus.trace), cluster(bus), ballot_board(bus.trace), log_view(logs)]


@pytest.fixture(scope="module")
def stored(lab_folder):
    """A notebook with stored pictures that JupyterLab has no reason to trust; the captions in it."""
    notebook = nbformat.v4.new_notebook()
    shown = pictures()
    for picture in shown:
        output = nbformat.v4.new_output("display_data", data=picture.still())
        notebook.cells.append(nbformat.v4.new_code_cell("picture", outputs=[output], execution_count=1))
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab_folder / "notebooks" / f"{NAME}.ipynb")
    return [picture.caption for picture in shown]


@pytest.fixture(scope="module")
def page(stored, lab, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(60_000)
    page.goto(lab)
    page.wait_for_function("() => window.jupyterapp")
    page.evaluate("() => jupyterapp.restored")
    page.evaluate(OPEN, f"notebooks/{NAME}.ipynb")
    page.wait_for_function(
        f"() => [...document.querySelectorAll('{PICTURES}')].filter(i => i.complete && i.naturalWidth).length === {len(stored)}"
    )
    yield page
    page.close()


def test_each_picture_is_shown_with_its_name_and_its_caption_once(page, stored, keep):
    keep(page, "pictures_untrusted_light")
    assert page.locator(PICTURES).evaluate_all("all => all.map(i => i.alt)") == stored
    for caption in stored:
        assert page.get_by_text(caption, exact=True).count() == 1
    assert page.locator(".jp-OutputArea-output").get_by_text("untrusted").count() == 0


@pytest.mark.parametrize("width", [1280, 700])
def test_no_picture_runs_out_of_the_page(page, width, keep):
    dress(page, "Light", width, 720)
    keep(page, f"pictures_{width}")
    over = page.locator(PICTURES).evaluate_all(
        "all => all.map(i => { const box = i.parentElement; return [i.clientWidth, box.clientWidth, getComputedStyle(box).overflowX]; })"
    )
    for picture, box, overflow in over:
        assert picture <= box or overflow == "auto", (picture, box)
    wide = page.evaluate(
        "() => document.querySelector('.jp-Notebook').scrollWidth - document.querySelector('.jp-Notebook').clientWidth"
    )
    assert wide <= 1


RUN = (
    """
from paxos_lab import MessageBus
from paxos_lab.paxos import single_decree
from paxos_lab.show import space_time, ballot_board
bus = MessageBus(single_decree(["tea", "coffee"]), delay=1)
bus.run(max_steps=9)
ballot_board(bus.trace)
""",
    "space_time(bus.trace)",
    "from paxos_lab.show import Stepper\nStepper(bus)",
)
# The lightest and the darkest of a part of the picture as the screen shows it, as (red, green, blue).
EXTREMES = """async ([data]) => {
  const image = new Image();
  image.src = "data:image/png;base64," + data;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), {width: image.width, height: image.height});
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const bits = pen.getImageData(0, 0, image.width, image.height).data;
  let [least, most, dark, all] = [765, 0, 0, 0];
  for (let i = 0; i < bits.length; i += 4) {
    const sum = bits[i] + bits[i + 1] + bits[i + 2];
    least = Math.min(least, sum); most = Math.max(most, sum); all += 1; dark += sum < 200;
  }
  return [least / 3, most / 3, dark / all];
}"""


@pytest.fixture(scope="module")
def own_notebook(lab_folder):
    return put_notebook(lab_folder, "pictures_run", RUN)


def test_on_a_dark_page_a_picture_is_dark_and_its_text_is_light(own_notebook, open_notebook, keep):
    page = open_notebook(own_notebook)
    page.wait_for_function(f"() => document.querySelectorAll('{PICTURES}').length >= 2")
    dress(page, "Dark", 1280, 720)
    try:
        keep(page, "pictures_dark")
        picture = page.locator(PICTURES).first
        # As wide as it is drawn, and twice that: thin letters are never as light as their color.
        picture.evaluate("i => { i.style.zoom = 2; i.style.maxWidth = 'none'; }")
        shot = picture.screenshot()
        picture.evaluate("i => { i.style.zoom = i.style.maxWidth = ''; }")
        least, most, dark = page.evaluate(EXTREMES, [b64encode(shot).decode()])
        assert dark > 0.6 and least < 40 and most > 200
        page.emulate_media(media="print")
        assert page.locator(PICTURES).first.evaluate("i => getComputedStyle(i).filter") == "none"
    finally:
        page.emulate_media(media="screen")
        dress(page, "Light", 1280, 1000)
    least, most, dark = page.evaluate(
        EXTREMES, [b64encode(page.locator(PICTURES).first.screenshot()).decode()]
    )
    assert dark < 0.3 and most > 250


def test_on_a_dark_page_the_picture_of_a_stepper_is_dark_too(own_notebook, open_notebook, keep):
    page = open_notebook(own_notebook)
    picture = page.locator(".paxos-stepper .picture")
    picture.locator("svg.paxos-picture").last.wait_for()
    dress(page, "Dark", 1280, 720)
    try:
        picture.scroll_into_view_if_needed()
        keep(page, "stepper_dark")
        _, most, dark = page.evaluate(EXTREMES, [b64encode(picture.screenshot()).decode()])
        assert dark > 0.6 and most > 200
    finally:
        dress(page, "Light", 1280, 720)
    keep(page, "stepper_light")
