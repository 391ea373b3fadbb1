"""Exercise 10: the learner's rules of membership on running servers."""

from __future__ import annotations

import random
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos import Append, Client, Put, Reconfigure, Server, replicated_log
from paxos_lab.multipaxos.messages import Accept, Accepted
from paxos_lab.node import Node
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_role, guarded, in_a_world
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.the_log.e10_membership import FIRST, LATER, Members, deliver_all, shown
from paxos_lab.world.schedule import seeded

_SERVERS = ("s1", "s2", "s3", "s4", "s5")


def replaced(server: Any) -> str:
    """The two rules in a server: a change with a slot in flight, an exchange of the group, storms."""
    kind = a_role(server, "MyServer", "s1", methods=("members_at", "open_slots"))
    if not issubclass(kind, Server):
        raise NotYet("MyServer is no Server.", "It begins with @dataclass and `class MyServer(Server):`.")
    for method in ("members_at", "open_slots"):
        if getattr(kind, method) is getattr(Server, method):
            raise NotYet(f"MyServer has no method {method} of its own.", "Write it, with your function.")
    role = guarded(kind)
    in_flight(role)
    _exchange(role)
    storms = 8
    for seed in range(storms):
        _storm(role, seed)
    return f"A change with a slot in flight, a group exchanged for another, {storms} storms of changes: one entry in each slot."


def in_flight(role: type[Node]) -> MessageBus:
    """The accident of lesson 10: s1 knows the change, s2 does not, and both go on with slot 2.

    Raises `NotYet` with the run if two entries are chosen in one slot.
    """
    operations = {"admin": [Reconfigure(LATER)], "c2": [Put("x", "two")], "c1": [Put("x", "one")]}
    with in_a_world("With a change and a write under way at once"):
        nodes: list[Any] = replicated_log(operations, spares=2, server=role)
        nodes[-1].servers = LATER
        bus = MessageBus(nodes, seed=1)
        bus.timeout("s1", "election")
        deliver_all(bus, "s1 s2 s3")
        for sender, to in (("admin", "s1"), ("c1", "s1"), ("s1", "s2"), ("s2", "s1")):
            _one(bus, sender, to)  # the change gets slot 1, the write slot 2; slot 1 is chosen
        bus.partition((*LATER, "c1"), ("s2", "s3", "c2"))
        deliver_all(bus, "s1 s4 s5 c1")
        bus.timeout("s2", "election")
        for sender, to in (("s2", "s3"), ("s3", "s2"), ("c2", "s2")):
            _one(bus, sender, to)
        for envelope in [e for e in bus.in_flight if (e.sender, e.to) == ("s2", "s3")]:
            bus.deliver(envelope)
        for envelope in [e for e in bus.in_flight if e.to == "s2" and _votes_in(e.message, 1)]:
            bus.drop(envelope)  # so s2 does not come to know of the change
        deliver_all(bus, "s2 s3 c2")
    _one_entry_each(bus, "The change is in slot 1, and slot 2 was under way. Then the network was cut")
    return bus


def _votes_in(message: Any, slot: int) -> bool:
    return isinstance(message, Accepted) and message.slot == slot


def _one(bus: MessageBus, sender: str, to: str) -> None:
    """Deliver the oldest message between the two, if there is one: a wrong rule may send none."""
    found = [e for e in bus.in_flight if (e.sender, e.to) == (sender, to)]
    if found:
        bus.deliver(found[0])


def _servers(bus: MessageBus) -> list[Server]:
    return [node for node in bus if isinstance(node, Server)]


def _one_entry_each(bus: MessageBus, when: str) -> None:
    """No slot has two chosen entries, as far as the servers know."""
    servers = _servers(bus)
    for slot in range(1, 1 + max(server.executed for server in servers)):
        known = {server.command(slot): server.name for server in servers}
        entries = {entry: name for entry, name in known.items() if entry is not None}
        if len(entries) > 1:
            told = " and ".join(
                f"{' + '.join(map(str, entry)) or 'a no-op'} on {name}" for entry, name in entries.items()
            )
            raise NotYet(
                f"Slot {slot} has two entries: {told}.",
                f"{when}: each side had a majority of those whom it took for the members.",
                "Old and new members may not act in the same slot.",
                run=bus,
            )


def _answered(bus: MessageBus) -> bool:
    return all(node.done for node in bus if isinstance(node, Client))


def _exchange(role: type[Node]) -> None:
    """s1 s2 s3 become s3 s4 s5 while four clients write; then s1 and s2 are switched off."""
    new = ("s3", "s4", "s5")
    operations: dict[str, list[Any]] = {f"c{i}": [Append("log", f"{i}{k} ") for k in "abc"] for i in range(4)}
    operations = {"admin": [Reconfigure(new)], **operations, "late": [Append("log", "late ")]}
    what = "When the group s1 s2 s3 becomes s3 s4 s5"
    with in_a_world(what):
        nodes: list[Any] = replicated_log(operations, spares=2, server=role, alpha=3)
        for node in nodes:
            if isinstance(node, Client):
                node.servers = _SERVERS
        bus = MessageBus(nodes, seed=1, checked=False, idle=["late"])
        early = [node for node in bus if isinstance(node, Client) and node.name != "late"]
        bus.run(until=lambda bus: all(client.done for client in early), max_steps=3000)
    if not all(client.done for client in early):
        raise NotYet(
            f"{what}, a client never gets its answer, although nothing is lost and nobody crashes.",
            "Somebody waits for votes that nobody gives.",
            run=bus,
        )
    begins = early[0].results[0]
    _governs(bus, [FIRST, new], [1, begins])
    _window_used(bus, alpha=3)
    with in_a_world(f"{what}, and s1 and s2 are switched off"):
        bus.run(until=lambda bus: all(bus[name].executed >= begins for name in new), max_steps=1000)  # type: ignore[attr-defined]
        for name in ("s1", "s2"):
            bus.crash(name)
        bus.start("late")
        bus.run(until=_answered, max_steps=1500)
    if not _answered(bus):
        raise NotYet(
            f"{what}, and s1 and s2 are switched off, the new group does not go on.",
            "From then on s3, s4 and s5 are enough.",
            run=bus,
        )
    _one_entry_each(bus, what)


def _governs(bus: MessageBus, groups: list[Members], begin: list[int]) -> None:
    """On every server each group acts from the slot on that its admin was told, and up to the next."""
    for server in _servers(bus):
        with in_a_world(f"When {server.name} is asked who acts in a slot"):
            known = [slot for slot in begin if slot <= server.executed + server.alpha]
            for right, first, after in zip(groups, known, [*known[1:], known[-1] + 1], strict=False):
                for slot in (first, after - 1):
                    acting = tuple(server.members_at(slot))
                    if acting != right:
                        until = "on" if slot == first else f"to slot {slot}"
                        raise NotYet(
                            f"By what the admin was told, {shown(right)} act from slot {first} {until}. "
                            f"On {server.name}, {shown(acting)} act in slot {slot}.",
                            run=bus,
                        )


def _window_used(bus: MessageBus, alpha: int) -> None:
    """Whoever asks for votes in a slot has executed all but alpha before it; all of the window is used."""
    executed: dict[str, int] = {}
    widest = 0
    for step in bus.trace:
        if step.node and "executed" in step.changed:
            executed[step.node] = step.changed["executed"][1]
        for envelope in step.sent:
            if isinstance(envelope.message, Accept):
                slot, known = envelope.message.slot, executed.get(envelope.sender, 0)
                widest = max(widest, slot - known)
                if slot > known + alpha:
                    raise NotYet(
                        f"{envelope.sender} asked for votes in slot {slot} when it had executed up to {known}, and alpha is {alpha}.",
                        f"A change in slot {slot - alpha} would decide who votes there, and it is not executed yet.",
                        run=bus,
                    )
    if widest < alpha:
        raise NotYet(
            f"Four clients write at once, alpha is {alpha}, and the window was never wider than {widest}.",
            "It is safe, and slower than it has to be.",
            run=bus,
        )


def _storm(role: type[Node], seed: int) -> None:
    """Four random changes among losses, copies, crashes and cuts; then calm until all is answered."""
    rng = random.Random(f"plan {seed}")
    plan = [Reconfigure(tuple(rng.sample(_SERVERS, rng.randint(1, 5)))) for _ in range(4)]
    operations = {"admin": plan, "c1": [Append("log", f"{k} ") for k in range(4)]}
    what = f"In storm {seed}, with changes to {', then '.join(shown(change.members) for change in plan)}"
    with in_a_world(what):
        nodes: list[Any] = replicated_log(operations, spares=2, server=role)
        for node in nodes:
            if isinstance(node, Client):
                node.servers = _SERVERS
        bus = MessageBus(nodes, seed=seed, checked=False)
        bus.run(seeded(seed, faults=0.1), max_steps=600)
        if bus.cut is not None:
            bus.heal()
        for name in bus.down:
            bus.restart(name)
        bus.run(until=_answered, max_steps=3000)
    _one_entry_each(bus, what)
    if not _answered(bus):
        raise NotYet(f"{what}, a client never gets its answer, although all faults ended.", run=bus)
    told = next(node.results for node in bus if isinstance(node, Client) and node.name == "admin")
    _governs(bus, [FIRST, *(change.members for change in plan)], [1, *told])


TASKS = (
    Task(
        "members.server",
        "Run a change with your rules",
        "10",
        ("MyServer",),
        replaced,
        (
            "Both methods need only your two functions, and the fields that the text names.",
            "`self.changes()` are the pairs, `self.members` the first members, `self.alpha` and `self.executed` the numbers.",
            "`return members_at(slot, self.members, self.changes(), self.alpha)` and "
            "`return open_slots(self.executed, self.alpha)`.",
        ),
    ),
)
