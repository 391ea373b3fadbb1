"""Breaches that hide: deep inside a field, in a large one, behind an alias, in another node or a message.

Each is tried on small containers and on large ones, for the check may look at those in another way.
What is lawful but looks odd stands below, with what the trace must say of it.
"""

import copy
import heapq
import itertools
import pickle
import random
from dataclasses import dataclass, field

import pytest

from paxos_lab import LabError, MessageBus, Node, RoleError, setting, stable, volatile
from paxos_lab.world.journal import JournaledDict

SIZES = (3, 200)


@dataclass(frozen=True)
class Do:
    what: str
    more: tuple = ()


@dataclass(frozen=True)
class Entry:
    number: int
    text: str = "entry"


@dataclass
class Box:
    content: int = 0
    inside: list = field(default_factory=list)


@dataclass
class Holder(Node):
    """One field of every kind; `filled(name, size)` fills them."""

    table: dict = stable({})
    entries: dict = stable({})
    lists: dict = volatile({})
    boxes: dict = volatile({})
    row: list = volatile([])
    seen: set = volatile(set())
    box: Box = volatile(Box())
    spare: object = None
    flag: object = 1
    best: Entry = Entry(0)


def fill(node, size):
    node.table = {i: i for i in range(size)}
    node.entries = {f"k{i}": Entry(i) for i in range(size)}
    node.lists = {i: [i] for i in range(size)}
    node.boxes = {i: Box(i, [i]) for i in range(size)}
    node.row = list(range(size))
    node.seen = set(range(size))
    node.box = Box(1, list(range(size)))
    return node


def role(act, name="r", size=3):
    """A node that does `act(self, message)` when a message arrives."""

    @dataclass
    class Acts(Holder):
        def receive(self, sender, message):
            if message.what == "go":
                act(self, message)

    return fill(Acts(name), size)


def state(bus):
    return repr([(n.name, [(f, getattr(n, f)) for f in n.__dataclass_fields__]) for n in bus])


def caught(bus, message=Do("go")):
    """The sentence of the error; the bus must be as it was."""
    before, steps = state(bus), len(bus.trace)
    with pytest.raises(LabError) as error:
        bus.invoke("r", message)
    assert state(bus) == before and len(bus.trace) == steps
    assert f"(step {steps + 1})" in str(error.value)
    bus.invoke("r", Do("nothing"))  # the bus goes on
    return str(error.value)


def warmed(*nodes):
    """A bus on which each node has made a step, so that whatever the check keeps, it keeps."""
    bus = MessageBus(nodes)
    for node in nodes:
        bus.invoke(node.name, Do("warm up"))
    return bus


ticks = itertools.count()
CHANCE = {
    "entry of a dictionary": lambda self, m: self.table.update({1: next(ticks)}),
    "new entry": lambda self, m: self.table.__setitem__(next(ticks) + 1000, 1),
    "entry taken out": lambda self, m: self.table.pop(next(ticks) % 2),
    "popitem of one": lambda self, m: next(ticks) % 2 and self.table.popitem(),
    "only the second run writes": lambda self, m: next(ticks) % 2 and self.table.update({0: "new"}),
    "only the first run writes": lambda self, m: next(ticks) % 2 or self.table.update({0: "new"}),
    "only one run clears": lambda self, m: next(ticks) % 2 and self.table.clear(),
    "setdefault": lambda self, m: self.table.setdefault("new", next(ticks)),
    "in place or": lambda self, m: self.table.__ior__({0: next(ticks)}),
    "deleted": lambda self, m: self.table.__delitem__(next(ticks) % 2),
    "entry of dataclasses": lambda self, m: self.entries.update(k1=Entry(next(ticks))),
    "dictionary rebound": lambda self, m: setattr(self, "table", {**self.table, 0: next(ticks)}),
    "dictionary becomes a list": lambda self, m: setattr(self, "table", [next(ticks)]),
    "list in a dictionary": lambda self, m: self.lists[1].append(next(ticks)),
    "list in a dictionary, same length": lambda self, m: self.lists[1].__setitem__(0, next(ticks)),
    "dataclass in a dictionary": lambda self, m: setattr(self.boxes[1], "content", next(ticks)),
    "list in a dataclass in a dictionary": lambda self, m: self.boxes[1].inside.append(next(ticks)),
    "list put into a dictionary": lambda self, m: self.table.update({1: [next(ticks)]}),
    "dataclass in a field": lambda self, m: setattr(self.box, "content", next(ticks)),
    "list in a dataclass in a field": lambda self, m: self.box.inside.__setitem__(0, next(ticks)),
    "item of a list": lambda self, m: self.row.__setitem__(1, next(ticks)),
    "order of a list": lambda self, m: next(ticks) % 2 and self.row.reverse(),
    "heap": lambda self, m: heapq.heapreplace(self.row, next(ticks)),
    "set": lambda self, m: self.seen.add(next(ticks) + 1000),
    "set, same length": lambda self, m: (self.seen.pop(), self.seen.add(next(ticks) + 1000)),
    "set rebound": lambda self, m: setattr(self, "seen", {next(ticks)}),
    "kind of a number": lambda self, m: setattr(self, "flag", (True, 1.0)[next(ticks) % 2]),
    "frozen dataclass": lambda self, m: setattr(self, "best", Entry(next(ticks))),
    "past the class": lambda self, m: object.__setattr__(self, "flag", next(ticks)),
    "past the dictionary": lambda self, m: dict.__setitem__(self.lists, 1, [next(ticks)]),
    "through vars": lambda self, m: vars(self)["table"].update({1: next(ticks)}),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("turn", [0, 1])
@pytest.mark.parametrize("what", CHANCE)
def test_chance_is_found_wherever_it_hides(what, turn, size):
    bus = warmed(role(CHANCE[what], size=size))
    global ticks
    ticks = itertools.count(turn)
    assert "not deterministic" in caught(bus)


def test_one_run_that_fails_is_not_deterministic_either():
    for turn in (0, 1):
        count = itertools.count(turn)
        bus = warmed(role(lambda self, m, count=count: 1 // (next(count) % 2)))
        assert "ZeroDivisionError" in caught(bus)


MEDDLING = {
    "field": (lambda v: setattr(v, "flag", 2), "flag"),
    "kind of a number": (lambda v: setattr(v, "flag", True), "flag"),
    "past the class": (lambda v: object.__setattr__(v, "flag", 2), "flag"),
    "entry": (lambda v: v.table.update({1: 99}), "table"),
    "entry taken out": (lambda v: v.table.pop(1, None), "table"),
    "all entries": (lambda v: v.entries.clear(), "entries"),
    "list in a dictionary": (lambda v: v.lists[1].append(0), "lists"),
    "dataclass in a dictionary": (lambda v: setattr(v.boxes[1], "content", 99), "boxes"),
    "list": (lambda v: v.row.append(0), "row"),
    "list, same length": (lambda v: v.row.__setitem__(1, 99), "row"),
    "heap": (lambda v: heapq.heapreplace(v.row, 99), "row"),
    "set": (lambda v: v.seen.discard(1), "seen"),
    "dataclass": (lambda v: setattr(v.box, "content", 99), "box"),
    "list in a dataclass": (lambda v: v.box.inside.append(99), "box"),
    "rebound": (lambda v: setattr(v, "table", {}), "table"),
    "through vars": (lambda v: vars(v)["row"].append(99), "row"),
    "past everything": (lambda v: object.__getattribute__(v, "row").append(99), "row"),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("what", MEDDLING)
def test_meddling_with_another_node_is_found_wherever_it_hides(what, size):
    meddle, where = MEDDLING[what]
    victim = role(lambda self, m: None, "v", size)
    bus = warmed(role(lambda self, m: meddle(victim)), victim, role(lambda self, m: None, "w", size))
    assert f"changed v.{where}" in caught(bus)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("what", ["table", "row", "seen", "lists"])
def test_what_leaked_out_of_a_node_is_watched_too(what, size):
    leak = []

    def leaks(self, m):
        leak[:] = [getattr(self, what)]

    def meddles(self, m):
        match leak[0]:
            case dict() if what == "lists":
                leak[0][1].append(99)
            case dict():
                leak[0][1] = 99
            case list():
                leak[0].append(99)
            case set():
                leak[0].add(99.5)

    victim = role(leaks, "v", size)
    bus = warmed(role(meddles), victim)
    bus.invoke("v", Do("go"))
    assert f"changed v.{what}" in caught(bus)


@pytest.mark.parametrize("size", SIZES)
def test_a_leak_that_a_node_changes_itself_is_found(size):
    leak = []

    def act(self, m):
        if m.more:
            leak[:] = [self.table]
        else:
            leak[0][len(leak[0]) + 1000] = "changed"

    bus = warmed(role(act, size=size))
    bus.invoke("r", Do("go", (1,)))
    assert "not deterministic" in caught(bus)


@pytest.mark.parametrize("size", SIZES)
def test_two_fields_that_are_one_object_are_found_when_it_changes(size):
    def act(self, m):
        if self.spare is None:
            self.spare = self.table
        else:
            self.table[1] = "changed"

    bus = warmed(role(act, size=size))
    bus.invoke("r", Do("go"))
    assert "spare" in caught(bus)


FORGERIES = {
    "field": lambda m: object.__setattr__(m, "what", "forged"),
    "equal, another object": lambda m: object.__setattr__(m, "more", (*m.more[:2], *m.more[2:])),
    "kind of a number": lambda m: object.__setattr__(m.more[0], "number", True),
    "in a tuple": lambda m: object.__setattr__(m.more[0], "number", 99),
    "in a frozenset in a tuple": lambda m: object.__setattr__(next(iter(m.more[1])), "text", "forged"),
    "in a dataclass": lambda m: object.__setattr__(m.more[2].more[0], "text", "forged"),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_forging_a_message_is_found_wherever_it_hides(what):
    message = Do("go", (Entry(1), frozenset({Entry(2)}), Do("in", (Entry(3),))))
    before = repr(message)
    bus = warmed(role(lambda self, m: FORGERIES[what](m)), role(lambda self, m: None, "w"))
    assert "changed the message it was given" in caught(bus, message)
    assert repr(message) == before


def test_forging_a_message_that_was_kept_in_a_field_before_is_found():
    def act(self, m):
        if self.spare is None:
            self.spare = m
        else:
            object.__setattr__(self.spare, "what", "forged")

    bus, message = warmed(role(act)), Do("go")
    bus.invoke("r", message)
    assert "changed the message it was given" in caught(bus, message)


@pytest.mark.parametrize("kind", [list, dict, set])
def test_a_container_in_the_class_is_no_state(kind):
    @dataclass
    class Shares(Holder):
        common = kind()

        def receive(self, sender, message):
            if message.what == "go":
                match self.common:
                    case list():
                        self.common.append(1)
                    case dict():
                        self.common[1] = 1
                    case set():
                        self.common.add(1)

    assert "changed Shares.common, which all nodes" in caught(warmed(Shares("r")))
    assert Shares.common == kind()


@pytest.mark.parametrize("size", SIZES)
def test_a_field_that_cannot_be_copied_is_found_inside_a_container(size):
    bus = warmed(role(lambda self, m: self.table.update({1: object()}), size=size))
    assert "r.table cannot be copied" in caught(bus)


# ---- lawful


def act_at_random(node, rng):
    """Something lawful on some field, different each time, the same for the same chance."""
    key = rng.randrange(130)
    match rng.randrange(22):
        case 0:
            node.table[key] = rng.randrange(3)
        case 1:
            node.table.pop(key, None)
        case 2:
            node.table = dict(node.table)
        case 3:
            node.table = {k: v for k, v in node.table.items() if k != key}
        case 4:
            node.table.setdefault(key, Entry(key))
        case 5:
            node.entries[f"k{key}"] = Entry(rng.randrange(3))
        case 6:
            node.entries |= {f"k{key}": Entry(1), "k1": Entry(1)}
        case 7:
            node.lists.setdefault(key, []).append(rng.randrange(3))
        case 8:
            node.boxes.setdefault(key, Box()).content += 1
        case 9:
            node.boxes.setdefault(key, Box()).inside.append(key)
        case 10:
            node.row.append(key)
        case 11:
            heapq.heapify(node.row)
        case 12:
            node.seen ^= {key}
        case 13:
            node.box = Box(key, [key])
        case 14:
            node.box.inside.append(key)
        case 15:
            node.flag = rng.choice([1, True, 1.0, None, "one", (1, True)])
        case 16:
            node.table.update({i: i for i in range(100)})
        case 17:
            node.table[key] = [key]  # what was flat is flat no more
        case 18:
            node.table = {}
        case 19:
            node.entries.clear() if key < 10 else None
        case 20:
            node.lists.pop(key, None)
        case 21:
            node.best = Entry(node.best.number)  # equal, and another object


@pytest.mark.parametrize("seed", range(12))
def test_the_trace_of_lawful_steps_is_what_a_plain_comparison_says(seed):
    def act(self, m):
        rng = random.Random(m.more[0])
        for _ in range(m.more[1]):
            act_at_random(self, rng)

    def fields(node):
        return {f: copy.deepcopy(getattr(node, f)) for f in node.__dataclass_fields__}

    rng = random.Random(seed)
    size = rng.choice((0, 3, 100))
    checked = MessageBus([role(act, size=size), role(act, "v", size)])
    free = MessageBus([role(act, size=size), role(act, "v", size)], checked=False)
    blind = MessageBus([role(act, size=size), role(act, "v", size)], traced=False)
    before = {}
    for number in range(40):
        name = rng.choice("rv")
        before[name] = fields(checked[name])
        message = Do("go", (rng.random(), rng.randrange(4)))
        if seed % 2 and rng.random() < 0.1:  # somebody changes a node by hand between two steps
            for bus in (checked, free, blind):
                act_at_random(bus[name], random.Random(number))
        if rng.random() < 0.05:
            step, other, _third = ([bus.crash(name), bus.restart(name)][0] for bus in (checked, free, blind))
            before[name] = None
        else:
            step, other, _third = (bus.invoke(name, message) for bus in (checked, free, blind))
        after = fields(checked[name])
        assert step.changed == other.changed
        assert after == fields(free[name]) == fields(blind[name])
        if before[name] is not None:
            wanted = {
                f: (was, after[f])
                for f, was in before[name].items()
                if was != after[f] or type(was) is not type(after[f])
            }
            assert step.changed == wanted
    assert checked.trace.to_json() == free.trace.to_json()
    end = fields(checked["r"])
    checked.rewind(10)
    for done in free.trace[10:]:
        checked.apply(done.event)
    assert fields(checked["r"]) == end or seed % 2  # going back knows nothing of what is done by hand


@pytest.mark.parametrize("size", SIZES)
def test_who_changes_a_node_by_hand_blames_nobody(size):
    victim = role(lambda self, m: None, "v", size)
    bus = warmed(role(lambda self, m: self.row.append(7), size=size), victim)
    bus["v"].table[1] = "by hand"
    bus["r"].table[1] = "by hand"
    bus["r"].lists[1].append("by hand")
    step = bus.invoke("r", Do("go"))
    assert set(step.changed) == {"row", "table", "lists"}
    assert bus["r"].table[1] == bus["v"].table[1] == "by hand"
    assert set(bus.invoke("v", Do("go")).changed) == {"table"}


@pytest.mark.parametrize("size", SIZES)
def test_a_schedule_may_change_a_node_by_hand_between_two_steps(size):
    victim = role(lambda self, m: None, "v", size)
    bus = warmed(role(lambda self, m: self.send("r", m), size=size), victim)
    bus.invoke("r", Do("go"))

    def watching(bus):
        bus["v"].table[1] = bus.now
        bus["r"].flag = bus.now
        return False

    assert bus.run(until=watching, max_steps=5) == 5


def test_a_name_for_a_field_that_grows_stays_a_name_for_it():
    bus = warmed(role(lambda self, m: self.table.update({len(self.table): 1})))
    mine = bus["r"].table
    for _ in range(200):
        bus.invoke("r", Do("go"))
    assert mine is bus["r"].table and len(mine) == 203


def test_a_breach_after_a_crash_and_after_going_back_is_found():
    global ticks
    ticks = itertools.count()
    bus = warmed(role(lambda self, m: self.table.update({1: next(ticks)}) if m.more else self.row.append(1)))
    bus.invoke("r", Do("go"))
    bus.crash("r")
    bus.restart("r")
    bus.invoke("r", Do("go"))
    assert "not deterministic" in caught(bus, Do("go", (1,)))
    bus.rewind(2)
    assert "not deterministic" in caught(bus, Do("go", (1,)))
    assert "not deterministic" in caught(bus.fork(), Do("go", (1,)))


def test_a_breach_without_a_trace_is_found_and_undone():
    global ticks
    ticks = itertools.count()
    bus = MessageBus([role(lambda self, m: self.table.update({1: next(ticks)}), size=200)], traced=False)
    before = state(bus)
    with pytest.raises(RoleError, match="not deterministic"):
        bus.invoke("r", Do("go"))
    assert state(bus) == before


# ---- runs in which nothing but the bus chooses


@dataclass
class Passes(Holder):
    """Hands a number on to the next of `ring`, one higher, until it is 40."""

    ring: tuple = setting(())
    act: int = setting(0)

    def start(self):
        if self.name == "r":
            self.send("v", 1)

    def receive(self, sender, message):
        self.row.append(message)
        self.table[message] = message
        ACTS[self.act](self, message)
        if message < 40:
            self.send(self.ring[(self.ring.index(self.name) + 1) % 3], message + 1)


ACTS = {0: lambda self, message: None}


def ring(act, *, size=3, traced=True):
    number = len(ACTS) if act else 0
    ACTS.setdefault(number, act)
    nodes = [fill(Passes(n, ring=("r", "v", "w"), act=number if n == "w" else 0), size) for n in "rvw"]
    return MessageBus(nodes, delay=1.0, traced=traced)


@pytest.mark.parametrize("traced", [True, False])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("what", MEDDLING)
def test_meddling_in_a_run_is_found_at_its_step(what, size, traced):
    meddle, where = MEDDLING[what]

    def act(self, message):
        if message == 20:
            meddle(bus["v"])

    bus = ring(act, size=size, traced=traced)
    twin_of_it = ring(lambda self, message: None, size=size, traced=traced)
    with pytest.raises(RoleError, match=rf"w\.receive\('v', 20\) changed v\.{where}.*\(step 23\)"):
        bus.run()
    twin_of_it.run(max_steps=19)
    bus["w"].act = twin_of_it["w"].act
    assert state(bus) == state(twin_of_it)
    assert bus.in_flight == twin_of_it.in_flight and bus.now == twin_of_it.now
    if traced:
        assert len(bus.trace) == 22 and bus.trace.to_json() == twin_of_it.trace.to_json()


def test_meddling_that_later_steps_would_hide_is_found_at_its_step():
    def act(self, message):
        if message == 20:
            bus["v"].table[22] = 22  # which v will write itself when its turn comes

    bus = ring(act)
    with pytest.raises(RoleError, match=r"w\.receive\('v', 20\) changed v\.table.*\(step 23\)"):
        bus.run()


@pytest.mark.parametrize("size", SIZES)
def test_meddling_in_the_last_step_of_a_run_is_found(size):
    def act(self, message):
        if message == 38:
            bus["v"].table[1] = "changed"

    bus = ring(act, size=size)
    with pytest.raises(RoleError, match=r"changed v\.table.*\(step 41\)"):
        bus.run(max_steps=38)


def test_an_error_of_a_role_that_also_meddled_names_the_meddling():
    def act(self, message):
        if message == 20:
            bus["v"].row.append("changed")
        if message == 23:
            raise KeyError(message)

    bus = ring(act)
    with pytest.raises(RoleError, match=r"changed v\.row.*\(step 23\)"):
        bus.run()


def test_a_run_that_is_made_again_prints_nothing_twice(capsys):
    def act(self, message):
        print(message)
        if message == 20:
            bus["v"].row.append("changed")

    bus = ring(act)
    with pytest.raises(RoleError):
        bus.run()
    lines = capsys.readouterr().out.split()
    assert lines[:7] == ["2", "5", "8", "11", "14", "17", "20"] and len(set(lines)) == len(lines)


def test_a_lawful_run_is_the_same_however_closely_it_is_watched():
    runs = [ring(None, size=200) for _ in range(3)]
    runs[0].run()
    runs[1].run(until=lambda bus: False)
    while (event := runs[2].upcoming()) is not None:
        runs[2].apply(event)
    assert runs[0].trace.to_json() == runs[1].trace.to_json() == runs[2].trace.to_json()
    assert state(runs[0]) == state(runs[1]) == state(runs[2])


@pytest.mark.parametrize("whose", ["w", "v"])
def test_writing_past_the_notes_of_a_large_dictionary_is_found_at_its_step(whose):
    def act(self, message):
        if message == 20:
            dict.__setitem__(bus[whose].entries if whose == "v" else self.entries, "k1", "past")

    bus = ring(act, size=200)
    with pytest.raises(RoleError, match=rf"{whose}\.entries was changed, in the last hook.*\(step 23\)"):
        bus.run()
    assert bus["w"].entries["k1"] == bus["v"].entries["k1"] == Entry(1)


# ---- what a step does not touch costs nothing


def test_a_large_dictionary_is_not_gone_through_at_each_step():
    """Neither the entries nor the copies: the dictionary notes its writes, and is not copied unless written."""
    bus = warmed(
        role(lambda self, m: setattr(self, "flag", self.table[7]), size=5_000),
        role(lambda s, m: 0, "v", 5_000),
    )
    before = [(id(node.table), len(node.table)) for node in bus]
    step = bus.invoke("r", Do("go"))
    assert step.changed == {"flag": (1, 7)}
    assert before == [(id(node.table), len(node.table)) for node in bus]
    assert all(isinstance(node.table, JournaledDict) and not node.table.written for node in bus)
    assert type(copy.deepcopy(bus["r"].table)) is type(bus["r"].table | {}) is dict
    assert pickle.loads(pickle.dumps(bus["r"].table)) == bus["r"].table
