"""Wrong statements that circulate, each refuted by a run that can be played step by step."""

from __future__ import annotations

import ipywidgets as widgets

from paxos_lab.node import LabError
from paxos_lab.show.widgets.box import LabBox, prose
from paxos_lab.show.widgets.stepper import Stepper
from paxos_lab.verify.wrong.claims import REFUTATIONS, Refutation
from paxos_lab.words.narration import narrate
from paxos_lab.words.text import as_text, short


class Refuted(LabBox):
    """A claim, the run that refutes it in a stepper, and the run in words."""

    def __init__(self, refutation: Refutation) -> None:
        self.refutation = refutation
        self.bus = refutation.run()
        if not refutation.refuted(self.bus):
            raise LabError(f"the run of {refutation.id!r} does not refute its claim")
        self.story = [f"{step.step}. {narrate(step)}" for step in self.bus.trace]  # clicks change the bus
        self.stepper = Stepper(self.bus)
        lines = "".join(f"<div>{as_text(line)}</div>" for line in self.story)
        super().__init__(
            [
                widgets.HTML(
                    prose(
                        f"<b>“{as_text(refutation.claim)}”</b> Not so."
                        f"<p><b>Where to look:</b> {as_text(refutation.look)}</p>"
                        f"<p><b>What is true:</b> {as_text(refutation.instead)}</p>"
                    )
                ),
                self.stepper,
                widgets.HTML(prose(f"<details><summary>The run in words</summary>{lines}</details>")),
            ]
        )

    def __str__(self) -> str:
        r = self.refutation
        head = [f"“{r.claim}” Not so.", f"Where to look: {r.look}", f"What is true: {r.instead}"]
        return "\n".join([*head, *self.story])

    __repr__ = __str__


def refute(id: str) -> Refuted:
    """The run that refutes that claim, to step through; raises `LabError` with the ids there are."""
    if id not in REFUTATIONS:
        raise LabError(f"there is no claim {short(repr(id), 60)}; there are {', '.join(REFUTATIONS)}")
    return Refuted(REFUTATIONS[id])
