"""What the README shows is what happens."""

import json
import re
import runpy
import shlex
import tomllib
from pathlib import Path

import pytest

from viz.__main__ import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


# A python block, and what it prints: in a text block below it, or in a comment behind a print.
PYTHON = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", README, re.DOTALL)


@pytest.mark.needs_dot
@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_a_python_block_runs_when_pasted_alone_and_prints_what_it_says(
    number, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    block, promised = PYTHON[number]
    exec(block, {})
    beside = re.findall(r"^print\(.*\)  # (.*)$", block, re.MULTILINE)
    wanted = promised or "".join(f"{line}\n" for line in beside)
    assert capsys.readouterr().out.rstrip() == wanted.rstrip()
    assert wanted or "print(" not in block


def test_the_speed_tables_are_made_from_the_figures():
    table = runpy.run_path(str(ROOT / "benchmarks" / "table.py"))
    figures = json.loads(table["FIGURES"].read_text(encoding="utf-8"))
    for page in table["PAGES"]:
        text = page.read_text(encoding="utf-8")
        assert "<!-- speed: " in text and table["written"](text, figures) == text


@pytest.mark.needs_dot
def test_the_first_command_prints_the_table_and_draws_the_picture(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = next(block for block in blocks("sh") if "neuron.svg" in block)
    assert main(shlex.split(command.split("-m viz ")[1])) == 0
    assert capsys.readouterr().out.strip() == blocks("text")[0].strip()
    texts = re.findall(r"<text[^>]*>([^<]*)<", (tmp_path / "neuron.svg").read_text())
    assert {"v9 = 0.731", "-0.197", "-0.393", "0.197", "0.393", "-0.590"} <= set(texts)


@pytest.mark.needs_dot
def test_the_step_command_writes_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = next(block for block in blocks("sh") if "--step" in block)
    assert main(shlex.split(command.split("-m viz ")[1])) == 0
    assert "autograd-walk" in (tmp_path / "walk.html").read_text()


@pytest.mark.parametrize("link", re.findall(r"\]\(((?!http)[^)#]+)\)", README))
def test_links_and_pictures_are_there(link):
    assert (ROOT / link).exists()


def test_the_table_of_lessons():
    """Each lesson has a row: a small picture, its title, a link, and a question."""
    row = re.compile(r"^\| !\[.+\]\((.+)\) \| \[(\d+)\. (.+)\]\((.+)\) \| .+\? \|$", re.MULTILINE)
    rows = row.findall(README)
    lessons = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    assert [link for _, _, _, link in rows] == [f"notebooks/{lesson.name}" for lesson in lessons]
    for (picture, number, title, _), lesson in zip(rows, lessons, strict=True):
        assert lesson.name.startswith(f"{int(number):02}_")
        assert f"# # {title}" in lesson.with_suffix(".py").read_text(encoding="utf-8")
        assert picture == f"docs/lessons/{int(number):02}.png"
        assert (ROOT / picture).stat().st_size < 40_000


def test_the_command_for_the_lessons_names_an_extra_that_has_what_it_starts():
    (command,) = (block for block in blocks("sh") if "jupyter lab" in block)
    (extra,) = re.findall(r"\.\[(\w+)\]", command)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needs = project["project"]["optional-dependencies"][extra]
    assert any(need.startswith("jupyterlab") for need in needs)
    assert any(need.startswith("ipykernel") for need in needs)
    assert command.split()[-1] == "notebooks"
