"""`explore`: try everything that the network and the faults can do, and show what was found."""

from __future__ import annotations

import builtins
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from paxos_lab.bus import MessageBus, replay
from paxos_lab.node import LabError, Node
from paxos_lab.verify.explorer.choices import Faults, World, as_trace, copies
from paxos_lab.verify.explorer.fast.search import StepRaises, applies, reduced_search
from paxos_lab.verify.explorer.noticed import Noticed
from paxos_lab.verify.explorer.numbered_search import TooLarge, numbered_search
from paxos_lab.verify.explorer.plain_search import Watch, plain_search
from paxos_lab.verify.explorer.properties import PROOF, Nodes, Property, Sent, agreement, reachable, validity
from paxos_lab.verify.explorer.result import Found, broken, name_of
from paxos_lab.words.narration import narrate
from paxos_lab.words.text import markdown
from paxos_lab.world.copying import twin
from paxos_lab.world.trace import Trace

METHODS: dict[str, Callable[..., Found]] = {
    "plain": plain_search,
    "numbered": numbered_search,
    "reduced": reduced_search,
}
MOST_STATES = {"plain": 300_000, "numbered": 300_000, "reduced": 2_000_000}  # unless told otherwise
PATIENCE = 8_000  # local steps of the fast search's preparation, then a short search is tried
FEW_STATES = 3_000  # of that one
SPEAK_AFTER = 10.0  # seconds of silence before a line is shown
QUIET = "PAXOS_LAB_QUIET"  # set this variable, and it is never shown


@dataclass(frozen=True)
class Exploration:
    """What came of an exploration; shows itself in a notebook.

    `complete`: every state was visited that can be reached within the faults allowed. `states` and
    `transitions`: how many of them this search saw, `depth`: the most events that it takes to reach
    one. `counterexample`: a run that breaks `property` in as few events as any
    can, and `sentence` what is wrong there. A message that arrives once more is one event of the search; its
    trace has two steps for it, the copy and the delivery.
    `remark`: why "holds" says next to nothing, if nothing came up that the properties look at.
    """

    complete: bool
    states: int
    transitions: int
    depth: int
    seconds: float
    method: str
    faults: Faults
    property: str | None = None
    sentence: str = ""
    counterexample: Trace | None = None
    cut: str = ""
    _nodes: Sequence[Node] = field(default=(), repr=False)
    properties: Sequence[Property] = field(default=(), repr=False)
    max_states: int | None = field(default=None, repr=False)
    remark: str = ""

    @builtins.property  # `property` is a field here
    def ok(self) -> bool:
        """True if nothing was found broken; look at `complete` before you call it proved."""
        return self.property is None

    @builtins.property  # `property` is a field here
    def bus(self) -> MessageBus:
        """A bus that stands at the end of the counterexample, for a `Stepper` or a picture."""
        if self.counterexample is None:
            raise LabError("there is no counterexample to stand at the end of: nothing was found broken")
        return replay(self.nodes, self.counterexample)

    @builtins.property  # `property` is a field here
    def nodes(self) -> list[Node]:
        """Fresh nodes like those that were explored."""
        return [twin(node) for node in self._nodes]

    def reached(self, predicate: Callable[[Sent, Nodes], bool]) -> bool:
        """Can this happen at all? `predicate(sent, nodes)` is asked in every state.

        Raises `LabError` if the bound cut the search before an answer.
        """
        return self.witness(predicate) is not None

    def witness(self, predicate: Callable[[Sent, Nodes], bool]) -> Trace | None:
        """A run with the fewest acts to a state in which `predicate(sent, nodes)` holds, or None."""
        found = explore(
            self.nodes, properties=(reachable(predicate),), faults=self.faults, max_states=self.max_states
        )
        if found.ok and not found.complete:
            raise LabError(
                f"not seen among {found.states:,} states, but {found.cut} ended the search: no answer"
            )
        return found.counterexample

    def broken_on_the_way(self, properties: Iterable[Property] = PROOF) -> list[tuple[int, str, str]]:
        """(step, property, sentence) of each property that the counterexample breaks, in that order.

        The first shows where a proof would fail, often well before two values are chosen.
        """
        return broken_along(self.nodes, self.counterexample or Trace(), properties)

    def __str__(self) -> str:
        states, steps = "state" + "s" * (self.states != 1), "transition" + "s" * (self.transitions != 1)
        size = f"{self.states:,} {states}, {self.transitions:,} {steps}, {self.faults}"
        if self.property is not None:
            assert self.counterexample is not None
            return f"BROKEN after {len(self.counterexample)} steps: {self.sentence} ({size})"
        *most, last = map(name_of, self.properties)
        names = f"{', '.join(most)} and {last}" if most else last
        if self.complete:
            hold = "hold" if len(self.properties) > 1 else "holds"
            text = f"{names} {hold} in every state that can be reached: {size}"
        else:
            text = f"nothing broken, but NOT COMPLETE: {self.cut} ended the search after {size}"
        return f"{text}. {self.remark}" if self.remark else text

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        lines = [f"**{markdown(str(self))}**"]
        if self.counterexample is not None:
            broken_before = {step: (name, why) for step, name, why in reversed(self.broken_on_the_way())}
            lines.append("")
            for step in self.counterexample:
                lines.append(f"{step.step}. {markdown(narrate(step))}")
                if step.step in broken_before:
                    lines[-1] += f" **Breaks** {markdown(broken_before[step.step][1])}."
        return {"text/markdown": "\n".join(lines), "text/plain": str(self)}


def explore(
    nodes: Iterable[Node],
    properties: Iterable[Property] = (agreement, validity),
    faults: Faults | None = None,
    max_states: int | None = None,
    *,
    method: str = "auto",
    watch: Watch | None = None,
) -> Exploration:
    """Try every order of events, and find one with the fewest events that breaks a property.

    Every message that was sent may arrive late, in any order, many times, or never; `faults` bounds
    what may happen besides. The search ends at the first break, when nothing new can be reached, at
    `max_states` (left out: 2,000,000 for the reduced search, 300,000 for the others), or when it is
    interrupted: then it says so and is not `complete`. `method`:
    "reduced" (fast, needs properties that say what they read), "numbered" or "plain" (the one to
    read); "auto" takes the fastest that fits. `watch(states, depth)` is called on the way; left
    out, a line appears if it takes long, unless PAXOS_LAB_QUIET is set in the environment. Raises
    `RoleError` for a role that breaks its contract,
    with the step.
    """
    nodes = copies(nodes)
    properties = tuple(properties)
    bound = max_states is not None
    if bound and (isinstance(max_states, bool) or not isinstance(max_states, int) or max_states < 1):
        raise LabError(f"max_states is a whole number from 1 on, got {max_states!r}")
    if method not in ("auto", *METHODS):
        raise LabError(f"method is one of auto, {', '.join(METHODS)}; got {method!r}")
    if not properties or not all(map(callable, properties)):
        raise LabError("properties are functions of (sent, nodes), at least one; see verify.properties")
    begin = time.monotonic()
    world = World(nodes, faults)
    watch = watch or _Speaker().say
    if method == "reduced" and not applies(properties):
        raise LabError("the reduced search must know what a property reads: mark it with looks_at(...)")
    noticed = Noticed(properties, nodes)
    asked = (*properties, noticed.judge)
    if method == "auto":
        method, found = _fastest(world, asked, max_states, watch)
    else:
        try:
            found = METHODS[method](world, asked, max_states or MOST_STATES[method], watch)
        except StepRaises as raises:
            raise raises.error from None
    remark = "" if found.property else noticed.remark(world)
    seconds = time.monotonic() - begin
    trace = None if found.acts is None else as_trace(world, found.acts)
    return Exploration(
        found.complete, found.states, found.transitions, found.depth, seconds, method, world.faults,
        found.property, found.sentence, trace, found.cut, nodes, properties, max_states, remark,
    )  # fmt: skip


class _Answered(Exception):
    """A short search has found the answer while the fast one was still preparing."""

    def __init__(self, found: Found) -> None:
        super().__init__(found)
        self.found = found


def _fastest(
    world: World, properties: Sequence[Property], max_states: int | None, watch: Watch
) -> tuple[str, Found]:
    """The reduced search, or the numbered one where that one does not fit."""
    why, error = "", None
    if applies(properties):
        try:
            most = max_states or MOST_STATES["reduced"]
            return "reduced", reduced_search(
                world, properties, most, watch, _Short(world, properties, watch).tick
            )
        except _Answered as answer:
            return "numbered", answer.found
        except TooLarge as large:
            why = f" ({large})"
        except StepRaises as raises:
            error = raises.error
    found = numbered_search(world, properties, max_states or MOST_STATES["numbered"], watch)
    if error is not None and found.property is None:
        # This search was to name the step. It came across nothing, but what the other one saw is so.
        raise error
    if found.cut == "max_states":
        found = replace(found, cut=found.cut + why)
    return "numbered", found


class _Short:
    """A short search that is tried once if the preparation of the fast one takes long.

    Where a field grows for ever, that preparation never ends; a break is often near all the same.
    """

    def __init__(self, world: World, properties: Sequence[Property], watch: Watch) -> None:
        self._world, self._properties, self._watch = world, properties, watch
        self._steps = 0

    def tick(self) -> None:
        """Called for each local step of the preparation; raises `_Answered`."""
        self._steps += 1
        if self._steps == PATIENCE:
            found = numbered_search(self._world, self._properties, FEW_STATES, self._watch)
            if found.complete or found.property is not None or found.cut == "interrupt":
                raise _Answered(found)


def broken_along(
    nodes: Iterable[Node], trace: Trace, properties: Iterable[Property]
) -> list[tuple[int, str, str]]:
    """(step, property, sentence) for each property when it first breaks along a trace."""
    left = list(properties)
    nodes = copies(nodes)
    bus = MessageBus(nodes, idle=[node.name for node in nodes], checked=False)
    found = []
    for step in trace:
        bus.apply(step.event)
        sent = bus.trace.sent
        for judge in list(left):
            said = broken([judge], sent, {node.name: node for node in bus})
            if said is not None:
                found.append((step.step, *said))
                left.remove(judge)
    return found


class _Speaker:
    """Says on stderr how far a long search has come."""

    def __init__(self) -> None:
        # What is stored and compared must not tell how fast the machine was.
        self._next = math.inf if os.environ.get(QUIET) else time.monotonic() + SPEAK_AFTER

    def say(self, states: int, depth: int) -> None:
        """Called by the search with the states known and the depth reached."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 1.0  # from now on: whoever was held up does not catch up
            print(f"explored {states:,} states, {depth} events deep ...", file=sys.stderr)
