"""Seconds that each lesson takes from top to bottom, kernel start included."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

LESSONS = Path(__file__).resolve().parent.parent / "notebooks"
AIM = 30.0


def seconds_of(path: Path) -> float:
    """Run the notebook; nothing is written."""
    notebook = nbformat.read(path, as_version=4)
    begin = time.perf_counter()
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
    return time.perf_counter() - begin


def report() -> None:
    """Print the seconds of an empty notebook, then of each lesson as a multiple of it."""
    empty = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("pass")])
    begin = time.perf_counter()
    NotebookClient(empty, timeout=120).execute()
    bare = time.perf_counter() - begin
    print(f"seconds from top to bottom; an empty notebook takes {bare:.1f}")
    for path in sorted(LESSONS.glob("*.ipynb")):
        seconds = seconds_of(path)
        print(f"  {path.stem:28} {seconds:5.1f}   {seconds / bare:5.1f} x an empty one")
