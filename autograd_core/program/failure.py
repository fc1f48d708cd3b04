"""Find what went wrong in a program: the gate that fails, or that makes a nan, in one lane.

    find_failure(program, inputs, parameters, " (lane 3 of 10)")

Executors compute quietly and only notice that something is inf or nan. This runs the lane again by
the gates' own rules, and raises what the engine raises at that gate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import elementary
from ..table import gates
from .program import Instruction, Op, Program

__all__ = ["find_failure"]

WHERE = Op(gates["where"])


def find_failure(
    program: Program, inputs: Sequence[float], parameters: Sequence[float], where: str = "",
    gradients: bool = True,
) -> None:  # fmt: skip
    """Raise for the first gate of one lane of a plain program that fails, or whose nan matters.

    A nan matters if it reaches an output or a gradient (unless `gradients` is False), or if it is
    compared with something. In the arm of a `where` that is not taken it does not, as in the
    engine.
    """
    numbers = program.evaluate(inputs, parameters)
    results = program.outputs + (program.gradients if gradients else ())
    reached = _reached(program, numbers, results)
    for register in range(program.first_constant):
        if register in reached:
            kind = "input" if register < len(program.inputs) else "parameter"
            raise FloatingPointError(f"the {kind} {program.name(register)} is nan{where}")
    for line in program.code:
        gate = line.op.gate
        y = numbers[line.result]
        if y - y == 0.0:
            continue
        operands = [numbers[r] for r in line.operands]
        names = [_named(program, r) for r in line.operands]
        label = program.labels.get(line.result)
        behind = f", the gate of {label!r}" if label else ""
        if gate is not None and line.op.slope is None:
            for failure in gate.failures:
                if failure.when(elementary, y, *operands):
                    message = gate.message(failure.reason, operands, names)
                    raise failure.error(message + behind + where)
        if line.result in reached:  # the first of these makes the nan
            shown = ", ".join(
                f"{name}={x!r}" if name else repr(x)
                for name, x in zip(names, operands, strict=True)
            )
            raise FloatingPointError(
                f"{line.op}: the result is nan for {shown}{behind or _backward(program, line)}"
                f"{where}"
            )


def _reached(program: Program, numbers: list[float], results: Sequence[int]) -> set[int]:
    """The registers that hold a nan which reaches one of the results or a comparison."""
    reached = {r for r in results if math.isnan(numbers[r])}
    for line in reversed(program.code):
        compares = line.op.slope is None and line.op.gate is not None and line.op.gate.condition
        if line.result in reached or compares:
            operands = line.operands
            if line.op == WHERE:  # the arm that is not taken does not matter
                operands = (operands[0], operands[1] if numbers[operands[0]] else operands[2])
            reached.update(r for r in operands if math.isnan(numbers[r]))
    return reached


def _backward(program: Program, line: Instruction) -> str:
    last = max(program.outputs)
    return ", in the backward pass" if line.result > last else ""


def _named(program: Program, register: int) -> str:
    """The name or label of a register; "" for a constant or a gate that has none."""
    if register < program.first_constant:
        return program.name(register)
    if register < program.first_result:
        return ""
    op = program.code[register - program.first_result].op
    return program.labels.get(register) or (str(op) if op.slope is not None else "")
