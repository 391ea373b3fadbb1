"""Exercise 08: a leader that takes over."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from paxos_lab.multipaxos.messages import Accept, Nack, Prepare, Promise, Vote, entry_text
from paxos_lab.multipaxos.takeover import Votes, heirs
from paxos_lab.node import Send, react
from paxos_lab.paxos import Ballot, Majority, QuorumSystem
from paxos_lab.teach.exercises.handed_in import a_role, guarded, in_a_world
from paxos_lab.teach.exercises.talk import RESTART, RING, Dialogue
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.the_log.e08_log import NAMES, OWN, Case, cases_of, plan_text
from paxos_lab.teach.exercises.the_log.e08_log_acceptor import JAM
from paxos_lab.teach.exercises.trials import every_schedule, storms
from paxos_lab.verify.explorer.choices import Faults
from paxos_lab.verify.explorer.log_properties import no_hole_is_left, one_entry_in_a_ballot, slot_agreement

PROPERTIES = (slot_agreement, one_entry_in_a_ballot, no_hole_is_left)


def leader(role: Any) -> str:
    """Phase 1 once for all slots, then one Accept for each, to all; talks, every schedule, storms."""
    build = ("l3", OWN, NAMES, Majority(NAMES), 3)
    role = guarded(a_role(role, "Leader", *build, methods=("start", "receive")))
    _opens_a_ballot(role)
    for before in (0, 10):
        ballot = _ballot(_talk(role, (), before=before))
        if ballot is None:
            continue
        for case in cases_of(ballot.round):
            _asks(role, before, ballot, case)
    _only_its_own_ballot(role)
    _one_plan_for_a_ballot(role)
    tried = [
        every_schedule(partial(heirs, wishes, slots=1, heir=role), what, faults, properties=PROPERTIES)
        for wishes, faults, what in (
            ([["x"], ["u"], ["w"]], None, "three leaders, one slot"),
            ([["x"], ["u"]], Faults(timeouts=1), "two leaders and a timeout"),
        )
    ]
    make = partial(heirs, [["x", "y"], ["u", "v"], ["w"]], acceptors=5, slots=3, heir=role)
    tried.append(storms(make, "three leaders, three slots, five acceptors", PROPERTIES, range(20), steps=120))
    return f"It takes over slot by slot and leaves no hole. Tried: {' '.join(tried)}"


def _opens_a_ballot(role: type[Any]) -> None:
    """A ballot of its own, not used before, asked of every acceptor for all slots."""
    talk = _talk(role, ())
    asked = [(e.to, e.message) for e in talk.bus.in_flight if isinstance(e.message, Prepare)]
    talk.expect(bool(asked), "At the start it sends no Prepare.")
    talk.expect(
        all(m.first == 1 for _, m in asked),
        "Its Prepare does not ask from slot 1 on.",
        "Prepare(ballot, 1) covers every slot.",
    )
    ballot = asked[0][1].ballot
    talk.expect(
        isinstance(ballot, Ballot)
        and ballot.proposer == "l3"
        and type(ballot.round) is int
        and ballot.round >= 1,
        f"Its ballot is {ballot!r}.",
        "A ballot is Ballot(round, self.name), with a round from 1 on.",
    )
    left = [name for name in NAMES if name not in {to for to, _ in asked}]
    talk.expect(
        not left,
        f"At the start it sends no Prepare to {' and '.join(left)}.",
        "With one of the others down it would never lead, although a majority is up.",
    )
    talk.say(RESTART)
    with in_a_world("When it starts again after a restart"):
        wishes = react(talk.bus["l3"], "start")
    again = [w.message.ballot for w in wishes if isinstance(w, Send) and isinstance(w.message, Prepare)]
    talk.expect(
        not again or (isinstance(again[0], Ballot) and again[0] > ballot),
        f"It opened ballot {ballot}. After a crash and a restart it starts again, and opens {again[0] if again else ''}.",
        "A ballot is opened once. `round` is on disk: count it up, and take the ballot from it.",
    )


def _talk(
    role: type[Any],
    script: Sequence[Any],
    quorums: QuorumSystem = Case.quorums,
    slots: int = 3,
    before: int = 0,
) -> Dialogue:
    """A talk with l3, which has used the rounds up to `before`, if it counts them in `round`."""
    names = tuple(sorted(quorums.members))
    node = role("l3", OWN, names, quorums, slots)
    if before and type(getattr(node, "round", None)) is int:
        node.round = before
    return Dialogue(node, script, others=names)


def _ballot(talk: Dialogue) -> Ballot | None:
    """The ballot that it opened at the start, if it is one."""
    opened = (e.message.ballot for e in talk.bus.in_flight if isinstance(e.message, Prepare))
    return next((ballot for ballot in opened if isinstance(ballot, Ballot)), None)


def _asks(role: type[Any], before: int, ballot: Ballot, case: Case) -> None:
    """It asks when the quorum is complete, not before and not again; every acceptor; what it should."""
    script = [(name, Promise(ballot, votes, 0)) for name, votes in (*case.reports, *case.after)]
    talk = _talk(role, script, case.quorums, before=before)
    asked: list[tuple[str, Accept]] = []
    for number, line in enumerate(script, start=1):
        accepts = [(to, m) for to, m in talk.say(line) if isinstance(m, Accept)]
        talk.expect(
            not accepts or number >= len(case.reports),
            f"It asked for votes when it had the promises of {_names(case, number)} only, which are no quorum for Phase 1.",
            "Count different acceptors, and only promises for the ballot in hand.",
            case.why,
        )
        talk.expect(
            not accepts or number <= len(case.reports),
            "It had a quorum and asked for votes; then one more promise came, and it asked again.",
            "One Accept for each slot goes to every acceptor, once: a second plan may ask for another entry in the "
            "same ballot.",
        )
        asked += accepts
    _in_each_slot(talk, asked, ballot, case)
    _everybody(talk, asked, tuple(sorted(case.quorums.members)))


def _in_each_slot(talk: Dialogue, asked: list[tuple[str, Accept]], ballot: Ballot, case: Case) -> None:
    """In each slot one entry, the right one, in the ballot that was promised."""
    plan: dict[Any, Any] = {}
    for _, accept in asked:
        talk.expect(
            accept.ballot == ballot, f"It opened ballot {ballot}, and asks for votes in {accept.ballot}."
        )
        talk.expect(
            plan.setdefault(accept.slot, accept.entry) == accept.entry,
            f"In slot {accept.slot} it asks for two entries in one ballot: {entry_text(plan[accept.slot])} and "
            f"{entry_text(accept.entry)}.",
        )
    if plan == case.right:
        return
    told = " and ".join(f"{name} {_report(votes)}" for name, votes in case.reports)
    voted = {slot for _, votes in case.reports for slot, _ in votes}
    holes = [
        slot
        for slot, entry in case.right.items()
        if entry == () and slot not in voted and plan.get(slot) in OWN
    ]
    taken = {slot: entry for slot, entry in case.right.items() if slot not in holes and entry not in OWN}
    if holes and all(plan.get(slot) == entry for slot, entry in taken.items()):
        talk.expect(
            False,
            f"In slot {holes[0]} it asks for {entry_text(plan[holes[0]])}, its own; the task wants a no-op there.",
            "That would be safe: nobody in this quorum voted in that slot. But its own entries are younger than what "
            "stands above the hole, and go into the slots after that.",
            f"The promises: {told}.",
        )
    talk.expect(
        False,
        f"It asks for {plan_text(plan)}; by the promises it should ask for {plan_text(case.right)}.",
        f"The promises: {told}.",
        case.why,
        *(
            []
            if plan
            else [
                f"{_names(case)} are a quorum for Phase 1: with the last promise of these it asks for votes."
            ]
        ),
    )


def _names(case: Case, number: int | None = None) -> str:
    """Those that have promised after so many reports, each once."""
    return " and ".join(dict.fromkeys(name for name, _ in case.reports[:number]))


def _report(votes: Votes) -> str:
    return "reports " + (", ".join(f"slot {slot}: {vote}" for slot, vote in votes) or "no votes")


def _everybody(talk: Dialogue, asked: list[tuple[str, Accept]], names: tuple[str, ...]) -> None:
    """One Accept for each slot to every acceptor, once."""
    for slot in sorted({accept.slot for _, accept in asked}):
        sent = [to for to, accept in asked if accept.slot == slot]
        left = [name for name in names if name not in sent]
        talk.expect(
            not left,
            f"In slot {slot} it does not ask {' and '.join(left)}.",
            "An Accept goes to every acceptor, also to one whose promise has not come: whoever is not asked cannot "
            "stand in for one that is down.",
        )
        twice = [name for name in names if sent.count(name) > 1]
        talk.expect(
            not twice,
            f"In slot {slot} it asks {' and '.join(twice)} more than once.",
            "That is safe, and costs messages: the task says once.",
        )


def _only_its_own_ballot(role: type[Any]) -> None:
    """Promises for another ballot count for nothing."""
    for other in (Ballot(0, "l3"), Ballot(1, "l2"), Ballot(2, "l3")):
        stale = Promise(other, (), 0)
        script = [("a1", stale), ("a2", stale), ("a3", stale)]
        talk = _talk(role, script)
        ballot = _ballot(talk)
        if other == ballot:
            continue
        for line in script:
            accepts = [m for _, m in talk.say(line) if isinstance(m, Accept)]
            talk.expect(
                not accepts,
                f"Its ballot is {ballot}; on promises for {other} it asked for votes.",
                "Count different acceptors, and only promises for the ballot in hand.",
            )


# What happens after its first plan, in the order in which it happens.
BETWEEN = (
    ((RESTART,), "crashed, restarted"),
    ((RING,), "heard its timer"),
    ((RESTART, RING), "crashed, restarted, heard its timer"),
    ((RING, RING), "heard its timer twice"),
)


def _one_plan_for_a_ballot(role: type[Any]) -> None:
    """Whatever comes between, in one ballot it never asks for another entry in a slot."""
    ballot = _ballot(_talk(role, ()))
    if ballot is None:
        return
    for between, what in BETWEEN:
        _second_plan(role, (), ballot, between, what)
    # It was refused, and has opened a higher ballot; then a second refusal of the first one comes, late.
    refusal = Nack(ballot, Ballot(ballot.round + 1, "l1"))
    refused, late = ("a1", refusal), ("a2", refusal)
    talk = _talk(role, [refused, late])
    opened = [m.ballot for line in (refused, RING) for _, m in talk.say(line) if isinstance(m, Prepare)]
    if opened and isinstance(opened[-1], Ballot) and opened[-1] > ballot:
        for again, what in (((late,), ""), ((late, RING), ", heard its timer")):
            _second_plan(role, (refused, RING), opened[-1], again, f"got a late Nack for {ballot}{what}")


def _second_plan(
    role: type[Any], before: tuple[Any, ...], ballot: Ballot, between: tuple[Any, ...], what: str
) -> None:
    """Raise `NotYet` if a copy of a promise and a late one make it ask for something else in the same ballot."""
    old = ((1, Vote(Ballot(0, "l9"), JAM)),)
    empty, second, late = (
        ("a1", Promise(ballot, (), 0)),
        ("a2", Promise(ballot, (), 0)),
        ("a3", Promise(ballot, old, 0)),
    )
    talk = _talk(role, [*before, empty, second, *between, empty, late])
    asked: dict[int, Any] = {}
    for line in (*before, empty, second, *between, empty, late):
        for _, accept in talk.say(line):
            if not isinstance(accept, Accept) or accept.ballot != ballot:
                continue
            first = asked.setdefault(accept.slot, accept.entry)
            talk.expect(
                first == accept.entry,
                f"It asked for {entry_text(first)} in slot {accept.slot}, {what}, and then asked for "
                f"{entry_text(accept.entry)} there, in the same ballot {ballot}.",
                "Other promises, another plan: so each plan needs a ballot of its own. After a crash, and for each new "
                "try, count `round` up and open a new one.",
            )


TASKS = (
    Task(
        "log.leader",
        "Write a leader that takes over",
        "08",
        ("Leader",),
        leader,
        (
            "Phase 1 is that of exercise 04, asked once for all slots. After the quorum, how many Accepts does each acceptor get?",
            "Use your `take_over` on the reports of a quorum; then add your own entries in the slots after the last one "
            "taken over, up to `self.slots`.",
            "`old = take_over(self.promises.values())`; `plan = old | dict(zip(range(len(old) + 1, self.slots + 1), "
            "self.own))`; send `Accept(self.ballot, slot, entry)` for each, once for the ballot.",
        ),
    ),
)
