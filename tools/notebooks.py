"""Run notebooks in place and store what they show, so that a second run changes nothing.

    python tools/notebooks.py notebooks/*.ipynb

A reader on a code-hosting page sees the stored outputs; the tests compare them with a fresh run.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from slides import mark

WIDGET = "application/vnd.jupyter.widget-view+json"


def normalise(notebook: Any) -> None:
    """Take out what differs from run to run and says nothing: times, widget ids, widget state."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    count = 0
    for cell in notebook.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in ("tags", "slideshow", "nbgrader")}
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        folded = {
            "source_hidden": "fold",  # it is no part of the story
            "outputs_hidden": "guessed",  # it answers a guess: running the cell unfolds it
        }
        tags = cell.metadata.get("tags", [])
        if hidden := {name: True for name, tag in folded.items() if tag in tags}:
            cell.metadata["jupyter"] = hidden
        for number, output in enumerate(cell.outputs):
            if "execution_count" in output:
                output.execution_count = count
            data = output.get("data", {})
            if WIDGET in data:
                data[WIDGET]["model_id"] = f"{cell.id}-{number}"
                if "text/plain" in data:
                    data["text/plain"] = re.sub(r"0x[0-9a-f]+", "0x0", data["text/plain"])


def run(path: Path) -> None:
    """Execute the notebook in its folder and write it back; an error in a cell raises."""
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=120, coalesce_streams=True, resources=place).execute()
    normalise(notebook)
    if path.resolve().parent.name == "notebooks":
        mark(notebook)  # which cell begins a slide goes by the outputs too
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    print(f"ran {path}: {len(notebook.cells)} cells")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        # A learner's folder of its own: what is stored must not tell of anybody's progress.
        with tempfile.TemporaryDirectory() as home:
            os.environ |= {"PAXOS_LAB_HOME": home, "PAXOS_LAB_QUIET": "1"}
            run(Path(name))
