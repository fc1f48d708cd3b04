"""C and NumPy texts: built or imported, and run beside the rules and the executors."""

import math
import random

import numpy as np
import pytest

import autograd_core as ac
from autograd_core import (
    Gate,
    Instruction,
    Op,
    Program,
    Value,
    compile_graph,
    gates,
    to_c,
    to_numpy,
)
from autograd_core.program import AFFINE, DOT, LANE_SUM, OUTER
from autograd_core.program.lower import lower
from autograd_core.program.passes import optimise
from autograd_core.program.trace import trace

# ------------------------------------------------------------------ every gate


RULES = ("where", "less", "less_equal", "floor")
GATES = [gate for gate in gates.values() if gate.name not in RULES]


def points(gate):
    rng = random.Random(1)
    drawn = [tuple(domain.sample(rng) for domain in gate.domain) for _ in range(12)]
    return [*drawn, *gate.corners]


def gates_program(gate, parameters):
    """The gate of inputs, with its slopes in all operands."""
    n = len(gate.operands)
    first = n + len(parameters)
    operands = tuple(range(first))
    code = [Instruction(first, Op(gate), operands)]
    for i in range(n):
        code.append(Instruction(first + 1 + i, Op(gate, i), (first, *operands)))
    slopes = range(first + 1, first + 1 + n)
    return Program(gate.operands, (), parameters, code, [first], slopes, range(n)).verify()


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_every_gate_and_its_slopes(reference, same, run_text, gate):
    n = len(gate.operands)
    sets = {}
    for point in points(gate):
        sets.setdefault(point[n:], []).append(point[:n])
    for parameters, rows in list(sets.items())[:6]:
        if not parameters:  # far out, and where IEEE 754 has its own numbers
            rows += [(x,) * n for x in (0.0, 40.0, -40.0, 0.5, -0.5)]
            if run_text.func.__name__ != "run_jax":  # XLA writes x / y / y as x / (y y)
                rows += [(x,) * n for x in (-0.0, 1e-300)]
        program = gates_program(gate, parameters)
        found = run_text(program, np.array(rows), np.zeros(0))
        same(found, reference(program, rows, ()))


# ------------------------------------------------------------------ whole programs


def against_executor(run_text, fn, arguments, weights=(), **options):
    """The text beside compile_graph on the same batch, as sums."""
    f = compile_graph(fn, reduction="sum", backend="numpy", **options)
    value, gradient = f.value_and_grad(*arguments)
    program = f.program
    flat = np.concatenate([np.reshape(a, (len(a), -1)) for a in arguments], axis=1)
    parameters = np.array([v.data for v in f.parameters or weights])
    assert len(parameters) == len(program.parameters)
    values, gradients = run_text(program, flat, parameters)
    np.testing.assert_allclose(values[:, 0].sum(), value, rtol=1e-12, atol=1e-12)
    if isinstance(gradient, tuple):
        gradient = np.concatenate([np.reshape(g, (len(flat), -1)) for g in gradient], axis=1)
    assert gradients.shape == np.reshape(gradient, gradients.shape).shape
    np.testing.assert_allclose(
        gradients, np.reshape(gradient, gradients.shape), rtol=1e-12, atol=1e-12
    )
    return program


def batch(lanes=7, width=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(lanes, width)), rng.normal(size=lanes)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_a_network_with_squared_error(mlp, run_text, activation):
    model = mlp(activation)
    against_executor(run_text, lambda x, y: (model(x) - y) ** 2, batch())


def test_matrices_of_wider_layers(mlp, run_text):
    model = mlp("relu", (6, 5, 3), 4)

    def loss(x, y):
        return sum((a - y) ** 2 for a in model(x)) / 3.0

    program = against_executor(run_text, loss, batch(5, 4))
    assert {AFFINE, OUTER} <= {line.op for line in program.code}


def test_hinge_with_a_penalty(mlp, run_text):
    model = mlp("relu", (4, 4, 1))

    def loss(x, y):
        penalty = sum(w * w for w in model.parameters())
        return (1.0 - model(x) * y).relu() + 1e-2 * penalty

    against_executor(run_text, loss, batch(9))


def test_an_arm_that_is_not_taken_passes_no_nan(run_text):
    w = Value(0.7, "w")

    def fn(x):
        return ac.where(x > 0.0, ac.sqrt(x * w), w * x * x)

    f = compile_graph(fn, [w], backend="numpy")
    program = f.trace(1.0)
    rows = np.array([[0.5], [-2.0], [3.0]])
    values, gradients = run_text(program, rows, np.array([0.7]))
    wanted = [math.sqrt(0.35), 2.8, math.sqrt(2.1)]
    np.testing.assert_allclose(values[:, 0], wanted, rtol=1e-12)
    slopes = [0.5 * math.sqrt(0.5 / 0.7), 4.0, 0.5 * math.sqrt(3.0 / 0.7)]
    np.testing.assert_allclose(gradients, [sum(slopes)], rtol=1e-12)


def test_shared_weights(run_text):
    w = [Value(x, f"w{i}") for i, x in enumerate((0.3, -0.8, 0.5))]

    def fn(x):
        windows = [x[i : i + 3] for i in range(4)]
        return sum(sum(a * b for a, b in zip(w, part, strict=True)).tanh() for part in windows)

    against_executor(run_text, fn, (batch(5, 6)[0],), parameters=w)


@pytest.mark.parametrize("order", ["acbd", "acdb", "cadb", "bcad"])
def test_weights_in_any_order(run_text, order):
    w = dict(zip("abcd", [Value(x) for x in (0.3, -0.8, 0.5, 1.25)], strict=True))

    def fn(x):
        h = [(w[k] * x[0]).tanh() for k in "ab"]
        return (h[0] + w["c"]) * (h[1] + w["d"])

    against_executor(run_text, fn, (batch(2)[0],), parameters=[w[k] for k in order])


def test_with_respect_to_inputs(run_text):
    w = Value(1.5, "w")

    def fn(x, y):
        return (w * x[0] + x[1]).sin() * y + 3.0 * x[1]

    against_executor(run_text, fn, batch(), [w], wrt="inputs")


def test_what_is_the_same_in_all_lanes(run_text):
    w = [Value(0.3, "w"), Value(-1.2, "v")]
    against_executor(run_text, lambda x: w[0] * w[1].exp() + w[0], (np.ones(4),))


def test_a_program_of_constants(run_text):
    special = (math.inf, -math.inf, math.nan, -0.0, 1e300, -5e-324, 0.1)
    zero = len(special)
    code = [
        Instruction(1 + zero, Op(gates["div"]), (1 + 6, 1 + 3)),
        Instruction(2 + zero, Op(gates["log"]), (1 + 3,)),
    ]
    program = Program(["x"], (), special, code, [*range(1, 1 + zero + 2)]).verify()
    values, gradients = run_text(program, np.zeros((3, 1)), np.zeros(0))
    wanted = np.array([*special, -math.inf, -math.inf])
    for row in values:
        np.testing.assert_array_equal(row, wanted)
        np.testing.assert_array_equal(np.signbit(row[3:5]), [True, False])
    assert gradients.size == 0


def test_lanes_that_read_a_sum_over_lanes(run_text):
    """(x - sum of x)^2, and the sum of these: two loops over lanes."""
    code = [
        Instruction(2, LANE_SUM, (0, 1)), Instruction(3, Op(gates["sub"]), (0, 2)),
        Instruction(4, Op(gates["mul"]), (3, 3)), Instruction(5, LANE_SUM, (4, 1)),
    ]  # fmt: skip
    program = Program(["x"], (), [1.0], code, [4, 5, 0]).verify()
    x = np.array([[1.0], [2.0], [4.0]])
    wanted = (x - 7.0) ** 2
    values, _ = run_text(program, x, np.zeros(0))
    np.testing.assert_allclose(
        values, np.concatenate([wanted, np.full((3, 1), wanted.sum()), x], axis=1), rtol=1e-12
    )


def test_a_dot_of_all_kinds_of_pairs(reference, same, run_text):
    numbers = (2.0, 3.0, 1.0)  # registers 4, 5, 6, after x[0], x[1], y and w
    kinds = [(0, 2), (1, 2), (1, 0), (4, 5), (3, 4), (2, 4), (2, 5), (6, 6), (3, 6), (0, 0)]
    dots = [[*kinds], [(4, 5)] * 5, [(0, 6)] * 5, [(3, 3), (4, 5), (3, 4), (3, 6), (3, 6)]]
    code = [
        Instruction(7 + i, DOT, tuple(r for pair in dot for r in pair))
        for i, dot in enumerate(dots)
    ]
    program = Program(["x[0]", "x[1]", "y"], ["w"], numbers, code, [7, 8, 9, 10], [0], [0]).verify()
    rows, w = np.array([[0.5, -3.0, 7.0], [11.0, 0.25, -2.0]]), np.array([1.5])
    same(run_text(program, rows, w), reference(program, rows, w))


@pytest.mark.parametrize(
    "operands", ["xyw2", "w2xy", "2xyw", "xx2w", "wwxy", "xyww", "22xy", "xy22"]
)
def test_an_outer_product_of_what_lanes_share(run_text, operands):
    code = [Instruction(4, OUTER, tuple("xyw2".index(x) for x in operands), (2, 2))]
    program = Program("xy", "w", [2.0], code, [0], [7, 4], [2, 2]).verify()
    x, y, w = np.array([0.5, 3.0, -1.0]), np.array([7.0, 2.0, 0.25]), np.array([1.5])
    a, b, c, d = [{"x": x, "y": y, "w": np.full(3, 1.5), "2": np.full(3, 2.0)}[o] for o in operands]
    _, gradients = run_text(program, np.column_stack([x, y]), w)
    np.testing.assert_allclose(gradients, [(b * d).sum(), (a * c).sum()], rtol=1e-12)


def test_a_matrix_with_numbers_in_it(run_text):
    code = [Instruction(6, AFFINE, (2, 4, 4, 3, 5, 2, 0, 1), (2, 2))]
    program = Program(["x", "y"], ["a", "b"], [0.0, 2.0], code, [6, 7]).verify()
    values, _ = run_text(program, np.array([[3.0, 5.0], [7.0, 1.0]]), np.array([0.5, 0.25]))
    assert values.tolist() == [[1.75, 8.5], [0.75, 14.5]]


def test_arguments_that_are_called_as_the_texts_own_names(run_text):
    w = Value(1.5, "w")

    def fn(parameters, inputs, len, lanes, values, gradients, np):
        return (parameters * inputs + len * w) * lanes + values * gradients * np

    rows = [np.array([x, x + 2.0]) for x in range(7)]
    against_executor(run_text, fn, rows, [w])
    against_executor(run_text, lambda len, parameters: len + parameters, rows[:2], wrt="inputs")


def test_a_custom_gate(reference, same, lowered, run_text):
    odd = Gate(
        "my double */ gate", lambda xp, int, t0: int * xp.exp(t0),
        lambda xp, y, int, t0: (xp.exp(t0), y + xp.where(t0 > 1e9, xp.sin(t0), 0.0)),
        latex="?", slopes=("?", "?\n"),
    )  # fmt: skip
    program = lowered(lambda a, b: ac.apply(odd, a, b), 2)
    rows = [[0.5, 1.0], [-2.0, 0.25]]
    same(run_text(program, np.array(rows), np.zeros(0)), reference(program, rows, ()))


def test_gates_side_by_side_whose_parameters_differ(run_text):
    def fn(x):
        return x[0].leaky_relu(0.1) + x[1].leaky_relu(0.2) + x[2].elu(0.5) * x[3].elu(0.5)

    against_executor(run_text, fn, (batch(5, 4)[0],), wrt="inputs")


def test_gates_whose_parameters_are_no_constants(run_text):
    gate = gates["leaky_relu"]
    code = [
        Instruction(2, Op(gate), (0, 1)), Instruction(3, Op(gate, 0), (2, 0, 1)),
        Instruction(4, Op(gates["add"], 0), (1, 1, 1)), Instruction(5, LANE_SUM, (4, 1)),
    ]  # fmt: skip
    program = Program(["x"], ["slope"], (), code, [2, 3], [5], [1]).verify()
    values, gradients = run_text(program, np.array([[-3.0], [5.0]]), np.array([0.25]))
    assert values.tolist() == [[-0.75, 0.25], [5.0, 1.0]]
    assert gradients.tolist() == [0.5]


def test_slopes_of_one_instruction(reference, same, run_text):
    """Where a program has them as opcodes, they are written as what they are: here 1 / x."""
    log = gates["log"]
    code = [
        Instruction(1, Op(log), (0,)), Instruction(2, Op(log, 0), (1, 0)),
        Instruction(3, Op(gates["div"]), (1, 2)),
    ]  # fmt: skip
    program = Program(["x"], (), (), code, [1, 3], [0], [0]).verify()
    rows = [[0.5], [3.0]]
    same(run_text(program, np.array(rows), np.zeros(0)), reference(program, rows, ()))


@pytest.mark.parametrize("seed", range(4))
def test_irregular_graphs(run_text, seed):
    rng = random.Random(seed)
    w = [Value(rng.uniform(-1, 1), f"w{i}") for i in range(5)]
    ops = ["tanh", "sin", "sigmoid", "add", "mul", "sub", "max", "relu", "softplus", "atan"]

    def fn(x):
        rng = random.Random(seed)
        made = [*x, *w]
        for _ in range(120):
            op, a, b = rng.choice(ops), rng.choice(made[-25:]), rng.choice(made)
            gate = gates[op]
            made.append(ac.apply(gate, a, b) if len(gate.operands) == 2 else ac.apply(gate, a))
        return sum(made[-9:]) + 0.125

    against_executor(run_text, fn, (batch(4, 3)[0],), parameters=w)


def test_programs_before_any_pass(same, mlp, run_text):
    model = mlp("relu")
    traced = trace(lambda x, y: (model(x) - y) ** 2, ("x", "y"), ((2,), ()))
    program = lower(traced, model.parameters(), model.parameters())
    x, y = batch(3)
    rows = np.column_stack([x, y])
    numbers = [v.data for v in model.parameters()]
    found = run_text(program, rows, np.array(numbers))
    same(found, run_text(optimise(program), rows, np.array(numbers)))
    eager = [(model(list(a)) - b) ** 2 for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(found[0][:, 0], [v.data for v in eager], rtol=1e-12)
    slopes = ac.grad(sum(eager), model.parameters())
    np.testing.assert_allclose(found[1], [g.data for g in slopes], rtol=1e-12, atol=1e-12)


# ------------------------------------------------------------------ the texts


def test_any_valid_name_and_any_label_work(reference, same, lowered, run_text):
    def fn(a):
        v = a.tanh()
        v.label = "*/ end /* of??/\n\0comment"
        return v * v

    program = lowered(fn, 1, names=["*/ np \n"])
    found = run_text(program, np.array([[0.5]]), np.zeros(0), "tanh_slope")
    same(found, reference(program, [[0.5]], ()))


def test_a_gradient_of_both_kinds_is_refused():
    w = Value(2.0, "w")
    traced = trace(lambda x: w * x, ["x"], [()])
    program = lower(traced, [w, *traced.inputs])
    for write in (to_c, to_numpy):
        with pytest.raises(ValueError, match="lower the program twice"):
            write(program)


def test_what_is_no_program_is_refused():
    x = Value(2.0)
    f = compile_graph(lambda x: x * x)
    for thing in (x * x, f, None):
        for write in (to_c, to_numpy, lambda thing: ac.run(thing, [[1.0]])):
            with pytest.raises(TypeError, match=r"takes a Program, as compile_graph\(fn\)\.trace"):
                write(thing)
    for write in (to_c, to_numpy):
        with pytest.raises(ValueError, match=r"name must be one that .* takes for a function, got"):
            write(f.trace([1.0]), None)


# ------------------------------------------------------------------ size


@pytest.mark.once
@pytest.mark.parametrize("run_text", ["numpy", "c"], indirect=True)  # others plan for minutes
def test_depth_does_not_matter(chain, run_text):
    w = Value(0.8, "w")
    traced = trace(lambda x: chain(x, w, 3000), ["x"], [()])
    program = lower(traced, [w])
    assert len(program) > 5000
    x = np.array([[0.3], [-0.4]])
    found = run_text(program, x, np.array([0.8]))
    eager = [chain(Value(a), w, 3000) for a in (0.3, -0.4)]
    np.testing.assert_allclose(found[0][:, 0], [v.data for v in eager], rtol=1e-12)
    (slope,) = ac.grad(eager[0] + eager[1], [w])
    np.testing.assert_allclose(found[1], [slope.data], rtol=1e-11)
