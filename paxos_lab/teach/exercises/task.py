"""A task of an exercise: what is handed in, who judges it, and three hints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """One step of an exercise.

    `id`: as "acceptor.promise"; `takes`: what `check(id, ...)` is given after it, by the names that
    the exercise uses. `judge(*things)` returns a sentence that says what was tried, or raises `NotYet`.
    `hints`: from a nudge to nearly the answer. `lesson`: the number of the lesson it belongs to.
    """

    id: str
    title: str
    lesson: str
    takes: tuple[str, ...]
    judge: Callable[..., str]
    hints: tuple[str, str, str]
