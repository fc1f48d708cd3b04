"""From what a function did to a Program: the gates forward, and the chain rule backward.

    traced = trace(lambda x, y: (w * x + b - y) ** 2, ("x", "y"), ((), ()))
    program = lower(traced, wrt=[w, b])

Hardly anything is improved yet: an instruction per gate, and for the gradient a product for each
edge and a sum at each fork, as the eager engine has it; only factors of 1 are left out. The passes
do the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..gate import Gate
from ..table import gates
from ..value import Value
from .program import Builder, Instruction, Op, Program
from .rule import rule
from .sums import LANE_SUM
from .trace import PAIR, Trace

__all__ = ["lower"]

ADD, MUL, WHERE = (Op(gates[name]) for name in ("add", "mul", "where"))


def lower(traced: Trace, wrt: Sequence[Value] = (), parameters: Sequence[Value] = ()) -> Program:
    """The flat program of a trace, with the gradient of its output with respect to `wrt`.

    parameters  the leaves that stay parameters, in this order; by default those of `wrt`, then the
                others that the trace found

    An arm of a `where` that is not taken passes nothing on, whatever its slopes are.
    """
    if not parameters:
        inputs = set(traced.inputs)
        others = (*wrt, *traced.parameters, *traced.fixed)
        parameters = [v for v in dict.fromkeys(others) if v not in inputs]
    return _Lowering(traced, parameters).lowered(wrt)


class _Step(NamedTuple):
    """A gate of the trace, and the registers that its instruction reads."""

    value: Value
    gate: Gate
    operands: tuple[Value, ...]
    constants: tuple[float, ...]
    reads: tuple[int, ...]


class _Slope(NamedTuple):
    """A gate's slope: its opcode, and its rule, with the registers of the rule's constants."""

    op: Op
    numbers: tuple[int, ...]
    code: Sequence[Instruction]
    result: int


class _Lowering(Builder):
    """The program in the making; `place` says in which register a Value lies."""

    def __init__(self, traced: Trace, parameters: Sequence[Value]) -> None:
        names = [value.label for value in traced.inputs]
        super().__init__(names, _names(parameters, names))
        self.traced = traced
        self.place = {value: i for i, value in enumerate([*traced.inputs, *parameters])}
        self.slopes: dict[tuple[Gate, tuple[float, ...]], list[_Slope | None]] = {}

    def lowered(self, wrt: Sequence[Value]) -> Program:
        order = self.forward()
        outputs = [self.place[v] for v in self.traced.outputs]
        gradients = self.backward(order, wrt) if wrt else []
        labels = {self.place[step.value]: step.value.label for step in order if step.value.label}
        return self.program(outputs, gradients, [self.place[value] for value in wrt], labels)

    # ------------------------------------------------------------------ the two passes

    def forward(self) -> list[_Step]:
        """Instructions for every gate; the gates, in order, without the pairs of `where`."""
        order = []
        place = self.place
        look = place.__getitem__
        ops: dict[Gate, Op] = {}
        for value in self.traced.order:
            gate = value._gate
            if gate is PAIR:
                continue
            operands = _operands(value)
            if gate is None or not operands:
                if value not in place:
                    place[value] = self.constant(value._number)
                continue
            constants = value.constants
            reads = tuple(map(look, operands)) + tuple(map(self.constant, constants))
            op = ops.get(gate) or ops.setdefault(gate, Op(gate))
            place[value] = self.emit(op, reads)
            order.append(_Step(value, gate, operands, constants, reads))
        return order

    def backward(self, order: list[_Step], wrt: Sequence[Value]) -> list[int]:
        """Instructions for the gradient; its registers, one for each of `wrt`."""
        zero, one = self.constant(0.0), self.constant(1.0)
        place = self.place

        def where(condition: int, a: int, b: int) -> int:
            return self.emit(WHERE, (condition, a, b))

        def times(a: int, b: int) -> int:
            return a if b == one else b if a == one else self.emit(MUL, (a, b))

        def lane_sum(a: int, b: int) -> int:
            return self.emit(LANE_SUM, (b, a) if a == one else (a, b))

        root = self.traced.outputs[0]
        inputs = len(self.traced.inputs)
        # A parameter has one number for all lanes, and its gradient is their sum; an input has a
        # gradient in each lane.
        per_batch = {value for value in wrt if place[value] >= inputs}
        needed = set(wrt)  # ... and what depends on these: only there the pass has to go
        for step in order:
            if not needed.isdisjoint(step.operands):
                needed.add(step.value)
        upstream = {root: lane_sum(one, one) if root in per_batch else one}
        # For each value, the register that says in which lanes it lies on a branch taken; None: in
        # all. Where it does not, nothing may be passed on, not even 0 times an infinite slope,
        # which is nan: the eager engine has no gate there at all. So contributions are chosen by
        # `where` and never multiplied by the mask.
        mask_of: dict[Value, int | None] = {root: None}
        for value, gate, operands, constants, reads in reversed(order):
            if value not in needed or value not in upstream:
                continue
            slopes = self.slopes.get((gate, constants)) or self.rules(gate, constants)
            registers = (place[value], *reads)
            above, mask = upstream[value], mask_of[value]
            masks = [mask] * len(operands)
            if gate is WHERE.gate:  # the second and third operand are taken where the first says so
                masks[1:] = reads[0], where(reads[0], zero, one)
                if mask is not None:
                    masks[1:] = [where(mask, arm, zero) for arm in masks[1:]]  # type: ignore[arg-type]
            for x, known, arm in zip(operands, slopes, masks, strict=True):
                if known is None or x not in needed:
                    continue
                slope = self.slope(known, registers)
                # Under the mask of the gate itself, what comes from above is masked already.
                if arm is not None and (slope != one or arm != mask):
                    part = where(arm, times(above, slope), zero)
                    part = lane_sum(part, one) if x in per_batch else part
                elif x in per_batch:
                    part = lane_sum(above, slope)
                else:
                    part = times(above, slope)
                upstream[x] = self.emit(ADD, (upstream[x], part)) if x in upstream else part
                # A value that several branches use is taken where one of them is.
                if x not in mask_of or arm is None:
                    mask_of[x] = arm
                elif (other := mask_of[x]) is not None:
                    mask_of[x] = where(other, one, arm)
        return [upstream.get(value, zero) for value in wrt]

    def rules(self, gate: Gate, constants: tuple[float, ...]) -> list[_Slope | None]:
        """How the slopes of a gate with these parameters are made; None: nothing is passed on."""
        slopes: list[_Slope | None] = []
        for i in range(len(gate.operands)):
            if gate is WHERE.gate:  # 1 on the branch taken, and only there something is passed on
                slopes.append(_Slope(WHERE, (self.constant(1.0),), (), -1) if i else None)
            elif gate.condition:
                slopes.append(None)
            else:
                op = Op(gate, i)
                made = rule(op, dict(zip(gate.parameters, constants, strict=True)))
                numbers = tuple(map(self.constant, made.constants))
                slopes.append(_Slope(op, numbers, made.code, made.outputs[0]))
        self.slopes[gate, constants] = slopes
        return slopes

    def slope(self, known: _Slope, registers: tuple[int, ...]) -> int:
        """The register of a slope, where those of the output, operands and parameters are these."""
        op, numbers, code, result = known
        at = registers + numbers  # the registers of the rule
        if not code:
            return at[result]
        if len(code) > 1:  # too long to be written out: an opcode of its own
            return self.emit(op, registers)
        line = code[0]
        return self.emit(line.op, tuple([at[r] for r in line.operands]))


def _operands(value: Value) -> tuple[Value, ...]:
    """The inputs of a value, those of `where` without its pair."""
    a, b = value._a, value._b
    if a is None:
        return ()
    if b is None:
        return (a,)
    return (a, *b.inputs) if b._gate is PAIR else (a, b)


def _names(parameters: Sequence[Value], inputs: Sequence[str]) -> list[str]:
    """Their labels; `p3` for one that has none, or one that something else has already."""
    labels = {value.label for value in parameters}
    taken = set(inputs)
    names: list[str] = []
    for i, value in enumerate(parameters):
        name, k = value.label, i
        if not name or name in taken or _is_number(name):
            name = f"p{k}"
            while name in taken or name in labels:
                k += 1
                name = f"p{k}"
        taken.add(name)
        names.append(name)
    return names


def _is_number(name: str) -> bool:
    """Whether a listing would show the name as a constant."""
    try:
        float(name)
    except ValueError:
        return False
    return True
