"""The leader of a log, message by message: what counts for it, and when it stops to lead."""

from dataclasses import dataclass

import pytest
from log_runs import done, leader_of, servers_of

from paxos_lab import MessageBus
from paxos_lab.multipaxos import (
    Accept,
    Accepted,
    Append,
    Chosen,
    Client,
    Command,
    Entries,
    Fetch,
    Heartbeat,
    HeartbeatHeard,
    KeyValueStore,
    Nack,
    Prepare,
    Promise,
    Put,
    Reconfigure,
    Reply,
    Request,
    Server,
    Vote,
    replicated_log,
)
from paxos_lab.node import Send, react
from paxos_lab.paxos import Ballot
from paxos_lab.world.copying import state_of
from paxos_lab.world.events import Crash

FIVE = ("s1", "s2", "s3", "s4", "s5")


def server(members=FIVE, **settings):
    return Server("s1", members=members, machine=KeyValueStore(), **settings)


def hand(node, sender, message):
    """What it sends when it gets that message, as (to, message)."""
    return [(e.to, e.message) for e in react(node, "receive", sender, message) if isinstance(e, Send)]


def kinds(sent):
    return {type(message) for _, message in sent}


def candidate(**settings):
    node = server(**settings)
    react(node, "timeout", "election")
    assert node.role == "candidate"
    return node


def leader(**settings):
    node = candidate(**settings)
    for name in ("s2", "s3"):
        hand(node, name, Promise(node.ballot, (), 0))
    assert node.role == "leader"
    return node


def command(number, client="c1"):
    return Command(client, number, Put("x", f"{client}.{number}"))


# ---- Phase 1


def test_a_majority_of_all_members_has_to_promise_each_counted_once():
    node = candidate()  # it has promised itself
    for _ in range(3):
        hand(node, "s2", Promise(node.ballot, (), 0))
    hand(node, "stranger", Promise(node.ballot, (), 0))
    assert node.role == "candidate", "two of five, however often they say it"
    hand(node, "s3", Promise(node.ballot, (), 0))
    assert node.role == "leader"


def test_promises_of_an_earlier_ballot_of_its_own_count_for_nothing():
    node = candidate()
    old = node.ballot
    hand(node, "s2", Promise(old, (), 0))
    react(node, "timeout", "election")
    assert node.ballot > old
    for name in ("s2", "s3", "s4"):
        hand(node, name, Promise(old, (), 0))
    assert node.role == "candidate"


def test_a_nack_ends_the_campaign_and_the_next_ballot_is_above_it():
    node = candidate()
    hand(node, "s2", Nack(node.ballot, Ballot(7, "s2")))
    assert node.role == "follower"
    react(node, "timeout", "election")
    assert node.ballot == Ballot(8, "s1")


def test_a_nack_to_an_earlier_ballot_changes_nothing():
    node = candidate()
    old = node.ballot
    react(node, "timeout", "election")
    hand(node, "s2", Nack(old, Ballot(7, "s2")))
    assert node.role == "candidate"


def test_it_serves_only_after_it_has_what_was_cleared_elsewhere():
    """A promise says that slots up to 2 are chosen and gone there: nothing may be asked for before they are here."""
    node = candidate()
    votes = ((3, Vote(Ballot(1, "s2"), (command(3),))),)
    assert (("s2", Fetch(1))) in hand(node, "s2", Promise(node.ballot, votes, 2))
    assert Accept not in kinds(hand(node, "s3", Promise(node.ballot, (), 0)))
    assert node.role == "candidate"
    sent = hand(node, "s2", Entries(1, ((command(1),), (command(2),))))
    assert node.role == "leader"
    assert ("s2", Accept(node.ballot, 3, (command(3),))) in sent


# ---- Phase 2


def test_the_client_is_answered_when_it_is_chosen_and_not_before():
    node = leader()
    assert Reply not in kinds(hand(node, "c1", Request(command(1))))
    assert Reply not in kinds(hand(node, "s2", Accepted(node.ballot, 1)))
    sent = hand(node, "s3", Accepted(node.ballot, 1))
    assert ("c1", Reply(1, None)) in sent and ("s2", Chosen(node.ballot, 1)) in sent


def test_votes_count_once_each_for_this_ballot_and_slot_and_from_members_only():
    node = leader()
    hand(node, "c1", Request(command(1)))
    hand(node, "c2", Request(command(1, "c2")))
    for sender, message in [
        ("s2", Accepted(node.ballot, 1)),
        ("s2", Accepted(node.ballot, 1)),
        ("s3", Accepted(node.ballot, 2)),
        ("s4", Accepted(Ballot(0, "s1"), 1)),
        ("stranger", Accepted(node.ballot, 1)),
    ]:
        hand(node, sender, message)
    assert node.applied() == 0 and node.status(1) == node.status(2) == "accepted"
    hand(node, "s3", Accepted(node.ballot, 1))
    assert node.applied() == 1


def test_a_vote_that_comes_after_the_choice_changes_nothing():
    node = leader()
    hand(node, "c1", Request(command(1)))
    for name in ("s2", "s3"):
        hand(node, name, Accepted(node.ballot, 1))
    before = dict(vars(node))
    assert hand(node, "s4", Accepted(node.ballot, 1)) == []
    assert vars(node) == before


def test_slots_chosen_in_any_order_are_executed_in_their_own():
    """Instances out of order: three are open at once, the last is chosen first."""
    node = leader(alpha=3)
    for number in (1, 2, 3):
        hand(node, f"c{number}", Request(command(1, f"c{number}")))
    answered = []
    for slot in (3, 1, 2):
        for name in ("s2", "s3"):
            sent = hand(node, name, Accepted(node.ballot, slot))
            answered += [to for to, message in sent if type(message) is Reply]
    assert answered == ["c1", "c2", "c3"]
    assert node.machine.data["x"] == "c3.1"


def test_a_command_asked_for_again_gets_no_second_slot_while_it_is_under_way():
    node = leader(alpha=1)
    for _ in range(2):
        hand(node, "c1", Request(command(1)))
        hand(node, "c2", Request(command(1, "c2")))
    assert (list(node.proposals.values()), node.queue) == ([(command(1),)], (command(1, "c2"),))


def test_chosen_is_taken_for_a_vote_of_that_ballot_or_a_higher_one_only():
    old, new = Ballot(1, "s2"), Ballot(2, "s3")
    node = server()
    node.promised, node.votes = new, {1: Vote(old, (command(1),)), 2: Vote(new, (command(2),))}
    assert hand(node, "s3", Chosen(new, 1)) == [("s3", Fetch(1))], "its vote is for something older"
    assert node.status(1) == "accepted"
    hand(node, "s2", Chosen(old, 2))
    assert node.command(2) == (command(2),)


def test_a_ballot_is_never_used_twice():
    """The round is on disk before the first Prepare leaves, even if a crash hides that it did."""
    bus = MessageBus(replicated_log((), 3))
    used = set()
    for _ in range(4):
        event = next(e for e in bus.enabled() if getattr(e, "timer", None) == "election" and e.node == "s1")
        bus.apply(Crash("s1", during=event))
        bus.restart("s1")
        bus.timeout("s1", "election")
        assert bus["s1"].ballot not in used
        used.add(bus["s1"].ballot)
    assert [ballot.round for ballot in sorted(used)] == [2, 4, 6, 8]


def test_a_slot_known_to_be_chosen_is_not_asked_for_again():
    node = server()
    node.learn(2, (command(2),))
    react(node, "timeout", "election")
    hand(node, "s2", Promise(node.ballot, (), 0))
    sent = hand(node, "s3", Promise(node.ballot, (), 0))
    assert {message.slot for _, message in sent if type(message) is Accept} == {1}, "the hole, with a no-op"


def test_a_command_that_is_long_done_is_neither_answered_nor_done_again():
    node = leader()
    for slot in (1, 2):
        hand(node, "c1", Request(command(slot)))
        for name in ("s2", "s3"):
            hand(node, name, Accepted(node.ballot, slot))
    assert hand(node, "c1", Request(command(2))) == [("c1", Reply(2, "c1.1"))]
    assert hand(node, "c1", Request(command(1))) == []
    assert hand(node, "s2", Entries(3, ((command(1),),))) == []
    assert node.applied() == 3 and node.machine.data == {"x": "c1.2"}


def test_a_command_that_sits_in_a_second_slot_is_answered_again():
    """The first Reply may have been lost, and its client may ask nobody but this leader."""
    node = candidate()
    votes = tuple((slot, Vote(Ballot(0, "s2"), (command(1),))) for slot in (1, 2))
    for name in ("s2", "s3"):
        hand(node, name, Promise(node.ballot, votes, 0))
    for slot in (1, 2):
        hand(node, "s2", Accepted(node.ballot, slot))
        assert ("c1", Reply(1, None)) in hand(node, "s3", Accepted(node.ballot, slot)), slot
    assert node.machine.data == {"x": "c1.1"}


def test_a_promise_that_comes_after_the_quorum_changes_nothing():
    node = leader()
    before = state_of(node)
    late = Promise(node.ballot, ((1, Vote(Ballot(0, "s4"), (command(1),))),), 5)
    assert hand(node, "s4", late) == []
    assert state_of(node) == before


# ---- messages to oneself


@dataclass
class Nested(Server):
    """Notes how many handlers run at once."""

    depth: int = 0
    deepest: int = 0

    def handle(self, sender, message):
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        super().handle(sender, message)
        self.depth -= 1


def test_no_handler_runs_inside_another():
    """Alone, a server asks, votes and counts in one step: hundreds of messages, all to itself."""
    node = Nested("s1", members=("s1",), machine=KeyValueStore(), queue=tuple(map(command, range(1, 501))))
    react(node, "timeout", "election")
    assert node.applied() == 500 and node.to_self == ()
    assert (node.deepest, node.depth) == (1, 0)


def test_what_it_sends_to_itself_it_receives_in_order_and_nobody_else_sees_it():
    heard = []

    class Listening(Server):
        def receive(self, sender, message):
            if sender == self.name:
                heard.append(message)
            super().receive(sender, message)

    node = Listening("s1", members=FIVE, machine=KeyValueStore(), queue=(command(1), command(1, "c2")))
    sent = react(node, "timeout", "election")
    for name in ("s2", "s3"):
        sent += react(node, "receive", name, Promise(node.ballot, (), 0))
    b = node.ballot
    votes = [Accept(b, 1, (command(1),)), Accept(b, 2, (command(1, "c2"),)), Accepted(b, 1), Accepted(b, 2)]
    assert heard == [Prepare(b, 1), Promise(b, (), 0), *votes]
    assert all(effect.to != "s1" for effect in sent if isinstance(effect, Send))


# ---- the end of a lead


def heartbeats_until_it_steps_down(node, answering=()):
    """`answering`: who answers heartbeats, from the third on."""
    for beats in range(100):
        if node.role != "leader":
            return beats
        if beats > 2:
            for name in answering:
                hand(node, name, HeartbeatHeard(node.ballot, node.beats))
        react(node, "timeout", "heartbeat")
    raise AssertionError("it leads for ever")


def test_a_second_lead_owes_nothing_to_the_first():
    """Heartbeats that were not answered, and those that were, belong to the ballot in which they were sent."""
    alone = heartbeats_until_it_steps_down(leader())
    assert heartbeats_until_it_steps_down(leader(), ["s3"]) == alone > 4, "two of five are no quorum"
    node = leader()
    for _ in range(alone - 1):
        react(node, "timeout", "heartbeat")
    hand(node, "s2", HeartbeatHeard(node.ballot, node.beats))
    hand(node, "s2", Nack(node.ballot, Ballot(7, "s2")))
    react(node, "timeout", "election")
    for name in ("s2", "s3"):
        hand(node, name, Promise(node.ballot, (), 0))
    assert heartbeats_until_it_steps_down(node, ["s3"]) == alone


def test_a_higher_promise_of_its_own_ends_the_lead_at_the_next_proposal():
    node = leader()
    hand(node, "s2", Prepare(Ballot(9, "s2"), 1))
    hand(node, "c1", Request(command(1)))
    assert node.role == "follower" and node.votes == {}, "it does not vote below its promise"


def test_a_leader_follows_a_higher_ballot():
    node = leader()
    hand(node, "c1", Request(command(1)))
    hand(node, "s2", Heartbeat(Ballot(9, "s2"), 1, 1))
    assert (node.role, node.leader, node.proposals, node.queue) == ("follower", "s2", {}, ())


@pytest.mark.parametrize("way", [Entries, Chosen])
def test_a_leader_that_is_told_of_its_removal_steps_down(way):
    """It learned from others what it asked for, and went on to send heartbeats: they followed a stranger."""
    node = leader(alpha=1)
    change = (Command("admin", 1, Reconfigure(("s4", "s5"))),)
    hand(node, "admin", Request(*change))
    assert node.votes[1].entry == change
    hand(node, "s2", Entries(1, (change,)) if way is Entries else Chosen(node.ballot, 1))
    assert node.applied() == 1 and node.members_at(2) == ("s4", "s5")
    assert node.role == "follower"


def test_a_client_that_knows_only_a_removed_server_is_served():
    """Whom that one takes for the leader may have been removed as well, so it asks the members."""
    operations = {"admin": [Reconfigure(("s4", "s5"))], "c1": [Append("k", "a "), Append("k", "b ")]}
    bus = MessageBus(replicated_log(operations, spares=2), idle=["c1"], checked=False)
    moved = lambda bus: leader_of(bus) in ("s4", "s5") and all(s.applied() >= 4 for s in servers_of(bus))  # noqa: E731
    bus.run(until=moved, max_steps=5000)
    assert moved(bus)
    bus["c1"].servers = ("s2",)
    bus.start("c1")
    bus.run(until=lambda bus: done(bus) or bus.now > 500, max_steps=5000)
    assert bus["c1"].results == ["a ", "a b "]


def test_what_goes_from_server_to_server_goes_in_no_circle():
    """A stranger hands on what a client asks, to each member once, and nothing that a server hands on."""
    node = server(members=("s2", "s3"))
    node.leader = "s4"
    request = Request(command(1))
    assert hand(node, "c1", request) == [("s2", request), ("s3", request)]
    assert hand(node, "s2", request) == []


def test_a_client_takes_an_answer_once_and_only_to_what_it_asks():
    client = Client("c1", operations=(Put("x", 1), Put("x", 2)), servers=("s1",))
    react(client, "start")
    hand(client, "s1", Reply(2, "early"))
    hand(client, "s1", Reply(1, None))
    hand(client, "s1", Reply(1, "again"))
    assert client.results == [None]
