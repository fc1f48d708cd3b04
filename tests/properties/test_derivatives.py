"""Gradients and second derivatives: against differences, mpmath, and each other."""

import numpy as np
import pytest
from hypothesis import assume, event, given

from autograd_core import (
    Value,
    check_gradient,
    grad,
    gradients,
    hessian,
    hvp,
    topological,
    value_and_grad,
)

from ..engine.test_accuracy import EXACT, mp
from .graphs import GATES, SMOOTH, Slope, at_a_corner, close, eager, points, terms

EXACT = EXACT | {
    "less": lambda a, b: mp.mpf(a < b), "less_equal": lambda a, b: mp.mpf(a <= b),
    "floor": mp.floor,
}  # fmt: skip


@given(points(SMOOTH, branches=False, longest=8))
def test_gradients_are_slopes(point):
    graph, row = point
    _, slopes, (size, steep) = eager(graph, row)
    assume(size < 1e4 and steep < 1e4)
    check_gradient(graph, row, tolerance=1e-4)
    assert value_and_grad(graph, row)[1] == pytest.approx(slopes, rel=1e-9, abs=1e-9 * steep)


@given(points(SMOOTH, branches=False, longest=6))
def test_second_derivatives_are_symmetric_and_slopes_of_slopes(point):
    graph, row = point
    _, _, (size, steep) = eager(graph, row)
    assume(size < 1e3 and steep < 1e3)
    matrix = np.array(hessian(graph, row))
    assume(np.abs(matrix).max() < 1e5)
    scale = max(1.0, float(np.abs(matrix).max()))
    assert np.allclose(matrix, matrix.T, rtol=1e-8, atol=1e-8 * scale)
    v = [1.0 / (i + 1) for i in range(graph.width)]
    assert hvp(graph, row, v) == pytest.approx((matrix @ v).tolist(), rel=1e-7, abs=1e-7 * scale)


@given(points(SMOOTH, branches=False))
def test_derivatives_as_graphs_have_the_values_of_the_pass(point):
    graph, row = point
    leaves = [Value(x) for x in row]
    root = graph(*leaves)
    total, (_, steep) = gradients(root), terms(root)
    for leaf, slope in zip(leaves, grad(root, leaves), strict=True):
        assert close(slope.data, total.get(leaf, 0.0), steep)


# ---------------------------------------------------------------------------- against mpmath


def error(root):
    """How far rounding may move a root: the errors of its gates, each times the slope in it.

    To first order. A gate is right to 2.5 units in the last place.
    """
    total = gradients(root)
    return 4 * 2.0**-52 * sum(abs(g * v.data) for v, g in total.items() if v.gate) + 1e-300


def exactly(root, leaves):
    """The recorded graph as a function of the leaves' numbers, in 60 digits."""
    order = topological(root)
    place = {v: i for i, v in enumerate(order)}
    steps = [
        (EXACT[v.gate.name], [place[x] for x in v.inputs], v.constants) if v.gate else v.data
        for v in order
    ]
    at = [place.get(v) for v in leaves]

    def computed(row):
        given = dict(zip(at, row, strict=True))
        numbers = []
        for i, step in enumerate(steps):
            if isinstance(step, float):
                numbers.append(given.get(i, mp.mpf(step)))
            else:
                function, inputs, constants = step
                numbers.append(function(*[numbers[k] for k in inputs], *map(mp.mpf, constants)))
        return numbers[-1]

    return computed


def moved(row, i, h):
    return [x + h if k == i else x for k, x in enumerate(row)]


@given(points(GATES))
def test_values_and_gradients_are_mpmaths(point):
    graph, row = point
    leaves = [Value(x) for x in row]
    root = graph(*leaves)
    exact, numbers, h = exactly(root, leaves), [mp.mpf(x) for x in row], mp.mpf(10) ** -20
    assert abs(root.data - exact(numbers)) <= error(root)
    if at_a_corner(root):
        event("at a corner")
        return
    total = gradients(root)
    for i, (leaf, slope) in enumerate(zip(leaves, grad(root, leaves), strict=True)):
        expected = (exact(moved(numbers, i, h)) - exact(moved(numbers, i, -h))) / (2 * h)
        bound = error(slope) + 1e-30 * abs(expected) + 1e-34  # what h leaves where it is 0
        assert abs(slope.data - expected) <= bound
        assert abs(total.get(leaf, 0.0) - expected) <= bound


@given(points(GATES, longest=8))
def test_second_derivatives_are_mpmaths(point):
    graph, row = point
    leaves = [Value(x) for x in row]
    root = graph(*leaves)
    assume(not at_a_corner(root))
    exact, numbers, h = exactly(root, leaves), [mp.mpf(x) for x in row], mp.mpf(10) ** -14
    directional = Slope(graph)(*leaves)
    along = [0.5 + i for i in range(graph.width)]
    ahead, behind = ([x + s * h * d for x, d in zip(numbers, along, strict=True)] for s in (1, -1))
    for i, second in enumerate(grad(directional, leaves)):
        corners = [exact(moved(x, i, s * h)) for x in (ahead, behind) for s in (1, -1)]
        expected = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * h * h)
        assert abs(second.data - expected) <= error(second) + 1e-20 * (1 + abs(expected))
