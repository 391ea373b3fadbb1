"""The exercises of the interview: answers and what the checks must say to them."""

IMPORTS = """
from paxos_lab import *
from paxos_lab.paxos import *

NAMES = ["a1", "a2", "a3"]


def deliver(bus, sender, to, kind):
    bus.deliver(next(e for e in bus.in_flight if (e.sender, e.to) == (sender, to) and isinstance(e.message, kind)))


def promise(bus, proposer, names):
    for name in names:
        deliver(bus, proposer, name, Prepare)
        deliver(bus, name, proposer, Promise)


def vote(bus, proposer, names):
    for name in names:
        deliver(bus, proposer, name, Accept)


def refused(bus, by, names):
    \"\"\"A proposer that is below everybody's promise: Prepare and Nack.\"\"\"
    for name in names:
        deliver(bus, by, name, Prepare)
    deliver(bus, names[0], by, Nack)
"""

MAJORITY = """
def others_vote(bus):
    promise(bus, "p1", ["a1", "a2"])
    vote(bus, "p1", ["a2", "a3"])
"""
REPORTED = """
def reported(bus):
    promise(bus, "p1", ["a1", "a2"])
    vote(bus, "p1", ["a1"])
    bus.start("p2")
    promise(bus, "p2", ["a1", "a3"])
"""
DUEL = """
def never_ends(bus):
    promise(bus, "p1", NAMES)
    late, early = "p1", "p2"
    for _ in range(6):
        promise(bus, early, NAMES)
        vote(bus, late, NAMES)
        deliver(bus, "a1", late, Nack)
        bus.timeout(late, "retry")
        late, early = early, late
"""
BOARD = 'answers = {1: "B", 2: "B", 3: "B", 4: "D", 5: "C", 6: "B", 8: "D", 10: "A"}'
SOLUTIONS = {
    "interview.majority": MAJORITY,
    "interview.reported": REPORTED,
    "interview.termination": DUEL,
    "interview.whiteboard": BOARD,
}

_AGAIN = 'promise(bus, "p1", ["a1", "a2"]); vote(bus, "p1", ["a1"]); bus.timeout("p1", "retry"); promise(bus, "p1", ["a1", "a2"])'
_LATE = 'bus.start("p2"); deliver(bus, "p2", "a1", Prepare); deliver(bus, "a1", "p2", Nack); bus.timeout("p2", "retry"); promise(bus, "p2", ["a1"]); promise(bus, "p2", ["a3", "a3"])'

WRONG = {
    "interview.majority": {
        "the same two": ({'["a2", "a3"]': '["a1", "a2"]'}, "all of them had promised"),
        "all three had": ({'"p1", ["a1", "a2"]': '"p1", NAMES'}, "all of them had promised"),
        "promised in time": ({'    vote(bus, "p1", ["a2", "a3"])': '    deliver(bus, "p1", "a3", Prepare)\n    vote(bus, "p1", ["a2", "a3"])'}, "all of them had promised"),
        "the third vote": ({'["a2", "a3"]': "NAMES"}, "when tea was chosen already, by a1 and a2"),
        "one vote": ({'["a2", "a3"]': '["a3"]'}, "Nothing is chosen yet"),
        "nothing": ("def others_vote(bus):\n    pass", "Nothing is chosen yet"),
        "no Accept is there": ({'    promise(bus, "p1", ["a1", "a2"])\n': ""}, "StopIteration"),
    },
    "interview.reported": {
        "it was chosen": ({'vote(bus, "p1", ["a1"])': 'vote(bus, "p1", ["a1", "a2"])'}, "it had been chosen"),
        "chosen meanwhile, and reported to p1 before": (f"def reported(bus):\n    {_AGAIN}; vote(bus, 'p1', ['a1', 'a2', 'a2']); {_LATE}", "two acceptors had voted for it in one ballot"),
        "asks the others": ({'promise(bus, "p2", ["a1", "a3"])': 'promise(bus, "p2", ["a2", "a3"])'}, "No promise to p2 reports a vote"),
        "no quorum": ({'promise(bus, "p2", ["a1", "a3"])': 'promise(bus, "p2", ["a1"])'}, "p2 does not ask for tea yet"),
        "reported to p1 only": (f"def reported(bus):\n    {_AGAIN}", "No promise to p2 reports a vote"),
        "nobody voted": ({'    vote(bus, "p1", ["a1"])\n': ""}, "No promise to p2 reports a vote"),
    },
    "interview.termination": {
        "nothing arrives": ("def never_ends(bus):\n    for _ in range(3):\n        bus.timeout('p1', 'retry')\n        bus.timeout('p2', 'retry')", "its Prepare has arrived nowhere"),
        "no Accept arrives": ("def never_ends(bus):\n    for name in ('p1', 'p2') * 4:\n        promise(bus, name, NAMES)\n        bus.timeout(name, 'retry')", "its Accept has arrived nowhere"),
        "no answer arrives": ("def never_ends(bus):\n    for name in ('p1', 'p2') * 4:\n        for a in NAMES: deliver(bus, name, a, Prepare)\n        bus.timeout(name, 'retry')", "before it heard a refusal"),
        "one Prepare arrives": ("def never_ends(bus):\n    for name in ('p1', 'p2') * 4:\n        deliver(bus, name, 'a1', Prepare)\n        bus.timeout(name, 'retry')", "has arrived at a1 only"),
        "two ballots": ({"range(6)": "range(2)"}, "ballots only"),
        "loses a message": ({"        late, early = early, late": "        late, early = early, late\n    bus.drop(bus.in_flight[-1])"}, "crashes or loses something"),
        "crashes one": ({"    late, early = \"p1\"": "    bus.crash('a3'); bus.restart('a3')\n    late, early = \"p1\""}, "crashes or loses something"),
        "one wins": ("def never_ends(bus):\n    promise(bus, 'p1', NAMES)\n    vote(bus, 'p1', NAMES)", "tea is chosen"),
    },
    "interview.whiteboard": {
        "one wrong": ({'4: "D"': '4: "A"'}, "Drill 4 is not A"),
        "no letter": ({'4: "D"': "4: 4"}, "4 is no option"),
        "no such option": ({'4: "D"': '4: "Z"'}, "'Z' is no option"),
        "one missing": ({', 10: "A"': ""}, "a letter for each drill"),
    },
}  # fmt: skip

RIGHT = {
    "interview.majority": {
        "solution": ({}, "which it had not promised"),
        "the old Prepare comes later": ({'["a2", "a3"])': '["a2", "a3"])\n    bus.run(max_steps=60)'}, "Its promise came after its vote"),
        "all three vote": ({'["a2", "a3"]': "['a2', 'a3', 'a1']"}, "a3 voted for tea"),
        "promised another ballot": ("def others_vote(bus):\n    promise(bus, 'p1', NAMES); bus.timeout('p1', 'retry'); promise(bus, 'p1', ['a1', 'a2']); vote(bus, 'p1', NAMES); vote(bus, 'p1', ['a3', 'a2'])", "a3 voted for tea in ballot 2.p1, which it had not promised"),
    },
    "interview.reported": {
        "solution": ({}, "a1 in 1.p1, and no others"),
        "votes in two ballots": (f"def reported(bus):\n    {_AGAIN}; vote(bus, 'p1', ['a2', 'a2']); {_LATE}", "a1 in 1.p1 and a2 in 2.p1"),
        "p2 goes on": ({'["a1", "a3"])': '["a1", "a3"])\n    vote(bus, "p2", NAMES)'}, ""),
        "with a3": ({'"a1", "a2"]': '"a2", "a3"]', 'vote(bus, "p1", ["a1"])': 'vote(bus, "p1", ["a3"])'}, "a3 in 1.p1"),
    },
    "interview.termination": {
        "solution": ({}, "without any failure"),
        "with two of three": ({"NAMES": "['a2', 'a3']", '"a1", late': '"a2", late'}, ""),
        "refused at the Prepare": ("def never_ends(bus):\n    promise(bus, 'p2', NAMES)\n    refused(bus, 'p1', NAMES)\n    late, early = 'p1', 'p2'\n    for _ in range(6):\n        bus.timeout(late, 'retry')\n        promise(bus, late, NAMES)\n        vote(bus, early, NAMES)\n        deliver(bus, 'a1', early, Nack)\n        late, early = early, late", ""),
        "nine times": ({"range(6)": "range(9)"}, ""),
    },
    "interview.whiteboard": {"solution": ({}, ""), "small letters": ({"B": "b", "D": "d"}, ""), "another order": ('answers = dict(reversed(list({1: "B", 2: "B", 3: "B", 4: "D", 5: "C", 6: "B", 8: "D", 10: "A"}.items())))', "")},
}  # fmt: skip
