"""compile_graph beside the eager engine: values, gradients, errors, on every executor."""

import collections
import copy
import gc
import itertools
import math
import os
import random
import re
import subprocess
import sys
import threading
import weakref
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import nn
from autograd_core import (
    Gate,
    Op,
    TraceError,
    Value,
    apply,
    compile_graph,
    drawn,
    gates,
    modes,
    used,
)
from autograd_core.program import agreement, compiled, executors
from autograd_core.program.executors import EXECUTORS, is_there

INF, NAN = math.inf, math.nan
THERE = [*filter(is_there, EXECUTORS)]
each_executor = pytest.mark.parametrize("executor", THERE)


# ------------------------------------------------------------------ every gate


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
    return compile_graph(every_gate, wrt="inputs", reduction="sum", backend=executor)


@pytest.fixture(scope="module")
def zoo():
    return {name: graph_of_every_gate(name) for name in THERE}


def sample(rng):
    """A point of each gate's domain."""
    return [i.sample(rng) for gate, _ in ENTRIES for i in gate.domain[: len(gate.operands)]]


def twos(count):
    return [2.0] * count


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


@each_executor
@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 10])
def test_every_gate_has_the_engines_value_and_slopes(close, zoo, executor, lanes):
    rng = random.Random(lanes)
    for start in range(0, 40, lanes):
        points = [sample(rng) if (start + i) % 4 == 0 else special(start + i) for i in range(lanes)]
        _, (slopes, values) = zoo[executor].value_and_grad(points, np.ones((lanes, len(ENTRIES))))
        wanted = [one_by_one(point) for point in points]
        close(values, [v for v, _ in wanted])
        close(slopes, [s for _, s in wanted])


@each_executor
def test_ties_and_zeros_of_each_pair_of_special_numbers(close, zoo, executor):
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


@each_executor
@pytest.mark.parametrize(("name", "operands"), FAILING)
def test_a_gate_that_fails_raises_what_the_engine_raises(zoo, executor, name, operands):
    at = next(i for i, (gate, _) in enumerate(ENTRIES) if gate.name == name)
    place = sum(len(gate.operands) for gate, _ in ENTRIES[:at])
    points = [sample(random.Random(k)) for k in range(5)]
    points[3][place : place + len(operands)] = operands
    labelled = [Value(x, f"x[{place + i}]") for i, x in enumerate(operands)]
    with pytest.raises((ArithmeticError, ValueError)) as wanted:
        apply(gates[name], *labelled)
    with pytest.raises(wanted.type) as found:
        zoo[executor].value_and_grad(points, np.ones((5, len(ENTRIES))))
    assert str(found.value) == f"{wanted.value} (lane 3 of 5)"
    assert found.type is wanted.type


@each_executor
@pytest.mark.parametrize("call", ["__call__", "value_and_grad", "each"])
@pytest.mark.parametrize(
    "fn, x, error, message",
    [
        (lambda x: x.log().exp(), 0.0, ValueError, r"log.* \(lane 1 of 2\)"),  # exp(-inf) is 0
        (lambda x: x * x - x * x, 1e200, FloatingPointError, "sub: the result is nan for inf, inf"),
    ],
)
def test_a_failure_is_found_by_every_call(executor, call, fn, x, error, message):
    f = compile_graph(fn, wrt="inputs", backend=executor)
    for _ in range(2):
        with pytest.raises(error, match=message):
            getattr(f, call)([1.0, x])


@each_executor
@pytest.mark.parametrize("lanes", [1, 2, 3, 5])
def test_no_lane_is_run_by_its_rules_where_nothing_fails(monkeypatch, executor, lanes):
    """It would take much longer than the program."""
    w = Value(2.0, "w")
    fn = lambda x: (x * w).log() / drawn(twos, 1)[0].log()  # noqa: E731
    f = compile_graph(fn, backend=executor, verify=0)
    monkeypatch.setattr(compiled, "find_failure", lambda *_, **__: pytest.fail("a lane was run"))
    for xs in (np.full(lanes, 1.0), np.full(lanes, 4.0)):
        assert f(xs) == pytest.approx(math.log2(2.0 * xs[0]))
        assert f.value_and_grad(xs)[1] == pytest.approx([0.5 / math.log(2.0)])
        assert f.each(xs) == pytest.approx(np.log2(2.0 * xs))


@each_executor
def test_a_nan_that_comes_in_is_named(zoo, executor):
    points = [sample(random.Random(k)) for k in range(3)]
    points[2][7] = NAN
    with pytest.raises(FloatingPointError, match=r"the input x\[7\] is nan \(lane 2 of 3\)"):
        zoo[executor].value_and_grad(points, np.ones((3, len(ENTRIES))))


# ------------------------------------------------------------------ parameters


def test_weights_are_shared_and_a_parameter_may_be_unused(eager, close):
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
def test_a_penalty_is_computed_once_and_reduced_as_the_rest(close, reduction, times):
    w = Value(3.0, "w")
    f = compile_graph(lambda x: w * x + w * w * 0.5, reduction=reduction)
    value, gradient = f.value_and_grad([1.0, 2.0, 3.0, 6.0])
    close([value, *gradient], [(9.0 + 4.5) * times, (3.0 + 3.0) * times])
    assert f([1.0, 2.0, 3.0, 6.0]) == value
    assert "once for all lanes" in f.program.listing()


def test_gradients_of_inputs_have_the_inputs_shapes(close):
    w = Value(2.0)
    f = compile_graph(lambda m, y: m[0][1] * m[1][0] * y * w, wrt="inputs", reduction="sum")
    m, y = np.arange(12.0).reshape(3, 2, 2), np.array([1.0, 2.0, 3.0])
    value, (dm, dy) = f.value_and_grad(m, y)
    assert dm.shape == (3, 2, 2) and dy.shape == (3,)
    close(dm[:, 0, 1], m[:, 1, 0] * y * 2.0)
    close(dy, m[:, 0, 1] * m[:, 1, 0] * 2.0)
    close(value, dy @ y)
    assert not dm[:, 0, 0].any()
    value, (dm, dy) = f.value_and_grad(m[2], y[2])
    assert dm.shape == (2, 2) and dy.shape == () and value == dy * 3.0


def test_each_gives_the_outputs_of_every_lane():
    w = Value(2.0)
    assert compile_graph(lambda x: x * w).each([1, 2, 3]).tolist() == [2.0, 4.0, 6.0]
    f = compile_graph(lambda x: [x, x * w, w, 7.0])
    assert f.each([1.0, 3.0]).tolist() == [[1.0, 2.0, 2.0, 7.0], [3.0, 6.0, 2.0, 7.0]]
    assert f.each(1.5).tolist() == [1.5, 3.0, 2.0, 7.0]
    for call in (f, f.value_and_grad):
        with pytest.raises(TypeError, match="returns a sequence of 4"):
            call([1.0])
    assert list(f.program.gradients) == [] == list(f.program.wrt)


def test_it_is_traced_once_for_each_shape_of_an_example():
    calls = []

    def fn(x):
        calls.append(len(x))
        return sum(x)

    f = compile_graph(fn, verify=0)
    for lanes in (3, 1, 10, 3, 7, 12, 13, 14, 15, 16, 17, 18, 3):
        assert f(np.full((lanes, 2), 0.5)) == 1.0
    assert calls == [2]
    assert f([[1.0, 2.0, 3.0]]) == 6.0 and f([[1.0, 3.0]]) == 4.0
    assert calls == [2, 3]
    assert [name for name in f.program.inputs] == ["x[0]", "x[1]"]


def test_numbers_written_between_calls_are_seen(close):
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


def test_a_custom_gate_is_not_kept_alive():
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


def test_a_function_without_gates():
    w = Value(2.0)
    value, gradient = compile_graph(lambda x: x).value_and_grad([1.0, 3.0])
    assert value == 2.0 and gradient.tolist() == [0.5, 0.5]
    value, gradient = compile_graph(lambda x: w).value_and_grad([1.0, 3.0])
    assert value == 2.0 and gradient.tolist() == [1.0]
    value, gradient = compile_graph(lambda x: w, reduction="sum").value_and_grad([1.0, 3.0])
    assert value == 4.0 and gradient.tolist() == [2.0]
    value, gradient = compile_graph(lambda x: 4.0).value_and_grad([1.0, 3.0])
    assert value == 4.0 and gradient.tolist() == [0.0, 0.0]


def test_a_network_with_a_penalty_on_every_executor(close):
    model = nn.MLP(3, [6, 4, 1], rng=1, activation="tanh")
    xs = np.random.default_rng(0).normal(size=(7, 3))
    ys = np.random.default_rng(1).normal(size=7)

    def fn(x, y):
        return (model(x) - y) ** 2 + 0.01 * sum(p * p for p in model.parameters())

    terms = [fn(list(map(float, x)), float(y)) for x, y in zip(xs, ys, strict=True)]
    loss = sum(terms[1:], terms[0]) / 7
    model.zero_grad()
    loss.backward()
    for executor in THERE:
        f = compile_graph(fn, model, backend=executor)
        value, gradient = f.value_and_grad(xs, ys)
        close(value, loss.data)
        close(gradient, [p.grad for p in model.parameters()], 1e-11)
        single, slopes = f.value_and_grad(xs[4], ys[4])
        close(single, terms[4].data)
        close(slopes, f.value_and_grad(xs[4:5], ys[4:5])[1])


# ------------------------------------------------------------------ arguments


def test_lists_tuples_arrays_ints_and_float32_are_accepted():
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
        ((np.array([1j]), np.ones(1)), TypeError, "argument first must be an array"),
        ((np.ones(1), np.array(["1"])), TypeError, "argument second must be an array"),
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


def test_a_call_without_arguments_or_with_too_many_is_refused():
    with pytest.raises((TypeError, ValueError), match="one row per example"):
        compile_graph(lambda: Value(1.0))()
    with pytest.raises(TypeError):
        compile_graph(lambda x: x)([1.0], [2.0])
    f, ones = compile_graph(lambda x, y: x * y), np.ones(1)
    for arguments in ((ones,), (ones, ones, ones)):
        assert f(ones, ones) == 1.0
        with pytest.raises(TypeError):
            f(*arguments)


def test_who_gives_a_lone_example_as_rows_is_told_how_to_give_one():
    f, told = compile_graph(lambda x, y: x[0] * y), "taken as 2 examples, one per row: .*f\\(\\[x"
    for arguments, notes in ((([1.0, 2.0], [3.0, 4.0]), 1), ((1.0, 2.0), 0), ((np.eye(2),), 0)):
        with pytest.raises(TypeError) as caught:
            f(*arguments)
        found = [note for note in getattr(caught.value, "__notes__", []) if re.search(told, note)]
        assert len(found) == notes
    with pytest.raises(TraceError) as refused:
        compile_graph(lambda x: math.sqrt(x))([1.0, 2.0])
    assert not any("per row" in note for note in getattr(refused.value, "__notes__", []))


def test_compile_graph_refuses_what_it_cannot_take():
    for arguments, keywords in (
        ((3.0,), {}), ((len, [1.0]), {}), ((len, [Value(1.0) * 2]), {}), ((len, 5), {}),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="compile_graph"):
            compile_graph(*arguments, **keywords)
    for keywords in ({"wrt": "x"}, {"reduction": "max"}, {"backend": "jax"}):
        with pytest.raises(ValueError, match=next(iter(keywords))):
            compile_graph(len, **keywords)
    with pytest.raises(RuntimeError, match=r"f\.trace"):
        _ = compile_graph(len).program


# ------------------------------------------------------------------ custom gates


W = Value(2.0, "w")


def test_a_custom_gate(eager, close):
    fn = lambda x: apply(SQUARE, x) * W + apply(CUBE, x)  # noqa: E731
    f = compile_graph(fn, wrt="inputs", reduction="sum")
    rows = [[1.0], [-2.0], [0.5]]
    value, _, slopes = eager(fn, rows)
    found, gradient = f.value_and_grad([row[0] for row in rows])
    close(found / 3, value)
    close(gradient, [3.0 * row[0] for row in slopes])


@each_executor
def test_gates_of_one_name_and_names_of_opcodes_are_told_apart(executor):
    one = own("mine", lambda xp, x: x * x, lambda xp, y, x: (2.0 * x,))
    two = own("mine", lambda xp, x: x + x, lambda xp, y, x: (2.0,))
    fake = own("exp", lambda xp, x: x - 1.0, lambda xp, y, x: (1.0,))
    fn = lambda x: apply(one, x) + apply(two, x) * apply(fake, x) + x.exp()  # noqa: E731
    f = compile_graph(fn, wrt="inputs", backend=executor)
    value, gradient = f.value_and_grad(3.0)
    assert value == pytest.approx(9.0 + 6.0 * 2.0 + math.exp(3.0), rel=1e-15)
    assert gradient == pytest.approx(6.0 + 2.0 * 2.0 + 6.0 + math.exp(3.0), rel=1e-15)
    for name in ("dot", "affine", "lane_sum", "outer", "copy", "spread", "finish", "f'"):
        gate = own(name, lambda xp, x: x * x, lambda xp, y, x: (2.0 * x,))
        g = compile_graph(lambda x, gate=gate: apply(gate, x), backend="numpy")
        assert g([3.0]) == 9.0 and "9" in str(g.program.evaluate([3.0]))


# ------------------------------------------------------------------ threads, modes, copies


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


def test_a_model_that_reads_its_mode_is_traced_once_per_mode():
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


def test_it_says_of_what_it_is_and_who_runs_it():
    model = nn.Linear(2, 1, rng=0)
    assert repr(compile_graph(every_gate)) == "<compiled graph of every_gate, run by numpy>"
    assert repr(compile_graph(model)) == "<compiled graph of Linear, run by numpy>"


def test_a_compiled_graph_is_not_copied():
    with pytest.raises(TypeError, match="copy the model"):
        copy.deepcopy(compile_graph(lambda x: x))


def test_infinities_stay_visible_and_nothing_warns(close):
    assert compile_graph(lambda x: x * 1e308)([10.0]) == INF
    w = Value(1.0)
    value, gradient = compile_graph(lambda x: x * w).value_and_grad([1e200, 1e200])
    close([value, *gradient], [1e200, 1e200])


def test_what_holds_numbers_of_python_is_an_array():
    f = compile_graph(lambda x: 2.0 * x)
    assert f.each([Fraction(1, 2), 10**30, True]).tolist() == [1.0, 2e30, 2.0]
    for thing, error in [(Decimal(1), TypeError), (None, TypeError), (10**400, ValueError)]:
        with pytest.raises(error, match="argument x must be an array of numbers, got"):
            f.each([thing, 1])


def test_a_call_inside_of_a_call_spoils_neither():
    w = Value(2.0)
    f = compile_graph(lambda x: w * x, [w])
    f([1.0, 1.0])
    run, inside = f._run, []

    def interrupted(*given):  # as by the handler of a signal, when the memory has been filled
        batch = run(*given)
        if not inside:
            inside.append(1)
            inside.append((f([5.0, 5.0]), f.each([3.0, 4.0]).tolist()))
        return batch

    f._run = interrupted
    for call, answer in [
        (f, 2.0), (f.value_and_grad, (2.0, [1.0])), (f.each, [2.0, 2.0]),
    ]:  # fmt: skip
        inside.clear()
        found = call([1.0, 1.0])
        found = (found[0], found[1].tolist()) if isinstance(found, tuple) else found
        found = found.tolist() if isinstance(found, np.ndarray) else found
        assert found == answer and inside[1] == (10.0, [6.0, 8.0])


def test_what_draws_for_a_graph_may_not_call_it():
    depth = []

    def draw(n):
        if not depth:
            depth.append(1)
            f.each([9.0])
        return [0.0] * n

    f = compile_graph(lambda x: x + drawn(draw, 1)[0], verify=0)
    with pytest.raises(RuntimeError, match="was called while it ran"):
        f.each([2.0])
    assert f.each([2.0]).tolist() == [2.0]


@pytest.mark.parametrize("make", [set, bytearray, collections.deque])
def test_what_is_read_may_be_anything_that_is_compared_by_what_it_holds(make):
    class Kept:
        held = make([1])

        def reads(self):
            return self.held

    kept = Kept()

    def fn(x):
        used(kept, kept.reads())
        return x * float(len(kept.held))

    f = compile_graph(fn)
    assert f([1.0]) == 1.0
    (kept.held.add if make is set else kept.held.append)(2)
    assert f([1.0]) == 2.0


def test_a_masked_array_is_refused():
    f = compile_graph(lambda x: x * 2.0, wrt="inputs")
    with pytest.raises(TypeError, match="it is masked"):
        f.value_and_grad(np.ma.array([1.0, 2.0], mask=[True, False]))


def test_the_parameters_are_known_before_the_trace_if_they_are_given():
    w = Value(3.0)
    assert compile_graph(lambda x: x * w, parameters=[w]).parameters == [w]
    f = compile_graph(lambda x: x * w)
    assert f.parameters == []
    assert f.trace([1.0]) is f.program and f.parameters == [w]


def test_a_parameter_that_is_called_like_a_number_gets_another_name():
    w = Value(3.0, "2")
    f = compile_graph(lambda x: x * w)
    f.value_and_grad([1.0])
    assert "2" not in f.program.parameters


def test_the_program_is_that_of_the_last_call_whatever_was_traced_since():
    f = compile_graph(lambda row: row[0] * row[-1], wrt="inputs")
    rows = np.ones((2, 3))
    for _ in range(2):
        f(rows)
        assert len(f.program.inputs) == 3
        f.trace(np.ones((2, 5)))


def test_the_plain_program_has_what_the_passes_take_out():
    f = compile_graph(lambda x: x.exp() + x.exp())
    counts = [
        sum(line.op == Op(gates["exp"]) for line in f.trace([1.0], plain=plain).code)
        for plain in (True, False)
    ]
    assert counts == [2, 1]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_of_cycles_is_on_or_off_as_before(enabled):
    try:
        (gc.enable if enabled else gc.disable)()
        compile_graph(lambda x: x * 2.0)([1.0])
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_the_latest_shapes_are_not_traced_again_and_the_others_are(monkeypatch):
    monkeypatch.setattr(compiled, "LIMIT", 2)
    traced = []
    f = compile_graph(lambda x: traced.append(len(x)) or sum(x), verify=0)
    for lanes, width in ((1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (3, 3)):
        assert f(np.ones((lanes, width))) == width
    assert traced == [1, 2, 3]
    assert f(np.ones((3, 2))) == 2.0 and traced == [1, 2, 3, 2]


def test_memory_is_kept_for_the_latest_batches_only(monkeypatch):
    made = []

    def prepare(*arguments):
        executor = executors.prepare(*arguments)
        made.append(weakref.ref(executor))
        return executor

    monkeypatch.setattr(compiled, "LIMIT", 3)
    monkeypatch.setattr(compiled, "prepare", prepare)
    f = compile_graph(lambda x: x * 2.0)
    for lanes in (1, 2, 3, 4, 5, 6, 4, 5, 7, 4):
        f(np.ones(lanes))
    gc.collect()
    assert [ref() is not None for ref in made] == [False, False, False, True, True, False, True]


# ------------------------------------------------------------------ small print


def test_two_examples_are_verified_unless_another_number_is_given(monkeypatch):
    monkeypatch.setattr(agreement, "SECONDS", 1e9)
    calls = []
    f = compile_graph(lambda x: calls.append(x) or x * 2.0)
    f([1.0, 2.0, 3.0, 4.0])
    assert len(calls) == 1 + 2


def test_a_gradient_of_inputs_has_no_parameters():
    w = Value(2.0, "w")
    assert compile_graph(lambda x: x * w, [w], wrt="inputs").parameters == []
    assert compile_graph(lambda x: x * w, [w]).parameters == [w]


def test_parameters_are_read_at_the_first_call_however_often_values_were_written(monkeypatch):
    w = Value(3.0, "w")
    f = compile_graph(lambda x: x * w, [w])
    f([1.0])
    for writes in (0, 1, 2):
        monkeypatch.setattr(modes, "writes", writes)
        assert f([2.0] * (writes + 2)) == 6.0
        assert f.value_and_grad([2.0], at=[5.0])[0] == 10.0 and f([2.0]) == 6.0


def test_what_is_nan_because_infinities_cancel_is_named():
    w, other = Value(0.0, "weight"), Value(1.0, "other")
    f = compile_graph(lambda x: x * (x * x * w).sqrt() + other, [other, w])
    with pytest.raises(ArithmeticError, match="the gradient of weight is nan: over the 2 lanes"):
        f.value_and_grad([1.0, -1.0])
    f = compile_graph(lambda x: x * 1e308 + other, [other])
    for call in (f, f.value_and_grad):
        with pytest.raises(ArithmeticError, match="the value is nan: over the 2 lanes"):
            call([1e10, -1e10])


@each_executor
@pytest.mark.parametrize("wrt", ["parameters", "inputs"])
def test_a_gradient_that_is_not_asked_for_may_be_nan(executor, wrt):
    w = Value(1.0, "w")
    f = compile_graph(lambda x: (x * x * w).sqrt(), [w], wrt=wrt, backend=executor)
    assert f([0.0]) == 0.0 and f.each([0.0]).tolist() == [0.0]
    for x, lane in ((0.0, ""), ([0.0], ""), ([1.0, 0.0], r" \(lane 1 of 2\)")):
        with pytest.raises(FloatingPointError, match=f"nan for .*, in the backward pass{lane}$"):
            f.value_and_grad(x)


def test_numbers_in_place_of_the_parameters_need_none_that_was_computed_before():
    w = Value(2.0, "w")
    outside = w * w
    f = compile_graph(lambda x: x * outside, [w])
    assert f([1.0]) == 4.0
    w.data = 5.0
    with pytest.raises(TraceError):
        f([1.0])
    assert f.value_and_grad([1.0], at=[3.0]) == (9.0, [6.0])


@pytest.mark.parametrize("wrong", ["1.0", b"1", None])
def test_elements_that_are_no_numbers_are_refused(wrong):
    f = compile_graph(lambda x: x * 2.0)
    assert f(np.array([1.0, 2], object)) == 3.0
    with pytest.raises(TypeError, match="its elements are not all numbers"):
        f(np.array([1.0, wrong], object))


FORKS = """
import os, signal, threading
from autograd_core import Value, compile_graph
x, w, stop = Value(1.0), Value(3.0), threading.Event()
f = compile_graph(lambda a: a * w)
f([1.0])
def write():
    v = Value(0.0)
    while not stop.is_set():
        v.data = 1.0
def run():
    while not stop.is_set():
        f([1.0, 2.0])
threads = [threading.Thread(target=target) for target in (write, run)]
for thread in threads:
    thread.start()
bad = 0
for i in range(100):
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        x.data = 2.0
        os._exit(f([2.0]) != 6.0)
    bad += os.waitpid(child, 0)[1] != 0
    if bad:
        break
stop.set()
print(bad)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_during_a_write_or_a_call_leaves_no_lock_held():
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # it has locks of its own
    command = [sys.executable, "-c", FORKS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_a_rule_may_join_a_bool_and_a_condition_in_either_order():
    for rule in (
        lambda xp, x: xp.where((1.0 < 2.0) & (x > 0.0), x, 0.0),
        lambda xp, x: xp.where((x > 0.0) & (1.0 < 2.0), x, 0.0),
        lambda xp, x: xp.where((1.0 > 2.0) | (x > 0.0), x, 0.0),
    ):
        gate = Gate("g", rule, lambda xp, y, x: (1.0,), latex="", slopes=("",))
        f = compile_graph(lambda x, gate=gate: apply(gate, x))
        assert f.each([3.0, -1.0]).tolist() == [3.0, 0.0] == [apply(gate, 3.0).data, 0.0]
