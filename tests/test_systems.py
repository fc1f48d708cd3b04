"""Where the lessons meet each system of the course material: tags of cells, and the page of them.

`python tests/test_systems.py` writes docs/systems.md anew.
"""

import re
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

jupytext = pytest.importorskip("jupytext")

ROOT = Path(__file__).parents[1]
# The tag of a cell, and what the course material has there.
SYSTEMS = {
    "S1": "two passes: the forward pass stores what the backward pass reads again",
    "S2": "the toy chain: seven derivatives between, eight of parameters",
    "S2.formula": "the derivative as one long formula, which backpropagation avoids",
    "S3.layer": "the Jacobian of z = b + O h is O; problem 7.6",
    "S3.network": "a deep network in four lines of matrices",
    "S3.diagonal": "the Jacobian of an activation is diagonal",
    "S3.layouts": "numerator and denominator layout; examples in rows or in columns",
    "S3.factor": "a printed equation with a factor too many",
    "S4.variance": "from E[f'] = 0 to the variance of the next layer, line by line",
    "S4.he": "He initialisation: 2/D",
    "S4.unequal": "unequal widths: 4/(D + D')",
    "S4.xavier": "Xavier: three assumptions, Var(XY), and the product over the layers",
    "S4.mean": "weights around 0, and what a mean of 0.1 does; biases may start at 0",
    "S4.extreme": "too small, too large, extreme: vanish, explode, nan",
    "S4.symmetry": "zero and constant starts learn equal features",
    "S4.sigmoid": "a start at zero with the sigmoid, which is not 0 at 0",
    "S5.program": "the training program, nearly line for line",
    "S5.losses": "its losses: twenty runs as a band, the printed ones as dots",
    "S6.circuit": "f = (x + y) z at -2, 5, -4",
    "S6.gates": "add distributes, max routes, multiply swaps",
    "S6.force": "gates that want their output to rise, with a force",
    "S6.tie": "the maximum of two equal numbers",
    "S6.neuron": "the neuron that gives 0.73",
    "S6.listing": "the neuron by hand: dot, f, ddot, dx, dw",
    "S6.slope": "the slope of the sigmoid, derived",
    "S6.sigmoid": "the sigmoid as one gate or as its four",
    "S6.staged": "staged computation",
    "S6.forks": "gradients add up at forks",
    "S6.scale": "data times n: gradients on weights times n",
    "S7": "D = W X: dW = dD X^T and dX = W^T dD",
    "S8": "the delta recursion and the seven-step algorithm",
    "S9.shallow": "shallow examples 1 to 3",
    "S9.logistic": "logistic regression, batch of one",
    "S9.mlp": "a network of two layers, batch of three",
    "S10.slope": "the sigmoid's slope: 1/4 at 0, towards 0 in both tails",
    "S10.stack": "a deep stack of sigmoids",
    "S10.output": "saturation in terms of the output",
    "S11.limit": "how large a learning rate may be",
    "S11.optimum": "the best rate, 2/(l_min + l_max), and the condition number",
    "S11.momentum": "momentum as an average, and PyTorch's form",
    "S11.average": "a running average is a weighted sum; bias correction",
    "S11.smoothing": "averages of daily temperatures, with large and with small beta",
    "S11.memory": "beta remembers about 1/(1 - beta) steps",
    "S11.start": "the term beta^t v0",
    "S11.rules": "RMSProp and Adam, written out",
    "S11.sgd": "gradient descent against SGD",
    "S12.study": "the least-squares study: paths, gradients, parameters, loss gap",
    "S12.data": "the study on the notes' own data: scatter, final losses, dimensions compared",
    "S13.elbows": "elbows and their spread",
    "S13.dead": "dead ReLUs, and what helps",
    "S14.activation": "activation normalisation",
    "S14.lsuv": "layer-sequential unit variance",
    "S14.batch": "batch normalisation",
    "S14.orthogonal": "orthogonal initialisation",
    "S14.convolution": "orthogonal initialisation of a convolution",
    "S14.fixup": "Fixup",
    "S14.parallel": "synchronous data-parallel training",
    "S15.memory": "every intermediate value is kept: memory per gate",
    "S15.checkpoints": "checkpointing",
    "S16": "the gradient on the input",
    "S17": "analytic against numeric gradients, one by one, in 2n passes",
    "rates": "why rates multiply, nudge by nudge",
    "forward": "forward mode beside reverse mode",
    "softmax": "softmax with cross-entropy, derived and drawn",
}


def places():
    """(tag, lesson, heading above the cell) of each tagged cell."""
    for source in sorted((ROOT / "notebooks").glob("[0-9A-Z]*.py")):
        title = heading = ""
        for cell in jupytext.read(source).cells:
            if cell.cell_type == "markdown":
                for line in re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE):
                    title, heading = title or line, line
            for tag in cell.metadata.get("tags", []):
                if not tag.startswith("aim-"):
                    yield tag, source, title, heading


def page():
    """docs/systems.md."""
    lines = [
        "# Where each system of the course material is",
        "",
        "The course consists of Understanding Deep Learning, chapter 7, of Stanford CS231n's notes",
        "on backpropagation and of those of Berkeley's EECS 182/189 on backpropagation, optimisers",
        "and initialisation. Here is every system in it, and where a lesson runs it and checks its",
        "numbers. (`tests/test_systems.py` makes this page from the tags of the lessons' cells.)",
        "",
        "| what | where |",
        "|---|---|",
    ]
    found = list(places())
    for tag, what in SYSTEMS.items():
        links = []
        for _, source, title, heading in (one for one in found if one[0] == tag):
            anchor = quote(heading.replace(" ", "-").replace("`", ""))  # as JupyterLab makes it
            short = source.stem.split("_")[0].lstrip("0")
            section = "" if heading == title else f": {heading}"
            links.append(f"[{short}. {title}{section}](../notebooks/{source.stem}.ipynb#{anchor})")
        lines.append(f"| {what} | {'<br>'.join(dict.fromkeys(links))} |")
    return "\n".join([*lines, ""])


def test_every_system_is_met_and_every_tag_is_known():
    assert {tag for tag, *_ in places()} == set(SYSTEMS)


def test_the_page_is_of_these_lessons():
    assert (ROOT / "docs" / "systems.md").read_text(encoding="utf-8") == page()


if __name__ == "__main__":
    sys.exit((ROOT / "docs" / "systems.md").write_text(page(), encoding="utf-8") and 0)
