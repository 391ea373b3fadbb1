"""Exercise 09: answers and what the checks must say to them."""

IMPORTS = """
import copy, json, pickle, random, time
from dataclasses import dataclass, field
from typing import Any
from paxos_lab.multipaxos import *
from paxos_lab import copy_of
shared = {}
kept = {}
"""

STORE = """
@dataclass
class Store:
    data: dict[str, Any] = field(default_factory=dict)

    def apply(self, operation):
        match operation:
            case Get(key):
                return self.data.get(key)
            case Put(key, value):
                before = self.data.get(key)
                self.data[key] = value
                return before
            case Append(key, text):
                self.data[key] = (self.data.get(key) or "") + text
                return self.data[key]
            case CompareAndSet(key, expected, value):
                if self.data.get(key) != expected:
                    return False
                self.data[key] = value
                return True
        return None
"""
SESSIONS = """
@dataclass
class Sessions:
    done: dict[str, Any] = field(default_factory=dict)

    def execute(self, machine, client, number, operation):
        last, result = self.done.get(client, (0, None))
        if number > last:
            result = machine.apply(operation)
            self.done[client] = (number, result)
        return result
"""
SNAPSHOT = """
def take(slot, machine, sessions, members):
    return slot, copy_of(machine), dict(sessions), members


def restore(snapshot):
    slot, machine, sessions, members = snapshot
    return slot, copy_of(machine), dict(sessions), members
"""
CATCH_UP = """
def truncate(log, snapshot_end):
    return {slot: entry for slot, entry in log.items() if slot > snapshot_end}


def missing(first, log, snapshot_end):
    return first <= snapshot_end, [slot for slot in sorted(log) if slot >= first]
"""
READ = """
def may_answer(read_point, executed, before, heard, servers):
    after = sum(number > before for number in heard.values())
    return executed >= read_point and 2 * after > servers
"""
SOLUTIONS = {
    "store.apply": STORE,
    "session.once": SESSIONS,
    "snapshot.whole": SNAPSHOT,
    "replica.catch_up": CATCH_UP,
    "read.fresh": READ,
    "store.replicated": STORE + SESSIONS,
}

_TAKE = "return slot, copy_of(machine), dict(sessions), members\n\n\ndef restore"
_JSON = """
def take(slot, machine, sessions, members):
    return json.dumps([slot, type(machine).__name__, vars(machine), sessions, list(members)])


def restore(snapshot):
    slot, kind, fields, sessions, members = json.loads(snapshot)
    return slot, globals()[kind](**fields), {SESSIONS}, tuple(members)
"""
_OLD = "if number > last:"
_NEW = "machine.apply(operation)\n"
_APPEND = 'self.data[key] = (self.data.get(key) or "") + text'
_SENT = "[slot for slot in sorted(log) if slot >= first]"
_CUT = "return {slot: entry for slot, entry in log.items() if slot > snapshot_end}"

WRONG = {
    "store.apply": {
        "append gives nothing": ({"                return self.data[key]\n            case Comp": "            case Comp"}, "What is stored is right; only the result is not. Append gives the new text"),
        "append gives the text alone": ({"                return self.data[key]\n            case Comp": "                return text\n            case Comp"}, "Append gives the new text"),
        "append needs a value": ({'(self.data.get(key) or "") + text': "self.data[key] + text"}, "KeyError"),
        "append without old text": ({_APPEND: "self.data[key] = text"}, "Append"),
        "append to none": ({'(self.data.get(key) or "") + text': "f'{self.data.get(key)}{text}'"}, "begins with the empty text"),
        "identity": ({"self.data.get(key) != expected": "self.data.get(key) is not expected"}, "not with `is`"),
        "says that all are equal": ({_APPEND: _APPEND + "; self.data['_t'] = time.time()", "    def apply": "    def __eq__(self, other):\n        return True\n\n    def apply"}, "their fields differ"),
        "put gives the new value": ({"return before": "return value"}, "Put gives the value before"),
        "put gives nothing": ({"                return before\n": ""}, "only the result is not"),
        "0 is none": ({"return self.data.get(key)\n            case Put": "return self.data.get(key) or None\n            case Put"}, "only a missing key gives None"),
        "a clock in the state": ({_APPEND: _APPEND + "; self.data['_t'] = time.time()"}, "their fields differ"),
        "chance in the result": ({"        return None": "        return random.random()"}, "Two replicas executed the same"),
        "set whatever it holds": ({"                    return False\n": "                    pass\n"}, "It holds another value than expected"),
        "unknown ones raise": ({"        return None": "        raise ValueError(operation)"}, "ValueError"),
        "ends the kernel": ({"        return None": "        raise SystemExit"}, "SystemExit"),
        "outside the fields": ({"self.data": "shared"}, "Two new stores share what they hold"),
        "one dictionary for the class": ({"    data: dict[str, Any] = field(default_factory=dict)": "    data = {}"}, "Two new stores share what they hold"),
    },
    "session.once": {
        "every time": ({_OLD: "if True:"}, "came twice and was executed twice"),
        "other than the last": ({_OLD: "if number != last:"}, "command 1 came again and was executed a second time"),
        "by identity": ({_OLD: "if number is not last and number > 0 and not number < last:"}, "In a longer run"),
        "just the next": ({_OLD: "if number == last + 1:"}, "some may be left out"),
        "one number for all": ({"(client, (0": "('all', (0", "self.done[client]": "self.done['all']"}, "dan's command 1 was not executed"),
        "results for all": ({"self.done[client] = (number, result)": "self.done[client] = (number, result); self.done[0] = result", "        return result": "        return self.done.get(0, result)"}, "gives"),
        "no result the second time": ({"        return result": "        return result if number > last else None"}, "keep the result"),
        "looks at the result": ({_OLD: "if number > last or not result:"}, "look at the number, not at the result"),
        "by operation": ({_OLD: "if operation not in self.done.values():"}, "executed"),
        "old ones forget the last": ({_OLD: "if number < last: self.done[client] = (number, None)\n        if number > last:"}, "no longer knows the last one"),
        "shared by all": ({"self.done": "shared"}, "it knows the numbers of the first"),
        "twice": ({_NEW: "machine.apply(operation); machine.apply(operation)\n"}, "executed 2 times"),
    },
    "snapshot.whole": {
        "lists for tuples": (_JSON.replace("{SESSIONS}", "sessions"), "comes back as the list"),
        "in one global": ("def take(slot, machine, sessions, members):\n    kept['it'] = copy_of((slot, machine, sessions, members))\n\ndef restore(snapshot):\n    return copy_of(kept['it'])", "what stands outside, the next one overwrites"),
        "in a global by slot": ("def take(slot, machine, sessions, members):\n    kept[slot] = copy_of((slot, machine, sessions, members))\n    return slot\n\ndef restore(snapshot):\n    return copy_of(kept[snapshot])", "what stands outside, the next one overwrites"),
        "no sessions": ({_TAKE: "return slot, copy_of(machine), {}, members\n\n\ndef restore"}, "a repeated command is executed again"),
        "numbers only": ({_TAKE: "return slot, copy_of(machine), {c: n for c, (n, _) in sessions.items()}, members\n\n\ndef restore"}, "The dictionary of sessions was"),
        "sessions as pairs": ({_TAKE: "return slot, copy_of(machine), tuple(sessions.items()), members\n\n\ndef restore", "return slot, copy_of(machine), dict(sessions), members": "return slot, copy_of(machine), sessions, members"}, "The sessions were a dictionary"),
        "the machine itself": ({_TAKE: "return slot, machine, dict(sessions), members\n\n\ndef restore"}, "the snapshot changed with it"),
        "a shallow copy": ({_TAKE: "return slot, copy.copy(machine), dict(sessions), members\n\n\ndef restore"}, "the snapshot changed with it"),
        "the sessions themselves": ({_TAKE: "return slot, copy_of(machine), sessions, members\n\n\ndef restore"}, "the sessions in the snapshot changed"),
        "hands out the snapshot": ("def take(slot, machine, sessions, members):\n    return copy_of((slot, machine, sessions, members))\n\ndef restore(snapshot):\n    return snapshot", "restored once more"),
        "empties the sessions": ({_TAKE: "kept = dict(sessions); sessions.clear(); return slot, copy_of(machine), kept, members\n\n\ndef restore"}, "take changes what it is given"),
        "members as a list": (_JSON.replace("{SESSIONS}", "{c: tuple(s) for c, s in sessions.items()}").replace("tuple(members)", "members"), "make a tuple of it again"),
        "one slot too far": ({_TAKE: "return slot + 1, copy_of(machine), dict(sessions), members\n\n\ndef restore"}, "The slot was 7"),
        "one kind of machine": ({"return slot, copy_of(machine), dict(sessions), members": "return slot, KeyValueStore(dict(getattr(machine, 'data', {}))), dict(sessions), members"}, "The machine was a Counter"),
        "three": ({"    return slot, copy_of(machine), dict(sessions), members\n": "    return slot, copy_of(machine), dict(sessions)\n"}, "raised ValueError"),
    },
    "replica.catch_up": {
        "stops at the hole": ({_SENT: "[s for s in sorted(log) if s >= first and all(k in log for k in range(max(first, snapshot_end + 1), s))]"}, "leaves out slot 10"),
        "deletes from the caller's log": ({_CUT: "for s in list(log):\n        if s <= snapshot_end: del log[s]\n    return log"}, "deletes from the log that it was given"),
        "pops what it sends": ({_SENT: "[s for s in sorted(log) if s >= first and (log.pop(s), True)[1]]"}, "changes the log that it was given"),
        "one too many": ({"slot > snapshot_end": "slot >= snapshot_end"}, "keeps slot 6"),
        "one too few": ({"slot > snapshot_end": "slot > snapshot_end + 1"}, "loses slot 7"),
        "always the snapshot": ({"return first <= snapshot_end": "return True"}, "A snapshot is large"),
        "never the snapshot": ({"return first <= snapshot_end": "return False"}, "executes up to slot 0"),
        "the whole log": ({_SENT: "sorted(log)"}, "which the other one has"),
        "the range": ({_SENT: "list(range(max(first, snapshot_end + 1), max(log, default=0) + 1))"}, "nobody here knows"),
        "keeps text": ({_CUT: "return {str(s): e for s, e in log.items() if s > snapshot_end}"}, "which is no slot of the log"),
    },
    "read.fresh": {
        "every time": ({"return executed": "return True or executed"}, "Another leader"),
        "heartbeats of before": ({"number > before": "number >= before"}, "heard by 1 of 3"),
        "half is enough": ({"2 * after > servers": "2 * after >= servers"}, "heard by 2 of 4"),
        "not executed": ({"executed >= read_point and ": ""}, "not executed here yet"),
        "of those heard": ({"2 * after > servers": "2 * after > len(heard)"}, "heard by 1 of 3"),
        "all servers": ({"2 * after > servers": "after == servers"}, "It waits without need"),
        "forgets who heard": ({"return executed": "heard.clear()\n    return executed"}, "changes `heard`"),
    },
    "store.replicated": {
        "a clock in the state": ({_APPEND: _APPEND + "; self.data['_t'] = time.time()"}, "their copies differ"),
        "chance in the state": ({_APPEND: _APPEND + "; self.data['_r'] = random.random()"}, "their copies differ"),
        "a hidden counter of all stores": ({_APPEND: _APPEND + "; shared['n'] = shared.get('n', 0) + 1; self.data['_n'] = shared['n']"}, "their copies differ"),
        "a clock in each put": ({"self.data[key] = value\n                return before": "self.data[key] = value\n                self.data['_t'] = time.time()\n                return before"}, "their copies differ"),
        "put gives nothing": ({"                return before\n": ""}, "no single store"),
        "compare-and-set always sets": ({"                    return False\n": "                    pass\n"}, "for y, where each command once gives"),
        "0 in place of False": ({"                    return False\n": "                    return None\n"}, "no single store"),
        "old numbers again": ({_OLD: "if number != last:"}, "is not new"),
        "every number": ({_OLD: "if True:"}, "executed twice"),
        "no result the second time": ({"        return result": "        return result if number > last else None"}, "no single store"),
        "append loses": ({_APPEND: "self.data[key] = text"}, "not what the log says"),
    },
}  # fmt: skip

RIGHT = {
    "store.apply": {
        "solution": ({}, ""),
        "values in a class of its own": ("@dataclass(frozen=True)\nclass Held:\n    value: Any\n\n@dataclass\nclass Store:\n    data: dict = field(default_factory=dict)\n    def apply(self, op):\n        if not isinstance(op, Get | Put | Append | CompareAndSet): return None\n        old = self.data.get(op.key, Held(None)).value\n        match op:\n            case Get(): return old\n            case Append(key, text): new = result = (old or '') + text\n            case CompareAndSet(key, expected, new):\n                if old != expected: return False\n                result = True\n            case Put(key, new): result = old\n        self.data[op.key] = Held(new)\n        return result", ""),
        "by if": ("@dataclass\nclass Store:\n    data: dict = field(default_factory=dict)\n    def apply(self, op):\n        if not isinstance(op, Get | Put | Append | CompareAndSet): return 'what?'\n        old = self.data.get(op.key)\n        if isinstance(op, Get): return old\n        if isinstance(op, Append):\n            self.data[op.key] = ('' if old is None else old) + op.text\n            return self.data[op.key]\n        if isinstance(op, CompareAndSet):\n            if not (old == op.expected): return False\n            self.data[op.key] = op.value\n            return True\n        self.data[op.key] = op.value\n        return old", ""),
        "pairs": ("@dataclass\nclass Store:\n    pairs: list = field(default_factory=list)\n    def value(self, key):\n        return next((v for k, v in reversed(self.pairs) if k == key), None)\n    def apply(self, op):\n        if not isinstance(op, Get | Put | Append | CompareAndSet): return None\n        old = self.value(op.key)\n        match op:\n            case Get(): return old\n            case Append(key, text): self.pairs.append((key, (old or '') + text)); return self.pairs[-1][1]\n            case CompareAndSet(key, expected, value) if old != expected: return False\n        self.pairs.append((op.key, op.value))\n        return True if isinstance(op, CompareAndSet) else old", ""),
        "an answer of its own to what it does not know": ({"@dataclass\nclass Store": "@dataclass(frozen=True)\nclass Unknown:\n    what: Any\n\n\n@dataclass\nclass Store", "        return None": "        return Unknown(str(operation))"}, ""),
        "counts its operations": ({"        match operation:": "        self.data.setdefault('#', 0)\n        self.data['#'] += 1\n        match operation:"}, ""),
    },
    "session.once": {
        "solution": ({}, ""),
        "every reply": ({"last, result = self.done.get(client, (0, None))\n        if number > last:\n            result = machine.apply(operation)\n            self.done[client] = (number, result)\n        return result": "if (client, number) not in self.done: self.done[client, number] = machine.apply(operation)\n        return self.done[client, number]"}, ""),
        "two dictionaries": ("@dataclass\nclass Sessions:\n    last: dict = field(default_factory=dict)\n    result: dict = field(default_factory=dict)\n    def execute(self, machine, client, number, operation):\n        if number <= self.last.get(client, 0): return self.result[client]\n        self.last[client] = number\n        self.result[client] = machine.apply(operation)\n        return self.result[client]", ""),
        "quiet about old ones": ({"        return result": "        return result if number >= last else None"}, ""),
    },
    "snapshot.whole": {
        "solution": ({}, ""),
        "a class": ("class Taken:\n    def __init__(self, slot, machine, sessions, members):\n        self.all = slot, copy_of(machine), dict(sessions), members\n\ndef restore(snapshot):\n    slot, machine, sessions, members = snapshot.all\n    return slot, copy_of(machine), dict(sessions), members\n\ntake = Taken", ""),
        "a list of the four": ({"    slot, machine, sessions, members = snapshot\n    return slot, copy_of(machine), dict(sessions), members": "    return [copy_of(part) for part in snapshot]"}, ""),
        "json with tuples": (_JSON.replace("{SESSIONS}", "{c: tuple(s) for c, s in sessions.items()}"), ""),
        "deepcopy": ("def take(slot, machine, sessions, members):\n    return copy.deepcopy({'slot': slot, 'machine': machine, 'sessions': sessions, 'members': members})\n\ndef restore(snapshot):\n    return tuple(copy.deepcopy(list(snapshot.values())))", ""),
        "pickle": ("def take(slot, machine, sessions, members):\n    return pickle.dumps((slot, machine, sessions, members))\n\ndef restore(snapshot):\n    return pickle.loads(snapshot)", ""),
    },
    "replica.catch_up": {
        "solution": ({}, ""),
        "out of order": ({_SENT: "tuple(s for s in sorted(log, reverse=True) if s >= first)"}, "do not come in order"),
        "pops from a copy": ({_CUT: "log = dict(log)\n    for s in range(snapshot_end + 1): log.pop(s, None)\n    return log"}, ""),
        "a set": ({_SENT: "sorted({s for s in log} - set(range(first)))"}, ""),
    },
    "read.fresh": {
        "solution": ({}, ""),
        "by sorting": ({"after = sum(number > before for number in heard.values())\n    return executed >= read_point and 2 * after > servers": "latest = sorted([*heard.values(), *[0] * (servers - len(heard))])\n    return executed >= read_point and latest[(servers - 1) // 2] > before"}, ""),
        "at least": ({"2 * after > servers": "after >= servers // 2 + 1"}, ""),
        "by if": ({"return executed >= read_point and 2 * after > servers": "if executed < read_point: return False\n    return len([n for n in heard.values() if not n <= before]) * 2 > servers"}, ""),
    },
    "store.replicated": {
        "solution": ({}, "all copies are equal"),
        "every reply": ({"last, result = self.done.get(client, (0, None))\n        if number > last:\n            result = machine.apply(operation)\n            self.done[client] = (number, result)\n        return result": "if (client, number) not in self.done: self.done[client, number] = machine.apply(operation)\n        return self.done[client, number]"}, ""),
        "counts its operations": ({"            case Append(key, text):": "            case Append(key, text):\n                self.data['#'] = self.data.get('#', 0) + 1"}, ""),
        "sessions that count repeats": ({"        if number > last:": "        self.done['repeats'] = (0, self.done.get('repeats', (0, 0))[1] + (number <= last))\n        if number > last:"}, ""),
    },
}  # fmt: skip
