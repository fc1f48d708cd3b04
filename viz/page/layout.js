/**
 * Where everything goes: a graph as columns, inputs at the left, the root at the right.
 *
 *     const placed = layout(nodes, wires);
 *
 * A column holds cells, one above the other: a gate with the numbers of its inputs, first operand
 * above; a leaf; or the way through of a wire that goes on. Wires run level through columns, each
 * at a height of its own, and change height only in the gaps between columns, where no text is.
 * So no wire crosses a text, and no two texts overlap, whatever the graph.
 *
 * The steps are those of Sugiyama, Tagawa and Toda (1981): ranks, order within ranks, heights.
 * Heights are least squares under the distances that cells need, exact in each column (pool
 * adjacent violators), and improved from column to column.
 */

/**
 * @typedef {object} LayoutNode
 * @property {number} width
 * @property {number} height
 * @property {boolean} [dense]      a neuron: its wires are straight and carry no numbers
 * @property {number} [place]       its place in its column, if that is given
 * @property {{width: number, height: number} | null} [stem]  numbers behind it, before wires part
 *
 * @typedef {object} LayoutWire
 * @property {number} source
 * @property {number} target
 * @property {number} operand
 * @property {{width: number, height: number} | null} [numbers]
 *
 * @typedef {{x: number, y: number}} Point
 * @typedef {object} Placed
 * @property {number} width
 * @property {number} height
 * @property {Point[]} nodes        middles
 * @property {((Point & {path: string}) | null)[]} stems   middle of the numbers, and the line
 * @property {(Point & {path: string})[]} wires           likewise
 */

/**
 * @typedef {object} Cell
 * @property {number} node          -1 for a way through
 * @property {number} source        of a way through: the node whose wire it is
 * @property {number} rank
 * @property {number} height
 * @property {number} order
 * @property {number} y
 * @property {{cell: Cell, port: number}[]} before   with the height of the port, from the middle
 * @property {{cell: Cell, port: number}[]} after
 */

const GAP = 9; // between cells of a column
const ROW = 34; // of an input with its numbers
const THROUGH = 10; // the height of a wire that goes on
const FAN = 20; // from the numbers to the gate

/**
 * @param {LayoutNode[]} nodes  in topological order
 * @param {LayoutWire[]} wires
 * @returns {Placed}
 */
export function layout(nodes, wires) {
  const ranks = ranksOf(nodes, wires);
  const columns = cellsOf(nodes, wires, ranks);
  arrange(columns, nodes);
  setHeights(columns);
  return place(nodes, wires, ranks, columns);
}

/** A gate stands right behind the last of its inputs, a leaf right before the first of its gates.
 * @param {LayoutNode[]} nodes
 * @param {LayoutWire[]} wires
 */
function ranksOf(nodes, wires) {
  const ranks = nodes.map(() => 0);
  /** @type {LayoutWire[][]} */
  const into = nodes.map(() => []);
  for (const wire of wires) into[wire.target].push(wire);
  nodes.forEach((_, i) => {
    for (const wire of into[i]) ranks[i] = Math.max(ranks[i], ranks[wire.source] + 1);
  });
  const first = nodes.map(() => Infinity);
  for (const { source, target } of wires) first[source] = Math.min(first[source], ranks[target]);
  nodes.forEach((node, i) => {
    if (into[i].length === 0 && first[i] < Infinity) ranks[i] = first[i] - 1;
  });
  return ranks;
}

/** How far an input enters from the middle of its gate.
 * @param {number} operand
 * @param {number} count
 */
function port(operand, count) {
  return (operand - (count - 1) / 2) * ROW;
}

/** The cells of each column. A value's wires share one way through each column.
 * @param {LayoutNode[]} nodes
 * @param {LayoutWire[]} wires
 * @param {number[]} ranks
 * @returns {Cell[][]}
 */
function cellsOf(nodes, wires, ranks) {
  const counts = nodes.map(() => 0);
  for (const wire of wires) counts[wire.target] += 1;
  /** @type {Cell[][]} */
  const columns = Array.from({ length: Math.max(0, ...ranks) + 1 }, () => []);
  /** @param {number} node @param {number} source @param {number} rank @param {number} height */
  const add = (node, source, rank, height) => {
    /** @type {Cell} */
    const cell = { node, source, rank, height, order: columns[rank].length, y: 0, before: [], after: [] };
    columns[rank].push(cell);
    return cell;
  };
  const cells = nodes.map((node, i) => {
    const rows = node.dense ? 0 : counts[i] * ROW;
    return add(i, i, ranks[i], Math.max(node.height, rows, node.stem?.height ?? 0));
  });
  /** @type {Map<number, Cell[]>} */
  const ways = new Map();
  for (const wire of wires) {
    const { source, target, operand } = wire;
    const way = ways.get(source) ?? [cells[source]];
    ways.set(source, way);
    const straight = nodes[target].dense;
    while (!straight && ranks[source] + way.length < ranks[target]) {
      const last = way[way.length - 1];
      const next = add(-1, source, ranks[source] + way.length, THROUGH);
      last.after.push({ cell: next, port: 0 });
      next.before.push({ cell: last, port: 0 });
      way.push(next);
    }
    const from = straight ? cells[source] : way[ranks[target] - ranks[source] - 1];
    const at = straight ? 0 : port(operand, counts[target]);
    from.after.push({ cell: cells[target], port: at });
    cells[target].before.push({ cell: from, port: at });
  }
  return columns;
}

/** Put the cells of each column in an order with few crossings.
 * @param {Cell[][]} columns
 * @param {LayoutNode[]} nodes
 */
function arrange(columns, nodes) {
  let best = Infinity;
  for (let round = 0; round < 12; round++) {
    const forward = round % 2 === 0;
    const order = forward ? columns : [...columns].reverse();
    for (const column of order) {
      const wanted = new Map(column.map((cell) => [cell, middle(cell, forward ? "before" : "after")]));
      column.sort((a, b) => {
        const places = [nodes[a.node]?.place, nodes[b.node]?.place];
        if (places[0] !== undefined && places[1] !== undefined) return places[0] - places[1];
        return (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0) || a.order - b.order;
      });
      column.forEach((cell, i) => { cell.order = i; });
    }
    const count = crossings(columns);
    if (count < best) {
      best = count;
      for (const column of columns) for (const cell of column) cell.y = cell.order;
    }
    if (best === 0) break;
  }
  for (const column of columns) {
    for (const cell of column) cell.order = cell.y;
    column.sort((a, b) => a.order - b.order);
  }
}

/** Where a cell would like to stand, by its neighbours on one side; its own place if it has none.
 * @param {Cell} cell
 * @param {"before" | "after"} side
 */
function middle(cell, side) {
  const others = cell[side];
  if (others.length === 0) return cell.order;
  let sum = 0;
  for (const other of others) {
    // A port within a gate counts as a fraction of a place, so that operands keep their order.
    const fraction = side === "after" ? other.port / (4 * ROW) : 0;
    sum += other.cell.order + fraction;
  }
  return sum / others.length;
}

/** How many pairs of wires cross between neighbouring columns.
 * @param {Cell[][]} columns
 */
function crossings(columns) {
  let count = 0;
  for (const column of columns) {
    /** @type {number[]} */
    const ends = [];
    const sorted = column.map((cell) => cell).sort((a, b) => a.order - b.order);
    for (const cell of sorted) {
      const targets = cell.after.map((to) => to.cell.order + to.port / (4 * ROW)).sort((a, b) => a - b);
      ends.push(...targets);
    }
    count += inversions(ends);
  }
  return count;
}

/** How many pairs of numbers stand in the wrong order: by merging sorted halves.
 * @param {number[]} numbers
 * @returns {number}
 */
function inversions(numbers) {
  let count = 0, source = numbers.slice(), target = new Array(numbers.length);
  for (let width = 1; width < numbers.length; width *= 2) {
    for (let left = 0; left < numbers.length; left += 2 * width) {
      const middle = Math.min(left + width, numbers.length), right = Math.min(left + 2 * width, numbers.length);
      for (let i = left, j = middle, k = left; k < right; k++) {
        if (i < middle && (j >= right || source[i] <= source[j])) target[k] = source[i++];
        else {
          target[k] = source[j++];
          count += middle - i;
        }
      }
    }
    [source, target] = [target, source];
  }
  return count;
}

/** Heights: each cell near its neighbours, the cells of a column apart as far as they need.
 * @param {Cell[][]} columns
 */
function setHeights(columns) {
  for (const column of columns) {
    let y = 0;
    for (const cell of column) {
      cell.y = y + cell.height / 2;
      y += cell.height + GAP;
    }
  }
  for (let round = 0; round < 16; round++) {
    const forward = round % 2 === 0;
    for (const column of forward ? columns : [...columns].reverse()) {
      const wanted = column.map((cell) => {
        let sum = 0, weight = 0;
        for (const [side, w] of /** @type {["before" | "after", number][]} */ (
          [["before", forward ? 1 : 0.3], ["after", forward ? 0.3 : 1]])) {
          for (const other of cell[side]) {
            // A wire that only goes on is kept level before all else.
            const level = cell.node < 0 || other.cell.node < 0 ? 4 * w : w;
            sum += level * (other.cell.y + (side === "after" ? other.port : -other.port));
            weight += level;
          }
        }
        return weight > 0 ? { y: sum / weight, weight } : { y: cell.y, weight: 0.01 };
      });
      spread(column, wanted);
    }
  }
}

/** Move the cells of a column to where they want to be, as near as their distances allow.
 * @param {Cell[]} column
 * @param {{y: number, weight: number}[]} wanted
 */
function spread(column, wanted) {
  /** @type {{sum: number, weight: number, count: number}[]} */
  const blocks = [];
  let offset = 0;
  const offsets = column.map((cell, i) => {
    if (i > 0) offset += (column[i - 1].height + cell.height) / 2 + GAP;
    return offset;
  });
  column.forEach((_, i) => {
    let block = { sum: (wanted[i].y - offsets[i]) * wanted[i].weight, weight: wanted[i].weight, count: 1 };
    for (;;) {
      const above = blocks[blocks.length - 1];
      if (!above || above.sum / above.weight <= block.sum / block.weight) break;
      blocks.pop();
      block = { sum: above.sum + block.sum, weight: above.weight + block.weight, count: above.count + block.count };
    }
    blocks.push(block);
  });
  let i = 0;
  for (const block of blocks) {
    for (let k = 0; k < block.count; k++, i++) column[i].y = block.sum / block.weight + offsets[i];
  }
}

/** Coordinates, from ranks and heights.
 * @param {LayoutNode[]} nodes
 * @param {LayoutWire[]} wires
 * @param {number[]} ranks
 * @param {Cell[][]} columns
 * @returns {Placed}
 */
function place(nodes, wires, ranks, columns) {
  const most = (/** @type {number[]} */ numbers) => Math.max(0, ...numbers);
  const numbersWidth = columns.map(() => 0);
  for (const wire of wires) {
    const r = ranks[wire.target];
    numbersWidth[r] = Math.max(numbersWidth[r], wire.numbers?.width ?? 0);
  }
  /** @type {{left: number, gate: number, right: number, level: number}[]} */
  const x = [];
  let left = 8;
  columns.forEach((column, r) => {
    const own = column.filter((cell) => cell.node >= 0).map((cell) => nodes[cell.node]);
    const gate = most(own.map((node) => node.width));
    const stem = most(own.map((node) => node.stem?.width ?? 0));
    const dense = own.some((node) => node.dense);
    const travel = r === 0 ? 0 : most(column.flatMap((cell) =>
      cell.before.map((from) => Math.abs(cell.y + from.port - from.cell.y))));
    if (r > 0) left += dense ? 90 : Math.min(70, 22 + travel / 8);
    const fan = numbersWidth[r] > 0 ? FAN : 0;
    const middle = left + numbersWidth[r] + fan + gate / 2;
    const level = left;
    left = middle + gate / 2 + (stem > 0 ? stem + 12 : 0);
    x.push({ left: level, gate: middle, right: left, level: level + numbersWidth[r] });
  });
  let top = Infinity, bottom = -Infinity;
  for (const column of columns) {
    for (const cell of column) {
      top = Math.min(top, cell.y - cell.height / 2);
      bottom = Math.max(bottom, cell.y + cell.height / 2);
    }
  }
  /** @type {Cell[]} */
  const cells = [];
  /** @type {Map<string, Cell>} */
  const ways = new Map();
  for (const column of columns) {
    for (const cell of column) {
      cell.y += 10 - top;
      if (cell.node >= 0) cells[cell.node] = cell;
      else ways.set(`${cell.source} ${cell.rank}`, cell);
    }
  }
  const counts = nodes.map(() => 0);
  for (const wire of wires) counts[wire.target] += 1;
  const at = nodes.map((node, i) => {
    const r = ranks[i];
    // A leaf stands at the end of its column, where its wire begins.
    const leaf = counts[i] === 0 && !node.dense;
    const column = x[r];
    const widest = most(columns[r].filter((c) => c.node >= 0).map((c) => nodes[c.node].width));
    return { x: leaf ? column.gate + widest / 2 - node.width / 2 : column.gate, y: cells[i].y };
  });
  const stems = nodes.map((node, i) => {
    if (!node.stem) return null;
    const start = at[i].x + node.width / 2, end = x[ranks[i]].right;
    const y = at[i].y;
    return { x: start + 6 + node.stem.width / 2, y, path: `M${f(start)},${f(y)}H${f(end)}` };
  });
  const routes = wires.map((wire) => {
    const { source, target, operand } = wire;
    const from = at[source], to = at[target];
    const start = nodes[source].stem ? x[ranks[source]].right : from.x + nodes[source].width / 2;
    if (nodes[target].dense) {
      const end = to.x - nodes[target].width / 2;
      return { x: (start + end) / 2, y: (from.y + to.y) / 2, path: `M${f(start)},${f(from.y)}L${f(end)},${f(to.y)}` };
    }
    let path = `M${f(start)},${f(from.y)}H${f(x[ranks[source]].right)}`;
    let y = from.y;
    for (let r = ranks[source] + 1; r < ranks[target]; r++) {
      const cell = /** @type {Cell} */ (ways.get(`${source} ${r}`));
      path += curve(x[r - 1].right, y, x[r].left, cell.y) + `H${f(x[r].right)}`;
      y = cell.y;
    }
    const r = ranks[target];
    const height = to.y + port(operand, counts[target]);
    const level = x[r].level;
    path += curve(x[r - 1].right, y, x[r].left, height) + `H${f(level)}`;
    const rx = nodes[target].width / 2, ry = nodes[target].height / 2;
    const dy = Math.max(-0.6, Math.min(0.6, (height - to.y) / (2 * ROW))) * ry;
    const end = to.x - rx * Math.sqrt(1 - (dy / ry) ** 2) - 1;
    path += curve(level, height, end, to.y + dy);
    const width = wire.numbers?.width ?? 0;
    return { x: level - width / 2 - 2, y: height, path };
  });
  return {
    width: left + 8, height: bottom - top + 20, nodes: at, stems, wires: routes,
  };
}

/** A level line that changes its height between x and toX.
 * @param {number} x
 * @param {number} y
 * @param {number} toX
 * @param {number} toY
 */
function curve(x, y, toX, toY) {
  if (Math.abs(y - toY) < 0.05) return `H${f(toX)}`;
  const half = (toX - x) / 2;
  return `C${f(x + half)},${f(y)} ${f(toX - half)},${f(toY)} ${f(toX)},${f(toY)}`;
}

/** @param {number} x */
function f(x) {
  return String(Math.round(x * 10) / 10);
}
