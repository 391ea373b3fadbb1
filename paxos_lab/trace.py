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
from collections.abc import Iterable
from typing import Any, NamedTuple, SupportsIndex, overload

from paxos_lab.events import (
    Crash,
    Deliver,
    Drop,
    Duplicate,
    Envelope,
    Event,
    Start,
    envelope_from_json,
    envelope_to_json,
    event_from_json,
    event_to_json,
)
from paxos_lab.node import LabError
from paxos_lab.plain import from_json, to_json


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
        return list(names)

    @property
    def messages(self) -> list[Envelope]:
        """Every envelope that was ever sent, copies made by the network included."""
        return [envelope for step in self for envelope in step.sent]

    def to_json(self) -> str:
        """The trace as text, in the form that the head of this module describes."""
        return json.dumps([_step_to_json(step) for step in self], ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str, types: Iterable[type] = ()) -> Trace:
        """The trace that `to_json` wrote; `types`: message classes that are not at a module's top."""
        known = tuple(types)
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise TraceError(f"this is not JSON: {error}") from error
        if not isinstance(data, list):
            raise TraceError(f"a trace is a JSON list of steps, this is a {type(data).__name__}")
        trace = cls()
        for number, item in enumerate(data, start=1):
            try:
                trace.append(_step_from_json(item, known))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise TraceError(f"step {number} cannot be read: {error!r}") from error
            if trace[-1].step != number:
                raise TraceError(f"step {number} is numbered {trace[-1].step}")
        return trace

    def to_script(self) -> str:
        """Python that repeats the run on fresh nodes: what was clicked becomes a test."""
        lines = [
            "from paxos_lab import *",
            "",
            "",
            "def rerun(nodes):",
            "    bus = MessageBus(nodes, idle=[node.name for node in nodes])",
        ]
        lines += [f"    {_script_line(step)}" for step in self]
        lines += ["    return bus", ""]
        return "\n".join(lines)

    def to_mermaid(self) -> str:
        """A Mermaid sequence diagram: one arrow for each delivery, a cross for each loss."""
        lines = ["sequenceDiagram"]
        alias = {name: f"n{i}" for i, name in enumerate(self.names)}
        lines += [f"    participant {a} as {_mermaid_text(name)}" for name, a in alias.items()]
        for step in self:
            match step.event:
                case Deliver(e) | Crash(during=Deliver(e)):
                    lines.append(f"    {alias[e.sender]}->>{alias[e.to]}: {_mermaid_text(e.message)}")
                case Drop(e):
                    lines.append(f"    {alias[e.sender]}-x{alias[e.to]}: {_mermaid_text(e.message)}")
            if step.node in alias and not isinstance(step.event, Deliver):
                text = _mermaid_text(type(step.event).__name__.lower())
                lines.append(f"    Note over {alias[step.node]}: {text}")
        return "\n".join(lines) + "\n"

    def to_shiviz(self) -> str:
        """The log format of ShiViz: two lines an event, the second with its vector clock.

        Read it there with the expression `(?<event>.*)\\n(?<host>\\S*) (?<clock>{.*})`.
        """
        clocks: dict[str, dict[str, int]] = {}
        at_step: dict[int, dict[str, int]] = {}
        lines = []
        for step in self:
            cause = at_step.get(step.cause, {}) if step.cause is not None else {}
            if step.node is None:
                at_step[step.step] = cause  # the network hands a cause on, it is no host
                continue
            host = step.node.replace(" ", "_")
            own = clocks.get(host, {})
            clock = {k: max(own.get(k, 0), cause.get(k, 0)) for k in {**own, **cause}}
            clock[host] = clock.get(host, 0) + 1
            clocks[host] = at_step[step.step] = clock
            event = step.event
            text = str(event.envelope) if isinstance(event, Deliver) else type(event).__name__
            lines += [" ".join(text.split()), f"{host} {json.dumps(clock)}"]
        return "\n".join(lines) + "\n"


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
    return Step(
        step=item["step"],
        time=item["time"],
        event=event_from_json(item["event"], types),
        node=item["node"],
        changed=changed,
        sent=tuple(envelope_from_json(e, types) for e in item["sent"]),
        cause=item["cause"],
    )


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
    text = " ".join(str(envelope).split())
    return text if len(text) <= 80 else text[:79] + "…"


def _mermaid_text(value: Any) -> str:
    # Mermaid reads #, ;, quotes and markup; numeric entities are its own way out.
    text = " ".join(str(value).split())
    return "".join(c if c.isalnum() or c in " .,()=_-'" else f"#{ord(c)};" for c in text)
