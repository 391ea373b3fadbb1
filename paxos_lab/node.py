"""What a role is: a dataclass that reacts to one message at a time and does no I/O.

A role never waits, sends bytes, or reads a clock. It changes its own fields and says what
should leave (`send`) and when it wants to be woken (`set_timer`). Whatever drives it (a
click, a seeded schedule, an exhaustive search, a real network) calls `react` and carries
that out. So one class runs unchanged in every world.
"""

from __future__ import annotations

import copy
import dataclasses
import dis
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field
from functools import cache
from types import FunctionType
from typing import Any, NamedTuple

OUTSIDE = "outside"  # named as the sender of what no node sent


class LabError(ValueError):
    """Something that was handed to the lab does not fit; the text says what and where."""


class RoleError(LabError):
    """A role broke the contract of a role: the text names the node, the hook and the reason."""


def stable(default: Any) -> Any:
    """A field that is on disk: it is written before any message of the same step leaves."""
    return _field(default, {"stable": True})


def volatile(default: Any) -> Any:
    """A field in memory that starts as a fresh copy of `default`; use it for `{}`, `[]`, `set()`."""
    return _field(default, {})


def setting(default: Any) -> Any:
    """A field that never changes: names of others, a time to wait, a size. Pictures leave it out."""
    if default.__hash__ is None:
        return _field(default, {"setting": True})
    return field(default=default, metadata={"setting": True})  # a default that a signature can show


def _field(default: Any, metadata: dict[str, bool]) -> Any:
    return field(default_factory=lambda: copy.deepcopy(default), metadata=metadata)


class Send(NamedTuple):
    """The wish of a role that `message` travels to the node called `to`."""

    to: str
    message: Any


class SetTimer(NamedTuple):
    """The wish to be woken by `timeout(timer)` after `delay` units of virtual time."""

    timer: str
    delay: float


class CancelTimer(NamedTuple):
    """The wish that `timer` does not ring."""

    timer: str


Effect = Send | SetTimer | CancelTimer


@dataclass
class Node:
    """A process with a name. Subclasses are dataclasses too; their fields are the whole state.

    A field made with `stable(default)` survives a crash, one made with `setting(default)` never
    changes. Every other field is volatile: at a restart it has the value again that it had when the
    node was built.
    """

    name: str

    # The four hooks. Each may only change the node's own fields and call the three verbs below.

    def start(self) -> None:
        """Called once, when the world begins."""

    def receive(self, sender: str, message: Any) -> None:
        """Called for every message that arrives."""

    def timeout(self, timer: str) -> None:
        """Called when a timer rings."""

    def recover(self) -> None:
        """Called after a restart, when the stable fields hold again what was on disk."""

    # The three verbs.

    def send(self, to: str | Iterable[str], message: Any) -> None:
        """Send `message` to one name or to several; a set of names is served in sorted order."""
        if isinstance(to, str):
            self._wish(Send(to, message))
        else:
            for name in sorted(to) if isinstance(to, set | frozenset) else to:
                self._wish(Send(name, message))

    def set_timer(self, timer: str, delay: float) -> None:
        """Ask for `timeout(timer)` after `delay`; a timer of that name that is running is replaced."""
        self._wish(SetTimer(timer, delay))

    def cancel_timer(self, timer: str) -> None:
        """Stop the timer; does nothing if it is not running."""
        self._wish(CancelTimer(timer))

    @property
    def outbox(self) -> list[Effect]:
        """What the node has asked for and no world has fetched yet.

        Empty between the steps of a world; useful when a hook is called by hand.
        """
        return list(self.__dict__.get("_outbox", ()))

    def _wish(self, effect: Effect) -> None:
        # Not a dataclass field: it is not state, since it is empty between any two steps.
        outbox = self.__dict__.get("_outbox")
        if outbox is None:
            outbox = self.__dict__["_outbox"] = []
        outbox.append(effect)


def react(node: Node, hook: str, *arguments: Any) -> list[Effect]:
    """Run one hook ("start", "receive", "timeout" or "recover") and return what it asked for.

    Raises `RoleError` if the hook returns something, which nobody would ever see.
    """
    effects: list[Effect] = []
    attributes = node.__dict__
    attributes["_outbox"] = effects
    try:
        answer = getattr(node, hook)(*arguments)
    finally:
        attributes.pop("_outbox", None)
    if answer is not None:
        raise RoleError(
            f"{node.name}.{hook} returned {answer!r}: what a hook returns reaches nobody; "
            "use self.send(to, message)"
        )
    return effects


def field_names(node: Node) -> tuple[str, ...]:
    """The fields that make up the state of a node, in the order of declaration, without `name`."""
    role: Any = type(node)
    return _layout(role)[0]


def stable_fields(node: Node) -> frozenset[str]:
    """The names of the fields that survive a crash."""
    role: Any = type(node)
    return _layout(role)[1]


def setting_fields(role: Any, *, declared: bool = False) -> frozenset[str]:
    """The names of the fields that never change, of a node or a class of nodes.

    That is what is declared with `setting`, and what the constructor must be given, unless a method
    of the class assigns to it. `declared`: only the former.
    """
    kind = role if isinstance(role, type) else type(role)
    layout = _layout(kind)
    return layout[2] if declared else layout[3]


@cache
def _layout(role: Any) -> tuple[tuple[str, ...], frozenset[str], frozenset[str], frozenset[str]]:
    fields = [f for f in dataclasses.fields(role) if f.name != "name"]
    stable = frozenset(f.name for f in fields if f.metadata.get("stable"))
    declared = frozenset(f.name for f in fields if f.metadata.get("setting"))
    given = {f.name for f in fields if f.default is MISSING and f.default_factory is MISSING}
    return tuple(f.name for f in fields), stable, declared, declared | (given - stable - _assigned(role))


def _assigned(role: Any) -> set[str]:
    """The attributes that some method of the class, other than its constructor, assigns to."""
    methods = [
        method.__code__
        for kind in role.__mro__
        for name, method in vars(kind).items()
        if isinstance(method, FunctionType) and name not in ("__init__", "__post_init__")
    ]
    return {i.argval for code in methods for i in dis.get_instructions(code) if i.opname == "STORE_ATTR"}
