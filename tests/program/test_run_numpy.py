"""The executor on NumPy: its calls are those of the rules, and it warns of nothing."""

import numpy as np
import pytest

from autograd_core import Instruction, Op, Program, elementary, gates, run
from autograd_core.program import AFFINE, DOT, LANE_SUM, OUTER
from autograd_core.program.executors import EXECUTORS, is_there
from autograd_core.program.rule import rule
from autograd_core.program.run_numpy import NAMES, NumpyRun
from autograd_core.program.schedule import Schedule


def line(result, name, *operands):
    return Instruction(result, Op(gates[name]), operands)


def test_every_instruction_of_a_rule_is_a_function_of_numpy():
    for gate in gates.values():
        for op in (Op(gate), *(Op(gate, i) for i in range(len(gate.operands)))):
            for instruction in rule(op).code:
                name = instruction.op.name
                assert callable(getattr(np, NAMES.get(name, name))), name
    assert set(NAMES) <= {*elementary.__all__, "mul", "neg", "sub"}


def test_rows_hold_as_many_lanes_as_were_asked_for():
    program = Program(["x", "y"], ["w"], [], [line(3, "add", 0, 1)], [3]).verify()
    for lanes in (1, 3, 6):
        memory = NumpyRun(Schedule(program), lanes)
        assert memory.rows.shape[1] == memory.lanes == lanes


def test_nothing_warns_at_infinities_nan_and_overflow():
    code = [
        line(2, "div", 0, 1), line(3, "log", 0), line(4, "exp", 0), line(5, "mul", 0, 0),
        line(6, "sub", 0, 0), line(7, "sqrt", 0),
    ]  # fmt: skip
    program = Program(["x", "y"], [], [], code, range(2, 8)).verify()
    memory = NumpyRun(Schedule(program), 3)
    memory.rows[:2] = [[np.inf, -1e308, 0.0], [0.0, 0.0, 0.0]]
    assert memory() is True


@pytest.mark.parametrize("place", [0, 1])
def test_a_nan_that_is_only_compared_is_noticed(place):
    """It does not show in the answer, 0."""
    program = Program(["x", "y"], [], [], [line(2, "less", 0, 1)], [2]).verify()
    memory = NumpyRun(Schedule(program), 3)
    memory.rows[:2] = 1.0
    assert memory() is False
    memory.rows[place, 1] = np.nan
    assert memory() is True and not memory.rows[2].any()


def test_scattered_operands_are_gathered():
    """Operands that lie side by side are a view, others are looked up at each call."""
    code = [
        Instruction(6, DOT, (0, 4, 2, 5, 3, 4)), Instruction(7, DOT, (3, 5, 0, 4)),
        line(8, "mul", 0, 3), line(9, "mul", 1, 2), line(10, "mul", 3, 0),
    ]  # fmt: skip
    program = Program(["a", "b", "c", "d"], ["v", "w"], [], code, range(6, 11)).verify()
    rows = np.random.default_rng(0).normal(size=(5, 4))
    values, _ = run(program, rows, [2.0, 3.0], "numpy")
    a, b, c, d = rows.T
    wanted = [2 * a + 3 * c + 2 * d, 3 * d + 2 * a, a * d, b * c, d * a]
    np.testing.assert_allclose(values, np.transpose(wanted), rtol=1e-14)


@pytest.mark.parametrize("turned", [False, True])
def test_a_matrix_may_lie_by_rows_or_by_columns(turned):
    n, m = 2, 3
    grid = np.arange(3 + n, 3 + n + n * m).reshape((m, n) if turned else (n, m))
    matrix = (grid.T if turned else grid).ravel().tolist()
    names = [f"w{i}" for i in range(n + n * m)]
    operands = (3, 4, *matrix, 0, 1, 2)
    code = [Instruction(3 + n + n * m, AFFINE, operands, (n, m))]
    program = Program(["x", "y", "z"], names, [], code, code[0].results).verify()
    rng = np.random.default_rng(1)
    rows, numbers = rng.normal(size=(4, 3)), rng.normal(size=n + n * m)
    weights = numbers[n:].reshape((m, n)).T if turned else numbers[n:].reshape((n, m))
    for executor in filter(is_there, EXECUTORS):
        values, _ = run(program, rows, numbers, executor)
        np.testing.assert_allclose(values, rows @ weights.T + numbers[:n], rtol=1e-13)


def test_sums_over_lanes_of_numbers_of_all_lanes_count_the_lanes():
    code = [Instruction(2, LANE_SUM, (1, 1))]
    program = Program(["x"], ["w"], [], code, [2], [2], [1]).verify()
    assert run(program, [[0.0]] * 5, [3.0], "numpy")[1].tolist() == [45.0]


def test_an_outer_product_is_summed_over_the_lanes():
    code = [Instruction(3, OUTER, (0, 1, 2), (2, 1))]
    program = Program(["x", "y", "z"], [], [], code, [3, 4]).verify()
    rows = np.random.default_rng(2).normal(size=(6, 3))
    values, _ = run(program, rows, (), "numpy")
    wanted = rows[:, :2].T @ rows[:, 2]
    np.testing.assert_allclose(values, [wanted] * 6, rtol=1e-13)


def test_a_root_written_as_a_power_is_a_power():
    program = Program(["x"], [], [0.5], [line(2, "power", 0, 1)], [2]).verify()
    values, _ = run(program, [[-np.inf], [-0.0], [4.0]], (), "numpy")
    assert values[:, 0].tolist() == [np.inf, 0.0, 2.0]
    assert not np.signbit(values).any()
