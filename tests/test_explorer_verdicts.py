"""What the explorer says is so: of silent nodes, of roles that hide state, of fields that grow, of nothing."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from paxos_lab import Node, RoleError, stable, volatile
from paxos_lab.paxos import Acceptor, Learner, single_decree
from paxos_lab.verify import Faults, explore, looks_at

METHODS = ["plain", "numbered", "reduced", "auto"]


# ---- nodes that never send


@dataclass
class Tired(Node):
    """Waits from the start, and believes in its own value when nothing comes."""

    value: Any
    learned: Any = None

    def start(self):
        self.set_timer("tired", 10)

    def timeout(self, timer):
        self.learned = self.value


@pytest.mark.parametrize("method", METHODS)
def test_a_timer_that_a_silent_node_sets_at_the_start_rings(method):
    found = explore([Tired("a", "x"), Tired("b", "y")], faults=Faults(timeouts=2), method=method)
    assert not found.ok and len(found.counterexample) == 4
    assert explore([Tired("a", "x"), Tired("b", "y")], faults=Faults(timeouts=1), method=method).ok


@dataclass(frozen=True)
class Beat:
    number: int = 0


@dataclass
class Worker(Node):
    def start(self):
        self.send("monitor", Beat())


@dataclass
class Monitor(Node):
    suspects: bool = False
    heard: bool = False

    def start(self):
        self.set_timer("patience", 10)

    def receive(self, sender, message):
        self.heard = True
        self.cancel_timer("patience")

    def timeout(self, timer):
        self.suspects = True


@pytest.mark.parametrize("method", METHODS)
def test_a_failure_detector_suspects_a_slow_worker_and_never_one_that_it_heard(method):
    @looks_at(fields=["suspects"])
    def trusts(sent, nodes):
        return "it suspects" if nodes["monitor"].suspects else None

    @looks_at(fields=["suspects", "heard"])
    def heard_before(sent, nodes):
        return "heard, then suspected" if nodes["monitor"].suspects and nodes["monitor"].heard else None

    nodes, once = [Worker("worker"), Monitor("monitor")], Faults(timeouts=1)
    found = explore(nodes, (trusts,), once, method=method)
    assert not found.ok and len(found.counterexample) == 3
    assert found.reached(looks_at(fields=["suspects"])(lambda sent, nodes: nodes["monitor"].suspects))
    late = explore(nodes, (heard_before,), once, method=method)  # suspects first, then hears
    assert not late.ok and len(late.counterexample) == 4


@dataclass
class Bell(Node):
    """Rings once after a restart: `recover` sets the timer."""

    rung: bool = False

    def recover(self):
        self.set_timer("late", 5)

    def timeout(self, timer):
        self.rung = True


@pytest.mark.parametrize("method", METHODS)
def test_a_timer_that_a_silent_node_sets_when_it_recovers_rings(method):
    @looks_at(fields=["rung"])
    def quiet(sent, nodes):
        return "rung" if nodes["bell"].rung else None

    found = explore([Bell("bell")], (quiet,), Faults(timeouts=1, crashes=1), method=method)
    assert not found.ok and len(found.counterexample) == 3  # crash, restart, timeout
    assert explore([Bell("bell")], (quiet,), Faults(timeouts=1), method=method).ok


@dataclass
class Diary(Node):
    """Counts on disk, and knows in memory how often it has heard today."""

    count: int = stable(0)
    today: int = 0
    awake: bool = False

    def receive(self, sender, message):
        self.count, self.today = min(self.count + 1, 2), min(self.today + 1, 2)
        self.awake = True


@pytest.mark.parametrize("method", METHODS)
def test_a_listener_may_fall_during_its_very_first_delivery(method):
    @looks_at(fields=["count", "awake"])
    def awake_if_it_counted(sent, nodes):
        return "asleep" if nodes["monitor"].count == 1 and not nodes["monitor"].awake else None

    found = explore([Worker("w"), Diary("monitor")], (awake_if_it_counted,), Faults(crashes=1), method=method)
    assert not found.ok and len(found.counterexample) == 2  # the start, and a crash while the beat arrives


@pytest.mark.parametrize("method", METHODS)
def test_a_listener_that_is_down_hears_nothing(method):
    @looks_at(fields=["count", "today"])
    def in_one_day(sent, nodes):
        return (
            "two, one of them today" if (nodes["monitor"].count, nodes["monitor"].today) == (2, 1) else None
        )

    nodes = [Worker("w"), Diary("monitor")]
    for_good = Faults(crashes=1, restarts=False, who=("monitor",))
    assert explore(nodes, (in_one_day,), for_good, method=method).complete
    found = explore(nodes, (in_one_day,), Faults(crashes=1, who=("monitor",)), method=method)
    assert not found.ok and len(found.counterexample) == 5  # start, doubled, heard and fallen, up, heard


@dataclass(frozen=True)
class Vote:
    pass


@dataclass
class Voter(Node):
    def start(self):
        self.send("collector", Vote())


@dataclass
class Collector(Node):
    """Silent in nearly all of its many states."""

    voters: set[str] = volatile(set())

    def receive(self, sender, message):
        self.voters.add(sender)
        if self.voters == {"v0", "v3", "v5"}:
            self.send("v0", Beat())


@pytest.mark.parametrize("method", ["reduced", "auto"])
def test_a_node_that_speaks_up_in_one_of_many_states_is_no_listener(method):
    @looks_at(Beat)
    def silence(sent, nodes):
        return "it spoke" if any(isinstance(m, Beat) for _, m in sent) else None

    nodes = [*(Voter(f"v{i}") for i in range(9)), Collector("collector")]
    found = explore(nodes, (silence,), method=method)
    assert not found.ok and len(found.counterexample) == 9 + 3


@dataclass
class HastyLearner(Learner):
    def start(self):
        self.set_timer("hasty", 5)


def test_a_learner_with_a_timer_is_searched_to_the_end():
    nodes = single_decree(["x", "y"])
    nodes[-1] = HastyLearner("l1", nodes[-1].quorums)
    found = explore(nodes, faults=Faults(timeouts=1))
    assert found.ok and found.complete and found.method == "reduced"


# ---- roles that hide state: what one search saw, no other overrules


def with_hidden_state():
    seen = set()

    @dataclass
    class Once(Acceptor):
        def receive(self, sender, message):
            if (self.name, message) not in seen:
                seen.add((self.name, message))
                super().receive(sender, message)

    return Once


@pytest.mark.parametrize("method", METHODS)
def test_a_role_that_remembers_outside_its_fields_is_refused(method):
    with pytest.raises(RoleError, match="is not deterministic"):
        explore(single_decree(["x", "y"], acceptor=with_hidden_state()), method=method)


def test_the_first_error_stands_when_the_second_search_no_longer_sees_it():
    calls = []

    @dataclass
    class OnlyOnce(Acceptor):
        def receive(self, sender, message):
            calls.append(1)
            if len(calls) == 200:
                raise KeyError("the 200th call")
            super().receive(sender, message)

    with pytest.raises(RoleError, match="the 200th call"):
        explore(single_decree(["x", "y"], acceptor=OnlyOnce), max_states=500)


# ---- fields that grow for ever


@dataclass(frozen=True)
class Packet:
    bit: int
    item: str


@dataclass(frozen=True)
class Ack:
    bit: int


@dataclass
class Sender(Node):
    at: int = 0

    def start(self):
        self.push()

    def push(self):
        if self.at < 3:
            self.send("r", Packet(self.at % 2, "abc"[self.at]))

    def receive(self, sender, message):
        if message.bit == self.at % 2:
            self.at += 1
            self.push()


@dataclass
class Receiver(Node):
    """Of the alternating bit protocol: it needs links that keep the order."""

    want: int = 0
    got: tuple = ()

    def receive(self, sender, message):
        if message.bit == self.want:
            self.got += (message.item,)
            self.want = 1 - self.want
        self.send("s", Ack(message.bit))


@dataclass
class Hoarder(Receiver):
    def receive(self, sender, message):
        self.got += (message.item,)


@looks_at(fields=["got"])
def in_order(sent, nodes):
    got = nodes["r"].got
    return None if got == ("a", "b", "c")[: len(got)] else f"it got {got}"


@looks_at(fields=["got"])
def anything(sent, nodes):
    return None


@pytest.mark.parametrize("method", ["plain", "numbered", "auto"])
def test_a_break_that_is_near_is_found_although_a_field_grows(method):
    found = explore([Sender("s"), Receiver("r")], (in_order,), method=method)
    assert not found.ok and len(found.counterexample) == 6


def test_a_field_that_grows_for_ever_ends_with_a_true_sentence():
    found = explore([Sender("s"), Hoarder("r")], (anything,), max_states=2_000)
    assert found.ok and not found.complete and "NOT COMPLETE: max_states" in str(found)
    grown = re.search(r"r\.got has grown to ([\d,]+) parts: does it grow for ever\?", str(found))
    assert grown and int(grown[1].replace(",", "")) > 200


def test_an_interrupt_also_ends_the_preparation():
    calls = []

    def watch(states, depth):
        calls.append((states, depth))
        if len(calls) == 100:
            raise KeyboardInterrupt

    found = explore(single_decree(["x", "y", "z"]), watch=watch)
    assert found.ok and not found.complete and found.cut == "interrupt"
    assert set(calls) == {(1, 0)}, "the search proper had not begun"


# ---- a verdict over nothing


@dataclass
class Pong(Node):
    hits: int = 0

    def start(self):
        if self.name == "a":
            self.send("b", Beat(3))

    def receive(self, sender, message):
        self.hits = message.number
        if message.number:
            self.send(sender, Beat(message.number - 1))


@pytest.mark.parametrize("method", METHODS)
def test_a_verdict_over_nothing_says_so(method):
    said = str(explore([Pong("a"), Pong("b")], method=method))
    assert "nothing that agreement and validity look at ever came up" in said
    assert "no Accepted was sent" in said and "says nothing about these nodes" in said

    @looks_at(Beat, fields=["hits"])
    def own(sent, nodes):
        return None

    assert "came up" not in str(explore([Pong("a"), Pong("b")], (own,), method=method))
    assert "came up" not in str(explore(single_decree(["x"], acceptors=1), method=method))


def test_nodes_that_do_nothing_at_all_are_told_so():
    assert "Nothing can happen after the starts" in str(explore([Pong("b")]))
