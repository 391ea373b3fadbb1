"""The log under your fingers: let messages arrive, kill a server, bring it back, watch who takes over."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from paxos_lab.bus import MessageBus
from paxos_lab.node import LabError
from paxos_lab.show.draw.log_view import log_view, servers_of
from paxos_lab.show.widgets.box import OwnKeys
from paxos_lab.words.narration import narrate
from paxos_lab.words.text import short

TOLD = 8  # of the steps of one click, the last so many are told
STRIDE, MOST = 20, 400


class LogLab(widgets.VBox):
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
        self._kill = {server.name: self._button("", self._toggler(server.name)) for server in servers_of(bus)}
        self.step_button = self._button("Next step", lambda: self.run(1))
        self.run_button = self._button(f"{STRIDE} steps", lambda: self.run(STRIDE))
        self.quiet_button = self._button("Until all is answered", self.run_until_quiet)
        self.undo_button = self._button("Undo", self.undo)
        self.again_button = self._button("From the start", self.restart)
        self.status, self.picture = widgets.HTML(), widgets.HTML()
        row = widgets.Layout(flex_flow="row wrap")
        super().__init__(
            [
                OwnKeys(),
                widgets.HBox(
                    [
                        self.step_button,
                        self.run_button,
                        self.quiet_button,
                        self.undo_button,
                        self.again_button,
                    ],
                    layout=row,
                ),
                widgets.HBox(list(self._kill.values()), layout=row),
                self.status,
                self.picture,
            ]
        )
        self._show("")

    @staticmethod
    def _button(words: str, press: Callable[[], None]) -> Any:
        button = widgets.Button(description=words, layout=widgets.Layout(width="auto"))
        button.on_click(lambda _button: press())
        return button

    def _toggler(self, name: str) -> Callable[[], None]:
        return lambda: self.toggle(name)

    # ---- what a click does

    def run(self, steps: int) -> None:
        """Let that many steps happen, fewer if nothing is left to happen."""
        self._do(lambda: self.bus.run(max_steps=steps))

    def run_until_quiet(self) -> None:
        """Go on until every client that is up has its answers, for 400 steps at most."""
        clients: list[Any] = [node for node in self.bus if hasattr(node, "done")]
        self._do(lambda: self.bus.run(until=lambda _: all(client.done for client in clients), max_steps=MOST))

    def toggle(self, name: str) -> None:
        """Kill a server, or bring it back with what is on its disk."""
        self._do(lambda: self.bus.restart(name) if name in self.bus.down else self.bus.crash(name))

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

    def _do(self, act: Callable[[], Any]) -> None:
        before = len(self.bus.trace)
        act()
        made = len(self.bus.trace) - before
        if made:
            self._undo.append(before)
            told = [narrate(step) for step in self.bus.trace[-min(made, TOLD) :]]
            more = f"{made - TOLD} steps, and then: " if made > TOLD else ""
            self._show(more, *told)
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

    def _show(self, *told: str) -> None:
        for name, button in self._kill.items():
            button.description = f"{'Restart' if name in self.bus.down else 'Kill'} {short(name, 20)}"
        lines = "".join(f"<div>{escape(short(line, 300))}</div>" for line in told if line)
        self.status.value = f'<div role="status" aria-live="polite" style="line-height:1.5"><b>{escape(self.headline())}</b>{lines}</div>'
        view = log_view(self.bus)
        wide = view.svg().replace("max-width:", "min-width:560px;max-width:", 1)  # a narrow page scrolls
        words = "".join(f"<li>{escape(line)}</li>" for line in view.alt.splitlines())
        self.picture.value = (
            f'<div style="overflow-x:auto;contain:inline-size" tabindex="0" role="group" aria-label="The log">'
            f"{wide}</div><div><i>{escape(view.caption)}</i></div>"
            f"<details><summary>The log in words</summary><ul>{words}</ul></details>"
        )

    def __repr__(self) -> str:
        return f"<LogLab: {self.headline()}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget and, for pages without a kernel, the log as it is now."""
        return {
            **super()._repr_mimebundle_(**kwargs),
            **log_view(self.bus).still(f"Log lab. {self.headline()}"),
        }
