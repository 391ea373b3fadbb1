"""When a decision comes: the livelock, its cures, what they cost, and that none of it touches safety."""

import hashlib
import math
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from test_safety import RUNS, ForgetsItsVote, what_broke

from paxos_lab import Deliver, Duplicate, LabError, MessageBus, Timeout, by_time, react, seeded
from paxos_lab.node import Send
from paxos_lab.paxos import (
    Accept,
    Acceptor,
    Ask,
    Ballot,
    Decided,
    DistinguishedProposer,
    Impatient,
    Nack,
    Prepare,
    Proposal,
    Proposer,
    chosen,
    single_decree,
)
from paxos_lab.show import Chart, Contention, Duel, Race, contention, contention_curves, race
from paxos_lab.show.measure.rivals import spread
from paxos_lab.show.widgets.box import Said
from paxos_lab.show.widgets.duel import BOUND, MANNERS

VALUES = ["x", "y", "z"]


def chosen_in(bus):
    sent = bus.trace.sent
    return {proposal.value for proposal in chosen(sent, bus["p1"].quorums)}


def proposers_of(bus):
    return [node for node in bus if isinstance(node, Proposer)]


def all_learned(bus):
    return all(proposer.learned is not None for proposer in proposers_of(bus))


# ---- the livelock


def spoiler(bus):
    """Let a request for votes arrive only when it is too late; a rival moves in its place."""
    for event in bus.arriving:
        message = event.envelope.message
        if not isinstance(message, Accept) or message.ballot < bus[event.envelope.to].promised:
            return event
    busy = {envelope.sender for envelope in bus.in_flight}
    idle = [(due, node, timer) for node, timer, due in bus.timers if node not in busy]
    return Timeout(*min(idle)[1:]) if idle else None


def spoiled(role, steps):
    bus = MessageBus(single_decree(["tea", "coffee"], proposer=role), delay=1)
    assert bus.run(spoiler, max_steps=steps) == steps
    return bus


def holds(bus):
    """How long each message that arrived was under way."""
    sent = {envelope.id: step.time for step in bus.trace for envelope in step.sent}
    return [s.time - sent[s.event.envelope.id] for s in bus.trace if isinstance(s.event, Deliver)]


def test_the_livelock_needs_no_failure_and_no_slow_message():
    bus = spoiled(Impatient, 2500)
    assert {type(step.event).__name__ for step in bus.trace} == {"Start", "Deliver", "Timeout"}
    assert chosen_in(bus) == set()
    assert min(bus["p1"].round, bus["p2"].round) > 150
    assert max(holds(bus)) == 3, "every message arrives, and soon"
    assert len(bus.in_flight) <= 6, "nothing piles up"
    dues = [due for _, _, due in bus.timers]
    assert all(due >= bus.now for due in dues), "no timer is late"


@pytest.mark.parametrize("steps", range(20, 60, 3))
@pytest.mark.parametrize("name", ["p1", "p2"])
def test_who_is_left_alone_finishes_from_anywhere_in_the_livelock(name, steps):
    bus = spoiled(Impatient, steps)

    def only_it(bus):
        events = [e for e in bus.arriving if name in (e.envelope.sender, e.envelope.to)]
        return events[0] if events else Timeout(name, "retry")

    bus.run(only_it, lambda bus: bus[name].learned is not None, max_steps=60)
    assert bus[name].learned in ("tea", "coffee")
    assert chosen_in(bus) == {bus[name].learned}


def test_against_back_off_the_network_must_hold_messages_ever_longer():
    longest = [max(holds(spoiled(Proposer, steps))) for steps in (20, 40, 80, 240)]
    assert longest == sorted(set(longest)) and longest[-1] > 100
    # Its pauses stop growing, so this is where a network without any bound is the stronger one.
    assert chosen_in(spoiled(Proposer, 2500)) == set()
    assert max(holds(spoiled(Proposer, 2500))) < 200


def test_the_spoiler_spoils_a_leader_too_if_nothing_bounds_it():
    assert chosen_in(spoiled(DistinguishedProposer, 1000)) == set()


# ---- safety never depends on who leads


def with_leaders(leaders, acceptor=Acceptor, proposer=DistinguishedProposer):
    """Three proposers; each takes the name in its place for the leader."""
    nodes = single_decree(VALUES, acceptor=acceptor, proposer=proposer)
    for node, leader in zip(nodes, leaders, strict=False):
        node.leader = leader
        node.trust = 3.0
    return nodes


LEADERSHIP = {
    "all trust p1": ("p1", "p1", "p1"),
    "two leaders": ("p1", "p2", "p1"),
    "everybody leads": ("p1", "p2", "p3"),
    "nobody leads": ("p2", "p3", "p1"),
}


def stormy(nodes, seed):
    bus = MessageBus(nodes, seed=seed, checked=False)
    bus.run(seeded(seed, faults=(0.1, 0.2, 0.35)[seed % 3]), max_steps=150)
    return bus


@pytest.mark.parametrize("leaders", LEADERSHIP.values(), ids=LEADERSHIP.keys())
def test_whoever_leads_there_is_one_story_with_every_fault_at_once(leaders):
    happened, decided = Counter(), 0
    for seed in range(RUNS):
        bus = stormy(with_leaders(leaders), seed)
        assert what_broke(bus, VALUES) is None, f"seed {seed}"
        happened.update(type(step.event).__name__ for step in bus.trace)
        happened.update(type(e.message).__name__ for e in bus.trace.messages)
        decided += bool(chosen_in(bus))
    kinds = ["Drop", "Duplicate", "Timeout", "Crash", "Restart", "Partition", "Ask", "Decided", "Nack"]
    assert min(happened[kind] for kind in kinds) > RUNS / 10, happened
    assert decided > RUNS / 2


@dataclass
class SkipsPhaseOne(DistinguishedProposer):
    """Believes that being the leader is as good as having asked."""

    def prepare(self):
        super().prepare()
        if self.leader == self.name:
            self.proposal = Proposal(self.ballot, self.value)
            self.send(self.acceptors, Accept(self.ballot, self.value))


@dataclass
class TellsTooEarly(DistinguishedProposer):
    """Tells its followers of a decision at the first vote."""

    def receive(self, sender, message):
        super().receive(sender, message)
        if self.voters and self.waiting:
            self.send(self.waiting, Decided(self.proposal.value))


@pytest.mark.parametrize(
    "roles", [{"proposer": SkipsPhaseOne}, {"proposer": TellsTooEarly}, {"acceptor": ForgetsItsVote}]
)
def test_a_leader_that_is_taken_for_a_lock_is_convicted_by_the_same_seeds(roles):
    leaders = LEADERSHIP["two leaders"]
    assert any(what_broke(stormy(with_leaders(leaders, **roles), seed), VALUES) for seed in range(RUNS))


def test_roles_of_all_manners_may_be_mixed():
    for seed in range(100):
        nodes = single_decree(VALUES)
        quorums, acceptors = nodes[0].quorums, nodes[0].acceptors
        nodes[:3] = [
            Impatient("p1", "x", acceptors, quorums),
            Proposer("p2", "y", acceptors, quorums),
            DistinguishedProposer("p3", "z", acceptors, quorums),
        ]
        assert what_broke(stormy(nodes, seed), VALUES) is None, f"seed {seed}"


# ---- a leader, and its end


def test_followers_only_ask_and_are_told():
    bus = MessageBus(single_decree(VALUES, proposer=DistinguishedProposer), seed=4)
    bus.run()
    kinds = Counter(type(e.message).__name__ for e in bus.trace.messages)
    assert kinds == {"Prepare": 3, "Promise": 3, "Accept": 3, "Accepted": 6, "Ask": 2, "Decided": 2}
    assert [p.learned for p in proposers_of(bus)] == ["x"] * 3
    assert bus.timers == [], "who has learned waits for nothing"


def test_who_asks_late_is_told_at_once():
    nodes = single_decree(["x", "y"], proposer=DistinguishedProposer)
    bus = MessageBus(nodes, idle=["p2"], seed=1)
    bus.run()
    bus.start("p2")
    bus.run()
    assert bus["p2"].learned == "x" and bus["p2"].ballot.round == 0


@pytest.mark.parametrize("moment", range(0, 20, 2))
def test_a_leader_that_dies_at_any_moment_is_followed_by_another(moment):
    for seed in range(15):
        bus = MessageBus(single_decree(VALUES, proposer=DistinguishedProposer), seed=seed)
        bus.run(max_steps=moment)
        before = chosen_in(bus)
        bus.crash("p1")
        living = [bus["p2"], bus["p3"]]
        bus.run(until=lambda bus, living=living: all(p.learned for p in living), max_steps=2000)
        assert {p.learned for p in living} == chosen_in(bus)
        assert not before or chosen_in(bus) == before


def test_a_leader_that_is_refused_stands_back():
    nodes = single_decree(["x", "y"], proposer=DistinguishedProposer)
    nodes[1].trust = 1.6
    bus = MessageBus(nodes, delay=1)
    bus.run(until=lambda bus: bus["p1"].proposal is not None)
    bus.timeout("p2", "retry")  # it thinks p1 dead, and opens 1.p2
    for envelope in [e for e in bus.in_flight if isinstance(e.message, Prepare)]:
        bus.deliver(envelope)
    bus.run()
    refused = {e.to for e in bus.trace.messages if isinstance(e.message, Nack)}
    asked = [(e.sender, e.to) for e in bus.trace.messages if isinstance(e.message, Ask)]
    assert refused == {"p1"} and asked == [("p2", "p1"), ("p1", "p2")]
    assert bus["p1"].leader == bus["p2"].leader == "p2"
    assert [p.learned for p in proposers_of(bus)] == ["y", "y"]
    assert [p.round for p in proposers_of(bus)] == [1, 1], "one ballot each: no duel follows"


def test_a_refused_leader_remembers_how_high_the_rival_was():
    leader = DistinguishedProposer("p1", "x", ("a1", "a2", "a3"))
    react(leader, "start")
    effects = react(leader, "receive", "a1", Nack(leader.ballot, Ballot(30, "p2")))
    assert leader.leader == "p2" and Send("p2", Ask()) in effects
    assert react(leader, "receive", "a2", Nack(leader.ballot, Ballot(30, "p2"))) == [], "it asks once"
    react(leader, "timeout", "retry")
    assert leader.ballot == Ballot(31, "p1")


def test_led_proposers_all_learn_in_spite_of_loss_and_copies():
    stalls = []
    for seed in range(60):
        nodes = with_leaders(LEADERSHIP["all trust p1"])
        bus = MessageBus(nodes, seed=seed, loss=0.2, duplicate=0.1, traced=False, checked=False)
        bus.run(by_time(), all_learned, 3000)
        if not all_learned(bus):
            stalls.append(seed)
    assert stalls == []


# ---- what was measured


def test_a_race_counts_what_a_trace_shows():
    for network in ({}, {"loss": 0.2}, {"duplicate": 0.3}, {"loss": 0.1, "duplicate": 0.2}):
        for seed in range(12):
            counted = race(single_decree(VALUES), seed, limit=1000, **network)
            bus = MessageBus(single_decree(VALUES), seed=seed, **network)
            bus.run(until=lambda bus: all_learned(bus) and bus["l1"].learned is not None)
            doubled = sum(isinstance(step.event, Duplicate) for step in bus.trace)
            assert bool(doubled) == ("duplicate" in network)
            assert counted.messages == len(bus.trace.messages) - doubled, "the network's copies cost no node"
            assert counted.learned == bus.now
            votes = (n for n in range(len(bus.trace)) if chosen_at(bus, n + 1))
            assert counted.chosen == bus.trace[next(votes)].time


def chosen_at(bus, steps):
    sent = bus.trace[:steps].sent
    return chosen(sent, bus["p1"].quorums)


def test_a_race_ends_at_its_limit_and_says_so():
    short = race(single_decree(VALUES), seed=1, limit=1.0)
    assert short.chosen == short.learned == math.inf
    assert 9 <= short.messages < 40
    assert race(single_decree(VALUES), seed=1, limit=4.0).learned == math.inf


def test_with_a_leader_messages_follow_the_formula():
    for acceptors in (3, 5):
        found = contention({"led": DistinguishedProposer}, range(1, 7), range(10), acceptors)
        for one in found:
            expected = 5 * acceptors + 2 * (one.proposers - 1)
            assert {race.messages for race in one.races} == {expected}


@pytest.mark.parametrize("acceptors", [3, 5])
def test_rivals_cost_what_the_lesson_says(acceptors):
    manners = {"at once": Impatient, "back-off": Proposer, "led": DistinguishedProposer}
    found = {
        (one.manner, one.proposers): one
        for one in contention(manners, [1, 2, 6], range(20), acceptors, limit=200)
    }
    for manner in manners:
        assert found[manner, 1].messages.median == 5 * acceptors
        assert found[manner, 1].messages.median < found[manner, 6].messages.median
    at_once, backing, led = (found[manner, 6] for manner in manners)
    assert at_once.messages.median > 4 * backing.messages.median > 16 * led.messages.median
    assert at_once.chosen.median > 3 * backing.chosen.median
    assert backing.chosen.median < 1.2 * found["back-off", 1].chosen.median
    assert led.learned.median < 1.5 * found["led", 1].learned.median
    assert led.rate > 10 * at_once.rate


def test_contention_is_the_same_every_time_and_refuses_nothing_to_measure():
    once = contention({"b": Proposer}, [2, 3], range(5))
    assert once == contention({"b": Proposer}, [2, 3], range(5))
    for nothing in ({"manners": {}}, {"proposers": []}, {"seeds": []}):
        with pytest.raises(LabError, match="at least one"):
            contention(**({"manners": {"b": Proposer}} | nothing))


def test_the_spread_takes_numbers_that_occurred():
    assert (spread(range(11)).low, spread(range(11)).median, spread(range(11)).high) == (1, 5, 9)
    assert str(spread([1.0, math.inf, math.inf])) == "not in time (1.0 to not in time)"
    with pytest.raises(LabError):
        spread([])


def test_shares_of_runs_that_were_cut_off():
    races = (Race(9, math.inf, math.inf), Race(9, 5.0, math.inf), Race(9, 5.0, 8.0), Race(9, 1.0, 2.0))
    one = Contention("m", 2, races, limit=10.0)
    assert (one.undecided, one.unlearned) == (0.25, 0.5)
    assert one.rate == 100 * 2 / (10 + 10 + 8 + 2)


# ---- the drawing


def some_curves():
    found = contention({"a <b> | c": Impatient, "led": DistinguishedProposer}, [1, 2, 3], range(4), 3)
    return contention_curves(found)


def test_the_drawing_is_one_svg_with_a_name_and_a_table_beside_it():
    chart = some_curves()
    root = ElementTree.fromstring(chart.svg())
    assert root.tag.endswith("svg") and root.get("role") == "img"
    assert root.get("aria-label") == chart.caption and "Median of 4 runs" in chart.caption
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "number of proposers" in texts and "a <b> | c" in texts
    assert len(chart.rows) == 1 + 6
    assert chart.rows[4][:3] == ["led", "1", "15.0 (15.0 to 15.0)"]
    assert "<b>" not in chart.table
    table = ElementTree.fromstring(chart.table)
    assert [["".join(cell.itertext()) for cell in row] for row in table] == chart.rows
    assert float(root.get("width").removesuffix("pt")) * 4 / 3 <= 841


def test_the_drawing_is_the_same_in_every_process():
    here = hashlib.sha256(some_curves().svg().encode()).hexdigest()
    code = (
        "import hashlib, test_liveness as t;print(hashlib.sha256(t.some_curves().svg().encode()).hexdigest())"
    )
    for seed in ("0", "77"):
        there = subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parent,
            env=os.environ | {"PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.strip() == here


def test_a_lesson_without_curves_does_not_load_the_plotting_library():
    code = "import sys, paxos_lab.show; print('matplotlib.figure' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_the_drawing_shows_what_is_asked_for():
    found = contention({"led": DistinguishedProposer}, [1, 2], range(3))
    chart = contention_curves(found, "chosen")
    assert isinstance(chart, Chart) and len(chart.rows[0]) == 5
    with pytest.raises(LabError, match="no measure 'speed'"):
        contention_curves(found, "speed")
    with pytest.raises(LabError, match="nothing to draw"):
        contention_curves([])


# ---- the duel


def press(duel, *names):
    for name in names:
        duel.buttons[name].click()
    return duel


def test_one_press_is_one_overtaking():
    duel = press(Duel(), "Overtake")
    assert "1.p1 is promised by a1, a2, a3." in duel.said.value
    press(duel, "Overtake")
    assert [str(ballot) for ballot in duel.ballots] == ["1.p1", "1.p2"]
    for rounds in range(3, 9):
        press(duel, "Overtake")
        assert len(duel.ballots) == rounds and duel.chosen == []
        assert "too late" in duel.said.value and "Nothing is chosen." in duel.said.value
    assert duel.meter["moves"] == "8"


def test_the_duel_goes_on_as_long_as_you_press_and_holds_nothing_long():
    duel = press(Duel(), *["Overtake 10 times"] * 10)
    assert (duel.moves, len(duel.ballots), duel.chosen) == (100, 100, [])
    assert duel.longest_held < BOUND / 2
    assert {type(step.event).__name__ for step in duel.bus.trace} == {"Start", "Deliver", "Timeout"}
    assert duel.picture().caption.startswith("The last 7 of 100 ballots, nothing chosen yet.")
    assert duel.picture().alt.count("Ballot ") == 7
    assert chosen_in(duel.bus) == set()


@pytest.mark.parametrize("name", ["p1", "p2"])
@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("bounded", [True, False])
def test_let_one_finish(name, manner, bounded):
    duel = press(Duel(manner, bounded), *["Overtake"] * 2, f"Let {name} finish")
    assert duel.bus[name].learned in ("tea", "coffee")
    assert [duel.bus[name].learned] == duel.chosen == sorted(chosen_in(duel.bus))
    assert f"{duel.chosen[0]} is chosen." in duel.said.value
    other = "p2" if name == "p1" else "p1"
    press(duel, f"Let {other} finish")
    assert duel.bus[other].learned == duel.bus[name].learned, "it adopts, whatever it wanted"


def test_twice_the_same_one_wins():
    duel = press(Duel(), "p2 next", "p2 next")
    assert duel.chosen == ["coffee"] and duel.bus["p2"].learned == "coffee"


@pytest.mark.parametrize("manner", ["back off", "one leader"])
def test_the_cures_end_the_duel_if_messages_arrive_in_time(manner):
    duel = press(Duel(manner), "Overtake 10 times")
    assert len(duel.chosen) == 1 and len(duel.ballots) <= 4
    assert duel.longest_held <= BOUND
    assert all_learned(duel.bus)


@pytest.mark.parametrize("manner", ["back off", "one leader"])
def test_no_cure_helps_against_a_network_without_a_bound(manner):
    duel = press(Duel(manner, bounded=False), *["Overtake 10 times"] * 3)
    assert duel.chosen == [] and duel.longest_held > 2 * BOUND


def test_to_wait_is_a_move_of_its_own():
    duel = press(Duel("back off"), *["Overtake"] * 3)
    assert "p1 waits until 7.7; it is 4.0 now." in duel.said.value
    assert [str(ballot) for ballot in duel.ballots] == ["1.p1", "1.p2"]
    press(duel, "Overtake")
    assert str(duel.ballots[-1]) == "2.p1" and duel.longest_held < BOUND


def test_what_is_forced_is_said():
    duel = Duel("back off")
    for _ in range(10):
        press(duel, "Overtake")
        if duel.chosen:
            break
    assert "Held for 10, so it must arrive now" in duel.said.value


def test_settings_begin_a_new_duel_and_the_bound_does_not():
    duel = press(Duel(), *["Overtake"] * 4)
    duel.bounded.value = False
    assert duel.moves == 4
    duel.manner.value = "back off"
    assert duel.moves == 0 and type(duel.bus["p1"]) is Proposer
    press(duel, "Overtake", "Start again")
    assert duel.moves == 0 and duel.meter["chosen"] == "nothing"
    with pytest.raises(LabError, match="choose from"):
        Duel("politeness")


def test_every_control_of_the_duel_has_a_label_and_the_page_without_a_kernel_a_picture():
    duel = press(Duel(), "Overtake", "Overtake")
    assert all(button.description and button.tooltip for button in duel.buttons.values())
    assert duel.manner.description and duel.bounded.description
    data = duel.still()
    assert data["image/svg+xml"].startswith("<svg") and data["text/plain"].startswith("Duel. ")
    assert "Ballot 1.p2" in duel.words.value and duel.steps.value.count("<li>") == 5
    assert isinstance(duel.said, Said), "what a press did is said aloud"
