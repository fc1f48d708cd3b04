"""The gates as functions: `exp(v)`, `maximum(a, b)`, `leaky_relu(v, slope=0.1)`.

On a Value each makes a Value. On plain numbers each gives a float, by the same rule and with the
same errors, so that a formula written with them runs on both.

`maximum` and `minimum` are gates, which share the gradient of a tie. NumPy's own `np.maximum(A, B)`
and `A.max()` on arrays of Values pick one operand by comparison, and record nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from . import elementary as xp
from . import errors, modes
from .gate import Gate
from .scalars import number, real
from .table import gates
from .value import Value, apply

__all__ = [
    "acos", "asin", "atan", "cos", "cosh", "elu", "exp", "expm1", "leaky_relu", "log", "log1p",
    "maximum", "minimum", "relu", "sigmoid", "sin", "sinh", "softplus", "sqrt", "tan", "tanh",
    "where",
]  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol, overload

    from .scalars import Number
    from .value import Operand

    class UnaryFunction(Protocol):
        """A gate as a function: a Value of a Value, a float of a number."""

        @overload
        def __call__(self, x: Value, /) -> Value: ...
        @overload
        def __call__(self, x: Number, /) -> float: ...

    class BinaryFunction(Protocol):
        """A gate of two operands: a Value if one of them is, else a float."""

        @overload
        def __call__(self, a: Value, b: Operand, /) -> Value: ...
        @overload
        def __call__(self, a: Operand, b: Value, /) -> Value: ...
        @overload
        def __call__(self, a: Number, b: Number, /) -> float: ...

    class LeakyReLUFunction(Protocol):
        """`leaky_relu(x)`, `leaky_relu(x, 0.1)`, `leaky_relu(x, slope=0.1)`."""

        @overload
        def __call__(self, x: Value, /, slope: Number = 0.01) -> Value: ...
        @overload
        def __call__(self, x: Number, /, slope: Number = 0.01) -> float: ...

    class ELUFunction(Protocol):
        """`elu(x)`, `elu(x, 0.5)`, `elu(x, alpha=0.5)`."""

        @overload
        def __call__(self, x: Value, /, alpha: Number = 1.0) -> Value: ...
        @overload
        def __call__(self, x: Number, /, alpha: Number = 1.0) -> float: ...


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

    return gate.describe(function, name or gate.name)


exp: UnaryFunction = function_of(gates["exp"])
expm1: UnaryFunction = function_of(gates["expm1"])
log: UnaryFunction = function_of(gates["log"])
log1p: UnaryFunction = function_of(gates["log1p"])
sqrt: UnaryFunction = function_of(gates["sqrt"])
sin: UnaryFunction = function_of(gates["sin"])
cos: UnaryFunction = function_of(gates["cos"])
tan: UnaryFunction = function_of(gates["tan"])
sinh: UnaryFunction = function_of(gates["sinh"])
cosh: UnaryFunction = function_of(gates["cosh"])
tanh: UnaryFunction = function_of(gates["tanh"])
asin: UnaryFunction = function_of(gates["asin"])
acos: UnaryFunction = function_of(gates["acos"])
atan: UnaryFunction = function_of(gates["atan"])
sigmoid: UnaryFunction = function_of(gates["sigmoid"])
softplus: UnaryFunction = function_of(gates["softplus"])
relu: UnaryFunction = function_of(gates["relu"])
leaky_relu: LeakyReLUFunction = function_of(gates["leaky_relu"])
elu: ELUFunction = function_of(gates["elu"])
maximum: BinaryFunction = function_of(gates["max"], name="maximum")
minimum: BinaryFunction = function_of(gates["min"], name="minimum")


if TYPE_CHECKING:

    @overload
    def where(condition: Operand, a: Value, b: Operand) -> Value: ...
    @overload
    def where(condition: Operand, a: Operand, b: Value) -> Value: ...
    @overload
    def where(condition: Operand, a: Number, b: Number) -> float: ...


def where(condition: Operand, a: Operand, b: Operand) -> Value | float:
    """`a` if the condition holds, else `b`.

    A comparison of Values is a bool, so the graph holds the branch that is taken at this point and
    nothing of the other, whose slope may be infinite without harm. A Value if one of a and b is.
    In a function that `compile_graph` traces, the program holds both and chooses lane by lane.

    TypeError if the condition is no comparison, bool, Value or number: a list or a text is true as
    soon as it is not empty, whatever it says.
    """
    if modes.contexts and modes.mine.tracer is not None and not isinstance(condition, bool):
        return modes.mine.tracer.where(condition, a, b)  # type: ignore[no-any-return]
    if not isinstance(condition, bool | Value) and number(condition) is None:
        modes.hide_frames()
        kind = type(condition).__name__
        raise TypeError(errors.NO_CONDITION.format(kind=kind, thing=errors.short(condition)))
    taken = a if condition else b
    if isinstance(taken, Value):
        return taken
    plain = real(taken, "where: operand")
    return Value(plain) if isinstance(a, Value) or isinstance(b, Value) else plain
