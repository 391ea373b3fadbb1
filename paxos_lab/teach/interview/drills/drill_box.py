"""What a whiteboard drill is: a moment of a real run, a question, and options judged by the real role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from paxos_lab.node import LabError, Node, Send, react
from paxos_lab.world.copying import twin


class Option(NamedTuple):
    """One answer: what it says, and what it means, in a form that can be compared with what a role does."""

    text: str
    means: Any


@dataclass(frozen=True)
class Drill:
    """One question about one moment.

    `situation`: lines. `replay`: lets the real role go through the moment and returns what it does, in
    the form of `Option.means`; nothing else says which option is right. `why` names the rule.
    """

    kind: str
    situation: tuple[str, ...]
    question: str
    options: tuple[Option, ...]
    why: str
    replay: Callable[[], Any]

    def __post_init__(self) -> None:
        truth = self.replay()
        right = [option for option in self.options if option.means == truth]
        if len(right) != 1 or len(self.options) < 3:
            raise LabError(
                f"a drill of kind {self.kind!r} has {len(right)} right options of {len(self.options)}: "
                "there must be one, and two wrong ones at least"
            )

    def grade(self, answer: int) -> bool:
        """True if the role does what that option says; options count from 0."""
        if not 0 <= answer < len(self.options):
            raise LabError(f"there are the options 0 to {len(self.options) - 1}, got {answer!r}")
        return bool(self.options[answer].means == self.replay())

    @property
    def right(self) -> int:
        """The position of the right option."""
        return next(i for i in range(len(self.options)) if self.grade(i))

    def __str__(self) -> str:
        options = (
            f"  {letter}. {option.text}" for letter, option in zip("ABCDEFGH", self.options, strict=False)
        )
        return "\n".join([*self.situation, self.question, *options])


def replayed(node: Node, *arrivals: tuple[str, Any]) -> tuple[Node, list[tuple[str, Any]]]:
    """A twin of `node` after these (sender, message), and the (to, message) that it sent."""
    again = twin(node)
    effects = [effect for arrival in arrivals for effect in react(again, "receive", *arrival)]
    return again, [(e.to, e.message) for e in effects if isinstance(e, Send)]


def different(*options: Option) -> tuple[Option, ...]:
    """The options without those that mean what an earlier one means."""
    kept: list[Option] = []
    for option in options:
        if not any(option.means == other.means for other in kept):
            kept.append(option)
    return tuple(kept)
