"""Plain data: copies share nothing, messages cannot change, JSON comes back exactly."""

import enum
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paxos_lab import LabError
from paxos_lab.paxos import (
    Accept,
    Accepted,
    Ballot,
    Flexible,
    Grid,
    Nack,
    Prepare,
    Promise,
    Proposal,
    Weighted,
)
from paxos_lab.world.data import NotPlain, copy_of, from_json, to_json, why_mutable


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


@dataclass(frozen=True, eq=False)
class Faceless:
    n: int


@dataclass(frozen=True)
class Computed:
    """Its constructor takes something else than its fields."""

    double: int

    def __init__(self, single):
        object.__setattr__(self, "double", 2 * single)


@pytest.mark.parametrize(
    "value",
    [Computed(3), Weighted({"a": 2, "b": 1}), Grid([["a", "b"], ["c", "d"]]), Flexible(2, 2), Thawed([Computed(1)])],
)  # fmt: skip
def test_a_constructor_of_its_own_is_no_hindrance(value):
    assert from_json(json.loads(json.dumps(to_json(value)))) == value
    assert copy_of([value, [1]]) == [value, [1]]


def test_a_class_that_compares_by_identity_is_no_message():
    assert "leave out eq=False" in why_mutable(Faceless(1))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Counter("ab"), "use a plain dict"),
        (defaultdict(list), "use a plain dict"),
        ({object()}, "not compared"),
    ],
)
def test_what_looks_like_plain_data_is_told_apart(value, said):
    with pytest.raises(NotPlain, match=said):
        copy_of(value)


@pytest.mark.parametrize(
    "data",
    [
        {"$": "set", "items": [[1]]},
        {"$": "tuple", "items": 3},
        {"$": "dict", "items": [1]},
        {"$": "bytes", "hex": "zz"},
        {"$": "float", "value": "many"},
        {"$": f"{__name__}:Colour", "name": "BLUE"},
        {"$": f"{__name__}:Colour"},
        {"$": f"{__name__}:Pair", "left": 1},
        {"$": f"{__name__}:Frozen", "inside": 1, "more": 2},
        {"$": f"{__name__}:Frozen.__init__"},
        {"$": 3},
        {},
    ],
)
def test_spoilt_data_is_refused_and_says_so(data):
    with pytest.raises(LabError):
        from_json(data)
