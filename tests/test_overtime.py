"""A loop in a role on a bus is stopped with a sentence, and leaves nothing half done."""

import sys
from dataclasses import dataclass

import pytest

from paxos_lab import MessageBus, Node, RoleError
from paxos_lab.show import Stepper
from paxos_lab.verify import explore
from paxos_lab.world import overtime
from paxos_lab.world.line_limit import EndlessLoop

LOOPS = {
    "plain": "while True: pass",
    "with work": "while True: self.count += 1",
    "swallows errors": "\n            ".join(
        ["while True:", "    try: self.count += 1", "    except Exception: pass"]
    ),
    "swallows all": "\n            ".join(["while True:", "    try: self.count += 1", "    except: pass"]),
}


def looping(body):
    made = {"Node": Node, "dataclass": dataclass}
    exec(
        f"""
@dataclass
class Loops(Node):
    count: int = 0

    def receive(self, sender, message):
        self.count += 1
        if message == "loop":
            {body}
""",
        made,
    )
    return made["Loops"]


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    monkeypatch.setattr(overtime, "MOST", 0.2)


@pytest.mark.parametrize("checked", [True, False], ids=["checked", "unchecked"])
@pytest.mark.parametrize("body", LOOPS.values(), ids=LOOPS)
def test_a_loop_is_stopped_with_a_sentence(body, checked):
    bus = MessageBus([looping(body)("n")], checked=checked)
    with pytest.raises(RoleError, match=r"n\.receive had not come to an end after .* \(step \d+\)"):
        bus.invoke("n", "loop")
    if checked:
        assert bus["n"].count == 0, "nothing is left half done"
        bus.invoke("n", "go on")
        assert bus["n"].count == 1


def test_a_run_is_stopped_too_and_the_stepper_says_it():
    @dataclass
    class Sends(Node):
        def start(self):
            self.send("n", "loop")

    bus = MessageBus([Sends("s"), looping(LOOPS["plain"])("n")])
    with pytest.raises(RoleError, match="had not come to an end"):
        bus.run()
    stepper = Stepper(MessageBus([Sends("s"), looping(LOOPS["plain"])("n")]))
    stepper._handle_custom_msg({"do": "deliver", "id": stepper.bus.in_flight[0].id}, [])
    assert "had not come to an end" in stepper.view["problem"]


@pytest.mark.parametrize("method", ["plain", "auto"])
@pytest.mark.parametrize("body", [LOOPS["plain"], LOOPS["swallows all"]], ids=["plain", "swallows all"])
def test_a_search_comes_to_an_end_whoever_swallows_the_error(body, method):
    @dataclass
    class Sends(Node):
        def start(self):
            self.send("n", "loop")

    with pytest.raises(EndlessLoop, match=r"n\.receive had not come to an end"):
        explore([Sends("s"), looping(body)("n")], method=method)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="a tracer is a tracer: one version shows it")
def test_it_is_stopped_under_a_debugger_too():
    def tracer(frame, event, argument):
        return tracer

    bus = MessageBus([looping(LOOPS["with work"])("n")])
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        with pytest.raises(RoleError, match="had not come to an end"):
            bus.invoke("n", "loop")
    finally:
        sys.settrace(before)


def test_what_ends_is_left_alone():
    bus = MessageBus([looping("for _ in range(10_000): self.count += 1")("n")])
    for _ in range(5):
        bus.invoke("n", "loop")
    assert bus["n"].count == 5 * 10_001


def test_a_bus_in_a_hook_of_a_bus():
    @dataclass
    class Outer(Node):
        seen: int = 0

        def receive(self, sender, message):
            inner = MessageBus([looping("pass")("n")])
            inner.invoke("n", "loop")
            self.seen = inner["n"].count

    bus = MessageBus([Outer("o")])
    bus.invoke("o", 1)
    assert bus["o"].seen == 1
