"""Exercise 09: a deterministic store."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

from paxos_lab.multipaxos import (
    Add,
    Append,
    CompareAndSet,
    Get,
    KeyValueStore,
    Put,
)
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_machine, call
from paxos_lab.teach.exercises.in_words import same, shown
from paxos_lab.teach.exercises.task import Task
from paxos_lab.world.data import NotPlain, copy_of

STRANGE: tuple[Any, ...] = (Add(5), "tea", 7, None, ())
OLD_TEXT = "Append to a key without a value begins with the empty text."


def again(text: str) -> str:
    """An equal text that is another object, as one that came in a message."""
    return "".join(list(text))


# Each ends in the operation that it is about; what comes before was right in an earlier one.
TALKS: tuple[tuple[tuple[Any, ...], str], ...] = (
    ((Get("x"),), "A key that nobody has set gives None."),
    ((Put("x", "tea"),), "Put gives the value before, and there was none."),
    ((Put("x", "tea"), Get("x")), "Get gives what was put."),
    ((Put("x", "tea"), Put("x", "milk")), "Put gives the value before, not the new one."),
    ((Put("x", "tea"), Put("x", "milk"), Get("x")), "The last Put counts."),
    ((Put("x", "tea"), Get("y")), "Each key has a value of its own."),
    ((Append("x", "tea"),), OLD_TEXT),
    ((Append("x", "tea"), Append("x", "milk")), "Append gives the new value, the whole of it."),
    ((Append("x", "tea"), Append("x", "milk"), Get("x")), "Append keeps what was there."),
    ((Put("x", "tea"), CompareAndSet("x", "milk", "jam")), "It holds another value than expected."),
    (
        (Put("x", "tea"), CompareAndSet("x", "milk", "jam"), Get("x")),
        "A compare-and-set that fails changes nothing.",
    ),
    ((Put("x", "tea"), CompareAndSet("x", "tea", "jam")), "It holds what is expected: True."),
    ((Put("x", "tea"), CompareAndSet("x", "tea", "jam"), Get("x")), "Where it succeeds, it sets the value."),
    (
        (Put("x", "tea"), CompareAndSet("x", again("tea"), "jam")),
        "It holds an equal text, which is another object: compare with `==` or `!=`, not with `is`.",
    ),
    ((Put("x", 0), Get("x")), "0 is a value; only a missing key gives None."),
    ((Put("x", ""), Put("x", "tea")), "The empty text is a value; only a missing key gives None."),
    (
        (Put("x", False), CompareAndSet("x", None, "jam")),
        "It holds False, which is a value, and None is expected.",
    ),
    ((Put("x", None), Get("x")), "A key that holds None gives None."),
    ((CompareAndSet("x", None, "jam"),), "A key without a value holds None, so expecting None is right."),
    ((CompareAndSet("x", "tea", "jam"), Get("x")), "A compare-and-set that fails changes nothing."),
    *(((Put("x", "tea"), other, Get("x")), "An unknown operation changes nothing.") for other in STRANGE),
)


def store(made: Any) -> str:
    """The results of a key-value store, from its fields and the operation alone."""
    made = a_machine(made, "Store", "apply")
    in_fields(made, "Store")
    _nothing_shared(made)
    for talk, why in TALKS:
        _compare(made, talk, why)
    rng = random.Random(9)
    for _ in range(30):
        talk = tuple(_some_operation(rng) for _ in range(20))
        try:
            _compare(made, talk, "")
        except NotYet:
            _compare(made, _shortest(made, talk), "Compare it, line by line, with the table of the task.")
            raise  # it does not fail alike twice; the long talk is what there is
    _replicas_agree(made, rng)
    return (
        f"{len(TALKS) + 30} sequences of operations gave the right results, and two replicas always agreed."
    )


def _nothing_shared(made: type[Any]) -> None:
    """Two new stores do not know of each other."""
    one, other = (call(made, called="Store()") for _ in range(2))
    before = _apply(other, Get("x"))
    _apply(one, Put("x", "tea"))
    if before is None and same(_apply(other, Get("x")), "tea"):
        raise NotYet(
            "Two new stores share what they hold: after `put x tea` on one, `get x` on the other gave 'tea'.",
            "Each replica has a state of its own. A dictionary is declared as a field: "
            "`data: dict[str, Any] = field(default_factory=dict)`.",
        )


def _some_operation(rng: random.Random) -> Any:
    key, value = rng.choice("xy"), rng.choice(["tea", "milk"])
    return rng.choice(
        [
            Get(key),
            Put(key, value),
            Append(key, value),
            CompareAndSet(key, rng.choice([None, "tea", "milk", "teamilk"]), value),
            rng.choice(STRANGE),
        ]
    )


def in_fields(made: type[Any], name: str) -> Any:
    """A fresh one; raises `NotYet` if it is not a dataclass of plain data, which can be copied."""
    fresh = call(made, called=f"{name}()")
    if not dataclasses.is_dataclass(fresh):
        raise NotYet(
            f"{name} is no dataclass.",
            "Put @dataclass above the class: the lab copies a state by its fields, for every replica and snapshot.",
        )
    try:
        copy_of(fresh)
    except NotPlain as error:
        raise NotYet(f"A {name} cannot be copied: {error}.", "Its fields hold plain data only.") from error
    return fresh


def _compare(made: type[Any], talk: Sequence[Any], why: str) -> None:
    machine, model = call(made, called="Store()"), KeyValueStore()
    for number, operation in enumerate(talk):
        got, right = _apply(machine, operation), model.apply(operation)
        known = isinstance(operation, Get | Put | Append | CompareAndSet)
        if known and not (isinstance(got, type(right)) and same(got, right)):
            before = ", ".join(_said(one) for one in talk[:number])
            raise NotYet(
                f"{'After ' + before if before else 'At the start'}: {_said(operation)} gave {shown(got)}, "
                f"and it should give {right!r}.",
                *_what_is_wrong(machine, operation, right, model, why),
            )


def _what_is_wrong(machine: Any, operation: Any, right: Any, model: KeyValueStore, why: str) -> list[str]:
    """Whether the state is wrong as well, or the result alone."""
    if isinstance(operation, Get):
        return [why] if why else []
    try:
        held = _apply(machine, Get(operation.key))
    except NotYet:  # its Get is for another line of the table to judge
        return [why] if why else []
    due = model.data.get(operation.key)
    if not same(held, due):
        stored = f"Afterwards {operation.key} holds {shown(held)}, and should hold {due!r}."
        return [why, stored] if why else [stored]
    result = {
        Put: "Put gives the value before.",
        Append: "Append gives the new text, the whole of it.",
        CompareAndSet: "CompareAndSet gives True where it set the value, else False.",
    }[type(operation)]
    return [
        f"What is stored is right; only the result is not. {result}",
        *([why] if why and why != OLD_TEXT else []),
    ]


def _apply(machine: Any, operation: Any) -> Any:
    return call(machine.apply, operation, called=f"apply({operation!r})")


def _said(operation: Any) -> str:
    known = isinstance(operation, Get | Put | Append | CompareAndSet | Add)
    if known and all(
        isinstance(value, str | int) and value not in ("", 0) for value in vars(operation).values()
    ):
        return f"`{operation}`"
    return f"`{operation!r}`"


def _shortest(made: type[Any], talk: Sequence[Any]) -> list[Any]:
    """As few of these operations as still go wrong."""
    few = list(talk)
    for operation in talk:
        fewer = list(few)
        fewer.remove(operation)
        try:
            _compare(made, fewer, "")
        except NotYet:
            few = fewer
    return few


def _replicas_agree(made: type[Any], rng: random.Random) -> None:
    """Two replicas and a copy made on the way give the same results and end in the same state."""
    one, two = (call(made, called="Store()") for _ in range(2))
    talk = [_some_operation(rng) for _ in range(40)]
    first = [_apply(one, operation) for operation in talk]
    other: Any = two
    for number, operation in enumerate(talk):
        if number == 20:
            other = _copied(two)
        got = _apply(other, operation)
        if not same_state(got, first[number]):
            if number >= 20:
                raise NotYet(
                    "After it was copied, as for a snapshot, it goes on differently.",
                    "What it knows must stand in its fields: nothing else is copied to another replica.",
                )
            raise NotYet(
                f"Two replicas executed the same {number + 1} operations: {_said(operation)} gave {shown(first[number], 60)} on one, "
                f"{shown(got, 60)} on the other.",
                "It may look at its fields and the operation only: no clock, no chance, nothing shared.",
            )
    if not same_state(_copied(one), _copied(other)):
        raise NotYet(
            "Two replicas executed the same operations, and their fields differ.",
            f"One has {shown(one, 200)}, the other {shown(other, 200)}.",
            "It may look at its fields and the operation only: no clock, no chance.",
        )


def same_state(one: Any, other: Any) -> bool:
    """Whether two machines hold the same in their fields, whatever their class says of `==`."""
    return same(_parts(one), _parts(other))


def _parts(value: Any) -> Any:
    """A value as tuples and atoms, with the names of its classes; a dictionary's order does not count."""
    kind = type(value).__name__
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return kind, tuple((f.name, _parts(getattr(value, f.name))) for f in dataclasses.fields(value))
    if isinstance(value, dict):
        return kind, tuple(sorted(((_parts(k), _parts(v)) for k, v in value.items()), key=repr))
    if isinstance(value, set | frozenset):
        return kind, tuple(sorted(map(_parts, value), key=repr))
    if isinstance(value, list | tuple):
        return kind, tuple(map(_parts, value))
    return value


def _copied(machine: Any) -> Any:
    try:
        return copy_of(machine)
    except NotPlain as error:
        raise NotYet(
            f"After some operations it cannot be copied: {error}.", "Its fields hold plain data only."
        ) from error


TASKS = (
    Task(
        "store.apply",
        "Write a deterministic store",
        "09",
        ("Store",),
        store,
        (
            "Each operation does two things: it changes `self.data`, or not, and it gives a result. Which result is the old "
            "value, which the new one?",
            "Use `match operation:` with a case for each of the four; `self.data.get(key)` gives None for a missing key. Whatever "
            "no case knows falls through and changes nothing.",
            "For Put: keep `before = self.data.get(key)`, set, return before. Append: `self.data[key] = (self.data.get(key) or '') "
            "+ text`, return it. CompareAndSet: `if self.data.get(key) != expected: return False`; set; `return True`.",
        ),
    ),
)
