"""Short talks with one proposer: what it asks, of whom, and what it makes of the answers.

They end for every proposer, so they come before the searches: each rule of the text in the smallest
run that shows it, with three, four and five acceptors, over more than one ballot.
"""

from __future__ import annotations

from typing import Any

from paxos_lab.paxos import (
    Accept,
    Accepted,
    Ballot,
    Flexible,
    Majority,
    Nack,
    Prepare,
    Promise,
    Proposal,
)
from paxos_lab.paxos.quorums import names_of
from paxos_lab.teach.exercises.answer import NotYet
from paxos_lab.teach.exercises.in_words import same, shown, shown_plainly
from paxos_lab.teach.exercises.one_value.e04_rehearsed import (
    NAMES,
    Line,
    a_promise,
    a_report,
    a_vote,
    accepts,
    all_said,
    any_value,
    ballots_used,
    begun,
    highest_of_many,
)
from paxos_lab.teach.exercises.talk import RESTART, RING

DEAF = (
    "Unlike the text, it never sets `self.learned`: its value gets chosen all the same, but it does not know, and "
    "goes on opening ballots."
)


def talks(role: type[Any]) -> list[str]:
    """Judge it; returns what is safe and yet unlike the text."""
    _first_ballot(role)
    _counts_promises(role)
    _takes_over_reports(role)
    _ignores_old_promises(role)
    _counts_votes(role)
    _tries_again(role)
    _never_goes_back(role)
    _forgets_the_ballot_before(role)
    _asks_the_quorums(role)
    highest_of_many(role)
    any_value(role)
    yes = [("a1", a_promise), ("a2", a_promise), ("a1", a_vote), ("a2", a_vote)]
    return [DEAF] if all_said(role, yes).node.learned is None else []  # type: ignore[attr-defined]


def leaves_for_old_nacks(role: type[Any]) -> bool:
    """True if a Nack for a ballot that it gave up makes it open a new one at once, or after its timer."""
    late = ("a1", lambda used: Nack(used[0], Ballot(used[0].round, "p9")))
    talk, lines = begun(role, [RING, late])
    talk.say(RING)
    return any(isinstance(m, Prepare) for _, m in talk.say(lines[1]))


# ---- one ballot


def _first_ballot(role: type[Any]) -> None:
    talk, _ = begun(role, [("a1", a_promise)])
    asked = [e for step in talk.bus.trace for e in step.sent if isinstance(e.message, Prepare)]
    to = sorted({e.to for e in asked})
    talk.expect(
        Majority(NAMES).is_quorum(to, 1),
        f"At the start it sent Prepare to {', '.join(to)} only, which is no quorum.",
        "Send it to all of self.acceptors.",
    )
    ballot = asked[0].message.ballot
    if (
        type(ballot) is not Ballot
        or type(ballot.round) is not int
        or ballot.round < 1
        or ballot.proposer != "p1"
    ):
        raise NotYet(
            f"Its first ballot is {shown(ballot)}.",
            "A ballot is Ballot(round, self.name), with a whole round from 1 on, so that nobody else uses the same.",
        )


def _counts_promises(role: type[Any]) -> None:
    script: list[Line] = [("a1", a_promise), ("a1", a_promise), ("a2", a_promise)]
    late = ("a3", a_report("coffee", Ballot(0, "p9")))
    talk, lines = begun(role, [*script, late])
    for line in lines[:2]:
        talk.expect(
            not accepts(talk.say(line)),
            "It asked for votes after the promise of a1 alone.",
            "The same promise may arrive twice. Count different acceptors, and wait for a quorum.",
        )
    ballot = ballots_used(talk)[-1]
    said = talk.say(lines[2])
    asked = accepts(said)
    talk.expect(bool(asked), "Two of three acceptors promised, and it does not ask for votes.")
    talk.expect(
        all(same(m, Accept(ballot, "tea")) for m in asked),
        f"With no vote reported it should ask for tea in ballot {ballot}; it sent {shown_plainly(asked[0])}.",
    )
    to = sorted({name for name, m in said if isinstance(m, Accept)})
    talk.expect(
        Majority(NAMES).is_quorum(to, 2), f"It asks {', '.join(to)} alone for a vote, which is no quorum."
    )
    more = [m for m in accepts(talk.say(lines[3])) if not same(m.value, "tea")]
    talk.expect(
        not more,
        f"One ballot asks for two different values: it asked for tea in ballot {ballot}, and after a third promise "
        f"for {shown_plainly(more[0].value) if more else ''}.",
        "Fix the value once for each ballot.",
    )


def _takes_over_reports(role: type[Any]) -> None:
    talk, lines = begun(role, [("a1", a_report("coffee", Ballot(0, "p9"))), ("a2", a_promise)])
    talk.say(lines[0])
    said = accepts(talk.say(lines[1]))
    talk.expect(
        bool(said) and all(same(m.value, "coffee") for m in said),
        f"a1 reported a vote for coffee, and it asks for {shown_plainly(said[0].value) if said else 'nothing'}.",
        "coffee may have been chosen: it must be proposed, not your own value.",
    )


def _ignores_old_promises(role: type[Any]) -> None:
    stale: list[Line] = [
        (name, lambda used: Promise(Ballot(used[-1].round - 1, "p1"), None)) for name in ("a1", "a2")
    ]
    talk, lines = begun(role, stale)
    for line in lines:
        talk.expect(
            not accepts(talk.say(line)),
            f"It is in ballot {ballots_used(talk)[-1]}, and took promises for ballot {line[1].ballot} as its own.",
            "Count a promise only if its ballot is the one in hand.",
        )


def _counts_votes(role: type[Any]) -> None:
    script: list[Line] = [("a1", a_promise), ("a2", a_promise), ("a1", a_vote), ("a1", a_vote)]
    talk, lines = begun(role, script)
    for line in lines:
        talk.say(line)
        talk.expect(
            talk.node.learned is None,  # type: ignore[attr-defined]
            "It has learned a value after the vote of a1 alone."
            if isinstance(line[1], Accepted)
            else "It has learned a value, and nobody has voted yet.",
            "Chosen means a quorum of different acceptors, in one ballot.",
        )


# ---- more than one ballot


def _tries_again(role: type[Any]) -> None:
    """Nobody answers, then a crash: each new ballot is above all the old ones."""
    talk, _ = begun(role, [("a1", a_promise)])
    talk.expect(
        bool(talk.bus.timers),
        "It sets no timer: if all its messages are lost, it waits for ever.",
        'In `prepare`, call self.set_timer("retry", delay); `timeout` is called when it rings.',
    )
    ballot = ballots_used(talk)[-1]
    for _ in range(2):
        said = [m for _, m in talk.say(RING) if isinstance(m, Prepare)]
        talk.expect(
            bool(said) and said[0].ballot > ballot,
            f"After its timer rang it {f'used ballot {said[0].ballot} again' if said else 'sent no Prepare'}; "
            f"the ballot before was {ballot}.",
            "The text wants a new ballot for each retry, higher than the last one.",
        )
        ballot = said[0].ballot
    after = [m for _, m in talk.say(RESTART) if isinstance(m, Prepare)]
    if not after:
        after = [m for _, m in talk.say(RING) if isinstance(m, Prepare)]
    talk.expect(
        all(m.ballot > ballot for m in after),
        f"It used ballot {ballot}, crashed, restarted, and used ballot {after[0].ballot if after else ''} again.",
        "Two values in one ballot would break everything: keep the round on disk with stable(...).",
    )


def _never_goes_back(role: type[Any]) -> None:
    """A Nack for an old ballot names an old promise: no reason to use a ballot again."""
    late = ("a1", lambda used: Nack(used[0], Ballot(used[0].round, "p9")))
    talk, lines = begun(role, [RING, RING, late, RING, RING])
    for line in lines[:2]:
        talk.say(line)
    for line in lines[2:]:
        top = max(ballots_used(talk))
        for ballot in [m.ballot for _, m in talk.say(line) if isinstance(m, Prepare)]:
            talk.expect(
                ballot > top,
                f"It is in ballot {top}, gets the late {lines[2][1]}, and uses ballot {ballot} after that.",
                "Two different values could be asked for in one ballot. The round never goes down.",
            )


def _forgets_the_ballot_before(role: type[Any]) -> None:
    """Promises and votes of one ballot count for nothing in the next, and the next goes all the way."""
    talk, lines = begun(role, [("a1", a_promise), RING, ("a2", a_promise)])
    for line in lines:
        said = accepts(talk.say(line))
    talk.expect(
        not said,
        f"It asked for votes in ballot {ballots_used(talk)[-1]} after the promise of a2 alone.",
        f"a1 promised ballot {ballots_used(talk)[0]}, the one before. Promises of different ballots do not add up.",
    )
    both: list[Line] = [("a1", a_promise), ("a2", a_promise)]
    first_vote = ("a1", lambda used: Accepted(used[0], "tea"))
    again: list[Line] = [("a1", lambda used: Promise(used[-1], Proposal(used[0], "tea"))), ("a2", a_promise)]
    for script in (
        [*both, first_vote, RING, *again, ("a2", a_vote)],  # the vote arrives in the first ballot,
        [*both, RING, *again, first_vote, ("a2", a_vote)],  # or late, in the second one
    ):
        talk, lines = begun(role, script)
        asked: list[Accept] = []
        for line in lines:
            asked += accepts(talk.say(line))
        first, second = ballots_used(talk)[0], ballots_used(talk)[-1]
        talk.expect(
            any(m.ballot == second for m in asked),
            f"A quorum has promised its second ballot, {second}, and it does not ask for votes.",
            "Each ballot begins anew: no promises, no proposal, no voters of the one before.",
        )
        talk.expect(
            talk.node.learned is None,  # type: ignore[attr-defined]
            f"It has learned tea from the vote of a1 in ballot {first} and that of a2 in ballot {second}.",
            "Votes of different ballots never add up, not even for the same value.",
        )


# ---- other quorums


def _asks_the_quorums(role: type[Any]) -> None:
    """With five acceptors two are not a quorum; in a flexible system each phase has its own size."""
    ask = "Ask `self.quorums.is_quorum({}, phase={})`, with the phase as a number."
    for quorums, enough in (
        (Majority(names_of(5)), (3, 3)),
        (Flexible(3, 2, names_of(4)), (3, 2)),
        (Flexible(2, 3, names_of(4)), (2, 3)),
    ):
        total = len(quorums.members)
        script: list[Line] = [(name, a_promise) for name in quorums.members[: enough[0]]]
        script += [(name, a_vote) for name in quorums.members[: enough[1]]]
        talk, lines = begun(role, script, quorums)
        for count, line in enumerate(lines[: enough[0]], start=1):
            said = accepts(talk.say(line))
            talk.expect(
                count == enough[0] or not said,
                f"It asks for votes after {count} of {total} promises, but a quorum is {quorums}.",
                ask.format("self.promises", 1),
            )
        talk.expect(
            bool(said),
            f"{enough[0]} of {total} acceptors promised, and it does not ask for votes. A quorum is {quorums}.",
            ask.format("self.promises", 1),
        )
        for count, line in enumerate(lines[enough[0] :], start=1):
            talk.say(line)
            talk.expect(
                count == enough[1] or talk.node.learned is None,  # type: ignore[attr-defined]
                f"It has learned tea from {count} of {total} votes, but a quorum is {quorums}.",
                ask.format("self.voters", 2),
            )
