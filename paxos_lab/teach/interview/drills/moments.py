"""Moments of seeded runs, to ask questions about: what a node had before a step, and what came to it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from paxos_lab.bus import MessageBus
from paxos_lab.node import Node
from paxos_lab.paxos import Prepare, single_decree
from paxos_lab.paxos.quorums import names_of
from paxos_lab.teach.interview.drills.drill_box import Option
from paxos_lab.world.copying import twin
from paxos_lab.world.events import Crash, Deliver, Event, Restart, Start, Timeout, node_of
from paxos_lab.world.schedule import seeded

_STEPS = 90
_RUNS = 60  # runs looked at for a moment of the sort that is wanted; each has many

_ENOUGH = 300  # moments, after which the first of the wanted sort will do


class Moment(NamedTuple):
    """One step of a run: the node as it was before, the hook with its arguments, the run so far."""

    node: Node
    hook: str
    arguments: tuple[Any, ...]
    sent: list[tuple[str, Any]]
    arrived: list[tuple[str, Any]]
    """What has arrived at a proposer since it opened its ballot, this message included."""
    acceptors: tuple[str, ...]


def moments(rng: random.Random) -> Iterator[Moment]:
    """Every step of some runs at which a node does something."""
    for _ in range(_RUNS):
        values = list("xyz"[: rng.choice([2, 3, 3])])
        names = names_of(rng.choice([3, 3, 5]))
        nodes = single_decree(values, acceptors=len(names), learners=0)
        bus = MessageBus(nodes, seed=rng.randrange(10**6), checked=False)
        choose = seeded(rng.randrange(10**6), faults=0.2)
        sent: list[tuple[str, Any]] = []
        inbox: dict[str, list[tuple[str, Any]]] = {}
        sent += bus.trace.sent
        for _ in range(_STEPS):
            event = choose(bus)
            if event is None:
                break
            hook, arguments = _hook_of(event)
            name = node_of(event) if hook else None
            before = twin(bus[name]) if name else None
            step = bus.apply(event)
            sent += [(e.sender, e.message) for e in step.sent]
            if name is None or before is None:
                continue
            if any(isinstance(e.message, Prepare) for e in step.sent):
                inbox[name] = []
            elif hook == "receive":
                inbox.setdefault(name, []).append(arguments)
            yield Moment(before, hook, arguments, list(sent), list(inbox.get(name, [])), names)


def _hook_of(event: Event) -> tuple[str, tuple[Any, ...]]:
    match event:
        case Deliver(envelope):
            return "receive", (envelope.sender, envelope.message)
        case Timeout(_, timer):
            return "timeout", (timer,)
        case Restart():
            return "recover", ()
        case Start():
            return "start", ()
        case Crash() | _:
            return "", ()


def find(rng: random.Random, sort_of: Callable[[Moment], str | None], wanted: str) -> Moment:
    """A moment of that sort in random runs; where there is none, one of another sort."""
    skip = rng.randrange(4)  # the first of a run is often the dullest
    right = other = None
    for seen, moment in enumerate(moments(rng)):
        sort = sort_of(moment)
        if sort == wanted:
            right, skip = moment, skip - 1
        elif sort is not None:
            other = moment
        if right and (skip < 0 or seen > _ENOUGH):
            break
    found = right or other
    assert found is not None, "sixty runs without a single message"
    return found


def shuffled(rng: random.Random, options: tuple[Option, ...]) -> tuple[Option, ...]:
    return tuple(rng.sample(options, len(options)))
