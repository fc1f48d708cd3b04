"""The plan: blocks that cover the program once, in places of their own, in an order that works."""

import math
import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from autograd_core import Instruction, Op, Program, Value, apply, compile_graph, gates, where
from autograd_core.program import AFFINE, DOT, LANE_SUM, OUTER
from autograd_core.program.lower import lower
from autograd_core.program.passes import expand, group, optimise, prune, share
from autograd_core.program.schedule import (
    COPY,
    PAIRS,
    SPREAD,
    Flat,
    Matrix,
    Move,
    Schedule,
    matrix_of,
    step_of,
)
from autograd_core.program.trace import trace

# ------------------------------------------------------------------ places


@pytest.mark.parametrize(
    "places, step",
    [
        ((), 1), ((7,), 1), ((3, 4, 5), 1), ((3, 5, 7), 2), ((9, 6, 3), -3), ((4, 4, 4), 0),
        ((4, 4), 0), ((3, 4, 6), None), ((4, 4, 5), None), ((0, 2, 1), None), ([1, 2], 1),
        (range(3, 9, 2), 2), (range(4, 9), 1),
    ],
)  # fmt: skip
def test_step_of_places_that_are_evenly_spaced(places, step):
    assert step_of(places) == step


@pytest.mark.parametrize(
    "places, n, m, matrix",
    [
        ((2, 3, 4, 5, 6, 7), 2, 3, Matrix(2, 3, 1)),
        ((2, 5, 3, 6, 4, 7), 3, 2, Matrix(2, 1, 3)),
        ((0, 1, 2, 10, 11, 12), 2, 3, Matrix(0, 10, 1)),
        ((7, 6, 5, 4), 2, 2, Matrix(7, -2, -1)),
        ((5, 5, 5, 5), 2, 2, Matrix(5, 0, 0)),
        ((5,), 1, 1, Matrix(5, 1, 1)),
        ((5, 9), 1, 2, Matrix(5, 2, 4)),
        ((5, 9), 2, 1, Matrix(5, 4, 1)),
        ((0, 1, 2, 4), 2, 2, None),
        ((0, 1, 3, 2), 2, 2, None),
    ],
)
def test_matrix_of_places_row_by_row(places, n, m, matrix):
    assert matrix_of(places, n, m) == matrix
    if matrix is not None:
        first, by_row, by_column = matrix
        even = [first + i * by_row + k * by_column for i in range(n) for k in range(m)]
        assert tuple(even) == places


# ------------------------------------------------------------------ programs to plan


def dense(weights, x, act):
    """A layer: each row of weights is a bias and its weights."""
    return [act(sum((w * a for w, a in zip(row[1:], x, strict=True)), row[0])) for row in weights]


def network(sizes, act=Value.tanh, penalty=0.0):
    """A loss of a dense network, its weights, and how many inputs it has."""
    rng = random.Random(5)
    layers = [
        [[Value(rng.gauss(0.0, 0.5), f"w{k}.{i}.{j}") for j in range(m + 1)] for i in range(n)]
        for k, (m, n) in enumerate(pairwise(sizes))
    ]
    weights = [w for layer in layers for row in layer for w in row]

    def fn(x):
        for layer in layers:
            x = dense(layer, x, act)
        return sum(x) ** 2 + penalty * sum(w * w for w in weights)

    return fn, weights, sizes[0]


def irregular(seed):
    rng = random.Random(seed)
    weights = [Value(rng.uniform(-1.0, 1.0), f"w{i}") for i in range(4)]
    names = ["tanh", "sin", "sigmoid", "add", "mul", "sub", "max", "relu", "leaky_relu", "power"]

    def fn(x):
        rng = random.Random(seed)
        made = [*x, *weights, Value(0.5)]
        for _ in range(60):
            gate = gates[rng.choice(names)]
            operands = [rng.choice(made[-15:]) for _ in gate.operands]
            parameters = gate.defaults or (2.0,) * len(gate.parameters)
            made.append(apply(gate, *operands, *parameters).tanh())
            if rng.random() < 0.2:
                made.append(where(made[-1] > made[-2], made[-3], made[-1]))
        return sum(made[-7:])

    return fn, weights, 3


def scattered(order):
    """Sums whose operands do not lie side by side, or lie the other way round."""
    n, m, inputs = 3, 2, 5
    weights = n + n * m
    first = inputs + weights
    matrix = [inputs + n + k for k in range(n * m)]
    if order == "backward":
        vector, matrix = (3, 2), matrix[::-1]
    elif order == "columns backward":
        vector, matrix = (2, 3), [x for i in range(n) for x in matrix[i * m : (i + 1) * m][::-1]]
    else:
        vector, matrix = (4, 0), [matrix[i] for i in (3, 0, 5, 1, 4, 2)]
    biases = tuple(inputs + i for i in (2, 0, 1))
    code = [
        Instruction(first, AFFINE, (*biases, *matrix, *vector), (n, m)),
        Instruction(first + n, OUTER, (4, first + 2, 6, first, 3), (3, 2)),
        Instruction(first + n + 6, DOT, (0, 6, 4, 5, first + 1, 7, 1, 1, 2, 0)),
        Instruction(first + n + 7, DOT, (3, 6, 4, 5)),
        Instruction(first + n + 8, DOT, (1, 7, 3, 6, first, 5, 4, 2, 0, 2)),
        Instruction(first + n + 9, LANE_SUM, (first + n + 6, 4)),
    ]
    made = range(first, first + n + 10)
    slopes = [made[3 + i] for i in (1, 0, 5, 2, 4)] + [made[-1]] * (weights - 5)
    names = [f"x[{i}]" for i in range(inputs)], [f"w{i}" for i in range(weights)]
    program = Program(*names, [], code, made, slopes, range(inputs, first)).verify()
    rng = random.Random(3)
    return program, [Value(rng.gauss(0.0, 1.0)) for _ in range(weights)]


def programs():
    """Optimised and plain programs, with gradients of parameters and of inputs."""
    models = {
        "small": network((2, 3, 1)), "wide": network((4, 6, 5, 1), Value.relu, 0.01),
        "one": network((1, 1)), **{f"irregular {seed}": irregular(seed) for seed in range(4)},
    }  # fmt: skip
    made = {}
    for name, (fn, weights, count) in models.items():
        traced = trace(fn, ["x"], [(count,)])
        for kind, wrt in (("parameters", weights), ("inputs", traced.inputs), ("none", ())):
            plain = lower(traced, wrt, weights)
            made[f"{name}, {kind}, plain"] = plain, weights
            made[f"{name}, {kind}"] = optimise(plain), weights
    for order in ("backward", "columns backward", "shuffled"):
        made[f"scattered {order}, parameters"] = scattered(order)
    return made


PROGRAMS = programs()
each_program = pytest.mark.parametrize("name", PROGRAMS)
readable_or_not = pytest.mark.parametrize("readable", [False, True], ids=["plan", "readable"])


def results(plan, lanes, parameters):
    """Outputs and gradients of the blocks, one after another, by the rules on floats."""
    program = plan.program
    count = len(lanes)
    singles = [math.nan] * plan.singles
    rows = [[math.nan] * count for _ in range(plan.rows)]
    plan.fill(singles, np.array(rows))  # constants; rows are filled below, from lists
    for row in plan.fixed:
        rows[row] = [singles[plan.spread[row]]] * count
    singles[: len(parameters)] = parameters
    for i in range(len(program.inputs)):
        rows[i] = [lane[i] for lane in lanes]

    def column(lanes, place):
        return rows[place] if lanes else [singles[place]] * count

    for block in plan.blocks:
        op = block.op
        if op is AFFINE:
            n, m = block.shape
            first, by_row, by_column = block.matrix
            matrix = [
                singles[first + i * by_row + k * by_column] for i in range(n) for k in range(m)
            ]
            biases = [singles[place] for place in block.sources[0]]
            vectors = zip(*[rows[place] for place in block.sources[1]], strict=True)
            answers = [op.value([*biases, *matrix, *v], block.shape) for v in vectors]
        elif op is OUTER:
            pairs = [[rows[place] for place in places] for places in block.sources]
            lane_wise = zip(zip(*pairs[0], strict=True), zip(*pairs[1], strict=True), strict=True)
            each = [op.value([*a, *b], block.shape) for a, b in lane_wise]
            answers = [[sum(column) for column in zip(*each, strict=True)]] * count
        elif op is DOT:
            answers = [[] for _ in range(count)]
            k = 0
            for pairs in block.counts:
                operands = [
                    column(block.of_lanes, places[k + i])
                    for i in range(pairs)
                    for places in block.sources
                ]
                k += pairs
                for lane, numbers in enumerate(zip(*operands, strict=True)):
                    answers[lane] += op.value(numbers, ())
        else:
            answers = [[] for _ in range(count)]
            for operands in zip(*block.sources, strict=True):
                numbers = zip(*[column(block.of_lanes, at) for at in operands], strict=True)
                found = [x[0] if isinstance(op, Move) else op.value(x, ())[0] for x in numbers]
                if op is LANE_SUM:
                    found = [sum(found)] * count
                for lane, y in enumerate(found):
                    answers[lane].append(y)
        for i, place in enumerate(block.results):
            if block.lanes:
                rows[place] = [answers[lane][i] for lane in range(count)]
            else:
                singles[place] = answers[0][i]
    outputs = [column(*at) for at in plan.outputs]
    return outputs, [column(*at) for at in plan.gradients]


def wanted(program, lanes, parameters):
    """The same by Program.evaluate, lane by lane: it knows no sum over more than one."""
    registers = [program.evaluate(lane, parameters) for lane in lanes]
    return [[[lane[r] for lane in registers] for r in rs]
            for rs in (program.outputs, program.gradients)]  # fmt: skip


def lanes_of(program, count):
    rng = random.Random(1)
    return [[rng.gauss(0.0, 1.0) for _ in program.inputs] for _ in range(count)]


# ------------------------------------------------------------------ what a plan is


@each_program
@readable_or_not
def test_the_blocks_one_after_another_compute_the_program(name, readable):
    program, weights = PROGRAMS[name]
    if readable:
        program = group(share(program), 2)
    numbers = [w.data for w in weights]
    plan = Schedule(program, readable)
    (lane,) = lanes_of(program, 1)
    for found, right in zip(
        results(plan, [lane], numbers), wanted(program, [lane], numbers), strict=True
    ):
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-13)


TRAINED = [n for n in PROGRAMS if "parameters" in n and not n.startswith("scattered")]


@pytest.mark.parametrize("name", TRAINED)
def test_gradients_of_parameters_are_sums_over_the_lanes(name):
    program, weights = PROGRAMS[name]
    numbers = [w.data for w in weights]
    lanes = lanes_of(program, 3)
    outputs, gradients = results(Schedule(program), lanes, numbers)
    right, _ = wanted(program, lanes, numbers)
    np.testing.assert_allclose(outputs, right, rtol=1e-12, atol=1e-13)
    alone = [results(Schedule(program), [lane], numbers)[1] for lane in lanes]
    total = np.sum([[row[0] for row in each] for each in alone], axis=0)
    np.testing.assert_allclose([row[0] for row in gradients], total, rtol=1e-10, atol=1e-12)


def instructions(program):
    """How many results each opcode has."""
    count = Counter()
    for line in program.code:
        count[line.op] += line.size
    return count


@each_program
@readable_or_not
def test_blocks_cover_every_instruction_once(name, readable):
    program, _ = PROGRAMS[name]
    plan = Schedule(program, readable)
    found = Counter()
    for block in plan.blocks:
        if not isinstance(block.op, Move):
            found[block.op] += block.size
    # A text leaves out what no result needs, also if it may fail.
    assert found == instructions(prune(program, quiet=True) if readable else program)


@each_program
@readable_or_not
def test_places_never_overlap_within_a_memory(name, readable):
    program, _ = PROGRAMS[name]
    plan = Schedule(program, readable)
    given = len(program.parameters) + len(program.constants)
    taken = {(False, place) for place in range(given)}
    taken |= {(True, row) for row in range(len(program.inputs))}
    taken |= {(True, row) for row in plan.fixed}
    for block in plan.blocks:
        for place in block.results:
            assert 0 <= place < (plan.rows if block.lanes else plan.singles)
            assert (block.lanes, place) not in taken
            taken.add((block.lanes, place))
    registers = range(program.first_result + sum(line.size for line in program.code))
    if not readable:
        assert len({plan.place(r) for r in registers}) == len(registers)


@each_program
@readable_or_not
def test_a_block_reads_only_what_is_there_before_it(name, readable):
    program, _ = PROGRAMS[name]
    plan = Schedule(program, readable)
    there = {(False, place) for place in range(len(program.parameters) + len(program.constants))}
    there |= {(True, row) for row in (*range(len(program.inputs)), *plan.fixed)}
    for block in plan.blocks:
        sources = [(block.of_lanes, place) for places in block.sources for place in places]
        if block.op is AFFINE:
            n, m = block.shape
            first, by_row, by_column = block.matrix
            biases, numbers = block.sources
            sources = [(False, place) for place in biases] + [(True, place) for place in numbers]
            sources += [
                (False, first + i * by_row + k * by_column) for i in range(n) for k in range(m)
            ]
        assert there.issuperset(sources), block
        there |= {(block.lanes, place) for place in block.results}
    assert there.issuperset([*plan.outputs, *plan.gradients])


@each_program
def test_matrices_and_what_they_multiply_lie_side_by_side(name):
    plan = Schedule(PROGRAMS[name][0])
    for block in plan.blocks:
        if block.op in (AFFINE, OUTER):
            assert block.of_lanes
        if block.op is AFFINE:
            assert isinstance(block.sources[1], range) and block.sources[1].step == 1
            assert min(block.matrix) >= 0
        if block.op is OUTER:
            assert all(isinstance(places, range) for places in block.sources)


@pytest.mark.parametrize("name", [n for n in PROGRAMS if "parameters" in n])
def test_the_gradients_of_parameters_lie_side_by_side(name):
    program, weights = PROGRAMS[name]
    plan = Schedule(program)
    assert len(plan.slots) == len(weights)
    assert plan.gradients == [(False, slot) for slot in plan.slots]


def test_gradients_of_inputs_have_no_slots():
    plan = Schedule(PROGRAMS["small, inputs"][0])
    assert plan.slots == range(0) and all(lanes for lanes, _ in plan.gradients)


def test_constants_are_filled_in_once():
    w = Value(2.0, "w")
    program = optimise(lower(trace(lambda x: (x * 3.0 + 7.0).exp() * w, ["x"], [()]), [w]))
    plan = Schedule(program)
    singles, rows = np.full(plan.singles, np.nan), np.full((plan.rows, 4), np.nan)
    plan.fill(singles, rows)
    assert set(singles[1 : 1 + len(program.constants)]) == set(program.constants)
    assert np.isnan(singles[0])  # the parameter
    for row in plan.fixed:
        assert (rows[row] == singles[plan.spread[row]]).all()


def test_a_constant_operand_of_a_block_is_known():
    program = Program(
        ["x"], ["w"], [2.0, 3.0],
        [
            Instruction(4, Op(gates["power"]), (0, 2)), Instruction(5, Op(gates["power"]), (1, 3)),
            Instruction(6, Op(gates["mul"]), (0, 1)),
        ],
        [4, 5, 6],
    ).verify()  # fmt: skip
    plan = Schedule(program)
    known = {
        (str(block.op), block.lanes): [plan.constant(block, i) for i in range(len(block.sources))]
        for block in plan.blocks
        if not isinstance(block.op, Move)
    }
    assert known == {
        ("power", True): [None, 2.0], ("power", False): [None, 3.0], ("mul", True): [None, None],
    }  # fmt: skip


def test_what_lanes_read_of_all_lanes_is_spread_once():
    code = [Instruction(2 + i, Op(gates["mul"]), (0, 1)) for i in range(3)]
    program = Program(["x"], ["w"], [], code, [2, 3, 4]).verify()
    spreads = [block for block in Schedule(program).blocks if block.op is SPREAD]
    assert [(block.size, block.lanes, block.of_lanes) for block in spreads] == [(1, True, False)]


def test_independent_lines_of_one_opcode_make_one_block():
    code = [Instruction(3 + i, Op(gates["exp"]), (i,)) for i in range(3)]
    code += [Instruction(6 + i, Op(gates["add"]), (3 + i, 3 + (i + 1) % 3)) for i in range(3)]
    plan = Schedule(Program(["x", "y", "z"], [], [], code, [6, 7, 8]).verify())
    assert [(str(block.op), block.size) for block in plan.blocks] == [("exp", 3), ("add", 3)]
    assert [step_of(places) for places in plan.blocks[0].sources] == [1]


def test_only_a_readable_plan_parts_what_reads_from_different_places():
    code = [Instruction(4 + i, Op(gates["exp"]), (i,)) for i in range(2)]
    code += [Instruction(6 + i, Op(gates["mul"]), (0, 2 + i)) for i in range(2)]
    program = Program(["x", "y"], ["w"], [3.0], code, [4, 5, 6, 7]).verify()
    for readable, sizes in ((False, [2, 2]), (True, [1, 1, 1, 1])):
        blocks = [b for b in Schedule(program, readable).blocks if not isinstance(b.op, Move)]
        assert [block.size for block in blocks] == sizes


def test_a_readable_plan_tells_arguments_parameters_constants_and_blocks_apart():
    code = [Instruction(6 + k, Op(gates[name]), (0,))
            for k, name in enumerate(("exp", "sin", "cos", "tanh", "sinh"))]  # fmt: skip
    code += [Instruction(11 + r, Op(gates["mul"]), (6, r)) for r in range(11)]
    program = Program([*"xyzu"], ["w"], [3.0], code, range(11, 22)).verify()
    sizes = [block.size for block in Schedule(program, True).blocks if str(block.op) == "mul"]
    assert sizes == [1] * 11


@pytest.mark.parametrize("pairs", [1, 2, PAIRS, PAIRS + 1])
def test_in_a_readable_plan_a_long_dot_is_a_block_by_itself(pairs):
    code = [Instruction(12 + i, DOT, tuple(range(2 * pairs))) for i in range(2)]
    program = Program([f"x[{i}]" for i in range(12)], [], [], code, [12, 13]).verify()
    sizes = [block.size for block in Schedule(program, True).blocks]
    assert sizes == ([1, 1] if pairs > PAIRS else [2])


def test_dots_of_any_length_make_one_block_for_an_executor():
    code = [Instruction(12 + i, DOT, tuple(range(2 * i + 2))) for i in range(6)]
    program = Program([f"x{i}" for i in range(12)], [], [], code, range(12, 18)).verify()
    assert [block.counts for block in Schedule(program).blocks] == [(1, 2, 3, 4, 5, 6)]


def test_results_lie_in_the_order_of_what_they_read():
    """In rows, where w1 comes first; in a text, which reads both among the parameters."""
    code = [
        Instruction(3 + i, Op(gates["mul"]), at) for i, at in enumerate([(0, 2), (3, 1), (3, 2)])
    ]
    program = Program(["x"], ["w0", "w1"], [], code, [4, 5]).verify()
    assert step_of(Schedule(program).blocks[-1].sources[1]) == 2
    flat = Flat(Schedule(program, True))
    assert flat.operands(flat.blocks[-1])[1] == (0, 1)


def test_what_lies_as_it_is_needed_is_not_moved():
    """Numbers side by side are not copied, gradients are written into their slots at once."""
    outer = Instruction(14, OUTER, range(6), (2, 4))
    names, parameters = [f"x{i}" for i in range(6)], [f"w{i}" for i in range(8)]
    places = range(14, 22)
    program = Program(names, parameters, [], [outer], [14], places, range(6, 14)).verify()
    assert [block.op for block in Schedule(program).blocks] == [OUTER]
    square = Instruction(14, Op(gates["mul"]), (6, 6))
    program = Program(names, parameters, [], [square], [14]).verify()
    assert [str(block.op) for block in Schedule(program).blocks] == ["mul"]


def test_a_reader_that_knows_fewer_sums_gets_a_plan_without_the_others():
    program, weights = PROGRAMS["wide, parameters"]
    assert {AFFINE, OUTER} <= {block.op for block in Schedule(program).blocks}
    numbers = [w.data for w in weights]
    (lane,) = lanes_of(program, 1)
    right = results(Schedule(program), [lane], numbers)
    for sums in ((DOT, LANE_SUM), (LANE_SUM,), (DOT, AFFINE, LANE_SUM), (LANE_SUM, OUTER)):
        plan = Schedule(program, sums=sums)
        there = {block.op for block in plan.blocks}
        assert not there & ({DOT, AFFINE, LANE_SUM, OUTER} - {*sums})
        for found, y in zip(results(plan, [lane], numbers), right, strict=True):
            np.testing.assert_allclose(found, y, rtol=1e-12, atol=1e-13)
        assert plan.program.listing() == expand(program, sums).listing()


# ------------------------------------------------------------------ a plan to be read


@each_program
def test_in_a_readable_plan_a_block_reads_each_operand_from_one_place(name):
    """From one argument, the parameters, constants, or the results of one block."""
    program = group(share(PROGRAMS[name][0]), 2)
    plan = Schedule(program, readable=True)
    flat = Flat(plan)
    parameters, constants = len(program.parameters), len(program.constants)
    home = {at: "parameters" for at in range(parameters)}
    home |= {at: "constants" for at in range(parameters, parameters + constants)}
    home |= {flat.at(True, i): x.partition("[")[0] for i, x in enumerate(program.inputs)}
    for number, block in enumerate(flat.blocks):
        home |= dict.fromkeys(flat.results(block), number)
    for block in flat.blocks:
        if block.op is DOT and block.counts[0] > PAIRS:
            assert block.size == 1
        if block.op in (AFFINE, OUTER) or (block.op is DOT and block.counts[0] > PAIRS):
            continue
        operands = flat.operands(block)
        if block.op is DOT:
            count = block.counts[0]
            assert set(block.counts) == {count}
            operands = [places[k::count] for k in range(count) for places in operands]
        for places in operands:
            assert len({home[at] for at in places}) == 1, (block, places)


@each_program
def test_in_a_readable_plan_what_the_values_need_comes_first(name):
    program, weights = PROGRAMS[name]
    plan = Schedule(program, readable=True)
    numbers = [w.data for w in weights]
    (lane,) = lanes_of(program, 1)
    whole, _ = results(plan, [lane], numbers)
    if not program.gradients:
        assert plan.forward == len(plan.blocks)
    plan.blocks = plan.blocks[: plan.forward]
    first, _ = results(plan, [lane], numbers)
    assert first == whole


# ------------------------------------------------------------------ Flat


@each_program
@readable_or_not
def test_flat_reads_see_through_moves(name, readable):
    program, _ = PROGRAMS[name]
    plan = Schedule(program, readable)
    flat = Flat(plan)
    moved = {
        flat.at(block.lanes, place)
        for block in plan.blocks
        if isinstance(block.op, Move)
        for place in block.results
    } | {flat.at(True, row) for row in plan.spread}
    assert not any(isinstance(block.op, Move) for block in flat.blocks)
    for block in flat.blocks:
        for places in flat.operands(block):
            assert moved.isdisjoint(places)
    assert moved.isdisjoint(flat.outputs) and moved.isdisjoint(flat.gradients)
    first = [block for block in plan.blocks[: plan.forward] if not isinstance(block.op, Move)]
    assert flat.blocks[: flat.forward] == first
    assert flat.size == plan.singles + plan.rows


@each_program
@readable_or_not
def test_the_blocks_of_flat_compute_the_program_without_a_move(name, readable):
    program, weights = PROGRAMS[name]
    flat = Flat(Schedule(program, readable))
    (lane,) = lanes_of(program, 1)
    t = dict(enumerate([*[w.data for w in weights], *program.constants]))
    t |= {flat.at(True, i): x for i, x in enumerate(lane)}
    for block in flat.blocks:
        operands = [[t[at] for at in places] for places in flat.operands(block)]
        if block.op is AFFINE:
            biases, numbers, matrix = operands
            answers = AFFINE.value([*biases, *matrix, *numbers], block.shape)
        elif block.op is OUTER:
            answers = OUTER.value([*operands[0], *operands[1]], block.shape)
        elif block.op is DOT:
            pairs = iter(zip(*operands, strict=True))
            rows = [[next(pairs) for _ in range(count)] for count in block.counts]
            answers = [DOT.value([x for pair in row for x in pair], ())[0] for row in rows]
        else:
            answers = [block.op.value(row, ())[0] for row in zip(*operands, strict=True)]
        t.update(zip(flat.results(block), answers, strict=True))
    found = [[[t[at]] for at in ats] for ats in (flat.outputs, flat.gradients)]
    for mine, right in zip(found, wanted(program, [lane], [w.data for w in weights]), strict=True):
        np.testing.assert_allclose(mine, right, rtol=1e-12, atol=1e-13)


def test_flat_knows_constants_labels_and_which_numbers_are_of_lanes():
    w = Value(2.0, "w")

    def fn(x):
        y = x * w + 3.0
        y.label = "score"
        return y.exp()

    f = compile_graph(fn, [w])
    flat = Flat(Schedule(f.trace([1.0])))
    assert flat.constant(0) is None  # w
    assert 1.0 in [flat.constant(1 + i) for i in range(len(flat.program.constants))]
    assert flat.constant(flat.at(True, 0)) is None
    assert list(flat.labels.values()) == ["score"]
    assert all(flat.of_lanes(at) for at in flat.outputs)
    assert not flat.of_lanes(0) and flat.of_lanes(flat.at(True, 0))


def test_moves_have_names():
    assert [repr(move) for move in (SPREAD, COPY)] == ["spread", "copy"]


def test_memory_has_a_place_for_each_number_and_a_constant_is_known_at_any():
    mul = Op(gates["mul"])
    plan = Schedule(Program(["x"], ["w"], [], [Instruction(2, mul, (0, 1))], [2]))
    assert (plan.singles, plan.rows) == (1, 3)  # w; x, w in all lanes, the product
    assert plan.spread == {1: 0}
    plan = Schedule(Program(["x"], [], [2.0], [Instruction(2, mul, (0, 1))], [2]))
    assert (plan.singles, plan.rows) == (1, 3)
    (block,) = plan.blocks
    assert plan.constant(block, 0) is None and plan.constant(block, 1) == 2.0
