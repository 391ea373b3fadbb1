"""What a role is: a dataclass with stable and volatile fields, four hooks and three verbs."""

from dataclasses import dataclass

import pytest

from paxos_lab import MessageBus, Node, react, setting, setting_fields, stable, volatile
from paxos_lab.node import CancelTimer, Send, SetTimer, field_names, stable_fields


@dataclass
class Counter(Node):
    peers: tuple[str, ...] = ()
    total: int = stable(0)
    log: list = stable([])
    seen: set = volatile(set())
    guess: int = 7

    def receive(self, sender, message):
        self.total += message
        self.log.append(message)
        self.seen.add(sender)
        self.send(self.peers, message + 1)

    def timeout(self, timer):
        self.set_timer(timer, 2.5)
        self.cancel_timer("other")


def test_fields_are_the_state_and_stable_ones_are_marked():
    node = Counter("c")
    assert field_names(node) == ("peers", "total", "log", "seen", "guess")
    assert stable_fields(node) == {"total", "log"}


def test_a_default_is_fresh_for_every_node():
    one, other = Counter("one"), Counter("other")
    one.log.append(1)
    one.seen.add("x")
    assert other.log == [] and other.seen == set()


def test_react_returns_what_a_hook_asked_for():
    node = Counter("c", ("a", "b"))
    assert react(node, "receive", "x", 1) == [Send("a", 2), Send("b", 2)]
    assert react(node, "timeout", "t") == [SetTimer("t", 2.5), CancelTimer("other")]
    assert node.outbox == []


def test_a_hook_called_by_hand_leaves_its_wishes_in_the_outbox():
    node = Counter("c", ("a",))
    node.receive("x", 1)
    assert node.outbox == [Send("a", 2)]


def test_one_name_is_not_taken_for_its_letters_and_a_set_is_sent_in_order():
    node = Node("n")
    node.send("acceptor", 1)
    node.send({"c", "a", "b"}, 2)
    assert [effect.to for effect in node.outbox] == ["acceptor", "a", "b", "c"]


def test_the_hooks_of_a_bare_node_do_nothing():
    node = Node("n")
    for hook, arguments in (("start", ()), ("receive", ("x", 1)), ("timeout", ("t",)), ("recover", ())):
        assert react(node, hook, *arguments) == []


def test_an_error_in_a_hook_leaves_no_wishes_behind():
    class Fails(Node):
        def start(self):
            self.send("a", 1)
            raise KeyError("k")

    node = Fails("f")
    with pytest.raises(KeyError):
        react(node, "start")
    assert node.outbox == []


def test_what_a_restart_keeps_and_what_it_loses():
    bus = MessageBus([Counter("c", (), guess=3), Node("x")])
    bus.invoke("c", 5)
    bus["c"].guess = 4
    bus.crash("c")
    bus.restart("c")
    node = bus["c"]
    assert (node.total, node.log) == (5, [5])
    assert (node.seen, node.guess) == (set(), 3)  # as built, not as the class has it


@dataclass
class Voter(Node):
    peers: tuple[str, ...]
    budget: int
    patience: float = setting(5.0)
    table: dict = setting({"a": 1})
    ballot: int = stable(0)
    value: int = 0

    def receive(self, sender, message):
        self.budget -= 1
        self.value = message


def test_settings_are_what_is_declared_or_given_and_never_assigned():
    assert setting_fields(Voter) == {"peers", "patience", "table"}
    assert setting_fields(Voter("v", (), 3)) == setting_fields(Voter)
    assert setting_fields(Voter, declared=True) == {"patience", "table"}
    assert setting_fields(Node("n")) == frozenset()


def test_a_setting_has_a_default_that_is_fresh_where_it_can_change():
    one, other = Voter("one", (), 1), Voter("other", (), 1, patience=2.0)
    assert (one.patience, other.patience) == (5.0, 2.0)
    one.table["b"] = 2
    assert other.table == {"a": 1}
