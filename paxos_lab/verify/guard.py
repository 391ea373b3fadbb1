"""A role run with care: twice, on separate copies, with an end to every loop.

A search believes that a step depends on state and message alone and remembers it for ever. So
each local step is run twice, the second time with every dictionary and set filled the other way
round, and both must agree. The first steps of each node run under the whole contract as well.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from paxos_lab.contract import check_effect, run_hook
from paxos_lab.node import Effect, LabError, Node, RoleError, field_names, react
from paxos_lab.plain import copy_of
from paxos_lab.state import State, put_state, read, twin

MOST_LINES = 100_000  # of Python in one hook; ours take about ten
UNDER_CONTRACT = 50  # steps of each node that run under the whole contract


class EndlessLoop(RoleError):
    """A hook that does not come to an end; the text names it."""


@contextmanager
def limited(what: str, lines: int = MOST_LINES) -> Iterator[None]:
    """Raise `EndlessLoop` when the code inside runs more than `lines` lines of Python.

    Counts lines, not seconds, so that it is the same everywhere. Under a debugger or a coverage
    tool, which need the same hook of Python's, nothing is counted.
    """
    if sys.gettrace() is not None:
        yield
        return
    left = lines

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise EndlessLoop(
                f"{what} does not come to an end: {lines:,} lines of Python ran in one hook. "
                "A hook reacts once and returns; to wait for something, set a timer"
            )
        return count

    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(None)


class RoleRunner:
    """Runs the hooks of one node from any state; `names`: everybody it may send to."""

    def __init__(self, node: Node, names: Iterable[str]) -> None:
        self.node = node
        self._shadow = twin(node)
        self._everybody = dict.fromkeys(names, node)
        self._steps = 0
        self._good: set[Effect] = set()

    def run(self, fields: State, hook: str, arguments: tuple[Any, ...]) -> tuple[list[Effect], Node]:
        """What the hook asks for and the node after it; raises `RoleError` naming hook and field."""
        node, shadow = self.node, self._shadow
        what = f"{node.name}.{hook}{arguments}"
        put_state(node, fields)
        self._steps += 1
        if self._steps <= UNDER_CONTRACT:
            with limited(what):
                effects = run_hook(node, hook, arguments, self._everybody)
            return effects, node
        for field, value in zip(field_names(node), fields, strict=True):
            setattr(shadow, field, _turned_round(value))
        before = hash(arguments)
        try:
            with limited(what):
                effects, again = react(node, hook, *arguments), react(shadow, hook, *arguments)
            for effect in effects:
                if effect not in self._good:
                    check_effect(effect, what, self._everybody)
                    self._good.add(effect)
            same = sorted(map(repr, effects)) == sorted(map(repr, again)) if effects != again else True
            fine = same and read(node) == read(shadow) and len(node.__dict__) == len(field_names(node)) + 1
        except RoleError:
            raise
        except Exception as error:  # whatever a learner's code raises is theirs to read
            raise RoleError(f"{what} raised {type(error).__name__}: {error}") from error
        if not fine or hash(arguments) != before:
            put_state(node, fields)
            run_hook(node, hook, arguments, self._everybody)  # names what is wrong
            raise RoleError(
                f"{what} depends on the order in which a dictionary or a set was filled: two states that "
                "are equal must react alike; go through it with sorted(...)"
            )
        return effects, node


def _turned_round(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {k: _turned_round(v) for k, v in reversed(value.items())}
    if kind is set:
        return set(reversed(list(value)))
    return copy_of(value)


def explain(error: LabError, step: int) -> LabError:
    """The same error with the number of the step at which it came up."""
    return type(error)(f"{error} (step {step})")
