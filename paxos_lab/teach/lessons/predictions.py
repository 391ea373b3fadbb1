"""A prediction before a run: the learner commits to a guess, then sees whether it was right.

If you have committed to a guess, you read a run with a question in mind; otherwise you look at a picture. What is asked
in the lessons stands in `predictions.toml`; what was guessed is kept in `guess_book`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import ipywidgets as widgets

from paxos_lab.node import LabError
from paxos_lab.show.widgets.box import LabBox, Said, button, prose, row
from paxos_lab.teach.lessons import guess_book
from paxos_lab.teach.lessons.guess_book import Guess
from paxos_lab.teach.lessons.questions import LETTERS, Option, Question, of_the_course
from paxos_lab.words.text import as_text, short


class Prediction(LabBox):
    """A question with options and a button; after the commit it says right or not yet, and why.

    See `predict`, which makes one.
    """

    def __init__(self, question: Question, order: Iterable[int] | None = None) -> None:
        self.key, self.asked = question.key, question
        self.order = list(range(len(question.options)) if order is None else order)
        labels = [
            (f"{LETTERS[place]}. {short(question.options[i].says, 300)}", i)
            for place, i in enumerate(self.order)
        ]
        self.choice = widgets.RadioButtons(
            options=labels, value=None, description="Your guess:", layout=widgets.Layout(width="auto")
        )
        self.button = button("Commit", "Fix your guess and see whether it was right", self._press)
        self.verdict = Said()
        super().__init__(
            [
                widgets.HTML(prose(f"<b>Predict.</b> {_paragraph(question.question)}")),
                self.choice,
                row(self.button),
                self.verdict,
            ]
        )
        self._fixed: int | None = None
        self.choice.observe(self._picked, "value")
        old = guess_book.ask(self.key, question.mark)
        says = [option.says for option in question.options]
        if old is not None and old.said in says:
            self._close(says.index(old.said))

    @property
    def committed(self) -> bool:
        """True once the guess is fixed."""
        return self._fixed is not None

    def commit(self) -> None:
        """Fix the guess that is picked; raises `LabError` if there is none."""
        picked = self.choice.value
        if picked is None:
            raise LabError(f"the prediction {self.key!r} has no guess yet: pick an option first")
        option = self.asked.options[picked]
        wrong = guess_book.keep(
            self.key, self.asked.mark, Guess(self.asked.question, option.says, option.right)
        )
        self._close(picked)
        if wrong:
            self.verdict.value += (
                f"<br><i>Your guess counts until the kernel stops, and is not kept: {as_text(wrong)}</i>"
            )

    def _press(self) -> None:
        # The button is never disabled: whoever goes by keyboard would step over it, or lose the focus.
        if self._fixed is not None:
            self._close(self._fixed)
        elif self.choice.value is None:
            self.verdict.value = "Pick a guess first."
        else:
            self.commit()

    def _picked(self, change: dict[str, Any]) -> None:
        if self._fixed is not None:
            self.choice.value = self._fixed  # a guess is committed once
        elif change["new"] is not None:
            self.verdict.value = ""

    def _close(self, picked: int) -> None:
        self._fixed = self.choice.value = picked
        self.choice.disabled = True
        self.button.description = "Committed"
        said, right = self.asked.options[picked], self.asked.options[self.asked.answer]
        letter = {i: LETTERS[place] for place, i in enumerate(self.order)}
        verdict = f"<b>You said {letter[picked]}: {'right.' if said.right else 'not yet.'}"
        if said.right:
            verdict += "</b>"
        elif said.because:
            verdict += f"</b><br>{_paragraph(said.because)}<br><b>It is {letter[self.asked.answer]}: “{as_text(right.says)}”.</b>"
        else:
            verdict += f" It is {letter[self.asked.answer]}.</b>"
        self.verdict.value = f"{verdict}<br>{_paragraph(right.because)}"

    def __repr__(self) -> str:
        state = "no guess yet" if self._fixed is None else f"said {self.asked.options[self._fixed].says!r}"
        return f"<Prediction {self.key!r}: {state}>"

    def still(self) -> dict[str, str]:
        """The question as text, with the options in the order in which they were written."""
        lines = [f"Predict. {short(self.asked.question, 1000)}"]
        lines += [f"{a}. {short(o.says, 300)}" for a, o in zip(LETTERS, self.asked.options, strict=False)]
        return {"text/plain": "\n".join(lines)}


def predict(
    key: str,
    question: str | None = None,
    options: Iterable[str] | None = None,
    answer: int | None = None,
    why: str | None = None,
) -> Prediction:
    """Ask for a guess; the box to show as the last expression of a cell.

    `key` alone asks a question of the course; each learner sees its options in another order. A
    question of yours is given in full, and its options stay as you write them: `answer` is the position of
    the right one, from 0, and `why` is shown after the commit. Run again, the cell keeps a committed guess.
    Raises `LabError` for a question that cannot be asked.
    """
    if not isinstance(key, str) or not key.strip():
        raise LabError(f"predict: key is a text that is not empty, got {short(repr(key), 60)}")
    if all(given is None for given in (question, options, answer, why)):
        found = of_the_course(key)
        order = list(range(len(found.options)))
        random.Random(f"{guess_book.seed()} {key}").shuffle(order)
        return Prediction(found, order)
    return Prediction(_own(key, question, options, answer, why))


def _own(key: str, question: Any, options: Any, answer: Any, why: Any) -> Question:
    """A question that is given in full, checked."""
    for what, text in (("question", question), ("why", why)):
        if not isinstance(text, str) or not text.strip():
            raise LabError(f"predict: {what} is a text that is not empty, got {short(repr(text), 60)}")
    where = f"predict({short(key, 40)!r})"
    if isinstance(options, str) or not isinstance(options, Iterable):
        raise LabError(f"{where}: options is a list of texts, got {short(repr(options), 60)}")
    options = list(options)
    for option in options:
        if not isinstance(option, str) or not option.strip():
            raise LabError(f"{where}: an option is a text that is not empty, got {short(repr(option), 60)}")
    if not 2 <= len(options) <= len(LETTERS):
        raise LabError(f"{where}: a guess needs 2 to {len(LETTERS)} options, got {len(options)}")
    if len(set(options)) < len(options):
        twice = next(o for i, o in enumerate(options) if o in options[:i])
        raise LabError(f"{where}: the option {short(twice, 60)!r} occurs twice")
    if isinstance(answer, bool) or not isinstance(answer, int) or not 0 <= answer < len(options):
        raise LabError(
            f"{where}: answer is the position of the right option, 0 to {len(options) - 1}, "
            f"got {short(repr(answer), 60)}"
        )
    made = tuple(Option(said, why if i == answer else "", i == answer) for i, said in enumerate(options))
    return Question(key, question, made)


def _paragraph(text: str) -> str:
    """`text` as HTML that shows it as it is, in its lines."""
    return "<br>".join(as_text(line) for line in text.split("\n"))
