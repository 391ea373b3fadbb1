"""The tasks of all exercises, in the order of the course."""

from __future__ import annotations

from typing import Any

from paxos_lab.teach.exercises.one_value.e01_claims import TASKS as CLAIMS
from paxos_lab.teach.exercises.one_value.e02_ballots_quorums import TASKS as BALLOTS
from paxos_lab.teach.exercises.one_value.e03_acceptor import TASKS as PROMISES
from paxos_lab.teach.exercises.one_value.e04_acceptor import TASKS as ACCEPTOR
from paxos_lab.teach.exercises.one_value.e04_learner import TASKS as LEARNER
from paxos_lab.teach.exercises.one_value.e04_proposer import TASKS as PROPOSER
from paxos_lab.teach.exercises.one_value.e04_whole import TASKS as WHOLE
from paxos_lab.teach.exercises.one_value.e05_faults import TASKS as FAULTS
from paxos_lab.teach.exercises.one_value.e06_test_suite import TASKS as SUITE
from paxos_lab.teach.exercises.one_value.e07_liveness import TASKS as LIVENESS
from paxos_lab.teach.exercises.one_value.e14_interview import TASKS as INTERVIEW
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.the_log.e08_log import TASKS as LOG
from paxos_lab.teach.exercises.the_log.e08_log_acceptor import TASKS as LOG_ACCEPTOR
from paxos_lab.teach.exercises.the_log.e08_log_leader import TASKS as LOG_LEADER
from paxos_lab.teach.exercises.the_log.e09_catch_up import TASKS as CATCH_UP
from paxos_lab.teach.exercises.the_log.e09_machine import TASKS as MACHINE
from paxos_lab.teach.exercises.the_log.e09_replicated import TASKS as REPLICATED
from paxos_lab.teach.exercises.the_log.e09_sessions import TASKS as SESSIONS
from paxos_lab.teach.exercises.the_log.e09_snapshot import TASKS as SNAPSHOT
from paxos_lab.teach.exercises.the_log.e10_lost_disks import TASKS as DISKS
from paxos_lab.teach.exercises.the_log.e10_membership import TASKS as MEMBERSHIP
from paxos_lab.teach.exercises.the_log.e10_membership_run import TASKS as CHANGES
from paxos_lab.teach.exercises.the_log.e11_batching import TASKS as BATCHING
from paxos_lab.teach.exercises.the_log.e11_cost import TASKS as COST

_EVERY = (
    *CLAIMS,
    *FAULTS,
    *BALLOTS,
    *PROMISES,
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
    *SNAPSHOT,
    *CATCH_UP,
    *REPLICATED,
    *MEMBERSHIP,
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
