"""What every exercise has, and what it answers as shipped."""

import re
from pathlib import Path

import nbformat
import pytest
from checking import cell as typed

from paxos_lab.teach.exercises.tasks import ALL

TOP = Path(__file__).resolve().parent.parent
SHIPPED = sorted((TOP / "exercises").glob("*.ipynb"))
WORKED = sorted((TOP / "solutions").glob("*.ipynb"))
INTERVIEW = "14_interview_prep.ipynb"  # the lesson of all exercises called interview_...
CHECK = re.compile(r'check\(\s*"([\w.]+)",')


def every(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda p: p.stem)


def cells(path, kind="code"):
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == kind]


def lesson_of(path):
    return TOP / "notebooks" / (INTERVIEW if path.stem.startswith("interview_") else path.name)


def checks(path):
    """The tasks that are checked in a notebook, in order, with their points."""
    found = []
    for one in cells(path):
        marks = one.metadata.get("nbgrader", {})
        if marks.get("grade"):
            (task,) = CHECK.findall(one.source)
            found.append((task, marks["points"]))
    return found


def test_every_task_stands_in_exactly_one_exercise_and_in_that_of_its_lesson():
    places = [(task, path.stem) for path in WORKED for task, _ in checks(path)]
    assert sorted(task for task, _ in places) == sorted(ALL)
    for task, name in places:
        assert name.startswith(ALL[task].lesson.replace("14", "interview_")), task


def test_every_exercise_belongs_to_a_lesson_that_links_it():
    for path in SHIPPED:
        lesson = lesson_of(path)
        assert lesson.exists(), path.name
        text = "\n".join(c.source for c in cells(lesson, "markdown"))
        assert f"(../exercises/{path.name})" in text, f"{lesson.name} does not link its exercise"


@every(SHIPPED)
def test_the_reference_is_one_click_away(path):
    assert "(../docs/reference.md)" in cells(path, "markdown")[0].source


@every(SHIPPED)
def test_the_top_says_what_needs_and_minutes(path):
    top = cells(path, "markdown")[0].source
    kind = "Interview" if path.stem.startswith("interview_") else f"Exercise {path.stem[:2]}"
    assert top.startswith(f"# {kind} · ")
    for label in ("**You will write**", "**You need**", "**Minutes**"):
        assert label in top
    assert f"../notebooks/{lesson_of(path).name}" in top
    assert re.search(r"\*\*Minutes\*\*\W+\d+", top)


@every(SHIPPED)
def test_every_task_has_an_answer_cell_a_hint_and_a_check(path):
    sources = [c.source for c in cells(path)]
    marks = [c.metadata.get("nbgrader", {}) for c in cells(path)]
    ids = [m["grade_id"] for m in marks if m]
    assert len(ids) == len(set(ids))
    assert any(m.get("solution") for m in marks)
    for task, points in checks(path):
        assert f'hint("{task}")' in sources, task
        assert points >= 1
        assert sources.index(f'hint("{task}")') < next(
            i for i, s in enumerate(sources) if f'check("{task}"' in s
        )
    assert not any("BEGIN SOLUTION" in s or "HIDDEN" in s or "guard(" in s for s in sources)


@every(SHIPPED)
def test_links_lead_somewhere(path):
    for one in cells(path, "markdown"):
        for target in re.findall(r"\]\(([^)#]+)", one.source):
            if not target.startswith("http"):
                assert (path.parent / target).resolve().exists(), target


@every(SHIPPED)
def test_as_shipped_every_check_answers_not_written_yet(path):
    names = {}
    answers = []
    for one in cells(path):
        defined = typed(one.source, imports="from dataclasses import dataclass", names=names)
        if one.metadata.get("nbgrader", {}).get("grade"):
            answers.append(defined["answer"])
    assert answers
    for answer in answers:
        assert not answer.passed and not answer.written, answer
        assert "still a `...`" in answer.headline


@every(WORKED)
def test_a_solution_shows_that_each_check_passes(path):
    for one in cells(path):
        if one.metadata.get("nbgrader", {}).get("grade"):
            shown = "".join(str(o.get("data", {}).get("text/plain", "")) for o in one.outputs)
            assert "PASSED" in shown, one.source
