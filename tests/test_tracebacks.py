"""In a notebook an error shows the reader's cell and the place that raised, not our way there."""

MAKE = """
import math
import nn
import viz
from autograd_core import Value, check_gradient, compile_graph, hessian, log, where
x = Value(-1.0, "x")
model = nn.MLP(2, [3, 1], rng=0)
deep = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Tanh(), nn.Linear(3, 1)))
def mine(v):
    return log(v)
"""

CELLS = {
    "log(x)": "log(x=-1.0): needs an operand above 0",
    "log(x, 2)": "expected log(x), got log(",
    "x ** 0.5": "fractional exponent",
    "x / 0": "division by zero",
    "Value('a')": "data must be a real number",
    "x.backward('a')": "seed must be a real number",
    "model([1.0, 'a'])": "data must be a real number",
    "deep([1.0, 'a'])": "data must be a real number",
    "model([1.0])": "layer0 takes 2 inputs",
    "deep([1.0])": "layer0 takes 2 inputs",
    "hessian(log, [-1.0])": "needs an operand above 0",
    "check_gradient(log, [-1.0])": "needs an operand above 0",
    "compile_graph(lambda a: a if a > 0 else -a)([1.0])": "Write where(condition, a, b)",
    "viz.draw(3)": "only a Value has a graph to draw",
    "viz.parse('2*(1 + ln(x))', {'x': 1})": "did you mean log(x)?",
    "nn.fit(model, nn.MSELoss(), ([[1.0, 2.0]], [1.0]), None, epochs=1)": "one of nn.optim",
}


def test_tracebacks_are_short(cells):
    _, *outputs = cells(MAKE, *CELLS)
    for (cell, message), output in zip(CELLS.items(), outputs, strict=True):
        assert message in output and f"-> 1 {cell}" in output, output
        assert len(output.splitlines()) <= 24, output  # one frame of ours, with the lines around
        assert output.count("File ") <= 1, output


def test_the_readers_own_functions_stay(cells):
    _, output = cells(MAKE, "mine(x)")
    assert "return log(v)" in output and "mine(x)" in output
