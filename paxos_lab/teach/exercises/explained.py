"""What broke in a run, told with its steps: who promised when, who had voted, whose crash lies between.

A property looks at what was sent, whatever the order. A reader goes through a run, so the order decides
which rule was broken: a vote below an earlier promise breaks that promise; a promise that leaves out an
earlier vote hides it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.paxos import Accept, Accepted, Ballot, Prepare, Promise, Proposal
from paxos_lab.teach.exercises.in_words import shown_plainly
from paxos_lab.verify.explorer.properties import quorums_of
from paxos_lab.words.text import short
from paxos_lab.world.events import Crash, Deliver, Restart, Timeout
from paxos_lab.world.trace import Step

Told = tuple[str, tuple[str, ...]]
"""A headline and details."""


def explained(property: str, bus: MessageBus) -> Told | None:
    """How that property broke in the run of `bus`, or None if there is no more to say than it says itself."""
    tellers = {
        "promises_kept": _promise_or_report,
        "backed_by_promises": _without_promises,
        "one_value_per_ballot": _two_values,
        "learned_is_chosen": _not_chosen,
    }
    return tellers[property](bus) if property in tellers else None


def _sent(bus: MessageBus, kind: type) -> Iterator[tuple[int, str, Any]]:
    """(step, sender, message) of that class, each once, in the order of sending."""
    seen = set()
    for step in bus.trace:
        for envelope in step.sent:
            if isinstance(envelope.message, kind) and (envelope.sender, envelope.message) not in seen:
                seen.add((envelope.sender, envelope.message))
                yield step.step, envelope.sender, envelope.message


def _crash_between(bus: MessageBus, name: str, first: int, last: int) -> int | None:
    """The step between these two in which that node crashed."""
    return next(
        (
            s.step
            for s in bus.trace
            if first < s.step < last and s.event.__class__ is Crash and s.node == name
        ),
        None,
    )


def _lost(bus: MessageBus, name: str, field: str, first: int, last: int, ballot: Ballot) -> Step | None:
    """The step between these two at which that field of the node went below `ballot`, if its roles call it so."""
    for step in bus.trace:
        if first < step.step <= last and step.node == name and field in step.changed:
            now = step.changed[field][1]
            held = now.ballot if isinstance(now, Proposal) else now
            if not isinstance(held, Ballot) or held < ballot:
                return step
    return None


def _why_lost(bus: MessageBus, name: str, field: str, first: int, last: int, ballot: Ballot) -> str:
    """What came between a promise or a vote and the step that forgets it; "" if nothing stands out.

    A crash is the reason only if the field changed in it; where the field has another name, any field.
    """
    step = _lost(bus, name, field, first, last, ballot)
    if step is None and not hasattr(bus[name], field):
        crashed = [s for s in bus.trace if first < s.step < last and s.node == name and s.changed]
        step = next((s for s in crashed if isinstance(s.event, Crash)), None)
    if step is None:
        return ""
    if isinstance(step.event, Crash):
        return f"Between the two, at step {step.step}, {name} crashed. "
    if isinstance(step.event, Timeout):
        return f"Between the two, at step {step.step}, its timer {short(step.event.timer)} rang: that took it back. "
    if isinstance(step.event, Restart):
        return f"Between the two, at step {step.step}, {name} restarted: its `recover` took it back. "
    return ""


def _promise_or_report(bus: MessageBus) -> Told | None:
    pairs = []
    for promised, who, promise in _sent(bus, Promise):
        below = promise.accepted.ballot if isinstance(promise.accepted, Proposal) else Ballot.ZERO
        for voted, sender, vote in _sent(bus, Accepted):
            if sender == who and below < vote.ballot < promise.ballot:
                pairs.append((max(promised, voted), promised, voted, who, promise, vote))
    if not pairs:
        return None
    _, promised, voted, who, promise, vote = min(pairs, key=lambda pair: pair[0])
    first, last = sorted((promised, voted))
    field, ballot = ("promised", promise.ballot) if promised < voted else ("accepted", vote.ballot)
    between = _why_lost(bus, who, field, first, last, ballot)
    crash = " crashed. " in between
    if promised < voted:
        why = "What it promises must be on disk before the answer leaves." if crash else ""
        return (
            f"An acceptor broke its promise: {who} promised ballot {promise.ballot} at step {promised}, "
            f"and at step {voted} it votes in ballot {vote.ballot}, which is lower",
            ((between + why).strip(),) if between else (),
        )
    reported = f"reported {shown_plainly(promise.accepted, 80)}" if promise.accepted else "reported no vote"
    headline = (
        f"An acceptor left out a vote: at step {promised} {who} promised ballot {promise.ballot} and "
        f"{reported}, but it had voted for {shown_plainly(vote.value, 30)} in ballot {vote.ballot} at step {voted}"
    )
    if crash:
        return headline, (f"{between}A vote must be on disk before the answer leaves.",)
    if between:
        return headline, (between.strip(),)
    lower = [
        (at, m)
        for at, s, m in _sent(bus, Accepted)
        if s == who and voted < at < promised and m.ballot < vote.ballot
    ]
    if lower:
        at, later = lower[0]
        return headline, (
            f"In between, at step {at}, it voted in the lower ballot {later.ballot}: its last vote is not its "
            "highest. Does a vote raise the promise?",
        )
    return headline, ("A promise reports the vote in the highest ballot so far.",)


def _without_promises(bus: MessageBus) -> Told | None:
    nodes = {node.name: node for node in bus}
    quorums = quorums_of(bus.trace.sent, nodes)
    lowest = min((m.ballot for _, _, m in _sent(bus, Prepare | Accept)), default=Ballot.ZERO)  # type: ignore[arg-type]
    for at, who, accept in _sent(bus, Accept):
        if accept.ballot <= lowest:
            continue
        heard = [
            (e.sender, e.message)
            for s in bus.trace[:at]
            if isinstance(s.event, Deliver)
            and (e := s.event.envelope).to == who
            and isinstance(e.message, Promise)
        ]
        reports = {name: m.accepted for name, m in heard if m.ballot == accept.ballot}
        asked = f"at step {at} {who} asks for {shown_plainly(accept.value, 30)} in ballot {accept.ballot}"
        if not quorums.is_quorum(reports, 1):
            others = [f"{name} promised {m.ballot}" for name, m in heard if m.ballot != accept.ballot]
            got = (
                f"with the promise of {', '.join(reports)} alone" if reports else "without any promise for it"
            )
            details = [f"A quorum for phase 1 is: {quorums}."]
            if others:
                details.append(
                    f"Promises for another ballot do not count: {', '.join(dict.fromkeys(others))}."
                )
            return f"A value was asked for without a quorum of promises: {asked} {got}", tuple(details)
        votes = [vote for vote in reports.values() if isinstance(vote, Proposal)]
        top = max(votes, key=lambda vote: vote.ballot, default=None)
        if top is not None and top.value != accept.value:
            told = ", ".join(
                f"{name}: {shown_plainly(vote or 'no vote', 60)}" for name, vote in reports.items()
            )
            return (
                f"A value was asked for that the promises do not allow: {asked}, but the highest vote "
                f"reported to it is {shown_plainly(top, 80)}",
                (f"The promises for {accept.ballot} that had reached {who}: {told}.",),
            )
    return None


def _two_values(bus: MessageBus) -> Told | None:
    first: dict[Ballot, tuple[int, str, Any]] = {}
    for at, who, accept in _sent(bus, Accept):
        step, before, known = first.setdefault(accept.ballot, (at, who, accept.value))
        if known != accept.value:
            headline = (
                f"One ballot asks for two different values: ballot {accept.ballot} for {shown_plainly(known, 30)} "
                f"(step {step}, {before}) and for {shown_plainly(accept.value, 30)} (step {at}, {who})"
            )
            crash = _crash_between(bus, who, step, at) if who == before else None
            if crash:
                return headline, (
                    f"Between the two, at step {crash}, {who} crashed: it must know afterwards which "
                    "ballots it has used.",
                )
            return headline, ()
    return None


def _not_chosen(bus: MessageBus) -> Told | None:
    nodes = {node.name: node for node in bus}
    quorums = quorums_of(bus.trace.sent, nodes)
    voters: dict[Proposal, list[str]] = {}
    for _, who, vote in _sent(bus, Accepted):
        voters.setdefault(Proposal(vote.ballot, vote.value), []).append(who)
    won = {proposal.value for proposal, names in voters.items() if quorums.is_quorum(names, 2)}
    for node in bus:
        value = getattr(node, "learned", None)
        if value is None or value in won:
            continue
        mine = {p: names for p, names in voters.items() if p.value == value}
        told = "; ".join(f"{', '.join(names)} in {p.ballot}" for p, names in mine.items()) or "none"
        headline = (
            f"A value was learned that is not chosen: {node.name} has learned {shown_plainly(value)}. "
            f"Its votes so far: {told}"
        )
        if len(mine) > 1:
            return headline, ("Votes of different ballots never add up, not even for the same value.",)
        return headline, (f"A quorum for phase 2 is: {quorums}.",)
    return None
