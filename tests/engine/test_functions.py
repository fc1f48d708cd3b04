"""The gates as functions, on Values and on numbers."""

import ast
import math
import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import autograd_core
from autograd_core import (
    Value,
    acos,
    asin,
    atan,
    cos,
    cosh,
    elu,
    exp,
    expm1,
    functions,
    gates,
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
    where,
)
from autograd_core.functions import function_of

INF, NAN = math.inf, math.nan
UNARY = {
    "exp": math.exp, "log": math.log, "log1p": math.log1p, "expm1": math.expm1, "sqrt": math.sqrt,
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "tanh": math.tanh, "sinh": math.sinh,
    "cosh": math.cosh, "asin": math.asin, "acos": math.acos, "atan": math.atan,
    "sigmoid": lambda x: 1.0 / (1.0 + math.exp(-x)), "softplus": lambda x: math.log1p(math.exp(x)),
    "relu": lambda x: max(0.0, x), "leaky_relu": lambda x: x, "elu": lambda x: x,
}  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_each_gate_is_a_method_and_a_function_on_values_and_numbers(name):
    x = Value(0.4)
    method, function = getattr(x, name)(), getattr(autograd_core, name)
    assert method.op == name and method.inputs == (x,)
    assert method.data == pytest.approx(UNARY[name](0.4), rel=1e-15)
    assert function(x).data == method.data and function(x).inputs == (x,)
    number = function(0.4)
    assert type(number) is float and number == method.data
    assert function(np.float64(0.4)) == function(Fraction(0.4)) == number
    assert type(function(1)) is float
    for documented in (function, getattr(Value, name)):
        assert name in documented.__doc__
    assert function.__name__ == name


def test_max_and_min_as_methods_and_functions():
    a, b = Value(1.0), Value(4.0)
    for v, op, y, slopes in [
        (a.max(b), "max", 4.0, (0.0, 1.0)), (maximum(a, b), "max", 4.0, (0.0, 1.0)),
        (a.min(b), "min", 1.0, (1.0, 0.0)), (minimum(a, b), "min", 1.0, (1.0, 0.0)),
        (a.max(0), "max", 1.0, (1.0, 0.0)), (maximum(0, a), "max", 1.0, (0.0, 1.0)),
        (minimum(np.float64(0.0), a), "min", 0.0, (1.0, 0.0)),
    ]:  # fmt: skip
        assert (v.op, v.data, v.partials) == (op, y, slopes)
    assert maximum(1, 2) == 2.0 and minimum(1, 2) == 1.0 and type(maximum(1, 2)) is float
    assert math.isnan(maximum(1.0, NAN)) and math.isnan(minimum(NAN, 1.0))


def test_functions_raise_the_same_on_numbers_as_on_values():
    for error, call in [
        (OverflowError, lambda: exp(1000)), (ValueError, lambda: log(0)),
        (ValueError, lambda: sqrt(-1)), (ValueError, lambda: asin(1.5)),
        (TypeError, lambda: exp("1")), (TypeError, lambda: maximum(1.0, None)),
        (TypeError, lambda: maximum(1.0)), (TypeError, lambda: exp(1.0, 2.0)),
        (TypeError, lambda: exp()), (TypeError, lambda: elu(1.0, beta=2.0)),
        (TypeError, lambda: exp([1.0])), (TypeError, lambda: log(np.array([1.0]))),
        (TypeError, lambda: exp(2j)), (TypeError, lambda: maximum(Value(1.0), "2")),
    ]:  # fmt: skip
        with pytest.raises(error, match=r"^(exp|log|sqrt|asin|max|elu)\b"):
            call()


def test_formulas_with_functions_run_on_numbers_and_values_alike():
    def f(x):
        a = exp(sin(x)) + expm1(cos(x)) - log1p(sqrt(x)) / log(x + 2) + tan(x) * tanh(x)
        b = sinh(x) * cosh(x) + asin(x) - acos(x) + atan(x) + sigmoid(x) + softplus(x)
        return a + b + relu(x) + leaky_relu(-x, slope=0.1) + elu(-x)

    assert type(f(0.3)) is float
    assert f(Value(0.3)).data == f(0.3)


def test_functions_are_pickled_by_their_public_names():
    for function in (maximum, minimum, exp):
        assert pickle.loads(pickle.dumps(function)) is function


# ------------------------------------------------------------------ where


def test_where_takes_a_branch():
    a, b = Value(1.0), Value(2.0)
    assert where(True, a, b) is a and where(a > b, a, b) is b
    assert where(Value(0.0), a, b) is b and where(Value(-3.0), a, b) is a
    assert where(True, 1, 2) == 1.0 and type(where(False, 1, 2)) is float


def test_where_is_a_value_if_one_of_its_operands_is():
    a = Value(1.0)
    for v in (where(False, a, 5), where(True, 5, a)):
        assert isinstance(v, Value) and v.data == 5.0 and v.op == ""
    with pytest.raises(TypeError, match="where: operand"):
        where(False, a, "5")


@pytest.mark.parametrize(
    "condition", [True, 3, -0.5, np.bool_(True), np.array(2), Fraction(1), NAN]
)
def test_a_condition_is_a_bool_or_a_number(condition):
    assert where(condition, 1.0, 2.0) == 1.0


@pytest.mark.parametrize(
    "condition", [[False], "no", (), None, np.array([True]), {}, object(), lambda: True, 1j]
)
def test_a_condition_that_is_no_number_is_refused(condition):
    for a in (1.0, Value(1.0)):
        with pytest.raises(TypeError, match=r"^where: the condition must be a comparison.* got "):
            where(condition, a, 2.0)


def test_where_keeps_the_infinite_slope_of_the_other_branch_out():
    x = Value(0.0)
    y = where(x > 0.0, sqrt(x), x * 3.0)
    y.backward()
    assert x.grad == 3.0


@pytest.mark.parametrize("zero", [0.0, Value(0.0)])
def test_a_quiet_function_gives_the_limit_where_the_gate_raises(zero):
    y = function_of(gates["log"], quiet=True)(zero)
    assert (y.data if isinstance(y, Value) else y) == -math.inf


def test_a_gate_of_ones_own_becomes_a_function_of_its_name(square):
    function = function_of(square())
    assert function(3.0) == 9.0 and function(Value(3.0)).partials == (6.0,)
    assert function.__name__ == "square"
    assert function_of(square(), name="times_itself").__name__ == "times_itself"


# ------------------------------------------------------------------ what a type checker reads


def signatures(module):
    """name -> (operands, {parameter: default}) of the calls that are written out for checkers."""
    known = {}
    for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
        for call in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(call, ast.FunctionDef) and call.name == "__call__":
                names = [argument.arg for argument in call.args.args]
                defaults = map(ast.literal_eval, call.args.defaults)
                operands = len(call.args.posonlyargs) - 1
                known[node.name] = operands, dict(zip(names, defaults, strict=True))
    return known


@pytest.mark.parametrize("name", sorted({*functions.__all__} - {"where"}))
def test_a_checker_knows_operands_parameters_and_defaults_as_the_table_has_them(name):
    gate = gates.named(name) or gates[name]
    types, kind = signatures(functions), functions.__annotations__[name]
    assert types[kind] == (
        len(gate.operands), dict(zip(gate.parameters, gate.defaults, strict=True))
    )  # fmt: skip


@pytest.mark.parametrize("name", ["leaky_relu", "elu"])
def test_methods_with_parameters_have_those_of_the_table_for_a_checker(name):
    text = Path(functions.__file__).with_name("value.py").read_text(encoding="utf-8")
    pairs = zip(gates[name].parameters, gates[name].defaults, strict=True)
    arguments = ", ".join(f"{parameter}: Number = {default}" for parameter, default in pairs)
    assert f"def {name}(self, {arguments}) -> Value: ..." in text
