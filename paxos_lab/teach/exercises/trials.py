"""What a check can put a role through: every schedule, a calm run, a storm.

Each function returns a sentence about what was tried, or raises `NotYet` with the rule that broke and
the run that shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from paxos_lab.bus import MessageBus, replay
from paxos_lab.node import Node
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import TooLong, ends, in_a_world
from paxos_lab.verify.explorer.choices import Faults
from paxos_lab.verify.explorer.exploration import explore
from paxos_lab.verify.explorer.properties import PROOF, Property, agreement, validity
from paxos_lab.verify.explorer.result import broken
from paxos_lab.words.text import short
from paxos_lab.world.schedule import by_time, seeded

Make = Callable[[], Iterable[Node]]

MOST_STATES = 30_000
MOST_SECONDS = 8.0  # for one search; ours take one or two. What this leaves open, the storms try
STEPS = 600

# The invariants of the proof, as a learner would say them.
IN_WORDS = {
    "quorums_meet": "two quorums share no member",
    "one_value_per_ballot": "one ballot asks for two different values",
    "promises_kept": "an acceptor broke its promise",
    "votes_on_request": "an acceptor voted for what nobody asked for",
    "backed_by_promises": "a value was asked for that the promises do not allow",
    "chosen_stays": "after a value was chosen, a higher ballot asks for another one",
    "learned_is_chosen": "a value was learned that is not chosen",
    "slot_agreement": "two different entries are chosen in one slot",
    "one_entry_in_a_ballot": "one ballot asks for two different entries in a slot",
    "no_hole_is_left": "a slot is left open below one that is asked for",
    "agreement": "two different values are chosen or learned",
    "validity": "a value was chosen that nobody proposed",
}


def every_schedule(
    make: Make,
    what: str,
    faults: Faults | None = None,
    max_states: int = MOST_STATES,
    properties: Sequence[Property] = (agreement, validity),
) -> str:
    """No schedule may break a property; `what` names the setting, as "2 ballots"."""
    try:
        with in_a_world(f"With {what}"), ends(MOST_SECONDS):
            found = explore(make(), properties, faults, max_states, watch=_in_silence)
    except TooLong:
        # A right role may remember so much that no search comes to an end: that is no mistake.
        return f"{what}: no end in sight, so I stopped."
    if found.ok:
        end = "every schedule" if found.complete else "no end in sight, so I stopped"
        return f"{what}: {found.states:,} states, {end}."
    details = [f"The explorer's shortest schedule with {what} takes {len(found.counterexample or ())} steps."]
    headline = f"{IN_WORDS[found.property or 'agreement']}: {_bare(found.sentence)}"
    on_the_way = found.broken_on_the_way()
    if on_the_way:
        step, name, why = on_the_way[0]
        headline = f"{IN_WORDS.get(name, name)}: {_bare(why)}"
        details.append(f"That is step {step}. In the end, {_bare(found.sentence)}.")
    raise NotYet(_sentence(headline), *details, run=found.bus)


def _in_silence(states: int, depth: int) -> None:
    """The check itself is the answer."""


def calm(make: Make, goal: Callable[[MessageBus], str | None], what: str, steps: int = STEPS) -> MessageBus:
    """Nothing goes wrong, and the goal must be reached; `goal(bus)` says what is missing, or None."""
    with in_a_world(what):
        bus = MessageBus(make())
        bus.run(by_time(), max_steps=steps)
        missing = goal(bus)
    if missing is not None:
        raise NotYet(
            f"{what}, and yet {missing}", "Nothing was lost and nobody crashed in this run.", run=bus
        )
    return bus


def storms(
    make: Make,
    what: str,
    properties: Sequence[Property] = (agreement, validity, *PROOF),
    seeds: Iterable[int] = range(30),
    faults: float = 0.2,
    steps: int = 150,
) -> str:
    """Seeded runs with losses, copies, crashes and cuts; every property must hold throughout."""
    count = 0
    for seed in seeds:
        count += 1
        with in_a_world(f"In storm {seed} ({what})"):
            bus = MessageBus(make(), seed=seed)
            bus.run(seeded(seed, faults), max_steps=steps)
            said = _first_break(make, bus, properties)
        if said is not None:
            step, name, why = said
            raise NotYet(
                _sentence(f"{IN_WORDS.get(name, name)}: {_bare(why)}"),
                f"Storm {seed} shows it at step {step}: messages lost, doubled and late, crashes, cuts.",
                run=replay(make(), bus.trace[:step]),
            )
    return f"{what}: {count} storms."


def _first_break(make: Make, bus: MessageBus, properties: Sequence[Property]) -> tuple[int, str, str] | None:
    """(step, name, sentence) of what broke first. What is broken stays so: the end tells if to look."""
    sent = bus.trace.sent
    if broken(properties, sent, {node.name: node for node in bus}) is None:
        return None
    again = MessageBus(make(), seed=0, idle=[node.name for node in bus])
    for step in bus.trace:
        again.apply(step.event, at=step.time)
        sent = again.trace.sent
        said = broken(properties, sent, {node.name: node for node in again})
        if said is not None:
            return step.step, *said
    return None


def _bare(sentence: str) -> str:
    """A property's sentence without its name in front."""
    head, colon, rest = sentence.partition(": ")
    return short(rest if colon and head in IN_WORDS else sentence, 400)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")
