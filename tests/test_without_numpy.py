"""Engine, pictures, stepper and eager training where NumPy is not installed."""

import subprocess
import sys
from pathlib import Path

import pytest

import autograd_core
import nn

ROOT = Path(autograd_core.__file__).parents[1]


def without_numpy(code, *arguments):
    """The lines that a Python of its own prints, in which NumPy cannot be imported."""
    blocked = f"import sys; sys.modules['numpy'] = None; sys.path[:0] = [{str(ROOT)!r}]\n"
    command = [sys.executable, "-c", blocked + code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_engine():
    said = without_numpy(
        "from autograd_core import *; x = Value(2.0, 'x'); f = x.tanh() * x; f.backward()\n"
        "print(f.op, *hessian(lambda a, b: a * b**2, [2.0, 3.0]))\n"
        "print(bool(check_gate('tanh')), bool(check_gradient(lambda a: sin(a), [0.5])))\n"
        "print(grade(lambda root: None).expression, first_nan(f))"
    )
    assert said == ["* (0.0, 6.0) (6.0, 4.0)", "True True", "f = x + x None"]


@pytest.mark.needs_dot
def test_pictures_and_pages(tmp_path):
    said = without_numpy(
        "from pathlib import Path; from viz import *; place = Path(sys.argv[1])\n"
        "f = parse('sigmoid(w*x + b)', {'w': 2.0, 'x': -1.0, 'b': 0.5}); f.backward()\n"
        "for kind in 'svg png dot json mmd tex html'.split(): save(f, place / f'f.{kind}')\n"
        "draw(f)._repr_mimebundle_(); step(f, quiz=True)._repr_html_()\n"
        "step(f).save(place / 'walk.html'); sabotage(f, seed=1)\n"
        "print(to_text(f).splitlines()[-1].split()[2], len(str(explain(f, f.inputs[0]))) > 50)",
        tmp_path,
    )
    assert said[0].split()[0] == "0.182" and len(list(tmp_path.iterdir())) == 8


@pytest.mark.needs_dot
def test_the_command_line_of_viz(tmp_path):
    expression = ["(x + y) * z", "x=-2", "y=5", "z=-4", "--step", tmp_path / "walk.html"]
    run = "import runpy; runpy.run_module('viz', run_name='__main__', alter_sys=True)"
    said = without_numpy(run, *expression, "-o", tmp_path / "f.svg")
    assert said[-1].split() == ["v4", "v2", "×", "z", "-12", "1", "-4", "3"]
    assert {path.name for path in tmp_path.iterdir()} == {"f.svg", "walk.html"}


def test_a_network_is_built_trained_eagerly_and_kept():
    said = without_numpy(
        "import json, nn; from nn.optim import Adam; from nn.optim.lr_scheduler import StepLR\n"
        "points, labels = nn.moons(20, rng=0)\n"
        "model = nn.Sequential(nn.Linear(2, 4, rng=0), nn.BatchNorm1d(4), nn.ReLU(),\n"
        "                      nn.Linear(4, 2, rng=1))\n"
        "nn.init.orthogonal_(model[0].weight, rng=2)\n"
        "optimizer = Adam(model.parameters(), lr=0.05)\n"
        "losses = nn.fit(model, nn.CrossEntropyLoss(), (points, labels), optimizer, epochs=3,\n"
        "                batch_size=10, shuffle=True, rng=3, eager=True)\n"
        "model.load_state_dict(json.loads(json.dumps(model.state_dict())))\n"
        "print(losses[-1] < losses[0], nn.diagnose.gradient_norm(model.parameters()) > 0.0)"
    )
    assert said == ["True True"]


def test_a_wide_layer_drops_the_same_units():
    code = "import nn; print([v.data for v in nn.Dropout(rng=0)([1.0] * 300)])"
    assert without_numpy(code) == [str([v.data for v in nn.Dropout(rng=0)([1.0] * 300)])]


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("autograd_core.compile_graph(lambda x: x * x)", "compile_graph runs on arrays"),
        ("autograd_core.run(None, [[1.0]])", "run runs on arrays"),
        ("nn.fit(model, nn.MSELoss(), ([[1.0]], [0.0]), sgd, epochs=1)", "nn.fit with eager=True"),
        ("nn.judges.matrix_pass(len)", "matrix_pass hands over arrays"),
        ("nn.judges.deltas(len)", "deltas hands over arrays"),
    ],
)
def test_what_needs_arrays_says_so(call, what):
    (said,) = without_numpy(
        "import autograd_core, nn; model = nn.MLP(1, [1], rng=0)\n"
        "sgd = nn.optim.SGD(model.parameters(), lr=0.1)\n"
        f"try: {call}\nexcept ImportError as error: print(error)"
    )
    assert what in said and "needs NumPy: pip install numpy" in said
