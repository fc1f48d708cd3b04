/**
 * The recorded graph, and the same computation with other leaves.
 *
 *     const graph = new Graph(data, rules);
 *     const now = graph.compute(new Map([[0, 2.5]]));     // leaf 0 is 2.5
 *     now.values, now.locals, now.gradients
 */

import { number } from "./numbers.js";

/**
 * @typedef {object} Form               a gate's formulas, in plain text with <operands>
 * @property {string} op
 * @property {string[]} operands
 * @property {string[]} parameters
 * @property {string} value
 * @property {string[]} slopes
 *
 * @typedef {object} Data               values in topological order
 * @property {string[]} names
 * @property {number[]} unnamed         constants, which go by their number
 * @property {(number | string)[]} data   as Python recorded them; those of gates may be missing
 * @property {string[]} gates           "" for a leaf
 * @property {(number | string)[][]} constants
 * @property {number[][]} inputs
 * @property {(number | string)[][]} locals   [] if data of gates is missing
 * @property {number[]} [choices]       gates that compare or choose: see `carries`
 * @property {string[][]} groups        the path of each value's group
 * @property {number[]} example         which example of a batch a value belongs to; -1: all
 * @property {number} examples
 * @property {number[]} folds           the value that shows it where repeats and sums are folded
 * @property {Record<string, number>} terms   of folded sums
 * @property {Record<string, Form>} forms
 * @property {Record<string, string | string[]>} sentences
 * @property {string} title             the expression
 * @property {number} depth             how many levels of groups are open at first; -1: as fits
 * @property {boolean} alone            whether this is a page of its own
 * @property {boolean} quiz             whether it asks from the start
 * @property {Mistake[]} mistakes       what can go wrong in a step, or in the planted pass
 * @property {Planted | null} planted   a mistake to be found; `locals` hold its slopes
 * @property {[string, [number, number | string][], boolean][]} asked   comparisons that the program
 *                                      made: the gate, place (-1: none) and number of each side, the answer
 * @property {number[]} [sliders]       the leaves that one may move; without it all, by typing
 *
 * @typedef {{name: string, sentence: string, hint: string, plant: [string, string]}} Mistake
 *
 * @typedef {object} Planted            a backward pass with a mistake in it
 * @property {number} answer            which of `mistakes`
 * @property {number[]} order           the gates in the order of their turns
 * @property {number[]} start           gradients that were there before
 * @property {number[]} overwritten     values in which a contribution takes the place of the sum
 *
 * @typedef {(...operands: number[]) => {value: number, slopes: number[], failure: string}} Rule
 * @typedef {object} Numbers
 * @property {number[]} values
 * @property {number[][]} locals
 * @property {number[]} gradients
 * @property {boolean[]} reached        by the backward pass
 * @property {string} failure           what the engine would say, and where; "" if it computes
 */

export class Graph {
  /**
   * @param {Data} data
   * @param {Record<string, Rule>} rules
   */
  constructor(data, rules) {
    this.data = data;
    this.rules = rules;
    this.inputs = data.inputs;
    this.gates = data.gates;
    this.size = data.names.length;
    this.root = this.size - 1;
    this.names = data.names.slice();
    this.unnamed = new Set(data.unnamed);
    this.constants = data.constants.map((row) => row.map(Number));
    this.uses = this.names.map(() => 0);
    for (const row of this.inputs) for (const i of row) this.uses[i] += 1;
    this.order = data.planted?.order ?? [...data.gates.keys()].reverse();
    this.initial = data.planted?.start.map(Number) ?? this.names.map(() => 0);
    this.overwritten = new Set(data.planted?.overwritten);
    this.choices = new Set(data.choices ?? []);
    const values = data.data.map(Number), locals = data.locals.map((row) => row.map(Number));
    /** @type {Numbers} */
    this.given = locals.length === 0 ? this.forward(values)
      : { values, locals, failure: "", ...this.backward(locals) };
  }

  /** @param {number} i */
  isLeaf(i) {
    return this.inputs[i].length === 0;
  }

  /** All numbers with some leaves changed, by the gates' own rules.
   * @param {Map<number, number>} leaves
   * @returns {Numbers}
   */
  compute(leaves) {
    if (leaves.size === 0) return this.given;
    const values = this.given.values.slice();
    for (const [i, x] of leaves) values[i] = x;
    return this.forward(values);
  }

  /** All numbers, from those of the leaves.
   * @param {number[]} values
   * @returns {Numbers}
   */
  forward(values) {
    /** @type {number[][]} */
    const locals = [];
    /** @type {Map<number, string>} */
    const failures = new Map();
    for (let i = 0; i < this.size; i++) {
      locals.push([]);
      if (this.isLeaf(i)) continue;
      const result = this.rules[this.gates[i]](...this.inputs[i].map((k) => values[k]), ...this.constants[i]);
      values[i] = Number(result.value);
      locals[i] = result.slopes.map(Number);
      if (result.failure) failures.set(i, result.failure);
    }
    let failure = "";
    const needed = failures.size > 0 ? this.needed(values) : [];
    for (const [i, reason] of failures) {
      if (!needed[i]) continue;
      failure = `${this.gates[i]}: ${this.formula(i, "value", values)}: ${reason}`;
      break;
    }
    return { values, locals, failure, ...this.backward(locals) };
  }

  /** Which values the root is computed from: a gate may fail in the arm that is not taken.
   * @param {number[]} values
   */
  needed(values) {
    const needed = this.names.map((_, i) => i === this.root);
    for (let i = this.root; i >= 0; i--) {
      if (!needed[i]) continue;
      const [condition, a, b] = this.inputs[i];
      const chooses = this.choices.has(i) && this.inputs[i].length === 3;
      for (const k of chooses ? [condition, values[condition] ? a : b] : this.inputs[i]) needed[k] = true;
    }
    return needed;
  }

  /** What the program asked of its values and would be answered otherwise now: `x < 3`.
   * @param {number[]} values
   */
  otherwise(values) {
    return this.data.asked.flatMap(([gate, sides, answer]) => {
      const [a, b] = sides.map(([i, x]) => (i < 0 ? Number(x) : values[i]));
      if (Boolean(this.rules[gate](a, b).value) === answer) return [];
      const [left, right] = sides.map(([i, x]) => (i < 0 ? number(Number(x)) : this.name(i, values)));
      return [`${left} ${this.data.forms[gate].op} ${right}`];
    });
  }

  /** The gradient of the root with respect to each value, and which values it reaches.
   * @param {number[][]} locals
   */
  backward(locals) {
    const gradients = this.initial.slice(), reached = this.names.map((_, i) => i === this.root);
    const now = { locals, reached };
    gradients[this.root] = 1;
    for (const i of this.order) {
      this.inputs[i].forEach((input, operand) => {
        if (!this.carries(now, i, operand)) return;
        reached[input] = true;
        gradients[input] = this.added(input, gradients[input], gradients[i] * locals[i][operand]);
      });
    }
    return { gradients, reached };
  }

  /** Whether a wire brings a gradient back: not from a comparison, nor to the arm not taken.
   *
   * There 0 times inf would be nan, where the engine has no wire at all.
   * @param {{locals: number[][], reached: boolean[]}} now
   * @param {number} gate
   * @param {number} operand
   */
  carries(now, gate, operand) {
    return now.reached[gate] && (!this.choices.has(gate) || now.locals[gate][operand] !== 0);
  }

  /** A gradient after a contribution to it.
   * @param {number} input
   * @param {number} before
   * @param {number} contribution
   */
  added(input, before, contribution) {
    return this.overwritten.has(input) ? contribution : before + contribution;
  }

  /** A value's name; of a constant its number.
   * @param {number} i
   * @param {number[]} values
   */
  name(i, values) {
    return this.unnamed.has(i) ? number(values[i]) : this.names[i];
  }

  /** A formula of gate i: of its value, or of the slope in an operand.
   * @param {number} i
   * @param {"value" | number} which
   * @param {number[]} values
   * @param {boolean} [withNames]  else with numbers
   */
  formula(i, which, values, withNames = false) {
    const form = this.data.forms[this.gates[i]];
    const template = which === "value" ? form.value : form.slopes[which];
    /** @param {number} k */
    const show = (k) => (withNames ? this.name(k, values) : number(values[k]));
    /** @type {Record<string, string>} */
    const parts = { y: show(i) };
    form.operands.forEach((operand, n) => { parts[operand] = show(this.inputs[i][n]); });
    form.parameters.forEach((parameter, n) => { parts[parameter] = number(this.constants[i][n]); });
    return template.replace(/<(\w+)>/g, (match, name, at) => {
      const before = template.slice(0, at), after = template.slice(at + match.length);
      const isApart = /(^|\(|, )$/.test(before) && /^($|[,)])/.test(after); // as in exp(-2)
      return isApart || !parts[name].startsWith("-") ? parts[name] : `(${parts[name]})`;
    });
  }
}
