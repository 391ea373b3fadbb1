"""Every step in one plain sentence."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from paxos_lab.multipaxos import messages as log
from paxos_lab.multipaxos.reads import ReadingServer
from paxos_lab.multipaxos.rejoin import Rejoining
from paxos_lab.multipaxos.server import Server
from paxos_lab.paxos.ballots import Proposal
from paxos_lab.paxos.messages import Accept, Accepted, Nack, Prepare, Promise
from paxos_lab.relatives.raft.server import RaftServer
from paxos_lab.words.raft import of_raft
from paxos_lab.words.text import markdown, plainly, short
from paxos_lab.world.events import (
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
from paxos_lab.world.trace import Step, Trace

# What a server may change while its machine does nothing: ballots, votes, who leads, how far it is.
_NO_STATE = {
    field.name for kind in (Server, ReadingServer, Rejoining, RaftServer) for field in fields(kind)
} - {
    "machine",
    "sessions",
    "configurations",
}


def narrate(step: Step) -> str:
    """What happened in `step`, as one sentence for somebody who listens."""
    match step.event:
        case Deliver(envelope):
            return _arrival(step, envelope)
        case Start(node):
            return f"{_n(node)} starts{_and(_sends(step))}."
        case Timeout(node, timer):
            sends = _sends(step)
            return (
                f"The timer {short(timer)!r} of {_n(node)} rings{f'; {_n(node)} {sends}' if sends else ''}."
            )
        case Drop(e):
            return f"The network loses {_what(e.message)} from {_n(e.sender)} to {_n(e.to)}."
        case Duplicate(e):
            return f"The network makes a second copy of {_what(e.message)} from {_n(e.sender)} to {_n(e.to)}."
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
        case Prepare(ballot), [Promise(answered, None | Proposal() as vote)] if answered == ballot:
            return f"{me} promises ballot {short(ballot)} and reports {_vote(vote)}."
        case ((Prepare(ballot) | Accept(ballot, _)), [Nack(_, promised)]):
            return f"{me} refuses ballot {short(ballot)} and says that it has promised {short(promised)}."
        case Accept(ballot, value), [Accepted() as voted, *_] if voted == Accepted(ballot, value):
            heard = ", ".join(dict.fromkeys(_n(e.to) for e in step.sent))
            return f"{me} accepts {short(value)} in ballot {short(ballot)} and tells {heard}."
        case Promise(_, vote), [Accept(ballot, value), *_]:
            # What the node takes for a quorum; a wrong one counts wrongly, and its run is told here, too.
            return (
                f"{me} gets the promise of {sender} with {_vote(vote)}. It counts a quorum, "
                f"and asks for votes for {short(value)} in ballot {short(ballot)}."
            )
        case Promise(ballot, vote), []:
            late = "" if step.changed else "; nothing changes"
            return f"{me} gets the promise of {sender} for ballot {short(ballot)}, reporting {_vote(vote)}{late}."
        case Accepted(ballot, value), _ if "learned" in step.changed:
            return (
                f"{me} hears that {sender} accepted {short(value)} in ballot {short(ballot)}. "
                f"It counts a quorum, and learns {short(_now(step, 'learned'))}."
            )
        case Accepted(ballot, value), _:
            return f"{me} hears that {sender} accepted {short(value)} in ballot {short(ballot)}."
        case Nack(ballot, promised), []:
            return f"{me} hears that {sender} refused ballot {short(ballot)}, since it promised {short(promised)}."
    if (told := _of_the_log(step, me, sender, envelope.message)) is not None:
        return told
    if (told := of_raft(me, sender, envelope.message, replies, step.changed)) is not None:
        return told
    did = _changes(step)
    then = f"; {did}" if did else ""
    nothing = "" if did or replies else "; nothing changes"
    return f"{me} gets {_what(envelope.message)} from {sender}{then}{_and(_sends(step))}{nothing}."


def _of_the_log(step: Step, me: str, sender: str, message: Any) -> str | None:
    """The sentence for a message of the log (`paxos_lab.multipaxos`); None for any other."""
    sent = [e.message for e in step.sent]
    executed = _executed(step)
    match message, sent:
        case ((log.Prepare(ballot) | log.Accept(ballot)), [log.Nack(_, promised), *_]):
            return f"{me} refuses ballot {short(ballot)} and says that it has promised {short(promised)}."
        case log.Prepare(ballot, first), [log.Promise(answered, votes), *_] if answered == ballot:
            return f"{me} promises ballot {short(ballot)} for every slot from {first} on, and reports {_votes(votes)}."
        case log.Promise(ballot, votes), _ if _now(step, "role") == "leader":
            asked = dict.fromkeys((m.slot, m.entry) for m in sent if isinstance(m, log.Accept))
            what = ", ".join(f"{_entry(entry)} in slot {slot}" for slot, entry in asked)
            return (
                f"{me} gets the promise of {sender}, with {_votes(votes)}. It counts a quorum: {me} leads in "
                f"ballot {short(ballot)}{f' and asks for votes for {what}' if what else ''}."
            )
        case log.Promise(ballot, votes), _:
            return f"{me} gets the promise of {sender} for ballot {short(ballot)}, with {_votes(votes)}."
        case log.Accept(ballot, slot, entry), [log.Accepted() as voted, *_] if voted == log.Accepted(
            ballot, slot
        ):
            return f"{me} accepts {_entry(entry)} in slot {slot}, ballot {short(ballot)}, and tells {sender}."
        case log.Accepted(ballot, slot), _:
            chosen = any(isinstance(m, log.Chosen) and m.slot == slot for m in sent)
            quorum = (
                f" It counts a quorum and tells the others that slot {slot} is chosen{executed}."
                if chosen
                else ""
            )
            late = "" if step.changed else "; nothing changes"
            return f"{me} hears that {sender} accepted slot {slot} in ballot {short(ballot)}{late}.{quorum}"
        case log.Chosen(_, slot), [log.Fetch(first), *_]:
            return f"{me} hears that slot {slot} is chosen, and asks {sender} for what was chosen from slot {first} on."
        case log.Chosen(_, slot), _:
            return f"{me} hears that slot {slot} is chosen{executed or '; that is no news' * (not step.changed)}."
        case log.Heartbeat(ballot), [log.Nack(_, promised), *_]:
            return f"{me} refuses the heartbeat of {sender} in {short(ballot)} and says that it has promised {short(promised)}."
        case log.Heartbeat(ballot), _:
            fetch = next(
                (f" and asks for slot {m.first} and what follows" for m in sent if isinstance(m, log.Fetch)),
                "",
            )
            return f"{me} hears that {sender} leads in ballot {short(ballot)}{fetch}."
        case log.HeartbeatHeard(), []:
            return f"{me} hears that its heartbeat reached {sender}."
        case log.Nack(ballot, promised), _:
            gives_up = f" and stands back from {short(ballot)}" if _now(step, "role") == "follower" else ""
            return f"{me} hears that {sender} has promised {short(promised)}{gives_up}."
        case log.Fetch(first), [log.Entries() | log.Snapshot(), *_]:
            return f"{me} sends {sender} its log from slot {first} on."
        case log.Entries(int(first), tuple(entries)), _:
            last = first + len(entries) - 1
            slots = f"slot {first}" if first == last else f"slots {first} to {last}"
            return f"{me} gets from {sender} the log of {slots}{executed}."
        case log.Request(command), [log.Request(), *_]:
            to = ", ".join(dict.fromkeys(_n(e.to) for e in step.sent))
            return f"{me} passes {short(command, 40)} on to {to}."
        case log.Request(command), [log.Accept(_, slot, tuple(entry)), *_] if command in entry:
            return f"{me} gives {short(command, 40)} the slot {slot} and asks for votes for it."
        case log.Reply(number, result), _:
            return f"{me} gets the answer to its command {number}: {short(result)}."
    return None


# A learner's message may hold anything in any place, and its run is told here, too.


def _vote(vote: Any) -> str:
    """The vote that a promise of a single decision reports."""
    match vote:
        case None:
            return "no vote"
        case Proposal(ballot, value):
            return f"a vote for {short(value)} in {short(ballot)}"
    return f"this for a vote: {short(vote)}"


def _votes(votes: Any) -> str:
    """The votes that a promise of the log reports."""
    if not isinstance(votes, tuple):
        return f"this for votes: {short(votes, 60)}"
    told = [_vote_in_a_slot(vote) for vote in votes[:4]]
    told += [f"{len(votes) - 4} more"] if len(votes) > 4 else []
    return f"votes for {', '.join(told)}" if told else "no votes"


def _vote_in_a_slot(vote: Any) -> str:
    match vote:
        case (slot, log.Vote(ballot, entry)):
            return f"{_entry(entry)} in slot {short(slot)} ({short(ballot)})"
    return short(log.vote_text(vote), 60)


def _entry(entry: Any) -> str:
    return short(log.entry_text(entry), 40)


def _executed(step: Step) -> str:
    """What the step let its node execute, as the end of a sentence."""
    if "executed" not in step.changed:
        return ""
    before, after = step.changed["executed"]
    if after != before + 1:
        return f", and it executes up to slot {after}"
    if not passed_over(step.changed):
        return f", and it executes slot {after}"
    if _now(step, "log") and _now(step, "log").get(after) == ():
        return f", and it goes past slot {after}, a no-op"
    return (
        f", and it goes past slot {after} without executing it: its machine and its sessions stay as they are"
    )


def passed_over(changed: dict[str, Any]) -> bool:
    """True if a server went past one slot in a step, and nothing that executing could change did change.

    `changed`: as in a `Step`. So it is with a no-op, and with a command that was executed before.
    """
    before, after = changed.get("executed", (0, 0))
    return bool(after == before + 1 and set(changed) <= _NO_STATE)


def _now(step: Step, field: str) -> Any:
    """The new value of a field that the step changed, else None."""
    return step.changed[field][1] if field in step.changed else None


@dataclass(frozen=True)
class Story:
    """A run as a numbered list of sentences; a notebook shows it as one."""

    data: str

    def __str__(self) -> str:
        return self.data

    def _repr_markdown_(self) -> str:
        return self.data


def story(trace: Trace) -> Story:
    """The whole run as a numbered list of sentences."""
    return Story("\n".join(f"{step.step}. {markdown(narrate(step))}" for step in trace))


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
