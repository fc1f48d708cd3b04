"""In a notebook values go by the names of the caller's variables."""

import subprocess
import sys

from autograd_core import Value
from viz import draw, explain, step, to_text
from viz.names import callers_names

MAKE = """
from autograd_core import Value
from viz import draw, explain, step, to_json, to_text
import json

def names(text):
    return [node["name"] for node in json.loads(text)["nodes"]]

x, w = Value(2.0), [Value(3.0), Value(4.0)]
f = x * w[0] + w[1]
f.backward()
"""


def test_a_shell_names_values_by_its_variables(cells):
    out = cells(
        MAKE,
        "f",  # now `_` and `_2` and Out hold f as well
        "print(to_text(f))",
        "print(names(to_json(f)), names(to_json(f, names={})), names(to_json(f, names={'y': x})))",
        "print(step(f).to_text())",
        "print('w[0]' in draw(f).source, 'w[0]' in draw(f, names={}).source)",
        "print(explain(f, x))\nother = Value(1.0)\nprint(explain(f, other))",
        "def show(loss):\n    top = loss * 2\n    return names(to_json(top))\nprint(show(f))",
        "print([names(to_json(root)) for root in [x * 5]], names(*map(to_json, [x])))",
        "del f\nprint(names(to_json(Out[2])))",
    )
    assert [line.split()[0] for line in out[2].splitlines()[1:]] == ["x", "w[0]", "v2", "w[1]", "f"]
    assert (
        out[3].strip()
        == "['x', 'w[0]', '', 'w[1]', 'f'] ['', '', '', '', ''] ['y', '', '', '', '']"
    )
    assert "f = v2 + w[1]" in out[4]
    assert out[5].strip() == "True False"
    assert "df/dx" in out[6] and "f does not depend on other" in out[6]
    assert out[7].strip() == "['x', 'w[0]', '', 'w[1]', 'loss', '', 'top']"
    assert out[8].strip() == "[['x', '', 'root']] ['x']"
    assert out[9].strip() == "['x', 'w[0]', '', 'w[1]', '']"


def test_a_program_names_nothing_by_itself():
    x = Value(2.0)
    f = x * x
    assert callers_names() == {}
    assert to_text(f).splitlines()[-1].startswith("v1")
    assert "does not depend on v" in str(explain(f, Value(1.0)))


def test_ipython_that_is_imported_and_does_not_run():
    code = "import IPython; from viz.names import callers_names; x = 1; print(callers_names())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "{}\n"


def test_pythons_own_prompt_names_values_too():
    typed = "import viz; from autograd_core import Value; x = Value(2.0); print(viz.to_text(x))\n"
    run = subprocess.run(
        [sys.executable, "-i", "-q"], input=typed, capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[1].split()[0] == "x"


def test_only_values_and_lists_of_values_are_variables(monkeypatch):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    x, _hidden, numbers, mixed, table = Value(2.0), Value(3.0), [1.0], (None, Value(4.0)), {"x": 1}
    assert callers_names() == {"x": x, "mixed": mixed}
    assert "x" in draw(x).source and step(x * 2).picture.names()["n0"] == "x"
    assert (_hidden.data, numbers, table) == (3.0, [1.0], {"x": 1})
