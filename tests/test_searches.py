"""The three searches agree, on Paxos and on hundreds of small random protocols.

The plain search is held against a brute force on the bus, which shares no code with it; the numbered
one against the plain one; the reduced one against the numbered one.
"""

import random
import re
from collections import Counter
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import pytest

from paxos_lab import Duplicate, MessageBus, Node, RoleError, stable, volatile
from paxos_lab.paxos import Accept, Accepted, Acceptor, Ballot, Flexible, Prepare, Promise, single_decree
from paxos_lab.verify import Faults, agreement, explore, looks_at
from paxos_lab.verify.explorer.fast import local_graphs
from paxos_lab.verify.explorer.fast.local_graphs import TooLarge

# ---- random protocols


@dataclass(frozen=True)
class Ping:
    kind: int


@dataclass
class Automaton(Node):
    """Does what its table says: (state, memory, what happens) -> (state, memory, learned, sends, timer)."""

    table: tuple = ()
    state: int = stable(0)
    memory: int = 0
    heard: dict[str, int] = volatile({})
    learned: Any = None

    def go(self, *key):
        entry = dict(self.table).get((self.state, self.memory, *key))
        if entry is None:
            return
        self.state, memory, learned, sends, timer = entry
        self.memory = self.memory if memory is None else memory
        self.learned = self.learned if learned is None else learned
        for to, kind in sends:
            self.send(to, Ping(kind))
        if timer:
            self.set_timer("t", 1.0)

    def start(self):
        self.go("start", 0)

    def recover(self):
        self.go("recover", 0)

    def timeout(self, timer):
        self.go("timeout", 0)

    def receive(self, sender, message):
        known = self.heard.get(sender, 0)
        self.heard[sender] = max(known, message.kind)
        # Some tell senders apart, some do not; some react to what they heard before.
        self.go(sender if message.kind % 2 else "any", message.kind + (known > message.kind))


def protocol(seed):
    """(nodes, faults, property): twins that may trade places, listeners, chatterers."""
    rng = random.Random(seed)
    names = [f"n{i}" for i in range(rng.choice([2, 3, 3, 4]))]
    kinds, states, memories = rng.choice([1, 2, 3]), rng.choice([2, 3]), rng.choice([1, 2])

    def sends_of(targets, most=2):
        return tuple(
            (rng.choice(targets), rng.randrange(kinds)) for _ in range(rng.choice([0, 0, 1, 1, most]))
        )

    def table(density, sources, sends, begins=False):
        rows = {}
        for s, m in product(range(states), range(memories)):
            keys = [("start", 0), ("recover", 0), ("timeout", 0)]
            keys += [(who, kind) for who in sources for kind in range(kinds + 1)]
            for key in keys:
                if rng.random() < density or (begins and key[0] == "start" and s == m == 0):
                    rows[s, m, *key] = (
                        rng.randrange(states), rng.choice([None, *range(memories)]),
                        rng.choice([None, "x", "y"]), sends(), rng.random() < 0.3,
                    )  # fmt: skip
        return tuple(rows.items())

    if rng.random() < 0.6:  # a hub and twins that may trade places
        hub = table(0.7, ["any"], lambda: tuple((n, k) for _, k in sends_of(["_"]) for n in names[1:]), True)
        twin = table(0.6, ["n0", "any"], lambda: sends_of(["n0"]))
        tables = [hub, *[twin] * (len(names) - 1)]
    else:
        tables = [
            table(rng.choice([0.4, 0.7]), [*names, "any"], lambda: sends_of(names), i == 0)
            for i in range(len(names))
        ]
    nodes = [Automaton(name, table) for name, table in zip(names, tables, strict=True)]
    faults = Faults(rng.choice([0, 0, 1]), rng.choice([0, 0, 1, 2]), restarts=rng.random() < 0.8)
    return (
        nodes,
        faults,
        rng.choice([two_learned, many_senders(rng.randrange(kinds)), odd_pair(rng.randrange(kinds))]),
    )


@looks_at(Ping, fields=["learned"], monotone=True)
def two_learned(sent, nodes):
    values = {node.learned for node in nodes.values()} - {None}
    return f"both {sorted(values)}" if len(values) > 1 else None


def many_senders(kind):
    @looks_at(Ping)
    def many(sent, nodes):
        return "two send it" if len({s for s, m in sent if m.kind == kind}) >= 2 else None

    return many


def odd_pair(kind):
    """Not monotone: more messages mend it."""

    @looks_at(Ping, fields=["learned"])
    def odd(sent, nodes):
        learned = [node.learned for node in nodes.values()]
        pair = learned.count("x") == 1 and learned.count("y") == 1
        return "odd" if pair and not any(m.kind == kind for _, m in sent) else None

    return odd


def events(found):
    """Events of the counterexample; a copy made by the network is none."""
    return sum(not isinstance(step.event, Duplicate) for step in found.counterexample or ())


@pytest.mark.parametrize("block", range(6))
def test_reduced_and_numbered_search_agree_on_random_protocols(block, monkeypatch):
    monkeypatch.setattr(local_graphs, "MOST_STEPS", 1_000)  # a few would take long; they are handed on
    outcomes = Counter()
    for seed in range(35 * block, 35 * block + 35):
        nodes, faults, judge = protocol(seed)
        numbered = explore(nodes, [judge], faults, max_states=1_200, method="numbered")
        if numbered.ok and not numbered.complete:
            outcomes["cut"] += 1
            continue
        try:
            reduced = explore(nodes, [judge], faults, method="reduced")
        except TooLarge:
            outcomes["handed on"] += 1
            continue
        assert (reduced.ok, events(reduced)) == (numbered.ok, events(numbered)), seed
        assert reduced.complete == numbered.complete, seed
        outcomes[numbered.ok] += 1
    # It would say little if all were safe, all broken, or most too large.
    assert outcomes[True] >= 10 and outcomes[False] >= 5, outcomes


def test_plain_and_numbered_search_agree_on_random_protocols():
    for seed in range(1000, 1040):
        nodes, faults, judge = protocol(seed)
        plain, numbered = (
            explore(nodes, [judge], faults, max_states=1_200, method=method)
            for method in ("plain", "numbered")
        )
        assert (plain.ok, events(plain), plain.complete) == (
            numbered.ok,
            events(numbered),
            numbered.complete,
        ), seed
        if plain.complete:
            assert plain.states == numbered.states, seed


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
