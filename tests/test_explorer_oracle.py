"""Every search against a model checker that shares no code with it, on hundreds of random protocols.

Verdict, length of the counterexample and, where a search counts the same states, their number. Outside
`make test`, `make thorough` tries two thousand more; see `random_protocols.py` for what is drawn.
"""

from collections import Counter
from functools import cache

import pytest
from oracle import Oracle
from random_protocols import protocol

from paxos_lab import Duplicate, Start
from paxos_lab.verify import explore
from paxos_lab.verify.explorer import exploration
from paxos_lab.verify.explorer.fast import local_graphs
from paxos_lab.verify.explorer.numbered_search import TooLarge

MOST = 600  # states


def events(found):
    """How many events after the starts it takes to the break; a copy made by the network is none."""
    if found.counterexample is None:
        return None
    return sum(not isinstance(step.event, Duplicate | Start) for step in found.counterexample)


@cache
def by_the_oracle(seed):
    nodes, faults, judge = protocol(seed)
    return Oracle(nodes, judge, faults).run(MOST)


def judged(seed, method):
    """What the oracle says, and whether the search says the same; None if one of them gives up."""
    nodes, faults, judge = protocol(seed)
    said, length, states, complete = by_the_oracle(seed)
    if said is None and not complete:
        return None
    try:
        found = explore(nodes, [judge], faults, 5_000, method=method)
    except TooLarge:
        return None
    assert (found.ok, events(found), found.complete) == (said is None, length, complete), seed
    if complete and method in ("plain", "numbered"):
        assert found.states == states, seed
    return found.ok


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A few would take long; the short search gets its turn soon."""
    monkeypatch.setattr(local_graphs, "MOST_STEPS", 350)
    monkeypatch.setattr(exploration, "PATIENCE", 500)


@pytest.mark.parametrize("block", range(2))
def test_the_reduced_search_says_what_the_oracle_says(block):
    outcomes = Counter(judged(seed, "reduced") for seed in range(200 + 30 * block, 230 + 30 * block))
    # It would say little if all were safe, all broken, or most too large.
    assert outcomes[True] >= 8 and outcomes[False] >= 2, outcomes


@pytest.mark.parametrize("method", ["plain", "numbered", "auto"])
def test_the_other_searches_say_what_the_oracle_says(method):
    outcomes = Counter(judged(seed, method) for seed in range(1000, 1025))
    assert outcomes[True] >= 8 and outcomes[False] >= 3, outcomes


# Seeds at which the searches once differed: silent nodes with timers set at the start.
@pytest.mark.parametrize("seed", [2, 18, 27, 56, 79, 83, 106, 110, 113, 151, 154])
def test_seeds_that_were_judged_wrong_once(seed):
    assert judged(seed, "reduced") is not None


@pytest.mark.thorough
@pytest.mark.parametrize("block", range(40))
def test_every_search_says_what_the_oracle_says_of_two_thousand_more(block):
    outcomes = Counter()
    for seed in range(10_000 + 50 * block, 10_050 + 50 * block):
        outcomes.update(judged(seed, method) for method in ("plain", "numbered", "reduced", "auto"))
    assert outcomes[True] >= 40 and outcomes[False] >= 8, outcomes
