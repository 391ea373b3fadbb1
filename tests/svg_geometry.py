"""What an SVG of Graphviz shows, read off its elements and nothing else: arrows, marks, boxes, sizes of text."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from math import hypot
from typing import NamedTuple

_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")


class Arrow(NamedTuple):
    """A line with a head, as a polyline from its beginning to its tip."""

    line: list
    colour: str

    def distance(self, x, y):
        return min(_to_segment(x, y, *a, *b) for a, b in pairwise(self.line))


class Drawing(NamedTuple):
    """Centres of round and square marks, boxes with the text in them, arrows, texts."""

    marks: list
    boxes: list
    arrows: list
    texts: list


def parts(svg):
    root = ElementTree.fromstring(svg)
    found = Drawing([], [], [], [])
    for group in root.iter():
        kind = group.get("class")
        if kind == "edge":
            _add_edge(found, group)
        elif kind == "node":
            _add_node(found, group)
    return found


def font_sizes(svg):
    """CSS pixels of each text, as wide as the SVG says that it is."""
    root = ElementTree.fromstring(svg)
    width = float(_NUMBERS.findall(root.get("width"))[0]) * (4 / 3 if "pt" in root.get("width") else 1)
    scale = width / float(root.get("viewBox").split()[2])
    texts = [e for e in root.iter() if e.tag.endswith("text")]
    return [float(_NUMBERS.findall(e.get("font-size"))[0]) * scale for e in texts if (e.text or "").strip()]


def _add_edge(found, group):
    path = next((e for e in group if e.tag.endswith("path")), None)
    heads = [e for e in group if e.tag.endswith("polygon") or e.tag.endswith("polyline")]
    if path is None or not heads:
        return
    numbers = [float(n) for n in _NUMBERS.findall(path.get("d"))]
    points = list(zip(numbers[::2], numbers[1::2], strict=True))
    line = [points[0]]
    for at in range(0, len(points) - 3, 3):
        line += [_on(points[at : at + 4], n / 20) for n in range(1, 21)]
    corners = [float(n) for n in _NUMBERS.findall(heads[0].get("points"))]
    tips = list(zip(corners[::2], corners[1::2], strict=True))
    line.append(max(tips, key=lambda tip: hypot(tip[0] - line[-1][0], tip[1] - line[-1][1])))
    found.arrows.append(Arrow(line, path.get("stroke")))


def _add_node(found, group):
    texts = [e for e in group if e.tag.endswith("text")]
    words = " ".join(e.text or "" for e in texts).strip()
    if words:
        found.texts.append((words, float(texts[0].get("x")), float(texts[0].get("y"))))
    for e in group:
        if e.tag.endswith("ellipse") and not words and float(e.get("rx")) > 2:
            found.marks.append((float(e.get("cx")), float(e.get("cy"))))
        elif e.tag.endswith("polygon") or e.tag.endswith("path"):
            numbers = [float(n) for n in _NUMBERS.findall(e.get("points") or e.get("d"))]
            left, right, top, bottom = (
                min(numbers[::2]),
                max(numbers[::2]),
                min(numbers[1::2]),
                max(numbers[1::2]),
            )
            if words:
                found.boxes.append((words, left, top, right, bottom))
            else:
                found.marks.append(((left + right) / 2, (top + bottom) / 2))
            break


def _on(p, t):
    u = 1 - t
    w = u**3, 3 * u * u * t, 3 * u * t * t, t**3
    return tuple(sum(k * q[i] for k, q in zip(w, p, strict=True)) for i in (0, 1))


def _to_segment(x, y, ax, ay, bx, by):
    dx, dy = bx - ax, by - ay
    t = min(1.0, max(0.0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy or 1.0)))
    return hypot(x - ax - t * dx, y - ay - t * dy)
