"""Many ordeals on executors: the same results whatever does the work, in whatever order it is done."""

import random
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import pytest

from paxos_lab import LabError
from paxos_lab.multipaxos import Add, Append, Counter, replicated_log
from paxos_lab.verify import Outcome, ordeal, ordeals
from paxos_lab.verify.storms import many_seeds
from paxos_lab.verify.wrong.servers import SkipsGaps
from paxos_lab.world.events import Crash

SEEDS = range(3, 11)
WEATHER = {"length": 30.0, "every": 0.7, "loss": 0.1}


def right():
    return replicated_log([[Append("k", f"{c}.{i} ") for i in range(3)] for c in range(3)])


def gaps():
    return replicated_log(
        [[Append("k", f"{c}.{i} ") for i in range(6)] for c in range(3)], server=SkipsGaps, patience=4.0
    )


def adding():
    return replicated_log([[Add(1)] * 3, [Add(2)] * 2], machine=Counter())


class Shuffled(Executor):
    """Collects the work of all seeds, and then does it in any order."""

    def __init__(self, seed):
        self.rng, self.work, self.order = random.Random(seed), [], []

    def submit(self, fn, /, seed):
        future = Future()
        self.work.append((future, fn, seed))
        if len(self.work) == len(SEEDS):
            self.do_all()
        return future

    def do_all(self):
        self.rng.shuffle(self.work)
        while self.work:
            future, fn, seed = self.work.pop()
            self.order.append(seed)
            try:
                future.set_result(fn(seed))
            except LabError as error:
                future.set_exception(error)


def one_by_one(make, **more):
    came = [(seed, ordeal(make(), seed, **WEATHER, **more)) for seed in SEEDS]
    return tuple(Outcome(s, c.kind, c.sentence, c.waited, len(c.bus.trace)) for s, c in came)


def test_any_executor_and_any_order_gives_what_one_run_after_the_other_gives():
    expected = one_by_one(gaps)
    assert {outcome.kind for outcome in expected} >= {"rule"}
    orders = set()
    for seed in (1, 2):
        executor = Shuffled(seed)
        assert ordeals(SEEDS, gaps, executor=executor, **WEATHER).outcomes == expected
        orders.add(tuple(executor.order))
    assert len(orders) == 2
    with ThreadPoolExecutor(3) as threads:
        assert ordeals(SEEDS, gaps, executor=threads, **WEATHER).outcomes == expected


def test_processes_of_this_machine_do_it_if_nothing_is_said(monkeypatch, capsys):
    monkeypatch.setattr(many_seeds, "SPEAK_AFTER", 0.0)
    found = ordeals(SEEDS, gaps, **WEATHER)
    assert found.outcomes == one_by_one(gaps)
    assert not found.ok and len(found) == len(SEEDS) and found.broken == tuple(o for o in found if not o.ok)
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == f"8 of 8 storms, {len(found.broken)} broke"
    assert "One process" not in said


def test_what_no_other_process_can_import_runs_here_and_a_sentence_says_so(capsys):
    found = ordeals(SEEDS, lambda: right(), **WEATHER)
    assert found.ok and found.outcomes == one_by_one(right)
    assert str(found) == "8 storms, and nothing broke"
    assert capsys.readouterr().err.startswith("One process does it all: another one could not import")


def test_the_answer_names_kinds_and_seeds_and_a_seed_is_enough_to_see_the_run():
    found = ordeals(SEEDS, gaps, executor=Shuffled(3), **WEATHER)
    first = found.broken[0]
    assert f"rule (first with seed {first.seed})" in str(found)
    again = found.again(first.seed)
    assert (again.kind, again.sentence, len(again.bus.trace)) == (first.kind, first.sentence, first.steps)


def test_machines_weather_and_schedules_travel_with_the_work():
    executor = Shuffled(4)
    assert ordeals(SEEDS, adding, executor=executor, **WEATHER).ok

    def struck(schedule=None):
        found = ordeals(SEEDS, right, executor=executor, schedule=schedule, **WEATHER)
        assert found.ok
        return [any(isinstance(step.event, Crash) for step in found.again(seed).bus.trace) for seed in SEEDS]

    assert sum(struck()) > len(SEEDS) / 2
    assert not any(struck(schedule=lambda seed: lambda bus: bus.upcoming()))


def test_what_a_run_raises_is_raised_for_the_first_seed_that_does():
    class Odd(LabError):
        pass

    def schedule(seed):
        def choose(bus):
            if seed % 3 == 1:
                raise Odd(f"seed {seed}")
            return bus.upcoming()

        return choose

    for executor in (Shuffled(5), None):
        with pytest.raises(Odd, match="seed 4"):
            ordeals(SEEDS, right, executor=executor, schedule=schedule, **WEATHER)


def test_a_seed_twice_is_refused_and_none_is_no_work():
    with pytest.raises(LabError, match="twice"):
        ordeals([1, 1], right)
    assert len(ordeals([], right)) == 0 and ordeals([], right).ok


def test_a_dask_client_does_it_too():
    distributed = pytest.importorskip("distributed", reason="Dask is not needed; `Shuffled` stands for it")
    with (
        distributed.LocalCluster(n_workers=2, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = ordeals(SEEDS, gaps, executor=client.get_executor(), **WEATHER)
    assert found.outcomes == one_by_one(gaps)
