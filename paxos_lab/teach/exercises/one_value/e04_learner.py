"""Exercise 04: the learner, which finds out what is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.paxos import Accepted, Ballot, Flexible, Majority, single_decree
from paxos_lab.paxos.quorums import names_of
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_role, guarded
from paxos_lab.teach.exercises.in_words import same, shown, shown_plainly
from paxos_lab.teach.exercises.one_value.e04_rehearsed import FALSY
from paxos_lab.teach.exercises.orders import every_order
from paxos_lab.teach.exercises.talk import Dialogue
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.trials import as_far_as_it_ends
from paxos_lab.verify.explorer.properties import agreement, learned_is_chosen, validity

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
    _never(
        tested,
        [("a1", tea), ("a3", Accepted(Ballot(1, "p2"), "tea"))],
        "It has learned tea from one vote in ballot 1.p1 and one in ballot 1.p2.",
        "The round is the same, but the ballots are not: neither has a quorum.",
    )
    _always(tested, [("a1", tea), ("a3", tea)], "tea")
    _always(tested, [("a1", tea), ("a2", Accepted(B2, "coffee")), ("a3", Accepted(B2, "coffee"))], "coffee")
    _always(tested, [("a2", Accepted(B2, "tea")), ("a1", tea), ("a3", tea)], "tea")
    _always(tested, [("a1", tea), ("a3", tea), ("a2", Accepted(B2, "tea"))], "tea")
    for value in FALSY:
        _always(tested, [("a1", Accepted(B1, value)), ("a2", Accepted(B1, value))], value)
    _always(tested, [("a1", tea), ("a2", Accepted(B2, "tea")), ("a3", tea)], "tea")
    five, all_three, two_of_four = Majority(names_of(5)), Flexible(1, 3, NAMES), Flexible(3, 2, names_of(4))
    for quorums in (all_three, five):
        _never(
            tested,
            [("a1", tea), ("a2", tea)],
            "It has learned tea from two votes, but its quorums ask for three.",
            "Do not count to two: ask self.quorums.is_quorum(voters, phase=2).",
            quorums=quorums,
        )
        _always(tested, [("a1", tea), ("a2", tea), ("a3", tea)], "tea", quorums=quorums)
    _always(tested, [("a4", tea), ("a2", tea)], "tea", quorums=two_of_four)
    orders = votes_in_every_order(tested)
    tried = as_far_as_it_ends(
        [(partial(single_decree, [0, "y"], learner=tested), "2 ballots", None)],
        (agreement, validity, learned_is_chosen),
    )
    late = [("a1", Accepted(B2, "tea")), ("a1", tea), ("a3", tea)]
    notes = [] if _learned_from(tested, late) == "tea" else [LAST_ONLY]
    return " ".join(["It learns what is chosen, and only that.", *notes, "Tried:", orders, *tried])


def votes_in_every_order(role: type[Any]) -> str:
    """What is chosen is learned, whatever votes of other ballots come in between, and nothing else is."""
    alone = every_order(
        lambda: role("l1", Majority(NAMES)), VOTES, _not_chosen, _learned_it, crash=True, goal=_knows
    )
    return f"votes in 4 ballots in every order, 1 crash: {alone:,} situations."


LAST_ONLY = (
    "Unlike the text, it drops a vote that arrives after a higher one of the same acceptor. That is safe; but what "
    "was chosen by such votes it never learns, unless it is chosen again."
)

VOTES = (
    ("a1", Accepted(B1, "tea")),
    ("a2", Accepted(Ballot(1, "p2"), "tea")),
    ("a3", Accepted(Ballot(2, "p1"), "tea")),
    ("a1", Accepted(B2, "coffee")),
    ("a2", Accepted(B2, "coffee")),
)
"""Three votes for tea that never add up, and two for coffee that do."""


def _not_chosen(sent: object, node: Any) -> str | None:
    return None if node.learned is None or same(node.learned, "coffee") else shown_plainly(node.learned)


def _knows(heard: Sequence[tuple[str, Any]], node: Any) -> str | None:
    """What is missing, if a quorum's votes for coffee are here."""
    if not {VOTES[3], VOTES[4]} <= set(heard) or same(node.learned, "coffee"):
        return None
    return f"{MISSING}{shown(node.learned)}"


MISSING = "missing: "


def _learned_it(value: str, run: MessageBus) -> NotYet:
    if value.startswith(MISSING):
        return NotYet(
            f"a1 and a2 voted for coffee in ballot {B2}, both votes have arrived, and its `learned` is "
            f"{value.removeprefix(MISSING)}.",
            "Votes of other ballots arrived in between. Keep the voters of every ballot until one has a quorum, and "
            "do not take back what is learned.",
            run=run,
        )
    return NotYet(
        f"It has learned {value}, and no quorum has voted for that in one ballot.",
        "Count the voters of each ballot by itself.",
        run=run,
    )


def _never(role: type[Any], lines: list[Any], headline: str, *why: str, quorums: Any = None) -> None:
    talk = Dialogue(role("l1", quorums or Majority(NAMES)), lines)
    for line in lines:
        talk.say(line)
        talk.expect(talk.node.learned is None, headline, *why)  # type: ignore[attr-defined]


def _learned_from(role: type[Any], lines: list[Any]) -> Any:
    talk = Dialogue(role("l1", Majority(NAMES)), lines)
    for line in lines:
        talk.say(line)
    return talk.node.learned  # type: ignore[attr-defined]


def _always(role: type[Any], lines: list[Any], value: Any, quorums: Any = None) -> None:
    talk = Dialogue(role("l1", quorums or Majority(NAMES)), lines)
    for line in lines:
        talk.say(line)
    got = talk.node.learned  # type: ignore[attr-defined]
    told = "; ".join(f"{name}: {vote}" for name, vote in lines)
    talk.expect(
        same(got, value), f"From the votes ({told}) it should learn {value!r}; its `learned` is {shown(got)}."
    )


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
