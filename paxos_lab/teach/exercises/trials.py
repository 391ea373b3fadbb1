"""What a check can put a role through: every schedule, a calm run, a storm.

Each function returns a sentence about what was tried, or raises `NotYet` with the rule that broke and
the run that shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from paxos_lab.bus import MessageBus, replay
from paxos_lab.node import Node
from paxos_lab.teach.exercises.answer import NotYet, Unfinished
from paxos_lab.teach.exercises.explained import explained
from paxos_lab.teach.exercises.handed_in import in_a_world
from paxos_lab.teach.exercises.patience import OutOfWork, at_most
from paxos_lab.verify.explorer.choices import Faults
from paxos_lab.verify.explorer.exploration import Exploration, explore
from paxos_lab.verify.explorer.properties import PROOF, Property, agreement, validity
from paxos_lab.verify.explorer.result import broken
from paxos_lab.verify.explorer.stalls import Decided, find_stall, proposers_learned
from paxos_lab.words.text import short
from paxos_lab.world.schedule import by_time, seeded
from paxos_lab.world.trace import Trace

Make = Callable[[], Iterable[Node]]

MOST_STATES = 30_000
MOST_HOOKS = 20_000  # calls of the hooks of a learner's roles in one search; ours take two thousand
STEP_BY_STEP = 4_000  # states of the slower search, where the fast one does not come to an end
STALL_STATES = 2_000
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
    "progress": "it gets stuck",
    "agreement": "two different values are chosen or learned",
    "validity": "a value was chosen that nobody proposed",
}


def every_schedule(
    make: Make,
    what: str,
    faults: Faults | None = None,
    max_states: int = MOST_STATES,
    properties: Sequence[Property] = (agreement, validity),
    *,
    hooks: int = MOST_HOOKS,
    extra: bool = False,
) -> str:
    """No schedule may break a property; `what` names the setting, as "2 ballots".

    The search is cut after so many states, or calls of `hooks` of guarded roles: a cut depends on the
    roles alone. Safety rests on it, so what was cut raises `Unfinished`; with `extra=True` something
    else has judged before, and the sentence says how far it came.
    """
    complete, said = _searched(make, what, faults, max_states, properties, hooks)
    if complete or extra:
        return said
    raise Unfinished(
        f"I could not try every schedule. {said}",
        "Do your nodes remember or send more and more? Keep only what a later answer needs.",
        "This is neither a pass nor a fail.",
    )


Setting = tuple[Make, str, Faults | None]
"""What `every_schedule` takes: nodes, the name of the setting, faults."""


def as_far_as_it_ends(
    settings: Iterable[Setting], properties: Sequence[Property] = (agreement, validity), hooks: int = 4_000
) -> list[str]:
    """`every_schedule` as an extra, from small settings to large ones; the first that is cut is the last."""
    tried = []
    for make, what, faults in settings:
        complete, said = _searched(make, what, faults, MOST_STATES, properties, hooks)
        tried.append(said)
        if not complete:
            break
    return tried


def _searched(
    make: Make,
    what: str,
    faults: Faults | None,
    max_states: int,
    properties: Sequence[Property],
    hooks: int,
) -> tuple[bool, str]:
    """Whether every schedule was tried, and the sentence about it; raises `NotYet` if one breaks a property."""
    try:
        with in_a_world(f"With {what}"), at_most(hooks):
            found = explore(make(), properties, faults, max_states, watch=_in_silence)
    except OutOfWork:
        # The fast search takes in what a role would do in states that nobody reaches, which may be without
        # end. This one goes step by step, so it comes somewhere.
        try:
            with in_a_world(f"With {what}"), at_most(hooks):
                found = explore(
                    make(), properties, faults, STEP_BY_STEP, method="numbered", watch=_in_silence
                )
        except OutOfWork:
            return False, f"{what}: not every schedule; I stopped after {hooks:,} calls of your code."
    if found.cut == "interrupt":
        raise KeyboardInterrupt
    if found.ok:
        how = "every schedule" if found.complete else "not every schedule; nothing broke so far"
        return found.complete, f"{what}: {found.states:,} states, {how}."
    raise _broken(found, what, make, properties)


def _broken(found: Exploration, what: str, make: Make, properties: Sequence[Property]) -> NotYet:
    """What broke first, with its steps, and a run that shows it."""
    details = [f"The explorer's schedule with {what} takes {len(found.counterexample or ())} steps."]
    headline = f"{IN_WORDS.get(found.property or '', 'a property broke')}: {_bare(found.sentence)}"
    # Where agreement broke, an invariant of the proof broke before; else the property itself is what to show.
    on_the_way = found.broken_on_the_way(PROOF if found.property in ("agreement", "validity") else properties)
    if on_the_way:
        step, name, why = on_the_way[0]
        headline, more = _told(name, why, replay(make(), (found.counterexample or Trace())[:step]))
        details += more
        if name != found.property:
            details.append(f"That breaks at step {step}. In the end, {_bare(found.sentence)}.")
    return NotYet(_sentence(headline), *details, run=found.bus)


def stalls(
    make: Make,
    what: str,
    faults: Faults | None = None,
    max_states: int = STALL_STATES,
    *,
    decided: Decided = proposers_learned,
    lose: bool = True,
) -> str:
    """From no state may a kind network fail to lead to `decided(nodes)`; looks at the first `max_states` states."""
    try:
        with in_a_world(f"With {what}"), at_most(MOST_HOOKS):
            found = find_stall(make(), decided, faults, max_states, lose=lose)
    except OutOfWork:
        return f"{what}: no stall before I stopped, after {MOST_HOOKS:,} calls of your code."
    if found.cut == "interrupt":
        raise KeyboardInterrupt
    if found.ok:
        far = "in any state" if found.complete else f"in the first {found.states:,} states"
        return f"{what}: no stall {far}."
    raise NotYet(
        _sentence(f"it gets stuck: {_bare(found.sentence)}"),
        f"The run with {what} is below. "
        + ("What was under way was lost; from" if lose else "From")
        + " then on every message arrived and timers rang in turn.",
        run=found.bus,
    )


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
            run = replay(make(), bus.trace[:step])
            headline, more = _told(name, why, run)
            shows = f"Storm {seed} ({what}) shows it at step {step}: messages lost, doubled and late, crashes, cuts."
            raise NotYet(_sentence(headline), shows, *more, run=run)
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


def _told(name: str, why: str, run: MessageBus) -> tuple[str, tuple[str, ...]]:
    """What broke, with its steps where there is more to say than the property says."""
    return explained(name, run) or (f"{IN_WORDS.get(name, name)}: {_bare(why)}", ())


def _bare(sentence: str) -> str:
    """A property's sentence without its name in front."""
    head, colon, rest = sentence.partition(": ")
    return short(rest if colon and head in IN_WORDS else sentence, 400)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")
