"""What is equal in Python and not the same: `explore` refuses such messages, and says so of such fields."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from paxos_lab import Node
from paxos_lab.node import RoleError
from paxos_lab.verify import Faults, explore


@dataclass(frozen=True)
class Said:
    what: Any


class Ping(NamedTuple):
    number: int


class Pong(NamedTuple):
    number: int


@dataclass
class Says(Node):
    to: str
    messages: tuple

    def start(self):
        for message in self.messages:
            self.send(self.to, message)


@dataclass
class Hears(Node):
    got: str = ""

    def receive(self, sender, message):
        self.got = repr(message)


@dataclass
class Turns(Node):
    done: Any = 0
    after: Any = False

    def start(self):
        self.set_timer("turn", 1)

    def timeout(self, timer):
        self.done = self.after


def nothing_is_wrong(sent, nodes):
    return None


METHODS = ("auto", "plain", "numbered")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "messages",
    [(Said(1), Said(True)), (Said(0.0), Said(-0.0)), (Ping(1), Pong(1)), (Said((1, 2)), Said((1.0, 2)))],
    ids=str,
)
def test_messages_that_are_equal_and_not_the_same_are_refused(messages, method):
    with pytest.raises(RoleError, match="are equal in Python and not the same"):
        explore([Says("s", "r", messages), Hears("r")], (nothing_is_wrong,), method=method)


@pytest.mark.parametrize("method", METHODS)
def test_a_nan_in_a_message_is_refused(method):
    with pytest.raises(RoleError, match="there is a NaN in it"):
        explore([Says("s", "r", (Said(float("nan")),)), Hears("r")], (nothing_is_wrong,), method=method)


def test_the_same_message_twice_is_explored():
    found = explore([Says("s", "r", (Said("x"), Said("x"), Said("y"))), Hears("r")], (nothing_is_wrong,))
    assert found.ok and found.complete and found.remark == ""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("after", "said"), [(False, "0 and False"), (0.0, "0 and 0.0")])
def test_a_field_with_two_equal_values_is_named(after, said, method):
    found = explore([Turns("n", after=after)], (nothing_is_wrong,), Faults(timeouts=2), method=method)
    assert f"n.done was {said}, which are equal in Python" in str(found)


def test_a_field_of_one_type_is_no_remark():
    found = explore([Turns("n", after=1)], (nothing_is_wrong,), Faults(timeouts=2))
    assert found.remark == ""
