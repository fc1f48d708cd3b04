"""The table of gates: its rules, its closure, its conventions, its errors."""

import ast
import itertools
import math
import operator
import random
import re
from pathlib import Path

import pytest

import autograd_core
from autograd_core import (
    Gate,
    Value,
    acos,
    apply,
    asin,
    atan,
    check_gate,
    cos,
    cosh,
    elu,
    exp,
    expm1,
    first_nan,
    gates,
    grad,
    leaky_relu,
    log,
    log1p,
    maximum,
    minimum,
    relu,
    sigmoid,
    sin,
    sinh,
    softplus,
    sqrt,
    tan,
    tanh,
)
from autograd_core import elementary as xp

INF, NAN = math.inf, math.nan
OF_RULES_ONLY = {"where", "less", "less_equal", "floor"}
METHODS = sorted(set(gates) - OF_RULES_ONLY - {"add", "sub", "mul", "div", "neg", "pow", "power"})


# ------------------------------------------------------------------ every entry


@pytest.mark.parametrize("name", gates)
def test_rules_agree_with_differences(name):
    report = check_gate(name, samples=40, seed=7)
    assert report.ok
    assert len(report) >= 40 * len(gates[name].operands)


@pytest.mark.parametrize("name", gates)
def test_rules_are_total_and_give_floats(special_points, name):
    gate = gates[name]
    for point in special_points(gate):
        y = gate.forward(xp, *point)
        slopes = gate.partials(xp, y, *point)
        assert isinstance(slopes, tuple) and len(slopes) == len(gate.operands)
        assert {type(x) for x in (y, *slopes)} == {float}, (name, point)


@pytest.mark.parametrize("name", gates)
def test_a_gate_fails_only_where_the_quiet_output_is_inf_or_nan_and_never_on_nan(
    special_points, name
):
    gate = gates[name]
    for point in special_points(gate):
        y = gate.forward(xp, *point)
        if gate.fails(xp, y, *point):
            assert not math.isfinite(y), (name, point)
            assert not any(map(math.isnan, point)), (name, point)


def test_every_kind_of_failure_is_reached_by_the_special_points(special_points):
    for gate in gates.values():
        for failure in gate.failures:
            assert any(
                failure.when(xp, gate.forward(xp, *point), *point) for point in special_points(gate)
            ), (gate.name, failure.reason)


@pytest.mark.parametrize("name", sorted(set(gates) - OF_RULES_ONLY))
def test_nan_in_gives_nan_out(special_points, name):
    gate = gates[name]
    for point in special_points(gate):
        if not any(map(math.isnan, point)):
            continue
        y = gate.forward(xp, *point)
        if name in ("pow", "power") and (point[0] == 1.0 or point[1] == 0.0):
            assert y == 1.0  # as in Python
        elif name in ("leaky_relu", "elu") and point[0] > 0.0:
            assert y == point[0]  # the parameter has no part in it
        else:
            assert math.isnan(y), (name, point)


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"max", "min"}))
def test_the_slope_at_nan_is_nan(name):
    gate = gates[name]
    point = (NAN, *gate.defaults)
    assert math.isnan(gate.partials(xp, gate.forward(xp, *point), *point)[0])


@pytest.mark.parametrize("name", gates)
def test_an_entry_has_its_formulas_and_domains(name):
    gate = gates[name]
    assert gate.name == name
    for operand in gate.operands + gate.parameters:
        assert f"<{operand}>" in gate.latex
    known = {*gate.operands, *gate.parameters, "y"}
    for slope in gate.slopes:
        assert set(re.findall(r"<([A-Za-z]\w*)>", slope)) <= known
    rng = random.Random(3)
    for interval in gate.domain:
        assert all(interval.sample(rng) in interval for _ in range(50))


@pytest.mark.parametrize("name", gates)
def test_an_entry_says_in_a_few_words_what_it_does_to_a_gradient(name):
    habit = gates[name].habit
    assert 10 < len(habit) <= 56, f'the gate {name!r} needs habit="multiplies by ..."'
    assert habit == habit.strip(" .") and "<" not in habit


@pytest.mark.parametrize("name", ["log", "log1p", "sqrt", "asin", "acos"])
def test_a_domain_reaches_to_where_the_gate_fails(name):
    gate = gates[name]
    (interval,) = gate.domain
    for end, beyond in ((interval.low, -INF), (interval.high, INF)):
        if math.isfinite(end):
            assert math.isfinite(gate.evaluate([math.nextafter(end, -beyond)]))
            with pytest.raises(ValueError, match="operand"):
                gate.evaluate([math.nextafter(end, beyond)])


def test_what_an_entry_says_of_its_operands_and_output_holds():
    """`symmetric`: operands change places; `condition`: the output is 0 or 1."""
    for gate in gates.values():
        rng = random.Random(0)
        points = [[d.sample(rng) for d in gate.domain] for _ in range(50)]
        outputs = [gate.forward(xp, *point) for point in points]
        turned = len(gate.domain) == len(gate.operands) == 2 and all(
            gate.forward(xp, b, a) == y for (a, b), y in zip(points, outputs, strict=True)
        )
        assert gate.symmetric == turned, gate
        assert gate.condition == (set(outputs) == {0.0, 1.0}), gate


def test_every_alias_names_its_gate_as_function_or_method():
    aliases = {alias: gate for gate in gates.values() for alias in gate.aliases}
    assert {"arcsin", "arccos", "arctan", "maximum", "minimum"} <= set(aliases)
    for alias, gate in aliases.items():
        assert gates.named(alias) is gate and alias not in gates
        made = getattr(autograd_core, alias, None) or getattr(Value, alias)
        operands = [Value(0.3), Value(0.2)][: len(gate.operands)]
        assert made(*operands).gate is gate
    assert gates.named("tanh") is gates["tanh"] and gates.named("nothing") is None


CORNERS = [(gate, corner) for gate in gates.values() for corner in gate.corners]


@pytest.mark.parametrize("gate, corner", CORNERS, ids=str)
def test_a_corner_is_an_end_of_the_domain_or_where_derivatives_jump(gate, corner):
    assert all(d.low <= x <= d.high for x, d in zip(corner, gate.domain, strict=True))
    assert gate.corners.count(corner) == 1

    def derivatives(step):
        x, *others = map(Value, corner[: len(gate.operands)])
        x.data += step
        (first,) = grad(apply(gate, x, *others, *corner[len(gate.operands) :]), [x])
        return [first.data, grad(first, [x])[0].data]

    at_the_end = corner[0] in (gate.domain[0].low, gate.domain[0].high)
    assert at_the_end or derivatives(-1e-9) != pytest.approx(derivatives(1e-9), abs=1e-3)


# ------------------------------------------------------------------ identities


IDENTITIES = [
    pytest.param(gate, identity, id=f"{gate.name} {identity.operand}={identity.equals:g}")
    for gate in gates.values()
    for identity in gate.identities
]


def points_of_identity(gate, identity, numbers):
    """Operands, by name, at which the identity holds."""
    rng = random.Random(gate.name)
    columns = []
    names = gate.operands + gate.parameters
    for name, interval in zip(names, gate.domain, strict=True):
        if name == identity.operand:
            columns.append([identity.equals])
        elif name == "condition":
            columns.append([0.0, 1.0])
        else:
            columns.append([*numbers, *[interval.sample(rng) for _ in range(10)]])
    return [dict(zip(names, point, strict=True)) for point in itertools.product(*columns)]


@pytest.mark.parametrize("gate, identity", IDENTITIES)
def test_where_an_identity_holds_the_output_is_bit_for_bit_what_it_says(
    gate, identity, bits, special_numbers
):
    for point in points_of_identity(gate, identity, special_numbers):
        result = identity.result
        wanted = point[result] if isinstance(result, str) else result
        assert bits(gate.forward(xp, *point.values())) == bits(wanted), point


@pytest.mark.parametrize("gate, identity", IDENTITIES)
def test_where_an_identity_holds_the_gate_fails_nowhere(gate, identity, special_numbers):
    """So that a program may leave the gate out and still raises what the engine raises."""
    for point in points_of_identity(gate, identity, special_numbers):
        numbers = point.values()
        assert not gate.fails(xp, gate.forward(xp, *numbers), *numbers), point


# ------------------------------------------------------------------ what a public gate has


OPERATORS = {"add", "sub", "mul", "div", "pow", "power", "neg", "abs"}  # written with a symbol
PUBLIC = sorted(set(gates) - OPERATORS - OF_RULES_ONLY)
ACCURACY = Path(__file__).with_name("test_accuracy.py")


def keys_in_accuracy(table):
    """The names in a dict or set of test_accuracy.py, which needs mpmath to be imported."""
    for node in ast.parse(ACCURACY.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == table:
            entries = node.value.keys if isinstance(node.value, ast.Dict) else node.value.elts
            return {entry.value for entry in entries}
    raise AssertionError(f"test_accuracy.py has no {table}")


def lacking(gate):
    """What is still to be written for a gate of the table, one line per place."""
    name, names = gate.name, (gate.name, *gate.aliases)
    x = ", ".join(gate.operands + gate.parameters)
    kind = "Unary" if len(gate.operands) == 1 else "Binary"
    lines = []
    if not any(hasattr(Value, each) for each in names):
        lines.append(
            "autograd_core/value.py, below `# gates as methods`: "
            f'{name}: ClassVar[{kind}Method] = _method("{name}")'
        )
    if not any(each in autograd_core.__all__ for each in names):
        lines.append(f'autograd_core/functions.py, in __all__: "{name}",')
    if not any(hasattr(autograd_core, each) for each in names):
        lines.append(
            "autograd_core/functions.py, above minimum: "
            f'{name}: {kind}Function = function_of(gates["{name}"])'
        )
    if name not in keys_in_accuracy("EXACT"):
        lines.append(
            f'tests/engine/test_accuracy.py, in EXACT: "{name}": lambda {x}: ...,  # by mpmath'
        )
    if name not in keys_in_accuracy("SLOPE") | keys_in_accuracy("KINKED"):
        lines.append(
            f'tests/engine/test_accuracy.py, in SLOPE: "{name}": [lambda {x}: ...],  # or in KINKED'
        )
    return lines


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_gate_is_a_method_and_a_function_and_its_accuracy_is_tested(name):
    lines = lacking(gates[name])
    assert not lines, "\n".join(
        [
            f"the gate {name!r} is in the table, and works; to make it public, add",
            *[f"  {line}" for line in lines],
            "as CONTRIBUTING.md shows for a square, with what the other tests compare it with; "
            f"or, if only rules use it, name it in OF_RULES_ONLY of {Path(__file__).name}",
        ]
    )


def test_what_a_new_gate_lacks_is_said_line_by_line(square):
    assert lacking(square()) == [
        "autograd_core/value.py, below `# gates as methods`: "
        'square: ClassVar[UnaryMethod] = _method("square")',
        'autograd_core/functions.py, in __all__: "square",',
        "autograd_core/functions.py, above minimum: "
        'square: UnaryFunction = function_of(gates["square"])',
        'tests/engine/test_accuracy.py, in EXACT: "square": lambda x: ...,  # by mpmath',
        'tests/engine/test_accuracy.py, in SLOPE: "square": [lambda x: ...],  # or in KINKED',
    ]
    assert lacking(gates["max"]) == []  # its function has the name of its alias


# ------------------------------------------------------------------ the table is closed


class Register:
    """An operand that is no number: it records the name of every instruction it meets."""

    def __init__(self, emitted):
        self.emitted = emitted

    def emit(self, name):
        self.emitted.add(name)
        return Register(self.emitted)

    def __bool__(self):
        raise AssertionError("a rule branches on an operand: use xp.where")

    __hash__ = None

    def __eq__(self, other):
        raise AssertionError("a rule compares by ==: use <= and >=")

    def __ne__(self, other):
        raise AssertionError("a rule compares by !=: use < and >")


def emitting(name):
    return lambda self, *others: self.emit(name)


INSTRUCTION = {
    "add": "add", "radd": "add", "sub": "sub", "rsub": "sub", "mul": "mul", "rmul": "mul",
    "neg": "neg", "lt": "less", "gt": "less", "le": "less_equal", "ge": "less_equal",
    "and": "where", "rand": "where", "or": "where", "ror": "where",
}  # fmt: skip


for method, instruction in INSTRUCTION.items():
    setattr(Register, f"__{method}__", emitting(instruction))


class Recording:
    """A namespace `xp` whose functions record their names."""

    def __init__(self, emitted):
        self.emitted = emitted

    def __getattr__(self, name):
        assert name in xp.__all__, f"a rule uses xp.{name}, which elementary has not"

        def function(*operands):
            self.emitted.add(name)
            return Register(self.emitted)

        return function


def emitted_by(gate):
    emitted = set()
    recording = Recording(emitted)
    point = [Register(emitted) for _ in gate.operands + gate.parameters]
    y = gate.forward(recording, *point)
    slopes = gate.partials(recording, y, *point)
    assert len(slopes) == len(gate.operands)
    gate.fails(recording, y, *point)
    return emitted


@pytest.mark.parametrize("name", gates)
def test_every_instruction_that_a_rule_emits_is_a_gate(name):
    emitted = emitted_by(gates[name])
    assert emitted
    assert emitted <= set(gates)


def test_the_recorder_sees_functions_and_operators():
    assert emitted_by(gates["exp"]) >= {"exp"}
    assert emitted_by(gates["neg"]) == {"neg"}
    assert emitted_by(gates["relu"]) == {"less", "less_equal", "where"}


@pytest.mark.parametrize(
    "forward",
    [
        lambda xp, x: x / 2.0,
        lambda xp, x: x**2.0,
        lambda xp, x: abs(x),
        lambda xp, x: x if x > 0.0 else -x,
        lambda xp, x: xp.where(x == 0.0, 1.0, x),
        lambda xp, x: xp.where((x > 0.0) and (x < 1.0), 1.0, x),
        lambda xp, x: xp.gamma(x),
        lambda xp, x: math.exp(x),
    ],
)
def test_the_recorder_refuses_rules_that_leave_the_table(forward):
    gate = Gate("odd", forward, lambda xp, y, x: (1.0,), latex="<x>", slopes=("1",))
    with pytest.raises((TypeError, AssertionError)):
        emitted_by(gate)


# ------------------------------------------------------------------ Python's values and errors


@pytest.mark.parametrize(
    "name, reference",
    [
        ("exp", math.exp), ("expm1", math.expm1), ("log", math.log), ("log1p", math.log1p),
        ("sqrt", math.sqrt), ("sin", math.sin), ("cos", math.cos), ("tan", math.tan),
        ("sinh", math.sinh), ("cosh", math.cosh), ("tanh", math.tanh), ("asin", math.asin),
        ("acos", math.acos), ("atan", math.atan), ("abs", abs), ("neg", operator.neg),
        ("add", operator.add), ("sub", operator.sub), ("mul", operator.mul),
        ("div", operator.truediv), ("pow", operator.pow), ("power", operator.pow),
    ],
)  # fmt: skip
def test_the_forward_value_and_its_errors_are_those_of_float_and_math(
    bits, special_numbers, name, reference
):
    gate = gates[name]
    raised = 0
    for point in itertools.product(special_numbers, repeat=len(gate.operands + gate.parameters)):
        if any(map(math.isnan, point)):
            continue
        count = len(gate.operands)
        operands = (*map(Value, point[:count]), *point[count:])
        try:
            expected = reference(*point)
            if isinstance(expected, complex):
                raise ValueError("no real number")
        except (ValueError, ArithmeticError) as error:
            raised += 1
            with pytest.raises(type(error), match=name):
                apply(gate, *operands)
        else:
            assert bits(apply(gate, *operands).data) == bits(expected), point
    assert bool(raised) == bool(gate.failures)


@pytest.mark.parametrize(
    "error, name, f, data",
    [
        (ValueError, "log", log, 0.0),
        (ValueError, "log", log, -0.0),
        (ValueError, "log", log, -1.0),
        (ValueError, "log", log, -INF),
        (ValueError, "log1p", log1p, -1.0),
        (ValueError, "log1p", log1p, -2.0),
        (ValueError, "sqrt", sqrt, -1.0),
        (ValueError, "sqrt", sqrt, -5e-324),
        (ValueError, "power", lambda x: x ** (1 / 3), -8.0),
        (ValueError, "pow", lambda x: x ** Value(1 / 3), -8.0),
        (ValueError, "pow", lambda x: (-8.0) ** x, 1 / 3),
        (ValueError, "asin", asin, 1.5),
        (ValueError, "asin", asin, -1.0000000000000002),
        (ValueError, "acos", acos, 1.5),
        (ValueError, "sin", sin, INF),
        (ValueError, "cos", cos, -INF),
        (ValueError, "tan", tan, INF),
        (ZeroDivisionError, "div", lambda x: 1 / x, 0.0),
        (ZeroDivisionError, "div", lambda x: x / x, 0.0),
        (ZeroDivisionError, "div", lambda x: x / 0, INF),
        (ZeroDivisionError, "div", lambda x: x / -0.0, 1.0),
        (ZeroDivisionError, "power", lambda x: x**-1, 0.0),
        (ZeroDivisionError, "power", lambda x: x**-0.5, -0.0),
        (ZeroDivisionError, "pow", lambda x: 0**x, -1.0),
        (OverflowError, "exp", exp, 1000.0),
        (OverflowError, "expm1", expm1, 1000.0),
        (OverflowError, "sinh", sinh, -1000.0),
        (OverflowError, "cosh", cosh, 1000.0),
        (OverflowError, "power", lambda x: x**2, 1e200),
        (OverflowError, "power", lambda x: x**3, -1e200),
        (OverflowError, "pow", lambda x: x ** Value(2.0), 1e200),
    ],
)
def test_where_python_raises_the_same_error_names_gate_and_operand_and_label(error, name, f, data):
    for label in ("", "weight"):
        x = Value(data, label=label)
        x.grad = 0.25
        with pytest.raises(error) as caught:
            f(x)
        message = str(caught.value)
        assert message.startswith(f"{name}: ")
        assert repr(data) in message
        assert ("=" in message) is bool(label)
        assert not label or f"weight={data!r}" in message
        assert x.grad == 0.25


@pytest.mark.parametrize(
    "f, data, y",
    [
        (lambda x: x * 10, 1e308, INF),
        (lambda x: x + x, 1e308, INF),
        (lambda x: -x - x, 1e308, -INF),
        (lambda x: x / 1e-10, 1e308, INF),
        (exp, INF, INF), (exp, -INF, 0.0), (exp, -1000.0, 0.0), (log, INF, INF),
        (lambda x: x**2, INF, INF), (lambda x: x**-1, INF, 0.0), (lambda x: 0.5**x, -INF, INF),
        (tanh, INF, 1.0), (sigmoid, -INF, 0.0), (sigmoid, INF, 1.0), (softplus, INF, INF),
        (softplus, -INF, 0.0), (relu, INF, INF), (elu, -INF, -1.0), (elu, 1000.0, 1000.0),
        (lambda x: x ** Value(3.0), -INF, -INF), (softplus, 1000.0, 1000.0),
    ],
)  # fmt: skip
def test_infinity_stays_visible_where_python_does_not_raise(f, data, y):
    assert f(Value(data)).data == y


# ------------------------------------------------------------------ slopes at points of convention


def slopes(f, *xs):
    """The gradients of f at xs, by backward and by grad, which must be the same."""
    inputs = [Value(x) for x in xs]
    output = f(*inputs)
    again = [x.data.hex() for x in grad(output, inputs)]
    output.backward()
    assert [x.grad.hex() for x in inputs] == again
    return [x.grad for x in inputs]


def first(a, b):
    return a.max(b)


@pytest.mark.parametrize(
    "f, xs, expected",
    [
        (relu, (0.0,), [0.0]),
        (relu, (-0.0,), [0.0]),
        (abs, (0.0,), [0.0]),
        (abs, (-0.0,), [0.0]),
        (lambda x: leaky_relu(x, slope=0.2), (0.0,), [0.2]),
        (leaky_relu, (-0.0,), [0.01]),
        (elu, (0.0,), [1.0]),
        (elu, (-0.0,), [1.0]),
        (lambda x: elu(x, alpha=3.0), (0.0,), [1.0]),
        (maximum, (2.0, 2.0), [0.5, 0.5]),
        (minimum, (2.0, 2.0), [0.5, 0.5]),
        (maximum, (0.0, -0.0), [0.5, 0.5]),
        (maximum, (INF, INF), [0.5, 0.5]),
        (lambda x: maximum(x, 2.0), (2.0,), [0.5]),
        (lambda x: minimum(2, x), (2.0,), [0.5]),
        (lambda x: x.max(x), (2.0,), [1.0]),
        (lambda x: x.min(x), (2.0,), [1.0]),
        (lambda a, b: maximum(a, b) + minimum(a, b), (2.0, 2.0), [1.0, 1.0]),
        (sqrt, (0.0,), [INF]),
        (sqrt, (-0.0,), [INF]),
        (asin, (1.0,), [INF]),
        (asin, (-1.0,), [INF]),
        (acos, (1.0,), [-INF]),
        (acos, (-1.0,), [-INF]),
        (lambda x: x**0, (0.0,), [0.0]),
        (lambda x, y: x**y, (0.0, 0.0), [0.0, 0.0]),
        (lambda x, y: x**y, (0.0, 2.0), [0.0, 0.0]),
        (lambda x, y: x**y, (0.0, 1.0), [1.0, 0.0]),
        (lambda x, y: x**y, (0.0, 0.5), [INF, 0.0]),
        (lambda y: 0**y, (3.0,), [0.0]),
        (lambda y: 0**y, (0.0,), [0.0]),
        (lambda x: x**0.5, (0.0,), [INF]),
        (lambda x: x**0.5, (-0.0,), [INF]),
        (lambda x: x**2, (0.0,), [0.0]),
        (lambda x: x**2, (-2.0,), [-4.0]),
        (lambda x: x**3, (-2.0,), [12.0]),
        (lambda x: x**1, (0.0,), [1.0]),
        (lambda x: x / 4.0, (INF,), [0.25]),
    ],
)
def test_slope_at_a_point_of_convention(f, xs, expected):
    assert slopes(f, *xs) == expected


@pytest.mark.parametrize("data", [0.0, -0.0, 3.0, 1e-309, -1e-309])  # 1 / 1e-309 is inf
def test_the_zeroth_power_is_1_with_slope_0_everywhere(data):
    v = Value(data) ** 0
    assert v.data == 1.0 and v.partials == (0.0,)


@pytest.mark.parametrize("data", [1e-200, -1e-200])
def test_zero_over_a_number_whose_square_is_0_has_slope_0(data):
    assert (0.0 / Value(data)).partials == (1.0 / data, 0.0)


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("xs", [(2.0, 2.0), (0.0, -0.0), (-0.0, 0.0), (-INF, -INF)])
def test_of_two_numbers_that_are_equal_max_and_min_are_the_first(name, xs):
    assert gates[name].forward(xp, *xs).hex() == xs[0].hex()


def test_relu_of_minus_0_is_0():
    assert gates["relu"].forward(xp, -0.0).hex() == Value(-0.0).relu().data.hex() == (0.0).hex()


@pytest.mark.parametrize("condition", [0.0, 1.0])
def test_where_hands_its_slope_to_the_arm_that_it_takes(condition):
    assert gates["where"].partials(xp, 2.0, condition, 2.0, 2.0) == (0.0, condition, 1 - condition)


@pytest.mark.parametrize("f", [maximum, minimum])
@pytest.mark.parametrize("xs", [(NAN, 1.0), (1.0, NAN), (NAN, NAN), (NAN, INF)])
def test_max_and_min_with_nan_are_nan_whatever_the_order(f, xs):
    assert math.isnan(f(*map(Value, xs)).data)
    assert all(map(math.isnan, slopes(f, *xs)))


@pytest.mark.parametrize(
    "f",
    [
        relu, leaky_relu, elu, abs, exp, log, sqrt, sin, asin, sigmoid, softplus, tanh,
        lambda x: x.max(1.0), lambda x: 1.0 - x.min(-1.0), lambda x: x**2, lambda x: x * x,
        lambda x: (x + 1.0) / (x - 2.0) * x,
    ],
)  # fmt: skip
def test_nan_in_gives_nan_out_and_a_nan_gradient_and_never_raises(f):
    assert math.isnan(f(Value(NAN)).data)
    assert math.isnan(slopes(f, NAN)[0])


@pytest.mark.parametrize("denominator", [0.0, -0.0])
def test_nan_over_zero_is_nan(denominator):
    assert math.isnan((Value(NAN) / denominator).data)


def test_nan_has_the_two_exceptions_of_python():
    assert (1.0 ** Value(NAN)).data == 1.0**NAN == 1.0
    assert (Value(1.0) ** NAN).data == 1.0
    assert (Value(NAN) ** 0).data == NAN**0 == 1.0
    assert (Value(NAN) ** Value(0.0)).data == 1.0


def test_zero_times_infinity_in_the_chain_is_nan_as_ieee_has_it():
    assert math.isnan(slopes(lambda x: sqrt(x) * 0.0, 0.0)[0])
    assert math.isnan((Value(INF) * 0.0).data)


def test_a_negative_base_has_no_slope_in_a_value_exponent():
    x, y = Value(-2.0), Value(2.0)
    v = x**y
    v.backward()
    assert v.data == 4.0 and x.grad == -4.0 and math.isnan(y.grad)
    v = (-2) ** Value(2)
    assert v.data == 4.0 and v.partials[0] == -4.0 and math.isnan(v.partials[1])


def test_a_plain_exponent_gets_no_derivative_and_no_nan_anywhere():
    x = Value(-2.0)
    v = x**2
    v.backward()
    (slope,) = grad(v, [x])
    (second,) = grad(slope, [x])
    assert (v.data, v.partials, x.grad, slope.data, second.data) == (4.0, (-4.0,), -4.0, -4.0, 2.0)
    for root in (v, slope, second):
        assert first_nan(root) is None
        assert not any(math.isnan(p) for node in autograd_core.topological(root)
                       for p in node.partials)  # fmt: skip


@pytest.mark.parametrize(
    "f, data, slope",
    [
        (sigmoid, 40.0, 4.248354255291589e-18), (tanh, 20.0, 1.699341702116636e-17),
        (expm1, -50.0, math.exp(-50.0)), (elu, -50.0, math.exp(-50.0)), (atan, 1e200, 0.0),
        (lambda x: 1.0 / x, 1e-160, -math.inf), (lambda x: 1e-300 / x, 1e-200, -1e100),
        (softplus, -50.0, math.exp(-50.0)), (lambda x: 1e200 / x, 1e200, -1e-200),
        (atan, 2.0**512, 2.0**-1024), (atan, -(2.0**512), 2.0**-1024),  # the square is infinite
        (lambda x: 20 * 5e-324 / x, -0.3, -222 * 5e-324),  # 20 / -0.3 is -67 only
    ],
)  # fmt: skip
def test_slopes_far_out_keep_their_digits(f, data, slope):
    assert slopes(f, data)[0] == pytest.approx(slope, rel=4e-16, abs=0.0)
