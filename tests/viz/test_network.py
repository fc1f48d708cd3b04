"""Networks drawn as networks: one example of a batch, columns of neurons, wires with weights."""

import re
import xml.etree.ElementTree as ET

import pytest

from autograd_core import Value
from nn import MLP, BatchNorm1d, CrossEntropyLoss, Linear, ReLU, Sequential, Tanh, moons
from viz import draw
from viz.collapse import fold
from viz.network import one_example, with_sums
from viz.picture import picture_of
from viz.words import number


def batch(examples, layers=(3, 1), seed=1):
    points, labels = moons(examples, rng=0)
    model = MLP(2, list(layers), rng=seed, activation="tanh")
    loss = sum((p - y) ** 2 for p, y in zip(model(points), labels, strict=True)) / examples
    loss.backward()
    return model, points, loss


def drawn(svg, kind):
    """Of each node of a kind: its text lines, and where it stands."""
    found = {}
    for node in svg.findall(".//{http://www.w3.org/2000/svg}g"):
        if node.get("class") == f"node {kind}":
            texts = [(float(t.get("x")), float(t.get("y")), t.text)
                     for t in node.iter("{http://www.w3.org/2000/svg}text")]  # fmt: skip
            found[node.get("id")] = texts
    return found


# ---------------------------------------------------------------- one example


@pytest.mark.parametrize("examples", [2, 5, 20])
def test_one_example_is_that_examples_own_graph(examples):
    model, points, loss = batch(examples)
    picture = one_example(picture_of(loss))
    assert picture.examples == examples
    first = model(points[0])
    made = sorted(node.data for node in picture_of(first).nodes if node.op)
    kept = sorted(node.data for node in picture.nodes if node.op and node.group)
    assert kept == made


def test_no_batch_no_change():
    alone = picture_of(MLP(2, [3, 1], rng=1)([0.5, -1.0]))
    assert one_example(alone) is alone
    plain = picture_of(Value(1.0, "a") * Value(2.0, "b"))
    assert one_example(plain) is plain


def test_what_couples_a_batch_stays():
    model = Sequential(Linear(2, 3, rng=0), BatchNorm1d(3), Tanh(), Linear(3, 2, rng=1))
    loss = CrossEntropyLoss()(model([[0.5, -1.0], [1.0, 2.0], [0.3, 0.2]]), [0, 1, 1])
    picture = one_example(picture_of(loss))
    assert picture.examples == 3
    names = [node.name for node in picture.nodes]
    assert names.count("layer1.neuron0") == names.count("layer1.neuron0.mean") == 1
    assert names.count("layer3.neuron1") == 1


def test_steps_in_time_are_not_examples():
    w, h = Value(0.5, "cell.w"), Value(0.1, "h0")
    for _ in range(4):
        h = (h * w).tanh()
        h.label = "cell"
    picture = picture_of(h)
    assert one_example(picture) is picture


def test_three_examples_stand_side_by_side():
    model, points, loss = batch(3)
    picture = one_example(picture_of(loss))
    scores = model(points)
    (score,) = [node for node in picture.nodes if node.name == "layer1.neuron0"]
    assert score.values == tuple(s.data for s in scores)
    by_hand = [2 * (s.data - y) / 3 for s, y in zip(scores, moons(3, rng=0)[1], strict=True)]
    assert score.grads == pytest.approx(by_hand)
    assert all(not node.values for node in picture.nodes if node.name.endswith((".w0", ".b")))


def test_numbers_of_three_examples_are_in_the_picture(dot_texts):
    _, _, loss = batch(3)
    texts = dot_texts(draw(loss, depth=1))
    (score,) = [n for n in one_example(picture_of(loss)).nodes if n.name == "layer1.neuron0"]
    assert ", ".join(map(number, score.values)) in texts
    assert ", ".join(map(number, score.grads)) in texts


# ---------------------------------------------------------------- sums


def test_a_run_of_sums_is_one_gate_with_all_terms():
    values = [Value(float(i), f"x{i}") for i in range(1, 6)]
    total = sum(values) * 2.0
    picture = with_sums(picture_of(total))
    (sigma,) = [node for node in picture.nodes if node.op == "Σ"]
    assert sigma.terms == 5 and sigma.data == 15.0
    assert [e.operand for e in picture.edges if e.target == sigma.id] == [0, 1, 2, 3, 4]
    assert 0.0 not in [node.data for node in picture.nodes]  # Python's sum starts with it


@pytest.mark.parametrize("named", [True, False])
def test_a_named_or_shared_sum_stays_itself(named):
    a, b, c = (Value(float(i), "abc"[i]) for i in range(3))
    ab = a + b
    if named:
        ab.label = "ab"
        root = ab + c
    else:
        root = (ab + c) * ab
    assert "Σ" not in [node.op for node in with_sums(picture_of(root)).nodes]


# ---------------------------------------------------------------- neurons


def test_wires_carry_weights_and_their_gradients():
    model, _, loss = batch(20)
    picture = fold(picture_of(loss), 1)
    names = {node.id: node.name for node in picture.nodes}
    wires = {(names[e.source], names[e.target]): e for e in picture.edges}
    for j, neuron in enumerate(model.layers[0].neurons):
        for i, w in enumerate(neuron.w):
            wire = wires[f"x[{i}]", f"layer0.neuron{j}"]
            assert (wire.weight, wire.weight_grad) == (w.data, w.grad)
    for j, w in enumerate(model.layers[1].neurons[0].w):
        assert wires[f"layer0.neuron{j}", "layer1.neuron0"].weight == w.data


def test_weight_decay_has_one_wire(dot_texts):
    model, _, loss = batch(20)
    total = loss + 1e-4 * sum(p * p for p in model.parameters())
    picture = fold(picture_of(total), 1)
    (port,) = [node for node in picture.nodes if node.kind == "port"]
    assert port.name == f"{len(model.parameters())} parameters"
    assert len([e for e in picture.edges if e.source == port.id]) == 1
    assert "337 parameters" not in dot_texts(draw(total, depth=1))


def test_style_of_a_wire_says_size_and_sign():
    model, _, loss = batch(20)
    source = draw(loss, depth=1).source
    wires = re.findall(r'class=weight color="(#\w+)".*?edgetooltip="weight (\S+) .*?'
                       r"penwidth=(\S+) style=(\w+)", source)  # fmt: skip
    assert len(wires) == len([w for layer in model.layers for n in layer.neurons for w in n.w])
    for colour, weight, _, style in wires:
        assert (style == "dashed") == (float(weight) < 0.0)
        assert (colour == "#b35900") == (float(weight) < 0.0)
    by_size = sorted(wires, key=lambda wire: abs(float(wire[1])))
    assert [float(w[2]) for w in by_size] == sorted(float(w[2]) for w in wires)
    assert draw(loss, depth=1, wires="gradient").source != source
    with pytest.raises(ValueError, match='wires must be "weight" or "gradient", got 3'):
        draw(loss, depth=1, wires=3)


@pytest.mark.needs_dot
@pytest.mark.parametrize("layers", [(8, 1), (16, 16, 1)])
def test_layers_are_columns_with_neurons_in_order(layers):
    _, _, loss = batch(20, layers)
    boxes = drawn(ET.fromstring(draw(loss, depth=1).pipe("svg")), "neuron")
    columns = {}
    for texts in boxes.values():
        middle = round(sum(x for x, _, _ in texts) / len(texts) / 40)
        columns.setdefault(middle, []).append((texts[0][1], int(texts[0][2])))
    assert sorted(map(len, columns.values())) == sorted(layers)
    for column in columns.values():
        assert [place for _, place in sorted(column)] == list(range(len(column)))


@pytest.mark.needs_dot
def test_micrograds_network_can_be_printed():
    _, _, loss = batch(100, (16, 16, 1))
    size = re.search(r'<svg width="(\d+)pt" height="(\d+)pt"', draw(loss).pipe("svg").decode())
    assert int(size[1]) < 2000 and int(size[2]) < 900


def test_a_layer_that_is_too_wide_folds_in_its_place(dot_texts):
    loss = (MLP(2, [1000, 1], rng=0)([0.5, 1.0]) - 1.0) ** 2
    texts = dot_texts(draw(loss))
    assert "layer0" in texts and "8000 values" in texts and "v4" not in texts


def test_an_activation_that_is_a_layer_has_a_column():
    model = Sequential(Linear(2, 3, rng=0), ReLU(), Linear(3, 1, rng=1))
    picture = fold(picture_of(model([0.5, -1.0])[0]), 1)
    kinds = {node.name: node.kind for node in picture.nodes}
    assert kinds["layer1.neuron2"] == kinds["layer0.neuron0"] == "neuron"
