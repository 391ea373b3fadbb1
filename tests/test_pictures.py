"""Pictures: pinned, reproducible, safe with whatever a learner types, and never without words."""

import base64
import re
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from typing import Any

import pytest
from graphviz.backend import dot_command

from paxos_lab import Drop, LabError, MessageBus, Node, Trace, multipaxos, paxos, seeded, setting, stable
from paxos_lab.paxos import Ballot, Flexible, Majority, single_decree
from paxos_lab.show import NoEngine, ballot_board, cluster, line_chart, quorum_overlap, space_time
from paxos_lab.show.draw import curves
from paxos_lab.show.draw import engine as engine_module
from paxos_lab.show.draw.cluster import holdings
from paxos_lab.show.draw.lines import line_of
from paxos_lab.show.draw.picture import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY
from paxos_lab.words.text import markdown, short

HOSTILE = [
    "<script>alert(1)</script>",
    "\"quotes\" and 'more'",
    "two\nlines\r\nand\ttabs",
    "x" * 10_000,
    "\\N \\G \\l back\\slash\\",
    "&amp; & &#60;b&#62;",
    "</svg><svg onload=alert(1)>",
    "<b>bold</b>",
    "]]> --> \x00\x07\x1b[31m",
    "ключ 值 🔑 \u202e",
    "",
]

ONE = Ballot(1, "p1")
SHAPES = {"svg", "g", "polygon", "path", "text", "ellipse", "polyline", "circle", "rect", "line"}


def finished(values=("x", "y"), **settings):
    bus = MessageBus(single_decree(values), **settings)
    bus.run()
    return bus


def elements(svg):
    return {e.tag.rpartition("}")[2] for e in ElementTree.fromstring(svg).iter()}


def words(svg):
    return " ".join(e.text or "" for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text"))


def all_pictures(bus):
    members = [n.name for n in bus if type(n).__name__ == "Acceptor"]
    return [space_time(bus.trace), cluster(bus), ballot_board(bus.trace), quorum_overlap(Majority(members))]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda v: repr(v)[:20])
def test_what_a_learner_types_never_becomes_markup(value):
    for done in range(0, 30, 7):
        bus = MessageBus(single_decree([value, "plain"]), seed=3)
        bus.run(max_steps=done)
        for picture in all_pictures(bus):
            svg = picture.svg()
            assert elements(svg) <= SHAPES
            assert len(svg) < 100_000
            attributes = {a.lower() for e in ElementTree.fromstring(svg).iter() for a in e.attrib}
            assert not any(a.startswith("on") for a in attributes)


@pytest.mark.parametrize("name", [n for n in HOSTILE if n], ids=lambda v: repr(v)[:20])
def test_hostile_names_are_drawn_too(name):
    nodes = single_decree(["x"])
    for node in nodes:
        node.name = node.name + name
    proposer, *rest = nodes
    proposer.acceptors = tuple(n.name for n in rest if n.name.startswith("a"))
    for node in rest[:3]:
        node.learners = (rest[-1].name,)
    bus = MessageBus(nodes)
    bus.run(max_steps=12)
    for picture in (space_time(bus.trace), cluster(bus), ballot_board(bus.trace)):
        assert elements(picture.svg()) <= SHAPES


def test_each_picture_has_a_caption_and_a_twin_in_words():
    for picture in all_pictures(finished()):
        assert picture.caption.endswith(".")
        assert picture.alt
        root = ElementTree.fromstring(picture.svg())
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-label"].startswith(picture.caption[:200])


def test_the_same_run_gives_the_same_picture():
    assert space_time(finished().trace).svg() == space_time(finished().trace).svg()
    assert space_time(finished().trace).svg() != space_time(finished(seed=1).trace).svg()


def test_the_svg_says_nothing_of_the_engine_that_drew_it():
    svg = space_time(finished().trace).svg()
    assert svg.startswith("<svg ")
    assert "<!--" not in svg
    assert "raphviz" not in svg


def test_a_step_stays_where_it_is_when_the_run_goes_on():
    trace = finished().trace
    names = trace.names

    def points(part):
        lines = space_time(part, names).source.splitlines()
        return {line for line in lines if line.strip().startswith("step") and "->" not in line}

    few, more, most = (points(trace[:n]) for n in (5, 12, 30))
    assert few < more < most


def test_every_step_has_its_row_and_every_loss_is_said():
    bus = MessageBus(single_decree(["x"]))
    bus.apply(Drop(bus.in_flight[0]))
    bus.run()
    picture = space_time(bus.trace)
    svg = picture.svg()
    assert "lost: Prepare(1.p1)" in words(svg)
    assert "1 lost" in picture.caption
    assert len(picture.alt.splitlines()) == len(bus.trace)
    for step in bus.trace:
        assert f">{step.step}<" in svg


def test_space_time_draws_runs_with_every_kind_of_fault():
    kinds = set()
    for seed in range(12):
        bus = MessageBus(single_decree(["x", "y"]), seed=seed)
        bus.run(seeded(seed, faults=0.6), max_steps=60)
        kinds |= {type(step.event).__name__ for step in bus.trace}
        ElementTree.fromstring(space_time(bus.trace).svg())
        ElementTree.fromstring(cluster(bus).svg())
    assert kinds >= {"Crash", "Restart", "Partition", "Heal", "Drop", "Duplicate", "Timeout", "Deliver"}


def test_an_empty_trace_is_a_picture_too():
    assert space_time(Trace()).caption == "Nothing has happened yet."
    assert ballot_board(Trace()).caption == "No ballot has been opened yet."
    ElementTree.fromstring(space_time(Trace()).svg())


def test_cluster_tells_disk_from_memory_and_who_is_down():
    bus = MessageBus(single_decree(["x"]))
    bus.crash("a2")
    bus.deliver(bus.in_flight[0])
    picture = cluster(bus)
    assert "a2 (Acceptor) DOWN; disk: promised = 0" in picture.alt
    assert "a1 (Acceptor); disk: promised = 1.p1" in picture.alt
    assert "memory: learned" in picture.alt
    assert "In flight: #2 p1" in picture.alt


def test_the_board_says_what_is_chosen_what_is_open_and_what_is_dead():
    bus = MessageBus(single_decree(["x", "y"]), idle=["p2"])
    for e in bus.in_flight[:2]:
        bus.deliver(e)
    assert ballot_board(bus.trace).alt.endswith("It could still be chosen.")
    assert "nothing chosen yet" in ballot_board(bus.trace).caption
    bus.start("p2")
    for e in [e for e in bus.in_flight if e.sender == "p2"]:
        bus.deliver(e)
    lines = ballot_board(bus.trace).alt.splitlines()
    assert lines[0].startswith("Ballot 1.p1") and lines[0].endswith("It will never be chosen.")
    assert "closed" in lines[0]
    bus.run()
    assert "chosen: ballot" in ballot_board(bus.trace).caption
    lines = ballot_board(bus.trace).alt.splitlines()
    assert any("voted y" in line and line.endswith("It is chosen.") for line in lines)


def test_overlap_names_the_shared_members_or_the_gap():
    five = Majority(["a1", "a2", "a3", "a4", "a5"])
    assert "They share a3." in quorum_overlap(five, {"a1", "a2", "a3"}, {"a3", "a4", "a5"}).caption
    assert "Not a phase 2 quorum" in quorum_overlap(five, {"a1", "a2", "a3"}, {"a4", "a5"}).caption
    assert "does no harm" in quorum_overlap(five, {"a1", "a2", "a3"}, {"a4", "a5"}).caption
    assert "They share nobody: a gap" in quorum_overlap(Flexible(1, 2, ["a1", "a2", "a3"])).caption
    assert "They share nobody" not in quorum_overlap(five).caption
    with pytest.raises(LabError, match="no member"):
        quorum_overlap(five, {"b1"}, {"a1"})
    with pytest.raises(LabError, match="both"):
        quorum_overlap(five, {"a1"})


@pytest.fixture
def fresh_engine(monkeypatch):
    monkeypatch.setattr(dot_command, "DOT_BINARY", dot_command.DOT_BINARY)
    engine_module.use_engine.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    engine_module.use_engine.cache_clear()


def test_a_dot_on_the_path_is_preferred(fresh_engine):
    fresh_engine.setattr(shutil, "which", lambda name: "/somewhere/dot")
    before = dot_command.DOT_BINARY
    assert engine_module.use_engine() == "/somewhere/dot"
    assert before == dot_command.DOT_BINARY  # the library finds `dot` by itself


def test_without_dot_the_pip_installed_engine_draws(fresh_engine):
    fresh_engine.setattr(shutil, "which", lambda name: None)
    assert "graphviz-pure" in engine_module.use_engine()
    assert "<svg" in space_time(finished().trace).svg()


def test_without_any_engine_the_message_says_what_to_install(fresh_engine):
    fresh_engine.setattr(shutil, "which", lambda name: None)
    fresh_engine.setattr(engine_module.importlib.metadata, "files", lambda name: None)
    with pytest.raises(NoEngine, match="pip install graphviz-pure"):
        space_time(finished().trace).svg()


def test_short_is_one_line_and_markdown_is_inert():
    assert short("a\nb\tc") == "a b c"
    assert short("x" * 50, 10) == "xxxxxxx..."
    for value in HOSTILE:
        assert not set("<>`*_[]\\") & set(markdown(value))


@dataclass(frozen=True)
class Accept:
    """A learner's own message, called as two of ours are."""

    ballot: Ballot
    value: str


@dataclass
class Sender(Node):
    what: Any = None

    def start(self):
        self.send("b", self.what)


@pytest.mark.parametrize("draw", [lambda bus: space_time(bus.trace), cluster], ids=["space_time", "cluster"])
def test_a_message_of_ones_own_is_not_drawn_as_the_one_of_ours_that_has_its_name(draw):
    def bold(message):
        source = draw(MessageBus([Sender("a", message), Node("b")])).source
        return sum(ORANGE in line for line in source.splitlines() if "->" in line and "legend" not in line)

    ballot = Ballot(1, "a")
    assert bold(multipaxos.Accept(ballot, 1, ())) == bold(paxos.Accept(ballot, "x")) == 1
    assert bold(Accept(ballot, "x")) == 0


def test_holdings_show_what_may_change_whatever_it_is_called():
    @dataclass
    class Counter(Node):
        others: tuple
        log: list
        patience: float = setting(3.0)
        value: int = 0
        clients: int = stable(0)

        def receive(self, sender, message):
            self.value += 1
            self.clients += 1

    bus = MessageBus([Counter("c", ("d",), [])])
    bus.invoke("c", 1)
    assert holdings(bus["c"]) == ([("clients", "1")], [("log", "-"), ("value", "1")])
    kinds = {type(node).__name__: holdings(node) for node in single_decree(["x"], acceptors=1)}
    assert [name for name, _ in kinds["Proposer"][1]] == [
        "ballot",
        "promises",
        "proposal",
        "voters",
        "learned",
    ]
    assert [name for name, _ in kinds["Acceptor"][1]] == []
    assert [name for name, _ in kinds["Learner"][1]] == ["votes", "learned"]


# ---- colours, on white and on a dark page, where CSS inverts them by 0.93 and turns the hue back


def on_a_dark_page(colour):
    red, green, blue = (0.93 - 0.86 * int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    half_turn = (
        (-0.574, 1.43, 0.144),
        (0.426, 0.43, 0.144),
        (0.426, 1.43, -0.856),
    )
    return [min(1.0, max(0.0, r * red + g * green + b * blue)) for r, g, b in half_turn]


def luminance(channels):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def as_drawn(colour):
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


@pytest.mark.parametrize("colour", [BLUE, SKY, GREEN, ORANGE, PURPLE, GREY, INK])
@pytest.mark.parametrize("seen", [as_drawn, on_a_dark_page])
def test_every_colour_of_text_and_lines_is_read_on_a_light_and_on_a_dark_page(seen, colour):
    assert contrast(seen(colour), seen("#ffffff")) >= 4.5


@pytest.mark.parametrize(
    "fill", ["#BFE3D6", "#D6E6F2", "#E4E4E4", "#FBDCC8", "#F5E6A8", "#F3F7FA", "#E8EEF2"]
)
@pytest.mark.parametrize("seen", [as_drawn, on_a_dark_page])
def test_text_is_read_on_every_filled_box(seen, fill):
    assert contrast(seen(INK), seen(fill)) >= 4.5


def test_the_kinds_of_messages_are_told_apart_without_colour():
    looks = [
        line_of(m)
        for m in (
            paxos.Prepare(ONE),
            paxos.Promise(ONE, None),
            paxos.Accept(ONE, "x"),
            paxos.Accepted(ONE, "x"),
            paxos.Nack(ONE, ONE),
        )
    ]
    assert len({look["style"] for look in looks}) == len(looks)


def test_a_picture_is_one_figure_with_its_name_its_caption_and_its_words():
    shown = []
    picture = space_time(finished().trace)
    for bundle in (picture.still(), cluster(finished()).still("Stepper"), some_chart(shown)):
        html = bundle["text/html"]
        page = ElementTree.fromstring("<p>" + re.sub("(<img[^>]*)>", r"\1/>", html) + "</p>")
        image = page.find(".//img")
        assert image.get("alt") == bundle["text/plain"]
        source = base64.b64decode(image.get("src").removeprefix("data:image/svg+xml;base64,")).decode()
        assert source == bundle["image/svg+xml"] and source.startswith("<svg ")
        assert page.findtext(".//figcaption/em") == bundle["text/plain"]
        assert (
            page.find(".//details/summary") is not None
            and len(page.findall(".//li") + page.findall(".//tr")) > 3
        )
    assert picture.still("Stepper.")["text/plain"].startswith("Stepper. Time runs down")


def some_chart(shown):
    """What a chart gives to the page."""
    chart = line_chart({"one": {1: 2.0, 2: 3.0, 4: 5.0}}, "window", "commands", "A caption & more.")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "display", lambda bundle, raw: shown.append(bundle))
        chart._ipython_display_()
    return shown[0]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda v: repr(v)[:20])
def test_what_a_learner_types_stays_text_in_the_figure_too(value):
    html = space_time(finished([value, "plain"]).trace).still()["text/html"]
    assert "<script" not in html and "<b>" not in html and "onload=alert(1)>" not in html
