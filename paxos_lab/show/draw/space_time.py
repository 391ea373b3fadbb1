"""The space-time diagram: a line for each node, time downwards, an arrow for each message."""

from __future__ import annotations

from textwrap import wrap
from typing import Any, NamedTuple

from paxos_lab.show.draw.lines import legend, line_of, on_its_way
from paxos_lab.show.draw.picture import GREY, INK, Picture
from paxos_lab.show.draw.routes import Box, Point, aside, route
from paxos_lab.words.narration import narrate
from paxos_lab.words.text import short
from paxos_lab.world.events import (
    Crash,
    Deliver,
    Drop,
    Duplicate,
    Envelope,
    Heal,
    Invoke,
    Partition,
    Restart,
    Start,
    Timeout,
)
from paxos_lab.world.trace import Step, Trace

ROW = 34  # points between two steps
COLUMN, NARROWEST = 138, 76  # points between two nodes, if there is room, and at least
FIRST, WIDEST = (
    150,
    840,
)  # where the first line is, and how wide the picture may be until columns are narrowest
LABEL = 26  # letters in a line beside a mark


class _Sheet(NamedTuple):
    """What is where: the line of each node, mark and text of each step, the end of all lines."""

    picture: Picture
    x: dict[str, float]
    marks: dict[int, Point]
    texts: dict[int, tuple[str, Box]]
    bottom: float

    def arrow(
        self, source: int, target: str, end: Point, envelope: Envelope, radius: float, **look: str
    ) -> None:
        """From the mark of a step to `end`, clear of the marks of all whom the message does not concern."""
        start, own = self.marks[source], {self.x[envelope.sender], self.x[envelope.to]}
        if start[0] == end[0]:
            way = aside(start, end, -16)
        else:
            others = [step for step, (x, _) in self.marks.items() if x not in own]
            # What has not arrived is drawn anew at each step, and is thin enough to be seen behind a text.
            texts = [self.texts[n][1] for n in others] if radius else []
            way = route(start, end, [self.marks[n] for n in others], texts)
        self.picture.way(f"step{source}", target, way, radius, **look)


def space_time(trace: Trace, names: list[str] | None = None) -> Picture:
    """Who did what when: one row for each step, an arrow from each sending to its arrival.

    `names`: the order of the lines; left out, the order of appearance. Rows are steps, not seconds.
    """
    names = names or trace.names
    picture = Picture(_caption(trace, names), "\n".join(f"Step {s.step}: {narrate(s)}" for s in trace))
    between = max(NARROWEST, min(COLUMN, (WIDEST - FIRST - 135) / max(1, len(names) - 1)))
    x = {name: FIRST + i * between for i, name in enumerate(names)}
    marks = {s.step: at for row, s in enumerate(trace, start=1) if (at := _place(s, x, between, row * ROW))}
    texts = {s.step: _text(s, x, marks[s.step]) for s in trace if s.step in marks}
    sheet = _Sheet(picture, x, marks, texts, (len(trace) + 1) * ROW)
    _lifelines(picture, trace, x)
    arrived: set[int] = set()
    sent_at: dict[int, int] = {}
    for row, step in enumerate(trace, start=1):
        picture.put(f"number{step.step}", 14, row * ROW, step.step, shape="plaintext", fontcolor=GREY)
        for envelope in step.sent:
            sent_at[envelope.id] = step.step
        _event(sheet, step, row * ROW, sent_at, arrived)
    flying = [(e, step) for step in trace for e in step.sent if e.id not in arrived]
    for envelope, step in flying:
        _still_flying(sheet, envelope, step)
    carried = [e.message for step in trace for e in step.sent]
    legend(picture, carried, bool(flying), FIRST - 40, sheet.bottom + (38 if len(trace) > 10 else 22))
    return picture


def _place(step: Step, x: dict[str, float], between: float, y: float) -> Point | None:
    """Where the mark of a step is; None for what happens to the whole network."""
    match step.event:
        case Drop(e):
            # In the last gap on its way: on the line of another node it would look like theirs.
            towards = (x[e.to] > x[e.sender]) - (x[e.to] < x[e.sender])
            return x[e.to] - 0.42 * between * towards, y
        case Duplicate(e):
            return x[e.sender], y
    return None if step.node is None else (x[step.node], y)


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
    return f"Time runs down, one row per step ({len(trace)}): {'; '.join(parts)}. Lines from left: {who}."


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


def _text(step: Step, x: dict[str, float], mark: Point) -> tuple[str, Box]:
    """What stands beside the mark of a step, and where: away from the arrow that comes or goes."""
    side, node = 1, step.node
    match step.event:
        case Deliver(e) | Crash(during=Deliver(e)):
            label, side = _folded(e.message), -1 if x[e.sender] > x[e.to] else 1
        case Drop(e):
            label = f"lost: {_folded(e.message)}\n{short(e.sender, 10)} to {short(e.to, 10)}"
            side = -1 if x[e.sender] > x[e.to] else 1
        case Duplicate(e):
            label = f"copied: {_folded(e.message)}\n{short(e.sender, 10)} to {short(e.to, 10)}"
        case event:
            label = _verb(event)
            side = -1 if node is not None and any(x[e.to] > x[node] for e in step.sent) else 1
    crash = isinstance(step.event, Crash)
    if node is not None:
        extra = "crashes before sending" if crash and "crash" not in label else _effect(step)
        label = f"{label}\n{extra}" if extra else label
    return label, _box(label, *mark, side)


def _box(label: str, x: float, y: float, side: int) -> Box:
    width = max(len(line) for line in label.split("\n")) * 4.6 + 4
    height = 0.15 * 72 * (label.count("\n") + 1)
    left = x + 9 if side > 0 else x - 9 - width
    return left, y - height / 2, left + width, y + height / 2


def _write(picture: Picture, id: str, label: str, box: Box) -> None:
    left, top, right, bottom = box
    picture.put(
        id, (left + right) / 2, (top + bottom) / 2, label, shape="box", style="filled", color="#FFFFFF00",
        fillcolor="#FFFFFFD8", fontsize="9.5", width=f"{(right - left) / 72:.3f}",
        height=f"{(bottom - top) / 72:.3f}", margin="0", fixedsize="true",
    )  # fmt: skip


def _event(sheet: _Sheet, step: Step, y: float, sent_at: dict[int, int], arrived: set[int]) -> None:
    picture, here, radius = sheet.picture, f"step{step.step}", 5
    look: dict[str, Any]
    match step.event:
        case Partition() | Heal():
            left, right = min(sheet.x.values()) - 50, max(sheet.x.values()) + 100
            picture.dot(f"{here}l", left, y)
            picture.dot(f"{here}r", right, y)
            picture.edge(f"{here}l", f"{here}r", arrowhead="none", style="dashed", color=GREY)
            label = _network(step)
            _write(picture, f"{here}t", label, _box(label, left - 6, y, 1))
            return
        case Drop(e):
            look, radius = {"shape": "plaintext", "fontsize": "14", "width": "0.1", "height": "0.1"}, 6
        case Duplicate():  # a copy made by the network leaves where its original is on its way
            look = {"shape": "circle", "width": "0.08", "style": "filled", "fillcolor": GREY}
        case event:
            crash = isinstance(event, Crash)
            look = (
                {"shape": "square", "fillcolor": INK}
                if crash
                else {"shape": "circle", "fillcolor": "#FFFFFF"}
            )
            look |= {"style": "filled", "width": "0.11", "height": "0.11", "fixedsize": "true"}
    at = sheet.marks[step.step]
    picture.put(here, *at, "x" if isinstance(step.event, Drop) else "", **look)
    _write(picture, f"{here}t", *sheet.texts[step.step])
    match step.event:
        case Deliver(e) | Crash(during=Deliver(e)) | Drop(e):
            arrived.add(e.id)
            if e.id in sent_at:
                sheet.arrow(sent_at[e.id], here, at, e, radius, **line_of(e.message))


def _folded(value: Any) -> str:
    """A message in one line, or in two of about the same length."""
    told = short(value, 2 * LABEL - 4)
    if len(told) <= LABEL:
        return told
    lines = wrap(told, max(LABEL * 2 // 3, len(told) // 2 + 4), break_on_hyphens=False)
    return "\n".join(lines[:2]) + "..." * (len(lines) > 2)


def _still_flying(sheet: _Sheet, envelope: Envelope, step: Step) -> None:
    shift = (envelope.id % 5 - 2) * 5  # several may wait for one node
    end = sheet.x[envelope.to] + shift, sheet.bottom
    id = f"flying{envelope.id}"
    sheet.picture.dot(id, *end)
    sheet.arrow(step.step, id, end, envelope, 0, **on_its_way(envelope.message))


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
