"""What a check says: passed, not written yet, or which rule broke, with a run to step through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from IPython.display import display

from paxos_lab.bus import MessageBus
from paxos_lab.show.widgets.stepper import Stepper
from paxos_lab.words.narration import narrate
from paxos_lab.words.text import as_list, as_text

MOST_LINES = 60  # of a story; a longer one shows its end, where it breaks


class NotYet(Exception):
    """A judge's "no": the headline says what is wrong, the details where, `run` shows it."""

    def __init__(self, headline: str, *details: str, run: MessageBus | None = None) -> None:
        super().__init__(headline)
        self.headline, self.details, self.run = headline, details, run


@dataclass(frozen=True)
class Answer:
    """The answer to one attempt at one task.

    `written`: False while a `...` of the exercise stands. `details`: sentences. `run`: a bus that
    stands at the end of the shortest run that shows the mistake, if there is one.
    """

    task: str
    passed: bool
    headline: str
    details: tuple[str, ...] = ()
    written: bool = True
    run: MessageBus | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        mark = "PASSED" if self.passed else "NOT YET" if self.written else "NOT WRITTEN YET"
        return "\n".join([f"{self.task}: {mark}. {self.headline}", *(f"  - {d}" for d in self.details)])

    def story(self) -> list[str]:
        """The run in sentences, one for each step; a long one without its beginning."""
        if self.run is None:
            return []
        lines = [f"{step.step}. {narrate(step)}" for step in self.run.trace]
        return lines if len(lines) <= MOST_LINES else ["...", *lines[-MOST_LINES:]]

    def html(self) -> str:
        """The answer for a page; whatever a learner typed stays text."""
        mark, colour = ("Passed.", "#00785A") if self.passed else ("Not yet.", "#B84E00")
        if not self.written:
            mark, colour = "Not written yet.", "#0072B2"
        parts = [
            f'<div role="status" style="border-left:4px solid {colour};padding:2px 10px;line-height:1.5">'
            f"<b>{mark}</b> {as_text(self.headline)}",
            as_list("ul", self.details),
        ]
        if story := self.story():
            lines = "".join(f"<div>{as_text(line)}</div>" for line in story)
            parts.append(f"<details open><summary>How it went, step by step</summary>{lines}</details>")
        return "".join([*parts, "</div>"])

    def _ipython_display_(self) -> None:
        display(_Shown(self))
        if self.run is not None:
            display(Stepper(self.run))


@dataclass(frozen=True)
class _Shown:
    """The answer as HTML with a text twin."""

    answer: Answer

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        lines = [str(self.answer), *self.answer.story()]
        return {"text/html": self.answer.html(), "text/plain": "\n".join(lines)}
