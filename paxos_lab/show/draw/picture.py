"""A picture: a Graphviz graph with pinned positions, a caption and a text twin."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from math import hypot
from typing import Any

import graphviz
from IPython.display import display

from paxos_lab.show.draw.engine import fit, svg_of, widths
from paxos_lab.show.draw.routes import Point
from paxos_lab.words.text import as_list, as_text

# Okabe and Ito's palette: told apart with every common kind of colour blindness. Colour never
# carries a meaning alone; line style and words say the same.
BLUE, SKY, GREEN, ORANGE, PURPLE, GREY, INK = (
    "#0072B2", "#2679AA", "#00785A", "#B84E00", "#A1528A", "#767676", "#1A1A1A",
)  # fmt: skip

# JupyterLab shows an SVG in its own size and hides what is too wide; this much there is beside the
# file browser on a small screen.
PAGE_WIDTH = 840

# A picture is drawn for white paper. On a dark page light and dark change places, and hues stay; on
# paper it is as wide as the paper.
ON_THE_PAGE = (
    '[data-jp-theme-light="false"] .paxos-picture{filter:invert(.93) hue-rotate(180deg)}'
    "@media print{.paxos-picture.paxos-picture{filter:none;min-width:0!important}}"
)

FONT = "Helvetica,Arial,sans-serif"


class Picture(graphviz.Digraph):
    """A Graphviz graph with `caption` (one or two sentences) and `alt` (the picture in words).

    Displayed in a notebook it gives the SVG and, below it, both texts. `svg()` is the picture alone.
    """

    def __init__(self, caption: str, alt: str) -> None:
        super().__init__(engine="neato")
        self.caption = caption
        self.alt = alt
        # Opaque, so that it reads the same on a dark page and on paper.
        self.attr(bgcolor="#ffffff", splines="line", outputorder="edgesfirst", pad="0.15")
        self.attr("node", fontname=FONT, fontsize="10", fontcolor=INK, color=INK)
        self.attr("edge", fontname=FONT, fontsize="9.5", arrowsize="0.7", color=INK, fontcolor=INK)

    def put(self, id: str, x: float, y: float, label: Any = "", **attributes: str) -> None:
        """A node at (x, y), in points, y downwards."""
        self.node(id, label=text(label, 400), pos=f"{x:g},{-y:g}!", **attributes)

    def dot(self, id: str, x: float, y: float, **attributes: str) -> None:
        """A point at (x, y) for lines to end at."""
        self.put(id, x, y, "", **{"shape": "point", "width": "0.01", "style": "invis", **attributes})

    def way(self, source: str, target: str, way: Sequence[Point], radius: float, **attributes: str) -> None:
        """An arrow along the curves with these control points; its tip stays `radius` points from the last."""
        *before, (cx, cy), (x, y) = way
        gone = hypot(x - cx, y - cy) or 1.0
        dx, dy = (x - cx) / gone, (y - cy) / gone
        head = min(7.0, gone / 2)
        tip = x - dx * radius, y - dy * radius
        back = tip[0] - dx * head, tip[1] - dy * head
        # The last handle goes back with the tip, or a short curve would turn round.
        handle = (cx - dx * min(radius + head, gone), cy - dy * min(radius + head, gone))
        points = " ".join(f"{px:.1f},{-py:.1f}" for px, py in [*before, handle, back])
        self.edge(source, target, pos=f"e,{tip[0]:.1f},{-tip[1]:.1f} {points}", **attributes)

    def svg(self) -> str:
        """The picture as one `<svg>` element."""
        return svg_of(self, f"{self.caption} {self.alt}")

    def still(self, what: str = "") -> dict[str, str]:
        """The picture for a page that runs nothing, with its caption and its words; `what` names the widget it is of."""
        caption = f"{what.removesuffix('.')}. {self.caption}" if what else self.caption
        svg = self.svg()
        twin = as_list("ul", self.alt.splitlines())
        name = f"{what.split('. ')[0]}: the picture in words" if what else "The picture in words"
        html = figure(fit(svg, PAGE_WIDTH), caption, twin, name, widths(svg)[1])
        return {"text/html": html, "image/svg+xml": fit(svg, PAGE_WIDTH), "text/plain": caption}

    def _ipython_display_(self) -> None:
        display(self.still(), raw=True)


def figure(svg: str, caption: str, twin: str, what: str, least: float = 0) -> str:
    """An SVG as an image with its caption, and below it `twin`, HTML that is opened by `what`.

    An image and no elements of the page: that has a name for screen readers, stays within a narrow
    page or on paper, and is shown by a notebook that is not trusted. `least`: no narrower than so
    many CSS pixels; a page that is narrower scrolls.
    """
    source = b64encode(svg.encode()).decode()
    most = min(least, PAGE_WIDTH)
    folded = (
        f'<details><summary data-lm-suppress-shortcuts="true">{escape(what)}</summary>{twin}</details>'
        if twin
        else ""
    )
    return (
        f'<figure style="margin:0"><div style="overflow-x:auto" data-lm-suppress-shortcuts="true">'
        f'<img class="paxos-picture" alt="{escape(caption, quote=True)}" '
        f'style="max-width:100%;min-width:{most:.0f}px;height:auto" src="data:image/svg+xml;base64,{source}"></div>'
        f"<figcaption><em>{as_text(caption)}</em></figcaption>{folded}</figure><style>{ON_THE_PAGE}</style>"
    )


def text(value: Any, limit: int = 28) -> str:
    """What a label may show of a value: short, no control characters, nothing that DOT interprets.

    Lines that we set ourselves stay; a value must come in through `short` first.
    """
    lines = str(value).split("\n")
    kept = ["".join(c for c in line if c.isprintable()) for line in lines]
    return str(graphviz.escape("\n".join(line[:limit] for line in kept)))
