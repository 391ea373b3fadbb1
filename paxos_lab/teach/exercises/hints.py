"""`hint`: three hints for each task, opened one at a time."""

from __future__ import annotations

from contextlib import suppress

from paxos_lab.node import LabError
from paxos_lab.show.widgets.box import LabBox, Said, button
from paxos_lab.teach.exercises.record import record_of, remember
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.tasks import ALL, tasks_like
from paxos_lab.words.text import as_list, short


class Hints(LabBox):
    """The hints of one task, opened one at a time by a button."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.text = Said()
        self.button = button(
            "", "A hint is no shame: it is counted for you, and for nobody else", self.open_next
        )
        super().__init__([self.button, self.text])
        self.opened = int(record_of(task.id).get("hints", 0))
        self._show()

    def open_next(self) -> None:
        """Open one hint more, and remember that it was opened."""
        if self.opened < len(self.task.hints):
            self.opened += 1
            self._show()
            with suppress(LabError):  # a home that cannot be written costs the record, not the hint
                remember(self.task.id, hints=self.opened)

    def _show(self) -> None:
        total = len(self.task.hints)
        all_open = self.opened == total
        self.button.description = (
            f"All {total} hints for {self.task.id} are open"
            if all_open
            else f"Hint {self.opened + 1} of {total} for {self.task.id}"
        )
        self.text.value = as_list("ol", self.task.hints[: self.opened])

    def __str__(self) -> str:
        lines = [f"{i}. {hint}" for i, hint in enumerate(self.task.hints[: self.opened], start=1)]
        return "\n".join([f"Hints for {self.task.id}: {self.opened} of {len(self.task.hints)} open", *lines])

    __repr__ = __str__


def hint(task: str) -> Hints:
    """The box with the hints for a task; each press of its button opens one more."""
    if task not in ALL:
        raise LabError(f"there is no task {short(repr(task), 60)}. {tasks_like(task)}")
    return Hints(ALL[task])
