/**
 * Predict, then reveal: the learner types the three numbers of a step before they are shown; and
 * the question which mistake a walk has in it.
 *
 *     const quiz = new Quiz(graph);               // quiz.element is its form
 *     quiz.ask(wire, now, right, done);           // right() after each number, done() after all three
 *     const leaves = newNumbers(graph, 1);        // at which all usual mistakes look different
 *     box.append(whichMistake(data, key));            // the seven names, as buttons, each with what it means
 */

import { html } from "./drawing.js";
import { number, TIMES } from "./numbers.js";

/**
 * @typedef {import("./graph.js").Data} Data
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Mistake} Mistake
 * @typedef {import("./graph.js").Numbers} Numbers
 * @typedef {import("./walk.js").Backward} Backward
 * @typedef {"local" | "contribution" | "after"} Field
 * @typedef {{right: boolean, mistakes: Mistake[], said: string}} Verdict
 */

/** @type {Field[]} */
const FIELDS = ["local", "contribution", "after"];
const ASKED = { local: "local slope", contribution: "contribution", after: "new sum" };
const HINTS = { local: "", contribution: `upstream ${TIMES} local slope`, after: "what was there before + contribution" };

/** A step with a mistake in it; undefined where it cannot be made.
 * @param {{upstream: number, local: number, before: number, other?: number}} wire
 * @param {Mistake} mistake
 * @returns {Record<Field, number> | undefined}
 */
export function wrongStep(wire, mistake) {
  const { upstream, local, before, other } = wire, [what, instead] = mistake.plant;
  /** @type {Record<string, number | undefined>} */
  const known = { upstream, local, before, other, "-local": -local, 0: 0, 1: 1 };
  if (known[what] === undefined || known[instead] === undefined) return undefined;
  known[what] = known[instead];
  const wrong = /** @type {Record<string, number>} */ (known);
  const contribution = wrong.upstream * wrong.local;
  return { local: wrong.local, contribution, after: wrong.before + contribution };
}

/** Which mistakes show in which number, and what they make of it.
 * @param {Graph} graph
 * @param {Numbers} now
 * @param {Backward} wire
 * @param {Field} field
 */
function wrongAnswers(graph, now, wire, field) {
  const row = now.locals[wire.gate];
  const other = row.length === 2 ? row[1 - wire.operand] : undefined;
  // Not what the numbers before it, which were right, rule out.
  const shows = { local: ["-local", "other"], contribution: ["1"], after: ["-local", "other", "1", "0"] };
  /** @type {{mistake: Mistake, answer: number}[]} */
  const answers = [];
  for (const mistake of graph.data.mistakes) {
    const wrong = wrongStep({ ...wire, other }, mistake);
    if (wrong && shows[field].includes(mistake.plant[1])) answers.push({ mistake, answer: wrong[field] });
  }
  return answers;
}

/** Whether a typed number is that number: to the digits that are shown, or to a hundredth.
 * @param {number} typed
 * @param {number} x
 */
function isNear(typed, x) {
  return number(typed) === number(x) || Math.abs(typed - x) <= 0.01 * Math.abs(x);
}

/**
 * @param {Graph} graph
 * @param {Numbers} now
 * @param {Backward} wire
 * @param {Field} field
 * @param {number} typed
 * @returns {Verdict}
 */
export function judge(graph, now, wire, field, typed) {
  const exact = wire[field];
  const short = (/** @type {number} */ x) => (Number.isFinite(x) ? Number(number(x)) : x);
  // Who computes with the numbers that are shown is right as well.
  const shown = field === "after" ? short(wire.before) + short(wire.contribution)
    : field === "contribution" ? short(wire.upstream) * short(wire.local) : exact;
  if (isNear(typed, exact) || isNear(typed, shown)) return { right: true, mistakes: [], said: "Right." };
  const found = wrongAnswers(graph, now, wire, field).filter(({ answer }) => isNear(typed, answer));
  const plain = found.filter(({ mistake }) => mistake.plant[0] === "before");
  const made = plain.length > 0 ? plain : found;
  const said = made.length > 0 ? made.map(({ mistake }) => mistake.sentence).join(" Or: ")
    : field === "local" ? aValue(graph, now, wire, typed) || off(typed, exact) : off(typed, exact);
  return { right: false, mistakes: made.map(({ mistake }) => mistake), said };
}

/** How a number differs from the right one.
 * @param {number} typed
 * @param {number} exact
 */
function off(typed, exact) {
  if (typed * exact < 0) return isNear(-typed, exact) ? "It has the other sign." : "Its sign is wrong, and its size.";
  return `Its size is too ${Math.abs(typed) > Math.abs(exact) ? "large" : "small"}.`;
}

/** What to say to who took the value on a wire for the slope; "" if that was not so.
 * @param {Graph} graph
 * @param {Numbers} now
 * @param {Backward} wire
 * @param {number} typed
 */
function aValue(graph, now, wire, typed) {
  const taken = [wire.input, wire.gate].find((i) => isNear(typed, now.values[i]));
  if (taken === undefined) return "";
  const [input, result] = [wire.input, wire.gate].map((i) => graph.name(i, now.values));
  return `That is the value of ${graph.name(taken, now.values)}. The slope says how fast ${result} changes when ${input} grows.`;
}

/** What a learner typed, also as a product or a fraction: 2*3, 1/4; undefined if it is no number.
 * @param {string} text
 */
function typedNumber(text) {
  const plain = text.trim().replaceAll("\u2212", "-").replaceAll("\u00d7", "*").replaceAll(",", ".");
  const parts = plain.split(/([*/])/);
  if (parts.length > 1 && parts.every((part, k) => k % 2 === 1 || (part.trim() !== "" && Number.isFinite(Number(part))))) {
    return parts.reduce((x, part, k) => (k === 0 ? Number(part) : k % 2 === 1 ? x : parts[k - 1] === "*" ? x * Number(part) : x / Number(part)), 0);
  }
  if (/^[+-]?inf$/.test(plain)) return plain.startsWith("-") ? -Infinity : Infinity;
  const x = Number(plain);
  return plain === "nan" ? NaN : plain === "" || Number.isNaN(x) ? undefined : x;
}

export class Quiz {
  /** @param {Graph} graph */
  constructor(graph) {
    this.graph = graph;
    this.drawn = 0; // how many times new numbers were drawn
    /** @type {Map<string, boolean>} of each wire that was answered whether at the first try */
    this.answers = new Map();
    /** @type {{wire: Backward, now: Numbers, right: () => void, done: () => void} | null} */
    this.asked = null;
    /** @type {Map<Field, number>} how often an answer was wrong */
    this.failed = new Map();
    /** @type {Record<Field, HTMLInputElement>} */
    this.inputs = { local: this.input("local"), contribution: this.input("contribution"), after: this.input("after") };
    this.check = html("button", { type: "submit" }, "Check");
    this.said = html("div", { class: "said", "aria-live": "polite" });
    this.score = html("div", { class: "score", "aria-live": "polite" });
    this.fields = html("div", { class: "bar" },
      ...FIELDS.map((field) => html("label", {}, ASKED[field], this.inputs[field])), this.check);
    this.element = html("form", { class: "quiz", "aria-label": "your prediction", novalidate: "" }, this.fields, this.said, this.score);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.look();
    });
  }

  /** @param {Field} field */
  input(field) {
    return html("input", { type: "text", inputmode: "text", autocomplete: "off", "data-field": field });
  }

  /** @param {number} gate @param {number} operand */
  has(gate, operand) {
    return this.answers.has(`${gate} ${operand}`);
  }

  /** Which numbers of a wire were answered. @param {Backward} wire */
  known({ gate, operand }) {
    if (this.has(gate, operand)) return FIELDS;
    return this.isOf(gate, operand) ? FIELDS.filter((field) => this.inputs[field].readOnly) : [];
  }

  /** Whether the question is of this wire. @param {number} gate @param {number} operand */
  isOf(gate, operand) {
    return this.asked?.wire.gate === gate && this.asked.wire.operand === operand;
  }

  /** The numbers of a wire, or nothing.
   * @param {Backward | null} wire
   * @param {Numbers} now
   * @param {() => void} right
   * @param {() => void} done
   */
  ask(wire, now, right, done) {
    const same = wire && this.isOf(wire.gate, wire.operand);
    this.asked = wire && { wire, now, right, done };
    this.fields.hidden = !wire;
    if (same) return;
    this.failed.clear();
    if (wire) this.say("");
    for (const field of FIELDS) {
      const input = this.inputs[field];
      input.value = "";
      input.readOnly = false;
      input.removeAttribute("aria-invalid");
      input.classList.remove("right");
    }
  }

  /** The first number that is still asked for. */
  next() {
    return FIELDS.find((field) => !this.inputs[field].readOnly);
  }

  focus() {
    const field = this.next();
    if (this.asked && field) this.inputs[field].focus({ preventScroll: true });
  }

  /** Judge what was typed, one number after the other. */
  look() {
    const first = this.next();
    for (let field = first; field && this.asked; field = this.next()) {
      const input = this.inputs[field], typed = typedNumber(input.value);
      if (typed === undefined) {
        if (field === first || input.value.trim() !== "") this.say(`Type a number: ${ASKED[field]}.`);
        break;
      }
      const { wire, now } = this.asked;
      const verdict = judge(this.graph, now, wire, field, typed);
      if (!verdict.right && !this.fail(field, verdict)) break;
      input.readOnly = true;
      input.classList.add("right");
      input.setAttribute("aria-invalid", "false");
      if (verdict.right) this.say("Right.");
      this.asked.right();
    }
    if (this.asked && !this.next()) this.finish();
    else this.focus();
  }

  /** First what went wrong, then a hint, then the answer; whether that was given.
   * @param {Field} field
   * @param {Verdict} verdict
   */
  fail(field, verdict) {
    const { wire, now } = /** @type {NonNullable<typeof this.asked>} */ (this.asked);
    const count = (this.failed.get(field) ?? 0) + 1;
    this.failed.set(field, count);
    this.inputs[field].setAttribute("aria-invalid", "true");
    if (count >= 3) {
      this.inputs[field].value = number(wire[field]);
      this.say(`${verdict.said} The ${ASKED[field]} is ${number(wire[field])}.`);
      return true;
    }
    const symbols = this.graph.formula(wire.gate, wire.operand, now.values, true);
    const hint = [...verdict.mistakes.map((one) => one.hint),
      `The ${ASKED[field]} is ${HINTS[field] || symbols}.`].join(" ");
    this.say(count === 1 ? verdict.said : `${verdict.said} ${hint}`);
    return false;
  }

  finish() {
    if (!this.asked) return;
    const { wire, done } = this.asked;
    this.answers.set(`${wire.gate} ${wire.operand}`, this.failed.size === 0);
    this.asked = null;
    done();
  }

  /** @param {boolean} over */
  count(over) {
    const first = [...this.answers.values()].filter(Boolean).length;
    const text = this.answers.size > 0 ? `${first} of ${this.answers.size} at first try${over ? "." : " so far"}` : "";
    if (this.score.textContent !== text) this.score.textContent = text;
  }

  /** @param {string} text */
  say(text) {
    this.said.textContent = text;
  }

  again() {
    this.answers.clear();
    this.asked = null;
    this.say("");
  }
}

/** Leaves at which the usual mistakes give other answers than the right one, and than each other.
 *
 * Some can never be told apart, as a wire whose slope is 1 is right without it: the draw with the
 * fewest such pairs is taken. The same seed draws the same numbers.
 * @param {Graph} graph
 * @param {number} seed
 * @returns {Map<number, number>}
 */
export function newNumbers(graph, seed) {
  const free = graph.names.flatMap((_, i) => (graph.isLeaf(i) && !graph.unnamed.has(i) ? [i] : []));
  const random = generator(seed);
  const tries = Math.max(20, Math.min(400, Math.round(40000 / graph.size)));
  /** @type {Map<number, number>} */
  let best = new Map();
  let fewest = Infinity;
  for (let k = 0; k < tries; k++) {
    const unit = [2, 4, 10][k % 3]; // halves and quarters, or tenths where a gate wants small ones
    const drawn = () => (1 + Math.floor(random() * 10)) / unit * (random() < 0.5 ? -1 : 1);
    const leaves = new Map(free.map((i) => [i, drawn()]));
    const now = graph.compute(leaves);
    if (now.failure) continue;
    const alike = countAlike(graph, now);
    if (alike < fewest) [fewest, best] = [alike, leaves];
  }
  return best;
}

/** How many answers look like another one, over all wires; numbers that are a nuisance count too.
 * @param {Graph} graph
 * @param {Numbers} now
 */
export function countAlike(graph, now) {
  let alike = 0;
  for (const x of [...now.values, ...now.gradients]) {
    if (!Number.isFinite(x)) return Infinity;
    if (x !== 0 && (Math.abs(x) > 1e4 || Math.abs(x) < 1e-3)) alike += 1;
  }
  const gradients = now.values.map(() => 0);
  gradients[graph.root] = 1;
  for (const gate of graph.order) {
    const [a, b] = graph.inputs[gate];
    if (b !== undefined && a !== b && now.values[a] === now.values[b]) alike += 100; // a tie teaches nothing
    graph.inputs[gate].forEach((input, operand) => {
      const upstream = gradients[gate], local = now.locals[gate][operand], before = gradients[input];
      const contribution = upstream * local, after = before + contribution;
      gradients[input] = after;
      const wire = { gate, operand, input, upstream, local, contribution, before, after, place: 0 };
      for (const field of FIELDS) {
        const answers = [wire[field], ...wrongAnswers(graph, now, wire, field).map((one) => one.answer)];
        answers.forEach((x, i) => answers.slice(0, i).forEach((y) => { if (isNear(x, y) || isNear(y, x)) alike += 1; }));
      }
    });
  }
  return alike;
}

/** Numbers between 0 and 1, the same for the same seed (mulberry32).
 * @param {number} seed
 */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}

/** The names of the mistakes, of which one was planted.
 * @param {Data} data
 * @param {string} key   that no other page has
 */
export function whichMistake(data, key) {
  const said = html("div", { class: "said", "aria-live": "polite" });
  const rows = data.mistakes.map((mistake, k) => {
    const id = `${key}-mistake${k}`;
    const made = html("button", { type: "button", "aria-describedby": id }, mistake.name);
    made.addEventListener("click", () => {
      const right = k === data.planted?.answer;
      made.classList.add(right ? "right" : "wrong");
      said.textContent = right ? `Right: ${mistake.name}. ${mistake.sentence} ${mistake.hint}`
        : `No, it is not \u201c${mistake.name}\u201d. ${mistake.hint}`;
      said.scrollIntoView({ block: "nearest" }); // on a phone it is a screen below the button
    });
    return html("li", {}, made, html("span", { id }, mistake.sentence));
  });
  const legend = html("legend", {}, "The way back has one mistake in it. Which?");
  return html("fieldset", { class: "quiz" }, legend, html("ul", {}, ...rows), said);
}
