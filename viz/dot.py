"""Picture -> DOT, in a `Diagram`.

A Value is drawn in one of two styles:

circuit     gates are circles and numbers stand on the wires, the value above and the gradient
            below it, as in Stanford's CS231n notes
record      one box per value, with its gate before it, as micrograd draws

What is told apart by its place has that place: the name of a value stands on its own wire, before
its number; a value that is used more than once leaves on one wire, with the sum of its gradients
below, and parts behind it; the first operand of a gate that is not symmetric enters above.

A Program is drawn in one style. Its shapes say what is what, so that colour is never needed:

ellipse         an instruction of the forward pass; hexagon: one of the backward pass
box             an input or a parameter; an arrow: an output, or the gradient of a parameter
double border   one number for all lanes: a parameter, or what is computed once per batch
dashed box      a result of the forward pass that the backward pass reads, so it has to be kept
"""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from textwrap import wrap
from typing import Any, ClassVar

import graphviz

from .diagram import THEMES, Diagram
from .inks import ink
from .network import SEVERAL, SIGMA, in_order
from .picture import Edge, Group, Node, Picture, common
from .words import number, printable

__all__ = ["digraph"]

HUB = 12  # wires; a value with more is drawn again at the start of each
SHARED = 3  # wires; a leaf outside of all boxes with as many is drawn again in each box
CROWDED = 60  # nodes; above it wires along more than LONG gates start at a name as well
LONG = 4
KEPT = 30  # nodes; up to here all operands enter in their order, above only where it matters

INK, MUTED, VALUE, GRADIENT, WIRE = map(ink, ("ink", "muted", "value", "gradient", "wire"))


def digraph(
    picture: Picture, style: str = "circuit", direction: str = "LR", *, legend: bool = True,
    theme: str = "auto", scale: float = 1.0, transparent: bool = False, wires: str = "weight",
    view: str = "one",
) -> Diagram:  # fmt: skip
    """Draw `picture`; the options are those of `viz.draw`."""
    if picture.program and style != "circuit":
        raise ValueError(f"a program is drawn in one style, got {style!r}: leave style out")
    if style not in _STYLES:
        raise ValueError(f'style must be "circuit" or "record", got {style!r}')
    if direction not in ("LR", "TB"):
        raise ValueError(f'direction must be "LR" or "TB", got {direction!r}')
    if theme not in THEMES:
        raise ValueError(f'theme must be "auto", "light" or "dark", got {theme!r}')
    if not (isinstance(scale, int | float) and 0.1 <= scale <= 10.0):
        raise ValueError(f"scale must be a number from 0.1 to 10, got {scale!r}")
    kind = _Program if picture.program else _Network if picture.network else _STYLES[style]
    if picture.blank:
        kind = _Blank
    if not picture.nodes:
        kind = _Words
    drawn = kind(picture, direction)
    if wires not in ("weight", "gradient"):
        raise ValueError(f'wires must be "weight" or "gradient", got {wires!r}')
    if view not in ("one", "both"):
        raise ValueError(f'view must be "one" or "both", got {view!r}')
    if view == "both" and (not isinstance(drawn, _Circuit) or not picture.backward):
        raise ValueError(
            'view="both" is for a Value in the circuit style, with its backward pass: '
            'draw(f, view="both")'
        )
    drawn.wires = wires
    font = "Arial"  # layout programs know its widths; a list of fonts they measure as Times
    diagram = Diagram(
        format="svg",
        graph_attr={
            "rankdir": direction, "bgcolor": "transparent" if transparent else ink("paper"),
            "fontname": font, "fontcolor": MUTED, "fontsize": "9", "pad": "0.15", **drawn.layout(),
            **_below(picture, drawn.legend() if legend else ""),
        },
        node_attr={"fontname": font, "fontsize": "12", "fontcolor": INK, "color": INK},
        edge_attr={
            "fontname": font, "fontsize": "11", "fontcolor": INK, "color": WIRE,
            "arrowsize": "0.6",
        },
    )  # fmt: skip
    diagram.theme, diagram.scale = theme, float(scale)
    edges: dict[Group, list[Edge]] = {}  # by the innermost group that holds both ends
    for edge in picture.edges:
        edges.setdefault(common(node.group for node in drawn.ends_of(edge)), []).append(edge)
    # Equal graphs get equal ranks, so that each gate of the second stands below its twin.
    # What comes first lies at the left or, since "LR" turns the page, at the bottom.
    both = ("backward", "forward") if direction == "LR" else ("forward", "backward")
    for part in both if view == "both" else ("",):
        drawn.part = part
        paper = _Twin(diagram) if part == "backward" else diagram
        _fill(paper, drawn, list(drawn.nodes.values()), (), edges)
        drawn.finish(paper)
    return diagram


def _below(picture: Picture, legend: str) -> dict[str, str]:
    """What stands below a picture: the words of a judgement, then the legend."""
    words = _lines(picture.words, INK) if picture.nodes and picture.words else ""
    text = "<br/>".join(filter(None, [words, legend]))
    return {"label": _html(text), "labelloc": "b"} if text else {}


class _Twin:
    """A diagram, or a box in it, in which all names and ids begin with "b."."""

    def __init__(self, diagram: Any) -> None:
        self.diagram = diagram

    def node(self, name: str, label: str | None = None, **attributes: str) -> None:
        self.diagram.node(f"b.{name}", label, **self._own(attributes))

    def edge(self, tail: str, head: str, **attributes: str) -> None:
        self.diagram.edge(f"b.{tail}", f"b.{head}", **self._own(attributes))

    @contextmanager
    def subgraph(self, name: str | None = None, **attributes: Any) -> Iterator[_Twin]:
        if "id" in (box := attributes.get("graph_attr", {})):
            attributes["graph_attr"] = self._own(box)
        with self.diagram.subgraph(name=name and f"{name}.b", **attributes) as inner:
            yield _Twin(inner)

    @staticmethod
    def _own(attributes: dict[str, str]) -> dict[str, str]:
        return attributes | {"id": f"b.{attributes['id']}"} if "id" in attributes else attributes


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
    # What comes first lies lowest in "LR", which turns the page; the parts of a program are a row.
    upwards = drawn.across and not drawn.picture.program
    for name, members in reversed(inner.items()) if upwards else inner.items():
        deeper = (*group, name)
        box = {
            "label": _html(_font(_text(name), MUTED)), "id": f"group-{'.'.join(deeper)}",
            "style": "rounded,filled", "fillcolor": ink("group"), "color": ink("group_line"),
            "margin": "10", "labeljust": "l", "labelloc": "t",
        }  # fmt: skip
        with parent.subgraph(name=f"cluster_{'.'.join(deeper)}", graph_attr=box) as child:
            _fill(child, drawn, members, deeper, edges)
    for edge in edges.get(group, ()):
        drawn.edge(parent, edge)


# ---------------------------------------------------------------- styles

_GATE = {"style": "filled", "fillcolor": ink("gate"), "color": ink("gate_line")}
_MARKED = {"penwidth": "3", "color": GRADIENT}
_BARE = {"shape": "plaintext", "margin": "0.04", "height": "0.3", "width": "0.3"}


class _Style:
    """How the nodes and edges of a picture are drawn."""

    small: ClassVar = 10  # points; of what stands beside names and numbers
    wires = "weight"
    part = ""  # of a picture with both passes the one that is being drawn

    def __init__(self, picture: Picture, direction: str) -> None:
        self.picture = picture
        self.nodes = {node.id: node for node in picture.nodes}
        self.across = direction == "LR"

    def layout(self) -> dict[str, str]:
        """Distances."""
        raise NotImplementedError

    def legend(self) -> str:
        """The line below the picture, in the inks that it explains."""
        raise NotImplementedError

    def node(self, diagram: Any, node: Node) -> None:
        raise NotImplementedError

    def folded(self, diagram: Any, node: Node) -> None:
        raise NotImplementedError

    def edge(self, diagram: Any, edge: Edge) -> None:
        raise NotImplementedError

    def ends_of(self, edge: Edge) -> list[Node]:
        """The nodes in whose innermost common box a wire is drawn."""
        return [self.nodes[edge.source], self.nodes[edge.target]]

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

    def text(self, edge: Edge) -> str:
        """The local gradient, or else the edge's own label."""
        text = _text(edge.label) if edge.local is None else _local(edge)
        return _font(text, MUTED, self.small) if text else ""

    def label(self, edge: Edge) -> str:
        text = self.text(edge)
        return _html(text) if text else ""


class _OfValue(_Style):
    """What the two styles of a Value share."""

    @cached_property
    def names(self) -> dict[str, str]:
        return self.picture.names()

    @cached_property
    def cut(self) -> set[str]:
        """Ids of wires that start at a copy of the name: of hubs, and long ones in a crowd.

        Wires from one value to gates all along a graph cost layout programs minutes, and are hard
        to follow with the eye. Those of an input that many boxes take would run behind the boxes.
        """
        single = [e for e in self.picture.edges if e.count == 1 and self.nodes[e.target].size == 1]
        fan = Counter(edge.source for edge in single)
        depth: dict[str, int] = {}
        if len(self.picture.nodes) > CROWDED:
            for edge in self.picture.edges:  # by target, in topological order
                depth[edge.target] = max(depth.get(edge.target, 0), depth.get(edge.source, 0) + 1)
            for edge in reversed(self.picture.edges):  # a leaf stands just before its first gate
                if not self.nodes[edge.source].op and edge.source not in depth:
                    depth[edge.source] = depth[edge.target] - 1
                elif not self.nodes[edge.source].op:
                    depth[edge.source] = min(depth[edge.source], depth[edge.target] - 1)
        return {
            edge.id for edge in single
            if fan[edge.source] > HUB
            or (fan[edge.source] >= SHARED and self._is_from_outside(edge))
            or (depth and depth[edge.target] - depth[edge.source] > LONG)
        }  # fmt: skip

    def _is_from_outside(self, edge: Edge) -> bool:
        source, target = super().ends_of(edge)
        return bool(target.group) and not (source.op or source.group)

    def ends_of(self, edge: Edge) -> list[Node]:
        return super().ends_of(edge)[1 if edge.id in self.cut else 0 :]

    def layout(self) -> dict[str, str]:
        few = len(self.picture.nodes) <= CROWDED
        return {"nodesep": "0.12", "ranksep": "0.2", **({} if few else {"nslimit": "0.5"})}

    def folded(self, diagram: Any, node: Node) -> None:
        numbers = ((node.data, VALUE), (node.grad, GRADIENT))
        rows = [_font(number(x), colour, 11) for x, colour in numbers if x is not None]
        self.box(diagram, node, node.title, "values", *rows)

    @property
    def ends(self) -> str:
        """The sides at which a wire enters and leaves its numbers, as points of the compass."""
        return "we" if self.across else "ns"

    def through(
        self, diagram: Any, id: str, ends: tuple[str, str | None], cells: str, told: str,
        tail: dict[str, str], head: dict[str, str],
    ) -> None:  # fmt: skip
        """A wire through a table of its numbers, whose rule is the wire's middle; see `wire`."""
        padding = 1 if self.across else 3
        table = (
            f'<table border="0" cellspacing="0" cellpadding="{padding}" color="{WIRE}">'
            f"{cells}</table>"
        )
        numbers, into, out = f"{id}.numbers", self.ends[0], self.ends[1]
        start, end = ends
        diagram.node(
            numbers, _html(table), id=f"{id}-numbers", tooltip=_attribute(told),
            shape="plaintext",
            margin="0,0.03" if self.across else "0.07,0.03", width="0", height="0",
        )  # fmt: skip
        diagram.edge(start, f"{numbers}:{into}", id=f"{id}-tail", **tail)
        if end == "":
            end = f"{id}.end"
            diagram.node(end, "", shape="point", color=WIRE, width="0.05", height="0.05")
        if end is not None:
            diagram.edge(f"{numbers}:{out}", end, id=id, **head)

    def start(self, diagram: Any, edge: Edge) -> str:
        """Where a wire begins: at its source or at a copy of the source's name."""
        if edge.id not in self.cut:
            return edge.source
        name = f"{edge.id}.from"
        text = _html(_text(self.names[edge.source]))
        diagram.node(name, text, id=f"{edge.id}-from", tooltip=" ", **_BARE)
        return name


class _Circuit(_OfValue):
    def legend(self) -> str:
        above, below = ("above", "below") if self.across else ("left of", "right")
        legend = _font(f"{above} the wire: value", VALUE)
        if self.picture.backward:
            legend += f", {_font(f'{below}: gradient', GRADIENT)}"
            legend += _font(f", &#8592; {_TIMES}: local gradient", MUTED)
        return legend

    @cached_property
    def forks(self) -> set[str]:
        """Ids of single values with more than one wire: they leave on one, and part behind it."""
        single = [e for e in self.picture.edges if self.nodes[e.target].size == 1 and e.count == 1]
        drawn = Counter(edge.source for edge in single)
        nodes = self.nodes
        return {
            id for id, count in drawn.items()
            if count > 1 and nodes[id].size == 1 and self.has_number(nodes[id])
        }  # fmt: skip

    def has_number(self, node: Node) -> bool:
        """Whether it has a place for its value: a group without a single result has none."""
        return node.data is not None

    def node(self, diagram: Any, node: Node) -> None:
        attributes = {"id": node.id, "tooltip": _attribute(node.title)}
        if not node.op:
            text = _text(node.inner_name or number(node.data))
            diagram.node(node.id, _html(text), **attributes, **_BARE, **{"class": "leaf"})
        else:
            attributes |= {**_GATE, "class": "gate", "margin": "0.02"}
            attributes |= {"width": "0.45", "height": "0.45"}
            attributes["shape"] = "circle" if len(node.op) < 4 else "ellipse"
            if node.ordered or len(self.nodes) <= KEPT:
                attributes["ordering"] = "in"
            rows = [_text(node.symbol)]
            if node.op == SIGMA:
                rows.append(_font(f"{node.terms}", MUTED, 8))
            diagram.node(node.id, _rows(*rows), **attributes)
        if node.id in self.forks:
            ends = (node.id, "") if self._all_cut(node) else (node.id, None)
            told = _told(node.data, node.grad)
            self.wire(diagram, f"{node.id}-stem", ends, self.value(node), self.total(node), told)

    def _all_cut(self, node: Node) -> bool:
        return all(e.id in self.cut for e in self.picture.edges if e.source == node.id)

    def total(self, node: Node) -> str:
        """The gradient of a value that is used more than once."""
        if node.grad is None:
            return number(None)
        return f"sum {_several(node.grad, node.grads)}{_should(node)}"

    def value(self, node: Node) -> str:
        """The number of a value, behind its name if that is not where its wire begins."""
        name = node.inner_name or self.names[node.id]
        numbers = _several(node.data, node.values)
        return f"{name} = {numbers}" if node.op or node.size > 1 else numbers

    def edge(self, diagram: Any, edge: Edge) -> None:
        source, target = self.nodes[edge.source], self.nodes[edge.target]
        if edge.count > 1 or not self.has_number(source) or target.size > 1:
            diagram.edge(edge.source, edge.target, label=self.label(edge), id=edge.id)
            return
        start, value = self.start(diagram, edge), self.value(source)
        if source.id in self.forks:
            value = _several(source.data, source.values)
            if start == source.id:
                start = f"{source.id}-stem.numbers:{self.ends[1]}"
        ends, gradient = (start, self.entry(edge)), _several(edge.grad, edge.grads)
        if source.id not in self.forks:
            gradient += _should(source)
        told = _told(source.data, edge.grad, edge.local)
        self.wire(diagram, edge.id, ends, value, gradient, told, _local(edge), edge.wrong)

    def entry(self, edge: Edge) -> str:
        """Where a wire enters its gate: the first operand above, in TB at the left."""
        sides = {2: ("nw", "sw"), 3: ("nw", "w", "sw")} if self.across else {2: ("nw", "ne")}
        points = sides.get(self.inputs[edge.target], ())
        if not self.nodes[edge.target].ordered or edge.operand >= len(points):
            return edge.target
        return f"{edge.target}:{points[edge.operand]}"

    @cached_property
    def inputs(self) -> Counter[str]:
        return Counter(edge.target for edge in self.picture.edges)

    def wire(
        self, diagram: Any, id: str, ends: tuple[str, str | None], value: str, gradient: str,
        told: str, local: str = "", wrong: bool = False,
    ) -> None:  # fmt: skip
        """A wire with its numbers. It runs on between the value and the gradient.

        ends    where it begins and ends; "" ends in a point, None behind the numbers
        told    the full numbers, which show when a pointer rests on them
        wrong   whether it is marked
        """
        mark = _MARKED if wrong else {}
        value = _font(_text(value), VALUE) if self.part != "backward" else _SPACE
        has_gradient = self.picture.backward and self.part != "forward"
        gradient = _font(_text(gradient), GRADIENT) if has_gradient else _SPACE
        local = _font(local, MUTED, self.small) if local and has_gradient else ""
        back = {"arrowhead": "none"} if self.part == "backward" else {}
        from_back = {"dir": "back"} if self.part == "backward" else {"arrowhead": "none"}
        if self.across:
            below = f"<td>{gradient}</td>"
            if local:
                below += f'<td align="right">{local}</td>'
            wide = ' colspan="2"' if local else ""
            side = '<td width="4"></td>'  # the rule runs on below it, so that no wire has a gap
            cells = f"<tr>{side}<td{wide}>{value}</td>{side}</tr><hr/><tr>{side}{below}{side}</tr>"
        else:
            cells = _columns(value, gradient, *([local] if local else []))
        self.through(diagram, id, ends, cells, told, from_back | mark, back | mark)

    def finish(self, diagram: Any) -> None:
        """The root's own wire, which ends in a point."""
        root = self.nodes[self.picture.root]
        if not self.has_number(root):
            return
        diagram.node("out", "", shape="point", color=WIRE, width="0.05", height="0.05", id="out")
        self.wire(
            diagram, f"{root.id}-out-0", (root.id, "out"), self.value(root),
            _several(root.grad, root.grads) + _should(root), _told(root.data, root.grad),
        )  # fmt: skip


class _Blank(_Circuit):
    """A circuit to be worked out by hand: a number that is not there is a box to write it in.

    It runs from left to right, and has nothing folded.
    """

    room: ClassVar = (36, 18)  # points, of a box: 12.7 mm x 6.3 mm on paper

    def layout(self) -> dict[str, str]:
        return {"nodesep": "0.1", "ranksep": "0.06", "pad": "0.06"}  # boxes are wide, pages not

    def has_number(self, node: Node) -> bool:
        return True

    def total(self, node: Node) -> str:
        return f"sum {number(node.grad)}"

    def wire(
        self, diagram: Any, id: str, ends: tuple[str, str | None], value: str, gradient: str,
        told: str, local: str = "", wrong: bool = False,
    ) -> None:  # fmt: skip
        above, below = self.cells(value, VALUE), self.cells(gradient, GRADIENT)
        side = '<td width="4"></td>'
        cells = f"<tr>{side}{above}{side}</tr><hr/><tr>{side}{below}{side}</tr>"
        self.through(diagram, id, ends, cells, told, {"arrowhead": "none"}, {})

    def cells(self, text: str, colour: str) -> str:
        """What stands before a box, and the box; or a number that is given."""
        before, missing = text.removesuffix(number(None)), text.endswith(number(None))
        if not missing:
            return f"<td></td><td>{_font(_text(text), colour)}</td>"
        width, height = self.room
        before = _font(_text(before), colour) if before else ""
        frame = f'border="1" color="{MUTED}" width="{width}" height="{height}"'
        return f'<td align="right">{before}</td><td {frame}></td>'


class _Network(_Circuit):
    """Layers as columns of neurons, the rest of the graph as a circuit."""

    def __init__(self, picture: Picture, direction: str) -> None:
        # Layout programs keep no order within boxes: a layer is a column below its name instead.
        loose = tuple(replace(node, group=()) for node in picture.nodes)
        super().__init__(replace(picture, nodes=loose), direction)
        self.layers: dict[str, list[Node]] = {}
        for node in picture.nodes:
            if node.kind in ("neuron", "feature"):
                self.layers.setdefault(".".join(node.group), []).append(node)

    def layout(self) -> dict[str, str]:
        # Curves would loop around whole layers; straight lines lie below all else.
        return {
            "nodesep": "0.08", "ranksep": "0.4", "splines": "line", "outputorder": "edgesfirst",
        }  # fmt: skip

    def legend(self) -> str:
        what = "weight" if self.wires == "weight" else "gradient of the weight"
        legend = [
            _font("in a neuron: value", VALUE),
            _font("gradient", GRADIENT) if self.picture.backward else "",
            f"wires between neurons: {what}, the thicker the larger",
            _font("positive", ink("plus")), _font("negative dashed", ink("minus")),
        ]  # fmt: skip
        if self.picture.examples > SEVERAL:
            legend.append(f"one example of {self.picture.examples}")
        elif self.picture.examples > 1:
            legend.append(f"{self.picture.examples} examples side by side")
        if any(node.op == SIGMA for node in self.picture.nodes):
            legend.append(f"{SIGMA}: a sum, and how many terms it has")
        return _ascii(", ".join(filter(None, legend)))

    @cached_property
    def cut(self) -> set[str]:
        return set()

    @cached_property
    def forks(self) -> set[str]:
        return {id for id in super().forks if not self.nodes[id].kind}

    @cached_property
    def largest(self) -> float:
        sizes = [abs(x) for e in self.picture.edges if (x := self._weight(e)) is not None]
        return max((x for x in sizes if math.isfinite(x)), default=0.0) or 1.0

    @cached_property
    def width(self) -> float:
        """That of all neurons, in inches."""
        several = max([len(node.values) for node in self.picture.nodes], default=0)
        return max(0.6, 0.5 * several)

    def _weight(self, edge: Edge) -> float | None:
        return edge.weight if self.wires == "weight" else edge.weight_grad

    def node(self, diagram: Any, node: Node) -> None:
        if node.kind == "neuron":
            self.folded(diagram, node)
            return
        if node.kind not in ("feature", "port"):
            super().node(diagram, node)
            return
        rows = [_text(node.name)]
        if node.kind == "feature":
            rows += self._numbers(node)
        diagram.node(
            node.id, _rows(*rows), id=node.id, tooltip=_attribute(node.title), **_BARE,
            **{"class": "leaf"},
        )  # fmt: skip

    def _numbers(self, node: Node) -> list[str]:
        rows = [_font(_text(_several(node.data, node.values)), VALUE, 11)]
        if self.part == "backward":
            rows = []
        if self.picture.backward and self.part != "forward":
            rows.append(_font(_text(_several(node.grad, node.grads)), GRADIENT, 11))
        return rows

    def folded(self, diagram: Any, node: Node) -> None:
        if node.kind != "neuron":
            super().folded(diagram, node)
            return
        place = re.search(r"\d+$", node.name)
        name = place[0] if place else node.name.rpartition(".")[2]
        rows = [_font(_text(f"{node.symbol} {name}".lstrip()), MUTED, 8), *self._numbers(node)]
        diagram.node(
            node.id, _rows(*rows), id=node.id, tooltip=_attribute(node.title),
            width=f"{self.width:.2f}", height="0.3", margin="0.05,0.05",
            **{**_GATE, "shape": "box", "style": "rounded,filled", "class": "neuron"},
        )  # fmt: skip

    def edge(self, diagram: Any, edge: Edge) -> None:
        kinds = self.nodes[edge.source].kind, self.nodes[edge.target].kind
        if kinds[0] == "port":
            diagram.edge(edge.source, edge.target, id=edge.id)
        elif kinds[1] == "neuron":
            into, out = self.ends[0], self.ends[1]
            diagram.edge(
                f"{edge.source}:{out}", f"{edge.target}:{into}", id=edge.id, arrowhead="none",
                minlen="3", weight="0", **self._line(edge),
            )  # fmt: skip
        else:
            super().edge(diagram, edge)

    def _line(self, edge: Edge) -> dict[str, str]:
        """How the wire of a weight is drawn: its width by size, its colour and dashes by sign."""
        weight = self._weight(edge)
        if weight is None or not math.isfinite(weight):
            return {"class": "wire"}
        width = 0.3 + 2.7 * abs(weight) / self.largest
        told = f"weight {edge.weight!r}"
        if edge.weight_grad is not None:
            told += f" gradient {edge.weight_grad!r}"
        return {
            "penwidth": f"{width:.2f}", "color": ink("plus" if weight >= 0.0 else "minus"),
            "style": "solid" if weight >= 0.0 else "dashed", "edgetooltip": told, "class": "weight",
        }  # fmt: skip

    def finish(self, diagram: Any) -> None:
        super().finish(diagram)
        column_of = {node.id: layer for layer, nodes in self.layers.items() for node in nodes}
        columns = {layer: [node.id for node in in_order(of)] for layer, of in self.layers.items()}
        ends = ((column_of.get(e.source), column_of.get(e.target)) for e in self.picture.edges)
        for one, other in dict.fromkeys(ends):
            if one is not None and other is not None:  # side by side, middle at middle
                middles = [columns[name][(len(columns[name]) - 1) // 2] for name in (one, other)]
                diagram.edge(*middles, style="invis", weight="50", minlen="3")
        for layer, ids in columns.items():
            if layer:
                ids = [f"{layer}.name", *ids]
                name = _html(_font(_text(layer), MUTED, 11))
                diagram.node(ids[0], name, id=f"group-{layer}", tooltip=" ", **_BARE)
            with diagram.subgraph(graph_attr={"rank": "same"}) as column:
                for one, other in pairwise(ids):
                    column.edge(one, other, style="invis")


class _Record(_OfValue):
    def legend(self) -> str:
        local = _font(f"{_TIMES}: local gradient", MUTED) if self.picture.backward else ""
        return ", ".join(filter(None, [_font("data: value", VALUE), local]))

    def node(self, diagram: Any, node: Node) -> None:
        name = node.inner_name or (self.names[node.id] if node.op else "")
        cells = [_text(name)] if name else []
        cells.append(f"data&#160;{_font(number(node.data), VALUE)}")
        if self.picture.backward:
            cells.append(f"grad&#160;{_font(number(node.grad) + _should(node), GRADIENT)}")
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
            order = {"ordering": "in"} if node.ordered else {}
            diagram.node(
                f"{node.id}.gate", _html(_text(node.symbol)), shape="ellipse", margin="0.03",
                width="0.4", height="0.35", id=f"{node.id}-gate", **order,
                **{"class": "gate", **_GATE},
            )  # fmt: skip
            diagram.edge(f"{node.id}.gate", node.id, id=f"{node.id}-out")

    def edge(self, diagram: Any, edge: Edge) -> None:
        head = f"{edge.target}.gate" if self.nodes[edge.target].op else edge.target
        start, text = self.start(diagram, edge), self.text(edge)
        mark = _MARKED if edge.wrong else {}
        if not text:
            diagram.edge(start, head, id=edge.id, **mark)
            return
        if self.across:
            cells = f"<tr><td>{text}</td></tr><hr/><tr><td>{_SPACE}</td></tr>"
        else:
            cells = _columns(_SPACE, text)
        told, ends = _told(None, edge.grad, edge.local), (start, head)
        self.through(diagram, edge.id, ends, cells, told, {"arrowhead": "none"} | mark, mark)


class _Words(_Style):
    """No graph, only what is to be said."""

    def layout(self) -> dict[str, str]:
        return {}

    def legend(self) -> str:
        return ""

    def finish(self, diagram: Any) -> None:
        diagram.node("words", _html(_lines(self.picture.words, INK)), id="words", **_BARE)


class _Program(_Style):
    small: ClassVar = 9
    shapes: ClassVar = {
        "constant": ("plaintext", "0.04"),
        "output": ("cds", "0.14,0.06"),
        "gradient": ("cds", "0.14,0.06"),
    }

    def layout(self) -> dict[str, str]:
        return {"nodesep": "0.15", "ranksep": "0.35"}

    def legend(self) -> str:
        legend = "double border: one number for all lanes"
        if not self.picture.backward:
            return legend
        shapes = "ellipse: forward, hexagon: backward, dashed: kept from the forward pass"
        return f"{shapes}, {legend}"

    def node(self, diagram: Any, node: Node) -> None:
        attributes = {"id": node.id, "tooltip": _attribute(node.title), "class": node.kind}
        if node.once and node.kind in ("instruction", "parameter"):
            attributes["peripheries"] = "2"
        if node.kind == "instruction":
            rows = [_text(node.symbol), _font(_text(node.register), MUTED, 9)]
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


_TIMES = "&#215;"
_SPACE = "&#160;"


def _several(x: float | None, of_examples: tuple[float | None, ...]) -> str:
    """The number, or those of a few examples side by side."""
    return ", ".join(map(number, of_examples)) if of_examples else number(x)


def _told(value: float | None, grad: float | None, local: float | None = None) -> str:
    """The numbers of a wire in full."""
    names = ("value", value), ("gradient", grad), ("local gradient", local)
    return ", ".join(f"{name} {x!r}" for name, x in names if x is not None)


def _should(node: Node) -> str:
    """What the learner's gradient should be, behind the one that it is."""
    return "" if node.right is None else f", should be {number(node.right)}"


def _local(edge: Edge) -> str:
    """What a gate multiplies by on the way back in this operand, unless examples differ in it."""
    return "" if edge.local is None or edge.grads else f"&#8592; {_TIMES}{number(edge.local)}"


def _columns(left: str, *right: str) -> str:
    """Two columns of a table, of one width, so that the rule between them is in the middle."""
    texts = (html.unescape(re.sub("<[^>]*>", "", text)) for text in (left, *right))
    width = 7 * max(map(len, texts)) + 8
    first, *others = (f'<td width="{width}" align="left">{text}</td>' for text in right)
    return (
        f'<tr><td width="{width}" rowspan="{len(right)}" align="right">{left}</td><vr/>{first}</tr>'
        + "".join(f"<tr>{cell}</tr>" for cell in others)
    )


def _html(content: str) -> str:
    return f"<{content}>"


def _rows(*rows: str) -> str:
    return _html("<br/>".join(rows))


def _lines(text: str, colour: str) -> str:
    """A text of several lines, cut to lines that are no wider than a page."""
    lines = [part for line in text.splitlines() for part in wrap(line.strip(), 70)]
    return _font(
        "<br/>".join(_ascii(html.escape(printable(line, 80))) for line in lines), colour, 12
    )


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
