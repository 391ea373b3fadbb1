"""Stalls: is there a state from which even a kind world leads nowhere?

Safety says what never happens; this asks whether something still can. From every state that can be
reached, the faults stop: who may restart does, and from then on every message arrives, one at a
time, and timers ring in turn, each only when nothing is on its way any more. That is one fair
continuation, a very kind one: nobody is disturbed while it waits. If not even this one decides, the
protocol has stalled. If it does, that says "it can still go on from every state", and not that
every fair run decides: two proposers may overtake each other for ever in a run that is fair too.

What was in flight when the faults stopped is lost (`lose=True`) or arrives first. The first is the
harder test: it needs retransmission, as real networks do.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.node import LabError, Node
from paxos_lab.verify.explorer.choices import Act, Faults, World, as_trace, copies
from paxos_lab.verify.explorer.exploration import Exploration
from paxos_lab.verify.explorer.numbered_search import Coded, Numbers
from paxos_lab.world.copying import twin
from paxos_lab.world.events import Deliver, Restart, Timeout
from paxos_lab.world.trace import Trace

Decided = Callable[[Mapping[str, Node]], bool]
PATIENCE = 60  # timers that ring before we give up; ours decide after two or three


def proposers_learned(nodes: Mapping[str, Node]) -> bool:
    """Every proposer that is up has learned a value, and one is up: with none, nobody is left to go on."""
    wanting: list[Any] = [node for node in nodes.values() if _wants(node)]
    return bool(wanting) and all(node.learned is not None for node in wanting)


def _wants(node: Any) -> bool:
    return hasattr(node, "value") and hasattr(node, "learned")


def find_stall(
    nodes: Iterable[Node],
    decided: Decided = proposers_learned,
    faults: Faults | None = None,
    max_states: int = 200_000,
    *,
    lose: bool = True,
) -> Exploration:
    """Search for a state from which a fair continuation, described above, does not decide.

    `decided(nodes)` sees the nodes that are up; left out, all proposers that are up must have learned
    a value, and there must be one. With `Faults(restarts=False)` the crashed stay down in the
    continuation as well. The counterexample leads to the state and goes on until the fair
    continuation repeats itself. Raises `LabError` if `decided` is left out and no node is a proposer.
    """
    nodes = copies(nodes)
    if decided is proposers_learned and not any(map(_wants, nodes)):
        raise LabError(
            "find_stall asks whether every proposer learns a value, and none of these nodes has the fields "
            "`value` and `learned`: say what you wait for with decided=..., a function of the nodes that are up"
        )
    begin = time.monotonic()
    world = World(nodes, faults)
    numbers = Numbers(world)
    start = numbers.code(world.begin())
    before: dict[Coded, tuple[Coded, int | Act] | None] = {start: None}
    queue, transitions = deque([(start, 0)]), 0
    depth, cut, stalled = 0, "", None
    fate: dict[Coded, bool] = {}
    try:
        while queue and stalled is None:
            state, depth = queue.popleft()
            if not _leads_on(numbers, state, decided, lose, fate):
                stalled = state
                break
            for what, after in numbers.steps(state):
                transitions += 1
                if after not in before:
                    before[after] = state, what
                    queue.append((after, depth + 1))
            if len(before) >= max_states and queue:
                cut = "max_states"
                break
    except KeyboardInterrupt:
        cut = "interrupt"
    trace, sentence = None, ""
    if stalled is not None:
        acts: list[Act] = []
        here = stalled
        while (step := before[here]) is not None:
            here, what = step
            acts.append(numbers.act(what))
        trace, sentence = _story(world, acts[::-1], decided, lose)
    return Exploration(
        not cut and stalled is None, len(before), transitions, depth, time.monotonic() - begin, "progress",
        world.faults, None if stalled is None else "progress", sentence, trace, cut, nodes, (_named,), max_states,
    )  # fmt: skip


def _named(sent: object, nodes: object) -> None:
    """Stands in the list of properties of the result."""


_named.__name__ = "progress"


def _leads_on(numbers: Numbers, state: Coded, decided: Decided, lose: bool, fate: dict[Coded, bool]) -> bool:
    """True if the fair continuation from `state` decides. `fate`: what is known of other states."""
    world = numbers.world
    count = len(world.names)
    ids, bits = list(state[:count]), state[count]
    key = tuple(ids) if lose else state[: count + 1]
    if key in fate:
        return fate[key]
    flying = deque() if lose else deque(1 << f for f in range(bits.bit_length()) if bits >> f & 1)

    def happen(i: int, what: int | Act) -> None:
        ids[i], sent = numbers.step(i, ids[i], what)
        flying.extend(1 << f for f in range(sent.bit_length()) if sent >> f & 1)

    def is_decided() -> bool:
        locals = [numbers.locals[i][number] for i, number in enumerate(ids)]
        return decided({n: world.node(n, at) for n, at in zip(world.names, locals, strict=True) if at.up})

    if world.faults.restarts:
        for i, name in enumerate(world.names):
            if not numbers.locals[i][ids[i]].up:
                happen(i, Act("restart", name))
    turn, rings, idle = 0, 0, 0
    done = is_decided()
    while not done and rings < PATIENCE and idle < count:
        if flying:
            bit = flying.popleft()
            i = world.index[numbers.act(bit).node]
            if numbers.locals[i][ids[i]].up:
                happen(i, bit)
                done = is_decided()
            continue
        i, turn = turn, (turn + 1) % count
        timers = sorted(numbers.locals[i][ids[i]].timers)
        idle = idle + 1 if not timers else 0
        rings += len(timers)
        for timer in timers[:1]:
            happen(i, Act("timeout", world.names[i], timer))
            done = is_decided()
    fate[key] = done
    return done


def _story(world: World, acts: list[Act], decided: Decided, lose: bool) -> tuple[Trace, str]:
    """The way to the stall and the beginning of what follows, on a bus, and a sentence about its end."""
    bus = MessageBus([twin(node) for node in world.nodes])
    for step in as_trace(world, acts)[world.starts :]:
        bus.apply(step.event)
    if lose:
        for envelope in bus.in_flight:
            bus.drop(envelope)
    if world.faults.restarts:
        for name in bus.down:
            bus.apply(Restart(name))
    for turn in range(2 * len(world.names)):
        while bus.arriving:
            bus.apply(Deliver(bus.arriving[0].envelope))
        name = world.names[turn % len(world.names)]
        for node, timer, _ in sorted(bus.timers):
            if node == name:
                bus.apply(Timeout(node, timer))
                break
    waiting = [name for name in bus.names if name not in bus.down]
    if not bus.timers and not bus.arriving:
        return bus.trace, "progress: nothing is on its way and no timer runs, yet nothing is decided"
    who = ", ".join(sorted({node for node, _, _ in bus.timers}) or waiting)
    return bus.trace, f"progress: the timers of {who} ring and ring, and nothing is ever decided"
