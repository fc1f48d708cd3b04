"""The sheet of all gates: made from the table, and the whole of it."""

import html
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

from autograd_core import Gate, Value, apply, gates
from viz.__main__ import main
from viz.gate_sheet import gate_sheet
from viz.words import number

pytestmark = pytest.mark.needs_dot
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def sheet():
    return gate_sheet()


def entries(page):
    """The articles of the page, by the name of their gate."""
    found = re.findall(r"<article>.*?</article>", page, re.DOTALL)
    return {re.search(r"<b>(\w+)", article)[1]: article for article in found}


def words(article):
    return html.unescape(re.sub("<[^>]*>", "", article[article.index("</svg>") :]))


def numbers(article):
    tree = ET.fromstring(re.search(r"<svg.*</svg>", article)[0])
    return [text.text.strip() for text in tree.iter("text")]


def test_it_has_every_gate_of_the_table_in_its_order(sheet):
    assert [*entries(sheet)] == [*gates]


@pytest.mark.parametrize("name", gates)
def test_an_entry_says_all_that_the_table_says(sheet, name):
    gate, article = gates[name], entries(sheet)[name]
    told = words(article)
    assert gate.habit in told
    assert [f"dy/d{operand} = " in told for operand in gate.operands] == [True] * len(gate.operands)
    for failure in gate.failures:
        assert (failure.reason in told) == (failure.error is not OverflowError)
    assert not re.search(r"<\w+>|\\|[{}]", told)  # no LaTeX is left, and no operand in brackets


@pytest.mark.parametrize("name", sorted({*gates} - {"where"}))
def test_its_picture_has_the_engines_numbers(sheet, name):
    gate, shown = gates[name], Counter(numbers(entries(sheet)[name]))
    (y,) = [text for text in shown if text.startswith("y = ")]
    points = [(3.0, -2.0), (3.0, 2.0)] if len(gate.operands) == 2 else [
        (2.0,), (4.0,), (-2.0,), (0.5,)
    ]  # fmt: skip
    fits = []
    for point in points:
        try:
            root = apply(gate, *map(Value, point), *[3.0] * (name == "power"))
        except ValueError:
            continue
        texts = [f"y = {number(root.data)}", *map(number, point), "2"]
        texts += [number(2.0 * slope) for slope in root.partials]
        fits.append(not Counter(texts) - shown)
    assert any(fits), (name, y, shown)


def test_the_picture_of_where(sheet):
    shown = numbers(entries(sheet)["where"])
    assert Counter(shown) >= Counter(["1", "0", "3", "2", "-2", "0", "y = 3", "2"])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("relu", "kink at x = 0, slope 0 there"), ("max", "kink at a = b, slope 0.5 there"),
        ("sqrt", "infinite slope at x = 0"), ("elu", "kink at x = 0, slope 1 there, if alpha = 2"),
        ("asin", "infinite slope at x = -1; infinite slope at x = 1"),
        ("power", "infinite slope at x = 0, if exponent = 0.5"), ("log", "an operand above 0"),
    ],
)  # fmt: skip
def test_it_says_where_there_is_no_slope(sheet, name, told):
    assert told in words(entries(sheet)[name])


def test_what_is_smooth_at_a_corner_of_the_table_is_no_kink(sheet):
    assert "exponent = 2" not in words(entries(sheet)["power"])
    assert "kink" not in words(entries(sheet)["exp"])


def test_a_gate_of_ones_own_is_on_it_too(monkeypatch):
    square = Gate(
        "square", lambda xp, x: x * x, lambda xp, y, x: (2.0 * x,), latex="<x>^2",
        slopes=(r"2 \cdot <x>",),
    )  # fmt: skip
    monkeypatch.setitem(gates._entries, "square", square)
    told = words(entries(gate_sheet())["square"])
    assert "y = x2" in told and "dy/dx = 2 × x" in told


def test_the_page_is_whole_and_asks_for_nothing(sheet):
    assert "http:" not in sheet and "https:" not in sheet and "<script" not in sheet
    body = re.search(r"<main>.*</main>", sheet, re.DOTALL)[0]
    ET.fromstring(body.replace("&ensp;", " "))


def test_it_is_one_page_and_no_text_on_it_is_too_small(open_page, sheet):
    page = open_page("", ready="")
    page.set_content(sheet)
    page.emulate_media(media="print")
    for form in ("A4", "Letter"):
        pdf = page.pdf(format=form, landscape=True, prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1, form
    sizes = page.evaluate(
        """[...document.querySelectorAll("svg")].map(svg => {
            const shown = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
            return Math.min(...[...svg.querySelectorAll("text")].map(
                text => text.getAttribute("font-size") * shown * 0.75));
        })"""
    )
    assert len(sizes) == len(gates) and min(sizes) >= 6.0
    assert (
        page.evaluate("parseFloat(getComputedStyle(document.querySelector('article')).fontSize)")
        >= 8
    )


def without_layout(page):
    """The page without where things lie in its pictures: what each says instead."""

    def told(picture):
        tree = ET.fromstring(picture[0])
        return repr(sorted("".join(text.itertext()).strip() for text in tree.iter("text")))

    return re.sub(r"<svg.*?</svg>", told, page, flags=re.DOTALL)


def test_the_page_in_docs_is_up_to_date(sheet):
    """Else: python -m viz --gate-sheet -o docs/gates.html"""
    kept = (DOCS / "gates.html").read_text(encoding="utf-8")
    assert without_layout(kept) == without_layout(sheet)


def test_the_command_writes_the_page(tmp_path, capsys, sheet):
    path = tmp_path / "gates.html"
    assert main(["--gate-sheet", "-o", str(path)]) == 0
    assert path.read_text(encoding="utf-8") == sheet and "wrote" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "add -o FILE.html, as in --gate-sheet -o gates.html"),
        (["-o", "gates.svg"], "-o name.html"),
        (["x*y", "-o", "a.html"], "takes no expression: leave out 'x*y'"),
        (["--seed", "1", "-o", "a.html"], "--seed does not go with --gate-sheet"),
    ],
)
def test_what_does_not_go_with_it_is_told(tmp_path, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(tmp_path)
    assert main(["--gate-sheet", *arguments]) == 2
    assert told in capsys.readouterr().err and list(tmp_path.iterdir()) == []
