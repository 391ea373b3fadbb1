"""Exercise 09: what a server may forget, what it sends to whoever missed slots, and when it may answer a read."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos import Append, Command, Get, KeyValueStore, Put, Read, Replica, replicated_log
from paxos_lab.multipaxos.reads import ReadingServer
from paxos_lab.node import react
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, call, in_a_world
from paxos_lab.teach.exercises.in_words import same, shown
from paxos_lab.teach.exercises.task import Task
from paxos_lab.verify.histories.history import history_of
from paxos_lab.verify.histories.linearizability import linearizable

NAMES = ("s1", "s2", "s3")


def _entry(slot: int) -> tuple[Command, ...]:
    return (Command("ann", slot, Append("x", f"{slot} ")),) if slot % 4 else ()


def _replica(executed: int, snapshot: int = 0) -> Replica:
    """One that has executed so many slots, with a snapshot of the first few of them."""
    replica = Replica("s1", members=NAMES, machine=KeyValueStore())
    for slot in range(1, executed + 1):
        replica.learn(slot, _entry(slot))
        if slot == snapshot:
            replica.take_snapshot()
    return replica


def catch_up(truncate: Any, missing: Any) -> str:
    """The log is cut where the snapshot ends, and who is behind gets just what it misses."""
    truncate, missing = a_function(truncate, "truncate"), a_function(missing, "missing")
    # slots executed, end of the snapshot, slots that the other one has, slots chosen beyond a hole
    cases: list[tuple[int, int, int, tuple[int, ...]]] = [
        (8, 6, 0, ()),
        (8, 6, 3, ()),
        (8, 6, 6, ()),
        (8, 6, 7, ()),
        (8, 6, 8, ()),
        (6, 6, 2, ()),
    ]
    cases += [(5, 0, 0, ()), (5, 0, 4, ()), (8, 6, 0, (10, 12)), (8, 6, 7, (10,)), (3, 1, 0, (5,))]
    rng = random.Random(9)
    for _ in range(40):
        executed = rng.randint(1, 12)
        beyond = tuple(rng.sample(range(executed + 2, executed + 6), rng.choice([0, 0, 2])))
        cases.append((executed, rng.randint(0, executed), rng.randint(0, executed), beyond))
    in_order = True
    for executed, end, other, beyond in cases:
        ahead = _replica(executed, end)
        slots = [*range(1, executed + 1), *beyond]
        full = {slot: _entry(slot) for slot in slots}
        kept = _kept(truncate, full, end)
        in_order = _sent(missing, kept, end, other, ahead) and in_order
    return (
        f"{len(cases)} logs, with and without holes: nothing is lost, nothing kept or sent without need, "
        "and whoever was behind has executed as much in the end."
        + ("" if in_order else " The slots do not come in order; no harm, they are executed in order.")
    )


def _kept(truncate: Callable[..., Any], full: dict[int, Any], end: int) -> dict[int, Any]:
    told = f"truncate(log of {_slots(full)}, {end})"
    given = dict(full)
    kept = call(truncate, given, end, called=told)
    if given != full:
        raise NotYet(
            f"{told} deletes from the log that it was given, or changes it.",
            "A new dictionary is wanted: whoever called still reads the old one, as a server that sends what is missing.",
        )
    if not isinstance(kept, dict):
        raise NotYet(f"{told} is {shown(kept)}.", "A dictionary of slots and entries is wanted.")
    if strange := [slot for slot in kept if type(slot) is not int or slot not in full]:
        raise NotYet(f"{told} keeps {shown(strange[0])}, which is no slot of the log.")
    if lost := [slot for slot in full if slot > end and slot not in kept]:
        raise NotYet(
            f"{told} loses slot {lost[0]}.",
            f"The snapshot ends at {end}. What is chosen in slot {lost[0]} is nowhere else on this server.",
        )
    if left := [slot for slot in kept if slot <= end]:
        raise NotYet(f"{told} keeps slot {left[0]}.", f"The snapshot covers all slots up to {end}.")
    if not same(kept, {slot: entry for slot, entry in full.items() if slot > end}):
        raise NotYet(f"{told} changes an entry.", "What is chosen stays as it is.")
    return kept


def _sent(missing: Callable[..., Any], log: dict[int, Any], end: int, other: int, ahead: Replica) -> bool:
    """Whether the slots come in order; raises `NotYet` if they are not the right ones."""
    told = f"missing({other + 1}, log of {_slots(log)}, {end})"
    given = dict(log)
    got = call(missing, other + 1, given, end, called=told)
    if given != log:
        raise NotYet(
            f"{told} changes the log that it was given.", "The server goes on with it: only look, or copy it."
        )
    if not isinstance(got, tuple | list) or len(got) != 2 or not isinstance(got[0], bool):
        raise NotYet(f"{told} is {shown(got)}.", "A pair is wanted: True or False, and a list of slots.")
    whole, slots = got
    slots = (
        list(islice(slots, 100)) if isinstance(slots, Iterable) and not isinstance(slots, str) else [slots]
    )
    if any(type(slot) is not int for slot in slots):
        raise NotYet(f"{told}: {shown(got[1])} is no list of slots.")
    if whole and other >= end:
        raise NotYet(
            f"{told} sends the snapshot, which ends at {end}, to one that has slots up to {other}.",
            "A snapshot is large. It is sent only to whoever needs a slot that is in it.",
        )
    for slot in slots:
        if slot not in log:
            why = "it is in the snapshot only" if slot <= end else "nobody here knows what is chosen there"
            raise NotYet(f"{told} sends slot {slot}, which is not in the log: {why}.")
        if slot <= other:
            raise NotYet(
                f"{told} sends slot {slot}, which the other one has.", "It asked from its next slot on."
            )
    due = [slot for slot in sorted(log) if slot > other]
    if left := [slot for slot in due if slot not in slots]:
        hole = next((slot for slot in range(other + 1, left[0]) if slot > end and slot not in log), None)
        why = f"The other one asked for all from slot {other + 1} on."
        if hole is not None:
            why = f"Nobody here knows what is chosen in slot {hole}. Slot {left[0]} is chosen all the same: sent now, it need not be asked for again."
        raise NotYet(f"{told} leaves out slot {left[0]}, which is in the log.", why)
    behind = _replica(other)
    if whole:
        react(behind, "receive", "s1", ahead.snapshot)
    for slot in slots:
        behind.learn(slot, log[slot])
    if behind.executed < ahead.executed:
        raise NotYet(
            f"{told}: the other one executes up to slot {behind.executed}, and this server has executed up to {ahead.executed}.",
            f"{'With' if whole else 'Without'} the snapshot, and with the slots {_slots(slots)}.",
        )
    return slots == due


def _slots(slots: Iterable[int]) -> str:
    return "{" + ", ".join(map(str, sorted(slots))) + "}"


# ---- reads


def fresh(rule: Any) -> str:
    """Executed up to the read point, and a quorum heard a heartbeat that was sent after the read came."""
    rule = a_function(rule, "may_answer")
    cases: list[tuple[int, int, int, dict[str, int], int]] = [
        (5, 5, 3, {"s1": 4, "s2": 4}, 3),
        (5, 5, 3, {"s1": 4, "s2": 3, "s3": 3}, 3),
        (5, 5, 3, {"s1": 4}, 3),
        (5, 4, 3, {"s1": 4, "s2": 4, "s3": 4}, 3),
        (5, 9, 3, {"s1": 7, "s3": 6, "s2": 1}, 3),
        (0, 0, 0, {"s1": 1, "s2": 1}, 3),
        (5, 5, 3, {"s1": 4, "s2": 4}, 4),
        (5, 5, 3, {"s1": 4, "s2": 4, "s4": 4}, 4),
        (5, 5, 3, {"s1": 4, "s2": 4, "s3": 2, "s4": 2, "s5": 2}, 5),
        (5, 5, 3, {}, 3),
        (2, 0, 3, {"s1": 4, "s2": 4}, 3),
        (0, 3, 0, {"s1": 0, "s2": 0}, 3),
    ]
    rng = random.Random(4)
    for _ in range(80):
        servers = rng.choice([3, 4, 5])
        names = [f"s{i}" for i in range(1, servers + 1)]
        heard = {name: rng.randint(1, 6) for name in rng.sample(names, rng.randint(1, servers))}
        cases.append((rng.randint(2, 6), rng.randint(3, 7), rng.randint(1, 5), heard, servers))
    for point, executed, before, heard, servers in cases:
        told = f"may_answer({point}, {executed}, {before}, {heard}, {servers})"
        given = dict(heard)
        got = call(rule, point, executed, before, given, servers, called=told)
        if given != heard:
            raise NotYet(f"{told} changes `heard`.", "The leader goes on with it: only look, or copy it.")
        if not isinstance(got, bool):
            raise NotYet(f"{told} is {shown(got)}; True or False is wanted.")
        right = _course_answers(point, executed, before, heard, servers)
        if got != right:
            after = sum(number > before for number in heard.values())
            raise NotYet(
                f"{told} is {got}, and should be {right}.",
                f"A heartbeat that was sent after the read came was heard by {after} of {servers}, "
                f"and the read point {point} is {'' if executed >= point else 'not '}executed.",
                "It waits without need." if right else _why_stale(executed >= point),
                run=None if right else _old_leader(rule),
            )
    if (bus := _old_leader(rule)) is not None:
        raise NotYet("A leader that was replaced answers from its old copy.", run=bus)
    return f"{len(cases)} moments, and a leader that was replaced unawares: no answer is stale, and none waits without need."


def _why_stale(executed: bool) -> str:
    if not executed:
        return "An earlier leader may have answered for a slot that is not executed here yet."
    return "Another leader may have been there when the read came, and may have answered a write."


def _course_answers(point: int, executed: int, before: int, heard: dict[str, int], servers: int) -> bool:
    """What the course's own leader does."""
    names = tuple(f"s{i}" for i in range(1, servers + 1))
    leader = ReadingServer("s1", members=names, executed=executed)
    leader.heard = dict(heard)
    return leader.may_answer("quorum", point, before + 1)


def _old_leader(rule: Callable[..., Any]) -> MessageBus | None:
    """s1 is cut off together with rob; s2 takes over and writes; rob reads at s1. The run, if that is stale."""

    class Mine(ReadingServer):
        def may_answer(self, how: str, read_point: int, number: int) -> bool:
            servers = len(self.members_at(read_point + 1))
            return bool(call(rule, read_point, self.executed, number - 1, dict(self.heard), servers))

    operations = {"ann": [Put("x", "old")], "wes": [Put("x", "new")], "rob": [Read(Get("x"))]}
    with in_a_world("With a leader that was replaced unawares"):
        nodes: list[Any] = replicated_log(operations, server=Mine)
        for client in nodes[3:]:
            client.servers = NAMES
        nodes[4].servers = ("s2", "s3")
        bus = MessageBus(nodes, delay=1, idle=[node.name for node in nodes[1:]])
        _elect(bus, "s1")
        for name in ("s2", "s3", "ann"):
            bus.start(name)
            _settle(bus)
        bus.partition(["s1", "rob"])
        _elect(bus, "s2")
        for name in ("wes", "rob"):
            bus.start(name)
            _settle(bus)
    return bus if linearizable(history_of(bus.trace)).broken else None


def _settle(bus: MessageBus, most: int = 200) -> None:
    for _ in range(most):
        if not bus.arriving:
            return
        bus.apply(bus.arriving[0])


def _elect(bus: MessageBus, name: str) -> None:
    for _ in range(3):
        if getattr(bus[name], "role", "") != "leader":
            bus.timeout(name, "election")
            _settle(bus)


TASKS = (
    Task(
        "replica.catch_up",
        "Cut the log, and help whoever is behind",
        "09",
        ("truncate", "missing"),
        catch_up,
        (
            "The snapshot stands for the slots up to its end, the log for those after it. Who needs which of the two?",
            "The snapshot is needed if the first slot asked for lies in it. Of the log, send what the other one has not got; "
            "there may be holes in it.",
            "`truncate`: `{s: e for s, e in log.items() if s > snapshot_end}`. `missing`: "
            "`(first <= snapshot_end, [s for s in sorted(log) if s >= first])`.",
        ),
    ),
    Task(
        "read.fresh",
        "Answer no read from an old copy",
        "09",
        ("may_answer",),
        fresh,
        (
            "Two things can be wrong with the leader's copy: somebody else leads, or it has not executed enough yet.",
            "Count the servers that heard a heartbeat with a number above `before`: those were sent after the read came. Is it a "
            "majority of all servers?",
            "`after = sum(number > before for number in heard.values())`; True if `executed >= read_point and 2 * after > servers`.",
        ),
    ),
)
