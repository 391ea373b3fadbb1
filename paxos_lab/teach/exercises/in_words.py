"""Whatever a learner's code makes, in words: a value, a comparison, an exception and the line that raised it.

Nothing here raises because of what it is handed: a `__repr__`, an `__eq__` or a `__str__` may.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.patience import TooLong
from paxos_lab.words.text import short

_OURS = str(Path(__file__).parents[2])


def shown(value: Any, most: int = 80) -> str:
    """`repr(value)` on one line; of what cannot be printed, its type and what it is like."""
    try:
        return short(repr(value), most)
    except TooLong:
        raise
    except BaseException as error:  # a learner's __repr__ may raise anything
        if isinstance(value, int):
            return f"a whole number of more than {sys.get_int_max_str_digits():,} digits"
        return f"a {type(value).__name__} that cannot be printed ({type(error).__name__} in its repr)"


def shown_plainly(value: Any, most: int = 80) -> str:
    """`str(value)` on one line, as a ballot or a message reads best; what cannot be printed as `shown` has it."""
    try:
        return short(value, most)
    except TooLong:
        raise
    except BaseException:  # a learner's __str__ may raise anything
        return shown(value, most)


def same(one: Any, other: Any) -> bool:
    """`one == other`, for values of Python and of the course; nothing else is the same as what a check expects.

    A class of the learner's own may say that it equals everything.
    """
    if not (_known(one) and _known(other)):
        return False
    try:
        return bool(one == other)
    except TooLong:
        raise
    except BaseException as error:  # something inside may be of the learner's own making
        raise NotYet(
            f"{shown(one)} cannot be compared with {shown(other)}: that raised {said_by(error)}.",
            *where(error),
        ) from error


def _known(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] in ("builtins", "paxos_lab")


def truth(got: Any, called: str, right: bool | None = None) -> bool:
    """A yes or no: True, False, or what plain Python takes for one of them (0, 1, None)."""
    if got is None or (type(got) in (bool, int) and got in (0, 1)):
        return bool(got)
    should = "" if right is None else f" should be {right}, and"
    raise NotYet(f"{called}{should} is {shown(got)}; True or False is wanted.")


def where(error: BaseException) -> tuple[str, ...]:
    """The line of the learner's own code in which an exception came up, as a sentence."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((_OURS, "<string>")) and "/lib/python" not in frame.filename.replace(
            "\\", "/"
        ):
            line = f": `{short(frame.line, 120)}`" if frame.line else ""
            return (f"It came up in line {frame.lineno} of the cell, in {frame.name}{line}.",)
    return ()


def said_by(error: BaseException) -> str:
    """An exception in words, whatever its `__str__` does."""
    if isinstance(error, SystemExit):
        return "SystemExit: that would end the kernel, so return in place of it"
    if isinstance(error, RecursionError):
        return "RecursionError: a function calls itself for ever, or something holds itself"
    try:
        return f"{type(error).__name__}: {short(str(error), 300)}"
    except Exception:  # its __str__ raises: the name of the class has to do
        return f"{type(error).__name__}, which cannot be printed"
