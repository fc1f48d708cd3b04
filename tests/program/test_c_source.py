"""to_c: the text, and what it refuses."""

import math
import re

import numpy as np
import pytest

from autograd_core import Gate, Instruction, Op, Program, Value, gates, run, to_c
from autograd_core.program import AFFINE, DOT, LANE_SUM, OUTER, c_source
from autograd_core.program.lower import lower
from autograd_core.program.passes import optimise
from autograd_core.program.schedule import Schedule
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


def test_a_text_may_be_as_long_as_a_compiler_takes(monkeypatch, lowered):
    program = lowered(lambda a: a.tanh(), 1)
    lines = to_c(program).count("\n")
    monkeypatch.setattr(c_source, "LONGEST", lines)
    assert to_c(program).count("\n") == lines
    monkeypatch.setattr(c_source, "LONGEST", lines - 1)
    with pytest.raises(ValueError, match=f"would have {lines} lines, above the {lines - 1} that"):
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


# ------------------------------------------------------------------ its statements


def in_python(text):
    """The function of a C text in Python, line by line: it needs no compiler, and no gate of its
    own may be in it. A place beyond the workspace, or a block with nothing in it, is an error."""
    head, _, body = text.partition("restrict workspace)\n")
    arrays = {}
    for name, count, entries in re.findall(r"(\w+)\[(\d+)\] = \{(.*?)\}", head, re.DOTALL):
        arrays[name] = eval(f"[{entries}]", {"INFINITY": math.inf, "NAN": math.nan})
        assert len(arrays[name]) == int(count)
    spelt = (
        (r" */\*.*|;|\(void\)|\(double\)|\bdouble (\*restrict const )?", ""), (r"^\{", "if True:"),
        (r"for \(size_t (\w+) = 0 \1 < (\w+) \1\+\+\) \{", r"for \1 in range(\2):"),
        (r"if \((\w+) != NULL\) \{", r"if \1 is not None:"),
    )  # fmt: skip
    lines, depth = ["def f(lanes, inputs, parameters, outputs, gradients, workspace):"], 1
    for line in map(str.strip, body.splitlines()):
        for pattern, instead in spelt:
            line = re.sub(pattern, instead, line)
        if line != "}":
            lines.append("    " * depth + line)
        depth += line.endswith(":") - (line == "}")
    made = {**vars(math), **arrays}
    exec("\n".join(lines), made)
    return made["f"]


def gate_free_programs():
    """All kinds of statements: sums long and short, before the loop, in it, of the lanes, after."""
    twice = [
        Instruction(2, LANE_SUM, (0, 1)), line(3, "sub", 0, 2), line(4, "mul", 3, 3),
        Instruction(5, LANE_SUM, (4, 1)), line(6, "mul", 4, 5),
    ]  # fmt: skip
    short = [
        Instruction(20, DOT, (0, 19, 1, 18)), line(21, "power", 20, 19),
        Instruction(22, DOT, (19, 18, 18, 18)), Instruction(23, LANE_SUM, (18, 18)),
    ]  # fmt: skip
    pairs = [x for pair in zip(range(9), (8, 1, 7, 0, 3, 2, 6, 18, 4), strict=True) for x in pair]
    names = [f"x{i}" for i in range(18)]
    yield Program(["x"], [], [1.0], twice, [4, 5, 0, 6], [3, 1, 5], [0, 0, 0])
    yield Program(["x"], [], [1.0], twice, [5, 0], [2], [0])
    yield Program(names, ["w"], [2.0], short, [20, 22, 21, 23], [23, 20, 22], [0, 1, 2])
    yield Program(names, ["w"], [2.0], short, [22, 21], [22], [18])
    yield Program(names, ["w"], [2.0], [Instruction(20, DOT, pairs)], [20, 18, 19, 3])
    yield Program(names, [], [], [Instruction(18, DOT, tuple(range(18)))], [18])
    yield Program(names, [], [], [line(18 + i, "exp", 17 - i) for i in range(18)], range(18, 36))
    yield Program(names, [], [], [line(18 + i, "exp", i * i % 17) for i in range(9)], range(18, 27))
    powers = [line(20 + i, "power", i, 18 + i % 2) for i in range(18)]
    yield Program(names, [], [2.0, 3.0], powers, range(20, 38))
    yield Program(["x"], ["w", "v"], [], [line(3, "mul", 1, 2), line(4, "exp", 3)], [4], [3], [1])
    for n, m, order in (
        (2, 3, range(6)), (2, 3, (3, 0, 5, 1, 4, 2)), (1, 2, (1, 0)), (3, 1, (2, 0, 1)),
        (9, 4, range(36)),
    ):  # fmt: skip
        first, matrix = m + n + n * m, [m + n + k for k in order]
        code = [
            Instruction(first, AFFINE, (*range(m, m + n), *matrix, *range(m)), (n, m)),
            Instruction(first + n, OUTER, (*range(first, first + n), *range(m)), (n, m)),
            Instruction(first + n + n * m, LANE_SUM, (first, first)),
        ]
        weights = [f"w{i}" for i in range(n + n * m)]
        slopes = [first + n + n * m] * n + [*range(first + n, first + n + n * m)]
        yield Program([f"x{i}" for i in range(m)], weights, [], code, [first], slopes,
                      range(m, first))  # fmt: skip


def line(result, name, *operands):
    return Instruction(result, Op(gates[name]), operands)


@pytest.mark.parametrize("program", list(gate_free_programs()))
def test_line_by_line_the_text_computes_the_program(program):
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(4, len(program.inputs))), rng.normal(size=len(program.parameters))
    values, gradients = run(program, x, w)
    text = to_c(program)
    (room,) = re.findall(r"_workspace = (\d+);", text)
    workspace = [math.nan] * int(room)
    found = np.full(values.size, np.nan), np.full(gradients.size, np.nan)
    given = (4, x.ravel(), w)
    total = in_python(text)(*given, *found, workspace)
    for mine, right in zip(found, (values, gradients), strict=True):
        np.testing.assert_allclose(mine, right.ravel(), rtol=1e-12)
    assert total == pytest.approx(values[:, 0].sum(), rel=1e-12) and workspace[-1] == 4.0
    assert in_python(text)(*given, None, None, workspace) == total


# ------------------------------------------------------------------ the text


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


def test_of_many_names_the_head_gives_three_and_the_last():
    def text(count):
        names = [f"x{i}" for i in range(count)]
        return to_c(Program(names, [], [], [line(count, "exp", 0)], [count]))

    assert "lanes x 6, one row per example: x0, x1, x2, x3, x4, x5\n" in text(6)
    assert "lanes x 7, one row per example: x0, x1, x2, ..., x6\n" in text(7)


def test_labels_are_written_beside_what_they_name():
    code = [line(9 + i, "exp", i) for i in range(9)]
    code += [Instruction(18, DOT, tuple(range(18))), Instruction(19, DOT, (0, 9))]
    names, labels = [f"x{i}" for i in range(9)], {9: "first", 17: "last", 18: "long", 19: "short"}
    text = to_c(Program(names, [], [], code, [19, 18], labels=labels))
    for there in (
        "exp(t[0 + i]);  /* first ... last */",
        "total;  /* long */",
        "t[9];  /* short */",
    ):
        assert there in text
    assert text.count("/*") == 4  # with that of the head
    labels = {9: "one"}
    text = to_c(Program(names, [], [], code[:1], [9], labels=labels))
    assert "t[9] = exp(t[0]);  /* one */" in text


def test_only_what_is_not_read_is_said_to_be_void(lowered):
    text = to_c(lowered(lambda a: a * a, 1))
    assert text.count("(void)") == 1 and "(void)parameters;" in text
    text = to_c(Program(["x"], ["w"], [], [line(2, "exp", 1)], [2]))
    assert text.count("(void)") == 2 and "(void)inputs;" in text and "(void)gradients;" in text


@pytest.mark.parametrize("last, kind", [(65_535, "unsigned"), (65_536, "unsigned long")])
def test_places_in_a_table_are_of_a_type_that_has_room_for_them(last, kind):
    """C promises 16 bits for an unsigned, and 32 for an unsigned long."""
    writer = c_source._Writer(Schedule(Program(["x"], [], [], [], [0])), "f")
    for _ in range(2):
        assert writer._places((3, last, 7), "i") == "places_0[i]"
    assert writer.tables == [f"static const {kind} places_0[3] = {{\n    3, {last}, 7\n}};\n"]


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


def test_a_loop_over_the_lanes_does_again_only_what_it_needs():
    code = [line(2, "exp", 0), Instruction(3, LANE_SUM, (2, 1)), line(4, "tanh", 0)]
    code += [line(5, "mul", 4, 3), line(6, "sin", 0), line(7, "cos", 6)]
    text = to_c(Program(["x"], [], [1.0], code, [5, 7]))
    assert [text.count(f"{name}(") for name in ("exp", "tanh", "sin", "cos")] == [1] * 4
    assert text.count("lane < lanes") == 2
    text = to_c(Program(["x"], ["w"], [], [line(2, "power", 0, 1)], [2]))
    assert "t[3] = pow(t[1], t[0]);" in text and text.count("lane < lanes") == 1
    assert "constants" not in text


def test_a_matrix_has_a_formula_for_its_places_and_1_is_no_factor():
    code = [Instruction(12, AFFINE, (*range(3, 11), *range(3)), (2, 3)), line(14, "exp", 12)]
    code += [Instruction(15, LANE_SUM, (11, 14)), Instruction(16, LANE_SUM, (13, 11))]
    text = to_c(Program([*"xyz"], [f"w{i}" for i in range(8)], [1.0], code, [15, 16]))
    assert "total += t[2 + 3 * i + k] * t[11 + k];" in text
    assert "places" not in text and " 1.0" not in text.partition("sum = 0.0")[2]


def test_a_gate_of_ones_own_has_a_name_that_c_takes():
    odd = Gate("my */ größe_2", lambda xp, x: x * xp.exp(x) * x, lambda xp, y, x: (y,), latex="",
               slopes=("",))  # fmt: skip
    text = to_c(Program(["x"], [], [], [Instruction(1, Op(odd), (0,))], [1]))
    assert "static inline double gate_my____gr__e_2(double x)" in text


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
