"""Plain data: copies share nothing, messages cannot change, JSON comes back exactly."""

import enum
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paxos_lab import LabError
from paxos_lab.paxos import Accept, Accepted, Ballot, Nack, Prepare, Promise, Proposal
from paxos_lab.plain import NotPlain, copy_of, from_json, to_json, why_mutable


class Colour(enum.Enum):
    RED = 1


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass(frozen=True)
class Frozen:
    inside: Any


@dataclass
class Thawed:
    inside: Any


atoms = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
hashable = st.recursive(
    atoms,
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3) | st.builds(Frozen, inner),
    max_leaves=8,
)
values = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.sets(hashable, max_size=3)
        | st.dictionaries(hashable, inner, max_size=3)
        | st.builds(Pair, inner, inner)
        | st.builds(Thawed, inner)
    ),
    max_leaves=12,
)
ballots = st.builds(Ballot, st.integers(0, 99), st.text())
proposals = st.builds(Proposal, ballots, hashable)
messages = (
    st.builds(Prepare, ballots)
    | st.builds(Promise, ballots, st.none() | proposals)
    | st.builds(Accept, ballots, hashable)
    | st.builds(Accepted, ballots, hashable)
    | st.builds(Nack, ballots, ballots)
)


@given(values)
def test_json_comes_back_exactly(value):
    again = from_json(json.loads(json.dumps(to_json(value))))
    assert again == value
    assert repr(again) == repr(value) or isinstance(value, set | frozenset | dict) or "{" in repr(value)


@given(messages)
def test_messages_survive_json_and_keep_their_class(message):
    again = from_json(json.loads(json.dumps(to_json(message))))
    assert again == message and type(again) is type(message)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), Colour.RED, Pair(1, [2]), 1.0, True])
def test_kinds_are_kept(value):
    again = from_json(json.loads(json.dumps(to_json(value), allow_nan=False)))
    assert again == value and type(again) is type(value)


@given(values)
def test_a_copy_is_equal_and_shares_nothing_that_can_change(value):
    again = copy_of(value)
    assert again == value
    if isinstance(value, list):
        again.append("more")
        assert again != value
    if isinstance(value, Thawed):
        again.inside = object
        assert value.inside is not object


def test_a_copy_goes_all_the_way_down():
    value = {"a": [Thawed([1])], "b": ({"c": {1}},)}
    again = copy_of(value)
    again["a"][0].inside.append(2)
    again["b"][0]["c"].add(2)
    assert value == {"a": [Thawed([1])], "b": ({"c": {1}},)}


@given(messages)
def test_the_messages_of_paxos_cannot_change(message):
    assert why_mutable(message) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1], "list, which can be changed: use a tuple"),
        ({1}, "use a frozenset"),
        ({1: 2}, "use a tuple of pairs"),
        (bytearray(b"x"), "use bytes"),
        (Thawed(1), "not frozen: write @dataclass(frozen=True)"),
        (Frozen([1]), "Frozen.inside is a list"),
        ((1, [2]), "an item of it is a list"),
        (object(), "not compared by its value"),
        (lambda: 1, "not compared by its value"),
    ],
)
def test_what_could_change_is_named_with_its_cure(value, said):
    assert said in why_mutable(value)


@pytest.mark.parametrize("value", [object(), lambda: 1, iter([1]), [object()], {"k": object()}])
def test_what_is_no_data_cannot_be_copied(value):
    with pytest.raises(NotPlain):
        copy_of(value)


def test_what_is_no_data_cannot_be_written():
    with pytest.raises(NotPlain, match="plain data or a dataclass"):
        to_json(object())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"$": "no.such.module:Thing"}, "not known here"),
        ({"$": "os:system", "command": "true"}, "not known here"),
        ({"$": "subprocess:Popen", "args": "true"}, "not known here"),
        ({"$": "builtins:eval", "source": "1"}, "not known here"),
        ({"$": "paxos_lab.paxos.messages:Prepare", "wrong": 1}, "does not have these parts"),
        ({"key": 1}, r"expected an object with the key '\$'"),
    ],
)
def test_json_from_a_stranger_builds_nothing_but_data(data, said):
    with pytest.raises(LabError, match=said):
        from_json(data)


def test_a_class_that_is_not_at_a_modules_top_can_be_handed_in():
    @dataclass(frozen=True)
    class Local:
        n: int

    data = to_json(Local(3))
    with pytest.raises(LabError, match="pass it in `types`"):
        from_json(data)
    assert from_json(data, [Local]) == Local(3)


def test_sets_are_written_in_an_order_that_does_not_depend_on_the_hash_seed():
    assert to_json({"b", "a", "c"})["items"] == ["a", "b", "c"]
