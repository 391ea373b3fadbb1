"""The one place that knows how DOT becomes SVG."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
from functools import cache
from html import escape
from pathlib import Path

import graphviz
from graphviz.backend import dot_command

from paxos_lab.node import LabError

_BEFORE_SVG = re.compile(r"\A.*?(?=<svg\b)", re.DOTALL)
_SIZE = re.compile(r'width="([\d.]+)pt" height="([\d.]+)pt"')
_FONT = re.compile(r'font-size="([\d.]+)"')
_NOISE = re.compile(r"<!--.*?-->\n?|<title>.*?</title>\n?", re.DOTALL)

LEAST_TEXT = 9.5  # CSS pixels; a page that has no room for that scrolls


class NoEngine(LabError):
    """No Graphviz on this machine; the text says what to install."""


def svg_of(graph: graphviz.Digraph, alt: str) -> str:
    """The graph as one `<svg>` element with `alt` as its name for screen readers.

    Positions given in the graph (in points) are kept. What an engine adds about itself (its
    version, the ids of nodes as tooltips) is taken out, so that the same graph gives the same text.
    Raises `NoEngine` where neither `dot` nor graphviz-pure can be found.
    """
    use_engine()
    raw = graph.pipe(format="svg", engine="neato", neato_no_op=2, quiet=True, encoding="utf-8")
    svg = _NOISE.sub("", _BEFORE_SVG.sub("", raw)).strip()
    spoken = "".join(c if c.isprintable() else " " for c in alt)
    name = escape(spoken if len(spoken) <= 600 else spoken[:597] + "...", quote=True)
    # A page narrower than the picture shows it smaller, not cut off.
    return svg.replace(
        "<svg ",
        f'<svg class="paxos-picture" role="img" style="max-width:100%;height:auto" aria-label="{name}" ',
        1,
    )


def fit(svg: str, most: float) -> str:
    """The picture at most `most` CSS pixels wide, its height in proportion; but its smallest text stays readable."""
    width, least = widths(svg)
    scale = max(min(width, most), least) / width
    return _SIZE.sub(
        lambda size: (
            f'width="{float(size[1]) * 4 / 3 * scale:.0f}" height="{float(size[2]) * 4 / 3 * scale:.0f}"'
        ),
        svg,
        count=1,
    )


def widths(svg: str) -> tuple[float, float]:
    """How wide a picture that `svg_of` made is, and how wide it must be for `LEAST_TEXT`; in CSS pixels."""
    size = _SIZE.search(svg)
    width = float(size[1]) * 4 / 3 if size else 0.0
    smallest = min((float(points) for points in _FONT.findall(svg)), default=LEAST_TEXT)
    return width, width * min(1.0, LEAST_TEXT / (smallest * 4 / 3))


@cache
def use_engine() -> str:
    """Choose the engine once: `dot` on PATH, or else the one that pip installed; return its path."""
    found = shutil.which("dot")
    if found is None:
        found = _pip_installed()
        dot_command.DOT_BINARY = Path(found)
    return found


def _pip_installed() -> str:
    try:
        files = importlib.metadata.files("graphviz-pure") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if Path(file.name).stem == "graphviz-pure" and Path(str(file.locate())).is_file():
            return str(Path(str(file.locate())).resolve())
    raise NoEngine(
        "no Graphviz engine was found, so no picture can be drawn. Install one: "
        "'pip install graphviz-pure', or 'conda install graphviz', or your system's graphviz"
    )
