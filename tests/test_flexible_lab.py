"""The flexible quorum lab: sliders in, verdict, table and picture out."""

import pytest

from paxos_lab import LabError
from paxos_lab.show import FlexibleLab
from paxos_lab.show.measure.quorum_waits import availability, waits


@pytest.mark.parametrize("servers", range(3, 10))
def test_every_position_of_the_sliders_is_judged_as_the_quorums_are(servers):
    lab = FlexibleLab(servers)
    assert lab.system.intersects and "Safe" in lab.said.value
    for q1 in range(1, servers + 1):
        for q2 in (1, servers // 2, servers):
            lab.set(servers, q1, q2)
            assert ("Unsafe" not in lab.said.value) == lab.system.intersects
            assert ("They share nobody: a gap" in lab.answer.value) == (not lab.system.intersects)
            assert [row[1] for row in lab.rows[1:]] == [f"any {q} of {servers}" for q in (q1, q2)]
            assert [row[2].split()[0] for row in lab.rows[1:]] == [
                str(lab.system.tolerates(phase)) for phase in (1, 2)
            ]


def test_the_number_of_servers_moves_the_other_sliders():
    lab = FlexibleLab(9)
    lab.set(9, 9, 9)
    lab.servers.value = 3
    assert (lab.q1.value, lab.q2.value, lab.q1.max, lab.q2.max) == (2, 2, 3, 3)
    assert "any 2 of 3" in lab.answer.value


def test_a_larger_quorum_waits_longer_and_its_disks_are_counted():
    for servers in (3, 5, 9):
        middles, slow = zip(*waits(servers), strict=True)
        assert middles[0] == slow[0] == 0, "who asks has its own answer at once"
        assert list(middles) == sorted(set(middles)) and list(slow) == sorted(set(slow))
    lab = FlexibleLab(5)
    lab.set(5, 5, 1)
    assert "survives the loss of none" in lab.answer.value
    lab.set(5, 3, 3)
    assert "on 3 disks at least: it survives the loss of 2" in lab.answer.value


def test_availability_is_that_of_independent_servers():
    assert availability(3, 2, 0.9) == pytest.approx(0.9**3 + 3 * 0.9**2 * 0.1)
    assert availability(5, 5, 0.9) == pytest.approx(0.9**5)
    lab = FlexibleLab(9)
    lab.set(9, 9, 1)
    assert [row[3] for row in lab.rows[1:]] == ["91.4 %", "over 99.99999999 %"]


def test_controls_have_labels_and_a_still_picture_is_kept():
    lab = FlexibleLab()
    assert [s.description for s in (lab.servers, lab.q1, lab.q2)] == [
        "Servers:",
        "q1, take-over:",
        "q2, command:",
    ]
    assert "<svg" in lab.still()["image/svg+xml"]


@pytest.mark.parametrize("sizes", [(2, 1, 1), (10, 5, 5), (5, 6, 1), (5, 0, 5)])
def test_what_the_sliders_cannot_show_is_refused(sizes):
    with pytest.raises(LabError):
        FlexibleLab().set(*sizes)
    with pytest.raises(LabError, match="3 to 9"):
        FlexibleLab(10)
