"""Program: a graph of scalars as a flat list of instructions, forward and backward.

    f = compile_graph(lambda x, y: (model(x) - y) ** 2)
    program = f.trace([0.5, -1.0], 1.0)
    print(program.listing())
    program.save("loss.json")
    print(program.to_c())                   # or to_numpy_source()

A program runs on a batch: each example is a lane. Its registers are numbered: first the inputs, a
number a lane; then the parameters and the constants, one number for all lanes; then the results of
the instructions, in order. An instruction is an opcode and the registers it reads. Opcodes are

    exp, add, ...       a gate of the table: operands, then the gate's parameters
    sigmoid'x           the slope of a gate in its operand x: the output, operands, parameters;
                        listings write sigmoid'(operands), where there is one operand
    dot                 a0 b0 + a1 b1 + ...; operands a0, b0, a1, b1, ...
    product             n results: n biases + an n x m matrix (row by row) times m numbers
    total               the sum over all lanes of a b: one number
    outer               n x m results: the sums over all lanes of a_i b_j, from n and m numbers

A result is one number for all lanes (`uniform`) if all its operands are, or if it is a sum over
lanes; so a penalty on the weights is computed once a batch.
"""

from __future__ import annotations

import json
import math
from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence

from . import elementary
from .errors import short
from .gates import Gate, gates

__all__ = ["Instruction", "Program"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any

FORMAT = 1
SUMS = ("dot", "product", "total", "outer")
RESERVED = (*SUMS, "spread", "copy", "finish")  # and what executors add


class Instruction(namedtuple("Instruction", "result op operands shape", defaults=((),))):
    """One line: `size` results from register `result` on, made by `op` of `operands`.

    shape is (n, m) for product and outer, else ().
    """

    __slots__ = ()

    result: int
    op: str
    operands: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return _size(self.op, self.shape) if self.shape else 1


class Program:
    """Instructions over numbered registers, see the head of this module.

    inputs      the names of the inputs, one register a name: numbers of a lane
    parameters  the names of the parameters: numbers of all lanes
    constants   the numbers of the constants
    code        the Instructions
    outputs     the registers of the values
    gradients   the registers of the gradient, one for each of `wrt`, or none
    wrt         what the gradient is with respect to: registers of parameters, whose gradients are
                sums over lanes, or of inputs
    labels      names of registers, for listings, pictures and errors
    own_gates   gates that are not in the table, by their names
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
        own_gates: Mapping[str, Gate] | None = None,
    ) -> None:
        self.inputs = tuple(inputs)
        self.parameters = tuple(parameters)
        self.constants = tuple(constants)
        self.code = list(code)
        self.outputs = tuple(outputs)
        self.gradients = tuple(gradients)
        self.wrt = tuple(wrt)
        self.labels = dict(labels or {})
        self.own_gates = dict(own_gates or {})

    # ------------------------------------------------------------------ registers

    @property
    def first_constant(self) -> int:
        return len(self.inputs) + len(self.parameters)

    @property
    def first_result(self) -> int:
        return self.first_constant + len(self.constants)

    def __len__(self) -> int:
        """How many instructions there are."""
        return len(self.code)

    def constant(self, register: int) -> float | None:
        """The number in a constant's register, None for every other."""
        i = register - self.first_constant
        return self.constants[i] if 0 <= i < len(self.constants) else None

    def gate(self, op: str) -> Gate | None:
        """The gate behind an opcode (`exp`, `exp'x`); None for sums."""
        name = op.partition("'")[0]
        return self.own_gates.get(name) or gates.get(name)

    def uniform(self) -> list[bool]:
        """For each register, whether it holds one number for all lanes."""
        found = [False] * len(self.inputs)
        found += [True] * (self.first_result - len(found))
        look = found.__getitem__
        for _, op, operands, shape in self.code:
            same = op in ("total", "outer") or all(map(look, operands))
            if shape:
                found += [same] * _size(op, shape)
            else:
                found.append(same)
        return found

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

        Every opcode is known, has as many operands as it takes, and reads registers that are
        filled before it; results are numbered without gaps; outputs, gradients and what has a
        label exist.
        """
        check_names(self.own_gates)
        filled = self.first_result
        uniform = [False] * len(self.inputs) + [True] * (filled - len(self.inputs))
        for line, instruction in enumerate(self.code):
            reason = self._wrong(instruction, filled, uniform)
            if reason:
                shown = short(tuple(instruction))
                raise ValueError(f"line {line} of the program, {shown}: {reason}")
            filled += instruction.size
            sums = instruction.op in ("total", "outer")
            same = sums or all(uniform[r] for r in instruction.operands)
            uniform += [same] * instruction.size
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
                raise ValueError(f"wrt of the program: {register} is no input and no parameter")
            if register >= len(self.inputs) and not uniform[gradient]:
                raise ValueError(
                    f"gradients of the program: that of {self.name(register)} must be summed over "
                    f"lanes, and register {gradient} is not"
                )
        return self

    def _wrong(self, instruction: Instruction, filled: int, uniform: list[bool]) -> str:
        result, op, operands, shape = instruction
        if result != filled:
            return f"its result must be register {filled}"
        for register in operands:
            if type(register) is not int or not 0 <= register < filled:
                return f"it reads register {register}, which is not filled before it"
        if not isinstance(op, str):
            return f"there is no opcode {op!r}"
        if op in ("product", "outer"):
            if len(shape) != 2 or not all(type(k) is int and k > 0 for k in shape):
                return "its shape must be two whole numbers of at least 1"
            n, m = shape
            wanted = n + n * m + m if op == "product" else n + m
            if len(operands) != wanted:
                return f"its shape needs {wanted} operands"
            first, second = operands[:-m], operands[-m:]
            if op == "product" and not all(uniform[r] for r in first):
                return "its biases and its matrix must be the same in all lanes"
            if op == "product" and any(uniform[r] for r in second):
                return "each number that its matrix multiplies must differ between lanes"
            if all(uniform[r] for r in operands):
                return "what it multiplies must differ between lanes"
            return ""
        if shape:
            return "only product and outer have a shape"
        if op == "dot":
            return "" if operands and len(operands) % 2 == 0 else "dot takes pairs of operands"
        if op == "total":
            return "" if len(operands) == 2 else "total takes 2 operands"
        gate = self.gate(op)
        _, slope, operand = op.partition("'")
        if gate is None or (slope and operand not in gate.operands):
            return f"there is no opcode {op!r}"
        wanted = len(gate.operands + gate.parameters) + bool(slope)
        return "" if len(operands) == wanted else f"{op} takes {wanted} operands"

    def listing(self) -> str:
        """The program as text, a line an instruction, written as its gate is."""
        lines = [
            f"inputs      {_row(self.inputs)}",
            f"parameters  {_row(self.parameters)}",
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
            note += ["once for all lanes"] * (uniform[result] and instruction.op not in SUMS[2:])
            lines.append(
                f"{_span(result, instruction.size)} = {self.formula(instruction)}"
                + ("  # " + ", ".join(note)) * bool(note)
            )
        lines.append(f"outputs     {_row([self.name(r) for r in self.outputs])}")
        k = 0
        while k < len(self.gradients):  # a line for all that lie side by side
            end = k + 1
            while end < len(self.gradients) and (
                self.wrt[end] - self.wrt[k] == self.gradients[end] - self.gradients[k] == end - k
            ):
                end += 1
            names = _row([self.name(r) for r in self.wrt[k:end]])
            first = self.gradients[k]
            found = self.name(first) if end == k + 1 else _span(first, end - k)
            lines.append(f"d/d {names} = {found}")
            k = end
        return "\n".join(lines) + "\n"

    def formula(self, instruction: Instruction) -> str:
        """The right side of a line of the listing: `t3 * w0`, `dot(b, w0 x[0], w1 x[1])`."""
        _, op, operands, shape = instruction
        names = [self.name(r) for r in operands]
        if op in ("dot", "total"):
            pairs = zip(names[::2], names[1::2], strict=True)
            return f"{op}({', '.join([a if b == '1' else f'{a} {b}' for a, b in pairs])})"
        if op == "product":
            n, m = shape
            bias, matrix, vector = names[:n], names[n : n + n * m], names[n + n * m :]
            return f"product({n} x {m}: {_row(matrix)}; {_row(vector)}) + ({_row(bias)})"
        if op == "outer":
            n, m = shape
            return f"outer({n} x {m}: {_row(names[:n])}; {_row(names[n:])})"
        gate = self.gate(op)
        if gate is not None and op == gate.name:
            if gate.symbol:
                return f" {gate.symbol} ".join(names)
            if op == "neg":
                return f"-{names[0]}"
        elif gate is not None and len(gate.operands) == 1:  # relu'(t3): only one it can be
            return f"{gate.name}'({', '.join(names[1:])})"
        return f"{op}({', '.join(names)})"

    # ------------------------------------------------------------------ running one lane

    def evaluate(self, inputs: Sequence[float], parameters: Sequence[float]) -> list[float]:
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
            values = [numbers[r] for r in operands]
            if op in ("dot", "total"):
                numbers.append(_dot(values[::2], values[1::2]))
            elif op == "product":
                n, m = shape
                vector = values[n + n * m :]
                for i in range(n):
                    row = values[n + i * m : n + (i + 1) * m]
                    numbers.append(values[i] + _dot(row, vector))
            elif op == "outer":
                numbers += [a * b for a in values[: shape[0]] for b in values[shape[0] :]]
            else:
                numbers.append(_rule(self.gate(op), op, values))
        return numbers

    def run(self, inputs: Any, parameters: Any, executor: str | None = None) -> tuple[Any, Any]:
        """Run it on a batch: (outputs, gradients), as arrays.

        inputs      (lanes, inputs), parameters (parameters,), in the order of their names
        outputs     (lanes, outputs)
        gradients   a number for each parameter, summed over the lanes; or (lanes, inputs)

        executor as in `compile_graph`. ValueError for other shapes, or if the program is not well
        formed. Where a gate fails, numbers are inf or nan.
        """
        from .compiled import run_program

        return run_program(self, inputs, parameters, executor)

    # ------------------------------------------------------------------ keeping

    def to_json(self) -> str:
        """The program as JSON; inf and nan are "Infinity", "-Infinity" and "NaN".

        ValueError if it uses a gate that is not in the table: its rules are no data.
        """
        if self.own_gates:
            raise ValueError(
                f"a program with gates of your own ({', '.join(self.own_gates)}) cannot be saved: "
                "add them to the table with gates.add(gate) here and where it is loaded"
            )
        return json.dumps(
            {
                "format": FORMAT,
                "inputs": self.inputs,
                "parameters": self.parameters,
                "constants": [_saved(number) for number in self.constants],
                "code": [[i.op, i.operands, *([i.shape] if i.shape else [])] for i in self.code],
                "outputs": self.outputs,
                "gradients": self.gradients,
                "wrt": self.wrt,
                "labels": {str(register): label for register, label in self.labels.items()},
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Program:
        """The program that `to_json` wrote; ValueError for any other text."""
        try:
            kept = json.loads(text)
            if kept["format"] != FORMAT:
                raise ValueError(f"its format is {kept['format']!r}, this version reads {FORMAT}")
            program = cls(
                kept["inputs"], kept["parameters"], [float(x) for x in kept["constants"]], (),
                kept["outputs"], kept["gradients"], kept["wrt"],
                {int(register): label for register, label in kept["labels"].items()},
            )  # fmt: skip
            result = program.first_result
            for op, operands, *shape in kept["code"]:
                entry = Instruction(result, op, tuple(operands), *map(tuple, shape))
                program.code.append(entry)
                result += entry.size
            names = (*program.inputs, *program.parameters, *program.labels.values())
            if not all(isinstance(name, str) for name in names):
                raise ValueError("inputs, parameters and labels must be names")
        except (
            ArithmeticError,
            LookupError,
            TypeError,
            AttributeError,
            ValueError,
            RecursionError,
        ) as error:
            raise ValueError(f"this is no saved program: {error!r}") from error
        return program.verify()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program to a file, whole or not at all."""
        import os

        text = self.to_json()
        path = os.path.abspath(path)
        half = f"{path}.{os.getpid()}.part"
        try:
            with open(half, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(half, path)
        finally:
            if os.path.exists(half):
                os.unlink(half)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Program:
        """The program in a file that `save` wrote; ValueError if it holds none."""
        with open(path, encoding="utf-8") as file:
            return cls.from_json(file.read())

    # ------------------------------------------------------------------ as source text

    def to_c(self, name: str = "value_and_grad") -> str:
        """The program as one C99 source with a function `name`, which needs only the C library's
        math.h: values and gradient of a batch.

        The head of the text says what the arguments are. The gradients of parameters are sums over
        the lanes. ValueError if `name` is none for C, or if `wrt` mixes inputs and parameters.
        """
        from .source_c import c_source

        return c_source(self, name)

    def to_numpy_source(self, name: str = "value_and_grad") -> str:
        """The program as Python text over NumPy, to be read: backpropagation as written by hand.

        It defines name(inputs, parameters) -> (values, gradients): inputs (lanes, inputs), values
        (lanes, outputs), gradients a number for each parameter, summed over the lanes, or (lanes,
        inputs). ValueError if `name` is none for Python, or if `wrt` mixes inputs and parameters.
        """
        from .source_numpy import numpy_source

        return numpy_source(self, name)

    def __repr__(self) -> str:
        return (
            f"<program of {len(self.code)} instructions: {len(self.inputs)} inputs, "
            f"{len(self.parameters)} parameters, {len(self.outputs)} outputs>"
        )


class Writer:
    """A program in the making: `constant` and `emit` answer with registers, `program` makes it.

    Until then it is not known how many constants there will be, and so not where results start:
    here results follow the parameters at once, and constants count from -1 downward.
    """

    def __init__(self, inputs: Sequence[str], parameters: Sequence[str]) -> None:
        self.inputs, self.parameters = inputs, parameters
        self.base = self.next = len(inputs) + len(parameters)
        self.code: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = []
        self._numbers: list[float] = []
        self._known: dict[str, int] = {}

    def constant(self, number: float) -> int:
        """The register of a constant: one for each pattern of bits."""
        key = number.hex()
        if key not in self._known:
            self._numbers.append(number)
            self._known[key] = -len(self._numbers)
        return self._known[key]

    def number(self, register: int) -> float | None:
        """The number in a constant's register, None for every other."""
        return self._numbers[-register - 1] if register < 0 else None

    def emit(self, op: str, operands: tuple[int, ...], shape: tuple[int, ...] = ()) -> int:
        """The first register of a new line's results."""
        first = self.next
        self.code.append((op, operands, shape))
        self.next += _size(op, shape) if shape else 1
        return first

    def program(
        self, outputs: Sequence[int], gradients: Sequence[int], wrt: Sequence[int],
        labels: Mapping[int, str], own_gates: Mapping[str, Gate],
    ) -> Program:  # fmt: skip
        """The program, without the constants that nothing reads."""
        used = {r for _, operands, _ in self.code for r in operands if r < 0}
        used.update(r for r in (*outputs, *gradients) if r < 0)
        kept = sorted(used, reverse=True)
        first = self.base + len(kept)
        # Read with a negative index, the end of this list is the constants.
        final = [*range(self.base), *range(first, first + self.next - self.base)]
        final += [-1] * len(self._numbers)
        for i, register in enumerate(kept):
            final[register] = self.base + i
        look = final.__getitem__
        make = tuple.__new__  # a third of the time of Instruction(...)
        code = []
        for op, operands, shape in self.code:
            code.append(make(Instruction, (first, op, tuple(map(look, operands)), shape)))
            first += _size(op, shape) if shape else 1
        return Program(
            self.inputs, self.parameters, [self._numbers[-r - 1] for r in kept], code,
            [*map(look, outputs)], [*map(look, gradients)], wrt,
            {look(r): label for r, label in labels.items()}, own_gates,
        )  # fmt: skip


def _size(op: str, shape: tuple[int, ...]) -> int:
    return shape[0] if op == "product" else shape[0] * shape[1]


def check_names(own_gates: Mapping[str, Gate]) -> None:
    """ValueError if a gate has a name that programs give to an opcode of theirs."""
    wrong = [name for name in RESERVED if name in own_gates or name in gates]
    wrong += [name for name in own_gates if "'" in name]
    if wrong:
        raise ValueError(
            f"a gate is named {wrong[0]!r}, as an opcode of programs: give it another name"
        )


def _rule(gate: Any, op: str, values: list[float]) -> float:
    _, slope, operand = op.partition("'")
    if slope:
        slopes = gate.partials(elementary, *values)
        return float(slopes[gate.operands.index(operand)])
    return float(gate.forward(elementary, *values))


def _dot(a: Iterable[float], b: Iterable[float]) -> float:
    total = None
    for x, y in zip(a, b, strict=True):
        total = x * y if total is None else total + x * y
    return 0.0 if total is None else total


def _row(names: Sequence[str]) -> str:
    return " ".join(names) if len(names) <= 5 else f"{names[0]} {names[1]} ... {names[-1]}"


def _span(first: int, count: int) -> str:
    return f"t{first}" if count == 1 else f"t{first}..t{first + count - 1}"


def _saved(number: float) -> float | str:
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0.0 else "-Infinity"
