"""The box that every widget stands in: keys and a voice by construction, and something left behind."""

import importlib
import inspect
import re
from pathlib import Path

import ipywidgets as widgets
import pytest

import paxos_lab
from paxos_lab import MessageBus
from paxos_lab.multipaxos import Put, replicated_log
from paxos_lab.paxos import single_decree
from paxos_lab.show import Duel, FaultGrid, FlexibleLab, LogLab, QuorumLab, Stepper
from paxos_lab.show.widgets.box import AGAIN, VIEW, LabBox, Lasting, OwnKeys, Said
from paxos_lab.teach import (
    AdversaryGame,
    Deck,
    MockInterview,
    MutationGallery,
    Whiteboard,
    hint,
    predict,
    refute,
)  # fmt: skip
from paxos_lab.verify import find_variant

EVERY = {
    "stepper": lambda: Stepper(MessageBus(single_decree(["tea"]))),
    "grid": lambda: FaultGrid(lambda: single_decree(["tea"])),
    "quorums": QuorumLab,
    "flexible": FlexibleLab,
    "log": lambda: LogLab(MessageBus(replicated_log([[Put("x", 1)]]), delay=1)),
    "duel": Duel,
    "guess": lambda: predict("k", "Who wins?", ["tea", "coffee"], 0, "It was first."),
    "gallery": lambda: MutationGallery([find_variant("M5")]),
    "game": lambda: AdversaryGame(lambda: single_decree(["x", "y"]), "Break it"),
    "deck": Deck,
    "mock": MockInterview,
    "whiteboard": Whiteboard,
    "hints": lambda: hint("acceptor.accept"),
    "claim": lambda: refute("accepted-is-final"),
}
every_widget = pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)


def classes():
    top = Path(paxos_lab.__file__).parent
    for folder in ("show", "teach"):
        for path in sorted((top / folder).rglob("*.py")):
            if path.stem != "__init__":
                module = importlib.import_module(
                    "paxos_lab." + ".".join(path.relative_to(top).with_suffix("").parts)
                )
                yield from (
                    found for _, found in inspect.getmembers(module, inspect.isclass)
                    if found.__module__ == module.__name__
                )  # fmt: skip


def test_every_box_of_the_package_is_a_lab_box():
    boxes = [found for found in classes() if issubclass(found, widgets.Box)]
    assert len(boxes) >= 13
    assert [found.__name__ for found in boxes if not issubclass(found, LabBox)] == []


def inside(widget):
    for child in getattr(widget, "children", ()):
        yield child
        yield from inside(child)


@every_widget
def test_its_keys_are_its_own_whatever_is_put_into_it(make):
    box = make()
    if isinstance(box, LabBox):
        assert any(isinstance(child, OwnKeys) for child in box.children)
        box.put(widgets.Label("other"))
        assert isinstance(box.children[0], OwnKeys) and len(box.children) == 2


@every_widget
def test_every_button_has_words_and_a_tip_and_none_is_disabled(make):
    buttons = [one for one in inside(make()) if isinstance(one, widgets.Button)]
    assert all(one.description and one.tooltip and not one.disabled for one in buttons)


@every_widget
def test_what_is_said_aloud_is_short(make):
    for region in inside(make()):
        if isinstance(region, Said):
            assert "<svg" not in region.value and "role=" not in region.value


@pytest.fixture
def displayed(monkeypatch):
    """A function (widget) -> the bundles that a notebook gets of it."""
    shown = []
    monkeypatch.setattr("paxos_lab.show.widgets.box.display", lambda data, raw: shown.append(data))
    return lambda widget: widget._ipython_display_() or shown


@every_widget
def test_it_is_shown_and_beside_it_what_stands_there_without_a_kernel(make, displayed):
    box = make()
    assert isinstance(box, Lasting)
    view, left = displayed(box)
    assert set(view) == {VIEW}, "no text beside it, or a page that does not know widgets shows it twice"
    assert "paxos-still" in left["text/html"] and AGAIN in left["text/html"]
    assert left["text/plain"].strip() and VIEW not in left


def test_what_is_left_is_an_image_with_a_name_so_that_an_untrusted_page_shows_it():
    html = Stepper(MessageBus(single_decree(["tea"]))).still()["text/html"]
    assert (
        re.search(r'<img [^>]*alt="Stepper\. Time runs down', html)
        and 'src="data:image/svg+xml;base64,' in html
    )
    assert "<svg" not in html


def test_a_still_in_words_shows_what_a_learner_typed_as_it_is(displayed):
    _, left = displayed(predict("evil", "<img src=x onerror=alert(1)>", ["a", "b"], 0, "w"))
    assert "<img" not in left["text/html"] and "&lt;img" in left["text/html"]
