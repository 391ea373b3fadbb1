"""The whiteboard: one drill after another, answered, judged and explained."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from paxos_lab.show.widgets.box import OwnKeys
from paxos_lab.teach.exercises.answer import as_text
from paxos_lab.teach.interview.drills.catalogue import KINDS, drill
from paxos_lab.teach.interview.drills.drill_box import Drill
from paxos_lab.teach.lessons.predictions import LETTERS
from paxos_lab.words.text import short


class Options(OwnKeys):
    """As `OwnKeys`; and an option that takes two lines does not cover the next one."""

    _css = """
    .paxos-options .widget-radio-box label {
      display: flex; flex-direction: row-reverse; justify-content: flex-end; align-items: flex-start; gap: 6px;
      height: auto; line-height: 1.4; white-space: normal; padding: 3px 0;
    }
    .paxos-options .widget-radio-box input { flex: none; margin: 2px 0 0 0; position: static; }
    """


class Whiteboard(widgets.VBox):
    """Drills without end, from number `seed` on. Your answer is compared with what the role does."""

    def __init__(self, seed: int = 1) -> None:
        self.drill: Drill = drill(seed)
        self.seed = seed
        self.asked = self.right = 0
        self.judged = False
        auto = widgets.Layout(width="auto", max_width="100%")
        self.kind = widgets.Dropdown(
            options=[("all kinds in turn", ""), *((kind, kind) for kind in KINDS)],
            description="Kind of drill:",
            style={"description_width": "initial"},
            layout=auto,
        )
        self.text, self.verdict, self.score_line = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.choice = widgets.RadioButtons(
            options=[("-", None)], value=None, description="Your answer:", layout=auto
        )
        self.choice.add_class("paxos-options")
        self.button = widgets.Button(
            description="Answer", tooltip="Compare your answer with what the role does", layout=auto
        )
        self.next_button = widgets.Button(description="Next drill", tooltip="Go on", layout=auto)
        self.button.on_click(lambda _button: self._press())
        self.next_button.on_click(lambda _button: self.next())
        self.kind.observe(lambda _change: self._open(self.seed), "value")
        buttons = widgets.HBox([self.button, self.next_button], layout=widgets.Layout(flex_flow="row wrap"))
        super().__init__(
            [Options(), self.kind, self.text, self.choice, buttons, self.verdict, self.score_line]
        )
        self._open(seed)

    # ---- what can be done

    def answer(self, option: int) -> bool:
        """Give the option at that position, from 0; True if it is right. Only the first answer counts."""
        right = self.drill.grade(option)
        if not self.judged:
            self.judged = True
            self.asked += 1
            self.right += right
        self._say(option, right)
        return right

    def next(self) -> None:
        """The next drill."""
        self._open(self.seed + 1)

    def _press(self) -> None:
        if self.choice.value is None:
            self.verdict.value = _live("Pick an answer first.")
        else:
            self.answer(self.choice.value)

    def _open(self, seed: int) -> None:
        self.seed, self.judged = seed, False
        self.drill = drill(seed, self.kind.value or None)
        lines = "".join(_line(line) for line in self.drill.situation)
        self.text.value = _live(
            f"<b>Drill {seed}: {as_text(self.drill.kind)}</b>{lines}<p><b>{as_text(self.drill.question)}</b></p>"
        )
        labels = [
            (f"{letter}. {short(option.text, 300)}", i)
            for i, (letter, option) in enumerate(zip(LETTERS, self.drill.options, strict=False))
        ]
        self.choice.options = labels
        self.choice.value = None
        self.verdict.value = ""
        self._score()

    # ---- what is on screen

    def _say(self, option: int, right: bool) -> None:
        letter, truth = LETTERS[option], self.drill.right
        told = (
            "right."
            if right
            else f"not so. The role does {LETTERS[truth]}: {self.drill.options[truth].text}."
        )
        self.verdict.value = _live(f"<b>{letter} is {as_text(told)}</b><br>{as_text(self.drill.why)}")
        self._score()

    @property
    def score(self) -> str:
        """One sentence: how many first answers were right."""
        return f"{self.right} of {self.asked} right." if self.asked else "No drill is answered yet."

    def _score(self) -> None:
        self.score_line.value = f'<div style="line-height:1.5">Your score: {self.score}</div>'

    def __str__(self) -> str:
        return f"Drill {self.seed}: {self.drill.kind}\n{self.drill}"

    __repr__ = __str__

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget and, for pages without a kernel, the drill as text."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**(data or {}), "text/plain": str(self)}, metadata


def _line(line: str) -> str:
    """A line; one that is indented is what was sent or is stored, in fixed width."""
    if line.startswith(" "):
        return f'<div style="font-family:monospace;padding-left:2em">{as_text(line)}</div>'
    return f"<div>{as_text(line)}</div>"


def _live(html: str) -> str:
    return f'<div role="status" aria-live="polite" style="line-height:1.5;max-width:80ch">{html}</div>'
