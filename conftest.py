"""For every test, notebooks included: a learner's folder of its own."""

import os
import tempfile


def pytest_configure(config):
    # Progress made by tests, and by the kernels that they start, stays out of the reader's home.
    if "PAXOS_LAB_HOME" not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="paxos-lab-")
        os.environ["PAXOS_LAB_HOME"] = folder.name
        config.add_cleanup(folder.cleanup)
