"""Answers to the tasks of exercises 03, 04 and to the last of 07, as in verdicts.py: roles, each with one thing changed."""

from verdicts import Table

ACCEPTOR = """
@dataclass
class Acceptor(Node):
    learners: tuple = ()
    promised: Ballot = stable(Ballot.ZERO)
    accepted: Proposal | None = stable(None)
    votes: Any = stable(())

    def receive(self, sender, message):
        match message:
            case Prepare(ballot) if ballot >= self.promised:
                self.promised = ballot
                self.send(sender, Promise(ballot, self.accepted))
            case Accept(ballot, value) if ballot >= self.promised:
                self.promised = ballot
                self.accepted = Proposal(ballot, value)
                self.send([sender, *self.learners], Accepted(ballot, value))
            case Prepare(ballot) | Accept(ballot, _):
                self.send(sender, Nack(ballot, self.promised))
"""

PROPOSER = """
@dataclass
class Proposer(Node):
    value: Any
    acceptors: tuple
    quorums: Any
    round: int = stable(0)
    ballot: Ballot = Ballot.ZERO
    promises: dict = volatile({})
    proposal: Proposal | None = None
    voters: frozenset = frozenset()
    learned: Any = None

    def start(self):
        self.prepare()

    def recover(self):
        self.prepare()

    def timeout(self, timer):
        self.prepare()

    def prepare(self):
        self.round += 1
        self.ballot = Ballot(self.round, self.name)
        self.promises, self.proposal, self.voters = {}, None, frozenset()
        self.send(self.acceptors, Prepare(self.ballot))
        self.set_timer("retry", 10 + 7 * self.round * int(self.name[1:]))

    def pick(self, reports):
        votes = [report for report in reports if report is not None]
        return max(votes, key=lambda vote: vote.ballot).value if votes else self.value

    def receive(self, sender, message):
        match message:
            case Promise(ballot, accepted) if ballot == self.ballot and self.proposal is None:
                self.promises[sender] = accepted
                if self.quorums.is_quorum(self.promises, phase=1):
                    self.proposal = Proposal(ballot, self.pick(list(self.promises.values())))
                    self.send(self.acceptors, Accept(ballot, self.proposal.value))
            case Accepted(ballot, value) if self.proposal == Proposal(ballot, value):
                self.voters |= {sender}
                if self.quorums.is_quorum(self.voters, phase=2):
                    self.learned = value
                    self.cancel_timer("retry")
            case Nack(ballot, promised) if ballot == self.ballot:
                self.round = max(self.round, promised.round)
"""

LEARNER = """
@dataclass
class Learner(Node):
    quorums: Any
    votes: dict = volatile({})
    learned: Any = None

    def receive(self, sender, message):
        match message:
            case Accepted(ballot, value):
                proposal = Proposal(ballot, value)
                self.votes[proposal] = self.votes.get(proposal, frozenset()) | {sender}
                if self.quorums.is_quorum(self.votes[proposal], phase=2):
                    self.learned = value
"""

WATCH = """
@dataclass
class Watch(Node):
    names: tuple
    heartbeat: float = 3.0
    patience: float = 10.0
    leader: str | None = None
    alive: frozenset = frozenset()

    def start(self):
        self.look()
        self.beat()

    def recover(self):
        self.start()

    def look(self):
        self.leader = min({self.name} | self.alive)

    def beat(self):
        self.send([n for n in self.names if n != self.name], Alive())
        self.set_timer("beat", self.heartbeat)

    def receive(self, sender, message):
        self.alive |= {sender}
        self.set_timer(f"miss {sender}", self.patience)
        self.look()

    def timeout(self, timer):
        if timer == "beat":
            self.beat()
        else:
            self.alive -= {timer[5:]}
            self.look()
"""

COUNTS_BEATS = """
@dataclass
class Watch(Node):
    names: tuple
    heartbeat: float = 3.0
    patience: float = 10.0
    leader: str | None = None
    heard: dict = volatile({})
    beats: int = 0

    def start(self):
        self.leader = self.name
        self.beat()

    def recover(self):
        self.start()

    def beat(self):
        self.beats += 1
        self.send([n for n in self.names if n != self.name], Alive())
        self.set_timer("beat", self.heartbeat)
        self.look()

    def look(self):
        here = [n for n, beat in self.heard.items() if self.beats - beat <= self.patience / self.heartbeat]
        self.leader = min([self.name, *here])

    def receive(self, sender, message):
        self.heard[sender] = self.beats
        self.look()

    def timeout(self, timer):
        self.beat()
"""


def _but(source: str, *changes: str) -> str:
    """The role with `changes[0]` in place of... : pairs of what stands there and what stands there instead."""
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert source.count(old) >= 1, old
        source = source.replace(old, new)
    return source


GUARD_1, GUARD_2 = (
    "case Prepare(ballot) if ballot >= self.promised:",
    "case Accept(ballot, value) if ballot >= self.promised:",
)
VOTED = "self.accepted = Proposal(ballot, value)"
RAISES = "                self.promised = ballot\n                " + VOTED
NONE = "Promise(ballot, self.accepted)", "Promise(ballot, None)"
LOWER = (
    "            case Prepare(ballot) | Accept(ballot, _):",
    "            case Prepare(ballot):\n                self.send(sender, Promise(ballot, self.accepted))\n"
    "            case Accept(ballot, _):",
)  # fmt: skip
HISTORY = (
    RAISES,
    "                self.votes = (*self.votes, Proposal(ballot, value))\n                self.accepted = max(self.votes, key=lambda v: v.ballot)",
)
COUNT_1, COUNT_2 = (
    "self.quorums.is_quorum(self.promises, phase=1)",
    "self.quorums.is_quorum(self.voters, phase=2)",
)
CLEARED = "self.promises, self.proposal, self.voters = {}, None, frozenset()"
MINE = "case Accepted(ballot, value) if self.proposal == Proposal(ballot, value):"
HIGHEST = "return max(votes, key=lambda vote: vote.ballot).value if votes else self.value"
NACK = "case Nack(ballot, promised) if ballot == self.ballot:\n                self.round = max(self.round, promised.round)"
KEEPS = "self.votes[proposal] = self.votes.get(proposal, frozenset()) | {sender}"
ANSWERS, TIMED = "self.send(sender, Promise(", "self.set_timer('t', 30); "
FORGETS_PROMISE = "\n    def timeout(self, timer):\n        self.promised = Ballot.ZERO\n"
KEY = "proposal = Proposal(ballot, value)"
LOUD = "        match message:\n", "        print(self.name, 'got', message)\n        match message:\n"


def _value(*answers: tuple[str, str]) -> list[tuple[str, str]]:
    return [
        (
            f"def value_to_propose(reports, own):\n    votes = [r for r in reports if r is not None]\n    {body}",
            words,
        )
        for body, words in answers
    ]


TOP = "return max(votes, key=lambda v: v.ballot).value if votes else own"

WRONG: Table = {
    "acceptor.promise": [
        (_but(ACCEPTOR, NONE[0], "Promise(ballot, Proposal(Ballot.ZERO, None))"), "Nobody has voted yet"),
        (_but(ACCEPTOR, *NONE, ANSWERS, TIMED + ANSWERS) + FORGETS_PROMISE, "later 1.p1, which is lower"),
        (_but(ACCEPTOR, "Nack(ballot, self.promised)", "Nack(ballot, ballot)"), "A Nack names the ballot that was refused"),
        (_but(ACCEPTOR, "Nack(ballot, self.promised)", "Nack(self.promised, ballot)"), "A Nack names the ballot that was refused"),
        (_but(ACCEPTOR, GUARD_1, "case Prepare(ballot) if str(ballot) >= str(self.promised):"), "It did not promise ballot 10.p1, higher than its promise of 9.p1"),
        (_but(ACCEPTOR, GUARD_1, "case Prepare(ballot) if ballot.round > self.promised.round:"), "It did not promise ballot 3.p2, higher than its promise of 3.p1"),
        (_but(ACCEPTOR, GUARD_1, "case Prepare(ballot) if ballot.round >= self.promised.round:"), "It promised ballot 3.p2, and later 3.p1, which is lower"),
        (_but(ACCEPTOR, GUARD_1, "case Prepare(ballot):"), "now it promises 1.p1, which is lower"),
        (_but(ACCEPTOR, "promised: Ballot = stable(", "promised: Ballot = volatile("), "the promise was not on disk"),
        (_but(ACCEPTOR, "self.send(sender, Promise", "self.send(self.learners, Promise"), "it promised 2.p2 to l1"),
        (_but(ACCEPTOR, GUARD_1, GUARD_1 + "\n                sys.exit()"), "SystemExit"),
    ],
    "promise.table": [
        ("may_promise = {1: 0, 2: 0, 3: 1, 4: 0, 5: 1}", "Line 2 is not False"),
        ("may_promise = {1: False, 2: True, 3: True, 4: True, 5: True}", "Line 4 is not True"),
        ("may_promise = {1: 'no', 2: 'yes', 3: 'yes', 4: 'no', 5: 'yes'}", "put True or False"),
        ("may_promise = {1: 2, 2: 1, 3: 1, 4: 0, 5: 1}", "put True or False"),
        ("may_promise = {}; may_promise.update({n: may_promise for n in range(1, 6)})", "put True or False"),
        ("may_promise = [False, True, True, False, True]", "an entry for each line"),
    ],
    "acceptor.accept": [
        (_but(ACCEPTOR, "Promise(ballot, self.accepted)", "Promise(ballot, self.accepted if self.accepted and self.accepted.value else None)"), "only None stands for 'no vote'"),
        (_but(ACCEPTOR, GUARD_2, "case Accept(ballot, value) if value and ballot >= self.promised:"), "did not tell p1 that it accepted"),
        (_but(ACCEPTOR, VOTED, VOTED + "; self.set_timer('t', 30)") + "\n    def timeout(self, timer):\n        self.accepted = None\n", "its timer t rang"),
        (_but(ACCEPTOR, ANSWERS, TIMED + ANSWERS) + FORGETS_PROMISE, "its timer t rang"),
        (_but(ACCEPTOR, "ballot >= self.promised", "ballot[::-1] >= self.promised[::-1]"), "It did not promise ballot 3.p1, higher than its promise of 2.p2"),
        (_but(ACCEPTOR, RAISES, "                " + VOTED), "In between, at step 5, it voted in the lower ballot"),
        (_but(ACCEPTOR, RAISES, "                " + VOTED, "Promise(ballot, self.accepted)", "Promise(ballot, self.votes or None)"), "without reporting that vote"),
        (_but(ACCEPTOR, GUARD_2, "case Accept(ballot, value) if ballot.round >= self.promised.round:"), "it voted in the lower ballot 9.p1"),
        (_but(ACCEPTOR, GUARD_2, "case Accept(ballot, value) if str(ballot) >= str(self.promised):"), "An acceptor broke its promise"),
        (_but(ACCEPTOR, "promised: Ballot = stable(", "promised: Ballot = volatile("), "What it promises must be on disk"),
        (_but(ACCEPTOR, "accepted: Proposal | None = stable(", "accepted: Proposal | None = volatile("), "no longer reports the vote"),
        (_but(ACCEPTOR, VOTED, "self.accepted = self.accepted or Proposal(ballot, value)"), "but it had voted for"),
        (_but(ACCEPTOR, "self.send(sender, Promise(ballot, self.accepted))", "self.send(sender, Promise(ballot, self.accepted)); self.accepted = None"), "but it had voted for"),
        (_but(ACCEPTOR, "Accepted(ballot, value))", "Accepted(self.promised, 'milk'))"), "did not tell p1 that it accepted"),
        (_but(ACCEPTOR, GUARD_2, GUARD_2 + "\n                self.votes = {}; self.votes['me'] = self.votes"), "holds itself"),
        (_but(ACCEPTOR, GUARD_2, GUARD_2 + "\n                sys.exit()"), "SystemExit"),
    ],
    "proposer.value": _value(
        ("return max([v.value for v in votes], key=[v.value for v in votes].count) if votes else own", "(tea in 1.p1, tea in 1.p1, coffee in 2.p2)"),
        ("return max(v.value for v in votes) if votes else own", "2.p2 is the highest ballot reported"),
        ("return votes[-1].value if votes else own", "2.p2 is the highest ballot reported"),
        ("return max(votes, key=lambda v: v.ballot.round).value if votes else own", "in the same round the name decides"),
        ("return max(votes, key=lambda v: str(v.ballot)).value if votes else own", "rounds are numbers"),
        ("reports.sort(key=lambda r: r is None); " + TOP, "changes its argument reports"),
        ("return own", "tea may have been chosen"),
        ("return max(votes, key=lambda v: v.ballot, default=Proposal(None, own))", "return its value"),
    ),
    "proposer.phases": [
        (_but(PROPOSER, HIGHEST, "return (max(votes, key=lambda v: v.ballot).value if votes else None) or self.value"), "only None stands for 'nothing'"),
        (_but(PROPOSER, "if report is not None", "if report is not None and report.value"), "only None stands for 'nothing'"),
        (_but(PROPOSER, "and self.proposal is None", "and not (self.proposal and self.proposal.value)"), "One ballot asks for two different values"),
        (_but(PROPOSER, NACK, "case Nack(ballot, promised):\n                self.round = promised.round; self.set_timer('retry', 5)"), "The round never goes down"),
        (_but(PROPOSER, NACK, "case Nack(ballot, promised):\n                self.round = ballot.round; self.set_timer('retry', 5)"), "The round never goes down"),
        (_but(PROPOSER, CLEARED, "self.promises, self.proposal = {}, None"), "Votes of different ballots never add up"),
        (_but(PROPOSER, MINE, "case Accepted(ballot, value) if self.proposal is not None and value == self.proposal.value:"), "Votes of different ballots never add up"),
        (_but(PROPOSER, MINE, "case Accepted(ballot, value) if self.proposal is not None:"), "Votes of different ballots never add up"),
        (_but(PROPOSER, MINE, "case Accepted(ballot, value):"), "Votes of different ballots never add up"),
        (_but(PROPOSER, CLEARED, "self.promises, self.voters = {}, frozenset()"), "it does not ask for votes"),
        (_but(PROPOSER, CLEARED, "self.proposal, self.voters = None, frozenset()"), "Promises of different ballots do not add up"),
        (_but(PROPOSER, COUNT_1, "self.quorums.is_quorum(self.promises, phase=2)", COUNT_2, "self.quorums.is_quorum(self.voters, phase=1)"), "after 2 of 4 promises"),
        (_but(PROPOSER, COUNT_1, "2 * len(self.promises) > len(self.acceptors)", COUNT_2, "2 * len(self.voters) > len(self.acceptors)"), "A quorum is any 2 of 4 for phase 1"),
        (_but(PROPOSER, COUNT_1, "len(self.promises) >= 2", COUNT_2, "len(self.voters) >= 2"), "`self.quorums.is_quorum(self.promises, phase=1)`"),
        (_but(PROPOSER, COUNT_2, "len(self.voters) >= 2"), "It has learned tea from 2 of 5 votes"),
        (_but(PROPOSER, HIGHEST, "return max(votes, key=lambda v: v.ballot.round).value if votes else self.value"), "The highest ballot reported is 2.p3"),
        (_but(PROPOSER, HIGHEST, "return max(votes, key=lambda v: str(v.ballot)).value if votes else self.value"), "The highest ballot reported is 10.p2"),
        (_but(PROPOSER, HIGHEST, "c = [v.value for v in votes]; return max(c, key=c.count) if c else self.value"), "not how many report a value"),
        (_but(PROPOSER, HIGHEST, "return min(votes, key=lambda v: v.ballot).value if votes else self.value"), "The highest ballot reported is"),
        (_but(PROPOSER, NACK, "case Nack(ballot, promised):\n                self.round = max(self.round, promised.round); self.prepare()"), "A Nack for a ballot that it gave up"),
        (_but(PROPOSER, NACK, "case Nack(ballot, promised):\n                self.round = promised.round"), "The round never goes down"),
        (_but(PROPOSER, "        self.set_timer", "        self.send(self.acceptors, Accept(self.ballot, self.value))\n        self.set_timer"), "without"),
        (_but(PROPOSER, "round: int = stable(0)", "round: int = 0"), "crashed, restarted, and used ballot"),
        (_but(PROPOSER, '        self.set_timer("retry", 10 + 7 * self.round * int(self.name[1:]))\n', ""), 'self.set_timer("retry", delay)'),
        (_but(PROPOSER, " and self.proposal is None", ""), "Fix the value once for each ballot"),
        (_but(PROPOSER, "self.send(self.acceptors, Accept", "self.send(sender, Accept"), "alone for a vote, which is no quorum"),
        (_but(PROPOSER, "self.ballot = Ballot(self.round, self.name)", "self.ballot = Ballot(self.round, 'p')"), "Its first ballot is"),
    ],
    "learner.count": [
        (_but(LEARNER, KEEPS, "self.votes = {proposal: self.votes.get(proposal, frozenset()) | {sender}}"), "should learn 'tea'; its `learned` is None"),
        (_but(LEARNER, KEEPS, KEEPS + "; self.set_timer('x', 5)") + "\n    def timeout(self, timer):\n        self.learned = 'nothing'\n", "It has learned nothing, and no quorum"),
        (_but(LEARNER, KEEPS, KEEPS + "; self.set_timer('x', 5)") + "\n    def timeout(self, timer):\n        self.learned = None\n", "and its `learned` is None"),
        (LEARNER + "\n    def recover(self):\n        self.learned = 'tea'\n", "It has learned tea, and no quorum"),
        (_but(LEARNER, "case Accepted(ballot, value):", "case Accepted(ballot, value) if value:"), "it should learn 0"),
        (_but(LEARNER, KEEPS, KEEPS + "\n                self.votes = dict(list(self.votes.items())[-2:])"), "Votes of other ballots arrived in between"),
        (_but(LEARNER, KEY, "proposal = (ballot.round, value)"), "one vote in ballot 1.p1 and one in ballot 1.p2"),
        (_but(LEARNER, KEY, "proposal = value"), "one vote in ballot 1.p1 and one in ballot 2.p2"),
        (_but(LEARNER, KEY, "proposal = str(ballot)[0], value"), "one vote in ballot 1.p1 and one in ballot 1.p2"),
        (_but(LEARNER, "self.quorums.is_quorum(self.votes[proposal], phase=2)", "len(self.votes[proposal]) >= 2"), "its quorums ask for three"),
        (_but(LEARNER, "self.quorums.is_quorum(self.votes[proposal], phase=2)", "self.quorums.is_quorum(self.votes[proposal], phase=1)"), "its quorums ask for three"),
        (_but(LEARNER, "self.learned = value", "self.learned = value\n                else: self.learned = None"), "it should learn 'tea'"),
        (_but(LEARNER, "self.learned = value", "self.learned = proposal"), "it should learn 'tea'"),
    ],
    "paxos.whole": [
        (ACCEPTOR + LEARNER + _but(PROPOSER, NACK, "case Nack(ballot, promised):\n                self.round = promised.round; self.set_timer('retry', 5)"), "The round never goes down"),
        (ACCEPTOR + PROPOSER + _but(LEARNER, KEEPS, "self.votes = {proposal: self.votes.get(proposal, frozenset()) | {sender}}"), "Votes of other ballots arrived in between"),
        (_but(ACCEPTOR, NONE[0], "Promise(ballot, self.accepted if self.accepted and self.accepted.value else None)") + PROPOSER + LEARNER, "An acceptor left out a vote"),
        (ACCEPTOR + _but(PROPOSER, HIGHEST, "return (max(votes, key=lambda v: v.ballot).value if votes else None) or self.value") + LEARNER, "the promises do not allow"),
        (ACCEPTOR + PROPOSER + _but(LEARNER, "case Accepted(ballot, value):", "case Accepted(ballot, value) if value:"), "only None stands for nothing"),
        (ACCEPTOR + PROPOSER + LEARNER + "\nProposer, Learner = Learner, Proposer\n", "The three come as Acceptor, Proposer, Learner; I got Acceptor, Learner, Proposer"),
        (ACCEPTOR + LEARNER + _but(PROPOSER, CLEARED, "self.promises, self.proposal = {}, None"), "Votes of different ballots never add up"),
        (PROPOSER + LEARNER + _but(ACCEPTOR, RAISES, "                " + VOTED), "An acceptor left out a vote"),
        (ACCEPTOR + LEARNER + _but(PROPOSER, COUNT_1, "len(self.promises) >= 2", COUNT_2, "len(self.voters) >= 2"), "quorum"),
        (ACCEPTOR + PROPOSER + _but(LEARNER, KEY, "proposal = (ballot.round, value)"), "A value was learned that is not chosen"),
        (ACCEPTOR + LEARNER + _but(PROPOSER, CLEARED, "self.promises, self.voters = {}, frozenset()"), "It gets stuck"),
    ],
    "leader.watch": [
        (_but(WATCH, "self.patience)", "self.heartbeat)"), "All are up and messages take 0.5 to 6 units"),
        (_but(WATCH, "self.patience)", "10)"), "s1 has crashed, 8 units ago"),
        (_but(WATCH, "self.heartbeat)", "3)"), "Set the timer of the heartbeat with self.heartbeat"),
        (_but(WATCH, "    def beat(self):\n", "    beats: int = 0\n\n    def beat(self):\n        self.beats += 1\n        if self.beats > 100:\n            return\n"), "never stops"),
        (_but(WATCH, "        self.look()\n        self.beat()", "        self.beat()"), "At the start s1 takes nobody for the leader"),
        (_but(WATCH, "        self.look()\n        self.beat()", "        self.leader = min(self.names)\n        self.beat()"), "only those who were heard count"),
        (_but(WATCH, "self.send([n for n in self.names if n != self.name], Alive())", "self.leader == self.name and self.send([n for n in self.names if n != self.name], Alive())"), "Each says Alive() to the others, whoever leads"),
        (_but(WATCH, "    def recover(self):\n        self.start()\n", ""), "s1 has come back"),
        (_but(WATCH, "self.alive -= {timer[5:]}", "pass"), "s1 has crashed, 30 units ago"),
        (_but(WATCH, "min({self.name} | self.alive)", "max({self.name} | self.alive)"), "Everybody is up"),
        (_but(WATCH, "self.alive |= {sender}", "sys.exit(sender)"), "SystemExit"),
    ],
}  # fmt: skip

RIGHT: Table = {
    "acceptor.promise": [
        (_but(ACCEPTOR, *NONE, "Nack(ballot, self.promised)", "Promise(self.promised, None)"), "a promise of the higher ballot"),
        (_but(ACCEPTOR, "            case Prepare(ballot) | Accept(ballot, _):\n                self.send(sender, Nack(ballot, self.promised))\n", ""), "not below any promise before"),
        (_but(ACCEPTOR, *NONE), "not below any promise before"),
        (_but(ACCEPTOR, *NONE, GUARD_1, "case Prepare(ballot) if ballot > self.promised:"), "Unlike the text, the same prepare is promised once only"),
        (_but(ACCEPTOR, *LOWER), "Unlike the text, it answers a prepare below its promise"),
        (_but(ACCEPTOR, *LOUD), "a restart forgets nothing"),
    ],
    "promise.table": [("may_promise = {1: 0, 2: 1, 3: True, 4: 0, 5: 1}", "Five lines")],
    "acceptor.accept": [
        (_but(ACCEPTOR, VOTED, VOTED + "; self.set_timer('again', 20)") + "\n    def timeout(self, timer):\n        self.accepted and self.send(self.learners, Accepted(self.accepted.ballot, self.accepted.value))\n", "It keeps its promises"),
        (ACCEPTOR, "3 ballots: 2,074 states, every schedule"),
        (_but(ACCEPTOR, *HISTORY), "It keeps its promises"),
        (_but(ACCEPTOR, *LOWER), "Unlike the text, it answers a prepare below its promise"),
        (_but(ACCEPTOR, GUARD_2, "case Accept(ballot, value) if ballot == self.promised:"), "Unlike the text, it refuses a vote in a ballot above"),
        (_but(ACCEPTOR, GUARD_1, "case Prepare(ballot) if ballot > self.promised:"), "the same prepare is promised once only"),
        (_but(ACCEPTOR, *LOUD), "It keeps its promises"),
    ],
    "proposer.value": _value(
        (TOP, "72 sets"),
        ("return next((v.value for v in sorted(votes, key=lambda v: v.ballot, reverse=True)), own)", "72 sets"),
        ("import functools\n    return functools.reduce(lambda a, b: a if a.ballot > b.ballot else b, votes, Proposal(Ballot.ZERO, own)).value", "72 sets"),
    ),
    "proposer.phases": [
        (PROPOSER, "does not give up"),
        (_but(PROPOSER, "            " + NACK + "\n", ""), "does not give up"),
        (_but(PROPOSER, NACK, NACK + "; self.prepare()"), "not every schedule"),
        (_but(PROPOSER, "self.send(self.acceptors, Accept", "self.send(list(self.promises), Accept"), "does not give up"),
        (_but(PROPOSER, "self.round += 1", "self.round += 3"), "does not give up"),
        (_but(PROPOSER, "                    self.learned = value\n", "                    pass\n"), "Unlike the text, it never sets `self.learned`"),
        (_but(PROPOSER, *LOUD), "does not give up"),
        (PROPOSER + "\nclass Proposer(Proposer):\n    def cancel_timer(self, timer): pass\n", "even after it has learned"),
    ],
    "learner.count": [
        (_but(LEARNER, "votes: dict = volatile({})", "votes: dict = stable({})", "learned: Any = None", "learned: Any = stable(None)"), "It learns what is chosen"),
        (_but(LEARNER, KEEPS, "known = self.votes.get(sender)\n                if known is None or known.ballot < ballot: self.votes[sender] = proposal", "self.votes[proposal]", "[a for a in self.votes if self.votes[a] == proposal]"), "it drops a vote that arrives after a higher one"),
        (_but(LEARNER, "case Accepted(ballot, value):", "case Accepted(ballot, value) if self.learned is None:"), "It learns what is chosen"),
        (LEARNER, "It learns what is chosen"),
        (_but(LEARNER, KEY, "proposal = ballot"), "It learns what is chosen"),
        (_but(LEARNER, "self.votes.get(proposal, frozenset()) | {sender}", "(*self.votes.get(proposal, ()), sender)"), "not every schedule"),
    ],
    "paxos.whole": [(ACCEPTOR + PROPOSER + LEARNER, "Your own Paxos works"), (_but(ACCEPTOR, *LOUD) + PROPOSER + _but(LEARNER, *LOUD), "Your own Paxos works")],
    "leader.watch": [
        (WATCH, "It follows the lowest name"),
        (_but(WATCH, "self.alive |= {sender}\n        self.set_timer(f\"miss {sender}\", self.patience)", "self.alive |= {sender}\n        self.set_timer(\"miss \" + sender, self.patience)"), "It follows the lowest name"),
        (COUNTS_BEATS, "It follows the lowest name"),
    ],
}  # fmt: skip
