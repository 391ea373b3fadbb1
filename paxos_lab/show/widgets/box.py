"""The box that every widget of the course stands in: keys, a voice, buttons, and what it leaves behind.

In JupyterLab an arrow key in a drop-down or among radio buttons moves on to the next cell, a letter
may insert or cut a cell, and Enter on a button may open a cell for editing. A screen reader reads a
change aloud only in a region that was on the page before. And a widget without its kernel is nothing
but an error message. `LabBox` sees to all three, so that no widget has to think of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets
from IPython.display import display

from paxos_lab.show.draw.picture import Picture
from paxos_lab.words.text import as_text

_HERE = Path(__file__).parent

VIEW = "application/vnd.jupyter.widget-view+json"
AGAIN = "This is how it stood when it was saved. For the buttons, run the cell again."

# A notebook keeps two outputs: the widget, then what it left behind. Of the two one is shown: the second
# one only where the first has nothing to show but the message that its model is gone.
# JupyterLab draws a widget in a panel, and gives the panel a class of its own where the model is gone.
_ONE_OF_TWO = (
    ".jp-OutputArea-child:has(> .lm-Panel.jp-OutputArea-output > *) + .jp-OutputArea-child:has(.paxos-still)"
    "{display:none}"
    ".jp-OutputArea-child:has(> .jupyter-widgets.jp-OutputArea-output):has(+ .jp-OutputArea-child .paxos-still)"
    "{display:none}"
)


class OwnKeys(anywidget.AnyWidget):
    """Put it among the children of a box: what has the focus there gets its keys, and a name where it has none.

    It shows nothing itself. `LabBox` has one.
    """

    _esm = _HERE / "box.js"
    _css = _HERE / "box.css"


class Said(anywidget.AnyWidget):
    """Text that a screen reader reads aloud when it changes; `value` is HTML. Keep it short.

    The region stays on the page and its text is changed: a region that comes with its text is read
    by some readers and not by others.
    """

    _esm = """
    function render({ model, el }) {
      const region = document.createElement("div");
      region.className = "paxos-said";
      region.setAttribute("role", "status");
      region.setAttribute("aria-live", "polite");
      el.append(region);
      const show = () => (region.innerHTML = model.get("value"));
      model.on("change:value", show);
      // Read aloud is what comes after the region is there.
      show();
      return () => model.off("change:value", show);
    }
    export default { render };
    """
    _css = ".paxos-said { line-height: 1.5; max-width: 90ch; } .paxos-said p { margin: 4px 0; }"
    value = traitlets.Unicode("").tag(sync=True)


class Lasting:
    """A widget that leaves something behind for a page without its kernel: say what, in `still`."""

    def still(self) -> dict[str, str]:
        """What a page without a kernel shows: a bundle with "text/plain", and "text/html" if there is more."""
        return {"text/plain": str(self)}

    def _ipython_display_(self) -> None:
        bundle: Any = super()._repr_mimebundle_()  # type: ignore[misc]
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data and VIEW in data:
            display({VIEW: data[VIEW]}, raw=True)
        display(lasting(self.still()), raw=True)


class LabBox(Lasting, widgets.VBox):
    """A column of widgets that keeps its keys and leaves something behind; `put` changes what stands in it."""

    def __init__(self, children: Iterable[Any] = (), **settings: Any) -> None:
        self._own_keys = OwnKeys()
        super().__init__((self._own_keys, *children), **settings)

    def put(self, *children: Any) -> None:
        """Show these in place of what stands there now."""
        self.children = (self._own_keys, *children)


def lasting(bundle: dict[str, str]) -> dict[str, str]:
    """The bundle of a still as it is stored beside its widget: what it says, and how to get the widget."""
    inside = bundle.get("text/html") or (
        f'<pre style="white-space:pre-wrap;font:inherit;margin:0">{escape(bundle["text/plain"])}</pre>'
    )
    html = (
        f'<div class="paxos-still" style="line-height:1.5">{inside}<p><em>{AGAIN}</em></p></div>'
        f"<style>{_ONE_OF_TWO}</style>"
    )
    return {**bundle, "text/html": html}


def button(name: str, tip: str, press: Callable[[], Any]) -> Any:
    """A button as wide as its words; it is never disabled, or whoever goes by keyboard would lose the focus."""
    made = widgets.Button(description=name, tooltip=tip, layout=fitting())
    made.on_click(lambda _button: press())
    return made


def choice(label: str, options: Iterable[Any], **settings: Any) -> Any:
    """A drop-down with its label, as wide as its words."""
    return widgets.Dropdown(
        options=list(options),
        description=label,
        style={"description_width": "initial"},
        layout=fitting(),
        **settings,
    )


def fold(title: str, inside: Any) -> Any:
    """A button that shows and hides a widget; it stays as it is when what is in it changes."""
    inside.layout.display = "none"
    made = widgets.ToggleButton(description=title, tooltip=f"Show or hide: {title}", layout=fitting())

    def turned(change: Any) -> None:
        inside.layout.display = "" if change["new"] else "none"

    made.observe(turned, "value")
    return made


def row(*children: Any) -> Any:
    """Side by side, in as many lines as it takes; a `Label` that stands first is the name of the group."""
    return widgets.HBox(children, layout=widgets.Layout(flex_flow="row wrap"))


def fitting() -> Any:
    """A layout as wide as the words, and no wider than the page."""
    return widgets.Layout(width="auto", max_width="100%")


def prose(html: str) -> str:
    """HTML for `widgets.HTML`, in lines that can be read."""
    return f'<div style="line-height:1.5;max-width:90ch">{html}</div>'


def scrolling(picture: Picture, name: str, least: int = 0) -> str:
    """A picture as HTML that scrolls in its own frame on a narrow page, its caption, and its words to open.

    `name` says what it is. `least`: no narrower than so many CSS pixels.
    """
    svg = picture.svg()
    if least:
        svg = svg.replace("max-width:", f"min-width:{least}px;max-width:", 1)
    return (
        f'<div style="overflow-x:auto;contain:inline-size" tabindex="0" role="group" aria-label="{as_text(name)}">'
        f"{svg}</div><div><i>{as_text(picture.caption)}</i></div>"
    )
