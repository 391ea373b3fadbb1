"""Exercise 08: answers and what the checks must say to them. Most were handed in by somebody once."""

IMPORTS = """
import random, time
from dataclasses import dataclass, field
from typing import Any
from paxos_lab import MessageBus, Node, stable, volatile
from paxos_lab.multipaxos import Vote
from paxos_lab.multipaxos.messages import Accept, Accepted, Nack, Prepare, Promise
from paxos_lab.paxos import Ballot


def take_over(reports):
    best = {}
    for report in reports:
        for slot, vote in report:
            if slot not in best or vote.ballot > best[slot].ballot:
                best[slot] = vote
    return {slot: best[slot].entry if slot in best else () for slot in range(1, max(best, default=0) + 1)}
"""

SOLUTIONS = {
    "log.execute": """
def ready(chosen, executed):
    slots = []
    while executed + len(slots) + 1 in chosen:
        slots.append(executed + len(slots) + 1)
    return slots
""",
    "log.takeover": """
def take_over(reports):
    best = {}
    for report in reports:
        for slot, vote in report:
            if slot not in best or vote.ballot > best[slot].ballot:
                best[slot] = vote
    return {slot: best[slot].entry if slot in best else () for slot in range(1, max(best, default=0) + 1)}
""",
    "log.acceptor": """
@dataclass
class LogAcceptor(Node):
    promised: Ballot = stable(Ballot.ZERO)
    votes: dict[int, Vote] = stable({})

    def receive(self, sender, message):
        match message:
            case Prepare(ballot, first) if ballot >= self.promised:
                self.promised = ballot
                votes = tuple((slot, vote) for slot, vote in sorted(self.votes.items()) if slot >= first)
                self.send(sender, Promise(ballot, votes, 0))
            case Accept(ballot, slot, entry) if ballot >= self.promised:
                self.promised = ballot
                self.votes[slot] = Vote(ballot, entry)
                self.send(sender, Accepted(ballot, slot))
            case Prepare(ballot, _) | Accept(ballot, _, _):
                self.send(sender, Nack(ballot, self.promised))
""",
    "log.leader": """
@dataclass
class Leader(Node):
    own: tuple[Any, ...]
    acceptors: tuple[str, ...]
    quorums: Any
    slots: int
    round: int = stable(0)
    ballot: Ballot = Ballot.ZERO
    promises: dict[str, Any] = volatile({})
    leads: bool = False

    def start(self):
        self.round += 1
        self.ballot = Ballot(self.round, self.name)
        self.send(self.acceptors, Prepare(self.ballot, 1))

    def receive(self, sender, message):
        match message:
            case Promise(ballot, votes, _) if ballot == self.ballot and not self.leads:
                self.promises[sender] = votes
                if self.quorums.is_quorum(self.promises, phase=1):
                    self.leads = True
                    plan = take_over(self.promises.values())
                    plan |= dict(zip(range(len(plan) + 1, self.slots + 1), self.own))
                    for slot, entry in plan.items():
                        self.send(self.acceptors, Accept(ballot, slot, entry))
""",
}

_PLAN = "plan = take_over(self.promises.values())\n"
_OWN = "plan |= dict(zip(range(len(plan) + 1, self.slots + 1), self.own))\n"
_BEST = "if slot not in best or vote.ballot > best[slot].ballot:"
_SEND = "self.send(self.acceptors, Accept(ballot, slot, entry))"
_VOTES = "votes = tuple((slot, vote) for slot, vote in sorted(self.votes.items()) if slot >= first)"
_RAISE = "                self.promised = ballot\n                self.votes[slot]"
_PREPARE = "case Prepare(ballot, first) if ballot >= self.promised:\n                self.promised = ballot"


def _last(key):
    """A take-over by another order than that of the ballots."""
    return {_BEST: f"if slot not in best or {key}:"}


def _plans(*lines):
    """A leader with these lines in place of its plan."""
    indent = " " * 20
    return {f"{_PLAN}{indent}{_OWN}": f"\n{indent}".join(lines) + "\n"}


WRONG = {
    "log.execute": {
        "no hole": ({"while executed + len(slots) + 1 in chosen": "while len(slots) < len([s for s in chosen if s > executed])"}, "Only what is chosen"),
        "from the start": ("def ready(chosen, executed):\n    return sorted(chosen)", "a hole below"),
        "only one": ("def ready(chosen, executed):\n    return [executed + 1] if executed + 1 in chosen else []", "nothing has to wait"),
        "empty entries are none": ("def ready(chosen, executed):\n    s = []\n    while chosen.get(executed + len(s) + 1): s.append(executed + len(s) + 1)\n    return s", "nothing has to wait"),
        "takes them out of the log": ("def ready(chosen, executed):\n    s = []\n    while chosen.pop(executed + len(s) + 1, None) is not None: s.append(executed + len(s) + 1)\n    return s", "changes the dictionary"),
        "numbers as text": ("def ready(chosen, executed):\n    return [str(executed + 1)] if executed + 1 in chosen else []", "A list of slot numbers"),
        "never ends": ("def ready(chosen, executed):\n    while True: pass", "does not come to an end"),
    },
    "log.takeover": {
        "rounds only": (_last("vote.ballot.round > best[slot].ballot.round"), "Compare ballots, not rounds"),
        "rounds only, the last wins": (_last("vote.ballot.round >= best[slot].ballot.round"), "Compare ballots, not rounds"),
        "by the text of the ballot": (_last("str(vote.ballot) > str(best[slot].ballot)"), "rounds are numbers"),
        "by the name first": (_last("(vote.ballot.proposer, vote.ballot.round) > (best[slot].ballot.proposer, best[slot].ballot.round)"), "not their text or their names"),
        "last report": ({_BEST: "if True:"}, "whoever reports it first"),
        "first report": ({_BEST: "if slot not in best:"}, "The higher ballot counts: milk"),
        "oldest": ({"> best[slot].ballot": "< best[slot].ballot"}, "The higher ballot counts"),
        "one ballot for the log": ("def take_over(reports):\n    votes = [x for r in reports for x in r]\n    top = max((v.ballot for _, v in votes), default=None)\n    best = {s: v for s, v in votes if v.ballot == top}\n    return {s: best[s].entry if s in best else () for s in range(1, max(best, default=0) + 1)}", "Each slot by itself"),
        "holes stay": ("def take_over(reports):\n    best = {}\n    for r in reports:\n        for s, v in r:\n            if s not in best or v.ballot > best[s].ballot: best[s] = v\n    return {s: v.entry for s, v in best.items()}", "holes"),
        "no-ops do not count": ({_BEST: "if vote.entry and (slot not in best or vote.ballot > best[slot].ballot):"}, "A vote for a no-op is a vote"),
        "takes the reports out": ({"for report in reports:": "while reports:\n        report = reports.pop()"}, "changes the list of reports"),
    },
    "log.acceptor": {
        "the first vote stays": ({"self.votes[slot] = Vote(ballot, entry)": "self.votes.setdefault(slot, Vote(ballot, entry))"}, "In slot 1 it said Accepted twice"),
        "the first entry stays": ({"self.votes[slot] = Vote(ballot, entry)": "self.votes[slot] = Vote(ballot, self.votes[slot].entry if slot in self.votes else entry)"}, "the last vote counts"),
        "the vote keeps its first ballot": ({"self.votes[slot] = Vote(ballot, entry)": "self.votes[slot] = Vote(self.votes[slot].ballot if slot in self.votes else ballot, entry)"}, "the last vote counts"),
        "forgets at a prepare": ({"self.send(sender, Promise(ballot, votes, 0))": "self.send(sender, Promise(ballot, votes, 0)); self.votes = {}"}, "should report (3: "),
        "votes in memory": ({"votes: dict[int, Vote] = stable": "votes: dict[int, Vote] = volatile"}, "its disk holds its vote"),
        "promise in memory": ({"promised: Ballot = stable(Ballot.ZERO)": "promised: Ballot = Ballot.ZERO"}, "the promise was not on disk"),
        "promise in memory, answers all, votes for its promise": ({"promised: Ballot = stable(Ballot.ZERO)": "promised: Ballot = Ballot.ZERO", "case Accept(ballot, slot, entry) if ballot >= self.promised": "case Accept(ballot, slot, entry) if ballot == self.promised"}, "the promise was not on disk"),
        "a promise for each slot": ({"promised: Ballot = stable(Ballot.ZERO)": "promised: dict = stable({})", "if ballot >= self.promised:\n                self.promised = ballot\n                votes": "if True:\n                for s in (1, 3): self.promised[s] = max(ballot, self.promised.get(s, ballot))\n                votes", "if ballot >= self.promised:\n                self.promised = ballot\n                self.votes": "if ballot >= self.promised.get(slot, ballot):\n                self.promised[slot] = ballot\n                self.votes", "Nack(ballot, self.promised)": "Nack(ballot, ballot)"}, "holds for every slot"),
        "a vote raises no promise": ({_RAISE: "                self.votes[slot]"}, "in the same slot for 1.l1"),
        "the promise goes down": ({_PREPARE: "case Prepare(ballot, first):\n                self.promised = ballot"}, "accepted"),
        "votes for all": ({"case Accept(ballot, slot, entry) if ballot >= self.promised": "case Accept(ballot, slot, entry) if True"}, "accepted in slot 2 for ballot 1.l1"),
        "reports all from slot 1": ({" if slot >= first)": ")"}, "Asked from slot 2 on"),
        "reports one slot too few": ({"slot >= first": "slot > first"}, "It has votes in slots 1 and 3"),
        "reports the highest only": ({_VOTES: "votes = tuple(sorted(self.votes.items())[-1:])"}, "It has votes in slots 1 and 3"),
        "pairs of slot and entry": ({_VOTES: "votes = tuple((slot, vote.entry) for slot, vote in sorted(self.votes.items()) if slot >= first)"}, "A report is a tuple of pairs"),
        "triples": ({_VOTES: "votes = tuple((slot, vote.ballot, vote.entry) for slot, vote in sorted(self.votes.items()) if slot >= first)"}, "A report is a tuple of pairs"),
        "texts": ({_VOTES: "votes = tuple(f'{slot} {vote}' for slot, vote in sorted(self.votes.items()) if slot >= first)"}, "A report is a tuple of pairs"),
        "the wrong way round": ({_VOTES: "votes = tuple((vote, slot) for slot, vote in sorted(self.votes.items()) if slot >= first)"}, "A report is a tuple of pairs"),
        "bare slots": ({_VOTES: "votes = tuple(sorted(self.votes))"}, "A report is a tuple of pairs"),
        "bare votes": ({_VOTES: "votes = tuple(v for s, v in sorted(self.votes.items()) if s >= first)"}, "A report is a tuple of pairs"),
        "none": ({_VOTES: "votes = None"}, "A report is a tuple of pairs"),
        "a text": ({_VOTES: "votes = ', '.join(map(str, self.votes))"}, "A report is a tuple of pairs"),
        "says accepted and stores nothing": ({"self.votes[slot] = Vote(ballot, entry)\n": "pass\n"}, "It has votes in slots 1 and 3"),
        "refuses a second vote": ({"case Accept(ballot, slot, entry) if ballot >= self.promised": "case Accept(ballot, slot, entry) if ballot >= self.promised and slot not in self.votes"}, "A vote may be outvoted"),
        "above its promise only": ({"case Accept(ballot, slot, entry) if ballot >= self.promised": "case Accept(ballot, slot, entry) if ballot > self.promised"}, "does not accept in slot 1"),
        "tells nobody": ({"                self.send(sender, Accepted(ballot, slot))\n": ""}, "It sent: nothing"),
        "votes for no-ops are not reported": ({"if slot >= first)": "if slot >= first and vote.entry)"}, "Its vote in slot 1 is for a no-op"),
        "no vote for a no-op": ({"case Accept(ballot, slot, entry) if ballot >= self.promised": "case Accept(ballot, slot, entry) if ballot >= self.promised and entry"}, "does not accept in slot 1"),
        "a no-op does not outvote": ({"self.votes[slot] = Vote(ballot, entry)": "self.votes[slot] = Vote(ballot, entry) if entry or slot not in self.votes else self.votes[slot]"}, "Both of its votes are for no-ops"),
        "says that slots are cleared": ({"Promise(ballot, votes, 0)": "Promise(ballot, votes, 5)"}, "third field is 5"),
        "cleared is the highest slot": ({"Promise(ballot, votes, 0)": "Promise(ballot, votes, max(self.votes, default=0))"}, "third field is 3"),
        "keeps three slots": ({"self.votes[slot] = Vote(ballot, entry)": "self.votes[slot] = Vote(ballot, entry)\n                if len(self.votes) > 3: del self.votes[min(self.votes)]"}, "It voted in 12 slots"),
        "reports ten slots": ({_VOTES: _VOTES.replace("sorted(self.votes.items())", "sorted(self.votes.items())[:10]")}, "It voted in 12 slots"),
        "no-ops are lost in a crash": ({"    def receive": "    def recover(self):\n        self.votes = {s: v for s, v in self.votes.items() if v.entry}\n\n    def receive"}, "After a crash its disk holds its votes"),
        "a timer takes the promise back": ({_PREPARE: _PREPARE + "\n                self.set_timer('end', 30.0)", "    def receive": "    def timeout(self, timer):\n        self.promised = Ballot.ZERO\n\n    def receive"}, "its timer rang"),
        "a timer takes the votes back": ({_PREPARE: _PREPARE + "\n                self.set_timer('end', 30.0)", "    def receive": "    def timeout(self, timer):\n        self.votes = {}\n\n    def receive"}, "No timer may take a vote back"),
        "the promise of a single decree": ({"@dataclass\nclass LogAcceptor": "from paxos_lab import paxos\n@dataclass\nclass LogAcceptor", "Promise(ballot, votes, 0)": "paxos.Promise(ballot, None)"}, "which is another class"),
        "promises by the text of the ballot": ({_PREPARE: "case Prepare(ballot, first) if ballot.round >= self.promised.round:\n                self.promised = ballot", "case Accept(ballot, slot, entry) if ballot >= self.promised": "case Accept(ballot, slot, entry) if ballot.round >= self.promised.round"}, "Two different entries are chosen in one slot"),
    },
    "log.leader": {
        "asks again with each promise": ({" and not self.leads": ""}, "asked again"),
        "last report": (_plans("plan = {s: v.entry for r in self.promises.values() for s, v in r}", "plan = {s: plan.get(s, ()) for s in range(1, max(plan, default=0) + 1)}", _OWN.strip()), "whoever reports it first"),
        "first report": (_plans("plan = {s: v.entry for r in reversed(self.promises.values()) for s, v in r}", "plan = {s: plan.get(s, ()) for s in range(1, max(plan, default=0) + 1)}", _OWN.strip()), "whoever reports it first"),
        "rounds only": (_plans("best = {}", "for r in self.promises.values():", "    for s, v in r:", "        if s not in best or v.ballot.round > best[s].ballot.round: best[s] = v", "plan = {s: best[s].entry if s in best else () for s in range(1, max(best, default=0) + 1)}", _OWN.strip()), "The rounds are equal"),
        "ballots as text": (_plans("best = {}", "for r in self.promises.values():", "    for s, v in r:", "        if s not in best or str(v.ballot) > str(best[s].ballot): best[s] = v", "plan = {s: best[s].entry if s in best else () for s in range(1, max(best, default=0) + 1)}", _OWN.strip()), "rounds are numbers"),
        "one ballot for the log": (_plans("votes = [x for r in self.promises.values() for x in r]", "top = max((v.ballot for _, v in votes), default=None)", "best = {s: v.entry for s, v in votes if v.ballot == top}", "plan = {s: best.get(s, ()) for s in range(1, max(best, default=0) + 1)}", _OWN.strip()), "Each slot by itself"),
        "plans at the third promise": ({"if self.quorums.is_quorum(self.promises, phase=1):\n                    self.leads = True": "if self.quorums.is_quorum(self.promises, phase=1):\n                    self.leads = len(self.promises) == len(self.acceptors)"}, "asked again"),
        "two are enough": ({"self.quorums.is_quorum(self.promises, phase=1)": "len(self.promises) >= 2"}, "Of five acceptors three"),
        "counts by hand": ({"self.quorums.is_quorum(self.promises, phase=1)": "2 * len(self.promises) >= len(self.acceptors)"}, "any 3 of 4"),
        "the wrong phase": ({"phase=1": "phase=2"}, "any 3 of 4"),
        "counts messages": ({"self.promises[sender] = votes": "self.promises[len(self.promises)] = votes", "is_quorum(self.promises, phase=1)": "is_quorum(self.acceptors[:len(self.promises)], phase=1)"}, "Count different acceptors"),
        "any ballot": ({"if ballot == self.ballot and not": "if not", "Accept(ballot, slot": "Accept(self.ballot, slot"}, "only promises for the ballot in hand"),
        "own entry lost": (_plans("plan = dict(zip(range(1, self.slots + 1), self.own)) | take_over(self.promises.values())"), "none is lost"),
        "own over taken": (_plans("plan = take_over(self.promises.values()) | dict(zip(range(1, self.slots + 1), self.own))"), "by the promises it should ask for"),
        "own first": (_plans("old = take_over(self.promises.values())", "plan = dict(zip(range(1, self.slots + 1), (*self.own, *old.values())))"), "by the promises it should ask for"),
        "own in the holes": (_plans("old = {s: e for s, e in take_over(self.promises.values()).items() if e}", "free = [s for s in range(1, self.slots + 1) if s not in old]", "plan = old | dict(zip(free, self.own))", "plan = {s: plan.get(s, ()) for s in range(1, max(plan) + 1)}"), "That would be safe"),
        "holes stay": (_plans("old = {s: e for s, e in take_over(self.promises.values()).items() if e}", "last = max(old, default=0)", "plan = old | dict(zip(range(last + 1, self.slots + 1), self.own))"), "Slot 1 is a hole"),
        "nothing beyond slots": ({_OWN: _OWN.rstrip() + "\n                    plan = {s: e for s, e in plan.items() if s <= self.slots}\n"}, "reach beyond `slots`"),
        "none of its own": ({_OWN: "\n"}, "Nobody has voted"),
        "to those who promised": ({"self.send(self.acceptors, Accept": "self.send(list(self.promises), Accept"}, "it does not ask a3"),
        "to the first two": ({"self.send(self.acceptors, Accept": "self.send(self.acceptors[:2], Accept"}, "it does not ask a3"),
        "asks twice": ({_SEND: f"{_SEND}; {_SEND}"}, "more than once"),
        "round not counted": ({"self.round += 1\n": "pass\n", "Ballot(self.round, self.name)": "Ballot(1, self.name)"}, "A ballot is opened once"),
        "round in memory": ({"round: int = stable(0)": "round: int = 0"}, "A ballot is opened once"),
        "somebody else's ballot": ({"Ballot(self.round, self.name)": "Ballot(self.round, 'l9')"}, "Its ballot is"),
        "prepares two": ({"self.send(self.acceptors, Prepare": "self.send(self.acceptors[:2], Prepare"}, "no Prepare to a3"),
        "from slot 2": ({"Prepare(self.ballot, 1)": "Prepare(self.ballot, 2)"}, "from slot 1 on"),
        "another ballot in phase 2": ({"Accept(ballot, slot, entry)": "Accept(Ballot(ballot.round + 1, self.name), slot, entry)"}, "asks for votes in"),
        "waits for all": ({"self.quorums.is_quorum(self.promises, phase=1)": "len(self.promises) == len(self.acceptors)"}, "a1 and a2 are a quorum for Phase 1"),
        "reported no-ops do not count": (_plans("reports = [[(s, v) for s, v in r if v.entry] for r in self.promises.values()]", "plan = take_over(reports)", _OWN.strip()), "A vote for a no-op"),
        "a no-op is outvoted by a command": (_plans("best = {}", "for r in self.promises.values():", "    for s, v in r:", "        if s not in best or (bool(v.entry), v.ballot) > (bool(best[s].entry), best[s].ballot): best[s] = v", "plan = {s: best[s].entry if s in best else () for s in range(1, max(best, default=0) + 1)}", _OWN.strip()), "it is for a no-op"),
        "recovers with the ballot it had": ({"    def receive": "    def recover(self):\n        self.ballot = Ballot(self.round, self.name)\n        self.promises, self.leads = {}, False\n        self.send(self.acceptors, Prepare(self.ballot, 1))\n\n    def receive"}, "there, in the same ballot 1.l3"),
        "keeps its ballot on disk and counts anew": ({"ballot: Ballot = Ballot.ZERO": "ballot: Ballot = stable(Ballot.ZERO)"}, "in the same ballot"),
        "its timer asks again in the same ballot": ({"    def receive": "        self.set_timer('again', 10.0)\n\n    def timeout(self, timer):\n        self.promises, self.leads = {}, False\n        self.send(self.acceptors, Prepare(self.ballot, 1))\n\n    def receive"}, "heard its timer"),
        "a late nack lowers its round": ({"        match message:\n": "        match message:\n            case Nack(_, promised):\n                self.round = promised.round\n                self.promises, self.leads = {}, False\n                self.start()\n"}, "got a late Nack for 1.l3"),
        "a late nack lowers its round, a timer retries": ({"        match message:\n": "        match message:\n            case Nack(_, promised):\n                self.round = promised.round\n                self.set_timer('again', 10.0)\n", "    def receive": "    def timeout(self, timer):\n        self.promises, self.leads = {}, False\n        self.start()\n\n    def receive"}, "got a late Nack for 1.l3, heard its timer"),
        "one vote is enough": ({"if self.quorums.is_quorum(self.promises, phase=1)": "if self.promises"}, "promises of a1 only, which are no quorum"),
    },
}  # fmt: skip

RIGHT = {
    "log.execute": {
        "solution": ({}, ""),
        "a range": ("def ready(chosen, executed):\n    n = executed\n    while n + 1 in chosen: n += 1\n    return range(executed + 1, n + 1)", ""),
        "a generator": ("def ready(chosen, executed):\n    n = executed + 1\n    while n in chosen:\n        yield n\n        n += 1", ""),
        "takewhile": ("def ready(chosen, executed):\n    from itertools import count, takewhile\n    return tuple(takewhile(chosen.__contains__, count(executed + 1)))", ""),
    },
    "log.takeover": {
        "solution": ({}, ""),
        "by sorting": ("def take_over(reports):\n    votes = sorted(((v.ballot, s, v.entry) for r in reports for s, v in r), key=lambda x: x[0])\n    plan = {s: () for s in range(1, max((s for _, s, _ in votes), default=0) + 1)}\n    plan.update({s: e for _, s, e in votes})\n    return plan", ""),
        "slot by slot": ("def take_over(reports):\n    slots = [dict(r) for r in reports]\n    last = max((s for r in slots for s in r), default=0)\n    plan = {}\n    for s in range(1, last + 1):\n        found = [r[s] for r in slots if s in r]\n        plan[s] = max(found, key=lambda v: (v.ballot.round, v.ballot.proposer)).entry if found else ()\n    return plan", ""),
        "at or above": (_last("not vote.ballot < best[slot].ballot"), ""),
    },
    "log.acceptor": {
        "solution": ({}, ""),
        "votes in its promise only": ({"case Accept(ballot, slot, entry) if ballot >= self.promised": "case Accept(ballot, slot, entry) if ballot == self.promised"}, "only for a ballot that it has promised"),
        "answers lower prepares": ({_PREPARE: "case Prepare(ballot, first):\n                self.promised = max(self.promised, ballot)"}, "below its promise: that is safe"),
        "not the same prepare twice": ({"first) if ballot >= self.promised": "first) if ballot > self.promised"}, "same Prepare twice: that is safe"),
        "not in slot order": ({"sorted(self.votes.items())": "reversed(self.votes.items())"}, "not reported in slot order"),
        "no nack": ({"self.send(sender, Nack(ballot, self.promised))": "pass"}, ""),
        "a promise for all and a ballot for each vote": ({_RAISE: "                self.votes[slot]", "case Accept(ballot, slot, entry) if ballot >= self.promised:": "case Accept(ballot, slot, entry) if ballot >= self.promised and (slot not in self.votes or ballot >= self.votes[slot].ballot):"}, "of its own"),
        "by if": ("@dataclass\nclass LogAcceptor(Node):\n    promised: Ballot = stable(Ballot.ZERO)\n    votes: dict = stable({})\n    def receive(self, sender, m):\n        if m.ballot < self.promised: return\n        self.promised = m.ballot\n        if isinstance(m, Prepare):\n            self.send(sender, Promise(m.ballot, tuple((s, self.votes[s]) for s in sorted(self.votes) if s >= m.first), 0))\n        elif isinstance(m, Accept):\n            self.votes = {**self.votes, m.slot: Vote(m.ballot, m.entry)}\n            self.send(sender, Accepted(m.ballot, m.slot))", ""),
        "reports votes below the promised ballot": ({"if slot >= first)": "if slot >= first and vote.ballot < ballot)"}, ""),
        "sends its last promise once more": ({"votes: dict[int, Vote] = stable({})": "votes: dict[int, Vote] = stable({})\n    last: Any = stable(None)", "        match message:\n            case Prepare": "        match message:\n            case Prepare(ballot, _) if self.last is not None and ballot == self.promised == self.last.ballot:\n                self.send(sender, self.last)\n            case Prepare", "self.send(sender, Promise(ballot, votes, 0))": "self.last = Promise(ballot, votes, 0); self.send(sender, self.last)"}, ""),
        "a timer that does no harm": ({_PREPARE: _PREPARE + "\n                self.set_timer('tick', 30.0)"}, ""),
        "remembers all votes": ({"votes: dict[int, Vote] = stable({})": "votes: dict[int, Vote] = stable({})\n    history: dict = stable({})", "self.votes[slot] = Vote(ballot, entry)": "self.votes[slot] = Vote(ballot, entry); self.history[slot, ballot] = entry"}, ""),
    },
    "log.leader": {
        "solution": ({}, ""),
        "tries again": ({"    def receive": "        self.set_timer('again', 10.0)\n\n    def timeout(self, timer):\n        self.promises, self.leads = {}, False\n        self.start()\n\n    def receive"}, ""),
        "counts the votes": ({"    leads: bool = False\n": "    leads: bool = False\n    voters: dict = volatile({})\n", "                    for slot, entry in plan.items():\n                        self.send(self.acceptors, Accept(ballot, slot, entry))": "                    for slot, entry in plan.items():\n                        self.send(self.acceptors, Accept(ballot, slot, entry))\n            case Accepted(ballot, slot) if ballot == self.ballot:\n                self.voters[slot] = self.voters.get(slot, frozenset()) | {sender}"}, ""),
        "asks again after a nack": ({"        match message:\n": "        match message:\n            case Nack(ballot, promised) if ballot == self.ballot:\n                self.round = max(self.round, promised.round)\n                self.set_timer('again', 10.0)\n", "    def receive": "    def timeout(self, timer):\n        self.promises, self.leads = {}, False\n        self.start()\n\n    def receive"}, ""),
        "opens a new ballot when it recovers": ({"    def receive": "    def recover(self):\n        self.start()\n\n    def receive"}, ""),
        "sends its prepare once more after a timer": ({"    def receive": "        self.set_timer('again', 10.0)\n\n    def timeout(self, timer):\n        self.send(self.acceptors, Prepare(self.ballot, 1))\n\n    def receive"}, ""),
        "ready before": ({"self.leads = True": "self.leads = True; self.promises = dict(self.promises)"}, ""),
        "a set of names": ({"self.send(self.acceptors, Accept(ballot, slot, entry))": "self.send(set(self.acceptors), Accept(self.ballot, slot, entry))"}, ""),
        "one message at a time": ({"self.send(self.acceptors, Accept(ballot, slot, entry))": "for name in self.acceptors: self.send(name, Accept(self.ballot, slot, entry))"}, ""),
    },
}  # fmt: skip
