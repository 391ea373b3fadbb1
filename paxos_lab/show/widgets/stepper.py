"""The stepper: you choose the next event, and see what comes of it.

Python holds the truth, a bus; the browser shows the view that `Stepper.look` makes of it and
sends back what was clicked. The front end is `stepper.js`, with no logic of the protocol in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from paxos_lab.bus import MessageBus
from paxos_lab.node import LabError
from paxos_lab.paxos.messages import Accept, Prepare
from paxos_lab.paxos.prospects import Unsent, could_still_be_chosen
from paxos_lab.paxos.quorums import QuorumSystem
from paxos_lab.show.draw.cluster import cluster, holdings
from paxos_lab.show.draw.picture import Picture
from paxos_lab.show.draw.space_time import space_time
from paxos_lab.show.widgets.box import Lasting
from paxos_lab.show.widgets.futures import Futures
from paxos_lab.show.widgets.told import told
from paxos_lab.words.narration import narrate
from paxos_lab.words.text import short
from paxos_lab.world.events import (
    Crash,
    Deliver,
    Drop,
    Duplicate,
    Event,
    Heal,
    Partition,
    Restart,
    Start,
    Timeout,
)

_HERE = Path(__file__).parent
HEAD = 31  # points of a space-time picture that hold the names of its columns
FEW = 10  # so many fields of a node are shown; of more, those that say something
EXPORTS = ("Python script", "JSON", "Mermaid", "ShiViz")


class Stepper(Lasting, anywidget.AnyWidget):
    """A bus under your fingers: deliver, lose, double, crash, restart, cut, go back and forward.

    `bus`: any bus that keeps a trace; it stays yours, `stepper.bus` is the same object. `quorums`:
    for the line "what could still be chosen"; left out, those that a node of the bus carries.
    A stored trace opens as `Stepper(replay(nodes, trace))`.
    """

    _esm = _HERE / "stepper.js"
    _css = _HERE / "stepper.css"
    view = traitlets.Dict().tag(sync=True)

    def __init__(self, bus: MessageBus, quorums: QuorumSystem | None = None) -> None:
        if not isinstance(bus, MessageBus):
            raise LabError(
                f"Stepper shows a MessageBus, got {short(repr(bus), 60)}: write Stepper(MessageBus(...))"
            )
        self.bus = bus
        self.quorums = quorums or next(
            (q for node in bus if isinstance(q := getattr(node, "quorums", None), QuorumSystem)), None
        )
        self._future: list[Event] = []  # what was undone, next first
        self._left: tuple[int, list[Event]] | None = None  # where a future was left, and what it held
        self._futures = ""
        self._order = bus.names
        self._picture = "space-time"
        self._problem = ""
        self._export = ""
        bus.trace  # noqa: B018  raises here, with the reason, if this bus keeps none
        super().__init__(view=self.look())
        self.on_msg(self._asked)

    # ---- what a click does

    def act(self, event: Event) -> None:
        """Make `event` happen; if something had been undone, a new branch begins. See `futures`."""
        here = len(self.bus.trace)
        self.bus.apply(event)
        if self._future:
            self._left = (here, self._future) if self._future[0] != event else self._left
        self._future = []

    def back(self) -> None:
        """Undo one step."""
        self.jump(len(self.bus.trace) - 1)

    def forward(self) -> None:
        """Redo the step that was undone last or, if there is none, let virtual time go on."""
        event = self._future.pop(0) if self._future else self.bus.upcoming()
        if event is None:
            raise LabError("nothing is left to happen by itself: no message is in flight, no timer runs")
        self.bus.apply(event)

    def jump(self, step: int) -> None:
        """Go to where `step` steps have happened, backwards or, through what was undone, forwards."""
        here = len(self.bus.trace)
        if step > here:
            for event in self._future[: step - here]:
                self.bus.apply(event)
            del self._future[: step - here]
        elif 0 <= step < here:
            undone = [done.event for done in self.bus.trace[step:]]
            self.bus.rewind(step)
            self._future = undone + self._future

    def futures(self) -> Futures:
        """The branch that was left last beside the one on screen; raises `LabError` if none was left."""
        if not self._can_compare():
            raise LabError("there is one future only: go back, and let something else happen")
        step, events = self._left  # type: ignore[misc]
        before = self.bus.fork()
        before.rewind(step)
        for event in events:
            before.apply(event)
        return Futures.of(before, self.bus.fork(), ("the future that you left", "the one on screen"))

    def _can_compare(self) -> bool:
        return self._left is not None and len(self.bus.trace) > self._left[0]

    def _asked(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        self._problem = self._futures = ""
        try:
            self._obey(message)
        except LabError as error:
            self._problem = str(error)
        self.view = {**self.look(), "answers": message.get("click")}

    def _obey(self, message: dict[str, Any]) -> None:
        match message:
            case {"do": "back"}:
                self.back()
            case {"do": "forward"}:
                self.forward()
            case {"do": "jump", "step": int(step)}:
                self.jump(step)
            case {"do": ("deliver" | "drop" | "duplicate") as verb, "id": int(id)}:
                kinds: dict[str, Any] = {"deliver": Deliver, "drop": Drop, "duplicate": Duplicate}
                self.act(kinds[verb](self.bus.envelope(id)))
            case {"do": "deliver, then crash", "id": int(id)}:
                envelope = self.bus.envelope(id)
                self.act(Crash(envelope.to, during=Deliver(envelope)))
            case {"do": ("crash" | "restart" | "start") as verb, "node": str(name)}:
                makers: dict[str, Any] = {"crash": Crash, "restart": Restart, "start": Start}
                self.act(makers[verb](name))
            case {"do": "timeout", "node": str(name), "timer": str(timer)}:
                self.act(Timeout(name, timer))
            case {"do": "cut", "side": list(side), "one_way": bool(one_way)}:
                rest = tuple(name for name in self.bus.names if name not in side)
                groups = (tuple(map(str, side)), rest)
                self.act(Partition(tuple(group for group in groups if group), one_way))
            case {"do": "heal"}:
                self.act(Heal())
            case {"do": "picture", "show": ("space-time" | "cluster") as which}:
                self._picture = which
            case {"do": "futures"}:
                self._futures = self.futures().html()
            case {"do": "export", "form": str(form)}:
                self._export = self.export(form)
            case _:
                raise LabError(f"the stepper does not know this request: {short(message, 80)}")

    def export(self, form: str = "Python script") -> str:
        """The run so far as text: "Python script", "JSON", "Mermaid" or "ShiViz"."""
        trace = self.bus.trace
        makers = dict(
            zip(EXPORTS, (trace.to_script, trace.to_json, trace.to_mermaid, trace.to_shiviz), strict=True)
        )
        if form not in makers:
            raise LabError(f"cannot export {form!r}; choose one of {', '.join(EXPORTS)}")
        return makers[form]()

    # ---- what the browser shows

    def look(self) -> dict[str, Any]:
        """Everything on screen as plain JSON data."""
        bus, trace = self.bus, self.bus.trace
        picture = self.picture()
        return {
            "step": len(trace),
            "steps": len(trace) + len(self._future),
            "can_forward": bool(self._future) or bus.upcoming() is not None,
            "svg": picture.svg(),
            "head": HEAD if self._picture == "space-time" and trace else 0,
            "caption": picture.caption,
            "picture": self._picture,
            "narration": [f"{n}. {line}" for n, line in enumerate(told(trace), start=1)],
            "verdict": self._outlook(),
            "nodes": [self._look_at(i, name) for i, name in enumerate(bus.names)],
            "flight": [self._look_at_message(e) for e in bus.in_flight],
            "cut": narrate(trace_step) if (trace_step := self._last_cut()) else "",
            "problem": self._problem,
            "exports": list(EXPORTS),
            "export": self._export,
            "can_compare": self._can_compare(),
            "futures": self._futures,
            "answers": None,
        }

    def _outlook(self) -> str:
        """What is chosen or still can be; "" for nodes that have no quorums, so no Paxos."""
        if not self.quorums:
            return ""
        sent: list[tuple[str, Any]] = []
        for step in self.bus.trace:
            sent += [(e.sender, e.message) for e in step.sent]
            match step.event:
                case Crash(name, during=Deliver(envelope)) if isinstance(envelope.message, Prepare | Accept):
                    sent.append((name, Unsent(envelope.message)))
        wanted = {n.name: n.value for n in self.bus if hasattr(n, "value") and hasattr(n, "acceptors")}
        return could_still_be_chosen(sent, self.quorums, wanted or None)

    def picture(self) -> Picture:
        """The picture on screen."""
        return cluster(self.bus) if self._picture == "cluster" else space_time(self.bus.trace, self._order)

    def _look_at(self, index: int, name: str) -> dict[str, Any]:
        bus = self.bus
        node, last = bus[name], bus.trace[-1] if bus.trace else None
        changed = last.changed if last is not None and last.node == name else {}
        disk, memory = holdings(node)
        many = len(disk) + len(memory) > FEW
        shown: list[list[Any]] = []
        folded: list[list[Any]] = []
        for where, fields in (("on disk", disk), ("in memory", memory)):
            rows: list[list[Any]] = [[f, short(v, 60), f in changed, where] for f, v in fields]
            first = [row for row in rows if not many or row[2] or _telling(node, row[0], row[1], where)]
            shown += first
            folded += [row for row in rows if row not in first]
        return {
            "index": index,
            "name": name,
            "shown": short(name, 20),
            "kind": type(node).__name__,
            "up": name not in bus.down,
            "idle": bus.why_not(Start(name)) is None,
            "fields": shown,
            "folded": folded,
            "timers": [timer for owner, timer, _ in bus.timers if owner == name],
        }

    def _look_at_message(self, envelope: Any) -> dict[str, Any]:
        why_not = self.bus.why_not(Deliver(envelope))
        return {
            "id": envelope.id,
            "text": f"{short(envelope.sender, 14)} to {short(envelope.to, 14)}: {short(envelope.message, 48)}",
            "kind": type(envelope.message).__name__,
            "waits": short(why_not, 90) if why_not else "",
        }

    def _last_cut(self) -> Any:
        if self.bus.cut is None:
            return None
        return next(s for s in reversed(self.bus.trace) if s.event == self.bus.cut)

    def still(self) -> dict[str, str]:
        """The picture as it is now."""
        return self.picture().still("Stepper")


def _telling(node: Any, field: str, value: str, where: str) -> bool:
    """Of a node with many fields: what its class says comes first, in its `telling`; else what is not empty."""
    first = getattr(type(node), "telling", None)
    if first is not None and where == "in memory":
        return field in first
    return value not in ("-", "0")
