"""The contract of a role, checked: what a world does around every hook.

A role must be a deterministic function of its state and the message; it may change nothing but
its own fields. Otherwise no replay and no search could be believed. So each hook runs twice, on a
twin and on the node itself, and whatever differs is reported with the field and the step.
"""

from __future__ import annotations

import copy
import dataclasses
import operator
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from paxos_lab.node import Effect, Node, RoleError, Send, SetTimer, field_names, react, stable_fields
from paxos_lab.plain import ATOMS, NotPlain, copy_of, why_mutable

CONTAINERS = frozenset({dict, list, set})

State = tuple[Any, ...]
"""The values of a node's fields, in the order of `field_names`, sharing nothing with the node."""


class UnknownNode(RoleError):
    """A name that no node has; the text lists the names there are."""


def unknown(name: str, names: Iterable[str]) -> UnknownNode:
    """The error for a name that is not among `names`."""
    return UnknownNode(f"no node is called {name!r}; there are {', '.join(names)}")


def state_of(node: Node) -> State:
    """A copy of the node's state; raises `RoleError` naming the field that cannot be copied."""
    return tuple([_copy_field(node, name, value) for name, value in _fields(node)])


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


def changes(node: Node, known: list[Any]) -> dict[str, tuple[Any, Any]]:
    """`{field: (before, after)}` since the state `known`, which is brought up to date."""
    changed: dict[str, tuple[Any, Any]] = {}
    index = 0
    for value in read(node):
        old = known[index]
        # An immutable value that is the same object cannot have changed; a container is never the
        # same object as its copy, so it is compared.
        if value is not old and (value != old or type(value) is not type(old)):
            name = field_names(node)[index]
            known[index] = new = value if type(value) in ATOMS else _copy_field(node, name, value)
            changed[name] = (old, new)
        index += 1
    return changed


def read(node: Node) -> State:
    """The values of the node's fields themselves, not copies."""
    role: Any = type(node)
    return _reader(role)(node)


def forget_volatile(node: Node, at_birth: State) -> None:
    """What a crash does to memory: volatile fields are again as they were at birth."""
    keep = stable_fields(node)
    for name, value in zip(field_names(node), at_birth, strict=True):
        if name not in keep:
            setattr(node, name, copy_of(value))


def check_class(node: Any) -> None:
    """Raise `RoleError` if this is no role: not a Node, or a class that lacks @dataclass."""
    if not isinstance(node, Node):
        raise RoleError(f"{node!r} is no node: make its class a dataclass derived from Node")
    for kind in type(node).__mro__:
        if kind is Node:
            break
        if kind.__dict__.get("__annotations__") and "__dataclass_fields__" not in kind.__dict__:
            raise RoleError(f"the class {kind.__name__} declares fields: write @dataclass above it")
    if not isinstance(node.name, str) or not node.name:
        raise RoleError(f"the name of a node is a text that is not empty, not {node.name!r}")


def check_apart(nodes: Iterable[Node]) -> None:
    """Raise `RoleError` if two nodes hold the same changeable object."""
    owner: dict[int, str] = {}
    for node in nodes:
        for field, value in _fields(node):
            if type(value) in ATOMS or why_mutable(value) is None:
                continue
            first = owner.setdefault(id(value), f"{node.name}.{field}")
            if first != f"{node.name}.{field}":
                raise RoleError(
                    f"{first} and {node.name}.{field} are one and the same {type(value).__name__}: "
                    "processes share no memory; give each its own, as volatile({...}) does"
                )


def run_hook(node: Node, hook: str, arguments: tuple[Any, ...], nodes: Mapping[str, Node]) -> list[Effect]:
    """Run a hook under the contract; if it is broken, restore all nodes and raise `RoleError`.

    `nodes`: everybody by name; the hook must leave the others alone and can send to them.
    """
    before = state_of(node)
    around = [(other, state_of(other)) for other in nodes.values() if other is not node]
    call = f"{node.name}.{hook}({', '.join(map(_short, arguments))})"
    shadow = twin(node)
    try:
        # The rehearsal has the message as a copy, so that forging it there harms nobody.
        rehearsal = _attempt(shadow, hook, tuple(map(copy.copy, arguments)), call)
        effects = _attempt(node, hook, arguments, call)
        for effect in effects:
            _check_effect(effect, call, nodes)
        _check_attributes(node, call)
        try:
            after, again = state_of(node), state_of(shadow)
        except RoleError as error:
            raise RoleError(f"{call}: {error}") from error
        for name, mine, its in zip(field_names(node), after, again, strict=True):
            if mine != its:
                raise RoleError(
                    f"{call} is not deterministic: run twice on the same state and message it left "
                    f"{name} = {_short(its)} and {name} = {_short(mine)}. A role may not read chance, "
                    "the clock, or anything but its own fields"
                )
        if effects != rehearsal:
            raise RoleError(
                f"{call} is not deterministic: run twice on the same state and message it asked for "
                f"{_short(rehearsal)} and for {_short(effects)}"
            )
        for other, was in around:
            changed = changes(other, list(was))
            if changed:
                raise RoleError(
                    f"{call} changed {other.name}.{next(iter(changed))}: a node may only change its "
                    "own fields; to reach another one, send it a message"
                )
    except RoleError:
        for extra in _undeclared(node):
            delattr(node, extra)
        put_state(node, before)
        for other, was in around:
            put_state(other, was)
        raise
    return effects


def _attempt(node: Node, hook: str, arguments: tuple[Any, ...], call: str) -> list[Effect]:
    marks = [_mark(a) for a in arguments]
    try:
        effects = react(node, hook, *arguments)
    except Exception as error:  # whatever a learner's code raises is theirs to read
        raise RoleError(f"{call} raised {type(error).__name__}: {error}") from error
    if marks != [_mark(a) for a in arguments]:
        raise RoleError(f"{call} changed the message it was given: messages are never changed")
    return effects


def _mark(argument: Any) -> Any:
    try:
        return hash(argument)
    except TypeError:
        return None


def _check_effect(effect: Effect, call: str, nodes: Mapping[str, Node]) -> None:
    match effect:
        case Send(to, message):
            if to not in nodes:
                raise UnknownNode(f"{call} sent {_short(message)} to {to!r}: {unknown(to, nodes)}")
            reason = why_mutable(message, f"the message to {to}")
            if reason is None:
                return
            raise RoleError(f"{call}: {reason}. A message may not change after it was sent")
        case SetTimer(timer, delay):
            number = isinstance(delay, int | float) and delay >= 0
            if not number or not isinstance(timer, str):
                raise RoleError(
                    f"{call}: set_timer({timer!r}, {delay!r}) needs a name and a delay of 0 or more"
                )


def _check_attributes(node: Node, call: str) -> None:
    extra = _undeclared(node)
    if extra:
        raise RoleError(
            f"{call} set self.{min(extra)}, which is not a field: declare it in the class, so that "
            "it can be shown, saved and lost in a crash"
        )


def _undeclared(node: Node) -> set[str]:
    return node.__dict__.keys() - {"name"} - set(field_names(node))


def _copy_field(node: Node, name: str, value: Any) -> Any:
    try:
        return copy_of(value)
    except NotPlain as error:
        raise RoleError(f"{node.name}.{name} cannot be copied and compared: {error}") from error


def _fields(node: Node) -> list[tuple[str, Any]]:
    return list(zip(field_names(node), read(node), strict=True))


@cache
def _reader(role: Any) -> Callable[[Node], State]:
    names = tuple(f.name for f in dataclasses.fields(role) if f.name != "name")
    if len(names) >= 2:
        return operator.attrgetter(*names)
    if names:
        return lambda node: (getattr(node, names[0]),)
    return lambda node: ()


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:119] + "…"
