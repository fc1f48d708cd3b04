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
 * @typedef {object} Data               what Python recorded; values in topological order
 * @property {string[]} names
 * @property {number[]} unnamed         constants, which go by their number
 * @property {(number | string)[]} data
 * @property {string[]} gates           "" for a leaf
 * @property {(number | string)[][]} constants
 * @property {number[][]} inputs
 * @property {(number | string)[][]} locals
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
    /** @type {Numbers} */
    this.given = {
      values: data.data.map(Number), locals: data.locals.map((row) => row.map(Number)),
      gradients: [], failure: "",
    };
    this.given.gradients = this.backward(this.given.locals);
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
    /** @type {number[][]} */
    const locals = [];
    let failure = "";
    for (const [i, x] of leaves) values[i] = x;
    for (let i = 0; i < this.size; i++) {
      locals.push([]);
      if (this.isLeaf(i)) continue;
      const result = this.rules[this.gates[i]](...this.inputs[i].map((k) => values[k]), ...this.constants[i]);
      values[i] = Number(result.value);
      locals[i] = result.slopes.map(Number);
      if (result.failure && !failure) {
        failure = `${this.gates[i]}: ${this.formula(i, "value", values)}: ${result.failure}`;
      }
    }
    return { values, locals, gradients: this.backward(locals), failure };
  }

  /** The gradient of the root with respect to each value.
   * @param {number[][]} locals
   */
  backward(locals) {
    const gradients = this.initial.slice();
    gradients[this.root] = 1;
    for (const i of this.order) {
      this.inputs[i].forEach((input, operand) => {
        gradients[input] = this.added(input, gradients[input], gradients[i] * locals[i][operand]);
      });
    }
    return gradients;
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
    return template.replace(/<(\w+)>/g, (match, name) =>
      match === template || !parts[name].startsWith("-") ? parts[name] : `(${parts[name]})`);
  }
}
