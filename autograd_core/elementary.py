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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Function: TypeAlias = Callable[[float], float]


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


atan: Function = math.atan
tanh: Function = math.tanh
sqrt: Function = _quiet(math.sqrt, NAN)
sin: Function = _quiet(math.sin, NAN)
cos: Function = _quiet(math.cos, NAN)
tan: Function = _quiet(math.tan, NAN)
asin: Function = _quiet(math.asin, NAN)
acos: Function = _quiet(math.acos, NAN)
exp: Function = _quiet(math.exp, INF)
expm1: Function = _quiet(math.expm1, INF)
cosh: Function = _quiet(math.cosh, INF)
sinh: Function = _quiet(math.sinh, lambda x: math.copysign(INF, x))
log: Function = _quiet(math.log, lambda x: NAN if x < 0.0 else -INF)
log1p: Function = _quiet(math.log1p, lambda x: NAN if x < -1.0 else -INF)
floor: Function = _quiet(lambda x: float(math.floor(x)), lambda x: x)


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
    # Not b % 2.0, which rounds: of an exponent just above -1 it makes 1.0, an odd number.
    return math.copysign(size, a) if abs(math.fmod(b, 2.0)) == 1.0 else size


power = pow
