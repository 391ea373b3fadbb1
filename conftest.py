"""For every test, notebooks included: a learner's folder of its own, no word on time, and who runs when."""

import gc
import os
import tempfile


def pytest_addoption(parser):
    parser.addoption("--thorough", action="store_true", help="run the tests marked `thorough` as well")


def pytest_configure(config):
    # Progress made by tests, and by the kernels that they start, stays out of the reader's home.
    if "PAXOS_LAB_HOME" not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="paxos-lab-")
        os.environ["PAXOS_LAB_HOME"] = folder.name
        config.add_cleanup(folder.cleanup)
    # What a long search says on its way depends on how fast the machine is: no stored output has it.
    os.environ["PAXOS_LAB_QUIET"] = "1"


def pytest_xdist_auto_num_workers():
    # One more than there are processors: the browser's tests wait for its pages most of the time.
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        """Each file goes to one process; the browser's files share one JupyterLab and one browser."""

        def _split_scope(self, nodeid):
            path = _file(nodeid)
            return "browser" if "browser/" in path else path

    return ByFile(config, log)


# `make quick` leaves these out: long searches, storms, and a check for each of hundreds of answers.
SLOW = (
    "adversary", "arrows", "check", "doctor", "exploration", "explorer", "gallery", "grading", "linearizability", "liveness",
    "log_bugs", "log_crashes", "log_explored", "log_leader", "log_parts", "log_searches", "log_takeover", "many_seeds",
    "mutants", "nemesis", "notebook_structure", "project", "prospects", "reads", "reconfiguration", "rejoin", "relatives",
    "safety", "searches", "set_up", "slides", "stalls", "verdicts",
)  # fmt: skip


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--thorough"):
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
    for item in items:
        if _file(item.nodeid).rpartition("/")[2].startswith(tuple(f"test_{name}" for name in SLOW)):
            item.add_marker("slow")
    # The longest files first: the processes share them out, and none waits for another at the end.
    items.sort(key=lambda item: _turn(_file(item.nodeid)))


def pytest_collection_finish():
    # Thousands of tests stay to the end; the garbage collector need not look at them again and again.
    gc.freeze()


def pytest_runtest_setup(item):
    # A test measures how soon a click is answered: whoever only computes gives way to the browser.
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    if not alone and item.get_closest_marker("browser") is None and hasattr(os, "nice") and os.nice(0) < 10:
        os.nice(10)


def _file(nodeid):
    return nodeid.partition("::")[0]


def _turn(path):
    if "browser/" in path:
        return 0
    if path.endswith(".ipynb"):
        return 2
    long = (
        "test_grading",
        "test_explorer_oracle",
        "test_explorer_verdicts",
        "test_verdicts",
        "test_nemesis",
        "test_log_bugs",
        "test_check_machinery",
        "test_mutants",
        "test_searches",
        "test_exploration",
        "test_check_paxos",
        "test_gallery",
    )
    return 1 if any(name in path for name in long) else 3
