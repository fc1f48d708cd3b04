"""Handwritten mathematics, names of other libraries, slips of the keyboard."""

import pytest

from viz.suggestions import callables, gate_like, nearest, respelled


def test_respelled():
    assert respelled("sin 2x + y²") == "sin(2*x) + y**2"
    assert respelled("2*x") is None  # nothing to respell
    assert respelled("2x +") is None  # still no expression


@pytest.mark.parametrize("gate", callables())
def test_a_gate_is_like_itself_in_any_spelling(gate):
    assert gate_like(gate) == gate_like(gate.upper()) == gate_like(gate.replace("_", "")) == gate


def test_gates_by_other_names():
    assert [gate_like(name) for name in ("ln", "ReLU", "arctan", "tanhh")] == [
        "log", "relu", "atan", "tanh",
    ]  # fmt: skip
    assert gate_like("frobnicate") is None


def test_the_nearest_name():
    assert nearest("Rate", ["ratio", "rate"]) == "rate"
    assert nearest("omgea", ["x", "omega"]) == "omega"
    assert nearest("y", ["x", "omega"]) is None
