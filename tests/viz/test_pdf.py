"""A pdf without a system dot: lines stay lines, texts stay texts."""

import base64
import re
import sys
import zlib

import pytest

import viz.render
from viz import NoGraphviz, draw
from viz.pdf import pdf

pytest.importorskip("svglib")


@pytest.fixture
def pure(monkeypatch):
    """As if no system dot were there; the layouts are those of whichever program is."""
    monkeypatch.setattr(viz.diagram, "writes_pdf", lambda: False)


def page(content):
    """The page's width and height, and what is drawn on it, as text."""
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", content)
    (packed,) = re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL)
    if b"ASCII85" in content:
        packed = base64.a85decode(b"<~" + packed.strip(), adobe=True)
    drawn = zlib.decompress(packed)
    return [float(x) for x in box.groups()], drawn.decode("latin-1")


@pytest.mark.needs_dot
def test_texts_are_texts_and_lines_are_lines(neuron, pure):
    _, drawn = page(draw(neuron()).pipe("pdf"))
    texts = re.findall(r"\((.*?)\) Tj", drawn)
    assert {"w0", "x1", "sigmoid", "v9 = 0.731"} <= set(texts)
    assert drawn.count(" c\n") > 9 and " Do" not in drawn  # curves, and no image


@pytest.mark.needs_dot
def test_options_reach_the_page(neuron, network_loss, pure):
    root = neuron()
    size, drawn = page(draw(root).pipe("pdf"))
    double, enlarged = page(draw(root, scale=2).pipe("pdf"))
    assert double == pytest.approx([2 * x for x in size], abs=1.0)
    assert "2 0 0 2 0 0 cm" in enlarged and "2 0 0 2 0 0 cm" not in drawn
    white, dark = "1 1 1 rg", ".05098 .066667 .090196 rg"
    assert white in drawn and dark not in drawn
    assert dark in page(draw(root, theme="dark").pipe("pdf"))[1]
    assert white not in page(draw(root, transparent=True).pipe("pdf"))[1]
    assert re.search(r"\[5 2\] 0 d", page(draw(network_loss(), depth=1).pipe("pdf"))[1])


@pytest.mark.needs_dot
def test_hostile_label_is_written(labelled, label, pure):
    assert draw(labelled(label)).pipe("pdf").startswith(b"%PDF")


def test_without_the_package(neuron, pure, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "svglib.svglib", None)
    with pytest.raises(NoGraphviz, match=r"graphviz-pure alone(?s:.*)pip install svglib"):
        pdf("<svg/>")


@pytest.mark.parametrize(("program", "answer"), [("dot", True), ("graphviz-pure", False)])
def test_which_program_writes_pdf(installed, monkeypatch, program, answer):
    installed(monkeypatch, program)
    assert viz.render.writes_pdf() is answer
