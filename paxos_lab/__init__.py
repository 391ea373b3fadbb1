"""Paxos to run, break, check and build. Read `node.py` and `bus.py` first, then `paxos/`.

world        events, network, trace, schedules, what a role may do
paxos        one value: ballots, quorums, messages, Acceptor, Proposer, Learner
multipaxos   a log of values, and a replicated state machine on it
relatives    other protocols on the same bus
words        every step as a sentence
verify       is it right? The explorer, histories of clients, storms, wrong rules
show         see it: pictures and widgets
teach        learn it: predictions, exercises, interview, grading

`from paxos_lab import *` gives a notebook the names that it needs most; each folder exports the rest.
What stands deeper than that a reader of the course may skip.
"""

from paxos_lab.bus import MessageBus, NotEnabled, replay
from paxos_lab.node import (
    LabError,
    Node,
    RoleError,
    react,
    setting,
    setting_fields,
    stable,
    stable_fields,
    volatile,
)
from paxos_lab.world.data import copy_of
from paxos_lab.world.events import (
    Crash,
    Deliver,
    Drop,
    Duplicate,
    Envelope,
    Event,
    Heal,
    Invoke,
    Partition,
    Restart,
    Start,
    Timeout,
)
from paxos_lab.world.role_contract import UnknownNode
from paxos_lab.world.schedule import by_time, in_order, scripted, seeded
from paxos_lab.world.trace import Step, Trace, TraceError

__all__ = [
    "Crash",
    "Deliver",
    "Drop",
    "Duplicate",
    "Envelope",
    "Event",
    "Heal",
    "Invoke",
    "LabError",
    "MessageBus",
    "Node",
    "NotEnabled",
    "Partition",
    "Restart",
    "RoleError",
    "Start",
    "Step",
    "Timeout",
    "Trace",
    "TraceError",
    "UnknownNode",
    "by_time",
    "copy_of",
    "in_order",
    "react",
    "replay",
    "scripted",
    "seeded",
    "setting",
    "setting_fields",
    "stable",
    "stable_fields",
    "volatile",
]
