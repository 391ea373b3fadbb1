"""Exercise 09: each command once."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_machine, call
from paxos_lab.teach.exercises.in_words import same, shown
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.the_log.e09_machine import in_fields
from paxos_lab.world.data import NotPlain, copy_of


@dataclass
class Tape:
    """A machine that keeps what was executed; each result is different, or as `fixed` says."""

    done: list[Any] = field(default_factory=list)
    fixed: dict[Any, Any] = field(default_factory=dict)

    def apply(self, operation: Any) -> Any:
        """Note it."""
        self.done.append(operation)
        return self.fixed.get(operation, f"result {len(self.done)}")


def once(made: Any) -> str:
    """Every number of a client is executed once, and a repeat gets the first result."""
    made = a_machine(made, "Sessions", "execute")
    in_fields(made, "Sessions")
    _first_time(made)
    _replicas_apart(made)
    _again(made)
    _old(made)
    _clients_apart(made)
    _many_clients(made)
    _kept_in_fields(made)
    rng = random.Random(5)
    for _ in range(20):
        _some_traffic(made, rng)
    return (
        "New, repeated and old numbers of three clients, 20 times 60 of them: each executed once, in order."
    )


def _run(sessions: Any, tape: Tape, client: str, number: int, operation: Any) -> Any:
    return call(
        sessions.execute,
        tape,
        client,
        number,
        operation,
        called=f"execute(machine, {client!r}, {number}, {operation!r})",
    )


def _new(made: type[Any]) -> Any:
    return call(made, called="Sessions()")


def _first_time(made: type[Any]) -> None:
    sessions, tape = _new(made), Tape()
    for number, operation in [(1, "tea"), (2, "milk"), (3, "milk"), (7, "jam")]:
        before = len(tape.done)
        got = _run(sessions, tape, "ann", number, operation)
        count = len(tape.done) - before
        if count != 1:
            why = "A new number is a new command, also if it asks for the same as the one before."
            if number == 7:
                why = "Numbers of a client grow; some may be left out."
            raise NotYet(f"ann's command {number} is new, and it was {_times(count)}.", why)
        if tape.done[-1] != operation:
            raise NotYet(f"ann's command {number} is {operation!r}, and {tape.done[-1]!r} was executed.")
        if not same(got, f"result {len(tape.done)}"):
            raise NotYet(
                f"ann's command {number} is executed, and execute gives {shown(got)}.",
                "Return what `machine.apply(operation)` returned.",
            )


def _replicas_apart(made: type[Any]) -> None:
    _run(_new(made), Tape(), "ann", 1, "tea")
    other, tape = _new(made), Tape()
    _run(other, tape, "ann", 1, "tea")
    if not tape.done:
        raise NotYet(
            "A second replica with sessions of its own executed nothing: it knows the numbers of the first.",
            "Two replicas share nothing. Keep the numbers in a field: `field(default_factory=dict)`.",
        )


def _again(made: type[Any]) -> None:
    for result in ("result 1", None, False, 0, ""):
        sessions, tape = _new(made), Tape(fixed={"tea": result})
        _run(sessions, tape, "ann", 1, "tea")
        tape.fixed["tea"] = "a later result"
        for _ in range(2):
            got = _run(sessions, tape, "ann", 1, "tea")
            if len(tape.done) > 1:
                why = "It sits in two slots, since she asked again: without this, tea is bought twice."
                if not result:
                    why = f"The first result was {result!r}: look at the number, not at the result."
                raise NotYet("ann's command 1 came twice and was executed twice.", why)
            if type(got) is not type(result) or not same(got, result):
                raise NotYet(
                    f"ann's command 1 came again: its result was {result!r}, and now it is {shown(got)}.",
                    "The first answer may be lost. The second one must be the same: keep the result.",
                )


def _old(made: type[Any]) -> None:
    sessions, tape = _new(made), Tape()
    for number in (1, 2, 3):
        _run(sessions, tape, "ann", number, f"op{number}")
    _run(sessions, tape, "ann", 1, "op1")
    if len(tape.done) > 3:
        raise NotYet(
            "ann's commands 1, 2, 3 are executed; then command 1 came again and was executed a second time.",
            "A copy may come out of a later slot. A number below the last one is over.",
        )
    got = _run(sessions, tape, "ann", 3, "op3")
    if len(tape.done) > 3 or not same(got, "result 3"):
        raise NotYet(
            "After an old number, the session no longer knows the last one: command 3 came again and "
            + ("was executed a second time." if len(tape.done) > 3 else f"gave {shown(got)}."),
            "An old number changes nothing, in the session neither.",
        )


def _many_clients(made: type[Any]) -> None:
    sessions, tape = _new(made), Tape()
    clients = [f"client {number}" for number in range(12)]
    for client in clients:
        _run(sessions, tape, client, 1, "tea")
    for number, client in enumerate(clients, start=1):
        got = _run(sessions, tape, client, 1, "tea")
        if len(tape.done) > len(clients) or not same(got, f"result {number}"):
            raise NotYet(
                f"{len(clients)} clients had a command executed; then the command of {client!r} came again, and "
                + ("was executed again." if len(tape.done) > len(clients) else f"gave {shown(got)}."),
                "The last number and result of every client are kept, however many clients there are.",
            )


def _clients_apart(made: type[Any]) -> None:
    sessions, tape = _new(made), Tape()
    _run(sessions, tape, "ann", 1, "tea")
    _run(sessions, tape, "ann", 2, "milk")
    got = _run(sessions, tape, "dan", 1, "tea")
    if len(tape.done) != 3:
        raise NotYet(
            f"dan's command 1 was {_times(len(tape.done) - 2)}, although it is new: ann's command 1 is another one.",
            "Each client counts for itself: keep the numbers by client.",
        )
    if not same(got, "result 3"):
        raise NotYet(
            f"dan's command 1 gave 'result 3', and execute gives {shown(got)}.",
            "Each client has results of its own: keep them by client.",
        )
    got = _run(sessions, tape, "ann", 2, "milk")
    if len(tape.done) != 3 or not same(got, "result 2"):
        raise NotYet(
            "ann's command 2 came again after a command of dan's, and "
            + (
                "was executed again."
                if len(tape.done) > 3
                else f"execute gives {shown(got)}, not 'result 2'."
            ),
            "Each client counts for itself: what dan does is nothing to ann's session.",
        )


def _kept_in_fields(made: type[Any]) -> None:
    sessions, tape = _new(made), Tape()
    _run(sessions, tape, "ann", 1, "tea")
    try:
        copied = copy_of(sessions)
    except NotPlain as error:
        raise NotYet(f"Sessions cannot be copied: {error}.", "Its fields hold plain data only.") from error
    if _run(copied, tape, "ann", 1, "tea") != "result 1" or len(tape.done) > 1:
        raise NotYet(
            "After it was copied, as for a snapshot, a repeated command is executed again.",
            "What it knows must stand in its fields: nothing else is copied.",
        )


def _some_traffic(made: type[Any], rng: random.Random) -> None:
    sessions, tape = _new(made), Tape()
    last: dict[str, int] = {}
    results: dict[tuple[str, int], Any] = {}
    order: list[Any] = []
    for _ in range(60):
        client = rng.choice(["ann", "dan", "eve"])
        number = max(901, last.get(client, 900) + rng.choice([1, 1, 0, 0, -1]))
        operation = (client, number)
        got = _run(sessions, tape, client, number, operation)
        if number > last.get(client, 0):
            last[client] = number
            order.append(operation)
            results[operation] = f"result {len(order)}"
        if tape.done != order or (number == last[client] and got != results[operation]):
            raise NotYet(
                f"In a longer run, {client}'s command {number} went wrong (the last one was {last[client]}): "
                f"{len(tape.done)} executed, where {len(order)} were due.",
                f"It gave {shown(got)}; its result is {results.get(operation)!r}.",
            )


def _times(count: int) -> str:
    return "not executed" if count == 0 else f"executed {count} times"


TASKS = (
    Task(
        "session.once",
        "Each command once",
        "09",
        ("Sessions",),
        once,
        (
            "What do you have to remember of each client so that you know a command that was executed?",
            "The last number and its result, by client. A higher number is new, an equal one gets the result again, a lower "
            "one gets nothing.",
            "First `last, result = self.done.get(client, (0, None))`. If `number > last`: `result = machine.apply(operation)` and "
            "`self.done[client] = (number, result)`; `return result`.",
        ),
    ),
)
