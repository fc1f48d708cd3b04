"""Program: checking, showing, evaluating."""

import math

import pytest

from autograd_core import Instruction, Op, Program, Value, compile_graph, gates
from autograd_core.program import AFFINE, DOT, LANE_SUM, OUTER
from autograd_core.program.program import Builder

INF, NAN = math.inf, math.nan


def small(**changes):
    """t3 = x * w, t4 = t3 + 2, t5 = exp t4, its slopes in w and x; 3 registers before them."""
    parts = {
        "inputs": ["x"], "parameters": ["w"], "constants": [2.0],
        "code": [
            Instruction(3, Op(gates["mul"]), (0, 1)), Instruction(4, Op(gates["add"]), (3, 2)),
            Instruction(5, Op(gates["exp"]), (4,)), Instruction(6, LANE_SUM, (5, 0)),
            Instruction(7, Op(gates["mul"]), (5, 1)),
        ],
        "outputs": [5], "gradients": [6, 7], "wrt": [1, 0], "labels": {4: "score"},
    }  # fmt: skip
    return Program(**{**parts, **changes})


def with_line(line, place=2):
    """The small program with another line."""
    code = small().code
    code[place] = line
    return small(code=code, gradients=[], wrt=[], outputs=[3])


@pytest.mark.parametrize(
    "line", [(4, (1,)), (2, (1,)), (3, (3,)), (3, (-1,)), (3, (True,)), (3, (1.0,)), (3, (0, 1))]
)
def test_a_line_is_checked_though_one_of_its_kind_was_right(line):
    first = Instruction(2, Op(gates["sin"]), (0,))
    last = Instruction(line[0], first.op, line[1])
    right = Program(["x", "y"], [], [], [first, last._replace(result=3, operands=(2,))], [3])
    assert right.verify() is right
    with pytest.raises(ValueError, match="line 1 of the program"):
        Program(["x", "y"], [], [], [first, last], [2]).verify()


def matrix(shape, operands, op=AFFINE):
    """A program of one matrix instruction: 3 inputs, 6 parameters."""
    return Program(["a", "b", "c"], list("uvwxyz"), [], [Instruction(9, op, operands, shape)], [9])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (Instruction(6, Op(gates["exp"]), (4,)), "its result must be register 5"),
        (Instruction(4, Op(gates["exp"]), (4,)), "its result must be register 5"),
        (Instruction(5, "exp", (4,)), "its opcode must be an Op or a Sum"),
        (Instruction(5, None, (4,)), "its opcode must be an Op or a Sum"),
        (Instruction(5, Op(gates["exp"]), (4, 3)), "exp takes 1 operands"),
        (Instruction(5, Op(gates["exp"]), ()), "exp takes 1 operands"),
        (Instruction(5, Op(gates["exp"], 0), (4,)), "exp'x takes 2 operands"),
        (Instruction(5, Op(gates["power"]), (4,)), "power takes 2 operands"),
        (Instruction(5, Op(gates["exp"]), (5,)), "reads register 5"),
        (Instruction(5, Op(gates["exp"]), (7,)), "reads register 7"),
        (Instruction(5, Op(gates["exp"]), (-1,)), "reads register -1"),
        (Instruction(5, Op(gates["exp"]), (4.0,)), "reads register 4.0"),
        (Instruction(5, Op(gates["exp"]), ("x",)), "reads register x"),
        (Instruction(5, DOT, (4, 3, 2)), "pairs"),
        (Instruction(5, DOT, ()), "pairs"),
        (Instruction(5, LANE_SUM, (4,)), "lane_sum takes 2 operands"),
        (Instruction(5, Op(gates["exp"]), (4,), (1, 1)), "exp has no shape"),
        (Instruction(5, AFFINE, (4, 3)), "its shape must be"),
        (Instruction(5, OUTER, (4, 3), (1,)), "its shape must be"),
        (Instruction(5, OUTER, (4, 3), (1, 0)), "its shape must be"),
        (Instruction(5, OUTER, (4, 3), (1.0, 1)), "its shape must be"),
        (Instruction(5, OUTER, (4, 3, 2), (1, 1)), "outer takes 2 operands for shape (1, 1)"),
        (Instruction(5, AFFINE, (1, 2), (1, 1)), "affine takes 3 operands for shape (1, 1)"),
        (Instruction(5, AFFINE, (1, 3, 4), (1, 1)), "must be the same in all lanes"),
        (Instruction(5, AFFINE, (4, 1, 4), (1, 1)), "must be the same in all lanes"),
        (Instruction(5, AFFINE, (1, 1, 2), (1, 1)), "must differ between lanes"),
        (Instruction(5, AFFINE, (1, 1, 2, 0, 2), (1, 2)), "must differ between lanes"),
        (Instruction(5, OUTER, (1, 2), (1, 1)), "must differ between lanes"),
    ],
)
def test_verify_names_the_bad_line_and_says_why(line, reason):
    with pytest.raises(ValueError) as found:
        with_line(line).verify()
    assert str(found.value).startswith("line 2 of the program, ")
    assert reason in str(found.value)


@pytest.mark.parametrize("place", [1, -1, "x"])
def test_a_slope_is_that_in_an_operand_of_the_gate(place):
    with pytest.raises(ValueError, match=r"exp.* has no operand at place"):
        Op(gates["exp"], place)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outputs": [8]}, "outputs of the program: there is no register 8, the last is 7"),
        ({"outputs": [-1]}, "there is no register -1"),
        ({"outputs": [5.0]}, "there is no register 5.0"),
        ({"gradients": [6, 9]}, "gradients of the program: there is no register 9"),
        ({"gradients": [6]}, "1 gradients with respect to 2"),
        ({"wrt": [1, 2]}, "2 is not an input or a parameter"),
        ({"wrt": [1, "x"]}, "is not an input or a parameter"),
        ({"gradients": [7, 6]}, "that of w must be summed over lanes"),
        ({"labels": {8: "score"}}, "labels of the program: there is no register 8"),
        ({"labels": {-1: "score"}}, "labels of the program: there is no register -1"),
    ],
)
def test_verify_checks_outputs_gradients_and_labels(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes).verify()


def test_the_first_register_and_the_last_may_be_named():
    for register in (0, 7):
        program = small(labels={register: "name"}, outputs=[register]).verify()
        assert program.labels == {register: "name"} and program.outputs == (register,)
    first = small(gradients=[0], wrt=[0]).verify()
    assert first.gradients == first.wrt == (0,)


def test_verify_returns_what_is_well_formed():
    program = small()
    assert program.verify() is program and len(program) == 5
    assert "5 instructions: 1 inputs, 1 parameters, 1 outputs" in repr(program)
    assert matrix((2, 3), (3, 4, 3, 4, 5, 6, 7, 8, 0, 1, 2)).verify().evaluate(
        [1.0, 10.0, 100.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    )[9:] == [1.0 + 321.0, 2.0 + 654.0]
    assert matrix((1, 2), (0, 1, 2), OUTER).verify().evaluate([2.0, 3.0, 5.0], [0.0] * 6)[9:] == [
        6.0, 10.0,
    ]  # fmt: skip


def test_the_listing_reads_like_the_gates():
    assert small().listing() == (
        "inputs      x\n"
        "parameters  w\n"
        "t3 = x * w\n"
        "t4 = t3 + 2  # score\n"
        "t5 = exp(t4)\n"
        "# backward\n"
        "t6 = lane_sum(t5 x)\n"
        "t7 = t5 * w\n"
        "outputs     t5\n"
        "d/d w = t6\n"
        "d/d x = t7\n"
    )
    w = Value(3.0, "w")
    f = compile_graph(lambda x, y: (w * x - y) ** 2 + w * w)
    f([1.0], [2.0])
    listing = f.program.listing()
    assert "once for all lanes" in listing and "d/d w = " in listing and "** 2" in listing
    assert "affine(2 x 3: " in matrix((2, 3), (3, 4, 3, 4, 5, 6, 7, 8, 0, 1, 2)).listing()


@pytest.mark.parametrize(
    ("gradients", "wrt", "lines"),
    [
        ([5, 6, 7], [0, 1, 2], ["d/d a b c = t5..t7"]),
        ([5, 6, 7], [1, 2, 0], ["d/d b c = t5..t6", "d/d a = t7"]),
        ([6, 5, 7], [0, 1, 2], ["d/d a = t6", "d/d b = t5", "d/d c = t7"]),
        ([5, 7], [0, 1], ["d/d a = t5", "d/d b = t7"]),
        ([7, 5, 6], [0, 1, 2], ["d/d a = t7", "d/d b c = t5..t6"]),
        ([7, 6], [1, 0], ["d/d b = t7", "d/d a = t6"]),
        ([0, 1, 4], [0, 1, 2], ["d/d a b = a b", "d/d c = e"]),
        ([4, 5, 6], [0, 1, 2], ["d/d a b c = e t5 t6"]),
    ],
)
def test_gradients_that_lie_side_by_side_have_one_line(gradients, wrt, lines):
    code = [Instruction(5 + i, Op(gates["exp"]), (i,)) for i in range(3)]
    program = Program(["a", "b", "c", "d", "e"], [], [], code, [], gradients, wrt).verify()
    listing = program.listing().splitlines()
    assert listing[2] == "# backward" and listing[7:] == lines


def test_without_outputs_all_is_backward():
    program = Program(["x"], [], [], [Instruction(1, Op(gates["exp"]), (0,))], [], [1], [0])
    assert program.listing().splitlines()[2:] == [
        "# backward",
        "t1 = exp(x)",
        "outputs     ",
        "d/d x = t1",
    ]


def test_evaluate_gives_all_registers_of_one_lane():
    e = math.exp(8.0)
    assert small().evaluate([2.0], [3.0]) == [2.0, 3.0, 2.0, 6.0, 8.0, e, e * 2.0, e * 3.0]
    for inputs, parameters in (([], [1.0]), ([1.0], []), ([1.0, 2.0], [1.0])):
        with pytest.raises(ValueError, match="takes 1 inputs and 1 parameters"):
            small().evaluate(inputs, parameters)
    failing = with_line(Instruction(5, Op(gates["log"]), (4,)))
    failing.outputs = (5,)
    assert math.isnan(failing.evaluate([-9.0], [1.0])[5])  # nothing raises


# ------------------------------------------------------------------ registers


def test_registers_are_inputs_parameters_constants_then_results():
    program = small()
    assert (program.first_constant, program.first_result) == (2, 3)
    assert [program.constant(r) for r in range(5)] == [None, None, 2.0, None, None]
    assert [program.name(r) for r in range(5)] == ["x", "w", "2", "t3", "t4"]
    assert program.uniform() == [False, True, True, False, False, False, True, False]
    assert len(program) == 5
    assert not program.of_inputs and small(gradients=[7], wrt=[0]).of_inputs
    assert not small(gradients=[], wrt=[]).of_inputs


def test_a_result_of_uniform_operands_is_uniform_and_so_is_a_sum_over_lanes():
    code = [
        Instruction(3, Op(gates["mul"]), (1, 2)), Instruction(4, Op(gates["mul"]), (3, 0)),
        Instruction(5, LANE_SUM, (4, 1)), Instruction(6, Op(gates["exp"]), (5,)),
    ]  # fmt: skip
    program = Program(["x"], ["w"], [3.0], code, [6]).verify()
    assert program.uniform()[3:] == [True, False, True, True]


def test_an_instruction_knows_its_results():
    assert list(Instruction(9, AFFINE, (3, 4, 5, 6, 7, 8, 0, 1), (2, 2)).results) == [9, 10]
    assert list(Instruction(9, OUTER, (0, 1, 2), (1, 2)).results) == [9, 10]
    assert list(Instruction(9, DOT, (0, 1)).results) == [9]
    line = Instruction(9, Op(gates["exp"]), (0,))
    assert (line.size, line.shape, list(line.results)) == (1, (), [9])


# ------------------------------------------------------------------ opcodes


def test_an_opcode_is_a_gate_or_its_slope_in_an_operand():
    tanh, power = gates["tanh"], gates["power"]
    assert (Op(tanh).name, Op(tanh, 0).name, str(Op(power, 0))) == ("tanh", "tanh'x", "power'x")
    assert Op(tanh) == Op(tanh) != Op(tanh, 0) and len({Op(tanh), Op(tanh), Op(power)}) == 2
    assert Op(tanh, 0).arguments == ["y", "x"] and Op(power).arguments == ["x", "exponent"]
    assert [op.arity(()) for op in (Op(tanh), Op(tanh, 0), Op(power, 0))] == [1, 2, 3]


@pytest.mark.parametrize("gate", gates.values(), ids=lambda gate: gate.name)
def test_arity_arguments_and_roles_of_an_opcode_agree(gate):
    for op in (Op(gate), *(Op(gate, i) for i in range(len(gate.operands)))):
        count = op.arity(())
        assert len(op.arguments) == len(op.roles(count)) == count
        assert op.size(()) == 1 and op.shared(()) == 0 and not op.shaped and not op.over_lanes
        text = op.formula([f"v{i}" for i in range(count)])
        assert f"v{count - 1}" in text


@pytest.mark.parametrize(
    "op, text",
    [
        (Op(gates["add"]), "a + b"), (Op(gates["power"]), "a ** b"), (Op(gates["neg"]), "-a"),
        (Op(gates["less"]), "a < b"), (Op(gates["exp"]), "exp(a)"), (Op(gates["max"]), "max(a, b)"),
        (Op(gates["leaky_relu"]), "leaky_relu(a, b)"), (Op(gates["exp"], 0), "exp'(b)"),
        (Op(gates["div"], 1), "div'b(a, b, c)"), (Op(gates["elu"], 0), "elu'(b, c)"),
        (Op(gates["where"]), "where(a, b, c)"),
    ],
)  # fmt: skip
def test_a_formula_is_written_as_its_gate_is(op, text):
    assert op.formula(["a", "b", "c"][: op.arity(())]) == text


def test_roles_name_the_operands_where_their_places_do_not_say_it():
    assert Op(gates["add"]).roles(2) == ["", ""] and Op(gates["exp"]).roles(1) == [""]
    assert Op(gates["div"]).roles(2) == ["a", "b"]
    assert Op(gates["power"]).roles(2) == ["", "exponent"]
    assert Op(gates["elu"], 0).roles(3) == ["out", "x", "alpha"]


def test_the_value_of_an_opcode_is_that_of_its_rule():
    assert Op(gates["mul"]).value([3.0, 4.0]) == [12.0]
    assert Op(gates["mul"], 1).value([12.0, 3.0, 4.0]) == [3.0]
    assert Op(gates["less"]).value([3.0, 4.0]) == [1.0]
    assert math.isnan(Op(gates["log"]).value([-1.0])[0])  # quiet


# ------------------------------------------------------------------ Builder


def test_a_builder_makes_a_program_of_what_was_emitted():
    made = Builder(["x"], ["w"])
    two = made.constant(2.0)
    y = made.gate("mul", 0, 1)
    z = made.gate("add", y, two)
    program = made.program([z], labels={y: "product"}).verify()
    assert program.listing() == (
        "inputs      x\nparameters  w\nt3 = x * w  # product\nt4 = t3 + 2\noutputs     t4\n"
    )


def test_a_constant_has_one_register_for_each_pattern_of_bits():
    made = Builder(["x"], [])
    numbers = [0.0, -0.0, 1.0, 0.0, NAN, NAN, INF]
    registers = [made.constant(x) for x in numbers]
    assert len(set(registers)) == 5 and registers[0] == registers[3] != registers[1]
    assert [made.number(r) for r in registers[:3]] == [0.0, -0.0, 1.0]
    assert made.number(0) is None and made.number(made.gate("exp", 0)) is None


def test_a_builder_knows_the_constants_that_it_was_given():
    made = Builder(["x"], [], [2.0, 3.0, 2.0])
    assert [made.constant(number) for number in (2.0, 3.0, 5.0)] == [1, 2, -1]
    assert [made.number(register) for register in (0, 1, 2, 3, -1, 4)] == [
        None, 2.0, 3.0, 2.0, 5.0, None,
    ]  # fmt: skip


def test_constants_that_nothing_reads_are_left_out():
    made = Builder(["x"], [])
    made.constant(1.0)
    y = made.gate("mul", 0, made.constant(2.0))
    made.constant(3.0)
    program = made.program([y, made.constant(4.0)]).verify()
    assert program.constants == (2.0, 4.0)
    assert program.evaluate([5.0])[-1] == 10.0
    assert program.outputs == (3, 2)


def test_the_results_of_a_matrix_lie_one_after_another():
    made = Builder(["x", "y"], ["w"])
    first = made.emit(OUTER, (0, 1), (1, 1))
    start = made.emit(OUTER, (0, 1, 0), (1, 2))
    last = made.gate("exp", start + 1)
    program = made.program([first, start, last]).verify()
    assert program.evaluate([2.0, 3.0], [0.0])[3:] == [6.0, 6.0, 4.0, math.exp(4.0)]


def test_a_program_of_an_input_alone_has_no_code():
    program = Builder(["x"], []).program([0]).verify()
    assert (len(program), program.evaluate([3.0])) == (0, [3.0])
    assert program.listing() == "inputs      x\nparameters  \noutputs     x\n"
