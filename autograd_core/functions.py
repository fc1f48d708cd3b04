"""The gates as functions: `exp(v)`, `maximum(a, b)`, `leaky_relu(v, slope=0.1)`.

On a Value each makes a Value. On plain numbers each gives a float, by the same rule and with the
same errors, so that a formula written with them runs on both.

`maximum` and `minimum` are gates, which share the gradient of a tie. NumPy's own `np.maximum(A, B)`
and `A.max()` on arrays of Values pick one operand by comparison, and record nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from . import elementary as xp
from . import modes
from .gate import Gate
from .scalars import real
from .table import gates
from .value import Value, apply

__all__ = [
    "acos", "asin", "atan", "cos", "cosh", "elu", "exp", "expm1", "leaky_relu", "log", "log1p",
    "maximum", "minimum", "relu", "sigmoid", "sin", "sinh", "softplus", "sqrt", "tan", "tanh",
    "where",
]  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .value import Number, Operand


def function_of(gate: Gate, quiet: bool = False, name: str = "") -> Callable[..., Any]:
    """The gate as a function on Values and numbers; `quiet`: inf or nan where it would raise."""

    count = len(gate.operands)
    method = None if quiet else vars(Value).get(gate.name)  # the quick way, where there is one

    def function(*operands: Operand, **parameters: Number) -> Value | float:
        if len(operands) == count and operands[0].__class__ is Value and not parameters and method:
            return method(*operands)  # type: ignore[no-any-return]
        if any(isinstance(operand, Value) for operand in operands):
            return apply(gate, *operands, quiet=quiet, **parameters)
        constants = gate.bind(operands, parameters)
        numbers = [
            real(operand, f"{gate.name}: operand {name}")
            for name, operand in zip(gate.operands, operands, strict=False)
        ]
        numbers += constants
        return gate.forward(xp, *numbers) if quiet else gate.evaluate(numbers)

    function.__module__ = __name__
    return gate.describe(function, name or gate.name)


exp = function_of(gates["exp"])
expm1 = function_of(gates["expm1"])
log = function_of(gates["log"])
log1p = function_of(gates["log1p"])
sqrt = function_of(gates["sqrt"])
sin = function_of(gates["sin"])
cos = function_of(gates["cos"])
tan = function_of(gates["tan"])
sinh = function_of(gates["sinh"])
cosh = function_of(gates["cosh"])
tanh = function_of(gates["tanh"])
asin = function_of(gates["asin"])
acos = function_of(gates["acos"])
atan = function_of(gates["atan"])
sigmoid = function_of(gates["sigmoid"])
softplus = function_of(gates["softplus"])
relu = function_of(gates["relu"])
leaky_relu = function_of(gates["leaky_relu"])
elu = function_of(gates["elu"])
maximum = function_of(gates["max"], name="maximum")
minimum = function_of(gates["min"], name="minimum")


def where(condition: bool | Value, a: Operand, b: Operand) -> Value | float:
    """`a` if the condition holds, else `b`.

    A comparison of Values is a bool, so the graph holds the branch that is taken at this point and
    nothing of the other, whose slope may be infinite without harm. A Value if one of a and b is.
    In a function that `compile_graph` traces, the program holds both and chooses lane by lane.
    """
    if modes.contexts and modes.mine.tracer is not None and not isinstance(condition, bool):
        return modes.mine.tracer.where(condition, a, b)  # type: ignore[no-any-return]
    taken = a if condition else b
    if isinstance(taken, Value):
        return taken
    number = real(taken, "where: operand")
    return Value(number) if isinstance(a, Value) or isinstance(b, Value) else number
