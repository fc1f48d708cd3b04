"""Value: how it is made, what operators and gates make of it, and its backward pass."""

import copy
import gc
import itertools
import math
import operator
import pickle
import random
import signal
import sys
import threading
import time
import weakref
from fractions import Fraction

import numpy as np
import pytest

import autograd_core
from autograd_core import (
    Gate,
    Value,
    apply,
    exp,
    gates,
    grad,
    maximum,
    minimum,
    no_grad,
    release,
    sigmoid,
    topological,
    trace_creation,
)
from autograd_core import elementary as xp

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
def test_what_is_not_a_real_number_is_refused_naming_its_type(thing):
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
    for number in (10**400, -(10**5000), Fraction(10**400, 3)):
        with pytest.raises(OverflowError, match=r"^data is a number larger than every float"):
            Value(number)
        with pytest.raises(OverflowError, match="larger than every float"):
            Value(1.0) * number
    with pytest.raises(OverflowError, match=r"^leaky_relu: slope is a number larger than"):
        Value(1.0).leaky_relu(10**400)


@pytest.mark.parametrize("label", [None, 5, b"x", ("a",)], ids=ids)
def test_a_label_that_is_not_a_str_is_refused(label):
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


def test_a_plain_exponent_is_a_constant_of_the_gate_and_not_an_input():
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


def test_a_gate_that_gives_ints_makes_floats():
    step_gate = Gate("steps", lambda xp, x: 1, lambda xp, y, x: (0,), latex="1", slopes=("0",))
    v = apply(step_gate, Value(2.0))
    assert isinstance(v.data, float) and isinstance(v.partials[0], float)


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


def test_apply_raises_where_the_gate_fails_unless_it_is_to_be_quiet():
    zero = Value(0.0)
    with pytest.raises(ValueError, match="log"):
        apply(gates["log"], zero)
    assert apply(gates["log"], zero, quiet=True).data == -INF


# ------------------------------------------------------------------ equal to the table


BY_HAND = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "neg": operator.neg,
    "relu": Value.relu,
}  # fmt: skip
METHODS = [name for name in gates if hasattr(Value, name) or name == "abs"]


@pytest.fixture
def hand_points(special_numbers):
    rng = random.Random(11)
    return [
        *itertools.product(special_numbers, special_numbers),
        *[
            (rng.gauss(0.0, 10.0), math.ldexp(rng.uniform(-1.0, 1.0), rng.randint(-1070, 1020)))
            for _ in range(500)
        ],
    ]


@pytest.mark.parametrize("name", BY_HAND)
def test_operators_written_by_hand_equal_the_table_bit_for_bit(bits, hand_points, name):
    gate = gates[name]
    for point in hand_points:
        point = point[: len(gate.operands)]
        v = BY_HAND[name](*map(Value, point))
        y = gate.forward(xp, *point)
        assert v.gate is gate
        assert bits(v.data, *v.partials) == bits(y, *gate.partials(xp, y, *point)), point


@pytest.mark.parametrize("name", METHODS)
def test_methods_equal_the_table_bit_for_bit(bits, hand_points, name):
    gate = gates[name]
    call = operator.methodcaller if name != "abs" else lambda _, *rest: abs
    for point in hand_points:
        point = point[: len(gate.operands)]
        y = gate.forward(xp, *point, *gate.defaults)
        if gate.fails(xp, y, *point, *gate.defaults):
            continue
        v = call(name, *map(Value, point[1:]))(Value(point[0]))
        assert v.gate is gate
        slopes = gate.partials(xp, y, *point, *gate.defaults)
        assert bits(v.data, *v.partials) == bits(y, *slopes), point


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


def test_modulus_floor_division_and_pow_with_modulus_are_not_gates():
    v = Value(7.0)
    for call in (lambda: v % 2, lambda: v // 2, lambda: divmod(v, 2), lambda: pow(v, 2, 3),
                 lambda: pow(2, v, 3), lambda: pow(2, 3, v)):  # fmt: skip
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


def test_comparison_is_exact_with_numbers_that_no_float_holds():
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
def test_a_value_is_true_unless_its_data_is_zero(data):
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
    with trace_creation():
        assert ", line='test_value.py:" in repr(Value(1.0))


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
def test_a_value_is_not_an_index_or_a_sequence(call):
    with pytest.raises(TypeError):
        call(Value(1.0))


@pytest.mark.parametrize(
    "name, words", [("requires_grad", "optim"), ("numpy", r"np\.array"), ("clone", r"x \+ 0")]
)
def test_what_only_pytorch_has_is_told_what_is_here(name, words):
    with pytest.raises(AttributeError, match=words):
        getattr(Value(1.0), name)


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_a_method_has_the_docstring_of_its_gate(name):
    described = gates[name].describe(lambda x: x, f"Value.{name}")
    assert getattr(Value, name).__doc__ == described.__doc__


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


def test_under_no_grad_numbers_and_comparisons_are_the_same():
    with no_grad():
        assert (Value(3.0) / 2.0).data == 1.5 and Value(3.0) > 2.0 and not Value(3.0) <= 2.0


def test_a_result_under_no_grad_keeps_its_op_and_travels_as_a_leaf():
    with no_grad():
        v = Value(2.0) * 3.0
    assert v.op == "*" and v.inputs == () and v.partials == ()
    assert copy.copy(v).data == 6.0
    assert apply(gates["exp"], v).inputs == (v,)


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


def test_a_masked_array_keeps_the_graph():
    """numpy.ma reads `_data` of an operand, if it has one, in place of the operand."""
    v = Value(2.0)
    masked = np.ma.array([3.0, 4.0], mask=[False, True])
    for result, slope in [(v * masked, 3.0), (masked * v, 3.0), (v + masked, 1.0)]:
        assert result.mask.tolist() == [False, True]
        v.zero_grad()
        result[0].backward()
        assert v.grad == slope
    with pytest.raises(TypeError):  # what NumPy does not do for objects: loudly
        v / masked


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


# ------------------------------------------------------------------ backward


def test_backward_twice_adds_exactly_twice_into_every_grad(layered):
    leaves = [Value(x) for x in (0.3, -0.7, 1.1)]
    root = layered(random.Random(5), leaves)
    root.backward()
    once = [v.grad for v in topological(root)]
    root.backward()
    assert [v.grad for v in topological(root)] == [g + g for g in once]
    root.backward()
    assert [v.grad for v in topological(root)] == [g + g + g for g in once]
    assert all(math.isfinite(g) for g in once) and any(once)


def test_the_example_that_gives_18_in_micrograd_gives_12():
    a = Value(3.0)
    b = a * 2.0
    c = b * 1.0
    c.backward()
    c.backward()
    assert (a.grad, b.grad, c.grad) == (4.0, 2.0, 2.0)
    a = Value(3.0)
    b = a * a
    b.backward()
    b.backward()
    assert a.grad == 12.0


def test_roots_that_share_inner_nodes_are_right():
    x = Value(0.5)
    shared = x * x
    first, second = shared * 3.0, shared * 5.0
    first.backward()
    second.backward()
    shared.backward()
    assert (shared.grad, x.grad) == (9.0, 9.0)
    assert (first.grad, second.grad) == (1.0, 1.0)


def test_a_root_built_on_a_root_that_was_differentiated_is_right():
    x = Value(2.0)
    inner = x * x
    inner.backward()
    outer = inner * inner
    outer.backward()
    assert x.grad == 4.0 + 32.0
    assert inner.grad == 1.0 + 8.0


def test_a_grad_that_was_set_is_added_to():
    x = Value(2.0)
    x.grad = 100.0
    (x * 3.0).backward()
    assert x.grad == 103.0


@pytest.mark.parametrize("seed", [2, 0.5, True, -3.0, np.float64(2.0), np.float32(0.5), 0])
def test_the_seed_scales_every_gradient(seed):
    x, y = Value(3.0), Value(5.0)
    v = x * y
    v.backward(seed)
    assert (x.grad, y.grad, v.grad) == (5.0 * float(seed), 3.0 * float(seed), float(seed))
    x.zero_grad()
    v.backward(seed=seed)
    assert x.grad == 5.0 * float(seed) and type(x.grad) is float


@pytest.mark.parametrize("seed", ["1", None, [1.0], np.array([1.0, 2.0]), Value(1.0), 1j])
def test_a_seed_that_is_not_a_number_is_refused_by_name_and_changes_nothing(seed):
    x = Value(3.0)
    v = x * x
    v.backward()
    with pytest.raises(TypeError, match=rf"seed must be .*{type(seed).__name__}"):
        v.backward(seed)
    assert (x.grad, v.grad) == (6.0, 1.0)


def test_zero_grad_zeroes_the_value_and_everything_below_and_nothing_else():
    x, y = Value(2.0), Value(3.0)
    product = x * y
    root, other = product + x, product * 7.0
    root.backward()
    other.backward()
    assert 0.0 not in [v.grad for v in (x, y, product, root, other)]
    root.zero_grad()
    assert [v.grad for v in (x, y, product, root)] == [0.0] * 4
    assert other.grad == 1.0
    root.backward()
    assert (x.grad, y.grad) == (4.0, 2.0)


def test_writing_data_after_the_forward_pass_changes_no_gradient(grads):
    x, y = Value(0.4), Value(1.3)
    gates = [
        x * y, x / y, x**2, x**y, exp(x), x.tanh(), sigmoid(x), x.log(), x.sqrt(), x.relu(),
        x.max(y), abs(x), x.sin(), x.elu(), x.softplus(), x.atan(),
    ]  # fmt: skip
    root = sum(gates)
    root.backward()
    expected = grads(topological(root))
    root.zero_grad()
    nodes = topological(root)
    for v in nodes:
        v.data = -1e9
    root.backward()
    assert grads(nodes) == expected


def test_the_local_slopes_are_fixed_at_the_operands_of_the_forward_pass():
    a, b = Value(3.0), Value(4.0)
    v = a * b
    assert v.partials == v.gate.partials(xp, 12.0, 3.0, 4.0) == (4.0, 3.0)
    a.data = b.data = 0.0
    assert v.partials == (4.0, 3.0)


@pytest.mark.parametrize("watch", [3, "print", [print], True])
def test_a_watch_that_is_no_function_is_told_what_it_would_be_given(watch):
    x = Value(2.0)
    for v in (x, x * x):
        with pytest.raises(TypeError, match=r"watch\(gate, index, upstream, before, after\), got"):
            v.backward(watch=watch)
        assert x.grad == v.grad == 0.0


def test_a_watch_that_calls_backward_gets_a_clear_error_and_no_grad_changes():
    x, other = Value(3.0), Value(1.0)
    v, w = x * x, other * 2.0
    for root in (v, w, x):
        for change in (root.backward, root.zero_grad, lambda root=root: release(root)):
            with pytest.raises(RuntimeError, match=r"watch.*must not call backward"):
                v.backward(watch=lambda *step, change=change: change())
        assert [u.grad for u in (x, v, other, w)] == [0.0] * 4
    v.backward()
    assert x.grad == 6.0


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_a_watch_that_raises_at_any_step_leaves_every_grad_as_it_was(grads, error):
    x = Value(0.7)
    root = (x * x).sin() + x.exp() * x
    root.backward()
    before = grads(topological(root))
    steps = []
    root.backward(watch=lambda *step: steps.append(step))
    root.zero_grad()
    root.backward()
    assert len(steps) == 8
    for last in range(len(steps)):
        count = 0

        def watch(*step, last=last):
            nonlocal count
            if count == last:
                raise error
            count += 1

        with pytest.raises(error):
            root.backward(watch=watch)
        assert grads(topological(root)) == before
    root.backward()
    assert x.grad == 2.0 * float.fromhex(before[0])


# ------------------------------------------------------------------ depth


STEPS = [
    (lambda v, w, flip: -v, lambda dx, dw: (-dx, -dw)),
    (lambda v, w, flip: v + w, lambda dx, dw: (dx, dw + 1)),
    (lambda v, w, flip: v * flip, lambda dx, dw: (-dx, -dw)),
    (lambda v, w, flip: v.leaky_relu(1.0), lambda dx, dw: (dx, dw)),
    (lambda v, w, flip: w - v, lambda dx, dw: (-dx, 1 - dw)),
    (lambda v, w, flip: v / flip, lambda dx, dw: (-dx, -dw)),
    (lambda v, w, flip: v**1, lambda dx, dw: (dx, dw)),
]


def long_chain(gates, cut=False):
    """Build, differentiate, print, search and free a chain, which `release` may cut before."""
    x, w, flip = Value(0.5, label="x"), Value(0.25), Value(-1.0)
    v, dx, dw = x, 1, 0
    limit = sys.getrecursionlimit()
    for i in range(gates):
        make, slope = STEPS[i % len(STEPS)]
        v = make(v, w, flip)
        dx, dw = slope(dx, dw)
    v.label = "end"
    v.backward()
    assert (x.grad, w.grad) == (dx, dw)
    assert len(topological(v)) == gates + 3
    assert repr(v) == str(v) == f"Value(data={v.data!r}, grad=1.0, label='end')"
    assert f"{v:.3f}" == f"{v.data:.3f}"
    assert autograd_core.first_nan(v) is None
    v.zero_grad()
    assert x.grad == w.grad == 0.0
    middle = v
    for _ in range(gates // 2):
        middle = middle.inputs[1 if middle.op == "-" else 0]
    middle = weakref.ref(middle)
    assert middle() is not None
    if cut:
        release(v)
    del v
    assert middle() is None
    assert sys.getrecursionlimit() == limit
    return "done"


def test_a_chain_of_a_million_gates_is_built_differentiated_printed_and_freed(without_gc):
    assert long_chain(1_000_000) == "done"


# Python 3.13 nests the deallocators of a graph that release() has not cut, to a bound of its own:
# 256 KiB are not enough for them, 1 MiB is.
SMALL = [(256, True), (1024, False)] + [(256, False)] * (sys.version_info < (3, 13))


@pytest.mark.parametrize(("kib", "cut"), SMALL)
def test_a_chain_of_a_million_gates_on_a_thread_with_a_small_stack(on_small_stack, kib, cut):
    assert on_small_stack(__file__, f"long_chain(1_000_000, {cut})", kib) == "done"


# ------------------------------------------------------------------ memory


def test_a_dropped_graph_is_freed_by_reference_count(layered, without_gc):
    x = Value(0.3)
    root = layered(random.Random(1), [x, Value(2.0)])
    root.backward()
    root.backward(watch=lambda *step: None)
    (slope,) = grad(root, [x])
    watched = [weakref.ref(v) for v in {*topological(root), *topological(slope)} - {x}]
    assert len(watched) > 100 and all(ref() is not None for ref in watched)
    del root, slope
    assert not any(ref() is not None for ref in watched)


def test_a_graph_is_freed_after_an_error_too(without_gc):
    x = Value(0.3)
    root = x.exp() * x
    inner = weakref.ref(root.inputs[0])
    with pytest.raises(TypeError):
        root.backward("1")
    try:
        root.backward(watch=lambda *step: 1 / 0)
    except ZeroDivisionError:
        pass
    with pytest.raises(ValueError):
        (root * -1.0).log()
    del root
    assert inner() is None


def test_a_thousand_rounds_of_build_backward_drop_do_not_grow(layered, without_gc):
    weights = [Value(0.1), Value(-0.2)]

    def round_(i):
        root = layered(random.Random(i % 10), weights)
        root.backward()
        grad(root, weights)
        root.zero_grad()

    for i in range(20):
        round_(i)
    before = len(gc.get_objects())
    for i in range(1000):
        round_(i)
    assert len(gc.get_objects()) - before < 20
    assert gc.collect() < 20


# ------------------------------------------------------------------ threads


@pytest.fixture
def frequent_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_parallel(functions):
    """Runs the functions on a thread each, all started at once; returns what they return."""
    barrier = threading.Barrier(len(functions))
    results = [None] * len(functions)

    def run(i):
        barrier.wait(10)
        results[i] = functions[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_threads_on_graphs_of_their_own_are_exact(layered, grads, frequent_switches):
    def work(seed):
        leaves = [Value(0.1 * i - 0.3) for i in range(5)]
        for round_ in range(5):
            layered(random.Random(seed * 100 + round_), leaves).backward()
        return grads(leaves)

    expected = [work(seed) for seed in range(6)]
    assert len(set(map(tuple, expected))) == 6
    assert in_parallel([lambda seed=seed: work(seed) for seed in range(6)]) == expected


def test_threads_on_shared_leaves_and_inner_nodes_lose_nothing(frequent_switches):
    x = Value(1.0)
    shared = x
    for _ in range(20_000):  # long enough that threads meet where sums are read and written
        shared = shared + x
    inner = topological(shared)

    def work():
        for _ in range(6):
            (shared * 2.0).backward()

    in_parallel([work] * 4)
    assert x.grad == 24 * 2.0 * 20_001
    assert {v.grad for v in inner if v is not x} == {24 * 2.0}


def test_threads_on_one_root_lose_nothing(frequent_switches):
    x = Value(3.0)
    root = x * x + x

    def work():
        for _ in range(200):
            root.backward()

    in_parallel([work] * 4)
    assert (x.grad, root.grad) == (800 * 7.0, 800.0)


# ------------------------------------------------------------------ interruption


def interrupted_after(seconds, function):
    """Whether a Ctrl-C that many seconds after the start stopped `function`."""
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        function()
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    except KeyboardInterrupt:
        return True
    return False


@pytest.fixture
def alarm_is_ctrl_c():
    if not hasattr(signal, "setitimer"):
        pytest.skip("no interval timer on this system")
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, before)


def test_ctrl_c_during_backward_changes_every_grad_or_none(on_thread, alarm_is_ctrl_c):
    rng = random.Random(4)
    x = v = Value(1.0)
    for _ in range(10_000):
        v = v + x
    nodes = topological(v)
    start = time.perf_counter()
    v.backward()
    usual = time.perf_counter() - start
    one_pass = [node.grad for node in nodes]
    passes, stopped = 1, 0
    for i in range(150):
        delay = usual * (rng.uniform(0.02, 1.0) if i % 2 else rng.uniform(0.8, 1.2))
        stopped += interrupted_after(delay, v.backward)
        passes += x.grad == one_pass[0] * (passes + 1)
        assert [node.grad for node in nodes] == [g * passes for g in one_pass]
    assert stopped
    v.backward()
    assert x.grad == one_pass[0] * (passes + 1)
    assert on_thread(lambda: v.backward() or "lock is free") == "lock is free"


def test_ctrl_c_while_the_lock_is_let_go_leaves_it_free(monkeypatch):
    from autograd_core import value

    let_go, calls = value._let_go, []

    def interrupted_once():
        calls.append(None)
        if len(calls) == 1:
            raise KeyboardInterrupt
        let_go()

    monkeypatch.setattr(value, "_let_go", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        value._alone(lambda: None)
    (Value(2.0) * 3.0).backward()  # would say that a pass is under way


def test_ctrl_c_during_zero_grad_changes_every_grad_or_none(alarm_is_ctrl_c):
    rng = random.Random(8)
    x = v = Value(1.0)
    for _ in range(10_000):
        v = v + x
    nodes = topological(v)
    start = time.perf_counter()
    v.zero_grad()
    usual = time.perf_counter() - start
    v.backward()
    full = [node.grad for node in nodes]
    stopped = 0
    for _ in range(100):
        stopped += interrupted_after(usual * rng.uniform(0.02, 1.2), v.zero_grad)
        left = [node.grad for node in nodes]
        assert left == full or not any(left)
        if not any(left):
            v.backward()
    assert stopped
