"""The bus: what can happen, what comes of it, and what it refuses without a trace."""

from dataclasses import dataclass

import pytest

from paxos_lab import (
    Crash,
    Deliver,
    Drop,
    Duplicate,
    Heal,
    Invoke,
    LabError,
    MessageBus,
    Node,
    NotEnabled,
    Partition,
    Restart,
    Start,
    Timeout,
    UnknownNode,
    by_time,
    in_order,
    scripted,
    stable,
    volatile,
)
from paxos_lab.paxos import Ballot, single_decree


@dataclass(frozen=True)
class Ping:
    number: int


@dataclass
class Echo(Node):
    """Answers each ping with the next number; remembers some on disk, some in memory."""

    written: int = stable(0)
    heard: list = volatile([])

    def receive(self, sender, message):
        self.written = message.number
        self.heard.append(sender)
        if sender != "outside":
            self.send(sender, Ping(message.number + 1))


@dataclass
class Caller(Echo):
    to: tuple[str, ...] = ()
    rings: int = 0
    recovered: int = 0

    def start(self):
        self.send(self.to, Ping(1))
        self.set_timer("again", 5)

    def timeout(self, timer):
        self.rings += 1
        self.send(self.to, Ping(100))

    def recover(self):
        self.recovered += 1


def make(**settings):
    settings.setdefault("delay", 1.0)
    return MessageBus([Caller("c", to=("a", "b")), Echo("a"), Echo("b")], **settings)


def everything(bus):
    """All that can be seen of a bus."""
    nodes = [(n.name, {k: repr(v) for k, v in vars(n).items()}) for n in bus]
    rest = (bus.in_flight, bus.timers, bus.down, bus.cut, bus.now, bus.enabled())
    return repr((nodes, rest, list(bus.trace)))


# ---- what happens


def test_a_message_arrives_and_the_step_tells_all():
    bus = make()
    step = bus.deliver(bus.in_flight[0])
    assert step.step == 2 and step.node == "a" and step.cause == 1
    assert step.event == Deliver(bus.trace[0].sent[0])
    assert step.changed == {"written": (0, 1), "heard": ([], ["c"])}
    assert [(e.sender, e.to, e.message) for e in step.sent] == [("a", "c", Ping(2))]
    assert step.time == bus.now == 1.0
    assert bus.trace[-1] is step


def test_before_and_after_are_not_changed_by_later_steps():
    bus = make()
    first = bus.deliver(bus.in_flight[0])
    bus.duplicate(bus.in_flight[0])
    bus.run(max_steps=50)
    assert first.changed["heard"] == ([], ["c"])


def test_a_change_of_kind_is_a_change():
    @dataclass
    class Turns(Node):
        value: object = 1

        def receive(self, sender, message):
            self.value = message

    bus = MessageBus([Turns("t")])
    assert bus.invoke("t", True).changed == {"value": (1, True)}
    assert bus.invoke("t", True).changed == {}
    assert list(map(type, bus.invoke("t", 1.0).changed["value"])) == [bool, float]


def test_messages_arrive_in_any_order():
    bus = make()
    to_a, to_b = bus.in_flight
    bus.deliver(to_b)
    bus.deliver(to_a)
    assert [step.node for step in bus.trace] == ["c", "b", "a"]


def test_a_lost_message_never_arrives_and_a_copy_arrives_besides():
    bus = make()
    to_a, to_b = bus.in_flight
    assert bus.drop(to_a).cause == 1
    copy = bus.duplicate(to_b).sent[0]
    assert copy.id not in (to_a.id, to_b.id) and copy[1:] == to_b[1:]
    bus.deliver(copy)
    bus.deliver(to_b)
    assert bus["b"].heard == ["c", "c"] and bus["a"].heard == []
    with pytest.raises(NotEnabled, match="not in flight"):
        bus.deliver(to_a)


def test_a_crash_takes_memory_and_timers_and_leaves_the_disk():
    bus = make()
    bus.deliver(bus.in_flight[0])
    bus.crash("a")
    assert (bus["a"].written, bus["a"].heard) == (1, [])
    bus.crash("c")
    assert bus.timers == [] and bus.down == ["a", "c"]
    step = bus.restart("c")
    assert bus["c"].recovered == 1 and step.cause == bus.trace[-2].step
    with pytest.raises(NotEnabled, match="a is down"):
        bus.invoke("a", Ping(1))


def test_a_crash_between_disk_and_network_writes_and_sends_nothing():
    bus = make()
    arriving = Deliver(bus.in_flight[0])
    step = bus.crash("a", during=arriving)
    assert bus["a"].written == 1 and bus["a"].heard == []
    assert step.sent == () and bus.down == ["a"]
    assert step.changed == {"written": (0, 1)} and step.cause == 1
    assert [e.to for e in bus.in_flight] == ["b"], "the message is used up, no answer left"


def test_a_crash_can_hit_any_event_of_a_node():
    bus = make(idle=["c"])
    bus.crash("c", during=Start("c"))
    bus.crash("c", during=Restart("c"))
    assert bus.in_flight == [] and bus.down == ["c"]
    bus.restart("c")
    bus = make()
    bus.crash("c", during=Timeout("c", "again"))
    assert len(bus.in_flight) == 2
    bus.crash("a", during=Invoke("a", Ping(9)))
    assert bus["a"].written == 9


def test_a_partition_holds_messages_until_it_heals():
    bus = make()
    bus.partition(["c", "a"], ["b"])
    to_a, to_b = bus.in_flight
    assert Deliver(to_a) in bus.enabled() and Deliver(to_b) not in bus.enabled()
    with pytest.raises(NotEnabled, match="partition keeps c from reaching b"):
        bus.deliver(to_b)
    bus.run(until=lambda bus: bus.upcoming() is None or bus.now > 50)
    assert bus["b"].heard == []
    bus.heal()
    bus.run(max_steps=10)
    assert "c" in bus["b"].heard


def test_a_one_way_partition_lets_answers_through():
    bus = make()
    bus.partition(["c"], ["a", "b"], one_way=True)
    assert bus.is_cut("c", "a") and not bus.is_cut("a", "c")
    bus = make()
    bus.partition(["a"], ["b", "c"], one_way=True)
    bus.deliver(bus.in_flight[0])
    answer = bus.in_flight[-1]
    assert answer.sender == "a" and bus.why_not(Deliver(answer))


def test_many_groups_and_those_not_named():
    bus = MessageBus([Node(n) for n in "abcde"])
    bus.partition("a", ["b", "c"])
    cut = {(x, y) for x in "abcde" for y in "abcde" if bus.is_cut(x, y)}
    assert ("b", "c") not in cut and ("d", "e") not in cut
    assert {("a", "b"), ("c", "a"), ("a", "d"), ("d", "b")} <= cut
    bus.partition(["a", "b"])  # replaces the first
    assert not bus.is_cut("a", "b") and not bus.is_cut("c", "d") and bus.is_cut("b", "c")


def test_timers_ring_once_are_replaced_and_cancelled():
    @dataclass
    class Clock(Node):
        rang: list = volatile([])

        def start(self):
            self.set_timer("t", 5)
            self.set_timer("u", 3)
            self.set_timer("t", 1)
            self.set_timer("v", 2)
            self.cancel_timer("v")
            self.cancel_timer("never set")

        def timeout(self, timer):
            self.rang.append(timer)

    bus = MessageBus([Clock("k")])
    assert bus.timers == [("k", "t", 1.0), ("k", "u", 3.0)]
    assert bus.run() == 2
    assert bus["k"].rang == ["t", "u"] and bus.now == 3.0
    with pytest.raises(NotEnabled, match="has set no timer 't'"):
        bus.timeout("k", "t")


def test_a_timer_may_ring_early_and_the_clock_never_goes_back():
    bus = make()
    assert bus.timeout("c", "again").time == 5.0
    assert bus.deliver(bus.in_flight[0]).time == 5.0


def test_enabled_lists_what_can_be_applied_in_a_stable_order():
    bus = make(idle=["c"])
    assert bus.enabled()[0] == Start("c")
    bus.start("c")
    bus.partition("b")
    bus.crash("a")
    assert bus.enabled() == make_same().enabled()
    for event in bus.enabled():
        bus.fork().apply(event)
    kinds = {type(event) for event in bus.enabled()}
    assert kinds == {Timeout, Drop, Duplicate, Crash, Restart, Heal}


def make_same():
    bus = make(idle=["c"])
    bus.start("c")
    bus.partition("b")
    bus.crash("a")
    return bus


def test_idle_nodes_start_when_told():
    bus = make(idle=["c"])
    assert bus.run() == 0 and bus.trace == []
    bus.start("c")
    with pytest.raises(NotEnabled, match="has started already"):
        bus.start("c")
    assert len(bus.in_flight) == 2


# ---- runs


def test_by_time_is_the_default_and_loss_and_copies_are_steps():
    bus = make(loss=0.3, duplicate=0.3, seed=5)
    bus.run(max_steps=60)
    again = make(loss=0.3, duplicate=0.3, seed=5)
    again.run(by_time(), max_steps=60)
    assert bus.trace == again.trace
    kinds = [type(step.event) for step in bus.trace]
    assert Drop in kinds and Duplicate in kinds
    assert [step.time for step in bus.trace] == sorted(step.time for step in bus.trace)


def test_chance_doubles_a_message_once_and_a_copy_never():
    bus = MessageBus(single_decree(["x"], acceptors=5, learners=2), seed=2, duplicate=0.9)
    bus.run()
    doubled = [step.event.envelope.id for step in bus.trace if isinstance(step.event, Duplicate)]
    copies = {e.id for step in bus.trace if isinstance(step.event, Duplicate) for e in step.sent}
    assert len(doubled) > 20 and len(doubled) == len(set(doubled))
    assert not copies & set(doubled)
    assert bus.in_flight == [] and bus["l1"].learned == "x"


def test_what_arrives_at_a_crashed_node_is_lost():
    bus = make()
    bus.crash("a")
    bus.run(max_steps=3)
    assert Drop(bus.trace[0].sent[0]) in [step.event for step in bus.trace]


def test_in_order_delivers_the_oldest_and_lets_timers_wait():
    bus = MessageBus(single_decree(["x"]), seed=9)
    bus.run(in_order())
    ids = [step.event.envelope.id for step in bus.trace if isinstance(step.event, Deliver)]
    assert ids == sorted(ids) and bus["l1"].learned == "x"


def test_scripted_does_just_that():
    bus = make()
    events = [Deliver(bus.in_flight[1]), Crash("a")]
    assert bus.run(scripted(events)) == 2
    assert [step.event for step in bus.trace[1:]] == events


def test_until_and_max_steps_stop_a_run():
    bus = make()
    assert bus.run(until=lambda bus: bus["a"].written > 4) > 0
    assert bus["a"].written == 5
    assert bus.run(max_steps=7) == 7


@pytest.mark.parametrize("delay", [2, (1.0, 3.0), lambda rng, sender, to: 2 + rng.random()])
def test_delays(delay):
    bus = make(delay=delay)
    bus.run(max_steps=20)
    sent = {e.id: step.time for step in bus.trace for e in step.sent}
    for step in bus.trace:
        if isinstance(step.event, Deliver):
            assert 1 <= step.time - sent[step.event.envelope.id] <= 3


# ---- going back, branching


def test_rewind_reaches_every_step_and_the_same_choices_lead_to_the_same_trace():
    bus = make(seed=4, delay=(0.5, 1.5), loss=0.2, duplicate=0.2)
    bus.run(max_steps=25)
    whole = bus.trace
    for step in range(len(whole) + 1):
        other = bus.fork()
        other.rewind(step)
        assert other.trace == whole[:step]
        other.run(max_steps=len(whole) - step)
        assert other.trace == whole


def test_going_on_from_there_makes_a_new_branch():
    bus = make()
    bus.run(max_steps=9)
    bus.rewind(bus.trace[1])
    bus.crash("b")
    assert len(bus.trace) == 3 and bus.down == ["b"]


def test_a_fork_shares_nothing():
    bus = make(seed=3, delay=(0.5, 1.5))
    bus.run(max_steps=6)
    before = everything(bus)
    other = bus.fork()
    assert everything(other) == before
    other.run(max_steps=10)
    other.partition("a")
    assert everything(bus) == before
    bus.run(max_steps=10)
    assert bus.trace == other.trace[:-1]


@pytest.mark.parametrize("step", [-1, 99])
def test_there_is_no_going_to_a_step_that_is_not(step):
    with pytest.raises(LabError, match="the trace has the steps 1 to 1"):
        make().rewind(step)


# ---- what it refuses


def refuse(bus, error, said, action):
    before = everything(bus)
    with pytest.raises(error, match=said):
        action(bus)
    assert everything(bus) == before


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Restart("a"), "a is up"),
        (Crash("nobody"), "no node is called 'nobody'; there are c, a, b"),
        (Restart("nobody"), "no node is called"),
        (Timeout("a", "t"), "a has set no timer 't'"),
        (Heal(), "no partition to heal"),
        (Start("a"), "nothing to start"),
        (Partition(()), "at least one name"),
        (Partition((("a",), ())), "at least one name"),
        (Partition((("a",), ("a", "b"))), "two groups"),
        (Partition((("zz",),)), "no node is called 'zz'"),
        (Partition((("a", "b", "c"),)), "nothing is cut"),
        (Invoke("a", [1]), "list, which can be changed"),
        (Invoke("zz", 1), "no node is called"),
        (Crash("a", during=Timeout("c", "again")), "does not happen at a"),
        (Crash("a", during=Heal()), "does not happen at a"),
        ("deliver", "is not an event"),
    ],
)
def test_what_cannot_happen_is_an_error_and_changes_nothing(event, said):
    refuse(make(), NotEnabled, said, lambda bus: bus.apply(event))


def test_a_forged_or_used_envelope_is_refused():
    bus = make()
    refuse(bus, NotEnabled, "no message with id 77", lambda bus: bus.deliver(77))
    forged = bus.in_flight[0]._replace(message=Ping(66))
    refuse(bus, NotEnabled, "not in flight", lambda bus: bus.deliver(forged))
    bus.crash("a")
    refuse(bus, NotEnabled, "a is down: restart it first", lambda bus: bus.deliver(1))
    refuse(bus, NotEnabled, "a is down", lambda bus: bus.crash("a"))
    refuse(bus, UnknownNode, "no node is called 'zz'", lambda bus: bus["zz"])


@pytest.mark.parametrize(
    ("make_bus", "said"),
    [
        (lambda: MessageBus([Node("a"), Node("a")]), "two nodes are called 'a'"),
        (lambda: MessageBus([Node("outside")]), "choose another name"),
        (lambda: MessageBus([Node("")]), "not empty"),
        (lambda: MessageBus([Node(7)]), "a text"),
        (lambda: MessageBus(["a"]), "is no node"),
        (lambda: MessageBus([Node("a")], loss=1.5), "loss is a probability"),
        (lambda: MessageBus([Node("a")], duplicate=-1), "duplicate is a probability"),
        (lambda: MessageBus([Node("a")], delay=-1), "a delay is 0 or more"),
        (lambda: MessageBus([Node("a")], delay=(3, 1)), "a delay is 0 or more"),
        (lambda: MessageBus([Node("a")], idle=["b"]), "no node is called 'b'"),
    ],
)
def test_a_bus_that_makes_no_sense_is_refused(make_bus, said):
    with pytest.raises(LabError, match=said):
        make_bus()


def test_without_a_trace_it_says_so():
    bus = make(traced=False)
    bus.run(max_steps=5)
    with pytest.raises(LabError, match="traced=False"):
        bus.rewind(0)
    assert bus.deliver(bus.in_flight[0]).changed, "a single step is told all the same"


@pytest.mark.parametrize("name", ["<script>", '"quoted"', "two\nlines", "x" * 10_000, "ключ", "a b"])
def test_any_text_is_a_name(name):
    bus = MessageBus([Caller("c", to=(name,)), Echo(name)])
    bus.run(max_steps=6)
    bus.crash(name)
    assert bus.down == [name] and bus.trace.names[1] == name


def test_a_group_of_one_decides():
    bus = MessageBus(single_decree(["x"], acceptors=1))
    bus.run()
    assert bus["l1"].learned == "x" and bus["a1"].promised == Ballot(1, "p1")


# ---- what fails halfway


@pytest.mark.parametrize("answer", [-1, None, "soon", float("nan"), float("inf")])
def test_a_delay_function_that_makes_no_sense_is_named_and_undone(answer):
    bus = make(delay=lambda rng, sender, to: answer if sender == "a" else rng.random())
    arriving = bus.in_flight[0]
    refuse(bus, LabError, "the delay from a to c is 0 or more", lambda bus: bus.deliver(arriving))
    assert bus.in_flight[0] == arriving
    refuse(bus, LabError, "the delay from a to c", lambda bus: bus.run(scripted([Deliver(arriving)])))


def test_a_delay_function_that_fails_is_undone_with_the_chance_it_drew():
    def delay(rng, sender, to):
        return 1 / 0 if sender == "a" else rng.random()

    bus, other = make(delay=delay), make(delay=delay)
    refuse(bus, ZeroDivisionError, "division", lambda bus: bus.deliver(bus.in_flight[0]))
    assert bus.deliver(bus.in_flight[1]) == other.deliver(other.in_flight[1])


def test_a_role_that_fails_unchecked_is_undone_where_there_is_a_trace():
    @dataclass
    class Fails(Echo):
        def receive(self, sender, message):
            super().receive(sender, message)
            raise KeyError("oh")

    bus = MessageBus([Fails("f"), Node("n")], checked=False)
    refuse(bus, KeyError, "oh", lambda bus: bus.invoke("f", Ping(1)))


@pytest.mark.parametrize(
    "event",
    [
        Deliver("hello"), Deliver(None), Drop(7), Crash(["a"]), Crash("a", during="x"), Restart(None), Start({}),
        Timeout("nobody", "t"), Timeout("a", []), Partition((3,)), Partition(None), Invoke([], 1), None,
    ],
)  # fmt: skip
def test_an_event_of_the_wrong_kind_is_refused(event):
    refuse(make(), NotEnabled, "step 2", lambda bus: bus.apply(event))


@pytest.mark.parametrize("at", [-1, 0.5, "noon", float("nan"), float("inf")])
def test_time_goes_forward_only(at):
    bus = make()
    bus.deliver(bus.in_flight[0])
    refuse(bus, NotEnabled, "is not a number from 1.0 on", lambda bus: bus.apply(Crash("a"), at=at))
    assert bus.apply(Crash("a"), at=7).time == bus.now == 7


def test_one_idle_node_may_be_given_as_its_name():
    assert MessageBus([Caller("caller", to=("a",)), Echo("a")], idle="caller").trace == []
