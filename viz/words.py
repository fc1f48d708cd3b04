"""How numbers, names and counts are written in pictures, tables and sentences.

    number(0.7310586)       "0.73"      on a wire, in a box
    short(0.7310586)        "0.7311"    in a sentence; short(x, 6) in a table
    printable(label)        a user's text on one line

The page writes numbers by the same rules in JavaScript; a test compares the two.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal

__all__ = ["ORDINALS", "jsonable", "number", "ordinal", "printable", "short", "times"]

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def number(x: float | None) -> str:
    """Two decimals, as the course notes print; small and large numbers with an exponent."""
    if x is None:
        return "-"
    if not math.isfinite(x):
        return f"{x}"
    if x == 0.0 or 0.01 <= abs(x) < 1e5:
        return f"{Decimal(x).quantize(Decimal('0.01'), ROUND_HALF_UP) + 0:.2f}"  # never -0.00
    return _exponent(f"{_rounded(x, 2):.1e}")


def short(x: float, digits: int = 4) -> str:
    """At most so many significant digits, and no trailing zeros."""
    return _exponent(f"{_rounded(x, digits):.{digits}g}") if math.isfinite(x) else f"{x}"


def _rounded(x: float, digits: int) -> float:
    """Halves go away from zero, because JavaScript rounds that way on the page."""
    return float(Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(x))


def _exponent(text: str) -> str:
    """`1e-05` as `1e-5`."""
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else text


def printable(text: str, limit: int = 40) -> str:
    """User text on one line: control and direction marks as escapes, cut to `limit` characters."""
    text = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: limit + 1]
    )
    return text if len(text) <= limit else text[: limit - 3] + "..."


def times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def ordinal(n: int) -> str:
    if n <= len(ORDINALS):
        return ORDINALS[n - 1]
    last = "" if n // 10 % 10 == 1 else str(n % 10)
    return f"{n}{ {'1': 'st', '2': 'nd', '3': 'rd'}.get(last, 'th') }"


def jsonable(thing: object) -> object:
    """`thing` with inf and nan, which JSON lacks, as the strings that JavaScript's Number reads."""
    if isinstance(thing, float) and not math.isfinite(thing):
        return "NaN" if math.isnan(thing) else "Infinity" if thing > 0.0 else "-Infinity"
    if isinstance(thing, dict):
        return {key: jsonable(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [jsonable(value) for value in thing]
    return thing
