"""The command line: `python -m viz`."""

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import viz.__main__

ROOT = Path(viz.__file__).parents[1]
NEURON = ["sigmoid(w0*x0 + w1*x1 + w2)", "w0=2", "x0=-1", "w1=-3", "x1=-2", "w2=-3"]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs `python -m viz` in an empty directory: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def main(*arguments):
        try:
            code = viz.__main__.main(list(arguments))
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return main


def python(*arguments, directory, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=directory, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True, check=False,
    )  # fmt: skip


def test_table(run, tmp_path):
    code, out, err = run(*NEURON)
    assert (code, err) == (0, "")
    rows = [re.split(r"  +", line.strip()) for line in out.splitlines()]
    assert rows[0] == ["name", "gate", "value", "gradient", "local gradients"]
    assert ["w0", "2", "-0.196612"] in rows
    assert ["x0", "-1", "0.393224"] in rows
    assert ["w1", "-3", "-0.393224"] in rows
    assert ["x1", "-2", "-0.589836"] in rows
    assert ["w2", "-3", "0.196612"] in rows
    assert rows[-1] == ["v9", "sigmoid(v8)", "0.731059", "1", "0.196612"]
    assert list(tmp_path.iterdir()) == []


def test_json(run):
    code, out, _ = run("(x + y) * z", "x=-2", "y=5", "z=-4", "--format", "json")
    nodes = {n["name"]: n for n in json.loads(out)["nodes"] if n["name"]}
    assert code == 0
    assert {name: n["grad"] for name, n in nodes.items()} == {"x": -4.0, "y": -4.0, "z": 3.0}


def test_json_beyond_the_finite(run):
    code, out, _ = run("x * y", "x=nan", "y=inf", "--format=json")
    assert code == 0
    assert [n["data"] for n in json.loads(out)["nodes"]] == ["NaN", "Infinity", "NaN"]


def test_no_grad(run):
    code, out, _ = run(*NEURON, "--no-grad")
    assert code == 0
    assert out.splitlines()[0].split() == ["name", "gate", "value"]
    assert "0.731059" in out and "0.196612" not in out
    _, out, _ = run(*NEURON, "--no-grad", "--format", "json")
    assert {n["grad"] for n in json.loads(out)["nodes"]} == {None}


FORMS = {
    "f.svg": lambda data: ET.fromstring(data).tag.endswith("svg") and b"0.73" in data,
    "f.png": lambda data: data.startswith(b"\x89PNG"),
    "f.dot": lambda data: data.startswith(b"digraph {") and b"0.73" in data,
    "f.json": lambda data: json.loads(data)["root"] == "n9",
    "f.mmd": lambda data: data.startswith(b"flowchart") and b"0.73" in data,
}


def marked(name):
    return pytest.param(name, marks=pytest.mark.needs_dot) if name in ("f.svg", "f.png") else name


@pytest.mark.parametrize("name", [marked(name) for name in FORMS])
def test_output(run, tmp_path, name):
    code, out, err = run(*NEURON, "-o", name)
    assert code == 0
    assert FORMS[name]((tmp_path / name).read_bytes())
    assert name in err and "sigmoid(v8)" in out
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["f.DOT", "f.JSON", "f.Mmd"])
def test_output_with_a_suffix_in_capitals(run, tmp_path, name):
    code, _, _ = run(*NEURON, "--output", name)
    assert code == 0
    assert FORMS[name.lower()]((tmp_path / name).read_bytes())


def test_pdf(run, tmp_path):
    if shutil.which("dot") is None:
        pytest.skip("no system dot: it writes pdf")
    code, _, _ = run(*NEURON, "-o", "f.pdf")
    assert code == 0 and (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF")


def test_pdf_by_graphviz_pure(run, tmp_path, monkeypatch):
    monkeypatch.setattr(
        shutil, "which", lambda name, **_: "/pure/graphviz-pure" if name != "dot" else None
    )
    code, _, err = run(*NEURON, "-o", "f.pdf")
    assert code == 2 and "graphviz-pure cannot write pdf" in err
    assert list(tmp_path.iterdir()) == []


def test_picture_without_graphviz(run, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, **_: None)
    code, out, err = run(*NEURON, "-o", "f.svg")
    assert code == 2 and "sigmoid(v8)" in out
    assert 'pip install "autograd-core[render]"' in err and "apt install graphviz" in err
    assert list(tmp_path.iterdir()) == []


def test_style(run, tmp_path):
    sources = {}
    for style in ("circuit", "record"):
        code, _, _ = run(*NEURON, "--style", style, "-o", "f.dot")
        assert code == 0
        sources[style] = (tmp_path / "f.dot").read_text()
    assert "data&#160;" in sources["record"] and "data&#160;" not in sources["circuit"]
    run(*NEURON, "-o", "f.dot")
    assert (tmp_path / "f.dot").read_text() == sources["circuit"]


@pytest.mark.parametrize("name", ["f.json", "f.mmd"])
def test_style_of_a_text_form_does_no_harm(run, tmp_path, name):
    code, _, err = run(*NEURON, "--style", "record", "-o", name)
    assert code == 0, err
    assert (tmp_path / name).exists()


def test_no_grad_is_drawn(run, tmp_path):
    run(*NEURON, "--no-grad", "-o", "f.dot")
    assert "0.73" in (tmp_path / "f.dot").read_text()
    assert "gradient" not in (tmp_path / "f.dot").read_text()


def test_options_in_any_order(run, tmp_path):
    wanted = run(*NEURON)[1]
    assert run("-o", "f.dot", *NEURON)[:2] == (0, wanted)
    assert run(NEURON[0], "-o", "f.dot", *NEURON[1:])[:2] == (0, wanted)


def test_expression_without_names(run):
    code, out, _ = run("2**0.5 * 3")
    assert code == 0 and "4.24264" in out


def test_expression_that_begins_with_a_minus(run):
    """As --help says: it goes last, after --."""
    code, out, err = run("x=2", "--", "-x*3")
    assert code == 0, err
    assert out.splitlines()[-1].split()[-4:-2] == ["-6", "1"]


@pytest.mark.parametrize("value", ["-1", "1e-3", " 2.5", "+3", "inf", "1_000"])
def test_values(run, value):
    code, out, _ = run("x * 1", f"x={value}", "--format", "json")
    assert code == 0
    assert float(json.loads(out)["nodes"][0]["data"]) == float(value)


BAD = {
    "attribute": (["x.real", "x=1"], "^^^^^^"),
    "no value": (["x + y", "x=1"], "y has no value: add y=1.0"),
    "no name": (["x", "x=1", "y=2"], "y is given a value and does not occur"),
    "no number": (["x", "x=one"], "'one' is not a number"),
    "no assignment": (["x", "1"], "write name=value"),
    "no identifier": (["x", "1x=1"], "write name=value"),
    "empty value": (["x", "x="], "is not a number"),
    "syntax": (["x +* 2", "x=1"], "not an expression"),
    "empty": ([""], "not an expression"),
    "domain": (["log(x)", "x=-1"], "needs an operand above 0"),
    "suffix": (["x", "x=1", "-o", "f.gif"], ".svg"),
    "no suffix": (["x", "x=1", "-o", "f"], ".svg"),
    "no directory": (["x", "x=1", "-o", "missing/f.json"], "missing"),
    "style": (["x", "x=1", "--style", "oval"], "circuit"),
    "format": (["x", "x=1", "--format", "xml"], "json"),
    "option": (["x", "x=1", "--colour"], "--colour"),
    "nothing": ([], "expression"),
    "huge": (["exp(x)", "x=1000"], "too large"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_input(run, tmp_path, arguments, message):
    if "-o" not in arguments and "--colour" not in arguments:
        arguments = [*arguments, "-o", "f.json"]
    code, _, err = run(*arguments)
    assert code == 2
    assert message in err and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_too_big_to_draw(run, tmp_path):
    code, out, err = run("+".join(["sin(x)"] * 500), "x=1", "-o", "f.dot")
    if code == 0:
        assert (tmp_path / "f.dot").exists()
    else:
        assert code == 2 and "limit" in err and list(tmp_path.iterdir()) == []
    assert len(out.splitlines()) > 1000


def test_help(run):
    code, out, _ = run("--help")
    assert code == 0
    for option in ("--output", "--style", "--format", "--no-grad", "name=value"):
        assert option in out


@pytest.mark.needs_dot
def test_as_a_program(tmp_path):
    done = python("-m", "viz", *NEURON, "-o", "neuron.svg", directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"0.731059" in done.stdout and b"-0.589836" in done.stdout
    assert FORMS["f.svg"]((tmp_path / "neuron.svg").read_bytes())
    assert [p.name for p in tmp_path.iterdir()] == ["neuron.svg"]


def test_bad_input_of_a_program(tmp_path):
    done = python("-m", "viz", "x.real", "x=1", "-o", "f.dot", directory=tmp_path)
    assert done.returncode == 2
    assert done.stdout == b"" and b"^^^^^^" in done.stderr and b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="arguments are bytes on POSIX only")
def test_bytes_that_are_no_text(tmp_path):
    done = python("-m", "viz", b"x + \xff", "x=1", directory=tmp_path)
    assert done.returncode == 2 and b"Traceback" not in done.stderr


def test_names_of_any_language_as_a_program(tmp_path):
    done = python("-m", "viz", "3*größe", "größe=2", directory=tmp_path, PYTHONUTF8="1")
    assert done.returncode == 0 and "größe" in done.stdout.decode()


def test_a_keyword_in_the_expression_is_no_assignment(run):
    code, out, _ = run("leaky_relu(x, slope=0.1)", "x=-2")
    assert code == 0 and "-0.2" in out


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["x**2", "x=3", "--no-grad", "--walk"], "leave out --no-grad"),
        (["x**2", "x=3", "--no-grad", "--step", "a.html"], "leave out --no-grad"),
        (["x**2", "x=3", "--step", "a.svg"], "name.html"),
        (["x**2", "x=3", "-o", "nowhere/a.svg"], "no folder nowhere"),
        (["x*0x" + "f" * 300, "x=3"], "too large"),
    ],
)
def test_what_does_not_go_together_is_refused(run, tmp_path, arguments, told):
    code, _, err = run(*arguments)
    assert code == 2 and told in err
    assert list(tmp_path.iterdir()) == []
