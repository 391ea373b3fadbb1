"""`check`: what a learner calls in an exercise to have an answer judged."""

from __future__ import annotations

from typing import Any

from paxos_lab.teach.exercises.answer import Answer, NotYet
from paxos_lab.teach.exercises.handed_in import CALL_PATIENCE, PATIENCE, TooLong, ends, stubs, where
from paxos_lab.teach.exercises.record import note
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.tasks import ALL, tasks_like
from paxos_lab.words.text import short

CONFUSED = "I could not judge what you handed over:"
ASK = "That may be a mistake of this check. Compare with the example of the exercise, and please report it."

given: list[Answer] = []
"""Every answer of this kernel; who grades can tell it from one that was made up."""


def check(task: str, *things: Any) -> Answer:
    """Judge what a learner wrote for `task`; the answer shows itself, with a run if one breaks it.

    Never raises for a mistake in what was handed in: that is what the answer is for.
    """
    answer = _judge(task, things)
    given.append(answer)
    if answer.task in ALL:
        note(answer)
    return answer


def _judge(id: str, things: tuple[Any, ...]) -> Answer:
    task = ALL.get(id) if isinstance(id, str) else None
    if task is None:
        return Answer(short(id, 60), False, f"There is no task {short(repr(id), 60)}.", (tasks_like(id),))
    if len(things) != len(task.takes):
        names = ", ".join(task.takes)
        return Answer(
            id, False, f"This check takes {names}.", (f'Write check("{id}", {names}); I got {len(things)}.',)
        )
    left = [place for thing in things for place in stubs(thing)]
    try:
        with ends():
            said = task.judge(*things)
    except NotYet as error:
        if left:  # a right solution may have a `...` somewhere, a wrong one has it in place of the rest
            return Answer(
                id, False, f"There is still a `...` in {left[0]}.", _after_stub(task, left), written=False
            )
        return Answer(id, False, error.headline, tuple(error.details), run=error.run)
    except TooLong:
        limits = f"One call may take {CALL_PATIENCE:.0f} seconds, the whole check {PATIENCE:.0f}."
        why = "Either a loop of yours does not end, or your nodes send so much that no schedule comes to an end."
        return Answer(id, False, "I stopped it: it took too long.", (limits, why))
    except Exception as error:  # no bare traceback from inside the lab, whatever was handed in
        said = f"{type(error).__name__}: {short(str(error), 300)}"
        return Answer(id, False, f"{CONFUSED} {said}.", (*where(error), ASK))
    return Answer(id, True, said)


def _after_stub(task: Task, left: list[str]) -> tuple[str, ...]:
    more = (f"There are {len(left)} such places.",) if len(left) > 1 else ()
    return (*more, f'Put your own code there; hint("{task.id}") helps.')
