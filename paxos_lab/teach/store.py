"""A small folder in the learner's home: what must survive a restart of the kernel.

One JSON file for each kind of thing. A file is replaced as a whole, so a crash while writing leaves
the old one; a file that cannot be read is put aside, never thrown away. Who changes one holds a lock
from reading to writing, so two kernels on one home lose nothing of each other.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from paxos_lab.node import LabError


def home() -> Path:
    """The folder: PAXOS_LAB_HOME, or .paxos-lab in the home directory."""
    named = os.environ.get("PAXOS_LAB_HOME")
    return Path(named) if named else Path.home() / ".paxos-lab"


def load(name: str) -> dict[str, Any]:
    """What was saved under `name`; {} if nothing was.

    A damaged file is kept as `name.json.bak` (or .bak2, ...), with a warning that says so.
    """
    path = _path(name)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        return _put_aside(path, str(error))
    return data if isinstance(data, dict) else _put_aside(path, "it holds no JSON object")


def save(name: str, data: dict[str, Any]) -> None:
    """Keep `data` under `name`; raises `LabError` with the folder if that cannot be written."""
    path = _path(name)
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(data, indent=1, sort_keys=True), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise _not_written(path, error) from error


def change(name: str, news: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Put `news(what was saved)` in its place; no other process changes it in between.

    Raises `LabError` with the folder if that cannot be written.
    """
    path = _path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_suffix(".lock").open("a")
    except OSError as error:
        raise _not_written(path, error) from error
    with lock, _held(lock.fileno()):
        save(name, news(load(name)))


@contextmanager
def _held(file: int) -> Iterator[None]:
    """The lock on that open file, where the system has one; it ends with the process that holds it."""
    with suppress(OSError):  # some network drives lock nothing: then two kernels may overtake each other
        _lock(file)
    yield  # closing the file gives the lock back


def _lock(file: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)


def _not_written(path: Path, error: OSError) -> LabError:
    return LabError(
        f"{path} cannot be written ({error}). Set PAXOS_LAB_HOME to a folder that is yours: "
        "in a notebook with `%env PAXOS_LAB_HOME=folder`, and go on"
    )


def _path(name: str) -> Path:
    return home() / f"{name}.json"


def _put_aside(path: Path, why: str) -> dict[str, Any]:
    aside = path.with_name(f"{path.name}.bak")
    number = 2
    while aside.exists():
        aside = path.with_name(f"{path.name}.bak{number}")
        number += 1
    try:
        path.replace(aside)
    except OSError as error:
        raise LabError(f"{path} cannot be read ({why}) nor moved ({error}): move it yourself") from error
    warnings.warn(f"{path} could not be read ({why}). It is kept as {aside}; I start afresh.", stacklevel=3)
    return {}
