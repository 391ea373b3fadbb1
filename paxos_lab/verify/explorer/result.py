"""What a search comes back with, whichever search it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from paxos_lab.verify.explorer.choices import Act
from paxos_lab.verify.explorer.properties import Nodes, Property, Sent


@dataclass(frozen=True)
class Found:
    """The end of a search.

    `complete`: every state that can be reached was visited. If a property broke: its name, the
    sentence that it gave, and the acts that lead there. `cut`: what ended the search early.
    """

    states: int
    transitions: int
    depth: int
    complete: bool
    property: str | None = None
    sentence: str = ""
    acts: tuple[Act, ...] | None = None
    cut: str = ""


def broken(properties: Iterable[Property], sent: Sent, nodes: Nodes) -> tuple[str, str] | None:
    """The name of the first property that does not hold, and what it says."""
    for judge in properties:
        sentence = judge(sent, nodes)
        if sentence is not None:
            return name_of(judge), sentence
    return None


def name_of(judge: Property) -> str:
    """What a property is called."""
    return getattr(judge, "__name__", None) or name_of(judge.func)  # type: ignore[attr-defined]
