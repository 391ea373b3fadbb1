"""What Python calls equal and a role can tell apart: no search may take one for the other."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

import pytest

from paxos_lab import Node
from paxos_lab.verify import Faults, explore, looks_at

METHODS = ("plain", "numbered", "reduced", "auto")


@dataclass(frozen=True)
class Holds:
    what: Any


@dataclass(frozen=True)
class LeavesOut:
    counted: int
    left_out: int = field(default=0, compare=False)


class Ping(NamedTuple):
    number: int


class Pong(NamedTuple):
    number: int


class Level(IntEnum):
    ONE = 1


class Word(str):
    def __repr__(self):
        return f"Word({str(self)!r})"


PAIRS = [
    (Holds(1), Holds(True)),
    (Holds(0.0), Holds(-0.0)),
    (Holds(1), Holds(1.0)),
    (Holds((1, 2)), Holds((True, 2))),
    (Holds(frozenset({1})), Holds(frozenset({True}))),
    (Holds(1), Holds(Level.ONE)),
    (Holds("a"), Holds(Word("a"))),
    (LeavesOut(1, 0), LeavesOut(1, 5)),
    (Ping(1), Pong(1)),
]


@dataclass
class Receives(Node):
    got: str = ""

    def receive(self, sender, message):
        self.got = repr(message)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pair", PAIRS, ids=repr)
def test_both_messages_arrive(pair, method):
    @dataclass
    class Sends(Node):
        def start(self):
            for message in pair:
                self.send("r", message)

    for one in pair:
        words = repr(one)

        @looks_at(fields=["got"])
        def came(sent, nodes, wanted=words):
            return f"it got {wanted}" if nodes["r"].got == wanted else None

        found = explore([Sends("s"), Receives("r")], [came], method=method)
        assert not found.ok and repr(found.bus["r"].got) == repr(repr(one))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("before", "after"), [(0, False), (1, 1.0), ({1: 0}, {1: False}), ({1: 0}, {True: 0}), ([1], [True])]
)
def test_both_states_are_visited(before, after, method):
    @dataclass
    class Turns(Node):
        held: Any = None

        def start(self):
            self.held = before
            self.set_timer("turn", 1)

        def timeout(self, timer):
            self.held = after

    @looks_at(fields=["held"])
    def turned(sent, nodes):
        return "it turned" if repr(nodes["t"].held) == repr(after) else None

    assert not explore([Turns("t")], [turned], Faults(timeouts=1), method=method).ok


@pytest.mark.parametrize("method", METHODS)
def test_a_nan_in_a_message_is_found_again_on_the_bus(method):
    @dataclass
    class Sends(Node):
        def start(self):
            self.send("r", Holds(float("nan")))

    @looks_at(fields=["got"])
    def came(sent, nodes):
        return "it came" if nodes["r"].got else None

    found = explore([Sends("s"), Receives("r")], [came], method=method)
    assert not found.ok and found.bus["r"].got == "Holds(what=nan)"
