"""The tasks of exercise 09: wrong ones rejected for the right reason, right ones accepted."""

import pytest
from checking import cell

from paxos_lab.multipaxos import KeyValueStore
from paxos_lab.paxos import Acceptor
from paxos_lab.teach import check
from paxos_lab.teach.exercises.the_log import e09_replicated as replicated

IMPORTS = """
import copy, json, random
from dataclasses import dataclass, field
from typing import Any
from paxos_lab.multipaxos import *
from paxos_lab.world.data import copy_of
shared = {}
"""


def named(name, source):
    return cell(source, IMPORTS)[name]


def rejected(answer, said):
    assert not answer.passed and said in str(answer), answer
    assert answer.written == ("..." not in said)


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


def store(source=STORE, **changed):
    return named("Store", source.format(**(RIGHT | changed)))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"get": "return self.data[key]"}, "KeyError"),
        ({"get": "return self.data.get(key, '')"}, "A key that nobody has set gives None"),
        ({"put": "self.data[key] = value; return value"}, "Put gives the value before"),
        ({"put": "return self.data.setdefault(key, value)"}, "Put gives the value before"),
        ({"append": "self.data[key] += text; return self.data[key]"}, "KeyError"),
        ({"append": "self.data[key] = text; return text"}, "the whole of it"),
        ({"append": "old = self.data.get(key) or ''; self.data[key] = old + text; return old"}, "Append gives the new text"),
        ({"cas": "old = self.data.get(key); self.data[key] = value; return old == expected"}, "fails changes nothing"),
        ({"cas": "self.data[key] = value; return True"}, "another value than expected"),
        ({"cas": "return self.data.get(key) == expected"}, "Where it succeeds, it sets"),
        ({"cas": "return key in self.data and self.data[key] == expected and not self.data.update({key: value})"}, "expecting None is right"),
        ({"other": "raise ValueError(operation)"}, "ValueError"),
        ({"other": "self.data.clear()"}, "An unknown operation changes nothing"),
        ({"other": "return random.random()"}, "Two replicas executed the same"),
        ({"other": "self.data['seen'] = random.random()"}, "their fields differ"),
        ({"other": "while True: pass"}, "does not come to an end"),
        ({"get": "..."}, "still a `...`"),
    ],
)  # fmt: skip
def test_wrong_stores_are_rejected(changed, said):
    rejected(check("store.apply", store(**changed)), said)


def test_what_stands_outside_the_fields_is_no_state():
    source = STORE.format(**RIGHT)
    rejected(
        check("store.apply", named("Store", source.replace("self.data", "shared"))), "Two new stores share"
    )
    hidden = source.replace("self.data", "self.__dict__.setdefault('hidden', {})")
    rejected(check("store.apply", named("Store", hidden)), "After it was copied, as for a snapshot")
    plain = source.replace("@dataclass", "").replace(
        "data: dict = field(default_factory=dict)", "def __init__(self): self.data = {}"
    )
    rejected(check("store.apply", named("Store", plain)), "Store is no dataclass")


def test_a_mistake_that_only_shows_after_a_while_is_shown_in_few_operations():
    third = "self.data[key] = (self.data.get(key) or '') + text; self.data[key] = self.data[key][-11:]; return self.data[key]"
    answer = check("store.apply", store(append=third))
    rejected(answer, "it should give")
    assert answer.headline.count("append") <= 4 and "get" not in answer.headline, "shrunk to what matters"


def test_right_stores_are_accepted():
    assert check("store.apply", store()).passed
    assert check("store.apply", KeyValueStore).passed
    assert check("store.apply", store(other="return f'what is {operation}?'")).passed
    as_pairs = """
    @dataclass
    class Store:
        pairs: list = field(default_factory=list)

        def value(self, key):
            return next((v for k, v in reversed(self.pairs) if k == key), None)

        def apply(self, operation):
            if not hasattr(operation, "key"):
                return None
            old, new = self.value(operation.key), None
            if isinstance(operation, Get):
                return old
            if isinstance(operation, Append):
                self.pairs.append((operation.key, (old or "") + operation.text))
                return self.pairs[-1][1]
            if isinstance(operation, CompareAndSet) and old != operation.expected:
                return False
            self.pairs.append((operation.key, operation.value))
            return True if isinstance(operation, CompareAndSet) else old
    """
    assert check("store.apply", named("Store", as_pairs)).passed


SESSIONS = """
@dataclass
class Sessions:
    done: dict = field(default_factory=dict)

    def execute(self, machine, client, number, operation):
        {body}
"""
ONCE = (
    "last, result = self.done.get(client, (0, None))\n        if number > last:\n"
    "            result = machine.apply(operation)\n            self.done[client] = (number, result)\n        return result"
)


def sessions(body=ONCE):
    return named("Sessions", SESSIONS.format(body=body))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return machine.apply(operation)", "came twice and was executed twice"),
        (ONCE.replace("number > last", "number != last"), "then command 1 came again and was executed a second time"),
        (ONCE.replace("number > last", "number == last + 1"), "some may be left out"),
        (ONCE.replace("number > last", "not result"), "command 2 is new, and it was not executed"),
        (ONCE.replace("number > last", "number > last or not result"), "look at the number, not at the result"),
        (ONCE.replace("return result", "return result if number > last else None"), "keep the result"),
        (ONCE.replace("        return result", "            return result"), "keep the result"),
        (ONCE.replace("(client, (0", "('all', (0").replace("done[client]", "done['all']"), "dan's command 1 was not executed"),
        (ONCE.replace("operation)\n", "operation); machine.apply(operation)\n"), "it was executed 2 times"),
        ("if operation not in self.done: self.done[operation] = machine.apply(operation)\n        return self.done[operation]", "A new number is a new command"),
        (ONCE.replace("self.done", "shared"), "it knows the numbers of the first"),
        (ONCE.replace("self.done", "self.__dict__.setdefault('hidden', {})"), "After it was copied"),
        (ONCE.replace("if number", "if number < last: self.done.pop(client)\n        if number"), "no longer knows the last one"),
        ("return self.done[client]", "KeyError"),
        ("...", "still a `...`"),
    ],
)  # fmt: skip
def test_wrong_sessions_are_rejected(body, said):
    rejected(check("session.once", sessions(body)), said)


def test_right_sessions_are_accepted():
    assert check("session.once", sessions()).passed
    every_reply = (
        "key = (client, number)\n        if key not in self.done:\n"
        "            self.done[key] = machine.apply(operation)\n        return self.done[key]"
    )
    assert check("session.once", sessions(every_reply)).passed, "more memory than needed, and as right"
    quiet = "last, result = self.done.get(client, (0, None))\n        if number < last: return None\n" + (
        "        if number > last: self.done[client] = number, machine.apply(operation)\n        return self.done[client][1]"
    )
    assert check("session.once", sessions(quiet)).passed


def pair(take, restore):
    names = cell(
        f"def take(slot, machine, sessions, members):\n    {take}\n\ndef restore(snapshot):\n    {restore}\n",
        IMPORTS,
    )
    return names["take"], names["restore"]


TAKE = "return slot, copy_of(machine), dict(sessions), members"
RESTORE = "slot, machine, sessions, members = snapshot\n    " + TAKE


@pytest.mark.parametrize(
    ("take", "restore", "said"),
    [
        (TAKE.replace("copy_of(machine)", "machine"), RESTORE, "slot 8 was executed, and the snapshot changed"),
        (TAKE.replace("copy_of", "copy.copy"), RESTORE, "It holds the machine itself, or its dictionary"),
        (TAKE.replace("dict(sessions)", "sessions"), RESTORE, "the sessions in the snapshot changed"),
        (TAKE.replace("dict(sessions)", "{}"), RESTORE, "a repeated command is executed again: x is 'tea tea '"),
        (TAKE.replace("dict(sessions)", "None"), RESTORE.replace("dict(sessions)", "sessions"), "executed again"),
        (TAKE, "return snapshot", "restored once more, it is no longer as at slot 7"),
        (TAKE.replace("return slot,", "return slot + 1,"), RESTORE, "The slot was 7"),
        (TAKE.replace("members", "()"), RESTORE, "The list of members was"),
        (TAKE.replace("members", "('s1', 's2', 's3')"), RESTORE, "The list of members was"),
        (TAKE, RESTORE.replace("copy_of(machine)", "type(machine)()"), "never sees the slots that it covers"),
        (TAKE.replace("copy_of(machine)", "KeyValueStore(dict(machine.data))"), RESTORE, "AttributeError"),
        (TAKE, RESTORE.replace(", members", "", 1), "raised ValueError"),
        (TAKE, "return 7", "It returns four"),
        ("...", "...", "still a `...`"),
    ],
)  # fmt: skip
def test_wrong_snapshots_are_rejected(take, restore, said):
    rejected(check("snapshot.whole", *pair(take, restore)), said)


def test_right_snapshots_are_accepted():
    assert check("snapshot.whole", *pair(TAKE, RESTORE)).passed
    deep = "return copy.deepcopy((slot, machine, sessions, members))"
    assert check("snapshot.whole", *pair(deep, "return copy.deepcopy(snapshot)")).passed
    assert check("snapshot.whole", *pair(deep.replace("copy.deepcopy(", "copy_of("), RESTORE)).passed


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"append": "self.data[key] = text; return text"}, "not what the log says"),
        ({"get": "return None"}, "not what the log says"),
        ({"append": "self.data[key] = f'{random.random()}'; return self.data[key]"}, "not what the log says"),
        ({"append": "self.data[key] = (self.data.get(key) or '') + text; return text"}, "no single store could have given these replies"),
        ({"append": "1 / 0"}, "ZeroDivisionError"),
        ({"append": "while True: pass"}, "does not come to an end"),
    ],
)  # fmt: skip
def test_wrong_stores_are_rejected_where_they_run(changed, said):
    rejected(check("store.replicated", store(**changed), sessions()), said)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return machine.apply(operation)", "executed twice"),
        (ONCE.replace("return result", "return result if number > last else None"), "no single store"),
        ("return None", "not what the log says"),
        ("...", "still a `...`"),
    ],
)
def test_wrong_sessions_are_rejected_where_they_run(body, said):
    rejected(check("store.replicated", KeyValueStore, sessions(body)), said)


def test_right_parts_are_accepted_where_they_run_and_commands_do_sit_in_two_slots():
    answer = check("store.replicated", store(), sessions())
    assert answer.passed and "all copies are equal. 7 commands sat in two slots" in answer.headline, answer
    assert len(replicated.SEEDS) == 40


@pytest.mark.parametrize("thing", [None, 3, "text", ..., Acceptor, lambda *a: 1 / 0])
def test_other_things_are_answered_in_words(thing):
    for task, things in [
        ("store.apply", [thing]),
        ("session.once", [thing]),
        ("snapshot.whole", [thing, thing]),
        ("store.replicated", [thing, sessions()]),
        ("store.replicated", [KeyValueStore, thing]),
    ]:
        answer = check(task, *things)
        assert not answer.passed and "could not judge" not in answer.headline, answer
