"""The line above the stepper: which values can still be chosen, held against a model that tries everything."""

import random

import pytest

from paxos_lab import Crash, Deliver, MessageBus, seeded
from paxos_lab.paxos import (
    Accept,
    Accepted,
    Ballot,
    Flexible,
    Majority,
    Prepare,
    Promise,
    Proposal,
    Unsent,
    chosen,
    could_still_be_chosen,
    single_decree,
    still_possible,
)
from paxos_lab.paxos.prospects import ANY
from paxos_lab.verify import explore, find_variant

NAMES = ("a1", "a2", "a3")
THREE = Majority(NAMES)
ONE, TWO, THIRD = Ballot(1, "p1"), Ballot(1, "p2"), Ballot(2, "p1")
WANTED = {"p1": "tea", "p2": "coffee"}


def promised(ballot, *names, report=None):
    return [("p", Prepare(ballot))] + [(name, Promise(ballot, report)) for name in names]


def voted(ballot, value, *names):
    return [("p", Accept(ballot, value))] + [(name, Accepted(ballot, value)) for name in names]


def say(sent, wanted=WANTED, quorums=THREE):
    return could_still_be_chosen(sent, quorums, wanted)


def test_one_vote_does_not_shut_out_the_other_value():
    # Lesson 04: a1 has voted for tea, and a ballot that hears a2 and a3 may still choose coffee.
    sent = promised(ONE, "a1", "a2") + voted(ONE, "tea", "a1")
    assert set(still_possible(sent, THREE, WANTED)) == {"tea", "coffee"}
    assert say(sent) == (
        "Nothing is chosen yet. By the rules, these can still be chosen: tea in 1.p1 or in a new ballot; "
        "coffee in a new ballot."
    )


def test_a_value_whose_ballots_have_none_yet_may_be_the_only_one():
    # tea in 1.p1 at a1 and in 2.p1 at a2; all three have promised 3.p2: each quorum reports tea.
    top = Ballot(3, "p2")
    sent = promised(ONE, "a1", "a2") + voted(ONE, "tea", "a1") + promised(THIRD, "a1", "a2")
    sent += voted(THIRD, "tea", "a2")
    sent += [("p2", Prepare(top)), ("a1", Promise(top, Proposal(ONE, "tea")))]
    sent += [("a2", Promise(top, Proposal(THIRD, "tea"))), ("a3", Promise(top, None))]
    assert say(sent) == (
        "Nothing is chosen yet. By the rules, only this can still be chosen: tea in 3.p2 or in a new ballot."
    )


def test_at_the_start_every_value_is_possible():
    every = "Nothing is chosen yet. By the rules, every proposed value can still be chosen."
    assert say([]) == every
    assert say(promised(ONE, "a1")).endswith("tea in 1.p1 or in a new ballot; coffee in a new ballot.")
    assert could_still_be_chosen([], THREE) == every
    assert set(still_possible([], THREE)) == {ANY}


def test_what_is_chosen_is_said_with_its_condition():
    assert say(voted(ONE, "tea", "a1", "a2")) == "tea is chosen. By the rules, no other value can ever be."
    both = voted(ONE, "tea", "a1", "a2") + voted(TWO, "coffee", "a2", "a3")
    assert say(both) == "BROKEN: tea and coffee are both chosen."


@pytest.mark.parametrize("id", ["M2", "M11"])
def test_a_run_of_wrong_roles_is_never_told_as_if_they_kept_the_rules(id):
    found = explore(find_variant(id).make(3))
    bus = MessageBus(found.nodes, idle=[n.name for n in found.nodes], checked=False)
    for step in found.counterexample:
        bus.apply(step.event)
        line = could_still_be_chosen(bus.trace.sent, THREE)
        assert line.startswith("BROKEN") or "By the rules" in line
    assert line.startswith("BROKEN")


def test_a_vote_that_nobody_heard_of_counts_as_a_report():
    # a1 wrote its vote for tea and crashed; a2 has promised a higher ballot, so 1.p1 is dead.
    sent = [*promised(ONE, "a1", "a2"), ("p1", Accept(ONE, "tea")), ("a1", Unsent(Accept(ONE, "tea")))]
    sent += promised(TWO, "a2", "a3")
    assert still_possible(sent, THREE, WANTED)["tea"].new, "a quorum with a1 reports it"
    quiet = [pair for pair in sent if not isinstance(pair[1], Unsent)]
    assert "tea" in still_possible(quiet, THREE, WANTED)


def test_with_flexible_quorums():
    quorums = Flexible(3, 1, NAMES)
    sent = [*promised(ONE, "a1", "a2", "a3"), ("p1", Accept(ONE, "tea"))]
    assert say(sent, quorums=quorums).endswith("tea in 1.p1 or in a new ballot; coffee in a new ballot.")
    assert chosen([*sent, ("a2", Accepted(ONE, "tea"))], quorums) == [Proposal(ONE, "tea")]


# ---- the oracle: correct roles as bare tuples, every order of deliveries, new ballots at any time.
# It shares nothing with `still_possible` but the words for messages.


class Model:
    """All values that can be chosen from a state on; the network may deliver anything, at any time."""

    def __init__(self, quorum, values, top, budget):
        self.quorum, self.values, self.top, self.budget = quorum, values, top, budget

    def reachable(self, state):
        """The values chosen in any state that can be reached; None if there are too many states."""
        found, seen, to_do = set(), {state}, [state]
        while to_do:
            if len(seen) > self.budget:
                return None
            state = to_do.pop()
            found |= self.chosen(state)
            if found == set(self.values.values()):
                return found
            for after in self.steps(state):
                if after not in seen:
                    seen.add(after)
                    to_do.append(after)
        return found

    def chosen(self, state):
        _, messages = state
        voters = {}
        for kind, ballot, *more in messages:
            if kind == "accepted":
                voters.setdefault((ballot, more[1]), set()).add(more[0])
        return {value for (_, value), who in voters.items() if len(who) >= self.quorum}

    def steps(self, state):
        acceptors, messages = state
        used = {m[1] for m in messages if m[0] == "prepare"}
        for proposer in self.values:
            mine = [b for b in used if b[1] == proposer]
            new = (max((b[0] for b in used), default=0) + 1, proposer)
            if new[0] <= self.top:
                yield acceptors, messages | {("prepare", new)}
            if mine:
                yield from self.ask(acceptors, messages, max(mine))
        for kind, ballot, *more in messages:
            if kind in ("prepare", "accept"):
                for i, (promise, vote) in enumerate(acceptors):
                    if ballot < promise:
                        continue
                    if kind == "prepare":
                        fresh, said = (ballot, vote), ("promise", ballot, i, vote)
                    else:
                        fresh, said = (ballot, (ballot, more[0])), ("accepted", ballot, i, more[0])
                    yield (*acceptors[:i], fresh, *acceptors[i + 1 :]), messages | {said}

    def ask(self, acceptors, messages, ballot):
        """Each value that a quorum of promises allows; a proposer asks once."""
        if any(m[0] == "accept" and m[1] == ballot for m in messages):
            return
        told = {m[2]: m[3] for m in sorted(messages, key=repr, reverse=True) if m[:2] == ("promise", ballot)}
        for mask in range(1, 1 << len(acceptors)):
            members = [i for i in range(len(acceptors)) if mask >> i & 1]
            if len(members) >= self.quorum and set(members) <= set(told):
                votes = [told[i] for i in members if told[i] is not None]
                value = max(votes)[1] if votes else self.values[ballot[1]]
                yield acceptors, messages | {("accept", ballot, value)}


def as_model(sent):
    """The state of the model after these messages."""
    acceptors = dict.fromkeys(NAMES, ((0, ""), None))
    messages = set()
    key = lambda b: (b.round, b.proposer)  # noqa: E731
    for sender, message in sent:
        match message:
            case Prepare(ballot):
                messages.add(("prepare", key(ballot)))
            case Accept(ballot, value):
                messages.add(("accept", key(ballot), value))
            case Promise(ballot, report):
                vote = None if report is None else (key(report.ballot), report.value)
                messages.add(("promise", key(ballot), NAMES.index(sender), vote))
                acceptors[sender] = (max(acceptors[sender][0], key(ballot)), acceptors[sender][1])
            case Accepted(ballot, value):
                messages.add(("accepted", key(ballot), NAMES.index(sender), value))
                acceptors[sender] = (key(ballot), (key(ballot), value))
    return tuple(acceptors[name] for name in NAMES), frozenset(messages)


def in_words(state):
    """The messages of the model as those of the course."""
    ballot = lambda b: Ballot(*b)  # noqa: E731
    for kind, number, *more in sorted(state[1], key=lambda m: (m[1], m[0] != "prepare")):
        match kind, more:
            case "prepare", []:
                yield number[1], Prepare(ballot(number))
            case "accept", [value]:
                yield number[1], Accept(ballot(number), value)
            case "promise", [i, vote]:
                report = None if vote is None else Proposal(ballot(vote[0]), vote[1])
                yield NAMES[i], Promise(ballot(number), report)
            case "accepted", [i, value]:
                yield NAMES[i], Accepted(ballot(number), value)


def wandered(rng, steps):
    """A state of the model after some steps at random, and the longest part of that way without a choice."""
    model = Model(2, WANTED, top=rng.choice([2, 3]), budget=0)
    state = (((0, ""), None),) * 3, frozenset()
    for _ in range(steps):
        following = [s for s in model.steps(state) if s != state and not model.chosen(s)]
        if not following:
            break
        # Most steps are those of acceptors, so that votes and promises come about.
        moved = [s for s in following if s[0] != state[0] or len(s[1]) > len(state[1])]
        state = rng.choice(moved or following)
    return state


def test_against_a_model_that_tries_everything():
    answered, alone = 0, 0
    for seed in range(70):
        rng = random.Random(seed)
        state = wandered(rng, rng.randrange(3, 30))
        sent = list(in_words(state))
        rounds = [m.ballot.round for _, m in sent if isinstance(m, Prepare)]
        truth = Model(2, WANTED, top=max(rounds, default=0) + 1, budget=4_000).reachable(state)
        if truth is None:
            continue
        answered += 1
        alone += len(truth) == 1
        assert set(still_possible(sent, THREE, WANTED)) == truth, (seed, sent)
    assert answered > 25 and alone > 1, (answered, alone)


def test_the_model_finds_nothing_where_a_value_is_shut_out():
    sent = promised(ONE, "a1", "a2") + voted(ONE, "tea", "a1", "a2")
    assert Model(2, WANTED, top=2, budget=100_000).reachable(as_model(sent)) == {"tea"}


def test_along_a_run_a_value_that_is_shut_out_stays_out():
    for seed in range(40):
        bus = MessageBus(single_decree(["tea", "coffee"]), seed=seed, checked=False)
        bus.run(seeded(seed, faults=0.3), max_steps=120)
        sent, before = [], set(WANTED.values())
        for step in bus.trace:
            sent += [(e.sender, e.message) for e in step.sent]
            match step.event:
                case Crash(name, during=Deliver(e)) if isinstance(e.message, Prepare | Accept):
                    sent.append((name, Unsent(e.message)))
            now = set(still_possible(sent, THREE, WANTED))
            assert now <= before, (seed, step.step)
            assert {p.value for p in chosen(sent, THREE)} <= now
            before = now
