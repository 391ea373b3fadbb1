"""The log view: servers down, slots across; who leads, and what each server knows of each slot."""

from __future__ import annotations

from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos.messages import entry_text
from paxos_lab.show.draw.picture import Picture
from paxos_lab.words.text import short

CELL_WIDTH, CELL_HEIGHT, MOST_SLOTS = 92, 38, 8

# Told apart by the first word and by the border, not by colour alone.
_LOOKS = {
    "chosen": {"fillcolor": "#BFE3D6", "style": "filled,bold"},
    "accepted": {"fillcolor": "#D6E6F2", "style": "filled"},
    "cleared": {"fillcolor": "#E4E4E4", "style": "filled,dotted"},
    "empty": {"fillcolor": "#FFFFFF", "style": "filled,dashed"},
}


def log_view(bus: MessageBus, slots: range | None = None) -> Picture:
    """What each server knows of each slot: empty, accepted, chosen, executed, or cleared by a snapshot.

    Any node will do that answers `status(slot)`, `command(slot)`, `first_open()` and `applied()`.
    `slots`: which to show; left out, the last 8 that anybody has heard of.
    """
    servers = servers_of(bus)
    slots = _last_slots(servers) if slots is None else slots
    picture, words = Picture("", ""), []
    for column, slot in enumerate(slots, start=1):
        _cell(picture, f"slot{slot}", column, 0, f"slot {slot}", {"color": "#FFFFFF"})
    for row, server in enumerate(servers, start=1):
        down = server.name in bus.down
        role = "DOWN" if down else str(getattr(server, "role", ""))
        if role == "leader" and hasattr(server, "ballot"):
            role = f"leader {server.ballot}"
        label = f"{short(server.name, 12)}\n{short(role, 18)}"
        _cell(picture, f"server{row}", 0, row, label, {"color": "#FFFFFF"})
        said = []
        for column, slot in enumerate(slots, start=1):
            state = server.status(slot)
            entry = _entry(server, slot, state)
            done = state == "chosen" and slot <= server.applied()
            first = "executed" if done else state
            text = f"{first}\n{short(entry, 17)}" if entry else "" if state == "empty" else first
            _cell(picture, f"cell{row}_{slot}", column, row, text, _LOOKS[state])
            if state != "empty":
                said.append(f"slot {slot} {first}{f' ({short(entry, 40)})' if entry else ''}")
        words.append(
            f"{short(server.name, 20)}, {role or 'server'}: {'; '.join(said) or 'nothing in these slots'}."
        )
    leaders = [
        short(s.name, 20) for s in servers if getattr(s, "role", "") == "leader" and s.name not in bus.down
    ]
    who = f"{' and '.join(leaders)} lead{'s' * (len(leaders) == 1)}" if leaders else "nobody leads"
    open_from = min((s.first_open() for s in servers if s.name not in bus.down), default=1)
    picture.caption = f"Servers down, slots across: {who}; every server that is up has executed the slots below {open_from}."
    picture.alt = "\n".join(words)
    return picture


def servers_of(bus: MessageBus) -> list[Any]:
    """The nodes that show a log: those that answer `status(slot)` and `first_open()`."""
    return [node for node in bus if hasattr(node, "status") and hasattr(node, "first_open")]


def _last_slots(servers: list[Any]) -> range:
    """The window: from the newest slot that is not empty anywhere, backwards."""
    newest = max((s.first_open() for s in servers), default=1)
    while any(s.status(newest) != "empty" for s in servers):
        newest += 1
    last = max(newest - 1, 1)
    # A hole does not end the log.
    for ahead in range(newest + 1, newest + MOST_SLOTS):
        if any(s.status(ahead) != "empty" for s in servers):
            last = ahead
    return range(max(1, last - MOST_SLOTS + 1), last + 1)


def _entry(server: Any, slot: int, state: str) -> str:
    if state == "chosen":
        return entry_text(server.command(slot))
    vote = getattr(server, "votes", {}).get(slot) if state == "accepted" else None
    return f"{entry_text(vote.entry)} in {vote.ballot}" if vote is not None else ""


def _cell(picture: Picture, id: str, column: int, row: int, label: str, look: dict[str, str]) -> None:
    base = {"color": "#9AA5AD", "fillcolor": "#FFFFFF", "style": "filled"}
    picture.put(
        id, column * CELL_WIDTH, row * CELL_HEIGHT, label, shape="box", fixedsize="true", fontsize="8.5",
        width=f"{(CELL_WIDTH - 6) / 72:.3f}", height=f"{(CELL_HEIGHT - 6) / 72:.3f}", **{**base, **look},
    )  # fmt: skip
