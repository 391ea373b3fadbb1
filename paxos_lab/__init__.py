"""Paxos to run, break, check and build: roles, a message bus, traces, pictures.

`from paxos_lab import *` gives a notebook the names it needs most; everything else is one level
down: `paxos_lab.paxos`, `paxos_lab.show`, `paxos_lab.relatives`, `paxos_lab.teach`.
"""

from paxos_lab.bus import MessageBus, NotEnabled
from paxos_lab.contract import UnknownNode
from paxos_lab.events import (
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
from paxos_lab.node import LabError, Node, RoleError, react, stable, volatile
from paxos_lab.schedule import by_time, in_order, replay, scripted, seeded
from paxos_lab.trace import Step, Trace, TraceError

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
    "in_order",
    "react",
    "replay",
    "scripted",
    "seeded",
    "stable",
    "volatile",
]
