"""Executors: which one is taken, and what every one of them does."""

import itertools
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from autograd_core import Instruction, Op, Program, Value, compile_graph, gates, run
from autograd_core.program import AFFINE, DOT, LANE_SUM, OUTER, Sum
from autograd_core.program.executors import (
    EXECUTORS,
    choose,
    columns,
    is_there,
    plan,
    prepare,
)

INF, NAN = math.inf, math.nan
SPECIAL = [
    0.0, -0.0, 0.3, -0.3, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, 40.0, -800.0, 1e-300, 1e200, 1e308,
    -1e308, INF, -INF, NAN,
]  # fmt: skip

THERE = [*filter(is_there, EXECUTORS)]
each_executor = pytest.mark.parametrize("executor", THERE)


# ------------------------------------------------------------------ which one


def test_the_environment_chooses_the_executor(monkeypatch):
    assert compile_graph(len).backend == "numpy"
    monkeypatch.setenv("AUTOGRAD_CORE_BACKEND", "native")
    assert compile_graph(len).backend == "native"
    assert compile_graph(len, backend="numpy").backend == "numpy"
    monkeypatch.setenv("AUTOGRAD_CORE_BACKEND", "fortran")
    with pytest.raises(ValueError, match="fortran"):
        compile_graph(len)
    monkeypatch.delenv("AUTOGRAD_CORE_BACKEND")
    assert compile_graph(len).backend == THERE[0]


WITHOUT = """
import sys, warnings
warnings.simplefilter("error")
if len(sys.argv) > 1:
    sys.modules["autograd_core.native._native"] = None
from autograd_core import Value, compile_graph
w = Value(2.0)
f = compile_graph(lambda x: (w * x).tanh())
assert abs(f([0.0, 0.0])) == 0.0 and f.backend == "numpy"
try:
    compile_graph(lambda x: x, backend="native")([1.0])
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize("pure", [True, False])
def test_without_the_compiled_part_it_runs_on_numpy_and_says_nothing(pure):
    """It is not there, or AUTOGRAD_CORE_PURE=1 says not to use it: only who asks for it is told."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUTOGRAD_CORE")}
    command = [sys.executable, "-c", WITHOUT, *["missing"][: not pure]]
    done = subprocess.run(
        command, capture_output=True, text=True,
        env=environment | {"AUTOGRAD_CORE_PURE": "1"} if pure else environment,
    )  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert done.stdout.startswith("backend 'native' cannot be used, the compiled part is not there")
    assert "a C compiler and Python's headers, or give backend='numpy'" in done.stdout


def test_choose_takes_a_name_or_the_environment_or_the_quickest_that_is_there(monkeypatch):
    assert list(EXECUTORS)[:2] == ["native", "numpy"]
    assert choose("native") == "native" and choose() == "numpy"  # the environment of these tests
    monkeypatch.delenv("AUTOGRAD_CORE_BACKEND")
    assert choose() == THERE[0]
    monkeypatch.setenv("AUTOGRAD_CORE_BACKEND", "")
    assert choose() == THERE[0]
    for wrong in ("fortran", "Numpy"):
        with pytest.raises(ValueError, match=f"must be 'native' or 'numpy'.*, got '{wrong}'"):
            choose(wrong)


def test_without_numpy_run_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ImportError, match="run runs on arrays and needs NumPy") as found:
        run(Program(["x"], [], [], [], [0]), [[1.0]])
    assert found.value.name == "numpy"


# ------------------------------------------------------------------ what every executor does


def line(result, name, *operands):
    return Instruction(result, Op(gates[name]), operands)


def square_sum():
    """t3 = w x, t4 = t3 x, its sum over lanes times 1: the gradient of w is the sum of x x."""
    code = [
        line(3, "mul", 1, 0), line(4, "mul", 3, 0), line(5, "mul", 0, 0),
        Instruction(6, LANE_SUM, (5, 2)),
    ]  # fmt: skip
    return Program(["x"], ["w"], [1.0], code, [4], [6], [1]).verify()


def filled(executor, program, rows, parameters=(), lanes=None, scale=1.0, spare=None):
    """An executor of that name with its memory filled, spare lanes by the first, or `spare`."""
    memory = prepare(executor, plan(executor, program), len(rows), scale)
    count = len(program.inputs)
    memory.singles[: len(parameters)] = parameters
    memory.rows[:count, : len(rows)] = np.transpose(rows)
    memory.rows[:count, len(rows) :] = np.transpose(rows)[:, :1] if spare is None else spare
    return memory


@each_executor
@pytest.mark.parametrize("lanes", [1, 2, 3, 4, 5, 8, 13])
def test_memory_holds_what_came_in_and_what_came_out(executor, lanes):
    program = square_sum()
    xs = [0.5 * i - 1.0 for i in range(lanes)]
    memory = filled(executor, program, [[x] for x in xs], [3.0])
    assert memory() is False
    schedule = plan(executor, program)
    assert memory.singles.shape == (schedule.singles,) and len(memory.rows) == schedule.rows
    assert memory.rows.shape[1] >= lanes
    assert columns(memory, schedule.outputs, lanes)[:, 0].tolist() == [3.0 * x * x for x in xs]
    assert memory.singles[schedule.slots.start] == pytest.approx(sum(x * x for x in xs), rel=1e-15)
    assert memory.rows[0, :lanes].tolist() == xs and memory.singles[0] == 3.0


@each_executor
@pytest.mark.parametrize("lanes", [1, 3, 5, 7])
def test_spare_lanes_have_no_part_in_sums_over_lanes(executor, lanes):
    """Of one number, of products of two, and of outer products, whatever their numbers are."""
    w = [[Value(0.1 * (i + k), f"w{i}{k}") for k in range(4)] for i in range(3)]
    flat = [v for row in w for v in row]

    def fn(x):
        hidden = [sum(a * b for a, b in zip(row, x, strict=True)).tanh() for row in w]
        return sum(hidden) + sum(v * v for v in flat)

    program = compile_graph(fn, flat).trace([[0.0] * 4])
    assert OUTER in {line.op for line in program.code}
    rng = np.random.default_rng(lanes)
    rows, numbers = rng.normal(size=(lanes, 4)), [v.data for v in flat]
    schedule = plan(executor, program)
    answers = []
    for spare in (None, 0.0, 123.0):
        memory = filled(executor, program, rows, numbers, spare=spare)
        assert memory() is False
        answers.append(memory.singles[schedule.slots.start : schedule.slots.stop].copy())
    assert (answers[0] == answers[1]).all() and (answers[0] == answers[2]).all()
    wanted = run(program, rows, numbers, "numpy")[1]
    np.testing.assert_allclose(answers[0], wanted, rtol=1e-12)


@each_executor
def test_an_executor_may_be_called_again_with_other_numbers(executor):
    program = square_sum()
    memory = filled(executor, program, [[1.0], [2.0]], [1.0])
    (slot,) = plan(executor, program).slots
    for w, xs in ((1.0, [1.0, 2.0]), (5.0, [0.5, -2.0]), (5.0, [0.5, -2.0])):
        memory.singles[0] = w
        memory.rows[0, :2] = xs
        assert memory() is False
        assert memory.singles[slot] == xs[0] ** 2 + xs[1] ** 2
        assert columns(memory, plan(executor, program).outputs, 2)[:, 0].tolist() == [
            w * x * x for x in xs
        ]  # fmt: skip


@each_executor
def test_scale_multiplies_only_the_gradients_in_their_slots(executor):
    program = square_sum()
    memory = filled(executor, program, [[1.0], [2.0]], [4.0], scale=0.5)
    memory()
    (slot,) = plan(executor, program).slots
    assert memory.singles[slot] == 2.5
    assert columns(memory, plan(executor, program).outputs, 2)[:, 0].tolist() == [4.0, 16.0]


FAILING = {
    "log": [0.0, -1.0], "sqrt": [-1.0], "exp": [1000.0], "asin": [1.5, -1.5], "sin": [INF, -INF],
    "sinh": [-1000.0],
}  # fmt: skip


@each_executor
def test_a_gate_that_may_have_failed_is_noticed_in_any_lane(executor):
    count = len(FAILING)
    code = [line(count + i, name, i) for i, name in enumerate(FAILING)]
    program = Program([f"x{i}" for i in range(count)], [], [], code, range(count, 2 * count))
    memory = filled(executor, program.verify(), [[0.5] * count] * 3)
    assert memory() is False
    for i, numbers in enumerate(FAILING.values()):
        for lane, bad in itertools.product(range(3), numbers):
            memory.rows[i, lane] = bad
            assert memory() is True, (code[i], bad)
            memory.rows[i, lane] = 0.5
            assert memory() is False


@each_executor
def test_a_comparison_that_meets_a_nan_is_noticed(executor):
    for name in ("less", "less_equal"):
        program = Program(["x", "y"], [], [], [line(2, name, 0, 1)], [2]).verify()
        assert filled(executor, program, [[1.0, 2.0], [2.0, -1.0]])() is False
        for row in ([NAN, 1.0], [1.0, NAN]):
            assert filled(executor, program, [[1.0, 2.0], row])() is True


@each_executor
@pytest.mark.parametrize("x, noticed", [(1e150, False), (INF, True), (NAN, True)])
def test_gradients_that_are_not_finite_are_noticed(executor, x, noticed):
    code = [Instruction(2, LANE_SUM, (0, 1))]
    program = Program(["x"], ["w"], [], code, [0], [2], [1])
    assert filled(executor, program.verify(), [[1.0], [x]], [1.0])() is noticed


@each_executor
def test_an_infinity_that_no_gate_raises_at_stays_visible(executor):
    program = Program(["x"], [], [1e308], [line(2, "mul", 0, 1)], [2]).verify()
    assert run(program, [[10.0], [0.0], [-10.0]], (), executor)[0][:, 0].tolist() == [
        INF, 0.0, -INF,
    ]  # fmt: skip


@each_executor
def test_a_plan_has_the_sums_that_the_executor_knows_and_no_others(executor):
    w = [Value(0.1 * i, f"w{i}") for i in range(12)]

    def fn(x):
        rows = [w[4 * i : 4 * i + 4] for i in range(3)]
        return sum(sum(a * b for a, b in zip(row, x, strict=True)).tanh() for row in rows)

    program = compile_graph(fn, w).trace([[0.0] * 4])
    assert {AFFINE, OUTER, DOT, LANE_SUM} & {line.op for line in program.code}
    schedule = plan(executor, program)
    sums = {block.op for block in schedule.blocks if isinstance(block.op, Sum)}
    assert sums <= set(type(prepare(executor, schedule, 1)).sums)


def every_gate():
    """Every gate and its slopes, of a, b and a condition: one compiled loop has them all."""
    code = []
    for gate in gates.values():
        names = gate.operands + gate.parameters
        operands = (2, 0, 1) if names[0] == "condition" else tuple(range(len(names)))
        y = 3 + len(code)
        code.append(Instruction(y, Op(gate), operands))
        for i in range(len(gate.operands)):
            code.append(Instruction(3 + len(code), Op(gate, i), (y, *operands)))
    return Program(["a", "b", "condition"], [], [], code, range(3, 3 + len(code))).verify()


@each_executor
def test_every_gate_and_its_slopes_are_those_of_the_rules_at_special_numbers_too(executor):
    """Where a rule gives an infinity or a nan, so does an executor."""
    program = every_gate()
    rows = [*itertools.product(SPECIAL, SPECIAL, [0.0, 1.0])]
    values, _ = run(program, rows, (), executor)
    wanted = np.array([program.evaluate(row)[3:] for row in rows])
    for i, instruction in enumerate(program.code):
        np.testing.assert_allclose(
            values[:, i], wanted[:, i], rtol=1e-12, atol=5e-324, err_msg=instruction.op.name
        )


# ------------------------------------------------------------------ run


@each_executor
def test_a_program_runs_on_a_batch(executor):
    w, b = Value(2.0, "w"), Value(-1.0, "b")
    f = compile_graph(lambda x, y: (w * x[0] + b * x[1] - y) ** 2, [w, b], backend="numpy")
    xs, ys = [[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]], [1.0, 0.0, 2.0]
    value, gradient = f.value_and_grad(xs, ys)
    rows = [[*x, y] for x, y in zip(xs, ys, strict=True)]
    outputs, gradients = run(f.program, rows, [2.0, -1.0], executor)
    assert outputs.shape == (3, 1) and outputs.mean() == pytest.approx(value, rel=1e-12)
    assert (gradients / 3).tolist() == pytest.approx(gradient.tolist(), rel=1e-12)
    with pytest.raises(ValueError, match=r"inputs of shape \(lanes, 3\) and 2 parameters"):
        run(f.program, xs, [2.0, -1.0], executor)


@each_executor
def test_run_gives_a_row_of_outputs_per_lane_and_a_gradient_per_parameter_or_per_lane(executor):
    values, gradients = run(square_sum(), [[1.0], [2.0], [3.0]], [2.0], executor)
    assert values.tolist() == [[2.0], [8.0], [18.0]] and gradients.tolist() == [14.0]
    slope = Program(["x"], ["w"], [], [line(2, "mul", 0, 1)], [2, 0, 1], [1], [0])
    values, gradients = run(slope, [[1.0], [2.0], [3.0]], [2.0], executor)
    assert values.tolist() == [[2.0, 1.0, 2.0], [4.0, 2.0, 2.0], [6.0, 3.0, 2.0]]
    assert gradients.tolist() == [[2.0]] * 3


@each_executor
def test_where_a_gate_fails_run_gives_inf_or_nan_and_does_not_raise(executor):
    program = Program(["x"], [], [], [line(1, "log", 0)], [1])
    values, gradients = run(program, [[1.0], [0.0], [-1.0]], backend=executor)
    np.testing.assert_array_equal(values[:, 0], [0.0, -INF, NAN])
    assert gradients.shape == (3, 0)


@pytest.mark.parametrize(
    "inputs, parameters",
    [([1.0], [2.0]), ([], [2.0]), (np.zeros((0, 1)), [2.0]), ([[1.0, 2.0]], [2.0]),
     ([[1.0]], []), ([[1.0]], 2.0), ([[1.0]], [[2.0]]), ([[[1.0]]], [2.0])],
)  # fmt: skip
def test_run_refuses_other_shapes_naming_those_that_are_right(inputs, parameters):
    with pytest.raises(ValueError, match=r"inputs of shape \(lanes, 1\) and 1 parameters, got"):
        run(square_sum(), inputs, parameters)


def test_run_refuses_a_program_that_is_not_well_formed():
    with pytest.raises(ValueError, match="line 0 of the program"):
        run(Program(["x"], [], [], [line(1, "exp", 1)], [1]), [[1.0]])


def test_columns_repeats_what_all_lanes_share():
    program = Program(["x"], ["w"], [], [line(2, "exp", 1)], [2, 0]).verify()
    memory = filled("numpy", program, [[1.0], [2.0]], [0.0])
    memory()
    table = columns(memory, plan("numpy", program).outputs, 2)
    assert table.tolist() == [[1.0, 1.0], [1.0, 2.0]]
