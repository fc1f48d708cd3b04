"""Lowering: gates forward, the chain rule backward, and no nan from an arm not taken."""

import math
import random

import numpy as np
import pytest

from autograd_core import Value, apply, compile_graph, gates, no_grad, where
from autograd_core.program.executors import EXECUTORS, is_there
from autograd_core.program.lower import lower
from autograd_core.program.trace import trace

INF, NAN = math.inf, math.nan
THERE = [*filter(is_there, EXECUTORS)]
each_executor = pytest.mark.parametrize("executor", THERE)


# ------------------------------------------------------------------ gates and the chain rule


def program_of(fn, width=1, wrt=(), parameters=()):
    traced = trace(fn, ["x"], [(width,)])
    return lower(traced, traced.inputs if wrt == "inputs" else wrt, parameters).verify()


def leaves(*names):
    return [Value(0.5 + i, name) for i, name in enumerate(names)]


def opcodes(program):
    return [line.op.name for line in program.code]


def test_a_program_has_an_instruction_per_gate_and_nothing_else_forward():
    w, b = leaves("w", "b")
    program = program_of(lambda x: (x[0] * w + b).tanh() * 2.0)
    assert opcodes(program) == ["mul", "add", "tanh", "mul"]
    assert program.inputs == ("x[0]",) and program.parameters == ("w", "b")
    assert program.constants == (2.0,) and program.gradients == ()


def test_a_where_is_one_instruction_and_only_what_is_needed_has_a_gradient():
    (w,) = leaves("w")
    fn = lambda x: where(x[0] > 0.0, x[1].exp() * w, 2.0)  # noqa: E731
    forward = ["exp", "less", "mul", "where"]
    assert opcodes(program_of(fn, 2)) == forward
    backward = ["where", "where", "mul", "where", "lane_sum"]  # first where each arm is taken
    assert opcodes(program_of(fn, 2, [w])) == forward + backward


@pytest.mark.parametrize(
    ("fn", "gradient"),
    [
        (lambda x: where(x[0], x[1], 0.0) * INF, [0.0, INF]),
        (lambda x: apply(gates["less"], x[0], x[1]) * INF, [0.0, 0.0]),
    ],
)
def test_a_condition_has_no_gradient_even_if_what_comes_back_is_infinite(fn, gradient):
    program = program_of(fn, 2, "inputs")
    registers = program.evaluate([1.0, 2.0])
    assert [registers[r] for r in program.gradients] == gradient


def test_the_gradient_is_a_product_for_each_edge_and_a_sum_at_each_fork():
    program = program_of(lambda x: x[0].tanh() * x[1] + x[0], 2, "inputs")
    assert program.listing() == (
        "inputs      x[0] x[1]\n"
        "parameters  \n"
        "t3 = tanh(x[0])\n"
        "t4 = t3 * x[1]\n"
        "t5 = t4 + x[0]\n"
        "# backward\n"
        "t6 = tanh'(x[0])\n"
        "t7 = x[1] * t6\n"
        "t8 = 1 + t7\n"
        "outputs     t5\n"
        "d/d x[0] = t8\n"
        "d/d x[1] = t3\n"
    )


def irregular(seed, weights):
    """Every gate that has two operands at most, on random operands."""

    def fn(x):
        rng = random.Random(seed)
        made = [*x, *weights, Value(0.75)]
        for gate in rng.sample([g for g in gates.values() if len(g.operands) < 3], 20):
            operands = [rng.choice(made[-9:]).sigmoid() * 0.8 + 0.1 for _ in gate.operands]
            made.append(apply(gate, *operands, *(gate.defaults or (3.0,) * len(gate.parameters))))
        return sum(made[-8:])

    return fn


@pytest.mark.parametrize("seed", range(8))
def test_a_plain_program_computes_what_the_engine_does_to_the_last_bit(seed):
    weights = leaves("u", "v", "w")
    fn = irregular(seed, weights)
    point = [0.3, -1.2]
    inputs = [Value(x) for x in point]
    y = fn(inputs)
    y.backward()
    for wrt, of in (("inputs", inputs), (weights, weights)):
        program = program_of(fn, 2, wrt, weights)
        registers = program.evaluate(point, [w.data for w in weights])
        assert registers[program.outputs[0]] == y.data
        assert [registers[r] for r in program.gradients] == [v.grad for v in of]


def test_parameters_are_those_of_wrt_then_the_others_that_the_trace_found():
    u, v, w = leaves("u", "v", "w")
    fn = lambda x: u * x[0] + v + w  # noqa: E731
    assert program_of(fn).parameters == ("u", "v", "w")
    assert program_of(fn, wrt=[w, u]).parameters == ("w", "u", "v")
    assert program_of(fn, wrt=[w], parameters=[v, u, w]).parameters == ("v", "u", "w")
    assert program_of(fn, wrt=[w], parameters=[v, u, w]).wrt == (3,)
    with no_grad():
        fixed = u * 2.0
    assert program_of(lambda x: fixed * x[0] * v).parameters == ("v", "p1")


def test_a_leaf_that_is_not_a_parameter_is_a_constant_of_its_number():
    u, v = leaves("u", "v")
    program = program_of(lambda x: u * x[0] + v, wrt=[u], parameters=[u])
    assert program.parameters == ("u",) and v.data in program.constants


def test_parameters_without_a_name_of_their_own_are_numbered():
    values = [Value(1.0, "w"), Value(2.0), Value(3.0, "w"), Value(4.0)]
    program = program_of(lambda x: sum(v * x[0] for v in values))
    assert program.parameters == ("w", "p1", "p2", "p3")


def test_a_number_that_is_a_name_already_is_passed_over():
    values = [Value(1.0, name) for name in ("", "p0", "", "p2", "")]
    traced = trace(lambda x: sum(v * x for v in values), ["p4"], [()])
    assert lower(traced).parameters == ("p1", "p0", "p3", "p2", "p5")


def test_labels_of_results_are_kept():
    def fn(x):
        y = x[0] * 2.0
        y.label = "score"
        return y.exp()

    program = program_of(fn)
    assert program.labels == {program.code[0].result: "score"}


def test_a_gradient_of_what_the_output_does_not_depend_on_is_0():
    u, v = leaves("u", "v")
    program = program_of(lambda x: u * x[0], wrt=[v, u])
    registers = program.evaluate([3.0], [1.5, 0.5])
    assert [registers[r] for r in program.gradients] == [0.0, 3.0]


def test_a_gradient_is_that_of_the_first_output():
    (u,) = leaves("u")
    program = program_of(lambda x: [u * x[0], u * 100.0], wrt=[u])
    assert program.evaluate([3.0], [0.5])[program.gradients[0]] == 3.0


def test_gradients_of_parameters_are_summed_over_lanes_and_those_of_inputs_are_not():
    (u,) = leaves("u")
    fn = lambda x: (u * x[0]).exp()  # noqa: E731
    of_parameters, of_inputs = program_of(fn, wrt=[u]), program_of(fn, wrt="inputs")
    assert of_parameters.uniform()[of_parameters.gradients[0]]
    assert not of_inputs.uniform()[of_inputs.gradients[0]]
    assert of_inputs.of_inputs and not of_parameters.of_inputs
    assert opcodes(of_parameters).count("lane_sum") == 1 and "lane_sum" not in opcodes(of_inputs)


def test_a_known_exponent_makes_a_short_slope():
    assert "power'x" not in opcodes(program_of(lambda x: x[0] ** 2, wrt="inputs"))
    assert "power'x" in opcodes(program_of(lambda x: x[0] ** 2.5, wrt="inputs"))


def test_a_comparison_passes_no_gradient():
    program = program_of(lambda x: (x[0] > 0.0) * x[0], wrt="inputs")
    for x in (2.0, -2.0):
        assert program.evaluate([x])[program.gradients[0]] == float(x > 0.0)


# ------------------------------------------------------------------ where


def arms(x, w):
    """Arms whose slope is inf or nan where they are not taken, nested and shared."""
    root = (x * x).sqrt()  # slope nan at 0: 0 times inf
    inner = where(x > 0.0, root, where(w > 0.0, x * 2.0, x * w * (x - x).sqrt()))
    shared = where(x < 1.0, x * 3.0, root * w)
    half = (0.5 * x).exp()
    either = where(w > 1.0, half, half * 2.0)
    return inner + shared + either + where(x >= 2.0, root, 0.0) * w


@each_executor
@pytest.mark.parametrize("lanes", [1, 3, 9])
def test_nothing_passes_into_an_arm_that_is_not_taken(eager, close, executor, lanes):
    f = compile_graph(arms, wrt="inputs", reduction="sum", backend=executor)
    xs = [0.0, 0.5, 1.0, 2.0, 3.0, -1.0, -0.0, 1e-100, 1.5][:lanes]
    ws = [1.5, 2.0, 0.5, 0.25, 3.0, 1.0, 0.1, 2.0, -1.0][:lanes]
    value, found = f.value_and_grad(xs, ws)
    wanted = [eager(arms, [pair]) for pair in zip(xs, ws, strict=True)]
    assert all(math.isfinite(g) for _, _, [row] in wanted for g in row)
    close(value, sum(v for v, _, _ in wanted))
    close(np.transpose(found), [row for _, _, [row] in wanted])


def test_an_arm_with_an_infinite_slope_beside_an_infinite_gradient_makes_no_nan():
    w = Value(0.0, "w")
    f = compile_graph(lambda x: where(x > 0.0, x.sqrt(), 2.0 * x) + w.sqrt(), [w])
    assert f.value_and_grad([0.0, 4.0]) == (1.0, [INF])


def test_a_parameter_in_an_arm_and_outside_and_a_number_as_condition():
    w = Value(0.0, "w")
    fn = lambda x: where(x, w.sqrt() * x, w * 3.0) + where(True, w, w.sqrt())  # noqa: E731
    value, gradient = compile_graph(fn, [w]).value_and_grad([0.0, 0.0, -0.0])
    assert value == 0.0 and gradient.tolist() == [4.0]
