"""The cluster as it is now: who holds what, and which messages are on their way."""

from __future__ import annotations

from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.node import Node, field_names, setting_fields, stable_fields
from paxos_lab.show.draw.lines import legend, line_of, on_its_way
from paxos_lab.show.draw.picture import GREY, INK, Picture, text
from paxos_lab.words.text import plainly, short
from paxos_lab.world.copying import read

COLUMN, ROW, LINE = 260, 112, 11  # points between two columns, two rows, and two lines in a box
MOST_FIELDS = 12  # in a box; the words below the picture have all
MOST_LABELS = 4  # beside an arrow
EMPTY = {"-", "0", "False", "None"}


def holdings(node: Node) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(field, value) of what is on disk and of what is in memory; what never changes is left out."""
    disk, memory = [], []
    settings, stable = setting_fields(node), stable_fields(node)
    for name, value in zip(field_names(node), read(node), strict=True):
        if name in stable:
            disk.append((name, plainly(value)))
        # A container that the constructor was given may be changed in place, whatever it is called.
        elif name not in settings or isinstance(value, list | set | dict):
            memory.append((name, plainly(value)))
    return disk, memory


def cluster(bus: MessageBus) -> Picture:
    """Every node with its disk and memory, every message in flight.

    An arrow stands for all messages of one kind from one node to another.

    One column for each class of node, in the order in which they were given; many of one class that
    talk to each other stand in two columns, so that an arrow between two need not go round a third.
    A node with many fields shows those that hold something.
    """
    columns: dict[str, list[Node]] = {}
    for node in bus:
        columns.setdefault(type(node).__name__, []).append(node)
    picture = Picture(_caption(bus), "")
    # Round the boxes of all whom a message does not concern, and side by side where two go the same way.
    picture.attr(splines="true", esep="+4")
    words: list[str] = []
    ids: dict[str, str] = {}
    places, bottom = _places(columns)
    for i, (kind, nodes) in enumerate(columns.items()):
        for j, node in enumerate(nodes):
            ids[node.name] = f"node{i}_{j}"
            down = node.name in bus.down
            title = f"{short(node.name, 16)} ({short(kind, 16)}){' DOWN' if down else ''}"
            disk, memory = holdings(node)
            held = [("disk", *one) for one in disk] + [("memory", *one) for one in memory]
            words.append("; ".join([title, *_lines(held, len(held))]))
            picture.put(
                ids[node.name], *places[node.name], "\n".join([title, *_lines(held, MOST_FIELDS)]), shape="box",
                style="dashed,filled" if down else "rounded,filled", fontsize="9.5",
                fillcolor="#E4E4E4" if down else "#F3F7FA", color=GREY if down else INK,
            )  # fmt: skip
    flight: dict[tuple[Any, ...], list[str]] = {}
    for e in bus.in_flight:
        waits = bus.is_cut(e.sender, e.to)
        look = on_its_way(e.message) if waits else line_of(e.message)
        label = f"#{e.id} {short(e.message, 26)}{' (held at the cut)' if waits else ''}"
        flight.setdefault((ids[e.sender], ids[e.to], *look.items()), []).append(label)
        words.append(f"In flight: {short(e, 80)}")
    for (sender, to, *looks), labels in flight.items():
        if len(labels) > MOST_LABELS:
            labels[MOST_LABELS - 1 :] = [f"and {len(labels) - MOST_LABELS + 1} more"]
        picture.edge(
            sender,
            to,
            label="\n".join(text(one, 60) for one in labels),
            fontcolor=dict(looks)["color"],
            **dict(looks),
        )
    legend(picture, [e.message for e in bus.in_flight], False, 0, bottom)
    picture.alt = "\n".join(words)
    return picture


def _caption(bus: MessageBus) -> str:
    down = f", down: {', '.join(short(n, 12) for n in bus.down)}" if bus.down else ""
    return f"{len(bus.names)} nodes, {len(bus.in_flight)} messages in flight{down}."


def _places(columns: dict[str, list[Node]]) -> tuple[dict[str, tuple[float, float]], float]:
    """Where each node stands, and where the picture ends; the same at each step of a run."""
    every = [node for nodes in columns.values() for node in nodes]
    fields = min(MOST_FIELDS, max(len(disk) + len(memory) for disk, memory in map(holdings, every)))
    row = max(ROW, (fields + 1) * LINE + 40)
    places: dict[str, tuple[float, float]] = {}
    left, tallest = 0, max(map(len, columns.values()))
    for nodes in columns.values():
        two = len(columns) <= 2 and len(nodes) > 2
        for j, node in enumerate(nodes):
            places[node.name] = (left + COLUMN * (two and j % 2), j * row + (tallest - len(nodes)) * row / 2)
        left += COLUMN * (1 + two)
    return places, (tallest - 0.5) * row + 14


def _lines(held: list[tuple[str, str, str]], most: int) -> list[str]:
    """A line for each field; of too many, those that hold something come first and the rest is counted."""
    shown = held
    if len(held) > most:
        shown = sorted(held, key=lambda field: field[2] in EMPTY)[: most - 1]
        shown.sort(key=held.index)
    lines = [f"{where}: {short(f'{name} = {value}', 34)}" for where, name, value in shown]
    return lines + ([f"and {len(held) - len(shown)} more"] if len(shown) < len(held) else [])
