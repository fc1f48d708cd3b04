"""Laws that hold for every graph: random ones, with sharing and forks, over the whole table.

A quick profile runs with the other tests. The long one, hours of it, is one command:

    pytest tests/test_properties.py --hypothesis-profile=long
"""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, event, given
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from autograd_core import (
    TraceError,
    Value,
    apply,
    check_gradient,
    compile_graph,
    gates,
    grad,
    gradients,
    hessian,
    hvp,
    run,
    to_numpy,
    value_and_grad,
    where,
)

GATES = [gate for gate in gates.values() if len(gate.operands) < 3 and gate.name != "floor"]
SMOOTH = [gate for gate in GATES if not gate.condition and not gate.corners]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, math.inf, -math.inf, math.nan, 1e308, 5e-324, -1e-9]


def inside(gate, operands):
    """Operands moved into the gate's domain by other gates, so that values stay moderate."""
    moved = []
    for x, interval in zip(operands, gate.domain, strict=False):
        if interval.low == 0.0:
            moved.append(x * x * 0.1 + 0.5)
        else:
            moved.append(x.tanh() * (0.9 if interval.low > -math.inf else 1.5))
    return moved


class Graph:
    """A function of `width` numbers: lines of (gate, places of operands, branch, moved inside)."""

    def __init__(self, width, lines):
        self.width, self.lines = width, lines

    def __call__(self, *x):
        made = list(x)
        for gate, places, branch, safe in self.lines:
            operands = [made[place % len(made)] for place in places[: len(gate.operands)]]
            numbers = gate.defaults or tuple(2.0 for _ in gate.parameters)
            if safe:
                operands = inside(gate, operands)
            out = apply(gate, *operands, *numbers)
            if branch:
                a, b = made[places[0] % len(made)], made[places[1] % len(made)]
                out = where(a > b, out, a * 0.5 + b)
            made.append(out)
        total = made[-1]
        for value in made[-4:-1]:
            total = total + value * 0.25
        return total

    def __repr__(self):
        return f"Graph({self.width}, {[(g.name, p, b, s) for g, p, b, s in self.lines]})"


def graphs(table, branches=True, safe=True, longest=20):
    line = st.tuples(
        st.sampled_from(table),
        st.tuples(st.integers(0, 99), st.integers(0, 99)),
        st.booleans() if branches else st.just(False),
        st.just(True) if safe else st.booleans(),
    )
    return st.builds(Graph, st.integers(1, 4), st.lists(line, min_size=1, max_size=longest))


def moderate(count):
    return st.lists(
        st.floats(-3.0, 3.0).filter(lambda x: x == 0.0 or abs(x) > 1e-3),
        min_size=count, max_size=count,
    )  # fmt: skip


def close(a, b, size):
    return a == b or (a != a and b != b) or abs(a - b) <= 1e-9 * max(size, 1e-3)


def terms(root):
    """The size of the largest number and of the largest contribution in a graph."""
    sizes = [0.0]
    total = gradients(root, watch=lambda g, i, up, before, after: sizes.append(abs(after - before)))
    numbers = [abs(v.data) for v in total if math.isfinite(v.data)]
    return max(numbers, default=1.0), max([x for x in sizes if math.isfinite(x)], default=1.0)


def eager(graph, row):
    leaves = [Value(x) for x in row]
    root = graph(*leaves)
    total = gradients(root)
    return root.data, [total.get(v, 0.0) for v in leaves], terms(root)


def near_a_kink(graph, row):
    """Whether the gradient jumps within rounding of this point: then either side is right."""
    here = eager(graph, row)
    for sign in (1e-7, -1e-7):
        there = eager(graph, [x + sign * max(1.0, abs(x)) for x in row])
        if any(abs(a - b) > 1e-3 * max(1.0, here[2][1]) for a, b in zip(here[1], there[1])):  # noqa: B905
            return True
    return False


# ---------------------------------------------------------------------------- all ways agree


@given(graphs(GATES), st.data())
def test_a_program_is_its_function_on_every_way(graph, data):
    rows = data.draw(st.lists(moderate(graph.width), min_size=1, max_size=3))
    f = compile_graph(graph, wrt="inputs", executor="numpy", verify=0, reduction="sum")
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    value, slopes = f.value_and_grad(*columns)
    slopes = np.reshape(slopes, (graph.width, len(rows))).T
    outputs, gradient = run(f.program, rows, (), "numpy")
    names = {}
    exec(to_numpy(f.program), names)
    text_values, text_slopes = names["value_and_grad"](np.array(rows), np.zeros(0))
    each = [eager(graph, row) for row in rows]
    assert close(value, sum(y for y, _, _ in each), sum(size for _, _, (size, _) in each))
    for i, (y, expected, (size, steep)) in enumerate(each):
        plain = f.program.evaluate(rows[i])
        assert close(outputs[i, 0], y, size) and close(text_values[i, 0], y, size)
        if any(not close(a, b, steep) for a, b in zip(slopes[i], expected, strict=True)):
            assume(not near_a_kink(graph, rows[i]))
        for j, slope in enumerate(expected):
            ways = (slopes[i, j], gradient[i, j], text_slopes[i, j], plain[f.program.gradients[j]])
            assert all(close(way, slope, steep) for way in ways), (ways, slope)


@given(graphs(GATES, safe=False, longest=8), st.data())
def test_a_failure_is_the_same_error_as_in_the_engine(graph, data):
    number = st.one_of(st.sampled_from(SPECIAL), st.floats(-5.0, 5.0))
    row = data.draw(st.lists(number, min_size=graph.width, max_size=graph.width))
    assume(not any(math.isnan(x) for x in row))
    f = compile_graph(graph, wrt="inputs", executor="numpy", verify=0)
    try:
        root = graph(*[Value(x) for x in row])
    except (ArithmeticError, ValueError) as error:
        event(type(error).__name__)
        with pytest.raises((ArithmeticError, ValueError)) as raised:
            f(*[[x] for x in row])
        # Another gate may fail first: programs add in another order, but some gate must fail.
        assert isinstance(
            raised.value, type(error) | FloatingPointError | ArithmeticError | ValueError
        )
        return
    assume(math.isfinite(root.data) and all(math.isfinite(v.data) for v in gradients(root)))
    value = f(*[[x] for x in row])
    assert close(value, root.data, terms(root)[0])


# ---------------------------------------------------------------------------- derivatives


@given(graphs(SMOOTH, branches=False, longest=8), st.data())
def test_gradients_are_slopes(graph, data):
    row = data.draw(moderate(graph.width))
    _, slopes, (size, steep) = eager(graph, row)
    assume(size < 1e4 and steep < 1e4)
    check_gradient(graph, row, tolerance=1e-4)
    assert value_and_grad(graph, row)[1] == pytest.approx(slopes, rel=1e-9, abs=1e-9 * steep)


@given(graphs(SMOOTH, branches=False, longest=6), st.data())
def test_second_derivatives_are_symmetric_and_slopes_of_slopes(graph, data):
    row = data.draw(moderate(graph.width))
    _, _, (size, steep) = eager(graph, row)
    assume(size < 1e3 and steep < 1e3)
    matrix = np.array(hessian(graph, row))
    assume(np.abs(matrix).max() < 1e5)
    scale = max(1.0, float(np.abs(matrix).max()))
    assert np.allclose(matrix, matrix.T, rtol=1e-8, atol=1e-8 * scale)
    v = [1.0 / (i + 1) for i in range(graph.width)]
    assert hvp(graph, row, v) == pytest.approx((matrix @ v).tolist(), rel=1e-7, abs=1e-7 * scale)


# ---------------------------------------------------------------------------- laws


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


@given(graphs(SMOOTH, branches=False), st.data())
def test_derivatives_as_graphs_have_the_values_of_the_pass(graph, data):
    row = data.draw(moderate(graph.width))
    leaves = [Value(x) for x in row]
    root = graph(*leaves)
    total, (_, steep) = gradients(root), terms(root)
    for leaf, slope in zip(leaves, grad(root, leaves), strict=True):
        assert close(slope.data, total.get(leaf, 0.0), steep)


# ---------------------------------------------------------------------------- compiled calls


class CompiledCalls(RuleBasedStateMachine):
    """Writes, shapes, modes and numbers given by `at`, in any order: always the engine's answer."""

    def __init__(self):
        super().__init__()
        self.w = [Value(0.5, "a"), Value(-1.5, "b"), Value(2.0, "c")]
        self.squared = False

        class Mode:
            def reads(_):
                return (self.squared,)

            def __call__(_, x):
                from autograd_core import used

                used(_, _.reads())
                return x * x if self.squared else x * 3.0

        mode = Mode()

        def fn(x, y):
            a, b, c = self.w
            return mode(a * x[0] + b * x[1]).tanh() * c + where(y > a, y * b, x[0] - y)

        self.fn = fn
        self.f = compile_graph(fn, self.w, executor="numpy")

    numbers = st.floats(-2.0, 2.0).map(lambda x: round(x, 3) + 0.0005)

    @rule(i=st.integers(0, 2), x=numbers)
    def write(self, i, x):
        self.w[i].data = x

    @rule()
    def switch(self):
        self.squared = not self.squared

    @rule(rows=st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=4))
    def call(self, rows):
        value, slopes = self.f.value_and_grad([r[:2] for r in rows], [r[2] for r in rows])
        self.compare(rows, value, slopes)
        each = self.f.each([r[:2] for r in rows], [r[2] for r in rows])
        assert each.mean() == pytest.approx(value, rel=1e-9, abs=1e-12)

    @rule(row=st.tuples(numbers, numbers, numbers), at=st.tuples(numbers, numbers, numbers))
    def call_at(self, row, at):
        value, slopes = self.f.value_and_grad([row[:2]], [row[2]], at=np.array(at))
        before = [v.data for v in self.w]
        for v, x in zip(self.w, at, strict=True):
            v.data = x
        self.compare([row], value, slopes)
        for v, x in zip(self.w, before, strict=True):
            v.data = x

    @rule()
    def fail(self):
        with pytest.raises(TraceError):
            compile_graph(lambda x: x if x > 0 else -x)([1.0])

    def compare(self, rows, value, slopes):
        roots = [self.fn([Value(a), Value(b)], Value(y)) for a, b, y in rows]
        totals = [gradients(root) for root in roots]
        assert value == pytest.approx(sum(r.data for r in roots) / len(rows), rel=1e-9, abs=1e-12)
        expected = [sum(t.get(v, 0.0) for t in totals) / len(rows) for v in self.w]
        assert slopes.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)

    @invariant()
    def no_gradient_was_touched(self):
        assert all(v.grad == 0.0 for v in self.w)


TestCompiledCalls = CompiledCalls.TestCase
