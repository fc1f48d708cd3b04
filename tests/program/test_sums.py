"""The sums: what each entry says of one agrees; a new entry runs everywhere at once."""

import random

import numpy as np
import pytest

from autograd_core import Instruction, Op, Program, gates, run, to_c, to_numpy
from autograd_core.program import AFFINE, DOT, LANE_SUM, OUTER, Sum
from autograd_core.program.executors import EXECUTORS, is_there
from autograd_core.program.passes import expand, optimise
from autograd_core.program.schedule import COPY, SPREAD, Schedule
from autograd_core.program.sums import SUMS, abridged, pairs_sum

KNOWN = [
    (DOT, 2, ()), (DOT, 4, ()), (DOT, 14, ()), (LANE_SUM, 2, ()),
    (AFFINE, 3, (1, 1)), (AFFINE, 11, (2, 3)), (AFFINE, 23, (5, 3)), (AFFINE, 9, (1, 4)),
    (OUTER, 2, (1, 1)), (OUTER, 5, (2, 3)), (OUTER, 9, (5, 4)),
]  # fmt: skip
each_use = pytest.mark.parametrize(
    "entry, count, shape", KNOWN, ids=[f"{entry} {count} {shape}" for entry, count, shape in KNOWN]
)


def program_of(entry, count, shape):
    """One sum: of parameters where its operands are shared, of inputs where they are not."""
    shared = entry.shared(shape)
    inputs, parameters = [f"x{i}" for i in range(count - shared)], [f"w{i}" for i in range(shared)]
    operands = (*range(len(inputs), count), *range(len(inputs)))
    results = range(count, count + entry.size(shape))
    line = Instruction(count, entry, operands, shape)
    return Program(inputs, parameters, [], [line], results).verify()


def drawn(count, seed=0):
    rng = random.Random(seed)
    return [rng.gauss(0.0, 1.0) for _ in range(count)]


def outputs(program, inputs, parameters):
    """The outputs of a single lane, by the rules on floats."""
    registers = program.evaluate(inputs, parameters)
    return [registers[r] for r in program.outputs]


@each_use
def test_what_an_entry_says_of_its_operands_and_results_agrees(entry, count, shape):
    assert entry.arity(shape) in (None, count)
    numbers = drawn(count)
    assert len(entry.value(numbers, shape)) == entry.size(shape)
    assert len(entry.roles(count, shape)) == count
    assert 0 <= entry.shared(shape) <= count
    assert entry.shaped == bool(shape)
    line = program_of(entry, count, shape).code[0]
    assert line.size == len(line.results) == entry.size(shape)
    text = entry.formula([f"v{i}" for i in range(count)], shape)
    assert text.startswith(f"{entry.name}(") and "v0" in text and f"v{count - 1}" in text


@each_use
def test_evaluate_gives_the_value_of_the_entry(entry, count, shape):
    program = program_of(entry, count, shape)
    shared = entry.shared(shape)
    numbers = drawn(count)
    assert outputs(program, numbers[shared:], numbers[:shared]) == entry.value(numbers, shape)


@each_use
@pytest.mark.parametrize("seed", range(5))
def test_the_parts_of_a_sum_come_to_its_value(entry, count, shape, seed):
    if entry is LANE_SUM:
        return  # it is its own part
    program = program_of(entry, count, shape)
    spelt = expand(program, (LANE_SUM,)).verify()
    assert {line.op for line in spelt.code} <= {Op(gates["add"]), Op(gates["mul"]), LANE_SUM}
    shared = entry.shared(shape)
    numbers = drawn(count, seed)
    found = outputs(spelt, numbers[shared:], numbers[:shared])
    assert found == pytest.approx(
        outputs(program, numbers[shared:], numbers[:shared]), rel=1e-15, abs=1e-15
    )


@each_use
def test_a_sum_over_lanes_is_one_number_for_all_and_the_others_one_per_lane(entry, count, shape):
    program = program_of(entry, count, shape)
    assert program.uniform()[count:] == [entry.over_lanes] * entry.size(shape)
    assert expand(program, SUMS) is program


def test_names_are_each_entrys_alone():
    entries = [*SUMS, SPREAD, COPY]
    assert len({entry.name for entry in entries}) == len(entries)
    assert SUMS == (DOT, AFFINE, LANE_SUM, OUTER)
    assert [str(entry) for entry in SUMS] == ["dot", "affine", "lane_sum", "outer"]


def test_formulas_read_like_the_sums():
    names = [f"v{i}" for i in range(11)]
    assert DOT.formula(["a", "b", "c", "1"], ()) == "dot(a b, c)"
    assert LANE_SUM.formula(["a", "1"], ()) == "lane_sum(a)"
    assert AFFINE.formula(names, (2, 3)) == "affine(2 x 3: v2 v3 ... v7; v8 v9 v10) + (v0 v1)"
    assert OUTER.formula(names[:5], (2, 3)) == "outer(2 x 3: v0 v1; v2 v3 v4)"


def test_roles_say_what_an_operand_is_where_that_says_something():
    assert DOT.roles(2, ()) == ["", ""] and DOT.roles(4, ()) == ["1", "1", "2", "2"]
    assert AFFINE.roles(5, (1, 2)) == ["bias", "matrix", "matrix", "", ""]
    assert OUTER.roles(3, (1, 2)) == ["a", "b", "b"]


def test_values_by_hand():
    assert DOT.value([2.0, 3.0, 5.0, 7.0], ()) == [41.0]
    assert LANE_SUM.value([2.0, 3.0], ()) == [6.0]
    assert AFFINE.value([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 10.0, 100.0], (2, 2)) == [431.0, 652.0]
    assert OUTER.value([2.0, 3.0, 5.0, 7.0], (2, 2)) == [10.0, 14.0, 15.0, 21.0]


def test_a_sum_of_zeros_keeps_their_sign():
    assert pairs_sum([0.0, -0.0], [-1.0, 1.0]).hex() == "-0x0.0p+0"
    assert pairs_sum([], []).hex() == "-0x0.0p+0"
    spelt = expand(program_of(DOT, 4, ()), (LANE_SUM,))
    assert outputs(spelt, [0.0, -1.0, -0.0, 1.0], [])[0].hex() == "-0x0.0p+0"


def test_many_names_are_abridged():
    assert abridged(["a", "b", "c", "d", "e"]) == "a b c d e"
    assert abridged(["a", "b", "c", "d", "e", "f"]) == "a b ... f"
    assert abridged([]) == ""


# ------------------------------------------------------------------ a new entry


def squares_parts(builder, operands, shape):
    """One dot of each row with itself."""
    n, m = shape
    rows = [operands[i * m : (i + 1) * m] for i in range(n)]
    return [builder.emit(DOT, tuple(r for x in row for r in (x, x))) for row in rows]


SQUARES = Sum(
    "squares", shaped=True, parts=squares_parts,
    arity=lambda shape: shape[0] * shape[1],
    size=lambda shape: shape[0],
    value=lambda numbers, shape: [
        pairs_sum(row, row)
        for i in range(shape[0])
        for row in [numbers[i * shape[1] : (i + 1) * shape[1]]]
    ],
    formula=lambda names, shape: f"squares({abridged(names)})",
    roles=lambda count, shape: ["x"] * count,
)  # fmt: skip


def total_parts(builder, operands, shape):
    return [builder.emit(LANE_SUM, (operands[0], builder.constant(1.0)))]


TOTAL = Sum(
    "total", over_lanes=True, parts=total_parts, arity=lambda shape: 1,
    value=lambda numbers, shape: [numbers[0]],
    formula=lambda names, shape: f"total({names[0]})", roles=lambda count, shape: [""],
)  # fmt: skip


def with_new_sums():
    """n = sqrt(w (x0^2 + x1^2)), its other row, and a gradient that is a new sum over lanes."""
    code = [
        Instruction(5, SQUARES, (0, 1, 2, 3), (2, 2)), Instruction(7, Op(gates["mul"]), (4, 5)),
        Instruction(8, Op(gates["sqrt"]), (7,)), Instruction(9, Op(gates["mul"]), (6, 6)),
        Instruction(10, TOTAL, (5,)),
    ]  # fmt: skip
    names = ["x[0]", "x[1]", "x[2]", "x[3]"]
    return Program(names, ["w"], [], code, [8, 6, 9], [10], [4], {5: "norm"})


ROWS = np.array([[3.0, 4.0, 1.0, 2.0], [1.0, 0.0, -2.0, 0.5], [0.6, 0.8, 0.0, 1.0]])
WEIGHT = np.array([4.0])
FIRST, SECOND = (ROWS[:, :2] ** 2).sum(axis=1), (ROWS[:, 2:] ** 2).sum(axis=1)
WANTED = np.transpose([np.sqrt(4.0 * FIRST), SECOND, SECOND**2])


def test_a_new_sum_is_verified_shown_and_evaluated():
    program = with_new_sums()
    assert program.verify() is program
    assert "t5..t6 = squares(x[0] x[1] x[2] x[3])  # norm\n" in program.listing()
    assert program.uniform()[5:] == [False] * 5 + [True]
    assert outputs(program, list(ROWS[0]), [4.0]) == [10.0, 5.0, 25.0]
    wrong = with_new_sums()
    wrong.code[0] = Instruction(5, SQUARES, (0, 1, 2), (2, 2))
    with pytest.raises(ValueError, match=r"squares takes 4 operands for shape \(2, 2\)"):
        wrong.verify()


def test_a_new_sum_passes_the_passes():
    program = with_new_sums()
    assert optimise(program).listing() == program.listing()
    spelt = expand(program, SUMS).verify()
    assert [line.op for line in spelt.code if isinstance(line.op, Sum)] == [DOT, DOT, LANE_SUM]
    assert outputs(spelt, list(ROWS[0]), [4.0]) == [10.0, 5.0, 25.0]


def test_a_plan_spells_out_the_sums_that_its_reader_does_not_know():
    assert {SQUARES, TOTAL}.isdisjoint(block.op for block in Schedule(with_new_sums()).blocks)
    known = Schedule(with_new_sums(), sums=(DOT, LANE_SUM, TOTAL))
    assert TOTAL in [block.op for block in known.blocks]


@pytest.mark.parametrize("executor", [*filter(is_there, EXECUTORS)])
def test_a_new_sum_runs_on_each_executor(executor):
    values, gradients = run(with_new_sums(), ROWS, WEIGHT, executor)
    np.testing.assert_allclose(values, WANTED, rtol=1e-14)
    np.testing.assert_allclose(gradients, [FIRST.sum()], rtol=1e-14)


def test_a_new_sum_is_written_in_each_language(run_text):
    values, gradients = run_text(with_new_sums(), ROWS, WEIGHT)
    np.testing.assert_allclose(values, WANTED, rtol=1e-14)
    np.testing.assert_allclose(gradients, [FIRST.sum()], rtol=1e-14)
    for text in (to_c(with_new_sums()), to_numpy(with_new_sums())):
        assert "squares" not in text and "total(" not in text
