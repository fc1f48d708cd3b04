"""The lessons: pairs in step, executed, checked, small, and every system of the course met."""

import json
import re
import sys
from pathlib import Path

import pytest

from autograd_core import mistakes
from viz import Diagram

jupytext = pytest.importorskip("jupytext")

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SOURCES = sorted(NOTEBOOKS.glob("[0-9]*.py"))
LESSONS = [
    "01_one_gate_at_a_time", "02_why_plus_equals", "03_a_neuron", "04_the_toy_chain",
    "05_layers_and_matrices", "06_initialisation", "07_optimisers", "08_training", "09_beyond",
]  # fmt: skip

each_lesson = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def cells(path):
    """(kind, text) of each cell of a percent script or a notebook."""
    return [(cell.cell_type, cell.source.strip()) for cell in jupytext.read(path).cells]


def code_cells(source):
    notebook = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(source):
    return [output for cell in code_cells(source) for output in cell["outputs"]]


def test_all_lessons_are_here():
    assert [source.stem for source in SOURCES] == LESSONS
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == LESSONS


@each_lesson
def test_the_pair_is_in_step(source):
    assert cells(source.with_suffix(".ipynb")) == cells(source)


@each_lesson
def test_executed_from_top_to_bottom(source):
    counts = [cell["execution_count"] for cell in code_cells(source) if cell["source"]]
    assert counts == list(range(1, len(counts) + 1))


@each_lesson
def test_outputs_show_without_running(source):
    kinds = [kind for output in outputs(source) for kind in output.get("data", {})]
    for output in outputs(source):  # JupyterLab shows no svg before the notebook was run there
        if "image/svg+xml" in output.get("data", {}):
            assert "image/png" in output["data"]
    assert any(kind in ("image/svg+xml", "image/png") for kind in kinds)
    assert not any(output["output_type"] == "error" for output in outputs(source))
    assert not any(output.get("name") == "stderr" for output in outputs(source))
    assert source.with_suffix(".ipynb").stat().st_size < 1_000_000


@each_lesson
def test_a_lesson_has_its_parts(source):
    text = source.read_text(encoding="utf-8")
    kinds = cells(source)
    assert kinds[0][0] == "markdown" and "?" in kinds[0][1], "it opens with its question"
    assert "You will be able to" in kinds[0][1]
    assert re.search(r"\bstep\(", text), "it has a stepper"
    assert text.count("check(") >= 3
    for number in (1, 2, 3):
        assert f"answer({number}, ..." in text, f"exercise {number}"
        assert f'check("exercise {number}"' in text, f"the answer to exercise {number}"
    longest = max(len(code.splitlines()) for kind, code in kinds if kind == "code")
    assert longest <= 30, "cells are short"


@each_lesson
def test_it_leads_to_the_next_lesson(source):
    *_, (kind, last) = cells(source)
    links = re.findall(r"\]\((\w+\.ipynb)\)", source.read_text(encoding="utf-8"))
    assert all((NOTEBOOKS / link).exists() for link in links)
    number = LESSONS.index(source.stem) + 1
    assert kind == "markdown"
    if number < len(LESSONS):
        assert re.search(rf"\[{number + 1}\. .+\]\({LESSONS[number]}\.ipynb\)", last)


@each_lesson
def test_no_plot_or_picture_but_by_viz(source):
    text = source.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(import|from) (matplotlib|graphviz|torch|IPython)\b", text, re.M)


def test_every_system_of_the_course_is_named():
    text = "\n".join(source.read_text(encoding="utf-8") for source in SOURCES)
    assert {f"S{i}" for i in range(1, 18)} <= set(re.findall(r"\bS\d+\b", text))


SOLUTIONS = {
    "01_one_gate_at_a_time": """
def backward_pass(root):
    root.zero_grad()
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in zip(v.inputs, v.partials, strict=True):
            u.grad += v.grad * local
""",
    "02_why_plus_equals": """
def careful(root):
    for v in topological(root):
        v.grad = 0.0
    root.grad = 1.0
    for v in reversed(topological(root)):
        for u, local in wires(v):
            u.grad += v.grad * local
""",
    "03_a_neuron": """
def by_hand(w0, w1, w2, x0, x1):
    f = 1.0 / (1.0 + math.exp(-(w0 * x0 + w1 * x1 + w2)))
    ds = f * (1.0 - f)
    return ds * x0, ds * x1, ds, ds * w0, ds * w1
""",
    "04_the_toy_chain": """
def derivatives(b0, w0, b1, w1, b2, w2, b3, w3, x, y):
    f0 = b0 + w0 * x
    h1 = math.sin(f0)
    f1 = b1 + w1 * h1
    h2 = math.exp(f1)
    f2 = b2 + w2 * h2
    h3 = math.cos(f2)
    f3 = b3 + w3 * h3
    d = {"f3": 2.0 * (f3 - y)}
    d["h3"] = w3 * d["f3"]
    d["f2"] = -math.sin(f2) * d["h3"]
    d["h2"] = w2 * d["f2"]
    d["f1"] = h2 * d["h2"]
    d["h1"] = w1 * d["f1"]
    d["f0"] = math.cos(f0) * d["h1"]
    for k, h in enumerate((x, h1, h2, h3)):
        d[f"b{k}"] = d[f"f{k}"]
        d[f"w{k}"] = h * d[f"f{k}"]
    return d
""",
}
# A usual mistake in each: what is taken away from the solution, and what stands there instead.
MISTAKES = {
    "01_one_gate_at_a_time": ("v.grad * local", "local", "forgot upstream"),
    "02_why_plus_equals": ("in topological(root):\n", "in [root]:\n", "did not zero"),
    "03_a_neuron": ("ds * x0, ds * x1", "ds * w0, ds * w1", "wrong operand"),
    "04_the_toy_chain": ("-math.sin", "math.sin", "sign"),
}  # fmt: skip


@pytest.fixture
def lesson(monkeypatch):
    monkeypatch.syspath_prepend(str(NOTEBOOKS))
    monkeypatch.setattr(Diagram, "formats", Diagram.formats)  # which the lessons set
    sys.modules.pop("lesson", None)
    import lesson

    return lesson


def test_check_prints_and_raises(lesson, capsys):
    from autograd_core import Value

    lesson.check("x", [Value(1.0), 2], (1.0, 2.0))
    assert capsys.readouterr().out == "x = [1, 2]\n"
    with pytest.raises(AssertionError, match=r"x is 1, and the lesson says 1\.1"):
        lesson.check("x", 1.0, 1.1)
    with pytest.raises(AssertionError):
        lesson.check("x", [1.0], [1.0, 2.0])
    lesson.check("x", 0.731, 0.73, within=0.005)


def test_answer_says_right_and_wrong(lesson, capsys):
    lesson.answer(1, ..., 4.0)
    lesson.answer(2, 4, lambda: 4.0)
    lesson.answer(3, 5, 4.0)
    first, second, third = capsys.readouterr().out.splitlines()
    assert "waits" in first and "right" in second and "not it yet" in third


@pytest.mark.parametrize("name", SOLUTIONS)
def test_the_graded_exercise_waits_takes_its_solution_and_tells_a_mistake(lesson, name, capsys):
    """Its cell as it stands, with the solution in place of its function, and with a mistake."""
    code = [text for kind, text in cells(NOTEBOOKS / f"{name}.py") if kind == "code"]
    (exercise,) = (text for text in code if "graded(4, " in text)
    solution = SOLUTIONS[name]
    right, wrong, mistake = MISTAKES[name]
    assert right in solution
    names = {}
    exec(code[0], names)
    exec("def wires(v): return zip(v.inputs, v.partials, strict=True)", names)
    exec(exercise, names)
    assert "Exercise 4 waits" in capsys.readouterr().out
    *helpers, call = exercise.splitlines()
    own = "\n".join(helpers).partition("\n\n\n")[2]  # the judge, if the lesson has its own
    for text, said in ((solution, "Right: "), (solution.replace(right, wrong), "Not yet. ")):
        exec("\n".join([text, own, call]), names)
        out = capsys.readouterr().out
        assert out.startswith(f"Exercise 4: {said}")
        assert said == "Right: " or mistakes[mistake].sentence in out
