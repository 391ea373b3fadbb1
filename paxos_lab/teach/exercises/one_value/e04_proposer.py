"""Exercise 04: the value that the promises allow, and the proposer around it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.paxos import Ballot, Flexible, Majority, Prepare, Proposal, single_decree
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, a_role, call_apart, guarded
from paxos_lab.teach.exercises.in_words import same, shown
from paxos_lab.teach.exercises.one_value.e04_proposer_talks import leaves_for_old_nacks, talks
from paxos_lab.teach.exercises.one_value.e04_rehearsed import FALSY, NAMES
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.trials import as_far_as_it_ends, calm, every_schedule, stalls, storms
from paxos_lab.verify.explorer.choices import Faults
from paxos_lab.verify.explorer.properties import agreement, learned_is_chosen, validity


def value(pick: Any) -> str:
    """P2c: the value of the highest-numbered vote reported, or one's own."""
    pick = a_function(pick, "value_to_propose")
    tea, coffee, milk = (
        Proposal(Ballot(1, "p1"), "tea"),
        Proposal(Ballot(2, "p2"), "coffee"),
        Proposal(Ballot(1, "p3"), "milk"),
    )
    top = "2.p2 is the highest ballot reported, and nothing else counts: not how many report a value, not its place"
    cases: list[tuple[list[Proposal | None], Any, str]] = [
        ([None, None], "own", "nobody has voted, so you are free"),
        ([tea, None], "tea", "tea may have been chosen, so it must be proposed again"),
        ([tea, tea, coffee], "coffee", top),
        ([coffee, tea, None], "coffee", top),
        ([tea, coffee], "coffee", top),
        ([tea, milk], "milk", "in the same round the name decides: 1.p3 is above 1.p1"),
        ([milk, tea], "milk", "in the same round the name decides: 1.p3 is above 1.p1"),
        (
            [Proposal(Ballot(10, "p1"), "tea"), Proposal(Ballot(9, "p1"), "milk")],
            "tea",
            "10.p1 is above 9.p1: rounds are numbers",
        ),
        *(
            (
                [None, Proposal(Ballot(3, "p1"), falsy)],
                falsy,
                "a value may be 0 or empty: only None means 'no vote'",
            )
            for falsy in FALSY
        ),
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
        highest = max(votes, key=lambda vote: vote.ballot)
        cases.append((reports, highest.value, f"the highest ballot reported is {highest.ballot}"))
    for reports, right, why in cases:
        got = call_apart(pick, reports=list(reports), own="own")
        if isinstance(got, Proposal) or not same(got, right):
            told = ", ".join("no vote" if r is None else str(r) for r in reports)
            hint = (
                "It returned a whole Proposal; return its value."
                if isinstance(got, Proposal)
                else f"It returned {shown(got)}."
            )
            raise NotYet(
                f"From the reports ({told}) and the own value 'own' it should pick {shown(right)}: {why}.",
                hint,
            )
    return f"{len(cases)} sets of reports: each time the value that the promises allow."


def a_proposer(thing: Any) -> type[Any]:
    """`thing` as a proposer's class; raises `NotYet` if it is none."""
    methods, fields = ("start", "receive"), ("learned",)
    return a_role(thing, "Proposer", "p1", "tea", NAMES, Majority(NAMES), methods=methods, fields=fields)


def phases(proposer: Any) -> str:
    """Both phases and the retry, among the course's acceptors."""
    tested = guarded(a_proposer(proposer))
    notes = talks(tested)

    def many(values: str, acceptors: int = 3) -> Any:
        return lambda: single_decree(values, acceptors, proposer=tested)

    calm(many("x"), learns, "One proposer of yours, three acceptors")
    try:
        calm(many("xy"), learns, "Two proposers of yours, three acceptors")
    except NotYet as error:
        if not leaves_for_old_nacks(tested):
            raise
        why = "A Nack for a ballot that it gave up makes it open a new one: compare its ballot with self.ballot."
        raise NotYet(error.headline, why, *error.details, run=error.run) from error
    tried = searches(partial(single_decree, proposer=tested))
    tried.append(storms(many("xyz"), "three rivals that retry and crash", seeds=range(25)))
    tried.append(storms(many("xyz", 5), "three rivals, five acceptors", seeds=range(10)))
    if goes_on(tested):
        notes = [
            *notes,
            "Unlike the course's, it opens new ballots even after it has learned: `self.cancel_timer` ends that.",
        ]
    rules = "It proposes only what its promises allow, counts each ballot by itself, and does not give up."
    return " ".join([rules, *notes, "Tried:", *tried])


def goes_on(tested: type[Any]) -> bool:
    """True if it still opens ballots long after it has learned, in a run in which nothing is lost."""
    bus = MessageBus(single_decree("x", proposer=tested), delay=1, checked=False)
    bus.run(until=lambda b: getattr(b["p1"], "learned", None) is not None, max_steps=300)
    known = len(bus.trace)
    bus.run(max_steps=300)
    return any(isinstance(e.message, Prepare) for step in bus.trace[known:] for e in step.sent)


def searches(make: Callable[..., list[Any]], hooks: int = 6_000) -> list[str]:
    """Every schedule of small settings, over more than one ballot each; `make` as `single_decree`.

    `hooks`: calls of guarded roles for each search, which are more if all roles are the learner's.
    The first ends also for proposers that answer each refusal with a ballot more; two such rivals have no last
    schedule, and then the other settings are tried as far as they go.
    """
    judges = (agreement, validity, learned_is_chosen)
    again = Faults(timeouts=1)
    return [
        every_schedule(
            partial(make, "x", acceptors=2, learners=0),
            "1 proposer, 2 ballots, 2 acceptors",
            again,
            properties=judges,
            hooks=3_000,
        ),
        *as_far_as_it_ends(
            [
                (partial(make, "x"), "1 proposer, 2 ballots", again),
                (partial(make, [0, "y"]), "2 ballots", None),
                (
                    partial(make, "xy", acceptors=4, quorums=Flexible(3, 2)),
                    "2 ballots, 3 of 4 promise, 2 of 4 vote",
                    None,
                ),
                (partial(make, "xyz"), "3 ballots", None),
            ],
            judges,
            hooks,
        ),
        stalls(partial(make, "x"), "1 proposer, 2 ballots", again, decided=somebody_has_learned),
        stalls(partial(make, "xy"), "2 proposers", decided=somebody_has_learned),
    ]


def somebody_has_learned(nodes: Mapping[str, Any]) -> bool:
    """A value was chosen, and somebody who is up knows it."""
    return any(getattr(node, "learned", None) is not None for node in nodes.values())


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
