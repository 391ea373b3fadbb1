"""The whiteboard: one drill after another, answered, judged and explained."""

from __future__ import annotations

import ipywidgets as widgets

from paxos_lab.show.widgets.box import LabBox, Said, button, choice, fitting, prose, row
from paxos_lab.teach.interview.drills.catalogue import KINDS, drill
from paxos_lab.teach.interview.drills.drill_box import Drill
from paxos_lab.teach.lessons.questions import LETTERS
from paxos_lab.words.text import as_text, short


class Whiteboard(LabBox):
    """Drills without end, from number `seed` on. Your answer is compared with what the role does."""

    def __init__(self, seed: int = 1) -> None:
        self.drill: Drill = drill(seed)
        self.seed = seed
        self.asked = self.right = 0
        self.judged = False
        self.kind = choice("Kind of drill:", [("all kinds in turn", ""), *((kind, kind) for kind in KINDS)])
        self.text, self.verdict, self.score_line = Said(), Said(), widgets.HTML()
        self.choice = widgets.RadioButtons(
            options=[("-", None)], value=None, description="Your answer:", layout=fitting()
        )
        self.button = button("Answer", "Compare your answer with what the role does", self._press)
        self.next_button = button("Next drill", "Go on", self.next)
        self.kind.observe(lambda _change: self._open(self.seed), "value")
        buttons = row(self.button, self.next_button)
        super().__init__([self.kind, self.text, self.choice, buttons, self.verdict, self.score_line])
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
            self.verdict.value = "Pick an answer first."
        else:
            self.answer(self.choice.value)

    def _open(self, seed: int) -> None:
        self.seed, self.judged = seed, False
        self.drill = drill(seed, self.kind.value or None)
        lines = "".join(_line(line) for line in self.drill.situation)
        self.text.value = f"<b>Drill {seed}: {as_text(self.drill.kind)}</b>{lines}<p><b>{as_text(self.drill.question)}</b></p>"
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
        self.verdict.value = f"<b>{letter} is {as_text(told)}</b><br>{as_text(self.drill.why)}"
        self._score()

    @property
    def score(self) -> str:
        """One sentence: how many first answers were right."""
        return f"{self.right} of {self.asked} right." if self.asked else "No drill is answered yet."

    def _score(self) -> None:
        self.score_line.value = prose(f"Your score: {self.score}")

    def __str__(self) -> str:
        return f"Drill {self.seed}: {self.drill.kind}\n{self.drill}"

    __repr__ = __str__


def _line(line: str) -> str:
    """A line; one that is indented is what was sent or is stored, in fixed width."""
    if line.startswith(" "):
        return f'<div style="font-family:monospace;padding-left:2em">{as_text(line)}</div>'
    return f"<div>{as_text(line)}</div>"
