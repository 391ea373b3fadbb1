"""The message bus: nodes, the messages in flight between them, a virtual clock, and faults.

No threads and no wall time. `enabled()` lists what could happen next, `apply(event)` makes one
of them happen; everything else is a convenience on these two.
"""

from __future__ import annotations

import copy
import heapq
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from paxos_lab.contract import (
    State,
    changes,
    check_apart,
    check_class,
    forget_volatile,
    put_state,
    run_hook,
    state_of,
    twin,
    unknown,
)
from paxos_lab.events import (
    OUTSIDE,
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
from paxos_lab.node import CancelTimer, Effect, LabError, Node, RoleError, Send, SetTimer, react
from paxos_lab.plain import why_mutable
from paxos_lab.trace import Step, Trace

Delay = float | tuple[float, float] | Callable[[random.Random, str, str], float]


class NotEnabled(LabError):
    """The event cannot happen now; the text says why. Nothing was changed."""


class MessageBus:
    """Nodes and what is between them.

    `delay`: how long a message travels, in units of virtual time: a number, a pair (low, high)
    drawn uniformly, or a function (rng, sender, to) -> number. `loss` and `duplicate`: the
    probability with which a timed run loses or doubles a message. All chance comes from `seed`.
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
        self.loss = _probability("loss", loss)
        self.duplicate_rate = _probability("duplicate", duplicate)
        self._delay = _as_function(delay)
        self._seed = seed
        self._idle = tuple(idle)
        for name in self._idle:
            self[name]  # raises if unknown
        self._traced = traced
        self._checked = checked
        self._reset()
        while self._to_start:
            self.apply(Start(self._to_start[0]))

    def _reset(self) -> None:
        """Everything that changes during a run, as it is before the first event."""
        for name, node in self._nodes.items():
            put_state(node, self._birth[name])
        # What each node's fields were after the last step, to tell what the next one changes.
        self._known: dict[str, list[Any]] = {n: list(state) for n, state in self._birth.items()}
        self._random = random.Random(self._seed)
        self._steps = 0
        self.now = 0.0
        self._trace = Trace()
        self._down: dict[str, int] = {}  # name -> step of the crash
        self._started: set[str] = set()
        self._to_start = [name for name in self._startable() if name not in self._idle]
        self._last_id = 0
        self._flying: dict[int, tuple[Envelope, float, int]] = {}  # id -> envelope, due, step sent
        self._to_double: set[int] = set()
        self._timers: dict[tuple[str, str], tuple[float, int, int]] = {}  # -> due, order, step set
        self._agenda: list[tuple[float, int, Event]] = []  # a heap; entries may be stale
        self._order = 0
        self._held: list[tuple[float, int, Event]] = []  # due, but the cut is in the way
        self._partition: Partition | None = None
        self._group: dict[str, int] = {}

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
        return [envelope for envelope, _, _ in self._flying.values()]

    @property
    def timers(self) -> list[tuple[str, str, float]]:
        """(node, timer, due) of every timer that runs."""
        return [(node, timer, due) for (node, timer), (due, _, _) in self._timers.items()]

    @property
    def down(self) -> list[str]:
        """The names of the nodes that crashed and have not been restarted."""
        return list(self._down)

    @property
    def cut(self) -> Partition | None:
        """The partition in force, if there is one."""
        return self._partition

    @property
    def trace(self) -> Trace:
        """What happened so far."""
        if not self._traced:
            raise LabError("this bus keeps no trace: it was made with traced=False")
        return self._trace

    def envelope(self, id: int) -> Envelope:
        """The message in flight with that id."""
        if id not in self._flying:
            known = ", ".join(map(str, self._flying)) or "none"
            raise NotEnabled(f"no message with id {id} is in flight; in flight: {known}")
        return self._flying[id][0]

    # ---- what can happen

    def enabled(self) -> list[Event]:
        """The events possible now, in a stable order.

        `Partition` and `Invoke` are possible too but not listed, since their contents are free.
        """
        arriving: list[Deliver] = [
            Deliver(e) for e in self.in_flight if e.to not in self._down and not self.is_cut(e.sender, e.to)
        ]
        ringing = [Timeout(node, timer) for node, timer in self._timers]
        starting = [Start(name) for name in self._startable()]
        restarting = [Restart(name) for name in self._down]
        acting: list[Any] = [*starting, *arriving, *ringing, *restarting]
        events: list[Event] = [*starting, *arriving, *ringing]
        events += [Drop(e) for e in self.in_flight]
        events += [Duplicate(e) for e in self.in_flight]
        events += [Crash(name) for name in self._nodes if name not in self._down]
        events += [Crash(name, during=event) for event in acting if (name := node_of(event))]
        events += restarting
        if self._partition is not None:
            events.append(Heal())
        return events

    def why_not(self, event: Event) -> str | None:
        """The reason why `event` cannot happen now, or None if it can."""
        match event:
            case Deliver(e) | Drop(e) | Duplicate(e):
                flying = self._flying.get(e.id)
                if flying is None or flying[0] != e:
                    return f"the message {e} is not in flight"
                if isinstance(event, Deliver):
                    if e.to in self._down:
                        return f"{e.to} is down: restart it first, or drop the message"
                    if self._partition is not None and self.is_cut(e.sender, e.to):
                        return f"the partition keeps {e.sender} from reaching {e.to}: heal it first"
            case Timeout(node, timer):
                if (node, timer) not in self._timers:
                    known = [t for n, t in self._timers if n == node]
                    return f"{node} has set no timer {timer!r}; running there: {known or 'none'}"
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
                if node not in self._startable():
                    return self._why_not_up(node) or f"{node} has started already or has nothing to start"
            case Partition(groups):
                return self._why_no_partition(groups)
            case Heal():
                if self._partition is None:
                    return "there is no partition to heal"
            case Invoke(node, message):
                return self._why_not_up(node) or why_mutable(message, "the message")
            case _:
                return f"{event!r} is no event: see paxos_lab.events for those there are"
        return None

    def is_cut(self, sender: str, to: str) -> bool:
        """True if the partition keeps messages of `sender` from reaching `to`."""
        if self._partition is None:
            return False
        a, b = self._group[sender], self._group[to]
        return a < b if self._partition.one_way else a != b

    def upcoming(self) -> Event | None:
        """What virtual time brings next: an arrival, a loss, a copy or a timer; None if nothing."""
        for name in self._to_start:
            if name not in self._down:
                return Start(name)
        while self._agenda:
            entry = self._agenda[0]
            event = entry[2]
            if type(event) is Timeout:
                timer = self._timers.get((event.node, event.timer))
                if timer is not None and timer[1] == entry[1]:
                    return event
            else:
                envelope: Envelope = event.envelope  # type: ignore[union-attr]
                if envelope.id in self._flying and (
                    type(event) is not Duplicate or envelope.id in self._to_double
                ):
                    if envelope.to in self._down:
                        return Drop(envelope)
                    if type(event) is not Deliver:
                        return event
                    if self._partition is None or not self.is_cut(envelope.sender, envelope.to):
                        return event
                    self._held.append(entry)
            heapq.heappop(self._agenda)
        return None

    # ---- making it happen

    def apply(self, event: Event, *, at: float | None = None) -> Step:
        """Make `event` happen and return what came of it.

        `at`: the virtual time of the event; left out, it is when the message or timer was due, or
        now. Raises `NotEnabled`, `UnknownNode` or `RoleError`; then nothing has changed.
        """
        self._require(event)
        if not self._traced:  # the state known is as old as the last recorded step
            self._known = {name: list(state_of(node)) for name, node in self._nodes.items()}
        step = self._happen(event, at, record=True)
        assert step is not None
        return step

    def _require(self, event: Event) -> None:
        reason = self.why_not(event)
        if reason is not None:
            raise NotEnabled(f"{reason} (step {self._steps + 1})")

    def _happen(self, event: Event, at: float | None, record: bool) -> Step | None:
        """Make an event happen that is known to be possible."""
        inner: Any = event.during if type(event) is Crash and event.during is not None else event
        kind = type(inner)
        name: str | None = None
        effects: list[Effect] = []
        time, cause = self.now, None
        if kind is Deliver:
            envelope, due, cause = self._flying[inner.envelope.id]
            name, time = envelope.to, max(time, due)
            effects = self._run(name, "receive", envelope.sender, envelope.message)
            del self._flying[envelope.id]
        elif kind is Timeout:
            name = inner.node
            due, _, cause = self._timers[name, inner.timer]
            time = max(time, due)
            effects = self._run(name, "timeout", inner.timer)
            del self._timers[name, inner.timer]
        elif kind is Start:
            name = inner.node
            effects = self._run(name, "start")
            self._begun(name)
        elif kind is Invoke:
            name = inner.node
            effects = self._run(name, "receive", OUTSIDE, inner.message)
        elif kind is Restart:
            name = inner.node
            effects = self._run(name, "recover")
            cause = self._down.pop(name)
            self._begun(name)
        elif kind is Crash:
            name = inner.node
        # From here on nothing can fail.
        self._steps += 1
        self.now = time if at is None else at
        if type(event) is Crash:
            self._fall(event.node)
            effects = []
        sent: list[Envelope] = []
        for effect in effects:
            assert name is not None
            if type(effect) is Send:
                sent.append(self._dispatch(name, effect.to, effect.message))
            else:
                self._wind(name, effect)
        if kind in (Drop, Duplicate):
            envelope, _, cause = self._flying[inner.envelope.id]
            self._to_double.discard(envelope.id)
            if kind is Drop:
                del self._flying[envelope.id]
            else:
                sent = [self._dispatch(envelope.sender, envelope.to, envelope.message, fresh=False)]
        elif kind is Partition or kind is Heal:
            self._cut(inner if kind is Partition else None)
        if not record:
            return None
        changed: dict[str, tuple[Any, Any]] = {}
        if name is not None:
            changed = changes(self._nodes[name], self._known[name])
        step = Step(self._steps, self.now, event, name, changed, tuple(sent), cause)
        if self._traced:
            self._trace.append(step)
        return step

    def _run(self, name: str, hook: str, *arguments: Any) -> list[Effect]:
        """Run a hook; if checked, one that breaks its contract leaves every node as it was."""
        node = self._nodes[name]
        if self._checked:
            try:
                return run_hook(node, hook, arguments, self._nodes)
            except RoleError as error:
                raise type(error)(f"{error} (step {self._steps + 1})") from error.__cause__
        effects = react(node, hook, *arguments)
        for effect in effects:
            if type(effect) is Send and effect.to not in self._nodes:
                raise unknown(effect.to, self._nodes)
        return effects

    def _wind(self, name: str, effect: Effect) -> None:
        """Set or stop a timer."""
        if type(effect) is SetTimer:
            self._order += 1
            due = self.now + effect.delay
            self._timers[name, effect.timer] = (due, self._order, self._steps)
            heapq.heappush(self._agenda, (due, self._order, Timeout(name, effect.timer)))
        elif type(effect) is CancelTimer:
            self._timers.pop((name, effect.timer), None)

    def _dispatch(self, sender: str, to: str, message: Any, fresh: bool = True) -> Envelope:
        self._last_id = id = self._last_id + 1
        self._order += 1
        envelope = Envelope(id, sender, to, message)
        due = self.now + self._delay(self._random, sender, to)
        self._flying[id] = (envelope, due, self._steps)
        event: Event = Deliver(envelope)
        if self.loss and self._random.random() < self.loss:
            event = Drop(envelope)
        elif fresh and self.duplicate_rate and self._random.random() < self.duplicate_rate:
            self._to_double.add(id)
            heapq.heappush(self._agenda, (due, self._order, Duplicate(envelope)))
            self._order += 1
        heapq.heappush(self._agenda, (due, self._order, event))
        return envelope

    def _fall(self, name: str) -> None:
        self._down[name] = self._steps
        forget_volatile(self._nodes[name], self._birth[name])
        for key in [key for key in self._timers if key[0] == name]:
            del self._timers[key]

    def _cut(self, partition: Partition | None) -> None:
        self._partition = partition
        self._group = {}
        if partition is not None:
            rest = len(partition.groups)
            self._group = dict.fromkeys(self._nodes, rest)
            self._group |= {name: i for i, group in enumerate(partition.groups) for name in group}
        for entry in self._held:
            heapq.heappush(self._agenda, entry)
        self._held = []

    def _begun(self, name: str) -> None:
        self._started.add(name)
        if name in self._to_start:
            self._to_start.remove(name)

    def _startable(self) -> list[str]:
        return [
            name
            for name, node in self._nodes.items()
            if name not in self._started and name not in self._down and type(node).start is not Node.start
        ]

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
        choose = schedule or MessageBus.upcoming
        for made in range(max_steps):
            if until is not None and until(self):
                return made
            event = choose(self)
            if event is None:
                return made
            if schedule is not None:
                self._require(event)
            self._happen(event, None, record=self._traced)
        return max_steps

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
        other = copy.copy(self)
        other._nodes = {name: twin(node) for name, node in self._nodes.items()}
        other._random = random.Random()
        other._random.setstate(self._random.getstate())
        other._trace = Trace(self._trace)
        for name in (
            "_started",
            "_to_start",
            "_down",
            "_flying",
            "_to_double",
            "_timers",
            "_agenda",
            "_held",
        ):
            setattr(other, name, copy.copy(getattr(self, name)))
        other._known = {name: list(state) for name, state in self._known.items()}
        other._group = dict(self._group)
        return other

    def __repr__(self) -> str:
        return f"<MessageBus: {len(self._nodes)} nodes, {len(self._flying)} in flight, step {self._steps}>"


def _probability(name: str, value: float) -> float:
    if not (isinstance(value, int | float) and 0 <= value < 1):
        raise LabError(f"{name} is a probability from 0 up to, but not including, 1; got {value!r}")
    return value


def _as_function(delay: Delay) -> Callable[[random.Random, str, str], float]:
    if callable(delay):
        return delay
    low, high = delay if isinstance(delay, tuple) else (delay, delay)
    if not 0 <= low <= high:
        raise LabError(f"a delay is 0 or more, a pair is (low, high); got {delay!r}")
    if low == high:
        return lambda rng, sender, to: low
    width = high - low
    return lambda rng, sender, to: low + width * rng.random()
