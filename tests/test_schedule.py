"""Schedules: who goes next, from a seed, in order, from a list."""

from collections import Counter

import pytest

from paxos_lab import (
    Crash,
    Deliver,
    Heal,
    LabError,
    MessageBus,
    NotEnabled,
    Timeout,
    in_order,
    scripted,
    seeded,
)
from paxos_lab.paxos import single_decree


def rivals(**settings):
    return MessageBus(single_decree(["x", "y"]), **settings)


def run(schedule, steps=400):
    bus = rivals()
    bus.run(schedule, max_steps=steps)
    return bus


def kinds(bus):
    return Counter(type(step.event).__name__ for step in bus.trace)


def test_seeded_draws_every_fault_there_is():
    found = kinds(run(seeded(1, faults=0.5)))
    assert (
        min(
            found[k]
            for k in ["Deliver", "Drop", "Duplicate", "Timeout", "Crash", "Restart", "Partition", "Heal"]
        )
        > 3
    )


def test_seeded_crashes_between_disk_and_network_and_cuts_one_way_too():
    trace = run(seeded(1, faults=0.5)).trace
    assert any(isinstance(step.event, Crash) and step.event.during for step in trace)
    assert {getattr(step.event, "one_way", None) for step in trace} == {None, False, True}


def test_without_faults_seeded_only_shuffles_and_faults_come_when_nothing_arrives():
    bus = rivals()
    bus.run(seeded(3, faults=0), until=lambda bus: not bus.arriving, max_steps=400)
    assert set(kinds(bus)) == {"Start", "Deliver"}
    ids = [step.event.envelope.id for step in bus.trace if isinstance(step.event, Deliver)]
    assert ids != sorted(ids)
    bus.run(seeded(3, faults=0), max_steps=1)
    assert not isinstance(bus.trace[-1].event, Deliver)


def test_the_share_of_faults_is_what_was_asked_for():
    few, many = (kinds(run(seeded(5, faults)))["Deliver"] for faults in (0.1, 0.7))
    assert few > 2 * many


def test_a_seed_is_a_run():
    assert run(seeded(7)).trace == run(seeded(7)).trace != run(seeded(8)).trace


@pytest.mark.parametrize("faults", [-0.1, 1.1, float("nan"), "many"])
def test_a_share_of_faults_is_from_0_to_1(faults):
    with pytest.raises(LabError, match="a share from 0 to 1"):
        seeded(1, faults)


def test_in_order_skips_what_the_cut_holds_back_and_then_waits_for_the_first_timer():
    bus = rivals()
    bus.partition(["p1", "a1"])
    bus.run(in_order(), until=lambda bus: not bus.arriving)
    pairs = {
        (s.event.envelope.sender, s.event.envelope.to) for s in bus.trace if isinstance(s.event, Deliver)
    }
    assert ("p1", "a1") in pairs and ("p2", "a2") in pairs and ("p1", "a2") not in pairs
    first = min(bus.timers, key=lambda timer: timer[2])
    assert in_order()(bus) == Timeout(*first[:2])


def test_in_order_stops_when_nothing_is_left():
    bus = MessageBus(single_decree(["x"]))
    bus.run(in_order())
    assert in_order()(bus) is None


def test_a_script_that_does_not_fit_stops_there_with_an_error():
    bus = rivals()
    fits = Deliver(bus.in_flight[0])
    with pytest.raises(NotEnabled, match=r"no partition to heal \(step 4\)"):
        bus.run(scripted([fits, Heal(), fits]))
    assert [step.event for step in bus.trace[2:]] == [fits]
