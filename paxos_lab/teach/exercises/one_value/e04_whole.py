"""Exercise 04, its end: the three roles of the learner together."""

from __future__ import annotations

from functools import partial
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.paxos import Majority, single_decree
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.handed_in import a_role, guarded
from paxos_lab.teach.exercises.in_words import same
from paxos_lab.teach.exercises.one_value.e04_learner import votes_in_every_order
from paxos_lab.teach.exercises.one_value.e04_proposer import a_proposer, learns, searches
from paxos_lab.teach.exercises.one_value.e04_proposer_talks import talks
from paxos_lab.teach.exercises.one_value.e04_rehearsed import NAMES
from paxos_lab.teach.exercises.task import Task
from paxos_lab.teach.exercises.trials import calm, storms


def whole(acceptor: Any, proposer: Any, learner: Any) -> str:
    """The three roles of the learner together."""
    try:
        roles: dict[str, Any] = {
            "acceptor": a_role(acceptor, "Acceptor", "a1", ("l1",)),
            "proposer": a_proposer(proposer),
            "learner": a_role(learner, "Learner", "l1", Majority(NAMES), fields=("learned",)),
        }
    except NotYet as error:
        got = ", ".join(
            getattr(thing, "__name__", "something else") for thing in (acceptor, proposer, learner)
        )
        order = f"The three come as Acceptor, Proposer, Learner; I got {got}."
        raise NotYet(error.headline, *error.details, order) from error
    make: Any = single_decree
    tested = partial(make, **{kind: guarded(role) for kind, role in roles.items()})
    calm(partial(tested, "x"), learns, "One proposer, all roles yours")
    tried = [
        *searches(tested, hooks=20_000),
        storms(partial(tested, "xyz", acceptors=5, learners=2), "five acceptors", seeds=range(15)),
    ]
    talks(guarded(roles["proposer"]))  # rules that these searches are too small to see broken
    orders = votes_in_every_order(guarded(roles["learner"]))
    calm(partial(tested, [0]), _learns_0, "One proposer with the value 0, all roles yours")
    bus = calm(partial(tested, "xyz", acceptors=5), learns, "Three rivals, five acceptors")
    learned = getattr(bus["l1"], "learned", None)
    return f"Your own Paxos works: of three rivals at five acceptors, {learned} was chosen. Tried: {' '.join([*tried, orders])}"


def _learns_0(bus: MessageBus) -> str | None:
    return (
        None
        if same(getattr(bus["l1"], "learned", None), 0)
        else "l1 does not learn it: only None stands for nothing."
    )


TASKS = (
    Task(
        "paxos.whole",
        "Run your own Paxos",
        "04",
        ("Acceptor", "Proposer", "Learner"),
        whole,
        (
            "Each part has passed its own check. If the whole does not, look at what one part sends and the other expects.",
            "Check that the classes you hand over are the ones with all phases in them, the latest version of each.",
            "Run the cells from the top, so that every class is defined anew, then this check again.",
        ),
    ),
)
