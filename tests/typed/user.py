"""A user's program, which runs, and of which type checkers know every type: see test_types.py."""

import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, TypeVar, assert_type

import numpy as np

import nn
import viz
from autograd_core import (
    CompiledGraph,
    Gate,
    Number,
    Program,
    Value,
    apply,
    check_gradient,
    compile_graph,
    elu,
    exp,
    gates,
    grad,
    grade,
    hessian,
    leaky_relu,
    maximum,
    no_grad,
    sigmoid,
    sin,
    topological,
    value_and_grad,
    where,
)
from nn.optim import SGD, Adam, lr_scheduler

T = TypeVar("T", Value, float)

# ---------------------------------------------------------------- numbers and gates

x, y = Value(-2.0, label="x"), Value(5)
assert_type(x + 1, Value)
assert_type(1 + x, Value)
assert_type(2 / x - y * 3, Value)
assert_type(x**2, Value)
assert_type(2**x, Value)
assert_type(-x, Value)
assert_type(abs(x), Value)
assert_type(x < 1, bool)
assert_type(1.5 >= y, bool)
assert_type(max(x, y), Value)
assert_type(sum([x, y], Value(0.0)), Value)
x += 1.0
x.data -= 0.1 * x.grad
x.grad = 0.0
y.data = np.float32(5.0)

for number in (3, True, 2.5, Fraction(1, 3), np.float64(0.5), np.int64(2), np.bool_(True)):
    assert_type(Value(number) * number, Value)
    assert_type(number - Value(number), Value)
    assert_type(exp(number), float)
A = np.array([0.5, 1.5])
assert_type(Value(A[0]), Value)
assert_type(x * np.float32(2.0), Value)
assert_type(np.float64(2.0) * x, Value)

assert_type(exp(y), Value)
assert_type(exp(1), float)
assert_type(maximum(x, 0), Value)
assert_type(maximum(0.0, x), Value)
assert_type(maximum(1, 2.0), float)
assert_type(leaky_relu(x), Value)
assert_type(leaky_relu(x, slope=0.1), Value)
assert_type(elu(1.0, 2.0), float)
assert_type(where(x > y, x, 0.0), Value)
assert_type(where(x > y, 1, 0.0), float)
assert_type(y.exp(), Value)
assert_type(y.tanh().relu().leaky_relu(0.1).elu(alpha=0.5), Value)
assert_type(y.max(1), Value)
assert_type([exp(v) for v in (x, y)], list[Value])
assert_type(list(map(sigmoid, [x, y])), list[Value])


def wave(t: T) -> T:
    """A formula that runs on Values and on floats."""
    return exp(-t) * sin(t)


def bump(t: Value | float) -> Value | float:
    return exp(t) * 2.0


def shifted(start: Number) -> Value:
    return Value(start) + 1


assert_type(wave(x), Value)
assert_type(wave(0.5), float)
assert_type(bump(x), Value | float)
shifted(np.float64(2.0)).backward(seed=2)

# ---------------------------------------------------------------- a gate of one's own


def forward(xp: Any, a: Any) -> Any:
    return a * a


def partials(xp: Any, out: Any, a: Any) -> tuple[Any]:
    return (2.0 * a,)


square = Gate("square", forward, partials, latex="<a>^2", slopes=(r"2 \cdot <a>",))
assert_type(apply(square, x), Value)
assert_type(gates["exp"].operands, tuple[str, ...])

# ---------------------------------------------------------------- derivatives of derivatives

f = sin(x) * y
f.backward()
assert_type(x.grad, float)
assert_type(grad(f, [x, y]), tuple[Value, ...])
(slope,) = grad(f, [x])
(curve,) = grad(slope, [x])
assert_type(curve.data, float)


def saddle(a: Value, b: Value) -> Value:
    return a * b**2


assert_type(hessian(saddle, [2, 3.0]), tuple[tuple[float, ...], ...])
assert_type(value_and_grad(saddle, [2, 3.0]), tuple[float, tuple[float, ...]])
assert_type(check_gradient(saddle, [2.0, 3.0]).ok, bool)

# ---------------------------------------------------------------- a network, as micrograd's demo

points, labels = nn.moons(20, rng=0)
model = nn.MLP(2, [4, 1], rng=0, activation="tanh")
assert_type(model.parameters(), list[Value])
for _ in range(2):
    scores: list[Value] = model(points)
    terms = [(1 - (2 * k - 1) * score).relu() for score, k in zip(scores, labels, strict=True)]
    loss = sum(terms, Value(0.0)) / len(terms) + 1e-4 * sum((p * p for p in model.parameters()), x)
    assert_type(loss, Value)
    model.zero_grad()
    loss.backward()
    for p in model.parameters():
        p.data -= 0.1 * p.grad

# ---------------------------------------------------------------- PyTorch's names

linear = nn.Linear(2, 3, rng=0)
assert_type(linear([0.5, -1.0]), list[Value])
assert_type(linear((x, 1)), list[Value])
assert_type(linear(points), list[list[Value]])
assert_type(linear.weight, list[list[Value]])
assert_type(nn.ReLU()(linear([0.5, -1.0])), list[Value])
assert_type(nn.Neuron(2, rng=0)([0.5, -1.0]), Value)
net = nn.Sequential(linear, nn.ReLU(), nn.Linear(3, 1, rng=1))
assert_type(net, nn.Sequential[list[Value]])
assert_type(net([0.5, -1.0])[0], Value)
assert_type(net(points), list[list[Value]])
targets = [[label] for label in labels]
assert_type(nn.MSELoss()(net(points), targets), Value)
assert_type(nn.CrossEntropyLoss(reduction="sum")(linear(points), labels), Value)


class Net(nn.Module):
    """A model with a call of its own."""

    def __init__(self) -> None:
        self.hidden = nn.Linear(2, 4, rng=Random(0))
        self.out = nn.Linear(4, 1, rng=1)

    def forward(self, numbers: Sequence[float]) -> list[Value]:
        return self.out([h.relu() for h in self.hidden(numbers)])


def squared(outputs: list[Value], wanted: Sequence[Value]) -> Value:
    return (outputs[0] - wanted[0]) ** 2


optimizer = Adam(net.parameters(), lr=0.01, betas=(0.9, 0.99))
schedule = lr_scheduler.StepLR(optimizer, step_size=2)
losses = nn.fit(net, nn.MSELoss(), (points, targets), optimizer, epochs=2, scheduler=schedule)
assert_type(losses, list[float])
mine = Net()
loader = nn.DataLoader(nn.TensorDataset(points, targets), batch_size=5, shuffle=True, rng=0)
nn.fit(mine, squared, loader, SGD(mine.parameters(), lr=0.1), epochs=1)
with no_grad():
    assert_type(mine(points[0]), list[Value])  # as its forward says

# ---------------------------------------------------------------- compiled


def error(a: Value, b: Value) -> Value:
    return (wave(a) - b) ** 2


g = compile_graph(error, wrt="inputs")
assert_type(g, CompiledGraph)
assert_type(g(0.5, 1.0), float)
value, gradient = g.value_and_grad(A, A)
assert_type(value, float)
assert_type(g.program, Program)
assert_type(g.parameters, list[Value])

# ---------------------------------------------------------------- pictures, and a pass of one's own


def backward_pass(root: Value) -> None:
    root.zero_grad()
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in zip(v.inputs, v.partials, strict=True):
            u.grad += v.grad * local


report = grade(backward_pass, circuits=3)
assert_type(report.passed, bool)
assert_type(report.circuit, Value | None)
assert_type(viz.to_text(f, names={"f": f}), str)
assert_type(viz.draw(f, style="record"), viz.Diagram)
assert_type(viz.step(f, quiz=True), viz.Stepper)
with tempfile.TemporaryDirectory() as folder:
    assert_type(viz.save(f, Path(folder, "f.dot")), Path)
