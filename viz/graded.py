"""The picture of a Grade: the learner's gradients, and the wire where the mistake was made.

    draw(grade(backward_pass))

The wire is thick, and on it, or where it adds up with others, stands what the number should be.
The judgement stands below. A Grade without a circuit is drawn as its words alone.
"""

from __future__ import annotations

from dataclasses import replace

from autograd_core import Grade, topological

from .picture import Names, Picture, picture_of

__all__ = ["picture_of_grade"]


def picture_of_grade(report: Grade, *, backward: bool = True, names: Names = None) -> Picture:
    """The circuit on which the learner's work fails, with the learner's gradients."""
    if report.circuit is None:
        return Picture((), (), "", backward, words=str(report))
    grads = dict(report.gradients)
    picture = picture_of(report.circuit, backward=backward, names=names, grads=grads)
    ids = {value: f"n{i}" for i, value in enumerate(topological(report.circuit))}
    wrong = ids.get(report.wrong) if report.wrong is not None else None
    wire = ""
    if report.wire is not None and report.wrong is not None:
        gate, operand = report.wire
        wire = f"{wrong}-{ids[gate]}-{operand}"
    node_of = {node.id: node for node in picture.nodes}
    edges = tuple(
        # What arrives on the only wire of a value is its gradient: here the learner's.
        replace(edge, grad=node_of[edge.source].grad, wrong=edge.id == wire)
        if node_of[edge.source].uses == 1 else replace(edge, wrong=edge.id == wire)
        for edge in picture.edges
    )  # fmt: skip
    nodes = tuple(
        replace(node, right=report.expected) if node.id == wrong else node for node in picture.nodes
    )
    sentence, *_ = str(report).splitlines()
    return replace(picture, nodes=nodes, edges=edges, words=sentence)
