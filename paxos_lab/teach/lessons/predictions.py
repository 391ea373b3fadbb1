"""A prediction before a run: the learner commits to a guess, then sees whether it was right.

Who has said what will happen looks at a run with a question; who has not, looks at a picture.
Guesses live in the kernel, nowhere else: a restart forgets them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import ipywidgets as widgets

from paxos_lab.node import LabError
from paxos_lab.show.widgets.box import LabBox, Said, button, prose
from paxos_lab.words.text import as_text, short

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Guess(NamedTuple):
    """What was committed to: the question, the option as it was written, and whether it was right."""

    question: str
    said: str
    right: bool


_asked: dict[str, str] = {}  # key -> question
_guesses: dict[str, Guess] = {}


class Prediction(LabBox):
    """A question with options and a button; after the commit it says right or not yet, and why.

    See `predict`, which makes one.
    """

    def __init__(self, key: str, question: str, options: list[str], answer: int, why: str) -> None:
        self.key, self.question, self.options, self.answer, self.why = key, question, options, answer, why
        labels = [
            (f"{letter}. {short(option, 300)}", i)
            for i, (letter, option) in enumerate(zip(LETTERS, options, strict=False))
        ]
        self.choice = widgets.RadioButtons(
            options=labels, value=None, description="Your guess:", layout=widgets.Layout(width="auto")
        )
        self.button = button("Commit", "Fix your guess and see whether it was right", self._press)
        self.verdict = Said()
        super().__init__(
            [
                widgets.HTML(prose(f"<b>Predict.</b> {_paragraph(question)}")),
                self.choice,
                self.button,
                self.verdict,
            ]
        )
        _asked[key] = question
        self._fixed: int | None = None
        self.choice.observe(self._picked, "value")
        old = _guesses.get(key)
        if old is not None and old.question == question and old.said in options:
            self._close(options.index(old.said))
        else:
            _guesses.pop(key, None)  # it was the answer to something else

    @property
    def committed(self) -> bool:
        """True once the guess is fixed."""
        return self.key in _guesses and self._fixed is not None

    def commit(self) -> None:
        """Fix the guess that is picked; raises `LabError` if there is none."""
        picked = self.choice.value
        if picked is None:
            raise LabError(f"the prediction {self.key!r} has no guess yet: pick an option first")
        _guesses[self.key] = Guess(self.question, self.options[picked], picked == self.answer)
        self._close(picked)

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
        outcome = "right." if picked == self.answer else f"not yet. It is {LETTERS[self.answer]}."
        self.verdict.value = f"<b>You said {LETTERS[picked]}: {outcome}</b><br>{_paragraph(self.why)}"

    def __repr__(self) -> str:
        state = f"said {_guesses[self.key].said!r}" if self.committed else "no guess yet"
        return f"<Prediction {self.key!r}: {state}>"

    def still(self) -> dict[str, str]:
        """The question as text."""
        lines = [f"Predict. {short(self.question, 1000)}", *(label for label, _ in self.choice.options)]
        return {"text/plain": "\n".join(lines)}


def predict(key: str, question: str, options: Iterable[str], answer: int, why: str) -> Prediction:
    """Ask for a guess; the box to show as the last expression of a cell.

    `key`: its name, one for each question of a notebook; run again, the cell keeps a committed
    guess. `answer`: the position of the right option, from 0. `why`: shown after the commit.
    Raises `LabError` for a question that cannot be asked.
    """
    for what, text in (("key", key), ("question", question), ("why", why)):
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
    return Prediction(key, question, options, answer, why)


def guesses() -> dict[str, Guess]:
    """The guesses committed in this kernel, by key; changing the answer changes nothing here."""
    return dict(_guesses)


def score() -> str:
    """One sentence: how many of the predictions asked in this kernel were right."""
    right = sum(guess.right for guess in _guesses.values())
    if not _guesses:
        return f"Your predictions: none committed yet, of {len(_asked)} asked."
    left = len(_asked) - len(_guesses)
    return f"Your predictions: {right} of {len(_guesses)} right" + (f", {left} still open." if left else ".")


def forget() -> None:
    """Forget every question and guess of this kernel, to begin again."""
    _asked.clear()
    _guesses.clear()


def _paragraph(text: str) -> str:
    """`text` as HTML that shows it as it is, in its lines."""
    return "<br>".join(as_text(line) for line in text.split("\n"))
