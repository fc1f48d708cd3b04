"""What counts as one real number: int, float, Fraction, NumPy scalar, 0-d array.

real(x, "seed")                         # a float, or a TypeError that names the seed
"""

from __future__ import annotations

from math import inf
from numbers import Real

from . import errors, modes

__all__ = ["Number", "number", "real", "reals"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fractions import Fraction
    from typing import Any, Protocol, TypeAlias

    class NumPyScalar(Protocol):
        """np.float32, np.int64, np.bool_: one real number. No array, no complex, no date."""

        @property
        def shape(self) -> tuple[()]: ...
        def item(self) -> float: ...
        def __hash__(self) -> int: ...  # an array has none

    Number: TypeAlias = float | Fraction | NumPyScalar
    """One real number, as `Value(...)`, the operators and the functions of gates take it.

    int, bool, float, Fraction and the scalars of NumPy. Not str, Decimal or complex, and not a
    Value. When a program runs, any `numbers.Real` is taken, and an array without dimensions: the
    type of that is the type of all arrays, so for a checker write `array.item()`.
    """
else:
    Number = Real  # what isinstance can ask: NumPy registers its numbers there


def number(x: Any) -> Any:
    """x as a number that Python knows, or None if x is not one real number."""
    inner = _unwrapped(x)
    return inner if isinstance(inner, Real) else None


def real(x: Any, what: str) -> float:
    """x as a Python float; TypeError, naming `what`, unless x is one real number, and OverflowError
    for one that is larger than every float."""
    inner = _unwrapped(x)
    if isinstance(inner, Real):
        try:
            answer = float(inner)
            if answer not in (inf, -inf) or inner == answer:  # else a larger longdouble of NumPy
                return answer
        except OverflowError:
            pass
        modes.hide_frames()
        raise OverflowError(errors.TOO_LARGE.format(what=what))
    modes.hide_frames()
    if hasattr(inner, "_gate"):  # a Value; value.py imports this module
        raise TypeError(errors.VALUE_AS_NUMBER.format(what=what))
    kind = type(x).__name__
    raise TypeError(errors.NOT_A_NUMBER.format(what=what, kind=kind, thing=errors.short(x)))


def reals(xs: Any, call: str, name: str = "xs") -> list[float]:
    """The list of numbers that a call takes, as floats; TypeError, naming it, for a lone number."""
    if isinstance(xs, Real) or not hasattr(xs, "__iter__"):
        raise TypeError(
            f"{call}: {name} must be a list of numbers, as [1.0, 2.0], got {errors.short(xs)}"
        )
    return [real(x, f"{call}: each of {name}") for x in xs]


def _unwrapped(x: Any) -> Any:
    """What a NumPy scalar or 0-d array holds, told by its module, without importing NumPy."""
    if type(x).__module__ == "numpy" and getattr(x, "shape", None) == ():
        return None if x.dtype.kind in "mM" else x.item()  # dates and spans are not numbers
    return x
