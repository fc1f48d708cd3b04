"""Losses: against PyTorch, at extremes, and what they say when the input is wrong."""

import math
import random

import numpy as np
import pytest

from autograd_core import (
    Value,
    check_gradient,
    compile_graph,
    no_grad,
    topological,
    trace_creation,
)
from nn import MLP, BCEWithLogitsLoss, CrossEntropyLoss, HingeLoss, L1Loss, Linear, Module, MSELoss

RNG = random.Random(0)
SCORES = [[RNG.gauss(0.0, 2.0) for _ in range(3)] for _ in range(4)]
LOSSES = [MSELoss, L1Loss, HingeLoss, BCEWithLogitsLoss, CrossEntropyLoss]
TARGETS = {
    MSELoss: [[RNG.gauss(0.0, 2.0) for _ in range(3)] for _ in range(4)],
    L1Loss: [[*SCORES[0][:2], 0.5], *([RNG.gauss(0.0, 2.0) for _ in range(3)] for _ in range(3))],
    HingeLoss: [[RNG.choice((-1, 1)) for _ in range(3)] for _ in range(4)],
    BCEWithLogitsLoss: [[0, 1, 0.25], [1, 1, 0], [0.5, 0, 1], [0, 0, 0.9]],
    CrossEntropyLoss: [2, 0, 1, 1],
}

each_loss = pytest.mark.parametrize("kind", LOSSES)
each_reduction = pytest.mark.parametrize("reduction", ["mean", "sum"])


def values(rows):
    return [[Value(x) for x in row] for row in rows]


def grads(rows):
    return [[v.grad for v in row] for row in rows]


# ---------------------------------------------------------------- the same as PyTorch's


@each_reduction
@each_loss
def test_losses_are_pytorchs(kind, reduction):
    torch = pytest.importorskip("torch")
    theirs = torch.tensor(SCORES, dtype=torch.float64, requires_grad=True)
    if kind is HingeLoss:
        terms = torch.clamp(1 - torch.tensor(TARGETS[kind]) * theirs, min=0)
        expected = getattr(terms, reduction)()
    else:
        whole = kind is CrossEntropyLoss
        targets = torch.tensor(TARGETS[kind], dtype=torch.int64 if whole else torch.float64)
        expected = getattr(torch.nn, kind.__name__)(reduction=reduction)(theirs, targets)
    expected.backward()
    scores = values(SCORES)
    loss = kind(reduction=reduction)(scores, TARGETS[kind])
    loss.backward()
    assert loss.data == pytest.approx(expected.item(), rel=0, abs=1e-12)
    np.testing.assert_allclose(grads(scores), theirs.grad.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("x", [-800.0, -40.0, -1e-3, 0.0, 3.0, 40.0, 800.0])
@pytest.mark.parametrize("y", [0.0, 0.3, 1.0])
def test_bce_tails_are_pytorchs(x, y):
    torch = pytest.importorskip("torch")
    theirs = torch.tensor([x], dtype=torch.float64, requires_grad=True)
    expected = torch.nn.BCEWithLogitsLoss()(theirs, torch.tensor([y], dtype=torch.float64))
    expected.backward()
    score = Value(x)
    loss = BCEWithLogitsLoss()([score], [y])
    loss.backward()
    assert loss.data == pytest.approx(expected.item(), rel=1e-12, abs=1e-12)
    assert score.grad == pytest.approx(theirs.grad.item(), rel=1e-12, abs=1e-12)


# ---------------------------------------------------------------- closed forms


def test_mse_by_hand():
    outputs = values([[1.0, 2.0], [3.0, 5.0]])
    loss = MSELoss()(outputs, [[0.0, 2.0], [1.0, 6.0]])
    assert loss.data == (1.0 + 0.0 + 4.0 + 1.0) / 4.0
    loss.backward()
    assert grads(outputs) == [[0.5, 0.0], [1.0, -0.5]]
    assert MSELoss("sum")(outputs, [[0.0, 2.0], [1.0, 6.0]]).data == 6.0


def test_hinge_by_hand():
    scores = [Value(0.25), Value(3.0), Value(1.0), Value(-2.0)]
    loss = HingeLoss()(scores, [1, 1, 1, 1.0])
    assert loss.data == (0.75 + 0.0 + 0.0 + 3.0) / 4.0
    loss.backward()
    assert [s.grad for s in scores] == [-0.25, 0.0, 0.0, -0.25]
    assert HingeLoss("sum")(scores, np.array([-1, -1, -1, -1])).data == 1.25 + 4.0 + 2.0


def test_cross_entropy_is_minus_log_softmax():
    logits = values([[1.0, 2.0, 0.5]])
    loss = CrossEntropyLoss()(logits, [1])
    p = np.exp([1.0, 2.0, 0.5]) / np.exp([1.0, 2.0, 0.5]).sum()
    assert loss.data == pytest.approx(-math.log(p[1]), abs=1e-15)
    loss.backward()
    np.testing.assert_allclose(grads(logits)[0], p - [0.0, 1.0, 0.0], rtol=0, atol=1e-15)


def test_cross_entropy_of_two_classes_is_bce():
    score = 0.7
    two = CrossEntropyLoss()([[0.0, score]], [1])
    assert two.data == pytest.approx(BCEWithLogitsLoss()([score], [1]).data, abs=1e-15)


@pytest.mark.parametrize("shift", [1000.0, -1000.0, 1e8])
def test_cross_entropy_far_out(shift):
    near, far = values([[1.0, 2.0, 0.5]]), values([[1.0 + shift, 2.0 + shift, 0.5 + shift]])
    for logits in (near, far):
        CrossEntropyLoss()(logits, [0]).backward()
    np.testing.assert_allclose(grads(far), grads(near), rtol=0, atol=1e-7)
    assert CrossEntropyLoss()([[1000.0, -1000.0]], [1]).data == 2000.0
    assert CrossEntropyLoss()([[1000.0, -1000.0]], [0]).data == 0.0


def test_bce_keeps_the_tail():
    """softplus(s) - y s would give 0 here."""
    assert BCEWithLogitsLoss()([60.0], [1]).data == pytest.approx(math.exp(-60.0), rel=1e-12)
    assert BCEWithLogitsLoss()([-60.0], [0]).data == pytest.approx(math.exp(-60.0), rel=1e-12)
    assert BCEWithLogitsLoss()([-800.0], [1]).data == 800.0


@pytest.mark.parametrize(("label", "gates"), [(0, 1), (1, 1), (0.5, 2)])
def test_bce_spends_one_softplus_on_a_hard_label(label, gates):
    loss = BCEWithLogitsLoss()([0.3], [label])
    assert sum(v.op == "softplus" for v in topological(loss)) == gates


@each_loss
def test_gradients_are_the_differences(kind):
    def loss(*scores):
        return kind()([list(scores[i : i + 3]) for i in range(0, 12, 3)], TARGETS[kind])

    check_gradient(loss, [x for row in SCORES for x in row])


# ---------------------------------------------------------------- forms of input


@each_loss
def test_arrays_and_tuples_are_taken(kind):
    plain = kind()(SCORES, TARGETS[kind]).data
    assert kind()(np.array(values(SCORES), dtype=object), np.array(TARGETS[kind])).data == plain
    assert kind()(tuple(map(tuple, SCORES)), tuple(TARGETS[kind])).data == plain


@pytest.mark.parametrize(
    ("kind", "target"), [(MSELoss, 0.5), (HingeLoss, 1), (BCEWithLogitsLoss, 1)]
)
def test_one_number_is_a_batch_of_one(kind, target):
    score = Value(0.25)
    assert kind()(score, target).data == kind()([score], [target]).data


def test_one_row_of_logits():
    assert CrossEntropyLoss()([1.0, 2.0], 1).data == CrossEntropyLoss()([[1.0, 2.0]], [1]).data


def test_target_may_be_a_value():
    target = Value(3.0)
    MSELoss()([1.0], [target]).backward()
    assert target.grad == 4.0
    label = Value(0.5)
    BCEWithLogitsLoss()([3.0], [label]).backward()
    assert label.grad == pytest.approx(-3.0, rel=1e-15)  # softplus(-3) - softplus(3)


@each_loss
def test_losses_are_modules(kind):
    assert isinstance(kind(), Module) and kind().parameters() == []
    assert repr(kind("sum")) == f"{kind.__name__}(reduction='sum')"


# ---------------------------------------------------------------- what goes wrong


@each_loss
def test_a_bad_reduction(kind):
    with pytest.raises(ValueError, match="unknown reduction 'none': use mean or sum"):
        kind("none")


@each_loss
@pytest.mark.parametrize("empty", [[], np.empty((0, 3)), [[], []]])
def test_an_empty_batch(kind, empty):
    with pytest.raises(ValueError, match=rf"^{kind.__name__}: the batch is empty \(outputs"):
        kind()(empty, [])


@each_loss
def test_lengths_that_differ(kind):
    with pytest.raises(ValueError, match=rf"^{kind.__name__}: .*\(4,.*\(3,") as caught:
        kind()(SCORES, TARGETS[kind][:3])
    assert "[[y]" not in str(caught.value)


@pytest.mark.parametrize("kind", LOSSES[:3])
def test_shapes_that_differ(kind):
    message = r"outputs of shape \(4, 1\), targets of shape \(4,\): .*\[\[y\] for y in targets\]$"
    with pytest.raises(ValueError, match=f"^{kind.__name__}: {message}"):
        kind()([row[:1] for row in SCORES], [1, 1, 1, 1])
    with pytest.raises(ValueError, match=r"outputs 0 has shape \(3,\), outputs 2 has \(1,\)$"):
        kind()([*SCORES[:2], SCORES[2][:1], SCORES[3]], TARGETS[kind])
    with pytest.raises(ValueError, match=r"outputs 0 has shape \(3,\), outputs 1 has \(1,\)$"):
        kind()([SCORES[0], SCORES[1][:1]], TARGETS[kind][:2])


@pytest.mark.parametrize(("scores", "classes"), [(1.0, 0), ([[[1.0]]], [[0]]), ([[1.0]], [[0]])])
def test_cross_entropy_takes_a_class_per_row(scores, classes):
    with pytest.raises(ValueError, match=r"CrossEntropyLoss: .*shape"):
        CrossEntropyLoss()(scores, classes)


@pytest.mark.parametrize("label", [3, -1, 1.5, math.nan, 100])
def test_a_class_out_of_range(label):
    with pytest.raises(
        ValueError,
        match=rf"label 2 is {label:g}, it must be a whole number from 0 to 2: .* class",
    ):
        CrossEntropyLoss()(SCORES, [0, 1, label, 2])


@pytest.mark.parametrize("label", [0, 2, 0.5, math.nan])
def test_hinge_takes_minus_one_and_one(label):
    with pytest.raises(ValueError, match=rf"label 1 is {label:g}, it must be -1 or 1.*2 \* label"):
        HingeLoss()([0.5, 1.0], [1, label])


@pytest.mark.parametrize("label", [-1, 2, math.nan])
def test_bce_takes_labels_from_0_to_1(label):
    with pytest.raises(ValueError, match=rf"label 1 is {label:g}, it must be from 0 to 1"):
        BCEWithLogitsLoss()([0.5, 1.0], [1, label])


@pytest.mark.parametrize("kind", LOSSES[2:])
def test_labels_that_are_not_numbers(kind):
    whole = kind is CrossEntropyLoss
    targets = [1, "a"] if whole else [[1, 1, 1], [1, 1, "a"]]
    place = 1 if whole else r"\[1\]\[2\]"
    with pytest.raises(TypeError, match=rf"{kind.__name__}: label {place}: .*got str"):
        kind()(SCORES[:2], targets)


@pytest.mark.parametrize("kind", [HingeLoss, BCEWithLogitsLoss])
def test_the_place_of_a_bad_label_among_many(kind):
    with pytest.raises(ValueError, match=rf"^{kind.__name__}: label \[1\]\[2\] is 7, it must be"):
        kind()(SCORES[:2], [[1, 1, 1], [1, 1, 7]])
    with pytest.raises(ValueError, match="label 0 is 7"):
        kind()(0.5, 7)


@pytest.mark.parametrize(
    ("kind", "output", "targets"),
    [
        (HingeLoss, 0.5, [1, -1, 0]), (HingeLoss, [0.5], [[1], [-1], [math.nan]]),
        (BCEWithLogitsLoss, Value(0.5), [1, 0.5, -1]), (BCEWithLogitsLoss, 0.5, [1, 0, 1.25]),
        (CrossEntropyLoss, [0.5, 1.0], [1, 0, 2]), (CrossEntropyLoss, [0.5, 1.0], [1, 0, 0.5]),
    ],
)  # fmt: skip
def test_labels_of_many_examples_are_checked_against_one_output(kind, output, targets):
    kind().check_labels(output, targets[:2])
    with pytest.raises(ValueError, match=rf"^{kind.__name__}: label (\[2\]\[0\]|2) is .*must be"):
        kind().check_labels(output, targets)
    with pytest.raises(ValueError, match=f"^{kind.__name__}: .*shape"):
        kind().check_labels([[output]], targets)


def test_any_number_is_a_target_of_mse():
    MSELoss().check_labels([0.5], [[-1e9], [0.25]])


@pytest.mark.parametrize(
    ("kind", "nout", "labels"),
    [
        (HingeLoss, 1, [1, -1, 0, 0.5, 2]), (BCEWithLogitsLoss, 1, [1, 0, 0.5, -0.5, 2]),
        (CrossEntropyLoss, 3, [0, 1, 2, 3, -1, 0.5]),
    ],
)  # fmt: skip
def test_a_traced_label_is_valid_where_a_number_is(kind, nout, labels):
    model = MLP(2, [nout], rng=0)
    f = compile_graph(lambda x, y: kind()(model(x), y))
    for label in labels:
        try:
            expected = kind()(model([0.5, 1.0]), label).data
        except ValueError:
            with pytest.raises(FloatingPointError, match=f"a {kind.__name__} label, "):
                f([[0.5, 1.0]], [label])
        else:
            assert f([[0.5, 1.0]], [label]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", LOSSES[2:])
def test_a_label_that_is_a_plain_number_in_a_traced_function(kind):
    model = MLP(2, [3 if kind is CrossEntropyLoss else 1], rng=0)
    points = [[0.5, -1.0], [2.0, 0.25]]
    f = compile_graph(lambda x: kind()(model(x), 1))
    expected = sum(kind()(model(x), 1).data for x in points) / 2
    assert f(points) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="label 0 is 7"):
        compile_graph(lambda x: kind()(model(x), 7))(points)


# ---------------------------------------------------------------- nan


def test_nan_names_the_gate():
    a, b = Value(math.inf, label="a"), Value(math.inf, label="b")
    with pytest.raises(
        FloatingPointError,
        match=r"^MSELoss: the loss is nan: the first nan is made by the gate '-' of a=inf, b=inf$",
    ):
        MSELoss()([a - b], [0.0])


def test_nan_names_the_layer():
    linear = Linear(2, 1, label="hidden", rng=0)
    linear.weight[0][1].data = math.inf
    with pytest.raises(FloatingPointError, match=r"gate '\*' of hidden\.neuron0\.w1=inf, 0\.0"):
        MSELoss()([linear([1.0, 0.0])], [[0.0]])


def test_nan_names_the_leaf():
    linear = Linear(1, 1, label="hidden", rng=0)
    linear.bias[0].data = math.nan
    with pytest.raises(FloatingPointError, match=r"leaf 'hidden\.neuron0\.b' was given nan$"):
        BCEWithLogitsLoss()(linear([1.0]), [1])


def test_nan_names_the_line():
    with trace_creation():
        difference = Value(math.inf) - Value(math.inf)
    with pytest.raises(FloatingPointError, match=r"made at test_losses\.py:\d+: difference ="):
        HingeLoss()([difference], [1])


def test_nan_under_no_grad():
    with no_grad(), pytest.raises(FloatingPointError, match=r"no_grad.*compute it without"):
        CrossEntropyLoss()([[math.nan, 1.0]], [0])


def test_failed_losses_leave_gradients():
    score = Value(math.nan)
    with pytest.raises(FloatingPointError):
        MSELoss()([score], [1.0])
    assert score.grad == 0.0
