"""How languages write a rule: the same numbers, names that cannot clash, literals that hold."""

import math
import random
import re

import numpy as np
import pytest

from autograd_core import Failure, Gate, Op, Program, Value, gates, javascript
from autograd_core.program.dialects import (
    JAVASCRIPT,
    NUMPY,
    C,
    arguments,
    arguments_read,
    check_function,
)
from autograd_core.program.lower import lower
from autograd_core.program.rule import rule, whole_rule
from autograd_core.program.trace import trace

INF, NAN = math.inf, math.nan
DIALECTS = {"C": C, "NumPy": NUMPY, "JavaScript": JAVASCRIPT}
each_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
OPS = [
    op
    for gate in gates.values()
    for op in (Op(gate), *(Op(gate, i) for i in range(len(gate.operands))))
]


def own(name, forward, count=1):
    slopes = tuple("?" for _ in range(count))
    return Gate(name, forward, lambda xp, y, *operands: (0.0,) * count, latex="?", slopes=slopes)


def python_function(dialect, op, known=()):
    """The rule as a Python function, written in a dialect that Python runs."""
    program = rule(op, dict(known))
    names = arguments(op)
    lines = [*dialect.lines(program, names), f"return {dialect.answer(program, names)}"]
    space = {"math": math, "np": np}
    exec("\n    ".join([f"def f({', '.join(names)}):", *lines]), space)
    return space["f"]


def points(op):
    """Samples of the gate's domain, with the output where a slope reads it."""
    rng = random.Random(op.name)
    for _ in range(25):
        point = [interval.sample(rng) for interval in op.gate.domain]
        if op.gate.name == "where":
            point[0] = float(rng.random() < 0.5)
        yield point if op.slope is None else [*Op(op.gate).value(point), *point]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_the_text_for_numpy_computes_the_rule_on_arrays(op):
    f = python_function(NUMPY, op)
    table = np.array(list(points(op)))
    found = np.broadcast_to(f(*table.T), len(table))
    np.testing.assert_allclose(found, [op.value(row)[0] for row in table], rtol=1e-13)


@pytest.mark.parametrize("exponent", [0.5, 2.0, -1.0, 3.0])
def test_a_power_for_numpy_is_that_of_python_where_a_root_is_not(exponent):
    x, power = np.array([-INF, -0.0, 0.25, INF]), Op(gates["power"])
    wanted = [power.value([number, exponent])[0].hex() for number in x.tolist()]
    for written in (NUMPY.literal(exponent), "exponent"):
        text = NUMPY.expression(power, ["x", written])
        with np.errstate(all="ignore"):
            found = eval(text, {"np": np, "x": x, "exponent": exponent})
        assert [number.hex() for number in found.tolist()] == wanted


@each_dialect
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_every_rule_is_written_one_statement_per_instruction(dialect, op):
    program = rule(op)
    names = arguments(op)
    lines = dialect.lines(program, names)
    assert len(lines) == len(program.code)
    for i, text in enumerate(lines):
        assert re.search(rf"\bt{i} = ", text) and "{" not in text.replace("{}", "")
    answer = dialect.answer(program, names)
    assert (
        answer in {*names, f"t{len(lines) - 1}"} or program.constant(program.outputs[0]) is not None
    )


@each_dialect
def test_a_rule_of_one_instruction_is_an_expression_and_a_longer_one_is_not(dialect):
    add, minus = Op(gates["add"]), Op(gates["neg"])
    assert dialect.inline(rule(add), ["p", "q"]) == "p + q"
    assert dialect.inline(rule(minus), ["p"]) == "-p"
    assert dialect.inline(rule(Op(gates["add"], 0)), ["y", "p", "q"]) == "1.0"
    assert dialect.inline(rule(Op(gates["exp"], 0)), ["y", "p"]) == "y"
    assert dialect.inline(rule(Op(gates["sigmoid"])), ["p"]) is None


# ------------------------------------------------------------------ literals


@each_dialect
def test_a_literal_is_the_number_and_may_stand_behind_an_operator(dialect):
    assert dialect.literal(0.1) == "0.1" and dialect.literal(1e300) == "1e+300"
    assert dialect.literal(-2.5) == "(-2.5)" and dialect.literal(-0.0) == "(-0.0)"
    assert dialect.literal(5e-324) == "5e-324"
    assert dialect.literal(-INF) == f"(-{dialect.literal(INF)})"
    assert dialect.literal(INF) == dialect.infinity and dialect.literal(NAN) == dialect.nan


@pytest.mark.parametrize("x", [0.0, -0.0, 0.1, -1 / 3, 1e-320, -1e308, INF, -INF, NAN, 2.0**53])
def test_a_literal_of_python_is_the_same_number_to_the_last_bit(x):
    space = {"math": math, "np": np}
    assert eval(NUMPY.literal(x), space).hex() == x.hex()


# ------------------------------------------------------------------ arguments


def test_arguments_are_called_as_in_the_rule_if_they_can_be():
    assert arguments(Op(gates["elu"], 0)) == ["y", "x", "alpha"]
    assert arguments(Op(gates["elu"], 0), taken={"alpha"}) == ["x0", "x1", "x2"]
    odd = [
        own("odd", lambda xp, t1: t1),  # a result may be called so
        own("odd", lambda xp, größe: größe),
        own("odd", lambda xp, a, double: a, 2),
    ]
    for gate in odd:
        names = arguments(Op(gate), taken={"double"})
        assert names == [f"x{i}" for i in range(len(gate.operands))]
    y = own("odd", lambda xp, y: y * y)
    assert arguments(Op(y)) == ["y"] and arguments(Op(y, 0)) == ["x0", "x1"]


def test_arguments_read_are_those_that_the_output_depends_on():
    assert arguments_read(rule(Op(gates["tanh"]))) == [0]
    assert arguments_read(rule(Op(gates["tanh"], 0))) == [0, 1]
    assert arguments_read(rule(Op(gates["sin"], 0))) == [1]
    assert arguments_read(rule(Op(gates["add"], 0))) == []
    assert arguments_read(rule(Op(gates["power"], 0), {"exponent": 2.0})) == [1]


# ------------------------------------------------------------------ JavaScript


def test_a_gate_in_javascript_returns_value_slopes_and_the_reason_of_a_failure():
    text = javascript(gates["div"])
    assert text.startswith("(x0, x1) => { ") and text.endswith(" }; }")
    assert re.search(r"value: t\d+, slopes: \[t\d+, t\d+\], failure: ", text)
    assert '"division by zero" : ""' in text
    assert 'failure: ""' in javascript(gates["tanh"])


@pytest.mark.parametrize("gate", gates.values(), ids=lambda gate: gate.name)
def test_a_gate_in_javascript_has_each_instruction_and_each_reason_once(gate):
    text = javascript(gate)
    assert text.count("const t") == len(whole_rule(gate).code)
    for failure in gate.failures:
        assert text.count(f'"{failure.reason}"') == 1
    slopes = re.search(r"slopes: \[(.*?)\]", text)[1]
    assert len(slopes.split(", ")) == len(gate.operands)


def test_a_reason_is_quoted_for_javascript():
    reason = 'say "no"\n</script>'
    gate = Gate(
        "odd", lambda xp, x: xp.log(x), lambda xp, y, x: (1.0,), latex="?", slopes=("?",),
        failures=(Failure(ValueError, reason, lambda xp, y, x: x <= 0.0),),
    )  # fmt: skip
    assert r'"say \"no\"\n</script>"' in javascript(gate)


# ------------------------------------------------------------------ functions


def test_check_function_takes_a_name_and_a_gradient_of_one_kind():
    w = Value(2.0, "w")
    traced = trace(lambda x: w * x, ["x"], [()])
    of_w, of_x = lower(traced, [w]), lower(traced, traced.inputs)
    for program in (of_w, of_x, Program(["x"], [], [], [], [0])):
        assert check_function("to_c", "C", True, "f", program) is None
    with pytest.raises(ValueError, match="to_c: name must be one that C takes for a function, got"):
        check_function("to_c", "C", False, "2f", of_w)
    with pytest.raises(ValueError, match="lower the program twice, once for each"):
        check_function("to_c", "C", True, "f", lower(traced, [w, *traced.inputs]))
