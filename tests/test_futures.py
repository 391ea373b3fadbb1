"""Two futures of one run: where they part, what differs, what it led to."""

import pytest

from paxos_lab import Drop, LabError, MessageBus
from paxos_lab.multipaxos import Put, replicated_log
from paxos_lab.paxos import single_decree
from paxos_lab.show import Futures


def rivals():
    """p1 has the votes for tea under way when p2 starts."""
    bus = MessageBus(single_decree(["tea", "coffee"], learners=0), idle=["p2"])
    bus.run(max_steps=6)
    return bus


def vote_of(bus, name):
    return next(e for e in bus.in_flight if e.to == name)


def test_one_choice_makes_the_difference_and_is_named():
    bus = rivals()
    step = len(bus.trace)

    def lose_all(future):
        for envelope in future.in_flight:
            future.drop(envelope)
        future.crash("p1")
        future.apply(next(e for e in future.enabled() if type(e).__name__ == "Start"))

    both = Futures(bus, step, None, lose_all, names=("left alone", "overtaken"))
    assert both.step == step
    assert "In left alone: " in both.sentence and "In overtaken: The network loses" in both.sentence
    assert (
        "That made the difference: in left alone tea is chosen, in overtaken coffee is chosen."
        in both.sentence
    )
    assert len(bus.trace) == step, "the bus stays where it was"
    assert str(both) == str(Futures(bus, step, None, lose_all, names=("left alone", "overtaken")))


def test_a_choice_that_changes_nothing_is_said_to_change_nothing():
    bus = rivals()
    both = Futures(bus, len(bus.trace), None, Drop(vote_of(bus, "a3")))
    assert "The outcome is the same: in both, tea is chosen." in both.sentence
    assert "made the difference" not in both.sentence


def test_what_happens_in_one_future_alone_is_marked_and_the_rest_is_not():
    bus = rivals()
    lost = vote_of(bus, "a3")
    kept, dropped = Futures(bus, len(bus.trace), None, Drop(lost)).lines()
    assert [line for alone, line in dropped if alone and "loses" in line]
    assert [line for alone, line in kept if alone and "a3" in line]
    assert [line for alone, line in kept if not alone], "a1 votes in both"
    assert not [line for alone, line in kept if alone and line.split(". ", 1)[1].startswith("a1 ")]


def test_what_nodes_hold_at_the_end_is_set_side_by_side():
    bus = rivals()
    both = Futures(bus, len(bus.trace), None, lambda future: future.crash("a3"))
    found = {where: (one, other) for where, one, other in both.differences()}
    assert found["a3"] == ("up", "down")
    assert found["a3.accepted"][0].startswith("tea") and found["a3.accepted"][1] == "-"
    assert "a1.accepted" not in found


def test_two_runs_that_are_there_already_are_compared():
    one, other = rivals(), rivals()
    one.run()
    other.deliver(vote_of(other, "a1"))
    both = Futures.of(one, other, ("right", "cut short"))
    assert (
        both.step == 7
        and "At the end: in right tea is chosen, in cut short nothing is chosen." in both.sentence
    )


def test_a_log_without_one_quorum_system_is_compared_all_the_same():
    bus = MessageBus(replicated_log([[Put("x", 1)]]), delay=1)
    bus.run(max_steps=10)
    both = Futures(bus, 10, None, lambda future: future.crash("s1"))
    assert "The first 10 steps are the same." in both.sentence and "crashes" in both.sentence


def test_what_cannot_be_compared_is_said():
    bus = rivals()
    with pytest.raises(LabError, match="there is no step 99"):
        Futures(bus, 99, None, None)
    with pytest.raises(LabError, match="the same run"):
        Futures(bus, 3, None, None)
    with pytest.raises(LabError, match="in flight"):
        Futures(bus, 1, None, lambda future: future.deliver(999))


def test_a_page_shows_both_and_what_a_learner_typed_stays_text():
    evil = "<img src=x onerror=alert(1)>"
    bus = MessageBus(single_decree([evil], learners=0))
    both = Futures(bus, 1, None, lambda future: future.crash("a1"))
    data = both._repr_mimebundle_()
    assert (
        data["text/html"].count("<section") == 2
        and data["text/html"].count('<img class="paxos-picture"') == 2
    )
    assert "<svg" not in data["text/html"]  # a notebook that is not trusted would show only its words
    assert "<img src=x" not in data["text/html"] and "&lt;img" in data["text/html"]
    assert data["text/plain"].startswith("The first 1 steps are the same.")
