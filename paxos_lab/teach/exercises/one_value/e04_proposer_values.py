"""Short talks about the value that a proposer asks for: the highest ballot reported, whatever the values are."""

from __future__ import annotations

from functools import partial
from typing import Any

from paxos_lab.paxos import Accept, Accepted, Ballot, Majority, QuorumSystem
from paxos_lab.paxos.quorums import names_of
from paxos_lab.teach.exercises.in_words import same, shown, shown_plainly
from paxos_lab.teach.exercises.one_value.e04_rehearsed import (
    FALSY,
    Line,
    a_promise,
    a_report,
    accepts,
    ballots_used,
    begun,
)
from paxos_lab.teach.exercises.talk import RING


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
