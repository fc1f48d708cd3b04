"""Run a function once to record it, and lower what it did to a Program, forward and backward.

    traced = trace(lambda x, y: (w * x + b - y) ** 2, ("x", "y"), ((), ()))
    program = lower(traced, wrt=[w, b])

The function runs on Values whose numbers are not known: what reads one, or branches on one, raises
TraceError. The gates' own rules, run on registers, write the backward instructions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from .elementary import NAN
from .emit import Register, Trace
from .gates import Gate, gates
from .modes import tracing
from .program import Instruction, Program
from .value import PAIR, Value, real, topological

__all__ = ["Traced", "lower", "names_of", "trace"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Shape: TypeAlias = "tuple[int, ...]"


class Traced:
    """What a function did: its inputs, its outputs, and the leaves that it found (`parameters`)."""

    def __init__(
        self, inputs: list[Value], outputs: list[Value], single: bool, born: set[Value]
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.single = single  # one Value came back, not a sequence
        self.order = _together(outputs)
        known = set(inputs) | born
        self.parameters = [v for v in self.order if v.gate is None and v not in known]


def trace(fn: Callable[..., Any], names: Sequence[str], shapes: Sequence[Shape]) -> Traced:
    """Run `fn` on unknown numbers of these shapes: () for a number, (3,) for a list of three.

    Raises TraceError if fn reads a number or branches on one, and what fn raises; TypeError if it
    returns something else than a Value, a number, or a flat sequence of such.
    """
    inputs: list[Value] = []
    arguments = []
    for name, shape in zip(names, shapes, strict=True):
        leaves = [Value(NAN, label) for label in _element_names(name, shape)]
        inputs += leaves
        arguments.append(_shaped(leaves, shape))
    with tracing() as mode:
        answer = fn(*arguments)
        single = isinstance(answer, Value) or not isinstance(answer, Iterable)
        outputs = []
        for thing in [answer] if single else answer:
            if not isinstance(thing, Value):
                thing = Value(real(thing, "what a traced function returns: each output"))
            outputs.append(thing)
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

    parameters  the leaves that stay parameters, in this order; by default all that were found

    Nothing is improved yet: an instruction a gate, and for the gradient a product for each edge and
    a sum at each fork, as the eager engine has it. An arm of a `where` that is not taken passes
    nothing on, whatever its slopes are.
    """
    return _Lowering(traced, parameters or traced.parameters).program(wrt)


class _Lowering:
    def __init__(self, traced: Traced, parameters: Sequence[Value]) -> None:
        self.traced = traced
        self.parameters = list(parameters)
        self.registers: dict[Value, int] = {}
        self.constants: dict[str, int] = {}
        self.numbers: list[float] = []
        self.code: list[tuple[str, tuple[int, ...]]] = []
        self.own_gates: dict[str, Gate] = {}
        self.base = len(traced.inputs) + len(self.parameters)
        # Constants come to stand before the results, when their number is known: they are counted
        # from -1 downward until then.
        for i, value in enumerate([*traced.inputs, *self.parameters]):
            self.registers[value] = i
        self.uniform = [i >= len(traced.inputs) for i in range(self.base)]

    def program(self, wrt: Sequence[Value]) -> Program:
        order = self.forward()
        outputs = [self.registers[v] for v in self.traced.outputs]
        gradients = self.backward(order, outputs[0], wrt) if wrt else []
        shift = len(self.numbers)
        base = self.base

        def final(register: int) -> int:
            if register < 0:
                return base - register - 1
            return register if register < base else register + shift

        code = [
            Instruction(base + shift + i, op, tuple(map(final, operands)))
            for i, (op, operands) in enumerate(self.code)
        ]
        names = [value.label for value in self.traced.inputs]
        return Program(
            names, _names(self.parameters), self.numbers, code,
            [*map(final, outputs)], [*map(final, gradients)],
            [self.registers[value] for value in wrt] if wrt else (),
            {
                final(self.registers[v]): v.label
                for v in order if v.label and v.gate is not None
            },
            self.own_gates,
        ).verify()  # fmt: skip

    # ------------------------------------------------------------------ emitting

    def constant(self, number: float) -> int:
        """The register of a constant: one for each pattern of bits."""
        key = number.hex()
        if key not in self.constants:
            self.numbers.append(number)
            self.constants[key] = -len(self.numbers)
        return self.constants[key]

    def emit(self, op: str, *operands: int) -> int:
        self.code.append((op, operands))
        uniform = self.uniform
        uniform.append(op == "total" or all(r < 0 or uniform[r] for r in operands))
        return self.base + len(self.code) - 1

    def is_uniform(self, register: int) -> bool:
        return register < 0 or self.uniform[register]

    # ------------------------------------------------------------------ the two passes

    def forward(self) -> list[Value]:
        """Instructions for every gate; the gates, in order, without the pairs of `where`."""
        order = []
        for value in self.traced.order:
            gate = value.gate
            if gate is PAIR:
                continue
            order.append(value)
            if gate is None:
                if value not in self.registers:
                    self.registers[value] = self.constant(value._data)
                continue
            if gates.get(gate.name) is not gate:
                if self.own_gates.setdefault(gate.name, gate) is not gate or gate.name in gates:
                    raise ValueError(
                        f"two gates are named {gate.name!r}: a program knows gates by their "
                        "names, so give each its own"
                    )
            operands = [self.registers[x] for x in _operands(value)]
            operands += map(self.constant, value.constants)
            self.registers[value] = self.emit(gate.name, *operands)
        return order

    def backward(self, order: list[Value], root: int, wrt: Sequence[Value]) -> list[int]:
        """Instructions for the gradient; its registers, one for each of `wrt`."""
        needed = set(wrt)
        for value in order:
            if any(x in needed for x in _operands(value)):
                needed.add(value)
        per_batch = {v for v in wrt if self.is_uniform(self.registers[v])}
        upstream: dict[Value, int] = {self.traced.outputs[0]: self.constant(1.0)}
        # For each value the register that says in which lanes it is on a branch taken; None: in all
        active: dict[Value, int | None] = {self.traced.outputs[0]: None}
        for value in reversed(order):
            gate = value.gate
            if value not in upstream or gate is None or value not in needed:
                continue
            operands = _operands(value)
            registers = [self.registers[value], *(self.registers[x] for x in operands)]
            registers += map(self.constant, value.constants)
            here = active[value]
            taken = [here] * len(operands)
            if gate.name == "where":
                condition = registers[1]
                zero, one = self.constant(0.0), self.constant(1.0)
                other = self.emit("where", condition, zero, one)
                taken = [here, condition, other]
                if here is not None:
                    taken[1:] = [self.emit("where", here, c, zero) for c in (condition, other)]
            for i, x in enumerate(operands):
                if x not in needed:
                    continue
                slope = self.slope(gate, i, registers)
                if slope is None:
                    continue
                mask = taken[i]
                self.contribute(upstream, x, upstream[value], slope, mask, x in per_batch)
                if x not in active or mask is None:
                    active[x] = mask
                elif active[x] is not None:
                    active[x] = self.emit("where", active[x] or 0, self.constant(1.0), mask)
        zero = self.constant(0.0)
        return [upstream.get(value, zero) for value in wrt]

    def contribute(
        self, upstream: dict[Value, int], x: Value, up: int, slope: int,
        mask: int | None, per_batch: bool,
    ) -> None:  # fmt: skip
        """upstream x local, added to what x has received; for a parameter, over all lanes."""
        one = self.constant(1.0)
        if mask is not None:
            part = self.emit("where", mask, self.emit("mul", up, slope), self.constant(0.0))
            up, slope = part, one
        if per_batch:
            part = self.emit("total", up, slope)
        elif slope == one or up == one:
            part = up if slope == one else slope
        else:
            part = self.emit("mul", up, slope)
        upstream[x] = self.emit("add", upstream[x], part) if x in upstream else part

    def slope(self, gate: Gate, i: int, registers: list[int]) -> int | None:
        """The register of a gate's slope in operand i; None where it is 0 everywhere."""
        if gate.name == "where":  # 1 on the branch taken, and only there something is passed on
            return self.constant(1.0) if i else None
        kind, what = _slopes(gate)[i]
        if kind == "number":
            return None if what == 0.0 else self.constant(float(what))
        if kind == "register":
            return registers[int(what)]
        if kind == "instruction":
            op, operands = what
            return self.emit(
                op,
                *(self.constant(x) if isinstance(x, float) else registers[x[0]] for x in operands),
            )
        return self.emit(f"{gate.name}'{gate.operands[i]}", *registers)


_known: dict[Gate, list[tuple[str, Any]]] = {}


def _slopes(gate: Gate) -> list[tuple[str, Any]]:
    """For each operand, how the rule makes its slope:

    a number; a register that is there already, by its place among output, operands, parameters; one
    instruction on such; or the rule itself. It runs once a gate.
    """
    if gate in _known:
        return _known[gate]
    found: list[tuple[str, Any]] = []
    for i in range(len(gate.operands)):
        recorder = Trace()
        count = 1 + len(gate.operands) + len(gate.parameters)
        arguments = [Register(recorder, f"x{k}") for k in range(count)]
        place = {argument: k for k, argument in enumerate(arguments)}
        slope = gate.partials(recorder, *arguments)[i]
        lines = recorder.leading_to(slope)
        if not isinstance(slope, Register):
            found.append(("number", float(slope)))
        elif slope in place:
            found.append(("register", place[slope]))
        elif len(lines) == 1:
            _, op, operands = lines[0]
            kept = [(place[x],) if isinstance(x, Register) else float(x) for x in operands]
            found.append(("instruction", (op, kept)))
        else:
            found.append(("rule", None))
    _known[gate] = found
    return found


def _operands(value: Value) -> tuple[Value, ...]:
    """The inputs of a value, those of `where` without its pair."""
    inputs = value.inputs
    if len(inputs) == 2 and inputs[1].gate is PAIR:
        return (inputs[0], *inputs[1].inputs)
    return inputs


def _together(roots: Sequence[Value]) -> list[Value]:
    """Every value below the roots, inputs first."""
    if len(roots) == 1:
        return topological(roots[0])
    return list(dict.fromkeys(value for root in roots for value in topological(root)))


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
