"""A program is checked against the engine the first time it runs."""

import itertools
import random

import numpy as np
import pytest

from autograd_core import TraceError, Value, compile_graph, where


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


def test_verify_says_how_many_distinct_examples_are_run():
    calls = []

    def fn(x):
        calls.append(x)
        return x * 2.0

    for verify, xs, count in ((0, [1, 2, 3], 1), (1, [1, 2], 2), (2, [1, 1, 1], 2), (3, [1, 2], 3)):
        calls.clear()
        f = compile_graph(fn, verify=verify)
        f(xs)
        f(xs)
        assert len(calls) == count
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
