"""What counts as one real number: int, float, Fraction, NumPy scalar, 0-d array.

real(x, "seed")                         # a float, or a TypeError that names the seed
"""

from __future__ import annotations

from numbers import Real

from . import errors, modes

__all__ = ["number", "real"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def number(x: Any) -> Any:
    """x as a number that Python knows, or None if x is not one real number."""
    inner = _unwrapped(x)
    return inner if isinstance(inner, Real) else None


def real(x: Any, what: str) -> float:
    """x as a Python float; TypeError, naming `what`, unless x is one real number."""
    inner = _unwrapped(x)
    if isinstance(inner, Real):
        return float(inner)
    modes.hide_frames()
    if hasattr(inner, "_gate"):  # a Value; value.py imports this module
        raise TypeError(errors.VALUE_AS_NUMBER.format(what=what))
    kind = type(x).__name__
    raise TypeError(errors.NOT_A_NUMBER.format(what=what, kind=kind, thing=errors.short(x)))


def _unwrapped(x: Any) -> Any:
    """What a NumPy scalar or 0-d array holds, told by its module, without importing NumPy."""
    if type(x).__module__ == "numpy" and getattr(x, "shape", None) == ():
        return None if x.dtype.kind in "mM" else x.item()  # dates and spans are not numbers
    return x
