"""grad and its kin, against closed forms; the course's circuits."""

import math
import sys
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest

from autograd_core import (
    Value,
    asin,
    check_gradient,
    cos,
    elu,
    exp,
    grad,
    hessian,
    hvp,
    jacobian,
    leaky_relu,
    log,
    maximum,
    no_grad,
    release,
    relu,
    sigmoid,
    sin,
    sqrt,
    tanh,
    topological,
    value_and_grad,
    where,
)

mpmath = pytest.importorskip("mpmath")

INF = math.inf
close = pytest.approx


# ------------------------------------------------------------------ the toy chain of the course


def toy_chain(x, y, b0, w0, b1, w1, b2, w2, b3, w3):
    """All stages of l = (b3 + w3 cos(b2 + w2 exp(b1 + w1 sin(b0 + w0 x))) - y)^2, l last."""
    f0 = b0 + w0 * x
    h1 = sin(f0)
    f1 = b1 + w1 * h1
    h2 = exp(f1)
    f2 = b2 + w2 * h2
    h3 = cos(f2)
    f3 = b3 + w3 * h3
    return f0, h1, f1, h2, f2, h3, f3, (f3 - y) ** 2


def toy_loss(*numbers):
    return toy_chain(*numbers)[-1]


STAGES = ["f0", "h1", "f1", "h2", "f2", "h3", "f3"]
PARAMETERS = ["b0", "w0", "b1", "w1", "b2", "w2", "b3", "w3"]
TOY_POINTS = [
    (2.3, 2.0, 1.0, 2.0, 2.0, 0.7, 0.4, -0.5, -0.3, 1.1),
    (-0.8, 0.1, -0.2, 1.7, 0.3, -1.2, 0.9, 0.6, 0.0, -2.0),
]


def toy_closed_form(x, y, b0, w0, b1, w1, b2, w2, b3, w3):
    """The fifteen derivatives as the course writes them, in plain floats."""
    f0, h1, f1, h2, f2, h3, f3, _ = toy_chain(x, y, b0, w0, b1, w1, b2, w2, b3, w3)
    d = {"f3": 2.0 * (f3 - y)}
    d["h3"] = w3 * d["f3"]
    d["f2"] = -math.sin(f2) * d["h3"]
    d["h2"] = w2 * d["f2"]
    d["f1"] = math.exp(f1) * d["h2"]
    d["h1"] = w1 * d["f1"]
    d["f0"] = math.cos(f0) * d["h1"]
    for k, h in enumerate((x, h1, h2, h3)):
        d[f"b{k}"] = d[f"f{k}"]
        d[f"w{k}"] = d[f"f{k}"] * h
    return d


@pytest.mark.parametrize("point", TOY_POINTS)
def test_every_derivative_of_the_toy_chain_equals_its_closed_form(point):
    leaves = [Value(p) for p in point]
    *stages, loss = toy_chain(*leaves)
    named = {**dict(zip(STAGES, stages, strict=True)),
             **dict(zip(PARAMETERS, leaves[2:], strict=True))}  # fmt: skip
    expected = toy_closed_form(*point)
    assert named.keys() == expected.keys() and len(expected) == 15
    assert loss.data == toy_loss(*point)
    slopes = grad(loss, named.values())
    loss.backward()
    for (name, value), slope in zip(named.items(), slopes, strict=True):
        assert value.grad == close(expected[name], rel=1e-14), name
        assert slope.data == close(expected[name], rel=1e-14), name
        assert expected[name] != 0.0


@pytest.mark.parametrize("point", TOY_POINTS)
def test_the_toy_chain_passes_check_gradient(point):
    report = check_gradient(toy_loss, point)
    assert report.ok and len(report) == 10
    expected = toy_closed_form(*point)
    for name, row in zip(PARAMETERS, report[2:], strict=True):
        assert row.numeric == close(expected[name], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("k, stage", list(enumerate(STAGES)))
def test_each_stage_of_the_toy_chain_passes_check_gradient(k, stage):
    def from_stage(value):
        y, (b1, w1, b2, w2, b3, w3) = TOY_POINTS[0][1], TOY_POINTS[0][4:]
        steps = [sin, lambda h: b1 + w1 * h, exp, lambda h: b2 + w2 * h, cos,
                 lambda h: b3 + w3 * h, lambda f: (f - y) ** 2]  # fmt: skip
        for step in steps[k:]:
            value = step(value)
        return value

    (row,) = check_gradient(from_stage, [toy_chain(*TOY_POINTS[0])[k]])
    assert row.analytic == close(toy_closed_form(*TOY_POINTS[0])[stage], rel=1e-14)


# ------------------------------------------------------------------ the circuits of the course


def test_the_circuit_x_plus_y_times_z():
    x, y, z = Value(-2.0, "x"), Value(5.0, "y"), Value(-4.0, "z")
    q = x + y
    f = q * z
    f.backward()
    assert f.data == -12.0
    assert (x.grad, y.grad, z.grad, q.grad, f.grad) == (-4.0, -4.0, 3.0, -4.0, 1.0)


def neuron(w0, x0, w1, x1, w2):
    return sigmoid(w0 * x0 + w1 * x1 + w2)


def neuron_in_four_gates(w0, x0, w1, x1, w2):
    return 1.0 / (1.0 + exp(-(w0 * x0 + w1 * x1 + w2)))


@pytest.mark.parametrize("f", [neuron, neuron_in_four_gates])
def test_the_neuron_with_its_sigmoid_as_one_gate_or_as_four(f):
    w0, x0, w1, x1, w2 = inputs = [Value(v) for v in (2.0, -1.0, -3.0, -2.0, -3.0)]
    out = f(*inputs)
    out.backward()
    y = 1.0 / (1.0 + math.exp(-1.0))
    slope = y * (1.0 - y)
    assert out.data == close(y, rel=1e-15)
    assert [v.grad for v in inputs] == close([c * slope for c in (-1, 2, -2, -3, 1)], rel=1e-14)
    assert f"{out:.2f}" == "0.73"
    assert [f"{v.grad:.2f}" for v in (x0, x1)] == ["0.39", "-0.59"]
    assert [f"{v.grad:.2f}" for v in (w0, w1, w2)] == ["-0.20", "-0.39", "0.20"]
    assert len(topological(out)) == (10 if f is neuron else 15)
    assert check_gradient(f, [2.0, -1.0, -3.0, -2.0, -3.0]).ok


def test_the_gradients_between_the_four_gates_of_the_sigmoid():
    s = Value(1.0)
    minus = -s
    e = exp(minus)
    plus = 1.0 + e
    out = 1.0 / plus
    out.backward()
    shown = [f"{v.grad:.2f}" for v in (out, plus, e, minus, s)]
    assert shown == ["1.00", "-0.53", "-0.53", "-0.20", "0.20"]


def test_add_distributes_max_routes_multiply_swaps():
    x, y, z, w = (Value(v) for v in (3.0, -4.0, 2.0, -1.0))
    product, larger = x * y, z.max(w)
    total = product + larger
    (total * 2.0).backward()
    assert total.grad == product.grad == larger.grad == 2.0
    assert (x.grad, y.grad) == (-8.0, 6.0)
    assert (z.grad, w.grad) == (2.0, 0.0)


def staged(x, y):
    sigy = sigmoid(y)
    num = x + sigy
    xpy = x + y
    den = sigmoid(x) + xpy**2
    return num * (1.0 / den)


def test_staged_computation_and_sums_at_its_forks():
    x, y = Value(3.0), Value(-4.0)
    f = staged(x, y)
    f.backward()
    sx, sy = (1.0 / (1.0 + math.exp(-v)) for v in (3.0, -4.0))
    num, den = 3.0 + sy, sx + 1.0
    dx = 1.0 / den - num / den**2 * (sx * (1.0 - sx) + 2.0 * -1.0)
    dy = sy * (1.0 - sy) / den - num / den**2 * (2.0 * -1.0)
    assert f.data == close(num / den, rel=1e-15)
    assert (x.grad, y.grad) == (close(dx, rel=1e-14), close(dy, rel=1e-14))
    assert check_gradient(staged, [3.0, -4.0]).ok


def test_inputs_n_times_larger_make_gradients_on_weights_n_times_larger():
    def weight_gradients(n):
        w = [Value(v) for v in (0.5, -1.5, 2.0)]
        sum(wi * (xi * n) for wi, xi in zip(w, (1.0, 2.0, -3.0), strict=True)).backward()
        return [v.grad for v in w]

    assert weight_gradients(1000.0) == [1000.0 * g for g in weight_gradients(1.0)]
    assert weight_gradients(1.0) == [1.0, 2.0, -3.0]


# ------------------------------------------------------------------ grad


def test_grad_gives_values_in_the_order_of_the_inputs_and_changes_no_grad():
    x, y, z = Value(2.0), Value(3.0), Value(4.0)
    f = x * y + z
    x.grad = 5.0
    f.grad = 6.0
    found = grad(f, [z, x, y, x])
    assert isinstance(found, tuple) and all(isinstance(g, Value) for g in found)
    assert [g.data for g in found] == [1.0, 3.0, 2.0, 3.0]
    assert [v.grad for v in (x, y, z, f, f.inputs[0])] == [5.0, 0.0, 0.0, 6.0, 0.0]


def test_grad_takes_one_value_or_any_iterable():
    x = Value(3.0)
    assert grad(x * x, x)[0].data == 6.0
    assert grad(x * x, iter([x]))[0].data == 6.0
    assert grad(x * x, np.array([x]))[0].data == 6.0
    assert grad(x * x, []) == ()


def test_grad_of_intermediate_values_of_the_output_and_of_what_it_does_not_depend_on():
    x, stranger = Value(0.5), Value(7.0)
    inner = sin(x)
    f = inner * inner
    above = f * 2.0
    by_inner, by_x, by_f, by_stranger, by_above = grad(f, [inner, x, f, stranger, above])
    assert by_inner.data == 2.0 * math.sin(0.5)
    assert by_x.data == close(math.sin(1.0), rel=1e-15)
    assert (by_f.data, by_stranger.data, by_above.data) == (1.0, 0.0, 0.0)


def test_a_slope_of_1_adds_no_gate_to_a_derivative():
    x, y, z = Value(2.0), Value(3.0), Value(5.0)
    assert grad(x * y, [x]) == (y,)
    assert grad((x + y) * z, [x, y]) == (z, z)


def test_a_write_beside_the_way_to_the_inputs_does_no_harm():
    x, w = Value(2.0), Value(3.0)
    y = x * 2.0 + w * w
    w.data = 4.0
    (slope,) = grad(y, [x])
    assert slope.data == 2.0
    with pytest.raises(RuntimeError, match="was written"):
        grad(y, [w])


def test_grad_through_a_constant_made_under_no_grad_is_0_there():
    x = Value(3.0)
    with no_grad():
        constant = x * x
    by_x, by_constant = grad(constant * x, [x, constant])
    assert (by_x.data, by_constant.data) == (9.0, 3.0)


def test_the_gradient_of_a_gradient_penalty_reaches_the_weights_through_backward():
    w, x = Value(1.5), Value(0.5)
    (slope,) = grad(tanh(w * x), [x])
    (slope * slope).backward()

    def penalty(w):
        return (w / math.cosh(w * 0.5) ** 2) ** 2

    h = 1e-5
    assert w.grad == close((penalty(1.5 + h) - penalty(1.5 - h)) / (2 * h), rel=1e-8)


def nth(f, x, order):
    v = Value(x)
    slope = f(v)
    for _ in range(order):
        (slope,) = grad(slope, [v])
    return slope.data


@pytest.mark.parametrize("x", [-2.0, -0.3, 0.4, 1.7])
@pytest.mark.parametrize(
    "f, third",
    [
        (lambda v: v**3 * sin(v),
         lambda x: (6 - 9 * x * x) * math.sin(x) + (18 * x - x**3) * math.cos(x)),
        (lambda v: exp(v * v), lambda x: (8 * x**3 + 12 * x) * math.exp(x * x)),
        (tanh, lambda x: (4 * math.sinh(x) ** 2 - 2) / math.cosh(x) ** 4),
        (lambda v: 1.0 / (v + 5.0), lambda x: -6.0 / (x + 5.0) ** 4),
        (lambda v: log(v * v + 1.0), lambda x: 4 * x * (x * x - 3) / (x * x + 1) ** 3),
        (lambda v: (v + 3.0) ** Value(2.5), lambda x: 1.875 * (x + 3.0) ** -0.5),
        (lambda v: v * v * v * 2.0, lambda x: 12.0),
        (lambda v: v * v, lambda x: 0.0),
    ],
)  # fmt: skip
def test_third_derivatives_equal_their_closed_form(f, third, x):
    assert nth(f, x, 3) == close(third(x), rel=1e-12, abs=1e-14)


def test_the_third_derivative_of_the_sigmoid_at_0_is_minus_an_eighth():
    assert [nth(sigmoid, 0.0, n) for n in range(5)] == [0.5, 0.25, 0.0, -0.125, 0.0]


def test_the_tenth_derivative_of_exp_and_sine():
    assert nth(exp, 0.5, 10) == close(math.exp(0.5), rel=1e-13)
    assert nth(sin, 0.5, 10) == close(-math.sin(0.5), rel=1e-13)


def test_mixed_derivatives_commute():
    x, y = Value(0.7), Value(1.9)
    f = x**3 * sin(x * y) / (y + x)
    fx, fy = grad(f, [x, y])
    assert grad(fx, [y])[0].data == close(grad(fy, [x])[0].data, rel=1e-13)


def test_grad_does_not_raise_where_a_slope_is_infinite():
    x = Value(0.0)
    assert grad(sqrt(x), [x])[0].data == INF
    one = Value(1.0)
    assert grad(asin(one), [one])[0].data == INF


@pytest.mark.parametrize(
    "f, x, first, second",
    [
        (relu, 0.0, 0.0, 0.0),
        (abs, 0.0, 0.0, 0.0),
        (elu, 0.0, 1.0, 0.0),
        (leaky_relu, 0.0, 0.01, 0.0),
        (lambda v: maximum(v, 2.0) ** 2, 2.0, 2.0, 0.5),
        (lambda v: v**0, 0.0, 0.0, 0.0),
        (lambda v: v**1, 0.0, 1.0, 0.0),
        (lambda v: v**2, 0.0, 0.0, 2.0),
        (lambda v: where(v > 1.0, v * v, v), 1.0, 1.0, 0.0),
    ],
)
def test_at_a_corner_the_derivative_holds_the_branch_taken_there(f, x, first, second):
    assert (nth(f, x, 1), nth(f, x, 2)) == (first, second)


@pytest.mark.parametrize("x", [5e-324, 1e-309, -1e-309, 1e-300, 0.0])
@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_whole_power_is_a_constant_in_the_end(n, x):
    """However small x is, though its powers below 0 are infinite."""
    assert [nth(lambda v: v**n, x, k) for k in (n, n + 1, n + 2)] == [math.factorial(n), 0.0, 0.0]


@pytest.mark.parametrize(
    "call",
    [
        lambda x: grad(1.0, [x]), lambda x: grad(x * x, [1.0]), lambda x: grad(x, [x, None]),
        lambda x: grad(x, 3),
    ],
)  # fmt: skip
def test_grad_refuses_what_is_not_a_value_and_shows_the_right_call(call):
    with pytest.raises(TypeError, match=r"must be a Value, got \w+; the call is grad\(output, "):
        call(Value(2.0))


def test_what_was_made_under_no_grad_has_no_derivative_and_says_so():
    x = Value(3.0)
    with no_grad():
        y = x * x
    with pytest.raises(RuntimeError, match="no_grad"):
        grad(y, [x])
    with pytest.raises(RuntimeError, match="no_grad"):
        value_and_grad(no_grad()(lambda x: x * x), [3.0])


def test_a_list_that_lies_in_itself_is_refused():
    xs = [Value(1.0)]
    xs.append(xs)
    with pytest.raises(ValueError, match="grad: argument 0 of the function lies in itself"):
        grad(lambda xs: xs[0] * 2.0)(xs)


@pytest.mark.parametrize("f", [lambda x: x * x, lambda x: x.exp() * x, lambda x: x**3 / x])
def test_grad_refuses_data_written_after_the_forward_pass(f):
    x = Value(2.0)
    y = f(x)
    (before,) = grad(y, [x])
    x.data = 5.0
    with pytest.raises(RuntimeError, match="written after"):
        grad(y, [x])
    y.backward()
    assert x.grad == pytest.approx(before.data, rel=1e-15)


def second_derivative_of_a_long_chain(cut):
    """How many values it has; `release` may cut its graph before it is freed."""
    x = v = Value(0.5)
    for _ in range(10_000):
        v = v + v.sin() * 1e-4
    (slope,) = grad(v, [x])
    v.backward()
    assert x.grad > 1.0 and slope.data == pytest.approx(x.grad, rel=1e-12)
    (second,) = grad(slope, [x])
    count = len(topological(second))
    if cut:
        for root in (second, slope, v):
            release(root)
    return count


def test_a_long_graph_of_derivatives_needs_no_recursion_either(on_small_stack):
    cut = sys.version_info >= (3, 13)  # where freeing nests
    call = f"second_derivative_of_a_long_chain({cut})"
    assert 100_000 < int(on_small_stack(__file__, call)) < 1_000_000


# ------------------------------------------------------------------ functions of plain numbers


def cubic(x, y):
    return x**3 * y + exp(y)


def test_value_and_grad_calls_f_with_values_and_gives_floats():
    seen = []

    def f(*values):
        seen.append(values)
        return cubic(*values)

    value, slopes = value_and_grad(f, [2, Fraction(1, 2)])
    assert len(seen) == 1 and all(isinstance(v, Value) for v in seen[0])
    assert value == 4.0 + math.exp(0.5)
    assert slopes == (6.0, 8.0 + math.exp(0.5))
    assert all(type(number) is float for number in (value, *slopes))


def test_value_and_grad_of_a_constant():
    assert value_and_grad(lambda x: 5, [2.0]) == (5.0, (0.0,))
    assert value_and_grad(lambda x: Value(5.0), [2.0]) == (5.0, (0.0,))


def test_jacobian_has_one_row_per_output_and_one_column_per_input():
    rows = jacobian(lambda x, y, z: [x * y, sin(z), x + z * z, 3.0], [2.0, 5.0, 0.5])
    assert rows == ((5.0, 2.0, 0.0), (0.0, 0.0, math.cos(0.5)), (1.0, 0.0, 1.0), (0.0,) * 3)
    assert all(type(number) is float for row in rows for number in row)


def test_jacobian_of_a_function_with_one_output_is_one_row():
    assert jacobian(lambda x, y: x * y, [2.0, 5.0]) == (5.0, 2.0)
    assert jacobian(lambda x, y: (x * y,), [2.0, 5.0]) == ((5.0, 2.0),)


def test_the_jacobian_of_an_affine_map_is_its_matrix():
    omega = np.array([[1.0, -2.0, 0.5], [3.0, 4.0, -1.0]])
    beta = np.array([0.3, -0.7])
    rows = jacobian(lambda *h: beta + omega @ np.array(h), [0.1, 0.2, 0.3])
    assert np.array_equal(rows, omega)


def test_the_jacobian_of_one_output_in_an_array_without_dimensions_is_one_row():
    assert jacobian(lambda a, b: np.array(a * b, dtype=object), [2.0, 5.0]) == (5.0, 2.0)
    assert jacobian(lambda a: np.array(3.0), [2.0]) == (0.0,)
    assert jacobian(lambda a: np.array([a * a], dtype=object), [2.0]) == ((4.0,),)


def test_hessian_equals_its_closed_form_and_is_symmetric():
    x, y = 2.0, 0.5
    rows = hessian(cubic, [x, y])
    assert rows == ((6 * x * y, 3 * x * x), (3 * x * x, math.exp(y)))
    assert all(type(number) is float for row in rows for number in row)
    assert hessian(lambda x, y: x * y**2, [2.0, 3.0]) == ((0.0, 6.0), (6.0, 4.0))
    assert hessian(lambda x, y: x + y, [2.0, 3.0]) == ((0.0, 0.0), (0.0, 0.0))


def test_hvp_is_the_hessian_times_the_vector():
    def rosenbrock(x, y, z):
        return (1 - x) ** 2 + 100 * (y - x * x) ** 2 + (1 - y) ** 2 + 100 * (z - y * y) ** 2

    point, vector = [-1.2, 1.0, 0.3], [0.7, -2.0, 3]
    expected = np.array(hessian(rosenbrock, point)) @ np.array(vector)
    product = hvp(rosenbrock, point, vector)
    assert isinstance(product, tuple) and all(type(number) is float for number in product)
    assert product == close(tuple(expected), rel=1e-13)
    assert hessian(rosenbrock, point)[0][0] == close(2 + 1200 * 1.44 - 400 * 1.0, rel=1e-13)


FORMS = [value_and_grad, jacobian, hessian, lambda f, xs: hvp(f, xs, [1.0] * len(xs))]


@pytest.mark.parametrize("call", FORMS)
def test_a_derivative_is_the_same_inside_of_no_grad(call):
    x = Value(3.0)
    expected = call(cubic, [2.0, 3.0])
    with no_grad():
        assert call(cubic, [2.0, 3.0]) == expected
        assert (x * x).inputs == ()
    assert (x * x).inputs == (x, x)


@pytest.mark.parametrize(
    "call", [jacobian, hessian, check_gradient, lambda f, x: hvp(f, [1.0, 2.0], x)]
)
@pytest.mark.parametrize("thing", [2.0, 3, None, Value(1.0)])
def test_a_lone_number_where_a_list_is_meant_is_told_so(call, thing):
    with pytest.raises(TypeError, match=r"[xv]s must be a list of numbers, as \[1\.0, 2\.0\], got"):
        call(cubic, thing)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("thing", ["2.0", None, [1.0], Value(2.0), 1j])
def test_points_that_are_not_numbers_are_refused(form, thing):
    with pytest.raises(TypeError, match=rf"each of xs must be .*{type(thing).__name__}"):
        form(cubic, [1.0, thing])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("result", ["2.0", None, 1j])
def test_a_function_that_does_not_return_a_value_is_refused(form, result):
    with pytest.raises(TypeError, match=type(result).__name__):
        form(lambda x: result, [1.0])


@pytest.mark.parametrize("form", FORMS)
def test_what_f_raises_comes_through(form):
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        form(lambda x: 1.0 / x, [0.0])
    with pytest.raises(TypeError, match="argument"):
        form(cubic, [1.0])


@pytest.mark.parametrize("vs", [[], [1.0], [1.0, 2.0, 3.0]])
def test_hvp_needs_a_number_for_each_input(vs):
    with pytest.raises(ValueError, match=rf"one number for each of xs, got {len(vs)} for 2"):
        hvp(cubic, [1.0, 2.0], vs)
    with pytest.raises(TypeError, match="each of vs"):
        hvp(cubic, [1.0, 2.0], [1.0, "2"])


def test_points_may_come_in_any_kind_of_number_and_sequence():
    expected = value_and_grad(cubic, [2.0, 3.0])
    for xs in [(2, 3), np.array([2.0, 3.0]), np.array([2, 3]), [np.float32(2.0), True + 2]]:
        assert value_and_grad(cubic, xs) == expected


@pytest.mark.parametrize("base", [0.6, 2.5, 1.0])
@pytest.mark.parametrize("exponent", [0.0, 1.0, -1.0, 2.0, 0.5])
def test_the_mixed_second_derivatives_of_a_power_are_equal_also_at_whole_exponents(base, exponent):
    (_, one), (other, _) = hessian(lambda a, b: a**b, [base, exponent])
    exact = base ** (exponent - 1.0) * (1.0 + exponent * math.log(base))
    assert one == pytest.approx(exact, rel=1e-14) and other == pytest.approx(exact, rel=1e-14)


# ------------------------------------------------------------------ grad of a function


CURVES = {
    "sin": (sin, mpmath.sin), "tanh": (tanh, mpmath.tanh), "exp": (exp, mpmath.exp),
    "log": (log, mpmath.log), "sqrt": (sqrt, mpmath.sqrt), "asin": (asin, mpmath.asin),
    "sigmoid": (sigmoid, lambda x: 1 / (1 + mpmath.exp(-x))),
    "x**x cos x": (lambda x: x**x * cos(x), lambda x: x**x * mpmath.cos(x)),
}  # fmt: skip


@pytest.mark.parametrize("name", CURVES)
def test_grad_of_grad_of_a_function_to_order_five(name):
    f, exact = CURVES[name]
    for order in range(1, 6):
        f = grad(f)
        with mpmath.workdps(50):
            assert f(0.3) == close(float(mpmath.diff(exact, mpmath.mpf(0.3), order)), rel=1e-10)


def test_grad_of_a_function_gives_floats_for_numbers_and_values_for_values():
    assert grad(lambda x: x**3)(2) == 12.0
    x = Value(2.0)
    slope = grad(lambda x: x**3)(x)
    assert isinstance(slope, Value) and slope.data == 12.0 and x.grad == 0.0
    slope.backward()
    assert x.grad == 12.0
    w = Value(3.0)
    slope = grad(lambda x, w: w * x * x)(2.0, w)
    assert grad(slope, [w])[0].data == 4.0


def test_argnums_says_in_which_arguments():
    def f(x, y, *, scale=1.0):
        return scale * x * y**2

    assert grad(f)(2.0, 3.0) == 9.0
    assert grad(f, argnums=1)(2.0, 3.0, scale=2.0) == 24.0
    assert grad(f, argnums=(1, 0))(2.0, 3.0) == (12.0, 9.0)
    assert grad(f, argnums=[0])(2.0, 3.0) == (9.0,)


def test_slopes_come_in_the_shape_of_the_argument():
    def f(p, x):
        return p["w"][0] * x[0] + p["w"][1] * x[1] + 5 * p["b"][0]

    assert grad(f)({"w": [2.0, 3.0], "b": (1,)}, [7.0, 8.0]) == {"w": [7.0, 8.0], "b": (5.0,)}
    assert grad(f, argnums=1)({"w": [2.0, 3.0], "b": (1,)}, (7.0, 8.0)) == (2.0, 3.0)
    assert grad(lambda x: x[0])([1.0, 2.0]) == [1.0, 0.0]


def test_a_named_tuple_stays_one_inside_and_as_the_slopes():
    class Line(NamedTuple):
        w: float
        b: float

    slopes = grad(lambda line, x: line.w * x + line.b)(Line(2.0, 3.0), 7.0)
    assert (slopes.w, slopes.b) == (7.0, 1.0)


def test_nested_derivatives_do_not_mix_up_their_arguments():
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(2.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x + y)(x))(2.0) == 1.0
    assert grad(lambda x: grad(lambda y: x * y)(3.0))(2.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y**2)(x))(2.0) == 24.0  # of 2 x^3


def test_a_derivative_inside_of_another_gives_values_for_values_of_neither():
    w, inner = Value(3.0), []

    def f(x):
        inner.append(grad(lambda y: y * y)(w))
        return x * inner[0]

    assert type(grad(f)(2.0)) is float and isinstance(inner[0], Value)
    # ... and a slope that it has left behind makes no Value of a later one.
    assert type(grad(lambda x: x * inner[0])(1.0)) is float


def test_a_function_sees_minus_0_as_it_is():
    seen = []
    grad(lambda x: seen.append(str(x.data)) or x)(Value(-0.0))
    assert seen == ["-0.0"]


def test_grad_of_a_function_keeps_modes_and_gradients():
    w = Value(3.0)
    with no_grad():
        assert grad(lambda x: w * x)(2.0) == 3.0
        assert grad(lambda x: w * x)(Value(2.0)).inputs == ()
        assert grad(lambda x: w * x * x)(Value(2.0)).inputs == ()
    assert w.grad == 0.0
    with pytest.raises(ZeroDivisionError):
        grad(lambda x: 1 / (x - x))(2.0)
    assert isinstance(grad(sin)(1.0), float)  # an error has left nothing behind


def test_grad_of_a_function_is_named_as_it_is():
    def area(r):
        "Of a disc."

    assert grad(area).__name__ == "area" and grad(area).__doc__ == "Of a disc."


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: grad(sin, 1), r"the slope at 2\.0 is grad\(f\)\(2\.0\)"),
        (lambda: grad(3.0), r"takes a function, as in grad\(sin\)\(0\.5\).* got float alone"),
        (lambda: grad(Value(1.0)), r"grad\(output, \[x, y\]\); got Value alone"),
        (lambda: grad(sin, argnums=0.5), "argnums must be 0, 1, .* got 0.5"),
        (lambda: grad(sin, argnums=()), "argnums must be 0, 1, .* got ()"),
        (lambda: grad(sin, argnums=1)(0.5), "no argument 1 .* called with 1"),
        (lambda: grad(sin)("1"), "argument 0 of the function must be a real number, got str"),
        (lambda: grad(sin)(np.ones(2)), "argument 0 of the function must be a real number"),
        (lambda: grad(lambda x: [x, x])(1.0), r"must return one number, got \[.*jacobian\(f, xs\)"),
        (lambda: grad(lambda x: None)(1.0), "what the function returns must be a real number"),
    ],
)
def test_what_grad_of_a_function_cannot_take(call, message):
    with pytest.raises(TypeError, match=message):
        call()
