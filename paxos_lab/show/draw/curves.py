"""Curves of what was measured, drawn by matplotlib, each with its table in words."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable
from html import escape
from typing import Any

from IPython.display import display

from paxos_lab.node import LabError
from paxos_lab.show.draw.picture import BLUE, GREEN, INK, ORANGE, PAGE_WIDTH, PURPLE, figure
from paxos_lab.show.measure.rivals import Contention, Spread

# Told apart by marker and line style too, never by colour alone.
LOOKS = [
    {"color": ORANGE, "marker": "s", "linestyle": "-"},
    {"color": BLUE, "marker": "o", "linestyle": "--"},
    {"color": GREEN, "marker": "^", "linestyle": "-."},
    {"color": PURPLE, "marker": "D", "linestyle": ":"},
]

# The font comes with matplotlib and the text stays text, so every machine writes the same file.
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "paxos-lab",
    "axes.grid": True,
    "grid.color": "#D8D8D8",
    "text.color": INK,
    "axes.labelcolor": INK,
}

MEASURES = {
    "messages": "messages until all have learned",
    "chosen": "virtual time until chosen",
    "learned": "virtual time until all have learned",
}


class Chart:
    """A drawing with `caption`, and `rows`: the same numbers as a table, the heading first."""

    def __init__(self, svg: str, caption: str, rows: list[list[str]]) -> None:
        self.caption, self.rows = caption, rows
        name = escape(caption, quote=True)
        # A page narrower than the drawing shows it smaller, not cut off.
        self._svg = svg.replace(
            "<svg ",
            f'<svg class="paxos-picture" role="img" aria-label="{name}" style="max-width:100%;height:auto" ',
            1,
        )

    def svg(self) -> str:
        """The drawing as one `<svg>` element."""
        return self._svg

    @property
    def table(self) -> str:
        """The numbers as an HTML table."""
        head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in self.rows[0])
        body = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self.rows[1:]]
        return f"<table>{''.join(f'<tr>{row}</tr>' for row in (head, *body))}</table>"

    def _ipython_display_(self) -> None:
        html = figure(self._svg, self.caption, self.table, "The numbers as a table")
        bundle = {"text/html": html, "image/svg+xml": self._svg, "text/plain": self.caption}
        display(bundle, raw=True)

    def __repr__(self) -> str:
        return f"<Chart: {self.caption}>"


def contention_curves(found: Iterable[Contention], *measures: str) -> Chart:
    """One panel for each measure: a line for each manner against the number of proposers.

    `measures`: "messages", "chosen", "learned"; left out, all three. The line is the median, the band
    goes from the lowest to the highest tenth. What was cut off at the limit stops at its height.
    """
    found = list(found)
    names = list(measures or MEASURES)
    if not found:
        raise LabError("there is nothing to draw: contention(...) gives the list that is wanted here")
    if unknown := [name for name in names if name not in MEASURES]:
        raise LabError(f"there is no measure {unknown[0]!r}; choose from {', '.join(MEASURES)}")
    # Here and not above: it takes half a second, and most lessons draw no curve.
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    manners = list(dict.fromkeys(one.manner for one in found))
    with matplotlib.rc_context(STYLE):
        inches = min(4.4 * len(names), PAGE_WIDTH / 96)
        figure = Figure(figsize=(inches, 3.2), layout="constrained")
        panels = figure.subplots(1, len(names), squeeze=False)[0]
        for panel, name in zip(panels, names, strict=True):
            for manner, look in zip(manners, LOOKS * len(manners), strict=False):
                _line(panel, [one for one in found if one.manner == manner], name, look)
            panel.set_yscale("log")
            panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            panel.yaxis.set_minor_locator(NullLocator())
            panel.yaxis.set_major_formatter("{x:g}")
            panel.set_xlabel("number of proposers")
            panel.set_title(MEASURES[name].replace(" until ", "\nuntil "), fontsize=9.5)
            panel.set_xticks(sorted({one.proposers for one in found}))
        panels[0].legend(frameon=False)
        svg = as_svg(figure)
    seeds = len(found[0].races)
    caption = (
        f"Median of {seeds} runs for each point, with a band from the lowest to the highest tenth; the scale "
        f"upwards is logarithmic. A run is cut off at {found[0].limit:g} units of virtual time."
    )
    return Chart(svg, caption, _rows(found, names))


def as_svg(figure: Any) -> str:
    """A matplotlib figure as one `<svg>` element, the same on every day."""
    sink = io.StringIO()
    figure.savefig(sink, format="svg")
    svg = re.sub(r"\A.*?(?=<svg\b)", "", sink.getvalue(), flags=re.DOTALL).strip()
    # It holds the date and the version of the library.
    return re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)


def _line(panel: Any, found: list[Contention], name: str, look: dict[str, str]) -> None:
    spreads: list[Spread] = [getattr(one, name) for one in found]
    limit = found[0].limit
    low, middle, high = (
        [min(getattr(s, part), limit) if math.isinf(getattr(s, part)) else getattr(s, part) for s in spreads]
        for part in ("low", "median", "high")
    )
    x = [one.proposers for one in found]
    panel.plot(x, middle, label=found[0].manner, markersize=4, **look)
    panel.fill_between(x, low, high, color=look["color"], alpha=0.15, linewidth=0)


def _rows(found: list[Contention], names: list[str]) -> list[list[str]]:
    head = ["manner", "proposers", *(f"{MEASURES[name]}: median (tenths)" for name in names)]
    head += ["nothing chosen", "somebody has not learned"]
    rows = [head]
    for one in found:
        measured = [str(getattr(one, name)) for name in names]
        rows.append(
            [one.manner, str(one.proposers), *measured, f"{one.undecided:.0%}", f"{one.unlearned:.0%}"]
        )
    return rows
