"""Passes: each takes a Program and returns a better one that computes the same.

    for step in PASSES: program = step(program)
    program = optimise(program)             # the same

fold        instructions on constants are done at once; a number times 1 is that number
share       what is computed twice is computed once (common subexpressions); inputs, parameters
            stay apart, and constants are the same only if their bits are
prune       what no output needs is left out
fuse        sums of products become one dot; what is the same in all lanes is summed apart
group       dots that share their numbers become the product of a matrix, and sums over lanes
            of products of two groups become the outer product

`fuse` and `group` take sums in another order: results agree to about 1e-15 of their terms.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable

from .emit import settled
from .gates import gates
from .program import Instruction, Program, Writer

__all__ = ["PASSES", "fold", "fuse", "group", "optimise", "prune", "share"]

SMALLEST = 8  # entries of a matrix that is worth being one


def optimise(program: Program) -> Program:
    """All passes, one after another; ValueError if what comes out is not well formed."""
    for step in PASSES:
        program = step(program)
    return program.verify()


class _Rewriting(Writer):
    """A new program made of an old one: `register` says where the old registers are in it."""

    def __init__(self, old: Program) -> None:
        super().__init__(old.inputs, old.parameters)
        self.old = old
        self.register: list[int] = list(range(self.base))
        self.register += [self.constant(number) for number in old.constants]

    def copy(self, line: Instruction) -> None:
        """The old line as it is, on the new registers."""
        _, op, operands, shape = line
        first = self.emit(op, tuple(map(self.register.__getitem__, operands)), shape)
        if shape:
            self.register += range(first, self.next)
        else:
            self.register.append(first)

    def rewritten(self) -> Program:
        old, register = self.old, self.register
        labels = {register[r]: label for r, label in old.labels.items() if register[r] >= self.base}
        return self.program(
            [register[r] for r in old.outputs], [register[r] for r in old.gradients],
            old.wrt, labels, old.own_gates,
        )  # fmt: skip


NOWHERE = -1 << 62  # the new register of a line that is left out


def fold(program: Program) -> Program:
    """Do what is known already: gates of constants, 1 x, x / 1, where(1, a, b).

    A gate that fails at its constants stays, and fails when the program runs.
    """
    new = _Rewriting(program)
    register = new.register
    changed = False
    chosen: dict[int, tuple[int, ...]] = {}  # the operands of each `where`
    for line in program.code:
        op, operands = line.op, [register[r] for r in line.operands]
        gate = program.gate(op)
        if gate is not None and op == gate.name:
            if op == "where":  # of two questions that are the same, one is enough
                for i in (1, 2):
                    inner = chosen.get(operands[i], ())
                    if inner and inner[0] == operands[0]:
                        operands[i] = inner[i]
                        changed = True
            if min(operands) < 0:  # a constant is among them
                answer = settled(gate, [new.number(r) for r in operands])
                if isinstance(answer, int):
                    register.append(operands[answer])
                    continue
                if answer is not None and math.isfinite(answer):  # only elsewhere a gate fails
                    register.append(new.constant(answer))
                    continue
        register.append(new.emit(op, tuple(operands), line.shape))
        register += range(register[-1] + 1, new.next)
        if op == "where":
            chosen[register[-1]] = tuple(operands)
    return new.rewritten() if changed or len(new.code) < len(program.code) else program


def share(program: Program) -> Program:
    """Compute once what is written twice: the same opcode of the same registers."""
    if len({line[1:] for line in program.code}) == len(program.code):
        return program
    new = _Rewriting(program)
    seen: dict[tuple[object, ...], int] = {}
    for line in program.code:
        key = (line.op, *[new.register[r] for r in line.operands], line.shape)
        first = seen.setdefault(key, new.next)
        if first == new.next:
            new.copy(line)
        else:
            new.register += range(first, first + line.size)
    return new.rewritten()


def prune(program: Program) -> Program:
    """Leave out what neither an output nor a gradient depends on, unless it may fail.

    A gate that raises in the eager engine is found by the program too: it stays.
    """
    needed = set(program.outputs + program.gradients)
    may_fail = {
        name for name, gate in (*gates.items(), *program.own_gates.items()) if gate.failures
    }
    dropped: set[int] = set()
    for line in reversed(program.code):
        result = line.result
        if (
            result in needed
            or line.op in may_fail
            or (line.shape and not needed.isdisjoint(range(result, result + line.size)))
        ):
            needed.update(line.operands)
        else:
            dropped.add(result)
    if not dropped:
        return program
    new = _Rewriting(program)
    for line in program.code:
        if line.result in dropped:
            new.register += [NOWHERE] * line.size
        else:
            new.copy(line)
    return new.rewritten()


def fuse(program: Program) -> Program:
    """Sums of products as one `dot`: a + b c + d e is dot(a 1, b c, d e), in the order of writing.

    A sum that is read once, by another sum, goes into that; so does a product. Pairs that are the
    same in all lanes go into a dot of their own, computed once.
    """
    uses = _uses(program)
    uniform = program.uniform()
    made = {line.result: line for line in program.code}
    swallowed: set[int] = set()
    sums: dict[int, list[tuple[int, int | None]]] = {}  # pairs (a, b), b None for 1
    for line in reversed(program.code):  # the last sum of a chain first
        if line.op != "add" or line.result in swallowed:
            continue
        pairs: list[tuple[int, int | None]] = []
        inside = []
        work = list(reversed(line.operands))
        while work:
            r = work.pop()
            term = made.get(r)
            if term is None or uses[r] > 1 or uniform[r] != uniform[line.result]:
                pairs.append((r, None))
            elif term.op == "add":
                inside.append(r)
                work += reversed(term.operands)
            elif term.op == "mul":
                inside.append(r)
                pairs.append((term.operands[0], term.operands[1]))
            else:
                pairs.append((r, None))
        if len(pairs) > 2 or any(b is not None for _, b in pairs):
            swallowed.update(inside)
            sums[line.result] = pairs
    new = _Rewriting(program)
    register = new.register
    one = new.constant(1.0)

    def dot(pairs: list[tuple[int, int | None]], *before: int) -> int:
        flat = [one if r is None else register[r] for pair in pairs for r in pair]
        if len(flat) == 2 and flat[1] == one and not before:
            return flat[0]
        return new.emit("dot", (*before, *flat))

    for line in program.code:
        if line.result in swallowed:
            register.append(NOWHERE)
        elif line.result not in sums:
            new.copy(line)
        else:
            varying = [p for p in sums[line.result] if not all(r is None or uniform[r] for r in p)]
            once = [p for p in sums[line.result] if all(r is None or uniform[r] for r in p)]
            if not varying or not once:
                register.append(dot(sums[line.result]))
            else:
                register.append(dot(varying, dot(once), one))
    return new.rewritten()


# A dot as a row of a matrix: bias + weights x numbers + the rest, pairs of another kind.
_Row = namedtuple("_Row", "result bias weights numbers rest")


def group(program: Program, smallest: int = SMALLEST) -> Program:
    """Dots of the same numbers with other weights become one `product` of a matrix.

    Weights are the same in all lanes. Where many sums over lanes pair each of n numbers with each
    of m, they become one `outer`.
    """
    program = _totals_last(program)
    uniform = program.uniform()
    layers: dict[tuple[int, ...], list[_Row]] = {}
    for line in program.code:
        row = _as_row(program, line, uniform)
        if row is not None:
            layers.setdefault(row.numbers, []).append(row)
    # A product stands where its first dot stood: all that its dots read must be there by then.
    products: dict[int, list[_Row]] = {}
    taken: dict[int, tuple[int, int, _Row]] = {}  # result -> (result of the first, row's number)
    for rows in layers.values():
        first = rows[0].result
        rows = [row for row in rows if max((*row.weights, row.bias or 0)) < first]
        if len(rows) * len(rows[0].numbers) >= smallest:
            products[first] = rows
            taken.update({row.result: (first, i, row) for i, row in enumerate(rows)})
    outers = _grids(program, uniform, smallest)
    gathered = {member for _, _, members in outers.values() for member, _ in members}
    new = _Rewriting(program)
    zero, one = new.constant(0.0), new.constant(1.0)
    register = new.register
    placed: dict[int, int] = {}
    for line in program.code:
        result = line.result
        if result in products:
            rows = products[result]
            biases = [zero if row.bias is None else register[row.bias] for row in rows]
            matrix = [register[w] for row in rows for w in row.weights]
            vector = [register[r] for r in rows[0].numbers]
            shape = (len(rows), len(vector))
            placed[result] = new.emit("product", (*biases, *matrix, *vector), shape)
        if result in taken:
            first, i, row = taken[result]
            total = placed[first] + i
            if row.rest:
                total = new.emit("dot", (total, one, *(register[r] for r in row.rest)))
            register.append(total)
        elif result in gathered:
            register.append(NOWHERE)  # set when the grid is complete
        else:
            new.copy(line)
        if result in outers:
            left, right, members = outers[result]
            operands = (*(register[r] for r in left), *(register[r] for r in right))
            start = new.emit("outer", operands, (len(left), len(right)))
            for member, position in members:
                register[member] = start + position
    return new.rewritten()


def _as_row(program: Program, line: Instruction, uniform: list[bool]) -> _Row | None:
    """A dot, or product of two, as a row of a matrix; None if it has no weights."""
    if line.op not in ("dot", "mul") or uniform[line.result]:
        return None
    bias = None
    pairs: list[tuple[int, int]] = []  # (number, weight)
    rest: list[int] = []
    for a, b in zip(line.operands[::2], line.operands[1::2], strict=True):
        if uniform[a] and program.constant(b) == 1.0 and bias is None:
            bias = a
        elif uniform[a] == uniform[b] or program.constant(a if uniform[a] else b) is not None:
            rest += (a, b)
        else:
            pairs.append((b, a) if uniform[a] else (a, b))
    if not pairs:
        return None
    numbers, weights = zip(*sorted(pairs), strict=True)  # one order, for all rows and for memory
    return _Row(line.result, bias, weights, numbers, tuple(rest))


def _totals_last(program: Program) -> Program:
    """What reads a sum over lanes, put after all that does not: so that grids are complete."""
    late: set[int] = set()
    first: list[Instruction] = []
    last: list[Instruction] = []
    for line in program.code:
        reads = not late.isdisjoint(line.operands)
        (last if reads else first).append(line)
        if reads or line.op in ("total", "outer"):
            late.update(range(line.result, line.result + line.size))
    if not last:
        return program
    new = _Rewriting(program)
    new.register += [NOWHERE] * sum([line.size for line in program.code])
    for line in first + last:
        start = new.emit(line.op, tuple([new.register[r] for r in line.operands]), line.shape)
        for i in range(line.size):
            new.register[line.result + i] = start + i
    return new.rewritten()


def _grids(
    program: Program, uniform: list[bool], smallest: int
) -> dict[int, tuple[list[int], list[int], list[tuple[int, int]]]]:
    """Where totals of a_i b_j make a grid: {the last: (the a, the b, [(total, its place)])}."""
    rows: dict[int, dict[int, list[int]]] = {}  # a -> b -> the totals
    for line in program.code:
        if line.op == "total":
            a, b = line.operands
            if not uniform[a] and not uniform[b]:
                rows.setdefault(a, {}).setdefault(b, []).append(line.result)
    columns: dict[tuple[int, ...], list[int]] = {}
    for a, row in rows.items():
        columns.setdefault(tuple(sorted(row)), []).append(a)
    reader = _first_reader(program)
    grids = {}
    for right, left in columns.items():
        if len(left) * len(right) < smallest:
            continue
        left = sorted(left)
        members = [
            (result, i * len(right) + j)
            for i, a in enumerate(left)
            for j, b in enumerate(right)
            for result in rows[a][b]
        ]
        last = max(result for result, _ in members)
        # A sum of the grid must not be needed before the grid is complete.
        if all(reader.get(result, last) >= last for result, _ in members):
            grids[last] = (left, list(right), members)
    return grids


def _first_reader(program: Program) -> dict[int, int]:
    """For each register that is read, the result of the first line that does."""
    found: dict[int, int] = {}
    for line in program.code:
        for r in line.operands:
            found.setdefault(r, line.result)
    return found


def _uses(program: Program) -> list[int]:
    """How often each register is read, by lines and as an output or gradient."""
    uses = [0] * (program.first_result + sum(line.size for line in program.code))
    for line in program.code:
        for r in line.operands:
            uses[r] += 1
    for r in (*program.outputs, *program.gradients):
        uses[r] += 1
    return uses


PASSES: tuple[Callable[[Program], Program], ...] = (fold, share, prune, fuse, group)
