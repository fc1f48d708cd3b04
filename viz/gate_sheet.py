"""All gates on one page to print: formula, slopes, what each does to a gradient, a tiny circuit.

Path("gates.html").write_text(gate_sheet())     # or: python -m viz --gate-sheet -o gates.html

The page is made from the gate table alone; a gate of one's own that is added there is on it too.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace

from autograd_core import Gate, Op, Value, apply, gates, gradients

from .dot import digraph
from .paper import figure, page
from .picture import Edge, Node, Picture, picture_of
from .words import TIMES, number

__all__ = ["gate_picture", "gate_sheet"]

ARRIVES = 2.0  # the gradient that comes back to each gate
SHORT = (2.0, 4.0, -2.0, 0.5)  # operands to choose from, best first
PAIRS = ((3.0, -2.0), (3.0, 2.0))
SCALE = 0.56  # of the pictures, whose numbers have 12 points
MISSING = 3.0  # of a parameter without a default: x**3


def gate_sheet() -> str:
    """The page: one A4 or letter page, landscape, for the gates that come with the engine.

    NoGraphviz if nothing can lay out its pictures.
    """
    body = (
        "<h1>The gates</h1>\n<p>A gate computes its output y on the way forward; on the way back "
        f"it multiplies the gradient that comes to y by its slope in each input. In the pictures a "
        f"gradient of {number(ARRIVES)} comes to y: the value is above the wire, the gradient "
        "below. [x &gt; 0] is 1 where that holds, else 0.</p>\n"
        f"<section>\n{chr(10).join(map(_entry, gates.values()))}\n</section>"
    )
    return page("The gates, and what each does to a gradient", body, _STYLE)


_STYLE = """\
@page{size:landscape;margin:7mm}
main{font-size:6.6pt;line-height:1.2}
h1{font-size:11pt;margin:0 0 1pt;display:inline}
h1+p{display:inline;margin-left:6pt;font-size:7pt}
section{columns:3;column-gap:5mm;margin-top:5pt}
article{break-inside:avoid;display:grid;gap:0 5pt;
grid-template-columns:minmax(98pt,max-content) 1fr;
align-items:center;border-top:.5pt solid var(--group_line);padding:1.6pt 0}
article p{margin:0}article svg{max-width:none}
article b{font-size:8pt}
.slope{color:var(--gradient)}.slope span{display:inline-block}
.limit{color:var(--muted)}
sup{font-size:75%;line-height:0}
@media screen{main{zoom:1.7;max-width:285mm}section{columns:3 220pt}}
@media print{.slope,.limit{color:#000}}"""


def _entry(gate: Gate) -> str:
    """What stands on the sheet about one gate."""
    symbol = TIMES if gate.symbol == "*" else html.escape(gate.symbol)
    slopes = [
        f"<span>dy/d{operand} = {_formula(gate, slope)}</span>"
        for operand, slope in zip(gate.operands, gate.slopes, strict=True)
    ]
    errors = [  # an overflow is a limit of floats, not of the gate
        f"error: {failure.reason}"
        for failure in gate.failures
        if failure.error is not OverflowError
    ]
    limits = "; ".join([*errors, *gate.limits()])
    lines = [
        f"<p><b>{gate.name} {symbol}</b>&ensp; y = {_formula(gate, gate.latex)}</p>",
        f'<p class="slope">{",&ensp; ".join(slopes)}</p>',
        f"<p>{html.escape(gate.habit)}</p>" if gate.habit else "",
        f'<p class="limit">{html.escape(limits)}</p>' if limits else "",
    ]
    diagram = digraph(gate_picture(gate), legend=False, scale=SCALE)
    diagram.graph_attr["pad"] = "0.02"
    return f"<article>{figure(diagram, gate.name)}<div>{''.join(lines)}</div></article>"


def _formula(gate: Gate, latex: str) -> str:
    """A formula of the table as text with raised exponents."""
    text = html.escape(gate.in_words(latex))
    text = re.sub(r"^\((1 if .*)\)$", r"\1", text)
    return re.sub(
        r"\^(?:\(([^()]*)\)|(\w+))", lambda power: f"<sup>{power[1] or power[2]}</sup>", text
    )


# ---------------------------------------------------------------- the gate alone, at numbers


def gate_picture(gate: Gate) -> Picture:
    """The gate between its inputs and y, with the numbers that are best to read."""
    if len(gate.operands) > 2:
        return _by_hand(gate, (1.0, *PAIRS[0]))
    root = min(_tried(gate), key=_roughness)
    picture = picture_of(root, names={}, grads=gradients(root, ARRIVES))
    return replace(picture, edges=tuple(replace(edge, local=None) for edge in picture.edges))


def _tried(gate: Gate) -> Iterator[Value]:
    """The gate at each of a few points of its domain."""
    constants = [MISSING] * (len(gate.parameters) - len(gate.defaults))
    for point in PAIRS if len(gate.operands) == 2 else zip(SHORT):
        if all(x in interval for x, interval in zip(point, gate.domain, strict=False)):
            inputs = [Value(x, name) for x, name in zip(point, gate.operands, strict=True)]
            root = apply(gate, *inputs, *constants)
            root.label = "y"
            yield root


def _by_hand(gate: Gate, point: tuple[float, ...]) -> Picture:
    """The picture of a gate that takes more inputs than a Value can have."""
    nodes, edges = [], []
    value = gate.evaluate([*point])
    for i, (name, x) in enumerate(zip(gate.operands, point, strict=True)):
        (slope,) = Op(gate, i).value([value, *point])
        nodes.append(Node(f"n{i}", name, data=x, grad=ARRIVES * slope, uses=1))
        edges.append(Edge(f"n{i}", "y", i, grad=ARRIVES * slope, wire=f"n{i}-y-{i}"))
    nodes.append(Node("y", "y", gate.op, data=value, grad=ARRIVES, ordered=True))
    return Picture(tuple(nodes), tuple(edges), "y", backward=True)


def _roughness(root: Value) -> tuple[int, bool]:
    """How many of its numbers are long; then whether its slopes show nothing, being 0 or 1."""
    numbers = (root.data, *root.partials)
    return sum(float(number(x)) != x for x in numbers), {*root.partials} <= {0.0, 1.0}
