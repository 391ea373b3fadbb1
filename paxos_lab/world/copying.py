"""The state of a node: read it, copy it, put it back.

Whoever drives roles (the bus, a search, a picture) sees them through these functions, which know
nothing of what a role does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any

from paxos_lab.node import Node, RoleError, field_names, setting_fields, stable_fields
from paxos_lab.world.data import NotPlain, copy_like, copy_of, reader_of

State = tuple[Any, ...]
"""The values of a node's fields, in the order of `field_names`, sharing nothing with the node."""


def state_of(node: Node) -> State:
    """A copy of the node's state; raises `RoleError` naming the field that cannot be copied."""
    return tuple([copy_field(node, name, value) for name, value in fields_of(node)])


def put_state(node: Node, state: State) -> None:
    """Give the node the fields of `state`."""
    for name, value in zip(field_names(node), state, strict=True):
        setattr(node, name, copy_of(value))


def twin(node: Node) -> Node:
    """An independent node of the same class, name and state."""
    other: Node = object.__new__(type(node))
    other.name = node.name
    put_state(other, read(node))
    return other


def read(node: Node) -> State:
    """The values of the node's fields themselves, not copies."""
    role: Any = type(node)
    try:
        return reader(role)(node)
    except AttributeError as error:
        raise RoleError(f"{node.name} lacks a field that its class declares: {error}") from error


def forget_volatile(node: Node, at_birth: State) -> None:
    """What a crash does to memory: volatile fields are again as they were at birth."""
    keep = stable_fields(node) | setting_fields(node, declared=True)
    for name, value in zip(field_names(node), at_birth, strict=True):
        if name not in keep:
            setattr(node, name, copy_of(value))


def fields_of(node: Node) -> list[tuple[str, Any]]:
    """(name, value) of each field, the values themselves."""
    return list(zip(field_names(node), read(node), strict=True))


def copy_field(node: Node, name: str, value: Any, old: Any = None) -> Any:
    """A copy of a field's value, `old` being an earlier copy; raises `RoleError` naming the field."""
    try:
        return copy_like(value, old)
    except NotPlain as error:
        raise RoleError(f"{node.name}.{name} cannot be copied and compared: {error}") from error


@cache
def reader(role: Any) -> Callable[[Node], State]:
    """What reads the values of all fields of a node of that class at once."""
    return reader_of(tuple(f.name for f in dataclasses.fields(role) if f.name != "name"))
