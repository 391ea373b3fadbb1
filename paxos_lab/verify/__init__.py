"""Every schedule, tried: the explorer, what must hold, and rules taken away one by one."""

from paxos_lab.verify.exploration import Exploration, broken_along, explore
from paxos_lab.verify.history import ACKNOWLEDGED, NO_REPLY, Operation, history_of, key_of
from paxos_lab.verify.linearizability import Verdict, linearizable
from paxos_lab.verify.log_rules import LogRules
from paxos_lab.verify.many_seeds import Ordeals, Outcome, ordeals
from paxos_lab.verify.nemesis import nemesis
from paxos_lab.verify.ordeal import Ordeal, ordeal
from paxos_lab.verify.progress import progress
from paxos_lab.verify.properties import (
    PROOF,
    agreement,
    backed_by_promises,
    chosen_stays,
    learned_is_chosen,
    looks_at,
    one_value_per_ballot,
    promises_kept,
    quorums_meet,
    validity,
    votes_on_request,
    with_quorums,
)
from paxos_lab.verify.world import Faults

__all__ = [
    "ACKNOWLEDGED",
    "NO_REPLY",
    "PROOF",
    "Exploration",
    "Faults",
    "LogRules",
    "Operation",
    "Ordeal",
    "Ordeals",
    "Outcome",
    "Verdict",
    "agreement",
    "backed_by_promises",
    "broken_along",
    "chosen_stays",
    "explore",
    "history_of",
    "key_of",
    "learned_is_chosen",
    "linearizable",
    "looks_at",
    "nemesis",
    "one_value_per_ballot",
    "ordeal",
    "ordeals",
    "progress",
    "promises_kept",
    "quorums_meet",
    "validity",
    "votes_on_request",
    "with_quorums",
]
