"""The stepper, from Python's side: what a click does, and what the browser is told."""

import json

import pytest

from paxos_lab import LabError, MessageBus, RoleError, Trace, replay
from paxos_lab.multipaxos import Put, replicated_log
from paxos_lab.paxos import Acceptor, single_decree
from paxos_lab.show import Stepper


@pytest.fixture
def stepper():
    return Stepper(MessageBus(single_decree(["x", "y"])))


def click(stepper, **request):
    stepper._handle_custom_msg({**request, "click": 1}, [])
    return stepper.view


def test_forward_follows_virtual_time_to_the_end(stepper):
    while stepper.view["can_forward"]:
        click(stepper, do="forward")
    assert stepper.bus["l1"].learned == "y"
    assert stepper.view["verdict"] == "y is chosen. By the rules, no other value can ever be."
    assert click(stepper, do="forward")["problem"].startswith("nothing is left to happen")


def test_back_and_forward_lead_to_the_same_place(stepper):
    for _ in range(12):
        click(stepper, do="forward")
    there = stepper.bus.trace.to_json()
    for _ in range(5):
        click(stepper, do="back")
    assert (stepper.view["step"], stepper.view["steps"]) == (9, 14)
    click(stepper, do="jump", step=0)
    assert stepper.view["step"] == 0
    click(stepper, do="jump", step=14)
    assert stepper.bus.trace.to_json() == there


def test_a_new_choice_in_the_past_begins_a_branch(stepper):
    for _ in range(4):
        click(stepper, do="forward")
    click(stepper, do="jump", step=2)
    view = click(stepper, do="drop", id=5)
    assert (view["step"], view["steps"]) == (3, 3)
    assert view["narration"][-1] == "3. The network loses Prepare(1.p2) from p2 to a2."


def test_every_control_does_what_it_says(stepper):
    bus = stepper.bus
    assert [m["id"] for m in stepper.view["flight"]] == [1, 2, 3, 4, 5, 6]
    click(stepper, do="deliver", id=4)
    assert str(bus["a1"].promised) == "1.p2"
    click(stepper, do="duplicate", id=5)
    assert len(stepper.view["flight"]) == 7
    click(stepper, do="deliver, then crash", id=6)
    assert bus.down == ["a3"] and str(bus["a3"].promised) == "1.p2"
    view = click(stepper, do="restart", node="a3")
    assert view["nodes"][4]["up"]
    click(stepper, do="crash", node="p1")
    assert not stepper.view["nodes"][0]["up"]
    click(stepper, do="timeout", node="p2", timer="retry")
    assert bus["p2"].round == 2
    view = click(stepper, do="cut", side=["a1"], one_way=False)
    assert view["cut"].startswith("The network is cut: a1 |")
    assert any("partition" in m["waits"] for m in view["flight"])
    assert click(stepper, do="heal")["cut"] == ""
    assert "nodes" in click(stepper, do="picture", show="cluster")["caption"]


def test_what_cannot_be_done_is_said_and_changes_nothing(stepper):
    before = stepper.bus.trace.to_json()
    for request in (
        {"do": "deliver", "id": 99},
        {"do": "restart", "node": "a1"},
        {"do": "heal"},
        {"do": "cut", "side": [], "one_way": False},
        {"do": "crash", "node": "nobody"},
        {"do": "nonsense"},
        {"do": "export", "form": "stone tablet"},
        {},
    ):
        assert click(stepper, **request)["problem"]
    assert stepper.bus.trace.to_json() == before
    assert click(stepper, do="forward")["problem"] == ""


def test_a_mistake_in_the_learners_role_is_told_in_the_widget():
    class Broken(Acceptor):
        def receive(self, sender, message):
            raise ZeroDivisionError("oh")

    stepper = Stepper(MessageBus(single_decree(["x"], acceptor=Broken)))
    view = click(stepper, do="deliver", id=1)
    assert "a1.receive" in view["problem"] and "ZeroDivisionError: oh" in view["problem"]
    assert view["step"] == 1
    with pytest.raises(RoleError):
        stepper.forward()


def test_exports_are_the_run(stepper):
    for _ in range(10):
        click(stepper, do="forward")
    trace = Trace.from_json(click(stepper, do="export", form="JSON")["export"])
    assert replay(single_decree(["x", "y"]), trace).trace == stepper.bus.trace
    assert "def rerun(nodes)" in stepper.export()
    assert stepper.export("Mermaid").startswith("sequenceDiagram")
    assert stepper.export("ShiViz").splitlines()[1].startswith("p1 {")


def test_stable_and_volatile_are_told_apart_and_changes_marked(stepper):
    view = click(stepper, do="deliver", id=4)
    acceptor = view["nodes"][2]
    assert acceptor["fields"] == [["promised", "1.p2", True, "on disk"], ["accepted", "-", False, "on disk"]]
    held = {name: where for name, _, _, where in view["nodes"][0]["fields"]}
    assert held["promises"] == "in memory" and held["round"] == "on disk"
    proposer = view["nodes"][0]
    assert not proposer["folded"], "few fields are all shown"
    assert proposer["timers"] == ["retry"]


def test_the_view_is_plain_json(stepper):
    assert json.loads(json.dumps(stepper.view)) == stepper.view


def test_the_bus_stays_yours(stepper):
    stepper.bus.deliver(4)
    assert stepper.look()["step"] == 3
    assert click(stepper, do="back")["step"] == 2


def test_it_needs_a_bus_with_a_trace():
    with pytest.raises(LabError, match="MessageBus"):
        Stepper(single_decree(["x"]))
    with pytest.raises(LabError, match="traced=False"):
        Stepper(MessageBus(single_decree(["x"]), traced=False))


def test_a_page_without_a_kernel_shows_the_picture(stepper):
    data = stepper.still()
    assert data["image/svg+xml"].startswith("<svg")


def test_of_many_fields_those_that_matter_come_first_and_none_is_lost():
    bus = MessageBus(replicated_log([[Put("x", 1)]]), delay=1)
    bus.run(max_steps=60)
    for node in Stepper(bus).view["nodes"][:3]:
        first = [name for name, *_ in node["fields"]]
        assert {"promised", "log", "role", "machine"} <= set(first) and len(first) <= 12
        assert len(node["folded"]) > 10 and not set(first) & {name for name, *_ in node["folded"]}
        assert "beats" not in first, "bookkeeping is folded"


def test_what_changed_just_now_is_never_folded():
    stepper = Stepper(MessageBus(replicated_log([[Put("x", 1)]]), delay=1))
    for _ in range(40):
        view = click(stepper, do="forward")
        changed = {name for name in stepper.bus.trace[-1].changed if stepper.bus.trace[-1].node == "s1"}
        assert not changed & {name for name, *_ in view["nodes"][0]["folded"]}


def test_a_message_to_a_node_that_is_down_is_not_lost_by_the_network(stepper):
    click(stepper, do="crash", node="a1")
    to_a1 = next(e.id for e in stepper.bus.in_flight if e.to == "a1")
    told = click(stepper, do="drop", id=to_a1)["narration"][-1]
    assert "a1 is down" in told and "network" not in told
    click(stepper, do="restart", node="a1")
    other = next(e.id for e in stepper.bus.in_flight if e.to == "a1")
    assert "The network loses" in click(stepper, do="drop", id=other)["narration"][-1]


def test_the_branch_that_was_left_stands_beside_the_one_on_screen(stepper):
    assert not stepper.view["can_compare"]
    assert "one future only" in click(stepper, do="futures")["problem"]
    click(stepper, do="deliver", id=1)
    click(stepper, do="deliver", id=2)
    assert not click(stepper, do="back")["can_compare"]
    view = click(stepper, do="drop", id=2)
    assert view["can_compare"] and not view["futures"]
    shown = click(stepper, do="futures")["futures"]
    assert "The first 3 steps are the same." in shown and "≠" in shown
    assert "loses" in shown and "a2" in shown
    assert not click(stepper, do="jump", step=3)["can_compare"], "there the two are one"


def test_to_do_again_what_was_undone_leaves_no_branch(stepper):
    click(stepper, do="deliver", id=1)
    click(stepper, do="back")
    assert not click(stepper, do="deliver", id=1)["can_compare"]
