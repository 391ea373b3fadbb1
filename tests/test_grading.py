"""A class hands in what classes hand in; each gets the right grade, and the run comes to its end."""

import csv
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tools"))

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
pytest.importorskip("nbgrader", reason="needs the extra `workshop`")

import autograde  # noqa: E402
import grade  # noqa: E402

import exercises  # noqa: E402

NAME = "03_acceptor"

SET_UP = """\
from dataclasses import dataclass
from paxos_lab import *
from paxos_lab.paxos import *
from paxos_lab.teach.exercises.checking import check"""

FIRST = """\
@dataclass
class Promiser(Node):
    learners: tuple = ()
    promised: Ballot = stable(Ballot.ZERO)

    def receive(self, sender, message):
        ### BEGIN SOLUTION
        if isinstance(message, Prepare) and message.ballot > self.promised:
            self.promised = message.ballot
            self.send(sender, Promise(message.ballot, None))
        ### END SOLUTION"""

SECOND = """\
### BEGIN SOLUTION
from paxos_lab.paxos import Learner
### END SOLUTION"""

GUARDED = """\
### BEGIN HIDDEN TESTS
import runpy, paxos_lab
guard = runpy.run_path(paxos_lab.__path__[0] + "/teach/grading/honest.py")["guard"]
### END HIDDEN TESTS
answer = check("{task}", {name})
### BEGIN HIDDEN TESTS
guard(check, answer)
### END HIDDEN TESTS
answer"""


def marked(grade_id, **more):
    marks = {"grade": False, "grade_id": grade_id, "locked": False, "schema_version": 3, "solution": False}
    return {"nbgrader": marks | {"task": False} | more}


def cell(grade_id, source, **more):
    return new_code_cell(source, id=grade_id, metadata=marked(grade_id, **more))


def solution():
    first = GUARDED.format(task="acceptor.promise", name="Promiser")
    second = GUARDED.format(task="learner.count", name="Learner")
    cells = [
        new_markdown_cell("# The acceptor", id="title"),
        cell("set-up", SET_UP, locked=True),
        cell("first", FIRST, solution=True),
        cell("check-first", first, grade=True, locked=True, points=2),
        cell("second", SECOND, solution=True),
        cell("check-second", second, grade=True, locked=True, points=3),
    ]
    return new_notebook(cells=cells, metadata=exercises.METADATA)


def plain(source):
    return "\n".join(line for line in source.split("\n") if "SOLUTION" not in line)


RIGHT = plain(FIRST), plain(SECOND)


def attempt(first=RIGHT[0], second=RIGHT[1]):
    """What a student hands in: the exercise as we gave it out, with these two answers."""
    notebook = exercises.exercise(solution(), NAME)
    cells = {c.id: c for c in notebook.cells}
    cells["first"].source, cells["second"].source = first, second
    return notebook


DEAF = """\
@dataclass
class Promiser(Node):
    learners: tuple = ()

    def receive(self, sender, message):
        pass"""
DEAF_TOO = """\
@dataclass
class Learner(Node):
    quorums: object
    learned: object = None

    def receive(self, sender, message):
        pass"""

# An endless loop, but one that leaves the processor to the other tests.
LOOP = "import time\nwhile True:\n    time.sleep(0.05)"

OWN_CHECK = """
class Yes:
    passed, headline = True, "passed"
def check(*things):
    return Yes()"""

PATCH = """
import importlib
judge = importlib.import_module("paxos_lab.teach.exercises.checking")
judge._judge = lambda id, things: judge.Answer(id, True, "passed")"""

MUTE = """
get_ipython().input_transformers_cleanup.append(lambda lines: [])"""


def sly():
    """Prints what a pass prints, deletes one check, makes the other worth more."""
    notebook = attempt(DEAF + "\nprint('acceptor.promise: PASSED.')", DEAF_TOO)
    notebook.cells = [c for c in notebook.cells if c.id != "check-second"]
    check = next(c for c in notebook.cells if c.id == "check-first")
    check.metadata.nbgrader.points = 1000
    check.source = "print('passed')"
    return notebook


WRITES = """
from pathlib import Path
import paxos_lab
assert "package" in Path(paxos_lab.__file__).parts[-3]  # the copy, and nothing but the copy
Path(paxos_lab.__file__).with_name("judge.py").write_text("")
"""

HANDED_IN = {
    "ada right": attempt(),
    "bob half": attempt(second=DEAF_TOO),
    "finn raises": attempt(first="1 / 0"),
    "gus dies": attempt(first="import os\nos._exit(1)"),
    "hal loops": attempt(first=LOOP),
    "ivy own check": attempt(first=DEAF + OWN_CHECK, second=DEAF_TOO),
    "jon patches": attempt(first=DEAF + PATCH, second=DEAF_TOO),
    "kim sly": sly(),
    "mia writes": attempt(first=RIGHT[0] + WRITES),
    "leo mutes": attempt(first=DEAF + MUTE, second=DEAF_TOO),
}
FULL = {"ada right": 5, "bob half": 2, "finn raises": 3, "hal loops": 3}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The rows of grades.csv by student, the folder of the results, and what was printed."""
    top = tmp_path_factory.mktemp("class")
    for name in ("solutions", "handed"):
        (top / name).mkdir()
    nbformat.write(solution(), top / "solutions" / f"{NAME}.ipynb")
    for student, notebook in HANDED_IN.items():
        (top / "handed" / student).mkdir()
        nbformat.write(notebook, top / "handed" / student / f"{NAME}.ipynb")
    # A package beside the notebook that would be imported in place of ours.
    fake = top / "handed" / "bob half" / "paxos_lab"
    fake.mkdir()
    (fake / "__init__.py").write_text("raise SystemExit")
    (top / "handed" / "cleo.ipynb").write_text("")
    (top / "handed" / "dora.ipynb").write_text('{"cells": [{"cell_type": "code", "source"')
    (top / "handed" / "eve").mkdir()
    (top / "handed" / "=hyperlink.ipynb").write_text('{"cells": 3, "nbformat": 4}')
    ended = grade.main(
        [str(top / "handed"), f"--out={top / 'out'}", f"--solutions={top / 'solutions'}", "--cell-seconds=6"]
    )
    assert ended == 0
    with (top / "out" / "grades.csv").open(encoding="utf-8-sig", newline="") as source:
        rows = {row["student"]: row for row in csv.DictReader(source)}
    return rows, top / "out"


@pytest.mark.parametrize("student", [*HANDED_IN, "cleo", "dora", "eve", "'=hyperlink"])
def test_everybody_gets_what_is_due(graded, student):
    row = graded[0][student]
    assert float(row["points"]) == FULL.get(student, 0), row
    assert row["of"] == "5" and row["exercise"] == NAME
    assert (row["notes"] == "") == (student == "ada right"), row


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("cleo", "cleo.ipynb is empty"),
        ("dora", "dora.ipynb is no notebook"),
        ("eve", "nothing handed in"),
        ("'=hyperlink", "is no notebook"),
        ("bob half", "check-second: "),
        (
            "finn raises",
            "cell 3: ZeroDivisionError: division by zero; check-first: NameError: name 'Promiser' is not defined",
        ),
        ("hal loops", "cell 3: it ran too long and was stopped"),
        ("gus dies", "the run broke off"),
        ("ivy own check", "check-first: `check` is not the course's own"),
        ("jon patches", "paxos_lab.teach.exercises.checking._judge is not what the course's file says"),
        ("leo mutes", "check-second: This check did not run to its end"),
    ],
)
def test_the_reason_is_said(graded, student, words):
    assert words in graded[0][student]["notes"]


def test_each_check_is_listed_with_its_points(graded):
    assert graded[0]["bob half"]["checks"] == "check-first 2/2, check-second 0/3"
    assert graded[0]["kim sly"]["checks"] == "check-first 0/2, check-second 0/3"


def test_what_a_task_seldom_needs_is_pointed_at(graded):
    assert "importlib in cell 3" in graded[0]["jon patches"]["look"]
    assert "get_ipython in cell 3" in graded[0]["leo mutes"]["look"]
    assert graded[0]["ada right"]["look"] == ""


@pytest.mark.parametrize(
    ("ename", "evalue", "judged"),
    [
        ("NotJudged", "I could not finish", "was not judged: I could not finish"),
        ("CellTimeoutError", "", "was not judged: it ran too long and was stopped"),
        ("AssertionError", "It did not promise", "It did not promise"),
    ],
)
def test_a_check_without_a_verdict_is_to_be_looked_at(ename, evalue, judged):
    check = cell("check", "guard(check, answer)")
    check.outputs = [nbformat.v4.new_output("error", ename=ename, evalue=evalue, traceback=[])]
    why = autograde.ExecuteWithReceipts().why(check)
    assert why == judged
    assert (autograde.looks([("check", 0.0, why)]) == ["check was not judged"]) == (ename != "AssertionError")
    loop = cell("own", "while True: pass")
    loop.outputs = [nbformat.v4.new_output("error", ename="CellTimeoutError", evalue="", traceback=[])]
    assert autograde.ExecuteWithReceipts().why(loop) == "it ran too long and was stopped"


def test_feedback_loads_nothing_from_outside(graded):
    for page in (graded[1] / "feedback").rglob("*.html"):
        assert not re.findall(
            r"<(?:script|link|img)[^>]+(?:src|href)=.?(?:https?:)?//", page.read_text("utf-8")
        )


def test_feedback_shows_the_answer_and_no_hidden_line(graded):
    page = (graded[1] / "feedback" / "bob half" / f"{NAME}.html").read_text(encoding="utf-8")
    assert "Promiser" in page and "learner.count" in page
    assert "Not yet." in page, "what check said stands there too"
    assert "HIDDEN" not in page and "runpy" not in page and "receipt=" not in page
    made = sorted(p.parent.name for p in (graded[1] / "feedback").rglob("*.html"))
    assert made == sorted(set(HANDED_IN) - {"gus dies"})


def test_the_table_is_for_people():
    rows = [
        grade.Row("ada", NAME, 5.0, 5.0, "", "", ""),
        grade.Row("jon", NAME, 0.0, 5.0, "", "x" * 200, "importlib in cell 3"),
    ]
    lines = grade.table(rows).splitlines()
    assert lines[1] == "ada  03_acceptor     5/5"
    assert lines[2].endswith("x…") and len(lines[2]) < 130
    assert lines[-1] == "  jon, 03_acceptor: importlib in cell 3"


def test_only_answers_and_own_cells_are_taken_from_a_student():
    theirs = attempt(first="mine = 1")
    cells = theirs.cells
    cells.insert(3, new_code_cell("helper = 2"))
    cells[1].source = "from my_lab import *"  # the locked set-up cell
    del cells[-1]
    made = autograde.rebuilt(solution(), theirs)
    sources = [c.source for c in made.cells]
    assert sources[1:4] == [SET_UP, "mine = 1", "helper = 2"]
    assert [c.id for c in made.cells if c.id in ("check-first", "check-second")] == [
        "check-first",
        "check-second",
    ]
    assert "guard(check, answer)" in sources[-1]


def test_an_exercise_is_known_by_its_cells_when_the_file_has_another_name(tmp_path):
    ids = {NAME: grade.marks_in(solution()), "04_learner": {"other"}}
    nbformat.write(attempt(), tmp_path / "ada.ipynb")
    nbformat.write(new_notebook(cells=[new_markdown_cell("hello")]), tmp_path / "bob.ipynb")
    (tmp_path / "notes.txt").write_text("not a submission")
    found = grade.collect(tmp_path, ids)
    assert list(found) == ["ada", "bob"]
    assert list(found["ada"]) == [NAME]
    assert list(found["bob"]) == [""]


def test_a_file_named_after_student_and_exercise(tmp_path):
    nbformat.write(attempt(), tmp_path / f"{NAME}_ada.ipynb")
    assert list(grade.collect(tmp_path, {NAME: set()})) == ["ada"]


def test_kernels_import_a_copy_that_is_made_new_when_a_notebook_wrote_into_it(tmp_path, monkeypatch):
    package = tmp_path / "package"
    package.mkdir()
    for name in ("a.py", "b.py", "c.js"):
        (package / name).write_text(name[0])
    monkeypatch.setattr(autograde, "PACKAGE", package)
    made = autograde.PackageCopy(tmp_path / "copy")
    assert made.made_new() == []
    (made.folder / "a.py").write_text("worse")
    (made.folder / "b.py").unlink()
    (made.folder / "d.py").write_text("new")
    (package / "a.py").write_text("somebody is at work here")
    assert made.made_new() == ["a.py", "b.py", "d.py"]
    assert {p.name: p.read_text() for p in made.folder.iterdir() if p.is_file()} == {
        n: n[0] for n in ("a.py", "b.py", "c.js")
    }
    assert (package / "a.py").read_text() == "somebody is at work here", "the package itself is left alone"


def test_a_notebook_that_writes_into_the_package_gets_nothing(graded):
    row = graded[0]["mia writes"]
    assert row["notes"] == "changed the course's own files: judge.py"
    assert not (TOP / "paxos_lab" / "judge.py").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nowhere"], "There is no folder nowhere"), ([".", "--exercise=99"], "There is no exercise 99")],
)
def test_a_wrong_command_is_told(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert grade.main(arguments) == 2
    assert words in capsys.readouterr().err
