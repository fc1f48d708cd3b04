"""What counts as one real number, and what does not."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from autograd_core import Value, exp
from autograd_core.scalars import number, real

NUMBERS = [
    3, True, 1.5, Fraction(3, 2), np.float64(1.5), np.float32(1.5), np.int64(3), np.bool_(True),
    np.array(1.5), np.array(3), math.inf, -0.0,
]  # fmt: skip
OTHERS = [
    "2", b"2", None, 2j, [2.0], (), {}, object(), float, Decimal("1.5"), np.array([2.0]),
    np.array("2"), np.complex128(2j), np.datetime64("2024-01-01"),
    np.datetime64(5, "ns"), np.array(None),
]  # fmt: skip


def kind(thing):
    return type(thing).__name__


@pytest.mark.parametrize("x", NUMBERS, ids=kind)
def test_real_makes_a_python_float_of_every_kind_of_number(x):
    assert type(real(x, "seed")) is float
    assert real(x, "seed").hex() == float(x).hex()


@pytest.mark.parametrize("x", OTHERS, ids=kind)
def test_real_refuses_all_else_naming_what_was_asked_for_and_the_type(x):
    with pytest.raises(TypeError, match=rf"^seed must be a real number, got {kind(x)}: "):
        real(x, "seed")


def test_a_span_of_time_is_not_a_number():
    assert number(np.timedelta64(5, "ns")) is None
    with pytest.raises(TypeError, match="got timedelta64"):
        real(np.timedelta64(5, "D"), "seed")


def test_real_of_a_value_says_what_to_write_instead():
    for x in (Value(1.0), np.array(Value(1.0), dtype=object)):
        with pytest.raises(TypeError, match=r"seed must be a plain number, got a Value.*v\.data"):
            real(x, "seed")


def test_number_keeps_what_no_float_holds():
    for x in (2**53 + 1, Fraction(1, 3), 10**400):
        assert number(x) is x
    assert number(np.int64(3)) == 3 and type(number(np.int64(3))) is int


@pytest.mark.parametrize("x", [*OTHERS, Value(1.0)], ids=kind)
def test_number_is_none_for_what_is_not_a_number(x):
    assert number(x) is None


LONG = np.finfo(np.longdouble)


@pytest.mark.skipif(LONG.max == np.finfo(float).max, reason="no number here is longer than a float")
@pytest.mark.parametrize("x", [10**400, Fraction(-(10**400)), LONG.max, LONG.min], ids=kind)
def test_what_is_larger_than_every_float_is_not_taken_for_an_infinity(x):
    for call in (lambda: Value(x), lambda: Value(1.0) + x, lambda: x * Value(1.0), lambda: exp(x)):
        with pytest.raises(OverflowError, match="is a number larger than every float"):
            call()


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "1e300", "1e-400"])
def test_a_longdouble_that_a_float_can_hold_is_taken(text):
    assert real(np.longdouble(text), "x").hex() == float(text).hex()
    assert (Value(1.0) + np.longdouble(text)).inputs[1].data.hex() == float(text).hex()
