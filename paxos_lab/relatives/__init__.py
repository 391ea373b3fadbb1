"""Other protocols on the same contract as Paxos, to run beside it: lesson 01 breaks these."""

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
    "Client",
    "Commit",
    "Coordinator",
    "CountingClient",
    "Decided",
    "Decider",
    "DecisionRequest",
    "Participant",
    "Propose",
    "RetryingClient",
    "Vote",
    "VoteFor",
    "VoteRequest",
    "Voter",
    "first_write_wins",
    "majority_vote",
    "two_phase_commit",
]
