"""Pictures of programs: what is a node, what reads what, and that shapes say what is what."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from autograd_core import Instruction, Op, Program, Value, compile_graph, gates, maximum
from nn import MLP
from viz import draw, explain, save, step, to_json, to_mermaid, to_text
from viz.collapse import fold
from viz.inks import COLOURS
from viz.program_picture import picture_of_program

SVG = "{http://www.w3.org/2000/svg}"


def neuron():
    """(w x + b - y)^2 + 0.1 w w: a gradient that is partly computed once a batch."""
    w, b = Value(0.5, "w"), Value(0.25, "b")
    f = compile_graph(lambda x, y: (w * x + b - y) ** 2 + 0.1 * w * w, [w, b], backend="numpy")
    return f.trace(1.0, 1.0)


def network(*layers):
    model = MLP(2, list(layers), rng=0)
    f = compile_graph(lambda x, y: (model(x) - y) ** 2, model, backend="numpy")
    return f.trace([[1.0, 2.0]], [1.0])


def gates_of_all_kinds():
    a, b = Value(1.5, "a"), Value(0.5, "b")

    def fn(x):
        return [
            (maximum(a, x) ** 3).leaky_relu(0.2) / (x - b.exp()),
            (x * 2).tanh() ** a,
        ]

    return compile_graph(fn, [a, b], backend="numpy").trace([1.0])


def line(result, name, *operands, slope=None):
    """An instruction of a gate, or of its slope in one operand."""
    gate = gates[name]
    return Instruction(result, Op(gate, slope and gate.operands.index(slope)), operands)


def unlabelled(count):
    code = [line(2 + i, "add", 1 + i, 0) for i in range(count)]
    return Program(["x"], ["w"], [], code, [1 + count]).verify()


PROGRAMS = {
    "neuron": neuron, "network": lambda: network(4, 4, 1), "kinds": gates_of_all_kinds,
    "chain": lambda: unlabelled(5), "inputs": lambda: compile_graph(
        lambda x: x[0] * x[1].sin(), backend="numpy").trace([[1.0, 2.0]]),
}  # fmt: skip
each = pytest.mark.parametrize("program", [make() for make in PROGRAMS.values()], ids=PROGRAMS)


def by_register(picture):
    return {node.register: node for node in picture.nodes if node.kind == "instruction"}


def of_kind(picture, kind):
    return [node for node in picture.nodes if node.kind == kind]


def dot_of(source, id):
    """The line of DOT that draws a node."""
    return next(line for line in source.splitlines() if line.strip().startswith(f"{id} ["))


# ---------------------------------------------------------------- nodes and wires


@each
def test_each_instruction_is_one_node_with_its_line_of_the_listing(program):
    picture = picture_of_program(program)
    lines = program.listing().splitlines()
    found = of_kind(picture, "instruction")
    assert len(found) == len(program)
    for node in found:
        assert any(line.startswith(f"{node.register} = {node.formula}") for line in lines)
        assert node.formula in node.title
    ids = [node.id for node in picture.nodes]
    assert ids == [f"n{i}" for i in range(len(ids))]


@each
def test_wires_are_the_operands(program):
    """Every operand is a wire, but the numbers of a gate, and in sums the 1 of a pair."""
    picture = picture_of_program(program)
    nodes = {node.id: node for node in picture.nodes}
    into = {}
    for edge in picture.edges:
        into.setdefault(edge.target, []).append(edge)
    index = by_register(picture)
    for line in program.code:
        end = line.result + line.size - 1
        node = index[f"t{line.result}" + f"..t{end}" * (line.size > 1)]
        for edge in into[node.id]:
            source = nodes[edge.source]
            register = line.operands[edge.operand]
            if source.kind in ("input", "parameter") and not source.entries:
                assert source.name == program.name(register)
            elif source.kind == "constant":
                assert source.data == program.constant(register)
            elif source.kind == "kept":
                assert source.register == f"t{register}"
                (origin,) = into[source.id]
                assert nodes[origin.source].group[0] == "forward"
            elif source.kind == "instruction" and not source.entries:
                assert source.register == f"t{register}"
        missing = len(line.operands) - sum(edge.count for edge in into[node.id])
        if line.op.gate is not None:
            assert missing == len(line.op.gate.parameters)
        elif line.op.name in ("dot", "lane_sum"):
            assert missing == sum(program.constant(r) == 1.0 for r in line.operands[1::2])


@each
def test_parts_and_what_is_computed_once(program):
    picture = picture_of_program(program)
    uniform = program.uniform()
    last = max(program.outputs)
    source = draw(program, depth=9).source
    for line in program.code:
        (node,) = (
            n for n in picture.nodes if re.match(rf"t{line.result}(\.|$)", n.register)
            and n.kind == "instruction"
        )  # fmt: skip
        backward = bool(program.gradients) and line.result > last
        assert node.part == ("backward" if backward else "forward")
        assert node.once == uniform[line.result]
        drawn = dot_of(source, node.id)
        assert f"shape={'hexagon' if backward else 'ellipse'}" in drawn
        assert ("peripheries=2" in drawn) == uniform[line.result]
    assert ("cluster_backward" in source) == bool(program.gradients)


def test_the_backward_part_reads_copies_of_what_the_forward_part_keeps():
    picture = picture_of_program(neuron())
    nodes = {node.id: node for node in picture.nodes}
    assert of_kind(picture, "kept")
    for edge in picture.edges:
        source, target = nodes[edge.source], nodes[edge.target]
        assert source.part == target.part or target.kind == "kept"
    drawn = draw(neuron()).source
    for node in of_kind(picture, "kept"):
        assert "style=dashed" in dot_of(drawn, node.id)


def test_symbols():
    ops = {node.op for node in of_kind(picture_of_program(gates_of_all_kinds()), "instruction")}
    assert {"max", "**3", "leaky_relu 0.2", "/", "-", "exp", "*", "tanh", "**"} <= ops
    code = [
        line(3, "max", 0, 1), line(4, "max", 3, 0, 1, slope="a"),
        line(5, "power", 4, 2), line(6, "power", 5, 4, 2, slope="x"),
        line(7, "relu", 6), line(8, "relu", 7, 6, slope="x"),
        line(9, "leaky_relu", 8, 7, 2, slope="x"),
    ]  # fmt: skip
    picture = picture_of_program(Program(["x", "y"], [], [3.0], code, [9]).verify())
    ops = [node.op for node in of_kind(picture, "instruction")]
    assert ops == ["max", "max'a", "**3", "(**3)'", "relu", "relu'", "leaky_relu' 3"]
    roles = [edge.role for edge in picture.edges if edge.target == "n3"]
    assert roles == ["out", "a", "b"]


def test_outputs_and_gradients_are_ends():
    program = neuron()
    picture = picture_of_program(program)
    nodes = {node.id: node for node in picture.nodes}
    (output,) = of_kind(picture, "output")
    assert picture.root == output.id
    sources = {
        nodes[edge.target].name: nodes[edge.source].register for edge in picture.edges
        if nodes[edge.target].kind in ("output", "gradient")
    }  # fmt: skip
    expected = {"output": program.outputs[0], "w": program.gradients[0], "b": program.gradients[1]}
    assert sources == {name: f"t{register}" for name, register in expected.items()}
    several = picture_of_program(gates_of_all_kinds())
    assert [node.name for node in of_kind(several, "output")] == ["output 0", "output 1"]
    assert several.root == of_kind(several, "output")[0].id


def test_what_nothing_reads_is_drawn_too():
    program = Program(["x", "y"], ["w"], [], [line(3, "exp", 0)], [3])
    names = {node.name for node in picture_of_program(program).nodes}
    assert {"x", "y", "w"} <= names


# ---------------------------------------------------------------- affine and outer


def test_an_affine_is_one_node_and_its_matrix_another():
    picture = picture_of_program(network(4, 4, 1))
    nodes = {node.id: node for node in picture.nodes}
    (affine,) = (n for n in picture.nodes if n.op == "affine 4 × 4" and n.part == "forward")
    wires = [edge for edge in picture.edges if edge.target == affine.id]
    assert sorted(edge.role for edge in wires) == ["", "", "", "", "bias", "matrix"]
    matrix = next(nodes[edge.source] for edge in wires if edge.role == "matrix")
    assert (matrix.kind, matrix.name, matrix.entries) == ("parameter", "layer1", "4 × 4")
    (backward,) = (n for n in picture.nodes if n.op == "affine 4 × 4" and n.part == "backward")
    roles = [edge.role for edge in picture.edges if edge.target == backward.id]
    assert sorted(roles) == ["", "", "", "", "matrix"]  # its biases are 0
    assert backward.group == ("backward", "layer1")


def test_gradients_from_one_outer_are_one_node():
    program = network(4, 1)
    picture = picture_of_program(program)
    (outer,) = (node for node in picture.nodes if node.op == "outer 4 × 2")
    ends = [edge for edge in picture.edges if edge.source == outer.id]
    assert [edge.count for edge in ends] == [8]
    nodes = {node.id: node for node in picture.nodes}
    assert (nodes[ends[0].target].name, nodes[ends[0].target].entries) == ("layer0", "8")
    drawn = sum(int(node.entries or 1) for node in of_kind(picture, "gradient"))
    assert drawn == len(program.gradients)


def test_a_sum_over_many_parameters_reads_one_node():
    weights = [Value(1.0, f"w{i}") for i in range(40)]
    f = compile_graph(lambda x: x * sum(w * w for w in weights), weights, backend="numpy")
    picture = picture_of_program(f.trace(1.0))
    forward = [node for node in of_kind(picture, "parameter") if node.part == "forward"]
    assert [(node.name, node.entries) for node in forward] == [("w0 ... w39", "40")]


# ---------------------------------------------------------------- groups and folding


def test_groups_come_from_labels():
    picture = picture_of_program(network(4, 1))
    groups = {(node.part, node.op, node.group[1:]) for node in of_kind(picture, "instruction")}
    assert {
        ("forward", "affine 4 × 2", ("layer0",)), ("forward", "relu", ("layer0",)),
        ("forward", "dot", ("layer1", "neuron0")), ("forward", "-", ()),
        ("backward", "outer 4 × 2", ("layer0",)), ("backward", "*", ()),
        ("backward", "lane_sum", ("layer0", "neuron2")),
        ("backward", "lane_sum", ("layer1", "neuron0")),
    } <= groups  # fmt: skip
    slopes = {node.group for node in picture.nodes if node.op == "relu'"}
    assert all(group[:2] == ("backward", "layer0") for group in slopes)


def test_depth_folds_groups_and_leaves_the_two_parts_open():
    source = draw(network(4, 4, 1), depth=0).source
    assert "cluster_forward" in source and "cluster_backward" in source
    assert "cluster_forward.layer0" not in source
    assert source.count("class=group") == 6
    assert "cluster_forward.layer0" in draw(network(4, 4, 1), depth=1).source


def test_a_network_folds_by_itself_to_what_can_be_read():
    source = draw(network(16, 16, 1)).source
    assert len(re.findall(r"^\s+n\d+ \[", source, re.MULTILINE)) <= 120
    assert "16 wires" in source


def test_a_wire_of_many_keeps_their_count_when_the_picture_is_folded():
    picture = picture_of_program(network(4, 1))
    whole = max(edge.count for edge in picture.edges)
    folded = fold(picture, 1)
    assert whole == 8 and "8 wires" in [edge.label for edge in folded.edges]
    assert "8 wires" in draw(network(4, 1), depth=1).source
    assert "8 wires" in to_mermaid(network(4, 1))


def test_a_slope_lies_with_its_gate_whatever_its_last_operand():
    code = [
        line(3, "mul", 1, 0), line(4, "mul", 2, 0), line(5, "max", 3, 4),
        line(6, "max", 5, 3, 4, slope="a"), line(7, "mul", 6, 6),
    ]  # fmt: skip
    labels = {3: "l.u", 4: "m.v", 5: "l.h"}
    program = Program(["x"], ["l.w", "m.w"], [], code, [5], [7], [0], labels)
    (slope,) = (n for n in picture_of_program(program.verify()).nodes if n.op == "max'a")
    assert slope.group == ("backward", "l")


def test_too_big_a_program_names_the_remedies():
    with pytest.raises(ValueError, match=r"503 nodes.*backward=False.*labels.*limit=503"):
        draw(unlabelled(500))
    assert draw(unlabelled(500), limit=503).source


# ---------------------------------------------------------------- forms


def test_backward_false_is_the_forward_pass():
    program = neuron()
    text = to_text(program, backward=False)
    assert "lane_sum" not in text and "d/d" not in text
    assert program.listing().startswith(text.partition("outputs")[0])
    source = draw(program, backward=False).source
    assert "cluster_backward" not in source and "hexagon" not in source
    assert not of_kind(picture_of_program(program, backward=False), "gradient")


@each
def test_text_is_the_listing(program):
    assert to_text(program) == program.listing()


@each
def test_json(program):
    kept = json.loads(to_json(program))
    ids = {node["id"] for node in kept["nodes"]}
    assert {edge["source"] for edge in kept["edges"]} <= ids
    assert kept["root"] in ids
    picture = picture_of_program(program)
    assert [n["kind"] for n in kept["nodes"]] == [n.kind for n in picture.nodes]
    assert kept["backward"] is bool(program.gradients)


def test_mermaid_tells_the_parts_apart():
    text = to_mermaid(neuron())
    forward, backward = text.split("  subgraph backward")
    assert 'n3(["dot<br>t7"])' in forward and "subgraph forward" in forward
    assert re.search(r'n\d+\{\{"lane_sum<br>t\d+<br>once for all lanes"\}\}', backward)
    assert "{{" not in forward and "-.->" in backward
    assert '>"d/d w"]' in backward


@pytest.mark.needs_dot
@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_svg_shows_nodes_and_roles(direction):
    program = network(4, 1)
    tree = ET.fromstring(draw(program, direction=direction, depth=9).pipe("svg"))
    ids = {element.get("id") for element in tree.iter()}
    kept = {node.id for node in picture_of_program(program).nodes}
    assert kept <= ids
    texts = {"".join(e.itertext()).strip() for e in tree.iter(f"{SVG}text")}
    assert {"forward", "backward", "affine 4 × 2", "outer 4 × 2", "relu'", "d/d w0"} <= texts
    assert {"matrix", "8 gradients", "4 × 2 parameters"} <= texts
    assert any("hexagon: backward" in text for text in texts)


@each
def test_every_colour_has_a_dark_one(program):
    used = set(re.findall(r"#[0-9a-f]{6}\b", draw(program, depth=9).source))
    assert used <= {light for light, _ in COLOURS.values()}


@pytest.mark.needs_dot
@pytest.mark.parametrize("suffix", [".svg", ".png", ".dot", ".json", ".mmd"])
def test_save(tmp_path, suffix):
    path = save(neuron(), tmp_path / f"program{suffix}")
    assert path.stat().st_size > 200


@pytest.mark.needs_dot
def test_labels_stay_text(tmp_path):
    evil = '</text><script>alert(1)</script>"\\N'
    program = Program(["x"], [evil], [], [line(2, "mul", 0, 1)], [2], labels={2: evil})
    drawn = draw(program.verify()).pipe("svg")
    assert b"<script" not in drawn
    tree = ET.fromstring(drawn)
    assert any("alert(1)" in "".join(e.itertext()) for e in tree.iter(f"{SVG}text"))
    assert "<script" not in to_mermaid(program)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("show", [draw, to_text, to_json, to_mermaid])
def test_only_values_and_programs(show):
    with pytest.raises(TypeError, match=r"got int; the call is draw\(loss\), or draw\(program\)"):
        show(3)
    with pytest.raises(TypeError, match="names are for Values"):
        show(neuron(), names={})


def test_what_makes_no_sense_for_a_program(tmp_path):
    with pytest.raises(ValueError, match="one style, got 'record'"):
        draw(neuron(), style="record")
    with pytest.raises(ValueError, match="direction must be"):
        draw(neuron(), direction="RL")
    with pytest.raises(TypeError, match="no numbers to step through"):
        save(neuron(), tmp_path / "program.html")
    for call in (step, lambda program: explain(program, program)):
        with pytest.raises(TypeError, match="got Program"):
            call(neuron())
