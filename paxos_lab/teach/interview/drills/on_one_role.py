"""Drills about one proposer or one acceptor: the moments come from seeded runs, the answers from the roles."""

from __future__ import annotations

import random
from typing import Any

from paxos_lab.node import Send, react, stable_fields
from paxos_lab.paxos import Accept, Accepted, Ballot, Nack, Prepare, Promise, Proposal
from paxos_lab.teach.interview.drills.drill_box import Drill, Option, different, replayed
from paxos_lab.teach.interview.drills.moments import Moment, find, shuffled
from paxos_lab.world.copying import twin

# ---- these promises arrived; what do you send?


def promises(rng: random.Random) -> Drill:
    """A proposer, the answers to its Prepare, and what it does when the last of them is there."""
    wanted = rng.choice(["reports differ", "reports differ", "other value", "free", "too few"])
    moment = find(rng, _promise_sort, "free" if wanted == "too few" else wanted)
    proposer: Any = moment.node
    arrived = moment.arrived[:-1] if wanted == "too few" else moment.arrived
    fresh = twin(proposer)
    fresh.promises = {}  # type: ignore[attr-defined]
    ballot, own = proposer.ballot, proposer.value

    def replay() -> Any:
        _, sent = replayed(fresh, *arrived)
        return next((message for _, message in sent), None)

    reports = [m.accepted for _, m in arrived if isinstance(m, Promise) and m.ballot == ballot and m.accepted]
    values = dict.fromkeys([own, *(vote.value for vote in reports), "y", "x"])
    options = different(
        *(Option(f"Accept({ballot}, {v}) to the acceptors", Accept(ballot, v)) for v in values),
        Option("nothing yet", None),
        Option("a Prepare with a higher ballot", Prepare(Ballot(ballot.round + 1, ballot.proposer))),
    )
    total = len(proposer.acceptors)
    promised = {sender for sender, m in arrived if isinstance(m, Promise) and m.ballot == ballot}
    if replay() is None:
        why = (
            f"{len(promised)} of {total} acceptors have promised {ballot}, and that is no quorum. Only promises for the "
            "ballot in hand count, and each acceptor counts once."
        )
    elif reports:
        highest = max(reports, key=lambda vote: vote.ballot)
        why = (
            f"A quorum has promised {ballot}. The vote with the highest ballot among the reports is {highest}: it may have "
            f"been chosen, so {proposer.name} has to ask for {highest.value} (P2c), whatever it wanted itself."
        )
    else:
        why = (
            f"A quorum has promised {ballot} and none of it has voted. So nothing was chosen below {ballot} and nothing "
            f"will be, and {proposer.name} is free to ask for its own value."
        )
    situation = (
        f"The acceptors are a1 to a{total}; quorums are majorities.",
        f"{proposer.name} would like {own}. It has sent Prepare({ballot}) to all. Then these arrive, in this order:",
        *(f"    from {sender}: {message}" for sender, message in arrived),
    )
    question = f"What does {proposer.name} send now?"
    return Drill("promises", situation, question, shuffled(rng, options), why, replay)


def _promise_sort(moment: Moment) -> str | None:
    """What sort of moment this is, if it is the one in which a proposer's quorum is complete."""
    node: Any = moment.node
    if moment.hook != "receive" or not isinstance(moment.arguments[1], Promise) or node.proposal is not None:
        return None
    after, sent = replayed(node, moment.arguments)
    if not any(isinstance(message, Accept) for _, message in sent):
        return None
    reports = [vote for vote in after.promises.values() if vote is not None]  # type: ignore[attr-defined]
    if len({vote.value for vote in reports}) > 1:
        return "reports differ"
    if reports:
        return "other value" if reports[0].value != node.value else "own value"
    return "free"


# ---- a message arrives at an acceptor


def acceptor(rng: random.Random) -> Drill:
    """An acceptor's disk, a message, and what it answers and has on disk afterwards."""
    wanted = rng.choice(
        [
            "Promise with vote",
            "Promise",
            "Nack to Prepare",
            "Nack to Accept",
            "Accepted anew",
            "Accepted unasked",
        ]
    )
    moment = find(rng, _acceptor_sort, wanted)
    node: Any = moment.node
    sender, message = moment.arguments

    def replay() -> Any:
        after: Any
        after, sent = replayed(node, (sender, message))
        return sent[0][1], after.promised, after.accepted

    def option(answer: Any, promised: Ballot, accepted: Proposal | None) -> Option:
        text = f"{answer}; then on disk: {_disk(promised, accepted)}"
        return Option(text, (answer, promised, accepted))

    ballot, old, vote = message.ballot, node.promised, node.accepted
    promise = f"the promise {old}" if old != Ballot.ZERO else "any promise, since there is none"
    nack = Nack(ballot, old)
    if isinstance(message, Prepare):
        yes: Any = Promise(ballot, vote)
        options = [
            option(yes, ballot, vote),
            option(yes, old, vote),
            option(Promise(ballot, None), ballot, None),
        ]
        options += [option(Promise(ballot, None), ballot, vote)]
        # A refusal of a Prepare that comes twice would be safe as well, so it is not offered as wrong.
        options += [option(nack, old, vote), option(nack, ballot, vote)] if ballot != old else []
        options += [
            option(Accepted(ballot, "x"), ballot, Proposal(ballot, "x")),
            option(yes, Ballot.ZERO, vote),
        ]
    else:
        yes, new = Accepted(ballot, message.value), Proposal(ballot, message.value)
        options = [option(yes, ballot, new), option(yes, old, new), option(yes, ballot, vote)]
        # To accept only the very ballot that was promised is safe too.
        options += [option(nack, old, vote), option(nack, ballot, vote)] if ballot < old else []
        options += [option(Promise(ballot, vote), ballot, vote), option(yes, ballot, None)]
        options += [option(yes, Ballot.ZERO, new)]
    if ballot < old:  # the right one first, so that it is never cut away
        options.sort(key=lambda one: one.means != (nack, old, vote))
    if ballot < old:
        why = (
            f"{ballot} is below the promise {old}, so nothing changes and nothing is written. (The Nack only saves "
            "the proposer a timeout; silence would be as safe.)"
        )
    elif isinstance(message, Prepare):
        why = (
            f"{ballot} is not below {promise}. It promises, and reports the latest vote it has cast, which a "
            "promise does not change; promise and report are one step."
        )
    else:
        why = (
            f"{ballot} is not below {promise}. It votes, whatever it voted for before, and the vote raises the "
            "promise in the same write; else an Accept of a ballot in between could overwrite it."
        )
    situation = (
        f"On the disk of {node.name}: {_disk(old, vote)}.",
        f"From {sender} arrives {message}.",
    )
    question = f"What does {node.name} answer, and what is on its disk afterwards?"
    return Drill("acceptor", situation, question, shuffled(rng, different(*options)[:5]), why, replay)


def _acceptor_sort(moment: Moment) -> str | None:
    if moment.hook != "receive" or not isinstance(moment.arguments[1], Prepare | Accept):
        return None
    node: Any = moment.node
    message = moment.arguments[1]
    if message.ballot < node.promised:
        return f"Nack to {type(message).__name__}"
    if isinstance(message, Prepare):
        return "Promise with vote" if node.accepted else "Promise"
    if message.ballot > node.promised:
        return "Accepted unasked"
    return "Accepted anew" if node.accepted else "Accepted"


def _disk(promised: Ballot, accepted: Proposal | None) -> str:
    return f"promised {promised if promised != Ballot.ZERO else 'nothing'}, accepted {accepted or 'nothing'}"


# ---- what must be on disk before this message leaves?


def disk(rng: random.Random) -> Drill:
    """A message that is about to leave, and what has to be written before."""
    wanted = rng.choice(["Promise", "Accepted", "Accepted unasked", "Nack", "Prepare", "Accept"])
    moment = find(rng, _disk_sort, wanted)
    node: Any = moment.node

    def replay() -> Any:
        after = twin(node)
        react(after, moment.hook, *moment.arguments)
        return frozenset(
            (name, getattr(after, name))
            for name in stable_fields(node)
            if getattr(after, name) != getattr(node, name)
        )

    leaving = _leaving(moment)
    ballot = leaving.ballot
    nothing = Option("nothing", frozenset())
    if isinstance(leaving, Prepare | Accept):
        round_ = ("round", ballot.round)
        options: list[Option] = [
            nothing,
            Option(f"the round {ballot.round}", frozenset({round_})),
            Option(
                f"the round {ballot.round} and its value {node.value}",
                frozenset({round_, ("value", node.value)}),
            ),
            Option("the promises it has received", frozenset({("promises", "all")})),
        ]
        situation = [f"On the disk of {node.name}: round {node.round}. It would like {node.value}."]
    else:
        vote = Proposal(ballot, getattr(leaving, "value", "x"))
        promise_on_disk, vote_on_disk = ("promised", ballot), ("accepted", vote)
        options = [
            nothing,
            Option(f"the promise {ballot}", frozenset({promise_on_disk})),
            Option(f"the vote {vote}", frozenset({vote_on_disk})),
            Option(
                f"the promise {ballot} and the vote {vote}, in one write",
                frozenset({promise_on_disk, vote_on_disk}),
            ),
        ]
        situation = [f"On the disk of {node.name}: {_disk(node.promised, node.accepted)}."]
    why = {
        Prepare: "A ballot that was used may never be used again, also after a crash: so the round is on disk first.",
        Accept: (
            "The round of this ballot is on disk already. After a crash the proposer opens a higher ballot and never asks "
            "in this one again, so promises and value may be in memory only."
        ),
        Promise: (
            "A promise binds the future, so it has to survive a crash. The vote that it reports is on disk already."
        ),
        Accepted: (
            "A vote binds the future, so ballot and value are on disk first, and with them the promise wherever the vote raises "
            "it. What is there already need not be written again."
        ),
        Nack: "A refusal promises nothing new: what it names is on disk already, so it costs no write.",
    }[type(leaving)]
    arrives = f"From {moment.arguments[0]} arrives {moment.arguments[1]}." if moment.hook == "receive" else ""
    happens = {
        "receive": arrives,
        "timeout": "Its timer rings.",
        "recover": "It restarts after a crash.",
        "start": "It starts.",
    }[moment.hook]
    question = (
        f"{node.name} is about to send {leaving}. What has to be written to disk before that, "
        "beyond what is there already?"
    )
    return Drill("disk", (*situation, happens), question, shuffled(rng, different(*options)), why, replay)


def _leaving(moment: Moment) -> Any:
    effects = react(twin(moment.node), moment.hook, *moment.arguments)
    return next((e.message for e in effects if isinstance(e, Send)), None)


def _disk_sort(moment: Moment) -> str | None:
    leaving = _leaving(moment)
    if leaving is None:
        return None
    name = type(leaving).__name__
    return f"{name} unasked" if name == "Accepted" and leaving.ballot > moment.node.promised else name  # type: ignore[attr-defined]
