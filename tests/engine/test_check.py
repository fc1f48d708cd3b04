"""check_gate and check_gradient: they pass what is right and fail what is not."""

import math
from fractions import Fraction

import pytest

from autograd_core import (
    Failure,
    Gate,
    GradientError,
    Interval,
    Value,
    apply,
    asin,
    check,
    check_gate,
    check_gradient,
    elu,
    exp,
    gates,
    leaky_relu,
    log,
    maximum,
    minimum,
    no_grad,
    relu,
    sigmoid,
    sin,
    sqrt,
    tanh,
    where,
)

INF, NAN = math.inf, math.nan
close = pytest.approx


# ------------------------------------------------------------------ check_gate


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


def test_the_checker_fails_on_a_wrong_mixed_derivative():
    def partials(xp, y, a, b):
        return (getattr(b, "data", b), a)  # b as a bare number

    gate = Gate("times", lambda xp, a, b: a * b, partials, latex="<a> <b>", slopes=("b", "a"))
    with pytest.raises(GradientError) as caught:
        check_gate(gate, samples=1)
    (row,) = caught.value.report
    assert row.name.startswith("a, b at") and (row.analytic, row.numeric) == (0.0, close(1.0))


def test_the_checker_reports_a_gate_that_fails_in_its_domain():
    far = Gate(
        "raise", lambda xp, x: xp.exp(x), lambda xp, y, x: (y,), latex="e", slopes=("y",),
        domain=(Interval(800.0, 900.0),),
        failures=(Failure(OverflowError, "too large", lambda xp, y, x: y >= INF),),
    )  # fmt: skip
    with pytest.raises(GradientError, match="inf"):
        check_gate(far)


@pytest.mark.parametrize(
    "partials", [lambda xp, y, x: (), lambda xp, y, x: (1.0, 1.0), lambda xp, y, x: 2.0 * x]
)
def test_the_checker_names_a_missing_slope(square, partials):
    with pytest.raises(ValueError, match="'square': partials must return a tuple of 1 slopes"):
        check_gate(square(partials=partials))


def test_the_checker_refuses_a_failure_at_a_finite_output(square):
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


# ------------------------------------------------------------------ check_gradient


def test_check_gradient_reports_both_slopes_of_every_input():
    report = check_gradient(lambda x, y: x * sin(y), [2.0, 0.5])
    assert report.ok and isinstance(report, tuple) and len(report) == 2
    for row, slope in zip(report, (math.sin(0.5), 2.0 * math.cos(0.5)), strict=True):
        assert row.ok and row.analytic == slope
        assert row.numeric == close(slope, rel=1e-8)
        assert row.left == close(slope, rel=1e-5) and row.right == close(slope, rel=1e-5)
    lines = str(report).splitlines()
    assert len(lines) == 3 and "analytic" in lines[0] and "numeric" in lines[0]
    assert lines[1].startswith("x = 2") and lines[2].startswith("y = 0.5")
    assert lines[1].endswith("ok")


def test_a_row_has_the_name_of_its_argument():
    names = [row.name for row in check_gradient(lambda a, b: a * b, [2.0, 3.0])]
    assert names == ["a = 2", "b = 3"]
    names = [row.name for row in check_gradient(lambda *xs: xs[0] * xs[1], [2.0, 3.0])]
    assert names == ["x0 = 2", "x1 = 3"]


@pytest.mark.parametrize(
    "f, xs",
    [
        (relu, [0.0]), (abs, [0.0]), (leaky_relu, [0.0]), (elu, [0.0]), (maximum, [2.0, 2.0]),
        (minimum, [2.0, 2.0]), (lambda x: x.max(x), [1.0]), (lambda x: maximum(x, 3.0), [3.0]),
        (sqrt, [0.0]), (asin, [1.0]), (asin, [-1.0]), (lambda x: x**0.5, [0.0]),
        (lambda x, y: maximum(x, y) + minimum(x, y), [2.0, 2.0]), (lambda x: x**0, [0.0]),
        (lambda x: relu(x) - relu(-x), [0.5]), (lambda x: Value(1.0), [0.5]),
        (lambda x: x**0.9, [0.0]), (lambda x: 1e-3 * sqrt(x), [0.0]),
        (lambda x: sqrt(x) - 12.0 * x, [0.0]),
    ],
)  # fmt: skip
def test_check_gradient_agrees_at_corners(f, xs):
    assert check_gradient(f, xs).ok


def right_half(x):
    if x.data < 0.0:
        raise ValueError
    return 2.0 * x


def test_at_a_corner_the_report_shows_the_slopes_from_both_sides():
    (row,) = check_gradient(abs, [0.0])
    assert (row.left, row.right, row.analytic) == (close(-1.0), close(1.0), 0.0)
    (row,) = check_gradient(sqrt, [0.0])
    assert math.isnan(row.left) and row.right == row.analytic == INF
    (row,) = check_gradient(right_half, [0.0])  # of one side alone, its slope is the slope
    assert math.isnan(row.left) and row.numeric == row.right == 2.0


@pytest.mark.parametrize(
    "f, xs, wrong",
    [
        (lambda x: x * x.detach(), [3.0], ["x"]),
        (lambda x, y: x * y + sin(x.detach()), [3.0, 2.0], ["x"]),
        (lambda x, y: (x * y).detach(), [3.0, 2.0], ["x", "y"]),
        (lambda x: x + Value(1e-4 * x.data), [3.0], ["x"]),
        (lambda x: relu(x) - relu(-x), [0.0], ["x"]),  # x, but the conventions give 0
        (lambda x: x * Value(x.data) ** 0.5, [0.7], ["x"]),
    ],
)
def test_check_gradient_raises_where_a_gradient_is_lost(f, xs, wrong):
    with pytest.raises(GradientError, match=r"backward\(\) and differences of f part") as caught:
        check_gradient(f, xs)
    report = caught.value.report
    assert [row.name.split(" ")[0] for row in report if not row.ok] == wrong
    assert not report.ok and "WRONG" in str(caught.value)
    assert isinstance(caught.value, AssertionError)


def test_the_tolerance_decides():
    def f(x):
        return x + Value(1e-4 * x.data)

    assert check_gradient(f, [3.0], tolerance=1e-3).ok
    with pytest.raises(GradientError):
        check_gradient(f, [3.0], tolerance=1e-5)
    with pytest.raises(GradientError):  # relative to 1 where the slope is 1
        check_gradient(f, [3.0], tolerance=0.7e-4)


@pytest.mark.parametrize("f", [relu, lambda x: x - relu(x), right_half])
def test_a_tolerance_of_0_takes_what_is_equal(f):
    assert check_gradient(f, [0.0], tolerance=0.0).ok


def test_check_gradient_refuses_bad_arguments():
    with pytest.raises(TypeError, match="f must return a Value, got float"):
        check_gradient(lambda x: x.data, [1.0])
    for thing in ("1", None, Value(1.0)):
        with pytest.raises(TypeError, match="check_gradient: each of xs"):
            check_gradient(relu, [thing])
    with pytest.raises(ValueError, match="log: "):
        check_gradient(log, [-1.0])


def test_check_gradient_of_a_deep_composition():
    def f(*xs):
        v = xs[0]
        for i in range(50):
            v = tanh(v * xs[i % 3] + 0.1) + xs[(i + 1) % 3] * 0.5
        return v

    assert check_gradient(f, [0.3, -0.8, 1.1]).ok


def test_a_check_leaves_the_gradients_of_other_values_alone():
    w = Value(3.0)
    check_gradient(lambda x: x * w, [2.0])
    assert w.grad == 0.0


@pytest.mark.parametrize("x", [1e-1, 1e-4, 1e-6])
def test_a_check_near_the_edge_of_a_domain(x):
    assert check_gradient(lambda x: x.log(), [x]).ok
    assert check_gradient(lambda x: x.sqrt(), [x]).ok


def test_differences_are_slopes_to_many_digits():
    """So that a gradient which is off by a millionth is found: extrapolated, of falling steps."""
    report = check_gradient(lambda a, b: (a * b).sin() / b + a.exp() + 1e-3 / a, [0.7, 1.3])
    for row in report:
        assert row.numeric == close(row.analytic, rel=1e-10)
        assert row.left == close(row.analytic, rel=1e-9)
        assert row.right == close(row.analytic, rel=1e-9)


def test_differences_are_slopes_where_the_function_bends_or_is_coarse():
    (row,) = check_gradient(lambda x: (60.0 * x).sin(), [0.7])
    assert row.numeric == close(row.analytic, rel=5e-13)
    assert (row.left, row.right) == (close(row.analytic, rel=1e-10),) * 2
    (row,) = check_gradient(lambda x: (x + 1e6) - 1e6, [0.7])  # small steps see its rounding
    assert (row.left, row.right) == (close(1.0, rel=1e-8), close(1.0, rel=1e-8))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (x + 0.5) - x, lambda x: (x * 0.25 + 0.5) - x * 0.25, lambda x: (x + 1e3) - x,
        lambda x: (x * 30.0 + 30.0) - x * 30.0,
    ],
)  # fmt: skip
def test_rounding_in_small_steps_is_no_infinite_slope(f):
    for i in range(300):
        for row in check_gradient(f, [i / 100]):
            assert (row.left, row.right) == (close(0.0, abs=1e-9),) * 2


@pytest.mark.parametrize("size, offset", [(1e-9, 0.0), (1e9, 0.0), (1.0, 1e9)])
def test_an_infinite_slope_is_one_at_any_size(size, offset):
    (row,) = check_gradient(lambda x: x.sqrt() * size + offset, [0.0])
    assert row.numeric == row.right == INF


@pytest.mark.parametrize("power", [1.1, 1.25, 1.5, 1.75])
def test_at_the_edge_of_a_power_the_quotients_come_to_a_slope_slowly(power):
    """The error of a quotient is h**(power - 1): no whole power, which halving h would remove."""
    (row,) = check_gradient(lambda x: x**power + 3.0 * x, [0.0])
    assert row.analytic == 3.0 and abs(row.numeric - 3.0) < 1e-9
    with pytest.raises(GradientError):
        check_gradient(lambda x: x**power + 3.0 * x - 1e-5 * x.detach() * 0.5 ** x.detach(), [0.0])


def test_quotients_that_grow_by_equal_steps_are_left_as_they_are():
    """As those of x log x at 0: Aitken's limit would divide by the difference of two steps."""
    assert 80.0 < check._limit(lambda h: 100.0 + math.log2(h), [1.0], 1, 0.0, 0.0)[0] < 101.0


@pytest.mark.parametrize(
    "f, x",
    [
        (lambda x: sin(1e6 * x), 1.0), (sin, 1e5), (sin, 1e8), (lambda x: tanh(1e9 * x), 0.0),
        (lambda x: sigmoid(1e4 * x), 1e-4), (lambda x: sigmoid(1e4 * x) + 1.0, 1e-4),
        (lambda x: sigmoid(1e8 * x), 1e-8), (lambda x: exp(-((1e6 * x) ** 2)), 1e-6),
        (sqrt, 1e-14), (log, 1e-14), (sqrt, 1e-300), (log, 1e-300), (lambda x: 1.0 / x, 1e-9),
        (lambda x: 1.0 / x, -1e-150), (relu, 1e-5), (lambda x: relu(1e6 * x - 1.0), -1e-5),
    ],
)  # fmt: skip
def test_differences_are_taken_as_close_as_the_function_bends(f, x):
    (row,) = check_gradient(f, [x])
    lost = 1e-3 * max(1.0, abs(row.analytic))
    with pytest.raises(GradientError):
        check_gradient(lambda x: f(x) + lost * x.detach(), [x])


@pytest.mark.parametrize(
    "f, x",
    [
        (relu, 1e-13), (relu, -1e-13), (lambda x: relu(x - 1.0), 1.0 + 1e-9),
        (lambda x: maximum(1e6 * x, 1.0), 1e-6 - 1e-12),
    ],
)  # fmt: skip
def test_beside_a_corner_the_slope_of_its_side_is_right(f, x):
    assert check_gradient(f, [x]).ok


@pytest.mark.parametrize("k", [1e6, 3e7])
def test_slopes_that_jump_about_allow_none_between_them(k):
    """Quotients of 1 + sin(k x), seen from afar, are as good as random: no corner, no infinity."""
    for i in range(100):
        with pytest.raises(GradientError):
            check_gradient(lambda x: 1.0 + sin(k * x.detach()) + 0.3 * x, [i / 100])


def test_steps_of_rounding_are_no_flat_function():
    """Two numbers that are equal at small steps say nothing: larger ones have shown the slope."""
    with pytest.raises(GradientError):
        check_gradient(lambda x: (x.detach() + 1e8) - 1e8 + 0.0 * x, [1.0])


def test_a_function_of_two_answers_is_refused():
    answers = iter(range(1, 3))
    with pytest.raises(ValueError, match=r"at \[0\.5\] f is 0\.5 and then, asked again, 1\.0"):
        check_gradient(lambda x: x * next(answers), [0.5])


@pytest.mark.parametrize("x", [708.0, 709.0])
def test_differences_that_are_large_do_not_overflow(x):
    (row,) = check_gradient(Value.exp, [x])
    assert row.numeric == close(row.analytic, rel=1e-6)


def off(f, by):
    """f with a slope that is wrong by that much."""
    return lambda x: f(x) + by * (x - x.detach())


def floor(x):
    return apply(gates["floor"], x)


@pytest.mark.parametrize(
    "f, x, by",
    [
        (lambda x: where(x > 0.005, x * 2, x), 0.0, 1.0),  # a jump near by, not at x
        (lambda x: where(x > 1e-6, x * 2, x), 0.0, 1.0),
        (lambda x: where(x > 1e-9, x * 2, x), 0.0, 0.5),
        (lambda x: abs(x - 1e-9) + 0.3 * x, 0.0, 1.0),
        (lambda x: sin(x * 301) / 301, 100.0, 0.5), (lambda x: sin(x * 201) / 201, 100.0, 0.5),
        (lambda x: sin(200 * x) / 200, 1000.0, 0.5), (lambda x: sin(9 * x / 64) * 9, 0.0, 0.5),
        (lambda x: sin(x / 3.8e-5) * 3.8e-5**2 + x, 0.0, 3.8e-5),
        (floor, 2.0, 5.0), (floor, 2.0, -5.0), (relu, 1e-310, 0.5), (relu, 1e-310, -0.5),
        (sqrt, 1e-310, 1e150), (lambda x: abs(x), -1e-303, 0.5),
        (lambda x: sigmoid(5.5e5 * x) * x, -1.3e-8, -0.2),
    ],
)  # fmt: skip
def test_what_wide_steps_show_by_chance_or_beyond_a_jump_is_not_believed(f, x, by):
    assert check_gradient(f, [x]).ok
    with pytest.raises(GradientError):
        check_gradient(off(f, by), [x])


def test_a_jump_is_an_infinite_slope_on_one_side_alone():
    (row,) = check_gradient(floor, [2.0])
    assert (row.left, row.right, row.analytic) == (INF, 0.0, 0.0)


def test_a_slope_that_grows_as_a_logarithm_is_infinite():
    with pytest.raises(GradientError) as caught:
        check_gradient(lambda x: x**x, [0.0])
    assert caught.value.report[0].numeric == -INF


@pytest.mark.parametrize("f, x", [(lambda x: x * sin(x), 0.7), (sqrt, 1e-310), (log, 1e-300)])
def test_a_check_is_bounded_in_its_calls(f, x):
    calls = []
    check_gradient(lambda x: calls.append(1) or f(x), [x])
    assert len(calls) <= (55 if x == 0.7 else 150)


@pytest.mark.parametrize("wrong", [NAN, -1, -INF, True])
def test_a_tolerance_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="check_gradient: tolerance must be a number from 0 on"):
        check_gradient(sin, [1.0], tolerance=wrong)
    with pytest.raises(ValueError, match="check_gate: tolerance must be a number from 0 on"):
        check_gate("sin", tolerance=wrong)


@pytest.mark.parametrize("wrong", ["a", None])
def test_a_tolerance_that_is_no_number_is_refused(wrong):
    with pytest.raises(TypeError, match="check_gradient: tolerance"):
        check_gradient(sin, [1.0], tolerance=wrong)


def test_an_infinite_tolerance_takes_every_slope():
    assert check_gradient(off(sin, 5.0), [1.0], tolerance=INF).ok


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "3", None, True])
def test_samples_are_a_whole_number(wrong):
    with pytest.raises(ValueError, match="samples must be a whole number of at least 1"):
        check_gate("sin", samples=wrong)


def test_the_checker_takes_a_slope_that_is_a_fraction():
    def third(slope):
        partials = lambda xp, y, x: (slope,)  # noqa: E731
        return Gate("third", lambda xp, x: x * (1 / 3), partials, latex="<x>", slopes=("1",))

    assert "ok" in str(check_gate(third(Fraction(1, 3))))
    with pytest.raises(TypeError, match="gate 'third': the slope in x"):
        check_gate(third("1"))


@pytest.mark.parametrize("number", [NAN, INF])
def test_where_f_is_no_number_it_has_no_slope(number):
    with pytest.raises(ValueError, match=rf"f is {number} at \[1\.0\]: it has no slope there"):
        check_gradient(lambda x: x + Value(number), [1.0])


def test_f_must_return_a_value_at_every_point():
    with pytest.raises(TypeError, match="f must return a Value, got NoneType"):
        check_gradient(lambda x: x * x if x.data == 1.0 else None, [1.0])


def test_a_check_works_without_recording_around_it():
    with no_grad():
        assert check_gradient(sin, [1.0]).ok
