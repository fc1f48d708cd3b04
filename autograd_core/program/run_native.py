"""The compiled executor: a loop in C over the blocks, generated from the gates' rules.

    run = NativeRun(plan("native", program), lanes=10)      # an Executor, see `executors`

The loop was compiled when the package was built; see native/loop.c, and native/loop_source.py,
which writes the gates' part of it. A program becomes two tables of numbers, the blocks and what
they read, which takes no compiler: it is ready at once. Gates that are not in the table, one's own,
are spelt out in those that are.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from typing import Any, ClassVar

import numpy as np

from ..gate import Gate
from ..native import _native
from ..table import gates
from .descent import Code
from .program import Op
from .schedule import COPY, Block, Schedule
from .spell import quiet
from .sums import AFFINE, DOT, LANE_SUM, OUTER, Sum

__all__ = ["NativeDescent", "NativeRun"]

if not getattr(_native, "OPCODES", ""):
    raise ImportError("AUTOGRAD_CORE_PURE=1, or it was built without the loop, or not at all")

# The numbers of the opcodes, by their names. The loop was built from the table; what was entered in
# it since then has no number.
NUMBERS: dict[str, int] = {name: i for i, name in enumerate(_native.OPCODES.split())}
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

    sums: ClassVar[Collection[Sum]] = (DOT, AFFINE, LANE_SUM, OUTER)
    gates: ClassVar[Collection[Gate] | None] = COMPILED

    def __init__(self, schedule: Schedule, lanes: int, scale: float = 1.0, room: int = 0) -> None:
        width = lanes if lanes <= 2 else -(-lanes // 4) * 4
        first = -(-(schedule.singles + 1) // 8) * 8  # of the rows; the number before is the scale
        spare = max([width * b.shape[1] for b in schedule.blocks if b.op is OUTER], default=0)
        size = first + schedule.rows * width
        end = -(-(size + spare) // 8) * 8
        if end + room >= 2**32:
            raise MemoryError(f"a program with {size} numbers: give fewer lanes at a time")
        self.lanes: int = lanes
        self.width: int = width
        memory = np.zeros(end + room + 8)
        begin = -memory.ctypes.data // 8 % 8  # where a line of the processor's cache begins
        self.memory: Any = memory[begin : begin + end + room]
        self.singles: Any = self.memory[: schedule.singles]
        self.memory[first - 1] = scale
        self.rows: Any = self.memory[first:size].reshape(schedule.rows, width)
        self.room: Any = self.memory[end:]
        schedule.fill(self.singles, self.rows)
        self._first, self._spare = first, size
        blocks = _Blocks()
        for block in schedule.blocks:
            self._encode(block, blocks)
        if schedule.slots:
            blocks.add("finish", [first - 1], count=len(schedule.slots), start=schedule.slots.start)
        self._blocks = blocks
        self._fields = blocks.fields(self.memory, lanes)
        self._address = self._fields.ctypes.data
        self._run = _native.run

    def __call__(self) -> bool:
        return self._run(self._address)  # type: ignore[no-any-return]

    def descent(self, schedule: Schedule, code: Code, numbers: int) -> NativeDescent:
        """The same program, and the rule of an optimiser that has so many numbers in a step."""
        scale = float(self.memory[self._first - 1])
        return NativeDescent(schedule, self.lanes, scale, code, numbers)

    def _addresses(self, places: Any, lanes: bool) -> list[int]:
        """Places as the loop knows them: in the one memory that holds singles and rows."""
        return [self._first + place * self.width for place in places] if lanes else list(places)

    def _encode(self, block: Block, blocks: _Blocks) -> None:
        op, of_lanes = block.op, block.of_lanes
        name = name_of(op) if isinstance(op, Op) else op.name
        table: list[int] = []
        fields = {
            "width": self.width if block.lanes or of_lanes else 1,
            "count": block.size,
            "start": self._addresses((block.start,), block.lanes)[0],
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
        blocks.add(name, table, **fields)


class _Blocks:
    """The two tables that the loop reads: the blocks, and the places that these read."""

    def __init__(self) -> None:
        self._rows: list[list[int]] = []
        self._places: list[int] = []

    def add(self, opcode: str, reads: Iterable[int] = (), **fields: int) -> None:
        """Enter a block that is not 0 in these fields; what it reads begins its part of a table."""
        known = {"opcode": NUMBERS[opcode], "width": 1, "table": len(self._places), **fields}
        self._rows.append([known.get(field, 0) for field in FIELDS])
        self._places += reads

    def fields(self, memory: Any, lanes: int, *more: int) -> Any:
        """What the loop takes, `struct run`, once all blocks were added; `more` follows it."""
        self.blocks = np.array(self._rows, np.uint32).reshape(-1, len(FIELDS))
        self.table = np.array(self._places, np.uint32)
        where = [array.ctypes.data for array in (memory, self.blocks, self.table)]
        return np.array([*where, len(self.blocks), lanes, *more], np.uint64)


CHUNK = 256  # parameters that a rule moves at a time: all that it reads stays in the nearest cache


class NativeDescent(NativeRun):
    """The same, with an optimiser's rule: `descend` makes steps in C.

    schedule  its gradients lie in slots, one for each of the first parameters
    code      what the rule does with a parameter; numbers: how many it has in a step
    """

    def __init__(
        self, schedule: Schedule, lanes: int, scale: float, code: Code, numbers: int
    ) -> None:
        count = len(schedule.slots)
        states = numbers + 1  # where these begin, behind the numbers and 1
        spread = states + code.states * count
        rows = numbers + len(code.lines) + len(code.outputs)
        super().__init__(schedule, lanes, scale, spread + rows * CHUNK)
        base = len(self.memory) - len(self.room)
        self.room[numbers] = 1.0
        self._states = self.room[states:spread].reshape(code.states, count)
        self._data = self.singles[:count]
        rule = _Blocks()
        rule.add(
            "spread", range(base, base + numbers), width=CHUNK, count=numbers, start=base + spread
        )  # fmt: skip
        places = [0, schedule.slots.start]
        places += [base + states + i * count for i in range(code.states)]
        targets = [places[0], *places[2:]]
        for first in range(0, count, CHUNK):
            width = min(CHUNK, count - first)
            _add_rule(
                rule, code, [place + first for place in places],
                [place + first for place in targets], base + spread, numbers, width,
            )  # fmt: skip
        rule.add("finish", [base + numbers], count=count)
        self._rule = rule
        of_lanes, place = schedule.outputs[0]
        more = rule.fields(
            self.memory, CHUNK, self.width, len(schedule.program.inputs), self._first,
            *self._addresses((place,), of_lanes), lanes if of_lanes else 1, base, numbers,
        )  # fmt: skip
        self._fields = np.concatenate([self._fields, more])  # `struct descent` begins as `run` does
        self._address = self._fields.ctypes.data
        self._rows: Any = None
        self._where: int  # the address of these

    def descend(
        self, rows: Any, order: array[int], numbers: array[float], states: Any, count: int,
        look: Callable[[int, float, bool], None],
    ) -> tuple[list[float], Any, Any]:  # fmt: skip
        """So many steps from the parameters in the memory, and these states.

        rows     a table of floats, whose rows the program takes
        order    which of them, the lanes of the first step, then those of the next
        numbers  those of the rule, step by step
        look     look(step, total, moved) is called after an evaluation, or a move, that may have
                 met a gate that fails, or whose numbers are not all finite. If it returns, all goes
                 on

        Returns the sum of the program's outputs in each step, the new parameters and their states.
        """
        if rows is not self._rows:
            self._rows = rows = np.ascontiguousarray(rows, float)
            self._where = rows.ctypes.data
        totals = array("d", bytes(8 * count))
        addresses = (
            self._address, self._where, len(rows), order.buffer_info()[0],
            numbers.buffer_info()[0], totals.buffer_info()[0],
        )  # fmt: skip
        if len(states):
            self._states[...] = states
        half, end = 0, 2 * count
        while half < end:
            half, failed = _native.descend(*addresses, half, end)
            if failed:
                step = (half - 1) // 2
                look(step, totals[step], half % 2 == 0)
        return totals.tolist(), self._data.copy(), self._states.copy()


def _add_rule(
    rule: _Blocks, code: Code, inputs: list[int], targets: list[int], rows: int, numbers: int,
    width: int,
) -> None:  # fmt: skip
    """The blocks of a rule for parameters that lie side by side.

    inputs   where the parameters, gradients and states lie; targets: where the results go, those
             of the first and of the last of these
    rows     where the rows with the numbers begin, and behind them those for the lines
    """
    first = len(inputs)
    where = [*inputs, *[rows + (numbers + i) * CHUNK for i in range(len(code.lines))]]
    last = {place: i for i, line in enumerate(code.lines) for place in line[1:]}  # reads it
    # A result goes to its target at once, unless what lies there is read later.
    late = []
    for result, target in zip(code.outputs, targets, strict=True):
        old = inputs.index(target)
        if result == old:
            continue
        is_alone = code.outputs.count(result) == 1 and old not in code.outputs
        if result >= first and last.get(old, -1) <= result - first and is_alone:
            where[result] = target
        else:
            late.append((result, target))
    places = {-1 - i: rows + i * CHUNK for i in range(numbers)} | dict(enumerate(where))
    for i, (name, *operands) in enumerate(code.lines):
        reads = [places[place] for place in operands]
        rule.add(name, reads, width=width, count=1, start=where[first + i], dense=1)
    spare = rows + (numbers + len(code.lines)) * CHUNK
    for result, _ in late:  # all are read before one is written
        if 0 <= result < first:
            rule.add("copy", [places[result], width], count=1, start=spare)
            places[result], spare = spare, spare + CHUNK
    for result, target in late:
        rule.add("copy", [places[result], width], count=1, start=target)


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


def name_of(op: Op) -> str:
    """The name of a gate's opcode; LookupError if the loop does not have it."""
    if op.gate not in _quiet_gates():
        raise LookupError(f'{op.name}: a gate of one\'s own must be spelt out: plan("native", ...)')
    return op.name
