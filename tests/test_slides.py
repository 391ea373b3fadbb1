"""The slides of the lessons: what begins one, and decks that ask no host for anything."""

import copy
import hashlib
import html
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from paxos_lab import LabError
from paxos_lab.teach.lessons.questions import load

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tools"))

import slides  # noqa: E402

LESSONS = sorted((TOP / "notebooks").glob("*.ipynb"))

PREDICT = 'predict("x-1", "Is <one> enough?", ["yes", "no"], answer=1, why=("Not " "one."))'
SVG = '<svg role="img" aria-label="a picture" width="100pt" height="{}pt"></svg>'


def picture(height, **more):
    return new_output("display_data", data={"image/svg+xml": SVG.format(height), "text/plain": "p", **more})


def figure(height):
    words = "<details><summary>The picture in words</summary><ul><li>one</li><li>two</li></ul></details>"
    image = '<img class="paxos-picture" alt="Caption." src="data:image/svg+xml;base64,AAAA">'
    html = f"<figure><div>{image}</div><figcaption><em>Caption.</em></figcaption>{words}</figure>"
    return picture(height, **{"text/html": html})


def code(source, *outputs):
    return new_code_cell(source, outputs=list(outputs))


def small():
    widget = {slides.WIDGET: {"model_id": "m"}, "text/plain": "Duel. <b>"}
    cells = [
        new_markdown_cell("# Title"),
        code("from paxos_lab import *\nassert True"),
        new_markdown_cell("## Part"),
        code("run()", figure(100)),
        new_markdown_cell("### Smaller part"),
        code(PREDICT),
        new_markdown_cell("and so on"),
        code("assert x == 1"),
        code("def f():\n    assert x == 1"),
        code("Duel()", new_output("execute_result", data=widget)),
        code("tall()", picture(400)),
        code("tall()", picture(400)),
        new_markdown_cell(
            "## Check yourself\n\n<details><summary>Answer</summary>\n\nNo.\n\nNever.\n\n</details>"
        ),
    ]
    return new_notebook(cells=cells)


def kinds(notebook):
    slides.mark(notebook)
    return [cell.metadata.slideshow.slide_type for cell in notebook.cells]


def test_titles_begin_slides_and_what_does_not_fit_goes_below():
    expected = [
        "slide",
        "skip",
        "slide",
        "-",
        "subslide",
        "-",
        "subslide",
        "skip",
        "-",
        "-",
        "subslide",
        "subslide",
        "slide",
    ]
    assert kinds(small()) == expected


def test_marking_touches_nothing_but_the_marks_and_twice_is_once():
    notebook = small()
    before = copy.deepcopy(notebook)
    slides.mark(notebook)
    once = copy.deepcopy(notebook)
    slides.mark(notebook)
    assert notebook == once
    for cell in notebook.cells:
        del cell.metadata["slideshow"]
    assert notebook == before


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_every_lesson_is_marked(path, tmp_path):
    mine = tmp_path / path.name
    mine.write_bytes(path.read_bytes())
    assert not slides.mark_file(mine), f"run: python tools/slides.py mark notebooks/{path.name}"


class Loads(HTMLParser):
    """Every address from which a page would load something by itself."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        keys = {"link": ("href",), "a": (), "area": ()}.get(
            tag, ("src", "srcset", "data", "poster", "href", "xlink:href")
        )
        self.found += [named[key] for key in keys if key in named]


def outside(page):
    loads = Loads()
    loads.feed(page)
    styles = re.findall(
        r"""(?:url\(|@import)\s*["']?([^"')\s;]+)""", "".join(re.findall(r"<style.*?</style>", page, re.S))
    )
    scripts = re.findall(
        r"""\b(?:import|from)\s*\(?["']([^"']+)["']""", page.partition("Reveal.initialize")[2]
    )
    return [a for a in (*loads.found, *styles, *scripts) if not a.startswith(("#", "data:"))]


def test_the_search_for_addresses_finds_them():
    there = '<script src="//a.b/c.js"></script><style>@import "https://x/y.css";</style><a href="https://fine"></a>'
    assert outside(there) == ["//a.b/c.js", "https://x/y.css"]


def deck_of(folder, notebook):
    path = folder / "99_small.ipynb"
    slides.mark(notebook)
    nbformat.write(notebook, path)
    return slides.deck(path)


@pytest.fixture(scope="module")
def small_deck(tmp_path_factory):
    return deck_of(tmp_path_factory.mktemp("deck"), small())


@pytest.fixture(scope="module")
def lesson_deck():
    return slides.deck(TOP / "notebooks" / "04_accept_and_learn.ipynb")


def test_a_deck_asks_no_host_for_anything(small_deck, lesson_deck):
    for page in (small_deck, lesson_deck):
        assert outside(page) == []
        assert "Reveal.initialize" in page
        for host in ("unpkg", "cdnjs", "jsdelivr", "googleapis"):
            assert host not in page


def test_a_guess_is_a_question_and_its_answer_comes_after(small_deck):
    assert "predict" not in small_deck
    assert "Is &lt;one&gt; enough?" in small_deck
    asked, _, told = small_deck.partition('class="fragment"')
    assert "<li>no</li>" in asked and "Not one." in told


def test_a_guess_of_the_course_is_looked_up(tmp_path):
    asked = load()["04-value"]
    page = deck_of(tmp_path, new_notebook(cells=[new_markdown_cell("# T"), code('predict("04-value")')]))
    question, _, told = page.partition('class="fragment"')
    assert html.escape(asked.question) in question
    places = [question.index(f"<li>{html.escape(option.says)}</li>") for option in asked.options]
    assert places == sorted(places), "in the order of the file, whoever builds the deck"
    right = asked.options[asked.answer]
    assert right.because not in html.unescape(question) and right.because in html.unescape(told)
    with pytest.raises(LabError, match="no prediction"):
        slides.guess('predict("04-nothing")')


@pytest.mark.parametrize("asks", [new_markdown_cell("**Guess:** how many?"), code('predict("04-value")')])
def test_what_answers_a_guess_is_on_the_next_slide(asks):
    cells = [new_markdown_cell("# T"), asks, code("run()", new_output("stream", text="three"))]
    assert kinds(new_notebook(cells=cells)) == ["slide", "-", "subslide"]


def test_only_a_whole_prediction_is_a_guess():
    assert slides.guess(PREDICT)["answer"] == 1
    for other in ("predict(x)", "predict('a', 'b', ['c'])", "1 +", "f()\ng()"):
        assert slides.guess(other) is None


def test_widgets_and_pictures_have_something_to_show(small_deck):
    assert "Duel. &lt;b&gt;" in small_deck
    assert 'aria-label="a picture"' in small_deck


def test_what_is_folded_holds_its_text(small_deck):
    assert re.search(
        r"<details><summary>Answer</summary>\s*<p>No.</p>\s*<p>Never.</p>\s*</details>", small_deck
    )
    assert re.search(
        r"in words</summary>\s*<ul>\s*<li>one</li>\s*<li>two</li>\s*</ul>\s*</details>", small_deck
    )


def test_reveal_is_what_its_readme_says():
    folder = TOP / "tools" / "slides_template"
    sums = re.findall(r"\| `(\S+)` \| ([0-9a-f]{64}) \|", (folder / "README.md").read_text(encoding="utf-8"))
    assert len(sums) == 2
    for name, wanted in sums:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == wanted


def test_all_decks_are_listed_and_lead_to_each_other(tmp_path):
    paths = [tmp_path / f"{name}.ipynb" for name in ("01_one", "02_two")]
    for path in paths:
        nbformat.write(new_notebook(cells=[new_markdown_cell("# Title\n\n[next](02_two.ipynb)")]), path)
    assert slides.main(["build", *map(str, paths), f"--out={tmp_path / 'decks'}"]) == 0
    page = (tmp_path / "decks" / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'href="([^"]+)"', page) == ["01_one.html", "02_two.html"]
    assert 'href="02_two.html"' in (tmp_path / "decks" / "01_one.html").read_text(encoding="utf-8")
