"""Exercise 09: what a snapshot must carry."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from paxos_lab.multipaxos.machines import Append, Counter, Get, KeyValueStore
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, call
from paxos_lab.teach.exercises.in_words import same, shown
from paxos_lab.teach.exercises.task import Task
from paxos_lab.world.data import copy_of

MEMBERS = ("s1", "s2", "s4")
NO_TUPLES = "A list is not a tuple, and JSON knows lists only: make a tuple of it again."


def _state() -> tuple[int, Any, dict[str, tuple[int, Any]], tuple[str, ...]]:
    return 7, KeyValueStore({"x": "tea "}), {"ann": (2, "tea "), "dan": (1, None)}, MEMBERS


def snapshot(take: Any, restore: Any) -> str:
    """What is restored is what was there, and shares nothing with it."""
    # A class will do for `take`: what it makes is the snapshot.
    take = _maker(take) if inspect.isclass(take) else a_function(take, "take")
    restore = a_function(restore, "restore")
    given = _state()
    taken = _taken(take, *given)
    if not same(given, _state()):
        raise NotYet(
            f"take changes what it is given: {shown(given[1:], 200)}.",
            "The server goes on with it: copy it, and leave it.",
        )
    slot, machine, sessions, members = _restored(restore, taken)
    _equal(slot, 7, "The slot")
    _right_machine(machine, KeyValueStore({"x": "tea "}), Get("x"))
    _right_sessions(machine, sessions)
    _equal(members, MEMBERS, "The list of members")
    _a_copy_when_taken(take, restore)
    _a_copy_when_restored(take, restore)
    counter = _restored(restore, _taken(take, 3, Counter(5), {}, ("s1",)))
    _right_machine(counter[1], Counter(5), Get("x"))
    _equal(counter[2], {}, "The dictionary of sessions")
    _two_at_once(take, restore)
    return "Slot, machine, sessions and members come back, and whatever happens to one copy, no other one changes."


def _maker(made: type[Any]) -> Callable[..., Any]:
    return lambda *state: made(*state)


def _taken(take: Callable[..., Any], slot: int, machine: Any, sessions: Any, members: Any) -> Any:
    return call(
        take,
        slot,
        machine,
        sessions,
        members,
        called=f"take({slot}, {machine!r}, {sessions!r}, {members!r})",
    )


def _restored(restore: Callable[..., Any], taken: Any) -> tuple[Any, Any, Any, Any]:
    got = call(restore, taken, called="restore(snapshot)")
    odd = isinstance(got, str | dict | set) or not isinstance(got, Iterable)
    four = () if odd else tuple(islice(got, 5))
    if len(four) != 4:
        raise NotYet(
            f"restore gave {shown(got, 120)}.", "It returns four: `slot, machine, sessions, members`."
        )
    return four


def _equal(got: Any, right: Any, what: str) -> None:
    if type(got) is not type(right) or not same(got, right):
        raise NotYet(
            f"{what} was {right!r}, and comes back as {shown(got, 120)}.",
            *([NO_TUPLES] if isinstance(got, list) and isinstance(right, tuple) else []),
        )


def _right_machine(machine: Any, right: Any, read: Any) -> None:
    if type(machine) is not type(right):
        raise NotYet(
            f"The machine was a {type(right).__name__}, and comes back as {shown(machine, 120)}.",
            "`take` is given the machine itself, whatever class it is of.",
        )
    if copy_of(machine).apply(read) != copy_of(right).apply(read):
        raise NotYet(
            f"The machine was {right!r}, and comes back as {shown(machine, 120)}.",
            "Who installs the snapshot never sees the slots that it covers.",
        )


def _right_sessions(machine: Any, sessions: Any) -> None:
    """As they were; without them, a command of before the snapshot is executed again."""
    right = _state()[2]
    if not isinstance(sessions, dict):
        raise NotYet(
            f"The sessions were a dictionary, {right!r}, and come back as {shown(sessions, 120)}.",
            "Without them nobody knows which commands are done, and one that comes again is executed again.",
        )
    if "ann" not in sessions:
        copied = copy_of(machine)
        copied.apply(Append("x", "tea "))
        raise NotYet(
            f"After the restore a repeated command is executed again: x is {copied.data['x']!r}.",
            f"ann's command 2, `append x tea`, sat in a slot of the snapshot and sits in slot 8 again. The sessions came back "
            f"as {shown(sessions)}, so nobody knows that it is done. The other servers do: the copies differ.",
        )
    for client, session in right.items():
        got = sessions.get(client)
        if isinstance(got, list) and same(tuple(got), session):
            raise NotYet(
                f"The session of {client} was the tuple {session!r}, and comes back as the list {got!r}.",
                NO_TUPLES,
            )
    _equal(sessions, right, "The dictionary of sessions")


def _two_at_once(take: Callable[..., Any], restore: Callable[..., Any]) -> None:
    """Two snapshots do not know of each other, even of the same slot: two servers take one each."""
    first = _taken(take, 7, KeyValueStore({"x": "tea "}), {"ann": (2, "tea ")}, MEMBERS)
    for slot, text in ((9, "tea jam "), (7, "milk ")):
        _taken(take, slot, KeyValueStore({"x": text}), {"ann": (3, text)}, MEMBERS)
        kept = _restored(restore, first)
        if not same(kept[0], 7) or not _reads(kept[1], "tea ") or not _knows(kept[2], (2, "tea ")):
            raise NotYet(
                f"A snapshot was taken at slot 7, then another one at slot {slot}; the first, restored, is no longer what it was.",
                f"It comes back as {shown(kept, 200)}.",
                "All of a snapshot must be in what `take` returns: what stands outside, the next one overwrites.",
            )


def _a_copy_when_taken(take: Callable[..., Any], restore: Callable[..., Any]) -> None:
    slot, machine, sessions, members = _state()
    taken = _taken(take, slot, machine, sessions, members)
    machine.apply(Append("x", "milk "))
    sessions["ann"] = (3, "tea milk ")
    _, held, known, _ = _restored(restore, taken)
    if not _reads(held, "tea "):
        raise NotYet(
            "The snapshot was taken at slot 7; then slot 8 was executed, and the snapshot changed with it.",
            "It holds the machine itself, or its dictionary. Take a copy: `copy_of(machine)`.",
        )
    if not _knows(known, (2, "tea ")):
        raise NotYet(
            "The snapshot was taken at slot 7; then slot 8 was executed, and the sessions in the snapshot changed.",
            "It holds the dictionary itself. Take a copy: `dict(sessions)`.",
        )


def _reads(machine: Any, right: str) -> bool:
    """Whether x holds that; looking changes nothing."""
    return isinstance(machine, KeyValueStore) and same(copy_of(machine).apply(Get("x")), right)


def _knows(sessions: Any, right: tuple[int, Any]) -> bool:
    return isinstance(sessions, dict) and same(sessions.get("ann"), right)


def _a_copy_when_restored(take: Callable[..., Any], restore: Callable[..., Any]) -> None:
    taken = _taken(take, *_state())
    _, machine, sessions, _ = _restored(restore, taken)
    machine.apply(Append("x", "milk "))
    sessions["ann"] = (3, "tea milk ")
    _, held, known, _ = _restored(restore, taken)
    if not _reads(held, "tea ") or not _knows(known, (2, "tea ")):
        raise NotYet(
            "It was restored and went on to slot 8; restored once more, it is no longer as at slot 7.",
            "A server that crashes a second time restores the same snapshot. Hand out a copy, and keep the snapshot.",
        )


TASKS = (
    Task(
        "snapshot.whole",
        "Take and restore a snapshot",
        "09",
        ("take", "restore"),
        snapshot,
        (
            "Which of the four can still change after the snapshot was taken? Those must be copied. And who may change what "
            "restore hands out?",
            "All four belong into it. Copy the machine and the sessions, when you take and when you restore.",
            "In take: `return slot, copy_of(machine), dict(sessions), members`. In restore: take the four out of the snapshot and "
            "copy the same two again.",
        ),
    ),
)
