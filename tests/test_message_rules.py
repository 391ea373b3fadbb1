"""The rules on messages by themselves: each can say no, and no right talk breaks one."""

from dataclasses import dataclass

import pytest

from paxos_lab import MessageBus
from paxos_lab.multipaxos import Append, Server, replicated_log
from paxos_lab.multipaxos.messages import Accept, Accepted, Command, Heartbeat, Prepare, Promise, Vote
from paxos_lab.node import LabError, Node, stable
from paxos_lab.paxos import Ballot, Flexible
from paxos_lab.verify import LogRules, ordeal
from paxos_lab.verify.storms.message_rules import MessageRules, answers_lower

LOW, HIGH, TOP = Ballot(1, "s1"), Ballot(2, "s2"), Ballot(3, "s3")
X, Y = ((Command("c", n, word),) for n, word in enumerate("xy", 1))


class Says(Node):
    """Sends to s9 whatever the test tells it to."""

    def receive(self, sender, message):
        if sender == "outside":
            self.send("s9", message)


def told(*talk):
    """What the rules say of this talk: (who, message), one after the other."""
    bus, rules = MessageBus([Says(f"s{i}") for i in (1, 2, 3, 9)]), MessageRules()
    for who, message in talk:
        bus.invoke(who, message)
    return rules.look(bus)


RIGHT = {
    "promises go up": [("s1", Promise(LOW, (), 0)), ("s1", Promise(HIGH, (), 0)), ("s1", Promise(HIGH, (), 0))],
    "another promised more": [("s1", Promise(HIGH, (), 0)), ("s2", Promise(LOW, (), 0))],
    "a vote in the promised ballot": [("s1", Promise(LOW, (), 0)), ("s1", Accepted(LOW, 1))],
    "the vote is reported": [
        ("s2", Accept(LOW, 1, X)), ("s1", Accepted(LOW, 1)), ("s1", Promise(HIGH, ((1, Vote(LOW, X)),), 0)),
    ],
    "only a higher vote is reported": [
        ("s1", Accepted(LOW, 1)), ("s1", Accepted(HIGH, 1)), ("s1", Promise(TOP, ((1, Vote(HIGH, X)),), 0)),
    ],
    "what is cleared is not reported": [("s1", Accepted(LOW, 1)), ("s1", Promise(HIGH, (), 1))],
    "what is not asked about is not reported": [
        ("s1", Accepted(LOW, 1)), ("s2", Prepare(HIGH, 2)), ("s1", Promise(HIGH, (), 0)),
    ],
    "an acceptor that keeps its highest vote may vote lower": [
        ("s1", Accepted(HIGH, 1)), ("s1", Accepted(LOW, 1)), ("s1", Promise(TOP, ((1, Vote(HIGH, X)),), 0)),
    ],
    "a vote in the promised ballot is not reported": [
        ("s2", Accept(HIGH, 1, X)), ("s1", Accepted(HIGH, 1)), ("s1", Promise(HIGH, (), 0)),
    ],
    "a promise is sent once more after a vote": [
        ("s1", Accepted(LOW, 1)), ("s1", Promise(TOP, ((1, Vote(LOW, X)),), 0)), ("s1", Accepted(TOP, 1)),
        ("s1", Promise(TOP, ((1, Vote(LOW, X)),), 0)),
    ],
    "what was said is said again, and more was promised between": [
        ("s1", Promise(LOW, (), 0)), ("s1", Accepted(LOW, 1)), ("s1", Promise(HIGH, ((1, Vote(LOW, X)),), 0)),
        ("s1", Accepted(LOW, 1)), ("s1", Promise(LOW, (), 0)),
    ],
    "one entry asked for twice": [("s1", Accept(LOW, 1, X)), ("s1", Accept(LOW, 1, X)), ("s1", Accept(LOW, 2, Y))],
    "two ballots ask for two entries": [("s1", Accept(LOW, 1, X)), ("s2", Accept(HIGH, 1, Y))],
}  # fmt: skip

WRONG = {
    "s1 had promised 2.s2, and now promises 1.s1, which is lower (step 2)": [
        ("s1", Promise(HIGH, (), 0)), ("s1", Promise(LOW, (), 0)),
    ],
    "s1 had promised 2.s2, and now accepts in slot 7 in 1.s1, which is lower (step 2)": [
        ("s1", Promise(HIGH, (), 0)), ("s1", Accepted(LOW, 7)),
    ],
    "s1 had accepted in slot 1 in 1.s1, and its promise of 2.s2 reports no vote there (step 2)": [
        ("s1", Accepted(LOW, 1)), ("s1", Promise(HIGH, (), 0)),
    ],
    "s1 had accepted in slot 1 in 1.s1, and its promise of 3.s3 reports no vote there (step 3)": [
        ("s1", Accepted(LOW, 1)), ("s1", Promise(HIGH, ((1, Vote(LOW, X)),), 0)), ("s1", Promise(TOP, (), 0)),
    ],
    "s1 had promised 2.s2, and now accepts in slot 2 in 1.s1, which is lower (step 3)": [
        ("s1", Accepted(LOW, 1)), ("s1", Promise(HIGH, ((1, Vote(LOW, X)),), 0)), ("s1", Accepted(LOW, 2)),
    ],
    "s1 had accepted in slot 1 in 2.s2, and its promise of 3.s3 reports a vote in 1.s1 there (step 2)": [
        ("s1", Accepted(HIGH, 1)), ("s1", Promise(TOP, ((1, Vote(LOW, X)),), 0)),
    ],
    "in slot 1 s1 reports c#1 x, and 1.s1 asks for c#2 y there (step 2)": [
        ("s2", Accept(LOW, 1, Y)), ("s1", Promise(HIGH, ((1, Vote(LOW, X)),), 0)),
    ],
    "ballot 1.s1 asks for c#1 x and for c#2 y in slot 1 (step 2)": [
        ("s1", Accept(LOW, 1, X)), ("s1", Accept(LOW, 1, Y)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_talk_breaks_no_rule(name):
    assert told(*RIGHT[name]) is None


@pytest.mark.parametrize("sentence", WRONG)
def test_a_wrong_talk_is_told_in_a_sentence(sentence):
    assert told(*WRONG[sentence]) == sentence


def test_a_late_copy_by_the_network_is_not_said_again():
    bus, rules = MessageBus([Says("s1"), Says("s9")]), MessageRules()
    bus.invoke("s1", Promise(LOW, (), 0))
    first = bus.in_flight[0]
    bus.invoke("s1", Promise(HIGH, (), 0))
    bus.duplicate(first)
    assert rules.look(bus) is None
    bus.invoke("s1", Promise(LOW, (), 1))
    assert "which is lower" in rules.look(bus)


def test_messages_of_a_learner_count_as_what_they_are_made_from_and_others_say_nothing():
    @dataclass(frozen=True)
    class Yes(Promise):
        """A learner's promise that tells more."""

        mood: str = "glad"

    @dataclass(frozen=True)
    class AppendReply:
        ballot: Ballot

    assert "promises 1.s1, which is lower" in told(("s1", Yes(HIGH, (), 0)), ("s1", Yes(LOW, (), 0)))
    assert told(("s1", AppendReply(HIGH)), ("s1", AppendReply(LOW))) is None


def test_the_rules_of_the_log_ask_them_also_on_a_bus_without_a_trace():
    for traced in (True, False):
        bus, rules = MessageBus([Says("s1"), Says("s9")], traced=traced), LogRules()
        bus.invoke("s1", Promise(HIGH, (), 0))
        bus.invoke("s1", Promise(LOW, (), 0))
        assert bool(rules.look(bus)) == traced


def test_what_is_chosen_has_the_votes_of_a_quorum_in_one_ballot():
    members = ("s1", "s2", "s3")
    bus, rules = MessageBus([Says(f"s{i}") for i in (1, 2, 3, 9)]), MessageRules()
    bus.invoke("s1", Accept(LOW, 1, X))
    assert rules.look(bus) is None and rules.votes_of(1, members) is None, "nobody accepts in these messages"
    bus.invoke("s3", Accept(HIGH, 1, Y))
    bus.invoke("s2", Accepted(LOW, 1))
    assert rules.look(bus) is None
    assert rules.votes_of(1, members) == 2 and rules.votes_of(1, ("s1", "s3")) == 1
    assert rules.votes_of(2, members) == 0


class Outspoken(Server):
    """Answers each Prepare, and never forgets its highest promise: safe, though not what the course's does."""

    def handle(self, sender, message):
        if isinstance(message, Prepare):
            self.promised = max(self.promised, message.ballot)
            votes = tuple((slot, vote) for slot, vote in sorted(self.votes.items()) if slot >= message.first)
            self.send(sender, Promise(message.ballot, votes, self.cleared))
        else:
            super().handle(sender, message)


class Forgetful(Server):
    """Keeps its promise in memory only."""

    def recover(self):
        self.promised = max([Ballot.ZERO, *(vote.ballot for vote in self.votes.values())])
        super().recover()


def test_a_server_that_answers_lower_prepares_on_purpose_is_let_off():
    servers = {role: role("s2", members=("s1", "s2", "s3")) for role in (Server, Outspoken, Forgetful)}
    assert [answers_lower(server, ("c1", "s1")) for server in servers.values()] == [False, True, False]
    assert not answers_lower(Says("s1"), ("s2",))
    lower = 0
    for seed in range(12):
        nodes = replicated_log([[Append("k", str(i)) for i in range(6)] for _ in range(3)], server=Outspoken)
        run = ordeal(nodes, seed)
        assert run.ok, (seed, str(run))
        lower += went_down(run.bus.trace.sent)
    assert lower > 0, "the rule was never put to the test"


def went_down(sent):
    """How many promises were below an earlier one of the same server."""
    highest, count = {}, 0
    for name, message in sent:
        if isinstance(message, Promise):
            count += message.ballot < highest.get(name, message.ballot)
            highest[name] = max(message.ballot, highest.get(name, message.ballot))
    return count


class Below(Server):
    """Reports only votes below the ballot that it promises: the text of the rule, and safe."""

    def handle(self, sender, message):
        match message:
            case Prepare(ballot, first) if ballot >= self.promised and first > self.executed:
                self.promised = ballot
                votes = ((slot, vote) for slot, vote in sorted(self.votes.items()) if slot >= first)
                told = tuple((slot, vote) for slot, vote in votes if vote.ballot < ballot)
                self.send(sender, Promise(ballot, told, self.cleared))
            case _:
                super().handle(sender, message)


@dataclass
class Repeating(Server):
    """Keeps its last promise on disk, and sends it again with each heartbeat of that ballot."""

    last: Promise | None = stable(None)

    def send(self, to, message):
        if isinstance(message, Promise):
            self.last = message
        super().send(to, message)

    def handle(self, sender, message):
        super().handle(sender, message)
        if (
            isinstance(message, Heartbeat)
            and self.last
            and self.last.ballot == message.ballot == self.promised
        ):
            self.send(sender, self.last)


class Insisting(Server):
    """Sends each Accepted again whenever it hears of an Accept in that slot, whatever it has promised since."""

    def handle(self, sender, message):
        vote = self.votes.get(message.slot) if isinstance(message, Accept) else None
        if vote and vote.ballot == message.ballot < self.promised:
            self.send(sender, Accepted(vote.ballot, message.slot))
        else:
            super().handle(sender, message)


@pytest.mark.parametrize("server", [Below, Repeating, Insisting])
def test_no_false_alarm_on_a_right_server_of_another_shape(server):
    for seed in range(25):
        nodes = replicated_log([[Append("k", f"{c}{i} ") for i in range(8)] for c in "abc"], server=server)
        run = ordeal(nodes, seed)
        assert run.ok, (seed, str(run))


@pytest.mark.parametrize(("servers", "sizes"), [(5, (4, 2)), (4, (3, 2)), (3, (3, 1)), (3, (1, 3))])
def test_the_quorum_is_that_of_the_servers(servers, sizes):
    for seed in range(6):
        operations = [[Append("k", f"{c}{i} ") for i in range(8)] for c in "abc"]
        run = ordeal(replicated_log(operations, servers, quorum_sizes=sizes), seed)
        assert run.ok, (seed, str(run))


def test_too_few_votes_are_seen_also_where_the_sizes_are_the_servers_own():
    class Hasty(Server):
        """Takes one vote besides its own for enough."""

        def quorums_at(self, slot):
            return Flexible(4, 2, self.members_at(slot))

    found = []
    for seed in range(6):
        operations = [[Append("k", f"{c}{i} ") for i in range(8)] for c in "abc"]
        found.append(ordeal(replicated_log(operations, 5, server=Hasty, quorum_sizes=(3, 3)), seed).kind)
    assert "rule" in found


def test_servers_that_disagree_on_the_sizes_are_a_question_to_whoever_judges():
    nodes = replicated_log([[Append("k", "x ")]], 5, quorum_sizes=(4, 2))
    nodes[0].quorum_sizes = (3, 3)
    with pytest.raises(LabError, match="quorum="):
        ordeal(nodes, 0)
