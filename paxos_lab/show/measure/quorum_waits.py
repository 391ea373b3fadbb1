"""What the size of a quorum costs and buys: how long one waits for it, how likely it is to be up."""

from __future__ import annotations

import random
from functools import cache
from math import comb

ROUNDS = 2000
UP = 0.99


@cache
def waits(servers: int, seed: int = 0) -> tuple[tuple[float, float], ...]:
    """For q = 1, 2, ... servers: median and 95th percentile of the time until q have answered.

    One of them asks, and answers itself at once. Between two servers a message takes 0.5 to 1.5 each way,
    and one in ten takes three times as long. Drawn `ROUNDS` times from `seed`.
    """
    rng = random.Random(f"{servers} {seed}")

    def way() -> float:
        return rng.uniform(0.5, 1.5) * (3 if rng.random() < 0.1 else 1)

    rounds = [sorted([0.0, *(way() + way() for _ in range(servers - 1))]) for _ in range(ROUNDS)]
    columns = [sorted(column) for column in zip(*rounds, strict=True)]
    return tuple((column[ROUNDS // 2], column[ROUNDS * 95 // 100]) for column in columns)


def availability(servers: int, quorum: int, up: float = UP) -> float:
    """The probability that a quorum is up, if each server is up with probability `up` by itself."""
    return sum(comb(servers, k) * up**k * (1 - up) ** (servers - k) for k in range(quorum, servers + 1))
