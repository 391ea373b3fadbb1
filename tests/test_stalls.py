"""find_stall(): from every state a fair continuation decides, or the stall is shown."""

from dataclasses import dataclass

import pytest

from paxos_lab import Crash, Drop, LabError, replay
from paxos_lab.paxos import Accept, Acceptor, Proposer, single_decree
from paxos_lab.relatives.two_phase import two_phase_commit
from paxos_lab.verify import Faults, find_stall

ACCEPTORS = ("a1", "a2", "a3")


def all_know(nodes):
    return all(node.decision is not None for node in nodes.values())


@pytest.mark.parametrize(("setting", "faults"), [
    ({"values": ["x"]}, Faults()),
    ({"values": ["x", "y"], "acceptors": 2}, Faults()),
    ({"values": ["x", "y"], "acceptors": 1}, Faults(timeouts=1)),
    ({"values": ["x"]}, Faults(crashes=1, restarts=False, who=ACCEPTORS)),
    ({"values": ["x", "y"], "acceptors": 1}, Faults(crashes=1)),
])  # fmt: skip
@pytest.mark.parametrize("lose", [True, False])
def test_our_roles_lead_on_from_every_state(setting, faults, lose):
    found = find_stall(single_decree(**setting, learners=0), faults=faults, lose=lose)
    assert found.ok and found.complete and found.counterexample is None
    assert "progress holds" in str(found)


def test_with_a_majority_gone_for_good_nothing_is_decided():
    found = find_stall(
        single_decree(["x"], learners=0), faults=Faults(crashes=2, restarts=False, who=ACCEPTORS)
    )
    assert not found.ok and "ring and ring" in found.sentence
    assert sum(isinstance(step.event, Crash) for step in found.counterexample) == 2
    back = find_stall(
        single_decree(["x"], acceptors=2, learners=0), faults=Faults(crashes=2, who=ACCEPTORS[:2])
    )
    assert back.ok and back.complete, "who may restart is no loss for ever"


@dataclass
class GivesUp(Proposer):
    """Takes silence for the last word."""

    def timeout(self, timer):
        pass


@dataclass
class NeverAnswersTwice(Acceptor):
    """Takes an accept that comes again for one it has dealt with."""

    def receive(self, sender, message):
        if not isinstance(message, Accept) or self.accepted is None:
            super().receive(sender, message)


@pytest.mark.parametrize(("roles", "words"), [
    ({"proposer": GivesUp}, "no timer runs"), ({"acceptor": NeverAnswersTwice}, "ring and ring"),
])  # fmt: skip
def test_a_protocol_that_stalls_without_a_fault_is_found(roles, words):
    nodes = single_decree(["x", "y"], acceptors=2, learners=0, **roles)
    found = find_stall(nodes)
    assert not found.ok and found.property == "progress" and words in found.sentence
    assert replay(found.nodes, found.counterexample).trace == found.counterexample
    assert any(isinstance(step.event, Drop) for step in found.counterexample)


def test_giving_up_shows_only_when_something_is_lost():
    nodes = single_decree(["x"], learners=0, proposer=GivesUp)
    assert find_stall(nodes, lose=False).ok
    assert not find_stall(nodes, lose=True).ok


def test_two_phase_commit_blocks_on_its_coordinator_and_on_nobody_else():
    for who, ok in (("coord", False), ("p1", True), ("p2", True)):
        found = find_stall(two_phase_commit(), all_know, Faults(crashes=1, restarts=False, who=who))
        assert found.ok is ok and (found.complete or not ok), who
    assert find_stall(two_phase_commit(), all_know, Faults(crashes=1)).ok, "with its disk back it goes on"


def test_two_proposers_go_on_without_either_and_one_alone_is_missed():
    for who in ("p1", "p2"):
        nodes = single_decree(["x", "y"], acceptors=2, learners=0)
        found = find_stall(nodes, faults=Faults(crashes=1, restarts=False, who=who))
        assert found.ok and found.complete, who
    alone = find_stall(single_decree(["x"], learners=0), faults=Faults(crashes=1, restarts=False, who="p1"))
    assert not alone.ok, "nobody is left who could go on: that is no progress"
    assert [type(step.event) for step in alone.counterexample if step.node == "p1"][-1] is Crash
    assert find_stall(single_decree(["x"], learners=0), faults=Faults(crashes=1, who="p1")).ok, (
        "it comes back"
    )


def test_a_goal_that_nobody_could_miss_is_refused():
    with pytest.raises(LabError, match="say what you wait for with decided="):
        find_stall(two_phase_commit())


def test_a_bound_is_an_honest_end():
    found = find_stall(single_decree(["x", "y"], learners=0), max_states=100)
    assert found.ok and not found.complete and found.cut == "max_states"
