"""Picture -> plain text: a table for terminals and screen readers, and Mermaid for Markdown."""

from __future__ import annotations

import html

from .picture import Node, Picture
from .words import TIMES, number, printable, shown

__all__ = ["mermaid", "table"]


def table(picture: Picture) -> str:
    """One line per value, in the order of evaluation: its gate and inputs, number, gradients.

    The local gradients are the slopes of the value in each of its inputs.
    """
    names = picture.names()
    inputs: dict[str, list[str]] = {node.id: [] for node in picture.nodes}
    slopes: dict[str, list[str]] = {node.id: [] for node in picture.nodes}
    for edge in picture.edges:
        wires = f" ({edge.count} wires)" if edge.count > 1 else ""
        inputs[edge.target].append(names[edge.source] + wires)
        if edge.local is not None:
            slopes[edge.target].append(number(edge.local))
    head = ["name", "gate", "value"]
    if picture.backward:
        head += ["gradient", "local gradients"]
    rows = [head]
    for node in picture.nodes:
        row = [names[node.id], _gate(node, inputs[node.id])]
        row.append("" if node.data is None else number(node.data))
        if picture.backward:
            row.append("-" if node.grad is None else number(node.grad))
            row.append("  ".join(slopes[node.id]))
        if node.line:
            row.append(f"  {node.line}")
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if 2 <= i < 4 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append("  ".join(cells + row[len(widths) :]).rstrip())
    return shown("\n".join(lines))


def _gate(node: Node, inputs: list[str]) -> str:
    """`x * y`, `x**2`, `leaky_relu(x, 0.2)`."""
    if node.size > 1:
        return f"{node.size} values of " + ", ".join(inputs) if inputs else f"{node.size} values"
    if not node.op:
        return ""
    symbol = node.symbol
    if not symbol[0].isalpha():
        if symbol.startswith("**") and inputs and inputs[0].startswith("-"):
            inputs = [f"({inputs[0]})", *inputs[1:]]
        if len(inputs) == 1:
            return f"{inputs[0]}{symbol}"
        return f" {symbol} ".join(inputs) or symbol
    name, *constants = symbol.split()
    return f"{name}({', '.join(inputs + constants)})"


def mermaid(picture: Picture) -> str:
    """A Mermaid flowchart, which Markdown on many hosting sites shows as a picture.

    A program has a box for each of its two parts.
    """
    lines = ["flowchart LR"]
    if picture.program:
        for part in ("forward", "backward"):
            inside = [_mermaid_node(node, picture) for node in picture.nodes if node.part == part]
            if inside:
                lines += [f"  subgraph {part}", *(f"  {line}" for line in inside), "  end"]
    else:
        lines += [_mermaid_node(node, picture) for node in picture.nodes]
    kept = {node.id for node in picture.nodes if node.kind == "kept"}
    for edge in picture.edges:
        arrow = "-.->" if edge.target in kept else "-->"
        text = edge.label if edge.local is None else f"{TIMES} {number(edge.local)}"
        label = f'|"{_escape(text)}"|' if text else ""
        lines.append(f"  {edge.source} {arrow}{label} {edge.target}")
    return "\n".join(lines) + "\n"


# How a node begins and ends: a leaf is a box, a gate a stadium.
_ENDS = {"": '["]', "gate": '(["])', "backward": '{{"}}', "output": '>"]', "gradient": '>"]'}


def _mermaid_node(node: Node, picture: Picture) -> str:
    shape = node.kind
    if node.op:
        shape = "backward" if picture.program and node.part == "backward" else "gate"
    start, end = _ENDS.get(shape, _ENDS[""]).split('"')
    rows = _program_rows(node) if node.kind else _value_rows(node, picture.backward)
    return f'  {node.id}{start}"{"<br>".join(_escape(row) for row in rows if row)}"{end}'


def _value_rows(node: Node, backward: bool) -> list[str]:
    rows = [node.name, node.symbol]
    if node.size > 1:
        rows.append(f"{node.size} values")
    if node.data is not None:
        rows.append(f"value {number(node.data)}")
    if backward and (node.data is not None or node.grad is not None):
        rows.append(f"grad {number(node.grad)}")
    return rows


def _program_rows(node: Node) -> list[str]:
    name = f"d/d {node.name}" if node.kind == "gradient" else node.name
    if node.kind != "instruction":
        return [node.register, name, node.entries]
    return [node.symbol, node.register, name, "once for all lanes" * node.once]


def _escape(text: str) -> str:
    """Mermaid takes entities, with # for &."""
    escaped = html.escape(printable(text).replace("#", "#35;"))
    return escaped.replace("&#x27;", "#39;").replace("&", "#")
