"""The quorum lab: pick two sets of acceptors, see what they share."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from paxos_lab.node import LabError
from paxos_lab.paxos.quorums import Flexible, Grid, Majority, QuorumSystem, Weighted
from paxos_lab.show.draw.picture import Picture
from paxos_lab.show.draw.quorum_overlap import quorum_overlap
from paxos_lab.show.widgets.box import LabBox, Said, button, choice, row
from paxos_lab.words.text import as_text


def systems(members: int) -> dict[str, QuorumSystem]:
    """The quorum systems on offer over a1, a2, ...: label and system."""
    names = tuple(f"a{i}" for i in range(1, members + 1))
    offered: dict[str, QuorumSystem] = {"majority": Majority(names)}
    if members >= 3:
        offered["one is enough for votes, all for promises"] = Flexible(members, 1, names)
        offered["too small: half, rounded down"] = Flexible(members // 2, members // 2, names)
        offered[f"weighted: a1 counts {members - 2}"] = Weighted(
            {n: members - 2 if n == "a1" else 1 for n in names}
        )
    if members % 2 == 0 and members >= 4:
        offered["grid of two rows"] = Grid([names[: members // 2], names[members // 2 :]])
    return offered


class QuorumLab(LabBox):
    """Choose a system, a phase 1 set and a phase 2 set; see whether they are quorums and what they share.

    `members`: how many acceptors, 1 to 9.
    """

    def __init__(self, members: int = 5) -> None:
        if not 1 <= members <= 9:
            raise LabError(f"the quorum lab takes 1 to 9 members, got {members!r}")
        self._systems = systems(members)
        names = next(iter(self._systems.values())).members
        self.system = choice("Quorums:", self._systems)
        self._picking = False
        self.first = [self._toggle(name) for name in names]
        self.second = [self._toggle(name) for name in names]
        self.gap = button(
            "Show two that miss each other",
            "Pick a phase 1 and a phase 2 quorum without a common member, if there is such a pair",
            self._pick_gap,
        )
        self.said, self.answer = Said(), widgets.HTML()
        label = widgets.Layout(width="130px")
        super().__init__(
            [
                row(self.system, self.gap),
                row(widgets.Label("Phase 1, promises:", layout=label), *self.first),
                row(widgets.Label("Phase 2, votes:", layout=label), *self.second),
                self.said,
                self.answer,
            ]
        )
        majority = len(names) // 2 + 1
        self.system.observe(self._show, "value")
        for toggle in self.first + self.second:
            toggle.observe(self._show, "value")
        self.pick(set(names[:majority]), set(names[-majority:]))

    @staticmethod
    def _toggle(name: str) -> Any:
        toggle = widgets.ToggleButton(description=name, layout=widgets.Layout(width="64px"))

        def explain(_change: Any = None) -> None:
            toggle.tooltip = f"Take {name} out of this set" if toggle.value else f"Put {name} into this set"

        toggle.observe(explain, "value")
        explain()
        return toggle

    @property
    def chosen_sets(self) -> tuple[set[str], set[str]]:
        """The two sets that are picked now."""
        first = {t.description for t in self.first if t.value}
        return first, {t.description for t in self.second if t.value}

    def pick(self, first: set[str], second: set[str]) -> None:
        """Press exactly these toggles."""
        self._picking = True  # the picture is drawn once, when all are pressed
        for toggles, names in ((self.first, first), (self.second, second)):
            for toggle in toggles:
                toggle.value = toggle.description in names
        self._picking = False
        self._show()

    def _pick_gap(self) -> None:
        pair = self._systems[self.system.value].gap()
        if pair is None:
            self._show(first="There is no such pair: every phase 1 quorum meets every phase 2 quorum.")
        else:
            self.pick(set(pair[0]), set(pair[1]))

    def picture(self) -> Picture:
        """The two sets as they are picked now."""
        return quorum_overlap(self._systems[self.system.value], *self.chosen_sets)

    def still(self) -> dict[str, str]:
        """The picture as it is now."""
        return self.picture().still("Quorum lab")

    def _show(self, _change: Any = None, first: str = "") -> None:
        if self._picking:
            return
        picture = self.picture()
        self.said.value = f"<b>{as_text(first or picture.caption)}</b>"
        self.answer.value = picture.svg()
