"""The interview exercises: answers that the roles refute or bear out, and runs that refute a claim or not."""

import pytest
from checking import cell

from paxos_lab.paxos import Acceptor
from paxos_lab.teach import check
from paxos_lab.teach.exercises.one_value.e14_interview import WHITEBOARD
from paxos_lab.teach.interview.drills.catalogue import drill

IMPORTS = """
from paxos_lab import *
from paxos_lab.paxos import *

NAMES = ["a1", "a2", "a3"]

def deliver(bus, sender, to, kind=None):
    bus.deliver(next(e for e in bus.in_flight if (e.sender, e.to) == (sender, to) and isinstance(e.message, kind or object)))

def promise(bus, proposer, names):
    for name in names:
        deliver(bus, proposer, name, Prepare)
        deliver(bus, name, proposer, Promise)

def vote(bus, proposer, names):
    for name in names:
        deliver(bus, proposer, name, Accept)

def duel(bus, times, asked=NAMES):
    promise(bus, "p1", asked)
    late, early = "p1", "p2"
    for _ in range(times):
        promise(bus, early, asked)
        vote(bus, late, asked)
        deliver(bus, asked[0], late, Nack)
        bus.timeout(late, "retry")
        late, early = early, late
"""
# tea gets a vote in 1.p1, then p1 opens 2.p1; p2 comes late, is refused, and asks in a higher ballot.
SECOND = "promise(bus, 'p1', ['a1', 'a2']); vote(bus, 'p1', ['a1']); bus.timeout('p1', 'retry'); promise(bus, 'p1', ['a1', 'a2']); "
AFTER = (
    "bus.start('p2'); deliver(bus, 'p2', 'a1', Prepare); deliver(bus, 'a1', 'p2', Nack); bus.timeout('p2', 'retry'); "
    "promise(bus, 'p2', ['a1']); promise(bus, 'p2', ['a3', 'a3'])"
)
P1 = "promise(bus, 'p1', ['a1', 'a2']); "


def schedule(body):
    return cell(f"def f(bus):\n    {body}", IMPORTS)["f"]


@pytest.mark.parametrize(
    ("task", "body", "said"),
    [
        ("interview.majority", "pass", "Nothing is chosen yet"),
        ("interview.majority", P1 + "vote(bus, 'p1', ['a1', 'a2'])", "all of them had promised"),
        ("interview.majority", P1 + "vote(bus, 'p1', ['a3'])", "Nothing is chosen yet"),
        ("interview.majority", "vote(bus, 'p1', ['a3'])", "StopIteration"),
        ("interview.majority", "bus.start('p1')", "cannot happen"),
        ("interview.majority", "...", "still a `...`"),
        ("interview.reported", "pass", "No promise to p2 reports a vote"),
        ("interview.reported", P1 + "vote(bus, 'p1', ['a1']); bus.start('p2'); promise(bus, 'p2', ['a2', 'a3'])", "No promise to p2 reports a vote"),
        ("interview.reported", P1 + "vote(bus, 'p1', ['a1']); bus.start('p2'); promise(bus, 'p2', ['a1'])", "p2 does not ask for tea yet"),
        ("interview.reported", P1 + "vote(bus, 'p1', ['a1', 'a2']); bus.start('p2'); promise(bus, 'p2', ['a1', 'a2'])", "it had been chosen"),
        ("interview.reported", "bus.start('p2'); bus.start('p2')", "cannot happen"),
        ("interview.termination", "pass", "opened 1 ballot only"),
        ("interview.termination", "duel(bus, 3)", "ballots only"),
        ("interview.termination", "duel(bus, 6); bus.drop(bus.in_flight[0])", "crashes or loses something"),
        ("interview.termination", "bus.crash('p1')", "crashes or loses something"),
        ("interview.termination", "promise(bus, 'p1', NAMES); vote(bus, 'p1', NAMES)", "tea is chosen"),
        ("interview.termination", "for _ in range(3): bus.timeout('p1', 'retry'); bus.timeout('p2', 'retry')", "its Prepare has arrived nowhere"),
        ("interview.termination", "for p in ('p1', 'p2') * 4:\n        for a in NAMES: deliver(bus, p, a, Prepare)\n        bus.timeout(p, 'retry')", "before it heard a refusal or the promises of two"),
        ("interview.termination", "for p in ('p1', 'p2') * 4:\n        promise(bus, p, NAMES)\n        bus.timeout(p, 'retry')", "its Accept has arrived nowhere"),
        ("interview.reported", SECOND + "vote(bus, 'p1', ['a1', 'a2', 'a2']); " + AFTER, "two acceptors had voted for it in one ballot"),
        ("interview.termination", "while True: pass", "does not come to an end"),
    ],
)  # fmt: skip
def test_schedules_that_refute_nothing(task, body, said):
    answer = check(task, schedule(body))
    assert not answer.passed and said in str(answer), answer


@pytest.mark.parametrize(
    ("task", "body"),
    [
        ("interview.majority", P1 + "vote(bus, 'p1', ['a2', 'a3'])"),
        ("interview.majority", P1 + "vote(bus, 'p1', ['a2', 'a3']); bus.run(max_steps=50)"),
        ("interview.majority", "promise(bus, 'p1', ['a2', 'a3']); vote(bus, 'p1', ['a1', 'a2', 'a3'])"),
        ("interview.reported", P1 + "vote(bus, 'p1', ['a1']); bus.start('p2'); promise(bus, 'p2', ['a1', 'a3'])"),
        ("interview.reported", "promise(bus, 'p1', NAMES); vote(bus, 'p1', ['a3']); bus.start('p2'); promise(bus, 'p2', ['a2', 'a3']); vote(bus, 'p2', NAMES)"),
        ("interview.reported", SECOND + "vote(bus, 'p1', ['a2', 'a2']); " + AFTER),
        ("interview.termination", "duel(bus, 6)"),
        ("interview.termination", "duel(bus, 9, ['a2', 'a3'])"),
    ],
)  # fmt: skip
def test_schedules_that_do(task, body):
    answer = check(task, schedule(body))
    assert answer.passed, answer


RIGHT = {seed: "ABCDEFGH"[drill(seed).right] for seed in WHITEBOARD}


def test_the_whiteboard_is_graded_by_the_roles():
    assert check("interview.whiteboard", RIGHT).passed
    assert check("interview.whiteboard", {seed: letter.lower() for seed, letter in RIGHT.items()}).passed
    for seed in WHITEBOARD:
        other = "A" if RIGHT[seed] != "A" else "B"
        answer = check("interview.whiteboard", RIGHT | {seed: other})
        assert not answer.passed and f"Drill {seed} is not {other}" in answer.headline
        assert answer.details[0].startswith("The rule: ")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (RIGHT | {1: "Z"}, "'Z' is no option"),
        (RIGHT | {1: 2}, "2 is no option"),
        (RIGHT | {1: ""}, "'' is no option"),
        ({1: "A"}, "a letter for each drill"),
        ("BBB", "a letter for each drill"),
        ({...}, "still a `...`"),
    ],
)
def test_answers_that_are_none(answers, said):
    answer = check("interview.whiteboard", answers)
    assert not answer.passed and said in str(answer), answer


@pytest.mark.parametrize("task", ["interview.majority", "interview.reported", "interview.termination"])
@pytest.mark.parametrize("thing", [None, 3, "text", Acceptor, lambda *a: 1 / 0])
def test_other_things_are_answered_in_words(task, thing):
    answer = check(task, thing)
    assert not answer.passed and "could not judge" not in answer.headline
