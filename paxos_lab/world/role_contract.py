"""The contract of a role, checked: what a world does around every hook.

A role must be a deterministic function of its state and the message; it may change nothing but
its own fields. Otherwise no replay and no search could be believed. So each hook runs twice, on a
twin and on the node itself, and whatever differs is reported with the field and the step.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from paxos_lab.node import (
    CancelTimer,
    Effect,
    Node,
    RoleError,
    Send,
    SetTimer,
    field_names,
    react,
)
from paxos_lab.world.copying import State, changes, fields_of, put_state, state_of, twin
from paxos_lab.world.data import ATOMS, why_mutable

HOOKS = {"start": (), "receive": ("sender", "message"), "timeout": ("timer",), "recover": ()}


class UnknownNode(RoleError):
    """A name that no node has; the text lists the names there are."""


def unknown(name: str, names: Iterable[str]) -> UnknownNode:
    """The error for a name that is not among `names`."""
    return UnknownNode(f"no node is called {name!r}; there are {', '.join(names)}")


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
    role: Any = type(node)
    _check_hooks(role)
    _check_attributes(node, f"{node.name} as it was built")


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
            for part in changeable_parts(value):
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


class _Call(NamedTuple):
    """What runs, for a message to the reader: "a1.receive('p1', Prepare(...))"."""

    name: str
    hook: str
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.name}.{self.hook}({', '.join(map(_short, self.arguments))})"


def run_hook(node: Node, hook: str, arguments: tuple[Any, ...], nodes: Mapping[str, Node]) -> list[Effect]:
    """Run a hook under the contract; if it is broken, restore everything and raise `RoleError`.

    `nodes`: everybody by name; the hook must leave the others alone and can send to them.
    """
    call = _Call(node.name, hook, arguments)
    before = state_of(node)
    around = [(other, state_of(other)) for other in nodes.values() if other is not node]
    contents = [part for argument in arguments for part in _contents(argument)]
    role: Any = type(node)
    shared = [(kind, name, copy.copy(vars(kind)[name])) for kind, name in _class_containers(role)]
    shadow = twin(node)
    try:
        rehearsal = _attempt(shadow, call)
        effects = _attempt(node, call)
        for effect in effects:
            check_effect(effect, call, nodes)
        _check_untouched(contents, shared, around, call)
        _check_attributes(node, call)
        _check_same(node, effects, shadow, rehearsal, call)
    except BaseException:  # an interrupt by the reader, too, must not leave half a step
        for extra in _undeclared(node):
            delattr(node, extra)
        node.name = call.name
        put_state(node, before)
        for other, was in around:
            put_state(other, was)
        for holder, name, content in contents:
            object.__setattr__(holder, name, content)
        for kind, name, was in shared:
            setattr(kind, name, was)
        raise
    return effects


def _attempt(node: Node, call: _Call) -> list[Effect]:
    try:
        return react(node, call.hook, *call.arguments)
    except RoleError:
        raise
    except Exception as error:  # whatever a learner's code raises is theirs to read
        raise RoleError(f"{call} raised {type(error).__name__}: {error}") from error


def _contents(value: Any) -> Iterator[tuple[Any, str, Any]]:
    """(holder, field, content) of all dataclasses in a message, for `frozen` can be forced."""
    if isinstance(value, tuple | frozenset):
        for item in value:
            yield from _contents(item)
    elif dataclasses.is_dataclass(value):
        for name in value.__dataclass_fields__:
            content = getattr(value, name)
            yield value, name, content
            yield from _contents(content)


@cache
def _class_containers(role: Any) -> tuple[tuple[Any, str], ...]:
    """(class, attribute) of lists, sets and dicts that all nodes of the class share."""
    kinds = role.__mro__[: role.__mro__.index(Node)]
    return tuple(
        (kind, name)
        for kind in kinds
        for name, value in vars(kind).items()
        if isinstance(value, list | set | dict) and not name.startswith("__")
    )


def _check_untouched(
    contents: list[tuple[Any, str, Any]],
    shared: list[tuple[Any, str, Any]],
    around: list[tuple[Node, State]],
    call: _Call,
) -> None:
    for holder, name, content in contents:
        if getattr(holder, name, None) is not content:
            raise RoleError(f"{call} changed the message it was given: messages are never changed")
    for kind, name, was in shared:
        if vars(kind)[name] != was:
            raise RoleError(
                f"{call} changed {kind.__name__}.{name}, which all nodes of the class share: make it "
                f"a field of the node, as {name}: {type(was).__name__} = volatile({was!r}) does"
            )
    for other, was in around:
        changed = changes(other, list(was))
        if changed:
            raise RoleError(
                f"{call} changed {other.name}.{next(iter(changed))}: a node may only change its "
                "own fields; to reach another one, send it a message"
            )


def _check_same(
    node: Node, effects: list[Effect], shadow: Node, rehearsal: list[Effect], call: _Call
) -> None:
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


def check_effect(effect: Effect, call: object, nodes: Mapping[str, Node]) -> None:
    match effect:
        case Send(to, message):
            if not isinstance(to, str) or to not in nodes:
                raise UnknownNode(f"{call} sent {_short(message)} to {to!r}: {unknown(to, nodes)}")
            reason = why_mutable(message, f"the message to {to}")
            if reason is not None:
                raise RoleError(f"{call}: {reason}. A message may not change after it was sent")
        case SetTimer(timer, delay):
            number = isinstance(delay, int | float) and 0 <= delay < math.inf
            if not number or not isinstance(timer, str):
                raise RoleError(
                    f"{call}: set_timer({timer!r}, {delay!r}) needs a name and a delay of 0 or more"
                )
        case CancelTimer(timer) if not isinstance(timer, str):
            raise RoleError(f"{call}: cancel_timer({timer!r}) needs the name of a timer")


def _check_attributes(node: Node, call: object) -> None:
    extra = _undeclared(node)
    if extra:
        raise RoleError(
            f"{call} set self.{min(extra)}, which is not a field: declare it in the class, so that "
            "it can be shown, saved and lost in a crash"
        )
    if isinstance(call, _Call) and node.name != call.name:
        raise RoleError(f"{call} changed its name to {node.name!r}: a node keeps its name")


def _undeclared(node: Node) -> set[str]:
    return node.__dict__.keys() - {"name"} - set(field_names(node))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:119] + "…"
