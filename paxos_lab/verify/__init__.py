"""Is it right? The explorer, what clients saw, storms, wrong rules. Lessons call it; a reader may skip the code."""

from paxos_lab.verify.explorer.choices import Faults
from paxos_lab.verify.explorer.exploration import Exploration, broken_along, explore
from paxos_lab.verify.explorer.log_properties import no_hole_is_left, one_entry_in_a_ballot, slot_agreement
from paxos_lab.verify.explorer.properties import (
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
from paxos_lab.verify.explorer.stalls import find_stall
from paxos_lab.verify.histories.history import ACKNOWLEDGED, NO_REPLY, Operation, history_of, key_of
from paxos_lab.verify.histories.linearizability import Verdict, linearizable
from paxos_lab.verify.storms.many_seeds import Ordeals, Outcome, ordeals
from paxos_lab.verify.storms.nemesis import nemesis
from paxos_lab.verify.storms.ordeal import Ordeal, ordeal
from paxos_lab.verify.storms.slot_rules import LogRules
from paxos_lab.verify.wrong.raft import RIGHT_RAFT, WRONG_RAFT, committed_stays
from paxos_lab.verify.wrong.single_decree import MUTANTS, RIGHT, Setting, find_variant

__all__ = [
    "ACKNOWLEDGED",
    "MUTANTS",
    "NO_REPLY",
    "PROOF",
    "RIGHT",
    "RIGHT_RAFT",
    "WRONG_RAFT",
    "Exploration",
    "Faults",
    "LogRules",
    "Operation",
    "Ordeal",
    "Ordeals",
    "Outcome",
    "Setting",
    "Verdict",
    "agreement",
    "backed_by_promises",
    "broken_along",
    "chosen_stays",
    "committed_stays",
    "explore",
    "find_stall",
    "find_variant",
    "history_of",
    "key_of",
    "learned_is_chosen",
    "linearizable",
    "looks_at",
    "nemesis",
    "no_hole_is_left",
    "one_entry_in_a_ballot",
    "one_value_per_ballot",
    "ordeal",
    "ordeals",
    "promises_kept",
    "quorums_meet",
    "slot_agreement",
    "validity",
    "votes_on_request",
    "with_quorums",
]
