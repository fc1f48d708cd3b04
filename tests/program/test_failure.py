"""Which gate failed, in which lane."""

import math

import pytest

from autograd_core import (
    Instruction,
    Op,
    Program,
    Value,
    apply,
    compile_graph,
    exp,
    gates,
    log,
    minimum,
    where,
)
from autograd_core.program.failure import find_failure

INF, NAN = math.inf, math.nan


# ------------------------------------------------------------------ one lane of a program


def line(result, name, *operands, slope=None):
    return Instruction(result, Op(gates[name], slope), operands)


def program_of(*code, inputs=("x", "y"), parameters=("w",), constants=(), outputs=None, **parts):
    last = code[-1].result if code else 0
    return Program(inputs, parameters, constants, code, outputs or [last], **parts).verify()


def test_nothing_is_raised_where_no_gate_fails_and_no_nan_matters():
    program = program_of(line(3, "mul", 0, 1), line(4, "exp", 3), line(5, "log", 2))
    assert find_failure(program, [1.0, 2.0], [0.5]) is None
    infinite = program_of(line(4, "mul", 0, 3), constants=[1e308])
    assert find_failure(infinite, [10.0, 0.0], [0.5]) is None
    assert find_failure(program_of(line(3, "exp", 0)), [INF, 0.0], [0.5]) is None
    unread = program_of(line(3, "sub", 0, 0), line(4, "tanh", 3), line(5, "tanh", 0))
    assert find_failure(unread, [INF, 0.0], [0.5]) is None


def test_the_first_gate_that_fails_raises_what_the_engine_raises():
    program = program_of(
        line(3, "sub", 0, 1), line(4, "log", 3), line(5, "div", 0, 3), labels={3: "gap"}
    )
    with pytest.raises(ValueError) as found:
        find_failure(program, [1.0, 2.0], [0.5], " (lane 3 of 10)")
    assert str(found.value) == "log: log(gap=-1.0): needs an operand above 0 (lane 3 of 10)"
    with pytest.raises(ValueError, match=r"log\(gap=0\.0\): needs an operand above 0$"):
        find_failure(program, [2.0, 2.0], [0.5])
    with pytest.raises(ZeroDivisionError, match=r"^div: x=1\.0 / y=0\.0: division by zero$"):
        find_failure(program_of(line(3, "div", 0, 1)), [1.0, 0.0], [0.5])
    with pytest.raises(OverflowError, match=r"exp\(w=1000\.0\)"):
        find_failure(program_of(line(3, "exp", 2)), [1.0, 0.0], [1000.0])


def test_a_gate_with_a_label_is_named_by_it():
    program = program_of(line(3, "log", 0), labels={3: "score"})
    with pytest.raises(ValueError, match=r"needs an operand above 0, the gate of 'score' \(lane"):
        find_failure(program, [0.0, 0.0], [0.0], " (lane 0 of 2)")


def test_a_nan_that_came_in_is_named_if_it_reaches_a_result():
    program = program_of(line(3, "mul", 0, 2))
    with pytest.raises(FloatingPointError, match=r"^the input x is nan \(lane 1 of 2\)$"):
        find_failure(program, [NAN, 1.0], [1.0], " (lane 1 of 2)")
    with pytest.raises(FloatingPointError, match=r"^the parameter w is nan$"):
        find_failure(program, [1.0, 1.0], [NAN])
    assert find_failure(program, [1.0, NAN], [1.0]) is None  # nothing reads y


def test_a_gate_that_makes_a_nan_is_named_with_its_operands():
    program = program_of(line(3, "sub", 0, 1), line(4, "tanh", 3))
    for whole in (program, program_of(line(3, "sub", 0, 1))):
        with pytest.raises(FloatingPointError, match=r"^sub: the result is nan for x=inf, y=inf$"):
            find_failure(whole, [INF, INF], [1.0])
    unused = program_of(line(3, "sub", 0, 1), line(4, "tanh", 0))
    assert find_failure(unused, [INF, INF], [1.0]) is None


def test_a_nan_that_is_compared_matters_although_it_reaches_no_result():
    program = program_of(line(4, "sub", 0, 1), line(5, "less", 4, 3), constants=[0.0])
    with pytest.raises(FloatingPointError, match=r"sub: the result is nan for x=inf, y=inf"):
        find_failure(program, [INF, INF], [1.0])


def test_a_nan_in_the_arm_that_is_not_taken_does_not_matter():
    code = line(4, "less", 3, 0), line(5, "sub", 1, 1), line(6, "where", 4, 5, 0)
    program = program_of(*code, constants=[0.0])
    assert find_failure(program, [-1.0, INF], [1.0]) is None
    with pytest.raises(FloatingPointError, match="sub: the result is nan for y=inf, y=inf"):
        find_failure(program, [1.0, INF], [1.0])


def test_of_two_arms_that_are_nan_the_one_that_is_taken_is_named():
    code = line(4, "less", 3, 0), line(5, "sub", 1, 1), line(6, "sub", 2, 2)
    program = program_of(*code, line(7, "where", 4, 6, 5), constants=[0.0])
    for x, name in ((1.0, "w"), (-1.0, "y")):
        with pytest.raises(FloatingPointError, match=f"sub: the result is nan for {name}=inf"):
            find_failure(program, [x, INF], [INF])


def test_a_condition_that_is_nan_is_named_if_the_arm_is_nan_too():
    code = line(3, "sub", 0, 1), line(4, "sub", 2, 2), line(5, "where", 3, 4, 0)
    with pytest.raises(FloatingPointError, match="sub: the result is nan for x=inf, y=inf"):
        find_failure(program_of(*code), [INF, INF], [INF])


def test_a_constant_has_no_name():
    code = line(4, "sub", 0, 3), line(5, "sqrt", 1, 1, slope=0)
    program = program_of(*code, constants=[INF], outputs=[4])
    with pytest.raises(FloatingPointError, match=r"sub: the result is nan for x=inf, inf$"):
        find_failure(program, [INF, 1.0], [1.0])


def test_a_nan_of_the_gradient_is_said_to_be_of_the_backward_pass():
    code = line(3, "sqrt", 0), line(4, "sqrt", 3, 0, slope=0), line(5, "mul", 4, 1)
    program = program_of(*code, outputs=[3], gradients=[5], wrt=[0])
    with pytest.raises(FloatingPointError) as found:
        find_failure(program, [0.0, 0.0], [1.0])
    assert str(found.value) == (
        "mul: the result is nan for sqrt'x=inf, y=0.0, in the backward pass"
    )
    assert find_failure(program, [0.0, 0.0], [1.0], gradients=False) is None


def test_a_constant_that_is_nan_is_the_gates_own():
    program = program_of(line(4, "add", 0, 3), constants=[NAN])
    with pytest.raises(FloatingPointError, match=r"add: the result is nan for x=1\.0, nan"):
        find_failure(program, [1.0, 0.0], [1.0])


# ------------------------------------------------------------------ through a compiled graph


W = Value(2.0, "w")


def labelled(x, w=W):
    hidden = x * w - 4.0
    hidden.label = "hidden"
    out = log(hidden)
    out.label = "out"
    return out


def test_a_domain_error_names_gate_label_lane_and_operands(close):
    w = Value(2.0, "w")
    f = compile_graph(lambda x: labelled(x, w))
    with pytest.raises(ValueError) as found:
        f.value_and_grad([3.0, 4.0, 1.0])
    assert str(found.value) == (
        "log: log(hidden=-2.0): needs an operand above 0, the gate of 'out' (lane 2 of 3)"
    )
    for call in (f, f.each):
        with pytest.raises(ValueError, match="lane 2 of 3"):
            call([3.0, 4.0, 1.0])
    with pytest.raises(ValueError, match=r"the gate of 'out'$"):
        f(1.0)
    close(f([3.0]), math.log(2.0))
    assert w.data == 2.0 and w.grad == 0.0


@pytest.mark.parametrize(
    ("fn", "x", "error"),
    [
        (lambda x: 1.0 / exp(x), 1000.0, OverflowError),
        (lambda x: 0.0 * exp(x) if False else (1.0 / exp(x)).tanh(), 800.0, OverflowError),
        (lambda x: minimum(exp(x), 1.0), 1000.0, OverflowError),
        (lambda x: where(x > 0.0, x, log(x)), 0.0, ValueError),
        (lambda x: (log(x), x)[1], 0.0, ValueError),
        (lambda x: where(exp(x) > 2.0, 1.0, 0.0) * W, 1000.0, OverflowError),
        (lambda x: x + 0.0 * (1.0 / x) ** 0, 0.0, ZeroDivisionError),
    ],
)
def test_failures_that_vanish_later_are_found(fn, x, error):
    f = compile_graph(fn)
    with pytest.raises(error):
        fn(Value(x))
    with pytest.raises(error, match="lane 1 of 3"):
        f([1.0, x, 1.0])
    with pytest.raises(error, match="lane 0 of 2"):
        f.value_and_grad([x, 1.0])


def test_a_nan_that_is_made_is_found_where_it_is_made():
    big = compile_graph(lambda x: x * 1e308 - x * W * 1e308)
    with pytest.raises(FloatingPointError, match=r"sub: the result is nan for inf, inf.*lane 1"):
        big([0.1, 10.0])
    f = compile_graph(lambda x: (x * W).sqrt() * 0.0 + (x - x).sqrt() * W)
    with pytest.raises(FloatingPointError, match=r"nan for .*in the backward pass \(lane 0 of 2\)"):
        compile_graph(lambda x: (x * 0.0).sqrt() * 0.0, wrt="inputs").value_and_grad([1.0, 2.0])
    assert f([1.0]) == 0.0
    W_nan = Value(NAN, "weight")
    with pytest.raises(FloatingPointError, match="the parameter weight is nan"):
        compile_graph(lambda x: x * W_nan)([1.0])


def test_a_nan_that_only_the_sum_over_lanes_makes_is_found():
    w = Value(0.0, "w")
    f = compile_graph(lambda x: x * w.sqrt())
    with pytest.raises(FloatingPointError, match="gradient of w is nan: over the 2 lanes"):
        f.value_and_grad([1.0, -1.0])
    with pytest.raises(FloatingPointError, match="the value is nan: over the 2 lanes"):
        compile_graph(lambda x: x * 1e308)([1e10, -1e10])
    assert compile_graph(lambda x: x * 1e308).each([1e10, -1e10]).tolist() == [INF, -INF]


def test_a_nan_in_an_arm_that_is_not_taken_is_ignored():
    f = compile_graph(lambda x, y: where(x > 0.0, y, 1.0) + (W - 2.0).sqrt())
    assert f.value_and_grad([-1.0], [NAN]) == (1.0, [INF])
    with pytest.raises(FloatingPointError, match="input y is nan"):
        f([1.0], [NAN])


def test_a_nan_of_the_gradient_alone_does_not_stop_the_value():
    w = Value(0.0, "w")
    f = compile_graph(lambda x: x.log() + (x * w).exp() * w, [w])
    g = compile_graph(lambda x: x.sqrt() * 0.0 + 1.0, wrt="inputs")
    assert f([1.0]) == 0.0
    assert g([0.0]) == 1.0  # the slope of the root is inf there, and 0 inf is nan
    assert g.each([0.0]).tolist() == [1.0]
    with pytest.raises(FloatingPointError):
        g.value_and_grad([0.0])


def test_a_comparison_that_is_applied_in_a_trace_is_not_known_yet():
    f = compile_graph(lambda x: apply(gates["less_equal"], x, 1.0) + (x * 2.0).log())
    assert f([0.5]) == 1.0
    g = compile_graph(lambda x: apply(gates["less_equal"], x, 1.0).log())
    assert g([0.5]) == 0.0
