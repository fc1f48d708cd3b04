"""The plan of a run, which executors and source texts read: blocks of one opcode, side by side.

    schedule = Schedule(program)
    schedule.blocks                         # what to do, one after another

Instructions that do not wait for each other and do the same make a block, whose results lie side by
side in memory: an executor decides once per block what to do, and a text has one loop for it. There
are two memories: `singles`, numbers that all lanes share, and `rows`, each with a number for every
lane. Both start with what comes in: singles with the parameters and constants, rows with the
inputs. An instruction of the lanes that reads a shared number reads a row that was filled with it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from .passes import expand
from .program import Instruction, Op, Program
from .sums import AFFINE, DOT, LANE_SUM, OUTER, Sum

__all__ = ["COPY", "SPREAD", "Block", "Flat", "Matrix", "Move", "Schedule", "matrix_of", "step_of"]

Places: TypeAlias = "Sequence[int]"


class Move:
    """What a plan does beside the instructions of its program: numbers change their places."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name: str = name

    def __repr__(self) -> str:
        return self.name


SPREAD: Move = Move("spread")  # a shared number into all lanes of a row
COPY: Move = Move("copy")  # within a memory, so that numbers lie side by side

PAIRS = 4  # of a dot; in a readable plan a longer one is a block by itself


class Matrix(NamedTuple):
    """Where the entries of a matrix lie: entry (i, k) at first + i by_row + k by_column."""

    first: int
    by_row: int
    by_column: int


class Block(NamedTuple):
    """`size` results at `start`, in rows if `lanes`, else in singles.

    of_lanes  whether what it reads lies in rows
    sources   places, one for each result: for gates, for each operand; for moves; for `lane_sum` of
              a and of b. dot: the places of all a, and of all b. affine: the biases, in singles;
              then the rows of the numbers. outer: the rows of the a, and of the b. Those of affine
              (but for the biases) and outer are ranges: they lie side by side
    shape     (n, m) of an affine or outer
    counts    dot: how many pairs each result has
    matrix    affine: where its matrix lies, in singles
    """

    op: Op | Sum | Move
    lanes: bool
    of_lanes: bool
    start: int
    size: int
    sources: tuple[Places, ...]
    shape: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    matrix: Matrix | None = None

    @property
    def results(self) -> range:
        return range(self.start, self.start + self.size)


def step_of(places: Places) -> int | None:
    """How far each of these places is from the one before; None if they are not evenly spaced."""
    if isinstance(places, range):
        return places.step
    if len(places) < 2:
        return 1
    first, step = places[0], places[1] - places[0]
    if step == 0:
        return 0 if places.count(first) == len(places) else None
    even = range(first, first + step * len(places), step)
    return step if tuple(even) == tuple(places) else None


def matrix_of(places: Places, n: int, m: int) -> Matrix | None:
    """The matrix whose entries, row by row, lie at these places; None if it is not even."""
    first = places[0]
    by_row = places[m] - first if n > 1 else m
    by_column = places[1] - first if m > 1 else 1
    even = [first + i * by_row + k * by_column for i in range(n) for k in range(m)]
    return Matrix(first, by_row, by_column) if list(places) == even else None


KNOWN = (DOT, AFFINE, LANE_SUM, OUTER)  # what the texts write; a new sum is spelt out for them


class Schedule:
    """The blocks of a program, and where in the two memories everything lies.

    singles    how many numbers are shared; rows: how many rows there are
    spread     the rows that are filled with a shared number, and its place in singles
    fixed      those of them that hold a constant: filled once, when memory is made
    outputs    places of the outputs: (whether in rows, place)
    gradients  the same of the gradients
    forward    in a readable plan, how many blocks the values need: the others are for gradients
    slots      where the gradients lie side by side in singles, if they are all of parameters

    sums       those that the reader of the plan knows: all others are spelt out
    readable   make the plan for a text: what the values need comes before what only the gradients
               need, and a block reads each operand from one argument or block
    """

    def __init__(
        self, program: Program, readable: bool = False, sums: Collection[Sum] = KNOWN
    ) -> None:
        program = expand(program, sums)
        self.program: Program = program
        self.readable = readable
        self.blocks: list[Block] = []
        inputs = len(program.inputs)
        self.rows: int = inputs
        self.singles: int = program.first_result - inputs
        self.spread: dict[int, int] = {}
        self.fixed: list[int] = []
        self._uniform = program.uniform()
        self._place: list[int] = [*range(inputs), *range(self.singles)]
        self._place += [0] * (len(self._uniform) - len(self._place))
        self._row_of: dict[int, int] = {}  # the row filled with a shared number
        # Which block made a register; for arguments, a number below 0 that they share.
        self._block_of: dict[int, int] = {}
        if readable:
            bases = list(dict.fromkeys(name.partition("[")[0] for name in program.inputs))
            for r, name in enumerate(program.inputs):
                self._block_of[r] = -3 - bases.index(name.partition("[")[0])
            self._block_of.update(dict.fromkeys(range(inputs, program.first_constant), -2))
        # Gradients end up side by side: what fits is written there at once.
        self.slots: range = range(0)
        if program.wrt and min(program.wrt) >= inputs:
            self.slots = range(self._reserve(False, len(program.wrt)), self.singles)
        self._slot = dict(zip(program.gradients, self.slots, strict=False))
        for part in _parts(program) if readable else (program.code,):
            self.forward: int = len(self.blocks)
            for lines in self._levels(part):
                self._level(lines)
        self.outputs: list[tuple[bool, int]] = [self.place(r) for r in program.outputs]
        self.gradients: list[tuple[bool, int]] = [self.place(r) for r in program.gradients]
        self._collect(self.slots)

    def place(self, register: int) -> tuple[bool, int]:
        """Where a register lies: whether in rows, and which."""
        return not self._uniform[register], self._place[register]

    def fill(self, singles: Any, rows: Any) -> None:
        """Write the constants into new memory, where they stay."""
        first = len(self.program.parameters)
        singles[first : first + len(self.program.constants)] = self.program.constants
        for row in self.fixed:
            rows[row] = singles[self.spread[row]]

    def constant(self, block: Block, source: int) -> float | None:
        """The constant that an operand of a block is in all its results, if it is one."""
        places = block.sources[source]
        if min(places) != max(places):
            return None
        place = self.spread.get(places[0], -1) if block.of_lanes else places[0]
        return self.program.constant(place + len(self.program.inputs)) if place >= 0 else None

    # ------------------------------------------------------------------ making the plan

    def _levels(self, code: Sequence[Instruction]) -> list[list[Instruction]]:
        """The lines by how long the longest chain before them is."""
        depth = [0] * len(self._uniform)
        look = depth.__getitem__
        levels: list[list[Instruction]] = []
        for line in code:
            result, _, operands, shape = line
            level = max(map(look, operands))
            depth[result] = level + 1
            if shape:
                for r in line.results:
                    depth[r] = level + 1
            while len(levels) <= level:
                levels.append([])
            levels[level].append(line)
        return levels

    def _level(self, lines: list[Instruction]) -> None:
        """The blocks of lines that do not wait for each other."""
        uniform = self._uniform
        look = uniform.__getitem__
        kinds: dict[tuple[Any, ...], list[Instruction]] = {}
        for line in lines:
            result, op, operands, _ = line
            lanes = not uniform[result]
            key: tuple[Any, ...] = (op, lanes, lanes or not all(map(look, operands)))
            if self.readable:
                key += tuple([self._block_of.get(r, -1) for r in operands])
                if op is DOT and len(operands) > 2 * PAIRS:
                    key += (result,)
            kinds.setdefault(key, []).append(line)
        for (op, lanes, of_lanes, *_), same in kinds.items():
            if of_lanes and op is not AFFINE:
                self._fill({r for _, _, operands, _ in same for r in operands if uniform[r]})
            if op is AFFINE:
                for line in same:
                    self._affine(line)
            elif op is OUTER:
                for line in same:
                    self._outer(line)
            else:
                self._gates(op, lanes, of_lanes, same)

    def _add(self, block: Block, registers: Sequence[int] = ()) -> None:
        """Enter a block; the registers are those of its results, in their order in memory."""
        for place, register in zip(block.results, registers, strict=False):
            self._place[register] = place
        if self.readable:
            self._block_of.update(dict.fromkeys(registers, len(self.blocks)))
        self.blocks.append(block)

    def _start(self, lanes: bool, results: list[int]) -> int:
        """Where a block of these registers is put: in the slots of the gradient if it can."""
        first = -1 if lanes else self._slot.get(results[0], -1)
        if first >= 0 and all(self._slot.get(r) == first + i for i, r in enumerate(results)):
            return first
        return self._reserve(lanes, len(results))

    def _reserve(self, lanes: bool, count: int) -> int:
        if lanes:
            self.rows += count
            return self.rows - count
        self.singles += count
        return self.singles - count

    def _fill(self, registers: set[int]) -> None:
        """Rows for shared numbers that instructions of the lanes read."""
        new = sorted([r for r in registers if r not in self._row_of])
        varying = [r for r in new if self.program.constant(r) is None]
        for register in new:
            if self.program.constant(register) is not None:
                row = self._row_of[register] = self._reserve(True, 1)
                self.spread[row] = self._place[register]
                self.fixed.append(row)
        if varying:
            start = self._reserve(True, len(varying))
            places = tuple([self._place[r] for r in varying])
            self._add(Block(SPREAD, True, False, start, len(varying), (places,)))
            self._row_of.update({r: start + i for i, r in enumerate(varying)})
            self.spread.update({start + i: place for i, place in enumerate(places)})

    def _source(self, register: int, lanes: bool) -> int:
        if lanes and self._uniform[register]:
            return self._row_of[register]
        return self._place[register]

    def _gates(self, op: Op | Sum, lanes: bool, of_lanes: bool, lines: list[Instruction]) -> None:
        source = partial(self._source, lanes=of_lanes)
        placed = [(list(map(source, line.operands)), line) for line in lines]
        # In the order of what they read, so that it lies side by side again.
        if self.readable:
            placed.sort(key=lambda pair: [self._place[r] for r in pair[1].operands])
        else:
            placed.sort(key=lambda pair: pair[0])
        results = [line.result for _, line in placed]
        start = self._start(lanes, results)
        places = [row for row, _ in placed]
        sources: tuple[tuple[int, ...], ...]
        counts: tuple[int, ...] = ()
        if op is DOT:
            sources = (
                tuple([p for row in places for p in row[::2]]),
                tuple([p for row in places for p in row[1::2]]),
            )
            counts = tuple([len(row) // 2 for row in places])
        else:
            sources = tuple(zip(*places, strict=True))
        self._add(Block(op, lanes, of_lanes, start, len(lines), sources, (), counts), results)

    def _affine(self, line: Instruction) -> None:
        n, m = line.shape
        place = [self._place[r] for r in line.operands]
        biases, matrix, vector = place[:n], place[n : n + n * m], place[n + n * m :]
        columns = sorted(range(m), key=vector.__getitem__)
        rows = sorted(range(n), key=lambda i: matrix[i * m])
        matrix = [matrix[i * m + k] for i in rows for k in columns]
        numbers = self._side_by_side([vector[k] for k in columns], True)
        where = matrix_of(matrix, n, m)
        if where is None or min(where.by_row, where.by_column) < 0:
            where = Matrix(self._side_by_side(matrix, False)[0], m, 1)
        start = self._reserve(True, n)
        sources = (tuple([biases[i] for i in rows]), numbers)
        block = Block(AFFINE, True, True, start, n, sources, (n, m), (), where)
        self._add(block, [line.result + i for i in rows])

    def _outer(self, line: Instruction) -> None:
        n, m = line.shape
        places = [self._source(r, True) for r in line.operands]
        left = sorted(range(n), key=places.__getitem__)
        right = sorted(range(m), key=places[n:].__getitem__)
        first = self._side_by_side([places[i] for i in left], True)
        second = self._side_by_side([places[n + k] for k in right], True)
        results = [line.result + i * m + k for i in left for k in right]
        start = self._start(False, results)
        self._add(Block(OUTER, False, True, start, n * m, (first, second), (n, m)), results)

    def _side_by_side(self, places: list[int], lanes: bool) -> range:
        """Where these lie one after another; they are copied if they do not."""
        wished = range(places[0], places[0] + len(places))
        if places == list(wished):
            return wished
        first = self._reserve(lanes, len(places))
        self._add(Block(COPY, lanes, lanes, first, len(places), (tuple(places),)))
        return range(first, first + len(places))

    def _collect(self, slots: range) -> None:
        """Copy the gradients that do not lie in their slots yet."""
        places = [place for _, place in self.gradients]
        k = 0
        while k < len(slots):
            end = k
            while end < len(slots) and places[end] != slots[end]:
                end += 1
            if end > k:
                sources = (tuple(places[k:end]),)
                self._add(Block(COPY, False, False, slots[k], end - k, sources))
            k = end + 1
        if slots:
            self.gradients = [(False, slot) for slot in slots]


def _parts(program: Program) -> tuple[list[Instruction], list[Instruction]]:
    """The lines that the values need, and those that only the gradients need."""
    parts = []
    needed: set[int] = set()
    done: set[int] = set()
    for results in (program.outputs, program.gradients):
        needed.update(results)
        part = []
        for line in reversed(program.code):
            if line.result not in done and not needed.isdisjoint(line.results):
                needed.update(line.operands)
                part.append(line)
        done.update(line.result for line in part)
        parts.append(part[::-1])
    return parts[0], parts[1]


class Flat:
    """The two memories of a schedule as one, for texts: singles, then rows, each a number.

    Executors move numbers so that they lie side by side. A text reads a number where it was made:
    a move is not written, and what it makes stands for what it is a copy of.
    """

    def __init__(self, schedule: Schedule) -> None:
        program = schedule.program
        self.program: Program = program
        self.schedule: Schedule = schedule
        self.size: int = schedule.singles + schedule.rows
        self.blocks: list[Block] = [
            block for block in schedule.blocks if not isinstance(block.op, Move)
        ]
        moves = [isinstance(block.op, Move) for block in schedule.blocks[: schedule.forward]]
        self.forward: int = len(moves) - sum(moves)
        self._origin = {self.at(True, row): place for row, place in schedule.spread.items()}
        for block in schedule.blocks:
            if isinstance(block.op, Move):
                (sources,) = self.operands(block)
                self._origin.update(zip(self.results(block), sources, strict=True))
        self.outputs: list[int] = self._read_all(schedule.outputs)
        self.gradients: list[int] = self._read_all(schedule.gradients)
        self.labels: dict[int, str] = {
            self.at(*schedule.place(r)): x for r, x in program.labels.items()
        }

    def at(self, lanes: bool, place: int) -> int:
        return self.schedule.singles + place if lanes else place

    def read(self, lanes: bool, places: Places) -> tuple[int, ...]:
        """Where to read what lies at these places."""
        origin = self._origin
        return tuple([origin.get(at, at) for at in [self.at(lanes, place) for place in places]])

    def _read_all(self, places: Sequence[tuple[bool, int]]) -> list[int]:
        return [self.read(lanes, (place,))[0] for lanes, place in places]

    def results(self, block: Block) -> range:
        start = self.at(block.lanes, block.start)
        return range(start, start + block.size)

    def operands(self, block: Block) -> list[tuple[int, ...]]:
        """What a block reads, source by source; of an affine also its matrix, row by row."""
        if block.matrix is None:
            return [self.read(block.of_lanes, places) for places in block.sources]
        biases, numbers = block.sources
        first, by_row, by_column = block.matrix
        n, m = block.shape
        matrix = [first + i * by_row + k * by_column for i in range(n) for k in range(m)]
        return [self.read(False, biases), self.read(True, numbers), self.read(False, matrix)]

    def constant(self, at: int) -> float | None:
        """The number of a constant, None for all else."""
        i = at - len(self.program.parameters)
        return self.program.constants[i] if 0 <= i < len(self.program.constants) else None

    def of_lanes(self, at: int) -> bool:
        return at >= self.schedule.singles
