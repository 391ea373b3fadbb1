"""The contract of a role: each breach is named with hook, field and step, and undone."""

import itertools
import random
import time
from dataclasses import dataclass, field

import pytest

from paxos_lab import LabError, MessageBus, Node, RoleError, UnknownNode, setting, stable, volatile


@dataclass(frozen=True)
class Note:
    text: str


def everything(bus):
    """All that a breach could have changed."""
    nodes = [sorted(vars(node).items()) for node in bus]
    return repr((nodes, bus.in_flight, bus.timers, bus.trace, bus.now, bus.enabled()))


def one_step(role, *others, message=Note("hello")):
    """A bus whose first step is the message arriving at the role called `r`."""
    bus = MessageBus([role, Node("x"), *others])
    before = everything(bus)
    with pytest.raises(LabError) as caught:
        bus.invoke("r", message)
    assert everything(bus) == before
    assert "r.receive" in str(caught.value)
    assert "(step 1)" in str(caught.value)
    return caught


@dataclass
class Role(Node):
    """The start of every breach below."""

    kept: list = stable([])
    count: int = 0


def test_chance_in_a_field_is_named_with_the_field():
    class Gambler(Role):
        def receive(self, sender, message):
            self.count = random.random()

    assert "not deterministic" in str(one_step(Gambler("r")).value)
    assert "count = " in str(one_step(Gambler("r")).value)


def test_chance_in_a_message_or_timer_is_named():
    class Gambler(Role):
        def receive(self, sender, message):
            self.send("x", Note(str(random.random())))

    class Dawdler(Role):
        def receive(self, sender, message):
            self.set_timer("t", random.random())

    for kind in (Gambler, Dawdler):
        assert "it asked for" in str(one_step(kind("r")).value)


def test_the_clock_and_a_counter_outside_are_chance_too():
    ticks = itertools.count()

    class Clock(Role):
        def receive(self, sender, message):
            self.count = time.perf_counter_ns()

    class Outside(Role):
        def receive(self, sender, message):
            self.count = next(ticks)

    for kind in (Clock, Outside):
        assert "not deterministic" in str(one_step(kind("r")).value)


def test_state_in_the_class_is_not_state_of_the_node():
    class Shares(Role):
        seen = []  # not a field: all nodes of the class would share it

        def receive(self, sender, message):
            self.seen.append(message)

    assert "changed Shares.seen, which all nodes of the class share" in str(one_step(Shares("r")).value)
    assert Shares.seen == []


def test_a_table_in_the_class_that_nobody_changes_is_fine():
    class Looks(Role):
        table = {"hello": 3}

        def receive(self, sender, message):
            self.count = self.table[message.text]

    bus = MessageBus([Looks("r")])
    bus.invoke("r", Note("hello"))
    assert bus["r"].count == 3


def test_two_nodes_with_one_list_are_refused_at_once():
    shared = []
    with pytest.raises(RoleError, match=r"r\.kept and s\.kept are one and the same list"):
        MessageBus([Role("r", shared), Role("s", shared)])


def test_reaching_into_another_node_is_named():
    victim = Role("v")

    class Meddler(Role):
        def receive(self, sender, message):
            victim.count = 99

    assert "changed v.count" in str(one_step(Meddler("r"), victim).value)
    assert victim.count == 0


def test_changing_the_message_is_named():
    class Forger(Role):
        def receive(self, sender, message):
            object.__setattr__(message, "text", "forged")

    message = Note("hello")
    assert "changed the message it was given" in str(one_step(Forger("r"), message=message).value)
    assert message.text == "hello"


@pytest.mark.parametrize("message", [[1], {"a": 1}, {1}, object(), (1, [2])])
def test_a_message_that_could_change_is_refused(message):
    class Sends(Role):
        def receive(self, sender, note):
            self.send("x", message)

    assert "may not change after it was sent" in str(one_step(Sends("r")).value)


def test_sending_to_nobody_is_named():
    class Lost(Role):
        def receive(self, sender, message):
            self.send("nobody", message)

    caught = one_step(Lost("r"))
    assert caught.type is UnknownNode
    assert "'nobody'" in str(caught.value) and "there are r, x" in str(caught.value)


@pytest.mark.parametrize("delay", [-1, "soon", None, float("nan"), float("inf")])
def test_a_timer_without_a_sensible_delay_is_named(delay):
    class Hurried(Role):
        def receive(self, sender, message):
            self.set_timer("t", delay)

    assert "needs a name and a delay of 0 or more" in str(one_step(Hurried("r")).value)


def test_an_error_in_a_hook_is_told_with_its_text_and_undone():
    class Breaks(Role):
        def receive(self, sender, message):
            self.kept.append(1)
            return {}[message.text]

    caught = one_step(Breaks("r"))
    assert "raised KeyError: 'hello'" in str(caught.value)
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_hook_with_the_wrong_parameters_is_told_before_anything_runs():
    class Deaf(Role):
        def receive(self, message):
            pass

    with pytest.raises(
        RoleError, match=r"Deaf\.receive\(self, message\).*called with \(self, sender, message\)"
    ):
        MessageBus([Deaf("r")])


def test_a_hook_that_would_run_later_is_told_before_anything_runs():
    class Sleeps(Role):
        async def receive(self, sender, message):
            pass

    class Yields(Role):
        def start(self):
            yield 1

    for kind in (Sleeps, Yields):
        with pytest.raises(RoleError, match="runs to its end at once"):
            MessageBus([kind("r")])


def test_an_answer_that_is_returned_and_not_sent_is_named():
    class Returns(Role):
        def receive(self, sender, message):
            return message

    assert "use self.send(to, message)" in str(one_step(Returns("r")).value)


def test_a_node_keeps_its_name():
    class Renames(Role):
        def receive(self, sender, message):
            self.name = "boss"

    role = Renames("r")
    assert "changed its name to 'boss'" in str(one_step(role).value)
    assert role.name == "r"


def test_a_field_that_is_deleted_is_named():
    class Deletes(Role):
        def receive(self, sender, message):
            del self.kept

    assert "lacks a field" in str(one_step(Deletes("r")).value)


def test_a_field_that_was_never_set_is_named():
    class Hollow(Role):
        def __init__(self, name):
            self.name = name

    with pytest.raises(RoleError, match="h lacks a field that its class declares"):
        MessageBus([Hollow("h")])


def test_a_node_inside_a_node_is_refused_at_once():
    with pytest.raises(RoleError, match=r"r\.kept holds the node s: keep its name"):
        MessageBus([Role("r", [Role("s")])])


def test_a_list_shared_deep_inside_is_refused_at_once():
    shared = [1]
    with pytest.raises(RoleError, match="one and the same list"):
        MessageBus([Role("r", [shared]), Role("s", [[], shared])])


def test_an_interrupt_by_the_reader_leaves_no_half_step():
    class Endless(Role):
        def receive(self, sender, message):
            self.kept.append(1)
            raise KeyboardInterrupt

    bus = MessageBus([Endless("r")])
    with pytest.raises(KeyboardInterrupt):
        bus.invoke("r", Note("hello"))
    assert bus["r"].kept == [] and bus.trace == []


@pytest.mark.parametrize("to", [7, ["x", 7], [["x"]]])
def test_sending_to_what_is_no_name_is_named(to):
    class Sends(Role):
        def receive(self, sender, message):
            self.send(to, message)

    one_step(Sends("r"))


def test_forging_a_part_of_the_message_is_named_and_undone():
    class Forger(Role):
        def receive(self, sender, message):
            object.__setattr__(message[1], "text", "forged")

    message = (1, Note("hello"))
    assert "changed the message" in str(one_step(Forger("r"), message=message).value)
    assert message == (1, Note("hello"))


def test_an_attribute_that_is_no_field_is_named():
    class Careless(Role):
        def receive(self, sender, message):
            self.extra = 1

    assert "set self.extra, which is not a field" in str(one_step(Careless("r")).value)


def test_a_field_that_cannot_be_copied_is_named():
    class Hoards(Role):
        def receive(self, sender, message):
            self.count = object()

    assert "r.count cannot be copied" in str(one_step(Hoards("r")).value)
    with pytest.raises(RoleError, match=r"r\.count cannot be copied"):
        MessageBus([Role("r", count=lambda: 1)])


def test_a_forgotten_decorator_is_named():
    class Forgets(Node):
        promised: int = 0

    with pytest.raises(RoleError, match="Forgets declares fields: write @dataclass above it"):
        MessageBus([Forgets("r")])


def test_lawful_roles_pass():
    @dataclass
    class Lawful(Role):
        nested: dict = field(default_factory=lambda: {"a": [1]})
        memory: set = volatile(set())

        def receive(self, sender, message):
            self.nested["a"].append(message)
            self.memory.add(sender)
            self.kept.append(message)
            self.count += 1
            self.send({"x", "r"}, message)
            self.set_timer("t", 0)

    bus = MessageBus([Lawful("r"), Role("x")])
    for _ in range(3):
        bus.invoke("r", Note("hello"))
    assert bus["r"].count == 3 and bus["r"].nested == {"a": [1, *[Note("hello")] * 3]}


def test_unchecked_runs_trust_the_role():
    class Gambler(Role):
        def receive(self, sender, message):
            self.count = random.random()

    bus = MessageBus([Gambler("r")], checked=False)
    bus.invoke("r", Note("hello"))
    assert bus["r"].count > 0


def test_what_a_role_prints_appears_once(capsys):
    class Talks(Role):
        def receive(self, sender, message):
            print("heard", message.text)
            if message.text == "fail":
                raise KeyError(message.text)

    bus = MessageBus([Talks("r"), Node("x")])
    bus.invoke("r", Note("hello"))
    assert capsys.readouterr().out == "heard hello\n"
    with pytest.raises(RoleError, match="raised KeyError"):
        bus.invoke("r", Note("fail"))
    assert capsys.readouterr().out == "heard fail\n"
    bus.invoke("x", Note("hello"))
    print("and the world prints again")
    assert capsys.readouterr().out == "and the world prints again\n"


def test_an_error_in_one_of_the_two_runs_is_told_as_such():
    for turn in (0, 1):
        count = itertools.count(turn)

        class Moody(Role):
            def receive(self, sender, message, count=count):
                self.kept.append(1 // (next(count) % 2))

        text = str(one_step(Moody("r")).value)
        assert "raised ZeroDivisionError" in text


@pytest.mark.parametrize("name", ["", 7, None])
def test_a_timer_without_a_name_is_named(name):
    class Sets(Role):
        def receive(self, sender, message):
            self.set_timer(name, 1)

    class Cancels(Role):
        def receive(self, sender, message):
            self.cancel_timer(name)

    assert "needs a name and a delay" in str(one_step(Sets("r")).value)
    assert "needs the name of a timer" in str(one_step(Cancels("r")).value)


def test_true_is_no_delay():
    class Sets(Role):
        def receive(self, sender, message):
            self.set_timer("t", True)

    assert "set_timer('t', True) needs a name and a delay of 0 or more" in str(one_step(Sets("r")).value)


# ---- what cannot be shown, compared or copied is told in a sentence


def test_what_holds_itself_is_told_at_once():
    loop = {}
    loop["me"] = loop

    class Ties(Role):
        def receive(self, sender, message):
            self.kept.append(self.kept)

    with pytest.raises(RoleError, match=r"r\.kept cannot be copied and compared: it holds itself"):
        MessageBus([Role("r", [loop])])
    assert "it holds itself" in str(one_step(Ties("r")).value)


@dataclass(frozen=True)
class Odd:
    """Cannot be compared, or cannot be shown."""

    what: str

    def __eq__(self, other):
        return 1 / 0 if self.what == "compare" else self is other

    def __hash__(self):
        return 7

    def __repr__(self):
        return {}["nothing"]


def test_a_message_whose_comparison_fails_is_told():
    class Sends(Role):
        def receive(self, sender, message):
            self.send("x", Odd("compare"))

    class Keeps(Role):
        def receive(self, sender, message):
            self.count = Odd("compare")

    for kind in (Sends, Keeps):
        assert "raised ZeroDivisionError: division by zero" in str(one_step(kind("r")).value)


def test_a_value_that_cannot_be_shown_does_not_hide_the_error():
    class Lost(Role):
        def receive(self, sender, message):
            self.send("nobody", Odd("show"))

    assert "sent <Odd without a text: KeyError in its repr> to 'nobody'" in str(one_step(Lost("r")).value)


def test_an_error_without_a_text_is_told():
    class Mute(Exception):
        def __str__(self):
            raise TypeError

    class Breaks(Role):
        def receive(self, sender, message):
            raise Mute

    assert "raised Mute: <Mute without a text: TypeError in its str>" in str(one_step(Breaks("r")).value)


def test_a_number_that_is_not_equal_to_itself_is_not_chance():
    class Divides(Role):
        def receive(self, sender, message):
            self.count = float("nan")
            self.kept.append(float("nan"))
            self.send("x", (float("nan"), Note("nan")))

    bus = MessageBus([Divides("r"), Node("x")])
    assert set(bus.invoke("r", Note("hello")).changed) == {"kept", "count"}
    assert set(bus.invoke("r", Note("hello")).changed) == {"kept"}


# ---- settings


@dataclass
class Waits(Role):
    patience: float = setting(5.0)
    names: list = setting(["a"])
    value: int = 0

    def receive(self, sender, message):
        match message.text:
            case "patience":
                self.patience = 6.0
            case "names":
                self.names.append("b")
            case _:
                self.value += 1


def test_a_setting_that_a_hook_changes_is_named():
    for field_name in ("patience", "names"):
        text = str(one_step(Waits("r"), message=Note(field_name)).value)
        assert f"changed {field_name} to" in text and "a setting never changes" in text


def test_who_reads_a_setting_keeps_the_contract_and_a_crash_leaves_it():
    bus = MessageBus([Waits("r", patience=7.0)])
    bus.invoke("r", Note("hello"))
    bus.crash("r")
    bus.restart("r")
    assert (bus["r"].patience, bus["r"].value) == (7.0, 0)
