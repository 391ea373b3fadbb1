// The front end of Stepper: shows `view`, sends what was clicked. It knows nothing of Paxos.
// A view may name its `verbs`, left out: all; who or what is `spared` is not crashed. And `first`, the
// step behind which there is no going back.

const SPEEDS = { slow: 1600, normal: 800, fast: 250 };

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

function render({ model, el }) {
  let playing = null;
  let clicks = 0;
  let waiting = false;
  const side = new Set();

  const ask = (message) => {
    waiting = true;
    model.send({ ...message, click: ++clicks });
  };
  const button = (key, label, message, extra = {}) =>
    make("button", { type: "button", "data-key": key, onclick: () => ask(message), ...extra }, label);

  // ---- the parts, made once

  const root = make("section", {
    class: "paxos-stepper",
    tabindex: "0",
    "aria-label": "Stepper. Keys: right arrow forward, left arrow back, space play or pause, home and end.",
    "data-lm-suppress-shortcuts": "true", // or JupyterLab would take the arrow keys
  });
  const back = button("back", "◀ Back", { do: "back" }, { "aria-label": "Back one step", title: "left arrow" });
  const forward = button("forward", "Forward ▶", { do: "forward" }, { "aria-label": "Forward one step", title: "right arrow" });
  const play = make("button", { type: "button", "data-key": "play", title: "space", onclick: () => (playing ? pause() : start()) }, "Play");
  const speed = make("select", { "aria-label": "Speed" }, ...Object.keys(SPEEDS).map((s) => make("option", { value: s, selected: s === "normal" }, s)));
  const slider = make("input", { type: "range", min: "0", "aria-label": "Jump to step", "data-key": "jump" });
  const where = make("output", { class: "where" });
  const verdict = make("p", { class: "verdict", role: "status" });
  const problem = make("p", { class: "problem", role: "alert" });
  const narration = make("ol", { class: "narration", "aria-label": "What happened, step by step", tabindex: "0" });
  const now = make("p", { class: "now", "aria-live": "polite" });
  const picture = make("div", { class: "picture", tabindex: "0", "aria-label": "Picture of the run" });
  const caption = make("p", { class: "caption" });
  const flight = make("div", { class: "flight" });
  const nodes = make("div", { class: "nodes" });
  const which = make("select", { "aria-label": "Picture", "data-key": "picture" },
    make("option", { value: "space-time" }, "what happened (space-time)"),
    make("option", { value: "cluster" }, "who holds what (cluster)"));
  const oneWay = make("input", { type: "checkbox", "data-key": "one-way" });
  const sides = make("span", { class: "sides" });
  const cutButton = make("button", { type: "button", "data-key": "cut", onclick: () => ask({ do: "cut", side: [...side], one_way: oneWay.checked }) }, "Cut");
  const healButton = button("heal", "Heal", { do: "heal" });
  const cutText = make("span", { class: "cut-text" });
  const cutting = make("details", { class: "cutting" }, make("summary", {}, "Cut the network"),
    make("p", {}, "One side of the cut: ", sides),
    make("p", {}, make("label", {}, oneWay, " one way: only messages from that side are held"), " ", cutButton, " ", healButton),
    cutText);
  const form = make("select", { "aria-label": "Form of the export", "data-key": "form" });
  const exported = make("textarea", { readonly: true, rows: "8", "aria-label": "The run as text", hidden: true });

  slider.addEventListener("change", () => ask({ do: "jump", step: Number(slider.value) }));
  which.addEventListener("change", () => ask({ do: "picture", show: which.value }));
  speed.addEventListener("change", () => playing && (pause(), start()));

  root.append(
    make("div", { class: "bar", role: "toolbar", "aria-label": "Time" }, back, forward, play, speed, slider, where),
    verdict, now, problem,
    make("div", { class: "bar" }, make("label", {}, "Picture ", which)),
    picture, caption,
    make("h4", {}, "Messages in flight: you are the network"), flight,
    cutting,
    make("h4", {}, "Nodes: what is on disk, what is in memory"), nodes,
    make("details", {}, make("summary", {}, "The run in words"), narration),
    make("details", {}, make("summary", {}, "Export this run"),
      make("p", {}, form, " ", make("button", { type: "button", "data-key": "export", onclick: () => ask({ do: "export", form: form.value }) }, "Show as text")),
      exported),
  );
  el.append(root);

  // ---- play and keys

  function start() {
    if (playing || !model.get("view").can_forward) return;
    playing = setInterval(() => {
      if (!model.get("view").can_forward) pause();
      else if (!waiting) ask({ do: "forward" });
    }, SPEEDS[speed.value]);
    play.textContent = "Pause";
  }
  function pause() {
    clearInterval(playing);
    playing = null;
    play.textContent = "Play";
  }

  root.addEventListener("keydown", (event) => {
    const typing = ["INPUT", "SELECT", "TEXTAREA", "SUMMARY"].includes(event.target.tagName);
    const onButton = event.target.tagName === "BUTTON";
    const view = model.get("view");
    const keys = {
      ArrowRight: () => view.can_forward && ask({ do: "forward" }),
      ArrowLeft: () => view.step > (view.first ?? 0) && ask({ do: "back" }),
      Home: () => ask({ do: "jump", step: 0 }),
      End: () => ask({ do: "jump", step: view.steps }),
      " ": () => (playing ? pause() : start()),
    };
    event.stopPropagation();
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    if (event.key === " " && onButton) return; // space presses the button that has the focus
    event.preventDefault();
    keys[event.key]();
  });

  // ---- showing a view

  function fields(title, rows) {
    return rows.length === 0 ? [] : [
      make("dt", {}, title),
      ...rows.map(([name, value, changed]) =>
        make("dd", { class: changed ? "changed" : null }, `${name} = ${value}${changed ? "  (changed)" : ""}`)),
    ];
  }

  function show() {
    const view = model.get("view");
    const can = (verb, at = {}) => !view.verbs || (view.verbs.includes(verb) && !at.spared);
    const focused = root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    waiting = false;
    back.disabled = view.step <= (view.first ?? 0);
    forward.disabled = !view.can_forward;
    play.disabled = !view.can_forward && !playing;
    slider.min = view.first ?? 0;
    slider.max = view.steps;
    slider.value = view.step;
    where.textContent = `step ${view.step} of ${view.steps}`;
    verdict.textContent = view.verdict;
    problem.textContent = view.problem;
    now.textContent = view.narration.at(-1) ?? "Nothing has happened yet.";
    picture.innerHTML = view.svg; // made by Graphviz from escaped labels
    picture.scrollTop = picture.scrollHeight;
    caption.textContent = view.caption;
    which.value = view.picture;
    narration.replaceChildren(...view.narration.map((line) => make("li", {}, line.replace(/^\d+\. /, ""))));

    flight.replaceChildren(
      ...(view.flight.length ? [] : [make("p", {}, "No message is in flight.")]),
      ...view.flight.map((m) => make("div", { class: `message ${m.waits ? "waits" : ""}`, role: "group", "aria-label": `message ${m.id}, ${m.text}` },
        make("span", { class: "text" }, `#${m.id} ${m.text}`, m.waits ? make("em", {}, ` (${m.waits})`) : ""),
        make("span", { class: "verbs" },
          button(`deliver-${m.id}`, "deliver", { do: "deliver", id: m.id }, { disabled: !!m.waits, "aria-label": `deliver message ${m.id}` }),
          ...(can("drop") ? [button(`drop-${m.id}`, "drop", { do: "drop", id: m.id }, { "aria-label": `drop message ${m.id}` })] : []),
          ...(can("duplicate") ? [button(`duplicate-${m.id}`, "duplicate", { do: "duplicate", id: m.id }, { "aria-label": `duplicate message ${m.id}` })] : []),
          ...(can("crash", m) ? [button(`crash-on-${m.id}`, "+crash", { do: "deliver, then crash", id: m.id }, { disabled: !!m.waits, title: "delivered and written to disk; then a crash before anything is sent", "aria-label": `deliver message ${m.id} and crash the receiver before it sends` })] : [])))));

    nodes.replaceChildren(...view.nodes.map((n) => make("div", { class: `node ${n.up ? "" : "down"}`, "data-node": n.name, role: "group", "aria-label": `${n.shown}, ${n.kind}${n.up ? "" : ", down"}` },
      make("strong", {}, n.shown), make("span", { class: "kind" }, ` ${n.kind}${n.up ? "" : " — DOWN"}`),
      make("dl", {}, ...fields("on disk", n.disk), ...fields("in memory", n.memory)),
      make("span", { class: "verbs" },
        ...(n.up && can("crash", n) ? [button(`crash-${n.index}`, "crash", { do: "crash", node: n.name }, { "aria-label": `crash ${n.shown}` })] : []),
        ...(!n.up && can("restart") ? [button(`restart-${n.index}`, "restart", { do: "restart", node: n.name }, { "aria-label": `restart ${n.shown}` })] : []),
        ...(n.idle ? [button(`start-${n.index}`, "start", { do: "start", node: n.name }, { "aria-label": `start ${n.shown}` })] : []),
        ...n.timers.map((t) => button(`timeout-${n.index}-${t}`, `time out: ${t}`, { do: "timeout", node: n.name, timer: t }, { "aria-label": `let the timer ${t} of ${n.shown} ring` }))))));

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

    if (focused != null) {
      const again = [...root.querySelectorAll("[data-key]")].find((e) => e.dataset.key === focused && !e.disabled);
      (again ?? root).focus({ preventScroll: true });
    }
    root.dataset.step = view.step;
    root.dataset.answers = view.answers ?? "";
    if (playing && !view.can_forward) pause();
  }

  model.on("change:view", show);
  show();
  return () => {
    clearInterval(playing);
    model.off("change:view", show);
  };
}

export default { render };
