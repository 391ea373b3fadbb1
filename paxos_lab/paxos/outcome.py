"""What was decided, read off the messages that were sent and nothing else.

*Chosen* is a fact about the system: a quorum of acceptors voted for one value in one ballot. It
holds whether or not anybody has learned it. So it is computed here, from outside, from the
`Promise` and `Accepted` messages of whatever class plays the acceptor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paxos_lab.paxos.ballots import Ballot, Proposal
from paxos_lab.paxos.messages import Accept, Accepted, Prepare, Promise
from paxos_lab.paxos.quorums import QuorumSystem

Sent = tuple[str, Any]
"""(sender, message)"""


def votes(sent: Iterable[Sent]) -> dict[Proposal, frozenset[str]]:
    """Who voted for what in which ballot."""
    found: dict[Proposal, frozenset[str]] = {}
    for sender, message in sent:
        if isinstance(message, Accepted):
            proposal = Proposal(message.ballot, message.value)
            found[proposal] = found.get(proposal, frozenset()) | {sender}
    return found


def chosen(sent: Iterable[Sent], quorums: QuorumSystem) -> list[Proposal]:
    """Every proposal that a phase 2 quorum voted for; safe as long as they hold one value."""
    return [p for p, voters in votes(sent).items() if quorums.is_quorum(voters, phase=2)]


@dataclass(frozen=True)
class Verdict:
    """What can be said about one ballot: its proposals, who voted, who promised not to vote in it."""

    ballot: Ballot
    values: tuple[Any, ...]
    voters: frozenset[str]
    closed: frozenset[str]
    state: str
    """"chosen", "open" (a quorum may still vote in it) or "dead" (by the rules, none ever will)"""


def verdicts(sent: Iterable[Sent], quorums: QuorumSystem) -> list[Verdict]:
    """For each ballot that was opened, lowest first: chosen, still open, or dead.

    A ballot is dead when so many acceptors promised a higher one without having voted in it that
    no quorum of votes can come together any more, if all keep the rules.
    """
    sent = list(sent)
    cast = votes(sent)
    values: dict[Ballot, dict[Any, None]] = {}
    promised: dict[str, Ballot] = {}
    for sender, message in sent:
        match message:
            case Prepare(ballot):
                values.setdefault(ballot, {})
            case Accept(ballot, value):
                values.setdefault(ballot, {})[value] = None
            case Promise(ballot, _) | Accepted(ballot, _):
                values.setdefault(ballot, {})
                promised[sender] = max(promised.get(sender, Ballot.ZERO), ballot)
    found = []
    for ballot in sorted(values):
        mine = {p: voters for p, voters in cast.items() if p.ballot == ballot}
        voters = frozenset().union(*mine.values())
        closed = frozenset(a for a, p in promised.items() if p > ballot and a not in voters)
        if any(quorums.is_quorum(v, 2) for v in mine.values()):
            state = "chosen"
        else:
            free = set(quorums.members) - closed - voters
            tries = list(mine.values()) or [frozenset()]
            state = "open" if any(quorums.is_quorum(v | free, 2) for v in tries) else "dead"
        found.append(Verdict(ballot, tuple(values[ballot]), voters, closed, state))
    return found
