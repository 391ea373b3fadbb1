"""Exercise 07: how to retry, how to back off, whom to take for the leader."""

from __future__ import annotations

import dataclasses
import inspect
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.paxos import Proposer, single_decree
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_function, a_role, call, guarded, in_a_world
from paxos_lab.teach.exercises.in_words import same, shown
from paxos_lab.teach.exercises.task import Task

NAMES = ("s1", "s2", "s3")
SEEDS = range(4)
MOST_TIME, MOST_MESSAGES = 400.0, 100  # virtual time for all to learn; messages for each proposer


def next_round(choose: Any) -> str:
    """The round after a refusal: above one's own and above the one that was named."""
    choose = a_function(choose, "next_round")
    for own, promised in [(1, 1), (1, 5), (5, 1), (7, 7), (3, 4), (1, 0), (2, 900), (10, 9)]:
        got = call(choose, own, promised)
        if type(got) is not int:
            raise NotYet(f"next_round({own}, {promised}) is {shown(got)}; a whole number is wanted.")
        if got <= own:
            raise NotYet(
                f"next_round({own}, {promised}) is {shown(got)}: round {own} was used already.",
                "A ballot is never used twice.",
            )
        if got <= promised:
            raise NotYet(
                f"next_round({own}, {promised}) is {shown(got)}: the acceptor has promised round {promised}.",
                "It would refuse again. That is safe, and a waste: jump above it at once.",
            )
        if got > max(own, promised) + 10:
            raise NotYet(
                f"next_round({own}, {promised}) is {shown(got)}.", "That is safe, but why jump so far?"
            )
    return "Always above both: never used before, and not refused for the same reason again."


def pause(wait: Any) -> str:
    """Rivals that wait like this all learn, soon and with few messages; and they do back off."""
    wait = a_function(wait, "pause")
    for round in ROUNDS:
        for name in RIVALS:
            _same_number(wait, round, name)
    most = 0
    for rivals in range(2, 7):
        for seed in SEEDS:
            most = max(most, _duel(wait, rivals, seed, (0.5, 1.5)))
        # Every message takes equally long: only the pauses tell rivals apart.
        most = max(most, _duel(wait, rivals, 0, 1.0))
    _backs_off(wait)
    return (
        f"2 to 6 rivals, {len(SEEDS) + 1} runs each: all learned before time {MOST_TIME:g}, with at most {most} messages "
        "for each proposer. The pauses grow from the first rounds to the later ones, and rivals wait differently."
    )


ROUNDS = range(1, 11)
LONGEST = 1e12  # units of time
RIVALS = tuple(f"p{i}" for i in range(1, 7))


def _same_number(wait: Callable[[int, str], Any], round: int, name: str) -> float:
    """The pause, which is a number, and the same one again, also where `hash` of a text is another one."""
    called = f"pause({round}, {name!r})"
    first, second = (_number(call(wait, round, name), called) for _ in range(2))
    seeded = "Chance with a seed is fine: `random.Random(f'{name} {round}').random()`."
    if first != second:
        raise NotYet(
            f"{called} was {first} and then {second}.",
            f"A role must react alike to the same state, or no run can be repeated. {seeded}",
        )
    with _another_process(wait):
        third = _number(call(wait, round, name), called)
    if third != first:
        raise NotYet(
            f"{called} depends on hash(...), id(...) or the process it runs in, which are others the next time.",
            f"The same arguments must always give the same number. {seeded}",
        )
    return first


def _number(got: Any, called: str) -> float:
    if isinstance(got, bool) or not isinstance(got, int | float) or not 0 <= got < math.inf:
        raise NotYet(f"{called} is {shown(got)}; a number from 0 on is wanted.")
    if got > LONGEST:
        raise NotYet(f"{called} is {shown(got)}: nobody waits that long.")
    return float(call(float, got, called=f"float({called})"))


@contextmanager
def _another_process(function: Any) -> Iterator[None]:
    """Inside, `hash`, `id` and the number and place of the process are, for that function, as another process has them."""
    names = getattr(inspect.unwrap(function), "__globals__", {})
    own = {name: names[name] for name in ("hash", "id") if name in names}
    names["hash"] = lambda value: hash(("another process", value))
    names["id"] = lambda value: id(value) + 4_096_016
    number, place = os.getpid, os.getcwd
    os.getpid, os.getcwd = lambda: number() + 1, lambda: place() + "/elsewhere"
    try:
        yield
    finally:
        os.getpid, os.getcwd = number, place
        del names["hash"], names["id"]
        names.update(own)


def _backs_off(wait: Callable[[int, str], Any]) -> None:
    """Longer in later rounds than in the first ones, and not the same for all rivals."""
    pauses = {(round, name): _same_number(wait, round, name) for round in ROUNDS for name in RIVALS}
    early = [pauses[round, name] for round in (1, 2) for name in RIVALS]
    late = [pauses[round, name] for round in (6, 7, 8) for name in RIVALS]
    if sum(late) / len(late) <= sum(early) / len(early):
        raise NotYet(
            f"In rounds 1 and 2 it waits {sum(early) / len(early):.1f} units on average, in rounds 6 to 8 "
            f"{sum(late) / len(late):.1f}: it does not back off.",
            "That was enough here, where a message takes about 1 unit. On a slower network such pauses are too "
            "short for ever: wait longer after each refusal.",
        )
    alike = [round for round in ROUNDS if len({pauses[round, name] for name in RIVALS}) == 1]
    if len(alike) > len(ROUNDS) // 2:
        raise NotYet(
            f"In round {alike[-1]} it is {pauses[alike[-1], 'p1']:g} for all of {', '.join(RIVALS)}.",
            "Whoever collided once then collides again, unless the network happens to help: let the name count, too.",
        )


def _duel(
    wait: Callable[[int, str], float], rivals: int, seed: int, delay: float | tuple[float, float]
) -> int:
    """Messages for each proposer until all have learned; raises `NotYet` if they do not."""

    class Waits(Proposer):
        def pause(self) -> float:
            return _same_number(wait, self.round, self.name)

    nodes = single_decree([f"v{i}" for i in range(1, rivals + 1)], proposer=Waits)
    bus = MessageBus(nodes, seed=seed, delay=delay, checked=False)
    proposers: list[Any] = nodes[:rivals]
    with in_a_world(f"With {rivals} rivals"):
        bus.run(
            until=lambda b: b.now > MOST_TIME or all(p.learned for p in proposers), max_steps=2_000 * rivals
        )
    messages = len(bus.trace.messages) // rivals
    late = [p.name for p in proposers if p.learned is None]
    if late:
        nothing = all(getattr(node, "learned", None) is None for node in bus)
        what = "nothing was chosen" if nothing else f"{', '.join(late)} had not learned"
        raise NotYet(
            f"{rivals} rivals: after {bus.now:.0f} units of time and {messages} messages each, {what}.",
            "Nobody got through both phases undisturbed, or somebody waits far too long.",
            run=_beginning(bus),
        )
    if messages > MOST_MESSAGES:
        raise NotYet(
            f"{rivals} rivals needed {messages} messages each; {MOST_MESSAGES} are allowed.",
            "Each retry costs messages: wait longer after each refusal, and everybody differently.",
            run=_beginning(bus),
        )
    return messages


def _beginning(bus: MessageBus, steps: int = 60) -> MessageBus:
    """A long duel shows all there is to see early; a picture of a thousand steps shows nothing."""
    if len(bus.trace) > steps:
        bus.rewind(steps)
    return bus


def watch(role: Any) -> str:
    """All who hear each other name the same leader, soon after whatever happened."""
    role = guarded(
        a_role(role, "Watch", "s1", NAMES, methods=("start", "receive", "timeout"), fields=("leader",))
    )
    for seed in range(3):
        with in_a_world("In a run of three"):
            bus = MessageBus([role(name, NAMES) for name in NAMES], seed=seed)
            for name in NAMES:
                if getattr(bus[name], "leader", None) is None:
                    raise NotYet(
                        f"At the start {name} takes nobody for the leader.",
                        "It has heard nobody yet, so that is itself: set self.leader in `start`, too.",
                        run=bus,
                    )
            _agree(bus, 30, {"s1": "s1", "s2": "s1", "s3": "s1"}, "Everybody is up")
            sent = len(bus.trace.messages)
            _all_beat(bus)
            if sent > 150:
                raise NotYet(
                    f"In 30 units of time they sent {sent} messages.",
                    "One heartbeat to each other in 3 units is 60.",
                    run=_beginning(bus),
                )
            bus.crash("s1")
            _agree(bus, 60, {"s2": "s2", "s3": "s2"}, "s1 has crashed, 30 units ago")
            bus.restart("s1")
            _agree(bus, 90, {"s1": "s1", "s2": "s1", "s3": "s1"}, "s1 has come back, 30 units ago")
            bus.partition(("s1",), ("s2", "s3"))
            _agree(bus, 120, {"s1": "s1", "s2": "s2", "s3": "s2"}, "s1 is cut off from the others")
            bus.heal()
            _agree(bus, 150, {"s1": "s1", "s2": "s1", "s3": "s1"}, "The cut has healed, 30 units ago")
    with in_a_world("At the start"):
        bus = MessageBus([role(name, NAMES) for name in NAMES])
        for name in NAMES:
            if not same(bus[name].leader, name):  # type: ignore[attr-defined]
                raise NotYet(
                    f"At the start {name} takes {shown(bus[name].leader)} for the leader.",  # type: ignore[attr-defined]
                    "It has heard nobody yet: only those who were heard count, and oneself.",
                    run=bus,
                )
    _is_patient(role)
    _asks_its_fields(role)
    return (
        "It follows the lowest name that it hears, through a crash, a return and a cut. During the cut there were two "
        "leaders: that costs time, and Paxos stays safe."
    )


SLOW = (0.5, 6.0)  # units for a message: between two heartbeats up to 3 + 5.5 units pass, and patience is 10
LONG = 400


def _is_patient(role: type[Any]) -> None:
    """Nobody fails, only messages are slow: nobody is given up, and nobody ever stops to say that it is alive."""
    with in_a_world("In a run with slow messages"):
        bus = MessageBus([role(name, NAMES) for name in NAMES], seed=0, delay=SLOW, checked=False)
        bus.run(until=lambda b: b.now >= 20, max_steps=3_000)
        for time in range(25, LONG, 5):
            before = len(bus.trace)
            bus.run(until=lambda b, time=time: b.now >= time, max_steps=500)  # type: ignore[misc]
            for step in bus.trace[before:]:
                name, (_, leader) = step.node, step.changed.get("leader", (None, NAMES[0]))
                if not same(leader, NAMES[0]):
                    raise NotYet(
                        f"All are up and messages take 0.5 to 6 units. At time {step.time:.0f} {name} takes "
                        f"{shown(leader)} for the leader.",
                        "Whoever was heard less than `patience` ago, 10 units, counts as alive: a heartbeat comes every "
                        "3 units, may be late, and never stops.",
                        run=_end_of(bus),
                    )


def _asks_its_fields(role: type[Any]) -> None:
    """Other delays, if they are fields of the class: the delays are not written down anywhere else."""
    fields = {field.name for field in dataclasses.fields(role)}
    if not {"heartbeat", "patience"} <= fields:
        return
    with in_a_world("With heartbeat=1 and patience=4"):
        bus = MessageBus([role(name, NAMES, heartbeat=1.0, patience=4.0) for name in NAMES], seed=0)
        bus.run(until=lambda b: b.now >= 20, max_steps=3_000)
        beats = [
            s.time for s in bus.trace if s.time > 5 and any((e.sender, e.to) == ("s2", "s3") for e in s.sent)
        ]
        if len(beats) < 10:
            raise NotYet(
                f"With heartbeat=1, from time 5 to 20 s2 sends s3 {_count(len(beats))}.",
                "Set the timer of the heartbeat with self.heartbeat.",
                run=_end_of(bus),
            )
        bus.crash("s1")
        _agree(
            bus, 28, {"s2": "s2", "s3": "s2"}, "With heartbeat=1 and patience=4, s1 has crashed, 8 units ago"
        )


def _all_beat(bus: MessageBus) -> None:
    """Each says that it is alive to each other, whoever leads."""
    for name in NAMES:
        for other in NAMES:
            late = [e for s in bus.trace if s.time > 10 for e in s.sent if (e.sender, e.to) == (name, other)]
            if name != other and len(late) < 2:
                raise NotYet(
                    f"Everybody is up, and from time 10 to 30 {name} sends {other} {_count(len(late))}.",
                    "Each says Alive() to the others, whoever leads: if the leader falls, all must know who is left.",
                    run=_end_of(bus),
                )


def _count(messages: int) -> str:
    return "no message" if not messages else "a single message" if messages == 1 else f"{messages} messages"


def _agree(bus: MessageBus, time: float, right: dict[str, str], when: str) -> None:
    bus.run(until=lambda b: b.now >= time, max_steps=3_000)
    if bus.now < time - 10:
        raise NotYet(
            f"{when}: at time {bus.now:.0f} nothing happens any more.",
            "Without a timer nobody wakes up: set one in start, and again whenever it rings (and after a restart).",
            run=_end_of(bus),
        )
    for name, leader in right.items():
        got = getattr(bus[name], "leader", None)
        if not same(got, leader):
            raise NotYet(
                f"{when}: {name} takes {shown(got)} for the leader, and it should be {leader!r}.",
                run=_end_of(bus),
            )


def _end_of(bus: MessageBus) -> MessageBus | None:
    """The run, if it is short enough to be looked at."""
    return bus if len(bus.trace) <= 150 else None


TASKS = (
    Task(
        "retry.round",
        "Choose the next round",
        "07",
        ("next_round",),
        next_round,
        (
            "Which rounds can certainly not be used any more: your own, or also the one in the nack?",
            "The new round has to be above both of them, and need not be any higher.",
            "One more than the higher of the two: `return max(own, promised) + 1`.",
        ),
    ),
    Task(
        "duel.pause",
        "Back off",
        "07",
        ("pause",),
        pause,
        (
            "Two people meet in a doorway, both step aside, both step back. What would end that?",
            "Wait longer after each refusal, and let the waiting time of two proposers differ: mix the name into it.",
            "`random.Random(f'{name} {round}').uniform(0, 2 ** min(round, 6))`: spread from a seed, twice as wide with each "
            "round, up to a limit.",
        ),
    ),
    Task(
        "leader.watch",
        "Take somebody for the leader",
        "07",
        ("Watch",),
        watch,
        (
            "What does a node know for certain about another? Only when it last heard of it.",
            "Let each node say that it is alive, every few units. Whoever was not heard for `patience` is not counted; the "
            "leader is the lowest name among the rest and oneself.",
            "On `Alive` from x: add x to `self.alive`, `self.set_timer(f'miss {sender}', self.patience)`. When 'miss x' rings: "
            "take x out. When 'beat' rings: send `Alive()` to the others and set it again. `self.leader = min(self.alive | {self.name})`. "
            "`recover` does what `start` does.",
        ),
    ),
)
