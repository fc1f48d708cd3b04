"""An optimiser's rule, recorded: its code, and the steps that the loop in C makes with it."""

import gc
import math
import weakref
from array import array

import numpy as np
import pytest

import nn
from autograd_core import Value, compile_graph
from autograd_core.program import compiled
from autograd_core.program.descent import record
from autograd_core.program.executors import is_there

needs_the_loop = pytest.mark.skipif(not is_there("native"), reason="the loop in C is not there")


def momentum(data, grad, state, step, lr, beta):
    (v,) = state
    v = grad if step == 1 else beta * v + grad
    return data - lr * v, (v,)


def swap(data, grad, state, step, lr):
    """States that change places, one of them with the parameter."""
    a, b = state
    return a, (b, data)


def everything(data, grad, state, step, lr):
    _, b = state
    small = grad / (1.0 + abs(grad))
    x = 0.1 * (2.0 + data * data - small / 3.0) ** 0.5 + (-small) ** 2 - 2.0 ** (0.1 * small)
    y = 1.5 - small / (1.0 + abs(b)) + (abs(small) + 1.0) ** 1.7 - (abs(data) + 1.0) ** (0.1 * data)
    return 0.1 * x, (0.1 * y, data)


def constant(data, grad, state, step, lr):
    return data - lr * grad, (float(step), data)


def idle(data, grad, state, step, lr):
    return data, state


def reads_late(data, grad, state, step, lr):
    """The old state is read after the new one is there."""
    (v,) = state
    new = 0.9 * v + grad
    return data - v * lr, (new,)


def kept_twice(data, grad, state, step, lr):
    new = data - lr * grad
    return new, (new, state[1])


def pushed(data, grad, state, step, lr):
    """Each goes one place on, behind a new one."""
    _, b, c = state
    return data - lr * grad, (b, c, data)


RULES = {
    "momentum": (momentum, 1, (0.1, 0.9)),
    "swap": (swap, 2, (0.1,)),
    "pushed": (pushed, 3, (0.1,)),
    "everything": (everything, 2, (0.1,)),
    "constant": (constant, 2, (0.1,)),
    "idle": (idle, 2, (0.1,)),
    "reads late": (reads_late, 1, (0.1,)),
    "kept twice": (kept_twice, 2, (0.1,)),
}


def test_what_is_recorded_is_code_and_the_numbers_in_it():
    code, numbers = record(momentum, 1, 2, 0.1, 0.9)
    assert code.lines == (("mul", -1, 2), ("add", 3, 1), ("mul", -2, 4), ("sub", 0, 5))
    assert code.outputs == (6, 4) and numbers == [0.9, 0.1]
    assert record(momentum, 1, 3, 0.5, 0.9) == (code, [0.9, 0.5])
    first, numbers = record(momentum, 1, 1, 0.1, 0.9)
    assert first != code and first.outputs == (4, 1) and numbers == [0.1]
    program = code.program(2).verify()
    assert program.inputs == ("data", "grad", "state[0]")
    found = program.evaluate([5.0, 2.0, 10.0], [0.9, 0.1])
    assert [found[r] for r in program.outputs] == [5.0 - 0.1 * 11.0, 11.0]


def test_squares_and_roots_are_gates_of_their_own():
    def line(power):
        code, _ = record(lambda data, grad, state, step: (power(data, grad), ()), 0, 1)
        return code.lines

    assert line(lambda data, grad: data**2) == (("mul", 0, 0),)
    assert line(lambda data, grad: data**0.5) == (("sqrt", 0),)
    assert line(lambda data, grad: data**1.5) == (("power", 0, -1),)
    assert line(lambda data, grad: data**3) == (("power", 0, -1),)
    assert line(lambda data, grad: data**grad) == (("pow", 0, 1),)


def quotients(data, grad, state, step, lr):
    return 1.0 / (data * data) - grad**data, (lr / (1.0 + state[0] ** 2), data - 1.0 + grad)


@pytest.mark.parametrize("rule, states, settings", [*RULES.values(), (quotients, 2, (0.1,))])
def test_what_is_recorded_computes_what_the_rule_does(rule, states, settings):
    for step in (1, 2):
        code, numbers = record(rule, states, step, *settings)
        program = code.program(len(numbers)).verify()
        data, grad, *state = inputs = [0.7, 1.3, 0.4, 2.5, 0.9][: 2 + states]
        found = program.evaluate(inputs, numbers)
        new, new_state = rule(data, grad, tuple(state), step, *settings)
        assert [found[r] for r in program.outputs] == pytest.approx([new, *new_state], rel=1e-12)


@pytest.mark.parametrize(
    "rule",
    [
        lambda data, grad, state, step: (data if grad > 0 else -data, state),
        lambda data, grad, state, step: (data if grad == 0 else -data, state),
        lambda data, grad, state, step: (data if grad else -data, state),
        lambda data, grad, state, step: (math.sqrt(data), state),
        lambda data, grad, state, step: (np.sqrt(data), state),
        lambda data, grad, state, step: ({data: 1}[grad], state),
        lambda data, grad, state, step: (data, ("a",)),
        lambda data, grad, state, step: (data, (None,)),
    ],
)
def test_what_is_no_arithmetic_is_not_recorded(rule):
    with pytest.raises((TypeError, ValueError)):
        record(rule, 1, 1)


def test_a_number_of_another_step_is_refused():
    kept = []

    def rule(data, grad, state, step):
        kept.append(grad)
        return data - kept[0], state

    record(rule, 0, 1)
    with pytest.raises(TypeError, match="passed on in `state`"):
        record(rule, 0, 2)


def test_as_many_states_as_there_were():
    with pytest.raises(ValueError, match="with 1 states, got 2"):
        record(lambda data, grad, state, step: (data, (grad, grad)), 1, 1)


# ------------------------------------------------------------------ in C


def graph_of(count):
    weights = [Value(math.sin(i)) for i in range(count)]

    def loss(row):
        x, y = row
        total = y
        for i, w in enumerate(weights):
            total = total + w * (x if i % 3 else x * 0.5)
        return total * total + 0.01 * weights[0]

    return compile_graph(loss, weights, backend="native")


def by_hand(graph, table, order, rule, states, settings, data, columns):
    """The same step by step, with arrays."""
    losses = []
    for step, rows in enumerate(order, 2):
        loss, gradient = graph.value_and_grad(table[rows], at=data)
        data, columns = rule(data, gradient, tuple(columns), step, *settings)
        columns = np.array([np.broadcast_to(column, data.shape) for column in columns])
        losses.append(loss)
    return losses, data, columns


def fail(gradient, data):
    raise AssertionError("nothing was to be looked at")


def descend(graph, table, order, rule, states, settings, data, columns, look=fail):
    code, numbers = record(rule, states, 2, *settings)
    rows = [record(rule, states, step, *settings) for step in range(2, 2 + len(order))]
    assert all(found == code for found, _ in rows)
    numbers = array("d", [x for _, row in rows for x in row])
    flat = array("q", [i for row in order for i in row])
    return graph.descend(table, flat, code, numbers, len(order), data, columns, look)


@needs_the_loop
@pytest.mark.parametrize("lanes", [1, 3, 4])
@pytest.mark.parametrize("count", [1, 255, 256, 700])
@pytest.mark.parametrize("name", RULES)
def test_steps_in_c_are_those_on_arrays(name, count, lanes):
    rule, states, settings = RULES[name]
    rng = np.random.default_rng(0)
    graph, table = graph_of(count), rng.normal(size=(9, 2)) * 0.1
    order = [[(3 * i + k) % 9 for k in range(lanes)] for i in range(5)]
    data, columns = rng.normal(size=count) * 0.1, rng.normal(size=(states, count))
    given = data.copy(), columns.copy()
    wanted = by_hand(graph, table, order, rule, states, settings, data, columns)
    for _ in range(2):  # nothing of the first run is left in the second
        found = descend(graph, table, order, rule, states, settings, data, columns)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(data, given[0])
        np.testing.assert_array_equal(columns, given[1])


@needs_the_loop
def test_the_graph_may_be_called_as_before_between_steps():
    graph, table = graph_of(3), np.array([[0.1, 0.2], [0.3, -0.4]])
    before = graph.value_and_grad(table)
    data, columns = np.zeros(3), np.zeros((1, 3))
    descend(graph, table, [[0, 1]], momentum, 1, (0.1, 0.9), data, columns)
    after = graph.value_and_grad(table)
    assert after[0] == before[0] and after[1].tolist() == before[1].tolist()


@needs_the_loop
def test_a_graph_of_several_outputs_has_no_steps_whatever_ran_before():
    graph = compile_graph(lambda row: [row[0], row[1]], backend="native")
    table = np.ones((2, 2))
    for _ in range(2):
        with pytest.raises(TypeError, match="returns a sequence of 2"):
            descend(graph, table, [[0, 1]], idle, 0, (0.1,), np.ones(0), np.zeros((0, 0)))
        graph.each(table)


@needs_the_loop
def test_the_program_is_that_of_the_steps_whatever_was_traced_since():
    w = Value(1.0)
    graph = compile_graph(lambda row: w * row[0] * row[-1], [w], backend="native")
    for _ in range(2):
        descend(graph, np.ones((2, 3)), [[0, 1]], idle, 0, (0.1,), np.ones(1), np.zeros((0, 1)))
        assert len(graph.program.inputs) == 3
        graph.trace(np.ones((2, 5)))


@needs_the_loop
def test_steps_follow_the_mode_of_a_module():
    class Net(nn.Module):
        def __init__(self):
            self.w = Value(3.0)

        def forward(self, x):
            return self.w * x * (2.0 if self.training else 1.0)

    net, losses = Net(), []
    graph = compile_graph(lambda row: net(row[0]), net, backend="native")
    for training in (True, False, True):
        net.train(training)
        start = np.array([3.0]), np.zeros((0, 1))
        losses += descend(graph, np.ones((2, 1)), [[0, 1]], idle, 0, (0.1,), *start)[0]
    assert losses == [6.0, 3.0, 6.0]


@needs_the_loop
def test_memory_is_kept_for_the_latest_rules_only(monkeypatch):
    from autograd_core.program import run_native

    made, make = [], run_native.NativeRun.descent

    def descent(*arguments):
        executor = make(*arguments)
        made.append(weakref.ref(executor))
        return executor

    def rule(data, grad, state, step, times):
        return data - sum([grad] * times, grad), state

    monkeypatch.setattr(compiled, "LIMIT", 2)
    monkeypatch.setattr(run_native.NativeRun, "descent", descent)
    graph, start = graph_of(3), (np.zeros(3), np.zeros((0, 3)))
    for times in (1, 2, 3, 4, 3, 4, 3):
        descend(graph, np.ones((1, 2)), [[0]], rule, 0, (times,), *start)
    gc.collect()
    assert [ref() is not None for ref in made] == [False, False, True, True]


@needs_the_loop
def test_what_is_not_finite_is_looked_at_before_anything_moves_and_after_it_has():
    w = Value(1.0)
    graph = compile_graph(lambda row: (w * row[0]).log(), [w], backend="native")
    table = np.array([[1.0], [-1.0], [2.0]])
    start = np.array([1.0]), np.zeros((0, 1))

    def plain(data, grad, state, step, lr):
        return data - lr * grad, state

    with pytest.raises(ValueError, match=r"log.*lane 1 of 2"):
        descend(graph, table, [[0, 2], [0, 1]], plain, 0, (0.1,), *start)
    seen = []
    _, data, _ = descend(
        graph, table, [[0, 2], [2, 0]], plain, 0, (-1e160,), *start,
        look=lambda gradient, data: seen.append((gradient.tolist(), data.tolist())),
    )  # fmt: skip
    # The square of the first result overflows; that is looked at, and is no reason to stop.
    assert seen[0] == ([1.0], [1e160]) and data[0] >= 1e160


@needs_the_loop
def test_a_loss_that_is_nan_over_the_lanes_is_named_in_any_step():
    w = Value(10.0)
    graph = compile_graph(lambda row: w * row[0], [w], backend="native")
    table, start = np.array([[1.0], [1e308], [-1e308]]), (np.full(1, 10.0), np.zeros((2, 1)))
    for before in range(4):
        order = [[0, 0]] * before + [[1, 2]]
        with pytest.raises(FloatingPointError, match="the value is nan: over the 2 lanes"):
            descend(graph, table, order, idle, 2, (0.1,), *start)


@needs_the_loop
def test_another_executor_makes_no_steps_in_c():
    w = Value(1.0)
    graph = compile_graph(lambda row: w * row[0], [w], backend="numpy")
    answer = descend(graph, np.ones((2, 1)), [[0]], idle, 0, (0.1,), np.ones(1), np.zeros((0, 1)))
    assert answer is None


@needs_the_loop
def test_rows_of_any_kind_and_none_that_is_not_there():
    graph = graph_of(3)
    table = np.arange(8.0).reshape(2, 4)[:, ::2] / 10.0  # not side by side
    start = np.zeros(3), np.zeros((1, 3))
    results = [
        descend(graph, rows, [[0, 1]], momentum, 1, (0.1, 0.9), *start)[1].tolist()
        for rows in (table, table.copy(), (table * 10.0).astype(int) / 10.0)
    ]
    assert results[0] == results[1] == results[2]
    whole = (table * 10.0).astype(int)
    assert descend(graph, whole, [[0, 1]], momentum, 1, (0.1, 0.9), *start)[0] == pytest.approx(
        descend(graph, whole * 1.0, [[0, 1]], momentum, 1, (0.1, 0.9), *start)[0]
    )
    for wrong in (2, -1, 10**12):
        with pytest.raises(IndexError):
            descend(graph, table, [[0, 1], [0, wrong]], momentum, 1, (0.1, 0.9), *start)
