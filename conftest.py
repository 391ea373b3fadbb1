"""For every test, notebooks included: a learner's folder of its own."""

import os
import tempfile


def pytest_configure(config):
    # Progress made by tests, and by the kernels that they start, stays out of the reader's home.
    if "PAXOS_LAB_HOME" not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="paxos-lab-")
        os.environ["PAXOS_LAB_HOME"] = folder.name
        config.add_cleanup(folder.cleanup)


def pytest_collection_modifyitems(items):
    # The longest files first: two processes share them out, and neither waits for the other at the end.
    items.sort(key=lambda item: _turn(item.nodeid))


def _turn(nodeid):
    path = nodeid.partition("::")[0]
    if "test_slides" in path:
        return -1  # opens a browser of its own, which cannot be done beside the one that the others share
    if "browser/" in path:
        return 0
    if path.endswith(".ipynb"):
        return 2
    long = (
        "test_grading",
        "test_mutants",
        "test_searches",
        "test_exploration",
        "test_check_paxos",
        "test_gallery",
    )
    return 1 if any(name in path for name in long) else 3
