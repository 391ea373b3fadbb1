"""Exercise 09, forgetting, catching up and reading: wrong ones rejected for the right reason."""

import pytest
from checking import cell

from paxos_lab.multipaxos import Replica
from paxos_lab.teach import check

CUT = "return {s: e for s, e in log.items() if s > snapshot_end}"
SEND = "return first <= snapshot_end, [s for s in sorted(log) if s >= first]"


def function(name, takes, body):
    return cell(f"def {name}({takes}):\n    {body}")[name]


def truncate(body=CUT):
    return function("truncate", "log, snapshot_end", body)


def missing(body=SEND):
    return function("missing", "first, log, snapshot_end", body)


def rejected(answer, said):
    assert not answer.passed and said in str(answer), answer
    return answer


CUTS = {
    "return log": "keeps slot 1",
    "return {s: e for s, e in log.items() if s >= snapshot_end}": "keeps slot 6",
    "return {s: e for s, e in log.items() if s > snapshot_end + 1}": "loses slot 7",
    "return {}": "loses slot 7",
    "return {s: () for s in log if s > snapshot_end}": "changes an entry",
    "return [s for s in log if s > snapshot_end]": "A dictionary of slots and entries is wanted",
    "for s in log:\n        if s <= snapshot_end: del log[s]\n    return log": "RuntimeError",
    "for s in list(log):\n        if s <= snapshot_end: del log[s]\n    return log": "deletes from the log",
    "while True: pass": "does not come to an end",
}
SENDS = {
    "return True, sorted(log)": "sends the snapshot, which ends at 6, to one that has slots up to 6",
    "return False, [s for s in sorted(log) if s >= first]": "executes up to slot 0, and this server has executed up to 8",
    "return first < snapshot_end, [s for s in sorted(log) if s >= first]": "executes up to slot 0, and this server has executed up to 3",
    "return first <= snapshot_end, list(log)": "sends slot 7, which the other one has",
    "return first <= snapshot_end, [s for s in sorted(log) if s > first]": "leaves out slot 7",
    "return first <= snapshot_end, [] if first <= snapshot_end else sorted(s for s in log if s >= first)": "leaves out slot 7",
    "return first <= snapshot_end, range(first, max(log, default=0) + 1)": "it is in the snapshot only",
    "return first <= snapshot_end, range(max(first, snapshot_end + 1), max(log, default=0) + 1)": "nobody here knows what is chosen there",
    "return [s for s in log if s >= first]": "A pair is wanted",
    "return first <= snapshot_end, 'all'": "no list of slots",
    "return first <= snapshot_end, 7": "leaves out slot 8",
    "return log[first]": "KeyError",
}


@pytest.mark.parametrize(("body", "said"), CUTS.items())
def test_wrong_truncations_are_rejected(body, said):
    rejected(check("replica.catch_up", truncate(body), missing()), said)


@pytest.mark.parametrize(("body", "said"), SENDS.items())
def test_wrong_ways_to_help_are_rejected(body, said):
    rejected(check("replica.catch_up", truncate(), missing(body)), said)


def test_right_ones_are_accepted():
    assert check("replica.catch_up", truncate(), missing()).passed
    popping = "log = dict(log)\n    for s in range(snapshot_end + 1): log.pop(s, None)\n    return log"
    backwards = "return [first <= snapshot_end, tuple(s for s in sorted(log, reverse=True) if s >= first)]"
    answer = check("replica.catch_up", truncate(popping), missing(backwards))
    assert answer.passed and "do not come in order" in answer.headline


def test_what_is_chosen_beyond_a_hole_is_sent_as_well():
    to_the_hole = (
        "slot = max(first, snapshot_end + 1); found = []\n"
        "    while slot in log: found.append(slot); slot += 1\n    return [first <= snapshot_end, tuple(found)]"
    )
    rejected(check("replica.catch_up", truncate(), missing(to_the_hole)), "leaves out slot 10")


TAKES = "read_point, executed, before, heard, servers"
AFTER = "after = sum(n > before for n in heard.values())\n    return "
READS = {
    "return True": "Another leader may have been there when the read came",
    "return executed >= read_point": "heard by 1 of 3",
    "return executed >= read_point and 2 * len(heard) > servers": "heard by 1 of 3",
    "return executed >= read_point and 2 * sum(n >= before for n in heard.values()) > servers": "heard by 1 of 3",
    AFTER
    + "2 * after > servers": "An earlier leader may have answered for a slot that is not executed here yet",
    AFTER + "executed >= read_point and 2 * after >= servers": "heard by 2 of 4",
    AFTER + "executed >= read_point and 2 * after > len(heard)": "heard by 1 of 3",
    AFTER + "executed >= read_point and after == servers": "It waits without need",
    AFTER + "executed > read_point and 2 * after > servers": "It waits without need",
    "return False": "It waits without need",
    "return heard": "True or False is wanted",
    "return heard['s2'] > before": "KeyError",
    "while True: pass": "does not come to an end",
}


@pytest.mark.parametrize(("body", "said"), READS.items())
def test_wrong_reads_are_rejected(body, said):
    rejected(check("read.fresh", function("may_answer", TAKES, body)), said)


@pytest.mark.parametrize("body", list(READS)[:4])
def test_a_stale_read_is_shown(body):
    answer = check("read.fresh", function("may_answer", TAKES, body))
    assert answer.run is not None and answer.run["rob"].results == ["old"]


def test_right_reads_are_accepted():
    majority = "executed >= read_point and after >= servers // 2 + 1"
    assert check("read.fresh", function("f", TAKES, AFTER + majority)).passed
    by_sorting = (
        "if executed < read_point: return False\n"
        "    latest = sorted([*heard.values(), *[0] * (servers - len(heard))])\n"
        "    return latest[(servers - 1) // 2] > before"
    )
    assert check("read.fresh", function("f", TAKES, by_sorting)).passed


def test_stubs_are_not_written_yet():
    stub = "# YOUR CODE HERE\n    ..."
    for answer in (
        check("replica.catch_up", truncate(stub), missing(stub)),
        check("replica.catch_up", truncate(), missing(stub)),
        check("read.fresh", function("f", TAKES, stub)),
    ):
        assert not answer.passed and not answer.written


@pytest.mark.parametrize("thing", [None, ..., 3, "text", Replica, Replica("s1"), lambda *a: 1 / 0])
def test_other_things_are_answered_in_words(thing):
    for answer in (
        check("replica.catch_up", thing, missing()),
        check("replica.catch_up", truncate(), thing),
        check("read.fresh", thing),
    ):
        assert not answer.passed and "could not judge" not in answer.headline
