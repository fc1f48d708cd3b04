"""Program: checking, showing, evaluating, keeping."""

import json
import math

import pytest

from autograd_core import Gate, Instruction, Program, Value, apply, compile_graph, gates

INF, NAN = math.inf, math.nan


@pytest.fixture(autouse=True)
def plain_numpy(monkeypatch):
    monkeypatch.setenv("AUTOGRAD_CORE_EXECUTOR", "numpy")


def small(**changes):
    """t3 = x * w, t4 = t3 + 2, t5 = exp t4, its slopes in w and x; 3 registers before them."""
    parts = {
        "inputs": ["x"], "parameters": ["w"], "constants": [2.0],
        "code": [
            Instruction(3, "mul", (0, 1)), Instruction(4, "add", (3, 2)),
            Instruction(5, "exp", (4,)), Instruction(6, "total", (5, 0)),
            Instruction(7, "mul", (5, 1)),
        ],
        "outputs": [5], "gradients": [6, 7], "wrt": [1, 0], "labels": {4: "score"},
    }  # fmt: skip
    return Program(**{**parts, **changes})


def with_line(line, place=2):
    """The small program with another line."""
    code = small().code
    code[place] = line
    return small(code=code, gradients=[], wrt=[], outputs=[3])


def matrix(shape, operands, op="product"):
    """A program of one matrix instruction: 3 inputs, 6 parameters."""
    return Program(["a", "b", "c"], list("uvwxyz"), [], [Instruction(9, op, operands, shape)], [9])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (Instruction(6, "exp", (4,)), "its result must be register 5"),
        (Instruction(4, "exp", (4,)), "its result must be register 5"),
        (Instruction(5, "exponential", (4,)), "there is no opcode 'exponential'"),
        (Instruction(5, "exp'y", (4, 3)), "there is no opcode"),
        (Instruction(5, "exp'", (4, 3)), "there is no opcode"),
        (Instruction(5, "nothing'x", (4, 3)), "there is no opcode"),
        (Instruction(5, None, (4,)), "there is no opcode None"),
        (Instruction(5, "exp", (4, 3)), "exp takes 1 operands"),
        (Instruction(5, "exp", ()), "exp takes 1 operands"),
        (Instruction(5, "exp'x", (4,)), "exp'x takes 2 operands"),
        (Instruction(5, "power", (4,)), "power takes 2 operands"),
        (Instruction(5, "exp", (5,)), "reads register 5"),
        (Instruction(5, "exp", (7,)), "reads register 7"),
        (Instruction(5, "exp", (-1,)), "reads register -1"),
        (Instruction(5, "exp", (4.0,)), "reads register 4.0"),
        (Instruction(5, "exp", ("x",)), "reads register x"),
        (Instruction(5, "dot", (4, 3, 2)), "pairs"),
        (Instruction(5, "dot", ()), "pairs"),
        (Instruction(5, "total", (4,)), "total takes 2 operands"),
        (Instruction(5, "exp", (4,), (1, 1)), "only product and outer have a shape"),
        (Instruction(5, "product", (4, 3)), "its shape must be"),
        (Instruction(5, "outer", (4, 3), (1,)), "its shape must be"),
        (Instruction(5, "outer", (4, 3), (1, 0)), "its shape must be"),
        (Instruction(5, "outer", (4, 3), (1.0, 1)), "its shape must be"),
        (Instruction(5, "outer", (4, 3, 2), (1, 1)), "its shape needs 2 operands"),
        (Instruction(5, "product", (1, 2), (1, 1)), "its shape needs 3 operands"),
        (Instruction(5, "product", (1, 3, 4), (1, 1)), "must be the same in all lanes"),
        (Instruction(5, "product", (4, 1, 4), (1, 1)), "must be the same in all lanes"),
        (Instruction(5, "product", (1, 1, 2), (1, 1)), "must differ between lanes"),
        (Instruction(5, "product", (1, 1, 2, 0, 2), (1, 2)), "must differ between lanes"),
        (Instruction(5, "outer", (1, 2), (1, 1)), "must differ between lanes"),
    ],
)
def test_verify_names_the_bad_line_and_says_why(line, reason):
    with pytest.raises(ValueError) as found:
        with_line(line).verify()
    assert str(found.value).startswith("line 2 of the program, ")
    assert reason in str(found.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outputs": [8]}, "outputs of the program: there is no register 8, the last is 7"),
        ({"outputs": [-1]}, "there is no register -1"),
        ({"outputs": [5.0]}, "there is no register 5.0"),
        ({"gradients": [6, 9]}, "gradients of the program: there is no register 9"),
        ({"gradients": [6]}, "1 gradients with respect to 2"),
        ({"wrt": [1, 2]}, "2 is no input and no parameter"),
        ({"wrt": [1, "x"]}, "is no input and no parameter"),
        ({"gradients": [7, 6]}, "that of w must be summed over lanes"),
        ({"labels": {8: "score"}}, "labels of the program: there is no register 8"),
        ({"labels": {-1: "score"}}, "labels of the program: there is no register -1"),
    ],
)
def test_verify_looks_at_results_too(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes).verify()


def test_verify_returns_what_is_well_formed():
    program = small()
    assert program.verify() is program and len(program) == 5
    assert "5 instructions: 1 inputs, 1 parameters, 1 outputs" in repr(program)
    assert matrix((2, 3), (3, 4, 3, 4, 5, 6, 7, 8, 0, 1, 2)).verify().evaluate(
        [1.0, 10.0, 100.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    )[9:] == [1.0 + 321.0, 2.0 + 654.0]
    assert matrix((1, 2), (0, 1, 2), "outer").verify().evaluate([2.0, 3.0, 5.0], [0.0] * 6)[9:] == [
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
        "t6 = total(t5 x)\n"
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
    assert "product(2 x 3: " in matrix((2, 3), (3, 4, 3, 4, 5, 6, 7, 8, 0, 1, 2)).listing()


def test_evaluate_gives_all_registers_of_one_lane():
    e = math.exp(8.0)
    assert small().evaluate([2.0], [3.0]) == [2.0, 3.0, 2.0, 6.0, 8.0, e, e * 2.0, e * 3.0]
    for inputs, parameters in (([], [1.0]), ([1.0], []), ([1.0, 2.0], [1.0])):
        with pytest.raises(ValueError, match="takes 1 inputs and 1 parameters"):
            small().evaluate(inputs, parameters)
    failing = with_line(Instruction(5, "log", (4,)))
    failing.outputs = (5,)
    assert math.isnan(failing.evaluate([-9.0], [1.0])[5])  # nothing raises


SPECIAL = (INF, -INF, NAN, -0.0, 0.0, 5e-324, 0.1, 1e308)


def test_json_keeps_every_bit():
    program = small(
        constants=[2.0, *SPECIAL],
        code=[Instruction(11, "add", (0, 2)), Instruction(12, "outer", (0, 11, 0, 11), (2, 2))],
        outputs=[12, 15], gradients=[], wrt=[], labels={11: "sum \N{GREEK SMALL LETTER SIGMA} \"'"},
    )  # fmt: skip
    again = Program.from_json(program.to_json())
    json.loads(program.to_json(), parse_constant=pytest.fail)  # it is JSON to others too
    assert [c.hex() for c in again.constants] == [c.hex() for c in program.constants]
    for part in ("inputs", "parameters", "code", "outputs", "gradients", "wrt", "labels"):
        assert getattr(again, part) == getattr(program, part)
    assert again.listing() == program.listing() and again.to_json() == program.to_json()


def test_a_traced_program_is_kept_and_computes_the_same():
    w = Value(0.3, "w")
    f = compile_graph(lambda x: ((w * x[0]).tanh() + x[1] ** 3).sigmoid())
    program = f.trace([[0.0, 0.0]])
    again = Program.from_json(program.to_json())
    assert again.evaluate([0.5, 2.0], [0.3]) == program.evaluate([0.5, 2.0], [0.3])


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "program.json"
    small().save(path)
    assert Program.load(str(path)).to_json() == small().to_json()
    before = path.read_text(encoding="utf-8")
    own = Gate("mine", lambda xp, x: x, lambda xp, y, x: (1.0,), latex="", slopes=("",))
    f = compile_graph(lambda x: apply(own, x))
    f([1.0])
    with pytest.raises(ValueError, match=r"mine.*gates\.add"):
        f.program.save(path)
    assert path.read_text(encoding="utf-8") == before
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        small().save(tmp_path / "folder")
    with pytest.raises(OSError):
        small().save(tmp_path / "missing" / "program.json")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "program.json"]


def changed(**changes):
    return json.dumps({**json.loads(small().to_json()), **changes})


@pytest.mark.parametrize(
    "text",
    [
        "", "garbage", "[]", "3", "null", '"text"', "{}", '{"format": 1}', "[" * 100_000,
        changed(format=2), changed(code=[["exp"]]), changed(code=[["exp", [0], [1, 2], 3]]),
        changed(code=[["outer", [0, 0], [1]]]), changed(code=[["product", [0, 0], ["a", 1]]]),
        changed(code=[[5, [0]]]), changed(code=[["exp", ["x"]]]), changed(code=7),
        changed(code=[["exp", [9]]]), changed(constants=["abc"]), changed(constants=[None]),
        changed(constants=[10**400]), changed(labels={"99": "score"}),
        changed(outputs=["x"]), changed(outputs=[99]), changed(wrt=["x", 0]), changed(wrt=[0]),
        changed(labels=[1]), changed(labels={"a": "b"}), changed(labels={"4": 5}),
        changed(inputs=[1]), changed(inputs=3), changed(parameters=[None]),
    ],
)  # fmt: skip
def test_what_is_no_program_is_refused(text, tmp_path):
    with pytest.raises(ValueError):
        Program.from_json(text)
    path = tmp_path / "program.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError):
        Program.load(path)


def test_bytes_that_are_no_text_and_gates_that_are_missing(tmp_path):
    path = tmp_path / "program.json"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(ValueError):
        Program.load(path)
    assert "cubed" not in gates
    text = small().to_json().replace('"exp"', '"cubed"')
    with pytest.raises(ValueError, match=r"line 2 of the program.*no opcode 'cubed'"):
        Program.from_json(text)


@pytest.mark.parametrize("executor", ["numpy", "numba"])
def test_a_saved_program_runs(tmp_path, executor):
    pytest.importorskip(executor)
    w, b = Value(2.0, "w"), Value(-1.0, "b")
    f = compile_graph(lambda x, y: (w * x[0] + b * x[1] - y) ** 2, [w, b], executor="numpy")
    xs, ys = [[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]], [1.0, 0.0, 2.0]
    value, gradient = f.value_and_grad(xs, ys)
    f.program.save(tmp_path / "loss.json")
    loaded = Program.load(tmp_path / "loss.json")
    rows = [[*x, y] for x, y in zip(xs, ys, strict=True)]
    outputs, gradients = loaded.run(rows, [2.0, -1.0], executor)
    assert outputs.shape == (3, 1) and outputs.mean() == pytest.approx(value, rel=1e-12)
    assert (gradients / 3).tolist() == pytest.approx(gradient.tolist(), rel=1e-12)
    with pytest.raises(ValueError, match=r"inputs of shape \(lanes, 3\) and 2 parameters"):
        loaded.run(xs, [2.0, -1.0], executor)
