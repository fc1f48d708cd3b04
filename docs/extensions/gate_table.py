"""The page on the gates, from the table of gates: its entries go where the page has `TABLE`.

Formulas, slopes, errors and corners are those of the entries, the pictures those of the sheet of
gates; how exact a gate is stands in docs/reliability.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import autograd_core
from autograd_core import Gate, Value, gates
from viz.dot import digraph
from viz.formula import fill, latex_name
from viz.gate_sheet import gate_picture
from viz.paper import figure

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PLACE = "<!-- the gates -->"  # what follows is for those who read the source
RECORD = Path(__file__).parent.parent / "reliability.json"


def table() -> str:
    """All gates, one per row, and then a section on each, as Markdown."""
    accuracy = json.loads(RECORD.read_text(encoding="utf-8"))["accuracy"]
    rows = ["| gate | y | slopes | largest error, in ulp |", "|---|---|---|--:|"]
    sections = []
    for name, gate in gates.items():
        record = accuracy.get(name)
        largest = f"{max(error for error, _ in record['worst'].values()):.2g}" if record else "0"
        slopes = "<br>".join(_math(gate, slope) for slope in gate.slopes)
        row = (f"[{name}](#{name})", _math(gate, gate.latex), slopes, largest)
        rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |")
        sections.append("\n\n".join(_section(gate, record)))
    return "\n\n".join(["\n".join(rows), *sections])


def _math(gate: Gate, latex: str, head: str = "") -> str:
    """A formula of the entry between dollars, with the names of its operands."""
    names = (*gate.operands, *gate.parameters, "y")
    return f"${head}{fill(latex, {name: latex_name(name) for name in names})}$"


def _section(gate: Gate, record: dict[str, Any] | None) -> Iterator[str]:
    name, operator = gate.name, f" (`{gate.symbol}`)" if gate.symbol else ""
    yield f"## {name}"
    picture = digraph(gate_picture(gate), legend=False, scale=0.8)
    yield f'<div class="gate">{figure(picture, f"{name} at numbers")}</div>'
    written = [text for text in (gate.latex, gate.definition) if text]
    formula = " = ".join(_math(gate, text)[1:-1] for text in written)
    yield f"The gate {name}{operator} computes $y = {formula}$."
    derivatives = [
        _math(gate, slope, rf"\frac{{dy}}{{d{latex_name(operand)}}} = ")
        for operand, slope in zip(gate.operands, gate.slopes, strict=True)
    ]
    word = "The derivative" if len(derivatives) == 1 else "The derivatives"
    is_are = "is" if len(derivatives) == 1 else "are"
    yield f"{word} of {name} {is_are} {' and '.join(derivatives)}."
    yield "\n".join(f"- {fact}" for fact in _facts(gate, record))


def _facts(gate: Gate, record: dict[str, Any] | None) -> Iterator[str]:
    if gate.habit:
        yield f"What it does to a gradient that comes back: {gate.habit}."
    for failure in gate.failures:
        yield f"{failure.error.__name__}: {failure.reason}."
    if not gate.failures:
        yield "It takes every number."
    for limit in gate.limits():
        yield f"{limit[0].upper()}{limit[1:]}."
    if record:
        errors = ", ".join(f"{what} {error:.2g}" for what, (error, _) in record["worst"].items())
        yield f"Largest error on {record['points']:,} points, in ulp: {errors}."
    else:
        yield "It is exact."
    links = [f"{{py:func}}`autograd_core.{name}`" for name in (*gate.aliases, gate.name)
             if name in autograd_core.__all__]  # fmt: skip
    links += [f"{{py:meth}}`autograd_core.Value.{gate.name}`" for _ in "1"
              if gate.name in vars(Value)]  # fmt: skip
    if links:
        yield f"In Python: {', '.join(links)}."


def read(app: Sphinx, name: str, content: list[str]) -> None:
    if PLACE in content[0]:
        content[0] = content[0].partition(PLACE)[0] + table()


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", read)
    return {"parallel_read_safe": True}
