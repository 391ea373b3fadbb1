"""Histories: what clients called and what they were told, by hand or read off a trace.

`linearizable` judges them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from paxos_lab.multipaxos.messages import Request
from paxos_lab.multipaxos.reads import Read
from paxos_lab.node import LabError
from paxos_lab.words.text import stamp
from paxos_lab.world.trace import Trace


class NoReply(Enum):
    """What stands for a result that never came: None may be a result."""

    NO_REPLY = "no reply"

    def __repr__(self) -> str:
        return self.name


NO_REPLY = NoReply.NO_REPLY


class Acknowledged(Enum):
    """What stands for a result that the client was not told: only that it is done."""

    ACKNOWLEDGED = "acknowledged"

    def __repr__(self) -> str:
        return self.name


ACKNOWLEDGED = Acknowledged.ACKNOWLEDGED


def same(a: Any, b: Any) -> bool:
    """True for equal results, but not for 0 and False or 1 and True, which `==` takes for equal.

    Two NaNs count as equal, though `==` denies it. Both also inside plain data.
    """
    if a is b:
        return True
    match a, b:
        case (bool(), _) | (_, bool()):
            return False
        case float(), float():
            return a == b or (a != a and b != b)
        case (tuple(), tuple()) | (list(), list()):
            return len(a) == len(b) and all(map(same, a, b))
        case dict(), dict():
            keys = {key: key for key in b}
            return a.keys() == b.keys() and all(same(k, keys[k]) and same(a[k], b[k]) for k in a)
        case (set(), set()) | (frozenset(), frozenset()):
            members = {member: member for member in b}
            return a == b and all(same(member, members[member]) for member in a)
    if dataclasses.is_dataclass(a) and type(a) is type(b):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a) if f.compare)
    return bool(a == b)


@dataclass(frozen=True)
class Operation:
    """One call of a client and its reply.

    `begin`, `end`: numbers that order what happened, virtual times or steps. Without a reply, `result`
    is `NO_REPLY` and `end` None. A reply that says no more than "done" has the result `ACKNOWLEDGED`: it
    agrees with whatever the machine gives. At equal stamps, one client's operations follow each other
    and those of different clients are concurrent. A client may have several under way: where their times
    overlap they are concurrent too.
    """

    client: str
    call: Any
    result: Any
    begin: Any
    end: Any = None

    def __post_init__(self) -> None:
        if (self.end is None) != (self.result is NO_REPLY):
            raise LabError(
                f"{self.client}'s {self.call}: a reply has a result and an end, a missing one has "
                f"neither (result=NO_REPLY, end=None); got result={self.result!r}, end={self.end!r}"
            )
        if self.begin != self.begin or self.end != self.end:
            raise LabError(f"{self.client}'s {self.call}: a stamp orders what happened, and NaN does not")
        if self.end is not None and self.end < self.begin:
            raise LabError(
                f"{self.client}'s {self.call} ends at {self.end}, before it begins at {self.begin}"
            )

    @property
    def answered(self) -> bool:
        """True if its reply came."""
        return self.end is not None

    def __str__(self) -> str:
        if not self.answered:
            return f"{self.client}'s {self.call} (from {stamp(self.begin)}, no reply)"
        if self.result is ACKNOWLEDGED:
            return f"{self.client}'s {self.call} was acknowledged at {stamp(self.begin)}-{stamp(self.end)}"
        return f"{self.client}'s {self.call} gave {self.result!r} at {stamp(self.begin)}-{stamp(self.end)}"


def key_of(call: Any) -> Hashable:
    """The key that a call on a store is about."""
    key: Hashable = call.key
    return key


def by_begin(op: Operation) -> tuple[Any, bool, Any]:
    """Sorts operations by their calls."""
    return op.begin, not op.answered, op.end


def history_of(trace: Trace) -> list[Operation]:
    """One `Operation` for each command that a client asked for, in the order in which they were first asked for.

    It begins with the step that first sent the `Request`, and ends with the step in which the client's
    `results` grew by its result; stamps are step numbers. A `Read` counts as what it reads.
    """
    begun: dict[tuple[str, int], tuple[Any, int]] = {}
    ended: dict[tuple[str, int], tuple[Any, int]] = {}
    for step in trace:
        for envelope in step.sent:
            match envelope.message:
                case Request(command) if envelope.sender == command.client:
                    call = command.operation
                    call = call.operation if isinstance(call, Read) else call
                    begun.setdefault((command.client, command.number), (call, step.step))
        before, after = step.changed.get("results", ((), ()))
        for number in range(len(before) + 1, len(after) + 1):
            ended[str(step.node), number] = after[number - 1], step.step
    history = []
    for (client, number), (call, begin) in begun.items():
        result, end = ended.get((client, number), (NO_REPLY, None))
        history.append(Operation(client, call, result, begin, end))
    return history
