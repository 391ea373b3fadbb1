"""What happened: a list of steps, each with its cause, that opens in every world.

The JSON form is a list of objects, one for each step:

    step     its number, from 1
    time     virtual time
    event    {"kind": "deliver", "envelope": {...}} and so on, see `events.py`
    node     the node at which it happened, null for what happened in the network
    changed  {field: [before, after]} of that node
    sent     [{"id", "from", "to", "message"}, ...]
    cause    the number of the step that sent the message, set the timer or crashed the node;
             null where nothing did

Messages and field values are written as `plain.to_json` describes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple, SupportsIndex, overload

from paxos_lab.node import LabError
from paxos_lab.world.data import NotPlain, from_json, to_json
from paxos_lab.world.events import (
    Crash,
    Deliver,
    Drop,
    Duplicate,
    Envelope,
    Event,
    Heal,
    Invoke,
    Partition,
    Start,
    envelope_from_json,
    envelope_to_json,
    event_from_json,
    event_to_json,
    node_of,
)


class TraceError(LabError):
    """A trace that cannot be read, or that these nodes do not reproduce."""


class Step(NamedTuple):
    """One event and all that came of it. (A named tuple, since every delivery makes one.)"""

    step: int
    time: float
    event: Event
    node: str | None
    changed: dict[str, tuple[Any, Any]]
    sent: tuple[Envelope, ...]
    cause: int | None


class Trace(list[Step]):
    """The steps of a run, in order."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> Trace: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Step | Trace:
        found = super().__getitem__(index)
        return Trace(found) if isinstance(index, slice) else found  # type: ignore[arg-type, return-value]

    @property
    def names(self) -> list[str]:
        """The nodes that occur, in the order of first appearance."""
        names: dict[str, None] = {s.node: None for s in self if isinstance(s.event, Start) and s.node}
        for step in self:
            if step.node is not None:
                names.setdefault(step.node)
            for envelope in step.sent:
                names.setdefault(envelope.to)
        for step in self:  # in a part of a trace the sender may have done nothing
            if carried := _carried(step.event):
                names |= dict.fromkeys(name for name in carried[1:3] if name not in names)
        return list(names)

    @property
    def messages(self) -> list[Envelope]:
        """Every envelope that was ever sent, copies made by the network included."""
        return [envelope for step in self for envelope in step.sent]

    @property
    def sent(self) -> list[tuple[str, Any]]:
        """The same as (sender, message): what a property, `chosen` or a picture asks of a run."""
        return [(envelope.sender, envelope.message) for envelope in self.messages]

    def to_json(self) -> str:
        """The trace as text, in the form that the head of this module describes.

        Raises `TraceError` naming the step that holds something other than plain data.
        """
        items = []
        for step in self:
            try:
                items.append(_step_to_json(step))
            except NotPlain as error:
                raise TraceError(f"step {step.step} cannot be written: {error}") from error
        return json.dumps(items, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str, types: Iterable[type] = ()) -> Trace:
        """The trace that `to_json` wrote; `types`: message classes that are not at a module's top."""
        known = tuple(types)
        try:
            data = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise TraceError(f"this is not JSON: {error}") from error
        if not isinstance(data, list):
            raise TraceError(f"a trace is a JSON list of steps, this is a {type(data).__name__}")
        trace = cls()
        for number, item in enumerate(data, start=1):
            try:
                trace.append(_step_from_json(item, known))
            except LabError as error:
                raise TraceError(f"step {number} cannot be read: {error}") from error
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise TraceError(f"step {number} cannot be read: {error!r}") from error
            if trace[-1].step != number:
                raise TraceError(f"step {number} is numbered {trace[-1].step}")
        return trace

    def to_script(self) -> str:
        """Python that repeats the run on fresh nodes: what was clicked becomes a test.

        Events, changes and messages are the same again; virtual times are those of the new bus.
        """
        lines = [
            "from paxos_lab import *",
            *sorted({_import_line(kind) for kind in _classes_named(self)}),
            "",
            "",
            "def rerun(nodes):",
            "    bus = MessageBus(nodes, idle=[node.name for node in nodes])",
        ]
        lines += [f"    {_script_line(step)}" for step in self]
        lines += ["    return bus", ""]
        return "\n".join(lines)

    def to_mermaid(self) -> str:
        """A Mermaid sequence diagram: an arrow for each delivery, a cross for each loss, else notes."""
        lines = ["sequenceDiagram"]
        alias = {name: f"n{i}" for i, name in enumerate(self.names)}
        lines += [f"    participant {a} as {_mermaid_text(name)}" for name, a in alias.items()]
        for step in self:
            match step.event:
                case Deliver(e) | Crash(during=Deliver(e)):
                    lines.append(f"    {alias[e.sender]}->>{alias[e.to]}: {_mermaid_text(e.message)}")
                case Drop(e):
                    lines.append(f"    {alias[e.sender]}-x{alias[e.to]}: {_mermaid_text(e.message)}")
                case Duplicate(e):
                    lines.append(f"    Note over {alias[e.sender]}: copy of {_mermaid_text(e.message)}")
                case Partition(groups, one_way):
                    sides = (" to " if one_way else " | ").join(map(", ".join, groups))
                    lines.append(f"    Note over {next(iter(alias.values()))}: cut {_mermaid_text(sides)}")
                case Heal():
                    lines.append(f"    Note over {next(iter(alias.values()))}: the cut is healed")
            if step.node is not None and not isinstance(step.event, Deliver):
                text = _mermaid_text(type(step.event).__name__.lower())
                lines.append(f"    Note over {alias[step.node]}: {text}")
        return "\n".join(lines) + "\n"

    def to_shiviz(self) -> str:
        """The log format of ShiViz: two lines an event, the second with its vector clock.

        Read it there with the expression `(?<event>.*)\\n(?<host>\\S*) (?<clock>{.*})`. A space in a
        name becomes an underscore, and names that would be equal then get a number.
        """
        hosts: dict[str, str] = {}
        for name in self.names:
            host = "_".join(name.split()) or "_"
            while host in hosts.values():
                host += "_2"
            hosts[name] = host
        clocks: dict[str, dict[str, int]] = {}
        at_step: dict[int, dict[str, int]] = {}
        lines = []
        for step in self:
            cause = at_step.get(step.cause, {}) if step.cause is not None else {}
            if step.node is None:
                at_step[step.step] = cause  # the network hands a cause on, it is no host
                continue
            host = hosts[step.node]
            own = clocks.get(host, {})
            clock = {k: max(own.get(k, 0), cause.get(k, 0)) for k in {**own, **cause}}
            clock[host] = clock.get(host, 0) + 1
            clocks[host] = at_step[step.step] = clock
            text = str(_carried(step.event) or type(step.event).__name__)
            if isinstance(step.event, Crash):
                text = f"Crash {text}" if step.event.during else "Crash"
            lines += [_on_one_line(text), f"{host} {json.dumps(clock)}"]
        return "\n".join(lines) + "\n"


def _carried(event: Event) -> Envelope | None:
    """The envelope that the event is about, if it is about one."""
    during = getattr(event, "during", None)
    return getattr(during or event, "envelope", None)


def _classes_named(trace: Trace) -> set[type]:
    """The classes, other than events, whose names the `repr` of an event in the script needs."""
    found: set[type] = set()

    def collect(value: Any) -> None:
        kind = type(value)
        if kind.__module__ != "builtins":
            found.add(kind)
        if isinstance(value, tuple | frozenset):
            for item in value:
                collect(item)
        elif is_dataclass(value):
            for field in fields(value):
                collect(getattr(value, field.name))

    for step in trace:
        invoke = getattr(step.event, "during", None) or step.event
        if isinstance(invoke, Invoke):
            collect(invoke.message)
    return found


def _step_to_json(step: Step) -> dict[str, Any]:
    return {
        "step": step.step,
        "time": step.time,
        "event": event_to_json(step.event),
        "node": step.node,
        "changed": {f: [to_json(a), to_json(b)] for f, (a, b) in step.changed.items()},
        "sent": [envelope_to_json(envelope) for envelope in step.sent],
        "cause": step.cause,
    }


def _step_from_json(item: dict[str, Any], types: tuple[type, ...]) -> Step:
    changed = {f: (from_json(a, types), from_json(b, types)) for f, (a, b) in item["changed"].items()}
    step = Step(
        step=item["step"],
        time=item["time"],
        event=event_from_json(item["event"], types),
        node=item["node"],
        changed=changed,
        sent=tuple(envelope_from_json(e, types) for e in item["sent"]),
        cause=item["cause"],
    )
    if type(step.time) not in (int, float) or not 0 <= step.time < math.inf:
        raise LabError(f"the time is a number from 0 on, not {step.time!r}")
    if not isinstance(step.node, str | None) or step.node != node_of(step.event):
        raise LabError(f"the event is at {node_of(step.event)!r}, the step says {step.node!r}")
    if step.cause is not None and not (type(step.cause) is int and 0 < step.cause < step.step):
        raise LabError(f"the cause is the number of an earlier step or null, not {step.cause!r}")
    return step


def _import_line(kind: type) -> str:
    name = kind.__qualname__.split(".")[0]
    if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        return f"# {kind.__name__} is a class of the notebook that made this: define it here"
    return f"from {kind.__module__} import {name}"


def _script_line(step: Step) -> str:
    match step.event:
        case Deliver(e) | Drop(e) | Duplicate(e):
            verb = type(step.event).__name__.lower()
            return f"bus.{verb}({e.id})  # {_one_line(e)}"
        case Crash(node, during=Deliver(e)):
            return f"bus.crash({node!r}, during=Deliver(bus.envelope({e.id})))  # {_one_line(e)}"
        case event:
            return f"bus.apply({event!r})"


def _one_line(envelope: Envelope) -> str:
    text = _on_one_line(str(envelope))
    return text if len(text) <= 80 else text[:79] + "…"


def _on_one_line(text: str) -> str:
    # Python refuses a source with a null character, a log has no use for any other.
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def _mermaid_text(value: Any) -> str:
    # Mermaid reads #, ;, quotes, markup and the word "end"; numeric entities are its own way out.
    text = _on_one_line(str(value)) or "(empty)"
    safe = "".join(c if c.isalnum() or c in " .,()=_-'" else f"#{ord(c)};" for c in text)
    return re.sub(r"\b([eE])(?=nd\b)", lambda found: f"#{ord(found[1])};", safe)
