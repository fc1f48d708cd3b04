"""Picture -> graphviz.Digraph, in two styles.

circuit     gates are circles and numbers stand on the wires, the value above and the gradient
            below it, as in Stanford's CS231n notes
record      one box a value, with its gate before it, as micrograd draws
"""

from __future__ import annotations

import base64
import html
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

import graphviz

from .picture import Edge, Node, Path, Picture, common, number, printable, short
from .render import NoGraphviz, engine, render

__all__ = ["Diagram", "digraph"]

HUB = 12  # wires; a value with more is drawn again at the start of each
PAGE = 760  # points; a wider picture is scaled down to the page of its notebook
CROWDED = 100  # wires; above it those into a folded group carry no numbers

TIMES = "&#215;"  # a letter x would read as a variable's name

Wires: TypeAlias = dict[Path, list[Callable[[Any], None]]]

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


_TEXT = re.compile(
    rb"<text[^>]*>[^<]*</text>"
)  # where a minus needs no entity, and can be searched


class Diagram(graphviz.Digraph):  # type: ignore[misc]  # graphviz ships no types
    """A `graphviz.Digraph` that is laid out by whichever Graphviz is there, and says so if none is.

    In a notebook it shows itself, as svg and as png: JupyterLab shows no svg of a notebook that was
    opened and not yet run. `.source` is the DOT text.
    """

    def pipe(
        self, format: str | None = None, *_: Any, encoding: str | None = None, **__: Any
    ) -> Any:
        """The picture as bytes, or as str if an encoding is given."""
        wanted = format or self.format
        drawn = render(self.source, wanted)
        if wanted == "svg":
            start = drawn.index(b">", drawn.index(b"<svg")) + 1
            rest = _TEXT.sub(lambda text: text[0].replace(b"&#45;", b"-"), drawn[start:])
            drawn = drawn[:start] + b"\n" + STYLE.encode() + rest
        return drawn.decode(encoding) if encoding else drawn

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *,
        outfile: str | os.PathLike[str] | None = None,
    ) -> str:
        """Write the DOT text and, beside it, the picture; the picture's path is returned."""
        if outfile is not None:
            wanted = format or os.path.splitext(outfile)[1][1:] or self.format
            filename = filename or f"{os.path.splitext(outfile)[0]}.gv"
        else:
            wanted = format or self.format
        drawn = self.pipe(wanted)
        source = self.save(filename, directory=directory)
        path = os.fspath(outfile) if outfile is not None else f"{source}.{wanted}"
        with open(path, "wb") as file:
            file.write(drawn)
        if cleanup:
            os.remove(source)
        if view:
            self._view(path, format=wanted, quiet=False)
        return path

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        if engine() is None:
            return {"text/plain": f"{NoGraphviz()}\n\n{self.source}"}
        bundle = {"image/svg+xml": _confined(self.pipe("svg", encoding="utf-8"))}
        with suppress(RuntimeError):  # a Graphviz without png
            bundle["image/png"] = base64.b64encode(self.pipe("png")).decode()
        return bundle


def _confined(svg: str) -> str:
    """A drawing wider than a page: as wide as the page that shows it, but never enlarged.

    Notebooks show a drawing as an `img`, which their style sheets clip at the edge of the page. So
    it asks for a hundred per cent and, on a page with more room than it needs, scales itself back
    to its own width: max-width does so where it stands in the page itself, the rule in an `img`.
    """
    found = re.search(r'<svg width="(\d+)pt" height="\d+pt"', svg)
    if found is None or int(found[1]) <= PAGE:
        return svg
    width = f"{found[1]}pt"
    back = f"min(1,tan(atan2({width},100vw)))"  # CSS divides lengths by way of an angle
    rule = f"<style>svg:root{{transform-origin:0 0;transform:scale({back})}}</style>"
    size = f'<svg width="100%" style="max-width:{width}"'
    return svg.replace(found[0], size, 1).replace(STYLE, STYLE + rule, 1)


def digraph(picture: Picture, style: str = "circuit", direction: str = "LR") -> Diagram:
    """Draw `picture`; style "circuit" or "record", direction "LR" or "TB"."""
    if style not in ("circuit", "record"):
        raise ValueError(f'style must be "circuit" or "record", got {style!r}')
    if direction not in ("LR", "TB"):
        raise ValueError(f'direction must be "LR" or "TB", got {direction!r}')
    font = "Arial"  # layout programs know its widths; a list of fonts they take for Times
    legend = "above the wire: value" + (
        f", below: gradient, {TIMES}: local gradient" if picture.backward else ""
    )
    diagram = Diagram(
        format="svg",
        graph_attr={
            "rankdir": direction,
            "bgcolor": COLOURS["paper"][0],
            "fontname": font,
            "fontcolor": MUTED,
            "fontsize": "9",
            "nodesep": "0.12",
            "ranksep": "1.5" if len(picture.edges) > CROWDED and _folded(picture) else "0.2",
            "pad": "0.15",
            **({"label": legend, "labelloc": "b"} if style == "circuit" else {}),
        },
        node_attr={"fontname": font, "fontsize": "12", "fontcolor": INK, "color": INK},
        edge_attr={
            "fontname": font, "fontsize": "11", "fontcolor": INK, "color": WIRE,
            "arrowsize": "0.6",
        },
    )  # fmt: skip
    draw_node = _circuit_node if style == "circuit" else _record_node
    nodes = {node.id: node for node in picture.nodes}
    hubs = _hubs(picture, nodes)
    wires: Wires = {}
    for edge in picture.edges:
        group = common([nodes[edge.source].group, nodes[edge.target].group])
        draw = _wire if style == "circuit" else _record_wire
        wires.setdefault(group, []).append(partial(draw, picture, nodes, hubs, edge))
    _fill(diagram, list(picture.nodes), (), draw_node, wires)
    if style == "circuit":
        root = nodes[picture.root]
        name = _html(_text(root.short)) if root.name and root.op else ""
        shape = "plaintext" if name else "point"
        diagram.node("out", name, shape=shape, color=WIRE, width="0.05", height="0.05", id="out")
        _wire(picture, nodes, {}, Edge(root.id, "out", 0, None, root.grad), diagram)
    return diagram


def _hubs(picture: Picture, nodes: Mapping[str, Node]) -> dict[str, str]:
    """Id and name of values with so many wires that each wire starts at a copy of the name.

    Wires from one value to gates all along a graph cost layout programs minutes, and are hard to
    follow with the eye.
    """
    fan = Counter(edge.source for edge in picture.edges if nodes[edge.target].size == 1)
    names = picture.names() if fan and max(fan.values()) > HUB else {}
    return {id: names[id] for id, count in fan.items() if count > HUB}


def _folded(picture: Picture) -> bool:
    return any(node.size > 1 for node in picture.nodes)


def _fill(parent: Any, nodes: list[Node], path: Path, draw: Any, wires: Wires) -> None:
    """Draw what lies in the group `path`, and its inner groups as boxes in its box."""
    inner: dict[str, list[Node]] = {}
    for node in nodes:
        if node.group == path:
            draw(parent, node)
        else:
            inner.setdefault(node.group[len(path)], []).append(node)
    for name, members in inner.items():
        deeper = (*path, name)
        box = {
            "label": _html(_font(_text(name), MUTED)), "id": f"group-{'.'.join(deeper)}",
            "style": "rounded,filled", "fillcolor": COLOURS["group"][0],
            "color": COLOURS["group_line"][0], "margin": "10", "labeljust": "l", "labelloc": "t",
        }  # fmt: skip
        with parent.subgraph(name=f"cluster_{'.'.join(deeper)}", graph_attr=box) as child:
            _fill(child, members, deeper, draw, wires)
    for wire in wires.get(path, ()):
        wire(parent)


def _circuit_node(diagram: Any, node: Node) -> None:
    if node.size > 1:
        _group_node(diagram, node)
        return
    shared = {"id": node.id, "tooltip": _attribute(node.title)}
    rows = [_text(node.op or node.short or ("" if node.data is None else short(node.data)))]
    if node.uses > 1 and node.grad is not None:
        rows.append(_font(f"sum {number(node.grad)}", GRADIENT, 10))
    text = _html("<br/>".join(rows))
    if node.op:
        if node.name and node.uses:
            shared["xlabel"] = _html(_font(_text(node.short), INK, 11))
        diagram.node(
            node.id, text, shape="circle" if len(node.op) < 5 else "ellipse", margin="0.02",
            width="0.45", height="0.45", style="filled", fillcolor=COLOURS["gate"][0],
            color=COLOURS["gate_line"][0], **{"class": "gate", **shared},
        )  # fmt: skip
    else:
        diagram.node(
            node.id, text, shape="plaintext", margin="0.04", height="0.3", width="0.3",
            **{"class": "leaf", **shared},
        )  # fmt: skip


def _record_node(diagram: Any, node: Node) -> None:
    if node.size > 1:
        _group_node(diagram, node)
        return
    cells = [f"<td>{_text(node.short)}</td>"] if node.name else []
    cells.append(f"<td>data&#160;{_font(number(node.data), VALUE)}</td>")
    cells.append(f"<td>grad&#160;{_font(number(node.grad), GRADIENT)}</td>")
    row = f"<tr>{''.join(cells)}</tr>"
    table = f'<table border="0" cellborder="1" cellspacing="0" cellpadding="5">{row}</table>'
    diagram.node(
        node.id, _html(table), shape="plain", id=node.id, tooltip=_attribute(node.title),
        color=WIRE, **{"class": "value"},
    )  # fmt: skip
    if node.op:
        diagram.node(
            f"{node.id}.gate", _html(_text(node.op)), shape="ellipse", margin="0.03",
            width="0.4", height="0.35", style="filled", fillcolor=COLOURS["gate"][0],
            color=COLOURS["gate_line"][0], id=f"{node.id}-gate", **{"class": "gate"},
        )  # fmt: skip
        diagram.edge(f"{node.id}.gate", node.id, id=f"{node.id}-out")


def _group_node(diagram: Any, node: Node) -> None:
    """A group folded into one box."""
    rows = [_text(node.short), _font(f"{node.size} values", MUTED, 10)]
    if node.data is not None:
        rows.append(_font(number(node.data), VALUE, 11))
        if node.grad is not None:
            rows.append(_font(number(node.grad), GRADIENT, 11))
    diagram.node(
        node.id, _html("<br/>".join(rows)), shape="box", style="rounded,filled", margin="0.15,0.08",
        fillcolor=COLOURS["gate"][0], color=COLOURS["gate_line"][0], id=node.id,
        tooltip=_attribute(node.title), **{"class": "group"},
    )  # fmt: skip


def _wire(
    picture: Picture, nodes: Mapping[str, Node], hubs: Mapping[str, str], edge: Edge, diagram: Any
) -> None:
    """A wire of a circuit: the line runs on between the value above and the gradient below."""
    name, data = _name(edge), nodes[edge.source].data
    target = nodes.get(edge.target)
    crowded = target is not None and target.size > 1 and len(picture.edges) > CROWDED
    start = _start(hubs, edge, diagram)
    if edge.count > 1 or data is None or crowded:
        diagram.edge(start, edge.target, label="" if crowded else _local(edge), id=name)
        return
    rows = f"<tr><td>{_font(number(data), VALUE)}</td></tr><hr/><tr><td>"
    rows += f"{_font(number(edge.grad), GRADIENT) if picture.backward else '&#160;'}</td></tr>"
    table = f'<table border="0" cellspacing="0" cellpadding="1" color="{WIRE}">{rows}</table>'
    diagram.node(f"{name}.numbers", _html(table), shape="plain", id=f"{name}-numbers", tooltip=" ")
    diagram.edge(start, f"{name}.numbers:w", id=f"{name}-tail", arrowhead="none")
    diagram.edge(f"{name}.numbers:e", edge.target, label=_local(edge), id=name)


def _record_wire(
    picture: Picture, nodes: Mapping[str, Node], hubs: Mapping[str, str], edge: Edge, diagram: Any
) -> None:
    head = f"{edge.target}.gate" if nodes[edge.target].op else edge.target
    diagram.edge(_start(hubs, edge, diagram), head, label=_local(edge), id=_name(edge))


def _start(hubs: Mapping[str, str], edge: Edge, diagram: Any) -> str:
    """Where a wire begins: at its source or, for a hub, at a copy of its name."""
    if edge.source not in hubs or edge.count > 1:
        return edge.source
    copy = f"{_name(edge)}.from"
    diagram.node(
        copy, _html(_text(hubs[edge.source])), shape="plaintext", margin="0.04", height="0.3",
        width="0.3", id=f"{_name(edge)}-from", tooltip=" ",
    )  # fmt: skip
    return copy


def _name(edge: Edge) -> str:
    return f"{edge.source}-{edge.target}-{edge.operand}"


def _local(edge: Edge) -> str:
    """The local gradient, or how many wires run here."""
    if edge.count > 1:
        return _html(_font(f"{edge.count} wires", MUTED, 10))
    return "" if edge.local is None else _html(_font(f"{TIMES} {number(edge.local)}", MUTED, 10))


# Graphviz reads `<...>` as HTML. Every text passes through `_text` or `_attribute`; both leave
# ASCII, with entities for the rest, so that no layout program has to guess an encoding.


def _html(content: str) -> str:
    return f"<{content}>"


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
