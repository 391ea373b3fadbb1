"""Other protocols on the same contract as Paxos, to run beside it: lesson 01 breaks the first ones.

`raft_log` returns nodes as `replicated_log` does; open `raft/__init__.py` for the idea.
"""

from paxos_lab.relatives.naive import (
    Client,
    CountingClient,
    Decided,
    Decider,
    Propose,
    RetryingClient,
    VoteFor,
    Voter,
    first_write_wins,
    majority_vote,
)
from paxos_lab.relatives.raft import RaftServer, raft_log
from paxos_lab.relatives.raft.contenders import Contender, contenders
from paxos_lab.relatives.raft.election import up_to_date
from paxos_lab.relatives.raft.messages import (
    AppendEntries,
    AppendReply,
    InstallSnapshot,
    LogEntry,
    RaftSnapshot,
    RequestVote,
    TimeoutNow,
    TransferTo,
    VoteReply,
)
from paxos_lab.relatives.raft.replication import may_count
from paxos_lab.relatives.two_phase import (
    Abort,
    Commit,
    Coordinator,
    DecisionRequest,
    Participant,
    Vote,
    VoteRequest,
    two_phase_commit,
)

__all__ = [
    "Abort",
    "AppendEntries",
    "AppendReply",
    "Client",
    "Commit",
    "Contender",
    "Coordinator",
    "CountingClient",
    "Decided",
    "Decider",
    "DecisionRequest",
    "InstallSnapshot",
    "LogEntry",
    "Participant",
    "Propose",
    "RaftServer",
    "RaftSnapshot",
    "RequestVote",
    "RetryingClient",
    "TimeoutNow",
    "TransferTo",
    "Vote",
    "VoteFor",
    "VoteReply",
    "VoteRequest",
    "Voter",
    "contenders",
    "first_write_wins",
    "majority_vote",
    "may_count",
    "raft_log",
    "two_phase_commit",
    "up_to_date",
]
