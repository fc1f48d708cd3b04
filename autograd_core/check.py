"""Is a gradient right? Compare it with differences of the function itself.

    check_gradient(lambda x, y: x * sin(y), [2.0, 0.5])     # a report; raises if they part
    check_gate("tanh")                                      # a rule of the table, at many points

The numeric slope is Ridders' extrapolated central difference (Ridders, 1982). At a corner, where
the slopes from left and right differ, any slope between the two is right, and an infinite slope is
right where the differences grow without bound, past what rounding explains. Where they do so on one
side alone, as at a jump, a finite slope must be that of the other side.
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
from .modes import no_grad, recording
from .records import NamedTuple
from .rehearsal import rehearse
from .scalars import real, reals
from .table import gates
from .value import Value

__all__ = ["GradientError", "Report", "Row", "check_gate", "check_gradient"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .scalars import Number

TINY = 2.0**-1063  # the smallest first step: the last, 11 times halved, is no 0


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

    f takes len(xs) Values and returns one; a row has the name of its argument. Costs about 50
    evaluations of f per input, and up to 150 where f bends sharply. Raises GradientError, with the
    report in it, where the two differ by more than `tolerance`, relative to the slope or to 1,
    whichever is larger; ValueError if f gives two answers at xs, or is infinite or nan there.
    Differences see the rounding of f, so raise the tolerance where large numbers cancel, as in
    `(x + 1e8) - 1e8`; a bend narrower than 1e-9, beside max(1, |x|), may look like a corner, and so
    may a flat piece narrower than 1e-5, which might be one step of rounding.
    """
    point = reals(xs, "check_gradient")
    tolerance = _checked(tolerance, "check_gradient")
    names = argument_names(f, len(point))

    def called(*values: Value) -> Value:
        output = f(*values)
        if not isinstance(output, Value):
            raise TypeError(f"check_gradient: f must return a Value, got {type(output).__name__}")
        return output

    def number(*numbers: float) -> float:
        with no_grad():
            return called(*map(Value, numbers)).data

    inputs = [Value(x, name) for x, name in zip(point, names, strict=True)]
    with recording():
        output = called(*inputs)
        total = gradients(output)
    if not math.isfinite(output.data):
        raise ValueError(f"check_gradient: f is {output.data} at {point}: it has no slope there")
    analytic = [total.get(x, 0.0) for x in inputs]
    again = number(*point)
    if again != output.data:
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
    tolerance = _checked(tolerance, "check_gate")
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise ValueError(
            f"check_gate: samples must be a whole number of at least 1, got {short(samples)}"
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
    return tuple(
        real(slope, f"gate {gate.name!r}: the slope in {name}")
        for slope, name in zip(slopes, gate.operands, strict=True)
    )


def _checked(tolerance: object, call: str) -> float:
    number = real(tolerance, f"{call}: tolerance")
    if isinstance(tolerance, bool) or not number >= 0.0:
        raise ValueError(f"{call}: tolerance must be a number from 0 on, got {short(tolerance)}")
    return number


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
    near_x = max(2.0 ** (math.frexp(x)[1] - 7), TINY) if x else start
    least = max(2.0**-40 * min(near_x, start), 0.5 * TINY)
    while size > least and math.isnan(along(size) - along(-size)):
        size *= 0.25  # until both sides lie in the domain
        if near_x < size < 2.0**-40 * start:
            size = near_x
    if size <= least:
        size = start  # the point is at the domain's edge: one side is all there is
    here = along(0.0)
    sizes = [size * 2.0 ** (-6 * k) for k in range(7)]
    sizes = [size for size in (*sizes, *[near_x] * (near_x < sizes[-1])) if size >= TINY]
    limit = partial(_limit, sizes=sizes, noise=2.0**-52 * terms, tolerance=tolerance)
    numeric, _ = limit(lambda h: (along(h) - along(-h)) / (2.0 * h), power=2)
    right, right_stands = limit(lambda h: (along(h) - here) / h, power=1)
    left, left_stands = limit(lambda h: (here - along(-h)) / h, power=1)
    scale = tolerance * max(1.0, abs(analytic))

    def near(slope: float) -> bool:
        return analytic == slope or (math.isfinite(analytic) and abs(analytic - slope) <= scale)

    if math.isnan(left) or math.isnan(right):
        numeric = left if math.isnan(right) else right
        ok = near(numeric)
    elif math.isinf(left) or math.isinf(right):  # nothing between: at a jump all would be
        ok = near(left) or near(right) or (left == -right and (near(numeric) or analytic == 0.0))
    else:
        stand = left_stands and right_stands
        if stand and not abs(numeric - 0.5 * (left + right)) <= scale:
            numeric = 0.5 * (left + right)  # a narrow peak: wide differences met its feet alone
        between = min(left, right) - scale <= analytic <= max(left, right) + scale
        ok = near(numeric) or (stand and between)
    return Row(name, analytic, numeric, left, right, ok)


def _limit(
    quotient: Callable[[float], float], sizes: Sequence[float], power: int, noise: float,
    tolerance: float,
) -> tuple[float, bool]:  # fmt: skip
    """The limit of quotient(h) for h to 0, and whether the quotients come near it.

    Twelve steps from the first of `sizes` down are looked at. While they do not stand still, or the
    last four steps of a smaller size refute them, smaller ones are, as long as rounding leaves the
    slope to be seen: its share, `noise` / h, is small, and no two numbers of the function are
    equal. What grows at all sizes is infinite.
    """

    def quotients(size: float, first: int = 0) -> list[float]:
        return [quotient(size * 0.5**k) for k in range(first, 12)]

    found: list[tuple[float, float]] = []
    ends: list[float] = []
    for n, size in enumerate(sizes):
        plain = quotients(size)
        ends.append(plain[-1])
        if found and 0.0 in plain:
            return min(found)[1], True  # a step of the function, or of its rounding: who knows
        if found and noise / size > 1e-6 * max(1.0, abs(plain[0])):
            break
        value, error = _extrapolated(plain, power, noise / size)
        if math.isnan(value):
            return value, True
        least = min(1.0, 1.0 / size)  # what is bounded shows next to no slope from far away
        if error <= min(max(tolerance, 1e-9), 1e-2) * max(least, abs(value)) < math.inf:
            for smaller in sizes[:n:-2]:
                share = 2.0**11 * noise / smaller
                if share > 1e-2 * max(1.0, abs(value)):
                    continue
                last = quotients(smaller, 8)
                if 0.0 not in last and _refuted(value, last, share):
                    error = abs(value - last[-1])
                    break
            else:
                return value, True
        found = [
            (abs(v - plain[-1]) if _refuted(v, plain[-4:], 2.0**11 * noise / size) else e, v)
            for e, v in found
        ]  # what wide steps showed is off by as much
        found.append((error, value))
    steps = [b - a for a, b in pairwise(ends)]
    if len(steps) > 3 and all(0.9 < step / (steps[0] or 1.0) < 1.1 for step in steps):
        return math.copysign(math.inf, steps[0]), True  # it grows as a logarithm
    error, value = min(found)
    return value, math.isinf(value) or error <= 1e-2 * max(1.0, abs(value))


def _refuted(value: float, last: Sequence[float], noise: float) -> bool:
    """Whether quotients of falling steps end elsewhere: further off than they move, or round."""
    return abs(value - last[-1]) > 4.0 * (max(last) - min(last) + noise)


def _extrapolated(plain: Sequence[float], power: int, noise: float) -> tuple[float, float]:
    """The limit of twelve quotients, each for half the h of the one before, and its error.

    Richardson's extrapolation in h**power: of the table, the entry is taken that moved least, if
    the last quotients do not refute it: early ones may agree by chance, or on the far side of a
    jump. It is +-inf where they keep growing, beyond `noise`, the share of rounding in the first.
    Where none stands still, as at the edge of x**1.5, whose error goes with a root of h, it is
    Aitken's: the limit of quotients whose steps shrink by the same factor, whatever it is.
    """
    table: list[list[float]] = []
    for each in plain:
        row = [each]
        for column in range(len(table)):
            factor = 2.0 ** (power * (column + 1))
            row.append((factor * row[column] - table[-1][column]) / (factor - 1.0))
        table.append(row)
    last = plain[-1]
    first, middle = abs(plain[0]), abs(plain[5])
    steady = len({b > a for a, b in pairwise(plain)}) == 1
    far = abs(last) > 2.0**15 * noise
    if (steady and far and abs(last) > 1.25 * middle > 1.5 * first) or math.isinf(last):
        return math.copysign(math.inf, last), math.inf
    # What the last entries move, beside what the steps would explain, is rounding: more than known
    moves = [max(abs(b[c] - a[c]) for a, b in pairwise(table[-4:])) for c in range(1, 6)]
    floor = max(noise, 2.0**-11 * min(moves))
    best, error = last, math.inf
    for k, (before, row) in enumerate(pairwise(table)):
        for column in range(len(before)):
            entry = row[column + 1]
            moved = max(abs(entry - row[column]), abs(entry - before[column]), floor * 2.0**k)
            if moved < error and not _refuted(entry, plain[-4:], 2.0**11 * noise):
                best, error = entry, moved
    if error > 1e-9 * max(1.0, abs(best)):
        (earlier, _), (limit, shrinks) = _aitken(*plain[-4:-1]), _aitken(*plain[-3:])
        moved = max(abs(limit - earlier), 2.0**11 * noise)
        if shrinks and moved < error:
            return limit, moved
    return best, error


def _aitken(a: float, b: float, c: float) -> tuple[float, bool]:
    """Where a, b, c, ... ends if its steps keep shrinking by a factor, and whether they shrink."""
    if not 0.0 < abs(c - b) < abs(b - a):
        return c, False
    return c - (c - b) * ((c - b) / ((c - b) - (b - a))), True  # a square may overflow
