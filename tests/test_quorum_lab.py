"""The quorum lab: toggles in, verdict out."""

import pytest

from paxos_lab import LabError
from paxos_lab.show import QuorumLab
from paxos_lab.show.widgets.quorum_lab import systems


def test_two_majorities_share_a_member():
    lab = QuorumLab(5)
    lab.pick({"a1", "a2", "a3"}, {"a3", "a4", "a5"})
    assert "They share a3." in lab.said.value
    assert "A phase 1 quorum: a1, a2, a3." in lab.said.value
    lab.first[2].value = False
    assert "Not a phase 1 quorum: a1, a2." in lab.said.value


def test_the_button_finds_the_gap_where_there_is_one():
    lab = QuorumLab(4)
    lab.gap.click()
    assert "There is no such pair" in lab.said.value
    lab.system.value = "too small: half, rounded down"
    lab.gap.click()
    assert "They share nobody" in lab.said.value
    first, second = lab.chosen_sets
    assert len(first) == len(second) == 2 and not first & second


@pytest.mark.parametrize("members", range(1, 10))
def test_each_system_on_offer_says_truly_whether_it_is_safe(members):
    for label, system in systems(members).items():
        assert system.intersects == ("too small" not in label), (members, label)
        lab = QuorumLab(members)
        lab.system.value = label
        assert "<svg" in lab.answer.value


def test_a_size_that_makes_no_sense_is_refused():
    with pytest.raises(LabError, match="1 to 9"):
        QuorumLab(0)


def test_a_page_without_a_kernel_shows_the_picture():
    data = QuorumLab(3).still()
    assert data["image/svg+xml"].startswith("<svg") and data["text/plain"].startswith("Quorum lab. ")
