"""Make exercises/ from solutions/, the one place where an exercise is written.

    python tools/exercises.py            # write exercises/*.ipynb
    python tools/exercises.py --check    # write nothing; say what would change, exit 1 if anything would

nbgrader's own preprocessors do the work: a solution region becomes a stub, a hidden test goes, outputs
go; all else stays, nbgrader's marks too, so that a learner's file can be graded. What is added here is
where a mistake stands, and two mistakes that nbgrader lets pass.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_notebook
from nbgrader.preprocessors import CheckCellMetadata, ClearHiddenTests, ClearOutput, ClearSolutions, LockCells
from traitlets.config import Config

TOP = Path(__file__).resolve().parent.parent

# What stands where a solution stood, by type of cell. tools/autograde.py gives nbgrader the same words.
STUBS = {"code": "# YOUR CODE HERE\n...", "markdown": "YOUR ANSWER HERE"}

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

# In the order of `nbgrader generate_assignment`.
STEPS = (LockCells, ClearSolutions, ClearOutput, CheckCellMetadata, ClearHiddenTests)


class ExerciseError(ValueError):
    """A solution notebook that no exercise can be made of: says which notebook, which cell, and why."""


def stripped(cell: Any, steps: tuple[type, ...] = STEPS) -> Any:
    """The cell as nbgrader's steps leave it. Raises what nbgrader raises: its words say what is wrong."""
    config = Config()
    config.ClearSolutions.code_stub = {"python": STUBS["code"]}
    config.ClearSolutions.text_stub = STUBS["markdown"]
    alone = new_notebook(cells=[cell], metadata=METADATA)
    quiet = logging.getLogger("exercises")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    for step in steps:
        alone, _ = step(config=config, log=quiet).preprocess(alone, {})
    return alone.cells[0]


def exercise(notebook: Any, name: str) -> Any:
    """The exercise of this solution notebook; `name` is for the error. The notebook itself is not changed."""
    made = nbformat.from_dict(notebook)
    made.metadata = nbformat.from_dict(METADATA)
    ids = Counter(cell.metadata.get("nbgrader", {}).get("grade_id") for cell in made.cells)
    for number, cell in enumerate(made.cells, start=1):
        try:
            for region in ("SOLUTION", "HIDDEN TESTS"):
                if cell.source.count(f"BEGIN {region}") < cell.source.count(f"END {region}"):
                    raise ValueError(f"END {region}, but no BEGIN {region} before it")
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if grade_id is not None and ids[grade_id] > 1:
                raise ValueError(f"its grade_id {grade_id!r} is that of another cell too")
            made.cells[number - 1] = stripped(cell)
        except (ValueError, RuntimeError) as wrong:
            raise ExerciseError(f"{name}, cell {number} ({cell.get('id', 'no id')}): {wrong}") from wrong
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
