"""Worksheets: what they ask, what they hide, and that their key is right."""

import html
import re
import shutil
import xml.etree.ElementTree as ET
from itertools import chain

import pytest

from viz import NoGraphviz, draw, parse
from viz.__main__ import main
from viz.picture import picture_of
from viz.words import number
from viz.worksheet import blanked, worksheet

pytestmark = pytest.mark.needs_dot


@pytest.fixture(scope="module")
def sheet():
    return worksheet(20, ["+", "*", "max"], forks=1, seed=7)


def circuits(page):
    """The figure, the texts in its picture, and the statements of each circuit, in order."""
    found = []
    for figure in re.findall(r"<figure>.*?</figure>", page, re.DOTALL):
        root = ET.fromstring(figure.replace("&ensp;", " "))
        texts = [text.text.strip() for text in root.iter("text")]
        found.append((root, texts, root.find("figcaption").text))
    return found


def leaves(figure):
    """The numbers that a picture gives, by the name before them on the wire."""
    texts = [(float(t.get("y")), t.text.strip()) for t in figure.iter("text")]
    return [text for _, text in texts if re.fullmatch(r"-?[\d.]+", text)]


def key(page):
    """For each circuit the values and the gradients by name, and the parts of sums."""
    rows = re.findall(r"<tr><th>(\d+)</th><td>(.*?)</td><td>(.*?)</td></tr>", page)
    answers = []
    for i, (place, *cells) in enumerate(rows, 1):
        assert int(place) == i
        values, found = (re.findall(r"<span>(.*?)</span>", html.unescape(cell)) for cell in cells)
        grads, parts = {}, {}
        for text in found:
            name, grad, _, inside = re.fullmatch(r"(\w+): (\S+)( \((.*)\))?", text).groups()
            grads[name] = float(grad)
            parts[name] = [float(part.split()[1]) for part in (inside or "").split(", ") if part]
        answers.append((dict(text.split(" = ") for text in values), grads, parts))
    return answers


def solved(statements, given):
    """The circuit of these statements, run by the engine: Values by name."""
    root = parse(html.unescape(statements).replace("×", "*"), given)
    root.backward()
    picture = picture_of(root, names={})
    return picture, {node.name: node for node in picture.nodes}


def test_the_same_seed_gives_the_same_sheet():
    sheets = [worksheet(4, seed=seed) for seed in (1, 1, 2)]
    assert sheets[0] == sheets[1] != sheets[2]


def test_the_circuits_grow(sheet):
    sizes = [statements.count("=") for _, _, statements in circuits(sheet)]
    assert sizes == sorted(sizes) and sizes[0] == 1 and sizes[-1] == 5 and len(sizes) == 20
    assert re.findall(r"<figure><b>(\d+)</b>", sheet) == [str(i) for i in range(1, 21)]


def given_in(root):
    """The numbers of the leaves by name, as a screen reader says them."""
    told = root.find("svg").get("aria-label").removeprefix("the circuit at ")
    return {name: float(x) for name, x in (text.split(" = ") for text in told.split(", "))}


@pytest.mark.parametrize("forks", [0, 1, 3])
def test_the_key_is_what_the_engine_computes(forks):
    page = worksheet(12, ["+", "*", "max", "-"], forks=forks, seed=3)
    for (root, _, statements), (values, grads, parts) in zip(
        circuits(page), key(page), strict=True
    ):
        picture, nodes = solved(statements, given_in(root))
        assert values == {name: number(node.data) for name, node in nodes.items() if node.op}
        assert grads == {name: node.grad for name, node in nodes.items()}
        for node in picture.nodes:
            flows = [edge.grad for edge in picture.edges if edge.source == node.id]
            assert parts[node.name] == (flows if len(flows) > 1 else [])


def test_numbers_are_whole_and_small(sheet):
    for values, grads, parts in key(sheet):
        numbers = [*map(float, values.values()), *grads.values(), *chain(*parts.values())]
        assert all(x == int(x) and abs(x) <= 100 for x in numbers)
    assert "three significant digits" not in sheet


def test_other_gates_ask_for_three_digits():
    page = worksheet(6, ["sigmoid", "*"], seed=1)
    assert "Round to three significant digits." in page and "sigmoid(" in page


def test_no_answer_is_seen_before_the_key(sheet):
    before = sheet[: sheet.index('<section class="key">')]
    assert "title=" not in before and "<title>" not in before[before.index("<main>") :]
    for (root, texts, statements), (values, _, _) in zip(circuits(before), key(sheet), strict=True):
        shown = set(leaves(root))
        leaf_numbers = {number(x) for x in given_in(root).values()}
        assert shown == leaf_numbers
        words = {"sum", "max", "+", "×"} | {f"{name} =" for name in values}
        words |= set(re.findall(r"\b[a-z]\b", statements))
        assert set(texts) - shown <= words


def test_a_picture_with_blanks_holds_no_answer_at_all():
    root = parse("p = x*y; f = p*p + x", {"x": 3.0, "y": 5.0})
    root.backward()
    picture = blanked(picture_of(root, names={}))
    for node in picture.nodes:
        assert node.grad is None and (node.data is None) == bool(node.op)
    assert {(edge.grad, edge.local) for edge in picture.edges} == {(None, None)}
    assert "blank" not in picture.to_json()


def test_each_wire_has_its_boxes_and_they_are_large_enough(sheet):
    for root, _, statements in circuits(sheet):
        picture, _ = solved(statements, given_in(root))
        forks = sum(node.uses > 1 for node in picture.nodes)
        wires = len(picture.edges) + 1 + forks
        given = sum(
            not node.op and (node.uses + (node.uses > 1)) for node in picture.nodes
        )  # wires that come from a leaf have their value
        boxes = [p.get("points") for p in root.iter("polygon") if p.get("fill") == "none"]
        assert len(boxes) == 2 * wires - given
        for box in boxes:
            xs, ys = zip(*(map(float, point.split(",")) for point in box.split()), strict=True)
            assert max(xs) - min(xs) >= 34 and max(ys) - min(ys) >= 17  # points: 12 mm x 6 mm


def test_circuits_are_no_wider_than_a_page(sheet):
    widths = [float(w) for w in re.findall(r'<svg [^>]*?width="([\d.]+)pt"', sheet)]
    assert len(widths) == 20 and max(widths) <= 740  # points; 724 on letter paper


@pytest.mark.parametrize("forks", [0, 1, 2, 3])
def test_the_forks_are_there(forks):
    page = worksheet(8, forks=forks, seed=5)
    for root, _, statements in circuits(page):
        picture, _ = solved(statements, given_in(root))
        assert forks <= sum(node.uses > 1 for node in picture.nodes) <= forks + 1


def test_without_a_gate_that_may_take_a_value_twice_circuits_begin_with_two_gates():
    page = worksheet(3, ["-", "max"], forks=1)
    assert next(text.count("=") for *_, text in circuits(page)) == 2


def test_each_gate_ends_a_circuit_in_turn():
    page = worksheet(6, ["+", "max", "tanh"], seed=2)
    last = [statements.rpartition("f = ")[2] for *_, statements in circuits(page)]
    assert [next(g for g in ("max", "tanh", "+") if g in text) for text in last] == [
        "+", "max", "tanh"
    ] * 2  # fmt: skip


def test_the_page_is_whole_and_asks_for_nothing(sheet):
    assert (
        "http:" not in sheet
        and "https:" not in sheet
        and "<script" not in sheet
        and "url(" not in sheet
    )
    assert sheet.startswith("<!DOCTYPE html>") and sheet.endswith("</html>\n")
    assert "id=" not in sheet[sheet.index("<main>") :]
    body = re.search(r"<main>.*</main>", sheet, re.DOTALL)[0]
    ET.fromstring(re.sub("&ensp;", " ", body))


def test_it_is_printed_black_on_white_on_pages_of_its_own(sheet):
    assert "break-before:page" in sheet and "@media print" in sheet
    assert "@media (prefers-color-scheme" not in sheet  # of screens only


def test_the_key_is_on_its_last_page(open_page, tmp_path, sheet):
    page = open_page("", ready="")
    page.set_content(sheet)
    page.emulate_media(media="print")
    pdf = page.pdf(prefer_css_page_size=True, format="A4")
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert 6 <= pages <= 12


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--gates", "+ foo"], "--gates: there is no gate 'foo'"),
        (["--gates", "ReLU"], "did you mean relu?"),
        (["--gates", "where"], "--gates: where has more than two inputs"),
        (["--gates", "<"], "--gates: no gradient flows through <"),
        (["--gates", ""], "--gates names no gate"),
        (["--worksheet", "0"], "--worksheet makes 1 to 200 circuits, not 0"),
        (["--worksheet", "201"], "not 201"),
        (["--worksheet", "ten"], "--worksheet takes a whole number, not 'ten'"),
        (["--forks", "-1"], "--forks must be from 0 to 3"),
        (["--forks", "4"], "--forks must be from 0 to 3"),
        (["--forks", "one"], "--forks takes a whole number, not 'one'"),
        (["--forks", "1", "--gates", "exp"], '--gates "+ exp"'),
        (["-o", "sheet.svg"], "-o name.html, not 'sheet.svg'"),
        (["x*y", "x=2", "y=3"], "takes no expression: leave out 'x*y'"),
        (["--quiz"], "--quiz does not go with --worksheet"),
        (["--style", "record"], "--style does not go with --worksheet"),
        (["--format", "svg"], "leave out --format"),
        (["--gate-sheet"], "give one"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(tmp_path, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(tmp_path)
    assert main(["--worksheet", "5", "-o", "sheet.html", *arguments]) == 2
    out, err = capsys.readouterr()
    assert told in err and err.count("\n") == 1 and not out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--worksheet", "5"], "add -o FILE.html, as in --worksheet 20 -o sheet.html"),
        (["x*y", "x=2", "y=3", "--gates", "+"], '--worksheet 20 --gates "+" -o sheet.html'),
        (["x*y", "x=2", "y=3", "--forks", "1"], "--forks is for --worksheet"),
    ],
)
def test_what_is_missing_is_told(capsys, arguments, told):
    assert main(arguments) == 2
    assert told in capsys.readouterr().err


def test_the_command_writes_the_sheet(tmp_path, capsysbinary):
    path = tmp_path / "sheet.html"
    arguments = ["--worksheet", "3", "--gates", "- *", "--forks", "1", "--seed", "4"]
    assert main([*arguments, "-o", str(path)]) == 0
    wanted = worksheet(3, ["-", "*"], 1, 4)
    assert path.read_text(encoding="utf-8") == wanted
    capsysbinary.readouterr()
    assert main([*arguments, "-o", "-"]) == 0
    assert capsysbinary.readouterr().out.decode().strip() == wanted.strip()


def test_without_graphviz_it_says_what_draw_says(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, **_: None)
    with pytest.raises(NoGraphviz, match="pip install"):
        worksheet(1)
    with pytest.raises(NoGraphviz):
        draw(parse("x*2", {"x": 1.0})).pipe("svg")
