"""Predictions: a guess is fixed once, kept in the kernel, and nothing typed becomes markup."""

import json
from html import unescape

import pytest

from paxos_lab import LabError
from paxos_lab.show.widgets.box import Said
from paxos_lab.teach import forget, guesses, predict, score

NASTY = "<script>alert('x')</script> \"quoted\" & <b>bold</b>"


@pytest.fixture(autouse=True)
def fresh_kernel():
    forget()
    yield
    forget()


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
    assert score() == "Your predictions: none committed yet, of 0 asked."
    boxes = [ask(key) for key in "abcd"]
    assert score() == "Your predictions: none committed yet, of 4 asked."
    for box, pick in zip(boxes, [1, 1, 0], strict=False):
        box.choice.value = pick
        box.commit()
    assert score() == "Your predictions: 2 of 3 right, 1 still open."
    boxes[3].choice.value = 1
    boxes[3].commit()
    assert score() == "Your predictions: 3 of 4 right."


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
    assert score() == "Your predictions: none committed yet, of 0 asked."
