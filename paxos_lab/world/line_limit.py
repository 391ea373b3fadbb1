"""An end to every loop: how many lines of Python a learner's code may run.

Lines are counted, not seconds, so that the answer is the same on every machine. Only lines of whoever
uses the lab count. Those of the lab, of Python's library and of installed packages end by themselves;
and some run whenever the garbage collector likes, so that they must not count.

From Python 3.12 on, each function is marked when it first runs (`sys.monitoring`), and a limit costs
next to nothing. Before, Python has one hook for this (`sys.settrace`): a debugger or a coverage tool
that uses it already goes on seeing everything.
"""

from __future__ import annotations

import dis
import os
import sys
import sysconfig
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from paxos_lab.node import RoleError

MOST_LINES = 100_000  # of Python in one hook; ours take about ten

_LAB = Path(__file__).parent.parent


class EndlessLoop(RoleError):
    """A hook that does not come to an end; the text names it."""


def limited(what: str, lines: int = MOST_LINES) -> Limit:
    """For `with`: raise `EndlessLoop` when the code inside runs more than `lines` lines of Python.

    `what` is named in the error. One limit may stand inside another: its lines count for both.
    """
    return Limit(what, lines)


class Limit:
    """What `limited` returns."""

    __slots__ = ("before", "frame", "given", "left", "lines", "mercy", "outer", "what")

    now: Limit | None = None  # the innermost one that is entered

    def __init__(self, what: str, lines: int) -> None:
        self.what, self.lines = what, lines
        self.mercy = 100  # lines to clean up in, once it is over; fewer for whoever swallows the error

    def __enter__(self) -> None:
        self.frame = id(sys._getframe(1))
        self.outer = outer = Limit.now
        self.given: float = self.lines
        if outer is not None and outer.left < self.given:
            self.what, self.lines, self.given = outer.what, outer.lines, outer.left
        self.left: float = self.given
        Limit.now = self
        if outer is None and _monitor() is None:
            self.before = sys.gettrace()
            sys.settrace(_tracer(self.before))

    def __exit__(self, *error: object) -> None:
        outer = Limit.now = self.outer
        if outer is not None:
            outer.left -= self.given - self.left
        elif _monitor() is None:
            sys.settrace(self.before)


def _ran(lines: float) -> None:
    limit = Limit.now
    if limit is not None:
        limit.left -= lines
        # Where the `with` stands nothing is raised, or its end might never be reached.
        if limit.left < 0 and limit.frame != id(sys._getframe(2)):
            limit.left, limit.mercy = limit.mercy, limit.mercy // 10
            raise EndlessLoop(
                f"{limit.what} does not come to an end: {limit.lines:,} lines of Python ran in one hook. "
                "A hook reacts once and returns; to wait for something, set a timer"
            )


# ---- whose lines


def _counts(code: CodeType, names: dict[str, Any]) -> bool:
    """Is this code of whoever uses the lab? `names`: its module's."""
    if code.co_filename != "<string>":
        return not _is_installed(code.co_filename)
    # What was made from a text, as the methods of a @dataclass, belongs where its module belongs.
    name = names.get("__name__")
    module = sys.modules.get(name) if isinstance(name, str) else None
    return name == "__main__" or (
        module is not None and not _is_installed(getattr(module, "__file__", None) or "")
    )


@cache
def _is_installed(file: str) -> bool:
    return file.startswith(("<frozen ", *_folders()))


@cache
def _folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {str(_LAB), *(paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib"))}
    return tuple(folder + os.sep for folder in folders)


@cache
def _loops_on_one_line(code: CodeType) -> bool:
    """True for code with a loop that begins and ends on one line, as `while True: pass`: nobody tells its lines."""
    lines = {i.offset: i.positions.lineno for i in dis.get_instructions(code) if i.positions}
    return any(
        "JUMP_BACKWARD" in i.opname and lines.get(i.argval) == lines.get(i.offset)
        for i in dis.get_instructions(code)
    )


# ---- from Python 3.12 on


@cache
def _monitor() -> int | None:
    """The number under which Python tells of lines from now on; None where it cannot, or has none to spare."""
    if sys.version_info < (3, 12):
        return None
    events = sys.monitoring.events
    free = [number for number in (3, 4, 2, 5, 1, 0) if sys.monitoring.get_tool(number) is None]
    if not free:
        return None
    tool = free[0]
    sys.monitoring.use_tool_id(tool, "paxos-lab")

    def start(code: CodeType, offset: int) -> Any:
        if _counts(code, sys._getframe(1).f_globals):
            jumps = events.JUMP if _loops_on_one_line(code) else 0
            sys.monitoring.set_local_events(tool, code, events.LINE | jumps)
        return sys.monitoring.DISABLE  # once for each function is enough

    def line(code: CodeType, number: int) -> None:
        _ran(1)

    def jump(code: CodeType, offset: int, target: int) -> None:
        _ran(1 if target <= offset else 0)

    sys.monitoring.register_callback(tool, events.PY_START, start)
    sys.monitoring.register_callback(tool, events.LINE, line)
    sys.monitoring.register_callback(tool, events.JUMP, jump)
    sys.monitoring.set_events(tool, events.PY_START)
    return tool


# ---- before


def _tracer(before: Callable[..., Any] | None) -> Callable[..., Any]:
    """A trace function that counts, and tells the one that was there `before` everything."""

    def call(frame: FrameType, event: str, argument: Any) -> Any:
        theirs = None if before is None else before(frame, event, argument)
        if before is not None and sys.gettrace() is not call:
            sys.settrace(call)  # coverage puts itself in again whenever it is called
        if not _counts(frame.f_code, frame.f_globals):
            return theirs
        if _loops_on_one_line(frame.f_code):
            frame.f_trace_opcodes = True
        return inside if theirs is None else both(theirs)

    def inside(frame: FrameType, event: str, argument: Any) -> Any:
        if event in ("line", "opcode"):
            _ran(1 if event == "line" else 0.1)
        return inside

    def both(theirs: Callable[..., Any] | None) -> Callable[..., Any]:
        def told(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal theirs
            if theirs is not None and event != "opcode":
                theirs = theirs(frame, event, argument)
            inside(frame, event, argument)
            return told

        return told

    return call
