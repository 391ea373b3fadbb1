"""exercises/ is what solutions/ make; a mistake in a solution is told with its place."""

import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tools"))

import exercises  # noqa: E402


def marked(grade_id, *, grade=False, solution=False, locked=False, points=None):
    marks = {"grade": grade, "grade_id": grade_id, "locked": locked, "schema_version": 3}
    marks |= {"solution": solution, "task": False} | ({"points": points} if points else {})
    return {"nbgrader": marks}


SET_UP = "from paxos_lab import *\nfrom paxos_lab.teach import check, hint"

ANSWER = """\
class Acceptor(Node):
    promised: Ballot = stable(Ballot.ZERO)

    def receive(self, sender, message):
        ### BEGIN SOLUTION
        if message.ballot > self.promised:
            self.promised = message.ballot
        ### END SOLUTION

    def start(self):
        ### BEGIN SOLUTION
        self.send("a1", "started")
        ### END SOLUTION
"""

STUBBED = """\
class Acceptor(Node):
    promised: Ballot = stable(Ballot.ZERO)

    def receive(self, sender, message):
        # YOUR CODE HERE
        ...

    def start(self):
        # YOUR CODE HERE
        ...
"""

CHECK = """\
### BEGIN HIDDEN TESTS
import runpy
### END HIDDEN TESTS
answer = check("acceptor.promise", Acceptor)
### BEGIN HIDDEN TESTS
guard(check, answer)
### END HIDDEN TESTS
answer"""


def solution_notebook(answer=ANSWER, check=CHECK):
    answered = new_code_cell(answer, metadata=marked("answer", solution=True), id="answer", execution_count=2)
    answered.outputs = [new_output("stream", text="hello")]
    checked = new_code_cell(check, metadata=marked("check", grade=True, locked=True, points=2), id="check")
    whole = new_code_cell("def all_of_it(): pass", metadata=marked("whole", solution=True), id="whole")
    words = new_markdown_cell(
        "because", metadata=marked("why", grade=True, solution=True, points=1), id="why"
    )
    set_up = new_code_cell(SET_UP, metadata=marked("set_up", locked=True), id="set_up")
    return new_notebook(
        cells=[new_markdown_cell("# Task", id="title"), set_up, answered, checked, whole, words]
    )


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


def test_exercises_are_what_the_solutions_make(capsys):
    made = exercises.main(["--check"])
    assert made == 0, f"run `make exercises`:\n{capsys.readouterr().out}"


def test_solutions_and_hidden_tests_go_and_the_rest_stays():
    solved = solution_notebook()
    cells = by_id(exercises.exercise(solved, "01.ipynb"))
    assert cells["answer"].source == STUBBED
    assert cells["answer"].outputs == [] and cells["answer"].execution_count is None
    assert cells["check"].source == 'answer = check("acceptor.promise", Acceptor)\nanswer'
    assert cells["whole"].source == "# YOUR CODE HERE\n..."
    assert cells["why"].source == "YOUR ANSWER HERE"
    assert cells["set_up"].source == SET_UP
    assert cells["check"].metadata.nbgrader.points == 2
    assert not cells["check"].metadata.editable and not cells["set_up"].metadata.deletable
    assert "editable" not in cells["answer"].metadata
    assert by_id(solved)["answer"].source == ANSWER, "the solution itself is left alone"


def test_what_is_made_is_python_that_runs_and_does_nothing():
    source = by_id(exercises.exercise(solution_notebook(), "01.ipynb"))["answer"].source
    compile(source, "exercise", "exec")


@pytest.mark.parametrize(
    ("answer", "check", "words"),
    [
        ("a = 1\n### BEGIN SOLUTION\nb = 2", CHECK, "cell 3 (answer): no end solution"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", CHECK, "cell 3 (answer): encountered nested"),
        ("x = 1\n### END SOLUTION", CHECK, "cell 3 (answer): END SOLUTION, but no BEGIN SOLUTION"),
        ("### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS\n### BEGIN SOLUTION\n### END SOLUTION", CHECK, "cell 3 (answer): Hidden test region detected in a non-grade cell"),
        (ANSWER, "### BEGIN HIDDEN TESTS\nguard()", "cell 4 (check): No end hidden tests"),
        (ANSWER, "### BEGIN SOLUTION\n### END SOLUTION", "cell 4 (check): Solution region detected in a non-solution cell"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_solution_is_told_with_notebook_and_cell(answer, check, words):
    with pytest.raises(exercises.ExerciseError) as caught:
        exercises.exercise(solution_notebook(answer, check), "03_prepare.ipynb")
    assert str(caught.value).startswith(f"03_prepare.ipynb, {words}")


def test_a_grade_id_used_twice_is_told():
    solved = solution_notebook()
    solved.cells[3].metadata.nbgrader.grade_id = "answer"
    with pytest.raises(exercises.ExerciseError, match="'answer' is that of another cell too"):
        exercises.exercise(solved, "n")


@pytest.fixture
def course(tmp_path):
    for name in ("solutions", "exercises"):
        (tmp_path / name).mkdir()
    nbformat.write(solution_notebook(), tmp_path / "solutions" / "01_first.ipynb")
    return tmp_path


def make(course, *more):
    return exercises.main(
        [f"--solutions={course / 'solutions'}", f"--exercises={course / 'exercises'}", *more]
    )


def test_files_are_added_renewed_and_removed_and_the_readme_stays(course, capsys):
    folder = course / "exercises"
    (folder / "README.md").write_text("words")
    (folder / "99_gone.ipynb").write_text("{}")
    assert make(course, "--check") == 1
    assert not (folder / "01_first.ipynb").exists()
    assert make(course) == 0
    assert sorted(p.name for p in folder.iterdir()) == ["01_first.ipynb", "README.md"]
    first = (folder / "01_first.ipynb").read_bytes()
    assert make(course, "--check") == 0
    (folder / "01_first.ipynb").write_text("{}")
    assert make(course, "--check") == 1
    assert make(course) == 0
    assert (folder / "01_first.ipynb").read_bytes() == first
    printed = capsys.readouterr().out
    assert "would renew 01_first.ipynb" in printed and "remove 99_gone.ipynb" in printed


def test_one_bad_solution_and_nothing_is_written(course, capsys):
    bad = solution_notebook("### BEGIN SOLUTION")
    nbformat.write(bad, course / "solutions" / "02_bad.ipynb")
    assert make(course) == 1
    assert list((course / "exercises").iterdir()) == []
    assert "02_bad.ipynb, cell 3 (answer)" in capsys.readouterr().err
