"""docs/reference.md: what the tool makes of the docstrings, complete, and true of the code."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import paxos_lab
from paxos_lab import MessageBus, Node

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tools"))

import reference  # noqa: E402

PAGE = (TOP / "docs" / "reference.md").read_text(encoding="utf-8")


def entries():
    """Heading -> the text below it."""
    parts = re.split(r"^### `([\w]+)[^`]*`$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_page_is_what_the_docstrings_say():
    assert reference.page() == PAGE, "run `make reference`"


@pytest.mark.parametrize("module", ["", ".paxos", ".multipaxos", ".relatives", ".verify", ".show", ".teach"])
def test_every_public_name_has_an_entry_with_a_sentence(module):
    public = sys.modules[f"paxos_lab{module}"]
    told = entries()
    assert [name for name in public.__all__ if name not in told] == []
    silent = [name for name in public.__all__ if not re.search(r"[A-Za-z]{2}.*[.:]", told[name])]
    assert silent == []


def test_no_entry_names_an_address_or_a_machine():
    assert not re.search(r"0x[0-9a-f]{6}|/home/|/root/|/work/", PAGE)


def test_the_example_of_a_role_runs():
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    made: dict[str, Any] = {"__name__": "example"}
    exec(code, made)

    bus = MessageBus([made["Counter"]("c1", "c2"), made["Counter"]("c2", "c1")])
    bus.run(until=lambda b: b["c1"].heard and b["c2"].heard)
    assert bus["c1"].heard == 1 and bus["c2"].heard == 1
    bus.crash("c1")
    bus.restart("c1")
    assert bus["c1"].heard == 1 and bus["c1"].last is None


def test_a_change_of_a_docstring_is_seen():
    @dataclass
    class Probe(Node):
        """Listens."""

        def receive(self, sender, message):
            """Called with | in between."""

    text = reference.entry("Probe", Probe)
    assert "### `Probe(name)`" in text and "Listens." in text
    assert "| `receive(sender, message)` | Called with \\| in between. |" in text


def test_it_can_be_found():
    assert "docs/reference.md" in (TOP / "README.md").read_text(encoding="utf-8")
    assert paxos_lab.__all__
