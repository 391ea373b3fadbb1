"""The space-time diagram: a line for each node, time downwards, an arrow for each message."""

from __future__ import annotations

from typing import Any

from paxos_lab.multipaxos import messages as log
from paxos_lab.paxos import messages as single
from paxos_lab.show.draw.picture import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, Picture
from paxos_lab.words.narration import narrate
from paxos_lab.words.text import short
from paxos_lab.world.events import (
    Crash,
    Deliver,
    Drop,
    Envelope,
    Heal,
    Invoke,
    Partition,
    Restart,
    Start,
    Timeout,
)
from paxos_lab.world.trace import Step, Trace

COLUMN, ROW = 138, 34  # points between two nodes, and between two steps

# By class and not by its name: a learner's own `Accept` is not ours.
_LINES: tuple[tuple[tuple[type, ...], dict[str, str]], ...] = (
    ((single.Prepare, log.Prepare), {"color": BLUE, "style": "solid"}),
    ((single.Promise, log.Promise), {"color": SKY, "style": "dashed"}),
    ((single.Accept, log.Accept), {"color": ORANGE, "style": "bold"}),
    ((single.Accepted, log.Accepted), {"color": GREEN, "style": "bold,dashed"}),
    ((single.Nack, log.Nack), {"color": PURPLE, "style": "dotted"}),
)


def line_of(message: Any) -> dict[str, str]:
    """Colour and line style of a kind of message, of single-decree Paxos or of the log."""
    for kinds, look in _LINES:
        if isinstance(message, kinds):
            return look
    return {"color": INK, "style": "solid"}


def space_time(trace: Trace, names: list[str] | None = None) -> Picture:
    """Who did what when: one row for each step, an arrow from each sending to its arrival.

    `names`: the order of the lines; left out, the order of appearance. Rows are steps, not seconds.
    """
    names = names or trace.names
    x = {name: (i + 1.1) * COLUMN for i, name in enumerate(names)}
    picture = Picture(_caption(trace, names), "\n".join(f"Step {s.step}: {narrate(s)}" for s in trace))
    _lifelines(picture, trace, x)
    rows = {step.step: i + 1 for i, step in enumerate(trace)}
    arrived: set[int] = set()
    sent_at: dict[int, int] = {}
    for step in trace:
        y = rows[step.step] * ROW
        picture.put(f"number{step.step}", 14, y, step.step, shape="plaintext", fontcolor=GREY)
        for envelope in step.sent:
            sent_at[envelope.id] = step.step
        _event(picture, step, x, y, sent_at, arrived)
    bottom = (len(trace) + 1) * ROW
    for step in trace:
        for envelope in step.sent:
            if envelope.id not in arrived:
                _still_flying(picture, envelope, step, x, bottom)
    return picture


def _caption(trace: Trace, names: list[str]) -> str:
    if not trace:
        return "Nothing has happened yet."
    lost = sum(isinstance(s.event, Drop) for s in trace)
    arrived = sum(isinstance(s.event, Deliver) for s in trace)
    crashes = sum(isinstance(s.event, Crash) for s in trace)
    parts = [f"{arrived} message{'s' * (arrived != 1)} arrived"]
    parts += [f"{lost} lost"] if lost else []
    parts += [f"{crashes} crash{'es' * (crashes != 1)}"] if crashes else []
    who = ", ".join(short(n, 12) for n in names)
    return f"Time runs down, one row a step ({len(trace)}): {'; '.join(parts)}. Lines from left: {who}."


def _lifelines(picture: Picture, trace: Trace, x: dict[str, float]) -> None:
    bottom = (len(trace) + 1) * ROW
    for i, (name, at) in enumerate(x.items()):
        for where, y in (("name", 0), ("foot", bottom + 12)) if len(trace) > 10 else (("name", 0),):
            picture.put(
                f"{where}{i}", at, y, short(name, 16), shape="box", style="filled,rounded",
                fillcolor="#E8EEF2", height="0.25", width="0.6",
            )  # fmt: skip
        down_since: int | None = None
        y, number, last = 0, 0, f"name{i}"
        for row, step in enumerate(trace, start=1):
            if step.node != name or not isinstance(step.event, Crash | Restart):
                continue
            y, number = row * ROW, number + 1
            here = f"life{i}_{number}"
            picture.dot(here, at, y)
            _life(picture, last, here, down_since is not None)
            last, down_since = here, (row if isinstance(step.event, Crash) else None)
        picture.dot(f"life{i}_end", at, bottom)
        _life(picture, last, f"life{i}_end", down_since is not None)


def _life(picture: Picture, a: str, b: str, down: bool) -> None:
    style = {"style": "dotted", "color": "#B0B0B0"} if down else {"style": "solid", "color": "#C9D3DA"}
    picture.edge(a, b, arrowhead="none", penwidth="1" if down else "3", **style)


def _event(
    picture: Picture, step: Step, x: dict[str, float], y: float, sent_at: dict[int, int], arrived: set[int]
) -> None:
    here = f"step{step.step}"
    match step.event:
        case Deliver(e) | Crash(during=Deliver(e)):
            arrived.add(e.id)
            side = "left" if x[e.sender] > x[e.to] else "right"  # away from the arrow
            _mark(picture, step, x, y, short(e.message, 26), side)
            if e.id in sent_at:
                _arrow(picture, f"step{sent_at[e.id]}", here, e.message)
        case Drop(e):
            arrived.add(e.id)
            middle = x[e.sender] + 0.6 * (x[e.to] - x[e.sender])
            picture.put(here, middle, y, "x", shape="plaintext", fontsize="14", width="0.1", height="0.1")
            label = f"lost: {short(e.message, 24)}"
            _note(picture, f"{here}t", middle, y, label)
            if e.id in sent_at:
                _arrow(picture, f"step{sent_at[e.id]}", here, e.message)
        case Partition() | Heal():
            left, right = min(x.values()) - 50, max(x.values()) + 100
            picture.dot(f"{here}l", left, y)
            picture.dot(f"{here}r", right, y)
            picture.edge(f"{here}l", f"{here}r", arrowhead="none", style="dashed", color=GREY)
            _note(picture, f"{here}t", left - 6, y, _network(step))
            picture.dot(here, left, y)
        case _ if step.node is None:
            # A copy made by the network leaves where its original is on its way.
            e = step.event.envelope  # type: ignore[union-attr]
            at = x[e.sender]
            picture.put(here, at, y, "", shape="circle", width="0.08", style="filled", fillcolor=GREY)
            _note(picture, f"{here}t", at, y, f"copied: {short(e.message, 22)}")
        case event:
            assert step.node is not None
            to_the_right = any(x[e.to] > x[step.node] for e in step.sent)
            _mark(picture, step, x, y, _verb(event), "left" if to_the_right else "right")


def _mark(
    picture: Picture, step: Step, x: dict[str, float], y: float, label: str, side: str = "right"
) -> None:
    assert step.node is not None
    at, id = x[step.node], f"step{step.step}"
    crash = isinstance(step.event, Crash)
    shape = {"shape": "square", "fillcolor": INK} if crash else {"shape": "circle", "fillcolor": "#FFFFFF"}
    picture.put(id, at, y, "", style="filled", width="0.11", height="0.11", fixedsize="true", **shape)
    effect = _effect(step)
    extra = "crashes before sending" if crash and "crash" not in label else effect
    _note(picture, f"{id}t", at, y, f"{label}\n{extra}" if extra else label, side)


def _note(picture: Picture, id: str, x: float, y: float, label: str, side: str = "right") -> None:
    width = max(len(line) for line in label.split("\n")) * 4.6 + 4
    shift = (9 + width / 2) * (1 if side == "right" else -1)
    lines = label.count("\n") + 1
    picture.put(
        id, x + shift, y, label, shape="box", style="filled", color="#FFFFFF00",
        fillcolor="#FFFFFFD8", fontsize="9.5", width=f"{width / 72:.3f}", height=f"{0.15 * lines:.2f}",
        margin="0", fixedsize="true",
    )  # fmt: skip


def _arrow(picture: Picture, source: str, target: str, message: Any) -> None:
    picture.edge(source, target, **line_of(message))


def _still_flying(
    picture: Picture, envelope: Envelope, step: Step, x: dict[str, float], bottom: float
) -> None:
    id = f"flying{envelope.id}"
    shift = (envelope.id % 5 - 2) * 5  # several may wait for one node
    picture.dot(id, x[envelope.to] + shift, bottom)
    picture.edge(
        f"step{step.step}", id, **{**line_of(envelope.message), "style": "dotted", "arrowhead": "open"}
    )


def _effect(step: Step) -> str:
    """The change that matters most to the eye."""
    for field in ("learned", "accepted", "promised", "round", "decision", "decided", "voted"):
        if field in step.changed:
            return f"{field} {short(step.changed[field][1], 19)}"
    return ""


def _verb(event: Any) -> str:
    match event:
        case Start():
            return "starts"
        case Restart():
            return "restarts"
        case Timeout(_, timer):
            return f"timer {short(timer, 14)} rings"
        case Crash(during=None):
            return "crashes"
        case Crash():
            return "crashes before sending"
        case Invoke(_, message):
            return short(message, 24)
    return short(event)


def _network(step: Step) -> str:
    match step.event:
        case Partition(groups, one_way):
            sides = " | ".join(",".join(short(n, 6) for n in group) for group in groups)
            return f"cut{' one way' if one_way else ''}: {short(sides, 40)}"
    return "network whole again"
