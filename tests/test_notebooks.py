"""The lessons: pairs in step, executed, checked, small, and every system of the course met."""

import json
import re
import runpy
import sys
from pathlib import Path

import pytest

from viz import Diagram

jupytext = pytest.importorskip("jupytext")

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SOURCES = sorted(NOTEBOOKS.glob("[0-9A-Z]*.py"))
LESSONS = [
    "01_one_gate_at_a_time",
    "02_why_plus_equals",
    "03_a_neuron",
    "04_the_toy_chain",
    "05_layers_and_matrices",
    "06_initialisation",
    "07_activations",
    "08_normalisation",
    "09_optimisers",
    "10_training",
    "11_beyond",
]
APPENDICES = ["A_programs", "B_where_the_notes_and_we_differ"]  # fmt: skip

each_lesson = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def cells(path):
    """(kind, text) of each cell of a percent script or a notebook."""
    return [(cell.cell_type, cell.source.strip()) for cell in jupytext.read(path).cells]


def tags(path):
    return [cell.metadata.get("tags", []) for cell in jupytext.read(path).cells]


def code_cells(source):
    notebook = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(source):
    return [output for cell in code_cells(source) for output in cell["outputs"]]


def test_all_lessons_are_here():
    assert [source.stem for source in SOURCES] == LESSONS + APPENDICES
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == LESSONS + APPENDICES


@each_lesson
def test_the_pair_is_in_step(source):
    assert cells(source.with_suffix(".ipynb")) == cells(source)
    assert tags(source.with_suffix(".ipynb")) == tags(source)


def test_update_executes_what_has_other_code_and_keeps_the_rest(tmp_path, capsys):
    update = runpy.run_path(str(NOTEBOOKS / "execute.py"))["update"]
    source = tmp_path / "lesson.py"
    for script, check, said in (
        ("# %% [markdown]\n# one\n\n# %%\n6 * 7\n", False, "executed"),
        ("# %% [markdown]\n# one\n\n# %%\n6 * 7\n", True, "in step"),
        ("# %% [markdown]\n# two\n\n# %%\n6 * 7\n", True, "differs"),
        ("# %% [markdown]\n# two\n\n# %%\n6 * 7\n", False, "texts taken over, outputs kept"),
        ("# %% [markdown]\n# two\n\n# %%\n6 * 9\n", False, "executed"),
    ):
        source.write_text(script)
        assert update(source, check) == (said == "in step")
        assert f"lesson: {said}" in capsys.readouterr().out
        if not check:
            assert cells(source.with_suffix(".ipynb")) == cells(source)
            (output,) = outputs(source)
            assert output["data"]["text/plain"] == [str(eval(script.split("\n")[-2]))]


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
    assert source.with_suffix(".ipynb").stat().st_size < 400_000


@each_lesson
def test_a_lesson_has_its_parts(source):
    kinds = cells(source)
    text = "\n".join(cell for _, cell in kinds)
    assert kinds[0][0] == "markdown" and "?" in kinds[0][1], "it opens with its question"
    has_exercises = source.stem != APPENDICES[-1]  # which is to be looked things up in
    assert ("You will be able to" in kinds[0][1]) == has_exercises == ("## Exercises" in text)
    assert re.search(r"\bstep\(", text), "it has a stepper"
    assert text.count("check(") >= 3
    assert "You need" in kinds[0][1], "what it needs stands at the top"
    assert not re.search(r"\bS\d+\b|course's list", text), "rows of a list belong in tags"
    longest = max(len(code.splitlines()) for kind, code in kinds if kind == "code")
    assert longest <= 30, "cells are short"


@each_lesson
def test_it_leads_to_the_next_lesson(source):
    *_, (kind, last) = cells(source)
    links = re.findall(r"\]\((\w+\.ipynb)\)", source.read_text(encoding="utf-8"))
    assert all((NOTEBOOKS / link).exists() for link in links)
    assert kind == "markdown"
    if source.stem in LESSONS[:-1]:
        number = LESSONS.index(source.stem) + 1
        assert re.search(rf"\[{number + 1}\. .+\]\({LESSONS[number]}\.ipynb\)", last)


@each_lesson
def test_no_plot_or_picture_but_by_viz(source):
    text = source.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(import|from) (matplotlib|graphviz|torch|IPython)\b", text, re.M)


@pytest.fixture
def lesson(monkeypatch):
    monkeypatch.syspath_prepend(str(NOTEBOOKS))
    monkeypatch.setattr(Diagram, "formats", Diagram.formats)  # which the lessons set
    sys.modules.pop("lesson", None)
    import lesson

    return lesson


def test_check_prints_and_raises(lesson, capsys, monkeypatch):
    from autograd_core import Value

    monkeypatch.setenv("CI", "1")
    lesson.check("x", [Value(1.0), 2], (1.0, 2.0))
    assert capsys.readouterr().out == "x = [1, 2]\n"
    with pytest.raises(AssertionError, match=r"x is 1, and the lesson says 1\.1"):
        lesson.check("x", 1.0, 1.1)
    with pytest.raises(AssertionError):
        lesson.check("x", [1.0], [1.0, 2.0])
    lesson.check("x", 0.731, 0.73, within=0.005)


def test_check_welcomes_a_changed_number(lesson, capsys, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    lesson.check("f", 4.0, 3.0)
    assert capsys.readouterr().out == "f = 4; the lesson's run had 3: you changed something\n"


def test_answer_says_right_and_wrong(lesson, capsys):
    lesson.answer(1, ..., 4.0)
    lesson.answer(2, 4, lambda: 4.0)
    lesson.answer(3, 5, 4.0)
    lesson.answer(4, "sign", "overwrote", but={"sign": "Look at the fork."})
    lesson.answer(5, [1, 2], [2, 1], but={(1, 2): "The other way round."})
    lesson.answer(6, "overwrote", "sign", but={"wrong order": "Look again."})
    first, second, third, fourth, fifth, sixth = capsys.readouterr().out.splitlines()
    assert "waits" in first and "right" in second and "not it yet. Not one of" in third
    assert fourth.endswith("sign is not it yet. Look at the fork.")
    assert fifth.endswith("[1, 2] is not it yet. The other way round.")
    assert "overwrote is not it yet. Is it that? One wire's part took the place of" in sixth


@pytest.mark.parametrize(
    "mine, want, said",
    [
        (2471, 2472, "not it yet. Not one"), (2472.0, 2472, "right"), (True, 1, "not it yet"),
        ([1800, 9], [1801, 9], "not it yet"), (10.0004, 10.0, "right"), (3, 3.0, "right"),
        (" Stale  Value", "stale value", "right"), ("X.T@dH", "X.T @ dH", "right"),
        (7, [7, 8], "a list of 2, in brackets"), ([7], [7, 8], "a list of 2, in brackets"),
        ("0.5", 0.5, "a number, without quotes"), (0.5, "sign", "a text, in quotes"),
    ],
)  # fmt: skip
def test_what_counts_as_an_answer(lesson, capsys, mine, want, said):
    lesson.answer(1, mine, lambda: want)
    assert said in capsys.readouterr().out


def test_several_answers_without_brackets(lesson, capsys):
    lesson.answer(1, 16, 27, lambda: [16, 28])
    assert "put several answers in brackets, as [1, 2]" in capsys.readouterr().out


def test_code_with_dots_left_waits(lesson, capsys):
    def inner():
        return [lambda: ...]

    class Rule:
        def step(self):
            return ...

    for work in (inner, Rule):
        lesson.graded(1, None, work)
        assert "Exercise 1 waits: write your code" in capsys.readouterr().out
