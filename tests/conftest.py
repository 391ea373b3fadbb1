"""Where the browser is, and what happens where there is none."""

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find_chromium():
    """The path of a Chromium, from PAXOS_LAB_CHROMIUM or PATH, or None."""
    named = os.environ.get("PAXOS_LAB_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


def pytest_collection_modifyitems(items):
    if find_chromium() is not None or os.environ.get("CI") == "true":
        return  # in CI a missing browser fails where it is used
    reason = "no Chromium found: install one or set PAXOS_LAB_CHROMIUM to see the notebooks clicked"
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def chromium_path():
    path = find_chromium()
    if path is None:
        pytest.fail("CI=true, but no Chromium was found: .ci/run installs it")
    return path
