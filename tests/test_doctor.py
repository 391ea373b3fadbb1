"""`make doctor` on machines with real faults: each is found, and said with what mends it."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tools"))

import doctor  # noqa: E402
from doctor import MISSING, NOTE, OK, Machine  # noqa: E402

HERE = Path(sys.prefix)  # the environment that runs the tests


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """An environment with a Python and no package."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder


@pytest.fixture
def course(tmp_path):
    """A folder of the course with its lists, to be changed."""
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(TOP / name, tmp_path / name)
    return tmp_path


def says(finding, state, words, mend=""):
    assert (finding.state, words in finding.what) == (state, True), str(finding)
    assert mend in finding.mend, str(finding)


def test_this_machine_is_ready(capsys, tmp_path):
    machine = Machine(venv=HERE, home=tmp_path / "home", port=0)
    assert doctor.main([], machine) == 0, capsys.readouterr().out
    printed = capsys.readouterr().out
    assert printed.endswith("Ready: make lab\n")
    assert "a kernel starts" in printed and "MISSING" not in printed
    assert printed.count("\n") >= len(doctor.CHECKS)


def test_an_old_python():
    says(
        doctor.python_is_new_enough(Machine(version=(3, 9, 1))),
        MISSING,
        "Python 3.9.1",
        "make doctor PYTHON=",
    )
    says(doctor.python_is_new_enough(Machine(version=(3, 11, 0))), OK, "Python 3.11.0")


def test_no_make_and_no_git(tmp_path):
    says(doctor.tools_are_there(Machine(path=str(tmp_path))), MISSING, "no `make` on PATH", "WSL")
    (tmp_path / "make").write_text("#!/bin/sh\n")
    (tmp_path / "make").chmod(0o755)
    says(doctor.tools_are_there(Machine(path=str(tmp_path))), NOTE, "no `git` on PATH")


def test_no_environment_is_one_finding_and_not_six(course, capsys, monkeypatch):
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    machine = Machine(top=course, home=course, port=0)
    says(doctor.environment_is_there(machine), MISSING, "no environment in .venv", "make lab BROWSER=0")
    assert doctor.main([], machine) == 1
    printed = capsys.readouterr().out
    assert printed.count("MISSING") == 1
    assert "1 to mend, then ask again: make doctor" in printed


def test_conda_has_its_environment_elsewhere(course, monkeypatch, bare):
    monkeypatch.setenv("CONDA_PREFIX", str(bare))
    says(doctor.environment_is_there(Machine(top=course)), OK, "environment with Python 3.")


def test_an_environment_whose_python_is_broken(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text("#!/bin/sh\necho no such library >&2\nexit 3\n")
    (tmp_path / "bin" / "python").chmod(0o755)
    finding = doctor.environment_is_there(Machine(venv=tmp_path))
    says(finding, MISSING, "does not start: no such library", "make clean")


def test_an_environment_without_packages(bare):
    machine = Machine(venv=bare)
    says(doctor.packages_are_there(machine), MISSING, "jupyterlab, ipywidgets, anywidget", "rm venv/.set-up")
    says(
        doctor.pictures_can_be_drawn(machine),
        MISSING,
        "No module named 'graphviz'",
        "pip install graphviz-pure",
    )
    says(doctor.a_kernel_starts(machine), MISSING, "No module named 'jupyter_client'", "kernelspec list")
    says(doctor.widgets_are_served(machine), MISSING, "jupyterlab-manager, anywidget", "rm venv/.set-up")


def test_a_front_end_that_is_gone(tmp_path):
    manager = tmp_path / "share" / "jupyter" / "labextensions" / "@jupyter-widgets" / "jupyterlab-manager"
    manager.mkdir(parents=True)
    (manager / "package.json").write_text("{}")
    finding = doctor.widgets_are_served(Machine(venv=tmp_path))
    says(finding, MISSING, "no front end for: anywidget")


def test_what_only_tests_need_is_a_note(course):
    text = (course / "pyproject.toml").read_text(encoding="utf-8")
    (course / "pyproject.toml").write_text(
        text.replace("workshop = [\n", 'workshop = [\n    "left-pad>=1",\n')
    )
    says(doctor.packages_are_there(Machine(top=course, venv=HERE)), NOTE, "install: left-pad")


def test_other_versions_than_the_tested_ones(course):
    text = (course / "constraints.txt").read_text(encoding="utf-8")
    lines = [
        f"{line.split('==')[0]}==0.0.1" if line.startswith("anywidget=") else line
        for line in text.splitlines()
    ]
    (course / "constraints.txt").write_text("\n".join(lines))
    finding = doctor.versions_are_those_that_were_tested(Machine(top=course, venv=HERE))
    says(finding, NOTE, "anywidget ", "make clean")
    assert "(tested: 0.0.1)" in finding.what


def test_a_kernel_that_never_answers_does_not_hang_the_doctor(bare):
    fine, _, why = Machine(venv=bare).run("while True: pass", seconds=0.5)
    assert not fine and why == "no answer in 0.5 seconds"


def test_a_port_that_is_taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        says(doctor.the_port_is_free(Machine(port=port)), NOTE, f"port {port} is taken", f"PORT={port + 1}")


def test_a_home_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    says(
        doctor.home_is_writable(Machine(home=tmp_path / "file" / "home")),
        MISSING,
        "cannot be kept",
        "PAXOS_LAB_HOME",
    )
    says(doctor.home_is_writable(Machine(home=tmp_path / "not" / "yet")), OK, "are kept in")
    assert not (tmp_path / "not").exists(), "it only looks"


def test_no_room_for_the_set_up(course):
    says(
        doctor.there_is_room(Machine(top=course, venv=course / "none"), needed=1e9),
        MISSING,
        "GB of disk",
        "room",
    )


def test_no_browser_for_the_tests_is_a_note(tmp_path, monkeypatch):
    monkeypatch.delenv("PAXOS_LAB_CHROMIUM", raising=False)
    says(doctor.a_browser_for_the_tests(Machine(path=str(tmp_path))), NOTE, "no Chromium", "install chromium")


def test_it_needs_nothing_but_the_standard_library(bare, course):
    python = bare / "bin" / "python"
    if not python.exists():
        pytest.skip("another layout of environments")
    ran = subprocess.run(
        [python, TOP / "tools" / "doctor.py", "--help"], capture_output=True, text=True, check=True
    )
    assert "--port" in ran.stdout
