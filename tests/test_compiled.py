"""compile_graph beside the eager engine: values, gradients, errors, on both executors."""

import copy
import gc
import itertools
import math
import os
import random
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest

import nn
from autograd_core import (
    Gate,
    TraceError,
    Value,
    apply,
    compile_graph,
    exp,
    first_nan,
    gates,
    grad,
    gradients,
    jacobian,
    log,
    maximum,
    minimum,
    no_grad,
    value_and_grad,
    where,
)

INF, NAN = math.inf, math.nan
both = pytest.mark.parametrize("executor", ["numpy", "numba"])


@pytest.fixture(autouse=True)
def plain_numpy(monkeypatch):
    """NumPy, where a test does not ask for the other: it compiles nothing."""
    monkeypatch.setenv("AUTOGRAD_CORE_EXECUTOR", "numpy")


def eager(fn, rows, wrt=()):
    """The mean of fn over rows of numbers, its gradient in wrt, those in the rows' numbers."""
    for w in wrt:
        w.grad = 0.0
    values = [[Value(x) for x in row] for row in rows]
    terms = [fn(*row) for row in values]
    loss = sum(terms[1:], terms[0]) / len(terms)
    loss.backward()
    return loss.data, [w.grad for w in wrt], [[x.grad for x in row] for row in values]


def close(found, wanted, tolerance=1e-12):
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=0.0)


# ---------------------------------------------------------------------------- every gate


def own(name, forward, slope):
    return Gate(name, forward, slope, latex="", slopes=("",))


SQUARE = own("square", lambda xp, x: x * x, lambda xp, y, x: (2.0 * x,))
CUBE = own("cube", lambda xp, x: x * x * x, lambda xp, y, x: (xp.where(x > 0.0, 3.0, 3.0) * x * x,))
ENTRIES = [
    (gate, parameters)
    for gate in (*gates.values(), SQUARE, CUBE)
    if len(gate.operands) < 3
    for parameters in dict.fromkeys(
        [gate.defaults, *(corner[len(gate.operands) :] for corner in gate.corners)]
        + ([(3.0,), (-1.0,), (-0.5,)] if gate.name == "power" else [])
    )
    if len(parameters) == len(gate.parameters)
]
WIDTH = sum(len(gate.operands) for gate, _ in ENTRIES)


def every_gate(x, scale):
    """The sum of every gate, on operands of its own, times a number whose slope is its value."""
    operands = iter(x)
    total = 0.0
    for (gate, parameters), s in zip(ENTRIES, scale, strict=True):
        total = (
            total + apply(gate, *itertools.islice(operands, len(gate.operands)), *parameters) * s
        )
    return total


def graph_of_every_gate(executor):
    return compile_graph(every_gate, wrt="inputs", reduction="sum", executor=executor)


@pytest.fixture(scope="module")
def zoo():
    return {name: graph_of_every_gate(name) for name in ("numpy", "numba")}


def drawn(rng):
    """A point of each gate's domain."""
    return [i.sample(rng) for gate, _ in ENTRIES for i in gate.domain[: len(gate.operands)]]


SPECIAL = (0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1e-300, 1e-9, 20.0, -20.0, 37.5, -37.5, 300.0, -300.0)


def special(k):
    """Ties, zeros of both signs, seams, tails; domain samples where a gate fails at these."""
    rng = random.Random(k)
    point = []
    for gate, parameters in ENTRIES:
        count = len(gate.operands)
        corners = [c[:count] for c in gate.corners if c[count:] == parameters]
        wanted = [*corners, *itertools.product(SPECIAL, repeat=count)]
        wanted = wanted[k % len(wanted)]
        try:
            y = apply(gate, *map(Value, wanted), *parameters)
        except (ArithmeticError, ValueError):
            y = None
        if y is None or any(map(math.isnan, (y.data, *y.partials))):
            wanted = [i.sample(rng) for i in gate.domain[:count]]
        point += wanted
    return point


def one_by_one(point):
    """Values and slopes of every gate by the engine."""
    operands = iter(point)
    values, slopes = [], []
    for gate, parameters in ENTRIES:
        leaves = [Value(x) for x in itertools.islice(operands, len(gate.operands))]
        y = apply(gate, *leaves, *parameters)
        y.backward()
        values.append(y.data)
        slopes += [leaf.grad for leaf in leaves]
    return values, slopes


@both
@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 10])
def test_every_gate_has_the_engines_value_and_slopes(zoo, executor, lanes):
    rng = random.Random(lanes)
    for start in range(0, 40, lanes):
        points = [drawn(rng) if (start + i) % 4 == 0 else special(start + i) for i in range(lanes)]
        _, (slopes, values) = zoo[executor].value_and_grad(points, np.ones((lanes, len(ENTRIES))))
        wanted = [one_by_one(point) for point in points]
        close(values, [v for v, _ in wanted])
        close(slopes, [s for _, s in wanted])


@both
def test_ties_and_zeros_of_each_pair_of_special_numbers(zoo, executor):
    points = [special(k) for k in range(len(SPECIAL) ** 2 + 2)]
    _, (slopes, values) = zoo[executor].value_and_grad(points, np.ones((198, len(ENTRIES))))
    wanted = [one_by_one(point) for point in points]
    close(values, [v for v, _ in wanted])
    close(slopes, [s for _, s in wanted])


FAILING = [
    ("log", (0.0,)), ("log", (-1.0,)), ("log1p", (-1.0,)), ("sqrt", (-1.0,)), ("div", (1.0, 0.0)),
    ("div", (0.0, -0.0)), ("exp", (1000.0,)), ("expm1", (1000.0,)), ("sinh", (-1000.0,)),
    ("cosh", (1000.0,)), ("pow", (0.0, -1.0)), ("pow", (-8.0, 1 / 3)), ("pow", (10.0, 400.0)),
    ("asin", (1.5,)), ("acos", (-1.5,)), ("sin", (INF,)), ("cos", (-INF,)), ("tan", (INF,)),
]  # fmt: skip


@both
@pytest.mark.parametrize(("name", "operands"), FAILING)
def test_a_gate_that_fails_raises_what_the_engine_raises(zoo, executor, name, operands):
    at = next(i for i, (gate, _) in enumerate(ENTRIES) if gate.name == name)
    place = sum(len(gate.operands) for gate, _ in ENTRIES[:at])
    points = [drawn(random.Random(k)) for k in range(5)]
    points[3][place : place + len(operands)] = operands
    labelled = [Value(x, f"x[{place + i}]") for i, x in enumerate(operands)]
    with pytest.raises((ArithmeticError, ValueError)) as wanted:
        apply(gates[name], *labelled)
    with pytest.raises(wanted.type) as found:
        zoo[executor].value_and_grad(points, np.ones((5, len(ENTRIES))))
    assert str(found.value) == f"{wanted.value} (lane 3 of 5)"
    assert found.type is wanted.type


@both
def test_a_nan_that_comes_in_is_named(zoo, executor):
    points = [drawn(random.Random(k)) for k in range(3)]
    points[2][7] = NAN
    with pytest.raises(FloatingPointError, match=r"the input x\[7\] is nan \(lane 2 of 3\)"):
        zoo[executor].value_and_grad(points, np.ones((3, len(ENTRIES))))


# ---------------------------------------------------------------------------- where


def arms(x, w):
    """Arms whose slope is inf or nan where they are not taken, nested and shared."""
    root = (x * x).sqrt()  # slope nan at 0: 0 times inf
    inner = where(x > 0.0, root, where(w > 0.0, x * 2.0, x * w * (x - x).sqrt()))
    shared = where(x < 1.0, x * 3.0, root * w)
    return inner + shared + where(x >= 2.0, root, 0.0) * w


@both
@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_nothing_passes_into_an_arm_that_is_not_taken(executor, lanes):
    f = compile_graph(arms, wrt="inputs", reduction="sum", executor=executor)
    xs = [0.0, 0.5, 1.0, 2.0, 3.0, -1.0, -0.0, 1e-100][:lanes]
    ws = [1.5, 2.0, 0.5, 0.25, 3.0, 1.0, 0.1, 2.0][:lanes]
    value, found = f.value_and_grad(xs, ws)
    wanted = [eager(arms, [pair]) for pair in zip(xs, ws, strict=True)]
    assert all(math.isfinite(g) for _, _, [row] in wanted for g in row)
    close(value, sum(v for v, _, _ in wanted))
    close(np.transpose(found), [row for _, _, [row] in wanted])


def test_an_arm_with_an_infinite_slope_beside_an_infinite_gradient_is_no_nan():
    w = Value(0.0, "w")
    f = compile_graph(lambda x: where(x > 0.0, x.sqrt(), 2.0 * x) + w.sqrt(), [w])
    assert f.value_and_grad([0.0, 4.0]) == (1.0, [INF])


def test_a_parameter_in_an_arm_and_outside_and_a_number_as_condition():
    w = Value(0.0, "w")
    fn = lambda x: where(x, w.sqrt() * x, w * 3.0) + where(True, w, w.sqrt())  # noqa: E731
    value, gradient = compile_graph(fn, [w]).value_and_grad([0.0, 0.0, -0.0])
    assert value == 0.0 and gradient.tolist() == [4.0]


# ---------------------------------------------------------------------------- parameters


def test_weights_are_shared_and_a_parameter_may_be_unused():
    w, unused = Value(0.7, "w"), Value(5.0, "unused")
    fn = lambda x, y: (w * (w * x).tanh() - y) ** 2 + w * 0.1  # noqa: E731
    rows = [(0.5, 1.0), (-2.0, 0.3), (1.5, -1.0)]
    f = compile_graph(fn, [unused, w])
    value, gradient = f.value_and_grad(*zip(*rows, strict=True))
    wanted, [slope], _ = eager(fn, rows, [w])
    close(value, wanted)
    close(gradient, [0.0, slope])
    assert f.parameters == [unused, w]


@pytest.mark.parametrize(("reduction", "times"), [("mean", 1.0), ("sum", 4.0)])
def test_a_penalty_is_computed_once_and_reduced_as_the_rest(reduction, times):
    w = Value(3.0, "w")
    f = compile_graph(lambda x: w * x + w * w * 0.5, reduction=reduction)
    value, gradient = f.value_and_grad([1.0, 2.0, 3.0, 6.0])
    close([value, *gradient], [(9.0 + 4.5) * times, (3.0 + 3.0) * times])
    assert f([1.0, 2.0, 3.0, 6.0]) == value
    assert "once for all lanes" in f.program.listing()


def test_gradients_of_inputs_have_the_inputs_shapes():
    w = Value(2.0)
    f = compile_graph(lambda m, y: m[0][1] * m[1][0] * y * w, wrt="inputs", reduction="sum")
    m, y = np.arange(12.0).reshape(3, 2, 2), np.array([1.0, 2.0, 3.0])
    value, (dm, dy) = f.value_and_grad(m, y)
    assert dm.shape == (3, 2, 2) and dy.shape == (3,)
    close(dm[:, 0, 1], m[:, 1, 0] * y * 2.0)
    close(dy, m[:, 0, 1] * m[:, 1, 0] * 2.0)
    close(value, dy @ y)
    assert not dm[:, 0, 0].any()


def test_each_gives_every_lane_its_own():
    w = Value(2.0)
    assert compile_graph(lambda x: x * w).each([1, 2, 3]).tolist() == [2.0, 4.0, 6.0]
    f = compile_graph(lambda x: [x, x * w, w, 7.0])
    assert f.each([1.0, 3.0]).tolist() == [[1.0, 2.0, 2.0, 7.0], [3.0, 6.0, 2.0, 7.0]]
    assert f.each(1.5).tolist() == [1.5, 3.0, 2.0, 7.0]
    for call in (f, f.value_and_grad):
        with pytest.raises(TypeError, match="returns a sequence of 4"):
            call([1.0])


def test_it_is_traced_once_for_each_shape_of_an_example():
    calls = []

    def fn(x):
        calls.append(len(x))
        return sum(x)

    f = compile_graph(fn)
    for lanes in (3, 1, 10, 3, 7, 12, 13, 14, 15, 16, 17, 18, 3):
        assert f(np.full((lanes, 2), 0.5)) == 1.0
    assert calls == [2]
    assert f([[1.0, 2.0, 3.0]]) == 6.0 and f([[1.0, 3.0]]) == 4.0
    assert calls == [2, 3]
    assert [name for name in f.program.inputs] == ["x[0]", "x[1]"]


def test_numbers_written_between_calls_are_seen():
    model = nn.Linear(2, 1, rng=0)
    f = compile_graph(lambda x: model(x)[0])
    x = [[1.0, 2.0], [3.0, -1.0]]

    def right():
        return close(f(x), sum(model(row)[0].data for row in x) / 2)

    right()
    model.weight[0][1].data = 5.0
    right()
    model.load_state_dict({"weight": [[1.0, -1.0]], "bias": [0.5]})
    right()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    model.bias[0].grad = 2.0
    optimizer.step()
    right()
    value, _ = f.value_and_grad(x, at=[0.0, 0.0, 9.0])
    assert value == 9.0
    right()
    assert [p.grad for p in model.parameters()] == [0.0, 0.0, 2.0]
    for wrong in ([1.0], 1.0, np.float64(1.0), np.zeros((3, 1))):
        with pytest.raises(ValueError, match="one number for each of 3"):
            f.value_and_grad(x, at=wrong)


def test_parameters_that_at_does_not_hold_are_the_latest():
    w, other = Value(2.0, "w"), Value(3.0, "other")
    f = compile_graph(lambda x: w * x + other, [w])
    other.data = 10.0
    assert f.value_and_grad([1.0], at=[5.0]) == (15.0, [1.0])
    other.data = 20.0
    assert f.value_and_grad([1.0], at=[5.0]) == (25.0, [1.0])
    assert f([1.0]) == 22.0


def test_a_gate_of_the_users_own_is_not_kept_alive():
    def cubed():
        gate = Gate(
            "cubed", lambda xp, x: x * x * x, lambda xp, y, x: (3.0 * x * x,), latex="<x>^3",
            slopes=("3 <x>^2",),
        )  # fmt: skip
        f = compile_graph(lambda x: apply(gate, x))
        assert f.value_and_grad([2.0])[1].tolist() == [12.0]
        return weakref.ref(gate.forward)

    gone = cubed()
    gc.collect()
    assert gone() is None


def test_results_are_the_callers_own():
    w = Value(2.0)
    f = compile_graph(lambda x: w * x)
    first, each = f.value_and_grad([1.0, 2.0])[1], f.each([1.0, 2.0])
    f.value_and_grad([5.0, 6.0])
    assert first.tolist() == [1.5] and each.tolist() == [2.0, 4.0]


def test_what_has_no_gates():
    w = Value(2.0)
    value, gradient = compile_graph(lambda x: x).value_and_grad([1.0, 3.0])
    assert value == 2.0 and gradient.tolist() == [0.5, 0.5]
    value, gradient = compile_graph(lambda x: w).value_and_grad([1.0, 3.0])
    assert value == 2.0 and gradient.tolist() == [1.0]
    value, gradient = compile_graph(lambda x: 4.0).value_and_grad([1.0, 3.0])
    assert value == 4.0 and gradient.tolist() == [0.0, 0.0]


def test_the_parameters_of_the_models_that_fn_uses_come_first_in_their_order():
    model, extra = nn.MLP(2, [3, 1], rng=0), Value(1.0, "extra")
    f = compile_graph(lambda x: extra * model(x))
    f([[1.0, 2.0]])
    assert f.parameters == [*model.parameters(), extra]


def test_a_function_of_a_variable_that_is_set_later():
    def make():
        f = compile_graph(lambda x: later * x)
        later = Value(3.0)
        return f

    assert make()([2.0]) == 6.0


def test_a_network_with_a_penalty_on_numba_too():
    model = nn.MLP(3, [6, 4, 1], rng=1, activation="tanh")
    xs = np.random.default_rng(0).normal(size=(7, 3))
    ys = np.random.default_rng(1).normal(size=7)

    def fn(x, y):
        return (model(x) - y) ** 2 + 0.01 * sum(p * p for p in model.parameters())

    terms = [fn(list(map(float, x)), float(y)) for x, y in zip(xs, ys, strict=True)]
    loss = sum(terms[1:], terms[0]) / 7
    model.zero_grad()
    loss.backward()
    for executor in ("numpy", "numba"):
        f = compile_graph(fn, model, executor=executor)
        value, gradient = f.value_and_grad(xs, ys)
        close(value, loss.data)
        close(gradient, [p.grad for p in model.parameters()], 1e-11)
        single, slopes = f.value_and_grad(xs[4], ys[4])
        close(single, terms[4].data)
        close(slopes, f.value_and_grad(xs[4:5], ys[4:5])[1])


# ---------------------------------------------------------------------------- arguments


def test_lists_tuples_arrays_ints_and_float32_come_in():
    f = compile_graph(lambda x, y: x[0] * 10 + x[1] + y)
    for x in (
        [[1, 2]], ((1, 2),), np.array([[1, 2]]), np.array([[1.0, 2.0]], np.float32),
        np.asfortranarray([[1.0, 2.0]]), [np.array([1, 2])], np.array([[9, 1, 9, 2]])[:, 1::2],
    ):  # fmt: skip
        assert f(x, [0.5]) == 12.5 == f(x[0], 0.5)
    assert compile_graph(lambda x: x)([True, False]) == 0.5


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1.0, 2.0], [3.0]], [1.0, 2.0]), ValueError, "argument first must be an array"),
        ((["a", "b"], [1.0, 2.0]), (TypeError, ValueError), "argument first must be an array"),
        (([1.0, 2.0], ["1", "2"]), (TypeError, ValueError), "argument second must be an array"),
        (("1.5", [1.0]), (TypeError, ValueError), "argument first must be an array"),
        (([None], [1.0]), TypeError, "argument first must be an array"),
        (([1j], [1.0]), TypeError, "argument first must be an array"),
        (([Value(1.0)], [1.0]), TypeError, "argument first must be an array"),
        (({1.0}, [1.0]), TypeError, "argument first must be an array"),
        (([1.0, 2.0], [1.0]), ValueError, "first: 2, second: 1"),
        (([], []), ValueError, "at least one"),
        ((np.zeros((0, 2)), []), ValueError, "at least one"),
    ],
)
def test_arguments_that_do_not_fit_are_named(arguments, error, message):
    f = compile_graph(lambda first, second: first * second)
    for call in (f, f.value_and_grad, f.each):
        with pytest.raises(error, match=message):
            call(*arguments)
    assert f([2.0], [3.0]) == 6.0


def test_no_argument_and_wrong_counts():
    with pytest.raises((TypeError, ValueError), match="one row an example"):
        compile_graph(lambda: Value(1.0))()
    with pytest.raises(TypeError):
        compile_graph(lambda x: x)([1.0], [2.0])


@pytest.mark.parametrize(
    "answer",
    [
        None, "text", {"a": 1}, [[1.0]],
        [],
    ],
)  # fmt: skip
def test_what_a_function_may_return(answer):
    with pytest.raises(TypeError, match="what a traced function returns"):
        compile_graph(lambda x: answer)([1.0])


def test_what_compile_graph_takes():
    for arguments, keywords in (
        ((3.0,), {}), ((len, [1.0]), {}), ((len, [Value(1.0) * 2]), {}), ((len, 5), {}),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="compile_graph"):
            compile_graph(*arguments, **keywords)
    for keywords in ({"wrt": "x"}, {"reduction": "max"}, {"executor": "jax"}):
        with pytest.raises(ValueError, match=next(iter(keywords))):
            compile_graph(len, **keywords)
    with pytest.raises(RuntimeError, match=r"f\.trace"):
        _ = compile_graph(len).program


# ---------------------------------------------------------------------------- reading numbers

W = Value(2.0, "w")


def _under_no_grad(x):
    with no_grad():
        return x * 2.0


def _if(x):
    if x > 0.0:
        return x
    return -x


def _while(x):
    while x < 10.0:
        x = x * 2.0
    return x


def _and(x):
    return where(0.0 < x < 1.0, x, W)


READING = {
    ".data": lambda x: x * W.data,
    "item": lambda x: x * W.item(),
    "detach": lambda x: x * W.detach(),
    "float": lambda x: x * float(W),
    "int": lambda x: x * int(W),
    "complex": lambda x: x * complex(W),
    "math.exp": lambda x: x * math.exp(W),
    "bool": lambda x: x * bool(W),
    "not": lambda x: x * (not x),
    "if": _if,
    "while": _while,
    "and": _and,
    "or": lambda x: x or W,
    "max()": lambda x: max(x, W),
    "min()": lambda x: min([x, W]),
    "sorted": lambda x: sorted([x, W])[0],
    "format": lambda x: float(f"{W:.3f}") * x,
    "no_grad": _under_no_grad,
    "grad()": lambda x: grad(W * x, [W])[0],
    "backward()": lambda x: (W * x).backward(),
    ".grad": lambda x: x * W.grad,
    ".partials": lambda x: x * (W * 3.0).partials[0],
    "gradients": lambda x: x * gradients(W * W)[W],
    "value_and_grad": lambda x: x * value_and_grad(lambda a: a * a, [2.0])[0],
    "jacobian": lambda x: x * jacobian(lambda a: a * a, [2.0])[0],
    "first_nan": lambda x: x if first_nan(x) is None else W,
    "copy": lambda x: x * copy.copy(W),
    "deepcopy": lambda x: x * copy.deepcopy([W])[0],
    "np.array": lambda x: x * np.array([W], float)[0],
    "np.maximum": lambda x: np.maximum(np.array([x]), W)[0],
    "array.max": lambda x: np.array([x, W]).max(),
    "array.sort": lambda x: np.sort(np.array([x, W]))[0],
    "writing": lambda x: setattr(W, "data", 3.0) or x,
    "any": lambda x: x * any([x > 0.0, W > 0.0]),
    "state_dict": lambda x: x * nn.Linear(1, 1, rng=0).state_dict()["bias"][0],
}


@pytest.mark.parametrize("way", READING)
def test_reading_a_number_is_refused_with_the_line_and_the_remedy(way):
    f = compile_graph(READING[way])
    with pytest.raises(TraceError) as found:
        f([1.0, 2.0])
    message = str(found.value)
    assert "test_compiled.py:" in message
    for remedy in ("where(", "maximum(", "eager=True"):
        assert remedy in message
    assert W.data == 2.0


def test_the_line_is_that_of_the_program():
    with pytest.raises(TraceError, match=r"test_compiled\.py:\d+: if x > 0\.0:"):
        compile_graph(_if)([1.0])


def test_numbers_can_be_read_again_after_a_trace_that_failed():
    with pytest.raises(TraceError):
        compile_graph(_if)([1.0])
    assert W.data == 2.0 and _if(Value(-3.0)).data == 3.0


def test_where_maximum_and_minimum_work_instead():
    fn = lambda x: where(x > 0.0, x, -x) + maximum(x, W) * minimum(x, 1.0)  # noqa: E731
    rows = [[-3.0], [0.5], [2.0], [7.0]]
    value, [slope], _ = eager(fn, rows, [W])
    found, gradient = compile_graph(fn).value_and_grad([row[0] for row in rows])
    close([found, *gradient], [value, slope])


def test_ufuncs_and_matrices_of_values_work_and_do_not_warn():
    a = np.array([[Value(1.0), Value(2.0)], [Value(0.5), Value(-1.0)]])
    f = compile_graph(lambda x: np.exp(a @ np.array(x)).sum())
    close(f([[1.0, 2.0]]), math.exp(5.0) + math.exp(-1.5))


def test_a_result_of_no_grad_is_a_constant():
    with no_grad():
        fixed = W * 3.0
    value, gradient = compile_graph(lambda x: W * x * fixed).value_and_grad([1.0])
    assert value == 12.0 and gradient.tolist() == [6.0]


# ---------------------------------------------------------------------------- bad numbers


def labelled(x, w=W):
    hidden = x * w - 4.0
    hidden.label = "hidden"
    out = log(hidden)
    out.label = "out"
    return out


def test_a_domain_error_names_gate_label_lane_and_operands():
    w = Value(2.0, "w")
    f = compile_graph(lambda x: labelled(x, w))
    with pytest.raises(ValueError) as found:
        f.value_and_grad([3.0, 4.0, 1.0])
    assert str(found.value) == (
        "log: log(hidden=-2.0): needs an operand above 0, the gate of 'out' (lane 2 of 3)"
    )
    for call in (f, f.each):
        with pytest.raises(ValueError, match="lane 2 of 3"):
            call([3.0, 4.0, 1.0])
    with pytest.raises(ValueError, match=r"the gate of 'out'$"):
        f(1.0)
    close(f([3.0]), math.log(2.0))
    assert w.data == 2.0 and w.grad == 0.0


@pytest.mark.parametrize(
    ("fn", "x", "error"),
    [
        (lambda x: 1.0 / exp(x), 1000.0, OverflowError),
        (lambda x: 0.0 * exp(x) if False else (1.0 / exp(x)).tanh(), 800.0, OverflowError),
        (lambda x: minimum(exp(x), 1.0), 1000.0, OverflowError),
        (lambda x: where(x > 0.0, x, log(x)), 0.0, ValueError),
        (lambda x: (log(x), x)[1], 0.0, ValueError),
        (lambda x: where(exp(x) > 2.0, 1.0, 0.0) * W, 1000.0, OverflowError),
        (lambda x: x + 0.0 * (1.0 / x) ** 0, 0.0, ZeroDivisionError),
    ],
)
def test_failures_that_vanish_later_are_found(fn, x, error):
    f = compile_graph(fn)
    with pytest.raises(error):
        fn(Value(x))
    with pytest.raises(error, match="lane 1 of 3"):
        f([1.0, x, 1.0])
    with pytest.raises(error, match="lane 0 of 2"):
        f.value_and_grad([x, 1.0])


def test_a_nan_that_is_made_is_found_where_it_is_made():
    big = compile_graph(lambda x: x * 1e308 - x * W * 1e308)
    with pytest.raises(FloatingPointError, match=r"sub: the result is nan for inf, inf.*lane 1"):
        big([0.1, 10.0])
    f = compile_graph(lambda x: (x * W).sqrt() * 0.0 + (x - x).sqrt() * W)
    with pytest.raises(FloatingPointError, match=r"nan for .*in the backward pass \(lane 0 of 2\)"):
        compile_graph(lambda x: (x * 0.0).sqrt() * 0.0, wrt="inputs").value_and_grad([1.0, 2.0])
    assert f([1.0]) == 0.0
    W_nan = Value(NAN, "weight")
    with pytest.raises(FloatingPointError, match="the parameter weight is nan"):
        compile_graph(lambda x: x * W_nan)([1.0])


def test_a_nan_that_only_the_sum_over_lanes_makes_is_found():
    w = Value(0.0, "w")
    f = compile_graph(lambda x: x * w.sqrt())
    with pytest.raises(FloatingPointError, match="gradient of w is nan: over the 2 lanes"):
        f.value_and_grad([1.0, -1.0])
    with pytest.raises(FloatingPointError, match="the value is nan: over the 2 lanes"):
        compile_graph(lambda x: x * 1e308)([1e10, -1e10])
    assert compile_graph(lambda x: x * 1e308).each([1e10, -1e10]).tolist() == [INF, -INF]


def test_infinities_stay_visible_and_nothing_warns():
    assert compile_graph(lambda x: x * 1e308)([10.0]) == INF
    w = Value(1.0)
    value, gradient = compile_graph(lambda x: x * w).value_and_grad([1e200, 1e200])
    close([value, *gradient], [1e200, 1e200])


def test_a_nan_in_an_arm_that_is_not_taken_is_none():
    f = compile_graph(lambda x, y: where(x > 0.0, y, 1.0) + (W - 2.0).sqrt())
    assert f.value_and_grad([-1.0], [NAN]) == (1.0, [INF])
    with pytest.raises(FloatingPointError, match="input y is nan"):
        f([1.0], [NAN])


# ---------------------------------------------------------------------------- gates of one's own


def test_a_gate_of_the_users_own():
    fn = lambda x: apply(SQUARE, x) * W + apply(CUBE, x)  # noqa: E731
    f = compile_graph(fn, wrt="inputs", reduction="sum")
    rows = [[1.0], [-2.0], [0.5]]
    value, _, slopes = eager(fn, rows)
    found, gradient = f.value_and_grad([row[0] for row in rows])
    close(found / 3, value)
    close(gradient, [3.0 * row[0] for row in slopes])
    with pytest.raises(ValueError, match="gates of your own"):
        f.program.to_json()


def test_two_gates_of_one_name_and_names_of_opcodes_are_refused():
    one = own("mine", lambda xp, x: x * x, lambda xp, y, x: (2.0 * x,))
    two = own("mine", lambda xp, x: x + x, lambda xp, y, x: (2.0,))
    with pytest.raises(ValueError, match="two gates are named 'mine'"):
        compile_graph(lambda x: apply(one, x) + apply(two, x))([1.0])
    fake = own("exp", lambda xp, x: x + x, lambda xp, y, x: (2.0,))
    with pytest.raises(ValueError, match="'exp'"):
        compile_graph(lambda x: apply(fake, x))([1.0])
    assert compile_graph(lambda x: apply(one, x))([3.0]) == 9.0
    assert compile_graph(lambda x: apply(two, x))([3.0]) == 6.0
    for name in ("dot", "product", "total", "outer", "copy", "spread", "finish", "f'"):
        gate = own(name, lambda xp, x: x * x, lambda xp, y, x: (2.0 * x,))
        with pytest.raises(ValueError, match="give it another name"):
            compile_graph(lambda x, gate=gate: apply(gate, x))([1.0])


# ---------------------------------------------------------------------------- executors, threads


def test_the_environment_chooses_the_executor(monkeypatch):
    assert compile_graph(len).executor == "numpy"
    monkeypatch.setenv("AUTOGRAD_CORE_EXECUTOR", "numba")
    assert compile_graph(len).executor == "numba"
    assert compile_graph(len, executor="numpy").executor == "numpy"
    monkeypatch.setenv("AUTOGRAD_CORE_EXECUTOR", "fortran")
    with pytest.raises(ValueError, match="fortran"):
        compile_graph(len)
    monkeypatch.delenv("AUTOGRAD_CORE_EXECUTOR")
    assert compile_graph(len).executor == "numba"


WITHOUT = """
import sys, warnings
sys.modules["numba"] = None
sys.modules["llvmlite"] = None
from autograd_core import Value, compile_graph
w = Value(2.0)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    for _ in range(3):
        f = compile_graph(lambda x: (w * x).tanh())
        assert abs(f([0.0, 0.0])) == 0.0 and f.executor == "numpy"
print(len(told), told[0].message, told[0].filename)
try:
    compile_graph(lambda x: x, executor="numba")([1.0])
except ImportError as error:
    print(error)
"""


def test_without_numba_it_runs_on_numpy_and_says_so_once():
    environment = {k: v for k, v in os.environ.items() if k != "AUTOGRAD_CORE_EXECUTOR"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("1 programs run on NumPy") and first.endswith("<string>")
    assert 'pip install "autograd-core[fast]"' in first and 'executor="numpy"' in second


def test_a_damaged_file_of_the_cache_is_not_run(tmp_path):
    compile_graph(lambda x: x, executor="numba")([1.0])
    run_numba = sys.modules["autograd_core.run_numba"]
    llvm = run_numba.llvm
    machine = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    found = run_numba._folder().glob("*.o")
    whole = next(path for path in found if run_numba._from_cache(path, machine)).read_bytes()
    kept = tmp_path / "kernel.o"
    for place in (0, 70, len(whole) // 2, len(whole) - 1):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        kept.write_bytes(damaged)
        assert run_numba._from_cache(kept, machine) is None
    for length in (0, 10, len(whole) - 1):
        kept.write_bytes(whole[:length])
        assert run_numba._from_cache(kept, machine) is None


BROKEN = """
import sys
sys.modules["numba"] = None
from autograd_core import compile_graph
try:
    compile_graph(lambda x: x, executor="numba")([1.0])
except ImportError as error:
    print(error)
"""


def test_a_numba_that_cannot_be_imported_is_an_error_with_a_remedy(tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", BROKEN], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("executor 'numba' cannot be used, ")
    assert 'or give executor="numpy"' in done.stdout


SMALL = """
from numba import cfunc, njit, types

@njit
def twice(x):
    return 2 * x

@cfunc(types.int64(types.int64))
def run(x):
    return twice(x)
"""


def test_loops_are_compiled_while_the_users_own_are_not(monkeypatch, tmp_path):
    from numba.core import config

    from autograd_core import run_numba

    llvm = run_numba.llvm
    machine = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    run_numba._compiled(SMALL, tmp_path / "small.o", machine)
    assert config.DISABLE_JIT == 1
    assert run_numba._from_cache(tmp_path / "small.o", machine) is not None


def test_threads_compile_a_loop_once(monkeypatch, tmp_path):
    from autograd_core import run_numba

    calls = []

    def compiled(source, kept, machine):
        calls.append(source)
        time.sleep(0.05)
        return source.upper()

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(run_numba, "_loaded", {})
    monkeypatch.setattr(run_numba, "_compiled", compiled)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(run_numba._kernel("text"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["TEXT"] * 4 and calls == ["text"]


def test_threads_that_call_one_graph_at_once_get_their_own_answers():
    model = nn.MLP(2, [5, 1], rng=0, activation="tanh")
    f = compile_graph(lambda x, y: (model(x) - y) ** 2, model)
    rng = np.random.default_rng(0)
    batches = [(rng.normal(size=(n, 2)), rng.normal(size=n)) for n in (1, 2, 3, 5, 8, 13)]
    wanted = [f.value_and_grad(*batch) for batch in batches]
    fresh = compile_graph(lambda x, y: (model(x) - y) ** 2, model)
    wrong = []

    def work(k):
        for i in range(60):
            value, gradient = fresh.value_and_grad(*batches[(k + i) % 6])
            if value != wanted[(k + i) % 6][0] or (gradient != wanted[(k + i) % 6][1]).any():
                wrong.append((k, i))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_trace_in_one_thread_leaves_the_numbers_of_another_readable():
    entered, done = threading.Event(), threading.Event()
    w = Value(2.0)

    def fn(x):
        entered.set()
        assert done.wait(10.0)
        return x * w

    answers = []
    thread = threading.Thread(target=lambda: answers.append(compile_graph(fn)([3.0])))
    thread.start()
    assert entered.wait(10.0)
    y = w * 4.0
    y.backward()
    assert y.data == 8.0 and w.grad == 4.0 and (y > 1.0) is True
    done.set()
    thread.join()
    assert answers == [6.0]


def test_random_numbers_in_a_traced_function_are_refused():
    import random

    with pytest.raises(TraceError, match="draws random numbers"):
        compile_graph(lambda x: x * random.random())([1.0])


def test_a_refusal_that_is_caught_is_raised_in_the_end():
    def fn(x):
        try:
            return x if x > 0 else -x
        except TypeError:
            return x * 3

    with pytest.raises(TraceError, match="asked for its truth"):
        compile_graph(fn)([1.0])


def test_what_asks_for_training_is_traced_for_each():
    class Net(nn.Module):
        def __init__(self):
            self.w = Value(3.0)

        def forward(self, x):
            return self.w * x * (2.0 if self.training else 1.0)

    net = Net()
    f = compile_graph(net)
    assert f([1.0]) == 6.0
    net.eval()
    assert f([1.0]) == 3.0


def test_models_are_found_where_fn_reaches_them():
    import functools

    model = nn.MLP(2, [3, 1], rng=0)

    def helper(x, y):
        return (model(x) - y) ** 2

    class Trainer:
        def __init__(self):
            self.net = model

        def loss(self, x, y):
            return (self.net(x) - y) ** 2

    def with_model(net, x, y):
        return (net(x) - y) ** 2

    for fn in (
        lambda x, y: helper(x, y), Trainer().loss, functools.partial(with_model, model),
    ):  # fmt: skip
        f = compile_graph(fn)
        f([[1.0, 2.0]], [1.0])
        assert f.parameters == model.parameters()


def test_a_compiled_graph_is_not_copied():
    import copy

    with pytest.raises(TypeError, match="copy the model"):
        copy.deepcopy(compile_graph(lambda x: x))
