"""The linearizability checker: histories known right and known wrong, and a slow checker to agree with."""

import contextlib
import io
import itertools
import math
import random
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paxos_lab import LabError, MessageBus
from paxos_lab.multipaxos import (
    Add,
    Append,
    CompareAndSet,
    Counter,
    Get,
    KeyValueStore,
    Put,
    Request,
    replicated_log,
)
from paxos_lab.show import history_picture
from paxos_lab.verify import ACKNOWLEDGED, NO_REPLY, Operation, key_of, linearizable

# --- A slow checker, written from the definition ---------------------------------------------------


def precedes(a, b, history):
    """Does `a` have to come before `b`? Equal stamps of one client follow in the order of the list."""
    if a.end is None or a is b:
        return False
    if a.client == b.client and a.end == b.begin:
        return (
            a.begin < b.begin
            or b.end is None
            or b.end > b.begin
            or position(a, history) < position(b, history)
        )
    return a.end < b.begin


def position(op, history):
    return next(i for i, other in enumerate(history) if other is op)


def orders(history):
    """Every order of the answered operations and of some without a reply that keeps to the stamps."""
    answered = [op for op in history if op.answered]
    without = [op for op in history if not op.answered]
    for count in range(len(without) + 1):
        for some in itertools.combinations(without, count):
            for order in itertools.permutations([*answered, *some]):
                pairs = itertools.combinations(order, 2)
                if not any(precedes(later, earlier, history) for earlier, later in pairs):
                    yield order


def results(order, machine):
    fresh = machine()
    return [fresh.apply(op.call) for op in order]


def explains(order, machine):
    gave = results(order, machine)
    return all(not op.answered or like(op.result, result) for op, result in zip(order, gave, strict=True))


def like(a, b):
    """Of numbers, texts and None: 1 is no True."""
    return repr(a) == repr(b)


def brute_force(history, machine=KeyValueStore):
    return any(explains(order, machine) for order in orders(history))


def check_witness(verdict, history, machine=KeyValueStore):
    """Replayed, the order gives the replies; it keeps to the stamps; only open operations are left out."""
    order = verdict.order
    assert explains(order, machine)
    assert all(op in order for op in history if op.answered)
    assert all(op in history for op in order) and len({id(op) for op in order}) == len(order)
    moment = None
    for op in order:  # an operation that had to come before has ended before this one's moment
        moment = op.begin if moment is None else max(moment, op.begin)
        assert op.end is None or moment <= op.end
    for client in {op.client for op in order}:
        own = [op for op in order if op.client == client]
        for a, b in itertools.pairwise(own):
            assert b.end is None or not (b.end == a.begin and b.begin < a.begin)


# --- Histories from a real machine -----------------------------------------------------------------


def some_call(rng, keys, values):
    key = f"k{rng.randrange(keys)}"
    return rng.choice(
        [
            Get(key),
            Put(key, rng.randrange(values)),
            Append(key, rng.choice("abc"[:values])),
            CompareAndSet(key, rng.choice([None, *range(values)]), rng.randrange(values)),
        ]
    )


def some_add(rng, keys, values):
    return rng.choice([Get("sum"), Add(rng.randrange(1, values + 1))])


def from_a_machine(seed, clients, each, keys=1, values=3, lost=0.0, machine=KeyValueStore, call=some_call):
    """Clients in lock-step with one machine: call, take effect, reply, each at a stamp of its own."""
    rng = random.Random(seed)
    one, history, now = machine(), [], 0
    doing = dict.fromkeys([f"c{i + 1}" for i in range(clients)])
    left = dict.fromkeys(doing, each)
    while able := [c for c in doing if left[c] or doing[c]]:
        client, now = rng.choice(able), now + 1
        match doing[client]:
            case None:
                doing[client] = ("called", call(rng, keys, values), now)
                left[client] -= 1
            case ("called", what, begin):
                if rng.random() < lost / 2:  # never had its effect
                    history.append(Operation(client, what, NO_REPLY, begin))
                    doing[client] = None
                else:
                    doing[client] = ("done", what, begin, one.apply(what))
            case ("done", what, begin, result):
                open = rng.random() < lost / 2
                history.append(
                    Operation(client, what, *((NO_REPLY, begin) if open else (result, begin, now)))
                )
                doing[client] = None
    return history


def corrupted(history, seed):
    """The history with one result replaced by a likely one."""
    rng = random.Random(seed)
    places = [i for i, op in enumerate(history) if op.answered]
    if not places:
        return history
    i = rng.choice(places)
    likely = [op.result for op in history if op.answered] + [None, 0, 1, True, False, "a"]
    return [*history[:i], replace(history[i], result=rng.choice(likely)), *history[i + 1 :]]


def coarse(history, by):
    """The same with stamps that are often equal."""
    return [replace(op, begin=op.begin // by, end=None if op.end is None else op.end // by) for op in history]


# --- Known histories ------------------------------------------------------------------------------

X = "x"
RIGHT = {
    "empty": [],
    "single client": [
        Operation("c1", Put(X, 1), None, 0, 1),
        Operation("c1", Append(X, "a"), "1a", 2, 3),
        Operation("c1", CompareAndSet(X, "1a", 5), True, 4, 5),
        Operation("c1", Get(X), 5, 6, 7),
    ],
    "a read that overlaps a write sees the old value": [
        Operation("c1", Put(X, 1), None, 0, 5),
        Operation("c2", Get(X), None, 1, 2),
    ],
    "a read that overlaps a write sees the new value": [
        Operation("c1", Put(X, 1), None, 0, 5),
        Operation("c2", Get(X), 1, 1, 2),
        Operation("c3", Get(X), 1, 3, 4),
    ],
    "reply missing, effect seen": [
        Operation("c1", Put(X, 1), NO_REPLY, 0),
        Operation("c2", Get(X), None, 1, 2),
        Operation("c2", Get(X), 1, 3, 4),
    ],
    "reply missing, effect seen long after": [
        Operation("c1", Put(X, 1), NO_REPLY, 0),
        Operation("c2", Put(X, 2), None, 1, 2),
        Operation("c2", Get(X), 2, 3, 4),
        Operation("c2", Get(X), 1, 5, 6),
    ],
    "reply missing, effect never seen": [
        Operation("c1", Put(X, 1), NO_REPLY, 0),
        Operation("c2", Get(X), None, 1, 2),
        Operation("c2", Get(X), None, 3, 4),
    ],
    "two missing replies, both needed, in one order only": [
        Operation("c1", Append(X, "a"), NO_REPLY, 0),
        Operation("c2", Append(X, "b"), NO_REPLY, 0),
        Operation("c3", Get(X), "ba", 1, 2),
    ],
    "the same state by two missing replies, one of which is needed later": [
        Operation("c1", Put(X, 1), NO_REPLY, 0),
        Operation("c2", CompareAndSet(X, None, 1), NO_REPLY, 0),
        Operation("c3", Get(X), 1, 1, 2),
        Operation("c3", Put(X, 9), 1, 3, 4),
        Operation("c3", Get(X), 1, 5, 6),
    ],
    "one client, the next call at the stamp of the reply": [
        Operation("c1", Put(X, 1), None, 0, 2),
        Operation("c1", Get(X), 1, 2, 4),
    ],
    "two clients at one stamp may be in either order": [
        Operation("c1", Put(X, 1), None, 0, 2),
        Operation("c2", Get(X), None, 2, 4),
    ],
}

# name: (history, offending by place, what the sentence says)
WRONG = {
    "stale read": (
        [
            Operation("c1", Put(X, 1), None, 0, 1),
            Operation("c1", Put(X, 2), 1, 2, 4),
            Operation("c2", Get(X), 1, 5, 6),
        ],
        [1, 2],
        "c2's get x gave 1 at 5-6 although c1's put x 2 had ended at 4: it could only have given 2.",
    ),
    "a read goes back behind another read": (
        [
            Operation("c1", Put(X, 1), None, 0, 9),
            Operation("c2", Get(X), 1, 1, 2),
            Operation("c3", Get(X), None, 3, 4),
        ],
        [0, 1, 2],
        "c3's get x gave None at 3-4 although c1's put x 1 ran at 0-9 and c2's get x had ended at 2, giving 1: "
        "it could only have given 1.",
    ),
    "lost update": (
        [
            Operation("c1", CompareAndSet(X, None, 5), True, 0, 1),
            Operation("c1", Append(X, "a"), "5a", 2, 5),
            Operation("c2", Append(X, "b"), "5b", 2, 5),
        ],
        [0, 1, 2],
        "it could only have given '5ab'.",
    ),
    "a duplicate append executed twice": (
        [Operation("c1", Append(X, "a"), "a", 0, 1), Operation("c2", Get(X), "aa", 2, 3)],
        [0, 1],
        "c2's get x gave 'aa' at 2-3 although c1's append x a had ended at 1: it could only have given 'a'.",
    ),
    "a value that nobody wrote": (
        [Operation("c1", Put(X, 1), None, 0, 1), Operation("c2", Get(X), 7, 2, 3)],
        [1],
        "c2's get x gave 7 at 2-3: nothing that was called leads to that, in any order; it could only have given 1.",
    ),
    "a value that nobody wrote, while one is written": (
        [Operation("c1", Put(X, 1), None, 0, 10), Operation("c2", Get(X), 3, 5, 6)],
        [1],
        "c2's get x gave 3 at 5-6: nothing that was called leads to that, in any order; "
        "it could only have given None or 1.",
    ),
    "a value that was overwritten, while another is written": (
        [
            Operation("c1", Put(X, 1), None, 0, 1),
            Operation("c1", Put(X, 2), 1, 2, 3),
            Operation("c2", Put(X, 3), 2, 4, 9),
            Operation("c3", Get(X), 1, 5, 6),
        ],
        [1, 3],
        "c3's get x gave 1 at 5-6 although c1's put x 2 had ended at 3: it could only have given 2 or 3.",
    ),
    "a value before it is written": (
        [Operation("c2", Get(X), 1, 0, 1), Operation("c1", Put(X, 1), None, 2, 3)],
        [0],
        "c2's get x gave 1 at 0-1: it could only have given None.",
    ),
    "both compare-and-sets succeed": (
        [
            Operation("c0", Put(X, 0), None, 0, 1),
            Operation("c1", CompareAndSet(X, 0, 1), True, 2, 6),
            Operation("c2", CompareAndSet(X, 0, 2), True, 3, 5),
        ],
        [0, 1, 2],
        "it could only have given False.",
    ),
    "reply missing, effect seen and then unseen": (
        [
            Operation("c1", Put(X, 1), NO_REPLY, 0),
            Operation("c2", Get(X), 1, 1, 2),
            Operation("c2", Get(X), None, 3, 4),
        ],
        [0, 1, 2],
        "although c1's put x 1 was without a reply since 0 and c2's get x had ended at 2, giving 1: "
        "it could only have given 1.",
    ),
    "one missing reply with two effects": (
        [
            Operation("c1", Put(X, 1), NO_REPLY, 0),
            Operation("c2", Get(X), 1, 1, 2),
            Operation("c2", Put(X, 2), 1, 3, 4),
            Operation("c2", Get(X), 1, 5, 6),
        ],
        [0, 2, 3],
        "it could only have given 2.",
    ),
    "one client does not see its own write, at the stamp of its reply": (
        [Operation("c1", Put(X, 1), None, 0, 2), Operation("c1", Get(X), None, 2, 4)],
        [0, 1],
        "c1's get x gave None at 2-4 although c1's put x 1 had ended at 2: it could only have given 1.",
    ),
    "an effect before its call, at the stamp of the reply": (
        [Operation("c1", Get(X), 1, 0, 2), Operation("c1", Put(X, 1), NO_REPLY, 2)],
        [0],
        "it could only have given None.",
    ),
    "an effect before its call": (
        [Operation("c2", Get(X), 1, 0, 1), Operation("c1", Put(X, 1), NO_REPLY, 2)],
        [0],
        "it could only have given None.",
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_history_has_a_witness(name):
    verdict = linearizable(RIGHT[name])
    assert verdict.ok and verdict and not verdict.broken and not verdict.gave_up
    check_witness(verdict, RIGHT[name])
    assert brute_force(RIGHT[name])


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_history_is_named(name):
    history, offending, sentence = WRONG[name]
    verdict = linearizable(history)
    assert verdict.broken and not verdict and not verdict.ok and not verdict.gave_up and verdict.minimal
    assert verdict.order is None
    assert sorted(map(history.index, verdict.offending)) == offending
    assert sentence in verdict.sentence
    assert str(verdict).startswith("NOT LINEARIZABLE: ")
    assert not brute_force(history) and not brute_force(verdict.offending)


def test_without_the_reply_that_made_it_wrong_each_is_right():
    for history, _, _ in WRONG.values():
        culprit = linearizable(history).culprit
        without = [replace(op, result=NO_REPLY, end=None) if op == culprit else op for op in history]
        assert linearizable(without).ok


def test_the_witness_says_which_missing_reply_had_its_effect():
    seen = linearizable(RIGHT["reply missing, effect seen"])
    unseen = linearizable(RIGHT["reply missing, effect never seen"])
    assert [op.client for op in seen.order] == ["c2", "c1", "c2"]
    assert [op.client for op in unseen.order] == ["c2", "c2"]
    assert "of 1 without a reply, 1 had an effect in it and 0 had none" in seen.sentence
    assert "of 1 without a reply, 0 had an effect in it and 1 had none" in unseen.sentence


# --- Other machines -------------------------------------------------------------------------------


def test_a_counter_is_one_part_although_some_calls_have_a_key():
    twice = [Operation("c1", Add(1), 1, 0, 5), Operation("c2", Add(1), 1, 1, 4)]
    assert linearizable(twice, Counter).broken
    right = [Operation("c1", Add(1), 1, 0, 5), Operation("c2", Get("sum"), 1, 6, 7)]
    check_witness(linearizable(right, Counter), right, Counter)
    # Cut by key, the reading would stand alone before a fresh machine.
    assert linearizable(right, Counter, partition=lambda call: getattr(call, "key", None)).broken


def test_a_machine_may_be_given_as_it_is_at_the_start_and_stays_so():
    start = KeyValueStore({X: 5})
    assert linearizable([Operation("c1", Get(X), 5, 0, 1), Operation("c1", Put(X, 6), 5, 2, 3)], start)
    assert linearizable([Operation("c1", Get(X), None, 0, 1)], lambda: start).broken
    assert start == KeyValueStore({X: 5})


@dataclass(frozen=True)
class Move:
    """Take the value of one key to another: not a call that one key can be asked about alone."""

    source: str
    target: str


@dataclass
class Shelf:
    data: dict = field(default_factory=dict)

    def apply(self, call):
        match call:
            case Move(source, target):
                self.data[target] = self.data.pop(source, None)
                return sorted(self.data)  # a list that nobody may keep
            case Put(key, value):
                self.data[key] = value
                return None
            case Get(key):
                return self.data.get(key)


def test_a_machine_of_a_learner_is_one_part():
    history = [
        Operation("c1", Put("x", 1), None, 0, 1),
        Operation("c1", Move("x", "y"), ["y"], 2, 3),
        Operation("c2", Get("y"), 1, 4, 5),
    ]
    assert linearizable(history, Shelf)
    assert linearizable([*history, Operation("c2", Get("x"), 1, 6, 7)], Shelf).broken
    assert linearizable(history, Shelf, partition=lambda call: getattr(call, "key", "?")).broken, (
        "cut wrongly"
    )


def test_a_call_without_a_key_makes_a_store_one_part():
    answer = KeyValueStore().apply(Add(1))
    history = [Operation("c1", Add(1), answer, 0, 1), Operation("c2", Get(X), None, 2, 3)]
    check_witness(linearizable(history), history)


@pytest.mark.parametrize("seed", range(30))
def test_counters_agree_with_brute_force(seed):
    history = from_a_machine(seed, clients=3, each=2, lost=0.3, machine=Counter, call=some_add)
    check_witness(linearizable(history, Counter), history, Counter)
    wrong = corrupted(history, seed)
    assert linearizable(wrong, Counter).ok == brute_force(wrong, Counter)


# --- Against the slow checker -----------------------------------------------------------------------


@pytest.mark.parametrize("keys", [1, 2])
@pytest.mark.parametrize("by", [1, 2, 4])
def test_small_histories_agree_with_brute_force(keys, by):
    said = []
    for seed in range(120):
        right = from_a_machine(seed, clients=3, each=2, keys=keys, values=2, lost=0.2 * (seed % 3))
        right = coarse(right, by)
        verdict = linearizable(right)
        assert verdict.ok, right
        check_witness(verdict, right)
        wrong = corrupted(right, seed)
        verdict = linearizable(wrong)
        said.append(verdict.ok)
        assert verdict.ok == brute_force(wrong), wrong
        assert verdict.ok == linearizable(wrong, partition=None).ok
        if verdict.ok:
            check_witness(verdict, wrong)
        else:
            assert verdict.broken and not brute_force(verdict.offending)
    assert min(said.count(True), said.count(False)) >= 10, "both answers were put to the test"


@st.composite
def wild(draw):
    """Up to six operations on one key with any stamps and likely results."""
    history = []
    calls = st.sampled_from([Get(X), Put(X, 1), Put(X, 2), CompareAndSet(X, 1, 2), Append(X, "a")])
    for n in range(draw(st.integers(0, 6))):
        begin = draw(st.integers(0, 6))
        client = draw(st.sampled_from(["c1", "c2", "c3"]))
        if draw(st.integers(0, 4)) == 0:
            history.append(Operation(f"{client}-{n}", draw(calls), NO_REPLY, begin))
        else:
            result = draw(st.sampled_from([None, None, 1, 2, True, False, "a", "1a", "aa"]))
            end = begin + draw(st.integers(0, 4))
            history.append(Operation(f"{client}-{n}", draw(calls), result, begin, end))
    return history


@given(wild())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_wild_histories_agree_with_brute_force(history):
    verdict = linearizable(history)
    assert verdict.ok == brute_force(history)
    assert verdict.ok != verdict.broken
    if verdict.ok:
        check_witness(verdict, history)


@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(1, 12), st.integers(1, 3), st.floats(0, 0.4))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_what_a_machine_did_is_accepted(seed, clients, each, keys, lost):
    history = from_a_machine(seed, clients, each, keys, lost=lost)
    check_witness(linearizable(history), history)


# --- The offending part -----------------------------------------------------------------------------


def given_only(kept, verdict, by_time):
    """What the culprit could have given, if these had been all the operations: by brute force."""
    culprit, could = verdict.culprit, []
    seen = [
        replace(op, result=NO_REPLY, end=None) if op.end is not None and op.end > culprit.end else op
        for op in kept
    ]
    loose = [new for new, old in zip(seen, kept, strict=True) if old in by_time]
    for order in orders([*seen, culprit]):
        gave = results(order, KeyValueStore)
        fits = all(
            op is culprit or not op.answered or any(op is one for one in loose) or like(op.result, result)
            for op, result in zip(order, gave, strict=True)
        )
        if fits:
            could.append(gave[next(i for i, op in enumerate(order) if op is culprit)])
    return could


def test_the_offending_part_is_wrong_alone_and_nothing_more_can_be_left_out():
    sizes, pinned = [], 0
    for seed in range(150):
        history = corrupted(from_a_machine(seed, clients=3, each=2, values=3, lost=0.2), seed)
        verdict = linearizable(history)
        if verdict.ok:
            continue
        assert verdict.minimal
        assert not brute_force(verdict.offending)
        culprit, by_time = verdict.culprit, verdict.by_time
        others = [op for op in verdict.offending if op != culprit]
        now = given_only(others, verdict, by_time)
        assert now and set(map(repr, now)) == set(map(repr, verdict.possible))
        assert not any(like(culprit.result, one) for one in verdict.possible)
        everything = [*others, *verdict.around]
        exact = [op for op in others if op not in by_time]
        loose = [op for op in everything if op not in exact]
        assert not any(like(culprit.result, one) for one in given_only(everything, verdict, loose))
        for left_out in others:
            then = given_only([op for op in others if op != left_out], verdict, by_time)
            tells = not then or any(result not in verdict.possible for result in then)
            could = given_only(everything, verdict, [*loose, left_out])
            doubt = any(like(culprit.result, one) for one in could)
            assert tells or (left_out in exact and doubt), (history, left_out)
        sizes.append(len(verdict.offending))
        pinned += bool(exact)
    assert len(sizes) >= 40 and max(sizes) >= 3 and pinned >= 5


def test_one_stale_read_in_a_long_history_is_told_in_few_operations():
    history = from_a_machine(5, clients=25, each=40, keys=5, values=50)
    sizes = []
    for i in range(400, 1000, 100):
        reads = [
            j for j in range(i, i + 50) if isinstance(history[j].call, Get) and history[j].result is not None
        ]
        wrong = [*history]
        wrong[reads[0]] = replace(history[reads[0]], result=None)
        verdict = linearizable(wrong)
        assert verdict.broken and verdict.culprit == wrong[reads[0]]
        assert verdict.key == history[reads[0]].call.key
        sizes.append(len(verdict.offending))
        assert {op.call.key for op in (*verdict.offending, *verdict.around)} == {verdict.key}
        assert linearizable(verdict.offending).broken
    assert len(sizes) == 6 and max(sizes) <= 16
    assert sum(size <= 3 for size in sizes) >= 4


# --- Size ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [0.0, 0.05])
def test_a_thousand_operations_take_few_steps(lost):
    for seed in range(2):
        history = from_a_machine(seed, clients=25, each=40, keys=5, values=100, lost=lost)
        assert len(history) == 1000
        verdict = linearizable(history)
        check_witness(verdict, history)
        assert verdict.steps < 20_000  # of a million allowed; well under a second


def test_a_long_history_of_one_key_does_not_exhaust_the_stack():
    history = [Operation("c1", Put(X, i), i - 1 if i else None, 2 * i, 2 * i + 1) for i in range(1500)]
    assert len(linearizable(history).order) == 1500
    wrong = [*history[:-1], replace(history[-1], result=0)]
    verdict = linearizable(wrong)
    assert verdict.broken and verdict.offending == tuple(wrong[-2:]) and verdict.possible == (1498,)


def test_too_few_steps_are_no_answer():
    for history in (RIGHT["single client"], WRONG["stale read"][0]):
        verdict = linearizable(history, max_steps=2)
        assert verdict.gave_up and not verdict.ok and not verdict.broken and not verdict
        assert "gave up after 2 steps of the machine on key x" in str(verdict)
        assert str(verdict).startswith("NO ANSWER: ")
        assert verdict.order is None and verdict.offending == ()


def test_a_broken_key_is_found_behind_one_that_takes_too_long():
    hard = [Operation(f"a{i}", Append("y", str(i)), NO_REPLY, 0) for i in range(9)]
    hard += [Operation("r", Get("y"), "nothing like that", 1, 2)]
    easy = [Operation("c1", Get(X), 1, 3, 4)]
    assert linearizable(hard, max_steps=1000).gave_up
    assert linearizable(hard + easy, max_steps=1000).key == X
    assert linearizable(hard + easy, max_steps=1000).broken


def test_where_too_much_was_possible_the_verdict_names_no_result():
    lost = [Operation(f"a{i}", Append(X, str(i)), NO_REPLY, 1) for i in range(5)]
    first = Operation("c1", Put(X, "b"), None, 0, 0)
    wrong = [first, *lost, Operation("r", Get(X), "nothing like that", 2, 3)]
    verdict = linearizable(wrong)
    assert verdict.broken and not verdict.minimal and verdict.possible is None
    assert verdict.offending == (wrong[0], wrong[-1])
    assert verdict.sentence.endswith(
        "although c1's put x b had ended at 0, giving None; no order explains that."
    )


def test_many_missing_replies_do_not_double_the_work_each():
    lost = [Operation(f"a{i}", Put(X, i), NO_REPLY, 0) for i in range(60)]
    verdict = linearizable([*lost, Operation("r", Get(X), -1, 1, 2)])
    assert verdict.broken and verdict.steps < 500_000
    assert linearizable([*lost, Operation("r", Get(X), 59, 1, 2), Operation("r", Get(X), 3, 3, 4)])


# --- Stamps ----------------------------------------------------------------------------------------


def test_parts_that_fit_alone_but_not_together_are_seen():
    # At stamp 5 both clients end one operation and begin the next; each key demands that the one that
    # begins comes before the one that ends.
    history = [
        Operation("c1", Get("k2"), 1, 0, 5),
        Operation("c1", Put("k1", 1), None, 5, 9),
        Operation("c2", Get("k1"), 1, 0, 5),
        Operation("c2", Put("k2", 1), None, 5, 9),
    ]
    for partition in ("auto", None, key_of):
        assert linearizable(history, partition=partition).broken
    assert not brute_force(history)
    assert linearizable(history[1:]).ok, "it takes both"


def test_stamps_may_be_virtual_times():
    history = [Operation("c1", Put(X, 1), None, 0.0, 1.25), Operation("c2", Get(X), None, 1.5, 2.75)]
    assert "at 1.5-2.75 although c1's put x 1 had ended at 1.25" in linearizable(history).sentence


def test_one_client_may_have_several_calls_open():
    history = [Operation("c1", Put(X, 1), None, 0, 9), Operation("c1", Get(X), None, 1, 2)]
    check_witness(linearizable(history), history)


def test_the_same_operation_twice_is_two_operations():
    once = Operation("c1", Add(1), 1, 0, 5)
    assert linearizable([once, once], Counter).broken
    read = Operation("c1", Get(X), None, 0, 5)
    verdict = linearizable([read, read])
    assert len(verdict.order) == 2
    assert [line[-24:] for line in verdict.picture().alt.splitlines()] == [
        "; number 1 in the order.",
        "; number 2 in the order.",
    ]


@pytest.mark.parametrize(
    ("result", "end", "words"),
    [
        (NO_REPLY, 3, "a missing one has neither"),
        (7, None, "a missing one has neither"),
        (7, 0, "before it begins"),
    ],
)
def test_an_operation_that_cannot_be_is_refused(result, end, words):
    with pytest.raises(LabError, match=words):
        Operation("c1", Get(X), result, 1, end)


def test_a_wrong_argument_is_named():
    with pytest.raises(LabError, match="a history holds Operation"):
        linearizable([("c1", Get(X), 1, 2, 3)])
    with pytest.raises(LabError, match="max_steps"):
        linearizable([], max_steps=0)
    with pytest.raises(LabError, match="apply"):
        linearizable([], machine=dict)


# --- A replicated log on the bus --------------------------------------------------------------------


def run_of_a_log(seed, **network):
    """What the clients of a log saw: steps are the stamps."""
    rng = random.Random(seed)
    wanted = {f"c{i}": [some_call(rng, 2, 3) for _ in range(4)] for i in (1, 2, 3)}
    bus = MessageBus(replicated_log(wanted), seed=seed, **network)
    bus.run(until=lambda bus: all(bus[name].done for name in wanted), max_steps=4000)
    begun, history = {}, []
    for step in bus.trace:
        if step.node in wanted:
            if "results" in step.changed:
                _, now = step.changed["results"]
                call = wanted[step.node][len(now) - 1]
                history.append(
                    Operation(step.node, call, now[-1], begun.pop((step.node, len(now))), step.step)
                )
            for envelope in step.sent:
                if isinstance(envelope.message, Request):
                    begun.setdefault((step.node, envelope.message.command.number), step.step)
    history += [
        Operation(name, wanted[name][number - 1], NO_REPLY, at)
        for (name, number), at in begun.items()
        if number > len(bus[name].results)
    ]
    return history


@pytest.mark.parametrize("seed", range(4))
def test_a_replicated_log_is_linearizable_and_its_corruption_is_not(seed):
    history = run_of_a_log(seed, delay=(0.5, 1.5), loss=0.05)
    assert sum(op.answered for op in history) >= 6
    check_witness(linearizable(history), history)
    last = max((op for op in history if op.answered), key=lambda op: op.end)
    wrong = [replace(op, result="never written") if op == last else op for op in history]
    verdict = linearizable(wrong)
    assert verdict.broken and verdict.culprit.result == "never written"


# --- The picture -----------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "</svg><svg onload=alert(1)>",
    'a "b" \\N \\l',
    "x" * 5000,
    "\x00\x1b[31m",
    "ключ 🔑",
]
SHAPES = {"svg", "g", "polygon", "path", "text", "ellipse", "polyline", "circle", "rect", "line"}


def words_in(picture):
    return [e.text or "" for e in ElementTree.fromstring(picture.svg()).iter() if e.tag.endswith("text")]


def test_the_picture_of_a_wrong_history_marks_what_does_not_fit_in_words():
    verdict = linearizable(WRONG["stale read"][0])
    picture = verdict.picture()
    assert picture.caption.startswith(str(verdict))
    assert picture.alt.splitlines() == [
        "c1 called put x 1 at 0, got None at 1.",
        "c1 called put x 2 at 2, got 1 at 4; it does not fit.",
        "c2 called get x at 5, got 1 at 6; it does not fit.",
    ]
    assert words_in(picture).count("does not fit") == 2
    assert "put x 1" in words_in(picture) and "gave 1" in words_in(picture)


def test_the_picture_of_a_right_history_numbers_the_moments():
    picture = linearizable(RIGHT["reply missing, effect seen"]).picture()
    assert picture.alt.splitlines() == [
        "c1 called put x 1 at 0, the reply never came; number 2 in the order.",
        "c2 called get x at 1, got None at 2; number 1 in the order.",
        "c2 called get x at 3, got 1 at 4; number 3 in the order.",
    ]
    assert picture.source.count("dashed") == 1
    assert "no reply" in words_in(picture) and "does not fit" not in words_in(picture)
    assert "Dashed: the reply never came." in picture.caption
    nothing = linearizable(RIGHT["reply missing, effect never seen"]).picture()
    assert "c1 called put x 1 at 0, the reply never came; it had no effect." in nothing.alt


def nodes_of(picture):
    """name: (x, y, width) in points, from the DOT source."""
    import re

    found = {}
    for line in picture.body:
        name, pos = re.match(r'\s*"?(\w+)"? \[', line), re.search(r'pos="([-\d.]+),([-\d.]+)!"', line)
        if name and pos:
            width = re.search(r"\bwidth=([\d.]+)", line)
            found[name[1]] = (float(pos[1]), -float(pos[2]), 72 * float(width[1]) if width else 0.0)
    return found


AT_ONE_STAMP = [
    [Operation("c1", Get(X), 1, 0, 2), Operation("c2", Put(X, 1), None, 2, 4)],
    [Operation("c1", Put(X, i), i - 1 if i else None, i, i) for i in range(3)],
]


@pytest.mark.parametrize("seed", range(14))
def test_ticks_are_in_order_and_inside_their_bars_and_bars_do_not_overlap(seed):
    history = coarse(from_a_machine(seed, clients=4, each=5, lost=0.2), 1 + seed % 3)
    history = AT_ONE_STAMP[seed - 12] if seed >= 12 else history
    verdict = linearizable(history)
    at = {id(op): n for n, op in enumerate(verdict.order)}
    operations = list(verdict.history)
    places = [at.get(id(op)) for op in operations]
    nodes = nodes_of(history_picture(operations, places))
    ticks = []
    for i, place in enumerate(places):
        x, y, width = nodes[f"bar{i}"]
        assert width >= 60
        if place is None:
            assert f"tick{i}" not in nodes
        else:
            ticks.append((place, nodes[f"tick{i}"][0]))
            assert x - width / 2 - 0.1 <= nodes[f"tick{i}"][0] <= x + width / 2 + 0.1
    assert [x for _, x in sorted(ticks)] == sorted(x for _, x in ticks)
    bars = [nodes[f"bar{i}"] for i in range(len(operations))]
    if seed >= 12:  # nobody does two things at once
        assert len({y for _, y, _ in bars}) == len({op.client for op in operations})
    for (x, y, width), (x2, y2, width2) in itertools.combinations(bars, 2):
        assert y != y2 or abs(x - x2) >= (width + width2) / 2 - 0.1


@pytest.mark.parametrize("text", HOSTILE, ids=lambda v: repr(v)[:20])
def test_what_a_learner_types_never_becomes_markup(text):
    history = [
        Operation(text, Put(text, text), NO_REPLY, 0),
        Operation("c2", Get(text), text, 1, 2),
        Operation("c2", Get(text), None, 3, 4),
    ]
    verdict = linearizable(history)
    assert verdict.broken and len(verdict.sentence) < 600
    svg = verdict.picture().svg()
    assert {e.tag.rpartition("}")[2] for e in ElementTree.fromstring(svg).iter()} <= SHAPES
    assert not any(a.lower().startswith("on") for e in ElementTree.fromstring(svg).iter() for a in e.attrib)


def test_a_large_history_is_shown_in_part_and_says_so():
    history = from_a_machine(1, clients=5, each=20)
    picture = linearizable(history).picture()
    assert len(picture.alt.splitlines()) == 14
    assert "Shown are the first 14 of 100 operations." in picture.caption
    last = max(history, key=lambda op: op.end)
    verdict = linearizable([replace(op, result="?") if op is last else op for op in history])
    picture = verdict.picture()
    assert len(picture.alt.splitlines()) == 14 and "Shown are the nearest 14 of 100" in picture.caption
    assert picture.alt.count("it does not fit") == len(verdict.offending)


def test_the_empty_history_and_one_without_an_answer_have_a_picture():
    assert "Nobody has called anything." in linearizable([]).picture().caption
    picture = linearizable(RIGHT["single client"], max_steps=1).picture()
    assert "gave up" in picture.caption and "number" not in picture.alt
    with pytest.raises(LabError, match="one entry for each operation"):
        history_picture(RIGHT["single client"], [1])


# --- The results that a sentence names ---------------------------------------------------------------


def possible_then(verdict):
    """All that the culprit could have given, by what had been called and replied until then: brute force."""
    culprit, could = verdict.culprit, []
    reply = {id(op): (op.end, n) for n, op in enumerate(verdict.history) if op.answered}
    same_one = next(op for op in verdict.history if op is culprit)
    then = [
        op if op is same_one or (op.answered and reply[id(op)] < reply[id(culprit)]) else unanswered(op)
        for op in verdict.history
        if op.begin <= culprit.end
    ]
    for order in orders(then):
        gave = results(order, KeyValueStore)
        if all(
            op is culprit or not op.answered or op.result is ACKNOWLEDGED or like(op.result, result)
            for op, result in zip(order, gave, strict=True)
        ):
            could.append(gave[next(i for i, op in enumerate(order) if op is culprit)])
    return could


def unanswered(op):
    return replace(op, result=NO_REPLY, end=None)


def named(sentence):
    """The results after "given", as they were printed."""
    return set(sentence.rpartition("it could only have given ")[2].removesuffix(".").split(" or "))


@given(wild())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_the_results_named_are_exactly_those_possible(history):
    verdict = linearizable(history)
    if verdict.broken:
        could = set(map(repr, possible_then(verdict)))
        assert set(map(repr, verdict.could_give)) == could
        assert "with these alone" not in verdict.sentence
        assert named(verdict.sentence) == could or len(could) > 4


def test_every_form_of_the_sentence_names_what_brute_force_finds():
    forms = {" although ": 0, "nothing that was called": 0, ": it could only": 0, " or ": 0}
    for seed in range(120):
        history = from_a_machine(seed, clients=3, each=2, values=3, lost=0.15 * (seed % 3))
        places = [i for i, op in enumerate(history) if op.answered]
        if not places:
            continue
        i = places[seed % len(places)]
        wrong = [None, 0, 1, 2, 9, "a", "0a"][seed % 7]
        verdict = linearizable([*history[:i], replace(history[i], result=wrong), *history[i + 1 :]])
        if verdict.ok:
            continue
        could = set(map(repr, possible_then(verdict)))
        assert named(verdict.sentence) == could or len(could) > 4, verdict.sentence
        assert repr(verdict.culprit.result) not in could
        assert verdict.sentence in verdict.picture().caption, "picture and sentence say the same"
        for form in forms:
            forms[form] += form in verdict.sentence
    assert min(forms.values()) >= 5, forms


def test_more_than_a_sentence_can_name_are_counted():
    writes = [Operation(f"c{i}", Put(X, i), ACKNOWLEDGED, 0, 9) for i in range(6)]
    verdict = linearizable([*writes, Operation("r", Get(X), "x", 1, 2)])
    assert sorted(map(repr, verdict.could_give)) == sorted(map(repr, [None, *range(6)]))
    assert verdict.sentence.endswith(" or one of 3 more.")
    fewer = linearizable([*writes[:4], Operation("r", Get(X), "x", 1, 2)])
    assert sorted(map(repr, fewer.could_give)) == sorted(map(repr, [None, *range(4)]))
    assert fewer.sentence.count(" or ") == 4 and "more" not in fewer.sentence


@pytest.mark.parametrize("stamps", [(math.nan, math.nan), (0.0, math.nan), (math.nan, 1.0)])
def test_a_stamp_that_orders_nothing_is_refused(stamps):
    with pytest.raises(LabError, match="NaN"):
        Operation("a", Put(X, 1), None, *stamps)


def test_a_value_that_nobody_wrote_is_blamed_on_its_read_among_many_writes():
    writes = [Operation(f"c{i}", Put(X, i), ACKNOWLEDGED, 0, 100) for i in range(14)]
    read = Operation("r", Get(X), 99, 1, 2)
    verdict = linearizable([*writes, read], max_steps=60_000)
    assert verdict.offending == (read,) and verdict.culprit == read and verdict.broken
    assert verdict.sentence.startswith("r's get x gave 99 at 1-2: nothing that was called leads to that")
    assert verdict.steps <= 60_000


@pytest.mark.parametrize("max_steps", [20, 100, 1_000, 5_000])
def test_the_blame_keeps_within_max_steps(max_steps):
    broken = 0
    for seed in range(30):
        history = corrupted(from_a_machine(seed, clients=6, each=5, values=4, lost=0.1), seed)
        verdict = linearizable(history, max_steps=max_steps)
        assert verdict.steps <= max_steps
        if verdict.broken:
            broken += 1
            assert linearizable(history).broken and not verdict.ok
            assert verdict.culprit in verdict.offending
        elif verdict.ok:
            check_witness(verdict, history)
    assert broken or max_steps < 100


def test_the_verdict_alone_takes_no_longer_than_the_search():
    history = WRONG["lost update"][0]
    verdict, full = linearizable(history, explain=False), linearizable(history)
    assert verdict.broken and not verdict.gave_up and not verdict and verdict.steps < full.steps
    assert verdict.offending == () and verdict.culprit is None and verdict.could_give is None
    assert verdict.sentence == "no order of 3 operations on key x explains every reply."
    assert "NOT LINEARIZABLE" in verdict.picture().caption
    assert linearizable(RIGHT["single client"], explain=False).ok
    assert linearizable(history, max_steps=2, explain=False).gave_up


# --- Histories from elsewhere ------------------------------------------------------------------------


@dataclass(frozen=True)
class Boxed:
    content: object


@pytest.mark.parametrize(("put", "got"), [(0, False), (False, 0), (1, True), (1.0, True)])
@pytest.mark.parametrize(
    "inside",
    [lambda v: v, lambda v: (v, 2), lambda v: {"a": v}, lambda v: {v: 2}, lambda v: frozenset({v}), Boxed],
)
def test_a_truth_value_is_no_number(put, got, inside):
    def history(result):
        return [Operation("a", Put(X, inside(put)), None, 1, 2), Operation("b", Get(X), inside(result), 3, 4)]

    assert linearizable(history(put)) and linearizable(history(put)).order
    assert linearizable(history(got)).broken


def test_numbers_are_equal_whatever_their_class():
    assert linearizable([Operation("a", Put(X, 1), None, 1, 2), Operation("b", Get(X), 1.0, 3, 4)])


def test_nan_is_what_it_is():
    nan = float("nan")
    history = [Operation("a", Put(X, nan), None, 1, 2), Operation("b", Get(X), float("nan"), 3, 4)]
    assert linearizable(history).ok
    assert linearizable([*history, Operation("b", Get(X), None, 5, 6)]).possible != ()
    assert linearizable([*history, Operation("b", Get(X), 1.0, 5, 6)]).sentence.endswith("given nan.")
    pair = [Operation("a", Put(X, (1, nan)), None, 1, 2), Operation("b", Get(X), (1, float("nan")), 3, 4)]
    assert linearizable(pair).ok


def test_an_acknowledged_write_may_have_found_anything():
    told = [Operation("c1", Put(X, 1), ACKNOWLEDGED, 0, 1), Operation("c2", Put(X, 2), ACKNOWLEDGED, 2, 3)]
    assert linearizable([*told, Operation("c3", Get(X), 2, 4, 5)])
    verdict = linearizable([*told, Operation("c3", Get(X), 1, 4, 5)])
    assert verdict.sentence == (
        "c3's get x gave 1 at 4-5 although c2's put x 2 had ended at 3: it could only have given 2."
    )
    assert "acknowledged" in verdict.picture().alt and "ACKNOWLEDGED" not in verdict.picture().alt
    assert str(told[0]) == "c1's put x 1 was acknowledged at 0-1"
    with pytest.raises(LabError, match="a missing one has neither"):
        Operation("c1", Put(X, 1), ACKNOWLEDGED, 0)


@given(wild(), st.integers(0, 63))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_acknowledged_replies_agree_with_brute_force(history, which):
    history = [
        replace(op, result=ACKNOWLEDGED) if op.answered and which >> n & 1 else op
        for n, op in enumerate(history)
    ]
    verdict = linearizable(history)
    right = any(
        all(
            not op.answered or op.result is ACKNOWLEDGED or like(op.result, result)
            for op, result in zip(order, results(order, KeyValueStore), strict=True)
        )
        for order in orders(history)
    )
    assert verdict.ok == right
    if verdict.broken:
        assert set(map(repr, verdict.could_give)) == set(map(repr, possible_then(verdict)))


class Register:
    """A learner's machine that is no dataclass."""

    def __init__(self):
        self.value = None

    def apply(self, call):
        self.value = call
        return "ok"


def test_a_machine_that_cannot_be_compared_is_told_to_become_a_dataclass():
    with pytest.raises(LabError, match="so a Register has to be plain data: make it a @dataclass"):
        linearizable([Operation("c1", 1, "ok", 0, 1)], Register)


def test_the_page_on_other_histories_says_what_comes_out():
    page = (Path(__file__).parent.parent / "docs" / "your_own_history.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(\w+)\n(.*?)```", page, re.DOTALL)
    assert [kind for kind, _ in blocks] == ["python", "text", "python"]
    names = {}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(blocks[0][1], names)
        exec(blocks[2][1], names)
    assert said.getvalue() == blocks[1][1]
    code = blocks[0][1].partition("history, waiting")[2].strip().splitlines()
    assert len(code) <= 15, "the page says fifteen"
