// Brings a recorded walk to life inside the element `key`, in place of its still image.
//
// rules   gate -> function of operands and parameters: {value, slopes, failure}
// packed  base64 of gzipped JSON: the nodes in topological order, the views, the sentences
//
// All text reaches the page as text, never as markup. Nothing is fetched.

async function walk(key, rules, packed) {
  const box = document.getElementById(key);
  if (!box || typeof DecompressionStream === "undefined") return;
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = JSON.parse(await new Response(stream).text());
  const { gates, inputs, forms, sentences } = data;
  const unnamed = new Set(data.unnamed); // constants: their number is their name
  const names = data.names.slice();
  const constants = data.constants.map((row) => row.map(Number));
  const given = { values: data.data.map(Number), locals: data.locals.map((row) => row.map(Number)) };
  let now = given; // the numbers shown: those of the engine until a leaf is changed
  const last = names.length - 1;
  const uses = names.map(() => 0);
  inputs.forEach((row) => row.forEach((i) => uses[i]++));
  const isLeaf = (i) => inputs[i].length === 0;

  // -------------------------------------------------------------- the steps

  const steps = [{ phase: "start" }];
  for (let i = 0; i <= last; i++) if (!isLeaf(i)) steps.push({ phase: "forward", gate: i });
  steps.push({ phase: "seed", gate: last });
  for (let i = last; i >= 0; i--) {
    inputs[i].forEach((input, operand) => steps.push({ phase: "backward", gate: i, input, operand }));
  }

  /** All numbers after step m: what is computed, each gradient so far, each wire's contribution. */
  function stateAfter(m) {
    const state = {
      known: names.map((_, i) => isLeaf(i)), grads: new Map(), flows: new Map(), paths: new Map(),
    };
    for (let k = 1; k <= m; k++) apply(state, steps[k]);
    return state;
  }

  function apply(state, step) {
    if (step.phase === "forward") state.known[step.gate] = true;
    if (step.phase === "seed") state.grads.set(last, 1);
    if (step.phase !== "backward") return;
    const { gate, input, operand } = step;
    step.upstream = state.grads.get(gate);
    step.local = now.locals[gate][operand];
    step.contribution = step.upstream * step.local;
    step.before = state.grads.get(input) ?? 0;
    step.after = step.before + step.contribution;
    step.path = (state.paths.get(input) ?? 0) + 1;
    state.paths.set(input, step.path);
    state.grads.set(input, step.after);
    state.flows.set(`n${input}-n${gate}-${operand}`, step.contribution);
  }

  /** Values and local gradients from new leaves, by the gates' own rules. */
  function compute(leaves) {
    const values = given.values.slice(), locals = [];
    let failure = "";
    for (const [i, x] of leaves) values[i] = x;
    for (let i = 0; i <= last; i++) {
      locals.push([]);
      if (isLeaf(i)) continue;
      const result = rules[gates[i]](...inputs[i].map((k) => values[k]), ...constants[i]);
      values[i] = Number(result.value);
      locals[i] = result.slopes.map(Number);
      if (result.failure && !failure) {
        failure = `${gates[i]}: ${formula(i, "value", "number", values)}: ${result.failure}`;
      }
    }
    for (const i of unnamed) names[i] = short(values[i]);
    return { values, locals, failure };
  }

  // -------------------------------------------------------------- words and numbers

  function short(x) {
    if (!Number.isFinite(x)) return String(x).replace("Infinity", "inf").replace("NaN", "nan");
    if (x === 0) return Object.is(x, -0) ? "-0" : "0";
    const rounded = Number(x.toPrecision(4)), size = Math.abs(rounded);
    return size < 1e-4 || size >= 1e4 ? rounded.toExponential().replace("e+", "e") : String(rounded);
  }

  function number(x) {
    if (!Number.isFinite(x)) return short(x);
    const size = Math.abs(x);
    if (size === 0 || (size >= 0.01 && size < 1e5)) return x.toFixed(2);
    return x.toExponential(1).replace("e+", "e");
  }

  const say = (kind, parts) => sentences[kind].replace(/\{(\w+)\}/g, (_, name) => parts[name]);
  const times = (n) => (n === 2 ? "twice" : `${n} times`);
  function nth(n) {
    const last = Math.floor(n / 10) % 10 === 1 ? 0 : n % 10;
    return sentences.ordinals[n - 1] ?? n + (["th", "st", "nd", "rd"][last] ?? "th");
  }

  /** A formula of gate i with names, or with numbers, put in. */
  function formula(i, which, kind, values = now.values) {
    const form = forms[gates[i]];
    const template = which === "value" ? form.value : form.slopes[which];
    const show = (k) => (kind === "name" ? names[k] : short(values[k]));
    const parts = { y: show(i) };
    form.operands.forEach((operand, n) => (parts[operand] = show(inputs[i][n])));
    form.parameters.forEach((parameter, n) => (parts[parameter] = short(constants[i][n])));
    return template.replace(/<(\w+)>/g, (match, name) =>
      match === template || !parts[name].startsWith("-") ? parts[name] : `(${parts[name]})`);
  }

  /** What step m says: a sentence, and the formula of the derivative. */
  function words(step) {
    if (step.phase === "start") return [sentences.start, ""];
    const result = names[step.gate];
    if (step.phase === "seed") return [say("seed", { result, after: "1" }), ""];
    if (step.phase === "forward") {
      const symbols = formula(step.gate, "value", "name");
      const numbers = formula(step.gate, "value", "number");
      const value = short(now.values[step.gate]);
      const kind = symbols === numbers ? "forward" : "forward_long";
      return [say(kind, { result, symbols, numbers, value }), ""];
    }
    const parts = { input: names[step.input], result, times: times(uses[step.input]), ordinal: nth(step.path) };
    for (const field of ["upstream", "local", "contribution", "before", "after"]) parts[field] = short(step[field]);
    const kind = uses[step.input] < 2 ? "once" : step.path === 1 ? "fork_first" : "fork_next";
    const told = [formula(step.gate, step.operand, "name"), formula(step.gate, step.operand, "number"), parts.local];
    parts.formula = [...new Set(told)].join(" = ");
    const toldAs = (constant) =>
      unnamed.has(step.input) ? { ...parts, input: say(constant, { number: parts.input }) } : parts;
    return [say(kind, toldAs("constant")), say("slope", toldAs("constant_slope"))];
  }

  // -------------------------------------------------------------- the page

  function make(tag, attributes = {}, text = "") {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  }

  const picture = make("div", { class: "picture" });
  const bar = make("div", { class: "bar", role: "group", "aria-label": "steps" });
  const button = (text, title, action) => {
    const element = make("button", { type: "button", title }, text);
    element.addEventListener("click", action);
    bar.append(element);
    return element;
  };
  const first = button("First", "Home", () => pause(go(0)));
  const back = button("Back", "left arrow", () => pause(go(at - 1)));
  const play = button("Play", "space", () => (timer ? pause() : start()));
  const forward = button("Forward", "right arrow", () => pause(go(at + 1)));
  const end = button("Last", "End", () => pause(go(stops.length - 1)));
  const slider = make("input", { type: "range", min: "0", "aria-label": "step" });
  const where = make("span", { class: "where" });
  bar.append(slider, where);
  const crumbs = make("div", { class: "bar crumbs", "aria-label": "open groups" });
  const message = make("div", { class: "message", "aria-live": "polite" });
  const derivative = make("div", { class: "formula" });
  const detail = make("div", { class: "detail" });
  const alert = make("div", { class: "alert", role: "alert" });
  const whatIf = make("details", { class: "what-if" });
  const fields = make("div", { class: "leaves" });
  const reset = make("button", { type: "button", class: "reset" }, "Reset");
  whatIf.append(make("summary", {}, "What if? Change a leaf"), fields, reset);
  const settings = make("details", { class: "settings" });
  const speed = make("select", { "aria-label": "speed" });
  for (const [text, wait] of [["slow", 2400], ["normal", 1200], ["fast", 400]]) {
    speed.append(make("option", { value: String(wait) }, text));
  }
  speed.value = "1200";
  const label = make("label", {}, "Play speed ");
  label.append(speed);
  settings.append(make("summary", {}, "Settings"), label,
    make("div", { class: "hint" }, "Keys: left and right arrow, Home, End, space to play."));
  box.replaceChildren(crumbs, picture, bar, message, derivative, alert, detail, whatIf, settings);
  box.tabIndex = 0;

  // -------------------------------------------------------------- views

  let view, stops, at = 0, timer = 0;

  /** Lay out view v: its drawing, which element shows which value, and where its steps stop. */
  function show(v) {
    const micro = view ? stops[at] : 0;
    const focused = box.contains(document.activeElement); // what holds it is about to go
    const { nodes, wires, opens, root, shape, inside, titles } = data.views[v];
    view = { v, local: new Map(), elements: new Map(), nodes, opens, titles, wires: [], texts: [] };
    nodes.forEach((members, j) => members.forEach((i) => view.local.set(i, j)));
    picture.replaceChildren();
    if (data.shapes[shape]) {
      const drawn = new DOMParser().parseFromString(data.shapes[shape], "image/svg+xml").documentElement;
      picture.append(document.importNode(drawn, true));
      const svg = picture.firstChild; // a wide picture scrolls before it gets too small to read
      svg.style.minWidth = `${0.75 * svg.width.baseVal.value}px`;
    } else {
      picture.append(make("p", { class: "hint" }, "No Graphviz program was there to draw the picture."));
    }
    for (const element of picture.querySelectorAll("[id]")) {
      view.elements.set(element.id, element);
      element.id = `${key}-${element.id}`;
    }
    for (const link of picture.querySelectorAll("a")) link.removeAttribute("xlink:title");
    for (const title of picture.querySelectorAll("title")) title.remove();
    nodes.forEach((members, j) => prepareNode(members, j, opens[`n${j}`]));
    for (const [name, wire] of Object.entries(wires)) prepareWire(name, wire);
    prepareWire(`${root}-out-0`, `n${nodes[Number(root.slice(1))].at(-1)}-out-0`);
    for (const text of picture.querySelectorAll("text")) centre(text);

    const own = new Set(inside);
    const owner = (m) => {
      const gate = steps[m]?.gate;
      if (gate === undefined || !own.has(gate)) return null;
      const j = view.local.get(gate);
      return nodes[j].length > 1 ? `group ${j}` : `step ${m}`;
    };
    stops = [0];
    for (let m = 1; m < steps.length; m++) {
      if (owner(m) !== null && owner(m) !== owner(m + 1)) stops.push(m);
    }
    slider.max = String(stops.length - 1);
    listCrumbs();
    listLeaves();
    at = stops.findLastIndex((stop) => stop <= micro);
    go(at);
    if (focused) box.focus({ preventScroll: true });
  }

  function prepareNode(members, j, opens) {
    const element = view.elements.get(`n${j}`);
    if (!element) return;
    element.dataset.node = j;
    element.tabIndex = 0;
    element.setAttribute("role", opens === undefined ? "img" : "button");
    element.append(document.createElementNS("http://www.w3.org/2000/svg", "title"));
    const texts = [...element.querySelectorAll("text")];
    if (members.length > 1) {
      const result = members.at(-1);
      if (texts.length > 2) view.texts.push({ text: texts[2], result, kind: "value" });
      if (texts.length > 3) view.texts.push({ text: texts[3], result, kind: "grad" });
    } else {
      const [i] = members;
      const sum = texts.find((text) => text.textContent.startsWith("sum "));
      if (sum) view.texts.push({ text: sum, result: i, kind: "sum" });
      if (unnamed.has(i)) view.texts.push({ text: texts[0], result: i, kind: "constant" });
    }
    if (opens !== undefined) {
      element.classList.add("opens");
      const open = () => show(opens);
      element.addEventListener("click", open);
      element.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        open();
      });
    }
  }

  function prepareWire(name, wire) {
    const parts = wire ? /^n(\d+)-(?:n(\d+)|out)-(\d+)$/.exec(wire) : null;
    const [source, target] = name.split("-");
    const entry = {
      wire, from: Number(source.slice(1)), to: target === "out" ? -1 : Number(target.slice(1)),
      elements: [view.elements.get(name), view.elements.get(`${name}-tail`)].filter(Boolean),
    };
    view.wires.push(entry);
    if (!parts) return;
    const result = Number(parts[1]);
    const numbers = view.elements.get(`${name}-numbers`)?.querySelectorAll("text") ?? [];
    if (numbers.length > 0) view.texts.push({ text: numbers[0], result, kind: "value" });
    if (numbers.length > 1) view.texts.push({ text: numbers[1], result, wire, kind: parts[2] ? "flow" : "grad" });
    const local = view.elements.get(name)?.querySelector("text");
    if (local && parts[2]) view.texts.push({ text: local, gate: Number(parts[2]), operand: Number(parts[3]), kind: "local" });
  }

  /** Numbers change their width: each stays centred where the layout put it. */
  function centre(text) {
    const bounds = text.getBBox();
    if (!bounds.width) return;
    text.setAttribute("text-anchor", "middle");
    text.setAttribute("x", String(bounds.x + bounds.width / 2));
  }

  function listCrumbs() {
    const path = [];
    for (let v = view.v; v >= 0; v = data.views[v].parent) path.unshift(v);
    crumbs.hidden = path.length < 2;
    crumbs.replaceChildren(...path.map((v) => {
      const element = make("button", { type: "button" }, data.views[v].title || "whole graph");
      element.disabled = v === view.v;
      element.addEventListener("click", () => show(v));
      return element;
    }));
  }

  // -------------------------------------------------------------- what if

  const changed = new Map();

  function listLeaves() {
    const shown = view.nodes.flatMap((members) => (members.length === 1 && isLeaf(members[0]) ? members : []));
    whatIf.hidden = shown.length === 0;
    fields.replaceChildren(...shown.map((i) => {
      const row = make("label", {}, unnamed.has(i) ? "constant" : names[i]);
      const field = make("input", { type: "text", inputmode: "decimal", value: String(now.values[i]), "data-leaf": i });
      field.addEventListener("input", () => {
        const x = field.value.trim() === "" ? NaN : Number(field.value);
        field.setAttribute("aria-invalid", String(Number.isNaN(x)));
        if (Number.isNaN(x)) return;
        changed.set(i, x);
        now = compute(changed);
        go(at);
      });
      row.append(field);
      return row;
    }));
  }

  reset.addEventListener("click", () => {
    changed.clear();
    now = given;
    for (const i of unnamed) names[i] = data.names[i];
    listLeaves();
    go(at);
  });

  // -------------------------------------------------------------- one step

  function go(k) {
    at = Math.max(0, Math.min(stops.length - 1, k));
    const m = stops[at];
    const state = stateAfter(m);
    const step = steps[m];
    const j = view.local.get(step.gate);
    const closed = j !== undefined && view.nodes[j].length > 1;
    let run = 1;
    while (closed && m - run > (stops[at - 1] ?? 0)) run++;
    for (const element of picture.querySelectorAll(".lit, .changed")) element.classList.remove("lit", "changed");
    for (const text of view.texts) write(text, state, step);
    view.nodes.forEach((members, n) => describe(members, n, state));
    if (step.phase !== "start" && j !== undefined) {
      view.elements.get(`n${j}`)?.classList.add("lit");
      for (const wire of view.wires) {
        const lit = step.phase === "backward"
          ? wire.wire === `n${step.input}-n${step.gate}-${step.operand}` || (closed && wire.to === j)
          : step.phase === "forward" ? wire.to === j : wire.to === -1;
        if (lit) wire.elements.forEach((element) => element.classList.add("lit"));
      }
      scrollTo(view.elements.get(`n${j}`));
    }
    let [told, slope] = closed && step.phase !== "seed"
      ? [say(`group_${step.phase}`, { group: view.titles[j], count: run }), ""] : words(step);
    if (closed && step.phase !== "seed" && view.opens[`n${j}`] !== undefined) told += ` ${sentences.group_open}`;
    message.textContent = told;
    derivative.textContent = slope;
    alert.textContent = now.failure ? `The engine would raise here. ${now.failure}` : "";
    where.textContent = `step ${at} of ${stops.length - 1}`;
    slider.value = String(at);
    slider.setAttribute("aria-valuetext", told);
    first.disabled = back.disabled = at === 0;
    forward.disabled = end.disabled = at === stops.length - 1;
    if (at === stops.length - 1) pause();
  }

  /** Put a number where it belongs, if it is known by now. */
  function write({ text, kind, result, wire, gate, operand }, state, step) {
    const grad = state.grads.get(result), flow = state.flows.get(wire);
    const [known, shown, fresh] = {
      value: [state.known[result], number(now.values[result]), step.phase === "forward" && step.gate === result],
      constant: [true, short(now.values[result]), false],
      grad: [grad !== undefined, number(grad), step.phase === "seed" ? result === last : step.input === result],
      flow: [flow !== undefined, number(flow), wire === `n${step.input}-n${step.gate}-${step.operand}`],
      sum: [grad !== undefined, `sum ${number(grad)}`, step.input === result],
      local: [state.known[gate], `\u00d7 ${number(now.locals[gate]?.[operand])}`, step.gate === gate && (step.phase === "forward" || step.operand === operand)],
    }[kind];
    text.textContent = known ? shown : "";
    text.classList.toggle("changed", Boolean(known && fresh));
  }

  /** What a pointer or a screen reader is told of a node. */
  function describe(members, n, state) {
    const element = view.elements.get(`n${n}`);
    if (!element) return;
    const i = members.at(-1), open = view.opens[`n${n}`];
    const grad = state.grads.get(i);
    const value = state.known[i] ? `value ${now.values[i]}` : "not computed yet";
    const parts = [value, `gradient ${grad ?? "not known yet"}`];
    if (members.length > 1) parts.splice(0, 2, `${members.length} values`);
    else if (!isLeaf(i)) parts.push(formula(i, "value", "name"));
    if (open !== undefined) parts.push("click to open");
    const title = members.length > 1 ? view.titles[n] : names[i];
    const told = `${title}: ${parts.join(", ")}`;
    element.setAttribute("aria-label", told);
    element.querySelector("title").textContent = told;
    element.dataset.value = state.known[i] ? String(now.values[i]) : "";
    element.dataset.grad = grad === undefined ? "" : String(grad);
    element.dataset.name = title;
  }

  function scrollTo(element) {
    if (!element) return;
    const outer = picture.getBoundingClientRect(), inner = element.getBoundingClientRect();
    if (inner.left < outer.left || inner.right > outer.right) picture.scrollLeft += inner.left - outer.left - outer.width / 2;
    if (inner.top < outer.top || inner.bottom > outer.bottom) picture.scrollTop += inner.top - outer.top - outer.height / 2;
  }

  // -------------------------------------------------------------- playing, keys, pointer, address

  function start() {
    if (at === stops.length - 1) go(0);
    play.textContent = "Pause";
    timer = setInterval(() => (box.isConnected ? go(at + 1) : pause()), Number(speed.value));
  }

  function pause() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
  }

  speed.addEventListener("change", () => {
    if (!timer) return;
    pause();
    start();
  });
  slider.addEventListener("input", () => pause(go(Number(slider.value))));

  const keys = {
    ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), Home: () => go(0),
    End: () => go(stops.length - 1),
  };
  (data.alone ? document : box).addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches?.("input[type=text], select")) return;
    const action = event.key === " " && !target.matches?.("button, summary") ? () => play.click() : keys[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation(); // else a notebook moves between its cells
    if (event.key !== " ") pause();
    action();
  });

  const point = (event) => {
    const element = event.target.closest?.("[data-node]");
    detail.textContent = element ? element.getAttribute("aria-label") : "";
  };
  picture.addEventListener("mouseover", point);
  picture.addEventListener("focusin", point);

  function openAddress() {
    const wanted = /#step=(\d+|last)/.exec(location.hash);
    if (wanted) go(wanted[1] === "last" ? stops.length - 1 : Number(wanted[1]));
  }

  show(0);
  openAddress();
  addEventListener("hashchange", openAddress);
}
