"""What a check says: passed, not written yet, could not finish, or which rule broke, with a run to step through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from IPython.display import display

from paxos_lab.bus import MessageBus
from paxos_lab.show.widgets.stepper import Stepper
from paxos_lab.words.narration import narrate
from paxos_lab.words.text import as_list, as_text
from paxos_lab.world.trace import Step

MOST_LINES = 60  # of a story; a longer one shows its end, where it breaks


class NotYet(Exception):
    """A judge's "no": the headline says what is wrong, the details where, `run` shows it."""

    def __init__(self, headline: str, *details: str, run: MessageBus | None = None) -> None:
        super().__init__(headline)
        self.headline, self.details, self.run = headline, details, run


class Unfinished(Exception):
    """A judge's "I cannot say": neither a pass nor a fail; the headline says what could not be finished."""

    def __init__(self, headline: str, *details: str) -> None:
        super().__init__(headline)
        self.headline, self.details = headline, details


@dataclass(frozen=True)
class Answer:
    """The answer to one attempt at one task.

    `written`: False while a `...` of the exercise stands. `finished`: False if the check could not come
    to a verdict; it is then neither passed nor failed. `details`: sentences. `run`: a bus that stands at
    the end of a run that shows the mistake, if there is one.
    """

    task: str
    passed: bool
    headline: str
    details: tuple[str, ...] = ()
    written: bool = True
    finished: bool = True
    run: MessageBus | None = field(default=None, repr=False, compare=False)

    @property
    def _mark(self) -> tuple[str, str]:
        """In a word or two, and the colour of its line."""
        if self.passed:
            return "Passed", "#00785A"
        if not self.finished:
            return "Not judged", "#595959"
        return ("Not yet", "#B84E00") if self.written else ("Not written yet", "#0072B2")

    def __str__(self) -> str:
        return "\n".join(
            [f"{self.task}: {self._mark[0].upper()}. {self.headline}", *(f"  - {d}" for d in self.details)]
        )

    def story(self) -> list[str]:
        """The run in sentences, one for each step; a long one without its beginning."""
        if self.run is None:
            return []
        lines = [f"{step.step}. {_told(step)}" for step in self.run.trace]
        return lines if len(lines) <= MOST_LINES else ["...", *lines[-MOST_LINES:]]

    def html(self) -> str:
        """The answer for a page; whatever a learner typed stays text."""
        mark, colour = self._mark
        parts = [
            f'<div role="status" style="border-left:4px solid {colour};padding:2px 10px;line-height:1.5">'
            f"<b>{mark}.</b> {as_text(self.headline)}",
            as_list("ul", self.details),
        ]
        if story := self.story():
            lines = "".join(f"<div>{as_text(line)}</div>" for line in story)
            parts.append(f"<details open><summary>How it went, step by step</summary>{lines}</details>")
        return "".join([*parts, "</div>"])

    def _ipython_display_(self) -> None:
        display(_Shown(self))
        if self.run is not None:
            try:
                picture: Any = Stepper(self.run)
            except Exception:  # a learner's message may have any shape, which no picture expects
                picture = _Plain("This run has no picture: it holds something that cannot be drawn.")
            display(picture)


def _told(step: Step) -> str:
    """The step as a sentence; if a learner's message has a shape that nobody expects, without its content."""
    try:
        return narrate(step)
    except Exception:  # whatever is in the message: the answer must be shown
        what = type(step.event).__name__.lower()
        return (
            f"{what}{f' at {step.node}' if step.node else ''} (with something that cannot be put in words)."
        )


@dataclass(frozen=True)
class _Plain:
    """A sentence in place of a picture."""

    sentence: str

    def __repr__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class _Shown:
    """The answer as HTML with a text twin."""

    answer: Answer

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        lines = [str(self.answer), *self.answer.story()]
        return {"text/html": self.answer.html(), "text/plain": "\n".join(lines)}
