"""The tasks of exercise 08: wrong ones rejected for the right reason, right ones accepted."""

import pytest
from checking import cell

from paxos_lab.multipaxos import LogAcceptor
from paxos_lab.multipaxos.takeover import Heir, inherited
from paxos_lab.teach import check

IMPORTS = """
from dataclasses import dataclass
from typing import Any
from paxos_lab import *
from paxos_lab.multipaxos import *
from paxos_lab.multipaxos.messages import *
from paxos_lab.multipaxos.takeover import Heir, inherited
from paxos_lab.paxos import Ballot
"""


def named(name, source):
    return cell(source, IMPORTS)[name]


def ready(body):
    return named("ready", f"def ready(chosen, executed):\n    {body}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return sorted(chosen)", "There is a hole below"),
        ("return [s for s in sorted(chosen) if s > executed]", "There is a hole below"),
        ("return [executed + 1, executed + 2]", "Only what is chosen"),
        ("return [executed + 1] if executed + 1 in chosen else []", "nothing has to wait"),
        (
            "n = 1\n    while n in chosen: n += 1\n    return list(range(1, n))",
            "What was executed is not executed again",
        ),
        (
            "n = executed\n    while n + 1 in chosen: n += 1\n    return list(range(n, executed, -1))",
            "The order matters",
        ),
        ("return len(chosen)", "A list of slot numbers is wanted"),
        ("return []", "nothing has to wait"),
        ("while True: pass", "does not come to an end"),
        ("return [s for s in (executed + 1, executed + 2) if chosen[s]]", "KeyError"),
        ("...", "still a `...`"),
    ],
)
def test_wrong_orders_are_rejected(body, said):
    answer = check("log.execute", ready(body))
    assert not answer.passed and said in str(answer), answer


def test_right_orders_are_accepted():
    loop = "out = []\n    for s in range(executed + 1, executed + 1 + len(chosen)):\n        if s not in chosen: break\n        out.append(s)\n    return out"
    assert check("log.execute", ready(loop)).passed
    count = "n = executed\n    while n + 1 in chosen: n += 1\n    return range(executed + 1, n + 1)"
    assert check("log.execute", ready(count)).passed


FILLED = "return {s: best[s].entry if s in best else () for s in range(1, max(best, default=0) + 1)}"
TAKEOVERS = {
    "return {s: v.entry for r in reports for s, v in r}": "whoever reports it first",
    "best = {s: v for r in reports for s, v in r}\n    " + FILLED: "whoever reports it first",
    "best = {}\n    for r in reports:\n        for s, v in r: best.setdefault(s, v)\n    " + FILLED: "The higher ballot counts: milk",
    "return inherited(reports)": "Slots 1 and 2 are holes",
    "votes = [x for r in reports for x in r]\n    top = max((v.ballot for _, v in votes), default=None)\n"
    "    best = {s: v for s, v in votes if v.ballot == top}\n    " + FILLED: "Each slot by itself",
    "best = inherited(reports)\n    return {s: best.get(s, ()) for s in range(1, max(best, default=0) + 2)}": "nothing to take over",
    "best = {}\n    for r in reports:\n        for s, v in r:\n            best.setdefault(s, []).append(v.entry)\n"
    "    return {s: max(best.get(s, [()]), key=best.get(s, [()]).count) for s in range(1, max(best, default=0) + 1)}": "The higher ballot counts",
    "best = inherited(reports)\n    return {s: best.get(s) for s in range(1, max(best, default=0) + 1)}": "no-op, the empty entry",
    "return list(reports)": "nothing to take over",
    "return {1: reports[0][0][1].entry}": "IndexError",
}  # fmt: skip


@pytest.mark.parametrize(("body", "said"), TAKEOVERS.items())
def test_wrong_takeovers_are_rejected(body, said):
    answer = check("log.takeover", named("f", f"def f(reports):\n    {body}"))
    assert not answer.passed and said in str(answer), answer


def test_right_takeovers_are_accepted():
    ours = "best = inherited(reports)\n    return {s: best.get(s, ()) for s in range(1, max(best, default=0) + 1)}"
    by_sorting = (
        "votes = sorted(((v.ballot, s, v.entry) for r in reports for s, v in r), key=lambda x: x[0])\n"
        "    plan = {s: () for s in range(1, max((s for _, s, _ in votes), default=0) + 1)}\n"
        "    plan.update({s: entry for _, s, entry in votes})\n    return plan"
    )
    for body in (ours, by_sorting):
        assert check("log.takeover", named("f", f"def f(reports):\n    {body}")).passed
    assert inherited([]) == {}


ACCEPTOR = """
@dataclass
class Mine(Node):
    promised: Ballot = {promised}(Ballot.ZERO)
    votes: dict = {votes}({{}})

    def receive(self, sender, message):
        match message:
            case Prepare(ballot, first) if ballot >= self.promised:
                {promise}
            case Accept(ballot, slot, entry) if {guard}:
                {vote}
"""
RIGHT = {
    "promised": "stable",
    "votes": "stable",
    "promise": "self.promised = ballot; self.send(sender, Promise(ballot, tuple((s, v) for s, v in sorted(self.votes.items()) if s >= first), 0))",
    "guard": "ballot >= self.promised",
    "vote": "self.promised = ballot; self.votes[slot] = Vote(ballot, entry); self.send(sender, Accepted(ballot, slot))",
}


def acceptor(**changed):
    return named("Mine", ACCEPTOR.format(**(RIGHT | changed)))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"promised": "volatile"}, "the promise was not on disk"),
        ({"votes": "volatile"}, "After a crash its disk holds its vote"),
        ({"guard": "True"}, "then accepted in slot 2 for ballot 1.l1, which is lower"),
        ({"promise": RIGHT["promise"].replace("if s >= first", "")}, "Asked from slot 2 on"),
        ({"promise": RIGHT["promise"].replace("tuple(", "list(")}, "use a tuple"),
        ({"promise": "self.promised = ballot; self.send(sender, Promise(ballot, (), 0))"}, "It has votes in slots 1 and 3"),
        ({"vote": RIGHT["vote"].replace("self.promised = ballot; ", "")}, "A vote is a promise too"),
        ({"vote": RIGHT["vote"].replace("self.votes[slot]", "self.votes[1]")}, "It has votes in slots 1 and 3"),
        ({"vote": "self.votes[slot] = Vote(ballot, entry)"}, "does not accept in slot 1"),
        ({"promise": "..."}, "still a `...`"),
    ],
)  # fmt: skip
def test_wrong_acceptors_of_a_log_are_rejected(changed, said):
    answer = check("log.acceptor", acceptor(**changed))
    assert not answer.passed and said in str(answer), answer
    assert answer.run is not None or not answer.written or "use a tuple" in said


def test_right_acceptors_of_a_log_are_accepted():
    assert check("log.acceptor", acceptor()).passed
    assert check("log.acceptor", LogAcceptor).passed
    assert check("log.acceptor", acceptor(guard="ballot == self.promised")).passed


def heir(body):
    return named("Mine", f"class Mine(Heir):\n{body}")


PLAN = "    def plan(self):\n        taken = inherited(self.promises.values()); last = max(taken, default=0)\n        "
EAGER = """
    def receive(self, sender, message):
        if isinstance(message, Promise) and message.ballot == self.ballot:
            self.promises[sender] = message.votes
            if len(self.promises) >= 1 and not self.leads:
                self.leads = True
                for slot, entry in self.plan().items():
                    self.send(self.acceptors, Accept(self.ballot, slot, entry))
"""
COUNTS = (
    EAGER.replace("len(self.promises) >= 1", "self.count() >= 2")
    + """
    heard: int = 0

    def count(self):
        self.heard += 1
        return self.heard
"""
)
STALE = """
    def receive(self, sender, message):
        if isinstance(message, Promise):
            super().receive(sender, Promise(self.ballot, message.votes, 0))
"""


@pytest.mark.parametrize(
    ("role", "said"),
    [
        (heir(PLAN + "return dict(zip(range(1, self.slots + 1), self.own))"), "it asks for 1: c1#"),
        (heir(PLAN + "return taken | dict(zip(range(last + 1, self.slots + 1), self.own))"), "by the promises it should ask for 1: no-op"),
        (heir(PLAN + "return {s: taken.get(s, ()) for s in range(1, last + 1)}"), "It asks for nothing"),
        (heir(EAGER), "promises of a1 only"),
        (named("Mine", "@dataclass\nclass Mine(Heir):\n" + COUNTS), "which are no quorum for Phase 1"),
        (heir(STALE), "only promises for the ballot in hand"),
        (heir("    def start(self):\n        pass"), "At the start it sends no Prepare"),
        (heir("    def start(self):\n        self.ballot = Ballot(1, 'x'); self.send(self.acceptors, Prepare(self.ballot, 1))"), "Its ballot is"),
        (heir("    def start(self):\n        self.ballot = Ballot(1, self.name); self.send(self.acceptors, Prepare(self.ballot, 2))"), "from slot 1 on"),
    ],
)  # fmt: skip
def test_wrong_leaders_are_rejected(role, said):
    answer = check("log.leader", role)
    assert not answer.passed and said.lower() in str(answer).lower(), answer


def test_right_leaders_are_accepted():
    assert check("log.leader", Heir).passed


@pytest.mark.parametrize("task", ["log.execute", "log.takeover", "log.acceptor", "log.leader"])
@pytest.mark.parametrize("thing", [None, 3, "text", LogAcceptor, lambda *a: 1 / 0])
def test_other_things_are_answered_in_words(task, thing):
    answer = check(task, thing)
    assert answer.headline and "could not judge" not in answer.headline
    assert answer.passed == (task == "log.acceptor" and thing is LogAcceptor)
