"""Spaced repetition: when to see a card again, so that it is asked just before it would be forgotten.

A variant of SM-2 (Wozniak 1990) with the four grades that people know from card programs. Each card has
an interval in days and an ease, the factor by which a good answer stretches the interval.

    again   seen again today; the ease falls, and the interval starts anew
    hard    1.2 times the interval, at least a day; the ease falls a little
    good    a day, then 3 days, then the interval times the ease
    easy    4 days the first time, then 1.3 times what "good" would give; the ease rises

The rules are pure: the day comes in as `today` and is never read here. What was answered is kept in
the learner's folder, one record for each card, by `recall` and `keep`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from paxos_lab.node import LabError
from paxos_lab.teach import store
from paxos_lab.words.text import short

GRADES = ("again", "hard", "good", "easy")

_FILE = "cards"
_EASE, _LEAST_EASE = 2.5, 1.3
_LONGEST = 365  # days; nobody prepares for an interview in two years


@dataclass(frozen=True)
class Memory:
    """What is known about one card: when it is due, the days since it was last seen, the factor."""

    due: date
    interval: int = 0
    ease: float = _EASE
    seen: int = 0


def review(memory: Memory | None, grade: str, today: date) -> Memory:
    """The memory of a card after an answer on that day; `memory` is None for a new card."""
    if grade not in GRADES:
        raise LabError(f"a grade is one of {', '.join(GRADES)}, got {short(repr(grade), 40)}")
    old = memory or Memory(today)
    days = old.interval
    good = 1 if days < 1 else 3 if days < 3 else max(days + 1, round(days * old.ease))
    interval, change = {
        "again": (0, -0.2),
        "hard": (max(1, min(good, round(days * 1.2))), -0.15),
        "good": (good, 0.0),
        "easy": (max(4, good + 1, round(good * 1.3)), 0.15),
    }[grade]
    interval = min(interval, _LONGEST)
    ease = max(_LEAST_EASE, round(old.ease + change, 2))
    return Memory(today + timedelta(days=interval), interval, ease, old.seen + 1)


def due(ids: Iterable[str], memories: Mapping[str, Memory], today: date) -> list[str]:
    """Which of the cards to ask on that day: those that have come due, longest waiting first, then new ones."""
    ids = list(ids)
    again = [id for id in ids if id in memories and memories[id].due <= today]
    return sorted(again, key=lambda id: memories[id].due) + [id for id in ids if id not in memories]


# ---- in the learner's folder


def recall() -> dict[str, Memory]:
    """What was kept, by card.

    A record that makes no sense is left out; then the file is kept as .bak, with a warning.
    """
    kept = store.load(_FILE)
    memories: dict[str, Memory] = {}
    problems = []
    for id, record in kept.items():
        try:
            memories[id] = _from_json(record)
        except (LabError, TypeError, ValueError, KeyError) as error:
            problems.append(f"{short(id, 40)}: {error}")
    if problems:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its warning says that all is lost; ours says more
            store._put_aside(store._path(_FILE), "")
        _save(memories)
        warnings.warn(
            f"{len(problems)} of {len(kept)} records of your cards could not be read ({problems[0]}). They are "
            f"kept in {store.home()} under {_FILE}.json.bak; the other {len(memories)} still count.",
            stacklevel=2,
        )
    return memories


def keep(id: str, memory: Memory) -> None:
    """Keep what is known about one card; all others stay as they are in the file, whoever else writes it."""
    store.change(_FILE, lambda kept: {**kept, id: _to_json(memory)})


def _save(memories: Mapping[str, Memory]) -> None:
    store.save(_FILE, {id: _to_json(memory) for id, memory in memories.items()})


def _to_json(memory: Memory) -> dict[str, Any]:
    due = memory.due.isoformat()
    return {"due": due, "interval": memory.interval, "ease": memory.ease, "seen": memory.seen}


def _from_json(record: Any) -> Memory:
    if not isinstance(record, dict):
        raise LabError(f"a record is an object, got {short(repr(record), 40)}")
    numbers = [record["interval"], record["ease"], record["seen"]]
    if not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
        raise LabError(f"interval, ease and seen are numbers, got {short(repr(numbers), 60)}")
    interval, ease, seen = int(record["interval"]), float(record["ease"]), int(record["seen"])
    if not (0 <= interval <= _LONGEST and _LEAST_EASE <= ease <= 10 and seen >= 1):
        raise LabError(f"interval {interval}, ease {ease} and seen {seen} are out of range")
    return Memory(date.fromisoformat(record["due"]), interval, ease, seen)
