"""The ballot board: ballots down, acceptors across. The picture that carries the proof."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from paxos_lab.paxos.messages import Accept, Accepted, Prepare, Promise
from paxos_lab.paxos.outcome import verdicts
from paxos_lab.paxos.quorums import Majority, QuorumSystem
from paxos_lab.show.draw.picture import GREY, INK, Picture
from paxos_lab.words.text import short
from paxos_lab.world.trace import Trace

CELL_WIDTH, CELL_HEIGHT = 100, 40

_LOOKS = {
    "vote": {"fillcolor": "#BFE3D6", "style": "filled,bold"},
    "promise": {"fillcolor": "#D6E6F2", "style": "filled"},
    "closed": {"fillcolor": "#E4E4E4", "style": "filled,dashed"},
    "": {"fillcolor": "#FFFFFF", "style": "filled"},
}
_STATES = {"chosen": "CHOSEN", "open": "could still be chosen", "dead": "never will be"}


def ballot_board(trace: Trace, quorums: QuorumSystem | None = None) -> Picture:
    """What each acceptor did in each ballot, read off the messages that were sent.

    A cell says: a vote; a promise; or *closed*: the acceptor promised a higher ballot without
    having voted here, so it never will. To the right, what that means for the ballot. `quorums`:
    left out, majorities of those acceptors that occur.
    """
    sent = trace.sent
    quorums = quorums or Majority(tuple(acceptors_in(trace)))
    rows = verdicts(sent, quorums)
    cells = _cells(sent)
    words = []
    picture = Picture("", "")
    for j, name in enumerate(quorums.members):
        _cell(picture, f"head{j}", j + 1, 0, short(name, 14), {"style": "filled", "fillcolor": "#FFFFFF"})
    for i, verdict in enumerate(rows, start=1):
        values = "/".join(short(v, 12) for v in verdict.values) or "no value yet"
        label = f"ballot {short(verdict.ballot, 14)}\n{values}"
        _cell(
            picture,
            f"ballot{i}",
            0,
            i,
            label,
            {"style": "filled", "fillcolor": "#FFFFFF", "color": "#FFFFFF"},
        )
        said = []
        for j, name in enumerate(quorums.members):
            what = cells.get((verdict.ballot, name), "")
            if not what and name in verdict.closed:
                what = "closed"
            elif what == "promised" and name in verdict.closed:
                what = "promised, now closed"
            look = "vote" if what.startswith("voted") else "closed" if "closed" in what else what[:7]
            _cell(picture, f"cell{i}_{j}", j + 1, i, what.replace(", ", "\n"), _LOOKS[look])
            if what:
                said.append(f"{short(name, 14)} {what}")
        _cell(
            picture, f"state{i}", len(quorums.members) + 1, i, _STATES[verdict.state].replace("could still ", "could still\n"),
            {"style": "filled", "color": "#FFFFFF", "fillcolor": "#FFFFFF", "fontcolor": INK if verdict.state != "dead" else GREY},
        )  # fmt: skip
        words.append(
            f"Ballot {short(verdict.ballot, 20)} ({values}): {'; '.join(said) or 'no acceptor has answered'}. It {_is(verdict.state)}."
        )
    picture.caption = _caption(rows)
    picture.alt = "\n".join(words)
    return picture


def acceptors_in(trace: Trace) -> list[str]:
    """Those that were asked for a promise or a vote, in the order of appearance."""
    asked = (e.to for e in trace.messages if isinstance(e.message, Prepare | Accept))
    return list(dict.fromkeys(asked)) or ["a1"]


def _cells(sent: Iterable[tuple[str, Any]]) -> dict[tuple[Any, str], str]:
    cells: dict[tuple[Any, str], str] = {}
    for sender, message in sent:
        match message:
            case Promise(ballot, _):
                cells.setdefault((ballot, sender), "promised")
            case Accepted(ballot, value):
                cells[ballot, sender] = f"voted {short(value, 12)}"
    return cells


def _cell(picture: Picture, id: str, column: int, row: int, label: str, look: dict[str, str]) -> None:
    picture.put(
        id, column * CELL_WIDTH, row * CELL_HEIGHT, label, shape="box", fixedsize="true", fontsize="9.5",
        width=f"{(CELL_WIDTH - 6) / 72:.3f}", height=f"{(CELL_HEIGHT - 6) / 72:.3f}", **{"color": GREY, **look},
    )  # fmt: skip


def _is(state: str) -> str:
    return {"chosen": "is chosen", "open": "could still be chosen", "dead": "will never be chosen"}[state]


def _caption(rows: list[Any]) -> str:
    if not rows:
        return "No ballot has been opened yet."
    chosen = [v for v in rows if v.state == "chosen"]
    if not chosen:
        return f"{len(rows)} ballot{'s' * (len(rows) != 1)} opened, nothing chosen yet. Lowest ballot on top."
    where = ", ".join(short(v.ballot, 20) for v in chosen)
    return f"Lowest ballot on top. A quorum of votes in one row is chosen: ballot {where}."
