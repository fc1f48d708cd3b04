"""What a reader sees, measured in a browser: no text on another, no number at a foreign wire."""

import numpy as np
import pytest

from autograd_core import Value
from nn import MLP
from viz import draw, parse
from viz.picture import picture_of

pytestmark = pytest.mark.once

# Boxes of all texts and points along all wires, in the coordinates of the drawing.
MEASURE = """() => [...document.querySelectorAll('svg')].map(svg => {
  const outer = (element) => { for (let g = element; g; g = g.parentNode) if (g.id) {
      const id = g.id.startsWith('a_') ? g.parentNode.id : g.id; return id; } };
  const texts = [...svg.querySelectorAll('text')].map(text => {
    const b = text.getBBox();
    const box = [b.x, b.y, b.x + b.width, b.y + b.height];
    return {id: outer(text), text: text.textContent, box};
  });
  const wires = [...svg.querySelectorAll('g.edge')].map(g => {
    const path = g.querySelector('path'), n = Math.ceil(path.getTotalLength() / 2);
    const points = [];
    for (let k = 0; k <= n; k++) {
      const p = path.getPointAtLength(path.getTotalLength() * k / n);
      points.push([p.x, p.y]);
    }
    return {id: g.id, points};
  });
  return {texts, wires};
})"""


def distances(box, points):
    """Of each point from a box; 0 inside."""
    x = np.maximum(np.maximum(box[0] - points[:, 0], points[:, 0] - box[2]), 0.0)
    y = np.maximum(np.maximum(box[1] - points[:, 1], points[:, 1] - box[3]), 0.0)
    return np.hypot(x, y)


def near(box, other, margin):
    return (
        box[0] - margin < other[2] and other[0] - margin < box[2]
        and box[1] - margin < other[3] and other[1] - margin < box[3]
    )  # fmt: skip


def faults(seen, edges=(), ordered=(), axis=1):
    """What could be misread in one measured drawing, in sentences."""
    texts = seen["texts"]
    ids = [wire["id"] for wire in seen["wires"]]
    lengths = [len(wire["points"]) for wire in seen["wires"]]
    points = np.array([point for wire in seen["wires"] for point in wire["points"]])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    for i, one in enumerate(texts):
        for other in texts[:i]:
            if near(one["box"], other["box"], -1.0):
                yield f"{one['text']!r} of {one['id']} lies on {other['text']!r} of {other['id']}"
        box = one["box"]
        inner = [box[0] + 1, box[1] + 3, box[2] - 1, box[3] - 3]
        crossed = np.minimum.reduceat(distances(inner, points), starts)
        aside = np.minimum.reduceat(distances(box, points), starts)
        own = one["id"].removesuffix("-numbers") if one["id"].endswith("-numbers") else None
        mine = aside[ids.index(own)] if own in ids else np.inf
        for id, through, distance in zip(ids, crossed, aside, strict=True):
            if id == own or (own is not None and id.split("-")[0] == own.split("-")[0]):
                if through < 1.0:  # another wire of the same value is not foreign, but no strike
                    yield f"{one['text']!r} of {one['id']} touches {id}"
                continue
            if through == 0.0:
                yield f"{one['text']!r} of {one['id']} is crossed by {id}"
            elif own in ids and distance < mine:
                yield f"{one['text']!r} of {one['id']} is nearer to {id}"
    ends = {wire["id"]: wire["points"][-1][axis] for wire in seen["wires"]}
    for node in ordered:
        entering = [ends[edge.id] for edge in edges if edge.target == node and edge.id in ends]
        if entering != sorted(entering):
            yield f"the operands of {node} enter out of order"


def seen(page, pictures):
    """The measured drawings, and what could be misread in each."""
    drawn = [svg[svg.index("<svg") :] for _, svg, _ in pictures]
    page.set_content("".join(drawn))
    for (root, _, axis), measured in zip(pictures, page.evaluate(MEASURE), strict=True):
        picture = picture_of(root)
        ordered = [node.id for node in picture.nodes if node.ordered]
        yield root, list(faults(measured, picture.edges, ordered, axis))


def drawing(root, direction="LR", style="circuit"):
    svg = draw(root, style, direction=direction).pipe("svg", encoding="utf-8")
    return root, svg, 1 if direction == "LR" else 0


@pytest.mark.needs_dot
@pytest.mark.parametrize("part", range(8))
def test_random_graphs_cannot_be_misread(open_page, random_graph, part):
    """200 graphs of 3 to 60 values, a third of them from top to bottom."""
    page = open_page("", ready="")
    pictures = [
        drawing(random_graph(seed, 3 + seed * 57 // 199), "TB" if seed % 3 == 0 else "LR")
        for seed in range(part, 200, 8)
    ]
    found = [(i, told) for i, (_, told) in enumerate(seen(page, pictures)) if told]
    assert found == []


@pytest.mark.needs_dot
@pytest.mark.parametrize("style", ["circuit", "record"])
@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_pictures_of_the_lessons_cannot_be_misread(open_page, neuron, direction, style):
    x, y = Value(3.0, "x"), Value(-4.0, "y")
    sig_y, total, sig_x = y.sigmoid(), x + y, x.sigmoid()
    sig_x.label = "sig_x"
    staged = (x + sig_y) / (sig_x + total**2)
    chain = ((x.sin() * 2.0 + 1.0).exp() * 0.5 - 1.0).cos() * 3.0 + 2.0
    network = (MLP(2, [4, 1], rng=1, activation="tanh")([0.5, -1.0]) - 1.0) ** 2
    roots = [neuron(), parse("x*y + x", {"x": -2.0, "y": 5.0}), staged, chain, network]
    for root in roots:
        root.backward()
    page = open_page("", ready="")
    pictures = [drawing(root, direction, style) for root in roots]
    assert [told for _, told in seen(page, pictures) if told] == []
