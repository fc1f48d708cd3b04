"""How numbers, names and counts are written in pictures, tables and sentences.

    number(0.7310586)       "0.731"     three significant digits
    number(0.9999)          "1.00"      zeros at the end: it was rounded
    number(5.0)             "5"         a whole number is bare
    printable(label)        a user's text on one line

There is this one way to write a number; the full one shows when a pointer rests on it. The page
follows the same rules in JavaScript, and a test compares the two.
"""

from __future__ import annotations

import math
import sys
from decimal import ROUND_HALF_UP, Context

__all__ = ["ORDINALS", "TIMES", "jsonable", "number", "ordinal", "printable", "shown", "times"]

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
TIMES = "\N{MULTIPLICATION SIGN}"  # never a letter x, which would read as a variable's name

_THREE = Context(prec=3, rounding=ROUND_HALF_UP)  # as JavaScript rounds, on the page


def number(x: float | None) -> str:
    """Three significant digits, whole numbers bare, "-" for None.

    Zeros at the end say that digits were left out: 0.5 is exactly that, 0.500 is not. Whole numbers
    from a million on, others from a thousand on, and sizes below a thousandth have an exponent.
    """
    if x is None:
        return "-"
    if not math.isfinite(x):
        return f"{x}"
    if x == int(x) and abs(x) < 1e6:
        return f"{int(x)}"
    rounded = _THREE.create_decimal(x)
    mantissa, _, power = f"{rounded:.2e}".partition("e")
    exponent = int(power)
    exact = float(rounded) == x
    if -3 <= exponent < 3:
        text = f"{rounded:.{2 - exponent}f}"
        return text.rstrip("0") if exact else text
    if exact:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{exponent}"


def shown(text: str) -> str:
    """`text` for the terminal: where that cannot show a times sign, with `*` in its place."""
    try:
        TIMES.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return text.replace(TIMES, "*")
    return text


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
