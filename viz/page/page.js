/**
 * The page: a drawing, the buttons below it, the sentence, the list of steps, and what if.
 *
 * All text reaches the page as text, never as markup. Nothing is fetched.
 */

import { Drawing, html, svg } from "./drawing.js";
import { Graph } from "./graph.js";
import { number } from "./numbers.js";
import { newNumbers, Quiz, whichMistake } from "./quiz.js";
import { chainRule, routes, say, words } from "./sentences.js";
import { View } from "./walk.js";

/**
 * @typedef {import("./graph.js").Data} Data
 * @typedef {import("./graph.js").Rule} Rule
 * @typedef {import("./sentences.js").Piece} Piece
 */

const LEGIBLE = 60; // nodes; above it groups are closed at first

export class Page {
  /** @type {HTMLElement} */ heading;
  /** @type {HTMLElement} */ crumbs;
  /** @type {HTMLElement} */ scroll;
  /** @type {HTMLCanvasElement} */ overview;
  /** @type {HTMLElement} */ bar;
  /** @type {HTMLElement} */ message;
  /** @type {HTMLElement} */ formula;
  /** @type {HTMLElement} */ alert;
  /** @type {HTMLElement} */ detail;
  /** @type {HTMLElement} */ fields;
  /** @type {HTMLButtonElement} */ first;
  /** @type {HTMLButtonElement} */ back;
  /** @type {HTMLButtonElement} */ play;
  /** @type {HTMLButtonElement} */ forward;
  /** @type {HTMLButtonElement} */ last;
  /** @type {HTMLButtonElement} */ undo;
  /** @type {HTMLButtonElement} */ redo;
  /** @type {HTMLButtonElement} */ reset;
  /** @type {HTMLInputElement} */ slider;
  /** @type {HTMLSelectElement} */ speed;
  /** @type {HTMLElement} */ where;
  /** @type {HTMLOListElement} */ list;
  /** @type {HTMLDetailsElement} */ steps;
  /** @type {HTMLDetailsElement} */ whatIf;
  /** @type {HTMLElement} */ question;
  /** @type {HTMLButtonElement} */ predict;
  /** @type {HTMLButtonElement} */ renew;
  /** @type {Quiz | null} */ quiz = null;
  /** @type {View} */ current;
  /** @type {Drawing} */ drawing;
  /** @type {import("./walk.js").Stop[]} */ stops;
  /** @type {number | undefined} */ lighting;
  dragged = false;
  ended = new AbortController();

  /**
   * @param {HTMLElement} box
   * @param {string} key
   * @param {Data} data
   * @param {Record<string, Rule>} rules
   */
  constructor(box, key, data, rules) {
    this.box = box;
    this.key = key;
    this.data = data;
    this.graph = new Graph(data, rules);
    /** @type {Map<number, number>} */
    this.changed = new Map();
    /** @type {Map<number, number>[]} */
    this.past = [];
    /** @type {Map<number, number>[]} */
    this.future = [];
    this.now = this.graph.given;
    this.example = 0;
    /** @type {Set<string>} */
    this.open = new Set();
    this.at = 0;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.zoom = 0; // 0: as wide as the page allows
    const address = location.hash; // which the first drawing writes anew
    this.build();
    this.openFirst();
    this.opened = new Set(this.open);
    this.show();
    if (data.quiz) this.startQuiz(true);
    if (!data.alone) return; // the address of a notebook is not ours
    this.readAddress(address);
    addEventListener("hashchange", () => this.readAddress(location.hash));
  }

  // ------------------------------------------------------------ what stands where

  build() {
    const { data } = this;
    this.heading = html(data.alone ? "h1" : "h2", {}, `${data.planted ? "Find the mistake: " : ""}${data.title}`);
    this.crumbs = html("div", { class: "bar crumbs" });
    this.scroll = html("div", { class: "picture", tabindex: "-1" });
    this.bar = html("div", { class: "bar", role: "group", "aria-label": "steps" });
    const button = (/** @type {string} */ text, /** @type {string} */ title, /** @type {() => void} */ action, /** @type {HTMLElement} */ parent = this.bar) => {
      const made = html("button", { type: "button", title }, text);
      made.addEventListener("click", action);
      parent.append(made);
      return made;
    };
    this.first = button("First", "Home", () => this.go(0));
    this.back = button("Back", "left arrow", () => this.go(this.at - 1));
    this.play = button("Play", "space", () => (this.timer ? this.pause() : this.start()));
    this.forward = button("Forward", "right arrow", () => this.go(this.at + 1));
    this.last = button("Last", "End", () => this.go(this.stops.length - 1));
    this.predict = button("Predict", "type the numbers of the way back before they are shown", () => this.startQuiz(!this.quiz));
    this.renew = button("New numbers", "leaves at which the usual mistakes give different answers", () => this.drawNumbers());
    this.predict.hidden = Boolean(data.planted);
    this.renew.hidden = true;
    this.slider = html("input", { type: "range", min: "0", "aria-label": "step" });
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    this.where = html("span", { class: "where" });
    this.bar.append(this.slider, this.where);
    this.message = html("div", { class: "message", "aria-live": "polite" });
    this.formula = html("div", { class: "formula" });
    this.alert = html("div", { class: "alert", role: "alert" });
    this.detail = html("div", { class: "detail" });
    this.list = html("ol", { class: "steps" });
    const steps = html("details", { class: "list" }, html("summary", {}, "All steps"), this.list);
    steps.addEventListener("toggle", () => this.listSteps());
    this.steps = steps;
    this.whatIf = html("details", { class: "what-if" });
    this.fields = html("div", { class: "leaves" });
    const tools = html("div", { class: "bar" });
    this.undo = button("Undo", "the number before", () => this.turn(this.past, this.future), tools);
    this.redo = button("Redo", "the number after", () => this.turn(this.future, this.past), tools);
    this.reset = button("Reset", "the numbers of the engine", () => this.change(new Map()), tools);
    button("Copy as Python", "a program that computes this", () => this.copy(), tools);
    this.whatIf.append(html("summary", {}, "What if? Change a leaf"), this.fields, tools);
    this.question = html("div", {});
    if (data.planted) this.question.append(whichMistake(data, this.key));
    const view = html("div", { class: "bar view", role: "group", "aria-label": "view" });
    button("\u2212", "smaller (-)", () => this.scale(1 / 1.25), view);
    button("Fit", "as large as the page allows (0)", () => this.scale(0), view);
    button("+", "larger (+)", () => this.scale(1.25), view);
    button("SVG", "save this picture", () => this.save("svg"), view);
    button("PNG", "save this picture, twice its size", () => this.save("png"), view);
    if (data.alone) {
      button("Link", "copy the address of this step with these numbers", () => {
        navigator.clipboard?.writeText(location.href);
        this.detail.textContent = "Copied: the address of this step with these numbers.";
      }, view);
      button("Print", "one picture per step", () => this.print(), view);
    }
    if (data.examples > 1) {
      const choose = html("select", { "aria-label": "example" });
      for (let k = 0; k < data.examples; k++) choose.append(html("option", { value: String(k) }, `example ${k + 1} of ${data.examples}`));
      choose.addEventListener("change", () => { this.example = Number(choose.value); this.show(); });
      view.append(choose);
    }
    this.speed = html("select", { "aria-label": "speed" });
    for (const [text, wait] of [["slow", "2400"], ["normal speed", "1200"], ["fast", "400"]]) {
      this.speed.append(html("option", { value: wait }, text));
    }
    this.speed.value = "1200";
    this.speed.addEventListener("change", () => { if (this.timer) { this.pause(); this.start(); } });
    view.append(this.speed);
    this.overview = html("canvas", { class: "overview", "aria-hidden": "true" });
    const stage = html("div", { class: "around" }, this.scroll, this.overview);
    this.box.replaceChildren(this.heading, this.crumbs, stage, this.bar, this.message,
      this.question, this.formula, this.alert, this.detail, view, words(), steps, this.whatIf);
    this.box.tabIndex = 0;
    const { signal } = this.ended;
    (data.alone ? document : this.box).addEventListener("keydown", (event) => this.key_(/** @type {KeyboardEvent} */ (event)), { signal });
    this.scroll.addEventListener("click", (event) => this.click(event));
    this.scroll.addEventListener("mouseover", (event) => this.point(event.target));
    this.scroll.addEventListener("focusin", (event) => this.point(event.target));
    this.scroll.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.scale(event.deltaY < 0 ? 1.1 : 1 / 1.1);
    }, { passive: false });
    this.scroll.addEventListener("scroll", () => this.drawOverview());
    this.overview.addEventListener("pointerdown", (event) => this.look(event));
    this.overview.addEventListener("pointermove", (event) => { if (event.buttons > 0) this.look(event); });
    this.drag();
  }

  /** Groups are open as far as the picture stays legible. */
  openFirst() {
    const { groups, depth: wanted } = this.data;
    for (let depth = 0; depth < (wanted < 0 ? 8 : wanted); depth++) {
      const more = new Set(groups.filter((path) => path.length > depth).map((path) => path.slice(0, depth + 1).join(".")));
      if (more.size === 0) break;
      const wider = new Set([...this.open, ...more]);
      const isLayer = depth === 0 && groups.some((path) => path.length > 1);
      if (wanted < 0 && !isLayer && new View(this.graph, wider, this.example).nodes.length > LEGIBLE) break;
      this.open = wider;
    }
  }

  /** Draw what is open now. */
  show() {
    const focused = this.box.contains(document.activeElement);
    this.pause();
    const before = this.stops ? this.at / Math.max(1, this.stops.length - 1) : 0;
    this.current = new View(this.graph, this.open, this.example);
    this.stops = this.current.stops;
    this.draw();
    this.slider.max = String(this.stops.length - 1);
    this.listCrumbs();
    this.listLeaves();
    this.list.replaceChildren();
    this.go(Math.round(before * (this.stops.length - 1)));
    this.listSteps();
    if (focused) this.box.focus({ preventScroll: true });
  }

  /** Lay out what is shown; where numbers were changed there is room for the changes. */
  draw() {
    const focused = this.drawing ? this.drawing.boxes.findIndex(({ element }) => element === document.activeElement) : -1;
    this.drawing = new Drawing(this.current, this.now, this.key, this.asksWhatIf());
    this.scroll.replaceChildren(this.drawing.svg);
    this.drawing.boxes.forEach((box, k) => {
      box.element.setAttribute("role", "button");
      box.element.setAttribute("tabindex", k === Math.max(focused, 0) ? "0" : "-1");
      box.element.append(svg("title"));
    });
    this.resize();
    this.drawing.boxes[focused]?.element.focus({ preventScroll: true });
  }

  /** Whether numbers stand beside what they were: sliders move them, and do not ask that. */
  asksWhatIf() {
    return this.changed.size > 0 && !this.quiz && !this.data.sliders;
  }

  listCrumbs() {
    const closeable = [...this.open].filter((group) => group.includes(".") || !this.data.groups.some((path) => path.length > 1 && path[0] === group));
    this.crumbs.hidden = closeable.length === 0;
    this.crumbs.replaceChildren(...closeable.map((group) => {
      const made = html("button", { type: "button", title: "close this group" }, `close ${group}`);
      made.addEventListener("click", () => { this.open.delete(group); this.show(); });
      return made;
    }));
  }

  // ------------------------------------------------------------ one stop

  /** @param {number} k */
  go(k) {
    const open = this.stops.findIndex((stop) => this.asks(stop));
    this.at = Math.max(0, Math.min(this.stops.length - 1, k, open < 0 ? k : open));
    const stop = this.stops[this.at], asked = this.at === open;
    const done = asked ? this.at - 1 : this.at;
    const state = this.current.stateAfter(done, this.now);
    if (asked) state.last = null;
    if (this.asksWhatIf()) this.drawing.write(state, this.now, stop, differing, this.current.stateAfter(done, this.graph.given));
    else this.drawing.write(state, this.now, stop, undefined, undefined, open >= 0);
    const { told, formula } = asked ? this.asking(stop) : say(this.current, state, this.now, stop);
    fillWith(this.message, told);
    fillWith(this.formula, formula);
    this.askFor(asked, open < 0);
    this.alert.textContent = this.warning();
    const half = Math.max(1, this.stops.findIndex((one) => one.phase === "seed"));
    this.where.textContent = this.at === 0 ? `start, ${this.stops.length - 1} steps`
      : this.at < half ? `forward ${this.at} of ${half - 1}`
        : `backward ${this.at - half + 1} of ${this.stops.length - half}`;
    this.slider.value = String(this.at);
    this.slider.setAttribute("aria-valuetext", this.message.textContent ?? "");
    for (const [button, off] of /** @type {[HTMLButtonElement, boolean][]} */ ([
      [this.first, this.at === 0], [this.back, this.at === 0],
      [this.forward, asked || this.at === this.stops.length - 1], [this.last, this.at === this.stops.length - 1],
    ])) button.setAttribute("aria-disabled", String(off));
    this.describe(state);
    for (const item of this.list.children) item.removeAttribute("aria-current");
    this.list.children[this.at]?.setAttribute("aria-current", "step");
    if (asked || this.at === this.stops.length - 1) this.pause();
    this.reveal(stop.nodes[0]);
    this.drawing.move(stop);
    this.writeAddress();
    this.box.dispatchEvent(new Event("stop"));
  }

  /** What a pointer or a screen reader is told of each node.
   * @param {import("./walk.js").State} state
   */
  describe(state) {
    const { graph } = this;
    for (const box of this.drawing.boxes) {
      const { node, element } = box, i = node.result;
      const parts = [];
      if (node.members.length > 1) parts.push(`${node.members.length} values`);
      if (i >= 0) {
        parts.push(state.known[i] ? `value ${this.now.values[i]}` : "not computed yet");
        parts.push(`gradient ${state.gradients.get(i) ?? "not known yet"}`);
        if (node.kind === "gate" && node.members.length === 1) parts.push(graph.formula(i, "value", this.now.values, true));
      }
      if (node.kind === "neuron" || node.kind === "group") parts.push("press Enter to open");
      const name = node.kind === "gate" || node.kind === "leaf" ? graph.name(i, this.now.values) : node.title || "values";
      const told = `${name}: ${parts.join(", ")}`;
      element.setAttribute("aria-label", told);
      const title = element.querySelector("title");
      if (title) title.textContent = told;
      element.dataset.name = name;
      element.dataset.value = i >= 0 && state.known[i] ? String(this.now.values[i]) : "";
      element.dataset.grad = i >= 0 ? String(state.gradients.get(i) ?? "") : "";
    }
  }

  listSteps() {
    if (!this.steps.open || this.list.children.length === this.stops.length) return;
    this.list.replaceChildren(...this.stops.map((stop, k) => {
      const state = this.current.stateAfter(k, this.now);
      const item = html("li", {});
      const { told } = this.asks(stop) ? this.asking(stop) : say(this.current, state, this.now, stop);
      const made = html("button", { type: "button" }, told.map((piece) => piece.text).join(""));
      made.addEventListener("click", () => this.go(k));
      item.append(made);
      return item;
    }));
    this.list.children[this.at]?.setAttribute("aria-current", "step");
  }

  /** @param {number | undefined} k */
  reveal(k) {
    if (k === undefined) return;
    const outer = this.scroll.getBoundingClientRect(), inner = this.drawing.boxes[k].element.getBoundingClientRect();
    if (inner.left < outer.left || inner.right > outer.right) this.scroll.scrollLeft += inner.left - outer.left - outer.width / 2;
    if (inner.top < outer.top || inner.bottom > outer.bottom) this.scroll.scrollTop += inner.top - outer.top - outer.height / 2;
  }

  // ------------------------------------------------------------ predict, then reveal

  /** @param {boolean} on */
  startQuiz(on) {
    this.quiz = on ? new Quiz(this.graph) : null;
    this.question.replaceChildren(...(this.quiz ? [this.quiz.element] : []));
    this.quiz?.element.addEventListener("keydown", (event) => { if (event.key === "Escape") this.box.focus(); });
    this.predict.setAttribute("aria-pressed", String(on));
    this.renew.hidden = !on;
    this.listLeaves();
    this.restart();
  }

  /** To the first question, if there is one. */
  restart() {
    this.list.replaceChildren();
    this.detail.textContent = "";
    this.go(this.quiz ? this.stops.length : this.at);
    this.listSteps();
  }

  drawNumbers() {
    if (!this.quiz) return;
    this.quiz.drawn += 1;
    this.quiz.again();
    this.change(newNumbers(this.graph, this.quiz.drawn));
    this.restart();
  }

  /** Whether the numbers of a stop are still to be typed.
   * @param {import("./walk.js").Stop} stop
   */
  asks(stop) {
    if (!this.quiz || stop.phase !== "backward" || stop.pairs.length !== 1) return false;
    return this.current.nodes[stop.nodes[0]].members.length === 1 && !this.quiz.has(...stop.pairs[0]);
  }

  /** What is said before the answer.
   * @param {import("./walk.js").Stop} stop
   * @returns {{told: Piece[], formula: Piece[]}}
   */
  asking(stop) {
    const [gate, operand] = stop.pairs[0], { values } = this.now;
    const input = this.graph.name(this.graph.inputs[gate][operand], values);
    const place = this.graph.inputs[gate].length > 1 ? `, operand ${operand + 1} of ${this.graph.inputs[gate].length}` : "";
    const told = [["Predict: what flows back from ", ""], [this.graph.name(gate, values), "name"], [" to ", ""], [input, "name"], [`${place}?`, ""]];
    const state = this.current.stateAfter(this.at - 1, this.now);
    const upstream = number(state.gradients.get(gate) ?? 0), before = state.gradients.get(this.graph.inputs[gate][operand]);
    const known = [[this.graph.name(gate, values), "name"], [` = ${this.graph.formula(gate, "value", values, true)}; upstream `, ""],
      [upstream, "gradient"], ...(before === undefined ? [] : [["; ", ""], [input, "name"], [" has ", ""], [number(before), "gradient"], [" so far", ""]])];
    const pieces = (/** @type {string[][]} */ list) => list.map(([text, kind]) => ({ text, kind }));
    return { told: pieces(told), formula: pieces(known) };
  }

  /** @param {boolean} asked @param {boolean} over */
  askFor(asked, over) {
    const { quiz } = this;
    if (!quiz) return;
    const wire = this.current.stateAfter(this.at, this.now).last;
    const light = () => { if (wire) this.drawing.light(wire, quiz.known(wire)); };
    quiz.ask(asked ? wire : null, this.now, light, () => {
      this.list.replaceChildren();
      this.go(this.at);
      this.listSteps();
      (this.at === this.stops.length - 1 ? this.renew : this.forward).focus({ preventScroll: true });
    });
    light();
    quiz.count(over);
    const focused = document.activeElement;
    const inside = this.box.contains(focused) || (this.data.alone && focused === document.body);
    if (asked && inside && focused !== this.slider) quiz.focus();
  }

  /** Whether there is something that the page must not tell. */
  get secret() {
    return Boolean(this.data.planted) || this.stops.some((stop) => this.asks(stop));
  }

  // ------------------------------------------------------------ what if

  /** @param {Map<number, number>} leaves */
  change(leaves, keep = true) {
    if (keep) {
      this.past.push(this.changed);
      this.future = [];
    }
    this.changed = leaves;
    this.now = this.graph.compute(leaves);
    this.undo.disabled = this.past.length === 0;
    this.redo.disabled = this.future.length === 0;
    for (const field of this.fields.querySelectorAll("input")) {
      if (field !== document.activeElement) field.value = this.typed(Number(field.dataset.leaf));
    }
    this.list.replaceChildren();
    if (this.drawing.changes !== this.asksWhatIf()) {
      this.draw();
      this.markMovable();
    }
    this.go(this.at);
    this.listSteps();
    this.told();
  }

  /** Why the engine would not show these numbers; "" if it would. */
  warning() {
    const { failure, values } = this.now;
    if (failure) return `The engine would raise here. ${failure}`;
    const other = this.changed.size > 0 ? this.graph.otherwise(values) : [];
    if (other.length === 0) return "";
    const rest = other.length > 1 ? ` (and ${other.length - 1} more)` : "";
    return `${other[0]}${rest} has another answer here than when your program ran. If an if or a where asks that, your program would go another way: run it again.`;
  }

  /** Beside the root: how far it moved, and what gradient times change predicted. */
  told() {
    const { graph } = this, { given } = graph;
    if (this.changed.size === 0 || this.quiz) {
      this.detail.textContent = "";
      return;
    }
    let predicted = 0;
    for (const [i, x] of this.changed) predicted += given.gradients[i] * (x - given.values[i]);
    const moved = this.now.values[graph.root] - given.values[graph.root];
    this.detail.textContent = `${graph.names[graph.root]} moved by ${number(moved)}; gradient \u00d7 change predicted ${number(predicted)}`;
  }

  /** @param {Map<number, number>[]} from @param {Map<number, number>[]} to */
  turn(from, to) {
    const leaves = from.pop();
    if (!leaves) return;
    to.push(this.changed);
    this.change(leaves, false);
  }

  listLeaves() {
    const { sliders } = this.data;
    const shown = sliders ?? this.current.nodes.filter((node) => node.kind === "leaf").map((node) => node.result);
    this.whatIf.hidden = shown.length === 0 || Boolean(this.quiz || this.data.planted);
    this.markMovable();
    this.fields.replaceChildren(...shown.map((i) => {
      const field = html("input", { type: "text", inputmode: "decimal", value: this.typed(i), "data-leaf": String(i) });
      const set = (/** @type {number} */ x, keep = true) => this.change(new Map([...this.changed, [i, x]]), keep);
      field.addEventListener("input", () => {
        const x = field.value.trim() === "" ? NaN : Number(field.value);
        field.setAttribute("aria-invalid", String(Number.isNaN(x)));
        if (!Number.isNaN(x)) set(x);
        else this.detail.textContent = field.value.trim() && `\u201c${field.value}\u201d is not a number: write one such as 1.5 or -2e3`;
      });
      field.addEventListener("keydown", (event) => {
        if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
        event.preventDefault();
        const digits = /\.(\d+)/.exec(field.value)?.[1].length ?? 0;
        const x = Number(field.value) + (event.key === "ArrowUp" ? 1 : -1) * 10 ** -digits;
        if (!Number.isFinite(x)) return;
        field.value = x.toFixed(digits);
        set(Number(field.value));
      });
      const label = html("label", {}, this.graph.unnamed.has(i) ? "constant" : this.graph.names[i], field);
      if (sliders) {
        const most = this.reach(i), range = html("input", { type: "range", "data-leaf": String(i), tabindex: "-1", "aria-hidden": "true",
          min: String(-most), max: String(most), step: String(most / 500), value: field.value });
        let moving = false; // one drag is undone at once
        range.addEventListener("input", () => { set(Number(range.value), !moving); moving = true; });
        range.addEventListener("change", () => { moving = false; });
        label.append(range);
      }
      return label;
    }));
    this.undo.disabled = this.past.length === 0;
    this.redo.disabled = this.future.length === 0;
  }

  /** The number of leaf i as its field has it; where a slider moves it, short.
   * @param {number} i
   */
  typed(i) {
    const x = this.now.values[i];
    return String(this.data.sliders ? Number(x.toPrecision(5)) : x);
  }

  /** How far a slider of leaf i reaches.
   * @param {number} i
   */
  reach(i) {
    const x = Math.abs(this.graph.given.values[i]);
    return 5 * 10 ** Math.max(0, Math.ceil(Math.log10(Number.isFinite(x) ? x / 5 || 1 : 1)));
  }

  copy() {
    const { graph } = this;
    const lines = ["from autograd_core import *", ""];
    const name = (/** @type {number} */ i) => (/^[A-Za-z_]\w*$/.test(graph.names[i]) && !graph.unnamed.has(i) ? graph.names[i] : `v${i}`);
    for (let i = 0; i < graph.size; i++) {
      if (graph.isLeaf(i)) lines.push(`${name(i)} = Value(${python(this.now.values[i])})`);
      else {
        const operands = [...graph.inputs[i].map(name), ...graph.constants[i].map(python)];
        lines.push(`${name(i)} = apply(gates["${graph.gates[i]}"], ${operands.join(", ")})`);
      }
    }
    lines.push(`${name(graph.root)}.backward()`);
    navigator.clipboard?.writeText(`${lines.join("\n")}\n`);
    this.detail.textContent = "Copied: a program that builds this graph and runs backward().";
  }

  // ------------------------------------------------------------ pictures to keep

  /** The drawing as it stands, with its colours in it. */
  picture() {
    const copy = /** @type {SVGSVGElement} */ (this.drawing.svg.cloneNode(true));
    const [from, to] = [this.drawing.svg, copy].map((one) => [one, ...one.querySelectorAll("*")]);
    const kept = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-family", "font-size",
      "font-weight", "text-anchor", "paint-order", "stroke-linejoin"];
    from.forEach((element, i) => {
      const style = getComputedStyle(element);
      for (const name of kept) to[i].setAttribute(name, style.getPropertyValue(name));
      to[i].removeAttribute("style");
    });
    const { width, height } = this.drawing;
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    const paper = svg("rect", { width, height, fill: getComputedStyle(this.box).backgroundColor });
    copy.prepend(paper);
    return copy;
  }

  /** @param {"svg" | "png"} kind */
  async save(kind) {
    const text = new XMLSerializer().serializeToString(this.picture());
    let blob = new Blob([text], { type: "image/svg+xml" });
    if (kind === "png") {
      const image = new Image();
      image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
      await image.decode();
      const canvas = document.createElement("canvas");
      canvas.width = 2 * Math.ceil(this.drawing.width);
      canvas.height = 2 * Math.ceil(this.drawing.height);
      canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
      blob = await new Promise((done) => canvas.toBlob((made) => done(/** @type {Blob} */ (made))));
    }
    const link = html("a", { href: URL.createObjectURL(blob), download: `step${this.at}.${kind}` });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  /** A storyboard: the picture and the sentence of each step, on paper. */
  print() {
    const at = this.at;
    const board = html("div", { class: "board" });
    for (let k = 0; k < Math.min(this.stops.length, 200); k++) {
      this.go(k);
      if (this.at < k) break; // what is still asked for is not printed
      const one = html("figure", {}, html("figcaption", {}, `${k}. ${this.message.textContent}`));
      one.prepend(this.picture());
      board.append(one);
    }
    this.go(at);
    this.box.append(board);
    addEventListener("afterprint", () => board.remove(), { once: true });
    print();
  }

  // ------------------------------------------------------------ pointer and keys

  /** @param {EventTarget | null} target */
  boxOf(target) {
    const element = target instanceof Element ? target.closest("[data-node]") : null;
    return element ? this.drawing.boxes[Number(/** @type {SVGElement} */ (element).dataset.node)] : undefined;
  }

  /** @param {Event} event */
  click(event) {
    const box = this.boxOf(event.target);
    if (!box || this.dragged) return;
    const k = this.drawing.boxes.indexOf(box);
    this.focus(k);
    this.act(k);
  }

  /** Open a group; go to the step of a gate; show the paths of a leaf.
   * @param {number} k
   */
  act(k) {
    const { node } = this.drawing.boxes[k];
    if (node.kind === "neuron" || (node.kind === "group" && node.title)) {
      this.open.add(node.title);
      this.show();
      return;
    }
    if (node.kind === "leaf") {
      if (!this.secret) this.paths(node.result);
      return;
    }
    const phase = this.stops[this.at].phase === "backward" || this.stops[this.at].phase === "seed" ? "backward" : "forward";
    const found = this.stops.findIndex((stop) => stop.phase === phase && stop.nodes.includes(k));
    if (found >= 0) this.go(found);
  }

  /** Light the routes from a leaf to the root one after the other, and tell their products.
   * @param {number} leaf
   */
  paths(leaf) {
    clearInterval(this.lighting);
    const name = this.graph.name(leaf, this.now.values);
    const found = routes(this.current, this.now, leaf);
    if (!found) {
      this.detail.textContent = `${name} has more than 64 paths to the root: backpropagation adds them up gate by gate`;
      return;
    }
    const sum = found.reduce((total, one) => total + one.product, 0);
    const products = found.map((one) => number(one.product)).join(" + ");
    this.detail.textContent = `${name}: ${found.length} ${found.length === 1 ? "path" : "paths"} to the root, ${products} = ${number(sum)}`;
    let k = 0;
    const light = () => {
      const pairs = new Set(found[k % found.length].pairs.map((pair) => pair.join(" ")));
      for (const drawn of this.drawing.wires) {
        drawn.element.classList.toggle("path", drawn.wire.pairs.some((pair) => pairs.has(pair.join(" "))));
      }
      k += 1;
      if (k > found.length) {
        clearInterval(this.lighting);
        for (const drawn of this.drawing.wires) drawn.element.classList.remove("path");
      }
    };
    light();
    this.lighting = setInterval(light, 1200);
  }

  /** @param {EventTarget | null} target */
  point(target) {
    const box = this.boxOf(target);
    if (box) {
      this.detail.textContent = box.element.getAttribute("aria-label") ?? "";
      return;
    }
    const element = target instanceof Element ? target.closest(".wire") : null;
    const drawn = this.drawing.wires.find((one) => one.element === element);
    if (drawn && drawn.wire.pairs.length === 1 && !this.secret) {
      this.detail.textContent = chainRule(this.current, this.now, ...drawn.wire.pairs[0]);
    }
  }

  /** @param {number} k */
  focus(k) {
    this.drawing.boxes.forEach((box, n) => box.element.setAttribute("tabindex", n === k ? "0" : "-1"));
    this.drawing.boxes[k].element.focus({ preventScroll: true });
    this.reveal(k);
  }

  /** @param {KeyboardEvent} event */
  key_(event) {
    const target = /** @type {Element} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const presses = event.key === "Enter" || event.key === " ";
    if (target.matches?.(`input[type=text], .leaves input, select${presses ? ", button, summary" : ""}`)) {
      // Else a notebook takes Enter for itself, to edit the cell; Shift with Enter runs it.
      if (event.key !== "Enter" || !event.shiftKey) event.stopPropagation();
      return;
    }
    const inGraph = this.boxOf(target);
    const at = inGraph ? this.drawing.boxes.indexOf(inGraph) : -1;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowRight: () => this.go(this.at + 1), ArrowLeft: () => this.go(this.at - 1),
      Home: () => this.go(0), End: () => this.go(this.stops.length - 1),
      "+": () => this.scale(1.25), "-": () => this.scale(1 / 1.25), 0: () => this.scale(0),
      Escape: () => this.up(),
    };
    if (inGraph) {
      keys.ArrowRight = () => this.focus(Math.min(at + 1, this.drawing.boxes.length - 1));
      keys.ArrowLeft = () => this.focus(Math.max(at - 1, 0));
      keys.Enter = keys[" "] = () => this.act(at);
    } else keys[" "] = () => this.play.click();
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation(); // else a notebook moves between its cells
    if (event.key !== " ") this.pause();
    action();
  }

  /** Close the group that was opened last. */
  up() {
    const last = [...this.open].pop();
    if (!last || this.crumbs.hidden) {
      this.box.focus();
      return;
    }
    this.open.delete(last);
    this.show();
  }

  // ------------------------------------------------------------ playing, size, address

  /** Stop, and listen no more: another page takes the place. */
  end() {
    this.pause();
    clearInterval(this.lighting);
    this.ended.abort();
  }

  start() {
    if (this.at === this.stops.length - 1) this.go(0);
    this.play.textContent = "Pause";
    this.timer = setInterval(() => (this.box.isConnected ? this.go(this.at + 1) : this.pause()), Number(this.speed.value));
  }

  pause() {
    clearInterval(this.timer);
    this.timer = undefined;
    this.play.textContent = "Play";
  }

  /** @param {number} factor  0: as large as the page allows */
  scale(factor) {
    this.zoom = factor === 0 ? 0 : Math.max(0.1, Math.min(6, (this.zoom || this.fitting()) * factor));
    this.resize();
  }

  fitting() {
    return Math.min(1.25, this.scroll.clientWidth / this.drawing.width || 1);
  }

  resize() {
    // A wide picture scrolls before it gets too small to read.
    const zoom = this.zoom || Math.max(this.fitting(), 0.8);
    this.drawing.svg.style.width = `${Math.round(this.drawing.width * zoom)}px`;
    this.drawing.svg.style.height = `${Math.round(this.drawing.height * zoom)}px`;
    this.drawOverview();
  }

  /** The whole picture, small, with the part that is seen; none if that is the whole. */
  drawOverview() {
    const { clientWidth, clientHeight, scrollWidth, scrollHeight, scrollLeft, scrollTop } = this.scroll;
    const { overview, drawing } = this, pen = overview.getContext("2d");
    const small = clientWidth < 480 || clientHeight < 180; // where it would cover what it is of
    overview.hidden = small || (scrollWidth <= 1.1 * clientWidth && scrollHeight <= 1.1 * clientHeight);
    if (overview.hidden || !pen) return;
    const scale = Math.min(160 / scrollWidth, 120 / scrollHeight), { color } = getComputedStyle(overview);
    overview.width = Math.max(20, scrollWidth * scale);
    overview.height = Math.max(20, scrollHeight * scale);
    pen.fillStyle = pen.strokeStyle = color;
    const [right, down] = [overview.width / drawing.width, overview.height / drawing.height];
    for (const { x, y, width, height } of drawing.outlines()) pen.fillRect(x * right, y * down, Math.max(1, width * right), Math.max(1, height * down));
    pen.globalAlpha = 0.15;
    const part = /** @type {const} */ ([scrollLeft * scale, scrollTop * scale, clientWidth * scale, clientHeight * scale]);
    pen.fillRect(...part);
    pen.globalAlpha = 1;
    pen.strokeRect(...part);
  }

  /** Bring what was clicked in the overview into the middle.
   * @param {PointerEvent} event
   */
  look(event) {
    const { left, top, width, height } = this.overview.getBoundingClientRect();
    const { clientWidth, clientHeight, scrollWidth, scrollHeight } = this.scroll;
    this.scroll.scrollLeft = (event.clientX - left) / width * scrollWidth - clientWidth / 2;
    this.scroll.scrollTop = (event.clientY - top) / height * scrollHeight - clientHeight / 2;
  }

  /** Whether the number of a node may be changed.
   * @param {import("./walk.js").ViewNode} node
   */
  isMovable(node) {
    const { sliders } = this.data;
    return node.kind === "leaf" && !this.whatIf.hidden && (!sliders || sliders.includes(node.result));
  }

  markMovable() {
    for (const { element, node } of this.drawing.boxes) element.classList.toggle("movable", this.isMovable(node));
  }

  /** Drag a leaf to the left or right to change its number, or the picture to move it. */
  drag() {
    let from = { x: 0, y: 0, left: 0, top: 0, leaf: -1, value: 0 }, down = false;
    this.scroll.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse") return; // fingers scroll by themselves
      const box = this.boxOf(event.target), leaf = box && this.isMovable(box.node) ? box.node.result : -1;
      down = true;
      this.dragged = false;
      from = {
        x: event.clientX, y: event.clientY, left: this.scroll.scrollLeft, top: this.scroll.scrollTop,
        leaf, value: this.now.values[leaf],
      };
    });
    const { signal } = this.ended;
    addEventListener("pointermove", (event) => {
      if (!down) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y], first = !this.dragged;
      if (Math.abs(dx) + Math.abs(dy) > 4) this.dragged = true;
      if (from.leaf < 0) {
        this.scroll.scrollLeft = from.left - dx;
        this.scroll.scrollTop = from.top - dy;
      } else if (this.dragged) {
        const x = from.value + Math.round(dx) * this.reach(from.leaf) / 500;
        this.change(new Map([...this.changed, [from.leaf, Number(x.toPrecision(12))]]), first); // undone at once
      }
    }, { signal });
    addEventListener("pointerup", () => { down = false; }, { signal });
  }

  writeAddress() {
    if (!this.data.alone) return;
    const parts = [`step=${this.at === this.stops.length - 1 ? "last" : this.at}`];
    if (this.quiz) parts.push(`quiz=${this.quiz.drawn}`);
    const shut = [...this.opened].filter((group) => !this.open.has(group)), more = [...this.open].filter((group) => !this.opened.has(group));
    if (more.length > 0) parts.push(`open=${more.map(encodeURIComponent).join(",")}`);
    if (shut.length > 0) parts.push(`shut=${shut.map(encodeURIComponent).join(",")}`);
    if (this.changed.size > 0) parts.push([...this.changed].map(([i, x]) => `${i}:${x}`).join(","));
    try {
      history.replaceState(null, "", `#${parts.join("&")}`);
    } catch { /* a page from a file may not */ }
  }

  /** @param {string} address */
  readAddress(address) {
    const wanted = /#step=(\d+|last)(?:&(.*))?/.exec(address);
    if (!wanted) return;
    const known = new Set(this.data.groups.flatMap((path) => path.map((_, k) => path.slice(0, k + 1).join("."))));
    const listed = (/** @type {string} */ key) => {
      const found = new RegExp(`${key}=([^&]*)`).exec(wanted[2] ?? "")?.[1];
      return (found ?? "").split(",").map(decoded).filter((group) => known.has(group));
    };
    const open = new Set([...this.opened, ...listed("open")].filter((group) => !listed("shut").includes(group)));
    if (open.size !== this.open.size || [...open].some((group) => !this.open.has(group))) {
      this.open = open;
      this.show();
    }
    const asks = /quiz=(\d+)/.exec(wanted[2] ?? "");
    if (asks && !this.data.planted && !this.quiz) this.startQuiz(true);
    if (asks && this.quiz) this.quiz.drawn = Number(asks[1]);
    const leaves = new Map();
    for (const part of this.data.planted ? [] : (wanted[2] ?? "").split(/[,&]/)) {
      const [i, x] = part.split(":").map(Number);
      if (Number.isInteger(i) && i < this.graph.size && this.graph.isLeaf(i) && Number.isFinite(x)) leaves.set(i, x);
    }
    if (leaves.size > 0) this.change(leaves, false);
    this.go(wanted[1] === "last" ? this.stops.length - 1 : Number(wanted[1]));
  }
}

/** What a part of an address says; nothing where it was cut.
 * @param {string} text
 */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/** A number and how it differs from what it was, with as many digits as that needs.
 * @param {number} x
 * @param {number} before
 */
function differing(x, before) {
  const difference = x - before;
  if (difference === 0 || !Number.isFinite(difference)) return number(x);
  return `${number(x)} (${difference > 0 ? "+" : ""}${number(difference)})`;
}

/** @param {HTMLElement} element @param {Piece[]} pieces */
function fillWith(element, pieces) {
  element.replaceChildren(...pieces.map(({ text, kind }) => (kind ? html("span", { class: kind }, text) : text)));
}

/** @param {number} x */
function python(x) {
  return Number.isFinite(x) ? String(x) : `float("${number(x)}")`;
}

/** Bring a recorded walk to life inside the element `key`, in place of its still image.
 * @param {string} key
 * @param {Record<string, Rule>} rules
 * @param {Data} data
 */
export function start(key, rules, data) {
  const box = document.getElementById(key);
  if (!box) return;
  const page = new Page(box, key, data, rules);
  /** @type {any} */ (box).walk = page;
  if (box.parentElement === document.body && !data.alone) suit(box);
}

/** Where a notebook gives an output a frame of its own, as marimo does: take its theme, and enough height.
 * @param {HTMLElement} box
 */
function suit(box) {
  const frame = /** @type {HTMLElement | null} */ (window.frameElement); // none, also of another origin
  if (!frame) return;
  const theme = frame.closest(".dark, .light")?.classList.contains("dark") ? "dark" : "light";
  if (frame.closest(".dark, .light")) document.documentElement.classList.add(theme);
  document.documentElement.style.colorScheme = getComputedStyle(box).colorScheme; // else its margin is white
  new ResizeObserver(() => {
    frame.style.height = `${Math.ceil(box.getBoundingClientRect().bottom + scrollY) + 8}px`;
  }).observe(box);
}
