"""The table of gates: its rules, its closure, its errors, and the checker that guards it."""

import itertools
import math
import operator
import random
import re

import pytest

import autograd_core
from autograd_core import (
    Failure,
    Gate,
    GradientError,
    Interval,
    Value,
    apply,
    check_gate,
    gates,
    grad,
)
from autograd_core import elementary as xp
from autograd_core.gates import Table

INF, NAN = math.inf, math.nan
SPECIAL = [
    0.0, -0.0, 0.3, -0.3, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, 40.0, -800.0, 1e-320, -1e-320, 1e200,
    1e308, -1e308, INF, -INF, NAN,
]  # fmt: skip
BY_HAND = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "neg": operator.neg}
BY_HAND["relu"] = Value.relu
OF_RULES_ONLY = {"where", "less", "less_equal", "floor"}
METHODS = sorted(set(gates) - OF_RULES_ONLY - {"add", "sub", "mul", "div", "neg", "pow", "power"})


def bits(*numbers):
    """Exact and comparable: -0.0 is not 0.0, nan is nan."""
    return [x.hex() for x in numbers]


def specials(gate):
    """Every combination of special operands; conditions are 0 or 1."""
    names = gate.operands + gate.parameters
    return itertools.product(*([0.0, 1.0] if n == "condition" else SPECIAL for n in names))


# ------------------------------------------------------------------ every entry


@pytest.mark.parametrize("name", gates)
def test_rules_agree_with_differences(name):
    report = check_gate(name, samples=40, seed=7)
    assert report.ok
    assert len(report) >= 40 * len(gates[name].operands)


@pytest.mark.parametrize("name", gates)
def test_rules_are_total_and_give_floats(name):
    gate = gates[name]
    for point in specials(gate):
        y = gate.forward(xp, *point)
        slopes = gate.partials(xp, y, *point)
        assert isinstance(slopes, tuple) and len(slopes) == len(gate.operands)
        assert {type(x) for x in (y, *slopes)} == {float}, (name, point)


@pytest.mark.parametrize("name", gates)
def test_a_gate_fails_only_where_the_quiet_output_is_inf_or_nan_and_never_on_nan(name):
    gate = gates[name]
    for point in specials(gate):
        y = gate.forward(xp, *point)
        if gate.fails(xp, y, *point):
            assert not math.isfinite(y), (name, point)
            assert not any(map(math.isnan, point)), (name, point)


def test_every_kind_of_failure_is_reached_by_the_special_points():
    for gate in gates.values():
        for failure in gate.failures:
            assert any(
                failure.when(xp, gate.forward(xp, *point), *point) for point in specials(gate)
            ), (gate.name, failure.reason)


@pytest.mark.parametrize("name", sorted(set(gates) - OF_RULES_ONLY))
def test_nan_in_gives_nan_out(name):
    gate = gates[name]
    for point in specials(gate):
        if not any(map(math.isnan, point)):
            continue
        y = gate.forward(xp, *point)
        if name in ("pow", "power") and (point[0] == 1.0 or point[1] == 0.0):
            assert y == 1.0  # as in Python
        elif name in ("leaky_relu", "elu") and point[0] > 0.0:
            assert y == point[0]  # the parameter has no part in it
        else:
            assert math.isnan(y), (name, point)


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"max", "min"}))
def test_the_slope_at_nan_is_nan(name):
    gate = gates[name]
    point = (NAN, *gate.defaults)
    assert math.isnan(gate.partials(xp, gate.forward(xp, *point), *point)[0])


@pytest.mark.parametrize("name", gates)
def test_an_entry_has_its_formulas_and_domains(name):
    gate = gates[name]
    assert gate.name == name
    for operand in gate.operands + gate.parameters:
        assert f"<{operand}>" in gate.latex
    known = {*gate.operands, *gate.parameters, "y"}
    for slope in gate.slopes:
        assert set(re.findall(r"<([A-Za-z]\w*)>", slope)) <= known
    rng = random.Random(3)
    for interval in gate.domain:
        assert all(interval.sample(rng) in interval for _ in range(50))


# ------------------------------------------------------------------ the table is closed


class Register:
    """An operand that is no number: it records the name of every instruction it meets."""

    def __init__(self, emitted):
        self.emitted = emitted

    def emit(self, name):
        self.emitted.add(name)
        return Register(self.emitted)

    def __bool__(self):
        raise AssertionError("a rule branches on an operand: use xp.where")

    __hash__ = None

    def __eq__(self, other):
        raise AssertionError("a rule compares by ==: use <= and >=")

    def __ne__(self, other):
        raise AssertionError("a rule compares by !=: use < and >")


def emitting(name):
    return lambda self, *others: self.emit(name)


INSTRUCTION = {
    "add": "add", "radd": "add", "sub": "sub", "rsub": "sub", "mul": "mul", "rmul": "mul",
    "neg": "neg", "lt": "less", "gt": "less", "le": "less_equal", "ge": "less_equal",
    "and": "where", "rand": "where", "or": "where", "ror": "where",
}  # fmt: skip
for method, instruction in INSTRUCTION.items():
    setattr(Register, f"__{method}__", emitting(instruction))


class Recording:
    """A namespace `xp` whose functions record their names."""

    def __init__(self, emitted):
        self.emitted = emitted

    def __getattr__(self, name):
        assert name in xp.__all__, f"a rule uses xp.{name}, which elementary has not"

        def function(*operands):
            self.emitted.add(name)
            return Register(self.emitted)

        return function


def emitted_by(gate):
    emitted = set()
    recording = Recording(emitted)
    point = [Register(emitted) for _ in gate.operands + gate.parameters]
    y = gate.forward(recording, *point)
    slopes = gate.partials(recording, y, *point)
    assert len(slopes) == len(gate.operands)
    gate.fails(recording, y, *point)
    return emitted


@pytest.mark.parametrize("name", gates)
def test_every_instruction_that_a_rule_emits_is_a_gate(name):
    emitted = emitted_by(gates[name])
    assert emitted
    assert emitted <= set(gates)


def test_every_function_of_elementary_is_a_gate():
    assert set(xp.__all__) <= set(gates)
    assert all(callable(getattr(xp, name)) for name in xp.__all__)


def test_the_recorder_sees_functions_and_operators():
    assert emitted_by(gates["exp"]) >= {"exp"}
    assert emitted_by(gates["neg"]) == {"neg"}
    assert emitted_by(gates["relu"]) == {"less", "less_equal", "where"}


@pytest.mark.parametrize(
    "forward",
    [
        lambda xp, x: x / 2.0,
        lambda xp, x: x**2.0,
        lambda xp, x: abs(x),
        lambda xp, x: x if x > 0.0 else -x,
        lambda xp, x: xp.where(x == 0.0, 1.0, x),
        lambda xp, x: xp.where((x > 0.0) and (x < 1.0), 1.0, x),
        lambda xp, x: xp.gamma(x),
        lambda xp, x: math.exp(x),
    ],
)
def test_the_recorder_refuses_rules_that_leave_the_table(forward):
    gate = Gate("odd", forward, lambda xp, y, x: (1.0,), latex="<x>", slopes=("1",))
    with pytest.raises((TypeError, AssertionError)):
        emitted_by(gate)


# ------------------------------------------------------------------ what is written out by hand


def hand_points():
    rng = random.Random(11)
    yield from itertools.product(SPECIAL, SPECIAL)
    for _ in range(500):
        yield (rng.gauss(0.0, 10.0), math.ldexp(rng.uniform(-1.0, 1.0), rng.randint(-1070, 1020)))


@pytest.mark.parametrize("name", BY_HAND)
def test_operators_written_by_hand_equal_the_table_bit_for_bit(name):
    gate = gates[name]
    for point in hand_points():
        point = point[: len(gate.operands)]
        v = BY_HAND[name](*map(Value, point))
        y = gate.forward(xp, *point)
        assert v.gate is gate
        assert bits(v.data, *v.partials) == bits(y, *gate.partials(xp, y, *point)), point


@pytest.mark.parametrize("name", METHODS)
def test_methods_equal_the_table_bit_for_bit(name):
    gate = gates[name]
    call = operator.methodcaller if name != "abs" else lambda _, *rest: abs
    for point in hand_points():
        point = point[: len(gate.operands)]
        y = gate.forward(xp, *point, *gate.defaults)
        if gate.fails(xp, y, *point, *gate.defaults):
            continue
        v = call(name, *map(Value, point[1:]))(Value(point[0]))
        assert v.gate is gate
        slopes = gate.partials(xp, y, *point, *gate.defaults)
        assert bits(v.data, *v.partials) == bits(y, *slopes), point


@pytest.mark.parametrize(
    "name, reference",
    [
        ("exp", math.exp), ("expm1", math.expm1), ("log", math.log), ("log1p", math.log1p),
        ("sqrt", math.sqrt), ("sin", math.sin), ("cos", math.cos), ("tan", math.tan),
        ("sinh", math.sinh), ("cosh", math.cosh), ("tanh", math.tanh), ("asin", math.asin),
        ("acos", math.acos), ("atan", math.atan), ("abs", abs), ("neg", operator.neg),
        ("add", operator.add), ("sub", operator.sub), ("mul", operator.mul),
        ("div", operator.truediv), ("pow", operator.pow), ("power", operator.pow),
    ],
)  # fmt: skip
def test_the_forward_value_and_its_errors_are_those_of_float_and_math(name, reference):
    gate = gates[name]
    raised = 0
    for point in itertools.product(SPECIAL, repeat=len(gate.operands + gate.parameters)):
        if any(map(math.isnan, point)):
            continue
        count = len(gate.operands)
        operands = (*map(Value, point[:count]), *point[count:])
        try:
            expected = reference(*point)
            if isinstance(expected, complex):
                raise ValueError("no real number")
        except (ValueError, ArithmeticError) as error:
            raised += 1
            with pytest.raises(type(error), match=name):
                apply(gate, *operands)
        else:
            assert bits(apply(gate, *operands).data) == bits(expected), point
    assert bool(raised) == bool(gate.failures)


# ------------------------------------------------------------------ Interval, Failure, Gate, Table


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


def square(**changes):
    fields = {
        "name": "square",
        "forward": lambda xp, x: x * x,
        "partials": lambda xp, y, x: (2.0 * x,),
        "latex": "<x>^2",
        "slopes": ("2 <x>",),
    }
    return Gate(**{**fields, **changes})


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
def test_a_malformed_gate_is_refused_naming_gate_and_field(changes, told):
    with pytest.raises(ValueError, match=rf"'square'.*{told}"):
        square(**changes)


def test_a_gate_knows_operands_parameters_and_op():
    assert gates["power"].operands == ("x",)
    assert gates["power"].parameters == ("exponent",)
    assert (gates["power"].op, gates["tanh"].op) == ("**", "tanh")
    assert repr(gates["leaky_relu"]) == "<gate leaky_relu(x, slope)>"


def test_the_table_is_a_mapping_in_the_order_of_declaration():
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


# ------------------------------------------------------------------ a gate of one's own


def arsinh():
    return Gate(
        "arsinh",
        lambda xp, x: xp.log(x + xp.sqrt(x * x + 1.0)),
        lambda xp, y, x: (xp.div(1.0, xp.sqrt(x * x + 1.0)),),
        latex=r"\operatorname{arsinh} <x>",
        slopes=(r"\frac{1}{\sqrt{<x>^2 + 1}}",),
    )


def test_a_gate_of_ones_own_is_checked_applied_and_differentiated_twice():
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


def test_a_gate_of_ones_own_with_two_operands_a_parameter_and_a_failure():
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
    "call",
    [
        lambda v: apply(gates["exp"]),
        lambda v: apply(gates["exp"], v, 1.0),
        lambda v: apply(gates["add"], v),
        lambda v: apply(gates["power"], v),
        lambda v: apply(gates["power"], v, 2.0, exponent=3.0),
        lambda v: apply(gates["elu"], v, slope=3.0),
        lambda v: apply(gates["elu"], v, "one"),
        lambda v: apply(gates["elu"], v, v),
        lambda v: apply(gates["exp"], "one"),
        lambda v: apply(gates["where"], v, v, v),
    ],
)
def test_apply_refuses_operands_that_do_not_fit(call):
    with pytest.raises(TypeError):
        call(Value(1.0))


# ------------------------------------------------------------------ the checker must fail


CUBE = {
    "name": "cube",
    "forward": lambda xp, x: x * x * x,
    "latex": "<x>^3",
    "slopes": ("3 <x>^2",),
}


@pytest.mark.parametrize(
    "partials",
    [
        lambda xp, y, x: (2.0 * x * x,),  # a wrong factor
        lambda xp, y, x: (-3.0 * x * x,),  # a wrong sign
        lambda xp, y, x: (3.0 * x * x * (1.0 + 1e-4),),
        lambda xp, y, x: (3.0 * x * x + 1e-4,),
        lambda xp, y, x: (3.0 * x,),
        lambda xp, y, x: (NAN,),
        lambda xp, y, x: (INF,),
    ],
)
def test_the_checker_fails_on_a_wrong_slope(partials):
    assert check_gate(Gate(**CUBE, partials=lambda xp, y, x: (3.0 * x * x,))).ok
    with pytest.raises(GradientError, match="the rules of 'cube' and differences part") as caught:
        check_gate(Gate(**CUBE, partials=partials))
    report = caught.value.report
    assert len(report) and not report.ok
    assert "WRONG" in str(caught.value) and "x at" in str(report)


@pytest.mark.parametrize("wrong", [0, 1])
def test_the_checker_fails_if_the_slope_in_either_operand_is_wrong(wrong):
    def partials(xp, y, a, b):
        return (b * 1.0001, a) if wrong == 0 else (b, a * 1.0001)

    gate = Gate("times", lambda xp, a, b: a * b, partials, latex="<a> <b>", slopes=("b", "a"))
    with pytest.raises(GradientError) as caught:
        check_gate(gate)
    assert {row.name[0] for row in caught.value.report} == {"ab"[wrong]}


def test_the_checker_fails_on_slopes_in_the_wrong_order():
    gate = Gate(
        "minus", lambda xp, a, b: a - b, lambda xp, y, a, b: (-1.0, 1.0),
        latex="<a> - <b>", slopes=("1", "-1"),
    )  # fmt: skip
    with pytest.raises(GradientError):
        check_gate(gate)


def corner_gate(forward, slope, corner=0.0):
    return Gate(
        "bent", forward, lambda xp, y, x: (slope(xp, x),),
        latex="<x>", slopes=("1",), corners=((corner,),),
        domain=(Interval(corner),),
    )  # fmt: skip


@pytest.mark.parametrize("at_zero, right", [(0.0, 1), (0.5, 1), (1.0, 1), (-0.1, 0), (1.1, 0)])
def test_at_a_corner_any_slope_between_the_two_sides_is_right_and_no_other(at_zero, right):
    gate = corner_gate(
        lambda xp, x: xp.where(x > 0.0, x, 0.0), lambda xp, x: xp.where(x > 0.0, 1.0, at_zero)
    )
    if right:
        assert check_gate(gate).ok
    else:
        with pytest.raises(GradientError, match="x at 0"):
            check_gate(gate)


@pytest.mark.parametrize("at_zero", [-INF, 0.0, 1e9, NAN])
def test_where_the_slope_is_infinite_only_that_infinity_is_right(at_zero):
    def sqrt_with(slope):
        return corner_gate(
            lambda xp, x: xp.sqrt(x),
            lambda xp, x: xp.where(x > 0.0, xp.div(0.5, xp.sqrt(x)), slope),
        )

    assert check_gate(sqrt_with(INF)).ok
    with pytest.raises(GradientError, match="x at 0"):
        check_gate(sqrt_with(at_zero))


@pytest.mark.parametrize(
    "partials",
    [
        lambda xp, y, x: (getattr(y, "data", y),),  # y as a bare number: the graph ends there
        lambda xp, y, x: (xp.exp(getattr(x, "data", x)),),
        lambda xp, y, x: (y * y * xp.exp(-getattr(x, "data", x)),),  # e^2x e^-x, its second e^x 2
    ],
)
def test_the_checker_fails_on_a_wrong_second_derivative(partials):
    gate = Gate("raise", lambda xp, x: xp.exp(x), partials, latex="e^{<x>}", slopes=("<y>",))
    with pytest.raises(GradientError) as caught:
        check_gate(gate)
    assert all(row.name.startswith("x, x at") for row in caught.value.report)


@pytest.mark.parametrize(
    "partials", [lambda xp, y, x: (), lambda xp, y, x: (1.0, 1.0), lambda xp, y, x: 2.0 * x]
)
def test_the_checker_names_a_missing_slope(partials):
    with pytest.raises(ValueError, match="'square': partials must return a tuple of 1 slopes"):
        check_gate(square(partials=partials))


def test_the_checker_refuses_a_failure_at_a_finite_output():
    never = Failure(ValueError, "never", lambda xp, y, x: x <= INF)
    with pytest.raises(ValueError, match=r"'square': it fails at .*, where its output is"):
        check_gate(square(failures=(never,)))


def test_the_checker_takes_names_of_the_table_only():
    with pytest.raises(KeyError):
        check_gate("nonesuch")


def test_the_checker_draws_the_same_points_for_the_same_seed():
    def names(seed):
        return [row.name for row in check_gate("sin", seed=seed, samples=3)]

    assert names(1) == names(1) != names(2)


def test_every_alias_names_its_gate_as_function_or_method():
    aliases = {alias: gate for gate in gates.values() for alias in gate.aliases}
    assert {"arcsin", "arccos", "arctan", "maximum", "minimum"} <= set(aliases)
    for alias, gate in aliases.items():
        assert gates.named(alias) is gate and alias not in gates
        made = getattr(autograd_core, alias, None) or getattr(Value, alias)
        operands = [Value(0.3), Value(0.2)][: len(gate.operands)]
        assert made(*operands).gate is gate
    assert gates.named("tanh") is gates["tanh"] and gates.named("nothing") is None


def test_what_an_entry_says_of_its_operands_and_output_holds():
    """`symmetric`: operands change places; `condition`: the output is 0 or 1."""
    for gate in gates.values():
        rng = random.Random(0)
        points = [[d.sample(rng) for d in gate.domain] for _ in range(50)]
        outputs = [gate.forward(xp, *point) for point in points]
        turned = len(gate.domain) == len(gate.operands) == 2 and all(
            gate.forward(xp, b, a) == y for (a, b), y in zip(points, outputs, strict=True)
        )
        assert gate.symmetric == turned, gate
        assert gate.condition == (set(outputs) == {0.0, 1.0}), gate
