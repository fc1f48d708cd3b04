"""What the pages in docs/ show is what happens; what CONTRIBUTING names is there.

`python tests/test_docs.py` writes outputs and pictures into the pages anew, or into those it is
given: `python tests/test_docs.py gallery.md`.
"""

import contextlib
import io
import json
import re
import runpy
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

import autograd_core
from autograd_core import gates

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
BLOCK = re.compile(r"```(python|text)\n(.*?)```", re.DOTALL)


def rewritten(text):
    """A page with its python blocks run in order; what each prints goes into the text block."""
    names, printed = {"__name__": "page"}, ""

    def run(block):
        nonlocal printed
        language, content = block.groups()
        if language == "text":
            content, printed = printed.rstrip("\n") + "\n", ""
        else:
            assert not printed, f"nothing shows what is printed before {content!r}"
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(content, names)
            printed = out.getvalue()
        return f"```{language}\n{content}```"

    text = BLOCK.sub(run, text)
    assert not printed
    return text


def drawn(svg):
    """What a picture says, whatever its layout: ids, and texts without their order."""
    elements = list(ET.fromstring(svg).iter())
    texts = ["".join(e.itertext()) for e in elements if e.tag.endswith("}text")]
    return Counter(filter(None, (e.get("id") for e in elements))), Counter(texts)


def pictures(text):
    return re.findall(r'save\(.*?"([^"]+\.svg)"', text)


def make_folders(text, place):
    for name in pictures(text):
        Path(place, name).parent.mkdir(exist_ok=True)


def test_the_pages_are_found():
    assert {"programs.md", "gallery.md"} <= set(PAGES)


def test_the_gallery_loads_fast():
    folder = DOCS / "gallery"
    shown = pictures((DOCS / "gallery.md").read_text(encoding="utf-8"))
    assert len(shown) >= 10 and {DOCS / name for name in shown} == set(folder.iterdir())
    assert max(path.stat().st_size for path in folder.iterdir()) < 60_000


@pytest.mark.needs_dot
@pytest.mark.parametrize("page", PAGES)
def test_a_page_prints_and_draws_what_it_shows(page, tmp_path, monkeypatch):
    text = (DOCS / page).read_text(encoding="utf-8")
    if "import torch" in text:  # a peer's program: ours beside it is in test_from_pytorch
        pytest.importorskip("torch", reason="the page runs PyTorch, which is not installed")
    monkeypatch.chdir(tmp_path)
    make_folders(text, tmp_path)
    assert rewritten(text) == text
    for name in pictures(text):
        kept = (DOCS / name).read_bytes()
        assert drawn((tmp_path / name).read_bytes()) == drawn(kept), name


@pytest.mark.parametrize("page", PAGES)
def test_pictures_are_shown_and_links_lead_somewhere(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(((?!http)[^)#]+)\)", text)
    assert all((DOCS / link).exists() for link in links)
    assert set(pictures(text)) <= set(links)
    headings = {line.lstrip("# ").lower() for line in text.splitlines() if line.startswith("#")}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= {h.replace(" ", "-") for h in headings}


def test_the_glossary_has_thirty_words_that_its_lessons_use():
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| (.+) \| (\d+) \|$", text, re.MULTILINE)
    assert len(rows) == 30
    for words, meaning, number in rows:
        (lesson,) = (DOCS.parent / "notebooks").glob(f"{int(number):02}_*.py")
        said = re.sub(r"\s+#?\s*", " ", lesson.read_text(encoding="utf-8").lower())
        assert all(word.lower() in said for word in words.split(", ")), (words, number)
        assert len(meaning) < 160


def test_contributing_names_files_that_are_there():
    text = (DOCS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\.?\w[\w./]*/[\w.]*)`", text)) - {"program/"}
    new = set(re.findall(r"^A new file, `(.+?)`", text, re.MULTILINE))
    assert len(named) > 15 and len(new) == 3
    homes = DOCS.parent, Path(autograd_core.__file__).parents[1]  # of files, of packages
    assert {name for name in named if not any((home / name).exists() for home in homes)} == new


def test_each_recipe_of_contributing_has_a_command_that_checks_it():
    text = (DOCS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipes = re.findall(r"^## Add (?s:.+?)(?=^## )", text, re.MULTILINE)
    assert len(recipes) == 5
    for recipe in recipes:
        _, check = recipe.split("Check it")
        assert ".venv/bin/pytest" in check


def test_the_page_on_reliability_is_that_of_its_record():
    """`python tests/reliability.py` writes both; every gate of the table is in them."""
    script = runpy.run_path(str(Path(__file__).parent / "reliability.py"))
    record = json.loads((DOCS / "reliability.json").read_text(encoding="utf-8"))
    assert script["page"](record) == (DOCS / "reliability.md").read_text(encoding="utf-8")
    exact = {"where", "less", "less_equal", "floor"}
    assert record["accuracy"].keys() == gates.keys() - exact
    for name, entry in record["accuracy"].items():
        slopes = [f"slope in {operand}" for operand in gates[name].operands]
        assert [*entry["worst"]] == ["value", *slopes]
        assert entry["points"] > 1000 and max(entry["worst"].values())[0] <= 2.5
    for file, tests in record["tests"].items():
        path = Path(__file__).parent / file
        files = [path] if path.is_file() else sorted(path.glob("*.py"))
        source = "".join(each.read_text(encoding="utf-8") for each in files)
        assert all(test["held"] and test["cases"] for test in tests.values())
        assert all(f"def {name}(" in source for name in tests if name.startswith("test_"))


def main():
    """Write what is printed and drawn into the pages."""
    import os
    import tempfile

    for page in sys.argv[1:] or PAGES:
        path = DOCS / page
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            make_folders(path.read_text(encoding="utf-8"), folder)
            text = rewritten(path.read_text(encoding="utf-8"))
            for name in pictures(text):
                (DOCS / name).write_bytes(Path(folder, name).read_bytes())
            os.chdir(DOCS)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
