"""Traces: exact JSON, replay that says where it fails, scripts that run, exports others can read."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction

import pytest

from paxos_lab import Deliver, Invoke, MessageBus, Node, Step, Trace, TraceError, replay, seeded
from paxos_lab.paxos import Acceptor, Ballot, Prepare, single_decree


def chaos(seed, steps=80):
    bus = MessageBus(single_decree(["x", "y"], learners=2), seed=seed, idle=["p2"] if seed % 2 else [])
    bus.run(seeded(seed, faults=0.5), max_steps=steps)
    return bus


def test_what_was_sent_is_said_with_its_sender_in_order_and_with_copies():
    bus = MessageBus(single_decree(["tea"]))
    bus.duplicate(bus.in_flight[0].id)
    assert bus.trace.sent == [("p1", Prepare(Ballot(1, "p1")))] * 4
    assert bus.trace[:1].sent == bus.trace.sent[:3]


@pytest.mark.parametrize("seed", range(30))
def test_json_and_replay_reproduce_any_run_exactly(seed):
    trace = chaos(seed).trace
    text = trace.to_json()
    again = Trace.from_json(text)
    assert again == trace and isinstance(again, Trace)
    assert again.to_json() == text
    assert replay(single_decree(["x", "y"], learners=2), again).trace == trace


def test_the_json_is_the_documented_list_of_objects():
    data = json.loads(chaos(2).trace.to_json())
    assert [item["step"] for item in data] == list(range(1, len(data) + 1))
    for item in data:
        assert list(item) == ["step", "time", "event", "node", "changed", "sent", "cause"]
        assert item["event"]["kind"]
        for before_after in item["changed"].values():
            assert len(before_after) == 2
        for envelope in item["sent"]:
            assert list(envelope) == ["id", "from", "to", "message"]
        if item["cause"] is not None:
            assert item["cause"] < item["step"]


def test_a_script_is_python_that_repeats_the_run():
    for seed in range(8):
        trace = chaos(seed).trace
        names = {}
        exec(trace.to_script(), names)
        bus = names["rerun"](single_decree(["x", "y"], learners=2))
        assert [s.event for s in bus.trace] == [s.event for s in trace]
        assert [(s.changed, s.sent) for s in bus.trace] == [(s.changed, s.sent) for s in trace]


class Forgetful(Acceptor):
    def receive(self, sender, message):
        if not isinstance(message, Prepare):
            super().receive(sender, message)


def test_replay_on_other_nodes_says_at_which_step_it_fails():
    trace = MessageBus(single_decree(["x"])).trace
    bus = MessageBus(single_decree(["x"]))
    bus.run()
    trace = bus.trace
    with pytest.raises(TraceError, match=r"step 2 \(deliver at a\d\) went differently: changed was"):
        replay(single_decree(["x"], acceptor=Forgetful), trace)
    with pytest.raises(TraceError, match=r"step 1 .* went differently: changed|sent"):
        replay(single_decree(["z", "y"], acceptors=5), trace)
    with pytest.raises(TraceError, match="step 1 of the trace cannot happen here"):
        replay([Node("a")], trace)
    with pytest.raises(TraceError, match=r"step \d+ of the trace cannot happen here: the message"):
        replay(single_decree(["x"]), trace[:1] + trace[5:])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{not json", "this is not JSON"),
        ('{"step": 1}', "a trace is a JSON list of steps, this is a dict"),
        ("[1]", "step 1 cannot be read"),
        ('[{"step": 1}]', "step 1 cannot be read"),
        ('[{"step": 1, "time": 0, "event": {"kind": "explode"}, "node": "a", "changed": {}, "sent": [], "cause": null}]', "unknown kind of event: 'explode'"),
        ('[{"step": 1, "time": 0, "event": {"kind": "crash"}, "node": "a", "changed": {}, "sent": [], "cause": null}]', "step 1 cannot be read"),
        ('[{"step": 7, "time": 0, "event": {"kind": "crash", "node": "a"}, "node": "a", "changed": {}, "sent": [], "cause": null}]', "step 1 is numbered 7"),
        ('[{"step": 1, "time": 0, "event": {"kind": "invoke", "node": "a", "message": {"$": "os:system"}}, "node": "a", "changed": {}, "sent": [], "cause": null}]', "not known here"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_trace_is_refused_with_the_place(text, said):
    with pytest.raises(TraceError, match=said.replace("(", r"\(")):
        Trace.from_json(text)


def test_a_message_class_that_is_not_importable_is_handed_in():
    @dataclass(frozen=True)
    class Local:
        n: int

    bus = MessageBus([Node("a")])
    bus.invoke("a", Local(1))
    with pytest.raises(TraceError, match="not known here"):
        Trace.from_json(bus.trace.to_json())
    assert Trace.from_json(bus.trace.to_json(), types=[Local]) == bus.trace


def test_a_part_of_a_trace_is_a_trace_and_a_step_is_a_step():
    trace = chaos(1).trace
    assert isinstance(trace[2:5], Trace) and isinstance(trace[0], Step)
    assert trace.names[:2] == ["p1", "a1"] or trace.names[:2] == ["p1", "p2"]


def test_causes_lead_back_to_the_sender():
    trace = chaos(4).trace
    for step in trace:
        if isinstance(step.event, Deliver):
            assert step.event.envelope in trace[step.cause - 1].sent


def clocks(text):
    lines = text.strip().split("\n")
    assert len(lines) % 2 == 0
    return [(host, json.loads(clock)) for host, clock in (line.split(" ", 1) for line in lines[1::2])]


@pytest.mark.parametrize("seed", range(6))
def test_shiviz_clocks_say_what_happened_before_what(seed):
    trace = chaos(seed).trace
    local = [step for step in trace if step.node is not None]
    stamped = clocks(trace.to_shiviz())
    assert len(stamped) == len(local)
    last = {}
    at_step = {}
    for step, (host, clock) in zip(local, stamped, strict=True):
        assert host == step.node
        assert clock[host] == last.get(host, {}).get(host, 0) + 1
        assert all(clock.get(k, 0) >= v for k, v in last.get(host, {}).items())
        if step.cause in at_step:
            assert all(clock.get(k, 0) >= v for k, v in at_step[step.cause].items())
        last[host] = at_step[step.step] = clock


def test_mermaid_has_an_arrow_for_each_arrival_and_nothing_it_could_misread():
    bus = MessageBus(single_decree(['a;b#c"<script>%%{init}%%\n-->>']))
    bus.run()
    text = bus.trace.to_mermaid()
    arrows = [line for line in text.splitlines() if "->>" in line]
    assert len(arrows) == sum(isinstance(s.event, Deliver) for s in bus.trace)
    for line in arrows:
        label = line.split(": ", 1)[1]
        assert not set('<>"{}%\n') & set(label)


PROGRAM = """
from paxos_lab import MessageBus, seeded
from paxos_lab.paxos import single_decree
bus = MessageBus(single_decree(["x", "y"], learners=2), seed=7, loss=0.1, duplicate=0.1)
bus.run(seeded(7, faults=0.4), max_steps=120)
print(bus.trace.to_json())
"""


def test_the_same_seed_gives_the_same_trace_in_every_process():
    def run(hash_seed):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run(
            [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True
        ).stdout

    first, second, third = (run(seed) for seed in ("0", "1", "4242"))
    assert first == second == third
    assert len(Trace.from_json(first)) > 100


# ---- odd names, odd values, parts of traces

ODD = [
    "<script>alert(1)</script>",
    'it\'s "quoted"',
    "two\nlines",
    "tab\tnull\0",
    "a b",
    "a_b",
    "x" * 10_000,
    "end",
    "#;%%{",
]


@dataclass(frozen=True)
class Note:
    text: str
    other: object = None


@dataclass
class Gossip(Node):
    """Passes on what it hears first."""

    to: tuple = ()
    heard: str = ""

    def receive(self, sender, message):
        if not self.heard:
            self.heard = message.text
            self.send(self.to, Note(message.text + self.name))


def gossips():
    return [Gossip(name, (ODD[(i + 1) % len(ODD)],)) for i, name in enumerate(ODD)]


def odd_run():
    bus = MessageBus(gossips())
    bus.invoke(ODD[0], Note("o\r\n\0\u2028", Ballot(1, "p1")))
    bus.partition(ODD[:2], ODD[2:4])
    bus.heal()
    bus.duplicate(bus.in_flight[0])
    bus.run()
    bus.crash(ODD[1], during=Invoke(ODD[1], Note("again")))
    return bus


def test_any_text_passes_through_json_replay_and_script():
    trace = odd_run().trace
    assert Trace.from_json(trace.to_json()) == trace
    assert replay(gossips(), trace).trace == trace
    names = {}
    exec(trace.to_script(), names)
    again = names["rerun"](gossips()).trace
    assert [step[2:] for step in again] == [step[2:] for step in trace]


def test_any_text_passes_through_shiviz_and_mermaid():
    trace = odd_run().trace
    local = [step for step in trace if step.node is not None]
    stamped = clocks(trace.to_shiviz())
    assert len(stamped) == len(local)
    host_of = {step.node: host for step, (host, _) in zip(local, stamped, strict=True)}
    assert len(set(host_of.values())) == len(host_of) == len(ODD), "two names never become one host"
    for line in trace.to_mermaid().splitlines()[1:]:
        assert re.match(r"    (participant n\d+ as |n\d+-(>>|x)n\d+: |Note over n\d+: )\S", line), line[:80]
        assert not set('<>"{}%;\0') & set(re.sub(r"#\d+;|->>", "", line))
        assert not re.search(r"\bend\b", line)


def test_any_part_of_a_trace_can_be_exported():
    trace = chaos(3).trace
    for first in range(0, len(trace), 7):
        part = trace[first : first + 5]
        local = [step for step in part if step.node is not None]
        assert len(clocks(part.to_shiviz() if local else "a {}\na {}")) == max(len(local), 1)
        assert part.to_mermaid().startswith("sequenceDiagram\n")


def test_what_cannot_be_written_is_named_with_its_step():
    bus = MessageBus([Gossip("g")])
    bus.invoke("g", Note("x", Fraction(1, 3)))
    with pytest.raises(TraceError, match="step 1 cannot be written: a Fraction"):
        bus.trace.to_json()


def spoilt(**parts):
    bus = MessageBus(single_decree(["x"]))
    bus.deliver(bus.in_flight[0])
    data = json.loads(bus.trace.to_json())
    data[1] |= parts
    return json.dumps(data)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"time": "noon"}, "the time is a number"),
        ({"time": -1}, "the time is a number"),
        ({"time": True}, "the time is a number"),
        ({"time": float("nan")}, "the time is a number"),
        ({"node": "a9"}, "the event is at 'a1', the step says 'a9'"),
        ({"node": None}, "the step says None"),
        ({"cause": 2}, "number of an earlier step"),
        ({"cause": "1"}, "number of an earlier step"),
        ({"sent": [{"id": "1", "from": "a1", "to": "p1", "message": 1}]}, "whole number"),
        ({"sent": [{"id": 1, "from": 7, "to": "p1", "message": 1}]}, "a name is a text"),
        ({"sent": [{"id": 1}]}, "cannot be read"),
        ({"sent": 5}, "cannot be read"),
        ({"changed": {"promised": [1]}}, "cannot be read"),
        ({"changed": {"promised": [1, {"$": "set", "items": [[1]]}]}}, "cannot be read"),
        ({"changed": {"promised": [1, {"$": "bytes", "hex": "zz"}]}}, "cannot be read"),
        ({"event": {"kind": ["crash"]}}, "cannot be read"),
        ({"event": {"kind": "crash", "node": 5}}, "a name is a text"),
        ({"event": {"kind": "partition", "groups": [[1]]}}, "a name is a text"),
        ({"event": None}, "cannot be read"),
    ],
)
def test_a_step_that_makes_no_sense_is_named_with_its_number(parts, said):
    with pytest.raises(TraceError, match="step 2") as caught:
        Trace.from_json(spoilt(**parts))
    assert said in str(caught.value)


@pytest.mark.parametrize("text", [None, 7, "", "[" * 100_000, "[1" + "0" * 5_000 + "]"])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(TraceError):
        Trace.from_json(text)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"time": 0.0001}, None),
        ({"sent": []}, "sent was"),
        ({"changed": {}}, "changed was"),
        ({"cause": None}, "cause was None"),
    ],
)
def test_replay_compares_every_part_of_a_step(parts, said):
    trace = Trace.from_json(spoilt(**parts))
    if said is None:  # time is the trace's own: a replay may only not go back in it
        assert replay(single_decree(["x"]), trace).trace == trace
    else:
        with pytest.raises(TraceError, match="step 2.*" + said):
            replay(single_decree(["x"]), trace)


def test_replay_refuses_a_time_that_goes_back():
    bus = MessageBus(single_decree(["x"]))
    bus.run(max_steps=3)
    trace = bus.trace
    trace[2] = trace[2]._replace(time=0.0)
    with pytest.raises(TraceError, match=r"step 4 .*|step 3 of the trace cannot happen here: the time 0.0"):
        replay(single_decree(["x"]), trace)
