"""Module: parameters and their names, modes, what a program must know, saved states."""

import copy
import json
import math
import random
from dataclasses import dataclass

import numpy as np
import pytest

import nn
import nn.module
from autograd_core import TraceError, Value, changed, compile_graph, gradients
from nn import (
    ELU,
    MLP,
    BatchNorm1d,
    HingeLoss,
    Layer,
    LeakyReLU,
    Linear,
    Module,
    Neuron,
    ReLU,
    Sequential,
    Tanh,
)

BATCH = [[0.5, -1.0], [2.0, 0.25], [-3.0, 1.0]]


def datas(thing):
    return [datas(x) for x in thing] if isinstance(thing, list | tuple) else thing.data


def values(thing):
    return [values(x) for x in thing] if isinstance(thing, list) else Value(thing)


def network(rng=0):
    rng = random.Random(rng)
    return Sequential(
        Linear(2, 4, rng=rng), BatchNorm1d(4), ReLU(), Linear(4, 3, bias=False, rng=rng), Tanh()
    )


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


# ---------------------------------------------------------------- parameters and modules inside


def test_calling_calls_forward():
    net = Net()
    assert datas(net([1.0, 2.0])) == datas(net.parts[1](ReLU()(net.hidden([1.0, 2.0]))))
    with pytest.raises(NotImplementedError, match="Module has no forward: define `def forward"):
        Module()(1.0)


def test_layers_are_modules():
    for module in (Neuron(2), Layer(2, 3), MLP(2, [3, 1])):
        assert isinstance(module, Module)


def test_parameters_come_in_the_order_of_attributes():
    neuron = Neuron(3)
    assert neuron.parameters() == [*neuron.w, neuron.b]
    layer = Layer(3, 2)
    assert layer.parameters() == [p for n in layer.neurons for p in n.parameters()]
    model = MLP(3, [4, 4, 1])
    assert model.parameters() == [p for layer in model.layers for p in layer.parameters()]
    assert len(model.parameters()) == 41


def test_every_parameter_comes_once():
    tied = Module()
    tied.first = tied.again = Layer(2, 2)
    tied.scale = Value(1.0)
    tied.both = [tied.scale, (tied.scale, Value(2.0))]
    tied.note = "not a parameter"
    assert len(tied.parameters()) == 8
    assert tied.parameters()[:6] == tied.first.parameters()


def test_parameters_have_the_names_of_attributes():
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


def test_apply_goes_in_pytorchs_order():
    """PyTorch's: the modules inside first, in order, then the module itself."""
    inner = Sequential(Tanh())
    model = Sequential(Linear(1, 1), inner, ReLU())
    seen = []
    assert model.apply(seen.append) is model
    assert seen == [model[0], inner[0], inner, model[2], model]
    net, seen = Net(), []
    net.apply(seen.append)
    assert seen == [net.hidden, *net.parts, net]


def test_modules_are_this_one_and_all_inside_each_once():
    """PyTorch's order: the module itself first."""
    tanh = Tanh()
    inner = Sequential(tanh)
    model = Sequential(Linear(1, 1), inner, tanh)
    assert model.modules() == [model, model[0], inner, tanh]
    net = Net()
    assert net.modules() == [net, net.hidden, *net.parts]


def test_train_and_eval_set_the_mode_of_all_inside():
    model = Sequential(Linear(1, 1), Sequential(BatchNorm1d(1)))
    inside = []
    model.apply(inside.append)
    assert all(module.training for module in inside)
    assert model.eval() is model
    assert not any(module.training for module in inside)
    model.train()
    assert all(module.training for module in inside)
    assert Module().training


def test_a_deep_copy_has_parameters_of_its_own():
    model = network()
    twin = copy.deepcopy(model)
    assert twin.state_dict() == model.state_dict()
    twin[0].bias[0].data += 1.0
    assert twin.state_dict() != model.state_dict()


def test_zero_grad_reaches_every_parameter():
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


# ---------------------------------------------------------------- what a program must know


@pytest.fixture
def uses(monkeypatch):
    """(module, what it reads) of every module that tells the tracer, in order."""
    told = []
    monkeypatch.setattr(nn.module, "used", lambda what, answer: told.append((what, answer)))
    return told


def test_a_module_that_runs_in_a_trace_says_so(uses):
    model = Sequential(Linear(2, 2, rng=0), LeakyReLU(0.2), BatchNorm1d(2)).eval()
    compile_graph(lambda x: sum(model(x))).trace(BATCH)
    expected = [(module, module.reads()) for module in model.modules()]
    assert list(dict.fromkeys(uses)) == expected  # a forward may call that of its base


def test_a_module_says_nothing_outside_of_a_trace(uses):
    MLP(2, [3, 1])(BATCH)
    assert uses == []


def test_a_network_and_its_layers_say_so_and_so_does_a_module_as_activation(uses):
    model = MLP(2, [2, 1], rng=0, activation=LeakyReLU(0.5))
    compile_graph(model).trace(BATCH)
    activation = model.layers[0].neurons[0].activation
    expected = [model, model.layers[0], activation, activation, model.layers[1]]
    assert [module for module, _ in uses] == expected


@pytest.mark.parametrize(
    ("module", "setting"),
    [
        (LeakyReLU(), "negative_slope"), (ELU(), "alpha"), (HingeLoss(), "reduction"),
        (BatchNorm1d(2).eval(), "eps"), (Linear(1, 1), "training"), (Neuron(1), "training"),
    ],
)  # fmt: skip
def test_what_a_module_reads_changes_with_its_settings(module, setting):
    before = module.reads()
    assert module.reads() == before
    setattr(module, setting, 0.125)
    assert module.reads() != before


def test_batch_normalisation_reads_its_averages_in_eval_mode_only():
    norm = BatchNorm1d(2)
    before = norm.reads()
    norm(BATCH)
    assert norm.reads() == before
    before = norm.eval().reads()
    norm.train()(BATCH)
    after = norm.eval().reads()
    assert before != after and hash(after) == hash(norm.reads())


@pytest.mark.parametrize(
    "change",
    [
        lambda model: setattr(model[1], "negative_slope", 0.5),
        lambda model: setattr(model[2], "eps", 0.25),
        lambda model: model.train()(BATCH) and model.eval(),
        lambda model: model.load_state_dict(network_of_two(1).state_dict()),
        lambda model: setattr(model, "1", nn.Tanh()),
        lambda model: setattr(model, "0", Linear(2, 2, rng=3)),
        lambda model: setattr(model[0], "bias", None),
        lambda model: setattr(model[2], "weight", [Value(2.0), Value(3.0)]),
    ],
    ids=[
        "a setting", "a setting of batch normalisation", "running averages", "a loaded state",
        "an activation", "a layer", "a bias taken away", "a parameter",
    ],
)  # fmt: skip
def test_a_compiled_graph_follows_what_its_modules_read(change):
    model = network_of_two(0)
    f = compile_graph(lambda x: sum(model(x)))
    before = f.each(BATCH)
    change(model)
    after = [sum(datas(model(x))) for x in BATCH]
    assert f.each(BATCH) == pytest.approx(after, rel=1e-12)
    assert after != pytest.approx(before)


class Parts(Module):
    def __init__(self):
        self.near = MLP(2, [2, 1], rng=0)
        self.tied = Linear(2, 1, rng=1)
        self.stack = Sequential(Linear(2, 2, rng=2), nn.Tanh())
        self.nested = {"a": {"w": Value(2.0)}, "b": [{"w": Value(3.0)}]}
        self.keyed = {"a": Value(1.5), "b": Value(0.5)}
        self.made = self.keyed["a"] * 2.0
        self.extra = Value(10.0)
        self.factor = 1.0

    def score(self, x):
        """No forward, whose parts are read, iterated over, or asked for."""
        for layer in self.stack:
            x = layer(x)
        y = self.near(x) + self.tied.weight[0][0] * x[0] + self.keyed["a"] * self.made
        y = y + self.nested["a"]["w"] * self.nested["b"][0]["w"] * self.factor
        y = y + self.extra if hasattr(self, "extra") else y
        return y if self.training else y * y


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m.near.layers[0].neurons[0], "b", Value(5.0)),
        lambda m: setattr(m.near.layers[1].neurons[0], "w", [Value(5.0), Value(6.0)]),
        lambda m: setattr(m.tied, "weight", [[Value(8.0), Value(8.0)]]),
        lambda m: setattr(m.stack, "1", nn.ReLU()), lambda m: delattr(m.stack, "1"),
        lambda m: setattr(m, "nested", {"a": {"w": Value(7.0)}, "b": m.nested["b"]}),
        lambda m: setattr(m, "nested", {"a": m.nested["a"], "b": [{"w": Value(7.0)}]}),
        lambda m: setattr(m, "keyed", {"a": m.keyed["b"], "b": m.keyed["a"]}),
        lambda m: setattr(m, "made", m.keyed["a"] * 7.0), lambda m: delattr(m, "extra"),
        lambda m: setattr(m, "factor", 3.0), lambda m: m.eval(),
        lambda m: setattr(m, "score", lambda x: x[0] * m.extra),
        lambda m: m.stack[0].bias.__setitem__(0, Value(9.0)) or changed(),
    ],
)  # fmt: skip
def test_a_compiled_graph_follows_its_modules_parts(change):
    model = Parts()
    f = compile_graph(lambda x: model.score(x))
    before = f.value_and_grad([[0.5, -1.0]])[0]
    change(model)
    answer = model.score([Value(0.5), Value(-1.0)])
    assert before != pytest.approx(answer.data)
    value, gradient = f.value_and_grad([[0.5, -1.0]])
    slopes = gradients(answer)
    assert value == pytest.approx(answer.data, rel=1e-12)
    expected = [slopes.get(p, 0.0) for p in f.parameters]
    assert gradient.tolist() == pytest.approx(expected, rel=1e-12)


class KeepsAll(Module):
    def __init__(self):
        self.inner = MLP(2, [2, 1], rng=0)
        self.x = self.y = None
        self.calls = 0

    def forward(self, x):
        self.x, self.calls = x, self.calls + 1
        self.y = self.inner(x)
        return self.y


def test_what_a_module_keeps_of_a_call_is_no_other_program():
    model, other = KeepsAll(), KeepsAll()
    f, g = compile_graph(lambda x: model(x)), compile_graph(lambda x: model(x) + other(x))
    f([[0.5, -1.0]]), g([[0.5, -1.0]])
    calls = model.calls
    for graph in (f, g, f, g):
        graph([[0.25, 1.0]])
    assert model.calls == calls  # none was traced again: what they set themselves is no change
    program = f.program
    for _ in range(3):
        model([1.0, 2.0]), setattr(model, "note", "text"), setattr(model, "note", "another")
        assert f([[0.5, -1.0]]) == pytest.approx(model([0.5, -1.0]).data, rel=1e-12)
        assert f.program is program
    assert len(f._traces) == len(f._batches) == 1


def test_what_changed_elsewhere_leaves_a_program_as_it_is():
    model = Sequential(Linear(2, 2, rng=0), nn.Dropout(0.5, rng=0), Linear(2, 1, rng=1))
    f = compile_graph(lambda x: model(x)[0])
    f([[1.0, 2.0]])
    program = f.program
    changed()
    f([[1.0, 2.0]])
    assert f.program is program


def test_a_graph_made_outside_may_be_made_anew():
    w = Value(2.0)
    made = [w * 3.0]
    f = compile_graph(lambda x: x * made[0])
    assert f([1.0]) == 6.0
    w.data = 5.0
    with pytest.raises(TraceError):
        f([1.0])
    made[0] = w * 3.0
    changed()
    assert f([1.0]) == 15.0


def test_the_parameters_of_a_module_that_was_given_are_those_it_has_now():
    model = Sequential(Linear(1, 1, rng=0))
    f = compile_graph(lambda x: model(x)[0], model)
    f([[1.0]])
    setattr(model, "0", Linear(1, 1, rng=4))
    assert f.value_and_grad([[1.0]])[1].tolist() == [1.0, 1.0]
    assert f.parameters == model.parameters()


def test_slots_are_refused_since_parameters_would_be_lost_in_them():
    with pytest.raises(TypeError, match="Slotted has __slots__"):
        dataclass(slots=True)(type("Slotted", (Module,), {"__annotations__": {"w": Value}}))


def test_an_array_of_values_is_a_parameter():
    class Net(Module):
        def __init__(self):
            self.w, self.note = np.array([[Value(1.0), Value(2.0)]]), np.zeros(2)

    model = Net()
    assert model.parameters() == model.w[0].tolist()
    assert model.state_dict() == {"w": [[1.0, 2.0]]}
    model.load_state_dict({"w": [[5.0, 6.0]]})
    assert [v.data for v in model.w[0]] == [5.0, 6.0]


def network_of_two(seed):
    model = Sequential(Linear(2, 2, rng=seed), LeakyReLU(0.2), BatchNorm1d(2))
    model([[float(seed), 1.0], [2.0, 3.0]])
    return model.eval()


# ---------------------------------------------------------------- saved states


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
def test_a_state_travels_to_pytorch_and_back(direction):
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


def test_a_state_is_a_copy_that_json_takes():
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


def test_arrays_can_be_loaded():
    model, twin = network(), network(1)
    twin.load_state_dict({name: np.array(x) for name, x in model.state_dict().items()})
    assert twin.state_dict() == model.state_dict()
    mlp, other = MLP(2, [3, 1], rng=0), MLP(2, [3, 1], rng=1)
    assert mlp.state_dict()["layers.0.neurons.1.b"] == 0.0
    other.load_state_dict(mlp.state_dict())
    assert datas(other.parameters()) == datas(mlp.parameters())


def test_loading_keeps_the_values():
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
        r"0\.weight has shape \(2, 4\), the model's has shape \(4, 2\)",
    ),
    "buffer": (
        lambda s: s.update({"1.running_mean": [0.0]}), ValueError,
        r"1\.running_mean has shape \(1,\), the model's has shape \(4,\)",
    ),
    "number": (lambda s: s.update({"3.weight": 1.0}), ValueError, r"3\.weight has shape \(\),"),
    "ragged": (
        lambda s: s["3.weight"][2].pop(), ValueError, r"3\.weight has rows of several lengths"
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
def test_a_bad_state_changes_nothing(name):
    spoil, error, message = WRONG[name]
    model = network()
    before = model.state_dict()
    state = network(1).state_dict()
    spoil(state)
    with pytest.raises(error, match=message):
        model.load_state_dict(state)
    assert model.state_dict() == before


@pytest.mark.parametrize("state", [None, [1.0], "weights.json"])
def test_a_state_that_is_not_a_dict(state):
    with pytest.raises(TypeError, match=r"takes a dict of names, got"):
        network().load_state_dict(state)


# ---------------------------------------------------------------- where parameters are found


def test_parameters_in_dicts_are_found_named_and_loaded():
    class Net(Module):
        def __init__(self):
            self.heads = {"left": Linear(2, 1, rng=0), "right": Linear(2, 1, rng=1)}
            self.scales = {"s": Value(2.0)}

    net = Net()
    assert len(net.parameters()) == 7 and len(net.modules()) == 3
    assert {"heads.left.weight", "heads.right.bias", "scales.s"} <= set(net.state_dict())
    net.load_state_dict({**net.state_dict(), "scales.s": 5.0})
    assert net.scales["s"].data == 5.0


def test_a_result_that_a_module_keeps_is_no_parameter():
    class Keeps(Module):
        def __init__(self):
            self.w = Value(2.0)

        def forward(self, x):
            self.last = self.w * x
            return self.last

    net = Keeps()
    net(Value(3.0))
    assert net.parameters() == [net.w] and set(net.state_dict()) == {"w"}


def test_a_module_that_holds_itself_and_modules_400_deep():
    class Node(Module):
        def __init__(self, inner=None):
            self.w = Value(1.0)
            self.inner = inner

    loop = Node()
    loop.inner = loop
    assert loop.parameters() == [loop.w] and loop.modules() == [loop]
    assert set(loop.state_dict()) == {"w"} and loop.eval().training is False
    deep = Node()
    for _ in range(2000):
        deep = Node(deep)
    calls = []
    deep.apply(calls.append)
    assert len(deep.parameters()) == len(deep.modules()) == len(calls) == 2001
    assert calls[-1] is deep and len(deep.state_dict()) == 2001


# ---------------------------------------------------------------- shown


class Shown(Module):
    def __init__(self):
        self.scale = Value(1.0)
        self.body = Sequential(Linear(2, 3), Sequential(ReLU()))
        self.heads = {"a": Linear(3, 1), "b": [Tanh()]}
        self.empty = Module()


def test_a_module_of_ones_own_is_shown_as_in_pytorch():
    assert repr(Shown()) == (
        "Shown(\n"
        "  (body): Sequential(\n"
        "    (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "    (1): Sequential(\n"
        "      (0): ReLU()\n"
        "    )\n"
        "  )\n"
        "  (heads.a): Linear(in_features=3, out_features=1, bias=True)\n"
        "  (heads.b.0): Tanh()\n"
        "  (empty): Module()\n"
        ")"
    )


def test_a_repr_of_several_lines_is_set_in():
    class Odd(Module):
        def __repr__(self):
            return "Odd(\n  inside\n)"

    assert repr(Sequential(Odd())) == "Sequential(\n  (0): Odd(\n    inside\n  )\n)"


def test_a_module_that_holds_itself_or_lies_deep_is_shown():
    module = Module()
    module.me = module
    assert repr(module) == "Module(\n  (me): Module(...)\n)"
    deep = inner = Module()
    for _ in range(2000):
        inner.next = Module()
        inner = inner.next
    lines = repr(deep).split("\n")
    assert len(lines) == 4001 and lines[2000].strip() == "(next): Module()"


# ---------------------------------------------------------------- shared, inside itself, its own


class Bare(Module):
    """Whatever is set on it."""


def test_a_parameter_with_two_names_goes_by_the_first():
    bare = Bare()
    bare.a = bare.b = Value(1.0)
    assert [name for name, _ in bare.named_parameters()] == ["a"]


def test_a_module_that_is_used_twice_is_met_once():
    bare, inner, other = Bare(), Bare(), Bare()
    bare.a, bare.b = inner, other
    other.c = inner
    met = []
    bare.apply(met.append)
    assert met == [inner, other, bare] and bare.modules() == [bare, inner, other]


def test_a_module_may_lie_inside_itself():
    bare = Bare()
    bare.w, bare.me = Value(1.0), bare
    met = []
    bare.apply(met.append)
    assert met == bare.modules() == [bare] and bare.parameters() == [bare.w]


def test_a_module_inside_says_itself_which_parameters_it_has():
    class Frozen(Module):
        def __init__(self):
            self.fixed, self.free = Value(1.0), Value(2.0)

        def parameters(self):
            return [self.free]

    bare = Bare()
    bare.inner = Frozen()
    assert bare.parameters() == [bare.inner.free]


def test_a_state_that_lies_in_itself_is_refused():
    bare, endless = Bare(), []
    bare.w = Value(1.0)
    endless.append(endless)
    with pytest.raises(ValueError, match="load_state_dict: w is nested too deeply"):
        bare.load_state_dict({"w": endless})


def test_a_name_that_only_pytorchs_modules_have_is_told_what_is_here():
    with pytest.raises(AttributeError, match=r"set an attribute, as self\.w = Value\(0\.5\)"):
        Bare().register_parameter("w", 0.5)
    with pytest.raises(AttributeError, match="'Bare' object has no attribute 'register'"):
        Bare().register("w", 0.5)


def test_modules_and_children_have_pytorchs_names():
    class Net(nn.Module):
        def __init__(self):
            self.hidden = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU())
            self.heads = [nn.Linear(3, 1, rng=1), nn.Linear(3, 1, rng=2)]
            self.again = self.hidden

    net = Net()
    assert [name for name, _ in net.named_children()] == ["hidden", "heads.0", "heads.1"]
    names = ["", "hidden", "hidden.0", "hidden.1", "heads.0", "heads.1"]
    assert [name for name, _ in net.named_modules()] == names
    assert [module for _, module in net.named_modules()] == net.modules()
    assert net.modules()[0] is net and net.children()[1] is net.heads[0]


def test_a_slice_of_a_sequential_is_one_of_the_same_modules():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Linear(3, 1, rng=1))
    body = model[:2]
    assert isinstance(body, nn.Sequential) and list(body) == [model[0], model[1]]
    assert [v.data for v in body([1.0, 2.0])] == [v.data for v in model[1](model[0]([1.0, 2.0]))]
    tail = model[1:]  # the parameters keep the names that they have in the whole
    assert tail[1] is model[2] and tail[1].bias[0].label == "layer2.neuron0.b"


# ------------------------------------------------------------------ in a trace, and odd ones


class Old(Module):
    """In micrograd's way: a call of its own, and no forward."""

    def __init__(self):
        self.b, self.a = Value(0.1), Value(2.0)

    def __call__(self, x):
        return self.a * x + self.b if self.training else self.a * x * 100.0


class Plain(Old):
    __call__ = Module.__call__

    def forward(self, x):
        return Old.__call__(self, x)


@pytest.mark.parametrize(
    "way",
    [
        lambda: (m := Old(), m), lambda: (m := Old(), lambda x: m(x)),
        lambda: (m := Plain(), m.forward), lambda: (m := Plain(), lambda x: m.forward(x)),
    ],
)  # fmt: skip
def test_a_module_is_noted_however_it_runs(way):
    model, fn = way()
    f = compile_graph(fn)
    assert f.value_and_grad([1.0, 2.0])[1].tolist() == [1.0, 1.5]  # of b and a, in their order
    assert f.parameters == model.parameters() == [model.b, model.a]
    model.eval()
    assert f([1.0]) == 200.0
    model.train()
    assert f([1.0]) == 2.1


class Lazy(Module):
    w = None

    def forward(self, x):
        if self.w is None:
            self.w = Value(2.0)
        return self.w * x


def test_a_parameter_that_was_made_in_a_trace_may_not_be_written():
    model = Lazy()
    f = compile_graph(model)
    assert f([1.0, 2.0]) == 3.0
    model.w.data = 10.0
    with pytest.raises(TraceError, match="was made while the function was traced"):
        f([1.0, 2.0])


class Setting(Module):
    def __init__(self, k):
        self.k = k

    def reads(self):
        return (self.training, self.k)

    def forward(self, x):
        return x * self.k[0]


def test_a_list_that_a_module_reads_may_change():
    model = Setting([1.0])
    f = compile_graph(model)
    assert f([1.0]) == 1.0
    model.k[0] = 5.0
    assert f([1.0]) == 5.0


def test_an_array_that_a_module_reads_is_refused():
    with pytest.raises(TypeError, match=r"Setting\.reads\(\) .*tolist"):
        compile_graph(Setting(np.array([1.0, 2.0])))([1.0])


@dataclass
class Equal(Module):
    """Equal to others of the same numbers, and not hashable."""

    a: Value
    k: float = 1.0

    def reads(self):
        return (self.training, self.k)

    def __eq__(self, other):
        return True

    def forward(self, x):
        return self.a * x * self.k


def test_modules_that_are_equal_are_several():
    pair = nn.Sequential(Equal(Value(2.0)), Equal(Value(3.0)))
    assert len(pair.modules()) == 3 and len(pair.children()) == 2
    f = compile_graph(lambda x: pair[1](pair[0](x)))
    assert f([1.0]) == 6.0
    pair[1].k = 10.0
    assert f([1.0]) == 60.0
    calls = []
    pair.eval().apply(calls.append)
    assert len(calls) == 3 and not pair[1].training


@pytest.mark.parametrize(
    "attributes",
    [
        {"d": {1: Value(1.0), "1": Value(2.0)}},
        {"d": {"a.b": Value(1.0), "a": {"b": Value(2.0)}}},
        {"w.0": Value(1.0), "w": [[Value(2.0)], Value(3.0)]},
    ],
)
def test_two_parameters_of_one_name_are_refused(attributes):
    model = Module()
    vars(model).update(attributes)
    for call in (model.state_dict, lambda: model.load_state_dict({}),
                 lambda: list(model.named_parameters())):  # fmt: skip
        with pytest.raises(ValueError, match="two parameters that are called"):
            call()


def test_a_list_that_holds_itself_has_parameters_and_no_names():
    model, inside = Module(), [Value(1.0)]
    inside.append(inside)
    model.inside = {"list": inside}
    assert model.parameters() == inside[:1]
    for call in (model.state_dict, model.modules):
        with pytest.raises(ValueError, match=r"Module\.inside lies in itself"):
            call()


def test_a_call_that_nests_too_deeply_says_so():
    model = Linear(1, 1)
    for _ in range(600):
        model = Sequential(model)
    with pytest.raises(RecursionError) as caught:
        model([1.0])
    (note,) = caught.value.__notes__
    assert "setrecursionlimit" in note
