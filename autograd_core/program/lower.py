"""From what a function did to a Program: the gates forward, and the chain rule backward.

    traced = trace(lambda x, y: (w * x + b - y) ** 2, ("x", "y"), ((), ()))
    program = lower(traced, wrt=[w, b])

Hardly anything is improved yet: an instruction per gate, and for the gradient a product for each
edge and a sum at each fork, as the eager engine has it; only factors of 1 are left out. The passes
do the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..gate import Gate
from ..table import gates
from ..value import Value
from .program import Builder, Op, Program
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


class _Lowering(Builder):
    """The program in the making; `place` says in which register a Value lies."""

    def __init__(self, traced: Trace, parameters: Sequence[Value]) -> None:
        names = [value.label for value in traced.inputs]
        super().__init__(names, _names(parameters, names))
        self.traced = traced
        self.place = {value: i for i, value in enumerate([*traced.inputs, *parameters])}
        self.ops: dict[Gate, Op] = {}
        self.slopes: dict[tuple[Gate, tuple[float, ...], int], tuple[Op, Program]] = {}

    def lowered(self, wrt: Sequence[Value]) -> Program:
        order = self.forward()
        outputs = [self.place[v] for v in self.traced.outputs]
        gradients = self.backward(order, wrt) if wrt else []
        labels = {self.place[v]: v.label for v in order if v.label and v.gate is not None}
        return self.program(outputs, gradients, [self.place[value] for value in wrt], labels)

    # ------------------------------------------------------------------ the two passes

    def forward(self) -> list[Value]:
        """Instructions for every gate; the gates, in order, without the pairs of `where`."""
        order = []
        place = self.place
        for value in self.traced.order:
            gate = value._gate
            if gate is PAIR:
                continue
            order.append(value)
            if gate is None or value._a is None:
                if value not in place:
                    place[value] = self.constant(value._data)
                continue
            operands = [place[x] for x in _operands(value)]
            operands += map(self.constant, value.constants)
            op = self.ops.get(gate) or self.ops.setdefault(gate, Op(gate))
            place[value] = self.emit(op, tuple(operands))
        return order

    def backward(self, order: list[Value], wrt: Sequence[Value]) -> list[int]:
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
        for value in order:
            if not needed.isdisjoint(_operands(value)):
                needed.add(value)
        upstream = {root: lane_sum(one, one) if root in per_batch else one}
        # For each value, the register that says in which lanes it lies on a branch taken; None: in
        # all. Where it does not, nothing may be passed on, not even 0 times an infinite slope,
        # which is nan: the eager engine has no gate there at all. So contributions are chosen by
        # `where` and never multiplied by the mask.
        mask_of: dict[Value, int | None] = {root: None}
        for value in reversed(order):
            gate = value._gate
            if gate is None or value not in needed or value not in upstream:
                continue
            operands = _operands(value)
            registers = [place[value], *[place[x] for x in operands]]
            registers += map(self.constant, value.constants)
            above, mask = upstream[value], mask_of[value]
            masks = [mask] * len(operands)
            if gate is WHERE.gate:  # the second and third operand are taken where the first says so
                masks[1:] = registers[1], where(registers[1], zero, one)
                if mask is not None:
                    masks[1:] = [where(mask, arm, zero) for arm in masks[1:]]  # type: ignore[arg-type]
            for i, x in enumerate(operands):
                if x not in needed:
                    continue
                slope = self.slope(value, i, registers)
                if slope is None:
                    continue
                arm = masks[i]
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

    def slope(self, value: Value, i: int, registers: list[int]) -> int | None:
        """The register of a gate's slope in operand i; None where nothing is passed on.

        registers  those of the output, the operands and the parameters
        """
        gate = value._gate
        assert gate is not None
        if gate is WHERE.gate:  # 1 on the branch taken, and only there something is passed on
            return self.constant(1.0) if i else None
        if gate.condition:
            return None
        key = (gate, value.constants, i)
        if key not in self.slopes:
            known = dict(zip(gate.parameters, value.constants, strict=True))
            self.slopes[key] = Op(gate, i), rule(Op(gate, i), known)
        op, slope = self.slopes[key]
        if not slope.code:  # a number, or a register that is there already
            r = slope.outputs[0]
            number = slope.constant(r)
            return registers[r] if number is None else self.constant(number)
        if len(slope.code) > 1:  # too long to be written out: an opcode of its own
            return self.emit(op, tuple(registers))
        line = slope.code[0]
        numbers = [slope.constant(r) for r in line.operands]
        places = [
            registers[r] if number is None else self.constant(number)
            for r, number in zip(line.operands, numbers, strict=True)
        ]
        return self.emit(line.op, tuple(places))


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
