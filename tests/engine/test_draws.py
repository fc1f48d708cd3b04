"""drawn: the numbers of a random source as leaves. In compiled graphs: tests/program/test_draws."""

import random

import numpy as np
import pytest

from autograd_core import drawn


def test_numbers_become_leaves_in_the_order_of_the_source():
    source = random.Random(0)
    values = drawn(lambda n: [source.random() for _ in range(n)], 3)
    again = random.Random(0)
    assert [v.data for v in values] == [again.random() for _ in range(3)]
    assert all(v.op == "" and v.label == "" for v in values)


def test_arrays_will_do():
    values = drawn(np.random.default_rng(0).standard_normal, 2)
    assert [v.data for v in values] == np.random.default_rng(0).standard_normal(2).tolist()


def test_what_is_no_draw_is_named():
    with pytest.raises(TypeError, match=r"draw must be a function of a count, got float: drawn\("):
        drawn(0.5, 2)
    with pytest.raises(ValueError, match=r"draw\(3\) must return 3 numbers, it returned 2"):
        drawn(lambda n: [1.0] * 2, 3)
