"""The exercises of the lessons: all that a lesson promises is tried, judged, and has a solution.

A lesson runs here as its reader would run it: cell by cell, from the top, with the solutions of
`tests/solutions` put in place of the dots.
"""

import ast
import re
import runpy
import sys
from pathlib import Path

import pytest

from autograd_core import mistakes
from viz import Diagram

jupytext = pytest.importorskip("jupytext")
pytestmark = pytest.mark.once

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SOLUTIONS = {path.stem: path for path in sorted((Path(__file__).parent / "solutions").glob("*.py"))}
CALL = re.compile(r"\b(answer|graded)\((\d+), ")
WAITS = re.compile(r"\banswer\((\d+), \.\.\.")

each_lesson = pytest.mark.parametrize("name", SOLUTIONS)


@pytest.fixture
def notebooks(monkeypatch):
    """The folder of the lessons is where they run, and as strict as in CI."""
    monkeypatch.syspath_prepend(str(NOTEBOOKS))
    monkeypatch.chdir(NOTEBOOKS)
    monkeypatch.setenv("CI", "1")
    monkeypatch.setattr(Diagram, "formats", Diagram.formats)  # which the lessons set
    sys.modules.pop("lesson", None)


def cells(name):
    return jupytext.read(NOTEBOOKS / f"{name}.py").cells


def code_of(name):
    return [cell.source for cell in cells(name) if cell.cell_type == "code"]


def exercises(name):
    """The number of each exercise and its cell."""
    return {int(m[2]): code for code in code_of(name) if (m := CALL.search(code))}


def solutions(name):
    return runpy.run_path(str(SOLUTIONS[name]))


def with_answer(code, answer):
    return WAITS.sub(lambda m: f"answer({m[1]}, {answer!r}", code)


def with_code(code, solution):
    """The cell with this function, or class, in the place of its own of that name."""
    (given,) = (part for part in ast.parse(solution).body if hasattr(part, "name"))
    (own,) = (part for part in ast.parse(code).body if getattr(part, "name", "") == given.name)
    lines = code.splitlines()
    lines[own.lineno - 1 : own.end_lineno] = solution.strip().splitlines()
    return "\n".join(lines)


def test_every_lesson_has_solutions():
    lessons = {path.stem for path in NOTEBOOKS.glob("[0-9]*.py")}
    assert lessons <= set(SOLUTIONS)


@each_lesson
def test_every_aim_is_tried(name):
    """The list under "You will be able to", and the exercises that say which entry they try."""
    top = cells(name)[0].source
    aims = re.findall(r"^- ", top.split("You will be able to")[1], re.MULTILINE)
    tags = {tag for cell in cells(name) for tag in cell.metadata.get("tags", []) if "aim" in tag}
    assert tags == {f"aim-{k}" for k in range(1, len(aims) + 1)}
    for cell in cells(name):
        if any("aim" in tag for tag in cell.metadata.get("tags", [])):
            assert CALL.search(cell.source), "an aim is tried by an exercise"


@each_lesson
def test_exercises_have_their_parts(name):
    """In order; one is code; a hint, a word on a usual wrong answer; and no answer."""
    found = exercises(name)
    assert list(found) == list(range(1, len(found) + 1)) and len(found) >= 4
    assert any("graded(" in code for code in found.values())
    text = "\n".join(cell.source for cell in cells(name))
    asked = text[text.index("## Exercises") :]
    assert asked.count("<details><summary>A hint</summary>") == len(found)
    for number, code in found.items():
        assert f"**Exercise {number}.**" in asked
        assert "graded(" in code or ("but=" in code and WAITS.search(code)), number
        assert "graded(" not in code or "..." in code
    assert not re.search(r"^## (Answers|Solutions)", text, re.MULTILINE)


@each_lesson
def test_solutions_are_right_and_mistakes_are_told(name, notebooks, capsys):
    solved, names, found = solutions(name), {"__name__": "lesson"}, exercises(name)
    answers, codes = solved["ANSWERS"], solved["CODE"]
    assert sorted([*answers, *codes]) == list(found)
    for code in code_of(name):
        match = CALL.search(code)
        number = int(match[2]) if match else 0
        if not number:
            exec(code, names)
            continue
        exec(code, names)
        assert f"Exercise {number} waits" in capsys.readouterr().out
        if number in answers:
            tries = [(with_answer(code, answers[number]), "right, ")]
            assert solved["WRONG"][number], f"exercise {number} knows no wrong answer"
            wrong = [with_answer(code, one) for one in solved["WRONG"][number]]
            tries += [(one, "is not it yet. ") for one in wrong]
        else:
            right = codes[number]
            tries = [(with_code(code, right), "Right: ")]
            for taken, instead, said in solved["MISTAKES"][number]:
                assert taken in right
                told = mistakes[said].sentence if said in mistakes else said
                tries.append((with_code(code, right.replace(taken, instead)), told))
        for text, told in reversed(tries):  # what comes after the exercise gets the right one
            exec(text, names)
            out = capsys.readouterr().out
            assert out.startswith(f"Exercise {number}: ") and told in out, out
            assert "Not one of the usual" not in out, "a wrong answer has a word of its own"


# ---------------------------------------------------------------- a changed number is welcome

FIRST = sorted(path.stem for path in NOTEBOOKS.glob("0[1-5]*.py"))


def leaves(code):
    """Where the numbers of `Value(2.0)` stand in a cell: (line, first column, end column)."""
    for part in ast.walk(ast.parse(code)):
        if isinstance(part, ast.Call) and getattr(part.func, "id", "") == "Value" and part.args:
            number = part.args[0]
            try:
                ast.literal_eval(number)
            except ValueError:
                continue
            yield number.lineno, number.col_offset, number.end_col_offset


def changed(code, place):
    line, start, end = place
    lines = code.splitlines()
    text = lines[line - 1]
    number = ast.literal_eval(text[start:end])
    lines[line - 1] = f"{text[:start]}{-0.5 * number + 0.75}{text[end:]}"
    return "\n".join(lines)


@pytest.mark.parametrize("name", FIRST)
def test_any_leaf_may_be_changed(name, notebooks, monkeypatch, capsys):
    monkeypatch.delenv("CI")
    codes = code_of(name)
    places = [(i, place) for i, code in enumerate(codes) for place in leaves(code)]
    assert len(places) > 5
    for i, place in places:
        names = {"__name__": "lesson"}
        for k, code in enumerate(codes):
            exec(changed(code, place) if k == i else code, names)
