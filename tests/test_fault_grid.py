"""The fault grid: every cell is a run of its own, judged from outside."""

import re
from dataclasses import dataclass

import pytest

from paxos_lab import Crash, Deliver, Drop, Duplicate, LabError, Restart, Start
from paxos_lab.paxos import (
    Accepted,
    Acceptor,
    Ballot,
    Learner,
    Majority,
    Prepare,
    Promise,
    Proposer,
    single_decree,
)
from paxos_lab.show import FaultGrid
from paxos_lab.show.measure.single_faults import CRASH_FAULTS, MESSAGE_FAULTS
from paxos_lab.show.widgets.fault_grid import SIGNS


def one():
    return single_decree(["tea"])


def two():
    return single_decree(["tea", "coffee"])


def p2_is_far(_rng, sender, _to):
    return 3.5 if sender == "p2" else 1


@pytest.fixture(scope="module")
def plain():
    return FaultGrid(one)


@pytest.fixture(scope="module")
def without_a3():
    return FaultGrid(one, before=[Crash("a3")])


@pytest.fixture(scope="module")
def rivals():
    return FaultGrid(two, delay=p2_is_far)


def test_there_is_a_cell_for_each_message_and_each_step_and_fault(plain):
    messages = plain.base.trace.messages
    assert len(messages) == 15 and len(plain.base.trace) == 16
    for fault in MESSAGE_FAULTS:
        assert [c.event.envelope for c in plain.pick(fault)] == messages
    for fault in CRASH_FAULTS:
        hit = [c.event for c in plain.pick(fault)]
        assert len(hit) == 16 and set(hit) == {s.event for s in plain.base.trace}
    assert len(plain.cells) == 3 * 15 + 4 * 16


def test_each_run_has_exactly_its_one_fault(rivals):
    marks = {
        "lost": [Drop],
        "doubled": [Duplicate],
        "late": [],
        "crash after": [Crash],
        "crash during": [Crash],
    }
    for cell in rivals.cells:
        trace = cell.bus().trace
        faults = [s for s in trace if isinstance(s.event, Drop | Duplicate | Crash | Restart)]
        # What is on its way to a node that is down is lost as well: the crash's doing, not a fault of its own.
        if "crash" in cell.fault:
            faults = [s for s in faults if not isinstance(s.event, Drop)]
        fault, _, back = cell.fault.partition(", ")
        assert [type(s.event) for s in faults] == marks[fault] + [Restart] * bool(back), cell
        if faults:
            assert faults[0].step == cell.step
        else:
            assert trace[cell.step - 1].event == cell.event
        if fault == "crash during":
            assert trace[cell.step - 1].event == Crash(cell.node, during=cell.event)


@pytest.mark.parametrize("which", ["plain", "without_a3"])
def test_a_late_message_arrives_when_all_else_is_over(which, request):
    for cell in request.getfixturevalue(which).pick("late"):
        trace = cell.bus().trace
        assert trace[cell.step - 1].event == cell.event
        sent_before = [e for s in trace[: cell.step - 1] for e in s.sent]
        arrived = [s.event.envelope for s in trace[: cell.step] if isinstance(s.event, Deliver | Drop)]
        assert set(sent_before) == set(arrived)


def test_with_all_acceptors_up_a_lost_message_costs_nothing(plain):
    assert plain.counts(*MESSAGE_FAULTS) == {"same decision": 45}
    assert all(c.time == 0 and c.messages <= 0 for c in plain.pick("lost"))


def test_with_one_acceptor_down_it_costs_a_retry(without_a3):
    lost = without_a3.pick("lost")
    to_learner = [c for c in lost if c.node == "l1"]
    assert len(to_learner) == 2
    for cell in lost:
        if cell in to_learner:
            assert (cell.outcome, cell.unlearned, cell.values) == ("not learned by all", ("l1",), ("tea",))
            assert cell.time is None
        else:
            assert (cell.outcome, cell.time) == ("same decision", 10) and cell.messages > 0
    dead = without_a3.pick("crash after", node="a1", kind=Prepare)
    assert [c.outcome for c in dead] == ["nothing chosen"]
    assert dead[0].words == "nothing chosen in 150 steps" and dead[0].cost == ""


def test_a_dead_proposer_leaves_the_field_to_its_rival(rivals):
    assert rivals.base["l1"].learned == "tea"
    after = rivals.pick("crash after", node="p1")
    assert [c.outcome for c in after] == ["other decision"] * 2 + ["same decision"] * 5
    assert after[0].values == ("coffee",) and isinstance(after[0].event, Start)
    during = rivals.pick("crash during", node="p1", kind=Promise)
    assert [c.outcome for c in during] == ["other decision", "other decision", "same decision"]


def test_a_learner_that_restarts_has_forgotten(plain):
    cells = plain.pick("crash after, restart", node="l1", kind=Accepted)
    assert [c.outcome for c in cells] == ["same decision"] + ["not learned by all"] * 2


@dataclass
class ForgetsPromise(Acceptor):
    promised: Ballot = Ballot.ZERO


def test_an_acceptor_that_forgets_is_caught():
    def broken():
        return single_decree(["tea", "coffee"], acceptor=ForgetsPromise)

    grid = FaultGrid(broken, seed=58, delay=(0.5, 3))
    cells = grid.pick(outcome="DISAGREEMENT")
    assert [(c.fault, c.node) for c in cells] == [
        ("crash after, restart", "a2"),
        ("crash after, restart", "a3"),
    ]
    assert all(sorted(c.values) == ["coffee", "tea"] for c in cells)
    assert any("!!" in count["words"] for count in grid.table.view["tabs"][1]["counts"])
    sound = FaultGrid(two, seed=58, delay=(0.5, 3))
    assert not sound.pick(outcome="DISAGREEMENT")


@dataclass
class Hasty(Learner):
    def receive(self, sender, message):
        self.learned = message.value


def test_a_learner_that_learns_what_is_not_chosen_is_caught():
    grid = FaultGrid(lambda: single_decree(["tea"], learner=Hasty), before=[Crash("a3")], max_steps=60)
    no_promise = grid.pick("crash during", node="a1", kind=Prepare)
    assert [c.outcome for c in no_promise] == ["nothing chosen"]  # nobody votes, so it is told nothing
    voted_once = grid.pick("crash during", node="a2")[-1]
    assert voted_once.outcome == "DISAGREEMENT"
    assert voted_once.words == "DISAGREEMENT: tea learned, not chosen"


@dataclass
class Brittle(Proposer):
    def recover(self):
        raise ZeroDivisionError("recover is <b>broken</b>")


def test_a_role_that_fails_is_an_outcome_of_its_cell():
    grid = FaultGrid(lambda: single_decree(["tea"], proposer=Brittle))
    failed = grid.pick(outcome="a role failed")
    assert failed == grid.pick("crash after, restart", node="p1") + grid.pick(
        "crash during, restart", node="p1"
    ) or {c.fault for c in failed} == {"crash after, restart", "crash during, restart"}
    assert len(failed) == 14 and all(c.node == "p1" for c in failed)
    assert "ZeroDivisionError: recover is <b>broken</b>" in failed[0].words
    grid.open_run(failed[0])
    assert "p1" in grid.stepper.bus.down


def test_the_same_arguments_give_the_same_grid():
    first, second = (FaultGrid(two, seed=3, delay=(0.2, 2)) for _ in range(2))
    assert first.cells == second.cells
    assert first.table.view == second.table.view
    other = FaultGrid(two, seed=4, delay=(0.2, 2))
    assert first.cells != other.cells


def test_a_pressed_cell_opens_its_run_at_the_fault(rivals):
    grid = FaultGrid(two, delay=p2_is_far)
    cell = grid.pick("crash during", node="a2", kind=Prepare)[0]
    index = grid.cells.index(cell)
    grid.table._handle_custom_msg({"do": "open", "cell": index}, [])
    assert grid.children[1:] == (grid.table, grid.stepper)
    assert grid.stepper.view["step"] == cell.step < grid.stepper.view["steps"] == len(cell.bus().trace)
    assert "crashes between disk and network" in grid.stepper.view["narration"][-1]
    assert (
        grid.table.opened["cell"] == index and "a2 gets Prepare(1.p1) from p1" in grid.table.opened["words"]
    )
    end = grid.stepper.view["steps"]
    grid.stepper.jump(end)
    assert grid.stepper.bus.trace.to_json() == cell.bus().trace.to_json()
    # What is done in the stepper stays there: the cell opens again as it was.
    grid.stepper.jump(0)
    assert len(grid.open_run(cell).bus.trace) == cell.step
    assert grid.cells == rivals.cells


def test_a_request_that_names_no_cell_does_nothing(plain):
    for message in ({"do": "open", "cell": 999}, {"do": "open", "cell": -1}, {"do": "open"}, {"cell": 1}):
        plain.table._handle_custom_msg(message, [])
    assert plain.stepper is None and plain.children[1:] == (plain.table,)


def test_a_run_that_does_not_end_is_cut_and_says_so():
    grid = FaultGrid(one, before=[Crash("a1"), Crash("a2")], max_steps=40)
    assert repr(grid).startswith("Without a fault: 40 steps (cut there), ")
    assert {c.words for c in grid.pick("lost")} == {"nothing chosen in 40 steps"}
    assert all(len(c.bus().trace) == 40 for c in grid.pick("lost"))


def test_who_stays_idle_need_not_learn():
    grid = FaultGrid(two, idle="p2")
    assert grid.counts(*MESSAGE_FAULTS) == {"same decision": 45}


def test_hostile_names_and_values_stay_text():
    evil = '<script>alert("x")</script>|`*'
    grid = FaultGrid(
        lambda: [
            Proposer(evil, evil, ("a1",)),
            Acceptor("a1", (evil + "l",)),
            Learner(evil + "l", Majority(("a1",))),
        ]
    )
    page = grid.still()["text/html"]
    assert "<script" not in page and "&lt;script" in page
    rows = re.findall('<tr><th scope="row">#.*?</tr>', page)
    assert rows and all(row.count("<td>") == len(MESSAGE_FAULTS) for row in rows)


def test_a_page_without_a_kernel_shows_both_tables(plain):
    data = plain.still()
    table = data["text/html"]
    assert table.count('<th scope="col">') == 2 + len(MESSAGE_FAULTS) + len(CRASH_FAULTS)
    assert table.count("<tr>") == 2 + 15 + 16
    assert data["text/plain"].startswith(
        "Without a fault: 16 steps, 15 messages, chosen: tea, all learned by time 4."
    )


def test_every_cell_says_its_fault_and_outcome_aloud(without_a3):
    for tab in without_a3.table.view["tabs"]:
        for row in tab["rows"]:
            for cell in row["cells"]:
                fault = without_a3.cells[cell["index"]]
                assert fault.words in cell["aria"] and row["label"] in cell["aria"]
                assert cell["sign"] == SIGNS[fault.outcome]
    lost = without_a3.pick("lost")[0]
    label = without_a3.table.view["tabs"][0]["rows"][0]["cells"][0]["aria"]
    assert (
        label == ("#1 p1 → a1: Prepare(1.p1); the network loses it: same decision; +10 time, +4 messages")
        and lost.cost in label
    )


def test_what_cannot_be_shown_is_said():
    with pytest.raises(LabError, match="a function that makes nodes"):
        FaultGrid(one())
    nodes = one()
    with pytest.raises(LabError, match="new nodes each time"):
        FaultGrid(lambda: nodes)
    with pytest.raises(LabError, match="give it quorums"):
        FaultGrid(lambda: [Acceptor("a1")])
    grid = FaultGrid(one)
    with pytest.raises(LabError, match="there is no 'stolen'; there are lost"):
        grid.pick("stolen")
    with pytest.raises(LabError, match="there are same decision"):
        grid.pick(outcome="fine")
    with pytest.raises(LabError, match="no cell 109"):
        grid.open_run(109)
