"""Rules that no program could hold are refused as soon as their gate is checked."""

import math

import pytest

from autograd_core import Gate, check_gate, gates
from autograd_core.rehearsal import rehearse


def gate(forward, partials=lambda xp, y, x: (1.0,)):
    return Gate("mine", forward, partials, latex="<x>", slopes=("1",))


@pytest.mark.parametrize("name", gates)
def test_every_gate_of_the_table_passes(name):
    one = gates[name]
    rehearse(one, [0.5] * (len(one.operands) + len(one.parameters)))


@pytest.mark.parametrize(
    ("forward", "what"),
    [
        (lambda xp, x: x**3, r"takes a power with \*\*: use xp\.power"),
        (lambda xp, x: 2**x, r"takes a power with \*\*"),
        (lambda xp, x: x / (1.0 + xp.exp(-x)), r"divides with /: use xp\.div"),
        (lambda xp, x: 1.0 / x, r"divides with /"),
        (lambda xp, x: abs(x - 1.0), r"calls abs\(a\): use xp\.abs"),
        (lambda xp, x: math.exp(x), r"makes a float of an operand"),
        (lambda xp, x: x if x > 0.0 else 0.0, r"branches on an operand: use xp\.where"),
        (lambda xp, x: max(x, 0.0), r"branches on an operand"),
        (lambda xp, x: x * x if x else x, r"branches on an operand"),
    ],
)
def test_what_a_rule_must_not_do_is_named(forward, what):
    with pytest.raises(TypeError, match=rf"^mine: its rule {what}"):
        check_gate(gate(forward))


def test_slopes_are_looked_at_too():
    with pytest.raises(TypeError, match=r"^mine: its rule takes a power"):
        check_gate(gate(lambda xp, x: x * x, lambda xp, y, x: (2.0 * x**1,)))


def test_comparisons_may_be_joined_and_chosen_by():
    def inside(xp, x):
        return xp.where((x > -1.0) & (x <= 1.0) | (False | (x >= 5.0)) & (x < 6.0), x * 2.0, -x)

    def slope(xp, y, x):
        return (xp.where((x > -1.0) & (x <= 1.0) | (x >= 5.0) & (x < 6.0), 2.0, -1.0),)

    rehearse(gate(inside, slope), (0.5,))
