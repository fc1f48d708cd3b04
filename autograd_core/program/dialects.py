"""The program of a rule as the source text of a language: C, NumPy, JavaScript.

    C.lines(rule(Op(gates["tanh"], 0)), ["y", "x"])     # the slope of tanh, as statements
    print(javascript(gates["sigmoid"]))     # a function that a web page runs

A dialect says how each gate that a rule may use is written in its language.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence

from ..errors import short
from ..gate import Gate
from .program import Op, Program, require_program
from .rule import whole_rule
from .sums import Sum

__all__ = [
    "JAVASCRIPT", "NUMPY", "C", "Dialect", "arguments", "arguments_read",
    "check_function", "javascript",
]  # fmt: skip


class Dialect:
    """How a language writes an instruction of a rule.

    forms     a form for each gate, operands in braces, or a function of them; `call` for the others
    literals  how it writes inf and nan
    assign    how it names a result
    """

    def __init__(
        self, forms: Mapping[str, str | Callable[..., str]], call: str,
        literals: tuple[str, str], assign: str,
    ) -> None:  # fmt: skip
        self.forms = forms
        self.call = call
        self.infinity: str = literals[0]
        self.nan: str = literals[1]
        self.assign = assign

    def literal(self, number: float) -> str:
        if math.isnan(number):
            return self.nan
        text = self.infinity if math.isinf(number) else repr(abs(number))
        return f"(-{text})" if math.copysign(1.0, number) < 0 else text

    def operand(self, rule: Program, register: int, names: Sequence[str]) -> str:
        """A register as an operand: an argument's name, a number, or the name of a result."""
        if register < len(names):
            return names[register]
        number = rule.constant(register)
        return f"t{register - rule.first_result}" if number is None else self.literal(number)

    def lines(self, rule: Program, names: Sequence[str]) -> list[str]:
        """The instructions, one statement each; `names` are those of its arguments."""
        return [
            self.assign.format(
                self.operand(rule, line.result, names),
                self.expression(line.op, [self.operand(rule, r, names) for r in line.operands]),
            )
            for line in rule.code
        ]

    def answer(self, rule: Program, names: Sequence[str]) -> str:
        """The output, after those lines."""
        return self.operand(rule, rule.outputs[0], names)

    def inline(self, rule: Program, operands: Sequence[str]) -> str | None:
        """The rule as an expression of these operands; None if it is more than one instruction."""
        if not rule.code:
            return self.answer(rule, operands)
        if len(rule.code) > 1:
            return None
        line = rule.code[0]
        return self.expression(line.op, [self.operand(rule, r, operands) for r in line.operands])

    def expression(self, op: Op | Sum, operands: Sequence[str]) -> str:
        """One instruction of operands that are written already."""
        form = self.forms.get(op.name) or self.call.format(op.name)
        return form.format(*operands) if isinstance(form, str) else form(*operands)


def arguments(op: Op, taken: Collection[str] = ()) -> list[str]:
    """Names for the arguments of a rule in a text: those of the rule, if they can be used.

    x0, x1, ... where one of them is in `taken`, is not plain, or could be a result's.
    """
    names = op.arguments
    plain = all(x.isascii() and x not in taken and not x[1:].isdigit() for x in names)
    return (
        names if plain and len(set(names)) == len(names) else [f"x{i}" for i in range(len(names))]
    )


def arguments_read(rule: Program) -> list[int]:
    """The places of the arguments that the rule's output depends on."""
    read = {*rule.outputs, *(r for line in rule.code for r in line.operands)}
    return [i for i in range(len(rule.inputs)) if i in read]


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
# C99. A condition is a number there: 1 or 0.
C = Dialect(
    {
        **_OPERATORS, "div": "{0} / {1}", "where": "({0} != 0.0 ? {1} : {2})", "abs": "fabs({0})",
        "pow": "pow({0}, {1})", "power": "pow({0}, {1})",
    },
    "{}({{0}})", ("INFINITY", "NAN"), "const double {} = {};",
)  # fmt: skip


def _numpy_power(x: str, exponent: str) -> str:
    """For a lone 0.5 NumPy's ** takes the square root, which differs at -inf and -0.0."""
    plain = exponent.strip("(-)").replace(".", "").isdigit() and exponent != "0.5"
    return f"{x} ** {exponent}" if plain else f"np.float_power({x}, {exponent})"


NUMPY = Dialect(
    {
        **_OPERATORS, "div": "{0} / {1}", "where": "np.where({0}, {1}, {2})",
        "pow": _numpy_power, "power": _numpy_power,
        "asin": "np.arcsin({0})", "acos": "np.arccos({0})", "atan": "np.arctan({0})",
    },
    "np.{}({{0}})", ("np.inf", "np.nan"), "{} = {}",
)  # fmt: skip


def javascript(gate: Gate) -> str:
    """The gate as a JavaScript function of operands and parameters, returning an object:

    value     the output
    slopes    an array, one slope per operand
    failure   the reason why the public operators raise at these operands, or ""
    """
    rule = whole_rule(gate)
    names = [f"x{i}" for i in range(len(rule.inputs))]
    y, *rest = [JAVASCRIPT.operand(rule, r, names) for r in rule.outputs]
    slopes, conditions = rest[: len(gate.slopes)], rest[len(gate.slopes) :]
    failure = '""'
    for entry, condition in reversed([*zip(gate.failures, conditions, strict=True)]):
        failure = f"{condition} ? {json.dumps(entry.reason)} : {failure}"
    answer = f"value: {y}, slopes: [{', '.join(slopes)}], failure: {failure}"
    lines = JAVASCRIPT.lines(rule, names)
    return f"({', '.join(names)}) => {{ {' '.join(lines)} return {{ {answer} }}; }}"


def check_function(who: str, language: str, valid: bool, name: str, program: Program) -> None:
    """TypeError or ValueError if a program cannot become a function of that name, and says why."""
    require_program(who, program)
    if not valid:
        raise ValueError(
            f"{who}: name must be one that {language} takes for a function, got {short(name)}"
        )
    if len({r < len(program.inputs) for r in program.wrt}) > 1:
        raise ValueError(
            f"{who}: the gradient is with respect to inputs, which have a row per lane, and to "
            "parameters, which have a sum: lower the program twice, once for each"
        )
