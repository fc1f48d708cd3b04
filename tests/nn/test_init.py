"""Initialisation: gains, fans, distributions, orthogonality, and what it does to depth (S4)."""

import math
import random

import numpy as np
import pytest

from autograd_core import Value, no_grad
from nn import BatchNorm1d, Linear, MSELoss, ReLU, Sequential, Tanh, init


def matrix(rows, columns):
    return [[Value(7.0) for _ in range(columns)] for _ in range(rows)]


def numbers(weights):
    return np.array([[w.data for w in row] for row in weights])


# ---------------------------------------------------------------- gains


@pytest.mark.parametrize(
    ("name", "param"),
    [("linear", None), ("sigmoid", None), ("tanh", None), ("relu", None), ("selu", None),
     ("leaky_relu", None), ("leaky_relu", 0.2), ("leaky_relu", 0)],
)  # fmt: skip
def test_gains_are_pytorchs(name, param):
    torch = pytest.importorskip("torch")
    assert init.calculate_gain(name, param) == torch.nn.init.calculate_gain(name, param)


def test_gains_in_closed_form():
    assert init.calculate_gain("tanh") == 5.0 / 3.0
    assert init.calculate_gain("relu") == math.sqrt(2.0)
    assert init.calculate_gain("leaky_relu", 1.0) == 1.0


def test_an_unknown_gain():
    with pytest.raises(ValueError, match=r"unknown nonlinearity 'gelu'.*leaky_relu.*tanh"):
        init.calculate_gain("gelu")


# ---------------------------------------------------------------- constants


def test_constants_fill_in_place():
    weights = matrix(3, 2)
    first = weights[0][0]
    assert init.constant_(weights, 2.5) is weights
    assert weights[0][0] is first
    assert (numbers(weights) == 2.5).all()
    bias = [Value(1.0), Value(2.0)]
    assert init.zeros_(bias) is bias
    assert [b.data for b in bias] == [0.0, 0.0]


# ---------------------------------------------------------------- distributions


@pytest.mark.parametrize(
    ("fill", "defaults"),
    [
        (init.uniform_, {"a": 0.0, "b": 1.0}), (init.normal_, {"mean": 0.0, "std": 1.0}),
        (init.xavier_uniform_, {"gain": 1.0}), (init.xavier_normal_, {"gain": 1.0}),
        (init.kaiming_uniform_, {"a": 0.0}), (init.orthogonal_, {"gain": 1.0}),
    ],
)  # fmt: skip
def test_defaults_are_pytorchs(fill, defaults):
    drawn = (numbers(fill(matrix(2, 3), rng=0, **options)) for options in ({}, defaults))
    np.testing.assert_array_equal(*drawn)


def test_what_does_not_spread_is_one_number():
    assert (numbers(init.uniform_(matrix(2, 2), 3.0, 3.0)) == 3.0).all()
    assert (numbers(init.normal_(matrix(2, 2), 3.0, 0.0)) == 3.0).all()


ROWS, COLUMNS = 60, 140
SPREADS = {
    "uniform": (lambda w, rng: init.uniform_(w, -2.0, 4.0, rng=rng), 3.0, (-2.0, 4.0)),
    "normal": (lambda w, rng: init.normal_(w, 1.0, 0.5, rng=rng), 0.25, None),
    "xavier uniform": (
        lambda w, rng: init.xavier_uniform_(w, 3.0, rng=rng), 9.0 * 2.0 / 200, math.sqrt(54 / 200)
    ),
    "xavier normal": (lambda w, rng: init.xavier_normal_(w, 3.0, rng=rng), 9.0 * 2.0 / 200, None),
    "kaiming uniform": (
        lambda w, rng: init.kaiming_uniform_(w, rng=rng), 2.0 / 140, math.sqrt(6.0 / 140)
    ),
    "kaiming uniform, slope": (
        lambda w, rng: init.kaiming_uniform_(w, math.sqrt(5.0), rng=rng),
        1.0 / 3.0 / 140,
        math.sqrt(1.0 / 140),
    ),
    "kaiming normal": (lambda w, rng: init.kaiming_normal_(w, rng=rng), 2.0 / 140, None),
    "kaiming fan_out": (
        lambda w, rng: init.kaiming_normal_(w, mode="fan_out", rng=rng), 2.0 / 60, None
    ),
    "kaiming average": (
        lambda w, rng: init.kaiming_normal_(w, mode="average", rng=rng), 4.0 / 200, None
    ),
    "kaiming tanh": (
        lambda w, rng: init.kaiming_normal_(w, nonlinearity="tanh", rng=rng), 25.0 / 9.0 / 140, None
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPREADS)
def test_draws_have_their_variance(name):
    fill, variance, bound = SPREADS[name]
    weights = matrix(ROWS, COLUMNS)
    assert fill(weights, random.Random(1)) is weights
    drawn = numbers(weights)
    mean = 1.0 if name in ("uniform", "normal") else 0.0
    deviation = math.sqrt(variance)
    assert drawn.mean() == pytest.approx(mean, abs=4.0 * deviation / math.sqrt(ROWS * COLUMNS))
    assert drawn.var() == pytest.approx(variance, rel=0.06)
    if bound is None:
        assert abs(drawn - mean).max() > 3.0 * deviation
    else:
        low, high = bound if isinstance(bound, tuple) else (-bound, bound)
        assert low <= drawn.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < drawn.max() <= high


@pytest.mark.parametrize(
    ("name", "options"),
    [("xavier_uniform_", {"gain": 2.0}), ("kaiming_uniform_", {"a": 0.3}),
     ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "tanh"})],
)  # fmt: skip
def test_bounds_are_pytorchs(name, options):
    """Both draw uniformly: the largest of many draws shows the bound."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = torch.empty(50, 400, dtype=torch.float64)
    getattr(torch.nn.init, name)(theirs, **options)
    ours = numbers(getattr(init, name)(matrix(50, 400), rng=0, **options))
    assert abs(ours).max() == pytest.approx(theirs.abs().max().item(), rel=1e-3)


@pytest.mark.parametrize(
    "fill",
    [init.uniform_, init.normal_, init.xavier_uniform_, init.xavier_normal_, init.kaiming_uniform_,
     init.kaiming_normal_, init.orthogonal_],
)  # fmt: skip
def test_draws_come_from_rng(fill):
    first = numbers(fill(matrix(3, 4), rng=5))
    assert (numbers(fill(matrix(3, 4), rng=random.Random(5))) == first).all()
    assert (numbers(fill(matrix(3, 4), rng=6)) != first).any()
    random.seed(11)
    shared = numbers(fill(matrix(3, 4)))
    random.seed(11)
    assert (numbers(fill(matrix(3, 4))) == shared).all()
    with pytest.raises(TypeError, match="rng must be an int seed"):
        fill(matrix(3, 4), rng="a")


# ---------------------------------------------------------------- orthogonal


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 5), (3, 8), (8, 3), (40, 40), (1, 6)])
@pytest.mark.parametrize("gain", [1.0, math.sqrt(2.0)])
def test_orthogonal_rows_or_columns(rows, columns, gain):
    w = numbers(init.orthogonal_(matrix(rows, columns), gain, rng=rows))
    product = w @ w.T if rows <= columns else w.T @ w
    np.testing.assert_allclose(product, gain**2 * np.eye(min(rows, columns)), rtol=0, atol=1e-14)


def test_orthogonal_keeps_lengths_and_differs_by_seed():
    w = numbers(init.orthogonal_(matrix(12, 12), rng=1))
    x = np.arange(12.0)
    assert np.linalg.norm(w @ x) == pytest.approx(np.linalg.norm(x), rel=1e-14)
    assert abs(w - numbers(init.orthogonal_(matrix(12, 12), rng=2))).max() > 0.1


def test_orthogonal_of_nearly_parallel_and_of_equal_vectors():
    """Gram-Schmidt done once would leave 1e-12 here; equal vectors are drawn again."""
    vectors = [[1.0, 1e-4, 0.0], [1.0, 1e-4, 0.0], [1.0, 0.0, 1e-4], [1.0, 1e-4, 1e-4]]
    rng = random.Random(0)
    draws = iter([x for vector in vectors for x in vector])
    rng.gauss = lambda mu=0.0, sigma=1.0: next(draws)
    w = numbers(init.orthogonal_(matrix(3, 3), rng=rng))
    np.testing.assert_allclose(w @ w.T, np.eye(3), rtol=0, atol=1e-15)
    assert list(draws) == []


def test_orthogonal_has_no_preferred_sign():
    """Uniform among orthogonal matrices: each entry is as often negative as positive."""
    rng = random.Random(3)
    signs = [
        init.orthogonal_(matrix(2, 2), rng=rng)[i][i].data > 0 for _ in range(200) for i in (0, 1)
    ]
    assert 150 < sum(signs) < 250


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("fill", "error", "message"),
    [
        (lambda w: init.normal_(w, 0.0, -1.0), ValueError, "std must be at least 0, got -1"),
        (lambda w: init.uniform_(w, 2.0, 1.0), ValueError, "a must not be above b"),
        (lambda w: init.kaiming_normal_(w, mode="fan"), ValueError, "unknown mode 'fan'.*average"),
        (lambda w: init.kaiming_uniform_(w, nonlinearity="x"), ValueError, "unknown nonlin.*relu"),
        (lambda w: init.constant_(w, "a"), TypeError, "real number, got str"),
        (lambda w: init.constant_(w, Value(1.0)), TypeError, "plain number, got a Value"),
        (lambda w: init.xavier_normal_(w[0]), ValueError, r"list of rows.*shape \(2,\)"),
        (lambda w: init.kaiming_normal_([[], []]), ValueError, r"list of rows.*shape \(2, 0\)"),
        (lambda w: init.orthogonal_(w[0]), ValueError, r"list of rows.*shape \(2,\)"),
        (lambda w: init.kaiming_normal_([*w, w[0][:1]]), ValueError, "rows of several lengths"),
        (lambda w: init.zeros_([*w, w[0][:1]]), ValueError, "rows of equal length"),
        (lambda w: init.zeros_([w[0], [1.0, 2.0]]), TypeError, "holds float"),
        (lambda w: init.zeros_(Linear(2, 2)), TypeError, "linear.weight; this holds Linear"),
    ],
)
def test_bad_input_changes_nothing(fill, error, message):
    weights = matrix(3, 2)
    with pytest.raises(error, match=message):
        fill(weights)
    assert (numbers(weights) == 7.0).all()


# ---------------------------------------------------------------- depth (S4)


def deep(variance, layers, width, rng):
    """Variances of activations and of gradients, layer by layer, for weights of that variance."""
    hidden = [Linear(width, width, rng=rng) for _ in range(layers)]
    for linear in hidden:
        init.normal_(linear.weight, 0.0, math.sqrt(variance), rng=rng)
        init.zeros_(linear.bias)
    h = [Value(rng.gauss(0.0, 1.0)) for _ in range(width)]
    f = []
    for linear in hidden:
        f.append(linear(h))
        h = ReLU()(f[-1])
    MSELoss("sum")(h, [rng.gauss(0.0, 1.0) for _ in h]).backward()
    return [np.mean([v.data**2 for v in row]) for row in f], [
        np.mean([v.grad**2 for v in row]) for row in f
    ]


@pytest.mark.parametrize(
    ("scale", "low", "high"), [(1.0, 0.05, 20.0), (0.25, 0.0, 1e-4), (4.0, 1e4, math.inf)],
    ids=["He", "too small", "too large"],
)  # fmt: skip
def test_variance_stays_vanishes_or_explodes(scale, low, high):
    """Each layer multiplies the variance by D sigma^2 / 2: 1, 1/4 and 4 here, over 12 layers."""
    width, layers = 40, 12
    activations, gradients = deep(scale * 2.0 / width, layers, width, random.Random(2))
    assert low < activations[-1] / activations[0] < high
    assert low < gradients[0] / gradients[-1] < high
    assert (activations[-1] / activations[0]) ** (1.0 / (layers - 1)) == pytest.approx(
        scale, rel=0.3
    )


def test_fifty_layers():
    """He keeps 50 layers alive; 1/D, right for a linear network, halves the variance 50 times."""
    rng = random.Random(4)
    with no_grad():
        ends = {}
        for gain in ("relu", "linear"):
            h = [rng.gauss(0.0, 1.0) for _ in range(50)]
            linear = Linear(50, 50, bias=False, rng=0)
            for _ in range(50):
                init.kaiming_normal_(linear.weight, nonlinearity=gain, rng=rng)
                h = ReLU()(linear(h))
            ends[gain] = np.mean([v.data**2 for v in h])
    assert 1e-3 < ends["relu"] < 1e3
    assert ends["linear"] < 1e-11


def test_constant_weights_learn_identical_features():
    model = Sequential(Linear(2, 4), Tanh(), Linear(4, 1))
    for layer in (model[0], model[2]):
        init.constant_(layer.weight, 0.3)
        init.zeros_(layer.bias)
    for _ in range(5):
        loss = MSELoss()(model([[0.5, -1.0], [1.0, 2.0]]), [[1.0], [-1.0]])
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad
    rows = numbers(model[0].weight)
    assert (rows == rows[0]).all()
    assert (rows != 0.3).any()


def test_apply_initialises_a_network():
    """The notes' weights_init, on a network with other modules in it."""
    rng = random.Random(0)
    model = Sequential(Linear(10, 40), ReLU(), BatchNorm1d(40), Linear(40, 5))

    def weights_init(layer_in):
        if isinstance(layer_in, Linear):
            init.kaiming_normal_(layer_in.weight, rng=rng)
            init.zeros_(layer_in.bias)

    assert model.apply(weights_init) is model
    for linear, width in ((model[0], 10), (model[3], 40)):
        assert numbers(linear.weight).var() == pytest.approx(2.0 / width, rel=0.25)
        assert all(b.data == 0.0 for b in linear.bias)
    assert all(w.data == 1.0 for w in model[2].weight)
