"""Spell out gates that an executor does not know, one's own, as the instructions of their rules.

    program = spell(program, known=NativeRun.gates)

A rule is made of gates of the table, so a reader that knows these knows all. Where the gate fails,
a run of the program says that the lanes must be looked at, as it does for a gate that it knows; it
does not where only something inside the rule is inf or nan.
"""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from functools import cache

from ..gate import Gate
from .passes import Rewriting
from .program import Instruction, Op, Program
from .rule import rule

__all__ = ["quiet", "spell"]


def spell(program: Program, known: Collection[Gate]) -> Program:
    """The program, in which every gate is one of these, or a quiet copy of one."""
    foreign = [isinstance(line.op, Op) and line.op.gate not in known for line in program.code]
    if not any(foreign):
        return program
    uniform = program.uniform()
    new = Rewriting(program)
    for line, unknown in zip(program.code, foreign, strict=True):
        if not unknown:
            new.copy(line)
            continue
        varying = [r for r in line.operands if not uniform[r]]
        new.register.append(_spelt(new, line, varying))
    return new.rewritten()


def _spelt(new: Rewriting, line: Instruction, varying: list[int]) -> int:
    """The register of what the line makes; `varying` are its operands that differ between lanes."""
    op = line.op
    assert isinstance(op, Op)
    gate = op.gate
    operands = [new.register[r] for r in line.operands]
    numbers = map(new.number, operands[len(operands) - len(gate.parameters) :])
    pairs = zip(gate.parameters, numbers, strict=True)
    steps = rule(op, {name: x for name, x in pairs if x is not None})
    at = [*operands, *map(new.constant, steps.constants)]
    for step in steps.code:
        assert isinstance(step.op, Op)
        inner = Op(quiet(step.op.gate), step.op.slope)
        at.append(new.emit(inner, tuple([at[r] for r in step.operands])))
    answer = at[steps.outputs[0]]
    read = {*steps.outputs, *(r for step in steps.code for r in step.operands)}
    if varying and not any(line.operands[r] in varying for r in read if r < len(operands)):
        # The rule leaves out all that differs between lanes; readers still count on lanes here.
        answer = new.gate("where", new.register[varying[0]], answer, answer)
    if op.slope is None and gate.condition:  # it is looked whether a nan is compared
        for r in operands:
            new.gate("less", r, r)
    if op.slope is None and gate.failures:  # y / 1 is y, and it is looked whether it is finite
        answer = new.gate("div", answer, new.constant(1.0))
    return answer


@cache
def quiet(gate: Gate) -> Gate:
    """The gate as it is inside a rule, where nothing fails: nobody looks at what it makes."""
    if not (gate.failures or gate.condition):
        return gate
    calm = copy(gate)
    calm.failures, calm.condition = (), False
    return calm
