"""A talk with one proposer whose lines name ballots that it has yet to choose: they are found by rehearsal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from paxos_lab.paxos import (
    Accept,
    Accepted,
    Ballot,
    Majority,
    Prepare,
    Promise,
    Proposal,
    QuorumSystem,
)
from paxos_lab.paxos.quorums import names_of
from paxos_lab.teach.exercises.talk import Dialogue

NAMES = names_of(3)

FALSY = (0, "", False, ())
"""Values that Python takes for no, and that are values all the same."""

Line = str | tuple[str, Callable[[list[Ballot]], Any]]
"""RING, RESTART, or an acceptor and what it says, from the ballots that the proposer has used so far."""


def begun(
    role: type[Any], script: Iterable[Line], quorums: QuorumSystem | None = None, own: Any = "tea"
) -> tuple[Dialogue, list[Any]]:
    """A talk that has just begun, and its lines. The ballots in them are found by rehearsal."""
    quorums = quorums or Majority(NAMES)
    lines: list[Any] = []

    def talk() -> Dialogue:
        node = role("p1", own, quorums.members, quorums)
        return Dialogue(node, [line for line in lines if isinstance(line, tuple)], others=quorums.members)

    used: list[Ballot] = []
    for line in script:
        if isinstance(line, str):
            lines.append(line)
            used = []
            continue
        if not used:
            rehearsal = talk()
            for earlier in lines:
                rehearsal.say(earlier)
            used = ballots_used(rehearsal)
            rehearsal.expect(
                bool(used), "At the start it sent no Prepare.", "`start` opens the first ballot."
            )
        lines.append((line[0], line[1](used)))
    return talk(), lines


def all_said(role: type[Any], script: list[Any], quorums: QuorumSystem | None = None) -> Dialogue:
    """The talk after all of its lines."""
    talk, lines = begun(role, script, quorums)
    for line in lines:
        talk.say(line)
    return talk


def ballots_used(talk: Dialogue) -> list[Ballot]:
    """The ballots of its Prepares so far, in the order of sending, each once."""
    sent = (e for step in talk.bus.trace for e in step.sent if e.sender == talk.node.name)
    return list(dict.fromkeys(e.message.ballot for e in sent if isinstance(e.message, Prepare)))


def a_promise(used: list[Ballot]) -> Promise:
    """Of the ballot in hand, without a vote."""
    return Promise(used[-1], None)


def a_vote(used: list[Ballot]) -> Accepted:
    """For tea in the ballot in hand."""
    return Accepted(used[-1], "tea")


def a_report(value: Any, ballot: Ballot) -> Callable[[list[Ballot]], Promise]:
    """A promise of the ballot in hand that reports this vote."""
    return lambda used: Promise(used[-1], Proposal(ballot, value))


def accepts(said: list[tuple[str, Any]]) -> list[Accept]:
    """The requests for votes in what was said."""
    return [m for _, m in said if isinstance(m, Accept)]
