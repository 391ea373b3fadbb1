"""The tasks of exercise 10: wrong ones rejected for the right reason, right ones accepted."""

import pytest
from checking import cell

from paxos_lab.multipaxos import Server
from paxos_lab.paxos import Ballot
from paxos_lab.teach import check
from paxos_lab.teach.exercises.the_log.e10_membership import STATEMENTS

IMPORTS = """
from dataclasses import dataclass
from paxos_lab.multipaxos import Server
from paxos_lab.paxos import Ballot
"""


def function(name, takes, body):
    return cell(f"def {name}({takes}):\n    {body}", IMPORTS)[name]


def rejected(answer, said):
    assert not answer.passed and said in str(answer), answer
    return answer


# ---- who acts in a slot

AT = {
    "return max(changes)[1] if changes else first_members": "In slot 5 (s1 s2 s3) act, and you say (s1 s4 s5)",
    "return max([c for c in changes if c[0] <= slot], default=(0, first_members))[1]": "governs from slot 5 + 3 on",
    "return max([c for c in changes if c[0] < slot], default=(0, first_members))[1]": "may be in the hands of the old members",
    "return max([c for c in changes if c[0] + alpha < slot], default=(0, first_members))[1]": "In slot 8 (s1 s4 s5) act",
    "return ([c for c in changes if c[0] + alpha <= slot] or [(0, first_members)])[-1][1]": "the one from the highest slot counts",
    "return min([c for c in changes if c[0] + alpha <= slot], default=(0, first_members))[1]": "the one from the highest slot counts",
    "return max(changes)[1] if changes and max(changes)[0] + alpha <= slot else first_members": "In slot 9 (s1 s4 s5) act",
    "return max([c for c in changes if c[0] + 3 <= slot], default=(0, first_members))[1]": "alpha is 1",
    "return first_members": "In slot 8 (s1 s4 s5) act",
    "return max([c for c in changes if c[0] + alpha <= slot])[1]": "ValueError",
    "changes.sort(reverse=True); changes[:] = [c for c in changes if c[0] + alpha <= slot]\n"
    "    return changes[0][1] if changes else first_members": "changes the list that it was given",
    "return 's1'": "a tuple of names is wanted",
    "while True: pass": "does not come to an end",
    "return alpha / 0": "ZeroDivisionError",
}  # fmt: skip


@pytest.mark.parametrize(("body", "said"), AT.items())
def test_wrong_rules_of_membership_are_rejected(body, said):
    rejected(check("members.at", function("members_at", "slot, first_members, changes, alpha", body)), said)


def test_right_rules_of_membership_are_accepted():
    by_loop = (
        "newest, acting = 0, first_members\n    for at, names in changes:\n"
        "        if newest < at <= slot - alpha:\n            newest, acting = at, names\n    return acting"
    )
    by_order = "acting = {at + alpha: names for at, names in changes} | {0: first_members}\n    return list(acting[max(k for k in acting if k <= slot)])"
    for body in (by_loop, by_order):
        assert check("members.at", function("f", "slot, first_members, changes, alpha", body)).passed


# ---- the window

WINDOWS = {
    "return range(executed + 1, executed + alpha + 2)": "holds slot 4, which is too far ahead",
    "return range(executed + 1, executed + alpha)": "leaves out slot 3",
    "return range(executed, executed + alpha + 1)": "holds slot 0, which is executed",
    "return [executed + 1]": "leaves out slot 2",
    "return range(1, alpha + 1)": "holds slot 1, which is executed",
    "return []": "leaves out slot 1",
    "return alpha": "is not a list of slots",
    "return ['1', '2']": "is not a list of slots",
    "return __import__('itertools').count(executed + 1)": "holds slot 4, which is too far ahead",
    "while True: pass": "does not come to an end",
}


@pytest.mark.parametrize(("body", "said"), WINDOWS.items())
def test_wrong_windows_are_rejected(body, said):
    rejected(check("members.window", function("open_slots", "executed, alpha", body)), said)


def test_right_windows_are_accepted():
    for body in (
        "return range(executed + 1, executed + 1 + alpha)",
        "return {slot for slot in range(1, 200) if executed < slot <= executed + alpha}",
        "yield from (executed + k for k in range(1, alpha + 1))",
    ):
        assert check("members.window", function("open_slots", "executed, alpha", body)).passed


# ---- true or false

RIGHT = {1: True, 2: False, 3: False, 4: True, 5: False}


def test_the_runs_say_what_is_true():
    assert {number: run()[0] for number, (run, _) in STATEMENTS.items()} == RIGHT
    assert check("members.table", RIGHT).passed


@pytest.mark.parametrize("number", RIGHT)
def test_a_wrong_statement_is_named_with_a_run(number):
    answer = check("members.table", RIGHT | {number: not RIGHT[number]})
    rejected(answer, f"Statement {number} is not {not RIGHT[number]}")
    assert answer.run is not None and answer.details


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "an entry for each statement"),
        (RIGHT | {6: True}, "an entry for each statement"),
        (RIGHT | {2: "no"}, "Statement 2 says 'no'"),
        (RIGHT | {2: 0}, "Statement 2 says 0"),
        ({...}, "still a `...`"),
        (RIGHT | {4: ...}, "still a `...`"),
    ],
)
def test_other_tables_are_answered_in_words(table, said):
    rejected(check("members.table", table), said)


# ---- a lost disk

DISK = """
all_told = not set(others) - set(told)
    lasts = [last for _, last in told.values()] or [0]
    ballots = [ballot for ballot, _ in told.values()] or [Ballot.ZERO]
    return {pick} if {when} else None
""".strip()  # fmt: skip
LOSSES = {
    ("max(ballots)", "executed >= max(lasts) + alpha"): "s1 and s3 have not answered",
    ("max(ballots)", "2 * (len(told) + 1) > len(others) + 1 and executed >= max(lasts) + alpha"): "s3 has not answered",
    ("max(ballots)", "2 * len(told) > len(others) and executed >= max(lasts) + alpha"): "s5 has not answered",
    ("max(ballots)", "all_told"): "its lost votes may lie in slots up to 9",
    ("max(ballots)", "all_told and executed >= max(lasts)"): "it may have voted 3 slots beyond that",
    ("max(ballots)", "all_told and executed >= min(lasts) + alpha"): "its lost votes may lie in slots up to 9",
    ("max(ballots)", "all_told and executed > max(lasts) + alpha"): "It may speak: all have answered",
    ("max(ballots)", "False"): "Whoever stays mute for ever",
    ("min(ballots)", "all_told and executed >= max(lasts) + alpha"): "It goes on with the promise 4.s1",
    ("Ballot.ZERO", "all_told and executed >= max(lasts) + alpha"): "it must not be broken",
    ("ballots[0]", "all_told and executed >= max(lasts) + alpha"): "It goes on with the promise 4.s1",
    ("True", "all_told and executed >= max(lasts) + alpha"): "Return a Ballot, or None",
}  # fmt: skip


def disk(pick, when):
    return function("promise_after_loss", "others, told, executed, alpha", DISK.format(pick=pick, when=when))


@pytest.mark.parametrize(("parts", "said"), LOSSES.items())
def test_who_speaks_too_early_or_forgets_a_promise_is_rejected(parts, said):
    rejected(check("members.disk", disk(*parts)), said)


def test_who_votes_at_once_is_shown_the_accident():
    answer = check("members.disk", disk("Ballot.ZERO", "True"))
    rejected(answer, "not answered")
    first, other = answer.run["s1"].command(1), answer.run["s3"].command(1)
    assert first and other and first != other


def test_right_ways_back_are_accepted():
    assert check("members.disk", disk("max(ballots)", "all_told and executed >= max(lasts) + alpha")).passed
    stepwise = (
        "for name in others:\n        if name not in told or told[name][1] + alpha > executed:\n            return None\n"
        "    return sorted(told.values())[-1][0]"
    )
    assert check("members.disk", function("f", "others, told, executed, alpha", stepwise)).passed


# ---- sizes

SIZES = {
    "q1 + q2 >= n and max(q1, q2) <= n - crashes and q2 > disks": "nobody is in both",
    "q1 + q2 > n and q2 <= n - crashes and q2 > disks": "2 are left, and Phase 1 needs 3",
    "q1 + q2 > n and q1 <= n - crashes and q2 > disks": "2 are left, and Phase 2 needs 3",
    "q1 + q2 > n and max(q1, q2) <= n - crashes": "may be on no more than 2 of the disks, and 2 may be lost",
    "q1 + q2 > n and max(q1, q2) <= n - crashes and q2 >= disks": "may be on no more than 2 of the disks",
    "q1 + q2 > n and max(q1, q2) <= n - crashes and q1 > disks": "may be on no more than 2 of the disks",
    "2 * q1 > n and 2 * q2 > n and max(q1, q2) <= n - crashes and q2 > disks": "leaves out (1, 3)",
    "q1 + q2 > n and 2 * q2 > n and max(q1, q2) <= n - crashes and q2 > disks": "leaves out (3, 1)",
    "False": "leaves out (2, 2)",
}


def sizes(test):
    every = "for q1 in range(1, n + 1) for q2 in range(1, n + 1)"
    return function("sizes", "n, crashes, disks", f"return [(q1, q2) {every} if {test}]")


@pytest.mark.parametrize(("test", "said"), SIZES.items())
def test_wrong_sizes_are_rejected(test, said):
    rejected(check("members.sizes", sizes(test)), said)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return n // 2 + 1", "is no list of pairs"),
        ("return [n]", "is no list of pairs"),
        ("return [(n + 1, 1)]", "A quorum has from 1 to 3 members"),
        ("return [(0, n)]", "A quorum has from 1 to 3 members"),
        ("return [(2, 2.0)]", "is no list of pairs"),
        ("while True: yield (2, 2)", "leaves out"),
    ],
)
def test_other_answers_about_sizes_are_told(body, said):
    rejected(check("members.sizes", function("sizes", "n, crashes, disks", body)), said)


def test_right_sizes_are_accepted():
    assert check("members.sizes", sizes("q1 + q2 > n and max(q1, q2) <= n - crashes and q2 > disks")).passed
    loop = (
        "for q2 in range(disks + 1, n - crashes + 1):\n"
        "        for q1 in range(n - q2 + 1, n - crashes + 1): yield [q1, q2]"
    )
    assert check("members.sizes", function("sizes", "n, crashes, disks", loop)).passed


# ---- in a server

SERVER = """
@dataclass
class MyServer(Server):
    def members_at(self, slot):
        changes = sorted((at - self.alpha, names) for at, names in self.configurations.items())
        return {acting}

    def open_slots(self):
        return {window}
"""
GOOD = "([names for at, names in changes if at + self.alpha <= slot] or [self.members])[-1]"
WINDOW = "range(self.executed + 1, self.executed + 1 + self.alpha)"


def server(acting=GOOD, window=WINDOW):
    return cell(SERVER.format(acting=acting, window=window), IMPORTS)["MyServer"]


SERVERS = [
    (GOOD.replace("at + self.alpha <=", "at <"), WINDOW, "Slot 2 has two entries"),
    (GOOD.replace("at + self.alpha <=", "at <="), WINDOW, "Slot 2 has two entries"),
    (GOOD.replace("at + self.alpha <= slot", "True"), WINDOW, "Slot 2 has two entries"),
    (GOOD.replace("<=", "<"), WINDOW, "(s3 s4 s5) act from slot"),
    (GOOD.replace("<= slot", "<= slot + 1"), WINDOW, "(s1 s2 s3) act from slot 1 to"),
    ("self.members", WINDOW, "(s3 s4 s5) act from slot"),
    ("tuple(dict.fromkeys(self.members + " + GOOD + "))", WINDOW, "(s1 s2 s3 s4 s5) act in slot"),
    (GOOD.replace("[-1]", "[0]"), WINDOW, "By what the admin was told"),
    (GOOD, "range(self.executed + 1, self.executed + 2 + self.alpha)", "asked for votes in slot 4 when it had executed up to 0"),
    (GOOD, "range(self.executed + 1, self.executed + self.alpha)", "the window was never wider than 2"),
    (GOOD, "[self.executed + 1]", "never wider than 1"),
    (GOOD, "[]", "a client never gets its answer"),
    ("1 / 0", WINDOW, "ZeroDivisionError"),
    ("None", WINDOW, "With a change and a write under way at once"),
    (GOOD, "iter(lambda: self.executed + 1, 0)", "does not come to an end"),
]  # fmt: skip


@pytest.mark.parametrize(("acting", "window", "said"), SERVERS)
def test_wrong_servers_are_rejected(acting, window, said):
    answer = check("members.server", server(acting, window))
    rejected(answer, said)
    raised = acting in ("1 / 0", "None") or window.startswith("iter")
    assert raised or answer.run is not None


def test_right_servers_are_accepted():
    assert check("members.server", server()).passed
    own = """
    @dataclass
    class MyServer(Server):
        def members_at(self, slot):
            begins = [first for first in self.configurations if first <= slot]
            return self.configurations[max(begins)] if begins else self.members

        def open_slots(self):
            return [self.executed + ahead for ahead in range(1, self.alpha + 1)]
    """
    assert check("members.server", cell(own, IMPORTS)["MyServer"]).passed


def test_a_server_without_rules_of_its_own_is_told_so():
    rejected(check("members.server", Server), "no method members_at of its own")
    half = cell("class Half(Server):\n    def members_at(self, slot): return self.members", IMPORTS)["Half"]
    rejected(check("members.server", half), "no method open_slots of its own")


# ---- whatever else is handed in

FUNCTIONS = {
    "members.at": "slot, first_members, changes, alpha",
    "members.window": "executed, alpha",
    "members.disk": "others, told, executed, alpha",
    "members.sizes": "n, crashes, disks",
}


@pytest.mark.parametrize(("task", "takes"), FUNCTIONS.items())
def test_a_stub_is_not_written_yet(task, takes):
    answer = rejected(check(task, function("f", takes, "# YOUR CODE HERE\n    ...")), "still a `...`")
    assert not answer.written


def test_a_server_with_a_stub_is_not_written_yet():
    for parts in ({"acting": "..."}, {"window": "..."}):
        assert not check("members.server", server(**parts)).written


@pytest.mark.parametrize("task", [*FUNCTIONS, "members.table", "members.server"])
@pytest.mark.parametrize("thing", [None, ..., 3, "text", Ballot, Server, Server("s1"), lambda *a: 1 / 0])
def test_other_things_are_answered_in_words(task, thing):
    answer = check(task, thing)
    assert not answer.passed and answer.headline and "could not judge" not in answer.headline
