"""Program: a graph of scalars as a flat list of instructions, forward and backward.

    f = compile_graph(lambda x, y: (model(x) - y) ** 2)
    program = f.trace([0.5, -1.0], 1.0)
    print(program.listing())
    outputs, gradients = run(program, inputs, parameters)

A program runs on a batch: each example is a lane. Its registers are numbered: first the inputs, a
number per lane; then the parameters and the constants, one number for all lanes; then the results
of the instructions, in order. An instruction is an opcode and the registers it reads. Opcodes are

    exp, add, ...       a gate: its operands, then its parameters
    sigmoid'x           the slope of a gate in its operand x: the output, operands, parameters;
                        listings write sigmoid'(operands), where there is one operand
    dot, affine, ...    the sums, see `sums`

A result is one number for all lanes (`uniform`) if all its operands are, or if it is a sum over
lanes; so a penalty on the weights is computed once per batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, NamedTuple, TypeAlias

from .. import elementary
from ..errors import short
from ..gate import Gate
from ..table import gates
from .sums import Sum, abridged

__all__ = ["Builder", "Instruction", "Op", "Program", "require_program"]

Shape: TypeAlias = "tuple[int, ...]"


class Op(NamedTuple("Op", [("gate", Gate), ("slope", "int | None")])):
    """An opcode: a gate, or its slope in the operand at place `slope`. A Sum has the same parts."""

    __slots__ = ()

    shaped: ClassVar[bool] = False
    over_lanes: ClassVar[bool] = False

    def __new__(cls, gate: Gate, slope: int | None = None) -> Op:
        if slope is not None and slope not in range(len(gate.operands)):
            raise ValueError(f"Op: {gate!r} has no operand at place {slope}")
        return tuple.__new__(cls, (gate, slope))

    @property
    def name(self) -> str:
        """`tanh`, or `tanh'x` for its slope."""
        if self.slope is None:
            return self.gate.name
        return f"{self.gate.name}'{self.gate.operands[self.slope]}"

    @property
    def arguments(self) -> list[str]:
        """What its operands are called by the gate's rule: a slope reads the output, y, first."""
        output = [] if self.slope is None else ["y"]
        return [*output, *self.gate.operands, *self.gate.parameters]

    def arity(self, shape: Shape) -> int:
        gate = self.gate
        return (self.slope is not None) + len(gate.operands) + len(gate.parameters)

    def size(self, shape: Shape) -> int:
        return 1

    def shared(self, shape: Shape) -> int:
        return 0

    def value(self, numbers: Sequence[float], shape: Shape = ()) -> list[float]:
        """The output, or the slope, by the gate's own rule."""
        if self.slope is None:
            return [float(self.gate.forward(elementary, *numbers))]
        return [float(self.gate.partials(elementary, *numbers)[self.slope])]

    def formula(self, names: Sequence[str], shape: Shape = ()) -> str:
        """The right side of its line in a listing: `t3 * w0`, `relu'(t3)`."""
        gate = self.gate
        if self.slope is None:
            if gate.symbol:
                return f" {gate.symbol} ".join(names)
            return f"-{names[0]}" if gate.name == "neg" else f"{gate.name}({', '.join(names)})"
        if len(gate.operands) == 1:  # there is only one operand that it can be the slope in
            return f"{gate.name}'({', '.join(names[1:])})"
        return f"{self.name}({', '.join(names)})"

    def roles(self, count: int, shape: Shape = ()) -> list[str]:
        """What each operand is: its name in the gate's rule, "" where that says nothing."""
        gate = self.gate
        parameters = list(gate.parameters)
        if self.slope is not None:
            return ["out", *gate.operands, *parameters]
        plain = len(gate.operands) == 1 or gate.symmetric
        return ([""] * len(gate.operands) if plain else list(gate.operands)) + parameters

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__


class Instruction(NamedTuple):
    """One line: `size` results from register `result` on, made by `op` of `operands`.

    shape is (n, m) for affine and outer, else ().
    """

    result: int
    op: Op | Sum
    operands: tuple[int, ...]
    shape: Shape = ()

    @property
    def size(self) -> int:
        return self.op.size(self.shape) if self.shape else 1

    @property
    def results(self) -> range:
        return range(self.result, self.result + self.size)


class Program:
    """Instructions over numbered registers, see the head of this module.

    inputs      the names of the inputs, one register per name: numbers of a lane
    parameters  the names of the parameters: numbers of all lanes
    constants   the numbers of the constants
    code        the Instructions
    outputs     the registers of the values
    gradients   the registers of the gradient, one for each of `wrt`, or none
    wrt         what the gradient is with respect to: registers of parameters, whose gradients are
                sums over lanes, or of inputs
    labels      names of registers, for listings, pictures and errors
    """

    def __init__(
        self,
        inputs: Sequence[str],
        parameters: Sequence[str],
        constants: Sequence[float],
        code: Iterable[Instruction],
        outputs: Sequence[int],
        gradients: Sequence[int] = (),
        wrt: Sequence[int] = (),
        labels: Mapping[int, str] | None = None,
    ) -> None:
        self.inputs: tuple[str, ...] = tuple(inputs)
        self.parameters: tuple[str, ...] = tuple(parameters)
        self.constants: tuple[float, ...] = tuple(constants)
        self.code: list[Instruction] = list(code)
        self.outputs: tuple[int, ...] = tuple(outputs)
        self.gradients: tuple[int, ...] = tuple(gradients)
        self.wrt: tuple[int, ...] = tuple(wrt)
        self.labels: dict[int, str] = dict(labels or {})

    # ------------------------------------------------------------------ registers

    @property
    def first_constant(self) -> int:
        return len(self.inputs) + len(self.parameters)

    @property
    def first_result(self) -> int:
        return self.first_constant + len(self.constants)

    @property
    def of_inputs(self) -> bool:
        """Whether the gradient is with respect to inputs: a row per lane, not a sum."""
        return bool(self.wrt) and self.wrt[0] < len(self.inputs)

    def __len__(self) -> int:
        """How many instructions there are."""
        return len(self.code)

    def constant(self, register: int) -> float | None:
        """The number in a constant's register, None for every other."""
        i = register - self.first_constant
        return self.constants[i] if 0 <= i < len(self.constants) else None

    def uniform(self) -> list[bool]:
        """For each register, whether it holds one number for all lanes."""
        uniform = [False] * len(self.inputs)
        uniform += [True] * (self.first_result - len(uniform))
        look = uniform.__getitem__
        for _, op, operands, shape in self.code:
            same = op.over_lanes or all(map(look, operands))
            if shape:
                uniform += [same] * op.size(shape)
            else:
                uniform.append(same)
        return uniform

    def name(self, register: int) -> str:
        """How listings and errors call a register: its name, its number if it is a constant."""
        if register < len(self.inputs):
            return self.inputs[register]
        if register < self.first_constant:
            return self.parameters[register - len(self.inputs)]
        number = self.constant(register)
        return f"t{register}" if number is None else f"{number:.12g}"

    # ------------------------------------------------------------------ checking and showing

    def verify(self) -> Program:
        """Returns the program; ValueError, naming the line, if it is not well formed.

        Every instruction has as many operands as its opcode takes, and reads registers that are
        filled before it; results are numbered without gaps; outputs, gradients and what has a
        label exist.
        """
        filled = self.first_result
        uniform = [False] * len(self.inputs) + [True] * (filled - len(self.inputs))
        look = uniform.__getitem__
        known: set[tuple[int, int]] = set()  # what has no shape, and was right once
        for line, instruction in enumerate(self.code):
            result, op, operands, shape = instruction
            kind = (id(op), len(operands))
            if (
                kind not in known or shape or result != filled
                or set(map(type, operands)) != {int}
                or min(operands) < 0 or max(operands) >= filled
            ):  # fmt: skip
                reason = self._wrong(instruction, filled, uniform)
                if reason:
                    shown = short(tuple(instruction))
                    raise ValueError(f"line {line} of the program, {shown}: {reason}")
                if not shape:
                    known.add(kind)
            same = op.over_lanes or all(map(look, operands))
            size = instruction.size
            uniform += [same] * size
            filled += size
        for what, registers in (("outputs", self.outputs), ("gradients", self.gradients)):
            for register in registers:
                if type(register) is not int or not 0 <= register < filled:
                    raise ValueError(
                        f"{what} of the program: there is no register {register}, the last is "
                        f"{filled - 1}"
                    )
        for register in self.labels:
            if type(register) is not int or not 0 <= register < filled:
                raise ValueError(f"labels of the program: there is no register {register}")
        if len(self.wrt) != len(self.gradients):
            raise ValueError(
                f"the program has {len(self.gradients)} gradients with respect to {len(self.wrt)} "
                "registers: give one for each"
            )
        for register, gradient in zip(self.wrt, self.gradients, strict=True):
            if type(register) is not int or not 0 <= register < self.first_constant:
                raise ValueError(f"wrt of the program: {register} is not an input or a parameter")
            if register >= len(self.inputs) and not uniform[gradient]:
                raise ValueError(
                    f"gradients of the program: that of {self.name(register)} must be summed over "
                    f"lanes, and register {gradient} is not"
                )
        return self

    def _wrong(self, instruction: Instruction, filled: int, uniform: list[bool]) -> str:
        """What is wrong with an instruction; "" if nothing is."""
        result, op, operands, shape = instruction
        if result != filled:
            return f"its result must be register {filled}"
        for register in operands:
            if type(register) is not int or not 0 <= register < filled:
                return f"it reads register {register}, which is not filled before it"
        if not isinstance(op, Op | Sum):
            return f"its opcode must be an Op or a Sum, as Op(gates['exp']), got {op!r}"
        if not op.shaped and shape:
            return f"{op} has no shape"
        if op.shaped and not (len(shape) == 2 and all(type(k) is int and k > 0 for k in shape)):
            return "its shape must be two whole numbers of at least 1"
        arity = op.arity(shape)
        if arity is None:
            return "" if operands and len(operands) % 2 == 0 else f"{op} takes pairs of operands"
        if len(operands) != arity:
            return f"{op} takes {arity} operands" + f" for shape {shape}" * bool(shape)
        shared = op.shared(shape)
        if not all(uniform[r] for r in operands[:shared]):
            return f"its first {shared} operands must be the same in all lanes"
        if shared and any(uniform[r] for r in operands[shared:]):
            return "each number that its matrix multiplies must differ between lanes"
        if op.shaped and all(uniform[r] for r in operands):
            return "what it multiplies must differ between lanes"
        return ""

    def listing(self) -> str:
        """The program as text, one instruction per line, written as its gate is."""
        lines = [
            f"inputs      {abridged(self.inputs)}",
            f"parameters  {abridged(self.parameters)}",
        ]
        uniform = self.uniform()
        last = max(self.outputs, default=0)
        forward = True
        for instruction in self.code:
            result = instruction.result
            if forward and result > last and self.gradients:
                forward = False
                lines.append("# backward")
            label = self.labels.get(result, "")
            note = [label] if label else []
            once = uniform[result] and not instruction.op.over_lanes
            note += ["once for all lanes"] * once
            lines.append(
                f"{_span(result, instruction.size)} = {self.formula(instruction)}"
                + ("  # " + ", ".join(note)) * bool(note)
            )
        lines.append(f"outputs     {abridged([self.name(r) for r in self.outputs])}")
        k = 0
        while k < len(self.gradients):  # one line for all that lie side by side
            end = k + 1
            while end < len(self.gradients) and (
                self.wrt[end] - self.wrt[k] == self.gradients[end] - self.gradients[k] == end - k
            ):
                end += 1
            names = abridged([self.name(r) for r in self.wrt[k:end]])
            first = self.gradients[k]
            if first < self.first_result:  # these have other names
                registers = abridged([self.name(r) for r in self.gradients[k:end]])
            else:
                registers = _span(first, end - k)
            lines.append(f"d/d {names} = {registers}")
            k = end
        return "\n".join(lines) + "\n"

    def formula(self, instruction: Instruction) -> str:
        """The right side of a line of the listing: `t3 * w0`, `dot(b, w0 x[0], w1 x[1])`."""
        names = [self.name(r) for r in instruction.operands]
        return instruction.op.formula(names, instruction.shape)

    # ------------------------------------------------------------------ running one lane

    def evaluate(self, inputs: Sequence[float], parameters: Sequence[float] = ()) -> list[float]:
        """All registers for a single lane, by the gates' rules on floats: slow, and the reference.

        Takes a number for each input and each parameter; raises nothing where a gate fails.
        """
        if len(inputs) != len(self.inputs) or len(parameters) != len(self.parameters):
            raise ValueError(
                f"the program takes {len(self.inputs)} inputs and {len(self.parameters)} "
                f"parameters, got {len(inputs)} and {len(parameters)}"
            )
        numbers = [float(x) for x in (*inputs, *parameters, *self.constants)]
        for _, op, operands, shape in self.code:
            numbers += op.value([numbers[r] for r in operands], shape)
        return numbers

    def __repr__(self) -> str:
        return (
            f"<program of {len(self.code)} instructions: {len(self.inputs)} inputs, "
            f"{len(self.parameters)} parameters, {len(self.outputs)} outputs>"
        )


def require_program(who: str, thing: object) -> None:
    """TypeError if it is not a Program."""
    if not isinstance(thing, Program):
        raise TypeError(f"{who} takes a Program, as compile_graph(fn).trace(x), got {short(thing)}")


def _span(first: int, count: int) -> str:
    return f"t{first}" if count == 1 else f"t{first}..t{first + count - 1}"


_line = tuple.__new__  # a third of the time of Instruction(...)


class Builder:
    """A program in the making: `constant` and `emit` answer with registers, `program` makes it.

    Until then it is not known how many constants there will be, and so not where results start:
    new constants count from -1 downward. If there are none, the registers are those of the program.
    """

    def __init__(
        self, inputs: Sequence[str], parameters: Sequence[str], constants: Sequence[float] = ()
    ) -> None:
        self.inputs: Sequence[str] = inputs
        self.parameters: Sequence[str] = parameters
        self.constants: Sequence[float] = constants
        self.first_constant: int = len(inputs) + len(parameters)
        self.first_result: int = self.first_constant + len(constants)
        self.next: int = self.first_result
        self.code: list[Instruction] = []
        self._new: list[float] = []
        self._known: dict[str, int] = {}
        for register, number in enumerate(constants, self.first_constant):
            self._known.setdefault(number.hex(), register)

    def constant(self, number: float) -> int:
        """The register of a constant: one for each pattern of bits."""
        key = number.hex()
        if key not in self._known:
            self._new.append(number)
            self._known[key] = -len(self._new)
        return self._known[key]

    def number(self, register: int) -> float | None:
        """The number in a constant's register, None for every other."""
        if register < 0:
            return self._new[-register - 1]
        i = register - self.first_constant
        return self.constants[i] if 0 <= i < len(self.constants) else None

    def emit(self, op: Op | Sum, operands: tuple[int, ...], shape: Shape = ()) -> int:
        """The first register of a new line's results."""
        first = self.next
        self.code.append(_line(Instruction, (first, op, operands, shape)))
        self.next = first + (op.size(shape) if shape else 1)
        return first

    def gate(self, name: str, *operands: int) -> int:
        """The register of what the gate of that name makes."""
        return self.emit(Op(gates[name]), operands)

    def program(
        self, outputs: Sequence[int], gradients: Sequence[int] = (), wrt: Sequence[int] = (),
        labels: Mapping[int, str] | None = None,
    ) -> Program:  # fmt: skip
        """The program, without the constants that nothing reads."""
        read = {r for line in self.code for r in line[2]}
        read.update(outputs, gradients)
        old = range(self.first_constant, self.first_result)
        kept = [r for r in old if r in read] + [
            -i for i in range(1, len(self._new) + 1) if -i in read
        ]
        code, labels = self.code, labels or {}
        if kept != list(old):
            # Where each register lies in the program; with a negative index, the end of this list
            # is the new constants.
            shift = len(kept) - len(old)
            final = [*range(self.first_constant), *[-1] * len(old)]
            final += range(self.first_result + shift, self.next + shift)
            final += [-1] * len(self._new)
            for i, register in enumerate(kept, self.first_constant):
                final[register] = i
            look = final.__getitem__
            code = [
                _line(Instruction, (first + shift, op, tuple(map(look, operands)), shape))
                for first, op, operands, shape in code
            ]
            outputs, gradients = [*map(look, outputs)], [*map(look, gradients)]
            labels = {look(r): label for r, label in labels.items()}
        constants = [number for r in kept if (number := self.number(r)) is not None]
        return Program(
            self.inputs, self.parameters, constants, code, outputs, gradients, wrt, labels
        )
