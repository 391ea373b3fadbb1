"""The tasks of exercise 07: wrong ones rejected for the right reason, right ones accepted."""

import pytest
from checking import cell

from paxos_lab.paxos import Acceptor
from paxos_lab.teach import check

IMPORTS = """
import random
import itertools
from dataclasses import dataclass
from paxos_lab import *

@dataclass(frozen=True)
class Alive:
    pass
"""


def named(name, source):
    return cell(source, IMPORTS)[name]


def function(body, arguments):
    return named("f", f"def f({arguments}):\n    {body}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return own", "round 1 was used already"),
        ("return own + 1", "the acceptor has promised round 5"),
        ("return promised", "was used already"),
        ("return max(own, promised)", "was used already"),
        ("return own + promised + 1000", "why jump so far"),
        ("return max(own, promised) + 0.5", "a whole number is wanted"),
        ("return None", "a whole number is wanted"),
        ("return 1 // 0", "ZeroDivisionError"),
        ("...", "still a `...`"),
    ],
)
def test_wrong_rounds_are_rejected(body, said):
    answer = check("retry.round", function(body, "own, promised"))
    assert not answer.passed and said in str(answer), answer


def test_right_rounds_are_accepted():
    assert check("retry.round", function("return max(own, promised) + 1", "own, promised")).passed
    few = "return promised + 3 if promised >= own else own + 2"
    assert check("retry.round", function(few, "own, promised")).passed


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 0", "messages each"),
        ("return 500.0 * round", "somebody waits far too long"),
        ("return 1e9", "had not learned"),
        ("return random.random()", "A role must react alike to the same state"),
        ("return -1", "a number from 0 on is wanted"),
        ("return 'long'", "a number from 0 on is wanted"),
        ("return float('nan')", "a number from 0 on is wanted"),
        ("return 1 / (round - 1)", "ZeroDivisionError"),
        ("while True: pass", "does not come to an end"),
        ("...", "still a `...`"),
    ],
)
def test_wrong_pauses_are_rejected(body, said):
    answer = check("duel.pause", function(body, "round, name"))
    assert not answer.passed and said in str(answer), answer


def test_right_pauses_are_accepted():
    for body in (
        "return random.Random(f'{name} {round}').uniform(0, 2 ** min(round, 6))",
        "return min(round, 6) * int(name[1:]) * 3.0",  # no chance at all: everybody has a place in the queue
    ):
        assert check("duel.pause", function(body, "round, name")).passed, body


WATCH = """
@dataclass
class Watch(Node):
    names: tuple
    heartbeat: float = 3.0
    patience: float = {patience}
    leader: str | None = None
    alive: frozenset = frozenset()

    def start(self):
        {start}

    def recover(self):
        {recover}

    def look(self):
        self.leader = {choice}

    def beat(self):
        self.send([n for n in self.names if n != self.name], Alive())
        self.set_timer("beat", self.heartbeat)

    def receive(self, sender, message):
        {receive}

    def timeout(self, timer):
        if timer == "beat":
            {beat}
        else:
            {miss}
        self.look()
"""
RIGHT = {
    "patience": "10.0",
    "start": "self.look(); self.beat()",
    "recover": "self.start()",
    "choice": "min({self.name} | self.alive)",
    "receive": "self.alive |= {sender}; self.set_timer('miss ' + sender, self.patience); self.look()",
    "beat": "self.beat()",
    "miss": "self.alive -= {timer[5:]}",
}


def watch(**changed):
    return named("Watch", WATCH.format(**(RIGHT | changed)))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"choice": "'s1'"}, "s1 has crashed, 30 units ago: s2 takes 's1'"),
        ({"choice": "max({self.name} | self.alive)"}, "Everybody is up: s1 takes 's3'"),
        ({"miss": "pass"}, "s1 has crashed, 30 units ago"),
        ({"recover": "pass"}, "s1 has come back"),
        ({"beat": "pass"}, "Everybody is up"),
        ({"start": "self.look()"}, "nothing happens any more"),
        ({"patience": "1.0"}, "Everybody is up"),
        ({"patience": "100.0"}, "s1 has crashed, 30 units ago"),
        ({"receive": "self.alive |= {sender}; self.look()"}, "s1 has crashed, 30 units ago"),
        ({"receive": "self.send(sender, Alive()) if len(self.alive) < 9 else None; self.alive |= {sender}; self.set_timer('miss ' + sender, self.patience); self.look()"}, "they sent"),
        ({"beat": "1 / 0"}, "ZeroDivisionError"),
        ({"start": "..."}, "still a `...`"),
    ],
)  # fmt: skip
def test_wrong_watches_are_rejected(changed, said):
    answer = check("leader.watch", watch(**changed))
    assert not answer.passed and said in str(answer), answer


def test_right_watches_are_accepted():
    assert check("leader.watch", watch()).passed
    counting = """
@dataclass
class Watch(Node):
    names: tuple
    leader: str | None = None
    missed: dict = volatile({})

    def start(self):
        self.missed = {n: 9 for n in self.names if n != self.name}
        self.leader = self.name
        self.tick()

    def recover(self):
        self.start()

    def tick(self):
        self.missed = {n: k + 1 for n, k in self.missed.items()}
        self.leader = min([self.name, *(n for n, k in self.missed.items() if k <= 4)])
        self.send(list(self.missed), Alive())
        self.set_timer("tick", 2.5)

    def receive(self, sender, message):
        self.missed[sender] = 0

    def timeout(self, timer):
        self.tick()
"""
    assert check("leader.watch", named("Watch", counting)).passed


@pytest.mark.parametrize("task", ["retry.round", "duel.pause", "leader.watch"])
@pytest.mark.parametrize("thing", [None, 3, "text", int, Acceptor, lambda *a: 1 / 0])
def test_other_things_are_answered_in_words(task, thing):
    answer = check(task, thing)
    assert not answer.passed and answer.headline and "could not judge" not in answer.headline
