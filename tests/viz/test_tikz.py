"""TikZ documents: all that the svg shows, user text as text, and pdflatex sets them."""

import re
import shutil
import subprocess

import pytest

from autograd_core import Value
from viz import draw, save
from viz.inks import COLOURS

STAND_IN = r"""\NeedsTeXFormat{LaTeX2e}\ProvidesClass{standalone}
\LoadClass{article}\RequirePackage{tikz}
\RequirePackage[active,tightpage]{preview}\PreviewEnvironment{tikzpicture}
"""
COMMANDS = set(
    "textbackslash textasciitilde textasciicircum textless textgreater textbar textquotedbl "
    "textasciigrave textquotesingle times div cdot leftarrow rightarrow ldots Omega alpha".split()
) | set("{}$%&#_' ")


def tex(root, **options):
    return draw(root, **options).pipe("tex", encoding="ascii")


def nodes(document):
    """The texts that are set, as LaTeX."""
    return re.findall(r"^\\node\[.*?\] at \(\S+\) \{(.*)\};$", document, re.MULTILINE)


def sizes(document):
    return {float(size) for size in re.findall(r"points=([\d.]+)", document)}


@pytest.mark.needs_dot
@pytest.mark.parametrize("style", ["circuit", "record"])
def test_a_document_shows_what_the_svg_shows(neuron, svg, style):
    root = neuron()
    document, picture = tex(root, style=style), svg(root, style=style)
    assert document.startswith("\\documentclass[tikz]{standalone}\n")
    assert document.endswith("\\end{tikzpicture}\n\\end{document}\n")
    plain = [re.sub(r"\\[a-z]+|[${}\\ ]|-{}", "", text) for text in nodes(document)]
    assert len(plain) == len(picture.texts) and {"w0", "sigmoid", "x1"} <= set(plain)
    shapes = [e for e in picture.elements
              if re.search("(path|polygon|polyline|ellipse)$", e.tag)]  # fmt: skip
    assert document.count("\\path[") == len(shapes)
    closed = [shape for shape in shapes if shape.tag.endswith("polygon")]
    assert document.count(" -- cycle;") == len(closed) > 5
    assert {f"% n{i}" for i in range(10)} <= set(document.splitlines())


@pytest.mark.needs_dot
def test_a_place_in_the_document_is_that_in_the_svg(neuron, svg):
    root = neuron()
    wanted = {
        (e.get("x"), e.get("y")) for e in svg(root).elements if e.tag.endswith("}text")
    }  # fmt: skip
    assert set(re.findall(r"at \((\S+),(\S+)\)", tex(root))) == wanted


@pytest.mark.needs_dot
def test_colours_go_by_their_roles(neuron):
    root = neuron()
    for theme, column in (("auto", 0), ("light", 0), ("dark", 1)):
        document = tex(root, theme=theme)
        defined = dict(re.findall(r"\\definecolor\{(\w+)\}\{HTML\}\{(\w+)\}", document))
        assert {"paper", "value", "gradient", "gate", "wire"} <= set(defined)
        for role, colour in defined.items():
            assert colour == COLOURS[role][column][1:].upper()
        assert set(re.findall(r"(?:fill|draw|text)=(\w+)", document)) == set(defined)


@pytest.mark.needs_dot
def test_a_colour_of_ones_own(neuron):
    diagram = draw(neuron())
    diagram.node("mine", "a note", color="#123456", fontcolor="black")
    document = diagram.pipe("tex", encoding="ascii")
    assert "\\definecolor{colour123456}{HTML}{123456}\n" in document
    assert "draw=colour123456" in document and "{a note}" in document


@pytest.mark.needs_dot
def test_scale_and_transparent(neuron):
    root = neuron()
    document, large = tex(root), tex(root, scale=2)
    assert "x=1bp, y=-1bp, line width=1bp" in document
    assert "x=2bp, y=-2bp, line width=2bp" in large
    assert sizes(large) == {2 * size for size in sizes(document)}
    assert document.count("fill=paper") == 1 and "fill=paper" not in tex(root, transparent=True)


@pytest.mark.needs_dot
def test_wires_of_negative_weights_are_dashed(network_loss):
    document = tex(network_loss(), depth=1, scale=2)
    assert re.search(r"draw=minus, line width=[\d.]+bp, dash pattern=on [\d.]+bp off", document)
    assert re.search(r"draw=plus, line width=[\d.]+bp\]", document)


@pytest.mark.needs_dot
def test_hostile_label_is_set_as_text(labelled, label):
    for text in nodes(tex(labelled(label))):
        assert set(re.findall(r"\\([a-zA-Z]+|.)", text)) <= COMMANDS
        assert not re.search(r"(?<!\\)[%&#_^~](?!\Z)", text.replace("~", ""))
        bare = re.sub(r"\\[{}$]", "", text)
        assert bare.count("{") == bare.count("}") and bare.count("$") % 2 == 0


@pytest.mark.needs_dot
@pytest.mark.parametrize(
    ("label", "set_as"),
    [
        ("50% of $x_1$", r"50\% of \$x\_1\$"),
        (r"\input{a}", r"\textbackslash{}input\{a\}"),
        ("Größe", r"Gr\"{o}\ss{}e"),
        ("é ő ç å", r"\'{e} \H{o} \c{c} \r{a}"),
        ("λ Σ π", r"$\lambda$ $\Sigma$ $\pi$"),
        ("a × b ← c \u2212 d", r"a $\times$ b $\leftarrow$ c $-$ d"),
        ("名", "[U+540D]"),
        ("🙂", "[U+1F642]"),
        ("a--b", "a-{}-{}b"),
    ],
)
def test_how_characters_are_set(label, set_as):
    document = tex(Value(1.0, label).exp())
    assert document.isascii() and set_as in nodes(document)


def test_save_needs_an_engine(neuron, nothing_installed, tmp_path):
    from viz import NoGraphviz

    with pytest.raises(NoGraphviz, match="pip install"):
        save(neuron(), tmp_path / "f.tex")


# ---------------------------------------------------------------- pdflatex


@pytest.fixture
def compiled(tmp_path):
    """compiled(root, ...) -> pdflatex's log of that picture's document."""
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex is installed")
    if not subprocess.run(["kpsewhich", "standalone.cls"], capture_output=True).stdout:
        (tmp_path / "standalone.cls").write_text(STAND_IN)  # the class is in a large package

    def run(root, **options):
        save(root, tmp_path / "f.tex", **options)
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "f.tex"], cwd=tmp_path,
            capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:]
        assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF")
        return (tmp_path / "f.log").read_text(errors="replace")

    return run


@pytest.mark.once
@pytest.mark.needs_dot
@pytest.mark.parametrize(
    "options",
    [{"scale": 3}, {"direction": "TB", "theme": "dark"}, {"style": "record"}, {"view": "both"}],
    ids=str,
)
def test_pdflatex_sets_a_neuron(neuron, compiled, options):
    log = compiled(neuron(), **options)
    assert "(1 page" in log and "Missing character" not in log and "Font Warning" not in log


@pytest.mark.once
@pytest.mark.needs_dot
def test_pdflatex_sets_a_network(network_loss, compiled):
    log = compiled(network_loss(), depth=1)
    assert "(1 page" in log and "Missing character" not in log


@pytest.mark.once
@pytest.mark.needs_dot
def test_pdflatex_sets_hostile_labels(hostile_labels, compiled):
    accents = "".join(map(chr, range(0xA1, 0x180)))
    greek = "".join(map(chr, range(0x391, 0x3CA))).replace("\u03a2", "")
    labels = [*hostile_labels, *(accents[i : i + 30] for i in range(0, len(accents), 30)), greek]
    log = compiled(sum(Value(1.0, label) for label in labels))
    assert "(1 page" in log and "Missing character" not in log
