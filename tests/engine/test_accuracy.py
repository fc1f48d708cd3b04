"""Values, slopes and derivatives up to the fifth order, against mpmath."""

import math
import random

import pytest

from autograd_core import Value, gates, grad
from autograd_core import elementary as xp
from autograd_core.value import apply

mpmath = pytest.importorskip("mpmath")
mp = mpmath.mp.clone()
mp.dps = 60


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


# What each smooth gate computes, in arbitrary precision.
EXACT = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "neg": lambda x: -x,
    "exp": mp.exp,
    "expm1": mp.expm1,
    "log": mp.log,
    "log1p": mp.log1p,
    "sqrt": mp.sqrt,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "asin": mp.asin,
    "acos": mp.acos,
    "atan": mp.atan,
    "sigmoid": sigmoid,
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "abs": abs,
    "max": lambda a, b: max(a, b),
    "min": lambda a, b: min(a, b),
    "relu": lambda x: x if x > 0 else mp.mpf(0),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "elu": lambda x, alpha: x if x > 0 else alpha * mp.expm1(x),
    "power": lambda x, c: x**c,
}
SLOPE = {
    "exp": [mp.exp],
    "expm1": [mp.exp],
    "log": [lambda x: 1 / x],
    "log1p": [lambda x: 1 / (1 + x)],
    "sqrt": [lambda x: 1 / (2 * mp.sqrt(x))],
    "sin": [mp.cos],
    "cos": [lambda x: -mp.sin(x)],
    "tan": [lambda x: mp.sec(x) ** 2],
    "sinh": [mp.cosh],
    "cosh": [mp.sinh],
    "tanh": [lambda x: mp.sech(x) ** 2],
    "asin": [lambda x: 1 / mp.sqrt((1 - x) * (1 + x))],
    "acos": [lambda x: -1 / mp.sqrt((1 - x) * (1 + x))],
    "atan": [lambda x: 1 / (1 + x**2)],
    "sigmoid": [lambda x: mp.exp(-abs(x)) / (1 + mp.exp(-abs(x))) ** 2],
    "softplus": [sigmoid],
    "elu": [lambda x, alpha: mp.mpf(1) if x >= 0 else alpha * mp.exp(x)],
    "div": [lambda a, b: 1 / b, lambda a, b: -a / b**2],
    "pow": [lambda a, b: b * a ** (b - 1), lambda a, b: a**b * mp.log(a)],
    "power": [lambda x, c: c * x ** (c - 1)],
    "add": [lambda a, b: 1, lambda a, b: 1],
    "sub": [lambda a, b: 1, lambda a, b: -1],
    "mul": [lambda a, b: b, lambda a, b: a],
    "neg": [lambda x: -1],
    "abs": [mp.sign],
    "max": [lambda a, b: (1 + mp.sign(a - b)) / 2, lambda a, b: (1 + mp.sign(b - a)) / 2],
    "min": [lambda a, b: (1 + mp.sign(b - a)) / 2, lambda a, b: (1 + mp.sign(a - b)) / 2],
    "relu": [lambda x: (1 + mp.sign(x)) / 2 if x else 0],
    "leaky_relu": [lambda x, slope: 1 if x > 0 else slope],
}
# Seams between two formulas of a rule, and points on both sides of them.
SEAMS = {
    "sigmoid": [0.0, -0.5, 0.5], "softplus": [0.0, -0.5, 0.5], "tanh": [0.0, -0.5, 0.5],
    "asin": [0.0, -0.5, 0.5], "acos": [0.0, -0.5, 0.5], "atan": [0.0, -1.0, 1.0],
}  # fmt: skip
# How far each operand goes, on both sides of 0: to overflow and into the subnormal numbers.
REACH = {
    "exp": 709, "expm1": 709, "sinh": 710, "cosh": 710, "sigmoid": 745, "softplus": 745,
    "tanh": 372, "elu": 745,
}  # fmt: skip


def points(name, count=400):
    """Operands: moderate ones, tails, subnormal ones, neighbours of seams; `count` of each kind."""
    rng = random.Random(name)
    if name in ("div", "pow", "power"):
        for _ in range(count):
            yield (math.exp(rng.uniform(-3, 3)), rng.uniform(-9, 9))
        for _ in range(count):
            yield (
                2.0 ** rng.uniform(-1060, 1023),
                rng.choice([-3, -1, -0.5, 0.3, 0.5, 1, 1.5, 2, 3, 5]),
            )
        for _ in range(count):
            yield (rng.choice([0.3, 0.9, 1.1, 7.3]), rng.uniform(-6000, 6000))
        for _ in range(count):
            yield (2.0 ** rng.uniform(-1070, -960), 2.0 ** rng.uniform(-60, 40))
        if name != "div":  # where x^(c-1) is close to overflow, and where it is subnormal
            for _ in range(count):
                c = rng.choice([-0.5, 0.25, 1.5, 5.0, 103.0, -2.0, rng.uniform(1.0, 6000.0)])
                exponent = rng.choice([1024, -1022]) / (c - 1.0) * rng.uniform(0.99, 1.03)
                if -1074 <= exponent < 1024:
                    yield (2.0**exponent, c)
        return
    low, high = -REACH.get(name, 1e300), REACH.get(name, 1e300)
    if name in ("asin", "acos", "log1p", "sqrt", "log"):
        low = {"log": 0.0, "sqrt": 0.0}.get(name, -1.0)
        high = 1.0 if name in ("asin", "acos") else high

    def rest():
        if name in ("elu", "leaky_relu"):
            return (0.7,)
        return (rng.uniform(-4, 4),) * (len(gates[name].operands) - 1)

    for _ in range(count):
        yield (rng.uniform(max(low, -4), min(high, 4)), *rest())
        yield (rng.uniform(low, high), *rest())
        tiny = math.exp(rng.uniform(-700, 0)) * rng.choice([-1, 1])
        if low <= tiny <= high:
            yield (tiny, *rest())
        for edge in (low, high):
            if abs(edge) == 1.0:
                yield (edge - math.copysign(2.0 ** rng.uniform(-52, -2), edge), *rest())
        for seam in SEAMS.get(name, ()):
            yield (seam + rng.choice([-1, 1]) * 2.0 ** rng.uniform(-60, -2), *rest())


def ulps(got, exact):
    nearest = float(exact)
    if math.isinf(nearest) or nearest == got:
        return 0.0 if nearest == got else math.inf
    return float(abs(mp.mpf(got) - exact) / mp.mpf(math.ulp(nearest)))


def errors(name, count=400):
    """(quantity, error in ulp, point) at every point: "value", then "slope in x" of each operand.

    An ulp is the distance of two neighbouring floats where the exact number lies.
    """
    gate = gates[name]
    slopes = [f"slope in {operand}" for operand in gate.operands]
    for point in points(name, count):
        y = gate.forward(xp, *point)
        if y - y != 0.0 or (y == 0.0 and name == "div"):
            continue
        exact = [mp.mpf(x) for x in point]
        yield "value", ulps(y, EXACT[name](*exact)), point
        parts = zip(slopes, gate.partials(xp, y, *point), SLOPE[name], strict=True)
        for quantity, got, slope in parts:
            yield quantity, ulps(got, mp.mpf(slope(*exact))), point


@pytest.mark.parametrize("name", SLOPE)
def test_value_and_slope_are_within_2_5_ulp_also_in_the_tails(name):
    for quantity, error, point in errors(name):
        assert error <= 2.5, (name, quantity, point)


AT_ZERO = {"exp", "expm1", "log1p", "sin", "cos", "tan", "sinh", "cosh", "neg", "elu"}
KINKED = {"abs", "max", "min", "relu", "leaky_relu"}


def sites(name):
    gate = gates[name]
    rng = random.Random(name)
    for _ in range(6):
        yield tuple(interval.sample(rng) for interval in gate.domain)
    rest = tuple(interval.sample(rng) for interval in gate.domain[1:])
    for seam in SEAMS.get(name, [0.0] if name in AT_ZERO else []):
        for x in (
            math.nextafter(seam, -9),
            seam,
            math.nextafter(seam, 9),
            seam + 1e-9,
            seam - 1e-9,
        ):
            if not (name == "elu" and x == 0.0):
                yield (x, *rest)
    if name == "power":
        yield from [(0.0, 2.0), (0.0, 3.0), (0.0, 5.0), (-1.5, 3.0), (-1.5, -2.0), (1.3, 0.0)]
    if name == "sigmoid":
        yield from [(40.0,), (-40.0,)]


def derivative(gate, point, order, operand):
    """The exact derivative of that order in one operand; linear pieces by their own formula."""
    exact = [mp.mpf(x) for x in point]

    def along(t):
        return EXACT[gate.name](*exact[:operand], t, *exact[operand + 1 :])

    if gate.name == "elu" and point[0] > 0:
        return mp.mpf(order == 1)
    if gate.name == "elu":
        return exact[1] * mp.exp(exact[0])
    if gate.name in KINKED:
        return mp.diff(along, exact[operand], order, h=mp.mpf(10) ** -40)
    return mp.diff(along, exact[operand], order)


@pytest.mark.parametrize("name", EXACT)
def test_derivatives_of_orders_1_to_5(name):
    gate = gates[name]
    for point in sites(name):
        count = len(gate.operands)
        inputs = [Value(x) for x in point[:count]]
        for operand in range(count):
            slope = apply(gate, *inputs, *point[count:])
            for order in range(1, 6):
                (slope,) = grad(slope, [inputs[operand]])
                exact = derivative(gate, point, order, operand)
                error = abs(slope.data - exact)
                assert error <= 1e-10 * abs(exact) + mp.mpf("1e-15"), (
                    name,
                    point,
                    order,
                    slope.data,
                    exact,
                )


def test_third_derivative_of_sin_times_tanh():
    for x in (-3.0, -0.5, 0.0, 1e-9, 0.5, 0.7, 20.0):
        v = Value(x)
        slope = v.sin() * v.tanh()
        for _ in range(3):
            (slope,) = grad(slope, [v])
        exact = mp.diff(lambda t: mp.sin(t) * mp.tanh(t), mp.mpf(x), 3)
        assert abs(slope.data - exact) <= 1e-10 * max(1, abs(exact))


def test_every_gate_but_those_that_only_rules_use_is_compared_with_mpmath():
    assert set(gates) - set(EXACT) == {"where", "less", "less_equal", "floor"}
