"""What the fast search leaves out changes no verdict; how many states there are, derived twice.

Random protocols, judged by a model checker that shares no code with the searches, are in
test_explorer_oracle.py.
"""

import re
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import pytest
from random_protocols import Ping

from paxos_lab import Duplicate, LabError, MessageBus, Node, RoleError, stable, volatile
from paxos_lab.paxos import (
    Accept,
    Accepted,
    Acceptor,
    Ballot,
    Flexible,
    Prepare,
    Promise,
    chosen,
    single_decree,
)
from paxos_lab.verify import Faults, agreement, explore, looks_at, validity
from paxos_lab.verify.explorer.open_values import any_value


def events(found):
    """Events of the counterexample; a copy made by the network is none."""
    return sum(not isinstance(step.event, Duplicate) for step in found.counterexample or ())


# ---- on Paxos and on systems made for it


def test_a_property_that_singles_out_a_name_needs_no_symmetry():
    @looks_at(Accepted, symmetric=False)
    def the_third_votes(sent, nodes):
        return "a3 voted" if any(s == "a3" and isinstance(m, Accepted) for s, m in sent) else None

    found = explore(single_decree(["x"], learners=0), [the_third_votes])
    assert found.method == "reduced" and events(found) == 6  # start, two promises asked and told, one vote


@dataclass
class Partial(Node):
    """A listener that believes nobody but n1, so that n1 and n2 may not trade places."""

    learned: Any = None

    def receive(self, sender, message):
        if sender == "n1":
            self.learned = "x"


@dataclass
class Caller(Node):
    first: bool = False

    def start(self):
        if self.first:
            self.send(["n1", "n2"], Ping(0))

    def receive(self, sender, message):
        self.send("ear", Ping(1))


@pytest.mark.parametrize("method", ["plain", "numbered", "reduced"])
def test_a_listener_that_tells_equal_senders_apart_is_not_fooled_by_symmetry(method):
    @looks_at(fields=["learned"])
    def learned(sent, nodes):
        return "learned" if nodes["ear"].learned else None

    nodes = [Caller("n0", True), Caller("n1"), Caller("n2"), Partial("ear")]
    found = explore(nodes, [learned], method=method)
    assert not found.ok and events(found) == 3 + 2  # the callers start, two deliveries


@dataclass
class Hoarder(Node):
    """Keeps what it hears under its kind, and never looks at it again."""

    kept: dict[int, str] = volatile({})
    heard: int = 0

    def receive(self, sender, message):
        self.kept[message.kind] = sender
        self.heard = min(self.heard + 1, 2)  # a message may come any number of times
        if self.heard == 2:
            self.send("ear", Ping(9))


@dataclass
class Sower(Node):
    def start(self):
        self.send("hoarder", Ping(int(self.name[1:])))
        self.send("hoarder", Ping(7))


@pytest.mark.parametrize("method", ["plain", "numbered", "reduced"])
def test_an_entry_more_in_a_dictionary_that_nobody_reads_is_no_trouble(method):
    @looks_at(fields=["learned"], symmetric=False)
    def learned(sent, nodes):
        return "learned" if nodes["ear"].learned else None

    @dataclass
    class Ear(Node):
        learned: Any = None

        def receive(self, sender, message):
            self.learned = message.kind

    nodes = [Sower("n1"), Sower("n2"), Hoarder("hoarder"), Ear("ear")]
    found = explore(nodes, [learned], method=method)
    assert not found.ok and events(found) == 2 + 2 + 1  # the starts, two pings, the answer


class WritesPastTheWatch(Acceptor):
    def receive(self, sender, message):
        vars(self)["promised"] = Ballot.ZERO
        super().receive(sender, message)


class SetsPastTheWatch(Acceptor):
    def receive(self, sender, message):
        object.__setattr__(self, "promised", Ballot.ZERO)
        super().receive(sender, message)


@dataclass
class KeepsOneThingTwice(Acceptor):
    seen: dict[str, int] = stable({})
    all: list[Any] = stable([])

    def receive(self, sender, message):
        if not self.all:
            self.all.append(self.seen)
        self.all[0][sender] = 1
        super().receive(sender, message)


@pytest.mark.parametrize(
    ("role", "said"),
    [
        (WritesPastTheWatch, "wrote to self.__dict__: write self.field = value instead"),
        (SetsPastTheWatch, "wrote self.promised by object.__setattr__"),
        (KeepsOneThingTwice, "left one and the same dict in two places, self.all and self.seen"),
    ],
)
@pytest.mark.parametrize("method", ["plain", "numbered", "auto"])
def test_what_the_search_could_not_follow_is_refused_by_name(role, said, method):
    with pytest.raises(RoleError, match=re.escape(said)):
        explore(single_decree("xy", acceptor=role), method=method)


@dataclass
class ForgetsWhenItKnowsTwo(Acceptor):
    """Hides what it depends on in a dictionary inside a list."""

    inner: list[Any] = stable([{}])

    def receive(self, sender, message):
        self.inner[0][sender] = 1
        if len(self.inner[0]) > 1 and isinstance(message, Accept):
            self.promised = Ballot.ZERO
        super().receive(sender, message)


def test_a_dictionary_inside_a_list_is_followed():
    found = explore(single_decree("xy", acceptor=ForgetsWhenItKnowsTwo))
    assert not found.ok and found.property == "agreement" and found.method == "reduced"


# ---- the plain search against the bus


def in_order(value):
    """Dictionaries and sets as sorted lists, so that equal ones look alike."""
    if isinstance(value, dict):
        return sorted(map(repr, value.items()))
    return sorted(map(repr, value)) if isinstance(value, set | frozenset) else value


def reachable_on_a_bus(nodes):
    """Every (states of the nodes, messages sent) that deliveries can lead to; a message stays for ever."""
    begin = MessageBus(nodes)
    seen, todo = {}, [begin]
    while todo:
        bus = todo.pop()
        sent = frozenset((e.sender, e.to, e.message) for e in bus.trace.messages)
        states = tuple(repr(sorted((k, in_order(v)) for k, v in vars(node).items())) for node in bus)
        if (states, sent) in seen:
            continue
        seen[states, sent] = True
        for message in sorted({e[1:] for e in bus.in_flight}, key=repr):
            after = bus.fork()
            envelope = next(e for e in after.in_flight if e[1:] == message)
            after.duplicate(envelope)
            after.deliver(envelope)
            todo.append(after)
    return seen


@pytest.mark.parametrize("setting", [{"values": ["x"], "acceptors": 1}, {"values": ["x", "y"], "acceptors": 1, "learners": 0},
                                     {"values": ["x"], "acceptors": 2, "learners": 0}])  # fmt: skip
def test_the_plain_search_reaches_what_a_bus_can_reach(setting):
    found = explore(single_decree(**setting), method="plain")
    assert found.complete and found.states == len(reachable_on_a_bus(single_decree(**setting)))


# ---- the number of states, derived twice


def projected(values, acceptors):
    """Reachable (messages but nacks, each acceptor's promise and vote), by the explorer."""
    seen = set()

    @looks_at(Prepare, Promise, Accept, Accepted, fields=["promised", "accepted"], symmetric=False)
    def record(sent, nodes):
        held = tuple((n.promised, n.accepted) for n in nodes.values() if isinstance(n, Acceptor))
        seen.add((frozenset(sent), held))

    assert explore(single_decree(values, acceptors=acceptors, learners=0), [record]).complete
    return len(seen)


def counted_by_hand(ballots, acceptors):
    """The same number from the four actions of Paxos alone: no role, no bus, no explorer.

    Ballots are 1, 2, ..; ballot b wants the value b. A vote is a pair (ballot, value). A state is, for each
    acceptor, (promise, vote, promises sent, votes sent), and for each ballot the value asked for.
    """
    majority = acceptors // 2 + 1
    start = (((0, None, frozenset(), frozenset()),) * acceptors, (None,) * ballots)
    seen, todo = {start}, [start]
    while todo:
        held, asked = todo.pop()
        following = []
        for a, (promise, vote, promises, cast) in enumerate(held):
            for b in range(1, ballots + 1):
                if b >= promise:  # every Prepare was sent at the start; it may come again
                    after = (b, vote, promises | {(b, vote)}, cast)
                    following.append(((*held[:a], after, *held[a + 1 :]), asked))
                    if (value := asked[b - 1]) is not None:
                        after = (b, (b, value), promises, cast | {(b, value)})
                        following.append(((*held[:a], after, *held[a + 1 :]), asked))
        for b in range(1, ballots + 1):
            if asked[b - 1] is None:
                reports = [[vote for c, vote in promises if c == b] for _, _, promises, _ in held]
                for group in combinations(range(acceptors), majority):
                    for votes in product(*(reports[a] for a in group)):
                        value = max((v for v in votes if v), default=(0, b))[1]
                        following.append((held, (*asked[: b - 1], value, *asked[b:])))
        for state in following:
            if state not in seen:
                seen.add(state)
                todo.append(state)
    return len(seen)


# 3 acceptors and 3 ballots give 1,663,928 (measured once, 170 s), too many for a test.
@pytest.mark.parametrize(
    ("ballots", "acceptors", "states"), [(1, 3, 116), (2, 1, 25), (2, 2, 169), (2, 3, 14_104)]
)
def test_the_number_of_states_of_paxos_is_known_and_derived_in_two_ways(ballots, acceptors, states):
    assert projected(list("xyz")[:ballots], acceptors) == states
    assert counted_by_hand(ballots, acceptors) == states


# ---- Paxos


@pytest.mark.parametrize("faults", [Faults(), Faults(crashes=1), Faults(timeouts=1)], ids=str)
@pytest.mark.parametrize("setting", [
    {"values": ["x", "y"], "acceptors": 1}, {"values": ["x", "y"], "acceptors": 1, "learners": 0},
    {"values": ["x"], "acceptors": 2, "learners": 0},
    {"values": ["x", "y"], "acceptors": 2, "learners": 0, "quorums": Flexible(1, 1), "unsafe": True},
])  # fmt: skip
def test_small_paxos_gives_the_same_verdict_in_every_search(setting, faults):
    found = {
        m: explore(single_decree(**setting), [agreement], faults, method=m) for m in ("numbered", "reduced")
    }
    verdicts = {(one.ok, one.complete, events(one)) for one in found.values()}
    assert len(verdicts) == 1
    assert all(one.complete or not one.ok for one in found.values())


@pytest.mark.parametrize("sizes", [(1, 2), (2, 1), (1, 1)])
def test_quorums_that_miss_each_other_are_broken_in_as_few_events_by_each_search(sizes):
    nodes = single_decree(["x", "y"], learners=0, quorums=Flexible(*sizes), unsafe=True)
    lengths = {events(explore(nodes, [agreement], method=method)) for method in ("numbered", "reduced")}
    assert len(lengths) == 1 and lengths.pop() > 0


# ---- the value of each ballot left open


def chosen_values(nodes):
    """The values that can be chosen, in each ballot, by the explorer."""
    seen = set()

    @looks_at(Accepted)
    def record(sent, nodes):
        seen.update((p.ballot, p.value) for p in chosen(sent, nodes["p1"].quorums))

    found = explore(nodes, (agreement, validity, record))
    assert found.ok and found.complete
    return seen


def test_any_value_is_all_the_ways_to_hand_values_out():
    fixed = [chosen_values(single_decree(values, learners=0)) for values in product("xy", repeat=2)]
    assert chosen_values(any_value("xy", 2, learners=0)) == set().union(*fixed)
    assert len(fixed[0]) < len(set().union(*fixed))
    with pytest.raises(LabError, match="as many ballots as values"):
        any_value("xyz", 2)
