"""Whiteboard drills without end: questions about moments of real runs, graded by the roles themselves.

promises    these promises arrived; what do you send?
acceptor    this message arrives at an acceptor; what does it answer, what is on its disk then?
disk        this message is about to leave; what must be written before?
fate        these votes were cast; what is chosen, what may still be?
take-over   a new leader got these promises; what does it propose in each slot?
"""

from __future__ import annotations

import random
from collections.abc import Callable

from paxos_lab.node import LabError
from paxos_lab.teach.interview.drills import on_fate, on_one_role, on_the_log
from paxos_lab.teach.interview.drills.drill_box import Drill
from paxos_lab.words.text import short

KINDS: dict[str, Callable[[random.Random], Drill]] = {
    "promises": on_one_role.promises,
    "acceptor": on_one_role.acceptor,
    "disk": on_one_role.disk,
    "fate": on_fate.fate,
    "take-over": on_the_log.take_over,
}


def drill(seed: int, kind: str | None = None) -> Drill:
    """The drill of that number; the same one each time. `kind`: left out, the kinds take turns."""
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise LabError(f"drill: the seed is a whole number, got {short(repr(seed), 40)}")
    if kind is not None and kind not in KINDS:
        raise LabError(f"there is no kind of drill {short(repr(kind), 40)}; there are {', '.join(KINDS)}")
    chosen = kind or list(KINDS)[(seed - 1) % len(KINDS)]
    return KINDS[chosen](random.Random(f"{chosen} {seed}"))
