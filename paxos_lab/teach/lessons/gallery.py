"""The mutation gallery: which rules can be left out? Guess, then let the explorer try every schedule.

A card shows a rule that is different. The learner says whether agreement survives and, if not, with
how many ballots it first breaks; then the search answers, and a break opens as a run to step through.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import ipywidgets as widgets

from paxos_lab.node import LabError, Node
from paxos_lab.paxos.quorums import QuorumSystem
from paxos_lab.show.draw.ballot_board import ballot_board
from paxos_lab.show.widgets.box import LabBox, Said, button, choice, prose, row, scrolling
from paxos_lab.show.widgets.stepper import Stepper
from paxos_lab.teach.lessons import guess_book
from paxos_lab.teach.lessons.adversary import Search
from paxos_lab.teach.lessons.guess_book import Guess
from paxos_lab.verify.explorer.exploration import Exploration, explore
from paxos_lab.verify.wrong.single_decree import Setting, Variant
from paxos_lab.words.narration import narrate
from paxos_lab.words.text import as_list, as_text, short
from paxos_lab.world.trace import Trace

MOST_BALLOTS = 4
SAFE = "safe: no schedule breaks it"
OPTIONS = (
    SAFE,
    "broken, already with 1 ballot",
    *(f"broken, but only from {n} ballots on" for n in range(2, MOST_BALLOTS + 1)),
)
"""What can be guessed; the position of a broken one is its number of ballots."""

_SPEAK_EVERY = 0.5  # seconds between two lines of progress


@dataclass(frozen=True)
class Card:
    """One rule that is different.

    `make(setting)`: fresh nodes. `settings`: what is searched, smallest first, until one breaks.
    `safe`: what is known from a proof, which goes on where the search has to stop.
    """

    id: str
    rule: str
    make: Callable[[Setting], Iterable[Node]]
    settings: tuple[Setting, ...]
    safe: bool

    def __post_init__(self) -> None:
        for what, text in (("id", self.id), ("rule", self.rule)):
            if not isinstance(text, str) or not text.strip():
                raise LabError(f"Card: {what} is a text that is not empty, got {short(repr(text), 60)}")
        object.__setattr__(self, "settings", tuple(self.settings))
        if not self.settings:
            raise LabError(f"the card {short(self.id, 40)!r} needs a setting to search, as Setting(2, 2)")

    @classmethod
    def of(cls, variant: Variant, ballots: int = 3) -> Card:
        """The card of a variant; a right one is searched with that many `ballots`."""
        if variant.smallest is None:
            settings: tuple[Setting, ...] = (Setting(ballots, ballots),)  # fewer are among these schedules
        else:
            settings = tuple(s for s in (variant.below, variant.smallest) if s is not None)
        return cls(variant.id, variant.rule, variant.make, settings, variant.safe)


class Outcome(NamedTuple):
    """What the search of one card found: (setting, exploration) in the order tried."""

    tried: tuple[tuple[Setting, Exploration], ...]

    @property
    def broken(self) -> tuple[Setting, Exploration] | None:
        """Where it broke, or None."""
        return next(((s, e) for s, e in self.tried if not e.ok), None)

    @property
    def complete(self) -> bool:
        """True if the search saw everything up to a break."""
        return all(e.complete for _, e in self.tried if e.ok)


_outcomes: dict[str, tuple[Card, Outcome]] = {}  # so that a cell run again need not search again


class CardBox(LabBox):
    """One card on screen: the rule, a guess, a button, and what came of it."""

    def __init__(self, card: Card, number: int, gallery: MutationGallery) -> None:
        self.card, self.number, self._gallery = card, number, gallery
        self.outcome: Outcome | None = None
        self.stepper: Stepper | None = None
        options = [("pick one", None), *((option, i) for i, option in enumerate(OPTIONS))]
        self.choice = choice(f"Your guess for {number}:", options, value=None)
        self.button = button(
            f"Commit guess {number}", "Fix your guess; then the explorer tries every schedule", self._press
        )
        self.verdict, self.details = Said(), widgets.HTML()
        title = prose(f"<b>{number}. {as_text(card.rule[0].upper() + card.rule[1:])}</b>")
        self._fixed: tuple[Any, ...] = (
            widgets.HTML(title),
            row(self.choice, self.button),
            self.verdict,
            self.details,
        )
        super().__init__(
            self._fixed,
            layout=widgets.Layout(border="1px solid #8a8a8a", margin="0 0 8px 0", padding="6px 10px"),
        )
        self.said: int | None = None  # the guess as it was committed
        self._take_up_the_past()
        self.choice.observe(self._picked, "value")

    def _name_button(self, words: str, tooltip: str) -> None:
        self.button.description, self.button.tooltip = words, tooltip

    def _take_up_the_past(self) -> None:
        """A guess that was committed before stays committed."""
        old = guess_book.guesses().get(self._key)  # it counts as asked when it is committed, not before
        if old is None or old.question != self.card.rule or old.said not in OPTIONS:
            return
        self.choice.value = self.said = OPTIONS.index(old.said)
        self.choice.disabled = True
        known = _outcomes.get(self.card.id)
        if known is not None and known[0] == self.card:
            self._show(known[1])
        else:
            self._name_button(f"Search {self.number} again", "The explorer tries every schedule")
            self._say("Your guess is kept; the nodes may have changed since.")

    @property
    def _key(self) -> str:
        return f"gallery {self.card.id}"

    @property
    def committed(self) -> bool:
        """True once the guess is fixed."""
        return bool(self.choice.disabled)

    # ---- what a press does

    def _picked(self, change: dict[str, Any]) -> None:
        # The browser may send a press before the pick that was made before it: say what has come.
        if self.said is not None:
            self.choice.value = self.said
        elif change["new"] is not None:
            self._say(f"You are about to say “{OPTIONS[change['new']]}”. Commit it to see.")

    def _press(self) -> None:
        # The button is never disabled before: who goes by keyboard would step over it.
        if self.choice.value is None:
            self._say("Pick a guess first.")
        elif self.outcome is None:
            self.commit()
        elif self.outcome.broken is not None:
            self.close_run() if self.stepper else self.open_run()

    def commit(self) -> None:
        """Fix the guess that is picked and search; raises `LabError` if there is none."""
        if self.choice.value is None:
            raise LabError(f"card {self.number} has no guess yet: pick one first")
        self.said = self.choice.value
        self.choice.disabled = True
        try:
            outcome = self._search()
        except LabError as error:  # a learner's class may break its contract
            self._name_button(f"Search {self.number} again", "The explorer tries every schedule")
            self._say(f"The search could not go on: {error}")
            return
        _outcomes[self.card.id] = self.card, outcome
        if self._truth(outcome) is not None:
            guess = Guess(self.card.rule, OPTIONS[self.said], self._is_right(outcome))
            guess_book.keep(self._key, self.card.rule, guess)
        self._show(outcome)
        self._gallery.show_score()

    def open_run(self) -> Stepper:
        """Open the shortest counterexample in a stepper below, at its first step."""
        if self.outcome is None or self.outcome.broken is None:
            raise LabError(f"card {self.number} has no counterexample to open")
        self._gallery.close_runs()
        bus = self.outcome.broken[1].bus
        self.stepper = Stepper(bus)
        self.stepper.jump(0)
        self.stepper.view = self.stepper.look()
        self.put(*self._fixed, self.stepper)
        self._name_button(f"Close the run of {self.number}", "Take the stepper away")
        return self.stepper

    def close_run(self) -> None:
        """Take the stepper away."""
        if self.stepper is not None:
            self.put(*self._fixed)
            self.stepper.close()
            self.stepper = None
            self._offer_run()

    def _offer_run(self) -> None:
        self._name_button(
            f"Open the run of {self.number} in the stepper", "The shortest counterexample, step by step"
        )

    def _search(self) -> Outcome:
        tried: list[tuple[Setting, Exploration]] = []
        for setting in self.card.settings:
            found = self._gallery.search(
                self.card.make(setting), faults=setting.faults, watch=self._watch(setting)
            )
            tried.append((setting, found))
            if not found.ok:
                break
        return Outcome(tuple(tried))

    def _watch(self, setting: Setting) -> Callable[[int, int], None]:
        """Says how far the search has come, now and then."""
        what = f"The explorer tries every schedule with {setting}"
        self._say(f"{what} ...")
        next_line = time.monotonic() + _SPEAK_EVERY

        def watch(states: int, depth: int) -> None:
            nonlocal next_line
            if time.monotonic() >= next_line:
                next_line = time.monotonic() + _SPEAK_EVERY
                self._say(f"{what}: {states:,} states, {depth} events deep ...")

        return watch

    # ---- right or wrong

    def _truth(self, outcome: Outcome) -> int | None:
        """The position of the right option; None if neither search nor proof can tell."""
        if outcome.broken is not None:
            return outcome.broken[0].ballots if outcome.complete else None
        return 0 if self.card.safe else None

    def _is_right(self, outcome: Outcome) -> bool:
        return bool(self.said == self._truth(outcome))

    def _judgement(self, outcome: Outcome) -> str:
        guess, truth = self.said, self._truth(outcome)
        if truth is None:
            return "neither the search nor a proof can tell."
        if guess == truth:
            return "right."
        if not truth:
            return "not so. It is safe."
        if not guess:
            return "not so. It is broken."
        return f"half right. It is broken, but first with {_ballots(truth)}."

    # ---- what is on screen

    def _say(self, words: str) -> None:
        self.verdict.value = as_text(words)

    def _show(self, outcome: Outcome) -> None:
        self.outcome = outcome
        said = f"You said “{OPTIONS[self.said or 0]}”: {self._judgement(outcome)}"
        self.verdict.value = f"<b>{as_text(said)}</b>"
        self.details.value = prose(f"{as_text(self._findings(outcome))}{self._details(outcome)}")
        if outcome.broken is None:
            self._name_button("Committed", "Nothing broke, so there is no run to open")
        else:
            self._offer_run()

    def _findings(self, outcome: Outcome) -> str:
        parts = []
        for setting, found in outcome.tried:
            if not found.ok:
                steps = len(found.counterexample or ())
                parts.append(f"broken with {setting} after {steps} steps ({found.sentence})")
            elif found.complete:
                parts.append(f"safe in every schedule with {setting} ({found.states:,} states)")
            else:
                parts.append(
                    f"nothing broken with {setting}, but {found.cut} ended the search "
                    f"after {found.states:,} states"
                )
        words = "; ".join(parts)
        end = "" if outcome.broken else " The search stops there: what lies beyond is for the proof."
        if outcome.broken is None and not self.card.safe:
            end = " The search stops there, and says nothing about larger settings."
        return f"{self.card.id}: {words}.{end}"

    def _details(self, outcome: Outcome) -> str:
        """The break: the first invariant to go, the run in sentences, the ballot board."""
        if outcome.broken is None:
            return ""
        found = outcome.broken[1]
        trace = found.counterexample or Trace()
        on_the_way = found.broken_on_the_way()
        breaks: dict[int, list[str]] = {}
        for step, _, sentence in on_the_way:
            breaks.setdefault(step, []).append(sentence)
        breaks.setdefault(len(trace), []).append(found.sentence)
        first = "<p>No invariant of the proof breaks before.</p>"
        if on_the_way:
            step, name, sentence = on_the_way[0]
            why = sentence.removeprefix(f"{name}: ")
            first = (
                f"<p>The first invariant of the proof to break is <b>{as_text(name)}</b>, at step {step} of "
                f"{len(trace)}: {as_text(why)}.</p>"
            )
        lines = "".join(
            f"<li>{as_text(narrate(step))}"
            + "".join(f" <b>Breaks {as_text(s)}.</b>" for s in breaks.get(step.step, ()))
            + "</li>"
            for step in trace
        )
        picture = ballot_board(found.bus.trace, _quorums(found))
        return (
            f"{first}<details open><summary>A run that breaks it in as few events as possible, {len(trace)} steps</summary>"
            f"<ol>{lines}</ol></details>{scrolling(picture, f'Ballot board of card {self.number}', 480)}"
            f"<details><summary>The ballot board of card {self.number} in words</summary>"
            f"{as_list('ul', picture.alt.splitlines())}</details>"
        )


class MutationGallery(LabBox):
    """Cards with rules that are different: some break Paxos, some do not.

    `cards`: `Card`s, or variants of `paxos_lab.verify.wrong.single_decree`, shown in this order. Guesses are kept
    and count in `score()`. `search`: what tries the schedules, with the arguments of `explore`.
    """

    def __init__(self, cards: Iterable[Card | Variant], *, search: Search = explore) -> None:
        found = [Card.of(card) if isinstance(card, Variant) else card for card in cards]
        for card in found:
            if not isinstance(card, Card):
                raise LabError(f"MutationGallery shows Cards or variants, got {short(repr(card), 60)}")
        if not found:
            raise LabError("MutationGallery needs at least one card")
        if twice := [c.id for i, c in enumerate(found) if c.id in {d.id for d in found[:i]}]:
            raise LabError(f"two cards are called {short(twice[0], 40)!r}: give each an id of its own")
        self.search = search
        self.score_line = widgets.HTML()
        self.cards = [CardBox(card, number, self) for number, card in enumerate(found, start=1)]
        intro = (
            "<b>Predict.</b> Each card is Paxos with one rule different. Is agreement "
            "still safe? If not: how many ballots must there be before it shows?"
        )
        super().__init__([widgets.HTML(prose(intro)), self.score_line, *self.cards])
        self.show_score()

    def __getitem__(self, id: str) -> CardBox:
        for box in self.cards:
            if box.card.id == id:
                return box
        raise LabError(
            f"no card is called {short(repr(id), 40)}; there are {', '.join(b.card.id for b in self.cards)}"
        )

    @property
    def score(self) -> str:
        """One sentence: how many of these cards were guessed right."""
        judged = [box for box in self.cards if box.outcome is not None]
        if not judged:
            return f"None of {len(self.cards)} cards is committed yet."
        right = sum(box._is_right(box.outcome) for box in judged if box.outcome is not None)
        left = len(self.cards) - len(judged)
        return f"Your guesses: {right} of {len(judged)} right" + (f", {left} still open." if left else ".")

    def show_score(self) -> None:
        """Write the score line anew."""
        self.score_line.value = prose(as_text(self.score))

    def close_runs(self) -> None:
        """Take every stepper away."""
        for box in self.cards:
            box.close_run()

    def __repr__(self) -> str:
        return f"<MutationGallery: {self.score}>"

    def still(self) -> dict[str, str]:
        """The rules as text."""
        lines = ["Mutation gallery. Paxos with one rule different: safe, or broken with how many ballots?"]
        lines += [f"{box.number:>3}  {short(box.card.rule, 300)}" for box in self.cards]
        return {"text/plain": "\n".join(lines)}


def _quorums(found: Exploration) -> QuorumSystem | None:
    carried = (getattr(node, "quorums", None) for node in found.nodes)
    return next((q for q in carried if isinstance(q, QuorumSystem)), None)


def _ballots(number: int) -> str:
    return f"{number} ballot{'s' * (number != 1)}"
