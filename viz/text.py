"""Picture -> plain text: a table for terminals and screen readers, and Mermaid for Markdown."""

from __future__ import annotations

import html

from .picture import Node, Picture, number, printable

__all__ = ["mermaid", "table"]


def table(picture: Picture) -> str:
    """One line a value, in the order of evaluation: its gate and inputs, number, gradients.

    The local gradients are the slopes of the value in each of its inputs.
    """
    names = picture.names()
    inputs: dict[str, list[str]] = {node.id: [] for node in picture.nodes}
    locals_: dict[str, list[str]] = {node.id: [] for node in picture.nodes}
    for edge in picture.edges:
        wires = f" ({edge.count} wires)" if edge.count > 1 else ""
        inputs[edge.target].append(names[edge.source] + wires)
        if edge.local is not None:
            locals_[edge.target].append(f"{edge.local:.6g}")
    head = ["name", "gate", "value"]
    if picture.backward:
        head += ["gradient", "local gradients"]
    rows = [head]
    for node in picture.nodes:
        row = [names[node.id], _gate(node, inputs[node.id])]
        row.append("" if node.data is None else f"{node.data:.6g}")
        if picture.backward:
            row.append("-" if node.grad is None else f"{node.grad:.6g}")
            row.append("  ".join(locals_[node.id]))
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
    return "\n".join(lines)


def mermaid(picture: Picture) -> str:
    """A Mermaid flowchart, which Markdown on many hosting sites shows as a picture."""
    lines = ["flowchart LR"]
    for node in picture.nodes:
        rows = [_escape(text) for text in (node.name, node.op) if text]
        if node.size > 1:
            rows.append(f"{node.size} values")
        if node.data is not None:
            rows.append(f"value {number(node.data)}")
        if picture.backward and (node.data is not None or node.grad is not None):
            rows.append(f"grad {number(node.grad)}")
        text = "<br>".join(rows)
        lines.append(f'  {node.id}(["{text}"])' if node.op else f'  {node.id}["{text}"]')
    for edge in picture.edges:
        text = f"{edge.count} wires" if edge.count > 1 else ""
        if edge.local is not None:
            text = f"x {number(edge.local)}"
        lines.append(f'  {edge.source} -->|"{text}"| {edge.target}' if text else
                     f"  {edge.source} --> {edge.target}")  # fmt: skip
    return "\n".join(lines) + "\n"


def _gate(node: Node, inputs: list[str]) -> str:
    if node.size > 1:
        return f"{node.size} values of " + ", ".join(inputs) if inputs else f"{node.size} values"
    if not node.op:
        return ""
    if not node.op[0].isalpha():
        if len(inputs) == 1:
            return f"{inputs[0]}{node.op}"
        return f" {node.op} ".join(inputs) or node.op
    name, *constants = node.op.split()
    return f"{name}({', '.join(inputs + constants)})"


def _escape(text: str) -> str:
    """Mermaid takes entities, with # for &."""
    escaped = html.escape(printable(text).replace("#", "#35;"))
    return escaped.replace("&#x27;", "#39;").replace("&", "#")
