"""What the clients of a log saw, read off a trace: the history that `linearizable` judges."""

from __future__ import annotations

from typing import Any

from paxos_lab.multipaxos.messages import Request
from paxos_lab.multipaxos.reads import Read
from paxos_lab.trace import Trace
from paxos_lab.verify.linearizability import NO_REPLY, Operation


def history_of(trace: Trace) -> list[Operation]:
    """One `Operation` for each command that a client asked for, in the order of the first asking.

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
