"""Wrong servers under storms: of how many hundred runs does each break, and does the right one survive?

Six seconds of processor time are spent on each at most (`--long`: a hundred runs of each, however
long they take). What storms hardly see, a search of every schedule sees: tests/test_wrong_servers.py.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable

from paxos_lab.verify.wrong.server_runs import WRONG, Wrong

RUNS, SECONDS, RIGHT_RUNS = 100, 6.0, 10

RANDOM_SYSTEMS: list[Callable[[], None]] = []
"""Reports of random systems judged by another oracle, each a function that prints its figures."""


def report() -> None:
    """Print caught per hundred runs for each wrong server, by what caught it; then the other reports."""
    most = float("inf") if "--long" in sys.argv else SECONDS
    print(
        "caught per hundred storms, for each rule taken away (right: runs of the right server that were refused)"
    )
    for rule, case in WRONG.items():
        print(_line(rule, case, most))
    for other in RANDOM_SYSTEMS:
        other()


def _line(rule: str, case: Wrong, most: float) -> str:
    kinds: Counter[str] = Counter()
    begin, runs = time.process_time(), 0
    while runs < RUNS and time.process_time() - begin < most:
        kinds[case.storm(runs).kind] += 1
        runs += 1
    seconds = time.process_time() - begin
    caught = runs - kinds.pop("", 0) - kinds.pop("gave up", 0)
    refused = sum(not case.storm(seed, right=True).ok for seed in range(RIGHT_RUNS))
    what = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())) or "-"
    return (
        f"  {rule:48} {100 * caught / runs:4.0f}   ({caught} of {runs}: {what}) {1000 * seconds / runs:5.0f} ms a run"
        f"   right: {refused} of {RIGHT_RUNS}"
    )
