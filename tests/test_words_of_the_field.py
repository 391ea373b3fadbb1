"""The words of the field are named where they belong, costs are the same on every page, and sources are known."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from paxos_lab import MessageBus, Timeout
from paxos_lab.multipaxos import Heartbeat, HeartbeatHeard, Put, replicated_log
from paxos_lab.paxos import single_decree
from paxos_lab.show import forced_writes, messages_between

TOP = Path(__file__).resolve().parent.parent
CARDS = {
    card["id"]: card
    for card in tomllib.loads((TOP / "paxos_lab/teach/interview/cards.toml").read_text(encoding="utf-8"))[
        "card"
    ]
}


def prose(number):
    """The text cells of a lesson, on one line each."""
    (path,) = TOP.glob(f"notebooks/{number}_*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join(re.sub(r"\s+", " ", "".join(c["source"])) for c in cells if c["cell_type"] == "markdown")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("07", ("partial synchrony", "GST", "Ω")),
        ("08", ("committed", "instance", "nemesis", "Election timer", "Session", "cleared")),
        ("09", ("ReadIndex", "lease read", "CAP", "compacted", "truncated", "linearizable")),
        ("10", ("recovering", "learner")),
        ("11", ("ReadIndex", "group commit", "forced writes")),
    ],
)
def test_a_lesson_names_the_words_of_the_field(number, words):
    assert not [
        word for word in words if not re.search(rf"\*{re.escape(word)}\W*\*|\b{word}\b", prose(number))
    ]


def test_every_message_between_servers_stands_in_the_table_before_the_first_run_of_lesson_08():
    said = prose("08")
    table = said[said.index("### Who says what") : said.index("Three more words")]
    names = "Request Reply Prepare Promise Accept Accepted Nack Chosen Heartbeat HeartbeatHeard Fetch Entries Snapshot"
    assert not [name for name in names.split() if not re.search(rf"\b{name}\b", table)]


# ---- costs


def value_of(formula, n):
    """4n, 2n + 1, 3(n - 1), n as Python counts them."""
    return eval(re.sub(r"(?<=\d)(?=[n(])", " * ", formula), {"n": n})


def one_decision(n):
    bus = MessageBus(single_decree(["x"], acceptors=n, learners=0), delay=1)
    bus.run(until=lambda bus: bus["p1"].learned)
    while bus.arriving:
        bus.apply(bus.arriving[0])
    return sum(messages_between(bus.trace, bus.names).values()), sum(forced_writes(bus.trace).values())


def one_command(n):
    """Messages between servers and forced writes, of Phase 1 and of each of ten commands after it."""
    names, beats = [f"s{i}" for i in range(1, n + 1)], (Heartbeat, HeartbeatHeard)
    nodes = replicated_log([[Put("x", i) for i in range(12)]], n)
    nodes[n].servers = ("s1",)
    bus = MessageBus(nodes, delay=1, idle=["c1"])
    bus.apply(Timeout("s1", "election"), at=0)
    bus.run(until=lambda bus: bus["s1"].role == "leader")
    first = bus.trace[:]
    bus.start("c1")
    bus.run(until=lambda bus: bus["s1"].applied() >= 1)
    begin = len(bus.trace)
    bus.run(until=lambda bus: bus["s1"].applied() >= 11)
    counted = [
        (sum(messages_between(steps, names, beats).values()), sum(forced_writes(steps).values()))
        for steps in (first, bus.trace[begin:])
    ]
    return counted[0], tuple(number / 10 for number in counted[1])


@pytest.mark.parametrize("n", [3, 5, 7])
def test_the_formulas_of_lesson_11_and_of_the_cards_are_what_a_run_costs(n):
    basic = re.search(r"Basic Paxos: (4n) messages, (2n \+ 1) forced writes", prose("11"))
    assert tuple(value_of(formula, n) for formula in basic.groups()) == one_decision(n)
    assert (
        value_of(re.search(r"(2n \+ 1) in all", CARDS["message-delays"]["strong"])[1], n)
        == one_decision(n)[1]
    )

    leader = re.search(
        r"With a stable leader: (3\(n - 1\)), (n) and 2 .*Phase 1 once: (2\(n - 1\)) messages and (n) writes",
        prose("11"),
    )
    messages, writes, once, once_writes = (value_of(formula, n) for formula in leader.groups())
    assert one_command(n) == ((once, once_writes), (messages, writes))
    card = " ".join(CARDS["cost-of-a-command"]["answer"].split())
    said = re.search(r"(3\(n - 1\)), or 2\(n - 1\).*Phase 1, (2\(n - 1\)) messages and (n) writes", card)
    assert tuple(value_of(formula, n) for formula in said.groups()) == (messages, once, once_writes)
    assert f"{'3(n - 1)'} messages between servers" in prose("08")


# ---- other systems

LOOKED_UP = {
    "etcd-io/etcd#7280": "raft: async apply ConfChange is not safe",
    "scylladb#6139": "Conflicting LWT transactions may be committed when prepares and accepts are using different quorums",
    "scylladb#6149": "Conflicting LWT transactions may be committed due to TTL on paxos state",
}


@pytest.mark.parametrize("number", ["07", "08", "09", "10", "11", "14"])
def test_a_thread_that_a_lesson_cites_was_read(number):
    assert set(re.findall(r"\b[\w/.-]*[a-z]#\d{3,}", prose(number))) <= LOOKED_UP.keys()


def test_a_thread_that_a_card_cites_was_read():
    said = " ".join(
        text for card in CARDS.values() for text in (card["answer"], card["strong"], card["wrong"])
    )
    assert {"scylladb#6139", "scylladb#6149"} == set(re.findall(r"\b[\w/.-]*[a-z]#\d{3,}", said))
