"""Whiteboard drills: made from real runs, graded by the roles, the same for the same seed."""

import random
from collections import Counter
from itertools import pairwise

import pytest

from paxos_lab import LabError
from paxos_lab.multipaxos.messages import Accept as LogAccept
from paxos_lab.paxos import (
    Accept,
    Accepted,
    Acceptor,
    Ballot,
    Majority,
    Nack,
    Prepare,
    Promise,
    chosen,
    value_to_propose,
)
from paxos_lab.show.widgets.box import Said
from paxos_lab.teach import Whiteboard, drill
from paxos_lab.teach.interview.drills.catalogue import KINDS
from paxos_lab.teach.interview.drills.drill_box import Drill, Option, different, replayed
from paxos_lab.teach.interview.drills.moments import moments
from paxos_lab.teach.interview.drills.on_fate import _fate

SEEDS = range(1, 21)


class Made(dict):
    """The drills of a kind, made when they are first asked for."""

    def __missing__(self, kind):
        self[kind] = [drill(seed, kind) for seed in SEEDS]
        return self[kind]


MADE = Made()

every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_one_answer_is_accepted_and_all_others_are_refused(kind):
    for one in MADE[kind]:
        graded = [one.grade(i) for i in range(len(one.options))]
        assert graded.count(True) == 1 and len(graded) >= 3
        assert graded.index(True) == one.right
        assert one.options[one.right].means == one.replay(), "it is what the role does, not what a table says"


@every_kind
def test_the_same_seed_is_the_same_drill(kind):
    for seed, one in enumerate(MADE[kind][:4], start=1):
        again = drill(seed, kind)
        assert str(again) == str(one) and again.why == one.why and again.right == one.right


@every_kind
def test_drills_differ_and_the_right_letter_says_nothing(kind):
    texts = {str(one) for one in MADE[kind]}
    assert len(texts) >= 14, "of 20"
    assert len({one.right for one in MADE[kind]}) >= 3


@every_kind
def test_no_two_options_read_alike_or_mean_the_same(kind):
    for one in MADE[kind]:
        assert len({option.text for option in one.options}) == len(one.options)
        assert len(different(*one.options)) == len(one.options)


def test_asking_again_leaves_the_moment_as_it_was():
    for kind in KINDS:
        one = MADE[kind][0]
        assert [one.replay() for _ in range(3)] == [one.replay()] * 3


def sorts(kind):
    return Counter(type(one.options[one.right].means).__name__ for one in MADE[kind])


def test_promises_ask_all_that_can_come():
    found = Counter()
    for one in MADE["promises"]:
        means = one.options[one.right].means
        if means is None:
            found["too few"] += 1
        else:
            own = one.situation[1].split("would like ")[1][0]
            found["own" if means.value == own else "another's"] += 1
            reported = {line.split(", ")[1][0] for line in one.situation if "Promise" in line} - {"n"}
            found["reports differ"] += len(reported) > 1
    assert min(found[k] for k in ("too few", "own", "another's", "reports differ")) >= 2, found


def test_the_acceptor_is_asked_with_every_outcome():
    kinds = Counter(type(one.options[one.right].means[0]).__name__ for one in MADE["acceptor"])
    assert set(kinds) == {"Promise", "Nack", "Accepted"} and min(kinds.values()) >= 3


def test_a_right_way_to_do_it_otherwise_is_never_among_the_wrong():
    """To refuse a second Prepare, or an Accept that was not promised, would be safe as well."""
    for one in MADE["acceptor"]:
        truth, *_ = one.options[one.right].means
        nacks = [o for o in one.options if isinstance(o.means[0], Nack)]
        if isinstance(truth, Accepted) or (
            isinstance(truth, Promise) and f"promised {truth.ballot}," in one.situation[0]
        ):
            assert not nacks, str(one)  # fmt: skip


def test_what_must_be_written_is_asked_for_every_kind_of_message():
    asked = {one.question.split("send ")[1].split("(")[0] for one in MADE["disk"]}
    assert asked == {"Prepare", "Promise", "Accept", "Accepted", "Nack"}
    nothing = [one for one in MADE["disk"] if one.options[one.right].means == frozenset()]
    assert 3 <= len(nothing) <= 17
    both = [one for one in MADE["disk"] if len(one.options[one.right].means) == 2]
    assert both and all("Accepted" in one.question for one in both)


def test_every_fate_is_asked():
    fates = Counter()
    for one in MADE["fate"]:
        winners, live = one.options[one.right].means
        fates["chosen" if winners else "open" if live else "dead"] += 1
        assert len(winners) <= 1 and len(live) <= 1, "two values are never open at once"
    assert min(fates[k] for k in ("chosen", "open", "dead")) >= 3, fates


def test_a_chosen_fate_agrees_with_the_votes_that_are_shown():
    for one in MADE["fate"]:
        winners, _ = one.options[one.right].means
        total = int(one.situation[0].split("to a")[1].split(";")[0])
        shown = {}
        for line in one.situation[1:-1]:
            ballot, said = line.strip().split(": ", 1)
            value, voters = said.split(" was asked for; voted: ")
            shown[ballot, value] = 0 if voters == "nobody" else len(voters.split(", "))
        assert {value for (_, value), n in shown.items() if 2 * n > total} == set(winners)


def test_take_overs_have_holes_and_ballots_that_differ():
    truths = [dict(one.options[one.right].means) for one in MADE["take-over"]]
    assert sum(any(not entry for entry in truth.values()) for truth in truths) >= 3, "a no-op is due"
    for truth in truths:
        assert list(truth) == list(range(1, len(truth) + 1)) and len(truth) >= 2
    wrong = [o.text for one in MADE["take-over"] for o in one.options if "slot 1:" not in o.text]
    assert wrong, "to leave a hole open is offered as a mistake"


def test_moments_are_of_runs_that_keep_agreement():
    values = set()
    for moment in moments(random.Random("agreement")):
        winners = {p.value for p in chosen(moment.sent, Majority(moment.acceptors))}
        assert len(winners) <= 1
        values |= winners
        assert len(_fate(Majority(moment.acceptors), moment.sent)[1]) <= 1
        if len(values) > 1:
            break
    assert len(values) > 1, "different runs choose different values"


def test_a_replay_uses_the_real_proposer():
    one = next(o for o in MADE["promises"] if isinstance(o.replay(), Accept))
    assert one.replay() in [option.means for option in one.options]
    node = replay_node(one)
    reports = [
        m.accepted for m in node["arrived"] if isinstance(m, Promise) and m.ballot == one.replay().ballot
    ]
    assert one.replay().value == value_to_propose(reports, node["own"])


def replay_node(one):
    """What the replay of a promises drill was made from."""
    cells = dict(
        zip(one.replay.__code__.co_freevars, (c.cell_contents for c in one.replay.__closure__), strict=True)
    )
    return {"arrived": [m for _, m in cells["arrived"]], "own": cells["fresh"].value}


def test_if_the_role_were_another_another_answer_would_be_right(monkeypatch):
    """No table of answers: the grade follows what the class does at the moment of grading."""

    def raises_promise(one):
        answer, promised, _ = one.options[one.right].means
        return isinstance(answer, Accepted) and f"promised {promised}," not in one.situation[0]

    one = next(one for one in MADE["acceptor"] if raises_promise(one))
    before = one.right
    rule = Acceptor.receive

    def forgets_to_promise(self, sender, message):
        promised = self.promised
        rule(self, sender, message)
        self.promised = promised

    monkeypatch.setattr(Acceptor, "receive", forgets_to_promise)
    assert one.right != before and not one.grade(before)


def test_replayed_changes_a_twin_and_not_the_node():
    node = Acceptor("a1")
    after, sent = replayed(node, ("p1", Prepare(Ballot(1, "p1"))))
    assert after.promised == Ballot(1, "p1") and node.promised == Ballot.ZERO and node.outbox == []
    assert sent == [("p1", Promise(Ballot(1, "p1"), None))]
    assert LogAccept is not Accept


def test_kinds_take_turns_and_what_does_not_exist_is_told_so():
    assert [drill(seed).kind for seed in range(1, 6)] == list(KINDS)
    assert drill(6).kind == drill(1).kind and str(drill(6)) != str(drill(1))
    with pytest.raises(LabError, match="no kind of drill 'chess'; there are promises"):
        drill(1, "chess")
    with pytest.raises(LabError, match="whole number, got '1'"):
        drill("1")


def test_a_drill_without_one_right_answer_cannot_be_made():
    options = (Option("a", 1), Option("b", 2), Option("c", 2))
    with pytest.raises(LabError, match="2 right options of 3"):
        Drill("k", (), "?", options, "", lambda: 2)
    with pytest.raises(LabError, match="0 right"):
        Drill("k", (), "?", options, "", lambda: 3)
    with pytest.raises(LabError, match="1 right options of 2"):
        Drill("k", (), "?", options[:2], "", lambda: 2)
    with pytest.raises(LabError, match="options 0 to 2, got 3"):
        Drill("k", (), "?", options, "", lambda: 1).grade(3)


# ---- the widget


def test_a_right_answer_is_told_with_its_rule_and_counted():
    board = Whiteboard(seed=1)
    board.choice.value = board.drill.right
    board.button.click()
    assert "right." in board.verdict.value and "quorum" in board.verdict.value
    assert board.score == "1 of 1 right." and "1 of 1 right." in board.score_line.value


def test_a_wrong_answer_is_told_what_the_role_does_and_only_the_first_counts():
    board = Whiteboard(seed=2)
    wrong = next(i for i in range(len(board.drill.options)) if i != board.drill.right)
    assert not board.answer(wrong)
    letter = "ABCDEFG"[board.drill.right]
    assert f"The role does {letter}: " in board.verdict.value
    assert board.answer(board.drill.right)
    assert board.score == "0 of 1 right."


def test_without_a_pick_it_asks_for_one():
    board = Whiteboard()
    board.button.click()
    assert "Pick an answer first." in board.verdict.value and board.score == "No drill is answered yet."


def test_next_goes_on_and_clears_the_board():
    board = Whiteboard(seed=1)
    texts = [board.text.value]
    for _ in range(4):
        board.answer(0)
        board.next_button.click()
        assert board.verdict.value == "" and board.choice.value is None and not board.judged
        texts.append(board.text.value)
    assert all(a != b for a, b in pairwise(texts)) and board.seed == 5


def test_a_kind_can_be_chosen():
    board = Whiteboard(seed=3)
    board.kind.value = "take-over"
    assert board.drill.kind == "take-over" and "take-over" in board.text.value
    board.next_button.click()
    assert board.drill.kind == "take-over"


def test_controls_are_labelled_and_the_verdict_is_said_aloud():
    board = Whiteboard()
    board.answer(0)
    assert board.kind.description and board.choice.description
    assert board.button.tooltip and board.next_button.tooltip
    assert isinstance(board.verdict, Said) and isinstance(board.text, Said)


def test_without_a_kernel_the_drill_is_text():
    board = Whiteboard(seed=1)
    data = board.still()
    assert data["text/plain"] == f"Drill 1: promises\n{drill(1)}"
    assert "  A. " in data["text/plain"]
