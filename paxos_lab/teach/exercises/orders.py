"""One node alone, and every order in which some messages may reach it.

How large this is depends on the messages, not on what the node keeps in mind: so it ends for those as
well that remember every message, for whom a search over states has no end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from paxos_lab.bus import MessageBus
from paxos_lab.node import CancelTimer, Effect, Node, Send, SetTimer, react
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import in_a_world
from paxos_lab.teach.exercises.talk import Dialogue
from paxos_lab.verify.explorer.fast.hashable import freeze
from paxos_lab.world.copying import forget_volatile, read, state_of, twin
from paxos_lab.world.events import Crash, Deliver, Restart, Timeout

Line = tuple[str, Any]
"""Who says it, and what."""

Judge = Callable[[Sequence[Line], Node], str | None]
"""From what the node has sent so far, as (its name, message), and the node: what is wrong, or None."""


Goal = Callable[[Sequence[Line], Node], str | None]
"""From the lines that the node has heard since it was up, and the node: what is missing, or None."""

MOST_RINGS = 2  # of timers in one order: a timer may set itself again for ever


class _Act(NamedTuple):
    """A line of that number arrives, or a timer `rings`, or neither; `falls`: a crash, during it or at rest, and a restart."""

    line: int | None = None
    falls: bool = False
    rings: str | None = None


class _Here(NamedTuple):
    node: Node
    sent: tuple[Line, ...]
    acts: tuple[_Act, ...]
    timers: frozenset[str]


def every_order(
    make: Callable[[], Node],
    lines: Sequence[Line],
    judge: Judge,
    explain: Callable[[str, MessageBus], NotYet],
    *,
    crash: bool = False,
    goal: Goal | None = None,
) -> int:
    """Deliver the lines in every order, each once or never; the number of different situations.

    `crash`: in each order it may crash once, at rest or between disk and network, and come back. Of the
    timers that the node sets, up to two ring, at any moment. At a shortest order after which `judge`
    finds something wrong, or `goal` something missing, raises `explain(sentence, run)`.
    """
    birth = state_of(make())
    node = make()
    with in_a_world(f"At the start of {node.name}"):
        effects = react(node, "start")
        first = _Here(node, _sent(node, effects), (), _set(frozenset(), effects))
    exact = goal is not None
    seen, queue = {_key(first, exact)}, deque([first])
    while queue:
        here = queue.popleft()
        for act in _acts(here, len(lines), crash):
            with in_a_world(_told(act, lines, node.name)):
                after = _after(here, act, lines, birth)
            wrong = judge(after.sent, after.node)
            if not wrong and goal is not None:
                wrong = goal(_heard(after, lines), after.node)
            if wrong:
                raise explain(wrong, _run(make(), lines, after.acts))
            key = _key(after, exact)
            if key not in seen:
                seen.add(key)
                queue.append(after)
    return len(seen)


def _acts(here: _Here, count: int, crash: bool) -> Iterator[_Act]:
    heard = {act.line for act in here.acts}
    may_fall = crash and not any(act.falls for act in here.acts)
    for line in range(count):
        if line not in heard:
            yield _Act(line)
            if may_fall:
                yield _Act(line, falls=True)
    if may_fall:
        yield _Act(falls=True)
    if sum(act.rings is not None for act in here.acts) < MOST_RINGS:
        for timer in sorted(here.timers):
            yield _Act(rings=timer)


def _told(act: _Act, lines: Sequence[Line], name: str) -> str:
    if act.rings is not None:
        return f"When the timer {act.rings!r} of {name} rings"
    return f"When {name} gets {lines[act.line][1]}" if act.line is not None else "After a crash"


def _heard(here: _Here, lines: Sequence[Line]) -> list[Line]:
    """The lines that arrived since the last crash, in their order."""
    last = max((number for number, act in enumerate(here.acts) if act.falls), default=-1)
    return [lines[act.line] for act in here.acts[last + 1 :] if act.line is not None]


def _after(here: _Here, act: _Act, lines: Sequence[Line], birth: Any) -> _Here:
    node, sent, timers = twin(here.node), here.sent, here.timers
    effects: list[Effect] = []
    if act.line is not None:
        effects = react(node, "receive", *lines[act.line])
    elif act.rings is not None:
        timers -= {act.rings}
        effects = react(node, "timeout", act.rings)
    if act.falls:
        forget_volatile(node, birth)
        timers, effects = frozenset(), react(node, "recover")
    return _Here(node, sent + _sent(node, effects), (*here.acts, act), _set(timers, effects))


def _set(timers: frozenset[str], effects: list[Effect]) -> frozenset[str]:
    """The timers that are set after these effects."""
    for effect in effects:
        if isinstance(effect, SetTimer):
            timers |= {effect.timer}
        elif isinstance(effect, CancelTimer):
            timers -= {effect.timer}
    return timers


def _sent(node: Node, effects: list[Effect]) -> tuple[Line, ...]:
    messages = [effect.message for effect in effects if isinstance(effect, Send)]
    return tuple((node.name, message) for message in dict.fromkeys(messages))


def _key(here: _Here, exact: bool) -> Any:
    """`exact`: what it heard since its crash counts as well, and not only that it crashed."""
    heard = frozenset(act.line for act in here.acts)
    falls = [number for number, act in enumerate(here.acts) if act.falls]
    since = frozenset(act.line for act in here.acts[falls[-1] + 1 :]) if falls and exact else bool(falls)
    rings = sum(act.rings is not None for act in here.acts)
    return tuple(map(freeze, read(here.node))), frozenset(here.sent), heard, since, here.timers, rings


def _run(node: Node, lines: Sequence[Line], acts: Sequence[_Act]) -> MessageBus:
    """The same on a bus, to be looked at."""
    others = {name for name, _ in lines} | set(getattr(node, "learners", ()))
    bus = Dialogue(node, lines, others=sorted(others)).bus
    for act in acts:
        event: Any = None
        if act.rings is not None:
            event = Timeout(node.name, act.rings)
        elif act.line is not None:
            sender, message = lines[act.line]
            event = Deliver(next(e for e in bus.in_flight if (e.sender, e.message) == (sender, message)))
        bus.apply(Crash(node.name, during=event) if act.falls else event)
        if act.falls:
            bus.apply(Restart(node.name))
    return bus
