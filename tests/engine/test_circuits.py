"""Random circuits: they can be computed, use all gates, and get smaller part by part."""

import math
from random import Random

import pytest

from autograd_core import Value, exp, gates, leaky_relu, no_grad, topological
from autograd_core.circuits import NUMBERS, Circuit, expression, names, random_circuit

try:
    import viz
except ImportError:  # the engine alone
    viz = None

SOME = [gates[name] for name in ("add", "mul", "sub", "max", "div", "exp", "log", "power")]


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_a_circuit_is_as_large_as_asked_and_all_of_it_counts(size):
    rng = Random(size)
    for k in range(40):
        first = SOME[k % len(SOME)]
        circuit = random_circuit(rng, [first, *SOME], size)
        values = circuit.values()
        root = values[-1]
        assert set(topological(root)) == set(values) and root.gate is first
        assert 1 <= circuit.size <= size and circuit.is_fit()
        assert len({v.label for v in values}) == len(values) and root.label == "f"
        for v in values:
            assert v.data == 0.0 or 0.01 <= abs(v.data) <= 100.0
            numbers = [x.data for x in set(v.inputs)]
            assert len(set(numbers)) == len(numbers) and 0.0 not in numbers


def test_the_same_generator_gives_the_same_circuits():
    assert [str(random_circuit(Random(3), SOME, 6)) for _ in range(2)] == [
        str(random_circuit(Random(3), SOME, 6))
    ] * 2


def test_smaller_circuits_are_smaller_or_simpler():
    rng = Random(0)
    for _ in range(20):
        circuit = random_circuit(rng, SOME, 5)
        for other in circuit.smaller(rng, SOME):
            assert other != circuit and other.is_fit() and 0 < other.size <= circuit.size
            if other.size == circuit.size:
                changed = [
                    (SOME.index(old[0]), SOME.index(new[0]))
                    for old, new in zip(circuit.steps, other.steps, strict=True)
                    if old != new
                ]
                assert len(changed) == 1 and changed[0][1] < changed[0][0]


def test_names_go_by_their_place_in_the_expression():
    circuit = random_circuit(Random(5), SOME, 6)
    labels = [v.label for v in topological(circuit.values()[-1])]
    assert [x for x in labels if x in "xyz"] == list("xyz")[: sum(x in "xyz" for x in labels)]
    assert str(circuit).count("=") == circuit.size


def test_an_expression_names_what_has_a_label_or_is_used_twice():
    x, y = Value(3.0, "x"), Value(-2.0, "y")
    q = x * y + 2.0
    q.label = "q"
    shared = -q
    f = (q - (x - y)) / shared + exp(shared) * -1.0
    f.label = "f"
    v = f"v{topological(f).index(shared)}"
    parts = ["q = x * y + 2", f"{v} = neg(q)", f"f = (q - (x - y)) / {v} + exp({v}) * (-1)"]
    assert expression(f) == "; ".join(parts)
    assert expression((x * 2.0).leaky_relu() ** 2) == "v4 = leaky_relu(x * 2, 0.01) ** 2"


def test_leaves_are_some_of_the_numbers_and_no_more_than_allowed():
    rng, most = Random(0), 0
    for _ in range(60):
        circuit = random_circuit(rng, SOME[:2], 4, numbers=[2.0, 3.0, -4.0, 5.0, 7.0], leaves=5)
        numbers = [step for step in circuit.steps if isinstance(step, float)]
        assert {*numbers} <= {2.0, 3.0, -4.0, 5.0, 7.0}
        most = max(most, len(numbers))
    assert most == 5
    for _ in range(20):
        circuit = random_circuit(rng, SOME, 3, leaves=1)
        assert sum(isinstance(step, float) for step in circuit.steps) == 1


def test_a_gate_takes_a_value_in_two_inputs_only_where_it_may():
    two = [gate for gate in SOME if len(gate.operands) == 2]
    repeats = {True: 0, False: 0}
    for twice in repeats:
        rng = Random(1)
        for _ in range(40):
            steps = random_circuit(rng, two, 4, twice=twice).steps
            inputs = [step[1] for step in steps if not isinstance(step, float)]
            repeats[twice] += sum(len({*each}) < len(each) for each in inputs)
    assert repeats[False] == 0 < repeats[True]


def test_what_is_left_of_a_circuit_without_one_part_of_it():
    add, sin, exp_, mul, sub = (gates[name] for name in ("add", "sin", "exp", "mul", "sub"))
    whole = Circuit((2.0, -0.5, (mul, (0, 1)), (exp_, (2,)), (sub, (3, 0))))
    assert str(whole) == "p = x * y; q = exp(p); f = q - x"
    assert [str(one) for one in whole.smaller(Random(0), [add, sin, exp_, mul, sub])] == [
        "f = x * y",  # the product for the whole
        "p = exp(x); f = p - y", "p = exp(x); f = p - x", "p = exp(x); f = p - y",  # a number
        "p = x + y; q = exp(p); f = q - x",  # a sum for it
        "p = x * y; f = exp(p)",  # the power for the whole
        "f = x - y", "p = x * y; f = p - x",  # a number, or its input, for it
        "p = x * y; q = sin(p); f = q - x",
        "p = x * y; q = exp(p); f = q + x", "p = x * y; q = exp(p); f = q * x",
    ]  # fmt: skip


def test_circuits_are_of_all_gates_with_three_leaves_at_most_and_short_numbers():
    rng, used = Random(0), set()
    for _ in range(40):
        circuit = random_circuit(rng, SOME[:4], 6)
        used.update(step[0] for step in circuit.steps if not isinstance(step, float))
        leaves = [step for step in circuit.steps if isinstance(step, float)]
        assert len(leaves) <= 3 and {*leaves} <= {*NUMBERS}
    assert used == {*SOME[:4]}
    assert sum(NUMBERS) == 0.0 and len({*NUMBERS}) == len(NUMBERS) == 14
    assert all(len(f"{abs(x):g}") <= 3 for x in NUMBERS)


def test_a_circuit_that_cannot_be_computed_is_refused():
    with pytest.raises(ValueError, match="no circuit that ends in log could be computed"):
        random_circuit(Random(0), [gates["log"]], 1, numbers=[-2.0], leaves=1)


def test_a_result_without_a_record_is_a_number_in_an_expression():
    x = Value(3.0, "x")
    with no_grad():
        y = x * 2.0
    assert expression(x * y) == "v2 = x * 6"


def test_a_power_is_a_square_and_a_result_may_be_0():
    assert str(Circuit((3.0, (gates["power"], (0,))))) == "f = x ** 2"
    assert Circuit((-2.0, (gates["relu"], (0,)))).is_fit()


def same_graph(a, b):
    """Whether two graphs have the same gates and numbers, wired in the same way."""

    def told(root):
        place = {v: i for i, v in enumerate(topological(root))}
        return [(v.op, v.data, v.constants, [place[x] for x in v.inputs]) for v in place]

    return told(a) == told(b)


def read_back(text, given, root):
    """Whether the text gives the graph; taken for granted where the engine stands alone."""
    return viz is None or same_graph(viz.parse(text, given), root)


def labelled(*labels):
    return [Value(2.0 + k, label) for k, label in enumerate(labels)]


# By Python, by its table of gates, by `viz.parse`, and by the letters that Python reads as others.
UNFIT = (
    "lambda",
    "None",
    "2",
    "x.y",
    "sin",
    "maximum",
    "pi",
    "where",
    "\N{LATIN SMALL LIGATURE FI}",
)


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: Value(1.0, "k") * Value(1 / 3), "v2 = k * 0.3333333333333333"),
        (lambda: Value(2.0, "x") ** (1 / 3), "v1 = x ** 0.3333333333333333"),
        (lambda: leaky_relu(Value(2.0, "x"), 1 / 3), "v1 = leaky_relu(x, 0.3333333333333333)"),
        (lambda: Value(2.0, "x") * 1e-7 - 1234567.0, "v4 = x * 1e-07 - 1234567.0"),
        (lambda: Value(2.0, "x") + Value(math.inf), "v2 = x + 1e999"),
        (lambda: Value(2.0, "x") - Value(-math.inf), "v2 = x - (-1e999)"),
        (lambda: Value(2.0, "x") ** Value(3.0), "v1 = 3; v2 = x ** v1"),
        (lambda: (lambda c: c * c)(Value(3.0)), "v0 = 3; v1 = v0 * v0"),
        (lambda: Value(3.0, "x"), "x"), (lambda: Value(3.0), "3"),
        (lambda: (lambda a, b: a * b)(*labelled("x", "x")), "v0 = 2; v1 = 3; v2 = v0 * v1"),
        (lambda: (lambda a, b: a * b)(*labelled("v0", "a b")), "v1 = 3; v2 = v0 * v1"),
        (lambda: (lambda a, b: a * b)(*labelled("v1", "a b")), "v1_ = 3; v2 = v1 * v1_"),
        *[
            (lambda label=label: (lambda a, b: a / b)(*labelled(label, "y")), "v0 = 2; v2 = v0 / y")
            for label in UNFIT
        ],
    ],
)  # fmt: skip
def test_an_expression_is_read_back_as_the_same_graph(make, text):
    root = make()
    assert expression(root) == text
    given = {name: v.data for v, name in names(topological(root)).items() if not v.inputs}
    assert read_back(text, given, root)


def test_results_whose_labels_do_not_do_go_by_their_place():
    x, y = Value(3.0, "x"), Value(2.0, "y")
    q, r, s = x * y, x + y, x - y
    q.label, r.label, s.label = "h", "h", "x"
    root = exp(q) * r * s
    root.label = "a b"
    text = expression(root)
    assert "h" not in text and text.count("=") == 5
    assert read_back(text, {"y": 2.0}, root)
