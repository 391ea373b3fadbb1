"""The log, every schedule tried: small groups, few timers, and all that messages can do.

Servers that are cut off for good are nodes that never answer, which keeps the searches complete.
"""

import pytest

from paxos_lab.multipaxos import Append, Client, Command, Put, Server, Vote, replicated_log
from paxos_lab.node import Node
from paxos_lab.paxos import Ballot
from paxos_lab.verify import Faults, explore


def one_entry_per_slot(sent, nodes):
    """No slot is known to hold two different entries."""
    known = {}
    for node in nodes.values():
        for slot, entry in getattr(node, "log", {}).items():
            if known.setdefault(slot, entry) != entry:
                return f"slot {slot} holds {known[slot]} and {entry}"
    return None


def cut_off(nodes, *reached):
    """Of the servers only those are there; the clients ask them, each another one first."""
    there = [n if n.name in reached or isinstance(n, Client) else Node(n.name) for n in nodes]
    for turn, client in enumerate(node for node in there if isinstance(node, Client)):
        turn %= len(reached)
        client.servers = (*reached[turn:], *reached[:turn])
    return there


def all_served(sent, nodes):
    return all(node.done for node in nodes.values() if isinstance(node, Client))


def a_reply(sent, nodes):
    return any(node.results for node in nodes.values() if isinstance(node, Client))


def search(nodes, timeouts, properties=(one_entry_per_slot,), crashes=0):
    found = explore(nodes, properties, Faults(timeouts=timeouts, crashes=crashes))
    assert found.ok, str(found)
    assert found.complete, str(found)
    return found


@pytest.mark.parametrize("alone", [("s1", "s2"), ("s1", "s3"), ("s2", "s3")], ids=" ".join)
def test_two_of_three_can_serve_two_clients(alone):
    nodes = replicated_log([[Put("x", 1)], [Put("x", 2)]], alpha=1)
    found = search(cut_off(nodes, *alone), timeouts=1)
    assert found.reached(all_served)


def test_two_elections_in_two_of_three_are_safe_whatever_happens():
    found = search(cut_off(replicated_log([[Put("x", 1)]]), "s1", "s2"), timeouts=2)
    assert found.reached(lambda sent, nodes: all(nodes[name].round for name in ("s1", "s2")))
    assert found.reached(all_served)


def test_a_crash_of_either_of_two_is_safe_at_any_moment():
    found = search(replicated_log([[Put("x", 1)]], 2), timeouts=1, crashes=1)
    assert found.reached(all_served)


def test_two_of_five_never_choose_anything():
    alone = ("s2", "s5")
    found = search(cut_off(replicated_log([[Put("x", 1)], [Put("x", 2)]], 5), *alone), timeouts=3)
    assert found.reached(lambda sent, nodes: all(nodes[name].round for name in alone)), "both tried"
    assert not found.reached(a_reply)
    assert not found.reached(lambda sent, nodes: any(nodes[name].log for name in alone))


def test_one_alone_is_a_group():
    found = search(replicated_log([[Put("x", 1), Put("x", 2)]], 1), timeouts=2, crashes=1)
    assert found.reached(all_served)


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
@pytest.mark.parametrize("second", [("s1", "s3"), ("s2", "s3")], ids=" ".join)
def test_after_x_was_appended_in_s1_and_s2_every_answer_to_y_is_xy(second, told):
    """s1 led and answered cx; s2 voted, and has heard that it is chosen or not."""
    nodes = replicated_log({"cx": [], "cy": [Append("k", "Y")]})
    ballot, entry = Ballot(1, "s1"), (Command("cx", 1, Append("k", "X")),)
    for node in nodes[:2]:
        node.promised, node.votes = ballot, {1: Vote(ballot, entry)}
        node.round = int(node.name == "s1")
        if told or node.name == "s1":
            node.learn(1, entry)

    def xy(sent, nodes):
        results = nodes["cy"].results
        return None if results in ([], ["XY"]) else f"cy was told {results}"

    found = search(cut_off(nodes, *second), timeouts=1, properties=(one_entry_per_slot, xy))
    assert found.reached(all_served)


def test_the_search_sees_a_server_that_takes_over_nothing():
    """Else all the above would say nothing."""

    class Forgetful(Server):
        def lead(self):
            self.promises = dict.fromkeys(self.promises, ())
            super().lead()

    nodes = replicated_log({"cx": [], "cy": [Append("k", "Y")]}, server=Forgetful)
    ballot, entry = Ballot(1, "s1"), (Command("cx", 1, Append("k", "X")),)
    for node in nodes[:2]:
        node.promised, node.votes = ballot, {1: Vote(ballot, entry)}
    nodes[0].learn(1, entry)
    found = explore(nodes, (one_entry_per_slot,), Faults(timeouts=1))
    assert not found.ok and "slot 1 holds" in found.sentence
