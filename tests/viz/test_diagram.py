"""The options of a finished picture: its size, its inks, its legend, its paper, both passes."""

import io
import math
import os
import re
import shutil
import sys
import xml.etree.ElementTree as ET

import pytest

import viz.render
from autograd_core import Value
from viz import draw, save
from viz.inks import COLOURS

SVG = "{http://www.w3.org/2000/svg}"
LIGHT, DARK = ({role: pair[k] for role, pair in COLOURS.items()} for k in (0, 1))


def programs():
    beside = os.path.dirname(sys.executable)
    found = [shutil.which(name) or shutil.which(name, path=beside)
             for name in ("dot", "graphviz-pure")]  # fmt: skip
    return [path for path in found if path]


@pytest.fixture(params=programs(), ids=os.path.basename)
def program(request, monkeypatch):
    """Each layout program that is there, in turn."""
    monkeypatch.setattr(viz.render, "engine", lambda: request.param)


def pixels(root, **options):
    image = pytest.importorskip("PIL.Image")
    return image.open(io.BytesIO(draw(root, **options).pipe("png"))).convert("RGBA")


def rgb(colour):
    return tuple(bytes.fromhex(colour[1:]))


def fork():
    x, y = Value(3.0, "x"), Value(2.0, "y")
    f = x * y + x
    f.backward()
    return f


def size(root, **options):
    head = re.search("<svg [^>]*>", draw(root, **options).pipe("svg", encoding="utf-8"))[0]
    return [float(x) for x in re.findall(r'(?:width|height)="([\d.]+)pt"', head)]


# ---------------------------------------------------------------- scale


def test_a_png_of_scale_two_has_twice_the_pixels(neuron, program):
    one, two = pixels(neuron()), pixels(neuron(), scale=2)
    assert two.size == pytest.approx([2 * n for n in one.size], abs=3)


@pytest.mark.parametrize("scale", [2, 0.5, 1.5])
def test_an_svg_is_scaled_as_a_whole(neuron, program, scale):
    root = neuron()
    assert size(root, scale=scale) == pytest.approx([scale * n for n in size(root)])
    boxes = {re.search('viewBox="[^"]*"', draw(root, scale=s).pipe("svg", encoding="utf-8"))[0]
             for s in (1, scale)}  # fmt: skip
    assert len(boxes) == 1


@pytest.mark.skipif(shutil.which("dot") is None, reason="no system dot")
def test_a_pdf_of_scale_two_has_a_page_of_twice_the_size(neuron, monkeypatch):
    monkeypatch.setattr(viz.render, "engine", lambda: shutil.which("dot"))
    pages = [draw(neuron(), scale=scale).pipe("pdf") for scale in (1, 2)]
    one, two = ([float(x) for x in re.search(rb"/MediaBox \[ 0 0 (\S+) (\S+) \]", page).groups()]
                for page in pages)  # fmt: skip
    assert two == pytest.approx([2 * n for n in one], abs=3.0)


# ---------------------------------------------------------------- theme


def test_a_dark_svg_is_dark_for_every_reader(neuron, program):
    root = neuron()
    content = draw(root, theme="dark").pipe("svg", encoding="utf-8")
    assert "@media" not in content
    for role in ("paper", "value", "gradient", "gate"):
        assert f'fill="{DARK[role]}"' in content and LIGHT[role] not in content
    assert "@media" in draw(root).pipe("svg", encoding="utf-8")
    light = draw(root, theme="light").pipe("svg", encoding="utf-8")
    assert "@media" not in light and DARK["paper"] not in light


def test_a_browser_shows_the_theme(neuron, open_page):
    paper = "getComputedStyle(document.querySelector('polygon')).fill"
    for theme, reader, shown in (("dark", "light", DARK), ("light", "dark", LIGHT),
                                 ("auto", "dark", DARK), ("auto", "light", LIGHT)):  # fmt: skip
        content = draw(neuron(), theme=theme).pipe("svg", encoding="utf-8")
        page = open_page(content[content.index("<svg") :], ready="svg", color_scheme=reader)
        assert page.evaluate(paper) == f"rgb{rgb(shown['paper'])}"


def test_each_drawing_of_a_page_has_its_own_sheet(neuron, open_page):
    drawings = [draw(neuron(), theme=theme).pipe("svg", encoding="utf-8")
                for theme in ("dark", "auto", "light")]  # fmt: skip
    page = open_page("".join(svg[svg.index("<svg") :] for svg in drawings), ready="svg",
                     color_scheme="dark")  # fmt: skip
    seen = page.evaluate("""[...document.querySelectorAll('svg')].map(svg => [
        getComputedStyle(svg.querySelector('polygon')).fill,
        getComputedStyle(svg.querySelector('text')).stroke])""")
    wanted = [f"rgb{rgb(inks['paper'])}" for inks in (DARK, DARK, LIGHT)]
    assert seen == [[paper, paper] for paper in wanted]


def test_a_dark_png_has_dark_paper(neuron, program):
    corner = (2, 2)
    assert pixels(neuron(), theme="dark").getpixel(corner)[:3] == rgb(DARK["paper"])
    for theme in ("auto", "light"):
        assert pixels(neuron(), theme=theme).getpixel(corner)[:3] == rgb(LIGHT["paper"])
    colours = {colour[:3] for _, colour in pixels(neuron(), theme="dark").getcolors(1 << 20)}
    assert rgb(DARK["gate"]) in colours and rgb(LIGHT["gate"]) not in colours


# ---------------------------------------------------------------- legend, paper


@pytest.mark.parametrize("style", ["circuit", "record"])
def test_without_a_legend(neuron, svg, program, style):
    root = neuron()
    legend = {"local gradient", "the wire", "data: value"}
    with_it, without = (svg(root, style=style, legend=shown).texts for shown in (True, False))
    assert any(words in text for words in legend for text in with_it)
    assert not any(words in text for words in legend for text in without)
    assert len(without) < len(with_it) and set(without) < set(with_it)


def test_a_network_without_a_legend(network_loss, svg):
    loss = network_loss()
    assert any("negative dashed" in text for text in svg(loss, depth=1).texts)
    assert not any("negative dashed" in text for text in svg(loss, depth=1, legend=False).texts)


def test_transparent(neuron, svg, program):
    root = neuron()
    assert pixels(root, transparent=True).getpixel((2, 2))[3] == 0
    assert pixels(root).getpixel((2, 2))[3] == 255
    fills = [[e.get("fill") for e in svg(root, transparent=choice).elements
              if e.tag == f"{SVG}polygon"] for choice in (False, True)]  # fmt: skip
    assert fills[0][0] == LIGHT["paper"] and LIGHT["paper"] not in fills[1]
    for theme in ("auto", "dark"):  # a halo in the colour of paper that is not there would be seen
        assert b"paint-order" in draw(root, theme=theme).pipe("svg")
        assert b"paint-order" not in draw(root, theme=theme, transparent=True).pipe("svg")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("theme", "black", "theme must be"), ("theme", None, "theme must be"),
        ("scale", 0, "scale must be"), ("scale", -1.0, "scale must be"),
        ("scale", "2", "scale must be"), ("scale", float("nan"), "scale must be"),
        ("scale", 11, "scale must be"), ("view", "two", "view must be"),
        ("view", True, "view must be"), ("wires", "grad", "wires must be"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_its_option(neuron, tmp_path, option, value, message):
    with pytest.raises(ValueError, match=f"{message}.*got {re.escape(repr(value))}"):
        draw(neuron(), **{option: value})
    with pytest.raises(ValueError, match=message):
        save(neuron(), tmp_path / "f.dot", **{option: value})
    assert list(tmp_path.iterdir()) == []


def test_a_pointer_is_told_numbers_and_no_ids(neuron, svg, program):
    picture = svg(neuron())
    assert "title" not in picture.tags
    assert "value 2.0, gradient -0.19661193324148185, local gradient -1.0" in picture.tooltips


# ---------------------------------------------------------------- both passes


def ellipses(svg):
    """The middle of each gate, by the id of its node."""
    return {
        group.get("id"): (float(e.get("cx")), float(e.get("cy")))
        for group in svg.iter(f"{SVG}g") if (group.get("class") or "") == "node gate"
        for e in group.iter(f"{SVG}ellipse")
    }  # fmt: skip


def numbers_in(text):
    return [float(x) for x in re.findall(r"-?[\d.]+", text)]


def wires(svg):
    """Of each wire the ends of its line, and the points of its arrowhead, by its id."""
    found = {}
    for group in svg.iter(f"{SVG}g"):
        if group.get("class") == "edge":
            numbers = numbers_in(group.find(f".//{SVG}path").get("d"))
            heads = [numbers_in(e.get("points")) for e in group.iter(f"{SVG}polygon")]
            found[group.get("id")] = numbers[:2], numbers[-2:], heads
    return found


@pytest.mark.parametrize("graph", ["neuron", "fork"])
def test_both_passes_gate_below_gate(neuron, program, graph):
    root = neuron() if graph == "neuron" else fork()
    drawn = ET.fromstring(draw(root, view="both").pipe("svg"))
    gates = ellipses(drawn)
    forward = {id: place for id, place in gates.items() if not id.startswith("b.")}
    assert len(forward) == (5 if graph == "neuron" else 2)
    assert set(gates) == {*forward, *(f"b.{id}" for id in forward)}
    for id, (x, y) in forward.items():
        assert gates[f"b.{id}"][0] == pytest.approx(x, abs=1.0)
        assert gates[f"b.{id}"][1] > y
    assert max(y for _, y in forward.values()) < min(
        y for id, (_, y) in gates.items() if id.startswith("b.")
    )


@pytest.mark.parametrize("graph", ["neuron", "fork"])
def test_gradients_flow_to_the_left(neuron, program, graph):
    root = neuron() if graph == "neuron" else fork()
    drawn = ET.fromstring(draw(root, view="both").pipe("svg"))
    pointing = {"forward": 0, "backward": 0}
    for id, (_, _, heads) in wires(drawn).items():
        part = "backward" if id.startswith("b.") else "forward"
        for points in heads:  # a triangle, whose tip lies opposite its shortest side
            corners = list(zip(points[:6:2], points[1:6:2], strict=True))
            sides = [math.dist(corners[i - 2], corners[i - 1]) for i in range(3)]
            tip = corners.pop(sides.index(min(sides)))
            leftward = tip[0] < sum(x for x, _ in corners) / 2
            assert leftward == (part == "backward"), id
            pointing[part] += 1
    wanted = (10, 10) if graph == "neuron" else (5, 6)  # the sum of a fork arrives at x once more
    assert (pointing["forward"], pointing["backward"]) == wanted


def test_both_passes_show_each_number_once(neuron, svg):
    texts = svg(neuron(), view="both", legend=False).texts
    assert texts.count("v9 = 0.731") == 1 and texts.count("-0.590") == 1
    assert texts.count("sigmoid") == texts.count("w0") == 2


@pytest.mark.parametrize(
    "options", [{"style": "record"}, {"backward": False}], ids=["record", "forward"]
)
def test_both_passes_need_a_circuit_with_its_backward_pass(neuron, options):
    with pytest.raises(ValueError, match=r'view="both".*draw\(f, view="both"\)'):
        draw(neuron(), view="both", **options)


# ---------------------------------------------------------------- whole wires


@pytest.mark.parametrize(
    "options", [{}, {"direction": "TB"}, {"view": "both"}, {"view": "both", "direction": "TB"}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("graph", ["neuron", "fork", "network"])
def test_each_wire_is_one_line(neuron, network_loss, program, graph, options):
    root = {"neuron": neuron, "fork": fork, "network": network_loss}[graph]()
    content = draw(root, **options).pipe("svg")
    assert b"-tail" not in content
    drawn = ET.fromstring(content)
    edges = [g for g in drawn.iter(f"{SVG}g") if g.get("class") == "edge"]
    assert len(edges) > 4 and len({g.get("id") for g in edges}) == len(edges)
    for group in edges:
        assert len(list(group.iter(f"{SVG}path"))) == 1, group.get("id")


def test_a_wire_runs_through_its_numbers(neuron, program):
    """One line from the name to the gate: below the value, above the gradient."""
    drawn = ET.fromstring(draw(neuron()).pipe("svg"))
    places = {
        group.get("id").removesuffix("-numbers"):
            [(float(t.get("x")), float(t.get("y"))) for t in group.iter(f"{SVG}text")]
        for group in drawn.iter(f"{SVG}g") if (group.get("id") or "").endswith("-numbers")
        and not (group.get("id") or "").startswith("a_")
    }  # fmt: skip
    lines = wires(drawn)
    assert len(places) == 10
    for id, texts in places.items():
        (start, _), (end, _), _ = lines[id]
        assert all(start < x < end for x, _ in texts), id
