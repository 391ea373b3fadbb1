"""A world in which anything may happen: what the explorer searches.

The network is a growing set: whatever was sent may arrive late, in any order, many times, or
never. That one rule covers loss, duplication, reordering and partitions. What may happen besides
deliveries (timers that ring, crashes) is bounded by `Faults`.

A `State` is plain data, so a search can put it in a dictionary. The nodes that the learner wrote
are only borrowed to compute a local step: state and message in, state and messages out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from paxos_lab.bus import MessageBus
from paxos_lab.node import CancelTimer, LabError, Node, Send, SetTimer, field_names, stable_fields
from paxos_lab.verify.explorer.fast.hashable import mark_of
from paxos_lab.verify.explorer.fast.role_runner import RoleRunner
from paxos_lab.world.copying import twin
from paxos_lab.world.data import alike
from paxos_lab.world.events import Crash, Deliver, Envelope, Event, Restart, Timeout
from paxos_lab.world.role_contract import check_apart, check_class
from paxos_lab.world.trace import Trace


@dataclass(frozen=True)
class Faults:
    """How much may happen besides deliveries, counted over the whole run and all nodes.

    `crashes`: at rest, or between the disk write and the sends of a step. `timeouts`: timers that
    ring; without clocks, at any moment. `restarts=False`: who crashed stays down. `who`: the names
    of those that may crash; left out, everybody.
    """

    crashes: int = 0
    timeouts: int = 0
    restarts: bool = True
    who: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("crashes", "timeouts"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, int) or number < 0:
                raise LabError(f"Faults: {name} is a whole number from 0 on, got {number!r}")
        if isinstance(self.who, str):
            object.__setattr__(self, "who", (self.who,))

    def __str__(self) -> str:
        crashes = f"{self.crashes} crash{'es' * (self.crashes != 1)}"
        final = "" if self.restarts or not self.crashes else " for good"
        return f"{crashes}{final}, {self.timeouts} timeout{'s' * (self.timeouts != 1)}"


class Flight(NamedTuple):
    """A message that was sent; sent twice, it is still one."""

    sender: str
    to: str
    message: Any
    mark: Any = None  # tells it apart from one that Python calls equal: see `mark_of`


class Local(NamedTuple):
    """All there is to one node: its fields in a form that can be hashed, its timers, up or down."""

    fields: Any
    timers: frozenset[str]
    up: bool


class State(NamedTuple):
    """All there is to the world: each node, the messages sent, the faults that are left."""

    locals: tuple[Local, ...]
    sent: frozenset[Flight]
    timeouts: int
    crashes: int


class Act(NamedTuple):
    """One thing that happens: "deliver" a flight, "timeout" of a timer, "crash" or "restart".

    `falls`: the node crashes during it; the disk is written, nothing is sent.
    """

    kind: str
    node: str
    what: Any = None
    falls: bool = False


def copies(nodes: Iterable[Node]) -> list[Node]:
    """Independent nodes like these; raises `RoleError` if they are not roles or share anything."""
    nodes = list(nodes)
    for node in nodes:
        check_class(node)
    check_apart(nodes)
    return [twin(node) for node in nodes]


class World:
    """The nodes and the faults that are allowed; gives the first state and the steps from each.

    Raises `RoleError` or `LabError` where nodes or faults do not fit.
    """

    def __init__(self, nodes: Iterable[Node], faults: Faults | None = None) -> None:
        self.nodes = copies(nodes)
        self.faults = faults or Faults()
        bus = MessageBus(copies(self.nodes), idle=[n.name for n in self.nodes])  # checks the names
        self.names = tuple(bus.names)
        for name in self.faults.who or ():
            bus[name]  # raises if unknown
        self.index = {name: i for i, name in enumerate(self.names)}
        self._runner = {n.name: RoleRunner(twin(n), self.names) for n in self.nodes}
        self._birth = {n.name: self._runner[n.name].frozen(n) for n in self.nodes}
        self._order: dict[Flight, int] = {}
        self._shown: dict[tuple[str, Local], Node] = {}
        self.starts: int = sum(type(node).start is not Node.start for node in self.nodes)

    # ---- the whole world

    def begin(self) -> State:
        """The state in which every node has started and nothing has arrived."""
        locals: list[Local] = []
        sent: list[Flight] = []
        for node in self.nodes:
            birth = Local(self._birth[node.name], frozenset(), True)
            local, flights = self._run(node.name, birth, "start")
            locals.append(local)
            sent += flights
        return State(tuple(locals), frozenset(sent), self.faults.timeouts, self.faults.crashes)

    def acts(self, state: State) -> Iterator[Act]:
        """Everything that can happen in `state`, in an order that is the same every time."""
        for flight in sorted(state.sent, key=self.rank):
            if state.locals[self.index[flight.to]].up:
                yield Act("deliver", flight.to, flight)
        for name, local in zip(self.names, state.locals, strict=True):
            if state.timeouts:
                yield from (Act("timeout", name, timer) for timer in sorted(local.timers))
            if not local.up and self.faults.restarts:
                yield Act("restart", name)
        if state.crashes:
            yield from self._crashes(state)

    def _crashes(self, state: State) -> Iterator[Act]:
        calm = state._replace(crashes=0)
        for act in list(self.acts(calm)):
            if self.may_crash(act.node):
                yield act._replace(falls=True)
        for name, local in zip(self.names, state.locals, strict=True):
            if local.up and self.may_crash(name):
                yield Act("crash", name)

    def may_crash(self, name: str) -> bool:
        """True if the faults allow that node to crash."""
        return self.faults.who is None or name in self.faults.who

    def act(self, state: State, act: Act) -> State:
        """The state after `act`; raises `RoleError` if a role breaks its contract."""
        i = self.index[act.node]
        after, flights = self.local_step(state.locals[i], act)
        locals = (*state.locals[:i], after, *state.locals[i + 1 :])
        return State(
            locals,
            state.sent.union(flights) if flights else state.sent,
            state.timeouts - (act.kind == "timeout"),
            state.crashes - (act.kind == "crash" or act.falls),
        )

    def birth(self, name: str) -> tuple[Any, ...]:
        """The fields of a node as it was built."""
        return self._birth[name]

    def rank(self, flight: Flight) -> int:
        """The place of a message in the order in which they were first sent."""
        return self._order[flight]

    # ---- one node

    def local_step(self, local: Local, act: Act) -> tuple[Local, tuple[Flight, ...]]:
        """What `act` makes of one node, and what leaves it."""
        name = act.node
        match act.kind:
            case "deliver":
                after, flights = self._run(
                    name, local, "receive", (act.what.sender, act.what.message), act.what.mark
                )
            case "timeout":
                rung = local._replace(timers=local.timers - {act.what})
                after, flights = self._run(name, rung, "timeout", (act.what,), mark_of(act.what))
            case "restart":
                after, flights = self._run(name, local._replace(up=True), "recover")
            case "crash":
                return self._fallen(name, local), ()
        return (self._fallen(name, after), ()) if act.falls else (after, flights)

    def node(self, name: str, local: Local) -> Node:
        """The node in that state, to look at; do not change it."""
        found = self._shown.get((name, local))
        if found is None:
            found = self._shown[name, local] = twin(self.nodes[self.index[name]])
            self._runner[name].put(found, local.fields)
        return found

    def seen(self, state: State) -> tuple[tuple[tuple[str, Any], ...], dict[str, Node]]:
        """What a property looks at: (sender, message) of all that was sent, and the nodes by name."""
        sent = dict.fromkeys((f.sender, f.message, f.mark) for f in sorted(state.sent, key=self.rank))
        return tuple([(sender, message) for sender, message, _ in sent]), {
            n: self.node(n, local) for n, local in zip(self.names, state.locals, strict=True)
        }

    def _run(
        self, name: str, local: Local, hook: str, arguments: tuple[Any, ...] = (), mark: Any = None
    ) -> tuple[Local, tuple[Flight, ...]]:
        outcome = self._runner[name].run(local.fields, hook, arguments, mark)
        timers, flights = local.timers, []
        for effect, its_mark in zip(outcome.effects, outcome.marks, strict=True):
            match effect:
                case Send(to, message):
                    flight = Flight(name, to, message, its_mark)
                    self._order.setdefault(flight, len(self._order))
                    flights.append(flight)
                case SetTimer(timer, _):
                    timers |= {timer}
                case CancelTimer(timer):
                    timers -= {timer}
        return Local(outcome.apply(local.fields), timers, True), tuple(flights)

    def _fallen(self, name: str, local: Local) -> Local:
        node = self.nodes[self.index[name]]
        keep = stable_fields(node)
        fields = zip(field_names(node), local.fields, self._birth[name], strict=True)
        return Local(tuple([now if f in keep else birth for f, now, birth in fields]), frozenset(), False)


def as_trace(world: World, acts: Iterable[Act]) -> Trace:
    """Play `acts` on a bus, so that they open in every picture.

    A message that arrives twice is doubled by the network the first time.
    """
    acts = list(acts)
    bus = MessageBus([twin(node) for node in world.nodes])
    for i, act in enumerate(acts):
        event = _event(bus, act)
        if act.kind == "deliver" and any(later.what == act.what for later in acts[i + 1 :]):
            waiting = [e for e in bus.in_flight if _is(e, act.what)]
            if len(waiting) < 2:
                bus.duplicate(waiting[0])
        bus.apply(Crash(act.node, during=event) if act.falls else event)  # type: ignore[arg-type]
    return bus.trace


def _is(envelope: Envelope, flight: Flight) -> bool:
    """True if that is the message, whatever Python calls equal to it (and NaN is like NaN)."""
    ends = (envelope.sender, envelope.to) == (flight.sender, flight.to)
    same = alike(envelope.message, flight.message)
    return ends and same and mark_of(envelope.message) == flight.mark


def _event(bus: MessageBus, act: Act) -> Event:
    match act.kind:
        case "deliver":
            return Deliver(next(e for e in bus.in_flight if _is(e, act.what)))
        case "timeout":
            return Timeout(act.node, act.what)
        case "restart":
            return Restart(act.node)
        case _:
            return Crash(act.node)
