"""Passes: each computes what it was given, on graphs of every gate; what each must not do."""

import math
import random
import sys

import numpy as np
import pytest

import nn
from autograd_core import Instruction, Op, Program, Value, apply, gates, run, where
from autograd_core.program import AFFINE, DOT, LANE_SUM, OUTER
from autograd_core.program.lower import lower
from autograd_core.program.passes import PASSES, expand, fold, fuse, group, optimise, prune, share
from autograd_core.program.run_numpy import NumpyRun
from autograd_core.program.schedule import Schedule
from autograd_core.program.trace import trace

TWO = [g for g in gates.values() if len(g.operands) <= 2 and g.name not in ("floor",)]


def safe(gate, operands):
    """Operands moved into the gate's domain, by gates."""
    moved = []
    for x, interval in zip(operands, gate.domain, strict=False):
        if interval.low == 0.0:
            moved.append(x * x * 0.1 + 0.5)
        elif interval.low > -math.inf:
            moved.append(x.tanh() * 0.9)
        else:
            moved.append(x.tanh() * 1.5)
    return moved


def irregular(seed, weights):
    """A function of a list of 4, with every gate of the table in some order on random operands."""

    def fn(x):
        rng = random.Random(seed)
        made = [*x, *weights, Value(1.0), Value(-0.0), Value(0.75)]
        order = TWO * 2
        rng.shuffle(order)
        for gate in order:
            operands = [rng.choice(made[-12:] + made[:8]) for _ in gate.operands]
            numbers = gate.defaults or tuple(3.0 for _ in gate.parameters)
            made.append(apply(gate, *safe(gate, operands), *numbers))
            if rng.random() < 0.2:
                made.append(where(made[-1] > made[-2], made[-3], made[-1] * made[-4]))
            if rng.random() < 0.3:
                made.append(sum(rng.choice(made) * rng.choice(weights) for _ in range(4)))
        total = made[-1]
        for value in made[-9:-1]:
            total = total + value * 0.1
        return total

    return fn


def network(activation, weights=None):
    model = nn.MLP(4, [5, 3, 1], rng=0, activation=activation)

    def fn(x):
        return (model(x) - 0.5) ** 2 + 0.01 * sum(p * p for p in model.parameters())

    return fn, model.parameters()


def sums(x):
    w = SUM_WEIGHTS
    a = x[0] * w[0] + x[1] * w[1] + (x[2] * w[2] + (x[3] * w[3] + 1.0))
    return a * (w[0] * w[1] + w[2] * 2.0) + (a + (x[0] + x[0])) + 1.0 * a * 1.0


SUM_WEIGHTS = [Value(0.1 * i - 0.15, f"w{i}") for i in range(4)]


def zoo():
    made = {}
    for seed in range(6):
        weights = [Value(random.Random(seed + i).gauss(0, 1), f"w{i}") for i in range(4)]
        made[f"irregular {seed}"] = (irregular(seed, weights), weights)
    made["tanh"], made["relu"] = network("tanh"), network("relu")
    made["sums"] = (sums, SUM_WEIGHTS)
    made["only a constant"] = (lambda x: Value(2.0) * 3.0, SUM_WEIGHTS[:1])
    made["an input"] = (lambda x: x[2], SUM_WEIGHTS[:1])
    return made


ZOO = zoo()


def lowered(name, of_inputs=False):
    fn, weights = ZOO[name]
    traced = trace(fn, ["x"], [(4,)])
    return lower(traced, traced.inputs if of_inputs else weights, weights), weights


def results(program, lanes, parameters):
    """Outputs and gradients over lanes, by the rules on floats; sums over lanes by numpy."""
    schedule = Schedule(program)
    run = NumpyRun(schedule, len(lanes))
    run.rows[: len(program.inputs)] = np.transpose(lanes)
    run.singles[: len(parameters)] = parameters
    run()
    return [
        (run.rows[place].copy() if of_lanes else np.full(len(lanes), run.singles[place]))
        for of_lanes, place in (*schedule.outputs, *schedule.gradients)
    ]


LANES = [[random.Random(k).gauss(0.0, 1.0) for _ in range(4)] for k in range(5)]


def same(found, wanted):
    for a, b in zip(found, wanted, strict=True):
        size = max(1e-3, float(np.max(np.abs(b))))
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * size)


@pytest.mark.parametrize("of_inputs", [False, True])
@pytest.mark.parametrize("name", ZOO)
def test_each_pass_and_all_in_order_agree(name, of_inputs):
    program, weights = lowered(name, of_inputs)
    numbers = [w.data for w in weights]
    wanted = results(program.verify(), LANES, numbers)
    one_lane = program.evaluate(LANES[0], numbers)
    for step in PASSES:
        alone = step(program).verify()
        same(results(alone, LANES, numbers), wanted)
        if step is not group and step is not fuse:  # the same operations in the same order
            registers = alone.evaluate(LANES[0], numbers)
            for a, b in zip(
                alone.outputs + alone.gradients, program.outputs + program.gradients, strict=True
            ):
                assert registers[a] == one_lane[b]
    for step in PASSES:
        program = step(program).verify()
        same(results(program, LANES, numbers), wanted)
        assert program.inputs == tuple(f"x[{i}]" for i in range(4))
    assert optimise(program).listing() == program.listing()  # nothing is left to do
    assert optimise(lowered(name, of_inputs)[0]).listing() == program.listing()


@pytest.mark.parametrize("name", [n for n in ZOO if n.startswith(("irregular", "tanh", "relu"))])
def test_the_gradient_is_the_engines(name):
    fn, weights = ZOO[name]
    program = optimise(lowered(name)[0])
    found = results(program, LANES, [w.data for w in weights])
    for w in weights:
        w.grad = 0.0
    values = []
    for lane in LANES:
        y = fn([Value(x) for x in lane])
        y.backward()
        values.append(y.data)
    np.testing.assert_allclose(found[0], values, rtol=1e-12)
    slopes = np.array([w.grad for w in weights])
    size = np.abs(slopes).max()
    np.testing.assert_allclose([g[0] for g in found[1:]], slopes, rtol=1e-11, atol=1e-12 * size)


def test_the_zoo_has_every_gate():
    used = {line.op.name for name in ZOO for line in lowered(name)[0].code}
    assert {g.name for g in TWO} | {"where"} <= used


def program_of(fn, width=2, wrt=(), parameters=()):
    return lower(trace(fn, ["x"], [(width,)]), wrt, parameters)


def line(result, name, operands):
    return Instruction(result, Op(gates[name]), operands)


def ops(program):
    return [line.op.name for line in program.code]


# ---------------------------------------------------------------------------- share


def test_inputs_and_parameters_are_never_merged():
    a, b = Value(2.0, "a"), Value(2.0, "b")  # equal now
    program = program_of(lambda x: x[0].exp() + x[1].exp() + a.exp() * b.exp())
    assert len(optimise(program).parameters) == 2
    assert ops(optimise(program)).count("exp") == 4
    registers = optimise(program).evaluate([0.0, 1.0], [0.0, 1.0])
    assert registers[optimise(program).outputs[0]] == pytest.approx(1.0 + 2.0 * math.e, rel=1e-15)


def test_what_is_computed_twice_is_computed_once():
    program = program_of(lambda x: (x[0] * x[1]).exp() + (x[0] * x[1]).exp() * (x[1] * x[0]))
    assert sorted(ops(prune(share(program)))) == ["add", "exp", "mul", "mul", "mul"]


def test_constants_are_the_same_only_if_their_bits_are():
    zeros = Program(
        ["x"], [], [0.0, -0.0, 0.0, math.nan, 1.0],
        [
            line(6, "add", (0, 1)), line(7, "add", (0, 2)),
            line(8, "add", (0, 3)), line(9, "add", (0, 4)),
            line(10, "add", (0, 5)),
            line(11, "add", (0, 1)),
        ],
        [6, 7, 8, 9, 10, 11],
    )  # fmt: skip
    after = share(zeros).verify()
    assert len(after) == 4  # 0.0 stands there twice
    registers = after.evaluate([-0.0], [])
    found = [registers[r] for r in after.outputs]
    assert [math.copysign(1.0, x) for x in found[:3]] == [1.0, -1.0, 1.0]
    assert math.isnan(found[3]) and found[4] == 1.0
    x = program_of(lambda x: where(x[0] > 0.0, 0.0, -0.0) * x[1])
    after = optimise(x)
    assert math.copysign(1.0, after.evaluate([-1.0, 2.0], [])[after.outputs[0]]) == -1.0


def test_all_results_of_a_matrix_that_reads_a_sum_over_lanes_stay_behind_it():
    code = [
        Instruction(3, LANE_SUM, (0, 1)),
        Instruction(4, AFFINE, (3, 3, 2, 2, 0), (2, 1)),
        Instruction(6, Op(gates["sin"]), (5,)),
    ]
    program = Program(["x", "y"], ["w"], [], code, [6]).verify()
    assert ops(group(program).verify()) == ["lane_sum", "affine", "sin"]


# ---------------------------------------------------------------------------- fold, prune


def test_gates_of_constants_are_done_at_once():
    program = program_of(lambda x: x[0] * (Value(2.0).exp() + 1.0) * 1.0)
    after = prune(fold(program))
    assert ops(after) == ["mul"]
    assert math.exp(2.0) + 1.0 in after.constants


def test_fold_keeps_a_gate_that_fails_at_its_constants():
    code = [line(3, "log", (1,)), line(4, "exp", (2,)), line(5, "mul", (0, 3))]
    program = Program(["x"], [], [-1.0, 1000.0], code, [5])
    assert ops(fold(program)) == ["log", "exp", "mul"] == ops(optimise(program))


def test_prune_leaves_out_what_is_unused_but_not_what_may_fail():
    code = [
        line(2, "tanh", (0,)), line(3, "log", (0,)), line(4, "add", (0, 1)),
        line(5, "sqrt", (4,)), line(6, "sin", (0,)), line(7, "relu", (0,)),
    ]  # fmt: skip
    assert ops(prune(Program(["x"], ["w"], [], code, [7]))) == ["log", "add", "sqrt", "sin", "relu"]
    taken = program_of(lambda x: where(Value(1.0), x[0], x[1].log()))
    assert "log" in ops(optimise(taken))


@pytest.mark.parametrize("gate", [g for g in gates.values() if g.identities], ids=lambda g: g.name)
def test_fold_leaves_out_a_gate_where_one_of_its_identities_holds(gate):
    for identity in gate.identities:
        names = gate.operands + gate.parameters
        place = names.index(identity.operand)
        code = [Instruction(4, Op(gate), tuple(3 if i == place else i for i in range(len(names))))]
        after = fold(Program(["x", "y", "z"], [], [identity.equals], code, [4])).verify()
        assert after.code == []
        (r,) = after.outputs
        if isinstance(identity.result, str):
            assert r == names.index(identity.result)
        else:
            assert after.constant(r) == identity.result


def test_fold_uses_an_identity_only_for_its_exact_number():
    for number in (1.0 + 1e-15, -1.0, 0.0, math.nan):
        program = Program(["x"], [], [number], [line(2, "mul", (0, 1))], [2])
        assert ops(fold(program)) == ["mul"]


def test_fold_asks_a_question_once():
    code = [
        line(4, "where", (0, 1, 2)), line(5, "where", (0, 4, 3)), line(6, "where", (1, 5, 5)),
    ]  # fmt: skip
    program = Program(["p", "a", "b", "c"], [], [], code, [6])
    after = prune(fold(program)).verify()
    assert after.listing() == (
        "inputs      p a b c\nparameters  \nt4 = where(p, a, c)\noutputs     t4\n"
    )


def test_fold_looks_into_an_arm_only_if_it_answers_the_same_question():
    nested = [line(4, "where", (0, 1, 2)), line(5, "where", (0, 4, 3))]
    program = Program(["p", "a", "b", "c"], [], [], nested, [5])
    assert [line.operands for line in prune(fold(program)).code] == [(0, 1, 3)]
    added = [line(4, "add", (0, 1)), line(5, "where", (0, 4, 3))]  # an answer is 0 or 1
    program = Program(["p", "a", "b", "c"], [], [], added, [5])
    assert fold(program) is program


def test_a_pass_that_finds_nothing_to_do_gives_back_the_same_program():
    program = Program(["x", "y"], [], [], [line(2, "exp", (0,)), line(3, "mul", (1, 2))], [3])
    for step in (fold, share, prune):
        assert step(program) is program


def test_prune_quiet_leaves_out_what_may_fail_too():
    code = [line(1, "log", (0,)), line(2, "tanh", (0,))]
    program = Program(["x"], [], [], code, [2])
    assert ops(prune(program)) == ["log", "tanh"] and ops(prune(program, quiet=True)) == ["tanh"]


def test_prune_keeps_a_matrix_of_which_one_result_is_read():
    code = [Instruction(2, OUTER, (0, 1, 0), (1, 2)), Instruction(4, OUTER, (1, 1), (1, 1))]
    after = prune(Program(["x", "y"], [], [], code, [3]).verify()).verify()
    assert [(line.op, line.shape) for line in after.code] == [(OUTER, (1, 2))]
    assert after.outputs == (3,)


def test_labels_follow_their_registers_through_the_passes():
    def fn(x):
        hidden = (x[0] * 1.0 + 0.0 * 2.0).tanh()
        hidden.label = "hidden"
        return hidden * x[1]

    program = program_of(fn)
    for step in PASSES:
        program = step(program).verify()
        (register,) = [r for r, label in program.labels.items() if label == "hidden"]
        (made,) = [line for line in program.code if line.result == register]
        assert made.op.name == "tanh"


# ---------------------------------------------------------------------------- expand


def test_expand_spells_out_the_sums_that_are_not_known():
    model = nn.MLP(4, [5, 3], rng=0, activation="tanh")
    program = optimise(
        program_of(lambda x: sum(model(x)), 4, model.parameters(), model.parameters())
    )
    wanted = results(program, LANES, [p.data for p in model.parameters()])
    for known in ((DOT, LANE_SUM), (AFFINE, LANE_SUM), (OUTER, DOT, LANE_SUM), (LANE_SUM,)):
        after = expand(program, known).verify()
        assert {line.op for line in after.code if line.op.gate is None} <= set(known)
        same(results(after, LANES, [p.data for p in model.parameters()]), wanted)
        assert expand(after, known) is after
    assert expand(program, (DOT, AFFINE, LANE_SUM, OUTER)) is program


def test_expand_leaves_a_sum_over_lanes_that_is_not_known_as_it_is():
    code = [Instruction(2, LANE_SUM, (0, 1)), Instruction(3, DOT, (0, 1))]
    program = Program(["x"], ["w"], [], code, [2, 3]).verify()
    assert [str(line.op) for line in expand(program, ()).code] == ["lane_sum", "mul"]


# ---------------------------------------------------------------------------- fuse, group


def test_sums_of_products_become_one_dot():
    w = [Value(0.5, "a"), Value(-0.5, "b"), Value(0.1, "c")]
    program = program_of(lambda x: x[0] * w[0] + x[1] * w[1] + w[2])
    after = fuse(program).verify()
    assert "add" not in ops(after) and "mul" not in ops(after)
    assert after.evaluate([1.0, 2.0], [0.5, -0.5, 0.1])[after.outputs[0]] == 1.0 * 0.5 - 1.0 + 0.1
    twice = program_of(lambda x: (lambda s: s * s)(x[0] * x[1]))
    assert ops(fuse(twice)) == ["mul", "mul"]


def test_a_sum_of_two_stays_a_sum_and_one_of_three_is_a_dot():
    assert ops(fuse(program_of(lambda x: x[0] + x[1]))) == ["add"]
    assert ops(fuse(program_of(lambda x: x[0] + x[1] + x[2], 3))) == ["dot"]


def test_fuse_keeps_what_is_an_output_too():
    code = [line(2, "mul", (0, 1)), line(3, "add", (2, 0))]
    after = fuse(Program(["x", "y"], [], [], code, [2, 3])).verify()
    registers = after.evaluate([2.0, 3.0])
    assert [registers[r] for r in after.outputs] == [6.0, 8.0]


def test_numbers_that_are_the_same_in_all_lanes_are_added_once():
    w = [Value(float(i), f"w{i}") for i in range(3)]
    after = fuse(program_of(lambda x: x[0] * w[0] + w[1] + w[2]))
    assert ops(after) == ["dot", "dot"]
    assert [after.uniform()[line.result] for line in after.code] == [True, False]


def test_what_is_the_same_in_all_lanes_is_summed_apart():
    w = [Value(float(i), f"w{i}") for i in range(3)]
    program = program_of(lambda x: x[0] * w[0] + (w[1] * w[2] + w[1] * w[0]))
    after = fuse(program)
    uniform = after.uniform()
    assert [uniform[line.result] for line in after.code if line.op.name == "dot"].count(True) == 1


def test_a_matrix_is_made_of_enough_weights_that_are_no_constants():
    def grouped(smallest, *, inputs="xy", parameters="abcd", constants=()):
        code = [Instruction(6, DOT, (2, 0, 3, 1)), Instruction(7, DOT, (4, 0, 5, 1))]
        program = Program(list(inputs), list(parameters), constants, code, [6, 7])
        return [line.op for line in group(program, smallest).verify().code]

    assert grouped(4) == [AFFINE] and grouped(5) == [DOT, DOT]
    assert grouped(4, parameters="", constants=[2.0, 3.0, 4.0, 5.0]) == [DOT, DOT]


def test_the_layers_of_a_network_become_affine_maps_and_their_gradients_outers():
    model = nn.MLP(6, [8, 7, 1], rng=0, activation="tanh")
    program = program_of(lambda x: model(x) ** 2, 6, model.parameters(), model.parameters())
    after = optimise(program)
    shapes = [(line.op, line.shape) for line in after.code if line.shape]
    assert shapes[:2] == [(AFFINE, (8, 6)), (AFFINE, (7, 8))]
    assert (AFFINE, (8, 7)) in shapes  # upstream through the second layer, transposed
    assert sorted(shape for op, shape in shapes if op is OUTER) in (
        [(7, 8), (8, 6)], [(6, 8), (7, 8)], [(8, 6), (8, 7)], [(6, 8), (8, 7)],
    )  # fmt: skip
    assert len(after) < len(program) / 6


# ---------------------------------------------------------------------------- depth and size


def test_a_chain_of_100_000_gates_without_recursion():
    limit = sys.getrecursionlimit()
    w = Value(3.0, "w")

    def chain(x):
        y = x[0] * w
        for _ in range(100_000):
            y = -y
        return y.tanh()

    program = optimise(program_of(chain, 1, [w], [w]))
    assert len(program) > 100_000 and sys.getrecursionlimit() == limit
    value, slope = results(program, [[0.5], [-0.25]], [3.0])
    np.testing.assert_allclose(value, np.tanh([1.5, -0.75]), rtol=1e-12)
    wanted = 0.5 * (1.0 - math.tanh(1.5) ** 2) - 0.25 * (1.0 - math.tanh(-0.75) ** 2)
    np.testing.assert_allclose(slope, wanted, rtol=1e-12)


def test_a_program_of_200_000_gates():
    rng = random.Random(0)

    def wide(x):
        made = [x[0], x[1]]
        for _ in range(160_000):
            made.append(made[-1 - rng.randrange(2)] * 0.5 + made[rng.randrange(2)])
        return made[-1]

    program = program_of(wide)
    assert len(program) > 200_000
    after = optimise(program)
    numbers = program.evaluate([0.5, -0.25], [])[program.outputs[0]]
    assert after.evaluate([0.5, -0.25], [])[after.outputs[0]] == pytest.approx(numbers, rel=1e-12)


@pytest.mark.parametrize("early", [True, False])
def test_a_sum_that_is_read_before_its_grid_is_complete_is_not_part_of_it(early):
    """Sums of what reads a sum come last, among their readers, in the order of writing."""
    code = [(LANE_SUM, (4, 4)), (Op(gates["mul"]), (0, 5)), (Op(gates["mul"]), (1, 5))]
    code += [(LANE_SUM, (a, b)) for a in (6, 7) for b in (2, 3)]
    code.insert(6 if early else 7, (Op(gates["add"]), (8, 8)))
    code = [Instruction(5 + i, op, operands) for i, (op, operands) in enumerate(code)]
    program = Program(["a", "b", "c", "d", "e"], [], [], code, range(8, 13)).verify()
    after = group(program, 4).verify()
    assert (OUTER in [line.op for line in after.code]) is not early
    rows = np.random.default_rng(0).normal(size=(3, 5))
    wanted, _ = run(program, rows, (), "numpy")
    np.testing.assert_allclose(run(after, rows, (), "numpy")[0], wanted, rtol=1e-14)
