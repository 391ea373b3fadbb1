"""Every schedule of Raft cut down: the right one, and each rule that is taken away, in the smallest world that shows it."""

import pytest

from paxos_lab import LabError, MessageBus
from paxos_lab.relatives import Contender, contenders
from paxos_lab.relatives.raft.contenders import Ask, Grant, Holds, Spread
from paxos_lab.verify import RIGHT_RAFT, WRONG_RAFT, Faults, committed_stays, explore

FIGURE_8 = "entries of old terms are counted"  # 43,557 states, 8 s of processor time: played here, below


@pytest.mark.parametrize("rule", [rule for rule in WRONG_RAFT if rule != FIGURE_8])
def test_a_rule_taken_away_is_found_and_a_setting_below_it_is_safe(rule):
    case = WRONG_RAFT[rule]
    found = explore(case.nodes(), [committed_stays], case.faults)
    assert not found.ok and found.property == "committed_stays", str(found)
    assert len(found.counterexample) > 5
    below = explore(case.nodes(), [committed_stays], case.below)
    assert below.ok and below.complete and below.states > 20, str(below)


@pytest.mark.parametrize("kind", [Contender, *RIGHT_RAFT.values()])
def test_right_ones_pass_every_schedule_of_two_elections_and_a_crash(kind):
    nodes = contenders([["x"], ["y"]], contender=kind)
    found = explore(nodes, [committed_stays], Faults(timeouts=2, crashes=1))
    assert found.ok and found.complete and found.states > 500, str(found)


# The shortest schedule that the search finds: four elections, no crash, three servers. (kind, from, to, term)
FOUR_ELECTIONS = [
    "s1", (Ask, "s1", "s2", 1), (Grant, "s2", "s1", 1),  # s1 leads in term 1, x is on s1 alone
    "s2", (Ask, "s2", "s3", 2), (Grant, "s3", "s2", 2), (Ask, "s2", "s1", 2),  # s2 leads in term 2, y is on s2 alone
    "s1", (Ask, "s1", "s3", 3), (Grant, "s3", "s1", 3),  # s1 leads again
    (Spread, "s1", "s3", 3), (Holds, "s3", "s1", 3), (Ask, "s1", "s2", 3),  # x, of term 1, is on a majority
    "s2", (Ask, "s2", "s1", 4), (Grant, "s1", "s2", 4),  # and y, of term 2, is up to date
]  # fmt: skip


@pytest.mark.parametrize("right", [False, True])
def test_figure_8_needs_three_servers_and_four_elections(right):
    bus = MessageBus(WRONG_RAFT[FIGURE_8].nodes(right))
    for event in FOUR_ELECTIONS:
        if isinstance(event, str):
            bus.timeout(event, "election")
            continue
        kind, sender, to, term = event
        waiting = (e for e in bus.in_flight if type(e.message) is kind and (e.sender, e.to) == (sender, to))
        bus.deliver(next(e for e in waiting if e.message.term == term))
    assert bus["s2"].role == "leader" and bus["s2"].log == ((2, "y"),)
    says = committed_stays(bus.trace.sent, {node.name: node for node in bus})
    if right:
        assert says is None
    else:
        assert says == (
            "committed_stays: x of term 1 is committed in term 3, and the leader of term 4 holds y of term 2"
        )


def test_contenders_refuses_what_makes_no_group():
    for own in ([], [["x"]] * 4):
        with pytest.raises(LabError, match="lists of values"):
            contenders(own)
