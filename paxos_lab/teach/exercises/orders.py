"""One node alone, and every order in which some messages may reach it.

How large this is depends on the messages, not on what the node keeps in mind: so it ends for those as
well that remember every message, for whom a search over states has no end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from paxos_lab.bus import MessageBus
from paxos_lab.node import Effect, Node, Send, react
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import in_a_world
from paxos_lab.teach.exercises.talk import Dialogue
from paxos_lab.verify.explorer.fast.hashable import freeze
from paxos_lab.world.copying import forget_volatile, read, state_of, twin
from paxos_lab.world.events import Crash, Deliver, Restart

Line = tuple[str, Any]
"""Who says it, and what."""

Judge = Callable[[Sequence[Line], Node], str | None]
"""From what the node has sent so far, as (its name, message), and the node: what is wrong, or None."""


class _Act(NamedTuple):
    """The line of that number arrives, or none does; `falls`: the node crashes, during it or at rest, and comes back."""

    line: int | None
    falls: bool = False


class _Here(NamedTuple):
    node: Node
    sent: tuple[Line, ...]
    acts: tuple[_Act, ...]


def every_order(
    make: Callable[[], Node],
    lines: Sequence[Line],
    judge: Judge,
    explain: Callable[[str, MessageBus], NotYet],
    *,
    crash: bool = False,
) -> int:
    """Deliver the lines in every order, each once or never; the number of different situations.

    `crash`: in each order it may crash once, at rest or between disk and network, and come back. At a
    shortest order after which `judge` finds something wrong, raises `explain(sentence, run)`.
    """
    birth = state_of(make())
    node = make()
    with in_a_world(f"At the start of {node.name}"):
        first = _Here(node, _sent(node, react(node, "start")), ())
    seen, queue = {_key(first)}, deque([first])
    while queue:
        here = queue.popleft()
        for act in _acts(here, len(lines), crash):
            what = f"When {node.name} gets {lines[act.line][1]}" if act.line is not None else "After a crash"
            with in_a_world(what):
                after = _after(here, act, lines, birth)
            if wrong := judge(after.sent, after.node):
                raise explain(wrong, _run(make(), lines, after.acts))
            key = _key(after)
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
        yield _Act(None, falls=True)


def _after(here: _Here, act: _Act, lines: Sequence[Line], birth: Any) -> _Here:
    node, sent = twin(here.node), here.sent
    if act.line is not None:
        effects = react(node, "receive", *lines[act.line])
        if not act.falls:
            sent += _sent(node, effects)
    if act.falls:
        forget_volatile(node, birth)
        sent += _sent(node, react(node, "recover"))
    return _Here(node, sent, (*here.acts, act))


def _sent(node: Node, effects: list[Effect]) -> tuple[Line, ...]:
    messages = [effect.message for effect in effects if isinstance(effect, Send)]
    return tuple((node.name, message) for message in dict.fromkeys(messages))


def _key(here: _Here) -> Any:
    heard = frozenset(act.line for act in here.acts)
    fell = any(act.falls for act in here.acts)
    return tuple(map(freeze, read(here.node))), frozenset(here.sent), heard, fell


def _run(node: Node, lines: Sequence[Line], acts: Sequence[_Act]) -> MessageBus:
    """The same on a bus, to be looked at."""
    others = {name for name, _ in lines} | set(getattr(node, "learners", ()))
    bus = Dialogue(node, lines, others=sorted(others)).bus
    for act in acts:
        event: Any = None
        if act.line is not None:
            sender, message = lines[act.line]
            event = Deliver(next(e for e in bus.in_flight if (e.sender, e.message) == (sender, message)))
        bus.apply(Crash(node.name, during=event) if act.falls else event)
        if act.falls:
            bus.apply(Restart(node.name))
    return bus
