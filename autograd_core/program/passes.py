"""Passes: each takes a Program and returns a better one that computes the same.

    for step in PASSES: program = step(program)
    program = optimise(program)             # the same

fold        constant folding: gates of constants are done at once; a number times 1 is that number
share       common subexpressions: what is computed twice is computed once; inputs and parameters
            stay apart, and constants are the same only if their bits are
prune       dead code: what no output needs is left out
fuse        sums of products become one dot; what is the same in all lanes is summed apart
group       dots that share their numbers become one affine map (a matrix, and biases), and sums
            over lanes of products of two groups become the outer product

`fuse` and `group` take sums in another order: results agree to about 1e-15 of their terms.
"""

from __future__ import annotations

import math
from collections import Counter, namedtuple
from collections.abc import Callable, Collection, Sequence
from itertools import chain, filterfalse

from ..table import gates
from .program import Builder, Instruction, Op, Program
from .sums import AFFINE, DOT, LANE_SUM, OUTER, Sum

__all__ = ["PASSES", "Rewriting", "expand", "fold", "fuse", "group", "optimise", "prune", "share"]

SMALLEST = 8  # entries of a matrix that is worth being one
ADD, MUL, WHERE = (Op(gates[name]) for name in ("add", "mul", "where"))


def optimise(program: Program) -> Program:
    """All passes, one after another; ValueError if what comes out is not well formed."""
    for step in PASSES:
        program = step(program)
    return program.verify()


class Rewriting(Builder):
    """A new program made of an old one: `register` says where the old registers are in it."""

    def __init__(self, old: Program) -> None:
        super().__init__(old.inputs, old.parameters, old.constants)
        self.old = old
        self.register: list[int] = list(range(self.first_constant))
        self.register += map(self.constant, old.constants)
        self._look = self.register.__getitem__

    def copy(self, line: Instruction) -> None:
        """The old line as it is, on the new registers."""
        _, op, operands, shape = line
        first = self.emit(op, tuple(map(self._look, operands)), shape)
        if shape:
            self.register += range(first, self.next)
        else:
            self.register.append(first)

    def rewritten(self) -> Program:
        old, register = self.old, self.register
        first = self.first_result
        labels = {register[r]: label for r, label in old.labels.items() if register[r] >= first}
        return self.program(
            [register[r] for r in old.outputs], [register[r] for r in old.gradients],
            old.wrt, labels,
        )  # fmt: skip


NOWHERE = -1 << 62  # the new register of a line that is left out


def fold(program: Program) -> Program:
    """Do what is known already: gates of constants, and the identities of the gates, as x * 1.

    A gate that may fail, and whose result at its constants is not finite, stays: it fails when the
    program runs, as it does in the engine.
    """
    new = Rewriting(program)
    register = new.register
    look = register.__getitem__
    constants = set(range(new.first_constant, new.first_result))
    changed = False
    questions: dict[int, tuple[int, ...]] = {}  # the operands of each `where`
    for line in program.code:
        _, op, reads, shape = line
        operands = tuple(map(look, reads))
        if op == WHERE:  # of two questions that are the same, one is enough
            question, *arms = operands
            for i in (0, 1):
                inner = questions.get(arms[i], ())
                if inner and inner[0] == question:
                    arms[i] = inner[i + 1]
                    changed = True
            if arms[0] == arms[1]:  # whatever the answer is
                register.append(arms[0])
                continue
            operands = (question, *arms)
        if not constants.isdisjoint(operands) and isinstance(op, Op):
            answer = _known(new, op, operands)
            if answer is not None:
                if answer < 0:
                    constants.add(answer)
                register.append(answer)
                continue
        result = new.emit(op, operands, shape)
        register.append(result)
        if shape:
            register += range(result + 1, new.next)
        elif op == WHERE:
            questions[result] = operands
    return new.rewritten() if changed or len(new.code) < len(program.code) else program


def _known(new: Builder, op: Op, operands: Sequence[int]) -> int | None:
    """The register that holds what an opcode comes to, if its constants say so; exactly."""
    gate = op.gate
    numbers = [number for r in operands if (number := new.number(r)) is not None]
    if len(numbers) == len(operands):
        (number,) = op.value(numbers)
        may_fail = op.slope is None and gate.failures and not math.isfinite(number)
        return None if may_fail else new.constant(number)
    if op.slope is not None:
        return None
    places = dict(zip(gate.operands + gate.parameters, operands, strict=True))
    for identity in gate.identities:
        if new.number(places[identity.operand]) == identity.equals:
            result = identity.result
            return places[result] if isinstance(result, str) else new.constant(result)
    return None


def share(program: Program) -> Program:
    """Compute once what is written twice: the same opcode of the same registers."""
    new = Rewriting(program)
    register, emit = new.register, new.emit
    look = register.__getitem__
    seen: dict[tuple[object, ...], int] = {}
    for _, op, reads, shape in program.code:
        operands = tuple(map(look, reads))
        first = seen.setdefault((op, operands, shape), new.next)
        if first == new.next:
            emit(op, operands, shape)
        if shape:
            register += range(first, first + op.size(shape))
        else:
            register.append(first)
    return new.rewritten() if len(new.code) < len(program.code) else program


def prune(program: Program, quiet: bool = False) -> Program:
    """Leave out what neither an output nor a gradient depends on, unless it may fail.

    A gate that raises in the eager engine is found by the program too: it stays. `quiet`: it goes,
    too, as in the rule of a gate, which never raises.
    """
    needed = set(program.outputs + program.gradients)
    dropped: set[int] = set()
    for line in reversed(program.code):
        result, op = line.result, line.op
        if (
            result in needed
            or (op.slope is None and op.gate is not None and op.gate.failures and not quiet)
            or (line.shape and not needed.isdisjoint(line.results))
        ):
            needed.update(line.operands)
        else:
            dropped.add(result)
    if not dropped:
        return program
    new = Rewriting(program)
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
    terms = {line.result: line for line in program.code if line.op == ADD or line.op == MUL}
    swallowed: set[int] = set()
    sums: dict[int, list[tuple[int, int | None]]] = {}  # pairs (a, b), b None for 1
    for result, op, operands, _ in reversed(program.code):  # the last sum of a chain first
        if op != ADD or result in swallowed:
            continue
        same = uniform[result]
        pairs: list[tuple[int, int | None]] = []
        inside = []
        work = list(reversed(operands))
        while work:
            r = work.pop()
            term = terms.get(r)
            if term is None or uses[r] > 1 or uniform[r] != same:
                pairs.append((r, None))
                continue
            inside.append(r)
            if term.op == ADD:
                work += reversed(term.operands)
            else:
                pairs.append(term.operands)  # type: ignore[arg-type]
        if inside:
            swallowed.update(inside)
            sums[result] = pairs
    new = Rewriting(program)
    register = new.register
    one = new.constant(1.0)

    def is_shared(pair: tuple[int, int | None]) -> bool:
        a, b = pair
        return uniform[a] and (b is None or uniform[b])

    def dot(pairs: list[tuple[int, int | None]], *before: int) -> int:
        flat = [one if r is None else register[r] for pair in pairs for r in pair]
        if len(flat) == 2 and flat[1] == one and not before:
            return flat[0]
        return new.emit(DOT, (*before, *flat))

    for line in program.code:
        if line.result in swallowed:
            register.append(NOWHERE)
        elif line.result not in sums:
            new.copy(line)
        else:
            pairs = sums[line.result]
            once = list(filter(is_shared, pairs))
            if not once or len(once) == len(pairs):
                register.append(dot(pairs))
            else:
                register.append(dot(list(filterfalse(is_shared, pairs)), dot(once), one))
    return new.rewritten()


# A dot as a row of a matrix: bias + weights x numbers + the rest, pairs of another kind.
_Row = namedtuple("_Row", "result bias weights numbers rest")
# Sums over lanes of all products of a `left` and a `right` register: `places` says for the result
# of each which entry of the outer product it is.
_Grid = namedtuple("_Grid", "left right places")


def group(program: Program, smallest: int = SMALLEST) -> Program:
    """Dots of the same numbers with other weights become one affine map.

    Weights are the same in all lanes. Where many sums over lanes pair each of n numbers with each
    of m, they become one outer product.
    """
    program = _lane_sums_last(program)
    uniform = program.uniform()
    layers: dict[tuple[int, ...], list[_Row]] = {}
    for line in program.code:
        if (line.op is DOT or line.op == MUL) and not uniform[line.result]:
            row = _as_row(program, line, uniform)
            if row is not None:
                layers.setdefault(row.numbers, []).append(row)
    # An affine map stands where its first dot stood: all that its dots read must be there by then.
    maps: dict[int, list[_Row]] = {}
    member: dict[int, tuple[int, int]] = {}  # a dot -> the first dot of its map, its row there
    for rows in layers.values():
        first = rows[0].result
        rows = [row for row in rows if max((*row.weights, row.bias or 0)) < first]
        if len(rows) * len(rows[0].numbers) >= smallest:
            maps[first] = rows
            member.update({row.result: (first, i) for i, row in enumerate(rows)})
    grids = _grids(program, uniform, smallest)
    gathered = {result for grid in grids.values() for result in grid.places}
    new = Rewriting(program)
    zero, one = new.constant(0.0), new.constant(1.0)
    register = new.register
    start: dict[int, int] = {}  # the first dot of a map -> the map's first result
    for line in program.code:
        result = line.result
        if result in maps:
            rows = maps[result]
            biases = [zero if row.bias is None else register[row.bias] for row in rows]
            matrix = [register[w] for row in rows for w in row.weights]
            vector = [register[r] for r in rows[0].numbers]
            shape = (len(rows), len(vector))
            start[result] = new.emit(AFFINE, (*biases, *matrix, *vector), shape)
        if result in member:
            first, i = member[result]
            total, rest = start[first] + i, maps[first][i].rest
            if rest:
                total = new.emit(DOT, (total, one, *(register[r] for r in rest)))
            register.append(total)
        elif result in gathered:
            register.append(NOWHERE)  # set when the grid is complete
        else:
            new.copy(line)
        if result in grids:
            left, right, places = grids[result]
            operands = (*(register[r] for r in left), *(register[r] for r in right))
            entries = new.emit(OUTER, operands, (len(left), len(right)))
            for old, place in places.items():
                register[old] = entries + place
    return new.rewritten()


def _as_row(program: Program, line: Instruction, uniform: list[bool]) -> _Row | None:
    """A dot, or product of two, as a row of a matrix; None if it has no weights."""
    if not any(map(uniform.__getitem__, line.operands)):
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


def _lane_sums_last(program: Program) -> Program:
    """What reads a sum over lanes, put after all that does not.

    An outer product stands where its last sum stood. A sum that is read before that could not be
    part of it; so all sums are made first, and what reads them comes later.
    """
    late: set[int] = set()
    first: list[Instruction] = []
    last: list[Instruction] = []
    for line in program.code:
        result, op, operands, shape = line
        reads = not late.isdisjoint(operands)
        (last if reads else first).append(line)
        if reads or op.over_lanes:
            late.update(line.results if shape else (result,))
    if not last:
        return program
    new = Rewriting(program)
    register = new.register
    register += [NOWHERE] * sum([line.size for line in program.code])
    look = register.__getitem__
    for result, op, operands, shape in first + last:
        start = register[result] = new.emit(op, tuple(map(look, operands)), shape)
        if shape:
            for i in range(1, op.size(shape)):
                register[result + i] = start + i
    return new.rewritten()


def _grids(program: Program, uniform: list[bool], smallest: int) -> dict[int, _Grid]:
    """Where sums over lanes of a_i b_j make a grid, by the result of the last of them."""
    rows: dict[int, dict[int, list[int]]] = {}  # a -> b -> the sums of their products
    for line in program.code:
        if line.op is LANE_SUM:
            a, b = line.operands
            if not uniform[a] and not uniform[b]:
                rows.setdefault(a, {}).setdefault(b, []).append(line.result)
    columns: dict[tuple[int, ...], list[int]] = {}
    for a, row in rows.items():
        columns.setdefault(tuple(sorted(row)), []).append(a)
    reader: dict[int, int] | None = None
    grids = {}
    for right, left in columns.items():
        if len(left) * len(right) < smallest:
            continue
        left = sorted(left)
        places = {
            result: i * len(right) + j
            for i, a in enumerate(left)
            for j, b in enumerate(right)
            for result in rows[a][b]
        }
        last = max(places)
        reader = reader or _first_readers(program)
        # A sum of the grid must not be needed before the grid is complete.
        if all(reader.get(result, last) >= last for result in places):
            grids[last] = _Grid(left, list(right), places)
    return grids


def _first_readers(program: Program) -> dict[int, int]:
    """For each register that is read, the result of the first line that does."""
    readers: dict[int, int] = {}
    for line in program.code:
        for r in line.operands:
            readers.setdefault(r, line.result)
    return readers


def _uses(program: Program) -> Counter[int]:
    """How often each register is read, by lines and as an output or gradient."""
    uses = Counter(chain.from_iterable([operands for _, _, operands, _ in program.code]))
    uses.update(program.outputs + program.gradients)
    return uses


def expand(program: Program, sums: Collection[Sum]) -> Program:
    """Spell out every sum that is not among these, for a reader that does not know it."""
    foreign = {
        line.op for line in program.code
        if not isinstance(line.op, Op) and line.op not in sums and line.op.parts is not None
    }  # fmt: skip
    if not foreign:
        return program
    new = Rewriting(program)
    for line in program.code:
        if line.op in foreign:
            registers = [new.register[r] for r in line.operands]
            new.register += line.op.parts(new, registers, line.shape)  # type: ignore[misc]
        else:
            new.copy(line)
    return expand(fold(new.rewritten()), sums)  # the parts of a sum may be sums again


PASSES: tuple[Callable[[Program], Program], ...] = (fold, share, prune, fuse, group)
