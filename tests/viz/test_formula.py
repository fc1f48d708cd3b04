"""Formulas with names and numbers put in, and explain."""

import random

import pytest

from autograd_core import Gate, Value, apply, exp, gates, gradients, topological
from viz import explain, parse, step
from viz.formula import expression_of, fill
from viz.picture import picture_of
from viz.words import number


def fork():
    return parse("x*y + x", {"x": -2.0, "y": 5.0})


def test_explain_tells_every_edge_in_symbols_numbers_and_their_sum():
    f = fork()
    x = f.inputs[1]
    text = str(explain(f, x)).splitlines()
    assert text == [
        "dv3/dx = dv3/dv2 × (slope of v2 in its first input)"
        " + dv3/dv3 × (slope of v3 in its second input)",
        "       = 1 × 5 + 1 × 1",
        "       = 6",
        "where",
        "  slope of v2 in its first input = y = 5",
        "  slope of v3 in its second input = 1",
    ]
    markdown = explain(f, x)._repr_markdown_()
    assert (
        r"\frac{\partial v_{3}}{\partial x} &=" in markdown
        and r"\text{slope of } v_{2} \text{ in its first input}" in markdown
        and r"1 \cdot 5 + 1 \cdot 1 = 6" in markdown
    )


def test_explain_the_root_a_stranger_and_what_is_not_a_value():
    f = fork()
    assert str(explain(f, f)) == "dv3/dv3 = 1"
    assert "does not depend" in str(explain(f, Value(1.0, "z")))
    with pytest.raises(TypeError, match="explain"):
        explain(f, 2.0)


@pytest.mark.parametrize("name", [n for n, g in gates.items() if len(g.operands) < 3])
def test_explain_sums_to_the_gradient_for_every_gate(name):
    gate = gates[name]
    rng = random.Random(name)
    point = [interval.sample(rng) for interval in gate.domain]
    x = Value(point[0], "x")
    f = apply(gate, x, *point[1:]) * x
    total = str(explain(f, x)).splitlines()[2].split()[-1]
    assert total == number(gradients(f)[x])


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("<x>", "-2"), ("sigmoid(<x>)", "sigmoid(-2)"), ("max(<x>, <x>)", "max(-2, -2)"),
        (r"\max\left(<x>, <x>\right)", r"\max\left(-2, -2\right)"), ("1 / <x>", "1 / (-2)"),
        ("<x>^2", "(-2)^2"), ("(<x> - 1)", "((-2) - 1)"), ("ln(1 + <x>)", "ln(1 + (-2))"),
        ("-<x>", "-(-2)"), ("{<x>}", "{(-2)}"), ("a (<x> b), <x>", "a ((-2) b), -2"),
    ],
)  # fmt: skip
def test_a_negative_number_has_parentheses_where_it_needs_them(template, text):
    assert fill(template, {"x": "-2"}) == text
    assert fill(template, {"x": "2"}) == template.replace("<x>", "2")


def test_a_value_used_once_has_derivatives_by_name():
    f = parse("x*y + 1", {"x": -2.0, "y": 5.0})
    text = str(explain(f, f.inputs[0].inputs[0])).splitlines()
    assert text[0] == "dv4/dx = dv4/dv2 × dv2/dx" and text[-1] == "  dv2/dx = y = 5"


@pytest.mark.parametrize(
    "text, told",
    [
        ("x*y + x", "x × y + x"),
        ("(x + y)*x", "(x + y) × x"),
        ("x - (y - x)", "x - (y - x)"),
        ("x - y - x", "x - y - x"),
        ("x / (y * x)", "x / (y × x)"),
        ("tanh(x*y)", "tanh (x × y)"),
        ("exp(tanh(x))", "e^(tanh x)"),
        ("(x + y)**2", "(x + y)^2"),
        ("sigmoid(x*y)", "sigmoid(x × y)"),
        ("max(x + y, sigmoid(-x))", "max(x + y, sigmoid(-x))"),
        ("relu(x*y - 1)", "max(0, x × y - 1)"),
    ],
)
def test_a_graph_as_one_expression(text, told):
    root = parse(text, {name: 2.0 for name in "xy" if name in text.replace("exp", "")})
    order = topological(root)
    labels = dict(zip(order, picture_of(root).names().values(), strict=True))
    assert expression_of(order, labels) == told


def test_a_named_fork_is_not_written_out_twice():
    x = Value(1.0, "x")
    a = x * 2
    b = a * 3 + a * 4
    names = {"a": a}
    assert step(b, names=names)._title == "a × 3 + a × 4"
    assert step(b, names={})._title == "x × 2 × 3 + x × 2 × 4"


def test_what_is_too_long_goes_by_the_names_of_its_inputs():
    x, y = Value(0.5, "x"), Value(1.0, "y")
    f = x
    for _ in range(20):
        f = f.tanh()
    loss = (f - y) ** 2
    assert step(loss, names={"f": f})._title == "(f - y)^2"
    assert step(loss, names={"f": f, "loss": loss})._title == "(f - y)^2"


def test_a_long_expression_goes_by_names():
    root = parse("+".join(f"tanh(x*y + {i})" for i in range(9)), {"x": 2.0, "y": 3.0})
    order = topological(root)
    labels = dict(zip(order, picture_of(root).names().values(), strict=True))
    assert len(expression_of(order, labels)) <= 60


def test_the_minus_of_a_sum_keeps_its_brackets():
    x, y, z = Value(2.0, "x"), Value(3.0, "y"), Value(4.0, "z")
    assert step(-(x + y))._title == "-(x + y)"
    assert step(-(x - y) * z)._title == "(-(x - y)) × z"
    assert step(-(x * y))._title == "-x × y"
    assert step(exp(-(x + y)))._title == "e^(-(x + y))"


def test_an_operand_that_is_called_y_stands_for_itself():
    gate = Gate(
        "hyp", lambda xp, x, y: xp.sqrt(x * x + y * y),
        lambda xp, out, x, y: (xp.div(x, out), xp.div(y, out)), latex=r"\sqrt{<x>^2 + <y>^2}",
        slopes=(r"\frac{<x>}{\sqrt{<x>^2 + <y>^2}}", r"\frac{<y>}{\sqrt{<x>^2 + <y>^2}}"),
    )  # fmt: skip
    b = Value(4.0, "b")
    root = apply(gate, Value(3.0, "a"), b)
    assert "= b / sqrt(a^2 + b^2) = 4 / sqrt(3^2 + 4^2) = 0.8" in repr(explain(root, b))
