"""Drills about the fate of values: what was voted and promised so far, and what follows."""

from __future__ import annotations

import random
from typing import Any

from paxos_lab.paxos import Accept, Accepted, Ballot, Majority, Promise, chosen, verdicts
from paxos_lab.teach.interview.drills.drill_box import Drill, Option, different
from paxos_lab.teach.interview.drills.moments import Moment, find, shuffled


def fate(rng: random.Random) -> Drill:
    """What was asked for, promised and voted so far, and what follows for the value."""
    wanted = rng.choice(["chosen", "chosen", "open", "dead"])
    moment = find(rng, lambda m: _fate_sort(_quorums(m), m.sent), wanted)
    quorums, sent = _quorums(moment), moment.sent

    def replay() -> Any:
        return _fate(quorums, sent)

    winners, live = replay()
    values = sorted({m.value for _, m in sent if isinstance(m, Accept)})
    options = [
        *(Option(f"{v} is chosen", (frozenset({v}), frozenset())) for v in values),
        *(Option(f"nothing is chosen; {v} could still be", (frozenset(), frozenset({v}))) for v in values),
        Option(f"nothing is chosen; {' or '.join(values)} could still be", (frozenset(), frozenset(values))),
        Option(
            "nothing is chosen, and no value asked for so far can be in its ballot",
            (frozenset(), frozenset()),
        ),
    ]
    truth = next(option for option in options if option.means == (winners, live))
    kept = different(truth, *rng.sample(options, len(options)))[:5]
    lines = []
    for verdict in verdicts(sent, quorums):
        if verdict.values:
            said = f"    {verdict.ballot}: {verdict.values[0]} was asked for; voted: {_names(verdict.voters)}"
            lines.append(said)
    promised: dict[str, Ballot] = {}
    for sender, m in sent:
        if isinstance(m, Promise | Accepted):
            promised[sender] = max(promised.get(sender, Ballot.ZERO), m.ballot)
    highest = "; ".join(
        f"{name} {promised[name]}" if name in promised else f"{name} nothing" for name in quorums.members
    )
    total = len(quorums.members)
    situation = (
        f"The acceptors are a1 to a{total}; quorums are majorities. You see everything. By ballot:",
        *lines,
        f"Highest promise so far: {highest}.",
    )
    question = "What is the fate of the values, in the ballots in which they were asked for?"
    return Drill("fate", situation, question, shuffled(rng, kept), _fate_why(sent, quorums), replay)


def _quorums(moment: Moment) -> Majority:
    return Majority(moment.acceptors)


def _fate(quorums: Majority, sent: list[tuple[str, Any]]) -> tuple[frozenset[Any], frozenset[Any]]:
    winners = frozenset(p.value for p in chosen(sent, quorums))
    live = frozenset(value for v in verdicts(sent, quorums) if v.state == "open" for value in v.values)
    return winners, frozenset() if winners else live


def _fate_sort(quorums: Majority, sent: list[tuple[str, Any]]) -> str | None:
    ballots = {m.ballot for _, m in sent if isinstance(m, Accept)}
    if len(ballots) < 2 or len({m.value for _, m in sent if isinstance(m, Accept)}) < 2:
        return None
    winners, live = _fate(quorums, sent)
    return "chosen" if winners else "open" if live else "dead"


def _fate_why(sent: list[tuple[str, Any]], quorums: Majority) -> str:
    parts = []
    for verdict in verdicts(sent, quorums):
        if not verdict.values:
            continue
        value, voters, closed = verdict.values[0], _names(verdict.voters), _names(verdict.closed)
        if verdict.state == "chosen":
            parts.append(f"In {verdict.ballot} a quorum has voted for {value} ({voters}): chosen, for ever.")
        elif verdict.state == "dead":
            parts.append(
                f"{verdict.ballot} can get no quorum any more: {closed} promised higher without a vote in it."
            )
        else:
            parts.append(
                f"{verdict.ballot} may still get a quorum for {value}: voted {voters}, shut {closed}."
            )
    end = "Two values can never be open at once: P2c sees to that."
    return " ".join(["Votes count within one ballot.", *parts, end])


def _names(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "nobody"
