// What every box of the course needs of the page: keys that stay with what has the focus, and names
// and states that a screen reader can say. It shows nothing itself.

// JupyterLab takes keys for its shortcuts unless the very element that has the focus says this.
function keep(event) {
  if (event.target.matches("button, select, input, summary, a, [tabindex], [contenteditable]"))
    event.target.dataset.lmSuppressShortcuts = "true";
}

let groups = 0;

function name(box) {
  for (const button of box.querySelectorAll(".widget-toggle-button"))
    set(button, "aria-pressed", String(button.classList.contains("mod-active")));
  for (const label of box.querySelectorAll(".widget-hbox > .widget-label:first-child")) {
    set(label.parentElement, "role", "group");
    set(label.parentElement, "aria-label", label.textContent);
  }
  for (const slider of box.querySelectorAll(".widget-slider")) {
    const label = slider.querySelector(".widget-label")?.textContent ?? "";
    for (const handle of slider.querySelectorAll("[role=slider]")) set(handle, "aria-label", label);
    const readout = slider.querySelector(".widget-readout");
    if (readout) {
      set(readout, "role", "textbox");
      set(readout, "aria-label", `${label} as a number`);
    }
  }
  for (const radio of box.querySelectorAll(".widget-radio")) {
    const group = radio.querySelector(".widget-radio-box") ?? radio;
    set(group, "role", "radiogroup");
    set(group, "aria-label", radio.querySelector(".widget-label")?.textContent ?? "");
    group.dataset.group ??= `paxos-group-${++groups}`;
    // One name: the arrow keys go from option to option, and the tab key past all of them.
    for (const input of radio.querySelectorAll("input[type=radio]")) set(input, "name", group.dataset.group);
  }
}

function set(element, attribute, value) {
  if (element.getAttribute(attribute) !== value) element.setAttribute(attribute, value);
}

function render({ el }) {
  el.style.display = "none";
  let frame, box;
  const watch = new MutationObserver(() => name(box));
  const begin = () => {
    box = el.closest(".widget-box");
    if (!box) return (frame = requestAnimationFrame(begin)); // not in the page yet
    box.classList.add("paxos-box");
    box.addEventListener("focusin", keep);
    watch.observe(box, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] });
    name(box);
  };
  begin();
  return () => {
    cancelAnimationFrame(frame);
    watch.disconnect();
    box?.removeEventListener("focusin", keep);
  };
}
export default { render };
