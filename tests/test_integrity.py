"""The guard of a graded check: the honest pass, and each way to replace the judge is refused."""

import ast
import builtins
import dataclasses
import functools
import importlib
import runpy
import sys
import types
import typing
from pathlib import Path

import pytest

import paxos_lab.multipaxos
import paxos_lab.relatives
import paxos_lab.teach
import paxos_lab.verify
from paxos_lab.node import Node, stable
from paxos_lab.paxos import Acceptor, single_decree
from paxos_lab.teach.exercises import trials
from paxos_lab.verify import explore
from paxos_lab.verify.explorer import exploration

FOLDER = Path(paxos_lab.teach.__file__).parent
judge = importlib.import_module(
    "paxos_lab.teach.exercises.checking"
)  # `paxos_lab.teach.exercises.checking` may be the function
answers = importlib.import_module("paxos_lab.teach.exercises.answer")

TASK = "acceptor.promise"


def guard(check, answer, **more):
    """As the hidden lines do it: a fresh copy, straight from the file."""
    runpy.run_path(str(FOLDER / "grading/honest.py"))["guard"](check, answer, **more)


def untouched(*names):
    runpy.run_path(str(FOLDER / "grading/same_source.py"))["untouched"](*names)


@pytest.fixture(scope="module", autouse=True)
def each_file_is_parsed_once():
    """The guard reads some sixty files; for one call that is nothing, for all tests here it adds up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ast, "parse", functools.cache(ast.parse))
        yield


@pytest.fixture(scope="module")
def passed():
    answer = judge.check(TASK, Acceptor)
    assert answer.passed, answer.headline
    return answer


def refused(check, answer, words):
    with pytest.raises(AssertionError) as caught:
        guard(check, answer)
    assert words in str(caught.value)
    assert type(caught.value).__name__ == "Tampered"
    assert str(caught.value).endswith("leave paxos_lab and `check` as they are.")


def test_an_honest_pass_goes_through(passed):
    guard(judge.check, passed)


def test_an_honest_fail_raises_its_headline():
    class Deaf(Node):
        pass

    answer = judge.check(TASK, Deaf)
    assert not answer.passed
    with pytest.raises(AssertionError) as caught:
        guard(judge.check, answer)
    assert str(caught.value) == answer.headline


def test_use_leaves_no_trace_that_the_guard_mistakes_for_tampering(passed):
    """Searching, drawing, stepping and running nodes of one's own change no function and no class."""

    @dataclasses.dataclass
    class Mine(Acceptor):
        seen: int = stable(0)

    explore(single_decree(["x", "y"], acceptor=Mine), max_states=200)
    paxos_lab.teach.AdversaryGame(lambda: single_decree(["x", "y"]), "a game")
    guard(judge.check, passed)


def test_check_overwritten_in_the_notebook(passed):
    refused(lambda *things: passed, passed, "`check` is not the course's own")


def test_check_replaced_in_its_module(passed, monkeypatch):
    def check(task, *things):
        return answers.Answer(task, True, "passed")

    monkeypatch.setattr(judge, "check", check)
    refused(check, check(TASK), "paxos_lab.teach.exercises.checking.check is not what the course's file says")


def test_the_code_of_check_replaced(passed, monkeypatch):
    def check(task, *things):
        return None

    monkeypatch.setattr(judge.check, "__code__", check.__code__)
    refused(
        judge.check, passed, "paxos_lab.teach.exercises.checking.check is not what the course's file says"
    )


def test_the_search_replaced_where_it_stands_and_where_it_was_imported(passed, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(exploration, "explore", lambda *a, **k: None)
        refused(judge.check, passed, "paxos_lab.verify.explorer.exploration.explore is not what")
    with monkeypatch.context() as patch:
        patch.setattr(trials, "explore", lambda *a, **k: None)
        refused(judge.check, passed, "paxos_lab.teach.exercises.trials.explore is not what")
    guard(judge.check, passed)


def test_defaults_changed(passed, monkeypatch):
    monkeypatch.setattr(explore, "__kwdefaults__", None)
    monkeypatch.setattr(explore, "__defaults__", ())
    refused(judge.check, passed, "paxos_lab.verify.explorer.exploration.explore has other defaults")


def test_a_method_replaced_or_wrapped(passed, monkeypatch):
    from paxos_lab.bus import MessageBus

    @functools.wraps(MessageBus.apply)
    def apply(self, event):
        return None

    monkeypatch.setattr(MessageBus, "apply", apply)
    refused(judge.check, passed, "paxos_lab.bus.MessageBus.apply is not what")


def test_a_pass_written_on_the_class(passed, monkeypatch):
    monkeypatch.setattr(answers.Answer, "passed", True, raising=False)
    refused(judge.check, passed, "paxos_lab.teach.exercises.answer.Answer.passed was set on the class")


def test_truth_added_to_a_class(passed, monkeypatch):
    monkeypatch.setattr(answers.Answer, "__getattribute__", lambda self, name: True, raising=False)
    refused(judge.check, passed, "Answer.__getattribute__ was added to the class")


def test_a_function_where_python_itself_writes_no_function(passed, monkeypatch):
    monkeypatch.setattr(answers.Answer, "__hash__", lambda self: 0)
    refused(judge.check, passed, "Answer.__hash__ was added to the class")


def test_a_name_that_only_another_python_writes(passed, monkeypatch):
    """What Python itself writes into a class is asked of the Python that runs; no list says it."""
    monkeypatch.setattr(answers.Answer, "__kept_hints__", {}, raising=False)
    refused(judge.check, passed, "Answer.__kept_hints__ was added to the class")
    hints = typing.get_type_hints

    def get_type_hints(cls):
        cls.__kept_hints__ = {}
        return hints(cls)

    monkeypatch.setattr(typing, "get_type_hints", get_type_hints)
    guard(judge.check, passed)
    monkeypatch.setattr(answers.Answer, "__kept_hints__", 1, raising=False)
    refused(judge.check, passed, "Answer.__kept_hints__ was added to the class")


def test_an_answer_that_check_never_gave(passed):
    made_up = answers.Answer(TASK, True, "passed")
    refused(judge.check, made_up, "`check` has not given this answer")
    refused(judge.check, dataclasses.replace(passed), "`check` has not given this answer")


def test_an_answer_of_another_class(passed):
    class Answer(answers.Answer):
        pass

    refused(judge.check, Answer(TASK, True, "passed"), "not one of those that `check` gives")
    refused(judge.check, types.SimpleNamespace(passed=True), "not one of those that `check` gives")


def test_a_task_replaced_in_the_list_of_all(passed, monkeypatch):
    easy = dataclasses.replace(judge.ALL[TASK], judge=lambda *things: "fine")
    monkeypatch.setitem(judge.ALL, TASK, easy)
    refused(judge.check, passed, f"The task {TASK} is not the course's own")


def test_the_judge_of_a_task_replaced(passed):
    task = judge.ALL[TASK]
    kept = task.judge
    object.__setattr__(task, "judge", lambda *things: "fine")
    try:
        refused(judge.check, passed, ".TASKS is not what the course's file says")
    finally:
        object.__setattr__(task, "judge", kept)
    guard(judge.check, passed)


def test_a_builtin_hidden_by_a_name_of_the_module(passed, monkeypatch):
    monkeypatch.setattr(judge, "isinstance", lambda *a: True, raising=False)
    refused(
        judge.check,
        passed,
        "paxos_lab.teach.exercises.checking.isinstance was put there and hides the builtin",
    )


def test_a_builtin_replaced(passed, monkeypatch):
    monkeypatch.setattr(builtins, "any", lambda things: True)
    refused(judge.check, passed, "The builtin any was replaced")


def test_a_module_put_in_place_of_another(passed, monkeypatch):
    fake = types.ModuleType("paxos_lab.teach.exercises.checking")
    fake.check = lambda *a: passed
    fake.given = [passed]
    monkeypatch.setitem(sys.modules, "paxos_lab.teach.exercises.checking", fake)
    refused(fake.check, passed, "paxos_lab.teach.exercises.checking")


def test_a_receipt_is_shown_on_a_pass_only(passed, capsys):
    guard(judge.check, passed, receipt="abc")  # without IPython, `display` prints
    assert "'application/vnd.paxos-lab.receipt': 'abc'" in capsys.readouterr().out
    with pytest.raises(AssertionError):
        guard(judge.check, judge.check(TASK, ...), receipt="abc")
    printed = capsys.readouterr().out
    assert "abc" not in printed and "Not written yet" in printed


def test_every_module_of_the_course_can_be_compared():
    """Whatever is loaded in this process, drawn and searched with by other tests, is as its file says."""
    names = [name for name in sys.modules if name.split(".")[0] == "paxos_lab"]
    assert len(names) > 60
    untouched(*names)


def test_what_the_checks_do_not_rest_on_may_be_changed(passed, monkeypatch):
    monkeypatch.setattr(paxos_lab.teach, "AdversaryGame", None)
    guard(judge.check, passed)
