"""The mutation gallery, from Python's side: guess, search, verdict, and the run that opens."""

import pytest
from checking import remembered

from paxos_lab import LabError
from paxos_lab.paxos import Flexible, single_decree
from paxos_lab.show.widgets.box import Said
from paxos_lab.teach import Card, MutationGallery, forget, guesses, score
from paxos_lab.teach.lessons.gallery import OPTIONS
from paxos_lab.verify import explore
from paxos_lab.verify.wrong.single_decree import MUTANTS, RIGHT, Setting, find_variant


@pytest.fixture(autouse=True)
def fresh_guesses(tmp_path, monkeypatch):
    monkeypatch.setenv("PAXOS_LAB_HOME", str(tmp_path))
    forget()
    yield
    forget()


class Searched:
    """`explore`, and what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, nodes, **named):
        nodes = list(nodes)
        self.asked.append((len(nodes), named["faults"]))
        return remembered(nodes, **named)


def gallery_of(*ids, **more):
    return MutationGallery([find_variant(id) for id in ids], **{"search": remembered} | more)


def told(box):
    """All that a card says after a press: aloud, and below to be read."""
    return box.verdict.value + box.details.value


def guess(gallery, id, option):
    """Pick and press, as a learner does; the card's box."""
    box = gallery[id]
    box.choice.value = option
    box.button.click()
    return box


def test_no_verdict_before_a_guess():
    search = Searched()
    box = gallery_of("M5", search=search)["M5"]
    assert told(box) == ""
    with pytest.raises(LabError, match="no guess yet"):
        box.commit()
    box.button.click()
    assert "Pick a guess first." in told(box) and not box.committed
    box.choice.value = 0
    assert search.asked == [] and guesses() == {}


def test_the_card_does_not_give_itself_away():
    gallery = gallery_of("M5", "C0")
    before = [box._fixed[0].value + box.choice.description + box.button.description for box in gallery.cards]
    assert not any("M5" in words or "C0" in words for words in before)
    assert "M5" in told(guess(gallery, "M5", 2))


@pytest.mark.parametrize(
    ("id", "option", "said"),
    [
        ("M5", 2, "right."),
        ("M5", 1, "half right. It is broken, but first with 2 ballots."),
        ("M5", 0, "not so. It is broken."),
        ("M7", 1, "right."),
        ("M9", 3, "right."),
        pytest.param(
            "M9", 2, "half right. It is broken, but first with 3 ballots.", marks=pytest.mark.thorough
        ),
        ("C2", 0, "right."),
        pytest.param("C2", 4, "not so. It is safe.", marks=pytest.mark.thorough),
    ],
)
def test_the_guess_is_judged_by_the_search(id, option, said):
    gallery = gallery_of(id)
    box = guess(gallery, id, option)
    assert f"You said “{OPTIONS[option]}”: {said}" in told(box)
    assert guesses()[f"gallery {id}"].right == (said == "right.")
    assert box.choice.disabled


def test_the_bound_that_was_needed_is_said():
    box = guess(gallery_of("M9"), "M9", 3)
    assert "safe in every schedule with 2 ballots (" in told(box)
    assert "broken with 3 ballots after 20 steps (agreement:" in told(box)


def test_a_crash_that_is_needed_is_said():
    box = guess(gallery_of("M4"), "M4", 2)
    assert "right." in told(box)
    assert "safe in every schedule with 2 ballots (" in told(box)
    assert "broken with 2 ballots, 1 crash after" in told(box)


def test_a_safe_one_names_the_end_of_its_search():
    box = guess(gallery_of("C5"), "C5", 0)
    assert "safe in every schedule with 3 ballots (" in told(box)
    assert "what lies beyond is for the proof" in told(box)
    assert "<svg" not in told(box)
    assert box.button.description == "Committed"
    with pytest.raises(LabError, match="no counterexample"):
        box.open_run()


def test_the_first_invariant_and_its_step_are_named():
    box = guess(gallery_of("M1"), "M1", 2)
    found = box.outcome.broken[1]
    step, name, _ = found.broken_on_the_way()[0]
    assert (name, step) == ("backed_by_promises", 12)
    assert "to break is <b>backed_by_promises</b>, at step 12 of 14" in told(box)


def test_the_counterexample_is_told_in_sentences_and_on_the_board():
    box = guess(gallery_of("M1"), "M1", 2)
    html = told(box)
    trace = box.outcome.broken[1].counterexample
    steps = html.split("<ol>")[1].split("</ol>")[0].split("<li>")[1:]
    assert len(steps) == len(trace) == 14
    assert "p1 starts" in steps[0]
    assert "<b>Breaks backed_by_promises:" in steps[11] and "<b>Breaks" not in steps[10]
    assert "Breaks agreement: " in steps[13]
    assert html.count("<svg") == 1 and "min-width:480px;max-width:100%" in html
    assert "The ballot board of card 1 in words" in html
    assert "Ballot 1.p1 (x):" in html.split("in words")[1]


def test_the_run_opens_in_a_stepper_at_its_beginning_and_goes_both_ways():
    gallery = gallery_of("M5", "M6")
    box = guess(gallery, "M5", 2)
    assert box.button.description == "Open the run of 1 in the stepper"
    box.button.click()
    stepper = box.children[-1]
    steps = len(box.outcome.broken[1].counterexample)
    assert stepper is box.stepper and (stepper.view["step"], stepper.view["steps"]) == (0, steps)
    for _ in range(steps):
        stepper._handle_custom_msg({"do": "forward", "click": 1}, [])
    assert stepper.view["verdict"].startswith("BROKEN: ")
    stepper._handle_custom_msg({"do": "back", "click": 2}, [])
    assert stepper.view["step"] == steps - 1
    assert ". By the rules, no other value can ever be." in stepper.view["verdict"]


def test_one_run_is_open_at_a_time_and_it_can_be_closed():
    gallery = gallery_of("M5", "M6")
    first, second = guess(gallery, "M5", 2), guess(gallery, "M6", 2)
    first.button.click()
    second.button.click()
    assert first.stepper is None and first.children[-1] is first.details
    assert second.stepper is second.children[-1]
    second.button.click()
    assert second.stepper is None and second.children[-1] is second.details
    assert "Open the run" in second.button.description


def test_the_score_counts_what_is_committed():
    gallery = gallery_of("M5", "M6", "C0")
    assert gallery.score == "None of 3 cards is committed yet."
    guess(gallery, "M5", 2)
    assert gallery.score == "Your guesses: 1 of 1 right, 2 still open."
    guess(gallery, "M6", 0)
    guess(gallery, "C0", 0)
    assert gallery.score == "Your guesses: 2 of 3 right."
    assert gallery.score in gallery.score_line.value
    assert score().sentence == "Your predictions: 2 of 3 right."


def test_a_cell_run_again_keeps_guess_and_verdict_without_a_search():
    search = Searched()
    before = guess(gallery_of("M5", search=search), "M5", 1)
    asked = len(search.asked)
    again = gallery_of("M5", search=search)["M5"]
    assert again.committed and again.choice.value == 1
    assert told(again) == told(before)
    assert len(search.asked) == asked
    again.button.click()
    assert again.stepper is not None


def test_other_nodes_under_a_kept_guess_are_searched_anew():
    def card(quorums):
        return Card(
            "own", "a rule",
            lambda setting: single_decree(["x", "y"], learners=0, quorums=quorums, unsafe=True),
            (Setting(2, 2),), safe=False,
        )  # fmt: skip

    guess(MutationGallery([card(Flexible(1, 2))]), "own", 2)
    box = MutationGallery([card(Flexible(2, 2))])["own"]
    assert box.committed and box.outcome is None
    assert box.button.description == "Search 1 again"
    box.button.click()
    assert box.outcome.broken is None
    assert "neither the search nor a proof can tell" in told(box)


def test_a_changed_rule_is_a_new_question():
    guess(gallery_of("M5"), "M5", 2)
    changed = Card("M5", "another rule", find_variant("M5").make, (Setting(2, 2),), safe=False)
    assert not MutationGallery([changed])["M5"].committed


def test_the_settings_are_searched_from_the_smallest_until_one_breaks():
    search = Searched()
    guess(gallery_of("M9", search=search), "M9", 3)
    assert [nodes for nodes, _ in search.asked] == [2 + 4, 3 + 4]
    assert [str(faults) for _, faults in search.asked] == ["0 crashes, 0 timeouts"] * 2
    search.asked.clear()
    eager = Card("eager", "rule", find_variant("M9").make, (Setting(3, 3), Setting(4, 4)), safe=False)
    guess(MutationGallery([eager], search=search), "eager", 3)
    assert len(search.asked) == 1, "what breaks is not searched further"


def test_a_search_that_was_cut_proves_nothing():
    def cut(nodes, **named):
        return explore(nodes, faults=named["faults"], max_states=5, method="plain")

    box = guess(gallery_of("M5", search=cut), "M5", 2)
    assert "nothing broken with 1 ballot, but max_states ended the search" in told(box)
    assert "neither the search nor a proof can tell" in told(box)
    assert guesses() == {}, "what cannot be judged is not counted"


def test_a_class_that_breaks_its_contract_is_named_and_can_be_searched_again():
    answers = [LabError("a1 is <b>not</b> deterministic"), None]

    def search(nodes, **named):
        if (answer := answers.pop(0) if answers else None) is not None:
            raise answer
        return remembered(nodes, **named)

    gallery = gallery_of("M5", search=search)
    box = guess(gallery, "M5", 2)
    assert "could not go on: a1 is &lt;b&gt;not&lt;/b&gt; deterministic" in told(box)
    assert guesses() == {} and box.outcome is None
    box.button.click()
    assert "right." in told(box) and guesses()["gallery M5"].right


def test_progress_is_said_in_the_card(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr("paxos_lab.teach.lessons.gallery.time.monotonic", lambda: next(clock))
    said = []

    def search(nodes, *, faults, watch):
        said.append(told(box))
        watch(1234, 5)
        said.append(told(box))
        return explore(nodes, faults=faults, watch=lambda states, depth: None)

    gallery = gallery_of("M5", search=search)
    box = gallery["M5"]
    guess(gallery, "M5", 2)
    assert "tries every schedule with 1 ballot ..." in said[0]
    assert "with 1 ballot: 1,234 states, 5 events deep ..." in said[1]


def test_controls_are_labelled_and_answers_are_said_aloud():
    gallery = gallery_of("M5", "C0")
    labels = [box.choice.description for box in gallery.cards]
    assert labels == ["Your guess for 1:", "Your guess for 2:"]
    assert len({box.button.description for box in gallery.cards}) == 2
    assert all(box.button.tooltip for box in gallery.cards)
    box = guess(gallery, "M5", 2)
    assert isinstance(box.verdict, Said) and "right." in box.verdict.value
    assert "<svg" in box.details.value and "<svg" not in box.verdict.value, "the picture is not read out"


def test_what_a_learner_types_stays_text():
    evil = "<img src=x onerror=alert(1)>"
    card = Card(
        evil, evil,
        lambda setting: single_decree([evil, "y"], learners=0, quorums=Flexible(1, 2), unsafe=True),
        (Setting(2, 2),), safe=False,
    )  # fmt: skip
    box = guess(MutationGallery([card]), evil, 2)
    assert "right." in told(box)
    assert "<img" not in told(box) and "&lt;img" in told(box)
    assert "<img" not in box._fixed[0].value.lower() and "&lt;img" in box._fixed[0].value.lower()


def test_without_a_kernel_the_rules_are_a_table():
    data = gallery_of("M5", "C0").still()
    assert data["text/plain"].splitlines()[1:] == [
        "  1  one promise of 3 is enough for phase 1",
        "  2  Paxos as it stands in paxos_lab.paxos",
    ]


@pytest.mark.parametrize("variant", [*MUTANTS, *RIGHT], ids=lambda v: v.id)
def test_every_variant_makes_a_card(variant):
    card = Card.of(variant)
    assert card.safe == variant.safe and card.settings
    assert variant.safe or (card.settings[-1] == variant.smallest and variant.smallest.ballots < len(OPTIONS))
    assert all(len(list(card.make(setting))) >= 4 for setting in card.settings)


def test_a_right_variant_is_searched_as_far_as_asked():
    assert Card.of(find_variant("C0")).settings == (Setting(3, 3),)
    assert Card.of(find_variant("C0"), ballots=4).settings == (Setting(4, 4),)


def test_what_cannot_be_shown_is_said():
    with pytest.raises(LabError, match="at least one card"):
        MutationGallery([])
    with pytest.raises(LabError, match="Cards or variants, got 'M1'"):
        MutationGallery(["M1"])
    with pytest.raises(LabError, match="two cards are called 'M1'"):
        gallery_of("M1", "M1")
    with pytest.raises(LabError, match="no card is called 'M2'; there are M1"):
        gallery_of("M1")["M2"]
    with pytest.raises(LabError, match="rule is a text"):
        Card("id", " ", find_variant("M1").make, (Setting(2, 2),), safe=False)
    with pytest.raises(LabError, match="needs a setting"):
        Card("id", "rule", find_variant("M1").make, (), safe=False)
