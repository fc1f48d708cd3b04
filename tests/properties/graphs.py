"""Random graphs, with sharing and forks, over the whole table; and how close is close.

@given(graphs(GATES), st.data())
def test_it(graph, data):
    row = data.draw(moderate(graph.width))
    value, slopes, (size, steep) = eager(graph, row)
"""

import math
from functools import cache

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings

from autograd_core import Value, apply, gates, grad, gradients, topological, where

GATES = [gate for gate in gates.values() if len(gate.operands) < 3 and gate.name != "floor"]
SMOOTH = [gate for gate in GATES if not gate.condition and not gate.corners]
BUNDLE = 20


def share(part):
    """Settings for a test whose examples are long: one for every `part` of the profile's."""
    return settings(max_examples=max(1, settings.default.max_examples // part))


def bundled():
    """Settings for a test of bundles. A failure names its graph: none is looked for in a smaller
    bundle, which would take minutes. Its fixtures serve all bundles."""
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    quiet = [*settings.default.suppress_health_check, HealthCheck.function_scoped_fixture]
    return settings(share(BUNDLE), phases=phases, suppress_health_check=quiet)


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

    def result(self, i, read):
        """Number i, an input or the result of a line; `read` gives those before it."""
        gate, places, branch, safe = self.lines[i - self.width]
        operands = [read(place % i) for place in places[: len(gate.operands)]]
        numbers = gate.defaults or tuple(2.0 for _ in gate.parameters)
        if safe:
            operands = inside(gate, operands)
        out = apply(gate, *operands, *numbers)
        if branch:
            a, b = (read(place % i) for place in places)
            out = where(a > b, out, a * 0.5 + b)
        return out

    def __call__(self, *x):
        made = list(x)
        while len(made) < self.width + len(self.lines):
            made.append(self.result(len(made), made.__getitem__))
        return self.total(made.__getitem__)

    def total(self, read):
        """The last result, and a part of the three before it, so that they are used."""
        last = self.width + len(self.lines) - 1
        total = read(last)
        for i in range(max(0, last - 3), last):
            total = total + read(i) * 0.25
        return total

    def __repr__(self):
        return f"Graph({self.width}, {[(g.name, p, b, s) for g, p, b, s in self.lines]})"


class Slope:
    """The slope of a graph in a fixed direction, as a graph: its gradient is of second order."""

    def __init__(self, graph):
        self.graph, self.width = graph, graph.width

    def __call__(self, *x):
        return sum(g * (0.5 + i) for i, g in enumerate(grad(self.graph(*x), x)))

    def __repr__(self):
        return f"Slope({self.graph!r})"


def graphs(table, branches=True, safe=True, longest=20):
    def line(drawn):
        which, *places, bits = drawn
        gate = table[which * len(table) // 256]
        return gate, tuple(places), branches and bits % 2 == 1, safe or bits & 2 == 0

    # Four bytes at once, for Hypothesis takes as long for a byte as for many.
    lines = st.lists(st.binary(min_size=4, max_size=4).map(line), min_size=1, max_size=longest)
    return st.builds(Graph, st.integers(1, 4), lines)


@cache  # a strategy is prepared at its first draw
def moderate(count):
    """Numbers from -3 to 3, not within 0.001 of 0, but 0 itself."""
    number = st.floats(-3.0, 3.0).map(lambda x: x if abs(x) >= 1e-3 else 0.0)
    return st.tuples(*[number] * count).map(list)


def points(table, slopes=False, **options):
    """A graph and a row of numbers for it; with `slopes`, half of the graphs are derivatives."""
    drawn = graphs(table, **options)
    if slopes:
        drawn |= drawn.map(Slope)
    return drawn.flatmap(lambda graph: st.tuples(st.just(graph), moderate(graph.width)))


def close(a, b, size):
    return a == b or (a != a and b != b) or abs(a - b) <= 1e-9 * max(size, 1e-3)


def terms(root):
    """The size of the largest number and of the largest contribution in a graph."""
    sizes = [0.0]
    total = gradients(root, watch=lambda g, i, up, before, after: sizes.append(abs(after - before)))
    numbers = [abs(v.data) for v in total if math.isfinite(v.data)]
    return max(numbers, default=1.0), max([x for x in sizes if math.isfinite(x)], default=1.0)


def eager(graph, row):
    """The value, the gradient, and how large the numbers and the contributions are, see `terms`."""
    leaves = [Value(x) for x in row]
    root = graph(*leaves)
    total = gradients(root)
    return root.data, [total.get(v, 0.0) for v in leaves], terms(root)


KINKS = ("abs", "elu", "leaky_relu", "less", "less_equal", "max", "min", "relu")


def at_a_corner(root):
    """Whether a gate with a kink stands within rounding of it: then a difference says nothing."""
    return any(
        v.gate
        and v.gate.name in KINKS
        and abs(v.inputs[0].data - sum(x.data for x in v.inputs[1:])) < 1e-9
        for v in topological(root)
    )


def near_a_kink(graph, row):
    """Whether value or gradient jump, or end, within rounding of this point: then either side is
    right."""
    value, slopes, (size, steep) = eager(graph, row)
    for sign in (1e-7, -1e-7):
        try:
            there = eager(graph, [x + sign * max(1.0, abs(x)) for x in row])
        except (ArithmeticError, ValueError):
            return True
        if abs(value - there[0]) > 1e-3 * max(1.0, size) or any(
            abs(a - b) > 1e-3 * max(1.0, steep) for a, b in zip(slopes, there[1], strict=True)
        ):
            return True
    return False
