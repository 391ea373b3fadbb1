"""The runs that refute: each shows the fact that it claims, by the messages that were sent."""

import pytest

from paxos_lab import LabError
from paxos_lab.bus import replay
from paxos_lab.paxos import Majority, Nack, Prepare, Promise, chosen, single_decree, votes
from paxos_lab.show import Stepper
from paxos_lab.teach import REFUTATIONS, refute
from paxos_lab.teach.interview.refutations import Refuted
from paxos_lab.verify import agreement, explore
from paxos_lab.verify.wrong import runs
from paxos_lab.verify.wrong.claims import Refutation
from paxos_lab.world.events import Crash, Deliver, Drop, Start, Timeout

MUTANTS = {"equal-votes-add-up", "two-phase-commit-with-majority", "lost-disk-is-a-restart"}


def sent(bus):
    return bus.trace.sent


def winners(bus, acceptors=3):
    return {p.value for p in chosen(sent(bus), Majority(acceptors))}


def events(bus):
    return {type(step.event) for step in bus.trace}


every_claim = pytest.mark.parametrize("refutation", REFUTATIONS.values(), ids=lambda r: r.id)


def test_there_are_more_than_ten():
    assert len(REFUTATIONS) >= 12
    assert len({r.claim for r in REFUTATIONS.values()}) == len(REFUTATIONS)


@every_claim
def test_each_run_shows_its_fact_and_is_the_same_each_time(refutation):
    bus, again = refutation.run(), refutation.run()
    assert refutation.refuted(bus)
    assert bus.trace.to_json() == again.trace.to_json()
    assert 5 <= len(bus.trace) <= 60, "short enough to be stepped through"


@every_claim
def test_the_fact_is_not_there_before_the_run_has_shown_it(refutation):
    """A fact that held from the start would refute nothing."""
    bus = refutation.run()
    bus.rewind(1)
    if refutation.id != "ends-without-failures":  # there the point is the length of the run
        assert not safely(refutation, bus)


def safely(refutation, bus):
    try:
        return refutation.refuted(bus)
    except StopIteration:  # what it looks for has not happened yet
        return False


@every_claim
def test_only_runs_that_say_so_break_agreement(refutation):
    bus = refutation.run()
    learned_or_chosen = agreement(sent(bus), {node.name: node for node in bus})
    assert (learned_or_chosen is not None) == (refutation.id in MUTANTS)
    told = "(" in refutation.look
    assert told == (refutation.id in MUTANTS), "a run with a rule gone says so"


# ---- each fact once more, by another way


def test_the_duel_has_no_failure_and_no_end():
    bus = runs.duel()
    assert events(bus) == {Start, Deliver, Timeout}
    assert votes(sent(bus)) == {}
    assert sum(isinstance(m, Nack) for _, m in sent(bus)) == 4 * 3
    opened = [m.ballot for _, m in sent(bus) if isinstance(m, Prepare)]
    assert opened == sorted(opened) and len(set(opened)) == 6, "and the ballots go on rising"


def test_a_reported_value_is_never_chosen():
    bus = runs.reported_but_never_chosen()
    assert any(isinstance(m, Promise) and m.accepted and m.accepted.value == "x" for _, m in sent(bus))
    assert winners(bus) == {"z"}


def test_other_acceptors_vote_than_promised():
    bus = runs.another_majority_votes()
    promised = {s for s, m in sent(bus) if isinstance(m, Promise)}
    (voted,) = votes(sent(bus)).values()
    assert promised == {"a1", "a2"} and voted == {"a2", "a3"}
    assert bus["p1"].learned == "x"


def test_four_acceptors_wait_in_the_tie_and_every_schedule_with_two_ballots_is_safe():
    bus = runs.two_and_two()
    assert winners(bus, 4) == {"y"} and bus["p1"].proposal is None
    found = explore(single_decree(["x", "y"], acceptors=4, learners=0))
    assert found.ok and found.complete


def test_a_learner_that_adds_up_over_ballots_contradicts_the_votes():
    bus = runs.same_value_in_two_ballots()
    assert bus["l1"].learned == "x" and winners(bus) == {"y"}
    assert {str(p) for p, who in votes(sent(bus)).items() if who & {"a1", "a2"}} >= {"x in 1.p1", "x in 2.p1"}


def test_a_promise_reserves_nothing_and_never_expires():
    bus = runs.promise_overtaken()
    p2_promised = [
        s.time for s in bus.trace for e in s.sent if e.to == "p2" and isinstance(e.message, Promise)
    ]
    assert len(p2_promised) == 3 and max(p2_promised) < 10
    assert bus.now == 1000 and isinstance(bus.trace[-1].sent[0].message, Nack)


def test_numbers_and_majorities_without_adoption_choose_two_values():
    assert winners(runs.majority_without_adoption()) == {"x", "y"}


def test_participants_in_doubt_wait():
    bus = runs.blocked_participants()
    assert bus["p1"].decision is None is bus["p2"].decision and bus["p1"].voted and bus["p2"].voted
    assert bus.run(until=lambda b: b["p1"].decision is not None, max_steps=300) == 300, "and go on waiting"


def test_a_blank_disk_chooses_two_values_and_a_disk_that_stays_does_not():
    assert winners(runs.blank_disk()) == {"x", "y"}
    healthy = runs._decree()
    runs.phase_1(healthy, "p1", "a1", "a2")
    runs.phase_2(healthy, "p1", "a1", "a2")
    healthy.crash("a2")
    healthy.restart("a2")
    healthy.start("p2")
    runs.phase_1(healthy, "p2", "a2", "a3")
    runs.phase_2(healthy, "p2", "a2", "a3")
    assert winners(healthy) == {"x"}


def test_chosen_while_nobody_knows():
    bus = runs.chosen_and_unknown()
    crash = next(s.step for s in bus.trace if isinstance(s.event, Crash))
    bus.rewind(crash)
    assert winners(bus) == {"x"} and not any(getattr(n, "learned", None) for n in bus)
    assert sum(isinstance(s.event, Drop) for s in bus.trace) >= 4


def test_a_vote_is_superseded():
    bus = runs.change_of_mind()
    assert bus["a1"].accepted.value == "y" and winners(bus) == {"y"}


def test_the_next_leader_finishes_the_command_of_the_dead_one():
    bus = runs.taken_over()
    assert bus.down == ["s1"]
    assert bus["s2"].machine.data == bus["s3"].machine.data == {"k": "A"}


def test_two_leaders_at_once_and_one_command_in_the_slot():
    bus = runs.two_leaders()
    assert [bus[s].role for s in ("s1", "s2", "s3")] == ["leader", "leader", "follower"]
    assert bus["s1"].command(1) is None and bus["s2"].command(1)[0].client == "c2"
    assert bus["c2"].done and not bus["c1"].done


def test_a_copy_is_behind_what_a_client_was_told():
    bus = runs.stale_copy()
    assert bus["c1"].done and bus["s1"].machine.data == {"k": "new"}
    assert bus["s3"].machine.data == {} and "s3" not in bus.down


def test_a_write_that_timed_out_has_happened_once():
    bus = runs.timed_out_and_done()
    assert bus["s1"].applied() == 1 and bus["s1"].machine.data == {"k": "A"} and bus["c1"].results == ["A"]
    assert any(isinstance(s.event, Timeout) and s.node == "c1" for s in bus.trace)


# ---- on screen


def test_a_refutation_opens_in_a_stepper_with_its_story():
    shown = refute("same-majority")
    assert isinstance(shown.stepper, Stepper) and shown.stepper.view["step"] == len(shown.bus.trace)
    assert "x is chosen" in shown.stepper.view["verdict"]
    text = str(shown)
    shown.stepper.back()
    assert shown.stepper.look()["step"] == len(shown.bus.trace) == 8 and str(shown) == text
    head = shown.children[1].value
    assert "Where to look:" in head and "What is true:" in head and "must be the one that accepts" in head
    assert len(shown.story) == 9 and "1. p1 starts" in shown.children[3].value


def test_the_run_replays_elsewhere():
    bus = runs.change_of_mind()
    again = replay(single_decree("xy", learners=0), bus.trace)
    assert winners(again) == {"y"}


def test_without_a_kernel_the_refutation_is_text():
    data = refute("read-your-copy").still()
    assert data["text/plain"].startswith("“A replica may answer reads")
    assert data["text/plain"].count("\n") == 2 + 13


def test_a_claim_that_is_not_known_is_told_so():
    with pytest.raises(LabError, match="no claim 'paxos-is-easy'; there are ends-without-failures, "):
        refute("paxos-is-easy")


def test_a_run_that_refutes_nothing_is_not_shown():
    weak = Refutation("weak", "c", runs.change_of_mind, lambda bus: False, "l", "i")
    with pytest.raises(LabError, match="'weak' does not refute"):
        Refuted(weak)


def test_a_script_that_does_not_fit_says_what_is_in_flight():
    bus = runs._decree()
    with pytest.raises(LabError, match="nothing is in flight for 'a1 p1'; in flight: #1 p1"):
        runs.pass_on(bus, "a1 p1")
