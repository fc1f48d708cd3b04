"""Neurons, layers and networks: micrograd's behaviours, initialisation, batches, the matrices."""

import itertools
import math
import random
from functools import partial

import numpy as np
import pytest

from autograd_core import Value, jacobian, relu, sin, tanh, topological
from nn import MLP, Layer, Module, Neuron, moons


def datas(thing):
    return [datas(x) for x in thing] if isinstance(thing, list | tuple) else thing.data


def weights(module):
    return [p.data for p in module.parameters()]


# ---------------------------------------------------------------- as micrograd's users know them


def test_repr():
    assert repr(Neuron(2)) == "ReLUNeuron(2)"
    assert repr(Neuron(16, nonlin=False)) == "LinearNeuron(16)"
    assert repr(Layer(2, 2)) == "Layer of [ReLUNeuron(2), ReLUNeuron(2)]"
    assert repr(MLP(2, [2, 1])) == (
        "MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2)], Layer of [LinearNeuron(2)]]"
    )


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


def test_modules():
    for module in (Neuron(2), Layer(2, 3), MLP(2, [3, 1])):
        assert isinstance(module, Module)


def test_parameters_in_order():
    neuron = Neuron(3)
    assert neuron.parameters() == [*neuron.w, neuron.b]
    layer = Layer(3, 2)
    assert layer.parameters() == [p for n in layer.neurons for p in n.parameters()]
    model = MLP(3, [4, 4, 1])
    assert model.parameters() == [p for layer in model.layers for p in layer.parameters()]
    assert len(model.parameters()) == 41


def test_parameters_each_once():
    tied = Module()
    tied.first = tied.again = Layer(2, 2)
    tied.scale = Value(1.0)
    tied.both = [tied.scale, (tied.scale, Value(2.0))]
    tied.note = "no parameter"
    assert len(tied.parameters()) == 8
    assert tied.parameters()[:6] == tied.first.parameters()


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


def test_neuron_computes():
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


def test_zero_grad():
    model = MLP(2, [3, 1], rng=3)
    model([1.0, 2.0]).backward()
    assert any(p.grad != 0.0 for p in model.parameters())
    model.zero_grad()
    assert all(p.grad == 0.0 for p in model.parameters())


def test_zero_grad_spares_the_inputs():
    x = Value(1.0)
    neuron = Neuron(1, nonlin=False, init=2.0)
    neuron([x]).backward()
    neuron.zero_grad()
    assert x.grad == 2.0


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


# ---------------------------------------------------------------- randomness


def test_global_seed_repeats_a_run():
    random.seed(1337)
    first = weights(MLP(2, [4, 1]))
    random.seed(1337)
    assert weights(MLP(2, [4, 1])) == first
    assert weights(MLP(2, [4, 1])) != first


def test_rng_forms():
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


def test_weights_drawn_in_the_order_of_inputs():
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


def test_he_by_layer():
    model = MLP(8, [100, 50], rng=5)
    for layer, width in zip(model.layers, (8, 100), strict=True):
        drawn = [w.data for n in layer.neurons for w in n.w]
        assert np.var(drawn) == pytest.approx(2.0 / width, rel=0.15)


def test_xavier():
    drawn = [w.data for n in Layer(50, 200, rng=5, init="xavier").neurons for w in n.w]
    assert np.var(drawn) == pytest.approx(1.0 / 50, rel=0.07)


def test_uniform():
    drawn = [w.data for n in Layer(50, 200, rng=5, init="uniform").neurons for w in n.w]
    assert -1.0 <= min(drawn) < -0.99 and 0.99 < max(drawn) <= 1.0
    assert np.var(drawn) == pytest.approx(1.0 / 3.0, rel=0.05)


@pytest.mark.parametrize(("init", "value"), [("zeros", 0.0), (0.25, 0.25), (3, 3.0)])
def test_constant_init(init, value):
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


# ---------------------------------------------------------------- activations and labels


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "softplus", "leaky_relu", "elu"])
def test_activation_names(name):
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


def test_labels():
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


def test_labels_of_the_users_inputs_stay():
    x = Value(1.0, label="mine")
    MLP(1, [1, 1], activation=lambda v: v)([x])
    assert x.label == "mine"


# ---------------------------------------------------------------- examples and batches

BATCH = [[0.5, -1.0], [2.0, 0.25], [-3.0, 1.0]]

MODULES = {
    "neuron": lambda: Neuron(2, rng=6),
    "layer": lambda: Layer(2, 3, rng=6),
    "one-output layer": lambda: Layer(2, 1, rng=6),
    "mlp": lambda: MLP(2, [3, 1], rng=6),
    "wide mlp": lambda: MLP(2, [3, 2], rng=6),
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
def test_batch_answers_in_kind(make, form):
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


def test_integers_and_mixtures():
    model = MLP(2, [3, 1], rng=6)
    assert model([1, np.int64(2)]).data == model([1.0, Value(2.0)]).data
    assert model(np.array([1, 2])).data == model([1.0, 2.0]).data


def test_gradient_reaches_the_inputs():
    x = [Value(1.0), Value(-2.0)]
    neuron = Neuron(2, nonlin=False, rng=1)
    neuron(x).backward()
    assert [v.grad for v in x] == [w.data for w in neuron.w]


def test_input_number_is_one_leaf():
    outs = Layer(1, 4, rng=1, nonlin=False)([2.5])
    leaves = {v for out in outs for v in topological(out) if not v.op and v.data == 2.5}
    assert len(leaves) == 1


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("x", [[1.0], [1.0, 2.0, 3.0], [], (), np.ones(3), [[1.0, 2.0], [3.0]]])
def test_wrong_width(x):
    with pytest.raises(ValueError, match=r"layer0.*2 inputs.*got [0-3]"):
        MLP(2, [3, 1])(x)
    with pytest.raises(ValueError, match=r"^hidden takes 2 inputs, got"):
        Layer(2, 3, label="hidden")(x)
    with pytest.raises(ValueError, match=r"^Neuron takes 2 inputs, got"):
        Neuron(2)(x)


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


@pytest.mark.parametrize("thing", ["a", None, 1j])
def test_input_that_is_no_number(thing):
    with pytest.raises(TypeError, match=type(thing).__name__):
        MLP(2, [3, 1])([1.0, thing])


# ---------------------------------------------------------------- the matrices of the notes (S3)


def matrices(layers):
    """Omega_k and beta_k of each layer."""
    return [
        (
            np.array([[w.data for w in n.w] for n in layer.neurons]),
            np.array([n.b.data for n in layer.neurons]),
        )
        for layer in layers
    ]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_matrix_equations(seed):
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

    layers = matrices(model.layers)
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
    ((omega, _),) = matrices([layer])
    found = jacobian(lambda *h: layer(list(h)), [0.5, -1.0, 2.0, 0.25])
    np.testing.assert_allclose(found, omega, rtol=0, atol=1e-12)


def test_batch_gradients_add_up():
    model = MLP(2, [3, 1], rng=6)
    sum(model(BATCH)).backward()
    together = [p.grad for p in model.parameters()]
    model.zero_grad()
    for row in BATCH:
        model(row).backward()
    assert together == pytest.approx([p.grad for p in model.parameters()], abs=1e-12)


# ---------------------------------------------------------------- data


@pytest.mark.parametrize("n", [0, 1, 2, 5, 100, 101])
def test_moons_sizes(n):
    points, labels = moons(n, rng=3)
    assert len(points) == len(labels) == n
    assert labels.count(0) + labels.count(1) == n
    assert labels.count(0) - labels.count(1) in (0, 1)
    assert all(len(point) == 2 for point in points)


def test_moons_repeat():
    assert moons(20, rng=3) == moons(20, rng=3) == moons(20, rng=random.Random(3))
    assert moons(20, rng=3) != moons(20, rng=4)
    random.seed(5)
    first = moons(20)
    random.seed(5)
    assert moons(20) == first


def test_moons_are_half_circles():
    points, labels = moons(51, noise=0.0, rng=3)
    for (x, y), label in zip(points, labels, strict=True):
        if label:
            assert math.hypot(x - 1.0, y - 0.5) == pytest.approx(1.0)
            assert y <= 0.5 + 1e-12
        else:
            assert math.hypot(x, y) == pytest.approx(1.0)
            assert y >= -1e-12
    upper = sorted(x for (x, _), label in zip(points, labels, strict=True) if label == 0)
    assert (upper[0], upper[-1]) == pytest.approx((-1.0, 1.0))


def test_moons_noise_and_order():
    plain, _ = moons(400, noise=0.0, rng=3)
    noisy, labels = moons(400, noise=0.2, rng=3)
    assert len(set(plain)) > 390
    radii = [math.hypot(x, y) - 1.0 for (x, y), c in zip(noisy, labels, strict=True) if c == 0]
    assert 0.15 < np.std(radii) < 0.25
    assert labels != sorted(labels) and labels[:10] != [0, 1] * 5


def test_numpy_scalars_are_numbers_everywhere():
    model = MLP(np.int64(2), [np.int64(3), 1], rng=np.int64(3), init=np.float32(0.5))
    plain = MLP(2, [3, 1], rng=3, init=0.5)
    assert model([np.array(0.5), np.array(1.0)]).data == plain([0.5, 1.0]).data
    with pytest.raises(TypeError, match="sequence of numbers"):
        model(0.5)
