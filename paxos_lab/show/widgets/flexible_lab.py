"""The flexible quorum lab: move q1 and q2, see whether they meet, what may crash, and what is waited for."""

from __future__ import annotations

import random
from functools import cache
from html import escape
from math import comb
from typing import Any

import ipywidgets as widgets

from paxos_lab.node import LabError
from paxos_lab.paxos.quorums import Flexible
from paxos_lab.show.draw.picture import Picture
from paxos_lab.show.draw.quorum_overlap import quorum_overlap
from paxos_lab.show.widgets.box import OwnKeys

FEWEST, MOST = 3, 9
ROUNDS = 2000
UP = 0.99


@cache
def waits(servers: int, seed: int = 0) -> tuple[tuple[float, float], ...]:
    """For q = 1, 2, ... servers: median and 95th percentile of the time until q have answered.

    One of them asks and answers itself at once. To each other and back a message takes 0.5 to 1.5 a
    way, and one way in ten is three times as slow. Drawn `ROUNDS` times from `seed`.
    """
    rng = random.Random(f"{servers} {seed}")

    def way() -> float:
        return rng.uniform(0.5, 1.5) * (3 if rng.random() < 0.1 else 1)

    rounds = [sorted([0.0, *(way() + way() for _ in range(servers - 1))]) for _ in range(ROUNDS)]
    columns = [sorted(column) for column in zip(*rounds, strict=True)]
    return tuple((column[ROUNDS // 2], column[ROUNDS * 95 // 100]) for column in columns)


def availability(servers: int, quorum: int, up: float = UP) -> float:
    """The probability that a quorum is up, if each server is up with probability `up` by itself."""
    return sum(comb(servers, k) * up**k * (1 - up) ** (servers - k) for k in range(quorum, servers + 1))


class FlexibleLab(widgets.VBox):
    """Sliders for the number of servers and for q1 and q2; below, what follows from them.

    `servers`: 3 to 9 to begin with, with majorities.
    """

    def __init__(self, servers: int = 5) -> None:
        if not FEWEST <= servers <= MOST:
            raise LabError(f"the flexible quorum lab takes {FEWEST} to {MOST} servers, got {servers!r}")
        majority = servers // 2 + 1
        self._moving = False
        self.servers = self._slider("Servers:", servers, FEWEST, MOST, "how many servers")
        self.q1 = self._slider("q1, take-over:", majority, 1, servers, "how many promises a new leader needs")
        self.q2 = self._slider("q2, command:", majority, 1, servers, "how many votes choose an entry")
        self.answer = widgets.HTML()
        super().__init__([OwnKeys(), self.servers, self.q1, self.q2, self.answer])
        self.servers.observe(self._resize, "value")
        self.q1.observe(self._show, "value")
        self.q2.observe(self._show, "value")
        self._show()

    @staticmethod
    def _slider(label: str, value: int, low: int, high: int, tooltip: str) -> Any:
        return widgets.IntSlider(
            value=value, min=low, max=high, description=label, tooltip=tooltip,
            style={"description_width": "110px"}, layout=widgets.Layout(width="420px"),
        )  # fmt: skip

    @property
    def system(self) -> Flexible:
        """The quorums as the sliders stand."""
        return Flexible(self.q1.value, self.q2.value, [f"s{i}" for i in range(1, self.servers.value + 1)])

    def set(self, servers: int, q1: int, q2: int) -> None:
        """Move the sliders; raises `LabError` where they do not reach."""
        if not (FEWEST <= servers <= MOST and 1 <= q1 <= servers and 1 <= q2 <= servers):
            raise LabError(f"no such quorums here: {q1} and {q2} of {servers}")
        self.servers.value = servers
        self.q1.value, self.q2.value = q1, q2

    def picture(self) -> Picture:
        """The pair of quorums that shares the fewest members."""
        names = self.system.members
        return quorum_overlap(self.system, names[: self.q1.value], names[-self.q2.value :])

    @property
    def verdict(self) -> str:
        """Whether the quorums meet, in one sentence."""
        n, q1, q2 = self.servers.value, self.q1.value, self.q2.value
        if q1 + q2 > n:
            return f"Safe: {q1} + {q2} is more than {n}, so any two quorums of different phases meet."
        return (
            f"Unsafe: {q1} + {q2} is not more than {n}. The two below miss each other, so a new leader can "
            "miss what was chosen."
        )

    @property
    def rows(self) -> list[list[str]]:
        """The table, its heading first."""
        n = self.servers.value
        rows = [
            [
                "",
                "needs",
                "goes on after",
                f"possible, each up {UP:.0%}",
                "waits, median",
                "1 in 20 longer than",
            ]
        ]
        for what, quorum in (("take-over (phase 1)", self.q1.value), ("command (phase 2)", self.q2.value)):
            middle, slow = waits(n)[quorum - 1]
            down = n - quorum
            rows.append(
                [what, f"any {quorum} of {n}", f"{down} crash{'es' * (down != 1)}", _share(availability(n, quorum)),
                 f"{middle:.2f}", f"{slow:.2f}"]
            )  # fmt: skip
        return rows

    @property
    def disks(self) -> str:
        """What the size of phase 2 means for disks."""
        copies, lost = self.q2.value, self.q2.value - 1
        return (
            f"A chosen entry is on {copies} disk{'s' * (copies != 1)} at least: it survives the loss of "
            f"{lost or 'none'} of them."
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget and, for pages without a kernel, the picture as it is now."""
        return {**super()._repr_mimebundle_(**kwargs), **self.picture().still("Flexible quorum lab")}

    def _resize(self, _change: Any = None) -> None:
        n = self.servers.value
        self._moving = True  # until both fit the new number, there is nothing to show
        for slider in (self.q1, self.q2):
            slider.max = n
            slider.value = n // 2 + 1
        self._moving = False
        self._show()

    def _show(self, _change: Any = None) -> None:
        if self._moving:
            return
        head, *body = self.rows
        cell = 'style="padding:2px 12px 2px 0;text-align:left"'
        table = "<tr>" + "".join(f'<th scope="col" {cell}>{escape(text)}</th>' for text in head) + "</tr>"
        for first, *rest in body:
            table += f'<tr><th scope="row" {cell}>{escape(first)}</th>'
            table += "".join(f"<td {cell}>{escape(text)}</td>" for text in rest) + "</tr>"
        picture = self.picture()
        self.answer.value = (
            f'<p role="status" aria-live="polite"><b>{escape(self.verdict)}</b></p><table>{table}</table>'
            f"<p>{escape(self.disks)}</p><p>{escape(picture.caption)}</p>{picture.svg()}"
        )


def _share(probability: float) -> str:
    """A probability in percent, with as many digits as tell it from certainty."""
    for digits in range(1, 9):
        text = f"{100 * probability:.{digits}f}"
        if not text.startswith("100"):
            return f"{text} %"
    return "over 99.99999999 %"
