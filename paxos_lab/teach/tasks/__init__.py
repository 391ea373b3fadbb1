"""The tasks of all exercises, in the order of the course."""

from __future__ import annotations

from typing import Any

from paxos_lab.teach.task import Task
from paxos_lab.teach.tasks.acceptor import TASKS as ACCEPTOR
from paxos_lab.teach.tasks.ballots import TASKS as BALLOTS
from paxos_lab.teach.tasks.batching import TASKS as BATCHING
from paxos_lab.teach.tasks.catch_up import TASKS as CATCH_UP
from paxos_lab.teach.tasks.claims import TASKS as CLAIMS
from paxos_lab.teach.tasks.cost import TASKS as COST
from paxos_lab.teach.tasks.interview import TASKS as INTERVIEW
from paxos_lab.teach.tasks.learner import TASKS as LEARNER
from paxos_lab.teach.tasks.liveness import TASKS as LIVENESS
from paxos_lab.teach.tasks.log import TASKS as LOG
from paxos_lab.teach.tasks.log_acceptor import TASKS as LOG_ACCEPTOR
from paxos_lab.teach.tasks.log_leader import TASKS as LOG_LEADER
from paxos_lab.teach.tasks.lost_disks import TASKS as DISKS
from paxos_lab.teach.tasks.machine import TASKS as MACHINE
from paxos_lab.teach.tasks.membership import TASKS as MEMBERSHIP
from paxos_lab.teach.tasks.membership_run import TASKS as CHANGES
from paxos_lab.teach.tasks.newcomers import TASKS as NEWCOMERS
from paxos_lab.teach.tasks.proposer import TASKS as PROPOSER
from paxos_lab.teach.tasks.replicated import TASKS as REPLICATED
from paxos_lab.teach.tasks.sessions import TASKS as SESSIONS
from paxos_lab.teach.tasks.suite import TASKS as SUITE
from paxos_lab.teach.tasks.whole import TASKS as WHOLE

_EVERY = (
    *CLAIMS,
    *BALLOTS,
    *ACCEPTOR,
    *PROPOSER,
    *LEARNER,
    *WHOLE,
    *LIVENESS,
    *LOG,
    *LOG_ACCEPTOR,
    *LOG_LEADER,
    *SUITE,
    *MACHINE,
    *SESSIONS,
    *CATCH_UP,
    *REPLICATED,
    *MEMBERSHIP,
    *NEWCOMERS,
    *DISKS,
    *CHANGES,
    *COST,
    *BATCHING,
    *INTERVIEW,
)

ALL: dict[str, Task] = {task.id: task for task in sorted(_EVERY, key=lambda task: task.lesson)}
"""Every task by its id."""


def tasks_like(id: Any) -> str:
    """A sentence with the ids that somebody may have meant."""
    first = str(id).partition(".")[0]
    known = [task for task in ALL if task.partition(".")[0] == first] or list(ALL)
    return f"There are: {', '.join(known)}."
