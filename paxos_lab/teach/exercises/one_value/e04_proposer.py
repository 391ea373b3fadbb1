"""Exercise 04: the value that the promises allow, and the proposer around it."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.paxos import (
    Accept,
    Accepted,
    Ballot,
    Majority,
    Prepare,
    Promise,
    Proposal,
    single_decree,
)
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, a_role, call, guarded
from paxos_lab.teach.exercises.talk import RESTART, Dialogue
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.trials import calm, every_schedule, storms
from paxos_lab.verify.wrong.single_decree import Setting

NAMES = ("a1", "a2", "a3")


def value(pick: Any) -> str:
    """P2c: the value of the highest-numbered vote reported, or one's own."""
    pick = a_function(pick, "value_to_propose")
    tea, coffee, milk = (
        Proposal(Ballot(1, "p1"), "tea"),
        Proposal(Ballot(2, "p2"), "coffee"),
        Proposal(Ballot(1, "p3"), "milk"),
    )
    cases: list[tuple[list[Proposal | None], str, str]] = [
        ([None, None], "own", "Nobody has voted, so you are free"),
        ([tea, None], "tea", "tea may have been chosen, so it must be proposed again"),
        ([coffee, tea, None], "coffee", "the highest ballot counts, not the last in the list"),
        ([tea, coffee], "coffee", "the highest ballot counts, not the first in the list"),
        ([tea, tea, coffee], "coffee", "the highest ballot counts, not what most have voted for"),
        ([tea, milk], "milk", "in the same round the name decides: 1.p3 is above 1.p1"),
        ([None, Proposal(Ballot(3, "p1"), 0)], "0", "a value may be 0 or empty: only None means 'no vote'"),
    ]
    rng = random.Random(1)
    for _ in range(60):
        votes = [
            Proposal(Ballot(rng.randint(1, 12), rng.choice("pqr")), rng.choice("xyz"))
            for _ in range(rng.randint(1, 5))
        ]
        votes = list({vote.ballot: vote for vote in votes}.values())  # a ballot has one value
        reports: list[Proposal | None] = [*votes, *[None] * rng.randint(0, 2)]
        rng.shuffle(reports)
        top = max(votes, key=lambda vote: vote.ballot)
        cases.append((reports, str(top.value), f"the highest ballot reported is {top.ballot}"))
    for reports, right, why in cases:
        got = call(pick, list(reports), "own")
        if str(got) != right or isinstance(got, Proposal):
            told = ", ".join("no vote" if r is None else str(r) for r in reports)
            hint = (
                "It returned a whole Proposal; return its value."
                if isinstance(got, Proposal)
                else f"It returned {got!r}."
            )
            raise NotYet(
                f"From the reports ({told}) and the own value 'own' it should pick {right!r}: {why}.", hint
            )
    return f"{len(cases)} sets of reports: each time the value that the promises allow."


def a_proposer(thing: Any) -> type[Any]:
    """`thing` as a proposer's class; raises `NotYet` if it is none."""
    methods, fields = ("start", "receive"), ("learned",)
    return a_role(thing, "Proposer", "p1", "tea", NAMES, Majority(NAMES), methods=methods, fields=fields)


def phases(proposer: Any) -> str:
    """Both phases and the retry, among the course's acceptors."""
    tested = guarded(a_proposer(proposer))
    _first_phase(tested)
    _second_phase(tested)

    def many(values: str) -> Any:
        return lambda: single_decree(values, proposer=tested)

    calm(many("x"), learns, "One proposer of yours, three acceptors")
    calm(many("xy"), learns, "Two proposers of yours, three acceptors")
    _again(tested)
    tried = []
    for setting in (Setting(2, 2), Setting(3, 3)):
        make = partial(single_decree, "xyz"[: setting.values], proposer=tested)
        tried.append(every_schedule(make, str(setting), setting.faults))
    tried.append(storms(many("xyz"), "three rivals that retry and crash", seeds=range(25)))
    return f"It proposes only what its promises allow, and does not give up. Tried: {' '.join(tried)}"


def _fresh(role: type[Any], *script: Any) -> tuple[Dialogue, Ballot]:
    """A proposer p1 among three acceptors that say those lines; its first ballot."""
    talk = Dialogue(role("p1", "tea", NAMES, Majority(NAMES)), script, others=NAMES)
    asked = [e for e in talk.bus.in_flight if isinstance(e.message, Prepare)]
    talk.expect(bool(asked), "At the start it sent no Prepare.", "`start` opens the first ballot.")
    talk.expect(
        len({e.to for e in asked}) >= 2,
        f"At the start it sent Prepare to {', '.join(sorted({e.to for e in asked}))} only, which is no quorum.",
        "Send it to all of self.acceptors.",
    )
    return talk, asked[0].message.ballot


def _first_phase(role: type[Any]) -> None:
    """The ballot is a proper one, and one promise, told twice, is no quorum."""
    _, ballot = _fresh(role)
    if not isinstance(ballot, Ballot) or ballot <= Ballot.ZERO or ballot.proposer != "p1":
        raise NotYet(
            f"Its first ballot is {ballot!r}.",
            "A ballot is Ballot(round, self.name), with a round from 1 on, so that nobody else uses the same.",
        )
    yes = Promise(ballot, None)
    talk, _ = _fresh(role, ("a1", yes), ("a1", yes), ("a2", yes))
    for _ in range(2):
        talk.expect(
            not _accepts(talk.say(("a1", yes))),
            "It asked for votes after the promise of a1 alone.",
            "The same promise may arrive twice. Count different acceptors, and wait for a quorum.",
        )
    said = _accepts(talk.say(("a2", yes)))
    talk.expect(bool(said), "Two of three acceptors promised, and it does not ask for votes.")
    talk.expect(
        all((m.ballot, m.value) == (ballot, "tea") for m in said),
        f"With no vote reported it should ask for tea in ballot {ballot}; it sent {said[0]}.",
    )


def _second_phase(role: type[Any]) -> None:
    """It takes over a reported value, ignores old promises, and learns from a quorum only."""
    _, ballot = _fresh(role)
    old = Proposal(Ballot(0, "p9"), "coffee")
    with_vote, without = ("a1", Promise(ballot, old)), ("a2", Promise(ballot, None))
    talk, _ = _fresh(role, with_vote, without)
    talk.say(with_vote)
    said = _accepts(talk.say(without))
    talk.expect(
        bool(said) and all(m.value == "coffee" for m in said),
        f"a1 reported a vote for coffee, and it asks for {said[0].value if said else 'nothing'}.",
        "coffee may have been chosen: it must be proposed, not your own value.",
    )
    stale = Promise(Ballot(ballot.round - 1, "p1"), None)
    lines = [("a1", stale), ("a2", stale)]
    talk, _ = _fresh(role, *lines)
    talk.expect(
        not any(_accepts(talk.say(line)) for line in lines),
        f"It is in ballot {ballot}, and took promises for ballot {stale.ballot} as its own.",
        "Count a promise only if its ballot is the one in hand.",
    )
    promises = [(name, Promise(ballot, None)) for name in ("a1", "a2")]
    votes = [(name, Accepted(ballot, "tea")) for name in ("a1", "a1", "a2")]
    talk, _ = _fresh(role, *promises, *votes)
    for line in (*promises, *votes[:2]):
        talk.say(line)
    talk.expect(
        talk.node.learned is None,  # type: ignore[attr-defined]
        "It has learned a value after the vote of a1 alone.",
        "Chosen means a quorum of different acceptors, in one ballot.",
    )


def _again(role: type[Any]) -> None:
    """Nobody answers, then a crash: each new ballot is above all the old ones."""
    talk, ballot = _fresh(role)
    timers = talk.bus.timers
    talk.expect(bool(timers), "It sets no timer: if all its messages are lost, it waits for ever.")
    said = [m for _, m in talk.ring(timers[0][1]) if isinstance(m, Prepare)]
    talk.expect(
        bool(said) and said[0].ballot > ballot,
        f"After its timer rang it {'used ballot ' + str(said[0].ballot) + ' again' if said else 'sent no Prepare'}; "
        f"its first ballot was {ballot}.",
        "A retry is a new ballot, higher than the last one.",
    )
    used = said[0].ballot
    after = [m for _, m in talk.say(RESTART) if isinstance(m, Prepare)]
    for timer in talk.bus.timers:
        if not after:
            after = [m for _, m in talk.ring(timer[1]) if isinstance(m, Prepare)]
    talk.expect(
        all(m.ballot > used for m in after),
        f"It used ballot {used}, crashed, restarted, and used ballot {after[0].ballot if after else ''} again.",
        "Two values in one ballot would break everything: keep the round on disk with stable(...).",
    )


def _accepts(said: list[tuple[str, Any]]) -> list[Accept]:
    return [m for _, m in said if isinstance(m, Accept)]


def learns(bus: MessageBus) -> str | None:
    """The goal of a calm run: l1 has learned one of the values that were proposed."""
    return None if getattr(bus["l1"], "learned", None) in ("x", "y", "z") else "nothing gets chosen."


TASKS = (
    Task(
        "proposer.value",
        "Choose the value that the promises allow",
        "04",
        ("value_to_propose",),
        value,
        (
            "If nobody reports a vote you are free. If somebody does, one of the reported values may have been chosen: which?",
            "The highest ballot wins, not the most votes and not the last answer. Leave out the reports that are None first.",
            "`votes = [r for r in reports if r is not None]`, then `max(votes, key=lambda v: v.ballot).value` if there "
            "are votes, else `own`.",
        ),
    ),
    Task(
        "proposer.phases",
        "Write the proposer",
        "04",
        ("Proposer",),
        phases,
        (
            "Draw the two phases first: which message starts each, and what must have come in before?",
            "Keep `promises` as a dictionary from acceptor to report: a doubled message then changes nothing. Ask "
            "`self.quorums.is_quorum(self.promises, phase=1)`, and fix the value once. The round is stable.",
            "On `Promise(ballot, accepted)` with `ballot == self.ballot` and no proposal yet: note it; with a quorum set "
            "`self.proposal = Proposal(ballot, value_to_propose(self.promises.values(), self.value))` and send Accept. On "
            "`Accepted` for that proposal: note the voter; with a quorum set `self.learned`. The timer opens the next ballot.",
        ),
    ),
)
