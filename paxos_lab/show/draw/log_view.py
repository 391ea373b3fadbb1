"""The log view: a row for each server, a column for each slot; who leads, and what each server knows."""

from __future__ import annotations

from itertools import groupby
from textwrap import wrap
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos.messages import entry_text
from paxos_lab.node import LabError
from paxos_lab.show.draw.picture import GREY, INK, ORANGE, Picture
from paxos_lab.words.narration import passed_over
from paxos_lab.words.text import short

CELL_WIDTH, CELL_HEIGHT, MOST_SLOTS = 92, 54, 8
LETTERS = 17  # in a line of a cell

# Told apart by the first word and by the border, not by colour alone.
_LOOKS = {
    "chosen": {"fillcolor": "#BFE3D6", "style": "filled,bold"},
    "accepted": {"fillcolor": "#D6E6F2", "style": "filled"},
    "cleared": {"fillcolor": "#E4E4E4", "style": "filled,dotted"},
    "empty": {"fillcolor": "#FFFFFF", "style": "filled,dashed"},
}
_WRONG = {"fillcolor": "#FBDCC8", "style": "filled,bold", "color": ORANGE, "penwidth": "4"}
_PLAIN = {"color": "#FFFFFF"}


def log_view(bus: MessageBus, slots: range | None = None) -> Picture:
    """What each server knows of each slot: empty, accepted, chosen, executed, or cleared by a snapshot.

    A vote stands with its ballot (in Raft an entry that is not committed, with its term). Where a slot holds two different chosen entries, it is marked. Once
    the members have changed, each slot says who they are. *Passed over*: the server went past the slot
    without doing what it says, since its session shows that it was done before.

    Any node will do that answers `status(slot)`, `command(slot)`, `first_open()` and `applied()`. Where it
    also answers `vote(slot)` or `members_at(slot)`, that is shown.
    `slots`: which to show; left out, the last 8 that anybody has heard of.
    """
    servers = servers_of(bus)
    slots = _last_slots(servers) if slots is None else slots
    members = _members(bus, servers, slots)
    passed = _passed_over(bus)
    chosen = {slot: _chosen(servers, slot) for slot in slots}
    wrong = {slot: found for slot, found in chosen.items() if len(found) > 1}
    picture, words = Picture("", ""), []
    for column, slot in enumerate(slots, start=1):
        lines = [f"slot {slot}", *(["TWO ENTRIES"] if slot in wrong else []), *_who(members, slot)]
        look = {**_PLAIN, "fontcolor": ORANGE} if slot in wrong else _PLAIN
        _cell(picture, f"slot{slot}", column, 0, "\n".join(lines), look)
    for row, server in enumerate(servers, start=1):
        role = _role(bus, server)
        _cell(picture, f"server{row}", 0, row, f"{short(server.name, 12)}\n{short(role, 17)}", _PLAIN)
        said = []
        for column, slot in enumerate(slots, start=1):
            state = server.status(slot)
            first = state
            if state == "chosen" and slot <= server.applied():
                first = "passed over" if slot in passed.get(server.name, ()) else "executed"
            out = members is not None and server.name not in (members.get(slot) or _own_view(server, slot))
            look = _WRONG if slot in wrong and state == "chosen" else _LOOKS[state]
            _cell(picture, f"cell{row}_{slot}", column, row, _label(server, slot, first, out), look)
            if state != "empty":
                said.append(f"slot {slot} {_told(server, slot, first)}{', no member there' * out}")
        words.append(
            f"{short(server.name, 20)}, {role or 'server'}: {'; '.join(said) or 'nothing in these slots'}."
        )
    picture.caption = _caption(bus, servers, slots, members, wrong)
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


def _role(bus: MessageBus, server: Any) -> str:
    role = "DOWN" if server.name in bus.down else str(getattr(server, "role", ""))
    return f"leader {server.ballot}" if role == "leader" and hasattr(server, "ballot") else role


def _chosen(servers: list[Any], slot: int) -> dict[Any, list[str]]:
    """Which entries servers take for chosen in a slot, and which servers; more than one is wrong."""
    found: dict[Any, list[str]] = {}
    for server in servers:
        if server.status(slot) == "chosen":
            found.setdefault(server.command(slot), []).append(server.name)
    return found


def _members(bus: MessageBus, servers: list[Any], slots: range) -> dict[int, tuple[str, ...]] | None:
    """Who acts in each slot, by those who know; () where they contradict each other.

    None where nobody has heard of a change, so that there is nothing to tell.
    """
    told = [s for s in servers if hasattr(s, "members_at") and s.name not in bus.down]
    named = {tuple(s.members_at(slot)) for s in told for slot in slots if _knows(s, slot)}
    if len(named) < 2 and not any(getattr(server, "configurations", None) for server in told):
        return None
    members = {}
    for slot in slots:
        known = {tuple(s.members_at(slot)) for s in told if _knows(s, slot)}
        if known:
            members[slot] = known.pop() if len(known) == 1 else ()
    return members


def _own_view(server: Any, slot: int) -> tuple[str, ...]:
    """Who acts in a slot, by this server alone; it counts itself in where it cannot know."""
    return tuple(server.members_at(slot)) if _knows(server, slot) else (server.name,)


def _knows(server: Any, slot: int) -> bool:
    """True if the server knows the members of that slot for sure: from what it executed, alpha slots ahead."""
    return hasattr(server, "members_at") and slot <= server.applied() + getattr(server, "alpha", 0)


def _who(members: dict[int, tuple[str, ...]] | None, slot: int) -> list[str]:
    if members is None:
        return []
    return [short(" ".join(members[slot]) or "members differ", LETTERS)] if slot in members else []


def _passed_over(bus: MessageBus) -> dict[str, set[int]]:
    """The slots that each server went past without a change, with a command of which its session knows."""
    passed: dict[str, set[int]] = {}
    try:
        trace = bus.trace
    except LabError:  # this bus keeps none, so nobody knows
        return passed
    for step in trace:
        if step.node and passed_over(step.changed):
            slot = step.changed["executed"][1]
            entry, sessions = bus[step.node].command(slot), getattr(bus[step.node], "sessions", {})  # type: ignore[attr-defined]
            if entry and all(command.client in sessions for command in entry):
                passed.setdefault(step.node, set()).add(slot)
    return passed


def _told(server: Any, slot: int, first: str) -> str:
    entry = _entry(server, slot)
    said = "chosen, not executed again" if first == "passed over" else first
    return f"{said}{f' ({short(entry, 60)})' if entry else ''}"


def _label(server: Any, slot: int, first: str, out: bool) -> str:
    """At most four lines: what is known, the ballot if it is a vote, the entry, and that it is no member's."""
    vote = _vote(server, slot) if first == "accepted" else None
    entry = entry_text(vote.entry) if vote is not None else _entry(server, slot)
    lines = ["" if first == "empty" else first if vote is None else f"accepted {vote.ballot}"]
    room = 2 if out else 3
    folded = wrap(short(entry, 80), LETTERS)
    lines += folded[:room]
    if len(folded) > room:
        lines[-1] = f"{lines[-1][: LETTERS - 3]}..."
    return "\n".join([*lines, *(["not a member"] if out else [])]).strip("\n")


def _vote(server: Any, slot: int) -> Any:
    return server.vote(slot) if hasattr(server, "vote") else getattr(server, "votes", {}).get(slot)


def _entry(server: Any, slot: int) -> str:
    match server.status(slot):
        case "chosen":
            return entry_text(server.command(slot))
        case "accepted" if (vote := _vote(server, slot)) is not None:
            return f"{entry_text(vote.entry)} in {vote.ballot}"
    return ""


def _caption(
    bus: MessageBus,
    servers: list[Any],
    slots: range,
    members: dict[int, tuple[str, ...]] | None,
    wrong: dict[int, dict[Any, list[str]]],
) -> str:
    up = [s for s in servers if s.name not in bus.down]
    leaders = [short(s.name, 20) for s in up if getattr(s, "role", "") == "leader"]
    who = f"{' and '.join(leaders)} lead{'s' * (len(leaders) == 1)}" if leaders else "nobody leads"
    parts = [f"One row per server, one column per slot: {who}."]
    far = [(s.applied(), short(s.name, 20)) for s in up]
    told = [
        f"{', '.join(name for _, name in group)} {f'up to slot {last}' if last else 'nothing yet'}"
        for last, group in groupby(sorted(far, key=lambda one: -one[0]), key=lambda one: one[0])
    ]
    parts += [f"Executed: {'; '.join(told)}."] if told else []
    if len(up) < len(servers):
        parts.append("Of a server that is DOWN you see what is on its disk.")
    for slot, found in wrong.items():
        entries = "; ".join(f"{short(entry_text(e), 30)} at {', '.join(names)}" for e, names in found.items())
        parts.append(f"Slot {slot} holds two different entries that were taken for chosen: {entries}.")
    for names, group in groupby(slots, key=lambda slot: (members or {}).get(slot)):
        if names is not None:
            same = list(group)
            where = f"slot {same[0]}" if len(same) == 1 else f"slots {same[0]} to {same[-1]}"
            parts.append(f"Members in {where}: {', '.join(names) or 'the servers do not agree'}.")
    return " ".join(parts)


def _cell(picture: Picture, id: str, column: int, row: int, label: str, look: dict[str, str]) -> None:
    base = {"color": GREY, "fillcolor": "#FFFFFF", "style": "filled", "fontcolor": INK}
    y = row * CELL_HEIGHT if row else 0.25 * CELL_HEIGHT  # what stands above the columns is close to them
    picture.put(
        id, column * CELL_WIDTH, y, label, shape="box", fixedsize="true", fontsize="9.5",
        width=f"{(CELL_WIDTH - 6) / 72:.3f}", height=f"{(CELL_HEIGHT - 6 if row else 36) / 72:.3f}", **{**base, **look},
    )  # fmt: skip
