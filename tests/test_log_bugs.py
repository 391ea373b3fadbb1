"""Rules of the log taken away one by one: storms have to notice each, or it is said here what does."""

import importlib

import pytest

from paxos_lab.verify.wrong.server_runs import WRONG

# By the rule that is taken away: what may say so, and among how many seeds, the first ones, some run has to be
# caught. `make bench` counts how many of a hundred are.
CAUGHT = {
    "a promise is not on disk": ({"rule"}, 20),
    "a vote is not on disk": ({"rule"}, 5),
    "it votes below its promise": ({"rule"}, 5),
    "a vote raises no promise": ({"rule"}, 60),
    "a promise hides the votes": ({"rule"}, 5),
    "the maximum is not taken per slot": ({"rule"}, 30),
    "a preempted proposal is never made again": ({"stall"}, 40),
    "the answer comes before the votes": ({"history"}, 5),
    "its own vote is taken for the chosen one": ({"rule"}, 40),
    "votes are served as chosen": ({"rule"}, 15),
    "a duplicate is executed": ({"twice", "history"}, 40),
    "a gap is applied": ({"rule"}, 5),
    "a decided value is not fetched": ({"stall"}, 10),
    "a snapshot lacks the sessions": ({"twice", "history"}, 15),
    "a snapshot has the last session only": ({"twice", "history"}, 15),
    "a snapshot claims a slot too many": ({"rule"}, 5),
    "a snapshot lacks the configurations": ({"rule"}, 30),
    "a configuration governs at once": ({"rule"}, 60),
    "the newest configuration governs all": ({"rule"}, 5),
    "the first configuration governs all": ({"stall", "rule"}, 5),
    "the window is wider than alpha": ({"rule"}, 30),
    "a lost disk is a restart": ({"rule"}, 10),
    "a lease knows no drift": ({"history"}, 20),
    "an old leader answers a read": ({"history"}, 20),
    "a follower answers a read": ({"history"}, 5),
}

# These take a coincidence that storms do not bring about in hundreds of runs. By the rule: the test that does, by
# trying every schedule on a part of a server, or by a schedule written for it.
HARDLY = {
    "its own ballots are used again": "test_wrong_servers.test_a_ballot_used_again_is_found_among_all_schedules",
    "votes of two ballots are added up": "test_wrong_servers.test_votes_added_up_over_two_ballots_are_found_among_all_schedules",
    "the lowest vote of a slot is taken": "test_wrong_servers.test_the_lowest_vote_is_found_among_all_schedules",
    "holes are left": "test_log_explored.test_a_leader_that_lacks_a_rule_is_broken_by_the_shortest_schedule",
    "a majority is asked after a lost disk": "test_rejoin.test_answers_of_a_majority_are_not_enough",
    "the promises of a lost disk are not asked for": "test_wrong_servers.test_the_promises_of_a_lost_disk_are_missed",
    "a read does not wait for the read point": "test_wrong_servers.test_a_read_before_the_read_point_misses_a_write",
}


def test_every_wrong_server_is_seen_by_something():
    assert CAUGHT.keys() | HARDLY.keys() == WRONG.keys()
    assert not CAUGHT.keys() & HARDLY.keys()
    for place in HARDLY.values():
        module, _, name = place.partition(".")
        assert hasattr(importlib.import_module(module), name), place


@pytest.mark.parametrize("rule", CAUGHT)
def test_storms_catch_it_and_the_right_server_passes_the_same_runs(rule):
    kinds, runs = CAUGHT[rule]
    case = WRONG[rule]
    came = next((c for c in map(case.storm, range(runs)) if not c.ok), None)
    assert came is not None and came.kind in kinds, came and (came.kind, came.sentence)
    for seed in range(2):
        sound = case.storm(seed, right=True)
        assert sound.ok, (seed, sound.sentence)
