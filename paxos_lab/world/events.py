"""What can happen in a world. The network chooses deliveries, chance and people the rest.

An event is plain data: it names what happens, a bus makes it happen (`MessageBus.apply`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from paxos_lab.node import LabError
from paxos_lab.world.data import from_json, to_json


class Envelope(NamedTuple):
    """One message on its way; `id` tells apart two that are otherwise equal."""

    id: int
    sender: str
    to: str
    message: Any

    def __str__(self) -> str:
        return f"#{self.id} {self.sender} → {self.to}: {self.message}"


@dataclass(frozen=True, slots=True)
class Start:
    """`node` begins: its `start` hook runs."""

    node: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """The message arrives: `receive` runs at its addressee."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Drop:
    """The network loses the message."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The network makes a second copy of the message, with an id of its own."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Timeout:
    """The timer of `node` rings. Without shared clocks it may ring at any moment."""

    node: str
    timer: str


@dataclass(frozen=True, slots=True)
class Crash:
    """`node` stops; volatile fields and timers are gone, stable fields stay.

    With `during`, it stops while it handles that event: the disk is written, nothing is sent.
    """

    node: str
    during: Start | Deliver | Timeout | Restart | Invoke | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """`node` comes back with its stable fields; `recover` runs."""

    node: str


@dataclass(frozen=True, slots=True)
class Partition:
    """Messages pass only inside a group; `one_way`: earlier groups cannot reach later ones.

    Names in no group form one more group together.
    """

    groups: tuple[tuple[str, ...], ...]
    one_way: bool = False


@dataclass(frozen=True, slots=True)
class Heal:
    """The partition ends; messages that waited at the cut can be delivered again."""


@dataclass(frozen=True, slots=True)
class Invoke:
    """Somebody outside the system hands `message` to `node`; the sender is "outside"."""

    node: str
    message: Any


Event = (
    Start | Deliver | Drop | Duplicate | Timeout | Crash | Restart | Partition | Heal | Invoke
)  # fmt: skip


_KINDS: dict[str, type] = {kind.__name__.lower(): kind for kind in Event.__args__}


def node_of(event: Event) -> str | None:
    """The node at which the event happens; None for what happens in the network."""
    if isinstance(event, Deliver):
        return event.envelope.to
    return getattr(event, "node", None)


def event_to_json(event: Event) -> dict[str, Any]:
    """`{"kind": "deliver", "envelope": {...}}` and so on: the kind and the event's fields."""
    out: dict[str, Any] = {"kind": type(event).__name__.lower()}
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, Envelope):
            out[field.name] = envelope_to_json(value)
        elif field.name == "during":
            out[field.name] = None if value is None else event_to_json(value)
        elif field.name == "groups":
            out[field.name] = [list(group) for group in value]
        else:
            out[field.name] = to_json(value)
    return out


def event_from_json(data: dict[str, Any], types: tuple[type, ...] = ()) -> Event:
    """The event that `event_to_json` wrote; raises `LabError` for an unknown kind."""
    parts = dict(data)
    kind = _KINDS.get(parts.pop("kind", ""))
    if kind is None:
        raise LabError(f"unknown kind of event: {data.get('kind')!r}; known: {', '.join(_KINDS)}")
    for name, value in parts.items():
        if name == "envelope":
            parts[name] = envelope_from_json(value, types)
        elif name == "during":
            parts[name] = None if value is None else event_from_json(value, types)
        elif name == "groups":
            parts[name] = tuple(tuple(map(_name, group)) for group in value)
        elif name in ("node", "timer"):
            parts[name] = _name(value)
        else:
            parts[name] = from_json(value, types)
    event: Event = kind(**parts)
    return event


def envelope_to_json(envelope: Envelope) -> dict[str, Any]:
    """`{"id", "from", "to", "message"}`."""
    id, sender, to, message = envelope
    return {"id": id, "from": sender, "to": to, "message": to_json(message)}


def envelope_from_json(data: dict[str, Any], types: tuple[type, ...] = ()) -> Envelope:
    """The envelope that `envelope_to_json` wrote."""
    if type(data["id"]) is not int:
        raise LabError(f"the id of a message is a whole number, not {data['id']!r}")
    return Envelope(data["id"], _name(data["from"]), _name(data["to"]), from_json(data["message"], types))


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise LabError(f"a name is a text, not {value!r}")
    return value
