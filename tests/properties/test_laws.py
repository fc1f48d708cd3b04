"""What holds between the gradients of different graphs."""

import math

import hypothesis.strategies as st
from hypothesis import given

from autograd_core import Value, gradients

from .graphs import GATES, Graph, close, eager, graphs, moderate, points, terms


@given(graphs(GATES), st.data())
def test_backward_adds_is_linear_in_its_seed_and_changes_nothing_else(graph, data):
    row = data.draw(moderate(graph.width))
    leaves = [Value(x) for x in row]
    root = graph(*leaves)
    before = [v.data for v in gradients(root)]
    once = gradients(root)
    root.backward()
    root.backward()
    assert all(v.grad == 2.0 * once[v] or math.isnan(once[v]) for v in once)
    half = gradients(root, seed=-0.5)  # a power of two: exact but for subnormal numbers
    assert all(close(half[v], -0.5 * once[v], 1e-290) for v in once)
    assert [v.data for v in once] == before


@given(graphs(GATES, longest=10), graphs(GATES, longest=10), st.data())
def test_the_gradient_of_a_sum_is_the_sum_of_the_gradients(one, other, data):
    width = max(one.width, other.width)
    row = data.draw(moderate(width))
    leaves = [Value(x) for x in row]
    a, b = one(*leaves[: one.width]), other(*leaves[: other.width])
    first, second, both = gradients(a), gradients(b), gradients(a + b)
    for leaf in leaves:
        parts = first.get(leaf, 0.0), second.get(leaf, 0.0)
        size = terms(a)[1] + terms(b)[1]
        assert close(both.get(leaf, 0.0), sum(parts), size)


@given(graphs(GATES, longest=8), graphs(GATES, longest=8), st.data())
def test_the_gradient_of_a_product_is_the_product_rule(one, other, data):
    row = data.draw(moderate(max(one.width, other.width)))

    def product(*x):
        return one(*x[: one.width]) * other(*x[: other.width])

    a, first, _ = eager(lambda *x: one(*x[: one.width]), row)
    b, second, _ = eager(lambda *x: other(*x[: other.width]), row)
    _, both, (_, steep) = eager(product, row)
    for slope, da, db in zip(both, first, second, strict=True):
        assert close(slope, da * b + a * db, steep)


@given(points(GATES, longest=10), graphs(GATES, longest=10))
def test_the_gradient_of_a_composition_is_the_chain_rule(point, outer):
    inner, row = point
    y, slopes, _ = eager(inner, row)
    _, through, _ = eager(lambda y: outer(*[y] * outer.width), [y])
    _, whole, (_, steep) = eager(lambda *x: outer(*[inner(*x)] * outer.width), row)
    for slope, inside in zip(whole, slopes, strict=True):
        assert close(slope, through[0] * inside, steep)


class Unshared(Graph):
    """The same function with each result computed anew for each use: where gradients of a fork
    were added up, paths are apart."""

    def __call__(self, *x):
        def read(i):
            return x[i] if i < self.width else self.result(i, read)

        return self.total(read)


@given(points(GATES, longest=5))
def test_a_graph_without_sharing_is_the_same_function(point):
    graph, row = point
    value, slopes, (_, steep) = eager(graph, row)
    again, others, _ = eager(Unshared(graph.width, graph.lines), row)
    assert again == value
    assert all(close(a, b, steep) for a, b in zip(others, slopes, strict=True))


@given(points(GATES), st.randoms(use_true_random=False))
def test_the_order_and_the_names_of_inputs_do_not_matter(point, rng):
    graph, row = point
    order = list(range(graph.width))
    rng.shuffle(order)

    def turned(*x):
        return graph(*[x[order.index(i)] for i in range(graph.width)])

    value, slopes, _ = eager(graph, row)
    again, others, _ = eager(turned, [row[i] for i in order])
    assert again == value
    assert [others[order.index(i)] for i in range(graph.width)] == slopes or math.isnan(value)
