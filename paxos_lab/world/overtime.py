"""A hook on a bus that does not come to an end is stopped with a sentence; without this, the kernel hangs.

Searches and checks count lines (`line_limit`), so that a verdict is the same on every machine. A bus judges
nothing, and it must stay fast. So a thread looks four times a second at how much processor time the hook
that runs has used. Time in which a debugger waits for its reader is not processor time.

The thread starts with the first hook and ends when there is nothing to look at. What is stopped is code in
Python: a call that never comes back from C, as `sum(range(10**12))`, cannot be stopped from outside.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from paxos_lab.node import Node, react
from paxos_lab.world.line_limit import EndlessLoop

MOST = 3.0  # seconds of processor time for one hook, which should take none
_LOOK = 0.25  # seconds between two looks
_IDLE = 20  # looks at nothing, after which the thread ends
_MOST_SHOTS = 50

CAN_WATCH = sys.platform != "emscripten"  # no threads there


class Stopped(BaseException):
    """The hook is over. No Exception, so that `except Exception` in a role does not swallow it."""


class Watched:
    """A hook that runs now, in the thread `thread`."""

    __slots__ = ("shots", "since", "thread")

    def __init__(self, thread: int) -> None:
        self.thread = thread
        self.since: float | None = None  # processor time of the thread when it was first seen
        self.shots = 0


_running: dict[int, Watched] = {}
_lock = threading.Lock()
_watching = False


def begin() -> Watched | None:
    """A hook begins in this thread; give what is returned to `end`."""
    thread = threading.get_ident()
    if thread in _running or not CAN_WATCH:  # a bus in a hook on a bus: the outer one is watched
        return None
    watched = _running[thread] = Watched(thread)
    if not _watching:
        _start()
    return watched


def end(watched: Watched | None) -> None:
    """The hook has ended, in whatever way; no shot comes after this."""
    if watched is None:
        return
    if watched.since is None:  # never looked at, so never shot at
        _running.pop(watched.thread, None)
        return
    while True:
        try:
            with _lock:
                _running.pop(watched.thread, None)
            if watched.shots:
                for _ in range(1_000):  # a last shot strikes here, if it was on its way
                    pass
            return
        except Stopped:
            continue


def watched(node: Node, hook: str, arguments: tuple[Any, ...], run: Callable[..., Any] = react) -> Any:
    """What `run` returns, by default the effects; raises `EndlessLoop` when the hook goes on for too long.

    Only while the hook runs: the caller is never stopped.
    """
    mine = begin()
    try:
        try:
            return run(node, hook, *arguments)
        finally:
            end(mine)
    except Stopped:
        if mine is None:  # the outer hook is over
            raise
        raise EndlessLoop(
            f"{node.name}.{hook} had not come to an end after {MOST:g} seconds of processor time: is there "
            "a loop that never ends?"
        ) from None


def _start() -> None:
    global _watching
    with _lock:
        if not _watching:
            _watching = True
            threading.Thread(target=_watch, name="paxos-lab overtime", daemon=True).start()


def _watch() -> None:
    global _watching
    idle = 0
    while True:
        time.sleep(_LOOK)
        idle = 0 if _running else idle + 1
        with _lock:
            if idle > _IDLE and not _running:
                _watching = False
                return
            for watched in list(_running.values()):
                _look_at(watched)


def _look_at(watched: Watched) -> None:
    used = _processor_time(watched.thread)
    if watched.since is None:
        watched.since = used
    elif used - watched.since > MOST and watched.shots < _MOST_SHOTS:
        # More than one shot: a bare `except:` may swallow the first.
        watched.shots += 1
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(watched.thread), ctypes.py_object(Stopped))


def _clock() -> Callable[[int], float]:
    if sys.platform == "linux":
        return lambda thread: time.clock_gettime(time.pthread_getcpuclockid(thread))
    return lambda thread: time.process_time()


_processor_time = _clock()


def _forget() -> None:
    global _watching, _lock
    _running.clear()
    _watching, _lock = False, threading.Lock()


if hasattr(os, "register_at_fork"):  # threads do not come along
    os.register_at_fork(after_in_child=_forget)
