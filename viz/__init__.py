"""Draw computational graphs: values, gradients and local gradients, as pictures and as text.

f = (x + y) * z
f.backward()
draw(f)                                 # shows itself in a notebook, with the variables' names
save(f, "f.svg", names=locals())
print(to_text(f, names=locals()))
draw(compile_graph(fn).trace([0.5, -1.0], 1.0))     # a program instead: its instructions
draw(grade(backward_pass))              # where your own backward pass is wrong
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from autograd_core import Grade, Program, Value

from .collapse import BUDGET, fit
from .diagram import Diagram
from .dot import digraph
from .expression import ExpressionError, parse
from .files import write
from .formula import Explanation, explain
from .graded import picture_of_grade
from .picture import Names, Picture, picture_of
from .program_picture import forward_part, picture_of_program
from .render import NoGraphviz
from .stepper import Stepper, sabotage, step
from .text import mermaid, table

__all__ = [
    "Diagram", "Explanation", "ExpressionError", "NoGraphviz", "Stepper", "draw", "draw_dot",
    "explain", "parse", "sabotage", "save", "step", "to_json", "to_mermaid", "to_text",
]  # fmt: skip


def _picture(root: Value | Program | Grade, backward: bool, names: Names) -> Picture:
    __tracebackhide__ = True  # a notebook leaves this frame out of a traceback
    if isinstance(root, Grade):
        return picture_of_grade(root, backward=backward, names=names)
    if not isinstance(root, Program):
        return picture_of(root, backward=backward, names=names)
    if names is not None:
        raise TypeError(
            "names are for Values: a program has its own, from the labels of what was traced"
        )
    return picture_of_program(root, backward=backward)


def draw(
    root: Value | Program | Grade, style: Literal["circuit", "record"] = "circuit", *,
    backward: bool = True, names: Names = None, depth: int | None = None, limit: int = BUDGET,
    direction: Literal["LR", "TB"] = "LR", view: Literal["one", "both"] = "one",
    wires: Literal["weight", "gradient"] = "weight", legend: bool = True,
    theme: Literal["auto", "light", "dark"] = "auto", scale: float = 1.0, transparent: bool = False,
) -> Diagram:  # fmt: skip
    """The graph of a Value, a Program or a Grade as a `graphviz.Digraph`, which a notebook shows.

    style       "circuit": gates are circles, on each wire the value above, the gradient below and,
                behind an arrow and a times sign, the local gradient; "record": one box per value,
                as micrograd draws
    backward    False draws the forward pass only
    names       `names=locals()` gives unlabelled values the names of your variables; in a notebook
                that is the default, and `names={}` leaves labels alone
    depth       how many levels of groups (`layer0.neuron3.w1`) to open; None: as many as fit
    limit       how many nodes may be drawn
    direction   "LR" or "TB"
    view        "both" draws the forward graph and, below it, gate under gate, the backward graph,
                in which gradients flow from right to left
    wires       what a wire into a neuron shows, as width and colour: its "weight", or the
                "gradient" of that
    legend      whether a line below says what is what
    theme       "light" or "dark"; "auto": an svg follows the reader's setting, a png is light
    scale       2 doubles the size
    transparent whether the paper is left out

    A graph that is too large to open folds: a network to one column of neurons per layer, wires as
    wide as weights are large, one example for the whole batch (of up to three, all numbers).

    Gradients are the stored ones, and "-" before `root.backward()`. ValueError, naming remedies,
    if the picture has more than `limit` nodes; NoGraphviz if it is rendered and no `dot` is there.

    A Program has no numbers: its picture, see `viz.dot`, has one style and takes no names. Of a
    Grade it is the circuit on which the work failed, with the wrong wire thick, and the judgement.
    """
    __tracebackhide__ = True
    return digraph(
        fit(_picture(root, backward, names), depth, limit), style, direction, view=view,
        wires=wires, legend=legend, theme=theme, scale=scale, transparent=transparent,
    )  # fmt: skip


draw_dot = draw  # micrograd's name


def to_text(root: Value | Program, *, backward: bool = True, names: Names = None) -> str:
    """The graph as a table, one line per value: gate, inputs, number, gradient, local gradients.

    Of a Program its listing; without `backward`, that of the forward pass.
    """
    picture = _picture(root, backward, names)
    if isinstance(root, Program):
        return (root if backward else forward_part(root)).listing()
    return table(picture)


def to_json(root: Value | Program, *, backward: bool = True, names: Names = None) -> str:
    """The graph as JSON: nodes in topological order, edges, and the id of the root."""
    return _picture(root, backward, names).to_json()


def to_mermaid(root: Value | Program, *, backward: bool = True, names: Names = None) -> str:
    """The graph as a Mermaid flowchart, for Markdown."""
    return mermaid(_picture(root, backward, names))


_TEXT: dict[str, Callable[..., str]] = {".json": to_json, ".mmd": to_mermaid}
DRAWN = (".svg", ".png", ".pdf", ".tex", ".dot")


def save(
    root: Value | Program | Grade, path: str | os.PathLike[str], *, backward: bool = True,
    names: Names = None, **options: object,
) -> Path:  # fmt: skip
    """Write the graph to `path`, as its suffix says: svg, png, pdf, tex, dot, json, mmd or html.

    html is the stepper and takes the options of `step`; pictures take those of `draw`; tex is TikZ,
    a document that compiles alone. The file is there whole or, after an error, not at all.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in _TEXT and not options:
        content = _TEXT[suffix](root, backward=backward, names=names).encode()
    elif suffix in DRAWN:
        diagram = draw(root, backward=backward, names=names, **options)  # type: ignore[arg-type]
        content = diagram.source.encode() if suffix == ".dot" else diagram.pipe(suffix[1:])
    elif suffix == ".html" and isinstance(root, Program):
        raise TypeError("a program has no numbers to step through: save the Value, save(loss, ...)")
    elif suffix == ".html" and isinstance(root, Grade):
        raise TypeError(
            "a Grade is not stepped through: save its circuit, save(report.circuit, ...)"
        )
    elif suffix == ".html" and not backward:
        raise ValueError("a walk goes forward and backward: with backward=False save a picture")
    elif suffix == ".html" and "style" not in options and "direction" not in options:
        return step(root, names=names, **options).save(path)  # type: ignore[arg-type]
    elif suffix in (*_TEXT, ".html"):
        raise TypeError(f"a {suffix} file has no style: {', '.join(options)} cannot be given")
    else:
        known = ", ".join([*DRAWN, *_TEXT, ".html"])
        raise ValueError(
            f"cannot tell the format of {path.name!r} from its suffix: use one of {known}"
        )
    return write(path, content)
