"""Write environment.yml for conda from pyproject.toml, the one list of dependencies.

python tools/environment.py > environment.yml
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent


def environment(pyproject: str) -> str:
    """The text of environment.yml for this pyproject.toml."""
    data = tomllib.loads(pyproject)
    project, conda = data["project"], data["tool"]["conda"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    lines = [f"  - python{project['requires-python']}", "  - pip", "  - make"]
    for requirement in wanted:
        match = re.match(r"([A-Za-z0-9_.-]+)(.*)", requirement)
        assert match, requirement
        name, version = match[1], match[2].strip()
        if name in conda["leave_out"]:
            continue
        if name in conda["rename"]:
            lines += [f"  - {other}" for other in conda["rename"][name]]
        else:
            lines.append(f"  - {name}{version}")
    head = (
        "# Made from pyproject.toml by `make environment`; a test compares the two.\n"
        "#   conda env create -f environment.yml && conda activate paxos-lab\n"
        "#   pip install --no-deps -e . && jupyter lab notebooks/00_start_here.ipynb\n"
    )
    return head + "name: paxos-lab\nchannels:\n  - conda-forge\ndependencies:\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(environment((TOP / "pyproject.toml").read_text(encoding="utf-8")), end="")
