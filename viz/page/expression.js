/**
 * An expression as text -> the graph of its gates: the language of `viz/expression.py`.
 *
 *     const data = parse("q = x*y; f = q + max(x, 0)", new Map([["x", 3]]), grammar);
 *
 * A name that has no value in the text is a leaf with a slider; so `x = 2; f = x*w` holds x fixed.
 * Which gates there are, and what they are called, is in the grammar, which Python writes from the
 * gate table. Of `where(a > b, x, y)` the graph holds both arms, so that it is right for all leaves.
 * Nothing here calls itself: parentheses may be nested as deep as the text is long.
 */

import { number } from "./numbers.js";

/**
 * @typedef {import("./graph.js").Data} Data
 * @typedef {import("./graph.js").Form & {symbol: string, defaults: number[]}} GateForm
 *
 * @typedef {object} Grammar
 * @property {Record<string, GateForm>} forms     of all gates, by name
 * @property {Record<string, string>} callables   what can be called, aliases too -> the gate
 * @property {Record<string, string>} spellings   other words for gates, without capitals and _
 * @property {Record<string, string>} signs       handwritten signs -> those of the language
 * @property {Record<string, string | string[]>} sentences
 * @property {import("./graph.js").Mistake[]} mistakes   that the quiz knows
 *
 * @typedef {{kind: string, text: string, start: number, end: number}} Token
 * @typedef {{start: number, end: number}} Span
 * @typedef {Span & (
 *   {kind: "number", value: number} | {kind: "name", name: string}
 *   | {kind: "unary", operand: Node} | {kind: "binary", sign: string, left: Node, right: Node}
 *   | {kind: "call", name: string, arguments: Node[], named: {name: string, value: Node}[], called: Span}
 * )} Node
 * @typedef {{target: Token | null, body: Node}} Statement
 */

const LONGEST = 10000; // characters
const MOST = 2000; // gates
const FOLDED = 40; // values; of a larger graph each statement is a group, closed at first
const STARTS = [0.5, 2, 1.5, 3, 0.25, 2.5]; // numbers of new names: inside of most domains

/** What is wrong with an expression, and where. */
export class ExpressionError extends Error {
  /** @param {string} message @param {Span} span */
  constructor(message, { start, end }) {
    super(message);
    this.start = start;
    this.end = Math.max(end, start + 1);
  }
}

const SPACE = /[^\S\n\r]+/y, LINE = /[\n\r]+/y, WORD = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Nd}\p{M}_]*/uy;
const NUMBER = /0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?/y;
const SIGN = /\*\*|\/\/|<=|>=|==|!=|[-+*/^()<>=,;]/y;

/** @param {string} text @returns {Token[]} */
function tokenize(text) {
  /** @type {Token[]} */
  const tokens = [];
  for (let at = 0; at < text.length;) {
    /** @param {RegExp} pattern */
    const next = (pattern) => {
      pattern.lastIndex = at;
      return pattern.exec(text)?.[0] ?? "";
    };
    let found = next(SPACE), kind = "";
    for (const [name, pattern] of /** @type {[string, RegExp][]} */ ([
      ["line", LINE], ["name", WORD], ["number", NUMBER], ["sign", SIGN]])) {
      if (!found && (found = next(pattern))) kind = name;
    }
    const end = at + (found.length || String.fromCodePoint(text.codePointAt(at) ?? 0).length);
    if (!found) {
      const told = text[at] === "#" ? "a comment" : "this character";
      throw new ExpressionError(`${told} cannot stand in an expression`, { start: at, end });
    }
    if (kind) tokens.push({ kind, text: kind === "name" ? found.normalize("NFKC") : found, start: at, end });
    at = end;
  }
  tokens.push({ kind: "end", text: "", start: text.length, end: text.length });
  return tokens;
}

/** The tokens of each statement: a new line begins one, but not in parentheses or after a sign.
 * @param {Token[]} tokens
 * @returns {Token[][]}
 */
function split(tokens) {
  const assigns = tokens.some(({ text }, i) => text === "=" && tokens[i - 1]?.kind === "name"
    && (i < 2 || tokens[i - 2].kind === "line" || tokens[i - 2].text === ";"));
  /** @type {Token[][]} */
  const statements = [[]];
  let depth = 0;
  for (const token of tokens) {
    const now = statements[statements.length - 1], last = now[now.length - 1];
    depth += token.text === "(" ? 1 : token.text === ")" ? -1 : 0;
    const goesOn = depth > 0 || !assigns || (last?.kind === "sign" && last.text !== ")");
    if (token.kind === "line" && goesOn) continue;
    if (token.kind === "line" || token.text === ";" || token.kind === "end") {
      now.push({ ...token, kind: "end" });
      if (now.length > 1) statements.push([]);
      else now.pop();
    } else now.push(token);
  }
  statements.pop();
  return statements;
}

/** How tightly signs hold; a sign before its operand holds as NEGATION does. */
const BINDING = /** @type {Record<string, number>} */ ({
  "<": 1, "<=": 1, ">": 1, ">=": 1, "+": 2, "-": 2, "*": 3, "/": 3, "^": 5, "**": 5,
});
const NEGATION = 4;

/**
 * What waits for its operands: a sign, an open parenthesis, or a call.
 * @typedef {{kind: string, binding: number, sign: string, token: Token, start: number,
 *   call: (Node & {kind: "call"}) | null, keyword: Token | null}} Waiting
 */

/** The tree of one statement's tokens, by precedence, on a stack of its own.
 * @param {Token[]} tokens
 * @param {(message: string, span: Span) => ExpressionError} wrong
 * @returns {Node}
 */
function treeOf(tokens, wrong) {
  /** @type {Node[]} */
  const done = [];
  /** @type {Waiting[]} */
  const waiting = [];
  const pop = () => /** @type {Node} */ (done.pop());
  const top = () => waiting[waiting.length - 1];
  /** @param {string} kind @param {Token} token @param {number} binding @param {(Node & {kind: "call"}) | null} [call] */
  const wait = (kind, token, binding, call = null) =>
    waiting.push({ kind, binding, sign: token.text, token, start: token.start, call, keyword: null });
  /** Give operands to all signs that hold tighter than this. @param {number} binding */
  const reduce = (binding) => {
    while (waiting.length > 0 && top().binding >= binding) {
      const { kind, sign, start } = /** @type {Waiting} */ (waiting.pop());
      const right = pop(), { end } = right;
      if (kind === "binary") {
        const left = pop();
        done.push({ kind, sign, left, right, start: left.start, end });
      } else if (right.kind === "number") {
        done.push({ ...right, value: sign === "-" ? -right.value : right.value, start });
      } else if (sign === "-") done.push({ kind: "unary", operand: right, start, end });
      else done.push(right);
    }
  };
  /** Take a finished argument into its call. */
  const argument = () => {
    const { call, keyword } = top(), value = pop();
    if (keyword) call?.named.push({ name: keyword.text, value });
    else call?.arguments.push(value);
    top().keyword = null;
  };
  /** Close a call at its parenthesis. @param {Token} token */
  const close = (token) => {
    const call = /** @type {Node & {kind: "call"}} */ (waiting.pop()?.call);
    done.push({ ...call, end: token.end });
  };
  let wantsOperand = true;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i], { text, kind, start, end } = token, next = tokens[i + 1];
    if (wantsOperand) {
      const call = top()?.call;
      if (kind === "number") {
        const value = Number(text.replaceAll("_", ""));
        if (!Number.isFinite(value) && /^\d+$/.test(text)) throw wrong("this number is too large for a float", token);
        done.push({ kind, value, start, end });
        wantsOperand = false;
      } else if (kind === "name" && next.text === "(") {
        wait("call", token, 0, { kind: "call", name: text, arguments: [], named: [], called: token, start, end });
        i += 1;
      } else if (kind === "name" && next.text === "=" && call && ["(", ","].includes(tokens[i - 1].text)) {
        top().keyword = token;
        i += 1;
      } else if (kind === "name") {
        done.push({ kind, name: text, start, end });
        wantsOperand = false;
      } else if (text === "(") wait("(", token, 0);
      else if (text === "-" || text === "+") wait("unary", token, NEGATION);
      else if (text === ")" && call && ["(", ","].includes(tokens[i - 1].text)) {
        close(token);
        wantsOperand = false;
      } else throw wrong("this is not an expression: a value is missing here", token);
    } else if (kind === "sign" && Object.hasOwn(BINDING, text)) {
      const binding = BINDING[text];
      reduce(binding === BINDING["**"] ? binding + 1 : binding);
      wait("binary", token, binding);
      wantsOperand = true;
    } else if (text === "," || text === ")" || kind === "end") {
      reduce(1);
      const open = top();
      if (kind === "end" && open) throw wrong("this is not an expression: this ( is not closed", { start: open.token.start, end: open.token.end + (open.call ? 1 : 0) });
      if (kind === "end") break;
      if (!open) throw wrong(`this is not an expression: ${text === ")" ? "this ) closes nothing" : "a comma stands only in a call"}`, token);
      if (open.call) argument();
      else if (text === ",") throw wrong("this is not an expression: a comma stands only in a call", token);
      if (text === ",") wantsOperand = true;
      else if (open.call) close(token);
      else {
        waiting.pop();
        const inner = pop();
        done.push({ ...inner, start: open.start, end });
      }
    } else if (text === "=") throw wrong("this is not an expression: a statement gives one name to one value, as in q = x + y; f = q*z", token);
    else if (kind === "sign" && text !== "(") throw wrong("of the operators only + - * / ** are gates", token);
    else throw wrong("this is not an expression: an operator is missing before this", token);
  }
  return pop();
}

/** The longest common run of two stretches, as `difflib` finds it.
 * @param {string} a @param {string} b @param {number[]} within   aLow, aHigh, bLow, bHigh
 */
function longestRun(a, b, [aLow, aHigh, bLow, bHigh]) {
  let best = { i: aLow, j: bLow, size: 0 };
  for (let i = aLow; i < aHigh; i++) {
    for (let j = bLow; j < bHigh; j++) {
      let size = 0;
      while (i + size < aHigh && j + size < bHigh && a[i + size] === b[j + size]) size += 1;
      if (size > best.size) best = { i, j, size };
    }
  }
  return best;
}

/** How alike two words are, from 0 to 1 (Ratcliff and Obershelp), as `difflib` has it.
 * @param {string} a @param {string} b
 */
function likeness(a, b) {
  let common = 0;
  const stretches = [[0, a.length, 0, b.length]];
  for (let stretch = stretches.pop(); stretch; stretch = stretches.pop()) {
    const { i, j, size } = longestRun(a, b, stretch);
    if (size === 0) continue;
    common += size;
    stretches.push([stretch[0], i, stretch[2], j], [i + size, stretch[1], j + size, stretch[3]]);
  }
  return a.length + b.length === 0 ? 1 : 2 * common / (a.length + b.length);
}

/** @param {string} word @param {string[]} known @param {number} least */
function closest(word, known, least) {
  let best = "", most = least;
  for (const other of word.length > 40 ? [] : known) {
    const alike = likeness(other, word);
    if (alike > most || (alike === most && (!best || other > best))) [best, most] = [other, alike];
  }
  return best;
}

/** The gate that goes by another name or spelling: `ln`, `ReLU`, `sigmod`.
 * @param {string} name @param {Grammar} grammar
 */
function gateLike(name, { spellings }) {
  const found = closest(name.toLowerCase().replaceAll("_", ""), Object.keys(spellings), 0.8);
  return found && spellings[found];
}

/** The text with handwritten signs, powers and products as the language has them; "" if it is no help.
 * @param {string} text @param {Grammar} grammar
 */
function respelled(text, grammar) {
  if (text.length > 80 || /\b(and|or|not|if|else|in|is|for|lambda|yield|await)\b/.test(text)) return "";
  const word = "[\\p{L}_][\\p{L}\\p{Nd}_]*", digits = "(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?(?![\\d.])";
  /** @param {string} pattern */
  const all = (pattern) => new RegExp(pattern, "gu");
  /** @param {string} name @param {(gate: string) => string} made @param {string} old */
  const called = (name, made, old) => {
    const gate = gateLike(name, grammar);
    return gate ? made(gate) : old;
  };
  const SMALL_DIGITS = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";
  let now = text.replace(/[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b]+/g, (small) =>
    `**${[...small].map((c) => (c === "\u207b" ? "-" : SMALL_DIGITS.indexOf(c))).join("")}`);
  now = [...now].map((c) => (Object.hasOwn(grammar.signs, c) ? grammar.signs[c] : c)).join("");
  now = now.replace(all(`(?<![\\p{L}\\p{Nd}_])(${word})\\s*\\*\\*\\s*(\\d+)\\s*(?:\\(([^()]*)\\)|\\s(${word}))`), (old, name, power, inside, single) =>
    called(name, (gate) => `${gate}(${inside ?? single})**${power}`, old));
  now = now.replace(all(`\u221a\\s*(\\(|${word}|${digits})`), (_, root) => (root === "(" ? "sqrt(" : `sqrt(${root})`));
  now = now.replace(/\|([^|]+)\|/g, "abs($1)");
  now = now.replace(all(`(?<![\\p{L}\\p{Nd}_])(${word})\\s+((?:${digits}\\s*)?${word}|${digits})(?![\\p{L}\\p{Nd}_]|\\s*\\()`), (old, name, inside) =>
    called(name, (gate) => `${gate}(${inside})`, old));
  now = now.replace(all(`(?<![\\p{L}\\p{Nd}_.])(${digits})\\s*(?=${word}|\\()`), "$1*");
  now = now.replace(all(`(\\)|(?<![\\p{L}\\p{Nd}_])${word})\\s+(?=${word}|\\d)|(\\))(?=[\\p{L}\\p{Nd}_]|\\()`), (_, a, b) => `${a ?? b}*`);
  try {
    for (const statement of split(tokenize(now))) treeOf(withoutTarget(statement), (message, span) => new ExpressionError(message, span));
  } catch {
    return "";
  }
  const bare = now.match(all(`(?<![\\p{L}\\p{Nd}_])${word}(?![\\p{L}\\p{Nd}_]|\\s*\\()`)) ?? [];
  return now === text || bare.some((name) => Object.hasOwn(grammar.callables, name)) ? "" : now;
}

/** @param {Token[]} tokens */
function withoutTarget(tokens) {
  return tokens[0]?.kind === "name" && tokens[1]?.text === "=" ? tokens.slice(2) : tokens;
}

/**
 * What a text computes.
 * @param {string} text
 * @param {Map<string, number>} numbers   of names; others get numbers to begin with
 * @param {Grammar} grammar
 * @returns {Data}
 */
export function parse(text, numbers, grammar) {
  if (text.length > LONGEST) {
    throw new ExpressionError(`this has ${text.length} characters, and ${LONGEST} is the most`, { start: LONGEST, end: LONGEST });
  }
  const meant = respelled(text, grammar), hint = meant && `; did you mean ${meant}?`;
  /** @param {string} message @param {Span} span */
  const wrong = (message, span) => new ExpressionError(message + hint, span);
  /** @type {Token[][]} */
  let parts;
  try {
    parts = split(tokenize(text));
  } catch (error) {
    throw error instanceof ExpressionError ? wrong(error.message, error) : error;
  }
  if (parts.length === 0) throw new ExpressionError("this is not an expression: it is empty", { start: 0, end: 1 });
  const statements = parts.map((tokens) => {
    const body = withoutTarget(tokens);
    return { target: body === tokens ? null : tokens[0], body: treeOf(body, wrong) };
  });
  return new Builder(text, numbers, grammar).run(statements);
}

/** The values of a graph, made from the leaves on; `data` puts them in the order of the engine. */
class Builder {
  /** @type {{gate: string, inputs: number[], constants: number[], data: number, name: string, group: string}[]} */
  values = [];
  gateCount = 0;
  group = "";

  /** @param {string} text @param {Map<string, number>} numbers @param {Grammar} grammar */
  constructor(text, numbers, grammar) {
    this.text = text;
    this.numbers = numbers;
    this.grammar = grammar;
    /** @type {Map<string, number>} leaves, and what was assigned so far */
    this.known = new Map();
    /** @type {Set<string>} */
    this.used = new Set();
    /** @type {Set<string>} */
    this.assigned = new Set();
    /** @type {Map<number, number>} leaves with sliders, and where each stands in the text */
    this.movable = new Map();
    this.started = 0;
  }

  /** @param {Statement[]} statements */
  run(statements) {
    for (const { target } of statements) if (target) this.assigned.add(target.text);
    let root = 0;
    statements.forEach(({ target, body }, k) => {
      if (target) this.check(target);
      else if (k < statements.length - 1) {
        throw new ExpressionError(`nothing uses this: give it a name, as in q = ${this.source(body)}, or leave it out`, body);
      }
      this.group = target && statements.length > 1 ? target.text : "";
      root = this.build(body);
      if (!target) return;
      const value = this.values[root];
      value.name ||= target.text;
      if (!value.gate) value.group = "";
      this.known.set(target.text, root);
    });
    for (const { target } of statements.slice(0, -1)) {
      if (target && !this.used.has(target.text)) {
        throw new ExpressionError(`${target.text} is not used by what follows: use it, or leave this statement out`, target);
      }
    }
    return this.data(root);
  }

  /** @param {Token} target */
  check(target) {
    const name = target.text;
    if (Object.hasOwn(this.grammar.callables, name)) throw new ExpressionError(`${name} is a gate: give this value another name`, target);
    if (this.known.has(name)) throw new ExpressionError(`${name} has a value already: give this another name, such as ${name}2`, target);
  }

  /** @param {Span} span */
  source({ start, end }) {
    const whole = this.text.slice(start, end);
    return whole.length > 60 ? `${whole.slice(0, 57)}...` : whole;
  }

  /** @param {string} gate @param {number[]} inputs @param {number[]} constants @param {number} data @param {string} name */
  add(gate, inputs, constants, data, name) {
    return this.values.push({ gate, inputs, constants, data, name, group: name ? "" : this.group }) - 1;
  }

  /** @param {string} gate @param {number[]} inputs @param {Span} span @param {number[]} constants */
  addGate(gate, inputs, span, constants) {
    this.gateCount += 1;
    if (this.gateCount > MOST) throw new ExpressionError(`this has more than ${MOST} gates`, span);
    return this.add(gate, inputs, constants, NaN, "");
  }

  /** The value of a tree.
   * @param {Node} body
   */
  build(body) {
    /** @type {number[]} */
    const results = [];
    /** @type {{node: Node | null, make: (() => void) | null}[]} */
    const work = [{ node: body, make: null }];
    while (work.length > 0) {
      const { node, make } = /** @type {typeof work[0]} */ (work.pop());
      if (make) make();
      if (!node) continue;
      if (node.kind === "number") results.push(this.add("", [], [], node.value, ""));
      else if (node.kind === "name") results.push(this.named(node));
      else {
        const { operands, gates } = this.operation(node);
        const finish = () => {
          /** @type {number[]} */
          let made = results.splice(results.length - operands.length);
          for (const { gate, count, constants } of gates) {
            const inputs = made.splice(0, count);
            made = [this.addGate(gate, inputs, node, constants), ...made];
          }
          results.push(made[0]);
        };
        work.push({ node: null, make: finish });
        for (const operand of [...operands].reverse()) work.push({ node: operand, make: null });
      }
    }
    return results[0];
  }

  /** @param {Node & {kind: "name"}} node */
  named(node) {
    const { name } = node, { grammar } = this;
    this.used.add(name);
    const there = this.known.get(name);
    if (there !== undefined) return there;
    if (this.assigned.has(name)) throw new ExpressionError(`${name} is used before it is assigned: move ${name} = up`, node);
    if (name === "where") throw new ExpressionError("where is called with a comparison first, as in where(x > 0, x, 0)", node);
    if (Object.hasOwn(grammar.callables, name)) {
      const { operands } = grammar.forms[grammar.callables[name]];
      throw new ExpressionError(`${name} is a gate: call it, as in ${name}(${operands.join(", ")})`, node);
    }
    const isPi = name === "pi" && !this.numbers.has(name);
    const data = isPi ? Math.PI : this.numbers.get(name) ?? STARTS[this.started++ % STARTS.length];
    const leaf = this.add("", [], [], data, name);
    if (!isPi) this.movable.set(leaf, node.start);
    this.known.set(name, leaf);
    return leaf;
  }

  /** An operation's operands from left to right, and the gates that it makes of them.
   * @param {Node} node
   * @returns {{operands: Node[], gates: {gate: string, count: number, constants: number[]}[]}}
   */
  operation(node) {
    /** @param {string} gate @param {Node[]} operands @param {number[]} [constants] */
    const one = (gate, operands, constants = []) => ({ operands, gates: [{ gate, count: operands.length, constants }] });
    if (node.kind === "unary") return one("neg", [node.operand]);
    if (node.kind === "binary") {
      const { left, right } = node, sign = node.sign === "^" ? "**" : node.sign;
      if (/[<>]/.test(sign)) {
        throw new ExpressionError(`only numbers, names, + - * / ** and gates are allowed here; a comparison stands in where, as in where(${this.source(node)}, 1, 0)`, node);
      }
      if (sign === "**" && right.kind === "number") return one(this.bySymbol("**", 1), [left], [right.value]);
      return one(this.bySymbol(sign, 2), [left, right]);
    }
    if (node.kind !== "call") throw new ExpressionError("this is not an operation", node);
    if (node.name === "where") return this.where(node);
    if (!Object.hasOwn(this.grammar.callables, node.name)) throw this.noGate(node);
    const gate = this.grammar.callables[node.name], form = this.grammar.forms[gate];
    const count = form.operands.length, given = node.arguments.length + node.named.length;
    if (node.arguments.length < count || given > count + form.parameters.length) {
      throw new ExpressionError(`the call is ${gate}(${[...form.operands, ...form.parameters].join(", ")})`, node);
    }
    return one(gate, node.arguments.slice(0, count), this.constants(node, gate, form));
  }

  /** @param {string} symbol @param {number} count */
  bySymbol(symbol, count) {
    const found = Object.entries(this.grammar.forms).find(([, form]) => form.symbol === symbol && form.operands.length === count);
    return found ? found[0] : symbol;
  }

  /** The parameters of a gate, which are plain numbers: the 0.1 of leaky_relu(x, 0.1).
   * @param {Node & {kind: "call"}} node @param {string} gate @param {GateForm} form
   */
  constants(node, gate, form) {
    const { parameters, defaults } = form, missing = parameters.length - defaults.length;
    /** @type {Map<string, number>} */
    const numbers = new Map(defaults.map((number, k) => [parameters[k + missing], number]));
    const named = node.arguments.slice(form.operands.length).map((value, k) => ({ name: parameters[k], value }));
    for (const { name, value } of [...named, ...node.named]) {
      if (!parameters.includes(name) || value.kind !== "number") {
        throw new ExpressionError(`${gate} takes as plain numbers: ${parameters.join(", ") || "none"}`, value);
      }
      numbers.set(name, value.value);
    }
    return parameters.map((name) => {
      const number = numbers.get(name);
      if (number === undefined) throw new ExpressionError(`the call is ${gate}(${[...form.operands, ...parameters].join(", ")})`, node);
      return number;
    });
  }

  /** where(a > b, x, y): a comparison, and a gate that chooses.
   * @param {Node & {kind: "call"}} node
   */
  where(node) {
    if (node.arguments.length !== 3 || node.named.length > 0) {
      throw new ExpressionError("the call is where(a > b, x, y): a comparison and two values", node);
    }
    const [condition, a, b] = node.arguments;
    if (condition.kind !== "binary" || !/[<>]/.test(condition.sign)) {
      throw new ExpressionError("where takes a comparison first, as in where(a > b, x, y)", condition);
    }
    const { left, right, sign } = condition;
    if (left.kind === "binary" && /[<>]/.test(left.sign)) {
      throw new ExpressionError("a condition is one comparison, by < <= > or >=", condition);
    }
    const operands = sign[0] === ">" ? [right, left, a, b] : [left, right, a, b];
    const compare = this.bySymbol(sign.replace(">", "<"), 2);
    return { operands, gates: [{ gate: compare, count: 2, constants: [] }, { gate: "where", count: 3, constants: [] }] };
  }

  /** The error for a call of what is no gate, with what was probably meant.
   * @param {Node & {kind: "call"}} node
   */
  noGate(node) {
    const { name } = node, { callables, forms } = this.grammar;
    const given = node.arguments.map((part) => this.source(part)), inside = given.join(", ");
    const gate = Object.hasOwn(forms, name) ? "" : gateLike(name, this.grammar);
    let right = "";
    if (this.known.has(name) || this.assigned.has(name)) right = given.length === 1 ? `${name}*(${inside})` : "";
    else if ((name === "log2" || name === "log10") && given.length === 1) right = `log(${inside}) / log(${name.slice(3)})`;
    else if (Object.hasOwn(forms, name) && forms[name].symbol && given.length === 2) {
      right = given.map((x) => (/^\w+$/.test(x) ? x : `(${x})`)).join(` ${forms[name].symbol} `);
    } else if (gate) right = `${gate}(${inside})`;
    const known = [...new Set(Object.values(callables)), "where"].filter((x, k, list) => list.indexOf(x) === k).join(", ");
    return new ExpressionError(`only gates can be called${right ? `; did you mean ${right}?` : `: ${known}`}`, node.called);
  }

  /** The groups that statements are: within each other where one alone uses several.
   * @param {string} root
   */
  paths(root) {
    /** @type {Map<string, Set<string>>} */
    const users = new Map();
    /** @type {Map<string, Set<string>>} */
    const uses = new Map();
    for (const { group, inputs } of this.values) {
      for (const { group: other, gate } of inputs.map((i) => this.values[i])) {
        if (!gate || !other || other === group) continue;
        users.set(other, (users.get(other) ?? new Set()).add(group));
        uses.set(group, (uses.get(group) ?? new Set()).add(other));
      }
    }
    /** @type {Map<string, string[]>} */
    const paths = new Map();
    for (const name of [...this.assigned].reverse()) {
      const [user, ...others] = users.get(name) ?? [];
      const outer = others.length === 0 && (uses.get(user)?.size ?? 0) > 1 ? paths.get(user) ?? [] : [];
      if (name !== root) paths.set(name, outer.length === 1 ? [...outer, name] : [name]);
    }
    return paths;
  }

  /** The graph of a value, in the engine's order: depth first, inputs from left to right.
   * @param {number} root
   * @returns {Data}
   */
  data(root) {
    /** @type {number[]} */
    const order = [];
    const place = this.values.map(() => -1);
    /** @type {[number, number][]} */
    const path = [[root, 0]];
    while (path.length > 0) {
      const last = path[path.length - 1], [i, k] = last, { inputs } = this.values[i];
      if (k < inputs.length) {
        last[1] += 1;
        if (place[inputs[k]] < 0) path.push([inputs[k], 0]);
      } else {
        path.pop();
        if (place[i] < 0) place[i] = order.push(i) - 1;
      }
    }
    const values = order.map((i) => this.values[i]), { forms, mistakes, sentences } = this.grammar;
    const gates = values.map(({ gate }) => gate);
    const folds = values.length > FOLDED, paths = folds ? this.paths(values[values.length - 1].name) : new Map();
    const symbols = ["<", "<="].map((symbol) => this.bySymbol(symbol, 2));
    return {
      names: values.map(({ name, gate, data: x }, i) => name || (gate ? `v${i}` : number(x))),
      unnamed: values.flatMap(({ name, gate }, i) => (name || gate ? [] : [i])),
      data: values.map(({ data: x }) => x), gates, constants: values.map(({ constants }) => constants),
      inputs: values.map(({ inputs }) => inputs.map((i) => place[i])), locals: [],
      choices: gates.flatMap((gate, i) => (gate === "where" || symbols.includes(gate) ? [i] : [])),
      groups: values.map(({ group }) => paths.get(group) ?? []), example: values.map(() => -1), examples: 1,
      folds: values.map((_, i) => i), terms: {}, forms, sentences, title: this.text, depth: folds ? 0 : -1, alone: false,
      quiz: false, mistakes, planted: null, asked: [],
      sliders: [...this.movable].filter(([i]) => place[i] >= 0).sort((a, b) => a[1] - b[1]).map(([i]) => place[i]),
    };
  }
}
