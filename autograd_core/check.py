"""Is a gradient right? Compare it with differences of the function itself.

    check_gradient(lambda x, y: x * sin(y), [2.0, 0.5])     # a report; raises if they part
    check_gate("tanh")                                      # a rule of the table, at many points

The numeric slope is Ridders' extrapolated central difference (Ridders, 1982). At a corner, where
the slopes from left and right differ, any slope between the two is right, and an infinite slope is
right where the differences grow without bound, past what rounding explains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import pairwise

from . import elementary as xp
from .derivative import grad, on_values
from .errors import argument_names, short
from .functions import function_of
from .gate import Gate
from .graph import gradients
from .modes import no_grad
from .records import NamedTuple
from .rehearsal import rehearse
from .scalars import reals
from .table import gates
from .value import Value

__all__ = ["GradientError", "Report", "Row", "check_gate", "check_gradient"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .scalars import Number

TINY = 2.0**-1000  # the smallest step: what it is halved to is no 0


class Row(
    NamedTuple(
        "Row",
        [
            ("name", str), ("analytic", float), ("numeric", float), ("left", float),
            ("right", float), ("ok", bool),
        ],
    )
):  # fmt: skip
    """One slope, twice: `analytic` from the gates, `numeric` from differences.

    left, right     the slopes from both sides; nan on a side where the function is not defined
    ok              whether analytic agrees, within the tolerance
    """

    __slots__ = ()

    def __str__(self) -> str:
        verdict = "ok" if self.ok else "WRONG"
        numbers = (self.analytic, self.numeric, self.left, self.right)
        return f"{self.name:24} {' '.join(f'{x:>14.8g}' for x in numbers)}  {verdict}"


class Report(tuple[Row, ...]):
    """The rows of a check, one per slope; `ok` if all agree. Printed, it is a table."""

    __slots__ = ()

    @property
    def ok(self) -> bool:
        return all(row.ok for row in self)

    def __str__(self) -> str:
        titles = ("analytic", "numeric", "from left", "from right")
        head = " ".join(f"{title:>14}" for title in titles)
        return "\n".join([f"{'slope in':24} {head}", *map(str, self)])


class GradientError(AssertionError):
    """Analytic and numeric slope part; `report` holds all of them."""

    def __init__(self, message: str, report: Report) -> None:
        super().__init__(f"{message}\n{report}")
        self.report = report


def check_gradient(
    f: Callable[..., Value], xs: Sequence[Number], *, tolerance: float = 1e-6
) -> Report:
    """Compare `backward` with differences of f at xs, one input after the other.

    f takes len(xs) Values and returns one; a row has the name of its argument. Costs about 25
    evaluations of f per input, and up to 100 where f bends sharply. Raises GradientError, with the
    report in it, where the two differ by more than `tolerance`, relative to the slope or to 1,
    whichever is larger; ValueError if f gives two answers at xs. Differences see the rounding of f,
    so raise the tolerance where large numbers cancel, as in `(x + 1e8) - 1e8`; and a bend narrower
    than 1e-5, beside max(1, |x|), may look like a corner.
    """
    point = reals(xs, "check_gradient")
    names = argument_names(f, len(point))
    inputs = [Value(x, name) for x, name in zip(point, names, strict=True)]
    output = f(*inputs)
    if not isinstance(output, Value):
        raise TypeError(f"check_gradient: f must return a Value, got {type(output).__name__}")

    def number(*numbers: float) -> float:
        with no_grad():
            return f(*map(Value, numbers)).data

    total = gradients(output)
    analytic = [total.get(x, 0.0) for x in inputs]
    again = number(*point)
    if again != output.data and not math.isnan(output.data):
        raise ValueError(
            f"check_gradient: at {point} f is {output.data} and then, asked again, {again}: "
            "draw random numbers before, and change nothing in it"
        )
    parts = [abs(slope * v.data) for v, slope in total.items()]
    terms = sum(filter(math.isfinite, parts))  # to first order, f is right to some ulp of it
    rows = [
        _row(f"{name} = {x:.6g}", analytic[i], number, point, i, tolerance, terms)
        for i, (name, x) in enumerate(zip(names, point, strict=True))
    ]
    return _verdict("check_gradient: backward() and differences of f part", rows)


def check_gate(
    gate: Gate | str, *, samples: int = 20, seed: int = 0, tolerance: float = 1e-6
) -> Report:
    """Check the rules of a gate, given as its entry or its name.

    At `samples` points drawn from its domain and at every corner: its partials beside differences
    of its forward rule; and, away from corners, its partials run on Values and differentiated,
    beside differences of the partials. Raises GradientError where they part; ValueError where the
    entry itself is wrong (a missing slope, a failure at a finite output); TypeError where a rule
    does what a program cannot hold, as `x ** 3` in place of `xp.power(x, 3.0)`.
    """
    from random import Random

    gate = gates[gate] if isinstance(gate, str) else gate
    if not isinstance(gate, Gate):
        raise TypeError(
            f"check_gate takes a Gate or the name of one in the table, got {short(gate)}: "
            "check_gate(gates['tanh'])"
        )
    rng = Random(seed)
    drawn = [tuple(interval.sample(rng) for interval in gate.domain) for _ in range(samples)]
    for point in drawn:
        rehearse(gate, point)
    rows: list[Row] = []
    for point in (*drawn, *gate.corners):
        place = ", ".join(f"{x:.4g}" for x in point)
        slopes = _partials(gate, point)
        second = [] if point in gate.corners or len(slopes) > 2 else _second_partials(gate, point)
        for i, name in enumerate(gate.operands):
            f = partial(gate.forward, xp)
            rows.append(_row(f"{name} at {place}", slopes[i], f, point, i, tolerance))
            for j, other in enumerate(gate.operands if second else ()):
                title = f"{name}, {other} at {place}"
                slope = partial(lambda i, *at: _partials(gate, at)[i], i)
                rows.append(_row(title, second[i][j], slope, point, j, 10 * tolerance))
    return _verdict(f"check_gate: the rules of {gate.name!r} and differences part", rows)


def _second_partials(gate: Gate, point: Sequence[float]) -> list[tuple[float, ...]]:
    """Row i: the derivatives of slope i in every operand, from the rule run on Values."""
    count = len(gate.operands)
    inputs = [Value(x) for x in point[:count]]
    y = function_of(gate, quiet=True)(*inputs, *point[count:])
    slopes = gate.partials(on_values, y, *inputs, *point[count:])
    return [
        tuple(x.data for x in grad(slope, inputs)) if isinstance(slope, Value) else (0.0,) * count
        for slope in slopes
    ]


def _partials(gate: Gate, point: Sequence[float]) -> tuple[float, ...]:
    y = gate.forward(xp, *point)
    slopes: tuple[Any, ...] = gate.partials(xp, y, *point)
    if not isinstance(slopes, tuple) or len(slopes) != len(gate.operands):
        raise ValueError(
            f"gate {gate.name!r}: partials must return a tuple of {len(gate.operands)} slopes, "
            f"one per operand, got {slopes!r}"
        )
    if math.isfinite(y) and gate.fails(xp, y, *point):
        raise ValueError(f"gate {gate.name!r}: it fails at {point}, where its output is {y}")
    return slopes


def _verdict(message: str, rows: list[Row]) -> Report:
    report = Report(rows)
    if not report.ok:
        raise GradientError(message, Report(row for row in rows if not row.ok))
    return report


def _row(
    name: str, analytic: float, f: Callable[..., float], point: Sequence[float], i: int,
    tolerance: float, terms: float = 1.0,
) -> Row:  # fmt: skip
    """One row: slope i of f. `terms` is the size of the numbers that f adds up, and rounds."""

    @cache
    def along(h: float) -> float:
        moved = list(point)
        moved[i] += h
        try:
            return f(*moved)
        except (ArithmeticError, ValueError):
            return math.nan

    x = abs(point[i])
    size = start = 2.0 ** (math.frexp(max(1.0, x))[1] - 7)  # a power of 2: then x + h is exact
    least = max(2.0**-40 * (x or start), TINY)
    while size > least and math.isnan(along(size) - along(-size)):
        size *= 0.5  # until both sides lie in the domain
    if size <= least:
        size = start  # the point is at the domain's edge: one side is all there is
    here = along(0.0)
    sizes = [size * 2.0 ** (-12 * k) for k in range(4)]
    sizes += [2.0 ** (math.frexp(x)[1] - 7)] if TINY < x < size else []
    limit = partial(_limit, sizes=sizes, noise=2.0**-52 * terms, tolerance=tolerance)
    numeric, _ = limit(lambda h: (along(h) - along(-h)) / (2.0 * h), power=2)
    right, right_stands = limit(lambda h: (along(h) - here) / h, power=1)
    left, left_stands = limit(lambda h: (here - along(-h)) / h, power=1)
    scale = tolerance * max(1.0, abs(analytic))
    stand = left_stands and right_stands
    if math.isnan(left) or math.isnan(right):
        numeric = left if math.isnan(right) else right
    elif stand and not abs(numeric - 0.5 * (left + right)) <= scale:
        numeric = 0.5 * (left + right)  # a narrow peak: wide differences met its feet alone
    between = stand and min(left, right) - scale <= analytic <= max(left, right) + scale
    near = between or abs(analytic - numeric) <= scale
    ok = analytic in (left, right) if math.isinf(analytic) else near
    return Row(name, analytic, numeric, left, right, ok)


def _limit(
    quotient: Callable[[float], float], sizes: Sequence[float], power: int, noise: float,
    tolerance: float,
) -> tuple[float, bool]:  # fmt: skip
    """The limit of quotient(h) for h to 0, and whether the quotients come near it.

    Steps from the first of `sizes` down are looked at; while they do not stand still, smaller ones,
    as long as rounding leaves the slope to be seen: its share, `noise` / h, is small, and no two
    numbers of the function are equal. What grows at all sizes is infinite.
    """
    found: list[tuple[float, float]] = []
    for size in sizes:
        plain = [quotient(size * 0.5**k) for k in range(12)]
        if found and 0.0 in plain:
            return min(found)[1], True  # a step of the function, or of its rounding: who knows
        if found and noise / size > 1e-6 * max(1.0, abs(plain[0])):
            break
        value, error = _extrapolated(plain, power, noise / size)
        least = min(1.0, 1.0 / size)  # what is bounded shows next to no slope from far away
        if math.isnan(value) or error <= max(tolerance, 1e-9) * max(least, abs(value)) < math.inf:
            return value, True
        found.append((error, value))
    error, value = min(found)
    return value, math.isinf(value) or error <= 1e-2 * max(1.0, abs(value))


def _extrapolated(plain: Sequence[float], power: int, noise: float) -> tuple[float, float]:
    """The limit of twelve quotients, each for half the h of the one before, and its error.

    Richardson's extrapolation in h**power: the entry of the table that moved least is taken; +-inf
    where they keep growing, beyond `noise`, the share of rounding in the first. Where none stands
    still, as at the edge of x**1.5, whose error goes with a root of h, it is Aitken's: the limit of
    quotients whose steps shrink by the same factor, whatever it is.
    """
    best, error = math.nan, math.inf
    previous: list[float] = []
    for each in plain:
        row = [each]
        for column in range(len(previous)):
            factor = 2.0 ** (power * (column + 1))
            row.append((factor * row[column] - previous[column]) / (factor - 1.0))
            moved = max(abs(row[-1] - row[column]), abs(row[-1] - previous[column]))
            if moved < error:
                best, error = row[-1], moved
        previous = row
    last = plain[-1]
    first, middle = abs(plain[0]), abs(plain[5])
    steady = len({b > a for a, b in pairwise(plain)}) == 1
    far = abs(last) > 2.0**15 * noise
    if (steady and far and abs(last) > 1.25 * middle > 1.5 * first) or math.isinf(last):
        return math.copysign(math.inf, last), math.inf
    if error > 1e-9 * max(1.0, abs(best)):
        (before, _), (limit, shrinks) = _aitken(*plain[-4:-1]), _aitken(*plain[-3:])
        if shrinks:
            return limit, abs(limit - before)
    return best, error


def _aitken(a: float, b: float, c: float) -> tuple[float, bool]:
    """Where a, b, c, ... ends if its steps keep shrinking by a factor, and whether they shrink."""
    if not 0.0 < abs(c - b) < abs(b - a):
        return c, False
    return c - (c - b) * ((c - b) / ((c - b) - (b - a))), True  # a square may overflow
