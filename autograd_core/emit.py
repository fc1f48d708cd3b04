"""A gate's rules as instructions, and instructions as the source text of another language.

    print(javascript(gates["sigmoid"]))     # a function that a web page runs
    rule = Rule(gates["tanh"], "tanh'x")    # what the slope of tanh does, recorded
    print("\n".join(rule.lines(C)))         # the same as statements of C

A rule runs once on registers, and each operation that it performs is recorded as an instruction:
the name of a gate and its operands. A dialect says how each gate is written in a language. So the
page of the stepper, the compiled loop, `Program.to_c()` and `to_numpy_source()` compute with the
same rules as the engine, and no rule is written twice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence

from . import elementary
from .gates import Gate, gates

__all__ = [
    "JAVASCRIPT", "NUMBA", "NUMPY", "C", "Dialect", "Register", "Rule", "Trace", "javascript",
    "settled",
]  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Operand: TypeAlias = "Register | float"


class Register:
    """The result of an instruction; an operation on it records the next one."""

    __slots__ = ("name", "trace")

    def __init__(self, trace: Trace, name: str) -> None:
        self.trace = trace
        self.name = name

    def __add__(self, other: Operand) -> Register:
        return self.trace.record("add", self, other)

    def __radd__(self, other: Operand) -> Register:
        return self.trace.record("add", other, self)

    def __sub__(self, other: Operand) -> Register:
        return self.trace.record("sub", self, other)

    def __rsub__(self, other: Operand) -> Register:
        return self.trace.record("sub", other, self)

    def __mul__(self, other: Operand) -> Register:
        return self.trace.record("mul", self, other)

    def __rmul__(self, other: Operand) -> Register:
        return self.trace.record("mul", other, self)

    def __neg__(self) -> Register:
        return self.trace.record("neg", self)

    def __lt__(self, other: Operand) -> Register:
        return self.trace.record("less", self, other)

    def __gt__(self, other: Operand) -> Register:
        return self.trace.record("less", other, self)

    def __le__(self, other: Operand) -> Register:
        return self.trace.record("less_equal", self, other)

    def __ge__(self, other: Operand) -> Register:
        return self.trace.record("less_equal", other, self)

    def __and__(self, other: Operand) -> Register:
        return self.trace.record("where", self, other, 0.0)

    def __or__(self, other: Operand) -> Register:
        return self.trace.record("where", self, 1.0, other)

    __ror__ = __or__  # False | condition

    def __bool__(self) -> bool:
        raise TypeError(
            "a rule branches on a register: use xp.where(condition, a, b), and & and | for and, or"
        )


class Trace:
    """The namespace `xp` that records: `instructions` are (result, gate's name, operands)."""

    def __init__(self) -> None:
        self.instructions: list[tuple[Register, str, tuple[Operand, ...]]] = []

    def record(self, name: str, *operands: Operand) -> Register:
        result = Register(self, f"t{len(self.instructions)}")
        self.instructions.append((result, name, operands))
        return result

    def leading_to(self, *wanted: Any) -> list[tuple[Register, str, tuple[Operand, ...]]]:
        """The instructions that `wanted` depend on, in order."""
        needed = set(wanted)
        kept = []
        for line in reversed(self.instructions):
            if line[0] in needed:
                needed.update(x for x in line[2] if isinstance(x, Register))
                kept.append(line)
        return kept[::-1]

    def __getattr__(self, name: str) -> Callable[..., Register]:
        if name not in elementary.__all__:
            raise AttributeError(f"xp.{name}: a rule may use {', '.join(elementary.__all__)}")
        return lambda *operands: self.record(name, *operands)


class Dialect:
    """How a language writes an instruction of a rule.

    forms     a form for each opcode, operands in braces; `call` for all others
    literals  how it writes inf and nan
    assign    how it names a result
    """

    def __init__(
        self, forms: Mapping[str, str], call: str, literals: tuple[str, str], assign: str
    ) -> None:
        self.forms = forms
        self.call = call
        self.infinity, self.nan = literals
        self.assign = assign

    def literal(self, operand: Any) -> str:
        """A register's name, or a number."""
        if isinstance(operand, Register):
            return operand.name
        number = float(operand)
        if math.isnan(number):
            return self.nan
        text = self.infinity if math.isinf(number) else repr(abs(number))
        return f"(-{text})" if math.copysign(1.0, number) < 0 else text

    def lines(self, trace: Trace, *wanted: Any) -> list[str]:
        """The instructions that `wanted` depend on, a statement each."""
        return [
            self.assign.format(result.name, self.expression(name, *map(self.literal, operands)))
            for result, name, operands in trace.leading_to(*wanted)
        ]

    def expression(self, name: str, *operands: str) -> str:
        """One instruction of operands that are written already."""
        return (self.forms.get(name) or self.call.format(name)).format(*operands)


class Rule:
    """What an opcode (`tanh`, or the slope `tanh'x`) does, recorded from its gate's rule.

    arguments  registers: a slope's output first, operands, parameters; named as the rule names
               them, or x0, x1, ... where such a name is taken or is not plain
    answer     the register of the result, or a number

    known      numbers of the gate's parameters, by name: the rule is cut to what they leave of it,
               so that the slope of x**2 is 2 x
    """

    def __init__(
        self, gate: Gate, op: str, taken: Collection[str] = (), known: Mapping[str, float] = {}
    ) -> None:
        _, slope, operand = op.partition("'")
        names = [*(["y"] if slope else []), *gate.operands, *gate.parameters]
        plain = all(x.isascii() and x not in taken and not x[1:].isdigit() for x in names)
        if not plain or len(set(names)) < len(names):
            names = [f"x{i}" for i in range(len(names))]
        self.trace = Trace()
        self.arguments = [Register(self.trace, x) for x in names]
        if slope:
            slopes = gate.partials(self.trace, *self.arguments)
            self.answer = slopes[gate.operands.index(operand)]
        else:
            self.answer = gate.forward(self.trace, *self.arguments)
        names = [*(["y"] if slope else []), *gate.operands, *gate.parameters]
        pairs = zip(names, self.arguments, strict=True)
        self.trace, self.answer = _simplified(
            self.trace, self.answer, {r: known[name] for name, r in pairs if name in known}
        )

    def lines(self, dialect: Dialect) -> list[str]:
        """Its instructions, a statement each."""
        return dialect.lines(self.trace, self.answer)

    def used(self) -> list[Register]:
        """The arguments that the answer depends on."""
        read = {x for line in self.trace.leading_to(self.answer) for x in line[2]} | {self.answer}
        return [x for x in self.arguments if x in read]

    def inline(self, dialect: Dialect, operands: Sequence[str]) -> str | None:
        """It as an expression of these operands; None if it is more than one instruction."""
        written: dict[Any, str] = {
            x: text for x, text in zip(self.arguments, operands, strict=True)
        }
        if not isinstance(self.answer, Register) or self.answer in written:
            return written.get(self.answer) or dialect.literal(self.answer)
        lines = self.trace.leading_to(self.answer)
        if len(lines) > 1:
            return None
        _, name, used = lines[0]
        return dialect.expression(name, *[written.get(x) or dialect.literal(x) for x in used])


def settled(gate: Gate, numbers: Sequence[float | None]) -> float | int | None:
    """What a gate comes to though some operands are not known (None), exactly.

    A float: its output. An int: the place of the operand that it hands on. None: it has to be run.
    """
    if None not in numbers:
        return float(gate.forward(elementary, *numbers))
    name, last = gate.name, numbers[-1]
    if name == "where" and numbers[0] is not None:
        return 1 if numbers[0] else 2
    if name in ("pow", "power") and last == 0.0:
        return 1.0
    if name in ("pow", "power", "mul", "div") and last == 1.0:
        return 0
    return 1 if name == "mul" and numbers[0] == 1.0 else None


def _simplified(trace: Trace, answer: Any, known: dict[Any, float]) -> tuple[Trace, Any]:
    """The same answer by fewer instructions, exactly: numbers worked out, nothing done twice."""
    short = Trace()
    new: dict[Any, Any] = dict(known)
    done: dict[tuple[object, ...], Register] = {}
    for result, name, operands in trace.leading_to(answer):
        used = [new.get(x, x) if isinstance(x, Register) else float(x) for x in operands]
        found = settled(gates[name], [None if isinstance(x, Register) else x for x in used])
        if isinstance(found, float):
            new[result] = found
        elif isinstance(found, int):
            new[result] = used[found]
        elif name == "where" and used[1] is used[2]:
            new[result] = used[1]
        else:
            key = (name, *(x if isinstance(x, Register) else x.hex() for x in used))
            if key not in done:
                done[key] = short.record(name, *used)
            new[result] = done[key]
    return short, new.get(answer, answer) if isinstance(answer, Register) else float(answer)


_OPERATORS = {
    "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "neg": "-{0}",
    "less": "{0} < {1}", "less_equal": "{0} <= {1}",
}  # fmt: skip

# JavaScript's pow differs from IEEE 754 where the base is 1 or -1.
_JAVASCRIPT_POW = "{0} === 1 || ({0} === -1 && Math.abs({1}) === Infinity) ? 1 : Math.pow({0}, {1})"
JAVASCRIPT = Dialect(
    {
        **_OPERATORS, "div": "{0} / {1}", "where": "{0} ? {1} : {2}",
        "pow": _JAVASCRIPT_POW, "power": _JAVASCRIPT_POW,
    },
    "Math.{}({{0}})", ("Infinity", "NaN"), "const {} = {};",
)  # fmt: skip
# Compiled Python: nothing raises in it, as in C. A square is the power that people write.
NUMBA = Dialect(
    {
        **_OPERATORS, "div": "{0} / {1}", "where": "({1} if {0} else {2})", "abs": "abs({0})",
        "pow": "math.pow({0}, {1})", "floor": "np.floor({0})",
        "power": "({0} * {0} if {1} == 2.0 else math.pow({0}, {1}))",
    },
    "math.{}({{0}})", ("math.inf", "math.nan"), "{} = {}",
)  # fmt: skip
# C99. A condition is a number there: 1 or 0.
C = Dialect(
    {
        **_OPERATORS, "div": "{0} / {1}", "where": "({0} != 0.0 ? {1} : {2})", "abs": "fabs({0})",
        "pow": "pow({0}, {1})", "power": "pow({0}, {1})",
    },
    "{}({{0}})", ("INFINITY", "NAN"), "const double {} = {};",
)  # fmt: skip
NUMPY = Dialect(
    {
        **_OPERATORS, "div": "{0} / {1}", "where": "np.where({0}, {1}, {2})",
        "pow": "{0} ** {1}", "power": "{0} ** {1}",
        "asin": "np.arcsin({0})", "acos": "np.arccos({0})", "atan": "np.arctan({0})",
    },
    "np.{}({{0}})", ("np.inf", "np.nan"), "{} = {}",
)  # fmt: skip


def javascript(gate: Gate) -> str:
    """The gate as a JavaScript function of operands and parameters, returning an object:

    value     the output
    slopes    an array, one slope an operand
    failure   the reason why the public operators raise at these operands, or ""
    """
    trace = Trace()
    arguments = [Register(trace, f"x{i}") for i in range(len(gate.operands + gate.parameters))]
    y = gate.forward(trace, *arguments)
    slopes = gate.partials(trace, y, *arguments)
    conditions = [entry.when(trace, y, *arguments) for entry in gate.failures]
    literal = JAVASCRIPT.literal
    failure = '""'
    for entry, condition in reversed([*zip(gate.failures, conditions, strict=True)]):
        failure = f"{literal(condition)} ? {json.dumps(entry.reason)} : {failure}"
    lines = JAVASCRIPT.lines(trace, y, *slopes, *conditions)
    answer = f"value: {literal(y)}, slopes: [{', '.join(map(literal, slopes))}], failure: {failure}"
    names = ", ".join(argument.name for argument in arguments)
    return f"({names}) => {{ {' '.join(lines)} return {{ {answer} }}; }}"
