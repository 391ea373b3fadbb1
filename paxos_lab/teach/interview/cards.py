"""Interview cards: questions with model answers, kept as data in `cards.toml` so that anybody can add one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from paxos_lab.node import LabError
from paxos_lab.words.text import short

GROUPS = ("basics", "safety", "liveness", "log", "reads-leases-locks", "compare-and-design")
"""What an interview goes through, in this order."""

LESSONS = (
    "00_start_here", "01_the_problem", "02_ballots_and_quorums", "03_prepare_and_promise",
    "04_accept_and_learn", "05_failures", "06_why_it_is_safe", "07_liveness_and_leaders", "08_multi_paxos",
    "09_replicated_state_machine", "10_changing_the_cluster", "11_cost_and_performance",
)  # fmt: skip
"""The lessons to which a card may send its reader."""

SHIPPED = Path(__file__).parent / "cards.toml"


@dataclass(frozen=True)
class Flashcard:
    """One interview question.

    `answer`: a model answer of 2 to 5 sentences. `strong`: what a strong candidate adds. `wrong`: the
    usual wrong answer and why. `lesson`: the notebook that teaches it, without .ipynb.
    `follow_ups`: questions that go deeper, the hardest last.
    """

    id: str
    group: str
    lesson: str
    question: str
    answer: str
    strong: str
    wrong: str
    follow_ups: tuple[str, ...]


_FIELDS = tuple(field.name for field in fields(Flashcard))


def load(path: str | Path | None = None) -> tuple[Flashcard, ...]:
    """The cards of a TOML file, in its order; left out, those that come with the course.

    Raises `LabError` naming the file, the card and the field that is wrong.
    """
    source = Path(path) if path is not None else SHIPPED
    try:
        data = tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"{source.name} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise LabError(f"{source.name} is no TOML file in UTF-8: {error}") from error
    entries = data.get("card")
    if not isinstance(entries, list) or not entries or set(data) != {"card"}:
        raise LabError(f"{source.name} holds cards, each under its own [[card]], and nothing else")
    cards: dict[str, Flashcard] = {}
    for place, entry in enumerate(entries, start=1):
        card = _card(entry, place, source.name)
        if card.id in cards:
            raise LabError(f"{source.name}: two cards have the id {short(repr(card.id), 60)}")
        cards[card.id] = card
    return tuple(cards.values())


def by_group(cards: Iterable[Flashcard]) -> dict[str, tuple[Flashcard, ...]]:
    """The cards of each group that has any, groups in the order of an interview."""
    found = tuple(cards)
    groups = {group: tuple(card for card in found if card.group == group) for group in GROUPS}
    return {group: some for group, some in groups.items() if some}


def _card(entry: Any, place: int, source: str) -> Flashcard:
    where = f"{source}, card {place}"
    if not isinstance(entry, dict):
        raise LabError(f"{where}: a card is a table of fields, got {short(repr(entry), 60)}")
    if isinstance(entry.get("id"), str):
        where += f" ({short(repr(entry['id']), 40)})"
    for name in _FIELDS:
        if name not in entry:
            raise LabError(f"{where}: the field {name!r} is missing")
    for name in entry:
        if name not in _FIELDS:
            raise LabError(
                f"{where}: there is no field {short(repr(name), 40)}; fields are {', '.join(_FIELDS)}"
            )
    texts = {name: _text(entry[name], f"{where}: {name}") for name in _FIELDS if name != "follow_ups"}
    for name, known in (("group", GROUPS), ("lesson", LESSONS)):
        if texts[name] not in known:
            raise LabError(
                f"{where}: {name} is {short(repr(texts[name]), 60)}, which is none of {', '.join(known)}"
            )
    asked = entry["follow_ups"]
    if not isinstance(asked, list) or not 2 <= len(asked) <= 3:
        raise LabError(f"{where}: follow_ups is a list of two or three questions")
    return Flashcard(**texts, follow_ups=tuple(_text(one, f"{where}: follow_ups") for one in asked))


def _text(value: Any, where: str) -> str:
    """The text on one line: line breaks in the file have no meaning."""
    if not isinstance(value, str) or not value.strip():
        raise LabError(f"{where} is a text that is not empty, got {short(repr(value), 60)}")
    return " ".join(value.split())
