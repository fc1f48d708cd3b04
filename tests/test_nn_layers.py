"""Linear, activations, BatchNorm1d, Sequential and Module: against PyTorch, and the notes' rows."""

import copy
import itertools
import json
import math
import random

import numpy as np
import pytest

from autograd_core import Value, check_gradient, jacobian, no_grad, topological
from nn import (
    ELU,
    MLP,
    BatchNorm1d,
    Layer,
    LeakyReLU,
    Linear,
    Module,
    MSELoss,
    Neuron,
    ReLU,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
    init,
)
from viz.collapse import fold
from viz.picture import picture_of

BATCH = [[0.5, -1.0], [2.0, 0.25], [-3.0, 1.0]]


def datas(thing):
    return [datas(x) for x in thing] if isinstance(thing, list | tuple) else thing.data


def grads(thing):
    return [grads(x) for x in thing] if isinstance(thing, list | tuple) else thing.grad


def values(thing):
    return [values(x) for x in thing] if isinstance(thing, list) else Value(thing)


def network(rng=0):
    rng = random.Random(rng)
    return Sequential(
        Linear(2, 4, rng=rng), BatchNorm1d(4), ReLU(), Linear(4, 3, bias=False, rng=rng), Tanh()
    )


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


def test_linear_rng():
    first = datas(Linear(2, 2, rng=7).parameters())
    assert datas(Linear(2, 2, rng=random.Random(7)).parameters()) == first
    assert datas(Linear(2, 2, rng=8).parameters()) != first
    random.seed(5)
    shared = datas(Linear(2, 2).parameters())
    random.seed(5)
    assert datas(Linear(2, 2).parameters()) == shared


def test_jacobian_is_the_matrix():
    """Problem 7.6: the Jacobian of z = b + O h is O."""
    linear = Linear(4, 3, rng=9)
    found = jacobian(lambda *h: linear(list(h)), [0.5, -1.0, 2.0, 0.25])
    np.testing.assert_allclose(found, datas(linear.weight), rtol=0, atol=1e-15)


# ---------------------------------------------------------------- activations

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


def test_module_as_activation():
    assert Neuron(1, activation=LeakyReLU(0.5), init=1.0)([-2.0]).data == -1.0


# ---------------------------------------------------------------- examples and batches

MODULES = {
    "linear": lambda: Linear(2, 3, rng=6), "relu": ReLU, "elu": ELU,
    "batchnorm": lambda: BatchNorm1d(2).eval(), "network": lambda: network(6).eval(),
    "layer of one inside": lambda: Sequential(Layer(2, 1, rng=6), Linear(1, 2, rng=6), Tanh()),
}  # fmt: skip


@pytest.mark.parametrize("make", MODULES.values(), ids=MODULES)
@pytest.mark.parametrize(
    "form",
    [
        lambda rows: rows,
        lambda rows: tuple(map(tuple, rows)),
        np.array,
        lambda rows: list(np.array(rows)),
        values,
        lambda rows: np.array(values(rows), dtype=object),
    ],
    ids=["lists", "tuples", "array", "list of arrays", "Values", "array of Values"],
)
def test_answers_in_kind(make, form):
    module = make()
    batch = form(BATCH)
    answers = module(batch)
    assert isinstance(answers, list) and len(answers) == 3
    assert datas(answers) == [datas(module(row)) for row in BATCH]
    assert datas(module(batch[1])) == datas(module(BATCH[1]))
    assert module(np.empty((0, 2))) == []


def test_tensors_as_input():
    torch = pytest.importorskip("torch")
    module = network().eval()
    assert datas(module(torch.tensor(BATCH, dtype=torch.float64))) == datas(module(BATCH))


def test_gradient_reaches_the_inputs():
    xs = values(BATCH[0])
    linear = Linear(2, 1, rng=1)
    linear(xs)[0].backward()
    assert grads(xs) == datas(linear.weight[0])


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


def test_repr():
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
    assert repr(BatchNorm1d(3)) == "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True)"


@pytest.mark.parametrize("wrong", [None, [Linear(1, 1)], tuple, Value.relu])
def test_sequential_takes_modules(wrong):
    with pytest.raises(TypeError, match=r"one by one.*argument 1 is of type"):
        Sequential(Linear(1, 1), wrong)


def test_labels():
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


@pytest.mark.parametrize("training", [True, False])
def test_pictures_fold_by_layer(training):
    model = network().train(training)
    loss = MSELoss()(model(BATCH), BATCH3)
    names = {node.name for node in fold(picture_of(loss), 0).nodes}
    assert {f"layer{i}" for i in range(5)} <= names
    units = {node.name for node in fold(picture_of(loss), 1).nodes}
    assert {"layer0.neuron3", "layer1.neuron3", "layer3.neuron2"} <= units
    if not training:
        nodes = fold(picture_of(model(BATCH[0])[0]), 0).nodes
        assert {node.name for node in nodes} == {
            "leaves", "layer0", "layer1", "layer2", "layer3", "layer4.neuron0",
        }  # fmt: skip


@pytest.mark.parametrize("training", [True, False])
def test_batchnorm_names_its_statistics(training):
    norm = Sequential(BatchNorm1d(1)).train(training)
    (out, *_) = norm([[1.0], [3.0]])[0]
    named = {v.label: v.data for v in topological(out) if v.label}
    assert named["layer0.neuron0.mean"] == (2.0 if training else 0.0)
    assert named["layer0.neuron0.std"] == math.sqrt(1.0 + 1e-5)


def test_labels_of_ones_own_and_nested():
    shared = Linear(2, 2)
    model = Sequential(Linear(2, 2, label="in"), Sequential(shared, Linear(2, 2)), shared)
    found = list(dict.fromkeys(p.label.partition(".neuron")[0] for p in model.parameters()))
    assert found == ["in", "layer1.layer0", "layer1.layer1"]
    block = Sequential(Linear(1, 1))
    assert Sequential(block, ReLU(), block)[0][0].weight[0][0].label == "layer0.layer0.neuron0.w0"
    assert Linear(1, 2).weight[1][0].label == "neuron1.w0"
    assert Linear(1, 1)([1.0])[0].label == "" == ReLU()([1.0])[0].label


def test_labels_of_the_users_inputs_stay():
    x = Value(1.0, label="mine")
    Sequential(ReLU(), BatchNorm1d(1), Linear(1, 1)).eval()([x])
    assert x.label == "mine"


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


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1.0, 2.0], "norm: in training, .*at least two examples, got one"),
        ([[1.0, 2.0]], "norm: in training, .*got one; .*model.eval"),
        (np.empty((0, 2)), "norm: .*got an empty batch"),
        ([[1.0, 2.0], [1.0]], "norm takes 2 inputs, got 1"),
    ],
)
def test_batchnorm_refuses(x, message):
    norm = BatchNorm1d(2)
    norm.label = "norm"
    before = norm.state_dict()
    with pytest.raises(ValueError, match="^" + message):
        norm(x)
    assert norm.state_dict() == before


# ---------------------------------------------------------------- Module


class Net(Module):
    def __init__(self):
        self.scale = Value(2.0)
        self.hidden = Linear(2, 2, rng=0)
        self.parts = [ReLU(), Linear(2, 1, rng=1)]
        self.loose = [Value(1.0), (Value(2.0), Value(3.0))]

    def forward(self, x):
        for module in (self.hidden, *self.parts):
            x = module(x)
        return x


def test_calling_calls_forward():
    net = Net()
    assert datas(net([1.0, 2.0])) == datas(net.parts[1](ReLU()(net.hidden([1.0, 2.0]))))
    with pytest.raises(NotImplementedError, match="Module has no forward: define `def forward"):
        Module()(1.0)


def test_named_parameters():
    named = dict(network().named_parameters())
    assert list(named) == ["0.weight", "0.bias", "1.weight", "1.bias", "3.weight"]
    model = network()
    assert dict(model.named_parameters())["0.weight"] is model[0].weight
    assert list(dict(Net().named_parameters())) == [
        "scale", "hidden.weight", "hidden.bias", "parts.1.weight", "parts.1.bias",
        "loose.0", "loose.1",
    ]  # fmt: skip
    assert list(dict(MLP(2, [1]).named_parameters())) == ["layers.0.neurons.0.w",
                                                          "layers.0.neurons.0.b"]  # fmt: skip


def test_named_parameters_are_the_parameters():
    for model in (network(), Net(), MLP(2, [3, 1])):
        flat = []
        work = [thing for _, thing in model.named_parameters()]
        while work:
            thing = work.pop(0)
            work[:0] = thing if isinstance(thing, list | tuple) else []
            flat += [thing] if isinstance(thing, Value) else []
        assert flat == model.parameters()


def test_names_are_pytorchs():
    torch = pytest.importorskip("torch")
    theirs = pytorchs(torch)
    assert [name for name, _ in network().named_parameters()] == [
        name for name, _ in theirs.named_parameters()
    ]
    ours, expected = network().state_dict(), theirs.state_dict()
    assert list(ours) == list(expected)
    assert [np.shape(x) for x in ours.values()] == [tuple(x.shape) for x in expected.values()]


def test_shared_parameters_are_named_once():
    first, second = Linear(2, 2, rng=0), Linear(2, 2, rng=1)
    second.weight = first.weight
    model = Sequential(first, second, first)
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert len(model.parameters()) == 8
    assert list(model.state_dict()) == [f"{i}.{x}" for i in range(3) for x in ("weight", "bias")]
    model.load_state_dict(model.state_dict())


def test_apply_order():
    """PyTorch's: the modules inside first, in order, then the module itself."""
    inner = Sequential(Tanh())
    model = Sequential(Linear(1, 1), inner, ReLU())
    seen = []
    assert model.apply(seen.append) is model
    assert seen == [model[0], inner[0], inner, model[2], model]
    net, seen = Net(), []
    net.apply(seen.append)
    assert seen == [net.hidden, *net.parts, net]


def test_train_and_eval():
    model = Sequential(Linear(1, 1), Sequential(BatchNorm1d(1)))
    inside = []
    model.apply(inside.append)
    assert all(module.training for module in inside)
    assert model.eval() is model
    assert not any(module.training for module in inside)
    model.train()
    assert all(module.training for module in inside)
    assert Module().training


def test_deepcopy():
    model = network()
    twin = copy.deepcopy(model)
    assert twin.state_dict() == model.state_dict()
    twin[0].bias[0].data += 1.0
    assert twin.state_dict() != model.state_dict()


# ---------------------------------------------------------------- state_dict


def pytorchs(torch):
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(),
        torch.nn.Linear(4, 3, bias=False), torch.nn.Tanh(),
    ).double()  # fmt: skip


def tensors(torch, state):
    return {
        name: torch.tensor(x, dtype=torch.int64 if isinstance(x, int) else torch.float64)
        for name, x in state.items()
    }


@pytest.mark.parametrize("direction", ["from PyTorch", "to PyTorch"])
def test_state_travels(direction):
    torch = pytest.importorskip("torch")
    ours, theirs = network(), pytorchs(torch)
    x = torch.tensor(BATCH, dtype=torch.float64)
    if direction == "from PyTorch":
        theirs(x)  # moves the running averages
        ours.load_state_dict(theirs.state_dict())
    else:
        ours(BATCH)
        theirs.load_state_dict(tensors(torch, ours.state_dict()))
    for name, thing in theirs.state_dict().items():
        assert ours.state_dict()[name] == thing.tolist()
    assert ours[1].num_batches_tracked == 1 and isinstance(ours[1].num_batches_tracked, int)
    for mode in (False, True):
        ours.train(mode), theirs.train(mode)
        np.testing.assert_allclose(datas(ours(BATCH)), theirs(x).tolist(), rtol=0, atol=1e-12)


def test_state_is_a_copy_that_json_takes():
    model = network()
    model(BATCH)
    state = model.state_dict()
    text = json.dumps(state)
    assert state["0.weight"] == datas(model[0].weight)
    model[0].weight[0][0].data += 1.0
    model(BATCH)
    assert json.dumps(state) == text
    twin = network(5)
    twin.load_state_dict(json.loads(text))
    assert json.dumps(twin.state_dict()) == text


def test_load_takes_arrays():
    model, twin = network(), network(1)
    twin.load_state_dict({name: np.array(x) for name, x in model.state_dict().items()})
    assert twin.state_dict() == model.state_dict()
    mlp, other = MLP(2, [3, 1], rng=0), MLP(2, [3, 1], rng=1)
    assert mlp.state_dict()["layers.0.neurons.1.b"] == 0.0
    other.load_state_dict(mlp.state_dict())
    assert datas(other.parameters()) == datas(mlp.parameters())


def test_load_keeps_the_values():
    """An optimiser that holds the parameters still holds them."""
    model = network()
    before = model.parameters()
    model.load_state_dict(network(1).state_dict())
    assert model.parameters() == before


WRONG = {
    "missing": (lambda s: s.pop("0.bias"), ValueError, r"0\.bias is missing"),
    "unexpected": (lambda s: s.update(x=[1.0]), ValueError, r"x is unexpected"),
    "both": (
        lambda s: s.update(x=s.pop("1.running_var")), ValueError,
        r"1\.running_var is missing; x is unexpected",
    ),
    "transposed": (
        lambda s: s.update({"0.weight": np.array(s["0.weight"]).T}), ValueError,
        r"0\.weight has shape \(2, 4\), the model's is \(4, 2\)",
    ),
    "buffer": (
        lambda s: s.update({"1.running_mean": [0.0]}), ValueError,
        r"1\.running_mean has shape \(1,\), the model's is \(4,\)",
    ),
    "number": (lambda s: s.update({"3.weight": 1.0}), ValueError, r"3\.weight has shape \(\),"),
    "ragged": (
        lambda s: s["3.weight"][2].pop(), ValueError, r"3\.weight has shape that differs from row"
    ),
    "text": (
        lambda s: s.update({"0.bias": ["a", 1.0, 2.0, 3.0]}), TypeError, r"0\.bias: .*got str"
    ),
    "none": (lambda s: s.update({"0.bias": [None] * 4}), TypeError, r"0\.bias: .*NoneType"),
    "Values": (
        lambda s: s.update({"1.bias": values([1.0] * 4)}), TypeError, r"1\.bias: .*v\.data"
    ),
    "count": (lambda s: s.update({"1.num_batches_tracked": math.nan}), ValueError, "got nan"),
    "half": (lambda s: s.update({"1.num_batches_tracked": 2.5}), ValueError, r"tracked is a count"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_bad_state_changes_nothing(name):
    spoil, error, message = WRONG[name]
    model = network()
    before = model.state_dict()
    state = network(1).state_dict()
    spoil(state)
    with pytest.raises(error, match=message):
        model.load_state_dict(state)
    assert model.state_dict() == before


@pytest.mark.parametrize("state", [None, [1.0], "weights.json"])
def test_state_that_is_no_dict(state):
    with pytest.raises(TypeError, match=r"takes a dict of names, got"):
        network().load_state_dict(state)


# ---------------------------------------------------------------- what goes wrong


def test_wrong_width_names_the_layer():
    model = Sequential(Linear(2, 3), ReLU(), Linear(4, 1))
    with pytest.raises(ValueError, match=r"^layer0 takes 2 inputs, got 3$"):
        model([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"^layer2 takes 4 inputs, got 3$"):
        model(BATCH)
    with pytest.raises(ValueError, match=r"^Linear takes 2 inputs, got 1$"):
        Linear(2, 3)([[1.0, 2.0], [3.0]])
    with pytest.raises(ValueError, match=r"^BatchNorm1d takes 2 inputs, got 1$"):
        BatchNorm1d(2).eval()([1.0])


@pytest.mark.parametrize("x", [1.0, None, Value(1.0), np.float64(2.0)])
def test_input_that_is_no_sequence(x):
    with pytest.raises(TypeError, match=rf"^Linear takes a sequence.*got {type(x).__name__}"):
        Linear(1, 1)(x)


@pytest.mark.parametrize("thing", ["a", None, 1j])
def test_input_that_is_no_number(thing):
    for module in (Linear(2, 1), ReLU(), BatchNorm1d(2).eval()):
        with pytest.raises(TypeError, match=type(thing).__name__):
            module([1.0, thing])


@pytest.mark.parametrize("n", [0, -1, 2.5, "2", None])
def test_bad_widths(n):
    with pytest.raises(ValueError, match=r"^in_features must be"):
        Linear(n, 2)
    with pytest.raises(ValueError, match=r"^out_features must be"):
        Linear(2, n)
    with pytest.raises(ValueError, match=r"^num_features must be"):
        BatchNorm1d(n)


# ---------------------------------------------------------------- matrices and deltas (S3, S8)


def matrices(model):
    linears = [module for module in model if isinstance(module, Linear)]
    return linears, [(np.array(datas(m.weight)), np.array(datas(m.bias))) for m in linears]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_matrix_equations(seed):
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


def test_network_is_pytorchs():
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
        return MSELoss()(model([list(numbers[:2]), list(numbers[2:4]), list(numbers[4:])]), BATCH3)

    check_gradient(loss, [x for row in BATCH for x in row])


BATCH3 = [[0.1, 0.2, -0.3], [0.5, -0.5, 0.0], [1.0, 0.3, -0.9]]

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


def test_elbows():
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


def test_no_grad_records_nothing():
    with no_grad():
        out = network().eval()([1.0, 2.0])
    assert all(v.inputs == () for v in out)
