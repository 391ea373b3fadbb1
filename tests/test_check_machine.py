"""The tasks of exercise 09: wrong ones rejected for the right reason, right ones accepted."""

import pytest
from checking import cell

from paxos_lab.multipaxos import KeyValueStore
from paxos_lab.paxos import Acceptor
from paxos_lab.teach import check

IMPORTS = """
import copy, json, random
from dataclasses import dataclass, field, replace
from typing import Any
from paxos_lab.multipaxos import *
from paxos_lab.teach.tasks.machine import Copy
shared = {}
"""


def named(name, source):
    return cell(source, IMPORTS)[name]


STORE = """
@dataclass
class Store:
    data: dict = field(default_factory=dict)

    def apply(self, operation):
        match operation:
            case Get(key):
                {get}
            case Put(key, value):
                {put}
            case Append(key, text):
                {append}
            case CompareAndSet(key, expected, value):
                {cas}
        {other}
"""
RIGHT = {
    "get": "return self.data.get(key)",
    "put": "old = self.data.get(key); self.data[key] = value; return old",
    "append": "self.data[key] = (self.data.get(key) or '') + text; return self.data[key]",
    "cas": "same = self.data.get(key) == expected; self.data.update({key: value} if same else {}); return same",
    "other": "return None",
}


def store(**changed):
    return named("Store", STORE.format(**(RIGHT | changed)))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"get": "return self.data[key]"}, "KeyError"),
        ({"get": "return self.data.get(key, '')"}, "apply(get x) should return None"),
        ({"put": "self.data[key] = value; return value"}, "put returns the value before"),
        ({"put": "self.data[key] = value"}, "put returns the value before"),
        ({"put": "return self.data.setdefault(key, value)"}, "apply(put x 1) should return None"),
        ({"append": "self.data[key] = text; return text"}, "append returns the new text"),
        ({"append": "self.data[key] += text; return self.data[key]"}, "KeyError"),
        ({"cas": "self.data[key] = value; return True"}, "should return False, and returns True"),
        ({"cas": "old = self.data.get(key); self.data[key] = value; return old == expected"}, "get returns the value"),
        ({"cas": "return self.data.get(key) == expected and not self.data.update({key: value}) or None"}, "should return False"),
        ({"other": "raise ValueError(operation)"}, "ValueError"),
        ({"get": "return random.random()"}, "should return None"),
        ({"get": "..."}, "still a `...`"),
    ],
)  # fmt: skip
def test_wrong_stores_are_rejected(changed, said):
    answer = check("store.apply", store(**changed))
    assert not answer.passed and said in str(answer), answer


def test_a_store_that_shares_its_state_is_rejected():
    source = STORE.format(**RIGHT).replace("self.data", "shared")
    answer = check("store.apply", named("Store", source))
    assert not answer.passed, answer


def test_right_stores_are_accepted():
    assert check("store.apply", store()).passed
    assert check("store.apply", KeyValueStore).passed
    assert check("store.replicated", KeyValueStore).passed
    assert check("store.replicated", store()).passed


SESSIONS = """
class Sessions:
    def __init__(self):
        self.known = {{}}

    def execute(self, machine, client, number, operation):
        {body}
"""
ONCE = (
    "last, reply = self.known.get(client, (0, None))\n        if number > last:\n"
    "            reply = machine.apply(operation)\n            self.known[client] = (number, reply)\n        return reply"
)


def sessions(body):
    return named("Sessions", SESSIONS.format(body=body))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return machine.apply(operation)", "came again and was executed again"),
        (ONCE.replace("return reply", "return reply if number > last else None"), "the reply was"),
        (ONCE.replace("(client, (0, None))", "('all', (0, None))").replace("self.known[client]", "self.known['all']"), "is new, and was executed 0 times"),
        (ONCE.replace("number > last", "number != last"), "came again and was executed again"),
        (ONCE.replace("            self.known[client] = (number, reply)\n", ""), "came again and was executed again"),
        ("self.known.setdefault(operation, machine.apply(operation)); return self.known[operation]", "came again and was executed again"),
        ("return self.known[client]", "KeyError"),
        ("...", "still a `...`"),
    ],
)  # fmt: skip
def test_wrong_sessions_are_rejected(body, said):
    answer = check("session.once", sessions(body))
    assert not answer.passed and said in str(answer), answer


def test_right_sessions_are_accepted():
    assert check("session.once", sessions(ONCE)).passed
    everything = "key = (client, number)\n        if key not in self.known and not any(c == client and n > number for c, n in self.known):\n            self.known[key] = machine.apply(operation)\n        return self.known.get(key)"
    assert check("session.once", sessions(everything)).passed, "keeps all replies: more memory, as right"


def pair(take, restore):
    names = cell(f"def take(replica):\n    {take}\n\ndef restore(snapshot):\n    {restore}\n", IMPORTS)
    return names["take"], names["restore"]


DEEP = "return copy.deepcopy({0})"


@pytest.mark.parametrize(
    ("take", "restore", "said"),
    [
        ("return replica", DEEP.format("snapshot"), "After restore, slot is 9"),
        ("return replace(replica, data=dict(replica.data))", DEEP.format("snapshot"), "copy what is inside"),
        ("return copy.copy(replica)", DEEP.format("snapshot"), "copy what is inside"),
        (DEEP.format("replica"), "return snapshot", "shares its state with the first"),
        (
            "return copy.deepcopy(replace(replica, sessions={}))",
            DEEP.format("snapshot"),
            "a command that comes again",
        ),
        (
            "return copy.deepcopy(replace(replica, members=()))",
            DEEP.format("snapshot"),
            "who is asked for votes",
        ),
        ("return copy.deepcopy(replace(replica, slot=0))", DEEP.format("snapshot"), "where the log goes on"),
        (DEEP.format("replica.data"), DEEP.format("snapshot"), "a Copy is wanted"),
        ("replica.data.clear(); return replica", "return snapshot", "changed the replica"),
        ("...", "...", "still a `...`"),
    ],
)
def test_wrong_snapshots_are_rejected(take, restore, said):
    answer = check("snapshot.whole", *pair(take, restore))
    assert not answer.passed and said in str(answer), answer


def test_right_snapshots_are_accepted():
    assert check("snapshot.whole", *pair(DEEP.format("replica"), DEEP.format("snapshot"))).passed
    take = "return json.dumps([replica.slot, replica.data, replica.sessions, replica.members])"
    back = "slot, data, s, m = json.loads(snapshot)\n    return Copy(slot, data, {k: tuple(v) for k, v in s.items()}, tuple(m))"
    assert check("snapshot.whole", *pair(take, back)).passed


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cas": "old = self.data.get(key); self.data[key] = value; return old == expected"}, "not linearizable"),
        ({"get": "return None"}, "not linearizable"),
        ({"append": "self.data[key] = (self.data.get(key) or '') + text + text; return self.data[key]"}, "In storm"),
        ({"put": "1 / 0"}, "ZeroDivisionError"),
        ({"put": "while True: pass"}, "does not come to an end"),
    ],
)  # fmt: skip
def test_wrong_stores_are_rejected_when_they_run(changed, said):
    answer = check("store.replicated", store(**changed))
    assert not answer.passed and said in str(answer), answer


def test_a_store_that_is_no_dataclass_cannot_be_replicated():
    plain = "class Store:\n    def __init__(self):\n        self.data = {}\n    def apply(self, operation):\n        return None"
    assert "no dataclass" in check("store.replicated", named("Store", plain)).headline


@pytest.mark.parametrize("task", ["store.apply", "session.once", "store.replicated"])
@pytest.mark.parametrize("thing", [None, 3, "text", Acceptor, lambda *a: 1 / 0])
def test_other_things_are_answered_in_words(task, thing):
    answer = check(task, thing)
    assert not answer.passed and "could not judge" not in answer.headline
