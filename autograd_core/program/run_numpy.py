"""The executor that is always there: a program's blocks as calls of NumPy, a row for each value.

run = NumpyRun(Schedule(program), lanes=10)     # an Executor, see `executors`
run.rows[:2, :10] = 0.5                 # inputs; run.singles[:n] are the parameters
may_have_failed = run()                 # then run.singles, run.rows hold everything
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ..gate import Gate
from .program import Instruction, Op, Program
from .rule import rule
from .schedule import COPY, SPREAD, Block, Matrix, Schedule, step_of
from .sums import AFFINE, DOT, LANE_SUM, OUTER, Sum

__all__ = ["NumpyRun"]


# What NumPy calls the instructions of the rules, where it has another name for them.
NAMES = {
    "acos": "arccos", "asin": "arcsin", "atan": "arctan", "div": "divide", "mul": "multiply",
    "neg": "negative", "pow": "power", "sub": "subtract",
}  # fmt: skip


def _function(program: Program, line: Instruction) -> Any:
    """What does an instruction of a rule."""
    name = line.op.name
    if name in ("pow", "power") and program.constant(line.operands[1]) in (None, 0.5):
        return np.float_power  # for a lone 0.5 np.power takes the root, which differs at -inf, -0.0
    return getattr(np, NAMES.get(name, name))


class NumpyRun:
    """Memory for a number of lanes, and the calls that fill it."""

    sums: ClassVar[Collection[Sum]] = (DOT, AFFINE, LANE_SUM, OUTER)
    gates: ClassVar[Collection[Gate] | None] = None

    def __init__(self, schedule: Schedule, lanes: int, scale: float = 1.0) -> None:
        self.lanes = lanes
        self.scale = scale
        self.singles: Any = np.zeros(schedule.singles)
        self.rows: Any = np.zeros((schedule.rows, lanes))
        schedule.fill(self.singles, self.rows)
        self._gradient = self.singles[schedule.slots.start : schedule.slots.stop]
        self.failed: bool = False
        self._calls = [self._call(schedule, block) for block in schedule.blocks]

    def __call__(self) -> bool:
        self.failed = False
        gradient = self._gradient
        with np.errstate(all="ignore"):
            for call in self._calls:
                call()
            gradient *= self.scale
        return self.failed or not np.isfinite(np.vdot(gradient, gradient))

    def _view(self, memory: Any, places: Any) -> Callable[[], Any]:
        """What reads these places: a view if they lie side by side, else a copy each time."""
        first = places[0]
        if step_of(places) == 1:
            view = memory[first : first + len(places)]
            return lambda: view
        index = np.array(places)
        return lambda: memory[index]

    def _call(self, schedule: Schedule, block: Block) -> Callable[[], object]:
        """The block as a function without arguments."""
        op = block.op
        out = (self.rows if block.lanes else self.singles)[block.start : block.start + block.size]
        memory = self.rows if block.of_lanes else self.singles
        reads = [self._view(memory, places) for places in block.sources]
        if op is AFFINE:
            assert block.matrix is not None
            return self._affine(block.matrix, block, out)
        if op is OUTER:
            a, b = (read() for read in reads)
            return partial(np.matmul, a, b.T, out=out.reshape(block.shape))
        if op is SPREAD:
            return lambda: np.copyto(out, reads[0]()[:, None])
        if op is COPY:
            return lambda: np.copyto(out, reads[0]())
        if op is LANE_SUM:
            number = schedule.constant(block, 1)
            if block.of_lanes and number is not None:
                weights = np.full(self.lanes, number)
                return lambda: np.matmul(reads[0](), weights, out=out)
            if block.of_lanes:
                return lambda: np.einsum("ij,ij->i", reads[0](), reads[1](), out=out)
            lanes = float(self.lanes)
            return lambda: np.multiply(reads[0]() * reads[1](), lanes, out=out)
        if op is DOT:
            starts = np.cumsum((0, *block.counts[:-1]))
            return lambda: np.add.reduceat(reads[0]() * reads[1](), starts, axis=0, out=out)
        assert isinstance(op, Op)
        numbers = [
            schedule.constant(block, i) if block.of_lanes else None for i in range(len(reads))
        ]
        return self._gate(op, out, reads, numbers)

    def _affine(self, matrix: Matrix, block: Block, out: Any) -> Callable[[], object]:
        step = self.singles.itemsize
        strides = (matrix.by_row * step, matrix.by_column * step)
        weights = np.lib.stride_tricks.as_strided(
            self.singles[matrix.first :], block.shape, strides
        )
        biases, numbers = block.sources
        vector = self._view(self.rows, numbers)()
        bias = self._view(self.singles, biases)

        def call() -> None:
            np.matmul(weights, vector, out=out)
            np.add(out, bias()[:, None], out=out)

        return call

    def _gate(
        self, op: Op, out: Any, reads: list[Callable[[], Any]], numbers: list[float | None]
    ) -> Callable[[], object]:
        """A gate, or its slope: its rule's instructions, one call each."""
        gate = op.gate
        pairs = zip(reversed(gate.parameters), reversed(numbers), strict=False)
        known = {name: x for name, x in pairs if x is not None}
        program = rule(op, known)
        sources = [
            read if number is None else partial(float, number)
            for read, number in zip(reads, numbers, strict=True)
        ]
        sources += [partial(float, number) for number in program.constants]
        # A function of NumPy, and the registers that it reads.
        calls = [(_function(program, line), line.operands) for line in program.code]
        answer = program.outputs[0]
        straight = bool(calls) and isinstance(calls[-1][0], np.ufunc)
        if straight:
            last, ends = calls.pop()
        compares = op.slope is None and gate.condition
        fails = op.slope is None and bool(gate.failures)

        def call() -> None:
            values = [source() for source in sources]
            for function, operands in calls:
                values.append(function(*[values[r] for r in operands]))
            if straight:
                last(*[values[r] for r in ends], out=out)
            else:
                np.copyto(out, values[answer])
            if compares and np.isnan(sum(values[: len(reads)])).any():
                self.failed = True
            if fails and not np.isfinite(out).all():
                self.failed = True

        return call
