"""Layers and networks: micrograd's behaviours and PyTorch's numbers, batches, the matrices."""

import copy
import itertools
import math
import random
from functools import partial, reduce
from operator import add
from typing import ClassVar

import numpy as np
import pytest

from autograd_core import (
    TraceError,
    Value,
    check_gradient,
    compile_graph,
    jacobian,
    no_grad,
    relu,
    sin,
    tanh,
    topological,
)
from nn import (
    ELU,
    MLP,
    BatchNorm1d,
    Dropout,
    Layer,
    LeakyReLU,
    Linear,
    MSELoss,
    Neuron,
    ReLU,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
    init,
    moons,
)
from viz.collapse import fold
from viz.picture import picture_of

BATCH = [[0.5, -1.0], [2.0, 0.25], [-3.0, 1.0]]
TARGETS = [[0.1, 0.2, -0.3], [0.5, -0.5, 0.0], [1.0, 0.3, -0.9]]


def datas(thing):
    return [datas(x) for x in thing] if isinstance(thing, list | tuple) else thing.data


def grads(thing):
    return [grads(x) for x in thing] if isinstance(thing, list | tuple) else thing.grad


def values(thing):
    return [values(x) for x in thing] if isinstance(thing, list) else Value(thing)


def weights(module):
    return [p.data for p in module.parameters()]


def tensors(torch, state):
    return {
        name: torch.tensor(x, dtype=torch.int64 if isinstance(x, int) else torch.float64)
        for name, x in state.items()
    }


def network(rng=0):
    rng = random.Random(rng)
    return Sequential(
        Linear(2, 4, rng=rng), BatchNorm1d(4), ReLU(), Linear(4, 3, bias=False, rng=rng), Tanh()
    )


# ---------------------------------------------------------------- as micrograd's users know them


def test_neurons_and_layers_are_shown_as_in_micrograd():
    assert repr(Neuron(2)) == "ReLUNeuron(2)"
    assert repr(Neuron(16, nonlin=False)) == "LinearNeuron(16)"
    assert repr(Layer(2, 2)) == "Layer of 2 ReLUNeuron(2)"
    layer = Layer(3, 2)
    layer.neurons.append(Neuron(3, nonlin=False))
    assert repr(layer) == "Layer of 2 ReLUNeuron(3), 1 LinearNeuron(3)"


def test_a_network_is_shown_by_its_layers_and_their_names():
    model = MLP(2, [16, 16, 1])
    assert repr(model) == (
        "MLP(\n"
        "  (layers.0): Layer of 16 ReLUNeuron(2)\n"
        "  (layers.1): Layer of 16 ReLUNeuron(16)\n"
        "  (layers.2): Layer of 1 LinearNeuron(16)\n"
        ")"
    )
    assert "layers.2.neurons.0.b" in model.state_dict()


@pytest.mark.parametrize(
    ("activation", "title"),
    [
        ("tanh", "TanhNeuron(3)"),
        ("leaky_relu", "LeakyReLUNeuron(3)"),
        ("linear", "LinearNeuron(3)"),
    ],
)
def test_repr_names_the_activation(activation, title):
    assert repr(Neuron(3, activation=activation)) == title


@pytest.mark.parametrize("activation", [tanh, partial(Value.leaky_relu, slope=0.2)])
def test_repr_with_a_function(activation):
    assert repr(Neuron(3, activation=activation)).endswith("Neuron(3)")


def test_biases_start_at_zero():
    model = MLP(2, [3, 1], rng=1, init="uniform")
    assert all(neuron.b.data == 0.0 for layer in model.layers for neuron in layer.neurons)


def test_one_output_is_a_value():
    assert isinstance(Layer(2, 1)([1.0, 2.0]), Value)
    assert isinstance(MLP(2, [3, 1])([1.0, 2.0]), Value)
    assert [type(v) for v in Layer(2, 3)([1.0, 2.0])] == [Value] * 3
    assert [type(v) for v in MLP(2, [3, 2])([1.0, 2.0])] == [Value] * 2


def test_width_one_inside():
    model = MLP(1, [1, 1, 1], init=2.0)
    assert model([3.0]).data == 24.0


def test_a_neuron_is_an_activated_weighted_sum():
    neuron = Neuron(2, rng=0)
    neuron.w[0].data, neuron.w[1].data, neuron.b.data = 2.0, -3.0, 0.5
    assert neuron([1.0, 0.25]).data == 2.0 - 0.75 + 0.5
    assert neuron([-1.0, 1.0]).data == 0.0
    linear = Neuron(2, nonlin=False, init=1.0)
    assert linear([-1.0, -2.0]).data == -3.0


def test_relu_inside_linear_at_the_end():
    model = MLP(2, [3, 3, 1], rng=0)
    last = model([1.0, 2.0])
    assert last.op == "+"
    assert {v.op for v in topological(last)} == {"", "*", "+", "relu"}
    assert sum(v.op == "relu" for v in topological(last)) == 6


def test_training_lowers_the_loss():
    points, labels = moons(16, rng=2)
    model = MLP(2, [4, 1], rng=2)
    losses = []
    for _ in range(20):
        scores = model(points)
        loss = sum((s - (2 * y - 1)) ** 2 for s, y in zip(scores, labels, strict=True)) / 16
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.05 * p.grad
        losses.append(loss.data)
    assert losses[-1] < 0.5 * losses[0]
    assert losses[-1] == min(losses)


# ---------------------------------------------------------------- how weights start


def test_global_seed_repeats_a_run():
    random.seed(1337)
    first = weights(MLP(2, [4, 1]))
    random.seed(1337)
    assert weights(MLP(2, [4, 1])) == first
    assert weights(MLP(2, [4, 1])) != first


def test_an_int_or_a_generator_repeats_a_run():
    first = weights(MLP(2, [4, 1], rng=7))
    assert weights(MLP(2, [4, 1], rng=7)) == first
    assert weights(MLP(2, [4, 1], rng=random.Random(7))) == first
    assert weights(MLP(2, [4, 1], rng=8)) != first


def test_rng_leaves_the_global_generator():
    state = random.getstate()
    MLP(2, [4, 1], rng=7)
    moons(10, rng=7)
    assert random.getstate() == state


def test_one_generator_moves_on():
    rng = random.Random(7)
    assert weights(Neuron(3, rng=rng)) != weights(Neuron(3, rng=rng))


def test_neurons_differ():
    layer = Layer(3, 4, rng=1)
    assert len({tuple(weights(neuron)) for neuron in layer.neurons}) == 4


def test_weights_are_drawn_in_the_order_of_inputs():
    count = itertools.count()
    rng = random.Random(0)
    rng.gauss = lambda mu=0.0, sigma=1.0: float(next(count))
    layer = Layer(2, 2, rng=rng)
    assert weights(layer) == [0.0, 1.0, 0.0, 2.0, 3.0, 0.0]


def test_he_is_the_default():
    drawn = [w.data for n in Layer(50, 200, rng=5).neurons for w in n.w]
    assert np.var(drawn) == pytest.approx(2.0 / 50, rel=0.07)
    assert np.mean(drawn) == pytest.approx(0.0, abs=0.01)
    assert max(drawn) > 3 * math.sqrt(2.0 / 50)  # normal, not uniform
    assert weights(Layer(3, 3, rng=1)) == weights(Layer(3, 3, rng=1, init="he"))


def test_he_takes_the_width_of_each_layer():
    model = MLP(8, [100, 50], rng=5)
    for layer, width in zip(model.layers, (8, 100), strict=True):
        drawn = [w.data for n in layer.neurons for w in n.w]
        assert np.var(drawn) == pytest.approx(2.0 / width, rel=0.15)


def test_xavier_has_half_the_variance_of_he():
    drawn = [w.data for n in Layer(50, 200, rng=5, init="xavier").neurons for w in n.w]
    assert np.var(drawn) == pytest.approx(1.0 / 50, rel=0.07)


@pytest.mark.parametrize("weights", [None, [0.1]])
def test_an_init_of_another_kind_is_refused(weights):
    with pytest.raises(TypeError, match=r"init must be one of he, .*, a number or a function, got"):
        Neuron(2, init=weights)


def test_a_neuron_knows_whether_it_has_an_activation():
    assert Neuron(2).nonlin is True and Neuron(2, nonlin=False).nonlin is False


def test_a_neuron_without_a_label_leaves_that_of_its_activation():
    def activation(value):
        out = value.tanh()
        out.label = "mine"
        return out

    assert Neuron(1, activation=activation)([1.0]).label == "mine"


def test_a_subclass_of_an_activation_has_the_gate_of_its_parent():
    class Mine(ReLU):
        pass

    assert [y.data for y in Mine()([-1.0, 2.0])] == [0.0, 2.0]


def test_a_subclass_of_an_activation_may_have_another_base():
    class Listed:
        names: ClassVar[list[str]] = []

        def __init_subclass__(cls):
            Listed.names.append(cls.__name__)

    class Mine(ReLU, Listed):
        pass

    assert Listed.names == ["Mine"]


def test_a_lone_value_goes_into_the_first_of_a_sequence_as_it_is():
    assert Sequential(ReLU(), Tanh())(Value(0.0))[0].data == 0.0
    assert isinstance(Sequential(ReLU())(Value(2.0)), Value)


def test_uniform_is_micrograds():
    drawn = [w.data for n in Layer(50, 200, rng=5, init="uniform").neurons for w in n.w]
    assert -1.0 <= min(drawn) < -0.99 and 0.99 < max(drawn) <= 1.0
    assert np.var(drawn) == pytest.approx(1.0 / 3.0, rel=0.05)


@pytest.mark.parametrize(("init", "value"), [("zeros", 0.0), (0.25, 0.25), (3, 3.0)])
def test_all_weights_may_start_equal(init, value):
    assert {w.data for n in Layer(4, 3, init=init).neurons for w in n.w} == {value}


def test_init_by_function():
    seen = []

    def draw(rng, n):
        seen.append(n)
        return rng.random() + n

    first = weights(MLP(3, [2, 1], init=draw, rng=1))
    assert seen == [3] * 6 + [2] * 2
    assert weights(MLP(3, [2, 1], init=draw, rng=1)) == first
    assert 3.0 <= first[0] < 4.0


# ---------------------------------------------------------------- activations


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "softplus", "leaky_relu", "elu"])
def test_activation_by_name(name):
    neuron = Neuron(2, activation=name, rng=4)
    plain = Neuron(2, nonlin=False, rng=4)
    out = neuron([0.5, -2.0])
    assert out.op == name
    assert out.data == getattr(plain([0.5, -2.0]), name)().data


def test_activation_by_function():
    neuron = Neuron(1, activation=lambda v: sin(v) * 2.0, init=1.0)
    assert neuron([0.5]).data == 2.0 * math.sin(0.5)
    assert Neuron(1, activation=relu, init=1.0)([-1.0]).data == 0.0


def test_linear_activation():
    assert Neuron(1, activation="linear", init=1.0)([-2.0]).data == -2.0
    model = MLP(1, [2, 1], activation="linear", init=1.0)
    assert model([-2.0]).data == -4.0


def test_activation_stands_inside_only():
    out = MLP(2, [3, 1], activation="tanh", rng=1)([1.0, 2.0])
    assert out.op == "+"
    assert sum(v.op == "tanh" for v in topological(out)) == 3


ACTIVATIONS = {
    "ReLU": (ReLU, {}), "Tanh": (Tanh, {}), "Sigmoid": (Sigmoid, {}), "LeakyReLU": (LeakyReLU, {}),
    "LeakyReLU(0.2)": (LeakyReLU, {"negative_slope": 0.2}), "ELU": (ELU, {}),
    "ELU(0.5)": (ELU, {"alpha": 0.5}), "Softplus": (Softplus, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    kind, options = ACTIVATIONS[name]
    points = [-30.0, -2.0, -0.3, 0.7, 5.0, 30.0]
    if name != "ELU(0.5)":  # its slope at 0 is 1 here, alpha there
        points.append(0.0)
    more = {"threshold": 700} if kind is Softplus else {}  # theirs is linear above 20 without
    theirs = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    expected = getattr(torch.nn, kind.__name__)(**options, **more)(theirs)
    expected.sum().backward()
    xs = values(points)
    out = kind(**options)(xs)
    sum(out).backward()
    np.testing.assert_allclose(datas(out), expected.detach().numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(grads(xs), theirs.grad.numpy(), rtol=0, atol=1e-12)


def test_activations_are_one_gate():
    for kind, options in ACTIVATIONS.values():
        x = Value(0.5)
        out = kind(**options)(x)
        assert isinstance(out, Value) and out.inputs == (x,)
    assert LeakyReLU(0.2)(Value(-1.0)).data == -0.2
    assert ELU(2.0)(Value(-1.0)).data == 2.0 * math.expm1(-1.0)


def test_activation_by_module():
    assert Neuron(1, activation=LeakyReLU(0.5), init=1.0)([-2.0]).data == -1.0


# ---------------------------------------------------------------- Linear


def test_linear_is_a_weighted_sum():
    linear = Linear(2, 3, rng=0)
    w, b = np.array(datas(linear.weight)), np.array(datas(linear.bias))
    assert w.shape == (3, 2) and b.shape == (3,)
    np.testing.assert_allclose(datas(linear([0.5, -1.0])), b + w @ [0.5, -1.0], atol=1e-15)
    bare = Linear(2, 3, bias=False, rng=0)
    assert bare.bias is None and len(bare.parameters()) == 6
    w = np.array(datas(bare.weight))
    np.testing.assert_allclose(datas(bare([0.5, -1.0])), w @ [0.5, -1.0], atol=1e-15)


def test_one_output_stays_a_list():
    linear = Linear(2, 1, rng=0)
    assert [type(v) for v in linear([1.0, 2.0])] == [Value]
    assert np.shape(datas(linear(BATCH))) == (3, 1)


def test_linear_equals_layer():
    linear, layer = Linear(2, 3, rng=1), Layer(2, 3, nonlin=False)
    for neuron, row, b in zip(layer.neurons, linear.weight, linear.bias, strict=True):
        neuron.b.data = b.data
        for mine, theirs in zip(neuron.w, row, strict=True):
            mine.data = theirs.data
    ours, theirs = linear([0.5, -1.0]), layer([0.5, -1.0])
    assert datas(ours) == datas(theirs)
    assert [[v.op for v in topological(x)] for x in ours] == [
        [v.op for v in topological(x)] for x in theirs
    ]


def test_default_init_is_pytorchs():
    linear = Linear(9, 400, rng=3)
    for drawn in (datas(linear.weight), datas(linear.bias)):
        drawn = np.array(drawn)
        assert 0.99 / 3.0 < abs(drawn).max() <= 1.0 / 3.0
        assert drawn.var() == pytest.approx(1.0 / 27.0, rel=0.15)


def test_linear_draws_from_rng():
    first = datas(Linear(2, 2, rng=7).parameters())
    assert datas(Linear(2, 2, rng=random.Random(7)).parameters()) == first
    assert datas(Linear(2, 2, rng=8).parameters()) != first
    random.seed(5)
    shared = datas(Linear(2, 2).parameters())
    random.seed(5)
    assert datas(Linear(2, 2).parameters()) == shared


# ---------------------------------------------------------------- Sequential


def test_sequential_is_a_sequence():
    parts = [Linear(2, 3), ReLU(), Linear(3, 1)]
    model = Sequential(*parts)
    assert len(model) == 3 and list(model) == parts
    assert model[0] is parts[0] and model[-1] is parts[-1]
    with pytest.raises(IndexError):
        model[3]
    assert datas(model([1.0, 2.0])) == datas(parts[2](parts[1](parts[0]([1.0, 2.0]))))
    assert Sequential()([1.0]) == [1.0]


def test_sequential_is_shown_as_in_pytorch():
    assert repr(Sequential(Linear(10, 40), ReLU(), Sequential(LeakyReLU(0.2), ELU()))) == (
        "Sequential(\n"
        "  (0): Linear(in_features=10, out_features=40, bias=True)\n"
        "  (1): ReLU()\n"
        "  (2): Sequential(\n"
        "    (0): LeakyReLU(negative_slope=0.2)\n"
        "    (1): ELU(alpha=1.0)\n"
        "  )\n"
        ")"
    )
    assert repr(Sequential()) == "Sequential()"
    assert repr(BatchNorm1d(3)) == "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True)"


@pytest.mark.parametrize("wrong", [None, [Linear(1, 1)], tuple, Value.relu])
def test_sequential_takes_modules_one_by_one(wrong):
    with pytest.raises(TypeError, match=r"one by one.*argument 1 is of type"):
        Sequential(Linear(1, 1), wrong)


# ---------------------------------------------------------------- labels


def test_labels_of_an_mlp():
    model = MLP(2, [2, 1], rng=0)
    assert [p.label for p in model.parameters()] == [
        "layer0.neuron0.w0", "layer0.neuron0.w1", "layer0.neuron0.b",
        "layer0.neuron1.w0", "layer0.neuron1.w1", "layer0.neuron1.b",
        "layer1.neuron0.w0", "layer1.neuron0.w1", "layer1.neuron0.b",
    ]  # fmt: skip
    out = model([1.0, 2.0])
    assert out.label == "layer1.neuron0"
    outputs = {v.label for v in topological(out) if v.op and v.label}
    assert outputs == {"layer0.neuron0", "layer0.neuron1", "layer1.neuron0"}


def test_labels_of_parts():
    assert [p.label for p in Neuron(2).parameters()] == ["w0", "w1", "b"]
    assert [p.label for p in Neuron(1, label="n").parameters()] == ["n.w0", "n.b"]
    assert Layer(1, 2).neurons[1].w[0].label == "neuron1.w0"
    assert Neuron(1)([1.0]).label == ""


def test_labels_of_a_sequential():
    model = Sequential(Linear(2, 2), ReLU(), Linear(2, 1))
    assert [p.label for p in model.parameters()] == [
        "layer0.neuron0.w0", "layer0.neuron0.w1", "layer0.neuron1.w0", "layer0.neuron1.w1",
        "layer0.neuron0.b", "layer0.neuron1.b",
        "layer2.neuron0.w0", "layer2.neuron0.w1", "layer2.neuron0.b",
    ]  # fmt: skip
    (out,) = model([1.0, 2.0])
    assert {v.label for v in topological(out) if v.op and v.label} == {
        "layer0.neuron0", "layer0.neuron1", "layer1.neuron0", "layer1.neuron1", "layer2.neuron0",
    }  # fmt: skip
    normed = Sequential(BatchNorm1d(1))
    assert [p.label for p in normed.parameters()] == ["layer0.neuron0.w", "layer0.neuron0.b"]


def test_labels_of_ones_own_and_nested():
    shared = Linear(2, 2)
    model = Sequential(Linear(2, 2, label="in"), Sequential(shared, Linear(2, 2)), shared)
    found = list(dict.fromkeys(p.label.partition(".neuron")[0] for p in model.parameters()))
    assert found == ["in", "layer1.layer0", "layer1.layer1"]
    block = Sequential(Linear(1, 1))
    assert Sequential(block, ReLU(), block)[0][0].weight[0][0].label == "layer0.layer0.neuron0.w0"
    assert Linear(1, 2).weight[1][0].label == "neuron1.w0"
    assert BatchNorm1d(2).weight[1].label == "neuron1.w"
    assert Linear(1, 1)([1.0])[0].label == "" == ReLU()([1.0])[0].label


def test_labels_of_the_users_inputs_stay():
    x = Value(1.0, label="mine")
    MLP(1, [1, 1], activation=lambda v: v)([x])
    Sequential(ReLU(), BatchNorm1d(1), Linear(1, 1)).eval()([x])
    assert x.label == "mine"


@pytest.mark.parametrize("training", [True, False])
def test_pictures_fold_by_layer(training):
    model = network().train(training)
    loss = MSELoss()(model(BATCH), TARGETS)
    names = {node.name for node in fold(picture_of(loss), 0).nodes}
    assert {f"layer{i}" for i in range(5)} <= names
    units = {node.name for node in fold(picture_of(loss), 1).nodes}
    assert {"layer0.neuron3", "layer1.neuron3", "layer3.neuron2"} <= units
    if not training:
        nodes = fold(picture_of(model(BATCH[0])[0]), 0).nodes
        assert {node.name for node in nodes} == {
            "", "layer0", "layer1", "layer2", "layer3", "layer4.neuron0",
        }  # fmt: skip


# ---------------------------------------------------------------- BatchNorm1d


def normed(torch, affine):
    ours = BatchNorm1d(2, affine=affine)
    theirs = torch.nn.BatchNorm1d(2, affine=affine, dtype=torch.float64)
    if affine:
        for p, x in zip(ours.parameters(), (0.5, -2.0, 0.25, 1.0), strict=True):
            p.data = x
        theirs.load_state_dict(tensors(torch, ours.state_dict()))
    return ours, theirs


@pytest.mark.parametrize("affine", [True, False])
def test_batchnorm_is_pytorchs(affine):
    torch = pytest.importorskip("torch")
    ours, theirs = normed(torch, affine)
    rng = np.random.default_rng(0)
    for size in (2, 5, 3):
        numbers, seeds = rng.normal(1.0, 2.0, (size, 2)), rng.normal(size=(size, 2))
        x = torch.tensor(numbers, requires_grad=True)
        expected = theirs(x)
        theirs.zero_grad()
        (expected * torch.tensor(seeds)).sum().backward()
        xs = values(numbers.tolist())
        out = ours(xs)
        ours.zero_grad()
        sum((np.array(out) * seeds).ravel()).backward()
        np.testing.assert_allclose(datas(out), expected.detach().numpy(), rtol=0, atol=1e-12)
        np.testing.assert_allclose(grads(xs), x.grad.numpy(), rtol=0, atol=1e-12)
        expected_grads = [g for p in theirs.parameters() for g in p.grad.tolist()]
        np.testing.assert_allclose(grads(ours.parameters()), expected_grads, rtol=0, atol=1e-12)
        for name, thing in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[name], thing.numpy(), atol=1e-12)
    ours.eval(), theirs.eval()
    expected = theirs(torch.tensor(BATCH, dtype=torch.float64)).tolist()
    np.testing.assert_allclose(datas(ours(BATCH)), expected, rtol=0, atol=1e-12)
    assert ours.num_batches_tracked == 3


def test_batchnorm_normalises():
    out = np.array(datas(BatchNorm1d(2, eps=0.0)(BATCH)))
    np.testing.assert_allclose(out.mean(axis=0), 0.0, atol=1e-15)
    np.testing.assert_allclose(out.var(axis=0), 1.0, atol=1e-14)


def test_batchnorm_running_averages():
    norm = BatchNorm1d(1, momentum=0.25)
    norm([[1.0], [5.0]])  # mean 3, variance with n - 1: 8
    assert (norm.running_mean, norm.running_var) == ([0.75], [2.75])
    norm.eval()
    assert norm([0.75])[0].data == 0.0
    assert norm([[2.75], [2.75]])[1][0].data == 2.0 / math.sqrt(2.75 + 1e-5)
    assert norm.num_batches_tracked == 1


@pytest.mark.parametrize("training", [True, False])
def test_batchnorm_names_its_statistics(training):
    norm = Sequential(BatchNorm1d(1)).train(training)
    (out, *_) = norm([[1.0], [3.0]])[0]
    named = {v.label: v.data for v in topological(out) if v.label}
    assert named["layer0.neuron0.mean"] == (2.0 if training else 0.0)
    assert named["layer0.neuron0.std"] == math.sqrt(1.0 + 1e-5)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1.0, 2.0], "norm: in training, .*at least two examples, got one"),
        ([[1.0, 2.0]], "norm: in training, .*got one; .*model.eval"),
        (np.empty((0, 2)), "norm: .*got an empty batch"),
        ([[1.0, 2.0], [1.0]], "norm takes 2 inputs, got 1"),
    ],
)
def test_batchnorm_refuses_what_it_cannot_average(x, message):
    norm = BatchNorm1d(2)
    norm.label = "norm"
    before = norm.state_dict()
    with pytest.raises(ValueError, match="^" + message):
        norm(x)
    assert norm.state_dict() == before


@pytest.mark.parametrize("affine", [True, False])
def test_batchnorm_is_traced_in_eval_mode(affine):
    norm = BatchNorm1d(2, affine=affine)
    norm(BATCH)
    model = Sequential(Linear(2, 2, rng=0), norm).eval()
    f = compile_graph(lambda x: sum(model(x)))
    assert f.each(BATCH) == pytest.approx([sum(datas(model(x))) for x in BATCH], rel=1e-12)


@pytest.mark.parametrize("setting", ["eps", "momentum"])
@pytest.mark.parametrize("thing", [None, "a", math.nan, -1.0, math.inf])
def test_batchnorm_refuses_settings_that_are_no_numbers(setting, thing):
    with pytest.raises((TypeError, ValueError), match=f"BatchNorm1d: {setting} must be"):
        BatchNorm1d(1, **{setting: thing})


def test_batchnorm_is_not_traced_in_training():
    model = Sequential(Linear(2, 2, rng=0), BatchNorm1d(2))
    message = r"^layer1: in training, .*couples the examples.*eager=True.*model\.eval\(\)"
    with pytest.raises(TraceError, match=message):
        compile_graph(lambda x: sum(model(x)))(BATCH)


# ---------------------------------------------------------------- examples and batches


MODULES = {
    "neuron": lambda: Neuron(2, rng=6),
    "layer": lambda: Layer(2, 3, rng=6),
    "one-output layer": lambda: Layer(2, 1, rng=6),
    "mlp": lambda: MLP(2, [3, 1], rng=6),
    "wide mlp": lambda: MLP(2, [3, 2], rng=6),
    "linear": lambda: Linear(2, 3, rng=6),
    "relu": ReLU,
    "elu": ELU,
    "batchnorm": lambda: BatchNorm1d(2).eval(),
    "network": lambda: network(6).eval(),
    "layer of one inside": lambda: Sequential(Layer(2, 1, rng=6), Linear(1, 2, rng=6), Tanh()),
}

each_module = pytest.mark.parametrize("make", MODULES.values(), ids=MODULES)


@each_module
@pytest.mark.parametrize(
    "form",
    [
        lambda rows: rows,
        lambda rows: tuple(map(tuple, rows)),
        lambda rows: [tuple(row) for row in rows],
        np.array,
        lambda rows: np.array(rows, dtype=np.float32),
        lambda rows: list(np.array(rows)),
        lambda rows: [[Value(x) for x in row] for row in rows],
        lambda rows: np.array([[Value(x) for x in row] for row in rows], dtype=object),
    ],
    ids=["lists", "tuples", "list of tuples", "array", "float32", "list of arrays", "Values",
         "array of Values"],
)  # fmt: skip
def test_a_batch_is_answered_in_kind(make, form):
    module = make()
    batch = form(BATCH)
    answers = module(batch)
    assert isinstance(answers, list) and len(answers) == 3
    assert datas(answers) == [datas(module(row)) for row in BATCH]
    assert datas(module(batch[1])) == datas(module(BATCH[1]))


@each_module
def test_batch_of_one(make):
    module = make()
    assert datas(module(BATCH[:1])) == [datas(module(BATCH[0]))]


@each_module
def test_empty_batch(make):
    assert make()(np.empty((0, 2))) == []


def test_tensors_as_input():
    torch = pytest.importorskip("torch")
    module = network().eval()
    assert datas(module(torch.tensor(BATCH, dtype=torch.float64))) == datas(module(BATCH))


def test_integers_and_mixtures():
    model = MLP(2, [3, 1], rng=6)
    assert model([1, np.int64(2)]).data == model([1.0, Value(2.0)]).data
    assert model(np.array([1, 2])).data == model([1.0, 2.0]).data


def test_numpy_scalars_are_numbers_everywhere():
    model = MLP(np.int64(2), [np.int64(3), 1], rng=np.int64(3), init=np.float32(0.5))
    plain = MLP(2, [3, 1], rng=3, init=0.5)
    assert model([np.array(0.5), np.array(1.0)]).data == plain([0.5, 1.0]).data
    with pytest.raises(TypeError, match="sequence of numbers"):
        model(0.5)


def test_a_number_is_one_leaf_for_all_neurons():
    outs = Layer(1, 4, rng=1, nonlin=False)([2.5])
    leaves = {v for out in outs for v in topological(out) if not v.op and v.data == 2.5}
    assert len(leaves) == 1


def test_the_gradient_of_a_neuron_reaches_the_inputs():
    x = [Value(1.0), Value(-2.0)]
    neuron = Neuron(2, nonlin=False, rng=1)
    neuron(x).backward()
    assert [v.grad for v in x] == [w.data for w in neuron.w]


def test_the_gradient_of_a_linear_layer_reaches_the_inputs():
    xs = values(BATCH[0])
    linear = Linear(2, 1, rng=1)
    linear(xs)[0].backward()
    assert grads(xs) == datas(linear.weight[0])


def test_batch_gradients_add_up():
    model = MLP(2, [3, 1], rng=6)
    sum(model(BATCH)).backward()
    together = [p.grad for p in model.parameters()]
    model.zero_grad()
    for row in BATCH:
        model(row).backward()
    assert together == pytest.approx([p.grad for p in model.parameters()], abs=1e-12)


def test_no_grad_records_nothing():
    with no_grad():
        out = network().eval()([1.0, 2.0])
    assert all(v.inputs == () for v in out)


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("x", [[1.0], [1.0, 2.0, 3.0], [], (), np.ones(3), [[1.0, 2.0], [3.0]]])
def test_a_wrong_width_names_the_layer_of_an_mlp(x):
    with pytest.raises(ValueError, match=r"layer0.*2 inputs.*got [0-3]"):
        MLP(2, [3, 1])(x)
    with pytest.raises(ValueError, match=r"^hidden takes 2 inputs, got"):
        Layer(2, 3, label="hidden")(x)
    with pytest.raises(ValueError, match=r"^Neuron takes 2 inputs, got"):
        Neuron(2)(x)


def test_a_wrong_width_names_the_layer_of_a_sequential():
    model = Sequential(Linear(2, 3), ReLU(), Linear(4, 1))
    with pytest.raises(ValueError, match=r"^layer0 takes 2 inputs, got 3$"):
        model([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"^layer2 takes 4 inputs, got 3$"):
        model(BATCH)
    with pytest.raises(ValueError, match=r"^Linear takes 2 inputs, got 1$"):
        Linear(2, 3)([[1.0, 2.0], [3.0]])
    with pytest.raises(ValueError, match=r"^BatchNorm1d takes 2 inputs, got 1$"):
        BatchNorm1d(2).eval()([1.0])


@pytest.mark.parametrize("nin", [0, -1, 2.5, "2", None])
def test_bad_nin(nin):
    for make in (Neuron, lambda n: Layer(n, 3), lambda n: MLP(n, [3, 1])):
        with pytest.raises(ValueError, match="nin must be"):
            make(nin)


def test_bad_nout():
    with pytest.raises(ValueError, match="nout must be"):
        Layer(2, 0)
    with pytest.raises(ValueError, match="nout must be"):
        MLP(2, [3, 0])
    with pytest.raises(ValueError, match=r"nouts.*MLP\(2, \[16, 16, 1\]\)"):
        MLP(2, [])


@pytest.mark.parametrize("n", [0, -1, 2.5, "2", None])
def test_bad_features(n):
    with pytest.raises(ValueError, match=r"^in_features must be"):
        Linear(n, 2)
    with pytest.raises(ValueError, match=r"^out_features must be"):
        Linear(2, n)
    with pytest.raises(ValueError, match=r"^num_features must be"):
        BatchNorm1d(n)


@pytest.mark.parametrize("make", [Neuron, lambda n, **kw: MLP(n, [3, 1], **kw)])
@pytest.mark.parametrize("activation", ["foo", "add", "max", "where", "data", "", None, 3])
def test_unknown_activation(make, activation):
    with pytest.raises(ValueError, match=r"unknown activation.*relu, tanh"):
        make(2, activation=activation)


@pytest.mark.parametrize("make", [Neuron, lambda n, **kw: MLP(n, [3, 1], **kw)])
@pytest.mark.parametrize("init", ["foo", "", None, [1.0]])
def test_unknown_init(make, init):
    with pytest.raises((ValueError, TypeError), match=r"init\b.*he, xavier"):
        make(2, init=init)


@pytest.mark.parametrize("make", [Neuron, lambda n, **kw: MLP(n, [3, 1], **kw)])
@pytest.mark.parametrize("rng", ["a", 1.5, [1], np.random.default_rng(1)])
def test_bad_rng(make, rng):
    with pytest.raises(TypeError, match=r"rng must be an int seed.*" + type(rng).__name__):
        make(2, rng=rng)
    with pytest.raises(TypeError, match="rng must be"):
        moons(4, rng=rng)


@pytest.mark.parametrize("x", [1.0, None, Value(1.0), np.float64(2.0)])
def test_an_input_that_is_not_a_sequence(x):
    with pytest.raises(TypeError, match=rf"^Linear takes a sequence.*got {type(x).__name__}"):
        Linear(1, 1)(x)


@pytest.mark.parametrize("thing", ["a", None, 1j])
def test_an_input_that_is_not_a_number(thing):
    for module in (MLP(2, [3, 1]), Linear(2, 1), ReLU(), BatchNorm1d(2).eval()):
        with pytest.raises(TypeError, match=type(thing).__name__):
            module([1.0, thing])


# ---------------------------------------------------------------- matrices, deltas (S3, S8)


def matrices_of_neurons(layers):
    """Omega_k and beta_k of each layer."""
    return [
        (
            np.array([[w.data for w in n.w] for n in layer.neurons]),
            np.array([n.b.data for n in layer.neurons]),
        )
        for layer in layers
    ]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_matrix_equations_of_an_mlp(seed):
    rng = np.random.default_rng(seed)
    model = MLP(5, [6, 7, 4, 3], rng=seed)
    for layer in model.layers:
        for neuron in layer.neurons:
            neuron.b.data = rng.normal(0.0, 0.3)
    x, y = rng.normal(size=5), rng.normal(size=3)

    inputs = [Value(v) for v in x]
    outputs = model(inputs)
    loss = sum((f - t) ** 2 for f, t in zip(outputs, y, strict=True))
    loss.backward()

    layers = matrices_of_neurons(model.layers)
    h, f = [x], []
    for k, (omega, beta) in enumerate(layers):
        f.append(beta + omega @ h[k])
        h.append(np.maximum(f[k], 0.0))
    np.testing.assert_allclose(datas(outputs), f[-1], rtol=0, atol=1e-12)
    assert loss.data == pytest.approx(((f[-1] - y) ** 2).sum(), abs=1e-12)
    assert any((f[k] < 0).any() for k in range(3)) and any((f[k] > 0).any() for k in range(3))

    df = 2.0 * (f[-1] - y)
    for k in reversed(range(4)):
        neurons = model.layers[k].neurons
        np.testing.assert_allclose([n.b.grad for n in neurons], df, rtol=0, atol=1e-12)
        slopes = [[w.grad for w in n.w] for n in neurons]
        np.testing.assert_allclose(slopes, np.outer(df, h[k]), rtol=0, atol=1e-12)
        back = layers[k][0].T @ df
        if k:
            df = (f[k - 1] > 0) * back
    np.testing.assert_allclose([v.grad for v in inputs], back, rtol=0, atol=1e-12)


def test_jacobian_of_a_linear_layer_is_its_matrix():
    layer = Layer(4, 3, nonlin=False, rng=9)
    ((omega, _),) = matrices_of_neurons([layer])
    found = jacobian(lambda *h: layer(list(h)), [0.5, -1.0, 2.0, 0.25])
    np.testing.assert_allclose(found, omega, rtol=0, atol=1e-12)


def matrices(model):
    linears = [module for module in model if isinstance(module, Linear)]
    return linears, [(np.array(datas(m.weight)), np.array(datas(m.bias))) for m in linears]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_matrix_equations_of_a_sequential(seed):
    """S3: dl/db = dl/df; dl/dO = dl/df h^T; dl/df_{k-1} = I[f_{k-1} > 0] * (O^T dl/df_k)."""
    rng = random.Random(seed)
    widths = [5, 6, 7, 4, 3]
    parts = []
    for nin, nout in itertools.pairwise(widths):
        parts += [Linear(nin, nout, rng=rng), ReLU()]
    model = Sequential(*parts[:-1])
    model.apply(
        lambda m: init.kaiming_normal_(m.weight, rng=rng) if isinstance(m, Linear) else None
    )
    x, y = [rng.gauss(0.0, 1.0) for _ in range(5)], [rng.gauss(0.0, 1.0) for _ in range(3)]
    inputs = values(x)
    loss = MSELoss("sum")(model(inputs), y)
    loss.backward()

    linears, layers = matrices(model)
    h, f = [np.array(x)], []
    for omega, beta in layers:
        f.append(beta + omega @ h[-1])
        h.append(np.maximum(f[-1], 0.0))
    assert loss.data == pytest.approx(((f[-1] - y) ** 2).sum(), abs=1e-12)
    assert any((row < 0).any() for row in f[:-1]) and any((row > 0).any() for row in f[:-1])
    df = 2.0 * (f[-1] - y)
    for k in reversed(range(4)):
        np.testing.assert_allclose(grads(linears[k].bias), df, rtol=0, atol=1e-12)
        np.testing.assert_allclose(grads(linears[k].weight), np.outer(df, h[k]), rtol=0, atol=1e-12)
        back = layers[k][0].T @ df
        if k:
            df = (f[k - 1] > 0) * back
    np.testing.assert_allclose(grads(inputs), back, rtol=0, atol=1e-12)


def test_jacobian_of_linear_is_its_weight():
    """Problem 7.6: the Jacobian of z = b + O h is O."""
    linear = Linear(4, 3, rng=9)
    found = jacobian(lambda *h: linear(list(h)), [0.5, -1.0, 2.0, 0.25])
    np.testing.assert_allclose(found, datas(linear.weight), rtol=0, atol=1e-15)


def test_delta_recursion():
    """S8: delta_L = 2 (x_L - y) theta'(s_L); delta_i = theta'(s_i) sum_j w_ij delta_j."""
    rng = random.Random(8)
    linears = [Linear(3, 4, rng=rng), Linear(4, 4, rng=rng), Linear(4, 1, rng=rng)]
    signals, outputs = [], [values([0.5, -1.0, 2.0])]
    for linear in linears:
        signals.append(linear(outputs[-1]))
        outputs.append(Tanh()(signals[-1]))
    y = 0.3
    loss = (outputs[-1][0] - y) ** 2
    loss.backward()

    slopes = [[1.0 - math.tanh(s.data) ** 2 for s in row] for row in signals]
    delta = [2.0 * (outputs[-1][0].data - y) * slopes[-1][0]]
    for k in reversed(range(3)):
        assert grads(signals[k]) == pytest.approx(delta, rel=0, abs=1e-12)
        weights = linears[k].weight
        expected = np.outer(delta, datas(outputs[k]))
        np.testing.assert_allclose(grads(weights), expected, rtol=0, atol=1e-12)
        if k:
            delta = [
                slopes[k - 1][i]
                * sum(row[i].data * d for row, d in zip(weights, delta, strict=True))
                for i in range(4)
            ]


def test_a_training_step_is_pytorchs():
    """S5's network, one step: loss and gradients."""
    torch = pytest.importorskip("torch")
    rng = random.Random(5)
    ours = Sequential(
        Linear(10, 40, rng=rng), ReLU(), Linear(40, 40, rng=rng), ReLU(), Linear(40, 5, rng=rng)
    )
    theirs = torch.nn.Sequential(
        torch.nn.Linear(10, 40), torch.nn.ReLU(), torch.nn.Linear(40, 40), torch.nn.ReLU(),
        torch.nn.Linear(40, 5),
    ).double()  # fmt: skip
    theirs.load_state_dict(tensors(torch, ours.state_dict()))
    x = [[rng.gauss(0.0, 1.0) for _ in range(10)] for _ in range(10)]
    y = [[rng.gauss(0.0, 1.0) for _ in range(5)] for _ in range(10)]
    loss = MSELoss()(ours(x), y)
    loss.backward()
    expected = torch.nn.MSELoss()(
        theirs(torch.tensor(x, dtype=torch.float64)), torch.tensor(y, dtype=torch.float64)
    )
    expected.backward()
    assert loss.data == pytest.approx(expected.item(), rel=0, abs=1e-12)
    named = dict(ours.named_parameters())
    for name, p in theirs.named_parameters():
        np.testing.assert_allclose(grads(named[name]), p.grad.numpy(), rtol=0, atol=1e-12)


def test_gradients_are_the_differences():
    """Through batch statistics too."""
    model = network(2)

    def loss(*numbers):
        return MSELoss()(model([list(numbers[:2]), list(numbers[2:4]), list(numbers[4:])]), TARGETS)

    check_gradient(loss, [x for row in BATCH for x in row])


# ---------------------------------------------------------------- vanishing, elbows (S10, S13)


def test_sigmoid_slope_is_at_most_a_quarter():
    """S10: 1/4 at 0, towards 0 in both tails; through ten of them less than 4^-10."""

    def slope(x, depth=1):
        leaf = Value(x)
        Sequential(*[Sigmoid() for _ in range(depth)])([leaf])[0].backward()
        return leaf.grad

    assert slope(0.0) == 0.25
    assert all(slope(x) < 0.25 for x in (-3.0, -0.1, 0.1, 3.0))
    assert slope(-20.0) == pytest.approx(math.exp(-20.0), rel=1e-8)
    assert slope(20.0) == pytest.approx(math.exp(-20.0), rel=1e-8)
    assert 0.0 < slope(0.5, depth=10) < 0.25**10


def test_a_unit_bends_at_its_elbow_only():
    """S13: unit j of a one-input layer bends at x = -b/w, and nowhere else."""
    linear = Linear(1, 6, rng=4)
    for j, (row, b) in enumerate(zip(linear.weight, linear.bias, strict=True)):
        elbow, w = -b.data / row[0].data, row[0].data

        def slope(x, j=j):
            leaf = Value(x)
            ReLU()(linear([leaf]))[j].backward()
            return leaf.grad

        sides = {slope(elbow - 1e-6), slope(elbow - 5.0)}, {slope(elbow + 1e-6), slope(elbow + 5.0)}
        assert sides == (({0.0}, {w}) if w > 0 else ({w}, {0.0}))


@pytest.mark.parametrize(
    ("activation", "slope"),
    [(ReLU(), 0.0), (LeakyReLU(0.1), 0.1), (ELU(), math.exp(-3.0))],
    ids=["ReLU", "LeakyReLU", "ELU"],
)
def test_a_dead_unit_and_its_remedies(activation, slope):
    """S13: below 0 for every example, a ReLU unit gets no gradient; leaky ReLU and ELU do."""
    linear = Linear(1, 1, rng=0)
    init.constant_(linear.weight, 1.0)
    init.constant_(linear.bias, -3.0)
    x = [[0.0], [0.0]]
    out = Sequential(linear, activation)(x)
    MSELoss("sum")(out, [[1.0], [1.0]]).backward()
    expected = sum(2.0 * (row[0].data - 1.0) * slope for row in out)
    assert linear.bias[0].grad == pytest.approx(expected, rel=1e-12)
    assert (linear.bias[0].grad == 0.0) == isinstance(activation, ReLU)


def test_identity_hands_on_what_it_gets():
    from nn import Identity, Sequential

    x = [Value(1.0), Value(2.0)]
    assert Identity(54, unused=0.1)(x) is x
    assert Sequential(Identity(), ReLU())([-1.0, 2.0])[1].data == 2.0
    assert Identity().parameters() == []


# ------------------------------------------------------------------ dropout


def test_dropout_drops_a_share_and_keeps_the_mean():
    drop = Dropout(0.25, rng=0)
    out = [v.data for v in drop([3.0] * 20_000)]
    assert {*out} == {0.0, 4.0}
    assert out.count(0.0) / 20_000 == pytest.approx(0.25, abs=0.01)
    assert drop.eval()([3.0, 1.0])[0].data == 3.0


def test_each_example_has_a_mask_of_its_own_whatever_it_comes_in():
    alone, batch = Dropout(rng=5), Dropout(rng=5)
    rows = [[1.0] * 8 for _ in range(9)]
    one_by_one = [[v.data for v in alone(row)] for row in rows]
    assert [[v.data for v in row] for row in batch(rows)] == one_by_one
    assert len({tuple(row) for row in one_by_one}) > 5
    assert Dropout(rng=5)(Value(1.0)).data == one_by_one[0][0]


def test_many_numbers_are_drawn_as_few_are():
    few, many = Dropout(0.3, rng=0), Dropout(0.3, rng=0)
    assert [x for _ in range(50) for x in few._draw(10)] == many._draw(500).tolist()


def test_a_mask_is_a_leaf_that_says_so_and_gradients_pass_times_it():
    model = Sequential(Linear(1, 4, rng=0), Dropout(0.5, rng=1))
    out = model([2.0])
    assert [v.op for v in out] == ["*"] * 4
    assert out[2].inputs[1].label == "layer1.neuron2.mask" and out[2].label == "layer1.neuron2"
    reduce(add, out).backward()
    kept = [v.inputs[1].data for v in out]
    assert {*kept} == {0.0, 2.0}
    assert [b.grad for b in model[0].bias] == kept


@pytest.mark.parametrize("p, expected", [(0.0, [1.0, -2.0]), (1.0, [0.0, 0.0])])
def test_the_ends_of_p(p, expected):
    assert [v.data for v in Dropout(p, rng=0)([1.0, -2.0])] == expected


def test_dropout_names_what_it_cannot_take():
    for p in (-0.1, 1.5, math.nan, True):
        with pytest.raises(ValueError, match="Dropout: p must be a number from 0 to 1, got"):
            Dropout(p)
    with pytest.raises(TypeError, match="Dropout: p must be a number from 0 to 1, got str"):
        Dropout("0.5")
    with pytest.raises(TypeError, match="rng must be an int seed"):
        Dropout(0.5, rng=0.5)


def test_dropouts_of_one_source_differ_and_repeat():
    def masks():
        source = random.Random(0)
        return [[v.data for v in Dropout(rng=source)([1.0] * 30)] for _ in range(2)]

    first, second = masks()
    assert first != second and masks() == [first, second]
    random.seed(3)
    drop = Dropout()
    random.random()  # what others draw changes nothing
    random.seed(3)
    assert drop._draw(9) == Dropout()._draw(9)


def test_dropout_has_no_state_to_save_and_copies_with_its_generator():
    model = Sequential(Linear(2, 2, rng=0), Dropout(0.4, rng=0))
    assert [*model.state_dict()] == ["0.weight", "0.bias"] and len(model.parameters()) == 6
    assert repr(model[1]) == "Dropout(p=0.4)"
    twin = copy.deepcopy(model)
    assert twin[1]._draw(50) == model[1]._draw(50)


def test_a_dropped_unit_has_a_thin_wire_in_the_picture_of_a_network():
    model = Sequential(Linear(1, 4, rng=0), Dropout(0.5, rng=1))
    out = model([2.0])
    picture = fold(picture_of(reduce(add, out)), 1)
    weights = [edge.weight for edge in picture.edges if edge.weight in (0.0, 2.0)]
    assert weights == [v.inputs[1].data for v in out]
