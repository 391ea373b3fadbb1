"""The log view says what every server knows of every slot, in words as well."""

from paxos_lab import MessageBus, Timeout
from paxos_lab.multipaxos import Append, Put, Vote, replicated_log
from paxos_lab.paxos import Ballot
from paxos_lab.show import log_view


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
