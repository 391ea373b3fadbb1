"""The way of an arrow between two marks, such that it does not run through the mark of anybody else.

A straight line through a dot on its way reads as two messages, the second sent by whoever the dot
belongs to. So an arrow that would touch one bends a little; one that finds no way past them with a
small bend goes through the gaps between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice, pairwise, product
from math import hypot
from operator import itemgetter

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom

CLEAR = 8.0  # points between a line and the middle of a mark that it has nothing to do with
_BENDS = (9, 13, 17, 22, 27, 33)  # how far from the straight line, in points
_PIECES, _GAPS, _TRIES = 16, 3, 40


def route(start: Point, end: Point, marks: Iterable[Point], texts: Iterable[Box] = ()) -> list[Point]:
    """Control points of cubic curves from `start` to `end` that keep clear of all `marks`.

    1 + 3n points for n curves, in the unit of the marks. Straight if that is clear; otherwise a bend,
    the smallest of those that hide least behind `texts`; otherwise through gaps. Where marks leave no
    way, the widest that was found.
    """
    marks, texts = _near(start, end, list(marks)), _boxes_near(start, end, list(texts))
    straight = _bent(start, end, 0)
    if _clearance([start, end], marks) >= CLEAR:
        if not texts or not marks:
            return straight
        # Past a mark and under its text, it would look as if it ended there.
        found = [(_hidden(straight, texts), straight)]
    else:
        found = []
    for bend in _BENDS:
        for by in (-bend, bend):
            way = _bent(start, end, by)
            if _clearance(drawn(way), marks) >= CLEAR:
                found.append((_hidden(way, texts) + bend, way))
    if found:
        return min(found, key=itemgetter(0))[1]
    best, widest = straight, _clearance([start, end], marks)
    for way in islice(_through_gaps(start, end, marks), _TRIES):
        clear = _clearance(drawn(way), marks)
        if clear >= CLEAR:
            return way
        if clear > widest:
            best, widest = way, clear
    return best


def aside(start: Point, end: Point, by: float) -> list[Point]:
    """A curve that leaves the line from `start` to `end` sideways, for a message to oneself."""
    (x0, y0), (x1, y1) = start, end
    third = (y1 - y0) / 3
    return [start, (x0 + by, y0 + third), (x1 + by, y1 - third), end]


def drawn(way: Sequence[Point]) -> list[Point]:
    """The curves as a polyline, fine enough to measure by."""
    line = [way[0]]
    for at in range(0, len(way) - 1, 3):
        a, b, c, d = way[at : at + 4]
        for n in range(1, _PIECES + 1):
            t = n / _PIECES
            u = 1 - t
            w = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
            line.append(
                (
                    w[0] * a[0] + w[1] * b[0] + w[2] * c[0] + w[3] * d[0],
                    w[0] * a[1] + w[1] * b[1] + w[2] * c[1] + w[3] * d[1],
                )
            )
    return line


def _to_segment(p: Point, a: Point, b: Point) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    along = (p[0] - a[0]) * dx + (p[1] - a[1]) * dy
    t = min(1.0, max(0.0, along / (dx * dx + dy * dy or 1.0)))
    return hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy)


def _near(start: Point, end: Point, marks: list[Point]) -> list[Point]:
    room = _BENDS[-1] + CLEAR
    left, right = sorted((start[0], end[0]))
    top, bottom = sorted((start[1], end[1]))
    return [
        (x, y)
        for x, y in marks
        if left - CLEAR < x < right + CLEAR and top - room < y < bottom + room and (x, y) not in (start, end)
    ]


def _clearance(line: Sequence[Point], marks: list[Point]) -> float:
    """From the line to the nearest mark, at most `CLEAR`."""
    nearest = CLEAR
    for (ax, ay), (bx, by) in pairwise(line):
        left, right = (ax, bx) if ax < bx else (bx, ax)
        top, bottom = (ay, by) if ay < by else (by, ay)
        for x, y in marks:
            if left - nearest < x < right + nearest and top - nearest < y < bottom + nearest:
                nearest = min(nearest, _to_segment((x, y), (ax, ay), (bx, by)))
    return nearest


def _boxes_near(start: Point, end: Point, boxes: list[Box]) -> list[Box]:
    left, right = sorted((start[0], end[0]))
    top, bottom = sorted((start[1], end[1]))
    top, bottom = top - _BENDS[-1], bottom + _BENDS[-1]
    return [
        (x0, y0, x1, y1) for x0, y0, x1, y1 in boxes if x0 < right and x1 > left and y0 < bottom and y1 > top
    ]


def _hidden(way: Sequence[Point], texts: list[Box]) -> float:
    """How much of the way lies behind texts, in points."""
    return sum(
        hypot(bx - ax, by - ay)
        for (ax, ay), (bx, by) in pairwise(drawn(way))
        if any(x0 < (ax + bx) / 2 < x1 and y0 < (ay + by) / 2 < y1 for x0, y0, x1, y1 in texts)
    )


def _bent(start: Point, end: Point, by: float) -> list[Point]:
    (x0, y0), (x1, y1) = start, end
    lift = by * 4 / 3
    return [
        start,
        (x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3 + lift),
        (x1 - (x1 - x0) / 3, y1 - (y1 - y0) / 3 + lift),
        end,
    ]


def _through_gaps(start: Point, end: Point, marks: list[Point]) -> Iterable[list[Point]]:
    """Curves that cross each column of marks in one of the gaps nearest to the straight line."""
    (x0, y0), (x1, y1) = start, end
    columns = sorted({x for x, _ in marks if min(x0, x1) < x < max(x0, x1)}, reverse=x1 < x0)
    if not columns:
        return
    choices = []
    for x in columns:
        line = y0 + (y1 - y0) * (x - x0) / (x1 - x0)
        taken = sorted(y for at, y in marks if at == x)
        gaps = [(a + b) / 2 for a, b in pairwise(taken) if b - a > 2 * CLEAR]
        gaps += [taken[0] - 2 * CLEAR, taken[-1] + 2 * CLEAR]
        gaps += [line] if all(abs(line - y) > 2 * CLEAR for y in taken) else []
        choices.append(sorted(gaps, key=lambda y: abs(y - line))[:_GAPS])
    for heights in product(*choices):
        yield _smooth([start, *zip(columns, heights, strict=True), end])


def _smooth(points: list[Point]) -> list[Point]:
    """Through all points, flat where it crosses a column."""
    way = [points[0]]
    for n, ((ax, ay), (bx, by)) in enumerate(pairwise(points)):
        reach = (bx - ax) / 3
        slope = (by - ay) / 3
        first, last = n == 0, n == len(points) - 2
        way += [
            (ax + reach, ay + (slope if first else 0)),
            (bx - reach, by - (slope if last else 0)),
            (bx, by),
        ]
    return way
