"""What a learner has passed, kept across restarts of the kernel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from paxos_lab.node import LabError
from paxos_lab.teach import store
from paxos_lab.teach.exercises.answer import Answer
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.tasks import ALL, tasks_like
from paxos_lab.words.text import as_text, short

_FILE = "progress"


class Progress:
    """Which tasks are done; shows itself as a table, of one lesson or of all."""

    def __init__(self, records: dict[str, dict[str, Any]], lesson: str | None = None) -> None:
        self.records = records
        self.lesson = lesson

    @property
    def passed(self) -> list[str]:
        """The tasks that were passed, in the order of the course."""
        return [id for id in ALL if self.records.get(id, {}).get("passed")]

    def _shown(self) -> dict[str, Task]:
        return {id: task for id, task in ALL.items() if self.lesson in (None, task.lesson)}

    def _sum(self) -> str:
        all_of_them = f"{len(self.passed)} of {len(ALL)}"
        if self.lesson is None:
            return f"{all_of_them} tasks passed"
        here = self._shown()
        return (
            f"Lesson {self.lesson}: {len(here.keys() & set(self.passed))} of {len(here)} tasks passed. "
            f"In the whole course: {all_of_them}; progress() lists them."
        )

    def __str__(self) -> str:
        lines = [self._sum()]
        for id, task in self._shown().items():
            lines.append(f"{self._mark(id):>12}  {id}: {task.title}")
        return "\n".join(lines)

    def _mark(self, id: str) -> str:
        record = self.records.get(id, {})
        if record.get("passed"):
            return "passed"
        if record.get("unfinished"):
            return "not judged"
        return "tried" if record.get("tries") else "open"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        rows = ""
        for id, task in self._shown().items():
            record = self.records.get(id, {})
            cells = (
                task.lesson,
                id,
                task.title,
                self._mark(id),
                record.get("tries", 0),
                record.get("hints", 0),
            )
            rows += (
                "<tr>"
                + "".join(f'<td style="text-align:left">{as_text(str(c))}</td>' for c in cells)
                + "</tr>"
            )
        heads = "".join(
            f'<th style="text-align:left">{h}</th>'
            for h in ("Lesson", "Task", "What", "State", "Tries", "Hints")
        )
        caption = f"<caption>{self._sum()}</caption>"
        return {"text/html": f"<table>{caption}<tr>{heads}</tr>{rows}</table>", "text/plain": str(self)}


def progress(lesson: str | None = None) -> Progress:
    """What was done so far, in this kernel or an earlier one; of one lesson, as "04", or of all."""
    lessons = list(dict.fromkeys(task.lesson for task in ALL.values()))
    if lesson is not None and lesson not in lessons:
        raise LabError(f"no lesson {short(repr(lesson), 60)} has tasks; there are {', '.join(lessons)}")
    records = store.load(_FILE)
    return Progress({id: r for id, r in records.items() if isinstance(r, dict)}, lesson)


def export_progress(path: str | Path) -> Path:
    """Write the progress to a new file, for a teacher or another machine; returns its path."""
    target = Path(path)
    if target.exists():
        raise LabError(f"{target} exists already: name a file that does not")
    target.write_text(json.dumps(store.load(_FILE), indent=1, sort_keys=True), encoding="utf-8")
    return target


def reset_progress(*tasks: str) -> Progress:
    """Forget the progress of these tasks; without any, of all."""
    for task in tasks:
        if task not in ALL:
            raise LabError(f"there is no task {short(repr(task), 60)}. {tasks_like(task)}")
    store.change(_FILE, lambda records: {id: r for id, r in records.items() if tasks and id not in tasks})
    return progress()


def record_of(task: str) -> dict[str, Any]:
    """What is kept of one task: passed, tries, hints; `unfinished` if the last check could not say."""
    return _record(store.load(_FILE), task)


def remember(task: str, **news: Any) -> None:
    """Keep some of it anew."""
    store.change(_FILE, lambda records: {**records, task: {**_record(records, task), **news}})


def note(answer: Answer) -> None:
    """Count an attempt; whoever has passed once stays passed. Without a verdict nothing is counted."""

    def counted(records: dict[str, Any]) -> dict[str, Any]:
        record = {k: v for k, v in _record(records, answer.task).items() if k != "unfinished"}
        if not answer.finished:
            record["unfinished"] = True
        elif answer.written:
            record["tries"] = int(record.get("tries", 0)) + 1
        record["passed"] = bool(record.get("passed")) or answer.passed
        return {**records, answer.task: record}

    store.change(_FILE, counted)


def _record(records: dict[str, Any], task: str) -> dict[str, Any]:
    record = records.get(task)
    return dict(record) if isinstance(record, dict) else {}
