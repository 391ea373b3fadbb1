"""The log view says what every server knows of every slot, in words as well."""

import re
import xml.etree.ElementTree as ElementTree

from svg_geometry import font_sizes, parts

from paxos_lab import MessageBus, Timeout
from paxos_lab.multipaxos import Append, Command, Put, Reconfigure, Vote, replicated_log
from paxos_lab.paxos import Ballot
from paxos_lab.show import log_view
from paxos_lab.show.draw.engine import LEAST_TEXT, fit
from paxos_lab.show.draw.picture import ORANGE, PAGE_WIDTH


def a_run(**settings):
    wanted = [[Put("x", "<b>tea</b>"), *(Append("k", "a") for _ in range(11))]]
    bus = MessageBus(replicated_log(wanted, **settings), delay=1)
    bus.apply(Timeout("s1", "election"), at=0.0)
    return bus


def test_before_anything_happened_it_shows_one_empty_slot():
    picture = log_view(MessageBus(replicated_log()))
    assert "nobody leads" in picture.caption and "s1, follower: nothing in these slots." in picture.alt


def test_it_names_the_leader_what_is_executed_and_who_is_down():
    bus = a_run()
    bus.run(until=lambda bus: bus["s1"].applied() == 2, max_steps=500)
    picture = log_view(bus)
    assert "s1 leads" in picture.caption
    assert "slot 1 executed (c1#1 put x <b>tea</b>)" in picture.alt
    assert "<b>tea" not in picture.svg(), "what learners type is escaped"
    bus.crash("s1")
    assert "nobody leads" in log_view(bus).caption and "s1, DOWN" in log_view(bus).alt


def test_a_vote_is_not_a_choice_and_a_hole_is_seen():
    bus = a_run()
    bus["s2"].votes[3] = Vote(Ballot(1, "s1"), ())
    words = log_view(bus).alt
    assert "slot 3 accepted (no-op" in words and "s2, follower: slot 3 accepted" in words


def test_a_long_log_shows_its_end_and_what_a_snapshot_cleared():
    bus = a_run(snapshot_every=5)
    bus.run(until=lambda bus: bus["c1"].done, max_steps=5000)
    bus.run(until=lambda bus: bus["s3"].applied() == bus["s1"].applied(), max_steps=200)
    picture = log_view(bus)
    assert (
        "slot 12 executed" in picture.alt
        and "slot 1 " not in picture.alt
        and "slot 10 cleared" in picture.alt
    )
    assert "slot 1 cleared" in log_view(bus, range(1, 4)).alt


def cells(picture):
    """The text of each cell, in reading order, and the colours of borders."""
    return [words for words, _, _ in parts(picture.svg()).texts]


def test_the_ballot_of_a_vote_is_never_cut_off():
    bus = a_run()
    long = (Command("somebody", 1234, Put("a-very-long-key", "a very long value that fits nowhere")),)
    bus["s2"].votes[3] = Vote(Ballot(117, "s1"), long)
    texts = cells(log_view(bus))
    assert any(text.startswith("accepted 117.s1 somebody#1234 put") for text in texts), texts
    lines = [
        e.text or "" for e in ElementTree.fromstring(log_view(bus).svg()).iter() if e.tag.endswith("text")
    ]
    assert max(map(len, lines)) <= 18


def test_two_entries_chosen_in_one_slot_are_marked():
    bus = a_run()
    bus.run(until=lambda bus: bus["s2"].applied() == 2, max_steps=500)
    assert "TWO ENTRIES" not in " ".join(cells(log_view(bus)))
    bus["s2"].log[2] = (Command("c9", 1, Put("x", "milk")),)
    picture = log_view(bus)
    assert "slot 2 TWO ENTRIES" in cells(picture)
    assert "Slot 2 holds two different entries that were taken for chosen: " in picture.caption
    assert "c9#1 put x milk at s2" in picture.caption
    assert picture.source.count(f'color="{ORANGE}" ') >= 2


def test_it_says_who_is_a_member_of_which_slot_once_that_has_changed():
    members = ("s1", "s2", "s4")
    operations = {"admin": [Reconfigure(members)], "c": [Append("k", "a") for _ in range(6)]}
    bus = MessageBus(replicated_log(operations, servers=3, spares=1), delay=1)
    bus.apply(Timeout("s1", "election"), at=0.0)
    assert "Members" not in log_view(bus).caption
    bus.run(until=lambda bus: bus["s1"].applied() >= 6, max_steps=2000)
    picture = log_view(bus)
    first = next(slot for slot in range(1, 9) if bus["s1"].members_at(slot) == members)
    assert f"Members in slots 1 to {first - 1}: s1, s2, s3." in picture.caption
    assert picture.caption.endswith(": s1, s2, s4.")
    assert f"slot {first} s1 s2 s4" in cells(picture) and "slot 1 s1 s2 s3" in cells(picture)
    line = next(line for line in picture.alt.splitlines() if line.startswith("s4"))
    assert "no member there" in line.split("slot 2")[0]


def test_the_caption_tells_of_each_server_how_far_it_is():
    bus = a_run()
    bus.run(until=lambda bus: bus["s1"].applied() == 3, max_steps=500)
    bus.crash("s3")
    caption = log_view(bus).caption
    assert caption.startswith(
        "One row per server, one column per slot: s1 leads. Executed: s1 up to slot 3; s2 "
    )
    assert "s3" not in caption and caption.endswith("Of a server that is DOWN you see what is on its disk.")


def test_a_full_view_is_readable_on_a_laptop_and_fits_the_page():
    bus = a_run()
    bus.run(until=lambda bus: bus["s1"].applied() == 12, max_steps=5000)
    svg = fit(log_view(bus).svg(), PAGE_WIDTH)
    assert min(font_sizes(svg)) > LEAST_TEXT - 0.1
    assert int(re.search(r'width="(\d+)"', svg)[1]) <= PAGE_WIDTH + 10
