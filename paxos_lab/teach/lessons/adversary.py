"""The adversary game: you are the network, and break a wrong rule in as few events as you can.

The board is a stepper that offers only what the explorer would try: deliver anything, in any
order, and the faults that are allowed. So both play the same game, and the explorer knows its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets as widgets

from paxos_lab.bus import MessageBus
from paxos_lab.node import LabError, Node
from paxos_lab.show.widgets.box import LabBox, Said, button, prose, row
from paxos_lab.show.widgets.stepper import Stepper
from paxos_lab.verify.explorer.choices import Faults
from paxos_lab.verify.explorer.exploration import Exploration, explore
from paxos_lab.verify.explorer.properties import PROOF, Property, agreement
from paxos_lab.verify.explorer.result import broken, name_of
from paxos_lab.words.text import as_text, short
from paxos_lab.world.events import Crash, Deliver, Duplicate, Event, Restart, Start, Timeout
from paxos_lab.world.trace import Step, Trace

# What breaks an invariant, as something to do. A hint needs no name that only the proof has.
AIMS = {
    "quorums_meet": "Two quorums that share nobody are enough: give each of two proposers one of them",
    "one_value_per_ballot": "Get two different values asked for under one and the same ballot number",
    "promises_kept": "Get an acceptor to act against its promise, or to be silent about a vote that it cast",
    "votes_on_request": "Get an acceptor to vote for something that nobody asked it to vote for",
    "backed_by_promises": (
        "Get a proposer to ask for votes for a value that its promises do not allow: they report another "
        "one, or too few have come"
    ),
    "chosen_stays": "Get one value chosen, and then another one asked for in a higher ballot",
    "learned_is_chosen": "Get a learner to believe in a value that no quorum voted for",
}

Search = Callable[..., Exploration]


def events_in(trace: Trace) -> int:
    """How many events a run has, as the explorer counts: starts and copies are free."""
    return sum(not isinstance(step.event, Start | Duplicate) for step in trace)


class Board(Stepper):
    """A stepper in which only deliveries happen, and the faults that are allowed.

    `first`: the step at which the game begins. `played`: True while a run is shown that is not the
    learner's own.
    """

    def __init__(self, bus: MessageBus, faults: Faults, copies: bool) -> None:
        self.faults = faults
        self.first = len(bus.trace)
        self.played = False
        self._copies = copies
        super().__init__(bus)

    def act(self, event: Event) -> None:
        """Make `event` happen; raises `LabError` if the game does not allow it."""
        reason = self.refused(event)
        if reason is not None:
            raise LabError(reason)
        super().act(event)

    def refused(self, event: Event) -> str | None:
        """Why the game does not allow `event`, or None."""
        if self.played:
            return "this run is only shown: press Restart to play yourself"
        match event:
            case Deliver():
                return None
            case Duplicate() if self._copies:
                return None
            case Restart() if self.faults.restarts:
                return None
            case Timeout():
                return None if self.left(Timeout) else "the game allows no more timeouts"
            case Crash(node, during=None | Deliver()):
                if not self._may_crash(node):
                    return f"the game lets only {', '.join(map(short, self.faults.who or ()))} crash"
                return None if self.left(Crash) else "the game allows no more crashes"
        return f"the game knows no {type(event).__name__.lower()}: deliver the messages that you want"

    def left(self, kind: type) -> int:
        """How many crashes or timeouts are still allowed."""
        most = self.faults.crashes if kind is Crash else self.faults.timeouts
        return most - sum(isinstance(step.event, kind) for step in self.bus.trace)

    def forward(self) -> None:
        """Redo the step that was undone last; time does not go on by itself, you are the network."""
        if not self._future:
            raise LabError("there is nothing to redo: deliver a message")
        super().forward()

    def jump(self, step: int) -> None:
        """Go to that step, but not behind the start of the game."""
        super().jump(max(step, self.first))

    def lay_out(self, events: Iterable[Event], played: bool) -> None:
        """Go back to the start, with `events` ahead."""
        self.jump(self.first)
        self._future = list(events)
        self.played = played

    def look(self) -> dict[str, Any]:
        """The stepper's view, without what the game does not allow."""
        view = super().look()
        verbs = ["deliver"]
        verbs += ["duplicate"] if self._copies else []
        verbs += ["crash"] if self.left(Crash) else []
        verbs += ["restart"] if self.faults.restarts else []
        for node in view["nodes"]:
            node["spared"] = not self._may_crash(node["name"])
            node["timers"] = node["timers"] if self.left(Timeout) else []
        for message, envelope in zip(view["flight"], self.bus.in_flight, strict=True):
            message["spared"] = not self._may_crash(envelope.to)
        return {**view, "verbs": verbs, "first": self.first, "can_forward": bool(self._future)}

    def _may_crash(self, name: str) -> bool:
        return self.faults.who is None or name in self.faults.who


class AdversaryGame(LabBox):
    """Break agreement: deliver, in any order, until two values are chosen. Fewer events are better.

    `make`: a function without arguments that returns fresh nodes. `title`, `rule`: what is to be
    broken, in words. `faults`: what may happen besides deliveries. `copies`: True if a message may
    be doubled, which costs no event; left out, if there are faults (a node that forgets can use the
    same message twice). `properties`: what counts as broken. `search`: finds the shortest run.
    """

    def __init__(
        self,
        make: Callable[[], Iterable[Node]],
        title: str,
        rule: str = "",
        faults: Faults | None = None,
        *,
        copies: bool | None = None,
        properties: Iterable[Property] = (agreement,),
        search: Search = explore,
    ) -> None:
        if not callable(make):
            raise LabError(
                "AdversaryGame takes a function that makes nodes: write lambda: single_decree(...)"
            )
        if not isinstance(title, str) or not title.strip():
            raise LabError(f"AdversaryGame: title is a text that is not empty, got {short(repr(title), 60)}")
        self.title, self.rule = title, rule
        self.faults = faults or Faults()
        self.properties = tuple(properties)
        self.best: int | None = None
        self._make, self._search = make, search
        self._optimum: Exploration | None = None
        self._seen = False  # has the optimum been shown?
        self._hinted = ("", 0)  # what the last hint was about, and how much it said
        any_fault = bool(self.faults.crashes or self.faults.timeouts)
        self.board = Board(MessageBus(make()), self.faults, any_fault if copies is None else copies)
        self.status, self.advice = Said(), Said()
        presses: dict[str, tuple[Callable[[], Any], str]] = {
            "Undo": (self.undo, "Take the last event back"),
            "Restart": (self.restart, "Back to where no message has arrived"),
            "Hint": (self.hint, "What to aim at; a second and a third press say more"),
            "Show me the optimum": (self.show_optimum, "Lay out a shortest run, to step through"),
        }
        self.buttons = {
            name: button(name, tip, self._safely(press)) for name, (press, tip) in presses.items()
        }
        super().__init__(
            [
                widgets.HTML(self._task()),
                self.status,
                row(*self.buttons.values()),
                self.advice,
                self.board,
            ]
        )
        self.board.observe(self._show, "view")
        self._show()

    def _safely(self, press: Callable[[], Any]) -> Callable[[], None]:
        def pressed() -> None:
            try:
                press()
            except LabError as error:  # the learner's own class may break its contract in the search
                self._say(str(error))

        return pressed

    # ---- what a press does

    @property
    def events(self) -> int:
        """The events of the run on the board."""
        return events_in(self.board.bus.trace)

    @property
    def broken(self) -> str | None:
        """What is broken now, as a sentence, or None."""
        said = broken(self.properties, *self._seen_from_outside())
        return said[1] if said else None

    def act(self, event: Event) -> None:
        """Make `event` happen on the board; raises `LabError` if the game does not allow it."""
        self.board.act(event)
        self._redraw()

    def undo(self) -> None:
        """Take the last event back; at the start, nothing."""
        self.board.back()
        self._redraw()

    def restart(self) -> None:
        """Begin again."""
        self._hinted = ("", 0)
        self.advice.value = ""
        self.board.lay_out([], played=False)
        self._redraw()

    def optimum(self) -> Exploration:
        """What the explorer found: computed once, when it is first needed.

        Raises `RoleError` if a role breaks its contract.
        """
        if self._optimum is None:
            self._optimum = self._search(
                self._make(), self.properties, self.faults, watch=lambda states, depth: None
            )
        return self._optimum

    def show_optimum(self) -> None:
        """Lay out a shortest run from the start; Forward or Play steps through it."""
        self._say("The explorer looks for a shortest run ...")
        found = self.optimum()
        if found.counterexample is None:
            self._say(self._no_way(found))
            return
        self._seen = True
        self._hinted = ("", 0)
        run = found.counterexample
        self.board.lay_out([step.event for step in run[self.board.first :]], played=True)
        self._say(
            f"A shortest run of {events_in(run)} events lies ahead on the board. Press Forward for each "
            "step, or Play. Restart gives the network back to you."
        )
        self._redraw()

    def hint(self) -> None:
        """Say what to aim at next; asked again, where it happens; once more, what leads there."""
        if self.broken is not None:
            self._say("Agreement is broken already: there is nothing left to break.")
            return
        if self._optimum is None:
            self._say("The explorer looks for a way ...")
        found = self.optimum()
        if found.counterexample is None:
            self._say(self._no_way(found))
            return
        done = self.broken_invariants
        ahead = [found_here for found_here in found.broken_on_the_way() if found_here[1] not in done]
        if not ahead:
            self._say("Only agreement itself is left: let a second value get a quorum of votes.")
            return
        step, name, why = ahead[0]
        if self._hinted[0] != name:
            self._hinted = (name, 0)
        self._hinted = (name, min(self._hinted[1] + 1, 3))
        self._say(self._hint(self._hinted[1], found.counterexample[:step], name, why))

    def _hint(self, level: int, run: Trace, name: str, why: str) -> str:
        """What to aim at; then where it happens and how far it is; then what leads there."""
        if level == 1:
            return f"Hint 1 of 3. {AIMS.get(name, 'Break an invariant of the proof')} ({name})."
        ahead = self._not_yet(run)
        if level == 2:
            far = f"{_number(len(ahead))} more lead there" if ahead else "all that it takes has happened"
            return f"Hint 2 of 3. In a shortest run it happens at {short(run[-1].node, 20)}; from where you stand, {far}."
        way = "; ".join(_in_words(step.event) for step in ahead)
        closed = (
            ""
            if not ahead or self._possible(ahead[0])
            else " That is not possible any more in your run: undo, or restart."
        )
        return f"Hint 3 of 3. These lead there: {way or 'nothing more'}.{closed} Then {why.removeprefix(f'{name}: ')}."

    def _not_yet(self, run: Trace) -> list[Step]:
        """The events of `run` that have not happened on the board."""
        made = Counter(_kind_of(step.event) for step in self.board.bus.trace)
        ahead = []
        for step in run:
            kind = _kind_of(step.event)
            if made[kind] > 0:
                made[kind] -= 1
            elif not isinstance(step.event, Start | Duplicate):
                ahead.append(step)
        return ahead

    def _possible(self, step: Step) -> bool:
        return any(_kind_of(event) == _kind_of(step.event) for event in self.board.bus.enabled())

    @property
    def broken_invariants(self) -> dict[str, str]:
        """The invariants of the proof that do not hold on the board now: name and sentence."""
        sent, nodes = self._seen_from_outside()
        said = [(name_of(judge), judge(sent, nodes)) for judge in PROOF]
        return {name: why for name, why in said if why is not None}

    # ---- what is on screen

    def _seen_from_outside(self) -> tuple[list[tuple[str, Any]], dict[str, Node]]:
        bus = self.board.bus
        return bus.trace.sent, {node.name: node for node in bus}

    def _redraw(self) -> None:
        self.board.view = self.board.look()

    def _task(self) -> str:
        rule = f" The rule that is different here: {as_text(self.rule)}." if self.rule else ""
        allowed = [
            f"{number} {one if number == 1 else many}"
            for number, one, many in (
                (self.faults.crashes, "crash", "crashes"),
                (self.faults.timeouts, "timeout", "timeouts"),
            )
            if number
        ]
        extra = f" You may also use {' and '.join(allowed)}." if allowed else ""
        copies = " A copy of a message costs nothing." if "duplicate" in self.board.view["verbs"] else ""
        return prose(
            f"<b>{as_text(self.title)}.</b>{rule} You are the network: "
            "deliver messages, in any order, until agreement is broken: two different values are chosen "
            f"or learned.{extra}{copies} Fewer events are better."
        )

    def _show(self, _change: Any = None) -> None:
        count, sentence = self.events, self.broken
        if sentence is not None:
            self._won(count, sentence)
            return
        words = f"<b>{_number(count)} so far.</b>"
        if self.board.played:
            words = f"<b>Event {count} of a shortest run, {events_in(self.optimum().counterexample or Trace())} events long.</b>"
        gone = self.broken_invariants
        if gone:
            words += f" Broken on the way: {as_text(', '.join(gone))}."
        if self.faults.crashes:
            words += f" Crashes left: {self.board.left(Crash)}."
        if self.faults.timeouts:
            words += f" Timeouts left: {self.board.left(Timeout)}."
        if not self.board.bus.in_flight and not self.board.played:
            words += " No message is in flight any more: undo or restart."
        self._status(words)

    def _won(self, count: int, sentence: str) -> None:
        said = sentence.removeprefix("agreement: ")
        broken_now = "Agreement is broken: " if said != sentence else ""
        words = f"<b>{broken_now}{as_text(said)}.</b> "
        if self.board.played:
            self._status(f"{words}The shortest run took {_number(count)}.")
            return
        self.best = count if self.best is None else min(count, self.best)
        words += f"You needed {_number(count)}"
        if self._optimum is None:
            self._status(f"{words}. The explorer looks for a shortest run ...")
        try:
            found = self.optimum()
        except LabError as error:
            self._status(f"{words}. The explorer could not look for a shorter run: {as_text(str(error))}.")
            return
        if found.counterexample is None:
            self._status(f"{words}. {as_text(self._no_way(found))}")
            return
        least = events_in(found.counterexample)
        words += f"; the shortest possible is {least}."
        if count == least:
            words += " Nobody can do it in fewer."
        if self._seen:
            words += " (You had seen it.)"
        self._status(words)

    def _no_way(self, found: Exploration) -> str:
        if found.complete:
            return f"The explorer tried every schedule with {self.faults}: nothing breaks."
        return f"The explorer found nothing, but {found.cut} ended its search: no answer."

    def _status(self, words: str) -> None:
        best = "" if self.best is None else f" Your best: {_number(self.best)}."
        self.status.value = f"{words}{best}"

    def _say(self, words: str) -> None:
        self.advice.value = as_text(words)

    def __repr__(self) -> str:
        return f"<AdversaryGame {short(self.title, 40)!r}: {_number(self.events)}, best {self.best}>"

    def still(self) -> dict[str, str]:
        """The task and the picture as it is now."""
        what = f"Adversary game: {self.title}. {self.rule}".strip(". ")
        return self.board.picture().still(short(what, 2000))


def _number(events: int) -> str:
    return f"{events} event{'s' * (events != 1)}"


def _kind_of(event: Event) -> Any:
    """An event as it is known in another run too, where messages have other numbers."""
    match event:
        case Deliver(e):
            return "deliver", e.sender, e.to, e.message
        case Crash(node, during=Deliver(e)):
            return "crash", node, e.sender, e.message
    return event


def _in_words(event: Event) -> str:
    match event:
        case Deliver(e):
            return f"{short(e.message, 40)} from {short(e.sender, 20)} arrives at {short(e.to, 20)}"
        case Crash(node, during=Deliver(e)):
            return f"{short(node, 20)} crashes while it handles {short(e.message, 40)}"
        case Crash(node):
            return f"{short(node, 20)} crashes"
        case Restart(node):
            return f"{short(node, 20)} restarts"
        case Timeout(node, timer):
            return f"the timer {short(timer, 20)} of {short(node, 20)} rings"
    return type(event).__name__.lower()
