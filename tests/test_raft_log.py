"""Raft's servers, one rule at a time; the names of the labs' lists stand where a test is one of theirs."""

import pytest

from paxos_lab import Invoke, LabError, MessageBus
from paxos_lab.multipaxos import Append, Client, Command, Get, Put, Read, Reconfigure, Request
from paxos_lab.relatives import (
    AppendEntries,
    AppendReply,
    InstallSnapshot,
    LogEntry,
    RaftServer,
    RaftSnapshot,
    RequestVote,
    TransferTo,
    VoteReply,
    may_count,
    raft_log,
    up_to_date,
)
from paxos_lab.show import log_view, narrate
from paxos_lab.verify import LogRules
from paxos_lab.verify.wrong.raft import (
    AnswersOwnLength,
    CommitsUnverified,
    CountsOldTermsServer,
    NeverTruncates,
    NoPrevCheck,
)


def servers_of(bus):
    return [node for node in bus if isinstance(node, RaftServer)]


def leader_of(bus):
    leads = [s for s in servers_of(bus) if s.role == "leader" and s.name not in bus.down]
    return max(leads, key=lambda s: s.term, default=None)


def done(bus):
    return all(node.done for node in bus if isinstance(node, Client))


def run_for(bus, time):
    end = bus.now + time
    bus.run(until=lambda bus: bus.now >= end, max_steps=50_000)


def started(operations=(), servers=3, seed=0, **settings):
    """A bus with a leader that has committed its no-op; clients idle."""
    nodes = raft_log(operations, servers, **settings)
    idle = [node.name for node in nodes if isinstance(node, Client)]
    bus = MessageBus(nodes, seed=seed, idle=idle, checked=False)
    bus.run(until=lambda bus: (lead := leader_of(bus)) and lead.commit >= 1, max_steps=5_000)
    assert leader_of(bus)
    return bus


def finish(bus):
    for node in bus:
        if isinstance(node, Client):
            bus.start(node.name)
    rules, broken = LogRules(), []

    def over(bus):
        broken.extend(filter(None, [rules.look(bus)]))
        return bool(broken) or done(bus)

    bus.run(until=over, max_steps=50_000)
    assert done(bus) and not broken, broken
    return bus


# ---- the labs' list A: elections


def test_initial_election_and_no_second_one_without_a_failure():
    bus = started()
    first = leader_of(bus)
    term = first.term
    run_for(bus, 100)
    assert leader_of(bus) is first and {s.term for s in servers_of(bus)} == {term}


@pytest.mark.parametrize("servers", [3, 5])
def test_re_election_after_each_leader_dies_until_no_majority_is_left(servers):
    bus = started(servers=servers)
    terms = []
    for _ in range(servers // 2):
        terms.append(leader_of(bus).term)
        bus.crash(leader_of(bus).name)
        bus.run(until=leader_of, max_steps=5_000)
    assert leader_of(bus).term > max(terms)
    bus.crash(leader_of(bus).name)
    run_for(bus, 100)
    assert leader_of(bus) is None


# ---- list B: agreement


def test_basic_agree_and_every_server_holds_the_same():
    bus = finish(started([[Append("k", f"{i} ") for i in range(5)]]))
    run_for(bus, 10)
    assert {s.machine.data["k"] for s in servers_of(bus)} == {"0 1 2 3 4 "}


def test_fail_no_agree_a_leader_without_a_majority_commits_nothing():
    bus = started([[Put("x", 1)]], servers=5)
    lead = leader_of(bus)
    others = [s.name for s in servers_of(bus) if s is not lead]
    for name in others[:3]:
        bus.crash(name)
    before = lead.commit
    bus.start("c1")
    run_for(bus, 60)
    assert not done(bus) and all(s.commit <= before for s in servers_of(bus))
    for name in others[:3]:
        bus.restart(name)
    bus.run(until=done, max_steps=20_000)
    assert done(bus)


def test_rejoin_and_backup_the_old_leaders_tail_is_cut_off_fast():
    bus = started(servers=3)
    lead = leader_of(bus)
    rest = tuple(s.name for s in servers_of(bus) if s is not lead)
    bus.partition((lead.name,), rest)
    for i in range(40):  # nobody hears of these
        bus.apply(Invoke(lead.name, Request(Command("old", i + 1, Put("x", i)))))
    assert lead.last_index() == 41
    bus.run(until=lambda bus: leader_of(bus) is not lead and leader_of(bus).commit == 2, max_steps=5_000)
    bus.heal()
    bus.run(until=lambda bus: lead.commit == leader_of(bus).commit, max_steps=5_000)
    assert lead.last_index() == leader_of(bus).last_index() < 10


def test_a_refusal_skips_a_whole_term_at_once():
    node = alone(log=entries(1, 2, 2, 2), term=3)
    assert _sent(node, "s2", AppendEntries(3, 4, 3, (), 0)) == [AppendReply(3, False, 1)]
    assert _sent(node, "s2", AppendEntries(3, 9, 3, (), 0)) == [AppendReply(3, False, 4)]


# ---- list C and D: crashes, snapshots


def test_persist_all_crash_and_come_back():
    bus = finish(started([[Append("k", f"{i} ") for i in range(4)]]))
    terms = {s.name: s.term for s in servers_of(bus)}
    for server in servers_of(bus):
        bus.crash(server.name)
    for server in servers_of(bus):
        bus.restart(server.name)
        assert server.term == terms[server.name] and server.commit == 0, "the commit index is not on disk"
    bus.run(until=lambda bus: all(s.applied() >= 6 for s in servers_of(bus)), max_steps=10_000)
    assert {s.machine.data["k"] for s in servers_of(bus)} == {"0 1 2 3 "}


def test_snapshot_install_for_a_follower_that_missed_all():
    bus = started([[Append("k", f"{i} ") for i in range(12)]], snapshot_every=3)
    away = next(s for s in servers_of(bus) if s.role != "leader")
    bus.crash(away.name)
    finish(bus)
    bus.restart(away.name)
    bus.run(until=lambda bus: away.applied() == leader_of(bus).applied(), max_steps=10_000)
    assert any(
        isinstance(e.message, InstallSnapshot) and e.to == away.name for step in bus.trace for e in step.sent
    )
    assert away.machine.data["k"] == "".join(f"{i} " for i in range(12))


# ---- rules, by hand


def alone(**fields):
    """A follower s1 of three, in term 2, with a log."""
    node = next(iter(raft_log(servers=3)))
    node.term = 2
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def answer(node, sender, message):
    bus = MessageBus([node, *raft_log(servers=3)[1:]], checked=False)
    return (
        [e.message for e in bus.apply(Invoke(node.name, message)).sent]
        if sender is None
        else _sent(node, sender, message)
    )


def _sent(node, sender, message):
    node.receive(sender, message)
    sent = [wish.message for wish in node.outbox if hasattr(wish, "message")]
    node.__dict__.pop("_outbox", None)
    return sent


def entries(*terms):
    return {i: LogEntry(term) for i, term in enumerate(terms, start=1)}


@pytest.mark.parametrize(
    ("theirs", "ours", "says"),
    [((2, 1), (1, 9), True), ((1, 9), (2, 1), False), ((2, 3), (2, 3), True), ((2, 2), (2, 3), False)],
)
def test_up_to_date(theirs, ours, says):
    assert up_to_date(*theirs, *ours) is says


def test_an_entry_counts_in_its_own_term_only():
    assert may_count(3, 3) and not may_count(2, 3) and not may_count(None, 3)


def test_one_vote_a_term_and_again_for_the_same():
    node = alone()
    assert _sent(node, "s2", RequestVote(3, 0, 0)) == [VoteReply(3, True)]
    assert _sent(node, "s3", RequestVote(3, 0, 0)) == [VoteReply(3, False)]
    assert _sent(node, "s2", RequestVote(3, 0, 0)) == [VoteReply(3, True)]


def test_an_append_of_the_same_term_leaves_the_vote():
    node = alone(voted_for="s2")
    _sent(node, "s2", AppendEntries(2, 0, 0, (), 0))
    node.held = False
    assert _sent(node, "s3", RequestVote(2, 9, 2)) == [VoteReply(2, False)]


def test_a_pre_vote_changes_nothing_and_who_hears_a_leader_is_silent():
    node = alone()
    assert _sent(node, "s2", RequestVote(7, 0, 0, pre=True)) == [VoteReply(7, True, pre=True)]
    assert (node.term, node.voted_for) == (2, None)
    _sent(node, "s3", AppendEntries(2, 0, 0, (), 0))
    assert _sent(node, "s2", RequestVote(7, 0, 0)) == []
    assert _sent(node, "s2", RequestVote(3, 0, 0, transfer=True)) == [VoteReply(3, True)]


def test_an_old_append_cuts_nothing_off():
    node = alone(log=entries(1, 2, 2))
    assert _sent(node, "s2", AppendEntries(2, 1, 1, (LogEntry(2),), 0)) == [AppendReply(2, True, 2)]
    assert node.last_index() == 3


def test_what_contradicts_is_cut_off_with_all_after_it():
    node = alone(log=entries(1, 1, 1, 1))
    assert _sent(node, "s2", AppendEntries(2, 1, 1, (LogEntry(2),), 0)) == [AppendReply(2, True, 2)]
    assert [entry.term for entry in node.log.values()] == [1, 2]


TAIL = {"log": entries(1, 1, 1, 1)}  # its entries 3 and 4 are not the leader's
HEARTBEAT = AppendEntries(2, 2, 1, (), 4)


@pytest.mark.parametrize(
    ("wrong", "message", "shows"),
    [
        (CommitsUnverified, HEARTBEAT, lambda node, sent: node.commit == 4),
        (AnswersOwnLength, HEARTBEAT, lambda node, sent: sent[-1].index == 4),
        (NoPrevCheck, AppendEntries(2, 3, 2, (LogEntry(2),), 0), lambda node, sent: sent[-1].ok),
        (NeverTruncates, AppendEntries(2, 2, 1, (LogEntry(2),), 0), lambda node, sent: node.log[3].term == 1),
    ],
)
def test_what_storms_and_searches_hardly_see_shows_in_one_message(wrong, message, shows):
    for kind, says in ((wrong, True), (RaftServer, False)):
        node = next(iter(raft_log(servers=3, server=kind)))
        node.term, node.log = 2, dict(TAIL["log"])
        assert shows(node, _sent(node, "s2", message)) is says, kind


def snapshot(slot, term):
    return RaftSnapshot(slot, term, (("s1", "s2", "s3"),), '{"type": "KeyValueStore", "data": {}}', ())


@pytest.mark.parametrize(("term", "left"), [(1, [3, 4]), (2, [])])
def test_a_snapshot_keeps_what_follows_on_it_and_drops_what_contradicts_it(term, left):
    node = alone(log=entries(1, 1, 1, 1))
    node.clear_up_to(snapshot(2, term))
    assert (node.cleared, sorted(node.log)) == (2, left)


def test_a_snapshot_behind_what_is_committed_is_not_installed():
    node = alone(log=entries(1, 1, 1))
    node.commit_up_to(3)
    assert _sent(node, "s2", InstallSnapshot(2, snapshot(2, 1))) == [AppendReply(2, True, 2)]
    assert (node.commit, node.cleared) == (3, 0)


# ---- figure 8 with five servers


def figure_8(kind):
    """The entry of term 2 is on s1, s2 and s3 when s1 leads in term 4; then s5, with one of term 3, wins."""
    nodes = raft_log(servers=5, server=kind, pre_vote=False, check_quorum=False, most_entries=1)
    bus = MessageBus(nodes, checked=False)
    put = LogEntry(2, (Command("c9", 1, Put("x", "acknowledged")),))
    for node in nodes:
        node.term = 3
        node.log = {1: LogEntry(1)} | ({2: put} if node.name in ("s1", "s2") else {})
    bus["s5"].log[2] = LogEntry(3)

    def let(sender, to, kind):
        first = next(
            e for e in bus.in_flight if (e.sender, e.to) == (sender, to) and isinstance(e.message, kind)
        )
        bus.deliver(first)

    bus.timeout("s1", "election")
    for name in ("s2", "s3"):
        let("s1", name, RequestVote)
        let(name, "s1", VoteReply)
    assert bus["s1"].role == "leader"
    let("s1", "s3", AppendEntries)  # its no-op: refused, since s3 lacks entry 2
    let("s3", "s1", AppendReply)
    let_again = [e for e in bus.in_flight if e.to == "s3" and getattr(e.message, "prev_index", 0) == 1]
    bus.deliver(let_again[0])  # entry 2, of term 2: now on a majority
    let("s3", "s1", AppendReply)
    first = next(e for e in bus.in_flight if e.to == "s2" and isinstance(e.message, AppendEntries))
    assert first.message.prev_index == 2
    # s2 has it, too, and says so when it is asked about it alone.
    bus["s1"].receive("s2", AppendReply(4, True, 2))
    bus["s1"].__dict__.pop("_outbox", None)
    committed = bus["s1"].commit
    bus.crash("s1")
    bus.timeout("s5", "election")
    bus.timeout("s5", "election")
    for name in ("s3", "s4"):
        asks = [e for e in bus.in_flight if e.sender == "s5" and e.to == name and e.message.term == 5]
        bus.deliver(asks[0])
        answers = [e for e in bus.in_flight if e.sender == name and e.to == "s5" and e.message.term == 5]
        bus.deliver(answers[0])
    return committed, bus["s5"].role, bus["s5"].log[2].term


def test_figure_8_played_with_five():
    assert figure_8(CountsOldTermsServer) == (2, "leader", 3), "committed, and the leader of term 5 lacks it"
    committed, role, _ = figure_8(RaftServer)
    assert role == "leader" and committed < 2, "the same run, and nothing that was committed is lost"


# ---- members, transfer, reads


def test_members_change_by_two_entries():
    bus = finish(started([[Put("x", 1), Reconfigure(("s2", "s3", "s4")), Put("x", 2)]], spares=1))
    bus.run(until=lambda bus: bus["s4"].machine.data.get("x") == 2, max_steps=10_000)
    groups = [e.groups for e in bus["s4"].log.values() if e.groups]
    assert groups == [(("s1", "s2", "s3"), ("s2", "s3", "s4")), (("s2", "s3", "s4"),)]
    assert bus["s4"].groups() == (("s2", "s3", "s4"),)
    assert "s4" in log_view(bus).caption


def test_the_lead_is_handed_over():
    bus = started(seed=2)
    old = leader_of(bus)
    heir = next(s for s in servers_of(bus) if s is not old)
    term = old.term
    bus.apply(Invoke(old.name, TransferTo(heir.name)))
    bus.run(until=lambda bus: heir.role == "leader", max_steps=2_000)
    assert heir.term == term + 1 and leader_of(bus) is heir
    assert any("to take over" in narrate(step) for step in bus.trace)


@pytest.mark.parametrize("how", ["log", "quorum", "lease"])
def test_reads(how):
    bus = started([[Put("x", 1), Read(Get("x"), how)]], lease=8.0, drift=0.1)
    finish(bus)
    assert bus["c1"].results[-1] == 1
    entries = sum(bool(e.commands) for e in leader_of(bus).log.values())
    assert entries == (2 if how == "log" else 1)


def test_a_deaf_leader_steps_down_only_with_check_quorum():
    for check, stays in ((True, False), (False, True)):
        bus = started(check_quorum=check)
        lead = leader_of(bus)
        rest = tuple(s.name for s in servers_of(bus) if s is not lead)
        bus.partition(rest, (lead.name,), one_way=True)
        run_for(bus, 60)
        assert (lead.role == "leader") is stays


def test_pre_vote_keeps_the_term_of_one_that_was_cut_off():
    for pre_vote, stays in ((True, True), (False, False)):
        bus = started(pre_vote=pre_vote)
        away = next(s for s in servers_of(bus) if s.role != "leader")
        term = away.term
        bus.partition((away.name,), tuple(s.name for s in servers_of(bus) if s is not away))
        run_for(bus, 100)
        assert (away.term == term) is stays


# ---- settings


@pytest.mark.parametrize(
    "bad",
    [{"servers": 0}, {"spares": -1}, {"alpha": 3}, {"patience": 0}, {"snapshot_every": -1}, {"heartbeat": 0}],
)
def test_bad_settings_are_refused_with_a_sentence(bad):
    with pytest.raises(LabError):
        raft_log([[Put("x", 1)]], **bad)


def test_every_message_of_a_run_is_told_in_words_of_its_own():
    bus = finish(started([[Append("k", f"{i} ") for i in range(6)]], snapshot_every=2))
    told = [narrate(step) for step in bus.trace]
    for words in (
        "begins with a no-op",
        "votes for",
        "It counts a quorum",
        "hears the leader",
        "takes entry",
    ):
        assert any(words in line for line in told), words
    assert not any("gets AppendEntries" in line or "gets AppendReply" in line for line in told)
