"""Mistakes, one per line: each type checker must object to each, see test_types.py.

One comment tells mypy which error to expect, the other tells pyright that there is one. Both report
a comment on a line that they find right.
"""

import math
from decimal import Decimal

import numpy as np

import autograd_core
import nn
import viz
from autograd_core import (
    Gate,
    Value,
    compile_graph,
    elu,
    exp,
    first_nan,
    grad,
    gradients,
    hessian,
    leaky_relu,
    maximum,
    release,
    topological,
    where,
)
from nn.optim import SGD, Adam

x, y, z = Value(1.0), Value(2.0), Value(3.0)
data = points, labels = nn.moons(20, rng=0)
model = nn.Linear(2, 1, rng=0)
net = nn.Sequential(model, nn.Tanh())
mse, optimizer = nn.MSELoss(), SGD(model.parameters(), lr=0.1)


def square(a: Value) -> Value:
    return a * a


class Net(nn.Module):
    def forward(self, numbers: list[float]) -> Value:
        return model(numbers)[0]


graph = compile_graph(square)

# Names.
autograd_core.Valeu  # type: ignore[attr-defined]  # pyright: ignore
autograd_core.nn.Lineer  # type: ignore[attr-defined]  # pyright: ignore
x.dta  # type: ignore[attr-defined]  # pyright: ignore

# What is a number.
Value()  # type: ignore[call-arg]  # pyright: ignore
Value("1")  # type: ignore[arg-type]  # pyright: ignore
Value(None)  # type: ignore[arg-type]  # pyright: ignore
Value(x)  # type: ignore[arg-type]  # pyright: ignore
Value(1j)  # type: ignore[arg-type]  # pyright: ignore
Value(Decimal(1))  # type: ignore[arg-type]  # pyright: ignore
Value([1.0])  # type: ignore[arg-type]  # pyright: ignore
Value(np.array([1.0]))  # type: ignore[arg-type]  # pyright: ignore
Value(np.complex128(1.0))  # type: ignore[arg-type]  # pyright: ignore
Value(1.0, label=3)  # type: ignore[arg-type]  # pyright: ignore
x.data = "1"  # type: ignore[assignment]  # pyright: ignore
x.grad = None  # type: ignore[assignment]  # pyright: ignore
x.backward("1")  # type: ignore[arg-type]  # pyright: ignore
float(x)  # type: ignore[arg-type]  # pyright: ignore
int(x)  # type: ignore[call-overload]  # pyright: ignore
math.exp(x)  # type: ignore[arg-type]  # pyright: ignore

# Operators.
x + "a"  # type: ignore[operator]  # pyright: ignore
"a" * x  # type: ignore[operator]  # pyright: ignore
x - None  # type: ignore[operator]  # pyright: ignore
x / [1.0]  # type: ignore[operator]  # pyright: ignore
x ** "2"  # type: ignore[operator]  # pyright: ignore
2 @ x  # type: ignore[operator]  # pyright: ignore
x < "a"  # type: ignore[operator]  # pyright: ignore
x % 2  # type: ignore[operator]  # pyright: ignore
x // 2  # type: ignore[operator]  # pyright: ignore
x & y  # type: ignore[operator]  # pyright: ignore
x + 1j  # type: ignore[operator]  # pyright: ignore
z += "a"  # type: ignore[operator]  # pyright: ignore

# Gates as functions and methods.
exp()  # type: ignore[call-overload]  # pyright: ignore
exp("a")  # type: ignore[call-overload]  # pyright: ignore
exp([1.0])  # type: ignore[call-overload]  # pyright: ignore
exp(x, y)  # type: ignore[call-overload]  # pyright: ignore
exp(operand=x)  # type: ignore[call-overload]  # pyright: ignore
exp(Decimal(1))  # type: ignore[call-overload]  # pyright: ignore
maximum(x)  # type: ignore[call-overload]  # pyright: ignore
maximum(x, "a")  # type: ignore[call-overload]  # pyright: ignore
maximum(x, y, 1)  # type: ignore[call-overload]  # pyright: ignore
leaky_relu(x, "a")  # type: ignore[call-overload]  # pyright: ignore
leaky_relu(x, alpha=0.1)  # type: ignore[call-overload]  # pyright: ignore
elu(x, 1.0, 2.0)  # type: ignore[call-overload]  # pyright: ignore
elu(x, slope=0.1)  # type: ignore[call-overload]  # pyright: ignore
where(x > 0, x)  # type: ignore[call-overload]  # pyright: ignore
where("x > 0", x, y)  # type: ignore[call-overload]  # pyright: ignore
exp(x).foo  # type: ignore[attr-defined]  # pyright: ignore
exp(1.0).backward()  # type: ignore[attr-defined]  # pyright: ignore
x.exp(1)  # type: ignore[call-arg]  # pyright: ignore
x.exp(y)  # type: ignore[call-arg]  # pyright: ignore
x.leaky_relu("a")  # type: ignore[arg-type]  # pyright: ignore
x.leaky_relu(alpha=0.1)  # type: ignore[call-arg]  # pyright: ignore
x.elu(1.0, 2.0)  # type: ignore[call-arg]  # pyright: ignore
x.max()  # type: ignore[call-arg]  # pyright: ignore
x.max("a")  # type: ignore[arg-type]  # pyright: ignore

# Derivatives and programs.
grad(x, 3)  # type: ignore[call-overload]  # pyright: ignore
grad(1.0, [x])  # type: ignore[call-overload]  # pyright: ignore
hessian(exp, 1.0)  # type: ignore[arg-type]  # pyright: ignore
compile_graph("a")  # type: ignore[arg-type]  # pyright: ignore
compile_graph(lambda a: "a")  # type: ignore[arg-type,return-value]  # pyright: ignore
topological(3)  # type: ignore[type-var]  # pyright: ignore
gradients("a")  # type: ignore[type-var]  # pyright: ignore
gradients(x, "a")  # type: ignore[arg-type]  # pyright: ignore
first_nan(1.0)  # type: ignore[type-var]  # pyright: ignore
release([x])  # type: ignore[arg-type]  # pyright: ignore
graph.values()  # type: ignore[attr-defined]  # pyright: ignore
graph(1.0).backward()  # type: ignore[attr-defined]  # pyright: ignore
Gate("square", 1, 2, latex="", slopes=())  # type: ignore[arg-type]  # pyright: ignore

# Networks.
nn.Linear("2", 1)  # type: ignore[arg-type]  # pyright: ignore
nn.Linear(2)  # type: ignore[call-arg]  # pyright: ignore
nn.MLP(2, 1)  # type: ignore[arg-type]  # pyright: ignore
nn.MLP(2, [1], activaton="tanh")  # type: ignore[call-arg]  # pyright: ignore
nn.MLP(2, [1], rng="a")  # type: ignore[arg-type]  # pyright: ignore
nn.Neuron(2, activation=3)  # type: ignore[arg-type]  # pyright: ignore
nn.Sequential(1, 2)  # type: ignore[call-overload]  # pyright: ignore
nn.Sequential([model])  # type: ignore[call-overload]  # pyright: ignore
model()  # type: ignore[call-overload]  # pyright: ignore
model("ab")  # type: ignore[arg-type]  # pyright: ignore
model(["a", "b"])  # type: ignore[list-item]  # pyright: ignore
model(None)  # type: ignore[call-overload]  # pyright: ignore
model(points).backward()  # type: ignore[attr-defined]  # pyright: ignore
model([1.0, 2.0]) + 1  # type: ignore[operator]  # pyright: ignore
net([1.0, 2.0]).backward()  # type: ignore[attr-defined]  # pyright: ignore
nn.ReLU()("a")  # type: ignore[arg-type]  # pyright: ignore
mse(x)  # type: ignore[call-arg]  # pyright: ignore
mse("a", "b")  # type: ignore[arg-type]  # pyright: ignore
nn.MSELoss(reduction="max")  # type: ignore[arg-type]  # pyright: ignore
model.parameters() + 1  # type: ignore[operator]  # pyright: ignore
SGD(3)  # type: ignore[arg-type]  # pyright: ignore
SGD([1.0], lr=0.1)  # type: ignore[list-item]  # pyright: ignore
Adam(model.parameters(), lr="a")  # type: ignore[arg-type]  # pyright: ignore
optimizer.step(1)  # type: ignore[call-arg]  # pyright: ignore
nn.fit(model, mse, data, optimizer)  # type: ignore[call-arg]  # pyright: ignore
nn.fit(model, mse, 3, optimizer, epochs=1)  # type: ignore[arg-type]  # pyright: ignore
nn.fit(model, mse, data, model, epochs=1)  # type: ignore[arg-type]  # pyright: ignore
nn.fit(3, mse, data, optimizer, epochs=1)  # type: ignore[arg-type]  # pyright: ignore
nn.fit(model, mse, data, optimizer, epochs=1, scheduler=3)  # type: ignore[arg-type]  # pyright: ignore

Net()()  # type: ignore[call-arg]  # pyright: ignore
Net()("a")  # type: ignore[arg-type]  # pyright: ignore
Net()([1.0, 2.0])[0]  # type: ignore[index]  # pyright: ignore
nn.Identity()(x)[0]  # type: ignore[index]  # pyright: ignore

# Pictures.
viz.draw()  # type: ignore[call-arg]  # pyright: ignore
viz.draw("a")  # type: ignore[arg-type]  # pyright: ignore
viz.draw(x, depth="a")  # type: ignore[arg-type]  # pyright: ignore
viz.draw(x, style="boxes")  # type: ignore[arg-type]  # pyright: ignore
viz.draw(x, direction="RL")  # type: ignore[arg-type]  # pyright: ignore
viz.step(3)  # type: ignore[arg-type]  # pyright: ignore
viz.save(x)  # type: ignore[call-arg]  # pyright: ignore
viz.to_text(1.0)  # type: ignore[arg-type]  # pyright: ignore
