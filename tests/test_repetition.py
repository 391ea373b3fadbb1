"""When a card comes again, what is kept of it, and the deck that asks."""

import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paxos_lab import LabError
from paxos_lab.show.widgets.box import Said
from paxos_lab.teach import Deck, Flashcard
from paxos_lab.teach.interview.cards import load
from paxos_lab.teach.interview.spaced_repetition import GRADES, Memory, due, keep, recall, review

MONDAY = date(2026, 11, 23)
EVIL = "<img src=x onerror=alert(1)>"


def days(n):
    return timedelta(days=n)


def after(*grades, start=MONDAY):
    """The memory of a card that was answered so, each time on the day it was due."""
    memory = None
    for grade in grades:
        memory = review(memory, grade, memory.due if memory else start)
    return memory


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PAXOS_LAB_HOME", str(tmp_path / "own"))
    return tmp_path / "own"


def cards_of(*groups):
    return [
        Flashcard(f"card-{i}", group, "00_start_here", f"Question {i}?", f"Answer {i}.", f"Strong {i}.",
                  f"Wrong {i}.", ("Next?", "And?"))
        for i, group in enumerate(groups, start=1)
    ]  # fmt: skip


# ---- the rules


@pytest.mark.parametrize(("grade", "interval"), [("again", 0), ("hard", 1), ("good", 1), ("easy", 4)])
def test_a_new_card(grade, interval):
    memory = review(None, grade, MONDAY)
    assert (memory.interval, memory.due, memory.seen) == (interval, MONDAY + days(interval), 1)


def test_good_answers_move_a_card_further_and_further_away():
    intervals = [after(*["good"] * n).interval for n in range(1, 6)]
    assert intervals == [1, 3, 8, 20, 50]


def test_again_starts_anew_and_leaves_a_mark():
    lapsed = after("good", "good", "good", "again")
    assert lapsed.interval == 0 and lapsed.ease == 2.3
    assert review(lapsed, "good", lapsed.due).interval == 1


def test_an_early_or_late_answer_counts_from_the_day_it_was_given():
    late = review(after("good", "good"), "good", MONDAY + days(100))
    assert late.due == MONDAY + days(108)


memories = st.builds(
    Memory, st.just(MONDAY), st.integers(0, 365), st.integers(130, 400).map(lambda n: n / 100), st.integers(1, 99)
)  # fmt: skip


@given(memories, st.sampled_from(GRADES))
def test_the_ease_and_the_interval_stay_in_their_bounds(memory, grade):
    new = review(memory, grade, MONDAY)
    assert new.ease >= 1.3 and 0 <= new.interval <= 365
    assert new.due == MONDAY + days(new.interval) and new.seen == memory.seen + 1


@given(memories)
def test_a_better_grade_never_brings_a_card_back_sooner(memory):
    again, hard, good, easy = (review(memory, grade, MONDAY) for grade in GRADES)
    assert again.interval < hard.interval <= good.interval <= easy.interval
    assert again.ease < hard.ease < good.ease < easy.ease or again.ease == hard.ease == 1.3
    assert good.interval > memory.interval or good.interval == 365


def test_what_is_due_comes_in_the_order_of_waiting_then_what_is_new():
    known = {"a": Memory(MONDAY), "b": Memory(MONDAY - days(2)), "c": Memory(MONDAY + days(1))}
    assert due("xabcy", known, MONDAY) == ["b", "a", "x", "y"]
    assert due("c", known, MONDAY) == [] and due("c", known, MONDAY + days(1)) == ["c"]


def test_a_grade_that_does_not_exist_is_told_so():
    with pytest.raises(LabError, match="again, hard, good, easy, got 'fine'"):
        review(None, "fine", MONDAY)


# ---- the folder


def test_what_is_kept_comes_back_as_it_was(folder):
    assert recall() == {}
    one, two = after("good", "hard"), after("easy", "easy")
    keep("one", one)
    keep("two", two)
    assert recall() == {"one": one, "two": two}
    assert not list(folder.glob("*.new")), "no half-written file stays behind"


def test_a_damaged_file_is_kept_and_named(folder):
    keep("one", after("good"))
    (folder / "cards.json").write_text('{"one": {"du', encoding="utf-8")
    with pytest.warns(UserWarning, match=r"cards\.json\.bak"):
        assert recall() == {}
    assert (folder / "cards.json.bak").read_text(encoding="utf-8") == '{"one": {"du'


@pytest.mark.parametrize(
    "record",
    [
        3, {}, {"due": "2026-11-23"},
        {"due": "soon", "interval": 1, "ease": 2.5, "seen": 1},
        {"due": "2026-11-23", "interval": "1", "ease": 2.5, "seen": 1},
        {"due": "2026-11-23", "interval": 1, "ease": True, "seen": 1},
        {"due": "2026-11-23", "interval": -1, "ease": 2.5, "seen": 1},
        {"due": "2026-11-23", "interval": 1, "ease": float("nan"), "seen": 1},
        {"due": 7, "interval": 1, "ease": 2.5, "seen": 1},
    ],
)  # fmt: skip
def test_one_record_that_makes_no_sense_costs_no_other(folder, record):
    keep("one", after("good"))
    data = json.loads((folder / "cards.json").read_text(encoding="utf-8"))
    (folder / "cards.json").write_text(json.dumps({**data, "bad": record}), encoding="utf-8")
    with pytest.warns(UserWarning, match=r"1 of 2 records .*bad: .*the other 1 still count"):
        assert recall() == {"one": after("good")}
    assert "bad" in json.loads((folder / "cards.json.bak").read_text(encoding="utf-8"))
    assert recall() == {"one": after("good")}, "the second time without a warning"


# ---- the deck


class Calendar:
    def __init__(self):
        self.day = MONDAY

    def __call__(self):
        return self.day


@pytest.fixture
def calendar():
    return Calendar()


def test_the_answer_is_not_there_before_it_is_asked_for(folder, calendar):
    deck = Deck(cards_of("basics"), today=calendar)
    assert "Question 1?" in deck.question.value and deck.answer.value == ""
    assert "Answer 1." not in str(deck)
    deck.show_button.click()
    for part in ("Answer 1.", "strong 1.", "Wrong 1.", "Next?", "00_start_here.ipynb"):
        assert part in deck.answer.value + deck.more.value
    assert recall() == {}, "looking is not grading"


def test_a_grade_moves_on_and_is_kept(folder, calendar):
    deck = Deck(cards_of("basics", "safety"), today=calendar)
    assert "0 due again, 2 new" in deck.count.value
    deck.show()
    assert deck.grade_buttons["easy"].description == "Easy (4 days)"
    deck.grade_buttons["easy"].click()
    assert deck.card.id == "card-2" and not deck.shown and deck.answer.value == ""
    assert recall()["card-1"].due == MONDAY + days(4)
    assert "0 due again, 1 new" in deck.count.value


def test_before_the_answer_a_grade_button_shows_it_and_grades_nothing(folder, calendar):
    deck = Deck(cards_of("basics"), today=calendar)
    deck.grade_buttons["good"].click()
    assert deck.shown and recall() == {}
    deck.grade_buttons["good"].click()
    assert recall()["card-1"].interval == 1
    with pytest.raises(LabError, match="show it first"):
        deck.grade("good")


def test_again_brings_a_card_back_in_the_same_sitting_after_some_others(folder, calendar):
    deck = Deck(cards_of(*["basics"] * 5), today=calendar)
    asked = []
    for grade in ("again", "good", "good", "good", "good", "good"):
        asked.append(deck.card.id)
        deck.show()
        deck.grade(grade)
    assert asked == ["card-1", "card-2", "card-3", "card-4", "card-1", "card-5"]
    assert deck.card is None


def test_when_all_is_done_it_says_when_the_next_comes_and_then_it_comes(folder, calendar):
    deck = Deck(cards_of("basics"), today=calendar)
    deck.show()
    deck.grade("good")
    assert "Nothing is due here today." in deck.question.value and "2026-11-24" in deck.question.value
    deck.show_button.click()
    deck.grade_buttons["good"].click()
    assert not deck.shown and recall()["card-1"].seen == 1
    calendar.day += days(1)
    again = Deck(cards_of("basics"), today=calendar)
    assert again.card.id == "card-1" and "1 due again, 0 new" in again.count.value


def test_a_group_can_be_chosen(folder, calendar):
    deck = Deck(cards_of("basics", "safety", "safety"), today=calendar)
    assert [label for label, _ in deck.choice.options] == ["all groups (3)", "basics (1)", "safety (2)"]
    deck.choice.value = "safety"
    assert deck.card.id == "card-2" and "2 new" in deck.count.value
    deck.choice.value = ""
    assert deck.card.id == "card-1"


def test_the_deck_of_the_course_can_be_gone_through_to_the_end(folder, calendar):
    deck = Deck(today=calendar)
    asked = set()
    while deck.card is not None:
        asked.add(deck.card.id)
        deck.show()
        deck.grade("good")
    assert asked == {card.id for card in load()} and len(recall()) == len(asked)


def test_a_card_that_is_no_more_is_not_forgotten(folder, calendar):
    keep("gone", after("good"))
    deck = Deck(cards_of("basics"), today=calendar)
    deck.show()
    deck.grade("good")
    assert set(recall()) == {"gone", "card-1"}


def test_controls_are_labelled_and_what_changes_is_said_aloud(folder, calendar):
    deck = Deck(cards_of("basics"), today=calendar)
    deck.show()
    assert deck.choice.description and all(b.description and b.tooltip for b in deck.grade_buttons.values())
    assert isinstance(deck.question, Said) and isinstance(deck.answer, Said)


def test_without_a_kernel_the_card_is_text(folder, calendar):
    data = Deck(cards_of("basics"), today=calendar).still()
    assert data["text/plain"] == "Interview cards, 1 to go. basics: Question 1?"


def test_what_a_card_holds_stays_text(folder, calendar):
    evil = Flashcard(EVIL, "basics", "00_start_here", EVIL, EVIL, EVIL, EVIL, (EVIL, EVIL))
    deck = Deck([evil], today=calendar)
    deck.show()
    html = deck.question.value + deck.answer.value + deck.more.value
    assert "<img" not in html and html.count("&lt;img") == 6


def test_a_deck_without_cards_is_told_so(folder):
    with pytest.raises(LabError, match="at least one card"):
        Deck([])
