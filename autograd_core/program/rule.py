"""A gate's rule as a Program: recorded by running it, then improved by the passes.

    rule(Op(gates["tanh"], 0)).listing()    # what the slope of tanh does
    rule(Op(gates["power"], 0), {"exponent": 2.0})      # the slope of x**2: 2 x

A rule runs once on registers, and each operation that it performs becomes an instruction. So the
compiled loop, the C and NumPy texts and the stepper's page compute with the same rules as the
engine, and no rule is written twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .. import elementary
from ..errors import IN_A_RULE
from ..gate import Gate
from .passes import fold, prune, share
from .program import Builder, Op, Program

__all__ = ["rule", "whole_rule"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Operand: TypeAlias = "Register | float"


class Register:
    """What a rule computes with; an operation on it records the next instruction."""

    __slots__ = ("number", "recorder")

    def __init__(self, recorder: Recorder, number: int) -> None:
        self.recorder: Recorder = recorder
        self.number: int = number

    def __add__(self, other: Operand) -> Register:
        return self.recorder.record("add", self, other)

    def __radd__(self, other: Operand) -> Register:
        return self.recorder.record("add", other, self)

    def __sub__(self, other: Operand) -> Register:
        return self.recorder.record("sub", self, other)

    def __rsub__(self, other: Operand) -> Register:
        return self.recorder.record("sub", other, self)

    def __mul__(self, other: Operand) -> Register:
        return self.recorder.record("mul", self, other)

    def __rmul__(self, other: Operand) -> Register:
        return self.recorder.record("mul", other, self)

    def __neg__(self) -> Register:
        return self.recorder.record("neg", self)

    def __lt__(self, other: Operand) -> Register:
        return self.recorder.record("less", self, other)

    def __gt__(self, other: Operand) -> Register:
        return self.recorder.record("less", other, self)

    def __le__(self, other: Operand) -> Register:
        return self.recorder.record("less_equal", self, other)

    def __ge__(self, other: Operand) -> Register:
        return self.recorder.record("less_equal", other, self)

    def __and__(self, other: Operand) -> Register:
        return self.recorder.record("where", self, other, 0.0)

    def __or__(self, other: Operand) -> Register:
        return self.recorder.record("where", self, 1.0, other)

    __ror__ = __or__  # False | condition

    def __bool__(self) -> bool:
        raise self.refused("if")

    def __truediv__(self, other: object) -> Register:
        raise self.refused("/")

    __rtruediv__ = __truediv__

    def __pow__(self, other: object) -> Register:
        raise self.refused("**")

    __rpow__ = __pow__

    def __float__(self) -> float:
        raise self.refused("float")

    def __abs__(self) -> Register:
        raise self.refused("abs")

    def refused(self, what: str) -> TypeError:
        return TypeError(f"{self.recorder.name}: its rule {IN_A_RULE[what]}")


class Recorder:
    """The namespace `xp` that records what a rule does."""

    def __init__(self, name: str, names: list[str]) -> None:
        self.name = name
        self.builder: Builder = Builder(names, ())

    def record(self, name: str, *operands: Operand) -> Register:
        return Register(self, self.builder.gate(name, *map(self.place, operands)))

    def place(self, operand: Operand) -> int:
        """The register that an operand lies in; a number gets one."""
        if isinstance(operand, Register):
            return operand.number
        return self.builder.constant(float(operand))

    def program(self, *answers: Operand) -> Program:
        """What was recorded, as far as the answers need it, improved."""
        program = prune(self.builder.program(list(map(self.place, answers))), quiet=True)
        before = None
        while before is not program:  # arms that were shared may have become the same
            before = program
            program = share(fold(program))
        return prune(program, quiet=True)

    def __getattr__(self, name: str) -> Callable[..., Register]:
        if name not in elementary.__all__:
            raise AttributeError(f"xp.{name}: a rule may use {', '.join(elementary.__all__)}")
        return lambda *operands: self.record(name, *operands)


def rule(op: Op, known: Mapping[str, float] = {}) -> Program:
    """What an opcode does, as a program with one input for each argument, and one output.

    known  numbers of the gate's parameters, by name: the rule is cut to what they leave of it
    """
    names = op.arguments
    recorder = Recorder(op.gate.name, names)
    arguments: list[Any] = [
        Register(recorder, recorder.builder.constant(known[name]) if name in known else i)
        for i, name in enumerate(names)
    ]
    if op.slope is None:
        return recorder.program(op.gate.forward(recorder, *arguments))
    return recorder.program(op.gate.partials(recorder, *arguments)[op.slope])


def whole_rule(gate: Gate, failures: bool = True) -> Program:
    """All of a gate: outputs are its output, its slopes, and a yes or no for each failure."""
    names = list(gate.operands + gate.parameters)
    recorder = Recorder(gate.name, names)
    arguments = [Register(recorder, i) for i in range(len(names))]
    y = gate.forward(recorder, *arguments)
    slopes = gate.partials(recorder, y, *arguments)
    when = [failure.when for failure in gate.failures] if failures else []
    return recorder.program(y, *slopes, *(fails(recorder, y, *arguments) for fails in when))
