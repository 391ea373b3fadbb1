"""Traces: exact JSON, replay that says where it fails, scripts that run, exports others can read."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from paxos_lab import Deliver, MessageBus, Node, Step, Trace, TraceError, replay, seeded
from paxos_lab.paxos import Acceptor, Prepare, single_decree


def chaos(seed, steps=80):
    bus = MessageBus(single_decree(["x", "y"], learners=2), seed=seed, idle=["p2"] if seed % 2 else [])
    bus.run(seeded(seed, faults=0.5), max_steps=steps)
    return bus


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
        names = {"Prepare": Prepare}
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
