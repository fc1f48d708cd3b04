"""Picture -> graphviz.Digraph.

A Value is drawn in one of two styles:

circuit     gates are circles and numbers stand on the wires, the value above and the gradient
            below it, as in Stanford's CS231n notes
record      one box per value, with its gate before it, as micrograd draws

A Program is drawn in one. Its shapes say what is what, so that colour is never needed:

ellipse         an instruction of the forward pass; hexagon: one of the backward pass
box             an input or a parameter; an arrow: an output, or the gradient of a parameter
double border   one number for all lanes: a parameter, or what is computed once per batch
dashed box      a result of the forward pass that the backward pass reads, so it has to be kept
"""

from __future__ import annotations

import base64
import html
import os
import re
from collections import Counter
from contextlib import suppress
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import graphviz

from .picture import Edge, Group, Node, Picture, common
from .render import NoGraphviz, engine, render
from .words import number, printable, short

__all__ = ["COLOURS", "STYLE", "Diagram", "digraph"]

HUB = 12  # wires; a value with more is drawn again at the start of each
PAGE = 760  # points; a wider picture is scaled down to the page of its notebook
CROWDED = 100  # wires; above it those into a folded group carry no numbers

FilePath: TypeAlias = "str | os.PathLike[str] | None"

TIMES = "&#215;"  # a letter x would read as a variable's name

# Each role's colour on light and on dark paper; an SVG holds both, the reader's setting chooses.
COLOURS = {
    "paper": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#59636e", "#9198a1"),
    "value": ("#116329", "#7ee787"),
    "gradient": ("#b3261e", "#ff9d94"),
    "gate": ("#ddf4ff", "#16304d"),
    "gate_line": ("#0969da", "#58a6ff"),
    "wire": ("#818b98", "#7d8590"),
    "group": ("#f6f8fa", "#161b22"),
    "group_line": ("#d1d9e0", "#3d444d"),
}
INK, MUTED, VALUE, GRADIENT, WIRE = (
    COLOURS[role][0] for role in ("ink", "muted", "value", "gradient", "wire")
)
_DARK = "".join(
    f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}'
    for light, dark in COLOURS.values()
)
STYLE = (
    "<style>text{font-family:Arial,Helvetica,sans-serif}"
    f"@media (prefers-color-scheme: dark){{{_DARK}}}</style>"
)


class Diagram(graphviz.Digraph):  # type: ignore[misc]  # graphviz ships no types
    """A `graphviz.Digraph` that is laid out by whichever Graphviz is there, and says so if none is.

    In a notebook it shows itself, as svg and as png: JupyterLab shows no svg in a notebook that was
    opened and not run yet. `.source` is the DOT text.
    """

    def pipe(
        self, format: str | None = None, *_: Any, encoding: str | None = None, **__: Any
    ) -> Any:
        """The picture as bytes, or as str if an encoding is given."""
        format = format or self.format
        content = render(self.source, format)
        if format == "svg":
            content = _styled(content)
        return content.decode(encoding) if encoding else content

    def render(
        self, filename: FilePath = None, directory: FilePath = None, view: bool = False,
        cleanup: bool = False, format: str | None = None, *, outfile: FilePath = None,
    ) -> str:  # fmt: skip
        """Write the DOT text and, beside it, the picture; the picture's path is returned."""
        if outfile is not None:
            base, suffix = os.path.splitext(outfile)
            format, filename = format or suffix[1:], filename or f"{base}.gv"
        format = format or self.format
        content = self.pipe(format)  # before anything is written
        source = self.save(filename, directory=directory)
        path = os.fspath(outfile) if outfile is not None else f"{source}.{format}"
        with open(path, "wb") as file:
            file.write(content)
        if cleanup:
            os.remove(source)
        if view:
            self._view(path, format=format, quiet=False)
        return path

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        if engine() is None:
            return {"text/plain": f"{NoGraphviz()}\n\n{self.source}"}
        bundle = {"image/svg+xml": _confined(self.pipe("svg", encoding="utf-8"))}
        with suppress(RuntimeError):  # a Graphviz without png
            bundle["image/png"] = base64.b64encode(self.pipe("png")).decode()
        return bundle


def _styled(svg: bytes) -> bytes:
    """A drawing with the style sheet, and with plain minus signs, so that texts can be searched."""
    start = svg.index(b">", svg.index(b"<svg")) + 1
    drawn = re.sub(
        rb"<text[^>]*>[^<]*</text>", lambda text: text[0].replace(b"&#45;", b"-"), svg[start:]
    )
    return svg[:start] + b"\n" + STYLE.encode() + drawn


def _confined(svg: str) -> str:
    """A drawing wider than a page: as wide as the page that shows it, but never enlarged.

    Notebooks show a drawing as an `img`, which their style sheets clip at the edge of the page. So
    it asks for a hundred per cent and, on a page with more room than it needs, scales itself back
    to its own width: max-width does so where it stands in the page itself, the rule in an `img`.
    """
    size = re.search(r'<svg width="(\d+)pt" height="\d+pt"', svg)
    if size is None or int(size[1]) <= PAGE:
        return svg
    width = f"{size[1]}pt"
    back = f"min(1,tan(atan2({width},100vw)))"  # CSS divides lengths by way of an angle
    rule = f"<style>svg:root{{transform-origin:0 0;transform:scale({back})}}</style>"
    confined = f'<svg width="100%" style="max-width:{width}"'
    return svg.replace(size[0], confined, 1).replace(STYLE, STYLE + rule, 1)


def digraph(picture: Picture, style: str = "circuit", direction: str = "LR") -> Diagram:
    """Draw `picture`; style "circuit" or "record", direction "LR" or "TB"."""
    if picture.program and style != "circuit":
        raise ValueError(f"a program is drawn in one style, got {style!r}: leave style out")
    if style not in _STYLES:
        raise ValueError(f'style must be "circuit" or "record", got {style!r}')
    if direction not in ("LR", "TB"):
        raise ValueError(f'direction must be "LR" or "TB", got {direction!r}')
    drawn = (_Program if picture.program else _STYLES[style])(picture)
    font = "Arial"  # layout programs know its widths; a list of fonts they measure as Times
    diagram = Diagram(
        format="svg",
        graph_attr={
            "rankdir": direction, "bgcolor": COLOURS["paper"][0], "fontname": font,
            "fontcolor": MUTED, "fontsize": "9", "pad": "0.15", **drawn.layout(),
        },
        node_attr={"fontname": font, "fontsize": "12", "fontcolor": INK, "color": INK},
        edge_attr={
            "fontname": font, "fontsize": "11", "fontcolor": INK, "color": WIRE,
            "arrowsize": "0.6",
        },
    )  # fmt: skip
    edges: dict[Group, list[Edge]] = {}  # by the innermost group that holds both ends
    for edge in picture.edges:
        ends = (drawn.nodes[edge.source], drawn.nodes[edge.target])
        edges.setdefault(common(node.group for node in ends), []).append(edge)
    _fill(diagram, drawn, list(picture.nodes), (), edges)
    drawn.finish(diagram)
    return diagram


def _fill(
    parent: Any, drawn: _Style, nodes: list[Node], group: Group, edges: dict[Group, list[Edge]]
) -> None:
    """Draw what lies in `group`, and its inner groups as boxes in its box."""
    inner: dict[str, list[Node]] = {}
    for node in nodes:
        if node.group == group:
            (drawn.folded if node.size > 1 else drawn.node)(parent, node)
        else:
            inner.setdefault(node.group[len(group)], []).append(node)
    for name, members in inner.items():
        deeper = (*group, name)
        box = {
            "label": _html(_font(_text(name), MUTED)), "id": f"group-{'.'.join(deeper)}",
            "style": "rounded,filled", "fillcolor": COLOURS["group"][0],
            "color": COLOURS["group_line"][0], "margin": "10", "labeljust": "l", "labelloc": "t",
        }  # fmt: skip
        with parent.subgraph(name=f"cluster_{'.'.join(deeper)}", graph_attr=box) as child:
            _fill(child, drawn, members, deeper, edges)
    for edge in edges.get(group, ()):
        drawn.edge(parent, edge)


# ---------------------------------------------------------------- styles

_GATE = {"style": "filled", "fillcolor": COLOURS["gate"][0], "color": COLOURS["gate_line"][0]}
_BARE = {"shape": "plaintext", "margin": "0.04", "height": "0.3", "width": "0.3"}


class _Style:
    """How the nodes and edges of a picture are drawn."""

    small: ClassVar = 10  # points; of what stands beside names and numbers

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.nodes = {node.id: node for node in picture.nodes}

    def layout(self) -> dict[str, str]:
        """Distances, and the legend below the picture."""
        raise NotImplementedError

    def node(self, diagram: Any, node: Node) -> None:
        raise NotImplementedError

    def folded(self, diagram: Any, node: Node) -> None:
        raise NotImplementedError

    def edge(self, diagram: Any, edge: Edge) -> None:
        raise NotImplementedError

    def finish(self, diagram: Any) -> None:
        """What comes after all nodes and edges."""

    def box(self, diagram: Any, node: Node, title: str, members: str, *rows: str) -> None:
        """A group folded into one box, which says how many members it has."""
        count = _font(f"{node.size} {members}", MUTED, self.small)
        diagram.node(
            node.id, _rows(_text(node.inner_name), count, *rows), margin="0.15,0.08", id=node.id,
            tooltip=_attribute(title),
            **{**_GATE, "shape": "box", "style": "rounded,filled", "class": "group"},
        )  # fmt: skip

    def label(self, edge: Edge) -> str:
        """The local gradient, or else the edge's own label."""
        text = _text(edge.label) if edge.local is None else f"{TIMES} {number(edge.local)}"
        return _html(_font(text, MUTED, self.small)) if text else ""


class _OfValue(_Style):
    """What the two styles of a Value share."""

    @cached_property
    def hubs(self) -> dict[str, str]:
        """Id and name of values with so many wires that each wire starts at a copy of the name.

        Wires from one value to gates all along a graph cost layout programs minutes, and are hard
        to follow with the eye.
        """
        targets = self.nodes
        fan = Counter(e.source for e in self.picture.edges if targets[e.target].size == 1)
        names = self.picture.names() if fan and max(fan.values()) > HUB else {}
        return {id: names[id] for id, count in fan.items() if count > HUB}

    def layout(self) -> dict[str, str]:
        folded = any(node.size > 1 for node in self.picture.nodes)
        crowded = folded and len(self.picture.edges) > CROWDED
        return {"nodesep": "0.12", "ranksep": "1.5" if crowded else "0.2"}

    def folded(self, diagram: Any, node: Node) -> None:
        numbers = ((node.data, VALUE), (node.grad, GRADIENT))
        rows = [_font(number(x), colour, 11) for x, colour in numbers if x is not None]
        self.box(diagram, node, node.title, "values", *rows)

    def start(self, diagram: Any, edge: Edge) -> str:
        """Where a wire begins: at its source or, for a hub, at a copy of its name."""
        if edge.source not in self.hubs or edge.count > 1 or edge.target not in self.nodes:
            return edge.source
        name = f"{edge.id}.from"
        text = _html(_text(self.hubs[edge.source]))
        diagram.node(name, text, id=f"{edge.id}-from", tooltip=" ", **_BARE)
        return name


class _Circuit(_OfValue):
    def layout(self) -> dict[str, str]:
        legend = "above the wire: value"
        if self.picture.backward:
            legend += f", below: gradient, {TIMES}: local gradient"
        return {**super().layout(), "label": legend, "labelloc": "b"}

    def node(self, diagram: Any, node: Node) -> None:
        constant = "" if node.data is None else short(node.data)
        rows = [_text(node.op or node.inner_name or constant)]
        if node.uses > 1 and node.grad is not None:
            rows.append(_font(f"sum {number(node.grad)}", GRADIENT, 10))
        attributes = {"id": node.id, "tooltip": _attribute(node.title)}
        if not node.op:
            attributes |= {**_BARE, "class": "leaf"}
        else:
            attributes |= {**_GATE, "class": "gate", "margin": "0.02"}
            attributes |= {"width": "0.45", "height": "0.45"}
            attributes["shape"] = "circle" if len(node.op) < 5 else "ellipse"
            if node.name and node.uses:
                attributes["xlabel"] = _html(_font(_text(node.inner_name), INK, 11))
        diagram.node(node.id, _rows(*rows), **attributes)

    def edge(self, diagram: Any, edge: Edge) -> None:
        """The line runs on between the value above and the gradient below."""
        name, data, target = edge.id, self.nodes[edge.source].data, self.nodes.get(edge.target)
        crowded = target is not None and target.size > 1 and len(self.picture.edges) > CROWDED
        start = self.start(diagram, edge)
        if edge.count > 1 or data is None or crowded:
            diagram.edge(start, edge.target, label="" if crowded else self.label(edge), id=name)
            return
        gradient = _font(number(edge.grad), GRADIENT) if self.picture.backward else "&#160;"
        rows = f"<tr><td>{_font(number(data), VALUE)}</td></tr><hr/><tr><td>{gradient}</td></tr>"
        table = f'<table border="0" cellspacing="0" cellpadding="1" color="{WIRE}">{rows}</table>'
        numbers = f"{name}.numbers"
        diagram.node(numbers, _html(table), shape="plain", id=f"{name}-numbers", tooltip=" ")
        diagram.edge(start, f"{numbers}:w", id=f"{name}-tail", arrowhead="none")
        diagram.edge(f"{numbers}:e", edge.target, label=self.label(edge), id=name)

    def finish(self, diagram: Any) -> None:
        """The root's own wire, which ends at its name or in a point."""
        root = self.nodes[self.picture.root]
        name = _html(_text(root.inner_name)) if root.name and root.op else ""
        shape = "plaintext" if name else "point"
        diagram.node("out", name, shape=shape, color=WIRE, width="0.05", height="0.05", id="out")
        self.edge(diagram, Edge(root.id, "out", 0, grad=root.grad))


class _Record(_OfValue):
    def node(self, diagram: Any, node: Node) -> None:
        cells = [_text(node.inner_name)] if node.name else []
        cells.append(f"data&#160;{_font(number(node.data), VALUE)}")
        cells.append(f"grad&#160;{_font(number(node.grad), GRADIENT)}")
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        table = (
            '<table border="0" cellborder="1" cellspacing="0" cellpadding="5">'
            f"<tr>{row}</tr></table>"
        )
        diagram.node(
            node.id, _html(table), shape="plain", id=node.id, tooltip=_attribute(node.title),
            color=WIRE, **{"class": "value"},
        )  # fmt: skip
        if node.op:
            diagram.node(
                f"{node.id}.gate", _html(_text(node.op)), shape="ellipse", margin="0.03",
                width="0.4", height="0.35", id=f"{node.id}-gate", **{"class": "gate", **_GATE},
            )  # fmt: skip
            diagram.edge(f"{node.id}.gate", node.id, id=f"{node.id}-out")

    def edge(self, diagram: Any, edge: Edge) -> None:
        head = f"{edge.target}.gate" if self.nodes[edge.target].op else edge.target
        diagram.edge(self.start(diagram, edge), head, label=self.label(edge), id=edge.id)


class _Program(_Style):
    small: ClassVar = 9
    shapes: ClassVar = {
        "constant": ("plaintext", "0.04"),
        "output": ("cds", "0.14,0.06"),
        "gradient": ("cds", "0.14,0.06"),
    }

    def layout(self) -> dict[str, str]:
        legend = "double border: one number for all lanes"
        if self.picture.backward:
            shapes = "ellipse: forward, hexagon: backward, dashed: kept from the forward pass"
            legend = f"{shapes}, {legend}"
        return {"nodesep": "0.15", "ranksep": "0.35", "label": legend, "labelloc": "b"}

    def node(self, diagram: Any, node: Node) -> None:
        attributes = {"id": node.id, "tooltip": _attribute(node.title), "class": node.kind}
        if node.once and node.kind in ("instruction", "parameter"):
            attributes["peripheries"] = "2"
        if node.kind == "instruction":
            rows = [_text(node.op), _font(_text(node.register), MUTED, 9)]
            if node.name:
                rows.insert(1, _font(_text(node.inner_name), INK, 10))
            attributes |= {**_GATE, "margin": "0.02", "height": "0.45", "width": "0.45"}
            attributes["shape"] = "hexagon" if node.part == "backward" else "ellipse"
        else:
            rows = self._end(node)
            shape, margin = self.shapes.get(node.kind, ("box", "0.08,0.05"))
            height = "0.6" if shape == "cds" and len(rows) > 1 else "0.3"
            attributes |= {"shape": shape, "margin": margin, "height": height, "width": "0.3"}
            attributes |= {"color": WIRE, "style": "dashed" if node.kind == "kept" else "solid"}
        diagram.node(node.id, _rows(*rows), **attributes)

    def folded(self, diagram: Any, node: Node) -> None:
        self.box(diagram, node, f"{node.name} ({node.size} nodes)", "nodes")

    def _end(self, node: Node) -> list[str]:
        """The rows of a node that is not an instruction: what is read, or what comes out."""
        if node.kind == "kept":
            name, below = node.register, node.inner_name
        else:
            name = node.inner_name or node.register
            name = f"d/d {name}" if node.kind == "gradient" else name
            below = f"{node.entries} {node.kind}s" if node.entries else ""
        return [_text(name), *([_font(_text(below), MUTED, 9)] if below else [])]

    def edge(self, diagram: Any, edge: Edge) -> None:
        source, target = self.nodes[edge.source], self.nodes[edge.target]
        if target.kind == "kept":
            return  # its name says where it comes from; wires across hide everything else
        diagram.edge(
            edge.source, edge.target, id=edge.id, label=self.label(edge),
            style="solid" if source.part == target.part else "dashed",
        )  # fmt: skip

    def finish(self, diagram: Any) -> None:
        """An unseen wire from the output, so that the backward part stands to the right of it."""
        backward = [node.id for node in self.picture.nodes if node.part == "backward"]
        if backward:
            diagram.edge(self.picture.root, backward[0], style="invis")


_STYLES: dict[str, type[_Style]] = {"circuit": _Circuit, "record": _Record}


# ---------------------------------------------------------------- text in DOT
#
# Graphviz reads `<...>` as HTML. Every text passes through `_text` or `_attribute`; both leave
# ASCII, with entities for the rest, so that no layout program has to guess an encoding.


def _html(content: str) -> str:
    return f"<{content}>"


def _rows(*rows: str) -> str:
    return _html("<br/>".join(rows))


def _text(text: str) -> str:
    return _ascii(html.escape(printable(text)))


def _attribute(text: str) -> str:
    # Above U+FFFF layout programs write a broken character for an entity in a quoted text.
    parts = re.split(r"([^\0-\uffff]+)", html.escape(text))
    parts[::2] = map(_ascii, parts[::2])
    return str(graphviz.escape("".join(parts)))


def _ascii(text: str) -> str:
    # \N is the node's own name to Graphviz, some builds say even if it is escaped: a word joiner,
    # which has no width, keeps the two characters apart.
    text = re.sub(r"\\(?=[A-Z\\])", "\\\\\u2060", text)
    return text.encode("ascii", "xmlcharrefreplace").decode()


def _font(text: str, colour: str, size: int = 0) -> str:
    points = f' point-size="{size}"' if size else ""
    return f'<font color="{colour}"{points}>{text}</font>'
