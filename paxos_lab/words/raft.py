"""What Raft's messages do to a server, one sentence for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paxos_lab.relatives.raft import messages as raft
from paxos_lab.words.text import short


def of_raft(me: str, sender: str, message: Any, sent: Sequence[Any], changed: dict[str, Any]) -> str | None:
    """The sentence for a message of Raft that arrives; None for any other, and for an answer nobody expects.

    `sent`: the messages that the step sent; `changed`: as in a `Step`.
    """
    match message, sent:
        case raft.RequestVote(term, index, last, pre), [raft.VoteReply(_, granted), *_]:
            log = f"ends with entry {index} of term {last}" if index else "is empty"
            if pre:
                says = "would" if granted else "would not"
                return (
                    f"{me} says that it {says} vote for {sender} in term {term}; the log of {sender} {log}."
                )
            does = "votes for" if granted else "does not vote for"
            return f"{me} {does} {sender} in term {term}; the log of {sender} {log}."
        case raft.RequestVote(term), []:
            return f"{me} hears a leader, and does not answer the candidate {sender} of term {term}."
        case raft.VoteReply(term, granted, pre), _:
            what = "pre-vote" if pre else "vote"
            if not granted:
                return f"{me} gets no {what} from {sender}, which is in term {term}{_term(changed)}."
            if _now(changed, "role") == "leader":
                return f"{me} gets the vote of {sender}. It counts a quorum: {me} leads in term {term}, and begins with a no-op."
            if _now(changed, "role") == "candidate":
                return f"{me} gets the pre-vote of {sender}. It counts a quorum, and asks for votes in term {term}."
            late = "" if changed else "; nothing changes"
            return f"{me} gets the {what} of {sender} in term {term}{late}."
        case raft.AppendEntries(term, previous, of, entries), [raft.AppendReply(_, ok, index), *_]:
            if not ok and index == 0 and "leader" not in changed and term < sent[0].term:
                return (
                    f"{me} refuses the append of {sender} in term {term}, since it is in term {sent[0].term}."
                )
            if not ok:
                return (
                    f"{me} has no entry {previous} of term {of}, so it cannot take the append of {sender}: "
                    f"it asks to begin after entry {index}{_term(changed)}."
                )
            if not entries:
                return f"{me} hears the leader {sender} of term {term}; its log is the leader's up to entry {index}{_done(changed)}."
            what = _entries(entries, previous)
            cut = "cuts off what contradicts it, and " if _cut(changed) else ""
            held = "takes" if "log" in changed else "has already"
            return f"{me} {cut}{held} {what} of the leader {sender} in term {term}{_done(changed)}."
        case raft.AppendReply(term, False, index), _:
            if "term" in changed:
                return f"{me} hears from {sender} of term {term}, and steps down."
            return f"{me} hears that the log of {sender} differs, and goes back: it sends what follows on entry {index}."
        case raft.AppendReply(_, True, index), _:
            late = "" if changed else "; nothing changes"
            if "commit" in changed:
                return f"{me} hears that {sender} holds its log up to entry {index}. It counts a quorum{_done(changed)}."
            return f"{me} hears that {sender} holds its log up to entry {index}{late}."
        case raft.InstallSnapshot(_, snapshot), _:
            does = "installs" if "snapshot" in changed else "does not need"
            return f"{me} {does} the snapshot of {sender} up to entry {snapshot.slot}{_term(changed)}."
        case raft.TimeoutNow(), _ if "term" in changed:
            return f"{me} is told by the leader {sender} to take over, and asks for votes in term {_now(changed, 'term')}."
        case raft.TimeoutNow(term), _:
            return f"{me} is told to take over from {sender} in term {term}, which is over here; nothing changes."
    return None


def _now(changed: dict[str, Any], field: str) -> Any:
    return changed[field][1] if field in changed else None


def _term(changed: dict[str, Any]) -> str:
    return f"; it goes to term {_now(changed, 'term')}" if "term" in changed else ""


def _done(changed: dict[str, Any]) -> str:
    commit, executed = _now(changed, "commit"), _now(changed, "executed")
    if commit is None:
        return _term(changed)
    return f", and what is committed, up to entry {commit}, is executed up to entry {executed or commit}"


def _cut(changed: dict[str, Any]) -> bool:
    """True if an entry was there before and is another one now, or none."""
    if "log" not in changed:
        return False
    before, after = changed["log"]
    return any(after.get(i) != entry for i, entry in before.items()) and "snapshot" not in changed


def _entries(entries: Any, previous: int) -> str:
    if not isinstance(entries, tuple):
        return f"this for entries: {short(entries, 40)}"
    if len(entries) == 1:
        return f"entry {previous + 1} ({short(entries[0], 50)})"
    return f"entries {previous + 1} to {previous + len(entries)}"
