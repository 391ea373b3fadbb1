"""The deck: a card that is due, its answer when asked for, and a grade that says when it comes again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

import ipywidgets as widgets

from paxos_lab.node import LabError
from paxos_lab.show.widgets.box import LabBox, Said, button, choice, prose, row
from paxos_lab.teach.interview.cards import Flashcard, by_group, load
from paxos_lab.teach.interview.spaced_repetition import GRADES, Memory, due, keep, recall, review
from paxos_lab.words.text import as_list, as_text, short

_LATER = 3  # cards between an "again" and the same card


class Deck(LabBox):
    """Interview cards, one at a time.

    `cards`: left out, those that come with the course. `today`: a function that gives the day. Grades
    are kept in the learner's folder.
    """

    def __init__(
        self, cards: Iterable[Flashcard] | None = None, *, today: Callable[[], date] = date.today
    ) -> None:
        self.cards = {card.id: card for card in (load() if cards is None else cards)}
        if not self.cards:
            raise LabError("Deck needs at least one card")
        self._today = today
        groups = by_group(self.cards.values())
        self.choice = choice(
            "Group of cards:",
            [
                (f"all groups ({len(self.cards)})", ""),
                *((f"{group} ({len(some)})", group) for group, some in groups.items()),
            ],
        )
        self.count, self.question, self.answer, self.more = widgets.HTML(), Said(), Said(), widgets.HTML()
        self.show_button = button("Show answer", "Say your answer aloud first", self.show)
        self.grade_buttons = {grade: button("", "", self._presser(grade)) for grade in GRADES}
        self.choice.observe(lambda _change: self.begin(), "value")
        buttons = row(self.show_button, *self.grade_buttons.values())
        super().__init__([self.choice, self.count, self.question, buttons, self.answer, self.more])
        self.begin()

    # ---- what can be done

    def begin(self) -> None:
        """Take up the cards of the group that are due today."""
        self.memories: dict[str, Memory] = recall()
        chosen = [c.id for c in self.cards.values() if self.choice.value in ("", c.group)]
        self._queue = due(chosen, self.memories, self._today())
        self.shown = False
        self._look()

    @property
    def card(self) -> Flashcard | None:
        """The card on screen, None if nothing is due."""
        return self.cards[self._queue[0]] if self._queue else None

    def show(self) -> None:
        """Show the answer."""
        self.shown = self.card is not None
        self._look()

    def grade(self, grade: str) -> None:
        """Say how well you knew it, and go on; raises `LabError` before the answer was shown."""
        if self.card is None or not self.shown:
            raise LabError("there is no answer on screen to grade: show it first")
        id = self.card.id
        self.memories[id] = review(self.memories.get(id), grade, self._today())
        keep(id, self.memories[id])
        del self._queue[0]
        if self.memories[id].due <= self._today():
            self._queue.insert(_LATER, id)
        self.shown = False
        self._look()

    def _presser(self, grade: str) -> Callable[[], None]:
        # Before the answer any button shows it, so that nobody has to walk between buttons by keyboard.
        return lambda: self.grade(grade) if self.shown else self.show()

    # ---- what is on screen

    def _look(self) -> None:
        card = self.card
        again = sum(id in self.memories for id in self._queue)
        self.count.value = prose(f"{again} due again, {len(self._queue) - again} new.")
        for grade, made in self.grade_buttons.items():
            made.description = self._name_of(grade)
            made.tooltip = "How well did you know it?" if self.shown else "Shows the answer first"
        if card is None:
            self.question.value = f"<b>Nothing is due here today.</b> {as_text(self._outlook())}"
            self.answer.value = self.more.value = ""
            return
        self.question.value = (
            f"<b>{as_text(card.group)}</b><br><span style='font-size:115%'>{as_text(card.question)}</span>"
        )
        self.answer.value = f"<p>{as_text(card.answer)}</p>" if self.shown else ""
        self.more.value = prose(_more(card)) if self.shown else ""

    def _name_of(self, grade: str) -> str:
        if not self.shown or self.card is None:
            return grade.capitalize()
        days = review(self.memories.get(self.card.id), grade, self._today()).interval
        when = "today" if days == 0 else "1 day" if days == 1 else f"{days} days"
        return f"{grade.capitalize()} ({when})"

    def _outlook(self) -> str:
        chosen = [c.id for c in self.cards.values() if self.choice.value in ("", c.group)]
        days = sorted(self.memories[id].due for id in chosen)
        return f"The next card comes on {days[0].isoformat()}."

    def __str__(self) -> str:
        card = self.card
        if card is None:
            return f"Interview cards: nothing is due. {self._outlook()}"
        lines = [f"Interview cards, {len(self._queue)} to go. {card.group}: {card.question}"]
        if self.shown:
            lines += [
                f"Answer: {card.answer}", f"Strong: {card.strong}", f"Wrong: {card.wrong}",
                f"Lesson: {card.lesson}", *(f"Then: {one}" for one in card.follow_ups),
            ]  # fmt: skip
        return "\n".join(lines)

    __repr__ = __str__


def lesson_link(lesson: str) -> str:
    """A link to a lesson that lies beside the notebook on screen."""
    name = as_text(short(lesson, 60))
    return (
        f'<a href="{name}.ipynb" target="_blank" rel="noopener" style="text-decoration:underline">{name}</a>'
    )


def _more(card: Flashcard) -> str:
    return (
        f"<p><b>A strong answer</b> {as_text(card.strong[0].lower() + card.strong[1:])}</p>"
        f"<p><b>The usual wrong answer:</b> {as_text(card.wrong)}</p>"
        f"<p><b>What comes next</b></p>{as_list('ul', card.follow_ups)}"
        f"<p><b>Lesson:</b> {lesson_link(card.lesson)}</p>"
    )
