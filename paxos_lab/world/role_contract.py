"""The contract of a role: what a class must be, what a field may hold, what a hook may ask for.

Here is what can be seen by looking once. That a hook is deterministic and leaves others alone is seen
by running it: `rehearsal`.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Any

from paxos_lab.node import CancelTimer, Effect, Node, RoleError, Send, SetTimer
from paxos_lab.world.copying import fields_of
from paxos_lab.world.data import ATOMS, shown, why_mutable

HOOKS = {"start": (), "receive": ("sender", "message"), "timeout": ("timer",), "recover": ()}


class UnknownNode(RoleError):
    """A name that no node has; the text lists the names there are."""


def unknown(name: str, names: Iterable[str]) -> UnknownNode:
    """The error for a name that is not among `names`."""
    return UnknownNode(f"no node is called {name!r}; there are {', '.join(names)}")


def check_class(node: Any) -> None:
    """Raise `RoleError` if this is not a role: not a Node, or a class that lacks @dataclass."""
    if not isinstance(node, Node):
        raise RoleError(f"{node!r} is no node: make its class a dataclass derived from Node")
    for kind in type(node).__mro__:
        if kind is Node:
            break
        if kind.__dict__.get("__annotations__") and "__dataclass_fields__" not in kind.__dict__:
            raise RoleError(f"the class {kind.__name__} declares fields: write @dataclass above it")
    bases = [kind for kind in type(node).__mro__ if dataclasses.is_dataclass(kind)]
    declared = {field.name for kind in bases for field in dataclasses.fields(kind)}
    if lost := declared - {field.name for field in dataclasses.fields(node)}:
        raise RoleError(
            f"the class {type(node).__name__} joins several roles and lacks the field {min(lost)} of one of "
            "them: write @dataclass above it"
        )
    if not isinstance(node.name, str) or not node.name:
        raise RoleError(f"the name of a node is a text that is not empty, not {node.name!r}")
    role: Any = type(node)
    _check_hooks(role)
    check_attributes(node, f"{node.name} as it was built")


@cache
def _check_hooks(role: Any) -> None:
    for hook, parameters in HOOKS.items():
        method = getattr(role, hook)
        where = f"{role.__name__}.{hook}{inspect.signature(method)}"
        try:
            inspect.signature(method).bind("self", *parameters)
        except TypeError:
            wanted = ", ".join(("self", *parameters))
            raise RoleError(f"{where}: this hook is called with ({wanted})") from None
        if inspect.iscoroutinefunction(method) or inspect.isgeneratorfunction(method):
            raise RoleError(f"{where}: a hook runs to its end at once, without async, await or yield")


def check_apart(nodes: Iterable[Node]) -> None:
    """Raise `RoleError` if two nodes hold the same changeable object, or one holds another."""
    owner: dict[int, tuple[Node, str]] = {}
    for node in nodes:
        for field, value in fields_of(node):
            for part in _parts_of(node, field, value):
                if isinstance(part, Node):
                    raise RoleError(
                        f"{node.name}.{field} holds the node {part.name}: keep its name and send it "
                        "messages, for processes share no memory"
                    )
                first, its_field = owner.setdefault(id(part), (node, field))
                if first is not node:
                    raise RoleError(
                        f"{first.name}.{its_field} and {node.name}.{field} are one and the same "
                        f"{type(part).__name__}: processes share no memory; give each its own, as "
                        "volatile({...}) does"
                    )


def _parts_of(node: Node, field: str, value: Any) -> list[Any]:
    try:
        return list(changeable_parts(value))
    except RecursionError:
        reason = "it holds itself, or is nested too deep: keep the name of a thing, not the thing"
        raise RoleError(f"{node.name}.{field} cannot be copied and compared: {reason}") from None


def changeable_parts(value: Any) -> Iterator[Any]:
    """`value` and what it holds, as far as that can be changed."""
    if type(value) in ATOMS or why_mutable(value) is None:
        return
    yield value
    if isinstance(value, Node):
        return
    if isinstance(value, dict):
        inside: Iterable[Any] = dict.values(value)  # the search watches `value.values()`
    elif dataclasses.is_dataclass(value):
        inside = vars(value).values()
    else:
        inside = value if isinstance(value, list | tuple) else ()
    for part in inside:
        yield from changeable_parts(part)


def check_effect(effect: Effect, call: object, names: Collection[str]) -> None:
    """Raise `RoleError` if that wish cannot be granted; `names`: everybody there is."""
    if type(effect) is Send:
        to, message = effect
        if not isinstance(to, str) or to not in names:
            raise UnknownNode(f"{call} sent {shown(message)} to {shown(to)}: {unknown(to, names)}")
        if type(message) in ATOMS:
            return
        reason = why_mutable(message, f"the message to {to}")
        if reason is not None:
            raise RoleError(f"{call}: {reason}. A message may not change after it was sent")
        return
    match effect:
        case SetTimer(timer, delay):
            number = isinstance(delay, int | float) and not isinstance(delay, bool) and 0 <= delay < math.inf
            if not number or not isinstance(timer, str) or not timer:
                raise RoleError(
                    f"{call}: set_timer({shown(timer)}, {shown(delay)}) needs a name and a delay of 0 or more: "
                    "a text that is not empty, and a number"
                )
        case CancelTimer(timer) if not isinstance(timer, str) or not timer:
            raise RoleError(
                f"{call}: cancel_timer({shown(timer)}) needs the name of a timer, a text that is not empty"
            )


def check_attributes(node: Node, call: object, name: str | None = None) -> None:
    """Raise `RoleError` if the node has an attribute that is not a field, or is not called `name` any more."""
    role: Any = type(node)
    if not node.__dict__.keys() <= attributes(role):
        raise RoleError(
            f"{call} set self.{min(undeclared(node))}, which is not a field: declare it in the class, so "
            "that it can be shown, saved and lost in a crash"
        )
    if name is not None and node.name != name:
        raise RoleError(f"{call} changed its name to {shown(node.name)}: a node keeps its name")


def undeclared(node: Node) -> set[str]:
    """The attributes of a node that are not fields."""
    role: Any = type(node)
    return node.__dict__.keys() - attributes(role)


@cache
def attributes(role: Any) -> frozenset[str]:
    """The attributes that a node of the class may have."""
    return frozenset(field.name for field in dataclasses.fields(role))


@cache
def class_containers(role: Any) -> tuple[tuple[Any, str], ...]:
    """(class, attribute) of lists, sets and dicts that all nodes of the class share."""
    kinds = role.__mro__[: role.__mro__.index(Node)]
    return tuple(
        (kind, name)
        for kind in kinds
        for name, value in vars(kind).items()
        if isinstance(value, list | set | dict) and not name.startswith("__")
    )
