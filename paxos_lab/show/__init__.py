"""Pictures, plain English, and widgets."""

from paxos_lab.show.ballot_board import ballot_board
from paxos_lab.show.cluster import cluster
from paxos_lab.show.engine import NoEngine
from paxos_lab.show.fault_grid import FaultGrid
from paxos_lab.show.narrate import narrate, story
from paxos_lab.show.picture import Picture
from paxos_lab.show.quorum_lab import QuorumLab
from paxos_lab.show.quorum_overlap import quorum_overlap
from paxos_lab.show.space_time import space_time
from paxos_lab.show.stepper import Stepper

__all__ = [
    "FaultGrid",
    "NoEngine",
    "Picture",
    "QuorumLab",
    "Stepper",
    "ballot_board",
    "cluster",
    "narrate",
    "quorum_overlap",
    "space_time",
    "story",
]
