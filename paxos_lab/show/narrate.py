"""Every step in one plain sentence."""

from __future__ import annotations

from typing import Any

from IPython.display import Markdown

from paxos_lab.events import (
    Crash,
    Deliver,
    Drop,
    Duplicate,
    Envelope,
    Heal,
    Invoke,
    Partition,
    Restart,
    Start,
    Timeout,
)
from paxos_lab.paxos.ballots import Proposal
from paxos_lab.paxos.messages import Accept, Accepted, Nack, Prepare, Promise
from paxos_lab.show.picture import markdown, short
from paxos_lab.trace import Step, Trace


def narrate(step: Step) -> str:
    """What happened in `step`, as one sentence for somebody who listens."""
    match step.event:
        case Deliver(envelope):
            return _arrival(step, envelope)
        case Start(node):
            return f"{_n(node)} starts{_and(_sends(step))}."
        case Timeout(node, timer):
            return f"The timer {short(timer)!r} of {_n(node)} rings{_and(_sends(step))}."
        case Drop(e):
            return f"The network loses {_what(e.message)} from {_n(e.sender)} to {_n(e.to)}."
        case Duplicate(e):
            return f"The network doubles {_what(e.message)} from {_n(e.sender)} to {_n(e.to)}."
        case Crash(node, during=None):
            return f"{_n(node)} crashes: what was only in memory is gone, the disk stays."
        case Crash(node, during=Deliver(e)):
            wrote = _changes(step) or "nothing new"
            return (
                f"{_n(node)} takes {_what(e.message)} from {_n(e.sender)}, then crashes between disk and "
                f"network: nothing is sent; what changed: {wrote}."
            )
        case Crash(node):
            return f"{_n(node)} crashes between disk and network: nothing is sent."
        case Restart(node):
            return f"{_n(node)} restarts with what is on its disk{_and(_sends(step))}."
        case Partition(groups, one_way):
            sides = [", ".join(map(_n, group)) for group in groups]
            sides += ["everybody else"] if len(sides) == 1 else []
            way = "; messages from left to right are held back" if one_way else ""
            return f"The network is cut: {' | '.join(sides)}{way}."
        case Heal():
            return "The network is whole again."
        case Invoke(node, message):
            return f"{_n(node)} is asked from outside: {_what(message)}{_and(_sends(step))}."
    return f"{step.event}."


def _arrival(step: Step, envelope: Envelope) -> str:
    me, sender = _n(envelope.to), _n(envelope.sender)
    replies = [e.message for e in step.sent]
    match envelope.message, replies:
        case Prepare(ballot), [Promise(_, None)]:
            return f"{me} promises ballot {short(ballot)}; from now on it ignores anything lower. It has no vote to report."
        case Prepare(ballot), [Promise(_, Proposal() as vote)]:
            return (
                f"{me} promises ballot {short(ballot)}; from now on it ignores anything lower. "
                f"It reports its vote for {short(vote.value)} in {short(vote.ballot)}."
            )
        case ((Prepare(ballot) | Accept(ballot, _)), [Nack(_, promised)]):
            return f"{me} refuses ballot {short(ballot)}: it has promised {short(promised)}."
        case Accept(ballot, value), [Accepted(), *_]:
            heard = ", ".join(dict.fromkeys(_n(e.to) for e in step.sent))
            return f"{me} accepts {short(value)} in ballot {short(ballot)} and tells {heard}."
        case Promise(_, vote), [Accept(ballot, value), *_]:
            reported = (
                f"with a vote for {short(vote.value)} in {short(vote.ballot)}" if vote else "with no vote"
            )
            return (
                f"{me} gets the promise of {sender} {reported}. That makes a quorum: "
                f"it asks for votes for {short(value)} in ballot {short(ballot)}."
            )
        case Promise(ballot, vote), []:
            reported = f"a vote for {short(vote.value)} in {short(vote.ballot)}" if vote else "no vote"
            late = "" if step.changed else "; it changes nothing any more"
            return (
                f"{me} gets the promise of {sender} for ballot {short(ballot)}, reporting {reported}{late}."
            )
        case Accepted(ballot, value), _ if "learned" in step.changed:
            return (
                f"{me} hears that {sender} accepted {short(value)} in ballot {short(ballot)}. That makes a quorum: "
                f"it has learned that {short(value)} is chosen."
            )
        case Accepted(ballot, value), _:
            return f"{me} hears that {sender} accepted {short(value)} in ballot {short(ballot)}."
        case Nack(ballot, promised), []:
            return f"{me} hears that {sender} refused ballot {short(ballot)}, since it promised {short(promised)}."
    did = _changes(step)
    then = f"; {did}" if did else ""
    nothing = "" if did or replies else "; nothing changes"
    return f"{me} gets {_what(envelope.message)} from {sender}{then}{_and(_sends(step))}{nothing}."


def story(trace: Trace) -> Markdown:
    """The whole run as a numbered list of sentences."""
    return Markdown("\n".join(f"{step.step}. {markdown(narrate(step))}" for step in trace))


def plainly(value: object) -> str:
    """A field's value as a reader would write it; sets in sorted order, so that it is the same every time."""
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{k}: {plainly(v)}" for k, v in value.items()) or "-"
    if isinstance(value, set | frozenset):
        return ", ".join(sorted(map(str, value))) or "-"
    if isinstance(value, list) or type(value) is tuple:
        return ", ".join(map(plainly, value)) or "-"
    return str(value)


def _changes(step: Step) -> str:
    return ", ".join(f"{field} = {short(plainly(after))}" for field, (_, after) in step.changed.items())


def _sends(step: Step) -> str:
    by_message: dict[Any, dict[str, None]] = {}
    for envelope in step.sent:
        by_message.setdefault(envelope.message, {})[_n(envelope.to)] = None
    return " and ".join(f"sends {_what(m)} to {', '.join(to)}" for m, to in by_message.items())


def _and(clause: str) -> str:
    return f" and {clause}" if clause else ""


def _what(message: Any) -> str:
    return short(message, 60)


def _n(name: str) -> str:
    return short(name, 20)
