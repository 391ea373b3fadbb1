"""The tasks of exercises 01 and 05: schedules that refute a claim, and some that do not."""

import pytest
from checking import cell

from paxos_lab.paxos import Acceptor
from paxos_lab.teach import check

IMPORTS = """
from paxos_lab import *
from paxos_lab.paxos import *

def deliver(bus, sender, to, kind=None):
    bus.deliver(next(e for e in bus.in_flight if (e.sender, e.to) == (sender, to) and isinstance(e.message, kind or object)))

def all_of(bus):
    while bus.in_flight:
        bus.deliver(bus.in_flight[0])

def promise(bus, proposer, names):
    for name in names:
        deliver(bus, proposer, name, Prepare)
        deliver(bus, name, proposer, Promise)

def vote(bus, proposer, names):
    for name in names:
        deliver(bus, proposer, name, Accept)
"""


def schedule(body):
    return cell(f"def f(bus):\n    {body}", IMPORTS)["f"]


SPLIT = "[deliver(bus, 'c' + i, 'v' + i) for i in '123']"
P1 = "promise(bus, 'p1', ['a1', 'a2']); "


@pytest.mark.parametrize(
    ("task", "body", "said"),
    [
        ("claim.deciders", "pass", "nobody has learned anything"),
        ("claim.deciders", "all_of(bus)", "Not refuted: c1 learned tea, c2 learned tea"),
        ("claim.deciders", "deliver(bus, 'd1', 'c1')", "StopIteration"),
        ("claim.deciders", "bus.crash('d7')", "no node is called 'd7'"),
        ("claim.deciders", "bus.deliver(99)", "cannot happen"),
        ("claim.deciders", "while True: pass", "does not come to an end"),
        ("claim.deciders", "...", "still a `...`"),
        ("claim.vote", SPLIT, "messages are still under way"),
        ("claim.vote", "all_of(bus)", "Not refuted"),
        ("claim.vote", SPLIT + "; bus.crash('v1')", "without any fault"),
        ("claim.vote", "[bus.drop(e) for e in list(bus.in_flight)]", "without any fault"),
        ("claim.vote", "pass", "still under way"),
        ("claim.vote", "bus.partition(['v1'], ['v2', 'v3', 'c1', 'c2', 'c3'])", "without any fault"),
        ("claim.commit", "bus.crash('coord')", "Not both participants are in doubt"),
        ("claim.commit", "deliver(bus, 'coord', 'p1'); bus.crash('coord')", "Not both participants are in doubt"),
        ("claim.commit", "deliver(bus, 'coord', 'p1'); deliver(bus, 'coord', 'p2')", "The coordinator is up"),
        ("claim.commit", "deliver(bus, 'coord', 'p1'); deliver(bus, 'coord', 'p2'); deliver(bus, 'p1', 'coord'); deliver(bus, 'p2', 'coord'); bus.crash('coord')", "They do not stay in doubt"),
        ("claim.commit", "deliver(bus, 'coord', 'p1'); deliver(bus, 'coord', 'p2'); bus.crash('coord'); bus.crash('p2')", "A participant is down as well"),
        ("claim.commit", "bus.restart('coord')", "cannot happen"),
        ("fault.unknown", "pass", "Nothing is chosen yet"),
        ("fault.unknown", P1 + "vote(bus, 'p1', ['a1'])", "Nothing is chosen yet"),
        ("fault.unknown", "all_of(bus)", "tea is chosen, but p1 learned tea"),
        ("fault.unknown", P1 + "vote(bus, 'p1', ['a1', 'a2']); deliver(bus, 'a1', 'l1'); deliver(bus, 'a2', 'l1')", "l1 learned tea"),
        ("fault.unknown", "deliver(bus, 'p1', 'a9')", "StopIteration"),
        ("fault.outvoted", P1 + "vote(bus, 'p1', ['a1', 'a2']); bus.start('p2'); all_of(bus)", "tea is chosen"),
        ("fault.outvoted", "bus.start('p2'); promise(bus, 'p2', ['a2', 'a3']); vote(bus, 'p2', ['a2', 'a3'])", "No acceptor has voted for tea"),
        ("fault.outvoted", P1 + "vote(bus, 'p1', ['a1'])", "coffee is not chosen"),
        ("fault.outvoted", P1 + "vote(bus, 'p1', ['a1']); bus.start('p2'); promise(bus, 'p2', ['a1', 'a2']); vote(bus, 'p2', ['a2', 'a3'])", "tea is chosen"),
        ("fault.outvoted", "bus.start('p1')", "cannot happen"),
    ],
)  # fmt: skip
def test_schedules_that_refute_nothing(task, body, said):
    answer = check(task, schedule(body))
    assert not answer.passed and said in str(answer), answer


@pytest.mark.parametrize(
    ("task", "body"),
    [
        ("claim.deciders", "[deliver(bus, *way) for way in (('c1', 'd1'), ('c2', 'd2'), ('d1', 'c1'), ('d2', 'c2'))]"),
        ("claim.deciders", "[deliver(bus, *way) for way in (('c2', 'd1'), ('c1', 'd2'), ('d1', 'c1'), ('d2', 'c2'))]; all_of(bus)"),
        ("claim.vote", SPLIT + "; all_of(bus)"),
        ("claim.vote", "deliver(bus, 'c3', 'v1'); deliver(bus, 'c1', 'v2'); deliver(bus, 'c2', 'v3'); all_of(bus)"),
        ("claim.commit", "deliver(bus, 'coord', 'p1'); deliver(bus, 'coord', 'p2'); bus.crash('coord')"),
        ("claim.commit", "deliver(bus, 'coord', 'p2'); deliver(bus, 'coord', 'p1'); deliver(bus, 'p1', 'coord'); bus.crash('coord'); bus.run(max_steps=20)"),
        ("fault.unknown", P1 + "vote(bus, 'p1', ['a1', 'a2'])"),
        ("fault.unknown", P1 + "vote(bus, 'p1', ['a2', 'a3']); bus.crash('p1')"),
        ("fault.outvoted", P1 + "vote(bus, 'p1', ['a1']); bus.start('p2'); promise(bus, 'p2', ['a2', 'a3']); vote(bus, 'p2', ['a2', 'a3'])"),
        ("fault.outvoted", P1 + "bus.crash('p1'); bus.start('p2'); vote(bus, 'p1', ['a1']); promise(bus, 'p2', ['a3', 'a2']); vote(bus, 'p2', ['a1', 'a2', 'a3'])"),
    ],
)  # fmt: skip
def test_schedules_that_do(task, body):
    answer = check(task, schedule(body))
    assert answer.passed, answer


RIGHT = {"Acceptor": {"promised", "accepted"}, "Proposer": {"round"}}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (RIGHT | {"Acceptor": {"accepted"}}, "An acceptor broke its promise"),
        (RIGHT | {"Acceptor": {"promised"}}, "An acceptor left out a vote"),
        (RIGHT | {"Proposer": set()}, "One ballot asks for two different values"),
        (RIGHT | {"Proposer": {"round", "voters"}}, "voters need not be on disk"),
        (RIGHT | {"Proposer": {"ballot"}}, "nothing reads the ballot that was stored"),
        (RIGHT | {"Proposer": {"speed"}}, "Choose among round"),
        ({"Acceptor": {"promised"}}, "I expected a dictionary"),
        (["promised"], "I expected a dictionary"),
        ({...}, "still a `...`"),
    ],
)
def test_wrong_disks_are_rejected(fields, said):
    answer = check("fault.disk", fields)
    assert not answer.passed and said in str(answer), answer


def test_right_disks_are_accepted_in_any_shape():
    assert check("fault.disk", RIGHT).passed
    assert check("fault.disk", {"Proposer": ["round"], "Acceptor": ("accepted", "promised")}).passed


@pytest.mark.parametrize(
    "task", ["claim.deciders", "claim.vote", "claim.commit", "fault.unknown", "fault.outvoted", "fault.disk"]
)
@pytest.mark.parametrize("thing", [None, 3, "text", Acceptor, lambda *a: 1 / 0])
def test_other_things_are_answered_in_words(task, thing):
    answer = check(task, thing)
    assert not answer.passed and "could not judge" not in answer.headline
