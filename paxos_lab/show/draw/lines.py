"""How the line of each kind of message looks, and the legend that says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from paxos_lab.multipaxos import messages as log
from paxos_lab.paxos import messages as single
from paxos_lab.show.draw.picture import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, Picture

# By class and not by its name: a learner's own `Accept` is not ours. Told apart by the kind of line
# and its weight too, for whoever sees no colour and for paper.
_LINES: tuple[tuple[tuple[type, ...], str, dict[str, str]], ...] = (
    ((single.Prepare, log.Prepare), "Prepare", {"color": BLUE, "style": "solid"}),
    ((single.Promise, log.Promise), "Promise", {"color": SKY, "style": "dashed"}),
    ((single.Accept, log.Accept), "Accept", {"color": ORANGE, "style": "bold"}),
    ((single.Accepted, log.Accepted), "Accepted", {"color": GREEN, "style": "bold,dashed"}),
    ((single.Nack, log.Nack), "Nack", {"color": PURPLE, "style": "dotted", "penwidth": "1.6"}),
)
_OTHER = {"color": INK, "style": "solid"}
_WAITING = {"style": "dotted", "arrowhead": "open"}

PLACE, SAMPLE = 96, 26  # points for one kind in the legend, and for the line in it


def line_of(message: Any) -> dict[str, str]:
    """Colour and line style of a kind of message, of single-decree Paxos or of the log."""
    return next((look for kinds, _, look in _LINES if isinstance(message, kinds)), _OTHER)


def on_its_way(message: Any) -> dict[str, str]:
    """The line of a message that has not arrived: its colour, dotted, with an open head."""
    return {**line_of(message), **_WAITING}


def legend(picture: Picture, messages: Iterable[Any], waiting: bool, x: float, y: float) -> None:
    """A line of samples from (x, y) to the right: each kind that occurs, in the order of the protocol.

    `waiting`: some of them have not arrived. Where no kind of ours occurs, there is nothing to say.
    """
    messages = list(messages)
    shown = [
        (name, look)
        for kinds, name, look in _LINES
        if any(isinstance(message, kinds) for message in messages)
    ]
    if waiting:
        shown.append(("on its way", _OTHER | _WAITING))
    for at, (name, look) in enumerate(shown):
        left = x + at * PLACE
        picture.dot(f"legend{at}a", left, y)
        picture.dot(f"legend{at}b", left + SAMPLE, y)
        picture.edge(f"legend{at}a", f"legend{at}b", **look)
        width = len(name) * 5.2 + 8
        picture.put(
            f"legend{at}", left + SAMPLE + 8 + width / 2, y, name, shape="plaintext", fontsize="9.5",
            width=f"{width / 72:.3f}", height="0.2", margin="0", fixedsize="true",
        )  # fmt: skip
