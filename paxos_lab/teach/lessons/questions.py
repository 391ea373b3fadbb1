"""The questions of the predictions: data in `predictions.toml`, so that no cell shows its own answer."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from paxos_lab.node import LabError
from paxos_lab.words.text import short

SHIPPED = Path(__file__).parent / "predictions.toml"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_KEY = re.compile(r"\d\d-[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Option:
    """One thing that can be guessed; `because`: why it is right, or why just this one is wrong ("": not said)."""

    says: str
    because: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with its options, one of them right.

    `gives_away`: patterns of words that tell the answer; a lesson may not show them before the question.
    """

    key: str
    question: str
    options: tuple[Option, ...]
    gives_away: tuple[str, ...] = ()

    @property
    def answer(self) -> int:
        """The position of the right option, from 0."""
        return next(i for i, option in enumerate(self.options) if option.right)

    @property
    def lesson(self) -> str:
        """The number of its lesson, as "04"; "" for a question that is not the course's own."""
        return self.key[:2] if _KEY.fullmatch(self.key) else ""

    @property
    def mark(self) -> str:
        """Changes with what is asked and what is right, not with the order of the options or the reasons."""
        parts = [self.question, *sorted(f"{option.right} {option.says}" for option in self.options)]
        return hashlib.sha256("\n".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def load(path: str | Path | None = None) -> dict[str, Question]:
    """The questions of a TOML file by key, in its order; left out, those of the course.

    Raises `LabError` naming the file, the prediction and the field that is wrong.
    """
    return dict(_shipped()) if path is None else _read(Path(path))


def of_the_course(key: str) -> Question:
    """The question that the course keeps under this key; raises `LabError` if there is none."""
    questions = _shipped()
    if key in questions:
        return questions[key]
    near = "".join(f": is it {name!r}?" for name in get_close_matches(key, questions, n=1)) or "."
    raise LabError(
        f"the course has no prediction {short(repr(key), 40)}{near} A question of your own takes all of "
        "predict(key, question, options, answer=..., why=...)"
    )


@cache
def _shipped() -> dict[str, Question]:
    return _read(SHIPPED)


def _read(source: Path) -> dict[str, Question]:
    try:
        data = tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"{source.name} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise LabError(f"{source.name} is no TOML file in UTF-8: {error}") from error
    entries = data.get("prediction")
    if not isinstance(entries, list) or not entries or set(data) != {"prediction"}:
        raise LabError(
            f"{source.name} holds predictions, each under its own [[prediction]], and nothing else"
        )
    questions: dict[str, Question] = {}
    for place, entry in enumerate(entries, start=1):
        found = _question(entry, place, source.name)
        if found.key in questions:
            raise LabError(f"{source.name}: two predictions have the key {found.key!r}")
        questions[found.key] = found
    return questions


def _question(entry: Any, place: int, source: str) -> Question:
    named = entry.get("key") if isinstance(entry, dict) else None
    where = f"{source}: prediction {short(repr(named), 40) if isinstance(named, str) else f'number {place}'}"
    _fields(entry, {"key", "question", "gives_away", "option"}, set(), where)
    key = _text(entry["key"], "key", where)
    if not _KEY.fullmatch(key):
        raise LabError(
            f"{where}: key is the number of a lesson and a name, as 04-value, got {short(repr(key), 40)}"
        )
    patterns, options = entry["gives_away"], entry["option"]
    if not isinstance(patterns, list) or not patterns:
        raise LabError(f"{where}: gives_away is a list of patterns that is not empty")
    for pattern in patterns:
        try:
            re.compile(_text(pattern, "a pattern of gives_away", where))
        except re.error as error:
            raise LabError(
                f"{where}: {short(repr(pattern), 60)} is no regular expression: {error}"
            ) from error
    if not isinstance(options, list) or not 2 <= len(options) <= len(LETTERS):
        raise LabError(
            f"{where}: a guess needs 2 to {len(LETTERS)} options, each under [[prediction.option]]"
        )
    found = tuple(_option(option, f"{where}, option {n}") for n, option in enumerate(options, start=1))
    if (right := sum(option.right for option in found)) != 1:
        raise LabError(f"{where}: one option has `right = true`, here {right} have")
    if len({option.says for option in found}) < len(found):
        raise LabError(f"{where}: two options say the same")
    return Question(key, _text(entry["question"], "question", where), found, tuple(patterns))


def _option(entry: Any, where: str) -> Option:
    _fields(entry, {"says", "because"}, {"right"}, where)
    right = entry.get("right", False)
    if not isinstance(right, bool):
        raise LabError(f"{where}: right is true or false, got {short(repr(right), 40)}")
    return Option(_text(entry["says"], "says", where), _text(entry["because"], "because", where), right)


def _fields(entry: Any, needed: set[str], allowed: set[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise LabError(f"{where} is no table of fields, got {short(repr(entry), 40)}")
    if missing := sorted(needed - set(entry)):
        raise LabError(f"{where} has no {', '.join(missing)}")
    if more := sorted(set(entry) - needed - allowed):
        raise LabError(f"{where} has a field that nobody reads: {short(', '.join(more), 60)}")


def _text(value: Any, what: str, where: str) -> str:
    """A text in one line, whatever the line breaks in the file."""
    if not isinstance(value, str) or not value.strip():
        raise LabError(f"{where}: {what} is a text that is not empty, got {short(repr(value), 40)}")
    return " ".join(value.split())
