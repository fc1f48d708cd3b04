"""A gate's rule as a Program: recorded by running it, then improved by the passes.

    rule(Op(gates["tanh"], 0)).listing()    # what the slope of tanh does
    rule(Op(gates["power"], 0), {"exponent": 2.0})      # the slope of x**2: 2 x

A rule runs once on terms that are registers, and each operation that it performs becomes an
instruction. So the compiled loop, the C and NumPy texts and the stepper's page compute with the
same rules as the engine, and no rule is written twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ..gate import Gate
from ..rehearsal import Rules, Term
from ..table import gates
from .passes import fold, prune, share
from .program import Builder, Op, Program

__all__ = ["rule", "whole_rule"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Operand: TypeAlias = "Term | float"


class Recorder(Rules):
    """The namespace `xp` that records what a rule does."""

    def __init__(self, name: str, names: list[str]) -> None:
        self.name = name
        self.builder: Builder = Builder(names, ())

    def record(self, name: str, *operands: Operand) -> Term:
        return Term(self, self.builder.gate(name, *map(self.place, operands)))

    def place(self, operand: Operand) -> int:
        """The register that an operand lies in; a number gets one."""
        if isinstance(operand, Term):
            register: int = operand.number
            return register
        return self.builder.constant(float(operand))

    def program(self, *answers: Operand) -> Program:
        """What was recorded, as far as the answers need it, improved."""
        program = prune(self.builder.program(list(map(self.place, answers))), quiet=True)
        before = None
        while before is not program:  # arms that were shared may have become the same
            before = program
            program = share(fold(program))
        return prune(program, quiet=True)


def rule(op: Op, known: Mapping[str, float] = {}) -> Program:
    """What an opcode does, as a program with one input for each argument, and one output.

    known  numbers of the gate's parameters, by name: the rule is cut to what they leave of it
    """
    # Those of the table are kept; a gate of the user's own must not be kept alive.
    record = _recorded if gates.get(op.gate.name) is op.gate else _recorded.__wrapped__
    # By their digits: 0.0 and -0.0 are the same key, and make different rules.
    return record(op, tuple([(name, float.hex(x)) for name, x in known.items()]))


@lru_cache(1024)  # every executor and every text asks for the same few
def _recorded(op: Op, known: tuple[tuple[str, str], ...]) -> Program:
    names = op.arguments
    numbers = {name: float.fromhex(digits) for name, digits in known}
    recorder = Recorder(op.gate.name, names)
    arguments: list[Any] = [
        Term(recorder, recorder.builder.constant(numbers[name]) if name in numbers else i)
        for i, name in enumerate(names)
    ]
    if op.slope is None:
        return recorder.program(op.gate.forward(recorder, *arguments))
    return recorder.program(op.gate.partials(recorder, *arguments)[op.slope])


def whole_rule(gate: Gate, failures: bool = True) -> Program:
    """All of a gate: outputs are its output, its slopes, and a yes or no for each failure."""
    names = list(gate.operands + gate.parameters)
    recorder = Recorder(gate.name, names)
    arguments = [Term(recorder, i) for i in range(len(names))]
    y = gate.forward(recorder, *arguments)
    slopes = gate.partials(recorder, y, *arguments)
    when = [failure.when for failure in gate.failures] if failures else []
    return recorder.program(y, *slopes, *(fails(recorder, y, *arguments) for fails in when))
