"""The message bus: nodes, the messages in flight between them, a virtual clock, and faults.

No threads and no wall time. `enabled()` lists what could happen next, `apply(event)` makes one
of them happen; everything else is a convenience on these two.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, cast

from paxos_lab.node import OUTSIDE, CancelTimer, Effect, LabError, Node, RoleError, Send, SetTimer
from paxos_lab.world import overtime
from paxos_lab.world.copying import State, forget_volatile, put_state, state_of, twin
from paxos_lab.world.data import alike, said, shown, why_mutable
from paxos_lab.world.events import (
    Crash,
    Deliver,
    Drop,
    Duplicate,
    Envelope,
    Event,
    Heal,
    Invoke,
    Partition,
    Restart,
    Start,
    Timeout,
    node_of,
)
from paxos_lab.world.line_limit import EndlessLoop
from paxos_lab.world.memory import Memory
from paxos_lab.world.network import Delay, Network
from paxos_lab.world.rehearsal import Disturbed, Rehearsals
from paxos_lab.world.role_contract import check_apart, check_class, unknown
from paxos_lab.world.trace import Step, Trace, TraceError


class NotEnabled(LabError):
    """The event cannot happen now; the text says why. Nothing was changed."""


class MessageBus:
    """Nodes and what is between them.

    `delay`: how long a message travels, in units of virtual time: a number, a pair (low, high)
    drawn uniformly, or a function (rng, sender, to) -> number. `loss` and `duplicate`: the
    probability with which a timed run loses or doubles a message. All random choices come from `seed`.
    `idle`: names of nodes whose start waits for a `Start` event.
    `traced=False` keeps no trace (so no rewind); `checked=False` trusts the roles to keep their
    contract, and leaves a mess if one does not. Both make long simulations faster.
    """

    def __init__(
        self,
        nodes: Iterable[Node],
        seed: int = 0,
        delay: Delay = (0.5, 1.5),
        loss: float = 0.0,
        duplicate: float = 0.0,
        *,
        idle: Iterable[str] = (),
        traced: bool = True,
        checked: bool = True,
    ) -> None:
        self._nodes: dict[str, Node] = {}
        for node in nodes:
            check_class(node)
            if node.name in self._nodes:
                raise LabError(f"two nodes are called {node.name!r}: give each a name of its own")
            if node.name == OUTSIDE:
                raise LabError(f"{OUTSIDE!r} stands for the world around the nodes: choose another name")
            self._nodes[node.name] = node
        check_apart(self._nodes.values())
        self._birth: dict[str, State] = {n: state_of(node) for n, node in self._nodes.items()}
        self._fresh_network = Network(self._nodes, seed, delay, loss, duplicate)
        self._idle = (idle,) if isinstance(idle, str) else tuple(idle)
        for name in self._idle:
            self[name]  # raises if unknown
        self._traced = traced
        self._checked = checked
        self._reset()
        self.run(max_steps=len(self._to_start))

    def _reset(self) -> None:
        """Everything that changes during a run, as it is before the first event."""
        for name, node in self._nodes.items():
            put_state(node, self._birth[name])
        # What each node's fields were after the last step, to tell what the next one changes.
        self._remember({n: Memory(node, list(self._birth[n])) for n, node in self._nodes.items()})
        self._network = self._fresh_network.copy()
        self._steps = 0
        self.now = 0.0
        self._trace = Trace()
        self._down: dict[str, int] = {}  # name -> step of the crash
        self._started: set[str] = set()
        if self._traced:
            self._rehearsals.catch_up()
        self._to_start = [name for name in self._startable() if name not in self._idle]

    def _remember(self, memories: dict[str, Memory], thorough: bool = False) -> None:
        self._memories = memories
        self._rehearsals = Rehearsals(memories, memories, thorough)

    # ---- looking

    def __getitem__(self, name: str) -> Node:
        try:
            return self._nodes[name]
        except KeyError:
            raise unknown(name, self._nodes) from None

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    @property
    def names(self) -> list[str]:
        """The names of the nodes, in the order in which they were given."""
        return list(self._nodes)

    @property
    def in_flight(self) -> list[Envelope]:
        """The messages that were sent and are neither delivered nor lost, oldest first."""
        return [envelope for envelope, _, _ in self._network.flying.values()]

    @property
    def arriving(self) -> list[Deliver]:
        """The deliveries possible now: the addressee is up and no partition is in the way."""
        down, is_cut = self._down, self._network.is_cut
        return [Deliver(e) for e in self.in_flight if e.to not in down and not is_cut(e.sender, e.to)]

    @property
    def timers(self) -> list[tuple[str, str, float]]:
        """(node, timer, due) of every timer that runs."""
        return [(node, timer, alarm.due) for (node, timer), alarm in self._network.timers.items()]

    @property
    def down(self) -> list[str]:
        """The names of the nodes that crashed and have not been restarted."""
        return list(self._down)

    @property
    def cut(self) -> Partition | None:
        """The partition in force, if there is one."""
        return self._network.partition

    @property
    def trace(self) -> Trace:
        """What happened so far."""
        if not self._traced:
            raise LabError("this bus keeps no trace: it was made with traced=False")
        return self._trace

    def envelope(self, id: int) -> Envelope:
        """The message in flight with that id; raises `NotEnabled` if there is none."""
        if id not in self._network.flying:
            known = ", ".join(map(str, self._network.flying)) or "none"
            raise NotEnabled(f"no message with id {id} is in flight; in flight: {known}")
        return self._network.flying[id][0]

    def is_cut(self, sender: str, to: str) -> bool:
        """True if a partition keeps messages of `sender` from reaching `to`."""
        return self._network.is_cut(sender, to)

    # ---- what can happen

    def enabled(self) -> list[Event]:
        """The events possible now, in a stable order.

        `Partition` and `Invoke` are possible too but not listed, since their contents are free.
        """
        arriving = self.arriving
        ringing = [Timeout(node, timer) for node, timer in self._network.timers]
        starting = [Start(name) for name in self._startable()]
        restarting = [Restart(name) for name in self._down]
        acting: list[Any] = [*starting, *arriving, *ringing, *restarting]
        events: list[Event] = [*starting, *arriving, *ringing]
        events += [Drop(e) for e in self.in_flight]
        events += [Duplicate(e) for e in self.in_flight]
        events += [Crash(name) for name in self._nodes if name not in self._down]
        events += [Crash(name, during=event) for event in acting if (name := node_of(event))]
        events += restarting
        if self.cut is not None:
            events.append(Heal())
        return events

    def why_not(self, event: Event) -> str | None:
        """The reason why `event` cannot happen now, or None if it can."""
        try:
            return self._why_not(event)
        except (AttributeError, TypeError) as error:
            return f"{shown(event)} is malformed: {said(error)}"

    def _why_not(self, event: Event) -> str | None:
        match event:
            case Deliver(e) | Drop(e) | Duplicate(e):
                flight = self._network.flying.get(e.id) if isinstance(e, Envelope) else None
                if flight is None or not (flight[0] == e or alike(flight[0], e)):
                    return f"the message {said(e)} is not in flight"
                if type(event) is Deliver:
                    if e.to in self._down:
                        return f"{e.to} is down: restart it first, or drop the message"
                    if self.is_cut(e.sender, e.to):
                        return f"the partition keeps {e.sender} from reaching {e.to}: heal it first"
            case Timeout(node, timer):
                if (node, timer) not in self._network.timers:
                    known = [t for n, t in self._network.timers if n == node]
                    return (
                        self._why_not_up(node)
                        or f"{node} has set no timer {timer!r}; running there: {known or 'none'}"
                    )
            case Crash(node, during):
                if during is None:
                    return self._why_not_up(node)
                if node_of(during) != node or not isinstance(
                    during, Start | Deliver | Timeout | Restart | Invoke
                ):
                    return f"{during} does not happen at {node}"
                return self.why_not(during)
            case Restart(node):
                if node in self._nodes and node not in self._down:
                    return f"{node} is up: only a crashed node restarts"
                return None if node in self._nodes else str(unknown(node, self._nodes))
            case Start(node):
                if not self._can_start(node):
                    return self._why_not_up(node) or f"{node} has started already or has nothing to start"
            case Partition(groups):
                return self._why_no_partition(groups)
            case Heal():
                if self.cut is None:
                    return "there is no partition to heal"
            case Invoke(node, message):
                return self._why_not_up(node) or why_mutable(message, "the message")
            case _:
                return f"{shown(event)} is not an event: paxos_lab.world.events lists them"
        return None

    def upcoming(self) -> Event | None:
        """What virtual time brings next: an arrival, a loss, a copy or a timer; None if nothing."""
        for name in self._to_start:
            if name not in self._down:
                return Start(name)
        return self._network.upcoming(self._down)

    # ---- making it happen

    def apply(self, event: Event, *, at: float | None = None) -> Step:
        """Make `event` happen and return what came of it.

        `at`: the virtual time of the event; left out, it is when the message or timer was due, or
        now. Raises `NotEnabled`, `UnknownNode` or `RoleError`; then nothing has changed.
        """
        self._require(event)
        if at is not None and not (isinstance(at, int | float) and self.now <= at < math.inf):
            raise NotEnabled(f"the time {at!r} is not a number from {self.now} on (step {self._steps + 1})")
        if not self._traced:  # what is known may be as old as the last recorded step
            for memory in self._memories.values():
                memory.catch_up()
                memory.changes()
        with self._undoing():
            step = self._happen(event, at, record=True)
        assert step is not None
        return step

    def _require(self, event: Event) -> None:
        reason = self.why_not(event)
        if reason is not None:
            raise NotEnabled(f"{reason} (step {self._steps + 1})")

    @contextmanager
    def _undoing(self) -> Iterator[None]:
        """Whatever fails inside leaves the bus as it was after the last whole step."""
        try:
            yield
        except BaseException as error:
            # What is not possible was not begun, and a checked role was undone by the check. All else
            # (a role that is not checked, a delay function, an interrupt) is undone by doing the past
            # again.
            harmless = (NotEnabled, RoleError) if self._checked else NotEnabled
            if self._traced and not isinstance(error, harmless):
                self.rewind(len(self._trace))
            raise

    def _happen(self, event: Event, at: float | None, record: bool, alone: bool = False) -> Step | None:
        """Make an event happen that is known to be possible."""
        inner: Any = event.during if type(event) is Crash and event.during is not None else event
        kind = type(inner)
        network = self._network
        name: Any = None
        effects: list[Effect] = []
        time, cause = self.now, None
        if kind is Deliver:
            envelope, due, cause = network.flying[inner.envelope.id]
            name, time = envelope.to, due if due > time else time
            effects = self._run(name, "receive", (envelope.sender, envelope.message), alone)
            network.take(envelope)
        elif kind is Timeout:
            name = inner.node
            due, _, cause = network.timers[name, inner.timer]
            time = max(time, due)
            effects = self._run(name, "timeout", (inner.timer,), alone)
            network.cancel_timer(name, inner.timer)
        elif kind is Start:
            name = inner.node
            effects = self._run(name, "start", (), alone)
            self._begun(name)
        elif kind is Invoke:
            name = inner.node
            effects = self._run(name, "receive", (OUTSIDE, inner.message), alone)
        elif kind is Restart:
            name = inner.node
            effects = self._run(name, "recover", (), alone)
            cause = self._down.pop(name)
            self._begun(name)
        elif kind is Crash:
            name = inner.node
        self._steps += 1
        self.now = time if at is None else at
        if type(event) is Crash:
            self._fall(event.node)
            effects = []
        sent: list[Envelope] = []
        for effect in effects:
            if type(effect) is Send:
                if effect.to not in self._nodes:
                    raise unknown(effect.to, self._nodes)
                sent.append(network.send(name, effect.to, effect.message, self.now, self._steps))
            else:
                self._wind(name, effect)
        if kind is Drop:
            cause = network.take(inner.envelope)[2]
        elif kind is Duplicate:
            twin, cause = network.double(inner.envelope, self.now, self._steps)
            sent = [twin]
        elif kind is Partition or kind is Heal:
            network.cut(inner if kind is Partition else None)
        if not record:
            return None
        changed: dict[str, tuple[Any, Any]] = {}
        if name is not None:
            memory = self._memories[name]
            if not self._checked or type(event) is Crash:  # else it is up to date since the hook ran
                memory.note()
            changed = memory.changes()
        step = Step(self._steps, self.now, event, name, changed, tuple(sent), cause)
        if self._traced:
            self._trace.append(step)
        return step

    def _run(self, name: str, hook: str, arguments: tuple[Any, ...], alone: bool) -> list[Effect]:
        """Run a hook; if checked, one that breaks its contract leaves every node as it was."""
        try:
            if self._checked:
                return self._rehearsals.run(name, hook, arguments, alone)
            return cast(list[Effect], overtime.watched(self._nodes[name], hook, arguments))
        except RoleError as error:
            if not self._checked and not isinstance(error, EndlessLoop):
                raise
            raise type(error)(f"{error} (step {self._steps + 1})") from error.__cause__

    def _wind(self, name: str, effect: Effect) -> None:
        """Start or stop a timer."""
        if isinstance(effect, SetTimer):
            self._network.set_timer(name, effect.timer, self.now + effect.delay, self._steps)
        elif isinstance(effect, CancelTimer):
            self._network.cancel_timer(name, effect.timer)

    def _fall(self, name: str) -> None:
        self._down[name] = self._steps
        forget_volatile(self._nodes[name], self._birth[name])
        self._network.forget_timers(name)

    def _begun(self, name: str) -> None:
        self._started.add(name)
        if name in self._to_start:
            self._to_start.remove(name)

    def _startable(self) -> list[str]:
        return [name for name in self._nodes if self._can_start(name)]

    def _can_start(self, name: str) -> bool:
        if name not in self._nodes or name in self._started or name in self._down:
            return False
        return type(self._nodes[name]).start is not Node.start

    def _why_not_up(self, name: str) -> str | None:
        if name not in self._nodes:
            return str(unknown(name, self._nodes))
        return f"{name} is down" if name in self._down else None

    def _why_no_partition(self, groups: tuple[tuple[str, ...], ...]) -> str | None:
        seen: set[str] = set()
        for group in groups:
            for name in group:
                if name not in self._nodes:
                    return str(unknown(name, self._nodes))
                if name in seen:
                    return f"{name} is in two groups of the partition: put it in one"
                seen.add(name)
        if not groups or not all(groups):
            return "a partition needs groups of at least one name each"
        if len(groups) == 1 and len(seen) == len(self._nodes):
            return "all nodes are in one group: nothing is cut"
        return None

    # ---- conveniences on apply

    def deliver(self, envelope: Envelope | int) -> Step:
        """Let a message in flight (or its id) arrive."""
        return self.apply(Deliver(self._as_envelope(envelope)))

    def drop(self, envelope: Envelope | int) -> Step:
        """Lose a message in flight (or its id)."""
        return self.apply(Drop(self._as_envelope(envelope)))

    def duplicate(self, envelope: Envelope | int) -> Step:
        """Make a second copy of a message in flight (or its id)."""
        return self.apply(Duplicate(self._as_envelope(envelope)))

    def start(self, name: str) -> Step:
        """Start a node that was left idle."""
        return self.apply(Start(name))

    def timeout(self, name: str, timer: str) -> Step:
        """Let a timer ring, due or not."""
        return self.apply(Timeout(name, timer))

    def crash(self, name: str, during: Event | None = None) -> Step:
        """Stop a node, at rest or while it handles an event (disk written, nothing sent)."""
        return self.apply(Crash(name, during))  # type: ignore[arg-type]

    def restart(self, name: str) -> Step:
        """Bring a crashed node back with its stable fields."""
        return self.apply(Restart(name))

    def partition(self, *groups: Iterable[str] | str, one_way: bool = False) -> Step:
        """Cut the network between groups of names; nodes not named form one more group."""
        named = tuple((g,) if isinstance(g, str) else tuple(g) for g in groups)
        return self.apply(Partition(named, one_way))

    def heal(self) -> Step:
        """End the partition."""
        return self.apply(Heal())

    def invoke(self, name: str, message: Any) -> Step:
        """Hand a message to a node from outside the system."""
        return self.apply(Invoke(name, message))

    def _as_envelope(self, envelope: Envelope | int) -> Envelope:
        return self.envelope(envelope) if isinstance(envelope, int) else envelope

    # ---- runs and branches

    def run(
        self,
        schedule: Callable[[MessageBus], Event | None] | None = None,
        until: Callable[[MessageBus], bool] | None = None,
        max_steps: int = 10_000,
    ) -> int:
        """Let events happen until none is left, `until(bus)` holds or `max_steps` were made.

        `schedule(bus)` names the next event or None; left out, virtual time decides
        (`MessageBus.upcoming`). Returns the number of steps made.
        """
        with self._undoing():
            # What the reader hands in may change a node by hand between two steps.
            if self._checked and schedule is None and until is None and not self._network.asks:
                return self._run_alone(max_steps)
            made = self._go_on(schedule, until, max_steps)
            if self._checked:
                self._rehearsals.audit()
        return made

    def _go_on(
        self,
        schedule: Callable[[MessageBus], Event | None] | None,
        until: Callable[[MessageBus], bool] | None,
        max_steps: int,
        alone: bool = False,
    ) -> int:
        choose = schedule or MessageBus.upcoming
        for made in range(max_steps):
            if until is not None and until(self):
                return made
            event = choose(self)
            if event is None:
                return made
            if schedule is not None:  # virtual time names only what is possible
                self._require(event)
            self._happen(event, None, self._traced, alone)
        return max_steps

    def _run_alone(self, max_steps: int) -> int:
        """A run in which only hooks can change nodes; see `rehearsal` for what that is good for."""
        self._rehearsals.catch_up()
        before, steps = self._copy(), len(self._trace)
        memories = {name: memory.copy_for(memory.node) for name, memory in self._memories.items()}
        try:
            made = self._go_on(None, None, max_steps, alone=True)
            self._rehearsals.settle()
            return made
        except Disturbed as error:
            disturbed = error
        trace = self._trace
        del trace[steps:]
        self.__dict__.update(before.__dict__)
        self._trace = trace
        self._remember(memories, thorough=True)
        for memory in memories.values():
            memory.restore()
        with redirect_stdout(None):  # it was printed before
            self._go_on(None, None, max_steps)
        raise disturbed

    def rewind(self, step: int | Step) -> None:
        """Go back to where that many steps have happened (0: before the first).

        What is applied from there on is a new branch; the bus keeps no memory of the old one.
        """
        target = step.step if isinstance(step, Step) else step
        past = self.trace
        if not 0 <= target <= len(past):
            raise LabError(
                f"cannot go to step {target}: the trace has the steps 1 to {len(past)}, 0 is the start"
            )
        self._reset()
        checked, self._checked = self._checked, False  # each of these steps was checked before
        for done in past[:target]:
            self._happen(done.event, done.time, record=True)
        self._checked = checked

    def fork(self) -> MessageBus:
        """An independent copy: what happens here does not happen there."""
        other = self._copy()
        other._nodes = {name: twin(node) for name, node in self._nodes.items()}
        other._trace = Trace(self._trace)
        other._remember(
            {name: memory.copy_for(other._nodes[name]) for name, memory in self._memories.items()}
        )
        return other

    def _copy(self) -> MessageBus:
        """A copy with a network of its own, and the same nodes and trace."""
        other = copy.copy(self)
        other._network = self._network.copy()
        for part in ("_started", "_to_start", "_down"):
            setattr(other, part, copy.copy(getattr(self, part)))
        return other

    def __repr__(self) -> str:
        return f"<MessageBus: {len(self._nodes)} nodes, {len(self._network.flying)} in flight, step {self._steps}>"


def replay(nodes: Iterable[Node], trace: Trace) -> MessageBus:
    """Repeat `trace` on fresh nodes and return the bus at its end.

    Raises `TraceError` naming the first step that these nodes do not reproduce.
    """
    nodes = list(nodes)
    bus = MessageBus(nodes, idle=[node.name for node in nodes])
    for step in trace:
        try:
            again = bus.apply(step.event, at=step.time)
        except NotEnabled as error:
            raise TraceError(f"step {step.step} of the trace cannot happen here: {error}") from error
        for name, then, now in zip(step._fields, step, again, strict=True):
            if not alike(then, now):
                raise TraceError(
                    f"step {step.step} ({type(step.event).__name__.lower()} at {step.node}) went "
                    f"differently: {name} was {then!r} and is now {now!r}"
                )
    return bus
