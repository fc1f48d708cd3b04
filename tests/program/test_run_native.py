"""The loop in C: every opcode to the last bit, every kind of block, gates of one's own."""

import math
import random
import subprocess
import sys

import numpy as np
import pytest

from autograd_core import Failure, Gate, Instruction, Op, Program, apply, compile_graph, gates, run
from autograd_core.native.loop_source import GATES, OPCODES, function, loop_source
from autograd_core.program import AFFINE, DOT, LANE_SUM, OUTER
from autograd_core.program.descent import record
from autograd_core.program.executors import EXECUTORS, plan, prepare
from autograd_core.program.schedule import Schedule
from autograd_core.program.spell import quiet, spell

try:
    from autograd_core.program import run_native
except ImportError as error:
    pytest.skip(str(error), allow_module_level=True)
INF, NAN = math.inf, math.nan
LANES = [1, 2, 3, 4, 5, 10, 33]
SPECIAL = [
    0.0, -0.0, 1.0, -1.0, 0.3, 0.5, 2.0, 3.0, 40.0, -40.0, -800.0, 1e-300, 1e300, 5e-324, -3e-310,
    INF, -INF, NAN,
]  # fmt: skip


def bits(x):
    return "nan" if x != x else x.hex()


def points(op, count):
    """Rows of operands: of the gate's domain, and special ones; with the output before a slope."""
    rng = random.Random(op.name)
    for i in range(count):
        row = [d.sample(rng) if i % 2 else rng.choice(SPECIAL) for d in op.gate.domain]
        yield row if op.slope is None else [*Op(op.gate).value(row), *row]


# ------------------------------------------------------------------ the text


def test_the_loop_was_built_from_this_table():
    assert list(run_native.NUMBERS) == OPCODES and len(set(OPCODES)) == len(OPCODES)
    assert set(gates.values()) == run_native.COMPILED


def test_what_a_rule_reads_once_is_written_where_it_is_read():
    text = function(Op(gates["relu"]))
    assert "t0" not in text and "return ((x <= 0.0) ? 0.0 : x);" in text
    assert "const double t" in function(Op(gates["sigmoid"]))  # e is read by both arms


def test_only_gates_that_may_fail_or_compare_are_looked_at():
    looks = {
        line.split("(")[1].split(",")[0]: line.split(", ")[1].split(")")[0]
        for line in loop_source().splitlines() if "case OP_" in line
    }  # fmt: skip
    assert len(looks) == len(GATES)
    names = ["gate_log", "gate_less", "gate_tanh", "gate_mul", "slope_log_x"]
    assert [looks[name] for name in names] == [
        "NOT_FINITE", "NAN_AMONG_2", "NOTHING", "NOTHING", "NOTHING",
    ]  # fmt: skip


# ------------------------------------------------------------------ opcodes


@pytest.mark.parametrize("op", GATES, ids=lambda op: op.name)
def test_every_opcode_is_its_rule_to_the_last_bit(op):
    """A square and a root, which pow need not round as well, may differ by one unit there."""
    names = op.arguments
    line = Instruction(len(names), op, tuple(range(len(names))))
    program = Program(names, [], [], [line], [len(names)]).verify()
    rows = list(points(op, 165))
    wanted = [op.value(row)[0] for row in rows]
    for lanes in LANES:
        for first in range(0, len(rows) - lanes + 1, lanes):
            values = run(program, rows[first : first + lanes], (), "native")[0][:, 0].tolist()
            for row, x, y in zip(rows[first:], values, wanted[first:], strict=False):
                near = op.gate.name == "power" and abs(x - y) <= math.ulp(y)
                assert bits(x) == bits(y) or near, (row, x, y)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("places", ["dense", "one twice", "scattered"])
@pytest.mark.parametrize("name", ["relu", "exp", "mul", "less", "div", "where"])
def test_operands_side_by_side_or_scattered_in_rows_and_in_singles(name, places, lanes):
    """Seven results of one opcode make a block; of parameters it is computed once."""
    op, size = Op(gates[name]), 7
    count = len(op.arguments) * size
    order = list(range(count))
    if places == "scattered":
        random.Random(1).shuffle(order)
    if places == "one twice":  # and the last is where it would be
        order[1::size] = order[::size]
    operands = [tuple(order[i::size]) for i in range(size)]
    inputs = [Instruction(2 * count + i, op, r) for i, r in enumerate(operands)]
    singles = [
        Instruction(2 * count + size + i, op, tuple(count + x for x in r))
        for i, r in enumerate(operands)
    ]
    names = [f"x{i}" for i in range(count)], [f"w{i}" for i in range(count)]
    program = Program(*names, [], inputs + singles, range(2 * count, 2 * count + 2 * size)).verify()
    assert len(plan("native", program).blocks) == 2
    rng = np.random.default_rng(lanes)
    rows, numbers = rng.normal(size=(lanes, count)), rng.normal(size=count)
    values, _ = run(program, rows, numbers, "native")
    wanted = [program.evaluate(row, numbers)[2 * count :] for row in rows]
    assert values.tolist() == wanted


# ------------------------------------------------------------------ memory and sums


@pytest.mark.parametrize("lanes, width", [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (13, 16)])
def test_lanes_are_filled_up_to_a_multiple_of_four(lanes, width):
    program = Program(["x"], [], [], [Instruction(1, Op(gates["tanh"]), (0,))], [1]).verify()
    memory = prepare("native", Schedule(program), lanes)
    assert memory.rows.shape == (2, width) and memory.rows.ctypes.data % 64 == 0


def test_a_program_that_memory_cannot_hold_is_refused():
    program = Program(["x"], [], [], [Instruction(1, Op(gates["tanh"]), (0,))], [1]).verify()
    with pytest.raises(MemoryError, match="give fewer lanes at a time"):
        prepare("native", Schedule(program), 2**31)


@pytest.mark.parametrize("scale, gradient", [((), 10.0), ((0.25,), 2.5)])
def test_gradients_are_sums_over_the_lanes_times_a_scale(scale, gradient):
    code = [Instruction(3, Op(gates["mul"]), (0, 1)), Instruction(4, LANE_SUM, (0, 2))]
    schedule = plan("native", Program(["x"], ["w"], [1.0], code, [3], [4], [1]).verify())
    memory = run_native.NativeRun(schedule, 4, *scale)
    memory.rows[0] = [1.0, 2.0, 3.0, 4.0]
    assert memory() is False and memory.singles[schedule.slots.start] == gradient


@pytest.mark.parametrize("room", [0, 16])
def test_a_place_is_a_number_of_32_bits(room):
    """8 numbers before the rows, and two rows."""
    program = Program(["x"], [], [], [Instruction(1, Op(gates["tanh"]), (0,))], [1]).verify()
    with pytest.raises(MemoryError, match=r"a program with 42949672\d\d numbers"):
        run_native.NativeRun(Schedule(program), 2**31 - 4 - room // 2, room=room)


def ends(blocks, outer_lanes):
    """Where each block's results end, and what is turned for one."""
    for row in blocks.blocks.tolist():
        block = dict(zip(run_native.FIELDS, row, strict=True))
        name, size = list(run_native.NUMBERS)[block["opcode"]], block["count"] * block["width"]
        table = blocks.table.tolist()[block["table"] :]
        if name == "copy":
            size = sum(table[1 : 2 * block["count"] : 2])
        if name == "outer":
            yield block["spare"] + outer_lanes * block["m"]
            size = block["n"] * block["m"]
        yield block["start"] + size


@pytest.mark.parametrize("lanes", [1, 2, 5, 8])
@pytest.mark.parametrize("n, m", [(1, 3), (9, 5), (2, 47), (20, 13)])
def test_nothing_is_written_beyond_the_memory(n, m, lanes):
    """C does not look where it writes: a product of vectors, and the copies of a rule."""
    places = range(n + m, n + m + n * m)
    code = [Instruction(places.stop, OUTER, tuple(range(n + m)), (n, m))]
    names = [f"x{i}" for i in range(n + m)], [f"w{i}" for i in places]
    gradients = range(places.stop, places.stop + n * m)
    program = Program(*names, [], code, [0], gradients, places).verify()
    schedule = plan("native", program)
    rule, numbers = record(lambda data, grad, state, step: (state[1], (data, state[0])), 2, 1)
    memory = prepare("native", schedule, lanes)
    descent = memory.descent(schedule, rule, len(numbers))
    assert max(ends(memory._blocks, lanes)) <= len(memory.memory)
    for blocks in (descent._blocks, descent._rule):
        assert max(ends(blocks, lanes)) <= len(descent.memory)


@pytest.mark.parametrize(
    "n, m", [(1, 1), (3, 1), (1, 5), (8, 4), (9, 5), (17, 3), (6, 47), (47, 6)]
)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("lanes", [1, 2, 4, 6, 10, 33])
def test_matrices_of_every_size_are_multiplied_whole(n, m, turned, lanes):
    """Tiles of 4 rows and up to 20 columns, and what is left over; rows or columns side by side."""
    inputs, weights = n + m, n + n * m
    first = inputs + weights
    vector = tuple(range(n, n + m))
    matrix = np.arange(first - n * m, first)
    matrix = (matrix.reshape(m, n).T if turned else matrix.reshape(n, m)).ravel().tolist()
    code = [
        Instruction(first, AFFINE, (*range(inputs, inputs + n), *matrix, *vector), (n, m)),
        Instruction(first + n, OUTER, (*range(n), *vector), (n, m)),
        Instruction(first + n + n * m, LANE_SUM, (0, n)),
        Instruction(first + n + n * m + 1, DOT, (0, n, inputs, n, n, n)),
    ]
    names = [f"x{i}" for i in range(inputs)], [f"w{i}" for i in range(weights)]
    results = range(first, first + n + n * m + 2)
    program = Program(*names, [], code, results).verify()
    rng = np.random.default_rng(n * m + lanes)
    rows, numbers = rng.normal(size=(lanes, inputs)), rng.normal(size=weights)
    values, _ = run(program, rows, numbers, "native")
    a, b = rows[:, :n], rows[:, n:]
    weight = numbers[np.array(matrix) - inputs].reshape(n, m)
    outer = np.broadcast_to((a.T @ b).ravel(), (lanes, n * m))
    total = np.full((lanes, 1), a[:, 0] @ b[:, 0])
    dot = (a[:, 0] * b[:, 0] + numbers[0] * b[:, 0] + b[:, 0] ** 2)[:, None]
    wanted = np.concatenate([b @ weight.T + numbers[:n], outer, total, dot], axis=1)
    np.testing.assert_allclose(values, wanted, rtol=1e-12, atol=1e-12)


# ------------------------------------------------------------------ gates of one's own


def own(name, forward, **more):
    return Gate(name, forward, lambda xp, y, x: (2.0 * x,), latex="?", slopes=("?",), **more)


SHIFTED = own(
    "shifted", lambda xp, x: xp.where(x > 0.0, xp.log(x), x),
    failures=(Failure(ValueError, "needs less than 100", lambda xp, y, x: (y < INF) & (x < INF)),),
)  # fmt: skip
ROOT = own(
    "root", lambda xp, x: xp.sqrt(x - 1.0),
    failures=(Failure(ValueError, "needs at least 1", lambda xp, y, x: x < 1.0),),
)  # fmt: skip


@pytest.mark.parametrize("lanes", LANES)
def test_a_gate_of_ones_own_is_its_rule(lanes):
    program = Program(["x"], [], [], [
        Instruction(1, Op(ROOT), (0,)), Instruction(2, Op(ROOT, 0), (1, 0)),
    ], [1, 2]).verify()  # fmt: skip
    rows = [[1.0 + 0.5 * i] for i in range(lanes)]
    values, _ = run(program, rows, (), "native")
    assert values.tolist() == [program.evaluate(row)[1:] for row in rows]


def test_a_gate_of_ones_own_fails_as_it_does_in_the_engine():
    f = compile_graph(lambda x: apply(ROOT, x), backend="native")
    assert f.each([1.0, 5.0, 10.0]).tolist() == [0.0, 2.0, 3.0]
    with pytest.raises(ValueError, match=r"root\(x=0.5\): needs at least 1 \(lane 1 of 3\)"):
        f([2.0, 0.5, 3.0])


def test_what_is_not_taken_inside_a_rule_gives_no_alarm():
    """log of a negative number is nan there, and quiet: lanes are not looked at one by one."""
    program = Program(["x"], [], [], [Instruction(1, Op(SHIFTED), (0,))], [1]).verify()
    memory = prepare("native", plan("native", program), 3)
    memory.rows[0] = [-2.0, 1.0, 3.0, -2.0]
    assert memory() is False and memory.rows[0].tolist() == [-2.0, 1.0, 3.0, -2.0]
    memory.rows[0, 1] = INF
    assert memory() is True


def test_a_nan_that_a_comparison_of_ones_own_meets_is_noticed():
    above = own("above", lambda xp, x: xp.where(x > 1.0, 1.0, 0.0), condition=True)
    program = Program(["x"], [], [], [Instruction(1, Op(above), (0,))], [1]).verify()
    memory = prepare("native", plan("native", program), 1)
    for x, noticed in ((2.0, False), (NAN, True)):
        memory.rows[0] = x
        assert memory() is noticed


@pytest.mark.parametrize("forward", [lambda xp, x: 1.0, lambda xp, x: x])
def test_a_rule_without_an_instruction_still_has_a_number_for_each_lane(forward):
    gate = own("plain", forward)
    program = Program(["x"], [], [], [Instruction(1, Op(gate), (0,))], [1]).verify()
    assert spell(program, run_native.COMPILED).verify().uniform()[-1] is False
    values, _ = run(program, [[3.0], [NAN]], (), "native")
    assert [bits(x) for x in values[:, 0]] == [bits(forward(None, x)) for x in (3.0, NAN)]


def test_gates_of_ones_own_beside_others_in_lanes_and_in_all_lanes(close):
    """One that reads its second operand alone, and a parameter that is a number, or is not."""
    gate = Gate(
        "second", lambda xp, a, b, k: xp.exp(b) * k, lambda xp, y, a, b, k: (0.0, y),
        latex="?", slopes=("?", "?"), parameters=("k",),
    )  # fmt: skip
    code = [
        Instruction(4, Op(gates["tanh"]), (0,)), Instruction(5, Op(gate), (4, 1, 3)),
        Instruction(6, Op(gates["mul"]), (4, 5)), Instruction(7, Op(gate), (1, 2, 2)),
        Instruction(8, Op(gate, 1), (5, 4, 1, 3)), Instruction(9, Op(gate), (1, 6, 7)),
        Instruction(10, LANE_SUM, (9, 4)), Instruction(11, Op(gates["exp"]), (9,)),
    ]  # fmt: skip
    program = Program(["x"], ["v", "w"], [3.0], code, range(4, 12)).verify()
    assert spell(program, run_native.COMPILED).verify()
    found = [run(program, [[0.5], [-2.0], [1.0]], [0.25, -0.5], name)[0] for name in EXECUTORS]
    close(*found)


def test_a_gate_of_a_known_name_with_another_rule_is_not_taken_for_it():
    tanh = own("tanh", lambda xp, x: 2.0 * x)
    program = Program(["x"], [], [], [Instruction(1, Op(tanh), (0,))], [1]).verify()
    assert run(program, [[3.0]], (), "native")[0].tolist() == [[6.0]]
    with pytest.raises(LookupError, match="must be spelt out"):
        prepare("native", Schedule(program), 1)


def test_a_gate_that_is_entered_in_the_table_later_is_spelt_out():
    code = """
from autograd_core import Gate, apply, compile_graph, gates
gate = Gate("thrice", lambda xp, x: 3.0 * x, lambda xp, y, x: (3.0,), latex="?", slopes=("?",))
gates.add(gate)
f = compile_graph(lambda x: apply(gate, x), backend="native")
print(f.each([1.0, 2.0]).tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[3.0, 6.0]\n", done.stderr


def test_a_quiet_gate_is_the_same_gate_without_what_is_looked_for():
    assert quiet(gates["tanh"]) is gates["tanh"]
    log = quiet(gates["log"])
    assert not log.failures and gates["log"].failures and log.forward is gates["log"].forward


def test_what_no_gate_of_ones_own_is_in_is_left_alone():
    program = Program(["x"], [], [], [Instruction(1, Op(gates["log"]), (0,))], [1]).verify()
    assert spell(program, run_native.COMPILED) is program


def test_a_lone_gradient_is_copied_and_memory_is_no_larger_than_needed():
    """Two parameters with one gradient: of the two places it lies in one, and is copied."""
    mul, add = Op(gates["mul"]), Op(gates["add"])
    code = [
        Instruction(4, add, (1, 2)),
        Instruction(5, mul, (0, 4)),
        Instruction(6, LANE_SUM, (0, 3)),
    ]
    program = Program(["x"], ["w", "v"], [1.0], code, [5], [6, 6], [1, 2]).verify()
    values, gradients = run(program, [[2.0], [3.0]], [5.0, 7.0], backend="native")
    assert values.tolist() == [[24.0], [36.0]] and gradients.tolist() == [5.0, 5.0]
    schedule = plan("native", program)
    memory = prepare("native", schedule, 400)
    assert memory.memory.size <= schedule.singles + 1 + 7 + 400 * schedule.rows + 7
