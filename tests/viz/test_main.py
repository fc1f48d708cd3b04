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
    assert ["w0", "2", "-0.197"] in rows
    assert ["x0", "-1", "0.393"] in rows
    assert ["w1", "-3", "-0.393"] in rows
    assert ["x1", "-2", "-0.590"] in rows
    assert ["w2", "-3", "0.197"] in rows
    assert rows[-1] == ["v9", "sigmoid(v8)", "0.731", "1", "0.197"]
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
    assert "0.731" in out and "0.197" not in out
    _, out, _ = run(*NEURON, "--no-grad", "--format", "json")
    assert {n["grad"] for n in json.loads(out)["nodes"]} == {None}


FORMS = {
    "f.svg": lambda data: ET.fromstring(data).tag.endswith("svg") and b"0.731" in data,
    "f.png": lambda data: data.startswith(b"\x89PNG"),
    "f.dot": lambda data: data.startswith(b"digraph {") and b"0.731" in data,
    "f.json": lambda data: json.loads(data)["root"] == "n9",
    "f.mmd": lambda data: data.startswith(b"flowchart") and b"0.731" in data,
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


@pytest.mark.needs_dot
@pytest.mark.parametrize(("name", "start"), [("f.pdf", b"%PDF"), ("f.tex", b"\\documentclass")])
def test_for_print(run, tmp_path, name, start):
    code, _, _ = run(*NEURON, "-o", name)
    assert code == 0 and (tmp_path / name).read_bytes().startswith(start)


def test_picture_without_graphviz(run, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, **_: None)
    code, out, err = run(*NEURON, "-o", "f.svg")
    assert code == 2 and "sigmoid(v8)" in out
    assert "pip install graphviz-pure" in err and "apt install graphviz" in err
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
    assert "0.731" in (tmp_path / "f.dot").read_text()
    assert "gradient" not in (tmp_path / "f.dot").read_text()


def test_options_in_any_order(run, tmp_path):
    wanted = run(*NEURON)[1]
    assert run("-o", "f.dot", *NEURON)[:2] == (0, wanted)
    assert run(NEURON[0], "-o", "f.dot", *NEURON[1:])[:2] == (0, wanted)


def test_expression_without_names(run):
    code, out, _ = run("2**0.5 * 3")
    assert code == 0 and "4.24" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["-x*3", "x=2"], ["x=2", "-x*3"], ["x=2", "--", "-x*3"], ["-x*3", "x=2", "--style=record"],
        ["--style", "record", "-x*3", "x=2"], ["-(x)*3", "x=2"], ["--(-x)*3", "x=2"],
        ["-3*x", "x=2"], ["-o*3", "o=2"], ["-h*3", "h=2"], ["-of.dot", "-x*3", "x=2"],
        ["-.5*x*6", "x=2"], ["- x*3", "x=2"],
    ],
)  # fmt: skip
def test_expression_that_begins_with_a_minus(run, arguments):
    code, out, err = run(*arguments)
    assert code == 0, err
    assert out.splitlines()[-1].split("  ")[0].startswith("v")
    assert " -6 " in out.splitlines()[-1]


def test_a_minus_does_not_hide_a_wrong_option(run):
    assert "unrecognized arguments: --colour" in run("-x", "x=1", "--colour")[2]
    assert "expected one argument" in run("-x", "x=1", "-o", "-x")[2]


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
    assert b"0.731" in done.stdout and b"-0.590" in done.stdout
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
        (["x**2", "x=3", "--quiz"], "add --step FILE"),
        (["x**2", "x=3", "--sabotage"], "add --step FILE"),
        (["x**2", "x=3", "--step", "a.html", "--quiz", "--sabotage", "sign"], "give one"),
        (["x**2", "x=3", "--seed", "3"], "add --sabotage --step FILE"),
        (["x**2", "x=3", "--step", "a.html", "--seed", "0"], "add --sabotage --step FILE"),
        (["x*y", "x=3", "y=2", "--step", "a.html", "--sabotage", "typo"], "the kinds are"),
        (["x**2", "x=3", "-o", "nowhere/a.svg"], "no folder nowhere"),
        (["x*0x" + "f" * 300, "x=3"], "too large"),
    ],
)
def test_what_does_not_go_together_is_refused(run, tmp_path, arguments, told):
    code, _, err = run(*arguments)
    assert code == 2 and told in err
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- statements


@pytest.mark.parametrize(
    "arguments",
    [
        ["q = x + y; f = q*z", "x=-2", "y=5", "z=-4"], ["z=4", "q=x + y\nf = -q*z", "x=-2", "y=5"],
        ["f = (x + y)*z", "x=-2", "y=5", "z=-4"], ["f=(x + y)*z", "x=-2", "y=5", "z=-4"],
    ],
)  # fmt: skip
def test_statements(run, arguments):
    code, out, err = run(*arguments)
    assert code == 0, err
    assert re.match(r"f +\S+ × z +-12 +1 ", out.splitlines()[-1])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["q = x + y; f = x*y", "x=1", "y=2"], "q is not used"),
        (["f = x*y", "g = x + y", "x=1", "y=2"], "got 2 expressions: 'f = x*y', 'g = x + y'"),
        (["x=1", "y=2"], "got 0 expressions: none"),
        (["sin x", "x=1"], "did you mean sin(x)?"),
        (["ln(x)", "x=1"], "did you mean log(x)?"),
    ],
)
def test_statements_that_are_refused(run, arguments, told):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "") and told in err


# ---------------------------------------------------------------- stdout


@pytest.mark.needs_dot
@pytest.mark.parametrize("form", ["svg", "png", "dot", "json", "mmd", "html"])
def test_a_file_goes_to_stdout(tmp_path, form):
    names = ["-o", "-"] if form == "svg" else ["-o", "-", "--format", form]
    done = python("-m", "viz", *NEURON, *names, directory=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    is_right = FORMS.get(f"f.{form}", lambda data: b"autograd-walk" in data)
    assert is_right(done.stdout)
    assert list(tmp_path.iterdir()) == []


def test_a_table_goes_to_stdout_and_a_file_beside_it(run, tmp_path):
    assert run(*NEURON, "-o", "-", "--format", "text") == run(*NEURON)
    code, out, _ = run(*NEURON, "--format", "dot", "-o", "f.mmd")
    assert code == 0 and out.startswith("digraph")
    assert [path.name for path in tmp_path.iterdir()] == ["f.mmd"]


def test_a_walk_is_text(run):
    code, out, err = run(*NEURON, "--walk", "-o", "-", "--format", "svg")
    assert (code, out) == (2, "") and "a walk is printed as text or as json" in err


def test_version(run):
    code, out, _ = run("--version")
    assert code == 0 and re.fullmatch(r"autograd-core \d+\.\d+\.\d+\n", out)


def shell(command, directory, **environment):
    """A pipeline, as it stands in a shell: exit codes of its first program, stdout, stderr."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    program = f'"{sys.executable}" -W error'
    return subprocess.run(
        [bash, "-c", command.replace("python", program) + "; exit ${PIPESTATUS[0]}"],
        cwd=directory, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments", ["", "--walk", "--format json", "-o - --format dot", "--help", "--version"]
)
def test_a_closed_pipe_is_no_error(tmp_path, arguments):
    done = shell(f"python -m viz 'x*2' x=1 -o f.mmd {arguments} | true", tmp_path)
    assert (done.returncode, done.stderr.replace(b"wrote f.mmd\n", b"")) == (0, b"")
    written = arguments not in ("--help", "--version") and "-o" not in arguments
    assert (tmp_path / "f.mmd").exists() == written


def test_both_streams_in_a_closed_pipe(tmp_path):
    done = shell("python -m viz 'x*2' x=1 -o f.mmd 2>&1 | true", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (tmp_path / "f.mmd").exists()


@pytest.mark.skipif(os.name == "nt", reason="a shell that closes a stream")
def test_no_stdout_at_all(tmp_path):
    done = shell("python -m viz 'x*2' x=1 -o f.mmd >&-", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"wrote f.mmd\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("options", [[], ["--walk"]])
def test_terminals_that_lack_characters_get_text(tmp_path, encoding, options):
    done = python(
        "-m", "viz", "2*größe + 名前", "größe=2", "名前=1", *options, directory=tmp_path,
        PYTHONUTF8="0", PYTHONIOENCODING=encoding, LC_ALL="C.UTF-8",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding)
    assert ("größe" in text) == (encoding != "ascii")
    assert ("名前" in text) == (encoding == "utf-8") and ("\\u540d" in text) != ("名前" in text)


def test_errors_are_text_in_ascii_too(tmp_path):
    done = python(
        "-m", "viz", "2*größe + y", "größe=2", directory=tmp_path, PYTHONUTF8="0",
        PYTHONIOENCODING="ascii", LC_ALL="C.UTF-8",
    )  # fmt: skip
    assert done.returncode == 2 and b"y has no value" in done.stderr


def test_the_page_asks_or_has_a_mistake_in_it(run, tmp_path):
    assert run("x*y + x", "x=2", "y=3", "--step", "plain.html")[0] == 0
    assert run("x*y + x", "x=2", "y=3", "--step", "quiz.html", "--quiz")[0] == 0
    assert run("x*y + x", "x=2", "y=3", "--step", "bug.html", "--sabotage", "sign")[0] == 2
    assert run("x*y + x", "x=2", "y=3", "--step", "bug.html", "--sabotage", "overwrote")[0] == 0
    pages = {path.read_text(encoding="utf-8") for path in tmp_path.glob("*.html")}
    assert len(pages) == 3
