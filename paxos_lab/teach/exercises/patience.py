"""How long a check goes on, and that the machine has no say in the verdict.

What decides is counted in work: lines of Python in one call (`limited`), calls of hooks in one search
(`at_most`), states. Processor time stops what none of these sees, as a loop that swallows every
exception. The wall clock decides nothing: when it is over, the check says that it could not finish.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

CALL_WORK = 5.0  # seconds of processor time for one call of a learner's function, which should take none
CHECK_WORK = 60.0  # for a check as a whole; ours take at most five
WALL = 600.0  # seconds on the wall for a check as a whole

MOST_SHOTS = 50


class TooLong(BaseException):
    """A check goes on for too long. No Exception, so that `except Exception` does not swallow it."""


class CallTooLong(TooLong):
    """One call of a learner's function used up its processor time."""


class CheckTooLong(TooLong):
    """The check as a whole used up its processor time."""


class MachineBusy(TooLong):
    """Long on the wall, and little work was done: the processor was elsewhere, or somebody sleeps."""


class OutOfWork(TooLong):
    """A search used up the calls of hooks that it was given; the same on every machine."""


class _Now:
    """What the judged thread is at: which call of a learner's function, and whether it is charged."""

    call: int | None = None
    calls = 0
    ours = False
    hooks_left: int | None = None


_now = _Now()


@contextmanager
def entered() -> Iterator[None]:
    """A learner's function runs inside."""
    outer = _now.call
    if outer is None:
        _now.calls += 1
        _now.call = _now.calls
    try:
        yield
    finally:
        _now.call = outer


def spend_a_hook() -> None:
    """Charge one call of a hook; raises `OutOfWork` when `at_most` allows no more."""
    if _now.hooks_left is not None:
        _now.hooks_left -= 1
        if _now.hooks_left < 0:
            raise OutOfWork


@contextmanager
def at_most(hooks: int) -> Iterator[None]:
    """Raise `OutOfWork` inside when the hooks of guarded roles are called more often than that."""
    outer, _now.hooks_left = _now.hooks_left, hooks
    try:
        yield
    finally:
        _now.hooks_left = outer


@contextmanager
def our_own_work() -> Iterator[None]:
    """What runs inside is the course's preparation: its processor time is not charged to the learner."""
    outer, _now.ours = _now.ours, True
    try:
        yield
    finally:
        _now.ours = outer


@contextmanager
def ends(work: float = CHECK_WORK, in_one_call: float = CALL_WORK, wall: float = WALL) -> Iterator[None]:
    """Raise a `TooLong` in the code inside, wherever in Python it is, when it goes on for too long.

    `work`, `in_one_call`: seconds of processor time, of the whole and of one call of a learner's
    function. `wall`: seconds on the wall. A call that never comes back from C, as
    `sum(range(10**12))`, cannot be stopped from here.
    """
    this = ctypes.c_ulong(threading.get_ident())
    over, lock = threading.Event(), threading.Lock()
    used = _processor_clock()

    def watch() -> None:
        last = used()
        end, charged, in_call, call, shots = time.monotonic() + wall, 0.0, 0.0, _now.call, 0
        while shots < MOST_SHOTS and not over.wait(0.2):
            now = used()
            spent, last = now - last, now
            charged += 0.0 if _now.ours else spent
            in_call = in_call + spent if call is not None and call == _now.call else 0.0
            call = _now.call
            if in_call > in_one_call:
                why: type[TooLong] = CallTooLong
            elif charged > work:
                why = CheckTooLong
            elif time.monotonic() > end:
                why = MachineBusy
            else:
                continue
            with lock:
                if not over.is_set():  # more than one shot: a bare `except:` may swallow the first
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(this, ctypes.py_object(why))
                    shots += 1

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        while not over.is_set():
            try:
                with lock:
                    over.set()
            except TooLong:  # shot in the very moment when the code came to its end
                continue
        thread.join()


def _processor_clock() -> Callable[[], float]:
    """Seconds of processor time of this thread, to be read in another; else those of the process."""
    if sys.platform == "linux":
        mine = time.pthread_getcpuclockid(threading.get_ident())
        return lambda: time.clock_gettime(mine)
    return time.process_time
