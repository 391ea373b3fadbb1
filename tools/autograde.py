"""Run one exercise of one student through nbgrader, so that nothing handed in stops the run.

nbgrader runs the notebook and marks it. Around it stands what a class needs: the locked cells come from
our own file and not from the student's, a check that shows no receipt did not pass, a loop ends, and
a kernel imports a copy of the package, never the package itself. Needs the extra `workshop`.
"""

from __future__ import annotations

import copy
import logging
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbgrader import utils as nbgrader_utils
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearHiddenTests, Execute
from sqlalchemy.exc import SAWarning
from traitlets import Any as AnyTrait
from traitlets import Float
from traitlets.config import Config

import paxos_lab
from exercises import STUBS, exercise, stripped

# nbgrader 0.9 and SQLAlchemy 2 agree on what is stored, and warn about the order in which it is.
warnings.filterwarnings("ignore", message="Object of type <Submitted", category=SAWarning)

PACKAGE = Path(paxos_lab.__file__).parent
RECEIPT = "application/vnd.paxos-lab.receipt"
NOT_JUDGED = "was not judged"
CHECK_SECONDS = 660  # on the wall, for a cell with a check; a check gives up after 600
TOO_LONG = "it ran too long and was stopped"
GUARD = re.compile(r"\bguard\(check, *(\w+)\)")


@dataclass
class Mark:
    """What one exercise of one student came to: the points of each check, what is to be said, where to look."""

    points: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    look: list[str] = field(default_factory=list)


def rebuilt(ours: Any, theirs: Any) -> Any:
    """Our solution notebook with their answers in it, and the code cells they added where they added them.

    Nothing but the text of answers and of their own cells is taken: no metadata, no locked cell, no output.
    """
    release = exercise(ours, "solutions")
    ids = {c.metadata.nbgrader.grade_id for c in release.cells if "nbgrader" in c.metadata}
    known = {c.id for c in release.cells} | ids
    answers: dict[str, str] = {}
    added: dict[str, list[str]] = {}
    place = ""
    for cell in theirs.cells:
        marks = cell.metadata.get("nbgrader")
        own = marks.get("grade_id") if isinstance(marks, dict) else None
        name = own if own in ids else cell.get("id")
        if name in known:
            place = name
            answers.setdefault(name, cell.source)
        elif cell.cell_type == "code":
            added.setdefault(place, []).append(cell.source)
    cells = [nbformat.v4.new_code_cell(source) for source in added.get("", [])]
    for cell in copy.deepcopy(ours.cells):
        marks = cell.metadata.get("nbgrader", {})
        names = [name for name in (marks.get("grade_id"), cell.id) if name is not None]
        if marks.get("solution"):
            given = [answers[name] for name in names if name in answers]
            cell.source = given[0] if given else STUBS[cell.cell_type]
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        cells.append(cell)
        cells += [nbformat.v4.new_code_cell(s) for name in dict.fromkeys(names) for s in added.get(name, [])]
    return nbformat.v4.new_notebook(cells=cells, metadata=release.metadata)


class ExecuteWithReceipts(Execute):
    """nbgrader's Execute; a check passes only if it ran to its end and showed the word it was given."""

    whole = Float(300.0, help="seconds for a notebook as a whole").tag(config=True)
    keep = AnyTrait(help="a function (cell, points, why not) that is told of each check and error").tag(
        config=True
    )

    def preprocess(self, nb: Any, resources: Any) -> Any:
        checks = [c for c in nb.cells if nbgrader_utils.is_grade(c) and c.cell_type == "code"]
        sources = [cell.source for cell in checks]
        words = [secrets.token_hex(8) for _ in checks]
        for cell, word in zip(checks, words, strict=True):
            cell.source = GUARD.sub(rf'guard(check, \1, receipt="{word}")', cell.source)
        per_cell, ends = self.timeout, time.monotonic() + self.whole

        def limit(cell: Any) -> float:
            """A check stops by itself, and says so if the machine is busy: it gets the time for that."""
            own = max(per_cell, CHECK_SECONDS) if GUARD.search(cell.source) else per_cell
            return max(1, min(own, ends - time.monotonic()))

        self.timeout_func = limit
        try:
            nb, resources = super().preprocess(nb, resources)
        finally:
            for cell, source in zip(checks, sources, strict=True):
                cell.source = source
        for number, cell in enumerate(nb.cells, start=1):
            if cell.cell_type == "code" and cell not in checks and (why := self.why(cell)):
                self.keep(f"cell {number}", 0.0, why)
        for cell, word in zip(checks, words, strict=True):
            self.judge(cell, word)
        return nb, resources

    def judge(self, cell: Any, word: str) -> None:
        """Leave an error in a check that did not pass; take out what a reader has no use for."""
        shown = [o for o in cell.outputs if o.get("data", {}).get(RECEIPT) == word]
        failed = nbgrader_utils.has_failed(cell)
        if GUARD.search(cell.source) and not shown and not failed:
            why = "This check did not run to its end: something before it stopped or hid it."
            cell.outputs.append(
                nbformat.v4.new_output("error", ename="NoReceipt", evalue=why, traceback=[why])
            )
        cell.outputs = [o for o in cell.outputs if o not in shown]
        why_not = self.why(cell)
        cell.source = stripped(nbformat.from_dict(cell), (ClearHiddenTests,)).source
        for output in cell.outputs:
            if output.output_type == "error" and output.ename in ("AssertionError", "NotJudged", "Tampered"):
                output.traceback = [output.evalue]
        points, _ = nbgrader_utils.determine_grade(cell)
        self.keep(cell.metadata.nbgrader.grade_id, points or 0.0, why_not)

    def why(self, cell: Any) -> str:
        """What stopped this cell, in one line; nothing if nothing did."""
        errors = {o.ename: o.evalue for o in cell.outputs if o.output_type == "error"}
        if "CellTimeoutError" in errors:
            # A check comes to an end by itself; if it does not, the machine may be too busy.
            return f"{NOT_JUDGED}: {TOO_LONG}" if GUARD.search(cell.source) else TOO_LONG
        if "NotJudged" in errors:
            return f"{NOT_JUDGED}: {errors['NotJudged']}"
        for name in ("AssertionError", "Tampered", "NoReceipt"):
            if name in errors:
                return errors[name]
        return "; ".join(f"{name}: {text}".rstrip(": ") for name, text in errors.items())


def looks(told: list[tuple[str, float, str]]) -> list[str]:
    """Of (check, points, why not): the checks that came to no verdict, for somebody to look at."""
    return [f"{check} {NOT_JUDGED}" for check, _, why in told if why.startswith(NOT_JUDGED)]


class PackageCopy:
    """A copy of the course's package, the one that every kernel imports.

    A notebook that writes into the package it runs on writes into the copy, which is made new then. The
    package itself is only read: somebody may be at work on it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "paxos_lab"
        shutil.copytree(PACKAGE, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        # Once here, not in each kernel. In a process of its own, which has the environment of the kernels.
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(self.folder)], check=True)
        self.files = {path: path.read_bytes() for path in self._all()}

    def _all(self) -> list[Path]:
        return sorted(p for p in self.folder.rglob("*") if p.is_file())

    def made_new(self) -> list[str]:
        """The names of files in the copy that had changed, were gone or were new; all is as before now."""
        changed = []
        for path in set(self._all()) - set(self.files):
            path.unlink()
            changed.append(path.name)
        for path, was in self.files.items():
            if not path.is_file() or path.read_bytes() != was:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(was)
                changed.append(path.name)
        return sorted(changed)


class Course:
    """A course of nbgrader in a folder that will be thrown away; one assignment for each exercise."""

    def __init__(self, folder: Path, solutions: dict[str, Path], cell_seconds: int, notebook_seconds: int):
        self.folder = folder
        self.ours = {name: nbformat.read(path, as_version=4) for name, path in solutions.items()}
        self.package = PackageCopy(folder / "package")
        os.environ["PYTHONPATH"] = str(
            folder / "package"
        )  # for the kernels; `bounds` in grade.py takes it back
        self.told: list[tuple[str, float, str]] = []
        config = Config()
        config.CourseDirectory.root = str(folder)
        config.CourseDirectory.course_id = "paxos-lab"
        config.ClearSolutions.code_stub = {"python": STUBS["code"]}
        config.ClearSolutions.text_stub = STUBS["markdown"]
        config.ExecuteWithReceipts.timeout = cell_seconds
        config.ExecuteWithReceipts.whole = float(notebook_seconds)
        config.ExecuteWithReceipts.extra_arguments = ["--IPKernelApp.log_level=ERROR"]
        config.ExecuteWithReceipts.keep = lambda *told: self.told.append(told)
        config.Autograde.autograde_preprocessors = [
            ExecuteWithReceipts, "nbgrader.preprocessors.LimitOutput",
            "nbgrader.preprocessors.SaveAutoGrades", "nbgrader.preprocessors.CheckCellMetadata",
        ]  # fmt: skip
        # nbgrader's own words are kept for `_last_line`; on the screen they would hide ours.
        log = logging.Logger("nbgrader", logging.ERROR)
        log.addHandler(logging.NullHandler())
        self.api = NbGraderAPI(CourseDirectory(config=config, log=log), config=config, log=log)

    def prepare(self, name: str) -> dict[str, float]:
        """Make the assignment of this exercise; its checks and their points. RuntimeError: nbgrader's reason."""
        folder = self.folder / "source" / name
        folder.mkdir(parents=True)
        nbformat.write(self.ours[name], folder / f"{name}.ipynb")
        made = self.api.generate_assignment(name)
        if not made["success"]:
            raise RuntimeError(f"nbgrader cannot use solutions/{name}.ipynb: {_last_line(made)}")
        marks = [c.metadata.get("nbgrader", {}) for c in self.ours[name].cells]
        return {m["grade_id"]: float(m["points"]) for m in marks if m.get("grade")}

    def grade(self, name: str, student: str, theirs: Any) -> Mark:
        """Run and mark what this student handed in for this exercise."""
        folder = self.folder / "submitted" / student / name
        folder.mkdir(parents=True)
        nbformat.write(rebuilt(self.ours[name], theirs), folder / f"{name}.ipynb")
        self.told.clear()
        done = self.api.autograde(name, student)
        mark = Mark({check: points for check, points, _ in self.told})
        mark.notes = [f"{check}: {_short(why)}" for check, _, why in self.told if why]
        mark.look = looks(self.told)
        if not done["success"]:
            mark = Mark(notes=[f"the run broke off: {_last_line(done)}"])
        if changed := self.package.made_new():
            mark = Mark(notes=[f"changed the course's own files: {', '.join(changed)}"])
        return mark

    def feedback(self, name: str, student: str) -> str | None:
        """The marked notebook as a page, or None if it never ran to its end."""
        made = self.api.generate_feedback(name, student)
        page = self.folder / "feedback" / student / name / f"{name}.html"
        if not made["success"] or not page.is_file():
            return None
        # The template asks a host on the net for MathJax; our notebooks have no formulas.
        return re.sub(
            r"<script[^>]*\bsrc=.https?:.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL
        )


def _last_line(result: dict[str, Any]) -> str:
    """What went wrong, from the log or the traceback of nbgrader."""
    lines = [*result.get("log", "").splitlines(), *result.get("error", "").splitlines()]
    named = [line for line in lines if re.match(r"\S*(Error|Exception)\b", line.strip())]
    lines = (
        [line for line in named if "NbGraderException" not in line] or named or lines or ["no reason given"]
    )
    return _short(lines[-1])


def _short(text: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", " ".join(text.split()))
    return plain if len(plain) <= 300 else plain[:299] + "…"
