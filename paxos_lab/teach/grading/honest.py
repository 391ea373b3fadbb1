"""Is this answer an honest one? What the hidden lines of a graded check ask.

    import runpy, paxos_lab
    guard = runpy.run_path(paxos_lab.__path__[0] + "/teach/grading/honest.py")["guard"]
    answer = check("acceptor.promise", Acceptor)
    guard(check, answer)

A learner's code runs in the process that judges it, so it could replace whatever judges. `guard`
compares what is loaded with the course's files, and the answer with those that `check` gave. It
catches what a learner would write in a notebook; who takes the interpreter apart gets past any guard
in the same process, so `tools/grade.py` also says where to look by eye.

Imports nothing of paxos_lab: it is run as a fresh copy, straight from the file.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

_SAME_SOURCE = runpy.run_path(str(Path(__file__).with_name("same_source.py")))
untouched, Tampered, MEND = (_SAME_SOURCE[name] for name in ("untouched", "Tampered", "MEND"))

EXERCISES = "paxos_lab.teach.exercises"
TASKS = (f"{EXERCISES}.one_value.", f"{EXERCISES}.the_log.")  # the folders that list tasks
RECEIPT = "application/vnd.paxos-lab.receipt"  # the MIME type under which a passed check leaves word


class NotJudged(AssertionError):
    """The check came to no verdict: neither a pass nor a fail; the text says why."""


def guard(check: Any, answer: Any, receipt: str | None = None) -> None:
    """Return if the genuine `check` gave this answer and it is a pass; else raise AssertionError.

    That is a `NotJudged` where the check could not finish: no points, and somebody has to look.

    `receipt`: a word that only the grader knows, shown on a pass: a cell that shows nothing did not pass.
    With it a fail shows the whole answer, for the page of feedback.
    """
    _shell_is_whole()
    tasks = [name for name in sys.modules if name.startswith(TASKS)]
    untouched(f"{EXERCISES}.checking", f"{EXERCISES}.answer", *tasks)
    judge = getattr(sys.modules.get(f"{EXERCISES}.checking"), "__dict__", {})
    if not judge or check is not judge["check"]:
        raise Tampered(f"`check` is not the course's own. {MEND}")
    _tasks_are_whole(judge["ALL"])
    if type(answer) is not vars(sys.modules[f"{EXERCISES}.answer"])["Answer"]:
        raise Tampered(f"This answer is not one of those that `check` gives. {MEND}")
    if not any(given is answer for given in judge["given"]):
        raise Tampered(f"`check` has not given this answer. {MEND}")
    if receipt is not None:
        from IPython.display import display

        said = {"text/html": answer.html(), "text/plain": str(answer)}
        display({RECEIPT: receipt, "text/plain": "passed"} if answer.passed else said, raw=True)
    if not answer.passed:
        raise (AssertionError if answer.finished else NotJudged)(answer.headline)


def _shell_is_whole() -> None:
    """Nothing that rewrites cells or hides errors hangs in IPython."""
    ask = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = ask() if ask is not None else None
    if shell is None:
        return
    own = {"run_cell", "run_cell_async", "run_code", "run_ast_nodes", "showtraceback"}
    rewriters = [*shell.input_transformers_cleanup, *shell.input_transformers_post, *shell.ast_transformers]
    foreign = [r for r in rewriters if not str(getattr(r, "__module__", "")).startswith("IPython.")]
    if own & set(vars(shell)) or foreign:
        raise Tampered(f"IPython was changed: something rewrites cells or hides errors. {MEND}")


def _tasks_are_whole(tasks: dict[str, Any]) -> None:
    """Every task is the one that its module lists; `untouched` has compared the lists."""
    modules = [vars(m) for n, m in sys.modules.items() if n.startswith(TASKS)]
    listed = [task for module in modules for task in module.get("TASKS", ())]
    for name, task in tasks.items():
        if task.id != name or not any(task is one for one in listed):
            raise Tampered(f"The task {name} is not the course's own. {MEND}")
