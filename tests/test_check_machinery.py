"""What all checks share: how they end, what they say when they cannot, and that an answer is always shown."""

import io
import json
import multiprocessing
import runpy
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import verdicts
import verdicts_roles
from checking import cell

import paxos_lab.teach
from paxos_lab.paxos import Acceptor, single_decree
from paxos_lab.teach import check, hint, progress
from paxos_lab.teach import store as kept
from paxos_lab.teach.exercises import trials
from paxos_lab.teach.exercises.answer import NotYet, Unfinished
from paxos_lab.teach.exercises.handed_in import call_apart, guarded
from paxos_lab.teach.exercises.in_words import same, shown, truth
from paxos_lab.teach.exercises.one_value.e06_test_suite import wrong_runs
from paxos_lab.teach.exercises.patience import (
    CallTooLong,
    CheckTooLong,
    MachineBusy,
    OutOfWork,
    at_most,
    ends,
    entered,
    our_own_work,
    spend_a_hook,
)
from paxos_lab.teach.exercises.record import note
from paxos_lab.verify.wrong.single_decree import MUTANTS


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PAXOS_LAB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


# ---- how a check ends


def for_ever():
    while True:
        pass


def test_each_way_to_go_on_for_too_long_has_its_name():
    with pytest.raises(CheckTooLong), ends(work=0.0):
        for_ever()
    with pytest.raises(CallTooLong), ends(in_one_call=0.0), entered():
        for_ever()
    with pytest.raises(MachineBusy), ends(wall=0.0):
        for_ever()


def test_the_courses_own_work_is_not_charged():
    with pytest.raises(MachineBusy), ends(work=0.0, wall=1.0), our_own_work():
        for_ever()


def test_a_search_is_given_so_many_calls_and_no_more():
    spend_a_hook()  # outside a search nothing is counted
    with at_most(1):
        spend_a_hook()
        with pytest.raises(OutOfWork):
            spend_a_hook()
    role = guarded(Acceptor)
    with at_most(2):
        role("a1").receive("p1", "hello")
        role("a1").receive("p1", "hello")
        with pytest.raises(OutOfWork):
            role("a1").receive("p1", "hello")


@pytest.mark.parametrize("bound", [{"max_states": 20}, {"hooks": 20}])
def test_a_search_that_was_cut_is_no_pass(bound):
    make = lambda: single_decree("xyz", acceptor=guarded(Acceptor))  # noqa: E731
    if "hooks" in bound:  # the slower search is cut as well
        assert trials.STEP_BY_STEP < 10_000
    with pytest.raises(Unfinished, match="I could not try every schedule"):
        trials.every_schedule(make, "3 ballots", **bound)
    said = trials.every_schedule(make, "3 ballots", extra=True, **bound)
    assert "not every schedule" in said


def test_settings_are_tried_from_small_to_large_as_far_as_they_end():
    def setting(values):
        return lambda: single_decree(values, acceptor=guarded(Acceptor), learners=0), f"{values}", None

    said = trials.as_far_as_it_ends([setting("x"), setting("xyz"), setting("xy")], hooks=350)
    assert [line.partition(":")[0] for line in said] == ["x", "xyz"]
    assert said[0].endswith("every schedule.") and "not every schedule" in said[1]


REMEMBERS = verdicts_roles._but(
    verdicts_roles.PROPOSER,
    "    learned: Any = None\n",
    "    learned: Any = None\n    heard: tuple = ()\n",
    "        match message:\n",
    "        self.heard += (message,)\n        match message:\n",
)


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAXOS_LAB_HOME", str(tmp_path_factory.mktemp("home")))
        yield check("proposer.phases", cell(REMEMBERS, verdicts.IMPORTS)["Proposer"])


def test_what_cannot_be_finished_is_neither_a_pass_nor_a_fail(unfinished):
    assert not unfinished.passed and not unfinished.finished and unfinished.written
    assert "NOT JUDGED. I could not try every schedule" in str(unfinished)
    assert "Not judged." in unfinished.html()
    assert "neither a pass nor a fail" in str(unfinished)


def test_the_record_counts_no_try_without_a_verdict(unfinished):
    note(unfinished)
    assert "not judged  proposer.phases" in str(progress("04")) and progress().passed == []
    assert "tries" not in kept.load("progress")["proposer.phases"]
    assert not check("proposer.phases", 3).passed
    assert kept.load("progress")["proposer.phases"] == {"passed": False, "tries": 1}


def test_the_guard_says_that_it_was_not_judged(unfinished):
    path = Path(paxos_lab.teach.__file__).parent / "grading" / "honest.py"
    with pytest.raises(AssertionError, match="I could not try every schedule") as caught:
        runpy.run_path(str(path))["guard"](check, unfinished)
    assert type(caught.value).__name__ == "NotJudged"


def test_preparation_is_kept_run_by_run():
    first = wrong_runs(["M7"])
    assert wrong_runs(["M7"])[0] is first[0] and first[0].id == "M7"
    assert len(MUTANTS) > len(wrong_runs(["M7", "M13"])) == 2


# ---- what can be said of anything


class Yes:
    def __eq__(self, other):
        return True

    __hash__ = None

    def __repr__(self):
        raise RuntimeError


def test_anything_can_be_shown_and_compared():
    assert shown(10**5000) == "a whole number of more than 4,300 digits"
    assert shown(Yes()) == "a Yes that cannot be printed (RuntimeError in its repr)"
    assert shown("x" * 99, 20) == "'" + "x" * 16 + "..."
    assert not same(Yes(), 1) and not same(1, Yes()) and same(1, 1) and not same(float("nan"), 1)
    with pytest.raises(NotYet, match="cannot be compared"):
        same([_Raises()], [1])
    assert [truth(got, "f()") for got in (True, 1, 0, None, False)] == [True, True, False, False, False]
    for odd in (2, "yes", Yes(), 1.0):
        with pytest.raises(NotYet, match="True or False is wanted"):
            truth(odd, "f()")


class _Raises:
    def __eq__(self, other):
        raise RuntimeError

    __hash__ = None


def test_changed_arguments_are_noticed():
    assert call_apart(len, things=[1, 2]) == 2
    with pytest.raises(NotYet, match=r"It changes its argument things: \[2, 1\] became \[1, 2\]"):
        call_apart(list.sort, things=[2, 1])


# ---- an answer is always shown


ODD_MESSAGES = """
class Boom(Exception):
    def __str__(self):
        raise RuntimeError

@dataclass(frozen=True)
class Shy:
    ballot: Any = None
    def __repr__(self):
        raise Boom

@dataclass(frozen=True, eq=False)
class Odd:
    ballot: Any = None
    def __eq__(self, other):
        raise Boom
    def __hash__(self):
        return 1
"""


@pytest.mark.parametrize(
    "line",
    [
        "self.send(sender, Shy())", "self.send(sender, Promise(Odd(), None))", "self.send(sender, Promise(10**6000, None))",
        "self.send(sender, Promise(ballot, Proposal(ballot, 10**6000)))", "self.send(sender, Promise(ballot, (1, 2)))",
        "self.send(sender, Promise(float('nan'), None))", "raise Boom", "raise KeyError(Shy())", "sys.exit()",
        "d = {}; d[1] = d; self.votes = d", "self.votes = float('nan')", "self.votes = Odd()", "self.send(Odd(), 3)",
        "self.set_timer(Shy(), 1)", "raise GeneratorExit",
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", [verdicts_roles.GUARD_1, verdicts_roles.GUARD_2])
def test_whatever_a_role_does_is_answered_and_shown(line, where):
    source = ODD_MESSAGES + verdicts_roles._but(
        verdicts_roles.ACCEPTOR, where, where + "\n                " + line
    )
    answer = check("acceptor.accept", cell(source, verdicts.IMPORTS)["Acceptor"])
    # A NaN in a field is like itself, and does no harm there.
    assert answer.finished and answer.passed == (line == "self.votes = float('nan')"), answer
    with redirect_stdout(io.StringIO()):
        answer._ipython_display_()
    assert answer.html() and "could not judge" not in answer.headline


def test_a_run_that_no_picture_can_show_is_told_in_words(monkeypatch, capsys):
    wrong = cell(verdicts_roles.WRONG["acceptor.promise"][3][0], verdicts.IMPORTS)["Acceptor"]
    answer = check("acceptor.promise", wrong)

    def raises(*things):
        raise TypeError

    monkeypatch.setattr("paxos_lab.teach.exercises.answer.narrate", raises)
    monkeypatch.setattr("paxos_lab.teach.exercises.answer.Stepper", raises)
    answer._ipython_display_()
    assert "This run has no picture" in capsys.readouterr().out
    assert answer.story()[0].startswith("1. start at") and "cannot be put in words" in answer.story()[0]


def test_what_is_printed_is_kept_back_and_its_end_shown_with_a_fail(capsys):
    loud = verdicts_roles._but(verdicts_roles.ACCEPTOR, *verdicts_roles.LOUD)
    right = check("acceptor.promise", cell(loud, verdicts.IMPORTS)["Acceptor"])
    wrong = verdicts_roles._but(loud, verdicts_roles.GUARD_1, "case Prepare(ballot):")
    answer = check("acceptor.promise", cell(wrong, verdicts.IMPORTS)["Acceptor"])
    assert capsys.readouterr().out == ""
    assert right.passed and right.details == ()
    assert "lines. The last of them: " in answer.details[-1] and "a1 got Prepare(1.p1)" in answer.details[-1]


# ---- the record


def test_a_home_that_cannot_be_written_costs_the_record_and_not_the_verdict(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PAXOS_LAB_HOME", str(tmp_path / "file" / "inside"))
    answer = check("acceptor.promise", Acceptor)
    assert answer.passed and "This attempt was not recorded" in answer.details[-1]
    assert "%env PAXOS_LAB_HOME" in answer.details[-1]
    box = hint("acceptor.promise")
    box.button.click()
    assert box.opened == 1 and "1. " in str(box)


def _count_up(times):
    for _ in range(times):
        kept.change("numbers", lambda data: {"sum": data.get("sum", 0) + 1})


def test_two_kernels_on_one_home_lose_nothing(home):
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=_count_up, args=(30,)) for _ in range(3)]
    for process in others:
        process.start()
    _count_up(30)
    for process in others:
        process.join()
    assert json.loads((home / "numbers.json").read_text()) == {"sum": 120}
