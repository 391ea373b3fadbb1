"""What every lesson has, whoever wrote it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

TOP = Path(__file__).resolve().parent.parent
LESSONS = sorted((TOP / "notebooks").glob("*.ipynb"))

WIDGET = "application/vnd.jupyter.widget-view+json"
IGNORE = "nbval-ignore-output"
MOST_CODE_LINES = 25
MOST_WORDS = 200
TOP_LABELS = ("**You will be able to**", "**You need**", "**Minutes**")
END_SECTIONS = ("## Summary", "## Check yourself", "## Your turn", "## In an interview")


def lesson(function):
    return pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)(function)


def cells(path, kind=None):
    notebook = nbformat.read(path, as_version=4)
    return [c for c in notebook.cells if kind is None or c.cell_type == kind]


def section(path, title):
    """The markdown from `title` to the next heading of its level."""
    text = "\n\n".join(c.source for c in cells(path, "markdown"))
    return re.split(r"^## ", text.split(title, 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def mime_types(cell):
    return [set(output.get("data", {})) for output in cell.outputs]


def ends_in_a_widget(cell):
    """Its last output is a widget, or what a widget left behind."""
    return bool(cell.outputs) and (WIDGET in mime_types(cell)[-1] or left_behind(cell.outputs[-1]))


def left_behind(output):
    return "paxos-still" in output.get("data", {}).get("text/html", "")


def test_the_first_five_lessons_are_there():
    assert [p.stem for p in LESSONS][:5] == [
        "00_start_here", "01_the_problem", "02_ballots_and_quorums", "03_prepare_and_promise",
        "04_accept_and_learn",
    ]  # fmt: skip


@lesson
def test_the_top_says_goal_needs_minutes_and_the_way(path):
    top = cells(path)[0]
    assert top.cell_type == "markdown" and top.source.startswith("# ")
    for label in TOP_LABELS:
        assert label in top.source
    assert re.search(r"\*\*Minutes\*\*\W+\d+", top.source)
    index = LESSONS.index(path)
    if index > 0:
        assert f"({LESSONS[index - 1].name})" in top.source
    if index + 1 < len(LESSONS):
        assert f"({LESSONS[index + 1].name})" in top.source


@lesson
def test_the_end_has_summary_questions_task_and_interview(path):
    text = "\n\n".join(c.source for c in cells(path, "markdown"))
    places = [text.index(f"\n{title}\n") if f"\n{title}\n" in f"\n{text}\n" else -1 for title in END_SECTIONS]
    assert all(place >= 0 for place in places), dict(zip(END_SECTIONS, places, strict=True))
    assert places[0] == min(places)
    bullets = re.findall(r"^[-*] ", section(path, "## Summary"), re.MULTILINE)
    assert len(bullets) == 5
    assert section(path, "## Check yourself").count("<details>") == 2
    assert section(path, "## In an interview").count("<details>") >= 1


@lesson
def test_cells_are_short(path):
    for cell in cells(path, "code"):
        assert len(cell.source.splitlines()) <= MOST_CODE_LINES, cell.id
    for cell in cells(path, "markdown"):
        assert len(re.findall(r"\w+", re.sub(r"\(.*?\)|<.*?>", "", cell.source))) <= MOST_WORDS, cell.id


@lesson
def test_outputs_are_stored_and_complete(path):
    code = cells(path, "code")
    assert [c.execution_count for c in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error"]
    assert not [o for o in outputs if o.get("name") == "stderr"]
    assert any("image/svg+xml" in kinds for cell in code for kinds in mime_types(cell))


@lesson
def test_no_cell_hides_an_error(path):
    for cell in cells(path, "code"):
        assert not {"raises-exception", "nbval-raises-exception", "nbval-skip"} & set(
            cell.metadata.get("tags", [])
        )
        assert "except:" not in cell.source
        assert not re.search(r"except [\w.]*Exception[^\n]*:\s*pass", cell.source)


@lesson
def test_only_widget_cells_are_spared_the_comparison(path):
    tagged = [c for c in cells(path, "code") if IGNORE in c.metadata.get("tags", [])]
    widgets = [c for c in cells(path, "code") if any(WIDGET in kinds for kinds in mime_types(c))]
    assert [c.id for c in tagged] == [c.id for c in widgets]
    assert all(ends_in_a_widget(c) for c in tagged)
    assert tagged, "a lesson has something in hand"


@lesson
def test_a_guess_comes_before_each_stepper_or_run(path):
    sources = [c.source for c in cells(path, "code")]
    assert sum("predict(" in s for s in sources) >= 2 or path.stem.startswith("00")
    assert any("predict(" in s for s in sources)


@lesson
def test_claims_are_asserted(path):
    assert sum("assert " in c.source for c in cells(path, "code")) >= 3


@lesson
def test_every_picture_has_its_twin_in_words(path):
    for cell in cells(path, "code"):
        kinds = mime_types(cell)
        for index, has in enumerate(kinds):
            if "image/svg+xml" in has and WIDGET not in has and not left_behind(cell.outputs[index]):
                page = cell.outputs[index].data.get("text/html", "")
                caption = cell.outputs[index].data["text/plain"]
                assert re.search(r'<img class="paxos-picture" alt="[^"]+\."', page), cell.id
                assert page.count("<figcaption>") == 1 and "<summary" in page and caption, cell.id


@lesson
def test_links_lead_somewhere(path):
    for cell in cells(path, "markdown"):
        for target in re.findall(r"\]\(([^)#\s]+)", cell.source):
            if not target.startswith(("http://", "https://", "attachment:")):
                assert (path.parent / target).exists(), target


@lesson
def test_ids_are_unique_and_the_stored_text_names_no_machine(path):
    ids = [c.id for c in cells(path)]
    assert len(ids) == len(set(ids))
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"/home/|/root/|/tmp/|/Users/|C:\\\\Users", text)


def test_the_readme_leads_to_every_lesson():
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", readme):
        if not target.startswith("http"):
            assert (TOP / target).exists(), target
    for path in LESSONS:
        assert f"notebooks/{path.name}" in readme


def test_what_is_stored_does_not_tell_how_fast_the_machine_was(tmp_path):
    """The tool that stores outputs runs them as quietly as the tests that compare them."""
    path = tmp_path / "one.ipynb"
    cell = nbformat.v4.new_code_cell("import os\nprint(os.environ.get('PAXOS_LAB_QUIET'))")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    loud = {name: value for name, value in os.environ.items() if name != "PAXOS_LAB_QUIET"}
    subprocess.run([sys.executable, TOP / "tools" / "notebooks.py", path], env=loud, check=True)
    assert cells(path)[0].outputs[0].text == "1\n"
