"""`check` answers every mistake in words, always comes back, and remembers what was passed."""

import json

import pytest
from checking import cell

from paxos_lab import LabError
from paxos_lab.paxos import Acceptor, value_to_propose
from paxos_lab.teach import check, export_progress, hint, progress, reset_progress
from paxos_lab.teach import store as kept
from paxos_lab.teach.exercises.checking import CONFUSED
from paxos_lab.teach.exercises.patience import ends
from paxos_lab.teach.exercises.tasks import ALL


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PAXOS_LAB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


ROLE = """
@dataclass
class Acceptor(Node):
    learners: tuple = ()
    promised: Ballot = stable(Ballot.ZERO)
    accepted: Proposal | None = stable(None)

    def receive(self, sender, message):
        {body}
"""


def acceptor(body):
    return cell(ROLE.format(body=body))["Acceptor"]


@pytest.mark.parametrize(
    ("body", "headline", "detail"),
    [
        ("1 / 0", "When a1 gets Prepare(1.p1), it raised ZeroDivisionError: division by zero.", "in receive: `1 / 0`"),
        ("promised = self.promisd", "it raised AttributeError", "line 9 of the cell"),
        ("while True: pass", "does not come to an end", "set a timer"),
        ("self.kept = 3", "set self.kept, which is not a field", ""),
        ("return message", "use self.send(to, message)", ""),
        ("self.send('nobody', message)", "nobody", ""),
        ("message.ballot = 3", "FrozenInstanceError", "line 9"),
        ("self.promised = object()", "promised", ""),
        ("raise NotImplementedError", "a part is not written yet", "line 9"),
        ("self.send(sender, 3)", "It did not promise", "It sent: 3 to p1"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_role_is_told_with_its_line(body, headline, detail):
    answer = check("acceptor.accept", acceptor(body))
    assert not answer.passed and answer.written
    assert headline in answer.headline
    assert detail in " ".join(answer.details)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_who_swallows_every_exception_is_stopped_too():
    role = acceptor("while True:\n            try: x = 1\n            except: pass")
    answer = check("acceptor.accept", role)
    assert not answer.passed and "does not come to an end" in answer.headline


def test_what_ends_in_time_is_left_alone_and_nothing_is_shot_afterwards():
    with ends(0.3):
        assert sum(range(1000)) == 499500
    assert check("acceptor.promise", Acceptor).passed


@pytest.mark.parametrize("thing", [None, 3, "Acceptor", int, Acceptor("a1"), lambda: 1])
def test_the_wrong_thing_for_a_class_is_named(thing):
    answer = check("acceptor.accept", thing)
    assert not answer.passed and "I expected the class Acceptor" in answer.headline


@pytest.mark.parametrize("thing", [3, "value", int])
def test_the_wrong_thing_for_a_function_is_named(thing):
    answer = check("proposer.value", thing)
    assert not answer.passed and "I expected the function value_to_propose" in answer.headline


def test_a_class_that_lacks_a_method_or_the_decorator_is_told_so():
    lacks = cell("@dataclass\nclass Acceptor(Node):\n    learners: tuple = ()\n")["Acceptor"]
    assert "has no method receive" in check("acceptor.accept", lacks).headline
    bare = cell("class Acceptor(Node):\n    learners: tuple = ()\n    def receive(self, s, m): pass\n")[
        "Acceptor"
    ]
    assert not check("acceptor.accept", bare).passed


def test_wrong_numbers_of_things_and_unknown_tasks():
    assert 'check("acceptor.accept", Acceptor)' in check("acceptor.accept").details[0]
    assert "acceptor.promise" in check("acceptor.nothing", Acceptor).details[0]
    assert "There is no task 3" in check(3).headline
    assert not (kept.home() / "progress.json").exists() or "3" not in kept.load("progress")


@pytest.mark.parametrize("body", ["...", "match message:\n            case Prepare(b): ..."])
def test_a_stub_is_not_written_yet(body):
    answer = check("acceptor.accept", acceptor(body))
    assert not answer.passed and not answer.written and "still a `...`" in answer.headline


def test_a_right_solution_may_contain_dots():
    body = "match message:\n            case Prepare() | Accept(): super(type(self), self)\n            case _: ..."
    assert not check("acceptor.accept", acceptor(body)).passed
    right = cell(
        """
        def pick(reports, own):
            if not any(reports):
                ...
            return max((r for r in reports if r), key=lambda r: r.ballot, default=Proposal(Ballot.ZERO, own)).value
        """
    )["pick"]
    assert check("proposer.value", right).passed


def test_every_task_has_three_hints_and_says_what_it_takes():
    for task in ALL.values():
        assert len(task.hints) == 3 and all(len(h) > 30 for h in task.hints), task.id
        assert task.takes and task.title and task.lesson.isdigit()
        assert len(set(task.hints)) == 3


@pytest.mark.parametrize("id", list(ALL))
def test_no_task_ever_raises(id):
    count = len(ALL[id].takes)
    for thing in (None, ..., 3, "text", int, Acceptor, value_to_propose, {}, [], lambda *a: 1 / 0):
        answer = check(id, *[thing] * count)
        if thing is ...:
            assert not answer.written, id
        if not isinstance(thing, type) and thing is not value_to_propose:
            assert not answer.passed, (id, thing)
        assert answer.headline and CONFUSED not in answer.headline, (id, thing, answer)


def test_hints_open_one_at_a_time_and_stay_open_after_a_restart():
    box = hint("acceptor.accept")
    assert box.opened == 0 and ALL["acceptor.accept"].hints[0] not in box.text.value
    box.button.click()
    assert box.opened == 1 and str(box).count("\n") == 1
    again = hint("acceptor.accept")  # what a new kernel would read
    assert again.opened == 1
    for _ in range(5):
        again.button.click()
    assert again.opened == 3 and "All 3 hints" in again.button.description
    with pytest.raises(LabError, match="no task 'nothing'"):
        hint("nothing")


def test_progress_is_kept_shown_exported_and_reset(home, tmp_path):
    assert progress().passed == []
    assert not check("acceptor.promise", 3).passed
    assert check("acceptor.promise", Acceptor).passed
    assert not check("acceptor.promise", 3).passed, "who has passed once stays passed"
    assert progress().passed == ["acceptor.promise"]
    record = json.loads((home / "progress.json").read_text())["acceptor.promise"]
    assert record == {"passed": True, "tries": 3}
    assert "passed  acceptor.promise" in str(progress())
    assert "<td" in progress()._repr_mimebundle_()["text/html"]
    assert str(progress()).startswith("1 of ") and str(progress()).count("\n") > 40
    assert str(progress("03")).splitlines() == [
        f"Lesson 03: 1 of 2 tasks passed. In the whole course: 1 of {len(ALL)}; progress() lists them.",
        "      passed  acceptor.promise: Write Phase 1 of the acceptor",
        "        open  promise.table: Say what a promise forbids",
    ]
    assert progress("03")._repr_mimebundle_()["text/html"].count("<tr>") == 3
    with pytest.raises(LabError, match=r"no lesson '3' has tasks; there are 01, 02, 03"):
        progress("3")
    written = export_progress(tmp_path / "mine.json")
    assert json.loads(written.read_text())["acceptor.promise"]["passed"]
    with pytest.raises(LabError, match="exists already"):
        export_progress(written)
    assert check("proposer.value", value_to_propose).passed
    assert reset_progress("acceptor.promise").passed == ["proposer.value"]
    assert reset_progress().passed == []
    with pytest.raises(LabError, match="no task 'nothing'"):
        reset_progress("nothing")


def test_a_damaged_file_is_put_aside_and_nothing_is_lost(home):
    home.mkdir()
    (home / "progress.json").write_text("{ damaged")
    with pytest.warns(UserWarning, match="kept as"):
        assert progress().passed == []
    assert (home / "progress.json.bak").read_text() == "{ damaged"
    (home / "progress.json").write_text("[]")
    with pytest.warns(UserWarning, match="no JSON object"):
        assert kept.load("progress") == {}
    assert (home / "progress.json.bak2").read_text() == "[]"


def test_a_folder_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    monkeypatch.setenv("PAXOS_LAB_HOME", str(blocker / "inside"))
    with pytest.raises(LabError, match="PAXOS_LAB_HOME"):
        kept.save("progress", {})


def test_an_answer_shows_a_run_and_escapes_what_was_typed():
    wrong = acceptor(
        "match message:\n"
        "            case Prepare(b): self.promised = b; self.send(sender, Promise(b, None))\n"
        "            case Accept(b, v): self.send([sender, *self.learners], Accepted(b, '<img src=x>'))"
    )
    answer = check("acceptor.accept", wrong)
    assert not answer.passed and answer.run is not None
    assert answer.story() and "a1" in answer.story()[-1]
    assert "<img" not in answer.html() and "&lt;img" in answer.html()
