"""A program is checked against the engine the first time it runs."""

import itertools
import math
import random

import numpy as np
import pytest

from autograd_core import TraceError, Value, compile_graph, no_grad, where
from autograd_core.program import agreement
from autograd_core.program.agreement import require_agreement


@pytest.fixture(autouse=True)
def on_numpy(monkeypatch):
    monkeypatch.setenv("AUTOGRAD_CORE_BACKEND", "numpy")


def type_of(x):
    return x.exp() if isinstance(x > 0, bool) else x * 2


def truth_by_identity(x):
    return x * 3 if (x > 0) is True else x * 2


def match(x):
    match x > 0:
        case bool():
            return x * 3
        case _:
            return x * 2


counter = itertools.count(1)
generator = random.Random(0)
arrays = np.random.default_rng(0)


@pytest.mark.parametrize(
    "fn",
    [
        type_of, truth_by_identity, match, lambda x: x * next(counter),
        lambda x: x * generator.random(), lambda x: x * arrays.normal(),
    ],
    ids=["isinstance", "is True", "match", "counter", "random.Random", "NumPy's Generator"],
)  # fmt: skip
def test_what_a_trace_cannot_see_is_caught_by_an_example(fn):
    with pytest.raises(TraceError, match=r"for the example .* in the engine and .* in the program"):
        compile_graph(fn)([0.5, 0.25])


def test_the_error_names_the_function_the_example_and_both_answers():
    w = Value(3.0, "weight")

    def loss(x, y):
        return w * x[0] + y if isinstance(x[1] > 0, bool) else w * w * x[0] + y

    with pytest.raises(TraceError) as error:
        compile_graph(loss)([[0.5, 1.0]], [2.0])
    text = str(error.value)
    assert "loss computes something else" in text
    assert "{'x': [0.5, 1.0], 'y': 2.0}" in text
    assert "the value is 3.5 in the engine and 6.5 in the program" in text
    assert "isinstance" in text and "verify=0" in text


def test_a_gradient_that_differs_is_caught_too():
    w = Value(1.0, "w")

    def fn(x):
        return x * w if isinstance(x > 0, bool) else x * Value(1.0)

    with pytest.raises(
        TraceError, match=r"the gradient of w is 0\.5 in the engine and 0\.0 in the"
    ):
        compile_graph(fn, [w])([0.5])


def test_verify_says_how_many_distinct_examples_are_run_the_last_among_them(monkeypatch):
    monkeypatch.setattr(agreement, "SECONDS", 1e9)
    calls = []

    def fn(x):
        calls.append(x)
        return x * 2.0

    for verify, xs, examples in (
        (0, [1, 2, 3], []), (1, [1, 2], [1]), (2, [1, 1, 1], [1]), (2, [1, 2, 3, 4], [1, 4]),
        (3, [1, 2], [1, 2]),
    ):  # fmt: skip
        calls.clear()
        f = compile_graph(fn, verify=verify)
        for given in (xs, xs, [*xs, 5]):
            f(given)
        assert [x.data for x in calls[1:]] == examples
    for wrong in (-1, 1.5, True, None):
        with pytest.raises(ValueError, match="verify must be a whole number"):
            compile_graph(fn, verify=wrong)


def test_a_check_that_failed_is_made_again():
    f = compile_graph(type_of)
    for _ in range(2):
        with pytest.raises(TraceError):
            f([0.5])


def test_ties_and_kinks_are_no_difference():
    w = [Value(0.1, "a"), Value(0.2, "b"), Value(-0.3, "c")]  # 0.1 + 0.2 - 0.3 is 5.6e-17
    f = compile_graph(lambda x: (x[0] * w[0] + x[1] * w[1] + x[2] * w[2]).relu() * 1e3)
    f.value_and_grad([[1.0, 1.0, 1.0]])
    g = compile_graph(lambda x: where(x[0] + x[1] + x[2] > 0.0, 1.0, -1.0) * w[0])
    g.value_and_grad([[0.1, 0.2, -0.3], [0.3, -0.2, -0.1]])


def test_sums_that_cancel_are_no_difference():
    w = Value(1e10, "w")
    f = compile_graph(lambda x: x * w + 0.1 - w * x + (w + 0.3) * 1e-10 - w * 1e-10)
    f.value_and_grad([1.1, 3.3])


def test_generators_gradients_and_numbers_are_as_before():
    w = Value(1.5, "w")
    w.grad = 7.0
    random.seed(1), np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()
    compile_graph(lambda x: (x * w).relu())([0.0, 1.0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
    assert (w.data, w.grad) == (1.5, 7.0)


def test_a_failure_is_the_programs_to_report():
    with pytest.raises(ValueError, match=r"log.*lane 1 of 2"):
        compile_graph(lambda x: x.log())([1.0, -1.0])


def test_a_gradient_that_fails_is_no_failure_of_the_function():
    def fn(x):
        if isinstance(x > 1.0, bool):
            raise ValueError("not today")
        return (x * x).sqrt()

    with pytest.raises(TraceError, match=r"raises ValueError, not today, and the program comp.* 0"):
        compile_graph(fn)([0.0])


def test_each_and_several_outputs_are_checked():
    with pytest.raises(TraceError, match="output 1 is"):
        compile_graph(lambda x: [x, type_of(x)]).each([0.5])
    assert compile_graph(lambda x: [x, x * 2]).each([0.5]).tolist() == [[0.5, 1.0]]


def test_an_error_at_numbers_nearby_is_no_agreement():
    """Near 0 some of the numbers nearby are negative, where log raises: that settles nothing."""

    def fn(x):
        total = sum(y.log() for y in x)
        return total * (3.0 if isinstance(x[0] > 0, bool) else 2.0)

    with pytest.raises(TraceError, match="in the engine and"):
        compile_graph(fn)([[1e-9] * 4])


def raises_by_itself(x):
    if not isinstance(x > 0, bool):
        return x * 2.0
    raise ValueError("no such number")


def logarithm_of_a_negative_number(x):
    return (x - 10.0).log() if isinstance(x > 0, bool) else x * 2.0


def division_by_zero(x):
    return x / (x - x) if isinstance(x > 0, bool) else x * 2.0


@pytest.mark.parametrize(
    "fn, error",
    [
        (raises_by_itself, "ValueError, no such number, and"),
        (logarithm_of_a_negative_number, "ValueError, log: "),
        (division_by_zero, "ZeroDivisionError, "),
    ],
)
def test_an_error_that_the_program_has_not_is_a_difference(fn, error):
    text = rf"{fn.__name__} computes something else .* {{'x': 0.5}} the engine raises {error}"
    for ask in (lambda f: f([0.5]), lambda f: f.each([0.5]), lambda f: f.value_and_grad([0.5])):
        with pytest.raises(TraceError, match=text) as raised:
            ask(compile_graph(fn))
        assert "and the program computes 1.0. What" in str(raised.value)
    with pytest.raises(TraceError, match=r"computes \[0.5, 1.0\]"):
        compile_graph(lambda x: [x, fn(x)]).each([0.5])


def test_an_error_that_both_have_is_the_programs_to_report_at_the_edge_of_rounding_too():
    """In the engine's order the sum is 0, in the order of an affine sum it may not be."""
    w = [Value(0.1, "a"), Value(0.2, "b"), Value(-0.3, "c")]
    f = compile_graph(lambda x: (x[0] * w[0] + x[1] * w[1] + x[2] * w[2]).log())
    for row in ([1.0, 1.0, 1.0], [2.0, -1.0, 0.0], [3.0, 0.0, 1.0], [-1.0, -1.0, -1.0]):
        try:
            f([row])
        except ValueError as error:
            assert "log" in str(error)


def test_a_result_that_nothing_uses_fails_in_both():
    def fn(x):
        (x - 1.0).log()
        return x * 2.0

    with pytest.raises(ValueError, match=r"log"):
        compile_graph(fn)([0.5])


# ------------------------------------------------------------------ asked directly


def ask(fn, answer, *rows, shapes=((),), wrt=()):
    """Whether fn agrees with a program that answers so, whatever it is asked."""
    run = answer if callable(answer) else lambda row, numbers: answer
    names = ["abcdef"[i] for i in range(len(shapes))]
    require_agreement(fn, run, lambda row: False, [list(row) for row in rows], names, shapes, wrt)


@pytest.mark.parametrize(
    "fn, row, answer",
    [
        (lambda a: a - a, [1e10], ([1e-3], [0.0])), (lambda a: a - a, [-1e10], ([1e-3], [0.0])),
        (lambda a: a - a, [0.5], ([1e-10], [0.0])),
        (lambda a: a.exp(), [-7.0], ([math.exp(-7.0)], [math.exp(-7.0) + 5e-10])),
        (lambda a: a - a + a * 1e10 - a * 1e10, [2.0], ([0.0], [1e-3])),
        (lambda a: [a * 1.0, a * 1e10 - a * 1e10], [2.0], ([2.0, 1e-3], [])),
    ],
)  # fmt: skip
def test_numbers_may_differ_by_the_rounding_of_the_largest(fn, row, answer):
    ask(fn, answer, row)


@pytest.mark.parametrize(
    "fn, row, answer, told",
    [
        (lambda a: a - a, [1e6], ([0.1], [0.0]), "the value is 0.0 in the engine and 0.1 in the"),
        (lambda a: a - a, [0.5], ([1e-9], [0.0]), "the value is 0.0"),
        (lambda a: a * 2.0, [2.0], ([4.0], [2.1]), "the gradient of number 0 is 2.0"),
        (lambda a: [a, a], [2.0], ([2.0], []), "the number of outputs is 2 in the engine and 1"),
        (lambda a: a * 2.0, [2.0, 0.5], ([4.0], [2.0]), "it draws fewer numbers than when"),
    ],
)
def test_what_is_more_than_rounding_is_told(fn, row, answer, told):
    with pytest.raises(TraceError, match=told):
        ask(fn, answer, row)


def test_an_infinite_slope_excuses_no_other():
    ask(lambda a, b: a.sqrt() + b, ([1.0], [math.inf, 1.0]), [0.0, 1.0], shapes=[(), ()])
    with pytest.raises(TraceError, match="the gradient of number 1 is"):
        ask(lambda a, b: a.sqrt() + b, ([1.0], [math.inf, 1.5]), [0.0, 1.0], shapes=[(), ()])


def test_only_nan_is_like_nan_and_inf_lets_nothing_pass():
    ask(lambda a: a * math.nan, ([math.nan], [math.nan]), [2.0])
    for fn, answer in ((lambda a: a * math.nan, [2.0]), (lambda a: a * 1.0, [math.nan])):
        with pytest.raises(TraceError, match="the value is"):
            ask(fn, (answer, [1.0]), [2.0])
    with pytest.raises(TraceError, match="output 1 is"):
        ask(lambda a, b: [a, b], ([math.inf, 5.0], []), [math.inf, 1.0], shapes=[(), ()])


def test_a_number_that_is_not_read_has_the_slope_0():
    ask(lambda a, b: a * 2.0, ([4.0], [2.0, 0.0]), [2.0, 3.0], shapes=[(), ()])


def test_numbers_nearby_are_about_a_millionth_aside_and_the_parameters_come_back():
    weights, seen = [Value(3.0) for _ in range(40)], []

    def run(row, numbers):
        if numbers is None:  # as at a tie
            return [7.0], [row[0]] * 40
        seen.extend(n - 3.0 for n in numbers)
        assert numbers == [w.data for w in weights]
        return [row[0] * math.fsum(numbers)], [row[0]] * 40

    ask(lambda a: a * sum(weights), run, [2.0], wrt=weights)
    assert all(1.5e-6 <= abs(x) * 1.000001 and abs(x) <= 3.000001e-6 for x in seen)
    assert len(seen) == 3 * 40 and min(seen) < 0.0 < max(seen)
    assert {w.data for w in weights} == {3.0}


def test_several_outputs_may_agree_nearby_as_well():
    ask(lambda a: [a.relu()], lambda row, n: ([max(row[0], 0.0) if row[0] else 5.0], []), [0.0])


def test_a_generator_that_the_function_asks_is_as_before():
    before = random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2]
    ask(lambda a: (random.random(), np.random.random(), a)[2], ([2.0], [1.0]), [2.0])
    state = np.random.get_state()
    assert (random.getstate(), state[1].tolist(), state[2]) == before


@pytest.mark.parametrize("seconds, examples", [(-1.0, 1), (1e9, 3)])
def test_no_example_is_begun_when_the_time_is_up(monkeypatch, seconds, examples):
    monkeypatch.setattr(agreement, "SECONDS", seconds)
    seen = []
    ask(lambda a: seen.append(a) or a, lambda row, n: ([row[0]], [1.0]), [1.0], [2.0], [3.0])
    assert len(seen) == examples


def test_a_function_that_answers_in_turn_is_no_kink(monkeypatch):
    monkeypatch.setattr(agreement, "SECONDS", 1e9)  # on a busy machine fewer would be asked
    sign = itertools.cycle([1.0, -1.0])
    with pytest.raises(TraceError, match="computes something else"):
        compile_graph(lambda x: next(sign) * x).each([1.0, 2.0, 3.0])
    coin = random.Random(1)  # a generator of one's own, which no trace sees
    f = compile_graph(lambda x: x * (3.0 if coin.random() < 0.5 else 2.0), verify=20)
    with pytest.raises(TraceError, match="computes something else"):
        f.each(np.linspace(1.0, 2.0, 20))


def test_one_place_nearby_that_agrees_is_not_enough():
    answers = iter([False, False, True, False])

    def run(row, numbers):
        return [row[0] if next(answers) else 7.0], [1.0]

    with pytest.raises(TraceError):
        ask(lambda a: a * 1.0, run, [2.0])


def test_the_check_runs_under_no_grad_too():
    w = Value(3.0)
    f = compile_graph(lambda x: w * x)
    with no_grad():
        assert f([1.0, 3.0]) == 6.0
    assert f.value_and_grad([1.0, 3.0])[1].tolist() == [2.0]


def test_parameters_alone_of_which_there_are_none():
    f = compile_graph(lambda x: x * 2.0, wrt="parameters")
    value, gradient = f.value_and_grad([1.0, 3.0])
    assert value == 4.0 and gradient.tolist() == []
