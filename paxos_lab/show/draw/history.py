"""The picture of a history: a row for each client, a bar from each call to its reply."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from itertools import pairwise
from typing import Any

from paxos_lab.node import LabError
from paxos_lab.show.draw.picture import GREY, INK, ORANGE, Picture
from paxos_lab.words.text import short, stamp

LANE, BAR = 66, 32  # points between two rows, and the height of a bar
LEFT, GAP = 84, 16  # points for the names, and at least between two stamps


def history_picture(
    operations: Sequence[Any],
    places: Sequence[int | None] | None = None,
    offending: Sequence[bool] | None = None,
    sentence: str = "",
) -> Picture:
    """Who called what when, and what came back; time runs to the right, not to scale.

    `operations`: things with `client`, `call`, `result`, `begin` and `end`, None for a reply that never
    came. For each of them, `places` has its number in an order that explains the history, None if it
    had no effect, and `offending` says whether to mark it. `sentence` opens the caption.
    """
    operations = list(operations)
    numbers: list[int | None] = [None] * len(operations) if places is None else list(places)
    marks = [False] * len(operations) if offending is None else list(offending)
    if not len(operations) == len(numbers) == len(marks):
        raise LabError("places and offending have one entry for each operation")
    words = [_words(op, numbers[i], places is not None, marks[i]) for i, op in enumerate(operations)]
    picture = Picture(_caption(operations, places is not None, sum(marks), sentence), "\n".join(words))
    x, bars, right = _columns(operations)
    lanes, rows = _lanes(operations, bars)
    _frame(picture, x, rows, right)
    for i, op in enumerate(operations):
        _bar(picture, i, op, bars[i], lanes[i] * LANE, right, marks[i])
    for i, at in _moments(operations, numbers, x, bars).items():
        _tick(picture, i, at, lanes[i] * LANE, numbers[i])
    return picture


def _caption(operations: list[Any], ordered: bool, marked: int, sentence: str) -> str:
    parts = [sentence] if sentence else []
    if not operations:
        return " ".join([*parts, "Nobody has called anything."])
    parts.append(
        "Time runs to the right, not to scale, one row per client; a bar goes from the call to the reply."
    )
    if any(op.end is None for op in operations):
        parts.append("Dashed: the reply never came.")
    if ordered:
        parts.append("A tick with a number is a moment at which the operation may have had its effect.")
    if marked == 1:
        parts.append('The bar with a thick outline and the words "does not fit" cannot be.')
    elif marked:
        parts.append('The bars with a thick outline and the words "does not fit" contradict each other.')
    return " ".join(parts)


def _words(op: Any, place: int | None, ordered: bool, marked: bool) -> str:
    call = f"{short(op.client)} called {short(op.call)} at {stamp(op.begin)}"
    reply = "the reply never came" if op.end is None else f"{_told(op, 'got')} at {stamp(op.end)}"
    effect = ""
    if ordered:
        effect = "; it had no effect" if place is None else f"; number {place} in the order"
    return f"{call}, {reply}{effect}{'; it does not fit' * marked}."


def _told(op: Any, verb: str) -> str:
    # A reply without a result is known by its name: histories are made above this floor.
    if isinstance(op.result, Enum) and op.result.name == "ACKNOWLEDGED":
        return "acknowledged" if verb == "gave" else "got it acknowledged"
    return f"{verb} {short(repr(op.result), 24)}"


def _label(op: Any) -> str:
    return f"{short(op.call, 24)}\n{'no reply' if op.end is None else _told(op, 'gave')}"


def _columns(operations: list[Any]) -> tuple[dict[Any, float], list[tuple[float, float]], float]:
    """Where each stamp is, from where to where each bar goes, and the right edge: labels fit their bars."""
    stamps = sorted({at for op in operations for at in (op.begin, op.end) if at is not None})
    width = {
        i: max(62.0, max(map(len, _label(op).split("\n"))) * 4.9 + 12) for i, op in enumerate(operations)
    }
    x: dict[Any, float] = {}
    edge: float = LEFT
    for at in stamps:
        ending = [i for i, op in enumerate(operations) if op.end == at and op.begin != at]
        x[at] = max([edge, *(x[operations[i].begin] + width[i] + 4 for i in ending)])
        # What ends where it began still needs room for its words.
        moments = [width[i] + 8 for i, op in enumerate(operations) if op.begin == op.end == at]
        edge = x[at] + max([GAP, 5.4 * len(stamp(at)) + 4, *moments])
    opens = [i for i, op in enumerate(operations) if op.end is None]
    right = max([edge, *(x[operations[i].begin] + width[i] + 4 for i in opens)])
    bars = []
    for i, op in enumerate(operations):
        begin = x[op.begin]
        if op.end is None:
            bars.append((begin, right))
        else:
            bars.append((begin, begin + width[i] if op.end == op.begin else x[op.end]))
    return x, bars, right


def _lanes(operations: list[Any], bars: list[tuple[float, float]]) -> tuple[list[int], list[str]]:
    """The row of each operation, and whose row each is; a client that did two things at once has two."""
    clients = list(dict.fromkeys(sorted((op.client for op in operations), key=str)))
    rows: list[str] = []
    lanes = [0] * len(operations)
    for client in clients:
        ends: list[float] = []
        own = sorted((i for i, op in enumerate(operations) if op.client == client), key=lambda i: bars[i])
        for i in own:
            lane = next((n for n, end in enumerate(ends) if end <= bars[i][0]), len(ends))
            ends[lane : lane + 1] = [bars[i][1]]
            lanes[i] = len(rows) + lane + 1
        rows += [client] * len(ends)
    return lanes, rows


def _frame(picture: Picture, x: dict[Any, float], rows: list[str], right: float) -> None:
    bottom = len(rows) * LANE + LANE / 2
    if x:
        axis = {"shape": "plaintext", "fontsize": "9.5", "fontcolor": GREY, "height": "0.1", "margin": "0"}
        picture.put("axis", 34, 12, "time,\nnot to scale", **axis)
    for n, (at, where) in enumerate(x.items()):
        picture.put(f"stamp{n}", where, 12, stamp(at), shape="plaintext", fontsize="9.5", fontcolor=GREY)
        picture.dot(f"top{n}", where, 20)
        picture.dot(f"foot{n}", where, bottom)
        picture.edge(f"top{n}", f"foot{n}", arrowhead="none", style="dotted", color="#C9D3DA")
    for n, client in enumerate(rows):
        y = (n + 1) * LANE
        if n == 0 or rows[n - 1] != client:
            picture.put(
                f"client{n}", 34, y, short(client, 12), shape="box", style="filled,rounded",
                fillcolor="#E8EEF2", height="0.25", width="0.6",
            )  # fmt: skip


def _bar(
    picture: Picture, i: int, op: Any, bar: tuple[float, float], y: float, right: float, marked: bool
) -> None:
    left, end = bar
    open = op.end is None
    picture.put(
        f"bar{i}", (left + end) / 2, y, _label(op), shape="box", fixedsize="true", margin="0", fontsize="9.5",
        width=f"{(end - left) / 72:.3f}", height=f"{BAR / 72:.3f}", style="filled,dashed" if open else "filled",
        fillcolor="#FFF4E8" if marked else "#F4F7F9", color=ORANGE if marked else GREY,
        penwidth="3" if marked else "1",
    )  # fmt: skip
    if open:
        picture.dot(f"bar{i}_end", end, y)
        picture.dot(f"bar{i}_on", right + 24, y)
        picture.edge(f"bar{i}_end", f"bar{i}_on", arrowhead="open", style="dotted", color=GREY)
    if marked:
        picture.put(
            f"bar{i}_mark", (left + end) / 2, y + BAR / 2 + 8, "does not fit", shape="plaintext",
            fontsize="9.5", fontcolor=ORANGE, height="0.1", margin="0",
        )  # fmt: skip


def _moments(
    operations: list[Any], numbers: list[int | None], x: dict[Any, float], bars: list[tuple[float, float]]
) -> dict[int, float]:
    """Where the tick of each placed operation goes: in order, and inside its bar."""
    placed = sorted((i for i, n in enumerate(numbers) if n is not None), key=lambda i: numbers[i] or 0)
    slots: dict[Any, list[int]] = {}
    latest = None
    for i in placed:
        begin = operations[i].begin
        latest = begin if latest is None or latest < begin else latest
        slots.setdefault(latest, []).append(i)
    stamps = list(x)
    following = dict(pairwise(stamps))
    ticks = {}
    for at, members in slots.items():
        from_, to = x[at], x[following[at]] if at in following else x[at] + 40
        latest_tick = to
        for n in range(len(members), 0, -1):
            # One that ends where another begins leaves no room after it for those before it.
            i = members[n - 1]
            latest_tick = min(from_ + n * (to - from_) / (len(members) + 1), bars[i][1], latest_tick)
            ticks[i] = latest_tick
    return ticks


def _tick(picture: Picture, i: int, x: float, y: float, number: int | None) -> None:
    top = y - BAR / 2
    picture.put(
        f"tick{i}", x, top - 3, "", shape="box", style="filled", fillcolor=INK, width="0.03", height="0.15",
        fixedsize="true", margin="0",
    )  # fmt: skip
    picture.put(
        f"number{i}", x, top - 14, number, shape="plaintext", fontsize="9.5", height="0.1", margin="0"
    )
