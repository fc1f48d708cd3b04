"""Diagnosis: statistics by layer beside NumPy's, initialisations (S4), elbows and dead units."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from autograd_core import Value
from nn import MLP, Layer, Neuron
from nn.data import gaussian_points
from nn.diagnose import (
    DeadUnits,
    activation_statistics,
    dead_relus,
    elbows,
    gradient_norm,
    gradient_statistics,
)

BATCH = gaussian_points(6, [0.0] * 3, rng=0)


def squares(outputs):
    return sum((o * o for row in outputs for o in row), Value(0.0))


def by_hand(model, batch):
    """Outputs and gradients of each layer for the loss `squares`, by NumPy."""
    h, found = np.array(batch), []
    matrices = [np.array([[w.data for w in n.w] for n in la.neurons]) for la in model.layers]
    for k, omega in enumerate(matrices):
        f = h @ omega.T
        h = np.maximum(f, 0.0) if k < len(matrices) - 1 else f
        found.append(h)
    d, slopes = 2.0 * h, [2.0 * h]
    for k in range(len(matrices) - 1, 0, -1):
        if k < len(matrices) - 1:
            d = d * (found[k] > 0)
        d = d @ matrices[k]
        slopes.insert(0, d)
    return found, slopes


class Chain:
    """A container that can be iterated, as Sequential is."""

    def __init__(self, *layers):
        self.inside = layers

    def __iter__(self):
        return iter(self.inside)


def test_statistics_equal_numpys():
    model = MLP(3, [5, 4, 2], rng=1)
    outputs, slopes = by_hand(model, BATCH)
    for found, expected in (
        (activation_statistics(model, BATCH), outputs),
        (gradient_statistics(model, BATCH, squares), slopes),
    ):
        assert [s.name for s in found] == ["layer0", "layer1", "layer2"]
        np.testing.assert_allclose([s.mean for s in found], [x.mean() for x in expected])
        np.testing.assert_allclose([s.variance for s in found], [x.var() for x in expected])
        assert all(type(s.mean) is type(s.variance) is float for s in found)


def test_no_gradient_changes():
    model = MLP(3, [5, 1], rng=1)
    before = [p.data for p in model.parameters()]
    gradient_statistics(model, BATCH, lambda outputs: sum(outputs, Value(0.0)))
    activation_statistics(model, BATCH)
    dead_relus(model, BATCH)
    assert [p.grad for p in model.parameters()] == [0.0] * len(before)
    assert [p.data for p in model.parameters()] == before


def in_lists(rows):
    return [[row[0] + row[1]] for row in rows]


@pytest.mark.parametrize(
    "model",
    [MLP(3, [4, 1], rng=1), MLP(3, [4, 2], rng=1), in_lists],
    ids=["Values", "lists", "lists of one"],
)
def test_loss_sees_what_the_model_returns(model):
    seen = []

    def loss(outputs):
        seen.append(outputs)
        return squares([[o] if isinstance(o, Value) else o for o in outputs])

    gradient_statistics(model, BATCH, loss)
    expected = model([list(map(Value, row)) for row in BATCH])
    (outputs,) = seen
    for got, want in zip(outputs, expected, strict=True):
        assert type(got) is type(want)
        assert np.shape(got) == np.shape(want)


def test_width_one_inside():
    model = MLP(3, [1, 4, 1], rng=2)
    outputs, _ = by_hand(model, BATCH)
    found = activation_statistics(model, BATCH)
    np.testing.assert_allclose([s.mean for s in found], [x.mean() for x in outputs])


@pytest.mark.parametrize("form", [np.array, lambda b: [[Value(x) for x in row] for row in b]])
def test_a_batch_may_be_an_array_or_of_values(form):
    model = MLP(3, [4, 2], rng=1)
    assert activation_statistics(model, form(BATCH)) == activation_statistics(model, BATCH)


def test_a_container_counts_as_its_layers():
    first, second, third = Layer(3, 4, rng=1), Layer(4, 4, rng=2, label="b"), Layer(4, 2, rng=3)
    nested = Chain(first, SimpleNamespace(layers=[second, Chain(third)]))
    found = activation_statistics(nested, BATCH)
    assert [s.name for s in found] == ["0 Layer", "b", "2 Layer"]
    hidden = np.array([[v.data for v in row] for row in second(first(BATCH))])
    assert found[1].mean == pytest.approx(hidden.mean())
    assert found == activation_statistics([first, second, third], BATCH)
    assert activation_statistics(first, BATCH)[0] == found[0]


def test_no_graph_is_kept_without_need():
    made = []

    def layer(rows):
        made.extend(row[0].relu() for row in rows)
        return made[-len(rows) :]

    activation_statistics(layer, BATCH)
    dead_relus(layer, BATCH)
    assert len(made) == 12 and all(v.inputs == () for v in made)


def test_outputs_the_loss_does_not_use():
    model = MLP(3, [4, 2], rng=1)
    found = gradient_statistics(model, BATCH, lambda outputs: outputs[0][0] * 6.0)
    assert found[-1].mean == 6.0 / 12
    assert gradient_statistics(model, BATCH, lambda outputs: Value(1.0))[-1].mean == 0.0


def test_initialisations_by_depth():
    """S4: He keeps the spread, a smaller one lets it vanish, a larger one explode."""
    width, depth = 12, 50
    batch = gaussian_points(2, [0.0] * width, rng=0)

    def growth(factor):
        """How many powers of ten activations and gradients grow from end to end."""
        deviation = math.sqrt(factor / width)
        model = MLP(
            width, [width] * depth, rng=0, init=lambda source, n: source.gauss(0.0, deviation)
        )
        forward = activation_statistics(model, batch)
        backward = gradient_statistics(model, batch, lambda out: sum(map(sum, out), Value(0.0)))
        return (
            math.log10(forward[-2].variance / forward[0].variance),
            math.log10(backward[0].variance / backward[-2].variance),
        )

    small, he, large = growth(0.2), growth(2.0), growth(20.0)
    assert max(small) < -30 and min(large) > 30
    assert max(map(abs, he)) < 10
    # A factor of 10 in the weights' variance is a factor of 10 in each of the 48 layers between.
    assert large[0] - he[0] == pytest.approx(48.0, abs=1e-6)


def test_exploding_numbers_do_not_raise():
    model = MLP(3, [4] * 3, init=1e100, rng=0)
    assert not math.isfinite(activation_statistics(model, [[1.0] * 3, [2.0] * 3])[-1].variance)


# ---------------------------------------------------------------- dead ReLUs


def test_dead_relus_are_0_on_the_whole_batch():
    model = MLP(3, [4, 3, 1], rng=1)
    model.layers[0].neurons[2].b.data = -100.0
    for neuron in model.layers[1].neurons:
        neuron.b.data = -100.0
    found = dead_relus(model, BATCH)
    assert found[0].name == "layer0" and found[0].units == 4 and 2 in found[0].dead
    assert found[1] == DeadUnits("layer1", (0, 1, 2), 3)
    assert len(found) == 2
    outputs, _ = by_hand(MLP(3, [4, 1], rng=1), BATCH)
    expected = tuple(np.flatnonzero((outputs[0] == 0).all(axis=0)))
    assert dead_relus(MLP(3, [4, 1], rng=1), BATCH)[0].dead == expected


def test_one_living_example_is_enough():
    model = MLP(1, [2, 1], init=1.0, rng=1)
    assert dead_relus(model, [[-1.0], [-2.0]])[0].dead == (0, 1)
    assert dead_relus(model, [[-1.0], [2.0]])[0].dead == ()
    model.layers[0].neurons[1].w[0].data = -1.0
    assert dead_relus(model, [[-1.0], [-2.0]])[0].dead == (0,)


@pytest.mark.parametrize("activation", ["leaky_relu", "elu", "tanh"])
def test_remedies_have_no_dead_units(activation):
    assert dead_relus(MLP(1, [3, 1], activation=activation, init=1.0), [[-1.0]]) == []


# ---------------------------------------------------------------- elbows


def one_input():
    layer = Layer(1, 3, rng=1)
    for neuron, w, b in zip(layer.neurons, (2.0, -4.0, 0.0), (1.0, 2.0, 1.0), strict=True):
        neuron.w[0].data, neuron.b.data = w, b
    return layer


def test_elbows_of_neurons_layers_and_linears():
    layer = one_input()
    assert elbows(layer) == [-0.5, 0.5, math.inf]
    assert elbows(layer.neurons[1]) == [0.5]
    linear = SimpleNamespace(weight=[[Value(2.0)], [Value(-4.0)]], bias=[Value(1.0), Value(2.0)])
    assert elbows(linear) == [-0.5, 0.5]
    assert elbows(SimpleNamespace(weight=linear.weight, bias=None)) == [0.0, 0.0]
    with pytest.raises(TypeError, match="takes a layer with weights"):
        elbows(SimpleNamespace(weight=linear.bias, bias=linear.bias))  # as BatchNorm1d


def test_an_elbow_is_a_kink():
    neuron = Neuron(1, rng=3)
    neuron.b.data = 0.7
    (x,) = elbows(neuron)
    left, at, right = (neuron([x + d]).data for d in (-0.1, 0.0, 0.1))
    assert at == pytest.approx(0.0, abs=1e-15)
    assert left + right == pytest.approx(abs(neuron.w[0].data) * 0.1) and min(left, right) == 0.0


def test_elbows_of_what_has_none():
    with pytest.raises(ValueError, match="layer0 has 2 inputs; a kink is a point if there is one"):
        elbows(MLP(2, [3, 1]).layers[0])
    with pytest.raises(TypeError, match=r"elbows\(model\.layers\[0\]\); got MLP"):
        elbows(MLP(1, [3, 1]))


# ---------------------------------------------------------------- gradient norm, errors


def test_the_gradient_norm_is_euclidean():
    model = MLP(3, [4, 1], rng=1)
    model(BATCH[0]).backward()
    grads = np.array([p.grad for p in model.parameters()])
    assert gradient_norm(model.parameters()) == pytest.approx(np.linalg.norm(grads), rel=1e-14)
    assert np.linalg.norm(grads) > 0.1
    big = [Value(0.0), Value(0.0)]
    for p in big:
        p.grad = 1e200
    assert gradient_norm(iter(big)) == pytest.approx(math.sqrt(2.0) * 1e200)


def test_what_cannot_be_diagnosed():
    model = MLP(3, [4, 1], rng=1)
    for function in (activation_statistics, dead_relus):
        with pytest.raises(ValueError, match="batch is empty"):
            function(model, [])
        with pytest.raises(ValueError, match="layer0 takes 3 inputs, got 2"):
            function(model, [[1.0, 2.0]])
    with pytest.raises(ValueError, match="Chain has no layers"):
        activation_statistics(Chain(), BATCH)
    with pytest.raises(TypeError, match="must return one Value, got list"):
        gradient_statistics(model, BATCH, lambda outputs: outputs)
