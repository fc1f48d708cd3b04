"""The picture of a Grade: the learner's numbers, the wrong wire, and what is said."""

import re
from html import unescape

import pytest

import viz
from autograd_core import Value, exp, grade, grade_gradients, gradients, mistakes, topological
from viz.graded import picture_of_grade


def overwrites(root):
    root.zero_grad()
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in zip(v.inputs, v.partials, strict=True):
            u.grad = v.grad * local


def forgets_upstream(root):
    root.zero_grad()
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in zip(v.inputs, v.partials, strict=True):
            u.grad += local


def texts(svg):
    return [unescape(text).strip() for text in re.findall(r"<text[^>]*>([^<]*)<", svg)]


def test_the_wrong_wire_is_the_only_one_that_is_marked():
    for work in (overwrites, forgets_upstream):
        report = grade(work)
        picture = picture_of_grade(report)
        (wrong,) = (edge for edge in picture.edges if edge.wrong)
        ids = {v: f"n{i}" for i, v in enumerate(topological(report.circuit))}
        gate, operand = report.wire
        assert (wrong.source, wrong.target, wrong.operand) == (
            ids[report.wrong], ids[gate], operand,
        )  # fmt: skip
        (node,) = (node for node in picture.nodes if node.right is not None)
        assert node.id == wrong.source
        assert (node.grad, node.right) == (report.got, report.expected)


def test_numbers_of_the_picture_are_the_learners():
    report = grade(forgets_upstream)
    picture = picture_of_grade(report)
    grads = [report.gradients[v] for v in topological(report.circuit)]
    assert [node.grad for node in picture.nodes] == grads
    for edge in picture.edges:
        source = next(node for node in picture.nodes if node.id == edge.source)
        assert source.uses > 1 or edge.grad == source.grad


@pytest.mark.needs_dot
@pytest.mark.parametrize("style", ["circuit", "record"])
@pytest.mark.parametrize("work", [overwrites, forgets_upstream])
def test_it_is_drawn_with_its_words(work, style):
    report = grade(work)
    svg = viz.draw(report, style=style).pipe("svg", encoding="utf-8")
    assert svg.count('stroke-width="3"') in (1, 2, 3)  # the parts of one wire, and its arrow
    assert f", should be {report.expected:.3g}" in " ".join(texts(svg))
    assert f"Not yet. {report.mistake.sentence}" in " ".join(texts(svg))


@pytest.mark.needs_dot
def test_a_wrong_root_and_a_report_of_words_alone(tmp_path):
    twice = grade(lambda root: {v: 2.0 * g for v, g in own(root).items()})
    svg = viz.draw(twice).pipe("svg", encoding="utf-8")
    assert "2, should be 1" in " ".join(texts(svg)) and 'stroke-width="3"' not in svg
    right = grade(own)
    svg = viz.draw(right).pipe("svg", encoding="utf-8")
    assert " ".join(texts(svg)) == str(right)
    assert viz.save(right, tmp_path / "right.svg").exists()


def own(root):
    total = dict.fromkeys(topological(root), 0.0)
    total[root] = 1.0
    for v in reversed(topological(root)):
        for u, local in zip(v.inputs, v.partials, strict=True):
            total[u] += total[v] * local
    return total


def test_gradients_by_hand_are_drawn_with_the_learners_names():
    x = Value(2.0)
    f = exp(x) * x
    report = grade_gradients(f, {x: gradients(f)[x] - 1.0})
    picture = picture_of_grade(report, names={"x": x, "f": f})
    assert [node.name for node in picture.nodes if node.right is not None] == ["x"]
    assert [node.grad is None for node in picture.nodes] == [False, True, True]
    assert mistakes and picture.words.startswith("Not yet. ")


def test_a_report_has_no_walk(tmp_path):
    with pytest.raises(TypeError, match=r"save\(report.circuit, ...\)"):
        viz.save(grade(own), tmp_path / "walk.html")


def test_the_expression_of_a_report_can_be_typed():
    for seed in range(5):
        report = grade(forgets_upstream, seed=seed)
        leaves = {v.label: v.data for v in topological(report.circuit) if not v.inputs}
        assert viz.parse(report.expression, leaves).data == report.circuit.data


CELL = """
from autograd_core import Value, grade, topological
from viz import draw

def backward_pass(root):
    root.grad = 1.0
    for v in topological(root):
        v.grad += v.nothing
"""


def test_in_a_notebook_the_line_of_the_cell_is_named(cells):
    _, said, drawn = cells(CELL, "grade(backward_pass)", "draw(grade(backward_pass))")
    assert "Not yet. backward_pass raised AttributeError: " in said
    assert "has no attribute 'nothing', in line 7: v.grad += v.nothing." in said
    assert "<picture of 2 nodes" in drawn
