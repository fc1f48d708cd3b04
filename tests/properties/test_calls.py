"""Compiled calls after writes, loads, steps, in any mode and shape: the engine's answers."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import nn
from autograd_core import TraceError, Value, compile_graph, gradients, used, where

from .graphs import share

numbers = st.floats(-2.0, 2.0).map(lambda x: round(x, 3) + 0.0005)


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
                used(_, _.reads())
                return x * x if self.squared else x * 3.0

        mode = Mode()

        def fn(x, y):
            a, b, c = self.w
            return mode(a * x[0] + b * x[1]).tanh() * c + where(y > a, y * b, x[0] - y)

        self.fn = fn
        self.f = compile_graph(fn, self.w, backend="numpy")

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
TestCompiledCalls.settings = share(5)


class Models(RuleBasedStateMachine):
    """A model with running averages: steps, loads, modes, settings, and lists of any length."""

    def __init__(self):
        super().__init__()
        self.model = self.made(0).eval()
        self.f = compile_graph(self.loss, self.model, backend="numpy")
        self.optimizers = [
            nn.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.5),
            nn.optim.Adam(self.model.parameters(), lr=0.02),
        ]

    @staticmethod
    def made(seed):
        return nn.Sequential(
            nn.Linear(2, 3, rng=seed), nn.BatchNorm1d(3), nn.LeakyReLU(0.1), nn.Tanh(),
            nn.Linear(3, 1, rng=seed + 1),
        )  # fmt: skip

    def loss(self, rows, y):
        outputs = [self.model(row)[0] for row in rows]
        return (sum(outputs) / len(outputs) - y) ** 2

    rows = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=3)

    def expected(self, xs, ys):
        total = sum(self.loss([list(map(Value, x)) for x in xs], y) for y in ys) / len(ys)
        slopes = gradients(total)
        return total.data, [slopes.get(p, 0.0) for p in self.model.parameters()]

    @rule(xs=rows, ys=st.lists(numbers, min_size=1, max_size=3))
    def call(self, xs, ys):
        batch = [xs] * len(ys)
        if self.model.training:
            with pytest.raises(TraceError, match="batch normalisation couples"):
                self.f.value_and_grad(batch, ys)
            return
        value, slopes = self.f.value_and_grad(batch, ys)
        wanted, gradient = self.expected(xs, ys)
        assert value == pytest.approx(wanted, rel=1e-9, abs=1e-12)
        assert slopes.tolist() == pytest.approx(gradient, rel=1e-9, abs=1e-12)
        assert self.f(batch, ys) == pytest.approx(wanted, rel=1e-9, abs=1e-12)

    @rule(mode=st.booleans())
    def switch(self, mode):
        self.model.train(mode)

    @rule(rows=rows)
    def move_the_averages(self, rows):
        if self.model.training:
            self.model([list(row) for row in rows])

    @rule(j=st.integers(0, 2), x=st.floats(0.5, 2.0))
    def write_an_average(self, j, x):
        self.model[1].running_var[j] = x

    @rule(seed=st.integers(0, 5), rows=rows)
    def load(self, seed, rows):
        other = self.made(seed)
        other([list(row) for row in rows])  # its averages move
        self.model.load_state_dict(other.state_dict())
        assert self.model.state_dict() == other.state_dict()

    @rule(which=st.integers(0, 1), rows=rows, y=numbers)
    def step(self, which, rows, y):
        if not self.model.training:
            _, slopes = self.f.value_and_grad([rows], [y])
            for p, slope in zip(self.model.parameters(), slopes, strict=True):
                p.grad = slope
            self.optimizers[which].step()
            self.optimizers[which].zero_grad()

    @rule(slope=st.sampled_from([0.1, 0.3]))
    def change_a_setting(self, slope):
        self.model[2].negative_slope = slope

    @invariant()
    def no_gradient_was_left(self):
        assert all(p.grad == 0.0 for p in self.model.parameters())


TestModels = Models.TestCase
TestModels.settings = share(5)
