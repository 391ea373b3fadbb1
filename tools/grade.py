"""Grade what a class handed in: `make grade SUBMISSIONS=folder`.

    python tools/grade.py folder [--out graded] [--exercise 03_prepare_and_promise]

In the folder: a folder for each student with notebooks in it, or a notebook for each student, named
after the student. Writes grades.csv and a page of feedback for each notebook, and prints a table.
Whatever was handed in, the run goes on: what cannot be read gets 0 and a reason.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

TOP = Path(__file__).resolve().parent.parent
MOST_BYTES = 20_000_000
HEAD = ("student", "exercise", "points", "of", "checks", "notes", "look")

# In an answer these are rarely by chance; the instructor is told where they stand.
ODD = re.compile(
    r"__import__|__code__|__globals__|__setattr__|\bsetattr\(|\bsys\.modules|\bbuiltins\b|\bctypes\b|\bgc\b|"
    r"\bget_ipython\b|\bimportlib\b|\binspect\b|_getframe|\brunpy\b|\bsubprocess\b|\bos\.|\bopen\(|"
    r"paxos_lab\.teach\.(?:exercises|grading)|\bguard\b|\breceipt\b|^\s*[%!]",
    re.MULTILINE,
)


@dataclass
class HandedIn:
    """One student's file for one exercise; `notebook` is None if it could not be read, and `reason` says why."""

    path: Path | None
    notebook: Any = None
    reason: str = "nothing handed in"


@dataclass
class Row:
    """A line of grades.csv."""

    student: str
    exercise: str
    points: float
    of: float
    checks: str
    notes: str
    look: str

    def cells(self) -> list[str]:
        """As text; what a spreadsheet would take for a formula gets a quote before it."""
        numbers = [f"{self.points:g}", f"{self.of:g}"]
        texts = [self.student, self.exercise, *numbers, self.checks, self.notes, self.look]
        return [f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text for text in texts]


def read(path: Path) -> HandedIn:
    """The notebook in this file, or the reason why there is none."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return HandedIn(path, reason=f"{path.name} is larger than {MOST_BYTES // 1_000_000} MB")
        text = path.read_text(encoding="utf-8")
        if not text.strip():
            return HandedIn(path, reason=f"{path.name} is empty")
        notebook = nbformat.reads(text, as_version=4)
        # What the rest of the run reads; all else is not used.
        for cell in notebook.cells:
            if not isinstance(cell.source, str) or not isinstance(cell.metadata, dict):
                raise TypeError("a cell has no text")
    except Exception as wrong:  # anything may be in the file; the run must go on
        return HandedIn(
            path, reason=f"{path.name} is no notebook ({type(wrong).__name__}: {str(wrong)[:120]})"
        )
    return HandedIn(path, notebook)


def marks_in(notebook: Any) -> set[str]:
    """The grade_ids and cell ids, by which an exercise is known whatever its file is called."""
    marks = [cell.metadata.get("nbgrader") for cell in notebook.cells]
    return {str(m.get("grade_id")) for m in marks if isinstance(m, dict)} | {
        str(c.get("id")) for c in notebook.cells
    }


def exercise_of(handed: HandedIn, exercises: dict[str, set[str]]) -> str | None:
    """Which exercise this is: by its name, else by its cells; None if nothing tells."""
    assert handed.path is not None
    for name in exercises:
        if name in handed.path.stem:
            return name
    if handed.notebook is not None:
        shared = {name: len(ids & marks_in(handed.notebook)) for name, ids in exercises.items()}
        best = max(shared, key=lambda name: shared[name])
        if shared[best]:
            return best
    return next(iter(exercises)) if len(exercises) == 1 else None


def collect(folder: Path, exercises: dict[str, set[str]]) -> dict[str, dict[str, HandedIn]]:
    """student -> exercise -> what was handed in. A file that fits no exercise stands under ""."""
    found: dict[str, dict[str, HandedIn]] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "_")):
            continue
        if entry.is_dir():
            student = entry.name
            paths = sorted(p for p in entry.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
        elif entry.suffix == ".ipynb":
            names = "|".join(map(re.escape, exercises))
            student = re.sub(rf"[-_ ]*({names})[-_ ]*", "", entry.stem) or entry.stem
            paths = [entry]
        else:
            continue
        theirs = found.setdefault(student, {})
        for path in paths:
            handed = read(path)
            name = exercise_of(handed, exercises) or ""
            # Of two files for one exercise the one that can be read, else the first, counts.
            if name not in theirs or (theirs[name].notebook is None and handed.notebook is not None):
                theirs[name] = handed
    return found


def odd_things(notebook: Any) -> str:
    """What an instructor should look at, with the number of the cell. Locked cells are ours, so are not read."""
    seen = []
    for number, cell in enumerate(notebook.cells, start=1):
        marks = cell.metadata.get("nbgrader")
        ours = (
            isinstance(marks, dict)
            and (marks.get("locked") or marks.get("grade"))
            and not marks.get("solution")
        )
        if cell.cell_type == "code" and not ours:
            seen += [f"{word.strip()} in cell {number}" for word in dict.fromkeys(ODD.findall(cell.source))]
    return ", ".join(seen)


@contextmanager
def bounds(gigabytes: float) -> Iterator[None]:
    """Every kernel started inside has a memory limit, a home of its own for progress, and one thread."""
    kept = dict(os.environ)
    limits = None
    try:
        import resource  # not on Windows
    except ImportError:
        resource = None  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as home:
        # nbgrader calls `alembic`, which lies beside this Python.
        beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        os.environ |= {"PATH": beside, "PAXOS_LAB_HOME": home}
        os.environ |= {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        os.environ.pop("PYTHONPYCACHEPREFIX", None)
        if resource is not None:
            limits = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (int(gigabytes * 2**30), limits[1]))
        try:
            yield
        finally:
            if resource is not None and limits is not None:
                resource.setrlimit(resource.RLIMIT_AS, limits)
            os.environ.clear()
            os.environ.update(kept)


def grade_all(
    found: dict[str, dict[str, HandedIn]],
    solutions: dict[str, Path],
    out: Path,
    cell_seconds: int = 60,
    notebook_seconds: int = 1800,
    gigabytes: float = 4,
) -> list[Row]:
    """Grade everything, write the feedback pages; one row for each student and exercise."""
    from autograde import Course  # needs nbgrader

    rows = []
    with tempfile.TemporaryDirectory() as folder, bounds(gigabytes):
        course = Course(Path(folder), solutions, cell_seconds, notebook_seconds)
        for name in solutions:
            checks = course.prepare(name)
            whole = sum(checks.values())
            for number, (student, theirs) in enumerate(found.items()):
                handed = theirs.get(name) or theirs.get("") or HandedIn(None)
                if name not in theirs and handed.notebook is not None:
                    handed = HandedIn(handed.path, reason=f"{handed.path.name} is none of the exercises")  # type: ignore[union-attr]
                print(f"  {name}: {student} ...", flush=True)
                if handed.notebook is None:
                    rows.append(Row(student, name, 0.0, whole, "", handed.reason, ""))
                    continue
                # nbgrader puts the name into patterns for files, so it gets one without signs.
                mark = course.grade(name, f"student{number}", handed.notebook)
                points = {check: mark.points.get(check, 0.0) for check in checks}
                each = ", ".join(f"{check} {points[check]:g}/{checks[check]:g}" for check in checks)
                look = ", ".join(filter(None, [*mark.look, odd_things(handed.notebook)]))
                rows.append(
                    Row(student, name, sum(points.values()), whole, each, "; ".join(mark.notes), look)
                )
                if page := course.feedback(name, f"student{number}"):
                    target = out / "feedback" / re.sub(r"[^\w.@ -]", "_", student) / f"{name}.html"
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(page, encoding="utf-8")
    return sorted(rows, key=lambda row: (row.student, row.exercise))


def table(rows: list[Row]) -> str:
    """The grades for a terminal: one line for each student and exercise, then what needs a look."""
    wide = max([len(row.student) for row in rows], default=0)
    name = max([len(row.exercise) for row in rows], default=0)
    lines = [f"{'student':<{wide}}  {'exercise':<{name}}  points  notes"]
    for row in rows:
        notes = row.notes if len(row.notes) <= 90 else row.notes[:89] + "…"
        points = f"{row.points:g}/{row.of:g}"
        lines.append(f"{row.student:<{wide}}  {row.exercise:<{name}}  {points:>6}  {notes}".rstrip())
    look = [f"  {row.student}, {row.exercise}: {row.look}" for row in rows if row.look]
    if look:
        lines += ["", "Look at these by eye (code that a task seldom needs):", *look]
    return "\n".join(lines)


def write_csv(rows: list[Row], path: Path) -> None:
    """grades.csv, as a spreadsheet reads it."""
    with path.open("w", encoding="utf-8-sig", newline="") as sink:
        writer = csv.writer(sink)
        writer.writerow(HEAD)
        writer.writerows(row.cells() for row in rows)


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and grade; 0 unless nothing could be graded at all."""
    parser = argparse.ArgumentParser(description="Grade a folder of submissions.")
    parser.add_argument("submissions", type=Path)
    parser.add_argument("--out", type=Path, default=Path("graded"), help="where grades.csv and feedback/ go")
    parser.add_argument("--solutions", type=Path, default=TOP / "solutions")
    parser.add_argument(
        "--exercise", action="append", help="only this one, as 03_prepare_and_promise (repeat)"
    )
    parser.add_argument(
        "--cell-seconds", type=int, default=60, help="for one cell without a check (default 60)"
    )
    parser.add_argument("--notebook-seconds", type=int, default=1800, help="for one notebook (default 1800)")
    parser.add_argument("--memory", type=float, default=4, help="GiB for one kernel (default 4)")
    chosen = parser.parse_args(arguments)
    if not chosen.submissions.is_dir():
        print(
            f"There is no folder {chosen.submissions}. Write: make grade SUBMISSIONS=folder", file=sys.stderr
        )
        return 2
    solutions = {p.stem: p for p in sorted(chosen.solutions.glob("*.ipynb"))}
    if unknown := [name for name in chosen.exercise or [] if name not in solutions]:
        print(f"There is no exercise {unknown[0]}. There are: {', '.join(solutions)}", file=sys.stderr)
        return 2
    if chosen.exercise:
        solutions = {name: solutions[name] for name in chosen.exercise}
    ids = {name: marks_in(nbformat.read(path, as_version=4)) for name, path in solutions.items()}
    found = collect(chosen.submissions, ids)
    if not found or not solutions:
        print(f"No notebook and no student's folder in {chosen.submissions}.", file=sys.stderr)
        return 2
    # An exercise that nobody handed in is no part of the sheet, unless it was asked for.
    handed = {name for theirs in found.values() for name in theirs} & set(solutions)
    if handed and not chosen.exercise:
        solutions = {name: path for name, path in solutions.items() if name in handed}
    chosen.out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(chosen.out / "feedback", ignore_errors=True)
    try:
        rows = grade_all(
            found, solutions, chosen.out, chosen.cell_seconds, chosen.notebook_seconds, chosen.memory
        )
    except ImportError as missing:
        print(f"{missing}. Grading needs nbgrader: `make grade` installs it.", file=sys.stderr)
        return 2
    write_csv(rows, chosen.out / "grades.csv")
    print(table(rows))
    print(f"\n{chosen.out / 'grades.csv'}, feedback in {chosen.out / 'feedback'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
