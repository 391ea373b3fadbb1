"""Raft, by Ongaro and Ousterhout (2014; Ongaro's dissertation): a log with one strong leader. Read `log.py` first.

The idea, in the order that makes sense:

1. A log is replicated as a prefix, not slot by slot (`log.py`). An append says which entry it follows; who has
   that entry has all before it. What contradicts the leader is cut off.
2. So a leader must hold everything committed from the start, and nobody votes for a log that ends before its
   own (`election.py`). Entries flow one way.
3. The leader counts who holds what. An entry of its own term on a majority is committed, and so is what stands
   before it (`replication.py`).
4. Members change by two entries of the log (`members.py`); clients, sessions and reads are those of our log
   (`server.py`).

| Raft | Paxos | what differs, and why |
|---|---|---|
| term | the round of a ballot | it has no owner: the vote makes the leader unique |
| vote, up-to-date check | Phase 1 | votes carry no values, so the candidate must hold what is chosen |
| AppendEntries | Accept | one answer vouches for the whole prefix |
| an entry keeps its term | a value gets the new ballot | hence the commit rule: only the own term counts |
| commit index in the next append | Chosen | followers learn one message later, and keep it in memory |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from paxos_lab.multipaxos import Client, replicated_log
from paxos_lab.node import LabError, Node, setting_fields
from paxos_lab.relatives.raft.server import RaftServer

__all__ = ["RaftServer", "raft_log"]


def raft_log(
    operations: Mapping[str, Iterable[Any]] | Iterable[Iterable[Any]] = (),
    servers: int = 3,
    *,
    machine: Any = None,
    spares: int = 0,
    server: type[Node] = RaftServer,
    client: type[Node] = Client,
    **settings: Any,
) -> list[Node]:
    """Servers s1.., and a client for each list of operations, exactly as `replicated_log` returns them.

    `machine`, `spares`, `client`: as there. `settings`: of every server, such as `pre_vote=False`.
    """
    role: Any = server
    known = {field.name for field in fields(role)} & setting_fields(role, declared=True)
    if unknown := sorted(settings.keys() - known - {"patience"}):
        may = ", ".join(sorted(known - {"members"}))
        raise LabError(f"{role.__name__} has no setting {', '.join(unknown)}; there are {may}")
    for name in ("patience", "heartbeat", "most_entries"):
        if name in settings and not settings[name] > 0:
            raise LabError(f"{name} must be more than 0, got {settings[name]!r}")
    for name in ("snapshot_every", "lease", "drift"):
        if name in settings and not settings[name] >= 0:
            raise LabError(f"{name} must not be less than 0, got {settings[name]!r}")
    return replicated_log(
        operations, servers, machine=machine, spares=spares, server=server, client=client, **settings
    )
