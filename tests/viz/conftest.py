"""What the tests of viz share.

Files of tests do not import from each other: what they share they take as fixtures, functions too.
"""

import json
import random
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest

from autograd_core import Value
from nn import MLP, moons
from viz import draw, parse

SVG = "{http://www.w3.org/2000/svg}"
TITLE = "{http://www.w3.org/1999/xlink}title"


# ---------------------------------------------------------------- graphs


def neuron(backward=True):
    """The neuron of the notes: 0.73, and gradients -0.20 0.39 -0.39 -0.59 0.20."""
    values = {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}
    root = parse("sigmoid(w0*x0 + w1*x1 + w2)", values)
    if backward:
        root.backward()
    return root


def network_loss(examples=20, backward=True):
    points, labels = moons(examples, rng=1)
    scores = MLP(2, [4, 4, 1], rng=1)(points)
    losses = [(1 - (2 * y - 1) * s).relu() for y, s in zip(labels, scores, strict=True)]
    loss = sum(losses) / examples
    if backward:
        loss.backward()
    return loss


def chain(gates, start=1.0):
    x = Value(start, label="x")
    for _ in range(gates):
        x = x.tanh()
    return x


# ---------------------------------------------------------------- reading a picture


def read_svg(content):
    """What can be read in an SVG, whatever its layout."""
    tree = ET.fromstring(content)
    elements = list(tree.iter())
    return SimpleNamespace(
        elements=elements,
        tags={e.tag.replace(SVG, "") for e in elements},
        ids=[e.get("id") for e in elements if e.get("id")],
        tooltips={e.get(TITLE).strip() for e in elements if e.get(TITLE)} - {""},
        texts=texts_in(tree),
        of=lambda id: texts_in(next(e for e in elements if e.get("id") == id)),
    )


def texts_in(element):
    return [clean("".join(e.itertext())) for e in element.iter(f"{SVG}text")]


def clean(text):
    return text.replace("\u00a0", " ").replace("\u2060", "").strip()


def svg(root, **options):
    return read_svg(draw(root, **options).pipe("svg"))


def split_dot(source):
    """DOT text as what stands outside of quotes and `<...>`, the HTML strings, the quoted ones."""
    outside, html, quoted = [], [], []
    i = 0
    while i < len(source):
        if source[i] == '"':
            end = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL).match(source, i)
            assert end, f"a quote that is not closed: {source[i : i + 40]!r}"
            quoted.append(end[1])
            i = end.end()
        elif source[i] == "<":
            depth, start = 1, i + 1
            while depth:
                i += 1
                depth += {"<": 1, ">": -1}.get(source[i], 0)
            html.append(source[start:i])
            i += 1
        else:
            outside.append(source[i])
            i += 1
    return "".join(outside), html, quoted


def dot_texts(diagram):
    """The texts that the HTML labels of a diagram hold, without an engine."""
    texts = []
    for html in split_dot(diagram.source)[1]:
        element = ET.fromstring(f"<all>{html}</all>")
        texts += [clean(text) for text in element.itertext() if clean(text)]
    return texts


# ---------------------------------------------------------------- hostile labels

# label: what must be read in the picture, None where it has to be changed or cut
HOSTILE = {
    "</script><img src=x onerror=alert(1)>": "</script><img src=x onerror=alert(1)>",
    "\"'<&>": "\"'<&>",
    '"]; n7 [label="x': '"]; n7 [label="x',
    ">]; n7 [label=<x": ">]; n7 [label=<x",
    "<br/><b>bold</b>": "<br/><b>bold</b>",
    "&amp; &#65; &lt;": "&amp; &#65; &lt;",
    "two\nlines": None,
    "a\r\n\tb": None,
    "a\u202eb\u200fc\u2066": None,
    r"\N \G \L \E \T \H": r"\N \G \L \E \T \H",
    r"\\ \n \l \r \" \x41": r"\\ \n \l \r \" \x41",
    "ends with \\": "ends with \\",
    "x" * 10_000: None,
    "<" * 10_000: None,
    "a\0b": None,
    "\x1b[31mred\x07": None,
    "🙂 é 名": "🙂 é 名",
    "\ud800 and \udfff": None,
    "%s {0} ${x} `code`": "%s {0} ${x} `code`",
    "]]> <!-- x -->": "]]> <!-- x -->",
    "subgraph end": "subgraph end",
    "{a|b}": "{a|b}",
    " ": None,
}


@pytest.fixture(params=HOSTILE, ids=lambda text: ascii(text[:20]))
def label(request):
    """Each hostile label in turn."""
    return request.param


@pytest.fixture
def hostile_labels():
    """All of them."""
    return list(HOSTILE)


@pytest.fixture
def shown_label(label):
    """What must be read where `label` is drawn or written; None: it is changed or cut."""
    return HOSTILE[label]


def labelled(label):
    """A graph with that label on a leaf at a fork, on a gate and on the root."""
    x, w = Value(3.0, label=label), Value(2.0, label="w")
    middle = x * w
    middle.label = label
    root = middle.exp() + x
    root.label = label
    root.backward()
    return root


def random_graph(seed, gates):
    """A graph with sharing, forks and names, of so many values."""
    source = random.Random(seed)
    values = [Value(source.uniform(-2, 2), f"x{i}") for i in range(source.randint(1, 5))]
    unary = [Value.tanh, Value.sin, Value.sigmoid, Value.softplus, lambda v: v**2]
    binary = [
        lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (b * b + 1.0),
        lambda a, b: a.max(b),
    ]  # fmt: skip
    while len(values) < gates:
        a, b = source.choice(values[-8:]), source.choice(values)
        one = source.choice(unary)(a) if source.random() < 0.3 else source.choice(binary)(a, b)
        if source.random() < 0.3:
            one.label = source.choice(["loss", "sig_x", "hidden", "z"]) + str(len(values))
        values.append(one)
    root = values[-1]
    root.backward()
    return root


def unseen(text):
    """Characters that must not reach a reader: controls, direction marks, halves of pairs."""
    return [c for c in text if c != "\n" and not c.isprintable() and c not in "\u00a0\u2060"]


# ---------------------------------------------------------------- pages


def follow(page, address):
    """Change what stands behind the # of a page's address, and wait until the page has read it."""
    page.evaluate(
        """address => new Promise(read => {
          addEventListener("hashchange", read, { once: true });
          location.hash = address;
        })""",
        address,
    )


# ---------------------------------------------------------------- files and programs


def is_file_of(suffix, content):
    """Whether a file with that suffix holds what it should."""
    if suffix == ".svg":
        return b"<svg" in content and ET.fromstring(content).tag == f"{SVG}svg"
    if suffix == ".json":
        return json.loads(content)["root"] == "n9"
    starts = {
        ".png": b"\x89PNG\r\n", ".dot": b"digraph {", ".mmd": b"flowchart", ".pdf": b"%PDF",
        ".tex": b"\\documentclass",
    }  # fmt: skip
    return content.startswith(starts[suffix])


def installed(monkeypatch, *programs, code=0, out=b"", error=b""):
    """As if these programs were installed and answered so; the commands that are run."""
    commands = []
    places = {program: f"/somewhere/{program}" for program in programs}

    def run(command, **kwargs):
        commands.append(command)
        if isinstance(code, Exception):
            raise code
        return subprocess.CompletedProcess(command, code, out, error)

    monkeypatch.setattr(shutil, "which", lambda name, *args, **kwargs: places.get(name))
    monkeypatch.setattr(subprocess, "run", run)
    return commands


@pytest.fixture
def nothing_installed(monkeypatch):
    return installed(monkeypatch)


def share(function):
    """A fixture of the function's name that hands a test the function itself."""
    return pytest.fixture(name=function.__name__, scope="session")(lambda: function)


share_neuron, share_network_loss, share_chain = map(share, (neuron, network_loss, chain))
share_read_svg, share_svg, share_clean = map(share, (read_svg, svg, clean))
share_split_dot, share_dot_texts = map(share, (split_dot, dot_texts))
share_labelled, share_unseen, share_random = map(share, (labelled, unseen, random_graph))
share_is_file_of, share_installed, share_follow = map(share, (is_file_of, installed, follow))
