"""The book of guesses: what was asked in this kernel, and what was committed to, kept across restarts.

A guess is kept with a mark of its question. A question that is changed has another mark and opens again.
A folder that cannot be written costs the record, not the question: the guess then counts until the
kernel stops.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from paxos_lab.node import LabError
from paxos_lab.teach import store
from paxos_lab.teach.lessons import questions
from paxos_lab.words.text import as_text

_FILE = "guesses"  # {"seed": number, "guesses": {key: {"of": mark, "question", "said", "right"}}}
_OWN = "others"  # the row of what is no prediction of a lesson


class Guess(NamedTuple):
    """What was committed to: the question, the option as it was written, and whether it was right."""

    question: str
    said: str
    right: bool


_asked: dict[str, str] = {}  # key -> mark, in this kernel
_unkept: dict[str, dict[str, Any]] = {}  # records that could not be written
_seeds: list[int] = []  # of this kernel, where none can be kept


def ask(key: str, mark: str) -> Guess | None:
    """Note that the question was asked; the guess committed to it before, None if it is open."""
    _asked[key] = mark
    old = _records().get(key)
    if old is None:
        return None
    if old["of"] == mark:
        return _guess(old)
    _unkept.pop(key, None)  # it was the answer to something else
    _write({k: record for k, record in _stored().items() if k != key})
    return None


def keep(key: str, mark: str, guess: Guess) -> str:
    """Keep a guess for good; "" or a sentence that says why that was not possible."""
    record = {"of": mark, **guess._asdict()}
    wrong = _write(_stored() | _unkept | {key: record})
    _asked.setdefault(key, mark)
    if wrong:
        _unkept[key] = record
    else:
        _unkept.clear()
    return wrong


def guesses() -> dict[str, Guess]:
    """The guesses committed so far, by key, those of earlier days too; changing the answer changes nothing here."""
    return {key: _guess(record) for key, record in _records().items()}


def seed() -> int:
    """The number that decides in which order this learner sees options: the same for good where it can be kept."""
    kept = _data().get("seed")
    if isinstance(kept, int):
        return kept
    if not _seeds:
        _seeds.append(secrets.randbits(32))
    _write(_stored())
    return _seeds[0]


def forget() -> None:
    """Forget every question and guess, to begin again; the order of options stays."""
    if _stored():
        _write({})
    _asked.clear()
    _unkept.clear()


class Row(NamedTuple):
    """How the predictions of one lesson went; `asked` counts all that it has."""

    lesson: str
    asked: int
    committed: int
    right: int


@dataclass(frozen=True)
class Score:
    """How the predictions went: a row for each lesson that was begun. A notebook shows it as a table."""

    rows: tuple[Row, ...]

    @property
    def sentence(self) -> str:
        """All rows in one sentence."""
        asked = sum(row.asked for row in self.rows)
        committed = sum(row.committed for row in self.rows)
        right = sum(row.right for row in self.rows)
        if not committed:
            return f"Your predictions: none committed yet, of {asked} asked."
        left = asked - committed
        return f"Your predictions: {right} of {committed} right" + (f", {left} still open." if left else ".")

    def __str__(self) -> str:
        if not self.rows:
            return self.sentence
        head = f"{'lesson':8}{'asked':>6}{'committed':>11}{'right':>7}"
        lines = [f"{row.lesson:8}{row.asked:>6}{row.committed:>11}{row.right:>7}" for row in self.rows]
        return "\n".join([self.sentence, head, *lines])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in Row._fields)
        body = "".join(
            f'<tr><th scope="row">{as_text(row.lesson)}</th>'
            + "".join(f"<td>{n}</td>" for n in row[1:])
            + "</tr>"
            for row in self.rows
        )
        return f"<p>{as_text(self.sentence)}</p><table><tr>{head}</tr>{body}</table>"


def score() -> Score:
    """How your predictions went, lesson by lesson: asked, committed, right. Kept across restarts."""
    course, records = questions.load(), _records()
    marks = {key: record["of"] for key, record in records.items()} | _asked
    begun = {key for key, mark in marks.items() if key in course and course[key].mark == mark}
    # Another question under a key of the course counts by itself; one of an older edition is open again.
    others = {key for key in marks if key not in course or (key in _asked and key not in begun)}

    def row(name: str, asked: int, keys: set[str]) -> Row:
        done = [records[key]["right"] for key in keys if key in records]
        return Row(name, asked, len(done), sum(done))

    lessons = sorted({course[key].lesson for key in begun})
    size = Counter(question.lesson for question in course.values())
    rows = [
        row(lesson, size[lesson], {key for key in begun if course[key].lesson == lesson})
        for lesson in lessons
    ]
    return Score(tuple(rows + [row(_OWN, len(others), others)] * bool(others)))


def _guess(record: Mapping[str, Any]) -> Guess:
    return Guess(record["question"], record["said"], record["right"])


def _records() -> dict[str, dict[str, Any]]:
    """All records that make sense, those that could not be written too."""
    return _stored() | _unkept


def _stored() -> dict[str, dict[str, Any]]:
    kept = _data().get("guesses")
    if not isinstance(kept, dict):
        return {}
    return {key: record for key, record in kept.items() if _makes_sense(record)}


def _makes_sense(record: Any) -> bool:
    kinds = {"of": str, "question": str, "said": str, "right": bool}
    return isinstance(record, dict) and all(
        isinstance(record.get(name), kind) for name, kind in kinds.items()
    )


def _data() -> dict[str, Any]:
    with suppress(LabError):  # a folder that cannot be read holds nothing for us
        return store.load(_FILE)
    return {}


def _write(records: Mapping[str, Any]) -> str:
    """Replace what is kept; "" or why that was not possible."""
    kept = _data().get("seed")
    numbers = [kept] if isinstance(kept, int) else _seeds
    try:
        store.save(_FILE, {"guesses": dict(records), **({"seed": numbers[0]} if numbers else {})})
    except LabError as error:
        return str(error)
    return ""
