"""Pictures, plain English, and widgets."""

from paxos_lab.show.ballot_board import ballot_board
from paxos_lab.show.cluster import cluster
from paxos_lab.show.contention import Contention, Race, contention, race
from paxos_lab.show.curves import Chart, contention_curves
from paxos_lab.show.duel import Duel
from paxos_lab.show.engine import NoEngine
from paxos_lab.show.fault_grid import FaultGrid
from paxos_lab.show.flexible_lab import FlexibleLab
from paxos_lab.show.history import history_picture
from paxos_lab.show.log_lab import LogLab
from paxos_lab.show.log_view import log_view
from paxos_lab.show.narrate import narrate, story
from paxos_lab.show.picture import Picture
from paxos_lab.show.quorum_lab import QuorumLab
from paxos_lab.show.quorum_overlap import quorum_overlap
from paxos_lab.show.space_time import space_time
from paxos_lab.show.stepper import Stepper

__all__ = [
    "Chart",
    "Contention",
    "Duel",
    "FaultGrid",
    "FlexibleLab",
    "LogLab",
    "NoEngine",
    "Picture",
    "QuorumLab",
    "Race",
    "Stepper",
    "ballot_board",
    "cluster",
    "contention",
    "contention_curves",
    "history_picture",
    "log_view",
    "narrate",
    "quorum_overlap",
    "race",
    "space_time",
    "story",
]
