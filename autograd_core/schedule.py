"""The order in which executors run a program: blocks of the same opcode, side by side.

    schedule = Schedule(program)
    schedule.blocks                         # what to do, one after another

Instructions that do not wait for each other and do the same make a block, whose results lie side by
side in memory: an executor decides once for a block what to do. There are two memories: `single`,
numbers that all lanes share, and `lanes`, rows with a number for each lane. Both start with what
comes in: the parameters and constants, the inputs. An instruction of the lanes that reads a shared
number reads a row that was filled with it.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence

from .program import Instruction, Program

__all__ = ["Block", "Schedule"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Block(
    namedtuple("Block", "op lanes start size sources shape of_lanes", defaults=((0, 0), False))
):
    """`size` results at `start`, in the rows of `lanes` or in `single`.

    sources  for gates, for each operand its places, one a result. spread: places in single. copy:
             places in the same memory. dot: the places of all a, of all b, and how many pairs each
             result has. total: places of a and b; of lanes if `of_lanes`. product: the places of
             the biases, then the one of the matrix with its strides by row and column, then the
             first row of the numbers. outer: the first row of the a and of the b.
    shape    (n, m) of a product or outer
    """

    __slots__ = ()


class Schedule:
    """The blocks of a program, and where in the two memories everything lies.

    fixed      rows that hold a constant: (row, place in single), filled once
    outputs    places of the outputs: (whether in lanes, place)
    gradients  the same of the gradients
    slots      where the gradients lie side by side in `single`, if they are all of parameters
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.blocks: list[Block] = []
        inputs = len(program.inputs)
        self.rows = inputs
        self.singles = program.first_result - inputs
        self.fixed: list[tuple[int, int]] = []
        self._uniform = program.uniform()
        self._place: list[int] = [*range(inputs), *range(self.singles)]
        self._place += [0] * (len(self._uniform) - len(self._place))
        self._row_of: dict[int, int] = {}  # the row filled with a shared number
        # Gradients are to lie side by side in the end: what fits is written there at once.
        self.slots = range(0)
        if program.wrt and min(program.wrt) >= inputs:
            self.slots = range(self._reserve(False, len(program.wrt)), self.singles)
        self._slot = dict(zip(program.gradients, self.slots, strict=False))
        for lines in self._levels():
            self._level(lines)
        self.outputs = [(not self._uniform[r], self._place[r]) for r in program.outputs]
        self.gradients = [(not self._uniform[r], self._place[r]) for r in program.gradients]
        self._collect(self.slots)

    def fill(self, single: Any, rows: Any) -> None:
        """Write the constants into new memory, where they stay."""
        first = len(self.program.parameters)
        single[first : first + len(self.program.constants)] = self.program.constants
        for row, place in self.fixed:
            rows[row] = single[place]

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
                self.blocks.append(Block("copy", False, slots[k], end - k, sources))
            k = end + 1
        if slots:
            self.gradients = [(False, slot) for slot in slots]

    def _levels(self) -> list[list[Instruction]]:
        """The lines by how long the longest chain before them is."""
        depth = [0] * self.program.first_result
        levels: list[list[Instruction]] = []
        for line in self.program.code:
            level = max([depth[r] for r in line.operands], default=0)
            depth += [level + 1] * line.size
            while len(levels) <= level:
                levels.append([])
            levels[level].append(line)
        return levels

    def _level(self, lines: list[Instruction]) -> None:
        uniform = self._uniform
        kinds: dict[tuple[str, bool, bool], list[Instruction]] = {}
        for line in lines:
            lanes = not uniform[line.result]
            of_lanes = lanes or not all(uniform[r] for r in line.operands)
            kinds.setdefault((line.op, lanes, of_lanes), []).append(line)
        for (op, lanes, of_lanes), same in kinds.items():
            if of_lanes and op != "product":
                self._fill({r for line in same for r in line.operands if uniform[r]})
            if op == "product":
                for line in same:
                    self._product(line)
            elif op == "outer":
                for line in same:
                    self._outer(line)
            else:
                self._gates(op, lanes, of_lanes, same)

    def _start(self, lanes: bool, results: list[int]) -> int:
        """Where a block of these registers is to lie: in the slots of the gradient if it can."""
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
        new = sorted(registers - self._row_of.keys())
        varying = [r for r in new if self.program.constant(r) is None]
        for register in new:
            if self.program.constant(register) is not None:
                row = self._row_of[register] = self._reserve(True, 1)
                self.fixed.append((row, self._place[register]))
        if varying:
            start = self._reserve(True, len(varying))
            places = tuple(self._place[r] for r in varying)
            self.blocks.append(Block("spread", True, start, len(varying), (places,)))
            self._row_of.update({r: start + i for i, r in enumerate(varying)})

    def _source(self, register: int, lanes: bool) -> int:
        if lanes and self._uniform[register]:
            return self._row_of[register]
        return self._place[register]

    def _gates(self, op: str, lanes: bool, of_lanes: bool, lines: list[Instruction]) -> None:
        placed = [([self._source(r, of_lanes) for r in line.operands], line) for line in lines]
        placed.sort(key=lambda pair: pair[0])  # in the order of what they read: side by side again
        start = self._start(lanes, [line.result for _, line in placed])
        for i, (_, line) in enumerate(placed):
            self._place[line.result] = start + i
        places = [row for row, _ in placed]
        sources: tuple[tuple[int, ...], ...]
        if op == "dot":
            sources = (
                tuple([p for row in places for p in row[::2]]),
                tuple([p for row in places for p in row[1::2]]),
                tuple([len(row) // 2 for row in places]),
            )
        else:
            sources = tuple(zip(*places, strict=True))
        self.blocks.append(Block(op, lanes, start, len(lines), sources, (0, 0), of_lanes))

    def _product(self, line: Instruction) -> None:
        n, m = line.shape
        place = [self._place[r] for r in line.operands]
        biases, matrix, vector = place[:n], place[n : n + n * m], place[n + n * m :]
        columns = sorted(range(m), key=vector.__getitem__)
        rows = sorted(range(n), key=lambda i: matrix[i * m])
        matrix = [matrix[i * m + k] for i in rows for k in columns]
        number = self._side_by_side([vector[k] for k in columns], True)
        first = matrix[0]
        by_row = matrix[m] - first if n > 1 else m
        by_column = matrix[1] - first if m > 1 else 1
        even = [first + i * by_row + k * by_column for i in range(n) for k in range(m)]
        if min(by_row, by_column) < 0 or matrix != even:
            first, by_row, by_column = self._side_by_side(matrix, False), m, 1
        start = self._reserve(True, n)
        for position, i in enumerate(rows):
            self._place[line.result + i] = start + position
        sources = (tuple([biases[i] for i in rows]), (first, by_row, by_column), (number,))
        self.blocks.append(Block("product", True, start, n, sources, (n, m)))

    def _outer(self, line: Instruction) -> None:
        n, m = line.shape
        places = [self._source(r, True) for r in line.operands]
        left = sorted(range(n), key=places.__getitem__)
        right = sorted(range(m), key=places[n:].__getitem__)
        first = self._side_by_side([places[i] for i in left], True)
        second = self._side_by_side([places[n + k] for k in right], True)
        results = [line.result + i * m + k for i in left for k in right]
        start = self._start(False, results)
        for i, result in enumerate(results):
            self._place[result] = start + i
        self.blocks.append(Block("outer", False, start, n * m, ((first,), (second,)), (n, m), True))

    def _side_by_side(self, places: Sequence[int], lanes: bool) -> int:
        """Where these lie one after another; they are copied if they do not."""
        first = places[0]
        if list(places) != list(range(first, first + len(places))):
            first = self._reserve(lanes, len(places))
            block = Block("copy", lanes, first, len(places), (tuple(places),), (0, 0), lanes)
            self.blocks.append(block)
        return first
