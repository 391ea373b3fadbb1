"""Narration: each step in one plain sentence."""

import re
from dataclasses import dataclass

import pytest

from paxos_lab import Crash, Deliver, MessageBus, Node, Timeout, paxos, seeded
from paxos_lab.multipaxos import Append, Command, Server, Vote, replicated_log
from paxos_lab.multipaxos import messages as log
from paxos_lab.paxos import Accept, Accepted, Ballot, Nack, Prepare, Promise, single_decree
from paxos_lab.show import log_view, narrate, story
from paxos_lab.verify.wrong.server_runs import WRONG
from paxos_lab.verify.wrong.single_decree import MUTANTS, find_variant


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
    assert said(bus) == "a1 promises ballot 1.p2 and reports no vote."
    bus.deliver(next(e for e in bus.in_flight if e.to == "a1"))
    assert said(bus) == "a1 refuses ballot 1.p1 and says that it has promised 1.p2."
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
    assert said(bus).endswith("and reports a vote for x in 1.p1.")


def test_faults(bus):
    first, second, _ = bus.in_flight
    bus.drop(first)
    assert said(bus) == "The network loses Prepare(1.p1) from p1 to a1."
    bus.duplicate(second)
    assert said(bus) == "The network makes a second copy of Prepare(1.p1) from p1 to a2."
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
    assert said(bus) == "The timer 'retry' of p1 rings; p1 sends Prepare(2.p1) to a1, a2, a3."


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


# What a sentence may say is what the step holds. These are of the future, or of what nobody can see in it.
NOT_IN_A_STEP = re.compile(r"\b(from now on|will|never|ignores|any more|no longer|needs|must|cannot)\b")
SERVERS = [
    "it votes below its promise",
    "a vote raises no promise",
    "its own ballots are used again",
    "votes of two ballots are added up",
]


@pytest.mark.parametrize("build", [v.build for v in MUTANTS], ids=[v.id for v in MUTANTS])
def test_of_a_wrong_role_too_it_says_what_a_node_does_and_not_what_it_will_do(build):
    told = []
    for seed in range(5):
        run = MessageBus(build(["x", "y"]), seed=seed, checked=False)
        run.run(seeded(seed, faults=0.2), max_steps=80)
        told += map(narrate, run.trace)
    assert not [sentence for sentence in told if NOT_IN_A_STEP.search(sentence)]
    assert any("promises ballot" in sentence or "accepts x" in sentence for sentence in told)


@pytest.mark.parametrize("server", SERVERS)
def test_of_a_wrong_server_too(server):
    told = []
    for seed in range(3):
        run = MessageBus(WRONG[server].make(WRONG[server].server), seed=seed, checked=False)
        run.run(seeded(seed, faults=0.1), max_steps=150)
        told += map(narrate, run.trace)
    assert not [sentence for sentence in told if NOT_IN_A_STEP.search(sentence)]
    assert any("accepts" in sentence for sentence in told) and any(
        "promises" in sentence for sentence in told
    )


def test_an_acceptor_that_votes_below_its_promise_is_not_said_to_ignore_anything():
    run = MessageBus(find_variant("M2").build(["x", "y"]), idle=["p2"])
    run.start("p2")
    run.deliver(next(e for e in run.in_flight if (e.sender, e.to) == ("p1", "a1")))
    run.deliver(next(e for e in run.in_flight if (e.sender, e.to) == ("p1", "a2")))
    for name in ("a1", "a2"):
        run.deliver(next(e for e in run.in_flight if e.sender == name))
    run.deliver(next(e for e in run.in_flight if (e.sender, e.to) == ("p2", "a1")))
    assert said(run) == "a1 promises ballot 1.p2 and reports no vote."
    run.deliver(take(run, "a1", "Accept"))
    assert said(run).startswith("a1 accepts x in ballot 1.p1")


def test_an_answer_for_another_ballot_is_told_as_what_it_is():
    run = MessageBus(
        [Says("p1", "a1", Prepare(Ballot(1, "p1"))), Hears("a1", Promise(Ballot(9, "p1"), None))]
    )
    run.run(max_steps=2)
    told = [narrate(step) for step in run.trace if isinstance(step.event, Deliver)]
    assert "promises" not in told[0] and "sends Promise(9.p1, no vote) to p1" in told[0]


def same_command_in_two_slots(server=Server):
    """s1 leads; slots 1 and 2 hold the same command. Ends where s1 has gone past both."""
    bus = MessageBus(replicated_log([[Append("k", "a")]], server=server), delay=1)
    bus.apply(Timeout("s1", "election"), at=0.0)
    bus.run(until=lambda bus: bus["s1"].role == "leader", max_steps=50)
    command = Command("c1", 1, Append("k", "a"))
    for slot in (1, 2):
        bus.invoke("s1", Twice(command))
        bus.run(until=lambda bus: bus["s1"].applied() == slot, max_steps=50)  # noqa: B023
    return bus


@dataclass(frozen=True)
class Twice:
    """Give this command a slot, whatever the session says."""

    command: Command


@dataclass
class Careless(Server):
    def handle(self, sender, message):
        match message:
            case Twice(command):
                self.propose(command)
            case log.Request():
                pass
            case _:
                super().handle(sender, message)


def test_a_slot_that_the_session_skips_is_not_told_as_executed():
    bus = same_command_in_two_slots(Careless)
    told = [narrate(step) for step in bus.trace if step.node == "s1" and "executed" in step.changed]
    assert told[0].endswith("and it executes slot 1.")
    assert told[1].endswith(
        "goes past slot 2 without executing it: its machine and its sessions stay as they are."
    )
    words = next(line for line in log_view(bus).alt.splitlines() if line.startswith("s1"))
    assert "slot 1 executed (c1#1 append k a)" in words
    assert "slot 2 chosen, not executed again (c1#1 append k a)" in words
    assert bus["s1"].machine.data == {"k": "a"}
