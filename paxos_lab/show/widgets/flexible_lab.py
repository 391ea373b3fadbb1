"""The flexible quorum lab: move q1 and q2, see whether they meet, what may crash, and what is waited for."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from paxos_lab.node import LabError
from paxos_lab.paxos.quorums import Flexible
from paxos_lab.show.draw.picture import Picture
from paxos_lab.show.draw.quorum_overlap import quorum_overlap
from paxos_lab.show.measure.quorum_waits import UP, availability, waits
from paxos_lab.show.widgets.box import LabBox, Said
from paxos_lab.words.text import as_text

FEWEST, MOST = 3, 9


class FlexibleLab(LabBox):
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
        self.said, self.answer = Said(), widgets.HTML()
        super().__init__([self.servers, self.q1, self.q2, self.said, self.answer])
        self.servers.observe(self._resize, "value")
        self.q1.observe(self._show, "value")
        self.q2.observe(self._show, "value")
        self._show()

    @staticmethod
    def _slider(label: str, value: int, low: int, high: int, tooltip: str) -> Any:
        return widgets.IntSlider(
            value=value, min=low, max=high, description=label, tooltip=tooltip,
            style={"description_width": "110px"}, layout=widgets.Layout(width="420px", max_width="100%"),
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
                "phase",
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

    def still(self) -> dict[str, str]:
        """The picture as it is now."""
        return self.picture().still("Flexible quorum lab")

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
        table = "<tr>" + "".join(f'<th scope="col" {cell}>{as_text(text)}</th>' for text in head) + "</tr>"
        for first, *rest in body:
            table += f'<tr><th scope="row" {cell}>{as_text(first)}</th>'
            table += "".join(f"<td {cell}>{as_text(text)}</td>" for text in rest) + "</tr>"
        picture = self.picture()
        self.said.value = f"<b>{as_text(self.verdict)}</b>"
        self.answer.value = (
            f"<table>{table}</table>"
            f"<p>{as_text(self.disks)}</p><p>{as_text(picture.caption)}</p>{picture.svg()}"
        )


def _share(probability: float) -> str:
    """A probability in percent, with as many digits as tell it from certainty."""
    for digits in range(1, 9):
        text = f"{100 * probability:.{digits}f}"
        if not text.startswith("100"):
            return f"{text} %"
    return "over 99.99999999 %"
