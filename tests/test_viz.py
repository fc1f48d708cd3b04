"""Pictures and text of graphs: what they show, how they fold, that user text stays text."""

import base64
import io
import itertools
import json
import math
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import graphviz
import pytest
from conftest import needs_dot

import viz
from autograd_core import Value, no_grad, sigmoid, topological, trace_creation
from nn import MLP, moons
from viz import NoGraphviz, draw, draw_dot, parse, save, to_json, to_mermaid, to_text
from viz.collapse import fit, fold
from viz.picture import number, picture_of

ROOT = Path(viz.__file__).parents[1]
SVG = "{http://www.w3.org/2000/svg}"
TITLE = "{http://www.w3.org/1999/xlink}title"

each_style = pytest.mark.parametrize("style", ["circuit", "record"])


def neuron(backward=True):
    """The neuron of the notes: 0.73, and gradients -0.20 0.39 -0.39 -0.59 0.20."""
    values = {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}
    root = parse("sigmoid(w0*x0 + w1*x1 + w2)", values)
    if backward:
        root.backward()
    return root


def network_loss(examples=20, backward=True):
    points, labels = moons(examples, rng=1)
    scores = MLP(2, [4, 4, 1], rng=1)(points)
    losses = [(1 - (2 * y - 1) * s).relu() for y, s in zip(labels, scores, strict=True)]
    loss = sum(losses) / examples
    if backward:
        loss.backward()
    return loss


def chain(gates, start=1.0):
    x = Value(start, label="x")
    for _ in range(gates):
        x = x.tanh()
    return x


# ---------------------------------------------------------------- reading a picture


def read_svg(content):
    """What can be read in an SVG, whatever its layout."""
    tree = ET.fromstring(content)
    elements = list(tree.iter())
    return SimpleNamespace(
        elements=elements,
        tags={e.tag.replace(SVG, "") for e in elements},
        ids=[e.get("id") for e in elements if e.get("id")],
        tooltips={e.get(TITLE).strip() for e in elements if e.get(TITLE)} - {""},
        texts=texts_in(tree),
        of=lambda id: texts_in(next(e for e in elements if e.get("id") == id)),
    )


def texts_in(element):
    return [clean("".join(e.itertext())) for e in element.iter(f"{SVG}text")]


def clean(text):
    return text.replace("\u00a0", " ").replace("\u2060", "").strip()


def svg(root, **options):
    return read_svg(draw(root, **options).pipe("svg"))


def split_dot(source):
    """DOT text as what stands outside of quotes and `<...>`, the HTML strings, the quoted ones."""
    outside, html, quoted = [], [], []
    i = 0
    while i < len(source):
        if source[i] == '"':
            end = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL).match(source, i)
            assert end, f"a quote that is not closed: {source[i : i + 40]!r}"
            quoted.append(end[1])
            i = end.end()
        elif source[i] == "<":
            depth, start = 1, i + 1
            while depth:
                i += 1
                depth += {"<": 1, ">": -1}.get(source[i], 0)
            html.append(source[start:i])
            i += 1
        else:
            outside.append(source[i])
            i += 1
    return "".join(outside), html, quoted


def dot_texts(diagram):
    """The texts that the HTML labels of a diagram hold, without an engine."""
    texts = []
    for html in split_dot(diagram.source)[1]:
        element = ET.fromstring(f"<all>{html}</all>")
        texts += [clean(text) for text in element.itertext() if clean(text)]
    return texts


def html_tags(html):
    return [element.tag for element in ET.fromstring(f"<all>{html}</all>").iter()]


def dot_ids(diagram):
    return re.findall(r'\bid="?([\w.\-]+)', diagram.source)


# ---------------------------------------------------------------- what draw gives


@each_style
def test_draw_gives_a_digraph(style):
    diagram = draw(neuron(), style=style)
    assert isinstance(diagram, graphviz.Digraph)
    assert diagram.source.startswith("digraph {")
    ids = set(dot_ids(diagram))
    assert {f"n{i}" for i in range(10)} <= ids and "n10" not in ids
    assert {"n0-n2-0", "n1-n2-1", "n2-n6-0", "n8-n9-0"} <= ids


@each_style
@needs_dot
def test_source_can_be_laid_out(style):
    picture = svg(neuron(), style=style)
    assert {f"n{i}" for i in range(10)} <= set(picture.ids)
    assert len(set(picture.ids)) == len(picture.ids)
    assert {"w0", "x0", "w1", "x1", "w2", "sigmoid", "*", "+"} <= set(picture.texts)


def test_micrograds_name():
    assert draw_dot(neuron()).source == draw(neuron()).source


def test_circuit_is_the_default():
    root = neuron()
    assert draw(root).source == draw(root, style="circuit").source
    assert draw(root).source != draw(root, style="record").source


def test_ids_follow_the_order_of_evaluation():
    nodes = picture_of(neuron()).nodes
    assert [node.id for node in nodes] == [f"n{i}" for i in range(10)]
    wanted = ["w0", "x0", "*", "w1", "x1", "*", "+", "w2", "+", "sigmoid"]
    assert [node.name or node.op for node in nodes] == wanted


def test_edges_follow_the_graph():
    picture = picture_of(neuron())
    edges = {(e.source, e.target, e.operand): e.local for e in picture.edges}
    assert edges == {
        ("n0", "n2", 0): -1.0, ("n1", "n2", 1): 2.0, ("n3", "n5", 0): -2.0, ("n4", "n5", 1): -3.0,
        ("n2", "n6", 0): 1.0, ("n5", "n6", 1): 1.0, ("n6", "n8", 0): 1.0, ("n7", "n8", 1): 1.0,
        ("n8", "n9", 0): pytest.approx(0.19661193324148185),
    }  # fmt: skip
    assert picture.root == "n9"


SCRIPT = """
from autograd_core import Value
from nn import MLP
from viz import draw, to_json, to_mermaid, to_text
loss = sum(MLP(2, [3, 2, 1], rng=1)([[0.5, -1.0], [1.0, 2.0]])) + Value(1.0, "shift")
loss.backward()
x = Value(2.0)
print(draw(loss).source, draw(loss, "record").source, draw(loss, depth=0).source)
print(to_text(loss), to_json(loss), to_mermaid(loss), draw(x * x, names=locals()).source)
"""


def test_same_picture_in_every_process():
    def source(seed):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT],
            env=environment, capture_output=True, text=True, check=True, encoding="utf-8",
        )  # fmt: skip
        return run.stdout

    first = source("0")
    assert "n0" in first
    assert source("1") == first
    assert source("4242") == first


def test_same_picture_of_a_graph_built_again():
    assert draw(network_loss()).source == draw(network_loss()).source


# ---------------------------------------------------------------- numbers


@each_style
def test_neuron_of_the_notes(style):
    texts = dot_texts(draw(neuron(), style=style))
    for wanted in ("0.73", "-0.20", "-0.39", "0.20", "0.39", "-0.59", "1.00"):
        assert wanted in texts


@needs_dot
def test_neuron_of_the_notes_in_svg():
    picture = svg(neuron())
    wires = {
        "n0-n2-0": ["2.00", "-0.20"], "n1-n2-1": ["-1.00", "0.39"], "n3-n5-0": ["-3.00", "-0.39"],
        "n4-n5-1": ["-2.00", "-0.59"], "n7-n8-1": ["-3.00", "0.20"], "n9-out-0": ["0.73", "1.00"],
    }  # fmt: skip
    for wire, numbers in wires.items():
        assert picture.of(f"{wire}-numbers") == numbers
    assert picture.of("n0-n2-0") == ["\u00d7 -1.00"]
    assert picture.of("n8-n9-0") == ["\u00d7 0.20"]


@needs_dot
def test_record_in_svg():
    picture = svg(neuron(), style="record")
    assert "".join(picture.of("n0")).replace(" ", "") == "w0data2.00grad-0.20"
    assert "".join(picture.of("n9")).replace(" ", "") == "data0.73grad1.00"
    assert picture.of("n9-gate") == ["sigmoid"]
    assert picture.of("n8-n9-0") == ["\u00d7 0.20"]


@each_style
def test_before_backward_a_gradient_is_a_dash(style):
    texts = dot_texts(draw(neuron(backward=False), style=style))
    assert texts.count("-") == 10
    assert "0.00" not in texts and "-0.20" not in texts
    assert "0.73" in texts and "\u00d7 -1.00" in texts
    assert "gradient 0" not in draw(neuron(backward=False), style=style).source


def test_before_backward_in_text_json_and_mermaid():
    root = neuron(backward=False)
    rows = [line.split() for line in to_text(root).splitlines()]
    assert rows[1] == ["w0", "2", "-"]
    assert [row[-2:] for row in rows if row[0] == "v2"] == [["-1", "2"]]
    assert {node["grad"] for node in json.loads(to_json(root))["nodes"]} == {None}
    assert "grad -" in to_mermaid(root) and "grad 0" not in to_mermaid(root)


def test_zero_grad_takes_the_gradients_away():
    root = neuron()
    root.zero_grad()
    assert draw(root).source == draw(neuron(backward=False)).source


@each_style
def test_a_gradient_of_zero_is_shown_after_backward(style):
    x = Value(-2.0, label="x")
    y = x.relu() + 5.0
    y.backward()
    texts = dot_texts(draw(y, style=style))
    assert "-" not in texts and "0.00" in texts


@each_style
def test_forward_only(style):
    root = neuron()
    diagram = draw(root, style=style, backward=False)
    texts = dot_texts(diagram)
    assert "0.73" in texts and "-1.00" in texts
    assert not {"-0.20", "0.39", "-0.59", "0.20"} & set(texts)
    assert not any(text.startswith("\u00d7") for text in texts)
    assert "gradient" not in diagram.source


def test_forward_only_in_text_json_and_mermaid():
    root = neuron()
    assert to_text(root, backward=False).splitlines()[0].split() == ["name", "gate", "value"]
    assert "-0.19" not in to_text(root, backward=False)
    plain = json.loads(to_json(root, backward=False))
    assert plain["backward"] is False
    assert {n["grad"] for n in plain["nodes"]} | {e["grad"] for e in plain["edges"]} == {None}
    assert "grad" not in to_mermaid(root, backward=False)


def test_second_backward_is_shown_as_it_is_stored():
    x = Value(3.0, label="x")
    y = x * 2.0
    y.backward()
    y.backward()
    assert picture_of(y).nodes[0].grad == 4.0


@each_style
def test_fork_draws_every_wire(style):
    x = Value(3.0, label="x")
    y = x * x
    y.backward()
    ids = dot_ids(draw(y, style=style))
    assert ids.count("n0-n1-0") == ids.count("n0-n1-1") == 1
    assert to_mermaid(y).count("n0 -->") == 2
    assert "x * x" in to_text(y)
    assert len(json.loads(to_json(y))["edges"]) == 2


def test_sum_at_forks():
    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    f = x * y + x
    f.backward()
    assert [t for t in dot_texts(draw(f)) if t.startswith("sum")] == ["sum 3.00"]
    assert not [t for t in dot_texts(draw(f, backward=False)) if t.startswith("sum")]
    f.zero_grad()
    assert not [t for t in dot_texts(draw(f)) if t.startswith("sum")]


@needs_dot
def test_sum_stands_at_its_node():
    x = Value(3.0, label="x")
    f = x.exp() * x
    f.backward()
    assert "sum 80.34" in svg(f).of("n0")


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (None, "-"), (0.0, "0.00"), (-0.196, "-0.20"), (0.01, "0.01"), (0.0042, "4.2e-3"),
        (99999.0, "99999.00"), (1e5, "1.0e5"), (-4.2e-18, "-4.2e-18"), (1e300, "1.0e300"),
        (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan"),
    ],
)  # fmt: skip
def test_number(x, text):
    assert number(x) == text


@each_style
def test_constants_of_a_gate_are_shown(style):
    x = Value(3.0, label="x")
    texts = dot_texts(draw((x**2).leaky_relu(0.2), style=style))
    assert "**2" in texts and "leaky_relu 0.2" in texts
    assert "x**2" in to_text(x**2) and "leaky_relu(x, 0.2)" in to_text(x.leaky_relu(0.2))


@each_style
@pytest.mark.parametrize("extreme", [math.inf, -math.inf, math.nan])
def test_extreme_numbers(style, extreme):
    y = Value(extreme, label="x") * 2.0
    y.backward()
    assert repr(extreme) in dot_texts(draw(y, style=style))
    assert repr(extreme) in to_text(y) and repr(extreme) in to_mermaid(y)


@each_style
def test_single_leaf(style):
    diagram = draw(Value(3.0, label="x"), style=style)
    assert "x" in dot_texts(diagram) and "3.00" in dot_texts(diagram)
    assert len(to_text(Value(3.0)).splitlines()) == 2


def test_result_of_no_grad():
    with no_grad():
        y = Value(2.0, label="x") * 3.0
    assert "6.00" in dot_texts(draw(y)) and len(picture_of(y).nodes) == 1
    assert "6" in to_text(y)


def test_graph_is_not_changed():
    root = network_loss()
    before = [(v.data, v.grad, v.label, v.inputs) for v in topological(root)]
    draw(root)
    to_text(root, names={"loss": root})
    assert [(v.data, v.grad, v.label, v.inputs) for v in topological(root)] == before


# ---------------------------------------------------------------- names and groups


def test_names_of_variables():
    x, b = Value(2.0), Value(1.0, label="bias")
    w = [Value(3.0), Value(4.0)]
    pair = (Value(5.0), "no Value")
    y = x * w[0] + w[1] * pair[0] + b
    names = [node.name for node in picture_of(y, names=locals()).nodes]
    assert names == ["x", "w[0]", "", "w[1]", "pair[0]", "", "", "bias", "y"]
    assert [node.name for node in picture_of(y).nodes if node.name] == ["bias"]
    assert (x.label, y.label) == ("", "")
    for text in (draw(y, names=locals()).source, to_text(y, names=locals()),
                 to_json(y, names=locals()), to_mermaid(y, names=locals())):  # fmt: skip
        assert "w[1]" in text and "pair[0]" in text


def test_label_wins_over_a_variable():
    x = Value(2.0, label="own")
    assert [n.name for n in picture_of(x * 2.0, names={"other": x}).nodes] == ["own", "", ""]


def test_a_variable_wins_over_an_entry_of_a_list_that_stands_before_it():
    x = Value(2.0)
    names = {"runs": [x, Value(1.0)], "_": x, "x": x, "pair": (x,)}
    assert [n.name for n in picture_of(x * 2.0, names=names).nodes] == ["x", "", ""]


def test_root_is_named_at_its_end():
    x = Value(2.0)
    f = x * 3.0
    assert "f" in dot_texts(draw(f, names=locals()))


def test_groups_of_labels():
    out = MLP(2, [2, 1], rng=1)([0.5, -1.0])
    nodes = picture_of(out).nodes
    assert {node.group for node in nodes if node.op} == {
        ("layer0", "neuron0"), ("layer0", "neuron1"), ("layer1", "neuron0")
    }  # fmt: skip
    for node in nodes:
        if node.name:
            path = tuple(node.name.split("."))
            assert node.group == (path if node.op else path[:-1])
    # relu(w0 x0 + w1 x1 + b): two products, two sums, the activation, three parameters
    sizes = Counter(node.group for node in nodes)
    assert sizes["layer0", "neuron0"] == sizes["layer0", "neuron1"] == 8
    assert sizes["layer1", "neuron0"] == 7


@each_style
def test_groups_are_boxes(style):
    diagram = draw(MLP(2, [2, 1], rng=1)([0.5, -1.0]), style=style)
    _, _, quoted = split_dot(diagram.source)
    boxes = {text for text in quoted if text.startswith("cluster_")}
    assert {"cluster_layer0.neuron0", "cluster_layer0.neuron1", "cluster_layer1.neuron0"} <= boxes
    assert {"layer0", "layer1", "neuron0", "neuron1", "w0", "b"} <= set(dot_texts(diagram))
    assert "layer0.neuron0.w0" not in dot_texts(diagram)


@each_style
@needs_dot
def test_groups_in_svg(style):
    picture = svg(MLP(2, [2, 1], rng=1)([0.5, -1.0]), style=style)
    assert {"group-layer0", "group-layer0.neuron1", "group-layer1.neuron0"} <= set(picture.ids)


@each_style
def test_groups_of_any_language_leave_ascii(style):
    w = Value(2.0, label="Schicht.größe")
    assert draw(w * 3.0, style=style).source.isascii()


def test_no_groups_without_dots():
    assert {node.group for node in picture_of(neuron()).nodes} == {()}
    assert "cluster" not in draw(neuron()).source


@pytest.mark.parametrize("label", ["a.", ".a", "a..b", "1.5", "a b.c", "e.g. this", "..."])
def test_a_dot_in_prose_makes_no_group(label):
    root = Value(1.0, label=label) * 2.0
    assert {node.group for node in picture_of(root).nodes} == {()}
    assert label in dot_texts(draw(root))


def test_thousands_of_dots():
    root = Value(1.0, label=".".join(["a"] * 5_000)) * 2.0
    assert draw(root).source and draw(root, depth=0).source


# ---------------------------------------------------------------- folding


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
    picture = picture_of(network_loss())
    folded = fold(picture, depth)
    assert sum(node.size for node in folded.nodes) == len(picture.nodes)
    assert len(folded.nodes) < len(picture.nodes)
    assert [node.id for node in folded.nodes] == [f"n{i}" for i in range(len(folded.nodes))]


def test_depth_0_leaves_layers():
    folded = fold(picture_of(network_loss()), 0)
    sizes = {node.name: node.size for node in folded.nodes if node.name.startswith("layer")}
    # each neuron: nin + 1 parameters, and 2 nin + 1 gates an example (2 nin without activation)
    assert sizes == {
        "layer0": 4 * (3 + 20 * 5), "layer1": 4 * (5 + 20 * 9), "layer2": 5 + 20 * 8
    }  # fmt: skip


def test_depth_1_leaves_neurons():
    folded = fold(picture_of(network_loss()), 1)
    sizes = {node.name: node.size for node in folded.nodes if node.name.startswith("layer")}
    assert sizes == {
        **{f"layer0.neuron{i}": 3 + 20 * 5 for i in range(4)},
        **{f"layer1.neuron{i}": 5 + 20 * 9 for i in range(4)},
        "layer2.neuron0": 5 + 20 * 8,
    }


def test_wire_counts_add_up():
    loss = network_loss()
    picture = picture_of(loss)
    folded = fold(picture, 0)
    layers = {n.id: (n.name,) if n.name.startswith("layer") else () for n in folded.nodes}
    wanted = wires_between(picture, outermost(loss))
    assert wires_between(folded, layers) == wanted
    assert wanted == {(("layer0",), ("layer1",)): 320, (("layer1",), ("layer2",)): 80}


def test_no_wire_is_lost_or_doubled():
    for depth in (0, 1, 2):
        folded = fold(picture_of(network_loss()), depth)
        ends = [(edge.source, edge.target) for edge in folded.edges if edge.count > 1]
        assert len(set(ends)) == len(ends)
        assert all(edge.source != edge.target for edge in folded.edges)
        ids = {node.id for node in folded.nodes}
        assert {end for edge in folded.edges for end in (edge.source, edge.target)} <= ids


def test_repeats_of_examples_fold():
    few, many = (fold(picture_of(network_loss(n)), 0) for n in (5, 50))
    assert len(few.nodes) == len(many.nodes) < 20
    assert [n.name or n.op for n in few.nodes] == [n.name or n.op for n in many.nodes]
    for gate in ("*", "-", "relu", "+"):
        assert [node.size for node in many.nodes if node.name == gate] == [50]


def test_loss_keeps_its_numbers_when_folded():
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


def test_big_graphs_fold_by_themselves():
    loss = network_loss()
    texts = dot_texts(draw(loss))
    assert "103 values" in texts and "185 values" in texts
    assert "80 wires" not in texts and "20 wires" in texts
    layers = dot_texts(draw(loss, limit=15))
    assert {"412 values", "740 values", "165 values", "320 wires", "80 wires"} <= set(layers)


@each_style
def test_depth_by_hand(style):
    out = MLP(2, [2, 1], rng=1)([0.5, -1.0])
    texts = dot_texts(draw(out, style=style, depth=0))
    assert "16 values" in texts and "7 values" in texts and "neuron0" not in texts
    texts = dot_texts(draw(out, style=style, depth=1))
    assert texts.count("8 values") == 2 and "w0" not in texts
    texts = dot_texts(draw(out, style=style, depth=2))
    assert "w0" in texts and "8 values" not in texts


@each_style
@needs_dot
def test_folded_picture_can_be_laid_out(style):
    for depth in (0, 1):
        picture = svg(network_loss(), style=style, depth=depth)
        assert any(re.fullmatch(r"layer0|neuron3", text) for text in picture.texts)
        assert len(set(picture.ids)) == len(picture.ids)


def test_budget_error_names_the_remedies():
    root = sum(Value(float(i)).exp() * Value(float(i)).sin() ** i for i in range(150))
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


def test_limit_is_what_is_drawn():
    assert draw(chain(49), limit=50).source
    with pytest.raises(ValueError, match="limit of 49"):
        draw(chain(49), limit=49)


def test_chain_of_5000_gates_refuses():
    with pytest.raises(ValueError, match="5,001"):
        draw(chain(5_000))
    assert len(draw(chain(5_000), limit=10_000).source) > 5_000


def test_chain_of_5000_gates_folds_by_group():
    x = Value(1.0, label="x")
    for i in range(5_000):
        x = (x * Value(1.0, label=f"part{i // 1_000}.w")).tanh()
        x.label = f"part{i // 1_000}"
    folded = fit(picture_of(x), None, 400)
    sizes = {node.name: node.size for node in folded.nodes}
    assert sizes == {"x": 1, **{f"part{i}": 3_000 for i in range(5)}}
    assert "3000 values" in dot_texts(draw(x))


def test_chain_of_5000_gates_as_text():
    root = chain(5_000)
    root.backward()
    assert len(to_text(root).splitlines()) == 5_002
    assert len(json.loads(to_json(root))["nodes"]) == 5_001
    assert to_mermaid(root).count("-->") == 5_000


# ---------------------------------------------------------------- errors of the user


@pytest.mark.parametrize("style", ["oval", "", None, "Circuit"])
def test_bad_style(style):
    with pytest.raises(ValueError, match=r'style must be "circuit" or "record"'):
        draw(neuron(), style=style)


@pytest.mark.parametrize("direction", ["lr", "left", "", None])
def test_bad_direction(direction):
    with pytest.raises(ValueError, match=r'direction must be "LR" or "TB"'):
        draw(neuron(), direction=direction)


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_directions(direction):
    assert f"rankdir={direction}" in draw(neuron(), direction=direction).source


def test_bad_depth():
    with pytest.raises(ValueError, match="depth must be 0 or more, got -1"):
        draw(neuron(), depth=-1)


@pytest.mark.parametrize("root", [1.0, None, "x", [Value(1.0)], MLP(2, [1])])
@pytest.mark.parametrize("show", [draw, to_text, to_json, to_mermaid])
def test_bad_root(show, root):
    with pytest.raises(TypeError, match=f"only a Value has a graph.*{type(root).__name__}"):
        show(root)


def test_bad_root_is_not_saved(tmp_path):
    with pytest.raises(TypeError, match="only a Value"):
        save(1.0, tmp_path / "f.dot")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- text, JSON, Mermaid


def test_table():
    rows = [re.split(r"  +", line.strip()) for line in to_text(neuron()).splitlines()]
    assert rows[0] == ["name", "gate", "value", "gradient", "local gradients"]
    assert rows[1] == ["w0", "2", "-0.196612"]
    assert rows[3] == ["v2", "w0 * x0", "-2", "0.196612", "-1", "2"]
    assert rows[7] == ["v6", "v2 + v5", "4", "0.196612", "1", "1"]
    assert rows[10] == ["v9", "sigmoid(v8)", "0.731059", "1", "0.196612"]
    assert len(rows) == 11


def test_table_names_constants_by_their_numbers():
    x = Value(4.0, label="x")
    assert "x / 8" in to_text(x / 8.0)
    assert "max(x, 8)" in to_text(x.max(8.0))
    assert "neg(x)" in to_text(-x)


def test_table_columns_line_up():
    lines = to_text(network_loss(2)).splitlines()
    column = lines[0].index("value") + len("value")
    for line in lines[1:]:
        assert line[column - 1] != " " and line[column : column + 2] == "  "


def test_json():
    root = neuron()
    plain = json.loads(to_json(root))
    assert plain["root"] == "n9" and plain["backward"] is True
    assert [n["data"] for n in plain["nodes"]] == [v.data for v in topological(root)]
    assert [n["grad"] for n in plain["nodes"]] == [v.grad for v in topological(root)]
    assert plain["nodes"][0]["name"] == "w0" and plain["nodes"][9]["op"] == "sigmoid"
    wire = next(e for e in plain["edges"] if (e["source"], e["target"]) == ("n0", "n2"))
    assert (wire["operand"], wire["local"]) == (0, -1.0)
    assert wire["grad"] == root.inputs[0].inputs[0].inputs[0].inputs[0].grad


def test_json_with_nan_and_inf():
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    f = Value(math.nan, label="x") + Value(math.inf, label="y") * Value(-math.inf, label="z")
    f.backward()
    nodes = json.loads(to_json(f), parse_constant=refuse)["nodes"]
    assert {n["name"]: n["data"] for n in nodes if n["name"]} == {
        "x": "NaN", "y": "Infinity", "z": "-Infinity"
    }  # fmt: skip


def test_mermaid():
    lines = to_mermaid(neuron()).splitlines()
    assert lines[0].split() == ["flowchart", "LR"]
    assert '  n0["w0<br>value 2.00<br>grad -0.20"]' in lines
    assert '  n9(["sigmoid<br>value 0.73<br>grad 1.00"])' in lines
    assert '  n0 -->|"x -1.00"| n2' in lines
    assert len(lines) == 1 + 10 + 9


# ---------------------------------------------------------------- lines of the program


def test_traced_lines():
    with trace_creation():
        x = Value(0.5, label="x")
        y = sigmoid(x)  # a comment
    where = Path(__file__).name
    assert y.line.startswith(where)
    assert f"{y.line}" in to_text(y) and "y = sigmoid(x)  # a comment" in to_text(y)
    tooltips = [text for text in split_dot(draw(y).source)[2] if " at " in text]
    assert len(tooltips) == 2 and all(f"at {where}:" in text for text in tooltips)
    assert json.loads(to_json(y))["nodes"][1]["line"] == y.line
    assert where not in to_text(sigmoid(Value(0.5)))


@each_style
@needs_dot
def test_traced_lines_in_svg(style):
    with trace_creation():
        y = sigmoid(Value(0.5, label="x"))
    tooltip = next(text for text in svg(y, style=style).tooltips if text.startswith("sigmoid"))
    assert tooltip.endswith(f"at {y.line}")


@each_style
@needs_dot
def test_tooltips_hold_full_precision(style):
    tooltips = svg(neuron(), style=style).tooltips
    assert "w0 value 2.0 gradient -0.19661193324148185" in tooltips
    assert "sigmoid value 0.7310585786300049 gradient 1.0" in tooltips


# ---------------------------------------------------------------- user text stays text

# label: what must be read in the picture, None where it has to be changed or cut
HOSTILE = {
    "</script><img src=x onerror=alert(1)>": "</script><img src=x onerror=alert(1)>",
    "\"'<&>": "\"'<&>",
    '"]; n7 [label="x': '"]; n7 [label="x',
    ">]; n7 [label=<x": ">]; n7 [label=<x",
    "<br/><b>bold</b>": "<br/><b>bold</b>",
    "&amp; &#65; &lt;": "&amp; &#65; &lt;",
    "two\nlines": None,
    "a\r\n\tb": None,
    "a\u202eb\u200fc\u2066": None,
    r"\N \G \L \E \T \H": r"\N \G \L \E \T \H",
    r"\\ \n \l \r \" \x41": r"\\ \n \l \r \" \x41",
    "ends with \\": "ends with \\",
    "x" * 10_000: None,
    "<" * 10_000: None,
    "a\0b": None,
    "\x1b[31mred\x07": None,
    "🙂 é 名": "🙂 é 名",
    "\ud800 and \udfff": None,
    "%s {0} ${x} `code`": "%s {0} ${x} `code`",
    "]]> <!-- x -->": "]]> <!-- x -->",
    "subgraph end": "subgraph end",
    "{a|b}": "{a|b}",
    " ": None,
}

each_label = pytest.mark.parametrize("label", HOSTILE, ids=lambda text: ascii(text[:20]))


def labelled(label):
    """A graph with that label on a leaf at a fork, on a gate and on the root."""
    x, w = Value(3.0, label=label), Value(2.0, label="w")
    middle = x * w
    middle.label = label
    root = middle.exp() + x
    root.label = label
    root.backward()
    return root


def unseen(text):
    """Characters that must not reach a reader: controls, direction marks, halves of pairs."""
    return [c for c in text if c != "\n" and not c.isprintable() and c not in "\u00a0\u2060"]


@each_style
@each_label
def test_hostile_label_in_dot(label, style):
    source = draw(labelled(label), style=style).source
    outside, html, quoted = split_dot(source)
    plain_outside, plain_html, plain_quoted = split_dot(draw(labelled("x"), style=style).source)
    assert outside == plain_outside
    assert len(html) == len(plain_html) and len(quoted) == len(plain_quoted)
    assert list(map(html_tags, html)) == list(map(html_tags, plain_html))
    assert all(c.isascii() or c > "\uffff" for c in source)
    assert len(source) < 20_000


@each_style
@each_label
@needs_dot
def test_hostile_label_in_svg(label, style):
    picture = svg(labelled(label), style=style)
    plain = svg(labelled("x"), style=style)
    assert picture.tags == plain.tags
    assert not {"script", "img", "b"} & picture.tags
    assert sorted(picture.ids) == sorted(plain.ids)
    attributes = {name for e in picture.elements for name in e.keys()}
    assert not any(name.startswith("on") for name in attributes)
    assert unseen("".join([*picture.texts, *picture.tooltips])) == []
    assert max(map(len, [*picture.texts, *picture.tooltips])) < 500
    if (shown := HOSTILE[label]) is not None:
        assert shown in picture.texts
        # a tooltip may write a character beyond U+FFFF in another way
        start = re.sub("[^\0-\uffff]", ".*", re.escape(shown))
        assert any(re.match(start, clean(text)) for text in picture.tooltips)


@needs_dot
def test_hostile_label_leaves_its_readable_part():
    assert any("two" in t and "lines" in t for t in svg(labelled("two\nlines")).texts)
    assert any(t.startswith("xxxx") and len(t) < 100 for t in svg(labelled("x" * 10_000)).texts)


@each_label
def test_hostile_label_in_text(label):
    lines = to_text(labelled(label)).split("\n")
    assert len(lines) == 1 + 5
    assert unseen("".join(lines)) == []
    assert max(map(len, lines)) < 300
    if (shown := HOSTILE[label]) is not None:
        assert sum(shown in line for line in lines) >= 3


@each_label
def test_hostile_label_in_json(label):
    text = to_json(labelled(label))
    assert [n["name"] for n in json.loads(text)["nodes"]].count(label) == 3
    assert text.encode()


@each_label
def test_hostile_label_in_mermaid(label):
    lines = to_mermaid(labelled(label)).splitlines()
    plain = to_mermaid(labelled("x")).splitlines()
    assert len(lines) == len(plain)
    for own, other in zip(lines[1:], plain[1:], strict=True):
        shapes = [re.sub(r'"[^"]*"', '""', line) for line in (own, other)]
        assert shapes[0] == shapes[1]
        assert set(re.findall(r"<[^>]*>?", re.sub(r"-->", "", own))) <= {"<br>"}
    assert unseen("\n".join(lines)) == []
    assert "\n".join(lines).encode()


def test_mermaid_takes_entities_with_a_hash():
    assert "#lt;a#gt; #amp; #quot;b#quot;" in to_mermaid(Value(1.0, label='<a> & "b"'))


def test_mermaid_keeps_labels_apart():
    texts = {to_mermaid(Value(1.0, label=label)) for label in ("<b>", "#lt;b#gt;", "&lt;b&gt;")}
    assert len(texts) == 3


@each_label
def test_hostile_names(label):
    x = Value(3.0)
    root = x * 2.0
    source = draw(root, names={label: x}).source
    assert split_dot(source)[0] == split_dot(draw(root, names={"x": x}).source)[0]


@each_label
@pytest.mark.parametrize("suffix", [".dot", ".json", ".mmd"])
def test_hostile_label_is_saved(label, suffix, tmp_path):
    path = save(labelled(label), tmp_path / f"f{suffix}")
    assert path.read_text(encoding="utf-8")


# ---------------------------------------------------------------- saving

CONTENT = {
    ".svg": lambda data: b"<svg" in data and ET.fromstring(data).tag == f"{SVG}svg",
    ".png": lambda data: data.startswith(b"\x89PNG\r\n"),
    ".dot": lambda data: data.startswith(b"digraph {"),
    ".json": lambda data: json.loads(data)["root"] == "n9",
    ".mmd": lambda data: data.startswith(b"flowchart"),
    ".pdf": lambda data: data.startswith(b"%PDF"),
}
ENGINE_FREE = [".dot", ".json", ".mmd"]


@pytest.mark.parametrize("suffix", [".json", ".dot", ".mmd", ".DOT", ".Json"])
def test_save_without_an_engine(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *args, **kwargs: None)
    path = save(neuron(), tmp_path / f"f{suffix}")
    assert path == tmp_path / f"f{suffix}"
    assert CONTENT[suffix.lower()](path.read_bytes())
    assert list(tmp_path.iterdir()) == [path]


@needs_dot
@pytest.mark.parametrize("suffix", [".svg", ".png", ".SVG"])
def test_save_pictures(suffix, tmp_path):
    path = save(neuron(), str(tmp_path / f"f{suffix}"))
    assert path == tmp_path / f"f{suffix}"
    assert CONTENT[suffix.lower()](path.read_bytes())
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(shutil.which("dot") is None, reason="no system dot: it writes pdf")
def test_save_pdf(tmp_path):
    assert CONTENT[".pdf"](save(neuron(), tmp_path / "f.pdf").read_bytes())


def test_save_takes_the_options_of_draw(tmp_path):
    root = neuron()
    wanted = draw(root, style="record", direction="TB", backward=False, names={"f": root}).source
    save(root, tmp_path / "f.dot", style="record", direction="TB", backward=False,
         names={"f": root})  # fmt: skip
    assert (tmp_path / "f.dot").read_text() == wanted


def test_save_names_text_forms(tmp_path):
    root = neuron()
    save(root, tmp_path / "f.json", names={"f": root}, backward=False)
    assert (tmp_path / "f.json").read_text() == to_json(root, names={"f": root}, backward=False)
    with pytest.raises(TypeError, match="style"):
        save(root, tmp_path / "g.json", style="record")
    assert not (tmp_path / "g.json").exists()


def test_save_in_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert save(neuron(), "f.dot") == Path("f.dot")
    assert (tmp_path / "f.dot").exists()


def test_saved_file_has_the_usual_mode(tmp_path):
    (tmp_path / "usual").write_text("")
    path = save(neuron(), tmp_path / "f.dot")
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("name", ["f.gif", "f.txt", "f", ".svg", "f.svg.bak"])
def test_save_unknown_suffix(name, tmp_path):
    with pytest.raises(ValueError, match=r"\.svg.*\.png.*\.dot.*\.json.*\.mmd") as caught:
        save(neuron(), tmp_path / name)
    assert name in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def installed(monkeypatch, *programs, code=0, out=b"", error=b""):
    """As if these programs were installed and answered so; the commands that are run."""
    commands = []
    places = {program: f"/somewhere/{program}" for program in programs}

    def run(command, **kwargs):
        commands.append(command)
        if isinstance(code, Exception):
            raise code
        return subprocess.CompletedProcess(command, code, out, error)

    monkeypatch.setattr(shutil, "which", lambda name, *args, **kwargs: places.get(name))
    monkeypatch.setattr(subprocess, "run", run)
    return commands


FAILURES = {
    "exit code": {"code": 1, "error": b"syntax error in line 1"},
    "exit code with output": {"code": 1, "out": b"<svg></svg>"},
    "no output": {"error": b"nothing to draw"},
    "not executable": {"code": PermissionError("cannot run it")},
    "half a picture": {"out": b"no picture at all"},
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("before", [None, b"what was there"])
def test_failed_save_leaves_no_trace(failure, before, tmp_path, monkeypatch):
    installed(monkeypatch, "dot", **failure)
    path = tmp_path / "f.svg"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises((RuntimeError, OSError, ValueError)):
        save(neuron(), path)
    assert [p.name for p in tmp_path.iterdir()] == ([] if before is None else ["f.svg"])
    assert before is None or path.read_bytes() == before


def test_failed_save_says_what_the_program_said(tmp_path, monkeypatch):
    installed(monkeypatch, "dot", **FAILURES["exit code"])
    with pytest.raises(RuntimeError, match=r"dot could not draw png: syntax error in line 1"):
        save(neuron(), tmp_path / "f.png")


def test_failed_writing_leaves_no_trace(tmp_path):
    (tmp_path / "f.json").mkdir()
    with pytest.raises(OSError):
        save(neuron(), tmp_path / "f.json")
    assert [p.name for p in tmp_path.iterdir()] == ["f.json"]
    with pytest.raises(FileNotFoundError, match="missing"):
        save(neuron(), tmp_path / "missing" / "f.json")


def test_refused_picture_leaves_no_trace(tmp_path):
    with pytest.raises(ValueError, match="limit"):
        save(chain(50), tmp_path / "f.dot", limit=10)
    assert list(tmp_path.iterdir()) == []


def test_saving_again_replaces(tmp_path):
    path = save(neuron(), tmp_path / "f.dot")
    before = path.read_text()
    save(neuron(backward=False), path)
    assert path.read_text() != before


# ---------------------------------------------------------------- with and without Graphviz


@pytest.mark.parametrize(
    ("programs", "found"),
    [
        (("dot", "graphviz-pure"), "/somewhere/dot"),
        (("graphviz-pure",), "/somewhere/graphviz-pure"),
        (("dot",), "/somewhere/dot"),
        ((), None),
    ],
)
def test_which_engine(programs, found, monkeypatch):
    installed(monkeypatch, *programs)
    assert viz.render.engine() == found


def test_engine_beside_this_python(tmp_path, monkeypatch):
    program = tmp_path / ("graphviz-pure.exe" if os.name == "nt" else "graphviz-pure")
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert viz.render.engine() == str(program)


def test_one_door_runs_the_program(monkeypatch):
    commands = installed(monkeypatch, "graphviz-pure", out=b"<svg ></svg>")
    assert draw(neuron()).pipe("svg").startswith(b"<svg")
    assert [command[0] for command in commands] == ["/somewhere/graphviz-pure"]


def test_pdf_by_graphviz_pure_is_refused(tmp_path, monkeypatch):
    commands = installed(monkeypatch, "graphviz-pure", out=b"nothing")
    with pytest.raises(NoGraphviz, match=r"graphviz-pure cannot write pdf.*`dot`"):
        save(neuron(), tmp_path / "f.pdf")
    assert commands == [] and list(tmp_path.iterdir()) == []


@pytest.fixture
def nothing_installed(monkeypatch):
    return installed(monkeypatch)


def test_texts_need_no_engine(nothing_installed, tmp_path):
    root = neuron()
    assert draw(root).source.startswith("digraph {")
    assert draw(root, style="record").source.startswith("digraph {")
    assert "sigmoid" in to_text(root)
    assert json.loads(to_json(root))["root"] == "n9"
    assert to_mermaid(root).startswith("flowchart")
    for suffix in ENGINE_FREE:
        assert CONTENT[suffix](save(root, tmp_path / f"f{suffix}").read_bytes())
    assert nothing_installed == []


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_pictures_without_an_engine(suffix, nothing_installed, tmp_path):
    with pytest.raises(NoGraphviz) as caught:
        save(neuron(), tmp_path / f"f{suffix}")
    message = str(caught.value)
    assert 'pip install "autograd-core[render]"' in message
    assert "apt install graphviz" in message
    assert "to_text" in message and ".dot" in message
    assert list(tmp_path.iterdir()) == []


def test_every_way_to_render_without_an_engine(nothing_installed, tmp_path):
    diagram = draw(neuron())
    for way in (diagram.pipe, lambda: diagram.pipe("png"), lambda: diagram.pipe(encoding="utf-8"),
                lambda: diagram.render(tmp_path / "f")):  # fmt: skip
        with pytest.raises(NoGraphviz, match="pip install"):
            way()
    assert not (tmp_path / "f.svg").exists()


def test_notebook_without_an_engine(nothing_installed):
    bundle = draw(neuron())._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert "pip install" in bundle["text/plain"] and "w0" in bundle["text/plain"]


@needs_dot
def test_notebook_with_an_engine():
    bundle = draw(neuron())._repr_mimebundle_(include=None, exclude=None)
    assert isinstance(bundle["image/svg+xml"], str)
    assert "n9" in read_svg(bundle["image/svg+xml"].encode()).ids
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")


@needs_dot
def test_a_picture_wider_than_the_page_fits_it_in_a_notebook(tmp_path):
    wide = x = Value(0.5, "x")
    for _ in range(12):
        wide = wide.tanh()
    shown = draw(wide)._repr_mimebundle_()["image/svg+xml"]
    (size,) = re.findall(r"<svg [^>]*>", shown)
    width, height = map(float, re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', size).groups())
    assert 'width="100%"' in size and " height=" not in size
    assert float(re.search(r"max-width:(\d+)pt", size)[1]) == pytest.approx(width, abs=1.0)
    assert width > 5 * height
    for other in (
        draw(x.tanh())._repr_mimebundle_()["image/svg+xml"],
        save(wide, tmp_path / "wide.svg").read_text(),
    ):
        assert re.search(r'<svg width="\d+pt" height="\d+pt"', other)
        assert "atan2" not in other


@needs_dot
def test_a_wide_picture_is_scaled_down_and_never_up(open_page):
    """In an `img`, as notebooks show it: its ink ends where the page does, or its own width."""
    image = pytest.importorskip("PIL.Image")
    wide = Value(0.5, "x")
    for _ in range(9):
        wide = wide.tanh()
    drawn = draw(wide)._repr_mimebundle_()["image/svg+xml"]
    natural = int(re.search(r"max-width:(\d+)pt", drawn)[1]) * 4 / 3
    source = base64.b64encode(drawn.encode()).decode()
    shown = f'<div><img src="data:image/svg+xml;base64,{source}"></div>'
    page = open_page(shown, ready="img", viewport={"width": 2400, "height": 600})
    for room in (0.5, 1.0, 1.4):
        page.evaluate(f"document.querySelector('div').style.width = '{room * natural}px'")
        page.wait_for_timeout(200)
        taken = image.open(io.BytesIO(page.locator("img").screenshot())).convert("L")
        _, _, end, _ = taken.point(lambda grey: 255 * (grey < 200)).getbbox()
        assert end == pytest.approx(min(room, 1.0) * natural, rel=0.05)


# ---------------------------------------------------------------- the Digraph


@each_style
@needs_dot
def test_svg_reads_on_dark_paper(style, tmp_path):
    for content in (draw(neuron(), style=style).pipe("svg").decode(),
                    save(neuron(), tmp_path / "f.svg", style=style).read_text(),
                    draw(neuron(), style=style).pipe("svg", encoding="utf-8")):  # fmt: skip
        picture = read_svg(content.encode())
        (sheet,) = [e for e in picture.elements if e.tag == f"{SVG}style"]
        assert "prefers-color-scheme: dark" in sheet.text
        used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', content))
        assert used, "no colours are drawn"
        unknown = {colour for colour in used if f'"{colour}"]{{' not in sheet.text}
        assert not unknown, f"colours without one on dark paper: {unknown}"


def test_neither_size_nor_dpi():
    for style, depth in itertools.product(["circuit", "record"], [None, 0]):
        outside, _, _ = split_dot(draw(network_loss(), style=style, depth=depth).source)
        assert not re.search(r"\b(size|dpi)=", outside)


def test_colour_is_not_alone():
    """The legend says in words which number is which."""
    assert "value" in draw(neuron()).source and "gradient" in draw(neuron()).source
    assert "&#215;: local gradient" in draw(neuron()).source
    assert "data" in dot_texts(draw(neuron(), style="record"))
    assert "grad" in dot_texts(draw(neuron(), style="record"))


@needs_dot
def test_pipe_forms():
    diagram = draw(neuron())
    assert diagram.pipe() == diagram.pipe("svg") == diagram.pipe(format="svg")
    assert diagram.pipe(format="png").startswith(b"\x89PNG")
    assert isinstance(diagram.pipe("svg", encoding="utf-8"), str)


@needs_dot
def test_render_writes_as_graphviz_does(tmp_path):
    diagram = draw(neuron())
    assert diagram.render(tmp_path / "graph") == str(tmp_path / "graph.svg")
    assert (tmp_path / "graph").read_text().rstrip() == diagram.source.rstrip()
    assert CONTENT[".svg"]((tmp_path / "graph.svg").read_bytes())
    diagram.render("again", directory=tmp_path / "deeper", format="png", cleanup=True)
    assert [p.name for p in (tmp_path / "deeper").iterdir()] == ["again.png"]


@needs_dot
def test_render_by_default_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    diagram = draw(neuron())
    assert diagram.filename.endswith(".gv")
    assert diagram.render() == f"{diagram.filename}.svg"
    assert {p.name for p in tmp_path.iterdir()} == {diagram.filename, f"{diagram.filename}.svg"}


@needs_dot
def test_render_to_an_outfile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Path(draw(neuron()).render(outfile=tmp_path / "mine.png")) == tmp_path / "mine.png"
    assert CONTENT[".png"]((tmp_path / "mine.png").read_bytes())
    assert {p.name for p in tmp_path.iterdir()} == {"mine.gv", "mine.png"}


@needs_dot
def test_diagram_can_be_added_to():
    diagram = draw(neuron())
    diagram.node("extra", "my own note")
    diagram.attr(rankdir="TB")
    assert "my own note" in read_svg(diagram.pipe("svg")).texts


@needs_dot
def test_copy_renders_through_the_same_door():
    assert "style" in read_svg(draw(neuron()).copy().pipe("svg")).tags


def test_both_layout_programs_give_the_same_ids_and_texts(monkeypatch):
    programs = [shutil.which("dot"), graphviz_pure()]
    if None in programs:
        pytest.skip("dot and graphviz-pure are not both installed")
    found = []
    for program in programs:
        monkeypatch.setattr(viz.render, "engine", lambda program=program: program)
        svg = viz.draw(viz.parse("(x*y + x)**2", {"x": 2.0, "y": 3.0})).pipe("svg").decode()
        ids = {i for i in re.findall(r' id="([^"]+)"', svg) if re.match(r"n\d|out", i)}
        found.append((ids, sorted(re.findall(r"<text[^>]*>([^<]*)<", svg))))
    assert found[0] == found[1] and len(found[0][0]) > 5


def graphviz_pure():
    beside = os.path.dirname(sys.executable)
    return shutil.which("graphviz-pure") or shutil.which("graphviz-pure", path=beside)


def test_a_value_with_many_wires_is_drawn_again_at_each():
    x = Value(1.0, "x")
    a = x
    for _ in range(100):
        a = a * x
    for style in ("circuit", "record"):
        source = draw(a, style=style).source
        assert source.count(">x<") + source.count("<x>") >= 100


@pytest.mark.parametrize("k", range(-40, 40))
def test_numbers_round_halves_away_from_zero(k):
    shown = float(number(k / 8))
    exact = abs(k) / 8
    assert abs(shown) == math.floor(exact * 100 + 0.5) / 100 and "-0.00" not in number(k / 1e9)
