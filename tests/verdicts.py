"""Answers to the tasks of exercises 01, 02, 05, 06 and 07, and what must be said of them.

`WRONG[task]`: (cell, words): it must fail, and the words must stand in the answer. `RIGHT[task]`: (cell, words): of odd
shape, and it must pass, with the words in the sentence. A cell defines the names that the task takes.
"""

IMPORTS = """
import builtins, functools, itertools, math, random, sys, time
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any
from paxos_lab import *
from paxos_lab.paxos import *
from paxos_lab.relatives.naive import *

@dataclass(frozen=True)
class Alive:
    pass

def deliver(bus, sender, to, kind=None):
    waiting = [e for e in bus.in_flight if (e.sender, e.to) == (sender, to) and isinstance(e.message, kind or object)]
    assert waiting, f"no {kind.__name__ if kind else 'message'} from {sender} to {to} is on its way"
    bus.deliver(waiting[0])

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

Table = dict[str, list[tuple[str, str]]]


def _bodies(head: str, *answers: tuple[str, str]) -> list[tuple[str, str]]:
    return [(f"{head}\n    {body}", words) for body, words in answers]


TEA_AND_COFFEE = "[deliver(bus, *way) for way in (('c1', 'd1'), ('c2', 'd2'), ('d1', 'c1'), ('d2', 'c2'))]"
IN_DOUBT = "deliver(bus, 'coord', 'p1'); deliver(bus, 'coord', 'p2'); bus.crash('coord')"
P1 = "promise(bus, 'p1', ['a1', 'a2']); "
CHOSEN = P1 + "vote(bus, 'p1', ['a1', 'a2']); "

WRONG: Table = {
    "claim.deciders": _bodies(
        "def disagree(bus):",
        ("bus['c1'].learned = 'tea'; bus['c2'].learned = 'coffee'", "writes into the nodes"),
        ("deliver(bus, 'c1', 'd1'); bus['c1'].learned = 'tea'; bus['c2'].learned = 'coffee'", "c1.learned was set by nothing"),
        ("bus['c1'].learned = 'coffee'; " + TEA_AND_COFFEE, "writes into the nodes"),
        ("bus.invoke('c1', bus.in_flight[0].message); " + TEA_AND_COFFEE, "a message from outside"),
        ("deliver(bus, 'c1', 'd7')", "Step 3 of the run cannot happen: no message from c1 to d7 is on its way"),
        ("deliver(bus, 'c1', 'd1'); deliver(bus, 'c1', 'd1')", "Step 4 of the run cannot happen: no message from c1 to d1"),
        ("while True: pass", "does not come to an end"),
        ("sys.exit(3)", "SystemExit"),
        ("while True: bus.duplicate(bus.in_flight[0])", "200 steps are plenty"),
        ("all_of(bus)", "Not refuted"),
    ),
    "claim.vote": _bodies(
        "def split(bus):",
        ("bus.duplicate(bus.in_flight[0]); all_of(bus)", "without any fault"),
        ("[deliver(bus, 'c' + i, 'v' + i) for i in '123']", "still under way"),
        ("[deliver(bus, 'c1', 'v' + i) for i in '12']; all_of(bus)", "Not refuted: "),
        ("bus.in_flight.clear()", "still under way"),
    ),
    "claim.commit": _bodies(
        "def block(bus):",
        ("bus['p1'].voted = bus['p2'].voted = True; bus.crash('coord')", "writes into the nodes"),
        ("bus.crash('p1'); bus.restart('p1'); " + IN_DOUBT, "p1 crashed at step 4"),
        ("deliver(bus, 'coord', 'p1'); bus.crash('p1'); bus.restart('p1'); deliver(bus, 'coord', 'p2'); bus.crash('coord')", "p1 crashed at step"),
        ("deliver(bus, 'coord', 'p1'); bus.crash('coord')", "may abort on its own"),
        (
            "deliver(bus, 'coord', 'p1'); deliver(bus, 'coord', 'p2'); deliver(bus, 'p1', 'coord'); deliver(bus, 'p2', 'coord'); "
            "bus.crash('coord'); bus.partition(['p1'], ['p2', 'coord'])",
            "They do not stay in doubt",
        ),
    ),
    "ballot.next": _bodies(
        "def next_ballot(name, heard):",
        ("return Ballot(random.randint(100, 10**9), name)", "leave chance out"),
        ("heard.append(Ballot(0, name)); return Ballot(max(b.round for b in heard) + 1, name)", "changes its argument heard"),
        ("heard.sort(); return Ballot((heard[-1].round if heard else 0) + 1, name)", "changes its argument heard"),
        ("return Ballot(max((str(b.round) for b in heard), default='0') and max((int(r) for r in [max((str(b.round) for b in heard), default='0')])) + 1, name)", "which is below 10.p2"),
        ("return Ballot(10**6000, 'p9')", "cannot be printed"),
        ("return 10**6000", "more than 4,300 digits"),
        ("return Ballot(1.5 + max((b.round for b in heard), default=0), name)", "a whole round is wanted"),
        ("sys.exit()", "SystemExit"),
        ("return next_ballot(name, heard)", "calls itself for ever"),
    ),
    "quorum.majority": _bodies(
        "def is_majority(members, names):",
        ("return len(names) * 2 > len(members)", "The answer of a1 came twice"),
        ("return len(set(names)) * 2 > len(members)", "b7 is no member"),
        ("return len(set(names) & set(members)) * 2 >= len(members)", "just half"),
        ("names[:] = set(names) & set(members); return len(names) * 2 > len(members)", "changes its argument names"),
        ("return 'yes' if len(set(names) & set(members)) * 2 > len(members) else 'no'", "True or False is wanted"),
        ("return len(set(names) & set(members)) >= 2", "should be False"),
        ("return float('nan')", "True or False is wanted"),
    ),
    "quorum.survives": _bodies(
        "def survives(n):",
        ("return n // 2", "only 1 of 2 are left"),
        ("return n // 2 - 1", "a whole number from 0 on is wanted"),
        ("return (n - 1) / 2", "a whole number from 0 on is wanted"),
        ("return n + 1", "there are only 1"),
        ("return 0", "which is still more than half"),
        ("return 10 ** 5000", "more than 4,300 digits"),
    ),
    "quorum.gap": _bodies(
        "def find_gap(quorums):",
        ("return next(((p, q) for p, q in combinations(quorums, 2) if p & q), None)", "they share"),
        ("p = quorums.pop() if quorums else None; return next(((p, q) for q in quorums if not p & q), None)", "changes its argument quorums"),
        ("quorums.sort(key=len); return next(((p, q) for p, q in combinations(quorums, 2) if not p & q), None)", "changes its argument quorums"),
        ("return next(((p, q) for p, q in zip(quorums, quorums[1:]) if not p & q), None)", "and it found none"),
        ("return False", "a pair of two quorums or None is wanted"),
        ("return itertools.count(), itertools.count()", "a pair of two quorums or None is wanted"),
        ("return {'a1'}, {'zz'}", "not both in the list"),
    ),
    "quorum.system": _bodies(
        "class MyQuorums(QuorumSystem):\n    def is_quorum(self, names, phase):",
        ("    return len(set(names)) >= (5 if phase == 1 else 2)", "b7 is no member"),
        ("    return len([n for n in names if n in self.members]) >= (5 if phase == 1 else 2)", "that is still one member"),
        ("    return len(set(names) & set(self.members)) >= 4", "two should be enough for some"),
        ("    return len(set(names) & set(self.members)) >= 2", "share no member"),
        ("    return len(set(names) & set(self.members)) in ((5,) if phase == 1 else (2,))", "More answers never hurt"),
        ("    return True", "Nobody at all is a quorum"),
    ),
    "fault.unknown": _bodies(
        "def unknown(bus):",
        ("bus.run(); bus.crash('p1'); bus.crash('l1')", "it did know"),
        ("bus.run(); bus['p1'].learned = bus['l1'].learned = None", "writes into the nodes"),
        (P1 + "vote(bus, 'p1', ['a1'])", "Nothing is chosen yet"),
        (CHOSEN + "deliver(bus, 'a1', 'p1', Accepted); deliver(bus, 'a2', 'p1', Accepted)", "p1 learned tea at step"),
        (CHOSEN + "deliver(bus, 'a1', 'l1'); deliver(bus, 'a2', 'l1'); bus.crash('l1')", "l1 learned tea at step"),
        ("deliver(bus, 'p1', 'a1', Accept)", "no Accept from p1 to a1 is on its way"),
    ),
    "fault.outvoted": _bodies(
        "def outvoted(bus):",
        (P1 + "bus.start('p2'); promise(bus, 'p2', ['a2', 'a3']); vote(bus, 'p2', ['a2', 'a3'])", "No acceptor has voted for tea"),
        (CHOSEN, "tea is chosen"),
        (P1 + "vote(bus, 'p1', ['a1'])", "coffee is not chosen"),
        (P1 + "vote(bus, 'p1', ['a1']); bus.start('p2'); promise(bus, 'p2', ['a1', 'a3']); vote(bus, 'p2', ['a1', 'a3'])", "p2 asked for tea: one of its promises reported a vote"),
        (P1 + "vote(bus, 'p1', ['a1']); bus['a2'].accepted = bus['a3'].accepted = Proposal(Ballot(1, 'p2'), 'coffee')", "writes into the nodes"),
    ),
    "fault.disk": [
        ('on_disk = {"Acceptor": {"promised", "accepted"}, "Proposer": {"ballot"}}', "nothing reads the ballot that was stored"),
        ("on_disk = {'Acceptor': {'accepted'}, 'Proposer': {'round'}}", "What it promises must be on disk"),
        ("on_disk = {'Acceptor': {'promised'}, 'Proposer': {'round'}}", "A vote must be on disk"),
        ("on_disk = {'Acceptor': set(), 'Proposer': {'round'}}", "must be on disk before the answer leaves"),
        ("on_disk = {'Acceptor': {'promised', 'accepted'}, 'Proposer': {}}", "which ballots it has used"),
        ("on_disk = {'Acceptor': {'promised', 'accepted'}, 'Proposer': {'round', 'ballot', 'proposal'}}", "ballot and proposal need not be on disk"),
        ("on_disk = {'promised', 'accepted', 'round'}", "a set for each role"),
        ("on_disk = {'Acceptor': {'promised': True}, 'Proposer': set()}", "I expected a set of names"),
        ("on_disk = {'Acceptor': {'promised', 'acepted'}, 'Proposer': {'round'}}", "'acepted' is not one of its fields"),
        ("on_disk = {}; on_disk['Acceptor'] = on_disk['Proposer'] = [on_disk]", "is not one of its fields"),
    ],
    "invariant.ballot": _bodies(
        "def one_value(sent):",
        ("v = {}\n    return next(('two' for s, m in sent if isinstance(m, Accept) and v.setdefault(m.ballot.round, m.value) != m.value), None)", "1.p1 and 1.p2 are two ballots"),
        ("v = {}\n    return next(('two' for s, m in sent if isinstance(m, Accept) and m.value and v.setdefault(m.ballot, m.value) != m.value), None)", "0 and '' are two values"),
        ("v = {}\n    return next(('two' for s, m in sent if isinstance(m, Accept) and str(v.setdefault(m.ballot, m.value)) != str(m.value)), None)", "1 and '1' are two values"),
        ("sent.reverse()", "changes the list `sent`"),
        ("return True", "is fine, and it says True"),
        ("v = [m.value for s, m in sent if isinstance(m, Accept)]; return 'two' if len(set(v)) > 1 else None", "Another ballot may carry another value"),
    ),
    "invariant.promise": [
        (
            "def promise_kept(sent):\n"
            "    for a, p in sent:\n"
            "        for b, v in sent:\n"
            "            if a == b and isinstance(p, Promise) and isinstance(v, Accepted) and " + rule + ":\n"
            "                return 'broken'",
            words,
        )
        for rule, words in (
            ("v.ballot.round < p.ballot.round and (not p.accepted or p.accepted.ballot.round < v.ballot.round)", "in the same round the name decides"),
            ("str(v.ballot) < str(p.ballot) and (not p.accepted or str(p.accepted.ballot) < str(v.ballot))", "rounds are numbers"),
            ("v.ballot < p.ballot and not p.accepted", "It finds nothing in a run in which"),
            ("v.ballot < p.ballot", "It voted first, and reported the vote"),
        )
    ],
    "suite.kill": [
        ("tests = [lambda sent, quorums: None]", "0 of 8 wrong rules caught"),
        ("tests = [lambda sent, quorums: sent.clear()]", "changes the list `sent`"),
        ("tests = [lambda sent, quorums: 'wolf' if len(sent) > 9 else None]", "rejects a right protocol"),
        ("tests = [lambda sent, quorums: float('nan')]", "a sentence or None is wanted"),
        ("def f(sent, quorums):\n    sys.exit()\ntests = [f]", "SystemExit"),
        ("tests = {}", "a list of test functions"),
    ],
    "retry.round": _bodies(
        "def next_round(own, promised):",
        ("return promised + 1", "was used already"),
        ("return own + 1", "the acceptor has promised"),
        ("return max(own, promised) + 10 ** 5000", "why jump so far"),
        ("return str(max(own, promised) + 1)", "a whole number is wanted"),
        ("return max(own, promised) + True * 1.0", "a whole number is wanted"),
        ("return int(max(str(own), str(promised))) + 1", "round 10 was used already"),
    ),
    "duel.pause": _bodies(
        "def pause(round, name):",
        ("return 5.0", "it does not back off"),
        ("return hash(name) % 10 * round", "depends on hash(...), id(...)"),
        ("return random.Random(hash((round, name))).uniform(0, 2 ** min(round, 6))", "depends on hash(...), id(...)"),
        ("return min(2.0 ** round, 40.0)", "for all of p1"),
        ("return 3.0 * int(name[1:])", "it does not back off"),
        ("return random.uniform(0, 2 ** min(round, 6))", "A role must react alike"),
        ("return time.process_time_ns()", "A role must react alike"),
        ("import os; return random.Random(f'{name} {round}').uniform(0, 2 ** min(round, 6)) + os.getpid() % 7", "the process it runs in"),
        ("import os; return random.Random(f'{name} {round}').uniform(0, 2 ** min(round, 6)) + len(os.getcwd())", "the process it runs in"),
        ("return random.Random(f'{name} {round}').uniform(0, 2 ** min(round, 6)) + id(random) % 10007 / 1000", "depends on hash(...), id(...)"),
        ("return float('inf')", "a number from 0 on is wanted"),
        ("return 0.0", "messages each"),
        ("return 10 ** 5000", "nobody waits that long"),
    ),
}  # fmt: skip

RIGHT: Table = {
    "claim.deciders": _bodies(
        "def disagree(bus):",
        (TEA_AND_COFFEE, "Refuted in 6 steps"),
        ("deliver(bus, 'c2', 'd1'); deliver(bus, 'c1', 'd2'); bus.drop(bus.in_flight[0]); deliver(bus, 'd1', 'c1'); deliver(bus, 'd2', 'c2')", "Refuted"),
        (TEA_AND_COFFEE + "; bus.crash('c1')", "Refuted"),
        ("bus.run(lambda b: next((b.arriving[i] for i in [0] if b.arriving), None), max_steps=0); " + TEA_AND_COFFEE, "Refuted"),
    ),
    "claim.vote": _bodies("def split(bus):", ("[deliver(bus, 'c' + i, 'v' + i) for i in '312']; bus.run()", "Refuted")),
    "claim.commit": _bodies(
        "def block(bus):",
        (IN_DOUBT, "Refuted"),
        (IN_DOUBT + "; bus.run(max_steps=20)", "Refuted"),
        ("bus.crash('coord'); bus.restart('coord')\n    [bus.drop(e) for e in bus.in_flight if type(e.message).__name__ == 'Abort']\n    " + IN_DOUBT, "Refuted"),
    ),
    "ballot.next": _bodies(
        "def next_ballot(name, heard):",
        ("class Mine(Ballot): pass\n    return Mine(max((b.round for b in heard), default=0) + 1, name)", "above all"),
        ("return Ballot(sum(b.round for b in heard) + 1, name)", "above all"),
        ("top = max(heard, default=Ballot.ZERO); return top._replace(round=top.round + 1, proposer=name)", "above all"),
        ("return Ballot(round=1 + max([0, *(r for r, _ in heard)]), proposer=name)", "above all"),
    ),
    "quorum.majority": _bodies(
        "def is_majority(members, names):",
        ("return int(2 * len(set(names) & set(members)) > len(members))", "Where True is meant it returns 1"),
        ("if 2 * len({*names} & {*members}) > len(members): return True", "Where False is meant it returns None"),
        ("return sum(m in names for m in members) > len(members) / 2", "Right for"),
    ),
    "quorum.survives": _bodies(
        "def survives(n):",
        ("return n - (n // 2 + 1)", "1 to 11"),
        ("return max(f for f in range(n) if 2 * (n - f) > n)", "1 to 11"),
        ("return math.ceil(n / 2) - 1", "1 to 11"),
    ),
    "quorum.gap": _bodies(
        "def find_gap(quorums):",
        ("return next(((p, q) for p, q in combinations(quorums, 2) if not p & q), None)", "Right for"),
        ("return next(([p, q] for p in quorums for q in quorums if p.isdisjoint(q)), None)", "Right for"),
        ("return next((frozenset((p, q)) for p, q in combinations(quorums, 2) if not p & q), None)", "Right for"),
    ),
    "quorum.system": _bodies(
        "class MyQuorums(QuorumSystem):\n    def is_quorum(self, names, phase):",
        ("    a, b, c, d, e, f = self.members; here = set(names)\n        return a in here and b in here", "2 votes can be enough"),
        ("    rows = self.members[:2], self.members[2:4], self.members[4:]; here = set(names)\n        return any(here.issuperset(line) for line in (zip(*rows) if phase == 1 else rows))", "2 votes can be enough"),
        ("    return self.members[0] in names", "1 vote can be enough"),
    ),
    "fault.unknown": _bodies(
        "def unknown(bus):",
        (CHOSEN, "tea is chosen, and no node has learned it"),
        (P1 + "vote(bus, 'p1', ['a1']); bus.crash('a2', during=Deliver(next(e for e in bus.in_flight if e.to == 'a2' and type(e.message) is Accept)))", "no node has learned it"),
        (P1 + "vote(bus, 'p1', ['a2', 'a3']); bus.crash('p1'); bus.crash('l1')", "no node has learned it"),
        (CHOSEN + "deliver(bus, 'a1', 'p1', Accepted); deliver(bus, 'a1', 'l1', Accepted)", "no node has learned it"),
    ),
    "fault.outvoted": _bodies(
        "def outvoted(bus):",
        (P1 + "vote(bus, 'p1', ['a1']); bus.start('p2'); promise(bus, 'p2', ['a2', 'a3']); vote(bus, 'p2', ['a1', 'a2'])", "coffee is chosen"),
    ),
    "fault.disk": [
        ("on_disk = {'Acceptor': ['accepted', 'promised'], 'Proposer': ('round',)}", "Tried"),
        ("on_disk = {'Proposer': 'round', 'Acceptor': frozenset({'accepted', 'promised'})}", "Tried"),
    ],
    "invariant.ballot": _bodies(
        "def one_value(sent):",
        ("v = {}\n    [v.setdefault(m.ballot, set()).add(m.value) for s, m in sent if type(m) is Accept]\n    return next((f'{b}' for b in v if len(v[b]) > 1), '')", "it catches: "),
    ),
    "retry.round": _bodies("def next_round(own, promised):", ("return 1 + (own if own > promised else promised)", "above both")),
    "duel.pause": _bodies(
        "def pause(round, name):",
        ("return random.Random(f'{name} {round}').uniform(0, 2 ** min(round, 6))", "at most"),
        ("return min(round, 6) * int(name[1:]) * 3.0", "at most"),
        ("return min(1.7 ** round, 30) * (1 + sum(map(ord, name)) % 7)", "at most"),
    ),
}  # fmt: skip
