"""Every wrong variant breaks in its smallest setting and not below; no right one is ever rejected.

Two witnesses for each break: a schedule written by hand, and the explorer, which also proves that a
ballot or a crash less hides it.
"""

from itertools import pairwise

import pytest

from paxos_lab import MessageBus, by_time, seeded
from paxos_lab.node import LabError
from paxos_lab.paxos import Accept, Accepted, Prepare, Promise, Proposer
from paxos_lab.paxos.quorums import names_of
from paxos_lab.verify import PROOF, Faults, agreement, broken_along, explore, validity
from paxos_lab.verify.explorer.result import broken, name_of
from paxos_lab.verify.wrong.single_decree import MUTANTS, RIGHT, Setting, find_variant

KINDS = {"prepare": Prepare, "answer": Promise, "accept": Accept, "learn": Accepted}

# One line, one thing: "promise p1 a1 a2" is p1's Prepare at a1 and a2 and both answers,
# "prepare" the first half of it, "answer" the second; "accept p1 a1" is p1's Accept at a1;
# "learn l1 a1" is a1's vote at l1. What was not sent does not arrive: that is how Paxos is saved.
SCHEDULES = {
    "M1": "promise p1 a1 a2; accept p1 a1 a2; promise p2 a2 a3; accept p2 a2 a3",
    "M2": "promise p1 a1 a2; promise p2 a2 a3; accept p1 a1 a2; accept p2 a2 a3",
    "M3": "promise p1 a1 a2; promise p2 a2 a3; crash a2; accept p1 a1 a2; accept p2 a2 a3",
    "M4": "promise p1 a1 a2; accept p1 a1 a2; crash a2; promise p2 a2 a3; accept p2 a2 a3",
    "M5": "promise p1 a1 a2; accept p1 a1 a2; promise p2 a3; accept p2 a2 a3",
    "M6": "promise p1 a1 a2; accept p1 a1; promise p2 a2 a3; accept p2 a2 a3",
    "M7": "promise p1 a1 a2; promise p2 a2 a3; accept p1 a1 a2; accept p2 a2 a3",
    "M8": "prepare p1 a1 a2; timeout p1; promise p2 a1 a2; accept p2 a1 a2; answer p1 a1 a2; accept p1 a1 a2",
    "M9": "promise p1 a1 a2; accept p1 a1; promise p2 a2 a3; accept p2 a2 a3; promise p3 a1 a2; accept p3 a1 a2",
    "M10": "promise p1 a1 a2; accept p1 a1; promise p2 a2 a3; accept p2 a2 a3; promise p3 a1 a2; accept p3 a1 a2",
    "M11": "promise p1 a1 a2; promise p2 a2 a3; accept p2 a1 a2; accept p1 a1; promise p3 a1 a3; accept p3 a1 a3",
    "M12": "promise p1 a1 a2; accept p1 a1; promise p2 a2 a3; accept p2 a2; promise p3 a1 a3; accept p3 a3; "
    "learn l1 a1 a3; promise p4 a1 a2; accept p4 a1 a2",
    "M13": "accept p1 a1 a2; accept p2 a2 a3",
}


def play(nodes, schedule):
    """A bus on which a schedule written by hand was played."""
    bus = MessageBus(nodes, idle=[node.name for node in nodes])
    for name in bus.names:
        bus.start(name) if name.startswith("p") else None
    for line in schedule.split("; "):
        verb, who, *others = line.split()
        if verb == "crash":
            bus.crash(who)
            bus.restart(who)
        elif verb == "timeout":
            bus.timeout(who, "retry")
        elif verb == "promise":
            carry(bus, "prepare", who, others)
            carry(bus, "answer", who, others)
        else:
            carry(bus, verb, who, others)
    return bus


def carry(bus, verb, who, others):
    """Let the messages of that kind arrive, oldest first; from `who`, or for answers and votes to `who`."""
    for other in others:
        route = (other, who) if verb in ("answer", "learn") else (who, other)
        for envelope in bus.in_flight:
            if isinstance(envelope.message, KINDS[verb]) and (envelope.sender, envelope.to) == route:
                bus.deliver(envelope)


def sent_on(bus):
    return bus.trace.sent


def said(bus, *properties):
    """The first of the properties that does not hold at the end of a run, or None."""
    return broken(properties, sent_on(bus), {node.name: node for node in bus})


ids = {"argvalues": MUTANTS, "ids": [v.id for v in MUTANTS]}
right_ids = {"argvalues": RIGHT, "ids": [v.id for v in RIGHT]}


def few(*ids):
    """All right variants; `make test` takes these, `make thorough` the others as well."""
    marks = {v.id: () if v.id in ids else pytest.mark.thorough for v in RIGHT}
    return [pytest.param(v, id=v.id, marks=marks[v.id]) for v in RIGHT]


# ---- by hand


@pytest.mark.parametrize("mutant", **ids)
def test_a_schedule_written_by_hand_breaks_it_in_its_smallest_setting(mutant):
    bus = play(mutant.make(mutant.smallest), SCHEDULES[mutant.id])
    assert said(bus, agreement)[0] == "agreement"
    opened = {m.ballot for _, m in sent_on(bus) if isinstance(m, Prepare | Accept)}
    assert len(opened) == mutant.smallest.ballots
    assert sum(type(step.event).__name__ == "Crash" for step in bus.trace) == mutant.smallest.crashes


@pytest.mark.parametrize("mutant", **ids)
def test_on_the_way_the_invariant_breaks_that_it_offends(mutant):
    bus = play(mutant.make(mutant.smallest), SCHEDULES[mutant.id])
    breaks = broken_along(mutant.make(mutant.smallest), bus.trace, [*PROOF, agreement])
    assert breaks[0][1] == mutant.breaks
    assert "agreement" in [name for _, name, _ in breaks]
    assert all(before <= after for (before, *_), (after, *_) in pairwise(breaks))


@pytest.mark.parametrize("variant", **right_ids)
@pytest.mark.parametrize("mutant", **ids)
def test_the_same_schedule_breaks_nothing_in_a_right_variant(mutant, variant):
    bus = play(variant.make(mutant.smallest), SCHEDULES[mutant.id])
    assert said(bus, agreement, validity, *PROOF) is None


# ---- by the explorer


def explored(variant, setting):
    return explore(variant.make(setting), properties=(agreement, validity), faults=setting.faults)


# Lesson 06 and its pictures search M12 as well.
@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(m, id=m.id, marks=pytest.mark.thorough if m.id in ("M8", "M10", "M12") else ())
        for m in MUTANTS
    ],
)
def test_the_explorer_breaks_it_in_its_smallest_setting(mutant):
    found = explored(mutant, mutant.smallest)
    assert not found.ok and found.property == "agreement"
    breaks = found.broken_on_the_way([*PROOF, agreement])
    assert breaks[0][1] == mutant.breaks, breaks
    assert breaks[-1][0] == len(found.counterexample)
    assert [step for step, name, _ in breaks if name == "agreement"] == [len(found.counterexample)]


# One ballot, one value or one crash less, whichever way that can be had.
BELOW = [(mutant, mutant.below) for mutant in MUTANTS] + [
    (find_variant("M3"), Setting(1, 1, 1)),
    (find_variant("M4"), Setting(1, 1, 1)),
    (find_variant("M8"), Setting(2, 1)),
]


@pytest.mark.parametrize(("mutant", "setting"), BELOW, ids=[f"{m.id}: {s}" for m, s in BELOW])
def test_the_explorer_proves_it_safe_below(mutant, setting):
    found = explored(mutant, setting)
    assert found.ok and found.complete, str(found)


@pytest.mark.parametrize("setting", [Setting(2, 2), Setting(2, 1)], ids=str)
@pytest.mark.parametrize("variant", **right_ids)
def test_the_explorer_proves_a_right_variant_safe(variant, setting):
    found = explored(variant, setting)
    assert found.ok and found.complete, str(found)


@pytest.mark.parametrize("variant", few("C0", "C1", "C3"))
def test_the_explorer_proves_a_right_variant_safe_with_three_ballots(variant):
    setting = Setting(3, 3)
    if variant.id == "C3" and setting == Setting(3, 3):
        setting = Setting(3, 1)  # all votes are kept: with 2 values it is safe, too, and takes 11 s
    found = explored(variant, setting)
    assert found.ok and found.complete, str(found)


@pytest.mark.parametrize("variant", few("C0", "C5"))
def test_the_explorer_proves_a_right_variant_safe_whoever_crashes_once(variant):
    # A proposer that restarts opens a third ballot. Where only the acceptor differs, it is the one to crash.
    who = names_of(3) if variant.id != "C0" and type(variant.make(2)[0]) is Proposer else None
    found = explore(variant.make(2), faults=Faults(crashes=1, who=who))
    assert found.ok and found.complete, str(found)


@pytest.mark.parametrize("id", ["M9", "M10", "M11", "M12"])
def test_a_checker_limited_to_two_ballots_passes_these(id):
    found = explored(find_variant(id), Setting(2, 2))
    assert found.ok and found.complete, str(found)


@pytest.mark.parametrize(
    ("id", "seen"),
    [
        ("M9", None),
        pytest.param("M10", None, marks=pytest.mark.thorough),
        pytest.param("M11", None, marks=pytest.mark.thorough),
        ("M12", "learned_is_chosen"),
    ],
)
def test_of_these_the_proof_sees_only_the_learner_at_two_ballots(id, seen):
    found = explore(find_variant(id).make(2), properties=PROOF)
    assert found.property == seen and (seen or found.complete), str(found)


@pytest.mark.parametrize("variant", few("C0", "C1", "C4"))
def test_no_invariant_of_the_proof_rejects_a_right_variant(variant):
    found = explore(variant.make(2), properties=PROOF)
    assert found.ok and found.complete, str(found)


# ---- in storms


def storm(variant, seed):
    bus = MessageBus(variant.make(3), seed=seed, checked=False)
    bus.run(seeded(seed, faults=(0.1, 0.2, 0.35)[seed % 3]), max_steps=120)
    return bus


@pytest.mark.parametrize("variant", **right_ids)
def test_in_a_storm_no_property_rejects_a_right_variant(variant):
    for seed in range(20):
        bus = storm(variant, seed)
        assert broken_along(variant.make(3), bus.trace, [*PROOF, agreement, validity]) == [], seed


@pytest.mark.parametrize("variant", **right_ids)
def test_a_right_variant_gets_its_value_learned_by_everybody(variant):
    for seed in range(20):
        bus = MessageBus(variant.make(2), seed=seed, loss=0.1)
        bus.run(by_time(), lambda bus: all(bus[n].learned is not None for n in ("p1", "p2")), 1000)
        assert bus["p1"].learned == bus["p2"].learned is not None, seed
    calm = MessageBus(variant.make(1))
    calm.run()
    assert calm["p1"].learned == calm["l1"].learned == "x"


# ---- the table


def test_the_table_lists_thirteen_rules_in_order_and_says_what_each_needs():
    assert [v.id for v in MUTANTS] == [f"M{i}" for i in range(1, 14)]
    assert {v.id: str(v.smallest) for v in MUTANTS} == {
        "M1": "2 ballots",
        "M2": "2 ballots",
        "M3": "2 ballots, 1 crash",
        "M4": "2 ballots, 1 crash",
        "M5": "2 ballots",
        "M6": "2 ballots",
        "M7": "1 ballot, 2 values",
        "M8": "3 ballots, 2 values",
        "M9": "3 ballots",
        "M10": "3 ballots",
        "M11": "3 ballots",
        "M12": "4 ballots",
        "M13": "2 ballots",
    }
    for mutant in MUTANTS:
        smaller = [a - b for a, b in zip(mutant.smallest, mutant.below, strict=True)]
        assert not mutant.safe and min(smaller) == 0 < max(smaller) == 1
        assert mutant.breaks in map(name_of, PROOF)
    assert all(variant.safe and variant.below is None for variant in RIGHT)


def test_a_setting_says_what_may_happen():
    assert Setting(2, 2).faults == Faults(who=("a1", "a2", "a3"))
    assert Setting(3, 2, 1).faults == Faults(crashes=1, timeouts=1, who=("a1", "a2", "a3"))
    assert Setting(1, 2).faults.timeouts == 0
    assert str(Setting(3, 2, 2)) == "3 ballots, 2 values, 2 crashes"


def test_make_gives_fresh_nodes_and_a_proposer_for_each_value():
    for variant in MUTANTS + RIGHT:
        once, again = variant.make(3), variant.make(Setting(3, 3))
        assert [node.name for node in once] == ["p1", "p2", "p3", "a1", "a2", "a3", "l1"]
        assert once == again and all(a is not b for a, b in zip(once, again, strict=True))
        assert [node.value for node in once[:3]] == ["x", "y", "z"]


def test_each_variant_differs_from_ours_and_from_every_other():
    def made_of(variant):
        return tuple((type(node), getattr(node, "quorums", None)) for node in variant.make(1))

    assert len({made_of(variant) for variant in MUTANTS + RIGHT}) == len(MUTANTS + RIGHT)


def test_by_id_finds_each_and_lists_them_all_for_a_name_that_is_none():
    assert all(find_variant(variant.id) is variant for variant in MUTANTS + RIGHT)
    with pytest.raises(LabError, match=r"no variant is called 'M99'; there are M1, M2, .*M13, C0, .*C9"):
        find_variant("M99")
