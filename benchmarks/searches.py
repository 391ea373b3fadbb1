"""The explorer: three searches on the same models, and how the fast one grows.

The peer measured in the same run is the plain search. For scale: TLC, the model checker of TLA+, on
Lamport's Paxos.tla with 2 workers on such a machine took 8 s for 3 ballots (185,369 states; 17,153
in 3.3 s with symmetry) and 331 s for 4 ballots (8,220,065; 710,709 in 73 s with symmetry). It
explores a model with stateless proposers; here the learner's own roles run. TLC leaves the value of each
ballot open, `single_decree` fixes one for each proposer: that flatters, by as many ways as there are to
hand the values out (16 for 2 values in 4 ballots). So the same is searched with any value, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paxos_lab.paxos import single_decree
from paxos_lab.verify import Exploration, Faults, explore
from paxos_lab.verify.explorer.open_values import any_value
from paxos_lab.verify.wrong.single_decree import MUTANTS

SMALL = {
    "1 proposer, 3 acceptors, 1 learner": lambda: single_decree(["x"]),
    "2 proposers, 2 acceptors": lambda: single_decree(["x", "y"], acceptors=2, learners=0),
}

GROWTH: dict[str, tuple[Callable[[], Any], Faults, float | None]] = {
    "1 ballot": (lambda: single_decree(["x"]), Faults(), None),
    "2 ballots": (lambda: single_decree(["x", "y"]), Faults(), 1.0),
    "3 ballots": (lambda: single_decree(["x", "y", "z"]), Faults(), 2.0),
    "4 ballots, 2 values": (lambda: single_decree(["x", "y", "x", "y"]), Faults(), 10.0),
    "4 ballots, 4 values": (lambda: single_decree(["x", "y", "z", "u"]), Faults(), 10.0),
    "2 ballots, any of 2 values": (lambda: any_value("xy", 2), Faults(), None),
    "3 ballots, any of 2 values": (lambda: any_value("xy", 3), Faults(), None),
    "4 ballots, any of 2 values": (lambda: any_value("xy", 4), Faults(), None),
    "2 ballots, 5 acceptors": (lambda: single_decree(["x", "y"], acceptors=5, learners=0), Faults(), None),
    "3 ballots, 5 acceptors": (
        lambda: single_decree(["x", "y", "z"], acceptors=5, learners=0),
        Faults(),
        None,
    ),
    "2 proposers, 1 timeout": (lambda: single_decree(["x", "y"]), Faults(timeouts=1), None),
    "2 proposers, 1 crash": (lambda: single_decree(["x", "y"]), Faults(crashes=1), None),
}


def report() -> None:
    """Print states per second and seconds to the verdict; then growth against the aims."""
    print("the same model in each search, all complete")
    for name, make in SMALL.items():
        found = {method: explore(make(), method=method) for method in ("plain", "numbered", "reduced")}
        print(f"  {name}")
        for method, one in found.items():
            assert one.ok and one.complete
            rate = one.states / one.seconds
            print(f"    {method:9} {one.states:6,} states {rate:9,.0f} a second {one.seconds:7.3f} s to the verdict, "
                  f"{found['plain'].seconds / one.seconds:6.1f} x the plain search")  # fmt: skip
    print("how the reduced search grows: 3 acceptors and 1 learner unless it says otherwise")
    seconds: dict[str, float] = {}
    for name, (make, faults, aim) in GROWTH.items():
        found = explore(make(), faults=faults)
        seconds[name] = found.seconds
        _line(name, found, aim)
    fixed, free = seconds["4 ballots, 2 values"], seconds["4 ballots, any of 2 values"]
    print(
        f"  any value takes {free / fixed:.1f} x the time of one way to hand out 2 values in 4 ballots; "
        "each of the 16 ways by itself would take 16.0 x"
    )
    print("each mutant at its smallest setting, to the counterexample")
    for mutant in MUTANTS:
        found = explore(mutant.make(mutant.smallest), faults=mutant.smallest.faults)  # type: ignore[arg-type, union-attr]
        assert not found.ok
        _line(f"{mutant.id}: {mutant.smallest}", found, 30.0 if mutant.id == "M12" else 1.0)


def _line(name: str, found: Exploration, aim: float | None) -> None:
    against = f"   {found.seconds / aim:5.2f} x the aim of {aim:.0f} s" if aim else ""
    print(
        f"    {name:26} {found.states:8,} states {found.transitions:9,} transitions {found.seconds:7.2f} s{against}"
    )
