"""Exercise 02: numbers that never tie, sets that always meet."""

from __future__ import annotations

import random
from dataclasses import FrozenInstanceError
from itertools import combinations
from typing import Any

from paxos_lab.paxos import Ballot, Flexible, Grid, Majority, QuorumSystem, Weighted, single_decree
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, a_machine, call, call_apart
from paxos_lab.teach.exercises.in_words import shown, truth
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.trials import every_schedule
from paxos_lab.words.text import short


def next_ballot(choose: Any) -> str:
    """Above all ballots heard of, and one's own."""
    choose = a_function(choose, "next_ballot")
    rng = random.Random(1)
    cases: list[tuple[str, list[Ballot]]] = [
        ("p1", []),
        ("p1", [Ballot(1, "p2")]),
        ("p2", [Ballot(1, "p1"), Ballot(4, "p3"), Ballot(2, "p2")]),
        ("p3", [Ballot(7, "p1"), Ballot(7, "p3")]),
        ("p1", [Ballot(10, "p2"), Ballot(9, "p9")]),
    ]
    for _ in range(40):
        heard = [Ballot(rng.randint(1, 12), rng.choice(["p1", "p2", "p3"])) for _ in range(rng.randint(0, 5))]
        cases.append((rng.choice(["p1", "p2", "p3"]), heard))
    for name, heard in cases:
        got = call_apart(choose, name=name, heard=list(heard))
        told = f"next_ballot({name!r}, [{', '.join(map(str, heard))}])"
        again = call_apart(choose, name=name, heard=list(heard))
        if isinstance(got, Ballot) and isinstance(again, Ballot) and tuple(got) != tuple(again):
            raise NotYet(
                f"{told} was {shown(got)}, and then {shown(again)}.",
                "A role must react alike to the same state, or no run can be repeated: leave chance out.",
            )
        got = (
            Ballot(got.round, got.proposer) if isinstance(got, Ballot) else got
        )  # a class derived from it compares as it likes
        if type(got) is not Ballot or type(got.round) is not int or type(got.proposer) is not str:
            raise NotYet(f"{told} is {shown(got)}; a Ballot(round, name) with a whole round is wanted.")
        if got.proposer != name:
            raise NotYet(
                f"{told} is {shown(got)}: that belongs to {short(got.proposer) or 'nobody'}.",
                "Only its owner may use a ballot, or two proposers could ask for two values in one ballot.",
            )
        for other in heard:
            if got == other:
                raise NotYet(f"{told} is {got}, which was used already.", "No ballot is used twice.")
            if got < other:
                raise NotYet(
                    f"{told} is {got}, which is below {other}.",
                    "It would be refused: a promise forbids lower ballots.",
                )
        if got.round < 1:
            raise NotYet(
                f"{told} is {shown(got)}: rounds begin with 1.", "Ballot.ZERO stands for 'no ballot yet'."
            )
    return f"{len(cases)} times above all that was heard, and always one's own."


def majority(is_majority: Any) -> str:
    """More than half of all members, each counted once."""
    is_majority = a_function(is_majority, "is_majority")
    cases: list[tuple[list[str], list[str], str]] = [
        (["a1", "a2", "a3"], ["a1", "a2"], "Two of three are more than half."),
        (["a1", "a2", "a3"], ["a1"], "One of three is not."),
        (
            ["a1", "a2", "a3", "a4"],
            ["a1", "a2"],
            "Two of four are just half: the other two could decide something else.",
        ),
        (["a1", "a2", "a3", "a4"], ["a1", "a2", "a4"], "Three of four are more than half."),
        (["a1", "a2", "a3"], ["a1", "a1"], "The answer of a1 came twice: that is one member."),
        (["a1", "a2", "a3"], ["a1", "b7"], "b7 is no member, so its answer does not count."),
        (
            ["a1", "a2", "a3", "a4", "a5"],
            ["a1", "a2"],
            "Two of five: a majority of all members, not of those that answered.",
        ),
        (["a1"], ["a1"], "One of one is all of them."),
        (["a1", "a2"], [], "Nobody is no majority."),
    ]
    rng = random.Random(2)
    for _ in range(60):
        members = [f"a{i}" for i in range(1, rng.randint(1, 8))] or ["a1"]
        names = [rng.choice([*members, "b1"]) for _ in range(rng.randint(0, 9))]
        cases.append((members, names, "Count different members, and compare with all of them."))
    odd: dict[bool, Any] = {}
    for members, names, why in cases:
        right = Majority(tuple(members)).is_quorum(names, phase=1)
        got = call_apart(is_majority, members=list(members), names=list(names))
        called = f"is_majority({members}, {names})"
        if truth(got, called, right) != right:
            raise NotYet(f"{called} should be {right}, and is {shown(got)}.", why)
        if not isinstance(got, bool):
            odd[right] = got
    told = "".join(
        f" Where {right} is meant it returns {got!r}, which Python takes for it."
        for right, got in odd.items()
    )
    return f"Right for {len(cases)} groups, doubled answers and strangers included.{told}"


def gap(find: Any) -> str:
    """Two quorums that share no member, or None."""
    find = a_function(find, "find_gap")
    three, four = [{"a1", "a2"}, {"a1", "a3"}, {"a2", "a3"}], [{"a1", "a2"}, {"a3", "a4"}]
    rng = random.Random(3)
    cases = [three, four, [{"a1"}], [], [{"a1"}, {"a2"}], [{"a1", "a2", "a3"}, {"a3", "a4"}, {"a2", "a4"}]]
    for _ in range(60):
        pool = [set(one) for one in combinations(["a1", "a2", "a3", "a4", "a5"], rng.choice([2, 3]))]
        cases.append(rng.sample(pool, rng.randint(1, 5)))
    for quorums in cases:
        apart = [(p, q) for p, q in combinations(quorums, 2) if not p & q]
        got = call_apart(find, quorums=[frozenset(q) for q in quorums])
        listed = [sorted(q) for q in quorums]
        if got is None and apart:
            raise NotYet(
                f"Of the quorums {listed}, {sorted(apart[0][0])} and {sorted(apart[0][1])} share no member, and it found none."
            )
        if got is None:
            continue
        if (
            not isinstance(got, tuple | list | set | frozenset)
            or len(got) != 2
            or not all(isinstance(part, set | frozenset | tuple | list) for part in got)
        ):
            raise NotYet(f"For {listed} it returned {shown(got)}; a pair of two quorums or None is wanted.")
        first, second = (set(part) for part in got)
        if first not in quorums or second not in quorums:
            raise NotYet(
                f"For {listed} it returned {_names(first)} and {_names(second)}: they are not both in the list."
            )
        if first & second:
            raise NotYet(
                f"For {listed} it returned {_names(first)} and {_names(second)}: they share {_names(first & second)}.",
                "It is the missing member in common that is dangerous.",
            )
    return f"Right for {len(cases)} lists of quorums."


def _names(part: Any) -> list[str]:
    return sorted(shown(name, 30).strip("'") for name in part)


def survives(count: Any) -> str:
    """How many of n may be down, with majorities."""
    count = a_function(count, "survives")
    for n in range(1, 12):
        right = Majority(tuple(f"a{i}" for i in range(1, n + 1))).tolerates(1)
        got = call(count, n)
        if type(got) is not int or got < 0:
            raise NotYet(
                f"survives({n}) should be {right}, and is {shown(got)}: a whole number from 0 on is wanted."
            )
        if got > right:
            left = f"only {n - got} of {n} are left" if got <= n else f"there are only {n}"
            raise NotYet(
                f"survives({n}) should be {right}, and is {shown(got)}.",
                f"With so many down, {left}. More than half of all must be left.",
            )
        if got < right:
            raise NotYet(
                f"survives({n}) should be {right}, and is {got}.",
                f"Let {right} of {n} be down: {n - right} are left, which is still more than half.",
            )
    return "1 to 11 acceptors: an even number never survives more than the odd one below it."


def system(own: Any) -> str:
    """A quorum system of one's own: any two quorums meet, and some two votes of six are enough."""
    own = a_machine(own, "MyQuorums", "is_quorum")
    if not issubclass(own, QuorumSystem):
        raise NotYet("MyQuorums is no QuorumSystem.", "Begin with `class MyQuorums(QuorumSystem):`.")
    if own in (Majority, Weighted, Grid, Flexible, QuorumSystem):
        raise NotYet("That is one of the course's own. Write a rule of your own.")
    names = tuple(f"a{i}" for i in range(1, 7))
    try:
        quorums = call(own, names, called=f"MyQuorums({names})")
    except NotYet as error:
        if not isinstance(error.__cause__, FrozenInstanceError):
            raise
        why = "A QuorumSystem is frozen: its fields cannot be set in `__init__`. Work out what you need in `is_quorum`."
        raise NotYet(error.headline, why, *error.details) from error
    sets = [frozenset(c) for size in range(7) for c in combinations(names, size)]
    holds: dict[tuple[int, frozenset[str]], bool] = {}
    for phase in (1, 2):
        for one in sets:
            holds[phase, one] = _asked(quorums, set(one), phase)
        if holds[phase, frozenset()]:
            raise NotYet(
                f"Nobody at all is a quorum for phase {phase}.", "Then everything is chosen at once."
            )
        for one in sets:
            for name in names:
                if holds[phase, one] and not holds[phase, one | {name}]:
                    raise NotYet(
                        f"{sorted(one)} is a quorum for phase {phase}, and with {name} besides it is none.",
                        "More answers never hurt.",
                    )
        for one in sets:
            for more, why in (
                ([*sorted(one), "b7"], "b7 is no member, so its answer does not count."),
                (sorted(one) * 2, "An answer may come twice; that is still one member."),
            ):
                if _asked(quorums, more, phase) != holds[phase, one]:
                    raise NotYet(
                        f"{sorted(one)} is {'a' if holds[phase, one] else 'no'} quorum for phase {phase}, but "
                        f"is_quorum({more}, {phase}) says otherwise.",
                        why,
                    )
    if not any(holds[1, one] for one in sets) or not any(holds[2, one] for one in sets):
        raise NotYet("There is no quorum at all for one of the phases, so nothing can ever be chosen.")
    for first in sets:
        for second in sets:
            if holds[1, first] and holds[2, second] and not first & second:
                raise NotYet(
                    f"{sorted(first)} is a quorum for phase 1, {sorted(second)} for phase 2, and they share no member.",
                    "A new ballot could miss what an old one chose.",
                )
    fewest = min(len(one) for one in sets if holds[2, one])
    if fewest > 2:
        raise NotYet(
            f"It is safe. But its smallest quorum for phase 2 has {fewest} members, and two should be enough for some."
        )
    tried = every_schedule(
        lambda: single_decree("x", acceptors=6, learners=0, quorums=own(names)), "1 ballot, 6 acceptors"
    )
    return f"Any two quorums of different phases meet, and {fewest} vote{'s' * (fewest > 1)} can be enough. Tried: {tried}"


def _asked(quorums: Any, names: Any, phase: int) -> bool:
    called = f"is_quorum({sorted(names)}, {phase})"
    return truth(call(quorums.is_quorum, names, phase, called=called), called)


TASKS = (
    Task(
        "ballot.next",
        "Make the next ballot",
        "02",
        ("next_ballot",),
        next_ballot,
        (
            "A ballot is Ballot(round, name), compared by round first. Which round is high enough, and whose name goes in?",
            "Take the highest round heard of and add one; 1 if nothing was heard.",
            "`return Ballot(max((b.round for b in heard), default=0) + 1, name)`.",
        ),
    ),
    Task(
        "quorum.majority",
        "Count a majority",
        "02",
        ("is_majority",),
        majority,
        (
            "More than half of what? And what if an answer comes twice?",
            "Make a set of the names, keep the members only, and compare twice its size with the number of all members.",
            "`return 2 * len(set(names) & set(members)) > len(members)`.",
        ),
    ),
    Task(
        "quorum.survives",
        "How many may be down?",
        "02",
        ("survives",),
        survives,
        (
            "Write down by hand: 3, 4, 5 and 6 acceptors. How many must be left for a majority?",
            "A majority of n has n // 2 + 1 members.",
            "What is left over: `return n - (n // 2 + 1)`, which is `(n - 1) // 2`.",
        ),
    ),
    Task(
        "quorum.gap",
        "Find two quorums that miss each other",
        "02",
        ("find_gap",),
        gap,
        (
            "What do two sets have in common that share no member?",
            "Look at every pair, `itertools.combinations(quorums, 2)`, and at `first & second`.",
            "`for first, second in combinations(quorums, 2): if not first & second: return first, second`; at the end "
            "`return None`.",
        ),
    ),
    Task(
        "quorum.system",
        "A quorum system of your own",
        "02",
        ("MyQuorums",),
        system,
        (
            "The two phases may have different quorums. Only a phase 1 quorum and a phase 2 quorum must meet.",
            "Small quorums for phase 2 ask for large ones in phase 1: with any 2 of 6, which phase 1 sets meet all of them?",
            "`is_quorum(self, names, phase)`: `count = len(set(names) & set(self.members))`; `return count >= (5 if phase == 1 "
            "else 2)`.",
        ),
    ),
)
