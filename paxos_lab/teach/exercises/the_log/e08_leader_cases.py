"""Exercise 08: what acceptors report to a leader that takes over, and what it should ask for."""

from __future__ import annotations

from dataclasses import dataclass

from paxos_lab.multipaxos.messages import Entry, Vote
from paxos_lab.multipaxos.takeover import Votes
from paxos_lab.paxos import Ballot, Flexible, Majority, QuorumSystem
from paxos_lab.paxos.quorums import names_of
from paxos_lab.teach.exercises.the_log.e08_log_acceptor import BREAD, JAM, MILK, TEA

NAMES = names_of(3)
OWN = (TEA, MILK)


@dataclass(frozen=True)
class Case:
    """What the acceptors report to the leader l3, in which order, and what it should ask for.

    `reports`: (acceptor, votes), the last of them completes a quorum; `after`: what comes later.
    """

    why: str
    reports: tuple[tuple[str, Votes], ...]
    right: dict[int, Entry]
    quorums: QuorumSystem = Majority(NAMES)
    after: tuple[tuple[str, Votes], ...] = ()


def cases_of(rounds: int) -> list[Case]:
    """What is asked of a leader whose ballot has that round; all votes are in lower ballots."""
    low, tie, mine = Ballot(0, "l9"), Ballot(rounds, "l1"), Ballot(rounds, "l2")

    def in_slot(slot: int, ballot: Ballot, entry: Entry) -> Votes:
        return ((slot, Vote(ballot, entry)),)

    higher = "Of the two votes in slot 1 the one in the higher ballot counts, whoever reports it first."
    fresh = {1: TEA, 2: MILK}
    taken = {1: JAM, 2: TEA, 3: MILK}
    cases = [
        Case("Nobody has voted: its own entries, from slot 1 on.", (("a1", ()), ("a2", ())), fresh),
        Case("a1 twice is one acceptor.", (("a1", ()), ("a1", ()), ("a2", ())), fresh),
        Case(
            "Slot 1 is taken. Its own entries go into the slots after it, and none is lost.",
            (("a1", ()), ("a3", in_slot(1, low, JAM))),
            taken,
        ),
        Case(
            "Slot 1 is a hole below slot 2, where somebody voted: it gets a no-op, ().",
            (("a1", in_slot(2, low, JAM)), ("a2", ())),
            {1: (), 2: JAM, 3: TEA},
        ),
        Case(
            "A vote for a no-op, (), is a vote: the no-op may be chosen there.",
            (("a1", in_slot(1, low, ())), ("a2", ())),
            {1: (), 2: TEA, 3: MILK},
        ),
        Case(
            f"Each slot by itself: nobody voted in slot 1 in {mine}, so the vote in {low} is its highest.",
            (("a1", in_slot(1, low, JAM)), ("a2", in_slot(2, mine, BREAD))),
            {1: JAM, 2: BREAD, 3: TEA},
        ),
        Case(
            "The votes reach beyond `slots`: all of them are taken over, and there is no place for its own.",
            (("a2", in_slot(4, low, JAM)), ("a3", ())),
            {1: (), 2: (), 3: (), 4: JAM},
        ),
        Case(
            "It asks once for a ballot: what comes after the quorum changes nothing, also where it reports a vote.",
            (("a1", ()), ("a2", ())),
            fresh,
            after=(("a3", in_slot(1, low, JAM)),),
        ),
        Case(
            "Of five acceptors three are a majority: ask `self.quorums`.",
            (("a1", ()), ("a2", ()), ("a3", in_slot(1, low, JAM))),
            taken,
            Majority(names_of(5)),
        ),
        Case(
            "Here any 3 of 4 are enough for Phase 1, and any 2 for Phase 2: ask `self.quorums` with `phase=1`.",
            (("a1", ()), ("a2", ()), ("a3", in_slot(1, low, JAM))),
            taken,
            Flexible(3, 2, names_of(4)),
        ),
    ]
    pairs = [
        (low, tie, higher),
        (tie, mine, f"The rounds are equal: {mine} is above {tie}, as l2 comes after l1."),
    ]
    if rounds > 10:
        pairs.append(
            (Ballot(9, "l2"), Ballot(10, "l1"), "10.l1 is above 9.l2: rounds are numbers, not text.")
        )
    for one, other, why in pairs:
        below, above = ("a1", in_slot(1, one, TEA)), ("a2", in_slot(1, other, JAM))
        for reports in ((below, above), (above, below)):
            cases.append(Case(why, reports, taken))
    cases.append(
        Case(
            f"The vote in {mine} is above that in {low}, and it is for a no-op: the no-op may be chosen there.",
            (("a1", in_slot(1, low, JAM)), ("a2", in_slot(1, mine, ()))),
            {1: (), 2: TEA, 3: MILK},
        )
    )
    return cases
