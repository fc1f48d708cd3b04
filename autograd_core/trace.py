"""Run a function once to record it, and lower what it did to a Program, forward and backward.

    traced = trace(lambda x, y: (w * x + b - y) ** 2, ("x", "y"), ((), ()))
    program = lower(traced, wrt=[w, b])

The function runs on Values whose numbers are not known: what reads one, or branches on one, raises
TraceError. The gates' own rules, run on registers, write the backward instructions.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence

from .elementary import NAN
from .emit import Register, Rule
from .errors import TraceError
from .gates import Gate, gates
from .modes import mine, tracing
from .program import Program, Writer, check_names
from .value import PAIR, Value, real, topological

__all__ = ["Traced", "lower", "names_of", "trace"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Shape: TypeAlias = "tuple[int, ...]"


class Traced:
    """What a function did: its inputs, its outputs, and the leaves that it found (`parameters`).

    `order` holds what the outputs depend on, and gates that may fail although nothing uses them.
    """

    def __init__(
        self, inputs: list[Value], outputs: list[Value], single: bool, born: Iterable[Value]
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.single = single  # one Value came back, not a sequence
        made = list(born)
        self.order = topological(*outputs, *(v for v in made if v.gate is not None))
        known = {*inputs, *made}
        # A result made under no_grad has no inputs: its number is taken as it is, and no gradient.
        self.parameters = [v for v in self.order if v._a is None and v not in known]


def trace(fn: Callable[..., Any], names: Sequence[str], shapes: Sequence[Shape]) -> Traced:
    """Run `fn` on unknown numbers of these shapes: () for a number, (3,) for a list of three.

    Raises TraceError if fn reads a number, branches on one, or draws from Python's own generator,
    and what fn raises; TypeError if it returns something else than a Value, a number, or a flat
    sequence of such.
    """
    inputs: list[Value] = []
    arguments = []
    for name, shape in zip(names, shapes, strict=True):
        leaves = [Value(NAN, label) for label in _element_names(name, shape)]
        inputs += leaves
        arguments.append(_shaped(leaves, shape))
    drawn = random.getstate()
    with tracing() as mode:
        mine.refusal = None
        answer = fn(*arguments)
        if mine.refusal is not None:
            raise mine.refusal
        if random.getstate() != drawn:
            raise TraceError(
                "the traced function draws random numbers, which would be the same ever after: "
                "pass them as arguments, or train with eager=True"
            )
        single = isinstance(answer, Value) or not isinstance(answer, Iterable)
        outputs = []
        for thing in [answer] if single else answer:
            if not isinstance(thing, Value):
                thing = Value(real(thing, "what a traced function returns: each output"))
            outputs.append(thing)
    if not outputs:
        raise TypeError(
            "what a traced function returns must be a Value or a sequence of them, got none"
        )
    return Traced(inputs, outputs, single, mode.born)


def names_of(fn: Callable[..., Any], count: int) -> list[str]:
    """What `fn` calls its first `count` arguments; x0, x1, ... where that cannot be known."""
    import inspect

    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        known = [p.name for p in inspect.signature(fn).parameters.values() if p.kind in kinds]
    except (TypeError, ValueError):
        known = []
    return known[:count] if len(known) >= count else [f"x{i}" for i in range(count)]


def lower(traced: Traced, wrt: Sequence[Value] = (), parameters: Sequence[Value] = ()) -> Program:
    """The flat program of a trace, with the gradient of its output with respect to `wrt`.

    parameters  the leaves that stay parameters, in this order; by default those of `wrt`, then the
                others that were found

    Nothing is improved yet: an instruction a gate, and for the gradient a product for each edge and
    a sum at each fork, as the eager engine has it. An arm of a `where` that is not taken passes
    nothing on, whatever its slopes are.
    """
    if not parameters:
        inputs = set(traced.inputs)
        parameters = [v for v in dict.fromkeys([*wrt, *traced.parameters]) if v not in inputs]
    return _Lowering(traced, parameters).lowered(wrt)


class _Lowering(Writer):
    def __init__(self, traced: Traced, parameters: Sequence[Value]) -> None:
        super().__init__([value.label for value in traced.inputs], _names(parameters))
        self.traced = traced
        self.registers = {value: i for i, value in enumerate([*traced.inputs, *parameters])}
        self.own_gates: dict[str, Gate] = {}
        self.slopes: dict[tuple[Gate, tuple[float, ...]], list[tuple[str, Any]]] = {}

    def lowered(self, wrt: Sequence[Value]) -> Program:
        order = self.forward()
        outputs = [self.registers[v] for v in self.traced.outputs]
        gradients = self.backward(order, wrt) if wrt else []
        labels = {self.registers[v]: v.label for v in order if v.label and v.gate is not None}
        places = [self.registers[value] for value in wrt]
        return self.program(outputs, gradients, places, labels, self.own_gates)

    # ------------------------------------------------------------------ the two passes

    def forward(self) -> list[Value]:
        """Instructions for every gate; the gates, in order, without the pairs of `where`."""
        order = []
        registers = self.registers
        for value in self.traced.order:
            gate = value._gate
            if gate is PAIR:
                continue
            order.append(value)
            if gate is None or value._a is None:
                if value not in registers:
                    registers[value] = self.constant(value._data)
                continue
            if gates.get(gate.name) is not gate:
                if self.own_gates.setdefault(gate.name, gate) is not gate or gate.name in gates:
                    raise ValueError(
                        f"two gates are named {gate.name!r}: a program knows gates by their "
                        "names, so give each its own"
                    )
                check_names(self.own_gates)
            operands = [registers[x] for x in _operands(value)]
            operands += map(self.constant, value.constants)
            registers[value] = self.emit(gate.name, tuple(operands))
        return order

    def backward(self, order: list[Value], wrt: Sequence[Value]) -> list[int]:
        """Instructions for the gradient; its registers, one for each of `wrt`."""
        zero, one = self.constant(0.0), self.constant(1.0)
        place = self.registers

        def emit(op: str, *operands: int) -> int:
            return self.emit(op, operands)

        root = self.traced.outputs[0]
        inputs = len(self.traced.inputs)
        per_batch = {value for value in wrt if place[value] >= inputs}
        needed = set(wrt)
        for value in order:
            if not needed.isdisjoint(_operands(value)):
                needed.add(value)
        upstream = {root: emit("total", one, one) if root in per_batch else one}
        # For each value the register that says in which lanes it is on a branch taken; None: in all
        active: dict[Value, int | None] = {root: None}
        for value in reversed(order):
            gate = value._gate
            if gate is None or value not in needed or value not in upstream:
                continue
            operands = _operands(value)
            registers = [place[value], *[place[x] for x in operands]]
            registers += map(self.constant, value.constants)
            above, here = upstream[value], active[value]
            taken = [here] * len(operands)
            if gate.name == "where":
                taken[1:] = registers[1], emit("where", registers[1], zero, one)
                if here is not None:
                    taken[1:] = [emit("where", here, c or 0, zero) for c in taken[1:]]
            for i, x in enumerate(operands):
                if x not in needed:
                    continue
                up, slope, mask = above, self.slope(value, i, registers), taken[i]
                if slope is None:
                    continue
                if mask is not None and (slope != one or mask != here):
                    part = up if slope == one else emit("mul", up, slope)
                    up, slope = emit("where", mask, part, zero), one
                if x in per_batch:
                    part = emit("total", slope, up) if up == one else emit("total", up, slope)
                elif slope == one:
                    part = up
                else:
                    part = slope if up == one else emit("mul", up, slope)
                upstream[x] = emit("add", upstream[x], part) if x in upstream else part
                if x not in active or mask is None:
                    active[x] = mask
                elif active[x] is not None:
                    active[x] = emit("where", active[x] or 0, one, mask)
        return [upstream.get(value, zero) for value in wrt]

    def slope(self, value: Value, i: int, registers: list[int]) -> int | None:
        """The register of a gate's slope in operand i; None where nothing is passed on."""
        gate: Any = value._gate
        if gate.name == "where":  # 1 on the branch taken, and only there something is passed on
            return self.constant(1.0) if i else None
        if gate.condition:
            return None
        constants = value.constants
        if (gate, constants) not in self.slopes:
            self.slopes[gate, constants] = _slopes(gate, constants)
        kind, what = self.slopes[gate, constants][i]
        if kind == "register":
            return registers[int(what)]
        if kind == "number":
            return self.constant(float(what))
        if kind == "rule":
            return self.emit(f"{gate.name}'{gate.operands[i]}", tuple(registers))
        op, operands = what
        places = [self.constant(x) if isinstance(x, float) else registers[x[0]] for x in operands]
        return self.emit(op, tuple(places))


def _slopes(gate: Gate, constants: tuple[float, ...]) -> list[tuple[str, Any]]:
    """For each operand, how the rule makes its slope, with these parameters:

    a number; a register that is there already, by its place among output, operands, parameters; one
    instruction on such; or the rule itself.
    """
    found: list[tuple[str, Any]] = []
    for operand in gate.operands:
        rule = Rule(
            gate, f"{gate.name}'{operand}", known=dict(zip(gate.parameters, constants, strict=True))
        )
        place = {argument: i for i, argument in enumerate(rule.arguments)}
        lines = rule.trace.leading_to(rule.answer)
        if not isinstance(rule.answer, Register):
            found.append(("number", float(rule.answer)))
        elif rule.answer in place:
            found.append(("register", place[rule.answer]))
        elif len(lines) == 1:
            _, op, operands = lines[0]
            kept = [(place[x],) if isinstance(x, Register) else float(x) for x in operands]
            found.append(("instruction", (op, kept)))
        else:
            found.append(("rule", None))
    return found


def _operands(value: Value) -> tuple[Value, ...]:
    """The inputs of a value, those of `where` without its pair."""
    a, b = value._a, value._b
    if a is None:
        return ()
    if b is None:
        return (a,)
    return (a, *b.inputs) if b._gate is PAIR else (a, b)


def _names(parameters: Sequence[Value]) -> list[str]:
    """Their labels; `p3` for one that has none, or one that another has already."""
    seen: set[str] = set()
    names = []
    for i, value in enumerate(parameters):
        name = value.label if value.label and value.label not in seen else f"p{i}"
        seen.add(name)
        names.append(name)
    return names


def _element_names(name: str, shape: Shape) -> list[str]:
    """x for a number; x[0], x[1], ... for a list; x[0][0], ... for a list of lists."""
    names = [name]
    for length in shape:
        names = [f"{start}[{i}]" for start in names for i in range(length)]
    return names


def _shaped(leaves: list[Value], shape: Shape) -> Any:
    """Nested lists of this shape, filled from `leaves`."""
    if not shape:
        return leaves[0]
    size = math.prod(shape[1:])
    return [_shaped(leaves[i * size : (i + 1) * size], shape[1:]) for i in range(shape[0])]
