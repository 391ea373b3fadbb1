"""Exercise 10: answers and what the checks must say to them."""

IMPORTS = """
import random
from dataclasses import dataclass
from paxos_lab.multipaxos import Append, Reconfigure, Server, replicated_log
from paxos_lab.paxos import Ballot


def members_at(slot, first_members, changes, alpha):
    governing = [change for change in changes if change[0] + alpha <= slot]
    return max(governing)[1] if governing else first_members


def open_slots(executed, alpha):
    return range(executed + 1, executed + alpha + 1)
"""

AT = """
def members_at(slot, first_members, changes, alpha):
    governing = [change for change in changes if change[0] + alpha <= slot]
    return max(governing)[1] if governing else first_members
"""
WINDOW = """
def open_slots(executed, alpha):
    return range(executed + 1, executed + alpha + 1)
"""
DISK = """
def promise_after_loss(others, told, executed, alpha):
    if set(others) - set(told):
        return None
    target = max(last for _, last in told.values()) + alpha
    return max(ballot for ballot, _ in told.values()) if executed >= target else None
"""
SIZES = """
def sizes(n, crashes, disks):
    every = range(1, n - crashes + 1)
    return [(q1, q2) for q1 in every for q2 in every if q1 + q2 > n and q2 > disks]
"""
TABLE = "answers = {1: True, 2: False, 3: False, 4: True, 5: False}"
SERVER = """
@dataclass
class MyServer(Server):
    def changes(self):
        return [(first - self.alpha, members) for first, members in self.configurations.items()]

    def members_at(self, slot):
        return members_at(slot, self.members, self.changes(), self.alpha)

    def open_slots(self):
        return open_slots(self.executed, self.alpha)
"""
SOLUTIONS = {
    "members.at": AT,
    "members.window": WINDOW,
    "members.table": TABLE,
    "members.disk": DISK,
    "members.sizes": SIZES,
    "members.server": SERVER,
}

_AT = "return members_at(slot, self.members, self.changes(), self.alpha)"
_OPEN = "return open_slots(self.executed, self.alpha)"
_TOP = "max(ballot for ballot, _ in told.values())"

WRONG = {
    "members.at": {
        "a set": ({"return max(governing)[1] if governing else first_members": "return set(max(governing)[1] if governing else first_members)"}, "A set has no order of its own"),
        "at once": ({"change[0] + alpha <= slot": "change[0] <= slot"}, "governs from slot 5 + 3 on"),
        "one slot late": ({"change[0] + alpha <= slot": "change[0] + alpha < slot"}, "In slot 8 (s1 s4 s5) act"),
        "the newest of all": ({"change[0] + alpha <= slot": "max(changes)[0] + alpha <= slot"}, "you say"),
        "the last in the list": ({"max(governing)[1]": "governing[-1][1]"}, "the one from the highest slot counts"),
        "the first that governs": ({"max(governing)[1]": "min(governing)[1]"}, "the one from the highest slot counts"),
        "by the names": ({"max(governing)[1]": "max(members for _, members in governing)"}, "the one from the highest slot counts"),
        "never the first": ({"else first_members": "else ()"}, "No change governs yet"),
        "sorts the caller's list": ({"    governing": "    changes.sort()\n    governing"}, "Others read it too"),
        "a text": ({"else first_members": "else ' '.join(first_members)"}, "a tuple of names is wanted"),
    },
    "members.window": {
        "one too few": ({"executed + alpha + 1": "executed + alpha"}, "leaves out slot 3"),
        "one too many": ({"executed + alpha + 1": "executed + alpha + 2"}, "is too far ahead"),
        "from the executed one": ({"range(executed + 1": "range(executed"}, "which is executed"),
        "the next only": ({"executed + alpha + 1": "executed + 2"}, "leaves out slot 2"),
        "how many": ({"return range(executed + 1, executed + alpha + 1)": "return alpha"}, "is not a list of slots"),
        "for ever": ({"return range(executed + 1, executed + alpha + 1)": "n = executed\n    while True:\n        n += 1\n        yield n"}, "is too far ahead"),
    },
    "members.table": {
        "a newcomer may not vote": ({"1: True": "1: False"}, "Statement 1 is not False"),
        "at once": ({"2: False": "2: True"}, "Statement 2 is not True"),
        "the removed one disturbs": ({"3: False": "3: True"}, "Statement 3 is not True"),
        "the leader stops": ({"4: True": "4: False"}, "Statement 4 is not False"),
        "the log is enough": ({"5: False": "5: True"}, "Statement 5 is not True"),
        "numbers": ({"1: True": "1: 1"}, "put True or False"),
        "one is missing": ({", 5: False": ""}, "an entry for each statement"),
    },
    "members.disk": {
        "a ballot that equals all others": ("class Any(Ballot):\n    def __eq__(self, other):\n        return True\n    __hash__ = Ballot.__hash__\n\ndef promise_after_loss(others, told, executed, alpha):\n    if set(others) - set(told): return None\n    target = max(last for _, last in told.values()) + alpha\n    return Any(0, '') if executed >= target else None", "goes on with the promise 0"),
        "a majority of the others": ({"if set(others) - set(told):": "if 2 * len(told) <= len(others):"}, "not answered"),
        "a majority of all": ({"if set(others) - set(told):": "if 2 * (len(told) + 1) <= len(others) + 1:"}, "not answered"),
        "without alpha": ({" + alpha\n": "\n"}, "It may not speak yet"),
        "one slot early": ({"executed >= target": "executed >= target - 1"}, "It may not speak yet"),
        "one slot late": ({"executed >= target": "executed > target"}, "It may speak"),
        "the lowest promise": ({_TOP: "min(ballot for ballot, _ in told.values())"}, "It goes on with the promise"),
        "by the round": ({_TOP: "max((b for b, _ in told.values()), key=lambda b: b.round)"}, "It goes on with the promise 7.s1"),
        "by the text": ({_TOP: "max((b for b, _ in told.values()), key=str)"}, "It goes on with the promise"),
        "of the most advanced": ({_TOP: "max(told.values(), key=lambda t: t[1])[0]"}, "It goes on with the promise"),
        "a higher one to be safe": ({_TOP: "(lambda b: Ballot(b.round + 1, b.proposer))(max(b for b, _ in told.values()))"}, "That would be safe"),
        "no promise": ({_TOP: "Ballot.ZERO"}, "It goes on with the promise"),
        "empties told": ({"    target": "    copy = dict(told); told.clear(); told_ = copy\n    told = told_\n    target"}, "changes `told`"),
        "for ever mute": ({_TOP: "None"}, "Whoever stays mute for ever"),
    },
    "members.sizes": {
        "they may miss each other": ({"q1 + q2 > n": "q1 + q2 >= n"}, "nobody is in both"),
        "majorities only": ({"q1 + q2 > n": "2 * q1 > n and 2 * q2 > n"}, "leaves out"),
        "two votes must meet": ({"q1 + q2 > n": "q1 + q2 > n and 2 * q2 > n"}, "leaves out"),
        "crashes forgotten": ({"n - crashes + 1": "n + 1"}, "are left, and Phase"),
        "crashes in one phase": ({"for q1 in every": "for q1 in range(1, n + 1)"}, "are left, and Phase 1"),
        "disks forgotten": ({" and q2 > disks": ""}, "may be lost"),
        "one disk too few": ({"q2 > disks": "q2 >= disks"}, "may be lost"),
        "the wrong quorum": ({"q2 > disks": "q1 > disks"}, "may be lost"),
    },
    "members.server": {
        "at once": ({_AT: "return members_at(slot, self.members, self.changes(), 0)"}, "Slot 2 has two entries"),
        "the newest for all": ({_AT: "return max(self.changes())[1] if self.changes() else self.members"}, "two entries"),
        "the first for ever": ({_AT: "return self.members"}, "(s3 s4 s5) act from slot 5 on"),
        "a wide window": ({_OPEN: "return open_slots(self.executed, 2 * self.alpha)"}, "asked for votes in slot"),
        "a narrow window": ({_OPEN: "return open_slots(self.executed, 1)"}, "never wider than 1"),
        "the function of ours": ({"    def open_slots(self):\n        " + _OPEN + "\n": ""}, "no method open_slots of its own"),
    },
}  # fmt: skip

RIGHT = {
    "members.at": {
        "solution": ({}, ""),
        "sorted": ({"    governing = [change for change in changes if change[0] + alpha <= slot]\n    return max(governing)[1] if governing else first_members": "    acting = first_members\n    for at, members in sorted(changes):\n        if slot >= at + alpha: acting = members\n    return list(acting)"}, ""),
        "by a dictionary": ({"    governing = [change for change in changes if change[0] + alpha <= slot]\n    return max(governing)[1] if governing else first_members": "    begins = {1: first_members} | {at + alpha: members for at, members in changes}\n    return begins[max(first for first in begins if first <= slot)]"}, ""),
        "a generator": ({"return max(governing)[1] if governing else first_members": "yield from max(governing)[1] if governing else first_members"}, ""),
    },
    "members.window": {
        "solution": ({}, ""),
        "a list": ({"range(executed + 1, executed + alpha + 1)": "[executed + 1 + i for i in range(alpha)]"}, ""),
        "a set": ({"range(executed + 1, executed + alpha + 1)": "{executed + 1 + i for i in range(alpha)}"}, ""),
        "backwards": ({"range(executed + 1, executed + alpha + 1)": "list(range(executed + alpha, executed, -1))"}, "asks for them in order"),
    },
    "members.table": {"solution": ({}, ""), "in another order": ("answers = {5: False, 4: True, 3: False, 2: 1 > 2, 1: 2 > 1}", ""), "a copy": ("answers = dict(zip(range(1, 6), [True, False, False, True, False]))", "")},
    "members.disk": {
        "solution": ({}, ""),
        "in a loop": ("def promise_after_loss(others, told, executed, alpha):\n    top, last = Ballot.ZERO, 0\n    for name in others:\n        if name not in told: return None\n        ballot, seen = told[name]\n        top, last = max(top, ballot), max(last, seen)\n    return None if executed < last + alpha else top", ""),
        "by lengths": ({"if set(others) - set(told):": "if len(told) < len(others):"}, ""),
    },
    "members.sizes": {
        "solution": ({}, ""),
        "a generator": ("def sizes(n, crashes, disks):\n    for q1 in range(1, n + 1):\n        for q2 in range(max(n - q1, disks) + 1, n + 1):\n            if max(q1, q2) <= n - crashes: yield q1, q2", ""),
        "a set of lists": ({"return [(q1, q2) for": "return {(q1, q2) for", "q2 > disks]": "q2 > disks}"}, ""),
    },
    "members.server": {
        "solution": ({}, ""),
        "by the configurations": ({_AT: "return next((m for f, m in sorted(self.configurations.items(), reverse=True) if f <= slot), self.members)"}, ""),
        "a list": ({_OPEN: "return [self.executed + 1 + i for i in range(self.alpha)]"}, ""),
    },
}  # fmt: skip
