"""Safety, termination and determinism over thousands of seeded runs with every fault at once.

Each check is itself checked: the same seeds must convict roles in which one rule is missing.
"""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from paxos_lab import MessageBus, by_time, seeded, volatile
from paxos_lab.paxos import (
    Accept,
    Accepted,
    Acceptor,
    Ballot,
    Flexible,
    Grid,
    Learner,
    Promise,
    Proposal,
    Proposer,
    Weighted,
    chosen,
    single_decree,
)

RUNS = 200

SETTINGS = {
    "1 proposer, 3 acceptors": {"values": ["x"], "acceptors": 3},
    "2 proposers, 3 acceptors": {"values": ["x", "y"], "acceptors": 3},
    "3 proposers, 5 acceptors": {"values": ["x", "y", "z"], "acceptors": 5, "learners": 2},
    "2 proposers, 4 acceptors": {"values": ["x", "y"], "acceptors": 4},
    "2 proposers, 1 acceptor": {"values": ["x", "y"], "acceptors": 1},
    "2 proposers, 2 acceptors, no learner": {"values": ["x", "y"], "acceptors": 2, "learners": 0},
    "flexible, 3 of 4 and 2 of 4": {"values": ["x", "y"], "acceptors": 4, "quorums": Flexible(3, 2)},
    "flexible, 3 of 3 and 1 of 3": {"values": ["x", "y"], "acceptors": 3, "quorums": Flexible(3, 1)},
    "a grid of 2 x 2": {
        "values": ["x", "y"],
        "acceptors": 4,
        "quorums": Grid([["a1", "a2"], ["a3", "a4"]]),
    },
    "weights 2, 1, 1, 1": {
        "values": ["x", "y", "z"],
        "acceptors": 4,
        "quorums": Weighted({"a1": 2, "a2": 1, "a3": 1, "a4": 1}),
    },
}


def run(seed, setting, steps=150, **roles):
    """One run with every fault at once."""
    nodes = single_decree(**setting, **roles)
    bus = MessageBus(nodes, seed=seed, checked=False)
    bus.run(seeded(seed, faults=(0.1, 0.2, 0.35)[seed % 3]), max_steps=steps)
    return bus


def what_broke(bus, values):
    """None, or a sentence: what was asked for, chosen and ever learned must be one story."""
    quorums = bus["p1"].quorums
    sent = bus.trace.sent
    winners = {proposal.value for proposal in chosen(sent, quorums)}
    if len(winners) > 1:
        return f"two values are chosen: {sorted(winners)}"
    if not winners <= set(values):
        return f"nobody proposed what is chosen: {winners}"
    asked = {(m.ballot, m.value) for _, m in sent if isinstance(m, Accept)}
    if len(asked) > len({ballot for ballot, _ in asked}):
        return f"one ballot, two values: {sorted(asked)}"
    for step in bus.trace:
        _, learned = step.changed.get("learned", (None, None))
        if learned is not None and learned not in winners:
            return f"{step.node} learned {learned} in step {step.step}, chosen is {winners or 'nothing'}"
    return None


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS.keys())
def test_agreement_and_validity_hold_with_every_fault_at_once(setting):
    happened, learned = Counter(), 0
    for seed in range(RUNS):
        bus = run(seed, setting)
        assert what_broke(bus, setting["values"]) is None, f"seed {seed}"
        happened.update(type(step.event).__name__ for step in bus.trace)
        happened["Crash during"] += sum(bool(getattr(s.event, "during", None)) for s in bus.trace)
        happened["one way"] += sum(getattr(s.event, "one_way", False) for s in bus.trace)
        learned += any("learned" in step.changed for step in bus.trace)
    # None of this says anything if nothing happened.
    kinds = ["Deliver", "Drop", "Duplicate", "Timeout", "Crash", "Restart", "Partition", "Heal"]
    assert min(happened[kind] for kind in [*kinds, "Crash during", "one way"]) > RUNS / 10, happened
    assert learned > RUNS / 20


# ---- the same seeds find what is wrong


@dataclass
class AcceptsBelowItsPromise(Acceptor):
    def receive(self, sender, message):
        match message:
            case Accept(ballot, value):
                self.accepted = Proposal(ballot, value)
                self.send([sender, *self.learners], Accepted(ballot, value))
            case _:
                super().receive(sender, message)


@dataclass
class ForgetsItsPromise(Acceptor):
    promised: Ballot = volatile(Ballot.ZERO)


@dataclass
class ForgetsItsVote(Acceptor):
    accepted: Proposal | None = volatile(None)


@dataclass
class VotesInSilence(Acceptor):
    """Reports nothing of what it voted for."""

    def receive(self, sender, message):
        vote, self.accepted = self.accepted, None
        super().receive(sender, message)
        self.accepted = self.accepted or vote


@dataclass
class IgnoresReports(Proposer):
    def receive(self, sender, message):
        match message:
            case Promise(ballot, _):
                message = Promise(ballot, None)
        super().receive(sender, message)


@dataclass
class AdoptsTheLowest(Proposer):
    """Hides every report but the lowest, so that it is the one adopted."""

    def receive(self, sender, message):
        match message:
            case Promise(ballot, Proposal() as vote):
                votes = [p for p in self.promises.values() if p is not None and p.ballot <= vote.ballot]
                self.promises = {
                    a: None if p and p.ballot > vote.ballot else p for a, p in self.promises.items()
                }
                message = Promise(ballot, None if votes else vote)
        super().receive(sender, message)


@dataclass
class CountsOldPromises(Proposer):
    def receive(self, sender, message):
        match message:
            case Promise(ballot, vote) if ballot.proposer == self.name:
                message = Promise(self.ballot, vote)
        super().receive(sender, message)


@dataclass
class ReusesBallots(Proposer):
    """Sent before it wrote: after a crash it has the ballot again, and has changed its mind."""

    def recover(self):
        self.round, self.value = max(self.round - 1, 0), "y"
        super().recover()


@dataclass
class CountsAnswersNotAcceptors(Proposer):
    """Takes two promises for a quorum, whoever sent them."""

    answers: int = 0

    def prepare(self):
        self.answers = 0
        super().prepare()

    def receive(self, sender, message):
        match message:
            case Promise(ballot, _) if ballot == self.ballot and self.proposal is None:
                self.answers += 1
                if self.answers == 2:
                    self.promises = dict.fromkeys(self.acceptors) | self.promises
        super().receive(sender, message)


@dataclass
class MixesBallots(Learner):
    def receive(self, sender, message):
        match message:
            case Accepted(_, value):
                super().receive(sender, Accepted(Ballot.ZERO, value))


@dataclass
class BelievesTheFirstVote(Learner):
    def receive(self, sender, message):
        self.learned = self.learned or message.value


RIVALS = {"values": ["x", "y", "z"], "acceptors": 3}
BREAKS = [
    ({"acceptor": AcceptsBelowItsPromise}, RIVALS),
    ({"acceptor": ForgetsItsPromise}, RIVALS),
    ({"acceptor": ForgetsItsVote}, RIVALS),
    ({"acceptor": VotesInSilence}, RIVALS),
    ({"proposer": IgnoresReports}, RIVALS),
    ({"proposer": AdoptsTheLowest}, RIVALS),
    ({"proposer": CountsOldPromises}, RIVALS),
    ({"proposer": ReusesBallots}, {"values": ["x"], "acceptors": 1}),
    ({"proposer": CountsAnswersNotAcceptors}, RIVALS),
    ({"learner": MixesBallots}, RIVALS),
    ({"learner": BelievesTheFirstVote}, RIVALS),
    ({"unsafe": True}, RIVALS | {"quorums": Flexible(1, 2)}),
    ({"unsafe": True}, RIVALS | {"quorums": Flexible(2, 1)}),
]


def named(roles):
    return getattr(next(iter(roles.values())), "__name__", "quorums miss")


@pytest.mark.parametrize(("roles", "setting"), BREAKS, ids=[named(roles) for roles, _ in BREAKS])
def test_a_broken_rule_is_found(roles, setting):
    assert any(what_broke(run(seed, setting, **roles), RIVALS["values"]) for seed in range(RUNS))


# ---- termination, as far as it can be had: once the network is merely bad


def learns_within(setting, seed, steps, **roles):
    """True if every proposer learns while messages are lost and doubled."""
    bus = MessageBus(
        single_decree(**setting, **roles), seed=seed, loss=0.2, duplicate=0.1, traced=False, checked=False
    )
    proposers = [node for node in bus if isinstance(node, Proposer)]
    bus.run(by_time(), lambda bus: all(p.learned is not None for p in proposers), steps)
    return all(p.learned is not None for p in proposers)


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS.keys())
def test_every_proposer_learns_in_spite_of_loss_and_copies(setting):
    assert [seed for seed in range(60) if not learns_within(setting, seed, steps=2000)] == []


@dataclass
class GivesUp(Proposer):
    """Takes a nack for the last word."""

    def timeout(self, timer):
        pass


@dataclass
class NeverAnswersTwice(Acceptor):
    """Takes an accept that comes again for one it has dealt with."""

    def receive(self, sender, message):
        if not isinstance(message, Accept) or self.accepted is None:
            super().receive(sender, message)


@pytest.mark.parametrize("roles", [{"proposer": GivesUp}, {"acceptor": NeverAnswersTwice}], ids=named)
def test_a_stall_is_found(roles):
    assert not all(learns_within(RIVALS, seed, steps=2000, **roles) for seed in range(60))


def test_with_one_proposer_and_a_good_network_everybody_learns_at_once():
    for seed in range(60):
        bus = MessageBus(single_decree(["x"], acceptors=5, learners=2), seed=seed, checked=False)
        # 5 each of prepare, promise, accept; 5 x 3 accepted; one start.
        assert bus.run() == 4 * 5 + 5 * 2
        assert [bus[name].learned for name in ("p1", "l1", "l2")] == ["x", "x", "x"]


# ---- determinism


def digest():
    """All traces of some runs of every kind, in one number."""
    found = hashlib.sha256()
    for seed in range(3):
        for setting in SETTINGS.values():
            found.update(run(seed, setting).trace.to_json().encode())
        bus = MessageBus(single_decree(**RIVALS), seed=seed, loss=0.2, duplicate=0.2)
        bus.run(max_steps=100)
        found.update(bus.trace.to_json().encode())
    return found.hexdigest()


def test_same_seed_same_trace_in_this_process_and_in_others_whatever_their_hash_seed():
    here = digest()
    assert here == digest()
    for hash_seed in ("0", "1", "4321"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", "import test_safety; print(test_safety.digest())"]
        there = subprocess.run(
            command,
            cwd=Path(__file__).parent,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.strip() == here, f"PYTHONHASHSEED={hash_seed}"


def test_another_seed_is_another_trace():
    assert run(1, RIVALS).trace != run(4, RIVALS).trace
