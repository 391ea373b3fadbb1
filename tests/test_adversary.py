"""The adversary game, from Python's side: what may be played, what is counted, who knows the optimum."""

import html
import re

import pytest
from checking import remembered

from paxos_lab import LabError
from paxos_lab.paxos import Flexible, single_decree
from paxos_lab.show.widgets.box import Said
from paxos_lab.teach import AdversaryGame
from paxos_lab.teach.lessons.adversary import events_in
from paxos_lab.verify import Faults, explore
from paxos_lab.verify.wrong.single_decree import MUTANTS, find_variant
from paxos_lab.world.events import Crash, Deliver, Drop, Duplicate, Partition, Restart, Start, Timeout


def game_of(id, **more):
    mutant = find_variant(id)
    how = {"search": remembered} | more
    return AdversaryGame(lambda: mutant.make(mutant.smallest), id, mutant.rule, mutant.smallest.faults, **how)


class Counted:
    """`explore`, and how often it was asked."""

    def __init__(self):
        self.times = 0

    def __call__(self, *arguments, **named):
        self.times += 1
        return remembered(*arguments, **named)


def deliver(game, *flights):
    """Deliver the oldest message in flight of each "sender receiver"."""
    for flight in flights:
        sender, to = flight.split()
        event = next(Deliver(e) for e in game.board.bus.in_flight if (e.sender, e.to) == (sender, to))
        game.act(event)


def click(game, **request):
    game.board._handle_custom_msg({**request, "click": 1}, [])
    return game.board.view


def test_a_win_is_seen_at_the_event_that_breaks_agreement_and_is_counted():
    game = game_of("M13")
    assert game.events == 0, "starts do not count"
    deliver(game, "p1 a1", "p1 a2", "p2 a2")
    assert game.broken is None and "3 events so far" in game.status.value
    deliver(game, "p2 a3")
    assert game.events == 4
    assert "x is chosen in ballot 1.p1, and y is chosen in ballot 1.p2" in game.broken
    assert "Agreement is broken" in game.status.value
    assert "You needed 4 events; the shortest possible is 4. Nobody can do it in fewer." in game.status.value


def test_a_longer_win_is_told_the_optimum_and_the_best_one_is_kept():
    game = game_of("M13")
    deliver(game, "p1 a1", "p1 a2", "p1 a3", "p2 a1", "p2 a2")
    assert "You needed 5 events; the shortest possible is 4." in game.status.value
    assert "Nobody" not in game.status.value
    game.restart()
    assert game.events == 0 and game.broken is None
    assert "Your best: 5 events" in game.status.value
    deliver(game, "p1 a1", "p1 a2", "p2 a2", "p2 a3")
    assert game.best == 4
    game.restart()
    deliver(game, "p1 a1", "p1 a2", "p1 a3", "p2 a1", "p2 a2")
    assert game.best == 4, "a worse run later does not spoil it"


def test_the_optimum_is_computed_once_and_not_before_it_is_needed():
    search = Counted()
    game = game_of("M13", search=search)
    deliver(game, "p1 a1", "p1 a2", "p2 a2")
    assert search.times == 0 and "shortest" not in game.status.value
    deliver(game, "p2 a3")
    assert search.times == 1
    game.hint()
    game.show_optimum()
    game.restart()
    deliver(game, "p1 a1", "p1 a2", "p2 a2", "p2 a3")
    assert search.times == 1


def test_undo_takes_one_event_back_and_stops_at_the_start():
    game = game_of("M1")
    deliver(game, "p1 a1", "p2 a1")
    there = game.board.bus.trace.to_json()
    deliver(game, "p1 a2")
    game.undo()
    assert game.events == 2 and game.board.bus.trace.to_json() == there
    for _ in range(5):
        game.undo()
    assert game.events == 0
    assert [type(step.event) for step in game.board.bus.trace] == [Start, Start]
    click(game, do="jump", step=0)
    assert len(game.board.bus.trace) == 2, "the starts are no part of the game"
    click(game, do="forward")
    assert game.events == 1, "what was undone can be redone"


def test_restart_leaves_nothing_to_redo():
    game = game_of("M1")
    deliver(game, "p1 a1", "p2 a1")
    game.restart()
    assert not game.board.view["can_forward"]
    assert "nothing to redo" in click(game, do="forward")["problem"]
    assert game.events == 0, "time does not go on by itself"


@pytest.mark.parametrize("mutant", [find_variant(i) for i in ("M2", "M4", "M8")], ids=lambda m: m.id)
def test_the_optimum_plays_to_the_break_step_by_step(mutant):
    game = game_of(mutant.id)
    game.show_optimum()
    assert game.events == 0 and game.board.view["can_forward"]
    assert "lies ahead" in game.advice.value
    broken = []
    while game.board.view["can_forward"]:
        assert click(game, do="forward")["problem"] == ""
        broken.append(game.broken is not None)
    assert broken == [False] * (len(broken) - 1) + [True]
    least = events_in(game.optimum().counterexample)
    assert game.events == least
    assert f"The shortest run took {least} events" in game.status.value
    assert game.best is None, "it was not the learner who won"
    assert "only shown" in click(game, do="deliver", id=game.board.bus.in_flight[0].id)["problem"]
    game.restart()
    game.act(Deliver(game.board.bus.in_flight[0]))
    assert game.events == 1, "after Restart the network is the learner's again"


LONG = ("M8", "M9", "M10", "M11", "M12")  # to search; `make thorough` plays them, too


@pytest.mark.parametrize(
    "mutant",
    [pytest.param(m, id=m.id, marks=pytest.mark.thorough if m.id in LONG else ()) for m in MUTANTS],
)
def test_every_mutant_can_be_won_in_the_optimum_with_what_the_game_allows(mutant):
    game = game_of(mutant.id)
    run = [step.event for step in game.optimum().counterexample][game.board.first :]
    for event in run:
        assert game.broken is None
        game.act(event)
    assert game.broken is not None and game.best == events_in(game.optimum().counterexample)
    assert "Nobody can do it in fewer" in game.status.value


def test_only_what_the_explorer_would_try_is_allowed():
    game = game_of("M1")
    first = game.board.bus.in_flight[0]
    for event in (Drop(first), Duplicate(first), Crash("a1"), Timeout("p1", "retry"), Partition((("a1",),))):
        with pytest.raises(LabError, match="the game"):
            game.act(event)
    assert game.events == 0
    view = game.board.view
    assert view["verbs"] == ["deliver", "restart"] and view["first"] == 2
    assert not any(node["timers"] for node in view["nodes"])
    assert "Copies" not in game.children[1].value and "crash" not in game.children[1].value


def test_crashes_are_bounded_and_only_for_those_named():
    game = game_of("M3")
    assert "You may also use 1 crash." in game.children[1].value
    view = game.board.view
    assert "crash" in view["verbs"] and "duplicate" in view["verbs"]
    spared = [n["name"] for n in view["nodes"] if n["spared"]]
    assert spared == ["p1", "p2", "l1"]
    with pytest.raises(LabError, match="lets only a1, a2, a3 crash"):
        game.act(Crash("p1"))
    first = game.board.bus.in_flight[0]
    click(game, do="deliver, then crash", id=first.id)
    assert game.board.bus.down == [first.to] and game.events == 1
    assert "Crashes left: 0" in game.status.value
    with pytest.raises(LabError, match="no more crashes"):
        game.act(Crash("a3"))
    assert "crash" not in game.board.view["verbs"]
    game.act(Restart(first.to))
    assert game.events == 2
    game.undo()
    game.undo()
    assert "crash" in game.board.view["verbs"], "an undone crash is not used up"


def test_timeouts_are_bounded():
    game = game_of("M8")
    assert "1 timeout" in game.children[1].value and "crash" not in game.children[1].value
    assert [n["name"] for n in game.board.view["nodes"] if n["timers"]] == ["p1", "p2"]
    click(game, do="timeout", node="p1", timer="retry")
    assert game.events == 1 and not any(n["timers"] for n in game.board.view["nodes"])
    with pytest.raises(LabError, match="no more timeouts"):
        game.act(Timeout("p2", "retry"))


def test_a_copy_costs_no_event():
    game = game_of("M4")
    game.act(Duplicate(game.board.bus.in_flight[0]))
    assert game.events == 0 and len(game.board.bus.in_flight) == 7
    assert game_of("M1", copies=True).board.view["verbs"] == ["deliver", "duplicate", "restart"]


def test_hints_come_in_three_steps_and_know_where_the_run_stands():
    game = game_of("M1")
    game.hint()
    assert (
        "Hint 1 of 3. Get a proposer to ask for votes for a value that its promises do not allow"
        in game.advice.value
    )
    assert "p2" not in game.advice.value and "P2c" not in game.advice.value
    game.hint()
    assert "Hint 2 of 3. In a shortest run it happens at p2;" in game.advice.value
    far = int(re.search(r"(\d+) events? more lead", game.advice.value)[1])
    deliver(game, "p1 a1")
    game.hint()
    assert "Hint 3 of 3. These lead there: " in game.advice.value
    assert game.advice.value.count(" arrives at ") == far - 1, "what has happened is not asked for again"
    assert "Then y is asked for in ballot 1.p2" in game.advice.value
    deliver(game, "p1 a2", "a1 p1", "a2 p1", "p1 a1", "p2 a1", "p2 a2", "a1 p2", "a2 p2")
    game.hint()
    assert "Hint 1 of 3. Get one value chosen, and then another one" in game.advice.value
    assert "Broken on the way: backed_by_promises" in game.status.value
    assert "shortest possible" not in game.status.value


def test_whoever_follows_the_last_hint_wins():
    game = game_of("M5")
    for _ in range(40):
        if game.broken is not None:
            break
        for _ in range(3):
            game.hint()
        enabled = [e for e in game.board.bus.enabled() if isinstance(e, Deliver)]
        said = html.unescape(game.advice.value)
        wanted = [
            e for e in enabled
            if f"{e.envelope.message} from {e.envelope.sender} arrives at {e.envelope.to}" in said
        ]  # fmt: skip
        if "Only agreement itself is left" in said:
            wanted = [e for e in enabled if type(e.envelope.message).__name__ == "Accept"]
        game.act(wanted[0])
    assert game.broken is not None


def test_a_hint_says_when_its_way_is_closed():
    game = game_of("M1")
    for _ in range(3):
        game.hint()
    assert "not possible any more" not in game.advice.value
    deliver(game, "p2 a1", "p2 a2", "p1 a1", "p1 a2")  # too late for the ballot of p1
    game.hint()
    assert "not possible any more in your run: undo, or restart" in game.advice.value


def test_a_hint_after_the_win_has_nothing_to_say():
    game = game_of("M13")
    deliver(game, "p1 a1", "p1 a2", "p2 a2", "p2 a3")
    game.hint()
    assert "nothing left to break" in game.advice.value


def test_a_safe_protocol_cannot_be_won_and_that_is_said():
    game = AdversaryGame(lambda: single_decree(["x"], learners=0), "Safe")
    game.show_optimum()
    assert "tried every schedule" in game.advice.value and "nothing breaks" in game.advice.value
    game.hint()
    assert "nothing breaks" in game.advice.value
    while game.board.bus.in_flight:
        game.act(Deliver(game.board.bus.in_flight[0]))
    assert game.broken is None and "undo or restart" in game.status.value


def test_a_search_that_was_cut_gives_no_answer():
    def cut(nodes, properties, faults, watch):
        return explore(nodes, properties, faults, max_states=5, method="plain")

    game = game_of("M13", search=cut)
    game.show_optimum()
    assert "max_states ended its search: no answer" in game.advice.value


def test_a_class_that_breaks_its_contract_in_the_search_is_reported():
    def fails(*arguments, **named):
        raise LabError("a1 is <b>not</b> deterministic")

    game = game_of("M13", search=fails)
    game.buttons["Hint"].click()
    assert "a1 is &lt;b&gt;not&lt;/b&gt; deterministic" in game.advice.value
    deliver(game, "p1 a1", "p1 a2", "p2 a2", "p2 a3")
    assert "You needed 4 events. The explorer could not look" in game.status.value


def test_the_buttons_do_what_they_say():
    game = game_of("M13")
    deliver(game, "p1 a1", "p1 a2")
    game.buttons["Undo"].click()
    assert game.events == 1
    game.buttons["Restart"].click()
    assert game.events == 0
    game.buttons["Hint"].click()
    assert "Hint 1 of 3" in game.advice.value
    game.buttons["Show me the optimum"].click()
    assert "4 events lies ahead" in game.advice.value
    assert all(button.tooltip and button.description for button in game.buttons.values())


def test_what_is_said_is_said_aloud_and_the_rules_are_not_taken_for_granted():
    game = game_of("M13")
    deliver(game, "p1 a1", "p1 a2")
    assert isinstance(game.status, Said) and isinstance(game.advice, Said)
    assert game.board.view["verdict"] == "x is chosen. By the rules, no other value can ever be."
    deliver(game, "p2 a2", "p2 a3")
    assert game.board.view["verdict"].startswith("BROKEN")


def test_what_a_learner_types_stays_text():
    evil = "<img src=x onerror=alert(1)>"
    game = AdversaryGame(
        lambda: single_decree([evil, "y"], learners=0, quorums=Flexible(1, 2), unsafe=True), evil, evil
    )
    game.show_optimum()
    while game.board.view["can_forward"]:
        click(game, do="forward")
    assert game.broken is not None
    for part in (game.children[1], game.status, game.advice):
        assert "<img" not in part.value
    assert "&lt;img" in game.children[1].value and "&lt;img" in game.status.value


def test_without_a_kernel_the_task_and_the_picture_are_there():
    data = game_of("M13").still()
    assert data["text/plain"].startswith("Adversary game: M13. two ballots skip phase 1.")
    assert data["image/svg+xml"].startswith("<svg")


def test_what_cannot_be_played_is_said():
    with pytest.raises(LabError, match="function that makes nodes"):
        AdversaryGame(single_decree(["x"]), "title")
    with pytest.raises(LabError, match="title is a text"):
        AdversaryGame(lambda: single_decree(["x"]), " ")


def test_events_are_counted_as_the_explorer_counts_them():
    mutant = find_variant("M4")
    found = explore(mutant.make(mutant.smallest), faults=Faults(1, 0, who=("a1", "a2", "a3")))
    kinds = [type(step.event) for step in found.counterexample]
    assert kinds.count(Start) == 2 and len(kinds) > found.depth
    assert events_in(found.counterexample) == found.depth
