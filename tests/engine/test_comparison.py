"""Comparisons: which were asked of the values of a graph."""

import gc
import weakref

from autograd_core import Value, comparisons, where


def test_a_comparison_of_values_in_the_graph_is_known():
    a, b = Value(2.0), Value(3.0)
    f = where(a > b, a * a, b * b) * a
    (one,) = comparisons(f)
    assert one.gate == "less" and one.a is b and one.b is a and one.answer is False


def test_each_operator_and_plain_numbers():
    x = Value(1.0)
    assert not x < 1 and x <= 1 and not x > 1 and x >= 1 and not 3 < x
    found = [(one.gate, one.a, one.b, one.answer) for one in comparisons(x)]
    assert found == [
        ("less", x, 1, False),
        ("less_equal", x, 1, True),
        ("less", 1, x, False),
        ("less_equal", 1, x, True),
        ("less", 3, x, False),
    ]


def test_a_comparison_with_a_value_outside_of_the_graph_is_none_of_its():
    a, b = Value(2.0), Value(3.0)
    assert a < b
    assert comparisons(a * 2) == []


def test_each_is_told_once_and_a_refused_one_not_at_all():
    a = Value(2.0)
    for _ in range(3):
        assert a > 0
    try:
        assert a < "1"
    except TypeError:
        pass
    assert len(comparisons(a)) == 1


def test_what_was_compared_is_not_kept_alive():
    a = Value(2.0)
    assert a > 0
    gone = weakref.ref(a)
    del a
    gc.collect()
    assert gone() is None


def test_an_int_above_every_float_is_compared():
    a = Value(2.0)
    assert a < 10**400
    assert comparisons(a)[0].b == 10**400
