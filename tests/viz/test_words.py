"""How numbers and names are written."""

import math

import pytest

from viz.words import jsonable, number, ordinal, printable, short, times


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (None, "-"), (0.0, "0.00"), (-0.196, "-0.20"), (0.01, "0.01"), (0.0042, "4.2e-3"),
        (99999.0, "99999.00"), (1e5, "1.0e5"), (-4.2e-18, "-4.2e-18"), (1e300, "1.0e300"),
        (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan"),
    ],
)  # fmt: skip
def test_number(x, text):
    assert number(x) == text


@pytest.mark.parametrize("k", range(-40, 40))
def test_numbers_round_halves_away_from_zero(k):
    shown = float(number(k / 8))
    exact = abs(k) / 8
    assert abs(shown) == math.floor(exact * 100 + 0.5) / 100 and "-0.00" not in number(k / 1e9)


@pytest.mark.parametrize(
    "n, want", [(1, "first"), (11, "11th"), (21, "21st"), (22, "22nd"), (113, "113th")]
)
def test_ordinals(n, want):
    assert ordinal(n) == want


@pytest.mark.parametrize(
    ("x", "digits", "text"),
    [
        (0.73105858, 4, "0.7311"), (0.73105858, 6, "0.731059"), (2.0, 4, "2"), (-0.5, 4, "-0.5"),
        (1e-5, 4, "1e-5"), (123456.0, 4, "1.235e5"), (123456.0, 6, "123456"),
        (1.0005, 4, "1"), (1.00150000001, 4, "1.002"), (math.inf, 6, "inf"), (math.nan, 4, "nan"),
    ],
)  # fmt: skip
def test_short(x, digits, text):
    assert short(x, digits) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("w0", "w0"), ("größe", "größe"), ("a\nb", "a\\nb"), ("a\u202eb", "a\\u202eb"),
        ("x" * 40, "x" * 40), ("x" * 41, "x" * 37 + "..."),
    ],
)  # fmt: skip
def test_printable(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize(("count", "text"), [(2, "twice"), (3, "3 times"), (12, "12 times")])
def test_times(count, text):
    assert times(count) == text


def test_jsonable_reaches_into_lists_and_dictionaries():
    whole = {"a": [math.inf, (1.5, -math.inf)], "b": {"c": math.nan}}
    assert jsonable(whole) == {"a": ["Infinity", [1.5, "-Infinity"]], "b": {"c": "NaN"}}
