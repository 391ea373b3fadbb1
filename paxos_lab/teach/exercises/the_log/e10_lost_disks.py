"""Exercise 10: when a server with a lost disk speaks again, and sizes of quorums."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import cache
from itertools import islice
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.multipaxos import Put, Rejoining, lose_disk, replicated_log
from paxos_lab.multipaxos.messages import Entries
from paxos_lab.multipaxos.rejoin import DiskLost, Known
from paxos_lab.node import OUTSIDE, react
from paxos_lab.paxos import Ballot, Flexible, QuorumSystem
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, call, in_a_world
from paxos_lab.teach.exercises.in_words import shown
from paxos_lab.teach.exercises.task import Task

# ---- a lost disk

Told = dict[str, tuple[Ballot, int]]


def promise_after_loss(rule: Any) -> str:
    """Mute until all others have answered and the target is executed; then the highest promise of all."""
    rule = a_function(rule, "promise_after_loss")
    low, high = Ballot(4, "s1"), Ballot(7, "s3")
    both = {"s1": (low, 5), "s3": (high, 6)}
    two, four = ("s1", "s3"), ("s1", "s3", "s4", "s5")
    cases: list[tuple[tuple[str, ...], Told, int, int]] = [
        (two, {}, 0, 3),
        (two, {}, 9, 3),
        (two, {"s1": (low, 5)}, 20, 3),
        (two, {"s3": (high, 6)}, 20, 3),
        (four, {"s1": (low, 5), "s3": (high, 6), "s4": (low, 6)}, 20, 3),
        (two, both, 6, 3),
        (two, both, 8, 3),
        (two, both, 9, 3),
        (two, both, 20, 3),
        (two, {"s1": (high, 6), "s3": (low, 9)}, 12, 3),
        (two, {"s1": (high, 6), "s3": (low, 9)}, 11, 3),
        (two, both, 7, 1),
        (two, {"s1": (Ballot.ZERO, 0), "s3": (Ballot.ZERO, 0)}, 3, 3),
        (two, {"s1": (Ballot(7, "s3"), 2), "s3": (Ballot(7, "s1"), 2)}, 5, 3),
        (two, {"s1": (Ballot(7, "s1"), 2), "s3": (Ballot(7, "s3"), 2)}, 5, 3),
        (two, {"s1": (Ballot(10, "s1"), 2), "s3": (Ballot(9, "s3"), 2)}, 5, 3),
    ]
    rng = random.Random(3)
    for _ in range(60):
        others = four[: rng.randint(2, 4)]
        heard = rng.sample(others, rng.choice([len(others)] * 3 + [len(others) - 1]))
        told = {name: (Ballot(rng.randint(1, 12), name), rng.randint(0, 8)) for name in sorted(heard)}
        cases.append((others, told, rng.randint(2, 14), rng.randint(1, 4)))
    for others, told, executed, alpha in cases:
        right = _course_says(others, told, executed, alpha)
        asked = f"promise_after_loss({', '.join(others)}; told by {', '.join(told) or 'nobody'}; executed {executed}, alpha {alpha})"
        given = dict(told)
        got = call(rule, others, given, executed, alpha, called=asked)
        if given != told:
            raise NotYet(
                f"{asked} changes `told`.",
                "More answers come into the same dictionary: only look, or copy it.",
            )
        if got is not None and not isinstance(got, Ballot):
            raise NotYet(
                f"{asked} is {shown(got)}.", "Return a Ballot, or None as long as it has to be mute."
            )
        if got is not None:  # of a learner's own class, which may say that it equals everything
            if type(got.round) is not int or type(got.proposer) is not str:
                raise NotYet(f"{asked} is {shown(got)}.", "A Ballot has a whole round and a name.")
            got = Ballot(got.round, got.proposer)
        if got == right:
            continue
        target = max((last for _, last in told.values()), default=0) + alpha
        if right is None and set(others) - set(told):
            missing = sorted(set(others) - set(told))
            raise NotYet(
                f"It may not speak yet: {' and '.join(missing)} {'has' if len(missing) == 1 else 'have'} not answered.",
                "A lost promise was given to one of the others. Whoever has not answered may be the one, "
                "and a majority of them may leave just that one out.",
                asked,
                run=_accident(rule),
            )
        if right is None:
            raise NotYet(
                f"It may not speak yet: it has executed up to {executed}, and its lost votes may lie in slots up to {target}.",
                f"The others know of slots up to {target - alpha}; it may have voted {alpha} slots beyond that.",
                asked,
            )
        if got is None:
            raise NotYet(
                f"It may speak: all have answered, and it has executed up to {executed}, the target is {target}.",
                "Whoever stays mute for ever is as good as crashed.",
                asked,
            )
        if got > right:
            raise NotYet(
                f"It goes on with the promise {got}; the highest that the others told it of is {right}.",
                "That would be safe, but it is more than it can have lost: it would refuse a leader whom all others follow.",
                asked,
            )
        raise NotYet(
            f"It goes on with the promise {got}; the others told it of {', '.join(str(ballot) for ballot, _ in told.values())}.",
            f"A promise that it lost may be as high as the highest of theirs, {right}; it must not be broken.",
            asked,
        )
    return f"{len(cases)} losses: it speaks when it has to, with the right promise, and not before."


def _course_says(others: tuple[str, ...], told: Told, executed: int, alpha: int) -> Ballot | None:
    """What the course's own server promises after that, or None if it is mute."""
    server = Rejoining("s2", members=("s2", *others), alpha=alpha)
    react(server, "receive", OUTSIDE, DiskLost(1))
    react(server, "receive", "s1", Entries(1, ((),) * executed))
    for name, (ballot, last) in told.items():
        react(server, "receive", name, Known(1, ballot, last))
    return None if server.mute else server.promised


def _accident(rule: Callable[..., Any]) -> MessageBus | None:
    """The run of lesson 10 with this rule: s1 and s2 choose, s2 loses its disk, s1 is cut off."""

    class Mine(Rejoining):
        def try_to_vote(self) -> None:
            told = {name: (known.promised, known.last) for name, known in self.told.items()}
            promise = call(rule, tuple(sorted(self.others())), told, self.executed, self.alpha)
            if self.mute and isinstance(promise, Ballot):
                self.promised, self.mute = promise, False
                self.wait_for_leader()

    with in_a_world("After a lost disk"):
        nodes: list[Any] = replicated_log({"c1": [Put("x", "one")], "c2": [Put("x", "two")]}, server=Mine)
        for node in nodes:
            node.patience = {"s1": 10, "s2": 40, "s3": 50}.get(node.name, 20)
        bus = MessageBus(nodes, seed=1)
        bus.partition(("s1", "s2", "c1"), ("s3", "c2"))
        bus.run(until=lambda bus: bus["c1"].done, max_steps=500)  # type: ignore[attr-defined]
        lose_disk(bus, "s2")
        bus.heal()
        for envelope in bus.in_flight:
            bus.drop(envelope)
        bus.partition(("s1", "c1"), ("s2", "s3", "c2"))
        bus.timeout("s2", "ask")
        bus.run(until=lambda bus: bus["c2"].done or bus.now > 300, max_steps=1500)  # type: ignore[attr-defined]
    first: Any = bus["s1"]
    other: Any = bus["s3"]
    return (
        bus
        if None not in (first.command(1), other.command(1)) and first.command(1) != other.command(1)
        else None
    )


# ---- sizes of quorums


def sizes(rule: Any) -> str:
    """All pairs (q1, q2) that are safe, go on after so many crashes, and keep what so many disks lose."""
    rule = a_function(rule, "sizes")
    asked = [(3, 1, 0), (3, 0, 0), (3, 1, 1), (5, 2, 0), (5, 1, 0), (5, 1, 2), (4, 1, 1), (5, 0, 0)]
    asked += [
        (n, crashes, disks) for n in range(1, 7) for crashes in range(3) for disks in range(3) if crashes < n
    ]
    for n, crashes, disks in asked:
        told = f"sizes({n}, {crashes}, {disks})"
        got = call(lambda *a: _pairs(rule(*a)), n, crashes, disks, called=told)
        if got is None:
            raise NotYet(f"{told} is no list of pairs.", "Return pairs of whole numbers: [(q1, q2), ...].")
        for q1, q2 in sorted(got):
            if why := _wrong(n, crashes, disks, q1, q2):
                raise NotYet(f"{told} holds ({q1}, {q2}). {why}", _pairs_text(got))
        for q1 in range(1, n + 1):
            for q2 in range(1, n + 1):
                if (q1, q2) not in got and not _wrong(n, crashes, disks, q1, q2):
                    raise NotYet(
                        f"{told} leaves out ({q1}, {q2}).",
                        f"Any {q1} and any {q2} of {n} meet, and both can be found with {crashes} of them crashed."
                        + f" What is chosen is on {q2} disks at least, so with {disks} lost it is still on one."
                        * bool(disks),
                        _pairs_text(got),
                    )
    return f"{len(asked)} groups: just the pairs that are safe and good enough, every pair of quorums tried."


def _pairs(found: Any) -> set[tuple[int, int]] | None:
    if isinstance(found, str | dict) or not isinstance(found, Iterable):
        return None
    pairs = list(islice(found, 1000))
    if any(
        not isinstance(p, tuple | list) or len(p) != 2 or any(type(q) is not int for q in p) for p in pairs
    ):
        return None
    return {(p[0], p[1]) for p in pairs}


def _pairs_text(pairs: Iterable[tuple[int, int]]) -> str:
    return f"You say: {', '.join(map(str, sorted(pairs))) or 'no pair at all'}."


@cache
def _wrong(n: int, crashes: int, disks: int, q1: int, q2: int) -> str | None:
    """Why this pair is not good enough, found by trying; None if it is."""
    if not (1 <= q1 <= n and 1 <= q2 <= n):
        return f"A quorum has from 1 to {n} members."
    system = Flexible(q1, q2, tuple(f"s{i}" for i in range(1, n + 1)))
    if gap := QuorumSystem.gap(system):  # by trying every pair, not by a formula
        first, second = (" ".join(sorted(names)) for names in gap)
        return f"That is not safe: ({first}) may promise and ({second}) may vote, and nobody is in both."
    for phase, size in ((1, q1), (2, q2)):
        if system.tolerates(phase) < crashes:
            left = n - crashes
            return f"With {crashes} of {n} crashed {left} are left, and Phase {phase} needs {size}."
    if q2 <= disks:
        return f"What is chosen may be on no more than {q2} of the disks, and {disks} may be lost."
    return None


TASKS = (
    Task(
        "members.disk",
        "Let a server with a lost disk speak again",
        "10",
        ("promise_after_loss",),
        promise_after_loss,
        (
            "It forgot votes, and it forgot promises. What makes the first harmless, and what the second?",
            "Votes: executed up to alpha slots beyond the last slot that any other one knows of. Promises: the highest one of "
            "all others, so all of them must have answered.",
            "`if set(others) - set(told): return None`; the target is `max(last for _, last in told.values()) + alpha`; "
            "once `executed` has reached it, return `max(ballot for ballot, _ in told.values())`.",
        ),
    ),
    Task(
        "members.sizes",
        "Choose the sizes of two kinds of quorums",
        "10",
        ("sizes",),
        sizes,
        (
            "Three conditions. When do any q1 and any q2 of n share a member? How many are left after the crashes?",
            "They meet if q1 + q2 > n. After the crashes n - crashes are left, and both phases are needed in the long run. "
            "What is chosen is on q2 disks at least.",
            "All pairs with `q1 + q2 > n and max(q1, q2) <= n - crashes and q2 > disks`.",
        ),
    ),
)
