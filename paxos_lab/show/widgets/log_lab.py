"""The log under your fingers: let messages arrive, kill a server, bring it back, watch who takes over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from paxos_lab.bus import MessageBus
from paxos_lab.node import LabError
from paxos_lab.show.draw.log_view import log_view, servers_of
from paxos_lab.show.widgets.box import LabBox, Said, button, fold, row, scrolling
from paxos_lab.show.widgets.told import told
from paxos_lab.words.text import as_list, as_text, short

TOLD = 8  # of the steps of one click, the last so many are told
STRIDE, MOST = 20, 400


class LogLab(LabBox):
    """A replicated log with a button for each server; virtual time decides what happens next.

    `bus`: one that keeps a trace and runs servers, as `replicated_log` makes them; it stays yours.
    Where the bus stands is where the lab begins.
    """

    def __init__(self, bus: MessageBus) -> None:
        if not isinstance(bus, MessageBus):
            raise LabError(
                f"LogLab shows a MessageBus, got {short(repr(bus), 60)}: write LogLab(MessageBus(...))"
            )
        if not servers_of(bus):
            raise LabError("LogLab needs servers of a log: build the nodes with replicated_log(...)")
        self.bus = bus
        self._begin = len(bus.trace)  # raises, with the reason, if this bus keeps no trace
        self._undo: list[int] = []
        self._kill = {
            server.name: button("", "Kill it, or bring it back with its disk", self._toggler(server.name))
            for server in servers_of(bus)
        }
        self.step_button = button("Next step", "What virtual time brings next", lambda: self.run(1))
        self.run_button = button(f"{STRIDE} steps", f"The next {STRIDE} steps", lambda: self.run(STRIDE))
        self.quiet_button = button(
            "Until all is answered",
            f"Every client has its answers, or {MOST} steps have gone by",
            self.run_until_quiet,
        )
        self.lose_button = button(
            "Lose the oldest Accepts",
            "The network loses the Accepts under way for the lowest slot",
            self.lose,
        )
        self.undo_button = button("Undo", "Take back what the last press did", self.undo)
        self.again_button = button("From the start", "Back to where the lab began", self.restart)
        self.status, self.told, self.picture, self.words = (
            Said(),
            widgets.HTML(),
            widgets.HTML(),
            widgets.HTML(),
        )
        time = (self.step_button, self.run_button, self.quiet_button, self.undo_button, self.again_button)
        faults = (*self._kill.values(), self.lose_button)
        super().__init__(
            [
                row(*time),
                row(*faults),
                self.status,
                self.told,
                self.picture,
                row(fold("The log in words", self.words)),
                self.words,
            ]
        )
        self._show()

    def _toggler(self, name: str) -> Callable[[], None]:
        return lambda: self.toggle(name)

    # ---- what a click does

    def run(self, steps: int) -> None:
        """Let that many steps happen, fewer if nothing is left to happen."""
        self._do(lambda: self.bus.run(max_steps=steps))

    def run_until_quiet(self) -> None:
        """Go on until every client that is up has its answers, for 400 steps at most."""
        self._do(lambda: self.bus.run(until=lambda _: not self._waiting(), max_steps=MOST), self._gave_up)

    def _waiting(self) -> list[Any]:
        """The clients that are up and have not all their answers."""
        clients: list[Any] = [node for node in self.bus if hasattr(node, "done")]
        return [client for client in clients if not client.done and client.name not in self.bus.down]

    def _gave_up(self) -> str:
        """Why some client still waits, "" if none does."""
        if not self._waiting():
            return ""
        servers = [server.name for server in servers_of(self.bus)]
        up = [name for name in servers if name not in self.bus.down]
        why = "Press again to go on."
        if 2 * len(up) <= len(servers):
            why = f"{len(up)} of {len(servers)} servers are up: no majority, so nothing can be chosen. Restart one."
        elif self.bus.upcoming() is None:
            why = "Nothing is left to happen by itself."
        return f"Stopped after {MOST} steps, and not all is answered. {why}"

    def toggle(self, name: str) -> None:
        """Kill a server, or bring it back with what is on its disk."""
        self._do(lambda: self.bus.restart(name) if name in self.bus.down else self.bus.crash(name))

    def lose(self) -> None:
        """Lose every Accept under way for the lowest slot: if its leader dies now, that slot is a hole."""
        under_way: list[Any] = [e for e in self.bus.in_flight if type(e.message).__name__ == "Accept"]
        if not under_way:
            self._show("No Accept is under way: go on a few steps, and try again.")
            return
        lowest = min(e.message.slot for e in under_way)
        self._do(lambda: [self.bus.drop(e) for e in under_way if e.message.slot == lowest])

    def undo(self) -> None:
        """Take back what the last click did."""
        if self._undo:
            self.bus.rewind(self._undo.pop())
            self._show("Taken back.")
        else:
            self._show("There is nothing to take back.")

    def restart(self) -> None:
        """Go back to where the lab began."""
        self.bus.rewind(self._begin)
        self._undo.clear()
        self._show("Back at the start.")

    def _do(self, act: Callable[[], Any], end: Callable[[], str] = lambda: "") -> None:
        before = len(self.bus.trace)
        act()
        made = len(self.bus.trace) - before
        if made:
            self._undo.append(before)
            sentences = list(told(self.bus.trace, since=before))
            more = [f"{made - TOLD} more steps, and then:"] if made > TOLD else []
            self._show(end(), *more, *sentences[-TOLD:])
        else:
            self._show("Nothing is left to happen by itself.")

    # ---- what is on screen

    @property
    def leaders(self) -> list[str]:
        """The servers that are up and take themselves for the leader."""
        down = self.bus.down
        return [
            s.name for s in servers_of(self.bus) if getattr(s, "role", "") == "leader" and s.name not in down
        ]

    def headline(self) -> str:
        """Who leads, how far time is, and how many answers are still due."""
        leads = " and ".join(self.leaders)
        who = f"{leads} lead{'s' * (len(self.leaders) == 1)}" if leads else "nobody leads"
        waiting = sum(not node.done for node in self.bus if hasattr(node, "done"))
        clients = (
            f"{waiting} client{'s' * (waiting != 1)} still wait{'s' * (waiting == 1)}"
            if waiting
            else "every client has its answers"
        )
        return f"Time {self.bus.now:.0f}, step {len(self.bus.trace)}: {who}; {clients}."

    def _show(self, *lines: str) -> None:
        for name, press in self._kill.items():
            press.description = f"{'Restart' if name in self.bus.down else 'Kill'} {short(name, 20)}"
        first, *rest = [line for line in lines if line] or [""]
        self.status.value = f"<b>{as_text(self.headline())}</b> {as_text(first)}"
        self.told.value = "".join(f"<div>{as_text(short(line, 300))}</div>" for line in rest)
        view = log_view(self.bus)
        self.picture.value = scrolling(view, "The log")
        self.words.value = as_list("ul", view.alt.splitlines())

    def __repr__(self) -> str:
        return f"<LogLab: {self.headline()}>"

    def still(self) -> dict[str, str]:
        """The log as it is now."""
        return log_view(self.bus).still(f"Log lab. {self.headline()}")
