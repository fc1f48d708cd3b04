"""The command lines: `python -m viz` and `python -m nn`."""

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from conftest import needs_dot

import nn.__main__
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


# ---------------------------------------------------------------- python -m viz


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
    return pytest.param(name, marks=needs_dot) if name in ("f.svg", "f.png") else name


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
    "no number": (["x", "x=one"], "'one' is no number"),
    "no assignment": (["x", "1"], "write name=value"),
    "no identifier": (["x", "1x=1"], "write name=value"),
    "empty value": (["x", "x="], "is no number"),
    "syntax": (["x +* 2", "x=1"], "no expression"),
    "empty": ([""], "no expression"),
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


@needs_dot
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


# ---------------------------------------------------------------- python -m nn


def last_line(out):
    return re.fullmatch(
        r"epoch +(\d+)  loss (\d+\.\d+)  accuracy (\d+)%", out.strip().splitlines()[-1]
    )


def test_three_epochs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert nn.__main__.main(["--epochs", "3"]) == 0
    out = capsys.readouterr().out
    assert "337 parameters" in out
    first = float(re.search(r"epoch +0  loss (\d+\.\d+)", out)[1])
    step, loss, accuracy = last_line(out).groups()
    assert step == "3" and float(loss) < first and int(accuracy) > 50
    assert nn.__main__.main(["--epochs", "3"]) == 0
    assert capsys.readouterr().out == out
    assert list(tmp_path.iterdir()) == []


def test_plot(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "moons.png"
    assert nn.__main__.main(["--epochs", "1", "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert str(path) in capsys.readouterr().err


def test_plot_of_an_unknown_form(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    assert nn.__main__.main(["--epochs", "0", "--plot", str(tmp_path / "moons.foo")]) == 2
    assert "foo" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_plot_without_matplotlib(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert nn.__main__.main(["--epochs", "1", "--plot", str(tmp_path / "moons.png")]) == 2
    assert 'pip install "autograd-core[plots]"' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_training_without_tqdm(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert nn.__main__.main(["--epochs", "1"]) == 0
    assert last_line(capsys.readouterr().out)[1] == "1"


def test_bad_epochs(capsys):
    with pytest.raises(SystemExit) as stop:
        nn.__main__.main(["--epochs", "many"])
    assert stop.value.code == 2 and "many" in capsys.readouterr().err


SMALL = ["--layers", "6", "--epochs", "4"]


@pytest.mark.parametrize("data", ["moons", "circles", "xor", "gaussian"])
def test_every_data_set(capsys, data):
    assert nn.__main__.main([*SMALL, "--data", data]) == 0
    assert "25 parameters, 100 points" in capsys.readouterr().out


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "ewa", "rmsprop", "adam"])
def test_every_optimizer_lowers_the_loss(capsys, optimizer):
    assert nn.__main__.main([*SMALL, "--optimizer", optimizer]) == 0
    losses = re.findall(r"loss (\d+\.\d+)", capsys.readouterr().out)
    assert float(losses[-1]) < float(losses[0])


def test_seed_changes_the_run(capsys):
    outputs = []
    for seed in ("3", "3", "4"):
        assert nn.__main__.main([*SMALL, "--seed", seed]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] != outputs[2]


def test_weights_are_saved_and_loaded(capsys, tmp_path):
    path = tmp_path / "weights.json"
    assert nn.__main__.main([*SMALL, "--save", str(path)]) == 0
    trained = last_line(capsys.readouterr().out).groups()[1:]
    assert nn.__main__.main(["--layers", "6", "--epochs", "0", "--load", str(path)]) == 0
    assert last_line(capsys.readouterr().out).groups()[1:] == trained
    assert [one.name for one in tmp_path.iterdir()] == ["weights.json"]


def test_weights_of_another_network_are_refused(capsys, tmp_path):
    path = tmp_path / "weights.json"
    assert nn.__main__.main([*SMALL, "--save", str(path)]) == 0
    capsys.readouterr()
    assert nn.__main__.main(["--layers", "7", "--epochs", "0", "--load", str(path)]) == 2
    err = capsys.readouterr().err
    assert "(6," in err.replace("[", "(") or "shape" in err


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--save", "nowhere/w.json"], "no folder nowhere"),
        (["--plot", "nowhere/p.png"], "no folder nowhere"),
        (["--load", "missing.json"], "missing.json"),
        (["--epochs", "-1"], "--epochs must be 0 or more"),
    ],
)
def test_files_are_looked_at_before_training(capsys, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    assert nn.__main__.main(["--layers", "2", *arguments]) == 2
    captured = capsys.readouterr()
    assert told in captured.err and "epoch" not in captured.out
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_writes_nothing(capsys, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(nn.__main__, "train", interrupted)
    assert nn.__main__.main([*SMALL, "--save", str(tmp_path / "w.json")]) == 130
    assert "nothing was written" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_full_training_ends_at_100_percent(tmp_path):
    """The whole demonstration, as a program and from another directory."""
    done = python("-m", "nn", directory=tmp_path)
    assert done.returncode == 0, done.stderr
    step, loss, accuracy = last_line(done.stdout.decode()).groups()
    assert (step, accuracy) == ("100", "100")
    assert float(loss) < 0.1
    assert list(tmp_path.iterdir()) == []


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
