"""The duel: two proposers, and you are the network that lets one overtake the other.

Nothing is lost and nobody crashes. All that you choose is whose messages arrive first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from paxos_lab.bus import MessageBus
from paxos_lab.node import LabError
from paxos_lab.paxos import (
    Ask,
    Ballot,
    Decided,
    DistinguishedProposer,
    Impatient,
    Proposer,
    chosen,
    single_decree,
)
from paxos_lab.paxos.messages import Accept, Accepted, Prepare, Promise
from paxos_lab.show.draw.ballot_board import ballot_board
from paxos_lab.show.draw.picture import Picture
from paxos_lab.show.widgets.box import LabBox, Said, button, choice, fold, row
from paxos_lab.words.narration import narrate
from paxos_lab.words.text import as_list, as_text, short
from paxos_lab.world.events import Deliver, Event, Timeout
from paxos_lab.world.trace import Step, Trace

MANNERS: dict[str, type[Proposer]] = {
    "retry at once": Impatient,
    "back off": Proposer,
    "one leader": DistinguishedProposer,
}

BOUND = 10.0
"""How long the network may hold a message when it is made to deliver, in virtual time."""

_ROWS = 7  # ballots on screen: more would push the buttons out of sight


class Duel(LabBox):
    """p1 wants tea, p2 wants coffee. One press lets one of them move while the other's messages wait.

    `manner`: what a proposer does when it is refused, a key of `MANNERS`. `bounded`: True if every
    message must arrive within `BOUND`; what has waited that long then arrives by itself. Once a value
    is chosen the network holds nothing back any more.
    `duel.bus` is the run so far.
    """

    def __init__(self, manner: str = "retry at once", bounded: bool = True) -> None:
        if manner not in MANNERS:
            raise LabError(f"Duel knows no manner {manner!r}; choose from {', '.join(MANNERS)}")
        self.manner = choice("When refused:", MANNERS, value=manner)
        self.bounded = widgets.Checkbox(
            value=bounded,
            indent=False,
            description=f"every message arrives within {BOUND:g}",
            layout=widgets.Layout(width="auto"),
        )
        presses: dict[str, tuple[Callable[[], Any], str]] = {
            "Overtake": (self.overtake, "Next move: the one whose rival is about to win moves first"),
            "Overtake 10 times": (lambda: self.overtake(10), "The next ten moves"),
            "p1 next": (lambda: self.move("p1"), "The messages of p1 arrive, those of p2 wait"),
            "p2 next": (lambda: self.move("p2"), "The messages of p2 arrive, those of p1 wait"),
            "Let p1 finish": (lambda: self.finish("p1"), "Only p1 moves until it has learned"),
            "Let p2 finish": (lambda: self.finish("p2"), "Only p2 moves until it has learned"),
            "Start again": (self.begin, "A new duel with these settings"),
        }
        self.buttons = {
            name: button(name, tip, self._shown_after(press)) for name, (press, tip) in presses.items()
        }
        self.said = Said()
        self.screen, self.words, self.steps = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.texts = {"The picture in words": self.words, "The last press, step by step": self.steps}
        folds = [fold(title, text) for title, text in self.texts.items()]
        super().__init__(
            [
                row(self.manner, self.bounded),
                row(*self.buttons.values()),
                self.said,
                self.screen,
                row(*folds),
                *self.texts.values(),
            ]
        )
        self.begin()
        self._show()
        self.manner.observe(self._begin_again, "value")
        self.bounded.observe(self._show, "value")

    def _shown_after(self, press: Callable[[], Any]) -> Callable[[], None]:
        def pressed() -> None:
            press()
            self._show()

        return pressed

    # ---- what a press does

    def begin(self) -> None:
        """A new duel: both have sent their first Prepare, nothing has arrived."""
        nodes = single_decree(["tea", "coffee"], learners=0, proposer=MANNERS[self.manner.value])
        for node in nodes:
            if isinstance(node, Proposer):
                node.patience = 2 * BOUND  # no timer rings while answers may still be on their way
        self.bus = MessageBus(nodes, delay=1)
        self.moves, self.longest_held = 0, 0.0
        self.chosen: list[Any] = []
        self._sent_at: dict[int, float] = {}
        self._forced: set[int] = set()
        self._words = "Both have opened their first ballot. No message has arrived yet. You are the network."
        self._since = len(self.bus.trace)
        for step in self.bus.trace:
            self._note(step)

    def overtake(self, times: int = 1) -> None:
        """Let the one move whose rival is about to win; the worst that the network can do to both."""
        for _ in range(times):
            other = {"p1": "p2", "p2": "p1"}
            waiting = [name for name in other if not self._learned(name) and self._ready(other[name])]
            undone = [name for name in other if not self._learned(name)]
            self.move((waiting or undone or ["p1"])[0])

    def finish(self, name: str) -> None:
        """Leave `name` alone with the network until it has learned."""
        since = len(self.bus.trace)
        for _ in range(10):
            if self._learned(name):
                break
            self.move(name)
        self._say(since, name)

    def move(self, name: str) -> None:
        """Deliver what concerns `name`, up to where its request for votes is on its way, or it waits.

        Had it come that far before, the votes come in and it learns.
        """
        since = len(self.bus.trace)
        finishing, chosen_before = self._ready(name), list(self.chosen)
        acted = False
        while not self._learned(name) and (finishing or not self._ready(name)):
            event = self._next_of(name)
            if event is None:
                break
            if acted and self._time_of(event) > self.bus.now and isinstance(event, Timeout):
                break  # what comes next for it is to wait, and that is a move of its own
            must = self._due_before(event)
            if must is None and self.chosen != chosen_before and not finishing:
                break  # the rival got through: stop and look
            acted |= must is None
            self._happen(must or event, forced=must is not None)
        self.moves += len(self.bus.trace) > since
        self._say(since, name)

    def _next_of(self, name: str) -> Event | None:
        for envelope in self.bus.in_flight:
            if name in (envelope.sender, envelope.to):
                return Deliver(envelope)
        return next((Timeout(node, timer) for node, timer, _ in self.bus.timers if node == name), None)

    def _due_before(self, event: Event) -> Event | None:
        """What must happen before `event` can, since time passes for everybody; None if nothing."""
        coming: list[tuple[float, Event]] = [(due, Timeout(node, t)) for node, t, due in self.bus.timers]
        coming += [(self._sent_at[e.id] + self._longest, Deliver(e)) for e in self.bus.in_flight]
        due, first = min(coming, key=lambda one: one[0], default=(math.inf, event))
        return first if due < self._time_of(event) and first != event else None

    @property
    def _longest(self) -> float:
        """How long the network may hold a message now; once a value is chosen the duel is over."""
        if self.chosen:
            return 1.0
        return BOUND if self.bounded.value else math.inf

    def _happen(self, event: Event, forced: bool) -> None:
        time = self._time_of(event)
        if forced and isinstance(event, Deliver):
            time = max(time, self._sent_at[event.envelope.id] + self._longest)
        step = self.bus.apply(event, at=time)
        if isinstance(event, Deliver):
            held = self.bus.now - self._sent_at[event.envelope.id]
            self.longest_held = max(self.longest_held, held)
            if forced and held >= BOUND:
                self._forced.add(step.step)
        self._note(step)

    def _note(self, step: Step) -> None:
        for envelope in step.sent:
            self._sent_at[envelope.id] = step.time
        if any(isinstance(e.message, Accepted) for e in step.sent):
            sent = self.bus.trace.sent
            self.chosen = sorted({p.value for p in chosen(sent, self._proposer("p1").quorums)})

    def _time_of(self, event: Event) -> float:
        if isinstance(event, Deliver):
            return max(self.bus.now, self._sent_at[event.envelope.id] + 1)
        assert isinstance(event, Timeout)
        due = next(due for node, timer, due in self.bus.timers if (node, timer) == (event.node, event.timer))
        return max(self.bus.now, due)

    def _proposer(self, name: str) -> Any:
        return self.bus[name]

    def _learned(self, name: str) -> bool:
        return self._proposer(name).learned is not None

    def _ready(self, name: str) -> bool:
        """True if a request for votes of `name` is on its way to a quorum that would grant it."""
        proposer = self._proposer(name)
        willing = [
            e.to
            for e in self.bus.in_flight
            if e.sender == name
            and isinstance(e.message, Accept)
            and e.message.ballot >= self._proposer(e.to).promised
        ]
        return bool(proposer.quorums.is_quorum(willing, phase=2))

    # ---- what is on screen

    @property
    def ballots(self) -> list[Ballot]:
        """The ballots opened so far, in order of opening."""
        return list(
            dict.fromkeys(e.message.ballot for e in self.bus.trace.messages if isinstance(e.message, Prepare))
        )

    @property
    def meter(self) -> dict[str, str]:
        """What was spent so far."""
        return {
            "moves": str(self.moves),
            "ballots opened": str(len(self.ballots)),
            "messages sent": str(len(self.bus.trace.messages)),
            "virtual time": f"{self.bus.now:.0f}",
            "longest that a message was held": f"{self.longest_held:.0f}",
            "chosen": " and ".join(map(short, self.chosen)) or "nothing",
        }

    def picture(self) -> Picture:
        """The ballot board of the last few ballots."""
        trace, ballots = self.bus.trace, sorted(self.ballots)
        shown = ballots[-_ROWS:]
        if len(shown) < len(ballots):
            trace = Trace(
                step._replace(
                    sent=tuple(e for e in step.sent if getattr(e.message, "ballot", Ballot.ZERO) >= shown[0])
                )
                for step in trace
            )
        picture = ballot_board(trace, self._proposer("p1").quorums)
        if len(shown) < len(ballots):
            verdict = f"{self.meter['chosen']} is chosen" if self.chosen else "nothing chosen yet"
            picture.caption = f"The last {len(shown)} of {len(ballots)} ballots, {verdict}. Lowest on top."
        return picture

    def _say(self, since: int, name: str) -> None:
        """Put the steps from `since` on into words."""
        self._since = since
        steps = self.bus.trace[since:]
        words = [text for text in _told(steps, self._forced) if text]
        if not steps:
            known = self._learned(name)
            words = [f"{name} has learned {short(self._proposer(name).learned)}: it has nothing left to do."]
            if not known:
                words = [f"Nothing of {name} is on its way, and no timer of it runs."]
        elif self._ready(name):
            words.append(f"The request of {name} for votes is on its way.")
        elif self._learned(name):
            words.append(f"{name} has learned {short(self._proposer(name).learned)}.")
        else:
            waits = [due for node, _, due in self.bus.timers if node == name]
            flying = any(name in (e.sender, e.to) for e in self.bus.in_flight)
            if waits and not flying:
                words.append(f"{name} waits until {waits[0]:.1f}; it is {self.bus.now:.1f} now.")
        if len(words) > 9:
            words = [*words[:4], f"({len(words) - 8} more such moves.)", *words[-4:]]
        self._words = " ".join(words)

    def _begin_again(self, _change: Any) -> None:
        self.begin()
        self._show()

    def _show(self, _change: Any = None) -> None:
        picture = self.picture()
        verdict = f"{self.meter['chosen']} is chosen." if self.chosen else "Nothing is chosen."
        meter = ", ".join(f"{name} <b>{as_text(value)}</b>" for name, value in list(self.meter.items())[:-1])
        self.words.value = as_list("ul", picture.alt.splitlines())
        self.steps.value = as_list("ol", [narrate(step) for step in self.bus.trace[self._since :]])
        self.said.value = f"{as_text(self._words)} <b>{as_text(verdict)}</b>"
        self.screen.value = (
            f"<div>Spent: {meter}.</div>{picture.svg()}<div><i>{as_text(picture.caption)}</i></div>"
        )

    def still(self) -> dict[str, str]:
        """The picture as it is now."""
        return self.picture().still("Duel")


def _told(steps: list[Step], forced: set[int]) -> list[str]:
    """One sentence for each group of steps that are alike."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for step in steps:
        groups.setdefault((_what(step), step.step in forced), []).append(str(step.node))
    told = []
    for (what, must), names in groups.items():
        if what:
            held = must and ("votes" in what or "promise" in what)
            reason = f"Held for {BOUND:g}, so it must arrive now: " if held else ""
            told.append(reason + what.replace("WHO", ", ".join(dict.fromkeys(names))))
    return told


def _what(step: Step) -> str:
    """What a step means for the duel, WHO for its node; empty if it is not worth a sentence."""
    match step.event:
        case Deliver(e) if isinstance(e.message, Accept):
            asked = f"{short(e.message.value)} in {short(e.message.ballot)}"
            if any(isinstance(sent.message, Accepted) for sent in step.sent):
                return f"{asked} gets the votes of WHO."
            return f"{asked} gets no votes from WHO: too late, they promised more."
        case Deliver(e) if isinstance(e.message, Prepare):
            if any(isinstance(sent.message, Promise) for sent in step.sent):
                return f"{short(e.message.ballot)} is promised by WHO."
            return f"{short(e.message.ballot)} is refused by WHO: too late."
        case Deliver(e) if isinstance(e.message, Ask):
            return f"{short(e.sender)} asks WHO, which it takes for the leader, and stands back."
        case Deliver(e) if isinstance(e.message, Decided):
            return f"{short(e.sender)} tells WHO that {short(e.message.value)} is chosen."
        case Timeout(node, _):
            opened = [e.message.ballot for e in step.sent if isinstance(e.message, Prepare)]
            return f"{short(node)} opens {short(opened[0])}." if opened else ""
    return ""
