"""A picture: a Graphviz graph with pinned positions, a caption and a text twin."""

from __future__ import annotations

from typing import Any

import graphviz
from IPython.display import display

from paxos_lab.show.draw.engine import fit, svg_of
from paxos_lab.words.text import markdown

# Okabe and Ito's palette: told apart with every common kind of colour blindness. Colour never
# carries a meaning alone; line style and words say the same.
BLUE, SKY, GREEN, ORANGE, PURPLE, GREY, INK = (
    "#0072B2", "#2A83B8", "#00785A", "#B84E00", "#A1528A", "#767676", "#1A1A1A",
)  # fmt: skip

# JupyterLab shows an SVG in its own size and hides what is too wide; this much there is beside the
# file browser on a small screen.
PAGE_WIDTH = 840

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
        self.attr("edge", fontname=FONT, fontsize="9", arrowsize="0.7", color=INK, fontcolor=INK)

    def put(self, id: str, x: float, y: float, label: Any = "", **attributes: str) -> None:
        """A node at (x, y), in points, y downwards."""
        self.node(id, label=text(label, 400), pos=f"{x:g},{-y:g}!", **attributes)

    def dot(self, id: str, x: float, y: float, **attributes: str) -> None:
        """A point at (x, y) for lines to end at."""
        self.put(id, x, y, "", **{"shape": "point", "width": "0.01", "style": "invis", **attributes})

    def svg(self) -> str:
        """The picture as one `<svg>` element."""
        return svg_of(self, f"{self.caption} {self.alt}")

    def still(self, what: str = "") -> dict[str, str]:
        """The picture for a page that runs nothing, with its caption; `what` names the widget it is of."""
        words = f"{what}. {self.caption}" if what else self.caption
        return {"image/svg+xml": fit(self.svg(), PAGE_WIDTH), "text/plain": words}

    def _ipython_display_(self) -> None:
        display(self.still(), raw=True)
        words = "\n".join(f"- {markdown(line)}" for line in self.alt.splitlines())
        twin = (
            f"\n\n<details><summary>The picture in words</summary>\n\n{words}\n\n</details>" if words else ""
        )
        display({"text/markdown": f"*{markdown(self.caption)}*{twin}", "text/plain": self.caption}, raw=True)


def text(value: Any, limit: int = 28) -> str:
    """What a label may show of a value: short, no control characters, nothing that DOT interprets.

    Lines that we set ourselves stay; a value must come in through `short` first.
    """
    lines = str(value).split("\n")
    kept = ["".join(c for c in line if c.isprintable()) for line in lines]
    return str(graphviz.escape("\n".join(line[:limit] for line in kept)))
