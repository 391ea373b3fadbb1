"""What must hold of every slot of a log, for the explorer: asked of the messages alone.

    slot_agreement         no slot has two chosen entries
    one_entry_in_a_ballot  a ballot asks for one entry in a slot
    no_hole_is_left        whoever asks for votes in a slot asks for all the slots below it

The first is what counts. The second breaks before it; the third is not a matter of safety: replicas
execute in order, so a hole that nobody fills stops them all.
"""

from __future__ import annotations

from paxos_lab.multipaxos.messages import Accept, Accepted, Entry, entry_text
from paxos_lab.paxos.ballots import Ballot
from paxos_lab.verify.explorer.properties import Nodes, Sent, looks_at, quorums_of


def _asked(sent: Sent) -> dict[tuple[int, Ballot], dict[Entry, None]]:
    """The entries asked for, by slot and ballot."""
    asked: dict[tuple[int, Ballot], dict[Entry, None]] = {}
    for _, message in sent:
        if isinstance(message, Accept):
            asked.setdefault((message.slot, message.ballot), {})[message.entry] = None
    return asked


@looks_at(Accept, Accepted, monotone=True)
def slot_agreement(sent: Sent, nodes: Nodes) -> str | None:
    """No slot has two chosen entries: a quorum of votes in one ballot chooses what that ballot asks for."""
    sent = list(sent)
    voters: dict[tuple[int, Ballot], set[str]] = {}
    for sender, message in sent:
        if isinstance(message, Accepted):
            voters.setdefault((message.slot, message.ballot), set()).add(sender)
    quorums = quorums_of([], nodes)
    won: dict[int, tuple[Ballot, Entry]] = {}
    for (slot, ballot), entries in sorted(_asked(sent).items(), key=lambda item: item[0]):
        if quorums.is_quorum(voters.get((slot, ballot), ()), phase=2):
            for entry in entries:
                first, other = won.setdefault(slot, (ballot, entry))
                if other != entry:
                    return (
                        f"slot_agreement: in slot {slot} {entry_text(other)} is chosen in ballot {first}, "
                        f"and {entry_text(entry)} in ballot {ballot}"
                    )
    return None


@looks_at(Accept, monotone=True)
def one_entry_in_a_ballot(sent: Sent, nodes: Nodes) -> str | None:
    """A ballot asks for one entry in a slot, never for two."""
    for (slot, ballot), entries in _asked(sent).items():
        if len(entries) > 1:
            texts = " and ".join(sorted(map(entry_text, entries)))
            return f"one_entry_in_a_ballot: ballot {ballot} asks for {texts} in slot {slot}"
    return None


@looks_at(Accept)
def no_hole_is_left(sent: Sent, nodes: Nodes) -> str | None:
    """Who asks for votes in a slot asks, in the same ballot, for all the slots below it."""
    slots: dict[Ballot, set[int]] = {}
    for slot, ballot in _asked(sent):
        slots.setdefault(ballot, set()).add(slot)
    for ballot, found in slots.items():
        if missing := set(range(1, max(found))) - found:
            return f"no_hole_is_left: ballot {ballot} asks for slot {max(found)}, and not for slot {min(missing)}"
    return None
