"""What a run cost: counted on runs whose cost is known, and drawn with its table."""

from dataclasses import dataclass

import pytest

from paxos_lab import LabError, MessageBus, Node, Timeout
from paxos_lab import multipaxos as log
from paxos_lab import paxos as single
from paxos_lab.multipaxos import Put, replicated_log
from paxos_lab.paxos import single_decree
from paxos_lab.show.measure.cost import forced_writes, line_chart, messages_between, messages_handled

BEATS = (log.Heartbeat, log.HeartbeatHeard)


@pytest.mark.parametrize("n", [1, 3, 5])
def test_one_decision_of_basic_paxos(n):
    bus = MessageBus(single_decree(["x"], acceptors=n, learners=0), delay=1)
    bus.run(max_steps=200)
    kinds = messages_between(bus.trace, bus.names)
    assert kinds == {single.Prepare: n, single.Promise: n, single.Accept: n, single.Accepted: n}
    writes = forced_writes(bus.trace)
    assert writes == {"p1": 1} | {f"a{i}": 2 for i in range(1, n + 1)}, "a round before its Prepare leaves"
    assert sum(writes.values()) == 2 * n + 1
    assert messages_handled(bus.trace, ["p1"]) == {"p1": 4 * n}


def test_what_is_left_out_and_who_is_not_asked():
    bus = MessageBus(replicated_log([[Put("x", 1)]]), delay=1)
    bus.apply(Timeout("s1", "election"), at=bus.now)
    bus.run(until=lambda bus: bus["s3"].applied() == 1 and bus["s2"].applied() == 1)
    servers = ("s1", "s2", "s3")
    assert set(messages_between(bus.trace, servers)) >= {log.Heartbeat}
    kinds = messages_between(bus.trace, servers, (*BEATS, log.Request))
    assert set(kinds) == {log.Prepare, log.Promise, log.Accept, log.Accepted, log.Chosen}
    assert set(kinds.values()) == {2}


def test_what_is_counted_is_a_class_and_not_its_name():
    @dataclass(frozen=True)
    class Accept:
        what: str

    @dataclass
    class Own(Node):
        def start(self):
            self.send("b", Accept("mine"))
            self.send("b", single.Accept(single.Ballot(1, "a"), "x"))

    bus = MessageBus([Own("a"), Node("b")])
    assert messages_between(bus.trace, "ab") == {Accept: 1, single.Accept: 1}
    assert messages_between(bus.trace, "ab", [single.Accept]) == {Accept: 1}
    assert messages_handled(bus.trace, "ab", [log.Accept, Accept]) == {"a": 1, "b": 1}
    with pytest.raises(LabError, match=r"takes classes .* not 'Accept'"):
        messages_between(bus.trace, "ab", ["Accept"])


def test_a_step_that_writes_and_says_nothing_is_not_forced():
    bus = MessageBus(replicated_log([[Put("x", 1)]]), delay=1)
    bus.apply(Timeout("s1", "election"), at=bus.now)
    bus.run(until=lambda bus: bus["s3"].applied() == 1)
    learned = [step for step in bus.trace if "log" in step.changed and not step.sent]
    assert learned and not forced_writes(learned, ("log",))


def test_the_chart_has_its_numbers_in_a_table_and_is_the_same_every_time():
    series = {"measured": {1: 0.5, 2: 1.0}, "a/2 (formula)": {1: 0.5, 2: 1.0, 4: 2.0}}
    chart = line_chart(series, "window a", "commands", "A caption <b>")
    assert chart.rows == [
        ["window a", "measured", "a/2 (formula)"],
        ["1", "0.5", "0.5"],
        ["2", "1", "1"],
        ["4", "", "2"],
    ]
    assert (
        "<b>" not in chart.svg()
        and chart.svg() == line_chart(series, "window a", "commands", "A caption <b>").svg()
    )
    with pytest.raises(LabError, match="at least one"):
        line_chart({}, "x", "y", "nothing")
