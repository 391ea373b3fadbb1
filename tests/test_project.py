"""The house rules: who may import whom, one list of dependencies, nothing that names a machine."""

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml

from paxos_lab.multipaxos import Put
from paxos_lab.paxos import single_decree
from paxos_lab.teach import check
from paxos_lab.verify import Operation, explore, find_variant, linearizable

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tools"))

from environment import environment  # noqa: E402

# Lower floors first; a module may import from its own floor's package or from what stands before it.
FLOORS = {
    "node": set(),
    "world": {"node"},
    "bus": {"node", "world"},
    # The roles know no world: of it, they use how fields are copied, and nothing else.
    "paxos": {"node", "world.data"},
    "multipaxos": {"node", "world.data", "paxos"},
    "relatives": {"node", "world.data", "paxos", "multipaxos"},  # whose clients and machines a log serves
    "words": {"node", "world", "paxos", "multipaxos", "relatives"},
    "verify": {"node", "world", "bus", "paxos", "multipaxos", "relatives", "words"},
    "show": {"node", "world", "bus", "paxos", "multipaxos", "words"},
    "teach": {"node", "world", "bus", "paxos", "multipaxos", "relatives", "words", "verify", "show"},
}  # fmt: skip

# A verdict draws its history when it is shown, and not before: the import stands in that function.
ON_DEMAND = {"verify/histories/linearizability.py": ["paxos_lab.show.draw.history"]}

FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "manager", "misc"}


def modules():
    return sorted((TOP / "paxos_lab").rglob("*.py"))


def floor_of(path):
    return path.relative_to(TOP / "paxos_lab").parts[0].removesuffix(".py")


def imports_of(source):
    """Every module imported when the code runs; what only a type checker reads is left out."""
    to_do = [ast.parse(source)]
    while to_do:
        node = to_do.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        to_do += ast.iter_child_nodes(node)


def upward_imports(floor, source):
    own = [name for name in imports_of(source) if name.split(".")[0] == "paxos_lab"]
    allowed = tuple(f"paxos_lab.{name}." for name in FLOORS[floor] | {floor})
    return [name for name in own if not f"{name}.".startswith(allowed)]


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(TOP)))
def test_imports_run_downwards_only(path):
    if path == TOP / "paxos_lab" / "__init__.py":
        return
    assert floor_of(path) in FLOORS, "a new floor of the house: say in FLOORS what it may import"
    upward = upward_imports(floor_of(path), path.read_text(encoding="utf-8"))
    assert upward == ON_DEMAND.get(path.relative_to(TOP / "paxos_lab").as_posix(), [])


def test_the_import_rule_sees_a_breach():
    assert upward_imports("paxos", "from paxos_lab.bus import MessageBus") == ["paxos_lab.bus"]
    assert upward_imports("node", "import paxos_lab.world.data") == ["paxos_lab.world.data"]
    assert upward_imports("paxos", "from paxos_lab.world.trace import Trace") == ["paxos_lab.world.trace"]
    assert upward_imports("paxos", "if TYPE_CHECKING:\n    from paxos_lab.bus import MessageBus") == []
    assert upward_imports("show", "from paxos_lab.paxos.messages import Accept") == []


def folders():
    return sorted({path.parent for path in modules()})


@pytest.mark.parametrize("folder", folders(), ids=lambda p: p.relative_to(TOP).as_posix())
def test_every_folder_opens_with_a_sentence_and_is_small(folder):
    opening = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    assert opening and re.match(r"[A-Z].*[.]$", opening.splitlines()[0]), "say what is here"
    said = len(list(folder.glob("*.py"))) - 1
    assert said <= 13, "more than about a dozen modules: which of them does a newcomer need?"
    if len(folder.relative_to(TOP / "paxos_lab").parts) > 1:
        assert re.search(r"skip|Nobody needs|Only a grader|by the number|Read `", opening), (
            "who needs this folder?"
        )


def public_packages():
    return ["paxos_lab", *(f"paxos_lab.{f.name}" for f in folders() if f.parent == TOP / "paxos_lab")]


def test_no_function_hides_a_module_of_its_name():
    for folder in folders():
        name = ".".join(folder.relative_to(TOP).parts)
        package = importlib.import_module(name)
        for path in folder.glob("*.py"):
            if path.stem != "__init__":
                module = importlib.import_module(f"{name}.{path.stem}")
                assert getattr(package, path.stem) is module, (
                    f"{name}.{path.stem} is a module and something else"
                )


def imports_in_cells(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            code = "\n".join(
                line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!"))
            )
            yield from (name for name in imports_of(code) if name.split(".")[0] == "paxos_lab")


@pytest.mark.parametrize(
    "path",
    [*(TOP / "notebooks").glob("*.ipynb"), *(TOP / "solutions").glob("*.ipynb")],
    ids=lambda p: p.relative_to(TOP).as_posix(),
)
def test_notebooks_import_from_public_places_only(path):
    assert set(imports_in_cells(path)) <= set(public_packages())


def modules_loaded_by(name):
    said = f"import sys; import {name}; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True, cwd=TOP)
    return run.stdout.split()


def test_the_explorer_loads_neither_jupyter_nor_pictures():
    heavy = {"IPython", "ipywidgets", "anywidget", "graphviz", "numpy", "matplotlib", "traitlets"}
    for name in ("paxos_lab.paxos", "paxos_lab.multipaxos", "paxos_lab.verify", "paxos_lab.words"):
        assert not heavy & set(modules_loaded_by(name)), name


def test_a_result_still_shows_itself():
    found = explore(single_decree(["x"]))
    assert "hold" in found._repr_mimebundle_()["text/markdown"]
    once = linearizable([Operation("c1", Put("x", 1), None, 1, 2)])
    assert "<svg" in once.picture().svg()


def test_no_file_has_a_name_that_says_nothing():
    assert [p.name for p in modules() if p.stem in FORBIDDEN_NAMES] == []


def test_every_dependency_has_its_reason():
    text = (TOP / "pyproject.toml").read_text(encoding="utf-8")
    lists = re.findall(r"^(?:dependencies|test|workshop) = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in lists for line in block.splitlines()]
    data = tomllib.loads(text)["project"]
    assert len(lines) == len(data["dependencies"]) + sum(map(len, data["optional-dependencies"].values()))
    assert [line for line in lines if not re.search(r'",\s+# \w.{10,}', line)] == []


def test_environment_yml_follows_pyproject():
    made = environment((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    stored = (TOP / "environment.yml").read_text(encoding="utf-8")
    assert stored == made, "run `make environment`"
    wanted = yaml.safe_load(stored)["dependencies"]
    assert {"python-graphviz", "graphviz"} <= set(wanted)
    assert not any("graphviz-pure" in w for w in wanted)


def test_environment_yml_would_show_a_new_dependency():
    text = (TOP / "pyproject.toml").read_text(encoding="utf-8")
    more = text.replace("dependencies = [\n", 'dependencies = [\n    "left-pad>=1",  # to be found\n', 1)
    assert "  - left-pad>=1\n" in environment(more)


def test_constraints_pin_every_dependency_and_name_no_host():
    text = (TOP / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in text and "--" not in text
    pinned = {re.split(r"[=\s;]", line)[0].lower() for line in text.splitlines()}
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = sum(project["optional-dependencies"].values(), project["dependencies"])
    assert {re.match(r"[\w.-]+", w)[0].lower() for w in wanted} <= pinned


def test_no_lock_file_and_no_registry_host():
    # Spelt apart, or this file would find itself.
    hosts = ["pypi" + ".org", "pythonhosted" + ".org", "registry.npm" + "js", "conda." + "anaconda"]
    ignored = {".git", "node_modules", "__pycache__", "test-artifacts"}
    ignored |= {
        mark.parent.name for mark in TOP.glob("*/pyvenv.cfg")
    }  # environments, whatever they are called
    for path in TOP.rglob("*"):
        if (
            path.is_file()
            and not ignored & set(path.relative_to(TOP).parts)
            and path.stat().st_size < 3_000_000
        ):
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert not [h for h in hosts if h in text], path
    assert not [name for name in ("uv.lock", "poetry.lock", "Pipfile.lock") if (TOP / name).exists()]


def test_make_help_lists_every_target():
    listed = subprocess.run(["make", "help"], cwd=TOP, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^[.]PHONY: (.*)$", (TOP / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[
        1
    ].split()
    assert len(phony) > 10
    for target in set(phony) - {"anew"}:
        assert f"make {target} " in listed or f"make {target}\t" in listed


def test_a_python_that_is_too_old_is_told_so(tmp_path):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.0" && exit 0\nexit 1\n')
    old.chmod(0o755)
    stamp = ["make", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}", "lab"]
    asked = subprocess.run(stamp, cwd=TOP, capture_output=True, text=True, env={**os.environ})
    assert asked.returncode != 0
    assert "needs Python 3.11 or newer" in asked.stdout + asked.stderr


@pytest.fixture
def made_before(tmp_path):
    """An environment that was set up with Python 3.99; called, it says what `make` would do about `lab`."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho 3.99\n")
    python.chmod(0o755)
    (tmp_path / ".set-up").touch()

    def make(*more):
        env = {
            name: value for name, value in os.environ.items() if name not in ("PYTHON", "VENV", "MAKEFLAGS")
        }
        command = ["make", "--dry-run", f"VENV={tmp_path}", *more, "lab"]
        return subprocess.run(command, cwd=TOP, capture_output=True, text=True, env=env, check=True).stdout

    make.python = python
    return make


def test_a_python_that_was_asked_for_is_not_replaced_by_one_that_was_there(made_before):
    said = made_before(f"PYTHON={sys.executable}")
    assert "has another Python than" in said and "tools/set_up.py --clear" in said


def test_an_environment_stays_while_nobody_asks_for_another_python(made_before):
    for asked in ((), (f"PYTHON={made_before.python}",)):
        said = made_before(*asked)
        assert "jupyter" in said and "set_up.py" not in said


def test_the_folder_of_the_environment_can_be_named(tmp_path):
    dry = ["make", "--dry-run", f"VENV={tmp_path / 'other'}", "doctor", "test"]
    said = subprocess.run(dry, cwd=TOP, capture_output=True, text=True, check=True).stdout
    assert f'--venv "{tmp_path / "other"}"' in said
    assert (
        f"tools/set_up.py  {tmp_path / 'other'}" in said
        and f"{tmp_path / 'other'}/bin/python -m pytest" in said
    )
    assert ".venv/" not in said


def test_the_answer_that_the_readme_shows_is_the_one_that_is_given():
    text = (TOP / "README.md").read_text(encoding="utf-8")
    shown = " ".join(line.lstrip("> ") for line in text.splitlines() if line.startswith(">"))
    careless = next(type(node) for node in find_variant("M11").make(3) if node.name == "a1")
    answer = check("acceptor.accept", careless)
    assert shown == " ".join(["**Not yet.**", answer.headline, *answer.details])


def test_code_and_text_have_their_licences():
    assert "MIT License" in (TOP / "LICENSE").read_text(encoding="utf-8")
    assert "CC BY 4.0" in (TOP / "LICENSE-TEXT").read_text(encoding="utf-8")


def test_what_the_package_serves_comes_with_it():
    data = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = data["tool"]["setuptools"]["package-data"]["paxos_lab"]
    served = [p for p in (TOP / "paxos_lab").rglob("*") if p.suffix in {".js", ".css"}]
    assert served
    for path in served:
        assert any(path.relative_to(TOP / "paxos_lab").match(pattern) for pattern in patterns)


def browser_tests_without_a_browser(nowhere, **more):
    env = {k: v for k, v in os.environ.items() if k not in ("CI", "PAXOS_LAB_CHROMIUM")}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/browser"]
    return subprocess.run(
        command, cwd=TOP, capture_output=True, text=True, env={**env, "PATH": str(nowhere), **more}
    )


def test_without_a_chromium_browser_tests_skip_and_say_why(tmp_path):
    ran = browser_tests_without_a_browser(tmp_path)
    assert ran.returncode == 0, ran.stdout
    assert "no Chromium found" in ran.stdout
    assert re.search(r"^\d+ skipped in", ran.stdout, re.MULTILINE), "all of them, and nothing else"


def test_in_ci_a_missing_chromium_fails(tmp_path):
    ran = browser_tests_without_a_browser(tmp_path, CI="true")
    assert ran.returncode == 1
    assert "CI=true, but no Chromium was found" in ran.stdout
