"""What explore() answers, how it ends, and what it says to somebody whose role is no role."""

import os
import random
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from paxos_lab import Crash, LabError, Node, RoleError, Trace, UnknownNode, replay, stable, volatile
from paxos_lab.paxos import Accept, Acceptor, Flexible, Prepare, Promise, Proposal, single_decree
from paxos_lab.show import Stepper, ballot_board, space_time
from paxos_lab.verify import Faults, agreement, explore, looks_at
from paxos_lab.verify.explorer import exploration
from paxos_lab.verify.wrong.single_decree import find_variant
from paxos_lab.world.line_limit import EndlessLoop

METHODS = ("plain", "numbered", "reduced")


def broken(values=("x", "y"), **more):
    return explore(single_decree(values, learners=0, quorums=Flexible(1, 2), unsafe=True), **more)


# ---- the answer


def test_a_complete_search_that_finds_nothing_says_so():
    found = explore(single_decree(["x", "y"]))
    assert found.ok and found.complete and found.counterexample is None and found.property is None
    assert found.states > 100 and found.transitions > found.states and found.depth > 10 and found.seconds > 0
    assert "hold in every state that can be reached" in str(found)
    with pytest.raises(LabError, match="no counterexample"):
        _ = found.bus


def test_a_counterexample_names_the_property_and_opens_everywhere():
    found = broken()
    assert not found.ok and not found.complete and found.property == "agreement"
    assert "x is chosen in ballot 1.p1" in found.sentence and "BROKEN" in str(found)
    trace = found.counterexample
    assert Trace.from_json(trace.to_json()) == trace
    again = replay(found.nodes, trace)
    assert again.trace == trace
    sent = found.bus.trace.sent
    assert agreement(sent, {node.name: node for node in found.bus}) is not None
    assert len(Stepper(found.bus).look()["narration"]) == len(trace)
    assert "<svg" in space_time(trace).svg() and "CHOSEN" in ballot_board(trace).svg()


def test_the_first_invariant_to_break_is_named_before_agreement_breaks():
    mutant = find_variant("M11")
    found = explore(mutant.make(3))
    step, law, sentence = found.broken_on_the_way()[0]
    assert law == "promises_kept" and step < len(found.counterexample) and "a3" in sentence


def test_it_shows_itself_and_what_learners_type_stays_text():
    found = broken(("<b>x</b>", "*y*"))
    shown = found._repr_mimebundle_()
    assert "<b>" not in shown["text/markdown"] and "*y*" not in shown["text/markdown"].replace("**", "")
    assert "1. p1 starts" in shown["text/markdown"] and "Breaks" in shown["text/markdown"]
    assert shown["text/plain"] == str(found)


@pytest.mark.parametrize("method", METHODS)
def test_a_bound_is_an_honest_end(method):
    found = explore(single_decree(["x", "y", "z"]), max_states=50, method=method)
    assert found.ok and not found.complete and found.cut == "max_states" and found.states >= 50
    assert "NOT COMPLETE" in str(found)


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupt_ends_it_with_what_it_has(method):
    heard = []

    def watch(states, depth):
        heard.append((states, depth))
        if len(heard) == 4:
            raise KeyboardInterrupt

    found = explore(single_decree(["x", "y"]), method=method, watch=watch)
    assert found.ok and not found.complete and found.cut == "interrupt" and found.states > 0
    assert heard == sorted(heard)


def test_what_can_happen_is_asked_with_reached():
    found = explore(single_decree(["x", "y"], acceptors=1))
    assert found.reached(lambda sent, nodes: nodes["l1"].learned == "y")
    assert not found.reached(lambda sent, nodes: nodes["l1"].learned == "z")
    witness = found.witness(looks_at(fields=["learned"])(lambda sent, nodes: nodes["p2"].learned == "x"))
    assert witness[-1].changed["learned"][1] == "x"
    with pytest.raises(LabError, match="no answer"):
        explore(single_decree(["x", "y"]), max_states=10).reached(lambda sent, nodes: False)


def test_a_crash_may_hit_between_the_disk_and_the_network():
    @dataclass
    class Diary(Node):
        written: bool = stable(False)

        def receive(self, sender, message):
            self.written = True
            self.send(sender, Promise(message.ballot, None))

    @looks_at(Promise, fields=["written"])
    def told(sent, nodes):
        wrote = [n.name for n in nodes.values() if getattr(n, "written", False)]
        said = {s for s, m in sent if isinstance(m, Promise)}
        return f"{wrote} wrote and never told" if set(wrote) - said else None

    nodes = [*single_decree(["x"], acceptors=1, learners=0)[:1], Diary("a1")]
    for method in METHODS:
        assert explore(nodes, [told], method=method).ok
        found = explore(nodes, [told], Faults(crashes=1), method=method)
        assert isinstance(found.counterexample[-1].event, Crash) and found.counterexample[-1].event.during


DIGEST = """
from paxos_lab.paxos import single_decree, Flexible
from paxos_lab.verify import explore
from paxos_lab.verify.wrong.single_decree import find_variant
for method in ("numbered", "reduced"):
    found = explore(single_decree(["x", "y"], learners=0, quorums=Flexible(1, 2), unsafe=True), method=method)
    print(found, found.counterexample.to_script())
print(explore(find_variant("M9").make(3)).counterexample.to_script())
"""


def test_the_answer_is_the_same_in_every_process():
    said = {
        subprocess.run([sys.executable, "-c", DIGEST], env=os.environ | {"PYTHONHASHSEED": seed}, cwd=Path(__file__).parent,
                       capture_output=True, text=True, check=True).stdout
        for seed in ("0", "77")
    }  # fmt: skip
    assert len(said) == 1


@pytest.mark.parametrize(("arguments", "words"), [
    ({"max_states": 0}, "max_states is a whole number"), ({"max_states": True}, "max_states"),
    ({"method": "magic"}, "method is one of"), ({"properties": ()}, "properties are functions"),
    ({"properties": ["agreement"]}, "properties are functions"),
    ({"properties": [lambda sent, nodes: None], "method": "reduced"}, "looks_at"),
    ({"faults": Faults(crashes=1, who="p9")}, "no node is called 'p9'"),
])  # fmt: skip
def test_a_question_that_makes_no_sense_gets_a_clear_answer(arguments, words):
    with pytest.raises(LabError, match=words):
        explore(single_decree(["x"]), **arguments)


@pytest.mark.parametrize("arguments", [{"crashes": -1}, {"timeouts": 1.5}, {"crashes": True}])
def test_faults_are_whole_numbers(arguments):
    with pytest.raises(LabError, match="whole number"):
        Faults(**arguments)


# ---- roles that are none


@dataclass
class Raises(Acceptor):
    def receive(self, sender, message):
        if isinstance(message, Accept):
            self.acepted
        super().receive(sender, message)


@dataclass
class Loops(Acceptor):
    def receive(self, sender, message):
        while isinstance(message, Accept):
            pass
        super().receive(sender, message)


@dataclass
class Chance(Acceptor):
    def receive(self, sender, message):
        if isinstance(message, Accept):
            message = Accept(message.ballot, random.random())  # never twice the same
        super().receive(sender, message)


@dataclass
class Forges(Acceptor):
    def receive(self, sender, message):
        object.__setattr__(message, "ballot", self.promised)


@dataclass
class Shares(Acceptor):
    seen: ClassVar[list[Any]] = []

    def receive(self, sender, message):
        self.seen.append(message)
        super().receive(sender, message)


@dataclass
class Unnumbered(Acceptor):
    odd: Any = None

    def receive(self, sender, message):
        self.odd = object()
        super().receive(sender, message)


@dataclass
class ToNobody(Acceptor):
    def receive(self, sender, message):
        self.send("a9", message)


@dataclass
class Returns(Acceptor):
    def receive(self, sender, message):
        return Promise(message.ballot, None)


@dataclass
class Undeclared(Acceptor):
    def receive(self, sender, message):
        self.extra = 1
        super().receive(sender, message)


@dataclass
class InOrder(Acceptor):
    """Answers with whoever came first, which a dictionary remembers and `==` does not."""

    came: dict[str, int] = volatile({})

    def receive(self, sender, message):
        self.came[sender] = 1
        if len(self.came) == 2:
            self.send(next(iter(self.came)), Promise(message.ballot, None))


@pytest.mark.parametrize("method", ["plain", "numbered", "auto"])
@pytest.mark.parametrize(("role", "kind", "words"), [
    (Raises, RoleError, r"raised AttributeError.*acepted.*\(step 7\)"),
    (Loops, EndlessLoop, r"a\d.receive.*does not come to an end.*set a timer \(step 7\)"),
    (Chance, RoleError, r"not deterministic.*\(step"),
    (Forges, RoleError, r"changed the message.*\(step 3\)"),
    (Shares, RoleError, r"Shares.seen, which all nodes of the class share.*\(step 3\)"),
    (Unnumbered, LabError, r"a\d.odd.*object"),
    (ToNobody, UnknownNode, r"to 'a9': no node is called 'a9'.*\(step 3\)"),
    (Returns, RoleError, r"what a hook returns reaches nobody.*\(step 3\)"),
    (Undeclared, RoleError, r"self.extra, which is not a field.*\(step 3\)"),
    (InOrder, RoleError, r"depends on the order.*\(step \d\)"),
])  # fmt: skip
def test_a_role_that_breaks_its_contract_is_named_with_the_step(role, kind, words, method):
    with pytest.raises(kind, match=words):
        explore(single_decree(["x", "y"], acceptor=role, acceptors=2, learners=0), method=method)


def test_nodes_that_share_an_object_are_refused():
    nodes = single_decree(["x"])
    nodes[1].learners = nodes[2].learners = ["l1"]
    with pytest.raises(RoleError, match="one and the same list"):
        explore(nodes)


# ---- roles of unusual shape that are fine


def shaped(fields, body):
    """An acceptor with these extra fields; `body(self, sender, message)` runs before the rules."""
    namespace = {"__annotations__": dict.fromkeys(fields, Any), **fields}

    def receive(self, sender, message):
        body(self, sender, message)
        Acceptor.receive(self, sender, message)

    return dataclass(type("Shaped", (Acceptor,), {**namespace, "receive": receive}))


def nested(self, sender, message):
    self.odd.setdefault(sender, set()).add(type(message).__name__)  # changed from inside
    if len(self.odd) > 1 and all("Prepare" in kinds for kinds in self.odd.values()):
        self.learned = "both"


def two_homes(self, sender, message):
    self.other = self.odd  # one dictionary under two names
    self.other[sender] = message.ballot
    if len(self.odd) == 2:
        self.learned = "both"


def replaced(self, sender, message):
    self.odd = {**self.odd, sender: 1} if sender not in self.odd else dict(self.odd)
    self.learned = "both" if self.odd == {"p1": 1, "p2": 1} else self.learned


def by_dict(self, sender, message):
    everything = {k: v for k, v in vars(self).items() if k == "odd"}
    everything["odd"][sender] = 1
    self.learned = "both" if len(everything["odd"]) == 2 else self.learned


def methods(self, sender, message):
    self.odd |= {sender: 1}
    self.odd.update({"last": 1})
    self.odd.pop("last")
    if all(name in self.odd for name in ("p1", "p2")) and sorted(self.odd.items())[0][0] == "p1":
        self.learned = "both"


def deletes(self, sender, message):
    other = "p2" if sender == "p1" else "p1"
    if other in self.odd:
        del self.odd[other]
        self.learned = "both"
    self.odd[sender] = 1


def same_again(self, sender, message):
    self.odd[sender] = self.odd.get(sender, 1)  # often writes what is there
    self.learned = "both" if self.odd.get("p1") and self.odd.get("p2") else self.learned


@pytest.mark.parametrize("body", [nested, replaced, by_dict, methods, deletes, same_again])
def test_what_a_role_reads_is_tracked_however_it_reads_it(body):
    fields = {"odd": volatile({}), "other": volatile({}), "learned": None}
    role = shaped(fields, body)

    @looks_at(fields=["learned"])
    def both(sent, nodes):
        return "both" if any(getattr(n, "learned", None) == "both" for n in nodes.values()) else None

    nodes = single_decree(["x", "y"], acceptors=1, learners=0, acceptor=role)
    found = {method: explore(nodes, [both], method=method) for method in METHODS}
    assert {(one.ok, len(one.counterexample or ())) for one in found.values()} == {(False, 4)}
    never = [looks_at(fields=["learned"])(lambda sent, nodes: None)]
    whole = {method: explore(nodes, never, method=method) for method in METHODS}
    assert all(one.complete for one in whole.values())
    assert whole["plain"].states == whole["numbered"].states


@pytest.mark.parametrize("method", METHODS)
def test_one_dictionary_under_two_names_is_refused(method):
    """After a restart it would be two; a search that keeps them apart could not be believed."""
    role = shaped({"odd": volatile({}), "other": volatile({}), "learned": None}, two_homes)
    nodes = single_decree(["x", "y"], acceptors=1, learners=0, acceptor=role)
    with pytest.raises(RoleError, match=r"one and the same dict in two places, self\.odd and self\.other"):
        explore(nodes, method="auto" if method == "reduced" else method)


def test_a_vote_that_comes_again_writes_what_was_there_and_another_state_differs():
    """A hook that writes without reading: its effect on another state must not be forgotten."""

    @dataclass
    class Toggles(Node):
        lamp: int = 0
        learned: Any = None

        def receive(self, sender, message):
            match message:
                case Prepare():
                    self.lamp = 0
                case Accept():
                    self.lamp = 1
                case Proposal():
                    self.learned = self.lamp

    @dataclass
    class Sender(Node):
        def start(self):
            for message in (Prepare(1), Accept(1, "x"), Proposal(1, "x")):
                self.send("lamp", message)

    def shows(wanted):
        @looks_at(fields=["learned"])
        def judge(sent, nodes):
            lamp = nodes["lamp"]
            return "seen" if (lamp.learned, lamp.lamp) == wanted else None

        return looks_at(fields=["learned", "lamp"])(judge)

    for wanted, length in (((1, 1), 3), ((1, 0), 4), ((0, 1), 3), ((0, 0), 2)):
        lengths = {len([s for s in explore([Sender("s"), Toggles("lamp")], [shows(wanted)], method=m).counterexample
                        if "Duplicate" not in type(s.event).__name__]) for m in METHODS}  # fmt: skip
        assert lengths == {length}, wanted


# ---- what it says on the way


class Clock:
    """Stands still until it is moved."""

    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(exploration, "time", Clock())
    return exploration.time


class Slow(Acceptor):
    """Each look at a message takes as long as `Slow.takes` says, on `Slow.clock`."""

    def receive(self, sender, message):
        Slow.clock.now += Slow.takes
        super().receive(sender, message)


def said(clock, takes, capsys):
    Slow.clock, Slow.takes = clock, takes
    assert explore(single_decree(["x"], acceptor=Slow), method="plain").ok
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()


def test_a_long_search_says_how_far_it_is(clock, monkeypatch, capsys):
    monkeypatch.delenv("PAXOS_LAB_QUIET")
    lines = said(clock, 1.0, capsys)
    assert len(lines) > 2 and re.fullmatch(r"explored [\d,]+ states, \d+ events deep \.\.\.", lines[0])
    assert said(clock, 1e-6, capsys) == []


def test_a_search_that_was_held_up_does_not_catch_up(clock, monkeypatch, capsys):
    """One line for the whole of a long stop, not one for each second of it."""
    monkeypatch.delenv("PAXOS_LAB_QUIET")

    def held_up(sent, nodes):
        if clock.now == 0.0:
            clock.now = 100.0

    assert explore(single_decree(["x"]), (held_up,), method="plain").ok
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_test_run_is_quiet_however_slow_the_machine(clock, capsys):
    assert os.environ["PAXOS_LAB_QUIET"], "the conftest.py at the top sets it, for kernels too"
    assert said(clock, 100.0, capsys) == []
