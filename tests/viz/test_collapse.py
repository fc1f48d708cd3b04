"""Folding: what folds into what, and when."""

import re
from collections import Counter

import pytest

from autograd_core import Value, topological
from nn import MLP
from viz import draw, explain
from viz.collapse import fit, fold
from viz.picture import picture_of

each_style = pytest.mark.parametrize("style", ["circuit", "record"])


def outermost(root):
    """Of each value, the outermost group, from its label or the labels around it."""
    return {node.id: node.group[:1] for node in picture_of(root).nodes}


def wires_between(picture, group_of):
    wires = Counter()
    for edge in picture.edges:
        ends = group_of[edge.source], group_of[edge.target]
        if all(ends) and ends[0] != ends[1]:
            wires[ends] += edge.count
    return wires


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_sizes_add_up(depth):
    picture = picture_of(MLP(2, [4, 4, 1], rng=1)([0.5, -1.0]).tanh().exp())
    folded = fold(picture, depth)
    assert sum(node.size for node in folded.nodes) == len(picture.nodes)
    assert depth == 2 or len(folded.nodes) < len(picture.nodes)
    assert [node.id for node in folded.nodes] == [f"n{i}" for i in range(len(folded.nodes))]


def test_a_value_has_the_same_name_folded_unfolded_and_explained():
    out = MLP(2, [4, 1], rng=1)([0.5, -1.0])
    error = out - 1.0
    loss = error**2
    whole = picture_of(loss)
    folded = fold(whole, 0)
    names, gates = folded.names(), [node for node in folded.nodes if node.op and not node.name]
    assert [node.op for node in gates] == ["-", "**2"]
    assert [node.id for node in gates] != [id for node in gates for id in node.members]
    assert [names[node.id] for node in gates] == [whole.names()[node.members[0]] for node in gates]
    assert str(explain(loss, error)).startswith(f"d{names[gates[1].id]}/d{names[gates[0].id]} = ")


def test_depth_0_leaves_layers(network_loss):
    folded = fold(picture_of(network_loss()), 0)
    sizes = {node.name: node.size for node in folded.nodes if node.name.startswith("layer")}
    # each neuron: nin + 1 parameters, and 2 nin + 1 gates of one example (2 nin if linear)
    assert sizes == {"layer0": 4 * (3 + 5), "layer1": 4 * (5 + 9), "layer2": 5 + 8}


def test_depth_1_leaves_neurons(network_loss):
    folded = fold(picture_of(network_loss()), 1)
    sizes = {node.name: node.size for node in folded.nodes if node.name.startswith("layer")}
    assert sizes == {
        **{f"layer0.neuron{i}": 3 + 5 for i in range(4)},
        **{f"layer1.neuron{i}": 5 + 9 for i in range(4)},
        "layer2.neuron0": 5 + 8,
    }


def test_wire_counts_add_up(network_loss):
    loss = network_loss()
    picture = picture_of(loss)
    folded = fold(picture, 0)
    layers = {n.id: (n.name,) if n.name.startswith("layer") else () for n in folded.nodes}
    wanted = wires_between(picture, outermost(loss))
    assert wanted == {(("layer0",), ("layer1",)): 320, (("layer1",), ("layer2",)): 80}
    assert wires_between(folded, layers) == {ends: n // 20 for ends, n in wanted.items()}


def test_no_wire_is_lost_or_doubled(network_loss):
    for depth in (0, 1, 2):
        folded = fold(picture_of(network_loss()), depth)
        ends = [(edge.source, edge.target) for edge in folded.edges if edge.count > 1]
        assert len(set(ends)) == len(ends)
        assert all(edge.source != edge.target for edge in folded.edges)
        ids = {node.id for node in folded.nodes}
        assert {end for edge in folded.edges for end in (edge.source, edge.target)} <= ids


def test_repeats_of_examples_fold(network_loss):
    few, many = (fold(picture_of(network_loss(n)), 0) for n in (5, 50))
    assert len(few.nodes) == len(many.nodes) < 20
    assert [n.name or n.op for n in few.nodes] == [n.name or n.op for n in many.nodes]
    for gate in ("*", "-", "relu", "Σ"):
        assert [node.size for node in many.nodes if node.op == gate] == [1]
    assert [node.terms for node in many.nodes if node.op == "Σ"] == [50]
    assert (few.examples, many.examples) == (5, 50)


def test_loss_keeps_its_numbers_when_folded(network_loss):
    loss = network_loss()
    folded = fold(picture_of(loss), 0)
    (root,) = [node for node in folded.nodes if node.id == folded.root]
    assert (root.data, root.grad) == (loss.data, 1.0)


def test_named_values_do_not_fold():
    a, b = Value(1.0, label="a"), Value(2.0, label="b")
    folded = fold(picture_of(a.exp() + b.exp()), 0)
    assert {"a", "b"} <= {node.name for node in folded.nodes}
    assert all(node.size == 1 for node in folded.nodes if node.name in "ab" and node.name)


def test_small_graphs_are_not_folded():
    out = MLP(2, [2, 1], rng=1)([0.5, -1.0])
    picture = picture_of(out)
    assert fit(picture, None, 400) == fit(picture, None, len(picture.nodes)) == picture
    assert len(fit(picture, None, len(picture.nodes) - 1).nodes) < len(picture.nodes)


def test_big_graphs_fold_by_themselves(network_loss, dot_texts):
    loss = network_loss()
    texts = dot_texts(draw(loss))
    assert "layer0" in texts and "layer0.neuron0" not in texts
    layers = dot_texts(draw(loss, limit=15))
    assert {"32 values", "56 values", "16 wires", "4 wires"} <= set(layers)


@each_style
def test_depth_by_hand(dot_texts, style):
    out = MLP(2, [2, 1], rng=1)([0.5, -1.0])
    texts = dot_texts(draw(out, style=style, depth=0))
    assert "16 values" in texts and "7 values" in texts and "neuron0" not in texts
    texts = dot_texts(draw(out, style=style, depth=1))
    assert {"0", "1", "layer0", "x[0]"} <= set(texts) and "w0" not in texts
    texts = dot_texts(draw(out, style=style, depth=2))
    assert "w0" in texts and "x[0]" not in texts


@each_style
@pytest.mark.needs_dot
def test_folded_picture_can_be_laid_out(network_loss, svg, style):
    for depth in (0, 1):
        picture = svg(network_loss(), style=style, depth=depth)
        assert "layer0" in picture.texts
        assert len(set(picture.ids)) == len(picture.ids)


def test_bad_depth(neuron):
    with pytest.raises(ValueError, match="depth must be 0 or more, got -1"):
        draw(neuron(), depth=-1)


# ---------------------------------------------------------------- too big


def test_budget_error_names_the_remedies():
    root = sum(Value(float(i)).exp() * Value(float(i)).sin() ** i for i in range(250))
    with pytest.raises(ValueError) as caught:
        draw(root)
    message = str(caught.value)
    count = f"{len(topological(root)):,}"
    for remedy in (
        "depth=0",
        "limit=",
        "labels",
        "layer0.neuron3.w1",
        "smaller part",
        count,
        "400",
    ):
        assert remedy in message
    limit = int(re.search(r"limit=(\d+)", message)[1])
    assert draw(root, limit=limit).source
    with pytest.raises(ValueError):
        draw(root, limit=limit - 1)


def test_limit_is_what_is_drawn(chain):
    assert draw(chain(49), limit=50).source
    with pytest.raises(ValueError, match="limit of 49"):
        draw(chain(49), limit=49)


def test_chain_of_5000_gates_refuses(chain):
    with pytest.raises(ValueError, match="5,001"):
        draw(chain(5_000))
    assert len(draw(chain(5_000), limit=10_000).source) > 5_000


def test_chain_of_5000_gates_folds_by_group(dot_texts):
    x = Value(1.0, label="x")
    for i in range(5_000):
        x = (x * Value(1.0, label=f"part{i // 1_000}.w")).tanh()
        x.label = f"part{i // 1_000}"
    folded = fit(picture_of(x), None, 400)
    sizes = {node.name: node.size for node in folded.nodes}
    assert sizes == {"x": 1, **{f"part{i}": 3_000 for i in range(5)}}
    assert "3000 values" in dot_texts(draw(x))
