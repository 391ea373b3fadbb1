"""Keys that stay with the control that has the focus.

In JupyterLab an arrow key in a drop-down or among radio buttons moves on to the next cell, a letter
may insert or cut a cell, and Enter on a button may open a cell for editing: notebook shortcuts come
first wherever one cannot write. An attribute tells JupyterLab to keep out; it looks for it on the
very element that has the focus.
"""

from __future__ import annotations

import anywidget


class OwnKeys(anywidget.AnyWidget):
    """Put it among the children of a box: buttons, drop-downs and what scrolls there get their keys.

    It shows nothing itself.
    """

    _esm = """
    function keep(event) {
      if (event.target.matches("button, select, input, [tabindex]")) event.target.dataset.lmSuppressShortcuts = "true";
    }
    function render({ el }) {
      el.style.display = "none";
      let frame, box;
      const begin = () => {
        box = el.closest(".widget-box");
        if (box) box.addEventListener("focusin", keep);
        else frame = requestAnimationFrame(begin); // not in the page yet
      };
      begin();
      return () => {
        cancelAnimationFrame(frame);
        box?.removeEventListener("focusin", keep);
      };
    }
    export default { render };
    """
