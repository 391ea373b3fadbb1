"""What must always hold: agreement and validity, and the invariants that the proof rests on.

A property is a function of what was sent, as (sender, message) pairs, and of the nodes by name.
It returns None, or a sentence that says what is wrong. All of these read messages, and of the
nodes only what is said below, so they judge any class that plays the role, whatever its shape.

    agreement            no two values are chosen or learned
    validity             nothing is chosen or learned that nobody proposed
    quorums_meet         every phase 1 quorum shares a member with every phase 2 quorum
    one_value_per_ballot a ballot carries one value
    promises_kept        whoever promised a ballot reported its highest vote below, and never casts
                         another one in between, before or after
    votes_on_request     a vote answers an Accept of the same ballot and value
    backed_by_promises   P2c: a quorum of promises lies behind every Accept, and its value is the
                         one they oblige to
    chosen_stays         P2b: above a ballot in which a value is chosen, nothing else is asked for
    learned_is_chosen    nobody learns what is not chosen

The first broken one of the lower seven is where a proof would fail; agreement breaks later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial, update_wrapper
from typing import Any

from paxos_lab.node import Node
from paxos_lab.paxos.ballots import Ballot, Proposal
from paxos_lab.paxos.messages import Accept, Accepted, Prepare, Promise
from paxos_lab.paxos.outcome import chosen, votes
from paxos_lab.paxos.quorums import Majority, QuorumSystem

Sent = Iterable[tuple[str, Any]]
Nodes = Mapping[str, Node]
Property = Callable[[Sent, Nodes], str | None]


def looks_at(
    *messages: type, fields: Iterable[str] = (), monotone: bool = False, symmetric: bool = True
) -> Callable[[Property], Property]:
    """Say what a property reads, so that a search may leave out the rest.

    `messages`: the classes of messages, subclasses included; `fields`: the fields of nodes that
    change in a run. `monotone`: once it is broken, more messages and more nodes never repair it.
    `symmetric`: names do not matter, beyond who is in which quorum.
    """

    def mark(judge: Property) -> Property:
        judge.reads = (messages, frozenset(fields), monotone, symmetric)  # type: ignore[attr-defined]
        return judge

    return mark


def quorums_of(sent: Sent, nodes: Nodes) -> QuorumSystem:
    """The quorum system that a node carries, else majorities of those that were asked to vote."""
    for node in nodes.values():
        if isinstance(found := getattr(node, "quorums", None), QuorumSystem) and found.members:
            return found
    acceptors = sorted({s for s, m in sent if isinstance(m, Promise | Accepted)})
    return Majority(tuple(acceptors) or ("a1",))


def _learned(nodes: Nodes) -> dict[str, Any]:
    found = ((name, getattr(node, "learned", None)) for name, node in nodes.items())
    return {name: value for name, value in found if value is not None}


@looks_at(Accepted, fields=["learned"], monotone=True)
def agreement(sent: Sent, nodes: Nodes) -> str | None:
    """At most one value is ever chosen or learned (PMS 2.1)."""
    sent = list(sent)
    winners: dict[Any, str] = {}
    for proposal in chosen(sent, quorums_of(sent, nodes)):
        winners.setdefault(proposal.value, f"{proposal.value} is chosen in ballot {proposal.ballot}")
    for name, value in _learned(nodes).items():
        winners.setdefault(value, f"{name} has learned {value}")
    return f"agreement: {', and '.join(winners.values())}" if len(winners) > 1 else None


@looks_at(Accepted, fields=["learned"], monotone=True)
def validity(sent: Sent, nodes: Nodes) -> str | None:
    """Only what a proposer wanted is chosen or learned (PMS 2.1); a proposer's wish is its `value`."""
    sent = list(sent)
    wishes = [node.value for node in nodes.values() if hasattr(node, "value")]
    for proposal in chosen(sent, quorums_of(sent, nodes)):
        if proposal.value not in wishes:
            return f"validity: {proposal.value} is chosen, and nobody proposed it"
    for name, value in _learned(nodes).items():
        if value not in wishes:
            return f"validity: {name} has learned {value}, and nobody proposed it"
    return None


@looks_at(monotone=True)
def quorums_meet(sent: Sent, nodes: Nodes) -> str | None:
    """Every phase 1 quorum shares a member with every phase 2 quorum (Flexible Paxos)."""
    gap = quorums_of(sent, nodes).gap()
    if gap is None:
        return None
    first, second = (", ".join(sorted(names)) for names in gap)
    return f"quorums_meet: the phase 1 quorum {{{first}}} and the phase 2 quorum {{{second}}} share nobody"


@looks_at(Accept, Accepted, monotone=True)
def one_value_per_ballot(sent: Sent, nodes: Nodes) -> str | None:
    """A ballot carries one value, since it has one owner that fixes it once (PMS 2.2)."""
    values: dict[Ballot, Any] = {}
    for _, message in sent:
        if isinstance(message, Accept | Accepted):
            first = values.setdefault(message.ballot, message.value)
            if first != message.value:
                return f"one_value_per_ballot: ballot {message.ballot} carries {first} and {message.value}"
    return None


@looks_at(Promise, Accepted, monotone=True)
def promises_kept(sent: Sent, nodes: Nodes) -> str | None:
    """A promise reports the highest vote below its ballot, and stays true: no vote in between comes later.

    (PMS 2.2: the report is part of P2c, that no vote comes later is P1a.)
    """
    sent = list(sent)
    cast: dict[str, set[Ballot]] = {}
    for sender, message in sent:
        if isinstance(message, Accepted):
            cast.setdefault(sender, set()).add(message.ballot)
    for sender, message in sent:
        if isinstance(message, Promise):
            reported = message.accepted.ballot if message.accepted else Ballot.ZERO
            for ballot in sorted(cast.get(sender, ())):
                if reported < ballot < message.ballot:
                    said = f"reported {message.accepted or 'no vote'}"
                    return (
                        f"promises_kept: {sender} promised ballot {message.ballot} and {said}, "
                        f"but it has voted in ballot {ballot}"
                    )
    return None


@looks_at(Accept, Accepted)
def votes_on_request(sent: Sent, nodes: Nodes) -> str | None:
    """An acceptor votes only for what it was asked to vote for."""
    sent = list(sent)
    asked = {(m.ballot, m.value) for _, m in sent if isinstance(m, Accept)}
    for sender, message in sent:
        if isinstance(message, Accepted) and (message.ballot, message.value) not in asked:
            return f"votes_on_request: {sender} votes for {message.value} in ballot {message.ballot} unasked"
    return None


@looks_at(Prepare, Promise, Accept)
def backed_by_promises(sent: Sent, nodes: Nodes) -> str | None:
    """P2c (PMS 2.2): behind each Accept stand promises of a quorum that oblige to its value.

    The lowest ballot of all needs none: below it nothing can have been chosen.
    """
    sent = list(sent)
    quorums = quorums_of(sent, nodes)
    promises: dict[Ballot, list[tuple[str, Proposal | None]]] = {}
    lowest = min((m.ballot for _, m in sent if isinstance(m, Prepare | Accept)), default=Ballot.ZERO)
    for sender, message in sent:
        if isinstance(message, Promise):
            promises.setdefault(message.ballot, []).append((sender, message.accepted))
    for _, message in sent:
        if isinstance(message, Accept) and message.ballot > lowest:
            reports = promises.get(message.ballot, [])
            if not _obliged_to(message.value, reports, quorums):
                who = ", ".join(f"{a}: {vote or 'no vote'}" for a, vote in reports) or "none"
                return (
                    f"backed_by_promises: {message.value} is asked for in ballot {message.ballot}, but no "
                    f"quorum of its promises allows that value ({who})"
                )
    return None


def _obliged_to(value: Any, reports: list[tuple[str, Proposal | None]], quorums: QuorumSystem) -> bool:
    """True if some quorum of these reports leaves `value` free or obliges to it."""
    free = {a for a, vote in reports if vote is None}
    if quorums.is_quorum(free, 1):
        return True
    for top in {vote for _, vote in reports if vote is not None and vote.value == value}:
        below = {a for a, vote in reports if vote is None or vote.ballot < top.ballot or vote == top}
        if quorums.is_quorum(below, 1):
            return True
    return False


@looks_at(Accept, Accepted, monotone=True)
def chosen_stays(sent: Sent, nodes: Nodes) -> str | None:
    """P2b (PMS 2.2): above a ballot in which a value is chosen, no other value is asked for."""
    sent = list(sent)
    for done in chosen(sent, quorums_of(sent, nodes)):
        for _, message in sent:
            if isinstance(message, Accept) and message.ballot > done.ballot and message.value != done.value:
                return (
                    f"chosen_stays: {done.value} is chosen in ballot {done.ballot}, and yet "
                    f"{message.value} is asked for in the higher ballot {message.ballot}"
                )
    return None


@looks_at(Accepted, fields=["learned"])
def learned_is_chosen(sent: Sent, nodes: Nodes) -> str | None:
    """Whoever has learned a value, it is chosen (PMS 2.1, the third requirement)."""
    sent = list(sent)
    winners = {proposal.value for proposal in chosen(sent, quorums_of(sent, nodes))}
    for name, value in _learned(nodes).items():
        if value not in winners:
            voters = [
                f"{', '.join(sorted(v))} in {p.ballot}" for p, v in votes(sent).items() if p.value == value
            ]
            return f"learned_is_chosen: {name} has learned {value}, which is not chosen (votes: {'; '.join(voters) or 'none'})"
    return None


PROOF: tuple[Property, ...] = (
    quorums_meet,
    one_value_per_ballot,
    promises_kept,
    votes_on_request,
    backed_by_promises,
    chosen_stays,
    learned_is_chosen,
)
"""The invariants of the proof, in the order in which it uses them."""


def reachable(predicate: Callable[[Sent, Nodes], bool]) -> Property:
    """The property that is broken as soon as `predicate(sent, nodes)` holds."""

    def judge(sent: Sent, nodes: Nodes) -> str | None:
        return "it can happen" if predicate(sent, nodes) else None

    if hasattr(predicate, "reads"):
        messages, fields, _, symmetric = predicate.reads
        return looks_at(*messages, fields=fields, symmetric=symmetric)(judge)
    return judge


def with_quorums(judge: Property, quorums: QuorumSystem) -> Property:
    """The same property with these quorums, whatever the nodes carry."""

    class Carrier(Node):
        pass

    carrier = Carrier("quorums")
    carrier.quorums = quorums  # type: ignore[attr-defined]
    return update_wrapper(partial(_told, judge, carrier), judge)  # its name, and what it reads


def _told(judge: Property, carrier: Node, sent: Sent, nodes: Nodes) -> str | None:
    return judge(sent, {carrier.name: carrier, **nodes})
