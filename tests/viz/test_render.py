"""With and without Graphviz."""

import json
import os
import re
import shutil
import sys

import pytest

import viz
from viz import NoGraphviz, draw, save, to_json, to_mermaid, to_text

ENGINE_FREE = [".dot", ".json", ".mmd"]


@pytest.mark.parametrize(
    ("programs", "found"),
    [
        (("dot", "graphviz-pure"), "/somewhere/dot"),
        (("graphviz-pure",), "/somewhere/graphviz-pure"),
        (("dot",), "/somewhere/dot"),
        ((), None),
    ],
)
def test_which_engine(installed, programs, found, monkeypatch):
    installed(monkeypatch, *programs)
    assert viz.render.engine() == found


def test_engine_beside_this_python(tmp_path, monkeypatch):
    program = tmp_path / ("graphviz-pure.exe" if os.name == "nt" else "graphviz-pure")
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert viz.render.engine() == str(program)


def test_one_door_runs_the_program(neuron, installed, monkeypatch):
    commands = installed(monkeypatch, "graphviz-pure", out=b"<svg ></svg>")
    assert draw(neuron()).pipe("svg").startswith(b"<svg")
    assert [command[0] for command in commands] == ["/somewhere/graphviz-pure"]


def test_a_system_dot_writes_pdf_itself(neuron, installed, monkeypatch):
    commands = installed(monkeypatch, "dot", "graphviz-pure", out=b"%PDF %%EOF")
    assert draw(neuron()).pipe("pdf") == b"%PDF %%EOF"
    assert draw(neuron(), scale=2).pipe("pdf") == b"%PDF %%EOF"
    assert [command[2:] for command in commands] == [["-Tpdf"], ["-Tpdf", "-Gdpi=144"]]


def test_texts_need_no_engine(neuron, is_file_of, nothing_installed, tmp_path):
    root = neuron()
    assert draw(root).source.startswith("digraph {")
    assert draw(root, style="record").source.startswith("digraph {")
    assert "sigmoid" in to_text(root)
    assert json.loads(to_json(root))["root"] == "n9"
    assert to_mermaid(root).startswith("flowchart")
    for suffix in ENGINE_FREE:
        assert is_file_of(suffix, save(root, tmp_path / f"f{suffix}").read_bytes())
    assert nothing_installed == []


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_pictures_without_an_engine(neuron, suffix, nothing_installed, tmp_path):
    with pytest.raises(NoGraphviz) as caught:
        save(neuron(), tmp_path / f"f{suffix}")
    message = str(caught.value)
    assert "pip install graphviz-pure" in message
    assert "apt install graphviz" in message
    assert "to_text" in message and ".dot" in message
    assert list(tmp_path.iterdir()) == []


def test_every_way_to_render_without_an_engine(neuron, nothing_installed, tmp_path):
    diagram = draw(neuron())
    for way in (diagram.pipe, lambda: diagram.pipe("png"), lambda: diagram.pipe(encoding="utf-8"),
                lambda: diagram.render(tmp_path / "f")):  # fmt: skip
        with pytest.raises(NoGraphviz, match="pip install"):
            way()
    assert not (tmp_path / "f.svg").exists()


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


def test_another_host_lays_out_pictures(nothing_installed, neuron):
    asked = []

    def layout(source, format):
        asked.append((source, format))
        return b'<?xml version="1.0"?><svg width="8pt" height="8pt"><g id="n0"></g></svg>'

    diagram = draw(neuron())
    viz.render.use(layout)
    try:
        assert viz.render.engine() == "layout"
        assert b'id="n0"' in diagram.pipe("svg") and b"<style>" in diagram.pipe("svg")
        assert asked[0] == (diagram.source, "svg")
    finally:
        viz.render.use(None)
    with pytest.raises(NoGraphviz):
        diagram.pipe("svg")
    with pytest.raises(TypeError, match="use takes a function"):
        viz.render.use("dot")
