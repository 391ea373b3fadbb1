"""The cluster as it is now: who holds what, and which messages are on their way."""

from __future__ import annotations

from paxos_lab.bus import MessageBus
from paxos_lab.node import Node, field_names, setting_fields, stable_fields
from paxos_lab.show.draw.picture import GREY, INK, Picture
from paxos_lab.show.draw.space_time import line_of
from paxos_lab.words.text import plainly, short
from paxos_lab.world.copying import read

COLUMN, ROW = 270, 112


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
    """Every node with its disk and memory, every message in flight as an arrow.

    One column for each class of node, in the order in which they were given.
    """
    columns: dict[str, list[Node]] = {}
    for node in bus:
        columns.setdefault(type(node).__name__, []).append(node)
    words = []
    picture = Picture(
        f"{len(bus.names)} nodes, {len(bus.in_flight)} messages in flight"
        + (f", down: {', '.join(short(n, 12) for n in bus.down)}." if bus.down else "."),
        "",
    )
    tallest = max(map(len, columns.values()))
    ids = {}
    for i, (kind, nodes) in enumerate(columns.items()):
        for j, node in enumerate(nodes):
            disk, memory = holdings(node)
            ids[node.name] = f"node{i}_{j}"
            down = node.name in bus.down
            lines = [f"{short(node.name, 16)} ({short(kind, 16)}){' DOWN' if down else ''}"]
            lines += [f"disk: {short(f'{f} = {v}', 34)}" for f, v in disk]
            lines += [f"memory: {short(f'{f} = {v}', 34)}" for f, v in memory]
            words.append("; ".join(lines))
            offset = (tallest - len(nodes)) * ROW / 2
            picture.put(
                ids[node.name], i * COLUMN, j * ROW + offset, "\n".join(lines), shape="box",
                style="dashed,filled" if down else "rounded,filled", fontsize="9",
                fillcolor="#E4E4E4" if down else "#F3F7FA", color=GREY if down else INK,
            )  # fmt: skip
    for envelope in bus.in_flight:
        held = bus.is_cut(envelope.sender, envelope.to)
        label = f"#{envelope.id} {short(envelope.message, 26)}{' (held at the cut)' if held else ''}"
        style = line_of(envelope.message)
        picture.edge(
            ids[envelope.sender], ids[envelope.to], fontcolor=style["color"],
            label=label, **(style | {"style": "dotted"} if held else style),
        )  # fmt: skip
        words.append(f"In flight: {short(envelope, 80)}")
    picture.alt = "\n".join(words)
    return picture
