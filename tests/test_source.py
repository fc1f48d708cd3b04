"""Programs as source text: C built by a compiler, NumPy imported, both beside the executors."""

import ctypes
import importlib.util
import math
import random
import shutil
import subprocess
from itertools import count

import numpy as np
import pytest

import autograd_core as ac
from autograd_core import Gate, Value, compile_graph, gates
from autograd_core.passes import optimise
from autograd_core.program import Instruction, Program
from autograd_core.trace import lower, trace
from nn import MLP

CC = shutil.which("cc") or shutil.which("gcc")
needs_cc = pytest.mark.skipif(CC is None, reason="no C compiler is installed")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
numbers = count()


def reference(program, inputs, parameters):
    """(values, gradients) by Program.evaluate, lane by lane: for no uniform sums."""
    lanes = [program.evaluate(row, parameters) for row in inputs]
    values = np.array([[t[r] for r in program.outputs] for t in lanes])
    rows = np.array([[t[r] for r in program.gradients] for t in lanes])
    if program.wrt and program.wrt[0] >= len(program.inputs):
        return values, rows.sum(axis=0)
    return values, rows


def run_numpy(program, inputs, parameters, folder, name="value_and_grad"):
    path = folder / f"by_hand_{next(numbers)}.py"
    path.write_text(program.to_numpy_source(name), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)(inputs, parameters)


def build(program, folder, name="value_and_grad"):
    source, built = folder / f"{next(numbers)}.c", folder / f"{next(numbers)}.so"
    source.write_text(program.to_c(name), encoding="utf-8")
    subprocess.run([CC, "-O1", *STRICT, "-shared", "-fPIC", source, "-o", built, "-lm"], check=True)
    return ctypes.CDLL(str(built))


def run_c(program, inputs, parameters, folder, name="value_and_grad"):
    library = build(program, folder, name)
    function = getattr(library, name)
    array = ctypes.POINTER(ctypes.c_double)
    function.restype = ctypes.c_double
    function.argtypes = [ctypes.c_size_t, *[array] * 5]
    lanes = len(inputs)
    values = np.full((lanes, len(program.outputs)), 77.0)
    rows = program.wrt and program.wrt[0] < len(program.inputs)
    shape = (lanes, len(program.gradients)) if rows else len(program.gradients)
    gradients = np.full(shape, 77.0)
    room = ctypes.c_size_t.in_dll(library, f"{name}_workspace").value
    workspace = np.full(room + 1, np.nan)
    workspace[room] = 77.0
    given = [np.array(x, float) for x in (inputs, parameters)]
    total = function(
        lanes, *[x.ctypes.data_as(array) for x in (*given, values, gradients, workspace)]
    )
    assert workspace[room] == 77.0
    in_order = np.cumsum(values[:, 0])[-1]
    np.testing.assert_allclose(total, in_order, rtol=1e-12, atol=1e-12)
    again = function(lanes, *[x.ctypes.data_as(array) for x in given], None, None,
                     workspace.ctypes.data_as(array))  # fmt: skip
    assert again == total or math.isnan(total)
    return values, gradients


DIALECTS = [pytest.param(run_numpy, id="numpy"), pytest.param(run_c, id="c", marks=needs_cc)]
each_dialect = pytest.mark.parametrize("run", DIALECTS)


def same(found, wanted):
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def lowered(fn, count, wrt=(), names="abcdef"):
    """The program of fn of `count` numbers; the gradient with respect to `wrt`, or the inputs."""
    traced = trace(fn, names[:count], [()] * count)
    return lower(traced, wrt or traced.inputs)


# ---------------------------------------------------------------------------- every gate

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
    code = [Instruction(first, gate.name, operands)]
    for i, operand in enumerate(gate.operands):
        code.append(Instruction(first + 1 + i, f"{gate.name}'{operand}", (first, *operands)))
    slopes = range(first + 1, first + 1 + n)
    return Program(gate.operands, (), parameters, code, [first], slopes, range(n)).verify()


@each_dialect
@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_every_gate_and_its_slopes(run, gate, tmp_path):
    n = len(gate.operands)
    sets = {}
    for point in points(gate):
        sets.setdefault(point[n:], []).append(point[:n])
    for parameters, rows in list(sets.items())[:6]:
        if not parameters:  # far out, and where IEEE 754 has its own numbers
            rows += [(x,) * n for x in (0.0, -0.0, 40.0, -40.0, 1e-300, 0.5, -0.5)]
        program = gates_program(gate, parameters)
        found = run(program, np.array(rows), np.zeros(0), tmp_path)
        same(found, reference(program, rows, ()))


# ---------------------------------------------------------------------------- whole programs


def mlp(activation="tanh", sizes=(3, 1), nin=2):
    return MLP(nin, list(sizes), activation=activation, rng=random.Random(3))


def against_executor(run, fn, arguments, folder, **options):
    """The text beside compile_graph on the same batch, as sums."""
    f = compile_graph(fn, reduction="sum", executor="numpy", **options)
    value, gradient = f.value_and_grad(*arguments)
    program = f.program
    flat = np.concatenate([np.reshape(a, (len(a), -1)) for a in arguments], axis=1)
    parameters = np.array([v.data for v in f._last.values])
    values, gradients = run(program, flat, parameters, folder)
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


@each_dialect
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_a_network_with_squared_error(run, activation, tmp_path):
    model = mlp(activation)
    against_executor(run, lambda x, y: (model(x) - y) ** 2, batch(), tmp_path)


@each_dialect
def test_matrices_of_wider_layers(run, tmp_path):
    model = mlp("relu", (6, 5, 3), 4)

    def loss(x, y):
        return sum((a - y) ** 2 for a in model(x)) / 3.0

    program = against_executor(run, loss, batch(5, 4), tmp_path)
    assert {"product", "outer"} <= {line.op for line in program.code}


@each_dialect
def test_hinge_with_a_penalty(run, tmp_path):
    model = mlp("relu", (4, 4, 1))

    def loss(x, y):
        penalty = sum(w * w for w in model.parameters())
        return (1.0 - model(x) * y).relu() + 1e-2 * penalty

    against_executor(run, loss, batch(9), tmp_path)


@each_dialect
def test_an_arm_that_is_not_taken_passes_no_nan(run, tmp_path):
    w = Value(0.7, "w")

    def fn(x):
        return ac.where(x > 0.0, ac.sqrt(x * w), w * x * x)

    f = compile_graph(fn, [w], executor="numpy")
    program = f.trace(1.0)
    rows = np.array([[0.5], [-2.0], [3.0]])
    values, gradients = run(program, rows, np.array([0.7]), tmp_path)
    wanted = [math.sqrt(0.35), 2.8, math.sqrt(2.1)]
    np.testing.assert_allclose(values[:, 0], wanted, rtol=1e-12)
    slopes = [0.5 * math.sqrt(0.5 / 0.7), 4.0, 0.5 * math.sqrt(3.0 / 0.7)]
    np.testing.assert_allclose(gradients, [sum(slopes)], rtol=1e-12)


@each_dialect
def test_shared_weights(run, tmp_path):
    w = [Value(x, f"w{i}") for i, x in enumerate((0.3, -0.8, 0.5))]

    def fn(x):
        windows = [x[i : i + 3] for i in range(4)]
        return sum(sum(a * b for a, b in zip(w, part, strict=True)).tanh() for part in windows)

    against_executor(run, fn, (batch(5, 6)[0],), tmp_path, parameters=w)


@each_dialect
def test_with_respect_to_inputs(run, tmp_path):
    w = Value(1.5, "w")

    def fn(x, y):
        return (w * x[0] + x[1]).sin() * y + 3.0 * x[1]

    against_executor(run, fn, batch(), tmp_path, wrt="inputs")


@each_dialect
def test_what_is_the_same_in_all_lanes(run, tmp_path):
    w = [Value(0.3, "w"), Value(-1.2, "v")]
    against_executor(run, lambda x: w[0] * w[1].exp() + w[0], (np.ones(4),), tmp_path)


@each_dialect
def test_constants_only(run, tmp_path):
    special = (math.inf, -math.inf, math.nan, -0.0, 1e300, -5e-324, 0.1)
    zero = len(special)
    code = [Instruction(1 + zero, "div", (1 + 6, 1 + 3)), Instruction(2 + zero, "log", (1 + 3,))]
    program = Program(["x"], (), special, code, [*range(1, 1 + zero + 2)]).verify()
    values, gradients = run(program, np.zeros((3, 1)), np.zeros(0), tmp_path)
    wanted = np.array([*special, -math.inf, -math.inf])
    for row in values:
        np.testing.assert_array_equal(row, wanted)
        np.testing.assert_array_equal(np.signbit(row[3:5]), [True, False])
    assert gradients.size == 0


@each_dialect
def test_lanes_that_read_a_sum_over_lanes(run, tmp_path):
    """(x - sum of x)^2, and the sum of these: two loops over lanes."""
    code = [
        Instruction(2, "total", (0, 1)), Instruction(3, "sub", (0, 2)),
        Instruction(4, "mul", (3, 3)), Instruction(5, "total", (4, 1)),
    ]  # fmt: skip
    program = Program(["x"], (), [1.0], code, [4, 5, 0]).verify()
    x = np.array([[1.0], [2.0], [4.0]])
    wanted = (x - 7.0) ** 2
    values, _ = run(program, x, np.zeros(0), tmp_path)
    np.testing.assert_allclose(
        values, np.concatenate([wanted, np.full((3, 1), wanted.sum()), x], axis=1), rtol=1e-12
    )


@each_dialect
def test_a_gate_of_your_own(run, tmp_path):
    odd = Gate(
        "my double */ gate", lambda xp, int, t0: int * xp.exp(t0),
        lambda xp, y, int, t0: (xp.exp(t0), y + xp.where(t0 > 1e9, xp.sin(t0), 0.0)),
        latex="?", slopes=("?", "?\n"),
    )  # fmt: skip
    program = lowered(lambda a, b: ac.apply(odd, a, b), 2)
    rows = [[0.5, 1.0], [-2.0, 0.25]]
    same(run(program, np.array(rows), np.zeros(0), tmp_path), reference(program, rows, ()))


@each_dialect
@pytest.mark.parametrize("seed", range(4))
def test_irregular_graphs(run, seed, tmp_path):
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

    against_executor(run, fn, (batch(4, 3)[0],), tmp_path, parameters=w)


@each_dialect
def test_programs_that_no_pass_has_touched(run, tmp_path):
    model = mlp("relu")
    traced = trace(lambda x, y: (model(x) - y) ** 2, ("x", "y"), ((2,), ()))
    program = lower(traced, model.parameters(), model.parameters())
    x, y = batch(3)
    rows = np.column_stack([x, y])
    numbers = [v.data for v in model.parameters()]
    found = run(program, rows, np.array(numbers), tmp_path)
    same(found, run(optimise(program), rows, np.array(numbers), tmp_path))
    eager = [(model(list(a)) - b) ** 2 for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(found[0][:, 0], [v.data for v in eager], rtol=1e-12)
    slopes = ac.grad(sum(eager), model.parameters())
    np.testing.assert_allclose(found[1], [g.data for g in slopes], rtol=1e-12, atol=1e-12)


# ---------------------------------------------------------------------------- the texts


def test_a_small_network_reads_like_backpropagation_by_hand():
    model = mlp()
    text = compile_graph(lambda x, y: (model(x) - y) ** 2).trace([0.5, -1.0], 1.0).to_numpy_source()
    body = [line.strip().partition("  #")[0] for line in text.splitlines()]
    start = body.index("x = inputs[:, 0:2]")
    assert body[start:] == [
        "x = inputs[:, 0:2]", "y = inputs[:, 2:3]",
        "W0 = parameters[0:9].reshape(3, 3)[:, 0:2]", "b0 = parameters[2:9:3]",
        "W1 = parameters[9:12].reshape(1, 3)", "b1 = parameters[12:13]", "",
        "# forward",
        "z0 = x @ W0.T + b0", "h0 = np.tanh(z0)", "z1 = h0 @ W1.T + b1", "t0 = z1 - y",
        "t1 = t0 ** 2.0", "values = t1", "",
        "# backward",
        "dz1 = 2.0 * t0", "dh0 = dz1 @ W1", "db1 = dz1.sum(axis=0)", "dW1 = dz1.T @ h0",
        "dz0 = dh0 * tanh_slope(h0, z0)", "db0 = dz0.sum(axis=0)", "dW0 = dz0.T @ x", "",
        "gradients = np.zeros(13)",
        "gradients[0:9].reshape(3, 3)[:, 0:2] = dW0", "gradients[2:9:3] = db0",
        "gradients[9:12] = dW1.ravel()", "gradients[12:13] = db1",
        "return values, gradients",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["", "2f", "a b", "f()", "double", "exp", "größe"])
def test_names_that_c_does_not_take(name):
    with pytest.raises(ValueError, match="to_c: name must be one"):
        lowered(lambda a: a * a, 1).to_c(name)


@pytest.mark.parametrize("name", ["", "2f", "a b", "f()", "class", "np"])
def test_names_that_python_does_not_take(name):
    with pytest.raises(ValueError, match="to_numpy_source: name must be one"):
        lowered(lambda a: a * a, 1).to_numpy_source(name)


@each_dialect
def test_any_other_name_and_any_label(run, tmp_path):
    def fn(a):
        v = a.tanh()
        v.label = "*/ end /* of??/\n\0comment"
        return v * v

    program = lowered(fn, 1, names=["*/ np \n"])
    found = run(program, np.array([[0.5]]), np.zeros(0), tmp_path, "tanh_slope")
    same(found, reference(program, [[0.5]], ()))


def test_a_gradient_of_both_kinds_is_refused():
    w = Value(2.0, "w")
    traced = trace(lambda x: w * x, ["x"], [()])
    program = lower(traced, [w, *traced.inputs])
    for write in (program.to_c, program.to_numpy_source):
        with pytest.raises(ValueError, match="lower the program twice"):
            write()


# ---------------------------------------------------------------------------- size


def chain(x, w, gates_of_it):
    v = x
    for i in range(gates_of_it // 3):
        v = (v * w + 0.25 * i / gates_of_it).tanh() if i % 2 else v.sin() + w * x
    return v


@each_dialect
def test_depth_is_no_matter(run, tmp_path):
    """A long chain is a table in C, and equals the reference."""
    w = Value(0.8, "w")
    traced = trace(lambda x: chain(x, w, 3000), ["x"], [()])
    program = lower(traced, [w])
    assert len(program) > 5000
    x = np.array([[0.3], [-0.4]])
    found = run(program, x, np.array([0.8]), tmp_path)
    eager = [chain(Value(a), w, 3000) for a in (0.3, -0.4)]
    np.testing.assert_allclose(found[0][:, 0], [v.data for v in eager], rtol=1e-12)
    (slope,) = ac.grad(eager[0] + eager[1], [w])
    np.testing.assert_allclose(found[1], [slope.data], rtol=1e-11)


@needs_cc
def test_a_hundred_thousand_instructions_are_built(tmp_path):
    w = Value(0.8, "w")
    traced = trace(lambda x: chain(x, w, 66_000), ["x"], [()])
    program = optimise(lower(traced, [w]))
    assert len(program) > 100_000
    values, gradients = run_c(program, np.array([[0.3]]), np.array([0.8]), tmp_path)
    same((values, gradients), reference(program, [[0.3]], [0.8]))


@needs_cc
def test_tables_hold_sums_and_matrices(tmp_path, monkeypatch):
    from autograd_core import source_c

    model = mlp("sigmoid", (6, 5, 3), 4)

    def loss(x, y):
        penalty = sum(w * w for w in model.parameters())
        return sum((a - y) ** 2 for a in model(x)) + 0.1 * penalty

    f = compile_graph(loss, executor="numpy")
    program = f.trace(np.zeros((1, 4)), np.zeros(1))
    x, y = batch(5, 4)
    given = np.column_stack([x, y]), np.array([v.data for v in model.parameters()])
    as_statements = run_c(program, *given, tmp_path)
    monkeypatch.setattr(source_c, "STATEMENTS", 0)
    assert "switch" in program.to_c()
    same(run_c(program, *given, tmp_path), as_statements)
