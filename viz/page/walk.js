/**
 * What is shown of a graph, and the stops of the walk through it.
 *
 *     const view = new View(graph, new Set(["layer0"]), 0);     // open groups, which example
 *     view.nodes, view.wires, view.stops
 *     const state = view.stateAfter(k, now);
 *
 * A closed group is one node; the neurons of one layer work at one stop. In a graph without groups
 * the stops are the engine's own steps: each gate forward, then each wire backward.
 */

/**
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Numbers} Numbers
 *
 * @typedef {object} ViewNode
 * @property {"leaf" | "gate" | "neuron" | "group"} kind
 * @property {number[]} members      values, in topological order
 * @property {number} result         the value that its numbers are of; -1 if there are several
 * @property {string} title
 * @property {string} group          of a closed group its own path, else that it lies in
 * @property {string} layer          of a neuron: the path of its layer
 *
 * @typedef {object} ViewWire
 * @property {number} source         of `nodes`
 * @property {number} target
 * @property {number} operand
 * @property {[number, number][]} pairs   the wires that it stands for: gate and operand
 * @property {number} weight         the parameter that a neuron multiplies by here; -1: none
 *
 * @typedef {object} Stop
 * @property {"start" | "forward" | "seed" | "backward"} phase
 * @property {number[]} nodes
 * @property {[number, number][]} pairs   backward: gate and operand of each wire, in order
 *
 * @typedef {object} State
 * @property {boolean[]} known
 * @property {Map<number, number>} gradients
 * @property {Map<string, number>} flows      by "gate operand"
 * @property {Map<number, number>} arrived    how many wires have reached a value
 * @property {Backward | null} last           the last wire
 *
 * @typedef {object} Backward
 * @property {number} gate
 * @property {number} operand
 * @property {number} input
 * @property {number} upstream
 * @property {number} local
 * @property {number} contribution
 * @property {number} before
 * @property {number} after
 * @property {number} place       the how-manieth wire of its input this is
 */

export class View {
  /**
   * @param {Graph} graph
   * @param {Set<string>} open
   * @param {number} example
   */
  constructor(graph, open, example) {
    this.graph = graph;
    this.example = example;
    /** @type {ViewNode[]} */
    this.nodes = [];
    /** @type {Map<number, number>} value -> node */
    this.of = new Map();
    this.collect(open);
    /** @type {ViewWire[]} */
    this.wires = this.connect();
    this.sort();
    /** @type {Stop[]} */
    this.stops = this.listStops();
  }

  /** @param {number} i  whether a value is of the example that is shown */
  shows(i) {
    const of = this.graph.data.example[i];
    return of < 0 || of === this.example;
  }

  /** @param {Set<string>} open */
  collect(open) {
    const { graph } = this;
    const { groups, folds } = graph.data;
    const parameters = (/** @type {number[]} */ members, /** @type {string} */ path) =>
      members.some((i) => graph.isLeaf(i) && groups[i].join(".") === path);
    /** @type {Map<string, number>} */
    const places = new Map();
    for (let i = 0; i < graph.size; i++) {
      if (!this.shows(i)) continue;
      const path = groups[i];
      let depth = 0;
      while (depth < path.length && open.has(path.slice(0, depth + 1).join("."))) depth += 1;
      const closed = depth < path.length ? path.slice(0, depth + 1).join(".") : "";
      const key = closed || `#${this.shows(folds[i]) ? folds[i] : i}`;
      const place = places.get(key);
      if (place !== undefined) {
        this.nodes[place].members.push(i);
        this.of.set(i, place);
        continue;
      }
      places.set(key, this.nodes.length);
      this.of.set(i, this.nodes.length);
      this.nodes.push({
        kind: closed ? "group" : graph.isLeaf(i) ? "leaf" : "gate", members: [i], result: i,
        title: closed, group: closed || path.join("."), layer: "",
      });
    }
    for (const node of this.nodes) {
      const last = node.members[node.members.length - 1];
      node.result = last;
      if (node.kind !== "group") {
        node.title = graph.names[last];
        if (node.kind === "leaf" && node.members.length > 1) node.kind = "group";
        continue;
      }
      const path = node.title.split(".");
      const own = graph.data.sliders ? path[path.length - 1] : node.title;
      const results = node.members.filter((i) => graph.names[i] === own && !graph.isLeaf(i));
      if (results.length === 1 && (graph.data.sliders || parameters(node.members, node.title))) {
        node.kind = "neuron";
        node.layer = path.slice(0, -1).join(".");
      }
      node.result = results.length === 1 ? results[0] : -1;
    }
  }

  connect() {
    const { graph } = this;
    /** @type {Map<string, ViewWire>} */
    const wires = new Map();
    for (let i = 0; i < graph.size; i++) {
      const target = this.of.get(i);
      if (target === undefined) continue;
      graph.inputs[i].forEach((input, operand) => {
        const source = this.of.get(input);
        if (source === undefined || source === target) return;
        const single = this.nodes[target].kind === "gate" && this.nodes[target].members.length === 1;
        const key = single ? `${source} ${target} ${operand}` : `${source} ${target}`;
        const wire = wires.get(key) ?? { source, target, operand, pairs: [], weight: -1 };
        wires.set(key, wire);
        wire.pairs.push([i, operand]);
        const other = graph.inputs[i][1 - operand];
        const { slopes, operands } = graph.data.forms[graph.gates[i]];
        const isWeighted = slopes[operand] === `<${operands[1 - operand]}>`; // the other is the slope
        if (!isWeighted || !graph.isLeaf(other) || this.of.get(other) !== target) return;
        if (wire.weight < 0) wire.weight = other;
      });
    }
    return [...wires.values()];
  }

  /** Nodes in topological order, by their last member where several could come next. */
  sort() {
    const count = this.nodes.map(() => 0);
    /** @type {number[][]} */
    const after = this.nodes.map(() => []);
    for (const { source, target } of this.wires) {
      count[target] += 1;
      after[source].push(target);
    }
    const first = this.nodes.map((node) => node.members[node.members.length - 1]);
    const waiting = this.nodes.map((_, i) => i).sort((a, b) => first[a] - first[b]);
    /** @type {number[]} */
    const order = [];
    const done = this.nodes.map(() => false);
    const ready = new Heap(first);
    const push = (/** @type {number} */ i) => { done[i] = true; ready.push(i); };
    for (const i of waiting) if (count[i] === 0) push(i);
    let next = 0;
    while (order.length < this.nodes.length) {
      let i = ready.pop();
      if (i === undefined) { // groups that flow into each other: the first that is left
        while (done[waiting[next]]) next += 1;
        i = waiting[next];
        done[i] = true;
      }
      order.push(i);
      for (const target of after[i]) if (--count[target] === 0 && !done[target]) push(target);
    }
    const place = this.nodes.map(() => 0);
    order.forEach((i, k) => { place[i] = k; });
    this.nodes = order.map((i) => this.nodes[i]);
    for (const wire of this.wires) {
      wire.source = place[wire.source];
      wire.target = place[wire.target];
    }
    this.wires = this.wires.filter((wire) => wire.source < wire.target);
    this.wires.sort((a, b) => a.target - b.target || a.operand - b.operand);
    for (const [value, node] of this.of) this.of.set(value, place[node]);
  }

  listStops() {
    /** @type {Stop[]} */
    const stops = [{ phase: "start", nodes: [], pairs: [] }];
    /** @type {number[][]} */
    const works = [];
    /** @type {Map<string, number[]>} */
    const layers = new Map();
    this.nodes.forEach((node, k) => {
      if (!node.members.some((i) => !this.graph.isLeaf(i))) return;
      const layer = node.kind === "neuron" && node.layer ? layers.get(node.layer) : undefined;
      if (layer && !this.reaches(layer, k)) {
        layer.push(k);
        return;
      }
      const work = [k];
      works.push(work);
      if (node.kind === "neuron" && node.layer) layers.set(node.layer, work);
    });
    for (const nodes of works) stops.push({ phase: "forward", nodes, pairs: [] });
    stops.push({ phase: "seed", nodes: [/** @type {number} */ (this.of.get(this.graph.root))], pairs: [] });
    for (const nodes of this.turns(works)) {
      /** @type {[number, number][]} */
      const pairs = [];
      const members = nodes.flatMap((k) => this.nodes[k].members).sort((a, b) => b - a);
      for (const i of members) this.graph.inputs[i].forEach((_, operand) => pairs.push([i, operand]));
      const single = nodes.length === 1 && this.nodes[nodes[0]].members.length === 1;
      if (single) for (const pair of pairs) stops.push({ phase: "backward", nodes, pairs: [pair] });
      else stops.push({ phase: "backward", nodes, pairs });
    }
    return stops;
  }

  /** The nodes that work, as they have their turns on the way back.
   * @param {number[][]} works
   */
  turns(works) {
    if (!this.graph.data.planted) return [...works].reverse();
    const turn = new Map(this.graph.order.map((gate, k) => [gate, k]));
    const of = (/** @type {number[]} */ work) => turn.get(this.nodes[work[0]].result) ?? 0;
    return [...works].sort((a, b) => of(a) - of(b));
  }

  /** Whether one of these nodes has a wire to node k.
   * @param {number[]} nodes
   * @param {number} k
   */
  reaches(nodes, k) {
    return this.wires.some((wire) => wire.target === k && nodes.includes(wire.source));
  }

  /** What is known after stop k.
   * @param {number} k
   * @param {Numbers} now
   * @returns {State}
   */
  stateAfter(k, now) {
    const { graph } = this;
    /** @type {State} */
    const state = {
      known: graph.names.map((_, i) => graph.isLeaf(i)), gradients: new Map(), flows: new Map(),
      arrived: new Map(), last: null,
    };
    for (const stop of this.stops.slice(1, k + 1)) {
      if (stop.phase === "forward") {
        for (const node of stop.nodes) for (const i of this.nodes[node].members) state.known[i] = true;
      } else if (stop.phase === "seed") {
        state.known.fill(true); // examples that are not shown have been computed as well
        state.gradients.set(graph.root, 1);
      } else {
        for (const [gate, operand] of stop.pairs) this.pass(state, now, gate, operand);
      }
    }
    return state;
  }

  /** One wire backward.
   * @param {State} state
   * @param {Numbers} now
   * @param {number} gate
   * @param {number} operand
   */
  pass(state, now, gate, operand) {
    const { graph } = this, input = graph.inputs[gate][operand];
    const upstream = state.gradients.get(gate) ?? 0, local = now.locals[gate][operand];
    const contribution = graph.carries(now, gate, operand) ? upstream * local : 0;
    const before = state.gradients.get(input) ?? graph.initial[input];
    const place = (state.arrived.get(input) ?? 0) + 1;
    const after = this.graph.added(input, before, contribution);
    state.arrived.set(input, place);
    state.gradients.set(input, after);
    state.flows.set(`${gate} ${operand}`, contribution);
    state.last = { gate, operand, input, upstream, local, contribution, before, after, place };
  }
}

/** The smallest first, by a key per item. */
class Heap {
  /** @param {number[]} keys */
  constructor(keys) {
    this.keys = keys;
    /** @type {number[]} */
    this.items = [];
  }

  /** @param {number} item */
  push(item) {
    const { items, keys } = this;
    let k = items.push(item) - 1;
    while (k > 0) {
      const up = (k - 1) >> 1;
      if (keys[items[up]] <= keys[items[k]]) break;
      [items[up], items[k]] = [items[k], items[up]];
      k = up;
    }
  }

  /** @returns {number | undefined} */
  pop() {
    const { items, keys } = this;
    const top = items[0], last = items.pop();
    if (items.length === 0 || last === undefined) return top;
    items[0] = last;
    for (let k = 0;;) {
      let small = 2 * k + 1;
      if (small >= items.length) break;
      if (small + 1 < items.length && keys[items[small + 1]] < keys[items[small]]) small += 1;
      if (keys[items[k]] <= keys[items[small]]) break;
      [items[small], items[k]] = [items[k], items[small]];
      k = small;
    }
    return top;
  }
}
