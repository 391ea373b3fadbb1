"""Many ordeals at once: the same log under a hundred storms, on all processors of this machine or on others.

What comes back from each run is a line of plain data, not the run itself: the seed is enough to make it again.
So results travel between processes, whatever classes the log is made of, and they are the same in whatever
order they arrive.

The work goes to any executor of `concurrent.futures`. An executor of your own (threads, a cluster's) takes it
as it is; without one, processes of this machine are started, which have to import `make`. A function or a class
that was typed into a notebook has no module to be imported from. It could be shipped by value, with one more
package and with whatever it refers to; on the few processors of a laptop that saves little. So such a log runs
in this process, and a sentence says so.
"""

from __future__ import annotations

import multiprocessing
import pickle
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

from paxos_lab.node import LabError, Node
from paxos_lab.verify.storms.ordeal import Ordeal, ordeal
from paxos_lab.world.schedule import Schedule

Make = Callable[[], Iterable[Node]]
SPEAK_AFTER = 3.0  # seconds without a word


@dataclass(frozen=True)
class Outcome:
    """The result of one seed: `kind`, `sentence` and `waited` as in `Ordeal`, and how many steps it took."""

    seed: int
    kind: str = ""
    sentence: str | None = None
    waited: float = 0.0
    steps: int = 0

    @property
    def ok(self) -> bool:
        """True if the run came to its end and nothing broke."""
        return not self.kind


@dataclass(frozen=True)
class Ordeals:
    """The outcomes, in the order of the seeds; `again(seed)` makes that run once more, with its bus."""

    outcomes: tuple[Outcome, ...]
    again: Callable[[int], Ordeal] = field(repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """True if no run broke and none was given up."""
        return all(outcome.ok for outcome in self.outcomes)

    @property
    def broken(self) -> tuple[Outcome, ...]:
        """The outcomes of the runs in which something is wrong."""
        return tuple(outcome for outcome in self.outcomes if outcome.kind not in ("", "gave up"))

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self.outcomes)

    def __len__(self) -> int:
        return len(self.outcomes)

    def __str__(self) -> str:
        kinds = Counter(outcome.kind for outcome in self.outcomes if outcome.kind)
        if not kinds:
            return f"{len(self)} storms, and nothing broke"
        first = {kind: next(o.seed for o in self.outcomes if o.kind == kind) for kind in kinds}
        parts = [f"{count} {kind} (first with seed {first[kind]})" for kind, count in sorted(kinds.items())]
        return f"{len(self)} storms: {', '.join(parts)}"


def ordeals(
    seeds: Iterable[int],
    make: Make,
    *,
    executor: Executor | None = None,
    progress: bool = True,
    schedule: Callable[[int], Schedule] | None = None,
    **weather: Any,
) -> Ordeals:
    """`ordeal(make(), seed, **weather)` for every seed; the answer depends on the seeds alone.

    `make()`: fresh nodes. `schedule(seed)`: a schedule of your own for each run. `executor`: any of
    `concurrent.futures`; left out, processes of this machine, or this process alone where others
    cannot import what you handed over. `progress`: say on stderr how far it is, if it takes long.
    Raises what a run raises, of the first seed that does.
    """
    seeds = list(seeds)
    if len(set(seeds)) < len(seeds):
        raise LabError("a seed is there twice: it would be the same run")
    work = _Work(make, schedule, tuple(weather.items()))
    say = _Progress(len(seeds) if progress else 0)
    if executor is not None:
        found = _on(executor, work, seeds, say)
    elif len(seeds) < 2:
        found = _here(work, seeds, say)
    elif reason := _why_not_apart(work):
        print(f"One process does it all: {reason}.", file=sys.stderr)
        found = _here(work, seeds, say)
    else:
        try:
            with ProcessPoolExecutor() as processes:
                found = _on(processes, work, seeds, say)
        except BrokenProcessPool:  # a script without a main guard, or a system that starts none
            print("One process does it all: no other could be kept running.", file=sys.stderr)
            found = _here(work, seeds, say)
    return Ordeals(tuple(found[seed] for seed in seeds), work.run)


@dataclass(frozen=True)
class _Work:
    """What every process needs to know."""

    make: Make
    schedule: Callable[[int], Schedule] | None
    weather: tuple[tuple[str, Any], ...]

    def run(self, seed: int) -> Ordeal:
        schedule = self.schedule(seed) if self.schedule else None
        return ordeal(self.make(), seed, schedule=schedule, **dict(self.weather))

    def __call__(self, seed: int) -> Outcome:
        came = self.run(seed)
        return Outcome(seed, came.kind, came.sentence, came.waited, len(came.bus.trace))


def _here(work: _Work, seeds: list[int], say: _Progress) -> dict[int, Outcome]:
    found = {}
    for seed in seeds:
        found[seed] = work(seed)
        say.one_more(found[seed])
    return found


def _on(executor: Executor, work: _Work, seeds: list[int], say: _Progress) -> dict[int, Outcome]:
    futures: dict[Future[Outcome], int] = {executor.submit(work, seed): seed for seed in seeds}
    failed: dict[int, BaseException] = {}
    found: dict[int, Outcome] = {}
    try:
        for future in as_completed(futures):
            if error := future.exception():
                failed[futures[future]] = error
            else:
                found[futures[future]] = future.result()
                say.one_more(future.result())
    finally:  # an interrupt: what has not begun need not begin
        for future in futures:
            future.cancel()
    if failed:
        raise failed[next(seed for seed in seeds if seed in failed)]
    return found


def _why_not_apart(work: _Work) -> str | None:
    """The reason why processes of this machine could not do this work, or None."""
    try:
        pickled = pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError):
        return "another one could not import what makes the log; a function with a name, in a file, it could"
    forked = multiprocessing.get_start_method() == "fork"
    if b"__main__" in pickled and not forked and not hasattr(sys.modules["__main__"], "__file__"):
        return "another one could not import what was typed into a notebook"
    return None


class _Progress:
    """Says on stderr how far the work is: after some seconds, and then at every tenth of it."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._broken = total, 0, 0
        self._begin = time.monotonic()

    def one_more(self, outcome: Outcome) -> None:
        self._done += 1
        self._broken += not outcome.ok
        tenth = max(1, self._total // 10)
        if self._total and self._done % tenth == 0 and time.monotonic() - self._begin > SPEAK_AFTER:
            print(f"{self._done} of {self._total} storms, {self._broken} broke", file=sys.stderr)
