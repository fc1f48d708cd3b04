"""The walk as data: its order, its sentences, its numbers."""

from autograd_core import Value, apply, gates
from viz import explain, parse, step

NEURON = "sigmoid(w0*x0 + w1*x1 + w2)"
AT = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}


def fork():
    return parse("x*y + x", {"x": -2.0, "y": 5.0})


def neuron():
    return parse(NEURON, AT)


def with_constants():
    """s 2 - 0.5, the minus inside: its constants go by their numbers."""
    return Value(3.0, "s") * 2.0 + (-0.5)


def test_steps_run_forward_in_order_then_seed_then_backward_in_reverse():
    stepper = step(fork())
    assert [one.phase for one in stepper] == ["forward"] * 2 + ["seed"] + ["backward"] * 4
    assert [one.gate for one in stepper] == ["n2", "n3", "n3", "n3", "n3", "n2", "n2"]
    assert [one.input for one in stepper][3:] == ["n2", "n0", "n0", "n1"]
    assert len(stepper) == len(list(stepper)) == 7


def test_a_backward_step_holds_upstream_local_contribution_before_and_after():
    first, second = (one for one in step(fork()) if one.input == "n0")
    assert (first.upstream, first.local, first.contribution) == (1.0, 1.0, 1.0)
    assert (first.before, first.after, first.fork) == (0.0, 1.0, True)
    assert (second.upstream, second.local, second.contribution) == (1.0, 5.0, 5.0)
    assert (second.before, second.after, second.fork) == (1.0, 6.0, True)


def test_the_fork_is_told_in_one_sentence_with_both_contributions_and_their_sum():
    texts = [one.text for one in step(fork())]
    assert "x is used twice: the first wire brings 1 × 1 = 1" in texts
    assert "x is used twice: the second wire adds 1 × 5 to the 1 already there: 1 + 5 = 6" in texts


def test_at_a_fork_the_slope_is_that_of_one_input_not_of_the_value():
    """d v3 / d x would be the sum over both wires, 6."""
    told = [one.formula for one in step(fork()) if one.input == "n0"]
    assert told == [
        "slope of v3 in its second input, x: 1",
        "slope of v2 in its first input, x: y = 5",
    ]
    two = Value(2.0)
    formulas = [one.formula for one in step(two * two) if one.phase == "backward"]
    assert formulas[0] == "slope of v1 in its first input, constant 2: 2"


def test_a_step_shows_the_formula_of_the_derivative_with_numbers_put_in():
    told = [one.formula for one in step(neuron()) if one.phase == "backward"]
    assert told[0] == "local dv9/dv8 = v9 (1 - v9) = 0.731 (1 - 0.731) = 0.197"


def test_the_slope_of_max_is_told_in_words():
    z, w = Value(2.0, "z"), Value(-1.0, "w")
    (told,) = (one.formula for one in step(apply(gates["max"], z, w)) if one.input == "n0")
    cases = "(1 if z > w, 1/2 if z = w, else 0) = (1 if 2 > (-1), 1/2 if 2 = (-1), else 0)"
    assert told == f"local dv2/dz = {cases} = 1"


def test_a_constant_is_called_one_and_stands_in_parentheses_below_a_d():
    told = [(one.text, one.formula) for one in step(with_constants())]
    assert ("constant 2: upstream 1 × local 3 = 3", "local dv2/d(2) = s = 3") in told
    assert ("constant -0.5: upstream 1 × local 1 = 1", "local dv4/d(-0.5) = 1") in told
    assert ("s: upstream 1 × local 2 = 2", "local dv2/ds = 2") in told
    f = with_constants()
    two = f.inputs[0].inputs[1]
    plain, markdown = explain(f, two).text, explain(f, two).markdown
    assert plain.splitlines()[0] == "dv4/d(2) = dv4/dv2 × dv2/d(2)"
    assert r"\frac{\partial v_{4}}{\partial \text{(2)}}" in markdown
    markdown = explain(f, f.inputs[0].inputs[0]).markdown
    assert r"\frac{\partial v_{2}}{\partial s} = 2$" in markdown
    assert "dv4/dtwo" in explain(f, two, names={"two": two}).text


def test_a_leaf_alone_is_a_walk_of_one_step():
    assert [one.phase for one in step(Value(2.0, "x"))] == ["seed"]
