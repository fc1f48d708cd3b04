"""Value: how it is made, what operators and gates make of it, and every promise about its edges."""

import copy
import inspect
import math
import operator
import pickle
import re
from fractions import Fraction

import numpy as np
import pytest

import autograd_core
from autograd_core import (
    Gate,
    Value,
    acos,
    apply,
    asin,
    atan,
    cos,
    cosh,
    elu,
    exp,
    expm1,
    first_nan,
    gates,
    grad,
    leaky_relu,
    log,
    log1p,
    maximum,
    minimum,
    no_grad,
    relu,
    sigmoid,
    sin,
    sinh,
    softplus,
    sqrt,
    tan,
    tanh,
    trace_creation,
    where,
)

INF, NAN = math.inf, math.nan
REALS = [
    3, True, 1.5, Fraction(3, 2), np.float64(1.5), np.float32(1.5), np.float16(1.5), np.int64(3),
    np.uint8(3), np.bool_(True), np.array(1.5), np.array(3), np.longdouble(1.5),
]  # fmt: skip
NO_REALS = ["2.0", b"2", None, 2j, [2.0], (2.0,), {}, object(), float]
NO_REAL_ARRAYS = [
    np.array([2.0]), np.array([[1.0, 2.0]]), np.array("2"), np.array(2j), np.complex128(2j),
    np.str_("2"), np.array(None),
]  # fmt: skip


def ids(thing):
    return type(thing).__name__


def naming_type(thing):
    """The message names the type of what was given, be it wrapped by NumPy or not."""
    inner = thing.item() if getattr(thing, "shape", None) == () else thing
    return rf"\b({type(thing).__name__}|{type(inner).__name__})\b"


# ------------------------------------------------------------------ construction


def test_the_public_names_are_there():
    promised = """Value grad value_and_grad jacobian hessian hvp check_gradient check_gate
        first_nan no_grad trace_creation gates where maximum minimum exp log log1p expm1 sqrt sin
        cos tan tanh sinh cosh asin acos atan sigmoid softplus relu leaky_relu elu""".split()
    assert set(promised) <= set(autograd_core.__all__)
    assert all(hasattr(autograd_core, name) for name in autograd_core.__all__)


def test_a_leaf():
    v = Value(2.0, label="x")
    assert (v.data, v.grad, v.label, v.op, v.inputs, v.partials) == (2.0, 0.0, "x", "", (), ())
    assert v.gate is None and v.constants == () and v.line == ""
    assert Value(2.0).label == ""
    assert Value(data=2.0, label="x").label == "x"


@pytest.mark.parametrize("number", REALS, ids=ids)
def test_any_real_number_is_stored_as_a_python_float(number):
    v = Value(number)
    assert type(v.data) is float and v.data == float(number)


@pytest.mark.parametrize("number", [INF, -INF, NAN, -0.0, 5e-324, 1.7976931348623157e308])
def test_every_float_is_accepted_as_it_is(number):
    assert Value(number).data.hex() == number.hex()


@pytest.mark.parametrize("thing", [*NO_REALS, *NO_REAL_ARRAYS], ids=ids)
def test_what_is_no_real_number_is_refused_naming_its_type(thing):
    with pytest.raises(TypeError, match=naming_type(thing)) as caught:
        Value(thing)
    assert "data must be a real number" in str(caught.value)
    assert "Value(2.0)" in str(caught.value)


def test_a_value_of_a_value_is_refused_with_what_to_write_instead():
    for thing in (Value(1.0), np.array(Value(1.0), dtype=object)):
        with pytest.raises(TypeError, match=r"got a Value.*v\.detach\(\).*v\.data"):
            Value(thing)


def test_a_long_thing_is_cut_short_in_the_message():
    with pytest.raises(TypeError) as caught:
        Value(list(range(10_000)))
    assert len(str(caught.value)) < 300


def test_a_number_that_no_float_holds_raises_overflow_error():
    with pytest.raises(OverflowError):
        Value(10**400)
    with pytest.raises(OverflowError):
        Value(1.0) * 10**400


@pytest.mark.parametrize("label", [None, 5, b"x", ("a",)], ids=ids)
def test_a_label_that_is_no_str_is_refused(label):
    with pytest.raises(TypeError, match=rf"label must be a str, got {type(label).__name__}"):
        Value(1.0, label)


def test_attributes_are_fixed():
    with pytest.raises(AttributeError):
        Value(1.0).lable = "x"
    for name in ("op", "inputs", "partials", "gate"):
        with pytest.raises(AttributeError):
            setattr(Value(1.0), name, ())


# ------------------------------------------------------------------ data and grad


@pytest.mark.parametrize("field", ["data", "grad"])
@pytest.mark.parametrize("number", [*REALS, INF, NAN], ids=ids)
def test_data_and_grad_take_any_real_number_and_hold_a_float(field, number):
    v = Value(7.0)
    setattr(v, field, number)
    held = getattr(v, field)
    assert type(held) is float and held.hex() == float(number).hex()


@pytest.mark.parametrize("field", ["data", "grad"])
@pytest.mark.parametrize("thing", [*NO_REALS, np.array([1.0, 2.0]), Value(1.0)], ids=ids)
def test_data_and_grad_refuse_the_rest_naming_field_and_type_and_keep_their_number(field, thing):
    v = Value(7.0)
    v.grad = 7.0
    with pytest.raises(TypeError, match=rf"{field} must be .*{naming_type(thing)}"):
        setattr(v, field, thing)
    assert (v.data, v.grad) == (7.0, 7.0)


def test_data_and_grad_may_be_updated_in_place():
    v = Value(1.0)
    v.grad += 0.5
    v.data -= 0.1 * v.grad
    assert (v.data, v.grad) == (0.95, 0.5)


# ------------------------------------------------------------------ operators


OPERATORS = [
    ("+", operator.add), ("-", operator.sub), ("*", operator.mul), ("/", operator.truediv),
    ("**", operator.pow),
]  # fmt: skip
SLOPES = {
    "+": lambda a, b: (1.0, 1.0),
    "-": lambda a, b: (1.0, -1.0),
    "*": lambda a, b: (b, a),
    "/": lambda a, b: (1.0 / b, -a / b / b),
    "**": lambda a, b: (b * a ** (b - 1.0), a**b * math.log(a)),
}


@pytest.mark.parametrize("symbol, function", OPERATORS)
def test_an_operator_on_two_values(symbol, function):
    a, b = Value(3.0), Value(1.5)
    v = function(a, b)
    assert v.data == function(3.0, 1.5)
    assert v.op == symbol and v.inputs == (a, b) and v.label == ""
    assert v.partials == pytest.approx(SLOPES[symbol](3.0, 1.5), rel=1e-15)
    v.backward()
    assert (a.grad, b.grad) == v.partials and v.grad == 1.0


@pytest.mark.parametrize("symbol, function", OPERATORS)
@pytest.mark.parametrize("number", REALS, ids=ids)
def test_an_operator_with_a_number_on_either_side(symbol, function, number):
    a = Value(2.5)
    right, left = function(a, number), function(number, a)
    assert type(right) is Value and type(left) is Value
    assert right.data == function(2.5, float(number)) and type(right.data) is float
    assert left.data == function(float(number), 2.5) and type(left.data) is float
    assert right.op == left.op == symbol
    assert left.inputs[1] is a and right.inputs[0] is a
    assert left.inputs[0].data == float(number) and left.inputs[0].op == ""
    assert left.partials == pytest.approx(SLOPES[symbol](float(number), 2.5), rel=1e-15)
    if symbol != "**":
        assert right.inputs[1].data == float(number) and right.inputs[1].inputs == ()
        assert type(right.inputs[1].data) is float


def test_the_order_of_inputs_is_the_order_of_writing():
    a = Value(2.0)
    for symbol, function in OPERATORS:
        left, right = function(5.0, a).inputs
        assert (left.data, right) == (5.0, a), symbol
    first, second = Value(1.0), Value(2.0)
    assert first.max(second).inputs == (first, second)
    assert minimum(second, first).inputs == (second, first)
    assert maximum(3.0, first).inputs[1] is first
    assert (a * a).inputs == (a, a)


def test_a_plain_exponent_is_a_constant_of_the_gate_and_no_input():
    x = Value(3.0)
    v = x**2
    assert v.inputs == (x,) and v.constants == (2.0,) and v.op == "**"
    assert v.gate is gates["power"] and v.partials == (6.0,)
    with_value = x ** Value(2.0)
    assert with_value.gate is gates["pow"] and len(with_value.inputs) == 2
    assert with_value.op == "**" and with_value.constants == ()
    assert (2**x).inputs[0].data == 2.0 and (2**x).constants == ()


@pytest.mark.parametrize("name, default, y", [("leaky_relu", 0.01, -0.02), ("elu", 1.0, None)])
def test_slope_and_alpha_are_constants_of_the_gate(name, default, y):
    x = Value(-2.0)
    method = getattr(x, name)
    y = math.expm1(-2.0) if y is None else y
    parameter = gates[name].parameters[0]
    for call, constant in [
        (method(), default), (method(0.5), 0.5), (method(**{parameter: Fraction(1, 4)}), 0.25),
        (getattr(autograd_core, name)(x, **{parameter: 2}), 2.0),
    ]:  # fmt: skip
        assert call.inputs == (x,) and call.constants == (constant,)
        assert type(call.constants[0]) is float and call.op == name
        assert call.data == pytest.approx(y / default * constant, rel=1e-15)
    for wrong in [{"beta": 1.0}, {parameter: "1"}, {parameter: None}, {parameter: x}]:
        with pytest.raises(TypeError, match=name):
            method(**wrong)
    with pytest.raises(TypeError, match=name):
        method(1.0, 2.0)


def test_minus_plus_and_abs():
    x = Value(-3.0)
    assert ((-x).data, (-x).op, (-x).inputs, (-x).partials) == (3.0, "neg", (x,), (-1.0,))
    assert (abs(x).data, abs(x).op, abs(x).inputs, abs(x).partials) == (3.0, "abs", (x,), (-1.0,))
    assert +x is x


def test_sum_and_augmented_assignment():
    values = [Value(1.0), Value(2.0), Value(4.0)]
    assert sum(values).data == 7.0
    before = total = values[0]
    total += 1.0
    assert total is not before and before.data == 1.0 and total.inputs[0] is before


UNARY = {
    "exp": math.exp, "log": math.log, "log1p": math.log1p, "expm1": math.expm1, "sqrt": math.sqrt,
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "tanh": math.tanh, "sinh": math.sinh,
    "cosh": math.cosh, "asin": math.asin, "acos": math.acos, "atan": math.atan,
    "sigmoid": lambda x: 1.0 / (1.0 + math.exp(-x)), "softplus": lambda x: math.log1p(math.exp(x)),
    "relu": lambda x: max(0.0, x), "leaky_relu": lambda x: x, "elu": lambda x: x,
}  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_each_gate_is_a_method_and_a_function_on_values_and_numbers(name):
    x = Value(0.4)
    method, function = getattr(x, name)(), getattr(autograd_core, name)
    assert method.op == name and method.inputs == (x,)
    assert method.data == pytest.approx(UNARY[name](0.4), rel=1e-15)
    assert function(x).data == method.data and function(x).inputs == (x,)
    number = function(0.4)
    assert type(number) is float and number == method.data
    assert function(np.float64(0.4)) == function(Fraction(0.4)) == number
    assert type(function(1)) is float
    for documented in (function, getattr(Value, name)):
        assert name in documented.__doc__
    assert function.__name__ == name


def test_max_and_min_as_methods_and_functions():
    a, b = Value(1.0), Value(4.0)
    for v, op, y, slopes in [
        (a.max(b), "max", 4.0, (0.0, 1.0)), (maximum(a, b), "max", 4.0, (0.0, 1.0)),
        (a.min(b), "min", 1.0, (1.0, 0.0)), (minimum(a, b), "min", 1.0, (1.0, 0.0)),
        (a.max(0), "max", 1.0, (1.0, 0.0)), (maximum(0, a), "max", 1.0, (0.0, 1.0)),
        (minimum(np.float64(0.0), a), "min", 0.0, (1.0, 0.0)),
    ]:  # fmt: skip
        assert (v.op, v.data, v.partials) == (op, y, slopes)
    assert maximum(1, 2) == 2.0 and minimum(1, 2) == 1.0 and type(maximum(1, 2)) is float
    assert math.isnan(maximum(1.0, NAN)) and math.isnan(minimum(NAN, 1.0))


def test_functions_on_numbers_raise_as_on_values():
    for error, call in [
        (OverflowError, lambda: exp(1000)), (ValueError, lambda: log(0)),
        (ValueError, lambda: sqrt(-1)), (ValueError, lambda: asin(1.5)),
        (TypeError, lambda: exp("1")), (TypeError, lambda: maximum(1.0, None)),
        (TypeError, lambda: maximum(1.0)), (TypeError, lambda: exp(1.0, 2.0)),
        (TypeError, lambda: exp()), (TypeError, lambda: elu(1.0, beta=2.0)),
        (TypeError, lambda: exp([1.0])), (TypeError, lambda: log(np.array([1.0]))),
        (TypeError, lambda: exp(2j)), (TypeError, lambda: maximum(Value(1.0), "2")),
    ]:  # fmt: skip
        with pytest.raises(error, match=r"^(exp|log|sqrt|asin|max|elu)\b"):
            call()


def test_formulas_with_functions_run_on_numbers_and_values_alike():
    def f(x):
        a = exp(sin(x)) + expm1(cos(x)) - log1p(sqrt(x)) / log(x + 2) + tan(x) * tanh(x)
        b = sinh(x) * cosh(x) + asin(x) - acos(x) + atan(x) + sigmoid(x) + softplus(x)
        return a + b + relu(x) + leaky_relu(-x, slope=0.1) + elu(-x)

    assert type(f(0.3)) is float
    assert f(Value(0.3)).data == f(0.3)


# ------------------------------------------------------------------ wrong operands

BINARY = [function for _, function in OPERATORS]
ORDER = [operator.lt, operator.le, operator.gt, operator.ge]


@pytest.mark.parametrize(
    "thing", ["a", b"a", None, 2j, [1.0], {}, object(), np.complex128(2j)], ids=ids
)
@pytest.mark.parametrize("function", [*BINARY, *ORDER])
def test_a_wrong_operand_gives_pythons_type_error_on_both_sides(function, thing):
    v = Value(2.0)
    with pytest.raises(TypeError, match="Value"):
        function(v, thing)
    with pytest.raises(TypeError, match="Value"):
        function(thing, v)
    assert v.grad == 0.0


@pytest.mark.parametrize("name", "add sub mul truediv pow lt le gt ge".split())
def test_special_methods_answer_not_implemented_to_a_wrong_operand(name):
    assert getattr(Value(2.0), f"__{name}__")("2") is NotImplemented
    if name not in ("lt", "le", "gt", "ge"):
        assert getattr(Value(2.0), f"__r{name}__")("2") is NotImplemented


def test_another_class_may_answer_in_our_place():
    class Other:
        def __radd__(self, other):
            return "radd"

        __lt__ = __gt__ = lambda self, other: "order"

    assert Value(1.0) + Other() == "radd"
    assert (Value(1.0) < Other()) == "order"


def test_modulus_floor_division_and_pow_with_modulus_are_no_gates():
    v = Value(7.0)
    for call in (lambda: v % 2, lambda: v // 2, lambda: divmod(v, 2), lambda: pow(v, 2, 3)):
        with pytest.raises(TypeError):
            call()


# ------------------------------------------------------------------ order, equality, truth


@pytest.mark.parametrize("other", [1.0, 2.0, 3, Fraction(2), np.float64(2.5), np.array(2.0), NAN])
@pytest.mark.parametrize("function", ORDER)
def test_order_compares_data(function, other):
    v = Value(2.0)
    number = float(other)
    for answer, expected in [
        (function(v, other), function(2.0, number)), (function(other, v), function(number, 2.0)),
        (function(v, Value(other)), function(2.0, number)),
    ]:  # fmt: skip
        assert bool(answer) is expected
    assert function(v, Value(other)).__class__ is bool


def test_order_is_that_of_data_also_beside_numbers_that_no_float_holds():
    for data in (0.1, 2.0**53, -INF):
        for other in (Fraction(1, 10), 2**53 + 1, 10**400, -(10**400)):
            for function in ORDER:
                assert function(Value(data), other) is function(data, other)
                assert function(other, Value(data)) is function(other, data)


def test_values_sort_by_data():
    values = [Value(3.0), Value(1.0), Value(2.0)]
    assert [v.data for v in sorted(values)] == [1.0, 2.0, 3.0]
    assert max(values) is values[0] and min(values) is values[1]


def test_equality_and_hash_are_identity():
    a, b = Value(2.0), Value(2.0)
    assert a == a and a != b and not a == b
    assert (a == 2.0) is False and (a != 2.0) is True
    assert len({a, b, a}) == 2 and {a: "a", b: "b"}[a] == "a"
    assert [b, a].index(a) == 1 and a not in [b]
    key = hash(a)
    a.data = 5.0
    assert hash(a) == key
    assert "v == 2.0" in Value.__doc__


@pytest.mark.parametrize("data", [0.0, -0.0, 1.0, -1e-300, INF, NAN])
def test_truth_is_data_not_zero(data):
    assert bool(Value(data)) is (data != 0)


# ------------------------------------------------------------------ text


def test_repr():
    assert repr(Value(0.73)) == "Value(data=0.73, grad=0.0)"
    assert repr(Value(2, label="f")) == "Value(data=2.0, grad=0.0, label='f')"
    v = Value(1.0) + 2.0
    v.label = "it's"
    v.backward()
    assert repr(v) == 'Value(data=3.0, grad=1.0, label="it\'s")'
    assert str(v) == repr(v)


def test_format():
    v = Value(0.73456, label="f")
    assert f"{v:.3f}" == "0.735"
    assert f"{v:>10.2e}" == "  7.35e-01"
    assert f"{v}" == repr(v)
    with pytest.raises(ValueError):
        f"{v:nonsense}"


# ------------------------------------------------------------------ nothing becomes a plain number


@pytest.mark.parametrize(
    "call",
    [
        float, int, complex, math.exp, math.floor, lambda v: math.atan2(v, 1.0),
        lambda v: np.array([v], float), lambda v: np.array([v]).astype(float),
        lambda v: np.float64(v),
    ],
)  # fmt: skip
def test_what_would_lose_the_graph_raises_and_points_to_data_and_exp(call):
    for v in (Value(1.0), Value(1.0) * 2.0):
        with pytest.raises(TypeError, match=r"v\.data.*import exp; exp\(v\)"):
            call(v)


@pytest.mark.parametrize("call", [range, round, operator.index, len, iter, list])
def test_a_value_is_no_index_and_no_sequence(call):
    with pytest.raises(TypeError):
        call(Value(1.0))


# ------------------------------------------------------------------ the table of points


def slopes(f, *xs):
    """The gradients of f at xs, by backward and by grad, which must be the same."""
    inputs = [Value(x) for x in xs]
    output = f(*inputs)
    again = [x.data.hex() for x in grad(output, inputs)]
    output.backward()
    assert [x.grad.hex() for x in inputs] == again
    return [x.grad for x in inputs]


def first(a, b):
    return a.max(b)


@pytest.mark.parametrize(
    "f, xs, expected",
    [
        (relu, (0.0,), [0.0]),
        (relu, (-0.0,), [0.0]),
        (abs, (0.0,), [0.0]),
        (abs, (-0.0,), [0.0]),
        (lambda x: leaky_relu(x, slope=0.2), (0.0,), [0.2]),
        (leaky_relu, (-0.0,), [0.01]),
        (elu, (0.0,), [1.0]),
        (elu, (-0.0,), [1.0]),
        (lambda x: elu(x, alpha=3.0), (0.0,), [1.0]),
        (maximum, (2.0, 2.0), [0.5, 0.5]),
        (minimum, (2.0, 2.0), [0.5, 0.5]),
        (maximum, (0.0, -0.0), [0.5, 0.5]),
        (maximum, (INF, INF), [0.5, 0.5]),
        (lambda x: maximum(x, 2.0), (2.0,), [0.5]),
        (lambda x: minimum(2, x), (2.0,), [0.5]),
        (lambda x: x.max(x), (2.0,), [1.0]),
        (lambda x: x.min(x), (2.0,), [1.0]),
        (lambda a, b: maximum(a, b) + minimum(a, b), (2.0, 2.0), [1.0, 1.0]),
        (sqrt, (0.0,), [INF]),
        (sqrt, (-0.0,), [INF]),
        (asin, (1.0,), [INF]),
        (asin, (-1.0,), [INF]),
        (acos, (1.0,), [-INF]),
        (acos, (-1.0,), [-INF]),
        (lambda x: x**0, (0.0,), [0.0]),
        (lambda x, y: x**y, (0.0, 0.0), [0.0, 0.0]),
        (lambda x, y: x**y, (0.0, 2.0), [0.0, 0.0]),
        (lambda x, y: x**y, (0.0, 1.0), [1.0, 0.0]),
        (lambda x, y: x**y, (0.0, 0.5), [INF, 0.0]),
        (lambda y: 0**y, (3.0,), [0.0]),
        (lambda y: 0**y, (0.0,), [0.0]),
        (lambda x: x**0.5, (0.0,), [INF]),
        (lambda x: x**0.5, (-0.0,), [INF]),
        (lambda x: x**2, (0.0,), [0.0]),
        (lambda x: x**2, (-2.0,), [-4.0]),
        (lambda x: x**3, (-2.0,), [12.0]),
        (lambda x: x**1, (0.0,), [1.0]),
        (lambda x: x / 4.0, (INF,), [0.25]),
    ],
)
def test_slope_at_a_point_of_convention(f, xs, expected):
    assert slopes(f, *xs) == expected


@pytest.mark.parametrize("data", [0.0, -0.0, 3.0])
def test_the_zeroth_power_is_1_with_slope_0_everywhere(data):
    v = Value(data) ** 0
    assert v.data == 1.0 and v.partials == (0.0,)


@pytest.mark.parametrize("f", [maximum, minimum])
@pytest.mark.parametrize("xs", [(NAN, 1.0), (1.0, NAN), (NAN, NAN), (NAN, INF)])
def test_max_and_min_with_nan_are_nan_whatever_the_order(f, xs):
    assert math.isnan(f(*map(Value, xs)).data)
    assert all(map(math.isnan, slopes(f, *xs)))


@pytest.mark.parametrize(
    "f",
    [
        relu, leaky_relu, elu, abs, exp, log, sqrt, sin, asin, sigmoid, softplus, tanh,
        lambda x: x.max(1.0), lambda x: 1.0 - x.min(-1.0), lambda x: x**2, lambda x: x * x,
        lambda x: (x + 1.0) / (x - 2.0) * x,
    ],
)  # fmt: skip
def test_nan_in_gives_nan_out_and_a_nan_gradient_and_never_raises(f):
    assert math.isnan(f(Value(NAN)).data)
    assert math.isnan(slopes(f, NAN)[0])


@pytest.mark.parametrize("denominator", [0.0, -0.0])
def test_nan_over_zero_is_nan(denominator):
    assert math.isnan((Value(NAN) / denominator).data)


def test_nan_has_the_two_exceptions_of_python():
    assert (1.0 ** Value(NAN)).data == 1.0**NAN == 1.0
    assert (Value(1.0) ** NAN).data == 1.0
    assert (Value(NAN) ** 0).data == NAN**0 == 1.0
    assert (Value(NAN) ** Value(0.0)).data == 1.0


def test_zero_times_infinity_in_the_chain_is_nan_as_ieee_has_it():
    assert math.isnan(slopes(lambda x: sqrt(x) * 0.0, 0.0)[0])
    assert math.isnan((Value(INF) * 0.0).data)


def test_a_negative_base_has_no_slope_in_a_value_exponent():
    x, y = Value(-2.0), Value(2.0)
    v = x**y
    v.backward()
    assert v.data == 4.0 and x.grad == -4.0 and math.isnan(y.grad)
    v = (-2) ** Value(2)
    assert v.data == 4.0 and v.partials[0] == -4.0 and math.isnan(v.partials[1])


def test_a_plain_exponent_gets_no_derivative_and_no_nan_anywhere():
    x = Value(-2.0)
    v = x**2
    v.backward()
    (slope,) = grad(v, [x])
    (second,) = grad(slope, [x])
    assert (v.data, v.partials, x.grad, slope.data, second.data) == (4.0, (-4.0,), -4.0, -4.0, 2.0)
    for root in (v, slope, second):
        assert first_nan(root) is None
        assert not any(math.isnan(p) for node in autograd_core.topological(root)
                       for p in node.partials)  # fmt: skip


@pytest.mark.parametrize(
    "error, name, f, data",
    [
        (ValueError, "log", log, 0.0),
        (ValueError, "log", log, -0.0),
        (ValueError, "log", log, -1.0),
        (ValueError, "log", log, -INF),
        (ValueError, "log1p", log1p, -1.0),
        (ValueError, "log1p", log1p, -2.0),
        (ValueError, "sqrt", sqrt, -1.0),
        (ValueError, "sqrt", sqrt, -5e-324),
        (ValueError, "power", lambda x: x ** (1 / 3), -8.0),
        (ValueError, "pow", lambda x: x ** Value(1 / 3), -8.0),
        (ValueError, "pow", lambda x: (-8.0) ** x, 1 / 3),
        (ValueError, "asin", asin, 1.5),
        (ValueError, "asin", asin, -1.0000000000000002),
        (ValueError, "acos", acos, 1.5),
        (ValueError, "sin", sin, INF),
        (ValueError, "cos", cos, -INF),
        (ValueError, "tan", tan, INF),
        (ZeroDivisionError, "div", lambda x: 1 / x, 0.0),
        (ZeroDivisionError, "div", lambda x: x / x, 0.0),
        (ZeroDivisionError, "div", lambda x: x / 0, INF),
        (ZeroDivisionError, "div", lambda x: x / -0.0, 1.0),
        (ZeroDivisionError, "power", lambda x: x**-1, 0.0),
        (ZeroDivisionError, "power", lambda x: x**-0.5, -0.0),
        (ZeroDivisionError, "pow", lambda x: 0**x, -1.0),
        (OverflowError, "exp", exp, 1000.0),
        (OverflowError, "expm1", expm1, 1000.0),
        (OverflowError, "sinh", sinh, -1000.0),
        (OverflowError, "cosh", cosh, 1000.0),
        (OverflowError, "power", lambda x: x**2, 1e200),
        (OverflowError, "power", lambda x: x**3, -1e200),
        (OverflowError, "pow", lambda x: x ** Value(2.0), 1e200),
    ],
)
def test_where_python_raises_the_same_error_names_gate_and_operand_and_label(error, name, f, data):
    for label in ("", "weight"):
        x = Value(data, label=label)
        x.grad = 0.25
        with pytest.raises(error) as caught:
            f(x)
        message = str(caught.value)
        assert message.startswith(f"{name}: ")
        assert repr(data) in message
        assert ("=" in message) is bool(label)
        assert not label or f"weight={data!r}" in message
        assert x.grad == 0.25


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


@pytest.mark.parametrize(
    "f, data, y",
    [
        (lambda x: x * 10, 1e308, INF),
        (lambda x: x + x, 1e308, INF),
        (lambda x: -x - x, 1e308, -INF),
        (lambda x: x / 1e-10, 1e308, INF),
        (exp, INF, INF), (exp, -INF, 0.0), (exp, -1000.0, 0.0), (log, INF, INF),
        (lambda x: x**2, INF, INF), (lambda x: x**-1, INF, 0.0), (lambda x: 0.5**x, -INF, INF),
        (tanh, INF, 1.0), (sigmoid, -INF, 0.0), (sigmoid, INF, 1.0), (softplus, INF, INF),
        (softplus, -INF, 0.0), (relu, INF, INF), (elu, -INF, -1.0), (elu, 1000.0, 1000.0),
        (lambda x: x ** Value(3.0), -INF, -INF), (softplus, 1000.0, 1000.0),
    ],
)  # fmt: skip
def test_infinity_stays_visible_where_python_does_not_raise(f, data, y):
    assert f(Value(data)).data == y


@pytest.mark.parametrize(
    "f, data, slope",
    [
        (sigmoid, 40.0, 4.248354255291589e-18), (tanh, 20.0, 1.699341702116636e-17),
        (expm1, -50.0, math.exp(-50.0)), (elu, -50.0, math.exp(-50.0)), (atan, 1e200, 0.0),
        (lambda x: 1.0 / x, 1e-160, -math.inf), (lambda x: 1e-300 / x, 1e-200, -1e100),
        (softplus, -50.0, math.exp(-50.0)), (lambda x: 1e200 / x, 1e200, -1e-200),
    ],
)  # fmt: skip
def test_slopes_far_out_have_not_drowned(f, data, slope):
    assert slopes(f, data)[0] == pytest.approx(slope, rel=4e-16, abs=0.0)


# ------------------------------------------------------------------ copies


def pickled(protocol):
    return lambda v: pickle.loads(pickle.dumps(v, protocol))


COPIES = [copy.copy, copy.deepcopy, *map(pickled, range(2, pickle.HIGHEST_PROTOCOL + 1))]


@pytest.mark.parametrize("clone", COPIES)
def test_a_leaf_travels_with_data_grad_and_label(clone):
    v = Value(-0.0, label="w")
    v.grad = 2.5
    w = clone(v)
    assert w is not v and w != v
    assert (w.data.hex(), w.grad, w.label, w.op, w.inputs) == ("-0x0.0p+0", 2.5, "w", "", ())
    w.data = 9.0
    assert v.data == 0.0
    (w * w).backward()
    assert (v.grad, w.grad) == (2.5, 20.5)


@pytest.mark.parametrize("clone", COPIES)
def test_a_result_does_not_travel_and_says_why(clone):
    with pytest.raises(TypeError, match=r"only a leaf can be copied.*'\*'.*v\.detach\(\)"):
        clone(Value(2.0) * 3.0)


def test_a_leaf_that_is_shared_stays_shared():
    w = Value(1.0)
    for a, b in (copy.deepcopy([w, w]), pickle.loads(pickle.dumps((w, w)))):
        assert a is b and a is not w


def test_detach_and_item():
    v = Value(2.0, label="v") * 3.0
    v.backward()
    d = v.detach()
    assert (d.data, d.grad, d.op, d.inputs) == (6.0, 0.0, "", ())
    assert v.item() == 6.0 and type(v.item()) is float
    x = Value(2.0)
    (x * x.detach()).backward()
    assert x.grad == 2.0


def test_the_aliases_of_micrograd():
    a, b = Value(2.0), Value(3.0)
    v = a * b
    assert v._prev == v.inputs == (a, b) and v._op == v.op == "*"
    assert a._prev == () and a._op == ""


# ------------------------------------------------------------------ NumPy


def column(*numbers):
    return np.array([Value(x) for x in numbers])


@pytest.mark.parametrize(
    "ufunc, op",
    [
        (np.exp, "exp"), (np.log, "log"), (np.log1p, "log1p"), (np.expm1, "expm1"),
        (np.sqrt, "sqrt"), (np.sin, "sin"), (np.cos, "cos"), (np.tan, "tan"), (np.sinh, "sinh"),
        (np.cosh, "cosh"), (np.tanh, "tanh"), (np.arcsin, "asin"), (np.arccos, "acos"),
        (np.arctan, "atan"), (np.abs, "abs"), (np.negative, "neg"),
    ],
)  # fmt: skip
def test_ufuncs_on_an_object_array_call_the_gates(ufunc, op):
    A = column(0.25, 0.5)
    B = ufunc(A)
    assert B.dtype == object and [b.op for b in B] == [op, op]
    assert [b.inputs[0] for b in B] == list(A)
    assert [b.data for b in B] == pytest.approx(ufunc(np.array([0.25, 0.5])), rel=1e-15)
    assert ufunc(A[0]).data == B[0].data and ufunc(A[0]).op == op


def test_the_names_that_numpy_calls_are_aliases():
    assert Value.arcsin is Value.asin
    assert Value.arccos is Value.acos
    assert Value.arctan is Value.atan


def test_matrix_product_and_sum_of_object_arrays():
    weights = np.array([[1.0, -2.0, 0.5], [3.0, 4.0, -1.0]])
    numbers = np.array([0.1, 0.2, 0.3])
    A = np.array([[Value(w) for w in row] for row in weights])
    x = column(*numbers)
    y = A @ x
    assert [v.data for v in y] == pytest.approx(weights @ numbers, rel=1e-15)
    y.sum().backward()
    assert [[w.grad for w in row] for row in A] == [[0.1, 0.2, 0.3]] * 2
    assert [v.grad for v in x] == pytest.approx(weights.sum(axis=0), rel=1e-15)
    assert A.sum().data == pytest.approx(weights.sum())
    assert A.mean().data == pytest.approx(weights.mean())
    assert [v.data for v in (weights @ x)] == [v.data for v in y]


def test_values_meet_arrays_of_numbers_elementwise_on_both_sides():
    v, numbers = Value(2.0), np.array([1.0, 4.0])
    for result, expected, place in [
        (v * numbers, [2.0, 8.0], 0), (numbers * v, [2.0, 8.0], 1), (v - numbers, [1.0, -2.0], 0),
        (numbers - v, [-1.0, 2.0], 1), (v / numbers, [2.0, 0.5], 0), (numbers / v, [0.5, 2.0], 1),
        (numbers**v, [1.0, 16.0], 1),
    ]:  # fmt: skip
        assert [r.data for r in result] == expected
        assert all(r.inputs[place] is v for r in result)


def test_numpys_maximum_picks_one_operand_and_ours_is_the_gate():
    a, b = column(2.0, 1.0), column(2.0, 3.0)
    picked = np.maximum(a, b)
    assert all(any(p is x for x in (*a, *b)) for p in picked)
    assert column(1.0, 3.0, 2.0).max().data == 3.0 and column(1.0, 3.0).max().op == ""
    ours = maximum(a[0], b[0])
    assert ours.op == "max" and ours.partials == (0.5, 0.5)


def test_no_array_ufunc_is_set():
    assert not hasattr(Value, "__array_ufunc__")
    assert not hasattr(Value, "__array_priority__")


# ------------------------------------------------------------------ where


def test_where_takes_a_branch():
    a, b = Value(1.0), Value(2.0)
    assert where(True, a, b) is a and where(a > b, a, b) is b
    assert where(Value(0.0), a, b) is b and where(Value(-3.0), a, b) is a
    assert where(True, 1, 2) == 1.0 and type(where(False, 1, 2)) is float


def test_where_is_a_value_if_one_of_its_operands_is():
    a = Value(1.0)
    for v in (where(False, a, 5), where(True, 5, a)):
        assert isinstance(v, Value) and v.data == 5.0 and v.op == ""
    with pytest.raises(TypeError, match="where: operand"):
        where(False, a, "5")


def test_where_keeps_the_infinite_slope_of_the_other_branch_out():
    x = Value(0.0)
    y = where(x > 0.0, sqrt(x), x * 3.0)
    y.backward()
    assert x.grad == 3.0


# ------------------------------------------------------------------ which line made it


def here():
    return inspect.currentframe().f_back.f_lineno


def test_nothing_is_traced_unless_asked():
    assert (Value(1.0) * 2.0).line == "" and "line" not in repr(Value(1.0))


def test_trace_creation_keeps_the_line_that_made_a_value():
    with trace_creation():
        leaf = Value(2.0)
        leaf_line = here() - 1
        v = exp(leaf)
        w = -v * 3.0
    assert leaf.line == f"test_value.py:{leaf_line}: leaf = Value(2.0)"
    assert v.line == f"test_value.py:{leaf_line + 2}: v = exp(leaf)"
    assert w.line == w.inputs[0].line == f"test_value.py:{leaf_line + 3}: w = -v * 3.0"
    assert f"line={v.line!r}" in repr(v)
    assert (v * 2.0).line == ""


def test_an_error_names_the_line_that_made_its_operand_and_the_line_that_failed():
    with trace_creation():
        x = Value(1.0, label="x")
        d = x - 1.0
        line = here() - 1
        with pytest.raises(ZeroDivisionError) as caught:
            x / d
    message = str(caught.value)
    assert message.startswith("div: x=1.0 / 0.0: division by zero")
    assert f"0.0 was made at test_value.py:{line}: d = x - 1.0" in message
    assert f"x=1.0 was made at test_value.py:{line - 1}:" in message
    assert f"is at test_value.py:{line + 3}: x / d" in message
    with pytest.raises(ValueError, match=rf"was made at test_value\.py:{line}: ") as outside:
        log(d)
    assert " is at " not in str(outside.value)


# ------------------------------------------------------------------ first_nan


def test_first_nan_is_the_first_gate_whose_output_is_nan_while_its_inputs_are_not():
    x = Value(1e308, label="x")
    big = x * 10.0
    culprit = big - big
    root = exp(culprit) + culprit * 2.0
    assert math.isnan(root.data)
    assert first_nan(root) is culprit


def test_first_nan_names_a_leaf_that_was_given_one_and_none_if_there_is_none():
    leaf = Value(NAN)
    assert first_nan(Value(1.0) * leaf) is leaf
    assert first_nan(leaf) is leaf
    assert first_nan(Value(1.0) / 3.0) is None
    assert first_nan(Value(INF) + 1.0) is None


def test_first_nan_takes_the_order_of_evaluation_and_shows_the_line():
    inf = Value(INF)
    with trace_creation():
        left = inf - inf
        line = here() - 1
        right = inf * 0.0
    assert first_nan(right + left) is right and first_nan(left + right) is left
    assert f"test_value.py:{line}: left = inf - inf" in repr(first_nan(left + right))


def test_a_result_under_no_grad_keeps_its_op_and_travels_as_a_leaf():
    with no_grad():
        v = Value(2.0) * 3.0
    assert v.op == "*" and v.inputs == () and v.partials == ()
    assert copy.copy(v).data == 6.0
    assert apply(gates["exp"], v).inputs == (v,)


def test_functions_are_pickled_by_their_public_names():
    for function in (maximum, minimum, exp):
        assert pickle.loads(pickle.dumps(function)) is function


def test_a_gate_that_gives_ints_makes_floats():
    step_gate = Gate("steps", lambda xp, x: 1, lambda xp, y, x: (0,), latex="1", slopes=("0",))
    v = apply(step_gate, Value(2.0))
    assert isinstance(v.data, float) and isinstance(v.partials[0], float)
