"""Two quorums and the members they share, or the gap between them."""

from __future__ import annotations

from collections.abc import Iterable

from paxos_lab.node import LabError
from paxos_lab.paxos.quorums import QuorumSystem
from paxos_lab.show.draw.picture import BLUE, GREY, INK, ORANGE, Picture
from paxos_lab.words.text import short

STEP = 86


def quorum_overlap(
    system: QuorumSystem, first: Iterable[str] | None = None, second: Iterable[str] | None = None
) -> Picture:
    """The members in a row; above them a set for phase 1, below them a set for phase 2.

    Left out, the pair is the one that misses each other if there is one, else the pair that shares
    the fewest members.
    """
    if (first is None) != (second is None):
        raise LabError("quorum_overlap takes both sets of names, or neither")
    one, two = (set(first), set(second)) if first is not None and second is not None else _worst(system)
    strangers = (one | two) - set(system.members)
    if strangers:
        raise LabError(f"{', '.join(sorted(strangers))}: no member; members are {', '.join(system.members)}")
    shared = [m for m in system.members if m in one and m in two]
    verdict = [
        f"{'A' if system.is_quorum(names, phase) else 'Not a'} phase {phase} quorum: {_list(system, names)}."
        for phase, names in ((1, one), (2, two))
    ]
    if shared:
        caption = f"They share {', '.join(short(m, 12) for m in shared)}."
    elif system.is_quorum(one, 1) and system.is_quorum(two, 2):
        caption = "They share nobody: a gap, through which two values can be chosen."
    else:
        caption = "They share nobody, which does no harm: they are not both quorums."
    picture = Picture(f"{verdict[0]} {verdict[1]} {caption}", "")
    middle = (len(system.members) - 1) * STEP / 2
    picture.put("one", middle, 0, "phase 1: promises", shape="box", style="rounded", color=BLUE, penwidth="2")
    picture.put(
        "two", middle, 190, "phase 2: votes", shape="box", style="rounded,dashed", color=ORANGE, penwidth="2"
    )
    words = []
    for i, name in enumerate(system.members):
        in_one, in_two = name in one, name in two
        look = {
            (True, True): {"fillcolor": "#F5E6A8", "penwidth": "3", "color": INK},
            (True, False): {"fillcolor": "#D6E6F2", "penwidth": "1", "color": INK},
            (False, True): {"fillcolor": "#F6DCC7", "penwidth": "1", "color": INK},
            (False, False): {"fillcolor": "#FFFFFF", "penwidth": "1", "color": GREY},
        }[in_one, in_two]
        role = "both" if in_one and in_two else "phase 1" if in_one else "phase 2" if in_two else "neither"
        picture.put(
            f"m{i}", i * STEP, 95, f"{short(name, 9)}\n{role}", shape="circle", style="filled",
            width="0.85", fixedsize="true", **look,
        )  # fmt: skip
        if in_one:
            picture.edge("one", f"m{i}", color=BLUE, arrowhead="none", penwidth="2")
        if in_two:
            picture.edge("two", f"m{i}", color=ORANGE, style="dashed", arrowhead="none", penwidth="2")
        words.append(f"{short(name, 20)}: {role}")
    picture.alt = "\n".join(words)
    return picture


def _worst(system: QuorumSystem) -> tuple[set[str], set[str]]:
    pairs = [(q1, q2) for q1 in system.quorums(1) for q2 in system.quorums(2)]
    if not pairs:
        raise LabError(f"{system}: no set of members is a quorum")
    one, two = min(pairs, key=lambda pair: (len(pair[0] & pair[1]), sorted(pair[0]), sorted(pair[1])))
    return set(one), set(two)


def _list(system: QuorumSystem, names: set[str]) -> str:
    return ", ".join(short(m, 12) for m in system.members if m in names) or "nobody"
