"""The compiled executor: a loop in C over the blocks, generated from the gates' rules.

    run = NativeRun(plan("native", program), lanes=10)      # an Executor, see `executors`

The loop was compiled when the package was built; see native/loop.c, and native/loop_source.py,
which writes the gates' part of it. A program becomes two tables of numbers, the blocks and what
they read, which takes no compiler: it is ready at once. Gates that are not in the table, one's own,
are spelt out in those that are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from ..native import _native
from ..table import gates
from .program import Op
from .schedule import COPY, Block, Schedule
from .spell import quiet
from .sums import AFFINE, DOT, LANE_SUM, OUTER

__all__ = ["NativeRun"]

if not hasattr(_native, "opcodes"):
    raise ImportError("AUTOGRAD_CORE_PURE=1, or it was built without the loop, or not at all")

# The numbers of the opcodes, by their names. The loop was built from the table; what was entered in
# it since then has no number.
NUMBERS: dict[str, int] = {name: i for i, name in enumerate(_native.opcodes())}
COMPILED = frozenset(gate for gate in gates.values() if gate.name in NUMBERS)

# What the loop knows of a block, in the order of `struct block` in native/loop.h.
FIELDS = (
    "opcode", "width", "count", "start", "table", "dense", "look", "n", "m", "a", "by_row",
    "by_column", "b", "spare",
)  # fmt: skip


class NativeRun:
    """Memory for a number of lanes, and the loop that fills it.

    Lanes are filled up to a multiple of four; those beyond `lanes` must hold numbers at which no
    gate fails: copies of another lane.
    """

    sums = (DOT, AFFINE, LANE_SUM, OUTER)
    gates = COMPILED

    def __init__(self, schedule: Schedule, lanes: int, scale: float = 1.0) -> None:
        width = lanes if lanes <= 2 else -(-lanes // 4) * 4
        first = -(-(schedule.singles + 1) // 8) * 8  # of the rows; the number before is the scale
        spare = max([width * b.shape[1] for b in schedule.blocks if b.op is OUTER], default=0)
        size = first + schedule.rows * width
        if size + spare >= 2**32:
            raise MemoryError(f"a program with {size} numbers: give fewer lanes at a time")
        self.lanes, self.width = lanes, width
        memory = np.zeros(size + spare + 8)
        begin = -memory.ctypes.data // 8 % 8  # where a line of the processor's cache begins
        self.memory = memory[begin : begin + size + spare]
        self.singles = self.memory[: schedule.singles]
        self.memory[first - 1] = scale
        self.rows = self.memory[first:size].reshape(schedule.rows, width)
        schedule.fill(self.singles, self.rows)
        self._first, self._spare = first, size
        table: list[int] = []
        blocks = [self._encoded(block, table) for block in schedule.blocks]
        if schedule.slots:
            blocks.append({
                "opcode": NUMBERS["finish"], "width": 1, "count": len(schedule.slots),
                "start": schedule.slots.start, "table": len(table),
            })  # fmt: skip
            table.append(first - 1)
        rows = [[block.get(field, 0) for field in FIELDS] for block in blocks]
        self._blocks = np.array(rows, np.uint32).reshape(-1, len(FIELDS))
        self._table = np.array(table or [0], np.uint32)
        self._run = _native.run
        self._arguments = (
            self.memory.ctypes.data, self._blocks.ctypes.data, len(self._blocks),
            self._table.ctypes.data, lanes,
        )  # fmt: skip

    def __call__(self) -> bool:
        return self._run(*self._arguments)  # type: ignore[no-any-return]

    def _addresses(self, places: Any, lanes: bool) -> list[int]:
        """Places as the loop knows them: in the one memory that holds singles and rows."""
        return [self._first + place * self.width for place in places] if lanes else list(places)

    def _encoded(self, block: Block, table: list[int]) -> dict[str, int]:
        """The fields of a block that are not 0; puts what it reads into the table."""
        op, of_lanes = block.op, block.of_lanes
        fields = {
            "opcode": number_of(op) if isinstance(op, Op) else NUMBERS[op.name],
            "width": self.width if block.lanes or of_lanes else 1,
            "count": block.size,
            "start": self._addresses((block.start,), block.lanes)[0],
            "table": len(table),
        }
        if op is AFFINE:
            biases, numbers = block.sources
            table.extend(biases)
            assert block.matrix is not None
            a, by_row, by_column = block.matrix
            fields |= {"a": a, "by_row": by_row, "by_column": by_column}
            (fields["b"],) = self._addresses(numbers[:1], True)
        elif op is OUTER:
            left, right = block.sources
            fields["a"], fields["b"] = self._addresses((left[0], right[0]), True)
            fields["spare"] = self._spare
        elif op is COPY:
            runs = list(_runs(self._addresses(block.sources[0], of_lanes), fields["width"]))
            fields["count"] = len(runs)
            for run in runs:
                table.extend(run)
        else:
            columns = [self._addresses(places, of_lanes) for places in block.sources]
            if op is DOT:
                pair = iter(zip(*columns, strict=True))
                for count in block.counts:
                    table.append(count)
                    for _ in range(count):
                        table.extend(next(pair))
            else:
                for row in zip(*columns, strict=True):
                    table.extend(row)
            if op is LANE_SUM:
                fields["n"] = int(of_lanes)
            if isinstance(op, Op):
                fields["dense"] = int(all(map(_side_by_side, block.sources)))
                fields["look"] = int(bool(op.gate.failures) or op.gate.condition)
        if block.shape:
            fields["n"], fields["m"] = block.shape
        return fields


def _runs(addresses: list[int], width: int) -> Iterator[tuple[int, int]]:
    """These numbers, or rows of them, as runs that lie side by side: (the first, how many)."""
    first = after = addresses[0]
    for address in addresses:
        if address != after:
            yield first, after - first
            first = address
        after = address + width
    yield first, after - first


def _side_by_side(places: Any) -> bool:
    first = places[0]
    return bool(places[-1] - first == len(places) - 1) and places == tuple(
        range(first, first + len(places))
    )


@cache
def _quiet_gates() -> dict[Any, str]:
    """The name of each gate that the loop knows, and of its quiet copy."""
    return {copy: gate.name for gate in COMPILED for copy in (gate, quiet(gate))}


def number_of(op: Op) -> int:
    """The number of a gate's opcode; LookupError if the loop does not have it."""
    if op.gate not in _quiet_gates():
        raise LookupError(f'{op.name}: a gate of one\'s own must be spelt out: plan("native", ...)')
    return NUMBERS[op.name]
