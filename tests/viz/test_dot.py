"""What draw gives: DOT text and its drawings, whatever their layout; user text stays text."""

import base64
import io
import itertools
import json
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import graphviz
import pytest

import viz
from autograd_core import Value, no_grad, sigmoid, trace_creation
from nn import MLP
from viz import draw, draw_dot, save, to_json, to_mermaid, to_text
from viz.picture import picture_of

SVG = "{http://www.w3.org/2000/svg}"
each_style = pytest.mark.parametrize("style", ["circuit", "record"])
ROOT = Path(viz.__file__).parents[1]


def html_tags(html):
    return [element.tag for element in ET.fromstring(f"<all>{html}</all>").iter()]


def dot_ids(diagram):
    return re.findall(r'\bid="?([\w.\-]+)', diagram.source)


@each_style
def test_draw_gives_a_digraph(neuron, style):
    diagram = draw(neuron(), style=style)
    assert isinstance(diagram, graphviz.Digraph)
    assert diagram.source.startswith("digraph {")
    ids = set(dot_ids(diagram))
    assert {f"n{i}" for i in range(10)} <= ids and "n10" not in ids
    assert {"n0-n2-0", "n1-n2-1", "n2-n6-0", "n8-n9-0"} <= ids


@each_style
@pytest.mark.needs_dot
def test_source_can_be_laid_out(neuron, svg, style):
    picture = svg(neuron(), style=style)
    assert {f"n{i}" for i in range(10)} <= set(picture.ids)
    assert len(set(picture.ids)) == len(picture.ids)
    assert {"w0", "x0", "w1", "x1", "w2", "sigmoid", "×", "+"} <= set(picture.texts)


def test_micrograds_name(neuron):
    assert draw_dot(neuron()).source == draw(neuron()).source


def test_circuit_is_the_default(neuron):
    root = neuron()
    assert draw(root).source == draw(root, style="circuit").source
    assert draw(root).source != draw(root, style="record").source


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


def test_same_picture_of_a_graph_built_again(network_loss):
    assert draw(network_loss()).source == draw(network_loss()).source


@pytest.mark.parametrize("style", ["oval", "", None, "Circuit"])
def test_bad_style(neuron, style):
    with pytest.raises(ValueError, match=r'style must be "circuit" or "record"'):
        draw(neuron(), style=style)


@pytest.mark.parametrize("direction", ["lr", "left", "", None])
def test_bad_direction(neuron, direction):
    with pytest.raises(ValueError, match=r'direction must be "LR" or "TB"'):
        draw(neuron(), direction=direction)


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_directions(neuron, direction):
    assert f"rankdir={direction}" in draw(neuron(), direction=direction).source


# ---------------------------------------------------------------- numbers


@each_style
def test_neuron_of_the_notes(neuron, dot_texts, style):
    texts = " ".join(dot_texts(draw(neuron(), style=style))).split()
    for wanted in ("0.731", "-0.197", "-0.393", "0.197", "0.393", "-0.590", "1"):
        assert wanted in texts


@pytest.mark.needs_dot
def test_neuron_of_the_notes_in_svg(neuron, svg):
    picture = svg(neuron())
    wires = {
        "n0-n2-0": ["2", "-0.197", "← ×-1"], "n1-n2-1": ["-1", "0.393", "← ×2"],
        "n3-n5-0": ["-3", "-0.393", "← ×-2"], "n4-n5-1": ["-2", "-0.590", "← ×-3"],
        "n7-n8-1": ["-3", "0.197", "← ×1"], "n8-n9-0": ["v8 = 1", "0.197", "← ×0.197"],
        "n9-out-0": ["v9 = 0.731", "1"],
    }  # fmt: skip
    for wire, numbers in wires.items():
        assert picture.of(f"{wire}-numbers") == numbers
        assert picture.of(wire) == []  # the line alone


@pytest.mark.needs_dot
def test_record_in_svg(neuron, svg):
    picture = svg(neuron(), style="record")
    assert "".join(picture.of("n0")).replace(" ", "") == "w0data2grad-0.197"
    assert "".join(picture.of("n9")).replace(" ", "") == "v9data0.731grad1"
    assert picture.of("n9-gate") == ["sigmoid"]
    assert picture.of("n8-n9-0-numbers")[0] == "← ×0.197"


@each_style
def test_before_backward_a_gradient_is_a_dash(neuron, dot_texts, style):
    texts = dot_texts(draw(neuron(backward=False), style=style))
    assert texts.count("-") == 10
    assert "0" not in texts and "-0.197" not in texts
    assert {"0.731", "v9 = 0.731"} & set(texts) and "← ×-1" in texts
    assert ", gradient 0" not in draw(neuron(backward=False), style=style).source


def test_zero_grad_takes_the_gradients_away(neuron):
    root = neuron()
    root.zero_grad()
    assert draw(root).source == draw(neuron(backward=False)).source


@each_style
def test_a_gradient_of_zero_is_shown_after_backward(dot_texts, style):
    x = Value(-2.0, label="x")
    y = x.relu() + 5.0
    y.backward()
    texts = dot_texts(draw(y, style=style))
    assert "-" not in texts and "0" in texts[texts.index("x") :]


@each_style
def test_forward_only(neuron, dot_texts, style):
    root = neuron()
    diagram = draw(root, style=style, backward=False)
    texts = dot_texts(diagram)
    assert {"0.731", "v9 = 0.731"} & set(texts) and "-1" in texts
    assert not {"-0.197", "0.393", "-0.590", "0.197"} & set(texts)
    assert not any("←" in text for text in texts)
    assert "gradient" not in diagram.source


@each_style
def test_fork_draws_every_wire(style):
    x = Value(3.0, label="x")
    y = x * x
    y.backward()
    ids = dot_ids(draw(y, style=style))
    assert ids.count("n0-n1-0") == ids.count("n0-n1-1") == 1
    assert to_mermaid(y).count("n0 -->") == 2
    assert "x × x" in to_text(y)
    assert len(json.loads(to_json(y))["edges"]) == 2


def fork(backward=True):
    """f = x y + x, at x = 3, y = 2: the gradient of x is 2 + 1."""
    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    f = x * y + x
    if backward:
        f.backward()
    return f


def test_sum_at_forks(dot_texts):
    def sums(diagram):
        return [text for text in dot_texts(diagram) if text.startswith("sum")]

    f = fork()
    assert sums(draw(f)) == ["sum 3"]
    assert sums(draw(f, backward=False)) == []
    f.zero_grad()
    assert sums(draw(f)) == []


@pytest.mark.needs_dot
@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_a_fork_leaves_on_one_wire_with_value_and_sum_and_parts_behind_it(svg, direction):
    picture = svg(fork(), direction=direction)
    assert picture.of("n0-stem-numbers") == ["3", "sum 3"]
    assert picture.of("n0-n2-0-numbers") == ["3", "2", "← ×2"]
    assert picture.of("n0-n3-1-numbers") == ["3", "1", "← ×1"]
    stem, *branches = (line_of(picture, id) for id in ("n0-stem", "n0-n2-0", "n0-n3-1"))
    for branch in branches:  # begins where the stem ends
        assert branch[0] == pytest.approx(stem[-1], abs=2.0)
    assert "n1-stem" not in picture.ids  # y goes one way


def test_a_gate_at_a_fork_has_its_name_on_the_stem_alone(dot_texts):
    x = Value(1.0, label="x")
    z = x.exp()
    z.label = "z"
    f = z.sin() * z
    f.backward()
    texts = dot_texts(draw(f))
    assert [text for text in texts if "z" in text] == ["z = 2.72"]


@pytest.mark.needs_dot
@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_a_wire_is_one_line_from_where_it_begins_to_its_gate(svg, neuron, direction):
    picture = svg(neuron(), direction=direction)
    assert not [id for id in picture.ids if id.endswith("-tail")]
    edges = [e for e in picture.elements if e.get("class") == "edge"]
    assert len(edges) == 9 + 1  # and the root's own
    for edge in edges:
        tags = [part.tag.removeprefix(SVG) for part in edge if part.tag != f"{SVG}title"]
        assert tags == ["path", "polygon"]  # the line and its arrowhead
        numbers = next(e for e in picture.elements if e.get("id") == f"{edge.get('id')}-numbers")
        assert not list(numbers.iter(f"{SVG}polygon"))  # the rule has become part of the line


def line_of(picture, id):
    """The corners and ends of a wire."""
    edge = next(e for e in picture.elements if e.get("id") == id)
    line = next(edge.iter(f"{SVG}path")).get("d")
    numbers = list(map(float, re.findall(r"-?[\d.]+", line)))
    return list(zip(numbers[::2], numbers[1::2], strict=True))


@pytest.mark.needs_dot
@pytest.mark.parametrize("name, axis", [("LR", 1), ("TB", 0)])
@pytest.mark.parametrize("swap", [False, True])
def test_operands_that_may_not_change_places_enter_in_order(svg, name, axis, swap):
    x, y = Value(3.0, "x"), Value(2.0, "y")
    made = x.exp()
    f = (y - made) if swap else (made - y)
    drawn = svg(f * x, direction=name)
    source = {node.id: node for node in picture_of(f * x).nodes}
    first, second = sorted(
        (e for e in picture_of(f * x).edges if source[e.target].op == "-"), key=lambda e: e.operand
    )
    assert line_of(drawn, first.id)[-1][axis] < line_of(drawn, second.id)[-1][axis]


@each_style
def test_constants_of_a_gate_are_shown(dot_texts, style):
    x = Value(3.0, label="x")
    texts = dot_texts(draw((x**2).leaky_relu(0.2), style=style))
    assert "**2" in texts and "leaky_relu 0.2" in texts
    assert "x**2" in to_text(x**2) and "leaky_relu(x, 0.2)" in to_text(x.leaky_relu(0.2))


@each_style
@pytest.mark.parametrize("extreme", [math.inf, -math.inf, math.nan])
def test_extreme_numbers(dot_texts, style, extreme):
    y = Value(extreme, label="x") * 2.0
    y.backward()
    assert repr(extreme) in dot_texts(draw(y, style=style))
    assert repr(extreme) in to_text(y) and repr(extreme) in to_mermaid(y)


@each_style
def test_single_leaf(dot_texts, style):
    diagram = draw(Value(3.0, label="x"), style=style)
    assert "x" in dot_texts(diagram) and "3" in dot_texts(diagram)
    assert len(to_text(Value(3.0)).splitlines()) == 2


def test_result_of_no_grad(dot_texts):
    with no_grad():
        y = Value(2.0, label="x") * 3.0
    assert "v0 = 6" in dot_texts(draw(y)) and len(picture_of(y).nodes) == 1
    assert "6" in to_text(y)


def test_a_value_with_many_wires_is_drawn_again_at_each():
    x = Value(1.0, "x")
    a = x
    for _ in range(100):
        a = a * x
    for style in ("circuit", "record"):
        source = draw(a, style=style).source
        assert source.count(">x<") + source.count("<x>") >= 100


# ---------------------------------------------------------------- names, groups, source lines


@pytest.mark.needs_dot
@each_style
@pytest.mark.parametrize(("neurons", "copies"), [(2, 0), (3, 1)])
def test_an_input_that_many_boxes_take_is_drawn_again_in_each(style, neurons, copies):
    """Else its wires run behind the boxes."""
    root = MLP(1, [neurons, 1], rng=0)([Value(0.5, "x")])
    root.backward()
    blocks = draw(root, style=style).source.split("subgraph")
    boxes = [block for block in blocks if block.startswith(' "cluster_layer0.neuron')]
    ends = [block[: block.index("\n\t\t}")] for block in boxes]
    assert [block.count("-from") for block in ends] == [copies] * neurons


@pytest.mark.needs_dot
def test_boxes_stand_below_each_other_in_their_order(open_page):
    root = MLP(1, [3, 1], rng=0)([Value(0.5, "x")])
    root.backward()
    page = open_page(draw(root).pipe("svg", encoding="utf-8"), ready="svg")
    tops = [page.locator(f"[id='group-layer0.neuron{k}']").bounding_box()["y"] for k in range(3)]
    assert tops == sorted(tops)


def test_each_result_has_its_name_on_its_own_wire(svg):
    x = Value(2.0)
    sig_x = x.sigmoid()
    f = (sig_x * 3.0).tanh()
    f.backward()
    picture = svg(f, names=locals())
    assert picture.of("n0") == ["x"] and picture.of("n0-n1-0-numbers")[0] == "2"
    assert picture.of("n1") == ["sigmoid"] and picture.of("n1-n3-0-numbers")[0] == "sig_x = 0.881"
    assert picture.of("n2") == ["3"]
    assert picture.of("n3-n4-0-numbers")[0] == "v3 = 2.64"
    assert picture.of("n4-out-0-numbers") == ["f = 0.990", "1"]
    assert "xlabel" not in draw(f, names=locals()).source


@each_style
def test_groups_are_boxes(split_dot, dot_texts, style):
    diagram = draw(MLP(2, [2, 1], rng=1)([0.5, -1.0]), style=style)
    _, _, quoted = split_dot(diagram.source)
    boxes = {text for text in quoted if text.startswith("cluster_")}
    assert {"cluster_layer0.neuron0", "cluster_layer0.neuron1", "cluster_layer1.neuron0"} <= boxes
    assert {"layer0", "layer1", "neuron0", "neuron1", "w0", "b"} <= set(dot_texts(diagram))
    assert "layer0.neuron0.w0" not in dot_texts(diagram)


@each_style
@pytest.mark.needs_dot
def test_groups_in_svg(svg, style):
    picture = svg(MLP(2, [2, 1], rng=1)([0.5, -1.0]), style=style)
    assert {"group-layer0", "group-layer0.neuron1", "group-layer1.neuron0"} <= set(picture.ids)


@each_style
def test_groups_of_any_language_leave_ascii(style):
    w = Value(2.0, label="Schicht.größe")
    assert draw(w * 3.0, style=style).source.isascii()


def test_traced_lines(split_dot):
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
@pytest.mark.needs_dot
def test_traced_lines_in_svg(svg, style):
    with trace_creation():
        y = sigmoid(Value(0.5, label="x"))
    tooltip = next(text for text in svg(y, style=style).tooltips if text.startswith("sigmoid"))
    assert tooltip.endswith(f"at {y.line}")


@each_style
@pytest.mark.needs_dot
def test_tooltips_hold_full_precision(neuron, svg, style):
    tooltips = svg(neuron(), style=style).tooltips
    assert "w0 value 2.0 gradient -0.19661193324148185" in tooltips
    assert "sigmoid value 0.7310585786300049 gradient 1.0" in tooltips


# ---------------------------------------------------------------- user text stays text


@each_style
def test_hostile_label_in_dot(split_dot, labelled, label, style):
    source = draw(labelled(label), style=style).source
    outside, html, quoted = split_dot(source)
    plain_outside, plain_html, plain_quoted = split_dot(draw(labelled("x"), style=style).source)
    assert outside == plain_outside
    assert len(html) == len(plain_html) and len(quoted) == len(plain_quoted)
    assert list(map(html_tags, html)) == list(map(html_tags, plain_html))
    assert all(c.isascii() or c > "\uffff" for c in source)
    assert len(source) < 20_000


@each_style
@pytest.mark.needs_dot
def test_hostile_label_in_svg(svg, clean, labelled, unseen, shown_label, label, style):
    picture = svg(labelled(label), style=style)
    plain = svg(labelled("x"), style=style)
    assert picture.tags == plain.tags
    assert not {"script", "img", "b"} & picture.tags
    assert sorted(picture.ids) == sorted(plain.ids)
    attributes = {name for e in picture.elements for name in e.keys()}
    assert not any(name.startswith("on") for name in attributes)
    assert unseen("".join([*picture.texts, *picture.tooltips])) == []
    assert max(map(len, [*picture.texts, *picture.tooltips])) < 500
    if (shown := shown_label) is not None:
        assert shown in picture.texts
        # a tooltip may write a character beyond U+FFFF in another way
        start = re.sub("[^\0-\uffff]", ".*", re.escape(shown))
        assert any(re.match(start, clean(text)) for text in picture.tooltips)


@pytest.mark.needs_dot
def test_hostile_label_leaves_its_readable_part(svg, labelled):
    assert any("two" in t and "lines" in t for t in svg(labelled("two\nlines")).texts)
    assert any(t.startswith("xxxx") and len(t) < 100 for t in svg(labelled("x" * 10_000)).texts)


def test_hostile_names(split_dot, label):
    x = Value(3.0)
    root = x * 2.0
    source = draw(root, names={label: x}).source
    assert split_dot(source)[0] == split_dot(draw(root, names={"x": x}).source)[0]


# ---------------------------------------------------------------- the Digraph


@each_style
@pytest.mark.needs_dot
def test_svg_reads_on_dark_paper(neuron, read_svg, style, tmp_path):
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


def test_neither_size_nor_dpi(network_loss, split_dot):
    for style, depth in itertools.product(["circuit", "record"], [None, 0]):
        outside, _, _ = split_dot(draw(network_loss(), style=style, depth=depth).source)
        assert not re.search(r"\b(size|dpi)=", outside)


def test_colour_is_not_alone(neuron, dot_texts):
    """The legend says in words which number is which."""
    assert "value" in draw(neuron()).source and "gradient" in draw(neuron()).source
    assert "&#8592; &#215;: local gradient" in draw(neuron()).source
    assert "data" in dot_texts(draw(neuron(), style="record"))
    assert "grad" in dot_texts(draw(neuron(), style="record"))


@pytest.mark.needs_dot
def test_pipe_forms(neuron):
    diagram = draw(neuron())
    assert diagram.pipe() == diagram.pipe("svg") == diagram.pipe(format="svg")
    assert diagram.pipe(format="png").startswith(b"\x89PNG")
    assert isinstance(diagram.pipe("svg", encoding="utf-8"), str)


@pytest.mark.needs_dot
def test_render_writes_as_graphviz_does(neuron, is_file_of, tmp_path):
    diagram = draw(neuron())
    assert diagram.render(tmp_path / "graph") == str(tmp_path / "graph.svg")
    assert (tmp_path / "graph").read_text().rstrip() == diagram.source.rstrip()
    assert is_file_of(".svg", (tmp_path / "graph.svg").read_bytes())
    diagram.render("again", directory=tmp_path / "deeper", format="png", cleanup=True)
    assert [p.name for p in (tmp_path / "deeper").iterdir()] == ["again.png"]


@pytest.mark.needs_dot
def test_render_by_default_name(neuron, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    diagram = draw(neuron())
    assert diagram.filename.endswith(".gv")
    assert diagram.render() == f"{diagram.filename}.svg"
    assert {p.name for p in tmp_path.iterdir()} == {diagram.filename, f"{diagram.filename}.svg"}


@pytest.mark.needs_dot
def test_render_to_an_outfile(neuron, is_file_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Path(draw(neuron()).render(outfile=tmp_path / "mine.png")) == tmp_path / "mine.png"
    assert is_file_of(".png", (tmp_path / "mine.png").read_bytes())
    assert {p.name for p in tmp_path.iterdir()} == {"mine.gv", "mine.png"}


@pytest.mark.needs_dot
def test_diagram_can_be_added_to(neuron, read_svg):
    diagram = draw(neuron())
    diagram.node("extra", "my own note")
    diagram.attr(rankdir="TB")
    assert "my own note" in read_svg(diagram.pipe("svg")).texts


@pytest.mark.needs_dot
def test_copy_renders_through_the_same_door(neuron, read_svg):
    assert "style" in read_svg(draw(neuron()).copy().pipe("svg")).tags


# ---------------------------------------------------------------- in a notebook


def test_notebook_without_an_engine(neuron, nothing_installed):
    bundle = draw(neuron())._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert "pip install" in bundle["text/plain"] and "w0" in bundle["text/plain"]


@pytest.mark.needs_dot
def test_notebook_with_an_engine(neuron, read_svg):
    bundle = draw(neuron())._repr_mimebundle_(include=None, exclude=None)
    assert isinstance(bundle["image/svg+xml"], str)
    assert "n9" in read_svg(bundle["image/svg+xml"].encode()).ids
    assert list(bundle) == ["image/svg+xml"]


@pytest.mark.needs_dot
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


@pytest.mark.needs_dot
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
