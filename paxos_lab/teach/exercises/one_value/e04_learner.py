"""Exercise 04: the learner, which finds out what is chosen."""

from __future__ import annotations

from typing import Any

from paxos_lab.paxos import Accepted, Ballot, Flexible, Majority, single_decree
from paxos_lab.teach.exercises.handed_in import a_role, guarded
from paxos_lab.teach.exercises.talk import Dialogue
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.trials import every_schedule

NAMES = ("a1", "a2", "a3")
B1, B2 = Ballot(1, "p1"), Ballot(2, "p2")


def count(learner: Any) -> str:
    """A value is learned from a quorum of different acceptors in one ballot, never otherwise."""
    role = a_role(learner, "Learner", "l1", Majority(NAMES), fields=("learned",))
    tested = guarded(role)
    tea = Accepted(B1, "tea")
    _never(
        tested,
        [("a1", tea), ("a1", tea)],
        "It has learned tea after two messages, but both are the vote of a1.",
        "A message may come twice. Count different acceptors.",
    )
    _never(
        tested,
        [("a1", tea), ("a2", Accepted(B2, "coffee"))],
        "It has learned something from two votes for different values.",
    )
    _never(
        tested,
        [("a1", tea), ("a2", Accepted(B2, "tea"))],
        "It has learned tea from one vote in ballot 1.p1 and one in ballot 2.p2.",
        "The value is the same, but the ballots are not: neither has a quorum, and coffee may still win in between.",
    )
    _always(tested, [("a1", tea), ("a3", tea)], "tea")
    _always(tested, [("a1", tea), ("a2", Accepted(B2, "coffee")), ("a3", Accepted(B2, "coffee"))], "coffee")
    _always(tested, [("a2", Accepted(B2, "tea")), ("a1", tea), ("a3", tea)], "tea")
    _always(tested, [("a1", Accepted(B1, 0)), ("a2", Accepted(B1, 0))], 0)
    all_three = Flexible(1, 3, NAMES)
    _never(
        tested,
        [("a1", tea), ("a2", tea)],
        "It has learned tea from two votes, but its quorums ask for three.",
        "Do not count to two: ask self.quorums.is_quorum(voters, phase=2).",
        quorums=all_three,
    )
    _always(tested, [("a1", tea), ("a2", tea), ("a3", tea)], "tea", quorums=all_three)
    tried = every_schedule(lambda: single_decree("xy", learner=tested), "2 ballots")
    return f"It learns what is chosen, and only that. Tried: {tried}"


def _never(role: type[Any], lines: list[Any], headline: str, *why: str, quorums: Any = None) -> None:
    talk = Dialogue(role("l1", quorums or Majority(NAMES)), lines)
    for line in lines:
        talk.say(line)
        talk.expect(talk.node.learned is None, headline, *why)  # type: ignore[attr-defined]


def _always(role: type[Any], lines: list[Any], value: Any, quorums: Any = None) -> None:
    talk = Dialogue(role("l1", quorums or Majority(NAMES)), lines)
    for line in lines:
        talk.say(line)
    got = talk.node.learned  # type: ignore[attr-defined]
    told = "; ".join(f"{name}: {vote}" for name, vote in lines)
    talk.expect(got == value, f"From the votes ({told}) it should learn {value!r}; its `learned` is {got!r}.")


TASKS = (
    Task(
        "learner.count",
        "Write the learner",
        "04",
        ("Learner",),
        count,
        (
            "What exactly is chosen: a value, or a value in a ballot?",
            "Keep the voters for each pair of ballot and value by itself, as a set. Two votes of one acceptor are one vote.",
            "`proposal = Proposal(ballot, value)`; add `sender` to `self.votes.get(proposal, frozenset())`; set "
            "`self.learned = value` when `self.quorums.is_quorum(voters, phase=2)`.",
        ),
    ),
)
