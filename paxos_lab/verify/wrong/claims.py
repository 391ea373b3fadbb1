"""Wrong statements that circulate, each with a run that refutes it and the fact that does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paxos_lab.bus import MessageBus
from paxos_lab.paxos import Majority, chosen, votes
from paxos_lab.verify.wrong import runs


@dataclass(frozen=True)
class Refutation:
    """One wrong statement.

    `claim`: as it is said. `run()`: a bus that stands at the end of the run. `refuted(bus)`: the fact
    that contradicts the claim, read off that bus. `look`: where in the run. `instead`: what is true.
    """

    id: str
    claim: str
    run: Callable[[], MessageBus]
    refuted: Callable[[MessageBus], bool]
    look: str
    instead: str


def _winners(bus: MessageBus, acceptors: int = 3) -> set[Any]:
    return {proposal.value for proposal in chosen(bus.trace.sent, Majority(acceptors))}  # type: ignore[arg-type]


def _node(bus: MessageBus, name: str) -> Any:
    return bus[name]


def _kinds(bus: MessageBus) -> set[str]:
    return {type(step.event).__name__ for step in bus.trace}


def _reported(bus: MessageBus) -> set[Any]:
    return {m.accepted.value for _, m in bus.trace.sent if getattr(m, "accepted", None) is not None}


def _at_step(bus: MessageBus, step: int) -> MessageBus:
    before = bus.fork()
    before.rewind(step)
    return before


def _split_brain(bus: MessageBus) -> bool:
    leading = [node.name for node in bus if getattr(node, "role", "") == "leader"]
    entries = {_node(bus, name).command(1) for name in ("s1", "s2", "s3")} - {None}
    return leading == ["s1", "s2"] and len(entries) == 1


def _overtaken(bus: MessageBus) -> bool:
    last = bus.trace[-1]
    return (
        last.time == 1000.0
        and [type(e.message).__name__ for e in last.sent] == ["Nack"]
        and _winners(bus) == {"y"}
    )


def _halves(bus: MessageBus) -> bool:
    healed = next(step.step for step in bus.trace if type(step.event).__name__ == "Heal")
    return not _winners(_at_step(bus, healed), 4) and _winners(bus, 4) == {"y"}


def _mind_changed(bus: MessageBus) -> bool:
    cast = votes(bus.trace.sent)
    by_a1 = [proposal.value for proposal, voters in cast.items() if "a1" in voters]
    return by_a1 == ["x", "y"] and _winners(bus) == {"y"}


def _unknown(bus: MessageBus) -> bool:
    crash = next(step.step for step in bus.trace if type(step.event).__name__ == "Crash")
    dark = _at_step(bus, crash)
    nobody = all(_node(dark, name).learned is None for name in ("p1", "p2", "l1"))
    return nobody and _winners(dark) == {"x"} and _node(bus, "p2").learned == "x"


def _in_doubt(bus: MessageBus) -> bool:
    return all(_node(bus, name).in_doubt for name in ("p1", "p2")) and bus.down == ["coord"]


_ALL = (
    Refutation(
        "ends-without-failures",
        "Without failures Paxos terminates.",
        runs.duel,
        lambda bus: _kinds(bus) == {"Start", "Deliver", "Timeout"} and not _winners(bus),
        "Follow any Accept: when it arrives, the acceptor has just promised the rival's ballot. Nothing was "
        "lost, nobody crashed, and this can go on for ever.",
        "Paxos terminates if a majority is up, messages are timely and one proposer is left alone for long enough; "
        "without failures that is likely and not certain.",
    ),
    Refutation(
        "reported-was-chosen",
        "A value that a promise reports must have been chosen.",
        runs.reported_but_never_chosen,
        lambda bus: "x" in _reported(bus) and _winners(bus) == {"z"},
        "The promise of a1 to p2 reports x. In the end z is chosen, in a higher ballot and by a2 and a3, which never "
        "voted for x.",
        "It may have been chosen. The proposer that gets a quorum of promises cannot tell, and acts as if it had been.",
    ),
    Refutation(
        "same-majority",
        "The majority that promised must be the one that accepts.",
        runs.another_majority_votes,
        lambda bus: _winners(bus) == {"x"} and _node(bus, "p1").promises.keys() != _node(bus, "p1").voters,
        "a1 and a2 promise; a2 and a3 vote. a3 has never seen the Prepare.",
        "Any quorum may vote. What matters is that it meets the quorums of promises of all higher ballots.",
    ),
    Refutation(
        "even-is-unsafe",
        "An even number of nodes is unsafe: a tie gives two values.",
        runs.two_and_two,
        _halves,
        "While the network is cut two and two, neither side has three promises, so neither asks for a vote. "
        "After the healing one value is chosen.",
        "Four nodes are as safe as three and survive as many crashes: one.",
    ),
    Refutation(
        "equal-votes-add-up",
        "If a majority of the acceptors has accepted the same value, it is chosen.",
        runs.same_value_in_two_ballots,
        lambda bus: _node(bus, "l1").learned == "x" and _winners(bus) == {"y"},
        "a1 has voted for x in ballot 1.p1, a2 for x in ballot 2.p1. The learner adds them up and believes x; later a quorum "
        "votes for y in ballot 2.p2. (The learner of this run is the wrong one, on purpose.)",
        "Votes count within one ballot.",
    ),
    Refutation(
        "promise-is-a-lease",
        "A promise reserves the acceptor for a while, then it expires.",
        runs.promise_overtaken,
        _overtaken,
        "p2 gets the same promises right after p1: nothing was reserved. And at time 1000 the old Accept of p1 is still "
        "refused: nothing has expired.",
        "A promise forbids lower ballots for ever and higher ones never. A lease is the opposite on both counts.",
    ),
    Refutation(
        "two-phase-commit-with-majority",
        "Paxos is two-phase commit with a majority instead of all.",
        runs.majority_without_adoption,
        lambda bus: _winners(bus) == {"x", "y"},
        "Both coordinators ask a majority first and then a majority says yes, as the claim has it. p2 was told of x by a2, and "
        "asks for y all the same: both are chosen. (The proposers of this run lack the rule, on purpose.)",
        "What makes it Paxos is that a later ballot has to carry on what an earlier one may have chosen.",
    ),
    Refutation(
        "two-phase-commit-goes-on",
        "Two-phase commit survives a crashed coordinator: the others have all voted, so they can decide.",
        runs.blocked_participants,
        _in_doubt,
        "p1 and p2 have voted yes and ask each other, again and again. Neither may commit, since the coordinator may have "
        "aborted, nor abort, since it may have committed.",
        "In doubt, a participant waits. In Paxos any proposer may finish what another began.",
    ),
    Refutation(
        "lost-disk-is-a-restart",
        "A node that comes back with an empty disk is a restarted node.",
        runs.blank_disk,
        lambda bus: _winners(bus) == {"x", "y"},
        "a2 has voted for x and comes back blank. It promises p2 and reports no vote, so p2 is free to ask for y, and x and y are "
        "both chosen. (The acceptors of this run keep everything in memory, so that the crash stands for a lost disk.)",
        "A node without its disk may not vote before what it forgot cannot matter any more, or it comes under a new name.",
    ),
    Refutation(
        "chosen-means-known",
        "A value is chosen when the proposer has received a majority of answers.",
        runs.chosen_and_unknown,
        _unknown,
        "Before the crash a1 and a2 have voted for x and every word of it is lost: chosen, and nobody knows. p2 wants y and "
        "can only find out x.",
        "Chosen is a fact about the votes. Who learns it, and when, is another question.",
    ),
    Refutation(
        "accepted-is-final",
        "An acceptor that has accepted a value can never accept another.",
        runs.change_of_mind,
        _mind_changed,
        "a1 votes for x in ballot 1.p1 and for y in ballot 1.p2. x had one vote of three; it was accepted, not chosen.",
        "Accepted can be superseded in a higher ballot, chosen cannot.",
    ),
    Refutation(
        "leader-crash-needs-2pc",
        "The half-done command of a crashed leader has to be rolled back or committed by two-phase commit.",
        runs.taken_over,
        lambda bus: _node(bus, "s3").machine.data == {"k": "A"} == _node(bus, "s2").machine.data,
        "s1 dies when only s2 has its command. The promise of s2 reports it, and s3 proposes it again in slot 1. No other kind of "
        "message is needed.",
        "Phase 1 of the next leader settles every open slot: it carries on what may be chosen, and fills holes.",
    ),
    Refutation(
        "leader-is-a-lock",
        "Safety needs a single leader: the leader is a lock.",
        runs.two_leaders,
        _split_brain,
        "At the end s1 and s2 both believe that they lead, and both have a command for slot 1. s1 has only its own vote; s2 "
        "has a quorum. No slot holds two commands.",
        "Ballots and quorums make it safe. A leader makes it fast.",
    ),
    Refutation(
        "read-your-copy",
        "A replica may answer reads from its own state: the value was chosen by a majority.",
        runs.stale_copy,
        lambda bus: _node(bus, "c1").done and _node(bus, "s3").machine.data == {},
        "The client has been told that its write is done. s3 is up, has promised, and has never crashed; its copy still has no such key.",
        "A linearizable read takes a slot, a round with a quorum, or a lease.",
    ),
    Refutation(
        "timeout-means-failed",
        "The client got a timeout, so its write failed and can be sent as a new one.",
        runs.timed_out_and_done,
        lambda bus: _node(bus, "s1").machine.data == {"k": "A"} and _node(bus, "c1").results == ["A"],
        "The write is executed; only its answer is lost. The client asks again under the same number, and gets the "
        "stored result; the text is appended once.",
        "A timeout says nothing. Repeat with the same number until there is an answer.",
    ),
)  # fmt: skip

REFUTATIONS: dict[str, Refutation] = {refutation.id: refutation for refutation in _ALL}
"""All of them, by id."""
