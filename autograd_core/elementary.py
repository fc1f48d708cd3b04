"""The namespace `xp` in which the rules of the gates run on Python floats.

Every function here is total: where `math` raises, it answers as IEEE 754 does, with an infinity or
a nan. So a rule may evaluate both arms of a `where`, and a slope may be infinite at a point where
the value is fine. Telling the user is the business of a gate's failures, not of this module.
"""

from __future__ import annotations

import math
from builtins import abs
from collections.abc import Callable

__all__ = [
    "abs", "acos", "asin", "atan", "cos", "cosh", "div", "exp", "expm1", "floor", "log", "log1p",
    "pow", "power", "sin", "sinh", "sqrt", "tan", "tanh", "where",
]  # fmt: skip

INF = math.inf
NAN = math.nan


def _quiet(
    function: Callable[[float], float], beyond: float | Callable[[float], float]
) -> Callable[[float], float]:
    """`function`, with `beyond`, a number or a function of x, where it raises."""

    def quiet(x: float) -> float:
        try:
            return function(x)
        except (ValueError, OverflowError):
            return beyond if isinstance(beyond, float) else beyond(x)

    return quiet


atan = math.atan
tanh = math.tanh
sqrt = _quiet(math.sqrt, NAN)
sin = _quiet(math.sin, NAN)
cos = _quiet(math.cos, NAN)
tan = _quiet(math.tan, NAN)
asin = _quiet(math.asin, NAN)
acos = _quiet(math.acos, NAN)
exp = _quiet(math.exp, INF)
expm1 = _quiet(math.expm1, INF)
cosh = _quiet(math.cosh, INF)
sinh = _quiet(math.sinh, lambda x: math.copysign(INF, x))
log = _quiet(math.log, lambda x: NAN if x < 0.0 else -INF)
log1p = _quiet(math.log1p, lambda x: NAN if x < -1.0 else -INF)
floor = _quiet(lambda x: float(math.floor(x)), lambda x: x)


def where(condition: bool, a: float, b: float) -> float:
    return a if condition else b


def div(a: float, b: float) -> float:
    try:
        return a / b
    except ZeroDivisionError:
        return a * math.copysign(INF, b)


def pow(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except ValueError:
        size = INF if a == 0.0 else NAN
    except OverflowError:
        size = INF
    return math.copysign(size, a) if b % 2.0 == 1.0 else size


power = pow
