"""A prediction before a run: the learner commits to a guess, then sees whether it was right.

Who has said what will happen looks at a run with a question; who has not, looks at a picture.
Guesses live in the kernel, nowhere else: a restart forgets them.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any, NamedTuple

import ipywidgets as widgets

from paxos_lab.node import LabError
from paxos_lab.show.widgets.box import OwnKeys
from paxos_lab.words.text import short

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Guess(NamedTuple):
    """What was committed to: the question, the option as it was written, and whether it was right."""

    question: str
    said: str
    right: bool


_asked: dict[str, str] = {}  # key -> question
_guesses: dict[str, Guess] = {}


class Prediction(widgets.VBox):
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
        self.button = widgets.Button(
            description="Commit", disabled=True, tooltip="Fix your guess and see whether it was right"
        )
        self.verdict = widgets.HTML()
        super().__init__(
            [
                OwnKeys(),
                widgets.HTML(f'<div style="line-height:1.5"><b>Predict.</b> {_paragraph(question)}</div>'),
                self.choice,
                self.button,
                self.verdict,
            ]
        )
        _asked[key] = question
        old = _guesses.get(key)
        if old is not None and old.question == question and old.said in options:
            self._close(options.index(old.said))
        else:
            _guesses.pop(key, None)  # it was the answer to something else
            self.choice.observe(self._picked, "value")
            self.button.on_click(lambda _button: self.commit())

    @property
    def committed(self) -> bool:
        """True once the guess is fixed."""
        return self.key in _guesses and self.choice.disabled

    def commit(self) -> None:
        """Fix the guess that is picked; raises `LabError` if there is none."""
        picked = self.choice.value
        if picked is None:
            raise LabError(f"the prediction {self.key!r} has no guess yet: pick an option first")
        _guesses[self.key] = Guess(self.question, self.options[picked], picked == self.answer)
        self._close(picked)

    def _picked(self, change: dict[str, Any]) -> None:
        self.button.disabled = self.choice.disabled or change["new"] is None

    def _close(self, picked: int) -> None:
        self.choice.value = picked
        self.choice.disabled = self.button.disabled = True
        self.button.description = "Committed"
        outcome = "right." if picked == self.answer else f"not yet. It is {LETTERS[self.answer]}."
        # A live region, so that a screen reader says it without being moved there.
        self.verdict.value = (
            f'<div role="status" aria-live="polite" style="line-height:1.5"><b>You said {LETTERS[picked]}: {outcome}</b>'
            f"<br>{_paragraph(self.why)}</div>"
        )

    def __repr__(self) -> str:
        state = f"said {_guesses[self.key].said!r}" if self.committed else "no guess yet"
        return f"<Prediction {self.key!r}: {state}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget and, for pages without a kernel, the question as text."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        lines = [f"Predict. {short(self.question, 1000)}", *(label for label, _ in self.choice.options)]
        return {**(data or {}), "text/plain": "\n".join(lines)}, metadata


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
    """`text` as HTML that shows it as it is."""
    return escape("".join(c for c in text if c.isprintable() or c == "\n")).replace("\n", "<br>")
