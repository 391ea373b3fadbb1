"""The mock interview: moves with a time that is handed in, a report, and the widget around them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paxos_lab import LabError
from paxos_lab.show.widgets.box import Said
from paxos_lab.teach import Flashcard, MockInterview
from paxos_lab.teach.interview.cards import GROUPS, load
from paxos_lab.teach.interview.interview import RUBRIC, begin, report

EVIL = "<img src=x onerror=alert(1)>"
CARDS = load()


def scores(*numbers):
    return dict(zip(RUBRIC, numbers or (2, 2, 2, 2), strict=True))


def interview(minutes=20, seed=1, now=0.0, cards=CARDS):
    return begin(cards, minutes, seed, now)


def through(one, now, *numbers):
    """Answer everything that is asked about the card in hand and rate it."""
    while one.phase == "asking":
        one = one.deeper(now)
    return one.rate(scores(*numbers), now)


def test_six_questions_cover_the_six_groups_and_no_card_comes_twice():
    plan = interview().plan
    assert [card.group for card in plan[:6]] == list(GROUPS)
    assert len({card.id for card in plan}) == len(plan) == len(CARDS)


def test_the_seed_draws_the_questions():
    assert interview(seed=1).plan == interview(seed=1).plan
    assert len({interview(seed=s).plan[0].id for s in range(30)}) >= 8


def test_the_ladder_is_climbed_rung_by_rung_and_then_rated():
    one = interview()
    card = one.card
    said = []
    while one.phase == "asking":
        said.append(one.asking)
        one = one.deeper(1)
    assert said == [card.question, *card.follow_ups] and one.phase == "rating" and one.asking == ""
    after = one.rate(scores(), 90)
    assert after.card == one.plan[1] and after.rung == 0
    assert after.rated[0].answered == len(card.follow_ups) and after.rated[0].seconds == 90


def test_to_stop_on_the_ladder_is_counted_as_far_as_it_went():
    one = interview().stop(5)
    assert one.phase == "rating" and one.rate(scores(), 6).rated[0].answered == 0
    two = interview().deeper(1).deeper(2).stop(3).rate(scores(), 4)
    assert two.rated[0].answered == 1, "the second follow-up was asked and not answered"


def test_when_the_time_is_up_the_question_is_finished_and_no_other_is_asked():
    one = interview(minutes=1).deeper(50)
    assert one.left(59) == 1 and one.left(200) == 0
    one = one.stop(200)
    assert one.phase == "rating", "it is not cut off in the middle"
    assert one.rate(scores(), 201).phase == "over"
    assert interview(minutes=1).stop(1).rate(scores(), 59).phase == "asking"


def test_it_ends_when_the_cards_do():
    one = interview(cards=CARDS[:2], minutes=400)
    one = through(through(one, 10), 20)
    assert one.phase == "over" and one.card is None and one.left(20) == 0 and one.ended == 20


def test_a_question_without_a_rating_does_not_count():
    one = through(interview(), 60).deeper(70).finish(80)
    assert report(one).questions == 1 and one.ended == 80
    assert one.finish(999) is one


def test_moves_at_the_wrong_moment_are_told_so():
    one = interview()
    with pytest.raises(LabError, match="asking now, not rating"):
        one.rate(scores(), 1)
    with pytest.raises(LabError, match="rating now, not asking"):
        one.stop(1).deeper(2)
    with pytest.raises(LabError, match="over now, not asking"):
        one.finish(1).stop(2)


@pytest.mark.parametrize("bad", [4, -1, None, True, "2", 1.5])
def test_a_score_is_a_whole_number_from_0_to_3(bad):
    with pytest.raises(LabError, match="precision is rated 0, 1, 2 or 3"):
        interview().stop(1).rate({**scores(), "precision": bad}, 2)


def test_the_rubric_is_what_it_is():
    with pytest.raises(LabError, match="and no charm"):
        interview().stop(1).rate({**scores(), "charm": 3}, 2)
    assert all(len(levels) == 4 for levels in RUBRIC.values())


def test_the_report_names_weak_groups_weakest_first_and_their_lessons():
    one = interview()
    for numbers in [(3, 3, 3, 3), (0, 1, 0, 1), (1, 2, 1, 2), (2, 2, 2, 2)]:
        one = through(one, 300, *numbers)
    made = report(one.finish(600))
    assert made.questions == 4 and made.minutes == 10
    assert made.groups == {"basics": 3.0, "safety": 0.5, "liveness": 1.5, "log": 2.0}
    assert made.weak == ("safety", "liveness")
    assert set(made.lessons) == {one.plan[1].lesson, one.plan[2].lesson}
    assert made.criteria == {"correctness": 1.5, "precision": 2.0, "trade-offs": 1.5, "example": 2.0}
    assert "Weak: safety, liveness.\nRead again: " in str(made)


def test_a_report_without_weakness_and_one_without_a_question():
    assert "No group is weak." in str(report(through(interview(), 1, 3, 3, 3, 3).finish(2)))
    assert str(report(interview().finish(2))) == "The interview ended before a question was rated."


moves = st.lists(
    st.tuples(st.sampled_from(["deeper", "stop", "rate", "finish"]), st.floats(0, 120)), max_size=40
)


@given(moves, st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_whatever_is_pressed_the_interview_stays_whole(moves, seed):
    one, now = interview(minutes=10, seed=seed, cards=CARDS[:7]), 0.0
    for move, span in moves:
        now += span
        before = one
        try:
            one = one.rate(scores(), now) if move == "rate" else getattr(one, move)(now)
        except LabError:
            one = before
        assert one.phase in ("asking", "rating", "over") and 0 <= one.left(now) <= 600
        assert (one.asking != "") == (one.phase == "asking")
        assert len(before.rated) <= len(one.rated) <= len(before.rated) + 1
        assert [r.card for r in one.rated] == list(one.plan[: len(one.rated)])
    made = report(one)
    assert made.questions == len(one.rated) and made.follow_ups[0] <= made.follow_ups[1]


@pytest.mark.parametrize("minutes", [0, -1, 481, "20", True, float("nan")])
def test_minutes_that_make_no_sense_are_told_so(minutes):
    with pytest.raises(LabError, match="more than 0 and at most 480 minutes"):
        begin(CARDS, minutes, 1, 0)


def test_an_interview_without_cards_is_told_so():
    with pytest.raises(LabError, match="at least one card"):
        MockInterview(cards=[])


# ---- the widget


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def press_until_rating(room):
    while room.main.description == "Answered":
        room.main.click()


def test_a_whole_interview_by_clicks(clock):
    room = MockInterview(minutes=10, seed=2, clock=clock)
    assert room.main.description == "Start" and not room.countdown.runs
    room.main.click()
    assert room.interview.card.question in str(room) and room.countdown.left == 600 and room.countdown.runs
    clock.now += 240
    room.main.click()
    assert "follow-up 1 of" in room.text.value and room.countdown.left == 360
    press_until_rating(room)
    assert room.rubric.layout.display is None and "How was yours?" in room.more.value
    for box, score in zip(room.scores.values(), (3, 1, 0, 0), strict=True):
        box.value = score
    clock.now += 400
    room.main.click()
    assert room.main.description == "Start another" and not room.countdown.runs
    assert "The interview is over." in room.text.value and "Weak: basics." in str(room.report)
    assert f"{room.interview.rated[0].card.lesson}.ipynb" in room.more.value
    room.main.click()
    assert room.seed == 3 and room.interview.rated == () and room.rubric.layout.display == "none"


def test_a_rating_that_is_not_whole_is_asked_for(clock):
    room = MockInterview(clock=clock)
    room.main.click()
    room.stop.click()
    room.scores["correctness"].value = 2
    room.main.click()
    assert "Rate first: precision, trade-offs, example." in room.note.value and room.interview.rated == ()
    room.scores["precision"].value = 2
    assert room.note.value == "", "it is being seen to"


def test_the_rubric_is_empty_again_for_the_next_question(clock):
    room = MockInterview(clock=clock)
    room.main.click()
    room.stop.click()
    for box in room.scores.values():
        box.value = 1
    room.main.click()
    assert len(room.interview.rated) == 1 and all(box.value == -1 for box in room.scores.values())


def test_buttons_at_the_wrong_moment_say_so_and_change_nothing(clock):
    room = MockInterview(clock=clock)
    room.stop.click()
    assert "no question to stop at" in room.note.value
    room.end.click()
    assert "It has not begun." in room.note.value and room.interview is None
    with pytest.raises(LabError, match="has not begun"):
        room.report
    room.main.click()
    assert room.note.value == ""
    room.end.click()
    assert "ended before a question was rated" in room.more.value
    room.end.click()
    assert room.interview.phase == "over"


def test_the_model_answer_is_not_there_before_it_is_due(clock):
    room = MockInterview(clock=clock)
    room.main.click()
    answer = room.interview.card.answer
    assert answer[:30] not in room.text.value + room.more.value
    room.stop.click()
    assert answer.split('"')[0][:30] in room.more.value


def test_controls_are_labelled_and_what_is_said_is_said_aloud(clock):
    room = MockInterview(clock=clock)
    assert all(box.description for box in room.scores.values())
    assert all(button.description and button.tooltip for button in (room.main, room.stop, room.end))
    assert isinstance(room.text, Said) and isinstance(room.note, Said)


def test_without_a_kernel_it_is_text(clock):
    room = MockInterview(minutes=20, clock=clock)
    data = room.still()
    assert data["text/plain"] == "Mock interview of 20 minutes: press Start to begin."


def test_what_a_card_holds_stays_text(clock):
    evil = Flashcard(EVIL, "basics", "00_start_here", EVIL, EVIL, EVIL, EVIL, (EVIL, EVIL))
    room = MockInterview(cards=[evil], clock=clock)
    room.main.click()
    seen = room.text.value + room.more.value
    press_until_rating(room)
    seen += room.text.value + room.more.value
    assert "<img" not in seen and seen.count("&lt;img") == 5
