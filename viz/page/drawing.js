/**
 * A view as SVG: placed by `layout.js`, with all texts in hand, so that a step only writes numbers.
 *
 *     const drawing = new Drawing(view, now, key);
 *     box.append(drawing.svg);
 *     drawing.write(state, now, stop);
 */

import { layout } from "./layout.js";
import { number, TIMES } from "./numbers.js";

/**
 * @typedef {import("./graph.js").Numbers} Numbers
 * @typedef {import("./walk.js").View} View
 * @typedef {import("./walk.js").ViewNode} ViewNode
 * @typedef {import("./walk.js").ViewWire} ViewWire
 * @typedef {import("./walk.js").State} State
 * @typedef {import("./walk.js").Stop} Stop
 *
 * @typedef {object} Wire
 * @property {ViewWire} wire
 * @property {SVGGElement} element
 * @property {SVGPathElement} path
 * @property {SVGTextElement | null} value
 * @property {SVGTextElement | null} gradient
 * @property {SVGTextElement | null} local
 *
 * @typedef {object} Box
 * @property {ViewNode} node
 * @property {SVGGElement} element
 * @property {SVGTextElement | null} value
 * @property {SVGTextElement | null} gradient
 * @property {SVGTextElement | null} name      of a constant, which goes by its number
 * @property {SVGGElement | null} stem
 * @property {SVGTextElement | null} stemValue
 * @property {SVGTextElement | null} stemGradient
 */

const NAMESPACE = "http://www.w3.org/2000/svg";
const SIZE = 12, SMALL = 10;
const WIDEST = "-0.000", CHANGE = " (+0.0000)"; // room for a number that changes, and for its change

/** @type {CanvasRenderingContext2D | null} */
let canvas = null;

/** How wide a text will be.
 * @param {string} text
 * @param {number} [size]
 */
function measure(text, size = SIZE) {
  canvas ??= document.createElement("canvas").getContext("2d");
  if (!canvas) return text.length * size * 0.56;
  canvas.font = `${size}px Arial, Helvetica, sans-serif`;
  return canvas.measureText(text).width;
}

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {string} [text]
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(tag, attributes = {}, text = "") {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text) element.textContent = text;
  return element;
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export class Drawing {
  /** @type {boolean[]} which nodes have a stem, before their wires part */
  stemmed = [];
  left = 0; // of the upper left corner
  top = 0;

  /**
   * @param {View} view
   * @param {Numbers} now
   * @param {string} key   that no other drawing of the page has
   * @param {boolean} [changes]   whether numbers will have their changes beside them
   */
  constructor(view, now, key, changes = false) {
    this.view = view;
    this.graph = view.graph;
    this.key = key;
    this.changes = changes;
    const sizes = this.sizes(now);
    const { graph } = this;
    this.room = sizes.nodes;
    this.placed = layout(sizes.nodes, sizes.wires);
    const { width, height } = this.placed;
    this.width = width;
    this.height = height;
    this.svg = svg("svg", {
      viewBox: `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`, width: Math.ceil(width),
      height: Math.ceil(height), role: "group", "aria-label": `The graph of ${graph.names[graph.root]}`,
    });
    const defs = svg("defs");
    for (const kind of ["plain", "lit"]) {
      const marker = svg("marker", {
        id: `${key}-${kind}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7,
        orient: "auto", class: `arrow ${kind}`, markerUnits: "userSpaceOnUse",
      });
      marker.append(svg("path", { d: "M0,0.8L8,4L0,7.2z" }));
      defs.append(marker);
    }
    this.svg.append(defs);
    const lines = svg("g", { class: "wires" }), over = svg("g", { class: "nodes" });
    this.svg.append(lines, over);
    /** @type {number} */
    this.heaviest = Math.max(1e-300, ...view.wires.map((wire) => this.size(wire, now)));
    /** @type {Wire[]} */
    this.wires = view.wires.map((wire, i) => this.drawWire(wire, this.placed.wires[i], now, lines));
    /** @type {Box[]} */
    this.boxes = view.nodes.map((node, i) => this.drawNode(node, i, sizes.nodes[i], over, lines));
    this.frame(sizes);
  }

  /** A frame round each group that is open, unless others stand between its nodes.
   * @param {{nodes: {width: number, height: number}[], wires: {numbers: {width: number} | null}[]}} sizes
   */
  frame(sizes) {
    const { view, placed } = this;
    /** @type {Map<string, number[]>} */
    const members = new Map();
    view.nodes.forEach((node, k) => {
      const path = node.group ? node.group.split(".") : [];
      const isClosed = node.kind === "group" || node.kind === "neuron"; // it has a box of its own
      for (let depth = 1; depth <= path.length - (isClosed ? 1 : 0); depth++) {
        const group = path.slice(0, depth).join(".");
        members.set(group, [...members.get(group) ?? [], k]);
      }
    });
    const extents = placed.nodes.map(({ x, y }, k) => {
      const { width, height } = sizes.nodes[k];
      return { left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 };
    });
    view.wires.forEach(({ target }, i) => { // a gate stands behind the numbers of its inputs
      const { numbers } = sizes.wires[i];
      if (numbers) extents[target].left = Math.min(extents[target].left, placed.wires[i].x - numbers.width / 2);
    });
    const frames = svg("g", { class: "frames" });
    const all = [...members].filter(([, nodes]) => nodes.length > 1).sort((a, b) => b[1].length - a[1].length);
    let top = 0, left = 0, right = this.width, bottom = this.height;
    for (const [group, nodes] of all) {
      const inside = new Set(nodes), nested = all.filter(([other]) => other.startsWith(`${group}.`)).length > 0;
      const pad = nested ? 14 : 7, own = nodes.map((k) => extents[k]);
      const x = Math.min(...own.map((one) => one.left)) - pad, end = Math.max(...own.map((one) => one.right)) + pad;
      const y = Math.min(...own.map((one) => one.top)) - pad - 13, low = Math.max(...own.map((one) => one.bottom)) + pad;
      const mixed = extents.some((one, k) => !inside.has(k) && one.left < end && one.right > x && one.top < low && one.bottom > y);
      if (mixed) continue;
      frames.append(svg("rect", { x, y, width: end - x, height: low - y, rx: 8 }),
        svg("text", { x: x + 6, y: y + 12, "font-size": SMALL }, group));
      [left, top, right, bottom] = [Math.min(left, x - 2), Math.min(top, y - 2), Math.max(right, end + 2), Math.max(bottom, low + 2)];
    }
    this.svg.insertBefore(frames, this.svg.querySelector(".wires"));
    this.left = left;
    this.top = top;
    this.width = right - left;
    this.height = bottom - top;
    this.svg.setAttribute("viewBox", [Math.floor(left), Math.floor(top), Math.ceil(this.width), Math.ceil(this.height)].join(" "));
  }

  /** Where the nodes are, from the upper left corner. */
  outlines() {
    return this.placed.nodes.map(({ x, y }, k) => {
      const { width, height } = this.room[k];
      return { x: x - width / 2 - this.left, y: y - height / 2 - this.top, width, height };
    });
  }

  /** @param {ViewWire} wire @param {Numbers} now */
  size(wire, now) {
    return wire.weight >= 0 ? Math.abs(now.values[wire.weight]) || 0 : 0;
  }

  /** @param {ViewNode} node */
  symbol(node) {
    const { graph } = this, i = node.result;
    if (node.members.length > 1 && graph.data.terms[i]) return "\u03a3";
    const form = graph.data.forms[graph.gates[i]];
    const parameters = graph.constants[i].map((x) => number(x)).join(" ");
    if (form.op === "**") return `**${parameters}`;
    return `${form.op === "*" ? TIMES : form.op} ${parameters}`.trim();
  }

  /** How much room nodes, stems and the numbers of wires need.
   * @param {Numbers} now
   */
  sizes(now) {
    const { view, graph } = this;
    const uses = view.nodes.map(() => 0);
    for (const wire of view.wires) if (view.nodes[wire.target].kind !== "neuron") uses[wire.source] += 1;
    const wide = (/** @type {string[]} */ ...texts) => Math.max(...texts.map((text) => measure(text))) + 8;
    /** @type {Map<string, number>} */
    const places = new Map();
    this.stemmed = view.nodes.map((node, k) => node.result >= 0 && node.kind !== "group"
      && (uses[k] > 1 || node.members.includes(graph.root)));
    const nodes = view.nodes.map((node, k) => {
      const i = node.result;
      const name = graph.name(i < 0 ? node.members[0] : i, now.values);
      const prefix = node.kind === "leaf" ? "" : `${name} = `;
      const stem = this.stemmed[k]
        ? { width: wide(prefix + this.widest(number(now.values[i])), `sum ${this.widest()}`), height: 32 } : null;
      if (node.kind === "neuron") {
        const place = places.get(node.layer) ?? 0;
        places.set(node.layer, place + 1);
        return { width: 54, height: 40, dense: true, place, stem };
      }
      if (node.kind === "group") {
        return { width: wide(node.title, `${node.members.length} values`) + 14, height: 44, stem };
      }
      if (node.kind === "leaf") return { width: wide(name), height: 18, stem };
      const symbol = this.symbol(node);
      return { width: Math.max(32, measure(symbol) + 16), height: 32, stem };
    });
    const wires = view.wires.map((wire) => {
      const { source, target, operand } = wire;
      if (view.nodes[target].kind === "neuron") return { source, target, operand, numbers: null };
      const [top, bottom] = this.numbers(wire, now);
      return { source, target, operand, numbers: { width: wide(top, bottom), height: 32 } };
    });
    // Operands count from 0 without gaps, also where several wires are one.
    const counts = view.nodes.map(() => 0);
    for (const wire of wires) wire.operand = counts[wire.target]++;
    return { nodes, wires };
  }

  /** The two texts of a wire at their widest.
   * @param {ViewWire} wire
   * @param {Numbers} now
   */
  numbers(wire, now) {
    const { graph, view } = this;
    if (wire.pairs.length > 1) return [`${wire.pairs.length} wires`, ""];
    const [gate, operand] = wire.pairs[0];
    const value = number(now.values[graph.inputs[gate][operand]]);
    const flow = number(now.gradients[gate] * now.locals[gate][operand]);
    const local = number(now.locals[gate][operand]);
    return [this.prefix(view.nodes[wire.source], wire.source) + this.widest(value),
      `${this.widest(flow)} \u2190 ${TIMES}${this.widest(local)}`];
  }

  /** What a number may grow to. @param {string} text */
  widest(text = "") {
    return (text.length > WIDEST.length ? text : WIDEST) + (this.changes ? CHANGE : "");
  }

  /** What stands before the number on a wire: the name, unless it was told where the wire begins.
   * @param {ViewNode} node
   * @param {number} k
   */
  prefix(node, k) {
    const told = node.kind === "leaf" || this.stemmed[k] || node.result < 0;
    return told ? "" : `${this.graph.names[node.result]} = `;
  }

  /**
   * @param {ViewWire} wire
   * @param {{x: number, y: number, path: string}} at
   * @param {Numbers} now
   * @param {SVGGElement} parent
   * @returns {Wire}
   */
  drawWire(wire, at, now, parent) {
    const dense = this.view.nodes[wire.target].kind === "neuron";
    const element = svg("g", { class: dense ? "wire dense" : "wire" });
    const path = svg("path", { d: at.path });
    if (!dense) path.setAttribute("marker-end", `url(#${this.key}-plain)`);
    element.append(path);
    if (wire.weight >= 0) {
      const weight = now.values[wire.weight];
      element.classList.add(weight < 0 ? "minus" : "plus");
      path.style.strokeWidth = `${0.4 + 2.6 * this.size(wire, now) / this.heaviest}px`;
    }
    parent.append(element);
    /** @type {Wire} */
    const drawn = { wire, element, path, value: null, gradient: null, local: null };
    if (dense) return drawn;
    if (wire.pairs.length > 1) {
      drawn.value = svg("text", { x: at.x, y: at.y - 5, class: "muted" }, `${wire.pairs.length} wires`);
      element.append(drawn.value);
      return drawn;
    }
    drawn.value = svg("text", { x: at.x, y: at.y - 5, class: "value" });
    const below = svg("text", { x: at.x, y: at.y + 13 });
    drawn.gradient = /** @type {any} */ (svg("tspan", { class: "gradient" }));
    drawn.local = /** @type {any} */ (svg("tspan", { class: "local", "font-size": SMALL }));
    below.append(/** @type {any} */ (drawn.gradient), /** @type {any} */ (drawn.local));
    element.append(drawn.value, below);
    return drawn;
  }

  /**
   * @param {ViewNode} node
   * @param {number} k
   * @param {{width: number, height: number}} size
   * @param {SVGGElement} parent
   * @param {SVGGElement} lines
   * @returns {Box}
   */
  drawNode(node, k, size, parent, lines) {
    const { graph } = this, { x, y } = this.placed.nodes[k], i = node.result;
    const element = svg("g", { class: `node ${node.kind}`, "data-node": k, id: `${this.key}-n${k}` });
    /** @type {Box} */
    const box = { node, element, value: null, gradient: null, name: null, stem: null, stemValue: null, stemGradient: null };
    // What is a button has a label with the full numbers; its short ones stand beside it.
    const isButton = node.kind === "neuron" || node.kind === "group";
    const texts = isButton ? svg("g", { class: "texts", "aria-hidden": "true" }) : element;
    const middle = (/** @type {number} */ dy, /** @type {string} */ kind, text = "", points = SIZE) => {
      const made = svg("text", { x, y: y + dy, class: kind, "font-size": points }, text);
      texts.append(made);
      return made;
    };
    if (isButton) {
      element.append(svg("rect", {
        x: x - size.width / 2, y: y - size.height / 2, width: size.width, height: size.height, rx: 9,
      }));
      const short = node.title.split(".").pop() ?? "";
      if (node.kind === "neuron") {
        middle(-10, "muted", (!graph.data.sliders && /\d+$/.exec(short)?.[0]) || short, 8);
        box.value = middle(2, "value", "", 11);
        box.gradient = middle(15, "gradient", "", 11);
      } else {
        middle(-3, "name", node.title || "values");
        middle(12, "muted", `${node.members.length} values`, SMALL);
      }
    } else if (node.kind === "gate") {
      element.append(svg("ellipse", { cx: x, cy: y, rx: size.width / 2, ry: 16 }));
      const terms = graph.data.terms[i];
      middle(node.members.length > 1 && terms ? 1 : 4, "name", this.symbol(node));
      if (node.members.length > 1 && terms) middle(11, "muted", String(terms), 8);
    } else {
      element.append(svg("rect", {
        x: x - size.width / 2, y: y - 10, width: size.width, height: 20, class: "ground",
      }));
      const text = middle(4, "name", graph.names[i]);
      if (graph.unnamed.has(i)) box.name = text;
    }
    const stem = this.placed.stems[k];
    if (stem) {
      box.stem = svg("g", { class: "wire stem" });
      box.stem.append(svg("path", { d: stem.path }));
      box.stemValue = svg("text", { x: stem.x, y: stem.y - 5, class: "value" });
      box.stemGradient = svg("text", { x: stem.x, y: stem.y + 13, class: "gradient" });
      box.stem.append(box.stemValue, box.stemGradient);
      lines.append(box.stem);
    }
    parent.append(element);
    if (isButton) parent.append(texts);
    return box;
  }

  /** Write all numbers that are known at a stop, and light what changes.
   * @param {State} state
   * @param {Numbers} now
   * @param {Stop} stop
   * @param {(x: number, given: number) => string} [shown]
   * @param {State} [old]      the same stop with the numbers that are given
   * @param {boolean} [asks]   whether a slope is hidden until its wire has been passed
   */
  write(state, now, stop, shown = (x) => number(x), old = state, asks = false) {
    const { graph, view } = this;
    const { given } = graph;
    const gradient = (/** @type {number} */ i) => {
      const grad = state.gradients.get(i);
      return grad === undefined ? "" : shown(grad, old.gradients.get(i) ?? grad);
    };
    for (const text of this.svg.querySelectorAll(".answered")) text.classList.remove("answered");
    const works = new Set(stop.nodes);
    const lit = new Set(stop.pairs.map(([gate, operand]) => `${gate} ${operand}`));
    for (const [k, box] of this.boxes.entries()) {
      const i = box.node.result;
      const slope = gradient(i);
      const value = i >= 0 && state.known[i] ? shown(now.values[i], given.values[i]) : "";
      put(box.name, number(now.values[i]));
      put(box.value, value);
      put(box.gradient, slope);
      const prefix = box.node.kind === "leaf" ? "" : `${graph.names[i]} = `;
      put(box.stemValue, value && prefix + value);
      put(box.stemGradient, slope && this.sum(box.node) + slope);
      const fresh = stop.phase !== "start" && works.has(k);
      toggle(box.element, "lit", fresh);
      toggle(box.element, "fresh", stop.phase === "backward" && i >= 0 && state.last?.input === i);
      toggle(box.stem, "lit", Boolean(fresh && (stop.phase === "seed" || stop.phase === "forward")));
    }
    for (const drawn of this.wires) {
      const { wire } = drawn;
      const key = wire.pairs[0].join(" ");
      const isLit = stop.phase === "forward" ? works.has(wire.target)
        : stop.phase === "backward" && wire.pairs.some((pair) => lit.has(pair.join(" ")));
      toggle(drawn.element, "lit", isLit);
      if (drawn.path.hasAttribute("marker-end")) {
        drawn.path.setAttribute("marker-end", `url(#${this.key}-${isLit ? "lit" : "plain"})`);
      }
      if (!drawn.local) continue;
      const [gate, operand] = wire.pairs[0];
      const input = graph.inputs[gate][operand];
      const flow = state.flows.get(key);
      put(drawn.value, state.known[input]
        ? this.prefix(view.nodes[wire.source], wire.source) + shown(now.values[input], given.values[input]) : "");
      put(drawn.gradient, flow === undefined ? "" : `${shown(flow, old.flows.get(key) ?? flow)} `);
      put(drawn.local, state.known[gate] && !(asks && flow === undefined)
        ? `\u2190 ${TIMES}${shown(now.locals[gate][operand], given.locals[gate][operand])}` : "");
    }
  }

  /** What stands before the gradient of a stem. @param {ViewNode} node */
  sum(node) {
    const { root, uses } = this.graph;
    return node.members.includes(root) && uses[root] === 0 ? "" : "sum ";
  }

  /** Light those numbers of a wire, where they stand.
   * @param {import("./walk.js").Backward} wire
   * @param {("local" | "contribution" | "after")[]} fields
   */
  light({ gate, operand, input, local, contribution, after }, fields) {
    const drawn = this.wires.find(({ wire }) => wire.pairs.length === 1 && wire.pairs[0][0] === gate && wire.pairs[0][1] === operand);
    const box = this.boxes.find(({ node }) => node.result === input);
    const stem = box?.stemGradient;
    /** @type {Record<string, [Element | null | undefined, string]>} */
    const places = {
      local: [drawn?.local, `\u2190 ${TIMES}${number(local)}`],
      contribution: [drawn?.gradient, `${number(contribution)} `],
      // A value that is used once has no sum but what its wire brings.
      after: stem ? [stem, this.sum(box.node) + number(after)] : [box?.gradient, number(after)],
    };
    for (const [element, text] of fields.map((field) => places[field])) {
      put(element ?? null, text);
      element?.classList.add("answered");
    }
  }

  /** A dot runs along the wires that are lit, backward on the way back.
   * @param {Stop} stop
   */
  move(stop) {
    this.svg.querySelectorAll(".dot").forEach((dot) => dot.remove());
    if (stop.phase !== "forward" && stop.phase !== "backward") return;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    for (const drawn of this.wires.filter((one) => one.element.classList.contains("lit")).slice(0, 40)) {
      const dot = svg("circle", { r: 4, class: "dot" });
      const ends = stop.phase === "forward" ? "0;1" : "1;0";
      const run = svg("animateMotion", {
        dur: "0.7s", path: drawn.path.getAttribute("d") ?? "", keyPoints: ends, keyTimes: "0;1",
        calcMode: "linear", fill: "freeze", begin: "indefinite",
      });
      dot.append(run);
      drawn.element.append(dot);
      run.addEventListener("endEvent", () => dot.remove());
      run.beginElement();
    }
  }
}

/** @param {Element | null} element @param {string} text */
function put(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** @param {Element | null} element @param {string} name @param {boolean} on */
function toggle(element, name, on) {
  if (element && element.classList.contains(name) !== on) element.classList.toggle(name, on);
}
