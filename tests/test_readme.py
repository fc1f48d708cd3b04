"""What the README shows is what happens."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

import autograd_core
from viz.__main__ import main

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.needs_dot
def test_the_python_blocks_run_in_order_and_print_what_their_comments_say(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks("python"):
        exec(block, names)
    printed = capsys.readouterr().out
    promised = re.findall(r"^print\(.*\)\s+# (.*)$", "\n".join(blocks("python")), re.MULTILINE)
    assert len(promised) >= 2
    for line in promised:
        assert line in printed
    assert (tmp_path / "circuit.svg").exists()


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
    homes = Path(__file__).parent.parent, Path(autograd_core.__file__).parents[1]
    assert any((home / link).exists() for home in homes)


def test_the_table_of_lessons():
    """Each lesson has a row: a small picture, its title, a link, and a question."""
    root = Path(__file__).parent.parent
    row = re.compile(r"^\| !\[.+\]\((.+)\) \| \[(\d+)\. (.+)\]\((.+)\) \| .+\? \|$", re.MULTILINE)
    rows = row.findall(README)
    lessons = sorted((root / "notebooks").glob("[0-9]*.ipynb"))
    assert [link for _, _, _, link in rows] == [f"notebooks/{lesson.name}" for lesson in lessons]
    for (picture, number, title, _), lesson in zip(rows, lessons, strict=True):
        assert lesson.name.startswith(f"{int(number):02}_")
        assert f"# # {title}" in lesson.with_suffix(".py").read_text(encoding="utf-8")
        assert picture == f"docs/lessons/{int(number):02}.png"
        assert (root / picture).stat().st_size < 40_000


def test_the_command_for_the_lessons_names_an_extra_that_has_what_it_starts():
    (command,) = (block for block in blocks("sh") if "jupyter lab" in block)
    (extra,) = re.findall(r"\.\[(\w+)\]", command)
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    needs = project["project"]["optional-dependencies"][extra]
    assert any(need.startswith("jupyterlab") for need in needs)
    assert any(need.startswith("ipykernel") for need in needs)
    assert command.split()[-1] == "notebooks"
