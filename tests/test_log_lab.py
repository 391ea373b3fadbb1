"""The log lab: kill the leader, see who takes over, bring it back, undo."""

from pathlib import Path

import nbformat
import pytest

from paxos_lab import LabError, MessageBus
from paxos_lab.multipaxos import Append, Put, replicated_log
from paxos_lab.paxos import single_decree
from paxos_lab.show import LogLab


def lab(**settings):
    wanted = [[Append("k", f"{name}{i} ") for i in range(4)] for name in "abc"]
    return LogLab(MessageBus(replicated_log(wanted, **settings), delay=1))


def names(box):
    return [button.description for button in box._kill.values()]


def test_the_leader_dies_another_takes_over_and_the_old_one_returns():
    box = lab()
    while len(box.leaders) != 1 or not box.bus["c1"].results:  # at first there may be none, or two
        box.step_button.click()
    (old,) = box.leaders
    box._kill[old].click()
    assert old in box.bus.down and box.leaders == []
    assert "nobody leads" in box.status.value and f"Restart {old}" in names(box)
    assert f"{old} crashes" in box.status.value
    box.quiet_button.click()
    (new,) = box.leaders
    assert new != old and "every client has its answers" in box.headline()
    assert f"leader {box.bus[new].ballot}" in box.picture.value
    box._kill[old].click()
    assert old not in box.bus.down and f"Kill {old}" in names(box)
    for _ in range(10):
        box.run_button.click()
    assert box.bus[old].applied() == box.bus[new].applied() and box.leaders == [new]
    words = box.bus[new].machine.data["k"].split()
    assert sorted(words) == sorted(f"{name}{i}" for name in "abc" for i in range(4))


def test_undo_takes_back_one_click_and_the_start_comes_back():
    box = lab()
    begin = box.headline()
    box.undo_button.click()
    assert "nothing to take back" in box.status.value
    box.run_button.click()
    after = box.headline(), box.picture.value
    box._kill["s1"].click()
    assert "Restart s1" in names(box)
    box.undo_button.click()
    assert (box.headline(), box.picture.value) == after and "Kill s1" in names(box)
    box.undo_button.click()
    assert box.headline() == begin
    box.run_button.click()
    box.again_button.click()
    assert box.headline() == begin and "Back at the start" in box.status.value


def test_it_begins_where_the_bus_stands():
    bus = MessageBus(replicated_log([[Put("x", 1)]]), delay=1)
    bus.run(max_steps=12)
    box, here = LogLab(bus), len(bus.trace)
    box.run_button.click()
    assert len(bus.trace) > here
    box.again_button.click()
    assert len(bus.trace) == here


def test_a_truncated_slot_is_told_from_an_executed_one():
    box = lab(snapshot_every=5)
    box.quiet_button.click()
    assert ">cleared<" in box.picture.value and ">executed<" in box.picture.value


def test_when_nothing_is_left_it_says_so():
    box = lab(servers=1)
    box.quiet_button.click()
    for name in ("s1", "c1", "c2", "c3"):
        if name not in box.bus.down:
            box.bus.crash(name)
    box.run_button.click()
    assert "Nothing is left to happen" in box.status.value


def test_what_a_client_asks_for_stays_text():
    evil = '<img src=x onerror="window.pwned = 1">'
    box = LogLab(MessageBus(replicated_log([[Put("x", evil)]]), delay=1))
    box.quiet_button.click()
    assert "<img" not in box.status.value + box.picture.value


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (3, "shows a MessageBus"),
        (MessageBus(single_decree(["x"])), "replicated_log"),
        (MessageBus(replicated_log([[Put("x", 1)]]), traced=False), "trace"),
    ],
)
def test_what_it_cannot_show_is_named(thing, said):
    with pytest.raises(LabError, match=said):
        LogLab(thing)


def test_a_page_without_a_kernel_sees_the_log():
    bundle = lab().still()
    assert "image/svg+xml" in bundle and "Log lab. Time 0" in bundle["text/plain"]


def under_way(box):
    return sorted({e.message.slot for e in box.bus.in_flight if type(e.message).__name__ == "Accept"})


def test_a_new_leader_fills_a_hole_with_a_no_op_before_ones_eyes():
    """What lesson 08 asks for: which slots does the new leader fill, and with what?"""
    box = lab(alpha=3)
    while len(under_way(box)) < 2:
        box.step_button.click()
    lowest = under_way(box)[0]
    box.lose_button.click()
    assert lowest not in under_way(box) and "The network loses Accept" in box.status.value + box.told.value
    (old,) = box.leaders
    others = [f"s{i}" for i in (1, 2, 3) if f"s{i}" != old]
    while not any(box.bus[name].votes for name in others):
        box.step_button.click()
    box._kill[old].click()
    while not any(lowest in box.bus[name].log for name in others):
        box.step_button.click()
    assert "no-op" in box.words.value and "no-op" in box.picture.value
    box.quiet_button.click()
    (new,) = box.leaders
    assert new != old and box.bus[new].log[lowest] == ()
    assert "every client has its answers" in box.headline()


def test_where_no_accept_is_under_way_there_is_none_to_lose():
    box = lab()
    box.lose_button.click()
    assert "No Accept is under way" in box.status.value and len(box.bus.trace) == box._begin


def test_without_a_majority_it_gives_up_and_says_why():
    box = lab()
    box.quiet_button.click()
    box.again_button.click()
    for name in ("s1", "s2"):
        box._kill[name].click()
    box.quiet_button.click()
    assert "Stopped after" in box.status.value
    assert "1 of 3 servers are up: no majority, so nothing can be chosen" in box.status.value
    assert "The network loses" not in box.told.value and "is down, so" in box.told.value


def the_lab_of_lesson_08():
    path = Path(__file__).resolve().parent.parent / "notebooks/08_multi_paxos.ipynb"
    (source,) = (c.source for c in nbformat.read(path, as_version=4).cells if "LogLab(" in c.source)
    wanted, lab_line = source.rsplit("\n", 1)
    names = {"Append": Append, "LogLab": LogLab, "MessageBus": MessageBus, "replicated_log": replicated_log}
    exec(wanted, names)
    return eval(lab_line, names)


def test_what_lesson_08_asks_for_can_be_done_in_its_lab_as_it_says():
    box = the_lab_of_lesson_08()
    box.run_button.click()
    box.run_button.click()
    for _ in range(5):
        if len(under_way(box)) < 2:
            box.step_button.click()
    lowest, later = under_way(box)
    (old,) = box.leaders
    others = [f"s{i}" for i in (1, 2, 3) if f"s{i}" != old]
    box.lose_button.click()
    for _ in range(10):
        if not any(later in box.bus[name].votes for name in others):
            box.step_button.click()
    box._kill[old].click()
    box.quiet_button.click()
    (new,) = box.leaders
    assert new != old and box.bus[new].log[lowest] == () and box.bus[new].log[later] != ()
    assert "every client has its answers" in box.headline()
