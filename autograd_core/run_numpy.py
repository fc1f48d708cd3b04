"""The executor that is always there: a program's blocks as calls of NumPy, a row for each value.

run = NumpyRun(Schedule(program), lanes=10)
run.rows[:2, :10] = ...                 # inputs; run.single[:n] are the parameters
failed = run()                          # then run.single, run.rows hold everything
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .emit import Rule
from .program import Program
from .schedule import Block, Schedule

__all__ = ["NumpyRun"]


# What NumPy calls the instructions of the rules, where it has another name for them.
NAMES = {
    "acos": "arccos", "asin": "arcsin", "atan": "arctan", "div": "divide", "mul": "multiply",
    "neg": "negative", "pow": "power", "sub": "subtract",
}  # fmt: skip


class NumpyRun:
    """Memory for a number of lanes, and the calls that fill it.

    single  the numbers that all lanes share: parameters, constants, results
    rows    the numbers of the lanes, (row, lane)
    scale   what the gradients are multiplied by in the end: sums over lanes become means
    """

    def __init__(self, schedule: Schedule, lanes: int, scale: float = 1.0) -> None:
        program = schedule.program
        self.lanes = lanes
        self.scale = scale
        self.single = np.zeros(schedule.singles)
        self.rows = np.zeros((schedule.rows, lanes))
        schedule.fill(self.single, self.rows)
        self._constant = {row: float(self.single[place]) for row, place in schedule.fixed}
        self._gradient = self.single[schedule.slots.start : schedule.slots.stop]
        self.failed = False
        self._calls = [self._call(program, block) for block in schedule.blocks]

    def __call__(self) -> bool:
        """Run the program; whether a gate may have failed, or met nan in a comparison.

        Also if gradients are not finite, or their squares.
        """
        self.failed = False
        gradient = self._gradient
        with np.errstate(all="ignore"):
            for call in self._calls:
                call()
            gradient *= self.scale
        return self.failed or not np.isfinite(np.vdot(gradient, gradient))

    def _view(self, memory: Any, places: tuple[int, ...]) -> Callable[[], Any]:
        """What reads these places: a view if they lie side by side, else a copy each time."""
        first = places[0]
        if places == tuple(range(first, first + len(places))):
            view = memory[first : first + len(places)]
            return lambda: view
        index = np.array(places)
        return lambda: memory[index]

    def _number(self, places: tuple[int, ...]) -> float | None:
        """The constant that all of these rows hold, if they do."""
        return self._constant.get(places[0]) if len(set(places)) == 1 else None

    def _call(self, program: Program, block: Block) -> Callable[[], object]:
        """The block as a function without arguments."""
        out = (self.rows if block.lanes else self.single)[block.start : block.start + block.size]
        of_lanes = block.lanes or block.of_lanes
        memory = self.rows if of_lanes and block.op != "spread" else self.single
        if block.op == "product":
            return self._product(block, out)
        if block.op == "outer":
            (n, m), ((left,), (right,)) = block.shape, block.sources
            a, b = self.rows[left : left + n], self.rows[right : right + m].T
            return partial(np.matmul, a, b, out=out.reshape(n, m))
        numbers = [self._number(places) if of_lanes else None for places in block.sources]
        reads = [self._view(memory, places) for places in block.sources]
        if block.op == "spread":
            return lambda: np.copyto(out, reads[0]()[:, None])
        if block.op == "copy":
            return lambda: np.copyto(out, reads[0]())
        if block.op == "total":
            if of_lanes and numbers[1] is not None:
                weights = np.full(self.lanes, numbers[1])
                return lambda: np.matmul(reads[0](), weights, out=out)
            if of_lanes:
                return lambda: np.einsum("ij,ij->i", reads[0](), reads[1](), out=out)
            lanes = float(self.lanes)
            return lambda: np.multiply(reads[0]() * reads[1](), lanes, out=out)
        if block.op == "dot":
            starts = np.cumsum((0, *block.sources[2][:-1]))
            return lambda: np.add.reduceat(reads[0]() * reads[1](), starts, axis=0, out=out)
        return self._gate(program, block.op, out, reads, numbers)

    def _product(self, block: Block, out: Any) -> Callable[[], object]:
        (n, m), (biases, (first, by_row, by_column), (row,)) = block.shape, block.sources
        step = self.single.itemsize
        matrix = np.lib.stride_tricks.as_strided(
            self.single[first:], (n, m), (by_row * step, by_column * step)
        )
        vector = self.rows[row : row + m]
        bias = self._view(self.single, biases)

        def call() -> None:
            np.matmul(matrix, vector, out=out)
            np.add(out, bias()[:, None], out=out)

        return call

    def _gate(
        self, program: Program, op: str, out: Any, reads: list[Callable[[], Any]],
        numbers: list[float | None],
    ) -> Callable[[], object]:  # fmt: skip
        """A gate, or its slope: its rule's instructions, one call each."""
        gate = program.gate(op)
        assert gate is not None
        pairs = zip(reversed(gate.parameters), reversed(numbers), strict=False)
        rule = Rule(gate, op, known={name: x for name, x in pairs if x is not None})
        sources = [
            read if number is None else partial(float, number)
            for read, number in zip(reads, numbers, strict=True)
        ]
        place: dict[Any, int] = {x: i for i, x in enumerate(rule.arguments)}
        calls = []  # a function, and its operands: numbers, or places of what is there already
        for result, name, used in rule.trace.leading_to(rule.answer):
            calls.append((getattr(np, NAMES.get(name, name)), [place.get(x, x) for x in used]))
            place[result] = len(place)
        answer = place.get(rule.answer, rule.answer)
        straight = bool(calls) and isinstance(calls[-1][0], np.ufunc)
        if straight:
            last, ends = calls.pop()
        compares = op == gate.name and gate.condition
        fails = op == gate.name and bool(gate.failures)

        def call() -> None:
            values = [source() for source in sources]

            def given(operands: list[Any]) -> list[Any]:
                return [values[x] if type(x) is int else x for x in operands]

            for function, operands in calls:
                values.append(function(*given(operands)))
            if straight:
                last(*given(ends), out=out)
            else:
                np.copyto(out, *given([answer]))
            if compares and np.isnan(sum(values[: len(sources)])).any():
                self.failed = True
            if fails and not np.isfinite(out).all():
                self.failed = True

        return call
