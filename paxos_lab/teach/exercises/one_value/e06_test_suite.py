"""Exercise 06: the invariants as code, and a test suite that is scored by the wrong rules it catches."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

from paxos_lab.bus import MessageBus, replay
from paxos_lab.paxos import Accept, Accepted, Ballot, Promise, Proposal, QuorumSystem
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, call
from paxos_lab.teach.exercises.in_words import shown
from paxos_lab.teach.exercises.one_value.e04_rehearsed import FALSY
from paxos_lab.teach.exercises.patience import our_own_work
from paxos_lab.teach.exercises.task import Task
from paxos_lab.verify.explorer.exploration import QUIET, explore
from paxos_lab.verify.explorer.properties import (
    backed_by_promises,
    one_value_per_ballot,
    promises_kept,
    quorums_of,
)
from paxos_lab.verify.wrong.single_decree import RIGHT, Variant, find_variant
from paxos_lab.world.schedule import seeded

Sent = list[tuple[str, Any]]

# Wrong rules whose mark is on the messages before two values are chosen: a test that only compares
# what is chosen sees nothing yet. (M3, M5, M6 and M12 show no sooner than that.)
EARLY = ("M1", "M2", "M4", "M7", "M9", "M10", "M11", "M13")
INVARIANTS = (one_value_per_ballot, promises_kept, backed_by_promises)
ENOUGH = 6
STORMS, STEPS = 3, 140
FALSY_VALUES = (0, "", ())  # told apart by `==`, as x, y and z are
IN_PLACE = "stand 0, '' and ()"


class Case(NamedTuple):
    """A run: what was sent, in order, under which quorums; `wrong`: the rule that is missing, "" if none."""

    id: str
    wrong: str
    sent: Sent
    quorums: QuorumSystem
    bus: MessageBus


def _case(id: str, wrong: str, bus: MessageBus) -> Case:
    nodes = {node.name: node for node in bus}
    return Case(id, wrong, bus.trace.sent, quorums_of([], nodes), bus)


@cache
def _wrong_run(id: str) -> Case:
    """Of a wrong rule a shortest run that breaks an invariant of the proof, before two values are chosen."""
    if not os.environ.get(QUIET):
        print(f"searching for a run of wrong rule {EARLY.index(id) + 1} of {len(EARLY)} ...", file=sys.stderr)
    mutant = find_variant(id)
    assert mutant.smallest is not None
    nodes, faults = mutant.make(mutant.smallest), mutant.smallest.faults
    found = explore(nodes, INVARIANTS, faults, watch=lambda *_: None)
    assert found.counterexample is not None
    return _case(id, mutant.rule, replay(mutant.make(mutant.smallest), found.counterexample))


@cache
def _right_run(variant: Variant, seed: int) -> Case:
    """A storm over a right variant."""
    bus = MessageBus(variant.make(3), seed=seed, checked=False)
    bus.run(seeded(seed, 0.15), max_steps=STEPS)
    return _case(f"{variant.id}: {variant.rule}", "", bus)


def wrong_runs(ids: Iterable[str] = EARLY) -> tuple[Case, ...]:
    """A run of each of these wrong rules. They are kept one by one: a check that is stopped loses none."""
    with our_own_work():
        return tuple(map(_wrong_run, ids))


def right_runs() -> tuple[Case, ...]:
    """Storms over every right variant, kept one by one."""
    with our_own_work():
        return tuple(_right_run(variant, seed) for variant in RIGHT for seed in range(STORMS))


def _with_falsy_values(sent: Sent) -> Sent:
    """The same run of proposers with other values: roles do not look at them, and tests may not either."""
    values = dict(zip("xyz", FALSY_VALUES, strict=True))

    def turned(part: Any) -> Any:
        if isinstance(part, str):
            return values.get(part, part)
        if type(part) is tuple:
            return tuple(map(turned, part))
        if dataclasses.is_dataclass(part) and not isinstance(part, type):
            parts = {f.name: turned(getattr(part, f.name)) for f in dataclasses.fields(part)}
            return dataclasses.replace(part, **parts)
        return part

    return [(sender, turned(message)) for sender, message in sent]


def _says(test: Callable[..., Any], case: Case, *more: Any) -> str | None:
    """What a learner's test says of a run: None, or a sentence."""
    said = _asked(test, case.sent, *more)
    if said is None or isinstance(said, str):
        return said or None
    if isinstance(said, bool):
        raise NotYet(
            f"It returned {said}.", "Return None if all is well, or a sentence that says what is wrong."
        )
    raise NotYet(f"It returned {shown(said)}, and a sentence or None is wanted.")


def _asked(test: Callable[..., Any], sent: Sent, *more: Any) -> Any:
    """What the test returns; it must leave `sent` as it is."""
    given = list(sent)
    said = call(
        test, given, *more, called=f"{getattr(test, '__name__', 'the test')}(sent{', quorums' * len(more)})"
    )
    if given != sent:
        raise NotYet("It changes the list `sent`.", "Other tests read it, too: copy it first.")
    return said


def _invariant(test: Any, name: str, catches: Iterable[str], small: Iterable[tuple[Sent, bool, str]]) -> str:
    """Judge one invariant: on small made-up runs, then on real ones."""
    test = a_function(test, name)
    for sent, broken, why in small:
        said = _asked(test, sent)
        if (said is not None and said is not False and not (isinstance(said, str) and not said)) != broken:
            told = "; ".join(f"{sender}: {message!s}" for sender, message in sent) or "nothing"
            verb = (
                "breaks the invariant, and it finds nothing"
                if broken
                else f"is fine, and it says {shown(said)}"
            )
            raise NotYet(f"What was sent ({told}) {verb}.", why)
    for case in right_runs():
        if said := _says(test, case):
            raise NotYet(
                f"It rejects a right protocol ({case.id}): {said}",
                "No run of this one breaks anything.",
                run=case.bus,
            )
    for case in wrong_runs(catches):
        if _says(test, case) is None:
            raise NotYet(
                f"It finds nothing in a run in which {case.wrong}.",
                "The run is below: find the two messages that contradict.",
                run=case.bus,
            )
    caught = "; ".join(case.wrong for case in wrong_runs(catches))
    return f"Right on {len(right_runs())} runs of {len(RIGHT)} right protocols, and it catches: {caught}."


B1, B2, B3 = Ballot(1, "p1"), Ballot(2, "p2"), Ballot(3, "p1")


def one_value(test: Any) -> str:
    """A ballot carries one value."""
    small: list[tuple[Sent, bool, str]] = [
        ([], False, "Nothing was sent."),
        (
            [("p1", Accept(B1, "x")), ("p1", Accept(B1, "x"))],
            False,
            "The same Accept, sent twice, is no second value.",
        ),
        (
            [("p1", Accept(B1, "x")), ("p2", Accept(B2, "y"))],
            False,
            "Another ballot may carry another value.",
        ),
        (
            [("p1", Accept(B1, "x")), ("p2", Accept(Ballot(1, "p2"), "y"))],
            False,
            "1.p1 and 1.p2 are two ballots: the name belongs to it.",
        ),
        (
            [("p1", Accept(B1, "x")), ("p2", Accept(B1, "y"))],
            True,
            "Two Accepts of one ballot ask for two values.",
        ),
        (
            [("p1", Accept(B1, "x")), ("p2", Accept(B2, "x")), ("p1", Accept(B1, "y"))],
            True,
            "They need not follow each other.",
        ),
        *(
            (
                [("p1", Accept(B1, one)), ("p1", Accept(B1, other))],
                True,
                f"{one!r} and {other!r} are two values.",
            )
            for one, other in ((0, ""), ("", "y"), ("x", 0), (1, "1"), ((), False))
        ),
        ([("p1", Accept(B1, 0)), ("p1", Accept(B1, 0))], False, "0 and 0 are one value."),
    ]
    return _invariant(test, "one_value", ("M7",), small)


def promise_kept(test: Any) -> str:
    """Who promised a ballot casts no vote below it that the promise did not report."""
    vote = Proposal(B1, "x")
    small: list[tuple[Sent, bool, str]] = [
        ([], False, "Nothing was sent."),
        (
            [("a1", Promise(B2, None)), ("a2", Accepted(B1, "x"))],
            False,
            "a1 promised, a2 voted: each keeps its own promises.",
        ),
        (
            [("a1", Promise(B2, None)), ("a1", Accepted(B2, "x"))],
            False,
            "The promise allows a vote in its own ballot.",
        ),
        ([("a1", Promise(B2, None)), ("a1", Accepted(B3, "x"))], False, "A higher ballot is allowed, too."),
        (
            [("a1", Accepted(B1, "x")), ("a1", Promise(B2, vote))],
            False,
            "It voted first, and reported the vote.",
        ),
        (
            [("a1", Promise(B2, None)), ("a1", Accepted(B1, "x"))],
            True,
            "a1 promised 2.p2, and then voted in 1.p1.",
        ),
        (
            [("a1", Accepted(B1, "x")), ("a1", Promise(B2, None))],
            True,
            "It had voted in 1.p1, and reported no vote: the other half of a promise.",
        ),
        (
            [("a1", Promise(Ballot(1, "p2"), None)), ("a1", Accepted(B1, "x"))],
            True,
            "1.p1 is below 1.p2: in the same round the name decides.",
        ),
        (
            [("a1", Promise(Ballot(10, "p1"), None)), ("a1", Accepted(Ballot(9, "p1"), "x"))],
            True,
            "9.p1 is below 10.p1: rounds are numbers.",
        ),
        (
            [("a1", Promise(Ballot(9, "p1"), None)), ("a1", Accepted(Ballot(10, "p1"), "x"))],
            False,
            "10.p1 is above 9.p1: rounds are numbers.",
        ),
        *(
            ([("a1", Promise(B2, None)), ("a1", Accepted(B1, value))], True, f"{value!r} is a value as well.")
            for value in FALSY
        ),
        *(
            (
                [("a1", Accepted(B1, value)), ("a1", Promise(B2, Proposal(B1, value)))],
                False,
                "It reported the vote.",
            )
            for value in FALSY
        ),
    ]
    return _invariant(test, "promise_kept", ("M2", "M4", "M11"), small)


def kill(tests: Any) -> str:
    """All right protocols pass, and at least six of the eight wrong ones are caught."""
    if callable(tests):
        tests = [tests]
    if not isinstance(tests, list | tuple) or not tests:
        raise NotYet(
            f"I expected a list of test functions and got {shown(tests)}.", "Write tests = [first, second]."
        )
    tests = [a_function(test, f"test {number}") for number, test in enumerate(tests, start=1)]
    for case in right_runs():
        falsy = case._replace(sent=_with_falsy_values(case.sent))
        for seen, where in ((case, ""), (falsy, f"; in place of x, y and z {IN_PLACE}")):
            for test in tests:
                if said := _says(test, seen, case.quorums):
                    raise NotYet(
                        f"{test.__name__} rejects a right protocol ({case.id}{where}): {said}",
                        "A test suite that cries wolf gets switched off. The run is below: why is it fine?",
                        run=case.bus,
                    )
    caught: set[str] = set()
    overlooked: set[str] = set()
    for case in wrong_runs():
        falsy = case._replace(sent=_with_falsy_values(case.sent))
        if any(_says(test, case, case.quorums) for test in tests):
            (caught if any(_says(test, falsy, case.quorums) for test in tests) else overlooked).add(case.id)
    left = [case for case in wrong_runs() if case.id not in caught]
    score = f"{len(EARLY) - len(left)} of {len(EARLY)} wrong rules caught, all {len(RIGHT)} right protocols passed"
    missed = [
        f"Caught with the values x, y and z, but not where {IN_PLACE}: {case.wrong}."
        if case.id in overlooked
        else f"Not caught: {case.wrong}."
        for case in left
    ]
    if len(EARLY) - len(left) < ENOUGH:
        raise NotYet(
            f"{score}; {ENOUGH} are wanted.", *missed, "The first of these runs is below.", run=left[0].bus
        )
    return f"{score}. {' '.join(missed)}".strip()


TASKS = (
    Task(
        "invariant.ballot",
        "A ballot carries one value",
        "06",
        ("one_value",),
        one_value,
        (
            "Which message says which value a ballot carries?",
            "Go through the Accepts and keep the value of each ballot. What if a ballot comes again?",
            "`values = {}`; for each Accept: `known = values.setdefault(m.ballot, m.value)`; return a sentence if `known != m.value`.",
        ),
    ),
    Task(
        "invariant.promise",
        "A promise is kept",
        "06",
        ("promise_kept",),
        promise_kept,
        (
            "Look at one acceptor at a time. A promise speaks of the future (no vote below) and of the past (its report).",
            "For each Promise of an acceptor, look at each of its votes in a lower ballot: the promise must have reported "
            "that ballot or a higher one.",
            "`reported = m.accepted.ballot if m.accepted else Ballot.ZERO`; broken if the same sender has an Accepted with "
            "`reported < ballot < m.ballot`, before or after.",
        ),
    ),
    Task(
        "suite.kill",
        "A test suite that catches wrong rules",
        "06",
        ("tests",),
        kill,
        (
            "The two invariants you have catch four of eight. What is left has to do with the value of an Accept.",
            "Behind every Accept, but that of the lowest ballot, stands a quorum of promises for its ballot. Which values do "
            "their reports allow? Use `quorums.quorums(1)`: it gives the smallest quorums.",
            "For an Accept: is there a quorum whose promises of that ballot all came, and whose highest report has that "
            "value, or that report nothing at all? If there is none, say so. The lowest ballot of all is free.",
        ),
    ),
)
