"""A talk with one proposer whose lines name ballots that it has yet to choose: they are found by rehearsal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from paxos_lab.paxos import (
    Accept,
    Accepted,
    Ballot,
    Majority,
    Prepare,
    Promise,
    Proposal,
    QuorumSystem,
)
from paxos_lab.paxos.quorums import names_of
from paxos_lab.teach.exercises.in_words import same, shown, shown_plainly
from paxos_lab.teach.exercises.talk import RING, Dialogue

NAMES = names_of(3)

FALSY = (0, "", False, ())
"""Values that Python takes for no, and that are values all the same."""

Line = str | tuple[str, Callable[[list[Ballot]], Any]]
"""RING, RESTART, or an acceptor and what it says, from the ballots that the proposer has used so far."""


def begun(
    role: type[Any], script: Iterable[Line], quorums: QuorumSystem | None = None, own: Any = "tea"
) -> tuple[Dialogue, list[Any]]:
    """A talk that has just begun, and its lines. The ballots in them are found by rehearsal."""
    quorums = quorums or Majority(NAMES)
    lines: list[Any] = []

    def talk() -> Dialogue:
        node = role("p1", own, quorums.members, quorums)
        return Dialogue(node, [line for line in lines if isinstance(line, tuple)], others=quorums.members)

    used: list[Ballot] = []
    for line in script:
        if isinstance(line, str):
            lines.append(line)
            used = []
            continue
        if not used:
            rehearsal = talk()
            for earlier in lines:
                rehearsal.say(earlier)
            used = ballots_used(rehearsal)
            rehearsal.expect(
                bool(used), "At the start it sent no Prepare.", "`start` opens the first ballot."
            )
        lines.append((line[0], line[1](used)))
    return talk(), lines


def all_said(role: type[Any], script: list[Any], quorums: QuorumSystem | None = None) -> Dialogue:
    """The talk after all of its lines."""
    talk, lines = begun(role, script, quorums)
    for line in lines:
        talk.say(line)
    return talk


def ballots_used(talk: Dialogue) -> list[Ballot]:
    """The ballots of its Prepares so far, in the order of sending, each once."""
    sent = (e for step in talk.bus.trace for e in step.sent if e.sender == talk.node.name)
    return list(dict.fromkeys(e.message.ballot for e in sent if isinstance(e.message, Prepare)))


def a_promise(used: list[Ballot]) -> Promise:
    """Of the ballot in hand, without a vote."""
    return Promise(used[-1], None)


def a_vote(used: list[Ballot]) -> Accepted:
    """For tea in the ballot in hand."""
    return Accepted(used[-1], "tea")


def a_report(value: Any, ballot: Ballot) -> Callable[[list[Ballot]], Promise]:
    """A promise of the ballot in hand that reports this vote."""
    return lambda used: Promise(used[-1], Proposal(ballot, value))


def accepts(said: list[tuple[str, Any]]) -> list[Accept]:
    """The requests for votes in what was said."""
    return [m for _, m in said if isinstance(m, Accept)]


# ---- the value that it asks for


def highest_of_many(role: type[Any]) -> None:
    """The highest ballot reported counts: not the first, the last, the most common; rounds are numbers."""
    five = Majority(names_of(5))
    cases: list[tuple[QuorumSystem | None, list[tuple[str, Ballot]]]] = [
        (five, [("milk", Ballot(1, "p2")), ("milk", Ballot(1, "p2")), ("coffee", Ballot(2, "p3"))]),
        (None, [("milk", Ballot(1, "p2")), ("coffee", Ballot(2, "p3"))]),
        (None, [("coffee", Ballot(2, "p3")), ("milk", Ballot(1, "p2"))]),
        (None, [("coffee", Ballot(2, "p3")), ("milk", Ballot(2, "p2"))]),
        (None, [("milk", Ballot(2, "p2")), ("coffee", Ballot(2, "p3"))]),
        (None, [("coffee", Ballot(10, "p2")), ("milk", Ballot(9, "p3"))]),
        (None, [("milk", Ballot(9, "p3")), ("coffee", Ballot(10, "p2"))]),
    ]
    for quorums, votes in cases:
        top = max(ballot for _, ballot in votes)
        promises: list[Line] = [(f"a{number}", a_report(*vote)) for number, vote in enumerate(votes, start=1)]
        talk, lines = begun(role, [*[RING] * top.round, *promises], quorums)
        asked: list[Accept] = []
        for line in lines:
            asked = accepts(talk.say(line))
        used = ballots_used(talk)[-1]
        talk.expect(
            used > top,
            f"After {top.round} retries its ballot is {used}.",
            "Each round is above the last one.",
        )
        told = "; ".join(f"{name} reports {m.accepted}" for name, m in lines[-len(votes) :])
        talk.expect(
            bool(asked), f"A quorum has promised ballot {used} ({told}), and it does not ask for votes."
        )
        talk.expect(
            all(same(m.value, "coffee") for m in asked),
            f"A value was asked for that the promises do not allow: {told}, and it asks for "
            f"{shown_plainly(asked[0].value)}.",
            f"The highest ballot reported is {top}, and nothing else counts: not how many report a value, not its "
            "place in the list.",
        )


def _voted(used: list[Ballot], value: Any) -> Accepted:
    return Accepted(used[-1], value)


def any_value(role: type[Any]) -> None:
    """A value that Python takes for no is a value all the same: reported, its own, learned."""
    only_none = (
        "A value may be 0, False or empty: only None stands for 'nothing'. Compare with `is not None`."
    )
    for value in FALSY:
        for own, report in ((value, a_promise), ("tea", a_report(value, Ballot(0, "p9")))):
            script: list[Line] = [("a1", report), ("a2", a_promise)]
            late = [("a3", a_report("coffee", Ballot(0, "p9")))] if own != "tea" else []
            first, second = [(name, partial(_voted, value=value)) for name in ("a1", "a2")]
            script += [first, *late, second]
            talk, lines = begun(role, script, own=own)
            asked: list[Accept] = []
            for line in lines[:2]:
                asked += accepts(talk.say(line))
            told = f"a1 reports {lines[0][1].accepted}" if own == "tea" else "no vote is reported"
            talk.expect(
                bool(asked) and all(same(m.value, value) for m in asked),
                f"Its own value is {own!r}, {told}, and it asks for "
                f"{shown(asked[0].value) if asked else 'nothing'}.",
                only_none,
            )
            talk.say(lines[2])
            if own != "tea":
                more = [m for m in accepts(talk.say(lines[3])) if not same(m.value, value)]
                talk.expect(
                    not more,
                    f"One ballot asks for two different values: for {value!r}, and after a third promise for "
                    f"{shown(more[0].value) if more else ''}.",
                    "Fix the value once for each ballot.",
                    only_none,
                )
            talk.say(lines[-1])
            learned = talk.node.learned  # type: ignore[attr-defined]
            talk.expect(
                learned is None or same(learned, value),
                f"A quorum voted for {value!r} in its ballot, and its `learned` is {shown(learned)}.",
                only_none,
            )
