"""Narration: each step in one plain sentence."""

from dataclasses import dataclass

import pytest

from paxos_lab import Crash, Deliver, MessageBus, Node, paxos, seeded
from paxos_lab.multipaxos import Command, Vote
from paxos_lab.multipaxos import messages as log
from paxos_lab.paxos import Accept, Accepted, Ballot, Nack, Prepare, Promise, single_decree
from paxos_lab.show import narrate, story


def said(bus):
    return narrate(bus.trace[-1])


@pytest.fixture
def bus():
    return MessageBus(single_decree(["x", "y"]), idle=["p2"])


def take(bus, to, kind):
    return next(e for e in bus.in_flight if e.to == to and type(e.message).__name__ == kind)


def test_a_promise_and_its_refusal(bus):
    bus.start("p2")
    bus.deliver(next(e for e in bus.in_flight if e.sender == "p2"))
    assert said(bus) == (
        "a1 promises ballot 1.p2: not to vote in any lower ballot. It has no vote to report."
    )
    bus.deliver(next(e for e in bus.in_flight if e.to == "a1"))
    assert said(bus) == "a1 refuses ballot 1.p1: it has promised 1.p2."
    bus.deliver(take(bus, "p1", "Nack"))
    assert said(bus) == "p1 hears that a1 refused ballot 1.p1, since it promised 1.p2."


def test_a_whole_ballot_from_promise_to_learned(bus):
    for name in ("a1", "a2"):
        bus.deliver(take(bus, name, "Prepare"))
    bus.deliver(take(bus, "p1", "Promise"))
    assert said(bus) == "p1 gets the promise of a1 for ballot 1.p1, reporting no vote."
    bus.deliver(take(bus, "p1", "Promise"))
    assert said(bus).endswith("It counts a quorum, and asks for votes for x in ballot 1.p1.")
    bus.deliver(take(bus, "a1", "Accept"))
    assert said(bus) == "a1 accepts x in ballot 1.p1 and tells p1, l1."
    bus.deliver(take(bus, "a2", "Accept"))
    bus.deliver(take(bus, "l1", "Accepted"))
    assert said(bus) == "l1 hears that a1 accepted x in ballot 1.p1."
    bus.deliver(take(bus, "l1", "Accepted"))
    assert said(bus).endswith("It counts a quorum, and learns x.")
    bus.start("p2")
    bus.deliver(next(e for e in bus.in_flight if e.sender == "p2" and e.to == "a1"))
    assert said(bus).endswith("It reports its vote for x in 1.p1.")


def test_faults(bus):
    first, second, _ = bus.in_flight
    bus.drop(first)
    assert said(bus) == "The network loses Prepare(1.p1) from p1 to a1."
    bus.duplicate(second)
    assert said(bus) == "The network doubles Prepare(1.p1) from p1 to a2."
    bus.apply(Crash("a2", during=Deliver(second)))
    assert said(bus) == (
        "a2 takes Prepare(1.p1) from p1, then crashes between disk and network: nothing is sent; "
        "what changed: promised = 1.p1."
    )
    bus.restart("a2")
    assert said(bus) == "a2 restarts with what is on its disk."
    bus.crash("a3")
    assert said(bus) == "a3 crashes: what was only in memory is gone, the disk stays."
    bus.partition(["a1", "p1"], one_way=True)
    assert said(bus).startswith("The network is cut: a1, p1 | ")
    assert said(bus).endswith("messages from left to right are held back.")
    bus.heal()
    assert said(bus) == "The network is whole again."
    bus.timeout("p1", "retry")
    assert said(bus) == "The timer 'retry' of p1 rings and sends Prepare(2.p1) to a1, a2, a3."


def test_a_role_it_does_not_know_is_told_by_its_fields():
    @dataclass(frozen=True)
    class Ping:
        number: int

    @dataclass
    class Echo(Node):
        heard: int = 0

        def receive(self, sender, message):
            self.heard += 1
            self.send("b", Ping(message.number + 1))

    bus = MessageBus([Echo("a"), Node("b")])
    bus.invoke("a", Ping(1))
    assert "a is asked from outside" in said(bus)
    bus.deliver(bus.in_flight[0])
    assert said(bus).startswith("b gets ") and said(bus).endswith("; nothing changes.")


def test_every_step_of_any_run_is_one_line_that_ends():
    for seed in range(20):
        bus = MessageBus(single_decree(["x", "a\nb<i>"]), seed=seed)
        bus.run(seeded(seed, faults=0.5), max_steps=80)
        for step in bus.trace:
            sentence = narrate(step)
            assert sentence.endswith(".")
            assert sentence.isprintable()
        assert story(bus.trace).data.count("\n") == len(bus.trace) - 1
        assert "<i>" not in story(bus.trace).data


def test_a_message_of_ones_own_is_not_told_as_the_one_of_ours_that_has_its_name():
    @dataclass(frozen=True)
    class Prepare:
        ballot: paxos.Ballot

    class Promising(Node):
        def receive(self, sender, message):
            self.send(sender, paxos.Promise(message.ballot, None))

    def told(message):
        class Asking(Node):
            def start(self):
                self.send("a1", message)

        bus = MessageBus([Asking("p1"), Promising("a1")])
        bus.deliver(bus.in_flight[0])
        return said(bus)

    ballot = paxos.Ballot(1, "p1")
    assert told(paxos.Prepare(ballot)).startswith("a1 promises ballot 1.p1")
    assert told(Prepare(ballot)).startswith("a1 gets")


TEA = (Command("c1", 1, "tea"),)
VOTE = Vote(Ballot(1, "l1"), TEA)
STRANGE = [
    None,
    7,
    "tea",
    (),
    (7,),
    ("tea", "milk"),
    (TEA,),
    ((1, TEA),),
    ((1, VOTE, 3),),
    ((VOTE, 1),),
    (None,),
    VOTE,
]


@dataclass
class Says(Node):
    """Sends one message at the start."""

    to: str = ""
    what: object = None

    def start(self):
        self.send(self.to, self.what)


@dataclass
class Hears(Node):
    """Answers each message with a message."""

    answer: object = None
    heard: int = 0

    def receive(self, sender, message):
        self.heard += 1
        if self.answer is not None:
            self.send(sender, self.answer)


@pytest.mark.parametrize("odd", STRANGE, ids=repr)
def test_a_message_with_anything_in_any_place_is_told(odd):
    b = Ballot(1, "l1")
    of_the_log = [
        log.Prepare(b, odd), log.Promise(b, odd, 0), log.Promise(odd, (), 0), log.Accept(b, 1, odd), log.Accept(b, odd, TEA),
        log.Accepted(b, odd), log.Entries(1, odd), log.Entries(odd, ()), log.Chosen(b, odd), log.Fetch(odd), log.Nack(odd, b),
        log.Request(odd), log.Reply(odd, odd),
    ]  # fmt: skip
    single = [
        Promise(b, odd),
        Promise(odd, None),
        Accept(b, odd),
        Accepted(b, odd),
        Nack(b, odd),
        Prepare(odd),
    ]
    for message in of_the_log + single:
        for answer in (None, *of_the_log[1:6], *single[:3]):
            run = MessageBus([Says("l1", "a1", message), Hears("a1", answer)])
            run.run(max_steps=10)
            for step in run.trace:
                assert narrate(step).endswith("."), narrate(step)


def test_what_a_wrong_promise_reports_stands_in_its_sentence():
    run = MessageBus([Says("a1", "l1", log.Promise(Ballot(1, "l1"), ((1, TEA),), 0)), Hears("l1")])
    run.run(max_steps=10)
    assert "votes for (1, c1#1 tea)" in narrate(run.trace[-1]), narrate(run.trace[-1])
