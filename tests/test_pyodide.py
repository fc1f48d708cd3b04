"""The packages in Pyodide, CPython for the browser: the same table, and deep graphs by release().

It runs in Node, with the npm package that the environment variable PYODIDE names:

    npm install --prefix /tmp/pyodide pyodide
    PYODIDE=/tmp/pyodide/node_modules/pyodide pytest tests/test_pyodide.py
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import viz
from autograd_core import mistakes
from viz import parse, to_text

graphviz = pytest.importorskip("graphviz")
PYODIDE = os.environ.get("PYODIDE", "")
ROOT = Path(viz.__file__).parents[1]
NEURON, AT = "sigmoid(w*x + b)", {"w": 2.0, "x": -1.0, "b": 0.5}

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(
        not PYODIDE or shutil.which("node") is None, reason="no Node, or PYODIDE names no package"
    ),
]

RUN = """
import { loadPyodide } from "%(pyodide)s/pyodide.mjs";
const py = await loadPyodide();
for (const [place, folder] of Object.entries(%(folders)s)) {
  py.FS.mkdirTree(place);
  py.FS.mount(py.FS.filesystems.NODEFS, {root: folder}, place);
}
console.log(py.runPython(%(code)s));
"""

CODE = f"""
import json, sys
sys.path[:0] = ["/packages"]
from autograd_core import Value, grade, release, topological
from nn import MLP
from viz import parse, step, to_text

root = parse({NEURON!r}, {AT!r})
root.backward()

x = v = Value(0.5)
for _ in range(100_000):
    v = v + x * 1.0
v.backward()
release(v)
del v

model = MLP(2, [4, 1], rng=0)
loss = (model([0.5, -1.0]) - 1.0) ** 2
loss.backward()

def forever(root):
    while root: pass

def overwrites(root):
    total = {{root: 1.0}}
    for v in reversed(topological(root)):
        for u, local in zip(v.inputs, v.partials):
            total[u] = total[v] * local
    return total

json.dumps({{
    "grades": [str(grade(forever)), str(grade(overwrites))],
    "version": sys.version_info[:2], "text": to_text(root), "deep": x.grad,
    "page": step(root).to_html(), "loss": loss.data, "slopes": [p.grad for p in model.parameters()],
}})
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What the sample computes there."""
    packages = {name: str(ROOT / name) for name in ("autograd_core", "nn", "viz")}
    packages["graphviz"] = str(Path(graphviz.__file__).parent)
    folders = {f"/packages/{name}": folder for name, folder in packages.items()}
    script = tmp_path_factory.mktemp("pyodide") / "run.mjs"
    script.write_text(RUN % {
        "pyodide": Path(PYODIDE).resolve().as_posix(), "folders": json.dumps(folders),
        "code": json.dumps(CODE),
    })  # fmt: skip
    run = subprocess.run(
        ["node", str(script)], capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.strip().split("\n")[-1])


def test_a_graph_has_the_numbers_of_every_other_python(answers):
    root = parse(NEURON, AT)
    root.backward()
    assert answers["version"] >= [3, 12]
    assert answers["text"] == to_text(root)


def test_a_network_has_the_gradients_of_every_other_python(answers):
    from nn import MLP

    model = MLP(2, [4, 1], rng=0)
    loss = (model([0.5, -1.0]) - 1.0) ** 2
    loss.backward()
    assert answers["loss"] == pytest.approx(loss.data, rel=1e-14)
    assert answers["slopes"] == pytest.approx([p.grad for p in model.parameters()], rel=1e-14)


def test_a_learners_pass_is_graded_and_stopped(answers):
    endless, overwrites = answers["grades"]
    assert "forever was stopped after 200,000 steps: it seems to run for ever" in endless
    assert mistakes["overwrote"].sentence in overwrites


def test_a_graph_of_200_000_gates_is_freed_after_release(answers):
    assert answers["deep"] == 100_001.0


def test_the_steppers_page_is_written_with_the_walk_as_text(answers):
    assert answers["page"].startswith("<!DOCTYPE html>")
    assert "Backward: the gradient of" in answers["page"] and "<img" not in answers["page"]
