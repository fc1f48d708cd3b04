"""The rules' namespace on floats: total, and right where `math` raises."""

import itertools
import math

import numpy as np
import pytest

from autograd_core import Value, gates, grad
from autograd_core import elementary as xp

UNARY = sorted(set(xp.__all__) - {"div", "pow", "power", "where"})
NUMPY = {"acos": "arccos", "asin": "arcsin", "atan": "arctan", "div": "divide", "pow": "power"}


def ieee(name, *operands):
    """What IEEE 754 answers, by NumPy."""
    with np.errstate(all="ignore"):
        # Arrays: for a lone exponent of 0.5 NumPy takes the root, whose -0.0 and nan are its own.
        (answer,) = getattr(np, NUMPY.get(name, name))(*[np.array([x]) for x in operands])
        return float(answer)


def same(found, wanted):
    """Both nan; equal, with the sign of a zero; or finite numbers a few units apart."""
    if math.isnan(wanted) or math.isinf(wanted) or wanted == 0.0:
        return found.hex() == wanted.hex()
    return math.isclose(found, wanted, rel_tol=1e-14)


def test_every_function_of_elementary_is_a_gate():
    assert set(xp.__all__) <= set(gates)
    assert all(callable(getattr(xp, name)) for name in xp.__all__)


@pytest.mark.parametrize("name", UNARY)
def test_a_function_never_raises_and_follows_ieee_754(name, special_numbers):
    for x in [*special_numbers, -1.5, 1.5]:
        y = getattr(xp, name)(x)
        wanted = ieee(name, x)
        if name == "floor" and x == 0.0:
            wanted = 0.0  # math.floor makes an int of -0.0
        assert type(y) is float and same(y, wanted), (name, x, y)


@pytest.mark.parametrize("name", ["div", "pow", "power"])
def test_div_and_pow_never_raise_and_follow_ieee_754(name, special_numbers):
    for a, b in itertools.product([*special_numbers, -2.0, 3.0, -1.5, 1e16], repeat=2):
        y = getattr(xp, name)(a, b)
        assert type(y) is float and same(y, ieee(name, a, b)), (name, a, b, y)


def test_an_exponent_next_to_an_odd_number_is_not_odd():
    for odd in (-3.0, -1.0):
        for b in (math.nextafter(odd, -math.inf), odd, math.nextafter(odd, math.inf)):
            assert xp.pow(-0.0, b) == ieee("pow", -0.0, b) == (-math.inf if b == odd else math.inf)
    x = Value(-0.0)
    for y in (x**1e-16, x ** Value(1e-16)):
        x.grad = 0.0
        y.backward()
        assert x.grad == grad(y, [x])[0].data == math.inf


@pytest.mark.parametrize("name", UNARY)
def test_where_math_does_not_raise_the_number_is_that_of_math(name, special_numbers):
    reference = abs if name == "abs" else getattr(math, name)
    for x in special_numbers:
        try:
            wanted = float(reference(x))
        except (ValueError, OverflowError):
            continue
        assert getattr(xp, name)(x).hex() == wanted.hex()


def test_where_takes_the_arm_that_the_condition_says():
    assert (xp.where(True, 1.0, 2.0), xp.where(False, 1.0, 2.0)) == (1.0, 2.0)
    assert (xp.where(1.0, 1.0, 2.0), xp.where(0.0, 1.0, 2.0)) == (1.0, 2.0)
