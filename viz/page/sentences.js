/**
 * What a stop says, in the sentences that Python uses too, as pieces with the ink of their kind.
 *
 *     const { told, formula } = say(view, state, now, stop, k);
 */

import { html } from "./drawing.js";
import { number, times, TIMES } from "./numbers.js";

/**
 * @typedef {import("./graph.js").Numbers} Numbers
 * @typedef {import("./walk.js").View} View
 * @typedef {import("./walk.js").State} State
 * @typedef {import("./walk.js").Stop} Stop
 * @typedef {{text: string, kind: string}} Piece   kind: "", "value", "gradient", "local" or "name"
 */

/** The kinds of what is put into a sentence. */
const KINDS = {
  upstream: "gradient", contribution: "gradient", before: "gradient", after: "gradient",
  local: "local", value: "value", numbers: "value", number: "value", input: "name", result: "name",
};

/** @param {number} n @param {string[]} ordinals */
function nth(n, ordinals) {
  const last = Math.floor(n / 10) % 10 === 1 ? 0 : n % 10;
  return ordinals[n - 1] ?? n + (["th", "st", "nd", "rd"][last] ?? "th");
}

/** A sentence with its parts put in.
 * @param {string} template
 * @param {Record<string, string>} parts
 * @returns {Piece[]}
 */
function fill(template, parts) {
  return template.split(/(\{\w+\})/).filter(Boolean).map((piece) => {
    const name = /^\{(\w+)\}$/.exec(piece)?.[1];
    if (!name) return { text: piece, kind: "" };
    return { text: parts[name], kind: KINDS[/** @type {keyof typeof KINDS} */ (name)] ?? "" };
  });
}

/**
 * @param {View} view
 * @param {State} state
 * @param {Numbers} now
 * @param {Stop} stop
 * @returns {{told: Piece[], formula: Piece[]}}
 */
export function say(view, state, now, stop) {
  const { graph } = view;
  const sentences = /** @type {Record<string, string>} */ (graph.data.sentences);
  const ordinals = /** @type {string[]} */ (graph.data.sentences.ordinals);
  const { values } = now;
  const name = (/** @type {number} */ i) => graph.name(i, values);
  const plain = (/** @type {string} */ kind, /** @type {Record<string, string>} */ parts = {}) =>
    ({ told: fill(sentences[kind], parts), formula: /** @type {Piece[]} */ ([]) });
  if (stop.phase === "start") return plain("start");
  if (stop.phase === "seed") return plain("seed", { result: name(graph.root), after: "1" });
  const nodes = stop.nodes.map((k) => view.nodes[k]);
  if (nodes.length > 1 || nodes[0].members.length > 1) {
    const title = nodes.length > 1 ? nodes[0].layer : nodes[0].title;
    const members = nodes.flatMap((node) => node.members);
    const count = stop.phase === "forward"
      ? members.filter((i) => !graph.isLeaf(i)).length : stop.pairs.length;
    const kind = graph.data.terms[nodes[0].result] && nodes.length === 1 ? "sum" : "group";
    return plain(`${kind}_${stop.phase}`, { group: title, count: String(count), result: title });
  }
  const i = nodes[0].result;
  const result = name(i);
  if (stop.phase === "forward") {
    const symbols = graph.formula(i, "value", values, true), numbers = graph.formula(i, "value", values);
    return plain(symbols === numbers ? "forward" : "forward_long",
      { result, symbols, numbers, value: number(values[i]) });
  }
  const wire = state.last;
  if (!wire) return plain("start");
  const uses = graph.uses[wire.input];
  /** @type {Record<string, string>} */
  const parts = { input: name(wire.input), result, times: times(uses), ordinal: nth(wire.place, ordinals) };
  for (const field of /** @type {const} */ (["upstream", "local", "contribution", "before", "after"])) {
    parts[field] = number(wire[field]);
  }
  const kind = graph.data.planted ? "planted" : uses < 2 ? "once" : wire.place === 1 ? "fork_first" : "fork_next";
  const count = graph.inputs[wire.gate].length;
  parts.place = count === 1 ? "input" : `${nth(wire.operand + 1, ordinals)} input`;
  const steps = [graph.formula(wire.gate, wire.operand, values, true),
    graph.formula(wire.gate, wire.operand, values), parts.local];
  parts.formula = [...new Set(steps)].join(" = ");
  const constant = graph.unnamed.has(wire.input);
  const said = (/** @type {string} */ how) => (constant
    ? { ...parts, input: sentences[how].replace("{number}", parts.input) } : parts);
  return {
    told: fill(sentences[kind], said("constant")),
    formula: graph.data.planted ? [] : fill(sentences[uses < 2 ? "slope" : "slope_fork"],
      said(uses < 2 ? "constant_slope" : "constant")),
  };
}

const WORDS = [
  ["leaf", "a value that no gate computes: a number that you may change."],
  ["gate", `one operation, such as + or ${TIMES}: a circle in the picture.`],
  ["operand", `a value that goes into a gate: a \u2212 b has the first operand a and the second operand b.`],
  ["local", "the slope of one gate in one operand: how fast the gate's output changes when the operand grows."],
  ["upstream", "the gradient that has arrived at the gate's output: how fast the end result changes when that output grows."],
  ["contribution", `upstream ${TIMES} local: what flows back along one wire.`],
  ["sum", "all contributions to one value added up: in the end, its gradient."],
  ["keys", "\u2190 and \u2192 step, Home and End go to the ends, the space bar plays; Tab goes to the picture and to each button."],
];

/** What the sentences and questions take for known. */
export function words() {
  const list = html("dl", {}, ...WORDS.flatMap(([word, meaning]) => [html("dt", {}, word), html("dd", {}, meaning)]));
  return html("details", { class: "words" }, html("summary", {}, "Words and keys"), list);
}

/** The chain rule of one wire, for a pointer that rests on it.
 * @param {View} view
 * @param {Numbers} now
 * @param {number} gate
 * @param {number} operand
 */
export function chainRule(view, now, gate, operand) {
  const { graph } = view, root = graph.name(graph.root, now.values);
  const input = graph.name(graph.inputs[gate][operand], now.values);
  const result = graph.name(gate, now.values);
  const up = now.gradients[gate], local = now.locals[gate][operand];
  return `wire from ${input} to ${result}: value ${number(now.values[graph.inputs[gate][operand]])}; `
    + `back flow d${root}/d${result} ${TIMES} slope = ${number(up)} ${TIMES} ${number(local)} = ${number(up * local)}`;
}

/** All routes from a value to the root, each with its product; undefined if there are too many.
 * @param {View} view
 * @param {Numbers} now
 * @param {number} leaf
 * @param {number} [most]
 * @returns {{pairs: [number, number][], product: number}[] | undefined}
 */
export function routes(view, now, leaf, most = 64) {
  const { graph } = view;
  /** @type {[number, number][][]} */
  const users = graph.names.map(() => []);
  graph.inputs.forEach((row, gate) => row.forEach((input, operand) => users[input].push([gate, operand])));
  /** @type {{pairs: [number, number][], product: number}[]} */
  const found = [];
  /** @type {{at: number, pairs: [number, number][], product: number}[]} */
  const waiting = [{ at: leaf, pairs: [], product: 1 }];
  for (let steps = 0; waiting.length > 0; steps++) {
    if (steps > 20000) return undefined;
    const { at, pairs, product } = /** @type {typeof waiting[0]} */ (waiting.pop());
    if (at === graph.root) {
      found.push({ pairs, product });
      if (found.length > most) return undefined;
    }
    for (const [gate, operand] of [...users[at]].reverse()) {
      waiting.push({ at: gate, pairs: [...pairs, [gate, operand]], product: product * now.locals[gate][operand] });
    }
  }
  return found;
}
