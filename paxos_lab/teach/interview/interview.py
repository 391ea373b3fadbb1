"""A mock interview as a state machine: questions, a ladder of follow-ups, a rubric, a report.

Every move takes the time, in seconds from any origin, and gives a new state; nothing here reads a clock.

    asking --deeper--> asking the next follow-up ... --deeper after the last, or stop--> rating
    rating --rate--> asking the next question, or over when the time is up or the cards are
    any    --finish--> over
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from paxos_lab.node import LabError
from paxos_lab.teach.interview.cards import Flashcard, by_group
from paxos_lab.words.text import short

RUBRIC: dict[str, tuple[str, str, str, str]] = {
    "correctness": ("wrong", "right in parts", "right", "right, with the reason"),
    "precision": ("vague", "some words misused", "the words of the field", "conditions and bounds named too"),
    "trade-offs": ("none", "one named", "named and weighed", "weighed for the case at hand"),
    "example": ("none", "a hint of one", "a run with names", "a run with ballots, or a counterexample"),
}
"""What is rated after each question, and what 0, 1, 2 and 3 mean."""

ENOUGH = 2.0  # an average below this is weak


@dataclass(frozen=True)
class Rated:
    """One question that is done: the scores by criterion, how many follow-ups were answered, the seconds."""

    card: Flashcard
    scores: Mapping[str, int]
    answered: int
    seconds: float

    @property
    def mean(self) -> float:
        """The average of the scores."""
        return sum(self.scores.values()) / len(self.scores)


@dataclass(frozen=True)
class Interview:
    """Where a mock interview stands. `rung`: 0 for the question, then the follow-ups from 1."""

    plan: tuple[Flashcard, ...]
    minutes: float
    started: float
    asked_at: float
    phase: str = "asking"  # or "rating", or "over"
    rung: int = 0
    rated: tuple[Rated, ...] = ()
    ended: float | None = None

    @property
    def card(self) -> Flashcard | None:
        """The card in hand, None when it is over."""
        return None if self.phase == "over" else self.plan[len(self.rated)]

    @property
    def asking(self) -> str:
        """What the interviewer says now, "" unless it asks."""
        if self.phase != "asking" or self.card is None:
            return ""
        return (self.card.question, *self.card.follow_ups)[self.rung]

    def left(self, now: float) -> float:
        """The seconds that are left; 0 when the time is up or the interview over."""
        return 0.0 if self.phase == "over" else max(0.0, self.started + 60 * self.minutes - now)

    # ---- moves

    def deeper(self, now: float) -> Interview:
        """The question was answered: the next follow-up or, after the last one, the rating."""
        card = self._in("asking")
        rung = self.rung + 1
        return replace(self, rung=rung, phase="asking" if rung <= len(card.follow_ups) else "rating")

    def stop(self, now: float) -> Interview:
        """No answer to what was asked last: on to the rating."""
        self._in("asking")
        return replace(self, phase="rating")

    def rate(self, scores: Mapping[str, int], now: float) -> Interview:
        """Rate your answer by the rubric, 0 to 3 for each criterion, and go on."""
        card = self._in("rating")
        for name in RUBRIC:
            score = scores.get(name)
            if isinstance(score, bool) or score not in (0, 1, 2, 3):
                raise LabError(f"{name} is rated 0, 1, 2 or 3, got {short(repr(score), 40)}")
        if strange := set(scores) - set(RUBRIC):
            raise LabError(f"the rubric has {', '.join(RUBRIC)} and no {short(sorted(strange)[0], 40)}")
        done = Rated(card, dict(scores), max(0, self.rung - 1), now - self.asked_at)
        after = replace(self, rated=(*self.rated, done), phase="asking", rung=0, asked_at=now)
        over = len(after.rated) == len(self.plan) or after.left(now) == 0
        return replace(after, phase="over", ended=now) if over else after

    def finish(self, now: float) -> Interview:
        """End it here; a question that is not rated does not count."""
        if self.phase == "over":
            return self
        return replace(self, phase="over", ended=now)

    def _in(self, phase: str) -> Flashcard:
        if self.phase != phase or self.card is None:
            raise LabError(f"the interview is {self.phase} now, not {phase}")
        return self.card


def begin(cards: Iterable[Flashcard], minutes: float, seed: int, now: float) -> Interview:
    """An interview that starts now: a card of each group in turn, drawn by the seed."""
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes <= 480:
        raise LabError(
            f"an interview takes more than 0 and at most 480 minutes, got {short(repr(minutes), 40)}"
        )
    rng = random.Random(f"interview {seed}")
    piles = [rng.sample(group, len(group)) for group in by_group(cards).values()]
    plan: list[Flashcard] = []
    while any(piles):
        plan += [pile.pop() for pile in piles if pile]
    if not plan:
        raise LabError("an interview needs at least one card")
    return Interview(tuple(plan), minutes, now, now)


@dataclass(frozen=True)
class Report:
    """What came of it: averages by group and by criterion, what is weak, what to read again."""

    questions: int
    minutes: float
    groups: Mapping[str, float]
    criteria: Mapping[str, float]
    weak: tuple[str, ...]
    lessons: tuple[str, ...]
    follow_ups: tuple[int, int]
    """answered, and there were"""

    def lines(self) -> list[str]:
        """The report in sentences, without the lessons."""
        if not self.questions:
            return ["The interview ended before a question was rated."]
        spent = f"{self.minutes:.0f} minutes" if self.minutes >= 1.5 else "a minute or less"
        lines = [
            f"{self.questions} question{'s' if self.questions > 1 else ''} in {spent}; "
            f"{self.follow_ups[0]} of {self.follow_ups[1]} follow-ups answered.",
            "By group: " + ", ".join(f"{name} {mean:.1f}" for name, mean in self.groups.items()) + " of 3.",
            "By criterion: " + ", ".join(f"{name} {mean:.1f}" for name, mean in self.criteria.items()) + ".",
        ]
        if self.weak:
            lines.append(f"Weak: {', '.join(self.weak)}.")
        else:
            lines.append(
                "No group is weak. Raise the bar: explain each answer on a whiteboard, with ballots."
            )
        return lines

    def __str__(self) -> str:
        lessons = [f"Read again: {', '.join(self.lessons)}."] if self.lessons else []
        return "\n".join([*self.lines(), *lessons])


def report(interview: Interview) -> Report:
    """The report on what was rated so far; weakest groups first, lessons of weak answers in their order."""
    rated = interview.rated
    groups: dict[str, list[float]] = {}
    for one in rated:
        groups.setdefault(one.card.group, []).append(one.mean)
    means = {group: sum(all_) / len(all_) for group, all_ in groups.items()}
    weak = sorted((group for group, mean in means.items() if mean < ENOUGH), key=lambda group: means[group])
    lessons = sorted({one.card.lesson for one in rated if one.card.group in weak and one.mean < ENOUGH})
    criteria = {name: sum(one.scores[name] for one in rated) / len(rated) for name in RUBRIC} if rated else {}
    end = interview.ended if interview.ended is not None else interview.asked_at
    ladder = sum(one.answered for one in rated), sum(len(one.card.follow_ups) for one in rated)
    minutes = (end - interview.started) / 60
    return Report(len(rated), minutes, means, criteria, tuple(weak), tuple(lessons), ladder)
