"""Rules recorded as programs: the same numbers as the engine, bit for bit."""

import gc
import itertools
import math
import random
import re
import weakref

import pytest

from autograd_core import Gate, Op, elementary, gates
from autograd_core.program.rule import rule, whole_rule

INF, NAN = math.inf, math.nan
SPECIAL = [
    0.0, -0.0, 0.3, -0.3, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, 40.0, -800.0, 1e-320, -1e-320, 1e-290,
    1e200, 1e308, -1e308, INF, -INF, NAN,
]  # fmt: skip


def points(gate):
    """Samples, corners and special numbers; a condition is 0 or 1."""
    rng = random.Random(gate.name)
    names = gate.operands + gate.parameters
    columns = [[0.0, 1.0] if name == "condition" else SPECIAL for name in names]
    return [
        *[tuple(interval.sample(rng) for interval in gate.domain) for _ in range(30)],
        *gate.corners,
        *itertools.product(*columns),
    ]


def outputs(program, *numbers):
    registers = program.evaluate(numbers)
    return [registers[r].hex() for r in program.outputs]


def own(forward, slope=lambda xp, y, x: (1.0,)):
    return Gate("mine", forward, slope, latex="?", slopes=("?",))


@pytest.mark.parametrize("gate", gates.values(), ids=lambda gate: gate.name)
def test_the_rule_of_a_gate_gives_its_output_bit_for_bit(gate):
    program = rule(Op(gate)).verify()
    assert program.inputs == gate.operands + gate.parameters
    for point in points(gate):
        assert outputs(program, *point) == [gate.forward(elementary, *point).hex()], point


@pytest.mark.parametrize(
    "op",
    [Op(gate, i) for gate in gates.values() for i in range(len(gate.operands))],
    ids=lambda op: op.name,
)
def test_the_rule_of_a_slope_gives_it_bit_for_bit(op):
    gate, program = op.gate, rule(op).verify()
    assert program.inputs == ("y", *gate.operands, *gate.parameters)
    for point in points(gate):
        y = gate.forward(elementary, *point)
        wanted = float(gate.partials(elementary, y, *point)[op.slope])
        assert outputs(program, y, *point) == [wanted.hex()], point


@pytest.mark.parametrize("gate", gates.values(), ids=lambda gate: gate.name)
def test_the_whole_rule_of_a_gate_has_output_slopes_and_failures(gate):
    program = whole_rule(gate).verify()
    assert program.inputs == gate.operands + gate.parameters
    for point in points(gate):
        y = gate.forward(elementary, *point)
        slopes = gate.partials(elementary, y, *point)
        failures = [float(failure.when(elementary, y, *point)) for failure in gate.failures]
        wanted = [float(x).hex() for x in (y, *slopes, *failures)]
        assert outputs(program, *point) == wanted, point


def test_a_rule_is_recorded_once_for_each_of_the_numbers_known():
    op = Op(gates["leaky_relu"])
    plus, minus = (rule(op, {"slope": zero}) for zero in (0.0, -0.0))
    assert outputs(plus, -1.0, 0.0) == [(-0.0).hex()]
    assert outputs(minus, -1.0, -0.0) == [(0.0).hex()]
    assert rule(op, {"slope": 0.0}) is plus and rule(op, {"slope": math.nan}) is not plus


def test_the_whole_rule_may_leave_out_the_failures():
    program = whole_rule(gates["log"], failures=False)
    assert len(program.outputs) == 2 and [line.op.name for line in program.code] == ["log", "div"]


@pytest.mark.parametrize("gate", gates.values(), ids=lambda gate: gate.name)
def test_every_instruction_of_a_rule_is_a_gate_that_a_dialect_can_write(gate):
    for line in whole_rule(gate).code:
        assert line.op.gate is gates[line.op.name] and line.op.slope is None
        assert line.op.name in {*elementary.__all__, "add", "sub", "mul", "neg", "less",
                                "less_equal"}  # fmt: skip


# ------------------------------------------------------------------ known parameters


PARAMETERS = [
    ("power", (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 1e16, 1 / 3)),
    ("leaky_relu", (0.01, 0.2, 0.0, 1.0)),
    ("elu", (1.0, 2.0, 0.0)),
]


@pytest.mark.parametrize("name, numbers", PARAMETERS)
def test_a_rule_with_a_known_parameter_gives_the_same_bits(name, numbers):
    gate = gates[name]
    (parameter,) = gate.parameters
    for number, op in itertools.product(numbers, (Op(gate), Op(gate, 0))):
        program = rule(op, {parameter: number}).verify()
        for x in SPECIAL:
            y = gate.forward(elementary, x, number)
            arguments = [x, number] if op.slope is None else [y, x, number]
            wanted = op.value(arguments)[0]
            assert outputs(program, *arguments) == [wanted.hex()], (op, number, x)


def test_a_known_parameter_cuts_the_rule_to_what_it_leaves():
    power = gates["power"]
    square = rule(Op(power, 0), {"exponent": 2.0})
    assert [line.op.name for line in square.code] == ["mul"]
    assert square.constants == (2.0,)
    linear = rule(Op(power, 0), {"exponent": 1.0})
    assert linear.code == [] and linear.constant(linear.outputs[0]) == 1.0
    assert rule(Op(power), {"exponent": 1.0}).code == []
    assert len(rule(Op(power, 0)).code) > 10


# ------------------------------------------------------------------ what a rule does


def test_slopes_that_are_operands_or_numbers_need_no_instruction():
    for name, operand, register in (("mul", 0, 2), ("mul", 1, 1), ("exp", 0, 0)):
        program = rule(Op(gates[name], operand))
        assert program.code == [] and program.outputs == (register,)
    one = rule(Op(gates["add"], 1))
    assert one.constant(one.outputs[0]) == 1.0


def test_every_operation_of_a_rule_is_recorded():
    def forward(xp, x):
        a = -x + 1.0 - (2.0 - x) * 3.0 + (4.0 + x) - (5.0 * x)
        inside = ((x < 1.0) & (x > -1.0)) | (x <= -7.0) | (x >= 7.0)
        return xp.where(inside, a, xp.div(a, xp.exp(x))) + xp.where(False | inside, 1.0, 0.0)

    program = rule(Op(own(forward))).verify()
    for x in (-8.0, -7.0, -2.0, -1.0, 0.0, 0.5, 1.0, 3.0, 7.0):
        assert outputs(program, x) == [own(forward).forward(elementary, x).hex()]


def test_what_is_computed_twice_or_for_nothing_is_not_in_the_rule():
    def forward(xp, x):
        unused = xp.log(x)  # noqa: F841
        return xp.exp(x) * xp.exp(x) + 2.0 * 3.0

    names = [line.op.name for line in rule(Op(own(forward))).code]
    assert names == ["exp", "mul", "add"]


@pytest.mark.parametrize(
    "forward",
    [
        lambda xp, x: x if x > 0.0 else -x,
        lambda xp, x: xp.where((x > 0.0) and (x < 1.0), 1.0, x),
        lambda xp, x: xp.where(not x, 1.0, x),
        lambda xp, x: max(x, 0.0),
    ],
)
def test_a_rule_that_branches_says_what_to_write(forward):
    with pytest.raises(TypeError, match=r"branches on an operand: use xp\.where"):
        rule(Op(own(forward)))
    with pytest.raises(TypeError, match=r"branches on an operand"):
        rule(Op(own(lambda xp, x: x, lambda xp, y, x: (forward(xp, x),)), 0))


@pytest.mark.parametrize(
    "forward, right",
    [
        (lambda xp, x: x / 2.0, "xp.div(a, b)"),
        (lambda xp, x: 1.0 / x, "xp.div(a, b)"),
        (lambda xp, x: x**2, "xp.power(a, 2.0)"),
        (lambda xp, x: 2.0**x, "xp.pow(a, b)"),
        (lambda xp, x: math.sqrt(x), "xp.sqrt"),
        (lambda xp, x: abs(x), "xp.abs(a)"),
    ],
)
def test_a_rule_in_pythons_own_arithmetic_says_what_to_write(forward, right):
    """On numbers it runs, so that the engine takes it; a program cannot record it."""
    gate = own(forward)
    with pytest.raises(TypeError, match=f"{gate.name}: its rule .*{re.escape(right)}"):
        rule(Op(gate))


@pytest.mark.parametrize(
    "forward, error",
    [
        (lambda xp, x: x / 2.0, TypeError),
        (lambda xp, x: x**2.0, TypeError),
        (lambda xp, x: abs(x), TypeError),
        (lambda xp, x: math.exp(x), TypeError),
        (lambda xp, x: xp.gamma(x), AttributeError),
    ],
)
def test_a_rule_that_leaves_the_table_is_refused(forward, error):
    with pytest.raises(error):
        rule(Op(own(forward)))


def test_an_unknown_function_is_answered_with_the_known_ones():
    with pytest.raises(AttributeError, match=r"xp\.gamma: a rule may use .*exp, expm1"):
        rule(Op(own(lambda xp, x: xp.gamma(x))))


def test_a_gate_of_the_users_own_is_not_kept_alive_by_its_rule():
    gate = own(lambda xp, x: x * x)
    rule(Op(gate))
    kept = weakref.ref(gate.forward)
    del gate
    gc.collect()
    assert kept() is None
