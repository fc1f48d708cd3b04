"""The examples in docstrings run, and give what stands beside them.

An example is code in the docstring of a module: lines that speak of `model`, `f` or `program`
without making them. They run here with such names, those of `GIVEN`, and the module's own. Where a
line is an expression, and a Python literal stands behind it as a comment, they are equal.
"""

import ast
import doctest
import importlib
import inspect
import re
import runpy
import tokenize
from io import StringIO
from pathlib import Path

import pytest

import autograd_core

ROOT = Path(__file__).parent.parent
PACKAGES = Path(autograd_core.__file__).parents[1]  # as they are installed
read = runpy.run_path(str(ROOT / "docs" / "extensions" / "docstrings.py"))

# What is laid out as code and is none, and what takes things that a module has while it works.
NO_PYTHON = {"autograd_core.program.program", "autograd_core.program.sums", "viz.words"}
INSIDE = {
    "autograd_core.native", "autograd_core.program.agreement", "viz.network", "viz.terminal",
}  # fmt: skip

if not autograd_core.is_native():
    INSIDE |= {"autograd_core.program.run_native", "autograd_core.program.spell"}

GIVEN = """
import math, random
from pathlib import Path
from random import Random
import nn, viz
from nn import *
from nn.optim import SGD, Optimizer
from autograd_core import *
from viz import draw, save, step

rng = Random(0)
x, y, z = Value(-2.0, "x"), Value(5.0, "y"), Value(-4.0, "z")
a, b, w = Value(3.0, "a"), Value(2.0, "b"), Value(1.5, "w")
f = (x + y) * z
f.backward()
root, loss = f, f
model = MLP(2, [3, 1], rng=0)
xs = points = [[0.5, -1.0], [1.0, 2.0], [-1.0, 0.3]]
ys = labels = [1.0, -1.0, 1.0]
fn = lambda x, y: (model(x) - y) ** 2
program = compile_graph(fn).trace([0.5, -1.0], 1.0)
inputs, parameters = [[0.5, -1.0, 1.0]], [p.data for p in model.parameters()]

def backward_pass(root):
    root.zero_grad()
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in zip(v.inputs, v.partials):
            u.grad = v.grad * local
"""

# What single modules speak of besides.
ALSO = {
    "autograd_core.grader": "w = z",
    "autograd_core.modes": "model = lambda x: x * x",
    "autograd_core.program.descent": (
        "from nn.optim import sgd\nrule, settings = sgd, (0.1, 0.9, 0.0, 0.0, False)"
    ),
    "autograd_core.program.dialects": "from autograd_core.program.rule import rule",
    "autograd_core.program.failure": "inputs = inputs[0]",
    "autograd_core.program.lower": "from autograd_core.program.trace import trace",
    "autograd_core.program.numpy_source": (
        "import types, numpy\nby_hand = types.SimpleNamespace()\n"
        "exec(to_numpy(program), vars(by_hand))\n"
        "inputs, parameters = numpy.array(inputs), numpy.array(parameters)"
    ),
    "autograd_core.program.run_native": "from autograd_core.program.executors import plan",
    "autograd_core.program.spell": "from autograd_core.program.run_native import NativeRun",
    "autograd_core.program.trace": "from autograd_core.program.lower import lower",
    "autograd_core.scalars": "x = 3",
    "nn.diagnose": (
        "model, batch = MLP(1, [3, 1], rng=0), [[0.5], [1.0]]\n"
        "loss, targets = MSELoss(), [0.0, 1.0]"
    ),
    "nn.init": "from nn import init\nlinear = Linear(2, 3)",
    "nn.judges": (
        "from nn import init, judges\nfrom nn.optim import SGD as Mine\n"
        "derivatives = recursion = fill = lsuv = train = lambda *_, **named: None"
    ),
    "nn.layers": "x = [0.1] * 10",
    "nn.losses": (
        "model, x, y = Linear(2, 3), [0.5, -1.0], [1.0, 0.0, 2.0]\n"
        "scores, labels = [Value(0.5), Value(2.0)], [1, 1]\n"
        "logits, classes = [[Value(0.5), Value(2.0)]], [1]"
    ),
    "nn.module": (
        "import types\ntorch_net = types.SimpleNamespace(state_dict=lambda: net.state_dict())"
    ),
    "nn.optim.lr_scheduler": "optimizer = SGD(model.parameters(), lr=0.1)",
    "nn.progress": "batches = [1, 2]",
    "viz.paper": (
        "from viz.dot import digraph\nfrom viz.picture import picture_of\n"
        "body, style, picture = '<p>A</p>', 'p{margin:0}', picture_of(f)"
    ),
    "viz.plots": (
        "score = lambda points: [x * y for x, y in points]\nlabels = [1, 0, 1]\n"
        "losses, others = [3.0, 2.0, 1.0], [3.0, 1.0, 0.5]\npath0 = path1 = losses\n"
        "train = lambda seed: [seed + 3.0, seed + 1.0]\n"
        "loss, path = lambda x, y: x * x + y * y, [(0.5, 0.5), (0.1, 0.2)]"
    ),
    "viz.program_picture": "f = compile_graph(fn)",
    "viz.planted": "f = x * y + x",
    "viz.stepper": "f = x * y + x",
    "viz.steps": "from viz.picture import picture_of",
}


@pytest.fixture
def given():
    """The names of GIVEN, which are gone with the test: functions among them hold all of them."""
    names = {"__name__": "example"}
    exec(GIVEN, names)
    yield names
    names.clear()


def modules():
    for room in ("autograd_core", "nn", "viz"):
        for path in sorted((PACKAGES / room).rglob("*.py")):
            name = ".".join(path.relative_to(PACKAGES).with_suffix("").parts)
            name = name.removesuffix(".__init__")
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            if name not in NO_PYTHON | INSIDE and code_of(text):
                yield name


def code_of(text):
    return "\n".join(code for kind, code in read["paragraphs"](text) if kind == "code")


def promised(code):
    """The expressions that stand alone on a line, and the literals behind them."""
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(StringIO(code).readline)
        if token.type == tokenize.COMMENT
    }
    for line in ast.parse(code).body:
        said = comments.get(line.end_lineno, "")
        try:
            yield line, ast.literal_eval(said)
        except (SyntaxError, ValueError):
            yield line, ...


@pytest.mark.needs_dot
@pytest.mark.parametrize("name", [*modules()])
def test_the_example_of_a_module_runs(name, given, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(autograd_core.gates, "_entries", {**autograd_core.gates})
    module = importlib.import_module(name)
    names = given
    names |= {key: thing for key, thing in vars(module).items() if not key.startswith("_")}
    exec(ALSO.get(name, ""), names)
    for line, literal in promised(code_of(module.__doc__)):
        if isinstance(line, ast.Expr):
            result = eval(compile(ast.Expression(line.value), f"<{name}>", "eval"), names)
            assert literal is ... or result == literal, ast.unparse(line)
        else:
            exec(compile(ast.Module([line], []), f"<{name}>", "exec"), names)


def sessions():
    """Public names, and members of Value, whose docstrings hold `>>>`."""
    things = {f"{room.__name__}.{name}": getattr(room, name)
              for room in read["ROOMS"] for name in room.__all__}  # fmt: skip
    things |= {f"Value.{name}": thing for name, thing in vars(autograd_core.Value).items()}
    return {name: thing for name, thing in things.items() if ">>>" in (thing.__doc__ or "")}


@pytest.mark.parametrize("name", sessions())
def test_the_session_in_a_docstring_prints_what_it_shows(name, given):
    text = inspect.getdoc(sessions()[name])
    examples = doctest.DocTestParser().get_doctest(text, given, name, None, None)
    assert len(examples.examples) >= 3
    assert not doctest.DocTestRunner(verbose=False).run(examples).failed


def test_every_gate_that_can_be_called_shows_a_session():
    called = {name.rpartition(".")[2] for name in sessions()}
    rules_only = {"where", "less", "less_equal", "floor", "add", "sub", "mul", "div", "neg"}
    powers, renamed = {"power", "pow"}, {"abs"}
    assert called >= {*autograd_core.gates} - rules_only - powers - renamed
    assert {"maximum", "minimum"} <= called


@pytest.mark.parametrize("name", autograd_core.gates)
def test_a_gate_is_described_in_sentences_of_its_entry(name):
    gate = autograd_core.gates[name]
    told = gate.describe(lambda *_: None, name).__doc__
    head, facts, _ = told.split("\n\n")
    assert head.startswith("y = ") and head.count("dy/d") == len(gate.operands)
    assert facts.startswith(f"What it does to a gradient that comes back: {gate.habit}.")
    for failure in gate.failures:
        assert f"{failure.error.__name__}: {failure.reason}." in facts
    assert facts.lower().count("kink") + facts.lower().count("infinite") == len(gate.limits())
    assert not re.search(r"\\|[{}]|<\w+>", head + facts)
