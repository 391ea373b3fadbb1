"""Paxos with one rule taken away, and Paxos written another way: what a check must tell apart.

`MUTANTS` are wrong, M1 to M13. Each lacks one rule, and each says in which smallest setting that
shows and in which one, a ballot or a crash smaller, it does not: with three acceptors, as all of
them are built here. `RIGHT` are correct though unlike ours: a check that rejects one of them is wrong
itself.

    mutant = find_variant("M1")
    explore(mutant.make(mutant.smallest), faults=mutant.smallest.faults)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from paxos_lab.node import LabError, Node, stable, volatile
from paxos_lab.paxos import (
    Accept,
    Accepted,
    Acceptor,
    Ballot,
    Flexible,
    Learner,
    Prepare,
    Promise,
    Proposal,
    Proposer,
    single_decree,
    value_to_propose,
)
from paxos_lab.paxos.quorums import names_of
from paxos_lab.verify.explorer.choices import Faults

# ---- what is the same for all of them


class Setting(NamedTuple):
    """`values` proposers, each with its own value, open `ballots` ballots; `crashes` of acceptors.

    A ballot more than there are proposers is one that a timeout opens.
    """

    ballots: int
    values: int
    crashes: int = 0

    @property
    def faults(self) -> Faults:
        """What `explore` may let happen."""
        return Faults(self.crashes, max(0, self.ballots - self.values), who=names_of(3))

    def __str__(self) -> str:
        parts = [_count(self.ballots, "ballot")]
        if self.values != self.ballots:
            parts.append(_count(self.values, "value"))
        if self.crashes:
            parts.append(_count(self.crashes, "crash"))
        return ", ".join(parts)


@dataclass(frozen=True)
class Variant:
    """A way to write Paxos with 3 acceptors: a wrong one (not `safe`) or a right one.

    `rule`: what is different. `build(values)`: fresh nodes. Of a wrong one, `smallest` is the
    setting that shows it, `below` one that is smaller by a ballot, a value or a crash and safe, and
    `breaks` the first invariant of the proof that breaks on the way.
    """

    id: str
    rule: str
    build: Callable[[list[str]], list[Node]]
    smallest: Setting | None = None
    below: Setting | None = None
    breaks: str = ""

    @property
    def safe(self) -> bool:
        """True if it keeps agreement in every setting."""
        return self.smallest is None

    def make(self, setting: Setting | int) -> list[Node]:
        """Fresh nodes; a number n stands for n proposers, which open one ballot each."""
        return self.build(list("xyzuvw")[: setting if isinstance(setting, int) else setting.values])


class ProposerInParts(Proposer):
    """Our proposer; how it picks the value and whom it asks for votes can be replaced one by one."""

    def pick(self) -> Any:
        """The value for this ballot, once a quorum has promised."""
        return value_to_propose(self.promises.values(), self.value)

    def voters_to_ask(self) -> list[str]:
        """Those who get the Accept."""
        return list(self.acceptors)

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Promise(ballot, accepted) if ballot == self.ballot and self.proposal is None:
                self.promises[sender] = accepted
                if self.quorums.is_quorum(self.promises, phase=1):
                    self.proposal = Proposal(ballot, self.pick())
                    self.send(self.voters_to_ask(), Accept(ballot, self.proposal.value))
            case _:
                super().receive(sender, message)


# ---- wrong: one rule is gone


class IgnoresReports(ProposerInParts):
    """M1. The proposer ignores the values reported in promises."""

    def pick(self) -> Any:
        return self.value


class AcceptsBelowItsPromise(Acceptor):
    """M2. The acceptor accepts a ballot although it promised a higher one."""

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Accept(ballot, value) if ballot < self.promised:
                self.accepted = Proposal(ballot, value)
                self.send([sender, *self.learners], Accepted(ballot, value))
            case _:
                super().receive(sender, message)


@dataclass
class ForgetsItsPromise(Acceptor):
    """M3. The acceptor has its promise in memory only, so a restart loses it."""

    promised: Ballot = volatile(Ballot.ZERO)


@dataclass
class ForgetsEverything(Acceptor):
    """M4. The acceptor writes nothing to disk, so a restart makes it a blank one."""

    promised: Ballot = volatile(Ballot.ZERO)
    accepted: Proposal | None = volatile(None)


class SharesItsBallot(Proposer):
    """M7. The proposers leave their name out of the ballot, so two of them use the same one.

    It breaks since our acceptor answers an equal prepare again, as it must if answers may be lost. With
    one that answers only a greater prepare (C7), two proposers cannot both get a quorum of promises.
    """

    def prepare(self) -> None:
        self.round += 1
        self.ballot = Ballot(self.round, "p")
        self.promises, self.proposal, self.voters = {}, None, frozenset()
        self.send(self.acceptors, Prepare(self.ballot))
        self.set_timer("retry", self.patience)


class CountsOldPromises(Proposer):
    """M8. The proposer counts promises for its older ballots as if they were for this one."""

    def receive(self, sender: str, message: Any) -> None:
        if isinstance(message, Promise):
            message = Promise(self.ballot, message.accepted)
        super().receive(sender, message)


class AdoptsTheLowest(ProposerInParts):
    """M9. The proposer adopts the value of the lowest ballot reported instead of the highest."""

    def pick(self) -> Any:
        votes = [vote for vote in self.promises.values() if vote is not None]
        return min(votes, key=lambda vote: vote.ballot).value if votes else self.value


class AdoptsTheMostCommon(ProposerInParts):
    """M10. The proposer adopts the value that most reports name, in a tie any of them."""

    def pick(self) -> Any:
        values = sorted(vote.value for vote in self.promises.values() if vote is not None)
        return max(values, key=values.count) if values else self.value


class AcceptsWithoutPromising(Acceptor):
    """M11. The acceptor does not raise its promise when it accepts a higher ballot."""

    def receive(self, sender: str, message: Any) -> None:
        promised = self.promised
        super().receive(sender, message)
        if isinstance(message, Accept):
            self.promised = promised


class MixesBallots(Learner):
    """M12. The learner counts equal values as votes for one thing, whatever their ballots."""

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Accepted(_, value):
                super().receive(sender, Accepted(Ballot.ZERO, value))


class SkipsPhase1(Proposer):
    """M13. Every proposer skips phase 1 in its first ballot: "my lease says that I lead"."""

    def start(self) -> None:
        self.round += 1
        self.ballot = Ballot(self.round, self.name)
        self.proposal = Proposal(self.ballot, self.value)
        self.send(self.acceptors, Accept(self.ballot, self.value))
        self.set_timer("retry", self.patience)


MUTANTS: tuple[Variant, ...] = (
    Variant(
        "M1", "the proposer ignores the values reported in promises",
        partial(single_decree, proposer=IgnoresReports),
        Setting(2, 2), Setting(1, 1), "backed_by_promises",
    ),
    Variant(
        "M2", "the acceptor accepts below its promise",
        partial(single_decree, acceptor=AcceptsBelowItsPromise),
        Setting(2, 2), Setting(1, 1), "promises_kept",
    ),
    Variant(
        "M3", "the acceptor forgets its promise at a restart",
        partial(single_decree, acceptor=ForgetsItsPromise),
        Setting(2, 2, 1), Setting(2, 2), "promises_kept",
    ),
    Variant(
        "M4", "the acceptor forgets everything at a restart",
        partial(single_decree, acceptor=ForgetsEverything),
        Setting(2, 2, 1), Setting(2, 2), "promises_kept",
    ),
    Variant(
        "M5", "one promise of 3 is enough for phase 1",
        partial(single_decree, quorums=Flexible(1, 2), unsafe=True),
        Setting(2, 2), Setting(1, 1), "quorums_meet",
    ),
    Variant(
        "M6", "one vote of 3 is enough for phase 2, while phase 1 takes 2 promises",
        partial(single_decree, quorums=Flexible(2, 1), unsafe=True),
        Setting(2, 2), Setting(1, 1), "quorums_meet",
    ),
    Variant(
        "M7", "two proposers share a ballot",
        partial(single_decree, proposer=SharesItsBallot),
        Setting(1, 2), Setting(1, 1), "one_value_per_ballot",
    ),
    Variant(
        "M8", "promises for an older ballot are counted",
        partial(single_decree, proposer=CountsOldPromises),
        Setting(3, 2), Setting(2, 2), "backed_by_promises",
    ),
    Variant(
        "M9", "the proposer adopts the value of the lowest reported ballot",
        partial(single_decree, proposer=AdoptsTheLowest),
        Setting(3, 3), Setting(2, 2), "backed_by_promises",
    ),
    Variant(
        "M10", "the proposer adopts the most common reported value, in a tie any",
        partial(single_decree, proposer=AdoptsTheMostCommon),
        Setting(3, 3), Setting(2, 2), "backed_by_promises",
    ),
    Variant(
        "M11", "accepting does not raise the promise",
        partial(single_decree, acceptor=AcceptsWithoutPromising),
        Setting(3, 3), Setting(2, 2), "promises_kept",
    ),
    Variant(
        "M12", "the learner counts equal values across ballots",
        partial(single_decree, learner=MixesBallots),
        Setting(4, 4), Setting(3, 3), "learned_is_chosen",
    ),
    Variant(
        "M13", "two ballots skip phase 1",
        partial(single_decree, proposer=SkipsPhase1),
        Setting(2, 2), Setting(1, 1), "backed_by_promises",
    ),
)  # fmt: skip
"""The wrong ones, M1 to M13."""


# ---- right, though unlike ours


class AcceptsOnlyWhatItPromised(Acceptor):
    """C1. The acceptor accepts a ballot only if that is exactly the one it promised; less live."""

    def receive(self, sender: str, message: Any) -> None:
        if not isinstance(message, Accept) or message.ballot <= self.promised:
            super().receive(sender, message)


@dataclass
class KeepsItsHistory(AcceptsWithoutPromising):
    """C3. The acceptor keeps all its votes and reports the highest, which is what M11 lacks."""

    votes: frozenset[Proposal] = stable(frozenset())

    def receive(self, sender: str, message: Any) -> None:
        super().receive(sender, message)
        if self.accepted is not None:
            self.votes |= {self.accepted}
            self.accepted = max(self.votes, key=lambda vote: vote.ballot)


class FirstOwnerSkipsPhase1(SkipsPhase1):
    """C4. Only the owner of the lowest ballot of all, p1, skips phase 1: below it there is nothing."""

    def start(self) -> None:
        if self.name == "p1":
            super().start()
        else:
            self.prepare()


class RefusesInSilence(Acceptor):
    """The acceptor sends no nacks at all."""

    def receive(self, sender: str, message: Any) -> None:
        if message.ballot >= self.promised:
            super().receive(sender, message)


@dataclass(frozen=True)
class Refused:
    """Acceptor to proposer: "not this ballot", and not a word about what it promised."""

    ballot: Ballot

    def __str__(self) -> str:
        return f"Refused({self.ballot})"


class KeepsItsPromiseToItself(Acceptor):
    """The acceptor sends nacks that do not name the ballot it promised."""

    def receive(self, sender: str, message: Any) -> None:
        if message.ballot >= self.promised:
            super().receive(sender, message)
        else:
            self.send(sender, Refused(message.ballot))


class TriesAgainWhenRefused(Proposer):
    """The proposer opens its next ballot soon after such a nack; it cannot jump above the rival."""

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Refused(ballot) if ballot == self.ballot and self.learned is None:
                self.set_timer("retry", self.pause())
            case _:
                super().receive(sender, message)


class PromisesOnce(Acceptor):
    """The acceptor does not answer a prepare that comes a second time."""

    def receive(self, sender: str, message: Any) -> None:
        if not isinstance(message, Prepare) or message.ballot != self.promised:
            super().receive(sender, message)


@dataclass(frozen=True)
class Chosen:
    """Proposer to learners: "this value is chosen"."""

    value: Any

    def __str__(self) -> str:
        return f"Chosen({self.value})"


class AnswersOnlyTheProposer(Acceptor):
    """The acceptor leaves it to the proposer to tell the learners."""

    def __post_init__(self) -> None:
        self.learners = ()


@dataclass
class TellsTheLearners(Proposer):
    """The proposer counts the votes and tells the `learners` what is chosen."""

    learners: tuple[str, ...] = ("l1",)

    def receive(self, sender: str, message: Any) -> None:
        super().receive(sender, message)
        if isinstance(message, Accepted) and self.learned is not None:
            self.send(self.learners, Chosen(self.learned))


class BelievesTheProposer(Learner):
    """The learner takes the word of a proposer and counts nothing."""

    def receive(self, sender: str, message: Any) -> None:
        match message:
            case Chosen(value):
                self.learned = value


class AsksAQuorum(ProposerInParts):
    """The proposer sends Accept only to those who promised."""

    def voters_to_ask(self) -> list[str]:
        return sorted(self.promises)


RIGHT: tuple[Variant, ...] = (
    Variant("C0", "Paxos as it stands in paxos_lab.paxos", single_decree),
    Variant(
        "C1", "the acceptor accepts only the ballot that it promised",
        partial(single_decree, acceptor=AcceptsOnlyWhatItPromised),
    ),
    Variant(
        "C2", "phase 1 takes 3 promises of 3, phase 2 takes 1 vote",
        partial(single_decree, quorums=Flexible(3, 1)),
    ),
    Variant(
        "C3", "accepting does not raise the promise, but all votes are kept and the highest is reported",
        partial(single_decree, acceptor=KeepsItsHistory),
    ),
    Variant(
        "C4", "the owner of the lowest ballot of all skips phase 1 there",
        partial(single_decree, proposer=FirstOwnerSkipsPhase1),
    ),
    Variant("C5", "no nacks", partial(single_decree, acceptor=RefusesInSilence)),
    Variant(
        "C6", "nacks that do not name the promised ballot",
        partial(single_decree, acceptor=KeepsItsPromiseToItself, proposer=TriesAgainWhenRefused),
    ),
    Variant(
        "C7", "a prepare that comes twice is answered once",
        partial(single_decree, acceptor=PromisesOnce),
    ),
    Variant(
        "C8", "learners hear from the proposer, not from the acceptors",
        partial(
            single_decree,
            acceptor=AnswersOnlyTheProposer, proposer=TellsTheLearners, learner=BelievesTheProposer,
        ),
    ),
    Variant(
        "C9", "Accept goes only to those who promised",
        partial(single_decree, proposer=AsksAQuorum),
    ),
)  # fmt: skip
"""The right ones: C0 is ours, C1 to C4 are well known, the others are matters of taste."""


def find_variant(id: str) -> Variant:
    """The mutant or right variant of that name; raises `LabError` with the names there are."""
    variants = {variant.id: variant for variant in MUTANTS + RIGHT}
    if id not in variants:
        raise LabError(f"no variant is called {id!r}; there are {', '.join(variants)}")
    return variants[id]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{'es' if noun == 'crash' else 's'}"
