"""How numbers and names are written."""

import math
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viz.words import jsonable, number, ordinal, printable, shown, times


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (None, "-"), (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan"),
        # whole numbers are bare, with all their digits below a million
        (0.0, "0"), (-0.0, "0"), (5.0, "5"), (-2.0, "-2"), (100.0, "100"), (1234.0, "1234"),
        (123456.0, "123456"), (-999999.0, "-999999"), (1e6, "1e6"), (-1.5e6, "-1.5e6"),
        (1234567.0, "1.23e6"), (1e300, "1e300"),
        # exact with three digits or fewer: no more than these
        (0.5, "0.5"), (-0.25, "-0.25"), (0.125, "0.125"), (12.5, "12.5"), (0.1, "0.1"),
        # rounded: three digits, and zeros at the end say so
        (0.7310586, "0.731"), (-0.196612, "-0.197"), (0.01234567, "0.0123"), (12.3456, "12.3"),
        (123.456, "123"), (0.9999, "1.00"), (0.9995, "1.00"), (2.0001, "2.00"), (0.49999, "0.500"),
        (99.96, "100"), (-1.0980427, "-1.10"),
        # a long number with a fraction, and a small one, have an exponent
        (999.5, "1.00e3"), (1234.5, "1.23e3"), (123456.789, "1.23e5"), (999999.5, "1.00e6"),
        (0.001, "0.001"), (0.0012345, "0.00123"), (0.00099949, "9.99e-4"), (0.0009, "9e-4"),
        (0.0004999, "5.00e-4"), (-4.2e-18, "-4.2e-18"), (1e-320, "1e-320"), (5e-324, "4.94e-324"),
    ],
)  # fmt: skip
def test_number(x, text):
    assert number(x) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_the_nearest_with_three_digits(x):
    text = number(x)
    if x == int(x) and abs(x) < 1e6:
        assert text == str(int(x))
        return
    digits = text.partition("e")[0].lstrip("-0.").replace(".", "")
    unit = Decimal(1).scaleb(Decimal(x).adjusted() - 2)
    assert abs(Decimal(text) - Decimal(x)) <= unit / 2
    assert len(digits) == 3 or (len(digits) < 3 and float(text) == x and digits[-1] != "0")


@pytest.mark.parametrize("whole", range(100, 140))
def test_numbers_round_halves_away_from_zero(whole):
    assert number(whole + 0.5) == f"{whole + 1}" and number(-whole - 0.5) == f"-{whole + 1}"


@pytest.mark.parametrize(
    "encoding, want", [("utf-8", "2 × 3"), ("cp1252", "2 × 3"), ("ascii", "2 * 3"), (None, "2 × 3")]
)
def test_a_times_sign_is_shown_where_the_terminal_has_one(monkeypatch, encoding, want):
    monkeypatch.setattr("sys.stdout", SimpleNamespace(encoding=encoding))
    assert shown("2 × 3") == want


@pytest.mark.parametrize(
    "n, want", [(1, "first"), (11, "11th"), (21, "21st"), (22, "22nd"), (113, "113th")]
)
def test_ordinals(n, want):
    assert ordinal(n) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("w0", "w0"), ("größe", "größe"), ("a\nb", "a\\nb"), ("a\u202eb", "a\\u202eb"),
        ("x" * 40, "x" * 40), ("x" * 41, "x" * 37 + "..."),
    ],
)  # fmt: skip
def test_printable(text, want):
    assert printable(text) == want


@pytest.mark.parametrize(("count", "text"), [(2, "twice"), (3, "3 times"), (12, "12 times")])
def test_times(count, text):
    assert times(count) == text


def test_jsonable_reaches_into_lists_and_dictionaries():
    whole = {"a": [math.inf, (1.5, -math.inf)], "b": {"c": math.nan}}
    assert jsonable(whole) == {"a": ["Infinity", [1.5, "-Infinity"]], "b": {"c": "NaN"}}
