"""What can still be chosen, worked out for any moment of a run.

Two questions are easily mixed up. Which *ballots* are open, so that a quorum may yet vote in them? And
which *values* can be chosen? A value whose ballot is dead may come back, because an acceptor that voted
for it reports it to a new ballot. A value that nobody has asked for may win, as long as a quorum has not
voted. So the values are computed here, by going through what nodes that keep the rules may still do:

- An acceptor may vote in each ballot that is not below its promise.
- A ballot without a value yet gets the value of the highest vote that some quorum reports to it, or
  that of its own proposer if the quorum reports none.
- A new ballot, above all others, can be opened at any time.

Each takes part in ascending order of the ballots, so the choices never stand in each other's way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from paxos_lab.paxos.ballots import Ballot, Proposal
from paxos_lab.paxos.messages import Accept, Accepted, Prepare, Promise
from paxos_lab.paxos.outcome import Sent, chosen, votes
from paxos_lab.paxos.quorums import QuorumSystem

ANY = "any value that is proposed"
"""Stands for the value of a proposer about whom nothing is known."""

_HOW = "By the rules"


class Unsent(NamedTuple):
    """What an acceptor wrote to its disk and did not answer, since it crashed in between: the request."""

    request: Prepare | Accept


@dataclass
class Ways:
    """How one value can still be chosen: in which ballots that are open, and whether in a new one."""

    ballots: tuple[Ballot, ...] = ()
    new: bool = False

    def __str__(self) -> str:
        places = [*map(str, self.ballots), *(["a new ballot"] if self.new else [])]
        return "in " + " or in ".join(places)


@dataclass
class _Seen:
    """What the messages tell of each acceptor and each ballot."""

    promised: dict[str, Ballot] = field(default_factory=dict)
    vote: dict[str, Proposal] = field(default_factory=dict)
    reports: dict[Ballot, dict[str, Proposal | None]] = field(default_factory=dict)
    asked: dict[Ballot, dict[Any, None]] = field(default_factory=dict)

    def promise(self, name: str, ballot: Ballot) -> None:
        self.promised[name] = max(self.promised.get(name, Ballot.ZERO), ballot)

    def cast(self, name: str, vote: Proposal) -> None:
        self.promise(name, vote.ballot)
        if name not in self.vote or self.vote[name].ballot <= vote.ballot:
            self.vote[name] = vote


def still_possible(
    sent: Iterable[Sent], quorums: QuorumSystem, wanted: Mapping[str, Any] | None = None
) -> dict[Any, Ways]:
    """Which values nodes that keep the rules from now on can choose, and how.

    `sent`: (sender, message) of all messages so far, and (acceptor, `Unsent`) where a crash came between
    the disk and the answer. `wanted`: each proposer's own value; left out, `ANY` stands for them.
    The acceptors are taken for what their messages say.
    """
    sent = list(sent)
    seen = _read(sent)
    cast = votes(sent)
    free = dict.fromkeys((ANY,) if wanted is None else wanted.values())
    latest: dict[str, Ballot] = {}
    for ballot in seen.asked:
        latest[ballot.proposer] = max(latest.get(ballot.proposer, Ballot.ZERO), ballot)
    values: dict[Ballot, dict[Any, None]] = {}
    ways: dict[Any, Ways] = {}
    for ballot in sorted(seen.asked):
        values[ballot] = seen.asked[ballot]
        if not values[ballot] and latest[ballot.proposer] == ballot:  # else it was given up
            own = ANY if wanted is None else wanted.get(ballot.proposer, ANY)
            values[ballot] = _proposed(ballot, seen, values, quorums, {own: None})
        for value in values[ballot]:
            voters = cast.get(Proposal(ballot, value), frozenset())
            others = frozenset().union(*(who for p, who in cast.items() if p.ballot == ballot)) - voters
            able = {a for a in quorums.members if seen.promised.get(a, Ballot.ZERO) <= ballot} - others
            if quorums.is_quorum(voters | able, 2):
                way = ways.setdefault(value, Ways())
                way.ballots += (ballot,)
    for value in _proposed(None, seen, values, quorums, free):
        ways.setdefault(value, Ways()).new = True
    return ways


def _read(sent: Iterable[Sent]) -> _Seen:
    seen = _Seen()
    for sender, message in sent:
        match message:
            case Prepare(ballot):
                seen.asked.setdefault(ballot, {})
            case Accept(ballot, value):
                seen.asked.setdefault(ballot, {})[value] = None
            case Promise(ballot, report):
                seen.asked.setdefault(ballot, {})
                seen.reports.setdefault(ballot, {}).setdefault(sender, report)
                seen.promise(sender, ballot)
            case Accepted(ballot, value):
                seen.asked.setdefault(ballot, {})
                seen.cast(sender, Proposal(ballot, value))
            case Unsent(Prepare(ballot)):
                seen.promise(sender, ballot)
            case Unsent(Accept(ballot, value)) if ballot >= seen.promised.get(sender, Ballot.ZERO):
                seen.cast(sender, Proposal(ballot, value))
    return seen


def _proposed(
    ballot: Ballot | None,
    seen: _Seen,
    values: Mapping[Ballot, Mapping[Any, None]],
    quorums: QuorumSystem,
    own: Mapping[Any, None],
) -> dict[Any, None]:
    """The values that a ballot may ask for after a quorum of promises; None is a new one, above all."""
    told = seen.reports.get(ballot, {}) if ballot is not None else {}
    reports: dict[str, Proposal | None] = dict(told)
    for name in quorums.members:
        if name not in told and (ballot is None or seen.promised.get(name, Ballot.ZERO) <= ballot):
            reports[name] = seen.vote.get(name)
    found: dict[Any, None] = {}
    silent = {name for name, report in reports.items() if report is None}
    if quorums.is_quorum(silent, 1):
        found |= own
    for name, report in reports.items():
        maybe = [] if report is None else [report]
        if name not in told:  # it may still vote before it promises
            maybe += [
                Proposal(below, value)
                for below in values
                if seen.promised.get(name, Ballot.ZERO) <= below and (ballot is None or below < ballot)
                for value in values[below]
            ]
        for vote in maybe:
            lower = {n for n, r in reports.items() if r is None or r.ballot <= vote.ballot}
            if vote.value not in found and quorums.is_quorum(lower | {name}, 1):
                found[vote.value] = None
    return found


def could_still_be_chosen(
    sent: Iterable[Sent], quorums: QuorumSystem, wanted: Mapping[str, Any] | None = None
) -> str:
    """One sentence for the reader: what is chosen, or what still could be; see `still_possible`."""
    sent = list(sent)
    winners = {p.value: None for p in chosen(sent, quorums)}
    if len(winners) > 1:
        return f"BROKEN: {' and '.join(map(str, winners))} are both chosen."
    if winners:
        return f"{next(iter(winners))} is chosen. {_HOW}, no other value can ever be."
    ways = still_possible(sent, quorums, wanted)
    if not any(way.ballots for way in ways.values()) and set(ways) >= set(
        (ANY,) if wanted is None else wanted.values()
    ):
        return f"Nothing is chosen yet. {_HOW}, every proposed value can still be chosen."
    told = "; ".join(f"{value} {way}" for value, way in ways.items())
    only = "only this" if len(ways) == 1 else "these"
    return f"Nothing is chosen yet. {_HOW}, {only} can still be chosen: {told}."
