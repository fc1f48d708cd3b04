"""Interval, Failure, Identity, Gate and Table; custom gates."""

import functools
import math
import random
import re
from fractions import Fraction

import numpy as np
import pytest

from autograd_core import (
    Failure,
    Gate,
    Identity,
    Interval,
    Value,
    apply,
    check_gate,
    gates,
    grad,
    log,
    no_grad,
    trace_creation,
)
from autograd_core import elementary as xp
from autograd_core.gate import Table

INF, NAN = math.inf, math.nan


# ------------------------------------------------------------------ Interval, Gate, Table


@pytest.mark.parametrize("low, high", [(1.0, 1.0), (2.0, -2.0), (NAN, 1.0), (INF, INF)])
def test_an_interval_that_is_empty_is_refused(low, high):
    with pytest.raises(ValueError, match="low must be below high"):
        Interval(low, high)


def test_an_interval_is_open():
    unit = Interval(0.0, 1.0)
    assert 0.5 in unit
    assert 0.0 not in unit and 1.0 not in unit and NAN not in unit
    assert -1e308 in Interval() and INF not in Interval()
    assert repr(unit) == "Interval(0.0, 1.0)"


@pytest.mark.parametrize(
    "interval",
    [
        Interval(), Interval(0.0), Interval(-1.0), Interval(7.0), Interval(-INF, 0.0),
        Interval(-INF, -7.0), Interval(-INF, 7.0), Interval(-1.0, 1.0), Interval(100.0, 1000.0),
    ],
)  # fmt: skip
def test_an_interval_is_sampled_inside_and_the_same_for_the_same_seed(interval):
    drawn = [interval.sample(random.Random(seed)) for seed in range(200)]
    assert all(x in interval for x in drawn)
    assert len(set(drawn)) > 100
    assert drawn == [interval.sample(random.Random(seed)) for seed in range(200)]


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"forward": lambda xp: 1.0}, "forward must take xp"),
        ({"parameters": ("slope",)}, "forward must take xp"),
        ({"domain": (Interval(), Interval())}, "domain needs 1"),
        ({"slopes": ()}, "slopes needs 1"),
        ({"slopes": ("1", "1")}, "slopes needs 1"),
        ({"corners": ((0.0, 0.0),)}, "corners needs 1"),
    ],
)
def test_a_malformed_gate_is_refused_naming_gate_and_field(square, changes, told):
    with pytest.raises(ValueError, match=rf"'square'.*{told}"):
        square(**changes)


def test_a_gate_knows_operands_parameters_and_op():
    assert gates["power"].operands == ("x",)
    assert gates["power"].parameters == ("exponent",)
    assert (gates["power"].op, gates["tanh"].op) == ("**", "tanh")
    assert repr(gates["leaky_relu"]) == "<gate leaky_relu(x, slope)>"


def test_the_table_is_a_mapping_in_the_order_of_declaration(square):
    table = Table([gates["exp"], gates["add"]])
    assert list(table) == ["exp", "add"] and len(table) == 2
    assert table["add"] is gates["add"]
    assert repr(table) == "<table of 2 gates: exp, add>"
    own = square()
    assert table.add(own) is own and table["square"] is own
    with pytest.raises(KeyError):
        table["nonesuch"]
    with pytest.raises(ValueError, match="'square' is in the table already"):
        table.add(square())
    assert table["square"] is own


def test_the_table_finds_a_gate_by_name_or_alias(square):
    table = Table([square(aliases=("sq", "squared"))])
    assert table.named("square") is table.named("sq") is table.named("squared") is table["square"]
    assert table.named("cube") is None and "sq" not in table


@pytest.mark.parametrize("operand, result", [("z", "x"), ("x", "z"), ("y", 1.0)])
def test_an_identity_names_operands_of_the_gate(square, operand, result):
    named = "z" if "z" in (operand, result) else "y"
    with pytest.raises(ValueError, match=f"names '{named}', which is not an operand"):
        square(identities=(Identity(operand, 1.0, result),))
    assert square(identities=(Identity("x", 1.0, "x"), Identity("x", 0.0, 0.0)))


def test_a_gate_fails_where_one_of_its_failures_holds(square):
    below = Failure(ValueError, "is below", lambda xp, y, x: x < 0.0)
    above = Failure(OverflowError, "is above", lambda xp, y, x: x > 1.0)
    gate = square(failures=(below, above))
    assert [bool(gate.fails(xp, NAN, x)) for x in (-1.0, 0.5, 2.0)] == [True, False, True]
    assert not square().fails(xp, NAN, -1.0)


def test_evaluate_raises_the_first_failure_that_holds_and_only_at_inf_or_nan(square):
    first = Failure(ValueError, "is large", lambda xp, y, x: x > 1.0)
    second = Failure(OverflowError, "is infinite", lambda xp, y, x: y >= INF)
    gate = square(failures=(first, second))
    assert gate.evaluate([2.0]) == 4.0  # the output is finite: nobody asks
    for failures, error in (((first, second), ValueError), ((second, first), OverflowError)):
        with pytest.raises(error, match=r"square: square\(1e\+200\): is "):
            square(failures=failures).evaluate([1e200])


# ------------------------------------------------------------------ parameters


def scaled(**changes):
    """scale * x + offset."""
    return Gate(
        "scaled", lambda xp, x, scale, offset: scale * x + offset,
        lambda xp, y, x, scale, offset: (scale,), parameters=("scale", "offset"), latex="?",
        slopes=("<scale>",), **changes,
    )  # fmt: skip


@pytest.mark.parametrize(
    "operands, named, numbers",
    [
        ((0, 2, 3), {}, (2.0, 3.0)),
        ((0, 2), {"offset": 3}, (2.0, 3.0)),
        ((0,), {"offset": 3, "scale": 2}, (2.0, 3.0)),
        ((0, 2), {}, (2.0, 7.0)),
        ((0,), {"scale": True}, (1.0, 7.0)),
    ],
)
def test_bind_takes_parameters_after_the_operands_or_by_name_or_the_defaults(
    operands, named, numbers
):
    gate = scaled(defaults=(7.0,))
    assert gate.bind(operands, named) == numbers
    assert all(type(x) is float for x in gate.bind(operands, named))


@pytest.mark.parametrize(
    "operands, named",
    [
        ((), {}), ((0,), {}), ((0,), {"offset": 1.0}), ((0, 1, 2, 3), {}),
        ((0, 1, 2), {"offset": 2.0}), ((0, 1), {"factor": 2.0}),
    ],
)  # fmt: skip
def test_bind_refuses_the_rest_with_the_call_that_is_right(operands, named):
    with pytest.raises(TypeError, match=r"scaled: expected scaled\(x, scale, offset\), got scaled"):
        scaled(defaults=(7.0,)).bind(operands, named)


def test_bind_refuses_a_parameter_that_is_given_twice():
    with pytest.raises(TypeError, match="scaled"):
        scaled(defaults=(7.0,)).bind((0, 1), {"scale": 2.0})


@pytest.mark.parametrize("wrong", ["1", None, Value(1.0)])
def test_a_parameter_is_a_plain_number(wrong):
    with pytest.raises(TypeError, match="scaled: scale must be a"):
        scaled(defaults=(7.0,)).bind((0, wrong), {})


def test_a_described_function_has_the_gates_name_and_formula():
    function = gates["elu"].describe(lambda *operands: None, "Value.elu")
    assert (function.__name__, function.__qualname__) == ("elu", "Value.elu")
    assert function.__doc__.startswith("y = x if x > 0, else alpha × (e^x - 1), whose slope")


LEAKY_RELU = """\
y = x if x > 0, else slope × x, whose slope dy/dx is [x > 0] + slope [x <= 0]. \
(A condition in brackets is 1 where it holds, else 0.)

What it does to a gradient that comes back: all of it where x is above 0, else a small part.
The plain number slope, 0.01 by default, gets no gradient.
Kink at x = 0, slope 0.01 there, if slope = 0.01.
Takes every number.

>>> x = Value(-0.5)
>>> y = x.leaky_relu()
>>> y.data, y.partials
(-0.005, (0.01,))"""


def test_a_described_function_says_all_that_is_known_of_its_gate():
    def told(name, qualname):
        return gates[name].describe(lambda x: x, qualname).__doc__

    assert told("leaky_relu", "Value.leaky_relu") == LEAKY_RELU == Value.leaky_relu.__doc__
    assert ">>> y = log(x)\n" in told("log", "log") and "every number" not in told("log", "log")
    assert ">>> y = abs(x)\n" in told("abs", "Value.__abs__")


def test_a_gate_without_a_habit_is_described_by_the_rest(square):
    head, facts, _ = square().describe(lambda x: x, "square").__doc__.split("\n\n")
    assert "(" not in head and facts == "Takes every number."


@pytest.mark.parametrize(
    ("latex", "plain"),
    [
        (r"\frac{1}{2 <y>}", "1 / (2 <y>)"), (r"-\frac{<a>}{<b>^2}", "-<a> / (<b>^2)"),
        (r"\frac{1}{\sqrt{1 - <x>^2}}", "1 / sqrt(1 - <x>^2)"),
        (r"\frac{<a> - 1}{\sqrt{<b>} + 1}", "(<a> - 1) / (sqrt(<b>) + 1)"),
        (r"<x>^{<exponent> - 1}", "<x>^(<exponent> - 1)"), ("e^{<x>}", "e^<x>"),
        (r"\operatorname{leaky}_{<slope>}(<x>)", "leaky_<slope>(<x>)"),
        (r"1\text{ if }<a> \le <b>", "1 if <a> <= <b>"),
        (r"<a> \cdot \sigma(<b>)", "<a> × sigmoid(<b>)"),
    ],
)  # fmt: skip
def test_a_formula_as_plain_text(latex, plain):
    assert Gate.plain(latex) == plain


def test_limits_say_kinks_infinite_slopes_and_the_parameter_that_makes_them():
    assert gates["max"].limits() == ["kink at a = b, slope 0.5 there"]
    assert gates["asin"].limits() == ["infinite slope at x = -1", "infinite slope at x = 1"]
    assert gates["acos"].limits()[0] == "infinite slope at x = -1"
    assert gates["power"].limits() == ["infinite slope at x = 0, if exponent = 0.5"]
    assert gates["elu"].limits() == ["kink at x = 0, slope 1 there, if alpha = 2"]
    assert gates["exp"].limits() == []


# ------------------------------------------------------------------ messages


def test_a_message_names_the_operands_that_have_a_name():
    div, elu = gates["div"], gates["elu"]
    assert div.message("why", [1.0, 0.0], ["a", "b"]) == "div: a=1.0 / b=0.0: why"
    assert div.message("why", [1.0, 0.0], ["", "b"]) == "div: 1.0 / b=0.0: why"
    assert elu.message("why", [1.0, 2.0], ["v", "w"]) == "elu: elu(v=1.0, 2.0): why"
    assert elu.message("why", [1.0, 2.0], []) == "elu: elu(1.0, 2.0): why"


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x, y: log(x), "log: log(x=-1.0): needs an operand above 0"),
        (lambda x, y: x / y, "div: x=-1.0 / y=0.0: division by zero"),
        (lambda x, y: 1 / y, "div: 1.0 / y=0.0: division by zero"),
        (lambda x, y: y**-1, "power: y=0.0 ** -1.0: 0 cannot be raised to a negative power"),
        (lambda x, y: x.sqrt(), "sqrt: sqrt(x=-1.0): needs an operand of at least 0"),
        (lambda x, y: (x - 2).log(), "log: log(-3.0): needs an operand above 0"),
    ],
)
def test_messages_in_full(call, message):
    with pytest.raises((ValueError, ArithmeticError), match=rf"^{re.escape(message)}$"):
        call(Value(-1.0, label="x"), Value(0.0, label="y"))


# ------------------------------------------------------------------ custom gates


def arsinh():
    return Gate(
        "arsinh",
        lambda xp, x: xp.log(x + xp.sqrt(x * x + 1.0)),
        lambda xp, y, x: (xp.div(1.0, xp.sqrt(x * x + 1.0)),),
        latex=r"\operatorname{arsinh} <x>",
        slopes=(r"\frac{1}{\sqrt{<x>^2 + 1}}",),
    )


def test_a_custom_gate_is_checked_applied_and_differentiated_twice():
    gate = arsinh()
    assert check_gate(gate).ok
    x = Value(0.75, label="x")
    y = apply(gate, x) * 3.0
    y.backward()
    assert y.data == pytest.approx(3.0 * math.asinh(0.75), rel=1e-15)
    assert x.grad == pytest.approx(3.0 / 1.25, rel=1e-15)
    assert y.inputs[0].op == "arsinh" and y.inputs[0].inputs == (x,)
    (first,) = grad(y, [x])
    (second,) = grad(first, [x])
    assert second.data == pytest.approx(-3.0 * 0.75 / 1.25**3, rel=1e-14)
    assert "arsinh" not in gates


def test_a_custom_gate_with_two_operands_a_parameter_and_a_failure():
    gate = Gate(
        "scaled",
        lambda xp, a, b, scale: scale * xp.log(a) * b,
        lambda xp, y, a, b, scale: (xp.div(scale * b, a), scale * xp.log(a)),
        parameters=("scale",),
        defaults=(2.0,),
        latex=r"<scale> \ln <a> \cdot <b>",
        slopes=(r"\frac{<scale> <b>}{<a>}", r"<scale> \ln <a>"),
        domain=(Interval(0.0), Interval(), Interval(0.0, 3.0)),
        failures=(
            Failure(ValueError, "needs a above 0", lambda xp, y, a, b, scale: a <= 0.0),
        ),
    )  # fmt: skip
    assert check_gate(gate).ok
    a, b = Value(2.0), Value(5.0)
    assert apply(gate, a, b).data == 2.0 * math.log(2.0) * 5.0
    v = apply(gate, a, b, scale=3)
    assert v.constants == (3.0,) and v.inputs == (a, b)
    v.backward()
    assert (a.grad, b.grad) == (7.5, 3.0 * math.log(2.0))
    (slope,) = grad(v, [a])
    assert [x.data for x in grad(slope, [a, b])] == pytest.approx([-3.75, 1.5])
    with pytest.raises(ValueError, match=r"scaled: scaled\(p=0\.0, 5\.0, 2\.0\): needs a above 0"):
        apply(gate, Value(0.0, label="p"), b)
    assert apply(gate, Value(0.0), b, quiet=True).data == -INF


@pytest.mark.parametrize(
    ("interval", "low", "high"),
    [
        (Interval(), -4.0, 4.0), (Interval(0.0), 0.0, 4.0), (Interval(-INF, 0.0), -4.0, 0.0),
        (Interval(-INF, 7.0), -4.0, 4.0), (Interval(-1.0, 2.0), -1.0, 2.0),
        (Interval(10.0), 10.0, 20.0), (Interval(-INF, -10.0), -20.0, -10.0),
    ],
)  # fmt: skip
def test_an_interval_is_sampled_near_0(interval, low, high):
    rng = random.Random(0)
    points = [interval.sample(rng) for _ in range(1000)]
    near = 0.02 * (high - low)
    assert low < min(points) < low + near and high - near < max(points) < high


def test_a_negative_base_stands_in_parentheses():
    with pytest.raises(ValueError, match=r"^power: \(-2\.0\) \*\* 0\.5: a negative number"):
        Value(-2.0) ** 0.5


def test_only_trace_creation_says_where_operand_and_gate_are():
    lines = r"\n  -1\.0 was made at .*\n  log is at"
    with trace_creation(), pytest.raises(ValueError, match=lines):
        Value(-1.0).log()
    with no_grad(), pytest.raises(ValueError, match=r"above 0$"):
        Value(-1.0).log()


def test_a_formula_that_names_what_is_no_operand_is_refused():
    rules = (lambda xp, x: x, lambda xp, y, x: (1.0,))
    with pytest.raises(ValueError, match=r"gate 'g': the formula '<q>' names <q>, .* takes <x>$"):
        Gate("g", *rules, latex="<q>", slopes=("1",))
    with pytest.raises(ValueError, match="names <z>"):
        Gate("g", *rules, latex="<x>", slopes=("<y> <z>",))


@pytest.mark.parametrize("partials", [
    lambda xp, y, x: 2.0 * x, lambda xp, y, x: (), lambda xp, y, x: (1.0, 2.0),
    lambda xp, y, x: None,
])  # fmt: skip
def test_partials_that_are_no_tuple_of_a_slope_for_each_operand_are_refused(partials):
    square = Gate("square", lambda xp, x: x * x, partials, latex="<x>^2", slopes=("2 <x>",))
    with pytest.raises(TypeError, match="square: its partials must return a tuple of slopes"):
        apply(square, Value(3.0))


@pytest.mark.parametrize("answer", [None, 1j, "3", Value(3.0), [3.0]])
@pytest.mark.parametrize("quiet", [False, True])
def test_rules_that_return_no_number_are_refused(answer, quiet):
    entry = {"latex": "<x>^2", "slopes": ("2 <x>",)}
    square = Gate("square", lambda xp, x: answer, lambda xp, y, x: (2.0 * x,), **entry)
    with pytest.raises(TypeError, match="square: what its forward returns must be a"):
        apply(square, Value(3.0), quiet=quiet)
    square = Gate("square", lambda xp, x: x * x, lambda xp, y, x: (answer,), **entry)
    with pytest.raises(TypeError, match="square: a slope of its partials must be a"):
        apply(square, Value(3.0), quiet=quiet)


@pytest.mark.parametrize("number", [9, True, np.float64(9.0), np.array(9.0), Fraction(9)])
def test_rules_may_return_any_real_number(number):
    entry = {"latex": "<x> <z>", "slopes": ("<z>", "<x>")}
    thing = Gate("thing", lambda xp, x, z: number, lambda xp, y, x, z: (2.0, number), **entry)
    v = apply(thing, Value(3.0), 3.0)
    assert (v.data, *v.partials) == (float(number), 2.0, float(number))
    assert {type(x) for x in (v.data, *v.partials)} == {float}


@pytest.mark.parametrize("forward", [math.sqrt, functools.partial(lambda xp, x: x)])
def test_a_forward_rule_that_is_no_function_of_python_is_refused(forward):
    with pytest.raises(TypeError, match=r"gate 'mine': forward must be a function .*lambda xp, x"):
        Gate("mine", forward, lambda xp, y, x: (1.0,), latex="<x>", slopes=("1",))


def test_what_is_no_gate_is_told_so():
    for call in (lambda: apply("tanh", Value(1.0)), lambda: check_gate(Value.tanh)):
        with pytest.raises(TypeError, match=r"takes a Gate.*gates\['tanh'\]"):
            call()
