"""What a run cost: messages, writes that had to be on disk, and curves beside a formula."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from paxos_lab.node import LabError
from paxos_lab.show.draw.curves import LOOKS, STYLE, Chart, as_svg
from paxos_lab.show.draw.picture import INK
from paxos_lab.world.trace import Step

MUST_BE_ON_DISK = ("round", "promised", "accepted", "votes")
"""What a restart must not forget once a message has told of it: the ballots opened, the promise, the vote."""


def messages_between(
    steps: Iterable[Step], names: Collection[str], leave_out: Iterable[type] = ()
) -> Counter[type]:
    """The messages that `names` sent each other in these steps, by class.

    `leave_out`: classes that do not count, as (Heartbeat, HeartbeatHeard): those cost the same with no
    command at all.
    """
    silent = _classes(leave_out)
    sent = (e for step in steps for e in step.sent if e.sender in names and e.to in names)
    return Counter(type(e.message) for e in sent if not isinstance(e.message, silent))


def messages_handled(
    steps: Iterable[Step], names: Collection[str], leave_out: Iterable[type] = ()
) -> Counter[str]:
    """How many messages each of `names` sent or received, from and to anybody."""
    silent = _classes(leave_out)
    handled: Counter[str] = Counter()
    for step in steps:
        for e in step.sent:
            if not isinstance(e.message, silent):
                handled.update(name for name in (e.sender, e.to) if name in names)
    return handled


def _classes(leave_out: Iterable[type]) -> tuple[type, ...]:
    # Not their names: a learner's class may have the name of one of ours.
    kinds = tuple(leave_out)
    for kind in kinds:
        if not isinstance(kind, type):
            raise LabError(
                f"leave_out takes classes of messages, as (Heartbeat, HeartbeatHeard), not {kind!r}"
            )
    return kinds


def forced_writes(steps: Iterable[Step], fields: Collection[str] = MUST_BE_ON_DISK) -> Counter[str]:
    """By node, the steps in which a round, a promise or a vote changed and a message left (PMS 2.5).

    Each is one write that must be on disk first: a Prepare tells of a round, a Promise of a promise, an
    Accepted of a vote. Whatever else a node keeps, such as what is chosen, may be written later.
    """
    return Counter(str(step.node) for step in steps if step.sent and not set(fields).isdisjoint(step.changed))


def line_chart(series: Mapping[str, Mapping[float, float]], x: str, y: str, caption: str) -> Chart:
    """Lines by name, each a mapping from x to y; the table under it holds the same numbers.

    A name that ends in "(formula)" is drawn as a dashed line without marks, above the others.
    """
    if not series or not all(series.values()):
        raise LabError("line_chart needs at least one line with at least one point")
    # Here and not above: it takes half a second, and most lessons draw no curve.
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.4), layout="constrained")
        panel = figure.subplots()
        looks = iter(LOOKS * len(series))
        formulas = iter([(4, 2), (1, 2), (6, 2, 1, 2)] * len(series))  # dashes; the lines have no marks
        for name, points in series.items():
            across = sorted(points)
            up = [points[at] for at in across]
            if name.endswith("(formula)"):
                panel.plot(across, up, label=name, color=INK, linewidth=1.2, dashes=next(formulas), zorder=3)
            else:
                look: dict[str, Any] = {**next(looks), "markersize": 4.5}
                panel.plot(across, up, label=name, **look)
        panel.set_xlabel(x)
        panel.set_ylabel(y)
        panel.set_xticks(sorted({at for points in series.values() for at in points}))
        panel.set_ylim(bottom=0)
        panel.legend(frameon=False)
        svg = as_svg(figure)
    return Chart(svg, caption, _rows(series, x))


def _rows(series: Mapping[str, Mapping[float, float]], x: str) -> list[list[str]]:
    across = sorted({at for points in series.values() for at in points})
    rows = [[x, *series]]
    for at in across:
        rows.append([f"{at:g}", *(f"{p[at]:.3g}" if at in p else "" for p in series.values())])
    return rows
