"""Make exercises/ from solutions/, the one place where an exercise is written.

    python tools/exercises.py            # write exercises/*.ipynb
    python tools/exercises.py --check    # write nothing; say what would change, exit 1 if anything would

A solution region becomes a stub, a hidden test goes, outputs go; all else stays, nbgrader's marks too,
so that a learner's file can be graded. It does what `nbgrader generate_assignment` does, without nbgrader:
learners and `make lab` do not need it. A test compares the two.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import nbformat

TOP = Path(__file__).resolve().parent.parent

# What stands where a solution stood, by type of cell. tools/grade.py gives nbgrader the same words.
STUBS = {"code": "# YOUR CODE HERE\n...", "markdown": "YOUR ANSWER HERE"}

SOLUTION, HIDDEN = "SOLUTION", "HIDDEN TESTS"

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class ExerciseError(ValueError):
    """A solution notebook that no exercise can be made of: says which notebook, which cell, and why."""


def without_regions(source: str, region: str, stub: Iterable[str] = ()) -> tuple[str, int]:
    """The source with each `BEGIN region .. END region` replaced by the stub's lines, and how many there were.

    The stub gets the indent of the BEGIN line. ValueError: a region that is nested, or not opened or closed.
    """
    kept: list[str] = []
    opened: int | None = None
    found = 0
    for number, line in enumerate(source.split("\n"), start=1):
        if f"BEGIN {region}" in line:
            if opened is not None:
                raise ValueError(
                    f"line {number}: BEGIN {region} inside the region that line {opened} opened; regions do not nest"
                )
            opened, found = number, found + 1
            indent = re.match(r"\s*", line)[0]  # type: ignore[index]
            kept += [indent + part for part in stub]
        elif f"END {region}" in line:
            if opened is None:
                raise ValueError(f"line {number}: END {region}, but no BEGIN {region} before it")
            opened = None
        elif opened is None:
            kept.append(line)
    if opened is not None:
        raise ValueError(f"line {opened}: BEGIN {region} has no END {region}")
    return "\n".join(kept), found


def strip_cell(cell: Any) -> None:
    """Turn one cell of a solution into its exercise, in place. ValueError: what is wrong with it."""
    marks = cell.metadata.get("nbgrader", {})
    stub = STUBS.get(cell.cell_type, "").split("\n")
    cell.source, solutions = without_regions(cell.source, SOLUTION, stub)
    if solutions and not marks.get("solution"):
        raise ValueError(f"a {SOLUTION} region, but the cell is not marked as an answer (nbgrader: solution)")
    if marks.get("solution") and not solutions:
        cell.source = "\n".join(stub)
    cell.source, hidden = without_regions(cell.source, HIDDEN)
    if hidden and not marks.get("grade"):
        raise ValueError(f"a {HIDDEN} region, but the cell is not marked as a check (nbgrader: grade)")
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    if marks.get("solution"):
        cell.metadata["deletable"] = False
    elif marks.get("grade") or marks.get("locked"):
        cell.metadata["deletable"] = cell.metadata["editable"] = False


def exercise(notebook: Any, name: str) -> Any:
    """The exercise of this solution notebook; `name` is for the error. The notebook itself is not changed."""
    made = nbformat.from_dict(notebook)
    made.metadata = nbformat.from_dict(METADATA)
    seen: dict[str, int] = {}
    for number, cell in enumerate(made.cells, start=1):
        try:
            strip_cell(cell)
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if grade_id in seen:
                raise ValueError(f"its grade_id {grade_id!r} is that of cell {seen[grade_id]} too")
        except ValueError as wrong:
            raise ExerciseError(f"{name}, cell {number} ({cell.get('id', 'no id')}): {wrong}") from wrong
        if grade_id is not None:
            seen[grade_id] = number
    return made


def text_of(notebook: Any) -> str:
    """The notebook as it is written to a file: the same for the same notebook."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def make_all(solutions: Path, exercises: Path, change: Callable[[str, Path, str | None], None]) -> None:
    """Call `change(verb, path, text)` for each file of `exercises` that is not what `solutions` make; None: remove."""
    wanted = {}
    for path in sorted(solutions.glob("*.ipynb")):
        # Read everything first: one bad notebook and nothing is written.
        wanted[path.name] = text_of(exercise(nbformat.read(path, as_version=4), path.name))
    for name, text in wanted.items():
        target = exercises / name
        if not target.exists():
            change("add", target, text)
        elif target.read_text(encoding="utf-8") != text:
            change("renew", target, text)
    for target in sorted(exercises.glob("*.ipynb")):
        if target.name not in wanted:
            change("remove", target, None)


def write(verb: str, path: Path, text: str | None) -> None:
    """Carry out one change and print it."""
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{verb} {path.name}")


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, make the exercises; 1 if there is an error or, with --check, a difference."""
    parser = argparse.ArgumentParser(description="Make exercises/ from solutions/.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 if something would change"
    )
    parser.add_argument("--solutions", type=Path, default=TOP / "solutions")
    parser.add_argument("--exercises", type=Path, default=TOP / "exercises")
    chosen = parser.parse_args(arguments)
    differences = []

    def note(verb: str, path: Path, text: str | None) -> None:
        differences.append(path)
        print(f"would {verb} {path.name}")

    try:
        make_all(chosen.solutions, chosen.exercises, note if chosen.check else write)
    except ExerciseError as wrong:
        print(wrong, file=sys.stderr)
        return 1
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
