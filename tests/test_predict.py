"""Predictions: a guess is fixed once, kept across restarts, and nothing typed becomes markup."""

import json
import os
import subprocess
import sys
from html import unescape

import pytest

from paxos_lab import LabError
from paxos_lab.show.widgets.box import Said
from paxos_lab.teach import forget, guesses, predict, score
from paxos_lab.teach.lessons.questions import LETTERS, load

NASTY = "<script>alert('x')</script> \"quoted\" & <b>bold</b>"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A learner's folder of its own, and nothing asked or guessed."""
    folder = tmp_path / "home"
    monkeypatch.setenv("PAXOS_LAB_HOME", str(folder))
    forget()
    yield folder
    forget()


def in_a_new_kernel(code):
    """What that code prints in a process of its own with the same home."""
    head = "from paxos_lab.teach import forget, guesses, predict, score\n"
    done = subprocess.run(
        [sys.executable, "-c", head + code], env=dict(os.environ), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(box, pick):
    box.choice.value = pick
    box.button.click()
    return box


def ask(key="k", question="Who wins?", options=("x", "y", "z"), answer=1, why="Since y came first."):
    return predict(key, question, list(options), answer=answer, why=why)


def test_nothing_is_picked_and_nothing_said_at_first():
    box = ask()
    assert box.choice.value is None
    assert box.verdict.value == ""
    assert not box.committed
    assert guesses() == {}


def test_the_button_wakes_when_an_option_is_picked():
    box = ask()
    box.choice.value = 2
    assert guesses() == {}, "picking is not committing"


def test_a_right_guess_says_so_and_says_why():
    box = ask()
    box.choice.value = 1
    box.button.click()
    assert "You said B: right." in box.verdict.value
    assert "Since y came first." in box.verdict.value
    assert isinstance(box.verdict, Said), "said aloud without being moved there"
    assert guesses()["k"] == ("Who wins?", "y", True)


def test_a_wrong_guess_says_not_yet_and_what_it_is():
    box = ask()
    box.choice.value = 0
    box.button.click()
    assert "You said A: not yet. It is B." in box.verdict.value
    assert not guesses()["k"].right


def test_position_zero_can_be_the_answer_and_the_guess():
    box = ask(answer=0)
    box.choice.value = 0
    box.button.click()
    assert guesses()["k"].right


def test_a_committed_guess_cannot_be_changed():
    box = ask()
    box.choice.value = 0
    box.button.click()
    assert box.committed
    box.choice.value = 1 - box.choice.value
    assert box.choice.value == 0, "a guess is committed once"
    again = ask()
    assert again.choice.value == 0 and again.committed
    assert "not yet" in again.verdict.value
    again.button.click()
    assert guesses()["k"].said == "x"


def test_running_the_cell_again_keeps_no_uncommitted_pick():
    ask().choice.value = 2
    assert ask().choice.value is None


def test_a_guess_survives_reordered_options_and_not_another_question():
    box = ask()
    box.choice.value = 0
    box.commit()
    assert ask(options=["z", "x", "y"], answer=2).choice.value == 1
    other = ask(question="Who loses?")
    assert not other.committed and other.choice.value is None
    assert guesses() == {}


def test_commit_without_a_pick_is_an_error():
    with pytest.raises(LabError, match="pick an option first"):
        ask().commit()
    assert guesses() == {}


def test_guesses_is_a_copy():
    box = ask()
    box.choice.value = 1
    box.commit()
    guesses().clear()
    assert list(guesses()) == ["k"]


def test_the_score_counts_right_committed_and_open():
    assert score().sentence == "Your predictions: none committed yet, of 0 asked."
    boxes = [ask(key) for key in "abcd"]
    assert score().sentence == "Your predictions: none committed yet, of 4 asked."
    for box, pick in zip(boxes, [1, 1, 0], strict=False):
        commit(box, pick)
    assert score().sentence == "Your predictions: 2 of 3 right, 1 still open."
    commit(boxes[3], 1)
    assert score().sentence == "Your predictions: 3 of 4 right."
    assert score().rows == (("others", 4, 4, 3),)


def test_the_score_has_a_row_for_each_lesson_that_was_begun():
    questions = load()
    commit(predict("04-value"), questions["04-value"].answer)
    commit(predict("04-dead"), (questions["04-dead"].answer + 1) % 3)
    predict("11-basic")
    here = [sum(key.startswith(number) for key in questions) for number in ("04", "11")]
    assert score().rows == (("04", here[0], 2, 1), ("11", here[1], 0, 0))
    assert str(score()).splitlines() == [
        f"Your predictions: 1 of 2 right, {sum(here) - 2} still open.",
        "lesson   asked  committed  right",
        f"04      {here[0]:>6}          2      1",
        f"11      {here[1]:>6}          0      0",
    ]
    assert "<th" in score()._repr_html_() and "still open" in score()._repr_html_()


# ---- the course's own questions


def test_a_key_alone_asks_the_question_of_the_course():
    box = predict("04-value")
    asked = load()["04-value"]
    assert asked.question in unescape(box.children[1].value)
    assert sorted(box.order) == list(range(len(asked.options)))
    shown = [label for label, _ in box.choice.options]
    assert shown == [f"{LETTERS[n]}. {asked.options[i].says}" for n, i in enumerate(box.order)]
    assert box.still()["text/plain"].splitlines()[1] == f"A. {asked.options[0].says}"


def test_a_wrong_guess_hears_why_just_this_one_is_wrong():
    asked = load()["04-value"]
    for i, option in enumerate(asked.options):
        box = commit(predict("04-value"), i)
        verdict = unescape(box.verdict.value)
        assert option.because in verdict and asked.options[asked.answer].because in verdict
        others = [o for o in asked.options if o is not option and not o.right]
        assert not any(o.because in verdict for o in others)
        assert ("right." in verdict.partition("<br>")[0]) == option.right
        letter = LETTERS[box.order.index(asked.answer)]
        assert option.right or f"It is {letter}: “{asked.options[asked.answer].says}”" in verdict
        forget()


def seed_of(home, number):
    home.mkdir(exist_ok=True)
    (home / "guesses.json").write_text(json.dumps({"seed": number, "guesses": {}}), encoding="utf-8")


def test_options_come_in_an_order_that_is_the_learners_own(home):
    orders = set()
    for number in range(40):
        seed_of(home, number)
        first = predict("04-value").order
        assert first == predict("04-value").order, "the same learner, the same order"
        orders.add(tuple(first))
    assert len(orders) == 6, "every order of three comes up"
    seed_of(home, 7)
    assert len({tuple(predict(key).order) for key in load() if key.startswith("05")}) > 1


def test_a_seed_is_made_once_and_kept(home):
    before = predict("04-value").order
    number = json.loads((home / "guesses.json").read_text(encoding="utf-8"))["seed"]
    assert in_a_new_kernel("print(predict('04-value').order)") == str(before)
    forget()
    commit(predict("04-dead"), 0)
    assert json.loads((home / "guesses.json").read_text(encoding="utf-8"))["seed"] == number


def test_what_is_stored_does_not_depend_on_the_learner(home):
    stills = set()
    for number in range(10):
        seed_of(home, number)
        stills.add(predict("04-value").still()["text/plain"])
    assert len(stills) == 1


def test_a_question_of_ones_own_keeps_the_order_in_which_it_was_written(home):
    for number in range(10):
        seed_of(home, number)
        assert [label for label, _ in ask().choice.options] == ["A. x", "B. y", "C. z"]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("04-valeu", "is it '04-value'"),
        ("nonsense", "no prediction 'nonsense'. A question of your own takes"),
    ],
)
def test_a_key_that_nobody_knows_is_named(key, says):
    with pytest.raises(LabError, match=says):
        predict(key)


def test_half_a_question_is_an_error():
    with pytest.raises(LabError, match="options is a list of texts, got None"):
        predict("04-value", "Who?", answer=1, why="w")
    with pytest.raises(LabError, match="why is a text"):
        predict("k", "Who?", ["a", "b"], 1)


# ---- kept across restarts


def test_a_guess_is_still_there_in_a_new_kernel(home):
    commit(predict("04-value"), 0)
    commit(ask(), 1)
    code = "box = predict('04-value'); print(box.committed, box.choice.value, len(guesses()), score().rows)"
    rows = tuple(tuple(row) for row in score().rows)
    assert in_a_new_kernel(code) == f"True 0 2 {score().rows}"
    assert rows[-1] == ("others", 1, 1, 1)
    assert in_a_new_kernel("forget(); print(guesses())") == "{}"
    assert guesses() == {}


def test_a_question_that_was_changed_opens_again(home):
    commit(predict("04-value"), 1)
    path = home / "guesses.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept["guesses"]["04-value"]["of"] = "the mark of an older edition"
    path.write_text(json.dumps(kept), encoding="utf-8")
    forgotten = in_a_new_kernel("print(score().rows, predict('04-value').committed, guesses())")
    assert forgotten == "() False {}"


def test_another_right_answer_is_another_question():
    commit(ask(answer=1), 1)
    assert not ask(answer=0).committed


def test_other_reasons_leave_a_guess_as_it_is():
    commit(ask(), 1)
    assert ask(why="Better said.").committed


def test_two_kernels_keep_each_others_guesses():
    commit(ask("a"), 1)
    in_a_new_kernel("box = predict('04-value'); box.choice.value = 0; box.commit()")
    commit(ask("b"), 1)
    assert sorted(guesses()) == ["04-value", "a", "b"]


def test_a_home_that_cannot_be_written_costs_the_record_and_not_the_question(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("PAXOS_LAB_HOME", str(tmp_path / "file" / "home"))
    box = predict("04-value")
    assert box.order == predict("04-value").order
    commit(box, load()["04-value"].answer)
    assert "right." in box.verdict.value and "PAXOS_LAB_HOME" in box.verdict.value
    assert score().sentence.startswith("Your predictions: 1 of 1 right")
    assert predict("04-value").committed, "it counts as long as the kernel runs"
    monkeypatch.setenv("PAXOS_LAB_HOME", str(tmp_path / "better"))
    commit(ask(), 1)
    assert json.loads(in_a_new_kernel("import json; print(json.dumps(sorted(guesses())))")) == [
        "04-value",
        "k",
    ]


@pytest.mark.parametrize(
    "record",
    [
        "text",
        {},
        {"of": 1, "question": "q", "said": "s", "right": True},
        {"of": "m", "question": "q", "said": "s"},
    ],
)
def test_a_record_that_makes_no_sense_is_an_open_question(home, record):
    home.mkdir()
    kept = {"seed": "no number", "guesses": {"04-value": record}}
    (home / "guesses.json").write_text(json.dumps(kept), encoding="utf-8")
    box = predict("04-value")
    assert not box.committed and guesses() == {}
    assert commit(box, 0).committed and list(guesses()) == ["04-value"]


def test_what_is_typed_never_becomes_markup():
    box = ask(key=NASTY, question=NASTY, options=[NASTY, "other"], answer=1, why=NASTY)
    box.choice.value = 0
    box.commit()
    for html in (box.children[1].value, box.verdict.value):
        assert "<script" not in html and "<b>bold" not in html
        assert NASTY in unescape(html)
    assert box.choice.description_allow_html is False


@pytest.mark.parametrize("text", ["a\nb\x00\x1b[31m", "\ud800 alone", "long " * 2000, "😀 ✓ \u202e"])
def test_any_text_can_be_an_option(text):
    box = ask(options=[text, "other"], answer=0)
    label = box.choice.options[0][0]
    assert label.startswith("A. ") and label.isprintable() and len(label) <= 303
    json.dumps(label).encode("utf-8")
    box.choice.value = 0
    box.commit()
    assert guesses()["k"] == ("Who wins?", text, True)


def test_two_options_that_look_alike_when_cut_stay_apart():
    box = ask(options=["w" * 500 + "1", "w" * 500 + "2"], answer=1)
    labels = [label for label, _ in box.choice.options]
    assert len(set(labels)) == 2
    box.choice.value = 1
    box.commit()
    assert guesses()["k"].right


def test_every_control_has_a_label():
    box = ask()
    assert box.choice.description and box.button.description and box.button.tooltip


def test_the_repr_is_the_same_every_time():
    box = ask()
    assert repr(box) == repr(ask()) == "<Prediction 'k': no guess yet>"
    box.choice.value = 1
    box.commit()
    assert repr(box) == "<Prediction 'k': said 'y'>"


def test_a_page_without_a_kernel_shows_the_question_as_text():
    data = ask().still()
    assert data["text/plain"] == "Predict. Who wins?\nA. x\nB. y\nC. z"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"key": ""}, "key is a text"),
        ({"key": 3}, "key is a text"),
        ({"question": "  "}, "question is a text"),
        ({"why": None}, "why is a text"),
        ({"options": "xyz"}, "options is a list of texts"),
        ({"options": 3}, "options is a list of texts"),
        ({"options": ["x", 2]}, "an option is a text"),
        ({"options": ["x", ""]}, "an option is a text"),
        ({"options": ["x"], "answer": 0}, "2 to 26 options, got 1"),
        ({"options": [str(i) for i in range(27)]}, "2 to 26 options, got 27"),
        ({"options": ["x", "y", "x"]}, "'x' occurs twice"),
        ({"answer": 3}, "0 to 2, got 3"),
        ({"answer": -1}, "0 to 2, got -1"),
        ({"answer": "y"}, "0 to 2, got 'y'"),
        ({"answer": True}, "0 to 2, got True"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing_behind(wrong, says):
    arguments = {"key": "k", "question": "Q?", "options": ["x", "y", "z"], "answer": 1, "why": "w"} | wrong
    with pytest.raises(LabError, match=says):
        predict(**arguments)
    assert score().rows == ()
