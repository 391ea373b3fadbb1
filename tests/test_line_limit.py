"""Every endless loop comes to an end, whoever else traces; what is no loop of the learner's is not taken for one."""

import itertools
import json
import sys
import textwrap
import weakref

import pytest

from paxos_lab.paxos import single_decree
from paxos_lab.verify import explore
from paxos_lab.world.line_limit import EndlessLoop, limited

ENDLESS = {
    "on one line": "while True: pass",
    "with a condition on one line": "while x >= 0: x += 0",
    "of two lines": "while True:\n    x += 1",
    "over an iterator": "for x in count():\n    pass",
    "over an iterator on one line": "for x in count(): pass",
    "inside brackets": "sum(1 for _ in count())",
    "in a list": "[0 for _ in count() if x < 0]",
    "in a lambda": "for _ in iter(lambda: x + 1, 0):\n    pass",
    "in a recursion": "def down(n):\n    return n and down(n - 1) + down(n - 1)\ndown(100)",
    "in a generator": "def numbers():\n    while True:\n        yield 1\nfor _ in numbers(): pass",
    "in a class": "class A:\n    while True:\n        y = 1",
}


def function(body, name="f"):
    """The function `name` with that body, as from a cell of a notebook."""
    space = {"count": itertools.count}
    exec(compile(f"def {name}(x=0):\n{textwrap.indent(body, '    ')}", "<cell 1>", "exec"), space)
    return space[name]


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_an_endless_loop_comes_to_an_end(body):
    with (
        pytest.raises(EndlessLoop, match=r"^a1\.receive does not come to an end: 1,000 lines"),
        limited("a1.receive", 1000),
    ):
        function(body)()


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("jealous", [False, True], ids=["a debugger", "a coverage tool"])
def test_it_comes_to_an_end_under_a_tracer_too_and_the_tracer_sees_it(body, jealous):
    seen = []

    def tracer(frame, event, argument):
        if jealous and event == "call":
            sys.settrace(tracer)  # as coverage does, whose own function is written in C
        if frame.f_code.co_filename == "<cell 1>":
            seen.append((event, frame.f_lineno))
        return tracer

    f, before = function(body), sys.gettrace()
    sys.settrace(tracer)
    try:
        with pytest.raises(EndlessLoop), limited("a1.receive", 300):
            f()
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert ("call", 1) in seen and ("line", 2) in seen


@pytest.mark.skipif(sys.version_info < (3, 12), reason="a trace function that raised is not called again")
def test_whoever_swallows_the_error_is_stopped_all_the_same():
    swallow = function("while True:\n    try:\n        x += 1\n    except BaseException:\n        pass")
    with pytest.raises(EndlessLoop), limited("swallow", 300):
        swallow()


LOOP = function("for i in range(100):\n    x += i\nreturn x")  # two hundred lines and two


def test_what_ends_in_time_is_left_alone_and_lines_are_counted_alike_everywhere():
    with limited("f", 210):
        assert LOOP() == 4950
    with pytest.raises(EndlessLoop), limited("f", 190):
        LOOP()
    assert LOOP() == 4950
    for _ in range(3):  # each `with` counts anew
        with limited("f", 210):
            LOOP()


def test_lines_inside_a_limit_count_for_the_outer_one_too():
    with limited("outer", 450):
        for _ in range(2):
            with limited("inner", 210):
                LOOP()
    with limited("outer", 450):
        for _ in range(2):
            with limited("inner", 210):
                LOOP()
        with pytest.raises(EndlessLoop, match="outer does not come"), limited("inner", 210):
            LOOP()
    with (
        pytest.raises(EndlessLoop, match="inner does not come"),
        limited("outer", 450),
        limited("inner", 190),
    ):
        LOOP()


def test_lines_of_the_lab_and_of_pythons_library_do_not_count():
    work = function("return dumps(list(range(500)), indent=1), explore(nodes, max_states=50)")
    nodes = single_decree(["x", "y"])
    work.__globals__.update(dumps=json.dumps, explore=explore, nodes=nodes)
    with limited("work", 50):
        text, found = work()
    assert json.loads(text) == list(range(500)) and found.states >= 50


def test_what_the_garbage_collector_calls_does_not_count():
    class Thing:
        pass

    things = [Thing() for _ in range(2000)]
    known = weakref.WeakKeyDictionary(dict.fromkeys(things, 1))
    forget = function("x.clear()\nreturn 1")
    with limited("forget", 50):
        forget(things)
    assert len(known) == 0


def test_methods_made_from_a_text_belong_to_their_module():
    """A @dataclass of the lab writes methods that have no file: building many of them is no loop."""
    make = function("return [nodes(['x']) for _ in range(30)]")
    make.__globals__["nodes"] = single_decree
    with limited("make", 200):
        assert len(make()) == 30
