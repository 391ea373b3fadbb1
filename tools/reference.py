"""Write docs/reference.md: every name that a learner may call, from the docstrings of the package.

python tools/reference.py            # write docs/reference.md
python tools/reference.py --check    # write nothing, exit 1 if it would differ
"""

from __future__ import annotations

import inspect
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paxos_lab
from paxos_lab import multipaxos, paxos, relatives, show, teach, verify

TOP = Path(__file__).resolve().parent.parent
PAGE = TOP / "docs" / "reference.md"

HEAD = """\
# Reference

Every name that you may call in a lesson or an exercise, in the order in which the course needs it. `make
reference` writes this page from the docstrings; in a notebook `help(name)` or `name?` shows the same.

- [Write a role](#write-a-role): what a class of yours may do
- [Run it](#run-it): the bus, events, schedules
- [Single-decree Paxos](#single-decree-paxos)
- [The log](#the-log)
- [Other protocols](#other-protocols)
- [Is it right?](#is-it-right)
- [See it](#see-it)
- [Exercises and interview](#exercises-and-interview)
"""

ROLE = """
## Write a role

A role is a dataclass that inherits `Node`. Its fields are its whole state. It reacts to one message at a
time, and it does nothing but change its own fields and call `send`, `set_timer` and `cancel_timer`: the
same state and the same message must always give the same result.

```python
from dataclasses import dataclass
from typing import Any

from paxos_lab import Node, stable


@dataclass(frozen=True)
class Ping:  # a message: a frozen dataclass
    number: int


@dataclass
class Counter(Node):
    peer: str  # given to the constructor: Counter("c1", "c2")
    heard: int = stable(0)  # on disk: survives a crash
    last: Any = None  # in memory: back to None after a restart

    def start(self):
        self.set_timer("again", 10)

    def receive(self, sender, message):
        match message:
            case Ping(number):
                self.heard += 1
                self.last = number

    def timeout(self, timer):
        self.send(self.peer, Ping(self.heard))
        self.set_timer("again", 10)
```
"""

# Heading, module, and the names that stand somewhere else or that no learner calls.
PARTS: list[tuple[str, str, types.ModuleType, frozenset[str]]] = [
    ("Run it", "from paxos_lab import ...", paxos_lab, frozenset()),
    ("Single-decree Paxos", "from paxos_lab.paxos import ...", paxos, frozenset()),
    ("The log", "from paxos_lab.multipaxos import ...", multipaxos, frozenset()),
    ("Other protocols", "from paxos_lab.relatives import ...", relatives, frozenset()),
    ("Is it right?", "from paxos_lab.verify import ...", verify, frozenset()),
    ("See it", "from paxos_lab.show import ...", show, frozenset()),
    ("Exercises and interview", "from paxos_lab.teach import ...", teach, frozenset()),
]
IN_A_ROLE = ("Node", "stable", "setting", "volatile", "react", "stable_fields")


def signature(thing: Any) -> str:
    """The arguments of a call, without the module's path and without what only a type checker reads."""
    try:
        shown = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    bare = [
        p.replace(annotation=inspect.Parameter.empty, default=default_of(p))
        for p in shown.parameters.values()
        if p.name not in ("self", "cls") and not p.name.startswith("_")
    ]
    return str(inspect.Signature(bare))


class _Told:
    """A default in the words of its author, since the repr of some is long or names an address."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def default_of(parameter: inspect.Parameter) -> Any:
    default = parameter.default
    if default is inspect.Parameter.empty or isinstance(default, bool | int | float | str | None):
        return default
    if isinstance(default, type) or callable(default):
        return _Told(getattr(default, "__name__", "..."))
    if isinstance(default, tuple) and all(map(callable, default)):
        names = ", ".join(getattr(one, "__name__", "...") for one in default)
        return _Told(f"({names}{',' if len(default) == 1 else ''})")
    text = repr(default)
    return _Told(text if len(text) <= 40 and " at 0x" not in text else "...")


def written(thing: Any) -> str:
    """The docstring of a class or function itself, not one that it inherits or that @dataclass made up."""
    text = vars(thing).get("__doc__") if isinstance(thing, type) else thing.__doc__
    text = inspect.cleandoc(text or "")
    return "" if re.match(rf"{re.escape(getattr(thing, '__name__', ''))}\(", text) else text


def methods(role: type) -> Iterator[tuple[str, str]]:
    """(call, first sentence) of the public methods and properties that a class itself defines."""
    for name, thing in vars(role).items():
        if name.startswith("_"):
            continue
        inner: Any = thing.fget if isinstance(thing, property) else getattr(thing, "__func__", thing)
        if not isinstance(inner, types.FunctionType) or not inner.__doc__:
            continue
        first = re.split(r"(?<=[.:?])\s|\n\n", inspect.cleandoc(inner.__doc__))[0]
        call = name if isinstance(thing, property) else f"{name}{signature(inner)}"
        yield call, " ".join(first.split())


def entry(name: str, thing: Any) -> str:
    """One name: how to call it, what its docstring says, what can be called on it."""
    if isinstance(thing, type) or callable(thing):
        lines = [f"### `{name}{signature(thing)}`", "", written(thing)]
    else:
        lines = [f"### `{name}`", "", value_of(thing)]
    if isinstance(thing, type):
        table = [
            f"| `{call.replace('|', chr(92) + '|')}` | {said.replace('|', chr(92) + '|')} |"
            for call, said in methods(thing)
        ]
        if table:
            lines += ["", "| | |", "|---|---|", *table]
    return "\n".join(lines).rstrip() + "\n"


def value_of(thing: Any) -> str:
    """What a name stands for that is neither a class nor a function."""
    if isinstance(thing, types.UnionType):
        return "One of " + ", ".join(f"`{one.__name__}`" for one in thing.__args__) + "."
    size = f" of {len(thing)}" if hasattr(thing, "__len__") else ""
    return f"A {type(thing).__name__}{size}; `print` it to see what it holds."


def exported(module: types.ModuleType) -> list[tuple[str, Any]]:
    """The public names of a module: functions and classes with capital letters mixed, by the alphabet."""
    return sorted(
        ((name, getattr(module, name)) for name in module.__all__), key=lambda pair: pair[0].lower()
    )


def page() -> str:
    """The whole page."""
    parts = [HEAD, ROLE, *(entry(n, getattr(paxos_lab, n)) for n in IN_A_ROLE if hasattr(paxos_lab, n))]
    for heading, how, module, left_out in PARTS:
        parts.append(f"## {heading}\n\n`{how}`\n")
        for name, thing in exported(module):
            if name not in left_out and not (module is paxos_lab and name in IN_A_ROLE):
                parts.append(entry(name, thing))
    return (
        "\n".join(re.sub(r"\n{3,}", "\n\n", part) if part is not ROLE else part for part in parts).rstrip()
        + "\n"
    )


def main(arguments: list[str]) -> int:
    """Write the page; with --check only compare."""
    made = page()
    if "--check" in arguments:
        return 0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == made else 1
    PAGE.write_text(made, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
