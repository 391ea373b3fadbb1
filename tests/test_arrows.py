"""Pictures are read at a glance: no arrow through the mark of somebody else, a loss on its own way, a legend."""

import json
import re
from pathlib import Path

import pytest
from svg_geometry import font_sizes, parts

from paxos_lab import Drop, Invoke, MessageBus, Node, seeded
from paxos_lab.multipaxos import Append, Get, Put, replicated_log
from paxos_lab.paxos import single_decree
from paxos_lab.show import cluster, history_picture, space_time
from paxos_lab.show.draw.engine import LEAST_TEXT, fit
from paxos_lab.show.draw.picture import PAGE_WIDTH
from paxos_lab.verify.histories.history import NO_REPLY, Operation

LESSONS = Path(__file__).resolve().parent.parent / "notebooks"
RADIUS = 4.0  # of a mark, in points
BESIDE = 12.0  # an arrow to a line ends no farther from it


def through_foreign_marks(svg):
    """(mark, arrow) of a space-time diagram where the arrow runs through it, and neither begins nor ends on its line."""
    drawing = parts(svg)
    return [
        (mark, arrow)
        for arrow in drawing.arrows
        for mark in drawing.marks
        if abs(mark[0] - arrow.line[0][0]) > BESIDE and abs(mark[0] - arrow.line[-1][0]) > BESIDE
        if arrow.distance(*mark) < RADIUS + 1
    ]


def through_foreign_boxes(svg):
    """(words, arrow) of a cluster where the arrow runs through the box of a node, and neither begins nor ends there."""
    drawing = parts(svg)
    found = []
    for words, left, top, right, bottom in drawing.boxes:
        for arrow in drawing.arrows:
            ends = [arrow.line[0], arrow.line[-1]]
            if any(left - 3 < x < right + 3 and top - 3 < y < bottom + 3 for x, y in ends):
                continue
            if any(left < x < right and top < y < bottom for x, y in arrow.line):
                found.append((words, arrow))
    return found


def single(seed, acceptors=3, faults=0.4, steps=60, **settings):
    bus = MessageBus(single_decree(["tea", "coffee"], acceptors=acceptors), seed=seed, **settings)
    bus.run(seeded(seed, faults=faults), max_steps=steps)
    return bus


def logs(seed, steps=90, servers=3):
    bus = MessageBus(
        replicated_log([[Put("x", "tea")], [Append("x", "milk")]], servers=servers), seed=seed, loss=0.1
    )
    bus.run(max_steps=steps)
    return bus


RUNS = {
    "in order": lambda seed: single(seed, faults=0, delay=1),
    "faults": single,
    "many faults": lambda seed: single(seed, faults=0.8, steps=90),
    "five acceptors": lambda seed: single(seed, acceptors=5, faults=0, delay=1),
    "seven acceptors": lambda seed: single(seed, acceptors=7),
    "log": logs,
    "five servers": lambda seed: logs(seed, servers=5),
}


@pytest.mark.parametrize("run", RUNS)
def test_no_arrow_passes_through_the_mark_of_a_node_that_it_does_not_concern(run):
    arrows = 0
    for seed in range(6):
        svg = space_time(RUNS[run](seed).trace).svg()
        assert through_foreign_marks(svg) == []
        arrows += len(parts(svg).arrows)
    assert arrows > 100, "the test sees the arrows"


def test_the_measure_finds_an_arrow_through_a_mark():
    bus = MessageBus(single_decree(["tea"]), delay=1)
    bus.run(max_steps=10)
    svg = space_time(bus.trace).svg()
    first = parts(svg).arrows[0].line
    (x0, y0), (x1, y1) = first[0], first[-1]
    spot = f'<ellipse fill="white" cx="{(x0 + x1) / 2:.2f}" cy="{(y0 + y1) / 2:.2f}" rx="3.96" ry="3.96"/>'
    spoiled = svg.replace("</g>\n</svg>", f'<g class="node">{spot}</g></g>\n</svg>')
    assert spoiled != svg and len(through_foreign_marks(spoiled)) >= 1


def test_two_messages_of_one_broadcast_never_share_a_line():
    bus = MessageBus(single_decree(["tea"], acceptors=5), delay=1)
    bus.run(max_steps=6)
    arrows = [a for a in parts(space_time(bus.trace).svg()).arrows if a.colour == "#0072b2"]
    for one in arrows:
        for other in arrows:
            if one is not other and other.line[-1][0] < one.line[-1][0]:
                assert one.distance(*other.line[-1]) > RADIUS


@pytest.mark.parametrize("run", ["faults", "seven acceptors", "log", "five servers"])
def test_in_a_cluster_an_arrow_goes_round_the_box_of_a_third_node(run):
    arrows = 0
    for seed in range(3):
        bus = RUNS[run](seed)
        for back in (0, 7, 15):
            bus.rewind(max(0, len(bus.trace) - back))
            svg = cluster(bus).svg()
            assert through_foreign_boxes(svg) == []
            arrows += len(parts(svg).arrows)
    assert arrows > 8


def test_in_a_history_no_arrow_runs_through_the_bar_of_another_operation():
    operations = [
        Operation("c1", Put("x", "1"), NO_REPLY, 0),
        Operation("c2", Get("x"), "1", 1, 4),
        Operation("c1", Put("x", "2"), NO_REPLY, 2),
        Operation("c3", Append("x", "a long text that is cut"), "1", 3, 9),
        Operation("c2", Get("x"), NO_REPLY, 5),
    ]
    picture = history_picture(operations)
    svg = picture.svg()
    assert len([a for a in parts(svg).arrows if abs(a.line[0][1] - a.line[-1][1]) < 1]) == 3, (
        "one per open bar"
    )
    assert through_foreign_boxes(svg) == []
    assert "not to scale" in picture.caption
    assert any("not to scale" in words for words, _, _ in parts(svg).texts)


@pytest.mark.parametrize("run", RUNS)
def test_text_is_never_smaller_than_a_laptop_can_show(run):
    bus = RUNS[run](1)
    for picture in (space_time(bus.trace), cluster(bus)):
        svg = fit(picture.svg(), PAGE_WIDTH)
        assert min(font_sizes(svg)) > LEAST_TEXT - 0.1
        least = re.search(r"min-width:(\d+)px", picture.still()["text/html"])
        assert least and 100 < int(least[1]) <= PAGE_WIDTH


def test_a_lost_message_ends_before_its_own_addressee_and_says_whose_it_was():
    for lost in range(3):
        bus = MessageBus(single_decree(["tea"]), delay=1)
        bus.apply(Drop(bus.in_flight[lost]))
        bus.run(max_steps=12)
        drawing = parts(space_time(bus.trace).svg())
        lines = {words: x for words, x, _ in drawing.texts if words in bus.names}
        cross = next(x for words, x, _ in drawing.texts if words == "x")
        said = next(words for words, _, _ in drawing.texts if words.startswith("lost"))
        assert said == f"lost: Prepare(1.p1) p1 to a{lost + 1}"
        own = lines[f"a{lost + 1}"]
        before = max(x for x in lines.values() if x < own)
        assert before + 20 < cross < own - 20, "in the last gap on its way, on nobody's line"
        assert any(abs(arrow.line[-1][0] - cross) < 12 for arrow in drawing.arrows)


def test_the_legend_names_the_kinds_that_occur_and_no_other():
    def named(bus, draw):
        return [
            words
            for words, _, _ in parts(draw(bus).svg()).texts
            if re.fullmatch(r"[A-Z]\w+|on its way", words)
        ]

    bus = MessageBus(single_decree(["tea"]), delay=1)
    assert named(bus, lambda bus: space_time(bus.trace)) == ["Prepare", "on its way"]
    assert named(bus, cluster) == ["Prepare"]
    bus.run()
    assert named(bus, lambda bus: space_time(bus.trace)) == ["Prepare", "Promise", "Accept", "Accepted"]

    class Talks(Node):
        def receive(self, sender, message):
            self.send("b", message)

    own = MessageBus([Talks("a"), Node("b")])
    own.apply(Invoke("a", "hello"))
    own.run()
    assert named(own, lambda bus: space_time(bus.trace)) == []


def test_where_a_step_stands_does_not_depend_on_what_comes_later():
    trace = single(2, acceptors=5, steps=50).trace
    names = trace.names

    def marks(part):
        lines = space_time(part, names).source.splitlines()
        return {line for line in lines if line.strip().startswith("step") and "->" not in line}

    assert marks(trace[:10]) < marks(trace[:25]) < marks(trace)


def stored_pictures():
    """Each SVG that stands in a lesson, with its name."""
    for path in sorted(LESSONS.glob("*.ipynb")):
        for number, cell in enumerate(json.loads(path.read_text())["cells"]):
            for output in cell.get("outputs", []):
                if svg := output.get("data", {}).get("image/svg+xml"):
                    yield f"{path.stem} cell {number}", "".join(svg)


def test_no_arrow_of_a_lesson_passes_through_a_foreign_mark_and_no_text_is_small():
    found, seen = [], 0
    for name, svg in stored_pictures():
        if 'class="graph"' not in svg:
            continue  # a chart
        seen += 1
        if min(font_sizes(svg)) < LEAST_TEXT - 0.1:
            found.append(f"{name}: text of {min(font_sizes(svg)):.1f} px")
        if through_foreign_marks(svg):
            found.append(f"{name}: {len(through_foreign_marks(svg))} arrows through foreign marks")
    assert seen > 40 and found == []
