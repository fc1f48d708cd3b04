"""to_c: the text, and what it refuses."""

import numpy as np
import pytest

from autograd_core import Instruction, Op, Program, Value, gates, to_c
from autograd_core.program.lower import lower
from autograd_core.program.passes import optimise
from autograd_core.program.trace import trace


@pytest.mark.parametrize("name", ["", "2f", "a b", "f()", "double", "exp", "größe"])
def test_names_that_are_not_valid_in_c_are_refused(lowered, name):
    with pytest.raises(ValueError, match="to_c: name must be one"):
        to_c(lowered(lambda a: a * a, 1), name)


@pytest.mark.once
def test_c_text_too_long_for_a_compiler_is_refused(chain):
    w = Value(0.8, "w")
    program = lower(trace(lambda x: chain(x, w, 12_000), ["x"], [()]), [w])
    with pytest.raises(
        ValueError, match=r"to_c: the text would have 3\d,\d{3} lines.*run\(program"
    ):
        to_c(program)


@pytest.mark.once
def test_a_wide_program_of_a_hundred_thousand_instructions_is_short(reference, same, run_c):
    w = [Value(0.01 * i, f"w{i}") for i in range(10)]

    def wide(x):
        terms = [(x * (w[i % 10] + 0.001 * i)).tanh() for i in range(20_000)]
        return sum(terms[1:], terms[0])

    program = optimise(lower(trace(wide, ["x"], [()]), w))
    assert len(program) > 100_000 and to_c(program).count("\n") < 10_000
    x, numbers = np.array([[0.3]]), np.array([v.data for v in w])
    same(run_c(program, x, numbers), reference(program, x.tolist(), numbers.tolist()))


# ------------------------------------------------------------------ the text


def line(result, name, *operands):
    return Instruction(result, Op(gates[name]), operands)


def test_the_text_needs_the_math_library_and_nothing_else(lowered):
    text = to_c(lowered(lambda a, b: (a * b).sigmoid(), 2))
    assert [x for x in text.splitlines() if x.startswith("#")] == [
        "#include <math.h>", "#include <stddef.h>",
    ]  # fmt: skip
    assert all(ord(c) < 128 for c in text)


def test_the_head_says_what_the_arguments_are(lowered):
    w = Value(2.0, "weight")
    program = lower(trace(lambda x, y: w * x + y, ["x", "y"], [(), ()]), [w])
    text = to_c(program, "loss")
    assert "/* loss: the values and the gradient of a program" in text
    for part in (
        "inputs      lanes x 2", ": x, y\n", "parameters  1: weight\n", "outputs     lanes x 1,",
        "gradients   1, written: of the first output, summed over the lanes",
        "With respect to weight\n",
    ):  # fmt: skip
        assert part in text
    of_inputs = to_c(lowered(lambda a, b: a * b, 2), "loss")
    assert "gradients   lanes x 2, written: of the first output, for each lane" in of_inputs
    assert "parameters  0: none" in of_inputs


@pytest.mark.parametrize("name", ["*/ int x; /*", "what??/\n", "größe", "a\0b", "*/*/"])
def test_no_name_or_label_ends_a_comment(name):
    def fn(a):
        v = a.tanh()
        v.label = name
        return v * v

    text = to_c(lower(trace(fn, [name], [()])))
    assert text.count("/*") == text.count("*/") and "??" not in text and "\0" not in text


def test_many_results_of_one_opcode_are_a_loop_and_few_are_written_out():
    def text(count):
        code = [line(count + i, "tanh", i) for i in range(count)]
        names = [f"x{i}" for i in range(count)]
        return to_c(Program(names, [], [], code, range(count, 2 * count)).verify())

    assert text(5).count("tanh(") == 5 and text(40).count("tanh(") == 1
    assert text(40).count("\n") < text(5).count("\n") + 5


def test_a_number_that_is_a_constant_is_written_as_such():
    program = Program(["x"], [], [2.5, -0.0], [line(3, "mul", 0, 1), line(4, "add", 3, 2)], [4])
    assert "* 2.5;" in to_c(program.verify()) and "+ (-0.0);" in to_c(program)


def test_a_gate_with_a_known_parameter_has_a_function_of_its_own(lowered):
    text = to_c(lowered(lambda a: a.elu() + a.elu(alpha=2.0) + a.elu(), 1))
    assert text.count("static inline double gate_elu") == 2
    assert "gate_elu(double x)" in text and "gate_elu_(double x)" in text


def test_a_program_that_is_not_well_formed_is_refused():
    with pytest.raises(ValueError, match="line 0 of the program"):
        to_c(Program(["x"], [], [], [line(1, "exp", 1)], [1]))


def test_a_gate_that_fails_gives_inf_or_nan(run_c, lowered):
    program = lowered(lambda a: a.log(), 1)
    values, gradients = run_c(program, np.array([[1.0], [0.0], [-1.0]]), np.zeros(0))
    np.testing.assert_array_equal(values[:, 0], [0.0, -np.inf, np.nan])
    np.testing.assert_array_equal(gradients[:, 0], [1.0, np.inf, -1.0])
