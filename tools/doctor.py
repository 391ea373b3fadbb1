"""Say what is missing on this machine for the course, and how to mend it: `make doctor`.

    python tools/doctor.py [--port 8888]

Runs before anything is installed: any Python, nothing but the standard library. Ends with 1 if the
course would not run here; what is only nice to have is a note.
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent

OK, NOTE, MISSING = "ok", "note", "MISSING"
OLDEST = (3, 11)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SET_UP = "make lab BROWSER=0, and Ctrl-C when it says where it listens"
FRONT_ENDS = ("@jupyter-widgets/jupyterlab-manager", "anywidget")

VERSIONS = """
import importlib.metadata, json
print(json.dumps({d.metadata["Name"]: d.version for d in importlib.metadata.distributions() if d.metadata["Name"]}))
"""

PICTURE = """
import graphviz
from paxos_lab.show.draw.engine import svg_of, use_engine
graph = graphviz.Digraph()
graph.node("a", pos="0,0!")
graph.node("b", pos="100,0!")
graph.edge("a", "b")
assert "<svg" in svg_of(graph, "two nodes")
print(use_engine())
"""

KERNEL = """
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(startup_timeout=60)
try:
    reply = client.execute_interactive("print(6 * 7)", timeout=60, output_hook=lambda message: None)
    sys.exit(reply["content"]["status"] != "ok")
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""


class Finding:
    """One line of the answer: how it stands, with what, and what to do about it."""

    def __init__(self, state, what, mend=""):
        self.state, self.what, self.mend = state, what, mend

    def __str__(self):
        line = f"{self.state:8} {self.what}"
        return line + ("\n         -> " + self.mend if self.mend else "")


class Machine:
    """What is looked at: the folder of the course, its environment, the learner's home, the port."""

    def __init__(self, top=TOP, venv=None, home=None, port=8888, version=None, path=None):
        self.top = Path(top)
        self.venv = Path(venv) if venv else self.top / ".venv"
        if (
            venv is None and not self.venv.exists()
        ):  # with conda the course lives in an environment of its own
            self.venv = Path(os.environ.get("CONDA_PREFIX") or self.venv)
        self.home = Path(home or os.environ.get("PAXOS_LAB_HOME") or Path.home() / ".paxos-lab")
        self.port, self.path = port, path
        self.version = tuple(version or sys.version_info[:3])
        self._versions = None

    @property
    def python(self):
        folder = "Scripts" if os.name == "nt" else "bin"
        return self.venv / folder / ("python.exe" if os.name == "nt" else "python")

    def which(self, name):
        return shutil.which(name, path=self.path)

    def run(self, code, seconds=120):
        """Run this in the course's Python: (ended well, what it printed, its last words if it did not)."""
        try:
            done = subprocess.run(
                [str(self.python), "-c", code], cwd=str(self.top), capture_output=True, text=True, timeout=seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False, "", f"no answer in {seconds} seconds"
        except OSError as wrong:
            return False, "", str(wrong)
        last = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        return done.returncode == 0, done.stdout.strip(), last

    def versions(self):
        """Package -> version in the course's Python, by plain names; None if it cannot be asked."""
        if self._versions is None:
            fine, printed, _ = self.run(VERSIONS)
            self._versions = {plain(n): v for n, v in json.loads(printed).items()} if fine else {}
        return self._versions or None


def plain(name):
    """The one spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def python_is_new_enough(machine):
    said = "Python {}.{}.{}".format(*machine.version)
    if machine.version[:2] < OLDEST:
        return Finding(MISSING, said + ", but the course needs 3.11 or newer",
                       "install Python 3.12, then: make doctor PYTHON=python3.12")  # fmt: skip
    return Finding(OK, said)


def tools_are_there(machine):
    for name, state in (("make", MISSING), ("git", NOTE)):
        if machine.which(name) is None:
            mend = "install it with your system's packages (on Windows: inside WSL, or use conda, see the README)"
            return Finding(state, f"no `{name}` on PATH", mend)
    return Finding(OK, "make and git")


def environment_is_there(machine):
    if not machine.python.exists():
        return Finding(MISSING, f"no environment in {machine.venv.name}", SET_UP)
    fine, printed, why = machine.run("import sys; print('%d.%d.%d' % sys.version_info[:3])")
    if not fine:
        return Finding(MISSING, f"the Python in {machine.venv.name} does not start: {why}",
                       "make clean, then " + SET_UP)  # fmt: skip
    if tuple(map(int, printed.split(".")))[:2] < OLDEST:
        return Finding(
            MISSING, f"the environment has Python {printed}", "make clean, then make lab with a newer one"
        )
    return Finding(OK, f"environment with Python {printed}")


def required(pyproject, table):
    """The names in one list of pyproject.toml. Read by hand: tomllib is not in an old Python."""
    block = re.search(rf"^{table} = \[\n(.*?)^\]", pyproject, re.MULTILINE | re.DOTALL)
    return (
        [plain(n) for n in re.findall(r'^\s*"([A-Za-z0-9._-]+)', block.group(1), re.MULTILINE)]
        if block
        else []
    )


def packages_are_there(machine):
    versions = machine.versions()
    if versions is None:
        return Finding(MISSING, "the packages cannot be looked at without the environment", SET_UP)
    pyproject = (machine.top / "pyproject.toml").read_text(encoding="utf-8")
    gone = [n for n in [*required(pyproject, "dependencies"), "paxos-lab"] if n not in versions]
    if gone:
        return Finding(MISSING, "not installed: " + ", ".join(gone),
                       f"rm {machine.venv.name}/.set-up, then {SET_UP}")  # fmt: skip
    gone = [n for table in ("test", "workshop") for n in required(pyproject, table) if n not in versions]
    if gone:
        return Finding(NOTE, "only `make test` and `make grade` need, and install: " + ", ".join(gone))
    return Finding(OK, "packages")


def versions_are_those_that_were_tested(machine):
    versions = machine.versions() or {}
    lines = (machine.top / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line).groups() for line in lines if "==" in line)
    other = [f"{n} {versions[plain(n)]} (tested: {v})" for n, v in sorted(pins.items())
             if versions.get(plain(n), v) != v]  # fmt: skip
    if other:
        return Finding(NOTE, "other versions than the tested ones: " + ", ".join(other[:6]) + (", ..." if other[6:] else ""),
                       "if something looks odd: make clean, then " + SET_UP)  # fmt: skip
    return Finding(OK, "versions as in constraints.txt")


def pictures_can_be_drawn(machine):
    fine, printed, why = machine.run(PICTURE)
    if not fine:
        return Finding(MISSING, "no picture can be drawn: " + why,
                       "install your system's graphviz, or in the environment: pip install graphviz-pure")  # fmt: skip
    return Finding(OK, f"pictures, drawn by {Path(printed).name}")


def a_kernel_starts(machine):
    fine, _, why = machine.run(KERNEL, seconds=150)
    if not fine:
        mend = "a firewall that closes 127.0.0.1? an old kernel list? See: {} -m jupyter kernelspec list"
        return Finding(MISSING, "no kernel starts: " + why, mend.format(machine.python))
    return Finding(OK, "a kernel starts and counts")


def widgets_are_served(machine):
    folder = machine.venv / "share" / "jupyter" / "labextensions"
    gone = [name for name in FRONT_ENDS if not (folder / name / "package.json").is_file()]
    if gone:
        return Finding(MISSING, "JupyterLab has no front end for: " + ", ".join(gone),
                       f"rm {machine.venv.name}/.set-up, then {SET_UP}")  # fmt: skip
    return Finding(OK, "widgets in JupyterLab")


def the_port_is_free(machine):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", machine.port))
        except OSError as wrong:
            return Finding(NOTE, f"port {machine.port} is taken ({wrong.strerror})",
                           f"make lab PORT={machine.port + 1}")  # fmt: skip
    return Finding(OK, f"port {machine.port} is free")


def home_is_writable(machine):
    there = machine.home
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=str(there)):
            pass
    except OSError as wrong:
        return Finding(MISSING, f"guesses and progress cannot be kept in {machine.home} ({wrong.strerror})",
                       "set PAXOS_LAB_HOME to a folder that is yours")  # fmt: skip
    return Finding(OK, f"guesses and progress are kept in {machine.home}")


def there_is_room(machine, needed=1.0):
    free = shutil.disk_usage(str(machine.top)).free / 1e9
    if free < needed and not machine.python.exists():
        return Finding(
            MISSING,
            f"{free:.1f} GB of disk are free; set-up takes 0.5, with what runs the tests 0.8",
            "make some room",
        )
    return Finding(OK, f"{free:.0f} GB of disk are free")


def a_browser_for_the_tests(machine):
    named = os.environ.get("PAXOS_LAB_CHROMIUM")
    if named or any(machine.which(name) for name in BROWSERS):
        return Finding(OK, "a Chromium for the browser tests")
    return Finding(NOTE, "no Chromium: `make test` skips the browser tests; the course needs any browser",
                   "install chromium, or set PAXOS_LAB_CHROMIUM to one")  # fmt: skip


CHECKS = (
    python_is_new_enough,
    tools_are_there,
    there_is_room,
    environment_is_there,
    packages_are_there,
    versions_are_those_that_were_tested,
    pictures_can_be_drawn,
    a_kernel_starts,
    widgets_are_served,
    home_is_writable,
    the_port_is_free,
    a_browser_for_the_tests,
)

NEED_ENVIRONMENT = {
    packages_are_there, versions_are_those_that_were_tested, pictures_can_be_drawn, a_kernel_starts, widgets_are_served,
}  # fmt: skip


def examine(machine, checks=CHECKS):
    """Yield a finding for each check; without an environment those that need one are left out."""
    no_environment = False
    for check in checks:
        if no_environment and check in NEED_ENVIRONMENT:
            continue
        finding = check(machine)
        if check is environment_is_there and finding.state == MISSING:
            no_environment = True
        yield finding


def main(arguments=None, machine=None):
    """Print the findings; 1 if something is missing."""
    parser = argparse.ArgumentParser(description="What is missing for the course on this machine.")
    parser.add_argument("--port", type=int, default=8888)
    parser.add_argument("--venv", help="the folder of the environment, if it is another than .venv")
    chosen = parser.parse_args(arguments)
    states = []
    for finding in examine(machine or Machine(venv=chosen.venv, port=chosen.port)):
        print(finding, flush=True)
        states.append(finding.state)
    missing = states.count(MISSING)
    print("\n" + ("Ready: make lab" if not missing else f"{missing} to mend, then ask again: make doctor"))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
