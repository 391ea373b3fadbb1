"""Two futures of one run, side by side from the step where they part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.node import LabError
from paxos_lab.paxos.outcome import chosen
from paxos_lab.paxos.quorums import QuorumSystem
from paxos_lab.show.draw.ballot_board import ballot_board
from paxos_lab.show.draw.cluster import holdings
from paxos_lab.show.draw.picture import figure
from paxos_lab.words.narration import narrate
from paxos_lab.words.text import as_list, as_text, short
from paxos_lab.world.events import Event

Choice = Event | Iterable[Event] | Callable[[MessageBus], Any] | None
"""What is done where the futures part: an event, some, a function of the bus, or None: time goes on by itself."""

MOST_LINES = 40  # of each future


class Futures:
    """The run of `bus` up to `step`, and then both: `a` is done and time goes on, or `b` is and time goes on.

    As in `Futures(bus, 7, lambda bus: bus.deliver(4), lambda bus: bus.drop(4))`. `bus` stays as it is;
    `futures.one` and `futures.other` are the two buses at their ends. `names`: what the two are called.
    `max_steps`: where a future that does not end is cut. Raises `LabError` where a choice is impossible
    there, or the two do not part at all.
    """

    def __init__(
        self,
        bus: MessageBus,
        step: int,
        a: Choice,
        b: Choice,
        *,
        names: tuple[str, str] = ("A", "B"),
        max_steps: int = 150,
    ) -> None:
        if not 0 <= step <= len(bus.trace):
            raise LabError(f"the run has the steps 0 to {len(bus.trace)}: there is no step {step}")
        ends = []
        for choice in (a, b):
            future = bus.fork()
            future.rewind(step)
            _do(future, choice)
            future.run(max_steps=max_steps)
            ends.append(future)
        self._set(ends[0], ends[1], names)
        self._by_choice = True  # all that comes after follows from it

    @classmethod
    def of(cls, one: MessageBus, other: MessageBus, names: tuple[str, str] = ("A", "B")) -> Futures:
        """Two runs of the same nodes that are there already, each a bus at its end."""
        made = cls.__new__(cls)
        made._set(one, other, names)
        return made

    def _set(self, one: MessageBus, other: MessageBus, names: tuple[str, str]) -> None:
        self.one, self.other, self.names, self._by_choice = one, other, names, False
        pairs = zip(one.trace, other.trace, strict=False)
        same = next((i for i, (s, t) in enumerate(pairs) if s.event != t.event), None)
        self.step = min(len(one.trace), len(other.trace)) if same is None else same
        """How many steps the two have in common."""
        if self.step == len(one.trace) == len(other.trace):
            raise LabError("both futures are the same run: choose two different things")

    # ---- what is the same and what differs

    @property
    def sentence(self) -> str:
        """Which choice made the difference, and what it led to."""
        parts = [f"The first {self.step} steps are the same." if self.step else "They part at the start."]
        for name, bus in zip(self.names, (self.one, self.other), strict=True):
            rest = bus.trace[self.step :]
            parts.append(f"In {name}: {narrate(rest[0])}" if rest else f"In {name} nothing more happens.")
        if self._quorums is None:
            return " ".join(parts)
        one, other = self._outcome(self.one), self._outcome(self.other)
        if one == other:
            parts.append(f"The outcome is the same: in both, {one}.")
        else:
            because = "That made the difference" if self._by_choice else "At the end"
            parts.append(f"{because}: in {self.names[0]} {one}, in {self.names[1]} {other}.")
        return " ".join(parts)

    @property
    def _quorums(self) -> QuorumSystem | None:
        carried = (getattr(node, "quorums", None) for node in self.one)
        return next((q for q in carried if isinstance(q, QuorumSystem)), None)

    def _outcome(self, bus: MessageBus) -> str:
        values = sorted({short(p.value, 20) for p in chosen(bus.trace.sent, self._quorums)})  # type: ignore[arg-type]
        return (
            f"{' and '.join(values)} {'are both' if len(values) > 1 else 'is'} chosen"
            if values
            else "nothing is chosen"
        )

    def lines(self) -> tuple[list[tuple[bool, str]], list[tuple[bool, str]]]:
        """The steps from the parting on, of each future: (does the other future lack it?, the step in words)."""
        rests = [[(step, narrate(step)) for step in bus.trace[self.step :]] for bus in (self.one, self.other)]
        counts = [Counter(words for _, words in rest) for rest in rests]
        told = []
        for rest, there in zip(rests, reversed(counts), strict=True):
            left, lines = there.copy(), []
            for step, words in rest:  # in words: there, messages have other numbers
                lines.append((left[words] <= 0, f"{step.step}. {words}"))
                left[words] -= 1
            told.append(lines)
        return told[0], told[1]

    def differences(self) -> list[tuple[str, str, str]]:
        """What nodes hold at the two ends where it is not the same: ("a1.accepted", in the one, in the other)."""
        found = []
        for name in self.one.names:
            held = [dict(f for part in holdings(bus[name]) for f in part) for bus in (self.one, self.other)]
            here, there = ("down" if name in bus.down else "up" for bus in (self.one, self.other))
            found += [(name, here, there)] if here != there else []
            found += [
                (f"{name}.{field}", held[0][field], held[1].get(field, "-"))
                for field in held[0]
                if held[0][field] != held[1].get(field, "-")
            ]
        return found

    # ---- showing

    def html(self) -> str:
        """Both futures as HTML: the sentence, the two columns, what differs at the end."""
        columns = "".join(
            f'<section style="min-width:0"><b>{as_text(name)}</b>{self._board(name, bus)}'
            f'<ol style="list-style:none;padding:0;margin:4px 0">{_items(lines)}</ol></section>'
            for name, bus, lines in zip(self.names, (self.one, self.other), self.lines(), strict=True)
        )
        head = "".join(f'<th scope="col">{as_text(c)}</th>' for c in ("at the end", *self.names))
        rows = "".join(
            f'<tr><th scope="row">{as_text(where)}</th><td>{as_text(short(x, 60))}</td><td>{as_text(short(y, 60))}</td></tr>'
            for where, x, y in self.differences()
        )
        table = f"<table><tr>{head}</tr>{rows}</table>" if rows else ""
        return (
            f'<div class="paxos-futures" style="line-height:1.4"><p><b>{as_text(self.sentence)}</b></p>'
            '<div style="display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr))">'
            f"{columns}</div><p>≠ marks what happens in one of the two alone.</p>{table}</div>"
        )

    def _board(self, name: str, bus: MessageBus) -> str:
        if self._quorums is None:
            return ""
        picture = ballot_board(bus.trace, self._quorums)
        # An image: of an SVG among the elements, a notebook that is not trusted leaves only the words.
        twin = as_list("ul", picture.alt.splitlines())
        return figure(picture.svg(), picture.caption, twin, f"{name}: the picture in words")

    def __str__(self) -> str:
        parts = [self.sentence]
        for name, lines in zip(self.names, self.lines(), strict=True):
            parts += ["", f"{name}:", *(f"{'≠' if alone else ' '} {line}" for alone, line in lines)]
        parts += ["", *(f"{where}: {x} | {y}" for where, x, y in self.differences())]
        return "\n".join(parts)

    __repr__ = __str__

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": str(self)}


def _do(bus: MessageBus, choice: Choice) -> None:
    if choice is None:
        return
    if isinstance(choice, Event):
        bus.apply(choice)
    elif callable(choice):
        choice(bus)
    else:
        for event in choice:
            bus.apply(event)


def _items(lines: list[tuple[bool, str]]) -> str:
    shown = lines[:MOST_LINES]
    items = "".join(
        f"<li>{'<b>≠ ' + as_text(line) + '</b>' if alone else '&nbsp;&nbsp; ' + as_text(line)}</li>"
        for alone, line in shown
    )
    more = len(lines) - len(shown)
    return items + (f"<li>... and {more} more steps.</li>" if more else "")
