"""The tasks of exercises 03 and 04: wrong ones rejected for the right reason, right ones accepted."""

import pytest
from checking import cell

from paxos_lab.paxos import Acceptor, Learner, Proposer, value_to_propose
from paxos_lab.teach import check
from paxos_lab.verify.wrong.single_decree import find_variant

IMPORTS = """
from dataclasses import dataclass
from typing import Any
from paxos_lab import *
from paxos_lab.paxos import *
from paxos_lab.paxos.proposer import Proposer as OurProposer
from paxos_lab.paxos.learner import Learner as OurLearner
"""


def named(name, source):
    return cell(source, IMPORTS)[name]


# ---- the acceptor

PHASE_1 = """
@dataclass
class Acceptor(Node):
    learners: tuple = ()
    promised: Ballot = {field}(Ballot.ZERO)

    def receive(self, sender, message):
        match message:
            case Prepare(ballot){guard}:
                {body}
"""


def phase_1(
    body="self.promised = ballot; self.send(sender, Promise(ballot, None))",
    guard=" if ballot >= self.promised",
    field="stable",
):
    return named("Acceptor", PHASE_1.format(field=field, guard=guard, body=body))


@pytest.mark.parametrize(
    ("role", "headline"),
    [
        (phase_1(guard=""), "It promised ballot 2.p2, and now it promises 1.p1, which is lower"),
        (phase_1(guard=" if ballot <= self.promised"), "It did not promise the first prepare"),
        (phase_1(field="volatile"), "crashed, restarted, and promised 1.p1: the promise was not on disk"),
        (phase_1("self.send(sender, Promise(ballot, None))"), "now it promises 1.p1"),
        (
            phase_1("self.promised = ballot; self.send(sender, Promise(self.promised, 'none'))"),
            "reports 'none'",
        ),
        (
            phase_1("self.promised = ballot; self.send(sender, Promise(Ballot.ZERO, None))"),
            "it promised 0 to p2",
        ),
        (phase_1("self.promised = ballot; self.send('l1', Promise(ballot, None))"), "it promised 2.p2 to l1"),
        (phase_1("self.promised = ballot"), "It did not promise the first prepare"),
        (phase_1(guard=" if ballot.round > self.promised.round"), "It did not promise ballot"),
    ],
)
def test_a_wrong_phase_1_is_rejected(role, headline):
    answer = check("acceptor.promise", role)
    assert not answer.passed and headline in answer.headline, answer
    assert answer.run is not None or "reports" in headline


def test_right_phase_1_is_accepted():
    for role in (
        phase_1(),
        phase_1(guard=" if ballot > self.promised"),  # silent on a duplicate
        named("Acceptor", "class Acceptor(OurAcceptor): pass".replace("OurAcceptor", "Acceptor")),
    ):
        assert check("acceptor.promise", role).passed


@pytest.mark.parametrize(
    ("given", "headline"),
    [
        ({1: False, 2: True, 3: True, 4: True, 5: True}, "Line 4 is not True"),
        ({1: True, 2: True, 3: True, 4: False, 5: True}, "Line 1 is not True"),
        ({1: False, 2: False, 3: True, 4: False, 5: True}, "Line 2 is not False"),
        ({1: False, 2: True, 3: False, 4: False, 5: True}, "Line 3 is not False"),
        ({1: False, 2: True, 3: True, 4: False, 5: "yes"}, "Line 5 says 'yes'"),
        ({1: False}, "an entry for each line"),
        ({...}, "still a `...`"),
    ],
)
def test_a_wrong_table_is_rejected(given, headline):
    answer = check("promise.table", given)
    assert not answer.passed and headline in answer.headline


def test_the_right_table_is_accepted_in_any_order():
    right = {1: False, 2: True, 3: True, 4: False, 5: True}
    assert check("promise.table", right).passed
    assert check("promise.table", dict(reversed(right.items()))).passed


@pytest.mark.parametrize(
    ("id", "headline"),
    [
        ("M2", "then accepted something in ballot 1.p1, which is lower"),
        ("M3", "An acceptor broke its promise"),
        ("M4", "crashed, restarted, and no longer reports the vote"),
        ("M11", "An acceptor left out a vote"),
    ],
)
def test_the_mutants_of_the_acceptor_are_rejected(id, headline):
    mutant = find_variant(id)
    role = next(type(n) for n in mutant.make(mutant.smallest) if n.name == "a1")
    answer = check("acceptor.accept", role)
    assert not answer.passed and headline in answer.headline
    assert answer.run is not None and len(answer.run.trace) > 3


WHOLE = """
@dataclass
class Acceptor(Node):
    learners: tuple = ()
    promised: Ballot = stable(Ballot.ZERO)
    accepted: Proposal | None = stable(None)

    def receive(self, sender, message):
        match message:
            case Prepare(ballot) if ballot >= self.promised:
                {promise}
            case Accept(ballot, value) if ballot >= self.promised:
                {vote}
"""
PROMISE = "self.promised = ballot; self.send(sender, Promise(ballot, self.accepted))"
VOTE = (
    "self.promised = ballot; self.accepted = Proposal(ballot, value); "
    "self.send([sender, *self.learners], Accepted(ballot, value))"
)


@pytest.mark.parametrize(
    ("promise", "vote", "headline"),
    [
        (PROMISE.replace("self.accepted)", "None)"), VOTE, "without reporting that vote"),
        (PROMISE, VOTE.replace("[sender, *self.learners]", "sender"), "l1 did not hear of the vote"),
        (PROMISE, VOTE.replace("[sender, *self.learners]", "self.learners"), "did not tell p1"),
        (PROMISE, VOTE.replace("Proposal(ballot, value)", "value", 1), "reports a Proposal or None"),
        (PROMISE, VOTE.replace("self.accepted = Proposal(ballot, value); ", ""), "without reporting that vote"),
        (PROMISE, "if self.accepted is None: " + VOTE, "now refuses to vote for coffee"),
    ],
)  # fmt: skip
def test_wrong_acceptors_are_rejected(promise, vote, headline):
    answer = check("acceptor.accept", named("Acceptor", WHOLE.format(promise=promise, vote=vote)))
    assert not answer.passed and headline in answer.headline, answer


@pytest.mark.thorough  # the table of verdicts has some of each
def test_right_acceptors_are_accepted():
    assert check("acceptor.accept", named("Acceptor", WHOLE.format(promise=PROMISE, vote=VOTE))).passed
    silent = next(type(n) for n in find_variant("C5").make(2) if n.name == "a1")
    answer = check("acceptor.accept", silent)
    assert answer.passed, answer


@pytest.mark.thorough
def test_who_remembers_too_much_for_a_search_is_told_how_far_it_came():
    role = next(type(n) for n in find_variant("C3").make(2) if n.name == "a1")
    answer = check("acceptor.accept", role)
    assert answer.passed and "3 ballots: 4,000 states, not every schedule" in answer.headline
    assert "one acceptor, 3 ballots in every order, 1 crash: 646 situations" in answer.headline


# ---- the value

PICKS = {
    "return own": "From the reports (tea in 1.p1, no vote)",
    "return reports[0].value if reports[0] else own": "the highest ballot reported",
    "return max((r for r in reports if r), key=lambda r: r.ballot, default=own)": "a whole Proposal",
    "return min((r for r in reports if r), key=lambda r: r.ballot, default=Proposal(Ballot.ZERO, own)).value": "highest ballot",
    "votes = [r.value for r in reports if r]; return max(votes, key=votes.count) if votes else own": "2.p2 is the highest ballot reported",
    "votes = [r for r in reports if r]; return max(votes, key=lambda r: r.ballot.round).value if votes else own": "the name decides",
    "votes = [r for r in reports if r and r.value]; return max(votes, key=lambda r: r.ballot).value if votes else own": "a value may be 0",
    "return max(reports, key=lambda r: r.ballot).value": "raised AttributeError",
}  # fmt: skip


@pytest.mark.parametrize(("body", "said"), PICKS.items())
def test_wrong_choices_of_a_value_are_rejected(body, said):
    answer = check("proposer.value", named("pick", f"def pick(reports, own):\n    {body}"))
    assert not answer.passed and said in str(answer), answer


def test_right_choices_of_a_value_are_accepted():
    loop = """
        def pick(reports, own):
            best = None
            for report in reports:
                if report is not None and (best is None or report.ballot > best.ballot):
                    best = report
            return own if best is None else best.value
        """
    assert check("proposer.value", named("pick", loop)).passed
    assert check("proposer.value", value_to_propose).passed


# ---- the proposer


def proposer(body):
    return named("Mine", f"@dataclass\nclass Mine(OurProposer):\n{body}")


FORGETFUL = "    round: int = volatile(0)\n"
SAME_BALLOT = """
    def prepare(self):
        self.round = 0
        super().prepare()
"""
IMPATIENT = """
    def set_timer(self, timer, delay):
        pass
"""
DEAF = """
    def receive(self, sender, message):
        match message:
            case Accepted():
                pass
            case _:
                super().receive(sender, message)
"""
COUNTS_MESSAGES = """
    heard: int = 0

    def prepare(self):
        self.heard = 0
        super().prepare()

    def receive(self, sender, message):
        match message:
            case Promise(ballot, accepted) if ballot == self.ballot and self.proposal is None:
                self.heard += 1
                if self.heard >= 2:
                    self.proposal = Proposal(ballot, value_to_propose([accepted], self.value))
                    self.send(self.acceptors, Accept(ballot, self.proposal.value))
            case _:
                super().receive(sender, message)
"""


def of_mutant(id):
    mutant = find_variant(id)
    return next(type(n) for n in mutant.make(mutant.smallest) if n.name == "p1")


@pytest.mark.parametrize(
    ("role", "headline"),
    [
        (of_mutant("M1"), "a1 reported a vote for coffee, and it asks for tea"),
        (of_mutant("M8"), "took promises for ballot"),
        (of_mutant("M9"), "A value was asked for that the promises do not allow"),
        (of_mutant("M10"), "A value was asked for that the promises do not allow"),
        (proposer(FORGETFUL), "crashed, restarted, and used ballot"),
        (proposer(SAME_BALLOT), "After its timer rang it used ballot 1.p1 again"),
        (proposer(IMPATIENT), "It sets no timer"),
        (proposer(DEAF), ""),
        (proposer(COUNTS_MESSAGES), "after the promise of a1 alone"),
        (proposer("    def start(self):\n        pass"), "At the start it sent no Prepare"),
    ],
)
def test_wrong_proposers_are_rejected(role, headline):
    answer = check("proposer.phases", role)
    if not headline:  # it never learns itself, but the value is chosen: the learner hears the acceptors
        assert answer.passed
        return
    assert not answer.passed and headline in answer.headline, answer
    assert answer.run is not None


@pytest.mark.thorough
def test_right_proposers_are_accepted():
    eager = next(type(n) for n in find_variant("C6").make(2) if n.name == "p1")
    for role in (Proposer, eager):
        answer = check("proposer.phases", role)
        assert answer.passed, (role, answer)


# ---- the learner

LEARNER = """
@dataclass
class Mine(Node):
    quorums: Any
    votes: dict = volatile({{}})
    learned: Any = None

    def receive(self, sender, message):
        match message:
            case Accepted(ballot, value):
                {body}
"""
COUNTERS = {
    "self.learned = value": "after two messages, but both are the vote of a1",
    "self.votes[value] = self.votes.get(value, ()) + (sender,)\n                if len(self.votes[value]) >= 2: self.learned = value": "both are the vote of a1",
    "self.votes[value] = self.votes.get(value, frozenset()) | {sender}\n                if self.quorums.is_quorum(self.votes[value], 2): self.learned = value": "one vote in ballot 1.p1 and one in ballot 2.p2",
    "self.votes[sender] = value\n                if len(self.votes) >= 2: self.learned = value": "two votes for different values",
    "p = ballot, value; self.votes[p] = self.votes.get(p, frozenset()) | {sender}\n                if len(self.votes[p]) >= 2: self.learned = value": "its quorums ask for three",
    "p = ballot, value; self.votes[p] = self.votes.get(p, frozenset()) | {sender}\n                if len(self.votes[p]) >= 3: self.learned = value": "it should learn 'tea'",
    "p = ballot, value; self.votes[p] = self.votes.get(p, frozenset()) | {sender}\n                if value and self.quorums.is_quorum(self.votes[p], 2): self.learned = value": "it should learn 0",
    "pass": "it should learn 'tea'",
}  # fmt: skip


@pytest.mark.parametrize(("body", "headline"), COUNTERS.items())
def test_wrong_learners_are_rejected(body, headline):
    answer = check("learner.count", named("Mine", LEARNER.format(body=body)))
    assert not answer.passed and headline in answer.headline, answer


def test_right_learners_are_accepted():
    by_ballot = (
        "p = ballot, value; self.votes[p] = self.votes.get(p, frozenset()) | {sender}\n"
        "                if self.quorums.is_quorum(self.votes[p], 2): self.learned = value"
    )
    last_vote = (
        "self.votes[sender] = max(self.votes.get(sender, (Ballot.ZERO, None)), (ballot, value), key=lambda v: v[0])\n"
        "                same = [n for n, v in self.votes.items() if v[0] == ballot]\n"
        "                if self.quorums.is_quorum(same, 2): self.learned = value"
    )
    for role in (Learner, named("Mine", LEARNER.format(body=by_ballot))):
        assert check("learner.count", role).passed
    # Keeps only the highest vote of each: safe, and it learns whatever is chosen last.
    assert check("learner.count", named("Mine", LEARNER.format(body=last_vote))).passed


# ---- the whole


@pytest.mark.parametrize("wrong", ["acceptor", "proposer", "learner"])
def test_one_wrong_part_spoils_the_whole(wrong):
    roles = {"acceptor": Acceptor, "proposer": Proposer, "learner": Learner}
    roles[wrong] = {
        "acceptor": of_acceptor("M2"),
        "proposer": of_mutant("M1"),
        "learner": named("Mine", LEARNER.format(body="self.learned = value")),
    }[wrong]
    answer = check("paxos.whole", *roles.values())
    assert not answer.passed and answer.run is not None


def of_acceptor(id):
    mutant = find_variant(id)
    return next(type(n) for n in mutant.make(mutant.smallest) if n.name == "a1")


def test_parts_that_do_not_fit_and_parts_that_do_nothing():
    assert "I expected the class Learner" in check("paxos.whole", Acceptor, Proposer, 3).headline
    idle = named("Mine", LEARNER.format(body="pass"))
    assert "nothing gets chosen" in check("paxos.whole", Acceptor, Proposer, idle).headline
    assert not check("paxos.whole", Learner, Proposer, Acceptor).passed


@pytest.mark.thorough
def test_the_right_whole_is_accepted():
    assert check("paxos.whole", Acceptor, Proposer, Learner).passed
    assert check(
        "paxos.whole", named("Acceptor", WHOLE.format(promise=PROMISE, vote=VOTE)), Proposer, Learner
    ).passed
