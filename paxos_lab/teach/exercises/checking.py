"""`check`: what a learner calls in an exercise to have an answer judged."""

from __future__ import annotations

import io
from collections import deque
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

from paxos_lab.node import LabError
from paxos_lab.teach.exercises.answer import Answer, NotYet, Unfinished
from paxos_lab.teach.exercises.handed_in import stubs
from paxos_lab.teach.exercises.in_words import said_by, shown, where
from paxos_lab.teach.exercises.patience import (
    CALL_WORK,
    CHECK_WORK,
    WALL,
    CallTooLong,
    CheckTooLong,
    TooLong,
    ends,
)
from paxos_lab.teach.exercises.record import note
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.tasks import ALL, tasks_like
from paxos_lab.words.text import short

CONFUSED = "I could not judge what you handed over:"
ASK = "That may be a mistake of this check. Compare with the example of the exercise, and please report it."
LAST_LINES = 5  # of what was printed, shown when a check fails

given: list[Answer] = []
"""Every answer of this kernel; who grades can tell it from one that was made up."""


def check(task: str, *things: Any) -> Answer:
    """Judge what a learner wrote for `task`; the answer shows itself, with a run if one breaks it.

    Never raises for a mistake in what was handed in: that is what the answer is for. What the learner's
    code prints is kept back; a check that fails shows the last lines.
    """
    printed = _LastLines()
    with redirect_stdout(printed):
        answer = _judge(task, things)
    if printed.count and answer.written and not answer.passed:
        answer = replace(answer, details=(*answer.details, printed.told()))
    if answer.task in ALL:
        try:
            note(answer)
        except LabError as error:  # the record is lost, the verdict is not
            answer = replace(answer, details=(*answer.details, f"This attempt was not recorded: {error}."))
    given.append(answer)
    return answer


def _judge(id: str, things: tuple[Any, ...]) -> Answer:
    task = ALL.get(id) if isinstance(id, str) else None
    if task is None:
        return Answer(
            shown(id, 60).strip("'"),
            False,
            f"There is no task {shown(id, 60)}.",
            (tasks_like(id if isinstance(id, str) else ""),),
        )
    if len(things) != len(task.takes):
        names = ", ".join(task.takes)
        return Answer(
            id, False, f"This check takes {names}.", (f'Write check("{id}", {names}); I got {len(things)}.',)
        )
    left: list[str] = []
    try:
        with ends():
            left += [place for thing in things for place in stubs(thing)]
            said = task.judge(*things)
    except NotYet as error:
        if left:  # a right solution may have a `...` somewhere, a wrong one has it in place of the rest
            return Answer(
                id, False, f"There is still a `...` in {left[0]}.", _after_stub(task, left), written=False
            )
        return Answer(id, False, error.headline, tuple(error.details), run=error.run)
    except Unfinished as error:
        return Answer(id, False, error.headline, tuple(error.details), finished=False)
    except CallTooLong:
        why = f"I stopped it after {CALL_WORK:.0f} seconds of work. Does a loop of yours never end?"
        return Answer(id, False, "One call of your code does not come to an end.", (why,))
    except TooLong as error:
        return _unfinished(id, error)
    except KeyboardInterrupt:
        raise  # whoever interrupts wants the cells below to stop, too
    except BaseException as error:  # no bare traceback from inside the lab, whatever was handed in
        return Answer(id, False, f"{CONFUSED} {said_by(error)}.", (*where(error), ASK), finished=False)
    return Answer(id, True, said)


def _unfinished(id: str, error: TooLong) -> Answer:
    """Too much work, or too little processor time for it: nobody can say yet whether the answer is right."""
    if isinstance(error, CheckTooLong):
        headline = (
            f"I could not finish: this check used {CHECK_WORK:.0f} seconds of work, where few are enough."
        )
        details: tuple[str, ...] = ("Do your nodes remember or send so much that nothing comes to an end?",)
    else:
        headline = f"I could not finish: after {WALL:.0f} seconds most of the work is still to do."
        details = (
            "Either the machine is busy with something else, or your code waits (for a sleep, an input).",
            "This is neither a pass nor a fail. Run this cell again.",
        )
    return Answer(id, False, headline, details, finished=False)


def _after_stub(task: Task, left: list[str]) -> tuple[str, ...]:
    more = (f"There are {len(left)} such places.",) if len(left) > 1 else ()
    return (*more, f'Put your own code there; hint("{task.id}") helps.')


class _LastLines(io.TextIOBase):
    """Takes what is printed; keeps the last lines and counts all."""

    def __init__(self) -> None:
        self.count = 0
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._begun = ""

    def write(self, text: str) -> int:
        """As a file does."""
        *whole, self._begun = (self._begun + text).split("\n")
        self._begun = self._begun[-1000:]
        self._lines.extend(whole)
        self.count += len(whole)
        return len(text)

    def told(self) -> str:
        """What was printed last, as a sentence."""
        if self.count == 1:
            return f"Your code printed: {short(self._lines[0], 200)}"
        last = " | ".join(short(line, 200) for line in self._lines)
        return f"Your code printed {self.count:,} lines. The last of them: {last}"
