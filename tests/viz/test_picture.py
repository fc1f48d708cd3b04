"""The picture of a Value: nodes, edges, names, groups, JSON."""

import json
import math
from collections import Counter

import pytest

from autograd_core import Value, topological
from nn import MLP
from viz import draw, explain, step, to_json, to_mermaid, to_text
from viz.collapse import fold
from viz.picture import picture_of


def test_ids_follow_the_order_of_evaluation(neuron):
    nodes = picture_of(neuron()).nodes
    assert [node.id for node in nodes] == [f"n{i}" for i in range(10)]
    wanted = ["w0", "x0", "*", "w1", "x1", "*", "+", "w2", "+", "sigmoid"]
    assert [node.name or node.op for node in nodes] == wanted


def test_edges_follow_the_graph(neuron):
    picture = picture_of(neuron())
    edges = {(e.source, e.target, e.operand): e.local for e in picture.edges}
    assert edges == {
        ("n0", "n2", 0): -1.0, ("n1", "n2", 1): 2.0, ("n3", "n5", 0): -2.0, ("n4", "n5", 1): -3.0,
        ("n2", "n6", 0): 1.0, ("n5", "n6", 1): 1.0, ("n6", "n8", 0): 1.0, ("n7", "n8", 1): 1.0,
        ("n8", "n9", 0): pytest.approx(0.19661193324148185),
    }  # fmt: skip
    assert picture.root == "n9"


def test_second_backward_is_shown_as_it_is_stored():
    x = Value(3.0, label="x")
    y = x * 2.0
    y.backward()
    y.backward()
    assert picture_of(y).nodes[0].grad == 4.0


def test_graph_is_not_changed(network_loss):
    root = network_loss()
    before = [(v.data, v.grad, v.label, v.inputs) for v in topological(root)]
    draw(root)
    to_text(root, names={"loss": root})
    assert [(v.data, v.grad, v.label, v.inputs) for v in topological(root)] == before


@pytest.mark.parametrize("root", [1.0, None, "x", [Value(1.0)], MLP(2, [1])])
@pytest.mark.parametrize("show", [draw, to_text, to_json, to_mermaid])
def test_bad_root(show, root):
    with pytest.raises(TypeError, match=f"only a Value has a graph.*{type(root).__name__}"):
        show(root)


# ---------------------------------------------------------------- names and groups


def test_names_of_variables():
    x, b = Value(2.0), Value(1.0, label="bias")
    w = [Value(3.0), Value(4.0)]
    pair = (Value(5.0), "not a Value")
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


def test_a_name_that_is_made_up_is_that_of_no_other_value():
    a, b = Value(1.0), Value(2.0, "v2")
    root = a * b + a
    for names, made in [({}, ["vv2", "v3"]), ({"vv2": a}, ["vvv2", "v3"]), ({"v3": a}, ["vv2"])]:
        found = list(picture_of(root, names=names).names().values())
        assert len(set(found)) == 4 and set(made) <= set(found), found
    text = to_text(root, names={})
    assert "vv2   1 × v2" in text and "vv2 + 1" in text
    assert "taken" not in to_json(root, names={})


def test_a_name_that_is_made_up_is_the_same_in_folded_pictures():
    a, b = Value(1.0), Value(2.0, "net.v2")
    hidden = a * b
    hidden.label = "net.out"
    root = hidden * Value(3.0, "v4") + 1.0
    root = root * Value(4.0, "v6")
    whole = picture_of(root, names={})
    names = whole.names()
    for picture in (fold(whole, 0), fold(whole, 1)):
        for id, name in picture.names().items():
            (node,) = (node for node in picture.nodes if node.id == id)
            if len(node.members) == 1:
                assert name == names[node.members[0]]


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


def test_no_groups_without_dots(neuron):
    assert {node.group for node in picture_of(neuron()).nodes} == {()}
    assert "cluster" not in draw(neuron()).source


@pytest.mark.parametrize("label", ["a.", ".a", "a..b", "1.5", "a b.c", "e.g. this", "..."])
def test_a_dot_in_prose_makes_no_group(dot_texts, label):
    root = Value(1.0, label=label) * 2.0
    assert {node.group for node in picture_of(root).nodes} == {()}
    assert label in dot_texts(draw(root))


def test_thousands_of_dots():
    root = Value(1.0, label=".".join(["a"] * 5_000)) * 2.0
    assert draw(root).source and draw(root, depth=0).source


# ---------------------------------------------------------------- JSON


def test_json(neuron):
    root = neuron()
    plain = json.loads(to_json(root))
    assert plain["root"] == "n9" and plain["backward"] is True
    assert [n["data"] for n in plain["nodes"]] == [v.data for v in topological(root)]
    assert [n["grad"] for n in plain["nodes"]] == [v.grad for v in topological(root)]
    assert plain["nodes"][0]["name"] == "w0" and plain["nodes"][9]["op"] == "sigmoid"
    wire = next(e for e in plain["edges"] if (e["source"], e["target"]) == ("n0", "n2"))
    assert (wire["operand"], wire["local"]) == (0, -1.0)
    assert wire["grad"] == root.inputs[0].inputs[0].inputs[0].inputs[0].grad


def test_gates_whose_operands_may_not_change_places_are_known():
    x, y = Value(3.0, "x"), Value(2.0, "y")
    for gate in (x - y, x / y, x**y):
        assert [node.ordered for node in picture_of(gate).nodes] == [False, False, True]
    for gate in (x + y, x * y, x.max(y), x * x, x.exp()):
        assert not any(node.ordered for node in picture_of(gate).nodes)


def test_json_leaves_out_what_only_programs_have():
    whole = json.loads(to_json(Value(2.0, "x").exp()))
    assert set(whole) == {"nodes", "edges", "root", "backward"}
    fields = "id name op data grad uses line group members".split()
    assert [list(node) for node in whole["nodes"]] == [fields, fields]
    assert list(whole["edges"][0]) == "source target operand local grad count wire".split()


def test_json_with_nan_and_inf():
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    f = Value(math.nan, label="x") + Value(math.inf, label="y") * Value(-math.inf, label="z")
    f.backward()
    nodes = json.loads(to_json(f), parse_constant=refuse)["nodes"]
    assert {n["name"]: n["data"] for n in nodes if n["name"]} == {
        "x": "NaN", "y": "Infinity", "z": "-Infinity"
    }  # fmt: skip


def test_hostile_label_in_json(labelled, label):
    text = to_json(labelled(label))
    assert [n["name"] for n in json.loads(text)["nodes"]].count(label) == 3
    assert text.encode()


# ---------------------------------------------------------------------------- written afterwards


def written():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    product = x * y
    product.label = "z"
    root = product.exp()
    root.backward()
    x.data = 5.0
    return root, x


@pytest.mark.parametrize("show", [to_text, to_json, to_mermaid, draw, lambda f: step(f).to_text()])
def test_a_graph_whose_leaf_was_written_is_shown_with_one_warning(show):
    root, _ = written()
    with pytest.warns(UserWarning, match=r"a \.data below 'z', made by '\*' was written") as said:
        show(root)
    assert len(said) == 1


@pytest.mark.filterwarnings("ignore:the numbers of this graph")
def test_no_sentence_puts_a_written_number_into_an_old_result():
    root, x = written()
    text = step(root).to_text() + str(explain(root, x))
    assert "z = x × y = 6" in text and "5 × 3 = 6" not in text


def test_names_that_are_not_text_are_refused():
    with pytest.raises(TypeError, match="names must map names to Values"):
        to_text(Value(1.0) * 2.0, names={1: Value(1.0)})
    for names in ("x", [Value(1.0)]):
        with pytest.raises(TypeError, match="names must map names to Values"):
            to_text(Value(1.0) * 2.0, names=names)


def test_a_negative_base_has_its_brackets():
    assert "(-2)**2" in to_text(Value(-2.0) ** 2)
    assert "x**2" in to_text(Value(-2.0, "x") ** 2)


def test_readers_see_a_times_sign_and_data_keep_the_op(dot_texts):
    f = Value(2.0, "x") * Value(3.0, "y")
    assert '"op": "*"' in to_json(f)
    for shown in ("\n".join(dot_texts(draw(f))), to_text(f), to_mermaid(f)):
        assert "×" in shown and "*" not in shown
