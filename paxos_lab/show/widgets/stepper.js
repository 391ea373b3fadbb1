// The front end of Stepper: shows `view`, sends what was clicked. It knows nothing of Paxos.
// A view may name its `verbs`, left out: all; who or what is `spared` is not crashed. And `first`, the
// step behind which there is no going back.

const PATIENCE = 5000; // milliseconds until a kernel that does not answer is said to be silent
const SPEEDS = { slow: 1600, normal: 800, fast: 250 };

let made = 0; // so that several on one page have different names

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  // Strings become text nodes, so nothing that a learner typed is ever read as markup.
  element.append(...children);
  return element;
}

// A live region is read aloud when it is written to, even if the text is the same.
function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function render({ model, el }) {
  let playing = null;
  let clicks = 0;
  let waiting = false;
  let silence = null;
  let here = null; // the message in flight whose verbs the tab key stops at
  const side = new Set();
  const unfolded = new Set();
  const number = ++made;

  const ask = (message) => {
    waiting = true;
    clearTimeout(silence);
    silence = setTimeout(() => {
      pause();
      problem.classList.add("silent");
      tell(problem, "The kernel does not answer. If it is busy, wait; if it was restarted, run the cell again.");
    }, PATIENCE);
    model.send({ ...message, click: ++clicks }); // raises where the kernel is gone
    root.dataset.asked = clicks;
  };
  // What somebody does ends Play: whoever steps in wants to look.
  const act = (message) => {
    pause();
    ask(message);
  };
  const button = (key, label, message, extra = {}) =>
    make("button", { type: "button", "data-key": key, onclick: () => act(message), ...extra }, label);

  // ---- the parts, made once

  const root = make("section", {
    class: "paxos-stepper",
    tabindex: "0",
    "aria-label": number === 1 ? "Stepper" : `Stepper ${number}`,
    "aria-describedby": `paxos-keys-${number}`,
    "data-lm-suppress-shortcuts": "true", // or JupyterLab would take the arrow keys
  });
  const keys = make("p", { id: `paxos-keys-${number}`, hidden: true },
    "Keys: right arrow forward, left arrow back, space play or pause, home and end. " +
    "Among the messages, arrows up and down go from message to message.");
  const back = button("back", "◀ Back", { do: "back" }, { "aria-label": "Back one step", title: "left arrow" });
  const forward = button("forward", "Forward ▶", { do: "forward" }, { "aria-label": "Forward one step", title: "right arrow" });
  const play = make("button", { type: "button", "data-key": "play", title: "space", onclick: () => (playing ? pause() : start()) }, "Play");
  const speed = make("select", { "aria-label": "Speed" }, ...Object.keys(SPEEDS).map((s) => make("option", { value: s, selected: s === "normal" }, s)));
  const slider = make("input", { type: "range", min: "0", "aria-label": "Jump to step", "data-key": "jump" });
  const where = make("span", { class: "where" });
  const which = make("select", { "aria-label": "Picture", "data-key": "picture" },
    make("option", { value: "space-time" }, "what happened (space-time)"),
    make("option", { value: "cluster" }, "who holds what (cluster)"));
  const both = button("futures", "Both futures", { do: "futures" }, { title: "The future that you left beside the one on screen" });
  const verdict = make("p", { class: "verdict", role: "status" });
  const problem = make("p", { class: "problem", role: "alert" });
  const now = make("p", { class: "now", "aria-live": "polite" });
  const picture = make("div", { class: "picture", tabindex: "0", role: "group", "aria-label": "Picture of the run" });
  const caption = make("p", { class: "caption" });
  const flight = make("div", { class: "flight", role: "group", "aria-label": "Messages in flight" });
  const nodes = make("div", { class: "nodes" });
  const futures = make("div", { class: "futures", role: "group", "aria-label": "Both futures" });
  const narration = make("ol", { class: "narration", "aria-label": "What happened, step by step", tabindex: "0" });
  const oneWay = make("input", { type: "checkbox", "data-key": "one-way" });
  const sides = make("span", { class: "sides" });
  const cutButton = make("button", { type: "button", "data-key": "cut", onclick: () => act({ do: "cut", side: [...side], one_way: oneWay.checked }) }, "Cut");
  const healButton = button("heal", "Heal", { do: "heal" });
  const cutText = make("span", { class: "cut-text" });
  const cutting = make("details", { class: "cutting" }, make("summary", {}, "Cut the network"),
    make("p", {}, "One side of the cut: ", sides),
    make("p", {}, make("label", {}, oneWay, " one way: only messages from that side are held"), " ", cutButton, " ", healButton),
    cutText);
  const form = make("select", { "aria-label": "Form of the export", "data-key": "form" });
  const exported = make("textarea", { readonly: true, rows: "8", "aria-label": "The run as text", hidden: true });

  slider.addEventListener("change", () => act({ do: "jump", step: Number(slider.value) }));
  which.addEventListener("change", () => act({ do: "picture", show: which.value }));
  speed.addEventListener("change", () => playing && (pause(), start()));

  root.append(
    keys,
    make("div", { class: "bar", role: "toolbar", "aria-label": "Time" }, back, forward, play, speed, slider, where, which, both),
    verdict, now, problem,
    make("div", { class: "stage" },
      make("div", { class: "seen" }, picture, caption),
      make("div", { class: "network" }, make("p", { class: "title" }, "In flight: you are the network"), flight)),
    futures,
    cutting,
    make("p", { class: "title" }, "Nodes: what is on disk, what is in memory"), nodes,
    make("details", {}, make("summary", {}, "The run in words"), narration),
    make("details", {}, make("summary", {}, "Export this run"),
      make("p", {}, form, " ", make("button", { type: "button", "data-key": "export", onclick: () => act({ do: "export", form: form.value }) }, "Show as text")),
      exported),
  );
  el.append(root);

  // ---- play and keys

  function start() {
    if (playing || !model.get("view").can_forward) return;
    now.setAttribute("aria-live", "off"); // four sentences a second are noise; the last one is said at the end
    verdict.setAttribute("aria-live", "off");
    playing = setInterval(() => {
      if (!model.get("view").can_forward) pause();
      else if (!waiting) ask({ do: "forward" });
    }, SPEEDS[speed.value]);
    play.textContent = "Pause";
  }
  function pause() {
    if (!playing) return;
    clearInterval(playing);
    playing = null;
    play.textContent = "Play";
    now.setAttribute("aria-live", "polite");
    verdict.setAttribute("aria-live", "polite");
    const last = now.textContent;
    now.textContent = "";
    requestAnimationFrame(() => now.textContent || tell(now, last));
  }
  // Who has scrolled on does not look any more.
  const seen = new IntersectionObserver((entries) => entries.at(-1).isIntersecting || pause());
  seen.observe(root);

  const verb = (key) => key?.replace(/-\d+$/, "");

  // Up and down: the same verb of the message above or below.
  function walk(target, key) {
    const rows = [...flight.querySelectorAll(".message")];
    const at = rows.indexOf(target.closest(".message"));
    const next = rows[at + (key === "ArrowDown" ? 1 : -1)];
    if (!next) return;
    const same = next.querySelector(`[data-key^='${verb(target.dataset.key)}-']:enabled`) ?? next.querySelector("button:enabled");
    if (!same) return;
    stop(next);
    same.focus();
  }

  // One message is a stop of the tab key, or there would be four stops for each.
  function stop(row) {
    here = row?.dataset.id ?? null;
    for (const other of flight.querySelectorAll(".message"))
      for (const one of other.querySelectorAll("button")) one.tabIndex = other === row ? 0 : -1;
  }
  flight.addEventListener("focusin", (event) => stop(event.target.closest(".message")));

  root.addEventListener("keydown", (event) => {
    const typing = ["INPUT", "SELECT", "TEXTAREA", "SUMMARY"].includes(event.target.tagName);
    const onButton = event.target.tagName === "BUTTON";
    const view = model.get("view");
    const keys = {
      ArrowRight: () => view.can_forward && act({ do: "forward" }),
      ArrowLeft: () => view.step > (view.first ?? 0) && act({ do: "back" }),
      Home: () => act({ do: "jump", step: 0 }),
      End: () => act({ do: "jump", step: view.steps }),
      " ": () => (playing ? pause() : start()),
    };
    event.stopPropagation();
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^Arrow(Up|Down)$/.test(event.key) && event.target.closest(".message")) {
      event.preventDefault();
      return walk(event.target, event.key);
    }
    if (!keys[event.key] || event.target === picture) return; // a picture scrolls by the arrow keys
    if (event.key === " " && onButton) return; // space presses the button that has the focus
    event.preventDefault();
    keys[event.key]();
  });

  // ---- showing a view

  function fields(rows) {
    const parts = [];
    let title = null;
    for (const [name, value, changed, where] of rows) {
      if (where !== title) parts.push(make("dt", {}, (title = where)));
      parts.push(make("dd", { class: changed ? "changed" : null }, `${name} = ${value}${changed ? "  (changed)" : ""}`));
    }
    return parts.length ? [make("dl", {}, ...parts)] : [];
  }

  function folded(n) {
    if (!n.folded.length) return [];
    const rest = make("details", { open: unfolded.has(n.name) },
      make("summary", { "data-key": `rest-${n.index}` }, `${n.folded.length} more fields of ${n.shown}`), ...fields(n.folded));
    rest.addEventListener("toggle", () => (rest.open ? unfolded.add(n.name) : unfolded.delete(n.name)));
    return [rest];
  }

  function message(m, can) {
    const crash = { disabled: !!m.waits, title: "delivered and written to disk; then a crash before anything is sent",
      "aria-label": `deliver message ${m.id} and crash the receiver before it sends` };
    return make("div", { class: `message ${m.waits ? "waits" : ""}`, "data-id": m.id, role: "group", "aria-label": `message ${m.id}, ${m.text}` },
      make("span", { class: "text" }, `#${m.id} ${m.text}`, m.waits ? make("em", {}, ` (${m.waits})`) : ""),
      make("span", { class: "verbs" },
        button(`deliver-${m.id}`, "deliver", { do: "deliver", id: m.id }, { disabled: !!m.waits, "aria-label": `deliver message ${m.id}, ${m.text}` }),
        ...(can("drop") ? [button(`drop-${m.id}`, "drop", { do: "drop", id: m.id }, { "aria-label": `drop message ${m.id}` })] : []),
        ...(can("duplicate") ? [button(`duplicate-${m.id}`, "duplicate", { do: "duplicate", id: m.id }, { "aria-label": `duplicate message ${m.id}` })] : []),
        ...(can("crash", m) ? [button(`crash-on-${m.id}`, "+crash", { do: "deliver, then crash", id: m.id }, crash)] : [])));
  }

  function node(n, can) {
    return make("div", { class: `node ${n.up ? "" : "down"}`, "data-node": n.name, role: "group", "aria-label": `${n.shown}, ${n.kind}${n.up ? "" : ", down"}` },
      make("strong", {}, n.shown), make("span", { class: "kind" }, ` ${n.kind}${n.up ? "" : " — DOWN"}`),
      ...fields(n.fields), ...folded(n),
      make("span", { class: "verbs" },
        ...(n.up && can("crash", n) ? [button(`crash-${n.index}`, "crash", { do: "crash", node: n.name }, { "aria-label": `crash ${n.shown}` })] : []),
        ...(!n.up && can("restart") ? [button(`restart-${n.index}`, "restart", { do: "restart", node: n.name }, { "aria-label": `restart ${n.shown}` })] : []),
        ...(n.idle ? [button(`start-${n.index}`, "start", { do: "start", node: n.name }, { "aria-label": `start ${n.shown}` })] : []),
        ...n.timers.map((t) => button(`timeout-${n.index}-${t}`, `time out: ${t}`, { do: "timeout", node: n.name, timer: t }, { "aria-label": `let the timer ${t} of ${n.shown} ring` }))));
  }

  // The names of the columns stay in sight: a copy of the top of the picture lies over it.
  function draw(view) {
    picture.innerHTML = view.svg; // made by Graphviz from escaped labels
    const svg = picture.querySelector("svg");
    if (view.head && svg) {
      const head = svg.cloneNode(true);
      const [x, y, width] = svg.getAttribute("viewBox").split(/[ ,]+/);
      head.setAttribute("viewBox", `${x} ${y} ${width} ${view.head}`);
      head.removeAttribute("height");
      head.removeAttribute("role");
      head.removeAttribute("aria-label");
      head.querySelectorAll("[id]").forEach((e) => e.removeAttribute("id"));
      picture.prepend(make("div", { class: "head", "aria-hidden": "true" }, head));
    }
    toTheNewest();
  }
  function toTheNewest() {
    picture.scrollTop = picture.scrollHeight;
  }
  // What is made while it is hidden has no height yet.
  const sized = new ResizeObserver(toTheNewest);
  sized.observe(picture);

  function show() {
    const view = model.get("view");
    const can = (verb, at = {}) => !view.verbs || (view.verbs.includes(verb) && !at.spared);
    const active = root.contains(document.activeElement) ? document.activeElement : null;
    const focused = active?.dataset.key ?? (active === root ? "" : null);
    const place = [...flight.querySelectorAll(".message")].indexOf(active?.closest(".message"));
    waiting = false;
    clearTimeout(silence);
    problem.classList.remove("silent");
    back.disabled = view.step <= (view.first ?? 0);
    forward.disabled = !view.can_forward;
    play.disabled = !view.can_forward && !playing;
    slider.min = view.first ?? 0;
    slider.max = view.steps;
    slider.value = view.step;
    where.textContent = `step ${view.step} of ${view.steps}`;
    both.hidden = !view.can_compare;
    tell(verdict, view.verdict);
    tell(problem, view.problem);
    tell(now, view.narration.at(-1) ?? "Nothing has happened yet.");
    draw(view);
    caption.textContent = view.caption;
    which.value = view.picture;
    narration.replaceChildren(...view.narration.map((line) => make("li", {}, line.replace(/^\d+\. /, ""))));
    flight.replaceChildren(
      ...(view.flight.length ? [] : [make("p", {}, "No message is in flight.")]),
      ...view.flight.map((m) => message(m, can)));
    const rows = [...flight.querySelectorAll(".message")];
    stop(rows.find((row) => row.dataset.id === here) ?? rows[Math.max(0, Math.min(place, rows.length - 1))]);
    nodes.replaceChildren(...view.nodes.map((n) => node(n, can)));
    if (futures.dataset.shown !== view.futures) {
      futures.innerHTML = view.futures; // made in Python from escaped texts
      futures.dataset.shown = view.futures;
    }
    futures.hidden = !view.futures;

    if (!sides.childElementCount) {
      sides.append(...view.nodes.map((n) => {
        const box = make("input", { type: "checkbox", "data-key": `side-${n.index}` });
        box.addEventListener("change", () => (box.checked ? side.add(n.name) : side.delete(n.name)));
        return make("label", {}, box, ` ${n.shown} `);
      }));
      form.append(...view.exports.map((name) => make("option", { value: name }, name)));
    }
    cutting.hidden = !can("cut");
    healButton.disabled = !view.cut;
    cutText.textContent = view.cut;
    exported.hidden = !view.export;
    exported.value = view.export;

    if (focused != null) focusAgain(focused, place, rows);
    root.dataset.step = view.step;
    root.dataset.answers = view.answers ?? "";
    if (playing && !view.can_forward) pause();
  }

  // The focus stays where the hand is; if that message is gone, on the same verb of the one in its place.
  function focusAgain(key, place, rows) {
    const all = [...root.querySelectorAll("[data-key]")];
    let next = all.find((e) => e.dataset.key === key && !e.disabled && !e.hidden);
    const row = place < 0 ? null : rows[Math.min(place, rows.length - 1)];
    next ??= row?.querySelector(`[data-key^='${verb(key)}-']:enabled`) ?? row?.querySelector("button:enabled");
    // Where a node has crashed it can be restarted, and the other way round.
    next ??= all.find((e) => /^(crash|restart|start)-\d+$/.test(key) && e.dataset.key.endsWith(key.match(/-\d+$/)[0]) && /^(crash|restart)-\d+$/.test(e.dataset.key));
    next ??= key === "back" ? forward : key === "forward" ? back : null;
    (next && !next.disabled ? next : root).focus({ preventScroll: true });
  }

  model.on("change:view", show);
  show();
  return () => {
    clearInterval(playing);
    clearTimeout(silence);
    seen.disconnect();
    sized.disconnect();
    model.off("change:view", show);
  };
}

export default { render };
