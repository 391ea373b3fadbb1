"""See it: pictures, plain English, widgets, experiments that count. Lessons call it; a reader may skip the code."""

from paxos_lab.show.draw.ballot_board import ballot_board
from paxos_lab.show.draw.cluster import cluster
from paxos_lab.show.draw.curves import Chart, contention_curves
from paxos_lab.show.draw.engine import NoEngine
from paxos_lab.show.draw.history import history_picture
from paxos_lab.show.draw.log_view import log_view
from paxos_lab.show.draw.picture import Picture
from paxos_lab.show.draw.quorum_overlap import quorum_overlap
from paxos_lab.show.draw.space_time import space_time
from paxos_lab.show.measure.cost import forced_writes, line_chart, messages_between, messages_handled
from paxos_lab.show.measure.rivals import Contention, Race, contention, race
from paxos_lab.show.widgets.duel import Duel
from paxos_lab.show.widgets.fault_grid import FaultGrid
from paxos_lab.show.widgets.flexible_lab import FlexibleLab
from paxos_lab.show.widgets.futures import Futures
from paxos_lab.show.widgets.log_lab import LogLab
from paxos_lab.show.widgets.quorum_lab import QuorumLab
from paxos_lab.show.widgets.stepper import Stepper
from paxos_lab.words.narration import narrate, story

__all__ = [
    "Chart",
    "Contention",
    "Duel",
    "FaultGrid",
    "FlexibleLab",
    "Futures",
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
    "forced_writes",
    "history_picture",
    "line_chart",
    "log_view",
    "messages_between",
    "messages_handled",
    "narrate",
    "quorum_overlap",
    "race",
    "space_time",
    "story",
]
