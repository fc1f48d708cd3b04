"""Formulas with names and numbers put in, and explain."""

import random

import pytest

from autograd_core import Value, apply, gates, gradients
from viz import explain, parse


def fork():
    return parse("x*y + x", {"x": -2.0, "y": 5.0})


def test_explain_tells_every_edge_in_symbols_numbers_and_their_sum():
    f = fork()
    x = f.inputs[1]
    text = str(explain(f, x)).splitlines()
    assert text[0].split() == "dv3/dx = dv3/dv2 * dv2/dx + dv3/dv3 * dv3/dx".split()
    assert text[1].split() == "= 1 * 5 + 1 * 1".split() and text[2].split() == ["=", "6"]
    assert "  dv2/dx = y = 5" in text and "  dv3/dx = 1" in text
    markdown = explain(f, x)._repr_markdown_()
    assert (
        r"\frac{\partial v_{3}}{\partial x}" in markdown
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
    total = float(str(explain(f, x)).splitlines()[2].split()[-1])
    assert total == pytest.approx(gradients(f)[x], rel=1e-3, abs=1e-12)
