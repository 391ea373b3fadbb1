"""Small random protocols: twins that may trade places, chatterers, and nodes that never say a word.

Timers are set in any hook, `start` and `recover` included, two of them, and cancelled; a field may grow
for ever; whoever may crash is drawn, silent nodes too.
"""

import random
from dataclasses import dataclass
from itertools import product
from typing import Any

from paxos_lab import Node, stable, volatile
from paxos_lab.verify import Faults, looks_at


@dataclass(frozen=True)
class Ping:
    kind: int


@dataclass
class Automaton(Node):
    """Does what its table says: (state, memory, what happens) -> what it becomes, sends and waits for."""

    table: tuple = ()
    state: int = stable(0)
    memory: int = 0
    heard: dict[str, int] = volatile({})
    learned: Any = None
    log: tuple = stable(())

    def go(self, *key):
        entry = dict(self.table).get((self.state, self.memory, *key))
        if entry is None:
            return
        self.state, memory, learned, sends, timers, grows = entry
        self.memory = self.memory if memory is None else memory
        self.learned = self.learned if learned is None else learned
        for to, kind in sends:
            self.send(to, Ping(kind))
        for verb, timer in timers:
            self.set_timer(timer, 1.0) if verb == "set" else self.cancel_timer(timer)
        if grows:
            self.log += (key[0],)

    def start(self):
        self.go("start", 0)

    def recover(self):
        self.go("recover", 0)

    def timeout(self, timer):
        self.go("timeout", int(timer == "u"))

    def receive(self, sender, message):
        known = self.heard.get(sender, 0)
        self.heard[sender] = max(known, message.kind)
        # Some tell senders apart, some do not; some react to what they heard before.
        self.go(sender if message.kind % 2 else "any", message.kind + (known > message.kind))


def protocol(seed):
    """(nodes, faults, property)."""
    rng = random.Random(seed)
    names = [f"n{i}" for i in range(rng.choice([2, 3, 3, 4]))]
    kinds, states, memories = rng.choice([1, 2, 3]), rng.choice([2, 3]), rng.choice([1, 2])
    growing = rng.random() < 0.15
    timing = rng.choice([0.2, 0.5, 0.8])

    def sends_of(targets, most=2):
        return tuple(
            (rng.choice(targets), rng.randrange(kinds)) for _ in range(rng.choice([0, 0, 1, 1, most]))
        )

    def timers():
        if rng.random() > timing:
            return ()
        return tuple(
            (rng.choice(["set", "set", "cancel"]), rng.choice("tu")) for _ in range(rng.choice([1, 1, 2]))
        )

    def table(density, sources, sends, begins=False):
        rows = {}
        for s, m in product(range(states), range(memories)):
            keys = [("start", 0), ("recover", 0), ("timeout", 0), ("timeout", 1)]
            keys += [(who, kind) for who in sources for kind in range(kinds + 1)]
            for key in keys:
                if rng.random() < density or (begins and key[0] == "start" and s == m == 0):
                    rows[s, m, *key] = (
                        rng.randrange(states), rng.choice([None, *range(memories)]),
                        rng.choice([None, "x", "y"]), sends(), timers(), growing and rng.random() < 0.3,
                    )  # fmt: skip
        return tuple(rows.items())

    def silent():
        rows = dict(table(rng.choice([0.4, 0.8]), [*names, "any"], lambda: ()))
        if rng.random() < 0.7:  # it waits from the start, and believes something if nothing comes
            rows[0, 0, "start", 0] = 0, None, None, (), (("set", rng.choice("tu")),), False
            rows[0, 0, "timeout", 0] = rows[0, 0, "timeout", 1] = 1, None, rng.choice("xy"), (), (), False
        return tuple(rows.items())

    if rng.random() < 0.5:  # a hub and twins that may trade places
        hub = table(0.7, ["any"], lambda: tuple((n, k) for _, k in sends_of(["_"]) for n in names[1:]), True)
        twin = table(0.6, ["n0", "any"], lambda: sends_of(["n0"]))
        tables = [hub, *[twin] * (len(names) - 1)]
    else:
        tables = [
            silent() if rng.random() < 0.3 else
            table(rng.choice([0.4, 0.7]), [*names, "any"], lambda: sends_of(names), i == 0)
            for i in range(len(names))
        ]  # fmt: skip
    if rng.random() < 0.5:  # somebody who only listens
        tables[-1] = silent()
    nodes = [Automaton(name, table) for name, table in zip(names, tables, strict=True)]
    who = rng.choice([None, None, (names[-1],), tuple(names[1:])])
    faults = Faults(rng.choice([0, 0, 1]), rng.choice([0, 1, 2]), restarts=rng.random() < 0.8, who=who)
    kind = rng.randrange(kinds)
    judges = [two_learned, two_learned, many_senders(kind), odd_pair(kind), last_is_on(kind)]
    return nodes, faults, grown if growing and rng.random() < 0.5 else rng.choice(judges)


@looks_at(Ping, fields=["learned"], monotone=True)
def two_learned(sent, nodes):
    values = {node.learned for node in nodes.values()} - {None}
    return f"both {sorted(values)}" if len(values) > 1 else None


def many_senders(kind):
    @looks_at(Ping)
    def many(sent, nodes):
        return "two send it" if len({s for s, m in sent if m.kind == kind}) >= 2 else None

    return many


def odd_pair(kind):
    """Not monotone: more messages mend it."""

    @looks_at(Ping, fields=["learned"])
    def odd(sent, nodes):
        learned = [node.learned for node in nodes.values()]
        pair = learned.count("x") == 1 and learned.count("y") == 1
        return "odd" if pair and not any(m.kind == kind for _, m in sent) else None

    return odd


def last_is_on(kind):
    """About one node, by name, and two of its fields: what is on disk beside what is in memory."""

    @looks_at(fields=["state", "learned"], symmetric=False)
    def last(sent, nodes):
        node = nodes[max(nodes)]
        return "it is" if node.state == 1 and node.learned == ("x", None, "y")[kind] else None

    return last


@looks_at(fields=["log"])
def grown(sent, nodes):
    return "three entries" if any(len(node.log) > 2 for node in nodes.values()) else None
