"""Which notebooks `make lab` trusts: those that are as git has them, and no other."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

TOP = Path(__file__).resolve().parent.parent


def write(path, source):
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id="one")]), path)


def git(top, *command):
    names = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    subprocess.run(
        ["git", "-C", str(top), *command], check=True, capture_output=True, env={**os.environ, **names}
    )


@pytest.fixture
def run(tmp_path):
    """A function (folder) -> (what it says, is_trusted): the tool run with a Jupyter of its own."""
    data = tmp_path / "jupyter"

    def run_it(top):
        ran = subprocess.run(
            [sys.executable, TOP / "tools" / "trust.py", top],
            env={**os.environ, "JUPYTER_DATA_DIR": str(data)}, check=True, capture_output=True, text=True,
        )  # fmt: skip
        notary = NotebookNotary(data_dir=str(data))
        return ran.stdout, lambda name: notary.check_signature(nbformat.read(top / name, as_version=4))

    return run_it


def test_what_git_has_is_trusted_and_what_was_changed_or_put_there_is_not(tmp_path, run):
    top = tmp_path / "course"
    top.mkdir()
    for name in ("notebooks/00.ipynb", "notebooks/01.ipynb", "exercises/01.ipynb", "elsewhere/x.ipynb"):
        write(top / name, f"print('{name}')")
    git(top, "init", "-q")
    git(top, "add", ".")
    git(top, "commit", "-qm", "all")
    write(top / "notebooks/01.ipynb", "print('changed')")
    write(top / "notebooks/sent_to_me.ipynb", "print('from somebody')")
    said, trusted = run(top)
    assert said.startswith("2 notebooks")
    assert trusted("notebooks/00.ipynb") and trusted("exercises/01.ipynb")
    assert not trusted("notebooks/01.ipynb") and not trusted("notebooks/sent_to_me.ipynb")
    assert not trusted("elsewhere/x.ipynb")


def test_without_git_nothing_is_trusted_and_nothing_fails(tmp_path, run):
    top = tmp_path / "unpacked"
    top.mkdir()
    write(top / "notebooks/00.ipynb", "print(1)")
    said, trusted = run(top)
    assert said.startswith("0 notebooks") and not trusted("notebooks/00.ipynb")
