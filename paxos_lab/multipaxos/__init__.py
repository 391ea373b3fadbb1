"""Multi-Paxos: a log of commands, chosen slot by slot, executed by every replica in the same order.

Read `acceptor.py` (two rules, for all slots), `replica.py` (executes what is chosen), `leader.py` (election,
Phase 2, the window), then `server.py`, which joins the three. `reads.py` and `rejoin.py` add to a server
what not everybody needs. The messages have the names of single-decree Paxos and one field more, the slot:
import them from here for the log, from `paxos_lab.paxos` for a single decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from paxos_lab.multipaxos.acceptor import LogAcceptor
from paxos_lab.multipaxos.client import Client
from paxos_lab.multipaxos.leader import Leader
from paxos_lab.multipaxos.machines import Add, Append, CompareAndSet, Counter, Get, KeyValueStore, Put
from paxos_lab.multipaxos.messages import (
    Accept,
    Accepted,
    Chosen,
    Command,
    Entries,
    Entry,
    Fetch,
    Heartbeat,
    HeartbeatHeard,
    Nack,
    Prepare,
    Promise,
    Reconfigure,
    Reply,
    Request,
    Snapshot,
    Vote,
    entry_text,
)
from paxos_lab.multipaxos.reads import Read, ReadingServer
from paxos_lab.multipaxos.rejoin import Rejoining, lose_disk
from paxos_lab.multipaxos.replica import Replica
from paxos_lab.multipaxos.server import Server
from paxos_lab.multipaxos.takeover import Heir, heirs, inherited
from paxos_lab.node import LabError, Node
from paxos_lab.paxos.quorums import Flexible
from paxos_lab.world.data import copy_of

__all__ = [
    "Accept",
    "Accepted",
    "Add",
    "Append",
    "Chosen",
    "Client",
    "Command",
    "CompareAndSet",
    "Counter",
    "Entries",
    "Entry",
    "Fetch",
    "Get",
    "Heartbeat",
    "HeartbeatHeard",
    "Heir",
    "KeyValueStore",
    "Leader",
    "LogAcceptor",
    "Nack",
    "Prepare",
    "Promise",
    "Put",
    "Read",
    "ReadingServer",
    "Reconfigure",
    "Rejoining",
    "Replica",
    "Reply",
    "Request",
    "Server",
    "Snapshot",
    "Vote",
    "entry_text",
    "heirs",
    "inherited",
    "lose_disk",
    "replicated_log",
]


def replicated_log(
    operations: Mapping[str, Iterable[Any]] | Iterable[Iterable[Any]] = (),
    servers: int = 3,
    *,
    machine: Any = None,
    spares: int = 0,
    server: type[Node] = Server,
    client: type[Node] = Client,
    **settings: Any,
) -> list[Node]:
    """Servers s1.., and a client for each list of operations: c1.. or, from a mapping, by its names.

    Client k asks server k first, so that clients are spread over all servers. `machine`: a fresh
    state machine, left out a `KeyValueStore`. `spares`: servers after those that are not members
    yet. `settings`: fields of every server, such as `alpha=5`.
    """
    if servers < 1 or spares < 0:
        raise LabError(f"a log needs at least one server, got {servers} and {spares} spares")
    members = tuple(f"s{i}" for i in range(1, servers + 1))
    names = [f"s{i}" for i in range(1, servers + spares + 1)]
    if sizes := settings.get("quorum_sizes"):
        q1, q2 = sizes
        Flexible(q1, q2, members).require_intersection()
    if not isinstance(operations, Mapping):
        operations = {f"c{i}": list(one) for i, one in enumerate(operations, start=1)}
    fresh = KeyValueStore() if machine is None else machine
    roles: list[Any] = [server, client]
    nodes: list[Node] = [
        roles[0](name, members=members, machine=copy_of(fresh), **settings) for name in names
    ]
    for k, (name, wanted) in enumerate(operations.items()):
        turn = k % servers
        nodes.append(roles[1](name, operations=tuple(wanted), servers=(*members[turn:], *members[:turn])))
    return nodes
