"""The second day: the kernel is gone, the page is loaded anew, and every widget left something behind."""

import pytest
from pages import put_notebook

pytestmark = pytest.mark.browser

NAME = "second_day"
CELLS = (
    """
from paxos_lab import MessageBus
from paxos_lab.paxos import single_decree
from paxos_lab.show import Duel, FaultGrid, QuorumLab, Stepper
from paxos_lab.teach import predict
Stepper(MessageBus(single_decree(["tea"])))
""",
    "QuorumLab(3)",
    'FaultGrid(lambda: single_decree(["tea"]))',
    'predict("k", "Who wins?", ["tea", "coffee"], 0, "It was first.")',
)
TRUST = "trust => jupyterapp.shell.currentWidget.content.widgets.forEach(cell => cell.model.trusted = trust)"


@pytest.fixture(scope="module")
def own_notebook(lab_folder):
    return put_notebook(lab_folder, NAME, CELLS)


@pytest.fixture
def page(own_notebook, open_notebook):
    return open_notebook(own_notebook)


def stills(page):
    return page.locator(".paxos-still:visible")


def test_as_long_as_a_widget_lives_its_still_is_not_shown(page, keep):
    page.locator(".paxos-stepper .message").first.wait_for()
    page.locator(".widget-radio").first.wait_for()
    page.wait_for_function("() => document.querySelectorAll('.paxos-still').length === 4")
    keep(page, "second_day_before")
    assert stills(page).count() == 0
    assert page.problems == []
