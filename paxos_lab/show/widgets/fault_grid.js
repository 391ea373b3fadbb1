// The front end of FaultGrid: two tables of buttons; sends which cell was pressed.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  // Strings become text nodes, so nothing that a learner typed is ever read as markup.
  element.append(...children);
  return element;
}

let made = 0; // so that the ids of several grids on one page differ

function render({ model, el }) {
  const view = model.get("view");
  const here = ++made;
  const root = make("section", {
    class: "paxos-fault-grid",
    "aria-label": "Fault grid. Arrow keys move from cell to cell, enter opens the run of a cell below.",
    "data-lm-suppress-shortcuts": "true", // or JupyterLab would take the arrow keys
  });
  const said = make("p", { class: "said", role: "status" });
  const panels = [];
  const tabs = [];

  function show(which) {
    panels.forEach((panel, i) => (panel.hidden = i !== which));
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", i === which ? "true" : "false");
      tab.tabIndex = i === which ? 0 : -1;
    });
  }

  view.tabs.forEach((tab, number) => {
    const ids = { tab: `paxos-tab-${here}-${number}`, panel: `paxos-panel-${here}-${number}` };
    const choose = make("button", { type: "button", role: "tab", id: ids.tab, "aria-controls": ids.panel, "data-tab": number }, tab.title);
    choose.addEventListener("click", () => show(number));
    tabs.push(choose);

    const head = make("tr", { role: "row" },
      make("th", { scope: "col", role: "columnheader" }, tab.what),
      ...tab.columns.map(([name, how]) => make("th", { scope: "col", role: "columnheader" }, name, make("small", {}, how))));
    const rows = tab.rows.map((row) => make("tr", { role: "row" },
      make("th", { scope: "row", role: "rowheader" }, row.label),
      ...row.cells.map((cell) => make("td", { role: "gridcell" },
        make("button", { type: "button", class: `outcome${cell.kind}`, "data-cell": cell.index, "aria-label": cell.aria, tabindex: "-1" },
          make("b", { "aria-hidden": "true" }, cell.sign), ` ${cell.words}`, ...(cell.cost ? [make("small", {}, cell.cost)] : []))))));
    const body = make("tbody", {}, ...rows);
    // Arrow keys move inside the grid, so it is one stop of the tab key.
    const first = body.querySelector("button");
    if (first) first.tabIndex = 0;
    // A count is a way to the cells that it counts.
    const counts = tab.counts.map((count) => {
      const jump = make("button", { type: "button", class: "count", "data-kind": count.kind, title: "Go to the next one" }, count.words);
      jump.addEventListener("click", () => goTo(body, count.kind));
      return jump;
    });
    panels.push(make("div", { role: "tabpanel", id: ids.panel, "aria-labelledby": ids.tab, class: "panel" },
      make("p", { class: "summary" }, `${tab.summary}: `, ...counts),
      make("div", { class: "scroll" },
        make("table", { role: "grid", "aria-label": tab.summary }, make("thead", {}, head), body))));
  });

  function goTo(body, kind) {
    const cells = [...body.querySelectorAll(`button.outcome${kind}`)];
    const at = cells.findIndex((cell) => cell.tabIndex === 0 && cell.dataset.visited === "true");
    const next = cells[(at + 1) % cells.length];
    body.querySelectorAll("button").forEach((b) => {
      b.tabIndex = b === next ? 0 : -1;
      b.dataset.visited = String(b === next);
    });
    next.scrollIntoView({ block: "nearest" });
    next.focus({ preventScroll: true });
  }

  function move(button, key) {
    const cells = [...button.closest("tr").querySelectorAll("button")];
    const lines = [...button.closest("tbody").rows];
    const column = cells.indexOf(button);
    const line = lines.indexOf(button.closest("tr"));
    const at = (r, c) => lines[r]?.querySelectorAll("button")[c];
    const target = {
      ArrowRight: at(line, column + 1), ArrowLeft: at(line, column - 1),
      ArrowDown: at(line + 1, column), ArrowUp: at(line - 1, column),
      Home: at(0, column), End: at(lines.length - 1, column),
    }[key];
    if (!target) return;
    button.tabIndex = -1;
    target.tabIndex = 0;
    target.focus();
  }

  root.addEventListener("keydown", (event) => {
    const moves = ["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "Home", "End"].includes(event.key);
    event.stopPropagation();
    if (!moves || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.dataset.cell != null) {
      event.preventDefault();
      move(event.target, event.key);
    } else if (event.target.dataset.tab != null && /Right|Left/.test(event.key)) {
      event.preventDefault();
      const next = (tabs.indexOf(event.target) + (event.key === "ArrowRight" ? 1 : tabs.length - 1)) % tabs.length;
      show(next);
      tabs[next].focus();
    }
  });

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-cell]");
    if (!button) return;
    button.closest("tbody").querySelectorAll("button").forEach((b) => (b.tabIndex = b === button ? 0 : -1));
    before = root.closest(".widget-vbox")?.querySelector(".paxos-stepper");
    model.send({ do: "open", cell: Number(button.dataset.cell) });
  });

  // The run opens below, often out of sight: bring it in, once it is there. The focus stays in the grid.
  let before = null;
  function bringIn() {
    const until = performance.now() + 3000;
    const look = () => {
      const run = root.closest(".widget-vbox")?.querySelector(".paxos-stepper");
      if (run && run !== before) run.querySelector(".stage").scrollIntoView({ block: "nearest" });
      else if (performance.now() < until) requestAnimationFrame(look);
    };
    look();
  }

  function opened() {
    bringIn();
    mark();
  }

  function mark() {
    const opened = model.get("opened");
    root.querySelectorAll("[aria-current]").forEach((b) => b.removeAttribute("aria-current"));
    const button = opened.cell == null ? null : root.querySelector(`button[data-cell='${opened.cell}']`);
    if (button) button.setAttribute("aria-current", "true");
    said.textContent = opened.words ?? "Press a cell: its run opens below, standing at the fault.";
    root.dataset.opened = opened.cell ?? "";
  }

  root.append(
    make("p", { class: "base" }, view.base),
    make("div", { class: "tabs", role: "tablist", "aria-label": "Kind of fault" }, ...tabs),
    ...panels,
    said);
  el.append(root);
  show(0);
  mark();
  model.on("change:opened", opened);
  return () => model.off("change:opened", opened);
}

export default { render };
