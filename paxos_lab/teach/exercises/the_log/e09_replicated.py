"""Exercise 09, its end: the learner's store and sessions in a replicated log, under faults."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos import (
    Append,
    Client,
    Command,
    CompareAndSet,
    Get,
    KeyValueStore,
    Put,
    Server,
    replicated_log,
)
from paxos_lab.multipaxos.messages import Reply
from paxos_lab.teach.exercises.answer import NotYet, Unfinished
from paxos_lab.teach.exercises.handed_in import a_machine, call, guarded, in_a_world
from paxos_lab.teach.exercises.in_words import same, shown
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.the_log.e09_machine import in_fields, same_state
from paxos_lab.verify.histories.history import history_of
from paxos_lab.verify.histories.linearizability import linearizable
from paxos_lab.world.data import copy_of
from paxos_lab.world.schedule import seeded


@dataclass
class SessionServer(Server):
    """A server whose commands go through the learner's sessions. Its own ones answer the clients."""

    mine: Any = None

    def execute(self, command: Command) -> None:
        result = self.mine.execute(self.machine, command.client, command.number, command.operation)
        done, _ = self.sessions.get(command.client, (0, None))
        if command.number > done:
            self.sessions[command.client] = (command.number, result)
        if command.number >= done:
            self.executed_command(command, result)

    def request(self, command: Command) -> None:
        """Who asks again for what is done gets what the learner's session says."""
        if command.number == self.sessions.get(command.client, (0, None))[0]:
            result = self.mine.execute(self.machine, command.client, command.number, command.operation)
            self.send(command.client, Reply(command.number, result))
        else:
            super().request(command)


def your_log(
    store: type[Any], sessions: type[Any], clients: int = 3, *, all_kinds: bool = False
) -> list[Any]:
    """Three servers with this store and these sessions, and clients that append, read and append.

    `all_kinds`: they put and compare-and-set as well, on a second key.
    """
    operations: list[list[Any]] = [
        [
            Put("y", c),
            Append("x", f"{c}1 "),
            CompareAndSet("y", "a", f"{c}!"),
            Get("y"),
            Append("x", f"{c}2 "),
        ]
        if all_kinds
        else [Append("x", f"{c}1 "), Get("x"), Append("x", f"{c}2 ")]
        for c in "abc"[:clients]
    ]
    nodes: list[Any] = replicated_log(operations, machine=store(), server=guarded(SessionServer))
    for node in nodes:
        if isinstance(node, SessionServer):
            node.mine, node.patience = sessions(), 4.0
        else:
            node.patience = 3.0  # clients that ask again soon, so that commands come into two slots
    return nodes


def your_storm(
    store: type[Any], sessions: type[Any], seed: int, steps: int = 250, *, all_kinds: bool = False
) -> MessageBus:
    """Faults from a seed, then calm until every client has its answers."""
    bus = MessageBus(your_log(store, sessions, all_kinds=all_kinds), seed=seed, checked=False)
    bus.run(seeded(seed, faults=0.3), max_steps=steps)
    if bus.cut:
        bus.heal()
    for name in bus.down:
        bus.restart(name)
    bus.run(until=_served, max_steps=2000)
    return bus


def _served(bus: MessageBus) -> bool:
    """All clients are answered, and every server has executed as far as any other."""
    servers = [node for node in bus if isinstance(node, Server)]
    same = len({server.applied() for server in servers}) == 1
    return same and all(node.done for node in bus if isinstance(node, Client))


SEEDS = range(40)
KEYS = ("x", "y")
COPIES = 6  # in each storm's log, played once more: so many commands come again in later slots


def replicated(store: Any, sessions: Any) -> str:
    """The learner's store and sessions in a log, under faults: linearizable, each command once."""
    store = a_machine(store, "Store", "apply")
    sessions = a_machine(sessions, "Sessions", "execute")
    in_fields(store, "Store")
    in_fields(sessions, "Sessions")
    twice = 0
    for seed in SEEDS:
        with in_a_world(f"In storm {seed}"):
            bus = your_storm(store, sessions, seed, all_kinds=seed % 2 == 1)
        twice += _judge_run(bus, f"Storm {seed}")
        _judge_copies(store, sessions, _commands(bus), seed)
    return (
        f"{len(SEEDS)} storms of crashes, cuts and losses, half of them with all four operations: every history is "
        "linearizable, all copies are equal. "
        f"{twice} commands sat in two slots, and each was executed once; the same with each log once more, "
        f"and {COPIES} of its commands in later slots again."
    )


def _commands(bus: MessageBus) -> list[Command]:
    """What the log holds, in the order of the slots, as far as it was executed anywhere."""
    full = max((node for node in bus if isinstance(node, Server)), key=lambda server: server.applied())
    return [c for slot in sorted(full.log) for c in full.log[slot] if slot <= full.applied()]


def _once_each(commands: Iterable[Command]) -> KeyValueStore:
    """What is held when each command is executed once, in the order in which it first comes."""
    model = KeyValueStore()
    for command in dict.fromkeys(commands):
        model.apply(command.operation)
    return model


def _judge_run(bus: MessageBus, where: str) -> int:
    """How many commands sat in two slots; raises `NotYet` if a reply or a copy is wrong."""
    servers = [node for node in bus if isinstance(node, Server)]
    clients = [node for node in bus if isinstance(node, Client)]
    commands = _commands(bus)
    model = _once_each(commands)
    last = max(server.applied() for server in servers)
    level = [server for server in servers if server.applied() == last]
    if len(level) < len(servers):
        raise Unfinished(
            f"{where}: a server was still behind when I stopped, so I could not compare the copies."
        )
    for server, key in product(level, KEYS):
        held = call(copy_of(server.machine).apply, Get(key), called=f"apply(get {key})")
        right = model.apply(Get(key))
        if not same(held, right):
            words = held.split() if isinstance(held, str) else []
            again = sorted({word for word in words if words.count(word) > 1})
            what = f"{', '.join(again)} executed twice" if again else "not what the log says"
            raise NotYet(
                f"{where}: {server.name} holds {shown(held)} for {key}, where each command once gives {right!r}: {what}.",
                "Either a session let a command through twice, or the store does not do what the operation says.",
                run=bus,
            )
    for server in level[1:]:
        if not same_state(server.machine, level[0].machine):
            raise NotYet(
                f"{where}: {level[0].name} and {server.name} have executed the same slots, and their copies differ.",
                f"{level[0].name} has {shown(level[0].machine, 200)}.",
                f"{server.name} has {shown(server.machine, 200)}.",
                "A store may look at its fields and the operation only: no clock, no chance, nothing shared.",
                run=bus,
            )
    verdict = linearizable(history_of(bus.trace), KeyValueStore)
    if not verdict.ok:
        raise NotYet(
            f"{where}: no single store could have given these replies.",
            str(verdict),
            "The copies are right, so it is a reply: of the store, or of the session to a command that came again.",
            run=bus,
        )
    if not all(client.done for client in clients):
        raise NotYet(f"{where}: a client never gets its answer, though all servers are up again.", run=bus)
    return len(commands) - len(set(commands))


def _judge_copies(store: type[Any], sessions: type[Any], commands: list[Command], seed: int) -> None:
    """The same log once more, with old commands in later slots: a copy may come out of any of them."""
    rng = random.Random(seed)
    log = list(commands)
    for _ in range(COPIES):
        at = rng.randrange(len(log))
        log.insert(rng.randint(at + 1, len(log)), log[at])
    machine, session = call(store, called="Store()"), call(sessions, called="Sessions()")
    done: list[Command] = []
    for command in log:
        call(
            session.execute,
            machine,
            command.client,
            command.number,
            command.operation,
            called=f"execute(machine, {command.client!r}, {command.number}, {command.operation})",
        )
        done.append(command)
        model = _once_each(done)
        for key in KEYS:
            held, right = call(machine.apply, Get(key), called=f"apply(get {key})"), model.apply(Get(key))
            if same(held, right):
                continue
            told = ", ".join(map(str, done[-4:]))
            raise NotYet(
                f"With old commands in later slots of the log of storm {seed}, {key} is {shown(held)} after {command}, "
                f"where each command once gives {right!r}.",
                f"The last commands were {'..., ' if len(done) > 4 else ''}{told}.",
                "A client that asks again may have its command in any later slot: a number that is not above the last one "
                "is not new.",
            )


TASKS = (
    Task(
        "store.replicated",
        "Run your own replicated store",
        "09",
        ("Store", "Sessions"),
        replicated,
        (
            "What can happen to a command on three servers that could not happen to each part alone?",
            "Step to the slot where a command comes for the second time: what did your session answer, and did `machine.apply` run again?",
            "An old number leaves `machine` and `self.done` alone: `if number > last:` around both. Then run the cells from the top.",
        ),
    ),
)
