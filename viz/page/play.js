/**
 * The playground: an expression, its numbers as sliders, and the walk through its graph.
 *
 *     new Playground(box, "play", rules, grammar, examples);
 *
 * The address holds the expression and its numbers, so that a link shows what its sender saw.
 */

import { html, svg } from "./drawing.js";
import { ExpressionError, parse } from "./expression.js";
import { number } from "./numbers.js";
import { Page } from "./page.js";

/**
 * @typedef {{title: string, text: string, numbers: Record<string, number>, rate: number}} Example
 */

const CHECKED = 100; // leaves of one check

export class Playground {
  /** @type {Page | null} */ page = null;
  /** @type {Map<string, number>} of names, as they were set last */ numbers = new Map();
  /** @type {number[]} what the steps of descent led to */ losses = [];
  /** @type {number | undefined} */ waiting;
  /** @type {number | undefined} */ writing;

  /**
   * @param {HTMLElement} box
   * @param {string} key
   * @param {Record<string, import("./graph.js").Rule>} rules
   * @param {import("./expression.js").Grammar} grammar
   * @param {Example[]} examples
   */
  constructor(box, key, rules, grammar, examples) {
    this.key = key;
    this.rules = rules;
    this.grammar = grammar;
    this.examples = examples;
    this.text = html("textarea", { "aria-label": "expression", rows: "1", spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
    this.alert = html("pre", { class: "alert", role: "alert" });
    this.before = html("p", { class: "before", hidden: "" }, "Below is still the expression before.");
    this.rate = html("input", { type: "text", inputmode: "decimal", value: "0.1", "aria-label": "learning rate" });
    this.told = html("div", { class: "told", "aria-live": "polite" });
    this.curve = html("div", { class: "curve" });
    this.stage = html("div", { class: "stage" });
    const tools = html("div", { class: "bar" }), shown = html("div", { class: "bar examples" });
    /** @param {HTMLElement} parent @param {string} text @param {string} title @param {() => void} action */
    const button = (parent, text, title, action) => {
      const made = html("button", { type: "button", title }, text);
      made.addEventListener("click", action);
      parent.append(made);
    };
    for (const example of examples) button(shown, example.title, example.text, () => this.show(example));
    button(tools, "One step of descent", "each number moves against its gradient: x - rate \u00d7 gradient", () => this.descend(1));
    button(tools, "50 steps", "of descent", () => this.descend(50));
    tools.append(html("label", {}, "rate", this.rate));
    button(tools, "Check the gradient", "compare each gradient with differences of the function itself", () => this.check());
    button(tools, "Copy link", "to this expression with these numbers", () => this.copyLink());
    box.replaceChildren(html("h1", {}, "Backpropagation playground"), this.text, this.alert, shown, tools, this.before, this.told, this.curve, this.stage);
    this.text.addEventListener("input", () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.draw(), 150);
      this.grow();
    });
    document.addEventListener("keydown", (event) => {
      if (event.target === document.body) this.page?.key_(event);
    });
    addEventListener("hashchange", () => this.readAddress());
    if (!this.readAddress()) this.show(examples[0]);
  }

  /** The box is as high as its text. */
  grow() {
    this.text.rows = Math.min(5, this.text.value.split("\n").length);
    while (this.text.scrollHeight > this.text.clientHeight + 4 && this.text.rows < 5) this.text.rows += 1;
  }

  /** @param {Example} example */
  show({ text, numbers, rate }) {
    this.text.value = text;
    this.numbers = new Map(Object.entries(numbers));
    this.rate.value = String(rate);
    this.draw();
    this.page?.go(0); // whose numbers are still to come, step by step
    this.grow();
  }

  /** Draw the text; or say what is wrong with it, below the picture that was right. */
  draw() {
    clearTimeout(this.waiting);
    this.waiting = undefined;
    const text = this.text.value;
    /** @type {import("./graph.js").Data} */
    let data;
    try {
      data = parse(text, this.numbers, this.grammar);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.refuse(error);
      return;
    }
    this.alert.textContent = "";
    this.isOld(false);
    const at = this.page?.at ?? 0, old = this.page?.data.title;
    data.quiz = Boolean(this.page?.quiz); // who is asked stays so with the next expression
    this.page?.end();
    const box = html("div", { class: "walk" });
    this.stage.replaceChildren(box);
    this.losses = [];
    this.told.textContent = "";
    box.addEventListener("stop", () => this.moved());
    this.page = new Page(box, this.key, data, this.rules);
    this.page.heading.hidden = true;
    this.page.whatIf.open = true;
    box.prepend(this.page.whatIf);
    this.page.go(old === text ? at : this.page.stops.length - 1);
    this.moved();
  }

  /** @param {ExpressionError} error */
  refuse({ message, start, end }) {
    const text = this.text.value;
    const from = Math.max(0, start - 60, text.slice(0, start).lastIndexOf("\n") + 1);
    const line = text.slice(from, start + 60).split("\n")[0];
    const carets = "^".repeat(Math.max(1, Math.min(end - start, line.length - (start - from))));
    this.alert.textContent = `${message}\n  ${line}\n  ${" ".repeat(start - from)}${carets}`;
    this.isOld(true);
  }

  /** Whether the picture is of another expression than the text. @param {boolean} old */
  isOld(old) {
    this.text.setAttribute("aria-invalid", String(old));
    this.stage.classList.toggle("old", old);
    this.before.hidden = !old || !this.page;
    if (old) this.told.textContent = ""; // what was told was of the picture
  }

  /** The walk has moved, or a number has. */
  moved() {
    const { page } = this;
    if (!page) return;
    const sliders = page.data.sliders ?? [], now = page.now.values;
    for (const i of sliders) this.numbers.set(page.graph.names[i], now[i]);
    if (this.losses[this.losses.length - 1] !== now[page.graph.root]) this.losses = [];
    this.drawCurve();
    clearTimeout(this.writing);
    this.writing = setTimeout(() => this.writeAddress(), 200);
  }

  // ------------------------------------------------------------ descent and check

  /** The page of what the text says now; null, and told why, where a button has nothing to act upon. */
  ready() {
    if (this.waiting) this.draw(); // who types and presses at once means what was typed
    const { page } = this;
    if (this.stage.classList.contains("old")) this.told.textContent = "First mend the expression.";
    else if (page?.quiz && page.secret) this.told.textContent = "First predict the gradients, or press Predict again to end that.";
    else return page;
    return null;
  }

  /** @param {number} count */
  descend(count) {
    const page = this.ready();
    if (!page) return;
    const { graph } = page, sliders = page.data.sliders ?? [], rate = Number(this.rate.value);
    const name = graph.names[graph.root], before = page.now.values[graph.root];
    if (!(rate > 0) || !Number.isFinite(rate)) {
      this.told.textContent = "The rate is a number above 0, such as 0.1.";
      return;
    }
    let now = page.now, leaves = page.changed, predicted = 0;
    if (this.losses.length === 0) this.losses = [before];
    const losses = [...this.losses];
    for (let k = 0; k < count; k++) {
      const steep = sliders.find((i) => !Number.isFinite(now.gradients[i]));
      if (now.failure || steep !== undefined) {
        this.told.textContent = now.failure ? `No step from here. ${now.failure}`
          : `No step from here: ${graph.names[steep ?? 0]} has the gradient ${number(now.gradients[steep ?? 0])}.`;
        return;
      }
      leaves = new Map(leaves);
      for (const i of sliders) {
        leaves.set(i, now.values[i] - rate * now.gradients[i]);
        if (k === 0) predicted -= rate * now.gradients[i] ** 2;
      }
      now = graph.compute(leaves);
      losses.push(now.values[graph.root]);
    }
    this.losses = losses;
    page.change(leaves);
    page.go(page.stops.length - 1); // where the gradients stand that it moved against
    page.detail.textContent = "";
    const after = now.values[graph.root];
    const told = `${name}: ${number(before)} \u2192 ${number(after)} in ${count === 1 ? "one step" : `${count} steps`}`;
    const promise = count === 1 ? `; the gradient predicted a change of ${number(predicted)}` : "";
    this.told.textContent = told + promise + (after > before ? `. ${name} rose: the steps are too long, take a smaller rate.` : ".");
  }

  /** What the steps led to, as a line. */
  drawCurve() {
    this.curve.hidden = this.losses.length < 3;
    if (this.curve.hidden) return;
    const width = 320, height = 70, finite = this.losses.map((y) => (Number.isFinite(y) ? y : 0));
    const low = Math.min(0, ...finite), high = Math.max(...finite, low + 1e-300);
    const points = finite.map((y, k) =>
      `${(4 + k * (width - 8) / (finite.length - 1)).toFixed(1)},${(height - 4 - (y - low) / (high - low) * (height - 8)).toFixed(1)}`);
    const told = `from ${number(this.losses[0])} to ${number(this.losses[this.losses.length - 1])} in ${this.losses.length - 1} steps`;
    const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": told });
    drawn.append(svg("polyline", { points: points.join(" ") }));
    this.curve.replaceChildren(drawn, html("span", {}, told));
  }

  /** Each gradient beside the slope that differences give. */
  check() {
    const page = this.ready();
    if (!page) return;
    const { graph, now } = page, sliders = (page.data.sliders ?? []).slice(0, CHECKED);
    if (now.failure || sliders.length === 0) {
      this.told.textContent = now.failure ? `There is no slope here. ${now.failure}` : "There is no name whose number could be moved.";
      return;
    }
    const rows = sliders.map((i) => {
      const f = (/** @type {number} */ x) => {
        const { values, failure } = graph.compute(new Map([...page.changed, [i, x]]));
        return failure ? NaN : values[graph.root];
      };
      return { name: graph.names[i], ...compare(f, now.values[i], now.gradients[i]) };
    });
    const table = html("table", {}, html("tr", {}, ...["leaf", "gradient", "by differences", "verdict"].map((text) => html("th", {}, text))));
    for (const { name, gradient, numeric, verdict } of rows) {
      table.append(html("tr", {}, ...[name, number(gradient, 6), number(numeric, 6), verdict].map((text) => html("td", {}, text))));
    }
    const wrong = rows.filter(({ verdict }) => verdict === "differs").length;
    const told = wrong === 0 ? "The gradient check says ok." : `The gradient check: ${wrong} of ${rows.length} differ.`;
    this.told.replaceChildren(told, table);
  }

  // ------------------------------------------------------------ the address

  address() {
    const { page } = this;
    const names = (page?.data.sliders ?? []).map((i) => page?.graph.names[i] ?? "");
    const numbers = names.map((name) => `${encodeURIComponent(name)}:${this.numbers.get(name)}`).join(",");
    return `#f=${encodeURIComponent(page?.data.title ?? "")}&at=${page?.at ?? 0}&rate=${encodeURIComponent(this.rate.value)}&n=${numbers}`;
  }

  writeAddress() {
    if (this.stage.classList.contains("old")) return;
    try {
      history.replaceState(null, "", this.address());
    } catch { /* a page from a file may not */ }
  }

  copyLink() {
    if (this.waiting) this.draw();
    this.writeAddress();
    navigator.clipboard?.writeText(location.href.split("#")[0] + this.address());
    this.told.textContent = "Copied: a link to this expression with these numbers.";
  }

  /** Whether the address held an expression. */
  readAddress() {
    const [, text, at, rate, numbers] = /^#f=([^&]*)(?:&at=(\d+))?(?:&rate=([^&]*))?(?:&n=(.*))?$/.exec(location.hash) ?? [];
    if (!text) return false;
    try {
      this.text.value = decodeURIComponent(text);
      this.rate.value = decodeURIComponent(rate ?? "0.1");
      this.numbers = new Map((numbers ?? "").split(",").flatMap((part) => {
        const [name, x] = part.split(":");
        return x && Number.isFinite(Number(x)) ? [[decodeURIComponent(name), Number(x)]] : [];
      }));
    } catch {
      return false; // a link that was cut
    }
    this.draw();
    this.grow();
    if (at) this.page?.go(Number(at));
    return true;
  }
}

/** A gradient against differences: extrapolated as in Ridders (1982), from both sides.
 * @param {(x: number) => number} f
 * @param {number} x
 * @param {number} gradient
 */
function compare(f, x, gradient) {
  const far = 0.01 * Math.max(1, Math.abs(x));
  const both = slope((h) => (f(x + h) - f(x - h)) / (2 * h), far, 4);
  const right = slope((h) => (f(x + h) - f(x)) / h, far, 2), left = slope((h) => (f(x) - f(x - h)) / h, far, 2);
  const near = (/** @type {number} */ a, /** @type {number} */ b) =>
    Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b));
  const short = (/** @type {number} */ x) => number(Number(x.toPrecision(6)));
  const sides = [left, right].filter((side) => !Number.isNaN(side));
  const numeric = Number.isNaN(both) ? sides[0] ?? NaN : both;
  const [low, high] = [Math.min(...sides), Math.max(...sides)];
  let verdict = "differs";
  if (Number.isNaN(both) ? sides.some((side) => near(side, gradient)) : near(both, gradient) && near(low, high)) verdict = "ok";
  else if (sides.length === 2 && !near(low, high) && low - 1e-6 <= gradient && gradient <= high + 1e-6) {
    verdict = `ok: a kink, slope ${short(left)} on its left and ${short(right)} on its right`;
  } else if (sides.length > 0 && Math.abs(gradient) === Infinity && Math.abs(numeric) > 100) verdict = "ok: it grows without bound";
  return { gradient, numeric, verdict };
}

/** The limit of differences d(h) for small h, whose error falls by `factor` when h is halved.
 * @param {(h: number) => number} d
 * @param {number} h
 * @param {number} factor
 */
function slope(d, h, factor) {
  /** @type {number[]} */
  let before = [];
  let best = NaN, error = Infinity;
  for (let k = 0; k < 10; k++) {
    const row = [d(h / 2 ** k)];
    for (let j = 1; j <= k; j++) {
      const power = factor ** j;
      row.push(row[j - 1] + (row[j - 1] - before[j - 1]) / (power - 1));
      const off = Math.max(Math.abs(row[j] - row[j - 1]), Math.abs(row[j] - before[j - 1]));
      if (off <= error) [best, error] = [row[j], off];
    }
    before = row;
  }
  return best;
}
